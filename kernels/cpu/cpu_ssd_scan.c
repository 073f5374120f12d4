/*
 * cpu_ssd_scan.c: selective scan of Mamba-2 over a sequence, in chunks (kn_ssd_scan).
 *
 * State-space duality, Dao & Gu 2024 (arXiv 2405.21060, section 6): with l_i the sum of dt a up to token i of a
 * chunk, u_j = dt_j x_j and S the state before the chunk,
 *   y_i = sum_{j<=i} exp(l_i - l_j) (c_i . b_j) u_j + exp(l_i) S c_i + d x_i
 *   S  <- exp(l_last) S + sum_j exp(l_last - l_j) u_j (outer) b_j
 * as products of matrices whose columns run over the head dim.  c_i . b_j is shared by the heads of a group.
 * The exponents are differences of sums kept as two floats (double precision), never positive.
 *
 * A task is one batch row, a block of heads of one group and P_BLOCK columns; it walks the row's chunks in
 * order, chunks count from the row's first token, so a row's result does not depend on anything else.
 */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_mk.h"
#include "kernels/cpu/cpu_rows.h"

#define CHUNK     32 /* tokens: a multiple of MK_PAD; 64 measures 1-12 % slower, 128 10-45 % */
#define P_BLOCK   64 /* columns of a task: a multiple of MK_PAD        */
#define HEADS_MAX 8  /* heads of a task                                */

typedef struct scan_job {
    const kn_queue         *q;
    const kn_ssd_scan_args *a;
    kn_rows                 x, b, c, dt, y;
    const float            *decay, *d, *dt_bias;
    const int32_t          *order;
    float                  *state;
    const float            *start; /* where the state before the first token is: state, or elsewhere */
    int64_t                 state_stride, start_stride;
    int64_t                 T, H, P, N, G;
    int64_t                 NP;                        /* N padded */
    int64_t                 heads, h_blocks, p_blocks; /* heads of a task, blocks in a group, blocks in P */
} scan_job;

typedef struct scan_scratch {
    float *bt;    /* [N][CHUNK]     b transposed, chunk            */
    float *ct;    /* [N][CHUNK]     c transposed, chunk            */
    float *bw;    /* [CHUNK][NP]    exp(l_last - l_j) b_j          */
    float *g;     /* [CHUNK][CHUNK]     g[j][i] = b_j . c_i            */
    float *left;  /* [CHUNK+N][CHUNK]   left side of y's product: decayed g, then exp(l_i) c */
    float *right; /* [CHUNK+N][P_BLOCK] u, then S^T of the head    */
    float *y;     /* [CHUNK][P_BLOCK]                              */
    float *s;     /* [heads][N][P_BLOCK] S^T of every head     */
    float  dt[CHUNK], hi[CHUNK], lo[CHUNK];
} scan_scratch;

/* One head of a task at one chunk. */
typedef struct scan_place {
    int64_t b, h, g; /* batch row, head, group        */
    int64_t p0, n_p; /* columns                       */
    int64_t t0, n;   /* first token of the chunk, tokens */
} scan_place;

static int64_t scratch_floats(const scan_job *j, int64_t heads)
{
    return 2 * j->N * CHUNK + CHUNK * j->NP + CHUNK * CHUNK + (CHUNK + j->N) * CHUNK + CHUNK * P_BLOCK +
           CHUNK * P_BLOCK + heads * j->N * P_BLOCK;
}

static void lay_out(scan_scratch *s, const scan_job *j, float *p)
{
    s->bt    = p;
    s->ct    = s->bt + j->N * CHUNK;
    s->bw    = s->ct + j->N * CHUNK;
    s->g     = s->bw + CHUNK * j->NP;
    s->left  = s->g + CHUNK * CHUNK;
    s->right = s->left + (CHUNK + j->N) * CHUNK;
    s->y     = s->right + CHUNK * P_BLOCK;
    s->s     = s->y + CHUNK * P_BLOCK;
}

static int64_t token_of(const scan_job *j, int64_t t)
{
    return j->order ? j->order[t] : t;
}

static const float *row_of(const kn_rows *r, int64_t b, int64_t t)
{
    return (const float *)r->data + b * r->batch_stride + t * r->row_stride;
}

/* b and c of the chunk transposed, and their products; what does not depend on the head. */
static void chunk_products(const scan_job *j, scan_scratch *s, scan_place at)
{
    mk_transpose(s->bt, CHUNK, row_of(&j->b, at.b, at.t0) + at.g * j->N, j->b.row_stride, at.n, CHUNK, j->N);
    mk_transpose(s->ct, CHUNK, row_of(&j->c, at.b, at.t0) + at.g * j->N, j->c.row_stride, at.n, CHUNK, j->N);
    /* Row j needs columns i >= j only. */
    for (int64_t i = 0; i < at.n; i += MK_PAD)
        mk_product(at.n < i + MK_PAD ? at.n : i + MK_PAD, MK_PAD, j->N, s->bt, CHUNK, s->ct + i, CHUNK,
                   s->g + i, CHUNK, false);
}

/* dt of the chunk after softplus and limits, and the sums l as hi + lo. */
static void chunk_steps(const scan_job *j, scan_scratch *s, scan_place at)
{
    const kn_ssd_scan_args *a    = j->a;
    float                   bias = j->dt_bias ? j->dt_bias[at.h] : 0.0f;
    double                  l    = 0.0;
    for (int64_t i = 0; i < CHUNK; i++)
        s->dt[i] = i < at.n ? row_of(&j->dt, at.b, token_of(j, at.t0 + i))[at.h] + bias : 0.0f;
    for (int64_t i = 0; i < CHUNK; i += VW)
        v_store(s->dt + i, v_softplus(v_load(s->dt + i)));
    for (int64_t i = 0; i < CHUNK; i++) {
        float dt = s->dt[i] < a->dt_min ? a->dt_min : s->dt[i];
        dt       = a->dt_max > 0.0f && dt > a->dt_max ? a->dt_max : dt;
        /* Tokens past the end: no input, no decay. */
        s->dt[i] = i < at.n ? dt : 0.0f;
        l += (double)s->dt[i] * (double)j->decay[at.h];
        s->hi[i] = (float)l;
        s->lo[i] = (float)(l - (double)s->hi[i]);
    }
}

/* exp(l_i - l_j) for VW values of i */
CPU_INLINE vf decay_from(const scan_scratch *s, int64_t i, vf hi_j, vf lo_j)
{
    return v_exp((v_load(s->hi + i) - hi_j) + (v_load(s->lo + i) - lo_j));
}

/* left = [g decayed and masked; exp(l_i) c] */
static void fill_left(const scan_job *j, scan_scratch *s, scan_place at)
{
    for (int64_t k = 0; k < at.n; k++) {
        vf      hi = v_set1(s->hi[k]), lo = v_set1(s->lo[k]);
        float  *m = s->left + k * CHUNK;
        int64_t i = k / VW * VW;
        memset(m, 0, (size_t)i * sizeof *m);
        float *first = m + i;
        for (; i < CHUNK; i += VW)
            v_store(m + i, v_load(s->g + k * CHUNK + i) * decay_from(s, i, hi, lo));
        for (int64_t z = 0; z < k % VW; z++)
            first[z] = 0.0f;
    }
    for (int64_t i = 0; i < CHUNK; i += VW) {
        vf e = decay_from(s, i, v_zero(), v_zero());
        for (int64_t n = 0; n < j->N; n++)
            v_store(s->left + (CHUNK + n) * CHUNK + i, v_load(s->ct + n * CHUNK + i) * e);
    }
}

/* right = dt x, columns past the end 0;  bw = exp(l_last - l_j) b_j */
static void fill_inputs(const scan_job *j, scan_scratch *s, scan_place at)
{
    float w[CHUNK];
    vf    hi = v_set1(s->hi[CHUNK - 1]), lo = v_set1(s->lo[CHUNK - 1]);
    for (int64_t i = 0; i < CHUNK; i += VW)
        v_store(w + i, v_exp((hi - v_load(s->hi + i)) + (lo - v_load(s->lo + i))));
    for (int64_t k = 0; k < at.n; k++) {
        const float *x  = row_of(&j->x, at.b, at.t0 + k) + at.h * j->P + at.p0;
        const float *b  = row_of(&j->b, at.b, at.t0 + k) + at.g * j->N;
        vf           dt = v_set1(s->dt[k]), wk = v_set1(w[k]);
        for (int64_t p = 0; p < P_BLOCK; p += VW)
            v_store(s->right + k * P_BLOCK + p, p < at.n_p ? dt * v_load_n(x + p, at.n_p - p) : v_zero());
        for (int64_t n = 0; n < j->NP; n += VW)
            v_store(s->bw + k * j->NP + n, n < j->N ? wk * v_load_n(b + n, j->N - n) : v_zero());
    }
}

static void store_outputs(const scan_job *j, const scan_scratch *s, scan_place at)
{
    vf d = v_set1(j->d ? j->d[at.h] : 0.0f);
    for (int64_t i = 0; i < at.n; i++) {
        const float *x = row_of(&j->x, at.b, at.t0 + i) + at.h * j->P + at.p0;
        float *y = (float *)j->y.data + at.b * j->y.batch_stride + token_of(j, at.t0 + i) * j->y.row_stride +
                   at.h * j->P + at.p0;
        for (int64_t p = 0; p < at.n_p; p += VW) {
            int64_t left = at.n_p - p;
            vf      v    = v_fma(d, v_load_n(x + p, left), v_load(s->y + i * P_BLOCK + p));
            if (j->a->accumulate)
                v = v + v_load_n(y + p, left);
            v_store_n(y + p, v, left);
        }
    }
}

/* S^T = exp(l_last) S^T + bw^T u */
static void advance_state(const scan_job *j, const scan_scratch *s, scan_place at, int64_t cols, float *state)
{
    float all[VW];
    v_store(all, v_exp(v_set1(s->hi[CHUNK - 1]) + v_set1(s->lo[CHUNK - 1])));
    for (int64_t i = 0; i < j->N * P_BLOCK; i += VW)
        v_store(state + i, v_load(state + i) * v_set1(all[0]));
    mk_product(j->N, cols, at.n, s->bw, j->NP, s->right, P_BLOCK, state, P_BLOCK, true);
}

static void scan_chunk(const scan_job *j, scan_scratch *s, scan_place at, float *state)
{
    int64_t cols = mk_pad(at.n_p);
    chunk_steps(j, s, at);
    fill_left(j, s, at);
    fill_inputs(j, s, at);
    mk_product(at.n, cols, j->N, s->left + CHUNK * CHUNK, CHUNK, state, P_BLOCK, s->y, P_BLOCK, false);
    /* Rows i .. i+MK_ROWS-1 need tokens up to the last of them. */
    for (int64_t i = 0; i < at.n; i += MK_ROWS) {
        int64_t rows = at.n - i < MK_ROWS ? at.n - i : MK_ROWS;
        mk_product(rows, cols, i + rows, s->left + i, CHUNK, s->right, P_BLOCK, s->y + i * P_BLOCK, P_BLOCK,
                   true);
    }
    advance_state(j, s, at, cols, state);
    store_outputs(j, s, at);
}

/* The state tensor [P][N] to and from S^T [N][P_BLOCK]. */
static void load_state(const scan_job *j, float *st, int64_t b, int64_t h, int64_t p0, int64_t n_p)
{
    memset(st, 0, (size_t)(j->N * P_BLOCK) * sizeof *st);
    if (!j->start)
        return;
    const float *state = j->start + b * j->start_stride + (h * j->P + p0) * j->N;
    mk_transpose(st, P_BLOCK, state, j->N, n_p, n_p, j->N);
}

static void save_state(const scan_job *j, const float *st, int64_t b, int64_t h, int64_t p0, int64_t n_p)
{
    if (!j->state)
        return;
    float *state = j->state + b * j->state_stride + (h * j->P + p0) * j->N;
    mk_transpose(state, j->N, st, P_BLOCK, j->N, j->N, n_p);
}

static void zero_outputs(const scan_job *j, scan_place at, int64_t from)
{
    for (int64_t t = from; t < j->T && !j->a->accumulate; t++)
        memset((float *)j->y.data + at.b * j->y.batch_stride + token_of(j, t) * j->y.row_stride +
                   at.h * j->P + at.p0,
               0, (size_t)at.n_p * sizeof(float));
}

/* One token goes through kn_ssd_step, as it does when it is the whole call: the same bits padded and alone. */
static bool is_step(const scan_job *j, int64_t b)
{
    return j->state != NULL && cpu_valid(j->a->len, b, j->T) == 1;
}

static kn_tensor first_token(kn_tensor t, int64_t b)
{
    return kn_slice(kn_slice(t, 0, b, 1), 1, 0, 1);
}

static mlm_status step_row(kn_queue *q, const scan_job *j, int64_t b)
{
    const kn_ssd_scan_args *a = j->a;
    kn_ssd_step_args        s = *a;
    if (j->start != j->state)
        memcpy(j->state + b * j->state_stride, j->start + b * j->start_stride,
               (size_t)(j->H * j->P * j->N) * sizeof *j->state);
    s.x     = first_token(a->x, b);
    s.b     = first_token(a->b, b);
    s.c     = first_token(a->c, b);
    s.dt    = first_token(a->dt, b);
    s.y     = first_token(a->y, b);
    s.state = kn_slice(a->state, 0, b, 1);
    s.len   = (kn_tensor){0};
    s.start = (kn_tensor){0};
    return CPU_FN(ssd_step)(q, &s);
}

static void scan_task(const scan_job *j, scan_place at, int64_t n_heads, float *scratch)
{
    scan_scratch s;
    int64_t      n_valid = cpu_valid(j->a->len, at.b, j->T), h0 = at.h, size = j->N * P_BLOCK;
    for (int64_t h = 0; h < n_heads && is_step(j, at.b); h++) {
        at.h = h0 + h;
        zero_outputs(j, at, 1);
    }
    if (is_step(j, at.b))
        return;
    lay_out(&s, j, scratch);
    for (int64_t h = 0; h < n_heads; h++)
        load_state(j, s.s + h * size, at.b, h0 + h, at.p0, at.n_p);
    for (at.t0 = 0; at.t0 < n_valid; at.t0 += CHUNK) {
        at.n = n_valid - at.t0 < CHUNK ? n_valid - at.t0 : CHUNK;
        chunk_products(j, &s, at);
        for (int64_t h = 0; h < n_heads; h++) {
            at.h = h0 + h;
            scan_chunk(j, &s, at, s.s + h * size);
        }
    }
    for (int64_t h = 0; h < n_heads; h++) {
        at.h = h0 + h;
        zero_outputs(j, at, n_valid);
        if (n_valid > 0)
            save_state(j, s.s + h * size, at.b, at.h, at.p0, at.n_p);
    }
}

static void scan_range(int64_t from, int64_t to, int thread, void *payload)
{
    const scan_job *j       = payload;
    float          *scratch = cpu_scratch(j->q, thread);
    int64_t         per_g   = j->H / j->G;
    for (int64_t i = from; i < to; i++) {
        int64_t    k  = i, block;
        scan_place at = {0};
        at.p0         = k % j->p_blocks * P_BLOCK;
        k /= j->p_blocks;
        block = k % j->h_blocks * j->heads;
        k /= j->h_blocks;
        at.g   = k % j->G;
        at.b   = k / j->G;
        at.h   = at.g * per_g + block;
        at.n_p = j->P - at.p0 < P_BLOCK ? j->P - at.p0 : P_BLOCK;
        scan_task(j, at, per_g - block < j->heads ? per_g - block : j->heads, scratch);
    }
}

mlm_status CPU_FN(ssd_scan)(kn_queue *q, const kn_ssd_scan_args *a)
{
    scan_job j = {.q       = q,
                  .a       = a,
                  .x       = kn_as_rows(a->x),
                  .b       = kn_as_rows(a->b),
                  .c       = kn_as_rows(a->c),
                  .dt      = kn_as_rows(a->dt),
                  .y       = kn_as_rows(a->y),
                  .decay   = kn_data(a->a),
                  .d       = kn_data(a->d),
                  .dt_bias = kn_data(a->dt_bias),
                  .order   = kn_data(a->order),
                  .state   = kn_data(a->state),
                  .H       = a->n_heads,
                  .G       = a->n_groups};
    if (j.state) {
        kn_tensor start = kn_present(a->start) ? a->start : a->state;
        j.start         = kn_data(start);
        j.start_stride  = start.stride[0];
        j.state_stride  = a->state.stride[0];
    }
    j.T           = j.x.n_rows;
    j.P           = j.x.width / j.H;
    j.N           = j.b.width / j.G;
    j.NP          = mk_pad(j.N);
    j.p_blocks    = (j.P + P_BLOCK - 1) / P_BLOCK;
    int64_t per_g = j.H / j.G, tasks = j.x.n_batch * j.G * j.p_blocks, n_threads = q->dev->info.n_threads;
    const int64_t m = (int64_t)(CPU_SCRATCH_BYTES / sizeof(float));
    if (scratch_floats(&j, 1) > m)
        return mlm_fail(MLM_E_UNSUPPORTED, "ssd_scan: state size is %lld, too wide for the cpu",
                        (long long)j.N);
    /* Sharing b . c among heads saves work; more tasks than threads balance it. */
    j.heads = per_g < HEADS_MAX ? per_g : HEADS_MAX;
    while (j.heads > 1 &&
           (tasks * ((per_g + j.heads - 1) / j.heads) < 3 * n_threads || scratch_floats(&j, j.heads) > m))
        j.heads--;
    j.h_blocks = (per_g + j.heads - 1) / j.heads;
    cpu_parallel(q, tasks * j.h_blocks, j.T * j.heads * P_BLOCK * j.N / 8 + 1, scan_range, &j);
    for (int64_t b = 0; b < j.x.n_batch; b++)
        if (is_step(&j, b))
            MLM_TRY(step_row(q, &j, b));
    return MLM_OK;
}
