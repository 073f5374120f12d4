/*
 * cuda_gemv.cu: products of few rows: every weight is read once, 16 bytes a lane, past the L1 cache.
 *
 * A block copies its RT rows of x to shared memory (as f32, in the order in which lanes want them) and its
 * warps walk over tiles of NR outputs: one each, or as many as it takes with blocks that stay.  AHEAD loads of every output are always on their way, across
 * the seams between tiles; the first start before the kernel in front has finished, because weights depend
 * on nothing.  Optionally x is normed on its way in (rmsnorm, or Mamba-2's gated one), which costs one pass
 * over shared memory and saves a kernel.
 * The order of the additions depends on the width alone: a row's result is the same in every tile (RT, NR)
 * and so in every batch of up to 8 rows.
 */
#include "kernels/cuda/cuda_gemv.cuh"

#include <limits.h>

/*
 * RT rows of x (times silu(gate), times the norm's weights) to shared memory; zeros behind the end of a row and
 * in rows that do not exist.  With a norm, part gets each warp's sum of squares: 1 / rms(x) is a factor of the
 * whole row and meets the sum at its end.
 */
template <int RT, int E>
__device__ __forceinline__ void stage_x(float *xs, const linear_params &p, int r0, int padded,
                                        float (*part)[GEMV_WARPS])
{
    for (int r = 0; r < RT; r++) {
        bool        in     = r0 + r < p.R;
        const char *xr     = row_at(p.x, min((int64_t)(r0 + r), p.R - 1));
        const char *zr     = p.gate.data ? row_at(p.gate, min((int64_t)(r0 + r), p.R - 1)) : NULL;
        float       square = 0.0f;
        for (int k0 = (int)threadIdx.x * 4; k0 < padded; k0 += GEMV_THREADS * 4 * STAGE_ROUND) {
            float4 v[STAGE_ROUND], w[STAGE_ROUND];
#pragma unroll
            for (int i = 0; i < STAGE_ROUND; i++) {
                int k = k0 + i * GEMV_THREADS * 4;
                v[i]  = in && k < p.in ? load4(xr, p.x.dtype, p.x.vec, k, p.in)
                                       : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
                w[i]  = p.norm && k < p.in ? load4((const char *)p.norm, KN_F32, p.norm_vec, k, p.in)
                                           : make_float4(1.0f, 1.0f, 1.0f, 1.0f);
            }
#pragma unroll
            for (int i = 0; i < STAGE_ROUND; i++) {
                int k = k0 + i * GEMV_THREADS * 4;
                if (zr && in && k < p.in) {
                    float4 z = load4(zr, p.gate.dtype, p.gate.vec, k, p.in);
                    v[i].x *= silu(z.x), v[i].y *= silu(z.y), v[i].z *= silu(z.z), v[i].w *= silu(z.w);
                }
                square = add_square(square, v[i]);
                if (k < padded)
                    *(float4 *)(xs + r * padded + x_slot<E>((unsigned)k)) =
                        make_float4(v[i].x * w[i].x, v[i].y * w[i].y, v[i].z * w[i].z, v[i].w * w[i].w);
            }
        }
        if (p.norm) {
            square = warp_sum(square);
            if (threadIdx.x % WARP == 0)
                part[r][threadIdx.x / WARP] = square;
        }
    }
    __syncthreads();
}

template <int WT, int RT, int NR, int AHEAD>
__global__ void __launch_bounds__(GEMV_THREADS) gemv_kernel(linear_params p)
{
    constexpr int            E = weights16<WT>::n, segment = GEMV_SEGMENT / (E * WARP); /* steps */
    extern __shared__ float4 gemv_shared[];
    __shared__ float         part[RT][GEMV_WARPS];
    float                   *xs = (float *)gemv_shared;
    int lane = threadIdx.x % WARP, n_groups = (int)(p.pitch / E), r0 = (int)blockIdx.y * RT;
    int n_steps = (n_groups + WARP * AHEAD - 1) / (WARP * AHEAD) *
                  AHEAD; /* whole rounds; loads behind the end are zeros */
    int     padded  = n_steps * WARP * E;
    int     n_warps = (int)gridDim.x * GEMV_WARPS, tile = (int)(blockIdx.x * GEMV_WARPS + threadIdx.x / WARP);
    int     n_tiles    = (p.out + NR - 1) / NR;
    int64_t row_bytes  = p.pitch * weights16<WT>::size;
    uint64_t    policy = stream_policy();
    uint4       ahead[NR][AHEAD];
    const char *w = p.w + (int64_t)lane * 16;
#pragma unroll
    for (int n = 0; n < NR; n++)
#pragma unroll
        for (int u = 0; u < AHEAD; u++)
            ahead[n][u] =
                tile < n_tiles && u * WARP + lane < n_groups
                    ? stream16(w + min(tile * NR + n, p.out - 1) * row_bytes + u * WARP * 16, policy)
                    : make_uint4(0, 0, 0, 0);
    if (p.early)
        cuda_dependency_release();
    cuda_begin();
    stage_x<RT, E>(xs, p, r0, padded, part);
    float factor[RT];
#pragma unroll
    for (int r = 0; r < RT; r++) {
        factor[r] = 1.0f;
        if (p.norm) {
            float square = 0.0f;
            for (int k = 0; k < GEMV_WARPS; k++)
                square += part[r][k];
            factor[r] = rsqrtf(square / (float)p.in + p.eps);
        }
    }

    for (; tile < n_tiles; tile += n_warps) {
        float acc[RT][NR] = {}, mine = 0.0f; /* lane r NR + n stores output n of row r */
        for (int j = 0; j < n_steps; j += AHEAD) {
            bool last  = j + AHEAD >= n_steps;
            int  fetch = last ? tile + n_warps : tile, step = last ? 0 : j + AHEAD;
#pragma unroll
            for (int u = 0; u < AHEAD; u++) {
                float f[NR][E];
#pragma unroll
                for (int n = 0; n < NR; n++) {
                    weights16<WT>::unpack(f[n], ahead[n][u]);
                    if (fetch < n_tiles && (step + u) * WARP + lane < n_groups)
                        ahead[n][u] = stream16(
                            w + min(fetch * NR + n, p.out - 1) * row_bytes + (step + u) * WARP * 16, policy);
                    else
                        ahead[n][u] = make_uint4(0, 0, 0, 0);
                }
#pragma unroll
                for (int r = 0; r < RT; r++)
#pragma unroll
                    for (int e = 0; e < E; e += 4) {
                        float4 v = *(const float4 *)(xs + r * padded +
                                                     (((j + u) * (E / 4) + e / 4) * WARP + lane) * 4);
#pragma unroll
                        for (int n = 0; n < NR; n++)
                            acc[r][n] = dot4(acc[r][n], f[n] + e, v);
                    }
                if ((j + u + 1) % segment == 0 || j + u + 1 == n_steps)
#pragma unroll
                    for (int r = 0; r < RT; r++)
#pragma unroll
                        for (int n = 0; n < NR; n++) {
                            float sum = warp_sum(acc[r][n]);
                            mine += lane == r * NR + n ? sum : 0.0f;
                            acc[r][n] = 0.0f;
                        }
            }
        }
#pragma unroll
        for (int r = 0; r < RT; r++)
            mine *= lane / NR == r ? factor[r] : 1.0f;
        if (lane < RT * NR && tile * NR + lane % NR < p.out && r0 + lane / NR < p.R)
            linear_store(p, r0 + lane / NR, tile * NR + lane % NR, mine);
    }
}

/* Bytes of shared memory for RT rows of x. */
template <int WT, int AHEAD> static size_t shared_bytes(const linear_params *p, int RT)
{
    int64_t round = WARP * AHEAD * weights16<WT>::n;
    return (size_t)((p->pitch + round - 1) / round * round) * sizeof(float) * (size_t)RT;
}

template <int WT, int RT, int NR, int AHEAD>
static mlm_status launch(kn_queue *q, const linear_params *p, int per_sm)
{
    int64_t tiles = (p->out + NR - 1) / NR, blocks = (tiles + GEMV_WARPS - 1) / GEMV_WARPS;
    int64_t most = (int64_t)per_sm * cuda_of(q->dev)->n_sm;
    dim3    grid((unsigned)(blocks < most ? blocks : most), cuda_blocks(p->R, RT));
    return cuda_launch(q, "linear", gemv_kernel<WT, RT, NR, AHEAD>, grid, dim3(GEMV_THREADS),
                       shared_bytes<WT, AHEAD>(p, RT), *p);
}

/* The most rows a block can hold of up to 8. */
template <int WT> static mlm_status launch_rows(kn_queue *q, const linear_params *p)
{
    size_t room = (size_t)cuda_of(q->dev)->max_shared - 1024;
    int stay = WT == KN_I8 ? 2 : INT_MAX; /* staging x costs int8 more than what staying loses in balance */
    if (p->R == 1)
        return p->out >= 16 * cuda_of(q->dev)->n_sm ? launch<WT, 1, 2, 5>(q, p, stay)
                                                    : launch<WT, 1, 1, 5>(q, p, 3);
    if (p->R > 4 && shared_bytes<WT, 2>(p, 8) <= room)
        return launch<WT, 8, 4, 2>(q, p, 1);
    if (shared_bytes<WT, 2>(p, 4) <= room)
        return launch<WT, 4, 4, 2>(q, p, 2);
    return launch<WT, 1, 1, 5>(q, p, 3);
}

/* Weights that no large model has in these dtypes: fewer tiles, quicker builds. */
template <int WT> static mlm_status launch_rare(kn_queue *q, const linear_params *p)
{
    size_t room = (size_t)cuda_of(q->dev)->max_shared - 1024;
    return p->R > 1 && shared_bytes<WT, 2>(p, 4) <= room ? launch<WT, 4, 4, 2>(q, p, 2)
                                                         : launch<WT, 1, 1, 5>(q, p, 3);
}

bool cuda_gemv_wide_enough(const kn_queue *q, const linear_params *p)
{
    return (size_t)(p->pitch + WARP * 16 * 5) * sizeof(float) <= (size_t)cuda_of(q->dev)->max_shared - 1024;
}

bool cuda_gemv_fits(const kn_queue *q, const linear_params *p)
{
    return p->R <= CUDA_GEMV_ROWS && cuda_gemv_wide_enough(q, p);
}

mlm_status cuda_gemv(kn_queue *q, const linear_params *p, kn_dtype w_dtype)
{
    bool done;
    MLM_TRY(cuda_stream(q, p, w_dtype, &done));
    if (done)
        return MLM_OK;
    switch (w_dtype) {
    case KN_BF16:
        return launch_rows<KN_BF16>(q, p);
    case KN_I8:
        return launch_rows<KN_I8>(q, p);
    case KN_F16:
        return launch_rare<KN_F16>(q, p);
    default:
        return launch_rare<KN_F32>(q, p);
    }
}
