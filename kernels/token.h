/* token.h: a whole token of one row at once, for devices that have a kernel for it. */
#ifndef KERNELS_TOKEN_H
#define KERNELS_TOKEN_H

#include "kernels/kernels.h"

/*
 * One token of one row through a stack of Mamba-2 layers of one shape (one group, a convolution over 4 tokens), all at once:
 *   per layer: x += W_out gatednorm(step(W_in rmsnorm(x)))
 * *done is false, and nothing was enqueued, where the backend has no such kernel: the caller then goes layer by layer.
 *   x [1,1,D] f32, in and out; vectors, conv_w [2N + I, 4] and conv_state f32, ssm_state f32 or bf16
 */
typedef struct kn_token_layer {
    const kn_matrix *in_proj, *out_proj;                           /* [2 I + 2 N + H, D], [D, I]; I = H P */
    kn_tensor        in_norm, norm, conv_w, conv_b, a, d, dt_bias; /* conv_b, d, dt_bias may be absent */
    kn_tensor        conv_state, ssm_state;                        /* of the one row: [K-1,C], [H,P,N] */
} kn_token_layer;
typedef struct kn_token_args {
    const kn_token_layer *layer;
    int                   n_layers;
    kn_tensor             x;
    int                   n_heads, head_dim, d_state, conv_kernel;
    float                 eps, dt_min, dt_max; /* dt_max 0: none */
} kn_token_args;
mlm_status kn_token_layers(kn_queue *q, const kn_token_args *a, bool *done) MLM_WARN_UNUSED;

#endif
