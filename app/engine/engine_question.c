/*
 * engine_question.c: one prompt and its answer on the engine's working row: of a conversation (session.c) or of text
 * alone (complete.c).
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"

static bool pass_piece(int row, int32_t id, const char *piece, void *payload)
{
    const engine_question *r = payload;
    (void)row;
    (void)id;
    return r->on_token(0, piece, r->payload);
}

static bool is_cancelled(void *payload)
{
    const engine_question *r = payload;
    return engine_ticket_cancelled(r->ticket);
}

static mlm_status read_prompt(engine_question *r, mlmamba_engine *eng)
{
    engine_scratch *s     = &eng->one;
    double          start = mlm_now_ms();
    if (r->picture != NULL)
        return engine_picture_run_with(r->picture, eng, &r->prompt, &r->prompt_ms, r->times, r->ticket);
    MLM_TRY(r->from != NULL ? lm_state_copy_row(eng->queue, s->state, 0, r->from, 0)
                            : lm_state_reset(eng->queue, s->state));
    lm_prefill_args p = {.ids            = r->prompt.ids,
                         .n_rows         = 1,
                         .n_tokens       = (int)r->prompt.count,
                         .logits         = s->logits,
                         .is_cancelled   = engine_ticket_cancelled,
                         .cancel_payload = r->ticket};
    MLM_TRY(lm_prefill(eng->queue, eng->lm, s->lm, s->state, &p));
    MLM_TRY(kn_queue_sync(eng->queue));
    r->prompt_ms = mlm_now_ms() - start;
    return MLM_OK;
}

static mlm_status generate(engine_question *r, mlmamba_engine *eng)
{
    engine_scratch  *s        = &eng->one;
    sampler_options  sampling = engine_sampling(&r->opt);
    lm_generate_args g        = {.tok            = eng->config.tok,
                                 .state          = s->state,
                                 .kept           = r->kept,
                                 .logits         = s->logits,
                                 .n_rows         = 1,
                                 .max_new_tokens = r->opt.max_new_tokens,
                                 .end_id         = eng->config.eos_id,
                                 .want_logprob   = r->opt.want_logprob,
                                 .sampling       = &sampling,
                                 .candidates     = r->candidate,
                                 .probs          = r->probs,
                                 .n_candidates   = r->opt.n_candidates,
                                 .is_cancelled   = is_cancelled,
                                 .on_piece       = r->on_token != NULL ? pass_piece : NULL,
                                 .payload        = r};
    MLM_TRY(lm_generate(eng->queue, eng->lm, s->lm, &g, &r->result));
    if (r->result.finish == LM_FINISH_ERROR)
        return mlm_fail(r->result.status, "%s", r->result.message);
    return kn_queue_sync(eng->queue);
}

mlm_status engine_question_run(engine_question *r, mlmamba_engine *eng)
{
    MLM_TRY(engine_ticket_lock(r->ticket, eng));
    mlm_status status = read_prompt(r, eng);
    if (status == MLM_OK)
        status = generate(r, eng);
    engine_unlock(eng);
    return status;
}

mlm_status engine_question_answer(mlmamba_answer **out, const engine_question *r, const mlmamba_engine *eng)
{
    mlmamba_answer *ans = NULL;
    *out                = NULL;
    MLM_TRY(engine_answer_create(&ans, eng, &r->result));
    mlm_status status = engine_answer_candidates(ans, r->probs, r->opt.n_candidates);
    if (status != MLM_OK) {
        mlmamba_answer_free(ans);
        return status;
    }
    engine_answer_prompt(ans, r->prompt.count, r->n_cut, r->prompt_ms);
    *out = ans;
    return MLM_OK;
}

void engine_question_clear(engine_question *r)
{
    token_list_free(&r->prompt);
    token_list_free(&r->result.ids);
}
