/*
 * cuda_conv_wide.cu: causal depthwise convolution over 4 tokens, bias and SiLU, for many tokens of bf16: a thread
 * owns 2 channels and CONV_TOKENS tokens, all of whose loads it starts at once.  Two, not eight: the weights of a
 * channel are 16 bytes of f32, and a warp reads those of its channels in as many lines as they fill.
 *
 * The block of the first tokens is the only one that reads the state, so it renews it as well, and keeps the inputs that are
 * asked for.
 */
#include "kernels/cuda/cuda_conv.cuh"
#include "kernels/cuda/cuda_mma.cuh"

#define CONV_THREADS 128
#define CONV_TOKENS  16
#define CONV_LEAST   8 /* tokens from which on this is faster */
#define CONV_K       4

/* Where the token at scan position t lies; outside 0 .. T-1 some token. */
template <bool ORDER> __device__ __forceinline__ int token_at(const conv_params &p, int t)
{
    int near = min(max(t, 0), p.x.n_rows - 1);
    return ORDER ? min(max(__ldg(p.order + near), 0), p.x.n_rows - 1) : near;
}

/* Input t of channels c, c + 1 of the rows at x; zeros outside 0 .. n-1.  No branch: many loads start one behind the other. */
template <bool ORDER>
__device__ __forceinline__ uint32_t input2(const conv_params &p, const char *x, int step, int t, int n)
{
    uint32_t v = *(const uint32_t *)(x + (int64_t)token_at<ORDER>(p, t) * step);
    return (unsigned)t < (unsigned)n ? v : 0;
}

/* The last inputs in front of token t, with the state in front of token 0. */
template <bool ORDER>
__device__ __forceinline__ void window_before(float2 *window, const conv_params &p, const char *x, int step,
                                              const float *state, int t, int n)
{
#pragma unroll
    for (int k = 0; k < CONV_K - 1; k++) {
        int      at = t - CONV_K + 1 + k;
        uint32_t v  = input2<ORDER>(p, x, step, at, n);
        window[k]   = make_float2(bf16_low(v), bf16_high(v));
        if (at < 0 && state != NULL)
            window[k] = *(const float2 *)(state + (int64_t)(at + CONV_K - 1) * p.x.width);
    }
}

/* The last of the first n inputs, with the state in front of them, to `to`. */
template <bool ORDER>
__device__ __forceinline__ void keep_inputs(float *to, const conv_params &p, const char *x, int step,
                                            const float *state, int n)
{
    float2 window[CONV_K - 1];
    window_before<ORDER>(window, p, x, step, state, n, n);
#pragma unroll
    for (int k = 0; k < CONV_K - 1; k++)
        *(float2 *)(to + (int64_t)k * p.x.width) = window[k];
}

/* Grid (channels, tokens, batch). */
template <bool ORDER> __global__ void __launch_bounds__(CONV_THREADS) conv_wide_kernel(conv_params p)
{
    int     c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x) * 2, t0 = (int)blockIdx.y * CONV_TOKENS;
    int64_t b = blockIdx.z;
    if (c >= p.x.width)
        return;
    float4 w0 = ((const float4 *)p.w)[c], w1 = ((const float4 *)p.w)[c + 1];
    float2 bias = p.bias ? *(const float2 *)(p.bias + c) : make_float2(0.0f, 0.0f), window[CONV_K - 1];
    cuda_begin();
    int         T = p.x.n_rows, n = p.len ? min(max(p.len[b], 0), T) : T, step = (int)(2 * p.x.row_stride);
    const char *x     = row_at(p.x, b, (int64_t)0) + 2 * c;
    float      *state = p.state ? p.state + b * p.state_stride + c : NULL;
    uint32_t    raw[CONV_TOKENS];
    if (!ORDER && t0 > 0 && t0 + CONV_TOKENS <= n) { /* the same with nothing to look out for */
        const char *from = x + (int64_t)(t0 - CONV_K + 1) * step;
#pragma unroll
        for (int k = 0; k < CONV_K - 1; k++, from += step) {
            uint32_t v = *(const uint32_t *)from;
            window[k]  = make_float2(bf16_low(v), bf16_high(v));
        }
#pragma unroll
        for (int k = 0; k < CONV_TOKENS; k++, from += step)
            raw[k] = *(const uint32_t *)from;
    } else {
#pragma unroll
        for (int k = 0; k < CONV_TOKENS; k++)
            raw[k] = input2<ORDER>(p, x, step, t0 + k, n);
        window_before<ORDER>(window, p, x, step, t0 == 0 ? state : NULL, t0, n);
    }
    char *y = row_at(p.y, b, t0) + 2 * c;
#pragma unroll
    for (int k = 0; k < CONV_TOKENS; k++) {
        float2 now = make_float2(bf16_low(raw[k]), bf16_high(raw[k])), sum = bias;
        sum.x += w0.x * window[0].x, sum.y += w1.x * window[0].y;
        sum.x += w0.y * window[1].x, sum.y += w1.y * window[1].y;
        sum.x += w0.z * window[2].x, sum.y += w1.z * window[2].y;
        sum.x += w0.w * now.x, sum.y += w1.w * now.y;
        window[0] = window[1], window[1] = window[2], window[2] = now;
        raw[k] = floats_bf16(silu_fast(sum.x), silu_fast(sum.y));
    }
    int64_t y_step = 2 * p.y.row_stride;
#pragma unroll
    for (int k = 0; k < CONV_TOKENS; k++, y += y_step)
        if (t0 + k < T)
            *(uint32_t *)y = raw[k];
    if (t0 == 0 && p.kept != NULL)
        keep_inputs<ORDER>(p.kept + b * p.kept_stride + c, p, x, step, NULL, p.cut);
    if (t0 == 0 && state != NULL)
        keep_inputs<ORDER>(state, p, x, step, state, n);
}

bool cuda_conv_wide_fits(const conv_params *p, int64_t n_batch)
{
    return p->K == CONV_K && p->x.n_rows >= CONV_LEAST && n_batch <= 65535 &&
           cuda_chunked(p->x, n_batch, p->x.width) && cuda_chunked(p->y, n_batch, p->x.width) &&
           p->x.row_stride < (int64_t)1 << 29 && (uintptr_t)p->w % 16 == 0 && (uintptr_t)p->bias % 8 == 0 &&
           ((uintptr_t)p->state | (uintptr_t)p->kept) % 8 == 0 && (p->state_stride | p->kept_stride) % 2 == 0;
}

mlm_status cuda_conv_wide(kn_queue *q, const conv_params *p, int64_t n_batch)
{
    dim3 grid(cuda_blocks(p->x.width / 2, CONV_THREADS), cuda_blocks(p->x.n_rows, CONV_TOKENS),
              (unsigned)n_batch);
    return cuda_launch(q, "conv1d", p->order ? conv_wide_kernel<true> : conv_wide_kernel<false>, grid,
                       dim3(CONV_THREADS), 0, *p);
}
