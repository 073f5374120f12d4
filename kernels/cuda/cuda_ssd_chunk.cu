/*
 * cuda_ssd_chunk.cu: the selective scan in chunks of 64 tokens on tensor cores (Mamba-2, arXiv 2405.21060, 6).
 * With L[t,s] = exp(sum of dt a over s+1 .. t) inside a chunk and S the state in front of it:
 *
 *   Y = (C B^T * L dt) X  +  exp(cs_t) C S^T  +  d X
 *   S = exp(cs_end) S  +  (exp(cs_end - cs_s) dt_s X)^T B
 *
 * One block walks over all chunks of one head (or of PB of its rows) with S in registers: no intermediate
 * state touches device memory, a tail of a few tokens costs only its own 16 rows.  Two groups of 4 warps work beside
 * each other, one barrier a chunk: the first makes Y, 16 tokens a warp; the second moves S on, a strip a warp, and has
 * the next chunk copied to shared memory.  Products read bf16 and sum in f32; S, dt and the running sums stay f32 (S is
 * rounded to bf16 where C reads it).
 */
#include "kernels/cuda/cuda_ssd_chunk.cuh"

#define GROUP_THREADS 128 /* 4 warps: of Y, and of S */
#define CHUNK_THREADS (2 * GROUP_THREADS)
/* Places in shared memory, in 16-byte chunks; rows of X and Y have XC of them, rows of B, C and S have NC.  X, B and S
 * are there twice: for this chunk and for the next. */
template <int PB, int NB> struct chunk_shape {
    static constexpr int XC = PB / 8, NC = NB / 8;
    static constexpr int b = CHUNK * XC, stage = b + CHUNK * NC;
    static constexpr int state = 2 * stage, c = state + 2 * PB * NC, y = c + CHUNK * NC,
                         steps      = y + CHUNK * 4;
    static constexpr size_t barrier = (size_t)steps * 16 + 2 * sizeof(chunk_steps), shared = barrier + 16;
    static constexpr int    n_strips = PB / 16; /* warps along the rows of S; the others split its columns */
    static constexpr int    width = NB / (4 / n_strips), tiles = width / 8; /* of S in a warp */
};

/*
 * Where chunk `ch` of row `row` lies in a tile, in bytes: 8 rows of a column of chunks hit 8 different bank groups.
 * Only the low bits of the row count, so that 16 rows on is a constant away, and the chunk enters by exclusive or: with a
 * tile that starts on 256 bytes, swizzled(row, a ^ b) = swizzled(row, a) ^ 16 b.
 */
template <int CH> __device__ __forceinline__ uint32_t swizzled(int row, int ch)
{
    return (uint32_t)(row * CH + (CH >= 8 ? ch ^ (row & 7) : ch ^ (row >> 1 & 3))) * 16;
}

/* Copies of X and B to shared memory by one group: thread i has one column of chunks of every few rows. */
template <int PB, int NB> struct chunk_feed {
    static constexpr int XC = PB / 8, NC = NB / 8, XR = GROUP_THREADS / XC, NR = GROUP_THREADS / NC;
    const char          *x, *b;
    int                  x_step, b_step; /* bytes of the rows between two copies */
    uint32_t             x_to, b_to;     /* inside a stage */
    int                  x_row, b_row;   /* 1 << 30 outside P, N: no such token */

    __device__ __forceinline__ void open(const ssd_params &p, int64_t batch, int h, int p0, int tid)
    {
        x_row  = p0 + tid % XC * 8 < p.P ? tid / XC : 1 << 30;
        b_row  = tid % NC * 8 < p.N ? tid / NC : 1 << 30;
        x_step = (int)(2 * XR * p.x.row_stride), b_step = (int)(2 * NR * p.b.row_stride);
        x_to = swizzled<XC>(tid / XC, tid % XC);
        b_to = CHUNK * XC * 16 + swizzled<NC>(tid / NC, tid % NC);
        x    = row_at(p.x, batch, (int64_t)0) + tid / XC * 2 * p.x.row_stride +
            2 * (h * p.P + p0 + tid % XC * 8);
        b = row_at(p.b, batch, (int64_t)0) + tid / NC * 2 * p.b.row_stride +
            2 * (h / (p.H / p.G) * p.N + tid % NC * 8);
    }

    /* Starts the copy of the next chunk, `left` tokens and then zeros. */
    __device__ __forceinline__ void fetch(uint32_t stage, int left)
    {
#pragma unroll
        for (int k = 0; k < CHUNK / XR; k++, x += x_step)
            copy_async_at(stage + x_to + k * XR * XC * 16, x, x_row + k * XR < left);
#pragma unroll
        for (int k = 0; k < CHUNK / NR; k++, b += b_step)
            copy_async_at(stage + b_to + k * NR * NC * 16, b, b_row + k * NR < left);
    }
};

/* The 16 rows of C that one warp of Y reads, copied by itself. */
template <int NB> struct chunk_feed_c {
    static constexpr int NC = NB / 8, RL = WARP / NC; /* rows a round of the warp */
    const char          *c;
    int                  step, row;
    uint32_t             to;

    __device__ __forceinline__ void open(const ssd_params &p, int64_t batch, int g, int row0, int lane)
    {
        row  = lane % NC * 8 < p.N ? row0 + lane / NC : 1 << 30;
        step = (int)(2 * RL * p.c.row_stride);
        to   = swizzled<NC>(row0 + lane / NC, lane % NC);
        c    = row_at(p.c, batch, (int64_t)(row0 + lane / NC)) + 2 * (g * p.N + lane % NC * 8);
    }

    /* RL rows on is not 16 rows on: the swizzle turns with the row. */
    __device__ __forceinline__ void fetch(uint32_t cs, int left)
    {
#pragma unroll
        for (int k = 0; k < 16 / RL; k++, c += step)
            copy_async_at(cs + (to ^ (uint32_t)(k * RL % 8 * 16)) + k * RL * NC * 16, c, row + k * RL < left);
        c += 3 * (16 / RL) * (int64_t)step; /* 64 rows a chunk */
    }
};

/* m = C B^T * L dt for the 16 tokens of this warp and the `n` first of the chunk, as A of a product over those. */
template <int NB>
__device__ __forceinline__ void chunk_mixing(uint32_t (*m)[4], const uint32_t (*c)[4], uint32_t bs,
                                             const chunk_steps &s, int row0, int n, int lane)
{
    constexpr int NC   = NB / 8;
    int           r    = row0 + lane / 4;
    float         sum0 = s.sum[r], sum1 = s.sum[r + 8];
    uint32_t      at = bs + swizzled<NC>(b_row(lane), b_chunk(lane));
#pragma unroll
    for (int s0 = 0; s0 < CHUNK; s0 += 32) {
        if (s0 >= n)
            break;
        float g[4][4] = {};
#pragma unroll
        for (int k = 0; k < NB / 16; k++)
#pragma unroll
            for (int j = 0; j < 2; j++) {
                uint32_t f[4];
                ldmatrix4_at(f, (at ^ (uint32_t)(k * 32)) + (s0 + j * 16) * NC * 16);
                mma_bf16(g[2 * j], c[k], f);
                mma_bf16(g[2 * j + 1], c[k], f + 2);
            }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            int          t                    = s0 + j * 8 + lane % 4 * 2;
            const float *v                    = g[j];
            float2       key                  = *(const float2 *)&s.key[t];
            float        m0                   = t <= r ? v[0] * exp2_fast(sum0 - key.x) : 0.0f,
                  m1                          = t + 1 <= r ? v[1] * exp2_fast(sum0 - key.y) : 0.0f,
                  m2                          = t <= r + 8 ? v[2] * exp2_fast(sum1 - key.x) : 0.0f,
                  m3                          = t + 1 <= r + 8 ? v[3] * exp2_fast(sum1 - key.y) : 0.0f;
            m[s0 / 16 + j / 2][j % 2 * 2]     = floats_bf16(m0, m1);
            m[s0 / 16 + j / 2][j % 2 * 2 + 1] = floats_bf16(m2, m3);
        }
    }
}

/* y[16 tokens of this warp][32 columns from 8 x0] = carry C S^T + m X */
template <int PB, int NB>
__device__ __forceinline__ void chunk_outputs(float (*y)[4], const uint32_t (*m)[4], const uint32_t (*c)[4],
                                              uint32_t xs, uint32_t state, const chunk_steps &s, int row0,
                                              int x0, int n, int lane)
{
    constexpr int XC = PB / 8, NC = NB / 8;
    uint32_t      f[4], at        = state + x0 * 8 * NC * 16 + swizzled<NC>(b_row(lane), b_chunk(lane)),
                   from = xs + swizzled<XC>(a_row(lane), x0 ^ a_chunk(lane));
#pragma unroll
    for (int k = 0; k < NB / 16; k++)
#pragma unroll
        for (int j = 0; j < 2; j++) {
            ldmatrix4_at(f, (at ^ (uint32_t)(k * 32)) + j * 16 * NC * 16);
            mma_bf16(y[2 * j], c[k], f);
            mma_bf16(y[2 * j + 1], c[k], f + 2);
        }
    float carry0 = s.carry[row0 + lane / 4], carry1 = s.carry[row0 + lane / 4 + 8];
#pragma unroll
    for (int j = 0; j < 4; j++)
        y[j][0] *= carry0, y[j][1] *= carry0, y[j][2] *= carry1, y[j][3] *= carry1;
#pragma unroll
    for (int k = 0; k < CHUNK / 16; k++) {
        if (k * 16 >= n)
            break;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            ldmatrix4_turned_at(f, (from ^ (uint32_t)(i * 32)) + k * 16 * XC * 16);
            mma_bf16(y[2 * i], m[k], f);
            mma_bf16(y[2 * i + 1], m[k], f + 2);
        }
    }
}

/* Adds skip x and stores 32 columns: bf16 through shared memory in rows of 16 bytes, f32 directly. */
template <int PB>
__device__ __forceinline__ void store_outputs(const ssd_params &p, const float (*y)[4], uint32_t xs,
                                              uint32_t out, float skip, int64_t batch, int column, int left,
                                              int x0, int t0, int row0, int T, int lane)
{
    constexpr int XC   = PB / 8;
    bool          wide = p.y.dtype == KN_F32;
    uint32_t      from = xs + swizzled<XC>(row0 + lane / 4, x0) + lane % 4 * 4,
             to        = out + swizzled<4>(row0 + lane / 4, 0) + lane % 4 * 4;
    __syncwarp(); /* the part before this one is read */
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int    t    = t0 + row0 + lane / 4 + half * 8;
        float *line = wide && t < T ? (float *)row_at(p.y, batch, token_at(p, t)) + column : NULL;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            uint32_t x = load_shared((from ^ (uint32_t)(j * 16)) + half * 8 * XC * 16);
            float2   v =
                make_float2(y[j][2 * half] + skip * bf16_low(x), y[j][2 * half + 1] + skip * bf16_high(x));
            int i = j * 8 + lane % 4 * 2;
            if (!wide) {
                store_shared((to ^ (uint32_t)(j * 16)) + half * 8 * 4 * 16, floats_bf16(v.x, v.y));
            } else if (line != NULL && i < left) {
                float2 old            = p.accumulate ? *(float2 *)(line + i) : make_float2(0.0f, 0.0f);
                *(float2 *)(line + i) = make_float2(v.x + old.x, v.y + old.y);
            }
        }
    }
    if (wide)
        return;
    __syncwarp();
#pragma unroll
    for (int k = 0; k < 2; k++) {
        int t = t0 + row0 + lane / 4 + k * 8, ch = lane % 4;
        if (t < T && ch * 8 < left)
            *(uint4 *)(row_at(p.y, batch, token_at(p, t)) + 2 * (column + ch * 8)) =
                load_shared4(out + swizzled<4>(row0 + lane / 4, ch) + k * 8 * 4 * 16);
    }
}

/* This warp's strip of S moves on by a chunk. */
template <int PB, int NB>
__device__ __forceinline__ void chunk_state(float (*S)[4], uint32_t stage, const chunk_steps &s, int sp,
                                            int sn, int left, int lane)
{
    using shape      = chunk_shape<PB, NB>;
    constexpr int XC = shape::XC, NC = shape::NC;
    float         decay = s.decay[0];
    uint32_t      from  = stage + swizzled<XC>(b_row(lane), sp / 8 ^ b_chunk(lane)),
             at         = stage + shape::b * 16 + swizzled<NC>(a_row(lane), sn / 8 ^ a_chunk(lane));
#pragma unroll
    for (int j = 0; j < shape::tiles; j++)
        S[j][0] *= decay, S[j][1] *= decay, S[j][2] *= decay, S[j][3] *= decay;
#pragma unroll 1
    for (int k = 0; k < left; k += 16, from += 16 * XC * 16, at += 16 * NC * 16) {
        uint32_t a[4], f[4];
        ldmatrix4_turned_at(a, from);
        float2 w0 = *(const float2 *)&s.weight[k + lane % 4 * 2],
               w1 = *(const float2 *)&s.weight[k + 8 + lane % 4 * 2];
        a[0] = scale_pair(a[0], w0), a[1] = scale_pair(a[1], w0);
        a[2] = scale_pair(a[2], w1), a[3] = scale_pair(a[3], w1);
#pragma unroll
        for (int j = 0; j < shape::tiles / 2; j++) {
            ldmatrix4_turned_at(f, at ^ (uint32_t)(j * 32));
            mma_bf16(S[2 * j], a, f);
            mma_bf16(S[2 * j + 1], a, f + 2);
        }
    }
}

/* The strip as bf16, where the outputs of the next chunk read it. */
template <int PB, int NB>
__device__ __forceinline__ void publish_state(uint32_t state, const float (*S)[4], int sp, int sn, int lane)
{
    constexpr int NC = NB / 8;
    uint32_t      to = state + swizzled<NC>(sp + lane / 4, sn / 8) + lane % 4 * 4;
#pragma unroll
    for (int j = 0; j < chunk_shape<PB, NB>::tiles; j++)
#pragma unroll
        for (int half = 0; half < 2; half++)
            store_shared((to ^ (uint32_t)(j * 16)) + half * 8 * NC * 16,
                         floats_bf16(S[j][2 * half], S[j][2 * half + 1]));
}

/* The strip from `from` or to `S`, row 0 of this block in device memory; NULL: zeros, or nowhere. */
template <int PB, int NB>
__device__ __forceinline__ void move_state(float (*strip)[4], const float *from, float *S,
                                           const ssd_params &p, int p0, int sp, int sn, int lane)
{
#pragma unroll
    for (int j = 0; j < chunk_shape<PB, NB>::tiles; j++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int    r = sp + lane / 4 + half * 8, n = sn + j * 8 + lane % 4 * 2;
            bool   real = p0 + r < p.P && n < p.N;
            float *v    = strip[j] + 2 * half;
            if (S == NULL) {
                float2 old = real && from != NULL ? *(const float2 *)(from + (int64_t)r * p.N + n)
                                                  : make_float2(0.0f, 0.0f);
                v[0] = old.x, v[1] = old.y;
            } else if (real) {
                *(float2 *)(S + (int64_t)r * p.N + n) = make_float2(v[0], v[1]);
            }
        }
}

/* Both groups, once a chunk: a barrier in shared memory, because they come from two places of the code.  `round` counts. */
__device__ __forceinline__ void meet(uint32_t at, int round)
{
    uint32_t passed = 0;
    asm volatile("{\n.reg .b64 s;\nmbarrier.arrive.shared.b64 s, [%0];\n}" ::"r"(at) : "memory");
    while (passed == 0)
        asm volatile("{\n.reg .pred p;\nmbarrier.test_wait.parity.shared.b64 p, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, p;\n}"
                     : "=r"(passed)
                     : "r"(at), "r"(round & 1)
                     : "memory");
}

/* The group that makes Y. */
template <int PB, int NB>
__device__ __forceinline__ void run_outputs(const ssd_params &p, uint4 *tiles, int64_t batch, int h, int p0,
                                            int T)
{
    using shape   = chunk_shape<PB, NB>;
    int      lane = (int)(threadIdx.x % WARP), row0 = (int)(threadIdx.x / WARP) * 16;
    uint32_t base = shared_address(tiles), cs = base + shape::c * 16,
             from         = cs + swizzled<shape::NC>(row0 + a_row(lane), a_chunk(lane));
    float            skip = p.d ? p.d[h] : 0.0f, a2 = p.a[h] * LOG2_E, bias = p.dt_bias ? p.dt_bias[h] : 0.0f;
    chunk_feed_c<NB> feed;
    chunk_steps     *steps = (chunk_steps *)(tiles + shape::steps);
    feed.open(p, batch, h / (p.H / p.G), row0, lane);
    feed.fetch(cs, T);
    uint2 raw = fetch_steps(p, batch, h, 0, T);
    if (row0 == 0)
        make_steps(steps[0], p, a2, bias, raw, T);
#pragma unroll 1
    for (int t0 = 0, s = 0; t0 < T; t0 += CHUNK, s ^= 1) {
        int      left  = min(T - t0, CHUNK);
        uint32_t stage = base + s * shape::stage * 16,
                 state = base + (shape::state + s * PB * shape::NC) * 16;
        copy_async_wait_all();
        meet(base + (uint32_t)shape::barrier, t0 / CHUNK);
        if (row0 >= left)
            continue;
        if (row0 == 0) /* the warp with the fewest keys to look at */
            raw = fetch_steps(p, batch, h, t0 + CHUNK, T);
        uint32_t c[NB / 16][4], m[CHUNK / 16][4];
        int      n = min(row0 + 16, left);
#pragma unroll
        for (int k = 0; k < NB / 16; k++)
            ldmatrix4_at(c[k], from ^ (uint32_t)(k * 32));
        __syncwarp();
        if (t0 + CHUNK < T)
            feed.fetch(cs, T - t0 - CHUNK);
        chunk_mixing<NB>(m, c, stage + shape::b * 16, steps[s], row0, n, lane);
#pragma unroll 1
        for (int x0 = 0; x0 < PB / 8; x0 += 4) {
            float y[4][4] = {};
            chunk_outputs<PB, NB>(y, m, c, stage, state, steps[s], row0, x0, n, lane);
            store_outputs<PB>(p, y, stage, base + shape::y * 16, skip, batch, h * p.P + p0 + x0 * 8,
                              p.P - p0 - x0 * 8, x0, t0, row0, T, lane);
        }
        if (row0 == 0 && t0 + CHUNK < T)
            make_steps(steps[s ^ 1], p, a2, bias, raw, T - t0 - CHUNK);
    }
    copy_async_wait_all();
}

/* The group that moves S on and feeds the next chunk. */
template <int PB, int NB>
__device__ __forceinline__ void run_states(const ssd_params &p, uint4 *tiles, int64_t batch, int h, int p0,
                                           int T)
{
    using shape            = chunk_shape<PB, NB>;
    int                tid = (int)threadIdx.x - GROUP_THREADS, lane = tid % WARP, warp = tid / WARP;
    int                sp = warp % shape::n_strips * 16, sn = warp / shape::n_strips * shape::width;
    uint32_t           base  = shared_address(tiles);
    int64_t            first = ((int64_t)h * p.P + p0) * p.N;
    float             *S     = p.state ? p.state + batch * p.state_stride + first : NULL;
    const float       *from  = p.state ? p.start + batch * p.start_stride + first : NULL;
    const chunk_steps *steps = (const chunk_steps *)(tiles + shape::steps);
    float              strip[shape::tiles][4];
    chunk_feed<PB, NB> feed;
    feed.open(p, batch, h, p0, tid);
    feed.fetch(base, T);
    move_state<PB, NB>(strip, from, NULL, p, p0, sp, sn, lane);
    publish_state<PB, NB>(base + shape::state * 16, strip, sp, sn, lane);
#pragma unroll 1
    for (int t0 = 0, s = 0; t0 < T; t0 += CHUNK, s ^= 1) {
        uint32_t stage = base + s * shape::stage * 16;
        bool     more  = t0 + CHUNK < T;
        copy_async_wait_all();
        meet(base + (uint32_t)shape::barrier, t0 / CHUNK);
        if (!more && S == NULL)
            break;
        if (more)
            feed.fetch(base + (s ^ 1) * shape::stage * 16, T - t0 - CHUNK);
        chunk_state<PB, NB>(strip, stage, steps[s], sp, sn, min(T - t0, CHUNK), lane);
        if (!more)
            break;
        publish_state<PB, NB>(base + (shape::state + (s ^ 1) * PB * shape::NC) * 16, strip, sp, sn, lane);
    }
    copy_async_wait_all();
    if (S != NULL && T > 0)
        move_state<PB, NB>(strip, NULL, S, p, p0, sp, sn, lane);
}

/* Grid (head x part of PB rows, batch). */
template <int PB, int NB> __global__ void __launch_bounds__(CHUNK_THREADS, 2) ssd_chunk_kernel(ssd_params p)
{
    extern __shared__ __align__(1024) uint4 tiles[];
    if (threadIdx.x == 0)
        asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(tiles) +
                                                                (uint32_t)chunk_shape<PB, NB>::barrier),
                     "r"(CHUNK_THREADS)
                     : "memory");
    __syncthreads();
    cuda_begin();
    int     n_parts = (p.P + PB - 1) / PB, h = (int)blockIdx.x / n_parts, p0 = (int)blockIdx.x % n_parts * PB;
    int64_t batch = blockIdx.y;
    int T_all = p.x.n_rows, T = p.len ? min(max(p.len[batch], 0), T_all) : T_all, width = min(PB, p.P - p0);
    if (threadIdx.x < GROUP_THREADS)
        run_outputs<PB, NB>(p, tiles, batch, h, p0, T);
    else
        run_states<PB, NB>(p, tiles, batch, h, p0, T);
    for (int i = (int)threadIdx.x; !p.accumulate && i < (T_all - T) * width; i += CHUNK_THREADS)
        store1(row_at(p.y, batch, token_at(p, T + i / width)), p.y.dtype, h * p.P + p0 + i % width, 0.0f);
}

bool cuda_ssd_chunk_fits(const kn_queue *q, const ssd_params *p, int64_t n_batch)
{
    size_t y = cuda_dtype_size(p->y.dtype);
    return p->N <= 128 && n_batch <= 65535 && cuda_chunked(p->x, n_batch, p->P) &&
           cuda_chunked(p->b, n_batch, p->N) && cuda_chunked(p->c, n_batch, p->N) &&
           (uintptr_t)p->y.data % 16 == 0 && (p->y.n_rows < 2 || p->y.row_stride * y % 16 == 0) &&
           (n_batch < 2 || p->y.batch_stride * y % 16 == 0) &&
           ((uintptr_t)p->state | (uintptr_t)p->start) % 8 == 0 &&
           (p->state_stride | p->start_stride) % 2 == 0 &&
           cuda_of(q->dev)->max_shared >= (int)chunk_shape<32, 128>::shared;
}

template <int PB, int NB> static mlm_status launch(kn_queue *q, const ssd_params *p, int64_t n_batch)
{
    dim3 grid((unsigned)p->H * cuda_blocks(p->P, PB), (unsigned)n_batch);
    return cuda_launch(q, "ssd_scan", ssd_chunk_kernel<PB, NB>, grid, dim3(CHUNK_THREADS),
                       chunk_shape<PB, NB>::shared, *p);
}

/* Half a head a block while that is what fills the card; both give the same bits. */
mlm_status cuda_ssd_chunk(kn_queue *q, const ssd_params *p, int64_t n_batch)
{
    bool done = false;
    if (cuda_ssd_wgmma_fits(q, p))
        MLM_TRY(cuda_ssd_wgmma(q, p, n_batch, &done));
    if (done)
        return MLM_OK;
    const cuda_device *d    = cuda_of(q->dev);
    bool               half = p->P <= 32 || p->H * n_batch < 2 * d->n_sm;
    if (p->N <= 64)
        return half ? launch<32, 64>(q, p, n_batch) : launch<64, 64>(q, p, n_batch);
    if (half || d->max_shared < (int)chunk_shape<64, 128>::shared)
        return launch<32, 128>(q, p, n_batch);
    return launch<64, 128>(q, p, n_batch);
}
