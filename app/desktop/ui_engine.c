/* ui_engine.c: which model is loaded, which could be, and the settings. */
#include "app/desktop/ui_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------------ */

mlm_status ui_load_model(ui_model *m, const char *dir)
{
    if (m->batch.state == UI_BATCH_RUNNING || m->batch.state == UI_BATCH_STOPPING)
        return mlm_fail(MLM_E_STATE, "a batch is running; stop it to load another model");
    ui_request req    = {.type = UI_REQ_LOAD, .number = m->settings.threads, .kept_mb = m->settings.kept_mb};
    mlm_status status = chat_set_text(&req.path, dir);
    if (status == MLM_OK)
        status = chat_set_text(&req.device, m->settings.device);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    ui_finish_busy(m, "another model is being loaded");
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->load_serial = req.serial;
    m->engine            = UI_ENGINE_LOADING;
    m->load_done = m->load_total = 0;
    m->priv->look_asked          = false;
    m->priv->may_fall_back       = false;
    if (m->overlay == UI_OVERLAY_MODELS) {
        m->overlay = UI_OVERLAY_NONE;
        ui_set_focus(m, UI_FOCUS_INPUT, 0);
    }
    return MLM_OK;
}

mlm_status ui_load_stored_model(ui_model *m)
{
    MLM_TRY(ui_load_model(m, m->settings.model_dir));
    m->priv->may_fall_back = m->settings.model_dir != NULL;
    return MLM_OK;
}

static void loaded(ui_model *m, ui_event *ev)
{
    if (ev->facts == NULL)
        return;
    m->facts         = *ev->facts;
    m->engine        = UI_ENGINE_READY;
    m->reload_needed = false;
    free(m->engine_error);
    m->engine_error     = NULL;
    m->priv->look_asked = false;
    for (int i = 0; i < m->chat->n_turns; i++)
        m->chat->turn[i]->kept = false;
    (void)chat_set_text(&m->settings.model_dir, ev->path);
    if (ev->path != NULL)
        (void)settings_add_recent(&m->settings, ev->path);
    ui_settings_changed(m);
    ui_drop_view(m);
    ui_dispatch(m);
    ui_look(m);
}

/* Without ending the question that waits for a model. */
static mlm_status load_built_in(ui_model *m)
{
    ui_request req    = {.type = UI_REQ_LOAD, .number = m->settings.threads, .kept_mb = m->settings.kept_mb};
    mlm_status status = chat_set_text(&req.device, m->settings.device);
    if (status != MLM_OK)
        return status;
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->load_serial   = req.serial;
    m->priv->may_fall_back = false;
    m->load_done = m->load_total = 0;
    return MLM_OK;
}

static void load_failed(ui_model *m, ui_event *ev)
{
    const char *why = ev->text != NULL ? ev->text : "the model cannot be loaded";
    bool        old = ev->number == 1;
    if (!old && m->priv->may_fall_back && ev->status != MLM_E_CANCELLED && ev->status != MLM_E_NOMEM) {
        /* A folder that was moved, a drive that is not there: the window still opens with something that answers. */
        (void)chat_set_text(&m->engine_error, why);
        ui_toast_add(m, UI_TOAST_ERROR, "%s. The built-in model is loaded instead.", why);
        if (load_built_in(m) == MLM_OK)
            return;
    }
    m->engine = old ? UI_ENGINE_READY : ev->status == MLM_E_CANCELLED ? UI_ENGINE_NONE : UI_ENGINE_FAILED;
    if (ev->status == MLM_E_CANCELLED) {
        ui_toast_add(m, UI_TOAST_INFO, "Loading was cancelled%s.",
                     old ? "; the model from before stays" : "");
    } else {
        (void)chat_set_text(&m->engine_error, why);
        ui_toast_add(m, UI_TOAST_ERROR, "%s%s", why, old ? " The model from before stays." : "");
    }
    if (old)
        ui_dispatch(m);
    else
        ui_fail_busy(m, why);
    ui_look(m);
}

static void unloaded(ui_model *m)
{
    m->engine           = UI_ENGINE_NONE;
    m->facts            = (ui_engine_facts){0};
    m->priv->look_asked = false;
    ui_drop_view(m);
    for (int i = 0; i < m->chat->n_turns; i++)
        m->chat->turn[i]->kept = false;
}

/* ---- the picker --------------------------------------------------------------------------------- */

static mlm_status copy_texts(ui_request *req, char *const *text, int n)
{
    for (int i = 0; i < n; i++) {
        MLM_TRY(chat_set_text(&req->paths[req->n_paths], text[i]));
        req->n_paths++;
    }
    return MLM_OK;
}

/* paths: recent ones first; number: how many of them are recent. */
void ui_scan_models(ui_model *m)
{
    const ui_settings *s   = &m->settings;
    ui_request         req = {.type = UI_REQ_SCAN_MODELS, .number = s->n_recent};
    req.paths              = calloc((size_t)(s->n_recent + s->n_dirs) + 1, sizeof *req.paths);
    mlm_status status      = req.paths != NULL ? MLM_OK : mlm_fail_nomem(sizeof *req.paths, "models");
    if (status == MLM_OK)
        status = copy_texts(&req, s->recent, s->n_recent);
    if (status == MLM_OK)
        status = copy_texts(&req, s->dir, s->n_dirs);
    if (status != MLM_OK)
        ui_request_free(&req);
    else
        status = ui_enqueue(m, &req);
    m->scanning = ui_refuse(m, status) == MLM_OK;
}

mlm_status ui_select_model(ui_model *m, int index)
{
    if (index < 0 || index >= m->n_model_rows)
        return mlm_fail(MLM_E_RANGE, "there is no model %d", index + 1);
    m->model_selected = index;
    m->focus_item     = index;
    if (m->model_row[index].checked)
        return MLM_OK;
    ui_request req    = {.type = UI_REQ_CHECK_MODEL, .id = index, .kept_mb = m->settings.kept_mb};
    mlm_status status = chat_set_text(&req.path, m->model_row[index].dir);
    if (status == MLM_OK)
        status = chat_set_text(&req.device, m->settings.device);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    return ui_enqueue(m, &req);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void models_arrived(ui_model *m, ui_event *ev)
{
    ui_model_rows_free(m->model_row, m->n_model_rows);
    m->model_row      = ev->model_row;
    m->n_model_rows   = ev->n_model_rows;
    ev->model_row     = NULL;
    ev->n_model_rows  = 0;
    m->scanning       = false;
    m->model_selected = -1;
    for (int i = 0; i < m->n_model_rows; i++)
        if (same_text(m->model_row[i].dir, m->settings.model_dir))
            m->model_selected = i;
    if (m->n_model_rows > 0)
        (void)ui_refuse(m, ui_select_model(m, m->model_selected >= 0 ? m->model_selected : 0));
}

static void model_checked(ui_model *m, ui_event *ev)
{
    if (ev->n_model_rows != 1)
        return;
    for (int i = 0; i < m->n_model_rows; i++) {
        ui_model_row *row = &m->model_row[i], *new = &ev->model_row[0];
        if (!same_text(row->dir, new->dir))
            continue;
        mlmamba_model_check_free(row->check);
        free(row->note);
        row->check      = new->check;
        row->note       = new->note;
        row->checked    = true;
        row->estimated  = new->estimated;
        row->fits       = new->fits;
        row->memory     = new->memory;
        row->free_bytes = new->free_bytes;
        new->check      = NULL;
        new->note       = NULL;
    }
}

/* ---- settings ----------------------------------------------------------------------------------- */

void ui_settings_changed(ui_model *m)
{
    m->priv->save_settings_at = m->priv->last_now + UI_SAVE_MS;
}

void ui_save_settings_now(ui_model *m)
{
    char *text = NULL;
    if (m->priv->save_settings_at == HUGE_VAL)
        return;
    m->priv->save_settings_at = HUGE_VAL;
    if (settings_write(&text, &m->settings) == MLM_OK)
        (void)ui_enqueue_simple(m, UI_REQ_SAVE_SETTINGS, 0, NULL, text);
    free(text);
}

mlm_status ui_set_setting(ui_model *m, ui_setting which, double number, const char *text)
{
    MLM_TRY(settings_set(&m->settings, which, number, text));
    if (settings_info(which)->needs_reload && m->engine != UI_ENGINE_NONE)
        m->reload_needed = true;
    if (which == UI_SET_FIT) {
        m->priv->fit_touched = true;
        ui_look(m);
    } else if (which == UI_SET_KEEP_HISTORY && m->settings.keep_history) {
        ui_chat_changed(m, false);
    }
    ui_settings_changed(m);
    return MLM_OK;
}

void ui_engine_event(ui_model *m, ui_event *ev)
{
    bool ours = ev->serial == m->priv->load_serial;
    switch ((int)ev->type) {
    case UI_EV_LOAD_PROGRESS:
        if (ours) {
            m->load_done  = ev->done;
            m->load_total = ev->total;
        }
        break;
    case UI_EV_LOADED:
        if (ours)
            loaded(m, ev);
        break;
    case UI_EV_LOAD_FAILED:
        if (ours)
            load_failed(m, ev);
        break;
    case UI_EV_UNLOADED:
        if (m->engine != UI_ENGINE_LOADING)
            unloaded(m);
        break;
    case UI_EV_MODELS:
        models_arrived(m, ev);
        break;
    case UI_EV_MODEL_CHECKED:
        model_checked(m, ev);
        break;
    case UI_EV_MEMORY:
        m->priv->memory_process = ev->done;
        m->priv->memory_states  = ev->total;
        break;
    case UI_EV_SETTINGS_SAVED:
        if (ev->status != MLM_OK)
            ui_toast_add(m, UI_TOAST_WARNING, "The settings were not stored: %s",
                         ev->text != NULL ? ev->text : "");
        break;
    default:
        break;
    }
}
