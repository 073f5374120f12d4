/*
 * ops_check.h: how ops.c checks arguments.  Private to kernels/.
 *
 * A kn_check remembers the first failure; every later helper then does nothing, so the checks of an op read
 * as a list.  Messages name the op, the field, what was found and what was wanted:
 *   "linear: x is [7,384] f32, wanted [R,256] for w [1804,256]"
 */
#ifndef KERNELS_OPS_CHECK_H
#define KERNELS_OPS_CHECK_H

#include "kernels/backend.h"

#define KN_ANY (-1) /* a dimension that is not demanded */

typedef struct kn_check {
    const kn_device *dev;
    const char      *op;
    const kn_matrix *w; /* a product's matrix, named behind "wanted ..." of shapes; may be NULL */
    mlm_status       status;
} kn_check;

/* Bits of dtypes a field may have. */
#define KN_BIT(dtype) (1u << (unsigned)(dtype))
#define KN_BITS_ACT   (KN_BIT(KN_F32) | KN_BIT(KN_BF16))

/* Shape of exactly `rank` dimensions, KN_ANY where free; `letters` has one character per dimension ("BTD").
 * Also: present, of this device, inside its buffer, innermost stride 1, dtype one of `dtypes`. */
void kn_check_tensor(kn_check *c, const char *field, kn_tensor t, unsigned dtypes, int rank,
                     const int64_t *want, const char *letters);
/* The same when present. */
void kn_check_optional(kn_check *c, const char *field, kn_tensor t, unsigned dtypes, int rank,
                       const int64_t *want, const char *letters);
/* Activations [R,width] or [B,T,width], f32 or bf16; with `like` also the same leading dimensions as it. */
void kn_check_rows(kn_check *c, const char *field, kn_tensor t, const kn_tensor *like, int64_t width);
/* Activations [B,T,width]; B and T as in `like` unless it is NULL. */
void kn_check_sequence(kn_check *c, const char *field, kn_tensor t, const kn_tensor *like, int64_t width);
/* f32 [n], contiguous. */
void kn_check_vector(kn_check *c, const char *field, kn_tensor t, int64_t n, bool optional);
/* i32 [n], contiguous. */
void kn_check_index(kn_check *c, const char *field, kn_tensor t, int64_t n, bool optional);
/* `t` has the dtype of `other`; with or_f32 it may be f32 instead. */
void kn_check_same_dtype(kn_check *c, const char *field, kn_tensor t, const char *other_field,
                         kn_tensor other, bool or_f32);
/* State [B, inner...]: f32, each row contiguous, any batch stride. */
void kn_check_state(kn_check *c, const char *field, kn_tensor t, int rank, const int64_t *want,
                    const char *letters, bool optional);
void kn_check_matrix(kn_check *c, const char *field, const kn_matrix *m);
/* No element of x is also an element of y. */
void kn_check_disjoint(kn_check *c, const char *x_field, kn_tensor x, const char *y_field, kn_tensor y);
/* An integer inside [min, max]. */
void kn_check_range(kn_check *c, const char *field, int64_t value, int64_t min, int64_t max);
/* eps and other numbers that must be finite and at least `min`. */
void kn_check_number(kn_check *c, const char *field, float value, float min);
/* Fails with `status` and a sentence when ok is false. */
void kn_check_that(kn_check *c, bool ok, mlm_status status, const char *sentence);

#endif
