/* op_build.c: the tensors of an op_case and their data (see op_run.h). */
#include "tests/support/op_run.h"

#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAD_BEFORE 3
#define PAD_AFTER  4

/* ---- data ---------------------------------------------------------------------------------------- */

/* What a tensor is filled with: scale * (normal or uniform) + shift. */
typedef struct fill {
    bool  uniform, output;
    float scale, shift;
} fill;

static const fill NORMAL = {.scale = 1.0f};
static const fill OUTPUT = {.output = true};

static uint16_t to_f16(float v)
{
    /* Values of the tests are multiples of 1/64 below 32: exact in f16. */
    int32_t  n    = (int32_t)lrintf(fabsf(v) * 64.0f);
    uint16_t sign = v < 0.0f ? 0x8000u : 0u, exponent = 9; /* of n * 2^-6 with 1 <= n < 2 */
    if (n <= 0)
        return sign;
    if (n > 2047)
        n = 2047;
    while (n >= 2 << (exponent - 9))
        exponent++;
    uint32_t mantissa = ((uint32_t)n << 10 >> (exponent - 9)) & 0x3ffu;
    return (uint16_t)(sign | (uint32_t)exponent << 10 | mantissa);
}

void op_put(void *data, kn_dtype dtype, int64_t i, float v)
{
    if (dtype == KN_BF16)
        ((uint16_t *)data)[i] = mlm_f32_to_bf16(v);
    else if (dtype == KN_F16)
        ((uint16_t *)data)[i] = to_f16(v);
    else
        ((float *)data)[i] = v;
}

static mlm_rng next_stream(op_run *r)
{
    return mlm_rng_seed(20260729u, ((uint64_t)r->c->op << 32) + r->n_tensors++);
}

static void fill_tensor(op_run *r, kn_tensor t, fill f)
{
    mlm_rng rng = next_stream(r);
    for (int64_t i = 0, n = kn_count(t); i < n && !f.output; i++) {
        int64_t at = 0, rest = i;
        for (int axis = t.rank - 1; axis >= 0; axis--) {
            at += rest % t.dim[axis] * t.stride[axis];
            rest /= t.dim[axis];
        }
        float v = f.uniform ? mlm_rng_uniform(&rng) : mlm_rng_normal(&rng);
        op_put(r->image + t.offset, t.dtype, at, f.scale * v + f.shift);
    }
}

/* A tensor of the run; strided ones lie inside a wider one whose other columns are NaN. */
static kn_tensor make(op_run *r, kn_dtype dtype, int rank, const int64_t *dim, bool strided, fill f)
{
    int64_t wide[KN_MAX_RANK];
    memcpy(wide, dim, (size_t)rank * sizeof *wide);
    if (strided)
        wide[rank - 1] += PAD_BEFORE + PAD_AFTER;
    kn_tensor t = kn_arena_take(&r->arena, dtype, rank, wide);
    if (strided)
        t = kn_slice(t, rank - 1, PAD_BEFORE, dim[rank - 1]);
    if (r->image != NULL)
        fill_tensor(r, t, f);
    return t;
}

/* Activations [B,T,width], or [T,width] when the case has no batch. */
static kn_tensor rows(op_run *r, kn_dtype dtype, int64_t width, fill f)
{
    const op_case *c       = r->c;
    bool           strided = (c->flags & OP_STRIDED) != 0;
    if (c->B > 0)
        return make(r, dtype, 3, KN_DIMS(c->B, c->T, width), strided, f);
    return make(r, dtype, 2, KN_DIMS(c->T, width), strided, f);
}

static kn_tensor vector(op_run *r, int64_t n, float scale, float shift)
{
    return make(r, KN_F32, 1, &n, false, (fill){.scale = scale, .shift = shift});
}

static kn_tensor optional_vector(op_run *r, unsigned flag, int64_t n, float scale, float shift)
{
    return r->c->flags & flag ? vector(r, n, scale, shift) : (kn_tensor){0};
}

/* i32 [n]; the values are set by the caller through int_at. */
static kn_tensor ints(op_run *r, int64_t n)
{
    return make(r, KN_I32, 1, &n, false, OUTPUT);
}

static int32_t *int_at(op_run *r, kn_tensor t)
{
    return r->image != NULL ? (int32_t *)(void *)(r->image + t.offset) : NULL;
}

static kn_tensor make_len(op_run *r)
{
    const op_case *c = r->c;
    if (!(c->flags & OP_LEN))
        return (kn_tensor){0};
    kn_tensor t   = ints(r, c->B);
    int32_t  *len = int_at(r, t);
    mlm_rng   rng = next_stream(r);
    for (int64_t b = 0; len != NULL && b < c->B; b++) {
        int32_t T    = (int32_t)c->T;
        int32_t some = (int32_t)(mlm_rng_next(&rng) % (uint32_t)(T + 1));
        len[b]       = b == 0 ? T : b == 1 ? 0 : b == 2 ? (T + 1) / 2 : some;
    }
    r->len = t;
    return t;
}

static kn_tensor make_order(op_run *r)
{
    const op_case *c = r->c;
    if (!(c->flags & OP_ORDER))
        return (kn_tensor){0};
    kn_tensor t     = ints(r, c->T);
    int32_t  *order = int_at(r, t);
    mlm_rng   rng   = next_stream(r);
    for (int32_t i = 0; order != NULL && i < (int32_t)c->T; i++) {
        int32_t j = (int32_t)(mlm_rng_next(&rng) % (uint32_t)(i + 1));
        order[i]  = order[j];
        order[j]  = i;
    }
    return t;
}

static void add_output(op_run *r, const char *name, kn_tensor t, bool by_len)
{
    r->out[r->n_out++] = (op_output){t, name, by_len && (r->c->flags & OP_LEN)};
}

static kn_dtype y_dtype(const op_case *c)
{
    return c->flags & OP_Y_F32 ? KN_F32 : c->flags & OP_Y_BF16 ? KN_BF16 : c->x_dtype;
}

static kn_dtype side_dtype(const op_case *c)
{
    return c->flags & OP_SIDE_BF16 ? KN_BF16 : c->x_dtype;
}

/* y of a row op: x itself, a tensor with old values to add to, or an empty one. */
static kn_tensor make_y(op_run *r, kn_tensor x, int64_t width)
{
    const op_case *c = r->c;
    kn_tensor      y =
        c->flags & OP_IN_PLACE ? x : rows(r, y_dtype(c), width, c->flags & OP_ACCUMULATE ? NORMAL : OUTPUT);
    add_output(r, "y", y, true);
    return y;
}

/* ---- one builder for each group of ops ----------------------------------------------------------- */

static void build_linear(op_run *r)
{
    const op_case  *c = r->c;
    kn_linear_args *a = &r->args.linear;
    a->x              = rows(r, c->x_dtype, c->D, NORMAL);
    if (c->flags & OP_BIAS)
        a->bias = make(r, c->flags & OP_SIDE_BF16 ? KN_BF16 : KN_F32, 1, &c->O, false, NORMAL);
    a->gamma = optional_vector(r, OP_GAMMA, c->O, 0.3f, 1.0f);
    if (c->flags & OP_RESIDUAL)
        a->residual = rows(r, y_dtype(c), c->O, NORMAL);
    if (c->flags & OP_RES_TABLE)
        a->residual = make(r, y_dtype(c), 2, KN_DIMS(c->T, c->O), false, NORMAL);
    a->y = rows(r, y_dtype(c), c->O, c->flags & OP_RES_INTO_Y ? NORMAL : OUTPUT);
    if (c->flags & OP_RES_INTO_Y)
        a->residual = a->y;
    a->act = c->act;
    add_output(r, "y", a->y, false);
}

/* eps is large, so that a backend that forgets it is far off. */
static void build_norm(op_run *r)
{
    const op_case *c = r->c;
    kn_tensor      x = rows(r, c->x_dtype, c->D, (fill){.scale = 2.0f, .shift = 0.5f});
    kn_tensor      w = vector(r, c->D, 0.2f, 1.0f), x2 = {0};
    if (c->flags & OP_TWO)
        x2 = rows(r, c->x_dtype, c->D, (fill){.scale = 1.5f, .shift = -0.3f});
    if (c->op == KN_OP_layernorm)
        r->args.layernorm = (kn_layernorm_args){
            .x = x, .w = w, .b = vector(r, c->D, 0.2f, 0.0f), .y = make_y(r, x, c->D), .eps = 1e-3f};
    else if (c->op == KN_OP_rmsnorm)
        r->args.rmsnorm = (kn_rmsnorm_args){.x = x, .w = w, .y = make_y(r, x, c->D), .eps = 1e-3f};
    else
        r->args.rmsnorm_gated = (kn_rmsnorm_gated_args){.x     = x,
                                                        .z     = rows(r, side_dtype(c), c->D, NORMAL),
                                                        .w     = w,
                                                        .y     = make_y(r, c->flags & OP_TWO ? x2 : x, c->D),
                                                        .x2    = x2,
                                                        .eps   = 1e-3f,
                                                        .scale = c->flags & OP_SCALE ? 0.25f : 0.0f,
                                                        .n_groups   = (int)c->G,
                                                        .accumulate = (c->flags & OP_ACCUMULATE) != 0};
}

/* Bytes with a border that is not to be looked at, the table of what they stand for. */
static void build_patchify_bytes(op_run *r)
{
    const op_case *c = r->c;
    int64_t        S = c->O, n = S / c->K, record = S * S * 3 + 64;
    kn_tensor      px = kn_arena_take(&r->arena, KN_U8, 4, KN_DIMS(c->B, S, S, 3));
    if (c->flags & OP_STRIDED) { /* pictures with room between them */
        px           = kn_arena_take(&r->arena, KN_U8, 2, KN_DIMS(c->B, record));
        px           = kn_tensor_make(px.buf, px.offset, KN_U8, 4, KN_DIMS(c->B, S, S, 3));
        px.stride[0] = record;
    }
    kn_tensor table = make(r, KN_F32, 2, KN_DIMS(3, 257), false, NORMAL);
    kn_tensor place = make(r, KN_I32, 2, KN_DIMS(c->B, 4), false, OUTPUT);
    kn_tensor y     = make(r, y_dtype(c), 3, KN_DIMS(c->B, n * n, 3 * c->K * c->K), false, OUTPUT);
    int32_t  *at    = int_at(r, place);
    mlm_rng   rng   = next_stream(r);
    for (int64_t b = 0; at != NULL && b < c->B; b++) {
        for (int64_t i = 0; i < S * S * 3; i++)
            r->image[px.offset + (size_t)(b * px.stride[0] + i)] = (char)(mlm_rng_next(&rng) & 255);
        const int32_t corner[4] = {(int32_t)b, 0, (int32_t)S, (int32_t)(S - 3 * b)};
        memcpy(at + 4 * b, corner, sizeof corner);
    }
    r->args.patchify =
        (kn_patchify_args){.pixels = px, .y = y, .patch = (int)c->K, .table = table, .place = place};
    add_output(r, "y", y, false);
}

static void build_patchify(op_run *r)
{
    const op_case *c = r->c;
    int64_t        n = c->O / c->K;
    if (c->x_dtype == KN_U8) {
        build_patchify_bytes(r);
        return;
    }
    kn_tensor px     = make(r, KN_F32, 4, KN_DIMS(c->B, 3, c->O, c->O), (c->flags & OP_STRIDED) != 0, NORMAL);
    kn_tensor y      = make(r, y_dtype(c), 3, KN_DIMS(c->B, n * n, 3 * c->K * c->K), false, OUTPUT);
    r->args.patchify = (kn_patchify_args){.pixels = px, .y = y, .patch = (int)c->K};
    add_output(r, "y", y, false);
}

static void build_attention(op_run *r)
{
    const op_case *c   = r->c;
    float          big = c->flags & OP_ODD_DATA ? 4.0f : 1.0f;
    kn_tensor      qkv = rows(r, c->x_dtype, 3 * c->D, (fill){.scale = big});
    r->args.attention  = (kn_attention_args){.qkv     = qkv,
                                             .len     = make_len(r),
                                             .y       = make_y(r, qkv, c->D),
                                             .n_heads = (int)c->H,
                                             .scale   = c->flags & OP_SCALE ? 0.07f : 0.0f};
}

static void build_copy(op_run *r)
{
    const op_case *c = r->c;
    kn_tensor      x = c->flags & OP_RES_TABLE ? make(r, c->x_dtype, 2, KN_DIMS(c->T, c->D), false, NORMAL)
                                               : rows(r, c->x_dtype, c->D, NORMAL);
    r->args.copy     = (kn_copy_args){.x = x, .y = make_y(r, x, c->D)};
}

static void build_take_rows(op_run *r)
{
    const op_case *c     = r->c;
    kn_tensor      x     = rows(r, c->x_dtype, c->D, NORMAL);
    kn_tensor      index = ints(r, c->B);
    int32_t       *at    = int_at(r, index);
    mlm_rng        rng   = next_stream(r);
    for (int64_t b = 0; at != NULL && b < c->B; b++)
        at[b] = (int32_t)(mlm_rng_next(&rng) % (uint32_t)c->T);
    if (at != NULL && (c->flags & OP_ODD_DATA)) {
        at[0] = -5;
        at[1] = (int32_t)c->T + 3;
    }
    kn_tensor y       = make(r, y_dtype(c), 2, KN_DIMS(c->B, c->D), (c->flags & OP_STRIDED) != 0, OUTPUT);
    r->args.take_rows = (kn_take_rows_args){.x = x, .index = index, .y = y};
    add_output(r, "y", y, false);
}

static void build_embed(op_run *r)
{
    const op_case *c   = r->c;
    int64_t        n   = (c->B > 0 ? c->B : 1) * c->T;
    kn_tensor      ids = ints(r, n);
    int32_t       *at  = int_at(r, ids);
    mlm_rng        rng = next_stream(r);
    for (int64_t i = 0; at != NULL && i < n; i++)
        at[i] = (int32_t)(mlm_rng_next(&rng) % (uint32_t)c->O);
    if (at != NULL && (c->flags & OP_ODD_DATA)) {
        at[0] = -1;
        at[1] = (int32_t)c->O;
        at[2] = (int32_t)c->O - 1;
    }
    r->args.embed = (kn_embed_args){.ids = ids, .y = rows(r, c->x_dtype, c->D, OUTPUT)};
    add_output(r, "y", r->args.embed.y, false);
}

static void build_swiglu(op_run *r)
{
    const op_case *c    = r->c;
    kn_tensor      gate = rows(r, c->x_dtype, c->D, (fill){.scale = 2.0f});
    r->args.swiglu =
        (kn_swiglu_args){.gate = gate, .up = rows(r, c->x_dtype, c->D, NORMAL), .y = make_y(r, gate, c->D)};
}

static void build_conv1d(op_run *r)
{
    const op_case  *c = r->c;
    kn_conv1d_args *a = &r->args.conv1d;
    a->x              = rows(r, c->x_dtype, c->D, NORMAL);
    a->w              = make(r, KN_F32, 2, KN_DIMS(c->D, c->K), false, (fill){.scale = 0.5f});
    a->bias           = optional_vector(r, OP_BIAS, c->D, 0.5f, 0.0f);
    if (c->flags & OP_STATE)
        a->state = make(r, KN_F32, 3, KN_DIMS(c->B, c->K - 1, c->D), false, NORMAL);
    a->len   = make_len(r);
    a->order = make_order(r);
    a->y     = make_y(r, a->x, c->D);
    if (c->flags & OP_STATE)
        add_output(r, "state", a->state, false);
    if (c->flags & OP_CUT) {
        a->kept = make(r, KN_F32, 3, KN_DIMS(c->B, c->K - 1, c->D), false, OUTPUT);
        a->cut  = (c->T + c->K - 1) / 2;
        add_output(r, "kept", a->kept, false);
    }
}

static void build_ssd(op_run *r)
{
    const op_case *c   = r->c;
    kn_ssd_args   *a   = &r->args.ssd_scan; /* ssd_step has the same type */
    bool           odd = (c->flags & OP_ODD_DATA) != 0;
    a->x               = rows(r, c->x_dtype, c->D, NORMAL);
    a->b               = rows(r, c->x_dtype, c->G * c->N, NORMAL);
    a->c               = rows(r, c->x_dtype, c->G * c->N, NORMAL);
    a->dt              = rows(r, c->flags & OP_SIDE_BF16 ? KN_BF16 : KN_F32, c->H,
                 odd ? (fill){.scale = 15.0f} : (fill){.scale = 1.0f, .shift = -2.0f});
    a->a       = make(r, KN_F32, 1, &c->H, false, (fill){.uniform = true, .scale = -8.0f, .shift = -0.1f});
    a->d       = optional_vector(r, OP_SKIP, c->H, 1.0f, 0.0f);
    a->dt_bias = optional_vector(r, OP_BIAS, c->H, 0.5f, 0.0f);
    if (c->flags & OP_CUT)
        a->start = make(r, KN_F32, 4, KN_DIMS(c->B, c->H, c->D / c->H, c->N), false, NORMAL);
    if (c->flags & OP_STATE)
        a->state = make(r, KN_F32, 4, KN_DIMS(c->B, c->H, c->D / c->H, c->N), false,
                        c->flags & OP_CUT ? OUTPUT : NORMAL);
    a->len        = make_len(r);
    a->order      = make_order(r);
    a->y          = make_y(r, a->x, c->D);
    a->n_heads    = (int)c->H;
    a->n_groups   = (int)c->G;
    a->dt_min     = c->flags & OP_LIMITS ? 0.1f : 0.0f;
    a->dt_max     = c->flags & OP_LIMITS ? 0.2f : 0.0f;
    a->accumulate = (c->flags & OP_ACCUMULATE) != 0;
    if (c->flags & OP_STATE)
        add_output(r, "state", a->state, false);
    if (c->flags & OP_KEPT) {
        a->kept = make(r, KN_F32, 4, KN_DIMS(c->B, c->H, c->D / c->H, c->N), false, OUTPUT);
        a->cut  = c->T * 7 / 10;
        add_output(r, "kept", a->kept, false);
    }
}

static void build_s6(op_run *r)
{
    const op_case   *c   = r->c;
    kn_s6_scan_args *a   = &r->args.s6_scan;
    bool             odd = (c->flags & OP_ODD_DATA) != 0;
    a->x                 = rows(r, c->x_dtype, c->D, NORMAL);
    a->b                 = rows(r, c->x_dtype, c->N, NORMAL);
    a->c                 = rows(r, c->x_dtype, c->N, NORMAL);
    a->dt      = rows(r, KN_F32, c->D, odd ? (fill){.scale = 15.0f} : (fill){.scale = 1.0f, .shift = -2.0f});
    a->a       = make(r, KN_F32, 2, KN_DIMS(c->D, c->N), false,
                      (fill){.uniform = true, .scale = -8.0f, .shift = -0.1f});
    a->skip    = optional_vector(r, OP_SKIP, c->D, 1.0f, 0.0f);
    a->dt_bias = optional_vector(r, OP_BIAS, c->D, 0.5f, 0.0f);
    if (c->flags & OP_GATE)
        a->z = rows(r, c->x_dtype, c->D, NORMAL);
    if (c->flags & OP_STATE)
        a->state = make(r, KN_F32, 3, KN_DIMS(c->B, c->D, c->N), false, NORMAL);
    a->len = make_len(r);
    a->y   = make_y(r, a->x, c->D);
    if (c->flags & OP_STATE)
        add_output(r, "state", a->state, false);
}

static void build_grid(op_run *r)
{
    const op_case *c = r->c;
    kn_tensor      x = rows(r, c->x_dtype, c->D, NORMAL);
    if (c->op == KN_OP_pool2d) {
        kn_tensor y =
            make(r, y_dtype(c), 3, KN_DIMS(c->B, c->O * c->O, c->D), (c->flags & OP_STRIDED) != 0, OUTPUT);
        r->args.pool2d = (kn_pool2d_args){.x = x, .y = y, .from = (int)c->K, .to = (int)c->O};
        add_output(r, "y", y, false);
        return;
    }
    kn_tensor w      = make(r, KN_F32, 2, KN_DIMS(c->D, 9), false, (fill){.scale = 0.4f});
    r->args.dwconv2d = (kn_dwconv2d_args){
        .x = x, .w = w, .bias = vector(r, c->D, 0.5f, 0.0f), .y = make_y(r, x, c->D), .side = (int)c->K};
}

static void build_argmax(op_run *r)
{
    const op_case *c = r->c;
    kn_tensor      x = rows(r, KN_F32, c->D, NORMAL);
    if (r->image != NULL && (c->flags & OP_ODD_DATA)) {
        float  *row    = (float *)(void *)(r->image + x.offset);
        int64_t stride = x.stride[0];
        row[17] = row[400] = 9.0f; /* a tie */
        row[stride]        = NAN;
        row[stride + 5]    = NAN;
        for (int64_t i = 0; i < c->D; i++) {
            row[2 * stride + i] = NAN;
            row[3 * stride + i] = -INFINITY;
        }
        row[4 * stride + c->D - 1] = INFINITY;
        row[5 * stride + 3] = row[5 * stride + 4] = row[5 * stride + 516] = 8.0f;
    }
    kn_tensor ids  = ints(r, c->T);
    r->args.argmax = (kn_argmax_args){.x = x, .ids = ids, .n_valid = c->K};
    add_output(r, "ids", ids, false);
}

void op_build(op_run *r)
{
    r->n_tensors = 0;
    r->n_out     = 0;
    memset(&r->args, 0, sizeof r->args);
    switch (r->c->op) {
    case KN_OP_linear:
        build_linear(r);
        break;
    case KN_OP_layernorm:
    case KN_OP_rmsnorm:
    case KN_OP_rmsnorm_gated:
        build_norm(r);
        break;
    case KN_OP_patchify:
        build_patchify(r);
        break;
    case KN_OP_attention:
        build_attention(r);
        break;
    case KN_OP_swiglu:
        build_swiglu(r);
        break;
    case KN_OP_copy:
        build_copy(r);
        break;
    case KN_OP_take_rows:
        build_take_rows(r);
        break;
    case KN_OP_embed:
        build_embed(r);
        break;
    case KN_OP_conv1d:
        build_conv1d(r);
        break;
    case KN_OP_ssd_scan:
    case KN_OP_ssd_step:
        build_ssd(r);
        break;
    case KN_OP_s6_scan:
        build_s6(r);
        break;
    case KN_OP_pool2d:
    case KN_OP_dwconv2d:
        build_grid(r);
        break;
    case KN_OP_argmax:
        build_argmax(r);
        break;
    case KN_OP_COUNT:
        break;
    }
}
