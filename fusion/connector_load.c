/*
 * connector_load.c: tensor names of the connector types, loading, freeing.
 *
 * The two scan connectors name the same parts differently:
 *   part                 mamba2_cross_scan_2d           mamba2_bidirectional
 *   first linear         mlp.fc                         mlp.0
 *   mixer                scan.                          layers.N.mixer.
 *   direction d of conv  leading axis                   conv1d, conv1d_b (also dt_bias, A_log, D)
 *   gate, up, down       swiglu.w1, w3, w2              layers.N.mlp.w1, w2, w3
 *   last norm            norm                           norm_f
 *   projector            out_proj                       projector.0, .2, .4
 * The positional convolution behind a pooled grid is the next member of the projector: projector.4.peg.0 behind two layers.
 */
#include "fusion/connector_private.h"
#include "kernels/loader.h"

#include <stdio.h>
#include <stdlib.h>

static mlm_status list_norm(kn_loader *l, connector_norm *n, int64_t width, bool bias, const char *name)
{
    MLM_TRY(kn_load_vector(l, &n->w, width, "%s.weight", name));
    return bias ? kn_load_vector(l, &n->b, width, "%s.bias", name) : MLM_OK;
}

static mlm_status list_linear(kn_loader *l, connector_linear *n, int64_t out, int64_t in, bool bias,
                              const char *name)
{
    MLM_TRY(kn_load_matrix(l, &n->w, out, in, "%s.weight", name));
    return bias ? kn_load_bias(l, &n->bias, out, "%s.bias", name) : MLM_OK;
}

/* Two layers of equal shape as one product; the biases lie side by side. */
static mlm_status list_pair(kn_loader *l, connector_linear *n, int64_t out, int64_t in, bool bias,
                            const char *a, const char *b)
{
    char wa[96], wb[96];
    (void)snprintf(wa, sizeof wa, "%s.weight", a);
    (void)snprintf(wb, sizeof wb, "%s.weight", b);
    MLM_TRY(kn_load_matrix_pair(l, &n->w, out, in, wa, wb));
    if (!bias)
        return MLM_OK;
    n->bias = kn_arena_take(l->arena, l->act, 1, KN_DIMS(2 * out));
    if (kn_loader_measuring(l))
        return MLM_OK;
    char name[KN_LOADER_NAME];
    MLM_TRY(kn_arena_check(l->arena, "connector weights"));
    MLM_TRY(kn_loader_name(l, name, "%s.bias", a));
    MLM_TRY(kn_weights_vector(l->weights, l->queue, kn_slice(n->bias, 0, 0, out), name, 0, 0));
    MLM_TRY(kn_loader_name(l, name, "%s.bias", b));
    return kn_weights_vector(l->weights, l->queue, kn_slice(n->bias, 0, out, out), name, 0, 0);
}

/* conv1d, A_log, D, dt_bias of direction d: a slice of one tensor, or a tensor with a suffix of its own. */
static mlm_status list_direction(kn_loader *l, const connector_config *c, mamba2_weights *w, int d,
                                 const char *mixer)
{
    const mamba2_config     *m = &c->mixer;
    int64_t                  C = mamba2_conv_channels(m), K = m->conv_kernel, H = m->n_heads;
    bool                     stacked = c->type == CONNECTOR_CROSS_SCAN_2D;
    int64_t                  at = stacked ? d : 0, of = stacked ? m->n_directions : 1;
    static const char *const suffixes[MAMBA2_MAX_DIRECTIONS] = {"", "_b", "_c", "_d"};
    const char              *suffix                          = stacked ? "" : suffixes[d];

    MLM_TRY(kn_load_part(l, &w->dir[d].conv_w, C, K, at * C * K, of * C * K, "%s.conv1d%s.weight", mixer,
                         suffix));
    MLM_TRY(kn_load_part(l, &w->dir[d].conv_b, 0, C, at * C, of * C, "%s.conv1d%s.bias", mixer, suffix));
    MLM_TRY(kn_load_part(l, &w->dir[d].dt_bias, 0, H, at * H, of * H, "%s.dt_bias%s", mixer, suffix));
    MLM_TRY(kn_load_neg_exp(l, &w->dir[d].a, H, at * H, of * H, "%s.A_log%s", mixer, suffix));
    return kn_load_part(l, &w->dir[d].d, 0, H, at * H, of * H, "%s.D%s", mixer, suffix);
}

static mlm_status list_layer(kn_loader *l, const connector_config *c, connector_layer *y, int i)
{
    const mamba2_config *m       = &c->mixer;
    bool                 stacked = c->type == CONNECTOR_CROSS_SCAN_2D;
    char                 mixer[64], norm[64], gate[64], up[64], down[64];
    if (stacked) {
        (void)snprintf(mixer, sizeof mixer, "scan");
        (void)snprintf(norm, sizeof norm, "swiglu_norm");
        (void)snprintf(gate, sizeof gate, "swiglu.w1");
        (void)snprintf(up, sizeof up, "swiglu.w3");
        (void)snprintf(down, sizeof down, "swiglu.w2");
    } else {
        (void)snprintf(mixer, sizeof mixer, "layers.%d.mixer", i);
        (void)snprintf(norm, sizeof norm, "layers.%d.norm", i);
        (void)snprintf(gate, sizeof gate, "layers.%d.mlp.w1", i);
        (void)snprintf(up, sizeof up, "layers.%d.mlp.w2", i);
        (void)snprintf(down, sizeof down, "layers.%d.mlp.w3", i);
    }
    if (c->mixer_norm)
        MLM_TRY(list_norm(l, &y->mixer_norm, c->width, false, "scan_norm"));
    MLM_TRY(kn_load_matrix(l, &y->in_proj, mamba2_in_rows(m), c->width, "%s.in_proj.weight", mixer));
    for (int d = 0; d < m->n_directions; d++)
        MLM_TRY(list_direction(l, c, &y->mixer, d, mixer));
    MLM_TRY(kn_load_vector(l, &y->mixer.norm, m->d_inner, "%s.norm.weight", mixer));
    MLM_TRY(kn_load_matrix(l, &y->out_proj, c->width, m->d_inner, "%s.out_proj.weight", mixer));
    y->mixer.in_proj  = y->in_proj;
    y->mixer.out_proj = y->out_proj;
    if (c->swiglu_dim == 0)
        return MLM_OK;
    MLM_TRY(list_norm(l, &y->norm, c->width, c->layer_norm, norm));
    MLM_TRY(list_pair(l, &y->gate_up, c->swiglu_dim, c->width, c->swiglu_bias, gate, up));
    return list_linear(l, &y->down, c->width, c->swiglu_dim, c->swiglu_bias, down);
}

static mlm_status list_order(kn_loader *l, connector *m, int d)
{
    const connector_config *c = &m->config;
    if (c->order[d] == SCAN2D_ROW)
        return MLM_OK; /* absent: identity */
    m->order[d] = kn_arena_take(l->arena, KN_I32, 1, KN_DIMS(c->n_tokens));
    if (kn_loader_measuring(l))
        return MLM_OK;
    MLM_TRY(kn_arena_check(l->arena, "scan orders"));
    size_t   bytes = (size_t)c->n_tokens * sizeof(int32_t);
    int32_t *host  = malloc(bytes);
    if (!host)
        return mlm_fail_nomem(bytes, "scan order");
    scan2d_fill(host, c->order[d], c->grid, c->grid);
    mlm_status st = kn_upload(l->queue, m->order[d], host, bytes);
    free(host);
    return st;
}

static mlm_status list_tensors(kn_loader *l, void *model)
{
    connector              *m       = model;
    const connector_config *c       = &m->config;
    bool                    stacked = c->type == CONNECTOR_CROSS_SCAN_2D;
    int64_t                 in      = c->d_in;
    l->act                          = c->mixer.act;

    if (c->n_layers > 0) {
        MLM_TRY(list_linear(l, &m->first, c->width, c->d_in, true, stacked ? "mlp.fc" : "mlp.0"));
        for (int d = 0; d < c->mixer.n_directions; d++)
            MLM_TRY(list_order(l, m, d));
        for (int i = 0; i < c->n_layers; i++)
            MLM_TRY(list_layer(l, c, &m->layer[i], i));
        MLM_TRY(list_norm(l, &m->norm, c->width, c->layer_norm, stacked ? "norm" : "norm_f"));
        in = c->width;
    }
    for (int i = 0; i < c->n_proj; i++) {
        char name[32];
        if (stacked)
            (void)snprintf(name, sizeof name, "out_proj");
        else
            (void)snprintf(name, sizeof name, "projector.%d", 2 * i);
        if (i + 1 == c->n_proj && c->pool_grid == 0)
            l->act = KN_F32; /* y may be f32 */
        MLM_TRY(list_linear(l, &m->proj[i], c->proj_dim[i], in, true, name));
        in = c->proj_dim[i];
    }
    if (c->pool_grid == 0)
        return MLM_OK;
    MLM_TRY(kn_load_part(l, &m->peg_w, c->d_out, 9, 0, 0, "projector.%d.peg.0.weight", 2 * c->n_proj));
    return kn_load_vector(l, &m->peg_b, c->d_out, "projector.%d.peg.0.bias", 2 * c->n_proj);
}

mlm_status connector_load(connector **out, kn_queue *q, const connector_config *c, kn_weights *w,
                          const char *prefix)
{
    *out         = NULL;
    connector *m = calloc(1, sizeof *m);
    if (!m)
        return mlm_fail_nomem(sizeof *m, "connector");
    m->config     = *c;
    kn_loader  l  = {w, q, &m->arena, prefix, c->mixer.act, 0};
    mlm_status st = kn_loader_run(&l, list_tensors, m);
    if (st != MLM_OK) {
        connector_free(m);
        return st;
    }
    *out = m;
    return MLM_OK;
}

void connector_free(connector *m)
{
    if (!m)
        return;
    kn_matrix_free(m->first.w);
    for (int i = 0; i < m->config.n_layers; i++) {
        kn_matrix_free(m->layer[i].in_proj);
        kn_matrix_free(m->layer[i].out_proj);
        kn_matrix_free(m->layer[i].gate_up.w);
        kn_matrix_free(m->layer[i].down.w);
    }
    for (int i = 0; i < m->config.n_proj; i++)
        kn_matrix_free(m->proj[i].w);
    kn_arena_free(&m->arena);
    free(m);
}
