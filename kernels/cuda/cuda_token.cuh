/*
 * cuda_token.cuh: the ground of cuda_token.cu: a block's share of a layer, words that blocks tell each other, and the list
 * of pieces of rows that a block's warps stream.
 */
#ifndef KERNELS_CUDA_TOKEN_CUH
#define KERNELS_CUDA_TOKEN_CUH

#include "kernels/cuda/cuda_step.cuh"
#include "kernels/cuda/cuda_stream.cuh"
#include "kernels/cuda/cuda_words.cuh"

typedef stream_way<16, 4> token_way; /* 160 KB an SM on their way */

#define TOKEN_HELPERS (4 * WARP)
#define TOKEN_STREAM  (token_way::warps * WARP)
#define TOKEN_THREADS (TOKEN_STREAM + TOKEN_HELPERS)
#define TOKEN_LAYERS  64        /* of one launch */
#define TOKEN_WORD    3         /* numbers of a word */
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
    float              *x; /* [D], in and out */
    ulonglong2         *y_words, *x_words;
    unsigned long long *bc_words; /* [2 N + H]: b, c, dt */
    unsigned           *launch;   /* how many there were; behind it a ticket, zero between launches */
    int64_t             in_bytes, out_bytes; /* of a row */
    float               eps, dt_min, dt_max, one_dth, one_ith;
    int                 n_layers, D, I, H, P, N, C;
    int                 in_groups, in_rounds, out_groups, out_rounds, n_seg; /* of out_proj's rows */
    int                 most_pairs, most_outs, most_ones;                    /* of a block */
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

__device__ __forceinline__ void put_three(ulonglong2 *at, unsigned number, float a, float b, float c)
{
    unsigned long long low  = (unsigned long long)__float_as_uint(b) << 32 | __float_as_uint(a);
    unsigned long long high = (unsigned long long)number << 32 | __float_as_uint(c);
    asm volatile(
        "{\n\t.reg .b128 w;\n\tmov.b128 w, {%1, %2};\n\tst.relaxed.gpu.global.b128 [%0], w;\n\t}" ::"l"(at),
        "l"(low), "l"(high)
        : "memory");
}

__device__ __forceinline__ ulonglong2 get_three(const ulonglong2 *at)
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

/* ---- the list of pieces ---------------------------------------------------------------------------- */

/*
 * Numbers of pieces count on through all phases of a launch, so that all of a phase are asked for before any of the next.
 * A warp takes the next number whenever its ring has room for a piece: one that is late takes fewer.
 */
struct token_cursor {
    const char *from;
    int         phase, end, round,
        left; /* phase: twice the layer, and one more in out_proj; end: the number behind its last piece; round: how many of the piece are left */
};

__device__ __forceinline__ int count_items(const token_params &p, const token_share &s, bool out)
{
    return out ? s.n_outs * p.n_seg : s.n_ones + 2 * s.n_pairs;
}

/* The next piece; returns its number, which may lie behind the end of the list. */
template <int WT>
__device__ __forceinline__ int claim(token_cursor &c, const token_params &p, const token_share &s,
                                     const token_layer *layer, int lane, int *next)
{
    int number = 0, item;
    if (lane == 0)
        number = atomicAdd(next, 1);
    number = __shfl_sync(ALL_LANES, number, 0);
    while (number >= c.end && c.phase < 2 * p.n_layers) {
        c.phase++;
        c.end += count_items(p, s, c.phase & 1);
    }
    if (c.phase >= 2 * p.n_layers)
        return number;
    item = number - c.end + count_items(p, s, c.phase & 1);
    if (c.phase & 1) {
        int row = (int)((unsigned)item / (unsigned)p.n_seg), seg = item - row * p.n_seg;
        int group = seg * (stream_shape<WT>::n_rounds * ROUND * WARP) + lane;
        c.from    = layer[c.phase / 2].out_w + (s.first_out + row) * p.out_bytes + group * 16;
        c.round   = min(stream_shape<WT>::n_rounds, p.out_rounds - seg * stream_shape<WT>::n_rounds);
        c.left    = p.out_groups - group;
    } else {
        int i = item - s.n_ones, row;
        if (i < 0)
            row = 2 * p.I + s.first_one + item;
        else
            row = s.first_pair + (i < s.n_pairs ? i : i - s.n_pairs + p.I);
        c.from  = layer[c.phase / 2].in_w + row * p.in_bytes + lane * 16;
        c.round = p.in_rounds;
        c.left  = p.in_groups - lane;
    }
    return number;
}

/*
 * A round into a slot; a piece's first round takes the number with it.  Behind the end of the list numbers are all that is
 * left.  All lanes write the number, so that each reads what it wrote itself.
 */
template <int WT>
__device__ __forceinline__ void fetch(uint4 *slot, int *slot_number, token_cursor &c, const token_params &p,
                                      const token_share &s, const token_layer *layer, int lane, int *next,
                                      uint64_t policy)
{
    if (c.round == 0)
        *slot_number = claim<WT>(c, p, s, layer, lane, next);
    if (c.round != 0) {
        copy_round(slot, c.from, c.left, policy);
        c.from += ROUND * WARP * 16;
        c.left -= ROUND * WARP;
        c.round--;
    }
    copy_async_commit();
}

/* ---- sums ------------------------------------------------------------------------------------------- */

/* A lane's part of the product of a piece of a row and x: four sums that do not wait for each other. */
template <int WT> struct token_sum {
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};

    __device__ __forceinline__ void add_round(const uint4 *w, const float4 *x)
    {
        constexpr int E = weights16<WT>::n, V = E / 4;
#pragma unroll
        for (int u = 0; u < ROUND; u++) {
            float f[E];
            weights16<WT>::unpack(f, w[u]);
#pragma unroll
            for (int e = 0; e < V; e++) {
                float4 k = x[(u * V + e) * WARP];
                v[0] = fmaf(f[4 * e], k.x, v[0]), v[1] = fmaf(f[4 * e + 1], k.y, v[1]);
                v[2] = fmaf(f[4 * e + 2], k.z, v[2]), v[3] = fmaf(f[4 * e + 3], k.w, v[3]);
            }
        }
    }
    __device__ __forceinline__ float total() const
    {
        return warp_sum((v[0] + v[1]) + (v[2] + v[3]));
    }
};

#endif
