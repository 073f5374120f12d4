/*
 * cuda_attention_wgmma.cu: attention for bf16 and head dims 64 and 72 on a Hopper card's own tensor products (sm_90a),
 * after FlashAttention-3 (arXiv 2407.08608).  Blocks stay and take item after item: 192 queries of a head, or 128
 * where there are few.  Three (two) groups of warps have 64 queries each, with scores, sums and output in registers; one more
 * copies queries, and keys and values in tiles of 128, as far ahead as there is room.  The product of a group with the
 * values of a tile overlaps its softmax of the next one; the rest overlaps what the other groups do.
 *
 * A row lies in tiles of 64 columns (cuda_wgmma.cuh); of the second one, head dim 72 uses 8 columns, and 8 more of zeros
 * for the scores.
 */
#include "kernels/cuda/cuda_attention.cuh"
#include "kernels/cuda/cuda_wgmma.cuh"

#include <math_constants.h>

#define KEYS 128 /* of a tile */

/* G groups of 64 queries; places in shared memory in bytes, of two sets of queries first.  What is behind column 64 lies
 * in tiles of its own, in chunks of 16 bytes: both sets of queries in one (columns 64 .. 79 of the first in chunks 0 and 1, of
 * the second in 2 and 3; 4 .. 7 nobody reads), keys (2 and 3) and values (0) of a stage in one. */
template <int P, int G> struct attention_places {
    static constexpr int Q = 64 * G, NO = P / 2, stages = P > 64 ? 3 : 4;
    static constexpr int q_tile = Q * 128, tile = KEYS * 128, rest = P > 64 ? 1 : 0;
    static constexpr int q_rest = 2 * q_tile, k = q_rest + rest * q_tile, v = k + stages * tile,
                         kv_rest = v + stages * tile, bars = kv_rest + rest * stages * tile;
    static constexpr int q_full = bars, q_free = q_full + 16, k_full = q_free + 16,
                         k_free = k_full + 8 * stages, v_full = k_free + 8 * stages,
                         v_free = v_full + 8 * stages, end = v_free + 8 * stages;
    static constexpr int threads = (G + 1) * WARPGROUP;
};

/* Item i: some queries from q0 on of head h of batch row b, over n keys. */
struct attention_item {
    int     q0, h, n;
    int64_t b;

    __device__ __forceinline__ attention_item(const attention_params &p, int i, int queries)
    {
        int T = p.qkv.n_rows, parts = (T + queries - 1) / queries, head = i / parts;
        q0 = (i - head * parts) * queries;
        b  = head / p.H;
        h  = head - (int)b * p.H;
        n  = p.len ? min(max(p.len[b], 0), T) : T;
    }
};

/* Where chunk `ch` of 16 bytes of row `row` of a tile lies. */
__device__ __forceinline__ uint32_t tile_place(int row, int ch)
{
    return (uint32_t)(row * 128 + ((ch ^ row) & 7) * 16);
}

/* ---- the group that copies ----------------------------------------------------------------------- */

/* N rows from t0 on of q, k or v (part 0, 1, 2) by 128 threads; zeros from row n on.  Columns 64 .. 71 to chunk `ch` of `rest`. */
template <int P, int N>
__device__ __forceinline__ void copy_rows(const attention_params &p, const attention_item &item, uint32_t to,
                                          uint32_t rest, int ch, int part, int t0, int n)
{
    int         tid = (int)threadIdx.x % WARPGROUP, row = tid / 8, step = (int)(2 * p.qkv.row_stride);
    const char *from =
        row_at(p.qkv, item.b, (int64_t)(t0 + row)) + 2 * ((part * p.H + item.h) * P + tid % 8 * 8);
    uint32_t at = to + tile_place(row, tid % 8);
#pragma unroll
    for (int k = 0; k < N / 16; k++)
        copy_async_at(at + k * 16 * 128, from + (int64_t)k * 16 * step, t0 + row + k * 16 < n);
    if (P > 64)
        for (row = tid; row < N; row += WARPGROUP)
            copy_async_at(rest + tile_place(row, ch),
                          row_at(p.qkv, item.b, (int64_t)(t0 + row)) + 2 * ((part * p.H + item.h) * P + 64),
                          t0 + row < n);
}

template <int P, int G>
__device__ __forceinline__ void run_copies(const attention_params &p, uint32_t base, int n_items)
{
    using place       = attention_places<P, G>;
    int         tiles = 0, items = 0; /* so far */
    tile_copier copier = {0};
#pragma unroll 1
    for (int i = (int)blockIdx.x; i < n_items; i += (int)gridDim.x, items++) {
        attention_item item(p, i, place::Q);
        int            slot = items & 1;
        if (items >= 2)
            copier.await(base + place::q_free + 8 * slot, (items / 2 - 1) & 1);
        copy_rows<P, place::Q>(p, item, base + slot * place::q_tile, base + place::q_rest, 2 * slot, 0,
                               item.q0, p.qkv.n_rows);
        copier.copied(base + place::q_full + 8 * slot);
#pragma unroll 1
        for (int t0 = 0; t0 < item.n; t0 += KEYS, tiles++) {
            int      s = tiles % place::stages, parity = (tiles / place::stages - 1) & 1;
            uint32_t rest = base + place::kv_rest + s * place::tile;
            if (tiles >= place::stages)
                copier.await(base + place::k_free + 8 * s, parity);
            copy_rows<P, KEYS>(p, item, base + place::k + s * place::tile, rest, 2, 1, t0, item.n);
            copier.copied(base + place::k_full + 8 * s);
            if (tiles >= place::stages)
                copier.await(base + place::v_free + 8 * s, parity);
            copy_rows<P, KEYS>(p, item, base + place::v + s * place::tile, rest, 0, 2, t0, item.n);
            copier.copied(base + place::v_full + 8 * s);
        }
    }
    copier.finish();
}

/* ---- the groups that compute --------------------------------------------------------------------- */

/* Queries at q and q_rest, keys of a stage. */
template <int P, int G>
__device__ __forceinline__ void start_scores(float *s, uint32_t base, uint32_t q, uint32_t q_rest, int stage)
{
    using place = attention_places<P, G>;
    wgmma_fence();
    uint64_t a = tile_along_k(q), b = tile_along_k(base + place::k + stage * place::tile);
#pragma unroll
    for (int i = 0; i < 4; i++)
        wgmma128_kk(s, tile_on(a, i * 32), tile_on(b, i * 32), i > 0);
    if (P > 64)
        wgmma128_kk(s, tile_along_k(q_rest), tile_along_k(base + place::kv_rest + stage * place::tile + 32),
                    true);
    wgmma_commit();
}

template <int P, int G>
__device__ __forceinline__ void start_values(float *o, const uint32_t (*w)[4], uint32_t base, int stage)
{
    using place = attention_places<P, G>;
    wgmma_fence();
    uint64_t b = tile_along_n(base + place::v + stage * place::tile, place::kv_rest - place::v);
#pragma unroll
    for (int i = 0; i < KEYS / 16; i++) {
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
    for (int i = 0; i < KEYS / 16; i++)
#pragma unroll
        for (int e = 0; e < 4; e++)
            w[i][e] = floats_bf16(s[8 * i + 2 * e], s[8 * i + 2 * e + 1]);
}

/* This warp's 16 rows to y, through its part of the queries that lay at `room`, and in chunk `ch` of `rest`. */
template <int P>
__device__ __forceinline__ void store_rows(const attention_params &p, const attention_item &item, float *o,
                                           const float *sum, uint32_t room, uint32_t rest, int ch, int row0,
                                           int lane)
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
        if (j < 8)
            stmatrix4_at(room + tile_place(row0 + a_row(lane), j + a_chunk(lane)), a, b, c, d);
        else
            stmatrix4_at(rest + tile_place(row0 + a_row(lane), ch + 4 * a_chunk(lane)), a, b, c, d);
    }
    __syncwarp();
#pragma unroll
    for (int i = lane; i < 16 * (P / 8); i += WARP) {
        int r = i / (P / 8), c = i - r * (P / 8), t = item.q0 + row0 + r;
        if (t < p.y.n_rows) {
            uint4    v;
            uint32_t at = P == 64 || c < 8 ? room + tile_place(row0 + r, c) : rest + tile_place(row0 + r, ch);
            asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                         : "r"(at)
                         : "memory");
            *(uint4 *)(row_at(p.y, item.b, (int64_t)t) + 2 * (item.h * P + 8 * c)) = v;
        }
    }
}

/* The queries of this group over all keys: o and its sums. */
template <int P, int G>
__device__ __forceinline__ void attend(float *o, float *sum, uint32_t base, uint32_t q, uint32_t q_rest,
                                       int n, int tiles, float scale, int lane)
{
    using place = attention_places<P, G>;
    float    s[64], top[2] = {-CUDART_INF_F, -CUDART_INF_F}, keep[2];
    uint32_t w[KEYS / 16][4];
    int      at = tiles % place::stages, parity = tiles / place::stages & 1;
    barrier_wait(base + place::k_full + 8 * at, parity);
    start_scores<P, G>(s, base, q, q_rest, at);
    wgmma_wait<0>();
    wgmma_hold<64>(s);
    release(base + place::k_free + 8 * at, lane);
    if (n < KEYS)
        mask_scores(s, n, lane);
    soften(s, top, sum, keep, scale);
    pack_weights(w, s);
#pragma unroll 1
    for (int t0 = KEYS; t0 < n; t0 += KEYS) {
        int last = at, last_parity = parity;
        tiles++, at = tiles % place::stages, parity = tiles / place::stages & 1;
        barrier_wait(base + place::k_full + 8 * at, parity);
        start_scores<P, G>(s, base, q, q_rest, at);
        barrier_wait(base + place::v_full + 8 * last, last_parity);
        start_values<P, G>(o, w, base, last);
        wgmma_wait<1>();
        wgmma_hold<64>(s);
        release(base + place::k_free + 8 * at, lane);
        if (t0 + KEYS > n)
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
    barrier_wait(base + place::v_full + 8 * at, parity);
    start_values<P, G>(o, w, base, at);
    wgmma_wait<0>();
    wgmma_hold<place::NO>(o);
    release(base + place::v_free + 8 * at, lane);
}

template <int P, int G>
__device__ __forceinline__ void run_queries(const attention_params &p, uint32_t base, int n_items, int warp)
{
    using place = attention_places<P, G>;
    int   tiles = 0, items = 0, lane = (int)(threadIdx.x % WARP);
    float scale = p.scale * 1.4426950408889634f;
#pragma unroll 1
    for (int i = (int)blockIdx.x; i < n_items; i += (int)gridDim.x, items++) {
        attention_item item(p, i, place::Q);
        int            slot = items & 1;
        uint32_t       room = base + slot * place::q_tile, rest = base + place::q_rest;
        float          o[place::NO], sum[2]                     = {0.0f, 0.0f};
#pragma unroll
        for (int j = 0; j < place::NO; j++)
            o[j] = 0.0f;
        barrier_wait(base + place::q_full + 8 * slot, items / 2 & 1);
        if (item.n > 0)
            attend<P, G>(o, sum, base, room + warp / 4 * 64 * 128, rest + slot * 32 + warp / 4 * 64 * 128,
                         item.n, tiles, scale, lane);
        tiles += (item.n + KEYS - 1) / KEYS;
        store_rows<P>(p, item, o, sum, room, rest, 2 * slot, warp * 16, lane);
        barrier_arrive(base + place::q_free + 8 * slot); /* every lane has read and written there */
    }
}

/* Chunk `ch` of `rows` rows, columns 72 .. 79, which copies never touch. */
__device__ __forceinline__ void clear_padding(char *tile, int rows, int ch)
{
    for (int i = (int)threadIdx.x; i < rows; i += (int)blockDim.x)
        *(uint4 *)(tile + tile_place(i, ch)) = make_uint4(0, 0, 0, 0);
}

template <int P, int G> __device__ __forceinline__ void open_block(char *smem, uint32_t base)
{
    using place = attention_places<P, G>;
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; i++) {
            barrier_open(base + place::q_full + 8 * i, WARPGROUP);
            barrier_open(base + place::q_free + 8 * i, G * WARPGROUP);
        }
        for (int i = 0; i < place::stages; i++) {
            barrier_open(base + place::k_full + 8 * i, WARPGROUP);
            barrier_open(base + place::k_free + 8 * i, 4 * G);
            barrier_open(base + place::v_full + 8 * i, WARPGROUP);
            barrier_open(base + place::v_free + 8 * i, 4 * G);
        }
    }
    for (int i = 0; P > 64 && i < 2; i++)
        clear_padding(smem + place::q_rest, place::Q, 2 * i + 1);
    for (int i = 0; P > 64 && i < place::stages; i++)
        clear_padding(smem + place::kv_rest + i * place::tile, KEYS, 3);
    publish_to_wgmma();
    __syncthreads();
}

template <int P, int G>
__global__ void __launch_bounds__(attention_places<P, G>::threads, 1)
    attention_wgmma_kernel(attention_params p, int n_items)
{
    extern __shared__ __align__(1024) char smem[];
    uint32_t                               base = (uint32_t)__cvta_generic_to_shared(smem);
    open_block<P, G>(smem, base);
    cuda_begin();
    int warp = __shfl_sync(ALL_LANES, (int)threadIdx.x / WARP, 0);
    if (warp < 4 * G) {
        if (G > 2)
            take_registers<160>();
        run_queries<P, G>(p, base, n_items, warp);
    } else {
        if (G > 2)
            leave_registers<32>();
        run_copies<P, G>(p, base, n_items);
    }
}

static int64_t items_of(const attention_params *p, int64_t n_batch, int queries)
{
    return (int64_t)cuda_blocks(p->qkv.n_rows, queries) * p->H * n_batch;
}

bool cuda_attention_wgmma_fits(const kn_queue *q, const attention_params *p, int64_t n_batch)
{
    const cuda_device *d = cuda_of(q->dev);
    return d->capability == 90 && (p->P == 64 || p->P == 72) && items_of(p, n_batch, 128) < 1 << 30 &&
           p->qkv.row_stride < (int64_t)1 << 24 && d->max_shared >= attention_places<72, 3>::end;
}

template <int P, int G> static mlm_status launch(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    using place = attention_places<P, G>;
    int n_items = (int)items_of(p, n_batch, place::Q), n_sm = cuda_of(q->dev)->n_sm;
    return cuda_launch(q, "attention", attention_wgmma_kernel<P, G>,
                       dim3((unsigned)(n_items < n_sm ? n_items : n_sm)), dim3(place::threads), place::end,
                       *p, n_items);
}

/* Few items: two groups of queries a block, so that more blocks have some; the bits are the same. */
mlm_status cuda_attention_wgmma(kn_queue *q, const attention_params *p, int64_t n_batch)
{
    bool few = items_of(p, n_batch, 128) <= cuda_of(q->dev)->n_sm;
    if (p->P == 64)
        return few ? launch<64, 2>(q, p, n_batch) : launch<64, 3>(q, p, n_batch);
    return few ? launch<72, 2>(q, p, n_batch) : launch<72, 3>(q, p, n_batch);
}
