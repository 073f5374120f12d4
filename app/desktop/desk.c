/* desk.c: state machine, worker, clerk and helpers put together. */
#include "app/desktop/desk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "app/desktop/app_dirs.h"
#include "app/desktop/clerk.h"
#include "app/desktop/clipboard.h"
#include "app/desktop/dialog.h"
#include "app/desktop/model_scan.h"
#include "app/desktop/worker.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

enum { CLOSE_MS = 400, HELPER_WAIT_MS = 4, MAX_EVENTS = 256 };

struct desk {
    ui_model    *model;
    event_box    events;
    worker      *worker;
    clerk       *clerk;
    clipboard    clip;
    dialog       dialog;
    desk_options opt;       /* its strings are not kept */
    char        *batch_dir; /* results whose place nobody chose; NULL: there is none */
    bool         more;      /* events wait that the last turn of the loop left */
};

/* ---- start -------------------------------------------------------------------------------------- */

typedef struct desk_paths {
    char *data, *config, *history, *settings, *pictures, *samples;
} desk_paths;

static void free_paths(desk_paths *p)
{
    free(p->data);
    free(p->config);
    free(p->history);
    free(p->settings);
    free(p->pictures);
    free(p->samples);
}

/* Without a home directory nothing is stored; that is no reason not to start. */
static mlm_status find_paths(desk_paths *p, const desk_options *opt)
{
    mlm_status data   = opt->data_home != NULL ? chat_set_text(&p->data, opt->data_home)
                                               : file_xdg_dir(&p->data, "XDG_DATA_HOME", ".local/share");
    mlm_status config = opt->config_home != NULL ? chat_set_text(&p->config, opt->config_home)
                                                 : file_xdg_dir(&p->config, "XDG_CONFIG_HOME", ".config");
    if (data == MLM_E_NOMEM || config == MLM_E_NOMEM)
        return MLM_E_NOMEM;
    if (data == MLM_OK && !opt->no_history) {
        MLM_TRY(mlm_path_join(&p->history, p->data, "history.db"));
        MLM_TRY(mlm_path_join(&p->pictures, p->data, "pictures"));
    }
    if (config == MLM_OK)
        MLM_TRY(mlm_path_join(&p->settings, p->config, "desktop.json"));
    p->samples = model_scan_data_dir("images");
    return MLM_OK;
}

static double wall_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)(wall_ms() * 1e3);
    return seed;
}

static mlm_status make_model(desk *d, const desk_paths *p, double now)
{
    ui_settings settings = {0};
    char       *note     = NULL;
    mlm_status  status =
        p->settings != NULL ? settings_load(&settings, p->settings, &note) : settings_init(&settings);
    if (status == MLM_OK && d->opt.device != NULL)
        status = settings_set(&settings, UI_SET_DEVICE, 0, d->opt.device);
    ui_model_options opt = {.samples_dir = p->samples,
                            .settings    = &settings,
                            .batch       = true,
                            .wall_ms     = wall_ms(),
                            .id_seed     = random_seed()};
    if (status == MLM_OK)
        status = ui_model_create(&d->model, &opt, now);
    if (status == MLM_OK && note != NULL)
        ui_notify(d->model, note, now);
    free(note);
    settings_free(&settings);
    return status;
}

static mlm_status start(desk *d, const desk_paths *p, double now)
{
    clerk_options c = {.history_path = p->history, .settings_path = p->settings, .pictures_dir = p->pictures};
    if (p->data != NULL)
        MLM_TRY(mlm_path_join(&d->batch_dir, p->data, "batches"));
    MLM_TRY(make_model(d, p, now));
    MLM_TRY(worker_create(&d->worker, &d->events));
    MLM_TRY(clerk_create(&d->clerk, &d->events, &c));
    ui_action load = {.type = UI_ACT_LOAD_MODEL, .text = d->opt.model_dir};
    MLM_TRY(ui_act(d->model, &load, now));
    if (d->opt.n_paths > 0)
        ui_open_paths(d->model, d->opt.path, d->opt.n_paths, now);
    return MLM_OK;
}

mlm_status desk_create(desk **out, const desk_options *opt, double now)
{
    *out    = NULL;
    desk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return mlm_fail_nomem(sizeof *d, "desk");
    d->opt            = *opt;
    d->clip.run.fd    = -1;
    d->dialog.run.fd  = -1;
    mlm_status status = event_box_open(&d->events, opt->wake, opt->payload);
    if (status != MLM_OK) {
        free(d);
        return status;
    }
    desk_paths paths = {0};
    status           = find_paths(&paths, opt);
    if (status == MLM_OK)
        status = start(d, &paths, now);
    free_paths(&paths);
    d->opt.model_dir = d->opt.device = d->opt.data_home = d->opt.config_home = NULL;
    d->opt.path                                                              = NULL;
    if (status != MLM_OK) {
        (void)desk_free(d);
        return status;
    }
    *out = d;
    return MLM_OK;
}

ui_model *desk_model(desk *d)
{
    return d->model;
}

/* ---- the loop's part ---------------------------------------------------------------------------- */

/* A place for results: DATA/batches/2026-11-23-142530. */
static void choose_batch_dir(const desk *d, ui_request *req)
{
    char      when[64];
    struct tm parts;
    time_t    t = time(NULL);
    if ((req->device != NULL && req->device[0] != '\0') || d->batch_dir == NULL ||
        localtime_r(&t, &parts) == NULL || strftime(when, sizeof when, "%Y-%m-%d-%H%M%S", &parts) == 0)
        return;
    char *dir = NULL;
    if (mlm_make_dirs(d->batch_dir, 0700) == MLM_OK && mlm_path_join(&dir, d->batch_dir, when) == MLM_OK) {
        free(req->device);
        req->device = dir;
    }
}

static void route(desk *d, ui_request *req, double now)
{
    if (req->type == UI_REQ_BATCH_START)
        choose_batch_dir(d, req);
    switch ((int)req->type) {
    case UI_REQ_LOAD:
    case UI_REQ_CANCEL_LOAD:
    case UI_REQ_UNLOAD:
    case UI_REQ_LOOK:
    case UI_REQ_ASK:
    case UI_REQ_STOP:
    case UI_REQ_FORGET:
    case UI_REQ_BATCH_START:
    case UI_REQ_BATCH_STOP:
        worker_post(d->worker, req);
        return;
    case UI_REQ_DIALOG:
        dialog_start(&d->dialog, req, d->opt.no_portal);
        break;
    case UI_REQ_CLIPBOARD:
        clipboard_start(&d->clip, req->serial, now);
        break;
    case UI_REQ_COPY_TEXT:
        if (d->opt.copy_text == NULL || !d->opt.copy_text(req->text != NULL ? req->text : "", d->opt.payload))
            ui_notify(d->model, "The text could not be copied.", now);
        break;
    default:
        clerk_post(d->clerk, req);
        return;
    }
    ui_request_free(req);
}

static void route_all(desk *d, double now)
{
    ui_request req;
    while (ui_next_request(d->model, &req))
        route(d, &req, now);
}

static void apply(desk *d, ui_event *ev, double now)
{
    ui_event_apply(d->model, ev, now);
    ui_event_free(ev);
}

void desk_pump(desk *d, double now)
{
    ui_event ev;
    ui_tick(d->model, now);
    route_all(d, now);
    int n = 0;
    for (; n < MAX_EVENTS && event_box_take(&d->events, &ev); n++) {
        apply(d, &ev, now);
        route_all(d, now);
    }
    d->more = n == MAX_EVENTS;
    if (clipboard_poll(&d->clip, now, &ev))
        apply(d, &ev, now);
    if (dialog_poll(&d->dialog, now, &ev))
        apply(d, &ev, now);
    if (d->model->stopping)
        worker_poke(d->worker);
    route_all(d, now);
}

int desk_wait_ms(const desk *d, double now, int max_ms)
{
    double due  = ui_deadline(d->model) - now;
    int    wait = max_ms;
    if (d->more)
        return 0;
    if (d->clip.active)
        wait = HELPER_WAIT_MS < wait ? HELPER_WAIT_MS : wait;
    if (dialog_is_open(&d->dialog) || d->model->stopping)
        wait = 10 * HELPER_WAIT_MS < wait ? 10 * HELPER_WAIT_MS : wait;
    if (due < wait)
        wait = due > 0 ? (int)due + 1 : 0;
    return wait;
}

bool desk_free(desk *d)
{
    if (d == NULL)
        return true;
    int  wait_ms = d->opt.close_ms > 0 ? d->opt.close_ms : CLOSE_MS;
    bool alone   = true;
    if (d->model != NULL && d->clerk != NULL && d->worker != NULL) {
        ui_action quit = {.type = UI_ACT_QUIT};
        if (!d->model->quit)
            (void)ui_act(d->model, &quit, mlm_now_ms());
        route_all(d, mlm_now_ms());
    }
    clipboard_stop(&d->clip);
    dialog_stop(&d->dialog);
    clerk_close(d->clerk);
    alone = worker_free(d->worker, wait_ms) && alone;
    alone = clerk_free(d->clerk, wait_ms) && alone;
    event_box_mute(&d->events);
    ui_model_free(d->model);
    free(d->batch_dir);
    if (alone) { /* else a thread still writes there: the program is about to end */
        event_box_free(&d->events);
        free(d);
    }
    return alone;
}
