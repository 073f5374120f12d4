/*
 * loader.h: the one way a model's constructor reads its tensors: names under a prefix, small vectors from
 * one arena, matrices prepared by the device.
 *
 * A model writes its tensor list once, as a function of kn_loader.  kn_loader_run calls it twice: first with
 * a measuring arena (nothing is read, matrices stay NULL), then for real.
 */
#ifndef KERNELS_LOADER_H
#define KERNELS_LOADER_H

#include "kernels/weights.h"

#define KN_LOADER_NAME 256

typedef struct kn_loader {
    kn_weights *weights;
    kn_queue   *queue;
    kn_arena   *arena;  /* owned by the model: kn_arena_free              */
    const char *prefix; /* "vision_tower."                                */
    kn_dtype    act;    /* of the model's activations: biases and tables that are added to them have it */
    size_t      matrix_bytes; /* 0; what the first pass found */
} kn_loader;

static inline bool kn_loader_measuring(const kn_loader *l)
{
    return l->arena->buf == NULL;
}

/* Both passes of `list(l, model)`.  On failure the model is half filled: free it as usual. */
mlm_status kn_loader_run(kn_loader *l, mlm_status (*list)(kn_loader *l, void *model),
                         void      *model) MLM_WARN_UNUSED;

/* The full name of a tensor: prefix + formatted rest.  MLM_E_RANGE when it does not fit. */
mlm_status kn_loader_name(const kn_loader *l, char name[KN_LOADER_NAME], const char *fmt, ...)
    MLM_PRINTF(3, 4) MLM_WARN_UNUSED;

/* f32 vector of `count` elements in the arena. */
mlm_status kn_load_vector(kn_loader *l, kn_tensor *out, int64_t count, const char *fmt, ...)
    MLM_PRINTF(4, 5) MLM_WARN_UNUSED;
/* Bias of a product, in l->act. */
mlm_status kn_load_bias(kn_loader *l, kn_tensor *out, int64_t count, const char *fmt, ...)
    MLM_PRINTF(4, 5) MLM_WARN_UNUSED;
/* [rows, columns] (rows 0: a vector of `columns`) from the elements that start at `first` of a tensor that has
 * `whole` in total (0: no more than these). */
mlm_status kn_load_part(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns, int64_t first,
                        int64_t whole, const char *fmt, ...) MLM_PRINTF(7, 8) MLM_WARN_UNUSED;
/* -exp(A_log), computed on the host in f32: elements [first, first + count) of `whole`. */
mlm_status kn_load_neg_exp(kn_loader *l, kn_tensor *out, int64_t count, int64_t first, int64_t whole,
                           const char *fmt, ...) MLM_PRINTF(6, 7) MLM_WARN_UNUSED;
/* A table that was computed at load: [rows, columns], or a vector when rows is 0. */
mlm_status kn_load_host(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns,
                        const float *values) MLM_WARN_UNUSED;
/* The same in l->act. */
mlm_status kn_load_table(kn_loader *l, kn_tensor *out, int64_t rows, int64_t columns,
                         const float *values) MLM_WARN_UNUSED;
/* In the first pass: the second one makes a matrix [out, in] of the tensor `name` (full), with its type or, whatever that is, in
 * bf16.  kn_load_matrix and kn_load_matrix_pair do it themselves. */
void kn_load_reserve(kn_loader *l, const char *name, int64_t out, int64_t in, bool as_bf16);
/* Prepared [out, in] matrix; owned by the model. */
mlm_status kn_load_matrix(kn_loader *l, kn_matrix **m, int64_t out, int64_t in, const char *fmt, ...)
    MLM_PRINTF(5, 6) MLM_WARN_UNUSED;
/* [a; b] stacked, each [out, in]: one product for both. */
mlm_status kn_load_matrix_pair(kn_loader *l, kn_matrix **m, int64_t out, int64_t in, const char *a,
                               const char *b) MLM_WARN_UNUSED;

#endif
