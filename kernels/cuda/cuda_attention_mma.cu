/*
 * cuda_attention_mma.cu: attention on tensor cores for bf16 (FlashAttention-2, arXiv 2307.08691): a warp keeps
 * 16 MT queries, their running maximum, sum and output in registers; keys and values come in tiles of 64, the next
 * one on its way while this one is used.  Scores, exponentials and sums are f32; the weights of the values are
 * rounded to bf16.
 *
 * With SPLIT 2 a second group of warps takes every other tile of keys for the same queries, and the two results are
 * merged at the end: for grids that do not fill the card.
 *
 * A row in shared memory has 2 KS chunks of 16 bytes and one more that shifts the banks.  Head dims up to 16 KS
 * are padded with zeros for the scores; the values use NT tiles of 8 columns (72 = 9 tiles).
 */
#include "kernels/cuda/cuda_attention.cuh"
#include "kernels/cuda/cuda_mma.cuh"

#include <math_constants.h>

#define MMA_WARPS   4
#define MMA_THREADS (MMA_WARPS * WARP)
#define MMA_KEYS    64

template <int KS, int MT, int SPLIT> struct attention_shape {
    static constexpr int    CH = 2 * KS + 1, Q = MMA_WARPS * 16 * MT;
    static constexpr int    k = Q * CH, stage = 2 * MMA_KEYS * CH, v = MMA_KEYS * CH; /* v inside a stage */
    static constexpr size_t shared = (size_t)(k + 2 * SPLIT * stage) * 16;
};

/* Which chunks of a tile a thread copies: chunk `column` of row `row`, then every 128th. */
struct attention_feed {
    const char *head; /* row 0 of q of this head */
    int         row_step, part_step, row, column, rows_on, columns_on, groups;

    __device__ __forceinline__ void open(const attention_params &p, int64_t b, int h)
    {
        groups     = p.P / 8;
        head       = row_at(p.qkv, b, (int64_t)0) + 2 * h * p.P;
        row_step   = (int)(2 * p.qkv.row_stride);
        part_step  = 2 * p.H * p.P;
        row        = (int)threadIdx.x % MMA_THREADS / groups;
        column     = (int)threadIdx.x % MMA_THREADS - row * groups;
        rows_on    = MMA_THREADS / groups;
        columns_on = MMA_THREADS - rows_on * groups;
    }

    /* Rows t0 .. of q, k or v (part 0, 1, 2); zeros from row n on. */
    template <int CH>
    __device__ __forceinline__ void fetch(uint4 *tile, int part, int t0, int count, int n) const
    {
        const char *from = head + part * part_step + (int64_t)t0 * row_step;
        uint32_t    to   = (uint32_t)__cvta_generic_to_shared(tile);
        int         c    = column;
        for (int r = row; r < count; r += rows_on) {
            copy_async_at(to + (uint32_t)(r * CH + c) * 16, from + (r * row_step + 16 * c), t0 + r < n);
            c += columns_on;
            if (c >= groups)
                c -= groups, r++;
        }
    }
};

/* The columns behind P, which copies never touch. */
template <int CH> __device__ __forceinline__ void clear_padding(uint4 *tiles, int P, int rows)
{
    int pad = CH - 1 - P / 8;
    for (int i = (int)threadIdx.x; i < rows * pad; i += (int)blockDim.x)
        tiles[i / pad * CH + P / 8 + i % pad] = make_uint4(0, 0, 0, 0);
}

template <int KS, int MT>
__device__ __forceinline__ void scores(float (*s)[8][4], const uint32_t (*q)[KS][4], const uint4 *keys,
                                       int lane)
{
    constexpr int CH = 2 * KS + 1;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int j = 0; j < 8; j++)
            s[m][j][0] = s[m][j][1] = s[m][j][2] = s[m][j][3] = 0.0f;
#pragma unroll
    for (int k = 0; k < KS; k++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            uint32_t f[4];
            ldmatrix4(f, keys + (j * 16 + b_row(lane)) * CH + k * 2 + b_chunk(lane));
#pragma unroll
            for (int m = 0; m < MT; m++) {
                mma_bf16(s[m][2 * j], q[m][k], f);
                mma_bf16(s[m][2 * j + 1], q[m][k], f + 2);
            }
        }
}

/* Keys from `left` on have no weight. */
template <int MT> __device__ __forceinline__ void mask(float (*s)[8][4], int left, int lane)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++)
                if (j * 8 + lane % 4 * 2 + e % 2 >= left)
                    s[m][j][e] = -CUDART_INF_F;
}

/* Scores of 16 queries to weights 2^(scale (s - max)); the output and the sum so far are brought to the new max. */
template <int NT>
__device__ __forceinline__ void soften(float (*s)[4], float (*o)[4], float *top, float *sum, float scale)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float best = top[half];
#pragma unroll
        for (int j = 0; j < 8; j++)
            best = fmaxf(best, fmaxf(s[j][2 * half], s[j][2 * half + 1]));
        best       = fmaxf(best, __shfl_xor_sync(ALL_LANES, best, 1));
        best       = fmaxf(best, __shfl_xor_sync(ALL_LANES, best, 2));
        float keep = exp2_fast((top[half] - best) * scale), shift = best * scale, total = 0.0f;
        top[half] = best;
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int e = 2 * half; e < 2 * half + 2; e++) {
                s[j][e] = exp2_fast(fmaf(s[j][e], scale, -shift));
                total += s[j][e];
            }
        sum[half] = sum[half] * keep + total;
        if (__any_sync(ALL_LANES, keep != 1.0f)) { /* rare behind the first tiles */
#pragma unroll
            for (int j = 0; j < NT; j++)
                o[j][2 * half] *= keep, o[j][2 * half + 1] *= keep;
        }
    }
}

template <int KS, int NT, int MT>
__device__ __forceinline__ void add_values(float (*o)[NT][4], const float (*s)[8][4], const uint4 *values,
                                           int lane)
{
    constexpr int CH = 2 * KS + 1;
#pragma unroll
    for (int j = 0; j < 4; j++) {
        uint32_t w[MT][4], f[4];
#pragma unroll
        for (int m = 0; m < MT; m++) {
            w[m][0] = floats_bf16(s[m][2 * j][0], s[m][2 * j][1]);
            w[m][1] = floats_bf16(s[m][2 * j][2], s[m][2 * j][3]);
            w[m][2] = floats_bf16(s[m][2 * j + 1][0], s[m][2 * j + 1][1]);
            w[m][3] = floats_bf16(s[m][2 * j + 1][2], s[m][2 * j + 1][3]);
        }
        const uint4 *row = values + (j * 16 + a_row(lane)) * CH;
#pragma unroll
        for (int c = 0; c < NT / 2; c++) {
            ldmatrix4_turned(f, row + c * 2 + a_chunk(lane));
#pragma unroll
            for (int m = 0; m < MT; m++) {
                mma_bf16(o[m][2 * c], w[m], f);
                mma_bf16(o[m][2 * c + 1], w[m], f + 2);
            }
        }
        if (NT % 2 == 1) { /* lanes 0 .. 15 name the rows */
            ldmatrix2_turned(f, row + NT - 1);
#pragma unroll
            for (int m = 0; m < MT; m++)
                mma_bf16(o[m][NT - 1], w[m], f);
        }
    }
}

/* 16 rows of this warp to y, through its part of shared memory in rows of 16 bytes. */
template <int CH, int NT>
__device__ __forceinline__ void store_rows(const attention_params &p, const float (*o)[4], const float *sum,
                                           uint4 *out, int64_t b, int h, int t0, int lane)
{
    __syncwarp(); /* the queries that lay there are read */
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float all = sum[half];
        all += __shfl_xor_sync(ALL_LANES, all, 1);
        all += __shfl_xor_sync(ALL_LANES, all, 2);
        float inverse = all > 0.0f ? 1.0f / all : 0.0f;
#pragma unroll
        for (int j = 0; j < NT; j++)
            ((uint32_t *)(out + (lane / 4 + half * 8) * CH + j))[lane % 4] =
                floats_bf16(o[j][2 * half] * inverse, o[j][2 * half + 1] * inverse);
    }
    __syncwarp();
    int groups = p.P / 8;
    for (int i = lane; i < 16 * groups; i += WARP) {
        int r = i / groups, c = i - r * groups;
        if (t0 + r < p.y.n_rows)
            *(uint4 *)(row_at(p.y, b, t0 + r) + 2 * h * p.P + 16 * c) = out[r * CH + c];
    }
}

/* The second group leaves its result in `room`, [value][thread], and the first one adds it to its own. */
template <int NT>
__device__ __forceinline__ void merge(float (*o)[4], float *top, float *sum, float *room, int group,
                                      float scale)
{
    int tid = (int)threadIdx.x % MMA_THREADS;
    __syncthreads(); /* everybody is done with what lies there */
    if (group == 1) {
#pragma unroll
        for (int j = 0; j < NT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++)
                room[(j * 4 + e) * MMA_THREADS + tid] = o[j][e];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            room[(NT * 4 + half) * MMA_THREADS + tid]     = top[half];
            room[(NT * 4 + 2 + half) * MMA_THREADS + tid] = sum[half];
        }
    }
    __syncthreads();
    if (group == 1)
        return;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float other = room[(NT * 4 + half) * MMA_THREADS + tid], best = fmaxf(top[half], other);
        float mine = top[half] == -CUDART_INF_F ? 0.0f : exp2_fast((top[half] - best) * scale),
              its  = other == -CUDART_INF_F ? 0.0f : exp2_fast((other - best) * scale);
        sum[half]  = sum[half] * mine + room[(NT * 4 + 2 + half) * MMA_THREADS + tid] * its;
#pragma unroll
        for (int j = 0; j < NT; j++)
#pragma unroll
            for (int e = 2 * half; e < 2 * half + 2; e++)
                o[j][e] = o[j][e] * mine + room[(j * 4 + e) * MMA_THREADS + tid] * its;
    }
}

/* Grid (query tile, head, batch). */
template <int KS, int NT, int MT, int SPLIT>
__global__ void __launch_bounds__(MMA_THREADS *SPLIT, 2) attention_mma_kernel(attention_params p)
{
    using shape                = attention_shape<KS, MT, SPLIT>;
    constexpr int           CH = shape::CH;
    extern __shared__ uint4 tiles[];
    cuda_begin();
    int     lane = (int)(threadIdx.x % WARP), row0 = (int)(threadIdx.x % MMA_THREADS / WARP) * 16 * MT;
    int     h = (int)blockIdx.y, q0 = (int)blockIdx.x * shape::Q, group = (int)(threadIdx.x / MMA_THREADS);
    int64_t b = blockIdx.z;
    int     T = p.qkv.n_rows, n = p.len ? min(max(p.len[b], 0), T) : T, t0 = group * MMA_KEYS;
    float o[MT][NT][4] = {}, s[MT][8][4], top[MT][2], sum[MT][2] = {}, scale = p.scale * 1.4426950408889634f;
    uint32_t       q[MT][KS][4];
    uint4         *stages = tiles + shape::k + group * 2 * shape::stage;
    attention_feed feed;
#pragma unroll
    for (int m = 0; m < MT; m++)
        top[m][0] = top[m][1] = -CUDART_INF_F;
    clear_padding<CH>(tiles, p.P, shape::Q + 4 * SPLIT * MMA_KEYS);
    feed.open(p, b, h);
    if (group == 0)
        feed.fetch<CH>(tiles, 0, q0, shape::Q, T);
    feed.fetch<CH>(stages, 1, t0, MMA_KEYS, n);
    feed.fetch<CH>(stages + shape::v, 2, t0, MMA_KEYS, n);
    copy_async_commit();
    copy_async_wait_all();
    __syncthreads();
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int k = 0; k < KS; k++)
            ldmatrix4(q[m][k], tiles + (row0 + m * 16 + a_row(lane)) * CH + k * 2 + a_chunk(lane));
#pragma unroll 1
    for (int all = 0, stage = 0; all < n; all += MMA_KEYS * SPLIT, t0 += MMA_KEYS * SPLIT, stage ^= 1) {
        const uint4 *keys = stages + stage * shape::stage;
        uint4       *next = stages + (stage ^ 1) * shape::stage;
        copy_async_wait_all();
        __syncthreads();
        if (t0 + MMA_KEYS * SPLIT < n) {
            feed.fetch<CH>(next, 1, t0 + MMA_KEYS * SPLIT, MMA_KEYS, n);
            feed.fetch<CH>(next + shape::v, 2, t0 + MMA_KEYS * SPLIT, MMA_KEYS, n);
            copy_async_commit();
        }
        if (SPLIT > 1 && t0 >= n) /* the last tile was the other group's */
            continue;
        scores<KS, MT>(s, q, keys, lane);
        if (t0 + MMA_KEYS > n)
            mask<MT>(s, n - t0, lane);
#pragma unroll
        for (int m = 0; m < MT; m++)
            soften<NT>(s[m], o[m], top[m], sum[m], scale);
        add_values<KS, NT, MT>(o, s, keys + shape::v, lane);
    }
    if (SPLIT == 2)
        merge<NT>(o[0], top[0], sum[0], (float *)(tiles + shape::k + 2 * shape::stage), group, scale);
    if (group == 1)
        return;
#pragma unroll
    for (int m = 0; m < MT; m++)
        store_rows<CH, NT>(p, o[m], sum[m], tiles + (row0 + m * 16) * CH, b, h, q0 + row0 + m * 16, lane);
}

bool cuda_attention_mma_fits(const attention_params *p, int64_t n_batch)
{
    return p->P <= 128 && cuda_chunked(p->qkv, n_batch, p->P) && cuda_chunked(p->y, n_batch, p->P);
}

template <int KS, int NT, int MT, int SPLIT>
static mlm_status launch_shape(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    using shape = attention_shape<KS, MT, SPLIT>;
    dim3 grid(cuda_blocks(p->qkv.n_rows, shape::Q), (unsigned)p->H, (unsigned)n_batch);
    return cuda_launch(q, "attention", attention_mma_kernel<KS, NT, MT, SPLIT>, grid,
                       dim3(MMA_THREADS * SPLIT), shape::shared, *p);
}

/* Few blocks: two groups a block.  Many: 32 queries a warp, which use every fragment of keys and values twice; it has the
 * bits of 16 queries a warp.  Without cuBLASLt (one kernel family for all batches) the keys are never split. */
template <int KS, int NT> static mlm_status launch(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    const cuda_device *d      = cuda_of(q->dev);
    int64_t            blocks = (int64_t)cuda_blocks(p->qkv.n_rows, 64) * p->H * n_batch;
    constexpr int      MT = NT <= 9 ? 2 : 1, SPLIT = NT <= 9 ? 2 : 1;
    if (SPLIT == 2 && d->lt != NULL && blocks <= 2 * d->n_sm && p->qkv.n_rows > 2 * MMA_KEYS &&
        d->max_shared >= (int)attention_shape<KS, 1, SPLIT>::shared)
        return launch_shape<KS, NT, 1, SPLIT>(q, p, n_batch);
    return blocks >= 4 * d->n_sm ? launch_shape<KS, NT, MT, 1>(q, p, n_batch)
                                 : launch_shape<KS, NT, 1, 1>(q, p, n_batch);
}

mlm_status cuda_attention_mma(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    if (cuda_attention_wgmma_fits(q, p, n_batch))
        return cuda_attention_wgmma(q, p, n_batch);
    return p->P <= 32   ? launch<2, 4>(q, p, n_batch)
           : p->P <= 64 ? launch<4, 8>(q, p, n_batch)
           : p->P == 72 ? launch<5, 9>(q, p, n_batch)
           : p->P <= 80 ? launch<5, 10>(q, p, n_batch)
                        : launch<8, 16>(q, p, n_batch);
}
