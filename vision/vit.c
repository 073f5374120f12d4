/* vit.c: weights and forward pass of a Vision Transformer (vit.h has the equation and the tensor names). */
#include "kernels/base/mlm_dtype.h"
#include "kernels/loader.h"
#include "vision/resize.h"
#include "vision/vit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------------- */

/* Position table [pos_grid^2, D] (after `skip` rows of the tensor) -> [n*n, D], resampled when the grids differ. */
static mlm_status read_positions(kn_loader *l, const vit_config *c, float *dst, int64_t skip)
{
    int     n = c->image_size / c->patch_size, g = c->pos_grid;
    int64_t D = c->width, count = (int64_t)g * g * D;
    char    name[KN_LOADER_NAME];
    MLM_TRY(kn_loader_name(l, name, "pos_embed"));
    if (g == n)
        return kn_weights_host_f32(l->weights, dst, name, skip * D, count, skip * D + count);
    float *stored = malloc((size_t)count * sizeof *stored);
    if (!stored)
        return mlm_fail_nomem((size_t)count * sizeof *stored, name);
    mlm_status st = kn_weights_host_f32(l->weights, stored, name, skip * D, count, skip * D + count);
    if (st == MLM_OK)
        st = vision_resize_grid_f32(dst, n, n, stored, g, g, c->width);
    free(stored);
    return st;
}

static mlm_status list_positions(kn_loader *l, vit_model *m)
{
    const vit_config *c = &m->config;
    int64_t           n = vit_n_patches(c), D = c->width;
    if (kn_loader_measuring(l))
        return kn_load_table(l, &m->pos, n, D, NULL);
    float *host = malloc((size_t)(n * D) * sizeof *host);
    if (!host)
        return mlm_fail_nomem((size_t)(n * D) * sizeof *host, "position table");
    mlm_status st = read_positions(l, c, host, c->pos_on_prefix ? 1 : 0);
    if (st == MLM_OK)
        st = kn_load_table(l, &m->pos, n, D, host);
    free(host);
    return st;
}

static mlm_status read_prefix(kn_loader *l, const vit_config *c, float *dst)
{
    int64_t D = c->width;
    char    name[KN_LOADER_NAME];
    if (c->class_token) {
        MLM_TRY(kn_loader_name(l, name, "cls_token"));
        MLM_TRY(kn_weights_host_f32(l->weights, dst, name, 0, D, D));
    }
    if (c->n_registers > 0) {
        MLM_TRY(kn_loader_name(l, name, "reg_token"));
        MLM_TRY(kn_weights_host_f32(l->weights, dst + (c->class_token ? D : 0), name, 0, c->n_registers * D,
                                    c->n_registers * D));
    }
    if (!c->pos_on_prefix)
        return MLM_OK;
    float *pos = malloc((size_t)D * sizeof *pos);
    if (!pos)
        return mlm_fail_nomem((size_t)D * sizeof *pos, "position of the class token");
    mlm_status st = kn_loader_name(l, name, "pos_embed");
    if (st == MLM_OK)
        st = kn_weights_host_f32(l->weights, pos, name, 0, D, D + (int64_t)c->pos_grid * c->pos_grid * D);
    for (int64_t i = 0; i < D && st == MLM_OK; i++)
        dst[i] += pos[i];
    free(pos);
    return st;
}

static mlm_status list_prefix(kn_loader *l, vit_model *m)
{
    int64_t n = vit_n_prefix(&m->config), D = m->config.width;
    if (n == 0)
        return MLM_OK;
    if (kn_loader_measuring(l))
        return kn_load_host(l, &m->prefix, n, D, NULL);
    float *host = malloc((size_t)(n * D) * sizeof *host);
    if (!host)
        return mlm_fail_nomem((size_t)(n * D) * sizeof *host, "prefix tokens");
    mlm_status st = read_prefix(l, &m->config, host);
    if (st == MLM_OK)
        st = kn_load_host(l, &m->prefix, n, D, host);
    free(host);
    return st;
}

static mlm_status list_norm(kn_loader *l, kn_tensor *w, kn_tensor *b, int64_t D, const char *name)
{
    MLM_TRY(kn_load_vector(l, w, D, "%s.weight", name));
    return kn_load_vector(l, b, D, "%s.bias", name);
}

static mlm_status list_linear(kn_loader *l, kn_matrix **w, kn_tensor *b, int64_t out, int64_t in, int block,
                              const char *name)
{
    MLM_TRY(kn_load_matrix(l, w, out, in, "blocks.%d.%s.weight", block, name));
    return kn_load_bias(l, b, out, "blocks.%d.%s.bias", block, name);
}

/* W and b of a layer with LayerScale, gamma (x W^T + b) = x (gamma W)^T + gamma b, rounded to bf16 once. */
static mlm_status read_scaled(kn_loader *l, uint16_t *w, float *b, int64_t out, int64_t in,
                              const char *name[3])
{
    size_t     n    = (size_t)(out * in);
    float     *wide = malloc(n * sizeof *wide), *gamma = malloc((size_t)out * sizeof *gamma);
    mlm_status st = wide && gamma ? MLM_OK : mlm_fail_nomem(n * sizeof *wide, name[0]);
    if (st == MLM_OK)
        st = kn_weights_host_f32(l->weights, wide, name[0], 0, out * in, out * in);
    if (st == MLM_OK)
        st = kn_weights_host_f32(l->weights, b, name[1], 0, out, out);
    if (st == MLM_OK)
        st = kn_weights_host_f32(l->weights, gamma, name[2], 0, out, out);
    for (int64_t o = 0; o < out && st == MLM_OK; o++) {
        b[o] *= gamma[o];
        for (int64_t i = 0; i < in; i++)
            w[o * in + i] = mlm_f32_to_bf16(wide[o * in + i] * gamma[o]);
    }
    free(wide);
    free(gamma);
    return st;
}

static mlm_status list_scaled(kn_loader *l, kn_matrix **m, kn_tensor *bias, int64_t out, int64_t in,
                              int block, const char *layer, const char *scale)
{
    char        text[3][KN_LOADER_NAME];
    const char *name[3] = {text[0], text[1], text[2]};
    MLM_TRY(kn_loader_name(l, text[0], "blocks.%d.%s.weight", block, layer));
    if (kn_loader_measuring(l)) {
        kn_load_reserve(l, text[0], out, in, true);
        return kn_load_table(l, bias, 0, out, NULL);
    }
    MLM_TRY(kn_loader_name(l, text[1], "blocks.%d.%s.bias", block, layer));
    MLM_TRY(kn_loader_name(l, text[2], "blocks.%d.%s.gamma", block, scale));
    uint16_t  *w  = malloc((size_t)(out * in) * sizeof *w);
    float     *b  = malloc((size_t)out * sizeof *b);
    mlm_status st = w && b ? read_scaled(l, w, b, out, in, name)
                           : mlm_fail_nomem((size_t)(out * in) * sizeof *w, name[0]);
    if (st == MLM_OK)
        st = kn_load_table(l, bias, 0, out, b);
    if (st == MLM_OK) {
        kn_matrix_part part = {.data = w, .dtype = KN_BF16, .out = out, .in = in};
        st                  = kn_matrix_create(m, kn_queue_device(l->queue), &part, 1);
    }
    free(w);
    free(b);
    return st;
}

/* Products of bf16 have no room for a scale in their epilogue; int8 weights keep theirs. */
static bool folds_scale(const kn_loader *l, const vit_config *c)
{
    char name[KN_LOADER_NAME];
    return c->layer_scale && l->act == KN_BF16 &&
           kn_loader_name(l, name, "blocks.0.attn.proj.weight_scale") == MLM_OK &&
           !kn_weights_has(l->weights, name);
}

static mlm_status list_block(kn_loader *l, const vit_config *c, vit_block *b, int i)
{
    int64_t D = c->width, F = c->mlp_dim;
    bool    fold = folds_scale(l, c);
    char    norm[48];
    (void)snprintf(norm, sizeof norm, "blocks.%d.norm1", i);
    MLM_TRY(list_norm(l, &b->norm1_w, &b->norm1_b, D, norm));
    MLM_TRY(list_linear(l, &b->qkv, &b->qkv_b, 3 * D, D, i, "attn.qkv"));
    MLM_TRY(fold ? list_scaled(l, &b->proj, &b->proj_b, D, D, i, "attn.proj", "ls1")
                 : list_linear(l, &b->proj, &b->proj_b, D, D, i, "attn.proj"));
    (void)snprintf(norm, sizeof norm, "blocks.%d.norm2", i);
    MLM_TRY(list_norm(l, &b->norm2_w, &b->norm2_b, D, norm));
    MLM_TRY(list_linear(l, &b->fc1, &b->fc1_b, F, D, i, "mlp.fc1"));
    MLM_TRY(fold ? list_scaled(l, &b->fc2, &b->fc2_b, D, F, i, "mlp.fc2", "ls2")
                 : list_linear(l, &b->fc2, &b->fc2_b, D, F, i, "mlp.fc2"));
    if (c->layer_scale && !fold) {
        MLM_TRY(kn_load_vector(l, &b->ls1, D, "blocks.%d.ls1.gamma", i));
        MLM_TRY(kn_load_vector(l, &b->ls2, D, "blocks.%d.ls2.gamma", i));
    }
    return MLM_OK;
}

static mlm_status list_tensors(kn_loader *l, void *model)
{
    vit_model        *m = model;
    const vit_config *c = &m->config;
    int64_t           D = c->width;
    MLM_TRY(kn_load_matrix(l, &m->patch, D, 3 * (int64_t)c->patch_size * c->patch_size,
                           "patch_embed.proj.weight"));
    if (c->patch_bias)
        MLM_TRY(kn_load_bias(l, &m->patch_b, D, "patch_embed.proj.bias"));
    MLM_TRY(list_positions(l, m));
    MLM_TRY(list_prefix(l, m));
    if (c->pre_norm)
        MLM_TRY(list_norm(l, &m->pre_w, &m->pre_b, D, "norm_pre"));
    for (int i = 0; i < c->n_blocks_run; i++)
        MLM_TRY(list_block(l, c, &m->blocks[i], i));
    return c->final_norm ? list_norm(l, &m->norm_w, &m->norm_b, D, "norm") : MLM_OK;
}

mlm_status vit_model_load(vit_model **out, kn_queue *q, const vit_config *c, kn_weights *w,
                          const char *prefix)
{
    *out         = NULL;
    vit_model *m = calloc(1, sizeof *m);
    if (!m)
        return mlm_fail_nomem(sizeof *m, "vision tower");
    m->config = *c;
    m->blocks = calloc((size_t)c->n_blocks_run, sizeof *m->blocks);
    if (!m->blocks) {
        vit_model_free(m);
        return mlm_fail_nomem((size_t)c->n_blocks_run * sizeof *m->blocks, "vision tower blocks");
    }
    kn_loader  l  = {w, q, &m->arena, prefix, c->dtype, 0};
    mlm_status st = kn_loader_run(&l, list_tensors, m);
    if (st != MLM_OK) {
        vit_model_free(m);
        return st;
    }
    *out = m;
    return MLM_OK;
}

void vit_model_free(vit_model *m)
{
    if (!m)
        return;
    for (int i = 0; m->blocks && i < m->config.n_blocks_run; i++) {
        kn_matrix_free(m->blocks[i].qkv);
        kn_matrix_free(m->blocks[i].proj);
        kn_matrix_free(m->blocks[i].fc1);
        kn_matrix_free(m->blocks[i].fc2);
    }
    kn_matrix_free(m->patch);
    kn_arena_free(&m->arena);
    free(m->blocks);
    free(m);
}

const vit_config *vit_model_config(const vit_model *m)
{
    return &m->config;
}

/* ---- running ------------------------------------------------------------------------------------- */

void vit_scratch_take(vit_scratch *s, kn_arena *arena, const vit_config *c, int64_t B)
{
    int64_t n = vit_n_patches(c), T = n + vit_n_prefix(c), D = c->width;
    int64_t patch = 3 * (int64_t)c->patch_size * c->patch_size, pitch = (patch + 7) / 8 * 8;
    s->patches = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, n, pitch)); /* rows on 16 bytes */
    s->patches = kn_slice(s->patches, 2, 0, patch);

    size_t start = arena->used; /* pixels are not looked at again once there are patches */
    s->pixels    = kn_arena_take(arena, KN_F32, 4, KN_DIMS(B, 3, c->image_size, c->image_size));
    size_t end   = arena->used;
    arena->used  = start;
    s->x         = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, T, D));
    s->h         = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, T, D));
    s->qkv       = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, T, 3 * D));
    s->att       = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, T, D));
    s->mlp       = kn_arena_take(arena, c->dtype, 3, KN_DIMS(B, T, c->mlp_dim));
    arena->used  = arena->used > end ? arena->used : end;

    s->is_cancelled = NULL;
}

/* The scratch cut to the pictures of this call. */
static vit_scratch first_pictures(const vit_scratch *s, int64_t B)
{
    vit_scratch v = {.x       = kn_slice(s->x, 0, 0, B),
                     .h       = kn_slice(s->h, 0, 0, B),
                     .qkv     = kn_slice(s->qkv, 0, 0, B),
                     .att     = kn_slice(s->att, 0, 0, B),
                     .mlp     = kn_slice(s->mlp, 0, 0, B),
                     .patches = kn_slice(s->patches, 0, 0, B)};
    return v;
}

static mlm_status embed(kn_queue *q, const vit_model *m, const vit_scratch *s, kn_patchify_args cut,
                        vit_probe probe, void *payload)
{
    const vit_config *c = &m->config;
    int64_t           n = vit_n_patches(c), prefix = vit_n_prefix(c);
    kn_tensor         rows = kn_slice(s->x, 1, prefix, n);
    cut.y                  = s->patches;
    cut.patch              = c->patch_size;
    MLM_TRY(kn_patchify(q, &cut));
    kn_linear_args project = {.x = s->patches, .w = m->patch, .bias = m->patch_b, .y = rows};
    if (probe) { /* without positions, which the product below adds */
        MLM_TRY(kn_linear(q, &project));
        probe("patch_embed", rows, payload);
    }
    project.residual = m->pos;
    MLM_TRY(kn_linear(q, &project));
    if (prefix > 0) {
        kn_copy_args copy = {.x = m->prefix, .y = kn_slice(s->x, 1, 0, prefix)};
        MLM_TRY(kn_copy(q, &copy));
    }
    if (c->pre_norm) {
        kn_layernorm_args norm = {.x = s->x, .w = m->pre_w, .b = m->pre_b, .y = s->x, .eps = c->norm_eps};
        MLM_TRY(kn_layernorm(q, &norm));
    }
    if (probe)
        probe("embed", s->x, payload);
    return MLM_OK;
}

static mlm_status run_block(kn_queue *q, const vit_config *c, const vit_block *b, const vit_scratch *s)
{
    kn_layernorm_args norm1 = {.x = s->x, .w = b->norm1_w, .b = b->norm1_b, .y = s->h, .eps = c->norm_eps};
    kn_linear_args    qkv   = {.x = s->h, .w = b->qkv, .bias = b->qkv_b, .y = s->qkv};
    kn_attention_args att   = {.qkv = s->qkv, .y = s->att, .n_heads = c->n_heads};
    kn_linear_args    proj  = {
            .x = s->att, .w = b->proj, .bias = b->proj_b, .gamma = b->ls1, .residual = s->x, .y = s->x};
    kn_layernorm_args norm2 = {.x = s->x, .w = b->norm2_w, .b = b->norm2_b, .y = s->h, .eps = c->norm_eps};
    kn_linear_args    fc1   = {.x = s->h, .w = b->fc1, .bias = b->fc1_b, .y = s->mlp, .act = c->act};
    kn_linear_args    fc2   = {
             .x = s->mlp, .w = b->fc2, .bias = b->fc2_b, .gamma = b->ls2, .residual = s->x, .y = s->x};
    MLM_TRY(kn_layernorm(q, &norm1));
    MLM_TRY(kn_linear(q, &qkv));
    MLM_TRY(kn_attention(q, &att));
    MLM_TRY(kn_linear(q, &proj));
    MLM_TRY(kn_layernorm(q, &norm2));
    MLM_TRY(kn_linear(q, &fc1));
    return kn_linear(q, &fc2);
}

static mlm_status check(const vit_config *c, const vit_scratch *s, kn_tensor pixels, kn_tensor y)
{
    int64_t B    = pixels.dim[0];
    int     last = pixels.dtype == KN_U8 ? 3 : 1; /* the axis of channels */
    if (pixels.rank != 4 || B < 1 || B > s->x.dim[0])
        return mlm_fail(MLM_E_RANGE, "vision tower: %lld pictures at once, must be 1 to %lld", (long long)B,
                        (long long)s->x.dim[0]);
    if (pixels.dim[last] != 3 || pixels.dim[2] != c->image_size || pixels.dim[4 - last] != c->image_size)
        return mlm_fail(MLM_E_SHAPE, "vision tower: pictures of [%lld,%lld,%lld], must be [3,%d,%d]",
                        (long long)pixels.dim[1], (long long)pixels.dim[2], (long long)pixels.dim[3],
                        c->image_size, c->image_size);
    if (y.rank != 3 || y.dim[0] != B || y.dim[1] != vit_n_patches(c) || y.dim[2] != c->width)
        return mlm_fail(MLM_E_SHAPE, "vision tower: the output must be [%lld,%d,%d]", (long long)B,
                        vit_n_patches(c), c->width);
    return MLM_OK;
}

static mlm_status forward(kn_queue *q, const vit_model *m, vit_scratch *scratch, const kn_patchify_args *cut,
                          kn_tensor y, vit_probe probe, void *payload)
{
    const vit_config *c = &m->config;
    MLM_TRY(check(c, scratch, cut->pixels, y));
    vit_scratch s = first_pictures(scratch, cut->pixels.dim[0]);
    MLM_TRY(embed(q, m, &s, *cut, probe, payload));
    for (int i = 0; i < c->n_blocks_run; i++) {
        if (scratch->is_cancelled && scratch->is_cancelled(scratch->cancel_payload))
            return mlm_fail(MLM_E_CANCELLED, "cancelled");
        MLM_TRY(run_block(q, c, &m->blocks[i], &s));
        if (probe) {
            char stage[32];
            (void)snprintf(stage, sizeof stage, "block%d", i);
            probe(stage, s.x, payload);
        }
    }
    kn_tensor rows = kn_slice(s.x, 1, vit_n_prefix(c), vit_n_patches(c));
    if (!c->final_norm) {
        kn_copy_args copy = {.x = rows, .y = y};
        return kn_copy(q, &copy);
    }
    kn_layernorm_args norm = {.x = rows, .w = m->norm_w, .b = m->norm_b, .y = y, .eps = c->norm_eps};
    MLM_TRY(kn_layernorm(q, &norm));
    if (probe)
        probe("norm", y, payload);
    return MLM_OK;
}

mlm_status vit_forward(kn_queue *q, const vit_model *m, vit_scratch *scratch, kn_tensor pixels, kn_tensor y,
                       vit_probe probe, void *payload)
{
    kn_patchify_args cut = {.pixels = pixels};
    return forward(q, m, scratch, &cut, y, probe, payload);
}

mlm_status vit_forward_view(kn_queue *q, const vit_model *m, vit_scratch *scratch, const vit_view *view,
                            kn_tensor y)
{
    kn_patchify_args cut = {.pixels = view->bytes, .table = view->table, .place = view->place};
    return forward(q, m, scratch, &cut, y, NULL, NULL);
}
