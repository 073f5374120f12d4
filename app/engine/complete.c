/*
 * complete.c: text alone, from an empty state: what a language model does without a picture.  The session lends only its
 * ticket, so that a cancel finds it.
 */
#include "app/engine/engine_private.h"

#include <string.h>

/* raw: special tokens in the text count.  Otherwise a model with pictures gets its chat template round the text, and a
 * language model alone the text as it is. */
static mlm_status make_prompt(engine_question *r, mlmamba_engine *eng, const char *text)
{
    if (r->opt.raw_prompt || eng->config.has_vision || eng->source->text_only)
        return engine_prompt(&r->prompt, &r->n_cut, eng, text, 0, r->opt.raw_prompt);
    if (text == NULL || text[0] == '\0')
        return mlm_fail(MLM_E_RANGE, "the text is empty");
    return tokenizer_encode(eng->config.tok, &r->prompt, text, strlen(text), TOKENIZER_USER);
}

mlm_status mlmamba_session_complete(mlmamba_answer **out, mlmamba_session *ses, const char *text,
                                    const mlmamba_generate_options *opt, mlmamba_token_fn on_token,
                                    void *payload)
{
    engine_question r      = {.ticket = &ses->ticket, .on_token = on_token, .payload = payload};
    mlm_status      status = MLM_OK;
    *out                   = NULL;
    MLM_TRY(engine_options_check(&r.opt, opt));
    MLM_TRY(engine_ticket_begin(&ses->ticket));
    MLM_TRY_GOTO(status, make_prompt(&r, ses->eng, text), done);
    MLM_TRY_GOTO(status, engine_candidates(r.candidate, ses->eng, &r.opt), done);
    MLM_TRY_GOTO(status, engine_question_run(&r, ses->eng), done);
    MLM_TRY_GOTO(status, engine_question_answer(out, &r, ses->eng), done);
done:
    engine_question_clear(&r);
    engine_ticket_end(&ses->ticket);
    return status;
}
