/* random_fill.h: tensors and weight matrices of numbers without a pattern, the same in every run. */
#ifndef TESTS_SUPPORT_RANDOM_FILL_H
#define TESTS_SUPPORT_RANDOM_FILL_H

#include "kernels/base/mlm_rng.h"
#include "kernels/kernels.h"

/* t (contiguous, f32 or bf16) = scale * normal + shift */
mlm_status random_fill(kn_queue *q, kn_tensor t, mlm_rng *rng, float scale, float shift) MLM_WARN_UNUSED;

/* Owned: kn_matrix_free.  [n_out, n_in] of f32, bf16 or i8: a product keeps about the size of what it is given. */
mlm_status random_matrix(kn_matrix **out, kn_device *dev, int64_t n_out, int64_t n_in, kn_dtype dtype,
                         uint32_t seed) MLM_WARN_UNUSED;

#endif
