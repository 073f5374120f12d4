/*
 * objects.c: buffers, prepared matrices, queues, transfers, events and graphs.
 *
 * Each object is a small host struct with the backend's own pointer inside; what can be checked without
 * knowing the backend (sizes, dtypes, which device an object belongs to) is checked here.
 */
#include "kernels/backend.h"

#include <stdlib.h>

static mlm_status check_device(const kn_device *have, const kn_device *want, const char *what)
{
    if (have == want)
        return MLM_OK;
    return mlm_fail(MLM_E_DEVICE, "%s belongs to another device (%s) than the queue (%s)", what,
                    have->info.name, want->info.name);
}

/* ---- memory -------------------------------------------------------------------------------------- */

mlm_status kn_buffer_create(kn_buffer **out, kn_device *dev, size_t bytes)
{
    *out           = NULL;
    kn_buffer *buf = calloc(1, sizeof *buf);
    if (buf == NULL)
        return mlm_fail_nomem(sizeof *buf, "buffer");
    buf->dev      = dev;
    buf->bytes    = bytes;
    mlm_status st = kn_backend_status(dev, dev->be->buffer_create(buf));
    if (st != MLM_OK) {
        free(buf);
        return st;
    }
    *out = buf;
    return MLM_OK;
}

void kn_buffer_free(kn_buffer *buf)
{
    if (buf == NULL)
        return;
    buf->dev->be->buffer_free(buf);
    free(buf);
}

size_t kn_buffer_bytes(const kn_buffer *buf)
{
    return buf->bytes;
}

/* ---- matrices ------------------------------------------------------------------------------------ */

/* Checks the parts and adds up their rows. */
static mlm_status check_parts(int64_t *out_rows, const kn_matrix_part *p, int n)
{
    if (n < 1)
        return mlm_fail(MLM_E_SHAPE, "matrix: %d parts, wanted at least 1", n);
    int64_t rows = 0;
    for (int i = 0; i < n; i++) {
        if (p[i].out < 1 || p[i].in < 1 || p[i].out > INT32_MAX || p[i].in > INT32_MAX)
            return mlm_fail(MLM_E_SHAPE, "matrix: part %d is [%lld,%lld], wanted 1 .. 2147483647 each", i,
                            (long long)p[i].out, (long long)p[i].in);
        if (p[i].in != p[0].in)
            return mlm_fail(MLM_E_SHAPE, "matrix: part %d is [%lld,%lld], wanted [out,%lld] as part 0", i,
                            (long long)p[i].out, (long long)p[i].in, (long long)p[0].in);
        if (p[i].dtype != KN_F32 && p[i].dtype != KN_BF16 && p[i].dtype != KN_F16 && p[i].dtype != KN_I8)
            return mlm_fail(MLM_E_DTYPE, "matrix: part %d is %s, wanted f32, bf16, f16 or i8", i,
                            kn_dtype_name(p[i].dtype));
        if (p[i].dtype != p[0].dtype)
            return mlm_fail(MLM_E_DTYPE, "matrix: part %d is %s, wanted %s as part 0", i,
                            kn_dtype_name(p[i].dtype), kn_dtype_name(p[0].dtype));
        if (p[i].data == NULL || (p[i].dtype == KN_I8) != (p[i].scale != NULL))
            return mlm_fail(MLM_E_DTYPE, "matrix: part %d (%s) has %s, wanted data, and scales for i8 only",
                            i, kn_dtype_name(p[i].dtype),
                            p[i].data == NULL ? "no data"
                            : p[i].scale      ? "scales"
                                              : "no scales");
        rows += p[i].out;
    }
    size_t bytes = sizeof(double); /* room for any layout a backend keeps */
    if (rows > INT32_MAX || !mlm_mul_size(&bytes, bytes, (size_t)rows) ||
        !mlm_mul_size(&bytes, bytes, (size_t)p[0].in))
        return mlm_fail(MLM_E_SHAPE, "matrix: [%lld,%lld] is too large", (long long)rows, (long long)p[0].in);
    *out_rows = rows;
    return MLM_OK;
}

size_t kn_matrix_room(int64_t out, int64_t in, kn_dtype dtype)
{
    size_t row    = ((size_t)in * kn_dtype_size(dtype) + 15) / 16 * 16;
    size_t scales = dtype == KN_I8 ? (size_t)out * sizeof(float) : 0, mask = KN_MATRIX_ALIGN - 1;
    return (((size_t)out * row + mask) & ~mask) + ((scales + mask) & ~mask);
}

mlm_status kn_reserve_matrices(kn_device *dev, size_t bytes)
{
    return dev->be->reserve == NULL ? MLM_OK : kn_backend_status(dev, dev->be->reserve(dev, bytes));
}

mlm_status kn_matrix_create(kn_matrix **out, kn_device *dev, const kn_matrix_part *parts, int n_parts)
{
    *out         = NULL;
    int64_t rows = 0;
    MLM_TRY(check_parts(&rows, parts, n_parts));
    kn_matrix *m = calloc(1, sizeof *m);
    if (m == NULL)
        return mlm_fail_nomem(sizeof *m, "matrix");
    m->dev        = dev;
    m->out        = rows;
    m->in         = parts[0].in;
    m->dtype      = parts[0].dtype;
    mlm_status st = kn_backend_status(dev, dev->be->matrix_create(m, parts, n_parts));
    if (st != MLM_OK) {
        free(m);
        return st;
    }
    *out = m;
    return MLM_OK;
}

void kn_matrix_free(kn_matrix *m)
{
    if (m == NULL)
        return;
    m->dev->be->matrix_free(m);
    free(m);
}

int64_t kn_matrix_out(const kn_matrix *m)
{
    return m->out;
}

int64_t kn_matrix_in(const kn_matrix *m)
{
    return m->in;
}

kn_dtype kn_matrix_dtype(const kn_matrix *m)
{
    return m->dtype;
}

size_t kn_matrix_bytes(const kn_matrix *m)
{
    return m->bytes;
}

/* ---- queues and transfers ------------------------------------------------------------------------ */

mlm_status kn_queue_create(kn_queue **out, kn_device *dev)
{
    *out        = NULL;
    kn_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return mlm_fail_nomem(sizeof *q, "queue");
    q->dev        = dev;
    mlm_status st = kn_backend_status(dev, dev->be->queue_create(q));
    if (st != MLM_OK) {
        free(q);
        return st;
    }
    *out = q;
    return MLM_OK;
}

void kn_queue_free(kn_queue *q)
{
    if (q == NULL)
        return;
    q->dev->be->queue_free(q);
    free(q);
}

kn_device *kn_queue_device(const kn_queue *q)
{
    return q->dev;
}

mlm_status kn_queue_sync(kn_queue *q)
{
    return kn_backend_status(q->dev, q->dev->be->queue_sync(q));
}

/* `bytes` of a transfer against a contiguous tensor that lies in its buffer. */
static mlm_status check_transfer(const kn_queue *q, const char *what, kn_tensor t, size_t bytes)
{
    if (!kn_present(t))
        return mlm_fail(MLM_E_SHAPE, "%s: the tensor is absent", what);
    MLM_TRY(check_device(t.buf->dev, q->dev, what));
    size_t have = (size_t)kn_count(t) * kn_dtype_size(t.dtype), end;
    if (!kn_is_contiguous(t))
        return mlm_fail(MLM_E_SHAPE, "%s: the tensor is strided, wanted a contiguous one", what);
    if (have != bytes)
        return mlm_fail(MLM_E_SHAPE, "%s: the tensor has %zu bytes, the host side %zu", what, have, bytes);
    if (!mlm_add_size(&end, t.offset, have) || end > t.buf->bytes)
        return mlm_fail(MLM_E_SHAPE, "%s: the tensor ends at byte %zu of a buffer of %zu", what, end,
                        t.buf->bytes);
    return MLM_OK;
}

mlm_status kn_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes)
{
    MLM_TRY(check_transfer(q, "upload", dst, bytes));
    return bytes == 0 ? MLM_OK : kn_backend_status(q->dev, q->dev->be->upload(q, dst, src, bytes));
}

mlm_status kn_read(kn_queue *q, kn_tensor t, kn_tensor sum)
{
    size_t bytes = (size_t)kn_count(t) * kn_dtype_size(t.dtype);
    MLM_TRY(check_transfer(q, "read", t, bytes));
    MLM_TRY(check_transfer(q, "read", sum, sizeof(int32_t)));
    if (kn_dtype_size(t.dtype) != 4 || bytes % 16 != 0 || sum.dtype != KN_I32)
        return mlm_fail(MLM_E_SHAPE, "read: wanted groups of four 32-bit words, and one i32 for the sum");
    if (q->dev->be->read == NULL)
        return mlm_fail(MLM_E_UNSUPPORTED, "read: device %s has none", q->dev->info.name);
    return kn_backend_status(q->dev, q->dev->be->read(q, t, sum));
}

mlm_status kn_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes)
{
    MLM_TRY(check_transfer(q, "download", src, bytes));
    return bytes == 0 ? MLM_OK : kn_backend_status(q->dev, q->dev->be->download(q, dst, src, bytes));
}

mlm_status kn_zero(kn_queue *q, kn_tensor t)
{
    size_t bytes = (size_t)kn_count(t) * kn_dtype_size(t.dtype);
    MLM_TRY(check_transfer(q, "zero", t, bytes));
    return bytes == 0 ? MLM_OK : kn_backend_status(q->dev, q->dev->be->zero(q, t));
}

/* ---- events and graphs --------------------------------------------------------------------------- */

mlm_status kn_event_create(kn_event **out, kn_device *dev)
{
    *out        = NULL;
    kn_event *e = calloc(1, sizeof *e);
    if (e == NULL)
        return mlm_fail_nomem(sizeof *e, "event");
    e->dev        = dev;
    mlm_status st = kn_backend_status(dev, dev->be->event_create(e));
    if (st != MLM_OK) {
        free(e);
        return st;
    }
    *out = e;
    return MLM_OK;
}

void kn_event_free(kn_event *e)
{
    if (e == NULL)
        return;
    e->dev->be->event_free(e);
    free(e);
}

mlm_status kn_event_record(kn_queue *q, kn_event *e)
{
    MLM_TRY(check_device(e->dev, q->dev, "event"));
    return kn_backend_status(q->dev, q->dev->be->event_record(q, e));
}

mlm_status kn_event_wait(kn_queue *q, kn_event *e)
{
    MLM_TRY(check_device(e->dev, q->dev, "event"));
    return kn_backend_status(q->dev, q->dev->be->event_wait(q, e));
}

mlm_status kn_event_elapsed(double *ms, kn_event *from, kn_event *to)
{
    MLM_TRY(check_device(from->dev, to->dev, "event"));
    return kn_backend_status(to->dev, to->dev->be->event_elapsed(ms, from, to));
}

static mlm_status check_graphs(const kn_queue *q)
{
    if (q->dev->info.caps & KN_CAP_GRAPHS)
        return MLM_OK;
    return mlm_fail(MLM_E_UNSUPPORTED, "device %s cannot capture graphs", q->dev->info.name);
}

mlm_status kn_capture_begin(kn_queue *q)
{
    MLM_TRY(check_graphs(q));
    MLM_TRY(kn_backend_status(q->dev, q->dev->be->capture_begin(q)));
    q->capturing = true;
    return MLM_OK;
}

bool kn_queue_is_capturing(const kn_queue *q)
{
    return q->capturing;
}

mlm_status kn_capture_end(kn_queue *q, kn_graph **out)
{
    *out = NULL;
    MLM_TRY(check_graphs(q));
    kn_graph *g = calloc(1, sizeof *g);
    if (g == NULL)
        return mlm_fail_nomem(sizeof *g, "graph");
    q->capturing  = false;
    g->dev        = q->dev;
    g->queue      = q;
    mlm_status st = kn_backend_status(q->dev, q->dev->be->capture_end(q, g));
    if (st != MLM_OK) {
        free(g);
        return st;
    }
    *out = g;
    return MLM_OK;
}

mlm_status kn_graph_launch(kn_queue *q, kn_graph *g)
{
    MLM_TRY(check_device(g->dev, q->dev, "graph"));
    if (g->queue != q)
        return mlm_fail(MLM_E_STATE,
                        "graph: it was captured on another queue of %s, and runs on that one only",
                        q->dev->info.name);
    return kn_backend_status(q->dev, q->dev->be->graph_launch(q, g));
}

void kn_graph_free(kn_graph *g)
{
    if (g == NULL)
        return;
    g->dev->be->graph_free(g);
    free(g);
}
