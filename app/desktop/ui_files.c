/* ui_files.c: dialogs, and the in-app file list that is there when no dialog program is. */
#include "app/desktop/ui_private.h"

#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

bool ui_dialog_saves(ui_dialog_kind kind)
{
    return kind == UI_DIALOG_SAVE_CHAT || kind == UI_DIALOG_SAVE_BATCH;
}

static bool wants_folder(ui_dialog_kind kind)
{
    return kind == UI_DIALOG_FOLDER || kind == UI_DIALOG_MODEL_DIR || kind == UI_DIALOG_BATCH_FOLDER;
}

/* number: kind; id: format; text: suggested name. */
mlm_status ui_dialog(ui_model *m, ui_dialog_kind kind, int format, const char *suggested)
{
    ui_request req    = {.type = UI_REQ_DIALOG, .number = kind, .id = format};
    mlm_status status = chat_set_text(&req.text, suggested);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->dialog_serial = req.serial;
    return MLM_OK;
}

mlm_status ui_files_list(ui_model *m, const char *dir)
{
    ui_request req    = {.type = UI_REQ_LIST_DIR, .number = m->files.show_hidden ? 1 : 0};
    mlm_status status = chat_set_text(&req.path, dir);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->dir_serial = req.serial;
    return MLM_OK;
}

/* What was chosen, in a dialog or in our list.  replace: what is there too; dialogs of others have asked. */
static mlm_status take_choice(ui_model *m, ui_dialog_kind kind, int format, char *const *path, int n,
                              bool replace)
{
    switch (kind) {
    case UI_DIALOG_PICTURES:
    case UI_DIALOG_FOLDER:
        return ui_gather(m, (const char *const *)path, n, false, NULL);
    case UI_DIALOG_MODEL_DIR:
        MLM_TRY(settings_add_dir(&m->settings, path[0]));
        ui_settings_changed(m);
        m->overlay = UI_OVERLAY_MODELS;
        ui_set_focus(m, UI_FOCUS_OVERLAY, 0);
        ui_scan_models(m);
        return MLM_OK;
    case UI_DIALOG_BATCH_FOLDER:
    case UI_DIALOG_BATCH_FILE:
        return ui_put_text(m, UI_FIELD_BATCH_SOURCE, path[0]);
    case UI_DIALOG_SAVE_CHAT:
        return ui_export_as(m, format, path[0], replace);
    case UI_DIALOG_SAVE_BATCH:
        return ui_batch_export(m, format, path[0], replace);
    default:
        return MLM_OK;
    }
}

/* Our list, at the folder where it was last. */
static mlm_status open_list(ui_model *m, ui_dialog_kind kind, int format, const char *suggested)
{
    bool hidden = m->files.show_hidden;
    ui_file_list_clear(&m->files);
    m->files.kind        = kind;
    m->files.format      = format;
    m->files.show_hidden = hidden;
    m->overlay           = UI_OVERLAY_FILES;
    (void)chat_set_text(&m->priv->replaces, NULL);
    ui_set_focus(m, UI_FOCUS_OVERLAY, 0);
    MLM_TRY(ui_put_text(m, UI_FIELD_FILES_PATH, suggested != NULL ? suggested : ""));
    return ui_files_list(m, m->priv->files_dir);
}

/* The list stays until the file is written: a failure leaves the name to be corrected. */
static mlm_status take_one(ui_model *m, const char *path)
{
    char *one   = NULL;
    bool  saves = ui_dialog_saves(m->files.kind);
    if (saves && m->priv->export_serial != 0)
        return MLM_OK; /* it is being written */
    MLM_TRY(chat_set_text(&one, path));
    bool replace      = m->priv->replaces != NULL && strcmp(m->priv->replaces, path) == 0;
    m->overlay        = saves ? m->overlay : UI_OVERLAY_NONE;
    mlm_status status = take_choice(m, m->files.kind, m->files.format, &one, 1, replace);
    free(one);
    return status;
}

static void exported(ui_model *m, const ui_event *ev)
{
    bool ours        = ev->serial != 0 && ev->serial == m->priv->export_serial,
         open        = m->overlay == UI_OVERLAY_FILES;
    const char *path = ev->path != NULL ? ev->path : "the file";
    if (ours)
        m->priv->export_serial = 0;
    (void)chat_set_text(&m->priv->replaces, ours && ev->status == MLM_E_STATE ? path : NULL);
    if (ours && ev->status == MLM_E_STATE) {
        ui_toast_add(m, UI_TOAST_WARNING, "%s is there already. Save once more to replace it.", path);
    } else if (ev->status != MLM_OK) {
        ui_toast_add(m, UI_TOAST_ERROR, "Not saved: %s", ev->text != NULL ? ev->text : "");
    } else {
        ui_toast_add(m, UI_TOAST_INFO, "Saved to %s", path);
        if (ours && open && ui_dialog_saves(m->files.kind)) {
            m->overlay = UI_OVERLAY_NONE;
            ui_set_focus(m, UI_FOCUS_INPUT, 0);
        }
    }
}

mlm_status ui_files_enter(ui_model *m, int index)
{
    if (m->overlay != UI_OVERLAY_FILES || m->files.dir == NULL)
        return MLM_OK;
    char *path = NULL;
    if (index < 0) { /* up */
        MLM_TRY(mlm_path_join(&path, m->files.dir, ".."));
        mlm_status status = ui_files_list(m, path);
        free(path);
        return status;
    }
    if (index >= m->files.n_rows)
        return mlm_fail(MLM_E_RANGE, "there is no entry %d", index + 1);
    const ui_file_row *row = &m->files.row[index];
    MLM_TRY(mlm_path_join(&path, m->files.dir, row->name));
    mlm_status status = MLM_OK;
    if (row->is_dir)
        status = ui_files_list(m, path);
    else if (ui_dialog_saves(m->files.kind))
        status = ui_put_text(m, UI_FIELD_FILES_PATH, row->shown);
    else if (!wants_folder(m->files.kind))
        status = take_one(m, path);
    free(path);
    return status;
}

mlm_status ui_files_take_folder(ui_model *m)
{
    if (m->overlay != UI_OVERLAY_FILES || m->files.dir == NULL)
        return MLM_OK;
    if (!wants_folder(m->files.kind))
        return mlm_fail(MLM_E_STATE, "a file is wanted here, not a folder");
    return take_one(m, m->files.dir);
}

mlm_status ui_files_go(ui_model *m)
{
    const char *text = m->text[UI_FIELD_FILES_PATH];
    char       *path = NULL;
    if (m->overlay != UI_OVERLAY_FILES || text[0] == '\0')
        return MLM_OK;
    if (text[0] == '/' || text[0] == '~' || m->files.dir == NULL)
        MLM_TRY(chat_set_text(&path, text));
    else
        MLM_TRY(mlm_path_join(&path, m->files.dir, text));
    /* A folder is opened, a file comes back as such; a new name is taken for saving. */
    mlm_status status = ui_dialog_saves(m->files.kind) && text[strlen(text) - 1] != '/'
                            ? take_one(m, path)
                            : ui_files_list(m, path);
    free(path);
    return status;
}

static void dir_listed(ui_model *m, ui_event *ev)
{
    if (ev->serial != m->priv->dir_serial || m->overlay != UI_OVERLAY_FILES)
        return;
    if (ev->files == NULL) {
        if (ev->path != NULL && !wants_folder(m->files.kind)) /* a file was typed */
            (void)ui_refuse(m, take_one(m, ev->path));
        else
            ui_toast_add(m, UI_TOAST_WARNING, "%s", ev->text != NULL ? ev->text : "That is no folder.");
        return;
    }
    ui_file_list *new = ev->files, old = m->files;
    new->kind        = old.kind;
    new->format      = old.format;
    new->show_hidden = old.show_hidden;
    m->files         = *new;
    *new             = old;
    m->focus_item    = 0;
    (void)chat_set_text(&m->priv->files_dir, m->files.dir);
    if (!ui_dialog_saves(m->files.kind))
        (void)ui_put_text(m, UI_FIELD_FILES_PATH, "");
}

void ui_files_event(ui_model *m, ui_event *ev)
{
    if (ev->type == UI_EV_DIR_LISTED) {
        dir_listed(m, ev);
        return;
    }
    if (ev->type == UI_EV_EXPORTED) {
        exported(m, ev);
        return;
    }
    if (ev->type != UI_EV_DIALOG || ev->serial != m->priv->dialog_serial || ev->number < 0 ||
        ev->number > UI_DIALOG_SAVE_BATCH)
        return;
    ui_dialog_kind kind = (ui_dialog_kind)ev->number;
    if (ev->status == MLM_E_UNSUPPORTED)
        (void)ui_refuse(m, open_list(m, kind, (int)ev->id, ev->text));
    else if (ev->status != MLM_OK)
        ui_toast_add(m, UI_TOAST_WARNING, "%s", ev->text != NULL ? ev->text : "The dialog failed.");
    else if (ev->n_paths > 0)
        (void)ui_refuse(m, take_choice(m, kind, (int)ev->id, ev->paths, ev->n_paths, true));
}
