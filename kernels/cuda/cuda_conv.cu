/*
 * cuda_conv.cu: causal depthwise convolution with bias and SiLU.
 *
 * A thread owns one channel and CONV_TOKENS consecutive tokens and slides a window of K inputs over them, so
 * every input is read once (plus K-1 at the seam) and neighbouring threads read neighbouring channels.
 * The state is renewed by the same thread when one block row covers all tokens (decode), otherwise by a
 * second small kernel, because blocks of other tokens may still read the old one.
 */
#include "kernels/cuda/cuda_conv.cuh"
#include "kernels/cuda/cuda_math.cuh"

#define CONV_THREADS 128
#define CONV_TOKENS  8

__device__ __forceinline__ int valid_tokens(const int *len, int64_t b, int T)
{
    return len ? min(max(len[b], 0), T) : T;
}

/* Input number t (negative: before the first token) of channel c. */
__device__ __forceinline__ float conv_input(const conv_params &p, int64_t b, int c, int t, int n_valid)
{
    if (t < 0)
        return p.state && t >= 1 - p.K ? p.state[b * p.state_stride + (int64_t)(t + p.K - 1) * p.x.width + c]
                                       : 0.0f;
    if (t >= n_valid)
        return 0.0f;
    return load1(row_at(p.x, b, p.order ? min(max(p.order[t], 0), p.x.n_rows - 1) : t), p.x.dtype, c);
}

template <int K> __global__ void __launch_bounds__(CONV_THREADS) conv1d_kernel(conv_params p, bool renew)
{
    cuda_begin();
    int     c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x), t0 = (int)blockIdx.y * CONV_TOKENS;
    int64_t b = blockIdx.z;
    if (c >= p.x.width)
        return;
    int   T = p.x.n_rows, n_valid = valid_tokens(p.len, b, T);
    float w[K], window[K], bias = p.bias ? p.bias[c] : 0.0f;
#pragma unroll
    for (int k = 0; k < K; k++)
        w[k] = p.w[(int64_t)c * K + k];
#pragma unroll
    for (int k = 0; k < K - 1; k++)
        window[k + 1] = conv_input(p, b, c, t0 - K + 1 + k, n_valid);
    for (int t = t0; t < min(t0 + CONV_TOKENS, T); t++) {
#pragma unroll
        for (int k = 0; k < K - 1; k++)
            window[k] = window[k + 1];
        window[K - 1] = conv_input(p, b, c, t, n_valid);
        float sum     = bias;
#pragma unroll
        for (int k = 0; k < K; k++)
            sum += w[k] * window[k];
        store1(row_at(p.y, b, t), p.y.dtype, c, silu(sum));
    }
    if (renew) {
        float newest[K - 1];
#pragma unroll
        for (int k = 0; k < K - 1; k++)
            newest[k] = conv_input(p, b, c, n_valid - K + 1 + k, n_valid);
#pragma unroll
        for (int k = 0; k < K - 1; k++)
            p.state[b * p.state_stride + (int64_t)k * p.x.width + c] = newest[k];
    }
}

/* The K-1 newest of the first n valid inputs go to `state`, with the old one in front of them. */
__global__ void __launch_bounds__(CONV_THREADS)
    conv_state_kernel(conv_params p, float *state, int64_t state_stride, int n)
{
    cuda_begin();
    int     c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x);
    int64_t b = blockIdx.y;
    if (c >= p.x.width)
        return;
    int   n_valid = valid_tokens(p.len, b, n);
    float newest[KN_MAX_CONV];
    for (int k = 0; k < p.K - 1; k++)
        newest[k] = conv_input(p, b, c, n_valid - p.K + 1 + k, n_valid);
    for (int k = 0; k < p.K - 1; k++)
        state[b * state_stride + (int64_t)k * p.x.width + c] = newest[k];
}

static mlm_status keep_inputs(kn_queue *q, const conv_params *p, int64_t n_batch, float *state,
                              int64_t state_stride, int n)
{
    return cuda_launch(q, "conv1d state", conv_state_kernel,
                       dim3(cuda_blocks(p->x.width, CONV_THREADS), (unsigned)n_batch), dim3(CONV_THREADS), 0,
                       *p, state, state_stride, n);
}

typedef void (*conv_kernel)(conv_params, bool);

mlm_status cuda_conv1d(kn_queue *q, const kn_conv1d_args *a)
{
    static const conv_kernel kernels[KN_MAX_CONV + 1] = {NULL,
                                                         NULL,
                                                         conv1d_kernel<2>,
                                                         conv1d_kernel<3>,
                                                         conv1d_kernel<4>,
                                                         conv1d_kernel<5>,
                                                         conv1d_kernel<6>,
                                                         conv1d_kernel<7>,
                                                         conv1d_kernel<8>};
    conv_params              p                        = {};
    p.x                                               = cuda_rows_of(a->x);
    p.y                                               = cuda_rows_of(a->y);
    p.w                                               = (const float *)kn_data(a->w);
    p.bias                                            = (const float *)kn_data(a->bias);
    p.state                                           = (float *)kn_data(a->state);
    p.state_stride                                    = kn_present(a->state) ? a->state.stride[0] : 0;
    p.kept                                            = (float *)kn_data(a->kept);
    p.kept_stride                                     = kn_present(a->kept) ? a->kept.stride[0] : 0;
    p.cut                                             = (int)a->cut;
    p.len                                             = (const int *)kn_data(a->len);
    p.order                                           = (const int *)kn_data(a->order);
    p.K                                               = (int)a->w.dim[1];
    int64_t B = a->x.dim[0], T = a->x.dim[1], C = a->x.dim[2];
    if (cuda_conv_wide_fits(&p, B))
        return cuda_conv_wide(q, &p, B);
    bool one = T <= CONV_TOKENS;
    dim3 grid(cuda_blocks(C, CONV_THREADS), cuda_blocks(T, CONV_TOKENS), (unsigned)B);
    MLM_TRY(cuda_launch(q, "conv1d", kernels[p.K], grid, dim3(CONV_THREADS), 0, p, one && p.state != NULL));
    if (p.kept != NULL) /* no input in front of the first: the state may be renewed already */
        MLM_TRY(keep_inputs(q, &p, B, p.kept, p.kept_stride, p.cut));
    return one || p.state == NULL ? MLM_OK : keep_inputs(q, &p, B, p.state, p.state_stride, (int)T);
}
