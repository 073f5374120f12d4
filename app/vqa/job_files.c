/* job_files.c: the directory of a job: lock, manifest, what was done before, and each new line. */
#include "app/vqa/job_private.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void job_note(const vqa_job *job, const char *fmt, ...)
{
    char    text[1024];
    va_list ap;
    if (job->opt.on_note == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    job->opt.on_note(text, job->opt.payload);
}

/* ---- the directory -------------------------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static mlm_status refuse_own_input(const vqa_job *job)
{
    const vqa_source *sources = NULL;
    int               n       = vqa_dataset_sources(job->data, &sources);
    for (int i = 0; i < n; i++)
        if (is_same_file(sources[i].path, job->results_path) ||
            is_same_file(sources[i].path, job->manifest_path))
            return mlm_fail(MLM_E_CONFIG, "%s is both data set and output", sources[i].path);
    return MLM_OK;
}

/* Row number -> index of the selection; rows stand in order there.  -1: not of this job.  Most lines follow the one
 * before. */
static int64_t index_of_row(const vqa_job *job, int64_t row, int64_t guess)
{
    int64_t from = 0, to = job->n_rows;
    if (guess < to && vqa_dataset_ref(job->data, guess).row == row)
        return guess;
    while (from < to) {
        int64_t middle = from + (to - from) / 2;
        if (vqa_dataset_ref(job->data, middle).row < row)
            from = middle + 1;
        else
            to = middle;
    }
    return from < job->n_rows && vqa_dataset_ref(job->data, from).row == row ? from : -1;
}

static mlm_status see_old_line(const vqa_line_head *head, uint64_t offset, size_t n, void *payload)
{
    vqa_job *job = payload;
    int64_t  i   = index_of_row(job, head->row, job->next_out);
    (void)offset;
    (void)n;
    if (i < 0)
        return mlm_fail(MLM_E_CONFIG, "%s has a result for row %lld, which is not of this job",
                        job->results_path, (long long)head->row);
    job->next_out = i + 1;
    if (vqa_dataset_ref(job->data, i).digest != head->digest) {
        if (!job->opt.force)
            return mlm_fail(MLM_E_CONFIG,
                            "%s: row %lld of the data set is not what it was (--force asks it again)",
                            job->results_path, (long long)head->row);
        job->state[i] = ROW_TODO;
        return MLM_OK;
    }
    if (job->state[i] != ROW_DONE)
        job->state[i] = head->ok ? ROW_DONE : ROW_FAILED;
    return MLM_OK;
}

static void count_old_rows(vqa_job *job)
{
    int64_t retried = 0;
    for (int64_t i = 0; i < job->n_rows; i++) {
        if (job->state[i] == ROW_FAILED && job->opt.retry_errors) {
            job->state[i] = ROW_TODO;
            retried++;
        }
        job->progress.n_done += job->state[i] != ROW_TODO;
        job->progress.n_errors += job->state[i] == ROW_FAILED;
    }
    job->progress.n_before = job->progress.n_done;
    if (retried > 0)
        job_note(job, "%lld rows with errors are asked again", (long long)retried);
}

static mlm_status open_results(vqa_job *job)
{
    const vqa_faults faults = {job->opt.fault, job->opt.payload};
    uint64_t         cut    = 0;
    MLM_TRY(vqa_output_open(&job->out, job->results_path, &faults, job->opt.sync_rows, &cut));
    if (cut > 0)
        job_note(job, "%s: a torn last line was cut off (%llu bytes)", job->results_path,
                 (unsigned long long)cut);
    if (job->out.size > 0 && !job->was_started && !job->opt.force)
        return mlm_fail(MLM_E_CONFIG,
                        "%s has results, but %s is gone: what made them is not known (--force goes on)",
                        job->results_path, job->manifest_path);
    MLM_TRY(vqa_output_scan(&job->out, see_old_line, job));
    job->next_out = 0;
    count_old_rows(job);
    return MLM_OK;
}

mlm_status job_open_files(vqa_job *job)
{
    const vqa_dataset_options *d       = &job->opt.data;
    char                      *lock    = NULL;
    int                        n_parts = d->n_shards > 1 ? d->n_shards : 0;
    job->out.fd = job->lock.fd = -1;
    if (job->opt.out_dir == NULL) {
        job->held = calloc((size_t)job->n_rows, sizeof *job->held);
        return job->held != NULL ? MLM_OK : mlm_fail_nomem((size_t)job->n_rows * sizeof *job->held, "lines");
    }
    MLM_TRY(mlm_make_dirs(job->opt.out_dir, 0777));
    MLM_TRY(vqa_output_name(&job->results_path, job->opt.out_dir, "results", "jsonl", d->shard, n_parts));
    MLM_TRY(vqa_output_name(&job->manifest_path, job->opt.out_dir, "run", "json", d->shard, n_parts));
    MLM_TRY(refuse_own_input(job));
    MLM_TRY(vqa_output_name(&lock, job->opt.out_dir, "run", "lock", d->shard, n_parts));
    mlm_status status = vqa_lock_take(&job->lock, lock);
    free(lock);
    if (status != MLM_OK)
        return status;
    job->was_started = mlm_path_is_file(job->manifest_path);
    job->has_output  = true;
    return open_results(job);
}

/* ---- the manifest --------------------------------------------------------------------------------- */

static void describe(vqa_manifest *m, const vqa_job *job, const mlmamba_engine *eng,
                     mlmamba_engine_info *info)
{
    const vqa_job_options     *o = &job->opt;
    const vqa_dataset_options *d = &o->data;
    *m                           = (vqa_manifest){.version            = mlmamba_version(),
                                                  .format             = vqa_dataset_format(job->data),
                                                  .task               = vqa_dataset_task(job->data),
                                                  .prompt_template    = o->prompt_template,
                                                  .question           = d->question,
                                                  .fit                = mlmamba_fit_name(o->image.fit),
                                                  .ignore_orientation = o->image.ignore_orientation,
                                                  .reference_rounding = o->reference_rounding,
                                                  .bf16_state         = o->bf16_state,
                                                  .deterministic      = o->deterministic,
                                                  .max_new_tokens     = o->gen.max_new_tokens,
                                                  .temperature        = o->gen.temperature,
                                                  .top_k              = o->gen.top_k,
                                                  .top_p              = o->gen.top_p,
                                                  .min_p              = o->gen.min_p,
                                                  .repetition_penalty = o->gen.repetition_penalty,
                                                  .seed               = o->gen.seed,
                                                  .images_dir         = d->images_dir,
                                                  .annotations        = d->annotations,
                                                  .ocr                = d->ocr,
                                                  .columns            = d->columns,
                                                  .filters            = d->filters,
                                                  .n_filters          = d->n_filters,
                                                  .sample             = d->sample,
                                                  .limit              = d->limit,
                                                  .sample_seed        = d->seed,
                                                  .n_rows             = vqa_dataset_selected(job->data),
                                                  .shard              = d->n_shards > 1 ? d->shard : 0,
                                                  .n_shards           = d->n_shards > 1 ? d->n_shards : 1,
                                                  .command_line       = o->command_line};
    m->n_sources                 = vqa_dataset_sources(job->data, &m->sources);
    if (eng == NULL)
        return;
    mlmamba_engine_get_info(eng, info);
    m->model_dir     = info->model_dir;
    m->model_name    = info->model_name;
    m->weights_dtype = info->weights_dtype;
    m->device        = info->device;
    m->fingerprint   = info->fingerprint;
}

static mlm_status write_manifest(const vqa_job *job, vqa_manifest *m)
{
    const vqa_faults faults = {job->opt.fault, job->opt.payload};
    char             when[32];
    time_t           now = time(NULL);
    struct tm        utc;
    vqa_text         t = {0};
    if (gmtime_r(&now, &utc) != NULL && strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        m->started = when;
    vqa_manifest_write(&t, m);
    mlm_status status = vqa_text_status(&t);
    if (status == MLM_OK)
        status = vqa_write_whole(job->manifest_path, t.data, t.n, &faults);
    vqa_text_free(&t);
    return status;
}

mlm_status job_check_manifest(vqa_job *job, const mlmamba_engine *eng)
{
    vqa_manifest        now;
    mlmamba_engine_info info = {0};
    if (!job->has_output)
        return MLM_OK;
    describe(&now, job, eng, &info);
    if (job->was_started) {
        vqa_manifest *old    = NULL;
        mlm_status    status = vqa_manifest_read(&old, job->manifest_path);
        if (status == MLM_OK)
            status = vqa_manifest_same(old, &now);
        vqa_manifest_free(old);
        if (status == MLM_OK)
            return MLM_OK;
        if (!job->opt.force && job->out.size > 0)
            return mlm_fail_context(status, "%s was made otherwise (--force goes on all the same)",
                                    job->opt.out_dir);
        if (job->out.size > 0)
            job_note(job, "going on although %s", mlm_error_message());
    }
    return write_manifest(job, &now);
}

/* ---- new lines ------------------------------------------------------------------------------------ */

/* In row order: a line waits for those before it. */
static mlm_status pass_on(vqa_job *job, int64_t index)
{
    job->held[index] = strdup(job->line.data);
    if (job->held[index] == NULL)
        return mlm_fail_nomem(job->line.n, "a line");
    while (job->next_out < job->n_rows && job->held[job->next_out] != NULL) {
        char *line = job->held[job->next_out];
        MLM_TRY(mlm_fd_write(job->opt.out_fd, line, strlen(line), "results"));
        free(line);
        job->held[job->next_out++] = NULL;
    }
    return MLM_OK;
}

void job_flush_held(vqa_job *job)
{
    for (; job->next_out < job->n_rows; job->next_out++) {
        char *line = job->held[job->next_out];
        if (line != NULL && mlm_fd_write(job->opt.out_fd, line, strlen(line), "results") != MLM_OK)
            return;
        free(line);
        job->held[job->next_out] = NULL;
    }
}

mlm_status job_write_row(vqa_job *job, const vqa_result *result, int64_t index)
{
    vqa_text_clear(&job->line);
    vqa_result_write(&job->line, result);
    MLM_TRY(vqa_text_status(&job->line));
    mlm_status status = job->has_output
                            ? vqa_output_append(&job->out, job->line.data, job->line.n, result->item.row)
                            : pass_on(job, index);
    if (status != MLM_OK)
        return mlm_fail_context(status, "row %lld", (long long)result->item.row);
    job->state[index] = result->error_code == NULL ? ROW_DONE : ROW_FAILED;
    return MLM_OK;
}
