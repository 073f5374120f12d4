/*
 * cuda_backend.cu: the backend's table, opening a device, errors.
 *
 * A failed CUDA call becomes a status with one line of text and nothing ends the program.  Errors that leave
 * the context unusable (a fault in a kernel, a card that fell off the bus) mark the device lost: every later
 * call on it fails at once.
 */
#include "kernels/cuda/cuda_common.cuh"
#include "kernels/cuda/cuda_objects.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors -------------------------------------------------------------------------------------- */

/* Errors after which the context answers nothing but the same error. */
static bool is_sticky(cudaError_t err)
{
    return err == cudaErrorIllegalAddress || err == cudaErrorLaunchFailure || err == cudaErrorLaunchTimeout ||
           err == cudaErrorMisalignedAddress || err == cudaErrorIllegalInstruction ||
           err == cudaErrorInvalidAddressSpace || err == cudaErrorInvalidPc ||
           err == cudaErrorHardwareStackError || err == cudaErrorAssert || err == cudaErrorECCUncorrectable ||
           err == cudaErrorNvlinkUncorrectable || err == cudaErrorContextIsDestroyed ||
           err == cudaErrorUnknown;
}

mlm_status cuda_status(const kn_device *dev, cudaError_t err, const char *what)
{
    if (err == cudaSuccess)
        return MLM_OK;
    (void)cudaGetLastError(); /* a plain error must not show up again at the next launch */
    if (is_sticky(err))
        __atomic_store_n(&cuda_of(dev)->lost, 1, __ATOMIC_RELAXED);
    return mlm_fail(err == cudaErrorMemoryAllocation ? MLM_E_NOMEM : MLM_E_DEVICE, "%s: %s failed: %s%s",
                    dev->info.name, what, cudaGetErrorString(err),
                    is_sticky(err) ? " (the device is lost)" : "");
}

mlm_status cuda_enter(const kn_device *dev, const char *what)
{
    if (__atomic_load_n(&cuda_of(dev)->lost, __ATOMIC_RELAXED))
        return mlm_fail(MLM_E_DEVICE, "%s: %s: the device was lost by an earlier failure", dev->info.name,
                        what);
    return cuda_status(dev, cudaSetDevice(cuda_of(dev)->index), what);
}

mlm_status cuda_launched(kn_queue *q, const char *op, cudaError_t err)
{
    MLM_TRY(cuda_status(q->dev, err, op));
    if (cuda_of(q->dev)->sync_each && !cuda_of(q)->capturing)
        return cuda_status(q->dev, cudaStreamSynchronize(cuda_of(q)->stream), op);
    return MLM_OK;
}

/* ---- devices ------------------------------------------------------------------------------------- */

/* Why there is no GPU to use, in one line. */
static mlm_status check_driver(int *n_devices)
{
    int         driver = 0;
    cudaError_t err    = cudaDriverGetVersion(&driver);
    if (err != cudaSuccess || driver == 0)
        return mlm_fail(MLM_E_NOTFOUND, "CUDA: no NVIDIA driver answers on this machine");
    if (driver / 1000 < CUDART_VERSION / 1000)
        return mlm_fail(MLM_E_NOTFOUND,
                        "CUDA: the driver is too old: it knows CUDA %d.%d, wanted %d.0 or newer",
                        driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000);
    err = cudaGetDeviceCount(n_devices);
    if (err == cudaErrorNoDevice || (err == cudaSuccess && *n_devices == 0))
        return mlm_fail(MLM_E_NOTFOUND, "CUDA: no GPU on this machine");
    if (err != cudaSuccess)
        return mlm_fail(MLM_E_DEVICE, "CUDA: %s", cudaGetErrorString(err));
    return MLM_OK;
}

static void device_close(kn_device *dev)
{
    cuda_device *d = cuda_of(dev);
    (void)cuda_reserve(dev, 0);
    (void)cudaSetDevice(d->index);
    cuda_lt_close(d->lt);
    cuda_staging_free(&d->staging);
    if (d->transfer)
        (void)cudaStreamDestroy(d->transfer);
    (void)pthread_mutex_destroy(&d->lock);
    (void)cudaGetLastError();
    free(d);
    dev->impl = NULL;
}

static void device_refresh(kn_device *dev)
{
    size_t free_bytes = 0, total = 0;
    if (cudaSetDevice(cuda_of(dev)->index) == cudaSuccess &&
        cudaMemGetInfo(&free_bytes, &total) == cudaSuccess) {
        dev->info.free_bytes  = free_bytes;
        dev->info.total_bytes = total;
    }
}

/* A function of the driver, which is not linked; NULL when it has none. */
static void *driver_function(const char *name, unsigned version)
{
    void                           *fn    = NULL;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    if (cudaGetDriverEntryPointByVersion(name, &fn, version, cudaEnableDefault, &found) != cudaSuccess)
        (void)cudaGetLastError();
    return found == cudaDriverEntryPointSuccess ? fn : NULL;
}

static mlm_status fill_device(kn_device *dev, const cudaDeviceProp *prop)
{
    cuda_device *d = cuda_of(dev);
    MLM_TRY(cuda_enter(dev, "open"));
    MLM_TRY(cuda_status(dev, cudaStreamCreateWithFlags(&d->transfer, cudaStreamNonBlocking), "stream"));
    MLM_TRY(cuda_staging_create(dev, &d->staging));
    d->lt         = d->deterministic ? NULL : cuda_lt_open();
    d->encode_map = d->capability >= 90 ? driver_function("cuTensorMapEncodeTiled", 12000) : NULL;
    (void)snprintf(dev->info.description, sizeof dev->info.description,
                   "%.60s, sm_%d, %d multiprocessors, %.0f GiB", prop->name, d->capability, d->n_sm,
                   (double)prop->totalGlobalMem / 1073741824.0);
    (void)snprintf(dev->info.features, sizeof dev->info.features, "bf16 tensor cores, graphs%s%s",
                   d->capability >= 90 ? ", dependent launches" : "", d->lt ? ", cuBLASLt" : "");
    dev->info.caps = KN_CAP_GRAPHS | KN_CAP_BF16;
    if (d->deterministic)
        dev->info.caps |= KN_CAP_ALONE;
    device_refresh(dev);
    return MLM_OK;
}

/* Bytes a us by clock and width, two a cycle; 0 where the driver does not say. */
static double memory_rate(int index)
{
    int khz = 0, bits = 0;
    if (cudaDeviceGetAttribute(&khz, cudaDevAttrMemoryClockRate, index) != cudaSuccess ||
        cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, index) != cudaSuccess) {
        (void)cudaGetLastError();
        return 0.0;
    }
    return 2.0 * khz * 1e3 * (bits / 8.0) / 1e6;
}

static mlm_status device_open(kn_device *dev, const kn_device_options *opt, int index)
{
    int n_devices = 0;
    MLM_TRY(check_driver(&n_devices));
    if (index >= n_devices)
        return mlm_fail(MLM_E_NOTFOUND, "CUDA: device cuda:%d does not exist, there are %d", index,
                        n_devices);
    cudaDeviceProp prop;
    cudaError_t    err = cudaGetDeviceProperties(&prop, index);
    if (err != cudaSuccess)
        return mlm_fail(MLM_E_DEVICE, "cuda:%d: %s", index, cudaGetErrorString(err));
    if (prop.major < 8)
        return mlm_fail(MLM_E_UNSUPPORTED, "cuda:%d: %s has compute capability %d.%d, wanted 8.0 or newer",
                        index, prop.name, prop.major, prop.minor);
    cuda_device *d = (cuda_device *)calloc(1, sizeof *d);
    if (d == NULL)
        return mlm_fail_nomem(sizeof *d, "CUDA device");
    const char *sync = getenv("MLM_CUDA_SYNC"), *at_once = getenv("MLM_CUDA_STEP_AT_ONCE"),
               *token = getenv("MLM_CUDA_TOKEN_AT_ONCE");
    d->index          = index;
    d->capability     = prop.major * 10 + prop.minor;
    d->n_sm           = prop.multiProcessorCount;
    d->max_shared     = (int)prop.sharedMemPerBlockOptin;
    d->memory_rate    = memory_rate(index);
    d->sync_each      = sync != NULL && strcmp(sync, "1") == 0;
    d->once_i8        = at_once != NULL && strcmp(at_once, "1") == 0;
    d->once_bf16      = at_once == NULL || d->once_i8;
    d->token_at_once  = token == NULL || strcmp(token, "1") == 0;
    d->token_least    = token != NULL && d->token_at_once ? 0 : CUDA_TOKEN_LEAST;
    d->deterministic  = opt->deterministic;
    (void)pthread_mutex_init(&d->lock, NULL);
    dev->impl = d;
    (void)snprintf(dev->info.name, sizeof dev->info.name, "cuda:%d", index);
    mlm_status st = fill_device(dev, &prop);
    if (st != MLM_OK)
        device_close(dev);
    return st;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static const kn_backend table = {
    KN_BACKEND_ABI,
    "cuda",
    mlm_error_message,
    device_open,
    device_close,
    device_refresh,
    cuda_buffer_create,
    cuda_buffer_free,
    cuda_matrix_create,
    cuda_matrix_free,
    cuda_queue_create,
    cuda_queue_free,
    cuda_queue_sync,
    cuda_upload,
    cuda_download,
    cuda_zero,
    cuda_event_create,
    cuda_event_free,
    cuda_event_record,
    cuda_event_wait,
    cuda_event_elapsed,
    cuda_capture_begin,
    cuda_capture_end,
    cuda_graph_launch,
    cuda_graph_free,
#define X(op) cuda_##op,
    KN_OP_LIST(X)
#undef X
        cuda_norm_linear,
    cuda_conv_ssd_step,
    cuda_project_step,
    cuda_token_layers,
    cuda_read,
    cuda_reserve,
    cuda_ssd_scan_kept,
    cuda_settle,
};

extern "C" __attribute__((visibility("default"))) const kn_backend *mlm_cuda_backend(void)
{
    return &table;
}
