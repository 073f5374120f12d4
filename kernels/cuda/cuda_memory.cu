/*
 * cuda_memory.cu: device memory, pinned staging, prepared matrices.
 *
 * Host bytes go through two pinned halves of 4 MB: one is filled by the CPU, by any number of uploads, while the other travels, so
 * weights stream at the speed of the bus and the caller's memory is free when a call returns.
 */
#include "kernels/cuda/cuda_objects.cuh"

#include <stdlib.h>
#include <string.h>

mlm_status cuda_alloc(const kn_device *dev, void **out, size_t bytes, const char *what)
{
    size_t free_bytes = 0, total = 0;
    *out = NULL;
    MLM_TRY(cuda_enter(dev, what));
    cudaError_t err = cudaMalloc(out, bytes > 0 ? bytes : 64);
    if (err != cudaErrorMemoryAllocation)
        return cuda_status(dev, err, what);
    (void)cudaGetLastError();
    (void)cudaMemGetInfo(&free_bytes, &total);
    return mlm_fail(MLM_E_NOMEM, "%s: out of memory: wanted %.1f MiB for a %s, %.1f MiB are free",
                    dev->info.name, (double)bytes / 1048576.0, what, (double)free_bytes / 1048576.0);
}

/* ---- staging ------------------------------------------------------------------------------------- */

mlm_status cuda_staging_create(const kn_device *dev, cuda_staging *s)
{
    for (int i = 0; i < 2; i++) {
        void *p = NULL;
        MLM_TRY(cuda_status(dev, cudaMallocHost(&p, CUDA_STAGING_BYTES), "pinned memory"));
        s->half[i] = (char *)p;
        MLM_TRY(cuda_status(dev, cudaEventCreateWithFlags(&s->done[i], cudaEventDisableTiming), "event"));
    }
    return MLM_OK;
}

void cuda_staging_free(cuda_staging *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->done[i])
            (void)cudaEventDestroy(s->done[i]);
        if (s->half[i])
            (void)cudaFreeHost(s->half[i]);
    }
    memset(s, 0, sizeof *s);
}

mlm_status cuda_send(const kn_device *dev, cuda_staging *s, cudaStream_t stream, void *dst, const void *src,
                     size_t bytes)
{
    const char *from = (const char *)src;
    char       *to   = (char *)dst;
    while (bytes > 0) {
        if (s->used == CUDA_STAGING_BYTES) {
            MLM_TRY(cuda_status(dev, cudaEventSynchronize(s->done[1 - s->next]), "upload"));
            s->next = 1 - s->next;
            s->used = 0;
        }
        size_t room = CUDA_STAGING_BYTES - s->used, n = bytes < room ? bytes : room;
        int    k    = s->next;
        char  *half = s->half[k] + s->used;
        memcpy(half, from, n);
        MLM_TRY(cuda_status(dev, cudaMemcpyAsync(to, half, n, cudaMemcpyHostToDevice, stream), "upload"));
        MLM_TRY(cuda_status(dev, cudaEventRecord(s->done[k], stream), "upload"));
        s->used += (n + 63) / 64 * 64;
        from += n;
        to += n;
        bytes -= n;
    }
    return MLM_OK;
}

/* ---- buffers ------------------------------------------------------------------------------------- */

mlm_status cuda_alloc_zeroed(const kn_device *dev, void **out, size_t bytes, const char *what)
{
    MLM_TRY(cuda_alloc(dev, out, bytes, what));
    cudaStream_t stream = cuda_of(dev)->transfer;
    cudaError_t  err    = cudaMemsetAsync(*out, 0, bytes > 0 ? bytes : 64, stream);
    if (err == cudaSuccess)
        err = cudaStreamSynchronize(stream);
    if (err == cudaSuccess)
        return MLM_OK;
    (void)cudaFree(*out);
    *out = NULL;
    return cuda_status(dev, err, what);
}

mlm_status cuda_buffer_create(kn_buffer *buf)
{
    return cuda_alloc_zeroed(buf->dev, &buf->data, buf->bytes, "buffer");
}

/* cudaFree waits for everything that may still use the memory. */
static void release(const kn_device *dev, void *p)
{
    if (p != NULL && cudaSetDevice(cuda_of(dev)->index) == cudaSuccess)
        (void)cudaFree(p);
    (void)cudaGetLastError();
}

void cuda_buffer_free(kn_buffer *buf)
{
    release(buf->dev, buf->data);
}

/* ---- matrices ------------------------------------------------------------------------------------ */

/* With the lock. */
static void slab_leave(cuda_device *d, cuda_slab *s)
{
    if (s->n_users > 0 || s->is_open)
        return;
    (void)cudaSetDevice(d->index);
    (void)cudaFree(s->data);
    (void)cudaGetLastError();
    free(s);
}

static mlm_status slab_create(kn_device *dev, size_t bytes)
{
    cuda_slab *s = (cuda_slab *)calloc(1, sizeof *s);
    if (s == NULL)
        return mlm_fail_nomem(sizeof *s, "weights");
    void      *data = NULL;
    mlm_status st   = cuda_alloc_zeroed(dev, &data, bytes, "piece of weights");
    if (st != MLM_OK) {
        free(s);
        return st;
    }
    s->data            = (char *)data;
    s->bytes           = bytes;
    s->is_open         = true;
    cuda_of(dev)->slab = s;
    return MLM_OK;
}

mlm_status cuda_reserve(kn_device *dev, size_t bytes)
{
    cuda_device *d  = cuda_of(dev);
    mlm_status   st = MLM_OK;
    (void)pthread_mutex_lock(&d->lock);
    if (d->slab != NULL) {
        d->slab->is_open = false;
        slab_leave(d, d->slab);
        d->slab = NULL;
    }
    if (bytes > 0)
        st = slab_create(dev, bytes);
    (void)pthread_mutex_unlock(&d->lock);
    return st;
}

/* Zeroed, with the lock: from the slab while it lasts. */
static mlm_status take(kn_device *dev, void **out, cuda_slab **slab, size_t bytes, const char *what)
{
    cuda_slab *s = cuda_of(dev)->slab;
    if (s == NULL || bytes > s->bytes - s->used)
        return cuda_alloc_zeroed(dev, out, bytes, what);
    *out        = s->data + s->used;
    *slab       = s;
    size_t room = (bytes + KN_MATRIX_ALIGN - 1) / KN_MATRIX_ALIGN * KN_MATRIX_ALIGN;
    s->used += room < s->bytes - s->used ? room : s->bytes - s->used;
    s->n_users++;
    return MLM_OK;
}

static void give(const kn_device *dev, void *p, cuda_slab *slab)
{
    cuda_device *d = cuda_of(dev);
    if (slab == NULL) {
        release(dev, p);
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    slab->n_users--;
    slab_leave(d, slab);
    (void)pthread_mutex_unlock(&d->lock);
}

/* Rows of `in` elements to rows of `pitch` elements, packed in chunks through the staging halves. */
static mlm_status send_rows(kn_matrix *m, cuda_matrix *c, const kn_matrix_part *p, int64_t first_row)
{
    cuda_device *d         = cuda_of(m->dev);
    size_t       size      = cuda_dtype_size(m->dtype);
    size_t       row_bytes = (size_t)m->in * size, pitch_bytes = (size_t)c->pitch * size;
    char        *dst = (char *)c->data + (size_t)first_row * pitch_bytes;
    if (row_bytes == pitch_bytes)
        return cuda_send(m->dev, &d->staging, d->transfer, dst, p->data, row_bytes * (size_t)p->out);
    for (int64_t r = 0; r < p->out; r++)
        MLM_TRY(cuda_send(m->dev, &d->staging, d->transfer, dst + (size_t)r * pitch_bytes,
                          (const char *)p->data + (size_t)r * row_bytes, row_bytes));
    return MLM_OK;
}

static mlm_status fill_matrix(kn_matrix *m, cuda_matrix *c, const kn_matrix_part *parts, int n_parts)
{
    cuda_device *d   = cuda_of(m->dev);
    int64_t      row = 0;
    for (int i = 0; i < n_parts; i++) {
        MLM_TRY(send_rows(m, c, &parts[i], row));
        if (c->scale)
            MLM_TRY(cuda_send(m->dev, &d->staging, d->transfer, c->scale + row, parts[i].scale,
                              (size_t)parts[i].out * sizeof(float)));
        row += parts[i].out;
    }
    return cuda_status(m->dev, cudaStreamSynchronize(d->transfer), "matrix upload");
}

mlm_status cuda_matrix_create(kn_matrix *m, const kn_matrix_part *parts, int n_parts)
{
    cuda_device *d     = cuda_of(m->dev);
    size_t       size  = cuda_dtype_size(m->dtype);
    int64_t      group = (int64_t)(16 / size);
    cuda_matrix *c     = (cuda_matrix *)calloc(1, sizeof *c);
    if (c == NULL)
        return mlm_fail_nomem(sizeof *c, "matrix");
    c->pitch = (m->in + group - 1) / group * group;
    m->impl  = c;
    m->bytes = (size_t)m->out * (size_t)c->pitch * size;
    (void)pthread_mutex_lock(&d->lock);
    mlm_status st = take(m->dev, &c->data, &c->data_slab, m->bytes, "matrix");
    if (st == MLM_OK && m->dtype == KN_I8) {
        void *scale = NULL;
        st          = take(m->dev, &scale, &c->scale_slab, (size_t)m->out * sizeof(float), "matrix scale");
        c->scale    = (float *)scale;
        m->bytes += (size_t)m->out * sizeof(float);
    }
    if (st == MLM_OK)
        st = fill_matrix(m, c, parts, n_parts);
    (void)pthread_mutex_unlock(&d->lock);
    if (st != MLM_OK)
        cuda_matrix_free(m);
    return st;
}

void cuda_matrix_free(kn_matrix *m)
{
    cuda_matrix *c = (cuda_matrix *)m->impl;
    if (c == NULL)
        return;
    give(m->dev, c->data, c->data_slab);
    give(m->dev, c->scale, c->scale_slab);
    free(c);
    m->impl = NULL;
}
