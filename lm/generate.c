/*
 * generate.c: the generation loop.
 *
 * Active rows are kept in the first slots of the state, so that a step costs what its active rows cost: when a
 * row ends, the last active one is copied into its slot.  A row whose state is to be kept and that ends on the
 * token limit or on its callback still owes its last token one step ("closing"); the others end at once.
 *
 * Greedy choices are made on the device and only ids come back, unless log-probabilities are wanted or a
 * repetition penalty changes the logits: the choice is the same in both cases.
 */
#include "lm/generate.h"
#include "kernels/base/mlm_file.h"
#include "lm/lm_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
    int     row;       /* of the caller                              */
    int     logit_row; /* of this slot in the last computed logits   */
    int32_t id;        /* token to be fed next                       */
    bool    closing;   /* ends after the next step                   */
} slot;

typedef struct loop {
    kn_queue               *q;
    const lm_model         *m;
    lm_scratch             *s;
    const lm_generate_args *a;
    lm_row_result          *results;
    slot                   *slots; /* n_rows; the first n_active are running                   */
    int                     n_active;
    int                     n_valid;     /* ids that may be produced                                   */
    int32_t                *picked;      /* argmax of every logits row; also ids on their way          */
    float                  *host_logits; /* [n_rows, vocab_rows]; NULL: only the argmax is needed      */
    sampler               **samplers;    /* one a row; NULL: the argmax decides                        */
    tokenizer_stream       *streams;     /* one a row                                                  */
    char                   *piece;       /* TOKENIZER_PIECE_BYTES                                      */
    double                  start_ms;
} loop;

static bool needs_sampler(const sampler_options *o)
{
    return o && (o->temperature > 0.0f || (o->repetition_penalty != 0.0f && o->repetition_penalty != 1.0f));
}

static void loop_free(loop *l)
{
    for (int r = 0; l->samplers && r < l->a->n_rows; r++)
        sampler_free(l->samplers[r]);
    free(l->samplers);
    free(l->slots);
    free(l->picked);
    free(l->host_logits);
    free(l->streams);
    free(l->piece);
}

static mlm_status create_samplers(loop *l)
{
    size_t n    = (size_t)l->a->n_rows;
    l->samplers = calloc(n, sizeof(sampler *));
    if (!l->samplers)
        return mlm_fail_nomem(n * sizeof(sampler *), "samplers");
    for (int r = 0; r < l->a->n_rows; r++)
        MLM_TRY(sampler_create(&l->samplers[r], l->n_valid, l->a->sampling));
    return MLM_OK;
}

static mlm_status loop_create(loop *l)
{
    const lm_generate_args *a = l->a;
    size_t                  n = (size_t)a->n_rows;
    l->n_valid                = l->m->config.vocab_size;
    if (a->tok && tokenizer_vocab_size(a->tok) > 0 && tokenizer_vocab_size(a->tok) < l->n_valid)
        l->n_valid = tokenizer_vocab_size(a->tok);
    l->slots   = calloc(n, sizeof *l->slots);
    l->picked  = calloc(n, sizeof *l->picked);
    l->streams = calloc(n, sizeof *l->streams);
    l->piece   = calloc(TOKENIZER_PIECE_BYTES, 1);
    for (int r = 0; l->slots && r < a->n_rows; r++)
        l->slots[r].row = l->slots[r].logit_row = r;
    if (!l->slots || !l->picked || !l->streams || !l->piece)
        return mlm_fail_nomem(n * (sizeof *l->slots + sizeof *l->streams) + TOKENIZER_PIECE_BYTES,
                              "generation");
    bool sampling = needs_sampler(a->sampling);
    if (sampling || a->want_logprob) {
        size_t bytes   = n * (size_t)l->m->config.vocab_rows * sizeof(float);
        l->host_logits = malloc(bytes);
        if (!l->host_logits)
            return mlm_fail_nomem(bytes, "logits");
    }
    return sampling ? create_samplers(l) : MLM_OK;
}

/* Takes the slot out of the active ones: gives back what the stream holds, keeps the state if it is wanted, and
 * moves the last active slot into its place. */
static mlm_status finish_slot(loop *l, int i, lm_finish why)
{
    const lm_generate_args *a   = l->a;
    int                     row = l->slots[i].row, last = l->n_active - 1;
    if (a->kept)
        MLM_TRY(lm_state_copy_row(l->q, a->kept, row, a->state, i));
    if (i != last)
        MLM_TRY(lm_state_copy_row(l->q, a->state, i, a->state, last));
    l->results[row].finish = why;
    l->slots[i]            = l->slots[last];
    l->n_active            = last;
    if (a->tok && a->on_piece && why != LM_FINISH_CALLBACK &&
        tokenizer_stream_end(&l->streams[row], l->piece, TOKENIZER_PIECE_BYTES) > 0)
        (void)a->on_piece(row, -1, l->piece, a->payload);
    return MLM_OK;
}

static void set_error(lm_row_result *res, mlm_status why)
{
    res->finish = LM_FINISH_ERROR;
    res->status = why;
    (void)snprintf(res->message, sizeof res->message, "%s", mlm_error_message());
}

/* This row cannot go on, the others can. */
static mlm_status finish_with_error(loop *l, int i, mlm_status why)
{
    set_error(&l->results[l->slots[i].row], why);
    return finish_slot(l, i, LM_FINISH_ERROR);
}

/* Brings what the picks of this turn need to the host: argmax ids, the logits of `n` rows, or both. */
static mlm_status fetch(loop *l, int n)
{
    kn_tensor logits = kn_slice(l->a->logits, 0, 0, n);
    if (l->host_logits)
        MLM_TRY(kn_download(l->q, l->host_logits, logits, (size_t)kn_count(logits) * sizeof *l->host_logits));
    if (l->samplers)
        return MLM_OK;
    kn_tensor      ids = kn_slice(l->s->step_ids, 0, 0, n);
    kn_argmax_args arg = {.x = logits, .ids = ids, .n_valid = l->n_valid};
    MLM_TRY(kn_argmax(l->q, &arg));
    return kn_download(l->q, l->picked, ids, (size_t)n * sizeof *l->picked);
}

static mlm_status pick(loop *l, const slot *s, int32_t *id)
{
    const float *logits = NULL;
    if (l->host_logits)
        logits = l->host_logits + (size_t)s->logit_row * (size_t)l->m->config.vocab_rows;
    if (l->samplers) {
        MLM_TRY(sampler_pick(l->samplers[s->row], logits, id, NULL));
        sampler_saw(l->samplers[s->row], *id);
    } else {
        *id = l->picked[s->logit_row];
        if (*id < 0)
            return mlm_fail(MLM_E_DEVICE, "the model gave no finite logit among %d", l->n_valid);
    }
    if (l->a->want_logprob)
        l->results[s->row].logprob += (double)sampler_log_probability(logits, l->n_valid, *id);
    return MLM_OK;
}

/* True: the row goes on after the token that it has just got. */
static bool hand_out(loop *l, const slot *s)
{
    const lm_generate_args *a = l->a;
    if (!a->on_piece)
        return true;
    l->piece[0] = '\0';
    if (a->tok)
        (void)tokenizer_stream_put(a->tok, &l->streams[s->row], s->id, l->piece, TOKENIZER_PIECE_BYTES);
    return a->on_piece(s->row, s->id, l->piece, a->payload);
}

/* One token for slot i; when that ends it, another one may stand in its place afterwards. */
static mlm_status advance(loop *l, int i)
{
    const lm_generate_args *a   = l->a;
    slot                   *s   = &l->slots[i];
    lm_row_result          *res = &l->results[s->row];
    mlm_status              st  = pick(l, s, &s->id);
    if (st == MLM_OK && s->id == a->end_id)
        return finish_slot(l, i, LM_FINISH_STOP);
    if (st == MLM_OK)
        st = token_list_push(&res->ids, s->id);
    if (st != MLM_OK)
        return finish_with_error(l, i, st);
    res->last_ms = mlm_now_ms() - l->start_ms;
    if (res->ids.count == 1)
        res->first_ms = res->last_ms;
    bool go_on = hand_out(l, s);
    if (go_on && res->ids.count < (size_t)a->max_new_tokens)
        return MLM_OK;
    res->finish = go_on ? LM_FINISH_LENGTH : LM_FINISH_CALLBACK;
    s->closing  = a->kept != NULL;
    return s->closing ? MLM_OK : finish_slot(l, i, res->finish);
}

/* Feeds the picked tokens of all active slots, then lets the closing ones go. */
static mlm_status step(loop *l)
{
    int       n   = l->n_active;
    kn_tensor ids = kn_slice(l->s->step_ids, 0, 0, n);
    for (int i = 0; i < n; i++) {
        l->picked[i]          = l->slots[i].id;
        l->slots[i].logit_row = i;
    }
    MLM_TRY(kn_upload(l->q, ids, l->picked, (size_t)n * sizeof *l->picked));
    MLM_TRY(lm_step(l->q, l->m, l->s, l->a->state, ids, kn_slice(l->a->logits, 0, 0, n)));
    for (int i = n - 1; i >= 0; i--) /* downwards: what is moved in was looked at already */
        if (l->slots[i].closing)
            MLM_TRY(finish_slot(l, i, l->results[l->slots[i].row].finish));
    return MLM_OK;
}

static mlm_status run(loop *l)
{
    const lm_generate_args *a      = l->a;
    int                     n_rows = a->n_rows; /* rows of the current logits */
    while (l->n_active > 0) {
        if (a->is_cancelled && a->is_cancelled(a->payload)) {
            while (l->n_active > 0)
                MLM_TRY(finish_slot(l, l->n_active - 1, LM_FINISH_CANCELLED));
            break;
        }
        MLM_TRY(fetch(l, n_rows));
        for (int i = l->n_active - 1; i >= 0; i--)
            MLM_TRY(advance(l, i));
        if (l->n_active == 0)
            break;
        n_rows = l->n_active;
        MLM_TRY(step(l));
    }
    return MLM_OK;
}

static mlm_status check(const lm_model *m, const lm_scratch *s, const lm_generate_args *a)
{
    if (a->n_rows < 1 || a->n_rows > s->max_rows || a->n_rows > lm_state_rows(a->state))
        return mlm_fail(MLM_E_RANGE, "generation of %d rows, must be 1 to %d", a->n_rows,
                        s->max_rows < lm_state_rows(a->state) ? s->max_rows : lm_state_rows(a->state));
    if (a->kept && (lm_state_rows(a->kept) < a->n_rows || (a->kept == a->state && a->n_rows > 1)))
        return mlm_fail(MLM_E_RANGE, "generation: the kept state must be another one, of at least %d rows",
                        a->n_rows);
    if (a->max_new_tokens < 0)
        return mlm_fail(MLM_E_RANGE, "max_new_tokens is %d, must not be negative", a->max_new_tokens);
    if (a->logits.rank != 2 || a->logits.dim[0] < a->n_rows || a->logits.dim[1] != m->config.vocab_rows)
        return mlm_fail(MLM_E_SHAPE, "generation: logits must be [%d,%d]", a->n_rows, m->config.vocab_rows);
    return a->sampling ? sampler_options_check(a->sampling) : MLM_OK;
}

static mlm_status generate(loop *l)
{
    const lm_generate_args *a = l->a;
    MLM_TRY(check(l->m, l->s, a));
    MLM_TRY(loop_create(l));
    if (a->max_new_tokens > 0)
        return run(l);
    while (l->n_active > 0)
        MLM_TRY(finish_slot(l, l->n_active - 1, LM_FINISH_LENGTH));
    return MLM_OK;
}

mlm_status lm_generate(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_generate_args *a,
                       lm_row_result *results)
{
    loop l = {
        .q = q, .m = m, .s = s, .a = a, .results = results, .n_active = a->n_rows, .start_ms = mlm_now_ms()};
    mlm_status st = generate(&l);
    for (int i = 0; st != MLM_OK && i < l.n_active; i++) /* what had not ended shares the failure */
        set_error(&results[l.slots ? l.slots[i].row : i], st);
    loop_free(&l);
    return st;
}
