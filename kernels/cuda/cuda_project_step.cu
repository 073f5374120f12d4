/*
 * cuda_project_step.cu: one token of one row through the first half of a Mamba-2 layer in one kernel: norm, in_proj,
 * causal convolution, SSM recurrence, gate.  What lies between the two products costs two hand-overs less.
 *
 * The rows of W are z, x, b, c, dt.  A block streams its share of them as cuda_stream.cu does: first rows of b, c, dt,
 * which every block needs and which it publishes, convolved, in words that carry the number of the launch; then pairs of a
 * z and its x, whose states it moves on when all its sums are there.  By then the words of the others have come long ago.
 * Sums and steps have the bits of cuda_stream.cu and cuda_step.cu.
 *
 * Blocks wait for each other, but not for ever: there is one an SM, so all run at once, unless another queue has a part of the
 * card.  Then a block makes the numbers that do not come by itself.
 *
 * Used where cuda_token.cu is not, for bf16 weights: a token takes 8 to 11 % less than with two kernels; with int8 weights the two are as
 * fast (kernels/bench/NOTES.md).  MLM_CUDA_STEP_AT_ONCE=1 takes this kernel for both, =0 for none.
 */
#include "kernels/cuda/cuda_pairs.cuh"
#include "kernels/cuda/cuda_step.cuh"
#include "kernels/cuda/cuda_stream.cuh"
#include "kernels/cuda/cuda_words.cuh"

struct project_params {
    const char         *w;
    const float        *x, *norm, *scale;       /* norm, scale may be NULL */
    const float4       *conv_w;                 /* [C] x K = 4 */
    const float        *bias, *a, *d, *dt_bias; /* bias, d, dt_bias may be NULL */
    float              *conv_state, *y;
    void               *ssm_state; /* f32 or bf16 */
    unsigned long long *words;     /* [2 N + H]: a launch and a value */
    unsigned           *launch;    /* how many there were; behind it a ticket, zero between launches */
    int64_t             row_bytes;
    float               eps, dt_min, dt_max;
    int                 in, n_groups, n_rounds; /* groups of 16 bytes, rounds of a row */
    int                 inner, P, N, H, C;
    int                 most_pairs; /* of a block */
};

/* Of this block.  Rows of W are dealt out in turn. */
struct project_share {
    int n_ones, n_pairs, first_pair;
};

__device__ __forceinline__ project_share share_of(const project_params &p)
{
    project_share s;
    int           G = (int)gridDim.x, b = (int)blockIdx.x, ones = 2 * p.N + p.H;
    s.n_ones     = (ones - b + G - 1) / G;
    s.first_pair = G - 1 - b; /* who has a row of b, c, dt more should have a pair less */
    s.n_pairs    = (p.inner - s.first_pair + G - 1) / G;
    return s;
}

/* The row of W that is item i: b, c, dt, then a z and its x. */
__device__ __forceinline__ int row_of(const project_params &p, const project_share &s, int i)
{
    if (i < s.n_ones)
        return 2 * p.inner + (int)blockIdx.x + i * (int)gridDim.x;
    i -= s.n_ones;
    return s.first_pair + i / 2 * (int)gridDim.x + i % 2 * p.inner;
}

__device__ __forceinline__ int count_rows(const project_share &s)
{
    return s.n_ones + 2 * s.n_pairs;
}

/* What a warp asks for next. */
struct project_cursor {
    const char *from;
    int         row, round, left;
};

__device__ __forceinline__ void seek(project_cursor &c, const project_params &p, const project_share &s,
                                     int lane)
{
    c.from  = p.w + row_of(p, s, c.row) * p.row_bytes + lane * 16;
    c.round = p.n_rounds;
    c.left  = p.n_groups - lane;
}

template <typename WAY>
__device__ __forceinline__ void fetch(uint4 *slot, project_cursor &c, const project_params &p,
                                      const project_share &s, int lane, uint64_t policy)
{
    if (c.row < count_rows(s)) {
        copy_round(slot, c.from, c.left, policy);
        c.from += ROUND * WARP * 16;
        c.left -= ROUND * WARP;
        if (--c.round == 0) {
            c.row += WAY::warps;
            seek(c, p, s, lane);
        }
    }
    copy_async_commit();
}

/* ---- words ---------------------------------------------------------------------------------------- */

#define WAIT_POLLS 100 /* about 100 us; they come in less than one */

/* The value of a word as soon as it is of this launch; false when it does not come. */
__device__ __forceinline__ bool wait_word(const unsigned long long *at, unsigned launch, int n_polls,
                                          float *v)
{
    unsigned long long word;
    do
        asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(word) : "l"(at) : "memory");
    while ((unsigned)(word >> 32) != launch && --n_polls > 0);
    *v = __uint_as_float((unsigned)word);
    return (unsigned)(word >> 32) == launch;
}

/* ---- rows of b, c, dt ------------------------------------------------------------------------------- */

/* Lane by lane what such a row needs besides its sum: the convolution's weights 0 .. 3, bias 4, old inputs 5 .. 7; the bias of dt 8; the scale 9. */
__device__ __forceinline__ float load_one(const project_params &p, int row, int lane)
{
    int          c = row - p.inner, h = c - p.C;
    const float *at = NULL;
    if (lane == 9)
        at = p.scale ? p.scale + row : NULL;
    else if (h >= 0)
        at = lane == 8 && p.dt_bias ? p.dt_bias + h : NULL;
    else if (lane < 4)
        at = (const float *)(p.conv_w + c) + lane;
    else if (lane == 4)
        at = p.bias ? p.bias + c : NULL;
    else if (lane < 8)
        at = p.conv_state + (int64_t)(lane - 5) * p.C + c;
    return at ? *at : lane == 9 ? 1.0f : 0.0f;
}

/* The number a row stands for, from its sum; all lanes have it.  *input: what the convolution keeps. */
__device__ __forceinline__ float number_of(const project_params &p, int row, float small, float sum,
                                           float *old, float *input)
{
    float v[10];
#pragma unroll
    for (int i = 0; i < 10; i++)
        v[i] = __shfl_sync(ALL_LANES, small, i);
    old[0] = v[6], old[1] = v[7];
    *input = __fadd_rn(__fmul_rn(sum, v[9]), 0.0f);
    return row - p.inner < p.C ? step_conv(make_float4(v[0], v[1], v[2], v[3]), v[4], v + 5, *input)
                               : step_dt(*input, v[8], p.dt_min, p.dt_max);
}

/* The word before the inputs that are kept: who sees those renewed sees the word (make_numbers). */
__device__ __forceinline__ void publish(const project_params &p, int row, float small, float sum, int lane,
                                        unsigned launch)
{
    float old[2], input, number = number_of(p, row, small, sum, old, &input);
    int   c = row - p.inner;
    if (lane == 0)
        put_word(p.words + row - 2 * p.inner, launch, number);
    __threadfence();
    __syncwarp();
    if (lane < STEP_K - 1 && c < p.C)
        p.conv_state[(int64_t)lane * p.C + c] = lane == 0 ? old[0] : lane == 1 ? old[1] : input;
}

/* A row's sum without a ring, with the same bits. */
template <int WT>
__device__ __forceinline__ float plain_sum(const project_params &p, const float *xs, int row, int lane)
{
    constexpr int E   = weights16<WT>::n;
    const uint4  *w   = (const uint4 *)(p.w + row * p.row_bytes);
    const float4 *x   = (const float4 *)xs + lane;
    float         acc = 0.0f, f[E];
#pragma unroll 1
    for (int i = lane; i < p.n_groups; i += WARP, x += E / 4 * WARP) {
        weights16<WT>::unpack(f, w[i]);
#pragma unroll
        for (int e = 0; e < E / 4; e++)
            acc = dot4(acc, f + 4 * e, x[e * WARP]);
    }
    return warp_sum(acc);
}

/* What no other block has made in time. */
template <int WT>
__device__ __forceinline__ void make_numbers(const project_params &p, const project_share &s, const float *xs,
                                             float factor, unsigned launch, float *bc, float *dts)
{
    int lane = threadIdx.x % WARP;
#pragma unroll 1
    for (int j = (int)threadIdx.x / WARP; j < 2 * p.N + s.n_pairs; j += (int)blockDim.x / WARP) {
        int   n     = j < 2 * p.N ? j : 2 * p.N + (s.first_pair + (j - 2 * p.N) * (int)gridDim.x) / p.P;
        float small = load_one(p, 2 * p.inner + n, lane), number, old[2], input;
        __threadfence(); /* old inputs were read before the word is found not to be there */
        __syncwarp();
        if (!__all_sync(ALL_LANES, wait_word(p.words + n, launch, 1, &number)))
            number = number_of(p, 2 * p.inner + n, small,
                               plain_sum<WT>(p, xs, 2 * p.inner + n, lane) * factor, old, &input);
        if (lane == 0)
            *(j < 2 * p.N ? bc + j : dts + j - 2 * p.N) = number;
    }
    __syncthreads();
}

/* ---- pairs ------------------------------------------------------------------------------------------ */

/* States and constants of the block's pairs start on their way to shared memory. */
template <bool BF16>
__device__ __forceinline__ void fetch_pairs(const project_params &p, const project_share &s, char *states,
                                            pair_constants *constants)
{
    int row_bytes = p.N * (BF16 ? 2 : 4), n = row_bytes / 16;
    for (int i = (int)threadIdx.x; i < s.n_pairs * n; i += (int)blockDim.x) {
        int pair = i / n;
        copy_async((uint4 *)(states + i * 16),
                   (const char *)p.ssm_state + (int64_t)(s.first_pair + pair * (int)gridDim.x) * row_bytes +
                       i % n * 16,
                   true);
    }
    pair_source from = {p.conv_w, p.conv_state, p.bias, p.a, p.d, p.scale, p.C, p.inner};
    for (int i = (int)threadIdx.x; i < s.n_pairs; i += (int)blockDim.x) {
        int c = s.first_pair + i * (int)gridDim.x;
        fetch_constants(constants + i, from, c, c / p.P);
    }
}

/* Moves a warp's states on, some at a time: what is one number a row by one lane a row, then rows one behind the other. */
template <bool BF16, int WARPS>
__device__ __forceinline__ void step_pairs(const project_params &p, const project_share &s,
                                           const char *states, const pair_constants *constants,
                                           const float *sums, const float *bc, const float *dts, float factor)
{
    typedef typename state4<BF16>::stored stored;
    constexpr int                         TAIL_ROWS = 64 / WARPS;
    int                                   lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    bool                                  in = lane * 4 < p.N;
    float4 b = in ? *(const float4 *)(bc + lane * 4) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 c = in ? *(const float4 *)(bc + p.N + lane * 4) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 1
    for (int first = warp; first < s.n_pairs; first += WARPS * TAIL_ROWS) {
        int   mine = first + lane * WARPS, ch = s.first_pair + mine * (int)gridDim.x;
        bool  real = lane < TAIL_ROWS && mine < s.n_pairs;
        float x = 0.0f, z = 0.0f, d = 0.0f, dx = 0.0f, decay = 0.0f;
        if (real) {
            pair_constants k     = constants[mine];
            float          input = __fadd_rn(__fmul_rn(sums[2 * mine + 1] * factor, k.x_scale), 0.0f);
            z                    = __fadd_rn(__fmul_rn(sums[2 * mine] * factor, k.z_scale), 0.0f);
            x                    = step_conv(k.conv_w, k.bias, k.old, input);
            d                    = k.d;
            dx                   = __fmul_rn(dts[mine], x);
            decay                = step_decay(dts[mine], k.a);
            p.conv_state[ch]     = k.old[1];
            p.conv_state[(int64_t)p.C + ch]     = k.old[2];
            p.conv_state[2 * (int64_t)p.C + ch] = input;
        }
        float sums[TAIL_ROWS];
#pragma unroll
        for (int r = 0; r < TAIL_ROWS; r++) {
            int   pair = first + r * WARPS;
            float dx_r = __shfl_sync(ALL_LANES, dx, r), decay_r = __shfl_sync(ALL_LANES, decay, r);
            sums[r] = 0.0f;
            if (pair < s.n_pairs && in) {
                float4 t = state4<BF16>::unpack(((const stored *)states)[pair * (p.N / 4) + lane]);
                t        = step_state(t, decay_r, dx_r, b);
                ((stored *)p.ssm_state)[(int64_t)(s.first_pair + pair * (int)gridDim.x) * (p.N / 4) + lane] =
                    state4<BF16>::pack(t);
                sums[r] = step_dot(t, c);
            }
        }
        float y = step_sums<TAIL_ROWS>(sums, lane);
        y       = __shfl_sync(ALL_LANES, y, lane * (WARP / TAIL_ROWS));
        if (real)
            p.y[ch] = step_gate(step_skip(y, d, x), z);
    }
}

/* ---- the kernel ------------------------------------------------------------------------------------- */

template <int WT, typename WAY>
__device__ __forceinline__ void stream_rows(uint4 *ring, const float *xs, float *sums, project_cursor c,
                                            const project_params &p, const project_share &s, float factor,
                                            unsigned launch, uint64_t policy)
{
    constexpr int V = weights16<WT>::n / 4, n_lanes = stream_shape<WT>::n_lanes;
    int           lane = threadIdx.x % WARP, n_rows = count_rows(s);
    uint4        *slot = ring;
#pragma unroll 1
    for (int row = threadIdx.x / WARP; row < n_rows; row += WAY::warps) {
        float         acc = 0.0f, small = row < s.n_ones ? load_one(p, row_of(p, s, row), lane) : 0.0f;
        const float4 *x = (const float4 *)xs + lane, *end = x + p.n_rounds * (n_lanes * V);
#pragma unroll 1
        for (; x < end; x += n_lanes * V) {
            uint4 v[ROUND];
            take_round<WAY>(v, slot);
            fetch<WAY>(slot, c, p, s, lane, policy);
            if (c.row >= n_rows)
                cuda_dependency_release();
            slot = slot == ring + (WAY::depth - 1) * WAY::n_slot ? ring : slot + WAY::n_slot;
            acc  = multiply_round<WT>(acc, v, x);
        }
        acc = warp_sum(acc);
        if (row < s.n_ones)
            publish(p, row_of(p, s, row), small, acc * factor, lane, launch);
        else if (lane == 0)
            sums[row - s.n_ones] = acc;
    }
}

template <int WT, bool BF16, typename WAY>
__global__ void __launch_bounds__(WAY::warps *WARP, 2) project_step_kernel(project_params p)
{
    constexpr int           E = weights16<WT>::n, n_lanes = stream_shape<WT>::n_lanes;
    extern __shared__ uint4 project_shared[];
    __shared__ float        part[GEMV_WARPS];
    __shared__ unsigned     launch_shared;
    __shared__ __align__(16) float bc[2 * STEP_N];
    int             lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, padded = p.n_rounds * n_lanes * E;
    uint4          *ring      = project_shared + warp * WAY::depth * WAY::n_slot + lane;
    float          *xs        = (float *)(project_shared + WAY::n_ring);
    char           *states    = (char *)(xs + padded);
    pair_constants *constants = (pair_constants *)(states + p.most_pairs * p.N * (BF16 ? 2 : 4));
    float          *sums = (float *)(constants + p.most_pairs), *dts = sums + 2 * p.most_pairs;
    uint64_t        policy = stream_policy();
    project_share   s      = share_of(p);
    project_cursor  c      = {NULL, warp, 0, 0};
    float4          norm[STAGE_ROUND];
    load_round(norm, p.norm, (int)threadIdx.x * 4, p.in, 1.0f);
    seek(c, p, s, lane);
#pragma unroll 1
    for (int k = 0; k < WAY::depth; k++)
        fetch<WAY>(ring + k * WAY::n_slot, c, p, s, lane, policy);
    if (threadIdx.x < GEMV_THREADS)
        stage_norm<E>(xs, p.norm, p.in, padded, norm);
    cuda_dependency_wait();
    if (c.row >= count_rows(s))
        cuda_dependency_release();
    if (threadIdx.x < GEMV_THREADS)
        stage_row<E>(xs, p.x, p.in, padded, part);
    if (threadIdx.x == blockDim.x - 1)
        launch_shared = count_launch(p.launch);
    fetch_pairs<BF16>(p, s, states, constants);
    __syncthreads();
    float    factor = norm_factor(p.norm, part, p.in, p.eps);
    unsigned launch = launch_shared;
    stream_rows<WT, WAY>(ring, xs, sums, c, p, s, factor, launch, policy);
    bool come = true;
    for (int i = (int)threadIdx.x; i < 2 * p.N; i += (int)blockDim.x)
        come = wait_word(p.words + i, launch, WAIT_POLLS, bc + i) && come;
    for (int i = (int)(blockDim.x - 1 - threadIdx.x); i < s.n_pairs; i += (int)blockDim.x)
        come = wait_word(p.words + 2 * p.N + (s.first_pair + i * (int)gridDim.x) / p.P, launch, WAIT_POLLS,
                         dts + i) &&
               come;
    copy_async_wait_all();
    if (__syncthreads_or(!come))
        make_numbers<WT>(p, s, xs, factor, launch, bc, dts);
    step_pairs<BF16, WAY::warps>(p, s, states, constants, sums, bc, dts, factor);
}

/* 120 KB an SM on their way.  With 80 (16, 2) the kernel behind has room beside it; not measured with what follows. */
typedef stream_way<16, 3> project_way;

/* More than half of an SM's memory: two blocks are never on one SM while another has none, which costs a third. */
#define LEAST_SHARED 120000

/* ---- launching -------------------------------------------------------------------------------------- */

template <int WT, bool BF16> static mlm_status launch(kn_queue *q, project_params *p, bool *done)
{
    typedef project_way way;
    const cuda_device  *d     = cuda_of(q->dev);
    int64_t             round = stream_shape<WT>::n_lanes * weights16<WT>::n;
    p->n_groups               = (int)(p->row_bytes / 16);
    p->n_rounds               = (int)((p->n_groups * weights16<WT>::n + round - 1) / round);
    p->most_pairs             = (p->inner + d->n_sm - 1) / d->n_sm;
    int64_t bytes =
        (int64_t)way::n_ring * 16 + p->n_rounds * round * 4 +
        p->most_pairs * (int64_t)(p->N * (BF16 ? 2 : 4) + sizeof(pair_constants) + 3 * sizeof(float));
    if (bytes < LEAST_SHARED)
        bytes = LEAST_SHARED;
    *done = p->n_rounds <= stream_shape<WT>::n_rounds && bytes <= d->max_shared - 2048;
    if (!*done)
        return MLM_OK;
    cuda_prefer_shared((const void *)project_step_kernel<WT, BF16, way>);
    return cuda_launch(q, "norm + linear + conv1d + ssd_step", project_step_kernel<WT, BF16, way>,
                       dim3((unsigned)d->n_sm), dim3(way::warps * WARP), (size_t)bytes, *p);
}

/* One row of f32 with a norm; z, the inputs of the convolution and dt one behind the other in the product's output. */
static bool fits(const kn_norm_linear_args *in, const linear_params *l, const kn_conv1d_args *conv,
                 const kn_ssd_step_args *step, kn_tensor z)
{
    size_t  f     = sizeof(float);
    int64_t inner = step->x.dim[2], C = conv->x.dim[2], N = step->b.dim[2];
    return l->R == 1 && !kn_present(in->z) && !l->has_residual && l->x.dtype == KN_F32 && l->x.vec &&
           l->norm_vec && l->y.dtype == KN_F32 && (in->w->dtype == KN_BF16 || in->w->dtype == KN_I8) &&
           N % 8 == 0 && 2 * N + step->n_heads <= CUDA_WORDS && C == inner + 2 * N &&
           l->out == inner + C + step->n_heads && z.buf == in->y.buf && z.offset == in->y.offset &&
           conv->x.buf == in->y.buf && conv->x.offset == z.offset + f * (size_t)inner &&
           step->dt.buf == in->y.buf && step->dt.offset == conv->x.offset + f * (size_t)C &&
           step->b.offset == step->x.offset + f * (size_t)inner &&
           step->c.offset == step->b.offset + f * (size_t)N && step->x.offset == conv->y.offset;
}

mlm_status cuda_project_step(kn_queue *q, const kn_norm_linear_args *in, const kn_conv1d_args *conv,
                             const kn_ssd_step_args *step, kn_tensor z, bool *done)
{
    const cuda_device *d = cuda_of(q->dev);
    linear_params      l = cuda_norm_linear_params(in);
    project_params     p = {};
    *done = (in->w->dtype == KN_BF16 ? d->once_bf16 : d->once_i8) && fits(in, &l, conv, step, z) &&
            cuda_step_fits(conv, step, z);
    if (!*done)
        return MLM_OK;
    p.w          = l.w;
    p.x          = (const float *)l.x.data;
    p.norm       = l.norm;
    p.scale      = l.scale;
    p.conv_w     = (const float4 *)kn_data(conv->w);
    p.bias       = (const float *)kn_data(conv->bias);
    p.a          = (const float *)kn_data(step->a);
    p.d          = (const float *)kn_data(step->d);
    p.dt_bias    = (const float *)kn_data(step->dt_bias);
    p.conv_state = (float *)kn_data(conv->state);
    p.ssm_state  = kn_data(step->state);
    p.y          = (float *)kn_data(step->y);
    p.words      = cuda_of(q)->words;
    p.launch     = (unsigned *)(p.words + CUDA_WORDS);
    p.row_bytes  = l.pitch * (int64_t)cuda_dtype_size(in->w->dtype);
    p.eps        = l.eps;
    p.in         = l.in;
    p.inner      = (int)step->x.dim[2];
    p.P          = p.inner / step->n_heads;
    p.N          = (int)step->b.dim[2];
    p.H          = step->n_heads;
    p.C          = (int)conv->x.dim[2];
    p.dt_min     = step->dt_min;
    p.dt_max     = step->dt_max > 0.0f ? step->dt_max : 3.0e38f;
    bool bf16    = step->state.dtype == KN_BF16;
    if (in->w->dtype == KN_BF16)
        return bf16 ? launch<KN_BF16, true>(q, &p, done) : launch<KN_BF16, false>(q, &p, done);
    return bf16 ? launch<KN_I8, true>(q, &p, done) : launch<KN_I8, false>(q, &p, done);
}
