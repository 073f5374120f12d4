/* cpu_rows.h: rows of [R,D] and [B,T,D] tensors inside files compiled once per instruction set. */
#ifndef KERNELS_CPU_CPU_ROWS_H
#define KERNELS_CPU_CPU_ROWS_H

#include "kernels/backend.h"

/* f32 row `row` of B * T. */
static inline float *cpu_row_at(const kn_rows *r, int64_t row)
{
    int64_t b = row / r->n_rows, t = row - b * r->n_rows;
    return (float *)r->data + b * r->batch_stride + t * r->row_stride;
}

/* Valid tokens of batch row b: len[b] held to 0 .. T, or T. */
static inline int64_t cpu_valid(kn_tensor len, int64_t b, int64_t T)
{
    if (!kn_present(len))
        return T;
    int32_t n = ((const int32_t *)kn_data(len))[b];
    return n < 0 ? 0 : n < T ? n : T;
}

#endif
