/* cmd_score.c: mlmamba score: numbers, exchange files and reports from files of answers.  Needs no model. */
#include "app/cli/cli.h"
#include "app/vqa/vqa_export.h"
#include "app/vqa/vqa_manifest.h"
#include "app/vqa/vqa_report.h"
#include "app/vqa/vqa_score.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXAMPLE "mlmamba score run/ --format md"

typedef struct score_job {
    const cli_options  *o;
    vqa_dataset_options data;
    bool                has_data;
    vqa_score_options   score;
    vqa_score_format    format;
    vqa_export_kind     export_kind;
} score_job;

static int usage_of_message(const cli_options *o)
{
    return args_usage_error(o, EXAMPLE, "%s", mlm_error_message());
}

static int read_format(vqa_score_format *out, const cli_options *o)
{
    static const char *const names[] = {"table", "json", "md", "csv"};
    const char              *name    = o->score.format != NULL ? o->score.format : "table";
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (vqa_score_format)i;
            return CLI_OK;
        }
    }
    return args_bad_value(o, "format", name, "table, json, md, csv", EXAMPLE);
}

/* Options into what the library takes; usage errors only. */
static int read_options(score_job *job, const cli_options *o)
{
    const cli_score_options *s = &o->score;
    if (o->n_args != 1)
        return args_usage_error(
            o, EXAMPLE, "one file or directory of results is wanted, but there are %d arguments", o->n_args);
    if (o->args[0][0] == '\0')
        return args_usage_error(o, EXAMPLE, "the name of the results is empty");
    int rc = read_format(&job->format, o);
    if (rc != CLI_OK)
        return rc;
    job->has_data = s->data.n > 0;
    job->data     = (vqa_dataset_options){
            .paths = s->data.item, .n_paths = s->data.n, .annotations = s->annotations, .images_dir = s->images};
    job->score = (vqa_score_options){.results      = o->args[0],
                                     .data         = job->has_data ? &job->data : NULL,
                                     .by           = s->by,
                                     .partial      = s->partial,
                                     .n_bootstrap  = s->no_intervals ? -1 : s->n_bootstrap,
                                     .seed         = o->gen.seed,
                                     .keep_answers = s->against != NULL,
                                     .unscored     = s->report != NULL && s->against == NULL};
    if (s->task != NULL && vqa_score_task_of_name(&job->score.task, s->task) != MLM_OK)
        return args_bad_value_said(o, "task", s->task, EXAMPLE);
    if (s->norm != NULL && vqa_score_norm_of_name(&job->score.norm, s->norm) != MLM_OK)
        return args_bad_value_said(o, "vqa-norm", s->norm, EXAMPLE);
    if (s->data_format != NULL && vqa_format_of_name(&job->data.format, s->data_format) != MLM_OK)
        return args_bad_value_said(o, "data-format", s->data_format, EXAMPLE);
    if (s->export_kind != NULL && vqa_export_kind_of_name(&job->export_kind, s->export_kind) != MLM_OK)
        return args_bad_value_said(o, "export", s->export_kind, EXAMPLE);
    if (s->annotations != NULL && !job->has_data)
        return args_usage_error(o, EXAMPLE, "--annotations belongs to the questions that --data names");
    if (s->export_kind != NULL && s->report != NULL)
        return args_usage_error(o, EXAMPLE, "--export does not go with --report");
    if (s->export_kind != NULL && s->against != NULL && job->export_kind != VQA_EXPORT_VLM_EVAL)
        return args_usage_error(o, EXAMPLE,
                                "--export goes with --against for vlm-eval alone (TextVQA has two runs)");
    return CLI_OK;
}

/* What is read must not be written over. */
static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a != NULL && b != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static int check_outputs(const score_job *job)
{
    const cli_options *o       = job->o;
    const char        *outs[]  = {o->output, o->score.report};
    const char        *ins[]   = {o->args[0], o->score.against, o->score.annotations};
    char              *lines   = NULL;
    bool               clashes = same_file(o->output, o->score.report);
    if (strcmp(o->args[0], "-") == 0 && (o->score.report != NULL || o->score.export_kind != NULL))
        return args_usage_error(o, EXAMPLE,
                                "--report and --export read the results twice: not from standard input");
    if (mlm_path_join(&lines, o->args[0], "results.jsonl") != MLM_OK)
        return usage_of_message(o);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++)
            clashes = clashes || same_file(outs[i], ins[k]);
        for (int k = 0; k < o->score.data.n; k++)
            clashes = clashes || same_file(outs[i], o->score.data.item[k]);
        clashes = clashes || same_file(outs[i], lines);
    }
    free(lines);
    return clashes ? args_usage_error(o, EXAMPLE, "an output is also an input") : CLI_OK;
}

/* To --output, or to standard output. */
static mlm_status give(const cli_options *o, const vqa_text *text)
{
    MLM_TRY(vqa_text_status(text));
    if (o->output != NULL && strcmp(o->output, "-") != 0)
        return mlm_file_write(o->output, vqa_text_str(text), text->n, 0666, "scores");
    out_text(vqa_text_str(text));
    return MLM_OK;
}

static mlm_status run_export(const score_job *job)
{
    const cli_options *o      = job->o;
    vqa_text           text   = {0};
    vqa_export_stats   stats  = {0};
    vqa_export_options opt    = {.results  = job->score.results,
                                 .data     = job->score.data,
                                 .kind     = job->export_kind,
                                 .partial  = job->score.partial,
                                 .model_id = o->score.model_id,
                                 .second   = o->score.against};
    mlm_status         status = vqa_export(&text, &stats, &opt);
    if (status == MLM_OK)
        status = give(o, &text);
    vqa_text_free(&text);
    if (status == MLM_OK && !o->quiet && (o->output != NULL || stats.n_empty > 0))
        (void)fprintf(stderr, "%lld rows written, %lld of them without an answer\n", (long long)stats.n_rows,
                      (long long)stats.n_empty);
    return status;
}

/* The folder of pictures that a run of ours was given, else the one of its data; NULL: not known. */
static char *pictures_of_run(const char *results)
{
    vqa_manifest *m    = NULL;
    char         *path = NULL;
    if (vqa_manifest_find(&m, results) != MLM_OK)
        return NULL;
    if (m->images_dir != NULL)
        path = strdup(m->images_dir);
    else if (m->n_sources > 0 && (path = strdup(m->sources[0].path)) != NULL &&
             m->format != VQA_FORMAT_FOLDER) {
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            slash[1] = '\0';
        else
            path[0] = '\0';
        if (path[0] == '\0') {
            free(path);
            path = strdup(".");
        }
    }
    vqa_manifest_free(m);
    return path;
}

static mlm_status run_report(const score_job *job, const vqa_score *score, const vqa_comparison *comparison)
{
    vqa_report_stats   stats = {0};
    vqa_report_options opt   = {.score      = score,
                                .comparison = comparison,
                                .data       = job->score.data,
                                .images_dir = job->data.images_dir,
                                .max_rows   = job->o->score.n_rows};
    char              *found = NULL;
    if (opt.images_dir == NULL && opt.data == NULL)
        opt.images_dir = found = pictures_of_run(job->score.results);
    mlm_status status = vqa_report_html(&stats, job->o->score.report, &opt);
    free(found);
    if (status == MLM_OK && !job->o->quiet)
        (void)fprintf(stderr, "%lld of %lld rows in the report, %lld pictures, %lld could not be read%s\n",
                      (long long)stats.n_rows, (long long)score->n_rows, (long long)stats.n_pictures,
                      (long long)stats.n_unreadable,
                      stats.n_unreadable > 0 ? " (--images DIR or --data FILE says where they are)" : "");
    return status;
}

static mlm_status run_score(const score_job *job)
{
    vqa_score        *first = NULL, *second = NULL;
    vqa_comparison   *comparison = NULL;
    vqa_text          text       = {0};
    vqa_score_options other      = job->score;
    mlm_status        status     = vqa_score_run(&first, &job->score);
    int64_t           flips      = job->o->score.n_flips > 0        ? job->o->score.n_flips
                                   : job->format == VQA_SCORE_TABLE ? 20
                                                                    : -1;
    other.results                = job->o->score.against;
    if (status == MLM_OK && other.results != NULL) {
        other.task = first->task;
        status     = vqa_score_run(&second, &other);
        if (status == MLM_OK)
            status = vqa_compare(&comparison, first, second, job->score.n_bootstrap, job->score.seed);
    }
    if (status == MLM_OK) {
        vqa_score_print(&text, first, comparison, job->format, flips);
        status = give(job->o, &text);
    }
    if (status == MLM_OK && job->o->score.report != NULL)
        status = run_report(job, first, comparison);
    vqa_text_free(&text);
    vqa_comparison_free(comparison);
    vqa_score_free(second);
    vqa_score_free(first);
    return status;
}

int cmd_score(cli_options *o)
{
    score_job job = {.o = o};
    /* No row is being written: an interrupt may end this at once. */
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    int rc = read_options(&job, o);
    if (rc == CLI_OK)
        rc = check_outputs(&job);
    if (rc != CLI_OK)
        return rc;
    mlm_status status = o->score.export_kind != NULL ? run_export(&job) : run_score(&job);
    if (status == MLM_OK)
        return CLI_OK;
    err_line("%s", mlm_error_message());
    return CLI_FAILED;
}
