/*
 * cpu_norm.c: LayerNorm, RMSNorm, gated RMSNorm and SwiGLU, a row at a time, rows over the threads.
 * Sums over a row: CPU_LANES partial sums, the same on AVX2 and AVX-512 (cpu_simd.h).
 */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_rows.h"

#include <math.h>

typedef struct norm_job {
    const kn_queue *q;
    kn_rows         x, z, y, x2;
    const float    *w, *b;
    float           eps, scale;
    int64_t         n_groups;
    bool            accumulate, two;
} norm_job;

/* Vector i of the row p[0..n-1] as part of CPU_LANES lanes; lanes past the end are 0. */
#define LANE_LOOP(i, n)                                                                                      \
    for (int64_t i##0 = 0; i##0 < (n); i##0 += CPU_LANES)                                                    \
        for (int64_t i = i##0, l = 0; l < VS && i < (n); i += VW, l++)

static float row_mean(const float *x, int64_t n)
{
    vsum s = vsum_zero();
    LANE_LOOP(i, n)
    s.v[l] += v_load_n(x + i, n - i);
    return vsum_fold(s) / (float)n;
}

/* mean((x - m)^2) */
static float row_square(const float *x, int64_t n, float m)
{
    vsum s  = vsum_zero();
    vf   vm = v_set1(m);
    LANE_LOOP(i, n)
    {
        vf d   = v_keep_n(v_load_n(x + i, n - i) - vm, n - i);
        s.v[l] = v_fma(d, d, s.v[l]);
    }
    return vsum_fold(s) / (float)n;
}

static void layernorm_range(int64_t from, int64_t to, int thread, void *payload)
{
    const norm_job *j = payload;
    int64_t         n = j->x.width;
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        const float *x = cpu_row_at(&j->x, r);
        float       *y = cpu_row_at(&j->y, r);
        float        m = row_mean(x, n);
        vf           s = v_set1(1.0f / sqrtf(row_square(x, n, m) + j->eps)), vm = v_set1(m);
        for (int64_t i = 0; i < n; i += VW) {
            vf v = (v_load_n(x + i, n - i) - vm) * s;
            v_store_n(y + i, v_fma(v, v_load_n(j->w + i, n - i), v_load_n(j->b + i, n - i)), n - i);
        }
    }
}

mlm_status CPU_FN(layernorm)(kn_queue *q, const kn_layernorm_args *a)
{
    norm_job j = {.q   = q,
                  .x   = kn_as_rows(a->x),
                  .y   = kn_as_rows(a->y),
                  .w   = kn_data(a->w),
                  .b   = kn_data(a->b),
                  .eps = a->eps};
    cpu_parallel(q, j.x.n_batch * j.x.n_rows, j.x.width / 8 + 1, layernorm_range, &j);
    return MLM_OK;
}

static void rmsnorm_range(int64_t from, int64_t to, int thread, void *payload)
{
    const norm_job *j = payload;
    int64_t         n = j->x.width;
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        const float *x = cpu_row_at(&j->x, r);
        float       *y = cpu_row_at(&j->y, r);
        vf           s = v_set1(1.0f / sqrtf(row_square(x, n, 0.0f) + j->eps));
        for (int64_t i = 0; i < n; i += VW)
            v_store_n(y + i, v_load_n(x + i, n - i) * s * v_load_n(j->w + i, n - i), n - i);
    }
}

mlm_status CPU_FN(rmsnorm)(kn_queue *q, const kn_rmsnorm_args *a)
{
    norm_job j = {.q = q, .x = kn_as_rows(a->x), .y = kn_as_rows(a->y), .w = kn_data(a->w), .eps = a->eps};
    cpu_parallel(q, j.x.n_batch * j.x.n_rows, j.x.width / 10 + 1, rmsnorm_range, &j);
    return MLM_OK;
}

/* One group of n elements; g is scratch of n. */
static void gated_group(const norm_job *j, const float *x, const float *z, const float *w, float *y, float *g,
                        int64_t n)
{
    vsum sum = vsum_zero();
    LANE_LOOP(i, n)
    {
        vf v     = v_load_n(x + i, n - i) * v_silu(v_load_n(z + i, n - i));
        sum.v[l] = v_fma(v, v, sum.v[l]);
        v_store_n(g + i, v, n - i);
    }
    vf s = v_set1(j->scale / sqrtf(vsum_fold(sum) / (float)n + j->eps));
    for (int64_t i = 0; i < n; i += VW) {
        vf v = v_load_n(g + i, n - i) * s * v_load_n(w + i, n - i);
        if (j->accumulate)
            v = v + v_load_n(y + i, n - i);
        v_store_n(y + i, v, n - i);
    }
}

/* The second of two: on its own behind g, then y is the sum. */
static void gated_second(const norm_job *j, int64_t r, float *g)
{
    int64_t D = j->x.width, n = D / j->n_groups;
    float  *y = cpu_row_at(&j->y, r), *second = g + n;
    for (int64_t k = 0; k < j->n_groups; k++)
        gated_group(j, cpu_row_at(&j->x2, r) + k * n, cpu_row_at(&j->z, r) + k * n, j->w + k * n,
                    second + k * n, g, n);
    for (int64_t k = 0; k < j->n_groups; k++)
        gated_group(j, cpu_row_at(&j->x, r) + k * n, cpu_row_at(&j->z, r) + k * n, j->w + k * n, y + k * n, g,
                    n);
    for (int64_t i = 0; i < D; i += VW)
        v_store_n(y + i, v_load_n(second + i, D - i) + v_load_n(y + i, D - i), D - i);
}

static void gated_range(int64_t from, int64_t to, int thread, void *payload)
{
    const norm_job *j = payload;
    int64_t         n = j->x.width / j->n_groups;
    float          *g = cpu_scratch(j->q, thread);
    for (int64_t r = from; r < to && j->two; r++)
        gated_second(j, r, g);
    for (int64_t r = from; r < to && !j->two; r++)
        for (int64_t k = 0; k < j->n_groups; k++)
            gated_group(j, cpu_row_at(&j->x, r) + k * n, cpu_row_at(&j->z, r) + k * n, j->w + k * n,
                        cpu_row_at(&j->y, r) + k * n, g, n);
}

mlm_status CPU_FN(rmsnorm_gated)(kn_queue *q, const kn_rmsnorm_gated_args *a)
{
    norm_job j    = {.q          = q,
                     .x          = kn_as_rows(a->x),
                     .z          = kn_as_rows(a->z),
                     .y          = kn_as_rows(a->y),
                     .w          = kn_data(a->w),
                     .eps        = a->eps,
                     .scale      = a->scale == 0.0f ? 1.0f : a->scale,
                     .n_groups   = a->n_groups > 0 ? a->n_groups : 1,
                     .accumulate = a->accumulate,
                     .two        = kn_present(a->x2)};
    int64_t  room = j.x.width / j.n_groups + (j.two ? j.x.width : 0);
    if (j.two)
        j.x2 = kn_as_rows(a->x2);
    if ((size_t)room > CPU_SCRATCH_BYTES / sizeof(float))
        return mlm_fail(MLM_E_UNSUPPORTED, "rmsnorm_gated: %lld values at once, the cpu takes at most %zu",
                        (long long)room, CPU_SCRATCH_BYTES / sizeof(float));
    cpu_parallel(q, j.x.n_batch * j.x.n_rows, j.x.width / 2 + 1, gated_range, &j);
    return MLM_OK;
}

static void swiglu_range(int64_t from, int64_t to, int thread, void *payload)
{
    const norm_job *j = payload; /* x = gate, z = up */
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        const float *g = cpu_row_at(&j->x, r), *u = cpu_row_at(&j->z, r);
        float       *y = cpu_row_at(&j->y, r);
        for (int64_t i = 0, n = j->x.width; i < n; i += VW)
            v_store_n(y + i, v_silu(v_load_n(g + i, n - i)) * v_load_n(u + i, n - i), n - i);
    }
}

mlm_status CPU_FN(swiglu)(kn_queue *q, const kn_swiglu_args *a)
{
    norm_job j = {.q = q, .x = kn_as_rows(a->gate), .z = kn_as_rows(a->up), .y = kn_as_rows(a->y)};
    cpu_parallel(q, j.x.n_batch * j.x.n_rows, j.x.width / 2 + 1, swiglu_range, &j);
    return MLM_OK;
}
