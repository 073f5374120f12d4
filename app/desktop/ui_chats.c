/* ui_chats.c: chats as a whole: new, open, delete and undo, rename, storing, export. */
#include "app/desktop/ui_private.h"

#include "app/desktop/text_buffer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_SAVE_MS = 15000 };

/* ---- storing ------------------------------------------------------------------------------------ */

bool ui_chat_is_worth_keeping(const chat *c)
{
    return c->n_turns > 0 || c->draft[0] != '\0';
}

static bool stores(const ui_model *m)
{
    return m->history_on && m->settings.keep_history;
}

void ui_chat_changed(ui_model *m, bool soon)
{
    if (soon)
        m->chat->updated_ms = ui_wall(m);
    m->priv->save_chat_at = fmin(m->priv->save_chat_at, m->priv->last_now + (soon ? 0 : UI_SAVE_MS));
}

void ui_save_chat_now(ui_model *m)
{
    m->priv->save_chat_at = HUGE_VAL;
    if (!stores(m) || !ui_chat_is_worth_keeping(m->chat))
        return;
    ui_request req = {.type = UI_REQ_HISTORY_SAVE, .id = m->chat->id};
    if (chat_copy(&req.chat, m->chat) != MLM_OK || ui_enqueue(m, &req) != MLM_OK) {
        ui_request_free(&req);
        m->priv->save_chat_at = m->priv->last_now + RETRY_SAVE_MS;
        return;
    }
    m->priv->stored_id = m->chat->id;
}

void ui_save_draft_now(ui_model *m)
{
    const char *draft = m->text[UI_FIELD_INPUT];
    if (m->composer.edit_turn != CHAT_NONE)
        draft = m->priv->draft_before != NULL ? m->priv->draft_before : "";
    m->priv->save_draft_at = HUGE_VAL;
    if (strcmp(draft, m->chat->draft) == 0 || chat_set_text(&m->chat->draft, draft) != MLM_OK)
        return;
    if (!stores(m))
        return;
    if (m->priv->stored_id != m->chat->id)
        ui_save_chat_now(m);
    else
        (void)ui_enqueue_simple(m, UI_REQ_HISTORY_DRAFT, m->chat->id, NULL, draft);
}

void ui_list_chats(ui_model *m)
{
    const char *search = m->text[UI_FIELD_SEARCH];
    if (m->history_on &&
        ui_enqueue_simple(m, UI_REQ_HISTORY_LIST, 0, NULL, search[0] != '\0' ? search : NULL) == MLM_OK)
        m->priv->list_serial = m->priv->serial;
}

/* ---- one chat for another ----------------------------------------------------------------------- */

/* What a program that ended left unfinished. */
static void settle_turns(chat *c)
{
    for (int i = 0; i < c->n_turns; i++) {
        chat_turn *t = c->turn[i];
        t->kept      = false;
        if (t->state == CHAT_TURN_DONE || t->state == CHAT_TURN_FAILED)
            continue;
        t->state = CHAT_TURN_FAILED;
        (void)chat_set_text(&t->error, "the program ended before the answer did");
    }
}

mlm_status ui_replace_chat(ui_model *m, chat *c)
{
    ui_private *p      = m->priv;
    mlm_status  status = ui_reserve_path(m, c->n_turns);
    if (status == MLM_OK)
        status = ui_put_text(m, UI_FIELD_INPUT, c->draft);
    if (status != MLM_OK) {
        chat_free(c);
        return status;
    }
    settle_turns(c);
    chat_free(m->chat);
    m->chat = c;
    free(p->draft_before);
    p->draft_before    = NULL;
    m->composer        = (ui_composer){.edit_turn = CHAT_NONE, .task = m->composer.task};
    m->busy_turn       = CHAT_NONE;
    m->stopping        = false;
    m->stick           = true;
    m->new_below       = false;
    p->ask_serial      = 0;
    p->fit_touched     = false;
    p->look_asked      = false;
    p->send_when_ready = false;
    p->save_draft_at   = HUGE_VAL;
    p->n_thumbs        = 0;
    for (int i = 0; i < c->n_pictures; i++)
        p->n_thumbs += c->picture[i]->thumb != NULL ? 1 : 0;
    ui_canvas_picture(&m->canvas, 0, 0);
    ui_drop_view(m);
    int shown = c->shown;
    if (shown >= 0 && shown < c->n_pictures) {
        c->shown = CHAT_NONE;
        status   = ui_show_picture(m, shown);
    }
    ui_refresh(m);
    return status;
}

static mlm_status leave_chat(ui_model *m)
{
    ui_finish_busy(m, "another chat was opened");
    MLM_TRY(ui_cancel_edit(m));
    ui_save_draft_now(m);
    ui_save_chat_now(m);
    if (m->priv->undo.kind == UI_UNDO_PICTURE)
        ui_toast_remove(m, m->priv->undo.toast);
    return MLM_OK;
}

static mlm_status fresh_chat(ui_model *m, chat **out)
{
    MLM_TRY(chat_create(out));
    (*out)->id         = ui_new_id(m);
    (*out)->created_ms = (*out)->updated_ms = ui_wall(m);
    return MLM_OK;
}

mlm_status ui_new_chat(ui_model *m)
{
    chat *c = NULL;
    MLM_TRY(leave_chat(m));
    MLM_TRY(fresh_chat(m, &c));
    MLM_TRY(ui_replace_chat(m, c));
    ui_set_focus(m, UI_FOCUS_INPUT, 0);
    ui_list_chats(m);
    return MLM_OK;
}

mlm_status ui_open_chat(ui_model *m, int64_t id)
{
    if (id == m->chat->id)
        return MLM_OK;
    if (!m->history_on)
        return mlm_fail(MLM_E_STATE, "there is no history: %s", m->history_note);
    MLM_TRY(ui_enqueue_simple(m, UI_REQ_HISTORY_OPEN, id, NULL, NULL));
    m->priv->restoring = false;
    return MLM_OK;
}

/* ---- delete and undo ---------------------------------------------------------------------------- */

void ui_undo_forget(ui_model *m)
{
    ui_undo u     = m->priv->undo;
    m->priv->undo = (ui_undo){0};
    if (u.kind == UI_UNDO_CHAT && m->history_on)
        (void)ui_enqueue_simple(m, UI_REQ_HISTORY_PURGE, u.id, NULL, NULL);
    chat_free(u.chat);
}

void ui_undo_begin(ui_model *m, ui_undo_kind kind, int64_t id, chat *c, const char *text)
{
    if (m->priv->undo.kind != UI_UNDO_NONE)
        ui_toast_remove(m, m->priv->undo.toast); /* forgets it */
    int toast     = ui_toast_undo(m, text);
    m->priv->undo = (ui_undo){kind, toast, id, c};
    if (toast == 0)
        ui_undo_forget(m);
}

static void remove_row(ui_model *m, int64_t id)
{
    for (int i = 0; i < m->n_rows; i++) {
        if (m->row[i].id != id)
            continue;
        free(m->row[i].title);
        free(m->row[i].found);
        mlmamba_image_free(m->row[i].thumb);
        memmove(m->row + i, m->row + i + 1, (size_t)(m->n_rows - i - 1) * sizeof *m->row);
        m->n_rows--;
        return;
    }
}

mlm_status ui_delete_chat(ui_model *m, int64_t id)
{
    chat *old   = NULL;
    bool  shown = id == 0 || id == m->chat->id;
    id          = id == 0 ? m->chat->id : id;
    if (shown) {
        chat *c = NULL;
        if (m->chat->n_pictures == 0 && !ui_chat_is_worth_keeping(m->chat) &&
            m->text[UI_FIELD_INPUT][0] == '\0')
            return mlm_fail(MLM_E_STATE, "this chat is empty");
        MLM_TRY(leave_chat(m));
        MLM_TRY(chat_copy(&old, m->chat));
        mlm_status status = fresh_chat(m, &c);
        if (status == MLM_OK)
            status = ui_replace_chat(m, c);
        if (status != MLM_OK) {
            chat_free(old);
            return status;
        }
    }
    if (m->history_on) {
        ui_request req    = {.type = UI_REQ_HISTORY_DELETE, .id = id, .number = 1};
        mlm_status status = ui_enqueue(m, &req);
        if (status != MLM_OK) {
            chat_free(old);
            return status;
        }
    }
    remove_row(m, id);
    ui_undo_begin(m, UI_UNDO_CHAT, id, old, "The chat was deleted.");
    return MLM_OK;
}

mlm_status ui_undo_last(ui_model *m)
{
    ui_undo u = m->priv->undo;
    if (u.kind == UI_UNDO_NONE)
        return mlm_fail(MLM_E_STATE, "there is nothing to undo");
    m->priv->undo = (ui_undo){0};
    ui_toast_remove(m, u.toast);
    if (u.kind == UI_UNDO_CHAT) {
        if (m->history_on) {
            ui_request req = {.type = UI_REQ_HISTORY_DELETE, .id = u.id, .number = 0};
            MLM_TRY(ui_enqueue(m, &req));
        }
        if (u.chat != NULL)
            MLM_TRY(leave_chat(m));
    } else {
        ui_finish_busy(m, "the picture was put back");
    }
    if (u.chat != NULL) {
        MLM_TRY(ui_replace_chat(m, u.chat));
        ui_chat_changed(m, true);
    }
    ui_list_chats(m);
    return MLM_OK;
}

/* ---- names -------------------------------------------------------------------------------------- */

static bool is_taken(const ui_model *m, const char *title)
{
    for (int i = 0; i < m->n_rows; i++)
        if (m->row[i].id != m->chat->id && strcmp(m->row[i].title, title) == 0)
            return true;
    return false;
}

void ui_name_chat(ui_model *m, const char *question)
{
    const chat_picture *p = ui_shown_picture(m);
    (void)chat_set_text(&m->chat->title, question);
    for (int i = 1; i < 100 && m->chat->title != NULL && is_taken(m, m->chat->title); i++) {
        text_buffer b = {0};
        char       *title;
        text_add(&b, question);
        if (i == 1 && p != NULL && p->name != NULL)
            text_addf(&b, " (%s)", p->name);
        else
            text_addf(&b, " (%d)", i);
        if (text_take(&b, &title) != MLM_OK)
            return;
        free(m->chat->title);
        m->chat->title = title;
    }
}

/* ---- rename ------------------------------------------------------------------------------------- */

mlm_status ui_rename_open(ui_model *m, int64_t id)
{
    const char *title = m->chat->title;
    for (int i = 0; i < m->n_rows && id != 0 && id != m->chat->id; i++)
        if (m->row[i].id == id)
            title = m->row[i].title;
    MLM_TRY(ui_put_text(m, UI_FIELD_RENAME, title));
    m->rename_id = id != 0 ? id : m->chat->id;
    m->overlay   = UI_OVERLAY_RENAME;
    ui_set_focus(m, UI_FOCUS_OVERLAY, 0);
    return MLM_OK;
}

mlm_status ui_rename_done(ui_model *m)
{
    char        shown[512];
    const char *text = m->text[UI_FIELD_RENAME];
    text += strspn(text, " \t\r\n");
    if (m->overlay != UI_OVERLAY_RENAME)
        return MLM_OK;
    if (text[0] == '\0')
        return mlm_fail(MLM_E_RANGE, "a name needs a letter at least");
    (void)chat_show_text(shown, sizeof shown, text, strlen(text), false);
    if (m->rename_id == m->chat->id) {
        MLM_TRY(chat_set_text(&m->chat->title, shown));
        m->chat->titled = true;
    }
    for (int i = 0; i < m->n_rows; i++)
        if (m->row[i].id == m->rename_id)
            MLM_TRY(chat_set_text(&m->row[i].title, shown));
    if (m->history_on)
        MLM_TRY(ui_enqueue_simple(m, UI_REQ_HISTORY_RENAME, m->rename_id, NULL, shown));
    m->overlay = UI_OVERLAY_NONE;
    ui_set_focus(m, UI_FOCUS_INPUT, 0);
    return MLM_OK;
}

/* ---- copies for elsewhere ----------------------------------------------------------------------- */

/* A file name from the title: no separators, no controls, not hidden, 60 bytes. */
static mlm_status suggest_name(const chat *c, const char *ending, char **out)
{
    text_buffer b = {0};
    char        shown[64];
    (void)chat_show_text(shown, sizeof shown, c->title, strlen(c->title), false);
    for (char *p = shown; *p != '\0'; p++)
        if (strchr("/\\:*?\"<>|", *p) != NULL)
            *p = '-';
    size_t n = strlen(shown);
    while (n > 0 && strchr(".- ", shown[n - 1]) != NULL) /* "image..md" */
        shown[--n] = '\0';
    const char *start = shown + strspn(shown, ".- ");
    text_addf(&b, "%s%s", start[0] != '\0' ? start : "chat", ending);
    return text_take(&b, out);
}

mlm_status ui_export_as(ui_model *m, int format, const char *path, bool replace)
{
    static const char *const ending[UI_EXPORT_COUNT] = {".md", ".json", ".html"};
    if (format < 0 || format >= UI_EXPORT_COUNT)
        return mlm_fail(MLM_E_RANGE, "there is no export format %d", format);
    if (m->chat->n_turns == 0)
        return mlm_fail(MLM_E_STATE, "there is nothing to export yet");
    if (path == NULL) {
        char *name = NULL;
        MLM_TRY(suggest_name(m->chat, ending[format], &name));
        mlm_status status = ui_dialog(m, UI_DIALOG_SAVE_CHAT, format, name);
        free(name);
        return status;
    }
    ui_request req    = {.type = UI_REQ_EXPORT, .number = format, .id = replace};
    mlm_status status = chat_set_text(&req.path, path);
    if (status == MLM_OK)
        status = chat_copy(&req.chat, m->chat);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->export_serial = req.serial;
    if (m->overlay == UI_OVERLAY_EXPORT)
        m->overlay = UI_OVERLAY_NONE;
    return MLM_OK;
}

mlm_status ui_copy_chat(ui_model *m)
{
    text_buffer b    = {0};
    char       *text = NULL;
    if (m->n_path == 0)
        return mlm_fail(MLM_E_STATE, "there is nothing to copy yet");
    for (int i = 0; i < m->n_path; i++) {
        const chat_turn *t = m->chat->turn[m->path[i]];
        text_addf(&b, "%s%s\n%s\n", i > 0 ? "\n" : "", t->question,
                  t->state == CHAT_TURN_FAILED && t->error != NULL ? t->error : t->answer);
    }
    MLM_TRY(text_take(&b, &text));
    mlm_status status = ui_enqueue_simple(m, UI_REQ_COPY_TEXT, 0, NULL, text);
    free(text);
    return status;
}

/* ---- events ------------------------------------------------------------------------------------- */

static void history_ready(ui_model *m, const ui_event *ev)
{
    m->history_on = ev->number == 1;
    (void)chat_set_text(&m->history_note, ev->text != NULL ? ev->text : "");
    if (!m->history_on) {
        ui_toast_add(m, UI_TOAST_WARNING, "Chats are not stored: %s", m->history_note);
        return;
    }
    if (ev->text != NULL)
        ui_toast_add(m, UI_TOAST_WARNING, "%s", ev->text);
    ui_list_chats(m);
    if (m->chat->n_pictures == 0 && !m->gathering && m->text[UI_FIELD_INPUT][0] == '\0')
        m->priv->restoring = ui_enqueue_simple(m, UI_REQ_HISTORY_OPEN, 0, NULL, NULL) == MLM_OK;
    ui_chat_changed(m, false);
}

static void chat_arrived(ui_model *m, ui_event *ev)
{
    bool restored      = m->priv->restoring;
    m->priv->restoring = false;
    if (ev->chat == NULL) {
        if (!restored || ev->status != MLM_OK)
            ui_toast_add(m, UI_TOAST_ERROR, "%s", ev->text != NULL ? ev->text : "The chat cannot be opened.");
        return;
    }
    if (restored && (m->chat->n_pictures > 0 || m->gathering || m->text[UI_FIELD_INPUT][0] != '\0'))
        return; /* something was begun meanwhile; it stays in the history */
    chat *c  = ev->chat;
    ev->chat = NULL;
    if (ui_refuse(m, leave_chat(m)) != MLM_OK) {
        chat_free(c);
        return;
    }
    (void)ui_refuse(m, ui_replace_chat(m, c));
    m->priv->stored_id = m->chat->id;
    if (restored)
        ui_toast_add(m, UI_TOAST_INFO, "The question that you had begun is still here.");
    ui_set_focus(m, UI_FOCUS_INPUT, 0);
}

static void saved(ui_model *m, const ui_event *ev)
{
    if (ev->status == MLM_OK) {
        if (m->history_note[0] != '\0')
            (void)chat_set_text(&m->history_note, "");
        if (ev->id == m->chat->id)
            ui_list_chats(m);
        return;
    }
    bool first = m->history_note[0] == '\0'; /* said once, tried again and again */
    (void)chat_set_text(&m->history_note, ev->text != NULL ? ev->text : "");
    if (first)
        ui_toast_add(m, UI_TOAST_ERROR,
                     "The chat was not stored: %s. It is still here; export it, or make room.",
                     m->history_note);
    if (ev->id == m->chat->id)
        m->priv->save_chat_at = fmin(m->priv->save_chat_at, m->priv->last_now + RETRY_SAVE_MS);
}

void ui_chats_event(ui_model *m, ui_event *ev)
{
    switch ((int)ev->type) {
    case UI_EV_HISTORY:
        history_ready(m, ev);
        break;
    case UI_EV_HISTORY_LIST:
        if (ev->serial != m->priv->list_serial)
            break;
        ui_chat_rows_free(m->row, m->n_rows);
        m->row          = ev->chat_row;
        m->n_rows       = ev->n_chat_rows;
        ev->chat_row    = NULL;
        ev->n_chat_rows = 0;
        break;
    case UI_EV_HISTORY_CHAT:
        chat_arrived(m, ev);
        break;
    case UI_EV_HISTORY_SAVED:
        saved(m, ev);
        break;
    default:
        break;
    }
}
