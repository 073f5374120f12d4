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
typedef struct mlmamba_image    mlmamba_image;

MLM_API const char *mlmamba_version(void); /* "0.1.0" */

/* ------------------------------------------------------------------------------------------------ */
/* Engine                                                                                           */

/* Called while weights load; return false to cancel (MLM_E_CANCELLED). */
typedef bool (*mlmamba_load_fn)(uint64_t bytes_done, uint64_t bytes_total, void *payload);

typedef struct mlmamba_engine_options {
    const char *model_dir;    /* NULL: $MLMAMBA_MODEL, else the built-in model; or see mlmamba_check_model */
    const char *device;       /* NULL or "auto" | "cpu" | "ref" | "cuda" | "cuda:N"        */
    int         n_threads;    /* CPU threads; 0: all that this process may use             */
    size_t      memory_limit; /* bytes, for the engine and one session; 0: no limit        */
    bool        text_only; /* only mlmamba_session_complete: the model then needs no towers, and loads none */
    int max_batch; /* rows decoded together by a batch, 1..256; 0: 8.  Given, a GPU takes their memory at once */
    size_t kept_bytes;    /* states that a session keeps for instant rewind; 0: 256 MB */
    bool   bf16_state;    /* keep states in bf16: half the memory traffic of a batch; a GPU only */
    bool   deterministic; /* a row has the same bits alone and in any batch on a GPU too; slower there */
    /* NULL, or "bf16", "int8", "f32": weights of this type are made up, to measure a model that is not there.  model_dir then is a
     * config.json, a directory with one, or the name of a published shape ("ml-mamba-2.7b").  Answers mean nothing. */
    const char     *random_weights;
    bool            reference_rounding; /* round as the released code does (bf16), to compare with it */
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
/* Pictures: decoded pixels as an immutable, counted value; belongs to no engine, usable from any thread  */

typedef enum mlmamba_fit {
    MLMAMBA_FIT_MODEL = 0, /* as the model was trained: preprocessor_config.json */
    MLMAMBA_FIT_NAIVE,     /* squeezed into the square, aspect not kept          */
    MLMAMBA_FIT_CROP,      /* short side to the square, centre cut out           */
    MLMAMBA_FIT_LETTERBOX  /* long side to the square, bars                      */
} mlmamba_fit;
MLM_API const char *
mlmamba_fit_name(mlmamba_fit fit); /* "model", "naive", "crop", "letterbox"; NULL: no such value */

typedef struct mlmamba_image_options {
    bool        ignore_orientation; /* do not apply EXIF orientation (official benchmark tasks) */
    mlmamba_fit fit;                /* how the picture is brought to the model's square         */
    /* mlmamba_session_set_image*: only decode and resize now; the model looks at the picture when it is first needed, as a rule
     * by mlmamba_session_ask, which then reads picture and question together: the first token comes sooner on a GPU.  What goes
     * wrong there is that call's failure, and the next one tries again. */
    bool question_follows;
} mlmamba_image_options;

/* opt may be NULL; of it only ignore_orientation matters here.  `name` stands for the file in messages. */
MLM_API mlm_status mlmamba_image_open_file(mlmamba_image **out, const char *path,
                                           const mlmamba_image_options *opt);
MLM_API mlm_status mlmamba_image_open_memory(mlmamba_image **out, const void *bytes, size_t n,
                                             const char *name, const mlmamba_image_options *opt);
/* rgb [height,width,3], copied. */
MLM_API mlm_status mlmamba_image_from_rgb(mlmamba_image **out, const uint8_t *rgb, int width, int height);
/* The part [x, x+width) x [y, y+height), inside the picture (MLM_E_RANGE). */
MLM_API mlm_status mlmamba_image_crop(mlmamba_image **out, const mlmamba_image *img, int x, int y, int width,
                                      int height);
/* Antialiased bilinear, as Pillow's. */
MLM_API mlm_status mlmamba_image_scale(mlmamba_image **out, const mlmamba_image *img, int width, int height);
/* JPEG file bytes of the picture, scaled down so that no side exceeds max_side (0: not scaled); quality 1..100.
 * *bytes is owned: mlmamba_bytes_free. */
MLM_API mlm_status     mlmamba_image_encode_jpeg(uint8_t **bytes, size_t *n, const mlmamba_image *img,
                                                 int max_side, int quality);
MLM_API void           mlmamba_bytes_free(uint8_t *bytes);
MLM_API mlmamba_image *mlmamba_image_share(const mlmamba_image *img); /* counts up; NULL gives NULL */
MLM_API void           mlmamba_image_free(mlmamba_image *img);        /* counts down */

MLM_API int            mlmamba_image_width(const mlmamba_image *img); /* after orientation */
MLM_API int            mlmamba_image_height(const mlmamba_image *img);
MLM_API const uint8_t *mlmamba_image_rgb(const mlmamba_image *img); /* [height,width,3], borrowed */
MLM_API const char *mlmamba_image_format(const mlmamba_image *img); /* "JPEG", ..., "RGB"; a part keeps it */
MLM_API int         mlmamba_image_orientation(const mlmamba_image *img); /* EXIF value, 1 .. 8 */
MLM_API bool        mlmamba_image_rotated(const mlmamba_image *img);     /* it was applied */

/* What to ask for a task: the question with what the reference's evaluation adds, byte for byte (vlm_eval/models/mlmamba.py).
 * CHAT gives the question itself.  text may be NULL for CAPTION.  *out is owned: free(). */
typedef enum mlmamba_task {
    MLMAMBA_TASK_CHAT = 0,
    MLMAMBA_TASK_CAPTION,
    MLMAMBA_TASK_VQA,        /* a word or phrase */
    MLMAMBA_TASK_TRUE_FALSE, /* text is a statement  */
    MLMAMBA_TASK_BOX,        /* text is a description of what to find */
    MLMAMBA_TASK_COUNT
} mlmamba_task;
MLM_API const char *
mlmamba_task_name(mlmamba_task task); /* "chat", "caption", "vqa", "true-false", "box"; NULL: none */
MLM_API mlm_status mlmamba_task_question(char **out, mlmamba_task task, const char *text);
/* A box in an answer: "[x0, y0, x1, y1]", each 0 .. 1 of the picture's width and height; the first one found. */
MLM_API bool mlmamba_find_box(const char *text, float box[4]);

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
    /* Fill answer.candidate_probs: the probability that the first token of the answer is the first token of each
     * text ("Yes", "No"; "A", "B", ...), from the softmax over the vocabulary before temperature and cuts, not
     * normalised among the candidates.  At most 64; two that start with the same token are MLM_E_RANGE. */
    const char *const *candidates;
    int                n_candidates;
    bool raw_prompt; /* the question is fed as it is, special tokens included, without the chat template */
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
    float         *candidate_probs; /* [n_candidates], owned by the answer; NULL unless wanted  */
    int            n_candidates;
    /* Of the picture: 0 when reused. */
    double     decode_file_ms, preprocess_ms, vision_ms, connector_ms, image_prefill_ms;
    double     prompt_ms;      /* the question's prefill; read with its picture: its share by tokens */
    double     first_token_ms; /* from the call (first question: and the picture) to the first token */
    double     decode_ms;      /* all tokens after the first                                    */
    mlm_status status;         /* batch only: MLM_OK or why this query has no answer            */
    char      *message;        /* batch only: the error line, else NULL                         */
    int        n_cut_tokens;   /* of the question, beyond what the model takes (max_text_tokens): not fed */
} mlmamba_answer;
MLM_API void mlmamba_answer_free(mlmamba_answer *ans);

/* ------------------------------------------------------------------------------------------------ */
/* Sessions                                                                                         */

MLM_API mlm_status mlmamba_session_create(mlmamba_session **out, mlmamba_engine *eng);
MLM_API void       mlmamba_session_free(mlmamba_session *ses);

/* Decodes, encodes and prefills a picture, and forgets the conversation.  On failure the session keeps what it
 * had before.  There is never an answer about a picture that was not decoded and encoded. */
MLM_API mlm_status mlmamba_session_set_image_file(mlmamba_session *ses, const char *path,
                                                  const mlmamba_image_options *opt);
MLM_API mlm_status mlmamba_session_set_image_memory(mlmamba_session *ses, const void *bytes, size_t n,
                                                    const char *name, const mlmamba_image_options *opt);
/* Of opt only fit matters: the picture is decoded. */
MLM_API mlm_status mlmamba_session_set_image(mlmamba_session *ses, const mlmamba_image *img,
                                             const mlmamba_image_options *opt);
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
/* Without running anything: the tokens of a question with its template, asked next, and how many of them the model takes: all, unless
 * max_text_tokens of its config.json cuts the conversation (0: that many are said already, and asking is MLM_E_RANGE). */
MLM_API mlm_status mlmamba_session_count_tokens(int *n_tokens, int *n_used, const mlmamba_session *ses,
                                                const char *question);
/* Text alone, from an empty state: the session's picture and conversation stay as they are, and need not exist.  A language
 * model alone continues the text as it is; a model with pictures gets its chat template round it unless raw_prompt. */
MLM_API mlm_status mlmamba_session_complete(mlmamba_answer **out, mlmamba_session *ses, const char *text,
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

/* Exactly one of image_path, snapshot and image.  Borrowed until the query is answered. */
typedef struct mlmamba_query {
    const char                     *image_path; /* a file ...                                    */
    const mlmamba_snapshot         *snapshot;   /* ... or a state (its picture and conversation) */
    const char                     *question;
    const mlmamba_image            *image;   /* ... or decoded pixels                         */
    const mlmamba_generate_options *options; /* NULL: those of the call                       */
    void                           *user;    /* handed to mlmamba_done_fn                     */
} mlmamba_query;

/*
 * Answers n independent queries, decoding up to max_batch rows together.  Queries near each other with the same
 * image_path or image share one encoding and one prefilled state.  answers[0 .. n-1] are owned by the caller; a query that
 * fails has status and message set, text "" and finish MLMAMBA_FINISH_ERROR, and the others go on.  The answer of
 * a query is the same alone and in any batch: bitwise on the CPU, drawn ones too.  Returns MLM_OK when every query
 * was tried.  Otherwise (wrong options, no memory for the batch, a broken device) the answers made so far stay, and
 * the rest have the error or are NULL; free all of them in any case.
 */
MLM_API mlm_status mlmamba_ask_batch(mlmamba_engine *eng, const mlmamba_query *queries, int n,
                                     mlmamba_answer **answers, const mlmamba_generate_options *opt,
                                     const mlmamba_image_options *image_opt, mlmamba_token_fn on_token,
                                     void *payload);

/*
 * The same for queries that come one by one: a row that ends makes room for the next query at once, among rows that
 * are still being decoded (continuous batching).  Pictures that rows need at the same time are encoded together.
 * Answers come as they are ready, in no promised order.  The engine is free for sessions between two tokens.
 */
typedef enum mlmamba_next {
    MLMAMBA_NEXT_END = 0, /* there will be no more queries                       */
    MLMAMBA_NEXT_QUERY,   /* *query is filled                                    */
    MLMAMBA_NEXT_LATER    /* none yet: ask again after the next token            */
} mlmamba_next;
/* *query is zeroed.  may_wait: no row is running, so wait for a query instead of LATER.  Called on the calling thread. */
typedef mlmamba_next (*mlmamba_next_fn)(mlmamba_query *query, bool may_wait, void *payload);
/* The answer (owned by the callee; with status and message as in a batch) to the query that had `user`; what the query
 * borrowed may go.  Return false to end the whole at once: rows still running are dropped, MLM_E_CANCELLED. */
typedef bool (*mlmamba_done_fn)(mlmamba_answer *ans, void *user, void *payload);

typedef struct mlmamba_stream_args {
    mlmamba_next_fn                 next;
    mlmamba_done_fn                 done;
    const mlmamba_generate_options *options;       /* NULL: defaults */
    const mlmamba_image_options    *image_options; /* NULL: defaults */
    int                             max_rows;      /* 0: the engine's max_batch; at most that */
    void                           *payload;
} mlmamba_stream_args;
typedef struct mlmamba_stream_stats {
    int64_t n_answers, n_errors, n_pictures, n_reused; /* encoded; queries that used one encoded before */
    int64_t n_steps, n_tokens;                         /* decode steps of all rows, tokens produced */
    double  file_ms, preprocess_ms, vision_ms, connector_ms, image_prefill_ms, prompt_ms, decode_ms;
} mlmamba_stream_stats;
/* stats may be NULL.  MLM_OK when every query was tried. */
MLM_API mlm_status mlmamba_ask_stream(mlmamba_engine *eng, const mlmamba_stream_args *args,
                                      mlmamba_stream_stats *stats);

/* ------------------------------------------------------------------------------------------------ */
/* Smaller weights                                                                                  */

typedef struct mlmamba_quantize_options {
    const char
        *model_dir; /* as in mlmamba_engine_options; f32, bf16 or f16 weights                          */
    const char
        *output_dir;  /* made; must not be there, or be empty                                            */
    const char *type; /* NULL or "int8": one scale a row, about half of bf16.  Others will take other names */
    mlmamba_load_fn on_progress; /* by bytes read; may be NULL */
    void           *payload;
} mlmamba_quantize_options;
/* Writes a model directory with quantized weights, in memory that does not depend on the model's size.  It appears whole
 * and verified, or not at all.  MLM_E_CONFIG when the model is quantized already. */
MLM_API mlm_status mlmamba_quantize(const mlmamba_quantize_options *opt);

/* ------------------------------------------------------------------------------------------------ */
/* Models as files: what is there, and one directory made of it                                     */

typedef struct mlmamba_part {
    char    *role; /* "vision tower 0", "language model", "tokenizer", "preprocessing", ...               */
    bool     found;
    bool     usable; /* found and, as far as headers tell, sound; or not needed                            */
    char    *source; /* the file found, or the exact name of what is needed                                */
    char    *detail; /* one line: tensors, dtype, or what is wrong, or where it is to be had                */
    uint64_t bytes;
    char    *sha256; /* in hexadecimal digits, NULL unless asked for; of the file, or of an index of shards */
} mlmamba_part;
/* A tensor that is not as the configuration wants it. */
typedef struct mlmamba_tensor_fault {
    const char *kind;   /* "missing", "shape", "dtype", "unexpected"                                     */
    char       *name;   /* as in a directory of ours: "connector.mlp.0.bias"                              */
    char       *source; /* the file that has it, or should have it                                        */
    char       *inside; /* its name in there                                                              */
    char       *detail; /* "has shape [3, 4], must be [4, 4]"                                             */
} mlmamba_tensor_fault;
typedef struct mlmamba_model_check {
    char *kind; /* "mlmamba directory", "ML-Mamba checkpoint", "Mamba text model (Hugging Face)", ... */
    mlmamba_part *parts;
    int           n_parts;
    int64_t       n_tensors; /* that the configuration wants; 0: not compared, because a part is missing */
    mlmamba_tensor_fault
           *faults; /* the first ones                                                           */
    int     n_faults;
    int64_t n_faults_all;
    bool    complete; /* everything is there and fits together, as far as headers tell                 */
    char   *problem;  /* the first thing that is wrong; "" when complete                                */
} mlmamba_model_check;
/* model as model_dir in mlmamba_engine_options: a directory, a .pt file, or ORG/NAME in the Hugging Face cache.  MLM_OK also for an
 * incomplete model: see complete.  Reads configurations and headers, never weights: names, shapes and types of all tensors are compared.  *out: _free. */
MLM_API mlm_status mlmamba_check_model(mlmamba_model_check **out, const char *model);
/* The same, the SHA-256 of every file and the CRC-32 inside PyTorch checkpoints, which reads all of them; on_progress may be NULL. */
MLM_API mlm_status mlmamba_check_model_hashes(mlmamba_model_check **out, const char *model,
                                              mlmamba_load_fn on_progress, void *payload);
MLM_API void       mlmamba_model_check_free(mlmamba_model_check *check);

typedef enum mlmamba_import_dtype {
    MLMAMBA_IMPORT_KEEP = 0, /* as published                                                      */
    MLMAMBA_IMPORT_BF16,     /* matrices; norms, biases, convolutions, A_log, D, dt_bias stay wide */
    MLMAMBA_IMPORT_FP32
} mlmamba_import_dtype;
typedef struct mlmamba_import_options {
    const char *model;  /* as in mlmamba_check_model          */
    const char *output; /* a directory that is not there yet, or empty; DIR.partial until it is complete */
    mlmamba_import_dtype dtype;
    mlmamba_load_fn      on_progress; /* bytes verified in the source, written, read back; false cancels */
    void                *payload;
} mlmamba_import_options;
/*
 * Writes one directory that needs nothing else: config.json, preprocessor_config.json, tokenizer.json, model.safetensors.
 * The CRC-32 of every storage of a PyTorch checkpoint is verified before anything is written (MLM_E_FORMAT names file and member).
 * Position tables are resampled, tensors that the model does not use are left out.  Memory stays small; an interrupted
 * import goes on where it was, after comparing what is there; the directory gets its name after the weights were read back and
 * compared.  With KEEP answers are bitwise those of the published files.
 */
MLM_API mlm_status mlmamba_import(const mlmamba_import_options *opt);

#ifdef __cplusplus
}
#endif
#endif
