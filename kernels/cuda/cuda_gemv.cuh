/* cuda_gemv.cuh: weights as the kernels read them that stream them once (cuda_gemv.cu, cuda_stream.cu, cuda_skinny.cu). */
#ifndef KERNELS_CUDA_GEMV_CUH
#define KERNELS_CUDA_GEMV_CUH

#include "kernels/cuda/cuda_linear.cuh"

#define GEMV_WARPS   8
#define GEMV_THREADS (GEMV_WARPS * WARP)
/*
 * The order of a sum depends on the width of x and the dtype of the weights alone: lane l adds up the elements of
 * 16-byte groups l, l + 32, ... of a segment, the lanes' sums meet in a butterfly, and segments follow each other.
 */
#define GEMV_SEGMENT 2560 /* elements */
#define STAGE_ROUND  5    /* loads of x on their way at once: 5120 columns */

/* 16 bytes of weights, not kept in L1 and first to leave L2, where activations and states should stay. */
__device__ __forceinline__ uint64_t stream_policy()
{
    uint64_t policy;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    return policy;
}
__device__ __forceinline__ uint4 stream16(const char *p, uint64_t policy)
{
    uint4 v;
    asm("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
        : "l"(p), "l"(policy));
    return v;
}

/* Four signed bytes as floats: the byte with its sign flipped lands in the mantissa of 2^23. */
__device__ __forceinline__ void bytes_floats(float *f, uint32_t u)
{
    u ^= 0x80808080u;
#pragma unroll
    for (int k = 0; k < 4; k++)
        f[k] = __uint_as_float(__byte_perm(u, 0x4b000000u, 0x7440u + (unsigned)k)) - 8388736.0f;
}

/* The elements of 16 bytes of weights. */
template <int WT> struct weights16;
template <> struct weights16<KN_F32> {
    static constexpr int                   n = 4, size = 4;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        f[0] = __uint_as_float(u.x), f[1] = __uint_as_float(u.y), f[2] = __uint_as_float(u.z),
        f[3] = __uint_as_float(u.w);
    }
};
template <> struct weights16<KN_BF16> {
    static constexpr int                   n = 8, size = 2;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        uint32_t e[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
        for (int k = 0; k < 4; k++)
            f[2 * k] = bf16_low(e[k]), f[2 * k + 1] = bf16_high(e[k]);
    }
};
template <> struct weights16<KN_F16> {
    static constexpr int                   n = 8, size = 2;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        uint32_t e[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            f[2 * k]     = __half2float(__ushort_as_half((unsigned short)(e[k] & 0xffffu)));
            f[2 * k + 1] = __half2float(__ushort_as_half((unsigned short)(e[k] >> 16)));
        }
    }
};
template <> struct weights16<KN_I8> {
    static constexpr int                   n = 16, size = 1;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        bytes_floats(f, u.x);
        bytes_floats(f + 4, u.y);
        bytes_floats(f + 8, u.z);
        bytes_floats(f + 12, u.w);
    }
};

/* Element k of x lies where lane (k / E) % 32 finds it with conflict-free 16-byte reads. */
template <int E> __device__ __forceinline__ int x_slot(unsigned k)
{
    unsigned step = k / (E * WARP), lane = k / E % WARP, part = k % E / 4;
    return (int)(((step * (E / 4) + part) * WARP + lane) * 4 + k % 4);
}

/* Sums that have the same bits wherever they are made. */
__device__ __forceinline__ float dot4(float acc, const float *w, float4 x)
{
    return fmaf(w[3], x.w, fmaf(w[2], x.z, fmaf(w[1], x.y, fmaf(w[0], x.x, acc))));
}
__device__ __forceinline__ float add_square(float acc, float4 v)
{
    return fmaf(v.w, v.w, fmaf(v.z, v.z, fmaf(v.y, v.y, fmaf(v.x, v.x, acc))));
}

#endif
