/*
 * cuda_token.cuh: the ground of cuda_token.cu: a block's share of a layer, words that blocks tell each other, and the list
 * of pieces of rows that a block's warps stream.
 */
#ifndef KERNELS_CUDA_TOKEN_CUH
#define KERNELS_CUDA_TOKEN_CUH

#include "kernels/cuda/cuda_step.cuh"
#include "kernels/cuda/cuda_stream.cuh"

/*
 * A round: five steps of 32 bytes of 16 rows, 2560 bytes; 16 warps, four rounds of each on their way: 160 KB an SM.
 * A step is a product of tensor cores: 16 columns of bf16 or 32 of int8.
 */
#define TILE_ROWS   16
#define ROUND_STEPS 5
#define ROUND_BYTES (TILE_ROWS * ROUND_STEPS * 32)
#define RING_DEPTH  4
#define STREAMERS   16

#define TOKEN_HELPERS (4 * WARP)
#define TOKEN_STREAM  (STREAMERS * WARP)
#define TOKEN_THREADS (TOKEN_STREAM + TOKEN_HELPERS)
#define TOKEN_LAYERS  64        /* of one launch */
#define TOKEN_ROWS    3         /* of the state a warp, at a time */
#define TOKEN_POLLS   (1 << 23) /* some seconds */
#define TOKEN_PAUSE   40        /* ns between two looks at a word */

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
    int64_t             in_bytes, out_bytes; /* of a row */
    float               eps, dt_min, dt_max, one_dth, one_ith;
    int                 n_layers, D, I, H, P, N, C;
    int                 in_tiles, out_tiles;              /* of a block at most */
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

/* ---- words ---------------------------------------------------------------------------------------- */

__device__ __forceinline__ void put_word(unsigned long long *at, unsigned number, float v)
{
    unsigned long long word = (unsigned long long)number << 32 | __float_as_uint(v);
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(word) : "memory");
}

/* Two neighbours. */
__device__ __forceinline__ ulonglong2 get_two(const unsigned long long *at)
{
    ulonglong2 v;
    asm volatile("{\n\t.reg .b128 w;\n\tld.relaxed.gpu.global.b128 w, [%2];\n\tmov.b128 {%0, %1}, w;\n\t}"
                 : "=l"(v.x), "=l"(v.y)
                 : "l"(at)
                 : "memory");
    return v;
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

/* The number of this launch, by one thread a block; the last block that has read it counts on. */
__device__ __forceinline__ unsigned next_launch(unsigned *count)
{
    unsigned before, *ticket = count + 1;
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(before) : "l"(count) : "memory");
    __threadfence();
    if (atomicInc(ticket, gridDim.x - 1) == gridDim.x - 1)
        asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(count), "r"(before + 1) : "memory");
    return before + 1;
}

#endif
