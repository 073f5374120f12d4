/* ui_actions.c: what each action and each passing moment does. */
#include "app/desktop/ui_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_overlay(ui_model *m, ui_overlay overlay)
{
    m->overlay = m->overlay == overlay ? UI_OVERLAY_NONE : overlay;
    ui_set_focus(m, m->overlay != UI_OVERLAY_NONE ? UI_FOCUS_OVERLAY : UI_FOCUS_INPUT, 0);
}

static mlm_status escape(ui_model *m)
{
    if (m->overlay != UI_OVERLAY_NONE) {
        set_overlay(m, UI_OVERLAY_NONE);
    } else if (m->canvas.drawing) {
        m->canvas.drawing = false;
        m->canvas.drawn   = (chat_region){0};
    } else if (ui_is_busy(m)) {
        return ui_stop(m);
    } else if (m->panel != UI_PANEL_NONE &&
               m->focus == UI_FOCUS_PANEL) { /* where the focus is, comes first */
        m->panel = UI_PANEL_NONE;
        ui_set_focus(m, UI_FOCUS_INPUT, 0);
    } else if (m->composer.edit_turn != CHAT_NONE) {
        return ui_cancel_edit(m);
    } else if (!chat_region_is_whole(m->composer.region)) {
        return ui_clear_region(m);
    } else if (m->region_mode) {
        m->region_mode = false;
    } else if (m->focus == UI_FOCUS_SEARCH && m->text[UI_FIELD_SEARCH][0] != '\0') {
        MLM_TRY(ui_put_text(m, UI_FIELD_SEARCH, ""));
        ui_list_chats(m);
    } else if (m->panel != UI_PANEL_NONE) {
        m->panel = UI_PANEL_NONE;
        ui_set_focus(m, UI_FOCUS_INPUT, 0);
    } else if (m->n_toasts > 0) {
        ui_toast_remove(m, m->toast[m->n_toasts - 1].id);
    } else {
        ui_set_focus(m, UI_FOCUS_INPUT, 0);
    }
    return MLM_OK;
}

static bool focus_is_there(const ui_model *m, ui_focus focus)
{
    switch ((int)focus) {
    case UI_FOCUS_CHAT:
        return m->n_path > 0;
    case UI_FOCUS_PICTURE:
        return m->chat->shown != CHAT_NONE;
    case UI_FOCUS_STRIP:
        return m->chat->n_pictures > 1;
    case UI_FOCUS_SEARCH:
        return m->sidebar;
    case UI_FOCUS_HISTORY:
        return m->sidebar && m->n_rows > 0;
    case UI_FOCUS_PANEL:
        return m->panel != UI_PANEL_NONE;
    case UI_FOCUS_OVERLAY:
        return m->overlay != UI_OVERLAY_NONE;
    case UI_FOCUS_INPUT:
    case UI_FOCUS_TASKS:
    case UI_FOCUS_TOOLBAR:
        return true;
    case UI_FOCUS_COUNT:
    default:
        return false;
    }
}

static void focus_next(ui_model *m, int step)
{
    if (m->overlay != UI_OVERLAY_NONE) {
        ui_set_focus(m, UI_FOCUS_OVERLAY, m->focus_item);
        return;
    }
    int f = (int)m->focus;
    for (int i = 0; i < UI_FOCUS_COUNT; i++) {
        f = (f + (step < 0 ? UI_FOCUS_COUNT - 1 : 1)) % UI_FOCUS_COUNT;
        if (focus_is_there(m, (ui_focus)f))
            break;
    }
    int item = f == UI_FOCUS_STRIP ? m->chat->shown : f == UI_FOCUS_CHAT ? m->n_path - 1 : 0;
    ui_set_focus(m, (ui_focus)f, f == UI_FOCUS_TASKS ? (int)m->composer.task : item);
}

static mlm_status text_scale(ui_model *m, int step)
{
    static const int size[] = {50, 60, 70, 80, 90, 100, 110, 120, 135, 150, 175, 200, 250, 300};
    int              last = (int)(sizeof size / sizeof *size) - 1, at = 0;
    while (at < last && size[at] < m->settings.text_percent)
        at++;
    at += step > 0 ? 1 : -1;
    at = at < 0 ? 0 : at > last ? last : at;
    return ui_set_setting(m, UI_SET_TEXT_PERCENT, step == 0 ? 100 : size[at], NULL);
}

static mlm_status act_ask(ui_model *m, const ui_action *a)
{
    switch ((int)a->type) {
    case UI_ACT_SEND:
        return ui_send(m);
    case UI_ACT_STOP:
        return ui_stop(m);
    case UI_ACT_ASK:
        return ui_ask_text(m, a->text != NULL ? a->text : "");
    case UI_ACT_REGENERATE:
        return ui_regenerate(m, a->index);
    case UI_ACT_EDIT:
        return ui_edit(m, a->index);
    case UI_ACT_CANCEL_EDIT:
        return ui_cancel_edit(m);
    case UI_ACT_BRANCH: {
        int turn = ui_valid_turn(m, a->index);
        if (turn == CHAT_NONE || m->chat->turn[turn]->state != CHAT_TURN_DONE)
            return mlm_fail(MLM_E_STATE, "there is no answer to go on from");
        return ui_go_to(m, m->chat->turn[turn]->picture, turn);
    }
    case UI_ACT_NEW_QUESTION:
        return m->chat->shown != CHAT_NONE ? ui_go_to(m, m->chat->shown, CHAT_NONE) : MLM_OK;
    case UI_ACT_EARLIER:
        for (int i = m->chat->n_turns - 1; i >= 0; i--)
            if (m->chat->turn[i]->picture == m->chat->shown)
                return ui_go_to(m, m->chat->shown, i);
        return MLM_OK;
    case UI_ACT_SWITCH_BRANCH:
        return ui_switch_branch(m, a->index, a->value);
    case UI_ACT_TASK:
        if (a->index < 0 || a->index >= MLMAMBA_TASK_COUNT)
            return mlm_fail(MLM_E_RANGE, "there is no task %d", a->index);
        m->composer.task = (mlmamba_task)a->index;
        return MLM_OK;
    case UI_ACT_COPY_ANSWER: {
        int turn = ui_valid_turn(m, a->index);
        if (turn == CHAT_NONE || m->chat->turn[turn]->answer_bytes == 0)
            return mlm_fail(MLM_E_STATE, "there is no answer to copy");
        return ui_enqueue_simple(m, UI_REQ_COPY_TEXT, 0, NULL, m->chat->turn[turn]->answer);
    }
    case UI_ACT_COPY_CHAT:
        return ui_copy_chat(m);
    case UI_ACT_COPY_BOX: {
        double rect[4];
        char   text[96];
        int    turn = ui_valid_turn(m, a->index);
        if (turn == CHAT_NONE || !ui_turn_box(m, turn, rect))
            return mlm_fail(MLM_E_STATE, "there is no box in this answer");
        (void)snprintf(text, sizeof text, "%.0f %.0f %.0f %.0f", rect[0], rect[1], rect[2], rect[3]);
        return ui_enqueue_simple(m, UI_REQ_COPY_TEXT, 0, NULL, text);
    }
    default:
        return MLM_E_NOTFOUND;
    }
}

static mlm_status act_picture(ui_model *m, const ui_action *a)
{
    const chat *c = m->chat;
    switch ((int)a->type) {
    case UI_ACT_OPEN_PICTURES:
        return ui_dialog(m, UI_DIALOG_PICTURES, 0, NULL);
    case UI_ACT_OPEN_FOLDER:
        return ui_dialog(m, UI_DIALOG_FOLDER, 0, NULL);
    case UI_ACT_SHOW_PICTURE:
        return ui_show_picture(m, a->index);
    case UI_ACT_NEXT_PICTURE:
        if (c->n_pictures == 0)
            return MLM_OK;
        return ui_show_picture(m, (c->shown + (a->value < 0 ? c->n_pictures - 1 : 1)) % c->n_pictures);
    case UI_ACT_REMOVE_PICTURE:
        return ui_remove_picture(m, a->index);
    case UI_ACT_SAMPLE:
        return ui_sample_open(m, a->index);
    case UI_ACT_STRIP_VISIBLE:
        ui_strip_visible(m, a->index, a->value);
        return MLM_OK;
    case UI_ACT_MODEL_VIEW:
        m->model_view = !m->model_view;
        return MLM_OK;
    case UI_ACT_REGION_MODE:
        m->region_mode = !m->region_mode;
        return MLM_OK;
    case UI_ACT_CLEAR_REGION:
        return ui_clear_region(m);
    case UI_ACT_ZOOM:
        ui_canvas_zoom(&m->canvas, a->factor, a->x, a->y);
        return MLM_OK;
    case UI_ACT_PAN:
        ui_canvas_pan(&m->canvas, a->x, a->y);
        return MLM_OK;
    case UI_ACT_FIT:
        ui_canvas_fit(&m->canvas);
        return MLM_OK;
    case UI_ACT_FULL_SIZE:
        ui_canvas_full_size(&m->canvas);
        return MLM_OK;
    default:
        return MLM_E_NOTFOUND;
    }
}

static mlm_status act_chat(ui_model *m, const ui_action *a)
{
    switch ((int)a->type) {
    case UI_ACT_NEW_CHAT:
        return ui_new_chat(m);
    case UI_ACT_OPEN_CHAT:
        return ui_open_chat(m, a->id);
    case UI_ACT_DELETE_CHAT:
        return ui_delete_chat(m, a->id);
    case UI_ACT_RENAME_CHAT:
        return ui_rename_open(m, a->id);
    case UI_ACT_RENAME_DONE:
        return ui_rename_done(m);
    case UI_ACT_UNDO:
        return ui_undo_last(m);
    case UI_ACT_EXPORT:
        if (m->chat->n_turns == 0)
            return mlm_fail(MLM_E_STATE, "there is nothing to export yet");
        set_overlay(m, UI_OVERLAY_EXPORT);
        return MLM_OK;
    case UI_ACT_EXPORT_AS:
        return ui_export_as(m, a->index, a->text, true);
    default:
        return MLM_E_NOTFOUND;
    }
}

static mlm_status act_engine(ui_model *m, const ui_action *a)
{
    int n_presets = 0;
    switch ((int)a->type) {
    case UI_ACT_MODELS:
        set_overlay(m, UI_OVERLAY_MODELS);
        if (m->overlay == UI_OVERLAY_MODELS)
            ui_scan_models(m);
        return MLM_OK;
    case UI_ACT_SELECT_MODEL:
        return ui_select_model(m, a->index);
    case UI_ACT_LOAD_MODEL:
        if (a->text == NULL && (m->model_selected < 0 || m->model_selected >= m->n_model_rows))
            return ui_load_stored_model(m);
        return ui_load_model(m, a->text != NULL ? a->text : m->model_row[m->model_selected].dir);
    case UI_ACT_CANCEL_LOAD:
        return m->engine == UI_ENGINE_LOADING ? ui_enqueue_simple(m, UI_REQ_CANCEL_LOAD, 0, NULL, NULL)
                                              : MLM_OK;
    case UI_ACT_UNLOAD:
        if (m->engine != UI_ENGINE_READY)
            return mlm_fail(MLM_E_STATE, "no model is loaded");
        if (ui_is_busy(m))
            return mlm_fail(MLM_E_STATE, "an answer is being made; Esc stops it");
        return ui_enqueue_simple(m, UI_REQ_UNLOAD, 0, NULL, NULL);
    case UI_ACT_ADD_MODEL_DIR:
        return ui_dialog(m, UI_DIALOG_MODEL_DIR, 0, NULL);
    case UI_ACT_SET:
        return ui_set_setting(m, (ui_setting)a->index, a->number, a->text);
    case UI_ACT_PRESET:
        (void)settings_presets(&n_presets);
        if (a->index < 0 || a->index >= n_presets)
            return mlm_fail(MLM_E_RANGE, "there is no preset %d", a->index);
        settings_use_preset(&m->settings, a->index);
        ui_settings_changed(m);
        return MLM_OK;
    case UI_ACT_RESET:
        settings_reset_answers(&m->settings);
        ui_settings_changed(m);
        return MLM_OK;
    case UI_ACT_TEXT_SCALE:
        return text_scale(m, a->value);
    default:
        return MLM_E_NOTFOUND;
    }
}

static mlm_status act_window(ui_model *m, const ui_action *a)
{
    switch ((int)a->type) {
    case UI_ACT_OVERLAY:
        if (a->index < 0 || a->index > UI_OVERLAY_ABOUT)
            return mlm_fail(MLM_E_RANGE, "there is no overlay %d", a->index);
        set_overlay(m, (ui_overlay)a->index);
        return MLM_OK;
    case UI_ACT_PANEL:
        if (a->index < 0 || a->index > UI_PANEL_BATCH || (a->index == UI_PANEL_BATCH && !m->batch.available))
            return mlm_fail(MLM_E_RANGE, "there is no panel %d", a->index);
        m->panel = (int)m->panel == a->index ? UI_PANEL_NONE : (ui_panel)a->index;
        ui_set_focus(m, m->panel != UI_PANEL_NONE ? UI_FOCUS_PANEL : UI_FOCUS_INPUT,
                     m->panel == UI_PANEL_BATCH ? UI_ITEM_BATCH_SOURCE : 0);
        return MLM_OK;
    case UI_ACT_SIDEBAR:
        m->sidebar = m->settings.sidebar = !m->sidebar;
        if (!m->sidebar && (m->focus == UI_FOCUS_SEARCH || m->focus == UI_FOCUS_HISTORY))
            ui_set_focus(m, UI_FOCUS_INPUT, 0);
        ui_settings_changed(m);
        if (m->sidebar)
            ui_list_chats(m);
        return MLM_OK;
    case UI_ACT_SEARCH:
        if (!m->sidebar)
            ui_list_chats(m);
        m->sidebar = true;
        ui_set_focus(m, UI_FOCUS_SEARCH, 0);
        return MLM_OK;
    case UI_ACT_FOCUS:
        if (a->index >= 0 && a->index < UI_FOCUS_COUNT)
            ui_set_focus(m, (ui_focus)a->index, a->value);
        return MLM_OK;
    case UI_ACT_FOCUS_NEXT:
        focus_next(m, a->value);
        return MLM_OK;
    case UI_ACT_DISMISS:
        ui_toast_remove(m, a->index);
        return MLM_OK;
    case UI_ACT_SCROLLED:
        m->stick = a->value != 0;
        if (m->stick)
            m->new_below = false;
        return MLM_OK;
    case UI_ACT_TO_END:
        m->stick     = true;
        m->new_below = false;
        return MLM_OK;
    case UI_ACT_ESCAPE:
        return escape(m);
    case UI_ACT_QUIT:
        ui_finish_busy(m, "the program was closed");
        ui_save_draft_now(m);
        ui_save_chat_now(m);
        ui_save_settings_now(m);
        m->quit = true;
        return MLM_OK;
    default:
        return MLM_E_NOTFOUND;
    }
}

static mlm_status act_files(ui_model *m, const ui_action *a)
{
    switch ((int)a->type) {
    case UI_ACT_FILES_ENTER:
        return ui_files_enter(m, a->index);
    case UI_ACT_FILES_UP:
        return ui_files_enter(m, -1);
    case UI_ACT_FILES_HIDDEN:
        m->files.show_hidden = !m->files.show_hidden;
        return ui_files_list(m, m->files.dir);
    case UI_ACT_FILES_GO:
        return ui_files_go(m);
    case UI_ACT_FILES_TAKE:
        return ui_files_take_folder(m);
    case UI_ACT_BATCH_SOURCE:
        return ui_dialog(m, a->index == 0 ? UI_DIALOG_BATCH_FOLDER : UI_DIALOG_BATCH_FILE, 0, NULL);
    case UI_ACT_BATCH_START:
        return ui_batch_start(m);
    case UI_ACT_BATCH_STOP:
        return ui_batch_stop(m);
    case UI_ACT_BATCH_EXPORT:
        return ui_batch_export(m, a->index, a->text, true);
    case UI_ACT_BATCH_OPEN:
        return ui_batch_open(m, a->index);
    default:
        return MLM_E_NOTFOUND;
    }
}

mlm_status ui_act(ui_model *m, const ui_action *a, double now)
{
    static mlm_status (*const part[])(ui_model *, const ui_action *) = {act_ask,    act_picture, act_chat,
                                                                        act_engine, act_window,  act_files};
    m->priv->last_now                                                = now;
    mlm_status status                                                = MLM_OK;
    if ((int)a->type < 0 || a->type >= UI_ACT_COUNT) {
        status = mlm_fail(MLM_E_RANGE, "there is no action %d", (int)a->type);
    } else if (a->type != UI_ACT_NONE) {
        status = MLM_E_NOTFOUND;
        for (size_t i = 0; i < sizeof part / sizeof *part && status == MLM_E_NOTFOUND; i++)
            status = part[i](m, a);
    }
    (void)ui_refuse(m, status);
    ui_refresh(m);
    return status;
}

mlm_status ui_set_text(ui_model *m, ui_field field, const char *text, double now)
{
    m->priv->last_now = now;
    if ((int)field < 0 || field >= UI_FIELD_COUNT)
        return mlm_fail(MLM_E_RANGE, "there is no text field %d", (int)field);
    if (strlen(text) > UI_MAX_QUESTION) {
        (void)mlm_fail(MLM_E_RANGE, "the text has %zu bytes, the limit is %d", strlen(text), UI_MAX_QUESTION);
        return ui_refuse(m, MLM_E_RANGE);
    }
    if (strcmp(m->text[field], text) == 0)
        return MLM_OK;
    mlm_status status = chat_set_text(&m->text[field], text);
    if (status != MLM_OK)
        return ui_refuse(m, status);
    if (field == UI_FIELD_INPUT) {
        m->priv->send_when_ready = false;
        m->priv->save_draft_at   = now + UI_SAVE_MS;
    } else if (field == UI_FIELD_SEARCH) {
        ui_list_chats(m);
    }
    ui_refresh(m);
    return MLM_OK;
}

void ui_notify(ui_model *m, const char *text, double now)
{
    m->priv->last_now = now;
    ui_toast_add(m, UI_TOAST_WARNING, "%s", text);
}

/* ---- time --------------------------------------------------------------------------------------- */

void ui_tick(ui_model *m, double now)
{
    ui_private *p = m->priv;
    p->last_now   = now;
    for (int i = m->n_toasts - 1; i >= 0; i--)
        if (m->toast[i].until > 0 && now >= m->toast[i].until)
            ui_toast_remove(m, m->toast[i].id);
    if (now >= p->save_chat_at)
        ui_save_chat_now(m);
    if (now >= p->save_draft_at)
        ui_save_draft_now(m);
    if (now >= p->save_settings_at)
        ui_save_settings_now(m);
}

double ui_deadline(const ui_model *m)
{
    const ui_private *p   = m->priv;
    double            due = fmin(p->save_chat_at, fmin(p->save_draft_at, p->save_settings_at));
    for (int i = 0; i < m->n_toasts; i++)
        if (m->toast[i].until > 0)
            due = fmin(due, m->toast[i].until);
    return due;
}

/* ---- pointer ------------------------------------------------------------------------------------ */

void ui_pane_resized(ui_model *m, double width, double height)
{
    if (width == m->canvas.pane_width && height == m->canvas.pane_height)
        return;
    ui_canvas_pane(&m->canvas, width, height);
    m->revision++;
}

void ui_pointer_down(ui_model *m, double x, double y, double now)
{
    m->priv->last_now = now;
    ui_canvas_down(&m->canvas, x, y, m->region_mode && !m->model_view);
    ui_set_focus(m, UI_FOCUS_PICTURE, 0);
    m->revision++;
}

void ui_pointer_move(ui_model *m, double x, double y, double now)
{
    m->priv->last_now = now;
    ui_canvas_move(&m->canvas, x, y);
    if (m->canvas.dragging || m->canvas.drawing)
        m->revision++;
}

void ui_pointer_up(ui_model *m, double x, double y, double now)
{
    m->priv->last_now = now;
    bool was          = m->canvas.drawing;
    if (ui_canvas_up(&m->canvas, x, y)) {
        m->composer.region = m->canvas.drawn;
        ui_set_focus(m, UI_FOCUS_INPUT, 0);
        ui_look(m);
    } else if (was) {
        ui_toast_add(m, UI_TOAST_INFO, "Drag a larger rectangle: at least 4 x 4 pixels of the picture.");
    }
    m->canvas.drawn = (chat_region){0};
    ui_refresh(m);
}
