/*
 * bench_whole.c: what programs do, through mlmamba.h alone: the times contain preprocessing, copies from and to the host,
 * the choice of tokens and their text.
 */
#include "app/engine/bench_private.h"
#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUESTION      "What is in the middle of the picture?"
#define PROMPT_TOKENS 40
#define MAX_QUESTION  256
#define SHORT_ANSWER  10
#define SHORT_ROWS    32 /* answered together, and twice as many */

typedef struct whole {
    mlmamba_session *ses;
    mlmamba_image   *img; /* the picture when it is not a file: decoded, as a program has it that shows it */
    mlmamba_answer  *ans; /* the last one */
    char             question[MAX_QUESTION];
    int              n_tokens, n_prompt;
    double           first_at; /* when the first token of the last answer was there */
} whole;

static void keep(whole *w, mlmamba_answer *ans)
{
    mlmamba_answer_free(w->ans);
    w->ans = ans;
}

static mlm_status set_image_with(whole *w, const bench *b, const mlmamba_image_options *opt)
{
    if (b->a->rgb == NULL)
        return mlmamba_session_set_image_file(w->ses, b->a->path, opt);
    if (w->img == NULL)
        MLM_TRY(mlmamba_image_from_rgb(&w->img, b->a->rgb, b->a->side, b->a->side));
    return mlmamba_session_set_image(w->ses, w->img, opt);
}

static mlm_status set_image(whole *w, const bench *b)
{
    return set_image_with(w, b, NULL);
}

static bool first_piece(int row, const char *piece, void *payload)
{
    whole *w = payload;
    (void)row;
    (void)piece;
    if (w->first_at == 0)
        w->first_at = mlm_now_ms();
    return true;
}

static mlm_status ask(whole *w, int n_tokens)
{
    mlmamba_generate_options opt = {.max_new_tokens = n_tokens};
    mlmamba_answer          *ans = NULL;
    w->first_at                  = 0;
    MLM_TRY(mlmamba_session_ask(&ans, w->ses, w->question, &opt, first_piece, w));
    keep(w, ans);
    return MLM_OK;
}

/* ---- one conversation --------------------------------------------------------------------------- */

static mlm_status run_picture(bench *b, void *payload)
{
    static const mlmamba_image_options opt = {.question_follows = true};
    whole                             *w   = payload;
    MLM_TRY(set_image_with(w, b, &opt));
    return ask(w, w->n_tokens);
}

static mlm_status run_next(bench *b, void *payload)
{
    whole *w = payload;
    (void)b;
    MLM_TRY(mlmamba_session_rewind(w->ses, 0));
    return ask(w, 1);
}

/* Until somebody sees the first token: the step behind it, whose state is kept, is not waited for. */
static mlm_status time_first(double *ms, bench *b, bench_fn run, whole *w)
{
    for (int i = -1; i < b->a->n_runs; i++) {
        double start = mlm_now_ms();
        MLM_TRY(run(b, w));
        b->times[i < 0 ? 0 : i] = w->first_at - start;
        MLM_TRY(bench_check_cancel(b));
    }
    *ms = bench_median(b->times, b->a->n_runs);
    return MLM_OK;
}

/* A question that makes a prompt of PROMPT_TOKENS tokens, or nearly. */
static mlm_status choose_question(whole *w, const bench *b)
{
    size_t n = 0;
    MLM_TRY(set_image(w, b));
    (void)snprintf(w->question, sizeof w->question, "What?");
    for (int i = 0; i < 64; i++) {
        char   before[MAX_QUESTION];
        size_t len = strlen(w->question);
        memcpy(before, w->question, len + 1);
        MLM_TRY(mlmamba_session_rewind(w->ses, 0));
        MLM_TRY(ask(w, 1));
        w->n_prompt = w->ans->n_prompt_tokens;
        if (w->n_prompt == PROMPT_TOKENS || len + 8 > sizeof w->question)
            return MLM_OK;
        if (w->n_prompt > PROMPT_TOKENS && len > n) { /* the last word was too long: try a letter */
            w->question[n] = '\0';
            (void)snprintf(w->question + n, sizeof w->question - n, "?");
            n += 1;
            continue;
        }
        n = len;
        (void)snprintf(w->question + len, sizeof w->question - len, " a");
    }
    return MLM_OK;
}

static mlm_status add_parts(bench *b, const mlmamba_answer *ans)
{
    const struct {
        const char   *name, *text;
        double        ms;
        engine_amount work;
    } part[] = {
        {"decode_file", "decode the picture file", ans->decode_file_ms, {0, 0}},
        {"preprocess", "resize and normalise", ans->preprocess_ms, {0, 0}},
        {"vision", "  vision, in a conversation", ans->vision_ms, bench_vision_work(b, 1)},
        {"connector_part", "  connector", ans->connector_ms, bench_connector_work(b, 1)},
        {"image_prefill", "  picture into the state", ans->image_prefill_ms,
         bench_prefill_work(b, 1, b->eng->config.n_image_tokens)},
        {"question", "  question into the state", ans->prompt_ms,
         bench_prefill_work(b, 1, ans->n_prompt_tokens)},
    };
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        bench_line line = {.ms = part[i].ms, .bytes = part[i].work.bytes, .flops = part[i].work.flops};
        (void)snprintf(line.name, sizeof line.name, "%s", part[i].name);
        (void)snprintf(line.text, sizeof line.text, "%s", part[i].text);
        if (line.ms > 0)
            MLM_TRY(bench_add(b, &line));
    }
    return MLM_OK;
}

static mlm_status time_conversation(bench *b, whole *w)
{
    bench_line first = {.name = "first_token", .text = "picture to the first token"};
    bench_line next  = {.name = "next_question", .text = "next question to its first token"};
    MLM_TRY(choose_question(w, b));
    w->n_tokens = 1;
    MLM_TRY(time_first(&first.ms, b, run_picture, w));
    MLM_TRY(add_parts(b, w->ans));
    b->r->prompt_tokens = w->n_prompt;
    first.tokens        = b->eng->config.n_image_tokens + w->n_prompt;
    first.floor_ms      = bench_front_floor(b, 1, w->n_prompt);
    MLM_TRY(bench_add(b, &first));
    MLM_TRY(time_first(&next.ms, b, run_next, w));
    engine_amount work = bench_prefill_work(b, 1, w->n_prompt);
    next.tokens        = w->n_prompt;
    next.bytes         = work.bytes;
    next.flops         = work.flops;
    return bench_add(b, &next);
}

static mlm_status run_answer(bench *b, void *payload)
{
    whole *w = payload;
    (void)b;
    MLM_TRY(mlmamba_session_rewind(w->ses, 0));
    return ask(w, w->n_tokens);
}

/* A token of a conversation: between the first and the last one of an answer. */
static mlm_status time_token(bench *b, whole *w)
{
    engine_amount work = bench_step_work(b, 1);
    bench_line    line = {.name  = "token",
                          .text  = "a token of an answer",
                          .batch = 1,
                          .bytes = work.bytes,
                          .flops = work.flops,
                          .unit  = "tok/s"};
    w->n_tokens        = b->a->n_tokens + 1;
    for (int i = -1; i < b->a->n_runs; i++) {
        MLM_TRY(run_answer(b, w));
        int n                   = w->ans->n_tokens - 1;
        b->times[i < 0 ? 0 : i] = n > 0 ? w->ans->decode_ms / n : 0;
        MLM_TRY(bench_check_cancel(b));
    }
    line.ms                 = bench_median(b->times, b->a->n_runs);
    line.rate               = line.ms > 0 ? 1e3 / line.ms : 0;
    b->r->tokens_per_second = line.rate;
    return bench_add(b, &line);
}

static mlm_status time_answer(bench *b, whole *w)
{
    engine_amount work = bench_step_work(b, 1);
    bench_line    line = {.name = "answer", .unit = "tok/s"};
    w->n_tokens        = b->a->n_answer;
    MLM_TRY(bench_time(&line.ms, b, 1, run_picture, w));
    int n = w->ans->n_tokens;
    (void)snprintf(line.text, sizeof line.text, "picture to an answer of %d tokens", n);
    line.tokens = n;
    line.rate   = line.ms > 0 ? n / line.ms * 1e3 : 0;
    line.floor_ms =
        bench_front_floor(b, 1, w->n_prompt) + (n > 1 ? n - 1 : 0) * bench_floor(b, work.bytes, work.flops);
    return bench_add(b, &line);
}

/* ---- states ------------------------------------------------------------------------------------- */

typedef struct state_job {
    whole            *w;
    mlmamba_snapshot *snap;
    double            free_ms;
} state_job;

static mlm_status run_snapshot(bench *b, void *payload)
{
    state_job *j = payload;
    (void)b;
    mlmamba_snapshot_free(j->snap);
    j->snap = NULL;
    return mlmamba_session_snapshot(&j->snap, j->w->ses);
}

static mlm_status run_restore(bench *b, void *payload)
{
    state_job *j = payload;
    (void)b;
    return mlmamba_session_restore(j->w->ses, j->snap);
}

static mlm_status run_save(bench *b, void *payload)
{
    state_job *j = payload;
    return mlmamba_snapshot_save(j->snap, b->a->state_file);
}

static mlm_status run_load(bench *b, void *payload)
{
    mlmamba_snapshot *snap = NULL;
    (void)payload;
    MLM_TRY(mlmamba_snapshot_load(&snap, b->eng, b->a->state_file));
    mlmamba_snapshot_free(snap);
    return MLM_OK;
}

static mlm_status add_state(bench *b, const char *name, const char *text, double copies, bench_fn run,
                            state_job *j)
{
    bench_line line = {.bytes = copies * b->work.state_bytes};
    (void)snprintf(line.name, sizeof line.name, "%s", name);
    (void)snprintf(line.text, sizeof line.text, "%s", text);
    MLM_TRY(bench_time(&line.ms, b, 1, run, j));
    return bench_add(b, &line);
}

/* Behind a question, so that the state is one of its own; states are values, so nothing need be copied at once. */
static mlm_status time_states(bench *b, whole *w)
{
    state_job  j      = {.w = w};
    mlm_status status = ask(w, 1);
    if (status == MLM_OK)
        status = add_state(b, "snapshot", "snapshot of a conversation", 2, run_snapshot, &j);
    if (status == MLM_OK)
        status = add_state(b, "restore", "restore it", 2, run_restore, &j);
    if (status == MLM_OK && b->a->state_file != NULL)
        status = add_state(b, "state_save", "write a state file", 1, run_save, &j);
    if (status == MLM_OK && b->a->state_file != NULL)
        status = add_state(b, "state_load", "read a state file", 1, run_load, &j);
    if (b->a->state_file != NULL)
        (void)unlink(b->a->state_file);
    mlmamba_snapshot_free(j.snap);
    return status;
}

/* ---- batches ------------------------------------------------------------------------------------ */

static void free_answers(mlmamba_answer **ans, int n)
{
    for (int i = 0; i < n; i++)
        mlmamba_answer_free(ans[i]);
}

/* Rows that go on from one state together; ms of a token, tokens of a row. */
static mlm_status decode_rows(double *ms, const bench *b, const mlmamba_snapshot *snap, int rows)
{
    mlmamba_query            query[ENGINE_MAX_BATCH] = {{0}};
    mlmamba_answer          *ans[ENGINE_MAX_BATCH]   = {NULL};
    mlmamba_generate_options opt                     = {.max_new_tokens = b->a->n_tokens + 1};
    for (int i = 0; i < rows; i++)
        query[i] = (mlmamba_query){.snapshot = snap, .question = QUESTION};
    mlm_status status = mlmamba_ask_batch(b->eng, query, rows, ans, &opt, NULL, NULL, NULL);
    for (int i = 0; i < rows && status == MLM_OK; i++)
        if (ans[i]->status != MLM_OK)
            status = mlm_fail(ans[i]->status, "%s", ans[i]->message);
    if (status == MLM_OK)
        *ms = ans[0]->n_tokens > 1 ? ans[0]->decode_ms / (ans[0]->n_tokens - 1) : 0;
    free_answers(ans, rows);
    return status;
}

static mlm_status time_decode(bench *b, const mlmamba_snapshot *snap, int rows)
{
    engine_amount work = bench_step_work(b, rows);
    bench_line    line = {.name  = "decode",
                          .text  = "a token of every row of a batch",
                          .batch = rows,
                          .bytes = work.bytes,
                          .flops = work.flops,
                          .unit  = "tok/s"};
    double        warm = 0;
    MLM_TRY(decode_rows(&warm, b, snap, rows));
    for (int i = 0; i < b->a->n_runs; i++) {
        MLM_TRY(decode_rows(&b->times[i], b, snap, rows));
        MLM_TRY(bench_check_cancel(b));
    }
    line.ms   = bench_median(b->times, b->a->n_runs);
    line.rate = line.ms > 0 ? rows / line.ms * 1e3 : 0;
    return bench_add(b, &line);
}

typedef struct picture_job {
    mlmamba_image      **img;
    int                  n, rows, at;
    mlmamba_stream_stats stats; /* of the last run */
    mlm_status           failed;
} picture_job;

static mlmamba_next next_picture(mlmamba_query *q, bool may_wait, void *payload)
{
    picture_job *j = payload;
    (void)may_wait;
    if (j->at == j->n)
        return MLMAMBA_NEXT_END;
    *q = (mlmamba_query){.image = j->img[j->at++], .question = QUESTION};
    return MLMAMBA_NEXT_QUERY;
}

static bool take_short(mlmamba_answer *ans, void *user, void *payload)
{
    picture_job *j = payload;
    (void)user;
    if (ans->status != MLM_OK)
        j->failed = mlm_fail(ans->status, "%s", ans->message);
    mlmamba_answer_free(ans);
    return j->failed == MLM_OK;
}

static mlm_status run_pictures(bench *b, void *payload)
{
    picture_job             *j    = payload;
    mlmamba_generate_options opt  = {.max_new_tokens = SHORT_ANSWER};
    mlmamba_stream_args      args = {
             .next = next_picture, .done = take_short, .options = &opt, .max_rows = j->rows, .payload = j};
    j->at             = 0;
    j->failed         = MLM_OK;
    mlm_status status = mlmamba_ask_stream(b->eng, &args, &j->stats);
    return j->failed != MLM_OK ? j->failed : status;
}

/* Every picture is another one, decoded before: the work of files is a line of its own. */
static mlm_status make_pictures(picture_job *j, const bench *b)
{
    size_t     bytes  = (size_t)b->a->side * (size_t)b->a->side * 3;
    uint8_t   *rgb    = malloc(bytes);
    mlm_status status = rgb != NULL ? MLM_OK : mlm_fail_nomem(bytes, "picture");
    for (int i = 0; i < j->n && status == MLM_OK; i++) {
        memcpy(rgb, b->a->rgb, bytes);
        memset(rgb, i + 1, bytes / 16);
        status = mlmamba_image_from_rgb(&j->img[i], rgb, b->a->side, b->a->side);
    }
    free(rgb);
    return status;
}

static mlm_status time_short_answers(bench *b, int rows)
{
    picture_job j    = {.n = rows * b->a->n_rounds, .rows = rows};
    bench_line  line = {.name = "short_answers", .unit = "pictures/s", .batch = rows, .tokens = SHORT_ANSWER};
    engine_amount step = bench_step_work(b, rows);
    (void)snprintf(line.text, sizeof line.text, "%d pictures, answers of %d tokens", j.n, SHORT_ANSWER);
    j.img = calloc((size_t)j.n, sizeof *j.img);
    if (j.img == NULL)
        return mlm_fail_nomem((size_t)j.n * sizeof *j.img, "pictures");
    mlm_status status = make_pictures(&j, b);
    if (status == MLM_OK)
        status = bench_time(&line.ms, b, 1, run_pictures, &j);
    for (int i = 0; i < j.n; i++)
        mlmamba_image_free(j.img[i]);
    free(j.img);
    MLM_TRY(status);
    line.rate     = line.ms > 0 ? j.n / line.ms * 1e3 : 0;
    line.floor_ms = b->a->n_rounds * (bench_front_floor(b, rows, PROMPT_TOKENS) +
                                      (SHORT_ANSWER - 1) * bench_floor(b, step.bytes, step.flops));
    MLM_TRY(bench_add(b, &line));
    const mlmamba_stream_stats *t = &j.stats;
    bench_line rest = {.name = "short_rest", .text = "  of it, not in the model", .batch = rows};
    rest.ms = line.ms - t->vision_ms - t->connector_ms - t->image_prefill_ms - t->prompt_ms - t->decode_ms;
    return rest.ms > 0 ? bench_add(b, &rest) : MLM_OK;
}

static mlm_status time_batches(bench *b, whole *w)
{
    mlmamba_snapshot *snap = NULL;
    MLM_TRY(set_image(w, b));
    MLM_TRY(mlmamba_session_snapshot(&snap, w->ses));
    mlm_status status = MLM_OK;
    for (int i = 0; i < b->a->n_batches && status == MLM_OK && bench_wants(b, "decode"); i++)
        status = time_decode(b, snap, b->a->batch[i]);
    mlmamba_snapshot_free(snap);
    int  most  = b->eng->max_batch < 2 * SHORT_ROWS ? b->eng->max_batch : 2 * SHORT_ROWS;
    bool wants = bench_wants(b, "short_answers") && b->a->rgb != NULL;
    for (int rows = most < SHORT_ROWS ? most : SHORT_ROWS; wants && rows > 1 && rows <= most; rows *= 2)
        if (status == MLM_OK)
            status = time_short_answers(b, rows);
    return status;
}

/* ---- text alone --------------------------------------------------------------------------------- */

static mlm_status time_completion(bench *b, whole *w)
{
    engine_amount            work = bench_step_work(b, 1);
    mlmamba_generate_options opt  = {.max_new_tokens = b->a->n_tokens + 1};
    bench_line               line = {.name  = "token",
                                     .text  = "a token of a completion",
                                     .batch = 1,
                                     .bytes = work.bytes,
                                     .flops = work.flops,
                                     .unit  = "tok/s"};
    for (int i = -1; i < b->a->n_runs; i++) {
        mlmamba_answer *ans = NULL;
        MLM_TRY(mlmamba_session_complete(&ans, w->ses, QUESTION, &opt, NULL, NULL));
        keep(w, ans);
        b->times[i < 0 ? 0 : i] = ans->n_tokens > 1 ? ans->decode_ms / (ans->n_tokens - 1) : 0;
        b->r->prompt_tokens     = ans->n_prompt_tokens;
        MLM_TRY(bench_check_cancel(b));
    }
    line.ms                 = bench_median(b->times, b->a->n_runs);
    line.rate               = line.ms > 0 ? 1e3 / line.ms : 0;
    b->r->tokens_per_second = line.rate;
    return bench_add(b, &line);
}

static mlm_status time_all(bench *b, whole *w)
{
    mlmamba_image_info img;
    if (!b->eng->config.has_vision)
        return time_completion(b, w);
    if (bench_wants(b, "first_token"))
        MLM_TRY(time_conversation(b, w));
    else
        MLM_TRY(choose_question(w, b));
    MLM_TRY(mlmamba_session_get_image_info(w->ses, &img));
    b->r->width  = img.width;
    b->r->height = img.height;
    if (bench_wants(b, "token"))
        MLM_TRY(time_token(b, w));
    if (b->a->n_answer > 0 && bench_wants(b, "answer"))
        MLM_TRY(time_answer(b, w));
    if (bench_wants(b, "snapshot"))
        MLM_TRY(time_states(b, w));
    return time_batches(b, w);
}

mlm_status bench_whole(bench *b)
{
    whole w = {0};
    MLM_TRY(mlmamba_session_create(&w.ses, b->eng));
    mlm_status status = time_all(b, &w);
    mlmamba_answer_free(w.ans);
    mlmamba_image_free(w.img);
    mlmamba_session_free(w.ses);
    return status;
}
