/*
 * lm_forward.c: running the language model: prefill in pieces, one-token steps, first logits.
 *
 *   r = embedding;  per layer: r += mixer(RMSNorm(r)), Mamba or Mamba-2;  logits = RMSNorm(r_last) head^T
 *
 * Logits are computed for one token a row only; the residual row of that token is kept while later pieces
 * of other rows run.
 */
#include "lm/lm_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LM_MAX_PREFILL (1 << 30)

static void take_scratch(lm_scratch *s, kn_arena *arena, const lm_config *c)
{
    int64_t  B = s->max_rows, T = s->max_tokens, D = c->d_model;
    kn_dtype act = c->kind == LM_MAMBA1 ? c->mixer1.act : c->mixer.act;
    s->x         = kn_arena_take(arena, KN_F32, 3, KN_DIMS(B, T, D));
    s->last      = kn_arena_take(arena, KN_F32, 2, KN_DIMS(B, D));
    s->last_h    = kn_arena_take(arena, act, 2, KN_DIMS(B, D));
    s->ids       = kn_arena_take(arena, KN_I32, 1, KN_DIMS(B * T));
    s->len       = kn_arena_take(arena, KN_I32, 1, KN_DIMS(B));
    s->index     = kn_arena_take(arena, KN_I32, 1, KN_DIMS(B));
    s->step_ids  = kn_arena_take(arena, KN_I32, 1, KN_DIMS(B));
    if (c->kind == LM_MAMBA1)
        mamba1_scratch_take(&s->mixer1, arena, &c->mixer1, B, T);
    else
        mamba2_scratch_take(&s->mixer, arena, &c->mixer, B, T);
    /* What goes into a mixer is not wanted any more when its scan writes; but a step may be one kernel from the one to the other. */
    kn_tensor f      = s->mixer.f;
    bool      shared = c->kind != LM_MAMBA1 && T > 2 && f.dtype == act && f.dim[2] >= D && f.dim[1] >= T;
    s->h             = kn_arena_take(arena, act, 3, KN_DIMS(B, shared ? 2 : T, D));
    s->h_many        = shared ? kn_tensor_make(f.buf, f.offset, act, 3, KN_DIMS(B, T, D)) : s->h;
}

static kn_tensor normed_view(const lm_scratch *s, int64_t B, int64_t T)
{
    return lm_view(T > 1 ? s->h_many : s->h, B, T);
}

mlm_status lm_scratch_create(lm_scratch **out, kn_arena *arena, const lm_config *c, int max_rows,
                             int max_tokens)
{
    *out = NULL;
    if (max_rows < 1 || max_rows > 65536 || max_tokens < 1 || max_tokens > 1 << 20)
        return mlm_fail(MLM_E_RANGE, "scratch for %d rows x %d tokens, must be 1 to 65536 x 1 to 1048576",
                        max_rows, max_tokens);
    lm_scratch *s    = calloc(1, sizeof *s);
    size_t      n    = (size_t)max_rows * (size_t)max_tokens + 2 * (size_t)max_rows;
    int32_t    *host = calloc(n, sizeof *host);
    if (s) {
        s->host  = host;
        s->token = calloc((size_t)c->n_layers, sizeof *s->token);
        s->graph = calloc(LM_GRAPHS, sizeof *s->graph);
    }
    if (!s || !host || !s->token || !s->graph) {
        if (!s)
            free(host);
        lm_scratch_free(s);
        return mlm_fail_nomem(n * sizeof *host, "language model scratch");
    }
    s->max_rows    = max_rows;
    s->max_tokens  = max_tokens;
    s->most_tokens = max_tokens;
    take_scratch(s, arena, c);
    mlm_status st = kn_arena_check(arena, "language model scratch");
    if (st != MLM_OK) {
        lm_scratch_free(s);
        return st;
    }
    *out = s;
    return MLM_OK;
}

void lm_scratch_free(lm_scratch *s)
{
    if (!s)
        return;
    lm_graphs_free(s->graph);
    free(s->token);
    free(s->host);
    free(s);
}

void lm_scratch_share_tokens(lm_scratch *s, int most)
{
    s->most_tokens = most > s->max_tokens ? most : s->max_tokens;
}

void lm_scratch_pad_tokens(lm_scratch *s, int least)
{
    s->least_tokens = least < s->max_tokens ? least : s->max_tokens;
}

/* Tokens of one piece of a prefill.  Pieces that may be cut anywhere are made even: a last one of a few tokens would cost
 * nearly as much as a long one. */
static int piece_tokens(const lm_scratch *s, int n_rows, int n_tokens)
{
    int64_t room  = (int64_t)s->max_rows * s->max_tokens / n_rows;
    int     piece = room < s->most_tokens ? (int)room : s->most_tokens;
    if (s->most_tokens <= s->max_tokens || n_tokens <= piece)
        return piece;
    int n = (n_tokens + piece - 1) / piece, even = ((n_tokens + n - 1) / n + 63) / 64 * 64;
    return even < piece ? even : piece;
}

kn_tensor lm_view(kn_tensor t, int64_t B, int64_t T)
{
    return kn_tensor_make(t.buf, t.offset, t.dtype, 3, KN_DIMS(B, T, t.dim[2]));
}

static kn_tensor first_rows(kn_tensor t, int64_t B)
{
    return kn_slice(t, 0, 0, B);
}

/* Layer i on x [B,T,D], in place. */
static mlm_status run_mamba1(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_layer *layer,
                             kn_tensor x, kn_tensor len, kn_tensor conv_state, kn_tensor ssm_state)
{
    const int64_t dims[] = {ssm_state.dim[0], ssm_state.dim[2], ssm_state.dim[3]};
    mamba1_args   mix    = {
             .config     = &m->config.mixer1,
             .weights    = &layer->mixer1,
             .scratch    = &s->mixer1,
             .x          = x,
             .in_norm    = layer->norm,
             .normed     = lm_view(s->h, x.dim[0], x.dim[1]),
             .residual   = x,
             .y          = x,
             .len        = len,
             .conv_state = conv_state,
             .ssm_state  = kn_reshape(ssm_state, 3, dims),
    };
    return mamba1_forward(q, &mix);
}

/* All layers on x [B,T,D], in place; rows first_row .. first_row + B - 1 of the state.  With cut > 0 the state behind so many of
 * the tokens goes to kept (Mamba-2 only). */
static mlm_status run_layers_cut(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, int first_row,
                                 kn_tensor x, kn_tensor len, int64_t cut, lm_state *kept, lm_probe probe,
                                 void *payload)
{
    int64_t   B = x.dim[0], T = x.dim[1];
    kn_tensor h    = normed_view(s, B, T);
    bool      late = kn_present(st->late) && T == 1 && B >= LM_LATE_ROWS && !kn_present(len);
    if (!late)
        MLM_TRY(lm_state_settle(q, st, 0, m->config.n_layers, first_row, B, false));
    if (cut > 0)
        MLM_TRY(lm_state_settle(q, kept, 0, m->config.n_layers, 0, B, true));
    for (int i = 0; i < m->config.n_layers; i++) {
        const lm_layer *layer = &m->layers[i];
        kn_tensor       conv  = kn_slice(kn_row(st->conv, i), 0, first_row, B),
                  ssm         = kn_slice(kn_row(st->ssm, i), 0, first_row, B);
        mamba2_args mix       = {
                  .config     = &m->config.mixer,
                  .weights    = &layer->mixer,
                  .scratch    = &s->mixer,
                  .x          = x,
                  .in_norm    = layer->norm,
                  .normed     = h,
                  .residual   = x,
                  .y          = x,
                  .f32_sum    = true,
                  .len        = len,
                  .conv_state = conv,
                  .ssm_state  = ssm,
        };
        if (late)
            mix.late = kn_slice(kn_row(st->late, i), 0, first_row, B);
        if (cut > 0) {
            mix.cut       = cut;
            mix.kept_conv = kn_slice(kn_row(kept->conv, i), 0, 0, B);
            mix.kept_ssm  = kn_slice(kn_row(kept->ssm, i), 0, 0, B);
        }
        MLM_TRY(m->config.kind == LM_MAMBA1 ? run_mamba1(q, m, s, layer, x, len, conv, ssm)
                                            : mamba2_forward(q, &mix));
        if (probe) {
            char stage[32];
            (void)snprintf(stage, sizeof stage, "layer%d", i);
            probe(stage, x, payload);
        }
    }
    return MLM_OK;
}

/* One token of one row: all layers at once, where the device can. */
static mlm_status run_token(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, int row, kn_tensor x,
                            bool *done)
{
    *done = false;
    if (m->config.kind == LM_MAMBA1)
        return MLM_OK;
    MLM_TRY(lm_state_settle(q, st, 0, m->config.n_layers, row, 1, false));
    for (int i = 0; i < m->config.n_layers; i++)
        s->token[i] = mamba2_token_layer(&m->layers[i].mixer, m->layers[i].norm,
                                         kn_slice(kn_row(st->conv, i), 0, row, 1),
                                         kn_slice(kn_row(st->ssm, i), 0, row, 1));
    return mamba2_token(q, &m->config.mixer, s->token, m->config.n_layers, x, done);
}

/* A token alone goes one way in prefills and steps: what was produced can be read again with the same bits. */
static mlm_status run_layers(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, int first_row,
                             kn_tensor x, kn_tensor len, lm_probe probe, void *payload)
{
    bool done = false;
    if (x.dim[0] == 1 && x.dim[1] == 1 && !kn_present(len) && !probe)
        MLM_TRY(run_token(q, m, s, st, first_row, x, &done));
    return done ? MLM_OK : run_layers_cut(q, m, s, st, first_row, x, len, 0, NULL, probe, payload);
}

/* logits [B,V] of residual rows x [B,D]. */
static mlm_status run_head(kn_queue *q, const lm_model *m, lm_scratch *s, kn_tensor x, kn_tensor logits)
{
    kn_norm_linear_args head = {.x      = x,
                                .norm   = m->norm_f,
                                .normed = first_rows(s->last_h, x.dim[0]),
                                .eps    = m->config.norm_eps,
                                .w      = m->head ? m->head : m->embedding,
                                .y      = logits};
    return kn_norm_linear(q, &head);
}

static mlm_status check_ids(const lm_model *m, const int32_t *ids, int n, int row)
{
    for (int t = 0; t < n; t++)
        if (ids[t] < 0 || ids[t] >= m->config.vocab_rows)
            return mlm_fail(MLM_E_RANGE, "prefill: token id %d of row %d is not in the vocabulary of %d",
                            (int)ids[t], row, m->config.vocab_rows);
    return MLM_OK;
}

static mlm_status check_prefill(const lm_model *m, const lm_scratch *s, const lm_state *st,
                                const lm_prefill_args *a)
{
    int B = a->n_rows, T = a->n_tokens;
    if (B < 1 || B > s->max_rows || B > st->n_rows)
        return mlm_fail(MLM_E_RANGE, "prefill of %d rows, must be 1 to %d", B,
                        s->max_rows < st->n_rows ? s->max_rows : st->n_rows);
    if (a->first_row < 0 || a->first_row > st->n_rows - B)
        return mlm_fail(MLM_E_RANGE, "prefill of rows %d to %d of a state with %d rows", a->first_row,
                        a->first_row + B - 1, st->n_rows);
    if (T < 1 || T > LM_MAX_PREFILL)
        return mlm_fail(MLM_E_RANGE, "prefill of %d tokens, must be 1 to %d", T, LM_MAX_PREFILL);
    if (!kn_present(a->x) && !a->ids)
        return mlm_fail(MLM_E_RANGE, "prefill without embeddings or ids");
    if (kn_present(a->x) &&
        (a->x.rank != 3 || a->x.dim[0] != B || a->x.dim[1] != T || a->x.dim[2] != m->config.d_model))
        return mlm_fail(MLM_E_SHAPE, "prefill: x is not [%d,%d,%d]", B, T, m->config.d_model);
    if (kn_present(a->x) && a->ids) {
        if (!a->between || lm_state_rows(a->between) < 1 || B != 1 || a->len || a->n_ids < 1 ||
            a->n_ids > LM_MAX_PREFILL)
            return mlm_fail(MLM_E_RANGE,
                            "prefill of embeddings and %d ids takes one row, no lengths, and keeps the "
                            "state between them",
                            a->n_ids);
        return check_ids(m, a->ids, a->n_ids, 0);
    }
    for (int b = 0; b < B; b++) {
        int n = a->len ? a->len[b] : T;
        if (n < 0 || n > T)
            return mlm_fail(MLM_E_RANGE, "prefill: len[%d] is %d, must be 0 to %d", b, n, T);
        if (a->ids)
            MLM_TRY(check_ids(m, a->ids + (size_t)b * (size_t)T, n, b));
    }
    return MLM_OK;
}

/* Tokens [t0, t0 + T) of every row -> x; padding gets id 0, so that it is finite. */
static mlm_status load_piece(kn_queue *q, const lm_model *m, lm_scratch *s, const lm_prefill_args *a, int t0,
                             kn_tensor x)
{
    int64_t B = x.dim[0], T = x.dim[1];
    if (kn_present(a->x)) {
        kn_copy_args copy = {.x = kn_slice(a->x, 1, t0, T), .y = x};
        return kn_copy(q, &copy);
    }
    for (int64_t b = 0; b < B; b++) {
        const int32_t *row = a->ids + b * a->n_tokens;
        int64_t        n   = a->len ? a->len[b] : a->n_tokens;
        for (int64_t t = 0; t < T; t++)
            s->host[b * T + t] = t0 + t < n ? row[t0 + t] : 0;
    }
    kn_tensor ids = first_rows(s->ids, B * T);
    MLM_TRY(kn_upload(q, ids, s->host, (size_t)(B * T) * sizeof *s->host));
    kn_embed_args embed = {
        .ids = ids, .table = m->embedding, .y = kn_reshape(x, 2, KN_DIMS(B * T, x.dim[2]))};
    return kn_embed(q, &embed);
}

/* Keeps the residual row of every row that ends inside [t0, t0 + T). */
static mlm_status keep_last(kn_queue *q, lm_scratch *s, const lm_prefill_args *a, int t0, kn_tensor x)
{
    int64_t  B = x.dim[0], T = x.dim[1];
    int32_t *index  = s->host + (int64_t)s->max_rows * s->max_tokens + s->max_rows;
    bool     single = t0 == 0 && T >= a->n_tokens;
    if (single) { /* the only piece: all rows in one op */
        for (int64_t b = 0; b < B; b++)
            index[b] = (a->len ? a->len[b] : a->n_tokens) - 1;
        kn_tensor dev = first_rows(s->index, B);
        MLM_TRY(kn_upload(q, dev, index, (size_t)B * sizeof *index));
        kn_take_rows_args take = {.x = x, .index = dev, .y = first_rows(s->last, B)};
        return kn_take_rows(q, &take);
    }
    for (int64_t b = 0; b < B; b++) {
        int64_t end = (a->len ? a->len[b] : a->n_tokens) - 1 - t0;
        if (end < 0 || end >= T)
            continue;
        kn_copy_args copy = {.x = kn_slice(kn_row(x, b), 0, end, 1), .y = kn_slice(s->last, 0, b, 1)};
        MLM_TRY(kn_copy(q, &copy));
    }
    return MLM_OK;
}

/* Lengths inside the piece.  *len stays absent when every row fills it; false: no row has a token in it. */
static mlm_status piece_lengths(kn_queue *q, lm_scratch *s, const lm_prefill_args *a, int t0, int T,
                                kn_tensor *len, bool *any)
{
    int32_t *host = s->host + (int64_t)s->max_rows * s->max_tokens;
    bool     full = true;
    *any          = false;
    memset(len, 0, sizeof *len);
    for (int b = 0; b < a->n_rows; b++) {
        int n   = (a->len ? a->len[b] : a->n_tokens) - t0;
        host[b] = n < 0 ? 0 : n > T ? T : n;
        full &= host[b] == T;
        *any |= host[b] > 0;
    }
    if (full)
        return MLM_OK;
    *len = first_rows(s->len, a->n_rows);
    return kn_upload(q, *len, host, (size_t)a->n_rows * sizeof *host);
}

static mlm_status prefill(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st,
                          const lm_prefill_args *a)
{
    bool want_logits = kn_present(a->logits);
    if (want_logits) /* rows without a token give finite logits */
        MLM_TRY(kn_zero(q, first_rows(s->last, a->n_rows)));
    int piece = piece_tokens(s, a->n_rows, a->n_tokens), least = a->ids && !a->unpadded ? s->least_tokens : 0;
    for (int t0 = 0; t0 < a->n_tokens; t0 += piece) {
        int  T = a->n_tokens - t0 < piece ? a->n_tokens - t0 : piece;
        bool any;
        T           = T < least ? least : T;
        kn_tensor x = lm_view(s->x, a->n_rows, T), len;
        if (a->is_cancelled && a->is_cancelled(a->cancel_payload))
            return mlm_fail(MLM_E_CANCELLED, "cancelled after %d of %d tokens", t0, a->n_tokens);
        MLM_TRY(piece_lengths(q, s, a, t0, T, &len, &any));
        if (!any)
            break;
        MLM_TRY(load_piece(q, m, s, a, t0, x));
        MLM_TRY(run_layers(q, m, s, st, a->first_row, x, len, a->probe, a->probe_payload));
        if (want_logits)
            MLM_TRY(keep_last(q, s, a, t0, x));
        if (a->probe) {
            kn_tensor       h    = normed_view(s, a->n_rows, T);
            kn_rmsnorm_args norm = {.x = x, .w = m->norm_f, .y = h, .eps = m->config.norm_eps};
            MLM_TRY(kn_rmsnorm(q, &norm));
            a->probe("norm_f", h, a->probe_payload);
        }
    }
    return want_logits ? run_head(q, m, s, first_rows(s->last, a->n_rows), a->logits) : MLM_OK;
}

/* ---- embeddings and ids together ----------------------------------------------------------------- */

/* Embeddings in front of the last piece: that one is read with the ids, where both have room and few tokens are not done in
 * another way than many.  0 .. n_tokens - 1, or -1: they are to be read one after the other. */
static int joined_from(const lm_model *m, const lm_scratch *s, const lm_prefill_args *a)
{
    int room  = s->max_rows * s->max_tokens < s->most_tokens ? s->max_rows * s->max_tokens : s->most_tokens;
    int piece = piece_tokens(s, 1, a->n_tokens), front = (a->n_tokens - 1) / piece * piece;
    int last = a->n_tokens - front;
    if (m->config.kind == LM_MAMBA1 || s->least_tokens > 0 || a->probe || a->n_ids < 2 ||
        last < m->config.mixer.conv_kernel || a->n_ids > room - last)
        return -1;
    return front;
}

static mlm_status read_in_turn(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st,
                               const lm_prefill_args *a)
{
    lm_prefill_args first = *a, then = *a;
    first.ids     = NULL;
    first.logits  = (kn_tensor){0};
    then.x        = (kn_tensor){0};
    then.n_tokens = a->n_ids;
    MLM_TRY(prefill(q, m, s, st, &first));
    MLM_TRY(lm_state_copy_row(q, a->between, 0, st, a->first_row));
    return prefill(q, m, s, st, &then);
}

static mlm_status read_joined(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st,
                              const lm_prefill_args *a, int front)
{
    int             last = a->n_tokens - front, T = last + a->n_ids;
    lm_prefill_args before = *a;
    before.ids             = NULL;
    before.logits          = (kn_tensor){0};
    before.x               = kn_slice(a->x, 1, 0, front > 0 ? front : 1);
    before.n_tokens        = front;
    if (front > 0)
        MLM_TRY(prefill(q, m, s, st, &before));
    if (a->is_cancelled && a->is_cancelled(a->cancel_payload))
        return mlm_fail(MLM_E_CANCELLED, "cancelled after %d of %d tokens", front, front + T);
    kn_tensor     x = lm_view(s->x, 1, T), ids = first_rows(s->ids, a->n_ids), len = {0};
    kn_copy_args  rows  = {.x = kn_slice(a->x, 1, front, last), .y = kn_slice(x, 1, 0, last)};
    kn_embed_args embed = {.ids = ids, .table = m->embedding, .y = kn_slice(kn_row(x, 0), 0, last, a->n_ids)};
    memcpy(s->host, a->ids, (size_t)a->n_ids * sizeof *s->host);
    MLM_TRY(kn_upload(q, ids, s->host, (size_t)a->n_ids * sizeof *s->host));
    MLM_TRY(kn_copy(q, &rows));
    MLM_TRY(kn_embed(q, &embed));
    MLM_TRY(run_layers_cut(q, m, s, st, a->first_row, x, len, last, a->between, NULL, NULL));
    return kn_present(a->logits) ? run_head(q, m, s, kn_slice(kn_row(x, 0), 0, T - 1, 1), a->logits) : MLM_OK;
}

mlm_status lm_prefill(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, const lm_prefill_args *a)
{
    MLM_TRY(check_prefill(m, s, st, a));
    if (!kn_present(a->x) || !a->ids)
        return prefill(q, m, s, st, a);
    int front = joined_from(m, s, a);
    return front < 0 ? read_in_turn(q, m, s, st, a) : read_joined(q, m, s, st, a, front);
}

mlm_status lm_step_run(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor ids,
                       kn_tensor logits)
{
    int64_t       B = ids.dim[0], D = m->config.d_model;
    kn_tensor     x = lm_view(s->x, B, 1), rows = kn_reshape(x, 2, KN_DIMS(B, D)), len;
    kn_embed_args embed = {.ids = ids, .table = m->embedding, .y = rows};
    memset(&len, 0, sizeof len);
    MLM_TRY(kn_embed(q, &embed));
    MLM_TRY(run_layers(q, m, s, st, 0, x, len, NULL, NULL));
    return run_head(q, m, s, rows, logits);
}
