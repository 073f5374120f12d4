/* cuda_conv.cuh: what the two convolution kernels share. */
#ifndef KERNELS_CUDA_CONV_CUH
#define KERNELS_CUDA_CONV_CUH

#include "kernels/cuda/cuda_common.cuh"

struct conv_params {
    cuda_rows    x, y;
    const float *w, *bias;
    float       *state, *kept;              /* behind all tokens, and behind the first `cut` */
    int64_t      state_stride, kept_stride; /* of a batch row */
    const int   *len, *order;
    int          K, cut;
};

/* Many tokens of bf16 in aligned rows, conv over 4 (cuda_conv_wide.cu). */
bool       cuda_conv_wide_fits(const conv_params *p, int64_t n_batch);
mlm_status cuda_conv_wide(kn_queue *q, const conv_params *p, int64_t n_batch);

#endif
