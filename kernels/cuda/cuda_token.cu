/*
 * cuda_token.cu: one token of one row through many Mamba-2 layers in one kernel that stays (sm_90 on).
 *
 * One block an SM owns a share of the rows of each product and of the states.  A layer has two phases: norm, in_proj, and
 * behind it convolution, recurrence and gate of the block's own channels (cuda_token_step.cuh); gated norm, out_proj, residual.  What a block makes
 * that others need goes through global memory in words that carry the number of the layer, so that a reader knows by the
 * word itself that it has come: there is no barrier of the grid.
 *
 * Twenty warps multiply, each a slice of the columns of all of the block's rows (cuda_token_slice.cuh), eight rows at a time, which come
 * through a ring in shared memory (cuda_token_ring.cuh).  What is fetched does not depend on what was computed, so memory works on while
 * blocks wait for each other.  The warps' sums meet in shared memory, in a fixed order; a block has one barrier a phase.
 * Four more warps (int8: three, and one that asks for weights) fetch states and constants, make b, c and dt, wait for those of others, and store
 * states.
 *
 * All blocks must run at once: the launch is cooperative.  Where it cannot be (a part of a card that is shared out), the caller
 * goes layer by layer, and it is not tried again: the first step of a model runs, so a capture knows.  Two launches on two queues
 * take turns: a block takes an SM's shared memory, and the card begins a cooperative launch with all its blocks or not at all.
 *
 * MLM_CUDA_TOKEN_AT_ONCE=1 takes this kernel for small layers, too, =0 for none (kernels/bench/NOTES.md, seventh round).
 */
#include "kernels/cuda/cuda_token_ring.cuh"
#include "kernels/cuda/cuda_token_slice.cuh"
#include "kernels/cuda/cuda_token_step.cuh"

#define PACE_I8 0.78 /* of what memory gives at best */

/* ---- products --------------------------------------------------------------------------------------- */

/* n tiles of a part: sums of this warp's slice to partial[row][warp]. */
template <int WT>
__device__ __forceinline__ void stream_tiles(token_ring<WT> &ring, const token_slice<WT> &x, int n,
                                             float *partial, const token_params &p, const token_share &s,
                                             const token_layer *layer, int warp, int lane)
{
    float *to = partial + (lane % 4 * 2 + lane / 4 % 2) * STREAMERS + warp;
#pragma unroll 1
    for (; n > 0; n--) {
        tile_sum<WT> sum;
        uint32_t     b[token_width<WT>::quads][4];
        ring.take(b, p, s, layer, warp, lane);
#pragma unroll
        for (int q = 0; q < token_width<WT>::quads; q++)
            sum.add(x.a[q], b[q]);
        ring.leave(lane);
        /* rows 2 (lane % 4) and the one behind, part lane / 4 */
        float v0 = sum.part(0, x.unit), v1 = sum.part(1, x.unit);
        float v = (lane & 4 ? v1 : v0) + __shfl_xor_sync(ALL_LANES, lane & 4 ? v0 : v1, 4);
        v += __shfl_xor_sync(ALL_LANES, v, 8);
        if (lane < 8)
            *to = v;
        to += TILE_ROWS * STREAMERS;
    }
}

/* ---- the kernel ------------------------------------------------------------------------------------- */

template <int WT, bool BF16>
__global__ void __launch_bounds__(TOKEN_THREADS, 1) token_kernel(const __grid_constant__ token_params p)
{
    extern __shared__ __align__(1024) uint4 token_shared[];
    __shared__ __align__(16) float bc[2 * STEP_N], part[2][STREAMERS];
    __shared__ unsigned            launch_shared;
    __shared__ float               factor_shared;
    typedef token_team<WT>         team;
    int    lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, helper = (int)threadIdx.x - TOKEN_STREAM;
    char  *slices             = (char *)token_shared + token_ring<WT>::bytes;
    float *in_sums            = (float *)(slices + STREAMERS * token_parts<WT>::bytes);
    float *out_sums           = in_sums + (1 + 2 * p.pair_tiles) * TILE_ROWS * STREAMERS;
    char  *states             = (char *)(out_sums + 2 * p.out_tiles * TILE_ROWS * STREAMERS);
    pair_constants *constants = (pair_constants *)(states + p.most_pairs * p.N * (BF16 ? 2 : 4));
    token_layer    *layer     = (token_layer *)(constants + p.most_pairs);
    one_constants  *ones      = (one_constants *)(layer + ((p.n_layers + 1) & ~1)); /* of two layers */
    float          *dts = (float *)(ones + 2 * p.most_ones), *own = dts + p.most_pairs;
    float          *scales = own + p.most_outs; /* of two layers */
    token_share     s      = token_share_of(p);

    for (int i = (int)threadIdx.x; i < p.n_layers * (int)(sizeof *layer / sizeof(uint64_t));
         i += TOKEN_THREADS)
        ((uint64_t *)layer)[i] = ((const uint64_t *)p.layer)[i];
    token_ring<WT>::prepare(token_shared, p);
    __syncthreads();
    if (helper >= team::helpers) {
        token_ring<WT>::produce(token_shared, p, s, layer, lane);
        return;
    }
    if (helper >= 0) {
        cuda_dependency_wait();
        cuda_dependency_release();
        if (helper == 0)
            launch_shared = count_launch(p.launch);
        fetch_ones<WT>(p, s, layer[0], helper, ones);
        copy_async_commit();
        fetch_pairs<WT, BF16>(p, s, layer[0], helper, states, constants, scales);
        copy_async_commit();
        prefetch_lines<WT>(layer[0].norm, p.I, helper);
        for (int i = helper; i < s.n_outs; i += team::helpers)
            own[i] = p.x[s.first_out + i];
        copy_async_wait<1>();
        wait_at<WT>(BARRIER_ALL);
#pragma unroll 1
        for (int i = 0; i < p.n_layers; i++) {
            const token_layer &l      = layer[i];
            unsigned           number = launch_shared * TOKEN_LAYERS + (unsigned)i;
            bool               more   = i + 1 < p.n_layers;
            if (more) {
                fetch_ones<WT>(p, s, layer[i + 1], helper, ones + (i + 1) % 2 * p.most_ones);
                prefetch_lines<WT>(layer[i + 1].in_norm, p.D, helper);
            }
            copy_async_commit();
            wait_at<WT>(BARRIER_ONES);
            float factor = token_factor(part[0], p.one_dth, p.eps);
            publish_ones(p, s, l, ones + i % 2 * p.most_ones, in_sums, factor, helper, number);
            if (helper == 0)
                factor_shared = factor;
            copy_async_wait<1>(); /* not for the next layer's rows */
            prepare_conv(p, s, l, constants, helper);
            gather_bc<WT>(p, s, number, helper, bc, dts);
            helpers_wait<WT>();
            prepare_decay(s, constants, dts, helper);
            wait_at<WT>(BARRIER_ALL); /* all sums of in_proj, and what the step needs */
            wait_at<WT>(BARRIER_STEP);
            if (helper == 0) {
                store_bulk((char *)l.ssm_state + (int64_t)s.first_pair * p.N * (BF16 ? 2 : 4), states,
                           (unsigned)(s.n_pairs * p.N * (BF16 ? 2 : 4)));
                bulk_read();
            }
            helpers_wait<WT>();
            if (more) {
                fetch_pairs<WT, BF16>(p, s, layer[i + 1], helper, states, constants,
                                      scales + (i + 1) % 2 * p.most_outs);
                prefetch_lines<WT>(layer[i + 1].norm, p.I, helper);
            }
            copy_async_commit();
            copy_async_wait<1>();     /* the next layer's rows of b, c, dt; not its pairs */
            wait_at<WT>(BARRIER_ALL); /* all sums of out_proj */
        }
        if (helper == 0)
            bulk_written();
        return;
    }

    token_ring<WT> ring(token_shared, p, s, layer, warp, lane);
    char          *slice = slices + warp * token_parts<WT>::bytes;
    cuda_dependency_wait();
    cuda_dependency_release();
    wait_at<WT>(BARRIER_ALL);
#pragma unroll 1
    for (int i = 0; i < p.n_layers; i++) {
        const token_layer &l      = layer[i];
        unsigned           number = launch_shared * TOKEN_LAYERS + (unsigned)i;
        {
            token_slice<WT> x;
            float4          v[1];
            float           square =
                gather<1>(v, i > 0 ? p.x_words : NULL, p.x, number - 1, l.in_norm, warp * SLICE, p.D, lane);
            take_slice(x, v[0], slice, lane);
            square = warp_sum(square);
            if (lane == 0)
                part[0][warp] = square;
            stream_tiles<WT>(ring, x, 1, in_sums, p, s, layer, warp, lane);
            arrive_at<WT>(BARRIER_ONES);
            stream_tiles<WT>(ring, x, 2 * count_tiles(s.n_pairs), in_sums + TILE_ROWS * STREAMERS, p, s,
                             layer, warp, lane);
        }
        wait_at<WT>(BARRIER_ALL); /* all sums of in_proj, and what the step needs */
        step_pairs<BF16>(p, s, l, states, constants, in_sums, bc, factor_shared, number);
        before_bulk(); /* the states */
        arrive_at<WT>(BARRIER_STEP);
        {
            token_slice<WT> x;
            float4          v[2];
            float           square = gather<2>(v, p.y_words, NULL, number, l.norm, warp * SLICE, p.I, lane);
            int             n      = count_tiles(s.n_outs);
            take_slice(x, v[0], slice, lane);
            stream_tiles<WT>(ring, x, n, out_sums, p, s, layer, warp, lane);
            square = warp_sum(square);
            if (lane == 0)
                part[1][warp] = square;
            take_slice(x, v[1], slice, lane);
            stream_tiles<WT>(ring, x, n, out_sums + n * TILE_ROWS * STREAMERS, p, s, layer, warp, lane);
        }
        wait_at<WT>(BARRIER_ALL); /* all sums of out_proj */
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
    int                most_pairs = (I + d->n_sm - 1) / d->n_sm, ones = 2 * N + a->n_heads;
    int                helpers = t == KN_I8 ? token_team<KN_I8>::helpers : token_team<KN_BF16>::helpers;
    int  words = helpers * (t == KN_I8 ? token_team<KN_I8>::bc_words : token_team<KN_BF16>::bc_words);
    bool ok    = d->capability >= 90 && d->token_at_once && (t == KN_BF16 || t == KN_I8) &&
              a->layer[0].in_proj->bytes >= d->token_least && !d->deterministic &&
              !__atomic_load_n(&d->apart, __ATOMIC_RELAXED) && a->conv_kernel == STEP_K && N % 8 == 0 &&
              N <= STEP_N && D >= d->n_sm && I >= d->n_sm && D % 4 == 0 && I % 4 == 0 &&
              D <= STREAMERS * SLICE && I <= 2 * STREAMERS * SLICE && D + I <= 2 * CUDA_TOKEN_WORDS &&
              ones <= CUDA_WORDS && (ones + d->n_sm - 1) / d->n_sm <= TILE_ROWS &&
              2 * N + most_pairs <= words && most_pairs <= helpers;
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

template <int WT>
static mlm_status launch_type(kn_queue *q, token_params *p, const kn_token_args *a, bool *done)
{
    const cuda_device *d        = cuda_of(q->dev);
    bool               bf16     = a->layer[0].ssm_state.dtype == KN_BF16;
    int                n_layers = a->n_layers < TOKEN_LAYERS ? a->n_layers : TOKEN_LAYERS;
    p->in_bytes                 = (unsigned)(cuda_of(a->layer[0].in_proj)->pitch * weights16<WT>::size);
    p->out_bytes                = (unsigned)(cuda_of(a->layer[0].out_proj)->pitch * weights16<WT>::size);
    p->pair_tiles               = (p->most_pairs + TILE_ROWS - 1) / TILE_ROWS;
    p->out_tiles                = (p->most_outs + TILE_ROWS - 1) / TILE_ROWS;
    int64_t shared =
        token_ring<WT>::bytes + STREAMERS * token_parts<WT>::bytes +
        (1 + 2 * p->pair_tiles + 2 * p->out_tiles) * TILE_ROWS * STREAMERS * (int64_t)sizeof(float) +
        p->most_pairs * (int64_t)(p->N * (bf16 ? 2 : 4) + sizeof(pair_constants)) +
        ((n_layers + 1) & ~1) * (int64_t)sizeof(token_layer) +
        2 * p->most_ones * (int64_t)sizeof(one_constants) +
        (p->most_pairs + 3 * p->most_outs) * (int64_t)sizeof(float);
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

/* Time of a row of a stage, 1/16 ns: all blocks together ask for this part of what memory gives at best. */
static unsigned pace_of(const cuda_device *d)
{
    return d->memory_rate > 0.0 ? (unsigned)(16e3 * STAGE_WIDTH * d->n_sm / (PACE_I8 * d->memory_rate)) : 0u;
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
    p.pace       = pace_of(d);
    return a->layer[0].in_proj->dtype == KN_BF16 ? launch_type<KN_BF16>(q, &p, a, done)
                                                 : launch_type<KN_I8>(q, &p, a, done);
}
