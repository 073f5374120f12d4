/*
 * connector.c: scratch and the one forward pass of every connector (see connector_config.h for the equation).
 */
#include "fusion/connector_private.h"

#include <stdio.h>
#include <stdlib.h>

struct connector_scratch {
    int64_t        max_batch;
    kn_tensor      x;       /* [B,N,D] residual stream     */
    kn_tensor      h;       /* [B,N,D] normed              */
    kn_tensor      gate_up; /* [B,N,2F]                    */
    kn_tensor      p[2];    /* [B,N,widest projector layer] */
    kn_tensor      pooled;  /* [B,n*n,D_out]               */
    mamba2_scratch mixer;
};

/* What follows on the layers. */
static void take_projector(connector_scratch *s, kn_arena *arena, const connector_config *c)
{
    int64_t B = s->max_batch, N = c->n_tokens, widest = 0;
    int     n_kept =
        c->pool_grid > 0 ? c->n_proj : c->n_proj - 1; /* the last layer writes y when nothing follows */
    for (int i = 0; i < n_kept; i++)
        widest = c->proj_dim[i] > widest ? c->proj_dim[i] : widest;
    if (c->pool_grid > 0)
        s->pooled =
            kn_arena_take(arena, c->mixer.act, 3, KN_DIMS(B, (int64_t)c->pool_grid * c->pool_grid, c->d_out));
    for (int k = 0; k < 2 && k < n_kept; k++)
        s->p[k] = kn_arena_take(arena, c->mixer.act, 3, KN_DIMS(B, N, widest));
}

/* x and h go from step to step; what mixer, SwiGLU and projector need inside lies over each other. */
static void take_scratch(connector_scratch *s, kn_arena *arena, const connector_config *c)
{
    int64_t B = s->max_batch, N = c->n_tokens;
    if (c->n_layers > 0) {
        s->x = kn_arena_take(arena, c->mixer.act, 3, KN_DIMS(B, N, c->width));
        s->h = kn_arena_take(arena, c->mixer.act, 3, KN_DIMS(B, N, c->width));
    }
    size_t start = arena->used, end = start;
    if (c->n_layers > 0) {
        mamba2_scratch_take(&s->mixer, arena, &c->mixer, B, N);
        end         = arena->used;
        arena->used = start;
        if (c->swiglu_dim > 0)
            s->gate_up = kn_arena_take(arena, c->mixer.act, 3, KN_DIMS(B, N, 2 * (int64_t)c->swiglu_dim));
        end         = arena->used > end ? arena->used : end;
        arena->used = start;
    }
    take_projector(s, arena, c);
    arena->used = arena->used > end ? arena->used : end;
}

mlm_status connector_scratch_create(connector_scratch **out, kn_arena *arena, const connector_config *c,
                                    int64_t B)
{
    *out = NULL;
    if (B < 1 || B > 65536)
        return mlm_fail(MLM_E_RANGE, "connector scratch for %lld pictures, must be 1 to 65536", (long long)B);
    connector_scratch *s = calloc(1, sizeof *s);
    if (!s)
        return mlm_fail_nomem(sizeof *s, "connector scratch");
    s->max_batch = B;
    take_scratch(s, arena, c);
    mlm_status st = kn_arena_check(arena, "connector scratch");
    if (st != MLM_OK) {
        free(s);
        return st;
    }
    *out = s;
    return MLM_OK;
}

void connector_scratch_free(connector_scratch *s)
{
    free(s);
}

static mlm_status run_norm(kn_queue *q, const connector_config *c, const connector_norm *n, kn_tensor x,
                           kn_tensor y)
{
    if (c->layer_norm) {
        kn_layernorm_args a = {.x = x, .w = n->w, .b = n->b, .y = y, .eps = c->norm_eps};
        return kn_layernorm(q, &a);
    }
    kn_rmsnorm_args a = {.x = x, .w = n->w, .y = y, .eps = c->norm_eps};
    return kn_rmsnorm(q, &a);
}

/* Scan outputs of each direction before they are merged, recomputed one by one from the mixer's projection:
 * the fused pass adds them up in place. */
static mlm_status probe_scans(kn_queue *q, const connector *m, const mamba2_weights *w,
                              const mamba2_scratch *s, int64_t B, connector_probe probe, void *payload)
{
    const mamba2_config *c = &m->config.mixer;
    int64_t   N = m->config.n_tokens, C = mamba2_conv_channels(c), GN = (int64_t)c->n_groups * c->d_state;
    kn_tensor proj = kn_tensor_make(s->s.buf, s->s.offset, s->s.dtype, 3, KN_DIMS(B, N, mamba2_in_rows(c)));
    kn_tensor xbc  = kn_tensor_make(s->xbc.buf, s->xbc.offset, s->xbc.dtype, 3, KN_DIMS(B, N, C));
    kn_tensor y    = kn_tensor_make(s->f.buf, s->f.offset, s->f.dtype, 3, KN_DIMS(B, N, c->d_inner));
    for (int d = 0; d < c->n_directions; d++) {
        kn_conv1d_args   conv = {.x     = kn_slice(proj, 2, c->d_inner, C),
                                 .w     = w->dir[d].conv_w,
                                 .bias  = w->dir[d].conv_b,
                                 .order = m->order[d],
                                 .y     = xbc};
        kn_ssd_scan_args scan = {.x        = kn_slice(xbc, 2, 0, c->d_inner),
                                 .b        = kn_slice(xbc, 2, c->d_inner, GN),
                                 .c        = kn_slice(xbc, 2, c->d_inner + GN, GN),
                                 .dt       = kn_slice(proj, 2, c->d_inner + C, c->n_heads),
                                 .a        = w->dir[d].a,
                                 .d        = w->dir[d].d,
                                 .dt_bias  = w->dir[d].dt_bias,
                                 .order    = m->order[d],
                                 .y        = y,
                                 .n_heads  = c->n_heads,
                                 .n_groups = c->n_groups,
                                 .dt_min   = c->dt_min,
                                 .dt_max   = c->dt_max};
        MLM_TRY(kn_conv1d(q, &conv));
        MLM_TRY(kn_ssd_scan(q, &scan));
        char stage[32];
        (void)snprintf(stage, sizeof stage, "scan_y%d", d);
        probe(stage, y, payload);
    }
    return MLM_OK;
}

static mlm_status run_layer(kn_queue *q, const connector *m, const connector_layer *layer,
                            connector_scratch *s, kn_tensor x, kn_tensor h, connector_probe probe,
                            void *payload)
{
    const connector_config *c     = &m->config;
    kn_tensor               input = x;
    if (c->mixer_norm) {
        MLM_TRY(run_norm(q, c, &layer->mixer_norm, x, h));
        input = h;
    }
    mamba2_args mix = {.config   = &c->mixer,
                       .weights  = &layer->mixer,
                       .scratch  = &s->mixer,
                       .x        = input,
                       .residual = x,
                       .y        = x};
    for (int d = 0; d < c->mixer.n_directions; d++)
        mix.order[d] = m->order[d];
    MLM_TRY(mamba2_forward(q, &mix));
    if (probe) {
        MLM_TRY(probe_scans(q, m, &layer->mixer, &s->mixer, x.dim[0], probe, payload));
        probe("scan", x, payload);
    }
    if (c->swiglu_dim == 0)
        return MLM_OK;
    MLM_TRY(run_norm(q, c, &layer->norm, x, h));
    kn_tensor both     = kn_slice(s->gate_up, 0, 0, x.dim[0]);
    kn_tensor gate     = kn_slice(both, 2, 0, c->swiglu_dim),
              up       = kn_slice(both, 2, c->swiglu_dim, c->swiglu_dim);
    kn_linear_args in  = {.x = h, .w = layer->gate_up.w, .bias = layer->gate_up.bias, .y = both};
    kn_swiglu_args act = {.gate = gate, .up = up, .y = gate};
    kn_linear_args out = {.x = gate, .w = layer->down.w, .bias = layer->down.bias, .residual = x, .y = x};
    MLM_TRY(kn_linear(q, &in));
    MLM_TRY(kn_swiglu(q, &act));
    MLM_TRY(kn_linear(q, &out));
    if (probe)
        probe("swiglu", x, payload);
    return MLM_OK;
}

static mlm_status run_projector(kn_queue *q, const connector *m, connector_scratch *s, kn_tensor x,
                                kn_tensor y)
{
    const connector_config *c = &m->config;
    int64_t                 B = x.dim[0], N = c->n_tokens;
    for (int i = 0; i < c->n_proj; i++) {
        bool           last = i + 1 == c->n_proj;
        kn_tensor      p    = s->p[i & 1];
        kn_tensor      to   = last && c->pool_grid == 0
                                  ? y
                                  : kn_tensor_make(p.buf, p.offset, p.dtype, 3, KN_DIMS(B, N, c->proj_dim[i]));
        kn_linear_args a    = {
               .x = x, .w = m->proj[i].w, .bias = m->proj[i].bias, .y = to, .act = last ? KN_ACT_NONE : c->act};
        MLM_TRY(kn_linear(q, &a));
        x = to;
    }
    if (c->pool_grid == 0)
        return MLM_OK;
    kn_tensor        pooled = kn_slice(s->pooled, 0, 0, B);
    kn_pool2d_args   pool   = {.x = x, .y = pooled, .from = c->grid, .to = c->pool_grid};
    kn_dwconv2d_args peg    = {.x = pooled, .w = m->peg_w, .bias = m->peg_b, .y = y, .side = c->pool_grid};
    MLM_TRY(kn_pool2d(q, &pool));
    return kn_dwconv2d(q, &peg);
}

static mlm_status check(const connector_config *c, const connector_scratch *s, kn_tensor v, kn_tensor y)
{
    if (v.rank != 3 || v.dim[0] < 1 || v.dim[0] > s->max_batch)
        return mlm_fail(MLM_E_RANGE, "connector: %lld pictures at once, must be 1 to %lld",
                        (long long)v.dim[0], (long long)s->max_batch);
    int n_out = connector_config_n_tokens(c);
    if (v.dim[1] != c->n_tokens || v.dim[2] != c->d_in || y.rank != 3 || y.dim[0] != v.dim[0] ||
        y.dim[1] != n_out || y.dim[2] != c->d_out)
        return mlm_fail(MLM_E_SHAPE,
                        "connector: [B,%lld,%lld] to [B,%lld,%lld], must be [B,%d,%d] to [B,%d,%d]",
                        (long long)v.dim[1], (long long)v.dim[2], (long long)y.dim[1], (long long)y.dim[2],
                        c->n_tokens, c->d_in, n_out, c->d_out);
    return MLM_OK;
}

mlm_status connector_forward(kn_queue *q, const connector *m, connector_scratch *s, kn_tensor v, kn_tensor y,
                             connector_probe probe, void *payload)
{
    const connector_config *c = &m->config;
    kn_tensor               x = v;
    MLM_TRY(check(c, s, v, y));
    if (c->n_layers > 0) {
        kn_tensor h          = kn_slice(s->h, 0, 0, v.dim[0]);
        x                    = kn_slice(s->x, 0, 0, v.dim[0]);
        kn_linear_args first = {.x = v, .w = m->first.w, .bias = m->first.bias, .y = x, .act = c->act};
        MLM_TRY(kn_linear(q, &first));
        if (probe)
            probe("mlp", x, payload);
        for (int i = 0; i < c->n_layers; i++)
            MLM_TRY(run_layer(q, m, &m->layer[i], s, x, h, probe, payload));
        MLM_TRY(run_norm(q, c, &m->norm, x, h));
        if (probe)
            probe("norm", h, payload);
        x = h;
    }
    MLM_TRY(run_projector(q, m, s, x, y));
    if (probe)
        probe("out", y, payload);
    return MLM_OK;
}
