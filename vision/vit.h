/*
 * vit.h: one Vision Transformer, driven by its config.  The built-in tower, DINOv2 (class token, registers,
 * LayerScale, erf GELU, block 22 of 24, no final norm), SigLIP (head dim 72, block 25 of 27) and CLIP (norm before the
 * first block, quick GELU, a position for the class token) are configs of this one forward pass.
 *
 *   x = [prefix tokens | patch_embed(pixels) + pos];  per block:
 *   x += ls1 * proj(attention(norm1(x)));  x += ls2 * fc2(gelu(fc1(norm2(x))))
 *
 * Tensor names are timm's: patch_embed.proj, pos_embed, cls_token, reg_token, blocks.N.{norm1,attn.qkv,
 * attn.proj,ls1.gamma,norm2,mlp.fc1,mlp.fc2,ls2.gamma}, norm_pre, norm.
 */
#ifndef VISION_VIT_H
#define VISION_VIT_H

#include "kernels/base/mlm_json.h"
#include "kernels/weights.h"

typedef struct vit_config {
    int      image_size, patch_size;
    int      width, n_layers, n_heads, mlp_dim;
    int      n_registers; /* register tokens after the class token                       */
    bool     class_token;
    bool     layer_scale;
    bool     pre_norm;      /* CLIP: LayerNorm before the first block (tensor norm_pre)    */
    bool     patch_bias;    /* patch_embed.proj.bias exists                                */
    bool     pos_on_prefix; /* the position table also covers the class token (CLIP)      */
    int      pos_grid;      /* side of the stored position table; resampled when != image_size/patch_size */
    int      n_blocks_run;  /* blocks that are computed: n_layers, or the index of the output block + 1 */
    bool     final_norm;
    kn_act   act;
    float    norm_eps;
    kn_dtype dtype; /* of activations: f32 (0), or bf16 on a device with KN_CAP_BF16; the output has it too */
} vit_config;

/* From one tower object of config.json; `where` names it ("config.json: vision"). */
mlm_status vit_config_parse(vit_config *out, const mlm_json_node *tower, const char *where) MLM_WARN_UNUSED;
static inline int vit_n_patches(const vit_config *c)
{
    int n = c->image_size / c->patch_size;
    return n * n;
}
static inline int vit_n_prefix(const vit_config *c)
{
    return (c->class_token ? 1 : 0) + c->n_registers;
}

typedef struct vit_model vit_model;

/* `prefix` is put before the tensor names ("vision_tower."). */
mlm_status        vit_model_load(vit_model **out, kn_queue *q, const vit_config *c, kn_weights *w,
                                 const char *prefix) MLM_WARN_UNUSED;
void              vit_model_free(vit_model *m); /* NULL is fine */
const vit_config *vit_model_config(const vit_model *m);

/* Activations for at most B pictures, taken from an arena. */
typedef struct vit_scratch {
    kn_tensor x, h, qkv, att, mlp, patches;
    kn_tensor pixels; /* [B,3,S,S] f32, room for vit_forward's; lies under the others: good for one call */
    bool (*is_cancelled)(void *payload); /* may be NULL; polled before each block, true: MLM_E_CANCELLED */
    void *cancel_payload;
} vit_scratch;
void vit_scratch_take(vit_scratch *s, kn_arena *arena, const vit_config *c, int64_t B);

/* Called after each named stage, for golden tests and probes: "patch_embed", "embed", "block0", ..., "norm". */
typedef void (*vit_probe)(const char *stage, kn_tensor t, void *payload);

/* pixels [B,3,S,S] f32 -> y [B,n_patches,width] (rows may be strided: a column range of a concat buffer).
 * probe may be NULL.  Enqueues only. */
mlm_status vit_forward(kn_queue *q, const vit_model *m, vit_scratch *s, kn_tensor pixels, kn_tensor y,
                       vit_probe probe, void *payload) MLM_WARN_UNUSED;
/* The same from bytes, with the bits of the pixels that they stand for: see kn_patchify. */
typedef struct vit_view {
    kn_tensor bytes, place, table; /* [B,S,S,3] u8, i32 [B,4], [3,257] */
} vit_view;
mlm_status vit_forward_view(kn_queue *q, const vit_model *m, vit_scratch *s, const vit_view *view,
                            kn_tensor y) MLM_WARN_UNUSED;

#endif
