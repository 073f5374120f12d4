/*
 * session.c: one conversation about one picture.
 *
 * A question runs on the engine's working row, which starts as a copy of the newest state and is copied to a new
 * state at the end.  The session itself changes only after the last thing that can fail, so a failed call leaves
 * the conversation as it was.
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

mlm_status mlmamba_session_create(mlmamba_session **out, mlmamba_engine *eng)
{
    mlmamba_session *ses = calloc(1, sizeof *ses);
    *out                 = NULL;
    if (ses == NULL)
        return mlm_fail_nomem(sizeof *ses, "session");
    ses->eng = eng;
    atomic_init(&ses->ticket.word, 0);
    *out = ses;
    return MLM_OK;
}

static void drop_turns(mlmamba_session *ses, int keep)
{
    while (ses->n_turns > keep) {
        engine_turn_slot *slot = &ses->slot[--ses->n_turns];
        lm_state_free(slot->state);
        engine_turn_drop(slot->turn);
    }
}

void mlmamba_session_free(mlmamba_session *ses)
{
    if (ses == NULL)
        return;
    drop_turns(ses, 0);
    engine_picture_drop(ses->picture);
    free(ses->slot);
    free(ses);
}

const lm_state *session_state(const mlmamba_session *ses)
{
    return ses->n_turns > 0 ? ses->slot[ses->n_turns - 1].state : ses->picture->state;
}

static mlm_status check_picture(const mlmamba_session *ses)
{
    return ses->picture != NULL ? MLM_OK : mlm_fail(MLM_E_STATE, "no picture is set");
}

/* ---- the picture -------------------------------------------------------------------------------- */

mlm_status session_look(mlmamba_session *ses)
{
    if (ses->picture->state != NULL)
        return MLM_OK;
    MLM_TRY(engine_lock(ses->eng));
    mlm_status status = engine_picture_run(ses->picture, ses->eng, &ses->fresh, NULL);
    engine_unlock(ses->eng);
    return status;
}

/* From a decoded picture, or the failure to decode it, to a new conversation.  Frees `img` when it is
 * owned; ends the ticket. */
static mlm_status set_image(mlmamba_session *ses, mlm_status status, vision_image *img, bool owned,
                            const mlmamba_image_options *opt, double start)
{
    mlmamba_fit     fit     = opt != NULL ? opt->fit : MLMAMBA_FIT_MODEL;
    bool            later   = opt != NULL && opt->question_follows;
    engine_picture *picture = NULL;
    engine_times    times   = {.file_ms = mlm_now_ms() - start};
    if (status == MLM_OK)
        status = engine_picture_prepare(&picture, ses->eng, img, fit, &times);
    if (owned)
        vision_image_free(img);
    if (status == MLM_OK)
        status = later ? engine_ticket_check(&ses->ticket) : engine_ticket_lock(&ses->ticket, ses->eng);
    if (status == MLM_OK && !later) {
        status = engine_picture_run(picture, ses->eng, &times, &ses->ticket);
        engine_unlock(ses->eng);
    }
    if (status != MLM_OK) {
        engine_picture_drop(picture);
    } else {
        drop_turns(ses, 0);
        engine_picture_drop(ses->picture);
        ses->picture = picture;
        ses->fresh   = times;
        ses->is_new  = true;
    }
    engine_ticket_end(&ses->ticket);
    return status;
}

static vision_image_options image_options(const mlmamba_image_options *opt)
{
    return (vision_image_options){.ignore_orientation = opt != NULL && opt->ignore_orientation};
}

mlm_status mlmamba_session_set_image_file(mlmamba_session *ses, const char *path,
                                          const mlmamba_image_options *opt)
{
    vision_image         img   = {0};
    vision_image_options o     = image_options(opt);
    double               start = mlm_now_ms();
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    return set_image(ses, vision_image_load_file(&img, path, &o), &img, true, opt, start);
}

mlm_status mlmamba_session_set_image_memory(mlmamba_session *ses, const void *bytes, size_t n,
                                            const char *name, const mlmamba_image_options *opt)
{
    vision_image         img   = {0};
    vision_image_options o     = image_options(opt);
    double               start = mlm_now_ms();
    const char          *shown = name != NULL ? name : "picture in memory";
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    return set_image(ses, vision_image_load_memory(&img, bytes, n, shown, &o), &img, true, opt, start);
}

mlm_status mlmamba_session_set_image(mlmamba_session *ses, const mlmamba_image *image,
                                     const mlmamba_image_options *opt)
{
    vision_image pixels = image->img; /* borrowed: the session only looks */
    double       start  = mlm_now_ms();
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    return set_image(ses, MLM_OK, &pixels, false, opt, start);
}

mlm_status mlmamba_session_set_image_rgb(mlmamba_session *ses, const uint8_t *rgb, int width, int height)
{
    vision_image img   = {0};
    double       start = mlm_now_ms();
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    return set_image(ses, vision_image_from_rgb(&img, rgb, width, height), &img, true, NULL, start);
}

mlm_status mlmamba_session_get_image_info(const mlmamba_session *ses, mlmamba_image_info *info)
{
    MLM_TRY(check_picture(ses));
    *info = ses->picture->info;
    return MLM_OK;
}

const uint8_t *mlmamba_session_view(const mlmamba_session *ses)
{
    return ses->picture != NULL ? engine_picture_view(ses->picture) : NULL;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static mlm_status reserve_turn(mlmamba_session *ses)
{
    if (ses->n_turns >= ENGINE_MAX_TURNS)
        return mlm_fail(MLM_E_RANGE, "the conversation has %d turns, the limit", ses->n_turns);
    if (ses->n_turns < ses->capacity)
        return MLM_OK;
    int               capacity = ses->capacity * 2 + 8;
    engine_turn_slot *slot     = realloc(ses->slot, (size_t)capacity * sizeof *slot);
    if (slot == NULL)
        return mlm_fail_nomem((size_t)capacity * sizeof *slot, "turns");
    ses->slot     = slot;
    ses->capacity = capacity;
    return MLM_OK;
}

/* Forgets the oldest states beyond the quota; a rewind there computes them again from the recorded tokens. */
static void enforce_quota(mlmamba_session *ses)
{
    size_t bytes = lm_config_state_bytes(&ses->eng->config.text);
    size_t fit   = ses->eng->kept_bytes / bytes;
    int    max   = fit < SESSION_MAX_KEPT ? (int)fit : SESSION_MAX_KEPT;
    max          = max < SESSION_MIN_KEPT ? SESSION_MIN_KEPT : max;
    for (int i = ses->n_turns - 1 - max; i >= 0 && ses->slot[i].state != NULL; i--) {
        lm_state_free(ses->slot[i].state);
        ses->slot[i].state = NULL;
    }
}

/* A picture that no answer has reported yet is this answer's. */
static void report_picture(mlmamba_answer *ans, mlmamba_session *ses)
{
    if (ses->is_new)
        engine_answer_picture(ans, ses->picture->info.n_tokens, &ses->fresh);
    ses->is_new = false;
}

/* Text tokens of all turns so far: 0 only when there is none. */
static int count_fed(const mlmamba_session *ses)
{
    int n = 0;
    for (int i = 0; i < ses->n_turns && n < INT32_MAX / 2; i++)
        n += engine_turns_tokens(&ses->slot[i].turn, 1);
    return n;
}

mlm_status mlmamba_session_ask(mlmamba_answer **out, mlmamba_session *ses, const char *question,
                               const mlmamba_generate_options *opt, mlmamba_token_fn on_token, void *payload)
{
    engine_question r      = {.ticket = &ses->ticket, .on_token = on_token, .payload = payload};
    mlmamba_answer *ans    = NULL;
    engine_turn    *turn   = NULL;
    lm_state       *after  = NULL;
    mlm_status      status = MLM_OK;
    *out                   = NULL;
    MLM_TRY(check_picture(ses));
    MLM_TRY(engine_options_check(&r.opt, opt));
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    MLM_TRY_GOTO(status, reserve_turn(ses), done);
    MLM_TRY_GOTO(status, engine_candidates(r.candidate, ses->eng, &r.opt), done);
    MLM_TRY_GOTO(status,
                 engine_prompt(&r.prompt, &r.n_cut, ses->eng, question, count_fed(ses), r.opt.raw_prompt),
                 done);
    MLM_TRY_GOTO(status, lm_state_take(&after, ses->eng->states), done);
    r.from = session_state(ses);
    r.kept = after;
    if (r.from == NULL) {
        r.picture = ses->picture;
        r.times   = &ses->fresh;
    }
    MLM_TRY_GOTO(status, engine_question_run(&r, ses->eng), done);
    MLM_TRY_GOTO(status, engine_question_answer(&ans, &r, ses->eng), done);
    MLM_TRY_GOTO(status,
                 engine_turn_create(&turn, question, strlen(question), ans->text, strlen(ans->text),
                                    r.prompt.ids, r.prompt.count, r.result.ids.ids, r.result.ids.count),
                 done);
    ses->slot[ses->n_turns++] = (engine_turn_slot){turn, after};
    after                     = NULL;
    enforce_quota(ses);
    report_picture(ans, ses);
    *out = ans;
done:
    if (status != MLM_OK)
        mlmamba_answer_free(ans);
    lm_state_free(after);
    engine_question_clear(&r);
    engine_ticket_end(&ses->ticket);
    return status;
}

mlm_status mlmamba_session_count_tokens(int *n_tokens, int *n_used, const mlmamba_session *ses,
                                        const char *question)
{
    return engine_prompt_count(n_tokens, n_used, ses->eng, question != NULL ? question : "", count_fed(ses));
}

void mlmamba_session_cancel(mlmamba_session *ses)
{
    engine_ticket_cancel(&ses->ticket);
}

/* ---- going back --------------------------------------------------------------------------------- */

int mlmamba_session_turns(const mlmamba_session *ses)
{
    return ses->n_turns;
}

/* Feeds a turn's tokens as they were fed the first time: the prompt at once, what was produced one by one. */
static mlm_status replay_turn(mlmamba_engine *eng, const engine_turn *t, engine_ticket *ticket)
{
    lm_prefill_args p = {.ids            = t->ids,
                         .n_rows         = 1,
                         .n_tokens       = t->n_prompt,
                         .is_cancelled   = engine_ticket_cancelled,
                         .cancel_payload = ticket};
    MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->one.lm, eng->one.state, &p));
    p.n_tokens = 1;
    p.unpadded = true;
    for (int i = 0; i < t->n_tokens; i++) {
        p.ids = t->ids + t->n_prompt + i;
        MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->one.lm, eng->one.state, &p));
    }
    return MLM_OK;
}

/* With the engine locked: the state behind turn n-1, n >= 1, from the newest older state. */
static mlm_status recompute(mlmamba_session *ses, int n, lm_state *dst)
{
    mlmamba_engine *eng  = ses->eng;
    int             from = n;
    while (from > 0 && ses->slot[from - 1].state == NULL)
        from--;
    const lm_state *base = from > 0 ? ses->slot[from - 1].state : ses->picture->state;
    MLM_TRY(lm_state_copy_row(eng->queue, eng->one.state, 0, base, 0));
    for (int i = from; i < n; i++)
        MLM_TRY(replay_turn(eng, ses->slot[i].turn, &ses->ticket));
    MLM_TRY(lm_state_copy_row(eng->queue, dst, 0, eng->one.state, 0));
    return kn_queue_sync(eng->queue);
}

/* Computes the dropped state behind turn n-1 again. */
static mlm_status restore_state(mlmamba_session *ses, int n)
{
    lm_state  *state  = NULL;
    mlm_status status = lm_state_take(&state, ses->eng->states);
    if (status == MLM_OK)
        status = engine_ticket_lock(&ses->ticket, ses->eng);
    if (status == MLM_OK) {
        status = recompute(ses, n, state);
        engine_unlock(ses->eng);
    }
    if (status != MLM_OK) {
        lm_state_free(state);
        return status;
    }
    ses->slot[n - 1].state = state;
    return MLM_OK;
}

mlm_status mlmamba_session_rewind(mlmamba_session *ses, int n_turns)
{
    mlm_status status = MLM_OK;
    MLM_TRY(check_picture(ses));
    if (n_turns < 0 || n_turns > ses->n_turns)
        return mlm_fail(MLM_E_RANGE, "cannot keep %d turns of %d", n_turns, ses->n_turns);
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    if (n_turns > 0 && ses->slot[n_turns - 1].state == NULL)
        status = restore_state(ses, n_turns);
    if (status == MLM_OK)
        drop_turns(ses, n_turns);
    engine_ticket_end(&ses->ticket);
    return status;
}

const char *mlmamba_session_question(const mlmamba_session *ses, int turn)
{
    return turn >= 0 && turn < ses->n_turns ? ses->slot[turn].turn->question : NULL;
}

const char *mlmamba_session_answer_text(const mlmamba_session *ses, int turn)
{
    return turn >= 0 && turn < ses->n_turns ? ses->slot[turn].turn->answer : NULL;
}

mlm_status session_adopt(mlmamba_session *ses, engine_picture *picture, engine_turn *const *turns,
                         int n_turns, lm_state *state)
{
    engine_turn_slot *slot = calloc((size_t)n_turns + 8, sizeof *slot);
    if (slot == NULL)
        return mlm_fail_nomem(((size_t)n_turns + 8) * sizeof *slot, "turns");
    for (int i = 0; i < n_turns; i++)
        slot[i].turn = engine_turn_share(turns[i]);
    if (n_turns > 0)
        slot[n_turns - 1].state = state;
    picture = engine_picture_share(picture); /* before the old one goes: they may be the same */
    drop_turns(ses, 0);
    engine_picture_drop(ses->picture);
    free(ses->slot);
    ses->slot     = slot;
    ses->n_turns  = n_turns;
    ses->capacity = n_turns + 8;
    ses->picture  = picture;
    ses->is_new   = false;
    return MLM_OK;
}
