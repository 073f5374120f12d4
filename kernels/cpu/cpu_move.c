/* cpu_move.c: ops that move data: patchify, copy with conversion, take_rows; and argmax. */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_rows.h"
#include "kernels/cpu/cpu_simd.h"

#include <math.h>

/* ---- patchify ------------------------------------------------------------------------------------ */

typedef struct patch_job {
    const char *pixels;
    kn_tensor   shape; /* of the pixels */
    kn_rows     y;
    int64_t     p, n; /* patch side, patches a side */
    /* Of bytes: */
    const float   *table;
    const int32_t *place;
    int64_t        place_stride;
} patch_job;

static void patch_range(int64_t from, int64_t to, int thread, void *payload)
{
    const patch_job *j = payload;
    const int64_t   *s = j->shape.stride;
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        int64_t b = r / (j->n * j->n), i = r % (j->n * j->n), row = i / j->n * j->p, col = i % j->n * j->p;
        const float *x = (const float *)(const void *)j->pixels + b * s[0] + row * s[2] + col;
        float       *y = cpu_row_at(&j->y, r);
        for (int64_t c = 0; c < j->shape.dim[1]; c++)
            for (int64_t v = 0; v < j->p; v++, y += j->p)
                memcpy(y, x + c * s[1] + v * s[2], (size_t)j->p * sizeof *y);
    }
}

/* Row y of a patch, one channel: p values from (left, y) on. */
static void look_up(float *restrict dst, const patch_job *j, int64_t b, int64_t c, int64_t y, int64_t left)
{
    const int64_t *s     = j->shape.stride;
    const int32_t *place = j->place + b * j->place_stride;
    const float   *table = j->table + c * 257;
    const uint8_t *src   = (const uint8_t *)j->pixels + b * s[0] + y * s[1] + left * s[2] + c;
    bool           row   = y >= place[1] && y < place[3];
    for (int64_t k = 0; k < j->p; k++)
        dst[k] = table[row && left + k >= place[0] && left + k < place[2] ? src[k * s[2]] : 256];
}

static void patch_range_u8(int64_t from, int64_t to, int thread, void *payload)
{
    const patch_job *j = payload;
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        int64_t b = r / (j->n * j->n), i = r % (j->n * j->n), top = i / j->n * j->p, left = i % j->n * j->p;
        float  *y = cpu_row_at(&j->y, r);
        for (int64_t c = 0; c < 3; c++)
            for (int64_t v = 0; v < j->p; v++, y += j->p)
                look_up(y, j, b, c, top + v, left);
    }
}

mlm_status CPU_FN(patchify)(kn_queue *q, const kn_patchify_args *a)
{
    patch_job j  = {.pixels = kn_data(a->pixels),
                    .shape  = a->pixels,
                    .y      = kn_as_rows(a->y),
                    .p      = a->patch,
                    .n      = a->pixels.dim[2] / a->patch};
    bool      u8 = a->pixels.dtype == KN_U8;
    if (u8) {
        j.table        = kn_data(a->table);
        j.place        = kn_data(a->place);
        j.place_stride = a->place.stride[0];
    }
    cpu_parallel(q, j.y.n_batch * j.y.n_rows, j.y.width / (u8 ? 1 : 4) + 1, u8 ? patch_range_u8 : patch_range,
                 &j);
    return MLM_OK;
}

/* ---- copy and take_rows -------------------------------------------------------------------------- */

typedef struct copy_job {
    kn_rows        x, y;
    kn_dtype       from, to;
    bool           broadcast;
    const int32_t *index; /* take_rows */
} copy_job;

static void convert_row(void *y, kn_dtype to, const void *x, kn_dtype from, int64_t n)
{
    if (from == to) {
        memcpy(y, x, (size_t)n * kn_dtype_size(from));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        float v = from == KN_BF16  ? mlm_bf16_to_f32(((const uint16_t *)x)[i])
                  : from == KN_F16 ? mlm_f16_to_f32(((const uint16_t *)x)[i])
                                   : ((const float *)x)[i];
        if (to == KN_BF16)
            ((uint16_t *)y)[i] = mlm_f32_to_bf16(v);
        else
            ((float *)y)[i] = v;
    }
}

static void *row_bytes_at(const kn_rows *r, int64_t b, int64_t t, kn_dtype dtype)
{
    return (char *)r->data + (b * r->batch_stride + t * r->row_stride) * (int64_t)kn_dtype_size(dtype);
}

static void copy_range(int64_t from, int64_t to, int thread, void *payload)
{
    const copy_job *j = payload;
    (void)thread;
    for (int64_t r = from; r < to; r++) {
        int64_t b = r / j->y.n_rows, t = r % j->y.n_rows;
        int64_t xb = b, xt = t;
        if (j->broadcast)
            xb = 0;
        else if (j->x.n_batch != j->y.n_batch) { /* [R,D] against [B,T,D] */
            xb = r / j->x.n_rows;
            xt = r % j->x.n_rows;
        }
        convert_row(row_bytes_at(&j->y, b, t, j->to), j->to, row_bytes_at(&j->x, xb, xt, j->from), j->from,
                    j->y.width);
    }
}

mlm_status CPU_FN(copy)(kn_queue *q, const kn_copy_args *a)
{
    copy_job j  = {.x = kn_as_rows(a->x), .y = kn_as_rows(a->y), .from = a->x.dtype, .to = a->y.dtype};
    j.broadcast = a->y.rank == 3 && a->x.rank == 2;
    cpu_parallel(q, j.y.n_batch * j.y.n_rows, j.y.width / (j.from == j.to ? 8 : 1) + 1, copy_range, &j);
    return MLM_OK;
}

static void take_range(int64_t from, int64_t to, int thread, void *payload)
{
    const copy_job *j = payload;
    (void)thread;
    for (int64_t b = from; b < to; b++) {
        int64_t t = j->index[b] < 0 ? 0 : j->index[b] < j->x.n_rows ? j->index[b] : j->x.n_rows - 1;
        convert_row(row_bytes_at(&j->y, 0, b, j->to), j->to, row_bytes_at(&j->x, b, t, j->from), j->from,
                    j->y.width);
    }
}

mlm_status CPU_FN(take_rows)(kn_queue *q, const kn_take_rows_args *a)
{
    copy_job j = {.x     = kn_as_rows(a->x),
                  .y     = kn_as_rows(a->y),
                  .from  = a->x.dtype,
                  .to    = a->y.dtype,
                  .index = kn_data(a->index)};
    cpu_parallel(q, j.x.n_batch, j.y.width / 8 + 1, take_range, &j);
    return MLM_OK;
}

/* ---- argmax -------------------------------------------------------------------------------------- */

typedef struct argmax_job {
    kn_rows  x;
    int32_t *ids;
    int64_t  n;
} argmax_job;

/* First the largest value, then the first place that has it: both passes are vectors and ignore NaN. */
static int32_t row_argmax(const float *x, int64_t n)
{
    enum { STEP = 4 * VW };
    vf      m[4] = {v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY)};
    float   t[STEP], best = -INFINITY;
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP)
        for (int l = 0; l < 4; l++) {
            vf v = v_load(x + i + l * VW);
            m[l] = v_if_greater(v, m[l], v, m[l]);
        }
    memcpy(t, m, sizeof t);
    for (int l = 0; l < STEP; l++)
        best = t[l] > best ? t[l] : best;
    for (; i < n; i++)
        best = x[i] > best ? x[i] : best;
    for (i = 0; i < n; i++)
        if (x[i] >= best)
            return (int32_t)i;
    return -1;
}

static void argmax_range(int64_t from, int64_t to, int thread, void *payload)
{
    const argmax_job *j = payload;
    (void)thread;
    for (int64_t r = from; r < to; r++)
        j->ids[r] = row_argmax(cpu_row_at(&j->x, r), j->n);
}

mlm_status CPU_FN(argmax)(kn_queue *q, const kn_argmax_args *a)
{
    argmax_job j = {kn_as_rows(a->x), kn_data(a->ids), a->n_valid > 0 ? a->n_valid : 0};
    if (j.n == 0)
        j.n = j.x.width;
    cpu_parallel(q, j.x.n_batch * j.x.n_rows, j.n / 8 + 1, argmax_range, &j);
    return MLM_OK;
}
