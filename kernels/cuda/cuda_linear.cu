/*
 * cuda_linear.cu: chooses the kernel of a product.
 *
 *   up to 8 rows              cuda_gemv: streams the weights once, one warp an output row (or two)
 *   more, bf16 x and weights  cuBLASLt where it is there and the epilogue is one it knows
 *   more, bf16 x, i8 weights  the same on weights made bf16 a slice at a time
 *   more, bf16 or i8 weights  cuda_gemm_tensor: tensor cores; f32 x in three bf16 parts, which loses nothing
 *   more, f32 or f16 weights  cuda_gemm_plain: f32 arithmetic
 */
#include "kernels/cuda/cuda_linear.cuh"

static linear_params params_of(const kn_linear_args *a)
{
    const cuda_matrix *m = cuda_of(a->w);
    linear_params      p = {};
    int64_t            k = a->x.dtype == KN_F32 ? 4 : 8;
    p.x                  = cuda_rows_of(a->x);
    p.y                  = cuda_rows_of(a->y);
    p.w                  = (const char *)m->data;
    p.scale              = m->scale;
    p.bias               = (const char *)kn_data(a->bias);
    p.bias_dtype         = (int)a->bias.dtype;
    p.gamma              = (const float *)kn_data(a->gamma);
    p.pitch              = m->pitch;
    p.R                  = cuda_count_rows(a->x);
    p.out                = (int)a->w->out;
    p.in                 = (int)a->w->in;
    p.act                = (int)a->act;
    p.x_vec              = (uintptr_t)p.x.data % 16 == 0 && (p.x.n_rows < 2 || p.x.row_stride % k == 0) &&
              (p.R == p.x.n_rows || p.x.batch_stride % k == 0);
    p.has_residual = kn_present(a->residual);
    if (p.has_residual) {
        p.residual         = cuda_rows_of(a->residual);
        p.residual_repeats = a->y.rank == 3 && a->residual.rank == 2;
    }
    return p;
}

/* Which kernel does a product may not depend on the number of rows then, only on whether they are tokens of a sequence. */
static bool goes_by_tokens(const kn_queue *q, kn_tensor x)
{
    return cuda_of(q->dev)->deterministic && x.rank == 3 && x.dim[1] > 1;
}

static bool one_token_each(const kn_queue *q, const linear_params *p, kn_tensor x)
{
    return cuda_of(q->dev)->deterministic && !goes_by_tokens(q, x) && cuda_gemv_wide_enough(q, p);
}

mlm_status cuda_linear(kn_queue *q, const kn_linear_args *a)
{
    linear_params p = params_of(a);
    kn_dtype      t = a->w->dtype;
    if (one_token_each(q, &p, a->x))
        return cuda_gemv(q, &p, t);
    if (cuda_of(q->dev)->deterministic)
        return t == KN_BF16 || t == KN_I8 ? cuda_gemm_tensor(q, &p, t) : cuda_gemm_plain(q, &p, t);
    bool skinny = false;
    MLM_TRY(cuda_skinny(q, &p, t, &skinny));
    if (skinny)
        return MLM_OK;
    if (cuda_gemv_fits(q, &p) && !(p.R > CUDA_LT_ROWS && cuda_lt_wants(q, &p, t)))
        return cuda_gemv(q, &p, t);
    if (cuda_lt_wants(q, &p, t)) {
        bool done = false;
        MLM_TRY(cuda_lt_gemm(q, &p, &done));
        if (done)
            return MLM_OK;
    }
    if (t == KN_I8 && p.x.dtype == KN_BF16) {
        bool done = false;
        MLM_TRY(cuda_lt_widened(q, &p, &done));
        if (done)
            return MLM_OK;
    }
    return t == KN_BF16 || t == KN_I8 ? cuda_gemm_tensor(q, &p, t) : cuda_gemm_plain(q, &p, t);
}

linear_params cuda_norm_linear_params(const kn_norm_linear_args *a)
{
    kn_linear_args linear = {};
    linear.x              = a->x;
    linear.w              = a->w;
    linear.residual       = a->residual;
    linear.y              = a->y;
    linear_params p       = params_of(&linear);
    p.norm                = (const float *)kn_data(a->norm);
    p.norm_vec            = (uintptr_t)p.norm % 16 == 0 && p.in % 4 == 0;
    p.eps                 = a->eps;
    return p;
}

/* Few rows and one group: the product norms x on its way in. */
mlm_status cuda_norm_linear(kn_queue *q, const kn_norm_linear_args *a, bool *done)
{
    linear_params p    = cuda_norm_linear_params(a);
    bool          fits = cuda_gemv_fits(q, &p) && (p.R <= CUDA_LT_ROWS || a->normed.dtype == KN_F32);
    if (cuda_of(q->dev)->deterministic)
        fits = one_token_each(q, &p, a->x);
    *done = fits && (!kn_present(a->z) || a->n_groups == 1);
    if (!*done && !cuda_of(q->dev)->deterministic)
        return cuda_step_norm(q, a, done);
    if (!*done)
        return MLM_OK;
    /* The kernel behind in_proj reads states before its wait (cuda_step.cu), so in_proj must not let it start
     * early; the one behind out_proj reads nothing but weights. */
    p.early = p.has_residual;
    if (kn_present(a->z))
        p.gate = cuda_rows_of(a->z);
    return cuda_gemv(q, &p, a->w->dtype);
}
