/*
 * engine_warm.c: a GPU takes memory and time at the first use of a kernel, a shape, a captured sequence.  Here is the first
 * use of all of them: a picture, a prompt and tokens, on the working row, before anybody asks.
 */
#include "app/engine/engine_private.h"

#define WARM_TOKENS 16

static mlm_status warm_picture(mlmamba_engine *eng)
{
    engine_picture_scratch *s = &eng->picture;
    lm_prefill_args         a = {.x = s->rows, .n_rows = 1, .n_tokens = eng->config.n_image_tokens};
    MLM_TRY(vision_capture(eng->queue, eng->vision, &s->vision, s->features));
    MLM_TRY(connector_forward(eng->queue, eng->connector, s->connector, s->features, s->rows, NULL, NULL));
    return lm_prefill(eng->queue, eng->lm, eng->one.lm, eng->one.state, &a);
}

mlm_status engine_warm(mlmamba_engine *eng)
{
    engine_scratch *s                = &eng->one;
    int32_t         ids[WARM_TOKENS] = {0};
    lm_prefill_args a = {.ids = ids, .n_rows = 1, .n_tokens = WARM_TOKENS, .logits = s->logits};
    if (!(kn_device_caps(eng->dev) & KN_CAP_GRAPHS))
        return MLM_OK;
    if (eng->config.has_vision)
        MLM_TRY(warm_picture(eng));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, s->lm, s->state, &a));
    return kn_queue_sync(eng->queue);
}
