/* ui_batch.c: the batch panel: one question to many pictures. */
#include "app/desktop/ui_private.h"

#include <stdlib.h>
#include <string.h>

static bool runs(const ui_model *m)
{
    return m->batch.state == UI_BATCH_RUNNING || m->batch.state == UI_BATCH_STOPPING;
}

/* path: folder or question file; text: question; device: result file (may be ""); task; sampling. */
mlm_status ui_batch_start(ui_model *m)
{
    const char *source = m->text[UI_FIELD_BATCH_SOURCE], *question = m->text[UI_FIELD_BATCH_QUESTION];
    if (!m->batch.available)
        return mlm_fail(MLM_E_UNSUPPORTED, "this build has no batch panel");
    if (runs(m))
        return mlm_fail(MLM_E_STATE, "a batch is running");
    if (ui_is_busy(m))
        return mlm_fail(MLM_E_STATE, "an answer is being made; Esc stops it");
    if (m->engine != UI_ENGINE_READY)
        return mlm_fail(MLM_E_STATE, "no model is loaded; choose one with Ctrl+M");
    if (source[strspn(source, " \t")] == '\0')
        return mlm_fail(MLM_E_STATE, "choose a folder of pictures or a question file first");
    ui_request req    = {.type = UI_REQ_BATCH_START, .task = m->composer.task};
    mlm_status status = chat_set_text(&req.path, source);
    if (status == MLM_OK)
        status = chat_set_text(&req.text, question);
    if (status == MLM_OK)
        status = chat_set_text(&req.device, m->text[UI_FIELD_BATCH_OUTPUT]);
    const ui_settings *s = &m->settings;
    req.sampling         = (chat_sampling){s->temperature, s->top_p,      s->min_p, s->repetition_penalty,
                                           s->top_k,       s->max_tokens, s->seed};
    req.sight.fit        = s->fit;
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    ui_batch *b = &m->batch;
    for (int i = 0; i < b->n_rows; i++)
        ui_batch_row_clear(&b->row[i]);
    free(b->error);
    free(b->results);
    b->error = b->results = NULL;
    b->n_rows             = 0;
    b->first_row          = 0;
    b->n_total = b->n_done = b->n_errors = 0;
    b->rate = b->eta_s    = -1;
    b->state              = UI_BATCH_RUNNING;
    b->task               = m->composer.task;
    m->priv->batch_serial = req.serial;
    return MLM_OK;
}

mlm_status ui_batch_stop(ui_model *m)
{
    if (m->batch.state != UI_BATCH_RUNNING)
        return MLM_OK;
    MLM_TRY(ui_enqueue_simple(m, UI_REQ_BATCH_STOP, 0, NULL, NULL));
    m->batch.state = UI_BATCH_STOPPING;
    return MLM_OK;
}

mlm_status ui_batch_export(ui_model *m, int format, const char *path, bool replace)
{
    static const char *const name[UI_BATCH_FORMAT_COUNT] = {"answers.csv", "answers.jsonl"};
    if (format < 0 || format >= UI_BATCH_FORMAT_COUNT)
        return mlm_fail(MLM_E_RANGE, "there is no batch format %d", format);
    if (m->batch.results == NULL)
        return mlm_fail(MLM_E_STATE, "there are no results yet");
    if (path == NULL)
        return ui_dialog(m, UI_DIALOG_SAVE_BATCH, format, name[format]);
    ui_request req    = {.type = UI_REQ_BATCH_EXPORT, .number = format, .id = replace};
    mlm_status status = chat_set_text(&req.path, path);
    if (status == MLM_OK)
        status = chat_set_text(&req.text, m->batch.results);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->export_serial = req.serial;
    return MLM_OK;
}

mlm_status ui_batch_open(ui_model *m, int row)
{
    if (row < 0 || row >= m->batch.n_rows)
        return mlm_fail(MLM_E_RANGE, "there is no row %d", row + 1);
    const char *path = m->batch.row[row].image;
    return ui_gather(m, &path, 1, false, NULL);
}

/* ---- events ------------------------------------------------------------------------------------- */

static void add_row(ui_batch *b, ui_event *ev)
{
    if (b->row == NULL)
        b->row = calloc(UI_BATCH_MAX_ROWS, sizeof *b->row);
    if (b->row == NULL)
        return;                           /* the result file has it */
    if (b->n_rows == UI_BATCH_MAX_ROWS) { /* the oldest fifth goes at once: no copying for every row */
        int gone = UI_BATCH_MAX_ROWS / 5;
        for (int i = 0; i < gone; i++)
            ui_batch_row_clear(&b->row[i]);
        memmove(b->row, b->row + gone, (size_t)(b->n_rows - gone) * sizeof *b->row);
        b->n_rows -= gone;
        b->first_row += gone;
    }
    b->row[b->n_rows++] = ev->batch_row;
    ev->batch_row       = (ui_batch_row){0};
}

static void done(ui_model *m, ui_event *ev)
{
    ui_batch *b    = &m->batch;
    bool      stop = b->state == UI_BATCH_STOPPING || ev->status == MLM_E_CANCELLED;
    b->state       = ev->status == MLM_OK ? UI_BATCH_DONE : stop ? UI_BATCH_STOPPED : UI_BATCH_FAILED;
    b->eta_s       = 0;
    if (ev->path != NULL)
        (void)chat_set_text(&b->results, ev->path);
    if (b->state == UI_BATCH_FAILED) {
        (void)chat_set_text(&b->error, ev->text);
        ui_toast_add(m, UI_TOAST_ERROR, "The batch ended: %s", ev->text != NULL ? ev->text : "it failed");
    } else if (b->state == UI_BATCH_DONE) {
        ui_toast_add(m, b->n_errors > 0 ? UI_TOAST_WARNING : UI_TOAST_INFO,
                     "Batch: %lld answers, %lld errors.", (long long)(b->n_done - b->n_errors),
                     (long long)b->n_errors);
    }
    m->priv->look_asked = false;
    ui_look(m);
}

void ui_batch_event(ui_model *m, ui_event *ev)
{
    ui_batch *b = &m->batch;
    if (ev->serial != m->priv->batch_serial || !runs(m))
        return;
    switch ((int)ev->type) {
    case UI_EV_BATCH_PROGRESS:
        b->n_done   = (int64_t)ev->done;
        b->n_total  = (int64_t)ev->total;
        b->n_errors = ev->id;
        b->rate     = ev->rate;
        b->eta_s    = ev->eta_s;
        if (ev->path != NULL)
            (void)chat_set_text(&b->results, ev->path);
        break;
    case UI_EV_BATCH_ROW:
        add_row(b, ev);
        break;
    case UI_EV_BATCH_DONE:
        done(m, ev);
        break;
    default:
        break;
    }
}
