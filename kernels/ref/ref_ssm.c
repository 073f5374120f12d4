/*
 * ref_ssm.c: the two sequence ops of Mamba-2: causal convolution and selective scan.
 *
 * The scan is the recurrence itself, token by token (Mamba-2, arXiv 2405.21060, eq. 1 with scalar A), with the
 * state stored as f32 after every token: a scan over T tokens is bit for bit T steps.
 */
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/ref_values.h"

#include <string.h>

/* ---- convolution --------------------------------------------------------------------------------- */

typedef struct conv_row {
    kn_rows        x;
    kn_dtype       dtype;
    int64_t        b, K;
    const int32_t *order; /* or NULL                                    */
    const float   *state; /* [K-1,C] of this batch row before the op, or NULL */
} conv_row;

/* Input of channel c at scan position t, which may lie before the row. */
static double conv_input(const conv_row *r, int64_t t, int64_t c)
{
    if (t >= 0)
        return ref_get(ref_row(r->x, r->dtype, r->b, r->order != NULL ? r->order[t] : t), r->dtype, c);
    return r->state != NULL ? (double)r->state[(r->K - 1 + t) * r->x.width + c] : 0.0;
}

/* The K-1 newest inputs of (old state, valid tokens); ascending, so that no old value is lost too early. */
static void conv_keep(const conv_row *r, float *state, int64_t n_valid)
{
    for (int64_t j = 0; j < r->K - 1; j++)
        for (int64_t c = 0; c < r->x.width; c++)
            state[j * r->x.width + c] = (float)conv_input(r, n_valid - (r->K - 1) + j, c);
}

/* xBC = F.silu(F.conv1d(cat(tail, xBC).T, w, bias, groups=C).T);  tail = cat(tail, xBC)[-3:] */
mlm_status ref_conv1d(kn_queue *q, const kn_conv1d_args *a)
{
    (void)q;
    kn_rows      x = kn_as_rows(a->x), y = kn_as_rows(a->y);
    int64_t      K = a->w.dim[1];
    const float *w = kn_data(a->w), *bias = kn_data(a->bias);
    for (int64_t b = 0; b < x.n_batch; b++) {
        int64_t  n_valid = ref_valid(a->len, b, x.n_rows);
        float   *state   = kn_present(a->state) ? (float *)kn_data(a->state) + b * a->state.stride[0] : NULL;
        conv_row row     = {x, a->x.dtype, b, K, kn_data(a->order), state};
        for (int64_t t = 0; t < x.n_rows; t++) {
            void *yr = ref_row(y, a->y.dtype, b, t);
            for (int64_t c = 0; c < x.width; c++) {
                double sum = bias != NULL ? (double)bias[c] : 0.0;
                for (int64_t k = 0; k < K && t < n_valid; k++)
                    sum += (double)w[c * K + k] * conv_input(&row, t - K + 1 + k, c);
                ref_put(yr, a->y.dtype, c, t < n_valid ? ref_silu(sum) : 0.0);
            }
        }
        if (kn_present(a->kept))
            conv_keep(&row, (float *)kn_data(a->kept) + b * a->kept.stride[0], a->cut);
        if (state != NULL)
            conv_keep(&row, state, n_valid);
    }
    return MLM_OK;
}

/* ---- scan ---------------------------------------------------------------------------------------- */

typedef struct ssd_dims {
    int64_t T, H, P, N, G;
} ssd_dims;

/* dt = clamp(softplus(dt + dt_bias), dt_min, dt_max) */
static double time_step(const kn_ssd_args *a, const void *dt_row, int64_t h)
{
    const float *bias = kn_data(a->dt_bias);
    double       dt = ref_softplus(ref_get(dt_row, a->dt.dtype, h) + (bias != NULL ? (double)bias[h] : 0.0));
    if (dt < (double)a->dt_min)
        dt = (double)a->dt_min;
    if (a->dt_max > 0.0f && dt > (double)a->dt_max)
        dt = (double)a->dt_max;
    return dt;
}

/* One state row S[p,:] of head h over all valid tokens of batch row b. */
static void scan_row(const kn_ssd_args *a, ssd_dims n, int64_t b, int64_t h, int64_t p, float *S)
{
    kn_rows x = kn_as_rows(a->x), bb = kn_as_rows(a->b), cc = kn_as_rows(a->c), dts = kn_as_rows(a->dt);
    kn_rows y            = kn_as_rows(a->y);
    const int32_t *order = kn_data(a->order);
    const float   *A = kn_data(a->a), *D = kn_data(a->d);
    int64_t        n_valid = ref_valid(a->len, b, n.T), at = h * n.P + p, group = h / (n.H / n.G) * n.N;
    for (int64_t t = 0; t < n.T; t++) {
        int64_t token = order != NULL ? order[t] : t;
        void   *yr    = ref_row(y, a->y.dtype, b, token);
        double  old   = a->accumulate ? ref_get(yr, a->y.dtype, at) : 0.0;
        if (t >= n_valid) {
            ref_put(yr, a->y.dtype, at, old);
            continue;
        }
        const void *br = ref_row(bb, a->b.dtype, b, t), *cr = ref_row(cc, a->c.dtype, b, t);
        double      xt  = ref_get(ref_row(x, a->x.dtype, b, t), a->x.dtype, at);
        double      dt  = time_step(a, ref_row(dts, a->dt.dtype, b, token), h);
        double      dA  = exp(dt * (double)A[h]);
        double      sum = 0.0;
        for (int64_t i = 0; i < n.N; i++) {
            /* S = S*dA + (x*dt) B ; y = S @ C */
            S[i] = (float)((double)S[i] * dA + xt * dt * ref_get(br, a->b.dtype, group + i));
            sum += (double)S[i] * ref_get(cr, a->c.dtype, group + i);
        }
        if (D != NULL)
            sum += (double)D[h] * xt;
        ref_put(yr, a->y.dtype, at, sum + old);
    }
}

mlm_status ref_ssd_scan(kn_queue *q, const kn_ssd_scan_args *a)
{
    (void)q;
    ssd_dims n = {.T = a->x.dim[1], .H = a->n_heads, .G = a->n_groups};
    n.P        = a->x.dim[2] / n.H;
    n.N        = a->b.dim[2] / n.G;
    float zeros[KN_MAX_STATE];
    for (int64_t b = 0; b < a->x.dim[0]; b++)
        for (int64_t h = 0; h < n.H; h++)
            for (int64_t p = 0; p < n.P; p++) {
                float  *S  = zeros;
                int64_t at = (h * n.P + p) * n.N;
                if (kn_present(a->state))
                    S = (float *)kn_data(a->state) + b * a->state.stride[0] + at;
                else
                    memset(zeros, 0, sizeof zeros);
                if (kn_present(a->start))
                    memcpy(S, (const float *)kn_data(a->start) + b * a->start.stride[0] + at,
                           (size_t)n.N * sizeof *S);
                scan_row(a, n, b, h, p, S);
            }
    return MLM_OK;
}

mlm_status ref_ssd_step(kn_queue *q, const kn_ssd_step_args *a)
{
    return ref_ssd_scan(q, a);
}
