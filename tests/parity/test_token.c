/*
 * test_token.c: a token through all layers at once (mamba2_token) against mamba2_forward layer by layer, on one device, and
 * against ref: the residual stream behind every token and the states behind the last; on two queues at once against alone.  Where the
 * device has no such kernel nothing may be touched.
 *   test_token [--device NAME [small]]   cpu without it; small: every kernel, in few shapes against layer by layer, for sanitizers
 */
#include "kernels/mamba2.h"
#include "tests/support/random_fill.h"
#include "tests/support/tensor_compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call)   assert_int_equal((call), MLM_OK)
#define TOKENS     6
#define WAITED     2  /* tokens behind which somebody looks; nothing waits between the others */
#define MAX_LAYERS 65 /* more than one launch has */
#define TURNS      30 /* of all tokens, on two queues at once */
#define K          4

/* Whether a whole card with room for a block's share (has_room) does it at once; EITHER: not with more multiprocessors than columns. */
typedef enum chance { NEVER, EITHER, ALWAYS } chance;

typedef struct shape {
    int      D, H, P, N, n_layers, rows; /* rows of the state, of which the first is used */
    kn_dtype weights, state;
    chance   at_once;
    bool     ref;    /* small enough for it */
    bool     bare;   /* without what may be absent */
    float    dt_max; /* 0: none */
} shape;

static const shape g_shapes[] = {
    {64, 8, 16, 16, 3, 1, KN_BF16, KN_F32, EITHER, true, false, 0.0f},
    {64, 8, 16, 16, 3, 2, KN_I8, KN_F32, EITHER, true, false, 0.0f},
    {192, 12, 16, 16, 65, 1, KN_BF16, KN_F32, ALWAYS, true, false, 0.0f},
    {192, 12, 16, 16, 65, 2, KN_I8, KN_BF16, ALWAYS, false, false, 0.0f},
    {328, 41, 16, 72, 3, 2, KN_BF16, KN_F32, ALWAYS, true, false, 0.2f},
    {328, 41, 16, 72, 3, 1, KN_I8, KN_F32, ALWAYS, true, true, 0.0f},
    {256, 8, 64, 64, 1, 3, KN_BF16, KN_F32, ALWAYS, true, true, 0.2f},
    {256, 8, 64, 64, 3, 1, KN_I8, KN_BF16, ALWAYS, false, false, 0.2f},
    {256, 8, 64, 12, 3, 1, KN_BF16, KN_F32, NEVER, true, false, 0.0f},
    {1024, 32, 64, 128, 3, 1, KN_BF16, KN_F32, ALWAYS, true, false, 0.0f},
    {1024, 32, 64, 128, 3, 3, KN_I8, KN_BF16, ALWAYS, false, false, 0.2f},
    {1024, 32, 64, 128, 1, 1, KN_F32, KN_F32, NEVER, false, false, 0.0f},
    {1536, 48, 64, 128, 2, 1, KN_BF16, KN_BF16, ALWAYS, false, false, 0.0f},
    {2308, 79, 64, 64, 2, 1, KN_I8, KN_F32, ALWAYS, false, true, 0.2f},
    {2560, 80, 64, 128, 3, 1, KN_BF16, KN_F32, ALWAYS, false, false, 0.0f},
    {2560, 80, 64, 128, 2, 2, KN_BF16, KN_BF16, ALWAYS, false, false, 0.0f},
    {2560, 80, 64, 128, 3, 1, KN_I8, KN_F32, ALWAYS, false, false, 0.2f},
    {2560, 80, 64, 128, 2, 1, KN_I8, KN_BF16, ALWAYS, false, true, 0.0f},
    {3072, 16, 64, 128, 1, 1, KN_BF16, KN_F32, NEVER, false, false, 0.0f},
    {3072, 16, 64, 128, 1, 1, KN_I8, KN_F32, NEVER, false, false, 0.0f},
};
#define N_SHAPES (sizeof g_shapes / sizeof *g_shapes)

typedef struct stack {
    shape          s;
    mamba2_config  config;
    kn_device     *dev, *own; /* own: to be closed with the stack, else NULL */
    kn_queue      *q;
    kn_arena       arena;
    mamba2_scratch scratch;
    kn_matrix     *in_proj[MAX_LAYERS], *out_proj[MAX_LAYERS];
    mamba2_weights weights[MAX_LAYERS];
    kn_tensor      in_norm[MAX_LAYERS];
    kn_tensor      x, normed, conv_state, ssm_state; /* [TOKENS,1,D], [1,1,D], [layers,rows,...] */
} stack;

static const char *g_device = "cpu";
static int         g_capability; /* 90: sm_90 */
static bool        g_small;

static bool on_host(void)
{
    return strncmp(g_device, "cuda", 4) != 0;
}

/* ---- set-up -------------------------------------------------------------------------------------- */

static void lay_out(stack *k, kn_arena *a)
{
    const shape *s = &k->s;
    int64_t      I = k->config.d_inner, C = mamba2_conv_channels(&k->config), L = s->n_layers;
    mamba2_scratch_take(&k->scratch, a, &k->config, 1, 1);
    k->x          = kn_arena_take(a, KN_F32, 3, KN_DIMS(TOKENS, 1, s->D));
    k->normed     = kn_arena_take(a, KN_F32, 3, KN_DIMS(1, 1, s->D));
    k->conv_state = kn_arena_take(a, KN_F32, 4, KN_DIMS(L, s->rows, K - 1, C));
    k->ssm_state  = kn_arena_take(a, s->state, 5, KN_DIMS(L, s->rows, s->H, s->P, s->N));
    for (int i = 0; i < s->n_layers; i++) {
        mamba2_weights *w = &k->weights[i];
        k->in_norm[i]     = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->D));
        w->norm           = kn_arena_take(a, KN_F32, 1, KN_DIMS(I));
        w->dir[0].conv_w  = kn_arena_take(a, KN_F32, 2, KN_DIMS(C, K));
        w->dir[0].a       = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
        if (s->bare)
            continue;
        w->dir[0].conv_b  = kn_arena_take(a, KN_F32, 1, KN_DIMS(C));
        w->dir[0].d       = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
        w->dir[0].dt_bias = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    }
}

static void make_layer(stack *k, int i, mlm_rng *rng)
{
    const mamba2_config *c = &k->config;
    mamba2_weights      *w = &k->weights[i];
    OK(random_matrix(&k->in_proj[i], k->dev, mamba2_in_rows(c), c->d_model, k->s.weights,
                     100u + (unsigned)i));
    OK(random_matrix(&k->out_proj[i], k->dev, c->d_model, c->d_inner, k->s.weights, 200u + (unsigned)i));
    w->in_proj  = k->in_proj[i];
    w->out_proj = k->out_proj[i];
    OK(random_fill(k->q, k->in_norm[i], rng, 0.2f, 1.0f));
    OK(random_fill(k->q, w->norm, rng, 0.2f, 1.0f));
    OK(random_fill(k->q, w->dir[0].conv_w, rng, 0.5f, 0.0f));
    OK(random_fill(k->q, w->dir[0].a, rng, 0.2f, -2.0f));
    if (k->s.bare)
        return;
    OK(random_fill(k->q, w->dir[0].conv_b, rng, 0.2f, 0.0f));
    OK(random_fill(k->q, w->dir[0].d, rng, 0.5f, 1.0f));
    OK(random_fill(k->q, w->dir[0].dt_bias, rng, 0.5f, -2.0f));
}

static kn_device *open_device(const char *name)
{
    kn_device_options opt = {.name = name};
    kn_device        *dev = NULL;
    if (strcmp(name, "cuda+det") == 0) {
        opt.name          = "cuda";
        opt.deterministic = true;
    }
    OK(kn_device_open(&dev, &opt));
    return dev;
}

/* With a queue of its own. */
static stack *stack_make(kn_device *dev, const shape *s)
{
    stack *k = calloc(1, sizeof *k);
    assert_non_null(k);
    k->dev    = dev;
    k->s      = *s;
    k->config = (mamba2_config){.d_model      = s->D,
                                .d_inner      = s->H * s->P,
                                .n_heads      = s->H,
                                .head_dim     = s->P,
                                .d_state      = s->N,
                                .n_groups     = 1,
                                .conv_kernel  = K,
                                .n_directions = 1,
                                .norm_eps     = 1e-5f,
                                .dt_min       = 0.001f,
                                .dt_max       = s->dt_max,
                                .state        = s->state};
    OK(mamba2_config_check(&k->config, "test"));
    OK(mamba2_state_check(&k->config, k->dev));
    OK(kn_queue_create(&k->q, k->dev));
    kn_arena measure;
    kn_arena_measure(&measure, k->dev);
    lay_out(k, &measure);
    OK(kn_arena_create(&k->arena, k->dev, measure.high));
    lay_out(k, &k->arena);
    OK(kn_arena_check(&k->arena, "test"));
    mlm_rng rng = mlm_rng_seed(5, 6);
    for (int i = 0; i < s->n_layers; i++)
        make_layer(k, i, &rng);
    return k;
}

static stack *stack_open(const char *device, const shape *s)
{
    kn_device *dev = open_device(device);
    stack     *k   = stack_make(dev, s);
    k->own         = dev;
    return k;
}

static void stack_close(stack *k)
{
    for (int i = 0; i < k->s.n_layers; i++) {
        kn_matrix_free(k->in_proj[i]);
        kn_matrix_free(k->out_proj[i]);
    }
    kn_arena_free(&k->arena);
    kn_queue_free(k->q);
    kn_device_close(k->own);
    free(k);
}

/* ---- tokens -------------------------------------------------------------------------------------- */

/* The rows of the states that the token belongs to: of layer i, [1,K-1,C] and [1,H,P,N]. */
static kn_tensor first_row(kn_tensor states, int i)
{
    return kn_slice(kn_row(states, i), 0, 0, 1);
}

static mlm_status at_once_step(stack *k, kn_tensor x, bool *done)
{
    kn_token_layer layer[MAX_LAYERS];
    for (int i = 0; i < k->s.n_layers; i++)
        layer[i] = mamba2_token_layer(&k->weights[i], k->in_norm[i], kn_row(k->conv_state, i),
                                      kn_row(k->ssm_state, i));
    return mamba2_token(k->q, &k->config, layer, k->s.n_layers, x, done);
}

static mlm_status layer_by_layer(stack *k, kn_tensor x)
{
    for (int i = 0; i < k->s.n_layers; i++) {
        mamba2_args a = {.config     = &k->config,
                         .weights    = &k->weights[i],
                         .scratch    = &k->scratch,
                         .x          = x,
                         .in_norm    = k->in_norm[i],
                         .normed     = k->normed,
                         .residual   = x,
                         .y          = x,
                         .f32_sum    = true,
                         .conv_state = first_row(k->conv_state, i),
                         .ssm_state  = first_row(k->ssm_state, i)};
        MLM_TRY(mamba2_forward(k->q, &a));
    }
    return MLM_OK;
}

/* What came of it. */
typedef struct result {
    int64_t n_x, n_conv, n_ssm; /* of a token; of the states of all layers and rows */
    float  *x, *conv, *ssm;     /* [TOKENS][n_x]; x is where the others are, too */
    bool    done;               /* at once */
} result;

static result result_make(const stack *k)
{
    result r = {.n_x = k->s.D, .n_conv = kn_count(k->conv_state), .n_ssm = kn_count(k->ssm_state)};
    r.x      = calloc((size_t)(TOKENS * r.n_x + r.n_conv + r.n_ssm), sizeof *r.x);
    assert_non_null(r.x);
    r.conv = r.x + TOKENS * r.n_x;
    r.ssm  = r.conv + r.n_conv;
    return r;
}

static void download_states(stack *k, result *r)
{
    size_t n = (size_t)r->n_ssm;
    OK(kn_download(k->q, r->conv, k->conv_state, (size_t)r->n_conv * sizeof *r->conv));
    if (k->s.state == KN_F32) {
        OK(kn_download(k->q, r->ssm, k->ssm_state, n * sizeof *r->ssm));
        return;
    }
    uint16_t *h = malloc(n * sizeof *h);
    assert_non_null(h);
    OK(kn_download(k->q, h, k->ssm_state, n * sizeof *h));
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)h[i] << 16;
        memcpy(&r->ssm[i], &bits, sizeof bits);
    }
    free(h);
}

static result outcome(stack *k)
{
    result r = result_make(k);
    OK(kn_download(k->q, r.x, k->x, (size_t)(TOKENS * r.n_x) * sizeof *r.x));
    download_states(k, &r);
    return r;
}

/* The same tokens and states in every run; r: what they are. */
static result begin(stack *k)
{
    mlm_rng rng = mlm_rng_seed(7, 8);
    OK(random_fill(k->q, k->x, &rng, 1.0f, 0.0f));
    OK(random_fill(k->q, k->conv_state, &rng, 0.5f, 0.0f));
    OK(random_fill(k->q, k->ssm_state, &rng, 0.5f, 0.0f));
    return outcome(k);
}

static void assert_untouched(stack *k, const result *before)
{
    result now = outcome(k);
    assert_memory_equal(now.x, before->x,
                        (size_t)(TOKENS * now.n_x + now.n_conv + now.n_ssm) * sizeof *now.x);
    free(now.x);
}

/* Rows but the first of every layer's state are what they were. */
static void assert_others_untouched(const stack *k, const float *before, const float *now, int64_t n)
{
    int64_t layer = n / k->s.n_layers, row = layer / k->s.rows;
    for (int i = 0; i < k->s.n_layers; i++)
        assert_memory_equal(now + i * layer + row, before + i * layer + row,
                            (size_t)(layer - row) * sizeof *now);
}

/* LAYERS: mamba2_forward for each; AT_ONCE: as a model does; IN_GRAPH: that, captured. */
typedef enum way { LAYERS, AT_ONCE, IN_GRAPH } way;

static result run(stack *k, way how)
{
    result    before = begin(k), r = result_make(k);
    kn_graph *graph[TOKENS] = {NULL};
    for (int t = 0; t < (g_small ? 3 : TOKENS); t++) {
        kn_tensor x    = kn_slice(k->x, 0, t, 1);
        bool      done = how != LAYERS; /* to be set */
        if (how == IN_GRAPH)
            OK(kn_capture_begin(k->q));
        if (how != LAYERS)
            OK(at_once_step(k, x, &done));
        if (how == AT_ONCE && t == 0 && !done)
            assert_untouched(k, &before);
        if (!done)
            OK(layer_by_layer(k, x));
        if (how == IN_GRAPH) {
            OK(kn_capture_end(k->q, &graph[t]));
            OK(kn_graph_launch(k->q, graph[t]));
        }
        assert_true(t == 0 || done == r.done);
        r.done = done;
        if (t < WAITED)
            OK(kn_download(k->q, r.x + t * r.n_x, x, (size_t)r.n_x * sizeof *r.x));
    }
    OK(kn_download(k->q, r.x, k->x, (size_t)(TOKENS * r.n_x) * sizeof *r.x));
    download_states(k, &r);
    assert_others_untouched(k, before.conv, r.conv, r.n_conv);
    assert_others_untouched(k, before.ssm, r.ssm, r.n_ssm);
    for (int t = 0; t < TOKENS; t++)
        kn_graph_free(graph[t]);
    free(before.x);
    return r;
}

static bool same_bits(const result *a, const result *b)
{
    return memcmp(a->x, b->x, (size_t)(TOKENS * a->n_x + a->n_conv + a->n_ssm) * sizeof *a->x) == 0;
}

/* x token by token: the stream of a later one may be larger. */
static bool is_near(const result *want, const result *got, double x_bound, double state_bound)
{
    bool ok = true;
    char name[32];
    for (int t = 0; t < TOKENS; t++) {
        (void)snprintf(name, sizeof name, "x of token %d", t);
        ok = tensor_close(name, want->x + t * want->n_x, got->x + t * got->n_x, want->n_x, x_bound) && ok;
    }
    ok = tensor_close("conv_state", want->conv, got->conv, want->n_conv, x_bound) && ok;
    return tensor_close("ssm_state", want->ssm, got->ssm, want->n_ssm, state_bound) && ok;
}

/* ---- tests --------------------------------------------------------------------------------------- */

/* Cards of sm_120 have less shared memory. */
static bool has_room(void)
{
    return g_capability == 90 || g_capability == 100 || g_capability == 103;
}

static void assert_done_as_wanted(const shape *s, bool done)
{
    if (on_host() || strcmp(g_device, "cuda+det") == 0 || s->at_once == NEVER)
        assert_false(done);
    else if (s->at_once == ALWAYS && has_room())
        assert_true(done);
}

static void test_against_layers(void **state)
{
    int n_done = 0;
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        const shape *s = &g_shapes[i];
        if ((on_host() && !s->ref) || (g_small && (s->D < 328 || s->D > 1536 || s->at_once != ALWAYS)))
            continue;
        stack *k    = stack_open(g_device, s);
        result want = run(k, LAYERS), got = run(k, AT_ONCE), again = run(k, AT_ONCE);
        bool   bf16  = s->state == KN_BF16; /* what is nearly the same may be rounded to neighbours */
        double close = s->n_layers > 3 ? 5e-5 : 1e-5; /* each layer adds to it */
        n_done += got.done;
        bool good = same_bits(&got, &again) && (got.done || same_bits(&want, &got)) &&
                    is_near(&want, &got, bf16 ? 2e-3 : close, bf16 ? 1e-2 : close);
        if (!good)
            fprintf(stderr, "shape %zu (%d wide, %d layers): %s%s\n", i, s->D, s->n_layers,
                    got.done ? "at once" : "layer by layer",
                    same_bits(&got, &again) ? "" : ", other bits from run to run");
        assert_true(good);
        assert_done_as_wanted(s, got.done);
        free(want.x);
        free(got.x);
        free(again.x);
        stack_close(k);
    }
    printf("%s: all layers at once in %d shapes\n", g_device, n_done);
}

static void test_against_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        const shape *s = &g_shapes[i];
        if (!s->ref)
            continue;
        stack *k = stack_open(g_device, s), *r = stack_open("ref", s);
        result want = run(r, LAYERS), got = run(k, AT_ONCE), none = run(r, AT_ONCE);
        double bound = s->n_layers > 3 ? 5e-5 : 2e-5;
        assert_true(is_near(&want, &got, bound, bound));
        assert_false(none.done);
        assert_true(same_bits(&want, &none));
        free(want.x);
        free(got.x);
        free(none.x);
        stack_close(k);
        stack_close(r);
    }
}

/* Where work can be captured: the same bits. */
static void test_in_a_graph(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        if (!g_shapes[i].ref || on_host())
            continue;
        stack *k    = stack_open(g_device, &g_shapes[i]);
        result want = run(k, AT_ONCE), got = run(k, IN_GRAPH);
        assert_int_equal(want.done, got.done);
        assert_true(same_bits(&want, &got));
        free(want.x);
        free(got.x);
        stack_close(k);
    }
}

/* All tokens TURNS times, the states going on; a pair takes turns, and nobody waits before both have been asked for everything. */
static void turns(stack *const *k, kn_graph *(*graph)[TOKENS], const way *how, int n)
{
    for (int i = 0; i < TURNS * TOKENS; i++)
        for (int j = 0; j < n; j++) {
            kn_tensor x    = kn_slice(k[j]->x, 0, i % TOKENS, 1);
            bool      done = how[j] != AT_ONCE;
            OK(how[j] == LAYERS    ? layer_by_layer(k[j], x)
               : how[j] == AT_ONCE ? at_once_step(k[j], x, &done)
                                   : kn_graph_launch(k[j]->q, graph[j][i % TOKENS]));
            assert_true(done);
        }
}

/* Two launches that fill the card each, on two queues: neither waits for the other for ever, and both make what they make alone. */
static void test_on_two_queues(void **state)
{
    static const shape wide  = {2560, 80, 64, 128, 2, 1, KN_BF16, KN_F32, ALWAYS, false, false, 0.0f},
                       small = {1024, 32, 64, 128, 3, 1, KN_I8, KN_BF16, ALWAYS, false, false, 0.0f};
    static const struct {
        const shape *s[2];
        way          how[2];
    } pair[] = {{{&wide, &small}, {AT_ONCE, AT_ONCE}},
                {{&wide, &wide}, {AT_ONCE, IN_GRAPH}},
                {{&small, &small}, {IN_GRAPH, IN_GRAPH}},
                {{&small, &wide}, {AT_ONCE, LAYERS}}};
    (void)state;
    if (strcmp(g_device, "cuda") != 0 || !has_room())
        return; /* nothing at once */
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        kn_device *dev = open_device(g_device);
        stack     *k[2];
        kn_graph  *graph[2][TOKENS] = {{NULL}};
        result     alone[2];
        for (int j = 0; j < 2; j++) {
            bool done = false;
            k[j]      = stack_make(dev, pair[i].s[j]);
            free(run(k[j], pair[i].how[j] == LAYERS ? LAYERS : AT_ONCE).x); /* makes plans */
            for (int t = 0; pair[i].how[j] == IN_GRAPH && t < TOKENS; t++) {
                OK(kn_capture_begin(k[j]->q));
                OK(at_once_step(k[j], kn_slice(k[j]->x, 0, t, 1), &done));
                OK(kn_capture_end(k[j]->q, &graph[j][t]));
                assert_true(done);
            }
            free(begin(k[j]).x);
            turns(&k[j], &graph[j], &pair[i].how[j], 1);
            alone[j] = outcome(k[j]);
        }
        for (int j = 0; j < 2; j++)
            free(begin(k[j]).x);
        turns(k, graph, pair[i].how, 2);
        for (int j = 0; j < 2; j++) {
            result both = outcome(k[j]);
            assert_true(same_bits(&alone[j], &both));
            for (int64_t n = 0; n < TOKENS * both.n_x; n++)
                assert_true(isfinite(both.x[n]));
            free(both.x);
            free(alone[j].x);
        }
        if (graph[1][0])
            assert_int_equal(kn_graph_launch(k[0]->q, graph[1][0]), MLM_E_STATE);
        for (int j = 0; j < 2; j++) {
            for (int t = 0; t < TOKENS; t++)
                kn_graph_free(graph[j][t]);
            stack_close(k[j]);
        }
        kn_device_close(dev);
    }
}

/* A stack of which one thing is wrong: where something looks at it, it says so; nothing is enqueued in any case. */
static void refuse(stack *k, const result *before, kn_token_layer *layer, mlm_status want)
{
    bool done = true;
    assert_int_equal(mamba2_token(k->q, &k->config, layer, k->s.n_layers, kn_slice(k->x, 0, 0, 1), &done),
                     on_host() ? MLM_OK : want);
    assert_false(done);
    assert_untouched(k, before);
}

static void test_arguments(void **state)
{
    static const shape s      = {328, 41, 16, 72, 3, 2, KN_BF16, KN_F32, ALWAYS, true, false, 0.0f};
    stack             *k      = stack_open(g_device, &s);
    result             before = begin(k);
    kn_token_layer     good[3], bad[3];
    bool               done = true;
    (void)state;
    for (int i = 0; i < s.n_layers; i++)
        good[i] = mamba2_token_layer(&k->weights[i], k->in_norm[i], kn_row(k->conv_state, i),
                                     kn_row(k->ssm_state, i));
#define BAD(change, status)                                                                                  \
    do {                                                                                                     \
        memcpy(bad, good, sizeof bad);                                                                       \
        bad[2].change;                                                                                       \
        refuse(k, &before, bad, status);                                                                     \
    } while (0)
    BAD(out_proj = good[2].in_proj, MLM_E_SHAPE);
    BAD(in_proj = good[2].out_proj, MLM_E_SHAPE);
    BAD(in_norm = good[2].norm, MLM_E_SHAPE);
    BAD(norm = good[2].in_norm, MLM_E_SHAPE);
    BAD(conv_w = kn_slice(good[2].conv_w, 1, 0, 3), MLM_E_SHAPE);
    BAD(conv_b = good[2].norm, MLM_E_SHAPE);
    BAD(a = (kn_tensor){0}, MLM_E_SHAPE);
    BAD(d = good[2].in_norm, MLM_E_SHAPE);
    BAD(conv_state = kn_slice(good[2].conv_state, 0, 0, 2), MLM_E_SHAPE);
    BAD(ssm_state = kn_row(k->ssm_state, 2), MLM_E_SHAPE);
    BAD(conv_state.dtype = KN_BF16, MLM_E_DTYPE);
    BAD(conv_state.stride[0]++, MLM_E_SHAPE);
#undef BAD
    /* other kinds of layers go one by one */
    mamba2_config c = k->config;
    c.n_groups      = 2;
    OK(mamba2_token(k->q, &c, good, 3, kn_slice(k->x, 0, 0, 1), &done));
    assert_false(done);
    c       = k->config;
    c.merge = MAMBA2_MEAN_OF_NORMED;
    done    = true;
    OK(mamba2_token(k->q, &c, good, 3, kn_slice(k->x, 0, 0, 1), &done));
    assert_false(done);
    assert_untouched(k, &before);
    free(before.x);
    stack_close(k);
}

/* "sm_90" of a card's description; 0 without one. */
static int capability(const kn_device *dev)
{
    kn_device_info info;
    kn_device_get_info(dev, &info);
    const char *at = strstr(info.description, "sm_");
    return at ? atoi(at + 3) : 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_layers),
                                       cmocka_unit_test(test_against_ref), cmocka_unit_test(test_in_a_graph),
                                       cmocka_unit_test(test_on_two_queues),
                                       cmocka_unit_test(test_arguments)};
    if (argc > 2 && strcmp(argv[1], "--device") == 0)
        g_device = argv[2];
    g_small = argc > 3 && strcmp(argv[3], "small") == 0;
    cmocka_set_test_filter(g_small ? "test_against_layers" : NULL);
    if (!on_host()) {
        kn_device *dev = NULL;
        (void)setenv("MLM_CUDA_TOKEN_AT_ONCE", "1", 1);
        if (kn_device_open(&dev, &(kn_device_options){.name = "cuda"}) != MLM_OK) {
            fprintf(stderr, "skipped: %s\n", mlm_error_message());
            return 77;
        }
        g_capability = capability(dev);
        kn_device_close(dev);
        if (g_capability < 90) {
            fprintf(stderr, "skipped: sm_%d goes layer by layer\n", g_capability);
            return 77;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
