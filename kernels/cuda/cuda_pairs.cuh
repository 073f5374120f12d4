/*
 * cuda_pairs.cuh: what a channel's step needs besides its sums, on its way to shared memory (cuda_project_step.cu, cuda_token.cu).  The
 * rows of in_proj come in pairs: z and x of a channel.
 */
#ifndef KERNELS_CUDA_PAIRS_CUH
#define KERNELS_CUDA_PAIRS_CUH

#include "kernels/cuda/cuda_mma.cuh"
#include "kernels/cuda/cuda_step.cuh"
#include "kernels/cuda/cuda_words.cuh"

struct pair_constants {
    float4 conv_w;
    float  old[STEP_K - 1], bias, a, d, z_scale, x_scale;
};

/* Of a layer; scale: of in_proj's rows, inner of z in front of those of x; conv_b, d, scale may be NULL. */
struct pair_source {
    const float4 *conv_w;
    const float  *conv_state, *conv_b, *a, *d, *scale;
    int           n_conv, inner;
};

/* Of channel c, in head h. */
__device__ __forceinline__ void fetch_constants(pair_constants *to, const pair_source &from, int c, int h)
{
    copy_async((uint4 *)&to->conv_w, from.conv_w + c, true);
    for (int k = 0; k < STEP_K - 1; k++)
        copy_float(to->old + k, from.conv_state + (int64_t)k * from.n_conv + c);
    copy_float(&to->bias, from.conv_b ? from.conv_b + c : NULL);
    copy_float(&to->a, from.a + h);
    copy_float(&to->d, from.d ? from.d + h : NULL);
    if (from.scale) {
        copy_float(&to->z_scale, from.scale + c);
        copy_float(&to->x_scale, from.scale + from.inner + c);
    } else {
        to->z_scale = to->x_scale = 1.0f;
    }
}

#endif
