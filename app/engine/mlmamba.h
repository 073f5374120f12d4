/*
 * mlmamba.h: the public C interface of mlmamba.  The only header an embedder needs (with mlm_status.h).
 *
 *     mlmamba_engine *eng;
 *     mlmamba_session *ses;
 *     mlmamba_answer  *ans;
 *     if (mlmamba_engine_open(&eng, NULL) != MLM_OK || mlmamba_session_create(&ses, eng) != MLM_OK ||
 *         mlmamba_session_set_image_file(ses, "cat.jpg", NULL) != MLM_OK ||
 *         mlmamba_session_ask(&ans, ses, "What is in the picture?", NULL, NULL, NULL) != MLM_OK)
 *         return fprintf(stderr, "%s\n", mlm_error_message()), 1;
 *     puts(ans->text);
 *     mlmamba_answer_free(ans); mlmamba_session_free(ses); mlmamba_engine_close(eng);
 *
 * Engine: a loaded model, immutable, may be shared by threads.  Session: one conversation about one picture,
 * used by one thread at a time.  The picture is encoded once; its recurrent state has constant size and is
 * kept, so every further question, undo, branch and resume starts from a copy and never sees the picture again.
 *
 * Conventions: functions that can fail return mlm_status and leave one line in mlm_error_message() (same
 * thread).  Outputs come first.  `T **out` is owned by the caller, `const T *` is borrowed.  Option structs may
 * be NULL or zeroed: 0 means the default.  Text is UTF-8.  _free and _close accept NULL.
 */
#ifndef MLMAMBA_H
#define MLMAMBA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlm_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLMAMBA_VERSION_MAJOR 0
#define MLMAMBA_VERSION_MINOR 1

typedef struct mlmamba_engine   mlmamba_engine;
typedef struct mlmamba_session  mlmamba_session;
typedef struct mlmamba_snapshot mlmamba_snapshot;

MLM_API const char *mlmamba_version(void); /* "0.1.0" */

/* ------------------------------------------------------------------------------------------------ */
/* Engine                                                                                           */

/* Called while weights load; return false to cancel (MLM_E_CANCELLED). */
typedef bool (*mlmamba_load_fn)(uint64_t bytes_done, uint64_t bytes_total, void *payload);

typedef struct mlmamba_engine_options {
    const char     *model_dir;    /* NULL: $MLMAMBA_MODEL, else the built-in model             */
    const char     *device;       /* NULL or "auto" | "cpu" | "ref" | "cuda" | "cuda:N"        */
    int             n_threads;    /* CPU threads; 0: all that this process may use             */
    size_t          memory_limit; /* bytes, for the engine and one session; 0: no limit        */
    int             max_batch;    /* rows decoded together by mlmamba_ask_batch, 1..256; 0: 8  */
    mlmamba_load_fn on_load;
    void           *payload;
} mlmamba_engine_options;

/* What does not fit into memory_limit is refused (MLM_E_NOMEM); a limit that leaves some room lowers max_batch and the
 * number of states that a session keeps.  A tensor that the model of config.json has no place for is refused too.
 * Errors: MLM_E_NOTFOUND, MLM_E_IO, MLM_E_FORMAT, MLM_E_CONFIG, MLM_E_SHAPE, MLM_E_DTYPE, MLM_E_DEVICE, MLM_E_NOMEM, ... */
MLM_API mlm_status mlmamba_engine_open(mlmamba_engine **out, const mlmamba_engine_options *opt);
/* After the last of its sessions and snapshots is freed. */
MLM_API void mlmamba_engine_close(mlmamba_engine *eng);

/* What a model would need without a limit, from its config and headers alone: nothing is loaded. */
typedef struct mlmamba_memory {
    size_t weights_bytes;  /* on the device                                     */
    size_t scratch_bytes;  /* activations, once per engine                      */
    size_t session_bytes;  /* per session at most: states of picture and answers, kept for instant rewind */
    size_t snapshot_bytes; /* each further snapshot                             */
    size_t batch_bytes;    /* activations and states of max_batch rows, from the first batch on */
} mlmamba_memory;
MLM_API mlm_status mlmamba_estimate_memory(mlmamba_memory *out, const mlmamba_engine_options *opt);

/* Strings are borrowed from the engine. */
typedef struct mlmamba_engine_info {
    const char    *model_dir, *model_name;              /* name: last part of the directory   */
    const char    *vision, *connector, *language_model; /* one line each                      */
    const char    *weights_dtype;                       /* "int8", "bf16", "f32"              */
    const char    *device, *device_description, *device_features;
    const char    *device_note;     /* why a faster device is not used; may be ""             */
    const char    *description;     /* what the model can and cannot do; may be ""            */
    const char    *describe_prompt; /* what to ask for a description; never ""                */
    int            n_threads;
    int64_t        n_parameters;
    uint64_t       fingerprint; /* of all weights, config.json, preprocessor_config.json and tokenizer.json */
    int            image_size, n_image_tokens, n_layers, d_model, vocab_size;
    mlmamba_memory memory;
    double         load_ms;
} mlmamba_engine_info;
MLM_API void mlmamba_engine_get_info(const mlmamba_engine *eng, mlmamba_engine_info *info);

/* ------------------------------------------------------------------------------------------------ */
/* Generation                                                                                       */

typedef struct mlmamba_generate_options {
    int      max_new_tokens;     /* 0: 256; at most 65,536   */
    float    temperature;        /* 0: greedy                */
    int      top_k;              /* 0: off                   */
    float    top_p;              /* 0: off                   */
    float    min_p;              /* 0: off                   */
    float    repetition_penalty; /* 0: off                   */
    uint64_t seed;               /* each answer starts from it, alone or in a batch              */
    bool     want_logprob;       /* fill answer.logprob: reads all logits back for every token   */
} mlmamba_generate_options;

/* One piece of answer text, complete UTF-8; row is 0 for a session, the query's index for a batch.  Called on
 * the asking thread.  Return false to stop that answer. */
typedef bool (*mlmamba_token_fn)(int row, const char *piece, void *payload);

typedef enum mlmamba_finish {
    MLMAMBA_FINISH_STOP = 0,  /* the model ended its answer          */
    MLMAMBA_FINISH_LENGTH,    /* max_new_tokens reached              */
    MLMAMBA_FINISH_CANCELLED, /* mlmamba_session_cancel              */
    MLMAMBA_FINISH_CALLBACK,  /* the callback returned false         */
    MLMAMBA_FINISH_ERROR      /* batch only: see status and message  */
} mlmamba_finish;
MLM_API const char *mlmamba_finish_name(mlmamba_finish finish); /* "stop", "length", ... */

typedef struct mlmamba_answer {
    char          *text; /* UTF-8, never NULL                                          */
    mlmamba_finish finish;
    int            n_prompt_tokens; /* text tokens fed for this question                       */
    int            n_image_tokens;  /* picture tokens fed for this question: 0 when reused     */
    int            n_tokens;        /* produced                                                */
    double         logprob;         /* natural log of the answer's probability; 0 unless wanted */
    /* Of the picture: 0 when reused. */
    double     decode_file_ms, preprocess_ms, vision_ms, connector_ms, image_prefill_ms;
    double     prompt_ms;      /* the question's prefill                                        */
    double     first_token_ms; /* from the call (first question: and the picture) to the first token */
    double     decode_ms;      /* all tokens after the first                                    */
    mlm_status status;         /* batch only: MLM_OK or why this query has no answer            */
    char      *message;        /* batch only: the error line, else NULL                         */
} mlmamba_answer;
MLM_API void mlmamba_answer_free(mlmamba_answer *ans);

/* ------------------------------------------------------------------------------------------------ */
/* Sessions                                                                                         */

MLM_API mlm_status mlmamba_session_create(mlmamba_session **out, mlmamba_engine *eng);
MLM_API void       mlmamba_session_free(mlmamba_session *ses);

typedef struct mlmamba_image_options {
    bool ignore_orientation; /* do not apply EXIF orientation (official benchmark tasks) */
} mlmamba_image_options;

/* Decodes, encodes and prefills a picture, and forgets the conversation.  On failure the session keeps what it
 * had before.  There is never an answer about a picture that was not decoded and encoded. */
MLM_API mlm_status mlmamba_session_set_image_file(mlmamba_session *ses, const char *path,
                                                  const mlmamba_image_options *opt);
MLM_API mlm_status mlmamba_session_set_image_memory(mlmamba_session *ses, const void *bytes, size_t n,
                                                    const char *name, const mlmamba_image_options *opt);
/* rgb [height,width,3], copied. */
MLM_API mlm_status mlmamba_session_set_image_rgb(mlmamba_session *ses, const uint8_t *rgb, int width,
                                                 int height);

typedef struct mlmamba_image_info {
    int         width, height; /* after orientation */
    const char *format;        /* "JPEG", "PNG", ..., "RGB" */
    int         orientation;   /* EXIF value, 1 .. 8 */
    bool        rotated;       /* it was applied     */
    int         n_tokens;
    int         view_size;                               /* the model sees view_size x view_size pixels */
    int         view_x, view_y, view_width, view_height; /* where the picture lies in the view */
    float       src_x, src_y, src_width, src_height;     /* part of the picture that the view shows */
    const char *fit;                                     /* "naive" | "crop" | "letterbox" */
} mlmamba_image_info;
/* MLM_E_STATE without a picture. */
MLM_API mlm_status mlmamba_session_get_image_info(const mlmamba_session *ses, mlmamba_image_info *info);
/* What the model sees: RGB [view_size, view_size, 3], borrowed until the picture changes; NULL without one
 * (a session restored from a state file has no pixels). */
MLM_API const uint8_t *mlmamba_session_view(const mlmamba_session *ses);

/* Asks in the conversation so far.  opt, on_token may be NULL.  MLM_E_STATE without a picture.  After a cancelled
 * or stopped answer the conversation goes on from what was said.  On failure it is as before the call. */
MLM_API mlm_status mlmamba_session_ask(mlmamba_answer **out, mlmamba_session *ses, const char *question,
                                       const mlmamba_generate_options *opt, mlmamba_token_fn on_token,
                                       void *payload);
/* From any thread or signal handler: what the session is doing now ends soon; when it does nothing, nothing happens.  An answer ends
 * after its current token (MLMAMBA_FINISH_CANCELLED).  A picture, a question that is still being read, and a rewind
 * end at their next stage with MLM_E_CANCELLED, and the session is as before the call. */
MLM_API void mlmamba_session_cancel(mlmamba_session *ses);

/* Turns answered so far, and going back: keep the first n (0: only the picture).  Regenerate = rewind by one and
 * ask again; the picture is not encoded again.  MLM_E_RANGE. */
MLM_API int        mlmamba_session_turns(const mlmamba_session *ses);
MLM_API mlm_status mlmamba_session_rewind(mlmamba_session *ses, int n_turns);
/* Question and answer of a turn, borrowed until the conversation changes; NULL out of range. */
MLM_API const char *mlmamba_session_question(const mlmamba_session *ses, int turn);
MLM_API const char *mlmamba_session_answer_text(const mlmamba_session *ses, int turn);

/* ------------------------------------------------------------------------------------------------ */
/* Snapshots: the state of a conversation as a value                                                */

/* Independent of the session afterwards; belongs to the engine. */
MLM_API mlm_status mlmamba_session_snapshot(mlmamba_snapshot **out, const mlmamba_session *ses);
/* Into any session of the same engine: branch, resume, next question on the same picture. */
MLM_API mlm_status mlmamba_session_restore(mlmamba_session *ses, const mlmamba_snapshot *snap);
MLM_API size_t     mlmamba_snapshot_bytes(const mlmamba_snapshot *snap);
MLM_API void       mlmamba_snapshot_free(mlmamba_snapshot *snap);
/* State file (.mlmstate): magic, version, fingerprint, shapes, f32 state, conversation text, checksum.
 * Written to a temporary file and renamed; a link is followed.  What exists under the name is replaced only when it
 * is a state file or empty (MLM_E_IO).  Portable between CPU and GPU. */
MLM_API mlm_status mlmamba_snapshot_save(const mlmamba_snapshot *snap, const char *path);
/* Refuses other weights (MLM_E_CONFIG), damage (MLM_E_FORMAT). */
MLM_API mlm_status mlmamba_snapshot_load(mlmamba_snapshot **out, mlmamba_engine *eng, const char *path);

/* ------------------------------------------------------------------------------------------------ */
/* Batch: independent questions                                                                     */

typedef struct mlmamba_query {
    const char             *image_path; /* either a file ...                                              */
    const mlmamba_snapshot *snapshot;   /* ... or a state (its picture and conversation): wins            */
    const char             *question;
} mlmamba_query;

/*
 * Answers n independent queries, decoding up to max_batch rows together.  Consecutive queries with the same
 * image_path share one encoding and one prefilled state.  answers[0 .. n-1] are owned by the caller; a query that
 * fails has status and message set, text "" and finish MLMAMBA_FINISH_ERROR, and the others go on.  The answer of
 * a query is the same alone and in any batch: bitwise on the CPU, drawn ones too.  Returns MLM_OK when every query
 * was tried.  Otherwise (wrong options, no memory for the batch, a broken device) the answers made so far stay, and
 * the rest have the error or are NULL; free all of them in any case.
 */
MLM_API mlm_status mlmamba_ask_batch(mlmamba_engine *eng, const mlmamba_query *queries, int n,
                                     mlmamba_answer **answers, const mlmamba_generate_options *opt,
                                     const mlmamba_image_options *image_opt, mlmamba_token_fn on_token,
                                     void *payload);

#ifdef __cplusplus
}
#endif
#endif
