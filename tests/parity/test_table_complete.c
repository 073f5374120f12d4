/* test_table_complete.c: the linked-in backends fill every entry of their table, and every op has cases. */
#include "tests/support/op_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check_table(const kn_backend *be)
{
    assert_int_equal(be->abi, KN_BACKEND_ABI);
    assert_non_null(be->name);
    assert_true(be->device_open && be->device_close && be->device_refresh);
    assert_true(be->buffer_create && be->buffer_free && be->matrix_create && be->matrix_free);
    assert_true(be->queue_create && be->queue_free && be->queue_sync);
    assert_true(be->upload && be->download && be->zero);
    assert_true(be->event_create && be->event_free && be->event_record && be->event_wait &&
                be->event_elapsed);
    assert_true(be->capture_begin && be->capture_end && be->graph_launch && be->graph_free);
#define X(op) assert_true(be->op != NULL);
    KN_OP_LIST(X)
#undef X
}

static void test_ref(void **state)
{
    (void)state;
    check_table(&kn_ref_backend);
}

static void test_cpu(void **state)
{
    (void)state;
    check_table(&kn_cpu_backend);
}

static void test_cases(void **state)
{
    (void)state;
    bool tested[KN_OP_COUNT] = {false}, timed[KN_OP_COUNT] = {false};
    for (int i = 0; i < op_case_count; i++)
        *(op_cases[i].flags & OP_PERF ? &timed[op_cases[i].op] : &tested[op_cases[i].op]) = true;
    for (int op = 0; op < KN_OP_COUNT; op++) {
        assert_non_null(kn_op_names[op]);
        if (!tested[op] || !timed[op])
            fail_msg("%s has no case in op_cases.c to %s", kn_op_names[op], tested[op] ? "time" : "test");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ref), cmocka_unit_test(test_cpu),
                                       cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
