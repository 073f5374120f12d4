/*
 * generate.h: the generation loop for a batch of rows that have a prefilled state and first logits.
 * Rows stop on their own (end token, token limit, callback, cancel, error); finished rows are compacted away.
 * Works on ids and states only; knows nothing of pictures.
 */
#ifndef LM_GENERATE_H
#define LM_GENERATE_H

#include "lm/lm.h"
#include "lm/sampler.h"
#include "lm/tokenizer.h"

typedef enum lm_finish {
    LM_FINISH_STOP = 0,
    LM_FINISH_LENGTH,
    LM_FINISH_CANCELLED,
    LM_FINISH_CALLBACK,
    LM_FINISH_ERROR /* this row only: see status and message */
} lm_finish;

typedef struct lm_row_result {
    token_list ids; /* produced tokens, the end token excluded; owned: token_list_free */
    lm_finish  finish;
    double     logprob;           /* sum over the produced tokens and the end token; 0 unless wanted */
    double     first_ms, last_ms; /* since the call, of the first and last token                     */
    mlm_status status;            /* MLM_OK, or with LM_FINISH_ERROR why                             */
    char       message[192];
} lm_row_result;

/* piece: complete UTF-8 text, "" while a character is incomplete.  Called once for every token, and once
 * more with id -1 when bytes are left over at the end.  Return false to stop the row. */
typedef bool (*lm_piece_fn)(int row, int32_t id, const char *piece, void *payload);

typedef struct lm_generate_args {
    const tokenizer *tok;
    lm_state *state;  /* rows 0 .. n_rows-1, prefilled; used up: what is in them afterwards means nothing */
    lm_state *kept;   /* NULL, or a state of at least n_rows rows: row r gets the state that has been fed
                                exactly what row r produced (not the end token).  With one row it may be `state`. */
    kn_tensor logits; /* [n_rows, vocab_rows] f32 of the last prompt token; overwritten */
    int       n_rows;
    int       max_new_tokens;
    int32_t   end_id;
    bool      want_logprob;              /* costs a copy of the logits and vocab_size exponentials a token */
    const sampler_options *sampling;     /* NULL: greedy.  Every row starts from the same seed: alone or in a
                                              batch, a row draws the same */
    bool (*is_cancelled)(void *payload); /* may be NULL; polled once per token, on the calling thread */
    lm_piece_fn on_piece;                /* may be NULL */
    void       *payload;
} lm_generate_args;

/* results[n_rows] is zeroed by the caller.  A row without a finite logit ends with LM_FINISH_ERROR and the others go
 * on.  On failure rows that had ended keep their results, and the others have LM_FINISH_ERROR and the failure. */
mlm_status lm_generate(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_generate_args *a,
                       lm_row_result *results) MLM_WARN_UNUSED;

#endif
