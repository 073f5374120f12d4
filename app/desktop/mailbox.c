/* mailbox.c: requests to a thread, events to the window. */
#include "app/desktop/mailbox.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- requests ----------------------------------------------------------------------------------- */

mlm_status request_box_open(request_box *box)
{
    *box = (request_box){0};
    if (pthread_mutex_init(&box->lock, NULL) != 0)
        return mlm_fail(MLM_E_NOMEM, "cannot make a lock");
    if (pthread_cond_init(&box->filled, NULL) != 0) {
        (void)pthread_mutex_destroy(&box->lock);
        return mlm_fail(MLM_E_NOMEM, "cannot make a condition variable");
    }
    return MLM_OK;
}

void request_box_free(request_box *box)
{
    for (int i = 0; i < box->n; i++)
        ui_request_free(&box->item[i]);
    free(box->item);
    (void)pthread_cond_destroy(&box->filled);
    (void)pthread_mutex_destroy(&box->lock);
}

mlm_status request_box_put(request_box *box, ui_request *req, bool first)
{
    mlm_status status = MLM_OK;
    (void)pthread_mutex_lock(&box->lock);
    if (box->n == box->capacity) {
        int         capacity = box->capacity * 2 + 16;
        ui_request *item     = realloc(box->item, (size_t)capacity * sizeof *item);
        if (item == NULL) {
            status = mlm_fail_nomem((size_t)capacity * sizeof *item, "requests");
        } else {
            box->item     = item;
            box->capacity = capacity;
        }
    }
    if (status == MLM_OK && !box->closed) {
        int at = first ? 0 : box->n;
        memmove(box->item + at + 1, box->item + at, (size_t)(box->n - at) * sizeof *box->item);
        box->item[at] = *req;
        box->n++;
        *req = (ui_request){0};
        (void)pthread_cond_signal(&box->filled);
    }
    (void)pthread_mutex_unlock(&box->lock);
    ui_request_free(req);
    return status;
}

bool request_box_take(request_box *box, ui_request *req)
{
    (void)pthread_mutex_lock(&box->lock);
    while (box->n == 0 && !box->closed)
        (void)pthread_cond_wait(&box->filled, &box->lock);
    bool any = box->n > 0;
    if (any) {
        *req = box->item[0];
        box->n--;
        memmove(box->item, box->item + 1, (size_t)box->n * sizeof *box->item);
    }
    (void)pthread_mutex_unlock(&box->lock);
    return any;
}

bool request_box_has(request_box *box, bool (*match)(const ui_request *req))
{
    bool found = false;
    (void)pthread_mutex_lock(&box->lock);
    for (int i = 0; i < box->n && !found; i++)
        found = match(&box->item[i]);
    (void)pthread_mutex_unlock(&box->lock);
    return found;
}

void request_box_close(request_box *box, bool drain)
{
    (void)pthread_mutex_lock(&box->lock);
    box->closed = true;
    for (int i = 0; i < box->n && !drain; i++)
        ui_request_free(&box->item[i]);
    box->n = drain ? box->n : 0;
    (void)pthread_cond_signal(&box->filled);
    (void)pthread_mutex_unlock(&box->lock);
}

bool thread_ends_soon(pthread_t thread)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 10000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

/* ---- events ------------------------------------------------------------------------------------- */

mlm_status event_box_open(event_box *box, void (*wake)(void *), void *payload)
{
    *box = (event_box){.wake = wake, .payload = payload};
    if (pthread_mutex_init(&box->lock, NULL) != 0)
        return mlm_fail(MLM_E_NOMEM, "cannot make a lock");
    return MLM_OK;
}

void event_box_free(event_box *box)
{
    for (int i = 0; i < box->n; i++)
        ui_event_free(&box->item[(box->head + i) % box->capacity]);
    free(box->item);
    (void)pthread_mutex_destroy(&box->lock);
}

/* With the lock held.  True: it went into the newest one that waits. */
static bool join_newest(event_box *box, ui_event *ev)
{
    if (box->n == 0)
        return false;
    ui_event *last = &box->item[(box->head + box->n - 1) % box->capacity];
    if (last->type != ev->type || last->serial != ev->serial)
        return false;
    if (ev->type == UI_EV_LOAD_PROGRESS || ev->type == UI_EV_MEMORY || ev->type == UI_EV_BATCH_PROGRESS) {
        ui_event_free(last);
        *last = *ev;
        *ev   = (ui_event){0};
        return true;
    }
    if (ev->type != UI_EV_PIECE || last->text == NULL || ev->text == NULL)
        return false;
    size_t had = strlen(last->text), more = strlen(ev->text);
    char  *text = realloc(last->text, had + more + 1);
    if (text == NULL)
        return false;
    memcpy(text + had, ev->text, more + 1);
    last->text = text;
    return true;
}

static bool reserve(event_box *box)
{
    if (box->n < box->capacity)
        return true;
    int       capacity = box->capacity * 2 + 32;
    ui_event *item     = calloc((size_t)capacity, sizeof *item);
    if (item == NULL)
        return false;
    for (int i = 0; i < box->n; i++)
        item[i] = box->item[(box->head + i) % box->capacity];
    free(box->item);
    box->item     = item;
    box->head     = 0;
    box->capacity = capacity;
    return true;
}

void event_box_put(event_box *box, ui_event *ev)
{
    (void)pthread_mutex_lock(&box->lock);
    bool was_empty = box->n == 0;
    if (!join_newest(box, ev) && reserve(box)) {
        box->item[(box->head + box->n++) % box->capacity] = *ev;
        *ev                                               = (ui_event){0};
    }
    if (was_empty && box->wake != NULL) /* inside the lock: after event_box_mute nobody is woken any more */
        box->wake(box->payload);
    (void)pthread_mutex_unlock(&box->lock);
    ui_event_free(ev);
}

void event_box_mute(event_box *box)
{
    (void)pthread_mutex_lock(&box->lock);
    box->wake = NULL;
    (void)pthread_mutex_unlock(&box->lock);
}

bool event_box_take(event_box *box, ui_event *ev)
{
    (void)pthread_mutex_lock(&box->lock);
    bool any = box->n > 0;
    if (any) {
        *ev       = box->item[box->head];
        box->head = (box->head + 1) % box->capacity;
        box->n--;
    }
    (void)pthread_mutex_unlock(&box->lock);
    return any;
}

void event_box_put_simple(event_box *box, ui_event_type type, uint64_t serial, int64_t id, mlm_status status)
{
    ui_event ev = {.type = type, .serial = serial, .id = id, .status = status};
    if (status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    event_box_put(box, &ev);
}
