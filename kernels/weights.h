/*
 * weights.h: named tensors of a model directory, put on a device.  The demanded shape is given at the point
 * of use, so a wrong file is refused with the tensor's name, what it has and what was wanted.
 *
 * Sources are safetensors files (kernels/base/mlm_safetensors.h) and PyTorch checkpoints (mlm_pt.h), several at once,
 * under names that rules give them.  Values are checked for NaN and infinity while they pass (MLM_E_FORMAT naming
 * tensor and index).
 */
#ifndef KERNELS_WEIGHTS_H
#define KERNELS_WEIGHTS_H

#include "kernels/base/mlm_safetensors.h"
#include "kernels/kernels.h"

typedef struct kn_weights kn_weights;

/* Called after every few megabytes; return false to cancel: the read that is going on gives MLM_E_CANCELLED. */
typedef bool (*kn_weights_progress)(uint64_t bytes_done, uint64_t bytes_total, void *payload);

/*
 * Opens `dir`/model.safetensors, or the shards of `dir`/model.safetensors.index.json.  Owned:
 * kn_weights_close, after which everything loaded stays valid (nothing points into the files).
 * Errors: MLM_E_NOTFOUND, MLM_E_IO, MLM_E_FORMAT, MLM_E_NOMEM.
 */
mlm_status kn_weights_open(kn_weights **out, const char *dir) MLM_WARN_UNUSED;
void       kn_weights_close(kn_weights *w); /* NULL is fine */

/* A tensor whose name fits `from` is called `to`; with `to` NULL it is not needed.  `from` may hold one '*' for any
 * text, which a '*' in `to` repeats: {"model.mlp.*", "connector.mlp.*"}.  The first rule that fits wins. */
typedef struct kn_weights_rule {
    const char *from, *to;
} kn_weights_rule;
typedef struct kn_weights_source {
    const char *
        path; /* .pt, .pth, .bin, .bin.index.json: PyTorch checkpoints; else safetensors or an index of them */
    const kn_weights_rule *rules; /* NULL: all names as they are */
    int                    n_rules;
    bool                   keep_unknown; /* a tensor that no rule fits keeps its name and is not refused */
} kn_weights_source;
/* Tensors of several files.  `name` stands for the model in messages.  A tensor that no rule fits, and a name that two
 * files give, are refused (MLM_E_FORMAT).  What `sources` points to is not needed afterwards. */
mlm_status kn_weights_open_sources(kn_weights **out, const char *name, const kn_weights_source *sources,
                                   int n) MLM_WARN_UNUSED;
/*
 * Weights without files, for measurements: every tensor that `list` asks for when it loads from the set it is given (which
 * has every tensor, in any shape, all zeros).  Matrices are F32, BF16 or I8 (with scales), the rest F32; the values are
 * those of an initialised model and follow from seed and names.
 */
typedef mlm_status (*kn_weights_list_fn)(kn_weights *w, void *payload);
mlm_status kn_weights_make(kn_weights **out, const char *name, mlm_st_dtype matrices, uint64_t seed,
                           kn_weights_list_fn list, void *payload) MLM_WARN_UNUSED;
/* Is this the set that `list` is given? */
bool kn_weights_is_listing(const kn_weights *w);
/* Every value is rounded to bf16 when it is loaded, as the released code does with the whole model. */
void kn_weights_round_bf16(kn_weights *w);

void kn_weights_on_progress(kn_weights *w, kn_weights_progress fn, void *payload);

/* The tensors by name; dtype and shape as in the file. */
int64_t              kn_weights_count(const kn_weights *w);
const mlm_st_tensor *kn_weights_at(const kn_weights *w, int64_t index);
const mlm_st_tensor *kn_weights_find(const kn_weights *w, const char *name); /* NULL: absent */
const char          *kn_weights_path(const kn_weights *w, const mlm_st_tensor *t);
const char          *kn_weights_source_name(const kn_weights *w, const mlm_st_tensor *t); /* in that file */
/* The name that a rule would have called `name`: the opposite direction.  False: no rule gives it, or it is too long. */
bool kn_weights_rule_invert(char *out, size_t cap, const kn_weights_source *source, const char *name);
/* Two names for the same bytes of a file (tied weights)? */
bool kn_weights_same_bytes(const kn_weights *w, const mlm_st_tensor *a, const mlm_st_tensor *b);
/* Bytes as they lie in the file, not checked. */
mlm_status kn_weights_read(const kn_weights *w, const mlm_st_tensor *t, void *dst, uint64_t from,
                           size_t n) MLM_WARN_UNUSED;

bool     kn_weights_has(const kn_weights *w, const char *name);
uint64_t kn_weights_total_bytes(const kn_weights *w); /* of all tensors */
int64_t  kn_weights_parameters(const kn_weights *w);  /* elements of all tensors but *_scale */
/* Hash of every name, dtype, shape and byte (mlm_hash.h): names a set of weights.  Bytes are hashed as they are loaded, so after loading this costs nothing; what was not loaded is read here. */
mlm_status kn_weights_fingerprint(uint64_t *out, kn_weights *w) MLM_WARN_UNUSED;
/* What files say about their own bytes, read and compared: the CRC-32 of PyTorch checkpoints (mlm_pt_verify).
 * MLM_E_FORMAT names file and member. */
uint64_t   kn_weights_verify_bytes(const kn_weights *w);
mlm_status kn_weights_verify(const kn_weights *w, kn_weights_progress fn, void *payload) MLM_WARN_UNUSED;
/* Dtype of the matrices (2-D tensors named *.weight), of the first one if they differ; but int8 must be all of them
 * or none: MLM_E_DTYPE names the first that is not so. */
mlm_status kn_weights_matrix_dtype(mlm_st_dtype *out, const kn_weights *w) MLM_WARN_UNUSED;
/* Shape of a tensor: fills dim[0..rank-1], returns the rank, or -1 when it is absent. */
int kn_weights_shape(const kn_weights *w, const char *name, int64_t dim[8]);

/* One part of kn_weights_matrix; `name` is the full tensor name; I8 weights need `name`_scale F32 [out]. */
typedef struct kn_weights_part {
    const char *name;
    int64_t     out;
} kn_weights_part;

/* [sum of out, in] prepared matrix from F32 | BF16 | F16 | I8 tensors of shape [out, in], or of a higher
 * rank whose trailing dimensions multiply to `in` (a conv weight [out,3,p,p]).  Owned by the caller. */
mlm_status kn_weights_matrix(kn_matrix **out, kn_weights *w, kn_device *dev, const kn_weights_part *parts,
                             int n_parts, int64_t in) MLM_WARN_UNUSED;

/* f32 tensor of exactly `count` elements at t (taken from an arena by the caller, contiguous f32), from
 * F32 | BF16 | F16, whatever its shape as long as the count fits; `first` skips elements (a direction of a
 * tensor with a leading axis), `whole` is the wanted total (0: first + count). */
mlm_status kn_weights_vector(kn_weights *w, kn_queue *q, kn_tensor t, const char *name, int64_t first,
                             int64_t whole) MLM_WARN_UNUSED;
/* The same into host memory (position tables that are resampled, A_log that becomes -exp). */
mlm_status kn_weights_host_f32(kn_weights *w, float *dst, const char *name, int64_t first, int64_t count,
                               int64_t whole) MLM_WARN_UNUSED;

/* Names never asked for, to catch naming errors: returns their number, fills at most `cap` borrowed names. */
int64_t kn_weights_unused(const kn_weights *w, const char **names, int64_t cap);

#endif
