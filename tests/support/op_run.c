/* op_run.c: runs an op_case and takes its results apart (see op_run.h). */
#include "tests/support/op_run.h"

#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights ------------------------------------------------------------------------------------- */

/* `out` rows of `in` elements in `dtype`, uniform with deviation 1/sqrt(in). */
static void fill_weights(void *data, kn_dtype dtype, int64_t n, int64_t in)
{
    mlm_rng rng   = mlm_rng_seed(7u, (uint64_t)dtype);
    float   scale = 3.4641f / sqrtf((float)in);
    for (int64_t i = 0; i < n; i++) {
        float u = mlm_rng_uniform(&rng) - 0.5f;
        if (dtype == KN_I8)
            ((int8_t *)data)[i] = (int8_t)lrintf(u * 254.0f);
        else
            op_put(data, dtype, i, dtype == KN_F16 ? u * 4.0f : u * scale);
    }
}

static mlm_status make_weights(op_run *r)
{
    const op_case *c     = r->c;
    size_t         size  = kn_dtype_size(c->w_dtype);
    char          *data  = calloc((size_t)(c->O * c->D), size);
    float         *scale = calloc((size_t)c->O, sizeof *scale);
    mlm_status     st    = MLM_OK;
    if (data == NULL || scale == NULL) {
        st = mlm_fail_nomem((size_t)(c->O * c->D) * size, "test weights");
        goto done;
    }
    fill_weights(data, c->w_dtype, c->O * c->D, c->D);
    for (int64_t o = 0; o < c->O; o++)
        scale[o] = (0.5f + (float)(o % 7) / 7.0f) * (3.4641f / 254.0f) / sqrtf((float)c->D);
    const float   *s       = c->w_dtype == KN_I8 ? scale : NULL;
    int64_t        first   = c->flags & OP_PARTS ? c->O / 3 : c->O;
    size_t         skip    = (size_t)(first * c->D) * size;
    kn_matrix_part part[2] = {{.data = data, .scale = s, .dtype = c->w_dtype, .out = first, .in = c->D},
                              {.data  = data + (first < c->O ? skip : 0),
                               .scale = s != NULL ? s + (first < c->O ? first : 0) : NULL,
                               .dtype = c->w_dtype,
                               .out   = c->O - first,
                               .in    = c->D}};
    for (int i = 0; i < r->n_copies; i++)
        MLM_TRY_GOTO(st, kn_matrix_create(&r->w[i], r->dev, part, first < c->O ? 2 : 1), done);
done:
    free(data);
    free(scale);
    return st;
}

/* ---- life ---------------------------------------------------------------------------------------- */

void op_run_free(op_run *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < OP_MAX_COPIES; i++)
        kn_matrix_free(r->w[i]);
    kn_arena_free(&r->arena);
    kn_queue_free(r->q);
    free(r->image);
    free(r->result);
    free(r);
}

mlm_status op_run_create(op_run **out, const op_case *c, kn_device *dev, int n_copies)
{
    mlm_status st = MLM_OK;
    *out          = NULL;
    op_run *r     = calloc(1, sizeof *r);
    if (r == NULL)
        return mlm_fail_nomem(sizeof *r, "test run");
    r->c        = c;
    r->dev      = dev;
    r->n_copies = n_copies < 1 ? 1 : n_copies > OP_MAX_COPIES ? OP_MAX_COPIES : n_copies;
    kn_arena_measure(&r->arena, dev);
    op_build(r);
    size_t bytes = r->arena.used;
    MLM_TRY_GOTO(st, kn_arena_create(&r->arena, dev, bytes), fail);
    MLM_TRY_GOTO(st, kn_queue_create(&r->q, dev), fail);
    r->image  = malloc(r->arena.capacity);
    r->result = malloc(r->arena.capacity);
    if (r->image == NULL || r->result == NULL) {
        st = mlm_fail_nomem(bytes, "test image");
        goto fail;
    }
    memset(r->image, 0xff, r->arena.capacity); /* a NaN in every float dtype, -1 in i32 */
    op_build(r);
    if (c->op == KN_OP_linear || c->op == KN_OP_embed)
        MLM_TRY_GOTO(st, make_weights(r), fail);
    *out = r;
    return MLM_OK;
fail:
    op_run_free(r);
    return st;
}

/* ---- running ------------------------------------------------------------------------------------- */

static mlm_status launch(op_run *r, const op_args *args, int copy)
{
    op_args    a = *args;
    kn_matrix *w = r->w[copy % r->n_copies];
    if (r->c->op == KN_OP_linear)
        a.linear.w = w;
    if (r->c->op == KN_OP_embed)
        a.embed.table = w;
    switch (r->c->op) {
#define X(op)                                                                                                \
    case KN_OP_##op:                                                                                         \
        return kn_##op(r->q, &a.op);
        KN_OP_LIST(X)
#undef X
    case KN_OP_COUNT:
        break;
    }
    return MLM_E_UNSUPPORTED;
}

mlm_status op_run_launch(op_run *r, int copy)
{
    return launch(r, &r->args, copy);
}

int64_t op_run_rows(const op_run *r)
{
    return r->c->B > 0 ? r->c->B : r->c->T;
}

/* Cuts the listed tensors (up to NULL) of the given rank down to one row; the others are shared by all rows. */
static void keep(int64_t row, int rank, kn_tensor *const *list)
{
    for (; *list != NULL; list++)
        if (kn_present(**list) && (*list)->rank == rank)
            **list = kn_slice(**list, 0, row, 1);
}
#define KEEP(row, rank, ...) keep(row, rank, (kn_tensor *const[]){__VA_ARGS__, NULL})

static op_args row_args(const op_run *r, int64_t row)
{
    op_args a    = r->args;
    int     rank = r->c->B > 0 ? 3 : 2; /* of activations */
    switch (r->c->op) {
    case KN_OP_linear:
        KEEP(row, rank, &a.linear.x, &a.linear.y, &a.linear.residual);
        break;
    case KN_OP_layernorm:
        KEEP(row, rank, &a.layernorm.x, &a.layernorm.y);
        break;
    case KN_OP_rmsnorm:
        KEEP(row, rank, &a.rmsnorm.x, &a.rmsnorm.y);
        break;
    case KN_OP_rmsnorm_gated:
        KEEP(row, rank, &a.rmsnorm_gated.x, &a.rmsnorm_gated.z, &a.rmsnorm_gated.y, &a.rmsnorm_gated.x2);
        break;
    case KN_OP_patchify:
        KEEP(row, 4, &a.patchify.pixels);
        KEEP(row, 3, &a.patchify.y);
        KEEP(row, 2, &a.patchify.place);
        break;
    case KN_OP_attention:
        KEEP(row, 3, &a.attention.qkv, &a.attention.y);
        KEEP(row, 1, &a.attention.len);
        break;
    case KN_OP_swiglu:
        KEEP(row, rank, &a.swiglu.gate, &a.swiglu.up, &a.swiglu.y);
        break;
    case KN_OP_copy:
        KEEP(row, rank, &a.copy.x, &a.copy.y);
        break;
    case KN_OP_take_rows:
        KEEP(row, 3, &a.take_rows.x);
        KEEP(row, 2, &a.take_rows.y);
        KEEP(row, 1, &a.take_rows.index);
        break;
    case KN_OP_embed:
        a.embed.ids =
            rank == 3 ? kn_slice(a.embed.ids, 0, row * r->c->T, r->c->T) : kn_slice(a.embed.ids, 0, row, 1);
        KEEP(row, rank, &a.embed.y);
        break;
    case KN_OP_conv1d:
        KEEP(row, 3, &a.conv1d.x, &a.conv1d.state, &a.conv1d.kept, &a.conv1d.y);
        KEEP(row, 1, &a.conv1d.len);
        break;
    case KN_OP_ssd_scan:
    case KN_OP_ssd_step:
        KEEP(row, 3, &a.ssd_scan.x, &a.ssd_scan.b, &a.ssd_scan.c, &a.ssd_scan.dt, &a.ssd_scan.y);
        KEEP(row, 4, &a.ssd_scan.state, &a.ssd_scan.start, &a.ssd_scan.kept);
        KEEP(row, 1, &a.ssd_scan.len);
        break;
    case KN_OP_s6_scan:
        KEEP(row, 3, &a.s6_scan.x, &a.s6_scan.b, &a.s6_scan.c, &a.s6_scan.dt, &a.s6_scan.y);
        KEEP(row, 3, &a.s6_scan.z, &a.s6_scan.state);
        KEEP(row, 1, &a.s6_scan.len);
        break;
    case KN_OP_pool2d:
        KEEP(row, 3, &a.pool2d.x, &a.pool2d.y);
        break;
    case KN_OP_dwconv2d:
        KEEP(row, 3, &a.dwconv2d.x, &a.dwconv2d.y);
        break;
    case KN_OP_argmax:
        KEEP(row, 2, &a.argmax.x);
        KEEP(row, 1, &a.argmax.ids);
        break;
    case KN_OP_COUNT:
        break;
    }
    return a;
}

mlm_status op_run_once(op_run *r, int64_t row)
{
    int64_t   bytes = (int64_t)r->arena.capacity;
    kn_tensor all   = kn_tensor_make(r->arena.buf, 0, KN_U8, 1, &bytes);
    op_args   args  = row == OP_ALL_ROWS ? r->args : row_args(r, row);
    MLM_TRY(kn_upload(r->q, all, r->image, (size_t)bytes));
    MLM_TRY(launch(r, &args, 0));
    MLM_TRY(kn_queue_sync(r->q));
    return kn_download(r->q, r->result, all, (size_t)bytes);
}

/* ---- results ------------------------------------------------------------------------------------- */

static float value(const char *data, kn_dtype dtype, int64_t i)
{
    if (dtype == KN_BF16)
        return mlm_bf16_to_f32(((const uint16_t *)(const void *)data)[i]);
    if (dtype == KN_I32)
        return (float)((const int32_t *)(const void *)data)[i];
    return ((const float *)(const void *)data)[i];
}

/* Element offset of the i-th element of t in row-major order; token gets its index on axis 1. */
static int64_t element(kn_tensor t, int64_t i, int64_t *batch, int64_t *token)
{
    int64_t at = 0;
    *batch = *token = 0;
    for (int axis = t.rank - 1; axis >= 0; axis--) {
        int64_t k = i % t.dim[axis];
        at += k * t.stride[axis];
        i /= t.dim[axis];
        if (axis == 1)
            *token = k;
        if (axis == 0)
            *batch = k;
    }
    return at;
}

float *op_run_values(const op_run *r, int output, int64_t row, int64_t *n)
{
    const op_output *o     = &r->out[output];
    kn_tensor        t     = row == OP_ALL_ROWS ? o->t : kn_slice(o->t, 0, row, 1);
    int64_t          total = kn_count(t), batch, token;
    float           *v     = malloc((size_t)(total > 0 ? total : 1) * sizeof *v);
    *n                     = 0;
    if (v == NULL)
        return NULL;
    const int32_t *len = o->by_len ? (const int32_t *)(const void *)(r->image + r->len.offset) : NULL;
    for (int64_t i = 0; i < total; i++) {
        int64_t at = element(t, i, &batch, &token);
        if (len == NULL || token < len[batch + (row == OP_ALL_ROWS ? 0 : row)])
            v[(*n)++] = value(r->result + t.offset, t.dtype, at);
    }
    return v;
}

int64_t op_run_stray_byte(const op_run *r)
{
    char *mine = calloc(r->arena.capacity, 1);
    if (mine == NULL)
        return -2;
    for (int k = 0; k < r->n_out; k++) {
        kn_tensor t    = r->out[k].t;
        size_t    size = kn_dtype_size(t.dtype);
        int64_t   batch, token;
        for (int64_t i = 0, n = kn_count(t); i < n; i++)
            memset(mine + t.offset + (size_t)element(t, i, &batch, &token) * size, 1, size);
    }
    int64_t stray = -1;
    for (size_t i = 0; i < r->arena.capacity && stray < 0; i++)
        if (!mine[i] && r->image[i] != r->result[i])
            stray = (int64_t)i;
    free(mine);
    return stray;
}
