/* ops_check.c: the argument checks that the ops share (see ops_check.h). */
#include "kernels/ops_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 128

/* "[7,384]", with letters where a dimension is KN_ANY. */
static const char *dims_text(char text[TEXT_BYTES], int rank, const int64_t *dim, const char *letters)
{
    size_t n  = 0;
    text[n++] = '[';
    for (int i = 0; i < rank && n < TEXT_BYTES - 24; i++) {
        const char *comma = i > 0 ? "," : "";
        int         k     = dim[i] == KN_ANY && letters != NULL
                                ? snprintf(text + n, TEXT_BYTES - n, "%s%c", comma, letters[i])
                                : snprintf(text + n, TEXT_BYTES - n, "%s%lld", comma, (long long)dim[i]);
        n += k > 0 ? (size_t)k : 0;
    }
    text[n++] = ']';
    text[n]   = '\0';
    return text;
}

static void fail_shape(kn_check *c, const char *field, kn_tensor t, const char *wanted)
{
    char found[TEXT_BYTES];
    if (c->w)
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s is %s, wanted %s for w [%lld,%lld]", c->op, field,
                             dims_text(found, t.rank, t.dim, NULL), wanted, (long long)c->w->out,
                             (long long)c->w->in);
    else
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s is %s, wanted %s", c->op, field,
                             dims_text(found, t.rank, t.dim, NULL), wanted);
}

/* Bytes from the buffer's start to behind the last element; false when the view is not a legal one. */
static bool view_end(size_t *end, kn_tensor t)
{
    size_t last = 0, size = kn_dtype_size(t.dtype), step;
    for (int i = 0; i < t.rank; i++) {
        if (t.dim[i] < 0 || t.stride[i] < 0)
            return false;
        if (t.dim[i] == 0) {
            *end = t.offset;
            return true;
        }
        if (!mlm_mul_size(&step, (size_t)(t.dim[i] - 1), (size_t)t.stride[i]) ||
            !mlm_add_size(&last, last, step))
            return false;
    }
    return mlm_add_size(&last, last, 1) && mlm_mul_size(&last, last, size) &&
           mlm_add_size(end, last, t.offset);
}

/* What every view must be, whatever its op. */
static void check_view(kn_check *c, const char *field, kn_tensor t)
{
    size_t end = 0, size = kn_dtype_size(t.dtype);
    if (t.buf->dev != c->dev)
        c->status = mlm_fail(MLM_E_DEVICE, "%s: %s is on device %s, wanted %s as the queue", c->op, field,
                             t.buf->dev->info.name, c->dev->info.name);
    else if (size == 0)
        c->status = mlm_fail(MLM_E_DTYPE, "%s: %s has no known dtype (%d)", c->op, field, (int)t.dtype);
    else if (t.rank < 1 || t.rank > KN_MAX_RANK)
        c->status =
            mlm_fail(MLM_E_SHAPE, "%s: %s has rank %d, wanted 1 to %d", c->op, field, t.rank, KN_MAX_RANK);
    else if (t.stride[t.rank - 1] != 1)
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s has innermost stride %lld, wanted 1", c->op, field,
                             (long long)t.stride[t.rank - 1]);
    else if (t.offset % size != 0)
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s starts at byte %zu, wanted a multiple of %zu", c->op, field,
                             t.offset, size);
    else if (!view_end(&end, t) || end > t.buf->bytes)
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s ends at byte %zu of a buffer of %zu", c->op, field, end,
                             t.buf->bytes);
}

static void check_dtype(kn_check *c, const char *field, kn_tensor t, unsigned dtypes)
{
    if (dtypes & KN_BIT(t.dtype))
        return;
    char   wanted[TEXT_BYTES];
    size_t n  = 0;
    wanted[0] = '\0';
    for (int d = 0; d < KN_DTYPE_COUNT && n < TEXT_BYTES - 16; d++)
        if (dtypes & KN_BIT(d)) {
            int k =
                snprintf(wanted + n, TEXT_BYTES - n, "%s%s", n > 0 ? " or " : "", kn_dtype_name((kn_dtype)d));
            n += k > 0 ? (size_t)k : 0;
        }
    c->status =
        mlm_fail(MLM_E_DTYPE, "%s: %s is %s, wanted %s", c->op, field, kn_dtype_name(t.dtype), wanted);
}

/* bf16 activations need a device that computes with them; the oracle does everything. */
static void check_bf16(kn_check *c, const char *field, kn_tensor t)
{
    if (t.dtype == KN_BF16 && !(c->dev->info.caps & (KN_CAP_BF16 | KN_CAP_ORACLE)))
        c->status = mlm_fail(MLM_E_UNSUPPORTED, "%s: %s is bf16, device %s computes with f32 activations",
                             c->op, field, c->dev->info.name);
}

void kn_check_tensor(kn_check *c, const char *field, kn_tensor t, unsigned dtypes, int rank,
                     const int64_t *want, const char *letters)
{
    if (c->status != MLM_OK)
        return;
    char wanted[TEXT_BYTES];
    if (!kn_present(t)) {
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s is absent, wanted %s", c->op, field,
                             dims_text(wanted, rank, want, letters));
        return;
    }
    check_view(c, field, t);
    if (c->status != MLM_OK)
        return;
    bool same = t.rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = want[i] == KN_ANY || want[i] == t.dim[i];
    if (!same)
        fail_shape(c, field, t, dims_text(wanted, rank, want, letters));
    else
        check_dtype(c, field, t, dtypes);
}

void kn_check_optional(kn_check *c, const char *field, kn_tensor t, unsigned dtypes, int rank,
                       const int64_t *want, const char *letters)
{
    if (kn_present(t))
        kn_check_tensor(c, field, t, dtypes, rank, want, letters);
}

void kn_check_rows(kn_check *c, const char *field, kn_tensor t, const kn_tensor *like, int64_t width)
{
    bool sequence = like != NULL ? like->rank == 3 : t.rank == 3;
    if (sequence) {
        kn_check_sequence(c, field, t, like, width);
        return;
    }
    int64_t want[2] = {like != NULL ? like->dim[0] : KN_ANY, width};
    kn_check_tensor(c, field, t, KN_BITS_ACT, 2, want, "RD");
    if (c->status == MLM_OK)
        check_bf16(c, field, t);
}

void kn_check_sequence(kn_check *c, const char *field, kn_tensor t, const kn_tensor *like, int64_t width)
{
    int64_t want[3] = {like != NULL ? like->dim[0] : KN_ANY, like != NULL ? like->dim[1] : KN_ANY, width};
    kn_check_tensor(c, field, t, KN_BITS_ACT, 3, want, "BTD");
    if (c->status == MLM_OK)
        check_bf16(c, field, t);
}

static void check_flat(kn_check *c, const char *field, kn_tensor t, kn_dtype dtype, int64_t n, bool optional)
{
    if (optional && !kn_present(t))
        return;
    kn_check_tensor(c, field, t, KN_BIT(dtype), 1, &n, "N");
}

void kn_check_vector(kn_check *c, const char *field, kn_tensor t, int64_t n, bool optional)
{
    check_flat(c, field, t, KN_F32, n, optional);
}

void kn_check_index(kn_check *c, const char *field, kn_tensor t, int64_t n, bool optional)
{
    check_flat(c, field, t, KN_I32, n, optional);
}

void kn_check_same_dtype(kn_check *c, const char *field, kn_tensor t, const char *other_field,
                         kn_tensor other, bool or_f32)
{
    if (c->status != MLM_OK || !kn_present(t) || t.dtype == other.dtype || (or_f32 && t.dtype == KN_F32))
        return;
    c->status = mlm_fail(MLM_E_DTYPE, "%s: %s is %s, wanted %s%s as %s", c->op, field, kn_dtype_name(t.dtype),
                         kn_dtype_name(other.dtype), or_f32 ? " or f32" : "", other_field);
}

void kn_check_state(kn_check *c, const char *field, kn_tensor t, int rank, const int64_t *want,
                    const char *letters, bool optional)
{
    if (optional && !kn_present(t))
        return;
    kn_check_tensor(c, field, t, KN_BIT(KN_F32), rank, want, letters);
    if (c->status != MLM_OK || t.dim[0] == 0)
        return;
    if (!kn_is_contiguous(kn_row(t, 0)))
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s has strided rows, wanted contiguous ones", c->op, field);
}

void kn_check_matrix(kn_check *c, const char *field, const kn_matrix *m)
{
    if (c->status != MLM_OK)
        return;
    if (m == NULL)
        c->status = mlm_fail(MLM_E_SHAPE, "%s: %s is absent, wanted a matrix", c->op, field);
    else if (m->dev != c->dev)
        c->status = mlm_fail(MLM_E_DEVICE, "%s: %s is on device %s, wanted %s as the queue", c->op, field,
                             m->dev->info.name, c->dev->info.name);
}

/* Columns of one strided table: equal strides, and column ranges that do not meet. */
static bool columns_apart(kn_tensor x, kn_tensor y)
{
    size_t size = kn_dtype_size(x.dtype);
    if (x.rank != y.rank || x.rank < 2 || size != kn_dtype_size(y.dtype))
        return false;
    for (int i = 0; i < x.rank - 1; i++)
        if (x.stride[i] != y.stride[i])
            return false;
    size_t row = (size_t)x.stride[x.rank - 2] * size;
    if (row == 0 || (x.rank == 3 && ((size_t)x.stride[0] * size) % row != 0))
        return false;
    size_t nx = (size_t)x.dim[x.rank - 1] * size, ny = (size_t)y.dim[y.rank - 1] * size;
    size_t gap =
        x.offset >= y.offset ? (x.offset - y.offset) % row : (row - (y.offset - x.offset) % row) % row;
    return gap >= ny && gap + nx <= row;
}

void kn_check_disjoint(kn_check *c, const char *x_field, kn_tensor x, const char *y_field, kn_tensor y)
{
    size_t x_end = 0, y_end = 0;
    if (c->status != MLM_OK || x.buf != y.buf || kn_count(x) == 0 || kn_count(y) == 0)
        return;
    if (!view_end(&x_end, x) || !view_end(&y_end, y) || x_end <= y.offset || y_end <= x.offset ||
        columns_apart(x, y))
        return;
    c->status = mlm_fail(MLM_E_SHAPE, "%s: %s overlaps %s, wanted separate memory", c->op, y_field, x_field);
}

void kn_check_range(kn_check *c, const char *field, int64_t value, int64_t min, int64_t max)
{
    if (c->status == MLM_OK && (value < min || value > max))
        c->status = mlm_fail(MLM_E_RANGE, "%s: %s is %lld, wanted %lld to %lld", c->op, field,
                             (long long)value, (long long)min, (long long)max);
}

void kn_check_number(kn_check *c, const char *field, float value, float min)
{
    if (c->status == MLM_OK && !(isfinite(value) && value >= min))
        c->status = mlm_fail(MLM_E_RANGE, "%s: %s is %g, wanted a finite number from %g", c->op, field,
                             (double)value, (double)min);
}

void kn_check_that(kn_check *c, bool ok, mlm_status status, const char *sentence)
{
    if (c->status == MLM_OK && !ok)
        c->status = mlm_fail(status, "%s: %s", c->op, sentence);
}
