/* worker_ask.c: looking at a picture, answering a question. */
#include "app/desktop/worker_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ask_run {
    worker           *w;
    const ui_request *req;
    bool              streams; /* pieces go to the window; not while recomputing */
    bool              began;
    chat_stats        stats;
    bool              changed;
} ask_run;

/* text: owned, or NULL. */
static void put_stage(ask_run *r, chat_turn_state stage, char *text)
{
    ui_event ev = {
        .type = UI_EV_ASK_STAGE, .serial = r->req->serial, .id = r->req->id, .number = stage, .text = text};
    event_box_put(r->w->events, &ev);
}

/* As the command line says it.  Owned; NULL: nothing is to be said. */
static char *long_question(const ask_run *r)
{
    enum { LONG_QUESTION = 2048 };
    char text[256] = "";
    int  n = 0, used = 0;
    if (mlmamba_session_count_tokens(&n, &used, r->w->session, r->req->text) != MLM_OK || used == 0)
        return NULL; /* asking says what is wrong */
    if (used < n)
        (void)snprintf(text, sizeof text,
                       "The question has %d tokens, the first %d are used: this model takes no more of a "
                       "conversation.",
                       n, used);
    else if (n > LONG_QUESTION)
        (void)snprintf(text, sizeof text,
                       "The question has %d tokens; beyond %d an answer is not to be relied on.", n,
                       LONG_QUESTION);
    return text[0] != '\0' ? strdup(text) : NULL;
}

static bool on_piece(int row, const char *piece, void *payload)
{
    ask_run *r = payload;
    (void)row;
    if (r->streams) {
        ui_event ev = {
            .type = UI_EV_PIECE, .serial = r->req->serial, .id = r->req->id, .text = strdup(piece)};
        event_box_put(r->w->events, &ev);
    }
    return !worker_is_cancelled(r->w, r->req->serial);
}

static mlm_status check_cancelled(const worker *w, uint64_t serial)
{
    return worker_is_cancelled(w, serial) ? mlm_fail(MLM_E_CANCELLED, "stopped") : MLM_OK;
}

static mlmamba_generate_options generate_options(const chat_sampling *s, int max_tokens)
{
    return (mlmamba_generate_options){.max_new_tokens     = max_tokens,
                                      .temperature        = s->temperature,
                                      .top_k              = s->top_k,
                                      .top_p              = s->top_p,
                                      .min_p              = s->min_p,
                                      .repetition_penalty = s->repetition_penalty,
                                      .seed               = s->seed};
}

/* ---- the picture -------------------------------------------------------------------------------- */

static void put_view(worker *w, const ui_request *req)
{
    ui_event       ev   = {.type = UI_EV_LOOKED, .serial = req->serial, .id = req->id, .sight = req->sight};
    const uint8_t *view = mlmamba_session_view(w->session);
    ev.sight.image      = NULL;
    mlm_status status   = mlmamba_session_get_image_info(w->session, &ev.info);
    size_t     bytes    = (size_t)ev.info.view_size * (size_t)ev.info.view_size * 3;
    ev.info.format      = "";
    if (status == MLM_OK && view != NULL)
        ev.view = malloc(bytes + 1);
    if (ev.view != NULL)
        memcpy(ev.view, view, bytes);
    event_box_put(w->events, &ev);
}

/* Encodes the picture of the request, or the part that it asks about. */
static mlm_status encode(worker *w, const ui_request *req)
{
    const ui_sight       *s    = &req->sight;
    mlmamba_image_options opt  = {.fit = s->fit};
    mlmamba_image        *part = NULL;
    if (s->image == NULL)
        return mlm_fail(MLM_E_STATE, "there is no picture");
    if (!chat_region_is_whole(s->region))
        MLM_TRY(
            mlmamba_image_crop(&part, s->image, s->region.x, s->region.y, s->region.width, s->region.height));
    held_forget(w);
    mlm_status status = mlmamba_session_set_image(w->session, part != NULL ? part : s->image, &opt);
    mlmamba_image_free(part);
    MLM_TRY(status);
    held_set_picture(w, s);
    (void)states_keep(w);
    return MLM_OK;
}

static mlm_status check_engine(const worker *w)
{
    return w->session != NULL ? MLM_OK : mlm_fail(MLM_E_STATE, "no model is loaded");
}

void worker_look(worker *w, const ui_request *req)
{
    int        have   = -1;
    mlm_status status = check_engine(w);
    if (status == MLM_OK)
        status = states_resume(w, &req->sight, NULL, 0, &have);
    if (status == MLM_OK && have < 0)
        status = encode(w, req);
    if (status == MLM_OK) {
        put_view(w, req);
        worker_report_memory(w);
    } else {
        worker_fail(w, UI_EV_LOOK_FAILED, req, status);
    }
}

/* ---- the question ------------------------------------------------------------------------------- */

/* A turn whose state was dropped: asked again with what was recorded. */
static mlm_status recompute(ask_run *r, const ui_past_turn *p)
{
    mlmamba_generate_options opt = generate_options(&p->sampling, p->n_tokens > 0 ? p->n_tokens : 1);
    mlmamba_answer          *ans = NULL;
    r->streams                   = false;
    MLM_TRY(check_cancelled(r->w, r->req->serial));
    MLM_TRY(mlmamba_session_ask(&ans, r->w->session, p->prompt, &opt, on_piece, r));
    bool stopped = ans->finish == MLMAMBA_FINISH_CANCELLED || ans->finish == MLMAMBA_FINISH_CALLBACK;
    r->changed   = r->changed || strcmp(ans->text, p->answer) != 0;
    mlmamba_answer_free(ans);
    r->stats.n_recomputed++;
    if (stopped) {
        held_forget(r->w);
        return mlm_fail(MLM_E_CANCELLED, "stopped");
    }
    MLM_TRY(held_add_turn(r->w, p->id));
    (void)states_keep(r->w);
    return MLM_OK;
}

/* The session stands where the question goes on. */
static mlm_status prepare(ask_run *r)
{
    const ui_request *req  = r->req;
    int               have = -1;
    MLM_TRY(check_engine(r->w));
    MLM_TRY(check_cancelled(r->w, req->serial));
    MLM_TRY(states_resume(r->w, &req->sight, req->past, req->n_past, &have));
    r->stats.reuse = have < 0 ? CHAT_REUSE_NOTHING : have == 0 ? CHAT_REUSE_PICTURE : CHAT_REUSE_TURN;
    if (have < req->n_past || have < 0)
        put_stage(r, CHAT_TURN_LOOKING, NULL);
    if (have < 0)
        MLM_TRY(encode(r->w, req));
    put_view(r->w, req);
    for (int i = have < 0 ? 0 : have; i < req->n_past; i++) {
        MLM_TRY(recompute(r, &req->past[i]));
        r->stats.reuse = r->stats.reuse == CHAT_REUSE_NOTHING ? CHAT_REUSE_NOTHING : CHAT_REUSE_RECOMPUTED;
    }
    return check_cancelled(r->w, req->serial);
}

static void fill_stats(ask_run *r, const mlmamba_answer *a)
{
    chat_stats *s      = &r->stats;
    s->n_prompt_tokens = a->n_prompt_tokens;
    s->n_image_tokens  = a->n_image_tokens;
    s->n_tokens        = a->n_tokens;
    s->n_cut_tokens    = a->n_cut_tokens;
    s->encode_ms =
        a->decode_file_ms + a->preprocess_ms + a->vision_ms + a->connector_ms + a->image_prefill_ms;
    s->prompt_ms      = a->prompt_ms;
    s->first_token_ms = a->first_token_ms;
    s->decode_ms      = a->decode_ms;
    if (a->n_image_tokens > 0 && s->reuse != CHAT_REUSE_NOTHING) {
        /* Encoded for this question, but while it was being typed: nobody waited for that. */
        s->reuse = CHAT_REUSE_NOTHING;
        s->first_token_ms -= s->encode_ms;
    }
}

static void put_answer(ask_run *r, mlmamba_answer *a)
{
    ui_event ev = {.type = UI_EV_ANSWER, .serial = r->req->serial, .id = r->req->id, .flag = r->changed};
    fill_stats(r, a);
    ev.stats  = r->stats;
    ev.finish = a->finish == MLMAMBA_FINISH_CALLBACK ? MLMAMBA_FINISH_CANCELLED : a->finish;
    ev.text   = strdup(a->text);
    if (mlmamba_session_get_image_info(r->w->session, &ev.info) == MLM_OK)
        ev.info.format = "";
    if (held_add_turn(r->w, r->req->id) == MLM_OK)
        ev.number = states_keep(r->w) ? 1 : 0;
    event_box_put(r->w->events, &ev);
}

static mlm_status run(ask_run *r)
{
    mlmamba_generate_options opt = generate_options(&r->req->sampling, r->req->sampling.max_tokens);
    mlmamba_answer          *ans = NULL;
    r->stats                     = (chat_stats){0};
    r->changed                   = false;
    MLM_TRY(prepare(r));
    put_stage(r, CHAT_TURN_STREAMING, long_question(r));
    r->streams        = true;
    mlm_status status = mlmamba_session_ask(&ans, r->w->session, r->req->text, &opt, on_piece, r);
    r->streams        = false;
    if (status == MLM_OK)
        put_answer(r, ans);
    mlmamba_answer_free(ans);
    return status;
}

void worker_ask(worker *w, const ui_request *req)
{
    ask_run    r      = {.w = w, .req = req};
    mlm_status status = run(&r);
    if (status == MLM_E_NOMEM && w->n_kept > 0) {
        /* Kept states are a convenience: they make room, and the question is tried once more. */
        states_drop_turn(w, 0);
        held_forget(w);
        status = run(&r);
    }
    if (status != MLM_OK) {
        if (status != MLM_E_CANCELLED)
            held_forget(w);
        worker_fail(w, UI_EV_ASK_FAILED, req, status);
    }
}
