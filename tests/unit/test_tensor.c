/* test_tensor.c: views and the arena. */
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_dtypes(void **state)
{
    (void)state;
    static const size_t size[KN_DTYPE_COUNT] = {4, 2, 2, 1, 1, 4, 8};
    for (int d = 0; d < KN_DTYPE_COUNT; d++) {
        assert_int_equal(kn_dtype_size((kn_dtype)d), size[d]);
        assert_true(strlen(kn_dtype_name((kn_dtype)d)) >= 2);
    }
    assert_int_equal(kn_dtype_size(KN_DTYPE_COUNT), 0);
    assert_string_equal(kn_dtype_name(KN_BF16), "bf16");
}

static void test_views(void **state)
{
    (void)state;
    kn_tensor t = kn_tensor_make(NULL, 128, KN_F32, 3, KN_DIMS(2, 5, 7));
    assert_int_equal(kn_count(t), 70);
    assert_int_equal(t.stride[0], 35);
    assert_int_equal(t.stride[1], 7);
    assert_int_equal(t.stride[2], 1);
    assert_true(kn_is_contiguous(t));
    assert_false(kn_present(t));

    kn_tensor cols = kn_slice(t, 2, 3, 4);
    assert_int_equal(cols.offset, 128 + 12);
    assert_int_equal(cols.dim[2], 4);
    assert_int_equal(cols.stride[1], 7);
    assert_false(kn_is_contiguous(cols));
    kn_tensor one = kn_slice(kn_slice(t, 0, 1, 1), 1, 2, 1);
    assert_int_equal(one.offset, 128 + 4 * (35 + 14));
    assert_true(kn_is_contiguous(one));

    kn_tensor row = kn_row(t, 1);
    assert_int_equal(row.rank, 2);
    assert_int_equal(row.dim[0], 5);
    assert_int_equal(row.stride[0], 7);
    assert_int_equal(row.offset, 128 + 4 * 35);
    kn_tensor flat = kn_reshape(t, 2, KN_DIMS(10, 7));
    assert_int_equal(flat.stride[0], 7);
    assert_int_equal(flat.offset, 128);
    assert_int_equal(kn_count((kn_tensor){0}), 0);
    assert_int_equal(kn_count(kn_slice(t, 1, 5, 0)), 0);
    assert_null(kn_host_data(t));
}

static void lay_out(kn_arena *a, kn_tensor out[3])
{
    out[0] = kn_arena_take(a, KN_F32, 2, KN_DIMS(3, 5)); /* 60 bytes */
    out[1] = kn_arena_take(a, KN_I32, 1, KN_DIMS(17));   /* 68       */
    out[2] = kn_arena_take(a, KN_BF16, 1, KN_DIMS(1));
}

static void test_arena(void **state)
{
    (void)state;
    kn_device *dev = NULL;
    kn_tensor  measured[3], real[3];
    kn_arena   m, a;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "ref"}), MLM_OK);
    kn_arena_measure(&m, dev);
    lay_out(&m, measured);
    assert_int_equal(m.used, 64 + 128 + 64);
    assert_int_equal(m.high, m.used);
    assert_int_equal(kn_arena_check(&m, "scratch"), MLM_OK);
    assert_false(kn_present(measured[1]));
    assert_int_equal(measured[1].dim[0], 17);

    assert_int_equal(kn_arena_create(&a, dev, m.high), MLM_OK);
    lay_out(&a, real);
    assert_int_equal(kn_arena_check(&a, "scratch"), MLM_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(kn_present(real[i]));
        assert_int_equal(real[i].offset, measured[i].offset);
        assert_int_equal((uintptr_t)kn_host_data(real[i]) % 64, 0);
    }
    assert_false(kn_present(kn_arena_take(&a, KN_U8, 1, KN_DIMS(1))));
    assert_int_equal(kn_arena_check(&a, "scratch"), MLM_E_NOMEM);
    assert_string_equal(mlm_error_message(), "scratch: needs 320 bytes, 256 are there");
    kn_arena_free(&a);
    kn_arena_free(&a);

    kn_arena_measure(&m, dev);
    (void)kn_arena_take(&m, KN_F32, 3, KN_DIMS(INT64_MAX, 4, 4));
    assert_int_equal(kn_arena_check(&m, "scratch"), MLM_E_NOMEM);
    kn_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dtypes), cmocka_unit_test(test_views),
                                       cmocka_unit_test(test_arena)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
