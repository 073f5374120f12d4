/*
 * mamba2.h: the Mamba-2 mixer, written in ops.  The language model runs it forward in one direction with
 * state; the connector runs it over several scan orders of a picture without state.  Both share this file.
 *
 *   s    = u W_in^T                                          [T, 2*d_inner + 2*G*N + H], split z | x B C | dt
 *   per direction k:  f_k = SSD(conv1d(xBC in order k), dt in order k), put back into token order
 *   MAMBA2_SUM_THEN_NORM    out = W_out( RMSNormGated( sum_k f_k, z ) )          (built-in connector; LM with k = 1)
 *   MAMBA2_MEAN_OF_NORMED   out = W_out( mean_k RMSNormGated( f_k, z ) )         (released ML-Mamba connector)
 *
 * Source: Mamba-2, Dao & Gu 2024 (arXiv 2405.21060), mamba_ssm modules/mamba2.py; the fork's bidirectional
 * block as written down in models.md section 2.  Bytes and FLOPs: two products of the in_proj / out_proj
 * size dominate; the scan adds about 2*P*N + Q*P multiply-adds a token and head at chunk length Q.
 */
#ifndef KERNELS_MAMBA2_H
#define KERNELS_MAMBA2_H

#include "kernels/kernels.h"
#include "kernels/token.h"

#define MAMBA2_MAX_DIRECTIONS 4

typedef enum mamba2_merge { MAMBA2_SUM_THEN_NORM = 0, MAMBA2_MEAN_OF_NORMED } mamba2_merge;

typedef struct mamba2_config {
    int          d_model, d_inner, n_heads, head_dim, d_state, n_groups, conv_kernel;
    int          n_directions; /* 1 .. MAMBA2_MAX_DIRECTIONS */
    mamba2_merge merge;
    float        norm_eps;
    float        dt_min, dt_max; /* dt_max 0: none */
    kn_dtype
        act; /* of activations: f32, or bf16 on a device with KN_CAP_BF16 (a step: only what products read) */
    kn_dtype state; /* of the recurrence between tokens: f32, or bf16 where mamba2_state_check allows it */
} mamba2_config;

/* MLM_E_CONFIG naming `where` ("config.json: text") when the numbers do not fit together. */
mlm_status mamba2_config_check(const mamba2_config *c, const char *where) MLM_WARN_UNUSED;

/* MLM_E_UNSUPPORTED when this device cannot keep the state of such layers in c->state. */
mlm_status mamba2_state_check(const mamba2_config *c, const kn_device *dev) MLM_WARN_UNUSED;

static inline int64_t mamba2_conv_channels(const mamba2_config *c)
{
    return (int64_t)c->d_inner + 2 * (int64_t)c->n_groups * c->d_state;
}
static inline int64_t mamba2_in_rows(const mamba2_config *c)
{
    return c->d_inner + mamba2_conv_channels(c) + c->n_heads;
}

/* Borrowed by the mixer functions; tensors are f32 on the queue's device. */
typedef struct mamba2_weights {
    const kn_matrix *in_proj;  /* [mamba2_in_rows, d_model] */
    const kn_matrix *out_proj; /* [d_model, d_inner]        */
    kn_tensor        norm;     /* [d_inner]                 */
    struct {
        kn_tensor conv_w;  /* [C, K]                 */
        kn_tensor conv_b;  /* [C], may be absent     */
        kn_tensor a;       /* [H] = -exp(A_log)      */
        kn_tensor d;       /* [H]                    */
        kn_tensor dt_bias; /* [H]                    */
    } dir[MAMBA2_MAX_DIRECTIONS];
} mamba2_weights;

/* Scratch for at most B x T tokens at once; laid out in an arena by mamba2_scratch_take. */
typedef struct mamba2_scratch {
    kn_tensor s;         /* [B,T,in_rows]                            */
    kn_tensor xbc;       /* [B,T,C]                                  */
    kn_tensor f;         /* [B,T,d_inner] scan output                */
    kn_tensor g;         /* [B,T,d_inner] merged and normed; with norm_in_f only of steps */
    bool      norm_in_f; /* more than one token are normed where the scan wrote them */
    kn_tensor state;     /* [B,H,P,N] f32: of a bf16 state while a scan runs; else absent */
} mamba2_scratch;
void mamba2_scratch_take(mamba2_scratch *s, kn_arena *arena, const mamba2_config *c, int64_t B, int64_t T);

typedef struct mamba2_args {
    const mamba2_config  *config;
    const mamba2_weights *weights;
    mamba2_scratch       *scratch; /* of at least this B and T                                  */
    kn_tensor             x;       /* [B,T,d_model] input (already normed where the model does)  */
    kn_tensor in_norm, normed; /* optional: first x = rmsnorm(x) with these weights [d_model], through normed
                                  [B,T,d_model] */
    kn_tensor residual, y;     /* [B,T,d_model] y = residual + mixer(x); residual optional, may be y */
    bool      f32_sum;         /* as in kn_linear: the residual stream of a language model */
    kn_tensor len;             /* i32 [B] optional                                          */
    kn_tensor conv_state;      /* [B,K-1,C] f32, optional                                   */
    kn_tensor ssm_state;       /* [B,H,P,N] of config->state                                   */
    kn_tensor late;            /* optional: as in kn_conv_ssd_step, of steps */
    kn_tensor order[MAMBA2_MAX_DIRECTIONS]; /* i32 [T]; absent: identity (direction 0)   */
    /* One direction, no len: with cut > 0 the states behind the first `cut` tokens, at least conv_kernel - 1 and fewer than T, are
     * left in kept_conv and kept_ssm, of the shapes of conv_state and ssm_state.  All results are those of two calls. */
    int64_t   cut;
    kn_tensor kept_conv, kept_ssm;
} mamba2_args;

/*
 * One token (x [1,1,d_model] f32, in and out) through n layers with states, each x += mixer(rmsnorm(x)), at once.
 * *done is false when the device has no such kernel: call mamba2_forward for each layer.
 */
mlm_status mamba2_token(kn_queue *q, const mamba2_config *c, const kn_token_layer *layer, int n_layers,
                        kn_tensor x, bool *done) MLM_WARN_UNUSED;
/* What mamba2_token wants to know of a layer; the states are those of one row: [1,K-1,C] and [1,H,P,N]. */
kn_token_layer mamba2_token_layer(const mamba2_weights *w, kn_tensor in_norm, kn_tensor conv_state,
                                  kn_tensor ssm_state);

/* Any T >= 1.  With T = 1 and states it runs the O(1) step.  Enqueues only. */
mlm_status mamba2_forward(kn_queue *q, const mamba2_args *a) MLM_WARN_UNUSED;

#endif
