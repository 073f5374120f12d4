/* cuda_linear.cuh: what the product kernels share: their arguments and the epilogue. */
#ifndef KERNELS_CUDA_LINEAR_CUH
#define KERNELS_CUDA_LINEAR_CUH

#include "kernels/cuda/cuda_math.cuh"

/* y = gamma act(x W^T scale + bias) + residual */
struct linear_params {
    cuda_rows    x, y, residual, gate; /* gate: x := x silu(gate), gemv only */
    const char  *w;
    const float *scale, *gamma; /* NULL: absent */
    const char  *bias;          /* NULL: absent */
    int          bias_dtype;
    const float *norm; /* x := x / rms(x) * norm, gemv only */
    float        eps;
    bool         norm_vec, early; /* early: the next kernel may start before this one waited */
    int64_t      pitch, R;        /* of W in elements; rows of x */
    int          out, in, act;
    bool         x_vec; /* rows of x start on 16 bytes */
    bool         has_residual, residual_repeats;
};

__device__ __forceinline__ void linear_store(const linear_params &p, int64_t r, int o, float v)
{
    int64_t b = r / p.y.n_rows, t = r - b * p.y.n_rows;
    if (p.scale)
        v = __fmul_rn(v, p.scale[o]); /* never one operation with the residual */
    if (p.bias)
        v += load1(p.bias, p.bias_dtype, o);
    v = activate(v, p.act);
    if (p.gamma)
        v *= p.gamma[o];
    if (p.has_residual)
        v += load1(row_at(p.residual, p.residual_repeats ? 0 : b, t), p.residual.dtype, o);
    store1(row_at(p.y, b, t), p.y.dtype, o, v);
}

#define CUDA_LT_ROWS   2 /* from the next row on cuBLASLt is faster, where x is bf16 */
#define CUDA_GEMV_ROWS 8 /* at most so many rows go to the kernel that streams weights */

/* Of a product with a norm in front. */
linear_params cuda_norm_linear_params(const kn_norm_linear_args *a);

bool       cuda_gemv_fits(const kn_queue *q, const linear_params *p);
bool       cuda_gemv_wide_enough(const kn_queue *q, const linear_params *p); /* for any number of rows */
mlm_status cuda_gemv(kn_queue *q, const linear_params *p, kn_dtype w_dtype);
/* One row, bf16 or int8 weights; *done is false when it has no way to. */
mlm_status cuda_stream(kn_queue *q, const linear_params *p, kn_dtype w_dtype, bool *done);
/* 3 to 64 bf16 rows, bf16 weights, from sm_90 on; *done is false when it has no way to. */
mlm_status cuda_skinny(kn_queue *q, const linear_params *p, kn_dtype w_dtype, bool *done);
/* One token of each row, f32 normed to bf16, and the product behind it; *done is false when it has no way to. */
mlm_status cuda_step_norm(kn_queue *q, const kn_norm_linear_args *a, bool *done);
mlm_status cuda_gemm_tensor(kn_queue *q, const linear_params *p, kn_dtype w_dtype); /* bf16, i8 weights */
mlm_status cuda_gemm_plain(kn_queue *q, const linear_params *p, kn_dtype w_dtype);  /* f32, f16 weights */
/* Whether cuBLASLt does this product; *done is false when it has no way to. */
bool       cuda_lt_wants(const kn_queue *q, const linear_params *p, kn_dtype w_dtype);
mlm_status cuda_lt_gemm(kn_queue *q, const linear_params *p, bool *done);
/* The same for int8 weights and bf16 x. */
mlm_status cuda_lt_widened(kn_queue *q, const linear_params *p, bool *done);

#endif
