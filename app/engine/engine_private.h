/*
 * engine_private.h: what the files of app/engine share.  Not for callers: see mlmamba.h.
 *
 * One engine has one queue and one scratch memory; `lock` is held by whoever runs the model (a picture being
 * set, a question being answered), so sessions of several threads take turns.  Everything that outlives a call is
 * a value: a picture (view + state behind it) and turns (text + tokens) are immutable and counted, a
 * conversation is a picture, a list of turns, and the recurrent state behind the newest of them.
 */
#ifndef APP_ENGINE_ENGINE_PRIVATE_H
#define APP_ENGINE_ENGINE_PRIVATE_H

#include "app/engine/mlmamba.h"
#include "app/engine/model_config.h"
#include "kernels/base/mlm_threads.h"
#include "lm/generate.h"

#include <pthread.h>
#include <stdatomic.h>

#define ENGINE_MAX_BATCH          256
#define ENGINE_DEFAULT_BATCH      8
#define ENGINE_MAX_PICTURES       8 /* encoded together, at most */
#define ENGINE_HOST_PICTURES      4 /* the same on the CPU, where it saves little */
#define ENGINE_JOINED_PICTURES    4 /* of them, that the connector takes together */
#define ENGINE_PICTURE_THREADS    8 /* that resize one picture */
#define ENGINE_MAX_CANDIDATES     64
#define ENGINE_PREFILL_TOKENS     256 /* the same for one row and for many: pieces are cut at the same places */
#define ENGINE_DEVICE_TOKENS      1024 /* of an accelerator, a row: a picture and a question in one piece ... */
#define ENGINE_DEVICE_ROOM        5888 /* ... and tokens that its rows have together: eight pictures */
#define ENGINE_GUEST_TOKENS       5632 /* of a row that uses the memory of a batch */
#define ENGINE_LEAST_TOKENS       64   /* of a piece, where rows must have the bits they have alone */
#define ENGINE_MAX_NEW_TOKENS     65536
#define ENGINE_DEFAULT_NEW_TOKENS 256
#define ENGINE_MAX_TURNS          100000
#define ENGINE_MARKS              4 /* begin, and the ends of towers, connector, prefill */
#define SESSION_MIN_KEPT          2
#define SESSION_MAX_KEPT          64                  /* states kept for instant rewind ...        */
#define SESSION_MAX_KEPT_BYTES    ((size_t)256 << 20) /* ... and what they may take together      */

/* Activations and states for n_rows rows together. */
typedef struct engine_scratch {
    kn_arena    arena;
    lm_scratch *lm;
    kn_tensor   logits; /* [rows, vocab_rows] f32 */
    lm_state   *state;  /* rows, zeroed or overwritten at each use */
    int         n_rows;
    size_t      n_kept;   /* bytes of the arena that are wanted between two uses: logits, rows of pictures */
    bool        is_guest; /* the arena is a part of the other scratch's */
} engine_scratch;

/* Activations of n_pictures pictures. */
typedef struct engine_picture_scratch {
    kn_arena           arena;
    vision_scratch     vision;
    connector_scratch *connector;
    kn_tensor          features; /* [pictures, patches, width] */
    kn_tensor          rows;     /* [pictures, tokens, d_model] f32 */
    int                n_joined; /* pictures that the connector takes together */
} engine_picture_scratch;

/* What takes an accelerator's memory, for the account of `bench`. */
enum engine_share {
    ENGINE_DRIVER = 0, /* its context, and what other programs have */
    ENGINE_QUEUES,     /* and their rooms             */
    ENGINE_WEIGHTS,
    ENGINE_WORKING, /* memory: activations and states */
    ENGINE_CODE,    /* plans, captured steps       */
    ENGINE_SHARES
};

struct mlmamba_engine {
    model_source          *source;
    const char            *model_dir; /* source->dir */
    char                  *model_name;
    model_config           config;
    kn_device             *dev;
    kn_device_info         dev_info;
    kn_queue              *queue;
    vision_side            side; /* of the second tower; no queue: the towers run one after the other */
    vision_encoder        *vision;
    connector             *connector;
    lm_model              *lm;
    mlm_threads           *threads; /* for pictures, beside an accelerator; NULL: the caller alone */
    lm_state_pool         *states;  /* of one row, for pictures, turns and snapshots */
    pthread_mutex_t        lock;
    bool                   has_lock;
    engine_scratch         one;                /* for sessions                          */
    engine_scratch         many;               /* for batches; made at the first one    */
    engine_picture_scratch picture;            /* guarded by lock, as the two above     */
    kn_event              *mark[ENGINE_MARKS]; /* the same; of the stages of a picture */
    engine_picture_scratch pictures;           /* of batches; made with `many`          */
    int                    n_pictures;         /* encoded together in a batch */
    pthread_mutex_t        batch_lock;         /* held by whoever uses `many` and `pictures`, before `lock` */
    bool                   has_batch_lock;
    bool                   looks_ahead; /* streams make pictures ready while the model runs elsewhere */
    atomic_int             n_waiting;   /* for lock */
    int                    max_batch;
    int64_t                n_parameters;
    uint64_t               fingerprint;
    const char            *weights_dtype;
    size_t                 kept_bytes; /* of states that a session may keep behind its answers */
    mlmamba_memory         memory;
    int64_t                share[ENGINE_SHARES]; /* bytes of an accelerator's memory */
    double                 load_ms;
    char                   vision_text[192], connector_text[192], lm_text[192];
};

struct mlmamba_image {
    atomic_int   refs;
    uint64_t     number; /* never given twice in a process */
    vision_image img;
};

/* Zeroed: idle. */
typedef struct engine_ticket {
    atomic_uint_least64_t word;
} engine_ticket;

typedef struct engine_times {
    double file_ms, preprocess_ms, vision_ms, connector_ms, prefill_ms;
} engine_times;

/* A picture and the recurrent state behind it.  Immutable, counted. */
typedef struct engine_picture {
    atomic_int         refs;
    mlmamba_image_info info;
    uint8_t  *record;  /* vision_view_bytes: what the towers read; NULL when it came from a state file */
    bool      is_seen; /* they have */
    lm_state *state;   /* one row; NULL: the model is still to look at it */
} engine_picture;

/* One question and its answer.  Immutable, counted. */
typedef struct engine_turn {
    atomic_int refs;
    char      *question, *answer;
    int32_t   *ids; /* what was fed: n_prompt prompt tokens, then n_tokens produced ones */
    int        n_prompt, n_tokens;
} engine_turn;

typedef struct engine_turn_slot {
    engine_turn *turn;
    lm_state    *state; /* after the turn; NULL: dropped, can be computed again from the ids */
} engine_turn_slot;

struct mlmamba_session {
    mlmamba_engine   *eng;
    engine_picture   *picture;
    engine_turn_slot *slot;
    int               n_turns, capacity;
    engine_times      fresh;  /* of a picture that no answer has reported yet */
    bool              is_new; /* there is such a picture                       */
    engine_ticket     ticket;
};

struct mlmamba_snapshot {
    mlmamba_engine *eng;
    engine_picture *picture;
    engine_turn   **turn;
    int             n_turns;
    lm_state       *state; /* after the last turn; NULL without turns */
};

/* ---- engine_scratch.c --------------------------------------------------------------------------- */
/* Working memory for n_rows rows and n_pictures pictures; what p describes lies in the same memory. */
mlm_status engine_scratch_create(engine_scratch *s, engine_picture_scratch *p, const mlmamba_engine *eng,
                                 int n_rows, int n_pictures) MLM_WARN_UNUSED;
void       engine_scratch_free(engine_scratch *s); /* p first */
/* Pictures alone, in memory of their own. */
mlm_status engine_picture_scratch_create(engine_picture_scratch *s, const mlmamba_engine *eng,
                                         int n_pictures) MLM_WARN_UNUSED;
/* A device of its own, with graphs: all of its memory is taken before it is needed. */
bool engine_is_accelerated(const kn_device *dev);
/* Whether this device runs the towers side by side. */
bool engine_has_side(const kn_device *dev, const model_config *c);
void engine_picture_scratch_free(engine_picture_scratch *s);
/* Bytes of both for one row, from the config alone. */
mlm_status engine_scratch_measure(size_t *bytes, kn_device *dev, const model_config *c) MLM_WARN_UNUSED;

/* Bytes of engine_scratch_create for n_rows rows, states included. */
int engine_batch_pictures(const kn_device *dev, int n_rows); /* encoded together by a batch of n_rows */
mlm_status engine_batch_measure(size_t *bytes, kn_device *dev, const model_config *c,
                                int n_rows) MLM_WARN_UNUSED;

/* ---- engine_memory.c ---------------------------------------------------------------------------- */
mlm_status engine_memory_estimate(mlmamba_memory *m, kn_device *dev, const model_config *c,
                                  const kn_weights *w, int max_batch, size_t kept_bytes) MLM_WARN_UNUSED;
/* Sets kept_bytes, and lowers it and max_batch to what the limit leaves (0: no limit).  MLM_E_NOMEM when not even
 * one row and one conversation fit. */
mlm_status engine_memory_fit(mlmamba_engine *eng, size_t limit) MLM_WARN_UNUSED;
/* What an accelerator's memory has more than at the note before belongs to `share`. */
void engine_memory_note(mlmamba_engine *eng, enum engine_share share);
/* MLM_E_NOMEM when an accelerator has not that much left, before anything is loaded. */
mlm_status engine_memory_check_free(const mlmamba_engine *eng, bool with_batch) MLM_WARN_UNUSED;
int        engine_pool_states(
           const mlmamba_engine *eng); /* to be taken at load, for a conversation or the pictures of a batch */

/* ---- engine_warm.c ------------------------------------------------------------------------------ */
/* On a device with graphs: everything is run once, so that what it takes at the first use (code, plans) is taken now, and the
 * towers and the steps are captured.  With the engine locked, or while nobody has it. */
mlm_status engine_warm(mlmamba_engine *eng) MLM_WARN_UNUSED;
mlm_status engine_warm_batch(mlmamba_engine *eng) MLM_WARN_UNUSED;

/* MLM_E_STATE when this thread holds the engine already (a call from inside a callback). */
mlm_status engine_lock(mlmamba_engine *eng) MLM_WARN_UNUSED;
/* Whoever waits for the engine gets it before this thread asks again. */
void engine_unlock(mlmamba_engine *eng);
/* One batch at a time. */
mlm_status engine_batch_lock(mlmamba_engine *eng) MLM_WARN_UNUSED;
void       engine_batch_unlock(mlmamba_engine *eng);
mlm_status
engine_prepare_batch(mlmamba_engine *eng) MLM_WARN_UNUSED; /* `many` and `pictures` exist afterwards */

/* ---- ticket.c ----------------------------------------------------------------------------------- */
mlm_status engine_ticket_begin(engine_ticket *t) MLM_WARN_UNUSED; /* MLM_E_STATE when it is running */
void       engine_ticket_end(engine_ticket *t);
void       engine_ticket_cancel(engine_ticket *t); /* from any thread; nothing when nothing runs */
bool       engine_ticket_cancelled(void *ticket);  /* an engine_ticket, NULL: never              */
mlm_status engine_ticket_check(engine_ticket *t) MLM_WARN_UNUSED; /* MLM_E_CANCELLED            */
mlm_status engine_ticket_check_idle(const engine_ticket *t) MLM_WARN_UNUSED;
/* engine_lock that gives up when the ticket is cancelled. */
mlm_status engine_ticket_lock(engine_ticket *t, mlmamba_engine *eng) MLM_WARN_UNUSED;

/* ---- engine_picture.c --------------------------------------------------------------------------- */
/* From a decoded picture, in two steps: resized, which any thread may do at any time, then seen by the model, for which the
 * caller holds the engine's lock; ticket (NULL: none) is looked at between the stages. */
mlm_status engine_picture_prepare(engine_picture **out, const mlmamba_engine *eng, const vision_image *img,
                                  mlmamba_fit fit, engine_times *times) MLM_WARN_UNUSED;
/* [S,S,3] of it; NULL when it came from a state file. */
const uint8_t *engine_picture_view(const engine_picture *p);
mlm_status     engine_picture_run(engine_picture *p, mlmamba_engine *eng, engine_times *times,
                                  engine_ticket *ticket) MLM_WARN_UNUSED;
/* The same and a question, read together: the working row has the state and the logits behind the question. */
mlm_status engine_picture_run_with(engine_picture *p, mlmamba_engine *eng, const token_list *question,
                                   double *question_ms, engine_times *times,
                                   engine_ticket *ticket) MLM_WARN_UNUSED;
/* n prepared pictures together, 1 to n_pictures: their states go to rows first_row ... of many.state. */
mlm_status      engine_pictures_run(mlmamba_engine *eng, engine_picture *const *p, int n, int first_row,
                                    engine_times *times) MLM_WARN_UNUSED;
engine_picture *engine_picture_share(engine_picture *p); /* NULL is fine */
void            engine_picture_drop(engine_picture *p);  /* NULL is fine */
/* A static string for a format name read from a state file; NULL when there is none. */
const char *engine_format_name(const char *name);
const char *engine_fit_name(const char *name);

/* ---- engine_turn.c ------------------------------------------------------------------------------ */
mlm_status engine_turn_create(engine_turn **out, const char *question, size_t question_n, const char *answer,
                              size_t answer_n, const int32_t *prompt, size_t n_prompt,
                              const int32_t *produced, size_t n_produced) MLM_WARN_UNUSED;
engine_turn *engine_turn_share(engine_turn *t);
void         engine_turn_drop(engine_turn *t);
int          engine_turns_tokens(engine_turn *const *turns, int n); /* prompts and answers */
/* Prompt tokens of the next turn, after n_fed tokens of turns before it; after an answer its end token goes first (whether
 * or not it was produced).  Cut where the model's limit on text is reached: *n_cut tokens are missing. */
mlm_status engine_prompt(token_list *out, int *n_cut, const mlmamba_engine *eng, const char *question,
                         int n_fed, bool raw) MLM_WARN_UNUSED;
/* How many tokens that prompt has, uncut and cut. */
mlm_status engine_prompt_count(int *n_tokens, int *n_used, const mlmamba_engine *eng, const char *question,
                               int n_fed) MLM_WARN_UNUSED;
/* First tokens of opt's candidate texts -> ids[n_candidates]. */
mlm_status engine_candidates(int32_t ids[ENGINE_MAX_CANDIDATES], const mlmamba_engine *eng,
                             const mlmamba_generate_options *opt) MLM_WARN_UNUSED;

/* ---- engine_answer.c ---------------------------------------------------------------------------- */
mlm_status      engine_options_check(mlmamba_generate_options       *out,
                                     const mlmamba_generate_options *opt) MLM_WARN_UNUSED;
sampler_options engine_sampling(const mlmamba_generate_options *opt);
/* From the tokens of a finished row. */
mlm_status engine_answer_create(mlmamba_answer **out, const mlmamba_engine *eng,
                                const lm_row_result *r) MLM_WARN_UNUSED;
/* Adds a copy of probs[n]. */
mlm_status engine_answer_candidates(mlmamba_answer *ans, const float *probs, int n) MLM_WARN_UNUSED;
/* Counts the question's prefill in, and a picture that was looked at for this answer. */
void engine_answer_prompt(mlmamba_answer *ans, size_t n_tokens, int n_cut, double ms);
void engine_answer_picture(mlmamba_answer *ans, int n_tokens, const engine_times *t);
/* Batch: an answer that says why there is none. */
mlm_status engine_answer_error(mlmamba_answer **out, mlm_status why, const char *message) MLM_WARN_UNUSED;

/* ---- engine_question.c -------------------------------------------------------------------------- */
typedef struct engine_question {
    mlmamba_generate_options opt;
    mlmamba_token_fn         on_token; /* may be NULL */
    void                    *payload;
    engine_ticket           *ticket;
    token_list               prompt;
    int                      n_cut; /* tokens that it lacks */
    int32_t                  candidate[ENGINE_MAX_CANDIDATES];
    const lm_state          *from;    /* one row; NULL: the empty state, or ... */
    engine_picture          *picture; /* ... this picture, which the model is still to look at; NULL: none */
    engine_times            *times;   /* of it */
    lm_state                *kept;    /* one row, gets the state after the answer; NULL: nobody wants it */
    lm_row_result            result;
    double                   prompt_ms;
    float                    probs[ENGINE_MAX_CANDIDATES];
} engine_question;
/* Takes the engine. */
mlm_status engine_question_run(engine_question *r, mlmamba_engine *eng) MLM_WARN_UNUSED;
mlm_status engine_question_answer(mlmamba_answer **out, const engine_question *r,
                                  const mlmamba_engine *eng) MLM_WARN_UNUSED;
void       engine_question_clear(engine_question *r); /* what it owns: prompt and result */

/* ---- stream.c ----------------------------------------------------------------------------------- */
/* on_token (may be NULL) is called with the place of query.user in base. */
mlm_status engine_stream(mlmamba_engine *eng, const mlmamba_stream_args *args, mlmamba_token_fn on_token,
                         const mlmamba_query *base, mlmamba_stream_stats *stats) MLM_WARN_UNUSED;

/* ---- session.c ---------------------------------------------------------------------------------- */
/* Replaces the conversation: takes over everything on success. */
mlm_status session_adopt(mlmamba_session *ses, engine_picture *picture, engine_turn *const *turns,
                         int n_turns, lm_state *state) MLM_WARN_UNUSED;
/* The state behind turn n_turns-1 (or the picture; NULL: the model is still to look at it). */
const lm_state *session_state(const mlmamba_session *ses);
/* There is a picture; afterwards the model has looked at it. */
mlm_status session_look(mlmamba_session *ses) MLM_WARN_UNUSED;

/* ---- engine_work.c ------------------------------------------------------------------------------ */
typedef struct engine_amount {
    double bytes, flops; /* that must be read, and done */
} engine_amount;
typedef struct engine_work {
    engine_amount tower[VISION_MAX_TOWERS], connector; /* flops: of one picture                       */
    engine_amount text;                                /* flops: of one token without its logits      */
    double        head_flops;                          /* of one row of logits                        */
    double        state_bytes;                         /* of one row, as it is kept                   */
    double        weights_bytes;                       /* of everything                               */
} engine_work;
mlm_status engine_work_of(engine_work *out, const mlmamba_engine *eng) MLM_WARN_UNUSED;

#endif
