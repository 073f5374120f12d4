/* engine_turn.c: one question and answer as an immutable, counted value, and the tokens that make its prompt. */
#include "app/engine/engine_private.h"

#include <stdlib.h>
#include <string.h>

/* A copy with a NUL behind it; there is none inside (C strings, answers of engine_answer.c, checked state files). */
static char *copy_bytes(const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    if (copy != NULL) {
        if (n > 0)
            memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

mlm_status engine_turn_create(engine_turn **out, const char *question, size_t question_n, const char *answer,
                              size_t answer_n, const int32_t *prompt, size_t n_prompt,
                              const int32_t *produced, size_t n_produced)
{
    size_t bytes = (n_prompt + n_produced) * sizeof(int32_t);
    *out         = NULL;
    if (n_prompt > INT32_MAX / 8 || n_produced > INT32_MAX / 8)
        return mlm_fail(MLM_E_RANGE, "a turn of %zu tokens is too long", n_prompt + n_produced);
    engine_turn *t = calloc(1, sizeof *t);
    if (t == NULL)
        return mlm_fail_nomem(sizeof *t, "turn");
    atomic_init(&t->refs, 1);
    t->question = copy_bytes(question, question_n);
    t->answer   = copy_bytes(answer, answer_n);
    t->ids      = malloc(bytes > 0 ? bytes : 1);
    if (t->question == NULL || t->answer == NULL || t->ids == NULL) {
        engine_turn_drop(t);
        return mlm_fail_nomem(bytes + question_n + answer_n, "turn");
    }
    if (n_prompt > 0)
        memcpy(t->ids, prompt, n_prompt * sizeof(int32_t));
    if (n_produced > 0)
        memcpy(t->ids + n_prompt, produced, n_produced * sizeof(int32_t));
    t->n_prompt = (int)n_prompt;
    t->n_tokens = (int)n_produced;
    *out        = t;
    return MLM_OK;
}

engine_turn *engine_turn_share(engine_turn *t)
{
    (void)atomic_fetch_add(&t->refs, 1);
    return t;
}

void engine_turn_drop(engine_turn *t)
{
    if (t == NULL || atomic_fetch_sub(&t->refs, 1) > 1)
        return;
    free(t->question);
    free(t->answer);
    free(t->ids);
    free(t);
}

int engine_turns_tokens(engine_turn *const *turns, int n)
{
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        count += turns[i]->n_prompt + turns[i]->n_tokens;
    return count < INT32_MAX ? (int)count : INT32_MAX;
}

/* The released programs tokenize the conversation with truncation: only its first tokens are seen. */
static mlm_status cut_prompt(token_list *prompt, int *n_cut, int limit, int n_fed)
{
    size_t all = prompt->count;
    if (limit <= 0 || prompt->count <= (size_t)limit - (size_t)(n_fed < limit ? n_fed : limit))
        return MLM_OK;
    if (n_fed >= limit)
        return mlm_fail(MLM_E_RANGE,
                        "the conversation has %d tokens of text already, this model takes the first %d",
                        n_fed, limit);
    prompt->count = (size_t)(limit - n_fed);
    *n_cut        = all - prompt->count < INT32_MAX ? (int)(all - prompt->count) : INT32_MAX;
    return MLM_OK;
}

/* Of a turn in a conversation, whole. */
static mlm_status encode_turn(token_list *out, const mlmamba_engine *eng, const char *question, bool first)
{
    if (!first)
        MLM_TRY(token_list_push(out, eng->config.eos_id));
    return prompt_encode_turn(&eng->config.prompt, eng->config.tok, out, question, first);
}

mlm_status engine_prompt_count(int *n_tokens, int *n_used, const mlmamba_engine *eng, const char *question,
                               int n_fed)
{
    token_list list   = {0};
    int        limit  = eng->config.max_text_tokens;
    mlm_status status = encode_turn(&list, eng, question, n_fed == 0);
    *n_tokens         = list.count < INT32_MAX ? (int)list.count : INT32_MAX;
    *n_used           = *n_tokens;
    if (limit > 0 && *n_used > limit - n_fed)
        *n_used = n_fed < limit ? limit - n_fed : 0;
    token_list_free(&list);
    return status;
}

mlm_status engine_prompt(token_list *out, int *n_cut, const mlmamba_engine *eng, const char *question,
                         int n_fed, bool raw)
{
    const char *text = question != NULL ? question : "";
    *n_cut           = 0;
    if (raw && *text == '\0')
        return mlm_fail(MLM_E_RANGE, "the question is empty");
    if (raw) {
        MLM_TRY(tokenizer_encode(eng->config.tok, out, text, strlen(text), TOKENIZER_TEMPLATE));
    } else {
        MLM_TRY(encode_turn(out, eng, text, n_fed == 0));
        MLM_TRY(cut_prompt(out, n_cut, eng->config.max_text_tokens, n_fed));
    }
    if (out->count > INT32_MAX / 8)
        return mlm_fail(MLM_E_RANGE, "the question has %zu tokens, too many", out->count);
    return MLM_OK;
}

mlm_status engine_candidates(int32_t ids[ENGINE_MAX_CANDIDATES], const mlmamba_engine *eng,
                             const mlmamba_generate_options *opt)
{
    for (int i = 0; i < opt->n_candidates; i++) {
        const char *text = opt->candidates[i];
        token_list  list = {0};
        mlm_status  status =
            text == NULL ? mlm_fail(MLM_E_RANGE, "candidate %d is missing", i)
                          : tokenizer_encode(eng->config.tok, &list, text, strlen(text), TOKENIZER_USER);
        if (status == MLM_OK && list.count == 0)
            status = mlm_fail(MLM_E_RANGE, "candidate %d is empty", i);
        ids[i] = status == MLM_OK ? list.ids[0] : -1;
        token_list_free(&list);
        MLM_TRY(status);
        for (int k = 0; k < i; k++)
            if (ids[k] == ids[i])
                return mlm_fail(MLM_E_RANGE, "the candidates '%s' and '%s' start with the same token",
                                opt->candidates[k], text);
    }
    return MLM_OK;
}
