/* stream_ahead.c: a thread that makes the next pictures ready while the model runs on a device of its own. */
#include "app/engine/stream_private.h"

#include <signal.h>
#include <string.h>

static void *maker_main(void *payload)
{
    stream        *st = payload;
    picture_maker *m  = &st->maker;
    (void)pthread_mutex_lock(&m->lock);
    for (;;) {
        while (!m->is_busy && !m->is_stopping)
            (void)pthread_cond_wait(&m->changed, &m->lock);
        if (!m->is_busy)
            break;
        (void)pthread_mutex_unlock(&m->lock);
        stream_make_pictures(&st->job);
        (void)pthread_mutex_lock(&m->lock);
        m->is_busy = false;
        (void)pthread_cond_broadcast(&m->changed);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* Signals belong to the program's own threads. */
static int start_blocked(pthread_t *thread, stream *st)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, maker_main, st);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

mlm_status stream_maker_open(stream *st)
{
    picture_maker *m = &st->maker;
    if (st->n_ahead == 0)
        return MLM_OK;
    if (pthread_mutex_init(&m->lock, NULL) != 0)
        return mlm_fail(MLM_E_NOMEM, "cannot create a lock");
    if (pthread_cond_init(&m->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&m->lock);
        return mlm_fail(MLM_E_NOMEM, "cannot create a lock");
    }
    m->is_started = start_blocked(&m->thread, st) == 0;
    if (m->is_started)
        return MLM_OK;
    (void)pthread_cond_destroy(&m->changed);
    (void)pthread_mutex_destroy(&m->lock);
    st->n_ahead = 0; /* slower, but it works */
    return MLM_OK;
}

void stream_maker_close(stream *st)
{
    picture_maker *m = &st->maker;
    if (!m->is_started)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->is_stopping = true;
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_join(m->thread, NULL);
    (void)pthread_cond_destroy(&m->changed);
    (void)pthread_mutex_destroy(&m->lock);
    m->is_started = false;
}

void stream_maker_start(stream *st)
{
    picture_maker *m = &st->maker;
    if (!m->is_started || st->job.n == 0) {
        stream_make_pictures(&st->job);
        return;
    }
    (void)pthread_mutex_lock(&m->lock);
    m->is_busy = true;
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

bool stream_maker_is_idle(stream *st, bool wait)
{
    picture_maker *m = &st->maker;
    if (!m->is_started)
        return true;
    (void)pthread_mutex_lock(&m->lock);
    while (wait && m->is_busy)
        (void)pthread_cond_wait(&m->changed, &m->lock);
    bool idle = !m->is_busy;
    (void)pthread_mutex_unlock(&m->lock);
    return idle;
}
