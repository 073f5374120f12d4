/*
 * cuda_token_slice.cuh: x and products of cuda_token.cu.  A warp has a slice of the columns: 128 of in_proj, 128 of each half of
 * out_proj.  It reads its slice of x from the words that all blocks have written and keeps it in registers, as the wide
 * operand of tensor-core products, in parts that lose nothing of f32: three of bf16 for bf16 weights, four signed bytes of an integer for
 * int8.  Eight rows of weights are the narrow operand.
 */
#ifndef KERNELS_CUDA_TOKEN_SLICE_CUH
#define KERNELS_CUDA_TOKEN_SLICE_CUH

#include "kernels/cuda/cuda_mma.cuh"
#include "kernels/cuda/cuda_objects.cuh"
#include "kernels/cuda/cuda_token.cuh"

/* Bytes of a row in a slice, groups of 64 of them. */
template <int WT> struct token_width {
    static constexpr int bytes = WT == KN_I8 ? SLICE : SLICE * 2, quads = bytes / 64;
};

/* Parts of a slice in shared memory, before they are registers; rows meet all banks. */
template <int WT> struct token_parts {
    static constexpr int n = WT == KN_I8 ? 4 : 3, pitch = token_width<WT>::bytes + 16, bytes = n * pitch;
};

template <int WT> struct token_slice {
    uint32_t a[token_width<WT>::quads][4];
    float    unit; /* of this lane's part */
};

/* A lane's columns of a slice, two of each 64, as soon as they have come; the sum of their squares.  All lanes of a warp look together. */
template <int G>
__device__ __forceinline__ float gather(float4 *v, const unsigned long long *words, const float *plain,
                                        unsigned number, const float *norm, int first, int width, int lane)
{
    float2 w[2 * G], t[2 * G];
    float  square = 0.0f;
    int    at[2 * G];
#pragma unroll
    for (int i = 0; i < 2 * G; i++) {
        at[i] = first + lane * 2 + i / 2 * (STREAMERS * SLICE) + i % 2 * 64;
        w[i]  = at[i] < width ? __ldg((const float2 *)(norm + at[i])) : make_float2(0.0f, 0.0f);
    }
    if (words) {
        ulonglong2 got[2 * G];
        int        n_left = TOKEN_POLLS;
#pragma unroll
        for (int i = 0; i < 2 * G; i++)
            got[i].x = got[i].y = (unsigned long long)(at[i] < width ? number - 1 : number) << 32;
        for (;;) { /* some words, until one has come */
            ulonglong2 one = got[0];
            get_two(&one, words + at[0], lane % 4 == 0 && at[0] < width);
            if (__any_sync(ALL_LANES, (unsigned)(one.x >> 32) == number))
                break;
            pause(&n_left, 40);
        }
        for (;;) {
            bool come = true;
#pragma unroll
            for (int i = 0; i < 2 * G; i++)
                get_two(&got[i], words + at[i],
                        (unsigned)(got[i].x >> 32) != number || (unsigned)(got[i].y >> 32) != number);
#pragma unroll
            for (int i = 0; i < 2 * G; i++)
                come = come && (unsigned)(got[i].x >> 32) == number && (unsigned)(got[i].y >> 32) == number;
            if (__all_sync(ALL_LANES, come))
                break;
            pause(&n_left, 20);
        }
#pragma unroll
        for (int i = 0; i < 2 * G; i++)
            t[i] = make_float2(__uint_as_float((unsigned)got[i].x), __uint_as_float((unsigned)got[i].y));
    } else {
#pragma unroll
        for (int i = 0; i < 2 * G; i++)
            t[i] = at[i] < width ? *(const float2 *)(plain + at[i]) : make_float2(0.0f, 0.0f);
    }
#pragma unroll
    for (int i = 0; i < G; i++) {
        v[i]   = make_float4(t[2 * i].x, t[2 * i].y, t[2 * i + 1].x, t[2 * i + 1].y);
        square = add_square(square, v[i]);
        v[i]   = make_float4(v[i].x * w[2 * i].x, v[i].y * w[2 * i].y, v[i].z * w[2 * i + 1].x,
                             v[i].w * w[2 * i + 1].y);
    }
    return square;
}

/*
 * The parts of 64 bytes of columns: the four registers of the wide operand.  Its rows 0 to 7 are for the first 32 bytes, 8 to 15 for the others,
 * so that no register is a zero: two sums take turns, of each a half is of use.
 */
template <int WT> __device__ __forceinline__ void take_quad(uint32_t *a, uint32_t slice, int quad, int lane)
{
    int row = lane % 8, matrix = lane / 8, chunk = (matrix & 1) * 2 + matrix / 2;
    ldmatrix4_at(a, slice + (uint32_t)((row < token_parts<WT>::n ? row : 0) * token_parts<WT>::pitch +
                                       (quad * 4 + chunk) * 16));
}

__device__ __forceinline__ void take_slice(token_slice<KN_BF16> &x, float4 y, char *slice, int lane)
{
    uint32_t at = (uint32_t)__cvta_generic_to_shared(slice);
    __syncwarp();
#pragma unroll
    for (int n = 0; n < 3; n++) {
        uint2 part = make_uint2(floats_bf16(y.x, y.y), floats_bf16(y.z, y.w));
        *(uint32_t *)(slice + n * token_parts<KN_BF16>::pitch + lane * 4)       = part.x;
        *(uint32_t *)(slice + n * token_parts<KN_BF16>::pitch + 128 + lane * 4) = part.y;
        y = make_float4(y.x - bf16_low(part.x), y.y - bf16_high(part.x), y.z - bf16_low(part.y),
                        y.w - bf16_high(part.y));
    }
    __syncwarp();
#pragma unroll
    for (int q = 0; q < token_width<KN_BF16>::quads; q++)
        take_quad<KN_BF16>(x.a[q], at, q, lane);
    x.unit = lane < 12 ? 1.0f : 0.0f;
}

/* Four signed bytes, whose sum with the powers of 256 is q, |q| <= 2^30. */
__device__ __forceinline__ uint32_t digits_of(float y)
{
    return ((uint32_t)__float2int_rn(y) + 0x808080u) ^ 0x808080u;
}

__device__ __forceinline__ void take_slice(token_slice<KN_I8> &x, float4 v, char *slice, int lane)
{
    uint32_t at   = (uint32_t)__cvta_generic_to_shared(slice);
    uint32_t most = max(max(__float_as_uint(fabsf(v.x)), __float_as_uint(fabsf(v.y))),
                        max(__float_as_uint(fabsf(v.z)), __float_as_uint(fabsf(v.w))));
    most          = __reduce_max_sync(ALL_LANES, most);
    /* the power of two above the largest becomes 2^30; nothing finite: NaN; too small: zeros */
    uint32_t exponent = most >> 23;
    float    up       = exponent >= 255 || exponent < 40 ? 0.0f : __uint_as_float((283 - exponent) << 23);
    x.unit            = exponent >= 255 ? __uint_as_float(0x7fc00000u)
                        : exponent < 40 ? 0.0f
                                        : __uint_as_float((exponent - 5) << 23);
    x.unit *= lane < 4 ? 0x1p-24f : lane < 8 ? 0x1p-16f : lane < 12 ? 0x1p-8f : 1.0f; /* part lane / 4 */
    uint32_t d0 = digits_of(v.x * up), d1 = digits_of(v.y * up), d2 = digits_of(v.z * up),
             d3  = digits_of(v.w * up);
    uint32_t low = __byte_perm(d0, d1, 0x5140), high = __byte_perm(d2, d3, 0x5140),
             low2 = __byte_perm(d0, d1, 0x7362), high2 = __byte_perm(d2, d3, 0x7362);
    uint16_t *to   = (uint16_t *)slice + lane;
    uint32_t  d[4] = {__byte_perm(low, high, 0x5410), __byte_perm(low, high, 0x7632),
                      __byte_perm(low2, high2, 0x5410), __byte_perm(low2, high2, 0x7632)};
    __syncwarp();
#pragma unroll
    for (int n = 0; n < 4; n++) {
        to[n * (token_parts<KN_I8>::pitch / 2)]      = (uint16_t)d[n];
        to[n * (token_parts<KN_I8>::pitch / 2) + 32] = (uint16_t)(d[n] >> 16);
    }
    __syncwarp();
#pragma unroll
    for (int q = 0; q < token_width<KN_I8>::quads; q++)
        take_quad<KN_I8>(x.a[q], at, q, lane);
}

/* ---- products --------------------------------------------------------------------------------------- */

__device__ __forceinline__ void mma_s8(int *c, const uint32_t *a, const uint32_t *b)
{
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Sums of a tile: of the first 32 bytes of each 64 in the upper half of one, of the others in the lower half of the other. */
template <int WT> struct tile_sum;
template <> struct tile_sum<KN_BF16> {
    float even[4] = {}, odd[4] = {};

    __device__ __forceinline__ void add(const uint32_t *a, const uint32_t *b)
    {
        mma_bf16(even, a, b);
        mma_bf16(odd, a, b + 2);
    }
    __device__ __forceinline__ float part(int i, float unit) const
    {
        return unit == 0.0f ? 0.0f : even[i] + odd[2 + i];
    }
};
template <> struct tile_sum<KN_I8> {
    int even[4] = {}, odd[4] = {};

    __device__ __forceinline__ void add(const uint32_t *a, const uint32_t *b)
    {
        mma_s8(even, a, b);
        mma_s8(odd, a, b + 2);
    }
    __device__ __forceinline__ float part(int i, float unit) const
    {
        return (float)(even[i] + odd[2 + i]) * unit;
    }
};

#endif
