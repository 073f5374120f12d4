/* resize_rows.h: the inner loops of resize.c, which are also there for AVX2.  Private to vision/. */
#ifndef VISION_RESIZE_ROWS_H
#define VISION_RESIZE_ROWS_H

#include "vision/resize.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESIZE_BITS       22 /* of the fixed-point weights behind the point */
#define RESIZE_ROUND_HALF (1 << (RESIZE_BITS - 1))

static inline uint8_t resize_clip(int32_t sum)
{
    int32_t v = sum >> RESIZE_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One output row from `count` rows; sums [n] in memory so that the inner loops run over bytes side by side. */
static inline __attribute__((always_inline)) void resize_column(uint8_t *__restrict dst,
                                                                const uint8_t *__restrict rows, size_t n,
                                                                int count, const int32_t *w,
                                                                int32_t *__restrict sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = RESIZE_ROUND_HALF;
    for (int k = 0; k < count; k++) {
        const uint8_t *__restrict row = rows + (size_t)k * n;
        const int32_t wk              = w[k];
        for (size_t i = 0; i < n; i++)
            sums[i] += row[i] * wk;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = resize_clip(sums[i]);
}

/* Four taps of one output. */
typedef struct resize_pack {
    int16_t high[4], low[4];
} resize_pack;

bool resize_has_avx2(void);
#define RESIZE_OVERREAD 16 /* bytes behind the last tap that resize_row_avx2 may read */
/* vision_resize_rgb with or without; the bits are the same. */
mlm_status resize_rgb_with(bool avx2, uint8_t *dst, int dw, int dh, const uint8_t *src, int sw, int sh,
                           vision_filter filter, mlm_threads *threads) MLM_WARN_UNUSED;
#if defined(__x86_64__)
void resize_pack_taps(resize_pack *pack, const int32_t *weight, int count); /* (count + 3) / 4 of them */
/* stride: packs reserved for one output. */
void resize_row_avx2(uint8_t *dst, const uint8_t *src, const int *first, const int *count,
                     const resize_pack *pack, int stride, int n_out);
void resize_column_avx2(uint8_t *__restrict dst, const uint8_t *__restrict rows, size_t n, int count,
                        const int32_t *w, int32_t *__restrict sums);
#endif

#endif
