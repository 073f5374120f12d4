/* cuda_read.cu: a plain read of memory, the ceiling that products of one row and state updates are compared with. */
#include "kernels/cuda/cuda_objects.cuh"

#define READ_THREADS 512
#define READ_DEPTH   8 /* loads of 16 bytes under way a thread */

__device__ __forceinline__ uint4 load_once(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

/* Exclusive or of all words, so that no load can be left out. */
__global__ void __launch_bounds__(READ_THREADS, 2)
    read_kernel(const uint4 *__restrict__ data, int64_t n, int *sum)
{
    const int64_t span = (int64_t)READ_THREADS * READ_DEPTH;
    unsigned      x    = 0;
    for (int64_t at = (int64_t)blockIdx.x * span; at < n; at += (int64_t)gridDim.x * span) {
        uint4 v[READ_DEPTH];
#pragma unroll
        for (int i = 0; i < READ_DEPTH; i++) {
            int64_t k = at + i * READ_THREADS + threadIdx.x;
            v[i]      = k < n ? load_once(data + k) : make_uint4(0, 0, 0, 0);
        }
#pragma unroll
        for (int i = 0; i < READ_DEPTH; i++)
            x ^= v[i].x ^ v[i].y ^ v[i].z ^ v[i].w;
    }
    for (int k = 16; k > 0; k >>= 1)
        x ^= __shfl_xor_sync(0xffffffffu, x, k);
    if (threadIdx.x % 32 == 0)
        atomicXor(sum, (int)x);
}

mlm_status cuda_read(kn_queue *q, kn_tensor t, kn_tensor sum)
{
    int64_t n = (int64_t)cuda_dtype_size(t.dtype) / 4;
    for (int i = 0; i < t.rank; i++)
        n *= t.dim[i];
    n /= 4;
    read_kernel<<<(unsigned)cuda_of(q->dev)->n_sm * 2, READ_THREADS, 0, cuda_of(q)->stream>>>(
        (const uint4 *)kn_data(t), n, (int *)kn_data(sum));
    return cuda_launched(q, "read", cudaGetLastError());
}
