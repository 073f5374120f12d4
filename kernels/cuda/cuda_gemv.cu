/*
 * cuda_gemv.cu: products of few rows: every weight is read once, 16 bytes a lane, past the L1 cache.
 *
 * A warp computes NR outputs for RT rows of x.  GEMV_AHEAD loads a row are always on their way; the first of
 * them start before the kernel in front has finished, because weights depend on nothing.  x comes through
 * the L1 cache.  The order of the additions depends on the width alone: a row's result is the same in every
 * tile (RT, NR) and so in every batch of up to 8 rows.
 */
#include "kernels/cuda/cuda_linear.cuh"

#define GEMV_WARPS 4
#define GEMV_AHEAD 5

__device__ __forceinline__ uint4 stream16(const char *p)
{
    uint4 v;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
        : "l"(p));
    return v;
}

/* Four signed bytes as floats: the byte with its sign flipped lands in the mantissa of 2^23. */
__device__ __forceinline__ void bytes_floats(float *f, uint32_t u)
{
    u ^= 0x80808080u;
#pragma unroll
    for (int k = 0; k < 4; k++)
        f[k] = __uint_as_float(__byte_perm(u, 0x4b000000u, 0x7440u + (unsigned)k)) - 8388736.0f;
}

/* The elements of 16 bytes of weights. */
template <int WT> struct weights16;
template <> struct weights16<KN_F32> {
    static constexpr int                   n = 4, size = 4;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        f[0] = __uint_as_float(u.x), f[1] = __uint_as_float(u.y), f[2] = __uint_as_float(u.z),
        f[3] = __uint_as_float(u.w);
    }
};
template <> struct weights16<KN_BF16> {
    static constexpr int                   n = 8, size = 2;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        uint32_t e[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
        for (int k = 0; k < 4; k++)
            f[2 * k] = bf16_low(e[k]), f[2 * k + 1] = bf16_high(e[k]);
    }
};
template <> struct weights16<KN_F16> {
    static constexpr int                   n = 8, size = 2;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        uint32_t e[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            f[2 * k]     = __half2float(__ushort_as_half((unsigned short)(e[k] & 0xffffu)));
            f[2 * k + 1] = __half2float(__ushort_as_half((unsigned short)(e[k] >> 16)));
        }
    }
};
template <> struct weights16<KN_I8> {
    static constexpr int                   n = 16, size = 1;
    static __device__ __forceinline__ void unpack(float *f, uint4 u)
    {
        bytes_floats(f, u.x);
        bytes_floats(f + 4, u.y);
        bytes_floats(f + 8, u.z);
        bytes_floats(f + 12, u.w);
    }
};

/* x[k .. k+E-1], zeros behind the row's end. */
template <bool XB, int E>
__device__ __forceinline__ void load_x(float *f, const char *row, int k, int in, bool vec)
{
    if (vec && k + E <= in) {
        if (XB && E >= 8) {
#pragma unroll
            for (int i = 0; i < E; i += 8) {
                uint4 u = *(const uint4 *)((const uint16_t *)row + k + i);
                weights16<KN_BF16>::unpack(f + i, u);
            }
        } else if (XB) {
            uint2 u = *(const uint2 *)((const uint16_t *)row + k);
            f[0] = bf16_low(u.x), f[1] = bf16_high(u.x), f[2] = bf16_low(u.y), f[3] = bf16_high(u.y);
        } else {
#pragma unroll
            for (int i = 0; i < E; i += 4) {
                float4 v = *(const float4 *)((const float *)row + k + i);
                f[i] = v.x, f[i + 1] = v.y, f[i + 2] = v.z, f[i + 3] = v.w;
            }
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < E; i++)
        f[i] = k + i < in ? load1(row, XB ? KN_BF16 : KN_F32, k + i) : 0.0f;
}

template <int WT, bool XB, int RT, int NR>
__global__ void __launch_bounds__(GEMV_WARPS *WARP) gemv_kernel(linear_params p)
{
    constexpr int E = weights16<WT>::n;
    cuda_dependency_release();
    int lane = threadIdx.x % WARP, first = (int)(blockIdx.x * GEMV_WARPS + threadIdx.x / WARP) * NR;
    if (first >= p.out)
        return;
    int         n_groups = (int)(p.pitch / E);
    const char *w[NR];
    uint4       ahead[NR][GEMV_AHEAD];
#pragma unroll
    for (int n = 0; n < NR; n++) {
        w[n] = p.w + (int64_t)min(first + n, p.out - 1) * p.pitch * weights16<WT>::size;
#pragma unroll
        for (int u = 0; u < GEMV_AHEAD; u++)
            ahead[n][u] = u * WARP + lane < n_groups ? stream16(w[n] + (int64_t)(u * WARP + lane) * 16)
                                                     : make_uint4(0, 0, 0, 0);
    }
    const char *x[RT];
    int         r0 = (int)blockIdx.y * RT;
#pragma unroll
    for (int r = 0; r < RT; r++)
        x[r] = row_at(p.x, min((int64_t)(r0 + r), p.R - 1));
    float acc[RT][NR] = {};
    cuda_dependency_wait();

    for (int g0 = lane; g0 < n_groups; g0 += GEMV_AHEAD * WARP) {
#pragma unroll
        for (int u = 0; u < GEMV_AHEAD; u++) {
            int g = g0 + u * WARP, next = g + GEMV_AHEAD * WARP;
            if (g >= n_groups)
                break;
            float f[NR][E], v[E];
#pragma unroll
            for (int n = 0; n < NR; n++) {
                weights16<WT>::unpack(f[n], ahead[n][u]);
                if (next < n_groups)
                    ahead[n][u] = stream16(w[n] + (int64_t)next * 16);
            }
#pragma unroll
            for (int r = 0; r < RT; r++) {
                load_x<XB, E>(v, x[r], g * E, p.in, p.x_vec);
#pragma unroll
                for (int n = 0; n < NR; n++)
#pragma unroll
                    for (int e = 0; e < E; e++)
                        acc[r][n] = fmaf(f[n][e], v[e], acc[r][n]);
            }
        }
    }
#pragma unroll
    for (int r = 0; r < RT; r++)
#pragma unroll
        for (int n = 0; n < NR; n++) {
            float sum = warp_sum(acc[r][n]);
            if (lane == r * NR + n && first + n < p.out && r0 + r < p.R)
                linear_store(p, r0 + r, first + n, sum);
        }
}

template <int WT, bool XB, int RT, int NR> static mlm_status launch(kn_queue *q, const linear_params *p)
{
    dim3 grid(cuda_blocks(p->out, GEMV_WARPS * NR), cuda_blocks(p->R, RT));
    return cuda_launch(q, "linear", gemv_kernel<WT, XB, RT, NR>, grid, dim3(GEMV_WARPS * WARP), 0, *p);
}

/* Two outputs a warp once there are enough of them to fill the card. */
template <int WT, bool XB> static mlm_status launch_rows(kn_queue *q, const linear_params *p)
{
    if (p->R == 1)
        return p->out >= 32 * cuda_of(q->dev)->n_sm ? launch<WT, XB, 1, 2>(q, p) : launch<WT, XB, 1, 1>(q, p);
    return p->R <= 4 ? launch<WT, XB, 4, 2>(q, p) : launch<WT, XB, 8, 2>(q, p);
}

/* Weights that no large model has in these dtypes: fewer tiles, quicker builds. */
template <int WT, bool XB> static mlm_status launch_rare(kn_queue *q, const linear_params *p)
{
    return p->R == 1 ? launch<WT, XB, 1, 1>(q, p) : launch<WT, XB, 4, 1>(q, p);
}

mlm_status cuda_gemv(kn_queue *q, const linear_params *p, kn_dtype w_dtype)
{
    bool xb = p->x.dtype == KN_BF16;
    switch (w_dtype) {
    case KN_BF16:
        return xb ? launch_rows<KN_BF16, true>(q, p) : launch_rows<KN_BF16, false>(q, p);
    case KN_I8:
        return xb ? launch_rows<KN_I8, true>(q, p) : launch_rows<KN_I8, false>(q, p);
    case KN_F16:
        return xb ? launch_rare<KN_F16, true>(q, p) : launch_rare<KN_F16, false>(q, p);
    default:
        return xb ? launch_rare<KN_F32, true>(q, p) : launch_rare<KN_F32, false>(q, p);
    }
}
