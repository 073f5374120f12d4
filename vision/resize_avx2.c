/*
 * resize_avx2.c: the inner loops of resize.c for processors with AVX2: the same integers, in another order.
 *
 * A weight w of 22 bits is 2^15 high + low, both of 16 bits, so that products of two taps are one instruction each; all sums
 * are modulo 2^32 and the whole one fits, so the result is exact.
 */
#include "vision/resize_rows.h"

#if defined(__x86_64__)

#    include <immintrin.h>
#    include <string.h>

#    define AVX2 __attribute__((target("avx2")))

bool resize_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

void resize_pack_taps(resize_pack *pack, const int32_t *weight, int count)
{
    for (int k = 0; k < (count + 3) / 4 * 4; k++) {
        int32_t w               = k < count ? weight[k] : 0;
        int32_t low             = ((w + 16384) & 32767) - 16384;
        pack[k / 4].high[k % 4] = (int16_t)((w - low) >> 15);
        pack[k / 4].low[k % 4]  = (int16_t)low;
    }
}

/* Four taps: pairs of bytes of each channel as 16 bits, a pair of taps in each half. */
AVX2 static inline __m256i load_four(const uint8_t *p)
{
    const __m128i order = _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 6, 9, 7, 10, 8, 11, -1, -1);
    return _mm256_cvtepu8_epi16(_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order));
}

/* Both pairs of weights, each to all channels of its half. */
AVX2 static inline __m256i spread(const int16_t *four)
{
    long long both;
    memcpy(&both, four, sizeof both);
    return _mm256_permutevar8x32_epi32(_mm256_set1_epi64x(both), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
}

AVX2 void resize_row_avx2(uint8_t *dst, const uint8_t *src, const int *first, const int *count,
                          const resize_pack *pack, int stride, int n_out)
{
    for (int i = 0; i < n_out; i++, dst += 3) {
        const uint8_t     *p    = src + 3 * (size_t)first[i];
        const resize_pack *w    = pack + (size_t)i * (size_t)stride;
        __m256i            high = _mm256_setzero_si256(), low = high;
        for (int k = 0; k < count[i]; k += 4, p += 12, w++) {
            __m256i taps = load_four(p);
            high         = _mm256_add_epi32(high, _mm256_madd_epi16(taps, spread(w->high)));
            low          = _mm256_add_epi32(low, _mm256_madd_epi16(taps, spread(w->low)));
        }
        __m256i sum  = _mm256_add_epi32(_mm256_slli_epi32(high, 15), low);
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        four         = _mm_srai_epi32(_mm_add_epi32(four, _mm_set1_epi32(RESIZE_ROUND_HALF)), RESIZE_BITS);
        four         = _mm_packus_epi16(_mm_packs_epi32(four, four), four); /* clipped to 0 .. 255 */
        int32_t rgb  = _mm_cvtsi128_si32(four);
        memcpy(dst, &rgb, 3);
    }
}

AVX2 void resize_column_avx2(uint8_t *__restrict dst, const uint8_t *__restrict rows, size_t n, int count,
                             const int32_t *w, int32_t *__restrict sums)
{
    resize_column(dst, rows, n, count, w, sums);
}

#else

bool resize_has_avx2(void)
{
    return false;
}

#endif
