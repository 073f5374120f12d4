/*
 * cuda_widen.cu: int8 products of many bf16 rows: the weights become bf16 (exactly) a slice of outputs at a time,
 * cuBLASLt multiplies into f32, and a last kernel does scale, bias, activation and residual.
 *
 * Reading the weights once more as bf16 costs less than what a tensor-core kernel of our own loses to cuBLASLt.
 */
#include "kernels/cuda/cuda_linear.cuh"

#define WIDEN_THREADS 256

__device__ __forceinline__ uint32_t pair_bf16(uint32_t bytes, int at)
{
    return floats_bf16((float)(int8_t)(bytes >> at & 0xffu), (float)(int8_t)(bytes >> (at + 8) & 0xffu));
}

/* n groups of 16 weights. */
__global__ void __launch_bounds__(WIDEN_THREADS) widen_kernel(const uint4 *w, uint4 *to, int64_t n)
{
    cuda_begin();
    for (int64_t i = (int64_t)blockIdx.x * WIDEN_THREADS + threadIdx.x; i < n;
         i += (int64_t)gridDim.x * WIDEN_THREADS) {
        uint4 u   = w[i];
        to[2 * i] = make_uint4(pair_bf16(u.x, 0), pair_bf16(u.x, 16), pair_bf16(u.y, 0), pair_bf16(u.y, 16));
        to[2 * i + 1] =
            make_uint4(pair_bf16(u.z, 0), pair_bf16(u.z, 16), pair_bf16(u.w, 0), pair_bf16(u.w, 16));
    }
}

/* Outputs first .. first + n - 1 of every row. */
__global__ void __launch_bounds__(WIDEN_THREADS)
    finish_kernel(linear_params p, const float *sums, int first, int n)
{
    cuda_begin();
    int64_t r = blockIdx.y;
    int     o = (int)(blockIdx.x * WIDEN_THREADS + threadIdx.x);
    if (o < n)
        linear_store(p, r, first + o, sums[r * n + o]);
}

/* Taken at the first use, which is never captured: whoever captures runs the sequence once before.  Models of bf16 need none. */
static mlm_status take_room(kn_queue *q)
{
    cuda_queue *c = cuda_of(q);
    if (c->wide != NULL || c->capturing || cuda_of(q->dev)->lt == NULL)
        return MLM_OK;
    return cuda_alloc(q->dev, &c->wide, CUDA_WIDE_WEIGHTS + CUDA_WIDE_SUMS, "room for widened weights");
}

mlm_status cuda_lt_widened(kn_queue *q, const linear_params *p, bool *done)
{
    int64_t most_w = (int64_t)(CUDA_WIDE_WEIGHTS / 2) / p->pitch,
            most_y = (int64_t)(CUDA_WIDE_SUMS / 4) / p->R;
    int64_t slice  = most_w < most_y ? most_w : most_y;
    slice          = slice / 64 * 64;
    *done          = false;
    MLM_TRY(take_room(q));
    if (cuda_of(q)->wide == NULL || slice < 64 || p->R > 65535)
        return MLM_OK;
    float *sums = (float *)((char *)cuda_of(q)->wide + CUDA_WIDE_WEIGHTS);
    for (int64_t first = 0; first < p->out; first += slice) {
        int           n    = (int)(p->out - first < slice ? p->out - first : slice);
        linear_params part = *p;
        bool          did  = false;
        part.w             = (const char *)cuda_of(q)->wide;
        part.out           = n;
        part.scale = part.gamma = NULL;
        part.bias               = NULL;
        part.act                = KN_ACT_NONE;
        part.has_residual = part.residual_repeats = false;
        part.y = cuda_rows{(char *)sums, 0, n, (int)p->R, n, KN_F32, n % 4 == 0};
        if (!cuda_lt_wants(q, &part, KN_BF16))
            return MLM_OK; /* the first slice decides: nothing has been written */
        int64_t groups = (int64_t)n * p->pitch / 16;
        MLM_TRY(cuda_launch(q, "linear", widen_kernel, dim3(cuda_blocks(groups, WIDEN_THREADS * 4)),
                            dim3(WIDEN_THREADS), 0, (const uint4 *)(p->w + first * p->pitch),
                            (uint4 *)cuda_of(q)->wide, groups));
        MLM_TRY(cuda_lt_gemm(q, &part, &did));
        if (!did)
            return first == 0 ? MLM_OK : mlm_fail(MLM_E_DEVICE, "linear: cuBLASLt has no plan for a slice");
        MLM_TRY(cuda_launch(q, "linear", finish_kernel, dim3(cuda_blocks(n, WIDEN_THREADS), (unsigned)p->R),
                            dim3(WIDEN_THREADS), 0, *p, (const float *)sums, (int)first, n));
    }
    *done = true;
    return MLM_OK;
}
