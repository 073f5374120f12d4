/*
 * cuda_wgmma.cuh: bf16 products of a warpgroup (wgmma, sm_90a) with f32 sums, operands from shared memory or A from
 * registers, and the barriers in shared memory by which groups of warps hand tiles on.
 *
 * A tile in shared memory has rows of 64 bf16 (128 bytes), starts on 1024 bytes, and chunk c of 16 bytes of row r lies at
 * c ^ (r & 7) ("128-byte swizzle").  Wider matrices are several tiles, one behind the other.  Two readings of it:
 *   along K: rows are m or n, columns are k; 16 k on is 32 bytes on
 *   along N: rows are k, columns are n; 16 k on is 16 rows on; `next` is the distance of the tile with 64 more n
 * Sums lie as in cuda_mma.cuh: warp w of the group has rows 16 w .. 16 w + 15, four floats for every 8 columns.
 */
#ifndef KERNELS_CUDA_WGMMA_CUH
#define KERNELS_CUDA_WGMMA_CUH

#include "kernels/cuda/cuda_mma.cuh"

#define WARPGROUP 128

__device__ __forceinline__ uint64_t tile_along_k(uint32_t at)
{
    return (uint64_t)1 << 62 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 16 | (at & 0x3ffff) >> 4;
}
/* The same `bytes` on: all of shared memory lies below 2^18. */
__device__ __forceinline__ uint64_t tile_on(uint64_t tile, int bytes)
{
    return tile + (uint32_t)(bytes >> 4);
}
__device__ __forceinline__ uint64_t tile_along_n(uint32_t at, uint32_t next)
{
    return (uint64_t)1 << 62 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)(next >> 4) << 16 |
           (at & 0x3ffff) >> 4;
}

/* In front of the first product, and whenever its registers were written by other instructions. */
__device__ __forceinline__ void wgmma_fence()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void wgmma_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/* Until at most N groups of products are under way. */
template <int N> __device__ __forceinline__ void wgmma_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
/* Keeps the compiler from moving registers over a product under way. */
template <int N> __device__ __forceinline__ void wgmma_hold(float *d)
{
#pragma unroll
    for (int i = 0; i < N; i++)
        asm volatile("" : "+f"(d[i])::"memory");
}

#define WGMMA_8(d, i)                                                                                        \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]),              \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define WGMMA_32(d, i) WGMMA_8(d, i), WGMMA_8(d, i + 8), WGMMA_8(d, i + 16), WGMMA_8(d, i + 24)
#define WGMMA_R32                                                                                            \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, "   \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define WGMMA_R64                                                                                            \
    WGMMA_R32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, " \
              "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

/* d [64,64] (+)= A [64,16] B [16,64], both from tiles along K; `add` false starts anew. */
__device__ __forceinline__ void wgmma64_kk(float *d, uint64_t a, uint64_t b, bool add)
{
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" WGMMA_R32
                 "}, %32, %33, p, 1, 1, 0, 0;\n}"
                 : WGMMA_32(d, 0)
                 : "l"(a), "l"(b), "r"((int)add)
                 : "memory");
}

/* d [64,64] += A B, A [64,16] in registers (the fragment of mma_bf16), B from a tile along N. */
__device__ __forceinline__ void wgmma64_rn(float *d, const uint32_t *a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" WGMMA_R32
                 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                 : WGMMA_32(d, 0)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)
                 : "memory");
}

/* The same for d [64,72]. */
__device__ __forceinline__ void wgmma72_rn(float *d, const uint32_t *a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n72k16.f32.bf16.bf16 {" WGMMA_R32
                 ", %32, %33, %34, %35}, {%36, %37, %38, %39}, %40, 1, 1, 1, 1;"
                 : WGMMA_32(d, 0), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)
                 : "memory");
}

/* d [64,128] (+)= A B as wgmma64_kk. */
__device__ __forceinline__ void wgmma128_kk(float *d, uint64_t a, uint64_t b, bool add)
{
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" WGMMA_R64
                 "}, %64, %65, p, 1, 1, 0, 0;\n}"
                 : WGMMA_32(d, 0), WGMMA_32(d, 32)
                 : "l"(a), "l"(b), "r"((int)add)
                 : "memory");
}

/* The same for d [64,128]. */
__device__ __forceinline__ void wgmma128_rn(float *d, const uint32_t *a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" WGMMA_R64
                 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : WGMMA_32(d, 0), WGMMA_32(d, 32)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b)
                 : "memory");
}

/* Registers move between the warpgroups of a block: the sum may not grow over what it started with. */
template <int N> __device__ __forceinline__ void take_registers()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N> __device__ __forceinline__ void leave_registers()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

/* ---- shared memory ------------------------------------------------------------------------------- */

/* Ordinary stores of this thread are seen by products that other threads start behind a barrier. */
__device__ __forceinline__ void publish_to_wgmma()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/* Four 8 x 8 blocks of bf16, each lane's pairs as ldmatrix would deliver them. */
__device__ __forceinline__ void stmatrix4_at(uint32_t at, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(at), "r"(a), "r"(b),
                 "r"(c), "r"(d)
                 : "memory");
}

__device__ __forceinline__ void barrier_open(uint32_t at, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void barrier_arrive(uint32_t at)
{
    asm volatile("{\n.reg .b64 s;\nmbarrier.arrive.shared::cta.b64 s, [%0];\n}" ::"r"(at) : "memory");
}
/* Arrives when all that this thread has copied by copy_async is complete. */
__device__ __forceinline__ void barrier_arrive_copied(uint32_t at)
{
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(at) : "memory");
}
/* Whether its round with this parity (the first has 0) is over; answers at once. */
__device__ __forceinline__ bool barrier_passed(uint32_t at, int parity)
{
    uint32_t done;
    asm volatile("{\n.reg .pred p;\nmbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                 "selp.u32 %0, 1, 0, p;\n}"
                 : "=r"(done)
                 : "r"(at), "r"(parity)
                 : "memory");
    return done != 0;
}
/* Until it is. */
__device__ __forceinline__ void barrier_wait(uint32_t at, int parity)
{
    uint32_t done;
    do
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, p;\n}"
                     : "=r"(done)
                     : "r"(at), "r"(parity)
                     : "memory");
    while (done == 0);
}

/* The products of this warp are done reading, which one lane says for all.  Where lanes themselves read or write, each of them
 * arrives instead: an arrival orders what its own lane did (and compute-sanitizer follows nothing else). */
__device__ __forceinline__ void release(uint32_t bar, int lane)
{
    __syncwarp();
    if (lane == 0)
        barrier_arrive(bar);
}

/* Copies by cp.async of one thread, told to `full` barriers: products may read what it copied once it has waited and fenced.
 * One copy stays under way while the next one starts. */
struct tile_copier {
    uint32_t pending; /* the barrier to arrive at; 0: none */

    __device__ __forceinline__ void tell()
    {
        publish_to_wgmma();
        barrier_arrive(pending);
        pending = 0;
    }

    /* Until round `parity` of `free` is over; if that takes time, what is pending is told first. */
    __device__ __forceinline__ void await(uint32_t free, int parity)
    {
        if (pending != 0 && !__all_sync(ALL_LANES, barrier_passed(free, parity))) {
            copy_async_wait_all();
            tell();
        }
        barrier_wait(free, parity);
    }

    __device__ __forceinline__ void copied(uint32_t full)
    {
        copy_async_commit();
        if (pending != 0) {
            asm volatile("cp.async.wait_group 1;" ::: "memory");
            tell();
        }
        pending = full;
    }

    __device__ __forceinline__ void finish()
    {
        copy_async_wait_all();
        if (pending != 0)
            tell();
    }
};

/* The copy engine: `bytes` will arrive at the barrier; a box of 64 columns and 64 rows from (column, row, batch) of a tensor
 * map to a tile, zeros outside of it. */
__device__ __forceinline__ void barrier_expect(uint32_t at, uint32_t bytes)
{
    asm volatile("{\n.reg .b64 s;\nmbarrier.arrive.expect_tx.shared::cta.b64 s, [%0], %1;\n}" ::"r"(at),
                 "r"(bytes)
                 : "memory");
}
__device__ __forceinline__ void copy_box(uint32_t to, const void *map, uint32_t full, int column, int row,
                                         int batch)
{
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to),
                 "l"(map), "r"(full), "r"(column), "r"(row), "r"(batch)
                 : "memory");
}

#endif
