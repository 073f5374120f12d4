/*
 * test_late.c: states that are written late (kn_conv_ssd_step with late, kn_settle) against states that are written by every step:
 * outputs of every token and, once settled, both states have the same bits.
 *   test_late [--device NAME [small]]   cpu without it, which refuses; small: the small shapes only, for sanitizers
 */
#include "kernels/late.h"
#include "tests/support/random_fill.h"
#include "tests/support/tensor_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MLM_OK)
#define TOKENS   9
#define LAYERS   2

typedef struct shape {
    int64_t  H, P, N, B;
    int      most;
    kn_dtype state;
} shape;

typedef struct layers {
    shape      s;
    kn_device *dev;
    kn_queue  *q;
    kn_arena   arena;
    kn_tensor  in, xbc, conv_w, conv_b, a, d, dt_bias, conv, ssm, late, out, wide;
} layers;

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

static void lay_out(layers *l, kn_arena *a)
{
    const shape *s = &l->s;
    int64_t      I = inner(s), C = channels(s);
    l->in      = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, I + C + s->H));
    l->xbc     = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, C));
    l->conv_w  = kn_arena_take(a, KN_F32, 2, KN_DIMS(C, 4));
    l->conv_b  = kn_arena_take(a, KN_F32, 1, KN_DIMS(C));
    l->a       = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->d       = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->dt_bias = kn_arena_take(a, KN_F32, 1, KN_DIMS(s->H));
    l->conv    = kn_arena_take(a, KN_F32, 4, KN_DIMS(LAYERS, s->B, 3, C));
    l->ssm     = kn_arena_take(a, s->state, 5, KN_DIMS(LAYERS, s->B, s->H, s->P, s->N));
    l->late    = kn_arena_take(a, KN_F32, 3, KN_DIMS(LAYERS, s->B, kn_late_width(s->most, s->H, s->P, s->N)));
    l->wide    = kn_arena_take(a, KN_F32, 2, KN_DIMS(LAYERS * s->B, I * s->N));
    l->out     = kn_arena_take(a, KN_F32, 3, KN_DIMS(s->B, 1, I));
}

static void layers_open(layers *l, const char *device, const shape *s)
{
    kn_device_options opt = {.name = device};
    kn_arena          measure;
    mlm_rng           rng = mlm_rng_seed(5, 6);
    memset(l, 0, sizeof *l);
    l->s = *s;
    OK(kn_device_open(&l->dev, &opt));
    OK(kn_queue_create(&l->q, l->dev));
    kn_arena_measure(&measure, l->dev);
    lay_out(l, &measure);
    OK(kn_arena_create(&l->arena, l->dev, measure.high));
    lay_out(l, &l->arena);
    OK(kn_arena_check(&l->arena, "test"));
    OK(random_fill(l->q, l->conv_w, &rng, 0.5f, 0.0f));
    OK(random_fill(l->q, l->conv_b, &rng, 0.2f, 0.0f));
    OK(random_fill(l->q, l->a, &rng, 0.2f, -2.0f));
    OK(random_fill(l->q, l->d, &rng, 0.5f, 1.0f));
    OK(random_fill(l->q, l->dt_bias, &rng, 0.5f, -2.0f));
}

static void layers_close(layers *l)
{
    kn_arena_free(&l->arena);
    kn_queue_free(l->q);
    kn_device_close(l->dev);
}

/* Rows 0 .. n - 1. */
static mlm_status step(layers *l, int layer, int64_t n, bool late)
{
    const shape     *s = &l->s;
    int64_t          I = inner(s), C = channels(s);
    kn_tensor        in = kn_slice(l->in, 0, 0, n), xbc = kn_slice(l->xbc, 0, 0, n);
    kn_conv1d_args   conv  = {.x     = kn_slice(in, 2, I, C),
                              .w     = l->conv_w,
                              .bias  = l->conv_b,
                              .state = kn_slice(kn_row(l->conv, layer), 0, 0, n),
                              .y     = xbc};
    kn_ssd_step_args ssd   = {.x        = kn_slice(xbc, 2, 0, I),
                              .b        = kn_slice(xbc, 2, I, s->N),
                              .c        = kn_slice(xbc, 2, I + s->N, s->N),
                              .dt       = kn_slice(in, 2, I + C, s->H),
                              .a        = l->a,
                              .d        = l->d,
                              .dt_bias  = l->dt_bias,
                              .state    = kn_slice(kn_row(l->ssm, layer), 0, 0, n),
                              .y        = kn_slice(l->out, 0, 0, n),
                              .n_heads  = (int)s->H,
                              .n_groups = 1,
                              .dt_min   = 0.001f};
    bool             gated = false;
    if (late)
        ssd.late = kn_slice(kn_row(l->late, layer), 0, 0, n);
    return kn_conv_ssd_step(l->q, &conv, &ssd, kn_slice(in, 2, 0, I), &gated);
}

static mlm_status settle(layers *l, int64_t first, int64_t n, bool drop)
{
    return kn_settle(l->q, &(kn_settle_args){.state = kn_slice(l->ssm, 1, first, n),
                                             .late  = kn_slice(l->late, 1, first, n),
                                             .drop  = drop});
}

/* Outputs of all tokens and layers, then the states.  In the middle some rows are settled, some rows go on alone, one is dropped. */
static float *run(layers *l, bool late, int64_t *n)
{
    const shape *s = &l->s;
    size_t       I = (size_t)(inner(s) * s->B), C = (size_t)(LAYERS * 3 * channels(s) * s->B),
           S    = LAYERS * I * (size_t)s->N;
    float  *all = calloc(TOKENS * LAYERS * I + C + S, sizeof *all), *to = all;
    int64_t most = s->B / 2 + 1, half = (s->B + 1) / 2;
    mlm_rng rng = mlm_rng_seed(7, 8);
    assert_non_null(all);
    OK(kn_zero(l->q, l->late));
    for (int64_t i = 0; i < LAYERS; i++) {
        kn_tensor flat =
            kn_tensor_make(l->ssm.buf, l->ssm.offset, s->state, 2, KN_DIMS(LAYERS * s->B, inner(s) * s->N));
        OK(random_fill(l->q, kn_row(l->conv, i), &rng, 1.0f, 0.0f));
        if (i == 0) {
            OK(random_fill(l->q, l->wide, &rng, 0.5f, 0.0f));
            OK(kn_copy(l->q, &(kn_copy_args){l->wide, flat}));
        }
    }
    for (int t = 0; t < TOKENS; t++)
        for (int i = 0; i < LAYERS; i++, to += I) {
            int64_t rows = t == 5 ? half : s->B;
            OK(random_fill(l->q, l->in, &rng, 1.0f, 0.0f));
            OK(step(l, i, rows, late));
            OK(kn_download(l->q, to, kn_slice(l->out, 0, 0, rows),
                           I / (size_t)s->B * (size_t)rows * sizeof *to));
            if (late && t == 3 && i == LAYERS - 1)
                OK(settle(l, s->B - most, most,
                          false));           /* the last rows; they have other counts from here on */
            if (t == 6 && i == LAYERS - 1) { /* a row begins anew */
                for (int k = 0; k < LAYERS; k++)
                    OK(kn_zero(l->q, kn_slice(kn_row(l->ssm, k), 0, 1, 1)));
                if (late)
                    OK(settle(l, 1, 1, true));
            }
        }
    if (late)
        OK(settle(l, 0, s->B, false));
    OK(kn_download(l->q, to, l->conv, C * sizeof *to));
    kn_tensor flat =
        kn_tensor_make(l->ssm.buf, l->ssm.offset, s->state, 2, KN_DIMS(LAYERS * s->B, inner(s) * s->N));
    OK(kn_copy(l->q, &(kn_copy_args){flat, l->wide}));
    OK(kn_download(l->q, to + C, l->wide, S * sizeof *to));
    *n = (int64_t)(TOKENS * LAYERS * I + C + S);
    return all;
}

static const shape g_shapes[] = {
    {8, 16, 16, 3, 1, KN_F32},     {8, 16, 72, 3, 3, KN_BF16},   {41, 16, 72, 4, 2, KN_F32},
    {704, 64, 8, 3, 2, KN_F32},    {704, 64, 8, 3, 1, KN_BF16}, /* many heads: long blocks */
    {80, 64, 128, 16, 1, KN_F32},  {80, 64, 128, 32, 1, KN_F32}, {80, 64, 128, 32, 1, KN_BF16},
    {80, 64, 128, 32, 3, KN_BF16}, {80, 64, 128, 33, 2, KN_F32}, {80, 128, 64, 30, 3, KN_F32},
    {80, 64, 64, 54, 2, KN_BF16},
};

static void test_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < (g_small ? 5 : sizeof g_shapes / sizeof *g_shapes); i++) {
        const shape *s = &g_shapes[i];
        layers       l;
        int64_t      n = 0;
        if (strncmp(g_device, "cuda", 4) != 0)
            continue;
        layers_open(&l, g_device, s);
        assert_true(kn_can_write_late(l.dev, s->H, s->P, s->N));
        float *want = run(&l, false, &n), *got = run(&l, true, &n), *again = run(&l, true, &n);
        if (memcmp(want, got, (size_t)n * sizeof *got) != 0 ||
            memcmp(got, again, (size_t)n * sizeof *got) != 0) {
            fprintf(stderr, "shape %zu: other bits than written every time%s\n", i,
                    memcmp(got, again, (size_t)n * sizeof *got) ? ", and from run to run" : "");
            assert_true(tensor_close("late", want, got, n, -1.0));
        }
        free(want);
        free(got);
        free(again);
        layers_close(&l);
    }
}

/* What late changes is seen: a state that was put off is not the one that was written. */
static void test_is_late(void **state)
{
    shape   s = {80, 64, 128, 32, 1, KN_F32};
    layers  l;
    mlm_rng rng = mlm_rng_seed(9, 9);
    (void)state;
    layers_open(&l, g_device, &s);
    size_t n    = (size_t)(inner(&s) * s.N);
    float *once = malloc(n * sizeof *once), count = -1.0f;
    assert_non_null(once);
    OK(random_fill(l.q, l.in, &rng, 1.0f, 0.0f));
    if (strncmp(g_device, "cuda", 4) != 0) {
        assert_false(kn_can_write_late(l.dev, s.H, s.P, s.N));
        assert_int_equal(step(&l, 0, s.B, true), MLM_E_UNSUPPORTED);
        assert_int_equal(settle(&l, 0, s.B, false), MLM_E_UNSUPPORTED);
    } else {
        for (int t = 0; t < 2; t++) {
            OK(step(&l, 0, s.B, true));
            OK(kn_download(l.q, once, kn_slice(kn_row(l.ssm, 0), 0, 0, 1), n * sizeof *once));
            OK(kn_download(l.q, &count, kn_slice(kn_slice(kn_row(l.late, 0), 0, 0, 1), 1, 0, 1),
                           sizeof count));
            assert_true(t == 0 ? once[0] == 0.0f && count == 1.0f : once[0] != 0.0f && count == 0.0f);
        }
        l.late = kn_slice(l.late, 2, 0, l.late.dim[2] - 4);
        assert_int_equal(step(&l, 0, s.B, true), MLM_E_SHAPE);
    }
    free(once);
    layers_close(&l);
}

/* Blocks take one head, a part of one or two, by the size of a batch: a row has the same bits in all. */
static void test_rows_alone(void **state)
{
    static const int64_t batch[] = {3, 30, 54};
    (void)state;
    for (int k = 0; k < 2; k++) {
        shape  s = {80, 64, 64, 54, 1, k ? KN_BF16 : KN_F32};
        layers l;
        if (strncmp(g_device, "cuda", 4) != 0)
            return;
        layers_open(&l, g_device, &s);
        size_t n = (size_t)inner(&s) * 3, bytes = n * sizeof(float);
        float *want = malloc(bytes), *got = malloc(bytes);
        assert_true(want && got);
        for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
            mlm_rng rng = mlm_rng_seed(3, 4);
            OK(kn_zero(l.q, l.conv));
            OK(kn_zero(l.q, l.ssm));
            for (int t = 0; t < 3; t++) {
                OK(random_fill(l.q, l.in, &rng, 1.0f, 0.0f));
                OK(step(&l, 0, batch[i], false));
            }
            OK(kn_download(l.q, i == 0 ? want : got, kn_slice(l.out, 0, 0, 3), bytes));
            if (i > 0)
                assert_memory_equal(want, got, bytes);
        }
        free(want);
        free(got);
        layers_close(&l);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_is_late),
                                       cmocka_unit_test(test_rows_alone)};
    const struct CMUnitTest small[] = {cmocka_unit_test(test_same_bits)};
    if (argc > 2 && strcmp(argv[1], "--device") == 0)
        g_device = argv[2];
    g_small = argc > 3 && strcmp(argv[3], "small") == 0;
    if (strncmp(g_device, "cuda", 4) == 0) {
        kn_device *dev = NULL;
        if (kn_device_open(&dev, &(kn_device_options){.name = "cuda"}) != MLM_OK) {
            fprintf(stderr, "skipped: %s\n", mlm_error_message());
            return 77;
        }
        kn_device_close(dev);
    }
    return g_small ? cmocka_run_group_tests_name("small", small, NULL, NULL)
                   : cmocka_run_group_tests(tests, NULL, NULL);
}
