/*
 * lm_pool.c: one-row states taken once and lent again and again, so that a conversation takes no device memory.  A state that
 * comes back may still be read by work that is under way: whoever gets it next must write it on the same queue.
 */
#include "lm/lm_private.h"

#include <stdlib.h>

static void take_all(lm_state_pool *p)
{
    for (int i = 0; i < p->n; i++)
        lm_state_take_tensors(&p->states[i], &p->arena);
}

mlm_status lm_state_pool_create(lm_state_pool **out, const lm_model *m, int n)
{
    *out = NULL;
    if (n < 0 || n > 65536)
        return mlm_fail(MLM_E_RANGE, "a pool of %d states, must be 0 to 65536", n);
    size_t         count = (size_t)n + 1; /* none is fine too */
    lm_state_pool *p     = calloc(1, sizeof *p);
    if (!p)
        return mlm_fail_nomem(sizeof *p, "pool of states");
    p->m        = m;
    p->n        = n;
    p->has_lock = pthread_mutex_init(&p->lock, NULL) == 0;
    p->states   = calloc(count, sizeof *p->states);
    p->idle     = calloc(count, sizeof *p->idle);
    if (!p->has_lock || !p->states || !p->idle) {
        lm_state_pool_free(p);
        return mlm_fail_nomem(count * (sizeof *p->states + sizeof *p->idle), "pool of states");
    }
    for (int i = n - 1; i >= 0; i--) {
        p->states[i]         = (lm_state){.config = m->config, .dev = m->dev, .n_rows = 1, .pool = p};
        p->idle[p->n_idle++] = &p->states[i];
    }
    kn_arena_measure(&p->arena, m->dev);
    take_all(p);
    mlm_status status = n == 0 ? MLM_OK : kn_arena_create(&p->arena, m->dev, p->arena.used);
    if (status == MLM_OK && n > 0) {
        take_all(p);
        status = kn_arena_check(&p->arena, "pool of states");
    }
    if (status != MLM_OK) {
        lm_state_pool_free(p);
        return status;
    }
    *out = p;
    return MLM_OK;
}

void lm_state_pool_free(lm_state_pool *p)
{
    if (!p)
        return;
    kn_arena_free(&p->arena);
    free(p->states);
    free(p->idle);
    if (p->has_lock)
        (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

mlm_status lm_state_take(lm_state **out, lm_state_pool *p)
{
    *out = NULL;
    (void)pthread_mutex_lock(&p->lock);
    if (p->n_idle > 0)
        *out = p->idle[--p->n_idle];
    (void)pthread_mutex_unlock(&p->lock);
    return *out ? MLM_OK : lm_state_create(out, p->m, 1);
}

void lm_state_give_back(lm_state *st)
{
    lm_state_pool *p = st->pool;
    (void)pthread_mutex_lock(&p->lock);
    p->idle[p->n_idle++] = st;
    (void)pthread_mutex_unlock(&p->lock);
}
