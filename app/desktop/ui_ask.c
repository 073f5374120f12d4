/* ui_ask.c: questions: sending, waiting, streaming, stopping, and the tree that they grow. */
#include "app/desktop/ui_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the next question is about ------------------------------------------------------------ */

bool ui_sight_equal(const ui_sight *a, const ui_sight *b)
{
    return a->picture == b->picture && a->fit == b->fit && chat_region_equal(a->region, b->region);
}

ui_sight ui_next_sight(const ui_model *m)
{
    const chat_picture *p = ui_shown_picture(m);
    ui_sight            s = {.region = m->composer.region, .fit = m->settings.fit};
    if (p == NULL)
        return s;
    s.picture = p->id;
    s.image   = p->image;
    if (m->n_path > 0 && !m->priv->fit_touched)
        s.fit = m->chat->turn[m->path[0]]->fit;
    return s;
}

bool ui_continues(const ui_model *m)
{
    if (m->n_path == 0)
        return false;
    const chat_turn *root = m->chat->turn[m->path[0]];
    ui_sight         next = ui_next_sight(m);
    return next.fit == root->fit && chat_region_equal(next.region, root->region);
}

int ui_valid_turn(const ui_model *m, int turn)
{
    if (turn == CHAT_NONE)
        return m->n_path > 0 ? m->path[m->n_path - 1] : CHAT_NONE;
    return turn >= 0 && turn < m->chat->n_turns ? turn : CHAT_NONE;
}

bool ui_is_busy(const ui_model *m)
{
    return m->busy_turn != CHAT_NONE;
}

/* ---- starting a turn ---------------------------------------------------------------------------- */

typedef struct new_turn {
    int          parent, picture;
    chat_region  region;
    mlmamba_fit  fit;
    mlmamba_task task;
    const char  *question;
    uint64_t     seed_offset;
} new_turn;

static mlm_status check_can_ask(const ui_model *m, int picture)
{
    if (ui_is_busy(m))
        return mlm_fail(MLM_E_STATE, "an answer is being made; Esc stops it");
    if (m->batch.state == UI_BATCH_RUNNING || m->batch.state == UI_BATCH_STOPPING)
        return mlm_fail(MLM_E_STATE, "a batch is running; stop it to ask here");
    if (m->engine == UI_ENGINE_NONE || m->engine == UI_ENGINE_FAILED)
        return mlm_fail(MLM_E_STATE, "no model is loaded; choose one with Ctrl+M");
    if (picture == CHAT_NONE)
        return mlm_fail(MLM_E_STATE, "there is no picture yet; drop one on the window or press Ctrl+O");
    const chat_picture *p = m->chat->picture[picture];
    if (p->state == CHAT_PICTURE_REFUSED)
        return mlm_fail(MLM_E_STATE, "no question about %s: %s", p->name,
                        p->error != NULL ? p->error : "it cannot be read");
    return MLM_OK;
}

mlm_status ui_reserve_path(ui_model *m, int n_turns)
{
    int need = n_turns + 1;
    if (need <= m->priv->path_capacity)
        return MLM_OK;
    int  capacity = need * 2 + 16;
    int *path     = realloc(m->path, (size_t)capacity * sizeof *path);
    if (path == NULL)
        return mlm_fail_nomem((size_t)capacity * sizeof *path, "path");
    m->path                = path;
    m->priv->path_capacity = capacity;
    return MLM_OK;
}

static mlm_status start_turn(ui_model *m, const new_turn *n)
{
    char *prompt = NULL;
    int   index  = CHAT_NONE;
    MLM_TRY(check_can_ask(m, n->picture));
    MLM_TRY(ui_reserve_path(m, m->chat->n_turns));
    MLM_TRY(mlmamba_task_question(&prompt, n->task, n->question));
    mlm_status status =
        chat_add_turn(m->chat, ui_new_id(m), n->parent, n->picture, n->question, prompt, &index);
    free(prompt);
    MLM_TRY(status);
    const ui_settings *s = &m->settings;
    chat_turn         *t = m->chat->turn[index];
    t->region            = n->region;
    t->fit               = n->fit;
    t->task              = n->task;
    t->asked_ms          = ui_wall(m);
    t->sampling          = (chat_sampling){.temperature        = s->temperature,
                                           .top_p              = s->top_p,
                                           .min_p              = s->min_p,
                                           .repetition_penalty = s->repetition_penalty,
                                           .top_k              = s->top_k,
                                           .max_tokens         = s->max_tokens,
                                           .seed               = s->seed + n->seed_offset};
    m->busy_turn         = index;
    m->stopping          = false;
    m->priv->ask_serial  = 0;
    m->priv->fit_touched = false;
    m->stick             = true;
    m->new_below         = false;
    if (m->priv->undo.kind == UI_UNDO_PICTURE)
        ui_toast_remove(m, m->priv->undo.toast);
    if (!m->chat->titled && m->chat->title[0] == '\0')
        ui_name_chat(m, n->question[0] != '\0' ? n->question : "Caption");
    ui_need_image(m, n->picture);
    ui_chat_changed(m, true);
    ui_dispatch(m);
    return MLM_OK;
}

/* ---- sending what is in the box ----------------------------------------------------------------- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* Without white space around; owned. */
static mlm_status trim(char **out, const char *text)
{
    text += strspn(text, " \t\r\n");
    MLM_TRY(chat_set_text(out, text));
    size_t n = strlen(*out);
    while (n > 0 && strchr(" \t\r\n", (*out)[n - 1]) != NULL)
        (*out)[--n] = '\0';
    return MLM_OK;
}

static mlm_status clear_box(ui_model *m)
{
    bool edited           = m->composer.edit_turn != CHAT_NONE;
    m->composer.edit_turn = CHAT_NONE;
    char *draft           = m->priv->draft_before;
    m->priv->draft_before = NULL;
    mlm_status status     = ui_put_text(m, UI_FIELD_INPUT, draft != NULL ? draft : "");
    free(draft);
    if (edited)
        m->composer.task = m->priv->task_before;
    m->priv->save_draft_at = m->priv->last_now;
    return status;
}

/* The last answer on the path that a question can go on from. */
static int usable_parent(const ui_model *m)
{
    for (int i = m->n_path - 1; i >= 0; i--)
        if (m->chat->turn[m->path[i]]->state == CHAT_TURN_DONE)
            return m->path[i];
    return CHAT_NONE;
}

static mlm_status send_question(ui_model *m, const char *question)
{
    int      edited = m->composer.edit_turn;
    ui_sight sight  = ui_next_sight(m);
    new_turn n      = {.parent   = ui_continues(m) ? usable_parent(m) : CHAT_NONE,
                       .picture  = m->chat->shown,
                       .region   = sight.region,
                       .fit      = sight.fit,
                       .task     = m->composer.task,
                       .question = question};
    if (edited != CHAT_NONE) {
        const chat_turn *t = m->chat->turn[edited];
        n.parent           = t->parent;
        n.picture          = t->picture;
        if (t->parent != CHAT_NONE) { /* inside a conversation the picture stays as it was seen */
            n.region = t->region;
            n.fit    = t->fit;
        }
    }
    bool leaves = m->n_path > 0 && edited == CHAT_NONE && n.parent == CHAT_NONE;
    MLM_TRY(start_turn(m, &n));
    if (leaves && !chat_region_is_whole(n.region) && !m->priv->part_told) {
        m->priv->part_told = true;
        ui_toast_add(m, UI_TOAST_INFO,
                     "A part is looked at by itself, so this begins anew. The earlier answers come back when "
                     "the part is closed.");
    }
    return ui_is_busy(m) ? clear_box(m) : MLM_OK; /* what failed at once stays in the box */
}

mlm_status ui_send(ui_model *m)
{
    const char *text    = m->text[UI_FIELD_INPUT];
    bool        is_path = false;
    char       *path = NULL, *rest = NULL;
    if (is_blank(text) && m->composer.task != MLMAMBA_TASK_CAPTION)
        return MLM_OK;
    if (ui_is_web_address(text))
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "this program has no network code: save the picture and drop the file");
    MLM_TRY(ui_split_path(text, &is_path, &path, &rest));
    if (is_path) {
        const char *one    = path;
        mlm_status  status = ui_gather(m, &one, 1, true, rest);
        free(path);
        free(rest);
        return status;
    }
    char *question = NULL;
    MLM_TRY(trim(&question, text));
    mlm_status status = send_question(m, question);
    free(question);
    return status;
}

mlm_status ui_ask_text(ui_model *m, const char *text)
{
    if (is_blank(text))
        return MLM_OK;
    ui_sight sight = ui_next_sight(m);
    new_turn n     = {.parent   = ui_continues(m) ? usable_parent(m) : CHAT_NONE,
                      .picture  = m->chat->shown,
                      .region   = sight.region,
                      .fit      = sight.fit,
                      .task     = MLMAMBA_TASK_CHAT,
                      .question = text};
    return start_turn(m, &n);
}

/* ---- again, otherwise, elsewhere ---------------------------------------------------------------- */

mlm_status ui_regenerate(ui_model *m, int turn)
{
    turn = ui_valid_turn(m, turn);
    if (turn == CHAT_NONE)
        return mlm_fail(MLM_E_STATE, "there is no question to answer again");
    const chat_turn *t        = m->chat->turn[turn];
    int              position = 0;
    int              count    = chat_alternatives(m->chat, turn, &position);
    new_turn         n        = {.parent      = t->parent,
                                 .picture     = t->picture,
                                 .region      = t->region,
                                 .fit         = t->fit,
                                 .task        = t->task,
                                 .question    = t->question,
                                 .seed_offset = (uint64_t)count};
    MLM_TRY(start_turn(m, &n));
    if (m->settings.temperature == 0 && t->state == CHAT_TURN_DONE && !m->priv->greedy_told) {
        m->priv->greedy_told = true;
        ui_toast_add(
            m, UI_TOAST_INFO,
            "Greedy answers are always the same. For other ones choose the preset Varied in the settings.");
    }
    return MLM_OK;
}

mlm_status ui_edit(ui_model *m, int turn)
{
    turn = ui_valid_turn(m, turn);
    if (turn == CHAT_NONE)
        return mlm_fail(MLM_E_STATE, "there is no question to edit");
    const chat_turn *t = m->chat->turn[turn];
    if (m->composer.edit_turn == CHAT_NONE) {
        MLM_TRY(chat_set_text(&m->priv->draft_before, m->text[UI_FIELD_INPUT]));
        m->priv->task_before   = m->composer.task;
        m->priv->region_before = m->composer.region;
    }
    MLM_TRY(ui_put_text(m, UI_FIELD_INPUT, t->question));
    m->composer.edit_turn = turn;
    m->composer.task      = t->task;
    m->composer.region    = t->region;
    ui_set_focus(m, UI_FOCUS_INPUT, 0);
    return MLM_OK;
}

mlm_status ui_cancel_edit(ui_model *m)
{
    if (m->composer.edit_turn == CHAT_NONE)
        return MLM_OK;
    m->composer.region = m->priv->region_before;
    ui_look(m);
    return clear_box(m);
}

mlm_status ui_clear_region(ui_model *m)
{
    const chat *c      = m->chat;
    m->composer.region = (chat_region){0};
    if (m->n_path > 0 && !ui_is_busy(m) && m->composer.edit_turn == CHAT_NONE &&
        !chat_region_is_whole(c->turn[m->path[0]]->region))
        for (int i = c->n_turns - 1; i >= 0; i--) /* back to what was said about the whole */
            if (c->turn[i]->parent == CHAT_NONE && c->turn[i]->picture == c->shown &&
                chat_region_is_whole(c->turn[i]->region))
                return ui_go_to(m, c->shown, chat_newest_leaf(c, i));
    ui_look(m);
    return MLM_OK;
}

static int root_of(const chat *c, int turn)
{
    while (turn != CHAT_NONE && c->turn[turn]->parent != CHAT_NONE)
        turn = c->turn[turn]->parent;
    return turn;
}

mlm_status ui_go_to(ui_model *m, int picture, int leaf)
{
    if (m->chat->shown != picture)
        MLM_TRY(ui_show_picture(m, picture));
    m->chat->picture[picture]->active = leaf;
    m->priv->fit_touched              = false;
    if (leaf != CHAT_NONE)
        m->composer.region = m->chat->turn[root_of(m->chat, leaf)]->region;
    m->stick     = true;
    m->new_below = false;
    ui_chat_changed(m, false);
    ui_refresh(m);
    ui_look(m);
    return MLM_OK;
}

mlm_status ui_switch_branch(ui_model *m, int turn, int step)
{
    if (turn < 0 || turn >= m->chat->n_turns)
        return mlm_fail(MLM_E_RANGE, "there is no question %d", turn);
    int position = 0;
    int count    = chat_alternatives(m->chat, turn, &position);
    position += step < 0 ? -1 : 1;
    if (position < 0 || position >= count)
        return MLM_OK;
    int other = chat_alternative(m->chat, turn, position);
    return ui_go_to(m, m->chat->turn[other]->picture, chat_newest_leaf(m->chat, other));
}

/* ---- the waiting question goes out -------------------------------------------------------------- */

static mlm_status add_past(const ui_model *m, ui_request *req, int parent)
{
    int depth = chat_depth(m->chat, parent);
    if (depth == 0)
        return MLM_OK;
    req->past = calloc((size_t)depth, sizeof *req->past);
    if (req->past == NULL)
        return mlm_fail_nomem((size_t)depth * sizeof *req->past, "question");
    req->n_past = depth;
    for (int i = depth - 1, at = parent; i >= 0; i--, at = m->chat->turn[at]->parent) {
        const chat_turn *t = m->chat->turn[at];
        ui_past_turn    *p = &req->past[i];
        p->id              = t->id;
        p->n_tokens        = t->stats.n_tokens;
        p->sampling        = t->sampling;
        MLM_TRY(chat_set_text(&p->prompt, t->prompt));
        MLM_TRY(chat_set_text(&p->answer, t->answer));
    }
    return MLM_OK;
}

static mlm_status push_question(ui_model *m, const chat_turn *t)
{
    const chat_picture *p   = m->chat->picture[t->picture];
    ui_request          req = {.type = UI_REQ_ASK, .id = t->id, .sampling = t->sampling};
    req.sight               = (ui_sight){p->id, t->region, t->fit, mlmamba_image_share(p->image)};
    mlm_status status       = chat_set_text(&req.text, t->prompt);
    if (status == MLM_OK)
        status = add_past(m, &req, t->parent);
    if (status != MLM_OK) {
        ui_request_free(&req);
        return status;
    }
    MLM_TRY(ui_enqueue(m, &req));
    m->priv->ask_serial = req.serial;
    return MLM_OK;
}

void ui_dispatch(ui_model *m)
{
    if (m->busy_turn == CHAT_NONE || m->priv->ask_serial != 0 || m->engine != UI_ENGINE_READY)
        return;
    chat_turn          *t = m->chat->turn[m->busy_turn];
    const chat_picture *p = m->chat->picture[t->picture];
    if (p->state == CHAT_PICTURE_REFUSED) {
        ui_fail_busy(m, p->error != NULL ? p->error : "the picture cannot be read");
        return;
    }
    if (p->image == NULL)
        return; /* ui_picture_event comes back here */
    if (push_question(m, t) != MLM_OK)
        ui_fail_busy(m, mlm_error_message());
}

mlm_status ui_stop(ui_model *m)
{
    if (!ui_is_busy(m))
        return MLM_OK;
    if (m->priv->ask_serial == 0) { /* it never went out */
        ui_fail_busy(m, "stopped before it was asked");
        return MLM_OK;
    }
    m->stopping = true;
    return ui_enqueue_simple(m, UI_REQ_STOP, 0, NULL, NULL);
}

/* ---- how it ends -------------------------------------------------------------------------------- */

static void end_busy(ui_model *m)
{
    m->busy_turn        = CHAT_NONE;
    m->stopping         = false;
    m->priv->ask_serial = 0;
    ui_leave_images(m);
    ui_chat_changed(m, true);
    ui_look(m);
}

void ui_fail_busy(ui_model *m, const char *why)
{
    if (m->busy_turn == CHAT_NONE)
        return;
    chat_turn *t = m->chat->turn[m->busy_turn];
    t->state     = CHAT_TURN_FAILED;
    t->revision++;
    (void)chat_set_text(&t->error, why);
    /* Nobody types a question twice. */
    if (m->text[UI_FIELD_INPUT][0] == '\0' && m->composer.edit_turn == CHAT_NONE)
        (void)ui_put_text(m, UI_FIELD_INPUT, t->question);
    end_busy(m);
}

void ui_finish_busy(ui_model *m, const char *why)
{
    if (m->busy_turn == CHAT_NONE)
        return;
    chat_turn *t = m->chat->turn[m->busy_turn];
    if (m->priv->ask_serial != 0)
        (void)ui_enqueue_simple(m, UI_REQ_STOP, 0, NULL, NULL);
    t->revision++;
    if (t->answer_bytes > 0) {
        t->state  = CHAT_TURN_DONE;
        t->finish = MLMAMBA_FINISH_CANCELLED;
    } else {
        t->state = CHAT_TURN_FAILED;
        (void)chat_set_text(&t->error, why);
    }
    end_busy(m);
}

/* From the model's square back to the picture: 0 .. 1 of the view -> 0 .. 1 of the whole picture. */
static void place_box(const chat_picture *p, chat_turn *t, const mlmamba_image_info *info)
{
    float b[4];
    t->has_box = p->width > 0 && p->height > 0 && mlmamba_find_box(t->answer, b);
    if (!t->has_box)
        return;
    bool   whole    = chat_region_is_whole(t->region);
    double size[2]  = {whole ? p->width : t->region.width, whole ? p->height : t->region.height};
    double start[2] = {whole ? 0 : t->region.x, whole ? 0 : t->region.y};
    double all[2]   = {p->width, p->height};
    double view[2] = {info->view_x, info->view_y}, extent[2] = {info->view_width, info->view_height};
    double src[2]   = {(double)info->src_x, (double)info->src_y};
    double shown[2] = {(double)info->src_width, (double)info->src_height};
    for (int i = 0; i < 4; i++) {
        int    axis = i % 2;
        double at   = (double)b[i] * size[axis];
        if (info->view_size > 0 && extent[axis] > 0 && shown[axis] > 0)
            at = src[axis] + ((double)b[i] * info->view_size - view[axis]) / extent[axis] * shown[axis];
        at        = (start[axis] + at) / all[axis];
        t->box[i] = (float)(at < 0 ? 0 : at > 1 ? 1 : at);
    }
}

static void take_answer(ui_model *m, ui_event *ev)
{
    chat_turn *t = m->chat->turn[m->busy_turn];
    if (ev->text != NULL) {
        free(t->answer);
        t->answer          = ev->text;
        t->answer_bytes    = strlen(ev->text);
        t->answer_capacity = t->answer_bytes + 1;
        ev->text           = NULL;
    }
    t->state   = CHAT_TURN_DONE;
    t->finish  = ev->finish;
    t->stats   = ev->stats;
    t->kept    = ev->number == 1;
    t->changed = ev->flag;
    t->revision++;
    (void)chat_set_text(&t->model, m->facts.model_name);
    place_box(m->chat->picture[t->picture], t, &ev->info);
    if (t->changed)
        ui_toast_add(
            m, UI_TOAST_WARNING,
            "Earlier answers had to be computed again and came out differently (another device or model): "
            "this answer goes on from the new ones.");
    if (!m->stick)
        m->new_below = true;
    end_busy(m);
}

static void ask_failed(ui_model *m, ui_event *ev)
{
    const char *why = ev->text != NULL ? ev->text : "it failed";
    if (ev->status == MLM_E_CANCELLED)
        why = "stopped before the first word";
    else if (ev->status == MLM_E_NOMEM)
        ui_toast_add(
            m, UI_TOAST_ERROR,
            "Out of memory: %s. The chat is kept. Lower \"Memory for states\" in the settings or choose a "
            "smaller model or another device.",
            why);
    else if (ev->status == MLM_E_DEVICE)
        ui_toast_add(m, UI_TOAST_ERROR, "The device failed: %s. Load the model again with Ctrl+M.", why);
    ui_fail_busy(m, why);
}

void ui_ask_event(ui_model *m, ui_event *ev)
{
    if (ev->type == UI_EV_STATE_DROPPED) {
        int turn = chat_find_turn(m->chat, ev->id);
        if (turn != CHAT_NONE)
            m->chat->turn[turn]->kept = false;
        return;
    }
    if (m->busy_turn == CHAT_NONE || ev->serial != m->priv->ask_serial)
        return;
    chat_turn *t = m->chat->turn[m->busy_turn];
    switch ((int)ev->type) {
    case UI_EV_ASK_STAGE:
        if (ev->number >= CHAT_TURN_WAITING && ev->number <= CHAT_TURN_STREAMING)
            t->state = (chat_turn_state)ev->number;
        if (ev->text != NULL)
            ui_toast_add(m, UI_TOAST_WARNING, "%s", ev->text);
        t->revision++;
        break;
    case UI_EV_PIECE:
        t->state = CHAT_TURN_STREAMING;
        if (ev->text != NULL && chat_append_answer(t, ev->text) != MLM_OK)
            (void)ui_stop(m); /* the whole text comes with the answer */
        if (!m->stick)
            m->new_below = true;
        break;
    case UI_EV_ANSWER:
        take_answer(m, ev);
        break;
    case UI_EV_ASK_FAILED:
        ask_failed(m, ev);
        break;
    default:
        break;
    }
}
