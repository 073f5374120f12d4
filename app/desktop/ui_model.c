/* ui_model.c: life of the state machine, its queue, toasts, and what each action calls. */
#include "app/desktop/ui_private.h"

#include "kernels/base/mlm_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------------------------------- */

static const struct {
    const char *file, *name, *question[4];
} sample_table[UI_N_SAMPLES] = {
    {"scene0.png",
     "Sample 1",
     {"Describe the image.", "What is in the top middle?", "How many objects are there?", NULL}},
    {"scene3.png",
     "Sample 2",
     {"Describe the image.", "What is in the center?", "What color is the background?", NULL}},
    {"scene6.png",
     "Sample 3",
     {"What does the sign say?", "Describe the image.", "Is the snail to the right of the snowman?", NULL}},
};

static mlm_status make_samples(ui_model *m, const char *dir)
{
    for (int i = 0; dir != NULL && i < UI_N_SAMPLES; i++) {
        ui_sample *s = &m->sample[i];
        MLM_TRY(mlm_path_join(&s->path, dir, sample_table[i].file));
        m->n_samples = i + 1;
        MLM_TRY(chat_set_text(&s->name, sample_table[i].name));
        for (int j = 0; j < 4; j++)
            s->question[j] = sample_table[i].question[j];
        MLM_TRY(ui_enqueue_simple(m, UI_REQ_THUMB, -1 - i, s->path, NULL));
    }
    return MLM_OK;
}

static mlm_status init(ui_model *m, const ui_model_options *opt, double now)
{
    m->priv = calloc(1, sizeof *m->priv);
    if (m->priv == NULL)
        return mlm_fail_nomem(sizeof *m->priv, "state of the window");
    ui_private *p   = m->priv;
    p->id_state     = opt->id_seed;
    p->last_now     = now;
    p->wall_offset  = opt->wall_ms - now;
    p->save_chat_at = p->save_draft_at = p->save_settings_at = HUGE_VAL;
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        MLM_TRY(chat_set_text(&m->text[i], ""));
    MLM_TRY(chat_set_text(&m->history_note, ""));
    MLM_TRY(opt->settings != NULL ? settings_copy(&m->settings, opt->settings) : settings_init(&m->settings));
    MLM_TRY(chat_create(&m->chat));
    m->chat->id         = ui_new_id(m);
    m->chat->created_ms = m->chat->updated_ms = ui_wall(m);
    m->busy_turn                              = CHAT_NONE;
    m->composer.edit_turn                     = CHAT_NONE;
    m->model_selected                         = -1;
    m->stick                                  = true;
    m->sidebar                                = m->settings.sidebar;
    m->batch.available                        = opt->batch;
    m->batch.rate = m->batch.eta_s = -1;
    ui_canvas_picture(&m->canvas, 0, 0);
    return make_samples(m, opt->samples_dir);
}

mlm_status ui_model_create(ui_model **out, const ui_model_options *opt, double now)
{
    *out        = NULL;
    ui_model *m = calloc(1, sizeof *m);
    if (m == NULL)
        return mlm_fail_nomem(sizeof *m, "state of the window");
    mlm_status status = init(m, opt, now);
    if (status != MLM_OK) {
        ui_model_free(m);
        return status;
    }
    ui_refresh(m);
    *out = m;
    return MLM_OK;
}

static void free_private(ui_private *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < p->queue_n; i++)
        ui_request_free(&p->queue[(p->queue_head + i) % p->queue_capacity]);
    free(p->queue);
    chat_free(p->undo.chat);
    free(p->draft_before);
    free(p->view_pixels);
    for (int i = 0; i < p->n_drop; i++)
        free(p->drop[i]);
    free(p->drop);
    free(p->drop_text);
    free(p->files_dir);
    free(p->replaces);
    free(p);
}

static void free_batch(ui_batch *b)
{
    for (int i = 0; i < b->n_rows; i++)
        ui_batch_row_clear(&b->row[i]);
    free(b->row);
    free(b->error);
    free(b->results);
}

void ui_model_free(ui_model *m)
{
    if (m == NULL)
        return;
    chat_free(m->chat);
    free(m->path);
    for (int i = 0; i < m->n_samples; i++) {
        free(m->sample[i].path);
        free(m->sample[i].name);
        mlmamba_image_free(m->sample[i].thumb);
    }
    free(m->engine_error);
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        free(m->text[i]);
    for (int i = 0; i < m->n_toasts; i++)
        free(m->toast[i].text);
    settings_free(&m->settings);
    ui_chat_rows_free(m->row, m->n_rows);
    free(m->history_note);
    ui_model_rows_free(m->model_row, m->n_model_rows);
    ui_file_list_clear(&m->files);
    free_batch(&m->batch);
    free_private(m->priv);
    free(m);
}

/* ---- the queue of requests ---------------------------------------------------------------------- */

mlm_status ui_enqueue(ui_model *m, ui_request *req)
{
    ui_private *p = m->priv;
    if (p->queue_n == p->queue_capacity) {
        int         capacity = p->queue_capacity * 2 + 16;
        ui_request *queue    = calloc((size_t)capacity, sizeof *queue);
        if (queue == NULL) {
            ui_request_free(req);
            return mlm_fail_nomem((size_t)capacity * sizeof *queue, "requests");
        }
        for (int i = 0; i < p->queue_n; i++)
            queue[i] = p->queue[(p->queue_head + i) % p->queue_capacity];
        free(p->queue);
        p->queue          = queue;
        p->queue_capacity = capacity;
        p->queue_head     = 0;
    }
    req->serial                                                  = ++p->serial;
    p->queue[(p->queue_head + p->queue_n++) % p->queue_capacity] = *req;
    *req                                                         = (ui_request){.serial = req->serial};
    return MLM_OK;
}

mlm_status ui_enqueue_simple(ui_model *m, ui_request_type type, int64_t id, const char *path,
                             const char *text)
{
    ui_request req    = {.type = type, .id = id};
    mlm_status status = chat_set_text(&req.path, path);
    if (status == MLM_OK)
        status = chat_set_text(&req.text, text);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    return ui_enqueue(m, &req);
}

bool ui_next_request(ui_model *m, ui_request *req)
{
    ui_private *p = m->priv;
    if (p->queue_n == 0)
        return false;
    *req          = p->queue[p->queue_head];
    p->queue_head = (p->queue_head + 1) % p->queue_capacity;
    p->queue_n--;
    return true;
}

/* ---- toasts ------------------------------------------------------------------------------------- */

static void remove_toast_at(ui_model *m, int at)
{
    int  id   = m->toast[at].id;
    bool undo = m->toast[at].has_undo;
    free(m->toast[at].text);
    memmove(m->toast + at, m->toast + at + 1, (size_t)(m->n_toasts - at - 1) * sizeof *m->toast);
    m->n_toasts--;
    m->revision++;
    if (undo && m->priv->undo.toast == id)
        ui_undo_forget(m);
}

void ui_toast_remove(ui_model *m, int id)
{
    for (int i = 0; i < m->n_toasts; i++)
        if (m->toast[i].id == id) {
            remove_toast_at(m, i);
            return;
        }
}

static int add_toast(ui_model *m, ui_toast_kind kind, bool has_undo, const char *text)
{
    for (int i = 0; i < m->n_toasts; i++)
        if (m->toast[i].kind == kind && !has_undo && strcmp(m->toast[i].text, text) == 0) {
            remove_toast_at(m, i);
            break;
        }
    if (m->n_toasts == UI_MAX_TOASTS)
        remove_toast_at(m, 0);
    char *copy = strdup(text);
    if (copy == NULL)
        return 0;
    ui_toast *t = &m->toast[m->n_toasts++];
    *t          = (ui_toast){.id = ++m->priv->toast_ids, .kind = kind, .text = copy, .has_undo = has_undo};
    if (kind != UI_TOAST_ERROR)
        t->until = m->priv->last_now + (has_undo ? UI_UNDO_MS : UI_TOAST_MS);
    m->revision++;
    return t->id;
}

void ui_toast_add(ui_model *m, ui_toast_kind kind, const char *fmt, ...)
{
    char    text[1024], shown[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)chat_show_text(shown, sizeof shown, text, strlen(text), false);
    (void)add_toast(m, kind, false, shown);
}

int ui_toast_undo(ui_model *m, const char *text)
{
    return add_toast(m, UI_TOAST_INFO, true, text);
}

mlm_status ui_refuse(ui_model *m, mlm_status status)
{
    if (status == MLM_E_NOMEM)
        ui_toast_add(m, UI_TOAST_ERROR, "Out of memory; nothing is lost. Close something and try again.");
    else if (status != MLM_OK)
        ui_toast_add(m, UI_TOAST_WARNING, "%s", mlm_error_message());
    return status;
}

/* ---- small things that all parts need ----------------------------------------------------------- */

int64_t ui_new_id(ui_model *m)
{
    /* splitmix64: distinct for distinct states; two programs at once start elsewhere. */
    uint64_t z = m->priv->id_state += 0x9E3779B97F4A7C15u;
    z          = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z          = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    int64_t id = (int64_t)(z >> 11); /* exact in JSON readers that know doubles only */
    return id != 0 ? id : 1;
}

double ui_wall(const ui_model *m)
{
    return m->priv->last_now + m->priv->wall_offset;
}

mlm_status ui_put_text(ui_model *m, ui_field field, const char *text)
{
    MLM_TRY(chat_set_text(&m->text[field], text));
    m->text_revision[field]++;
    return MLM_OK;
}

void ui_set_focus(ui_model *m, ui_focus focus, int item)
{
    m->focus      = focus;
    m->focus_item = item;
}

static void update_path(ui_model *m)
{
    const chat *c = m->chat;
    int         n = 0;
    if (c->shown != CHAT_NONE && c->picture[c->shown]->active != CHAT_NONE)
        n = chat_path(c, c->picture[c->shown]->active, m->path, m->priv->path_capacity);
    m->n_path    = n;
    m->n_earlier = 0;
    for (int i = 0; i < c->n_turns; i++)
        if (c->turn[i]->picture == c->shown && c->turn[i]->parent == CHAT_NONE)
            m->n_earlier++;
}

void ui_refresh(ui_model *m)
{
    update_path(m);
    m->welcome = m->chat->n_pictures == 0;
    ui_composer_update(m);
    ui_chip_update(m);
    ui_status_update(m);
    m->revision++;
}
