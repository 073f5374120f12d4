/*
 * stream_private.h: what stream.c (rows), stream_pictures.c (pictures) and stream_ahead.c (a thread) share.  Internal.
 *
 * A stream answers queries that come one by one.  Between two turns of the decoder queries are fetched and wait while
 * their files are decoded and resized (without the engine); into free rows go those that are ready: the pictures that are new
 * are encoded together, and all new questions are prefilled together (with the engine).  Beside an accelerator more is
 * fetched than there are free rows, and another thread makes pictures ready while the model runs.
 */
#ifndef APP_ENGINE_STREAM_PRIVATE_H
#define APP_ENGINE_STREAM_PRIVATE_H

#include "app/engine/engine_private.h"
#include "kernels/base/mlm_threads.h"

#define STREAM_MAX_CACHED  32 /* pictures whose state is kept for the next query about them */
#define STREAM_MAX_AHEAD   32 /* queries that wait although no row is free */
#define STREAM_MAX_WAITING (ENGINE_MAX_BATCH + STREAM_MAX_AHEAD)
#define STREAM_MAX_ENTRIES (STREAM_MAX_CACHED + STREAM_MAX_WAITING)

typedef struct stream stream;

/* Which picture: a file name or a decoded picture's number. */
typedef struct picture_key {
    char    *path; /* owned by a cache entry, borrowed elsewhere; NULL: by number */
    uint64_t number;
} picture_key;

typedef struct picture_entry {
    picture_key     key;
    engine_picture *picture;   /* with a state when it is kept for other rounds; NULL: failed */
    int             row;       /* of the running state that it was encoded into in this round */
    int             n_waiting; /* rows that wait for it or with it: it stays */
    bool            is_encoded;
    engine_times    times;
    bool            is_new; /* no answer has reported it */
    mlm_status      status; /* why there is no picture */
    char           *message;
    uint64_t        used; /* clock of the last use */
} picture_entry;

typedef struct picture_cache {
    picture_entry entry[STREAM_MAX_ENTRIES]; /* those without a key are free */
    int           capacity;                  /* states that may be kept */
    uint64_t      clock;
} picture_cache;

typedef struct stream_row {
    bool                     in_use;
    bool                     has_ended;
    mlmamba_query            query;
    mlmamba_generate_options opt;
    sampler_options          sampling;
    token_list               prompt;
    int                      n_cut; /* tokens that it lacks */
    int32_t                  candidate[ENGINE_MAX_CANDIDATES];
    float                    probs[ENGINE_MAX_CANDIDATES];
    lm_row_result            result;
    engine_times             times; /* zero when the picture was shared */
    bool                     is_new;
    double                   prompt_ms;
    picture_entry           *picture;  /* of a row that waits or is about to join; NULL: a snapshot */
    bool                     is_first; /* that wanted it */
} stream_row;

/* New pictures that are made ready together. */
typedef struct picture_job {
    stream        *st;
    picture_entry *entry[STREAM_MAX_WAITING];
    stream_row    *row[STREAM_MAX_WAITING]; /* the first that wants it */
    int            n;
} picture_job;

/* The thread that does it, one job at a time. */
typedef struct picture_maker {
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            is_started, is_busy, is_stopping;
} picture_maker;

struct stream {
    mlmamba_engine            *eng;
    const mlmamba_stream_args *args;
    mlmamba_generate_options   opt;
    mlmamba_token_fn           on_token; /* mlmamba_ask_batch only; row: the query's place */
    const mlmamba_query       *base;     /* of it */
    mlm_threads               *threads;
    lm_decoder                *decoder;
    int                        max_rows;
    int                  n_ahead; /* queries fetched for rows that are not free; 0: none, and no thread */
    stream_row          *rows;    /* max_rows + n_ahead */
    stream_row          *waiting[STREAM_MAX_WAITING]; /* fetched, in order ...            */
    int                  n_waiting, n_ready;          /* ... the first n_ready are ready, */
    int                  n_making;                    /* the next n_making are being made */
    picture_job          job;
    picture_maker        maker;
    picture_cache        cache;
    mlmamba_stream_stats stats;
    bool                 source_ended;
};

/* ---- stream_pictures.c -------------------------------------------------------------------------- */
/* Without the engine: the row gets its entry, which stays until stream_leave_picture; is_first: it is to be made.  MLM_E_NOMEM. */
mlm_status stream_plan_picture(stream *st, stream_row *r) MLM_WARN_UNUSED;
/* Decodes and resizes what is in the job, with several threads.  What fails stays in its entry. */
void stream_make_pictures(picture_job *job);
/* The row goes on (or not): what it waited for may go when nobody else waits. */
void stream_leave_picture(stream *st, stream_row *r);
/* With the engine: encodes what is new and leaves the state of every joining row's picture (or snapshot) in rows
 * [active, active + *n) of the running state.  Rows whose picture could not be had leave the list; dropped [*n_dropped]
 * has them.  A broken device is returned. */
mlm_status stream_place_pictures(stream *st, stream_row **joining, int *n, stream_row **dropped,
                                 int *n_dropped) MLM_WARN_UNUSED;
/* After the round: forgets what is not kept. */
void picture_cache_trim(picture_cache *c);
void picture_cache_free(picture_cache *c);

/* ---- stream_ahead.c ----------------------------------------------------------------------------- */
mlm_status stream_maker_open(stream *st) MLM_WARN_UNUSED;
void       stream_maker_close(stream *st); /* waits for the job */
void       stream_maker_start(stream *st); /* does the job now, or has the thread do it */
bool       stream_maker_is_idle(stream *st, bool wait);

#endif
