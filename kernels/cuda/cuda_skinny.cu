/*
 * cuda_skinny.cu: products of a batch of tokens, bf16: 3 to 64 rows of x past weights that are read once, on tensor
 * cores, at the speed of the memory.
 *
 * One block or a cluster of two takes a share of the outputs, each block a part of the width (x would cost more than the
 * weights if every block read all of it); their sums meet through distributed shared memory in a fixed order.
 * Weights and x come 128 columns at a time through a ring in shared memory; the first weights before the kernel
 * in front has finished.  A row's result depends neither on the other rows nor on how many there are.
 */
#include "kernels/cuda/cuda_gemv.cuh"
#include "kernels/cuda/cuda_mma.cuh"

#define SKINNY_ROWS    64  /* of x */
#define SKINNY_K       128 /* columns a stage */
#define SKINNY_THREADS 256
#define ROW_BYTES      (SKINNY_K * 2)
#define ROW_CHUNKS     (ROW_BYTES / 16)

#define SKINNY_OUT    192 /* outputs a block and pass */
#define SKINNY_M      2 /* tiles of 16 rows a warp; with 48 outputs: 2 warps side by side, 4 groups of them */
#define SKINNY_STAGES 3
#define STAGE_BYTES   ((SKINNY_ROWS + SKINNY_OUT) * ROW_BYTES)
#define SKINNY_SHARED (SKINNY_STAGES * STAGE_BYTES)
#define SUM_ROW       (SKINNY_OUT + 4) /* floats between rows of sums in shared memory */

struct skinny_params {
    const char  *w, *x;
    const float *residual; /* may be NULL */
    float       *y;
    int64_t      w_row, x_row;        /* bytes */
    int64_t      y_row, residual_row; /* elements */
    int          R, out, n_chunks;    /* chunks of 16 bytes of a row of x and w */
    int          n_groups;            /* clusters */
};

/* Row r, 16-byte chunk c of a tile, so that ldmatrix meets no bank twice. */
__device__ __forceinline__ uint32_t tile_at(int r, int c)
{
    return (uint32_t)(r * ROW_BYTES + (c ^ (r & 7)) * 16);
}

__device__ __forceinline__ void copy_weights(uint32_t to, const char *from, int bytes, uint64_t policy)
{
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(to), "l"(from),
                 "r"(bytes), "l"(policy)
                 : "memory");
}

/* Columns of stage k0 (in chunks) of n rows, chunks before `end`. */
__device__ __forceinline__ void fetch_w(uint32_t tile, const char *w, int64_t row_bytes, int n, int k0,
                                        int end, uint64_t policy)
{
    int         c = (int)threadIdx.x % ROW_CHUNKS, r0 = (int)threadIdx.x / ROW_CHUNKS;
    const char *first = w;
    w += r0 * row_bytes + (k0 + c) * 16;
#pragma unroll 4
    for (int r = r0; r < SKINNY_OUT; r += SKINNY_THREADS / ROW_CHUNKS) {
        copy_weights(tile + tile_at(r, c), r < n ? w : first, r < n && k0 + c < end ? 16 : 0, policy);
        w += SKINNY_THREADS / ROW_CHUNKS * row_bytes;
    }
}
__device__ __forceinline__ void fetch_x(uint32_t tile, const skinny_params &p, int k0, int end)
{
    int         c = (int)threadIdx.x % ROW_CHUNKS, r0 = (int)threadIdx.x / ROW_CHUNKS;
    const char *x = p.x + r0 * p.x_row + (k0 + c) * 16;
#pragma unroll
    for (int r = r0; r < SKINNY_ROWS; r += SKINNY_THREADS / ROW_CHUNKS) {
        copy_async_at(tile + tile_at(r, c), x, r < p.R && k0 + c < end);
        x += SKINNY_THREADS / ROW_CHUNKS * p.x_row;
    }
}

/* 32 rows of x times 48 outputs, a stage of both. */
__device__ __forceinline__ void multiply_stage(float (*acc)[6][4], uint32_t xt, uint32_t wt, int lane, int m0,
                                               int n0)
{
#pragma unroll
    for (int k = 0; k < SKINNY_K / 16; k++) {
        uint32_t a[SKINNY_M][4], b[3][4];
#pragma unroll
        for (int m = 0; m < SKINNY_M; m++)
            ldmatrix4_at(a[m], xt + tile_at(m0 + m * 16 + a_row(lane), 2 * k + a_chunk(lane)));
#pragma unroll
        for (int n = 0; n < 3; n++)
            ldmatrix4_at(b[n], wt + tile_at(n0 + n * 16 + b_row(lane), 2 * k + b_chunk(lane)));
#pragma unroll
        for (int m = 0; m < SKINNY_M; m++)
#pragma unroll
            for (int n = 0; n < 6; n++)
                mma_bf16(acc[m][n], a[m], b[n / 2] + n % 2 * 2);
    }
}

__device__ __forceinline__ uint32_t cluster_rank()
{
    uint32_t r = 0;
#if __CUDA_ARCH__ >= 900
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
#endif
    return r;
}
__device__ __forceinline__ void cluster_barrier()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
#else
    __syncthreads();
#endif
}
__device__ __forceinline__ float4 load_from_rank(uint32_t at, uint32_t rank)
{
    float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#if __CUDA_ARCH__ >= 900
    uint32_t far;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(far) : "r"(at), "r"(rank));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
                 : "r"(far)
                 : "memory");
#endif
    return v;
}

#define STORE_MOST 6 /* groups of 4 outputs a thread and round */

/* Sums of all blocks of the cluster in the order of their rank, each block a share of the outputs, to memory. */
template <int SPLITS>
__device__ __forceinline__ void store_sums(const skinny_params &p, float (*acc)[6][4], float *sums, int lane,
                                           int m0, int n0, int first, int n, uint32_t rank)
{
    constexpr int row_size = SUM_ROW;
    int      from = n / 4 * (int)rank / SPLITS, width = n / 4 * ((int)rank + 1) / SPLITS - from; /* groups */
    int      all = width * p.R;
    float4   v[STORE_MOST];
    uint32_t at = (uint32_t)__cvta_generic_to_shared(sums);
#pragma unroll
    for (int m = 0; m < SKINNY_M; m++)
#pragma unroll
        for (int k = 0; k < 6; k++)
#pragma unroll
            for (int half = 0; half < 2; half++)
                *(float2 *)(sums + (m0 + m * 16 + half * 8 + lane / 4) * row_size + n0 + k * 8 +
                            lane % 4 * 2) = make_float2(acc[m][k][2 * half], acc[m][k][2 * half + 1]);
    bool arrived = false;
    for (int i0 = (int)threadIdx.x; i0 - (int)threadIdx.x < all || !arrived;
         i0 += SKINNY_THREADS * STORE_MOST) {
#pragma unroll
        for (int j = 0; j < STORE_MOST; j++) { /* travels while the others arrive */
            int i = i0 + j * SKINNY_THREADS, r = i / max(width, 1), o = first + (from + i - r * width) * 4;
            v[j] = p.residual && i < all ? *(const float4 *)(p.residual + r * p.residual_row + o)
                                         : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
        if (!arrived)
            cluster_barrier();
        arrived = true;
#pragma unroll
        for (int j = 0; j < STORE_MOST; j++) {
            int    i = i0 + j * SKINNY_THREADS, r = i / max(width, 1), o = (from + i - r * width) * 4;
            float4 s = make_float4(0.0f, 0.0f, 0.0f, 0.0f), part[SPLITS];
            if (i >= all)
                continue;
#pragma unroll
            for (int k = 0; k < SPLITS; k++)
                part[k] = SPLITS == 1 ? *(const float4 *)(sums + r * row_size + o)
                                      : load_from_rank(at + (uint32_t)(r * row_size + o) * 4, (uint32_t)k);
#pragma unroll
            for (int k = 0; k < SPLITS; k++)
                s.x += part[k].x, s.y += part[k].y, s.z += part[k].z, s.w += part[k].w;
            *(float4 *)(p.y + r * p.y_row + first + o) =
                make_float4(s.x + v[j].x, s.y + v[j].y, s.z + v[j].z, s.w + v[j].w);
        }
    }
    cluster_barrier();
}

template <int SPLITS> __global__ void __launch_bounds__(SKINNY_THREADS, 1) skinny_kernel(skinny_params p)
{
    extern __shared__ __align__(128) char skinny_shared[];
    uint32_t                              shared = (uint32_t)__cvta_generic_to_shared(skinny_shared),
             rank                                = SPLITS == 1 ? 0 : cluster_rank();
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, m0 = warp % 2 * 32, n0 = warp / 2 * 48;
    int group    = (int)blockIdx.x / SPLITS;
    int first    = (int)((unsigned)(p.out / 4) * group / p.n_groups) * 4,
        last     = (int)((unsigned)(p.out / 4) * (group + 1) / p.n_groups) * 4;
    int n_stages = (p.n_chunks + ROW_CHUNKS - 1) / ROW_CHUNKS;
    int s0 = n_stages * (int)rank / SPLITS, n = n_stages * ((int)rank + 1) / SPLITS - s0;
    int n_passes    = (last - first + SKINNY_OUT - 1) / SKINNY_OUT,
        per_pass    = ((last - first) / 4 + n_passes - 1) / n_passes * 4;
    uint64_t policy = stream_policy();
    bool     waited = false;
    for (; first < last; first += per_pass) {
        int         rows                = min(per_pass, last - first);
        const char *w                   = p.w + first * p.w_row;
        float       acc[SKINNY_M][6][4] = {};
        for (int s = 0; s < SKINNY_STAGES - 1; s++)
            if (s < n)
                fetch_w(shared + s * STAGE_BYTES + SKINNY_ROWS * ROW_BYTES, w, p.w_row, rows,
                        (s0 + s) * ROW_CHUNKS, p.n_chunks, policy);
        if (!waited) {
            cuda_dependency_wait();
            waited = true;
        }
        for (int s = 0; s < SKINNY_STAGES - 1; s++) {
            if (s < n)
                fetch_x(shared + s * STAGE_BYTES, p, (s0 + s) * ROW_CHUNKS, p.n_chunks);
            copy_async_commit();
        }
        for (int s = 0; s < n; s++) {
            asm volatile("cp.async.wait_group %0;" ::"n"(SKINNY_STAGES - 2) : "memory");
            __syncthreads(); /* stage s has come, stage s - 1 is free */
            int ahead = s + SKINNY_STAGES - 1;
            if (ahead < n) {
                uint32_t tile = shared + ahead % SKINNY_STAGES * STAGE_BYTES;
                fetch_x(tile, p, (s0 + ahead) * ROW_CHUNKS, p.n_chunks);
                fetch_w(tile + SKINNY_ROWS * ROW_BYTES, w, p.w_row, rows, (s0 + ahead) * ROW_CHUNKS,
                        p.n_chunks, policy);
            } else {
                cuda_dependency_release();
            }
            copy_async_commit();
            uint32_t tile = shared + s % SKINNY_STAGES * STAGE_BYTES;
            multiply_stage(acc, tile, tile + SKINNY_ROWS * ROW_BYTES, lane, m0, n0);
        }
        copy_async_wait_all();
        __syncthreads();
        store_sums<SPLITS>(p, acc, (float *)skinny_shared, lane, m0, n0, first, rows, rank);
    }
}

/* As cuda_launch, in clusters. */
template <int SPLITS> static mlm_status launch(kn_queue *q, skinny_params p, bool *done)
{
    const void *kernel = (const void *)skinny_kernel<SPLITS>;
    MLM_TRY(cuda_enter(q->dev, "linear"));
    MLM_TRY(cuda_status(
        q->dev, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, SKINNY_SHARED),
        "linear"));
    cudaLaunchAttribute attr[2]                        = {};
    attr[0].id                                         = cudaLaunchAttributeProgrammaticStreamSerialization;
    attr[0].val.programmaticStreamSerializationAllowed = 1;
    attr[1].id                                         = cudaLaunchAttributeClusterDimension;
    attr[1].val.clusterDim.x                           = SPLITS;
    attr[1].val.clusterDim.y = attr[1].val.clusterDim.z = 1;
    cudaLaunchConfig_t config                           = {};
    config.blockDim                                     = dim3(SKINNY_THREADS);
    config.dynamicSmemBytes                             = SKINNY_SHARED;
    config.stream                                       = cuda_of(q)->stream;
    config.attrs                                        = attr;
    config.numAttrs                                     = SPLITS > 1 ? 2 : 1;
    config.gridDim                                      = dim3(SPLITS);
    int n                                               = cuda_of(q->dev)->n_sm;
    if (SPLITS > 1) {
        cudaLaunchConfig_t count = config;
        count.attrs              = attr + 1;
        count.numAttrs           = 1;
        count.gridDim            = dim3((unsigned)(n / SPLITS * SPLITS));
        MLM_TRY(
            cuda_status(q->dev, cudaOccupancyMaxActiveClusters(&n, skinny_kernel<SPLITS>, &count), "linear"));
        if (n < 1) {
            *done = false;
            return MLM_OK;
        }
    }
    p.n_groups     = p.out / 4 < n ? p.out / 4 : n;
    config.gridDim = dim3((unsigned)(p.n_groups * SPLITS));
    *done          = true;
    return cuda_launched(q, "linear", cudaLaunchKernelEx(&config, skinny_kernel<SPLITS>, p));
}

static bool aligned4(const cuda_rows &v)
{
    return (uintptr_t)v.data % 16 == 0 && (v.n_rows == 1 ? v.batch_stride : v.row_stride) % 4 == 0;
}

static bool fits(const kn_queue *q, const linear_params *p)
{
    return p->R > CUDA_LT_ROWS && p->R <= SKINNY_ROWS && cuda_of(q->dev)->capability >= 90 &&
           cuda_of(q->dev)->max_shared >= SKINNY_SHARED && p->x.dtype == KN_BF16 && p->x_vec &&
           p->in % 8 == 0 && p->out % 4 == 0 && aligned4(p->y) && (p->R == p->x.n_rows || p->x.n_rows == 1) &&
           !p->gate.data && !p->norm && !p->bias && !p->gamma && p->act == KN_ACT_NONE &&
           p->y.dtype == KN_F32 && (p->R == p->y.n_rows || p->y.n_rows == 1) &&
           (!p->has_residual ||
            (p->residual.dtype == KN_F32 && !p->residual_repeats && aligned4(p->residual) &&
             (p->R == p->residual.n_rows || p->residual.n_rows == 1)));
}

static int64_t row_distance(const cuda_rows &v)
{
    return v.n_rows == 1 ? v.batch_stride : v.row_stride;
}

mlm_status cuda_skinny(kn_queue *q, const linear_params *l, kn_dtype w_dtype, bool *done)
{
    *done = false;
    if (w_dtype != KN_BF16 || !fits(q, l))
        return MLM_OK;
    skinny_params p = {};
    p.w             = l->w;
    p.x             = l->x.data;
    p.residual      = l->has_residual ? (const float *)l->residual.data : NULL;
    p.residual_row  = l->has_residual ? row_distance(l->residual) : 0;
    p.y             = (float *)l->y.data;
    p.w_row         = l->pitch * 2;
    p.x_row         = row_distance(l->x) * 2;
    p.y_row         = row_distance(l->y);
    p.R             = (int)l->R;
    p.out           = l->out;
    p.n_chunks      = l->in / 8;
    int64_t n_sm    = cuda_of(q->dev)->n_sm;
    if (l->out * 2 > n_sm * SKINNY_OUT || l->in < 2 * SKINNY_K)
        return launch<1>(q, p, done);
    return l->out * 4 > n_sm * SKINNY_OUT / 2 ? launch<2>(q, p, done)
                                              : MLM_OK; /* fewer outputs: cuBLASLt is faster */
}
