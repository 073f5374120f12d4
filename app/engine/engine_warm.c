/*
 * engine_warm.c: a GPU takes memory and time at the first use of a kernel, a shape, a captured sequence.  Here is the first
 * use of all of them: a picture, a prompt and tokens, on the working rows, before anybody asks.
 */
#include "app/engine/engine_private.h"

#include <stdlib.h>

#define WARM_TOKENS 40 /* of a prompt */

/* n pictures, up to the state of the first rows. */
static mlm_status warm_pictures(mlmamba_engine *eng, engine_picture_scratch *s, engine_scratch *text, int n)
{
    lm_prefill_args a                = {.x = s->rows, .n_rows = n, .n_tokens = eng->config.n_image_tokens};
    int32_t         ids[WARM_TOKENS] = {0};
    if (!eng->config.has_vision)
        return MLM_OK;
    MLM_TRY(vision_capture(eng->queue, eng->vision, &s->vision, s->features));
    MLM_TRY(connector_forward(eng->queue, eng->connector, s->connector,
                              kn_slice(s->features, 0, 0, s->n_joined), kn_slice(s->rows, 0, 0, s->n_joined),
                              NULL, NULL));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, text->lm, text->state, &a));
    if (n > 1)
        return MLM_OK;
    a.ids   = ids; /* and a picture whose question is read with it; what is kept between them means nothing */
    a.n_ids = WARM_TOKENS;
    a.logits = kn_slice(text->logits, 0, 0, 1);
    MLM_TRY(lm_state_take(&a.between, eng->states));
    mlm_status status = lm_prefill(eng->queue, eng->lm, text->lm, text->state, &a);
    lm_state_free(a.between);
    return status;
}

/* A prompt of n rows, and steps. */
static mlm_status warm_text(mlmamba_engine *eng, engine_scratch *s, int n)
{
    int32_t *ids = calloc((size_t)n * WARM_TOKENS, sizeof *ids);
    if (ids == NULL)
        return mlm_fail_nomem((size_t)n * WARM_TOKENS * sizeof *ids, "prompts");
    lm_prefill_args a = {
        .ids = ids, .n_rows = n, .n_tokens = WARM_TOKENS, .logits = kn_slice(s->logits, 0, 0, n)};
    mlm_status status = lm_prefill(eng->queue, eng->lm, s->lm, s->state, &a);
    free(ids);
    MLM_TRY(status);
    return lm_step_prepare(eng->queue, eng->lm, s->lm, s->state, s->logits, n);
}

mlm_status engine_warm(mlmamba_engine *eng)
{
    if (!engine_is_accelerated(eng->dev))
        return MLM_OK;
    MLM_TRY(warm_pictures(eng, &eng->picture, &eng->one, 1));
    return warm_text(eng, &eng->one, 1);
}

mlm_status engine_warm_batch(mlmamba_engine *eng)
{
    if (!engine_is_accelerated(eng->dev))
        return MLM_OK;
    MLM_TRY(warm_pictures(eng, &eng->pictures, &eng->many, eng->n_pictures));
    return warm_text(eng, &eng->many, eng->max_batch);
}
