/*
 * cuda_ssd_wgmma.cu: the chunked scan of cuda_ssd_chunk.cu on a Hopper card's own tensor products (sm_90a), for heads of
 * 64 and states of NB = 64 or 128.  One block walks over the chunks of one head:
 *
 *   state group    S = decay S + (weight X)^T B, in registers; leaves it as bf16 in front of every chunk
 *   output groups  G = C B^T;  Y = carry (C S^T) + (G L dt) X + d X; chunk c belongs to group c mod NO
 *   feeders        x, B, C of the next chunks to shared memory: by the copy engine, which one thread starts, or, where rows
 *                  end before the tensor does, by two warps; what depends on the steps alone: two warps, in turn
 *
 * They meet only at barriers in shared memory: `full` (a chunk lies ready), `ready` (S in front of it does), `read` (C S^T is
 * made), `free` (the chunk is used up).  Outputs are stored when the products of the group's next chunk are under way.
 */
#include "kernels/cuda/cuda_ssd_chunk.cuh"
#include "kernels/cuda/cuda_wgmma.cuh"

#include <cudaTypedefs.h>
#include <string.h>

#define TILE 8192 /* bytes of 64 rows of 64 bf16 */
#define NO   2    /* output groups */

/* Places in shared memory, in bytes. */
template <int NB> struct wgmma_shape {
    static constexpr int NT = NB / 64, stages = 4, slots = NO; /* of chunks; of S */
    static constexpr int b = TILE, c = b + NT * TILE, stage = c + NT * TILE;
    static constexpr int state = stages * stage, y = state + slots * NT * TILE, steps = y + NO * TILE,
                         bars = steps + stages * (int)sizeof(chunk_steps);
    static constexpr int full = bars, free = full + 8 * stages, ready = free + 8 * stages,
                         read = ready + 8 * slots, end = read + 8 * slots;
    static constexpr int threads = (NO + 2) * WARPGROUP;
};

struct ssd_maps { /* of x, B and C for the copy engine */
    CUtensorMap x, b, c;
};

/* Chunks of a sequence: of 64 tokens, but the last one in front of a cut, behind which they begin anew, and the last of all. */
struct chunk_list {
    int cut, end, n_first, n; /* tokens; chunks in front of the cut, and all */

    __device__ __forceinline__ chunk_list(const ssd_params &p, int T)
        : cut(p.cut > 0 ? p.cut : T), end(T), n_first((cut + CHUNK - 1) / CHUNK),
          n(n_first + (T - cut + CHUNK - 1) / CHUNK)
    {
    }
    __device__ __forceinline__ int from(int i) const
    {
        return i < n_first ? i * CHUNK : cut + (i - n_first) * CHUNK;
    }
    /* Where its part of the sequence ends: its own end, or further on. */
    __device__ __forceinline__ int until(int i) const
    {
        return i < n_first ? cut : end;
    }
};

/* Chunk `ch` of 16 bytes of row `row` of a matrix of 64 rows. */
__device__ __forceinline__ uint32_t tile_place(int row, int ch)
{
    return (uint32_t)((ch >> 3) * TILE + row * 128 + ((ch ^ row) & 7) * 16);
}

/* ---- feeders ------------------------------------------------------------------------------------- */

/* One warp copies rows of a view in chunks of 16 bytes: CH a row. */
template <int CH> struct tile_feed {
    static constexpr int rows = WARP / CH; /* a round of the warp */
    const char          *from;
    int                  step, row;
    uint32_t             to;

    __device__ __forceinline__ void open(const cuda_rows &v, int64_t batch, int column, int lane)
    {
        row  = lane / CH;
        step = (int)(2 * rows * v.row_stride);
        to   = tile_place(row, lane % CH);
        from = row_at(v, batch, (int64_t)row) + 2 * (column + lane % CH * 8);
    }

    /* `left` rows of the next 64, then zeros.  The swizzle turns with the row: by exclusive or, as `row` < rows. */
    __device__ __forceinline__ void fetch(uint32_t tile, int left)
    {
        bool whole = left >= CHUNK;
#pragma unroll
        for (int k = 0; k < CHUNK / rows; k++, from += step)
            copy_async_at(tile + (to ^ (uint32_t)(k * rows % 8 * 16)) + k * rows * 128, from,
                          whole || row + k * rows < left);
    }
};

/* A warp that copies B, or x and C; of sequences without a cut. */
template <int NB>
__device__ __forceinline__ void feed_tiles(const ssd_params &p, uint32_t base, int64_t batch, int h, int T,
                                           bool b)
{
    using shape            = wgmma_shape<NB>;
    int               lane = (int)(threadIdx.x % WARP), g = h / (p.H / p.G);
    tile_copier       copier = {0};
    tile_feed<8>      x;
    tile_feed<NB / 8> bc;
    x.open(p.x, batch, h * 64, lane);
    bc.open(b ? p.b : p.c, batch, g * NB, lane);
#pragma unroll 1
    for (unsigned i = 0; (int)i * CHUNK < T; i++) {
        unsigned s     = i % shape::stages;
        uint32_t stage = base + s * shape::stage;
        if (i >= shape::stages)
            copier.await(base + shape::free + 8 * s, (i / shape::stages - 1) & 1);
        if (!b)
            x.fetch(stage, T - (int)i * CHUNK);
        bc.fetch(stage + (b ? shape::b : shape::c), T - (int)i * CHUNK);
        copier.copied(base + shape::full + 8 * s);
    }
    copier.finish();
}

/* The same by the copy engine, which one thread starts; it stops at the last row, so not where rows end earlier. */
template <int NB>
__device__ __forceinline__ void feed_boxes(const ssd_params &p, const ssd_maps &maps, uint32_t base,
                                           int batch, int h, int T)
{
    using shape  = wgmma_shape<NB>;
    int        g = h / (p.H / p.G);
    chunk_list chunks(p, T);
#pragma unroll 1
    for (unsigned i = 0; (int)i < chunks.n; i++) {
        unsigned s     = i % shape::stages;
        int      from  = chunks.from((int)i);
        uint32_t stage = base + s * shape::stage, full = base + shape::full + 8 * s;
        if (i >= shape::stages)
            barrier_wait(base + shape::free + 8 * s, (i / shape::stages - 1) & 1);
        barrier_expect(full, shape::stage);
        copy_box(stage, &maps.x, full, h * 64, from, batch);
#pragma unroll
        for (int k = 0; k < shape::NT; k++) {
            copy_box(stage + shape::b + k * TILE, &maps.b, full, g * NB + k * 64, from, batch);
            copy_box(stage + shape::c + k * TILE, &maps.c, full, g * NB + k * 64, from, batch);
        }
    }
}

/* One of two warps that make the steps, each of every other chunk. */
template <int NB>
__device__ __forceinline__ void feed_steps(const ssd_params &p, char *smem, int64_t batch, int h, int T,
                                           int turn)
{
    using shape     = wgmma_shape<NB>;
    uint32_t   base = shared_address(smem);
    float      a2 = p.a[h] * LOG2_E, bias = p.dt_bias ? p.dt_bias[h] : 0.0f;
    chunk_list chunks(p, T);
    uint2      raw = fetch_steps(p, batch, h, chunks.from(turn), T);
#pragma unroll 1
    for (unsigned i = (unsigned)turn; (int)i < chunks.n; i += 2) {
        unsigned s   = i % shape::stages;
        uint2    now = raw;
        raw          = fetch_steps(p, batch, h, chunks.from((int)i + 2), T);
        if (i >= shape::stages)
            barrier_wait(base + shape::free + 8 * s, (i / shape::stages - 1) & 1);
        make_steps(((chunk_steps *)(smem + shape::steps))[s], p, a2, bias, now,
                   chunks.until((int)i) - chunks.from((int)i));
        barrier_arrive(base + shape::full + 8 * s);
    }
}

/* ---- the state group ------------------------------------------------------------------------------ */

/* This thread's part of S from `from` or to `S`, row 0 of the head in device memory; both NULL: zeros. */
template <int NB>
__device__ __forceinline__ void move_strip(float *strip, const float *from, float *S, int tid)
{
    int r = tid / 4 + tid / WARP * 8, n = tid % 4 * 2; /* row 16 warp + lane / 4 */
#pragma unroll
    for (int j = 0; j < NB / 8; j++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float *v  = strip + 4 * j + 2 * half;
            int    at = (r + 8 * half) * NB + n + 8 * j;
            if (S == NULL) {
                float2 old = from != NULL ? *(const float2 *)(from + at) : make_float2(0.0f, 0.0f);
                v[0] = old.x, v[1] = old.y;
            } else {
                *(float2 *)(S + at) = make_float2(v[0], v[1]);
            }
        }
}

/* The strip as bf16, where the outputs of the next chunk read it. */
template <int NB>
__device__ __forceinline__ void publish_strip(uint32_t slot, const float *strip, int tid, uint32_t ready)
{
    int lane = tid % WARP, row = tid / WARP * 16 + a_row(lane);
#pragma unroll
    for (int j = 0; j < NB / 8; j += 2) {
        const float *v = strip + 4 * j;
        stmatrix4_at(slot + tile_place(row, j + a_chunk(lane)), floats_bf16(v[0], v[1]),
                     floats_bf16(v[2], v[3]), floats_bf16(v[4], v[5]), floats_bf16(v[6], v[7]));
    }
    publish_to_wgmma();
    barrier_arrive(ready);
}

/* (weight x)^T of 16 tokens a product: rows 16 warp .. of the head. */
__device__ __forceinline__ void weigh_inputs(uint32_t (*a)[4], uint32_t x, const chunk_steps &s, int tid)
{
    int      lane = tid % WARP;
    uint32_t at   = x + tile_place(b_row(lane), tid / WARP * 2 + b_chunk(lane));
#pragma unroll
    for (int k = 0; k < CHUNK / 16; k++) {
        ldmatrix4_turned_at(a[k], at + k * 16 * 128);
        float2 w0 = *(const float2 *)&s.weight[k * 16 + lane % 4 * 2],
               w1 = *(const float2 *)&s.weight[k * 16 + 8 + lane % 4 * 2];
        a[k][0] = scale_pair(a[k][0], w0), a[k][1] = scale_pair(a[k][1], w0);
        a[k][2] = scale_pair(a[k][2], w1), a[k][3] = scale_pair(a[k][3], w1);
    }
}

/* CUT: there may be one. */
template <int NB, bool CUT>
__device__ __forceinline__ void run_state(const ssd_params &p, char *smem, int64_t batch, int h, int T)
{
    using shape     = wgmma_shape<NB>;
    int        tid  = (int)threadIdx.x % WARPGROUP;
    uint32_t   base = shared_address(smem);
    int64_t    head = (int64_t)h * 64 * NB;
    float     *S    = p.state ? p.state + batch * p.state_stride + head : NULL;
    float      strip[NB / 2];
    chunk_list chunks(p, T);
    move_strip<NB>(strip, p.state ? p.start + batch * p.start_stride + head : NULL, NULL, tid);
    publish_strip<NB>(base + shape::state, strip, tid, base + shape::ready);
#pragma unroll 1
    for (unsigned i = 0; (int)i < chunks.n; i++) {
        int      s = (int)(i % shape::stages), next = (int)((i + 1) % shape::slots);
        uint32_t stage = base + s * shape::stage, a[CHUNK / 16][4];
        bool     more  = (int)i + 1 < chunks.n;
        if (CUT && p.cut > 0 && (int)i == chunks.n_first)
            move_strip<NB>(strip, NULL, p.kept + batch * p.kept_stride + head, tid);
        if (!more && S == NULL)
            break;
        barrier_wait(base + shape::full + 8 * s, i / shape::stages & 1);
        const chunk_steps &steps = ((const chunk_steps *)(smem + shape::steps))[s];
        weigh_inputs(a, stage, steps, tid);
        float decay = steps.decay[0];
#pragma unroll
        for (int k = 0; k < NB / 2; k++)
            strip[k] *= decay;
        wgmma_hold<NB / 2>(strip);
        wgmma_fence();
        uint64_t b = tile_along_n(stage + shape::b, TILE);
#pragma unroll
        for (int k = 0; k < CHUNK / 16; k++)
#pragma unroll
            for (int j = 0; j < shape::NT; j++)
                wgmma64_rn(strip + 32 * j, a[k], tile_on(b, j * TILE + k * 16 * 128));
        wgmma_commit();
        wgmma_wait<0>();
        wgmma_hold<NB / 2>(strip);
        barrier_arrive(base + shape::free + 8 * s);
        if (!more)
            break;
        if (i + 1 >= shape::slots)
            barrier_wait(base + shape::read + 8 * next, ((i + 1) / shape::slots - 1) & 1);
        publish_strip<NB>(base + shape::state + next * shape::NT * TILE, strip, tid,
                          base + shape::ready + 8 * next);
    }
    if (S != NULL && T > 0)
        move_strip<NB>(strip, NULL, S, tid);
}

/* ---- the output groups ---------------------------------------------------------------------------- */

/* d = rows of C times rows of the matrix at `of`. */
template <int NB> __device__ __forceinline__ void multiply_c(float *d, uint32_t c, uint32_t of)
{
    uint64_t a = tile_along_k(c), b = tile_along_k(of);
#pragma unroll
    for (int k = 0; k < NB / 16; k++) {
        int at = k / 4 * TILE + k % 4 * 32;
        wgmma64_kk(d, tile_on(a, at), tile_on(b, at), k > 0);
    }
    wgmma_commit();
}

/* m = g * L dt for the 16 tokens of this warp, as A of the product with X; behind its last token all is 0. */
__device__ __forceinline__ void mix(uint32_t (*m)[4], const float *g, const chunk_steps &s, int warp,
                                    int lane)
{
    int   r    = warp * 16 + lane / 4;
    float sum0 = s.sum[r], sum1 = s.sum[r + 8];
#pragma unroll
    for (int k = 0; k < CHUNK / 16; k++) {
        if (k > warp) {
            m[k][0] = m[k][1] = m[k][2] = m[k][3] = 0;
            continue;
        }
#pragma unroll
        for (int j = 0; j < 2; j++) {
            int          t   = k * 16 + j * 8 + lane % 4 * 2;
            const float *v   = g + 8 * k + 4 * j;
            float2       key = *(const float2 *)&s.key[t];
            float        m0  = t <= r ? v[0] * exp2_fast(sum0 - key.x) : 0.0f,
                  m1         = t + 1 <= r ? v[1] * exp2_fast(sum0 - key.y) : 0.0f,
                  m2         = t <= r + 8 ? v[2] * exp2_fast(sum1 - key.x) : 0.0f,
                  m3         = t + 1 <= r + 8 ? v[3] * exp2_fast(sum1 - key.y) : 0.0f;
            m[k][2 * j]      = floats_bf16(m0, m1);
            m[k][2 * j + 1]  = floats_bf16(m2, m3);
        }
    }
}

/* x of this warp's 16 tokens, as y lies in registers. */
__device__ __forceinline__ void load_inputs(uint32_t (*x)[4], uint32_t tile, int warp, int lane)
{
#pragma unroll
    for (int j = 0; j < 4; j++)
        ldmatrix4_at(x[j], tile + tile_place(warp * 16 + a_row(lane), 2 * j + a_chunk(lane)));
}

/* y += skip x */
__device__ __forceinline__ void add_skip(float *y, const uint32_t (*x)[4], float skip)
{
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
            y[8 * j + 2 * e] += skip * bf16_low(x[j][e]);
            y[8 * j + 2 * e + 1] += skip * bf16_high(x[j][e]);
        }
}

/* This warp's 16 tokens from t0 on to the head's columns of y at `out`, f32. */
__device__ __forceinline__ void store_wide(const ssd_params &p, const float *y, char *out, int t0, int T,
                                           int lane)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int    t    = t0 + lane / 4 + half * 8;
        float *line = (float *)out + token_at(p, min(t, T - 1)) * p.y.row_stride + lane % 4 * 2;
#pragma unroll
        for (int j = 0; t < T && j < 8; j++) {
            float2 old = p.accumulate ? *(float2 *)(line + 8 * j) : make_float2(0.0f, 0.0f);
            *(float2 *)(line + 8 * j) =
                make_float2(y[4 * j + 2 * half] + old.x, y[4 * j + 2 * half + 1] + old.y);
        }
    }
}

/* The same in bf16, first to this warp's part of `room` ... */
__device__ __forceinline__ void stage_tokens(uint32_t room, const float *y, int warp, int lane)
{
    __syncwarp(); /* those before are stored */
#pragma unroll
    for (int j = 0; j < 8; j += 2)
        stmatrix4_at(room + tile_place(warp * 16 + a_row(lane), j + a_chunk(lane)),
                     floats_bf16(y[4 * j], y[4 * j + 1]), floats_bf16(y[4 * j + 2], y[4 * j + 3]),
                     floats_bf16(y[4 * j + 4], y[4 * j + 5]), floats_bf16(y[4 * j + 6], y[4 * j + 7]));
    __syncwarp();
}

/* ... and, when the products of the next chunk are under way, from there in rows of 128 bytes. */
__device__ __forceinline__ void store_tokens(const ssd_params &p, uint32_t room, char *out, int t0, int T,
                                             int warp, int lane)
{
    int   step = (int)p.y.row_stride * 2, r0 = lane / 8, last = T - 1;
    uint4 v[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        v[k] = load_shared4(room + tile_place(warp * 16 + r0 + 4 * k, lane % 8));
#pragma unroll
    for (int k = 0; k < 4; k++) {
        int   t  = t0 + r0 + 4 * k;
        char *to = out + (int64_t)token_at(p, min(t, last)) * step + lane % 8 * 16;
        if (t <= last)
            *(uint4 *)to = v[k];
    }
}

template <int NB>
__device__ __forceinline__ void run_outputs(const ssd_params &p, char *smem, int64_t batch, int h, int T,
                                            int group, int warp)
{
    using shape     = wgmma_shape<NB>;
    bool       wide = p.y.dtype == KN_F32;
    int        lane = (int)(threadIdx.x % WARP), staged = -1; /* first token that waits in `room` */
    uint32_t   base = shared_address(smem), room = base + shape::y + group * TILE;
    int        limit = 0; /* of those that wait: the end of their part */
    float      skip  = p.d ? p.d[h] : 0.0f;
    chunk_list chunks(p, T);
    char      *out = row_at(p.y, batch, (int64_t)0) + (wide ? 4 : 2) * h * 64;
#pragma unroll 1
    for (unsigned i = (unsigned)group; (int)i < chunks.n; i += NO) {
        unsigned           s = i % shape::stages, slot = i % shape::slots;
        uint32_t           stage = base + s * shape::stage, m[CHUNK / 16][4], x[4][4];
        const chunk_steps &steps = ((const chunk_steps *)(smem + shape::steps))[s];
        float              g[32], y[32];
        barrier_wait(base + shape::full + 8 * s, i / shape::stages & 1);
        wgmma_fence();
        multiply_c<NB>(g, stage + shape::c, stage + shape::b);
        barrier_wait(base + shape::ready + 8 * slot, i / shape::slots & 1);
        wgmma_fence();
        multiply_c<NB>(y, stage + shape::c, base + shape::state + slot * shape::NT * TILE);
        if (staged >= 0)
            store_tokens(p, room, out, staged, limit, warp, lane);
        load_inputs(x, stage, warp, lane);
        wgmma_wait<1>();
        wgmma_hold<32>(g);
        mix(m, g, steps, warp, lane);
        float carry0 = steps.carry[warp * 16 + lane / 4], carry1 = steps.carry[warp * 16 + lane / 4 + 8];
        wgmma_wait<0>();
        wgmma_hold<32>(y);
        release(base + shape::read + 8 * slot, lane);
#pragma unroll
        for (int j = 0; j < 32; j += 4)
            y[j] *= carry0, y[j + 1] *= carry0, y[j + 2] *= carry1, y[j + 3] *= carry1;
        wgmma_hold<32>(y);
        wgmma_fence();
        uint64_t tile = tile_along_n(stage, TILE);
#pragma unroll
        for (int k = 0; k < CHUNK / 16; k++)
            wgmma64_rn(y, m[k], tile_on(tile, k * 16 * 128));
        wgmma_commit();
        wgmma_wait<0>();
        wgmma_hold<32>(y);
        barrier_arrive(base + shape::free + 8 * s);
        add_skip(y, x, skip);
        staged = chunks.from((int)i) + warp * 16, limit = chunks.until((int)i);
        if (wide)
            store_wide(p, y, out, staged, limit, lane), staged = -1;
        else
            stage_tokens(room, y, warp, lane);
    }
    if (staged >= 0)
        store_tokens(p, room, out, staged, limit, warp, lane);
}

/* Barriers of a block; BOXES: the copy engine arrives by bytes, one thread for it. */
template <int NB, bool BOXES> __device__ __forceinline__ void open_barriers(uint32_t base)
{
    using shape = wgmma_shape<NB>;
    for (int i = 0; i < shape::stages; i++) {
        barrier_open(base + shape::full + 8 * i, BOXES ? 1 + WARP : 3 * WARP);
        barrier_open(base + shape::free + 8 * i, 2 * WARPGROUP);
    }
    for (int i = 0; i < shape::slots; i++) {
        barrier_open(base + shape::ready + 8 * i, WARPGROUP);
        barrier_open(base + shape::read + 8 * i, WARPGROUP / WARP);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    publish_to_wgmma();
}

/* Grid (head, batch). */
template <int NB, bool BOXES>
__global__ void __launch_bounds__(wgmma_shape<NB>::threads, 1)
    ssd_wgmma_kernel(ssd_params p, const __grid_constant__ ssd_maps maps)
{
    extern __shared__ __align__(1024) char smem[];
    uint32_t                               base = shared_address(smem);
    if (threadIdx.x == 0)
        open_barriers<NB, BOXES>(base);
    __syncthreads();
    cuda_begin();
    /* The same in all lanes, and known to be: products may not stand where lanes could part. */
    int     h = (int)blockIdx.x, warp = __shfl_sync(ALL_LANES, (int)threadIdx.x / WARP, 0), group = warp / 4;
    int64_t batch = blockIdx.y;
    int     T_all = p.x.n_rows, T = p.len ? min(max(p.len[batch], 0), T_all) : T_all;
    if (group == 0) {
        take_registers<152>();
        run_state<NB, BOXES>(p, smem, batch, h, T);
    } else if (group <= NO) {
        take_registers<152>();
        run_outputs<NB>(p, smem, batch, h, T, group - 1, warp % 4);
    } else {
        leave_registers<56>();
        if (warp % 4 >= 2)
            feed_steps<NB>(p, smem, batch, h, T, warp % 4 - 2);
        else if (!BOXES)
            feed_tiles<NB>(p, base, batch, h, T, warp % 4 == 1);
        else if (threadIdx.x % WARPGROUP == 0)
            feed_boxes<NB>(p, maps, base, (int)batch, h, T);
        for (int i = (int)threadIdx.x % WARPGROUP; !p.accumulate && i < (T_all - T) * 64; i += WARPGROUP)
            store1(row_at(p.y, batch, token_at(p, T + i / 64)), p.y.dtype, h * 64 + i % 64, 0.0f);
    }
}

bool cuda_ssd_wgmma_fits(const kn_queue *q, const ssd_params *p)
{
    const cuda_device *d = cuda_of(q->dev);
    return d->capability == 90 && p->y.row_stride < (int64_t)1 << 28 && p->P == 64 &&
           (p->N == 64 || p->N == 128) && d->max_shared >= wgmma_shape<128>::end;
}

/* Boxes of 64 rows and 64 columns of a view. */
static bool map_view(CUtensorMap *map, PFN_cuTensorMapEncodeTiled_v12000 encode, const cuda_rows &v,
                     int64_t n_batch)
{
    cuuint64_t size[3]   = {(cuuint64_t)v.width, (cuuint64_t)v.n_rows, (cuuint64_t)n_batch};
    int64_t    batch     = n_batch > 1 ? v.batch_stride : v.row_stride * v.n_rows;
    cuuint64_t stride[2] = {2 * (cuuint64_t)v.row_stride, 2 * (cuuint64_t)batch};
    cuuint32_t box[3] = {64, 64, 1}, step[3] = {1, 1, 1};
    return v.row_stride > 0 && batch > 0 &&
           encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, v.data, size, stride, box, step,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

/* False where the driver cannot, or where rows end before the tensor does. */
static bool make_maps(ssd_maps *m, const cuda_device *d, const ssd_params *p, int64_t n_batch)
{
    PFN_cuTensorMapEncodeTiled_v12000 encode = (PFN_cuTensorMapEncodeTiled_v12000)d->encode_map;
    memset(m, 0, sizeof *m);
    return encode != NULL && p->len == NULL && map_view(&m->x, encode, p->x, n_batch) &&
           map_view(&m->b, encode, p->b, n_batch) && map_view(&m->c, encode, p->c, n_batch);
}

template <int NB> static mlm_status launch(kn_queue *q, const ssd_params *p, int64_t n_batch, bool *done)
{
    ssd_maps maps;
    bool     boxes = make_maps(&maps, cuda_of(q->dev), p, n_batch);
    *done          = boxes || p->cut == 0;
    if (!*done)
        return MLM_OK;
    return cuda_launch(q, "ssd_scan", boxes ? ssd_wgmma_kernel<NB, true> : ssd_wgmma_kernel<NB, false>,
                       dim3((unsigned)p->H, (unsigned)n_batch), dim3(wgmma_shape<NB>::threads),
                       wgmma_shape<NB>::end, *p, maps);
}

mlm_status cuda_ssd_wgmma(kn_queue *q, const ssd_params *p, int64_t n_batch, bool *done)
{
    return p->N == 64 ? launch<64>(q, p, n_batch, done) : launch<128>(q, p, n_batch, done);
}
