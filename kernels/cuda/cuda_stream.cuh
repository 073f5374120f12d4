/*
 * cuda_stream.cuh: what the kernels share that stream the weights of one row through rings in shared memory
 * (cuda_stream.cu, cuda_project_step.cu, cuda_token.cu): a round of weights on its way, the row of x, the products of a round.
 */
#ifndef KERNELS_CUDA_STREAM_CUH
#define KERNELS_CUDA_STREAM_CUH

#include "kernels/cuda/cuda_gemv.cuh"
#include "kernels/cuda/cuda_mma.cuh"

#define ROUND        5                  /* steps of 32 x 16 bytes that travel together */
#define STAGE_STRIDE (GEMV_THREADS * 4) /* whole steps: slots are as far apart as elements */

/* W warps a block, a row each, K rounds on their way. */
template <int W, int K> struct stream_way {
    static constexpr int warps = W, depth = K, n_slot = ROUND * WARP, n_ring = W * K * n_slot;
    static_assert(W >= GEMV_WARPS, "as many threads as put the row in its place");
};
/* 80 KB an SM on their way, and as much for the kernel behind. */
template <int WT> struct stream_choice {
    typedef stream_way<16, 2> way;
};

template <int WT> struct stream_shape {
    static constexpr int n_rounds = GEMV_SEGMENT / (weights16<WT>::n * WARP * ROUND); /* a segment */
    static constexpr int n_lanes  = ROUND * WARP;                                     /* groups a round */
};

__device__ __forceinline__ void copy_weights(uint4 *to, const char *from, bool real, uint64_t policy)
{
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(
                     (uint32_t)__cvta_generic_to_shared(to)),
                 "l"(from), "r"(real ? 16 : 0), "l"(policy)
                 : "memory");
}

/* A lane's part of a round; left: groups from its first to the end of the row. */
__device__ __forceinline__ void copy_round(uint4 *slot, const char *from, int left, uint64_t policy)
{
#pragma unroll
    for (int u = 0; u < ROUND; u++)
        copy_weights(slot + u * WARP, from + u * WARP * 16, u * WARP < left, policy);
}

/* Waits for the oldest of K rounds. */
template <typename WAY> __device__ __forceinline__ void take_round(uint4 *v, const uint4 *slot)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(WAY::depth - 1) : "memory");
#pragma unroll
    for (int u = 0; u < ROUND; u++)
        v[u] = slot[u * WARP];
}

template <int WT> __device__ __forceinline__ float multiply_round(float acc, const uint4 *v, const float4 *x)
{
    constexpr int E = weights16<WT>::n, V = E / 4;
#pragma unroll
    for (int u = 0; u < ROUND; u++) {
        float f[E];
        weights16<WT>::unpack(f, v[u]);
#pragma unroll
        for (int e = 0; e < V; e++)
            acc = dot4(acc, f + 4 * e, x[(u * V + e) * WARP]);
    }
    return acc;
}

/* This thread's elements of a vector; what is behind its end, or the whole when it is absent, is `otherwise`. */
__device__ __forceinline__ void load_round(float4 *v, const float *from, int k0, int n, float otherwise)
{
#pragma unroll
    for (int i = 0; i < STAGE_ROUND; i++) {
        int k = k0 + i * STAGE_STRIDE;
        v[i]  = from && k < n ? *(const float4 *)(from + k)
                              : make_float4(otherwise, otherwise, otherwise, otherwise);
    }
}

/* The norm's weights where x will be; nothing of it depends on the kernel in front.  v: the first round of them. */
template <int E>
__device__ __forceinline__ void stage_norm(float *xs, const float *norm, int n, int padded, float4 *v)
{
    int k0 = (int)threadIdx.x * 4;
#pragma unroll 1
    while (k0 < padded) {
        float *to = xs + x_slot<E>((unsigned)k0);
#pragma unroll
        for (int i = 0; i < STAGE_ROUND; i++)
            if (k0 + i * STAGE_STRIDE < padded)
                *(float4 *)(to + i * STAGE_STRIDE) = v[i];
        k0 += STAGE_STRIDE * STAGE_ROUND;
        if (k0 < padded)
            load_round(v, norm, k0, n, 1.0f);
    }
}

/* x times what stage_norm left, by the same threads; a warp's sum of squares. */
template <int E>
__device__ __forceinline__ void stage_row(float *xs, const float *x, int n, int padded, float *part)
{
    float square = 0.0f;
#pragma unroll 1
    for (int k0 = (int)threadIdx.x * 4; k0 < padded; k0 += STAGE_STRIDE * STAGE_ROUND) {
        float4 v[STAGE_ROUND];
        float *to = xs + x_slot<E>((unsigned)k0);
        load_round(v, x, k0, n, 0.0f);
#pragma unroll
        for (int i = 0; i < STAGE_ROUND; i++) {
            float4 *at = (float4 *)(to + i * STAGE_STRIDE);
            if (k0 + i * STAGE_STRIDE < padded) {
                float4 w = *at;
                *at      = make_float4(v[i].x * w.x, v[i].y * w.y, v[i].z * w.z, v[i].w * w.w);
            }
            square = add_square(square, v[i]);
        }
    }
    square = warp_sum(square);
    if (threadIdx.x % WARP == 0)
        part[threadIdx.x / WARP] = square;
}

/* 1 / rms(x), from the sums of squares that stage_row left; 1 without a norm. */
__device__ __forceinline__ float norm_factor(const float *norm, const float *part, int n, float eps)
{
    if (!norm)
        return 1.0f;
    float square = 0.0f;
    for (int k = 0; k < GEMV_WARPS; k++)
        square += part[k];
    return rsqrtf(square / (float)n + eps);
}

#endif
