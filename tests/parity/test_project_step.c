/*
 * test_project_step.c: the first half of a Mamba-2 layer at once (kn_project_step) against its two ops one behind the other.
 * The same bits on every device, with the states that come of it, over several tokens; ref is compared by value.
 *   test_project_step [--device NAME [small]]   cpu without it; small: the small shapes, not against ref, for sanitizers
 */
#include "kernels/kernels.h"
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

#define OK(call)  assert_int_equal((call), MLM_OK)
#define TOKENS    4
#define UNTOUCHED 12345.0f

typedef struct shape {
    int64_t  D, H, P, N, B;
    kn_dtype weights, state;
    bool     ref; /* small enough for it */
} shape;

typedef struct layer {
    shape      s;
    kn_device *dev;
    kn_queue  *q;
    kn_arena   arena;
    kn_matrix *w;
    kn_tensor  x, norm, normed, y, xbc, conv_w, conv_b, a, d, dt_bias, conv_state, ssm_state, out, wide;
} layer;

static const char *g_device = "cpu";
static bool        g_small  = false;

static int64_t inner(const shape *s)
{
    return s->H * s->P;
}
static int64_t channels(const shape *s)
{
    return inner(s) + 2 * s->N;
}
static int64_t rows(const shape *s)
{
    return inner(s) + channels(s) + s->H;
}

static void lay_out(layer *l, kn_arena *a)
{
    const shape *s = &l->s;
    int64_t      I = inner(s), C = channels(s);
    l->x          = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, s->D));
    l->normed     = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, s->D));
    l->norm       = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->D));
    l->y          = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, rows(s)));
    l->xbc        = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, C));
    l->conv_w     = kn_arena_take(a, KN_F32, 2, KN_DIMS(C, 4));
    l->conv_b     = kn_arena_take(a, KN_F32, 1, KN_DIMS(C));
    l->a          = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->d          = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->dt_bias    = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->conv_state = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 3, C));
    l->ssm_state  = kn_arena_take(a, s->state, 4, KN_DIMS(s->B, s->H, s->P, s->N));
    l->wide       = kn_arena_take(a, KN_F32, 2, KN_DIMS(s->B, I * s->N));
    l->out        = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, I));
}

static void fill(layer *l, kn_tensor t, mlm_rng *rng, float scale, float shift)
{
    OK(random_fill(l->q, t, rng, scale, shift));
}

static void layer_open(layer *l, const char *device, const shape *s)
{
    kn_device_options opt = {.name = device};
    memset(l, 0, sizeof *l);
    l->s = *s;
    if (strcmp(device, "cuda+det") == 0) {
        opt.name          = "cuda";
        opt.deterministic = true;
    }
    OK(kn_device_open(&l->dev, &opt));
    OK(kn_queue_create(&l->q, l->dev));
    kn_arena measure;
    kn_arena_measure(&measure, l->dev);
    lay_out(l, &measure);
    OK(kn_arena_create(&l->arena, l->dev, measure.high));
    lay_out(l, &l->arena);
    OK(kn_arena_check(&l->arena, "test"));
    OK(random_matrix(&l->w, l->dev, rows(s), s->D, s->weights, 12345u));
    mlm_rng rng = mlm_rng_seed(5, 6);
    fill(l, l->norm, &rng, 0.2f, 1.0f);
    fill(l, l->conv_w, &rng, 0.5f, 0.0f);
    fill(l, l->conv_b, &rng, 0.2f, 0.0f);
    fill(l, l->a, &rng, 0.2f, -2.0f);
    fill(l, l->d, &rng, 0.5f, 1.0f);
    fill(l, l->dt_bias, &rng, 0.5f, -2.0f);
}

static void layer_close(layer *l)
{
    kn_matrix_free(l->w);
    kn_arena_free(&l->arena);
    kn_queue_free(l->q);
    kn_device_close(l->dev);
}

typedef enum way { AT_ONCE, TWO_OPS } way;

static mlm_status step(layer *l, way how, bool *gated)
{
    const shape        *s = &l->s;
    int64_t             I = inner(s), C = channels(s);
    kn_norm_linear_args in = {
        .x = l->x, .norm = l->norm, .normed = l->normed, .eps = 1e-5f, .w = l->w, .y = l->y};
    kn_tensor      z    = kn_slice(l->y, 2, 0, I);
    kn_conv1d_args conv = {
        .x = kn_slice(l->y, 2, I, C), .w = l->conv_w, .bias = l->conv_b, .state = l->conv_state, .y = l->xbc};
    kn_ssd_step_args ssd = {.x        = kn_slice(l->xbc, 2, 0, I),
                            .b        = kn_slice(l->xbc, 2, I, s->N),
                            .c        = kn_slice(l->xbc, 2, I + s->N, s->N),
                            .dt       = kn_slice(l->y, 2, I + C, s->H),
                            .a        = l->a,
                            .d        = l->d,
                            .dt_bias  = l->dt_bias,
                            .state    = l->ssm_state,
                            .y        = l->out,
                            .n_heads  = (int)s->H,
                            .n_groups = 1,
                            .dt_min   = 0.001f};
    if (how == AT_ONCE)
        return kn_project_step(l->q, &in, &conv, &ssd, z, gated);
    mlm_status st = kn_norm_linear(l->q, &in);
    return st == MLM_OK ? kn_conv_ssd_step(l->q, &conv, &ssd, z, gated) : st;
}

/* Several tokens from empty states: the outputs of all, then both states.  Without the gate it is done here. */
static float *run(layer *l, way how, int64_t *n, bool *fused)
{
    const shape *s = &l->s;
    size_t  I = (size_t)(inner(s) * s->B), Y = (size_t)(rows(s) * s->B), C = (size_t)(channels(s) * s->B);
    size_t  S   = I * (size_t)s->N;
    float  *all = malloc((TOKENS * I + 3 * C + S) * sizeof *all), *y = malloc(Y * sizeof *y);
    mlm_rng rng = mlm_rng_seed(7, 8);
    assert_true(all && y);
    OK(kn_zero(l->q, l->conv_state));
    OK(kn_zero(l->q, l->ssm_state));
    fill(l, l->y, &rng, 0.0f, UNTOUCHED);
    for (size_t t = 0; t < TOKENS; t++) {
        float *out = all + t * I;
        fill(l, l->x, &rng, 1.0f, 0.0f);
        OK(step(l, how, fused));
        OK(kn_download(l->q, out, l->out, I * sizeof *out));
        if (*fused)
            continue;
        OK(kn_download(l->q, y, l->y, Y * sizeof *y));
        for (size_t b = 0; b < (size_t)s->B; b++)
            for (size_t i = 0; i < (size_t)inner(s); i++) {
                float z = y[b * (size_t)rows(s) + i];
                out[b * (size_t)inner(s) + i] *= z / (1.0f + expf(-z));
            }
    }
    for (int t = 0; t < TOKENS; t++) /* nothing waits between these */
        OK(step(l, how, fused));
    OK(kn_download(l->q, all + TOKENS * I, l->conv_state, 3 * C * sizeof *all));
    kn_tensor flat =
        kn_tensor_make(l->ssm_state.buf, l->ssm_state.offset, s->state, 2, KN_DIMS(s->B, inner(s) * s->N));
    OK(kn_copy(l->q, &(kn_copy_args){flat, l->wide}));
    OK(kn_download(l->q, all + TOKENS * I + 3 * C, l->wide, S * sizeof *all));
    *n = (int64_t)(TOKENS * I + 3 * C + S);
    free(y);
    return all;
}

static const shape g_shapes[] = {
    {64, 8, 16, 16, 1, KN_BF16, KN_F32, true},       {64, 8, 16, 16, 1, KN_I8, KN_F32, true},
    {328, 41, 16, 72, 1, KN_BF16, KN_F32, true},     {328, 41, 16, 72, 1, KN_I8, KN_F32, true},
    {1024, 32, 64, 128, 1, KN_BF16, KN_F32, true},   {1024, 32, 64, 128, 1, KN_I8, KN_BF16, false},
    {1024, 32, 64, 128, 3, KN_BF16, KN_F32, false},  {2560, 80, 64, 128, 1, KN_BF16, KN_F32, false},
    {2560, 80, 64, 128, 1, KN_BF16, KN_BF16, false}, {2560, 80, 64, 128, 1, KN_I8, KN_F32, false},
    {3072, 16, 64, 128, 1, KN_BF16, KN_F32, false},  {2560, 80, 64, 128, 1, KN_F32, KN_F32, false},
};
#define N_SMALL 6 /* the first ones */

static bool on_host(void)
{
    return strncmp(g_device, "cuda", 4) != 0;
}

/* Whether what is between the two ops was never written: the one kernel ran, not the two. */
static bool ran_at_once(layer *l)
{
    size_t n = (size_t)kn_count(l->y);
    float *y = malloc(n * sizeof *y);
    assert_non_null(y);
    OK(kn_download(l->q, y, l->y, n * sizeof *y));
    bool untouched = y[0] == UNTOUCHED && y[n - 1] == UNTOUCHED;
    free(y);
    return untouched;
}

static void test_same_bits(void **state)
{
    int n_at_once = 0;
    (void)state;
    for (size_t i = 0; i < (g_small ? N_SMALL : sizeof g_shapes / sizeof *g_shapes); i++) {
        const shape *s = &g_shapes[i];
        layer        l;
        int64_t      n     = 0;
        bool         fused = false, pair_gated = false;
        if (on_host() && (!s->ref || s->state != KN_F32))
            continue;
        layer_open(&l, g_device, s);
        float *want = run(&l, TWO_OPS, &n, &pair_gated), *got = run(&l, AT_ONCE, &n, &fused),
              *again = run(&l, AT_ONCE, &n, &fused);
        n_at_once += ran_at_once(&l);
        if (memcmp(want, got, (size_t)n * sizeof *got) != 0 ||
            memcmp(got, again, (size_t)n * sizeof *got) != 0) {
            fprintf(stderr, "shape %zu: other bits than the two ops%s\n", i,
                    memcmp(got, again, (size_t)n * sizeof *got) ? ", and from run to run" : "");
            assert_true(tensor_close("at once", want, got, n, -1.0));
        }
        free(want);
        free(got);
        free(again);
        layer_close(&l);
    }
    printf("%s: one kernel in %d shapes\n", g_device, n_at_once);
    assert_true(on_host() == (n_at_once == 0));
}

static void test_against_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof g_shapes / sizeof *g_shapes; i++) {
        layer   l, r;
        int64_t n     = 0;
        bool    fused = false, ref_fused = false;
        if (!g_shapes[i].ref)
            continue;
        layer_open(&l, g_device, &g_shapes[i]);
        layer_open(&r, "ref", &g_shapes[i]);
        float *want = run(&r, AT_ONCE, &n, &ref_fused), *got = run(&l, AT_ONCE, &n, &fused);
        assert_true(tensor_close("against ref", want, got, n, 2e-5));
        free(want);
        free(got);
        layer_close(&l);
        layer_close(&r);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_against_ref)};
    if (argc > 2 && strcmp(argv[1], "--device") == 0)
        g_device = argv[2];
    g_small = argc > 3 && strcmp(argv[3], "small") == 0;
    cmocka_set_test_filter(g_small ? "test_same_bits" : NULL);
    if (!on_host()) {
        kn_device *dev = NULL;
        (void)setenv("MLM_CUDA_STEP_AT_ONCE", "1", 1);
        if (kn_device_open(&dev, &(kn_device_options){.name = "cuda"}) != MLM_OK) {
            fprintf(stderr, "skipped: %s\n", mlm_error_message());
            return 77;
        }
        kn_device_close(dev);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
