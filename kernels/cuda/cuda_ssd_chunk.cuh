/* cuda_ssd_chunk.cuh: what the chunked scans share: what depends on the steps alone, and access to shared memory. */
#ifndef KERNELS_CUDA_SSD_CHUNK_CUH
#define KERNELS_CUDA_SSD_CHUNK_CUH

#include "kernels/cuda/cuda_mma.cuh"
#include "kernels/cuda/cuda_ssd.cuh"

#define CHUNK  64
#define LOG2_E 1.4426950408889634f

struct chunk_steps {
    float sum[CHUNK];    /* running sum of dt a log2(e), inclusive            */
    float key[CHUNK];    /* sum - log2 dt: L[t,s] dt_s = 2^(sum_t - key_s)    */
    float carry[CHUNK];  /* 2^sum: what is left of S at token t               */
    float weight[CHUNK]; /* dt 2^(sum_end - sum)                              */
    float decay[4];      /* [0]: 2^sum_end                                    */
};

__device__ __forceinline__ uint32_t shared_address(const void *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}
__device__ __forceinline__ void store_shared(uint32_t at, uint32_t v)
{
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(at), "r"(v) : "memory");
}
__device__ __forceinline__ uint32_t load_shared(uint32_t at)
{
    uint32_t v;
    asm volatile("ld.shared.b32 %0, [%1];" : "=r"(v) : "r"(at) : "memory");
    return v;
}
__device__ __forceinline__ uint4 load_shared4(uint32_t at)
{
    uint4 v;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(at)
                 : "memory");
    return v;
}

/* Raw steps of the two tokens of this lane, as they lie there: nothing waits for them yet. */
__device__ __forceinline__ uint2 fetch_steps(const ssd_params &p, int64_t batch, int h, int t0, int T)
{
    int         t = t0 + (int)(threadIdx.x % WARP) * 2, last = max(T - 1, 0);
    const char *a = row_at(p.dt, batch, token_at(p, min(t, last))),
               *b = row_at(p.dt, batch, token_at(p, min(t + 1, last)));
    if (p.dt.dtype == KN_BF16)
        return make_uint2(((const uint16_t *)a)[h], ((const uint16_t *)b)[h]);
    return make_uint2(((const uint32_t *)a)[h], ((const uint32_t *)b)[h]);
}

/* log(1 + e^v) to 6e-6: one warp makes the steps of all, so every instruction counts. */
__device__ __forceinline__ float softplus_fast(float v)
{
    float e = exp2_fast(v * LOG2_E), big = __log2f(1.0f + e) * (1.0f / LOG2_E),
          small = e * fmaf(e, fmaf(e, fmaf(e, fmaf(e, 0.2f, -0.25f), 0.33333333f), -0.5f), 1.0f);
    return v > 20.0f ? v : e < 0.05f ? small : big;
}

__device__ __forceinline__ float limited_step(const ssd_params &p, uint32_t raw, float bias)
{
    float v = __uint_as_float(p.dt.dtype == KN_BF16 ? raw << 16 : raw);
    return fminf(fmaxf(softplus_fast(v + bias), p.dt_min), p.dt_max);
}

/* One warp: everything that depends on dt alone. */
__device__ __forceinline__ void make_steps(chunk_steps &s, const ssd_params &p, float a2, float bias,
                                           uint2 raw, int left)
{
    int   lane = (int)(threadIdx.x % WARP), t = lane * 2;
    float d0  = t < left ? limited_step(p, raw.x, bias) : 0.0f,
          d1  = t + 1 < left ? limited_step(p, raw.y, bias) : 0.0f;
    float sum = d0 * a2 + d1 * a2;
#pragma unroll
    for (int k = 1; k < WARP; k *= 2) {
        float v = __shfl_up_sync(ALL_LANES, sum, k);
        sum += lane >= k ? v : 0.0f;
    }
    float before = __shfl_up_sync(ALL_LANES, sum, 1), end = __shfl_sync(ALL_LANES, sum, WARP - 1);
    float s0                = (lane > 0 ? before : 0.0f) + d0 * a2;
    *(float2 *)&s.sum[t]    = make_float2(s0, sum);
    *(float2 *)&s.key[t]    = make_float2(s0 - __log2f(d0), sum - __log2f(d1)); /* of 0: no weight */
    *(float2 *)&s.carry[t]  = make_float2(exp2_fast(s0), exp2_fast(sum));
    *(float2 *)&s.weight[t] = make_float2(d0 * exp2_fast(end - s0), d1 * exp2_fast(end - sum));
    if (lane == 0)
        s.decay[0] = exp2_fast(end);
}

__device__ __forceinline__ uint32_t scale_pair(uint32_t pair, float2 w)
{
    return floats_bf16(bf16_low(pair) * w.x, bf16_high(pair) * w.y);
}

#endif
