/*
 * mamba2.c: the Mamba-2 mixer in ops (see mamba2.h for the equations and sources).
 *
 * One product makes z, xBC and dt; each direction convolves xBC in its own order and scans it; the directions
 * are merged either before the gated norm (their sum) or after it (their mean); one product goes back to
 * d_model.  Nothing is allocated and nothing depends on a host value, so the sequence can be captured.
 */
#include "kernels/mamba2.h"

#include "kernels/backend.h"

#include <string.h>

mlm_status mamba2_config_check(const mamba2_config *c, const char *where)
{
    if (c->d_model < 1 || c->d_inner < 1 || c->n_heads < 1 || c->head_dim < 1 || c->d_state < 1 ||
        c->n_groups < 1)
        return mlm_fail(MLM_E_CONFIG,
                        "%s: mixer sizes are d_model %d, d_inner %d, heads %d x %d, state %d, groups %d, "
                        "wanted all positive",
                        where, c->d_model, c->d_inner, c->n_heads, c->head_dim, c->d_state, c->n_groups);
    if ((int64_t)c->n_heads * c->head_dim != c->d_inner)
        return mlm_fail(MLM_E_CONFIG, "%s: %d heads of %d do not make the inner width %d", where, c->n_heads,
                        c->head_dim, c->d_inner);
    if (c->n_heads % c->n_groups != 0)
        return mlm_fail(MLM_E_CONFIG, "%s: %d heads do not divide into %d groups", where, c->n_heads,
                        c->n_groups);
    if (c->head_dim > KN_MAX_HEAD_DIM || c->d_state > KN_MAX_STATE)
        return mlm_fail(MLM_E_CONFIG, "%s: head_dim %d and state_size %d, wanted at most %d and %d", where,
                        c->head_dim, c->d_state, KN_MAX_HEAD_DIM, KN_MAX_STATE);
    if (c->conv_kernel < 2 || c->conv_kernel > KN_MAX_CONV)
        return mlm_fail(MLM_E_CONFIG, "%s: conv_kernel is %d, wanted 2 to %d", where, c->conv_kernel,
                        KN_MAX_CONV);
    if (c->n_directions < 1 || c->n_directions > MAMBA2_MAX_DIRECTIONS)
        return mlm_fail(MLM_E_CONFIG, "%s: %d scan directions, wanted 1 to %d", where, c->n_directions,
                        MAMBA2_MAX_DIRECTIONS);
    if (mamba2_in_rows(c) > INT32_MAX)
        return mlm_fail(MLM_E_CONFIG, "%s: the mixer is too wide (%lld rows)", where,
                        (long long)mamba2_in_rows(c));
    if (!(c->norm_eps >= 0.0f && c->norm_eps < 1.0f))
        return mlm_fail(MLM_E_CONFIG, "%s: the norm's epsilon is %g, wanted 0 to 1", where,
                        (double)c->norm_eps);
    if (!(c->dt_min >= 0.0f) || !(c->dt_max == 0.0f || c->dt_max >= c->dt_min))
        return mlm_fail(MLM_E_CONFIG, "%s: the time step limits are %g to %g, wanted an interval from 0",
                        where, (double)c->dt_min, (double)c->dt_max);
    return MLM_OK;
}

mlm_status mamba2_state_check(const mamba2_config *c, const kn_device *dev)
{
    uint32_t caps = kn_device_caps(dev);
    if (c->state == KN_F32)
        return MLM_OK;
    if (c->state != KN_BF16 || !(caps & KN_CAP_GRAPHS) || (caps & KN_CAP_HOST))
        return mlm_fail(MLM_E_UNSUPPORTED, "%s: a recurrent state in %s, wanted f32 (bf16: on a GPU)",
                        dev->info.name, kn_dtype_name(c->state));
    if (c->n_groups != 1 || c->n_directions != 1 || c->conv_kernel != 4 || c->d_state > 128 ||
        c->d_state % 4 != 0 || c->head_dim % 16 != 0)
        return mlm_fail(
            MLM_E_UNSUPPORTED,
            "a recurrent state in bf16 needs one group, a convolution over 4 tokens, heads of a multiple of "
            "16 and a state of at most 128, found %d, %d, %d and %d",
            c->n_groups, c->conv_kernel, c->head_dim, c->d_state);
    return MLM_OK;
}

/* What the scan writes: f32 where directions add up in it. */
static kn_dtype scan_dtype(const mamba2_config *c)
{
    return c->merge == MAMBA2_SUM_THEN_NORM && c->n_directions > 1 ? KN_F32 : c->act;
}

/* What the scan writes may be normed where it is. */
static bool norms_in_place(const mamba2_config *c)
{
    return c->merge == MAMBA2_SUM_THEN_NORM && scan_dtype(c) == c->act;
}

/* Room for T tokens of c->act, or for one of f32: a step computes in f32. */
void mamba2_scratch_take(mamba2_scratch *s, kn_arena *arena, const mamba2_config *c, int64_t B, int64_t T)
{
    int64_t n = c->act == KN_F32 || T > 1 ? T : 2;
    s->s      = kn_arena_take(arena, c->act, 3, KN_DIMS(B, n, mamba2_in_rows(c)));
    s->xbc    = kn_arena_take(arena, c->act, 3, KN_DIMS(B, n, mamba2_conv_channels(c)));
    s->f      = kn_arena_take(arena, scan_dtype(c), 3, KN_DIMS(B, n, c->d_inner));
    /* A step has its own: it computes f in f32, beside which narrower rows would not lie row by row. */
    s->norm_in_f = norms_in_place(c) && n > 2;
    s->g         = kn_arena_take(arena, c->act, 3, KN_DIMS(B, s->norm_in_f ? 2 : n, c->d_inner));
    memset(&s->state, 0, sizeof s->state);
    if (c->state != KN_F32)
        s->state = kn_arena_take(arena, KN_F32, 4, KN_DIMS(B, c->n_heads, c->head_dim, c->d_state));
}

/* The scratch as dense [B,T,width], whatever larger B and T it was taken for. */
static kn_tensor scratch_view(kn_tensor t, int64_t B, int64_t T)
{
    return kn_tensor_make(t.buf, t.offset, t.dtype, 3, KN_DIMS(B, T, t.dim[2]));
}
static kn_tensor scratch_f32(kn_tensor t, int64_t B, int64_t T)
{
    return kn_tensor_make(t.buf, t.offset, KN_F32, 3, KN_DIMS(B, T, t.dim[2]));
}

static bool is_step(const mamba2_args *a)
{
    return a->x.dim[1] == 1 && kn_present(a->ssm_state);
}

static bool is_in_f(const mamba2_args *a)
{
    return a->scratch->norm_in_f && a->x.dim[1] > 1 && norms_in_place(a->config);
}

/* Rejects what the ops cannot see: scratch of other widths or too small, a config that does not fit x. */
static mlm_status check_args(const mamba2_args *a)
{
    const mamba2_config *c       = a->config;
    bool                 in_f    = a->x.rank == 3 && is_in_f(a);
    const kn_tensor      want[]  = {a->scratch->s, a->scratch->xbc, a->scratch->f,
                              in_f ? a->scratch->f : a->scratch->g};
    const int64_t        width[] = {mamba2_in_rows(c), mamba2_conv_channels(c), c->d_inner, c->d_inner};
    if (a->x.rank != 3 || a->y.rank != 3)
        return mlm_fail(MLM_E_SHAPE, "mamba2: x and y have ranks %d and %d, wanted [B,T,%d]", a->x.rank,
                        a->y.rank, c->d_model);
    int64_t rows = a->x.dim[0] * a->x.dim[1];
    if (is_step(a) && c->act == KN_BF16)
        rows *= 2; /* of bf16 for one of f32 */
    for (int i = 0; i < 4; i++)
        if (!kn_present(want[i]) || want[i].rank != 3 || want[i].dim[2] != width[i] ||
            want[i].dim[0] * want[i].dim[1] < rows)
            return mlm_fail(MLM_E_SHAPE,
                            "mamba2: scratch tensor %d is [%lld,%lld,%lld], wanted %lld rows of %lld", i,
                            (long long)want[i].dim[0], (long long)want[i].dim[1], (long long)want[i].dim[2],
                            (long long)rows, (long long)width[i]);
    if (c->n_directions > 1 && (kn_present(a->conv_state) || kn_present(a->ssm_state) || kn_present(a->len)))
        return mlm_fail(MLM_E_SHAPE, "mamba2: state or len is given with %d directions, wanted one",
                        c->n_directions);
    if (a->cut != 0 && (c->n_directions > 1 || kn_present(a->len) || !kn_present(a->conv_state) ||
                        !kn_present(a->ssm_state) || !kn_present(a->kept_conv) || !kn_present(a->kept_ssm) ||
                        a->cut < c->conv_kernel - 1 || a->cut >= a->x.dim[1]))
        return mlm_fail(
            MLM_E_SHAPE,
            "mamba2: %lld of %lld tokens with their states kept, wanted one direction, states, no len, %d "
            "tokens or more and fewer than all",
            (long long)a->cut, (long long)a->x.dim[1], c->conv_kernel - 1);
    return MLM_OK;
}

typedef struct views {
    kn_tensor                  s, z, xbc_in, dt; /* s and its parts            */
    kn_tensor                  xbc, x, b, c;     /* convolved, and its parts   */
    kn_tensor                  f, g;
    const kn_norm_linear_args *in; /* what makes s, where one call does that and the step; else NULL */
} views;

static views make_views(const mamba2_args *a)
{
    const mamba2_config *c = a->config;
    int64_t              B = a->x.dim[0], T = a->x.dim[1], C = mamba2_conv_channels(c);
    int64_t              GN  = (int64_t)c->n_groups * c->d_state;
    views                v   = {0};
    bool                 f32 = is_step(a);
    v.s                      = f32 ? scratch_f32(a->scratch->s, B, T) : scratch_view(a->scratch->s, B, T);
    v.z                      = kn_slice(v.s, 2, 0, c->d_inner);
    v.xbc_in                 = kn_slice(v.s, 2, c->d_inner, C);
    v.dt                     = kn_slice(v.s, 2, c->d_inner + C, c->n_heads);
    v.xbc                    = f32 ? scratch_f32(a->scratch->xbc, B, T) : scratch_view(a->scratch->xbc, B, T);
    v.x                      = kn_slice(v.xbc, 2, 0, c->d_inner);
    v.b                      = kn_slice(v.xbc, 2, c->d_inner, GN);
    v.c                      = kn_slice(v.xbc, 2, c->d_inner + GN, GN);
    v.f                      = f32 ? scratch_f32(a->scratch->f, B, T) : scratch_view(a->scratch->f, B, T);
    v.g                      = is_in_f(a) ? v.f : scratch_view(a->scratch->g, B, T);
    return v;
}

/* [B,H,P,N] with any distance of rows as [B, H P N]. */
static kn_tensor flat_state(kn_tensor t)
{
    kn_tensor v =
        kn_tensor_make(t.buf, t.offset, t.dtype, 2, KN_DIMS(t.dim[0], t.dim[1] * t.dim[2] * t.dim[3]));
    v.stride[0] = t.stride[0];
    return v;
}

/* Both parts of a sequence, and the states between them, where the one that is kept is no f32: through the state that goes on. */
static mlm_status run_cut(kn_queue *q, const mamba2_args *a, const kn_ssd_args *ssd)
{
    kn_copy_args keep  = {.x = flat_state(a->ssm_state), .y = flat_state(a->kept_ssm)};
    kn_copy_args back  = {.x = keep.y, .y = keep.x}; /* what goes on is what is kept */
    kn_ssd_args  first = kn_ssd_part(ssd, 0, a->cut), then = kn_ssd_part(ssd, a->cut, a->x.dim[1] - a->cut);
    MLM_TRY(kn_ssd_scan(q, &first));
    MLM_TRY(kn_copy(q, &keep));
    MLM_TRY(kn_copy(q, &back));
    return kn_ssd_scan(q, &then);
}

/* f = (f +) SSD(conv1d(xBC)) of one direction; *gated: f is already multiplied by silu(z) */
static mlm_status run_direction(kn_queue *q, const mamba2_args *a, const views *v, int k, bool accumulate,
                                bool *gated)
{
    const mamba2_config *c    = a->config;
    kn_conv1d_args       conv = {.x     = v->xbc_in,
                                 .w     = a->weights->dir[k].conv_w,
                                 .bias  = a->weights->dir[k].conv_b,
                                 .state = a->conv_state,
                                 .len   = a->len,
                                 .order = a->order[k],
                                 .y     = v->xbc};
    kn_ssd_args          ssd  = {.x          = v->x,
                                 .b          = v->b,
                                 .c          = v->c,
                                 .dt         = v->dt,
                                 .a          = a->weights->dir[k].a,
                                 .d          = a->weights->dir[k].d,
                                 .dt_bias    = a->weights->dir[k].dt_bias,
                                 .state      = a->ssm_state,
                                 .len        = a->len,
                                 .order      = a->order[k],
                                 .late       = is_step(a) ? a->late : (kn_tensor){0},
                                 .y          = v->f,
                                 .n_heads    = c->n_heads,
                                 .n_groups   = c->n_groups,
                                 .dt_min     = c->dt_min,
                                 .dt_max     = c->dt_max,
                                 .accumulate = accumulate};
    bool                 step = is_step(a);
    if (v->in)
        return kn_project_step(q, v->in, &conv, &ssd, v->z, gated);
    if (step && kn_present(a->conv_state) && c->merge == MAMBA2_SUM_THEN_NORM)
        return kn_conv_ssd_step(q, &conv, &ssd, v->z, gated);
    if (a->cut > 0) {
        conv.kept = a->kept_conv;
        conv.cut  = a->cut;
    }
    MLM_TRY(kn_conv1d(q, &conv));
    if (a->cut > 0 && a->kept_ssm.dtype != a->ssm_state.dtype)
        return run_cut(q, a, &ssd);
    if (a->cut > 0) {
        ssd.kept = a->kept_ssm;
        ssd.cut  = a->cut;
    }
    return step ? kn_ssd_step(q, &ssd) : kn_ssd_scan(q, &ssd);
}

/* mamba2_forward over tokens with a state that is not f32: through room that is. */
static mlm_status forward_through_f32(kn_queue *q, const mamba2_args *a)
{
    mamba2_args   b = *a;
    mamba2_config c = *a->config;
    c.state         = KN_F32;
    b.config        = &c;
    if (a->scratch->state.rank != 4 || a->scratch->state.dim[0] < a->ssm_state.dim[0])
        return mlm_fail(MLM_E_SHAPE, "mamba2: the scratch has no room for the states of %lld rows",
                        (long long)a->ssm_state.dim[0]);
    b.ssm_state     = kn_slice(a->scratch->state, 0, 0, a->ssm_state.dim[0]);
    kn_copy_args in = {flat_state(a->ssm_state), flat_state(b.ssm_state)}, out = {in.y, in.x};
    MLM_TRY(kn_copy(q, &in));
    MLM_TRY(mamba2_forward(q, &b));
    return kn_copy(q, &out);
}

static mlm_status merge(kn_queue *q, const mamba2_args *a, const views *v, kn_tensor second, float scale,
                        bool accumulate)
{
    kn_rmsnorm_gated_args norm = {.x          = v->f,
                                  .x2         = second,
                                  .z          = v->z,
                                  .w          = a->weights->norm,
                                  .y          = v->g,
                                  .eps        = a->config->norm_eps,
                                  .scale      = scale,
                                  .n_groups   = a->config->n_groups,
                                  .accumulate = accumulate};
    return kn_rmsnorm_gated(q, &norm);
}

/* g = the mean of both directions, of which the second one lies in g until one pass norms both. */
static mlm_status mean_of_two(kn_queue *q, const mamba2_args *a, const views *v)
{
    views second = *v;
    bool  gated  = false;
    second.f     = v->g;
    MLM_TRY(run_direction(q, a, v, 0, false, &gated));
    MLM_TRY(run_direction(q, a, &second, 1, false, &gated));
    return merge(q, a, v, v->g, 0.5f, false);
}

mlm_status mamba2_forward(kn_queue *q, const mamba2_args *a)
{
    MLM_TRY(check_args(a));
    if (kn_present(a->ssm_state) && a->ssm_state.dtype != KN_F32 && !is_step(a))
        return forward_through_f32(q, a);
    const mamba2_config *c  = a->config;
    views                v  = make_views(a);
    kn_norm_linear_args  in = {.x      = a->x,
                               .norm   = a->in_norm,
                               .normed = a->normed,
                               .eps    = c->norm_eps,
                               .w      = a->weights->in_proj,
                               .y      = v.s};
    if (!kn_present(a->in_norm)) /* s = (norm of) x W_in^T */
        MLM_TRY(kn_linear(q, &(kn_linear_args){.x = a->x, .w = in.w, .y = v.s}));
    else if (is_step(a) && kn_present(a->conv_state) && c->n_directions == 1 &&
             c->merge == MAMBA2_SUM_THEN_NORM)
        v.in = &in;
    else
        MLM_TRY(kn_norm_linear(q, &in));
    bool      mean = c->merge == MAMBA2_MEAN_OF_NORMED, gated = false;
    kn_tensor none = {0};
    if (mean && c->n_directions == 2 && v.f.dtype == v.g.dtype) {
        MLM_TRY(mean_of_two(q, a, &v));
    } else {
        for (int k = 0; k < c->n_directions; k++) {
            MLM_TRY(run_direction(q, a, &v, k, !mean && k > 0, &gated));
            if (mean)
                MLM_TRY(merge(q, a, &v, none, 1.0f / (float)c->n_directions, k > 0));
        }
    }
    if (mean)
        return kn_linear(
            q, &(kn_linear_args){.x = v.g, .w = a->weights->out_proj, .residual = a->residual, .y = a->y});
    return kn_norm_linear(q, &(kn_norm_linear_args){.x        = v.f,
                                                    .z        = gated ? none : v.z,
                                                    .norm     = a->weights->norm,
                                                    .normed   = v.g,
                                                    .eps      = c->norm_eps,
                                                    .n_groups = c->n_groups,
                                                    .w        = a->weights->out_proj,
                                                    .residual = a->residual,
                                                    .y        = a->y,
                                                    .f32_sum  = a->f32_sum});
}

kn_token_layer mamba2_token_layer(const mamba2_weights *w, kn_tensor in_norm, kn_tensor conv_state,
                                  kn_tensor ssm_state)
{
    return (kn_token_layer){.in_proj    = w->in_proj,
                            .out_proj   = w->out_proj,
                            .in_norm    = in_norm,
                            .norm       = w->norm,
                            .conv_w     = w->dir[0].conv_w,
                            .conv_b     = w->dir[0].conv_b,
                            .a          = w->dir[0].a,
                            .d          = w->dir[0].d,
                            .dt_bias    = w->dir[0].dt_bias,
                            .conv_state = kn_row(conv_state, 0),
                            .ssm_state  = kn_row(ssm_state, 0)};
}

mlm_status mamba2_token(kn_queue *q, const mamba2_config *c, const kn_token_layer *layer, int n_layers,
                        kn_tensor x, bool *done)
{
    *done = false;
    if (c->n_groups != 1 || c->n_directions != 1 || c->merge != MAMBA2_SUM_THEN_NORM)
        return MLM_OK;
    kn_token_args a = {.layer       = layer,
                       .n_layers    = n_layers,
                       .x           = x,
                       .n_heads     = c->n_heads,
                       .head_dim    = c->head_dim,
                       .d_state     = c->d_state,
                       .conv_kernel = c->conv_kernel,
                       .eps         = c->norm_eps,
                       .dt_min      = c->dt_min,
                       .dt_max      = c->dt_max};
    return kn_token_layers(q, &a, done);
}
