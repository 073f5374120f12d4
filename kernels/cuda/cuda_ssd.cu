/*
 * cuda_ssd.cu: the selective scan of Mamba-2 (state-space duality, arXiv 2405.21060).
 *
 *   S = exp(dt a) S + dt x (outer) b;   y = S c + d x
 *
 * Step: one warp-row of the state a time, 16 bytes a lane, read and written once: 2 P N 4 bytes a head.
 * Scan: bf16 x in aligned rows goes to cuda_ssd_chunk.cu; here is the recurrence itself with the state in registers.  8 lanes hold one row of S ([N]); a block holds
 * SCAN_ROWS rows of one head and walks over the tokens in stages of SCAN_TOKENS that it copies to shared
 * memory, the next stage on its way while this one is used.  6 P N FLOPs a token and head, all in f32.
 */
#include "kernels/cuda/cuda_ssd.cuh"

#define LANES        8 /* lanes of a row of S */
#define SCAN_THREADS 64
#define SCAN_ROWS    (SCAN_THREADS / LANES * 2) /* a thread holds its part of two */
#define SCAN_TOKENS  16

/* ---- one token ----------------------------------------------------------------------------------- */

#define STEP_WARPS 4
#define STEP_ROWS  4 /* rows of S a warp has in flight */

/* Grid (head, P / (STEP_WARPS * STEP_ROWS), batch).  NV float4 a lane hold a row: N <= 128 NV. */
template <int NV>
__global__ void __launch_bounds__(STEP_WARPS *WARP) ssd_step_kernel(ssd_params p, bool state_vec)
{
    cuda_dependency_release();
    int     h = (int)blockIdx.x, lane = threadIdx.x % WARP, g = h / (p.H / p.G);
    int     first = (int)(blockIdx.y * STEP_WARPS + threadIdx.x / WARP) * STEP_ROWS;
    int64_t batch = blockIdx.z;
    cuda_dependency_wait();
    if (p.len && p.len[batch] < 1) {
        for (int r = lane; r < STEP_ROWS; r += WARP)
            if (first + r < p.P && !p.accumulate)
                store1(row_at(p.y, batch, (int64_t)0), p.y.dtype, h * p.P + first + r, 0.0f);
        return;
    }
    float *S = p.state + batch * p.state_stride + ((int64_t)h * p.P + first) * p.N;
    float4 s[STEP_ROWS][NV], b[NV], c[NV];
#pragma unroll
    for (int r = 0; r < STEP_ROWS; r++)
#pragma unroll
        for (int v = 0; v < NV; v++) {
            int n   = (v * WARP + lane) * 4;
            s[r][v] = first + r < p.P && n < p.N
                          ? load4((const char *)(S + (int64_t)r * p.N), KN_F32, state_vec, n, p.N)
                          : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
    const char *br = row_at(p.b, batch, (int64_t)0), *cr = row_at(p.c, batch, (int64_t)0),
               *xr = row_at(p.x, batch, (int64_t)0);
    int at = p.order ? min(max(p.order[0], 0), 0) : 0, size = p.b.dtype == KN_F32 ? 4 : 2;
#pragma unroll
    for (int v = 0; v < NV; v++) {
        int  n  = (v * WARP + lane) * 4;
        bool in = n < p.N, vec = p.b.vec && p.c.vec && p.N % 4 == 0;
        b[v] = in ? load4(br + (int64_t)g * p.N * size, p.b.dtype, vec, n, p.N)
                  : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        c[v] = in ? load4(cr + (int64_t)g * p.N * size, p.c.dtype, vec, n, p.N)
                  : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
    float dt = step_size(p, load1(row_at(p.dt, batch, at), p.dt.dtype, h), h), decay = expf(dt * p.a[h]);
    float skip = p.d ? p.d[h] : 0.0f, y[STEP_ROWS], x[STEP_ROWS];
#pragma unroll
    for (int r = 0; r < STEP_ROWS; r++) {
        x[r]     = first + r < p.P ? load1(xr, p.x.dtype, h * p.P + first + r) : 0.0f;
        float dx = dt * x[r];
        y[r]     = 0.0f;
#pragma unroll
        for (int v = 0; v < NV; v++) {
            s[r][v] = make_float4(s[r][v].x * decay + dx * b[v].x, s[r][v].y * decay + dx * b[v].y,
                                  s[r][v].z * decay + dx * b[v].z, s[r][v].w * decay + dx * b[v].w);
            y[r] += s[r][v].x * c[v].x + s[r][v].y * c[v].y + s[r][v].z * c[v].z + s[r][v].w * c[v].w;
            int n = (v * WARP + lane) * 4;
            if (first + r < p.P && n < p.N)
                store4((char *)(S + (int64_t)r * p.N), KN_F32, state_vec, n, p.N, s[r][v]);
        }
    }
#pragma unroll
    for (int r = 0; r < STEP_ROWS; r++) {
        float sum = warp_sum(y[r]);
        if (lane == 0 && first + r < p.P)
            store_y(p, batch, at, h * p.P + first + r, sum + skip * x[r]);
    }
}

/* ---- many tokens --------------------------------------------------------------------------------- */

template <int NJ> struct scan_stage { /* NJ groups of LANES * 4 columns: N <= 32 NJ */
    float4 b[SCAN_TOKENS][NJ * LANES], c[SCAN_TOKENS][NJ * LANES];
    float  x[SCAN_TOKENS][SCAN_ROWS]; /* x   */
    float  dt[SCAN_TOKENS], decay[SCAN_TOKENS];
    float  y[SCAN_TOKENS][SCAN_ROWS];
};

/* What one thread carries of the next stage. */
template <int NJ> struct scan_ahead {
    static constexpr int n_vec = SCAN_TOKENS * NJ * LANES / SCAN_THREADS; /* float4 of b, and of c */
    static constexpr int n_x   = SCAN_TOKENS * SCAN_ROWS / SCAN_THREADS;
    float4               b[n_vec], c[n_vec];
    float                x[n_x], dt;
    bool                 in_time; /* whether this thread's dt belongs to a token */
};

template <int NJ>
__device__ __forceinline__ void scan_fetch(scan_ahead<NJ> &f, const ssd_params &p, int64_t batch, int h,
                                           int row0, int t0, int T)
{
    int    g = h / (p.H / p.G), size = p.b.dtype == KN_F32 ? 4 : 2, tid = (int)threadIdx.x;
    bool   vec  = p.b.vec && p.c.vec && p.N % 4 == 0;
    float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
    for (int k = 0; k < scan_ahead<NJ>::n_vec; k++) {
        int  i = k * SCAN_THREADS + tid, t = t0 + i / (NJ * LANES), n = i % (NJ * LANES) * 4;
        bool in = t < T && n < p.N;
        f.b[k]  = in ? load4(row_at(p.b, batch, t) + (int64_t)g * p.N * size, p.b.dtype, vec, n, p.N) : zero;
        f.c[k]  = in ? load4(row_at(p.c, batch, t) + (int64_t)g * p.N * size, p.c.dtype, vec, n, p.N) : zero;
    }
#pragma unroll
    for (int k = 0; k < scan_ahead<NJ>::n_x; k++) {
        int i = k * SCAN_THREADS + tid, t = t0 + i / SCAN_ROWS, r = row0 + i % SCAN_ROWS;
        f.x[k] = t < T && r < p.P ? load1(row_at(p.x, batch, t), p.x.dtype, h * p.P + r) : 0.0f;
    }
    f.in_time = t0 + tid < T;
    if (tid < SCAN_TOKENS && f.in_time) {
        int at = p.order ? min(max(p.order[t0 + tid], 0), p.dt.n_rows - 1) : t0 + tid;
        f.dt   = load1(row_at(p.dt, batch, at), p.dt.dtype, h);
    }
}

template <int NJ>
__device__ __forceinline__ void scan_put(scan_stage<NJ> &s, const scan_ahead<NJ> &f, const ssd_params &p,
                                         int h, float a)
{
    int tid = (int)threadIdx.x;
#pragma unroll
    for (int k = 0; k < scan_ahead<NJ>::n_vec; k++) {
        int i                                   = k * SCAN_THREADS + tid;
        s.b[i / (NJ * LANES)][i % (NJ * LANES)] = f.b[k];
        s.c[i / (NJ * LANES)][i % (NJ * LANES)] = f.c[k];
    }
#pragma unroll
    for (int k = 0; k < scan_ahead<NJ>::n_x; k++) {
        int i                             = k * SCAN_THREADS + tid;
        s.x[i / SCAN_ROWS][i % SCAN_ROWS] = f.x[k];
    }
    if (tid < SCAN_TOKENS) {
        float dt     = f.in_time ? step_size(p, f.dt, h) : 0.0f;
        s.dt[tid]    = dt;
        s.decay[tid] = expf(dt * a);
    }
}

/* One token: the two rows' states move on; lane 0 of the 8 gets the first row's S c, lane 1 the second's. */
template <int NJ>
__device__ __forceinline__ float scan_token(float4 (*s)[NJ], const scan_stage<NJ> &stage, int t, int r,
                                            int lane)
{
    float decay = stage.decay[t], dt = stage.dt[t], y[2] = {0.0f, 0.0f};
    float dx[2] = {dt * stage.x[t][r], dt * stage.x[t][r + SCAN_ROWS / 2]};
#pragma unroll
    for (int j = 0; j < NJ; j++) {
        float4 b = stage.b[t][j * LANES + lane], c = stage.c[t][j * LANES + lane];
#pragma unroll
        for (int k = 0; k < 2; k++) {
            s[k][j] = make_float4(s[k][j].x * decay + dx[k] * b.x, s[k][j].y * decay + dx[k] * b.y,
                                  s[k][j].z * decay + dx[k] * b.z, s[k][j].w * decay + dx[k] * b.w);
            y[k] += s[k][j].x * c.x + s[k][j].y * c.y + s[k][j].z * c.z + s[k][j].w * c.w;
        }
    }
    float mine = (lane & 1) ? y[1] : y[0], other = (lane & 1) ? y[0] : y[1];
    mine += __shfl_xor_sync(ALL_LANES, other, 1);
    mine += __shfl_xor_sync(ALL_LANES, mine, 2);
    return mine + __shfl_xor_sync(ALL_LANES, mine, 4);
}

/* Stage's outputs to y, each at its token. */
template <int NJ>
__device__ __forceinline__ void scan_store(const scan_stage<NJ> &stage, const ssd_params &p, int64_t batch,
                                           int h, int row0, int t0, int T, float skip)
{
#pragma unroll
    for (int k = 0; k < SCAN_TOKENS * SCAN_ROWS / SCAN_THREADS; k++) {
        int i = k * SCAN_THREADS + (int)threadIdx.x, t = i / SCAN_ROWS, r = i % SCAN_ROWS;
        if (t0 + t < T && row0 + r < p.P) {
            int at = p.order ? min(max(p.order[t0 + t], 0), p.y.n_rows - 1) : t0 + t;
            store_y(p, batch, at, h * p.P + row0 + r, stage.y[t][r] + skip * stage.x[t][r]);
        }
    }
    __syncthreads();
}

/* Grid (head, P / SCAN_ROWS, batch). */
template <int NJ>
__global__ void __launch_bounds__(SCAN_THREADS) ssd_scan_kernel(ssd_params p, bool state_vec)
{
    __shared__ scan_stage<NJ> stage;
    cuda_begin();
    int h = (int)blockIdx.x, row0 = (int)blockIdx.y * SCAN_ROWS, r = (int)threadIdx.x / LANES,
        lane           = threadIdx.x % LANES;
    int64_t      batch = blockIdx.z;
    int          T_all = p.x.n_rows, T = p.len ? min(max(p.len[batch], 0), T_all) : T_all;
    float        a = p.a[h], skip = p.d ? p.d[h] : 0.0f;
    int64_t      first = ((int64_t)h * p.P + row0) * p.N;
    float       *S     = p.state ? p.state + batch * p.state_stride + first : NULL;
    const float *from  = p.state ? p.start + batch * p.start_stride + first : NULL;
    int          out_row =
        r + lane % 2 * (SCAN_ROWS / 2); /* whose y this lane stores, if it is one of the first two */
    bool   stores = lane < 2 && row0 + out_row < p.P;
    float4 s[2][NJ], zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);

    scan_ahead<NJ> ahead;
    ahead.dt = 0.0f;
    scan_fetch<NJ>(ahead, p, batch, h, row0, 0, T);
#pragma unroll
    for (int k = 0; k < 2; k++)
#pragma unroll
        for (int j = 0; j < NJ; j++) {
            int n = (j * LANES + lane) * 4, row = r + k * (SCAN_ROWS / 2);
            s[k][j] = S && row0 + row < p.P && n < p.N
                          ? load4((const char *)(from + (int64_t)row * p.N), KN_F32, state_vec, n, p.N)
                          : zero;
        }
    for (int t0 = 0; t0 < T; t0 += SCAN_TOKENS) {
        scan_put<NJ>(stage, ahead, p, h, a);
        __syncthreads();
        scan_fetch<NJ>(ahead, p, batch, h, row0, t0 + SCAN_TOKENS, T);
#pragma unroll 4
        for (int t = 0; t < SCAN_TOKENS; t++) { /* tokens behind the end change nothing: dt 0, decay 1 */
            float y = scan_token<NJ>(s, stage, t, r, lane);
            if (lane < 2)
                stage.y[t][out_row] = y;
        }
        __syncthreads();
        scan_store<NJ>(stage, p, batch, h, row0, t0, T, skip);
    }
    for (int t = T; t < T_all; t++) /* behind the end: finite, whatever it is */
        if (stores && !p.accumulate)
            store1(row_at(p.y, batch, t), p.y.dtype, h * p.P + row0 + out_row, 0.0f);
#pragma unroll
    for (int k = 0; k < 2; k++)
#pragma unroll
        for (int j = 0; j < NJ; j++) {
            int n = (j * LANES + lane) * 4, row = r + k * (SCAN_ROWS / 2);
            if (S && row0 + row < p.P && n < p.N)
                store4((char *)(S + (int64_t)row * p.N), KN_F32, state_vec, n, p.N, s[k][j]);
        }
}

/* ---- launch -------------------------------------------------------------------------------------- */

static ssd_params params_of(const kn_ssd_args *a)
{
    ssd_params p     = {};
    kn_tensor  start = kn_present(a->start) ? a->start : a->state;
    p.x              = cuda_rows_of(a->x);
    p.b              = cuda_rows_of(a->b);
    p.c              = cuda_rows_of(a->c);
    p.dt             = cuda_rows_of(a->dt);
    p.y              = cuda_rows_of(a->y);
    p.a              = (const float *)kn_data(a->a);
    p.d              = (const float *)kn_data(a->d);
    p.dt_bias        = (const float *)kn_data(a->dt_bias);
    p.state          = (float *)kn_data(a->state);
    p.state_stride   = kn_present(a->state) ? a->state.stride[0] : 0;
    p.start          = (const float *)kn_data(start);
    p.start_stride   = kn_present(start) ? start.stride[0] : 0;
    p.len            = (const int *)kn_data(a->len);
    p.order          = (const int *)kn_data(a->order);
    p.H              = a->n_heads;
    p.G              = a->n_groups;
    p.P              = (int)(a->x.dim[2] / a->n_heads);
    p.N              = (int)(a->b.dim[2] / a->n_groups);
    p.dt_min         = a->dt_min;
    p.dt_max         = a->dt_max > 0.0f ? a->dt_max : 3.0e38f;
    p.accumulate     = a->accumulate;
    return p;
}

static bool state_aligned(const ssd_params &p)
{
    return p.N % 4 == 0 && ((uintptr_t)p.state | (uintptr_t)p.start) % 16 == 0 &&
           (p.state_stride | p.start_stride) % 4 == 0;
}

mlm_status cuda_ssd_step(kn_queue *q, const kn_ssd_step_args *a)
{
    ssd_params p = params_of(a);
    dim3       grid((unsigned)p.H, cuda_blocks(p.P, STEP_WARPS * STEP_ROWS), (unsigned)a->x.dim[0]);
    return cuda_launch(q, "ssd_step", p.N <= 128 ? ssd_step_kernel<1> : ssd_step_kernel<2>, grid,
                       dim3(STEP_WARPS * WARP), 0, p, state_aligned(p));
}

mlm_status cuda_ssd_scan(kn_queue *q, const kn_ssd_scan_args *a)
{
    ssd_params p = params_of(a);
    if (cuda_ssd_chunk_fits(q, &p, a->x.dim[0]))
        return cuda_ssd_chunk(q, &p, a->x.dim[0]);
    dim3 grid((unsigned)p.H, cuda_blocks(p.P, SCAN_ROWS), (unsigned)a->x.dim[0]);
    void (*kernel)(ssd_params, bool) = p.N <= 32    ? ssd_scan_kernel<1>
                                       : p.N <= 64  ? ssd_scan_kernel<2>
                                       : p.N <= 128 ? ssd_scan_kernel<4>
                                                    : ssd_scan_kernel<8>;
    return cuda_launch(q, "ssd_scan", kernel, grid, dim3(SCAN_THREADS), 0, p, state_aligned(p));
}

mlm_status cuda_ssd_scan_kept(kn_queue *q, const kn_ssd_scan_args *a, bool *done)
{
    ssd_params p  = params_of(a);
    p.cut         = (int)a->cut;
    p.kept        = (float *)kn_data(a->kept);
    p.kept_stride = a->kept.stride[0];
    *done         = false;
    if (!cuda_ssd_chunk_fits(q, &p, a->x.dim[0]) || !cuda_ssd_wgmma_fits(q, &p) ||
        (uintptr_t)p.kept % 8 != 0 || p.kept_stride % 2 != 0)
        return MLM_OK;
    return cuda_ssd_wgmma(q, &p, a->x.dim[0], done);
}
