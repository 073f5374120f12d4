/* worker_load.c: loading a model, beside the old one when there is room, so that a failure leaves the old one. */
#include "app/desktop/model_memory.h"
#include "app/desktop/worker_private.h"

#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct load_run {
    worker  *w;
    uint64_t serial;
} load_run;

static bool load_cancelled(const worker *w, uint64_t serial)
{
    return atomic_load(&w->closing) || atomic_load(&w->load_cancelled) >= serial;
}

static bool on_load(uint64_t done, uint64_t total, void *payload)
{
    const load_run *r   = payload;
    double          now = mlm_now_ms();
    if (now - r->w->last_progress >= 30 || done == total) {
        ui_event ev = {.type = UI_EV_LOAD_PROGRESS, .serial = r->serial, .done = done, .total = total};
        r->w->last_progress = now;
        event_box_put(r->w->events, &ev);
    }
    return !load_cancelled(r->w, r->serial);
}

/* ---- memory ------------------------------------------------------------------------------------- */

static uint64_t process_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE              *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    int n = fscanf(f, "%llu %llu", &size, &resident);
    (void)fclose(f);
    return n == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void worker_report_memory(worker *w)
{
    ui_event ev = {.type = UI_EV_MEMORY, .done = process_bytes(), .total = w->kept_bytes};
    event_box_put(w->events, &ev);
}

/* Two models at once only where that surely fits: in the machine's own memory. */
static bool fits_beside(const worker *w, const mlmamba_engine_options *opt)
{
    mlmamba_memory need;
    if (w->engine == NULL || strncmp(w->facts.device, "cuda", 4) == 0 ||
        (opt->device != NULL && strncmp(opt->device, "cuda", 4) == 0))
        return false;
    if (mlmamba_estimate_memory(&need, opt) != MLM_OK)
        return true; /* it will fail early, and the old one stays */
    return (uint64_t)need.weights_bytes + need.scratch_bytes + need.session_bytes < model_memory_free() / 2;
}

/* ---- unload, load ------------------------------------------------------------------------------- */

void worker_unload(worker *w)
{
    states_drop_turn(w, 0);
    held_forget(w);
    (void)pthread_mutex_lock(&w->session_lock);
    mlmamba_session_free(w->session);
    w->session = NULL;
    (void)pthread_mutex_unlock(&w->session_lock);
    mlmamba_engine_close(w->engine);
    w->engine = NULL;
    w->facts  = (ui_engine_facts){0};
    free(w->kept);
    free(w->held.turn);
    w->kept          = NULL;
    w->kept_capacity = 0;
    w->held          = (held_state){0};
}

static void copy_text(char *dst, size_t cap, const char *src)
{
    (void)chat_show_text(dst, cap, src != NULL ? src : "", src != NULL ? strlen(src) : 0, false);
}

static void fill_facts(ui_engine_facts *f, const mlmamba_engine *eng)
{
    mlmamba_engine_info i;
    mlmamba_engine_get_info(eng, &i);
    *f = (ui_engine_facts){.n_parameters   = i.n_parameters,
                           .image_size     = i.image_size,
                           .n_image_tokens = i.n_image_tokens,
                           .n_threads      = i.n_threads,
                           .fingerprint    = i.fingerprint,
                           .memory         = i.memory,
                           .load_ms        = i.load_ms};
    copy_text(f->model_dir, sizeof f->model_dir, i.model_dir);
    copy_text(f->model_name, sizeof f->model_name, i.model_name);
    copy_text(f->device, sizeof f->device, i.device);
    copy_text(f->device_description, sizeof f->device_description, i.device_description);
    copy_text(f->device_note, sizeof f->device_note, i.device_note);
    copy_text(f->description, sizeof f->description, i.description);
    copy_text(f->describe_prompt, sizeof f->describe_prompt, i.describe_prompt);
    copy_text(f->weights_dtype, sizeof f->weights_dtype, i.weights_dtype);
    char parts[1024];
    (void)snprintf(parts, sizeof parts, "%.300s; %.300s; %.300s", i.vision, i.connector, i.language_model);
    copy_text(f->parts, sizeof f->parts, parts);
}

static mlm_status open_model(mlmamba_engine **eng, mlmamba_session **ses, const mlmamba_engine_options *opt)
{
    *ses = NULL;
    MLM_TRY(mlmamba_engine_open(eng, opt));
    mlm_status status = mlmamba_session_create(ses, *eng);
    if (status != MLM_OK) {
        mlmamba_engine_close(*eng);
        *eng = NULL;
    }
    return status;
}

static void adopt(worker *w, mlmamba_engine *eng, mlmamba_session *ses, const ui_request *req)
{
    worker_unload(w);
    (void)pthread_mutex_lock(&w->session_lock);
    w->session = ses;
    (void)pthread_mutex_unlock(&w->session_lock);
    w->engine = eng;
    fill_facts(&w->facts, eng);
    w->quota    = model_memory_quota(w->facts.memory.snapshot_bytes, req->kept_mb, model_memory_free());
    ui_event ev = {.type = UI_EV_LOADED, .serial = req->serial};
    ev.facts    = malloc(sizeof *ev.facts);
    if (ev.facts != NULL)
        *ev.facts = w->facts;
    if (req->path != NULL)
        ev.path = strdup(req->path);
    event_box_put(w->events, &ev);
}

void worker_load(worker *w, const ui_request *req)
{
    load_run               run = {w, req->serial};
    mlmamba_engine_options opt = {.model_dir  = req->path,
                                  .device     = req->device,
                                  .n_threads  = (int)req->number,
                                  .kept_bytes = 1, /* the states are kept here, as snapshots */
                                  .on_load    = on_load,
                                  .payload    = &run};
    mlmamba_engine        *eng = NULL;
    mlmamba_session       *ses = NULL;
    mlm_status status = load_cancelled(w, req->serial) ? mlm_fail(MLM_E_CANCELLED, "cancelled") : MLM_OK;
    w->last_progress  = 0;
    if (status == MLM_OK && w->engine != NULL && !fits_beside(w, &opt))
        worker_unload(w);
    if (status == MLM_OK)
        status = open_model(&eng, &ses, &opt);
    if (status == MLM_E_NOMEM && w->engine != NULL) { /* the old one makes room */
        worker_unload(w);
        status = open_model(&eng, &ses, &opt);
    }
    if (status == MLM_OK) {
        adopt(w, eng, ses, req);
    } else {
        ui_event ev = {
            .type = UI_EV_LOAD_FAILED, .serial = req->serial, .status = status, .number = w->engine != NULL};
        ev.text = strdup(mlm_error_message());
        event_box_put(w->events, &ev);
    }
    worker_report_memory(w);
}
