/* clerk.c: the thread for files and history. */
#include "app/desktop/clerk.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/desktop/app_dirs.h"
#include "app/desktop/batch_export.h"
#include "app/desktop/export.h"
#include "app/desktop/file_list.h"
#include "app/desktop/gather.h"
#include "app/desktop/history.h"
#include "app/desktop/model_scan.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

enum { STORE_MS = 5000 }; /* a disk may take this long at the end; the window is gone by then */

struct clerk {
    event_box  *events;
    request_box requests;
    pthread_t   thread;
    atomic_bool closing;
    atomic_int  n_stores; /* requests that store something and are not done */
    char       *history_path, *settings_path, *pictures_dir;
    history    *history;
};

/* ---- pictures ----------------------------------------------------------------------------------- */

/* Scaled to the strip's size; NULL when there is no memory for it. */
static mlmamba_image *make_thumb(const mlmamba_image *img)
{
    mlmamba_image *thumb = NULL;
    int            w = mlmamba_image_width(img), h = mlmamba_image_height(img);
    int            side = w > h ? w : h;
    if (side <= CHAT_THUMB_SIDE)
        return mlmamba_image_share(img);
    int tw = (int)((int64_t)w * CHAT_THUMB_SIDE / side), th = (int)((int64_t)h * CHAT_THUMB_SIDE / side);
    if (mlmamba_image_scale(&thumb, img, tw > 0 ? tw : 1, th > 0 ? th : 1) != MLM_OK)
        return NULL;
    return thumb;
}

static const char *ending_of(const char *format)
{
    static const char *const known[][2] = {{"PNG", ".png"},   {"JPEG", ".jpg"}, {"WebP", ".webp"},
                                           {"WEBP", ".webp"}, {"GIF", ".gif"},  {"BMP", ".bmp"},
                                           {"TIFF", ".tiff"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i][0], format) == 0)
            return known[i][1];
    return ".img";
}

/* A pasted picture gets a file, so that the history can show it again.  NULL: it does not, which is not an error. */
static char *keep_pasted(const clerk *k, const ui_request *req, const mlmamba_image *img)
{
    text_buffer b    = {0};
    char       *path = NULL;
    if (k->pictures_dir == NULL || mlm_make_dirs(k->pictures_dir, 0700) != MLM_OK)
        return NULL;
    text_addf(&b, "%s/pasted-%lld%s", k->pictures_dir, (long long)req->id,
              ending_of(mlmamba_image_format(img)));
    if (text_take(&b, &path) != MLM_OK)
        return NULL;
    if (mlm_file_write(path, req->bytes, req->n_bytes, 0600, "picture") == MLM_OK)
        return path;
    free(path);
    return NULL;
}

static void decode(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_DECODED, .serial = req->serial, .id = req->id};
    if (req->bytes != NULL)
        ev.status = mlmamba_image_open_memory(&ev.image, req->bytes, req->n_bytes,
                                              req->text != NULL ? req->text : "clipboard", NULL);
    else
        ev.status = mlmamba_image_open_file(&ev.image, req->path, NULL);
    if (ev.status != MLM_OK) {
        ev.type = UI_EV_DECODE_FAILED;
        ev.text = strdup(mlm_error_message());
    } else {
        ev.thumb = make_thumb(ev.image);
        if (req->bytes != NULL)
            ev.path = keep_pasted(k, req, ev.image);
    }
    event_box_put(k->events, &ev);
}

static void thumb(clerk *k, const ui_request *req)
{
    ui_event       ev  = {.type = UI_EV_THUMB, .serial = req->serial, .id = req->id};
    mlmamba_image *img = NULL;
    ev.status          = mlmamba_image_open_file(&img, req->path, NULL);
    if (ev.status == MLM_OK)
        ev.image = make_thumb(img);
    else
        ev.text = strdup(mlm_error_message());
    mlmamba_image_free(img);
    event_box_put(k->events, &ev);
}

static void gather(clerk *k, const ui_request *req)
{
    gathered g  = {0};
    ui_event ev = {.type = UI_EV_GATHERED, .serial = req->serial, .number = req->number};
    ev.status   = gather_pictures(&g, req->paths, req->n_paths, &k->closing);
    if (ev.status == MLM_OK) {
        ev.paths   = g.path;
        ev.n_paths = g.n;
        ev.text    = g.note;
        if (req->text != NULL)
            ev.path = strdup(req->text); /* the question behind a typed path */
    } else {
        ev.text = strdup(mlm_error_message());
    }
    event_box_put(k->events, &ev);
}

/* ---- folders, models, files --------------------------------------------------------------------- */

static void list_dir(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_DIR_LISTED, .serial = req->serial};
    ev.files    = calloc(1, sizeof *ev.files);
    ev.status   = ev.files != NULL ? file_list_read(ev.files, &ev.path, req->path, req->number != 0)
                                   : mlm_fail_nomem(sizeof *ev.files, "folder");
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    if (ev.files != NULL && (ev.status != MLM_OK || ev.path != NULL)) {
        ui_file_list_clear(ev.files);
        free(ev.files);
        ev.files = NULL;
    }
    event_box_put(k->events, &ev);
}

static void scan_models(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_MODELS, .serial = req->serial};
    ev.status   = model_scan(&ev.model_row, &ev.n_model_rows, req->paths, req->n_paths, (int)req->number);
    event_box_put(k->events, &ev);
}

static void check_model(clerk *k, const ui_request *req)
{
    ui_event ev  = {.type = UI_EV_MODEL_CHECKED, .serial = req->serial};
    ev.model_row = calloc(1, sizeof *ev.model_row);
    if (ev.model_row == NULL)
        return;
    ev.n_model_rows = 1;
    if (chat_set_text(&ev.model_row->dir, req->path) != MLM_OK ||
        model_scan_check(ev.model_row, req->device, req->kept_mb) != MLM_OK)
        (void)chat_set_text(&ev.model_row->note, "out of memory");
    event_box_put(k->events, &ev);
}

/* Nothing is replaced that nobody wanted replaced. */
static mlm_status check_free(const ui_request *req)
{
    struct stat st;
    char       *path = NULL;
    if (req->id != 0)
        return MLM_OK;
    MLM_TRY(file_expand_home(&path, req->path));
    int rc = lstat(path, &st);
    free(path);
    return rc == 0 ? mlm_fail(MLM_E_STATE, "%s is there already", req->path) : MLM_OK;
}

static void export_file(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_EXPORTED, .serial = req->serial, .path = strdup(req->path)};
    ev.status   = check_free(req);
    if (ev.status == MLM_OK)
        ev.status = export_chat_file(req->path, req->chat, (ui_export_format)req->number);
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    event_box_put(k->events, &ev);
}

static void export_batch(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_EXPORTED, .serial = req->serial, .path = strdup(req->path)};
    ev.status   = check_free(req);
    if (ev.status == MLM_OK)
        ev.status = batch_export_file(req->path, req->text, (ui_batch_format)req->number);
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    event_box_put(k->events, &ev);
}

static void save_settings(clerk *k, const ui_request *req)
{
    char *dir = NULL, *slash = NULL;
    if (k->settings_path == NULL)
        return;
    mlm_status status = chat_set_text(&dir, k->settings_path);
    if (status == MLM_OK && (slash = strrchr(dir, '/')) != NULL && slash != dir) {
        *slash = '\0';
        status = mlm_make_dirs(dir, 0700);
    }
    free(dir);
    if (status == MLM_OK)
        status = mlm_file_write(k->settings_path, req->text, strlen(req->text), 0600, "settings");
    event_box_put_simple(k->events, UI_EV_SETTINGS_SAVED, req->serial, 0, status);
}

/* ---- history ------------------------------------------------------------------------------------ */

static void open_history(clerk *k)
{
    ui_event ev = {.type = UI_EV_HISTORY};
    if (k->history_path == NULL)
        return;
    ev.status = history_open(&k->history, k->history_path, &ev.text);
    ev.number = ev.status == MLM_OK ? 1 : 0;
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    event_box_put(k->events, &ev);
}

static void load_chat(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_HISTORY_CHAT, .serial = req->serial, .id = req->id};
    ev.status   = history_load(k->history, req->id, &ev.chat);
    if (ev.status != MLM_OK)
        ev.text = strdup(mlm_error_message());
    event_box_put(k->events, &ev);
}

static void list_chats(clerk *k, const ui_request *req)
{
    ui_event ev = {.type = UI_EV_HISTORY_LIST, .serial = req->serial};
    ev.status   = history_list(k->history, req->text, &ev.chat_row, &ev.n_chat_rows);
    event_box_put(k->events, &ev);
}

static void run_history(clerk *k, const ui_request *req)
{
    mlm_status status = MLM_OK;
    if (k->history == NULL)
        return;
    switch ((int)req->type) {
    case UI_REQ_HISTORY_LIST:
        list_chats(k, req);
        return;
    case UI_REQ_HISTORY_OPEN:
        load_chat(k, req);
        return;
    case UI_REQ_HISTORY_SAVE:
        status = history_save(k->history, req->chat);
        break;
    case UI_REQ_HISTORY_DRAFT:
        status = history_save_draft(k->history, req->id, req->text);
        break;
    case UI_REQ_HISTORY_RENAME:
        status = history_rename(k->history, req->id, req->text);
        break;
    case UI_REQ_HISTORY_DELETE:
        status = history_delete(k->history, req->id, req->number != 0);
        break;
    case UI_REQ_HISTORY_PURGE:
        status = history_purge(k->history, req->id);
        break;
    default:
        return;
    }
    event_box_put_simple(k->events, UI_EV_HISTORY_SAVED, req->serial, req->id, status);
}

/* ---- the thread --------------------------------------------------------------------------------- */

static bool stores(const ui_request *req)
{
    return (req->type >= UI_REQ_HISTORY_SAVE && req->type <= UI_REQ_HISTORY_PURGE) ||
           req->type == UI_REQ_SAVE_SETTINGS || req->type == UI_REQ_EXPORT;
}

static void run_request(clerk *k, const ui_request *req)
{
    if (atomic_load(&k->closing) && !stores(req))
        return;
    switch ((int)req->type) {
    case UI_REQ_DECODE:
        decode(k, req);
        break;
    case UI_REQ_THUMB:
        thumb(k, req);
        break;
    case UI_REQ_GATHER:
        gather(k, req);
        break;
    case UI_REQ_LIST_DIR:
        list_dir(k, req);
        break;
    case UI_REQ_SCAN_MODELS:
        scan_models(k, req);
        break;
    case UI_REQ_CHECK_MODEL:
        check_model(k, req);
        break;
    case UI_REQ_EXPORT:
        export_file(k, req);
        break;
    case UI_REQ_BATCH_EXPORT:
        export_batch(k, req);
        break;
    case UI_REQ_SAVE_SETTINGS:
        save_settings(k, req);
        break;
    default:
        run_history(k, req);
        break;
    }
}

static void *thread_main(void *arg)
{
    clerk     *k   = arg;
    ui_request req = {0};
    open_history(k);
    while (request_box_take(&k->requests, &req)) {
        run_request(k, &req);
        if (stores(&req))
            (void)atomic_fetch_sub(&k->n_stores, 1);
        ui_request_free(&req);
    }
    history_close(k->history);
    return NULL;
}

static void free_clerk(clerk *k)
{
    request_box_free(&k->requests);
    free(k->history_path);
    free(k->settings_path);
    free(k->pictures_dir);
    free(k);
}

mlm_status clerk_create(clerk **out, event_box *events, const clerk_options *opt)
{
    *out     = NULL;
    clerk *k = calloc(1, sizeof *k);
    if (k == NULL)
        return mlm_fail_nomem(sizeof *k, "clerk");
    k->events         = events;
    mlm_status status = request_box_open(&k->requests);
    if (status != MLM_OK) {
        free(k);
        return status;
    }
    status = chat_set_text(&k->history_path, opt->history_path);
    if (status == MLM_OK)
        status = chat_set_text(&k->settings_path, opt->settings_path);
    if (status == MLM_OK)
        status = chat_set_text(&k->pictures_dir, opt->pictures_dir);
    if (status == MLM_OK && pthread_create(&k->thread, NULL, thread_main, k) != 0)
        status = mlm_fail(MLM_E_NOMEM, "cannot start the thread for files: %s", strerror(errno));
    if (status != MLM_OK) {
        free_clerk(k);
        return status;
    }
    *out = k;
    return MLM_OK;
}

void clerk_post(clerk *k, ui_request *req)
{
    bool store = stores(req);
    if (store)
        (void)atomic_fetch_add(&k->n_stores, 1);
    /* Not before what is to be stored: a chat is saved before it is listed or opened. */
    if (request_box_put(&k->requests, req, req->type == UI_REQ_DECODE) != MLM_OK && store)
        (void)atomic_fetch_sub(&k->n_stores, 1);
}

void clerk_close(clerk *k)
{
    if (k == NULL)
        return;
    atomic_store(&k->closing, true);
    request_box_close(&k->requests, true);
}

bool clerk_free(clerk *k, int wait_ms)
{
    if (k == NULL)
        return true;
    clerk_close(k);
    double end = mlm_now_ms() + wait_ms;
    do {
        double now = mlm_now_ms();
        if (now >= end + STORE_MS || (now >= end && atomic_load(&k->n_stores) == 0)) {
            (void)pthread_detach(k->thread);
            return false;
        }
    } while (!thread_ends_soon(k->thread));
    free_clerk(k);
    return true;
}
