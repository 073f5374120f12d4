/* ref_values.h: elements of any float dtype as double, and the scalar functions of the ops. */
#ifndef KERNELS_REF_REF_VALUES_H
#define KERNELS_REF_REF_VALUES_H

#include "kernels/backend.h"
#include "kernels/base/mlm_dtype.h"

#include <math.h>

static inline double ref_get(const void *data, kn_dtype dtype, int64_t i)
{
    if (dtype == KN_F32)
        return (double)((const float *)data)[i];
    if (dtype == KN_BF16)
        return (double)mlm_bf16_to_f32(((const uint16_t *)data)[i]);
    if (dtype == KN_F16)
        return (double)mlm_f16_to_f32(((const uint16_t *)data)[i]);
    return (double)((const int8_t *)data)[i];
}

static inline void ref_put(void *data, kn_dtype dtype, int64_t i, double v)
{
    if (dtype == KN_BF16)
        ((uint16_t *)data)[i] = mlm_f32_to_bf16((float)v);
    else
        ((float *)data)[i] = (float)v;
}

/* Row t of batch row b. */
static inline void *ref_row(kn_rows r, kn_dtype dtype, int64_t b, int64_t t)
{
    int64_t element = b * r.batch_stride + t * r.row_stride;
    return (char *)r.data + element * (int64_t)kn_dtype_size(dtype);
}

/* Valid tokens of batch row b: len[b] held to 0 .. T, or T. */
static inline int64_t ref_valid(kn_tensor len, int64_t b, int64_t T)
{
    if (!kn_present(len))
        return T;
    int32_t n = ((const int32_t *)kn_data(len))[b];
    return n < 0 ? 0 : n < T ? n : T;
}

static inline double ref_silu(double v)
{
    return v / (1.0 + exp(-v));
}

static inline double ref_softplus(double v)
{
    return v > 20.0 ? v : log1p(exp(v));
}

#endif
