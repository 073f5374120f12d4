/*
 * decoder.c: continuous batching.
 *
 * Active rows are kept in the first slots of the state: when a row ends, the last active one is copied into its
 * slot.  A row whose state is to be kept and that ends on the token limit or on its callback still owes its last
 * token one step ("closing"); the others end at once.
 *
 * Greedy choices are made on the device and only ids come back, unless log-probabilities are wanted or a
 * repetition penalty changes the logits: the choice is the same in both cases.
 */
#include "lm/decoder.h"
#include "kernels/base/mlm_file.h"
#include "lm/lm_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
    lm_row_args      args;
    int              logit_row; /* of this slot in the last computed logits   */
    int32_t          id;        /* token to be fed next                       */
    bool             closing;   /* ends after the next step                   */
    sampler         *sampler;   /* NULL: the argmax decides                   */
    tokenizer_stream stream;
    double           start_ms;
} slot;

struct lm_decoder {
    kn_queue       *q;
    const lm_model *m;
    lm_scratch     *s;
    lm_decoder_args a;
    slot           *slots; /* max_rows; the first n_active are running                   */
    int             n_active;
    int             n_logits;    /* rows of the last computed logits                           */
    int             n_valid;     /* ids that may be produced                                   */
    int32_t        *picked;      /* argmax of every logits row; also ids on their way          */
    float          *host_logits; /* [vocab_rows] of one row; NULL until one is needed          */
    char            piece[TOKENIZER_PIECE_BYTES];
};

static bool needs_sampler(const sampler_options *o)
{
    return o && (o->temperature > 0.0f || (o->repetition_penalty != 0.0f && o->repetition_penalty != 1.0f));
}

static bool needs_logits(const slot *s)
{
    return s->sampler || s->args.want_logprob || (s->args.n_candidates > 0 && s->args.result->ids.count == 0);
}

static mlm_status check_args(const lm_model *m, const lm_scratch *s, const lm_decoder_args *a)
{
    int most = s->max_rows < lm_state_rows(a->state) ? s->max_rows : lm_state_rows(a->state);
    if (a->max_rows < 1 || a->max_rows > most)
        return mlm_fail(MLM_E_RANGE, "generation of %d rows, must be 1 to %d", a->max_rows, most);
    if (a->kept && (lm_state_rows(a->kept) < a->max_rows || (a->kept == a->state && a->max_rows > 1)))
        return mlm_fail(MLM_E_RANGE, "generation: the kept state must be another one, of at least %d rows",
                        a->max_rows);
    if (a->logits.rank != 2 || a->logits.dim[0] < a->max_rows || a->logits.dim[1] != m->config.vocab_rows)
        return mlm_fail(MLM_E_SHAPE, "generation: logits must be [%d,%d]", a->max_rows, m->config.vocab_rows);
    return MLM_OK;
}

mlm_status lm_decoder_create(lm_decoder **out, kn_queue *q, const lm_model *m, lm_scratch *s,
                             const lm_decoder_args *a)
{
    *out = NULL;
    MLM_TRY(check_args(m, s, a));
    lm_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return mlm_fail_nomem(sizeof *d, "generation");
    size_t n   = (size_t)a->max_rows;
    d->q       = q;
    d->m       = m;
    d->s       = s;
    d->a       = *a;
    d->n_valid = m->config.vocab_size;
    if (a->tok && tokenizer_vocab_size(a->tok) > 0 && tokenizer_vocab_size(a->tok) < d->n_valid)
        d->n_valid = tokenizer_vocab_size(a->tok);
    d->slots  = calloc(n, sizeof *d->slots);
    d->picked = calloc(n, sizeof *d->picked);
    if (!d->slots || !d->picked) {
        lm_decoder_free(d);
        return mlm_fail_nomem(n * (sizeof *d->slots + sizeof *d->picked), "generation");
    }
    *out = d;
    return MLM_OK;
}

void lm_decoder_free(lm_decoder *d)
{
    if (!d)
        return;
    for (int i = 0; d->slots && i < d->a.max_rows; i++)
        sampler_free(d->slots[i].sampler);
    free(d->slots);
    free(d->picked);
    free(d->host_logits);
    free(d);
}

int lm_decoder_active(const lm_decoder *d)
{
    return d->n_active;
}

/* Takes the slot out of the active ones: gives back what the stream holds, keeps the state if it is wanted, and
 * moves the last active slot into its place. */
static mlm_status finish_slot(lm_decoder *d, int i, lm_finish why)
{
    const lm_decoder_args *a    = &d->a;
    slot                   ends = d->slots[i];
    int                    row = ends.args.row, last = d->n_active - 1;
    if (a->kept)
        MLM_TRY(lm_state_copy_row(d->q, a->kept, row, a->state, i));
    if (i != last)
        MLM_TRY(lm_state_copy_row(d->q, a->state, i, a->state, last));
    ends.args.result->finish = why;
    sampler_free(ends.sampler);
    d->slots[i]            = d->slots[last];
    d->slots[last].sampler = NULL;
    d->n_active            = last;
    if (a->tok && a->on_piece && why != LM_FINISH_CALLBACK &&
        tokenizer_stream_end(&ends.stream, d->piece, sizeof d->piece) > 0)
        (void)a->on_piece(row, -1, d->piece, a->payload);
    if (a->on_end)
        a->on_end(row, a->payload);
    return MLM_OK;
}

static void set_error(lm_row_result *res, mlm_status why)
{
    res->finish = LM_FINISH_ERROR;
    res->status = why;
    (void)snprintf(res->message, sizeof res->message, "%s", mlm_error_message());
}

/* This row cannot go on, the others can. */
static mlm_status finish_with_error(lm_decoder *d, int i, mlm_status why)
{
    set_error(d->slots[i].args.result, why);
    return finish_slot(d, i, LM_FINISH_ERROR);
}

/* ---- joining ------------------------------------------------------------------------------------ */

static mlm_status prepare_slot(lm_decoder *d, slot *s, const lm_row_args *row)
{
    memset(s, 0, sizeof *s);
    s->args     = *row;
    s->start_ms = mlm_now_ms();
    if (row->sampling)
        MLM_TRY(sampler_options_check(row->sampling));
    if (needs_sampler(row->sampling))
        MLM_TRY(sampler_create(&s->sampler, d->n_valid, row->sampling));
    if (!d->host_logits && needs_logits(s)) {
        size_t bytes   = (size_t)d->m->config.vocab_rows * sizeof(float);
        d->host_logits = malloc(bytes);
        if (!d->host_logits)
            return mlm_fail_nomem(bytes, "logits");
    }
    return MLM_OK;
}

mlm_status lm_decoder_join(lm_decoder *d, const lm_row_args *rows, int n)
{
    int first = d->n_active;
    if (n < 0 || n > d->a.max_rows - first)
        return mlm_fail(MLM_E_RANGE, "%d rows cannot join %d of at most %d", n, first, d->a.max_rows);
    if (d->a.kept && first > 0)
        return mlm_fail(MLM_E_STATE, "rows whose state is kept can join an empty decoder only");
    for (int i = 0; i < n; i++) {
        mlm_status st =
            rows[i].max_new_tokens < 0
                ? mlm_fail(MLM_E_RANGE, "max_new_tokens is %d, must not be negative", rows[i].max_new_tokens)
                : prepare_slot(d, &d->slots[first + i], &rows[i]);
        if (st != MLM_OK) {
            for (int k = 0; k <= i; k++) {
                sampler_free(d->slots[first + k].sampler);
                d->slots[first + k].sampler = NULL;
            }
            return st;
        }
        d->slots[first + i].logit_row = first + i;
    }
    d->n_active = d->n_logits = first + n;
    for (int i = d->n_active - 1; i >= first; i--)
        if (d->slots[i].args.max_new_tokens == 0)
            MLM_TRY(finish_slot(d, i, LM_FINISH_LENGTH));
    return MLM_OK;
}

/* ---- one turn ----------------------------------------------------------------------------------- */

/* The argmax of every row, when a row needs it. */
static mlm_status fetch_argmax(lm_decoder *d)
{
    bool any = false;
    for (int i = 0; i < d->n_active; i++)
        any |= d->slots[i].sampler == NULL;
    if (!any)
        return MLM_OK;
    kn_tensor      ids = kn_slice(d->s->step_ids, 0, 0, d->n_logits);
    kn_argmax_args arg = {.x = kn_slice(d->a.logits, 0, 0, d->n_logits), .ids = ids, .n_valid = d->n_valid};
    MLM_TRY(kn_argmax(d->q, &arg));
    return kn_download(d->q, d->picked, ids, (size_t)d->n_logits * sizeof *d->picked);
}

static mlm_status pick(lm_decoder *d, slot *s, int32_t *id)
{
    lm_row_result *res = s->args.result;
    if (needs_logits(s))
        MLM_TRY(kn_download(d->q, d->host_logits, kn_slice(d->a.logits, 0, s->logit_row, 1),
                            (size_t)d->m->config.vocab_rows * sizeof(float)));
    for (int c = 0; res->ids.count == 0 && c < s->args.n_candidates; c++)
        s->args.probs[c] = expf(sampler_log_probability(d->host_logits, d->n_valid, s->args.candidates[c]));
    if (s->sampler) {
        MLM_TRY(sampler_pick(s->sampler, d->host_logits, id, NULL));
        sampler_saw(s->sampler, *id);
    } else {
        *id = d->picked[s->logit_row];
        if (*id < 0)
            return mlm_fail(MLM_E_DEVICE, "the model gave no finite logit among %d", d->n_valid);
    }
    if (s->args.want_logprob)
        res->logprob += (double)sampler_log_probability(d->host_logits, d->n_valid, *id);
    return MLM_OK;
}

/* True: the row goes on after the token that it has just got. */
static bool hand_out(lm_decoder *d, slot *s)
{
    const lm_decoder_args *a = &d->a;
    if (!a->on_piece)
        return true;
    d->piece[0] = '\0';
    if (a->tok)
        (void)tokenizer_stream_put(a->tok, &s->stream, s->id, d->piece, sizeof d->piece);
    return a->on_piece(s->args.row, s->id, d->piece, a->payload);
}

/* One token for slot i; when that ends it, another one may stand in its place afterwards. */
static mlm_status advance(lm_decoder *d, int i)
{
    slot          *s   = &d->slots[i];
    lm_row_result *res = s->args.result;
    mlm_status     st  = pick(d, s, &s->id);
    if (st == MLM_OK && s->id == d->a.end_id)
        return finish_slot(d, i, LM_FINISH_STOP);
    if (st == MLM_OK)
        st = token_list_push(&res->ids, s->id);
    if (st != MLM_OK)
        return finish_with_error(d, i, st);
    res->last_ms = mlm_now_ms() - s->start_ms;
    if (res->ids.count == 1)
        res->first_ms = res->last_ms;
    bool go_on = hand_out(d, s);
    if (go_on && res->ids.count < (size_t)s->args.max_new_tokens)
        return MLM_OK;
    res->finish = go_on ? LM_FINISH_LENGTH : LM_FINISH_CALLBACK;
    s->closing  = d->a.kept != NULL;
    return s->closing ? MLM_OK : finish_slot(d, i, res->finish);
}

/* A step of the first n rows, or of some more when a captured one has more; rows that are not active may hold anything. */
static mlm_status run_step(lm_decoder *d, int n)
{
    int rows = lm_step_rows(d->s, n), room = lm_state_rows(d->a.state);
    room = d->a.logits.dim[0] < room ? (int)d->a.logits.dim[0] : room;
    rows = rows <= room ? rows : n;
    return lm_step(d->q, d->m, d->s, d->a.state, kn_slice(d->s->step_ids, 0, 0, rows),
                   kn_slice(d->a.logits, 0, 0, rows));
}

/* Feeds the picked tokens of all active slots, then lets the closing ones go. */
static mlm_status step(lm_decoder *d)
{
    int       n   = d->n_active;
    kn_tensor ids = kn_slice(d->s->step_ids, 0, 0, n);
    for (int i = 0; i < n; i++) {
        d->picked[i]          = d->slots[i].id;
        d->slots[i].logit_row = i;
    }
    d->n_logits = n;
    MLM_TRY(kn_upload(d->q, ids, d->picked, (size_t)n * sizeof *d->picked));
    MLM_TRY(run_step(d, n));
    for (int i = n - 1; i >= 0; i--) /* downwards: what is moved in was looked at already */
        if (d->slots[i].closing)
            MLM_TRY(finish_slot(d, i, d->slots[i].args.result->finish));
    return MLM_OK;
}

mlm_status lm_decoder_turn(lm_decoder *d)
{
    if (d->n_active == 0)
        return MLM_OK;
    MLM_TRY(fetch_argmax(d));
    for (int i = d->n_active - 1; i >= 0; i--)
        MLM_TRY(advance(d, i));
    return d->n_active > 0 ? step(d) : MLM_OK;
}

mlm_status lm_decoder_cancel(lm_decoder *d)
{
    while (d->n_active > 0)
        MLM_TRY(finish_slot(d, d->n_active - 1, LM_FINISH_CANCELLED));
    return MLM_OK;
}

void lm_decoder_fail(lm_decoder *d, mlm_status why)
{
    while (d->n_active > 0) {
        slot *s = &d->slots[--d->n_active];
        set_error(s->args.result, why);
        sampler_free(s->sampler);
        s->sampler = NULL;
        if (d->a.on_end)
            d->a.on_end(s->args.row, d->a.payload);
    }
}
