/*
 * test_cpu_math.c: the vector functions of every instruction set against double libm, over dense ranges and
 * at the extremes, and that an element's value does not depend on its place.
 */
#include "kernels/cpu/cpu_device.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N 4099 /* not a multiple of any vector */

static const char *const isa_names[] = {"generic", "avx2", "avx512"};

static double exact(cpu_math fn, double x)
{
    switch (fn) {
    case CPU_MATH_EXP:
        return exp(x);
    case CPU_MATH_GELU_ERF:
        return 0.5 * x * erfc(-x / sqrt(2.0));
    case CPU_MATH_GELU_TANH: {
        double u = sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
        return x / (1.0 + exp(-2.0 * u));
    }
    case CPU_MATH_SILU:
        return x / (1.0 + exp(-x));
    case CPU_MATH_SOFTPLUS:
        return x > 20.0 ? x : log1p(exp(x));
    }
    return 0.0;
}

/* |error| <= rel * |value| + abs for every x of an even grid. */
static void check_range(const cpu_ops *ops, cpu_math fn, double from, double to, double rel, double abs_bound)
{
    static float x[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)(from + (to - from) * i / (N - 1));
    ops->math(fn, y, x, N);
    for (int i = 0; i < N; i++) {
        double want = exact(fn, (double)x[i]), bound = rel * fabs(want) + abs_bound;
        if (!(fabs((double)y[i] - want) <= bound))
            fail_msg("%s: function %d of %.9g is %.9g, wanted %.9g within %.3g", ops->isa, (int)fn,
                     (double)x[i], (double)y[i], want, bound);
    }
}

static void check_value(const cpu_ops *ops, cpu_math fn, float x, float want)
{
    float y = -1.0f;
    ops->math(fn, &y, &x, 1);
    if (isnan(want) ? !isnan(y) : y != want)
        fail_msg("%s: function %d of %g is %g, wanted %g", ops->isa, (int)fn, (double)x, (double)y,
                 (double)want);
}

static void check_all(const cpu_ops *ops)
{
    check_range(ops, CPU_MATH_EXP, -87.3, 88.7, 2.4e-7, 0.0);
    check_range(ops, CPU_MATH_EXP, -1.0, 1.0, 2.0e-7, 0.0);
    check_range(ops, CPU_MATH_EXP, -104.0, -87.0, 2.4e-7, 1.5e-45); /* subnormal results */
    check_value(ops, CPU_MATH_EXP, 0.0f, 1.0f);
    check_value(ops, CPU_MATH_EXP, -200.0f, 0.0f);
    check_value(ops, CPU_MATH_EXP, -FLT_MAX, 0.0f);
    check_value(ops, CPU_MATH_EXP, -INFINITY, 0.0f);
    check_value(ops, CPU_MATH_EXP, 89.0f, INFINITY);
    check_value(ops, CPU_MATH_EXP, FLT_MAX, INFINITY);
    check_value(ops, CPU_MATH_EXP, NAN, NAN);

    check_range(ops, CPU_MATH_GELU_ERF, -6.0, 6.0, 1.5e-7, 2.0e-7);
    check_range(ops, CPU_MATH_GELU_ERF, -0.01, 0.01, 3.0e-7, 0.0);
    check_range(ops, CPU_MATH_GELU_ERF, -1e4, 1e4, 1.5e-7, 2.0e-7);
    check_range(ops, CPU_MATH_GELU_TANH, -6.0, 6.0, 3.0e-7, 2.0e-7);
    check_range(ops, CPU_MATH_GELU_TANH, -1e4, 1e4, 3.0e-7, 2.0e-7);
    check_range(ops, CPU_MATH_SILU, -20.0, 20.0, 4.0e-7, 1.0e-7);
    check_range(ops, CPU_MATH_SILU, -1e4, 1e4, 4.0e-7, 1.0e-7);
    check_range(ops, CPU_MATH_SOFTPLUS, -80.0, 25.0, 5.0e-7, 0.0);
    check_range(ops, CPU_MATH_SOFTPLUS, -1.0, 1.0, 4.0e-7, 0.0);
    check_value(ops, CPU_MATH_SOFTPLUS, 20.5f, 20.5f);
    check_value(ops, CPU_MATH_SOFTPLUS, FLT_MAX, FLT_MAX);
    check_value(ops, CPU_MATH_SOFTPLUS, -FLT_MAX, 0.0f);
    for (int fn = CPU_MATH_GELU_ERF; fn <= CPU_MATH_SILU; fn++) {
        check_value(ops, (cpu_math)fn, 0.0f, 0.0f);
        check_value(ops, (cpu_math)fn, 1e30f, 1e30f);
        check_value(ops, (cpu_math)fn, -1e30f, -0.0f);
        check_value(ops, (cpu_math)fn, NAN, NAN);
    }
}

static void test_values(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const cpu_ops *ops;
        if (cpu_isa_select(&ops, isa_names[i]) == MLM_OK)
            check_all(ops);
    }
}

static void test_place_does_not_matter(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const cpu_ops *ops;
        if (cpu_isa_select(&ops, isa_names[i]) != MLM_OK)
            continue;
        for (int fn = CPU_MATH_EXP; fn <= CPU_MATH_SOFTPLUS; fn++) {
            float x[67], whole[67], one;
            for (int k = 0; k < 67; k++)
                x[k] = ((float)k - 33.0f) * 0.37f;
            ops->math((cpu_math)fn, whole, x, 67);
            for (int k = 0; k < 67; k++) {
                ops->math((cpu_math)fn, &one, x + k, 1);
                assert_memory_equal(&one, whole + k, sizeof one);
            }
        }
    }
}

static void test_avx2_is_avx512(void **state)
{
    (void)state;
    const cpu_ops *a, *b;
    if (cpu_isa_select(&a, "avx2") != MLM_OK || cpu_isa_select(&b, "avx512") != MLM_OK)
        skip();
    static float x[N], ya[N], yb[N];
    for (int i = 0; i < N; i++)
        x[i] = ((float)i - 2000.0f) * 0.06f;
    for (int fn = CPU_MATH_EXP; fn <= CPU_MATH_SOFTPLUS; fn++) {
        a->math((cpu_math)fn, ya, x, N);
        b->math((cpu_math)fn, yb, x, N);
        assert_memory_equal(ya, yb, sizeof ya);
    }
}

static void test_unknown_isa(void **state)
{
    (void)state;
    const cpu_ops *ops;
    assert_int_equal(cpu_isa_select(&ops, "sse9"), MLM_E_RANGE);
    assert_int_equal(cpu_isa_select(&ops, NULL), MLM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_place_does_not_matter),
        cmocka_unit_test(test_avx2_is_avx512),
        cmocka_unit_test(test_unknown_isa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
