/*
 * cuda_norm.cu: layernorm, rmsnorm and the gated rmsnorm of Mamba-2, one block a row (and group).
 *
 * Sums run in f32 in a fixed order that depends on the width only, so a row's result does not depend on the
 * batch.  The row is read again from the L1 cache for the second pass.  Aligned rows go to cuda_norm_wide.cu.
 */
#include "kernels/cuda/cuda_math.cuh"
#include "kernels/cuda/cuda_norm_wide.cuh"

#define NORM_THREADS 256

__global__ void __launch_bounds__(NORM_THREADS)
    layernorm_kernel(cuda_rows x, const float *__restrict__ w, const float *__restrict__ b, cuda_rows y,
                     float eps)
{
    __shared__ float part[WARP];
    cuda_begin();
    int         D   = x.width;
    const char *xr  = row_at(x, (int64_t)blockIdx.x);
    char       *yr  = row_at(y, (int64_t)blockIdx.x);
    float       sum = 0.0f, square = 0.0f;
    for (int i = (int)threadIdx.x * 4; i < D; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, x.vec, i, D);
        sum += v.x + v.y + v.z + v.w;
    }
    float mean = block_sum(sum, part) / (float)D;
    for (int i = (int)threadIdx.x * 4; i < D; i += NORM_THREADS * 4) {
        float4 v    = load4(xr, x.dtype, x.vec, i, D);
        float  e[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (i + k < D)
                square += (e[k] - mean) * (e[k] - mean);
    }
    float rstd = rsqrtf(block_sum(square, part) / (float)D + eps);
    for (int i = (int)threadIdx.x * 4; i < D; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, x.vec, i, D);
        float4 s = load4((const char *)w, KN_F32, false, i, D),
               o = load4((const char *)b, KN_F32, false, i, D);
        store4(yr, y.dtype, y.vec, i, D,
               make_float4((v.x - mean) * rstd * s.x + o.x, (v.y - mean) * rstd * s.y + o.y,
                           (v.z - mean) * rstd * s.z + o.z, (v.w - mean) * rstd * s.w + o.w));
    }
}

static norm_params wide_of(kn_tensor x, kn_tensor w, kn_tensor y, float eps)
{
    norm_params p = {};
    p.x           = cuda_rows_of(x);
    p.y           = cuda_rows_of(y);
    p.w           = (const float *)kn_data(w);
    p.R           = cuda_count_rows(x);
    p.eps         = eps;
    return p;
}

mlm_status cuda_layernorm(kn_queue *q, const kn_layernorm_args *a)
{
    norm_params p = wide_of(a->x, a->w, a->y, a->eps);
    p.b           = (const float *)kn_data(a->b);
    if (cuda_norm_wide_fits(&p, NORM_LAYER))
        return cuda_norm_wide(q, "layernorm", &p, NORM_LAYER);
    return cuda_launch(q, "layernorm", layernorm_kernel, dim3((unsigned)cuda_count_rows(a->x)),
                       dim3(NORM_THREADS), 0, cuda_rows_of(a->x), (const float *)kn_data(a->w),
                       (const float *)kn_data(a->b), cuda_rows_of(a->y), a->eps);
}

__global__ void __launch_bounds__(NORM_THREADS)
    rmsnorm_kernel(cuda_rows x, const float *__restrict__ w, bool w_vec, cuda_rows y, float eps)
{
    __shared__ float part[WARP];
    cuda_begin();
    int         D      = x.width;
    const char *xr     = row_at(x, (int64_t)blockIdx.x);
    char       *yr     = row_at(y, (int64_t)blockIdx.x);
    float       square = 0.0f;
    for (int i = (int)threadIdx.x * 4; i < D; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, x.vec, i, D);
        square += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
    float rstd = rsqrtf(block_sum(square, part) / (float)D + eps);
    for (int i = (int)threadIdx.x * 4; i < D; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, x.vec, i, D), s = load4((const char *)w, KN_F32, w_vec, i, D);
        store4(yr, y.dtype, y.vec, i, D,
               make_float4(v.x * rstd * s.x, v.y * rstd * s.y, v.z * rstd * s.z, v.w * rstd * s.w));
    }
}

/* Vectors are read four at a time when they start on 16 bytes and end on a multiple of four. */
static bool aligned4(kn_tensor t)
{
    return (uintptr_t)kn_data(t) % 16 == 0 && t.dim[0] % 4 == 0;
}

mlm_status cuda_rmsnorm(kn_queue *q, const kn_rmsnorm_args *a)
{
    norm_params p = wide_of(a->x, a->w, a->y, a->eps);
    if (cuda_norm_wide_fits(&p, NORM_RMS))
        return cuda_norm_wide(q, "rmsnorm", &p, NORM_RMS);
    return cuda_launch(q, "rmsnorm", rmsnorm_kernel, dim3((unsigned)cuda_count_rows(a->x)),
                       dim3(NORM_THREADS), 0, cuda_rows_of(a->x), (const float *)kn_data(a->w),
                       aligned4(a->w), cuda_rows_of(a->y), a->eps);
}

/* Block (row, group): g = x silu(z);  y = scale g / rms(g) w (+ y). */
__global__ void __launch_bounds__(NORM_THREADS)
    rmsnorm_gated_kernel(cuda_rows x, cuda_rows z, const float *__restrict__ w, cuda_rows y, float eps,
                         float scale, int n_groups, bool accumulate)
{
    __shared__ float part[WARP];
    cuda_begin();
    int64_t     row = blockIdx.x / n_groups;
    int         D = x.width / n_groups, from = (int)(blockIdx.x % n_groups) * D, end = from + D;
    bool        vec = x.vec && z.vec && D % 4 == 0;
    const char *xr = row_at(x, row), *zr = row_at(z, row);
    char       *yr     = row_at(y, row);
    float       square = 0.0f;
    for (int i = from + (int)threadIdx.x * 4; i < end; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, vec, i, end), g = load4(zr, z.dtype, vec, i, end);
        v.x *= silu(g.x), v.y *= silu(g.y), v.z *= silu(g.z), v.w *= silu(g.w);
        square += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
    float r = rsqrtf(block_sum(square, part) / (float)D + eps) * scale;
    for (int i = from + (int)threadIdx.x * 4; i < end; i += NORM_THREADS * 4) {
        float4 v = load4(xr, x.dtype, vec, i, end), g = load4(zr, z.dtype, vec, i, end);
        float4 s = load4((const char *)w, KN_F32, false, i, end);
        float4 o = make_float4(v.x * silu(g.x) * r * s.x, v.y * silu(g.y) * r * s.y,
                               v.z * silu(g.z) * r * s.z, v.w * silu(g.w) * r * s.w);
        if (accumulate) {
            float4 p = load4(yr, y.dtype, y.vec && vec, i, end);
            o        = make_float4(o.x + p.x, o.y + p.y, o.z + p.z, o.w + p.w);
        }
        store4(yr, y.dtype, y.vec && vec, i, end, o);
    }
}

/* y = the norm of x2, then that of x added. */
static mlm_status gated_in_turn(kn_queue *q, const kn_rmsnorm_gated_args *a)
{
    kn_rmsnorm_gated_args first = *a, second = *a;
    first.x           = a->x2;
    first.x2          = (kn_tensor){};
    second.x2         = (kn_tensor){};
    second.accumulate = true;
    MLM_TRY(cuda_rmsnorm_gated(q, &first));
    return cuda_rmsnorm_gated(q, &second);
}

mlm_status cuda_rmsnorm_gated(kn_queue *q, const kn_rmsnorm_gated_args *a)
{
    norm_params p = wide_of(a->x, a->w, a->y, a->eps);
    p.z           = cuda_rows_of(a->z);
    p.scale       = a->scale == 0.0f ? 1.0f : a->scale;
    p.accumulate  = a->accumulate;
    if (kn_present(a->x2)) {
        p.x2 = cuda_rows_of(a->x2);
        return a->n_groups == 1 && cuda_norm_pair_fits(&p) ? cuda_norm_pair(q, &p) : gated_in_turn(q, a);
    }
    if (a->n_groups == 1 && cuda_norm_wide_fits(&p, NORM_GATED))
        return cuda_norm_wide(q, "rmsnorm_gated", &p, NORM_GATED);
    unsigned blocks = (unsigned)(cuda_count_rows(a->x) * a->n_groups);
    return cuda_launch(q, "rmsnorm_gated", rmsnorm_gated_kernel, dim3(blocks), dim3(NORM_THREADS), 0,
                       cuda_rows_of(a->x), cuda_rows_of(a->z), (const float *)kn_data(a->w),
                       cuda_rows_of(a->y), a->eps, a->scale == 0.0f ? 1.0f : a->scale, a->n_groups,
                       a->accumulate);
}
