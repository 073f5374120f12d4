/*
 * generate.h: the generation loop for a batch of rows that have a prefilled state and first logits.
 * Rows stop on their own (end token, token limit, callback, cancel); finished rows are compacted away.
 * Works on ids and states only; knows nothing of pictures.
 */
#ifndef LM_GENERATE_H
#define LM_GENERATE_H

#include "lm/lm.h"
#include "lm/sampler.h"
#include "lm/tokenizer.h"

typedef enum lm_finish { LM_FINISH_STOP = 0, LM_FINISH_LENGTH, LM_FINISH_CANCELLED, LM_FINISH_CALLBACK } lm_finish;

typedef struct lm_row_result {
    token_list ids;     /* produced tokens, the end token excluded; owned: token_list_free */
    lm_finish  finish;
    double     logprob; /* sum over the produced tokens and the end token         */
    double     first_ms, last_ms; /* since the call, of the first and last token           */
} lm_row_result;

/* piece: complete UTF-8 text, "" while a character is incomplete.  Called once for every token, and once
 * more with id -1 when bytes are left over at the end.  Return false to stop the row. */
typedef bool (*lm_piece_fn)(int row, int32_t id, const char *piece, void *payload);

typedef struct lm_generate_args {
    const tokenizer  *tok;
    lm_state         *state;   /* rows 0 .. n_rows-1, prefilled; on return each row's state has been fed
                                  exactly the produced tokens (not the end token)                        */
    kn_tensor         logits;  /* [n_rows, vocab_rows] f32 of the last prompt token; overwritten         */
    int               n_rows;
    int               max_new_tokens;
    int32_t           end_id;
    bool              skip_logprob; /* greedy without logprob: the logits never leave the device */
    const sampler_options *sampling; /* seed of row r is seed + r */
    bool (*is_cancelled)(void *payload); /* may be NULL; polled once per token, on the calling thread */
    lm_piece_fn       on_piece;      /* may be NULL */
    void             *payload;
} lm_generate_args;

/* results[n_rows] is zeroed by the caller.  On failure the results so far stay valid. */
mlm_status lm_generate(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_generate_args *a, lm_row_result *results) MLM_WARN_UNUSED;

#endif
