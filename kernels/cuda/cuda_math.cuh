/*
 * cuda_math.cuh: device-side helpers: loads and stores of 4 elements in any activation dtype, reductions in a
 * fixed order, activations, and the wait of a programmatic dependent launch.
 */
#ifndef KERNELS_CUDA_MATH_CUH
#define KERNELS_CUDA_MATH_CUH

#include "kernels/cuda/cuda_common.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#define WARP      32
#define ALL_LANES 0xffffffffu

/*
 * Programmatic dependent launches: wait until everything in front of this kernel is complete and visible, then
 * let the next one start.  In this order at most two kernels overlap, so what a kernel reads before its wait
 * may have been written by any kernel but the one in front of it.
 */
__device__ __forceinline__ void cuda_dependency_release()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ __forceinline__ void cuda_dependency_wait()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void cuda_begin()
{
    cuda_dependency_wait();
    cuda_dependency_release();
}

/* ---- bits ---------------------------------------------------------------------------------------- */

__device__ __forceinline__ float bf16_low(uint32_t pair)
{
    return __uint_as_float(pair << 16);
}
__device__ __forceinline__ float bf16_high(uint32_t pair)
{
    return __uint_as_float(pair & 0xffff0000u);
}
__device__ __forceinline__ float bf16_float(uint16_t v)
{
    return __uint_as_float((uint32_t)v << 16);
}
__device__ __forceinline__ uint16_t float_bf16(float v)
{
    return __bfloat16_as_ushort(__float2bfloat16_rn(v));
}
__device__ __forceinline__ uint32_t floats_bf16(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* ---- elements ------------------------------------------------------------------------------------ */

__device__ __forceinline__ float load1(const char *p, int dtype, int64_t i)
{
    if (dtype == KN_BF16)
        return bf16_float(((const uint16_t *)p)[i]);
    if (dtype == KN_F16)
        return __half2float(((const __half *)p)[i]);
    return ((const float *)p)[i];
}

__device__ __forceinline__ void store1(char *p, int dtype, int64_t i, float v)
{
    if (dtype == KN_BF16)
        ((uint16_t *)p)[i] = float_bf16(v);
    else
        ((float *)p)[i] = v;
}

/* Elements i .. i+3 of a row of `width`; zeros behind its end. */
__device__ __forceinline__ float4 load4(const char *p, int dtype, bool vec, int i, int width)
{
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (vec && dtype == KN_F32)
        return *(const float4 *)((const float *)p + i);
    if (vec && dtype == KN_BF16) {
        uint2 u = *(const uint2 *)((const uint16_t *)p + i);
        return make_float4(bf16_low(u.x), bf16_high(u.x), bf16_low(u.y), bf16_high(u.y));
    }
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k < width)
            v[k] = load1(p, dtype, i + k);
    return make_float4(v[0], v[1], v[2], v[3]);
}

__device__ __forceinline__ void store4(char *p, int dtype, bool vec, int i, int width, float4 v)
{
    if (vec && dtype == KN_F32) {
        *(float4 *)((float *)p + i) = v;
        return;
    }
    if (vec && dtype == KN_BF16) {
        *(uint2 *)((uint16_t *)p + i) = make_uint2(floats_bf16(v.x, v.y), floats_bf16(v.z, v.w));
        return;
    }
    float e[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k < width)
            store1(p, dtype, i + k, e[k]);
}

/* Eight elements that start on 16 bytes. */
__device__ __forceinline__ void load8(float *v, const char *row, int dtype, int i)
{
    if (dtype == KN_BF16) {
        uint4 u = *(const uint4 *)((const uint16_t *)row + i);
        v[0] = bf16_low(u.x), v[1] = bf16_high(u.x), v[2] = bf16_low(u.y), v[3] = bf16_high(u.y);
        v[4] = bf16_low(u.z), v[5] = bf16_high(u.z), v[6] = bf16_low(u.w), v[7] = bf16_high(u.w);
        return;
    }
    float4 a = ((const float4 *)((const float *)row + i))[0],
           b = ((const float4 *)((const float *)row + i))[1];
    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
}

__device__ __forceinline__ void store8(char *row, int dtype, int i, const float *v)
{
    if (dtype == KN_BF16) {
        *(uint4 *)((uint16_t *)row + i) = make_uint4(floats_bf16(v[0], v[1]), floats_bf16(v[2], v[3]),
                                                     floats_bf16(v[4], v[5]), floats_bf16(v[6], v[7]));
        return;
    }
    ((float4 *)((float *)row + i))[0] = make_float4(v[0], v[1], v[2], v[3]);
    ((float4 *)((float *)row + i))[1] = make_float4(v[4], v[5], v[6], v[7]);
}

/* Eight elements as they lie in memory, bf16 or f32: loads of a row start together, nothing is converted between them. */
template <bool WIDE> struct octet {
    uint4 raw[WIDE ? 2 : 1];

    __device__ __forceinline__ void load(const char *row, int i)
    {
        const uint4 *from = (const uint4 *)(row + i * (WIDE ? 4 : 2));
        raw[0]            = from[0];
        if (WIDE)
            raw[WIDE] = from[WIDE];
    }
    /* What no kernel writes: such loads may pass stores. */
    __device__ __forceinline__ void load_constant(const float *row, int i)
    {
        const uint4 *from = (const uint4 *)(row + i);
        raw[0]            = __ldg(from);
        if (WIDE)
            raw[WIDE] = __ldg(from + WIDE);
    }
    __device__ __forceinline__ void unpack(float *v) const
    {
        const uint32_t *w = (const uint32_t *)raw;
#pragma unroll
        for (int e = 0; e < 8; e++)
            v[e] = WIDE ? __uint_as_float(w[e]) : e % 2 ? bf16_high(w[e / 2]) : bf16_low(w[e / 2]);
    }
};

/* Address of row r of a view. */
__device__ __forceinline__ char *row_at(const cuda_rows &v, int64_t r)
{
    int64_t b = r / v.n_rows, t = r - b * v.n_rows;
    int64_t i = b * v.batch_stride + t * v.row_stride;
    return v.data + i * (v.dtype == KN_F32 ? 4 : 2);
}
__device__ __forceinline__ char *row_at(const cuda_rows &v, int64_t b, int64_t t)
{
    return v.data + (b * v.batch_stride + t * v.row_stride) * (v.dtype == KN_F32 ? 4 : 2);
}

/* The same of fewer than 2^31 rows: no 64-bit division, none at all where all rows have one distance. */
__device__ __forceinline__ char *row_of(const cuda_rows &v, int row)
{
    int b = v.batch_stride == v.row_stride * v.n_rows ? 0 : row / v.n_rows; /* evenly spaced: no division */
    return row_at(v, (int64_t)b, (int64_t)(row - b * v.n_rows));
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

__device__ __forceinline__ float silu(float v)
{
    return v / (1.0f + __expf(-v));
}
/* 2^v and 1 / v by the special-function unit alone, to 2 units in the last place; infinity gives infinity and 0. */
__device__ __forceinline__ float exp2_quick(float v)
{
    float e;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(v));
    return e;
}
__device__ __forceinline__ float inverse_quick(float v)
{
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}
/* To 4 units in the last place; +-0 where e^-v overflows. */
__device__ __forceinline__ float silu_fast(float v)
{
    return v * inverse_quick(1.0f + exp2_quick(-1.4426950408889634f * v));
}
/* gelu(v) = max(v, 0) - |v| erfc(|v| / sqrt 2) / 2 with erfc to 1.5e-7 (Abramowitz and Stegun 7.1.26). */
__device__ __forceinline__ float gelu_fast(float v)
{
    float a = fabsf(v), t = inverse_quick(fmaf(0.3275911f * 0.70710678118654752f, a, 1.0f));
    float e = fmaf(fmaf(fmaf(fmaf(1.061405429f, t, -1.453152027f), t, 1.421413741f), t, -0.284496736f), t,
                   0.254829592f);
    return fmaf(-0.5f * a * e, t * exp2_quick(-0.72134752044448170f * v * v), fmaxf(v, 0.0f));
}
__device__ __forceinline__ float softplus(float v)
{
    return v > 20.0f ? v : log1pf(expf(v));
}

__device__ __forceinline__ float activate(float v, int act)
{
    switch (act) {
    case KN_ACT_GELU_ERF:
        return 0.5f * v * (1.0f + erff(v * 0.70710678118654752f));
    case KN_ACT_GELU_TANH:
        return 0.5f * v * (1.0f + tanhf(0.79788456080286536f * (v + 0.044715f * v * v * v)));
    case KN_ACT_SILU:
        return silu(v);
    case KN_ACT_QUICK_GELU:
        return v / (1.0f + __expf(-1.702f * v));
    default:
        return v;
    }
}

__device__ __forceinline__ float warp_sum(float v)
{
#pragma unroll
    for (int k = WARP / 2; k > 0; k /= 2)
        v += __shfl_xor_sync(ALL_LANES, v, k);
    return v;
}

/* Sum over the block, the same in every thread; `part` has room for 32 floats.  Fixed order. */
__device__ __forceinline__ float block_sum(float v, float *part)
{
    int n_warps = blockDim.x / WARP, lane = threadIdx.x % WARP;
    v = warp_sum(v);
    __syncthreads();
    if (lane == 0)
        part[threadIdx.x / WARP] = v;
    __syncthreads();
    return warp_sum(lane < n_warps ? part[lane] : 0.0f);
}

#endif
