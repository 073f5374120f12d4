/*
 * cuda_token.cu: one token of one row through many Mamba-2 layers in one kernel that stays (sm_90 on).
 *
 * One block an SM owns a share of the rows of each product and of the states.  A layer has two phases: norm, in_proj, and
 * behind it convolution, recurrence and gate of the block's own channels; gated norm, out_proj, residual.  What a block makes
 * that others need goes through global memory in words that carry the number of the layer, so that a reader knows by the
 * word itself that it has come: there is no barrier of the grid.
 *
 * Sixteen warps stream weights, each a slice of the columns of all of the block's rows, sixteen rows at a time, through a ring in shared
 * memory.  What is fetched does not depend on what was computed, so memory works on while blocks wait for each other.  A warp
 * reads its slice of x itself and keeps it in registers for a whole phase, as the narrow operand of tensor-core products: in three bf16 parts (bf16
 * weights) or four signed digits (int8 weights), which lose nothing of f32.  The warps' sums meet in shared memory, in a fixed order.
 * Four more warps fetch states and constants, make b, c and dt, and wait for those of others.
 *
 * All blocks must run at once: the launch is cooperative.  Where it cannot be (a part of a card that is shared out), the caller
 * goes layer by layer, and it is not tried again: the first step of a model runs, so a capture knows.
 */
#include "kernels/cuda/cuda_token.cuh"

/* ---- the ring --------------------------------------------------------------------------------------- */

/* What a warp asks for next; of all layers. */
struct token_cursor {
    int phase, tile, round; /* phase: twice the layer, and one more in out_proj */
};

__device__ __forceinline__ int count_tiles(const token_share &s, bool out)
{
    return out ? (s.n_outs + TILE_ROWS - 1) / TILE_ROWS : 1 + (2 * s.n_pairs + TILE_ROWS - 1) / TILE_ROWS;
}

/* The row of the matrix that is row r of a tile, or -1.  The first tile of in_proj has b, c, dt, the others z and then x. */
__device__ __forceinline__ int row_of(const token_params &p, const token_share &s, bool out, int tile, int r)
{
    int i = tile * TILE_ROWS + r;
    if (out)
        return i < s.n_outs ? s.first_out + i : -1;
    if (tile == 0)
        return r < s.n_ones ? 2 * p.I + s.first_one + r : -1;
    i -= TILE_ROWS;
    if (i >= 2 * s.n_pairs)
        return -1;
    return s.first_pair + (i < s.n_pairs ? i : i - s.n_pairs + p.I);
}

/* Where chunk `part` (16 bytes) of a row of a round lies in its slot: ten a row; rows 4 to 7 turned by one, so that eight rows meet all banks. */
__device__ __forceinline__ int place_of(int row, int part)
{
    int at = part + (row >> 2 & 1);
    return (row * 2 * ROUND_STEPS + (at == 2 * ROUND_STEPS ? 0 : at)) * 16;
}

/* R_IN, R_OUT: rounds of a tile in both products. */
template <int R_IN, int R_OUT>
__device__ __forceinline__ void fetch(uint32_t slot, token_cursor &c, const token_params &p,
                                      const token_share &s, const token_layer *layer, int warp, int lane,
                                      uint64_t policy)
{
    if (c.phase < 2 * p.n_layers) {
        bool        out    = c.phase & 1;
        const char *w      = out ? layer[c.phase / 2].out_w : layer[c.phase / 2].in_w;
        int64_t     pitch  = out ? p.out_bytes : p.in_bytes;
        int         column = (warp * (out ? R_OUT : R_IN) + c.round) * ROUND_STEPS * 32;
#pragma unroll
        for (int u = 0; u < ROUND_BYTES / 16 / WARP; u++) {
            int  chunk = u * WARP + lane, r = chunk / (2 * ROUND_STEPS), part = chunk - r * 2 * ROUND_STEPS;
            int  row = row_of(p, s, out, c.tile, r), at = column + part * 16;
            bool real = row >= 0 && at < pitch;
            asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(
                             slot + (uint32_t)place_of(r, part)),
                         "l"(w + (real ? row * pitch + at : 0)), "r"(real ? 16 : 0), "l"(policy)
                         : "memory");
        }
        if (++c.round == (out ? R_OUT : R_IN)) {
            c.round = 0;
            if (++c.tile == count_tiles(s, out)) {
                c.tile = 0;
                c.phase++;
            }
        }
    }
    copy_async_commit();
}

/* ---- a slice of x ----------------------------------------------------------------------------------- */

#define SLICE 320 /* columns of a warp at most */

/* A warp's slice as the narrow operand: registers of all steps of a tile. */
template <int WT, int ROUNDS> struct token_slice {
    static constexpr int steps = ROUNDS * ROUND_STEPS, step_columns = WT == KN_I8 ? 32 : 16,
                         columns = steps * step_columns, groups = columns / 4;
    uint32_t b[steps][2];
    float    unit; /* of the last digit's place four places up; 1 for bf16 */
};

/*
 * Reads the slice as soon as it has come, times the norm's weights, into the warp's part of shared memory; the sum of its
 * squares (all lanes).  Until then only 32 pairs of words are looked at, again and again.
 */
template <int COLUMNS>
__device__ __forceinline__ float gather(const unsigned long long *words, const float *plain, unsigned number,
                                        const float *norm, int first, int width, int lane, float *to)
{
    constexpr int EACH = (COLUMNS / 4 + WARP - 1) / WARP; /* groups of four columns a lane */
    float4        w[EACH], v[EACH];
    float         square = 0.0f;
    int           n_left = TOKEN_POLLS;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        int g = lane + i * WARP, k = first + g * 4;
        w[i] = g < COLUMNS / 4 && k < width ? __ldg((const float4 *)(norm + k))
                                            : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
    if (words) {
        int k = first + lane * (COLUMNS / 4) / WARP * 4;
        for (;;) {
            ulonglong2 two =
                k < width ? get_two(words + k) : make_ulonglong2((unsigned long long)number << 32, 0);
            if (__all_sync(ALL_LANES, (unsigned)(two.x >> 32) == number))
                break;
            pause(&n_left, TOKEN_PAUSE);
        }
    }
    for (;;) {
        bool come = true;
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            int g = lane + i * WARP, k = first + g * 4;
            v[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            if (g >= COLUMNS / 4 || k >= width)
                continue;
            if (words) {
                ulonglong2 a = get_two(words + k), b = get_two(words + k + 2);
                come = come && (unsigned)(a.x >> 32) == number && (unsigned)(a.y >> 32) == number &&
                       (unsigned)(b.x >> 32) == number && (unsigned)(b.y >> 32) == number;
                v[i] = make_float4(__uint_as_float((unsigned)a.x), __uint_as_float((unsigned)a.y),
                                   __uint_as_float((unsigned)b.x), __uint_as_float((unsigned)b.y));
            } else {
                v[i] = *(const float4 *)(plain + k);
            }
        }
        if (__all_sync(ALL_LANES, come))
            break;
        pause(&n_left, TOKEN_PAUSE);
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        int g  = lane + i * WARP;
        square = add_square(square, v[i]);
        if (g < COLUMNS / 4)
            ((float4 *)to)[g] =
                make_float4(v[i].x * w[i].x, v[i].y * w[i].y, v[i].z * w[i].z, v[i].w * w[i].w);
    }
    __syncwarp();
    return warp_sum(square);
}

/* Part n of two neighbours: the number is the sum of its parts 0, 1, 2. */
__device__ __forceinline__ uint32_t part_of_two(float2 v, int n)
{
    uint32_t p = floats_bf16(v.x, v.y);
#pragma unroll
    for (int i = 0; i < 2; i++) {
        v.x -= bf16_low(p), v.y -= bf16_high(p);
        p = n > i ? floats_bf16(v.x, v.y) : p;
    }
    return n < 3 ? p : 0u;
}

template <int ROUNDS>
__device__ __forceinline__ void take_slice(token_slice<KN_BF16, ROUNDS> &x, float *from, int lane)
{
    int n = lane / 4, k = lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < x.steps; i++) {
        x.b[i][0] = part_of_two(*(const float2 *)(from + i * 16 + k), n);
        x.b[i][1] = part_of_two(*(const float2 *)(from + i * 16 + k + 8), n);
    }
    x.unit = 1.0f;
    __syncwarp(); /* before the slice is written again */
}

/* Four digits of a number |y| <= 127, each 1/128 of the one before. */
__device__ __forceinline__ void digits_of(float y, int *d)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float r = rintf(y);
        d[i]    = (int)r;
        y       = (y - r) * 128.0f;
    }
}

/* Numbers become digits where they lie: four numbers of a lane's groups, four bytes of each of four planes. */
template <int ROUNDS>
__device__ __forceinline__ void take_slice(token_slice<KN_I8, ROUNDS> &x, float *from, int lane)
{
    constexpr int EACH = (x.groups + WARP - 1) / WARP;
    float4        v[EACH];
    uint32_t      most = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        int g = lane + i * WARP;
        v[i]  = g < x.groups ? ((const float4 *)from)[g] : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        most  = max(max(max(most, __float_as_uint(fabsf(v[i].x))), __float_as_uint(fabsf(v[i].y))),
                    max(__float_as_uint(fabsf(v[i].z)), __float_as_uint(fabsf(v[i].w))));
    }
    most = __reduce_max_sync(ALL_LANES, most);
    /* the power of two above the largest, a 64th of it; nothing finite: NaN; too small for digits: zeros */
    uint32_t exponent = most >> 23;
    x.unit            = exponent >= 255 ? __uint_as_float(0x7fc00000u)
                        : exponent < 40 ? 0.0f
                                        : __uint_as_float((exponent - 5) << 23);
    float up          = exponent >= 255 || exponent < 40 ? 0.0f : __uint_as_float((254 + 5 - exponent) << 23);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        int g = lane + i * WARP, d[4][4];
        if (g >= x.groups)
            continue;
        digits_of(v[i].x * up, d[0]), digits_of(v[i].y * up, d[1]), digits_of(v[i].z * up, d[2]),
            digits_of(v[i].w * up, d[3]);
#pragma unroll
        for (int k = 0; k < 4; k++)
            ((uint32_t *)from)[k * x.groups + g] = (uint32_t)(d[0][k] & 255) |
                                                   (uint32_t)(d[1][k] & 255) << 8 |
                                                   (uint32_t)(d[2][k] & 255) << 16 | (uint32_t)d[3][k] << 24;
    }
    __syncwarp();
    int n = lane / 4;
#pragma unroll
    for (int i = 0; i < x.steps; i++) {
        const uint32_t *at = (const uint32_t *)from + n * x.groups + i * 8 + lane % 4;
        x.b[i][0]          = n < 4 ? at[0] : 0u;
        x.b[i][1]          = n < 4 ? at[4] : 0u;
    }
    __syncwarp();
}

/* ---- products --------------------------------------------------------------------------------------- */

__device__ __forceinline__ void mma_s8(int *c, const uint32_t *a, const uint32_t *b)
{
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Sums of a tile: two chains. */
template <int WT> struct tile_sum;
template <> struct tile_sum<KN_BF16> {
    float                           c[2][4] = {};
    __device__ __forceinline__ void add(int chain, const uint32_t *a, const uint32_t *b)
    {
        mma_bf16(c[chain], a, b);
    }
    /* Rows lane / 4 (low) and eight more (high), in lanes with lane % 4 == 0. */
    __device__ __forceinline__ void rows(float unit, float *low, float *high) const
    {
        (void)unit;
        float l0 = c[0][0] + c[1][0], l1 = c[0][1] + c[1][1], h0 = c[0][2] + c[1][2], h1 = c[0][3] + c[1][3];
        *low  = l0 + l1 + __shfl_down_sync(ALL_LANES, l0, 1);
        *high = h0 + h1 + __shfl_down_sync(ALL_LANES, h0, 1);
    }
};
template <> struct tile_sum<KN_I8> {
    int                             c[2][4] = {};
    __device__ __forceinline__ void add(int chain, const uint32_t *a, const uint32_t *b)
    {
        mma_s8(c[chain], a, b);
    }
    __device__ __forceinline__ void rows(float unit, float *low, float *high) const
    {
        constexpr float DOWN = 1.0f / 128.0f;
        float           l    = fmaf((float)(c[0][1] + c[1][1]), DOWN, (float)(c[0][0] + c[1][0]));
        float           h    = fmaf((float)(c[0][3] + c[1][3]), DOWN, (float)(c[0][2] + c[1][2]));
        *low                 = fmaf(__shfl_down_sync(ALL_LANES, l, 1), DOWN * DOWN, l) * unit;
        *high                = fmaf(__shfl_down_sync(ALL_LANES, h, 1), DOWN * DOWN, h) * unit;
    }
};

/* Where a warp stands in its ring. */
struct token_ring {
    uint32_t at; /* shared memory */
    int      k;
};

/* Tiles [from, to) of a phase: sums of this warp's slice to partial[row][warp]. */
template <int WT, int R_IN, int R_OUT, int ROUNDS>
__device__ __forceinline__ void stream_tiles(token_ring &ring, token_cursor &c,
                                             const token_slice<WT, ROUNDS> &x, int from, int to,
                                             float *partial, const token_params &p, const token_share &s,
                                             const token_layer *layer, int warp, int lane, uint64_t policy)
{
    int row = lane & 15, turn = row >> 2 & 1, first = (row * 2 * ROUND_STEPS + (lane >> 4) + turn) * 16;
    int last = first + (ROUND_STEPS - 1) * 32 - (turn == 1 && lane >= 16 ? 2 * ROUND_STEPS * 16 : 0);
#pragma unroll 1
    for (int tile = from; tile < to; tile++) {
        tile_sum<WT> sum;
#pragma unroll
        for (int r = 0; r < ROUNDS; r++) {
            uint32_t slot = ring.at + (uint32_t)(ring.k * ROUND_BYTES), a[2][4];
            asm volatile("cp.async.wait_group %0;" ::"n"(RING_DEPTH - 1) : "memory");
            __syncwarp();
            ldmatrix4_at(a[0], slot + (uint32_t)first);
#pragma unroll
            for (int i = 0; i < ROUND_STEPS; i++) {
                if (i + 1 < ROUND_STEPS)
                    ldmatrix4_at(a[(i + 1) & 1],
                                 slot + (uint32_t)(i + 1 == ROUND_STEPS - 1 ? last : first + (i + 1) * 32));
                sum.add(i & 1, a[i & 1], x.b[r * ROUND_STEPS + i]);
            }
            fetch<R_IN, R_OUT>(slot, c, p, s, layer, warp, lane, policy);
            ring.k = ring.k == RING_DEPTH - 1 ? 0 : ring.k + 1;
        }
        float low, high;
        sum.rows(x.unit, &low, &high);
        if (lane % 4 == 0) {
            partial[(tile * TILE_ROWS + lane / 4) * STREAMERS + warp]     = low;
            partial[(tile * TILE_ROWS + lane / 4 + 8) * STREAMERS + warp] = high;
        }
    }
}

/* A row's sum, always in the same order. */
__device__ __forceinline__ float sum_of_row(const float *partial, int row)
{
    const float4 *v = (const float4 *)(partial + row * STREAMERS);
    float4        a = v[0], b = v[1], c = v[2], d = v[3];
    return (((a.x + a.y) + (a.z + a.w)) + ((b.x + b.y) + (b.z + b.w))) +
           (((c.x + c.y) + (c.z + c.w)) + ((d.x + d.y) + (d.z + d.w)));
}

/* ---- rows of b, c, dt ------------------------------------------------------------------------------- */

/* What such a row needs besides its sum. */
struct one_constants {
    float4 conv_w;
    float  old[STEP_K - 1], bias, dt_bias, scale, unused[2];
};

__device__ __forceinline__ void copy_float(float *to, const float *from)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
                 "l"(from), "r"(from ? 4 : 0)
                 : "memory");
}

/* It starts on its way to shared memory, by the last helpers: the first ones have pairs. */
__device__ __forceinline__ void fetch_ones(const token_params &p, const token_share &s, const token_layer &l,
                                           int thread, one_constants *ones)
{
#pragma unroll 1
    for (int i = TOKEN_HELPERS - 1 - thread; i < s.n_ones; i += TOKEN_HELPERS) {
        int            one = s.first_one + i, c = p.I + one, h = one - 2 * p.N;
        one_constants *to = ones + i;
        if (h >= 0) {
            copy_float(&to->dt_bias, l.dt_bias ? l.dt_bias + h : NULL);
        } else {
            copy_async((uint4 *)&to->conv_w, l.conv_w + c, true);
            for (int k = 0; k < STEP_K - 1; k++)
                copy_float(to->old + k, l.conv_state + (int64_t)k * p.C + c);
            copy_float(&to->bias, l.conv_b ? l.conv_b + c : NULL);
        }
        if (l.in_scale)
            copy_float(&to->scale, l.in_scale + 2 * p.I + one);
        else
            to->scale = 1.0f;
    }
}

/* b, c and dt of the block, a helper each, from the sums of the first tile. */
__device__ __forceinline__ void publish_ones(const token_params &p, const token_share &s,
                                             const token_layer &l, const one_constants *ones,
                                             const float *partial, float factor, int thread, unsigned number)
{
    if (thread >= s.n_ones)
        return;
    const one_constants *k     = ones + thread;
    int                  one   = s.first_one + thread;
    bool                 is_dt = one >= 2 * p.N;
    float                input = __fadd_rn(__fmul_rn(sum_of_row(partial, thread) * factor, k->scale), 0.0f);
    put_word(p.bc_words + one, number,
             is_dt ? step_dt(input, k->dt_bias, p.dt_min, p.dt_max)
                   : step_conv(k->conv_w, k->bias, k->old, input));
    if (!is_dt) {
        float *kept = l.conv_state + p.I + one;
        kept[0] = k->old[1], kept[p.C] = k->old[2], kept[2 * (int64_t)p.C] = input;
    }
}

#define BC_WORDS 4 /* of a helper's lane at most */

/* b, c of all and dt of the block's pairs, by the helpers.  All lanes of a warp look together. */
__device__ __forceinline__ void gather_bc(const token_params &p, const token_share &s, unsigned number,
                                          int thread, float *bc, float *dts)
{
    int                       n = 2 * p.N + s.n_pairs, n_left = TOKEN_POLLS;
    const unsigned long long *at[BC_WORDS];
    unsigned long long        word[BC_WORDS];
    bool                      come;
#pragma unroll
    for (int k = 0; k < BC_WORDS; k++) {
        int i = min(thread + k * TOKEN_HELPERS, n - 1);
        at[k] = p.bc_words +
                (i < 2 * p.N ? i : 2 * p.N + (int)((unsigned)(s.first_pair + i - 2 * p.N) / (unsigned)p.P));
    }
    for (;;) {
        come = true;
#pragma unroll
        for (int k = 0; k < BC_WORDS; k++)
            word[k] = get_word(at[k]);
#pragma unroll
        for (int k = 0; k < BC_WORDS; k++)
            come = come && (unsigned)(word[k] >> 32) == number;
        if (__all_sync(ALL_LANES, come))
            break;
        pause(&n_left, 100);
    }
#pragma unroll
    for (int k = 0; k < BC_WORDS; k++) {
        int i = thread + k * TOKEN_HELPERS;
        if (i < n)
            *(i < 2 * p.N ? bc + i : dts + i - 2 * p.N) = __uint_as_float((unsigned)word[k]);
    }
}

/* ---- pairs ------------------------------------------------------------------------------------------ */

/* What a pair needs besides its sums. */
struct pair_constants {
    float4 conv_w;
    float  old[STEP_K - 1], bias, a, d, z_scale, x_scale;
};

/* States and constants of the block's pairs, and scales of its rows of out_proj, start on their way to shared memory. */
template <bool BF16>
__device__ __forceinline__ void fetch_pairs(const token_params &p, const token_share &s, const token_layer &l,
                                            int thread, char *states, pair_constants *constants,
                                            float *scales)
{
    int         n    = s.n_pairs * p.N * (BF16 ? 2 : 4) / 16;
    const char *from = (const char *)l.ssm_state + (int64_t)s.first_pair * p.N * (BF16 ? 2 : 4);
#pragma unroll 4
    for (int i = thread; i < n; i += TOKEN_HELPERS)
        copy_async((uint4 *)(states + i * 16), from + i * 16, true);
#pragma unroll 1
    for (int i = thread; i < s.n_pairs; i += TOKEN_HELPERS) {
        int             c = s.first_pair + i, h = (int)((unsigned)c / (unsigned)p.P);
        pair_constants *to = constants + i;
        copy_async((uint4 *)&to->conv_w, l.conv_w + c, true);
        for (int k = 0; k < STEP_K - 1; k++)
            copy_float(to->old + k, l.conv_state + (int64_t)k * p.C + c);
        copy_float(&to->bias, l.conv_b ? l.conv_b + c : NULL);
        copy_float(&to->a, l.a + h);
        copy_float(&to->d, l.d ? l.d + h : NULL);
        if (l.in_scale) {
            copy_float(&to->z_scale, l.in_scale + c);
            copy_float(&to->x_scale, l.in_scale + p.I + c);
        } else {
            to->z_scale = to->x_scale = 1.0f;
        }
    }
#pragma unroll 1
    for (int i = TOKEN_HELPERS - 1 - thread; i < s.n_outs; i += TOKEN_HELPERS)
        if (l.out_scale)
            copy_float(scales + i, l.out_scale + s.first_out + i);
        else
            scales[i] = 1.0f;
}

/* Moves the states of three pairs a warp on and publishes their y; the states are stored behind that. */
template <bool BF16>
__device__ __forceinline__ void step_pairs(const token_params &p, const token_share &s, const token_layer &l,
                                           const char *states, const pair_constants *constants,
                                           const float *partial, const float *bc, const float *dts,
                                           float factor, unsigned number)
{
    typedef typename state4<BF16>::stored stored;
    int                                   lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    bool                                  in   = lane * 4 < p.N;
    float4                                zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4                                b    = in ? *(const float4 *)(bc + lane * 4) : zero;
    float4                                c    = in ? *(const float4 *)(bc + p.N + lane * 4) : zero;
#pragma unroll 1
    for (int first = warp * TOKEN_ROWS; first < s.n_pairs; first += STREAMERS * TOKEN_ROWS) {
        int   mine = first + lane, ch = s.first_pair + mine;
        bool  real = lane < TOKEN_ROWS && mine < s.n_pairs;
        float x = 0.0f, z = 0.0f, d = 0.0f, dx = 0.0f, decay = 0.0f, input = 0.0f;
        float old[2] = {0.0f, 0.0f};
        if (real) {
            pair_constants k = constants[mine];
            input            = __fadd_rn(
                           __fmul_rn(sum_of_row(partial, TILE_ROWS + s.n_pairs + mine) * factor, k.x_scale), 0.0f);
            z      = __fadd_rn(__fmul_rn(sum_of_row(partial, TILE_ROWS + mine) * factor, k.z_scale), 0.0f);
            x      = step_conv(k.conv_w, k.bias, k.old, input);
            d      = k.d;
            dx     = __fmul_rn(dts[mine], x);
            decay  = step_decay(dts[mine], k.a);
            old[0] = k.old[1], old[1] = k.old[2];
        }
        float  part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        float4 t[TOKEN_ROWS];
#pragma unroll
        for (int r = 0; r < TOKEN_ROWS; r++) {
            float dx_r = __shfl_sync(ALL_LANES, dx, r), decay_r = __shfl_sync(ALL_LANES, decay, r);
            t[r] = zero;
            if (first + r < s.n_pairs && in) {
                t[r]    = state4<BF16>::unpack(((const stored *)states)[(first + r) * (p.N / 4) + lane]);
                t[r]    = step_state(t[r], decay_r, dx_r, b);
                part[r] = step_dot(t[r], c);
            }
        }
        float y = step_sums<4>(part, lane);
        y       = __shfl_sync(ALL_LANES, y, lane * (WARP / 4));
        if (real)
            y = step_gate(step_skip(y, d, x), z);
        if (real)
            put_word(p.y_words + ch, number, y);
        if (real) {
            l.conv_state[ch]                    = old[0];
            l.conv_state[(int64_t)p.C + ch]     = old[1];
            l.conv_state[2 * (int64_t)p.C + ch] = input;
        }
#pragma unroll
        for (int r = 0; r < TOKEN_ROWS; r++)
            if (first + r < s.n_pairs && in)
                ((stored *)l.ssm_state)[(int64_t)(s.first_pair + first + r) * (p.N / 4) + lane] =
                    state4<BF16>::pack(t[r]);
    }
}

/* Lines of a vector that all blocks will read come into L2, each by one block. */
__device__ __forceinline__ void prefetch_lines(const float *v, int n, int thread)
{
    for (int i = ((int)blockIdx.x + thread * (int)gridDim.x) * 32; i < n;
         i += TOKEN_HELPERS * (int)gridDim.x * 32)
        asm volatile("prefetch.global.L2 [%0];" ::"l"(v + i));
}

/* Waits for what this thread has asked for but its last N groups. */
template <int N> __device__ __forceinline__ void copy_async_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* The block's rows of out_proj, scaled and added to the residual stream: words for all, or at the end the row itself. */
__device__ __forceinline__ void finish_outs(const token_params &p, const token_share &s, const float *partial,
                                            const float *scales, float *own, float factor, unsigned number,
                                            bool last)
{
    for (int o = (int)threadIdx.x; o < s.n_outs; o += TOKEN_STREAM) {
        float v = __fadd_rn(__fmul_rn(sum_of_row(partial, o) * factor, scales[o]), own[o]);
        own[o]  = v;
        if (last)
            p.x[s.first_out + o] = v;
        else
            put_word(p.x_words + s.first_out + o, number, v);
    }
}

/* ---- the kernel ------------------------------------------------------------------------------------- */

/* 1 / rms, from the sums of squares of all slices. */
__device__ __forceinline__ float token_factor(const float *part, float one_nth, float eps)
{
    return rsqrtf(fmaf(sum_of_row(part, 0), one_nth, eps));
}

#define BARRIER_STEP 1 /* the streamers have moved the states on: helpers may fetch the next ones */
#define BARRIER_ONES 2 /* the sums of the first tile are there: helpers make b, c, dt */

__device__ __forceinline__ void arrive_at(int barrier)
{
    asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "n"(TOKEN_THREADS) : "memory");
}
__device__ __forceinline__ void wait_at(int barrier)
{
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(TOKEN_THREADS) : "memory");
}

template <int WT, bool BF16, int R_IN, int R_OUT>
__global__ void __launch_bounds__(TOKEN_THREADS, 1) token_kernel(const __grid_constant__ token_params p)
{
    extern __shared__ uint4 token_shared[];
    __shared__ __align__(16) float bc[2 * STEP_N], part[2][STREAMERS];
    __shared__ unsigned            launch_shared;
    typedef token_slice<WT, R_IN>  slice_in;
    typedef token_slice<WT, R_OUT> slice_out;
    int    lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, helper = (int)threadIdx.x - TOKEN_STREAM;
    float *slices             = (float *)(token_shared + STREAMERS * RING_DEPTH * ROUND_BYTES / 16);
    float *in_sums            = slices + STREAMERS * SLICE;
    float *out_sums           = in_sums + p.in_tiles * TILE_ROWS * STREAMERS;
    char  *states             = (char *)(out_sums + p.out_tiles * TILE_ROWS * STREAMERS);
    pair_constants *constants = (pair_constants *)(states + p.most_pairs * p.N * (BF16 ? 2 : 4));
    token_layer    *layer     = (token_layer *)(constants + p.most_pairs);
    one_constants  *ones      = (one_constants *)(layer + ((p.n_layers + 1) & ~1)); /* of two layers */
    float          *dts = (float *)(ones + 2 * p.most_ones), *own = dts + p.most_pairs;
    float          *scales = own + p.most_outs; /* of two layers */
    token_share     s      = token_share_of(p);

    for (int i = (int)threadIdx.x; i < p.n_layers * (int)(sizeof *layer / sizeof(uint64_t));
         i += TOKEN_THREADS)
        ((uint64_t *)layer)[i] = ((const uint64_t *)p.layer)[i];
    __syncthreads();
    if (threadIdx.x == 0)
        launch_shared =
            next_launch(p.launch); /* nobody else uses these counters: the launch in front has ended */
    if (helper >= 0) {
        cuda_dependency_wait();
        fetch_ones(p, s, layer[0], helper, ones);
        copy_async_commit();
        fetch_pairs<BF16>(p, s, layer[0], helper, states, constants, scales);
        copy_async_commit();
        prefetch_lines(layer[0].norm, p.I, helper);
        for (int i = helper; i < s.n_outs; i += TOKEN_HELPERS)
            own[i] = p.x[s.first_out + i];
        copy_async_wait<1>();
        __syncthreads();
#pragma unroll 1
        for (int i = 0; i < p.n_layers; i++) {
            const token_layer &l      = layer[i];
            unsigned           number = launch_shared * TOKEN_LAYERS + (unsigned)i;
            bool               more   = i + 1 < p.n_layers;
            if (more) {
                fetch_ones(p, s, layer[i + 1], helper, ones + (i + 1) % 2 * p.most_ones);
                prefetch_lines(layer[i + 1].in_norm, p.D, helper);
            }
            copy_async_commit();
            wait_at(BARRIER_ONES);
            publish_ones(p, s, l, ones + i % 2 * p.most_ones, in_sums,
                         token_factor(part[0], p.one_dth, p.eps), helper, number);
            gather_bc(p, s, number, helper, bc, dts);
            copy_async_wait<1>(); /* not for the next layer's rows */
            __syncthreads();      /* all sums of in_proj, and what the step needs */
            wait_at(BARRIER_STEP);
            if (more) {
                fetch_pairs<BF16>(p, s, layer[i + 1], helper, states, constants,
                                  scales + (i + 1) % 2 * p.most_outs);
                prefetch_lines(layer[i + 1].norm, p.I, helper);
            }
            copy_async_commit();
            copy_async_wait<1>(); /* the next layer's rows of b, c, dt; not its pairs */
            __syncthreads();      /* all sums of out_proj */
        }
        return;
    }

    uint64_t   policy = stream_policy();
    token_ring ring   = {
          (uint32_t)__cvta_generic_to_shared(token_shared) + (uint32_t)(warp * RING_DEPTH * ROUND_BYTES), 0};
    token_cursor c     = {0, 0, 0};
    float       *slice = slices + warp * SLICE;
#pragma unroll 1
    for (int k = 0; k < RING_DEPTH; k++)
        fetch<R_IN, R_OUT>(ring.at + (uint32_t)(k * ROUND_BYTES), c, p, s, layer, warp, lane, policy);
    cuda_dependency_wait();
    cuda_dependency_release();
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < p.n_layers; i++) {
        const token_layer &l      = layer[i];
        unsigned           number = launch_shared * TOKEN_LAYERS + (unsigned)i;
        {
            slice_in x;
            float    square = gather<slice_in::columns>(i > 0 ? p.x_words : NULL, p.x, number - 1, l.in_norm,
                                                     warp * slice_in::columns, p.D, lane, slice);
            if (lane == 0)
                part[0][warp] = square;
            take_slice<R_IN>(x, slice, lane);
            stream_tiles<WT, R_IN, R_OUT>(ring, c, x, 0, 1, in_sums, p, s, layer, warp, lane, policy);
            arrive_at(BARRIER_ONES);
            stream_tiles<WT, R_IN, R_OUT>(ring, c, x, 1, count_tiles(s, false), in_sums, p, s, layer, warp,
                                          lane, policy);
        }
        __syncthreads(); /* all sums of in_proj, and what the step needs */
        step_pairs<BF16>(p, s, l, states, constants, in_sums, bc, dts,
                         token_factor(part[0], p.one_dth, p.eps), number);
        arrive_at(BARRIER_STEP);
        {
            slice_out x;
            float     square = gather<slice_out::columns>(p.y_words, NULL, number, l.norm,
                                                      warp * slice_out::columns, p.I, lane, slice);
            if (lane == 0)
                part[1][warp] = square;
            take_slice<R_OUT>(x, slice, lane);
            stream_tiles<WT, R_IN, R_OUT>(ring, c, x, 0, count_tiles(s, true), out_sums, p, s, layer, warp,
                                          lane, policy);
        }
        __syncthreads(); /* all sums of out_proj */
        finish_outs(p, s, out_sums, scales + i % 2 * p.most_outs, own,
                    token_factor(part[1], p.one_ith, p.eps), number, i == p.n_layers - 1);
    }
}

/* ---- the host's side --------------------------------------------------------------------------------- */

static bool layer_fits(const kn_token_args *a, const kn_token_layer *l)
{
    const cuda_matrix *first_in = cuda_of(a->layer[0].in_proj), *first_out = cuda_of(a->layer[0].out_proj);
    kn_dtype           t = a->layer[0].in_proj->dtype;
    return l->in_proj->dtype == t && l->out_proj->dtype == t &&
           cuda_of(l->in_proj)->pitch == first_in->pitch && cuda_of(l->out_proj)->pitch == first_out->pitch &&
           l->ssm_state.dtype == a->layer[0].ssm_state.dtype && (uintptr_t)kn_data(l->conv_w) % 16 == 0 &&
           (uintptr_t)kn_data(l->ssm_state) % 16 == 0 && (uintptr_t)kn_data(l->in_norm) % 16 == 0 &&
           (uintptr_t)kn_data(l->norm) % 16 == 0 && (uintptr_t)kn_data(a->x) % 16 == 0;
}

/* Every block needs a part of x and of y: words may be written again because all blocks have answered those before. */
static bool token_fits(const kn_queue *q, const kn_token_args *a)
{
    const cuda_device *d = cuda_of(q->dev);
    kn_dtype           t = a->layer[0].in_proj->dtype;
    int                D = (int)a->x.dim[2], I = a->n_heads * a->head_dim, N = a->d_state;
    int                most_pairs = (I + d->n_sm - 1) / d->n_sm;
    bool ok = d->capability >= 90 && (t == KN_BF16 ? d->token_bf16 : t == KN_I8 && d->token_i8) &&
              a->layer[0].in_proj->bytes >= d->token_least && !d->deterministic &&
              !__atomic_load_n(&d->apart, __ATOMIC_RELAXED) && a->conv_kernel == STEP_K && N % 8 == 0 &&
              N <= STEP_N && D >= d->n_sm && I >= d->n_sm && D % 4 == 0 && I % 4 == 0 &&
              D <= STREAMERS * SLICE / 2 && I <= STREAMERS * SLICE && D + I <= 2 * CUDA_TOKEN_WORDS &&
              2 * N + a->n_heads <= CUDA_WORDS && (2 * N + a->n_heads + d->n_sm - 1) / d->n_sm <= TILE_ROWS &&
              2 * N + most_pairs <= BC_WORDS * TOKEN_HELPERS;
    for (int i = 0; ok && i < a->n_layers; i++)
        ok = layer_fits(a, &a->layer[i]);
    return ok;
}

static token_layer layer_of(const kn_token_layer *l)
{
    token_layer t = {};
    t.in_w        = (const char *)cuda_of(l->in_proj)->data;
    t.out_w       = (const char *)cuda_of(l->out_proj)->data;
    t.in_scale    = cuda_of(l->in_proj)->scale;
    t.out_scale   = cuda_of(l->out_proj)->scale;
    t.in_norm     = (const float *)kn_data(l->in_norm);
    t.norm        = (const float *)kn_data(l->norm);
    t.conv_w      = (const float4 *)kn_data(l->conv_w);
    t.conv_b      = (const float *)kn_data(l->conv_b);
    t.a           = (const float *)kn_data(l->a);
    t.d           = (const float *)kn_data(l->d);
    t.dt_bias     = (const float *)kn_data(l->dt_bias);
    t.conv_state  = (float *)kn_data(l->conv_state);
    t.ssm_state   = kn_data(l->ssm_state);
    return t;
}

template <int WT, bool BF16, int R_IN, int R_OUT>
static mlm_status launch(kn_queue *q, token_params *p, size_t shared, bool *done)
{
    MLM_TRY(cuda_enter(q->dev, "token"));
    const void *kernel = (const void *)token_kernel<WT, BF16, R_IN, R_OUT>;
    MLM_TRY(cuda_status(
        q->dev, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared),
        "token"));
    cudaLaunchAttribute together = {};
    together.id                  = cudaLaunchAttributeCooperative; /* all blocks at once, or none */
    together.val.cooperative     = 1;
    cudaLaunchConfig_t config    = {};
    config.gridDim               = dim3((unsigned)cuda_of(q->dev)->n_sm);
    config.blockDim              = dim3(TOKEN_THREADS);
    config.dynamicSmemBytes      = shared;
    config.stream                = cuda_of(q)->stream;
    config.attrs                 = &together;
    config.numAttrs              = 1;
    cudaError_t err              = cudaLaunchKernelEx(&config, token_kernel<WT, BF16, R_IN, R_OUT>, *p);
    *done                        = err != cudaErrorCooperativeLaunchTooLarge && err != cudaErrorNotSupported;
    if (*done)
        return cuda_launched(q, "token", err);
    (void)cudaGetLastError();
    __atomic_store_n(&cuda_of(q->dev)->apart, 1, __ATOMIC_RELAXED);
    return MLM_OK;
}

template <int WT, int R_IN, int R_OUT>
static mlm_status launch_type(kn_queue *q, token_params *p, const kn_token_args *a, bool *done)
{
    const cuda_device *d        = cuda_of(q->dev);
    bool               bf16     = a->layer[0].ssm_state.dtype == KN_BF16;
    int                n_layers = a->n_layers < TOKEN_LAYERS ? a->n_layers : TOKEN_LAYERS;
    p->in_bytes                 = cuda_of(a->layer[0].in_proj)->pitch * weights16<WT>::size;
    p->out_bytes                = cuda_of(a->layer[0].out_proj)->pitch * weights16<WT>::size;
    p->in_tiles                 = 1 + (2 * p->most_pairs + TILE_ROWS - 1) / TILE_ROWS;
    p->out_tiles                = (p->most_outs + TILE_ROWS - 1) / TILE_ROWS;
    int64_t shared = STREAMERS * RING_DEPTH * ROUND_BYTES + STREAMERS * SLICE * (int64_t)sizeof(float) +
                     (p->in_tiles + p->out_tiles) * TILE_ROWS * STREAMERS * (int64_t)sizeof(float) +
                     p->most_pairs * (int64_t)(p->N * (bf16 ? 2 : 4) + sizeof(pair_constants)) +
                     ((n_layers + 1) & ~1) * (int64_t)sizeof(token_layer) +
                     2 * p->most_ones * (int64_t)sizeof(one_constants) +
                     (p->most_pairs + 3 * p->most_outs) * (int64_t)sizeof(float);
    *done = shared <= d->max_shared - 3072; /* what the kernel has besides */
    for (int first = 0; *done && first < a->n_layers; first += TOKEN_LAYERS) {
        p->n_layers = a->n_layers - first < TOKEN_LAYERS ? a->n_layers - first : TOKEN_LAYERS;
        for (int i = 0; i < p->n_layers; i++)
            p->layer[i] = layer_of(&a->layer[first + i]);
        mlm_status st = bf16 ? launch<WT, true, R_IN, R_OUT>(q, p, (size_t)shared, done)
                             : launch<WT, false, R_IN, R_OUT>(q, p, (size_t)shared, done);
        if (st != MLM_OK)
            return st;
        if (!*done && first > 0) /* the layers in front have been launched: no way back */
            return mlm_fail(MLM_E_DEVICE, "%s: token: layers from %d on were refused", q->dev->info.name,
                            first);
    }
    return MLM_OK;
}

mlm_status cuda_token_layers(kn_queue *q, const kn_token_args *a, bool *done)
{
    const cuda_device *d = cuda_of(q->dev);
    token_params       p = {};
    *done                = false;
    if (!token_fits(q, a))
        return MLM_OK;
    p.x          = (float *)kn_data(a->x);
    p.D          = (int)a->x.dim[2];
    p.H          = a->n_heads;
    p.P          = a->head_dim;
    p.I          = p.H * p.P;
    p.N          = a->d_state;
    p.C          = p.I + 2 * p.N;
    p.eps        = a->eps;
    p.one_dth    = 1.0f / (float)p.D;
    p.one_ith    = 1.0f / (float)p.I;
    p.dt_min     = a->dt_min;
    p.dt_max     = a->dt_max > 0.0f ? a->dt_max : 3.0e38f;
    p.most_pairs = (p.I + d->n_sm - 1) / d->n_sm;
    p.most_outs  = (p.D + d->n_sm - 1) / d->n_sm;
    p.most_ones  = (2 * p.N + p.H + d->n_sm - 1) / d->n_sm;
    p.y_words    = (unsigned long long *)cuda_of(q)->token_words;
    p.x_words    = p.y_words + p.I;
    p.bc_words   = (unsigned long long *)(cuda_of(q)->token_words + CUDA_TOKEN_WORDS);
    p.launch     = (unsigned *)(p.bc_words + CUDA_WORDS);
    return a->layer[0].in_proj->dtype == KN_BF16 ? launch_type<KN_BF16, 2, 4>(q, &p, a, done)
                                                 : launch_type<KN_I8, 1, 2>(q, &p, a, done);
}
