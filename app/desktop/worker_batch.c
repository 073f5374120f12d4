/* worker_batch.c: a batch on the inference thread, through the library of app/vqa. */
#include "app/desktop/worker_private.h"

#include <stdlib.h>
#include <string.h>

#include "app/vqa/vqa_job.h"
#include "kernels/base/mlm_file.h"

typedef struct batch_run {
    worker           *w;
    const ui_request *req;
    bool              is_folder;
    char             *results; /* goes out with the first progress */
    double            shown_ms;
} batch_run;

static void put_progress(batch_run *r, const vqa_progress *p)
{
    ui_event ev = {.type   = UI_EV_BATCH_PROGRESS,
                   .serial = r->req->serial,
                   .done   = (uint64_t)p->n_done,
                   .total  = (uint64_t)p->n_rows,
                   .id     = p->n_errors,
                   .rate   = p->rate,
                   .eta_s  = p->seconds_left};
    if (r->results != NULL)
        ev.path = strdup(r->results);
    event_box_put(r->w->events, &ev);
}

static void on_progress(const vqa_progress *p, void *payload)
{
    batch_run *r   = payload;
    double     now = mlm_now_ms();
    if (now - r->shown_ms < 50 && p->n_done < p->n_rows)
        return;
    r->shown_ms = now;
    put_progress(r, p);
}

static char *copy(const char *text)
{
    return strdup(text != NULL ? text : "");
}

/* The picture's file, so that its row can be opened. */
static char *image_path(const batch_run *r, const char *image)
{
    char *path = NULL;
    if (image != NULL && image[0] != '/' && r->is_folder &&
        mlm_path_join(&path, r->req->path, image) == MLM_OK)
        return path;
    return copy(image);
}

static void on_row(const vqa_result *row, void *payload)
{
    const batch_run *r    = payload;
    ui_event         ev   = {.type = UI_EV_BATCH_ROW, .serial = r->req->serial};
    ev.batch_row          = (ui_batch_row){.id       = copy(row->item.id),
                                           .image    = image_path(r, row->item.image),
                                           .question = copy(row->item.question),
                                           .answer   = copy(row->answer),
                                           .error    = row->error_code != NULL ? copy(row->error_message) : NULL};
    const ui_batch_row *b = &ev.batch_row;
    if (b->id == NULL || b->image == NULL || b->question == NULL || b->answer == NULL)
        ui_event_free(&ev); /* the results file has it */
    else
        event_box_put(r->w->events, &ev);
}

/* A question file says itself what its rows want. */
static vqa_task task_of(const batch_run *r)
{
    switch (r->req->task) {
    case MLMAMBA_TASK_CAPTION:
        return VQA_TASK_CAPTION;
    case MLMAMBA_TASK_VQA:
        return VQA_TASK_VQA;
    case MLMAMBA_TASK_TRUE_FALSE:
        return VQA_TASK_TRUE_FALSE;
    case MLMAMBA_TASK_BOX:
        return VQA_TASK_BOX;
    case MLMAMBA_TASK_CHAT:
    case MLMAMBA_TASK_COUNT:
    default:
        return r->is_folder ? VQA_TASK_CHAT : VQA_TASK_AUTO;
    }
}

static void set_job(worker *w, vqa_job *job)
{
    (void)pthread_mutex_lock(&w->session_lock);
    w->job = job;
    if (job != NULL && (atomic_load(&w->closing) || atomic_load(&w->batch_cancelled) >= w->job_serial))
        vqa_job_stop(job);
    (void)pthread_mutex_unlock(&w->session_lock);
}

static mlm_status run(batch_run *r)
{
    worker              *w = r->w;
    const ui_request    *q = r->req;
    const chat_sampling *s = &q->sampling;
    if (w->engine == NULL)
        return mlm_fail(MLM_E_STATE, "no model is loaded");
    const char     *source = q->path;
    bool            blank  = q->text == NULL || q->text[strspn(q->text, " \t\r\n")] == '\0';
    vqa_job_options opt = {.out_dir = q->device, .on_progress = on_progress, .on_row = on_row, .payload = r};
    vqa_job        *job = NULL;
    opt.data.paths      = &source;
    opt.data.n_paths    = 1;
    opt.data.recursive  = true;
    opt.data.task       = task_of(r);
    opt.data.question   = !blank ? q->text : r->is_folder ? w->facts.describe_prompt : NULL;
    opt.image.fit       = q->sight.fit;
    opt.gen.max_new_tokens     = s->max_tokens;
    opt.gen.temperature        = s->temperature;
    opt.gen.top_k              = s->top_k;
    opt.gen.top_p              = s->top_p;
    opt.gen.min_p              = s->min_p;
    opt.gen.seed               = s->seed;
    opt.gen.repetition_penalty = s->repetition_penalty;
    opt.command_line           = "mlmamba-desktop: batch panel";
    opt.retry_errors           = true;
    MLM_TRY(vqa_job_open(&job, &opt));
    vqa_progress p = {0};
    vqa_job_get_progress(job, &p);
    if (vqa_job_results_path(job) != NULL)
        r->results = strdup(vqa_job_results_path(job));
    put_progress(r, &p);
    set_job(w, job);
    mlm_status status = MLM_OK;
    if (p.n_done == 0)
        status =
            vqa_dataset_check_pictures(vqa_job_dataset(job), "put the question file beside its pictures");
    if (status == MLM_OK)
        status = vqa_job_run(job, w->engine);
    set_job(w, NULL);
    vqa_job_get_progress(job, &p);
    put_progress(r, &p);
    vqa_job_close(job);
    return status;
}

void worker_batch(worker *w, const ui_request *req)
{
    batch_run r  = {.w = w, .req = req, .is_folder = mlm_path_is_dir(req->path)};
    ui_event  ev = {.type = UI_EV_BATCH_DONE, .serial = req->serial};
    ev.status    = run(&r);
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    ev.path = r.results;
    event_box_put(w->events, &ev);
}
