/*
 * backend.h: what a backend implements.  Private to kernels/: models never include it.
 *
 * A backend is one const table.  "ref" and "cpu" are linked in; "cuda" is a shared object that device.c
 * opens at run time and asks for KN_CUDA_ENTRY.  Every entry of the table is mandatory (a test walks
 * KN_OP_LIST); arguments were checked by ops.c, so a backend may trust them.
 */
#ifndef KERNELS_BACKEND_H
#define KERNELS_BACKEND_H

#include "kernels/kernels.h"
#include "kernels/late.h"
#include "kernels/token.h"

#define KN_BACKEND_ABI 10
#define KN_CUDA_ENTRY  "mlm_cuda_backend" /* const kn_backend *mlm_cuda_backend(void) */

#define KN_OP_LIST(X)                                                                                        \
    X(linear)                                                                                                \
    X(layernorm)                                                                                             \
    X(rmsnorm)                                                                                               \
    X(rmsnorm_gated)                                                                                         \
    X(patchify)                                                                                              \
    X(attention)                                                                                             \
    X(swiglu)                                                                                                \
    X(copy)                                                                                                  \
    X(take_rows)                                                                                             \
    X(embed)                                                                                                 \
    X(conv1d)                                                                                                \
    X(ssd_scan)                                                                                              \
    X(ssd_step)                                                                                              \
    X(s6_scan)                                                                                               \
    X(pool2d)                                                                                                \
    X(dwconv2d)                                                                                              \
    X(argmax)

typedef enum kn_op {
#define X(op) KN_OP_##op,
    KN_OP_LIST(X)
#undef X
        KN_OP_COUNT
} kn_op;

typedef struct kn_backend kn_backend;

struct kn_device {
    const kn_backend *be;
    void             *impl;       /* the backend's own */
    kn_device_info    info;       /* free_bytes is refreshed by get_info */
    bool              round_bf16; /* host devices: ops.c rounds outputs, linear its steps */
};
struct kn_buffer {
    kn_device *dev;
    void      *data; /* device address */
    size_t     bytes;
};
struct kn_matrix {
    kn_device *dev;
    void      *impl; /* the backend's own layout */
    int64_t    out, in;
    kn_dtype   dtype;
    size_t     bytes; /* device bytes of weights and scales */
};
struct kn_queue {
    kn_device *dev;
    void      *impl;
    bool       capturing; /* between capture begin and end */
};
struct kn_event {
    kn_device *dev;
    void      *impl;
};
struct kn_graph {
    kn_device      *dev;
    void           *impl;
    const kn_queue *queue; /* of the capture, whose tickets and workspace its work uses */
};

struct kn_backend {
    uint32_t    abi; /* KN_BACKEND_ABI */
    const char *name;
    /* A plug-in has its own copy of mlm_fail: its message of this thread.  NULL for backends linked in. */
    const char *(*error_message)(void);
    /* device_open fills dev->impl and dev->info (all but `fallback`); `index` is N of "cuda:N". */
    mlm_status (*device_open)(kn_device *dev, const kn_device_options *opt, int index);
    void (*device_close)(kn_device *dev);
    void (*device_refresh)(kn_device *dev);      /* info.free_bytes */
    mlm_status (*buffer_create)(kn_buffer *buf); /* dev and bytes are set; fills data, zeroed */
    void (*buffer_free)(kn_buffer *buf);
    mlm_status (*matrix_create)(kn_matrix *m, const kn_matrix_part *parts,
                                int n_parts); /* fills impl, bytes */
    void (*matrix_free)(kn_matrix *m);
    mlm_status (*queue_create)(kn_queue *q);
    void (*queue_free)(kn_queue *q);
    mlm_status (*queue_sync)(kn_queue *q);
    mlm_status (*upload)(kn_queue *q, kn_tensor dst, const void *src, size_t bytes);
    mlm_status (*download)(kn_queue *q, void *dst, kn_tensor src, size_t bytes);
    mlm_status (*zero)(kn_queue *q, kn_tensor t);
    mlm_status (*event_create)(kn_event *e);
    void (*event_free)(kn_event *e);
    mlm_status (*event_record)(kn_queue *q, kn_event *e);
    mlm_status (*event_wait)(kn_queue *q, kn_event *e);
    mlm_status (*event_elapsed)(double *ms, kn_event *from, kn_event *to);
    mlm_status (*capture_begin)(kn_queue *q);
    mlm_status (*capture_end)(kn_queue *q, kn_graph *g);
    mlm_status (*graph_launch)(kn_queue *q, kn_graph *g);
    void (*graph_free)(kn_graph *g);
#define X(op) mlm_status (*op)(kn_queue *, const kn_##op##_args *);
    KN_OP_LIST(X)
#undef X
    /* Optional (NULL): a fusion of ops above.  Arguments are those of ops that passed their checks; *done stays
     * false where the two ops are as good. */
    mlm_status (*norm_linear)(kn_queue *, const kn_norm_linear_args *, bool *done);
    mlm_status (*conv_ssd_step)(kn_queue *, const kn_conv1d_args *, const kn_ssd_step_args *, kn_tensor z,
                                bool *done);
    mlm_status (*project_step)(kn_queue *, const kn_norm_linear_args *, const kn_conv1d_args *,
                               const kn_ssd_step_args *, kn_tensor z, bool *done);
    mlm_status (*token_layers)(kn_queue *, const kn_token_args *, bool *done);
    mlm_status (*read)(kn_queue *, kn_tensor t, kn_tensor sum); /* optional */
    /* Optional: one piece of memory for the matrices that follow, up to the next call; 0: none follow.  What does not fit in
     * there gets memory of its own. */
    mlm_status (*reserve)(kn_device *, size_t bytes);
    /* Optional: a scan with `kept`, which no other entry need know. */
    mlm_status (*ssd_scan_kept)(kn_queue *, const kn_ssd_scan_args *, bool *done);
    /* Optional: conv_ssd_step takes `late` of the shapes of kn_can_write_late, too. */
    mlm_status (*settle)(kn_queue *, const kn_settle_args *);
};

extern const kn_backend kn_ref_backend;
extern const kn_backend kn_cpu_backend;

/* Names of the ops in KN_OP_LIST order, for traces, tests and benchmarks. */
extern const char *const kn_op_names[KN_OP_COUNT];

/* Memory for matrices that are about to be made, each of kn_matrix_room; see reserve. */
mlm_status kn_reserve_matrices(kn_device *dev, size_t bytes) MLM_WARN_UNUSED;
/* Bytes at most, rows on 16 bytes and everything on KN_MATRIX_ALIGN. */
#define KN_MATRIX_ALIGN ((size_t)512)
size_t kn_matrix_room(int64_t out, int64_t in, kn_dtype dtype);

/* Passes a backend's status on, after fetching the message of one that is a plug-in. */
mlm_status kn_backend_status(const kn_device *dev, mlm_status status);

/* Limits that let the host backends keep one row in a fixed array. */
#define KN_MAX_STATE    256 /* N of the scans           */
#define KN_MAX_HEAD_DIM 256 /* P of attention and scans */
#define KN_MAX_CONV     8   /* K of conv1d              */

/* Host address of element 0 of a tensor on a KN_CAP_HOST device. */
static inline void *kn_data(kn_tensor t)
{
    return t.buf ? (char *)t.buf->data + t.offset : NULL;
}

/* Any [R,D] or [B,T,D] tensor as B x T rows of `width` elements. */
typedef struct kn_rows {
    void   *data;
    int64_t n_batch, n_rows, width;   /* B, T, D                          */
    int64_t batch_stride, row_stride; /* in elements                      */
} kn_rows;

static inline kn_rows kn_as_rows(kn_tensor t)
{
    kn_rows r = {kn_data(t), 1, 1, 0, 0, 0};
    if (t.rank == 3) {
        r.n_batch      = t.dim[0];
        r.n_rows       = t.dim[1];
        r.width        = t.dim[2];
        r.batch_stride = t.stride[0];
        r.row_stride   = t.stride[1];
    } else if (t.rank == 2) {
        r.n_rows     = t.dim[0];
        r.width      = t.dim[1];
        r.row_stride = t.stride[0];
    }
    return r;
}

#endif
