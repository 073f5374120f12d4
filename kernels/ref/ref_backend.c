/*
 * ref_backend.c: the table of the reference backend, and objects in host memory.
 *
 * The reference is the oracle of the parity tests: plain loops, f32 or bf16 storage, double accumulators,
 * one thread.  Nothing in it is fast.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/ref/ref_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGN 64u

static mlm_status ref_device_open(kn_device *dev, const kn_device_options *opt, int index)
{
    (void)opt;
    (void)index;
    dev->info = (kn_device_info){.name        = "ref",
                                 .description = "readable reference, double sums, 1 thread",
                                 .caps        = KN_CAP_HOST | KN_CAP_ORACLE | KN_CAP_ALONE,
                                 .n_threads   = 1};
    ref_host_device_refresh(dev);
    return MLM_OK;
}

static void ref_device_close(kn_device *dev)
{
    dev->impl = NULL;
}

void ref_host_device_refresh(kn_device *dev)
{
    long page = sysconf(_SC_PAGESIZE), all = sysconf(_SC_PHYS_PAGES), available = sysconf(_SC_AVPHYS_PAGES);
    dev->info.total_bytes = page > 0 && all > 0 ? (size_t)page * (size_t)all : 0;
    dev->info.free_bytes  = page > 0 && available > 0 ? (size_t)page * (size_t)available : 0;
}

/* ---- memory -------------------------------------------------------------------------------------- */

mlm_status ref_host_buffer_create(kn_buffer *buf)
{
    size_t bytes;
    if (buf->bytes > (size_t)PTRDIFF_MAX || !mlm_add_size(&bytes, buf->bytes, ALIGN))
        return mlm_fail_nomem(buf->bytes, "buffer");
    bytes     = bytes / ALIGN * ALIGN; /* a whole number of lines, never 0 */
    buf->data = aligned_alloc(ALIGN, bytes);
    if (buf->data == NULL)
        return mlm_fail_nomem(bytes, "buffer");
    memset(buf->data, 0, bytes);
    return MLM_OK;
}

void ref_host_buffer_free(kn_buffer *buf)
{
    free(buf->data);
    buf->data = NULL;
}

mlm_status ref_host_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes)
{
    (void)q;
    memcpy(kn_data(dst), src, bytes);
    return MLM_OK;
}

mlm_status ref_host_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes)
{
    (void)q;
    memcpy(dst, kn_data(src), bytes);
    return MLM_OK;
}

mlm_status ref_host_zero(kn_queue *q, kn_tensor t)
{
    (void)q;
    memset(kn_data(t), 0, (size_t)kn_count(t) * kn_dtype_size(t.dtype));
    return MLM_OK;
}

/* ---- queues, events, graphs ---------------------------------------------------------------------- */

mlm_status ref_host_queue_create(kn_queue *q)
{
    q->impl = NULL;
    return MLM_OK;
}

void ref_host_queue_free(kn_queue *q)
{
    (void)q;
}

mlm_status ref_host_queue_sync(kn_queue *q)
{
    (void)q;
    return MLM_OK;
}

mlm_status ref_host_event_create(kn_event *e)
{
    double *ms = calloc(1, sizeof *ms);
    if (ms == NULL)
        return mlm_fail_nomem(sizeof *ms, "event");
    e->impl = ms;
    return MLM_OK;
}

void ref_host_event_free(kn_event *e)
{
    free(e->impl);
    e->impl = NULL;
}

mlm_status ref_host_event_record(kn_queue *q, kn_event *e)
{
    (void)q;
    *(double *)e->impl = mlm_now_ms();
    return MLM_OK;
}

mlm_status ref_host_event_wait(kn_queue *q, kn_event *e)
{
    (void)q;
    (void)e;
    return MLM_OK;
}

mlm_status ref_host_event_elapsed(double *ms, kn_event *from, kn_event *to)
{
    *ms = *(const double *)to->impl - *(const double *)from->impl;
    return MLM_OK;
}

mlm_status ref_host_capture_begin(kn_queue *q)
{
    return mlm_fail(MLM_E_UNSUPPORTED, "device %s cannot capture graphs", q->dev->info.name);
}

mlm_status ref_host_capture_end(kn_queue *q, kn_graph *g)
{
    (void)g;
    return mlm_fail(MLM_E_UNSUPPORTED, "device %s cannot capture graphs", q->dev->info.name);
}

mlm_status ref_host_graph_launch(kn_queue *q, kn_graph *g)
{
    (void)g;
    return mlm_fail(MLM_E_UNSUPPORTED, "device %s cannot capture graphs", q->dev->info.name);
}

void ref_host_graph_free(kn_graph *g)
{
    (void)g;
}

/* ---- the table ----------------------------------------------------------------------------------- */

const kn_backend kn_ref_backend = {.abi            = KN_BACKEND_ABI,
                                   .name           = "ref",
                                   .device_open    = ref_device_open,
                                   .device_close   = ref_device_close,
                                   .device_refresh = ref_host_device_refresh,
                                   .buffer_create  = ref_host_buffer_create,
                                   .buffer_free    = ref_host_buffer_free,
                                   .matrix_create  = ref_matrix_create,
                                   .matrix_free    = ref_matrix_free,
                                   .queue_create   = ref_host_queue_create,
                                   .queue_free     = ref_host_queue_free,
                                   .queue_sync     = ref_host_queue_sync,
                                   .upload         = ref_host_upload,
                                   .download       = ref_host_download,
                                   .zero           = ref_host_zero,
                                   .event_create   = ref_host_event_create,
                                   .event_free     = ref_host_event_free,
                                   .event_record   = ref_host_event_record,
                                   .event_wait     = ref_host_event_wait,
                                   .event_elapsed  = ref_host_event_elapsed,
                                   .capture_begin  = ref_host_capture_begin,
                                   .capture_end    = ref_host_capture_end,
                                   .graph_launch   = ref_host_graph_launch,
                                   .graph_free     = ref_host_graph_free,
#define X(op) .op = ref_##op,
                                   KN_OP_LIST(X)
#undef X
};
