/*
 * stream.c: queries that come one by one, decoded together: the rows.  See stream_private.h.
 *
 * What goes wrong with a query becomes its answer.  The stream itself fails only when nothing after it would work:
 * a broken device, no memory for an answer, or when the caller ends it.
 */
#include "app/engine/stream_private.h"
#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ------------------------------------------------------------------------------------ */

static mlm_status hand_over(stream *st, mlmamba_answer *ans, void *user)
{
    st->stats.n_answers++;
    st->stats.n_errors += ans->status != MLM_OK;
    st->stats.n_tokens += ans->n_tokens;
    if (st->args->done(ans, user, st->args->payload))
        return MLM_OK;
    return mlm_fail(MLM_E_CANCELLED, "cancelled");
}

static void row_clear(stream_row *r)
{
    token_list_free(&r->result.ids);
    r->prompt.count   = 0; /* its memory serves the next query */
    token_list prompt = r->prompt;
    memset(r, 0, sizeof *r);
    r->prompt = prompt;
}

/* The query has no answer: says why. */
static mlm_status answer_error(stream *st, stream_row *r, mlm_status why, const char *message)
{
    mlmamba_answer *ans  = NULL;
    void           *user = r->query.user;
    mlm_status      made = engine_answer_error(&ans, why, message);
    row_clear(r);
    return made == MLM_OK ? hand_over(st, ans, user) : made;
}

static mlm_status answer_row(stream *st, stream_row *r)
{
    mlmamba_answer *ans  = NULL;
    void           *user = r->query.user;
    if (r->result.finish == LM_FINISH_ERROR)
        return answer_error(st, r, r->result.status, r->result.message);
    mlm_status status = engine_answer_create(&ans, st->eng, &r->result);
    if (status == MLM_OK)
        status = engine_answer_candidates(ans, r->probs, r->opt.n_candidates);
    if (status != MLM_OK) {
        mlmamba_answer_free(ans);
        return answer_error(st, r, status, mlm_error_message());
    }
    engine_answer_prompt(ans, r->prompt.count, r->n_cut, r->prompt_ms);
    if (r->is_new)
        engine_answer_picture(ans, st->eng->config.n_image_tokens, &r->times);
    row_clear(r);
    return hand_over(st, ans, user);
}

static mlm_status answer_ended(stream *st)
{
    for (int i = 0; i < st->max_rows + st->n_ahead; i++)
        if (st->rows[i].in_use && st->rows[i].has_ended)
            MLM_TRY(answer_row(st, &st->rows[i]));
    return MLM_OK;
}

/* ---- queries ------------------------------------------------------------------------------------ */

static mlm_status check_query(const stream *st, const mlmamba_query *q)
{
    int n = (q->image_path != NULL) + (q->image != NULL) + (q->snapshot != NULL);
    if (n == 0)
        return mlm_fail(MLM_E_STATE, "the query has no picture");
    if (n > 1)
        return mlm_fail(MLM_E_RANGE, "the query has %d of image_path, snapshot and image, must have one", n);
    if (q->snapshot != NULL && q->snapshot->eng != st->eng)
        return mlm_fail(MLM_E_STATE, "the snapshot belongs to another engine");
    return MLM_OK;
}

static mlm_status open_row(stream *st, stream_row *r)
{
    const mlmamba_query *q = &r->query;
    MLM_TRY(check_query(st, q));
    MLM_TRY(engine_options_check(&r->opt, q->options != NULL ? q->options : &st->opt));
    MLM_TRY(engine_candidates(r->candidate, st->eng, &r->opt));
    r->sampling = engine_sampling(&r->opt);
    int n_fed   = q->snapshot != NULL ? engine_turns_tokens(q->snapshot->turn, q->snapshot->n_turns) : 0;
    return engine_prompt(&r->prompt, &r->n_cut, st->eng, q->question, n_fed, r->opt.raw_prompt);
}

static stream_row *free_row(stream *st)
{
    for (int i = 0; i < st->max_rows + st->n_ahead; i++)
        if (!st->rows[i].in_use)
            return &st->rows[i];
    return NULL;
}

/* Fetches queries until `most` wait; those that are wrong are answered at once. */
static mlm_status fetch(stream *st, int most)
{
    bool nothing_runs = lm_decoder_active(st->decoder) == 0;
    while (st->n_waiting < most && !st->source_ended) {
        stream_row  *r    = free_row(st);
        mlmamba_next what = st->args->next(&r->query, nothing_runs && st->n_waiting == 0, st->args->payload);
        st->source_ended  = what == MLMAMBA_NEXT_END;
        if (what != MLMAMBA_NEXT_QUERY)
            break;
        mlm_status status = open_row(st, r);
        if (status == MLM_OK)
            status = stream_plan_picture(st, r);
        if (status != MLM_OK) {
            MLM_TRY(answer_error(st, r, status, mlm_error_message()));
            continue;
        }
        r->in_use                    = true;
        st->waiting[st->n_waiting++] = r;
    }
    return MLM_OK;
}

static mlm_status answer_pictureless(stream *st, stream_row *r)
{
    const picture_entry *e = r->picture;
    return answer_error(st, r, e->status, e->message != NULL ? e->message : "no memory for the picture");
}

/* Rows whose picture could not be decoded are answered and leave the list. */
static mlm_status drop_undecoded(stream *st, stream_row **joining, int *n)
{
    int kept = 0, count = *n;
    for (int i = 0; i < count; i++) {
        stream_row *r = joining[i];
        if (r->picture == NULL || r->picture->picture != NULL)
            joining[kept++] = r;
        else
            MLM_TRY(answer_pictureless(st, r));
    }
    *n = kept;
    return MLM_OK;
}

/* ---- joining ------------------------------------------------------------------------------------ */

static mlm_status prefill(stream *st, stream_row *const *joining, int n)
{
    mlmamba_engine *eng   = st->eng;
    int             first = lm_decoder_active(st->decoder);
    size_t          T     = 1;
    int32_t         len[ENGINE_MAX_BATCH];
    for (int i = 0; i < n; i++) {
        T      = joining[i]->prompt.count > T ? joining[i]->prompt.count : T;
        len[i] = (int32_t)joining[i]->prompt.count;
    }
    int32_t *ids = calloc((size_t)n * T, sizeof *ids);
    if (ids == NULL)
        return mlm_fail_nomem((size_t)n * T * sizeof *ids, "prompts");
    for (int i = 0; i < n; i++)
        memcpy(ids + (size_t)i * T, joining[i]->prompt.ids, joining[i]->prompt.count * sizeof *ids);
    lm_prefill_args p      = {.ids       = ids,
                              .n_rows    = n,
                              .first_row = first,
                              .n_tokens  = (int)T,
                              .len       = len,
                              .logits    = kn_slice(eng->many.logits, 0, first, n)};
    mlm_status      status = lm_prefill(eng->queue, eng->lm, eng->many.lm, eng->many.state, &p);
    if (status == MLM_OK)
        status = kn_queue_sync(eng->queue);
    free(ids);
    return status;
}

static mlm_status join(stream *st, stream_row *const *joining, int n)
{
    lm_row_args rows[ENGINE_MAX_BATCH];
    double      start = mlm_now_ms();
    MLM_TRY(prefill(st, joining, n));
    double ms = mlm_now_ms() - start;
    st->stats.prompt_ms += ms;
    for (int i = 0; i < n; i++) {
        stream_row *r = joining[i];
        r->prompt_ms  = ms;
        rows[i]       = (lm_row_args){.row            = (int)(r - st->rows),
                                      .max_new_tokens = r->opt.max_new_tokens,
                                      .want_logprob   = r->opt.want_logprob,
                                      .sampling       = &r->sampling,
                                      .candidates     = r->candidate,
                                      .probs          = r->probs,
                                      .n_candidates   = r->opt.n_candidates,
                                      .result         = &r->result};
    }
    return lm_decoder_join(st->decoder, rows, n);
}

/* The queries that were joining when something failed have the failure as their answer. */
static mlm_status fail_joining(stream *st, stream_row *const *joining, int n, mlm_status why,
                               const char *message)
{
    for (int i = 0; i < n; i++)
        if (joining[i]->in_use)
            MLM_TRY(answer_error(st, joining[i], why, message));
    return MLM_OK;
}

/* ---- the loop ----------------------------------------------------------------------------------- */

static bool pass_piece(int row, int32_t id, const char *piece, void *payload)
{
    const stream        *st = payload;
    const mlmamba_query *q  = st->rows[row].query.user;
    (void)id;
    return st->on_token((int)(q - st->base), piece, st->args->payload);
}

static void row_ended(int row, void *payload)
{
    stream *st              = payload;
    st->rows[row].has_ended = true;
}

/* With the engine: new rows join, then every row gets a token.  joined is set once the new rows belong to the decoder. */
static mlm_status work(stream *st, stream_row *const *joining, int n, bool *joined)
{
    if (n > 0)
        MLM_TRY(join(st, joining, n));
    *joined      = true;
    double start = mlm_now_ms();
    st->stats.n_steps += lm_decoder_active(st->decoder) > 0;
    mlm_status status = lm_decoder_turn(st->decoder);
    st->stats.decode_ms += mlm_now_ms() - start;
    return status;
}

static mlm_status run_locked(stream *st, stream_row **joining, int *n, stream_row **dropped, int *n_dropped)
{
    bool       joined = false;
    mlm_status status = *n > 0 ? stream_place_pictures(st, joining, n, dropped, n_dropped) : MLM_OK;
    if (status == MLM_OK)
        status = work(st, joining, *n, &joined);
    if (status == MLM_OK)
        return MLM_OK;
    if (joined)
        lm_decoder_fail(st->decoder, status);
    return joined && status != MLM_E_DEVICE ? MLM_OK
                                            : status; /* the rows have it; the next ones may fare better */
}

/* One round: new rows are placed, all rows get a token, what has ended is answered. */
static mlm_status round_once(stream *st, stream_row **joining, int n)
{
    stream_row *dropped[ENGINE_MAX_BATCH];
    int         n_dropped = 0;
    bool        any       = n > 0;
    MLM_TRY(engine_lock(st->eng));
    mlm_status status = run_locked(st, joining, &n, dropped, &n_dropped);
    engine_unlock(st->eng);
    char why[512];
    (void)snprintf(why, sizeof why, "%s", status != MLM_OK ? mlm_error_message() : "");
    for (int i = 0; i < n_dropped; i++)
        MLM_TRY(answer_pictureless(st, dropped[i]));
    MLM_TRY(answer_ended(st));
    if (status != MLM_OK)
        MLM_TRY(fail_joining(st, joining, n, status, why));
    if (status == MLM_E_DEVICE)
        return mlm_fail(status, "%s", why);
    if (any)
        picture_cache_trim(&st->cache);
    return MLM_OK;
}

/* ---- queries on their way to a row -------------------------------------------------------------- */

/* The waiting rows behind those that are ready get their pictures, here or on the thread. */
static void start_making(stream *st)
{
    picture_job *job = &st->job;
    job->st          = st;
    job->n           = 0;
    st->n_making     = st->n_waiting - st->n_ready;
    for (int i = st->n_ready; i < st->n_waiting; i++) {
        stream_row *r = st->waiting[i];
        if (r->picture == NULL || !r->is_first)
            continue;
        job->row[job->n]     = r;
        job->entry[job->n++] = r->picture;
    }
    stream_maker_start(st);
}

/* Looks after what is being made; comes back when the first `wanted` that wait are ready.  Who joins must not depend on how fast
 * the thread is: on a GPU the last bits of a row may depend on the rows beside it. */
static void make(stream *st, int wanted)
{
    while (stream_maker_is_idle(st, st->n_ready < wanted)) {
        st->n_ready += st->n_making;
        st->n_making = 0;
        if (st->n_ready == st->n_waiting)
            return;
        start_making(st);
    }
}

/* Rows join when enough are free to be worth a prefill of their own, or nothing else is to be done. */
static bool is_time_to_join(const stream *st)
{
    int active = lm_decoder_active(st->decoder), room = st->max_rows - active;
    int enough = st->max_rows / 8 > 1 ? st->max_rows / 8 : 1;
    return active == 0 || room >= enough;
}

/* Ready rows leave the line as far as there is room; those whose picture could not be had are answered. */
static mlm_status take_ready(stream *st, stream_row **joining, int *n)
{
    int room = st->max_rows - lm_decoder_active(st->decoder);
    *n       = st->n_ready < room ? st->n_ready : room;
    for (int i = 0; i < *n; i++) {
        joining[i] = st->waiting[i];
        stream_leave_picture(st, joining[i]);
    }
    st->n_waiting -= *n;
    st->n_ready -= *n;
    memmove(st->waiting, st->waiting + *n, (size_t)st->n_waiting * sizeof *st->waiting);
    return drop_undecoded(st, joining, n);
}

/* New rows for the next round, if it is time. */
static mlm_status gather(stream *st, stream_row **joining, int *n)
{
    int  active = lm_decoder_active(st->decoder), room = st->max_rows - active;
    bool is_time = is_time_to_join(st);
    *n           = 0;
    if (!is_time && st->n_ahead == 0)
        return MLM_OK;
    MLM_TRY(fetch(st, room > st->n_ahead ? room : st->n_ahead));
    make(st, !is_time ? 0 : st->n_waiting < room ? st->n_waiting : room);
    return is_time ? take_ready(st, joining, n) : MLM_OK;
}

static mlm_status run(stream *st)
{
    stream_row *joining[ENGINE_MAX_BATCH];
    for (;;) {
        int n = 0;
        MLM_TRY(gather(st, joining, &n));
        if (n == 0 && lm_decoder_active(st->decoder) == 0) {
            if (st->source_ended && st->n_waiting == 0)
                return MLM_OK;
            picture_cache_trim(&st->cache);
            continue;
        }
        MLM_TRY(round_once(st, joining, n));
    }
}

/* Two groups of pictures: one that is ready and one that is being made. */
static int stream_most_ahead(const mlmamba_engine *eng)
{
    int n = 2 * eng->n_pictures;
    return n < STREAM_MAX_AHEAD ? n : STREAM_MAX_AHEAD;
}

static mlm_status stream_open(stream *st)
{
    mlmamba_engine *eng  = st->eng;
    int             most = eng->max_batch;
    if (st->args->max_rows < 0 || st->args->max_rows > most)
        return mlm_fail(MLM_E_RANGE, "max_rows is %d, must be from 1 to the engine's max_batch, %d",
                        st->args->max_rows, most);
    st->max_rows = st->args->max_rows > 0 ? st->args->max_rows : most;
    MLM_TRY(engine_options_check(&st->opt, st->args->options));
    MLM_TRY(engine_prepare_batch(eng));
    size_t fit         = eng->kept_bytes / lm_config_state_bytes(&eng->config.text);
    st->cache.capacity = fit < 2 ? 2 : fit > STREAM_MAX_CACHED / 2 ? STREAM_MAX_CACHED / 2 : (int)fit;
    size_t n_rows      = (size_t)st->max_rows + STREAM_MAX_AHEAD;
    st->n_ahead        = eng->looks_ahead ? stream_most_ahead(eng) : 0;
    st->rows           = calloc(n_rows, sizeof *st->rows);
    if (st->rows == NULL)
        return mlm_fail_nomem(n_rows * sizeof *st->rows, "rows");
    lm_decoder_args d = {.tok      = eng->config.tok,
                         .state    = eng->many.state,
                         .logits   = eng->many.logits,
                         .max_rows = st->max_rows,
                         .end_id   = eng->config.eos_id,
                         .on_piece = st->on_token != NULL ? pass_piece : NULL,
                         .on_end   = row_ended,
                         .payload  = st};
    MLM_TRY(lm_decoder_create(&st->decoder, eng->queue, eng->lm, eng->many.lm, &d));
    MLM_TRY(mlm_threads_create_most(&st->threads, mlm_cores_available()));
    return stream_maker_open(st);
}

static void stream_close(stream *st)
{
    stream_maker_close(st);
    for (int i = 0; st->rows != NULL && i < st->max_rows + STREAM_MAX_AHEAD; i++) {
        token_list_free(&st->rows[i].result.ids);
        token_list_free(&st->rows[i].prompt);
    }
    free(st->rows);
    lm_decoder_free(st->decoder);
    mlm_threads_free(st->threads);
    picture_cache_free(&st->cache);
}

mlm_status engine_stream(mlmamba_engine *eng, const mlmamba_stream_args *args, mlmamba_token_fn on_token,
                         const mlmamba_query *base, mlmamba_stream_stats *stats)
{
    stream *st = calloc(1, sizeof *st);
    if (st == NULL)
        return mlm_fail_nomem(sizeof *st, "stream");
    st->eng           = eng;
    st->args          = args;
    st->on_token      = on_token;
    st->base          = base;
    mlm_status status = engine_batch_lock(eng);
    if (status == MLM_OK) {
        status = stream_open(st);
        if (status == MLM_OK)
            status = run(st);
        stream_close(st);
        engine_batch_unlock(eng);
    }
    if (stats != NULL)
        *stats = st->stats;
    free(st);
    return status;
}

mlm_status mlmamba_ask_stream(mlmamba_engine *eng, const mlmamba_stream_args *args,
                              mlmamba_stream_stats *stats)
{
    if (stats != NULL)
        memset(stats, 0, sizeof *stats);
    if (args->next == NULL || args->done == NULL)
        return mlm_fail(MLM_E_RANGE, "a stream needs next and done");
    return engine_stream(eng, args, NULL, NULL, stats);
}
