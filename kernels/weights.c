/*
 * weights.c: tensors of a model directory by name, checked against what the model wants, put on a device.
 *
 * A tensor is read into host memory in pieces (so that progress moves), its values are checked there for NaN
 * and infinity, and the device takes its copy: nothing points into the files afterwards.  int8 weights are
 * symmetric with one scale per output row: w[o][i] = q[o][i] * scale[o].
 */
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_hash.h"
#include "kernels/weights_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20)
#define BLOCK       4096
#define MAX_PARTS   64
#define MAX_SPARE   ((size_t)128 << 20) /* kept between matrices; larger ones are rare */

typedef unsigned long long ull;

void kn_weights_on_progress(kn_weights *w, kn_weights_progress fn, void *payload)
{
    w->progress         = fn;
    w->progress_payload = payload;
}

/* ---- what is there ------------------------------------------------------------------------------ */

static bool is_scale(const char *name)
{
    static const char suffix[] = "_scale";
    size_t            n        = strlen(name);
    return n >= sizeof suffix - 1 && strcmp(name + n - (sizeof suffix - 1), suffix) == 0;
}

static int64_t count_of(const mlm_st_tensor *t)
{
    return (int64_t)(t->bytes / mlm_st_dtype_size(t->dtype));
}

bool kn_weights_has(const kn_weights *w, const char *name)
{
    return kn_weights_find(w, name) != NULL;
}

uint64_t kn_weights_total_bytes(const kn_weights *w)
{
    return w->total_bytes;
}

int64_t kn_weights_parameters(const kn_weights *w)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const mlm_st_tensor *t = &w->tensors[i];
        if (!is_scale(t->name))
            sum += count_of(t);
    }
    return sum;
}

int kn_weights_shape(const kn_weights *w, const char *name, int64_t dim[8])
{
    const mlm_st_tensor *t = kn_weights_find(w, name);
    if (!t)
        return -1;
    for (int i = 0; i < t->rank; i++)
        dim[i] = t->dim[i];
    return t->rank;
}

int64_t kn_weights_unused(const kn_weights *w, const char **names, int64_t cap)
{
    int64_t n = 0;
    for (int64_t i = 0; i < w->n_tensors; i++) {
        if (w->used[i])
            continue;
        if (n < cap)
            names[n] = w->tensors[i].name;
        n++;
    }
    return n;
}

/* ---- reading and checking ----------------------------------------------------------------------- */

/* Finds a tensor and notes that somebody wanted it. */
static mlm_status find_tensor(const mlm_st_tensor **out, kn_weights *w, const char *name, const char *wanted)
{
    const mlm_st_tensor *t = kn_weights_find(w, name);
    *out                   = t;
    if (!t)
        return mlm_fail(MLM_E_NOTFOUND, "%s: tensor '%s' is missing from the weights, wanted %s", w->name,
                        name, wanted);
    w->used[weights_index(w, t)] = true;
    return MLM_OK;
}

static bool bad_block_f32(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, x + i, sizeof u);
        bad |= (u & 0x7f800000u) == 0x7f800000u;
    }
    return bad != 0;
}

static bool bad_block_16(const uint16_t *x, size_t n, unsigned exponent)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (x[i] & exponent) == exponent;
    return bad != 0;
}

static bool bad_block(mlm_st_dtype dtype, const void *data, size_t from, size_t n)
{
    if (dtype == MLM_ST_F32)
        return bad_block_f32((const float *)data + from, n);
    if (dtype == MLM_ST_BF16 || dtype == MLM_ST_F16)
        return bad_block_16((const uint16_t *)data + from, n, dtype == MLM_ST_BF16 ? 0x7f80u : 0x7c00u);
    return false;
}

/* NaN or infinity among n values, of which the first is element `first` of the tensor? */
static mlm_status check_finite(const kn_weights *w, const mlm_st_tensor *t, const void *data, size_t n,
                               uint64_t first)
{
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t block = n - from < BLOCK ? n - from : BLOCK;
        if (!bad_block(t->dtype, data, from, block))
            continue;
        while (!bad_block(t->dtype, data, from, 1))
            from++;
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' is NaN or infinite at element %llu",
                        weights_path(w, t), t->name, (ull)(first + from));
    }
    return MLM_OK;
}

static mlm_status report_progress(kn_weights *w, size_t bytes)
{
    w->done_bytes += bytes;
    if (w->done_bytes > w->total_bytes) /* a tensor was read twice */
        w->done_bytes = w->total_bytes;
    if (w->progress && !w->progress(w->done_bytes, w->total_bytes, w->progress_payload))
        return mlm_fail(MLM_E_CANCELLED, "loading was cancelled");
    return MLM_OK;
}

/* Piece by piece: a bad value, a bad disk or a cancel ends the reading at once. */
static mlm_status read_pieces(char *data, size_t bytes, kn_weights *w, const mlm_st_tensor *t, uint64_t first)
{
    size_t   size = mlm_st_dtype_size(t->dtype);
    mlm_hash hash;
    mlm_hash_init(&hash);
    for (size_t done = 0; done < bytes;) {
        size_t piece = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
        MLM_TRY(weights_read(w, t, data + done, first * size + done, piece));
        if (w->made == NULL) {
            MLM_TRY(check_finite(w, t, data + done, piece / size, first + done / size));
            mlm_hash_add(&hash, data + done, piece);
        }
        done += piece;
        MLM_TRY(report_progress(w, piece));
    }
    if (bytes == t->bytes)
        w->hash[weights_index(w, t)] = mlm_hash_end(&hash);
    return MLM_OK;
}

void kn_weights_round_bf16(kn_weights *w)
{
    w->round_bf16 = true;
}

static void round_f32(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = mlm_bf16_to_f32(mlm_f32_to_bf16(x[i]));
}

static void f16_to_bf16(uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = mlm_f32_to_bf16(mlm_f16_to_f32(x[i]));
}

static mlm_status take_buffer(weights_buffer *b, kn_weights *w, size_t bytes, const char *name)
{
    *b       = w->spare;
    w->spare = (weights_buffer){0};
    if (b->data != NULL && b->bytes >= bytes)
        return MLM_OK;
    free(b->data);
    b->data  = malloc(bytes ? bytes : 1);
    b->bytes = b->data != NULL ? bytes : 0;
    return b->data != NULL ? MLM_OK : mlm_fail_nomem(bytes, name);
}

static void give_buffer(kn_weights *w, weights_buffer *b)
{
    bool keep = b->bytes <= MAX_SPARE && b->bytes > w->spare.bytes;
    free(keep ? w->spare.data : b->data);
    if (keep)
        w->spare = *b;
    *b = (weights_buffer){0};
}

/* Elements [first, first + n) of a tensor, checked; the caller knows that they are there, and gives the buffer back. */
static mlm_status read_elements(weights_buffer *out, kn_weights *w, const mlm_st_tensor *t, uint64_t first,
                                size_t n)
{
    size_t bytes = 0;
    if (!mlm_mul_size(&bytes, n, mlm_st_dtype_size(t->dtype)))
        return mlm_fail(MLM_E_RANGE, "%s: tensor '%s' is too large", weights_path(w, t), t->name);
    MLM_TRY(take_buffer(out, w, bytes, t->name));
    return read_pieces(out->data, bytes, w, t, first);
}

/* ---- matrices ----------------------------------------------------------------------------------- */

static bool to_kernel_dtype(mlm_st_dtype dtype, kn_dtype *out)
{
    bool known = dtype == MLM_ST_F32 || dtype == MLM_ST_BF16 || dtype == MLM_ST_F16 || dtype == MLM_ST_I8;
    *out       = dtype == MLM_ST_F32    ? KN_F32
                 : dtype == MLM_ST_BF16 ? KN_BF16
                 : dtype == MLM_ST_F16  ? KN_F16
                                        : KN_I8;
    return known;
}

/* The scales of an int8 weight: F32 [out], finite, not negative. */
static mlm_status read_scale(weights_buffer *out, kn_weights *w, const char *weight, int64_t rows)
{
    char                 name[1024], wanted[64], shape[256];
    const mlm_st_tensor *t   = NULL;
    int                  len = snprintf(name, sizeof name, "%s_scale", weight);
    if (len < 0 || (size_t)len >= sizeof name)
        return mlm_fail(MLM_E_RANGE, "%s: tensor name '%.200s' is too long", w->name, weight);
    (void)snprintf(wanted, sizeof wanted, "F32 [%lld]", (long long)rows);
    MLM_TRY(find_tensor(&t, w, name, wanted));
    mlm_st_shape_text(t, shape, sizeof shape);
    if (t->dtype != MLM_ST_F32)
        return mlm_fail(MLM_E_DTYPE, "%s: tensor '%s' has dtype %s, must be %s", weights_path(w, t), name,
                        mlm_st_dtype_name(t->dtype), wanted);
    if (t->rank != 1 || t->dim[0] != rows)
        return mlm_fail(MLM_E_SHAPE, "%s: tensor '%s' has shape %s, must be [%lld]", weights_path(w, t), name,
                        shape, (long long)rows);
    MLM_TRY(read_elements(out, w, t, 0, (size_t)rows));
    const float *scale = out->data;
    for (int64_t i = 0; i < rows; i++)
        if (scale[i] < 0.0f)
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' is negative at element %lld, a scale must not be",
                            weights_path(w, t), name, (long long)i);
    return MLM_OK;
}

/* Fills *part; its data (and scale) lie in the buffers. */
static mlm_status read_part(kn_matrix_part *part, weights_buffer *data, weights_buffer *scale, kn_weights *w,
                            const kn_weights_part *want, int64_t in)
{
    char                 shape[256], wanted[64];
    const mlm_st_tensor *t   = NULL;
    int64_t              row = 1;
    (void)snprintf(wanted, sizeof wanted, "[%lld, %lld]", (long long)want->out, (long long)in);
    MLM_TRY(find_tensor(&t, w, want->name, wanted));
    mlm_st_shape_text(t, shape, sizeof shape);
    for (int i = 1; i < t->rank; i++) {
        if (__builtin_mul_overflow(row, t->dim[i], &row))
            row = -1; /* only with a dimension 0 beside it */
    }
    if (t->rank < 2 || t->dim[0] != want->out || row != in || want->out < 1 || in < 1)
        return mlm_fail(MLM_E_SHAPE, "%s: tensor '%s' has shape %s, must be %s", weights_path(w, t), t->name,
                        shape, wanted);
    if (!to_kernel_dtype(t->dtype, &part->dtype))
        return mlm_fail(MLM_E_DTYPE, "%s: tensor '%s' has dtype %s, must be F32, BF16, F16 or I8",
                        weights_path(w, t), t->name, mlm_st_dtype_name(t->dtype));
    part->out = want->out;
    part->in  = in;
    MLM_TRY(read_elements(data, w, t, 0, (size_t)count_of(t)));
    if (w->round_bf16 && part->dtype == KN_F32)
        round_f32(data->data, (size_t)count_of(t));
    if (w->round_bf16 && part->dtype == KN_F16) {
        f16_to_bf16(data->data, (size_t)count_of(t));
        part->dtype = KN_BF16;
    }
    part->data = data->data;
    if (part->dtype == KN_I8)
        MLM_TRY(read_scale(scale, w, want->name, want->out));
    part->scale = scale->data;
    return MLM_OK;
}

mlm_status kn_weights_matrix(kn_matrix **out, kn_weights *w, kn_device *dev, const kn_weights_part *parts,
                             int n_parts, int64_t in)
{
    kn_matrix_part made[MAX_PARTS];
    weights_buffer buffer[MAX_PARTS][2];
    mlm_status     status = MLM_OK;
    *out                  = NULL;
    if (n_parts < 1 || n_parts > MAX_PARTS)
        return mlm_fail(MLM_E_RANGE, "a matrix of %d parts, must be from 1 to %d", n_parts, MAX_PARTS);
    for (int i = 0; w->is_listing && i < n_parts; i++)
        MLM_TRY(weights_made_note(w->made, parts[i].name, parts[i].out, in));
    if (w->is_listing)
        return MLM_OK;
    memset(made, 0, sizeof made);
    memset(buffer, 0, sizeof buffer);
    for (int i = 0; i < n_parts && status == MLM_OK; i++) {
        status = read_part(&made[i], &buffer[i][0], &buffer[i][1], w, &parts[i], in);
        if (status == MLM_OK && made[i].dtype != made[0].dtype)
            status = mlm_fail(MLM_E_DTYPE, "%s: tensor '%s' is %s, but '%s', which is stacked with it, is %s",
                              w->name, parts[i].name, kn_dtype_name(made[i].dtype), parts[0].name,
                              kn_dtype_name(made[0].dtype));
    }
    if (status == MLM_OK)
        status = kn_matrix_create(out, dev, made, n_parts);
    for (int i = 0; i < n_parts; i++) {
        give_buffer(w, &buffer[i][0]);
        give_buffer(w, &buffer[i][1]);
    }
    return status;
}

/* ---- vectors ------------------------------------------------------------------------------------ */

static void convert_to_f32(float *dst, const void *src, mlm_st_dtype dtype, size_t n)
{
    const uint16_t *half = src;
    if (dtype == MLM_ST_F32) {
        memcpy(dst, src, n * sizeof *dst);
    } else if (dtype == MLM_ST_BF16) {
        for (size_t i = 0; i < n; i++)
            dst[i] = mlm_bf16_to_f32(half[i]);
    } else {
        for (size_t i = 0; i < n; i++)
            dst[i] = mlm_f16_to_f32(half[i]);
    }
}

mlm_status kn_weights_host_f32(kn_weights *w, float *dst, const char *name, int64_t first, int64_t count,
                               int64_t whole)
{
    char                 shape[256], wanted[64];
    const mlm_st_tensor *t    = NULL;
    weights_buffer       data = {0};
    int64_t              end  = 0;
    if (first < 0 || count < 0 || __builtin_add_overflow(first, count, &end) || (whole != 0 && whole < end))
        return mlm_fail(MLM_E_RANGE, "%s: tensor '%s': elements %lld to %lld of %lld wanted", w->name, name,
                        (long long)first, (long long)end, (long long)whole);
    if (whole == 0)
        whole = end;
    if (w->is_listing) {
        memset(dst, 0, (size_t)count * sizeof *dst);
        return weights_made_note(w->made, name, 0, whole);
    }
    (void)snprintf(wanted, sizeof wanted, "%lld elements", (long long)whole);
    MLM_TRY(find_tensor(&t, w, name, wanted));
    mlm_st_shape_text(t, shape, sizeof shape);
    if (count_of(t) != whole)
        return mlm_fail(MLM_E_SHAPE, "%s: tensor '%s' has shape %s, must have %s", weights_path(w, t), name,
                        shape, wanted);
    if (t->dtype != MLM_ST_F32 && t->dtype != MLM_ST_BF16 && t->dtype != MLM_ST_F16)
        return mlm_fail(MLM_E_DTYPE, "%s: tensor '%s' has dtype %s, must be F32, BF16 or F16",
                        weights_path(w, t), name, mlm_st_dtype_name(t->dtype));
    mlm_status status = read_elements(&data, w, t, (uint64_t)first, (size_t)count);
    if (status == MLM_OK)
        convert_to_f32(dst, data.data, t->dtype, (size_t)count);
    if (status == MLM_OK && w->round_bf16)
        round_f32(dst, (size_t)count);
    give_buffer(w, &data);
    return status;
}

mlm_status kn_weights_vector(kn_weights *w, kn_queue *q, kn_tensor t, const char *name, int64_t first,
                             int64_t whole)
{
    int64_t count = kn_count(t);
    size_t  bytes = 0;
    if (t.dtype != KN_F32 && t.dtype != KN_BF16)
        return mlm_fail(MLM_E_DTYPE, "tensor '%s' is wanted as %s, only f32 and bf16 are possible", name,
                        kn_dtype_name(t.dtype));
    if (count < 0 || !mlm_mul_size(&bytes, (size_t)count, sizeof(float)))
        return mlm_fail(MLM_E_RANGE, "tensor '%s' is wanted with too many elements", name);
    float *host = malloc(bytes ? bytes : 1);
    if (!host)
        return mlm_fail_nomem(bytes, name);
    mlm_status status = kn_weights_host_f32(w, host, name, first, count, whole);
    uint16_t  *half   = status == MLM_OK && t.dtype == KN_BF16 ? malloc(bytes ? bytes : 1) : NULL;
    if (status == MLM_OK && t.dtype == KN_BF16 && !half)
        status = mlm_fail_nomem(bytes, name);
    for (int64_t i = 0; half && i < count; i++)
        half[i] = mlm_f32_to_bf16(host[i]);
    if (status == MLM_OK)
        status = half ? kn_upload(q, t, half, (size_t)count * sizeof *half) : kn_upload(q, t, host, bytes);
    free(half);
    free(host);
    return status;
}

/* ---- the whole set ------------------------------------------------------------------------------ */

/* Of tensors that were read in parts only, or not at all. */
static mlm_status hash_tensor(uint64_t *out, const kn_weights *w, const mlm_st_tensor *t)
{
    size_t   cap  = t->bytes < PIECE_BYTES ? (size_t)t->bytes : PIECE_BYTES;
    char    *data = malloc(cap ? cap : 1);
    mlm_hash hash;
    if (!data)
        return mlm_fail_nomem(cap, t->name);
    mlm_status status = MLM_OK;
    mlm_hash_init(&hash);
    for (uint64_t done = 0; done < t->bytes && status == MLM_OK; done += cap) {
        size_t piece = t->bytes - done < cap ? (size_t)(t->bytes - done) : cap;
        status       = weights_read(w, t, data, done, piece);
        if (status == MLM_OK)
            mlm_hash_add(&hash, data, piece);
    }
    free(data);
    *out = mlm_hash_end(&hash);
    return status;
}

/* By name, so that the order of files and of tensors in them does not matter. */
mlm_status kn_weights_fingerprint(uint64_t *out, kn_weights *w)
{
    mlm_hash sum;
    mlm_hash_init(&sum);
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const mlm_st_tensor *t    = w->by_name[i];
        uint64_t            *hash = &w->hash[weights_index(w, t)];
        if (w->made != NULL)
            *hash = 1; /* the values follow from name, dtype and shape */
        if (*hash == 0)
            MLM_TRY(hash_tensor(hash, w, t));
        mlm_hash_add(&sum, t->name, strlen(t->name) + 1);
        mlm_hash_add_u64(&sum, (uint64_t)t->dtype);
        for (int k = 0; k < t->rank; k++)
            mlm_hash_add_u64(&sum, (uint64_t)t->dim[k]);
        mlm_hash_add_u64(&sum, *hash);
    }
    *out = mlm_hash_end(&sum);
    return MLM_OK;
}

static bool is_matrix(const mlm_st_tensor *t)
{
    static const char suffix[] = ".weight";
    size_t            n        = strlen(t->name);
    return t->rank == 2 && n >= sizeof suffix - 1 && strcmp(t->name + n - (sizeof suffix - 1), suffix) == 0;
}

mlm_status kn_weights_matrix_dtype(mlm_st_dtype *out, const kn_weights *w)
{
    const mlm_st_tensor *first = NULL;
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const mlm_st_tensor *t = &w->tensors[i];
        if (!is_matrix(t))
            continue;
        if (first == NULL)
            first = t;
        if ((t->dtype == MLM_ST_I8) != (first->dtype == MLM_ST_I8))
            return mlm_fail(MLM_E_DTYPE,
                            "%s: tensor '%s' is %s, but '%s' is %s: int8 weights must be all or none",
                            weights_path(w, t), t->name, mlm_st_dtype_name(t->dtype), first->name,
                            mlm_st_dtype_name(first->dtype));
    }
    if (first == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s: the weights hold no matrix", w->name);
    *out = first->dtype;
    return MLM_OK;
}
