/*
 * batch.c: many questions, decoded together.  Queries fill rows in order; consecutive queries about the same file
 * share its encoding and its state.  Full rows: one padded prefill with lengths, then one generation loop that
 * drops rows as they finish.  What goes wrong with a query, or with the rows that run together, becomes their
 * answer; answers that are there stay.
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct batch_run {
    mlmamba_engine          *eng;
    const mlmamba_query     *queries;
    mlmamba_answer         **answers;
    mlmamba_generate_options opt;
    vision_image_options     image_opt;
    mlmamba_token_fn         on_token;
    void                    *payload;
    int                      max_rows;
    int                      n_rows;
    int                      query[ENGINE_MAX_BATCH];  /* of each row */
    token_list               prompt[ENGINE_MAX_BATCH]; /* of each row */
    engine_times             times[ENGINE_MAX_BATCH];  /* zero when the picture was shared */
    bool                     is_new[ENGINE_MAX_BATCH];
    /* the newest picture file: its state, or why there is none */
    const char     *path;
    engine_picture *picture;
    engine_times    picture_times;
    bool            picture_is_new;
    mlm_status      path_status;
    char           *path_message;
} batch_run;

static mlm_status load_picture(batch_run *b, const char *path)
{
    vision_image img   = {0};
    double       start = mlm_now_ms();
    memset(&b->picture_times, 0, sizeof b->picture_times);
    MLM_TRY(vision_image_load_file(&img, path, &b->image_opt));
    b->picture_times.file_ms = mlm_now_ms() - start;
    mlm_status status        = engine_picture_prepare(&b->picture, b->eng, &img, &b->picture_times);
    vision_image_free(&img);
    if (status == MLM_OK)
        status = engine_picture_run(b->picture, b->eng, &b->picture_times, NULL);
    if (status != MLM_OK) {
        engine_picture_drop(b->picture);
        b->picture = NULL;
    }
    return status;
}

/* Makes b->picture the one of `path`; a file that failed once is not tried again for the queries right after it. */
static mlm_status want_picture(batch_run *b, const char *path)
{
    if (b->path != NULL && strcmp(b->path, path) == 0) {
        if (b->path_status == MLM_OK)
            return MLM_OK;
        return mlm_fail(b->path_status, "%s", b->path_message != NULL ? b->path_message : path);
    }
    engine_picture_drop(b->picture);
    free(b->path_message);
    b->picture        = NULL;
    b->path_message   = NULL;
    b->path           = path;
    b->path_status    = load_picture(b, path);
    b->picture_is_new = b->path_status == MLM_OK;
    if (b->path_status != MLM_OK)
        b->path_message = strdup(mlm_error_message());
    return b->path_status;
}

/* Puts a query into the next row. */
static mlm_status add_row(batch_run *b, int i)
{
    const mlmamba_query    *q    = &b->queries[i];
    const mlmamba_snapshot *snap = q->snapshot;
    int                     row  = b->n_rows;
    const lm_state         *from = NULL;
    if (snap != NULL && snap->eng != b->eng)
        return mlm_fail(MLM_E_STATE, "the snapshot belongs to another engine");
    if (snap == NULL && q->image_path == NULL)
        return mlm_fail(MLM_E_STATE, "the query has no picture");
    b->prompt[row].count = 0;
    MLM_TRY(engine_prompt(&b->prompt[row], b->eng, q->question, snap == NULL || snap->n_turns == 0));
    b->is_new[row] = false;
    if (snap == NULL) {
        MLM_TRY(want_picture(b, q->image_path));
        from              = b->picture->state;
        b->times[row]     = b->picture_times;
        b->is_new[row]    = b->picture_is_new;
        b->picture_is_new = false;
    } else {
        from = snap->n_turns > 0 ? snap->state : snap->picture->state;
    }
    MLM_TRY(lm_state_copy_row(b->eng->queue, b->eng->many.state, row, from, 0));
    b->query[row] = i;
    b->n_rows++;
    return MLM_OK;
}

static mlm_status prefill_rows(batch_run *b, kn_tensor logits)
{
    mlmamba_engine *eng = b->eng;
    size_t          T = 1, n_rows = (size_t)(unsigned)b->n_rows;
    int32_t         len[ENGINE_MAX_BATCH];
    for (int r = 0; r < b->n_rows; r++) {
        T      = b->prompt[r].count > T ? b->prompt[r].count : T;
        len[r] = (int32_t)b->prompt[r].count;
    }
    int32_t *ids = calloc(n_rows * T, sizeof *ids);
    if (ids == NULL)
        return mlm_fail_nomem(n_rows * T * sizeof *ids, "prompts");
    for (int r = 0; r < b->n_rows; r++)
        memcpy(ids + (size_t)r * T, b->prompt[r].ids, b->prompt[r].count * sizeof *ids);
    lm_prefill_args p = {.ids = ids, .n_rows = b->n_rows, .n_tokens = (int)T, .len = len, .logits = logits};
    mlm_status      status = lm_prefill(eng->queue, eng->lm, eng->many.lm, eng->many.state, &p);
    if (status == MLM_OK)
        status = kn_queue_sync(eng->queue);
    free(ids);
    return status;
}

static bool pass_piece(int row, int32_t id, const char *piece, void *payload)
{
    const batch_run *b = payload;
    (void)id;
    return b->on_token(b->query[row], piece, b->payload);
}

static void add_times(mlmamba_answer *ans, const batch_run *b, int r, double prompt_ms)
{
    const engine_times *t = &b->times[r];
    ans->n_prompt_tokens  = (int)b->prompt[r].count;
    ans->prompt_ms        = prompt_ms;
    ans->first_token_ms += prompt_ms;
    if (!b->is_new[r])
        return;
    ans->n_image_tokens   = b->eng->config.n_image_tokens;
    ans->decode_file_ms   = t->file_ms;
    ans->preprocess_ms    = t->preprocess_ms;
    ans->vision_ms        = t->vision_ms;
    ans->connector_ms     = t->connector_ms;
    ans->image_prefill_ms = t->prefill_ms;
    ans->first_token_ms += t->file_ms + t->preprocess_ms + t->vision_ms + t->connector_ms + t->prefill_ms;
}

static mlm_status make_answers(batch_run *b, const lm_row_result *results, double prompt_ms)
{
    for (int r = 0; r < b->n_rows; r++) {
        mlmamba_answer     **ans = &b->answers[b->query[r]];
        const lm_row_result *res = &results[r];
        if (res->finish == LM_FINISH_ERROR) {
            MLM_TRY(engine_answer_error(ans, res->status, res->message));
            continue;
        }
        MLM_TRY(engine_answer_create(ans, b->eng, res));
        add_times(*ans, b, r, prompt_ms);
    }
    return MLM_OK;
}

/* Prefill and generation; after a failure of generation the results say what became of each row. */
static mlm_status generate_rows(batch_run *b, lm_row_result *results, double *prompt_ms)
{
    mlmamba_engine *eng    = b->eng;
    kn_tensor       logits = kn_slice(eng->many.logits, 0, 0, b->n_rows);
    double          start  = mlm_now_ms();
    mlm_status      status = prefill_rows(b, logits);
    *prompt_ms             = mlm_now_ms() - start;
    for (int r = 0; status != MLM_OK && r < b->n_rows; r++)
        results[r] = (lm_row_result){.finish = LM_FINISH_ERROR, .status = status};
    if (status != MLM_OK)
        return status;
    sampler_options  sampling = engine_sampling(&b->opt);
    lm_generate_args g        = {.tok            = eng->config.tok,
                                 .state          = eng->many.state,
                                 .logits         = logits,
                                 .n_rows         = b->n_rows,
                                 .max_new_tokens = b->opt.max_new_tokens,
                                 .end_id         = eng->config.eos_id,
                                 .want_logprob   = b->opt.want_logprob,
                                 .sampling       = &sampling,
                                 .on_piece       = b->on_token != NULL ? pass_piece : NULL,
                                 .payload        = b};
    return lm_generate(eng->queue, eng->lm, eng->many.lm, &g, results);
}

/* Answers the rows collected so far.  Fails only when nothing after it would work, or without memory for answers. */
static mlm_status run_rows(batch_run *b)
{
    if (b->n_rows == 0)
        return MLM_OK;
    double         prompt_ms = 0.0;
    lm_row_result *results   = calloc((size_t)b->n_rows, sizeof *results);
    if (results == NULL)
        return mlm_fail_nomem((size_t)b->n_rows * sizeof *results, "results");
    mlm_status run = generate_rows(b, results, &prompt_ms);
    char       why[sizeof results->message]; /* the next failure on this thread would replace the line */
    (void)snprintf(why, sizeof why, "%s", mlm_error_message());
    for (int r = 0; r < b->n_rows; r++)
        if (results[r].finish == LM_FINISH_ERROR && results[r].message[0] == '\0')
            memcpy(results[r].message, why, sizeof why);
    mlm_status status = make_answers(b, results, prompt_ms);
    for (int r = 0; r < b->n_rows; r++)
        token_list_free(&results[r].ids);
    free(results);
    b->n_rows = 0;
    if (status == MLM_OK && run == MLM_E_DEVICE)
        return mlm_fail(run, "%s", why);
    return status;
}

static mlm_status run_all(batch_run *b, int n)
{
    for (int i = 0; i < n; i++) {
        mlm_status status = add_row(b, i);
        if (status != MLM_OK)
            MLM_TRY(engine_answer_error(&b->answers[i], status, mlm_error_message()));
        if (status == MLM_E_DEVICE)
            return mlm_fail(status, "%s", b->answers[i]->message); /* nothing after it would work */
        if (b->n_rows == b->max_rows || i == n - 1)
            MLM_TRY(run_rows(b));
    }
    return MLM_OK;
}

/* After a failure of the whole: the queries that have no answer have the failure, as far as memory goes. */
static mlm_status answer_rest(batch_run *b, int n, mlm_status why)
{
    char message[512];
    (void)snprintf(message, sizeof message, "%s", mlm_error_message());
    for (int i = 0; i < n; i++)
        if (b->answers[i] == NULL && engine_answer_error(&b->answers[i], why, message) != MLM_OK)
            break;
    return mlm_fail(why, "%s", message);
}

static mlm_status prepare_rows(mlmamba_engine *eng)
{
    if (eng->many.state != NULL)
        return MLM_OK;
    return engine_scratch_create(&eng->many, eng->dev, &eng->config, eng->lm, eng->max_batch);
}

mlm_status mlmamba_ask_batch(mlmamba_engine *eng, const mlmamba_query *queries, int n,
                             mlmamba_answer **answers, const mlmamba_generate_options *opt,
                             const mlmamba_image_options *image_opt, mlmamba_token_fn on_token, void *payload)
{
    if (n < 0)
        return mlm_fail(MLM_E_RANGE, "the number of queries is %d", n);
    for (int i = 0; i < n; i++)
        answers[i] = NULL;
    batch_run *b = calloc(1, sizeof *b);
    if (b == NULL)
        return mlm_fail_nomem(sizeof *b, "batch");
    b->eng                          = eng;
    b->queries                      = queries;
    b->answers                      = answers;
    b->on_token                     = on_token;
    b->payload                      = payload;
    b->image_opt.ignore_orientation = image_opt != NULL && image_opt->ignore_orientation;
    mlm_status status               = engine_options_check(&b->opt, opt);
    b->max_rows                     = eng->max_batch;
    if (status == MLM_OK && (status = engine_lock(eng)) == MLM_OK) {
        status = prepare_rows(eng);
        if (status == MLM_OK)
            status = run_all(b, n);
        engine_unlock(eng);
        if (status != MLM_OK)
            status = answer_rest(b, n, status);
    }
    for (int r = 0; r < ENGINE_MAX_BATCH; r++)
        token_list_free(&b->prompt[r]);
    engine_picture_drop(b->picture);
    free(b->path_message);
    free(b);
    return status;
}
