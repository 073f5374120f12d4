/*
 * cuda_token_step.cuh: what cuda_token.cu does between two products: b, c, dt; convolution, recurrence and gate of the block's own
 * channels; the residual stream.
 */
#ifndef KERNELS_CUDA_TOKEN_STEP_CUH
#define KERNELS_CUDA_TOKEN_STEP_CUH

#include "kernels/cuda/cuda_pairs.cuh"
#include "kernels/cuda/cuda_token.cuh"

/* ---- rows of b, c, dt ------------------------------------------------------------------------------- */

/* What such a row needs besides its sum. */
struct one_constants {
    float4 conv_w;
    float  old[STEP_K - 1], bias, dt_bias, scale, unused[2];
};

/* It starts on its way to shared memory, by the last helpers: the first ones have pairs. */
template <int WT>
__device__ __forceinline__ void fetch_ones(const token_params &p, const token_share &s, const token_layer &l,
                                           int thread, one_constants *ones)
{
#pragma unroll 1
    for (int i = token_team<WT>::helpers - 1 - thread; i < s.n_ones; i += token_team<WT>::helpers) {
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

/* b, c of all and dt of the block's pairs, by the helpers.  All lanes of a warp look together. */
template <int WT>
__device__ __forceinline__ void gather_bc(const token_params &p, const token_share &s, unsigned number,
                                          int thread, float *bc, float *dts)
{
    int                       n = 2 * p.N + s.n_pairs, n_left = TOKEN_POLLS;
    const unsigned long long *at[token_team<WT>::bc_words];
    unsigned long long        word[token_team<WT>::bc_words];
    bool                      come;
#pragma unroll
    for (int k = 0; k < token_team<WT>::bc_words; k++) {
        int i = min(thread + k * token_team<WT>::helpers, n - 1);
        at[k] = p.bc_words +
                (i < 2 * p.N ? i : 2 * p.N + (int)((unsigned)(s.first_pair + i - 2 * p.N) / (unsigned)p.P));
    }
    for (;;) {
        come = true;
#pragma unroll
        for (int k = 0; k < token_team<WT>::bc_words; k++)
            word[k] = get_word(at[k]);
#pragma unroll
        for (int k = 0; k < token_team<WT>::bc_words; k++)
            come = come && (unsigned)(word[k] >> 32) == number;
        if (__all_sync(ALL_LANES, come))
            break;
        pause(&n_left, 20);
    }
#pragma unroll
    for (int k = 0; k < token_team<WT>::bc_words; k++) {
        int i = thread + k * token_team<WT>::helpers;
        if (i < n)
            *(i < 2 * p.N ? bc + i : dts + i - 2 * p.N) = __uint_as_float((unsigned)word[k]);
    }
}

/* ---- pairs ------------------------------------------------------------------------------------------ */

/* States and constants of the block's pairs, and scales of its rows of out_proj, start on their way to shared memory. */
template <int WT, bool BF16>
__device__ __forceinline__ void fetch_pairs(const token_params &p, const token_share &s, const token_layer &l,
                                            int thread, char *states, pair_constants *constants,
                                            float *scales)
{
    int         n    = s.n_pairs * p.N * (BF16 ? 2 : 4) / 16;
    const char *from = (const char *)l.ssm_state + (int64_t)s.first_pair * p.N * (BF16 ? 2 : 4);
#pragma unroll 4
    for (int i = thread; i < n; i += token_team<WT>::helpers)
        copy_async((uint4 *)(states + i * 16), from + i * 16, true);
    pair_source from_layer = {l.conv_w, l.conv_state, l.conv_b, l.a, l.d, l.in_scale, p.C, p.I};
#pragma unroll 1
    for (int i = thread; i < s.n_pairs; i += token_team<WT>::helpers) {
        int c = s.first_pair + i;
        fetch_constants(constants + i, from_layer, c, (int)((unsigned)c / (unsigned)p.P));
    }
#pragma unroll 1
    for (int i = token_team<WT>::helpers - 1 - thread; i < s.n_outs; i += token_team<WT>::helpers)
        if (l.out_scale)
            copy_float(scales + i, l.out_scale + s.first_out + i);
        else
            scales[i] = 1.0f;
}

/*
 * What of a pair does not need its sums, by a helper each, where the pair's constants lie: the older inputs of the convolution are
 * multiplied and moved on ...
 */
__device__ __forceinline__ void prepare_conv(const token_params &p, const token_share &s,
                                             const token_layer &l, pair_constants *constants, int thread)
{
    if (thread >= s.n_pairs)
        return;
    pair_constants *k    = constants + thread;
    float          *kept = l.conv_state + s.first_pair + thread;
    k->bias =
        fmaf(k->conv_w.z, k->old[2], fmaf(k->conv_w.y, k->old[1], fmaf(k->conv_w.x, k->old[0], k->bias)));
    kept[0] = k->old[1], kept[p.C] = k->old[2];
}
/* ... and, when dt has come, the decay; old[0] becomes dt. */
__device__ __forceinline__ void prepare_decay(const token_share &s, pair_constants *constants,
                                              const float *dts, int thread)
{
    if (thread >= s.n_pairs)
        return;
    pair_constants *k = constants + thread;
    k->old[0]         = dts[thread];
    k->a              = step_decay(dts[thread], k->a);
}

/* Moves the states of two pairs a warp on, where they lie, and publishes their y. */
template <bool BF16>
__device__ __forceinline__ void step_pairs(const token_params &p, const token_share &s, const token_layer &l,
                                           char *states, const pair_constants *constants,
                                           const float *partial, const float *bc, float factor,
                                           unsigned number)
{
    typedef typename state4<BF16>::stored stored;
    int                                   lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    bool                                  in   = lane * 4 < p.N;
    float4                                zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4                                b    = in ? *(const float4 *)(bc + lane * 4) : zero;
    float4                                c    = in ? *(const float4 *)(bc + p.N + lane * 4) : zero;
#pragma unroll 1
    for (int first = warp * TOKEN_ROWS; first < s.n_pairs; first += STREAMERS * TOKEN_ROWS) {
        int            mine = first + lane % TOKEN_ROWS, ch = s.first_pair + mine;
        bool           real = mine < s.n_pairs; /* lanes beyond TOKEN_ROWS do the same again */
        pair_constants k    = constants[real ? mine : first];
        int            row  = real ? mine : first;
        float          input =
            __fadd_rn(__fmul_rn(sum_of_row(partial, (1 + count_tiles(s.n_pairs)) * TILE_ROWS + row) * factor,
                                k.x_scale),
                      0.0f);
        float z  = __fadd_rn(__fmul_rn(sum_of_row(partial, TILE_ROWS + row) * factor, k.z_scale), 0.0f);
        float x  = silu(fmaf(k.conv_w.w, input, k.bias));
        float dx = __fmul_rn(k.old[0], x);
        z        = silu(z);
        float part[TOKEN_ROWS] = {};
#pragma unroll
        for (int r = 0; r < TOKEN_ROWS; r++) {
            float dx_r = __shfl_sync(ALL_LANES, dx, r), decay_r = __shfl_sync(ALL_LANES, k.a, r);
            if (first + r < s.n_pairs && in) {
                stored *at = (stored *)states + (first + r) * (p.N / 4) + lane;
                float4  t  = step_state(state4<BF16>::unpack(*at), decay_r, dx_r, b);
                *at        = state4<BF16>::pack(t);
                part[r]    = step_dot(t, c);
            }
        }
        float y = step_sums<TOKEN_ROWS>(part, lane);
        y       = __shfl_sync(ALL_LANES, y, lane % TOKEN_ROWS * (WARP / TOKEN_ROWS));
        if (lane < TOKEN_ROWS && real) {
            put_word(p.y_words + ch, number, __fmul_rn(step_skip(y, k.d, x), z));
            l.conv_state[2 * (int64_t)p.C + ch] = input;
        }
    }
}

/* Lines of a vector that all blocks will read come into L2, each by one block. */
template <int WT> __device__ __forceinline__ void prefetch_lines(const float *v, int n, int thread)
{
    for (int i = ((int)blockIdx.x + thread * (int)gridDim.x) * 32; i < n;
         i += token_team<WT>::helpers * (int)gridDim.x * 32)
        asm volatile("prefetch.global.L2 [%0];" ::"l"(v + i));
}

/* The block's rows of out_proj, scaled and added to the residual stream: words for all, or at the end the row itself. */
__device__ __forceinline__ void finish_outs(const token_params &p, const token_share &s, const float *partial,
                                            const float *scales, float *own, float factor, unsigned number,
                                            bool last)
{
    for (int o = (int)threadIdx.x; o < s.n_outs; o += TOKEN_STREAM) {
        float sum = sum_of_row(partial, o) + sum_of_row(partial, count_tiles(s.n_outs) * TILE_ROWS + o);
        float v   = __fadd_rn(__fmul_rn(sum * factor, scales[o]), own[o]);
        own[o]    = v;
        if (last)
            p.x[s.first_out + o] = v;
        else
            put_word(p.x_words + s.first_out + o, number, v);
    }
}

#endif
