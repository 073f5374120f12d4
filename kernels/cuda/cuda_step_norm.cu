/*
 * cuda_step_norm.cu: the norm of one token of each row of a batch, on its way from f32 to the bf16 that the product behind
 * it reads.  Unlike the norms of other ops it lets that product start at once, which then fetches its first weights.
 */
#include "kernels/cuda/cuda_gemv.cuh"

#define NORM_THREADS 256
#define NORM_MOST    5 /* groups of 4 columns a thread */

/* The kernel behind reads nothing but weights before its wait. */
__global__ void __launch_bounds__(NORM_THREADS)
    step_norm_kernel(cuda_rows x, const float *w, cuda_rows y, float eps)
{
    __shared__ float part[WARP];
    float4           v[NORM_MOST], s[NORM_MOST];
    int              D = x.width, k0 = (int)threadIdx.x * 4;
    float            square = 0.0f;
    cuda_dependency_release();
#pragma unroll
    for (int i = 0; i < NORM_MOST; i++)
        s[i] = k0 + i * NORM_THREADS * 4 < D ? *(const float4 *)(w + k0 + i * NORM_THREADS * 4)
                                             : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    cuda_dependency_wait();
    const float *xr = (const float *)row_at(x, (int64_t)blockIdx.x);
    char        *yr = row_at(y, (int64_t)blockIdx.x);
#pragma unroll
    for (int i = 0; i < NORM_MOST; i++)
        v[i] = k0 + i * NORM_THREADS * 4 < D ? *(const float4 *)(xr + k0 + i * NORM_THREADS * 4)
                                             : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
    for (int i = 0; i < NORM_MOST; i++)
        square = add_square(square, v[i]);
    float r = rsqrtf(block_sum(square, part) / (float)D + eps);
#pragma unroll
    for (int i = 0; i < NORM_MOST; i++)
        if (k0 + i * NORM_THREADS * 4 < D)
            store4(yr, KN_BF16, true, k0 + i * NORM_THREADS * 4, D,
                   make_float4(v[i].x * r * s[i].x, v[i].y * r * s[i].y, v[i].z * r * s[i].z,
                               v[i].w * r * s[i].w));
}

mlm_status cuda_step_norm(kn_queue *q, const kn_norm_linear_args *a, bool *done)
{
    cuda_rows x = cuda_rows_of(a->x), y = cuda_rows_of(a->normed);
    int64_t   R = cuda_count_rows(a->x);
    *done = !kn_present(a->z) && x.n_rows == 1 && x.dtype == KN_F32 && y.dtype == KN_BF16 && x.vec && y.vec &&
            x.width <= NORM_MOST * NORM_THREADS * 4 && (uintptr_t)kn_data(a->norm) % 16 == 0;
    if (!*done)
        return MLM_OK;
    cuda_prefer_shared((const void *)step_norm_kernel);
    MLM_TRY(cuda_launch(q, "rmsnorm", step_norm_kernel, dim3((unsigned)R), dim3(NORM_THREADS), 0, x,
                        (const float *)kn_data(a->norm), y, a->eps));
    kn_linear_args linear = {};
    linear.x              = a->normed;
    linear.w              = a->w;
    linear.residual       = a->residual;
    linear.y              = a->y;
    linear.f32_sum        = a->f32_sum;
    return cuda_linear(q, &linear);
}
