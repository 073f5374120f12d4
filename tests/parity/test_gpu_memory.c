/*
 * test_gpu_memory.c: a GPU that has no room for what is asked says so, names the amounts, and goes on working.
 * Exit 77 without a GPU.
 */
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_device *dev;
static kn_queue  *q;

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

/* A small op whose result is known. */
static void assert_works(void)
{
    kn_arena a;
    float    x[64], y[64] = {0};
    for (int i = 0; i < 64; i++)
        x[i] = (float)i;
    ok(kn_arena_create(&a, dev, 4096));
    kn_copy_args copy = {kn_arena_take(&a, KN_F32, 2, KN_DIMS(1, 64)),
                         kn_arena_take(&a, KN_F32, 2, KN_DIMS(1, 64))};
    ok(kn_upload(q, copy.x, x, sizeof x));
    ok(kn_copy(q, &copy));
    ok(kn_download(q, y, copy.y, sizeof y));
    assert_memory_equal(x, y, sizeof x);
    kn_arena_free(&a);
}

static void test_too_large_buffer(void **state)
{
    kn_buffer *buf = NULL;
    (void)state;
    assert_int_equal(kn_buffer_create(&buf, dev, (size_t)1 << 45), MLM_E_NOMEM);
    assert_null(buf);
    assert_non_null(strstr(mlm_error_message(), "out of memory"));
    assert_non_null(strstr(mlm_error_message(), "MiB"));
    assert_works();
}

/* Takes what there is in pieces, until there is no more, twice: nothing is lost on the way. */
static void test_full_memory(void **state)
{
    kn_buffer *piece[256] = {NULL};
    int        n[2]       = {0, 0};
    (void)state;
    for (int round = 0; round < 2; round++) {
        mlm_status st = MLM_OK;
        while (st == MLM_OK && n[round] < 256) {
            st = kn_buffer_create(&piece[n[round]], dev, (size_t)1 << 30);
            n[round] += st == MLM_OK;
        }
        assert_true(st == MLM_E_NOMEM || n[round] == 256);
        for (int i = 0; i < n[round]; i++)
            kn_buffer_free(piece[i]);
        assert_works();
    }
    assert_in_range(n[1], n[0] > 0 ? n[0] - 1 : 0, n[0] + 1); /* others may use the card too */
}

/* The measure of memory's speed reads all of it: the exclusive or of its words is right, for whole and broken rounds. */
static void test_read(void **state)
{
    enum { MOST = 3 << 20 };
    static const int64_t sizes[] = {4, 60, 4096, MOST - 4, MOST};
    int32_t             *host    = malloc(MOST * sizeof *host);
    kn_buffer           *buf     = NULL;
    (void)state;
    assert_non_null(host);
    ok(kn_buffer_create(&buf, dev, MOST * sizeof *host + 64));
    kn_tensor all = kn_tensor_make(buf, 0, KN_I32, 1, KN_DIMS(MOST)),
              sum = kn_tensor_make(buf, MOST * sizeof *host, KN_I32, 1, KN_DIMS(1));
    for (int i = 0; i < MOST; i++)
        host[i] = (int32_t)((uint32_t)i * 2654435761u >> 3);
    ok(kn_upload(q, all, host, MOST * sizeof *host));
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int32_t want = 0, got = 0;
        for (int64_t i = 0; i < sizes[k]; i++)
            want ^= host[i];
        ok(kn_zero(q, sum));
        ok(kn_read(q, kn_slice(all, 0, 0, sizes[k]), sum));
        ok(kn_download(q, &got, sum, sizeof got));
        assert_int_equal(got, want);
    }
    kn_buffer_free(buf);
    free(host);
}

static void test_matrix_without_room(void **state)
{
    kn_matrix     *m    = NULL;
    float          w[4] = {0};
    kn_matrix_part part = {.data = w, .dtype = KN_F32, .out = (int64_t)1 << 40, .in = 1 << 10};
    (void)state;
    assert_true(kn_matrix_create(&m, dev, &part, 1) != MLM_OK);
    assert_null(m);
    assert_works();
}

/* Between begin and end of a capture nothing can be waited for; the queue is as good as before afterwards. */
static void test_capture_refuses_waiting(void **state)
{
    kn_graph *g = NULL;
    (void)state;
    ok(kn_capture_begin(q));
    assert_true(kn_queue_is_capturing(q));
    assert_int_equal(kn_queue_sync(q), MLM_E_STATE);
    ok(kn_capture_end(q, &g));
    assert_false(kn_queue_is_capturing(q));
    kn_graph_free(g);
    assert_works();
}

int main(int argc, char **argv)
{
    kn_device_options opt = {.name = argc > 2 ? argv[2] : "cuda"};
    if (kn_device_open(&dev, &opt) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_large_buffer),
        cmocka_unit_test(test_full_memory),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_matrix_without_room),
        cmocka_unit_test(test_capture_refuses_waiting),
    };
    int failed = kn_queue_create(&q, dev) == MLM_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    kn_queue_free(q);
    kn_device_close(dev);
    return failed;
}
