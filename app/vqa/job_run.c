/* job_run.c: rows from the workers to the model, answers to the results file. */
#include "app/vqa/job_private.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

/* ---- ending early --------------------------------------------------------------------------------- */

static void end_with(vqa_job *job, mlm_status status)
{
    if (job->status != MLM_OK)
        return;
    job->status  = status;
    job->message = strdup(mlm_error_message());
}

static bool is_ending(vqa_job *job)
{
    if (job->stop == 0 && job->opt.should_stop != NULL && job->opt.should_stop(job->opt.payload))
        job->stop = 1;
    return job->stop != 0 || job->status != MLM_OK;
}

/* ---- rows that the model has ---------------------------------------------------------------------- */

static void link_row(vqa_job *job, vqa_ahead_row *row)
{
    row->next = job->running;
    row->prev = NULL;
    if (job->running != NULL)
        job->running->prev = row;
    job->running = row;
}

static void unlink_row(vqa_job *job, vqa_ahead_row *row)
{
    if (row->prev != NULL)
        row->prev->next = row->next;
    else
        job->running = row->next;
    if (row->next != NULL)
        row->next->prev = row->prev;
}

/* ---- results -------------------------------------------------------------------------------------- */

static void report_progress(vqa_job *job)
{
    vqa_progress *p     = &job->progress;
    int64_t       n_new = p->n_done - p->n_before;
    p->seconds          = (mlm_now_ms() - job->start_ms) / 1000.0;
    p->rate             = p->seconds > 0 ? (double)n_new / p->seconds : 0;
    p->seconds_left     = n_new > 0 && p->rate > 0 ? (double)(p->n_rows - p->n_done) / p->rate : -1;
    if (job->opt.on_progress != NULL)
        job->opt.on_progress(p, job->opt.payload);
}

static void finish_row(vqa_job *job, const vqa_result *r, int64_t index)
{
    mlm_status status = job_write_row(job, r, index);
    if (status != MLM_OK) {
        end_with(job, status);
        return;
    }
    job->progress.n_done++;
    if (r->error_code != NULL) {
        job->progress.n_errors++;
        job->n_new_errors++;
    }
    if (job->opt.on_row != NULL)
        job->opt.on_row(r, job->opt.payload);
    report_progress(job);
    if (r->error_code != NULL && job->opt.max_errors > 0 && job->n_new_errors >= job->opt.max_errors)
        end_with(job, mlm_fail(MLM_E_STATE, "%lld rows failed, the last one: %s",
                               (long long)job->n_new_errors, r->error_message));
}

/* A row that the data set, the picture or the model has no answer to. */
static void finish_failed(vqa_job *job, const vqa_ahead_row *row, mlm_status status, const char *message)
{
    vqa_row_ref ref = vqa_dataset_ref(job->data, row->index);
    vqa_result  r   = {.prompt        = row->prompt,
                       .finish        = "error",
                       .error_code    = mlm_status_name(status),
                       .error_message = message != NULL ? message : "no memory for the message"};
    if (row->item != NULL)
        r.item = *row->item;
    else
        r.item = (vqa_item){
            .row = ref.row, .line = ref.line, .digest = ref.digest, .task = vqa_dataset_task(job->data)};
    finish_row(job, &r, row->index);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void finish_answered(vqa_job *job, const vqa_ahead_row *row, const mlmamba_answer *ans)
{
    const char *from = ans->text, *end = from + strlen(from);
    while (is_blank(*from))
        from++;
    while (end > from && is_blank(end[-1]))
        end--;
    char *answer = strndup(from, (size_t)(end - from));
    if (answer == NULL) {
        end_with(job, mlm_fail_nomem((size_t)(end - from), "an answer"));
        return;
    }
    vqa_result r = {.item          = *row->item,
                    .prompt        = row->prompt,
                    .answer        = answer,
                    .raw           = ans->text,
                    .n_prompt      = ans->n_prompt_tokens + ans->n_cut_tokens,
                    .n_prompt_used = ans->n_prompt_tokens,
                    .n_tokens      = ans->n_tokens,
                    .finish        = mlmamba_finish_name(ans->finish),
                    .logprob       = ans->logprob,
                    .has_logprob   = row->gen.want_logprob,
                    .prob_names    = row->gen.candidates,
                    .probs         = ans->candidate_probs,
                    .n_probs       = ans->candidate_probs != NULL ? ans->n_candidates : 0,
                    .ms_decode     = row->decode_ms + ans->decode_file_ms,
                    .ms_vision =
                        ans->preprocess_ms + ans->vision_ms + ans->connector_ms + ans->image_prefill_ms,
                    .ms_prefill    = ans->prompt_ms,
                    .ms_decode_tok = ans->decode_ms};
    job->progress.n_tokens += ans->n_tokens;
    if (ans->n_image_tokens > 0)
        job->progress.n_pictures++;
    else
        job->progress.n_reused++;
    finish_row(job, &r, row->index);
    free(answer);
}

/* ---- what mlmamba_ask_stream calls ---------------------------------------------------------------- */

static mlmamba_next next_query(mlmamba_query *query, bool may_wait, void *payload)
{
    vqa_job *job = payload;
    while (!is_ending(job)) {
        vqa_ahead_row *row    = NULL;
        bool           ended  = false;
        mlm_status     status = vqa_ahead_next(&row, &ended, job->ahead, may_wait);
        if (status != MLM_OK)
            end_with(job, status);
        if (ended || status != MLM_OK)
            return MLMAMBA_NEXT_END;
        if (row == NULL && may_wait)
            continue; /* looks for a signal, then waits on */
        if (row == NULL)
            return MLMAMBA_NEXT_LATER;
        if (row->status != MLM_OK) {
            finish_failed(job, row, row->status, row->message);
            vqa_ahead_free(job->ahead, row);
            continue;
        }
        link_row(job, row);
        query->image    = row->image;
        query->question = row->prompt;
        query->options  = &row->gen;
        query->user     = row;
        return MLMAMBA_NEXT_QUERY;
    }
    return MLMAMBA_NEXT_END;
}

static bool take_answer(mlmamba_answer *ans, void *user, void *payload)
{
    vqa_job       *job = payload;
    vqa_ahead_row *row = user;
    unlink_row(job, row);
    if (ans->status == MLM_OK && ans->finish != MLMAMBA_FINISH_CANCELLED)
        finish_answered(job, row, ans);
    else if (ans->status != MLM_E_CANCELLED && ans->status != MLM_E_DEVICE && ans->status != MLM_OK)
        finish_failed(job, row, ans->status, ans->message);
    /* A device that is gone is no property of the row: it is asked again when the job goes on. */
    mlmamba_answer_free(ans);
    vqa_ahead_free(job->ahead, row);
    return job->status == MLM_OK;
}

/* ---- the run -------------------------------------------------------------------------------------- */

static mlm_status stream(vqa_job *job, mlmamba_engine *eng)
{
    mlmamba_stream_args  args  = {.next          = next_query,
                                  .done          = take_answer,
                                  .options       = &job->opt.gen,
                                  .image_options = &job->opt.image,
                                  .max_rows      = job->opt.max_rows,
                                  .payload       = job};
    vqa_ahead_args       ahead = {.data            = job->data,
                                  .skip            = job->state,
                                  .prompt_template = job->opt.prompt_template,
                                  .gen             = &job->opt.gen,
                                  .image           = job->opt.image,
                                  .window          = job->opt.window,
                                  .n_workers       = job->opt.n_workers,
                                  .max_pictures    = job->opt.max_rows > 0 ? 2 * job->opt.max_rows : 32,
                                  .max_bytes       = job->opt.decoded_bytes};
    mlmamba_stream_stats stats = {0};
    MLM_TRY(vqa_ahead_open(&job->ahead, &ahead));
    mlm_status status = job->opt.ask != NULL ? job->opt.ask(&args, &stats, job->opt.payload)
                                             : mlmamba_ask_stream(eng, &args, &stats);
    if (status != MLM_OK && job->status == MLM_OK)
        end_with(job, status);
    for (vqa_ahead_row *row = job->running; row != NULL; row = job->running) {
        unlink_row(job, row); /* dropped by the model; not done */
        vqa_ahead_free(job->ahead, row);
    }
    vqa_ahead_close(job->ahead);
    job->ahead = NULL;
    return MLM_OK;
}

static mlm_status finish(vqa_job *job)
{
    bool complete = job->progress.n_done == job->n_rows;
    if (!job->has_output && job->status == MLM_OK)
        job_flush_held(job);
    if (job->has_output) {
        mlm_status status =
            complete && job->status == MLM_OK ? vqa_output_sort(&job->out) : vqa_output_sync(&job->out);
        if (status != MLM_OK)
            end_with(job, status);
    }
    if (job->status != MLM_OK)
        return mlm_fail(job->status, "%s", job->message != NULL ? job->message : "no memory");
    if (!complete)
        return job->stop != 0
                   ? mlm_fail(MLM_E_CANCELLED, "stopped after %lld of %lld rows",
                              (long long)job->progress.n_done, (long long)job->n_rows)
                   : mlm_fail(MLM_E_STATE, "%lld of %lld rows have no result",
                              (long long)(job->n_rows - job->progress.n_done), (long long)job->n_rows);
    return MLM_OK;
}

mlm_status vqa_job_run(vqa_job *job, mlmamba_engine *eng)
{
    free(job->message);
    job->message  = NULL;
    job->status   = MLM_OK;
    job->start_ms = mlm_now_ms();
    MLM_TRY(job_check_manifest(job, eng));
    if (job->progress.n_before > 0)
        job_note(job, "going on: %lld of %lld rows are done", (long long)job->progress.n_before,
                 (long long)job->n_rows);
    if (job->progress.n_done < job->n_rows)
        MLM_TRY(stream(job, eng));
    return finish(job);
}
