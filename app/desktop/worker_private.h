/* worker_private.h: what the parts of the inference thread share. */
#ifndef DESKTOP_WORKER_PRIVATE_H
#define DESKTOP_WORKER_PRIVATE_H

#include <stdatomic.h>

#include "app/desktop/worker.h"

/* A kept state: behind the picture (n_turns 0) or behind the last of its turns. */
typedef struct kept_state {
    ui_sight          sight; /* image is NULL */
    int64_t          *turn;  /* [n_turns] ids from the root */
    int               n_turns;
    mlmamba_snapshot *snap;
    size_t            bytes; /* without the picture's state, which others share */
    uint64_t          used;
} kept_state;

/* What the session holds now. */
typedef struct held_state {
    bool     valid;
    ui_sight sight;
    int64_t *turn;
    int      n_turns, capacity;
} held_state;

struct worker {
    event_box  *events;
    request_box requests;
    pthread_t   thread;

    /* cancelling, from any thread */
    pthread_mutex_t       session_lock; /* guards `session` against free while another thread cancels */
    atomic_uint_least64_t ask_posted, ask_cancelled, load_posted, load_cancelled, batch_cancelled;
    atomic_bool           closing;
    uint64_t              job_serial; /* under session_lock: what runs now, 0 nothing */
    ui_request_type       job_type;
    ui_sight              job_sight;
    struct vqa_job       *job; /* the batch that runs */

    /* this thread's own */
    mlmamba_engine  *engine;
    mlmamba_session *session;
    ui_engine_facts  facts;
    held_state       held;
    kept_state      *kept;
    int              n_kept, kept_capacity;
    size_t           kept_bytes, quota;
    uint64_t         clock;
    double           last_progress;
};

/* ---- worker.c */
bool worker_is_cancelled(const worker *w, uint64_t ask_serial);
void worker_fail(worker *w, ui_event_type type, const ui_request *req, mlm_status status);

/* ---- worker_states.c */
bool sight_equal(const ui_sight *a, const ui_sight *b);
/* Brings the session to the longest beginning of turn[0..n) about this sight that it or a kept state has; *have: how many turns, -1: not even
 * the picture. */
mlm_status states_resume(worker *w, const ui_sight *sight, const ui_past_turn *past, int n, int *have);
/* Keeps what the session holds, under the quota; false: there was no room or no memory (not an error). */
bool       states_keep(worker *w);
void       states_drop_turn(worker *w, int64_t turn); /* 0: all */
void       states_drop_oldest(worker *w, size_t down_to);
void       held_set_picture(worker *w, const ui_sight *sight);
mlm_status held_add_turn(worker *w, int64_t turn);
void       held_forget(worker *w);
bool       states_has(const worker *w, const ui_sight *sight, int64_t turn);

/* ---- worker_load.c */
void worker_load(worker *w, const ui_request *req);
void worker_unload(worker *w);
void worker_report_memory(worker *w);

/* ---- worker_ask.c */
void worker_look(worker *w, const ui_request *req);
void worker_ask(worker *w, const ui_request *req);

/* ---- worker_batch.c */
void worker_batch(worker *w, const ui_request *req);

#endif
