/*
 * engine_memory.c: what a model needs, before anything is loaded, and what a limit leaves of it.  The weights, the
 * working memory and one conversation must fit; rows of a batch and kept states then share what is left, because
 * fewer of them cost time but change no answer.
 */
#include "app/engine/engine_private.h"

#define MEGABYTE 1048576.0

/* States behind answers that a session keeps for instant rewind. */
static size_t kept_quota(size_t state, size_t kept_bytes)
{
    size_t most = kept_bytes / (state > 0 ? state : 1);
    most        = most < SESSION_MAX_KEPT ? most : SESSION_MAX_KEPT;
    return (most > SESSION_MIN_KEPT ? most : SESSION_MIN_KEPT) * state;
}

mlm_status engine_memory_estimate(mlmamba_memory *m, kn_device *dev, const model_config *c,
                                  const kn_weights *w, int max_batch, size_t kept_bytes)
{
    size_t state     = lm_config_row_bytes(&c->text);
    m->weights_bytes = (size_t)kn_weights_total_bytes(w);
    m->session_bytes =
        2 * state + kept_quota(state, kept_bytes); /* the picture's, the one being made, the kept ones */
    m->snapshot_bytes = state;
    MLM_TRY(engine_scratch_measure(&m->scratch_bytes, dev, c));
    m->scratch_bytes += state; /* the working row */
    return engine_batch_measure(&m->batch_bytes, dev, c, max_batch);
}

int engine_pool_states(const mlmamba_engine *eng)
{
    size_t state = eng->memory.snapshot_bytes > 0 ? eng->memory.snapshot_bytes : 1;
    return engine_is_accelerated(eng->dev) ? (int)(eng->memory.session_bytes / state) : 0;
}

void engine_memory_note(mlmamba_engine *eng, enum engine_share share)
{
    kn_device_info info;
    int64_t        noted = 0;
    if (!engine_is_accelerated(eng->dev))
        return;
    kn_device_get_info(eng->dev, &info);
    for (int i = 0; i < ENGINE_SHARES; i++)
        noted += eng->share[i];
    eng->share[share] += (int64_t)(info.total_bytes - info.free_bytes) - noted;
}

mlm_status engine_memory_check_free(const mlmamba_engine *eng, bool with_batch)
{
    const mlmamba_memory *m    = &eng->memory;
    size_t                free = eng->dev_info.free_bytes;
    size_t need = m->weights_bytes + m->scratch_bytes + m->session_bytes + (with_batch ? m->batch_bytes : 0);
    if (!engine_is_accelerated(eng->dev) || free == 0 || need <= free)
        return MLM_OK;
    return mlm_fail(MLM_E_NOMEM, "needs about %.1f MB of memory on %s, %.1f MB are free there",
                    (double)need / MEGABYTE, eng->dev_info.name, (double)free / MEGABYTE);
}

mlm_status engine_memory_fit(mlmamba_engine *eng, size_t limit)
{
    mlmamba_memory *m     = &eng->memory;
    size_t          state = m->snapshot_bytes, least = 0;
    eng->kept_bytes = kept_quota(state, eng->kept_bytes);
    if (limit == 0)
        return MLM_OK;
    MLM_TRY(engine_batch_measure(&least, eng->dev, &eng->config, 1));
    size_t need = m->weights_bytes + m->scratch_bytes + (2 + SESSION_MIN_KEPT) * state;
    if (need + least > limit)
        return mlm_fail(MLM_E_NOMEM, "needs about %.1f MB of memory, the limit is %.1f MB",
                        (double)(need + least) / MEGABYTE, (double)limit / MEGABYTE);
    size_t left = limit - need;
    while (m->batch_bytes > left && eng->max_batch > 1)
        MLM_TRY(engine_batch_measure(&m->batch_bytes, eng->dev, &eng->config, --eng->max_batch));
    left = left - m->batch_bytes + SESSION_MIN_KEPT * state;
    if (eng->kept_bytes > left)
        eng->kept_bytes = left - left % state;
    m->session_bytes = 2 * state + eng->kept_bytes;
    return MLM_OK;
}
