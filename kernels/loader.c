/* loader.c: see loader.h. */
#include "kernels/loader.h"

#include "kernels/backend.h"

#include "kernels/base/mlm_dtype.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_LISTED                                                                                           \
    ((size_t)1 << 30) /* bytes: a configuration may say anything, and no file bounds a listing */

static mlm_status format_name(const kn_loader *l, char name[KN_LOADER_NAME], const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static mlm_status format_name(const kn_loader *l, char name[KN_LOADER_NAME], const char *fmt, va_list ap)
{
    int n = snprintf(name, KN_LOADER_NAME, "%s", l->prefix);
    if (n >= 0 && n < KN_LOADER_NAME) {
        int m = vsnprintf(name + n, (size_t)(KN_LOADER_NAME - n), fmt, ap);
        if (m >= 0 && m < KN_LOADER_NAME - n)
            return MLM_OK;
    }
    return mlm_fail(MLM_E_RANGE, "tensor name after the prefix '%s' is longer than %d bytes", l->prefix,
                    KN_LOADER_NAME - 1);
}

mlm_status kn_loader_name(const kn_loader *l, char name[KN_LOADER_NAME], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = format_name(l, name, fmt, ap);
    va_end(ap);
    return st;
}

mlm_status kn_loader_run(kn_loader *l, mlm_status (*list)(kn_loader *l, void *model), void *model)
{
    kn_device *dev = kn_queue_device(l->queue);
    kn_arena_measure(l->arena, dev);
    MLM_TRY(list(l, model));
    size_t bytes = l->arena->used;
    if (bytes > MAX_LISTED && kn_weights_is_listing(l->weights))
        return mlm_fail(MLM_E_RANGE, "the configuration wants %zu MB of vectors under '%s'", bytes >> 20,
                        l->prefix);
    MLM_TRY(kn_arena_create(l->arena, dev, bytes > 0 ? bytes : 64));
    MLM_TRY(kn_reserve_matrices(dev, l->matrix_bytes));
    mlm_status status = list(l, model), done = kn_reserve_matrices(dev, 0);
    MLM_TRY(status);
    MLM_TRY(done);
    return kn_arena_check(l->arena, "weights");
}

void kn_load_reserve(kn_loader *l, const char *name, int64_t out, int64_t in, bool as_bf16)
{
    const mlm_st_tensor *t     = kn_weights_is_listing(l->weights) ? NULL : kn_weights_find(l->weights, name);
    kn_dtype             dtype = KN_F32;
    size_t               bytes = 0, n = 0;
    if (t == NULL || out < 1 || in < 1)
        return; /* what is wrong is said when it is loaded */
    if (t->dtype == MLM_ST_BF16 || t->dtype == MLM_ST_F16)
        dtype = KN_BF16; /* or f16, which is as large */
    else if (t->dtype == MLM_ST_I8)
        dtype = KN_I8;
    if (mlm_mul_size(&n, (size_t)out, (size_t)in) && mlm_mul_size(&bytes, n, kn_dtype_size(dtype)) &&
        bytes == t->bytes)
        l->matrix_bytes += kn_matrix_room(out, in, as_bf16 ? KN_BF16 : dtype);
}

static kn_tensor take(kn_loader *l, int64_t rows, int64_t columns)
{
    return rows > 0 ? kn_arena_take(l->arena, KN_F32, 2, KN_DIMS(rows, columns))
                    : kn_arena_take(l->arena, KN_F32, 1, KN_DIMS(columns));
}

static mlm_status load_part(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, int64_t first,
                            int64_t whole, const char *fmt, va_list ap) __attribute__((format(printf, 7, 0)));

static mlm_status load_part(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, int64_t first,
                            int64_t whole, const char *fmt, va_list ap)
{
    char name[KN_LOADER_NAME];
    *out = take(l, rows, columns);
    if (kn_loader_measuring(l))
        return MLM_OK;
    MLM_TRY(kn_arena_check(l->arena, "weights"));
    MLM_TRY(format_name(l, name, fmt, ap));
    return kn_weights_vector(l->weights, l->queue, *out, name, first, whole);
}

mlm_status kn_load_vector(kn_loader *l, kn_tensor *out, int64_t count, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = load_part(l, out, 0, count, 0, 0, fmt, ap);
    va_end(ap);
    return st;
}

mlm_status kn_load_part(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, int64_t first,
                        int64_t whole, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = load_part(l, out, rows, columns, first, whole, fmt, ap);
    va_end(ap);
    return st;
}

mlm_status kn_load_host(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, const float *values)
{
    *out = take(l, rows, columns);
    if (kn_loader_measuring(l))
        return MLM_OK;
    MLM_TRY(kn_arena_check(l->arena, "weights"));
    return kn_upload(l->queue, *out, values, (size_t)kn_count(*out) * sizeof *values);
}

/* `n` values to a tensor of l->act. */
static mlm_status send(kn_loader *l, kn_tensor t, const float *values, int64_t n)
{
    if (t.dtype == KN_F32)
        return kn_upload(l->queue, t, values, (size_t)n * sizeof *values);
    uint16_t *half = malloc((size_t)n * sizeof *half);
    if (!half)
        return mlm_fail_nomem((size_t)n * sizeof *half, "weights");
    for (int64_t i = 0; i < n; i++)
        half[i] = mlm_f32_to_bf16(values[i]);
    mlm_status st = kn_upload(l->queue, t, half, (size_t)n * sizeof *half);
    free(half);
    return st;
}

mlm_status kn_load_table(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, const float *values)
{
    *out = rows > 0 ? kn_arena_take(l->arena, l->act, 2, KN_DIMS(rows, columns))
                    : kn_arena_take(l->arena, l->act, 1, KN_DIMS(columns));
    if (kn_loader_measuring(l))
        return MLM_OK;
    MLM_TRY(kn_arena_check(l->arena, "weights"));
    return send(l, *out, values, kn_count(*out));
}

mlm_status kn_load_bias(kn_loader *l, kn_tensor *out, int64_t count, const char *fmt, ...)
{
    *out = kn_arena_take(l->arena, l->act, 1, KN_DIMS(count));
    if (kn_loader_measuring(l))
        return MLM_OK;
    char    name[KN_LOADER_NAME];
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = format_name(l, name, fmt, ap);
    va_end(ap);
    if (st == MLM_OK)
        st = kn_arena_check(l->arena, "weights");
    return st == MLM_OK ? kn_weights_vector(l->weights, l->queue, *out, name, 0, 0) : st;
}

mlm_status kn_load_neg_exp(kn_loader *l, kn_tensor *out, int64_t count, int64_t first, int64_t whole,
                           const char *fmt, ...)
{
    if (kn_loader_measuring(l))
        return kn_load_host(l, out, 0, count, NULL);
    char    name[KN_LOADER_NAME];
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = format_name(l, name, fmt, ap);
    va_end(ap);
    if (st != MLM_OK)
        return st;
    float *host = malloc((size_t)count * sizeof *host);
    if (!host)
        return mlm_fail_nomem((size_t)count * sizeof *host, name);
    st = kn_weights_host_f32(l->weights, host, name, first, count, whole);
    for (int64_t i = 0; i < count && st == MLM_OK; i++) {
        host[i] = -expf(host[i]);
        if (!isfinite(host[i]))
            st = mlm_fail(MLM_E_FORMAT, "tensor '%s': exp of element %lld overflows", name,
                          (long long)(first + i));
    }
    if (st == MLM_OK)
        st = kn_load_host(l, out, 0, count, host);
    free(host);
    return st;
}

mlm_status kn_load_matrix(kn_loader *l, kn_matrix **m, int64_t out, int64_t in, const char *fmt, ...)
{
    char    name[KN_LOADER_NAME];
    va_list ap;
    va_start(ap, fmt);
    mlm_status st = format_name(l, name, fmt, ap);
    va_end(ap);
    if (st != MLM_OK)
        return st;
    if (kn_loader_measuring(l)) {
        kn_load_reserve(l, name, out, in, false);
        return MLM_OK;
    }
    kn_weights_part part = {name, out};
    return kn_weights_matrix(m, l->weights, kn_queue_device(l->queue), &part, 1, in);
}

mlm_status kn_load_matrix_pair(kn_loader *l, kn_matrix **m, int64_t out, int64_t in, const char *a,
                               const char *b)
{
    char name_a[KN_LOADER_NAME], name_b[KN_LOADER_NAME];
    MLM_TRY(kn_loader_name(l, name_a, "%s", a));
    MLM_TRY(kn_loader_name(l, name_b, "%s", b));
    if (kn_loader_measuring(l)) {
        kn_load_reserve(l, name_a, out, in, false);
        kn_load_reserve(l, name_b, out, in, false);
        return MLM_OK;
    }
    kn_weights_part parts[2] = {{name_a, out}, {name_b, out}};
    return kn_weights_matrix(m, l->weights, kn_queue_device(l->queue), parts, 2, in);
}
