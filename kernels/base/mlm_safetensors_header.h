/* mlm_safetensors_header.h: private to mlm_safetensors*.c: one file's header, checked. */
#ifndef MLM_SAFETENSORS_HEADER_H
#define MLM_SAFETENSORS_HEADER_H

#include "kernels/base/mlm_safetensors.h"

#define MLM_ST_MAX_HEADER  100000000u
#define MLM_ST_MAX_TENSORS 100000
/* A tensor is at most 1 object + 1 dtype + 2 arrays + 8 dimensions + 2 offsets; metadata may add some. */
#define MLM_ST_MAX_VALUES 2500000u

typedef struct mlm_st_header {
    mlm_st_tensor *tensors; /* owned; by offset; shard is 0                          */
    int64_t        n_tensors;
    char          *names; /* owned: what the name fields point into                */
} mlm_st_header;

/* The length N of the header from the first 8 bytes of a file. */
mlm_status mlm_st_header_length(uint64_t *length, const unsigned char first[8], uint64_t file_size,
                                const char *name) MLM_WARN_UNUSED;

/* text[0..n-1] is the header (n from mlm_st_header_length).  On failure nothing is owned. */
mlm_status mlm_st_header_parse(mlm_st_header *h, const char *text, size_t n, uint64_t file_size,
                               const char *name) MLM_WARN_UNUSED;
void       mlm_st_header_free(mlm_st_header *h);

#endif
