/*
 * cuda_common.cuh: what the files of the CUDA backend share on the host side: the objects behind kn_device,
 * kn_queue and kn_matrix, errors as statuses, and launching kernels.
 *
 * Every call sets its device first, because the current device belongs to a host thread.  No op allocates
 * or waits, so any sequence of ops can be captured into a graph.
 */
#ifndef KERNELS_CUDA_COMMON_CUH
#define KERNELS_CUDA_COMMON_CUH

extern "C" {
#include "kernels/backend.h"
}

#include <cuda_runtime.h>
#include <pthread.h>

#define CUDA_TICKETS       4096               /* rows of a batch in the fused step */
#define CUDA_WIDE_WEIGHTS  ((size_t)64 << 20) /* int8 weights as bf16 (cuda_widen.cu) ... */
#define CUDA_WIDE_SUMS     ((size_t)32 << 20) /* ... and the products of a slice */
#define CUDA_STAGING_BYTES ((size_t)4 << 20)

#define CUDA_WORDS       1024 /* that blocks of one kernel tell each other (cuda_project_step.cu) */
#define CUDA_TOKEN_LEAST ((size_t)8 << 20) /* bytes of a layer's in_proj: less was not measured */
#define CUDA_TOKEN_WORDS 4096 /* of 16 bytes: the same of cuda_token.cu, besides CUDA_WORDS of 8 */

struct cuda_lt; /* cuBLASLt when it was found (cuda_lt.cu) */

struct cuda_staging { /* two pinned halves: one is filled while the other travels */
    char       *half[2];
    cudaEvent_t done[2];
    int         next; /* the half that is being filled, ... */
    size_t used; /* ... up to here: small uploads lie side by side, and none waits for the one before it */
};

struct cuda_slab { /* memory that several matrices share */
    char  *data;
    size_t bytes, used;
    int    n_users; /* pieces that are in use; the last one to go frees it, unless more may come */
    bool   is_open;
};

struct cuda_device {
    int             index, capability, n_sm; /* capability 90 = sm_90 */
    int             max_shared;              /* bytes of dynamic shared memory a block may ask for */
    double          memory_rate;             /* bytes a us that memory gives at best; 0: not known */
    bool            sync_each;               /* MLM_CUDA_SYNC=1: name the op that faults */
    bool            once_bf16, once_i8;      /* cuda_project_step.cu is used for these weights */
    bool            token_at_once;           /* cuda_token.cu is used ... */
    size_t          token_least;             /* ... from so many bytes of in_proj on */
    bool            deterministic; /* option: products of a token go one way, those of many another */
    int             lost;          /* set once by the first sticky error */
    int             apart;         /* ... by the first refusal to launch all blocks of a kernel together */
    pthread_mutex_t lock;          /* of the transfer stream, used by matrix_create, and of slabs */
    cuda_slab      *slab;          /* for the matrices that are made now; or NULL */
    cudaStream_t    transfer;
    cuda_staging    staging;
    cuda_lt        *lt;
    void *encode_map; /* the driver's cuTensorMapEncodeTiled, where there is a copy engine; or NULL */
};

struct cuda_queue {
    cudaStream_t stream;
    cuda_staging staging;
    bool         capturing;
    void        *lt_workspace;
    unsigned    *tickets; /* [CUDA_TICKETS] zeros: blocks of one kernel agree on who is last */
    void *
        wide; /* [CUDA_WIDE_WEIGHTS + CUDA_WIDE_SUMS] from the first product of int8 weights on that needs it */
    unsigned long long
        *best; /* [CUDA_TICKETS] zeros: what blocks of one kernel found so far; tickets lie behind */
    unsigned long long *words; /* [CUDA_WORDS + 1], behind them */
    ulonglong2 *token_words;   /* [CUDA_TOKEN_WORDS], and CUDA_WORDS + 1 of 8 bytes: in front of all these */
};

struct cuda_matrix {
    void      *data;                   /* [out, pitch] in the stored dtype, zeros from column `in` on */
    float     *scale;                  /* [out], I8 only */
    int64_t    pitch;                  /* elements; a row starts on a 16-byte boundary */
    cuda_slab *data_slab, *scale_slab; /* where they lie; NULL: alone */
};

static inline cuda_device *cuda_of(const kn_device *dev)
{
    return (cuda_device *)dev->impl;
}
static inline cuda_queue *cuda_of(const kn_queue *q)
{
    return (cuda_queue *)q->impl;
}
static inline const cuda_matrix *cuda_of(const kn_matrix *m)
{
    return (const cuda_matrix *)m->impl;
}

/* The plug-in links nothing of the program: these are its own. */
static inline size_t cuda_dtype_size(int dtype)
{
    return dtype == KN_F32 || dtype == KN_I32 ? 4
           : dtype == KN_I64                  ? 8
           : dtype == KN_I8 || dtype == KN_U8 ? 1
                                              : 2;
}
static inline size_t cuda_bytes(kn_tensor t)
{
    size_t n = cuda_dtype_size(t.dtype);
    for (int i = 0; i < t.rank; i++)
        n *= (size_t)t.dim[i];
    return n;
}

/* MLM_OK, or the status of a failed call with a message naming `what`; remembers sticky errors. */
mlm_status cuda_status(const kn_device *dev, cudaError_t err, const char *what);
/* Makes the device current; fails when it is lost. */
mlm_status cuda_enter(const kn_device *dev, const char *what);
mlm_status cuda_alloc(const kn_device *dev, void **out, size_t bytes, const char *what);
mlm_status cuda_alloc_zeroed(const kn_device *dev, void **out, size_t bytes, const char *what);
mlm_status cuda_staging_create(const kn_device *dev, cuda_staging *s);
void       cuda_staging_free(cuda_staging *s);
/* Host bytes through the pinned halves; src may be reused when it returns. */
mlm_status cuda_send(const kn_device *dev, cuda_staging *s, cudaStream_t stream, void *dst, const void *src,
                     size_t bytes);

/* After a launch: its error, or with MLM_CUDA_SYNC the op's own. */
mlm_status cuda_launched(kn_queue *q, const char *op, cudaError_t err);

/*
 * Launches `kernel` on the queue.  From sm_90 on as a programmatic dependent: it may start before the kernel
 * in front of it has finished, so every kernel of this backend calls cuda_dependency_wait() before it reads
 * or writes anything but weights.
 */
template <typename... Params, typename... Args>
mlm_status cuda_launch(kn_queue *q, const char *op, void (*kernel)(Params...), dim3 grid, dim3 block,
                       size_t shared, Args &&...args)
{
    MLM_TRY(cuda_enter(q->dev, op));
    if (shared > 40 * 1024) {
        cudaError_t err = cudaFuncSetAttribute((const void *)kernel,
                                               cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
        MLM_TRY(cuda_status(q->dev, err, op));
    }
    cudaLaunchAttribute early                        = {};
    early.id                                         = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config                        = {};
    config.gridDim                                   = grid;
    config.blockDim                                  = block;
    config.dynamicSmemBytes                          = shared;
    config.stream                                    = cuda_of(q)->stream;
    config.attrs                                     = &early;
    config.numAttrs                                  = cuda_of(q->dev)->capability >= 90 ? 1 : 0;
    return cuda_launched(q, op, cudaLaunchKernelEx(&config, kernel, (Params)args...));
}

/* Kernels are side by side on an SM only when they agree on its division between L1 cache and shared memory. */
static inline void cuda_prefer_shared(const void *kernel)
{
    (void)cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                               cudaSharedmemCarveoutMaxShared);
}

static inline unsigned cuda_blocks(int64_t n, int64_t per_block)
{
    return (unsigned)((n + per_block - 1) / per_block);
}

/* ---- views as kernels take them ------------------------------------------------------------------ */

/* A [R,D] or [B,T,D] tensor: row r is batch row r / T, token r % T.  `vec`: groups of 4 elements are aligned. */
struct cuda_rows {
    char   *data;
    int64_t batch_stride, row_stride; /* elements */
    int     n_rows, width;            /* T, D */
    int     dtype;                    /* kn_dtype */
    bool    vec;
};

static inline cuda_rows cuda_rows_of(kn_tensor t)
{
    kn_rows   r    = kn_as_rows(t);
    size_t    size = cuda_dtype_size(t.dtype);
    cuda_rows v    = {(char *)r.data, r.batch_stride, r.row_stride, (int)r.n_rows,
                      (int)r.width,   (int)t.dtype,   false};
    v.vec          = (uintptr_t)r.data % (4 * size) == 0 && r.width % 4 == 0 &&
            (r.n_rows < 2 || r.row_stride % 4 == 0) && (r.n_batch < 2 || r.batch_stride % 4 == 0);
    return v;
}

static inline int64_t cuda_count_rows(kn_tensor t)
{
    kn_rows r = kn_as_rows(t);
    return r.n_batch * r.n_rows;
}

#define CUDA_OP(op) mlm_status cuda_##op(kn_queue *q, const kn_##op##_args *a);
KN_OP_LIST(CUDA_OP)
#undef CUDA_OP
mlm_status cuda_norm_linear(kn_queue *q, const kn_norm_linear_args *a, bool *done);
mlm_status cuda_project_step(kn_queue *q, const kn_norm_linear_args *in, const kn_conv1d_args *conv,
                             const kn_ssd_step_args *step, kn_tensor z, bool *done);
mlm_status cuda_token_layers(kn_queue *q, const kn_token_args *a, bool *done);
mlm_status cuda_settle(kn_queue *q, const kn_settle_args *a);
mlm_status cuda_ssd_scan_kept(kn_queue *q, const kn_ssd_scan_args *a, bool *done);
mlm_status cuda_conv_ssd_step(kn_queue *q, const kn_conv1d_args *conv, const kn_ssd_step_args *step,
                              kn_tensor z, bool *done);

#endif
