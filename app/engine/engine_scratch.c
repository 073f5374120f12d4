/* engine_scratch.c: activation memory, laid out by the parts themselves on an arena: measured, then taken. */
#include "app/engine/engine_private.h"

#include <string.h>

static bool is_host(const kn_device *dev)
{
    return (kn_device_caps(dev) & KN_CAP_HOST) != 0;
}

/* Where a row must have the bits that it has alone, pieces are cut at the same places for one row and for many.  Otherwise an
 * accelerator wants long pieces, and memory that does not grow with the rows. */
static mlm_status layout_text(engine_scratch *s, const model_config *c, int n_rows, const kn_device *dev)
{
    bool alone  = (kn_device_caps(dev) & KN_CAP_ALONE) != 0;
    int  room   = ENGINE_DEVICE_ROOM / n_rows;
    int  tokens = alone || room < 1             ? ENGINE_PREFILL_TOKENS
                  : room < ENGINE_DEVICE_TOKENS ? room
                                                : ENGINE_DEVICE_TOKENS;
    MLM_TRY(lm_scratch_create(&s->lm, &s->arena, &c->text, n_rows, tokens));
    if (!alone)
        lm_scratch_share_tokens(s->lm, ENGINE_DEVICE_TOKENS);
    else if (!is_host(dev))
        lm_scratch_pad_tokens(s->lm, ENGINE_LEAST_TOKENS);
    s->logits = kn_arena_take(&s->arena, KN_F32, 2, KN_DIMS(n_rows, c->text.vocab_rows));
    return MLM_OK;
}

bool engine_has_side(const kn_device *dev, const model_config *c)
{
    return c->has_vision && c->vision.n_towers > 1 && (kn_device_caps(dev) & KN_CAP_GRAPHS) != 0;
}

static mlm_status layout_picture(engine_picture_scratch *s, const model_config *c, int n_pictures,
                                 const vision_side *side)
{
    vision_scratch_take(&s->vision, &s->arena, &c->vision, n_pictures, side);
    MLM_TRY(connector_scratch_create(&s->connector, &s->arena, c->connector, n_pictures));
    int64_t patches = vision_config_n_patches(&c->vision), width = vision_config_width(&c->vision);
    s->features = kn_arena_take(&s->arena, c->vision.tower[0].dtype, 3, KN_DIMS(n_pictures, patches, width));
    s->rows = kn_arena_take(&s->arena, KN_F32, 3, KN_DIMS(n_pictures, c->n_image_tokens, c->text.d_model));
    return MLM_OK;
}

static mlm_status measure_text(size_t *bytes, kn_device *dev, const model_config *c, int n_rows)
{
    engine_scratch s = {0};
    kn_arena_measure(&s.arena, dev);
    mlm_status status = layout_text(&s, c, n_rows, dev);
    *bytes            = s.arena.used;
    lm_scratch_free(s.lm);
    return status;
}

static mlm_status measure_picture(size_t *bytes, kn_device *dev, const model_config *c, int n_pictures)
{
    engine_picture_scratch s = {0};
    *bytes                   = 0;
    if (!c->has_vision)
        return MLM_OK;
    static const vision_side planned = {0}; /* only that there is one matters here */
    kn_arena_measure(&s.arena, dev);
    mlm_status status = layout_picture(&s, c, n_pictures, engine_has_side(dev, c) ? &planned : NULL);
    *bytes            = s.arena.used;
    connector_scratch_free(s.connector);
    return status;
}

mlm_status engine_scratch_measure(size_t *bytes, kn_device *dev, const model_config *c)
{
    size_t text = 0, picture = 0;
    MLM_TRY(measure_text(&text, dev, c, 1));
    MLM_TRY(measure_picture(&picture, dev, c, 1));
    *bytes = text + picture;
    return MLM_OK;
}

int engine_batch_pictures(const kn_device *dev, int n_rows)
{
    int most = is_host(dev) ? ENGINE_HOST_PICTURES : ENGINE_MAX_PICTURES;
    return n_rows < most ? n_rows : most;
}

mlm_status engine_batch_measure(size_t *bytes, kn_device *dev, const model_config *c, int n_rows)
{
    size_t pictures = 0;
    MLM_TRY(measure_text(bytes, dev, c, n_rows));
    MLM_TRY(measure_picture(&pictures, dev, c, engine_batch_pictures(dev, n_rows)));
    *bytes += (size_t)n_rows * lm_config_state_bytes(&c->text) + pictures;
    return MLM_OK;
}

mlm_status engine_scratch_create(engine_scratch *s, kn_device *dev, const model_config *c, const lm_model *m,
                                 int n_rows)
{
    size_t     bytes  = 0;
    mlm_status status = measure_text(&bytes, dev, c, n_rows);
    memset(s, 0, sizeof *s);
    if (status == MLM_OK)
        status = kn_arena_create(&s->arena, dev, bytes);
    if (status == MLM_OK)
        status = layout_text(s, c, n_rows, dev);
    if (status == MLM_OK)
        status = kn_arena_check(&s->arena, "language model scratch");
    if (status == MLM_OK)
        status = lm_state_create(&s->state, m, n_rows);
    s->n_rows = n_rows;
    if (status != MLM_OK)
        engine_scratch_free(s);
    return status;
}

void engine_scratch_free(engine_scratch *s)
{
    lm_state_free(s->state);
    lm_scratch_free(s->lm);
    kn_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

mlm_status engine_picture_scratch_create(engine_picture_scratch *s, kn_device *dev, const model_config *c,
                                         int n_pictures, const vision_side *side)
{
    size_t     bytes  = 0;
    mlm_status status = measure_picture(&bytes, dev, c, n_pictures);
    memset(s, 0, sizeof *s);
    if (!c->has_vision)
        return status;
    if (status == MLM_OK)
        status = kn_arena_create(&s->arena, dev, bytes);
    if (status == MLM_OK)
        status = layout_picture(s, c, n_pictures, side);
    if (status == MLM_OK)
        status = kn_arena_check(&s->arena, "picture scratch");
    if (status != MLM_OK)
        engine_picture_scratch_free(s);
    return status;
}

void engine_picture_scratch_free(engine_picture_scratch *s)
{
    vision_scratch_free(&s->vision);
    connector_scratch_free(s->connector);
    kn_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

mlm_status engine_prepare_batch(mlmamba_engine *eng)
{
    mlm_status status = MLM_OK;
    MLM_TRY(engine_lock(eng));
    eng->n_pictures = engine_batch_pictures(eng->dev, eng->max_batch);
    if (eng->pictures.connector == NULL)
        status = engine_picture_scratch_create(&eng->pictures, eng->dev, &eng->config, eng->n_pictures,
                                               eng->side.queue != NULL ? &eng->side : NULL);
    if (status == MLM_OK && eng->many.state == NULL)
        status = engine_scratch_create(&eng->many, eng->dev, &eng->config, eng->lm, eng->max_batch);
    engine_unlock(eng);
    return status;
}
