/*
 * cpu_conv1d.c: causal depthwise convolution with bias and SiLU (kn_conv1d).
 *
 * A task is one batch row and CHANNELS neighbouring channels over all tokens: vectors run over channels, the
 * K inputs of a token are rows that are still in cache.
 */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_rows.h"

#define CHANNELS 128 /* of a task */
#define K_MAX    8

typedef struct conv_job {
    const kn_conv1d_args *a;
    kn_rows               x, y;
    const float          *w, *bias;
    float                *state;
    const int32_t        *order;
    int64_t               K, C, n_blocks, state_stride;
} conv_job;

static const float zeros[CHANNELS];

/* Channels c0.. of the input at scan position t, t >= -(K-1). */
static const float *input_at(const conv_job *j, int64_t b, int64_t t, int64_t c0)
{
    if (t >= 0)
        return (const float *)j->x.data + b * j->x.batch_stride +
               (j->order ? j->order[t] : t) * j->x.row_stride + c0;
    if (j->state)
        return j->state + b * j->state_stride + (j->K - 1 + t) * j->C + c0;
    return zeros;
}

/* K is constant where speed matters. */
CPU_INLINE void conv_token_k(int64_t K, float *y, const float *const *in, const float *w, const float *bias,
                             int64_t n)
{
    for (int64_t c = 0; c < n; c += VW) {
        vf s = bias ? v_load_n(bias + c, n - c) : v_zero();
        for (int64_t k = 0; k < K; k++)
            s = v_fma(v_load(w + k * CHANNELS + c), v_load_n(in[k] + c, n - c), s);
        v_store_n(y + c, v_silu(s), n - c);
    }
}

static void conv_token(const conv_job *j, float *y, const float *const *in, const float *w, const float *bias,
                       int64_t n)
{
    if (j->K == 4 && n == CHANNELS)
        conv_token_k(4, y, in, w, bias, CHANNELS);
    else
        conv_token_k(j->K, y, in, w, bias, n);
}

/* state[i] = the input at position n_valid - (K-1) + i. */
static void keep_state(const conv_job *j, float *state, int64_t b, int64_t n_valid, int64_t c0, int64_t n)
{
    for (int64_t i = 0; i < j->K - 1 && n_valid > 0; i++)
        memcpy(state + i * j->C + c0, input_at(j, b, n_valid - (j->K - 1) + i, c0),
               (size_t)n * sizeof(float));
}

static void conv_task(const conv_job *j, int64_t b, int64_t c0)
{
    int64_t      n = j->C - c0 < CHANNELS ? j->C - c0 : CHANNELS, T = j->x.n_rows;
    int64_t      n_valid = cpu_valid(j->a->len, b, T);
    float        w[K_MAX * CHANNELS];
    const float *in[K_MAX];
    memset(w, 0, sizeof w);
    for (int64_t c = 0; c < n; c++)
        for (int64_t k = 0; k < j->K; k++)
            w[k * CHANNELS + c] = j->w[(c0 + c) * j->K + k];
    for (int64_t k = 1; k < j->K; k++)
        in[k] = input_at(j, b, k - j->K, c0);
    for (int64_t t = 0; t < n_valid; t++) {
        for (int64_t k = 0; k < j->K - 1; k++)
            in[k] = in[k + 1];
        in[j->K - 1] = input_at(j, b, t, c0);
        float *y     = (float *)j->y.data + b * j->y.batch_stride + t * j->y.row_stride + c0;
        conv_token(j, y, in, w, j->bias ? j->bias + c0 : NULL, n);
    }
    for (int64_t t = n_valid; t < T; t++)
        memset((float *)j->y.data + b * j->y.batch_stride + t * j->y.row_stride + c0, 0,
               (size_t)n * sizeof(float));
    if (kn_present(j->a->kept))
        keep_state(j, (float *)kn_data(j->a->kept) + b * j->a->kept.stride[0], b, j->a->cut, c0, n);
    if (j->state)
        keep_state(j, j->state + b * j->state_stride, b, n_valid, c0, n);
}

static void conv_range(int64_t from, int64_t to, int thread, void *payload)
{
    const conv_job *j = payload;
    (void)thread;
    for (int64_t i = from; i < to; i++)
        conv_task(j, i / j->n_blocks, i % j->n_blocks * CHANNELS);
}

mlm_status CPU_FN(conv1d)(kn_queue *q, const kn_conv1d_args *a)
{
    conv_job j = {.a     = a,
                  .x     = kn_as_rows(a->x),
                  .y     = kn_as_rows(a->y),
                  .w     = kn_data(a->w),
                  .bias  = kn_data(a->bias),
                  .state = kn_data(a->state),
                  .order = kn_data(a->order),
                  .K     = a->w.dim[1],
                  .C     = a->w.dim[0]};
    if (j.state)
        j.state_stride = a->state.stride[0];
    j.n_blocks = (j.C + CHANNELS - 1) / CHANNELS;
    cpu_parallel(q, j.x.n_batch * j.n_blocks, (j.x.n_rows + 2) * CHANNELS / 2, conv_range, &j);
    return MLM_OK;
}
