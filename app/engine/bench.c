/*
 * bench.c: medians, floors and the list of lines.  The ceilings first (bench_ceiling.c), then every part of the engine
 * alone (bench_stage.c), then what programs do, through the public interface (bench_whole.c).
 */
#include "app/engine/bench_private.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MEGABYTE   1048576.0
#define LEAST_RUNS 9

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, compare);
    return n % 2 != 0 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

bool bench_wants(const bench *b, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = b->a->only; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    }
    return b->a->only == NULL;
}

mlm_status bench_check_cancel(const bench *b)
{
    if (b->a->is_cancelled != NULL && b->a->is_cancelled(b->a->payload))
        return mlm_fail(MLM_E_CANCELLED, "interrupted");
    return MLM_OK;
}

mlm_status bench_time(double *ms, bench *b, int inner, bench_fn run, void *payload)
{
    for (int i = -1; i < b->a->n_runs; i++) {
        double start = mlm_now_ms();
        for (int k = 0; k < inner; k++)
            MLM_TRY(run(b, payload));
        if (i >= 0)
            b->times[i] = (mlm_now_ms() - start) / inner;
        MLM_TRY(bench_check_cancel(b));
    }
    *ms = bench_median(b->times, b->a->n_runs);
    return MLM_OK;
}

mlm_status bench_best(double *ms, bench *b, int inner, bench_fn run, void *payload)
{
    MLM_TRY(run(b, payload));
    *ms = 0;
    for (int i = 0; i < LEAST_RUNS; i++) {
        double start = mlm_now_ms();
        for (int k = 0; k < inner; k++)
            MLM_TRY(run(b, payload));
        double time = (mlm_now_ms() - start) / inner;
        *ms         = i == 0 || time < *ms ? time : *ms;
        MLM_TRY(bench_check_cancel(b));
    }
    return MLM_OK;
}

double bench_floor(const bench *b, double bytes, double flops)
{
    double read    = b->r->read_rate > 0 ? bytes / b->r->read_rate * 1e3 : 0;
    double product = b->r->product_rate > 0 ? flops / b->r->product_rate * 1e3 : 0;
    return read > product ? read : product;
}

mlm_status bench_add(bench *b, const bench_line *line)
{
    bench_result *r = b->r;
    if (r->n_lines == r->capacity) {
        int         capacity = r->capacity * 2 + 32;
        bench_line *bigger   = realloc(r->line, (size_t)capacity * sizeof *bigger);
        if (bigger == NULL)
            return mlm_fail_nomem((size_t)capacity * sizeof *bigger, "lines");
        r->line     = bigger;
        r->capacity = capacity;
    }
    bench_line *l = &r->line[r->n_lines++];
    *l            = *line;
    if (l->floor_ms == 0)
        l->floor_ms = bench_floor(b, l->bytes, l->flops);
    return MLM_OK;
}

bench_rates bench_line_rates(const bench_line *l)
{
    bench_rates r = {0};
    if (l->ms > 0) {
        r.gb_s          = l->bytes / l->ms * 1e-6;
        r.tflop_s       = l->flops / l->ms * 1e-9;
        r.floor_percent = 100.0 * l->floor_ms / l->ms;
    }
    return r;
}

/* ---- work --------------------------------------------------------------------------------------- */

engine_amount bench_vision_work(const bench *b, int n)
{
    engine_amount sum = {0};
    for (int i = 0; i < VISION_MAX_TOWERS; i++) {
        sum.bytes += b->work.tower[i].bytes;
        sum.flops += b->work.tower[i].flops * n;
    }
    return sum;
}

engine_amount bench_connector_work(const bench *b, int n)
{
    return (engine_amount){b->work.connector.bytes, b->work.connector.flops * n};
}

engine_amount bench_prefill_work(const bench *b, int n, int T)
{
    return (engine_amount){b->work.text.bytes + n * b->work.state_bytes,
                           n * (b->work.text.flops * T + b->work.head_flops)};
}

/* Weights once; every row's state is read, and written at once or later. */
engine_amount bench_step_work(const bench *b, int n)
{
    const lm_state *st     = n > b->eng->one.n_rows ? b->eng->many.state : b->eng->one.state;
    double          passes = st != NULL ? lm_state_passes(st, n) : 2.0;
    return (engine_amount){b->work.text.bytes + passes * n * b->work.state_bytes,
                           n * (b->work.text.flops + b->work.head_flops)};
}

static double floor_of(const bench *b, engine_amount w)
{
    return bench_floor(b, w.bytes, w.flops);
}

double bench_front_floor(const bench *b, int n_pictures, int n_prompt)
{
    double sum = floor_of(b, bench_connector_work(b, n_pictures));
    for (int i = 0; i < VISION_MAX_TOWERS; i++)
        sum += bench_floor(b, b->work.tower[i].bytes, b->work.tower[i].flops * n_pictures);
    int T = (n_pictures > 0 ? b->eng->config.n_image_tokens : 0) + n_prompt;
    return sum + floor_of(b, bench_prefill_work(b, n_pictures > 0 ? n_pictures : 1, T));
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static double share_of(const mlmamba_engine *eng, enum engine_share share)
{
    return (double)eng->share[share] / MEGABYTE;
}

/* Weights are rounded up by the driver; captured steps are counted with the code. */
static void take_account(bench_result *r, const mlmamba_engine *eng)
{
    r->driver_mb   = share_of(eng, ENGINE_DRIVER);
    r->queues_mb   = share_of(eng, ENGINE_QUEUES);
    r->rounding_mb = share_of(eng, ENGINE_WEIGHTS) - r->weights_mb;
    r->working_mb  = share_of(eng, ENGINE_WORKING) - r->states_mb;
    r->code_mb     = share_of(eng, ENGINE_CODE);
}

/* What the engine keeps on the device, once everything exists that a batch needs. */
static void measure_memory(bench *b)
{
    kn_device_info info;
    struct rusage  usage;
    bench_result  *r    = b->r;
    int            rows = b->eng->one.n_rows + engine_pool_states(b->eng);
    kn_device_get_info(b->eng->dev, &info);
    r->weights_mb = b->work.weights_bytes / MEGABYTE;
    r->states_mb  = rows * b->work.state_bytes / MEGABYTE;
    if (b->eng->many.state != NULL) /* with what is written late */
        r->states_mb += (double)lm_state_bytes(b->eng->many.state) / MEGABYTE;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        r->rss_mb = (double)usage.ru_maxrss / 1024.0;
    if ((info.caps & KN_CAP_HOST) != 0 || info.total_bytes == 0)
        return;
    r->device_mb = ((double)info.total_bytes - (double)info.free_bytes) / MEGABYTE;
    r->rest_mb   = r->device_mb - r->weights_mb - r->states_mb;
    take_account(r, b->eng);
}

/* Batches whose states fit, with some room. */
static void choose_batches(bench_args *a, const mlmamba_engine_options *opt, const mlmamba_memory *m,
                           const kn_device_info *info, bool host)
{
    static const int sizes[] = {1, 8, 64, 256};
    double           state   = (double)m->snapshot_bytes * (opt->bf16_state ? 0.55 : 1.0);
    double           left    = 0.85 * (double)info->free_bytes - (double)m->weights_bytes;
    for (int i = 0; i < (host ? 2 : 4); i++)
        if (i == 0 || info->free_bytes == 0 || (sizes[i] + 8) * state < left)
            a->batch[a->n_batches++] = sizes[i];
}

mlm_status bench_defaults(bench_args *a, mlmamba_engine_options *opt)
{
    const kn_device_options d    = {.name = opt->device, .n_threads = 1};
    kn_device              *dev  = NULL;
    mlmamba_memory          need = {0};
    kn_device_info          info;
    MLM_TRY(kn_device_open(&dev, &d));
    kn_device_get_info(dev, &info);
    kn_device_close(dev);
    bool host = (info.caps & (KN_CAP_HOST | KN_CAP_ORACLE)) != 0;
    if (a->n_batches == 0) {
        MLM_TRY(mlmamba_estimate_memory(&need, opt));
        choose_batches(a, opt, &need, &info, host);
    }
    int most = 1;
    for (int i = 0; i < a->n_batches; i++)
        most = a->batch[i] > most ? a->batch[i] : most;
    opt->max_batch = most;
    if (a->n_prefills == 0) {
        static const int pairs[][2] = {{1, 0}, {16, 0}, {1, 8192}};
        for (int i = 0; i < (host ? 1 : 3); i++, a->n_prefills++) {
            a->prefill[2 * i]     = pairs[i][0];
            a->prefill[2 * i + 1] = pairs[i][1];
        }
    }
    a->n_rounds   = host ? 1 : 4;
    a->n_pictures = a->n_pictures == 0 && !host ? 32 : a->n_pictures;
    a->n_answer   = a->n_answer == 0 ? 4 * a->n_tokens : a->n_answer;
    return MLM_OK;
}

/* Names that `only` may hold. */
mlm_status bench_check_only(const char *only)
{
    static const char *const names[] = {"towers", "prefill", "step",     "fork",   "first_token",
                                        "token",  "answer",  "snapshot", "decode", "short_answers"};
    for (const char *at = only; at != NULL && *at != '\0';) {
        size_t n     = strcspn(at, ",");
        bool   known = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            known = known || (strlen(names[i]) == n && strncmp(names[i], at, n) == 0);
        if (!known)
            return mlm_fail(
                MLM_E_RANGE,
                "there is no line '%.*s' to be measured alone, must be towers, prefill, step, fork, "
                "first_token, token, answer, snapshot, decode or short_answers",
                n < 60 ? (int)n : 60, at);
        at += n + (at[n] == ',');
    }
    return MLM_OK;
}

static mlm_status check_args(const bench_args *a, const mlmamba_engine *eng)
{
    if (a->n_runs < 1 || a->n_tokens < 1)
        return mlm_fail(MLM_E_RANGE, "%d runs of %d tokens, must be at least 1 of 1", a->n_runs, a->n_tokens);
    MLM_TRY(bench_check_only(a->only));
    for (int i = 0; i < a->n_batches; i++)
        if (a->batch[i] < 1 || a->batch[i] > eng->max_batch)
            return mlm_fail(MLM_E_RANGE, "a batch of %d, must be from 1 to the engine's max_batch, %d",
                            a->batch[i], eng->max_batch);
    return MLM_OK;
}

static mlm_status measure(bench *b)
{
    MLM_TRY(engine_work_of(&b->work, b->eng));
    if (b->a->n_batches > 0)
        MLM_TRY(engine_prepare_batch(b->eng));
    measure_memory(b);
    MLM_TRY(bench_ceilings(b));
    MLM_TRY(bench_stages(b));
    MLM_TRY(bench_whole(b));
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        b->r->rss_mb = (double)usage.ru_maxrss / 1024.0;
    return MLM_OK;
}

mlm_status bench_measure(bench_result *out, mlmamba_engine *eng, const bench_args *a)
{
    bench b = {.eng = eng, .a = a, .r = out};
    memset(out, 0, sizeof *out);
    MLM_TRY(check_args(a, eng));
    b.times = calloc((size_t)a->n_runs, sizeof *b.times);
    if (b.times == NULL)
        return mlm_fail_nomem((size_t)a->n_runs * sizeof *b.times, "times");
    mlm_status status = measure(&b);
    free(b.times);
    if (status != MLM_OK)
        bench_result_free(out);
    return status;
}

void bench_result_free(bench_result *r)
{
    free(r->line);
    memset(r, 0, sizeof *r);
}
