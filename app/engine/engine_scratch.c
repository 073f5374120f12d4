/* engine_scratch.c: activation memory, laid out by the parts themselves on an arena: measured, then taken. */
#include "app/engine/engine_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static mlm_status layout_text(engine_scratch *s, const model_config *c, int n_rows)
{
    MLM_TRY(lm_scratch_create(&s->lm, &s->arena, &c->text, n_rows, ENGINE_PREFILL_TOKENS));
    s->logits = kn_arena_take(&s->arena, KN_F32, 2, KN_DIMS(n_rows, c->text.vocab_rows));
    return MLM_OK;
}

static mlm_status layout_picture(engine_picture_scratch *s, const model_config *c)
{
    vision_scratch_take(&s->vision, &s->arena, &c->vision, 1);
    MLM_TRY(connector_scratch_create(&s->connector, &s->arena, c->connector, 1));
    int64_t patches = vision_config_n_patches(&c->vision), width = vision_config_width(&c->vision);
    s->features = kn_arena_take(&s->arena, KN_F32, 3, KN_DIMS(1, patches, width));
    s->rows     = kn_arena_take(&s->arena, KN_F32, 3, KN_DIMS(1, c->n_image_tokens, c->text.d_model));
    return MLM_OK;
}

static mlm_status measure_text(size_t *bytes, kn_device *dev, const model_config *c, int n_rows)
{
    engine_scratch s = {0};
    kn_arena_measure(&s.arena, dev);
    mlm_status status = layout_text(&s, c, n_rows);
    *bytes            = s.arena.used;
    lm_scratch_free(s.lm);
    return status;
}

static mlm_status measure_picture(size_t *bytes, kn_device *dev, const model_config *c)
{
    engine_picture_scratch s = {0};
    kn_arena_measure(&s.arena, dev);
    mlm_status status = layout_picture(&s, c);
    *bytes            = s.arena.used;
    connector_scratch_free(s.connector);
    return status;
}

mlm_status engine_scratch_measure(size_t *bytes, kn_device *dev, const model_config *c)
{
    size_t text = 0, picture = 0;
    MLM_TRY(measure_text(&text, dev, c, 1));
    MLM_TRY(measure_picture(&picture, dev, c));
    *bytes = text + picture;
    return MLM_OK;
}

mlm_status engine_batch_measure(size_t *bytes, kn_device *dev, const model_config *c, int n_rows)
{
    MLM_TRY(measure_text(bytes, dev, c, n_rows));
    *bytes += (size_t)n_rows * lm_config_state_bytes(&c->text);
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
        status = layout_text(s, c, n_rows);
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

mlm_status engine_picture_scratch_create(engine_picture_scratch *s, kn_device *dev, const model_config *c)
{
    size_t     bytes  = 0;
    mlm_status status = measure_picture(&bytes, dev, c);
    memset(s, 0, sizeof *s);
    if (status == MLM_OK)
        status = kn_arena_create(&s->arena, dev, bytes);
    if (status == MLM_OK)
        status = layout_picture(s, c);
    if (status == MLM_OK)
        status = kn_arena_check(&s->arena, "picture scratch");
    if (status != MLM_OK)
        engine_picture_scratch_free(s);
    return status;
}

void engine_picture_scratch_free(engine_picture_scratch *s)
{
    connector_scratch_free(s->connector);
    kn_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

mlm_status engine_lock(mlmamba_engine *eng)
{
    int error = pthread_mutex_lock(&eng->lock);
    if (error == 0)
        return MLM_OK;
    return mlm_fail(MLM_E_STATE,
                    "the engine is running on this thread: a callback may not ask, set a picture, or rewind");
}

void engine_unlock(mlmamba_engine *eng)
{
    (void)pthread_mutex_unlock(&eng->lock);
}
