/*
 * cpu_mk.h: the one register-blocked product of the backend:
 *
 *   C[r][j] (+)= sum_k A[k][r] * B[k][j]      r < mr <= MK_ROWS,  j < MK_COLS
 *
 * A is k-major f32 (lda floats between k), B f32 or stored weights.  Each sum runs over k in order in one
 * fused chain, so it does not depend on mr, on the tile it fell into, or on the instruction set.
 */
#ifndef KERNELS_CPU_CPU_MK_H
#define KERNELS_CPU_CPU_MK_H

#include "kernels/cpu/cpu_simd.h"

#if VW == 16
#    define MK_ROWS 12 /* 24 sums in 32 registers */
#else
#    define MK_ROWS 6 /* 12 sums in 16 registers */
#endif
#define MK_COLS (2 * VW)

#define MK_EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

/* mr, add and dtype are constants at every call: the unused rows and branches vanish. */
CPU_INLINE void mk_tile(int mr, kn_dtype dtype, int64_t n_k, const float *restrict a, int64_t lda,
                        const void *b, int64_t ldb, float *restrict c, int64_t ldc, bool add)
{
#define MK_DECLARE(r) vf c##r##a = v_zero(), c##r##b = v_zero();
    MK_EACH_ROW(MK_DECLARE)
    for (int64_t k = 0; k < n_k; k++) {
        vf b0 = v_load_weight(b, k * ldb, dtype), b1 = v_load_weight(b, k * ldb + VW, dtype);
#define MK_STEP(r)                                                                                           \
    if (mr > r) {                                                                                            \
        vf x    = v_set1(a[k * lda + r]);                                                                    \
        c##r##a = v_fma(x, b0, c##r##a);                                                                     \
        c##r##b = v_fma(x, b1, c##r##b);                                                                     \
    }
        MK_EACH_ROW(MK_STEP)
    }
#define MK_STORE(r)                                                                                          \
    if (mr > r) {                                                                                            \
        float *p = c + r * ldc;                                                                              \
        v_store(p, add ? v_load(p) + c##r##a : c##r##a);                                                     \
        v_store(p + VW, add ? v_load(p + VW) + c##r##b : c##r##b);                                           \
    }
    MK_EACH_ROW(MK_STORE)
#undef MK_DECLARE
#undef MK_STEP
#undef MK_STORE
}

/* The largest tile height for `left` rows. */
CPU_INLINE int mk_height(int64_t left)
{
    if (left >= MK_ROWS)
        return MK_ROWS;
    if (left >= 8)
        return 8;
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

CPU_INLINE void mk_any(int mr, kn_dtype dtype, int64_t n_k, const float *a, int64_t lda, const void *b,
                       int64_t ldb, float *c, int64_t ldc, bool add)
{
    switch (mr) {
    case MK_ROWS:
        mk_tile(MK_ROWS, dtype, n_k, a, lda, b, ldb, c, ldc, add);
        break;
#if MK_ROWS > 8
    case 8:
        mk_tile(8, dtype, n_k, a, lda, b, ldb, c, ldc, add);
        break;
#endif
    case 4:
        mk_tile(4, dtype, n_k, a, lda, b, ldb, c, ldc, add);
        break;
    case 2:
        mk_tile(2, dtype, n_k, a, lda, b, ldb, c, ldc, add);
        break;
    default:
        mk_tile(1, dtype, n_k, a, lda, b, ldb, c, ldc, add);
        break;
    }
}

/* f32 B: C[rows][cols] for any number of rows and a multiple of MK_COLS columns. */
static inline void mk_product(int64_t rows, int64_t cols, int64_t n_k, const float *a, int64_t lda,
                              const float *b, int64_t ldb, float *c, int64_t ldc, bool add)
{
    for (int64_t j = 0; j < cols; j += MK_COLS)
        for (int64_t r = 0; r < rows;) {
            int mr = mk_height(rows - r);
            mk_any(mr, KN_F32, n_k, a + r, lda, b + j, ldb, c + r * ldc + j, ldc, add);
            r += mr;
        }
}

#define MK_PAD 32 /* scratch columns come in multiples of this: MK_COLS divides it on every set */
CPU_INLINE int64_t mk_pad(int64_t n)
{
    return (n + MK_PAD - 1) / MK_PAD * MK_PAD;
}

/* 4 x 4 elements of rows, transposed. */
CPU_INLINE void transpose_4x4(float *restrict dst, int64_t ld, const float *const *rows, int64_t k)
{
    typedef float v4 __attribute__((vector_size(16)));
    v4            a, b, c, d;
    memcpy(&a, rows[0] + k, 16);
    memcpy(&b, rows[1] + k, 16);
    memcpy(&c, rows[2] + k, 16);
    memcpy(&d, rows[3] + k, 16);
    v4 ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    v4 cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
    memcpy(dst, &a, 16);
    memcpy(dst + ld, &b, 16);
    memcpy(dst + 2 * ld, &c, 16);
    memcpy(dst + 3 * ld, &d, 16);
}

/* n elements of 4 rows as dst[n][ld], 4 of each. */
static inline void mk_pack_4(float *restrict dst, int64_t ld, const float *const *rows, int64_t n)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        transpose_4x4(dst + i * ld, ld, rows, i);
    for (; i < n; i++)
        for (int r = 0; r < 4; r++)
            dst[i * ld + r] = rows[r][i];
}

/* x[rows][stride] -> dst[cols][ld]; columns rows .. n_pad-1 of dst are 0. */
static inline void mk_transpose(float *restrict dst, int64_t ld, const float *x, int64_t stride, int64_t rows,
                                int64_t n_pad, int64_t cols)
{
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float *const four[4] = {x + r * stride, x + (r + 1) * stride, x + (r + 2) * stride,
                                      x + (r + 3) * stride};
        mk_pack_4(dst + r, ld, four, cols);
    }
    for (; r < n_pad; r++)
        for (int64_t c = 0; c < cols; c++)
            dst[c * ld + r] = r < rows ? x[r * stride + c] : 0.0f;
}

#endif
