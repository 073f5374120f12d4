/* cuda_norm_wide.cuh: the three norms with a whole row in registers. */
#ifndef KERNELS_CUDA_NORM_WIDE_CUH
#define KERNELS_CUDA_NORM_WIDE_CUH

#include "kernels/cuda/cuda_common.cuh"

enum norm_kind { NORM_LAYER, NORM_RMS, NORM_GATED };

struct norm_params {
    cuda_rows    x, z, y, x2; /* z: NORM_GATED; x2: cuda_norm_pair */
    const float *w, *b;       /* b: NORM_LAYER */
    int64_t      R;
    float        eps, scale;
    bool         accumulate;
};

/* Aligned rows of a multiple of 8 columns, one group. */
bool       cuda_norm_wide_fits(const norm_params *p, norm_kind kind);
mlm_status cuda_norm_wide(kn_queue *q, const char *op, const norm_params *p, norm_kind kind);

/* Two gated norms and their sum: bf16, otherwise as above. */
bool       cuda_norm_pair_fits(const norm_params *p);
mlm_status cuda_norm_pair(kn_queue *q, const norm_params *p);

#endif
