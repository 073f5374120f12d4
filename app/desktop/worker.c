/* worker.c: the inference thread: its loop, and how others stop it. */
#include "app/desktop/worker_private.h"

#include "app/vqa/vqa_job.h"
#include "kernels/base/mlm_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool worker_is_cancelled(const worker *w, uint64_t ask_serial)
{
    return atomic_load(&w->closing) || (ask_serial != 0 && atomic_load(&w->ask_cancelled) >= ask_serial);
}

void worker_fail(worker *w, ui_event_type type, const ui_request *req, mlm_status status)
{
    ui_event ev    = {.type = type, .serial = req->serial, .id = req->id, .status = status};
    ev.sight       = req->sight;
    ev.sight.image = NULL;
    ev.text        = strdup(mlm_error_message());
    event_box_put(w->events, &ev);
}

static bool is_question_or_look(const ui_request *req)
{
    return req->type == UI_REQ_ASK || req->type == UI_REQ_LOOK;
}

static void begin_job(worker *w, const ui_request *req)
{
    (void)pthread_mutex_lock(&w->session_lock);
    w->job_serial      = req->serial;
    w->job_type        = req->type;
    w->job_sight       = req->sight;
    w->job_sight.image = NULL;
    (void)pthread_mutex_unlock(&w->session_lock);
}

static void end_job(worker *w)
{
    (void)pthread_mutex_lock(&w->session_lock);
    w->job_serial = 0;
    (void)pthread_mutex_unlock(&w->session_lock);
}

static void run_request(worker *w, const ui_request *req)
{
    switch ((int)req->type) {
    case UI_REQ_LOAD:
        worker_load(w, req);
        break;
    case UI_REQ_UNLOAD:
        worker_unload(w);
        event_box_put_simple(w->events, UI_EV_UNLOADED, req->serial, 0, MLM_OK);
        worker_report_memory(w);
        break;
    case UI_REQ_LOOK:
        /* Somebody who waits for an answer, or looks at something else by now, goes first. */
        if (request_box_has(&w->requests, is_question_or_look)) {
            (void)mlm_fail(MLM_E_CANCELLED, "something newer came");
            worker_fail(w, UI_EV_LOOK_FAILED, req, MLM_E_CANCELLED);
        } else {
            worker_look(w, req);
        }
        break;
    case UI_REQ_ASK:
        worker_ask(w, req);
        worker_report_memory(w);
        break;
    case UI_REQ_FORGET:
        states_drop_turn(w, req->id);
        worker_report_memory(w);
        break;
    case UI_REQ_BATCH_START:
        worker_batch(w, req);
        worker_report_memory(w);
        break;
    default:
        break;
    }
}

static void *thread_main(void *arg)
{
    worker    *w   = arg;
    ui_request req = {0};
    /* The window's thread goes first on a busy machine; threads of the engine inherit this. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
    while (!atomic_load(&w->closing) && request_box_take(&w->requests, &req)) {
        begin_job(w, &req);
        if (!atomic_load(&w->closing))
            run_request(w, &req);
        end_job(w);
        ui_request_free(&req);
    }
    worker_unload(w);
    return NULL;
}

mlm_status worker_create(worker **out, event_box *events)
{
    *out      = NULL;
    worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail_nomem(sizeof *w, "worker");
    w->events         = events;
    mlm_status status = request_box_open(&w->requests);
    if (status != MLM_OK) {
        free(w);
        return status;
    }
    if (pthread_mutex_init(&w->session_lock, NULL) != 0) {
        status = mlm_fail(MLM_E_NOMEM, "cannot make a lock");
    } else if (pthread_create(&w->thread, NULL, thread_main, w) != 0) {
        status = mlm_fail(MLM_E_NOMEM, "cannot start the inference thread: %s", strerror(errno));
        (void)pthread_mutex_destroy(&w->session_lock);
    }
    if (status != MLM_OK) {
        request_box_free(&w->requests);
        free(w);
        return status;
    }
    *out = w;
    return MLM_OK;
}

/* With or without something running. */
static void cancel_session(worker *w)
{
    (void)pthread_mutex_lock(&w->session_lock);
    if (w->session != NULL)
        mlmamba_session_cancel(w->session);
    if (w->job != NULL && atomic_load(&w->closing))
        vqa_job_stop(w->job);
    (void)pthread_mutex_unlock(&w->session_lock);
}

static void stop_batch(worker *w, uint64_t serial)
{
    atomic_store(&w->batch_cancelled, serial);
    (void)pthread_mutex_lock(&w->session_lock);
    if (w->job != NULL)
        vqa_job_stop(w->job);
    (void)pthread_mutex_unlock(&w->session_lock);
}

/* A look ahead at something else makes way. */
static void cancel_other_look(worker *w, const ui_sight *wanted)
{
    (void)pthread_mutex_lock(&w->session_lock);
    if (w->job_serial != 0 && w->job_type == UI_REQ_LOOK && !sight_equal(&w->job_sight, wanted) &&
        w->session != NULL)
        mlmamba_session_cancel(w->session);
    (void)pthread_mutex_unlock(&w->session_lock);
}

void worker_post(worker *w, ui_request *req)
{
    ui_sight sight = req->sight;
    switch ((int)req->type) {
    case UI_REQ_CANCEL_LOAD:
        atomic_store(&w->load_cancelled, atomic_load(&w->load_posted));
        break;
    case UI_REQ_STOP:
        atomic_store(&w->ask_cancelled, atomic_load(&w->ask_posted));
        cancel_session(w);
        break;
    case UI_REQ_BATCH_STOP:
        stop_batch(w, req->serial);
        break;
    case UI_REQ_LOAD:
        /* A load that runs is for nothing now. */
        atomic_store(&w->load_cancelled, atomic_load(&w->load_posted));
        atomic_store(&w->load_posted, req->serial);
        cancel_session(w);
        (void)request_box_put(&w->requests, req, false);
        return;
    case UI_REQ_ASK:
        atomic_store(&w->ask_posted, req->serial);
        (void)request_box_put(&w->requests, req, false);
        cancel_other_look(w, &sight);
        return;
    case UI_REQ_LOOK:
        (void)request_box_put(&w->requests, req, false);
        cancel_other_look(w, &sight);
        return;
    default:
        (void)request_box_put(&w->requests, req, false);
        return;
    }
    ui_request_free(req);
}

void worker_poke(worker *w)
{
    (void)pthread_mutex_lock(&w->session_lock);
    if (w->job_serial != 0 && w->job_type == UI_REQ_ASK && w->session != NULL &&
        atomic_load(&w->ask_cancelled) >= w->job_serial)
        mlmamba_session_cancel(w->session);
    (void)pthread_mutex_unlock(&w->session_lock);
}

bool worker_free(worker *w, int wait_ms)
{
    if (w == NULL)
        return true;
    atomic_store(&w->closing, true);
    request_box_close(&w->requests, false);
    /* By the clock: on a busy machine each turn takes longer than it should. */
    double end = mlm_now_ms() + wait_ms;
    do {
        if (mlm_now_ms() >= end) {
            (void)pthread_detach(w->thread);
            return false;
        }
        cancel_session(w); /* again and again: it may be between two stages */
    } while (!thread_ends_soon(w->thread));
    request_box_free(&w->requests);
    (void)pthread_mutex_destroy(&w->session_lock);
    free(w);
    return true;
}
