/* encoder.c: the towers of a model, run one after the other into the columns of one feature buffer. */
#include "vision/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- config -------------------------------------------------------------------------------------- */

/* One resize serves every tower; a tower may bring its own statistics ("image_mean", "image_std"). */
static mlm_status parse_preprocess(vision_preprocess *p, const vit_config *tower, const mlm_json_node *obj,
                                   const mlm_json_node *preprocessor, const char *where)
{
    MLM_TRY(vision_preprocess_parse(p, preprocessor, "preprocessor_config.json"));
    if (p->size != tower->image_size)
        return mlm_fail(MLM_E_CONFIG, "preprocessor_config.json: the size is %d, but %s.image_size is %d",
                        p->size, where, tower->image_size);
    if (mlm_json_get(obj, "image_mean"))
        MLM_TRY(mlm_json_req_floats(obj, where, "image_mean", 3, p->mean));
    if (mlm_json_get(obj, "image_std"))
        MLM_TRY(mlm_json_req_floats(obj, where, "image_std", 3, p->std));
    for (int i = 0; i < 3; i++)
        if (!(p->std[i] > 0.0f))
            return mlm_fail(MLM_E_CONFIG, "%s.image_std[%d] must be positive", where, i);
    return MLM_OK;
}

static mlm_status parse_tower(vision_config *c, const mlm_json_node *obj, const mlm_json_node *preprocessor,
                              const char *where)
{
    int i = c->n_towers;
    MLM_TRY(vit_config_parse(&c->tower[i], obj, where));
    MLM_TRY(parse_preprocess(&c->preprocess[i], &c->tower[i], obj, preprocessor, where));
    if (i > 0 && vit_n_patches(&c->tower[i]) != vit_n_patches(&c->tower[0]))
        return mlm_fail(MLM_E_CONFIG, "%s has %d patches, the first tower %d: they must be equal", where,
                        vit_n_patches(&c->tower[i]), vit_n_patches(&c->tower[0]));
    c->n_towers++;
    return MLM_OK;
}

mlm_status vision_config_parse(vision_config *out, const mlm_json_node *vision,
                               const mlm_json_node *preprocessor)
{
    static const char *const types[] = {"vit", "concat", NULL};
    vision_config            c       = {0};
    int                      type;
    MLM_TRY(mlm_json_req_choice(vision, "config.json: vision", "type", types, &type));
    if (type == 0) {
        MLM_TRY(parse_tower(&c, vision, preprocessor, "config.json: vision"));
        *out = c;
        return MLM_OK;
    }
    const mlm_json_node *list = mlm_json_get(vision, "towers");
    if (!list || mlm_json_type_of(list) != MLM_JSON_ARRAY || mlm_json_count(list) < 1 ||
        mlm_json_count(list) > VISION_MAX_TOWERS)
        return mlm_fail(MLM_E_CONFIG, "config.json: vision.towers must be a list of 1 to %d towers",
                        VISION_MAX_TOWERS);
    for (const mlm_json_node *v = mlm_json_first(list); v; v = mlm_json_next(v)) {
        char where[64];
        (void)snprintf(where, sizeof where, "config.json: vision.towers[%d]", c.n_towers);
        if (mlm_json_type_of(v) != MLM_JSON_OBJECT)
            return mlm_fail(MLM_E_CONFIG, "%s must be an object", where);
        MLM_TRY(parse_tower(&c, v, preprocessor, where));
    }
    *out = c;
    return MLM_OK;
}

int vision_config_width(const vision_config *c)
{
    int width = 0;
    for (int i = 0; i < c->n_towers; i++)
        width += c->tower[i].width;
    return width;
}

int vision_config_n_patches(const vision_config *c)
{
    return vit_n_patches(&c->tower[0]);
}

void vision_config_set_dtype(vision_config *c, kn_dtype dtype)
{
    for (int i = 0; i < c->n_towers; i++)
        c->tower[i].dtype = dtype;
}

/* ---- model --------------------------------------------------------------------------------------- */

struct vision_encoder {
    vision_config config;
    vit_model    *tower[VISION_MAX_TOWERS];
};

mlm_status vision_encoder_load(vision_encoder **out, kn_queue *q, const vision_config *c, kn_weights *w)
{
    *out                = NULL;
    vision_encoder *enc = calloc(1, sizeof *enc);
    if (!enc)
        return mlm_fail_nomem(sizeof *enc, "vision encoder");
    enc->config = *c;
    for (int i = 0; i < c->n_towers; i++) {
        char prefix[32] = "vision_tower.";
        if (c->n_towers > 1)
            (void)snprintf(prefix, sizeof prefix, "vision_tower.%d.", i);
        mlm_status st = vit_model_load(&enc->tower[i], q, &c->tower[i], w, prefix);
        if (st != MLM_OK) {
            vision_encoder_free(enc);
            return st;
        }
    }
    *out = enc;
    return MLM_OK;
}

void vision_encoder_free(vision_encoder *enc)
{
    if (!enc)
        return;
    for (int i = 0; i < VISION_MAX_TOWERS; i++)
        vit_model_free(enc->tower[i]);
    free(enc);
}

const vision_config *vision_encoder_config(const vision_encoder *enc)
{
    return &enc->config;
}

const vit_model *vision_encoder_tower(const vision_encoder *enc, int tower)
{
    return tower >= 0 && tower < enc->config.n_towers ? enc->tower[tower] : NULL;
}

/* The towers run one after the other: their activations lie over each other. */
void vision_scratch_take(vision_scratch *s, kn_arena *arena, const vision_config *c, int64_t B)
{
    int size     = c->tower[0].image_size;
    s->max_batch = B;
    for (int i = 1; i < c->n_towers; i++)
        size = c->tower[i].image_size > size ? c->tower[i].image_size : size;
    s->pixels    = kn_arena_take(arena, KN_F32, 4, KN_DIMS(B, 3, size, size));
    size_t start = arena->used, end = start;
    for (int i = 0; i < c->n_towers; i++) {
        arena->used = start;
        vit_scratch_take(&s->tower[i], arena, &c->tower[i], B);
        end = arena->used > end ? arena->used : end;
    }
    arena->used     = end;
    s->is_cancelled = NULL;
}

mlm_status vision_encode(kn_queue *q, const vision_encoder *enc, vision_scratch *s, const float *pixels,
                         int64_t B, kn_tensor y, vit_probe probe, void *payload)
{
    const vision_config *c = &enc->config;
    if (B < 1 || B > s->max_batch)
        return mlm_fail(MLM_E_RANGE, "vision encoder: %lld pictures at once, must be 1 to %lld", (long long)B,
                        (long long)s->max_batch);
    if (y.rank != 3 || y.dim[0] != B || y.dim[2] != vision_config_width(c))
        return mlm_fail(MLM_E_SHAPE, "vision encoder: the output must be [%lld,%d,%d]", (long long)B,
                        vision_config_n_patches(c), vision_config_width(c));
    int64_t column = 0;
    for (int i = 0; i < c->n_towers; i++) {
        int64_t   size = c->tower[i].image_size, width = c->tower[i].width, count = B * 3 * size * size;
        kn_tensor in = kn_tensor_make(s->pixels.buf, s->pixels.offset, KN_F32, 4, KN_DIMS(B, 3, size, size));
        s->tower[i].is_cancelled   = s->is_cancelled;
        s->tower[i].cancel_payload = s->cancel_payload;
        MLM_TRY(kn_upload(q, in, pixels, (size_t)count * sizeof *pixels));
        MLM_TRY(
            vit_forward(q, enc->tower[i], &s->tower[i], in, kn_slice(y, 2, column, width), probe, payload));
        pixels += count;
        column += width;
    }
    return MLM_OK;
}
