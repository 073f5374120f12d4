/*
 * cuda_argmax.cu: the largest value of each row.
 *
 * A row goes to as many blocks as it has parts: one block would need 8 us for a vocabulary.  They agree through one
 * number that grows with the value and shrinks with the index, so it does not matter who comes first.
 */
#include "kernels/cuda/cuda_math.cuh"

#define ARGMAX_THREADS 256
#define ARGMAX_PART    4096 /* columns a block */

/* Larger for a larger value, then for a smaller index; never 0. */
__device__ __forceinline__ unsigned long long argmax_key(float v, int i)
{
    unsigned bits = __float_as_uint(v + 0.0f); /* -0 is 0 */
    bits          = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (unsigned long long)bits << 32 | (unsigned)~i;
}

/* Block (row, part): the best of a part, then of the row; NaN is nothing, a row of nothing gives -1. */
__global__ void __launch_bounds__(ARGMAX_THREADS)
    argmax_kernel(cuda_rows x, int n, unsigned long long *best, unsigned *tickets, int *__restrict__ ids)
{
    __shared__ unsigned long long part[ARGMAX_THREADS / WARP];
    cuda_begin();
    int         row = (int)blockIdx.x, from = (int)blockIdx.y * ARGMAX_PART, to = min(from + ARGMAX_PART, n);
    const char *xr         = row_at(x, (int64_t)row);
    unsigned long long key = 0;
#pragma unroll
    for (int k = 0; k < ARGMAX_PART / (ARGMAX_THREADS * 4); k++) {
        int i = from + (k * ARGMAX_THREADS + (int)threadIdx.x) * 4;
        if (i >= to)
            break;
        float4 v    = load4(xr, KN_F32, x.vec && i + 4 <= n, i, n);
        float  e[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (i + j < to && !isnan(e[j]))
                key = max(key, argmax_key(e[j], i + j));
    }
#pragma unroll
    for (int k = WARP / 2; k > 0; k /= 2)
        key = max(key, __shfl_xor_sync(ALL_LANES, key, k));
    if (threadIdx.x % WARP == 0)
        part[threadIdx.x / WARP] = key;
    __syncthreads();
    if (threadIdx.x != 0)
        return;
    for (int k = 1; k < ARGMAX_THREADS / WARP; k++)
        key = max(key, part[k]);
    (void)atomicMax(&best[row], key);
    __threadfence();
    if (atomicInc(&tickets[row], gridDim.y - 1) == gridDim.y - 1) {
        key      = atomicExch(&best[row], 0ull);
        ids[row] = key ? (int)~(unsigned)key : -1;
    }
}

mlm_status cuda_argmax(kn_queue *q, const kn_argmax_args *a)
{
    int64_t   n = a->n_valid > 0 ? a->n_valid : a->x.dim[1], R = a->x.dim[0];
    cuda_rows x   = cuda_rows_of(a->x);
    int      *ids = (int *)kn_data(a->ids);
    for (int64_t r = 0; r < R; r += CUDA_TICKETS) {
        int64_t some = R - r < CUDA_TICKETS ? R - r : CUDA_TICKETS;
        MLM_TRY(cuda_launch(q, "argmax", argmax_kernel, dim3((unsigned)some, cuda_blocks(n, ARGMAX_PART)),
                            dim3(ARGMAX_THREADS), 0, x, (int)n, cuda_of(q)->best, cuda_of(q)->tickets,
                            ids + r));
        x.data += x.row_stride * some * 4;
    }
    return MLM_OK;
}
