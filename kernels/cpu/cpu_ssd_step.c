/*
 * cpu_ssd_step.c: one token of the selective scan (kn_ssd_step): S = exp(dt a) S + dt x (outer) b, y = S c + d x.
 *
 * Memory bound: the state [P,N] of a head is read and written once; vectors run over N.  A task is a block of
 * P_BLOCK rows of one head, so that a single sequence also keeps all threads busy.
 */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_rows.h"

#define P_BLOCK 16

typedef struct step_job {
    const kn_ssd_step_args *a;
    kn_rows                 x, b, c, dt, y;
    const float            *decay, *d, *dt_bias;
    float                  *state;
    int64_t                 H, P, N, G, n_blocks, state_stride;
} step_job;

static float scalar_dt(const kn_ssd_step_args *a, float raw)
{
    float t[VW];
    v_store(t, v_softplus(v_set1(raw)));
    float dt = t[0] < a->dt_min ? a->dt_min : t[0];
    return a->dt_max > 0.0f && dt > a->dt_max ? a->dt_max : dt;
}

static float scalar_exp(float x)
{
    float t[VW];
    v_store(t, v_exp(v_set1(x)));
    return t[0];
}

/* s = decay * s + dtx * b; returns s . c */
static float state_row(float *s, const float *b, const float *c, float decay, float dtx, int64_t n)
{
    vsum    sum = vsum_zero();
    vf      vd = v_set1(decay), vx = v_set1(dtx);
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES)
        for (int l = 0; l < VS; l++) {
            int64_t k = i + l * VW;
            vf      v = v_fma(v_load(s + k), vd, vx * v_load(b + k));
            v_store(s + k, v);
            sum.v[l] = v_fma(v, v_load(c + k), sum.v[l]);
        }
    for (int l = 0; l < VS && i < n; l++, i += VW) {
        vf v = v_fma(v_load_n(s + i, n - i), vd, vx * v_load_n(b + i, n - i));
        v_store_n(s + i, v, n - i);
        sum.v[l] = v_fma(v, v_load_n(c + i, n - i), sum.v[l]);
    }
    return vsum_fold(sum);
}

static void step_task(const step_job *j, int64_t b, int64_t h, int64_t p0)
{
    int64_t p1 = p0 + P_BLOCK < j->P ? p0 + P_BLOCK : j->P, g = h / (j->H / j->G);
    float  *y = (float *)j->y.data + b * j->y.batch_stride + h * j->P;
    if (cpu_valid(j->a->len, b, 1) == 0) {
        for (int64_t p = p0; p < p1 && !j->a->accumulate; p++)
            y[p] = 0.0f;
        return;
    }
    const float *x  = (const float *)j->x.data + b * j->x.batch_stride + h * j->P;
    const float *bv = (const float *)j->b.data + b * j->b.batch_stride + g * j->N;
    const float *cv = (const float *)j->c.data + b * j->c.batch_stride + g * j->N;
    float raw = ((const float *)j->dt.data + b * j->dt.batch_stride)[h] + (j->dt_bias ? j->dt_bias[h] : 0.0f);
    float dt = scalar_dt(j->a, raw), decay = scalar_exp(dt * j->decay[h]), d = j->d ? j->d[h] : 0.0f;
    for (int64_t p = p0; p < p1; p++) {
        float *s = j->state + b * j->state_stride + (h * j->P + p) * j->N;
        float  v = state_row(s, bv, cv, decay, dt * x[p], j->N) + d * x[p];
        y[p]     = j->a->accumulate ? y[p] + v : v;
    }
}

static void step_range(int64_t from, int64_t to, int thread, void *payload)
{
    const step_job *j = payload;
    (void)thread;
    for (int64_t i = from; i < to; i++) {
        int64_t bh = i / j->n_blocks;
        step_task(j, bh / j->H, bh % j->H, i % j->n_blocks * P_BLOCK);
    }
}

mlm_status CPU_FN(ssd_step)(kn_queue *q, const kn_ssd_step_args *a)
{
    step_job j     = {.a       = a,
                      .x       = kn_as_rows(a->x),
                      .b       = kn_as_rows(a->b),
                      .c       = kn_as_rows(a->c),
                      .dt      = kn_as_rows(a->dt),
                      .y       = kn_as_rows(a->y),
                      .decay   = kn_data(a->a),
                      .d       = kn_data(a->d),
                      .dt_bias = kn_data(a->dt_bias),
                      .state   = kn_data(a->state),
                      .H       = a->n_heads,
                      .G       = a->n_groups};
    j.P            = j.x.width / j.H;
    j.N            = j.b.width / j.G;
    j.state_stride = a->state.stride[0];
    j.n_blocks     = (j.P + P_BLOCK - 1) / P_BLOCK;
    cpu_parallel(q, j.x.n_batch * j.H * j.n_blocks, P_BLOCK * j.N / 8 + 50, step_range, &j);
    return MLM_OK;
}
