/*
 * mlm_safetensors.h: the container of weights.  One file, or the shards of an index.json.
 *
 * Everything is checked at open, in one place, with checked arithmetic: file >= 8 bytes; header length <=
 * 100,000,000 and inside the file; header starts with '{', is strict JSON (mlm_json.h), at most 100,000
 * tensors of at most 8 dimensions; known dtype; shape product and byte size do not overflow; end - begin
 * equals the size from shape and dtype; sorted by offset the tensors leave no hole, no overlap and nothing
 * after the last; __metadata__ is an object of strings.  Index and shards must agree: mlm_shards.h.
 * Source of the format: huggingface/safetensors, tensor.rs (limits as there).
 */
#ifndef MLM_SAFETENSORS_H
#define MLM_SAFETENSORS_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

#define MLM_ST_MAX_RANK 8

typedef enum mlm_st_dtype {
    MLM_ST_BOOL,
    MLM_ST_U8,
    MLM_ST_I8,
    MLM_ST_I16,
    MLM_ST_U16,
    MLM_ST_F16,
    MLM_ST_BF16,
    MLM_ST_I32,
    MLM_ST_U32,
    MLM_ST_F32,
    MLM_ST_F64,
    MLM_ST_I64,
    MLM_ST_U64,
    MLM_ST_F8_E4M3,
    MLM_ST_F8_E5M2,
    MLM_ST_DTYPE_COUNT
} mlm_st_dtype;
const char *mlm_st_dtype_name(mlm_st_dtype dtype); /* "BF16" */
size_t      mlm_st_dtype_size(mlm_st_dtype dtype);

typedef struct mlm_st_tensor {
    const char  *name; /* borrowed from the file object */
    mlm_st_dtype dtype;
    int          rank;
    int64_t      dim[MLM_ST_MAX_RANK];
    uint64_t     bytes;
    uint64_t     offset; /* in the file, absolute */
    int          shard;
} mlm_st_tensor;

typedef struct mlm_safetensors mlm_safetensors;

/* `path` is a .safetensors file or a .safetensors.index.json.  Owned: mlm_safetensors_close. */
mlm_status mlm_safetensors_open(mlm_safetensors **out, const char *path) MLM_WARN_UNUSED;
void       mlm_safetensors_close(mlm_safetensors *st); /* NULL is fine */
/* The shape as "[2, 3]". */
void mlm_st_shape_text(const mlm_st_tensor *t, char *text, size_t cap);

int64_t              mlm_safetensors_count(const mlm_safetensors *st);
const mlm_st_tensor *mlm_safetensors_at(const mlm_safetensors *st, int64_t index); /* by shard, then offset */
const mlm_st_tensor *mlm_safetensors_find(const mlm_safetensors *st,
                                          const char            *name); /* NULL: absent; O(log n) */
int                  mlm_safetensors_n_shards(const mlm_safetensors *st);
const char          *mlm_safetensors_path(const mlm_safetensors *st, int shard);
uint64_t             mlm_safetensors_file_bytes(const mlm_safetensors *st, int shard);

/* Copies n bytes of a tensor from `from` to dst (read(2), not a mapping: see mlm_file.h). */
mlm_status mlm_safetensors_read(const mlm_safetensors *st, const mlm_st_tensor *t, void *dst, uint64_t from,
                                size_t n) MLM_WARN_UNUSED;
/* Raw bytes of a shard (for fingerprints). */
mlm_status mlm_safetensors_read_raw(const mlm_safetensors *st, int shard, void *dst, uint64_t from,
                                    size_t n) MLM_WARN_UNUSED;

/* Parses a header alone (fuzzing and tests): bytes = the file's first `n` bytes, file_size = its full size. */
mlm_status mlm_safetensors_check_header(const void *bytes, size_t n, uint64_t file_size,
                                        const char *name) MLM_WARN_UNUSED;

#endif
