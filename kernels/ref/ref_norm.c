/* ref_norm.c: LayerNorm (torch.nn.LayerNorm), RMSNorm and Mamba-2's gated RMSNorm. */
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/ref_values.h"

/* y = (x - mean) / sqrt(var + eps) * w + b, biased variance */
mlm_status ref_layernorm(kn_queue *q, const kn_layernorm_args *a)
{
    (void)q;
    kn_rows      x = kn_as_rows(a->x), y = kn_as_rows(a->y);
    const float *w = kn_data(a->w), *bias = kn_data(a->b);
    for (int64_t b = 0; b < x.n_batch; b++)
        for (int64_t t = 0; t < x.n_rows; t++) {
            const void *xr   = ref_row(x, a->x.dtype, b, t);
            void       *yr   = ref_row(y, a->y.dtype, b, t);
            double      mean = 0.0, var = 0.0;
            for (int64_t i = 0; i < x.width; i++)
                mean += ref_get(xr, a->x.dtype, i);
            mean /= (double)x.width;
            for (int64_t i = 0; i < x.width; i++) {
                double d = ref_get(xr, a->x.dtype, i) - mean;
                var += d * d;
            }
            double r = 1.0 / sqrt(var / (double)x.width + (double)a->eps);
            for (int64_t i = 0; i < x.width; i++) {
                double v = (ref_get(xr, a->x.dtype, i) - mean) * r * (double)w[i] + (double)bias[i];
                ref_put(yr, a->y.dtype, i, v);
            }
        }
    return MLM_OK;
}

/* x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w */
mlm_status ref_rmsnorm(kn_queue *q, const kn_rmsnorm_args *a)
{
    (void)q;
    kn_rows      x = kn_as_rows(a->x), y = kn_as_rows(a->y);
    const float *w = kn_data(a->w);
    for (int64_t b = 0; b < x.n_batch; b++)
        for (int64_t t = 0; t < x.n_rows; t++) {
            const void *xr  = ref_row(x, a->x.dtype, b, t);
            void       *yr  = ref_row(y, a->y.dtype, b, t);
            double      sum = 0.0;
            for (int64_t i = 0; i < x.width; i++) {
                double v = ref_get(xr, a->x.dtype, i);
                sum += v * v;
            }
            double r = 1.0 / sqrt(sum / (double)x.width + (double)a->eps);
            for (int64_t i = 0; i < x.width; i++)
                ref_put(yr, a->y.dtype, i, ref_get(xr, a->x.dtype, i) * r * (double)w[i]);
        }
    return MLM_OK;
}

static double gated(const void *x, kn_dtype x_type, const void *z, kn_dtype z_type, int64_t i)
{
    return ref_get(x, x_type, i) * ref_silu(ref_get(z, z_type, i));
}

/* rms(y * F.silu(z), norm.weight), the mean over each of n_groups parts (RMSNormGated, norm_before_gate=False) */
mlm_status ref_rmsnorm_gated(kn_queue *q, const kn_rmsnorm_gated_args *a)
{
    (void)q;
    bool    two = kn_present(a->x2);
    kn_rows x = kn_as_rows(a->x), z = kn_as_rows(a->z), y = kn_as_rows(a->y),
            x2         = kn_as_rows(two ? a->x2 : a->x);
    const float *w     = kn_data(a->w);
    int64_t      part  = x.width / a->n_groups;
    double       scale = a->scale == 0.0f ? 1.0 : (double)a->scale;
    for (int64_t b = 0; b < x.n_batch; b++)
        for (int64_t t = 0; t < x.n_rows; t++) {
            const void *xr = ref_row(x, a->x.dtype, b, t), *zr = ref_row(z, a->z.dtype, b, t),
                       *x2r = ref_row(x2, a->x.dtype, b, t);
            void *yr        = ref_row(y, a->y.dtype, b, t);
            for (int64_t from = 0; from < x.width; from += part) {
                double sum = 0.0, sum2 = 0.0;
                for (int64_t i = from; i < from + part; i++) {
                    double g = gated(xr, a->x.dtype, zr, a->z.dtype, i),
                           h = gated(x2r, a->x.dtype, zr, a->z.dtype, i);
                    sum += g * g;
                    sum2 += h * h;
                }
                double r  = scale / sqrt(sum / (double)part + (double)a->eps),
                       r2 = scale / sqrt(sum2 / (double)part + (double)a->eps);
                for (int64_t i = from; i < from + part; i++) {
                    double old = a->accumulate ? ref_get(yr, a->y.dtype, i) : 0.0;
                    if (two)
                        old = gated(x2r, a->x.dtype, zr, a->z.dtype, i) * r2 * (double)w[i];
                    ref_put(yr, a->y.dtype, i,
                            gated(xr, a->x.dtype, zr, a->z.dtype, i) * r * (double)w[i] + old);
                }
            }
        }
    return MLM_OK;
}
