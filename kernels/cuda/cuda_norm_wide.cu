/*
 * cuda_norm_wide.cu: layernorm, rmsnorm and the gated rmsnorm over rows of aligned 16-byte vectors: a row is read
 * once and stays in the registers of 32 to 256 threads, up to 40 elements each; rows of up to 1280 belong to one warp, which
 * waits for nobody.  How many threads depends on the width alone, so a row's result does not depend on the batch.
 */
#include "kernels/cuda/cuda_math.cuh"
#include "kernels/cuda/cuda_norm_wide.cuh"

#define WIDE_THREADS 128
#define WIDE_MOST    256 /* threads of a row */
#define WIDE_VECTORS 5   /* of 8 elements in a thread, at most */

/* Sum over the TPR threads of a row, the same in each; fixed order. */
template <int TPR> __device__ __forceinline__ float row_sum(float v, float *part)
{
    v = warp_sum(v);
    if (TPR == WARP)
        return v;
    int warp = (int)(threadIdx.x / WARP), first = warp / (TPR / WARP) * (TPR / WARP);
    __syncthreads();
    if (threadIdx.x % WARP == 0)
        part[warp] = v;
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < TPR / WARP; k++)
        sum += part[first + k];
    return sum;
}

/* XW, ZW, YW: f32, else bf16.  Vectors behind the end of a row are read from its last one and count as zeros. */
template <int TPR, int V, norm_kind KIND, bool XW, bool ZW, bool YW, bool ADD>
__global__ void __launch_bounds__(TPR > WIDE_THREADS ? TPR : WIDE_THREADS) norm_wide_kernel(norm_params p)
{
    constexpr int    ROWS = TPR > WIDE_THREADS ? 1 : WIDE_THREADS / TPR;
    __shared__ float part[WIDE_MOST / WARP];
    int              D = p.x.width, sub = (int)(threadIdx.x % TPR), R = (int)p.R;
    int              at = (int)blockIdx.x * ROWS + (int)threadIdx.x / TPR, row = min(at, R - 1);
    cuda_begin();
    const char *xr = row_of(p.x, row), *zr = KIND == NORM_GATED ? row_of(p.z, row) : NULL;
    char       *yr = row_of(p.y, row);
    float       v[V][8], sum = 0.0f, mean = 0.0f;
    octet<XW>   x[V];
    octet<ZW>   z[V];
#pragma unroll
    for (int k = 0; k < V; k++) {
        x[k].load(xr, min((k * TPR + sub) * 8, D - 8));
        if (KIND == NORM_GATED)
            z[k].load(zr, min((k * TPR + sub) * 8, D - 8));
    }
#pragma unroll
    for (int k = 0; k < V; k++) {
        bool  in = (k * TPR + sub) * 8 < D;
        float gate[8];
        x[k].unpack(v[k]);
        if (KIND == NORM_GATED)
            z[k].unpack(gate);
#pragma unroll
        for (int e = 0; e < 8; e++) {
            if (KIND == NORM_GATED)
                v[k][e] *= silu_fast(gate[e]);
            v[k][e] = in ? v[k][e] : 0.0f;
            mean += KIND == NORM_LAYER ? v[k][e] : 0.0f;
        }
    }
    if (KIND == NORM_LAYER)
        mean = row_sum<TPR>(mean, part) / (float)D;
#pragma unroll
    for (int k = 0; k < V; k++)
#pragma unroll
        for (int e = 0; e < 8; e++)
            sum += KIND != NORM_LAYER || (k * TPR + sub) * 8 < D ? (v[k][e] - mean) * (v[k][e] - mean) : 0.0f;
    float r = rsqrtf(row_sum<TPR>(sum, part) / (float)D + p.eps) * (KIND == NORM_GATED ? p.scale : 1.0f);
#pragma unroll
    for (int k = 0; k < V; k++) {
        int         i = (k * TPR + sub) * 8, near = min(i, D - 8);
        octet<true> weight, bias;
        octet<YW>   old;
        float       w[8], b[8], o[8];
        weight.load_constant(p.w, near);
        weight.unpack(w);
        if (KIND == NORM_LAYER)
            bias.load_constant(p.b, near), bias.unpack(b);
        else if (ADD)
            old.load(yr, near), old.unpack(b);
#pragma unroll
        for (int e = 0; e < 8; e++)
            o[e] = (v[k][e] - mean) * r * w[e] + (KIND == NORM_LAYER || ADD ? b[e] : 0.0f);
        if (i < D && at < R)
            store8(yr, YW ? KN_F32 : KN_BF16, i, o);
    }
}

/*
 * y = scale (g1 / rms(g1) + g2 / rms(g2)) w,  g = x silu(z): z and y go through memory once.  bf16; every thread writes what it
 * read, so y may be x2.
 */
template <int TPR, int V>
__global__ void __launch_bounds__(TPR > WIDE_THREADS ? TPR : WIDE_THREADS) norm_pair_kernel(norm_params p)
{
    constexpr int    ROWS = TPR > WIDE_THREADS ? 1 : WIDE_THREADS / TPR;
    __shared__ float part[WIDE_MOST / WARP];
    int              D = p.x.width, sub = (int)(threadIdx.x % TPR), R = (int)p.R;
    int              at = (int)blockIdx.x * ROWS + (int)threadIdx.x / TPR, row = min(at, R - 1);
    cuda_begin();
    const char  *xr = row_of(p.x, row), *zr = row_of(p.z, row), *x2r = row_of(p.x2, row);
    char        *yr = row_of(p.y, row);
    octet<false> x[V], x2[V], z[V];
    float        a[V][8], b[V][8], sum = 0.0f, sum2 = 0.0f;
#pragma unroll
    for (int k = 0; k < V; k++) {
        int near = min((k * TPR + sub) * 8, D - 8);
        x[k].load(xr, near), x2[k].load(x2r, near), z[k].load(zr, near);
    }
#pragma unroll
    for (int k = 0; k < V; k++) {
        bool  in = (k * TPR + sub) * 8 < D;
        float gate[8];
        x[k].unpack(a[k]), x2[k].unpack(b[k]), z[k].unpack(gate);
#pragma unroll
        for (int e = 0; e < 8; e++) {
            float g = in ? silu_fast(gate[e]) : 0.0f;
            a[k][e] *= g, b[k][e] *= g;
            sum += a[k][e] * a[k][e], sum2 += b[k][e] * b[k][e];
        }
    }
    float r  = rsqrtf(row_sum<TPR>(sum, part) / (float)D + p.eps) * p.scale,
          r2 = rsqrtf(row_sum<TPR>(sum2, part) / (float)D + p.eps) * p.scale;
#pragma unroll
    for (int k = 0; k < V; k++) {
        int         i = (k * TPR + sub) * 8;
        octet<true> weight;
        float       w[8], o[8];
        weight.load_constant(p.w, min(i, D - 8));
        weight.unpack(w);
#pragma unroll
        for (int e = 0; e < 8; e++)
            o[e] = (a[k][e] * r + b[k][e] * r2) * w[e];
        if (i < D && at < R)
            store8(yr, KN_BF16, i, o);
    }
}

static bool aligned8(const cuda_rows &v, int64_t R)
{
    return (uintptr_t)v.data % 16 == 0 && (v.n_rows < 2 || v.row_stride % 8 == 0) &&
           (R == v.n_rows || v.batch_stride % 8 == 0);
}

bool cuda_norm_wide_fits(const norm_params *p, norm_kind kind)
{
    bool wide = p->x.dtype == KN_F32, z_wide = kind == NORM_GATED ? p->z.dtype == KN_F32 : wide;
    bool known = kind == NORM_RMS ? wide || p->y.dtype == KN_BF16
                                  : p->y.dtype == (kind == NORM_GATED ? p->z.dtype : p->x.dtype);
    return known && (wide || !z_wide) && p->x.width % 8 == 0 && p->x.width <= WIDE_MOST * WIDE_VECTORS * 8 &&
           p->R < (int64_t)1 << 30 && aligned8(p->x, p->R) && aligned8(p->y, p->R) &&
           (uintptr_t)p->w % 16 == 0 && (kind != NORM_LAYER || (uintptr_t)p->b % 16 == 0) &&
           (kind != NORM_GATED || aligned8(p->z, p->R));
}

bool cuda_norm_pair_fits(const norm_params *p)
{
    return p->x.dtype == KN_BF16 && p->z.dtype == KN_BF16 && aligned8(p->x2, p->R) &&
           cuda_norm_wide_fits(p, NORM_GATED);
}

template <int TPR, int V> static mlm_status launch_pair(kn_queue *q, const norm_params *p)
{
    constexpr int threads = TPR > WIDE_THREADS ? TPR : WIDE_THREADS;
    return cuda_launch(q, "rmsnorm_gated", norm_pair_kernel<TPR, V>, dim3(cuda_blocks(p->R, threads / TPR)),
                       dim3(threads), 0, *p);
}

mlm_status cuda_norm_pair(kn_queue *q, const norm_params *p)
{
    int threads = (p->x.width + WIDE_VECTORS * 8 - 1) / (WIDE_VECTORS * 8);
    return threads <= 32    ? launch_pair<32, WIDE_VECTORS>(q, p)
           : threads <= 64  ? launch_pair<64, WIDE_VECTORS>(q, p)
           : threads <= 128 ? launch_pair<128, WIDE_VECTORS>(q, p)
                            : launch_pair<256, WIDE_VECTORS>(q, p);
}

template <int TPR, int V> static void (*kernel_of(const norm_params *p, norm_kind kind))(norm_params)
{
    bool xw = p->x.dtype == KN_F32, yw = p->y.dtype == KN_F32;
    if (kind == NORM_LAYER)
        return xw ? norm_wide_kernel<TPR, V, NORM_LAYER, true, false, true, false>
                  : norm_wide_kernel<TPR, V, NORM_LAYER, false, false, false, false>;
    if (kind == NORM_RMS)
        return yw   ? norm_wide_kernel<TPR, V, NORM_RMS, true, false, true, false>
               : xw ? norm_wide_kernel<TPR, V, NORM_RMS, true, false, false, false>
                    : norm_wide_kernel<TPR, V, NORM_RMS, false, false, false, false>;
    if (p->accumulate)
        return yw   ? norm_wide_kernel<TPR, V, NORM_GATED, true, true, true, true>
               : xw ? norm_wide_kernel<TPR, V, NORM_GATED, true, false, false, true>
                    : norm_wide_kernel<TPR, V, NORM_GATED, false, false, false, true>;
    return yw   ? norm_wide_kernel<TPR, V, NORM_GATED, true, true, true, false>
           : xw ? norm_wide_kernel<TPR, V, NORM_GATED, true, false, false, false>
                : norm_wide_kernel<TPR, V, NORM_GATED, false, false, false, false>;
}

template <int TPR, int V>
static mlm_status launch(kn_queue *q, const char *op, const norm_params *p, norm_kind kind)
{
    constexpr int threads = TPR > WIDE_THREADS ? TPR : WIDE_THREADS;
    dim3          grid(cuda_blocks(p->R, threads / TPR));
    return cuda_launch(q, op, kernel_of<TPR, V>(p, kind), grid, dim3(threads), 0, *p);
}

mlm_status cuda_norm_wide(kn_queue *q, const char *op, const norm_params *p, norm_kind kind)
{
    int threads = (p->x.width + WIDE_VECTORS * 8 - 1) / (WIDE_VECTORS * 8);
    if (p->x.width <= WARP * 4 * 8) /* 1024: the width of many towers */
        return launch<32, 4>(q, op, p, kind);
    return threads <= 32    ? launch<32, WIDE_VECTORS>(q, op, p, kind)
           : threads <= 64  ? launch<64, WIDE_VECTORS>(q, op, p, kind)
           : threads <= 128 ? launch<128, WIDE_VECTORS>(q, op, p, kind)
                            : launch<256, WIDE_VECTORS>(q, op, p, kind);
}
