/* dialog.c: file dialogs of other programs. */
#include "app/desktop/dialog.h"

#include "app/desktop/text_buffer.h"
#include "app/desktop/ui_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES = 16 << 20 };
#define QUICK_MS 400.0 /* nobody cancels a dialog that fast: it could not be shown */
#define UNIT     '\x1f'

static const char *const title[] = {
    [UI_DIALOG_PICTURES] = "Open pictures",        [UI_DIALOG_FOLDER] = "Open a folder of pictures",
    [UI_DIALOG_MODEL_DIR] = "Folder of models",    [UI_DIALOG_BATCH_FOLDER] = "Folder of pictures",
    [UI_DIALOG_BATCH_FILE] = "Question file",      [UI_DIALOG_SAVE_CHAT] = "Export the chat",
    [UI_DIALOG_SAVE_BATCH] = "Export the results",
};

static bool has_display(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x != NULL && x[0] != '\0') || (wayland != NULL && wayland[0] != '\0');
}

static bool wants_folder(ui_dialog_kind kind)
{
    return kind == UI_DIALOG_FOLDER || kind == UI_DIALOG_MODEL_DIR || kind == UI_DIALOG_BATCH_FOLDER;
}

void dialog_start(dialog *d, const ui_request *req, bool in_app)
{
    dialog_stop(d);
    *d        = (dialog){.kind = (ui_dialog_kind)req->number, .format = (int)req->id, .serial = req->serial};
    d->run.fd = -1;
    d->stage  = in_app || !has_display() ? DIALOG_NONE : DIALOG_PORTAL;
    (void)chat_set_text(&d->suggested, req->text);
}

static mlm_status start_zenity(dialog *d, double now)
{
    char        name[512], heading[128];
    const char *argv[8] = {"zenity", "--file-selection", "--separator=\x1f"};
    int         n       = 3;
    (void)snprintf(heading, sizeof heading, "--title=%s", title[d->kind]);
    argv[n++] = heading;
    if (wants_folder(d->kind))
        argv[n++] = "--directory";
    else if (d->kind == UI_DIALOG_PICTURES)
        argv[n++] = "--multiple";
    if (ui_dialog_saves(d->kind)) {
        (void)snprintf(name, sizeof name, "--filename=%s", d->suggested != NULL ? d->suggested : "");
        argv[n++] = "--save";
        argv[n++] = "--confirm-overwrite";
        argv[n++] = name;
    }
    argv[n] = NULL;
    return helper_start(&d->run, argv, OUTPUT_BYTES, now, HUGE_VAL);
}

static mlm_status start_kdialog(dialog *d, double now)
{
    const char *argv[8] = {"kdialog", "--title", title[d->kind]};
    int         n       = 3;
    if (wants_folder(d->kind))
        argv[n++] = "--getexistingdirectory";
    else
        argv[n++] = ui_dialog_saves(d->kind) ? "--getsavefilename" : "--getopenfilename";
    argv[n++] = ui_dialog_saves(d->kind) && d->suggested != NULL ? d->suggested : ".";
    if (d->kind == UI_DIALOG_PICTURES) {
        argv[n++] = "--multiple";
        argv[n++] = "--separate-output";
    }
    argv[n] = NULL;
    return helper_start(&d->run, argv, OUTPUT_BYTES, now, HUGE_VAL);
}

static mlm_status split(const char *text, char separator, char ***paths, int *n)
{
    while (*text != '\0') {
        size_t len = 0;
        while (text[len] != '\0' && text[len] != separator && !(text[len] == '\n' && text[len + 1] == '\0'))
            len++;
        if (len > 0) {
            char **more = realloc(*paths, (size_t)(*n + 1) * sizeof *more);
            if (more == NULL)
                return mlm_fail_nomem((size_t)(*n + 1) * sizeof *more, "paths");
            *paths   = more;
            more[*n] = strndup(text, len);
            if (more[*n] == NULL)
                return mlm_fail_nomem(len, "path");
            (*n)++;
        }
        text += len + (text[len] != '\0' ? 1 : 0);
    }
    return MLM_OK;
}

static bool finish(dialog *d, ui_event *ev, mlm_status status, char **paths, int n)
{
    *ev = (ui_event){.type    = UI_EV_DIALOG,
                     .serial  = d->serial,
                     .number  = d->kind,
                     .id      = d->format,
                     .status  = status,
                     .paths   = paths,
                     .n_paths = n};
    if (status == MLM_E_UNSUPPORTED) /* the in-app list goes on with the suggested name */
        (void)chat_set_text(&ev->text, d->suggested);
    else if (status != MLM_OK)
        ev->text = strdup(mlm_error_message());
    dialog_stop(d);
    return true;
}

static bool poll_portal(dialog *d, double now, ui_event *ev)
{
    mlm_status status = MLM_E_UNSUPPORTED;
    char     **paths  = NULL;
    int        n      = 0;
    if (!d->started) {
        d->started = true;
        d->portal  = portal_start(d->kind, title[d->kind], d->suggested, now);
    }
    if (d->portal != NULL && !portal_poll(d->portal, now, &status, &paths, &n))
        return false;
    portal_free(d->portal);
    d->portal  = NULL;
    d->started = false;
    if (status != MLM_E_UNSUPPORTED)
        return finish(d, ev, status, paths, n);
    d->stage = DIALOG_ZENITY;
    return false;
}

static bool poll_program(dialog *d, double now, ui_event *ev)
{
    bool zenity = d->stage == DIALOG_ZENITY;
    if (!d->started) {
        mlm_status status = zenity ? start_zenity(d, now) : start_kdialog(d, now);
        d->started        = status == MLM_OK;
        d->stage          = status == MLM_OK ? d->stage : zenity ? DIALOG_KDIALOG : DIALOG_NONE;
        return false;
    }
    if (!helper_poll(&d->run, now))
        return false;
    bool failed = d->run.exit_status != 0 && (d->run.exit_status != 1 || now - d->run.started < QUICK_MS);
    if (failed || d->run.data == NULL) {
        helper_stop(&d->run);
        d->started = false;
        d->stage   = zenity ? DIALOG_KDIALOG : DIALOG_NONE;
        return false;
    }
    char     **paths  = NULL;
    int        n      = 0;
    mlm_status status = MLM_OK;
    if (d->run.exit_status == 0)
        status = split((const char *)d->run.data, zenity ? UNIT : '\n', &paths, &n);
    return finish(d, ev, status, paths, n);
}

bool dialog_poll(dialog *d, double now, ui_event *ev)
{
    switch (d->stage) {
    case DIALOG_PORTAL:
        return poll_portal(d, now, ev);
    case DIALOG_ZENITY:
    case DIALOG_KDIALOG:
        return poll_program(d, now, ev);
    case DIALOG_NONE:
        return finish(d, ev, MLM_E_UNSUPPORTED, NULL, 0);
    case DIALOG_IDLE:
    default:
        return false;
    }
}

bool dialog_is_open(const dialog *d)
{
    return d->stage != DIALOG_IDLE;
}

void dialog_stop(dialog *d)
{
    portal_free(d->portal);
    helper_stop(&d->run);
    free(d->suggested);
    *d        = (dialog){0};
    d->run.fd = -1;
}
