/* token.c: checks the arguments of a whole token, then calls the backend (token.h). */
#include "kernels/token.h"

#include "kernels/ops_check.h"

static void check_token_layer(kn_check *c, const kn_token_args *a, const kn_token_layer *l)
{
    int64_t H = a->n_heads, P = a->head_dim, N = a->d_state, K = a->conv_kernel, I = H * P, C = I + 2 * N;
    int64_t D = a->x.dim[2];
    kn_check_matrix(c, "in_proj", l->in_proj);
    kn_check_matrix(c, "out_proj", l->out_proj);
    if (c->status != MLM_OK)
        return;
    kn_check_that(c, l->in_proj->in == D && l->in_proj->out == I + C + H, MLM_E_SHAPE,
                  "in_proj has another shape");
    kn_check_that(c, l->out_proj->in == I && l->out_proj->out == D, MLM_E_SHAPE,
                  "out_proj has another shape");
    kn_check_vector(c, "in_norm", l->in_norm, D, false);
    kn_check_vector(c, "norm", l->norm, I, false);
    kn_check_tensor(c, "conv_w", l->conv_w, KN_BIT(KN_F32), 2, KN_DIMS(C, K), "CK");
    kn_check_vector(c, "conv_b", l->conv_b, C, true);
    kn_check_vector(c, "a", l->a, H, false);
    kn_check_vector(c, "d", l->d, H, true);
    kn_check_vector(c, "dt_bias", l->dt_bias, H, true);
    kn_check_tensor(c, "conv_state", l->conv_state, KN_BIT(KN_F32), 2, KN_DIMS(K - 1, C), "KC");
    kn_check_tensor(c, "ssm_state", l->ssm_state, KN_BITS_ACT, 3, KN_DIMS(H, P, N), "HPN");
    if (c->status == MLM_OK)
        kn_check_that(c,
                      kn_is_contiguous(l->conv_w) && kn_is_contiguous(l->conv_state) &&
                          kn_is_contiguous(l->ssm_state),
                      MLM_E_SHAPE, "conv_w or a state is strided");
}

mlm_status kn_token_layers(kn_queue *q, const kn_token_args *a, bool *done)
{
    kn_check c = {.dev = q->dev, .op = "token_layers"};
    *done      = false;
    if (q->dev->be->token_layers == NULL || a->n_layers < 1)
        return MLM_OK;
    kn_check_tensor(&c, "x", a->x, KN_BIT(KN_F32), 3, KN_DIMS(1, 1, KN_ANY), "BTD");
    kn_check_that(&c, a->n_heads >= 1 && a->head_dim >= 1 && a->d_state >= 1 && a->conv_kernel >= 2,
                  MLM_E_RANGE, "a size is not positive");
    for (int i = 0; c.status == MLM_OK && i < a->n_layers; i++)
        check_token_layer(&c, a, &a->layer[i]);
    if (c.status != MLM_OK)
        return c.status;
    return kn_backend_status(q->dev, q->dev->be->token_layers(q, a, done));
}
