/*
 * generate.c: the generation loop.
 *
 * Active rows are kept in the first slots of the state, so that a step costs what its active rows cost.  A
 * row that ends swaps its slot with the last active one; before returning the swaps are undone, so each
 * row's state is where the caller put it.  A row that ends on the end token or on cancel has been fed all it
 * produced; one that ends on the token limit or on its callback still owes its last token one step
 * ("closing").
 */
#include "lm/generate.h"
#include "kernels/base/mlm_file.h"
#include "lm/lm_private.h"

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
    slot                   *slots; /* n_rows; the first n_active are running                     */
    int                     n_active;
    int                     n_valid;     /* ids that may be produced                                     */
    bool                    on_device;   /* plain greedy: argmax on the device, no logits on the host    */
    int32_t                *picked;      /* on_device: argmax of every logits row; also ids on their way */
    float                  *host_logits; /* else [n_rows, vocab_rows]                                    */
    sampler               **samplers;    /* else one a row                                               */
    tokenizer_stream       *streams;     /* one a row                                                    */
    lm_state               *spare;       /* one row, for swaps; NULL with one row                        */
    char                   *piece;       /* TOKENIZER_PIECE_BYTES                                        */
    double                  start_ms;
} loop;

static bool plain_greedy(const lm_generate_args *a)
{
    const sampler_options *o = a->sampling;
    return a->skip_logprob && (!o || (o->temperature <= 0.0f &&
                                      (o->repetition_penalty == 0.0f || o->repetition_penalty == 1.0f)));
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
    lm_state_free(l->spare);
}

static mlm_status create_samplers(loop *l)
{
    static const sampler_options greedy = {0};
    size_t                       n      = (size_t)l->a->n_rows;
    size_t                       bytes  = n * (size_t)l->m->config.vocab_rows * sizeof(float);
    l->samplers                         = calloc(n, sizeof(sampler *));
    l->host_logits                      = malloc(bytes);
    if (!l->samplers || !l->host_logits)
        return mlm_fail_nomem(bytes, "logits");
    for (int r = 0; r < l->a->n_rows; r++) {
        sampler_options o = l->a->sampling ? *l->a->sampling : greedy;
        o.seed += (uint64_t)r;
        MLM_TRY(sampler_create(&l->samplers[r], l->n_valid, &o));
    }
    return MLM_OK;
}

static mlm_status loop_create(loop *l)
{
    const lm_generate_args *a = l->a;
    size_t                  n = (size_t)a->n_rows;
    l->n_valid                = l->m->config.vocab_size;
    if (a->tok && tokenizer_vocab_size(a->tok) > 0 && tokenizer_vocab_size(a->tok) < l->n_valid)
        l->n_valid = tokenizer_vocab_size(a->tok);
    l->on_device = plain_greedy(a);
    l->n_active  = a->n_rows;
    l->slots     = calloc(n, sizeof *l->slots);
    l->picked    = calloc(n, sizeof *l->picked);
    l->streams   = calloc(n, sizeof *l->streams);
    l->piece     = calloc(TOKENIZER_PIECE_BYTES, 1);
    if (!l->slots || !l->picked || !l->streams || !l->piece)
        return mlm_fail_nomem(n * (sizeof *l->slots + sizeof *l->streams) + TOKENIZER_PIECE_BYTES,
                              "generation");
    for (int r = 0; r < a->n_rows; r++)
        l->slots[r].row = l->slots[r].logit_row = r;
    if (a->n_rows > 1)
        MLM_TRY(lm_state_create(&l->spare, l->m, 1));
    return l->on_device ? MLM_OK : create_samplers(l);
}

static mlm_status swap_slots(loop *l, int i, int j)
{
    lm_state *st = l->a->state;
    if (i == j)
        return MLM_OK;
    MLM_TRY(lm_state_copy_row(l->q, l->spare, 0, st, i));
    MLM_TRY(lm_state_copy_row(l->q, st, i, st, j));
    MLM_TRY(lm_state_copy_row(l->q, st, j, l->spare, 0));
    slot t      = l->slots[i];
    l->slots[i] = l->slots[j];
    l->slots[j] = t;
    return MLM_OK;
}

/* Gives back what the stream holds and takes the slot out of the active ones. */
static mlm_status finish_slot(loop *l, int i, lm_finish why)
{
    int row                = l->slots[i].row;
    l->results[row].finish = why;
    if (l->a->tok && l->a->on_piece && why != LM_FINISH_CALLBACK &&
        tokenizer_stream_end(&l->streams[row], l->piece, TOKENIZER_PIECE_BYTES) > 0)
        (void)l->a->on_piece(row, -1, l->piece, l->a->payload);
    return swap_slots(l, i, --l->n_active);
}

static mlm_status undo_swaps(loop *l)
{
    for (int i = 0; i < l->a->n_rows; i++)
        while (l->slots[i].row != i)
            MLM_TRY(swap_slots(l, i, l->slots[i].row));
    return MLM_OK;
}

static mlm_status append(token_list *list, int32_t id)
{
    if (list->count == list->capacity) {
        size_t   capacity = list->capacity ? 2 * list->capacity : 64;
        int32_t *ids      = realloc(list->ids, capacity * sizeof *ids);
        if (!ids)
            return mlm_fail_nomem(capacity * sizeof *ids, "produced tokens");
        list->ids      = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return MLM_OK;
}

/* Brings what the picks of this turn need to the host: argmax ids, or the logits of `n` rows. */
static mlm_status fetch(loop *l, int n)
{
    kn_tensor logits = kn_slice(l->a->logits, 0, 0, n);
    if (!l->on_device)
        return kn_download(l->q, l->host_logits, logits, (size_t)kn_count(logits) * sizeof *l->host_logits);
    kn_tensor      ids = kn_slice(l->s->step_ids, 0, 0, n);
    kn_argmax_args arg = {.x = logits, .ids = ids, .n_valid = l->n_valid};
    MLM_TRY(kn_argmax(l->q, &arg));
    return kn_download(l->q, l->picked, ids, (size_t)n * sizeof *l->picked);
}

static mlm_status pick(loop *l, const slot *s, int32_t *id)
{
    if (l->on_device) {
        *id = l->picked[s->logit_row];
        if (*id < 0)
            return mlm_fail(MLM_E_DEVICE, "row %d: no logit is finite", s->row);
        return MLM_OK;
    }
    float        logprob = 0.0f;
    const float *logits  = l->host_logits + (size_t)s->logit_row * (size_t)l->m->config.vocab_rows;
    MLM_TRY(sampler_pick(l->samplers[s->row], logits, id, &logprob));
    sampler_saw(l->samplers[s->row], *id);
    l->results[s->row].logprob += (double)logprob;
    return MLM_OK;
}

/* One token for slot i.  *ended: the slot was taken out, another one may stand in its place. */
static mlm_status advance(loop *l, int i, bool *ended)
{
    const lm_generate_args *a   = l->a;
    slot                   *s   = &l->slots[i];
    lm_row_result          *res = &l->results[s->row];
    *ended                      = false;
    MLM_TRY(pick(l, s, &s->id));
    if (s->id == a->end_id) {
        *ended = true;
        return finish_slot(l, i, LM_FINISH_STOP);
    }
    MLM_TRY(append(&res->ids, s->id));
    res->last_ms = mlm_now_ms() - l->start_ms;
    if (res->ids.count == 1)
        res->first_ms = res->last_ms;
    bool go_on = true;
    if (a->on_piece) {
        l->piece[0] = '\0';
        if (a->tok)
            (void)tokenizer_stream_put(a->tok, &l->streams[s->row], s->id, l->piece, TOKENIZER_PIECE_BYTES);
        go_on = a->on_piece(s->row, s->id, l->piece, a->payload);
    }
    if (!go_on || res->ids.count >= (size_t)a->max_new_tokens) {
        s->closing  = true;
        res->finish = go_on ? LM_FINISH_LENGTH : LM_FINISH_CALLBACK;
    }
    return MLM_OK;
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
    for (int i = n - 1; i >= 0; i--) /* downwards: what is swapped in was looked at already */
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
        for (int i = l->n_active - 1; i >= 0; i--) {
            bool ended;
            MLM_TRY(advance(l, i, &ended));
        }
        if (l->n_active == 0)
            break;
        n_rows = l->n_active;
        MLM_TRY(step(l));
    }
    return undo_swaps(l);
}

static mlm_status check(const lm_model *m, const lm_scratch *s, const lm_generate_args *a)
{
    if (a->n_rows < 1 || a->n_rows > s->max_rows || a->n_rows > lm_state_rows(a->state))
        return mlm_fail(MLM_E_RANGE, "generation of %d rows, must be 1 to %d", a->n_rows,
                        s->max_rows < lm_state_rows(a->state) ? s->max_rows : lm_state_rows(a->state));
    if (a->max_new_tokens < 0)
        return mlm_fail(MLM_E_RANGE, "max_new_tokens is %d, must not be negative", a->max_new_tokens);
    if (a->logits.rank != 2 || a->logits.dim[0] < a->n_rows || a->logits.dim[1] != m->config.vocab_rows)
        return mlm_fail(MLM_E_SHAPE, "generation: logits must be [%d,%d]", a->n_rows, m->config.vocab_rows);
    return a->sampling ? sampler_options_check(a->sampling) : MLM_OK;
}

mlm_status lm_generate(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_generate_args *a,
                       lm_row_result *results)
{
    MLM_TRY(check(m, s, a));
    if (a->max_new_tokens == 0) {
        for (int r = 0; r < a->n_rows; r++)
            results[r].finish = LM_FINISH_LENGTH;
        return MLM_OK;
    }
    loop       l  = {.q = q, .m = m, .s = s, .a = a, .results = results, .start_ms = mlm_now_ms()};
    mlm_status st = loop_create(&l);
    if (st == MLM_OK)
        st = run(&l);
    loop_free(&l);
    return st;
}
