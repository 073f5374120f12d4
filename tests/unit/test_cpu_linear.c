/*
 * test_cpu_linear.c: the product of the cpu backend: a row has the same bits alone, among few and among many
 * rows, on one thread and on three, with AVX2 and with AVX-512; and the values are right (against ref).
 */
#include "cpu_support.h"

#include <math.h>

#define ROWS 131
#define IN   600 /* three blocks of inputs, the last one short */
#define OUT  211 /* a panel with a tail                        */

static const kn_dtype dtypes[] = {KN_F32, KN_BF16, KN_F16, KN_I8};

typedef struct product {
    float y[ROWS * OUT];
} product;

/* Rows r0 .. r0+n-1 of one fixed problem. */
static void run_rows(cpu_rig *r, kn_tensor x, const kn_matrix *w, kn_tensor bias, kn_tensor res, kn_tensor y,
                     int64_t r0, int64_t n)
{
    kn_linear_args a = {.x        = kn_slice(x, 0, r0, n),
                        .w        = w,
                        .bias     = bias,
                        .gamma    = bias,
                        .residual = kn_slice(res, 0, r0, n),
                        .y        = kn_slice(y, 0, r0, n),
                        .act      = KN_ACT_GELU_ERF};
    assert_int_equal(kn_linear(r->q, &a), MLM_OK);
}

/* False: no such instruction set here.  All rows at once, in calls of `step` rows. */
static bool run_product(product *p, const char *device, const char *isa, int n_threads, kn_dtype dtype,
                        int64_t step)
{
    cpu_rig r;
    if (!rig_open(&r, device, isa, n_threads))
        return false;
    kn_tensor  x    = rig_random(&r, 2, KN_DIMS(ROWS, IN), 1.0f);
    kn_tensor  bias = rig_random(&r, 1, KN_DIMS(OUT), 1.0f);
    kn_tensor  res  = rig_random(&r, 2, KN_DIMS(ROWS, OUT), 1.0f);
    kn_tensor  y    = rig_tensor(&r, 2, KN_DIMS(ROWS, OUT));
    kn_matrix *w    = rig_matrix(&r, OUT, IN, dtype);
    for (int64_t i = 0; i < ROWS; i += step)
        run_rows(&r, x, w, bias, res, y, i, ROWS - i < step ? ROWS - i : step);
    memcpy(p->y, kn_host_data(y), sizeof p->y);
    kn_matrix_free(w);
    rig_close(&r);
    return true;
}

static product base, other;

static void test_batch_and_threads(void **state)
{
    (void)state;
    static const char *const isas[]  = {"generic", "avx2", "avx512"};
    static const int64_t     steps[] = {1, 2, 3, 7, 13, 25, 97, ROWS};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
        for (size_t i = 0; i < 3; i++) {
            if (!run_product(&base, "cpu", isas[i], 1, dtypes[d], ROWS))
                continue;
            for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
                run_product(&other, "cpu", isas[i], 1 + 2 * (int)(s % 2), dtypes[d], steps[s]);
                if (memcmp(&base, &other, sizeof base) != 0)
                    fail_msg("%s, %s: calls of %d rows give other bits", isas[i], kn_dtype_name(dtypes[d]),
                             (int)steps[s]);
            }
            run_product(&other, "cpu", isas[i], 3, dtypes[d], ROWS);
            assert_memory_equal(&base, &other, sizeof base);
        }
}

static void test_avx2_is_avx512(void **state)
{
    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        if (!run_product(&base, "cpu", "avx2", 1, dtypes[d], ROWS) ||
            !run_product(&other, "cpu", "avx512", 2, dtypes[d], 5))
            skip();
        assert_memory_equal(&base, &other, sizeof base);
    }
}

static void test_values(void **state)
{
    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        double top = 0.0, worst = 0.0;
        run_product(&base, "ref", NULL, 0, dtypes[d], ROWS);
        run_product(&other, "cpu", NULL, 2, dtypes[d], ROWS);
        for (int i = 0; i < ROWS * OUT; i++) {
            top   = fmax(top, fabs((double)base.y[i]));
            worst = fmax(worst, fabs((double)base.y[i] - (double)other.y[i]));
        }
        if (!(top > 1.0) || !(worst <= 2e-6 * top))
            fail_msg("%s: largest difference %g of %g", kn_dtype_name(dtypes[d]), worst, top);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_batch_and_threads),
        cmocka_unit_test(test_avx2_is_avx512),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
