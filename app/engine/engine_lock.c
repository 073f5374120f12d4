/*
 * engine_lock.c: who runs the model.  `lock` is held for one piece of work (a picture, a question, one turn of a
 * batch), `batch_lock` for a whole batch.  Both tell a call from inside a callback from one of another thread.
 */
#include "app/engine/engine_private.h"

#include <time.h>

#define GIVE_WAY_NS   50000L
#define GIVE_WAY_MOST 200

mlm_status engine_lock(mlmamba_engine *eng)
{
    (void)atomic_fetch_add(&eng->n_waiting, 1);
    int error = pthread_mutex_lock(&eng->lock);
    (void)atomic_fetch_sub(&eng->n_waiting, 1);
    if (error == 0)
        return MLM_OK;
    return mlm_fail(MLM_E_STATE,
                    "the engine is running on this thread: a callback may not ask, set a picture, or rewind");
}

/* A mutex is not fair: the thread that has just released it would get it again, and who asks in a loop would keep a batch from its
 * next token.  Until one of those that waited has it, or for some milliseconds. */
static void give_way(mlmamba_engine *eng, int n_waited)
{
    const struct timespec moment = {.tv_nsec = GIVE_WAY_NS};
    for (int i = 0; i < GIVE_WAY_MOST && n_waited > 0 && atomic_load(&eng->n_waiting) >= n_waited; i++)
        (void)nanosleep(&moment, NULL);
}

void engine_unlock(mlmamba_engine *eng)
{
    int n_waiting = atomic_load(&eng->n_waiting);
    (void)pthread_mutex_unlock(&eng->lock);
    give_way(eng, n_waiting);
}

mlm_status engine_batch_lock(mlmamba_engine *eng)
{
    if (pthread_mutex_lock(&eng->batch_lock) == 0)
        return MLM_OK;
    return mlm_fail(MLM_E_STATE,
                    "a batch is running on this thread: its callbacks may not start another one");
}

void engine_batch_unlock(mlmamba_engine *eng)
{
    (void)pthread_mutex_unlock(&eng->batch_lock);
}
