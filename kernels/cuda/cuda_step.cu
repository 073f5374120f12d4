/*
 * cuda_step.cu: one token of a Mamba-2 layer between its two products, in one kernel: causal convolution, SSM
 * recurrence, gate.
 *
 *   xBC = silu(conv(s));  S = exp(dt a) S + dt x (outer) b;  y = (S c + d x) silu(z)
 *
 * A block does 16 rows of one head's state, or in large batches four times as many: it needs as many channels of x and
 * all of b and c, whose convolution (4 multiplications a channel, but more bytes than 16 rows of a bf16 state) every
 * block repeats for itself.  State, weights and the old inputs are fetched before the
 * kernel in front has finished: kn_conv_ssd_step promises that it is not the one that wrote them.
 * The inputs kept for x belong to one block; those of b and c are renewed by the block that reads them last.
 *
 * Where a state may be written late (kn_settle), a block does again what its last steps did not write, and writes its rows or
 * only what they need for that: of three or four steps one writes.  How many are put off belongs to a row; the block that reads it last counts.
 */
#include "kernels/cuda/cuda_mma.cuh"
#include "kernels/cuda/cuda_step.cuh"

#define STEP_WARPS   4
#define STEP_THREADS (STEP_WARPS * WARP)
#define STEP_ROWS    4                        /* rows of S a warp and round */
#define ROUND_ROWS   (STEP_WARPS * STEP_ROWS) /* of S a block and round */
#define MOST_ROUNDS  4
#define STEP_ITEMS   ((MOST_ROUNDS * ROUND_ROWS + 2 * STEP_N + STEP_THREADS - 1) / STEP_THREADS)

struct step_params {
    const float  *s, *dt, *z;             /* slices of in_proj's output */
    const float4 *w;                      /* [C] x K = 4 */
    const float  *bias, *a, *d, *dt_bias; /* bias, d, dt_bias may be NULL */
    float        *conv_state, *y;
    void         *ssm_state;                                      /* f32 or bf16 */
    int64_t       s_row, dt_row, z_row, y_row, conv_row, ssm_row; /* distance of batch rows */
    unsigned     *tickets;                                        /* [B], zero between launches */
    int           H, C, P, N, x_at, b_at, c_at; /* channels; where x, b, c start among them */
    float         dt_min, dt_max;
    float        *past;                  /* of batch row 0: how many tokens are put off, then what they did */
    int64_t       past_row;              /* floats between batch rows */
    int           past_most, past_token; /* tokens that there is room for; floats of one */
    int           past_limit;            /* tokens that are put off */
    bool          late; /* the next kernel's weights would stand in the way of what this one reads */
};

/* The conv channel of item i of this block: x rows first, then b, then c; -1 behind the end. */
template <int ROWS> __device__ __forceinline__ int channel_of(const step_params &p, int i, int base)
{
    if (i < ROWS)
        return p.x_at + base + i;
    i -= ROWS;
    return i < p.N ? p.b_at + i : i < 2 * p.N ? p.c_at + i - p.N : -1;
}

/* What a block needs of one token that was put off. */
struct step_past {
    float dx[MOST_ROUNDS * ROUND_ROWS], b[STEP_N], decay[4]; /* one of them */
};

/* Fetches all of them, whether they mean something or not: nothing waits for the count. */
template <int ROWS>
__device__ __forceinline__ void fetch_past(step_past *past, const step_params &p, const float *from, int base,
                                           int h)
{
    int      per_token = ROWS / 4 + p.N / 4 + 1;
    uint32_t to        = (uint32_t)__cvta_generic_to_shared(past);
    for (int i = (int)threadIdx.x; i < p.past_most * per_token; i += STEP_THREADS) {
        int          k = i / per_token, j = i - k * per_token, n = j - ROWS / 4;
        const float *t = from + (int64_t)k * p.past_token;
        uint32_t     s = to + (uint32_t)(k * sizeof(step_past));
        if (j < ROWS / 4)
            copy_async_at(s + (uint32_t)j * 16, t + base + j * 4, true);
        else if (n < p.N / 4)
            copy_async_at(s + (uint32_t)(offsetof(step_past, b) + n * 16), t + p.H * p.P + n * 4, true);
        else
            asm volatile(
                "cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(s + (uint32_t)offsetof(step_past, decay)),
                "l"(t + p.H * p.P + p.N + h)
                : "memory");
    }
    copy_async_commit();
}

/* What this block's next steps need to do this token again. */
template <int ROWS>
__device__ __forceinline__ void put_off(const step_params &p, float *to, const float *out, float dt,
                                        float decay, int base, int h)
{
    for (int i = (int)threadIdx.x; i < ROWS; i += STEP_THREADS)
        to[base + i] = __fmul_rn(dt, out[i]);
    if (base == 0)
        for (int i = (int)threadIdx.x; i < p.N; i += STEP_THREADS)
            to[p.H * p.P + i] = out[ROWS + i];
    if (threadIdx.x == 0)
        to[p.H * p.P + p.N + h] = decay;
}

/* States that do not stay in L2 anyway need not push out what does. */
template <bool STREAM, typename T> __device__ __forceinline__ T load_state(const T *from)
{
    return STREAM ? __ldcs(from) : *from;
}
template <bool STREAM, typename T> __device__ __forceinline__ void store_state(T *to, T v)
{
    if (STREAM)
        __stcs(to, v);
    else
        *to = v;
}

template <bool BF16, int ROUNDS, bool PAST>
__global__ void __launch_bounds__(STEP_THREADS, ROUNDS < MOST_ROUNDS ? 8
                                                : BF16               ? 6
                                                                     : 4) conv_ssd_step_kernel(step_params p)
{
    constexpr int                         BLOCK_ROWS = ROUNDS * ROUND_ROWS, MINE = ROUNDS * STEP_ROWS;
    constexpr bool                        STREAM = PAST && ROUNDS >= MOST_ROUNDS;
    typedef typename state4<BF16>::stored stored;
    __shared__ __align__(16) float out[BLOCK_ROWS + 2 * STEP_N];
    __shared__ bool                last;
    __shared__ __align__(16) step_past past[PAST ? KN_LATE_MOST : 1];
    __shared__ int                     n_past;
    int                                lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    int     h = (int)blockIdx.x, base = h * p.P + (int)blockIdx.y * BLOCK_ROWS; /* the first of its rows */
    int64_t batch = blockIdx.z;
    float  *conv  = p.conv_state + batch * p.conv_row;
    stored *S = (stored *)p.ssm_state + (batch * p.ssm_row + ((int64_t)base + warp * STEP_ROWS) * p.N) / 4;
    stored  old_s[ROUNDS][STEP_ROWS];
    float4  w[STEP_ITEMS];
    float   old[STEP_ITEMS][STEP_K - 1], input[STEP_ITEMS], bias[STEP_ITEMS];
    bool    in = lane * 4 < p.N;
#pragma unroll
    for (int k = 0; k < ROUNDS; k++)
#pragma unroll
        for (int r = 0; r < STEP_ROWS; r++)
            old_s[k][r] = in ? load_state<STREAM>(&S[((k * ROUND_ROWS + r) * p.N) / 4 + lane]) : stored{};
    float *tokens = p.past + batch * p.past_row;
    float  count  = 0.0f;
    if (PAST) {
        count = tokens[0];
        fetch_past<BLOCK_ROWS>(past, p, tokens + KN_LATE_HEAD, base, h);
    }
#pragma unroll
    for (int i = 0; i < STEP_ITEMS; i++) {
        int c = channel_of<BLOCK_ROWS>(p, i * STEP_THREADS + (int)threadIdx.x, base);
        if (c < 0)
            continue;
        w[i]    = p.w[c];
        bias[i] = p.bias ? p.bias[c] : 0.0f;
#pragma unroll
        for (int k = 0; k < STEP_K - 1; k++)
            old[i][k] = conv[(int64_t)k * p.C + c];
    }
    /* row r of round k is number k STEP_ROWS + r of the warp */
    int mine   = lane * MINE / WARP,
        row_in = mine / STEP_ROWS * ROUND_ROWS + warp * STEP_ROWS + mine % STEP_ROWS;
    float a = p.a[h], skip = p.d ? p.d[h] : 0.0f, dt_bias = p.dt_bias ? p.dt_bias[h] : 0.0f;
    cuda_dependency_wait();
    if (!p.late)
        cuda_dependency_release();

    float raw = p.dt[batch * p.dt_row + h], z = 0.0f;
    if (lane % (WARP / MINE) == 0)
        z = p.z[batch * p.z_row + base + row_in];
#pragma unroll
    for (int i = 0; i < STEP_ITEMS; i++) {
        int c    = channel_of<BLOCK_ROWS>(p, i * STEP_THREADS + (int)threadIdx.x, base);
        input[i] = c >= 0 ? p.s[batch * p.s_row + c] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < STEP_ITEMS; i++) {
        int item = i * STEP_THREADS + (int)threadIdx.x;
        if (channel_of<BLOCK_ROWS>(p, item, base) >= 0)
            out[item < BLOCK_ROWS + p.N ? item : item - p.N + STEP_N] =
                step_conv(w[i], bias[i], old[i], input[i]);
    }
    if (PAST) {
        if (threadIdx.x == 0) /* it is here before this block says that it has read it */
            n_past = min(max((int)count, 0), p.past_most);
        copy_async_wait_all();
    }
    __syncthreads();
    if (p.late)
        cuda_dependency_release();
    unsigned total = gridDim.x * gridDim.y, ticket = 0;
    if (threadIdx.x ==
        0) { /* everything this block reads of b's and c's old inputs has arrived; it has written nothing yet */
        __threadfence();
        ticket = atomicInc(&p.tickets[batch], total - 1);
    }
    if (threadIdx.x < BLOCK_ROWS) { /* item 0: a channel of x */
        int c                      = channel_of<BLOCK_ROWS>(p, (int)threadIdx.x, base);
        conv[c]                    = old[0][1];
        conv[(int64_t)p.C + c]     = old[0][2];
        conv[2 * (int64_t)p.C + c] = input[0];
    }
    float  dt = step_dt(raw, dt_bias, p.dt_min, p.dt_max), decay = step_decay(dt, a);
    float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 b    = in ? *(const float4 *)(out + BLOCK_ROWS + lane * 4) : zero;
    float4 c    = in ? *(const float4 *)(out + BLOCK_ROWS + STEP_N + lane * 4) : zero;
    float  sums[MINE];
    int    n     = PAST ? n_past : 0;
    bool   write = !PAST || n >= p.past_limit;
    for (int t = 0; PAST && t < n; t++) {
        float4 then = in ? *(const float4 *)(past[t].b + lane * 4) : zero;
#pragma unroll
        for (int k = 0; k < ROUNDS; k++)
#pragma unroll
            for (int r = 0; r < STEP_ROWS; r++)
                old_s[k][r] =
                    state4<BF16>::pack(step_state(state4<BF16>::unpack(old_s[k][r]), past[t].decay[0],
                                                  past[t].dx[k * ROUND_ROWS + warp * STEP_ROWS + r], then));
    }
#pragma unroll
    for (int k = 0; k < ROUNDS; k++)
#pragma unroll
        for (int r = 0; r < STEP_ROWS; r++) {
            float  x = out[k * ROUND_ROWS + warp * STEP_ROWS + r];
            float4 s = step_state(state4<BF16>::unpack(old_s[k][r]), decay, __fmul_rn(dt, x), b);
            if (in && write)
                store_state<STREAM>(&S[((k * ROUND_ROWS + r) * p.N) / 4 + lane], state4<BF16>::pack(s));
            sums[k * STEP_ROWS + r] = step_dot(s, c);
        }
    float sum = step_sums<MINE>(sums, lane);
    if (lane % (WARP / MINE) == 0)
        p.y[batch * p.y_row + base + row_in] = step_gate(step_skip(sum, skip, out[row_in]), z);
    if (PAST && !write)
        put_off<BLOCK_ROWS>(p, tokens + KN_LATE_HEAD + (int64_t)n * p.past_token, out, dt, decay, base, h);
    if (threadIdx.x == 0)
        last = ticket == total - 1;
    __syncthreads();
    if (PAST && last && threadIdx.x == 0)
        tokens[0] = write ? 0.0f : (float)(n + 1);
    if (last)
        for (int i = (int)threadIdx.x; i < 2 * p.N; i += STEP_THREADS) {
            int   ch    = channel_of<BLOCK_ROWS>(p, BLOCK_ROWS + i, base);
            float newer = conv[(int64_t)p.C + ch], newest = conv[2 * (int64_t)p.C + ch];
            conv[ch]                    = newer;
            conv[(int64_t)p.C + ch]     = newest;
            conv[2 * (int64_t)p.C + ch] = p.s[batch * p.s_row + ch];
        }
}

/* The shapes of Mamba-2 models: f32, one group, whole blocks of rows, K = 4. */
bool cuda_step_fits(const kn_conv1d_args *conv, const kn_ssd_step_args *step, kn_tensor z)
{
    int64_t P = step->x.dim[2] / step->n_heads, N = step->b.dim[2];
    return step->n_groups == 1 && P % ROUND_ROWS == 0 && N % 4 == 0 && N <= STEP_N &&
           conv->w.dim[1] == STEP_K && conv->x.dim[1] == 1 && conv->x.dtype == KN_F32 && z.dtype == KN_F32 &&
           step->y.dtype == KN_F32 && kn_present(conv->state) && !kn_present(conv->len) &&
           !kn_present(conv->order) && !kn_present(step->len) && !kn_present(step->order) &&
           !step->accumulate && conv->x.dim[0] <= CUDA_TICKETS && step->x.buf == conv->y.buf &&
           step->b.buf == conv->y.buf && step->c.buf == conv->y.buf &&
           (uintptr_t)kn_data(conv->w) % 16 == 0 && (uintptr_t)kn_data(step->state) % 16 == 0 &&
           step->state.stride[0] % 4 == 0;
}

/* step.late has been checked against the state (ops.c). */
static bool cuda_late_fits(const kn_ssd_step_args *step)
{
    return (uintptr_t)kn_data(step->late) % 16 == 0 && step->late.stride[0] % 4 == 0;
}

template <bool BF16, bool PAST> static void (*kernel_of(bool long_blocks))(step_params)
{
    return long_blocks ? conv_ssd_step_kernel<BF16, MOST_ROUNDS, PAST> : conv_ssd_step_kernel<BF16, 1, PAST>;
}

mlm_status cuda_conv_ssd_step(kn_queue *q, const kn_conv1d_args *conv, const kn_ssd_step_args *step,
                              kn_tensor z, bool *done)
{
    bool bf16 = step->state.dtype == KN_BF16, past = kn_present(step->late);
    *done = cuda_step_fits(conv, step, z);
    if (past && !(*done && cuda_late_fits(step)))
        return mlm_fail(MLM_E_UNSUPPORTED, "ssd_step: a state of this shape that is written late");
    if (!*done && bf16)
        return mlm_fail(MLM_E_UNSUPPORTED, "ssd_step: a bf16 state of this shape");
    if (!*done)
        return MLM_OK;
    step_params p = {};
    p.s           = (const float *)kn_data(conv->x);
    p.dt          = (const float *)kn_data(step->dt);
    p.z           = (const float *)kn_data(z);
    p.w           = (const float4 *)kn_data(conv->w);
    p.bias        = (const float *)kn_data(conv->bias);
    p.a           = (const float *)kn_data(step->a);
    p.d           = (const float *)kn_data(step->d);
    p.dt_bias     = (const float *)kn_data(step->dt_bias);
    p.conv_state  = (float *)kn_data(conv->state);
    p.ssm_state   = kn_data(step->state);
    p.y           = (float *)kn_data(step->y);
    p.s_row       = conv->x.stride[0];
    p.dt_row      = step->dt.stride[0];
    p.z_row       = z.stride[0];
    p.y_row       = step->y.stride[0];
    p.conv_row    = conv->state.stride[0];
    p.ssm_row     = step->state.stride[0];
    p.tickets     = cuda_of(q)->tickets;
    p.C           = (int)conv->x.dim[2];
    p.P           = (int)(step->x.dim[2] / step->n_heads);
    p.N           = (int)step->b.dim[2];
    p.x_at        = (int)((step->x.offset - conv->y.offset) / sizeof(float));
    p.b_at        = (int)((step->b.offset - conv->y.offset) / sizeof(float));
    p.c_at        = (int)((step->c.offset - conv->y.offset) / sizeof(float));
    p.dt_min      = step->dt_min;
    p.dt_max      = step->dt_max > 0.0f ? step->dt_max : 3.0e38f;
    p.past        = (float *)kn_data(step->late);
    p.past_row    = past ? step->late.stride[0] : 0;
    p.past_token  = (int)kn_late_token(step->n_heads, p.P, p.N);
    p.past_most   = past ? (int)(step->late.dim[1] - KN_LATE_HEAD) / p.past_token : 0;
    p.H           = step->n_heads;
    /* More rounds, fewer blocks: only where they still fill the card several times. */
    bool long_blocks = p.P % (MOST_ROUNDS * ROUND_ROWS) == 0 &&
                       step->n_heads * conv->x.dim[0] >= (int64_t)16 * cuda_of(q->dev)->n_sm;
    int rows     = long_blocks ? MOST_ROUNDS * ROUND_ROWS : ROUND_ROWS;
    p.late       = !long_blocks;
    p.past_limit = long_blocks || p.past_most < 1 ? p.past_most : 1; /* a short block pays for each */
    void (*kernel)(step_params) =
        past   ? bf16 ? kernel_of<true, true>(long_blocks) : kernel_of<false, true>(long_blocks)
          : bf16 ? kernel_of<true, false>(long_blocks)
               : kernel_of<false, false>(long_blocks);
    dim3 grid((unsigned)step->n_heads, (unsigned)(p.P / rows), (unsigned)conv->x.dim[0]);
    if (p.late)
        cuda_prefer_shared((const void *)kernel);
    return cuda_launch(q, "conv1d + ssd_step", kernel, grid, dim3(STEP_THREADS), 0, p);
}
