/* cuda_attention.cuh: what the two attention kernels share. */
#ifndef KERNELS_CUDA_ATTENTION_CUH
#define KERNELS_CUDA_ATTENTION_CUH

#include "kernels/cuda/cuda_common.cuh"

struct attention_params {
    cuda_rows  qkv, y;
    const int *len;
    int   H, P, pitch; /* pitch: P rounded up to 4, plus 4 (floats of a row in shared memory; f32 kernel) */
    float scale;
};

bool       cuda_attention_mma_fits(const attention_params *p, int64_t n_batch);
mlm_status cuda_attention_mma(kn_queue *q, const attention_params *p, int64_t n_batch);
/* The same on Hopper's own tensor products, head dims 64 and 72 (cuda_attention_wgmma.cu), where the above fits. */
bool       cuda_attention_wgmma_fits(const kn_queue *q, const attention_params *p, int64_t n_batch);
mlm_status cuda_attention_wgmma(kn_queue *q, const attention_params *p, int64_t n_batch);

#endif
