/* engine_answer.c: generation options, and produced tokens as an answer. */
#include "app/engine/engine_private.h"

#include <stdlib.h>
#include <string.h>

const char *mlmamba_finish_name(mlmamba_finish finish)
{
    switch (finish) {
    case MLMAMBA_FINISH_STOP:
        return "stop";
    case MLMAMBA_FINISH_LENGTH:
        return "length";
    case MLMAMBA_FINISH_CANCELLED:
        return "cancelled";
    case MLMAMBA_FINISH_CALLBACK:
        return "callback";
    case MLMAMBA_FINISH_ERROR:
        return "error";
    }
    return "unknown";
}

sampler_options engine_sampling(const mlmamba_generate_options *opt)
{
    return (sampler_options){.temperature        = opt->temperature,
                             .top_k              = opt->top_k,
                             .top_p              = opt->top_p,
                             .min_p              = opt->min_p,
                             .repetition_penalty = opt->repetition_penalty,
                             .seed               = opt->seed};
}

mlm_status engine_options_check(mlmamba_generate_options *out, const mlmamba_generate_options *opt)
{
    static const mlmamba_generate_options defaults = {0};
    *out                                           = opt != NULL ? *opt : defaults;
    if (out->max_new_tokens < 0 || out->max_new_tokens > ENGINE_MAX_NEW_TOKENS)
        return mlm_fail(MLM_E_RANGE, "max_new_tokens is %d, must be from 1 to %d (0: %d)",
                        out->max_new_tokens, ENGINE_MAX_NEW_TOKENS, ENGINE_DEFAULT_NEW_TOKENS);
    if (out->max_new_tokens == 0)
        out->max_new_tokens = ENGINE_DEFAULT_NEW_TOKENS;
    if (out->n_candidates < 0 || out->n_candidates > ENGINE_MAX_CANDIDATES ||
        (out->n_candidates > 0 && out->candidates == NULL))
        return mlm_fail(MLM_E_RANGE, "there are %d candidates, must be 0 to %d", out->n_candidates,
                        ENGINE_MAX_CANDIDATES);
    sampler_options s = engine_sampling(out);
    return sampler_options_check(&s);
}

static mlmamba_finish finish_of(lm_finish f)
{
    switch (f) {
    case LM_FINISH_STOP:
        return MLMAMBA_FINISH_STOP;
    case LM_FINISH_LENGTH:
        return MLMAMBA_FINISH_LENGTH;
    case LM_FINISH_CANCELLED:
        return MLMAMBA_FINISH_CANCELLED;
    case LM_FINISH_CALLBACK:
        return MLMAMBA_FINISH_CALLBACK;
    case LM_FINISH_ERROR:
        break;
    }
    return MLMAMBA_FINISH_ERROR;
}

/* Appends a piece; a NUL, which the byte vocabularies have a token for, becomes U+FFFD so that the text goes on. */
static size_t put_piece(char *dst, const char *piece, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (piece[i] != '\0') {
            dst[used++] = piece[i];
            continue;
        }
        memcpy(dst + used, "\xef\xbf\xbd", 3);
        used += 3;
    }
    return used;
}

/* The decoded length is not known before, so the text grows. */
static mlm_status decode_text(char **out, const tokenizer *tok, const token_list *ids)
{
    size_t           used = 0, capacity = 256;
    char             piece[TOKENIZER_PIECE_BYTES];
    tokenizer_stream stream = {0};
    char            *text   = malloc(capacity);
    if (text == NULL)
        return mlm_fail_nomem(capacity, "answer");
    for (size_t i = 0; i <= ids->count; i++) {
        size_t n = i < ids->count ? tokenizer_stream_put(tok, &stream, ids->ids[i], piece, sizeof piece)
                                  : tokenizer_stream_end(&stream, piece, sizeof piece);
        if (used + 3 * n + 1 > capacity) {
            capacity    = (used + 3 * n + 1) * 2;
            char *grown = realloc(text, capacity);
            if (grown == NULL) {
                free(text);
                return mlm_fail_nomem(capacity, "answer");
            }
            text = grown;
        }
        used += put_piece(text + used, piece, n);
    }
    text[used] = '\0';
    *out       = text;
    return MLM_OK;
}

mlm_status engine_answer_create(mlmamba_answer **out, const mlmamba_engine *eng, const lm_row_result *r)
{
    mlmamba_answer *ans = calloc(1, sizeof *ans);
    *out                = NULL;
    if (ans == NULL)
        return mlm_fail_nomem(sizeof *ans, "answer");
    mlm_status status = decode_text(&ans->text, eng->config.tok, &r->ids);
    if (status != MLM_OK) {
        free(ans);
        return status;
    }
    ans->finish         = finish_of(r->finish);
    ans->n_tokens       = (int)r->ids.count;
    ans->logprob        = r->logprob;
    ans->first_token_ms = r->first_ms;
    ans->decode_ms      = r->last_ms > r->first_ms ? r->last_ms - r->first_ms : 0.0;
    *out                = ans;
    return MLM_OK;
}

mlm_status engine_answer_candidates(mlmamba_answer *ans, const float *probs, int n)
{
    if (n == 0)
        return MLM_OK;
    ans->candidate_probs = malloc((size_t)n * sizeof *probs);
    if (ans->candidate_probs == NULL)
        return mlm_fail_nomem((size_t)n * sizeof *probs, "candidates");
    memcpy(ans->candidate_probs, probs, (size_t)n * sizeof *probs);
    ans->n_candidates = n;
    return MLM_OK;
}

void engine_answer_prompt(mlmamba_answer *ans, size_t n_tokens, int n_cut, double ms)
{
    ans->n_prompt_tokens = (int)n_tokens;
    ans->n_cut_tokens    = n_cut;
    ans->prompt_ms       = ms;
    ans->first_token_ms += ms;
}

void engine_answer_picture(mlmamba_answer *ans, int n_tokens, const engine_times *t)
{
    ans->n_image_tokens   = n_tokens;
    ans->decode_file_ms   = t->file_ms;
    ans->preprocess_ms    = t->preprocess_ms;
    ans->vision_ms        = t->vision_ms;
    ans->connector_ms     = t->connector_ms;
    ans->image_prefill_ms = t->prefill_ms;
    ans->first_token_ms += t->file_ms + t->preprocess_ms + t->vision_ms + t->connector_ms + t->prefill_ms;
}

mlm_status engine_answer_error(mlmamba_answer **out, mlm_status why, const char *message)
{
    mlmamba_answer *ans = calloc(1, sizeof *ans);
    *out                = NULL;
    if (ans == NULL)
        return mlm_fail_nomem(sizeof *ans, "answer");
    ans->status  = why;
    ans->finish  = MLMAMBA_FINISH_ERROR;
    ans->text    = calloc(1, 1);
    ans->message = strdup(message);
    if (ans->text == NULL || ans->message == NULL) {
        mlmamba_answer_free(ans);
        return mlm_fail_nomem(strlen(message) + 2, "answer");
    }
    *out = ans;
    return MLM_OK;
}

void mlmamba_answer_free(mlmamba_answer *ans)
{
    if (ans == NULL)
        return;
    free(ans->text);
    free(ans->message);
    free(ans->candidate_probs);
    free(ans);
}
