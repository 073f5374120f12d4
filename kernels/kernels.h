/*
 * kernels.h: the one interface between the models and the hardware.
 *
 * A device (the CPU with its thread pool, or one GPU) owns buffers; a queue is ordered work on a device;
 * an operation ("op") is enqueued on a queue and described by an argument struct.  Ops are semantic and
 * already fused ("linear + bias + activation + LayerScale + residual"), because fusing after the fact
 * by pattern matching is what makes other engines unreadable.
 *
 * Rules of every op
 *  1. Zero-initialised optional fields mean "absent" (a kn_tensor with buf == NULL is absent).
 *  2. Ranks, dimensions, dtypes, strides and devices are checked once, in ops.c, above the backends; the
 *     failure is MLM_E_SHAPE, MLM_E_DTYPE or MLM_E_DEVICE with a sentence that names the op and field.
 *  3. An op enqueues and returns.  Only kn_queue_sync, kn_download and kn_buffer_free block.  On "ref"
 *     and "cpu" an op is complete on return.
 *  4. No op allocates memory, touches caller memory after it returned, or reads a host value that changes
 *     from step to step (ids and lengths are device tensors).  That makes an enqueued sequence legal to
 *     capture into a graph and replay.
 *  5. Every op takes a batch.  A row's result does not depend on the other rows, on the batch size or on
 *     the number of threads: bitwise on ref and cpu.
 *  6. Where an op takes `len` (i32 [B]), row b has len[b] valid tokens: later ones are not read, leave
 *     recurrent state alone, and their outputs are unspecified (but finite where inputs are finite).
 *
 * Dimension letters, the same in the whole project: B batch, T tokens, D width, R rows, H heads, P head
 * dim, N state, G groups, K conv width, C channels, L layers, V vocabulary.
 *
 * Numerics: accumulation in f32 or better everywhere; "ref" is the oracle (f32 storage, double sums).
 */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KN_MAX_RANK 5

typedef enum kn_dtype { KN_F32 = 0, KN_BF16, KN_F16, KN_I8, KN_U8, KN_I32, KN_I64, KN_DTYPE_COUNT } kn_dtype;

size_t      kn_dtype_size(kn_dtype dtype); /* bytes of one element */
const char *kn_dtype_name(kn_dtype dtype); /* "f32", "bf16", ...   */

typedef struct kn_device kn_device; /* one GPU, or the CPU with its thread pool        */
typedef struct kn_queue  kn_queue;  /* ordered work: a CUDA stream, or immediate on CPU */
typedef struct kn_buffer kn_buffer; /* device memory                                    */
typedef struct kn_matrix kn_matrix; /* a prepared weight matrix (see below)             */
typedef struct kn_event  kn_event;  /* a point in a queue: ordering between queues, time */
typedef struct kn_graph  kn_graph;  /* captured work, replayable                        */

/* ------------------------------------------------------------------------------------------------ */
/* Devices                                                                                          */

enum {
    KN_CAP_GRAPHS = 1u << 0, /* kn_capture_begin works                                  */
    KN_CAP_BF16   = 1u << 1, /* activations may be bf16 at full speed                   */
    KN_CAP_HOST   = 1u << 2, /* buffers are host memory: kn_host_data() is not NULL     */
    KN_CAP_ORACLE = 1u << 3, /* the readable reference: slow, double accumulators       */
    KN_CAP_ALONE  = 1u << 4  /* a row has the same bits alone and among any others (rule 5); a GPU only when
                                it was opened as deterministic */
};

typedef struct kn_device_options {
    const char *name;      /* NULL or "auto" | "cpu" | "ref" | "cuda" | "cuda:N"                       */
    int         n_threads; /* cpu: 0 = all cores this process may use; at most 256                     */
    const char *cpu_isa;   /* cpu: NULL = best of this machine | "generic" | "avx2" | "avx512" (tests) */
    /* cpu, ref: every op rounds what PyTorch in bf16 rounds ("auto" then means cpu); MLM_E_UNSUPPORTED elsewhere.
     * For comparisons with the released programs: kernels/README.md says which roundings. */
    bool round_bf16;
    bool
        deterministic; /* cuda: one kernel family for all numbers of rows, so that a row is bitwise itself in any batch */
} kn_device_options;

typedef struct kn_device_info {
    char     name[32];         /* "cpu", "cuda:0"                                          */
    char     description[128]; /* "AMD EPYC 9B14, avx512, 2 threads"                       */
    char     features[128];    /* what run-time detection found: "avx2 fma avx512f ..."    */
    char     fallback[256];    /* "auto" only: why a faster kind of device is not used, "" */
    uint32_t caps;             /* KN_CAP_*                                                 */
    int      n_threads;        /* cpu: size of the pool; 0 elsewhere                       */
    size_t   total_bytes;      /* device memory, 0 = unknown                               */
    size_t   free_bytes;       /* at the moment of the call                                */
} kn_device_info;

/* Owned: close with kn_device_close after everything made from it is freed (NULL is fine).
 * Errors: MLM_E_NOTFOUND (no such device), MLM_E_DEVICE (it failed), MLM_E_RANGE (options), MLM_E_NOMEM. */
mlm_status kn_device_open(kn_device **out, const kn_device_options *opt) MLM_WARN_UNUSED;
void       kn_device_close(kn_device *dev);
void       kn_device_get_info(const kn_device *dev, kn_device_info *info);
uint32_t   kn_device_caps(const kn_device *dev);

/* ------------------------------------------------------------------------------------------------ */
/* Memory                                                                                           */

/* Device memory, zeroed, 64-byte aligned.  Owned: kn_buffer_free (NULL is fine; waits for its users). */
mlm_status kn_buffer_create(kn_buffer **out, kn_device *dev, size_t bytes) MLM_WARN_UNUSED;
void       kn_buffer_free(kn_buffer *buf);
size_t     kn_buffer_bytes(const kn_buffer *buf);

/* A view.  It never owns memory.  The innermost stride is 1; strides are in elements. */
typedef struct kn_tensor {
    kn_buffer *buf;    /* NULL: absent                */
    size_t     offset; /* bytes from the start of buf */
    int64_t    dim[KN_MAX_RANK];
    int64_t    stride[KN_MAX_RANK];
    kn_dtype   dtype;
    int        rank;
} kn_tensor;

static inline bool kn_present(kn_tensor t)
{
    return t.buf != NULL;
}

/* Contiguous view at `offset` bytes of `buf`.  The caller guarantees that it fits. */
kn_tensor kn_tensor_make(kn_buffer *buf, size_t offset, kn_dtype dtype, int rank, const int64_t *dim);
/* Elements [from, from + count) along `axis`; same rank. */
kn_tensor kn_slice(kn_tensor t, int axis, int64_t from, int64_t count);
/* Contiguous tensor under another shape with the same number of elements. */
kn_tensor kn_reshape(kn_tensor t, int rank, const int64_t *dim);
/* Element (index) along axis 0, which disappears: [B,T,D] -> [T,D]. */
kn_tensor kn_row(kn_tensor t, int64_t index);
int64_t   kn_count(kn_tensor t); /* number of elements */
bool      kn_is_contiguous(kn_tensor t);
/* Host address of the first element when the device has KN_CAP_HOST, else NULL. */
void *kn_host_data(kn_tensor t);
/* Where the first element lies on its device: to tell views apart, not to be read through. */
uintptr_t kn_address(kn_tensor t);

/*
 * Bump allocator over one buffer: model, session and scratch memory are three arenas taken at load, so
 * nothing is allocated in the steady state.  Layout functions run twice: first on a measuring arena
 * (buf NULL: counts only, returned tensors are absent but have their shape), then on the real one.
 */
typedef struct kn_arena {
    kn_device *dev;
    kn_buffer *buf;      /* NULL while measuring                         */
    size_t     used;     /* bytes, including 64-byte alignment           */
    size_t     capacity; /* bytes of buf                                 */
    size_t     high;     /* high-water mark of `used`                    */
    bool       overflow; /* a take did not fit: the tensors are unusable */
} kn_arena;

void       kn_arena_measure(kn_arena *a, kn_device *dev);
mlm_status kn_arena_create(kn_arena *a, kn_device *dev, size_t bytes) MLM_WARN_UNUSED;
void       kn_arena_free(kn_arena *a); /* zeroed struct is fine */
kn_tensor  kn_arena_take(kn_arena *a, kn_dtype dtype, int rank, const int64_t *dim);
/* MLM_E_NOMEM naming `what` when a take did not fit, else MLM_OK. */
mlm_status kn_arena_check(const kn_arena *a, const char *what) MLM_WARN_UNUSED;
#define KN_DIMS(...) ((const int64_t[]){__VA_ARGS__})

/*
 * A weight matrix prepared for kn_linear and kn_embed: each backend keeps it in the layout its product
 * wants (the CPU: panels of output rows, in the stored dtype; a GPU: what its kernels stream).
 * Parts are stacked along `out` ([w1; w3] becomes one product).  w[o][i] = data[o][i] * scale[o].
 */
typedef struct kn_matrix_part {
    const void *data;    /* host, [out, in] row-major, need not be aligned; not kept after the call   */
    const void *scale;   /* host f32 [out], need not be aligned: I8 only (required there), else NULL  */
    kn_dtype    dtype;   /* KN_F32 | KN_BF16 | KN_F16 | KN_I8; the same for all parts                 */
    int64_t     out, in; /* `in` the same for all parts                                               */
} kn_matrix_part;

mlm_status kn_matrix_create(kn_matrix **out, kn_device *dev, const kn_matrix_part *parts,
                            int n_parts) MLM_WARN_UNUSED;
void       kn_matrix_free(kn_matrix *m); /* NULL is fine */
int64_t    kn_matrix_out(const kn_matrix *m);
int64_t    kn_matrix_in(const kn_matrix *m);
kn_dtype   kn_matrix_dtype(const kn_matrix *m);
size_t     kn_matrix_bytes(const kn_matrix *m); /* device bytes that one pass over the weights reads */

/* ------------------------------------------------------------------------------------------------ */
/* Queues, transfers, events, graphs                                                                */

mlm_status kn_queue_create(kn_queue **out, kn_device *dev) MLM_WARN_UNUSED; /* owned: kn_queue_free */
void       kn_queue_free(kn_queue *q);                                      /* NULL is fine         */
kn_device *kn_queue_device(const kn_queue *q);
mlm_status kn_queue_sync(kn_queue *q) MLM_WARN_UNUSED; /* waits; reports asynchronous failures */

/* `bytes` must equal the tensor's size; the tensor is contiguous.  src may be reused after the return. */
mlm_status kn_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes) MLM_WARN_UNUSED;
mlm_status kn_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes) MLM_WARN_UNUSED; /* waits */
/* Reads t (f32 or i32, groups of four) and adds its words, exclusive or, to sum (one i32): how fast memory is when nothing else
 * happens.  MLM_E_UNSUPPORTED where a device has none: host memory needs no op to be read. */
mlm_status kn_read(kn_queue *q, kn_tensor t, kn_tensor sum) MLM_WARN_UNUSED;
mlm_status kn_zero(kn_queue *q, kn_tensor t) MLM_WARN_UNUSED; /* contiguous */

mlm_status kn_event_create(kn_event **out, kn_device *dev) MLM_WARN_UNUSED;
void       kn_event_free(kn_event *e);
mlm_status kn_event_record(kn_queue *q, kn_event *e) MLM_WARN_UNUSED;
mlm_status kn_event_wait(kn_queue *q, kn_event *e) MLM_WARN_UNUSED;                    /* q goes on after e */
mlm_status kn_event_elapsed(double *ms, kn_event *from, kn_event *to) MLM_WARN_UNUSED; /* waits for `to` */

/* Without KN_CAP_GRAPHS: MLM_E_UNSUPPORTED.  Between begin and end nothing runs.  On another queue than that of the capture: MLM_E_STATE. */
bool       kn_queue_is_capturing(const kn_queue *q);
mlm_status kn_capture_begin(kn_queue *q) MLM_WARN_UNUSED;
mlm_status kn_capture_end(kn_queue *q, kn_graph **out) MLM_WARN_UNUSED;
mlm_status kn_graph_launch(kn_queue *q, kn_graph *g) MLM_WARN_UNUSED;
void       kn_graph_free(kn_graph *g); /* NULL is fine */

/* ------------------------------------------------------------------------------------------------ */
/* Operations.  "[R,D]" below also means [B,T,D] with any batch stride; row strides may exceed D.   */
/* Unless said otherwise activations are f32 or bf16 (all activation tensors of one call the same), */
/* and biases, norm weights and per-head vectors are f32 and contiguous.                            */

typedef enum kn_act {
    KN_ACT_NONE = 0,
    KN_ACT_GELU_ERF, /* bf16 y on cuda: the tanh form, nearer than a rounding of y (cuda_lt.cu) */
    KN_ACT_GELU_TANH,
    KN_ACT_SILU,
    KN_ACT_QUICK_GELU, /* v * sigmoid(1.702 v): OpenAI's CLIP */
    KN_ACT_COUNT
} kn_act;

/*
 * y = gamma * act(x W^T + bias) + residual
 *   x        [R,in]
 *   w        [out,in] prepared matrix
 *   bias     [out]      optional; may be bf16 with bf16 y
 *   gamma    [out]      optional (LayerScale)
 *   residual [R,out]    optional; may be y itself.  With y of rank 3, a rank-2 residual [T,out] is
 *                       added to every batch row (position embedding).
 *   y        [R,out]    f32 allowed with bf16 x (logits, residual stream)
 */
typedef struct kn_linear_args {
    kn_tensor        x;
    const kn_matrix *w;
    kn_tensor        bias, gamma, residual, y;
    kn_act           act;
    bool             f32_sum; /* device option round_bf16: do not round the sum with the residual */
} kn_linear_args;
mlm_status kn_linear(kn_queue *q, const kn_linear_args *a) MLM_WARN_UNUSED;

/* y = (x - mean(x)) / sqrt(var(x) + eps) * w + b over D (biased variance).  x, y [R,D]; w, b [D].  y may be x. */
typedef struct kn_layernorm_args {
    kn_tensor x, w, b, y;
    float     eps;
} kn_layernorm_args;
mlm_status kn_layernorm(kn_queue *q, const kn_layernorm_args *a) MLM_WARN_UNUSED;

/* y = x / sqrt(mean(x^2) + eps) * w over D.  x, y [R,D]; w [D].  y may be x; y may be bf16 with x f32. */
typedef struct kn_rmsnorm_args {
    kn_tensor x, w, y;
    float     eps;
} kn_rmsnorm_args;
mlm_status kn_rmsnorm(kn_queue *q, const kn_rmsnorm_args *a) MLM_WARN_UNUSED;

/*
 * Gate first, then norm (Mamba-2, norm_before_gate = False):  g = x * silu(z);
 * y = scale * g / sqrt(mean_group(g^2) + eps) * w   (+ y if accumulate)
 *   x, z, y [R,D]; w [D]; the mean runs over each of n_groups equal parts of D.  y may be x unless accumulate.
 *   scale 0 means 1.  y and z may be bf16 with x f32.
 *   x2    optional, [R,D] of x's dtype: y is the sum of both, each gated and normed by itself.  y may be x2, not x; not with
 *         accumulate.
 */
typedef struct kn_rmsnorm_gated_args {
    kn_tensor x, z, w, y, x2;
    float     eps, scale;
    int       n_groups;
    bool      accumulate;
} kn_rmsnorm_gated_args;
mlm_status kn_rmsnorm_gated(kn_queue *q, const kn_rmsnorm_gated_args *a) MLM_WARN_UNUSED;

/*
 * y = norm(x) W^T + residual, the two steps in front of which a Mamba-2 layer stands twice.  The norm is
 * kn_rmsnorm, or with z kn_rmsnorm_gated (scale 1).  Backends may do both at once; otherwise it is the two ops.
 *   x, z     as in kn_rmsnorm, kn_rmsnorm_gated; z optional
 *   norm     [in] weights of the norm
 *   normed   [R,in] room for the normed x, f32 or bf16; undefined afterwards
 *   w, residual, y as in kn_linear with x = normed
 */
typedef struct kn_norm_linear_args {
    kn_tensor        x, z, norm, normed;
    float            eps;
    int              n_groups; /* with z */
    const kn_matrix *w;
    kn_tensor        residual, y;
    bool             f32_sum; /* as in kn_linear */
} kn_norm_linear_args;
mlm_status kn_norm_linear(kn_queue *q, const kn_norm_linear_args *a) MLM_WARN_UNUSED;

/*
 * Patch extraction: pixels [B,3,S,S] f32 -> y [B,n*n,3*p*p], n = S / p (rounded down: the last S % p rows
 * and columns are not read, as in timm).  Column order c, row, column: that of a conv weight [out,3,p,p].
 * Or pixels [B,S,S,3] u8, as a picture is kept, and what they stand for:
 *   table    [3,257] f32: of channel c, byte v at [c,v]; of what surrounds the picture at [c,256]
 *   place    i32 [B,4]: x0, y0, x1, y1 of the picture; pixels outside are not looked at
 */
typedef struct kn_patchify_args {
    kn_tensor pixels, y;
    int       patch;
    kn_tensor table, place; /* with u8 only */
} kn_patchify_args;
mlm_status kn_patchify(kn_queue *q, const kn_patchify_args *a) MLM_WARN_UNUSED;

/*
 * Multi-head attention, not causal: y = softmax(scale * q k^T) v per head.
 *   qkv [B,T,3*H*P]: q of all heads, then k, then v (head-major inside), as timm packs it
 *   y   [B,T,H*P];  len i32 [B] optional: keys beyond len[b] are ignored.
 */
typedef struct kn_attention_args {
    kn_tensor qkv, len, y;
    int       n_heads;
    float     scale; /* 0 means 1/sqrt(P) */
} kn_attention_args;
mlm_status kn_attention(kn_queue *q, const kn_attention_args *a) MLM_WARN_UNUSED;

/* y = silu(gate) * up, elementwise.  gate, up, y [R,F]; y may be gate or up. */
typedef struct kn_swiglu_args {
    kn_tensor gate, up, y;
} kn_swiglu_args;
mlm_status kn_swiglu(kn_queue *q, const kn_swiglu_args *a) MLM_WARN_UNUSED;

/* Strided copy with dtype conversion (f32 <-> bf16, f16 -> f32): y = x.  x, y [R,D]; with y of rank 3,
 * a rank-2 x [T,D] is copied to every batch row.  x and y do not overlap. */
typedef struct kn_copy_args {
    kn_tensor x, y;
} kn_copy_args;
mlm_status kn_copy(kn_queue *q, const kn_copy_args *a) MLM_WARN_UNUSED;

/* y[b] = x[b, index[b]] (the last valid token of each row).  x [B,T,D]; index i32 [B] in 0..T-1, others are
 * clamped; y [B,D].  x may be bf16 with y f32. */
typedef struct kn_take_rows_args {
    kn_tensor x, index, y;
} kn_take_rows_args;
mlm_status kn_take_rows(kn_queue *q, const kn_take_rows_args *a) MLM_WARN_UNUSED;

/* y[r] = table[ids[r]].  ids i32 [R]; table [V,D]; y [R,D].  An id outside 0..V-1 gives a row of zeros:
 * callers check ids where they are still on the host. */
typedef struct kn_embed_args {
    kn_tensor        ids;
    const kn_matrix *table;
    kn_tensor        y;
} kn_embed_args;
mlm_status kn_embed(kn_queue *q, const kn_embed_args *a) MLM_WARN_UNUSED;

/*
 * Causal depthwise convolution, bias, SiLU (Mamba-2 eq. of xBC):
 *   y[b,t,c] = silu( bias[c] + sum_k w[c,k] * in[b,t-K+1+k,c] ),  in[b,t] = x[b, order ? order[t] : t]
 *   x     [B,T,C]      token order
 *   w     [C,K]        f32; k = K-1 multiplies the current token.  2 <= K <= 8
 *   bias  [C]          optional
 *   state [B,K-1,C]    f32, optional: the K-1 inputs before t = 0 (oldest first), and on return the K-1
 *                      newest valid ones.  Absent: zeros before t = 0.
 *   len   i32 [B]      optional
 *   order i32 [T]      optional scan order (with T tokens in every row; not together with state or len)
 *   y     [B,T,C]      scan order; does not overlap x
 *   kept  [B,K-1,C]    f32, optional, out: what state is behind `cut` tokens, K-1 .. T of them; not
 *                      together with len or order, does not overlap state
 */
typedef struct kn_conv1d_args {
    kn_tensor x, w, bias, state, kept, len, order, y;
    int64_t   cut;
} kn_conv1d_args;
mlm_status kn_conv1d(kn_queue *q, const kn_conv1d_args *a) MLM_WARN_UNUSED;

/*
 * Selective scan of Mamba-2 (state-space duality, arXiv 2405.21060), per row b and head h with g = h/(H/G):
 *   dt   = clamp(softplus(dt_raw[t,h] + dt_bias[h]), dt_min, dt_max);  softplus(v) = v for v > 20
 *   S    = exp(dt * a[h]) * S + dt * x[t,h,:] (outer) b[t,g,:]         S: [P,N]
 *   y[t] = S c[t,g,:] + d[h] * x[t,h,:]                                (+ y[t] if accumulate)
 *
 *   x     [B,T,H*P]    scan order         b, c  [B,T,G*N]  scan order
 *   dt    [B,T,H]      f32, or bf16 with bf16 x; raw, token order
 *   a     [H] f32, negative (= -exp(A_log));  d [H] f32, optional;  dt_bias [H] f32, optional
 *   state [B,H,P,N]    f32, optional: in the state before t = 0, out the one after the last valid token; absent: zeros, dropped
 *   start [B,H,P,N]    f32, optional, of a scan without len: read instead of state, which is required then and does not overlap it
 *   kept  [B,H,P,N]    f32, optional, out, of a scan with state and without len, order and start: the state behind
 *                      `cut` tokens, 1 .. T-1 of them; does not overlap state; the bits are those of two scans in turn
 *   order i32 [T]      optional: scan position t belongs to token order[t] (dt is read and y is written
 *                      there; x, b, c come from kn_conv1d, already in scan order).  Not with state or len.
 *   len   i32 [B]      optional;  y [B,T,H*P] token order; f32 when accumulate;  dt_max 0 means no upper limit
 * kn_ssd_scan is the chunked form for prefill, kn_ssd_step the recurrence for T = 1 (the same arguments, state required).
 * kn_ssd_part: the arguments of tokens from .. from + n - 1 of a scan, nothing kept.  late: of a kn_conv_ssd_step (late.h).
 */
typedef struct kn_ssd_args {
    kn_tensor x, b, c, dt, a, d, dt_bias, state, start, kept, len, order, y, late;
    int64_t   cut;
    int       n_heads, n_groups;
    float     dt_min, dt_max;
    bool      accumulate;
} kn_ssd_args;
typedef kn_ssd_args kn_ssd_scan_args;
typedef kn_ssd_args kn_ssd_step_args;
mlm_status          kn_ssd_scan(kn_queue *q, const kn_ssd_scan_args *a) MLM_WARN_UNUSED;
mlm_status          kn_ssd_step(kn_queue *q, const kn_ssd_step_args *a) MLM_WARN_UNUSED;
kn_ssd_args         kn_ssd_part(const kn_ssd_args *a, int64_t from, int64_t n);

/*
 * One token through conv1d and ssd_step: step.x, .b, .c are slices of conv.y.  Where the backend does both at
 * once it also gates, y = y silu(z), sets *gated, and leaves conv.y unwritten; otherwise it is the two ops and *gated is
 * false.  step.state may be bf16 where the backend can.  conv.x must come from an op that was enqueued after whatever wrote the two states.
 */
mlm_status kn_conv_ssd_step(kn_queue *q, const kn_conv1d_args *conv, const kn_ssd_step_args *step,
                            kn_tensor z, bool *gated) MLM_WARN_UNUSED;

/* kn_norm_linear, and behind it kn_conv_ssd_step: z, conv.x and step.dt are slices of in.y.  Where *gated is set, in.y may be unwritten too. */
mlm_status kn_project_step(kn_queue *q, const kn_norm_linear_args *in, const kn_conv1d_args *conv,
                           const kn_ssd_step_args *step, kn_tensor z, bool *gated) MLM_WARN_UNUSED;

/*
 * Selective scan of Mamba (S6, arXiv 2312.00752), per row b and channel d:
 *   dt     = softplus(dt_raw[t,d] + dt_bias[d]);  softplus(v) = v for v > 20
 *   S[n]   = exp(dt * a[d,n]) * S[n] + dt * b[t,n] * x[t,d]
 *   y[t,d] = (sum_n S[n] c[t,n] + skip[d] * x[t,d]) * silu(z[t,d])
 *
 *   x, z  [B,T,D]      z optional          b, c  [B,T,N]
 *   dt    [B,T,D]      f32, raw            dt_bias [D] f32, optional
 *   a     [D,N] f32, contiguous, negative (= -exp(A_log));  skip [D] f32, optional
 *   state [B,D,N]      f32, optional: as in kn_ssd_scan
 *   len   i32 [B]      optional
 *   y     [B,T,D]      may be bf16 with x f32
 * With T = 1 it is the recurrence's step: O(1) in the number of tokens seen.  However a sequence is cut, the
 * results are the same: bitwise on ref and cpu.
 */
typedef struct kn_s6_scan_args {
    kn_tensor x, dt, b, c, z, a, skip, dt_bias, state, len, y;
} kn_s6_scan_args;
mlm_status kn_s6_scan(kn_queue *q, const kn_s6_scan_args *a) MLM_WARN_UNUSED;

/* Adaptive average pooling of a grid of tokens: x [B,h*h,D] -> y [B,n*n,D]; cell i of an axis is the mean of
 * floor(i h / n) .. ceil((i+1) h / n) - 1.  x, y f32 or bf16, the same. */
typedef struct kn_pool2d_args {
    kn_tensor x, y;
    int       from, to; /* h and n */
} kn_pool2d_args;
mlm_status kn_pool2d(kn_queue *q, const kn_pool2d_args *a) MLM_WARN_UNUSED;

/* Depthwise 3x3 convolution over a grid of tokens, zeros around it, with a skip: y = x + bias + w * x.
 * x, y [B,h*h,D], not overlapping; w [D,9] f32, row by row; bias [D] f32; y may be f32 with bf16 x. */
typedef struct kn_dwconv2d_args {
    kn_tensor x, w, bias, y;
    int       side; /* h */
} kn_dwconv2d_args;
mlm_status kn_dwconv2d(kn_queue *q, const kn_dwconv2d_args *a) MLM_WARN_UNUSED;

/* ids[r] = index of the largest of x[r, 0 .. n_valid-1]; the lowest index wins a tie; NaN never wins (all
 * NaN: -1).  x [R,V] f32; ids i32 [R].  n_valid 0 means V (a padded vocabulary has n_valid < V). */
typedef struct kn_argmax_args {
    kn_tensor x, ids;
    int64_t   n_valid;
} kn_argmax_args;
mlm_status kn_argmax(kn_queue *q, const kn_argmax_args *a) MLM_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
#endif
