/*
 * cuda_attention_wgmma.cu: attention for bf16 and head dims 64 and 72 on a Hopper card's own tensor products (sm_90a),
 * after FlashAttention-3 (arXiv 2407.08608).  Blocks stay and take item after item: 128 queries of a head.  Two groups
 * of warps have 64 queries each, with scores, sums and output in registers; a third one copies queries, and keys and
 * values in tiles of 128, as far ahead as there is room.  The products of a group overlap its own softmax (scores of the
 * next keys are under way while these are weighed) and that of the other group.
 *
 * A row lies in tiles of 64 columns (cuda_wgmma.cuh); of the second one, head dim 72 uses 8 columns, and 8 more of zeros
 * for the scores.
 */
#include "kernels/cuda/cuda_attention.cuh"
#include "kernels/cuda/cuda_wgmma.cuh"

#include <math_constants.h>

#define ROWS      128 /* queries of a block; keys of a tile */
#define HALF_TILE 16384
#define THREADS   (3 * WARPGROUP)
#define STAGES    2

template <int P> struct attention_places {
    static constexpr int NT = P > 64 ? 2 : 1, tile = NT * HALF_TILE, KS = (P + 15) / 16, NO = P / 2;
    static constexpr int k = 2 * tile, v = k + STAGES * tile,
                         bars   = v + STAGES * tile; /* two of queries in front */
    static constexpr int q_full = bars, q_free = q_full + 16, k_full = q_free + 16,
                         k_free = k_full + 8 * STAGES, v_full = k_free + 8 * STAGES,
                         v_free = v_full + 8 * STAGES, end = v_free + 8 * STAGES;
};

/* Item i: 128 queries from q0 on of head h of batch row b, over n keys. */
struct attention_item {
    int     q0, h, n;
    int64_t b;

    __device__ __forceinline__ attention_item(const attention_params &p, int i)
    {
        int T = p.qkv.n_rows, parts = (T + ROWS - 1) / ROWS, head = i / parts;
        q0 = (i - head * parts) * ROWS;
        b  = head / p.H;
        h  = head - (int)b * p.H;
        n  = p.len ? min(max(p.len[b], 0), T) : T;
    }
};

/* Where chunk `ch` of 16 bytes of row `row` lies. */
__device__ __forceinline__ uint32_t half_place(int row, int ch)
{
    return (uint32_t)((ch >> 3) * HALF_TILE + row * 128 + ((ch ^ row) & 7) * 16);
}

/* ---- the group that copies ----------------------------------------------------------------------- */

/* 128 rows from t0 on of q, k or v (part 0, 1, 2) by 128 threads; zeros from row n on. */
template <int P>
__device__ __forceinline__ void copy_rows(const attention_params &p, const attention_item &item, uint32_t to,
                                          int part, int t0, int n, uint32_t full)
{
    int         tid = (int)threadIdx.x % WARPGROUP, row = tid / 8, step = (int)(2 * p.qkv.row_stride);
    const char *from =
        row_at(p.qkv, item.b, (int64_t)(t0 + row)) + 2 * ((part * p.H + item.h) * P + tid % 8 * 8);
    uint32_t at = to + half_place(row, tid % 8);
#pragma unroll
    for (int k = 0; k < ROWS / 16; k++)
        copy_async_at(at + k * 16 * 128, from + (int64_t)k * 16 * step, t0 + row + k * 16 < n);
    if (P > 64) {
        from = row_at(p.qkv, item.b, (int64_t)(t0 + tid)) + 2 * ((part * p.H + item.h) * P + 64);
        copy_async_at(to + half_place(tid, 8), from, t0 + tid < n);
    }
    barrier_arrive_copied(full);
}

template <int P>
__device__ __forceinline__ void run_copies(const attention_params &p, uint32_t base, int n_items)
{
    using place = attention_places<P>;
    int tiles = 0, items = 0; /* so far */
#pragma unroll 1
    for (int i = (int)blockIdx.x; i < n_items; i += (int)gridDim.x, items++) {
        attention_item item(p, i);
        int            slot = items & 1;
        if (items >= 2)
            barrier_wait(base + place::q_free + 8 * slot, (items / 2 - 1) & 1);
        copy_rows<P>(p, item, base + slot * place::tile, 0, item.q0, p.qkv.n_rows,
                     base + place::q_full + 8 * slot);
#pragma unroll 1
        for (int t0 = 0; t0 < item.n; t0 += ROWS, tiles++) {
            int s = tiles % STAGES, parity = (tiles / STAGES - 1) & 1;
            if (tiles >= STAGES)
                barrier_wait(base + place::k_free + 8 * s, parity);
            copy_rows<P>(p, item, base + place::k + s * place::tile, 1, t0, item.n,
                         base + place::k_full + 8 * s);
            if (tiles >= STAGES)
                barrier_wait(base + place::v_free + 8 * s, parity);
            copy_rows<P>(p, item, base + place::v + s * place::tile, 2, t0, item.n,
                         base + place::v_full + 8 * s);
        }
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
}

/* ---- the groups that compute --------------------------------------------------------------------- */

/* What copies left there is seen by products of this thread. */
__device__ __forceinline__ void wait_copied(uint32_t full, int parity)
{
    barrier_wait(full, parity);
    publish_to_wgmma();
}

__device__ __forceinline__ void release(uint32_t bar, int lane)
{
    if (lane == 0)
        barrier_arrive(bar);
}

template <int P> __device__ __forceinline__ void start_scores(float *s, uint32_t q, uint32_t k)
{
    wgmma_fence();
    uint64_t a = tile_along_k(q), b = tile_along_k(k);
#pragma unroll
    for (int i = 0; i < attention_places<P>::KS; i++) {
        int at = i / 4 * HALF_TILE + i % 4 * 32;
        wgmma128_kk(s, tile_on(a, at), tile_on(b, at), i > 0);
    }
    wgmma_commit();
}

template <int P> __device__ __forceinline__ void start_values(float *o, const uint32_t (*w)[4], uint32_t v)
{
    wgmma_fence();
    uint64_t b = tile_along_n(v, HALF_TILE);
#pragma unroll
    for (int i = 0; i < ROWS / 16; i++) {
        if (P == 72)
            wgmma72_rn(o, w[i], tile_on(b, i * 16 * 128));
        else
            wgmma64_rn(o, w[i], tile_on(b, i * 16 * 128));
    }
    wgmma_commit();
}

/* Keys from `left` on have no weight. */
__device__ __forceinline__ void mask_scores(float *s, int left, int lane)
{
#pragma unroll
    for (int j = 0; j < 64; j++)
        if (j / 4 * 8 + lane % 4 * 2 + j % 2 >= left)
            s[j] = -CUDART_INF_F;
}

/* Scores to weights 2^(scale (s - max)) for the two rows of a thread; what came before shrinks by `keep`. */
__device__ __forceinline__ void soften(float *s, float *top, float *sum, float *keep, float scale)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float best = top[half], total = 0.0f;
#pragma unroll
        for (int j = 2 * half; j < 64; j += 4)
            best = fmaxf(best, fmaxf(s[j], s[j + 1]));
        best        = fmaxf(best, __shfl_xor_sync(ALL_LANES, best, 1));
        best        = fmaxf(best, __shfl_xor_sync(ALL_LANES, best, 2));
        keep[half]  = exp2_fast((top[half] - best) * scale);
        float shift = best * scale;
        top[half]   = best;
#pragma unroll
        for (int j = 2 * half; j < 64; j += 4) {
            s[j]     = exp2_fast(fmaf(s[j], scale, -shift));
            s[j + 1] = exp2_fast(fmaf(s[j + 1], scale, -shift));
            total += s[j] + s[j + 1];
        }
        sum[half] = sum[half] * keep[half] + total;
    }
}

/* The weights as A of the product with the values. */
__device__ __forceinline__ void pack_weights(uint32_t (*w)[4], const float *s)
{
#pragma unroll
    for (int i = 0; i < ROWS / 16; i++)
#pragma unroll
        for (int e = 0; e < 4; e++)
            w[i][e] = floats_bf16(s[8 * i + 2 * e], s[8 * i + 2 * e + 1]);
}

/* This warp's 16 rows to y, through its part of the queries that lay at `room`. */
template <int P>
__device__ __forceinline__ void store_rows(const attention_params &p, const attention_item &item, float *o,
                                           const float *sum, uint32_t room, int row0, int lane)
{
    float inverse[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float all = sum[half];
        all += __shfl_xor_sync(ALL_LANES, all, 1);
        all += __shfl_xor_sync(ALL_LANES, all, 2);
        inverse[half] = all > 0.0f ? 1.0f / all : 0.0f;
    }
#pragma unroll
    for (int j = 0; j < P / 8; j += 2) {
        const float *v = o + 4 * j, *w = o + 4 * (j + 1 < P / 8 ? j + 1 : j);
        uint32_t     a = floats_bf16(v[0] * inverse[0], v[1] * inverse[0]),
                 b     = floats_bf16(v[2] * inverse[1], v[3] * inverse[1]),
                 c     = floats_bf16(w[0] * inverse[0], w[1] * inverse[0]),
                 d     = floats_bf16(w[2] * inverse[1], w[3] * inverse[1]);
        /* Of an odd number of columns of chunks the last one is written twice, the second time where nothing is read. */
        stmatrix4_at(room + half_place(row0 + a_row(lane), j + a_chunk(lane)), a, b, c, d);
    }
    __syncwarp();
#pragma unroll
    for (int i = lane; i < 16 * (P / 8); i += WARP) {
        int r = i / (P / 8), c = i - r * (P / 8), t = item.q0 + row0 + r;
        if (t < p.y.n_rows) {
            uint4    v;
            uint32_t at = room + half_place(row0 + r, c);
            asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                         : "r"(at)
                         : "memory");
            *(uint4 *)(row_at(p.y, item.b, (int64_t)t) + 2 * (item.h * P + 8 * c)) = v;
        }
    }
}

/* The queries of this group over all keys: o and its sums. */
template <int P>
__device__ __forceinline__ void attend(float *o, float *sum, uint32_t base, uint32_t q, int n, int tiles,
                                       float scale, int lane)
{
    using place = attention_places<P>;
    float    s[64], top[2] = {-CUDART_INF_F, -CUDART_INF_F}, keep[2];
    uint32_t w[ROWS / 16][4];
    int      at = tiles % STAGES, parity = tiles / STAGES & 1;
    wait_copied(base + place::k_full + 8 * at, parity);
    start_scores<P>(s, q, base + place::k + at * place::tile);
    wgmma_wait<0>();
    wgmma_hold<64>(s);
    release(base + place::k_free + 8 * at, lane);
    if (n < ROWS)
        mask_scores(s, n, lane);
    soften(s, top, sum, keep, scale);
    pack_weights(w, s);
#pragma unroll 1
    for (int t0 = ROWS; t0 < n; t0 += ROWS) {
        int last = at, last_parity = parity;
        tiles++, at = tiles % STAGES, parity = tiles / STAGES & 1;
        wait_copied(base + place::k_full + 8 * at, parity);
        start_scores<P>(s, q, base + place::k + at * place::tile);
        wait_copied(base + place::v_full + 8 * last, last_parity);
        start_values<P>(o, w, base + place::v + last * place::tile);
        wgmma_wait<1>();
        wgmma_hold<64>(s);
        release(base + place::k_free + 8 * at, lane);
        if (t0 + ROWS > n)
            mask_scores(s, n - t0, lane);
        soften(s, top, sum, keep, scale);
        /* Passed long ago, but not known before all weights are (sums are never negative): the assembler would move most
         * of them behind the wait for the values, which they are to overlap. */
        barrier_wait(base + place::k_full + 8 * at, parity ^ (int)(sum[0] + sum[1] < 0.0f));
        wgmma_wait<0>();
        wgmma_hold<place::NO>(o);
        release(base + place::v_free + 8 * last, lane);
#pragma unroll
        for (int j = 0; j < place::NO; j++)
            o[j] *= keep[j / 2 % 2];
        pack_weights(w, s);
        wgmma_hold<place::NO>(o);
    }
    wait_copied(base + place::v_full + 8 * at, parity);
    start_values<P>(o, w, base + place::v + at * place::tile);
    wgmma_wait<0>();
    wgmma_hold<place::NO>(o);
    release(base + place::v_free + 8 * at, lane);
}

template <int P>
__device__ __forceinline__ void run_queries(const attention_params &p, uint32_t base, int n_items, int warp)
{
    using place = attention_places<P>;
    int   tiles = 0, items = 0, lane = (int)(threadIdx.x % WARP);
    float scale = p.scale * 1.4426950408889634f;
#pragma unroll 1
    for (int i = (int)blockIdx.x; i < n_items; i += (int)gridDim.x, items++) {
        attention_item item(p, i);
        int            slot = items & 1;
        uint32_t       room = base + slot * place::tile;
        float          o[place::NO], sum[2] = {0.0f, 0.0f};
#pragma unroll
        for (int j = 0; j < place::NO; j++)
            o[j] = 0.0f;
        wait_copied(base + place::q_full + 8 * slot, items / 2 & 1);
        if (item.n > 0)
            attend<P>(o, sum, base, room + warp / 4 * 64 * 128, item.n, tiles, scale, lane);
        tiles += (item.n + ROWS - 1) / ROWS;
        store_rows<P>(p, item, o, sum, room, warp * 16, lane);
        __syncwarp();
        release(base + place::q_free + 8 * slot, lane);
    }
}

/* Columns 72 .. 79 of queries and keys, which copies never touch. */
__device__ __forceinline__ void clear_padding(char *smem)
{
    for (int i = (int)threadIdx.x; i < (2 + STAGES) * ROWS; i += THREADS)
        *(uint4 *)(smem + i / ROWS * 2 * HALF_TILE + half_place(i % ROWS, 9)) = make_uint4(0, 0, 0, 0);
}

template <int P>
__global__ void __launch_bounds__(THREADS, 1) attention_wgmma_kernel(attention_params p, int n_items)
{
    using place = attention_places<P>;
    extern __shared__ __align__(1024) char smem[];
    uint32_t                               base = (uint32_t)__cvta_generic_to_shared(smem);
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; i++) {
            barrier_open(base + place::q_full + 8 * i, WARPGROUP);
            barrier_open(base + place::q_free + 8 * i, 8);
        }
        for (int i = 0; i < STAGES; i++) {
            barrier_open(base + place::k_full + 8 * i, WARPGROUP);
            barrier_open(base + place::k_free + 8 * i, 8);
            barrier_open(base + place::v_full + 8 * i, WARPGROUP);
            barrier_open(base + place::v_free + 8 * i, 8);
        }
    }
    if (P > 64)
        clear_padding(smem);
    publish_to_wgmma();
    __syncthreads();
    cuda_begin();
    int warp = __shfl_sync(ALL_LANES, (int)threadIdx.x / WARP, 0);
    if (warp < 8)
        run_queries<P>(p, base, n_items, warp);
    else
        run_copies<P>(p, base, n_items);
}

bool cuda_attention_wgmma_fits(const kn_queue *q, const attention_params *p, int64_t n_batch)
{
    const cuda_device *d = cuda_of(q->dev);
    int64_t            n = (int64_t)cuda_blocks(p->qkv.n_rows, ROWS) * p->H * n_batch;
    return d->capability == 90 && (p->P == 64 || p->P == 72) && n < 1 << 30 &&
           p->qkv.row_stride < (int64_t)1 << 24 && d->max_shared >= attention_places<72>::end;
}

template <int P> static mlm_status launch(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    int n_items = (int)((int64_t)cuda_blocks(p->qkv.n_rows, ROWS) * p->H * n_batch),
        n_sm    = cuda_of(q->dev)->n_sm;
    return cuda_launch(q, "attention", attention_wgmma_kernel<P>,
                       dim3((unsigned)(n_items < n_sm ? n_items : n_sm)), dim3(THREADS),
                       attention_places<P>::end, *p, n_items);
}

mlm_status cuda_attention_wgmma(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    return p->P == 64 ? launch<64>(q, p, n_batch) : launch<72>(q, p, n_batch);
}
