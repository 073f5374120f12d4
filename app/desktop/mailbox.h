/*
 * mailbox.h: requests to a thread, and events from threads to the window.
 *
 * request_box: one reader.  event_box: written by several threads, read by the window's loop, which it wakes.
 */
#ifndef DESKTOP_MAILBOX_H
#define DESKTOP_MAILBOX_H

#include <pthread.h>

#include "app/desktop/ui_link.h"

typedef struct request_box {
    pthread_mutex_t lock;
    pthread_cond_t  filled;
    ui_request     *item;
    int             n, capacity;
    bool            closed;
} request_box;

mlm_status request_box_open(request_box *box) MLM_WARN_UNUSED;
void       request_box_free(request_box *box);
/* Takes over what it owns.  In front of others when `first`. */
mlm_status request_box_put(request_box *box, ui_request *req, bool first);
/* Waits; false: closed (what is left stays and is freed with the box). */
bool request_box_take(request_box *box, ui_request *req);
/* Is there one for which match() is true? */
bool request_box_has(request_box *box, bool (*match)(const ui_request *req));
/* Wakes the reader for good.  drain: it still takes what is there. */
void request_box_close(request_box *box, bool drain);

/* Waits some 10 ms for the end of a thread and joins it; false: it still runs. */
bool thread_ends_soon(pthread_t thread);

typedef struct event_box {
    pthread_mutex_t lock;
    ui_event       *item; /* ring */
    int             head, n, capacity;
    void (*wake)(void *payload);
    void *payload;
} event_box;

mlm_status event_box_open(event_box *box, void (*wake)(void *), void *payload) MLM_WARN_UNUSED;
void       event_box_free(event_box *box);
void       event_box_mute(event_box *box); /* wakes nobody any more: the window goes, a thread may stay */
/* Takes over what it owns.  Pieces of one answer that wait are joined; of progress only the newest waits. */
void event_box_put(event_box *box, ui_event *ev);
bool event_box_take(event_box *box, ui_event *ev);
/* text may be NULL.  The text of a failure is this thread's error message. */
void event_box_put_simple(event_box *box, ui_event_type type, uint64_t serial, int64_t id, mlm_status status);

#endif
