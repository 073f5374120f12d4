/* weights_private.h: what weights.c and weights_files.c share: files, and tensors under the names that models use. */
#ifndef KERNELS_WEIGHTS_PRIVATE_H
#define KERNELS_WEIGHTS_PRIVATE_H

#include "kernels/base/mlm_pt.h"
#include "kernels/weights.h"

/* Exactly one of the two is open. */
typedef struct weights_file {
    char            *path;
    mlm_safetensors *st;
    mlm_pt          *pt;
} weights_file;

/* Values without files: weights_made.c. */
typedef struct weights_made weights_made;

/* Memory that a matrix is read into.  One is kept for the next matrix, because fresh memory costs as much as reading does. */
typedef struct weights_buffer {
    void  *data;
    size_t bytes;
} weights_buffer;

struct kn_weights {
    char                 *name; /* of the model, in messages: its directory */
    weights_file         *files;
    int                   n_files;
    mlm_st_tensor        *tensors; /* under the names that models use; by file, then place in it */
    const mlm_st_tensor **origin;  /* [n_tensors] the same tensor in its file                    */
    int                  *file_of; /* [n_tensors]                                                */
    const mlm_st_tensor **by_name;
    char                **names; /* [n_tensors] owned where a rule changed the name, else NULL  */
    int64_t               n_tensors, capacity;
    bool                 *used; /* [n_tensors]                                                  */
    uint64_t             *hash; /* [n_tensors] of all bytes; 0: not read as a whole yet         */
    uint64_t              total_bytes, done_bytes;
    bool                  round_bf16;
    weights_buffer        spare;
    weights_made         *made;       /* NULL: files                                           */
    bool                  is_listing; /* made, and what is asked for is only written down      */
    kn_weights_progress   progress;
    void                 *progress_payload;
};

/* Bytes as they lie in the file. */
mlm_status weights_read(const kn_weights *w, const mlm_st_tensor *t, void *dst, uint64_t from,
                        size_t n) MLM_WARN_UNUSED;
/* The file that holds a tensor. */
const char *weights_path(const kn_weights *w, const mlm_st_tensor *t);
/* A tensor of made weights: in the order of `made`. */
mlm_status weights_add(kn_weights *w, const mlm_st_tensor *t) MLM_WARN_UNUSED;
/* After the last tensor: the index by name. */
mlm_status weights_finish_list(kn_weights *w) MLM_WARN_UNUSED;

/* rows 0: a vector */
mlm_status weights_made_note(weights_made *m, const char *name, int64_t rows,
                             int64_t columns) MLM_WARN_UNUSED;
void       weights_made_read(const weights_made *m, int64_t index, void *dst, uint64_t from, size_t bytes);
void       weights_made_free(weights_made *m); /* NULL is fine */

static inline size_t weights_index(const kn_weights *w, const mlm_st_tensor *t)
{
    return (size_t)(t - w->tensors);
}

#endif
