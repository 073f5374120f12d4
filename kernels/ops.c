/*
 * ops.c: the entries of the ops.  Each one checks its arguments once, for all backends, and calls the
 * device's table.  An op with nothing to write (no rows, no tokens) is done when its checks have passed.
 */
#include "kernels/base/mlm_dtype.h"
#include "kernels/ops_check.h"

const char *const kn_op_names[KN_OP_COUNT] = {
#define X(op) [KN_OP_##op] = #op,
    KN_OP_LIST(X)
#undef X
};

static kn_check check_begin(const kn_queue *q, kn_op op)
{
    return (kn_check){.dev = q->dev, .op = kn_op_names[op]};
}

static int64_t width_of(kn_tensor t)
{
    return t.rank >= 1 && t.rank <= KN_MAX_RANK ? t.dim[t.rank - 1] : 0;
}

/* ---- dense --------------------------------------------------------------------------------------- */

static void check_linear(kn_check *c, const kn_linear_args *a)
{
    kn_check_matrix(c, "w", a->w);
    if (c->status != MLM_OK)
        return;
    c->w = a->w;
    kn_check_rows(c, "x", a->x, NULL, a->w->in);
    kn_check_rows(c, "y", a->y, &a->x, a->w->out);
    kn_check_optional(c, "bias", a->bias, a->y.dtype == KN_BF16 ? KN_BITS_ACT : KN_BIT(KN_F32), 1, &a->w->out,
                      "N");
    kn_check_vector(c, "gamma", a->gamma, a->w->out, true);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, true);
    if (kn_present(a->residual)) {
        if (a->y.rank == 3 && a->residual.rank == 2)
            kn_check_tensor(c, "residual", a->residual, KN_BITS_ACT, 2, KN_DIMS(a->y.dim[1], a->w->out),
                            "TD");
        else
            kn_check_rows(c, "residual", a->residual, &a->y, a->w->out);
        kn_check_same_dtype(c, "residual", a->residual, "y", a->y, false);
    }
    kn_check_range(c, "act", (int64_t)a->act, 0, KN_ACT_COUNT - 1);
    c->w = NULL;
}

static void check_swiglu(kn_check *c, const kn_swiglu_args *a)
{
    kn_check_rows(c, "gate", a->gate, NULL, KN_ANY);
    kn_check_rows(c, "up", a->up, &a->gate, width_of(a->gate));
    kn_check_rows(c, "y", a->y, &a->gate, width_of(a->gate));
    kn_check_same_dtype(c, "up", a->up, "gate", a->gate, false);
    kn_check_same_dtype(c, "y", a->y, "gate", a->gate, false);
}

static void check_embed(kn_check *c, const kn_embed_args *a)
{
    kn_check_matrix(c, "table", a->table);
    if (c->status != MLM_OK)
        return;
    kn_check_rows(c, "y", a->y, NULL, a->table->in);
    if (c->status == MLM_OK)
        kn_check_index(c, "ids", a->ids, a->y.rank == 3 ? a->y.dim[0] * a->y.dim[1] : a->y.dim[0], false);
}

static void check_argmax(kn_check *c, const kn_argmax_args *a)
{
    kn_check_tensor(c, "x", a->x, KN_BIT(KN_F32), 2, KN_DIMS(KN_ANY, KN_ANY), "RV");
    if (c->status != MLM_OK)
        return;
    kn_check_that(c, a->x.dim[1] >= 1 && a->x.dim[1] <= INT32_MAX, MLM_E_SHAPE,
                  "x has no columns, or too many");
    kn_check_index(c, "ids", a->ids, a->x.dim[0], false);
    kn_check_range(c, "n_valid", a->n_valid, 0, a->x.dim[1]);
}

/* ---- norms --------------------------------------------------------------------------------------- */

static void check_layernorm(kn_check *c, const kn_layernorm_args *a)
{
    kn_check_rows(c, "x", a->x, NULL, KN_ANY);
    kn_check_vector(c, "w", a->w, width_of(a->x), false);
    kn_check_vector(c, "b", a->b, width_of(a->x), false);
    kn_check_rows(c, "y", a->y, &a->x, width_of(a->x));
    kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
    kn_check_number(c, "eps", a->eps, 0.0f);
}

static void check_rmsnorm(kn_check *c, const kn_rmsnorm_args *a)
{
    kn_check_rows(c, "x", a->x, NULL, KN_ANY);
    kn_check_vector(c, "w", a->w, width_of(a->x), false);
    kn_check_rows(c, "y", a->y, &a->x, width_of(a->x));
    if (c->status == MLM_OK && a->x.dtype == KN_BF16)
        kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
    kn_check_number(c, "eps", a->eps, 0.0f);
}

static void check_rmsnorm_gated(kn_check *c, const kn_rmsnorm_gated_args *a)
{
    int64_t D = width_of(a->x);
    kn_check_rows(c, "x", a->x, NULL, KN_ANY);
    kn_check_rows(c, "z", a->z, &a->x, D);
    kn_check_rows(c, "y", a->y, &a->x, D);
    kn_check_vector(c, "w", a->w, D, false);
    if (a->z.dtype != KN_BF16)
        kn_check_same_dtype(c, "z", a->z, "x", a->x, false);
    if (c->status == MLM_OK && (a->x.dtype == KN_BF16 || a->accumulate))
        kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
    kn_check_number(c, "eps", a->eps, 0.0f);
    kn_check_number(c, "scale", a->scale, -1e30f);
    kn_check_that(c, a->n_groups >= 1 && D % (a->n_groups > 0 ? a->n_groups : 1) == 0, MLM_E_SHAPE,
                  "n_groups does not divide the width of x");
    if (kn_present(a->x2)) {
        kn_check_rows(c, "x2", a->x2, &a->x, D);
        kn_check_same_dtype(c, "x2", a->x2, "x", a->x, false);
        kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
        kn_check_that(c, !a->accumulate, MLM_E_UNSUPPORTED, "x2 is given to accumulate");
    }
    if (a->accumulate || kn_present(a->x2))
        kn_check_disjoint(c, "x", a->x, "y", a->y);
}

/* ---- pictures and attention ---------------------------------------------------------------------- */

static void check_patchify(kn_check *c, const kn_patchify_args *a)
{
    bool bytes = a->pixels.dtype == KN_U8;
    kn_check_tensor(c, "pixels", a->pixels, KN_BIT(KN_F32) | KN_BIT(KN_U8), 4,
                    bytes ? KN_DIMS(KN_ANY, KN_ANY, KN_ANY, 3) : KN_DIMS(KN_ANY, 3, KN_ANY, KN_ANY),
                    bytes ? "BSS3" : "B3SS");
    if (c->status != MLM_OK)
        return;
    int64_t S = a->pixels.dim[2];
    kn_check_that(c, a->pixels.dim[bytes ? 1 : 3] == S, MLM_E_SHAPE, "pixels are not square");
    if (bytes) {
        kn_check_tensor(c, "table", a->table, KN_BIT(KN_F32), 2, KN_DIMS(3, 257), "CV");
        kn_check_tensor(c, "place", a->place, KN_BIT(KN_I32), 2, KN_DIMS(a->pixels.dim[0], 4), "B4");
        kn_check_that(c, a->pixels.stride[2] == 3, MLM_E_SHAPE, "pixels of a row are not side by side");
        kn_check_that(c, c->status != MLM_OK || kn_is_contiguous(a->table), MLM_E_SHAPE,
                      "table is not contiguous");
    } else {
        kn_check_that(c, !kn_present(a->table) && !kn_present(a->place), MLM_E_SHAPE,
                      "table and place belong to u8 pixels");
    }
    kn_check_range(c, "patch", a->patch, 1, S);
    if (c->status != MLM_OK)
        return;
    int64_t   n    = S / a->patch;
    kn_tensor like = {.rank = 3, .dim = {a->pixels.dim[0], n * n}};
    kn_check_sequence(c, "y", a->y, &like, (int64_t)3 * a->patch * a->patch);
}

static void check_attention(kn_check *c, const kn_attention_args *a)
{
    kn_check_sequence(c, "qkv", a->qkv, NULL, KN_ANY);
    if (c->status != MLM_OK)
        return;
    int64_t D = a->qkv.dim[2] / 3;
    kn_check_that(
        c, a->n_heads >= 1 && D * 3 == a->qkv.dim[2] && D % (a->n_heads > 0 ? a->n_heads : 1) == 0 && D > 0,
        MLM_E_SHAPE, "the width of qkv is not 3 * n_heads * head_dim");
    if (c->status != MLM_OK)
        return;
    kn_check_range(c, "head_dim", D / a->n_heads, 1, KN_MAX_HEAD_DIM);
    kn_check_sequence(c, "y", a->y, &a->qkv, D);
    kn_check_index(c, "len", a->len, a->qkv.dim[0], true);
    kn_check_same_dtype(c, "y", a->y, "qkv", a->qkv, false);
    kn_check_number(c, "scale", a->scale, 0.0f);
}

/* ---- moving rows --------------------------------------------------------------------------------- */

/* The one op where bf16 passes on every device, so shapes are checked without kn_check_rows. */
static void check_copy(kn_check *c, const kn_copy_args *a)
{
    unsigned in   = KN_BITS_ACT | KN_BIT(KN_F16);
    int      rank = a->x.rank == 3 ? 3 : 2;
    kn_check_tensor(c, "x", a->x, in, rank, KN_DIMS(KN_ANY, KN_ANY, KN_ANY), rank == 3 ? "BTD" : "RD");
    if (c->status != MLM_OK)
        return;
    if (rank == 2 && a->y.rank == 3)
        kn_check_tensor(c, "y", a->y, KN_BITS_ACT, 3, KN_DIMS(KN_ANY, a->x.dim[0], a->x.dim[1]), "BTD");
    else
        kn_check_tensor(c, "y", a->y, KN_BITS_ACT, rank, a->x.dim, "BTD");
    kn_check_that(c, a->x.dtype != KN_F16 || a->y.dtype == KN_F32, MLM_E_DTYPE, "x is f16, wanted y f32");
    kn_check_disjoint(c, "x", a->x, "y", a->y);
}

static void check_take_rows(kn_check *c, const kn_take_rows_args *a)
{
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    if (c->status != MLM_OK)
        return;
    kn_tensor like = {.rank = 2, .dim = {a->x.dim[0]}};
    kn_check_index(c, "index", a->index, a->x.dim[0], false);
    kn_check_rows(c, "y", a->y, &like, a->x.dim[2]);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, true);
    kn_check_that(c, a->x.dim[1] >= 1 || a->x.dim[0] == 0, MLM_E_SHAPE, "x has no rows to take");
}

/* ---- state space --------------------------------------------------------------------------------- */

static void check_conv1d(kn_check *c, const kn_conv1d_args *a)
{
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    if (c->status != MLM_OK)
        return;
    int64_t B = a->x.dim[0], T = a->x.dim[1], C = a->x.dim[2];
    kn_check_tensor(c, "w", a->w, KN_BIT(KN_F32), 2, KN_DIMS(C, KN_ANY), "CK");
    if (c->status != MLM_OK)
        return;
    int64_t K = a->w.dim[1];
    kn_check_range(c, "K", K, 2, KN_MAX_CONV);
    kn_check_that(c, kn_is_contiguous(a->w), MLM_E_SHAPE, "w is strided, wanted a contiguous tensor");
    kn_check_vector(c, "bias", a->bias, C, true);
    kn_check_state(c, "state", a->state, 3, KN_DIMS(B, K - 1, C), "BKC", true);
    kn_check_index(c, "len", a->len, B, true);
    kn_check_index(c, "order", a->order, T, true);
    kn_check_sequence(c, "y", a->y, &a->x, C);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
    kn_check_that(c, !kn_present(a->order) || (!kn_present(a->state) && !kn_present(a->len)), MLM_E_SHAPE,
                  "order is given together with state or len");
    kn_check_disjoint(c, "x", a->x, "y", a->y);
    if (!kn_present(a->kept))
        return;
    kn_check_state(c, "kept", a->kept, 3, KN_DIMS(B, K - 1, C), "BKC", false);
    kn_check_range(c, "cut", a->cut, K - 1, T);
    kn_check_that(c, !kn_present(a->order) && !kn_present(a->len), MLM_E_SHAPE,
                  "kept is given together with order or len");
    if (kn_present(a->state))
        kn_check_disjoint(c, "kept", a->kept, "state", a->state);
}

/* fused: the state may be bf16 */
static void check_ssd(kn_check *c, const kn_ssd_args *a, bool step, bool fused)
{
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    kn_check_sequence(c, "b", a->b, &a->x, KN_ANY);
    if (c->status != MLM_OK)
        return;
    int64_t B = a->x.dim[0], T = a->x.dim[1], H = a->n_heads, G = a->n_groups;
    kn_check_that(c, H >= 1 && G >= 1 && H % (G > 0 ? G : 1) == 0, MLM_E_SHAPE,
                  "n_heads is not a positive multiple of n_groups");
    if (c->status != MLM_OK)
        return;
    kn_check_that(c, a->x.dim[2] % H == 0 && a->b.dim[2] % G == 0, MLM_E_SHAPE,
                  "the width of x is not a multiple of n_heads, or that of b not of n_groups");
    int64_t P = a->x.dim[2] / H, N = a->b.dim[2] / G;
    kn_check_range(c, "head_dim", P, 1, KN_MAX_HEAD_DIM);
    kn_check_range(c, "d_state", N, 1, KN_MAX_STATE);
    kn_check_that(c, !step || T == 1, MLM_E_SHAPE, "x has other than one token a row");
    kn_check_sequence(c, "c", a->c, &a->x, G * N);
    kn_check_tensor(c, "dt", a->dt, a->x.dtype == KN_BF16 ? KN_BITS_ACT : KN_BIT(KN_F32), 3, KN_DIMS(B, T, H),
                    "BTH");
    kn_check_vector(c, "a", a->a, H, false);
    kn_check_vector(c, "d", a->d, H, true);
    kn_check_vector(c, "dt_bias", a->dt_bias, H, true);
    if (fused && a->state.dtype == KN_BF16) {
        kn_check_tensor(c, "state", a->state, KN_BITS_ACT, 4, KN_DIMS(B, H, P, N), "BHPN");
        kn_check_that(c, c->status != MLM_OK || B == 0 || kn_is_contiguous(kn_row(a->state, 0)), MLM_E_SHAPE,
                      "state has strided rows");
    } else {
        kn_check_state(c, "state", a->state, 4, KN_DIMS(B, H, P, N), "BHPN", !step);
    }
    if (kn_present(a->start)) {
        kn_check_state(c, "start", a->start, 4, KN_DIMS(B, H, P, N), "BHPN", false);
        kn_check_that(c, !step && T > 0 && kn_present(a->state) && !kn_present(a->len), MLM_E_SHAPE,
                      "start is given to a step, or without state or tokens, or together with len");
        kn_check_disjoint(c, "start", a->start, "state", a->state);
    }
    if (kn_present(a->kept)) {
        kn_check_state(c, "kept", a->kept, 4, KN_DIMS(B, H, P, N), "BHPN", false);
        kn_check_that(c,
                      !step && a->cut > 0 && a->cut < T && kn_present(a->state) && !kn_present(a->start) &&
                          !kn_present(a->len) && !kn_present(a->order),
                      MLM_E_SHAPE,
                      "kept is given to a step, or without state, or with start, len or order, or cut is not "
                      "1 to T - 1");
        kn_check_disjoint(c, "kept", a->kept, "state", a->state);
    }
    kn_check_index(c, "len", a->len, B, true);
    kn_check_index(c, "order", a->order, T, true);
    kn_check_sequence(c, "y", a->y, &a->x, H * P);
    kn_check_same_dtype(c, "b", a->b, "x", a->x, false);
    kn_check_same_dtype(c, "c", a->c, "x", a->x, false);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, true);
    kn_check_that(c, !a->accumulate || a->y.dtype == KN_F32, MLM_E_DTYPE,
                  "y is bf16, wanted f32 to accumulate");
    kn_check_that(c, !kn_present(a->order) || (!kn_present(a->state) && !kn_present(a->len)), MLM_E_SHAPE,
                  "order is given together with state or len");
    kn_check_number(c, "dt_min", a->dt_min, 0.0f);
    kn_check_that(c, a->dt_max >= 0.0f && (a->dt_max == 0.0f || a->dt_max >= a->dt_min), MLM_E_RANGE,
                  "dt_max is below dt_min");
}

static void check_ssd_scan(kn_check *c, const kn_ssd_scan_args *a)
{
    check_ssd(c, a, false, false);
}

static void check_ssd_step(kn_check *c, const kn_ssd_step_args *a)
{
    check_ssd(c, a, true, false);
}

static void check_s6_scan(kn_check *c, const kn_s6_scan_args *a)
{
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    kn_check_sequence(c, "b", a->b, &a->x, KN_ANY);
    if (c->status != MLM_OK)
        return;
    int64_t B = a->x.dim[0], D = a->x.dim[2], N = a->b.dim[2];
    kn_check_range(c, "state size", N, 1, KN_MAX_STATE);
    kn_check_sequence(c, "c", a->c, &a->x, N);
    kn_check_sequence(c, "dt", a->dt, &a->x, D);
    kn_check_that(c, a->dt.dtype == KN_F32, MLM_E_DTYPE, "dt is bf16, wanted f32");
    kn_check_tensor(c, "a", a->a, KN_BIT(KN_F32), 2, KN_DIMS(D, N), "DN");
    kn_check_that(c, kn_is_contiguous(a->a), MLM_E_SHAPE, "a is strided, wanted a contiguous tensor");
    kn_check_vector(c, "skip", a->skip, D, true);
    kn_check_vector(c, "dt_bias", a->dt_bias, D, true);
    kn_check_state(c, "state", a->state, 3, KN_DIMS(B, D, N), "BDN", true);
    kn_check_index(c, "len", a->len, B, true);
    kn_check_sequence(c, "y", a->y, &a->x, D);
    kn_check_same_dtype(c, "b", a->b, "x", a->x, false);
    kn_check_same_dtype(c, "c", a->c, "x", a->x, false);
    if (kn_present(a->z)) {
        kn_check_sequence(c, "z", a->z, &a->x, D);
        kn_check_same_dtype(c, "z", a->z, "x", a->x, false);
    }
    if (c->status == MLM_OK && a->x.dtype == KN_BF16)
        kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
}

/* ---- grids of tokens ----------------------------------------------------------------------------- */

static void check_pool2d(kn_check *c, const kn_pool2d_args *a)
{
    kn_check_range(c, "from", a->from, 1, 4096);
    kn_check_range(c, "to", a->to, 1, 4096);
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    if (c->status != MLM_OK)
        return;
    kn_tensor like = {.rank = 3, .dim = {a->x.dim[0], (int64_t)a->to * a->to}};
    kn_check_that(c, a->x.dim[1] == (int64_t)a->from * a->from, MLM_E_SHAPE, "x has not from * from tokens");
    kn_check_sequence(c, "y", a->y, &like, a->x.dim[2]);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, false);
    kn_check_disjoint(c, "x", a->x, "y", a->y);
}

static void check_dwconv2d(kn_check *c, const kn_dwconv2d_args *a)
{
    kn_check_range(c, "side", a->side, 1, 4096);
    kn_check_sequence(c, "x", a->x, NULL, KN_ANY);
    if (c->status != MLM_OK)
        return;
    int64_t D = a->x.dim[2];
    kn_check_that(c, a->x.dim[1] == (int64_t)a->side * a->side, MLM_E_SHAPE, "x has not side * side tokens");
    kn_check_tensor(c, "w", a->w, KN_BIT(KN_F32), 2, KN_DIMS(D, 9), "DK");
    kn_check_that(c, kn_is_contiguous(a->w), MLM_E_SHAPE, "w is strided, wanted a contiguous tensor");
    kn_check_vector(c, "bias", a->bias, D, false);
    kn_check_sequence(c, "y", a->y, &a->x, D);
    kn_check_same_dtype(c, "y", a->y, "x", a->x, true);
    kn_check_disjoint(c, "x", a->x, "y", a->y);
}

/* ---- reference rounding -------------------------------------------------------------------------- */

/* Values that PyTorch in bf16 would keep in bf16, on a host device with round_bf16. */
static void round_values(const kn_queue *q, kn_tensor t)
{
    if (!q->dev->round_bf16 || !kn_present(t) || t.dtype != KN_F32)
        return;
    int64_t width = t.dim[t.rank - 1], rows = kn_count(t) / (width > 0 ? width : 1);
    for (int64_t r = 0; r < rows; r++) {
        float  *v    = kn_data(t);
        int64_t rest = r;
        for (int i = t.rank - 2; i >= 0; i--) {
            v += rest % t.dim[i] * t.stride[i];
            rest /= t.dim[i];
        }
        for (int64_t k = 0; k < width; k++)
            v[k] = mlm_bf16_to_f32(mlm_f32_to_bf16(v[k]));
    }
}

/* ---- entries ------------------------------------------------------------------------------------- */

/* rounded: what round_bf16 rounds of an op's result; a linear rounds by itself, the others only move values. */
#define ENTRY(op, output) ENTRY_ROUNDED(op, output, (kn_tensor){0}, (kn_tensor){0})
#define ENTRY_F(op)       ENTRY_ROUNDED(op, y, a->y, (kn_tensor){0})
#define ENTRY_S(op)       ENTRY_ROUNDED(op, y, a->y, a->state)
#define ENTRY_ROUNDED(op, output, first, second)                                                             \
    mlm_status kn_##op(kn_queue *q, const kn_##op##_args *a)                                                 \
    {                                                                                                        \
        kn_check c = check_begin(q, KN_OP_##op);                                                             \
        check_##op(&c, a);                                                                                   \
        if (c.status != MLM_OK || kn_count(a->output) == 0)                                                  \
            return c.status;                                                                                 \
        MLM_TRY(kn_backend_status(q->dev, q->dev->be->op(q, a)));                                            \
        round_values(q, first);                                                                              \
        round_values(q, second);                                                                             \
        return MLM_OK;                                                                                       \
    }

ENTRY(linear, y)
ENTRY_F(layernorm)
ENTRY_F(rmsnorm)
ENTRY_F(rmsnorm_gated)
ENTRY_F(patchify)
ENTRY_F(attention)
ENTRY_F(swiglu)
ENTRY(copy, y)
ENTRY(take_rows, y)
ENTRY(embed, y)
ENTRY_F(conv1d)
ENTRY_S(ssd_step)
ENTRY_S(s6_scan)
ENTRY_F(pool2d)
ENTRY_F(dwconv2d)
ENTRY(argmax, ids)

static mlm_status run_scan(kn_queue *q, const kn_ssd_scan_args *a)
{
    MLM_TRY(kn_backend_status(q->dev, q->dev->be->ssd_scan(q, a)));
    round_values(q, a->y);
    round_values(q, a->state);
    return MLM_OK;
}

kn_ssd_args kn_ssd_part(const kn_ssd_args *a, int64_t from, int64_t n)
{
    kn_ssd_args part = *a;
    part.x           = kn_slice(a->x, 1, from, n);
    part.b           = kn_slice(a->b, 1, from, n);
    part.c           = kn_slice(a->c, 1, from, n);
    part.dt          = kn_slice(a->dt, 1, from, n);
    part.y           = kn_slice(a->y, 1, from, n);
    part.kept        = (kn_tensor){0};
    part.cut         = 0;
    return part;
}

/* With `kept` it is two, unless the backend can: the first leaves its state there, the second goes on from it. */
mlm_status kn_ssd_scan(kn_queue *q, const kn_ssd_scan_args *a)
{
    kn_check c = check_begin(q, KN_OP_ssd_scan);
    check_ssd_scan(&c, a);
    if (c.status != MLM_OK || kn_count(a->y) == 0)
        return c.status;
    if (!kn_present(a->kept))
        return run_scan(q, a);
    bool done = false;
    if (q->dev->be->ssd_scan_kept != NULL)
        MLM_TRY(kn_backend_status(q->dev, q->dev->be->ssd_scan_kept(q, a, &done)));
    if (done)
        return MLM_OK;
    kn_ssd_args first = kn_ssd_part(a, 0, a->cut), then = kn_ssd_part(a, a->cut, a->x.dim[1] - a->cut);
    first.start = a->state;
    first.state = then.start = a->kept;
    MLM_TRY(run_scan(q, &first));
    return run_scan(q, &then);
}

static void two_ops(const kn_norm_linear_args *a, kn_rmsnorm_gated_args *norm, kn_linear_args *linear)
{
    *norm = (kn_rmsnorm_gated_args){
        .x = a->x, .z = a->z, .w = a->norm, .y = a->normed, .eps = a->eps, .n_groups = a->n_groups};
    *linear = (kn_linear_args){
        .x = a->normed, .w = a->w, .residual = a->residual, .y = a->y, .f32_sum = a->f32_sum};
}

static mlm_status check_norm_linear(kn_queue *q, const kn_norm_linear_args *a)
{
    kn_rmsnorm_args       plain = {.x = a->x, .w = a->norm, .y = a->normed, .eps = a->eps};
    kn_rmsnorm_gated_args gated;
    kn_linear_args        linear;
    kn_check              c = check_begin(q, kn_present(a->z) ? KN_OP_rmsnorm_gated : KN_OP_rmsnorm);
    two_ops(a, &gated, &linear);
    if (kn_present(a->z))
        check_rmsnorm_gated(&c, &gated);
    else
        check_rmsnorm(&c, &plain);
    c.op = kn_op_names[KN_OP_linear];
    check_linear(&c, &linear);
    return c.status;
}

mlm_status kn_norm_linear(kn_queue *q, const kn_norm_linear_args *a)
{
    kn_rmsnorm_args       plain = {.x = a->x, .w = a->norm, .y = a->normed, .eps = a->eps};
    kn_rmsnorm_gated_args gated;
    kn_linear_args        linear;
    two_ops(a, &gated, &linear);
    if (q->dev->be->norm_linear != NULL) {
        bool done = false;
        MLM_TRY(check_norm_linear(q, a));
        if (kn_count(a->y) == 0)
            return MLM_OK;
        MLM_TRY(kn_backend_status(q->dev, q->dev->be->norm_linear(q, a, &done)));
        if (done)
            return MLM_OK;
    }
    MLM_TRY(kn_present(a->z) ? kn_rmsnorm_gated(q, &gated) : kn_rmsnorm(q, &plain));
    return kn_linear(q, &linear);
}

bool kn_can_write_late(const kn_device *dev, int64_t H, int64_t P, int64_t N)
{
    return dev->be->settle != NULL && H > 0 && P % 16 == 0 && N % 4 == 0 && N <= 128;
}

static void check_late(kn_check *c, kn_tensor late, int rank, const int64_t *dim, const kn_tensor *state)
{
    int64_t H = state->dim[rank - 1], P = state->dim[rank], N = state->dim[rank + 1], W = late.dim[rank - 1];
    int64_t least = kn_late_width(1, H, P, N), step = kn_late_token(H, P, N);
    kn_check_tensor(c, "late", late, KN_BIT(KN_F32), rank, dim, rank == 3 ? "LBW" : "BW");
    if (c->status != MLM_OK)
        return;
    kn_check_that(c, kn_can_write_late(c->dev, H, P, N), MLM_E_UNSUPPORTED,
                  "states of this shape are not written late here");
    kn_check_that(c,
                  late.stride[rank - 1] == 1 && W >= least && (W - least) % step == 0 &&
                      (W - least) / step < KN_LATE_MOST,
                  MLM_E_SHAPE, "late has not the width of 1 to 3 tokens, or no contiguous rows");
}

static mlm_status check_conv_ssd_step(kn_queue *q, const kn_conv1d_args *conv, const kn_ssd_step_args *step,
                                      kn_tensor z)
{
    kn_check c = check_begin(q, KN_OP_conv1d);
    check_conv1d(&c, conv);
    c.op = kn_op_names[KN_OP_ssd_step];
    check_ssd(&c, step, true, true);
    kn_check_rows(&c, "z", z, &step->y, width_of(step->y));
    if (c.status == MLM_OK && kn_present(step->late))
        check_late(&c, step->late, 2, KN_DIMS(step->state.dim[0], step->late.dim[1]), &step->state);
    return c.status;
}

mlm_status kn_settle(kn_queue *q, const kn_settle_args *a)
{
    kn_check c = check_begin(q, KN_OP_ssd_step);
    kn_check_that(&c, a->state.rank == 5 && a->late.rank == 3, MLM_E_SHAPE,
                  "state is not [L,B,H,P,N], or late not [L,B,W]");
    if (c.status != MLM_OK)
        return c.status;
    kn_check_tensor(&c, "state", a->state, KN_BITS_ACT, 5, a->state.dim, "LBHPN");
    check_late(&c, a->late, 3, KN_DIMS(a->state.dim[0], a->state.dim[1], a->late.dim[2]), &a->state);
    kn_check_that(
        &c, c.status != MLM_OK || kn_count(a->state) == 0 || kn_is_contiguous(kn_row(kn_row(a->state, 0), 0)),
        MLM_E_SHAPE, "state has strided rows");
    if (c.status != MLM_OK || kn_count(a->state) == 0)
        return c.status;
    return kn_backend_status(q->dev, q->dev->be->settle(q, a));
}

mlm_status kn_conv_ssd_step(kn_queue *q, const kn_conv1d_args *conv, const kn_ssd_step_args *step,
                            kn_tensor z, bool *gated)
{
    *gated = false;
    if (q->dev->be->conv_ssd_step != NULL || kn_present(step->late)) {
        MLM_TRY(check_conv_ssd_step(q, conv, step, z));
        if (kn_count(step->y) == 0)
            return MLM_OK;
        MLM_TRY(kn_backend_status(q->dev, q->dev->be->conv_ssd_step(q, conv, step, z, gated)));
        if (*gated)
            return MLM_OK;
    }
    MLM_TRY(kn_conv1d(q, conv));
    return kn_ssd_step(q, step);
}

mlm_status kn_project_step(kn_queue *q, const kn_norm_linear_args *in, const kn_conv1d_args *conv,
                           const kn_ssd_step_args *step, kn_tensor z, bool *gated)
{
    *gated = false;
    if (q->dev->be->project_step != NULL && !kn_present(step->late)) {
        MLM_TRY(check_norm_linear(q, in));
        MLM_TRY(check_conv_ssd_step(q, conv, step, z));
        if (kn_count(step->y) == 0)
            return MLM_OK;
        MLM_TRY(kn_backend_status(q->dev, q->dev->be->project_step(q, in, conv, step, z, gated)));
        if (*gated)
            return MLM_OK;
    }
    MLM_TRY(kn_norm_linear(q, in));
    return kn_conv_ssd_step(q, conv, step, z, gated);
}
