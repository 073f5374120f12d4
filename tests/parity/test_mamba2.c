/*
 * test_mamba2.c: algebra of the mixer, which needs no reference data.
 *   prefill(T) = T steps, split anywhere    bitwise on ref, to 1e-5 on cpu
 *   padded = unpadded, row alone = in batch bitwise on both
 *   scan orders: identity, reversal, equal directions, cpu against ref
 */
#include "kernels/base/mlm_rng.h"
#include "kernels/mamba2.h"
#include "tests/support/tensor_compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_B   3
#define MAX_T   80
#define D_MODEL 40

typedef struct mixer {
    const char    *device;
    double         bound; /* of what need not be bitwise; 0 = bitwise */
    double         alone; /* a row alone against the row in a batch: other kernels on a GPU */
    kn_device     *dev;
    kn_queue      *q;
    kn_arena       arena;
    mamba2_config  config;
    mamba2_weights weights;
    kn_matrix     *in_proj, *out_proj;
    mamba2_scratch scratch;
    kn_tensor      x, y, conv_state, ssm_state, len, order[MAMBA2_MAX_DIRECTIONS];
    float          host_x[MAX_B * MAX_T * D_MODEL], host_y[MAX_B * MAX_T * D_MODEL];
} mixer;

#define OK(call) assert_int_equal((call), MLM_OK)

/* ---- set-up -------------------------------------------------------------------------------------- */

static void upload_random(mixer *m, kn_tensor t, mlm_rng *rng, float scale, float shift)
{
    int64_t n = kn_count(t);
    float  *v = malloc((size_t)n * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = scale * mlm_rng_normal(rng) + shift;
    OK(kn_upload(m->q, t, v, (size_t)n * sizeof *v));
    free(v);
}

static kn_matrix *random_matrix(mixer *m, int64_t out, int64_t in, mlm_rng *rng)
{
    float     *w   = malloc((size_t)(out * in) * sizeof *w);
    kn_matrix *mat = NULL;
    assert_non_null(w);
    for (int64_t i = 0; i < out * in; i++)
        w[i] = mlm_rng_normal(rng) / sqrtf((float)in);
    OK(kn_matrix_create(&mat, m->dev, &(kn_matrix_part){.data = w, .dtype = KN_F32, .out = out, .in = in},
                        1));
    free(w);
    return mat;
}

static void lay_out(mixer *m, kn_arena *a)
{
    const mamba2_config *c = &m->config;
    int64_t              C = mamba2_conv_channels(c), H = c->n_heads;
    mamba2_config        most = *c; /* room for both ways to merge: the tests change it */
    most.merge                = MAMBA2_MEAN_OF_NORMED;
    mamba2_scratch_take(&m->scratch, a, &most, MAX_B, MAX_T);
    m->scratch.norm_in_f = true;
    m->weights.norm      = kn_arena_take(a, KN_F32, 1, KN_DIMS(c->d_inner));
    for (int k = 0; k < MAMBA2_MAX_DIRECTIONS; k++) {
        m->weights.dir[k].conv_w  = kn_arena_take(a, KN_F32, 2, KN_DIMS(C, c->conv_kernel));
        m->weights.dir[k].conv_b  = kn_arena_take(a, KN_F32, 1, KN_DIMS(C));
        m->weights.dir[k].a       = kn_arena_take(a, KN_F32, 1, KN_DIMS(H));
        m->weights.dir[k].d       = kn_arena_take(a, KN_F32, 1, KN_DIMS(H));
        m->weights.dir[k].dt_bias = kn_arena_take(a, KN_F32, 1, KN_DIMS(H));
        m->order[k]               = kn_arena_take(a, KN_I32, 1, KN_DIMS(MAX_T));
    }
    m->x          = kn_arena_take(a, KN_F32, 3, KN_DIMS(MAX_B, MAX_T, D_MODEL));
    m->y          = kn_arena_take(a, KN_F32, 3, KN_DIMS(MAX_B, MAX_T, D_MODEL));
    m->conv_state = kn_arena_take(a, KN_F32, 3, KN_DIMS(MAX_B, c->conv_kernel - 1, C));
    m->ssm_state  = kn_arena_take(a, KN_F32, 4, KN_DIMS(MAX_B, H, c->head_dim, c->d_state));
    m->len        = kn_arena_take(a, KN_I32, 1, KN_DIMS(MAX_B));
}

static void fill(mixer *m)
{
    mlm_rng rng = mlm_rng_seed(11, 4);
    upload_random(m, m->weights.norm, &rng, 0.2f, 1.0f);
    for (int k = 0; k < MAMBA2_MAX_DIRECTIONS; k++) {
        upload_random(m, m->weights.dir[k].conv_w, &rng, 0.5f, 0.0f);
        upload_random(m, m->weights.dir[k].conv_b, &rng, 0.2f, 0.0f);
        upload_random(m, m->weights.dir[k].a, &rng, 0.2f, -2.0f);
        upload_random(m, m->weights.dir[k].d, &rng, 0.5f, 1.0f);
        upload_random(m, m->weights.dir[k].dt_bias, &rng, 0.5f, -2.0f);
    }
    for (size_t i = 0; i < sizeof m->host_x / sizeof *m->host_x; i++)
        m->host_x[i] = mlm_rng_normal(&rng);
    OK(kn_upload(m->q, m->x, m->host_x, sizeof m->host_x));
    m->in_proj          = random_matrix(m, mamba2_in_rows(&m->config), D_MODEL, &rng);
    m->out_proj         = random_matrix(m, D_MODEL, m->config.d_inner, &rng);
    m->weights.in_proj  = m->in_proj;
    m->weights.out_proj = m->out_proj;
}

static mixer *mixer_open_groups(const char *device, int n_threads, int n_groups)
{
    mixer *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->device = device;
    m->bound  = strcmp(device, "ref") == 0 ? 0.0 : 1e-5;
    m->alone  = strcmp(device, "cuda") == 0 ? 1e-5 : 0.0;
    m->config = (mamba2_config){.d_model      = D_MODEL,
                                .d_inner      = 64,
                                .n_heads      = 4,
                                .head_dim     = 16,
                                .d_state      = 24,
                                .n_groups     = n_groups,
                                .conv_kernel  = 4,
                                .n_directions = 1,
                                .norm_eps     = 1e-5f};
    OK(mamba2_config_check(&m->config, "test"));
    OK(kn_device_open(&m->dev, &(kn_device_options){.name = device, .n_threads = n_threads}));
    OK(kn_queue_create(&m->q, m->dev));
    kn_arena measure;
    kn_arena_measure(&measure, m->dev);
    lay_out(m, &measure);
    OK(kn_arena_create(&m->arena, m->dev, measure.high));
    lay_out(m, &m->arena);
    OK(kn_arena_check(&m->arena, "test"));
    fill(m);
    return m;
}

static mixer *mixer_open(const char *device, int n_threads)
{
    return mixer_open_groups(device, n_threads, 2);
}

static void mixer_close(mixer *m)
{
    kn_matrix_free(m->in_proj);
    kn_matrix_free(m->out_proj);
    kn_arena_free(&m->arena);
    kn_queue_free(m->q);
    kn_device_close(m->dev);
    free(m);
}

/* ---- running ------------------------------------------------------------------------------------- */

/* Rows [b, b + n_b), tokens [from, from + n) of x into the same place of y, going on from the state. */
static mlm_status forward(mixer *m, int64_t b, int64_t n_b, int64_t from, int64_t n, bool with_len)
{
    mamba2_args a = {.config = &m->config, .weights = &m->weights, .scratch = &m->scratch};
    a.x           = kn_slice(kn_slice(m->x, 0, b, n_b), 1, from, n);
    a.y           = kn_slice(kn_slice(m->y, 0, b, n_b), 1, from, n);
    a.residual    = a.x;
    a.conv_state  = kn_slice(m->conv_state, 0, b, n_b);
    a.ssm_state   = kn_slice(m->ssm_state, 0, b, n_b);
    if (with_len)
        a.len = kn_slice(m->len, 0, b, n_b);
    return mamba2_forward(m->q, &a);
}

static void reset(mixer *m)
{
    OK(kn_zero(m->q, m->y));
    OK(kn_zero(m->q, m->conv_state));
    OK(kn_zero(m->q, m->ssm_state));
}

/* Everything that a call leaves for one row: y of its first n tokens, and both states. */
typedef struct outcome {
    float  *v;
    int64_t n;
} outcome;

static outcome take(mixer *m, int64_t b, int64_t n_tokens)
{
    kn_tensor part[3] = {kn_slice(kn_row(m->y, b), 0, 0, n_tokens), kn_row(m->conv_state, b),
                         kn_row(m->ssm_state, b)};
    outcome   o       = {NULL, 0};
    for (int i = 0; i < 3; i++)
        o.n += kn_count(part[i]);
    o.v = malloc((size_t)o.n * sizeof *o.v);
    assert_non_null(o.v);
    float *at = o.v;
    for (int i = 0; i < 3; i++) {
        OK(kn_download(m->q, at, part[i], (size_t)kn_count(part[i]) * sizeof *at));
        at += kn_count(part[i]);
    }
    return o;
}

static void expect_same(const char *what, outcome want, outcome got, double bound)
{
    assert_int_equal(want.n, got.n);
    double sum = 0.0;
    for (int64_t i = 0; i < want.n; i++)
        sum += fabs((double)want.v[i]);
    assert_true(isfinite(sum) && sum > 0.0);
    if (bound > 0.0)
        assert_true(tensor_close(what, want.v, got.v, want.n, bound));
    else if (memcmp(want.v, got.v, (size_t)want.n * sizeof *want.v) != 0)
        assert_true(tensor_close(what, want.v, got.v, want.n, -1.0)); /* says where */
    free(got.v);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void check_steps(mixer *m)
{
    reset(m);
    OK(forward(m, 0, 1, 0, MAX_T, false));
    outcome whole = take(m, 0, MAX_T);
    reset(m);
    for (int64_t t = 0; t < MAX_T; t++)
        OK(forward(m, 0, 1, t, 1, false));
    expect_same("prefill against steps", whole, take(m, 0, MAX_T), m->bound);
    free(whole.v);
}

static void check_splits(mixer *m)
{
    static const int64_t at[] = {1, 2, 3, 4, 17, 33, 63, 64, 65, MAX_T - 2, MAX_T - 1};
    reset(m);
    OK(forward(m, 0, 2, 0, MAX_T, false));
    outcome whole = take(m, 1, MAX_T);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        reset(m);
        OK(forward(m, 0, 2, 0, at[i], false));
        OK(forward(m, 0, 2, at[i], MAX_T - at[i], false));
        expect_same("prefill against its two parts", whole, take(m, 1, MAX_T), m->bound);
    }
    free(whole.v);
}

static void check_padding(mixer *m)
{
    static const int32_t len[] = {50, 1, 66};
    OK(kn_upload(m->q, m->len, len, sizeof len));
    for (int64_t b = 0; b < MAX_B; b++) {
        reset(m);
        OK(forward(m, b, 1, 0, len[b], false));
        outcome bare = take(m, b, len[b]);
        reset(m);
        OK(forward(m, b, 1, 0, MAX_T, true));
        expect_same("padded against unpadded", bare, take(m, b, len[b]), m->alone);
        reset(m);
        OK(forward(m, 0, MAX_B, 0, MAX_T, true));
        expect_same("row in a batch against the row alone", bare, take(m, b, len[b]), m->alone);
        free(bare.v);
    }
}

static void check_empty_row(mixer *m)
{
    static const int32_t len[] = {5, 0, 7};
    mlm_rng              rng   = mlm_rng_seed(3, 3);
    OK(kn_upload(m->q, m->len, len, sizeof len));
    reset(m);
    upload_random(m, m->conv_state, &rng, 1.0f, 0.0f);
    upload_random(m, m->ssm_state, &rng, 1.0f, 0.0f);
    outcome before = take(m, 1, 0);
    OK(forward(m, 0, MAX_B, 0, 9, true));
    expect_same("state of a row without tokens", before, take(m, 1, 0), 0.0);
    free(before.v);
}

static void test_state_ref(void **state)
{
    (void)state;
    mixer *m = mixer_open("ref", 0);
    check_steps(m);
    check_splits(m);
    check_padding(m);
    check_empty_row(m);
    mixer_close(m);
}

static void test_state_cpu(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        mixer *m = mixer_open("cpu", n);
        check_steps(m);
        check_splits(m);
        check_padding(m);
        check_empty_row(m);
        mixer_close(m);
    }
}

/* One group: the backend's fused step, where it has one; two: op by op. */
static void test_state_cuda(void **state)
{
    (void)state;
    for (int groups = 1; groups <= 2; groups++) {
        mixer *m = mixer_open_groups("cuda", 0, groups), *ref = mixer_open_groups("ref", 0, groups);
        check_steps(m);
        check_splits(m);
        check_padding(m);
        check_empty_row(m);
        check_steps(ref);
        check_steps(m);
        outcome want = take(ref, 0, MAX_T);
        expect_same("steps, cuda against ref", want, take(m, 0, MAX_T), 1e-5);
        free(want.v);
        mixer_close(m);
        mixer_close(ref);
    }
}

/* ---- several directions -------------------------------------------------------------------------- */

/* Order k of the test: identity, reversed, every third token first, its reverse. */
static void set_orders(mixer *m, const int *kinds, int n)
{
    int32_t order[MAX_T];
    for (int k = 0; k < n; k++) {
        int32_t at = 0;
        for (int32_t first = 0; first < 3; first++)
            for (int32_t i = first; i < MAX_T; i += 3)
                order[at++] = i;
        for (int32_t i = 0; i < MAX_T; i++)
            if (kinds[k] < 2)
                order[i] = kinds[k] == 0 ? i : MAX_T - 1 - i;
        for (int32_t i = 0; kinds[k] == 3 && i < MAX_T / 2; i++) {
            int32_t other        = order[MAX_T - 1 - i];
            order[MAX_T - 1 - i] = order[i];
            order[i]             = other;
        }
        OK(kn_upload(m->q, m->order[k], order, sizeof order));
    }
    m->config.n_directions = n;
}

/* All tokens of MAX_B rows without state; fills host_y. */
static void scan_orders(mixer *m, bool with_order)
{
    mamba2_args a = {
        .config = &m->config, .weights = &m->weights, .scratch = &m->scratch, .x = m->x, .y = m->y};
    for (int k = 0; with_order && k < m->config.n_directions; k++)
        a.order[k] = m->order[k];
    OK(mamba2_forward(m->q, &a));
    OK(kn_download(m->q, m->host_y, m->y, sizeof m->host_y));
}

#define N_Y (MAX_B * MAX_T * D_MODEL)

static float *copy_of(const float *v)
{
    float *w = malloc(N_Y * sizeof *w);
    assert_non_null(w);
    memcpy(w, v, N_Y * sizeof *w);
    return w;
}

static void check_orders(mixer *m)
{
    scan_orders(m, false);
    float *plain = copy_of(m->host_y);
    set_orders(m, (const int[]){0}, 1);
    scan_orders(m, true);
    assert_memory_equal(plain, m->host_y, sizeof m->host_y);

    /* Reversed order on reversed tokens gives the reversed result. */
    float *turned = copy_of(m->host_x);
    for (int64_t row = 0; row < MAX_B * MAX_T; row++) {
        int64_t to = row / MAX_T * MAX_T + (MAX_T - 1 - row % MAX_T);
        memcpy(turned + to * D_MODEL, m->host_x + row * D_MODEL, D_MODEL * sizeof *turned);
    }
    OK(kn_upload(m->q, m->x, turned, sizeof m->host_x));
    set_orders(m, (const int[]){1}, 1);
    scan_orders(m, true);
    OK(kn_upload(m->q, m->x, m->host_x, sizeof m->host_x));
    for (int64_t row = 0; row < MAX_B * MAX_T; row++) {
        int64_t to = row / MAX_T * MAX_T + (MAX_T - 1 - row % MAX_T);
        assert_memory_equal(m->host_y + to * D_MODEL, plain + row * D_MODEL, D_MODEL * sizeof *plain);
    }

    /* Two equal directions: their mean after the norm is the one direction. */
    m->weights.dir[1] = m->weights.dir[0];
    m->config.merge   = MAMBA2_MEAN_OF_NORMED;
    set_orders(m, (const int[]){0, 0}, 2);
    scan_orders(m, true);
    assert_true(tensor_close("mean of two equal directions", plain, m->host_y, N_Y, 2e-6));
    free(plain);
    free(turned);
}

static void test_orders_ref(void **state)
{
    (void)state;
    mixer *m = mixer_open("ref", 0);
    check_orders(m);
    mixer_close(m);
}

static void test_orders_cpu(void **state)
{
    (void)state;
    mixer *m = mixer_open("cpu", 2);
    check_orders(m);
    mixer_close(m);
}

static void test_directions_cpu_against_ref(void **state)
{
    (void)state;
    mixer *ref = mixer_open("ref", 0), *cpu = mixer_open("cpu", 2);
    for (int merge = 0; merge < 2; merge++)
        for (int n = 1; n <= MAMBA2_MAX_DIRECTIONS; n++) {
            ref->config.merge = cpu->config.merge = (mamba2_merge)merge;
            set_orders(ref, (const int[]){0, 1, 2, 3}, n);
            set_orders(cpu, (const int[]){0, 1, 2, 3}, n);
            scan_orders(ref, true);
            scan_orders(cpu, true);
            assert_true(tensor_close("directions, cpu against ref", ref->host_y, cpu->host_y, N_Y, 1e-5));
        }
    mixer_close(ref);
    mixer_close(cpu);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

static void test_refusals(void **state)
{
    (void)state;
    mixer *m            = mixer_open("ref", 0);
    m->scratch.f.dim[1] = 2;
    assert_int_equal(forward(m, 0, 1, 0, 50, false), MLM_E_SHAPE);
    m->scratch.f.dim[1]    = MAX_T;
    m->config.n_directions = 2;
    assert_int_equal(forward(m, 0, 1, 0, 50, false), MLM_E_SHAPE);
    m->config.n_directions = 1;
    OK(forward(m, 0, 1, 0, 50, false));
    const mamba2_config good = m->config;
#define REFUSE(field, value)                                                                                 \
    do {                                                                                                     \
        mamba2_config c = good;                                                                              \
        c.field         = value;                                                                             \
        assert_int_equal(mamba2_config_check(&c, "config.json"), MLM_E_CONFIG);                              \
        assert_non_null(strstr(mlm_error_message(), "config.json"));                                         \
    } while (0)
    REFUSE(d_model, 0);
    REFUSE(head_dim, 15);
    REFUSE(n_groups, 3);
    REFUSE(d_state, 100000);
    REFUSE(conv_kernel, 9);
    REFUSE(n_directions, 5);
    REFUSE(norm_eps, -1.0f);
    REFUSE(dt_max, -1.0f);
    mixer_close(m);
}

static int run_cuda(void)
{
    kn_device *dev = NULL;
    if (kn_device_open(&dev, &(kn_device_options){.name = "cuda"}) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return 77;
    }
    kn_device_close(dev);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_state_cuda)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--device") == 0 && strcmp(argv[2], "cuda") == 0)
        return run_cuda();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_ref),
        cmocka_unit_test(test_state_cpu),
        cmocka_unit_test(test_orders_ref),
        cmocka_unit_test(test_orders_cpu),
        cmocka_unit_test(test_directions_cpu_against_ref),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
