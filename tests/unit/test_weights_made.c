/* test_weights_made.c: weights that are made up hold what the loader asks for, are finite, and are the same every time. */
#include "kernels/weights.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 700
#define IN   96

static kn_device *dev;

/* What a small loader wants: two matrices as one product, a vector in two parts, vectors of every kind. */
static mlm_status list(kn_weights *w, void *payload)
{
    float                   *host      = payload;
    kn_matrix               *m         = NULL;
    kn_weights_part          parts[2]  = {{"a.weight", ROWS}, {"b.weight", 7}};
    static const char *const vectors[] = {"norm.weight", "mixer.dt_bias", "mixer.A_log", "mixer.D",
                                          "mixer.conv1d.bias"};
    MLM_TRY(kn_weights_matrix(&m, w, dev, parts, 2, IN));
    assert_null(m);
    MLM_TRY(kn_weights_host_f32(w, host, "table", 0, 4, 12));
    MLM_TRY(kn_weights_host_f32(w, host, "table", 4, 8, 12));
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        MLM_TRY(kn_weights_host_f32(w, host, vectors[i], 0, 12, 0));
    return MLM_OK;
}

static kn_weights *make(mlm_st_dtype dtype, uint64_t seed)
{
    float       host[12];
    kn_weights *w = NULL;
    if (kn_weights_make(&w, "made", dtype, seed, list, host) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    return w;
}

static void holds_what_was_asked(void **state)
{
    int64_t     dim[8];
    kn_weights *w = make(MLM_ST_BF16, 1);
    (void)state;
    assert_int_equal(kn_weights_count(w), 8);
    assert_int_equal(kn_weights_parameters(w), (ROWS + 7) * IN + 12 + 5 * 12);
    assert_int_equal(kn_weights_shape(w, "a.weight", dim), 2);
    assert_int_equal(dim[0], ROWS);
    assert_int_equal(dim[1], IN);
    assert_int_equal(kn_weights_shape(w, "table", dim), 1);
    assert_int_equal(dim[0], 12);
    assert_int_equal(kn_weights_unused(w, NULL, 0), 8);
    kn_weights_close(w);
}

static void takes_the_range_of_its_kind(void **state)
{
    kn_weights *w = make(MLM_ST_F32, 1);
    float       v[12];
    (void)state;
    assert_int_equal(kn_weights_host_f32(w, v, "norm.weight", 0, 12, 0), MLM_OK);
    for (int i = 0; i < 12; i++)
        assert_true(v[i] > 0.85f && v[i] < 1.15f);
    assert_int_equal(kn_weights_host_f32(w, v, "mixer.dt_bias", 0, 12, 0), MLM_OK);
    for (int i = 0; i < 12; i++) {
        float dt = log1pf(expf(v[i]));
        assert_true(dt > 0.0009f && dt < 0.101f);
    }
    assert_int_equal(kn_weights_host_f32(w, v, "mixer.A_log", 0, 12, 0), MLM_OK);
    for (int i = 0; i < 12; i++)
        assert_true(v[i] >= 0.0f && v[i] <= logf(16.0f));
    kn_weights_close(w);
}

/* The matrix as numbers: variance near 1 / IN, no row like another. */
static void is_an_initialised_matrix(void **state)
{
    kn_weights *w   = make(MLM_ST_F32, 1);
    float      *v   = malloc(sizeof *v * ROWS * IN);
    double      sum = 0.0, mean = 0.0;
    int         same = 0;
    (void)state;
    assert_non_null(v);
    assert_int_equal(kn_weights_host_f32(w, v, "a.weight", 0, ROWS * IN, 0), MLM_OK);
    for (int i = 0; i < ROWS * IN; i++) {
        sum += (double)v[i] * (double)v[i];
        mean += (double)v[i];
    }
    for (int r = 1; r < ROWS; r++)
        same += memcmp(v, v + (size_t)r * IN, IN * sizeof *v) == 0;
    assert_int_equal(same, 0);
    assert_true(fabs(mean / (ROWS * IN)) < 0.005);
    assert_true(sum / ROWS > 0.5 &&
                sum / ROWS < 2.0); /* of IN weights: a power of two is as near as it gets */
    free(v);
    kn_weights_close(w);
}

static void is_the_same_every_time(void **state)
{
    static const mlm_st_dtype types[] = {MLM_ST_F32, MLM_ST_BF16, MLM_ST_I8};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        kn_weights          *a = make(types[k], 1), *b = make(types[k], 1), *c = make(types[k], 2);
        const mlm_st_tensor *t     = kn_weights_find(a, "a.weight");
        size_t               bytes = (size_t)t->bytes, half = bytes / 2 / 64 * 64;
        char                *x = malloc(bytes), *y = malloc(bytes), *z = malloc(bytes);
        uint64_t             fa = 0, fb = 0;
        assert_true(x && y && z);
        assert_int_equal(kn_weights_read(a, t, x, 0, bytes), MLM_OK);
        t = kn_weights_find(b, "a.weight");
        assert_int_equal(kn_weights_read(b, t, y + half, half, bytes - half), MLM_OK);
        assert_int_equal(kn_weights_read(b, t, y, 0, half), MLM_OK);
        assert_int_equal(kn_weights_read(c, kn_weights_find(c, "a.weight"), z, 0, bytes), MLM_OK);
        assert_memory_equal(x, y, bytes);
        assert_true(memcmp(x, z, bytes) != 0);
        assert_int_equal(kn_weights_has(a, "a.weight_scale"), types[k] == MLM_ST_I8);
        assert_int_equal(kn_weights_fingerprint(&fa, a), MLM_OK);
        assert_int_equal(kn_weights_fingerprint(&fb, b), MLM_OK);
        assert_true(fa == fb);
        free(x);
        free(y);
        free(z);
        kn_weights_close(a);
        kn_weights_close(b);
        kn_weights_close(c);
    }
}

static void loads_like_files(void **state)
{
    kn_weights     *w        = make(MLM_ST_I8, 1);
    kn_matrix      *m        = NULL;
    kn_weights_part parts[2] = {{"a.weight", ROWS}, {"b.weight", 7}}, wrong = {"a.weight", ROWS + 1};
    (void)state;
    assert_int_equal(kn_weights_matrix(&m, w, dev, parts, 2, IN), MLM_OK);
    assert_int_equal(kn_matrix_out(m), ROWS + 7);
    kn_matrix_free(m);
    assert_int_equal(kn_weights_matrix(&m, w, dev, &wrong, 1, IN), MLM_E_SHAPE);
    kn_weights_close(w);
    assert_int_equal(kn_weights_make(&w, "made", MLM_ST_I32, 1, list, NULL), MLM_E_DTYPE);
}

static void survives_any_failed_allocation(void **state)
{
    float host[12];
    (void)state;
    if (!alloc_fail_works())
        skip();
    for (long at = 1;; at++) {
        kn_weights *w      = NULL;
        long        before = alloc_fail_live();
        alloc_fail_at(at, ALLOC_FAIL_ONCE);
        mlm_status status  = kn_weights_make(&w, "made", MLM_ST_I8, 1, list, host);
        bool       reached = alloc_fail_stop();
        assert_int_equal(status, reached ? MLM_E_NOMEM : MLM_OK);
        kn_weights_close(w);
        assert_int_equal(alloc_fail_live(), before);
        if (!reached)
            break;
    }
}

int main(void)
{
    const kn_device_options opt     = {.name = "ref"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_asked),     cmocka_unit_test(takes_the_range_of_its_kind),
        cmocka_unit_test(is_an_initialised_matrix), cmocka_unit_test(is_the_same_every_time),
        cmocka_unit_test(loads_like_files),         cmocka_unit_test(survives_any_failed_allocation)};
    if (kn_device_open(&dev, &opt) != MLM_OK)
        return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    kn_device_close(dev);
    return rc;
}
