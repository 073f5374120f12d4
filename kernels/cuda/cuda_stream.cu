/*
 * cuda_stream.cu: products of one row at the speed of the memory: y = W x for bf16 and int8 weights.
 *
 * One block an SM takes a fair share of the outputs; its warps walk over pieces (segments) of a row or two, each through a
 * ring of its own in shared memory that cp.async fills K rounds ahead.  A lane reads only what it has copied itself, so
 * nothing but the end of the block needs a barrier.  The ring is filled before the kernel in front has finished, and
 * the kernel behind may start once a block has asked for its last weights: its first loads
 * travel while this kernel's results do.  x is normed on its way in, as in cuda_gemv.cu, whose sums have the same bits.
 */
#include "kernels/cuda/cuda_stream.cuh"

struct stream_params {
    const char  *w;
    const float *x, *norm, *scale, *residual; /* norm, scale, residual may be NULL */
    float       *y, eps;
    int64_t      row_bytes;
    int          out, in, n_groups, n_rounds; /* groups of 16 bytes, rounds of a row */
    int          n_seg, row_step, seg_step;   /* segments of a row; how far a warp's next piece is */
};

/* What a warp asks for next. */
struct stream_cursor {
    const char *from;        /* this lane's first group of the round */
    int         row, seg;    /* of the block's */
    int         round, left; /* left: groups from this lane's first to the end of the row */
};

template <int WT>
__device__ __forceinline__ void seek(stream_cursor &c, const stream_params &p, const char *w, int lane)
{
    int group = c.seg * (stream_shape<WT>::n_rounds * ROUND * WARP) + lane;
    c.round   = min(stream_shape<WT>::n_rounds, p.n_rounds - c.seg * stream_shape<WT>::n_rounds);
    c.from    = w + c.row * p.row_bytes + group * 16;
    c.left    = p.n_groups - group;
}

__device__ __forceinline__ void next_piece(int &row, int &seg, const stream_params &p)
{
    row += p.row_step;
    seg += p.seg_step;
    if (seg >= p.n_seg) {
        seg -= p.n_seg;
        row++;
    }
}

template <int WT>
__device__ __forceinline__ void fetch(uint4 *slot, stream_cursor &c, const stream_params &p, const char *w,
                                      int n_rows, int lane, uint64_t policy)
{
    if (c.row < n_rows) {
        copy_round(slot, c.from, c.left, policy);
        c.from += ROUND * WARP * 16;
        c.left -= ROUND * WARP;
        if (--c.round == 0) {
            next_piece(c.row, c.seg, p);
            seek<WT>(c, p, w, lane);
        }
    }
    copy_async_commit();
}

/* The products of a warp's pieces, each sum to its place. */
template <int WT, typename WAY>
__device__ __forceinline__ void stream_pieces(uint4 *ring, const float *xs, float *sums, stream_cursor c,
                                              const stream_params &p, const char *w, int n_rows,
                                              uint64_t policy)
{
    constexpr int V = weights16<WT>::n / 4, n_lanes = stream_shape<WT>::n_lanes;
    int           lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    uint4        *slot = ring;
    int           row = warp / p.n_seg, seg = warp % p.n_seg;
    while (row < n_rows) {
        const float4 *x = (const float4 *)xs + seg * (stream_shape<WT>::n_rounds * n_lanes * V) + lane;
        const float4 *end =
            (const float4 *)xs + min((seg + 1) * stream_shape<WT>::n_rounds, p.n_rounds) * (n_lanes * V);
        float acc = 0.0f;
#pragma unroll 1
        for (; x < end; x += n_lanes * V) {
            uint4 v[ROUND];
            take_round<WAY>(v, slot);
            fetch<WT>(slot, c, p, w, n_rows, lane, policy);
            if (c.row >= n_rows)
                cuda_dependency_release();
            slot = slot == ring + (WAY::depth - 1) * WAY::n_slot ? ring : slot + WAY::n_slot;
            acc  = multiply_round<WT>(acc, v, x);
        }
        acc = warp_sum(acc);
        if (lane == 0)
            sums[row * p.n_seg + seg] = acc;
        next_piece(row, seg, p);
    }
}

template <int WT, typename WAY>
__global__ void __launch_bounds__(WAY::warps *WARP, 2) stream_kernel(stream_params p)
{
    constexpr int           E = weights16<WT>::n;
    extern __shared__ uint4 stream_shared[];
    __shared__ float        part[GEMV_WARPS];
    int                     lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    int                     padded = p.n_rounds * ROUND * WARP * E;
    uint4                  *ring   = stream_shared + warp * WAY::depth * WAY::n_slot + lane;
    float                  *xs     = (float *)(stream_shared + WAY::n_ring);
    float                  *sums   = xs + padded;
    int                     first  = (int)((unsigned)p.out * blockIdx.x / gridDim.x);
    int                     n_rows = (int)((unsigned)p.out * (blockIdx.x + 1) / gridDim.x) - first;
    const char             *w      = p.w + first * p.row_bytes;
    uint64_t                policy = stream_policy();
    stream_cursor           c      = {w, warp / p.n_seg, warp % p.n_seg, 0, 0};
    float4                  norm[STAGE_ROUND];
    load_round(norm, p.norm, (int)threadIdx.x * 4, p.in, 1.0f);
    seek<WT>(c, p, w, lane);
#pragma unroll 1
    for (int k = 0; k < WAY::depth; k++)
        fetch<WT>(ring + k * WAY::n_slot, c, p, w, n_rows, lane, policy);
    if (threadIdx.x < GEMV_THREADS)
        stage_norm<E>(xs, p.norm, p.in, padded, norm);
    float scale = p.scale && threadIdx.x < n_rows ? p.scale[first + threadIdx.x] : 1.0f;
    cuda_dependency_wait();
    if (c.row >= n_rows)
        cuda_dependency_release();
    if (threadIdx.x < GEMV_THREADS)
        stage_row<E>(xs, p.x, p.in, padded, part);
    float residual = p.residual && threadIdx.x < n_rows ? p.residual[first + threadIdx.x] : 0.0f;
    __syncthreads();
    float factor = norm_factor(p.norm, part, p.in, p.eps);
    stream_pieces<WT, WAY>(ring, xs, sums, c, p, w, n_rows, policy);
    __syncthreads();
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < n_rows; i += (int)blockDim.x) {
        float v = 0.0f;
#pragma unroll 1
        for (int s = 0; s < p.n_seg; s++)
            v += sums[i * p.n_seg + s];
        v *= factor;
        if (i != (int)threadIdx.x) {
            scale    = p.scale ? p.scale[first + i] : 1.0f;
            residual = p.residual ? p.residual[first + i] : 0.0f;
        }
        p.y[first + i] = __fadd_rn(__fmul_rn(v, scale), residual);
    }
}

template <int WT, typename WAY> static mlm_status launch(kn_queue *q, stream_params *p, bool *done)
{
    const cuda_device *d      = cuda_of(q->dev);
    int                blocks = p->out < d->n_sm ? p->out : d->n_sm;
    int64_t            rows   = (p->out + blocks - 1) / blocks;
    int64_t bytes = (int64_t)WAY::n_ring * 16 + (int64_t)p->n_rounds * ROUND * WARP * weights16<WT>::n * 4 +
                    rows * p->n_seg * 4;
    *done = bytes <= d->max_shared - 1024;
    if (!*done)
        return MLM_OK;
    p->row_step = WAY::warps / p->n_seg;
    p->seg_step = WAY::warps % p->n_seg;
    cuda_prefer_shared((const void *)stream_kernel<WT, WAY>);
    return cuda_launch(q, "linear", stream_kernel<WT, WAY>, dim3((unsigned)blocks), dim3(WAY::warps * WARP),
                       (size_t)bytes, *p);
}

template <int WT> static mlm_status launch_type(kn_queue *q, const linear_params *l, bool *done)
{
    stream_params p     = {};
    int64_t       round = (int64_t)ROUND * WARP * weights16<WT>::n;
    p.w                 = l->w;
    p.x                 = (const float *)l->x.data;
    p.norm              = l->norm;
    p.scale             = l->scale;
    p.residual          = l->has_residual ? (const float *)l->residual.data : NULL;
    p.y                 = (float *)l->y.data;
    p.eps               = l->eps;
    p.row_bytes         = l->pitch * weights16<WT>::size;
    p.out               = l->out;
    p.in                = l->in;
    p.n_groups          = (int)(l->pitch / weights16<WT>::n);
    p.n_rounds          = (int)((l->pitch + round - 1) / round);
    p.n_seg             = (p.n_rounds + stream_shape<WT>::n_rounds - 1) / stream_shape<WT>::n_rounds;
    return launch<WT, typename stream_choice<WT>::way>(q, &p, done);
}

/* Plain sums of one f32 row, at most normed, scaled and added to another. */
static bool fits(const linear_params *p)
{
    return p->R == 1 && p->out < 1 << 24 && !p->gate.data && !p->bias && !p->gamma && p->act == KN_ACT_NONE &&
           p->x.dtype == KN_F32 && p->x.vec && p->y.dtype == KN_F32 &&
           (!p->has_residual || p->residual.dtype == KN_F32) && (!p->norm || p->norm_vec);
}

mlm_status cuda_stream(kn_queue *q, const linear_params *p, kn_dtype w_dtype, bool *done)
{
    *done = false;
    if (!fits(p) || (w_dtype != KN_BF16 && w_dtype != KN_I8))
        return MLM_OK;
    return w_dtype == KN_BF16 ? launch_type<KN_BF16>(q, p, done) : launch_type<KN_I8>(q, p, done);
}
