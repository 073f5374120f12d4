/* cuda_ssd.cuh: what the kernels of the selective scan share. */
#ifndef KERNELS_CUDA_SSD_CUH
#define KERNELS_CUDA_SSD_CUH

#include "kernels/cuda/cuda_math.cuh"

struct ssd_params {
    cuda_rows    x, b, c, dt, y;
    const float *a, *d, *dt_bias;
    float       *state;
    const float *start;                      /* where the state is read: state, or elsewhere */
    int64_t      state_stride, start_stride; /* of a batch row */
    const int   *len, *order;
    int          H, G, P, N;
    float        dt_min, dt_max;
    bool         accumulate;
    int          cut; /* the state behind so many tokens goes to `kept` (cuda_ssd_wgmma.cu alone); or 0 */
    float       *kept;
    int64_t      kept_stride;
};

__device__ __forceinline__ float step_size(const ssd_params &p, float raw, int h)
{
    float dt = softplus(raw + (p.dt_bias ? p.dt_bias[h] : 0.0f));
    return fminf(fmaxf(dt, p.dt_min), p.dt_max);
}

/* The token at scan position t. */
__device__ __forceinline__ int token_at(const ssd_params &p, int t)
{
    return p.order ? min(max(p.order[t], 0), p.y.n_rows - 1) : t;
}

__device__ __forceinline__ float raw_step(const ssd_params &p, int64_t batch, int t, int h)
{
    return load1(row_at(p.dt, batch, token_at(p, t)), p.dt.dtype, h);
}

__device__ __forceinline__ void store_y(const ssd_params &p, int64_t batch, int t, int i, float v)
{
    char *yr = row_at(p.y, batch, t);
    if (p.accumulate)
        v += ((const float *)yr)[i];
    store1(yr, p.y.dtype, i, v);
}

/* The chunked form on tensor cores (cuda_ssd_chunk.cu): bf16 x, b, c in aligned rows. */
bool       cuda_ssd_chunk_fits(const kn_queue *q, const ssd_params *p, int64_t n_batch);
mlm_status cuda_ssd_chunk(kn_queue *q, const ssd_params *p, int64_t n_batch);
/* The same on Hopper's own tensor products (cuda_ssd_wgmma.cu), heads of 64 and states of 64 or 128, where the above fits. */
bool       cuda_ssd_wgmma_fits(const kn_queue *q, const ssd_params *p);
mlm_status cuda_ssd_wgmma(kn_queue *q, const ssd_params *p, int64_t n_batch, bool *done);

#endif
