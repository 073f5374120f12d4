/*
 * cpu_backend.c: the processor with its thread pool as a device.
 *
 * Ops are complete on return.  Every op is a call through the table of the instruction set that
 * device_open chose; memory, events and transfers are those of the reference backend.
 */
#include "kernels/cpu/cpu_device.h"
#include "kernels/ref/ref_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 256
/* Waking the pool and waiting for it costs some microseconds. */
#define PARALLEL_MIN_NS 20000

void cpu_parallel(const kn_queue *q, int64_t n, int64_t work, mlm_range_fn fn, void *payload)
{
    cpu_device *d  = cpu_device_of(q);
    int         nt = mlm_threads_count(d->threads);
    if (n <= 0)
        return;
    if (nt == 1 || n == 1 || n * work < PARALLEL_MIN_NS) {
        fn(0, n, 0, payload);
        return;
    }
    /* About eight pieces a thread, but none so small that taking it costs more than doing it. */
    int64_t grain = n / (8 * (int64_t)nt), min = 2000 / (work > 0 ? work : 1) + 1;
    if (grain < min)
        grain = min;
    mlm_parallel_for(d->threads, n, grain, fn, payload);
}

static void device_close(kn_device *dev)
{
    cpu_device *d = dev->impl;
    if (!d)
        return;
    mlm_threads_free(d->threads);
    free(d->scratch);
    free(d);
    dev->impl = NULL;
}

static void fill_info(kn_device *dev, const cpu_device *d, int n_threads)
{
    kn_device_info *info = &dev->info;
    char            brand[64];
    cpu_isa_brand(brand, sizeof brand);
    snprintf(info->name, sizeof info->name, "cpu");
    snprintf(info->description, sizeof info->description, "%s, %s, %d thread%s", brand, d->ops->isa,
             n_threads, n_threads == 1 ? "" : "s");
    cpu_isa_features(info->features, sizeof info->features);
    info->caps      = KN_CAP_HOST | KN_CAP_ALONE;
    info->n_threads = n_threads;
    ref_host_device_refresh(dev);
}

static mlm_status device_open(kn_device *dev, const kn_device_options *opt, int index)
{
    (void)index;
    int wanted = opt ? opt->n_threads : 0, n_threads = wanted;
    if (n_threads < 0 || n_threads > MAX_THREADS)
        return mlm_fail(MLM_E_RANGE, "cpu: number of threads is %d, must be 0 to %d", n_threads, MAX_THREADS);
    if (n_threads == 0) {
        n_threads = mlm_cores_available();
        n_threads = n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
    }
    cpu_device *d = calloc(1, sizeof *d);
    if (!d)
        return mlm_fail_nomem(sizeof *d, "cpu device");
    dev->impl         = d;
    mlm_status status = MLM_OK;
    MLM_TRY_GOTO(status, cpu_isa_select(&d->ops, opt ? opt->cpu_isa : NULL), fail);
    if (n_threads > 1) {
        size_t bytes = (size_t)(n_threads - 1) * CPU_SCRATCH_BYTES;
        d->scratch   = aligned_alloc(64, bytes);
        if (!d->scratch) {
            status = mlm_fail_nomem(bytes, "scratch of the cpu threads");
            goto fail;
        }
    }
    if (wanted > 0)
        status = mlm_threads_create(&d->threads, n_threads);
    else
        status = mlm_threads_create_most(&d->threads, n_threads);
    if (status != MLM_OK)
        goto fail;
    fill_info(dev, d, mlm_threads_count(d->threads));
    return MLM_OK;
fail:
    device_close(dev);
    return status;
}

static mlm_status queue_create(kn_queue *q)
{
    cpu_queue *impl = calloc(1, sizeof *impl);
    if (!impl)
        return mlm_fail_nomem(sizeof *impl, "cpu queue");
    impl->scratch = aligned_alloc(64, CPU_SCRATCH_BYTES);
    if (!impl->scratch) {
        free(impl);
        return mlm_fail_nomem(CPU_SCRATCH_BYTES, "scratch of a cpu queue");
    }
    q->impl = impl;
    return MLM_OK;
}

static void queue_free(kn_queue *q)
{
    cpu_queue *impl = q->impl;
    if (!impl)
        return;
    free(impl->scratch);
    free(impl);
    q->impl = NULL;
}

#define X(op)                                                                                                \
    static mlm_status run_##op(kn_queue *q, const kn_##op##_args *a)                                         \
    {                                                                                                        \
        return cpu_device_of(q)->ops->op(q, a);                                                              \
    }
KN_OP_LIST(X)
#undef X

const kn_backend kn_cpu_backend = {.abi            = KN_BACKEND_ABI,
                                   .name           = "cpu",
                                   .device_open    = device_open,
                                   .device_close   = device_close,
                                   .device_refresh = ref_host_device_refresh,
                                   .buffer_create  = ref_host_buffer_create,
                                   .buffer_free    = ref_host_buffer_free,
                                   .matrix_create  = cpu_matrix_create,
                                   .matrix_free    = cpu_matrix_free,
                                   .queue_create   = queue_create,
                                   .queue_free     = queue_free,
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
#define X(op) .op = run_##op,
                                   KN_OP_LIST(X)
#undef X
};
