/* test_device.c: names, options and refusals of kn_device_open; buffers, transfers, events, graphs, matrices. */
#include "kernels/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_refusal(const char *name, mlm_status status, const char *part)
{
    kn_device *dev = (kn_device *)(uintptr_t)1;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = name}), status);
    assert_null(dev);
    assert_non_null(strstr(mlm_error_message(), part));
    assert_null(strchr(mlm_error_message(), '\n'));
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "CPU", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999", "cpu "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_refusal(names[i], MLM_E_NOTFOUND, "auto, cpu, ref, cuda and cuda:N");
}

static void test_options(void **state)
{
    (void)state;
    kn_device *dev = NULL;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "cpu", .n_threads = -1}), MLM_E_RANGE);
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "cpu", .n_threads = 257}),
                     MLM_E_RANGE);
    assert_int_not_equal(kn_device_open(&dev, &(kn_device_options){.name = "cpu", .cpu_isa = "z80"}), MLM_OK);
    assert_non_null(strstr(mlm_error_message(), "z80"));
    assert_null(dev);
}

static void test_cpu_and_ref(void **state)
{
    (void)state;
    static const char *const names[] = {"cpu", "ref"};
    for (int i = 0; i < 2; i++) {
        kn_device     *dev = NULL;
        kn_device_info info;
        assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = names[i], .n_threads = 1}),
                         MLM_OK);
        kn_device_get_info(dev, &info);
        assert_string_equal(info.name, names[i]);
        assert_true(info.description[0] != '\0');
        assert_int_equal(info.n_threads, 1);
        assert_string_equal(info.fallback, "");
        assert_true(info.total_bytes > 0 && info.free_bytes > 0 && info.free_bytes <= info.total_bytes);
        assert_int_equal(info.caps, kn_device_caps(dev));
        assert_true(info.caps & KN_CAP_HOST);
        assert_int_equal((info.caps & KN_CAP_ORACLE) != 0, i == 1);
        kn_device_close(dev);
    }
    kn_device_close(NULL);
}

static void test_plugin_missing(void **state)
{
    (void)state;
    /* Empty: none.  A name that is not there, and a file that is no library: one line each. */
    assert_int_equal(setenv("MLMAMBA_CUDA_PLUGIN", "", 1), 0);
    expect_refusal("cuda", MLM_E_NOTFOUND, "MLMAMBA_CUDA_PLUGIN is empty");
    expect_refusal("cuda:3", MLM_E_NOTFOUND, "CUDA: ");
    assert_int_equal(setenv("MLMAMBA_CUDA_PLUGIN", "/nonexistent/plugin.so", 1), 0);
    expect_refusal("cuda", MLM_E_NOTFOUND, "/nonexistent/plugin.so");
    assert_int_equal(setenv("MLMAMBA_CUDA_PLUGIN", MLM_SOURCE_DIR "/LICENSE", 1), 0);
    expect_refusal("cuda", MLM_E_NOTFOUND, "LICENSE");
    /* A library without the entry. */
    assert_int_equal(setenv("MLMAMBA_CUDA_PLUGIN", "libm.so.6", 1), 0);
    expect_refusal("cuda", MLM_E_DEVICE, "mlm_cuda_backend");

    kn_device     *dev = NULL;
    kn_device_info info;
    assert_int_equal(kn_device_open(&dev, NULL), MLM_OK);
    kn_device_get_info(dev, &info);
    assert_string_equal(info.name, "cpu");
    assert_non_null(strstr(info.fallback, "mlm_cuda_backend"));
    kn_device_close(dev);
    assert_int_equal(unsetenv("MLMAMBA_CUDA_PLUGIN"), 0);
}

static void test_transfers(void **state)
{
    (void)state;
    kn_device *dev = NULL, *other = NULL;
    kn_buffer *buf = NULL;
    kn_queue  *q = NULL, *q2 = NULL;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "cpu", .n_threads = 1}), MLM_OK);
    assert_int_equal(kn_device_open(&other, &(kn_device_options){.name = "ref"}), MLM_OK);
    assert_int_equal(kn_queue_create(&q, dev), MLM_OK);
    assert_int_equal(kn_queue_create(&q2, other), MLM_OK);
    assert_ptr_equal(kn_queue_device(q), dev);
    assert_int_equal(kn_buffer_create(&buf, dev, 100), MLM_OK);
    assert_int_equal(kn_buffer_bytes(buf), 100);

    float     in[6] = {1, 2, 3, 4, 5, 6}, out[6] = {9, 9, 9, 9, 9, 9};
    kn_tensor t = kn_tensor_make(buf, 64, KN_F32, 2, KN_DIMS(2, 3));
    assert_int_equal((uintptr_t)kn_host_data(kn_tensor_make(buf, 0, KN_U8, 1, KN_DIMS(1))) % 64, 0);
    assert_int_equal(kn_download(q, out, t, sizeof out), MLM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(out[i] == 0.0f);
    assert_int_equal(kn_upload(q, t, in, sizeof in), MLM_OK);
    assert_int_equal(kn_download(q, out, t, sizeof out), MLM_OK);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(kn_zero(q, kn_row(t, 1)), MLM_OK);
    assert_int_equal(kn_download(q, out, t, sizeof out), MLM_OK);
    assert_true(out[2] == 3.0f && out[3] == 0.0f && out[5] == 0.0f);

    assert_int_equal(kn_upload(q, t, in, sizeof in - 1), MLM_E_SHAPE);
    assert_int_equal(kn_upload(q, (kn_tensor){0}, in, 0), MLM_E_SHAPE);
    assert_int_equal(kn_upload(q, kn_slice(t, 1, 0, 2), in, 16), MLM_E_SHAPE);
    assert_int_equal(kn_upload(q, kn_tensor_make(buf, 80, KN_F32, 1, KN_DIMS(6)), in, sizeof in),
                     MLM_E_SHAPE);
    assert_int_equal(kn_upload(q2, t, in, sizeof in), MLM_E_DEVICE);

    kn_tensor four = kn_tensor_make(buf, 0, KN_F32, 1, KN_DIMS(4)),
              sum  = kn_tensor_make(buf, 64, KN_I32, 1, KN_DIMS(1));
    assert_int_equal(kn_read(q, four, sum), MLM_E_UNSUPPORTED); /* host memory is read without an op */
    assert_int_equal(kn_read(q, t, sum), MLM_E_SHAPE);
    assert_int_equal(kn_read(q, four, four), MLM_E_SHAPE);
    assert_int_equal(kn_capture_begin(q), MLM_E_UNSUPPORTED);
    assert_int_equal(kn_buffer_create(&(kn_buffer *){NULL}, dev, SIZE_MAX), MLM_E_NOMEM);

    kn_buffer_free(buf);
    kn_buffer_free(NULL);
    kn_queue_free(q);
    kn_queue_free(q2);
    kn_queue_free(NULL);
    kn_device_close(dev);
    kn_device_close(other);
}

static void test_events(void **state)
{
    (void)state;
    kn_device *dev = NULL;
    kn_queue  *q   = NULL;
    kn_event  *a = NULL, *b = NULL;
    double     ms = -1.0;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "ref"}), MLM_OK);
    assert_int_equal(kn_queue_create(&q, dev), MLM_OK);
    assert_int_equal(kn_event_create(&a, dev), MLM_OK);
    assert_int_equal(kn_event_create(&b, dev), MLM_OK);
    assert_int_equal(kn_event_record(q, a), MLM_OK);
    assert_int_equal(kn_event_wait(q, a), MLM_OK);
    assert_int_equal(kn_event_record(q, b), MLM_OK);
    assert_int_equal(kn_queue_sync(q), MLM_OK);
    assert_int_equal(kn_event_elapsed(&ms, a, b), MLM_OK);
    assert_true(ms >= 0.0);
    kn_event_free(a);
    kn_event_free(b);
    kn_event_free(NULL);
    kn_graph_free(NULL);
    kn_queue_free(q);
    kn_device_close(dev);
}

/* ---- graphs: a device of whose captures only the calls are counted ------------------------------------ */

static int n_captures, n_launches;

static mlm_status count_begin(kn_queue *q)
{
    (void)q;
    return MLM_OK;
}

static mlm_status count_end(kn_queue *q, kn_graph *g)
{
    g->impl = q;
    n_captures++;
    return MLM_OK;
}

static mlm_status count_launch(kn_queue *q, kn_graph *g)
{
    assert_ptr_equal(g->impl, q);
    n_launches++;
    return MLM_OK;
}

static void count_free(kn_graph *g)
{
    (void)g;
    n_captures--;
}

static void test_graphs(void **state)
{
    (void)state;
    kn_device *dev = NULL, *other = NULL;
    kn_queue  *q[3] = {NULL};
    kn_graph  *g[2] = {NULL};
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "ref"}), MLM_OK);
    assert_int_equal(kn_device_open(&other, &(kn_device_options){.name = "ref"}), MLM_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kn_queue_create(&q[i], i < 2 ? dev : other), MLM_OK);
    assert_int_equal(kn_capture_begin(q[0]), MLM_E_UNSUPPORTED);
    assert_int_equal(kn_capture_end(q[0], &g[0]), MLM_E_UNSUPPORTED);
    assert_null(g[0]);

    const kn_backend *real     = dev->be;
    kn_backend        captures = *real;
    captures.capture_begin     = count_begin;
    captures.capture_end       = count_end;
    captures.graph_launch      = count_launch;
    captures.graph_free        = count_free;
    dev->be                    = &captures;
    dev->info.caps |= KN_CAP_GRAPHS;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kn_capture_begin(q[i]), MLM_OK);
        assert_true(kn_queue_is_capturing(q[i]));
        assert_int_equal(kn_capture_end(q[i], &g[i]), MLM_OK);
        assert_false(kn_queue_is_capturing(q[i]));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kn_graph_launch(q[i], g[i]), MLM_OK);
        assert_int_equal(kn_graph_launch(q[1 - i], g[i]), MLM_E_STATE);
        assert_non_null(strstr(mlm_error_message(), "captured on another queue of ref"));
        assert_null(strchr(mlm_error_message(), '\n'));
        assert_int_equal(kn_graph_launch(q[2], g[i]), MLM_E_DEVICE);
    }
    assert_int_equal(n_launches, 2);
    for (int i = 0; i < 2; i++)
        kn_graph_free(g[i]);
    assert_int_equal(n_captures, 0);
    dev->be = real;
    for (int i = 0; i < 3; i++)
        kn_queue_free(q[i]);
    kn_device_close(dev);
    kn_device_close(other);
}

static void test_matrices(void **state)
{
    (void)state;
    kn_device   *dev  = NULL;
    kn_matrix   *m    = NULL;
    float        f[6] = {0}, scale[2] = {1, 1};
    int8_t       i8[6] = {0};
    const float *none  = NULL;
    assert_int_equal(kn_device_open(&dev, &(kn_device_options){.name = "cpu", .n_threads = 1}), MLM_OK);
    kn_matrix_part good[2] = {{f, NULL, KN_F32, 2, 3}, {f, NULL, KN_F32, 1, 3}};
    assert_int_equal(kn_matrix_create(&m, dev, good, 2), MLM_OK);
    assert_int_equal(kn_matrix_out(m), 3);
    assert_int_equal(kn_matrix_in(m), 3);
    assert_int_equal(kn_matrix_dtype(m), KN_F32);
    assert_true(kn_matrix_bytes(m) >= 9 * sizeof(float));
    kn_matrix_free(m);
    kn_matrix_free(NULL);

    static const struct {
        kn_dtype   second;
        int64_t    out, in;
        mlm_status status;
    } bad[] = {{KN_F32, 1, 4, MLM_E_SHAPE},
               {KN_F32, 0, 3, MLM_E_SHAPE},
               {KN_BF16, 1, 3, MLM_E_DTYPE},
               {KN_I32, 1, 3, MLM_E_DTYPE}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kn_matrix_part part[2] = {good[0], {f, NULL, bad[i].second, bad[i].out, bad[i].in}};
        assert_int_equal(kn_matrix_create(&m, dev, part, 2), bad[i].status);
        assert_null(m);
    }
    assert_int_equal(kn_matrix_create(&m, dev, &(kn_matrix_part){i8, none, KN_I8, 2, 3}, 1), MLM_E_DTYPE);
    assert_int_equal(kn_matrix_create(&m, dev, &(kn_matrix_part){f, scale, KN_F32, 2, 3}, 1), MLM_E_DTYPE);
    assert_int_equal(kn_matrix_create(&m, dev, &(kn_matrix_part){i8, scale, KN_I8, INT32_MAX, INT32_MAX}, 0),
                     MLM_E_SHAPE);
    kn_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_options),
        cmocka_unit_test(test_cpu_and_ref), cmocka_unit_test(test_plugin_missing),
        cmocka_unit_test(test_transfers),   cmocka_unit_test(test_events),
        cmocka_unit_test(test_graphs),      cmocka_unit_test(test_matrices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
