/*
 * cuda_token.cuh: the ground of cuda_token.cu: a block's share of a layer, what is known of it, words that blocks tell each other.
 */
#ifndef KERNELS_CUDA_TOKEN_CUH
#define KERNELS_CUDA_TOKEN_CUH

#include "kernels/cuda/cuda_step.cuh"
#include "kernels/cuda/cuda_words.cuh"

#define STREAMERS    20  /* warps that multiply */
#define SLICE        128 /* columns of such a warp, of in_proj and of each half of out_proj */
#define TILE_ROWS    8   /* of weights, at a time: the narrow side of a product */
#define TOKEN_LAYERS 64  /* of one launch */
#define TOKEN_ROWS   2   /* of the state a warp, at a time */

#define TOKEN_STREAM  (STREAMERS * WARP)
#define TOKEN_THREADS (TOKEN_STREAM + 4 * WARP)
#define TOKEN_POLLS   (1 << 23) /* some seconds */

/* What the threads behind those that multiply do: int8 weights are asked for by a warp of its own. */
template <int WT> struct token_team {
    static constexpr int helpers = (WT == KN_I8 ? 3 : 4) * WARP, workers = TOKEN_STREAM + helpers,
                         bc_words = WT == KN_I8 ? 4 : 3; /* of a helper's lane at most */
};

struct token_layer {
    const char   *in_w, *out_w;
    const float  *in_scale, *out_scale; /* NULL: not int8 */
    const float  *in_norm, *norm;
    const float4 *conv_w;                   /* [C] x K = 4 */
    const float  *conv_b, *a, *d, *dt_bias; /* conv_b, d, dt_bias may be NULL */
    float        *conv_state;
    void         *ssm_state; /* f32 or bf16 */
};

struct token_params {
    float              *x;                 /* [D], in and out */
    unsigned long long *y_words, *x_words; /* [I], [D]: a number and a value */
    unsigned long long *bc_words;          /* [2 N + H]: b, c, dt */
    unsigned           *launch; /* how many there were; behind it a ticket, zero between launches */
    unsigned            in_bytes, out_bytes; /* of a row */
    unsigned            pace;                /* 1/16 ns a row of int8 weights */
    float               eps, dt_min, dt_max, one_dth, one_ith;
    int                 n_layers, D, I, H, P, N, C;
    int                 pair_tiles, out_tiles; /* of a block at most: of z, and of x; of out_proj */
    int                 most_pairs, most_outs, most_ones; /* of a block */
    token_layer         layer[TOKEN_LAYERS];
};

/* Of a block: rows of b, c, dt; pairs of a row of z and one of x; rows of out_proj. */
struct token_share {
    int first_one, n_ones, first_pair, n_pairs, first_out, n_outs;
};

__host__ __device__ inline int part_of(int n, int block, int n_blocks)
{
    return (int)((unsigned)n * (unsigned)block / (unsigned)n_blocks);
}

__device__ __forceinline__ token_share token_share_of(const token_params &p)
{
    int         b = (int)blockIdx.x, G = (int)gridDim.x, ones = 2 * p.N + p.H;
    token_share s;
    s.first_one  = part_of(ones, b, G);
    s.n_ones     = part_of(ones, b + 1, G) - s.first_one;
    s.first_pair = part_of(p.I, b, G);
    s.n_pairs    = part_of(p.I, b + 1, G) - s.first_pair;
    s.first_out  = part_of(p.D, b, G);
    s.n_outs     = part_of(p.D, b + 1, G) - s.first_out;
    return s;
}

__device__ __forceinline__ int count_tiles(int n_rows)
{
    return (n_rows + TILE_ROWS - 1) / TILE_ROWS;
}

/* ---- words ---------------------------------------------------------------------------------------- */

/* Two neighbours, if wanted. */
__device__ __forceinline__ void get_two(ulonglong2 *v, const unsigned long long *at, bool wanted)
{
    asm volatile(
        "{\n\t.reg .pred p;\n\tsetp.ne.s32 p, %3, 0;\n\t@p ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];\n\t}"
        : "+l"(v->x), "+l"(v->y)
        : "l"(at), "r"((int)wanted)
        : "memory");
}

__device__ __forceinline__ unsigned long long get_word(const unsigned long long *at)
{
    unsigned long long v;
    asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(v) : "l"(at) : "memory");
    return v;
}

/* Between two looks at a word; what never comes ends the launch with an error instead of standing still. */
__device__ __forceinline__ void pause(int *n_left, unsigned ns)
{
    if (--*n_left == 0)
        asm volatile("trap;");
    __nanosleep(ns);
}

/* ---- barriers -------------------------------------------------------------------------------------- */

#define BARRIER_ALL  3 /* end of a phase; not __syncthreads: two kinds of warps come from two places */
#define BARRIER_HELP 5 /* helpers among themselves */
#define BARRIER_STEP 1 /* the streamers have moved the states on: helpers may fetch the next ones */
#define BARRIER_ONES 2 /* the sums of the first tile are there: helpers make b, c, dt */

template <int WT> __device__ __forceinline__ void arrive_at(int barrier)
{
    asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "n"(token_team<WT>::workers) : "memory");
}
template <int WT> __device__ __forceinline__ void wait_at(int barrier)
{
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(token_team<WT>::workers) : "memory");
}

template <int WT> __device__ __forceinline__ void helpers_wait()
{
    asm volatile("bar.sync %0, %1;" ::"n"(BARRIER_HELP), "n"(token_team<WT>::helpers) : "memory");
}

/* ---- copies ---------------------------------------------------------------------------------------- */

/* What this thread wrote to shared memory may be stored by copies of other threads that have met it at a barrier. */
__device__ __forceinline__ void before_bulk()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}
/* Shared memory to memory, all at once; multiples of 16 bytes. */
__device__ __forceinline__ void store_bulk(void *to, const void *from, unsigned bytes)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to),
                 "r"((uint32_t)__cvta_generic_to_shared(from)), "r"(bytes)
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#endif
}
/* All that this thread stored so has been read ... */
__device__ __forceinline__ void bulk_read()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
#endif
}
/* ... and written. */
__device__ __forceinline__ void bulk_written()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
#endif
}

/* Waits for what this thread has asked for but its last N groups. */
template <int N> __device__ __forceinline__ void copy_async_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* Of STREAMERS numbers, always in the same order. */
__device__ __forceinline__ float sum_of_row(const float *partial, int row)
{
    const float4 *v = (const float4 *)(partial + row * STREAMERS);
    float4        t = v[0];
#pragma unroll
    for (int k = 1; k < STREAMERS / 4; k++)
        t = make_float4(t.x + v[k].x, t.y + v[k].y, t.z + v[k].z, t.w + v[k].w);
    return (t.x + t.y) + (t.z + t.w);
}

/* 1 / rms, from the sums of squares of all slices. */
__device__ __forceinline__ float token_factor(const float *part, float one_nth, float eps)
{
    return rsqrtf(fmaf(sum_of_row(part, 0), one_nth, eps));
}

#endif
