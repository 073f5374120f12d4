/* cmd_vqa.c: mlmamba vqa and mlmamba vqa merge: a data set through the model, unattended. */
#include "app/cli/cli.h"
#include "app/cli/progress.h"
#include "app/vqa/vqa_job.h"
#include "app/vqa/vqa_prompt.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_threads.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXAMPLE "mlmamba vqa questions.json --images pictures --output run1"

enum { SHOWN_ERRORS = 10, SHOWN_LONG = 3, COMMAND_LINE = 1 << 16, DEFAULT_BATCH = 16 };

typedef struct vqa_command {
    cli_options    *o;
    vqa_job_options opt;
    vqa_rank        rank;
    bool            has_rank;
    cli_progress    progress;
    int64_t         n_shown;       /* error rows that were told */
    int64_t         n_long, n_cut; /* rows with a long question; of them with one that was cut */
    char            command_line[COMMAND_LINE];
} vqa_command;

/* ---- options -------------------------------------------------------------------------------------- */

/* "2/4": the third of four. */
static bool read_shard(const char *text, int *shard, int *n)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    long a = strtol(text, &end, 10);
    if (*end != '/' || end[1] < '0' || end[1] > '9')
        return false;
    long b = strtol(end + 1, &end, 10);
    *shard = (int)a;
    *n     = (int)b;
    return *end == '\0' && b >= 1 && b <= 1000000 && a < b;
}

static int read_choices(vqa_command *c)
{
    const cli_vqa_options *v = &c->o->vqa;
    if (v->format != NULL && vqa_format_of_name(&c->opt.data.format, v->format) != MLM_OK)
        return args_bad_value_said(c->o, "format", v->format, NULL);
    if (v->task != NULL && vqa_task_of_name(&c->opt.data.task, v->task) != MLM_OK)
        return args_bad_value_said(c->o, "task", v->task, NULL);
    if (v->prompt != NULL && vqa_prompt_check(v->prompt) != MLM_OK)
        return args_usage_error(c->o, "mlmamba vqa q.json --prompt '{question} Answer briefly.'",
                                "--prompt: %s", mlm_error_message());
    for (int i = 0; i < v->filters.n; i++)
        if (strchr(v->filters.item[i], '=') == NULL)
            return args_usage_error(c->o, NULL, "--filter is '%s', must be KEY=VALUE", v->filters.item[i]);
    if (v->exif && c->o->image.ignore_orientation)
        return args_usage_error(c->o, NULL, "--exif and --no-exif exclude each other");
    if (!progress_kind_of_name(&c->progress.kind, v->progress))
        return args_bad_value(c->o, "progress", v->progress, "auto, line, plain, json, none", NULL);
    return CLI_OK;
}

static int read_shards(vqa_command *c)
{
    const cli_vqa_options *v = &c->o->vqa;
    vqa_dataset_options   *d = &c->opt.data;
    if (v->shard != NULL) {
        if (!read_shard(v->shard, &d->shard, &d->n_shards))
            return args_usage_error(c->o, "mlmamba vqa q.json -o run1 --shard 0/4",
                                    "--shard is '%s', must be I/N with I from 0 to N-1", v->shard);
        return CLI_OK;
    }
    c->has_rank = vqa_rank_from_environment(&c->rank) && c->rank.size > 1;
    if (c->has_rank) {
        d->shard    = c->rank.rank;
        d->n_shards = c->rank.size;
        if (!c->o->quiet)
            err_line("shard %d of %d, as %s says (--shard 0/1: all rows)", c->rank.rank, c->rank.size,
                     c->rank.variable);
    }
    return CLI_OK;
}

static void fill_data(vqa_command *c)
{
    const cli_vqa_options *v = &c->o->vqa;
    vqa_dataset_options   *d = &c->opt.data;
    d->paths                 = (const char *const *)c->o->args;
    d->n_paths               = c->o->n_args;
    d->images_dir            = v->images;
    d->annotations           = v->annotations;
    d->ocr                   = v->ocr;
    d->question              = v->question;
    d->columns   = (vqa_columns){v->col_id, v->col_image, v->col_question, v->col_answer, v->col_split};
    d->recursive = v->recursive;
    d->limit     = v->limit;
    d->sample    = v->sample;
    d->seed      = c->o->gen.seed;
    d->filters   = v->filters.item;
    d->n_filters = v->filters.n;
}

/* Words of /proc/self/cmdline, quoted where a shell would need it. */
static void read_command_line(vqa_command *c)
{
    char  *data = NULL;
    size_t n    = 0;
    FILE  *f    = fopen("/proc/self/cmdline", "r");
    char   raw[COMMAND_LINE / 4];
    n = f != NULL ? fread(raw, 1, sizeof raw - 1, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    raw[n]    = '\0';
    size_t at = 0;
    for (data = raw; data < raw + n; data += strlen(data) + 1) {
        bool plain = data[0] != '\0' && data[strcspn(data, " \t\n'\"\\$&|;<>()*?[]{}`!#~")] == '\0';
        at += (size_t)snprintf(c->command_line + at, sizeof c->command_line - at, "%s%s%s%s",
                               at > 0 ? " " : "", plain ? "" : "'", data, plain ? "" : "'");
        if (at >= sizeof c->command_line)
            break;
    }
    c->opt.command_line = n > 0 ? c->command_line : NULL;
}

/* ---- what a job tells ----------------------------------------------------------------------------- */

static bool should_stop(void *payload)
{
    (void)payload;
    return signals_pending() != 0;
}

static void on_progress(const vqa_progress *p, void *payload)
{
    vqa_command *c = payload;
    progress_show(&c->progress, p);
}

static void on_note(const char *line, void *payload)
{
    vqa_command *c = payload;
    progress_clear(&c->progress);
    if (!c->o->quiet)
        err_line("%s", line);
}

static void tell_long_question(vqa_command *c, const vqa_result *row)
{
    char text[256];
    if (!cli_long_question(text, sizeof text, row->n_prompt, row->n_prompt_used))
        return;
    c->n_cut += row->n_prompt_used < row->n_prompt;
    if (c->n_long++ >= SHOWN_LONG || c->o->quiet)
        return;
    progress_clear(&c->progress);
    err_line("row %lld (id %.100s, line %lld): %s", (long long)row->item.row, row->item.id,
             (long long)row->item.line, text);
}

static void count_long_questions(const vqa_command *c)
{
    if (c->n_cut > 0 && !c->o->quiet)
        err_line(
            "%lld rows of this run had a question longer than the model takes: 'prompt_used' in the results",
            (long long)c->n_cut);
    else if (c->n_long > SHOWN_LONG && !c->o->quiet)
        err_line("%lld rows of this run had such a long question", (long long)c->n_long);
}

/* The first rows that fail are shown; all are in the results. */
static void on_row(const vqa_result *row, void *payload)
{
    vqa_command *c = payload;
    tell_long_question(c, row);
    if (row->error_code == NULL || c->n_shown > SHOWN_ERRORS)
        return;
    progress_clear(&c->progress);
    if (c->n_shown++ < SHOWN_ERRORS)
        err_line("row %lld, line %lld: %s", (long long)row->item.row, (long long)row->item.line,
                 row->error_message);
    else
        err_line("more rows failed; 'error' in the results says why");
}

/* ---- running -------------------------------------------------------------------------------------- */

static int failed(vqa_command *c)
{
    progress_clear(&c->progress);
    err_line("%s", mlm_error_message());
    return cli_exit_status(CLI_FAILED);
}

/* A launcher that binds processes to cores has divided them already. */
static int cores_of_rank(int local_size)
{
    int  mine = mlm_cores_available(), n = mine / local_size;
    long all = sysconf(_SC_NPROCESSORS_ONLN);
    if (mine < all)
        return mine;
    return n > 1 ? n : 1;
}

/* One process for each GPU or part of the cores, when a launcher started several on this machine. */
static int open_engine(mlmamba_engine **eng, vqa_command *c)
{
    cli_options     o = *c->o;
    mlmamba_engine *mine;
    char            device[32];
    if (o.engine.max_batch == 0)
        o.engine.max_batch = o.vqa.batch > 0 ? o.vqa.batch : DEFAULT_BATCH;
    if (c->has_rank && c->rank.local_size > 1 && o.engine.n_threads == 0)
        o.engine.n_threads = cores_of_rank(c->rank.local_size);
    if (c->has_rank && c->rank.local_rank > 0 &&
        (o.engine.device == NULL || strcmp(o.engine.device, "auto") == 0 ||
         strcmp(o.engine.device, "cuda") == 0)) {
        mlmamba_engine_options opt = o.engine;
        (void)snprintf(device, sizeof device, "cuda:%d", c->rank.local_rank);
        opt.device = device;
        if (mlmamba_engine_open(&mine, &opt) == MLM_OK) {
            *eng = mine;
            return CLI_OK;
        }
    }
    return cli_open_engine(eng, &o);
}

static int report_end(vqa_command *c, const vqa_job *job, mlm_status status)
{
    vqa_progress p;
    vqa_job_get_progress(job, &p);
    progress_end(&c->progress, &p);
    count_long_questions(c);
    if (status == MLM_E_CANCELLED) {
        if (c->opt.out_dir != NULL)
            err_line("stopped: %lld of %lld rows are in %s; the same command goes on from there",
                     (long long)p.n_done, (long long)p.n_rows, vqa_job_results_path(job));
        return cli_exit_status(CLI_FAILED);
    }
    if (status != MLM_OK) {
        if (c->opt.out_dir != NULL || strstr(mlm_error_message(), "Broken pipe") == NULL)
            err_line("%s", mlm_error_message()); /* a reader that went away needs no message */
        if (c->opt.out_dir != NULL && p.n_done > 0 && status != MLM_E_CONFIG)
            err_line("%lld of %lld rows are in %s; the same command goes on from there", (long long)p.n_done,
                     (long long)p.n_rows, vqa_job_results_path(job));
        return CLI_FAILED;
    }
    if (!c->o->quiet && c->opt.out_dir != NULL)
        err_line("%lld rows in %s, %lld with errors%s", (long long)p.n_rows, vqa_job_results_path(job),
                 (long long)p.n_errors, p.n_errors > 0 ? " (--retry-errors asks those again)" : "");
    /* An MPI launcher ends all other ranks when one of them says anything but 0; vqa merge says it instead. */
    bool is_mpi = c->has_rank && strncmp(c->rank.variable, "SLURM", 5) != 0;
    return p.n_errors > 0 && !is_mpi ? CLI_ERROR_ROWS : CLI_OK;
}

/* A forgotten --images is said once, and before a model is loaded.  Not for a shard: the others may have pictures, and a launcher
 * would end them. */
static bool has_pictures(vqa_command *c, const vqa_job *job)
{
    vqa_progress p;
    vqa_job_get_progress(job, &p);
    if (p.n_done > 0 || c->opt.data.n_shards > 1 ||
        vqa_dataset_check_pictures(vqa_job_dataset(job), VQA_SAY_IMAGES) == MLM_OK)
        return true;
    err_line("%s", mlm_error_message());
    return false;
}

static int run(vqa_command *c)
{
    vqa_job        *job = NULL;
    mlmamba_engine *eng = NULL;
    if (vqa_job_open(&job, &c->opt) != MLM_OK)
        return failed(c);
    int rc = has_pictures(c, job) ? open_engine(&eng, c) : CLI_FAILED;
    if (rc == CLI_OK) {
        progress_begin(&c->progress, c->o->quiet);
        rc = report_end(c, job, vqa_job_run(job, eng));
    }
    mlmamba_engine_close(eng);
    vqa_job_close(job);
    return rc;
}

static void on_bad_row(const char *line, void *payload)
{
    (void)payload;
    err_line("%s", line);
}

static int dry_run(vqa_command *c)
{
    vqa_check found = {0};
    if (vqa_job_check(&found, &c->opt, on_bad_row) != MLM_OK)
        return failed(c);
    out_printf("%lld rows, %lld pictures: %lld rows cannot be asked (%lld pictures), %lld ids come twice\n",
               (long long)found.n_rows, (long long)found.n_pictures, (long long)found.n_bad_rows,
               (long long)found.n_bad_pictures, (long long)found.n_doubled_ids);
    return found.n_bad_rows > 0 ? CLI_ERROR_ROWS : CLI_OK;
}

static int merge(vqa_command *c)
{
    vqa_merge_result m = {0};
    if (c->o->n_args != 2)
        return args_usage_error(c->o, "mlmamba vqa merge run1", "vqa merge wants one directory");
    if (vqa_merge(&m, c->o->args[1], c->o->vqa.allow_missing, NULL) != MLM_OK)
        return failed(c);
    if (!c->o->quiet)
        err_line("%lld rows of %d shards in %s/results.jsonl, %lld with errors, %lld missing",
                 (long long)m.n_rows, m.n_shards, c->o->args[1], (long long)m.n_errors,
                 (long long)m.n_missing);
    return m.n_errors > 0 || m.n_missing > 0 ? CLI_ERROR_ROWS : CLI_OK;
}

static int check_names(const cli_options *o)
{
    for (int i = 0; i < o->n_args; i++) {
        if (o->args[i][0] == '\0')
            return args_usage_error(o, EXAMPLE, "the name of a data set is empty");
        if (cli_names_picture(o->args[i]) && mlm_path_is_file(o->args[i]))
            return args_usage_error(
                o, "mlmamba vqa photos/ --question \"Is there a dog?\" --output run1",
                "'%s' is a picture, not a data set; name its folder, or use 'mlmamba ask'", o->args[i]);
    }
    return CLI_OK;
}

static int start(vqa_command *c)
{
    cli_options *o = c->o;
    if (o->n_args > 0 && strcmp(o->args[0], "merge") == 0 && !mlm_path_is_file("merge") &&
        !mlm_path_is_dir("merge"))
        return merge(c);
    if (o->n_args == 0)
        return args_usage_error(o, EXAMPLE, "a data set is missing");
    if (o->output == NULL && !o->vqa.dry_run)
        return args_usage_error(o, EXAMPLE,
                                "--output is missing: a directory for the results, or - for standard output");
    int rc = check_names(o);
    if (rc == CLI_OK)
        rc = read_choices(c);
    if (rc == CLI_OK)
        rc = read_shards(c);
    if (rc != CLI_OK)
        return rc;
    fill_data(c);
    read_command_line(c);
    bool is_pipe              = o->output != NULL && strcmp(o->output, "-") == 0;
    c->opt.out_dir            = is_pipe ? NULL : o->output;
    c->opt.out_fd             = is_pipe ? STDOUT_FILENO : -1;
    c->opt.prompt_template    = o->vqa.prompt;
    c->opt.gen                = o->gen;
    c->opt.image              = o->image;
    c->opt.apply_orientation  = o->vqa.exif;
    c->opt.reference_rounding = o->engine.reference_rounding;
    c->opt.bf16_state         = o->engine.bf16_state;
    c->opt.deterministic      = o->engine.deterministic;
    c->opt.max_rows           = o->vqa.batch > 0 ? o->vqa.batch : DEFAULT_BATCH;
    c->opt.n_workers          = o->vqa.n_workers;
    c->opt.window             = o->vqa.window;
    c->opt.force              = o->vqa.force;
    c->opt.retry_errors       = o->vqa.retry_errors;
    c->opt.max_errors         = o->vqa.max_errors;
    c->opt.on_progress        = on_progress;
    c->opt.on_row             = on_row;
    c->opt.on_note            = on_note;
    c->opt.should_stop        = should_stop;
    c->opt.payload            = c;
    return o->vqa.dry_run ? dry_run(c) : run(c);
}

int cmd_vqa(cli_options *o)
{
    vqa_command *c = calloc(1, sizeof *c);
    if (c == NULL) {
        err_line("no memory");
        return CLI_FAILED;
    }
    c->o   = o;
    int rc = start(c);
    free(c);
    return rc;
}
