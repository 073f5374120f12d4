/*
 * cuda_step.cuh: the arithmetic of one token of a Mamba-2 layer, which has the same bits in every kernel that does it
 * (cuda_step.cu, cuda_project_step.cu, cuda_token.cu): nothing is left to how a compiler joins products and sums.
 */
#ifndef KERNELS_CUDA_STEP_CUH
#define KERNELS_CUDA_STEP_CUH

#include "kernels/cuda/cuda_math.cuh"

#define STEP_N 128 /* the largest state */
#define STEP_K 4   /* the width of the convolution */

/* The shapes of Mamba-2 models: f32 inputs, one group, heads in whole blocks of 16 rows, a convolution of 4. */
bool cuda_step_fits(const kn_conv1d_args *conv, const kn_ssd_step_args *step, kn_tensor z);

/* Four neighbours of a state. */
template <bool BF16> struct state4 {
    typedef float4                           stored;
    static __device__ __forceinline__ float4 unpack(stored v)
    {
        return v;
    }
    static __device__ __forceinline__ stored pack(float4 v)
    {
        return v;
    }
};
template <> struct state4<true> {
    typedef uint2                            stored;
    static __device__ __forceinline__ float4 unpack(stored v)
    {
        return make_float4(bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y));
    }
    static __device__ __forceinline__ stored pack(float4 v)
    {
        return make_uint2(floats_bf16(v.x, v.y), floats_bf16(v.z, v.w));
    }
};

/* silu(conv) of a channel: old are its last three inputs, oldest first. */
__device__ __forceinline__ float step_conv(float4 w, float bias, const float *old, float input)
{
    return silu(fmaf(w.w, input, fmaf(w.z, old[2], fmaf(w.y, old[1], fmaf(w.x, old[0], bias)))));
}
__device__ __forceinline__ float step_dt(float raw, float bias, float least, float most)
{
    return fminf(fmaxf(softplus(__fadd_rn(raw, bias)), least), most);
}
__device__ __forceinline__ float step_decay(float dt, float a)
{
    return expf(__fmul_rn(dt, a));
}
/* decay s + dx b */
__device__ __forceinline__ float4 step_state(float4 s, float decay, float dx, float4 b)
{
    return make_float4(fmaf(s.x, decay, __fmul_rn(dx, b.x)), fmaf(s.y, decay, __fmul_rn(dx, b.y)),
                       fmaf(s.z, decay, __fmul_rn(dx, b.z)), fmaf(s.w, decay, __fmul_rn(dx, b.w)));
}
/* A lane's part of s c. */
__device__ __forceinline__ float step_dot(float4 s, float4 c)
{
    return fmaf(s.w, c.w, fmaf(s.z, c.z, fmaf(s.y, c.y, __fmul_rn(s.x, c.x))));
}
/* (sum + d x) silu(z), in two steps */
__device__ __forceinline__ float step_skip(float sum, float d, float x)
{
    return fmaf(d, x, sum);
}
__device__ __forceinline__ float step_gate(float y, float z)
{
    return __fmul_rn(y, silu(z));
}

/* Sums over the warp of N numbers a lane, the bits of warp_sum; a lane gets the sum of number lane N / 32. */
template <int N, int K = WARP / 2> __device__ __forceinline__ float step_sums(const float *v, int lane)
{
    constexpr int H = N > 1 ? N / 2 : 1;
    float         s[H];
#pragma unroll
    for (int i = 0; i < H; i++) {
        float keep = N > 1 && lane & K ? v[i + N / 2] : v[i], send = N > 1 && lane & K ? v[i] : v[i + N / 2];
        s[i] = keep + __shfl_xor_sync(ALL_LANES, send, K);
    }
    if constexpr (K > 1)
        return step_sums<H, K / 2>(s, lane);
    else
        return s[0];
}

#endif
