/*
 * lm_state.c: the recurrent state as a value: create, reset, copy a row, export, import.
 *
 * A row is strided over the layers ([L,B,...]); as one [L, elements] view with a long row stride it is
 * copied by one kn_copy.
 */
#include "lm/lm_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "exported states are little-endian");

/* Of the SSM state; the convolution's is always f32. */
static kn_dtype state_dtype(const lm_config *c)
{
    return c->kind == LM_MAMBA1 ? KN_F32 : c->mixer.state;
}

size_t lm_config_row_bytes(const lm_config *c)
{
    lm_state_dims d    = lm_config_state_dims(c);
    size_t        conv = (size_t)(d.conv_rows * d.conv_channels) * sizeof(float);
    size_t        ssm  = (size_t)(d.heads * d.head_dim * d.d_state) * kn_dtype_size(state_dtype(c));
    return (size_t)c->n_layers * (conv + ssm);
}

/* Tokens that steps may put off writing a state. */
static int late_tokens(const lm_config *c)
{
    return state_dtype(c) == KN_F32 || c->late < LM_LATE_BF16 ? c->late : LM_LATE_BF16;
}

/* Floats of a row and layer; 0: this state is written by every step. */
static int64_t late_width(const lm_config *config, const kn_device *dev, int n_rows)
{
    const mamba2_config *c = &config->mixer;
    if (config->kind == LM_MAMBA1 || n_rows < LM_LATE_ROWS || n_rows > 4096 || config->late < 1 ||
        c->n_groups != 1 || c->n_directions != 1 || c->conv_kernel != 4 || c->merge != MAMBA2_SUM_THEN_NORM ||
        !kn_can_write_late(dev, c->n_heads, c->head_dim, c->d_state))
        return 0;
    return kn_late_width(late_tokens(config), c->n_heads, c->head_dim, c->d_state);
}

size_t lm_config_rows_bytes(const lm_config *c, const kn_device *dev, int n_rows)
{
    size_t late = (size_t)late_width(c, dev, n_rows) * sizeof(float) * (size_t)c->n_layers;
    return (size_t)n_rows * (lm_config_row_bytes(c) + late);
}

void lm_state_take_tensors(lm_state *st, kn_arena *arena)
{
    int64_t       L = st->config.n_layers, B = st->n_rows;
    lm_state_dims d = lm_config_state_dims(&st->config);
    st->conv        = kn_arena_take(arena, KN_F32, 4, KN_DIMS(L, B, d.conv_rows, d.conv_channels));
    kn_dtype t      = state_dtype(&st->config);
    st->ssm         = kn_arena_take(arena, t, 5, KN_DIMS(L, B, d.heads, d.head_dim, d.d_state));
    memset(&st->row, 0, sizeof st->row);
    memset(&st->late, 0, sizeof st->late);
    int64_t W = late_width(&st->config, st->dev, st->n_rows);
    if (W > 0)
        st->late = kn_arena_take(arena, KN_F32, 3, KN_DIMS(L, B, W));
    if (t != KN_F32)
        st->row = kn_arena_take(arena, KN_F32, 2, KN_DIMS(1, d.heads * d.head_dim * d.d_state));
}

mlm_status lm_state_create(lm_state **out, const lm_model *m, int n_rows)
{
    *out = NULL;
    if (n_rows < 1 || n_rows > 65536)
        return mlm_fail(MLM_E_RANGE, "a state for %d rows was asked for, must be 1 to 65536", n_rows);
    if (m->config.kind != LM_MAMBA1)
        MLM_TRY(mamba2_state_check(&m->config.mixer, m->dev));
    lm_state *st = calloc(1, sizeof *st);
    if (!st)
        return mlm_fail_nomem(sizeof *st, "recurrent state");
    st->config = m->config;
    st->dev    = m->dev;
    st->n_rows = n_rows;
    kn_arena_measure(&st->arena, m->dev);
    lm_state_take_tensors(st, &st->arena);
    mlm_status status = kn_arena_create(&st->arena, m->dev, st->arena.used);
    if (status == MLM_OK) {
        lm_state_take_tensors(st, &st->arena);
        status = kn_arena_check(&st->arena, "recurrent state");
    }
    if (status != MLM_OK) {
        lm_state_free(st);
        return status;
    }
    *out = st;
    return MLM_OK;
}

void lm_state_free(lm_state *st)
{
    if (!st)
        return;
    if (st->pool) {
        lm_state_give_back(st);
        return;
    }
    kn_arena_free(&st->arena);
    free(st);
}

int lm_state_rows(const lm_state *st)
{
    return st->n_rows;
}

size_t lm_state_bytes(const lm_state *st)
{
    size_t late = kn_present(st->late) ? (size_t)kn_count(st->late) * kn_dtype_size(st->late.dtype) : 0;
    return (size_t)kn_count(st->conv) * kn_dtype_size(st->conv.dtype) +
           (size_t)kn_count(st->ssm) * kn_dtype_size(st->ssm.dtype) + late;
}

double lm_state_passes(const lm_state *st, int n_rows)
{
    return kn_present(st->late) && n_rows >= LM_LATE_ROWS ? 1.0 + 1.0 / (1.0 + late_tokens(&st->config))
                                                          : 2.0;
}

mlm_status lm_state_reset(kn_queue *q, lm_state *st)
{
    MLM_TRY(kn_zero(q, st->conv));
    MLM_TRY(lm_state_settle(q, st, 0, st->config.n_layers, 0, st->n_rows, true));
    return kn_zero(q, st->ssm);
}

mlm_status lm_state_settle(kn_queue *q, const lm_state *st, int layer, int n_layers, int first, int64_t n,
                           bool drop)
{
    if (!kn_present(st->late) || n < 1)
        return MLM_OK;
    kn_settle_args a = {.state = kn_slice(kn_slice(st->ssm, 0, layer, n_layers), 1, first, n),
                        .late  = kn_slice(kn_slice(st->late, 0, layer, n_layers), 1, first, n),
                        .drop  = drop};
    return kn_settle(q, &a);
}

mlm_status lm_state_reset_rows(kn_queue *q, lm_state *st, int first, int n)
{
    if (first < 0 || n < 0 || first > st->n_rows - n)
        return mlm_fail(MLM_E_RANGE, "reset of rows %d to %d of a state with %d rows", first, first + n - 1,
                        st->n_rows);
    MLM_TRY(lm_state_settle(q, st, 0, st->config.n_layers, first, n, true));
    for (int i = 0; n > 0 && i < st->config.n_layers; i++) {
        MLM_TRY(kn_zero(q, kn_slice(kn_row(st->conv, i), 0, first, n)));
        MLM_TRY(kn_zero(q, kn_slice(kn_row(st->ssm, i), 0, first, n)));
    }
    return MLM_OK;
}

/* Row `row` of [L,B,...] as [L, elements]. */
static kn_tensor row_over_layers(kn_tensor t, int row)
{
    int64_t   n    = t.stride[1];
    kn_tensor view = kn_tensor_make(t.buf, t.offset + (size_t)(row * n) * kn_dtype_size(t.dtype), t.dtype, 2,
                                    KN_DIMS(t.dim[0], n));
    view.stride[0] = t.stride[0];
    return view;
}

/* Row `row` of layer `layer`, contiguous, [1, elements]. */
static kn_tensor row_of_layer(kn_tensor t, int layer, int row)
{
    int64_t n = t.stride[1];
    return kn_tensor_make(t.buf, t.offset + (size_t)(layer * t.stride[0] + row * n) * kn_dtype_size(t.dtype),
                          t.dtype, 2, KN_DIMS(1, n));
}

static bool same_shape(const lm_config *a, const lm_config *b)
{
    lm_state_dims m = lm_config_state_dims(a), n = lm_config_state_dims(b);
    return a->kind == b->kind && a->n_layers == b->n_layers && m.conv_rows == n.conv_rows &&
           m.conv_channels == n.conv_channels && m.heads == n.heads && m.head_dim == n.head_dim &&
           m.d_state == n.d_state;
}

static mlm_status check_row(const lm_state *st, int row, const char *what)
{
    if (row < 0 || row >= st->n_rows)
        return mlm_fail(MLM_E_RANGE, "%s row %d of a state with %d rows", what, row, st->n_rows);
    return MLM_OK;
}

mlm_status lm_state_copy_row(kn_queue *q, lm_state *dst, int dst_row, const lm_state *src, int src_row)
{
    MLM_TRY(check_row(dst, dst_row, "copy to"));
    MLM_TRY(check_row(src, src_row, "copy from"));
    if (!same_shape(&dst->config, &src->config))
        return mlm_fail(MLM_E_SHAPE, "a recurrent state can be copied only between states of the same model");
    if (dst == src && dst_row == src_row)
        return MLM_OK;
    kn_copy_args conv = {row_over_layers(src->conv, src_row), row_over_layers(dst->conv, dst_row)};
    kn_copy_args ssm  = {row_over_layers(src->ssm, src_row), row_over_layers(dst->ssm, dst_row)};
    MLM_TRY(lm_state_settle(q, src, 0, src->config.n_layers, src_row, 1, false));
    MLM_TRY(lm_state_settle(q, dst, 0, dst->config.n_layers, dst_row, 1, true));
    MLM_TRY(kn_copy(q, &conv));
    return kn_copy(q, &ssm);
}

static mlm_status check_bytes(const lm_state *st, size_t bytes)
{
    size_t wanted = lm_config_state_bytes(&st->config);
    if (bytes != wanted)
        return mlm_fail(MLM_E_SHAPE, "a state of %zu bytes, must be %zu for this model", bytes, wanted);
    return MLM_OK;
}

/* Piece i of a row: a layer of conv, then a layer of ssm. */
static kn_tensor piece_of(const lm_state *st, int row, int piece)
{
    int L = st->config.n_layers;
    return row_of_layer(piece < L ? st->conv : st->ssm, piece % L, row);
}

int lm_state_pieces(const lm_state *st)
{
    return 2 * st->config.n_layers;
}

size_t lm_state_piece_bytes(const lm_state *st, int piece)
{
    return (size_t)kn_count(piece_of(st, 0, piece)) * sizeof(float);
}

mlm_status lm_state_export_piece(kn_queue *q, const lm_state *st, int row, int piece, void *dst)
{
    kn_tensor from = piece_of(st, row, piece);
    size_t    n    = lm_state_piece_bytes(st, piece);
    if (piece >= st->config.n_layers)
        MLM_TRY(lm_state_settle(q, st, piece - st->config.n_layers, 1, row, 1, false));
    if (from.dtype != KN_F32) {
        kn_copy_args copy = {from, st->row};
        MLM_TRY(kn_copy(q, &copy));
        from = st->row;
    }
    return kn_download(q, dst, from, n);
}

mlm_status lm_state_export_row(kn_queue *q, const lm_state *st, int row, void *dst, size_t bytes)
{
    MLM_TRY(check_row(st, row, "export"));
    MLM_TRY(check_bytes(st, bytes));
    char *p = dst;
    for (int i = 0; i < lm_state_pieces(st); i++) {
        MLM_TRY(lm_state_export_piece(q, st, row, i, p));
        p += lm_state_piece_bytes(st, i);
    }
    return MLM_OK;
}

/* No branch, so that it is done as fast as memory is read; which one it was is looked for when there is one. */
static mlm_status check_finite(const void *src, size_t bytes)
{
    const char *p     = src;
    uint32_t    most  = 0;
    size_t      count = bytes / sizeof most;
    for (size_t i = 0; i < count; i++) {
        uint32_t v;
        memcpy(&v, p + i * sizeof v, sizeof v);
        v &= 0x7fffffffu;
        most = v > most ? v : most;
    }
    for (size_t i = 0; i < count && most >= 0x7f800000u; i++) {
        float v;
        memcpy(&v, p + i * sizeof v, sizeof v);
        if (!isfinite(v))
            return mlm_fail(MLM_E_FORMAT, "element %zu of an imported state is not finite", i);
    }
    return MLM_OK;
}

static mlm_status send_piece(kn_queue *q, lm_state *st, int row, int piece, const void *src)
{
    kn_tensor    to   = piece_of(st, row, piece);
    kn_copy_args copy = {st->row, to};
    bool         wide = to.dtype == KN_F32;
    if (piece >= st->config.n_layers)
        MLM_TRY(lm_state_settle(q, st, piece - st->config.n_layers, 1, row, 1, true));
    MLM_TRY(kn_upload(q, wide ? to : st->row, src, lm_state_piece_bytes(st, piece)));
    return wide ? MLM_OK : kn_copy(q, &copy);
}

mlm_status lm_state_import_piece(kn_queue *q, lm_state *st, int row, int piece, const void *src)
{
    MLM_TRY(check_finite(src, lm_state_piece_bytes(st, piece)));
    return send_piece(q, st, row, piece, src);
}

mlm_status lm_state_import_row(kn_queue *q, lm_state *st, int row, const void *src, size_t bytes)
{
    MLM_TRY(check_row(st, row, "import"));
    MLM_TRY(check_bytes(st, bytes));
    MLM_TRY(check_finite(src, bytes)); /* all of it, before anything changes */
    const char *p = src;
    for (int i = 0; i < lm_state_pieces(st); i++) {
        MLM_TRY(send_piece(q, st, row, i, p));
        p += lm_state_piece_bytes(st, i);
    }
    return MLM_OK;
}
