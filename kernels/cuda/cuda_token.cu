/*
 * cuda_token.cu: one token of one row through many Mamba-2 layers in one kernel that stays (sm_90 on).
 *
 * One block an SM owns a share of the rows of each product and of the states.  A layer has two phases: norm, in_proj, and
 * behind it convolution, recurrence and gate of the block's own channels; gated norm, out_proj, residual.  What a block makes
 * that others need goes through global memory in words that carry their number of the layer, so that a reader knows by the
 * word itself that it has come: there is no barrier of the grid.
 *
 * The weights of a block's share, of all layers, are one list of pieces of rows; warps take pieces from it one
 * by one and stream them through a ring in shared memory (cuda_stream.cuh).  What is fetched does not depend on what was computed, so
 * memory works on while blocks wait for each other: 160 KB an SM are on their way, 7 us, and a meeting takes 6 (NOTES.md, sixth round).
 * Four more warps fetch states and constants, and wait for b, c and dt.
 *
 * All blocks must run at once: the launch is cooperative.  Where it cannot be (a part of a card that is shared out), the caller
 * goes layer by layer, and it is not tried again: the first step of a model runs, so a capture knows.
 *
 * Used for int8 weights, where a token takes a tenth less than with a kernel a product; with bf16 weights cuda_project_step.cu
 * is as fast or faster (kernels/bench/NOTES.md).  MLM_CUDA_TOKEN_AT_ONCE=1 takes this kernel for both
 * and for small layers, =0 for none.
 */
#include "kernels/cuda/cuda_token.cuh"

/* ---- rows of b, c, dt ------------------------------------------------------------------------------- */

/* What such a row needs besides its sum. */
struct one_constants {
    float4 conv_w;
    float  old[STEP_K - 1], bias, dt_bias, scale, unused[2];
};

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

__device__ __forceinline__ void publish_one(const token_params &p, const token_layer &l, int one,
                                            const one_constants *k, float sum, int lane, unsigned number)
{
    float input = __fadd_rn(__fmul_rn(sum, k->scale), 0.0f);
    bool  is_dt = one >= 2 * p.N;
    float made =
        is_dt ? step_dt(input, k->dt_bias, p.dt_min, p.dt_max) : step_conv(k->conv_w, k->bias, k->old, input);
    if (lane == 0)
        put_word(p.bc_words + one, number, made);
    if (lane < STEP_K - 1 && !is_dt)
        l.conv_state[(int64_t)lane * p.C + p.I + one] = lane < STEP_K - 2 ? k->old[lane + 1] : input;
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
                                           const float *sums, const float *bc, const float *dts, float factor,
                                           unsigned number)
{
    typedef typename state4<BF16>::stored stored;
    int                                   lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    bool                                  in   = lane * 4 < p.N;
    float4                                zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4                                b    = in ? *(const float4 *)(bc + lane * 4) : zero;
    float4                                c    = in ? *(const float4 *)(bc + p.N + lane * 4) : zero;
    ulonglong2 *words = p.y_words + (int64_t)blockIdx.x * ((p.most_pairs + TOKEN_WORD - 1) / TOKEN_WORD);
#pragma unroll 1
    for (int first = warp * TOKEN_WORD; first < s.n_pairs; first += TOKEN_THREADS / WARP * TOKEN_WORD) {
        int   mine = first + lane, ch = s.first_pair + mine;
        bool  real = lane < TOKEN_WORD && mine < s.n_pairs;
        float x = 0.0f, z = 0.0f, d = 0.0f, dx = 0.0f, decay = 0.0f, input = 0.0f;
        float old[2] = {0.0f, 0.0f};
        if (real) {
            pair_constants k = constants[mine];
            input            = __fadd_rn(__fmul_rn(sums[s.n_pairs + mine] * factor, k.x_scale), 0.0f);
            z                = __fadd_rn(__fmul_rn(sums[mine] * factor, k.z_scale), 0.0f);
            x                = step_conv(k.conv_w, k.bias, k.old, input);
            d                = k.d;
            dx               = __fmul_rn(dts[mine], x);
            decay            = step_decay(dts[mine], k.a);
            old[0] = k.old[1], old[1] = k.old[2];
        }
        float  part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        float4 t[TOKEN_WORD];
#pragma unroll
        for (int r = 0; r < TOKEN_WORD; r++) {
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
        float y1 = __shfl_sync(ALL_LANES, y, 1), y2 = __shfl_sync(ALL_LANES, y, 2);
        if (lane == 0)
            put_three(words + first / TOKEN_WORD, number, y, y1, y2);
        if (real) {
            l.conv_state[ch]                    = old[0];
            l.conv_state[(int64_t)p.C + ch]     = old[1];
            l.conv_state[2 * (int64_t)p.C + ch] = input;
        }
#pragma unroll
        for (int r = 0; r < TOKEN_WORD; r++)
            if (first + r < s.n_pairs && in)
                ((stored *)l.ssm_state)[(int64_t)(s.first_pair + first + r) * (p.N / 4) + lane] =
                    state4<BF16>::pack(t[r]);
    }
}

/* ---- what all blocks have made ----------------------------------------------------------------------- */

/*
 * The words of a vector that a thread reads: four threads look at the words of a block, each for its first one and, when that
 * has come, for the others.  What all blocks ask for again and again should be little.
 */
struct token_words {
    int word, first,
        end; /* a thread's first word, the others are four apart; its numbers, twelve apart; their end */
};

#define TOKEN_BLOCKS (TOKEN_THREADS / 4)

/* starts: where the parts of the blocks begin. */
__device__ __forceinline__ token_words words_of_thread(const int *starts, int most)
{
    int         b = (int)threadIdx.x / 4, j = (int)threadIdx.x % 4;
    token_words t = {b * ((most + TOKEN_WORD - 1) / TOKEN_WORD) + j, starts[b] + j * TOKEN_WORD,
                     starts[b + 1]};
    return t;
}

template <int E>
__device__ __forceinline__ float stage_word(float *xs, int first, int n, const float *w, ulonglong2 word)
{
    float v[TOKEN_WORD] = {__uint_as_float((unsigned)word.x), __uint_as_float((unsigned)(word.x >> 32)),
                           __uint_as_float((unsigned)word.y)};
    float square        = 0.0f;
#pragma unroll
    for (int k = 0; k < TOKEN_WORD; k++)
        if (k < n) {
            xs[x_slot<E>((unsigned)(first + k))] = v[k] * w[k];
            square                               = fmaf(v[k], v[k], square);
        }
    return square;
}

/* The vector times the norm's weights, where lanes find it; this thread's part of the sum of squares.  All lanes of a warp look together. */
template <int E, int MOST>
__device__ __forceinline__ float gather(token_words t, const ulonglong2 *words, unsigned number,
                                        const float *norm, float *xs)
{
    float      w[MOST][TOKEN_WORD], square = 0.0f;
    ulonglong2 got[MOST];
    int        n_left = TOKEN_POLLS;
#pragma unroll
    for (int i = 0; i < MOST; i++) {
        got[i] = make_ulonglong2(0, (unsigned long long)number << 32);
#pragma unroll
        for (int k = 0; k < TOKEN_WORD; k++)
            w[i][k] = t.first + 12 * i + k < t.end ? __ldg(norm + t.first + 12 * i + k) : 0.0f;
    }
    for (;;) {
        if (t.first < t.end)
            got[0] = get_three(words + t.word);
        if (__all_sync(ALL_LANES, (unsigned)(got[0].y >> 32) == number))
            break;
        pause(&n_left, TOKEN_PAUSE);
    }
    for (;;) {
        bool come = true;
#pragma unroll
        for (int i = 1; i < MOST; i++)
            if (t.first + 12 * i < t.end)
                got[i] = get_three(words + t.word + 4 * i);
#pragma unroll
        for (int i = 1; i < MOST; i++)
            come = come && (unsigned)(got[i].y >> 32) == number;
        if (__all_sync(ALL_LANES, come))
            break;
        pause(&n_left, TOKEN_PAUSE);
    }
#pragma unroll
    for (int i = 0; i < MOST; i++)
        square += stage_word<E>(xs, t.first + 12 * i, t.end - t.first - 12 * i, w[i], got[i]);
    return square;
}

/* The same of a row that lies in memory. */
template <int E, int MOST>
__device__ __forceinline__ float load_row(token_words t, const float *x, const float *norm, float *xs)
{
    float square = 0.0f;
#pragma unroll 1
    for (int i = 0; i < MOST; i++)
#pragma unroll 1
        for (int k = t.first + 12 * i; k < t.end && k < t.first + 12 * i + TOKEN_WORD; k++) {
            xs[x_slot<E>((unsigned)k)] = x[k] * norm[k];
            square                     = fmaf(x[k], x[k], square);
        }
    return square;
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

/* Sums of the block's rows of out_proj, scaled and added to the residual stream: words for all, or at the end the row itself. */
__device__ __forceinline__ void finish_outs(const token_params &p, const token_share &s, const float *sums,
                                            const float *scales, float *own, float factor, unsigned number,
                                            bool last)
{
    int n = (s.n_outs + TOKEN_WORD - 1) / TOKEN_WORD, each = (p.most_outs + TOKEN_WORD - 1) / TOKEN_WORD;
    ulonglong2 *words = p.x_words + (int64_t)blockIdx.x * each;
#pragma unroll 1
    for (int w = (int)threadIdx.x; w < n; w += TOKEN_THREADS) {
        float v[TOKEN_WORD] = {0.0f, 0.0f, 0.0f};
#pragma unroll
        for (int k = 0; k < TOKEN_WORD; k++) {
            int o = w * TOKEN_WORD + k;
            if (o >= s.n_outs)
                continue;
            float sum = 0.0f;
            for (int i = 0; i < p.n_seg; i++)
                sum += sums[o * p.n_seg + i];
            v[k] = own[o] = __fadd_rn(__fmul_rn(sum * factor, scales[o]), own[o]);
            if (last)
                p.x[s.first_out + o] = v[k];
        }
        if (!last)
            put_three(words + w, number, v[0], v[1], v[2]);
    }
}

/* ---- the kernel ------------------------------------------------------------------------------------- */

/* 1 / rms, from the sums of squares of all warps. */
__device__ __forceinline__ float token_factor(const float *part, float one_nth, float eps)
{
    float square[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int k = 0; k < TOKEN_THREADS / WARP; k++)
        square[k % 4] += part[k];
    return rsqrtf(fmaf((square[0] + square[1]) + (square[2] + square[3]), one_nth, eps));
}

template <int WT, bool BF16>
__global__ void __launch_bounds__(TOKEN_THREADS, 1) token_kernel(const __grid_constant__ token_params p)
{
    constexpr int           E = weights16<WT>::n, V = E / 4, n_lanes = stream_shape<WT>::n_lanes;
    extern __shared__ uint4 token_shared[];
    __shared__ __align__(16) float bc[2 * STEP_N], part[TOKEN_THREADS / WARP];
    __shared__ unsigned            launch_shared;
    __shared__ int                 next_piece, numbers[token_way::warps][token_way::depth];
    __shared__ int                 x_starts[TOKEN_BLOCKS + 1], y_starts[TOKEN_BLOCKS + 1];
    int    lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, helper = (int)threadIdx.x - TOKEN_STREAM;
    int    width  = max(p.in_rounds, p.out_rounds) * n_lanes * E;
    uint4 *ring   = token_shared + (warp % token_way::warps) * token_way::depth * token_way::n_slot + lane;
    float *xs     = (float *)(token_shared + token_way::n_ring);
    char  *states = (char *)(xs + width);
    pair_constants *constants = (pair_constants *)(states + p.most_pairs * p.N * (BF16 ? 2 : 4));
    token_layer    *layer     = (token_layer *)(constants + p.most_pairs);
    one_constants  *ones      = (one_constants *)(layer + ((p.n_layers + 1) & ~1)); /* of two layers */
    float          *sums      = (float *)(ones + 2 * p.most_ones);
    float          *dts = sums + max(2 * p.most_pairs, p.most_outs * p.n_seg), *own = dts + p.most_pairs;
    float          *scales = own + p.most_outs; /* of two layers */
    uint64_t        policy = stream_policy();
    token_share     s      = token_share_of(p);
    token_cursor    c      = {NULL, 0, count_items(p, s, false), 0, 0};
    int            *mine = numbers[warp % token_way::warps], k_slot = 0, end = 0;

    for (int i = (int)threadIdx.x; i < p.n_layers * (int)(sizeof *layer / sizeof(uint64_t));
         i += TOKEN_THREADS)
        ((uint64_t *)layer)[i] = ((const uint64_t *)p.layer)[i];
    for (int i = (int)threadIdx.x; i <= TOKEN_BLOCKS; i += TOKEN_THREADS) {
        x_starts[i] = part_of(p.D, min(i, (int)gridDim.x), (int)gridDim.x);
        y_starts[i] = part_of(p.I, min(i, (int)gridDim.x), (int)gridDim.x);
    }
    for (int i = (int)threadIdx.x; i < width; i += TOKEN_THREADS)
        xs[i] = 0.0f;
    if (threadIdx.x == 0)
        next_piece = 0;
    __syncthreads();
    if (helper < 0) {
#pragma unroll 1
        for (int k = 0; k < token_way::depth; k++)
            fetch<WT>(ring + k * token_way::n_slot, mine + k, c, p, s, layer, lane, &next_piece, policy);
    }
    cuda_dependency_wait();
    cuda_dependency_release();
    if (threadIdx.x == 0)
        launch_shared = count_launch(p.launch);
    if (helper >= 0) {
        fetch_ones(p, s, layer[0], helper, ones);
        copy_async_commit();
        fetch_pairs<BF16>(p, s, layer[0], helper, states, constants, scales);
        copy_async_commit();
        prefetch_lines(layer[0].norm, p.I, helper);
        copy_async_wait<1>();
    }
    for (int i = (int)threadIdx.x; i < s.n_outs; i += TOKEN_THREADS)
        own[i] = p.x[s.first_out + i];
    float square =
        warp_sum(load_row<E, 2>(words_of_thread(x_starts, p.most_outs), p.x, layer[0].in_norm, xs));
    if (lane == 0)
        part[warp] = square;

#pragma unroll 1
    for (int phase = 0; phase < 2 * p.n_layers; phase++) {
        bool               out = phase & 1, last = phase == 2 * p.n_layers - 1;
        const token_layer &l = layer[phase / 2];
        __syncthreads(); /* the vector is there; what follows from the last sums is done */
        unsigned number = launch_shared * TOKEN_LAYERS + (unsigned)phase / 2;
        float    factor = token_factor(part, out ? p.one_ith : p.one_dth, p.eps);
        if (helper < 0) {
            int n_items = count_items(p, s, out), n_ones = out ? 0 : s.n_ones,
                n_rounds = out ? p.out_rounds : p.in_rounds;
            end += n_items;
#pragma unroll 1
            for (;;) {
                int item = mine[k_slot] - end + n_items; /* of the piece whose first round comes now */
                if (item >= n_items)
                    break;
                int           seg = out ? (int)((unsigned)item % (unsigned)p.n_seg) : 0;
                token_sum<WT> sum;
                const float4 *x =
                    (const float4 *)xs + seg * (stream_shape<WT>::n_rounds * n_lanes * V) + lane;
                const float4 *end = (const float4 *)xs +
                                    min((seg + 1) * stream_shape<WT>::n_rounds, n_rounds) * (n_lanes * V);
#pragma unroll 1
                for (; x < end; x += n_lanes * V) {
                    uint4  v[ROUND];
                    uint4 *slot = ring + k_slot * token_way::n_slot;
                    take_round<token_way>(v, slot);
                    fetch<WT>(slot, mine + k_slot, c, p, s, layer, lane, &next_piece, policy);
                    k_slot = k_slot == token_way::depth - 1 ? 0 : k_slot + 1;
                    sum.add_round(v, x);
                }
                float acc = sum.total();
                if (item < n_ones)
                    publish_one(p, l, s.first_one + item, ones + phase / 2 % 2 * p.most_ones + item,
                                acc * factor, lane, number);
                else if (lane == 0)
                    sums[item - n_ones] = acc;
            }
        } else if (out) {
            if (!last) {
                fetch_pairs<BF16>(p, s, layer[phase / 2 + 1], helper, states, constants,
                                  scales + (phase / 2 + 1) % 2 * p.most_outs);
                prefetch_lines(layer[phase / 2 + 1].norm, p.I, helper);
            }
            copy_async_commit();
        } else {
            if (phase / 2 + 1 < p.n_layers) {
                fetch_ones(p, s, layer[phase / 2 + 1], helper, ones + (phase / 2 + 1) % 2 * p.most_ones);
                prefetch_lines(layer[phase / 2 + 1].in_norm, p.D, helper);
            }
            copy_async_commit();
            gather_bc(p, s, number, helper, bc, dts);
            copy_async_wait<1>(); /* not for the next layer's rows */
        }
        __syncthreads(); /* all sums are there, and nobody needs the vector any more */
        if (out) {
            finish_outs(p, s, sums, scales + phase / 2 % 2 * p.most_outs, own, factor, number, last);
            square = last ? 0.0f
                          : gather<E, 2>(words_of_thread(x_starts, p.most_outs), p.x_words, number,
                                         layer[(phase + 1) / 2].in_norm, xs);
        } else {
            step_pairs<BF16>(p, s, l, states, constants, sums, bc, dts, factor, number);
            square = gather<E, 4>(words_of_thread(y_starts, p.most_pairs), p.y_words, number, l.norm, xs);
        }
        square = warp_sum(square);
        if (lane == 0)
            part[warp] = square;
        if (out && helper >= 0)
            copy_async_wait<1>(); /* the next layer's rows of b, c, dt; not its pairs */
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
           (uintptr_t)kn_data(l->ssm_state) % 16 == 0;
}

static int words_of(int width, int n_sm)
{
    int most = (width + n_sm - 1) / n_sm;
    return n_sm * ((most + TOKEN_WORD - 1) / TOKEN_WORD);
}

/* Every block needs a part of x and of y: words may be written again because all blocks have answered those before. */
static bool token_fits(const kn_queue *q, const kn_token_args *a)
{
    const cuda_device *d = cuda_of(q->dev);
    kn_dtype           t = a->layer[0].in_proj->dtype;
    int                D = (int)a->x.dim[2], I = a->n_heads * a->head_dim, N = a->d_state;
    bool ok = d->capability >= 90 && (t == KN_BF16 ? d->token_bf16 : t == KN_I8 && d->token_i8) &&
              a->layer[0].in_proj->bytes >= d->token_least && !d->deterministic &&
              !__atomic_load_n(&d->apart, __ATOMIC_RELAXED) && a->conv_kernel == STEP_K && N % 8 == 0 &&
              N <= STEP_N && D >= d->n_sm && I >= d->n_sm && 4 * d->n_sm <= TOKEN_THREADS &&
              2 * N + a->n_heads <= CUDA_WORDS && words_of(I, d->n_sm) <= 16 * d->n_sm &&
              words_of(D, d->n_sm) <= 8 * d->n_sm &&
              words_of(I, d->n_sm) + words_of(D, d->n_sm) <= CUDA_TOKEN_WORDS &&
              2 * N + words_of(I, d->n_sm) / d->n_sm * TOKEN_WORD <= BC_WORDS * TOKEN_HELPERS;
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

template <int WT, bool BF16> static mlm_status launch(kn_queue *q, token_params *p, size_t shared, bool *done)
{
    MLM_TRY(cuda_enter(q->dev, "token"));
    const void *kernel = (const void *)token_kernel<WT, BF16>;
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
    cudaError_t err              = cudaLaunchKernelEx(&config, token_kernel<WT, BF16>, *p);
    *done                        = err != cudaErrorCooperativeLaunchTooLarge && err != cudaErrorNotSupported;
    if (*done)
        return cuda_launched(q, "token", err);
    (void)cudaGetLastError();
    __atomic_store_n(&cuda_of(q->dev)->apart, 1, __ATOMIC_RELAXED);
    return MLM_OK;
}

/* Widths in groups of 16 bytes and rounds; false: the row of in_proj is too long for one piece. */
template <int WT> static bool divide_rows(token_params *p, const kn_token_args *a)
{
    int64_t round = stream_shape<WT>::n_lanes * weights16<WT>::n;
    int64_t in = cuda_of(a->layer[0].in_proj)->pitch, out = cuda_of(a->layer[0].out_proj)->pitch;
    p->in_bytes   = in * weights16<WT>::size;
    p->out_bytes  = out * weights16<WT>::size;
    p->in_groups  = (int)(in / weights16<WT>::n);
    p->out_groups = (int)(out / weights16<WT>::n);
    p->in_rounds  = (int)((in + round - 1) / round);
    p->out_rounds = (int)((out + round - 1) / round);
    p->n_seg      = (p->out_rounds + stream_shape<WT>::n_rounds - 1) / stream_shape<WT>::n_rounds;
    return p->in_rounds <= stream_shape<WT>::n_rounds;
}

template <int WT>
static mlm_status launch_type(kn_queue *q, token_params *p, const kn_token_args *a, bool *done)
{
    const cuda_device *d    = cuda_of(q->dev);
    bool               bf16 = a->layer[0].ssm_state.dtype == KN_BF16;
    *done                   = divide_rows<WT>(p, a);
    if (!*done)
        return MLM_OK;
    int n_layers = a->n_layers < TOKEN_LAYERS ? a->n_layers : TOKEN_LAYERS;
    int rounds   = p->in_rounds > p->out_rounds ? p->in_rounds : p->out_rounds;
    int n_sums   = 2 * p->most_pairs > p->most_outs * p->n_seg ? 2 * p->most_pairs : p->most_outs * p->n_seg;
    int64_t shared = (int64_t)token_way::n_ring * 16 +
                     (int64_t)rounds * stream_shape<WT>::n_lanes * weights16<WT>::n * 4 +
                     p->most_pairs * (int64_t)(p->N * (bf16 ? 2 : 4) + sizeof(pair_constants)) +
                     ((n_layers + 1) & ~1) * (int64_t)sizeof(token_layer) +
                     2 * p->most_ones * (int64_t)sizeof(one_constants) +
                     (n_sums + p->most_pairs + 3 * p->most_outs) * (int64_t)sizeof(float);
    *done = shared <= d->max_shared - 3072; /* what the kernel has besides */
    for (int first = 0; *done && first < a->n_layers; first += TOKEN_LAYERS) {
        p->n_layers = a->n_layers - first < TOKEN_LAYERS ? a->n_layers - first : TOKEN_LAYERS;
        for (int i = 0; i < p->n_layers; i++)
            p->layer[i] = layer_of(&a->layer[first + i]);
        mlm_status st = bf16 ? launch<WT, true>(q, p, (size_t)shared, done)
                             : launch<WT, false>(q, p, (size_t)shared, done);
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
    p.y_words    = cuda_of(q)->token_words;
    p.x_words    = p.y_words + words_of(p.I, d->n_sm);
    p.bc_words   = (unsigned long long *)(p.y_words + CUDA_TOKEN_WORDS);
    p.launch     = (unsigned *)(p.bc_words + CUDA_WORDS);
    return a->layer[0].in_proj->dtype == KN_BF16 ? launch_type<KN_BF16>(q, &p, a, done)
                                                 : launch_type<KN_I8>(q, &p, a, done);
}
