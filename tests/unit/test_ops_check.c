/* test_ops_check.c: what ops.c refuses, with which status, and that the message names op, field and numbers. */
#include "kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct bench {
    kn_device *dev, *other_dev;
    kn_queue  *q;
    kn_buffer *buf, *other_buf;
    kn_matrix *w, *other_w; /* [5,3] */
} bench;

#define BUFFER 4096

static int set_up(void **state)
{
    static bench   b;
    static float   data[15];
    kn_matrix_part part = {data, NULL, KN_F32, 5, 3};
    b                   = (bench){0};
    *state              = &b;
    if (kn_device_open(&b.dev, &(kn_device_options){.name = "cpu", .n_threads = 1}) != MLM_OK ||
        kn_device_open(&b.other_dev, &(kn_device_options){.name = "ref"}) != MLM_OK ||
        kn_queue_create(&b.q, b.dev) != MLM_OK || kn_buffer_create(&b.buf, b.dev, BUFFER) != MLM_OK ||
        kn_buffer_create(&b.other_buf, b.other_dev, BUFFER) != MLM_OK ||
        kn_matrix_create(&b.w, b.dev, &part, 1) != MLM_OK ||
        kn_matrix_create(&b.other_w, b.other_dev, &part, 1) != MLM_OK)
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    kn_matrix_free(b->w);
    kn_matrix_free(b->other_w);
    kn_buffer_free(b->buf);
    kn_buffer_free(b->other_buf);
    kn_queue_free(b->q);
    kn_device_close(b->dev);
    kn_device_close(b->other_dev);
    return 0;
}

#define T1(at, dtype, n) kn_tensor_make(b->buf, at, dtype, 1, KN_DIMS(n))
#define T2(at, r, d)     kn_tensor_make(b->buf, at, KN_F32, 2, KN_DIMS(r, d))
#define T3(at, n, t, d)  kn_tensor_make(b->buf, at, KN_F32, 3, KN_DIMS(n, t, d))

static void expect(mlm_status got, mlm_status want, const char *part)
{
    assert_int_equal(got, want);
    if (strstr(mlm_error_message(), part) == NULL)
        fail_msg("'%s' does not say '%s'", mlm_error_message(), part);
}

static void test_linear(void **state)
{
    bench         *b    = *state;
    kn_linear_args good = {.x = T2(0, 7, 3), .w = b->w, .y = T2(1024, 7, 5)}, a;
    assert_int_equal(kn_linear(b->q, &good), MLM_OK);
    a   = good;
    a.x = T2(0, 7, 4);
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: x is [7,4], wanted [R,3] for w [5,3]");
    a   = good;
    a.y = T2(1024, 6, 5);
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: y is [6,5], wanted [7,5]");
    a   = good;
    a.y = T3(1024, 1, 7, 5);
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: y is [1,7,5]");
    a   = good;
    a.w = NULL;
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: w is absent");
    a   = good;
    a.w = b->other_w;
    expect(kn_linear(b->q, &a), MLM_E_DEVICE, "linear: w is on device ref, wanted cpu");
    a      = good;
    a.bias = T1(2048, KN_F32, 4);
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: bias is [4], wanted [5]");
    a      = good;
    a.bias = T1(2048, KN_BF16, 5);
    expect(kn_linear(b->q, &a), MLM_E_DTYPE, "linear: bias is bf16, wanted f32");
    a          = good;
    a.residual = T2(2048, 5, 7);
    expect(kn_linear(b->q, &a), MLM_E_SHAPE, "linear: residual is [5,7]");
    a     = good;
    a.act = KN_ACT_COUNT;
    expect(kn_linear(b->q, &a), MLM_E_RANGE, "linear: act is 5");
    a         = good;
    a.x.dtype = KN_I8;
    expect(kn_linear(b->q, &a), MLM_E_DTYPE, "linear: x is i8, wanted f32 or bf16");
    a         = good;
    a.x.dtype = a.y.dtype = KN_BF16;
    expect(kn_linear(b->q, &a), MLM_E_UNSUPPORTED, "linear: x is bf16, device cpu computes with f32");
    a   = good;
    a.x = kn_slice(a.x, 0, 0, 0);
    a.y = kn_slice(a.y, 0, 0, 0);
    assert_int_equal(kn_linear(b->q, &a), MLM_OK);
}

static void test_views(void **state)
{
    bench          *b    = *state;
    kn_rmsnorm_args good = {.x = T2(0, 4, 8), .w = T1(512, KN_F32, 8), .y = T2(1024, 4, 8), .eps = 1e-5f}, a;
    assert_int_equal(kn_rmsnorm(b->q, &good), MLM_OK);
    a   = good;
    a.x = (kn_tensor){0};
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: x is absent");
    a   = good;
    a.y = T2(BUFFER - 127, 4, 8);
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: y starts at byte 3969, wanted a multiple of 4");
    a   = good;
    a.y = T2(BUFFER - 124, 4, 8);
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: y ends at byte 4100 of a buffer of 4096");
    a             = good;
    a.x.stride[0] = INT64_MAX;
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: x ends");
    a             = good;
    a.x.stride[1] = 2;
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: x has innermost stride 2");
    a             = good;
    a.x.stride[0] = -8;
    expect(kn_rmsnorm(b->q, &a), MLM_E_SHAPE, "rmsnorm: x ends");
    a       = good;
    a.x.buf = b->other_buf;
    expect(kn_rmsnorm(b->q, &a), MLM_E_DEVICE, "rmsnorm: x is on device ref");
    a     = good;
    a.eps = NAN;
    expect(kn_rmsnorm(b->q, &a), MLM_E_RANGE, "rmsnorm: eps");
}

static void test_groups(void **state)
{
    bench                *b = *state;
    kn_rmsnorm_gated_args g = {
        .x = T2(0, 4, 8), .z = T2(256, 4, 8), .w = T1(512, KN_F32, 8), .y = T2(1024, 4, 8), .n_groups = 3};
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_SHAPE, "rmsnorm_gated: n_groups");
    g.n_groups = 0;
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_SHAPE, "rmsnorm_gated: n_groups");
    g.n_groups   = 2;
    g.accumulate = true;
    g.y          = g.x;
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_SHAPE, "rmsnorm_gated: y overlaps x");
    g.x2         = g.z;
    g.accumulate = false;
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_SHAPE, "rmsnorm_gated: y overlaps x");
    g.y          = T2(1024, 4, 8);
    g.accumulate = true;
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_UNSUPPORTED, "rmsnorm_gated: x2");
    g.x2.dim[0] = 3;
    expect(kn_rmsnorm_gated(b->q, &g), MLM_E_SHAPE, "rmsnorm_gated: x2");

    kn_attention_args at = {.qkv = T3(0, 1, 4, 24), .y = T3(1024, 1, 4, 8), .n_heads = 3};
    expect(kn_attention(b->q, &at), MLM_E_SHAPE, "attention: the width of qkv");
    at.n_heads = 2;
    assert_int_equal(kn_attention(b->q, &at), MLM_OK);
    at.len = T1(2048, KN_F32, 1);
    expect(kn_attention(b->q, &at), MLM_E_DTYPE, "attention: len is f32, wanted i32");
}

static void test_overlap(void **state)
{
    bench    *b    = *state;
    kn_tensor wide = T2(0, 6, 10);
    /* Two column blocks of one table share no element, shifted ones do. */
    assert_int_equal(kn_copy(b->q, &(kn_copy_args){kn_slice(wide, 1, 0, 5), kn_slice(wide, 1, 5, 5)}),
                     MLM_OK);
    assert_int_equal(kn_copy(b->q, &(kn_copy_args){kn_slice(wide, 1, 7, 3), kn_slice(wide, 1, 0, 3)}),
                     MLM_OK);
    expect(kn_copy(b->q, &(kn_copy_args){kn_slice(wide, 1, 0, 5), kn_slice(wide, 1, 4, 5)}), MLM_E_SHAPE,
           "copy: y overlaps x");
    expect(kn_copy(b->q, &(kn_copy_args){T2(0, 2, 8), T2(32, 2, 8)}), MLM_E_SHAPE, "copy: y overlaps x");
    kn_tensor half = wide;
    half.dtype     = KN_F16;
    expect(kn_copy(b->q, &(kn_copy_args){wide, half}), MLM_E_DTYPE, "copy: y is f16");
}

static void test_conv1d(void **state)
{
    bench         *b    = *state;
    kn_conv1d_args good = {.x = T3(0, 2, 6, 5), .w = T2(512, 5, 4), .y = T3(1024, 2, 6, 5)}, a;
    assert_int_equal(kn_conv1d(b->q, &good), MLM_OK);
    a   = good;
    a.y = a.x;
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "conv1d: y overlaps x");
    a   = good;
    a.w = T2(512, 5, 9);
    expect(kn_conv1d(b->q, &a), MLM_E_RANGE, "conv1d: K is 9, wanted 2 to 8");
    a       = good;
    a.state = T3(2048, 2, 4, 5);
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "conv1d: state is [2,4,5], wanted [2,3,5]");
    a       = good;
    a.order = T1(2048, KN_I32, 6);
    a.len   = T1(2048, KN_I32, 2);
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "conv1d: order is given together with state or len");
    a      = good;
    a.kept = T3(2048, 2, 3, 5);
    a.cut  = 2;
    expect(kn_conv1d(b->q, &a), MLM_E_RANGE, "conv1d: cut is 2, wanted 3 to 6");
    a.cut = 3;
    assert_int_equal(kn_conv1d(b->q, &a), MLM_OK);
    a.state = a.kept;
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "overlaps");
    a.state = (kn_tensor){0};
    a.len   = T1(2560, KN_I32, 2);
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "conv1d: kept is given together with order or len");
    a.kept = T3(2048, 2, 4, 5);
    expect(kn_conv1d(b->q, &a), MLM_E_SHAPE, "conv1d: kept is [2,4,5], wanted [2,3,5]");
}

static void test_ssd(void **state)
{
    bench      *b    = *state;
    kn_ssd_args good = {.x        = T3(0, 1, 3, 8),
                        .b        = T3(128, 1, 3, 6),
                        .c        = T3(256, 1, 3, 6),
                        .dt       = T3(384, 1, 3, 4),
                        .a        = T1(512, KN_F32, 4),
                        .y        = T3(1024, 1, 3, 8),
                        .n_heads  = 4,
                        .n_groups = 2},
                a;
    assert_int_equal(kn_ssd_scan(b->q, &good), MLM_OK);
    expect(kn_ssd_step(b->q, &good), MLM_E_SHAPE, "ssd_step: x has other than one token");
    a   = good;
    a.c = T3(256, 1, 3, 4);
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "ssd_scan: c is [1,3,4], wanted [1,3,6]");
    a          = good;
    a.n_groups = 3;
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "ssd_scan: n_heads is not");
    a       = good;
    a.state = kn_tensor_make(b->buf, 2048, KN_F32, 4, KN_DIMS(1, 4, 3, 2));
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "ssd_scan: state is [1,4,3,2], wanted [1,4,2,3]");
    a        = good;
    a.dt_min = 1.0f;
    a.dt_max = 0.5f;
    expect(kn_ssd_scan(b->q, &a), MLM_E_RANGE, "ssd_scan: dt_max is below dt_min");
    a       = good;
    a.start = kn_tensor_make(b->buf, 2048, KN_F32, 4, KN_DIMS(1, 4, 2, 3));
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "ssd_scan: start is given to a step, or without state");
    a.state = a.start;
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "overlaps");
    a.state.offset += 128;
    assert_int_equal(kn_ssd_scan(b->q, &a), MLM_OK);
    a.start = kn_tensor_make(b->buf, 2048, KN_F32, 4, KN_DIMS(1, 4, 3, 2));
    expect(kn_ssd_scan(b->q, &a), MLM_E_SHAPE, "ssd_scan: start is [1,4,3,2], wanted [1,4,2,3]");
    a = (kn_ssd_args){.x        = T3(0, 1, 1, 8),
                      .b        = T3(128, 1, 1, 6),
                      .c        = T3(256, 1, 1, 6),
                      .dt       = T3(384, 1, 1, 4),
                      .a        = T1(512, KN_F32, 4),
                      .y        = T3(1024, 1, 1, 8),
                      .n_heads  = 4,
                      .n_groups = 2};
    expect(kn_ssd_step(b->q, &a), MLM_E_SHAPE, "ssd_step: state is absent");
}

static void test_rows(void **state)
{
    bench *b = *state;
    expect(kn_take_rows(b->q, &(kn_take_rows_args){T3(0, 2, 3, 4), T1(512, KN_I32, 3), T2(1024, 2, 4)}),
           MLM_E_SHAPE, "take_rows: index is [3], wanted [2]");
    expect(kn_embed(b->q, &(kn_embed_args){T1(0, KN_I32, 3), b->w, T2(1024, 2, 3)}), MLM_E_SHAPE,
           "embed: ids is [3], wanted [2]");
    expect(kn_argmax(b->q, &(kn_argmax_args){T2(0, 2, 3), T1(1024, KN_I32, 2), 4}), MLM_E_RANGE,
           "argmax: n_valid is 4, wanted 0 to 3");
    expect(kn_swiglu(b->q, &(kn_swiglu_args){T2(0, 2, 3), T2(512, 2, 4), T2(1024, 2, 3)}), MLM_E_SHAPE,
           "swiglu: up is [2,4], wanted [2,3]");
    kn_tensor        pixels = kn_tensor_make(b->buf, 0, KN_F32, 4, KN_DIMS(1, 3, 8, 8));
    kn_patchify_args cut    = {.pixels = pixels, .y = T3(1024, 1, 4, 47), .patch = 4};
    expect(kn_patchify(b->q, &cut), MLM_E_SHAPE, "patchify: y is [1,4,47], wanted [1,4,48]");
    cut.y     = T3(1024, 1, 4, 48);
    cut.patch = 9;
    expect(kn_patchify(b->q, &cut), MLM_E_RANGE, "patchify: patch is 9");
    cut.patch = 4;
    cut.table = T2(896, 3, 257);
    expect(kn_patchify(b->q, &cut), MLM_E_SHAPE, "patchify: table and place belong to u8 pixels");
    cut.pixels = kn_tensor_make(b->buf, 0, KN_U8, 4, KN_DIMS(1, 8, 8, 3));
    expect(kn_patchify(b->q, &cut), MLM_E_SHAPE, "patchify: place is absent");
    cut.place = T1(0, KN_I32, 4);
    expect(kn_patchify(b->q, &cut), MLM_E_SHAPE, "patchify: place is [4]");
    cut.table = (kn_tensor){0};
    expect(kn_patchify(b->q, &cut), MLM_E_SHAPE, "patchify: table is absent");
    expect(
        kn_layernorm(b->q, &(kn_layernorm_args){T2(0, 2, 3), T1(512, KN_F32, 3), {0}, T2(1024, 2, 3), 1e-6f}),
        MLM_E_SHAPE, "layernorm: b is absent");
}

static void test_s6_scan(void **state)
{
    bench          *b    = *state;
    kn_s6_scan_args good = {.x  = T3(0, 1, 2, 3),
                            .dt = T3(64, 1, 2, 3),
                            .b  = T3(128, 1, 2, 4),
                            .c  = T3(192, 1, 2, 4),
                            .a  = T2(256, 3, 4),
                            .y  = T3(512, 1, 2, 3)},
                    a    = good;
    assert_int_equal(kn_s6_scan(b->q, &a), MLM_OK);
    a.a = T2(256, 4, 3);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: a is [4,3], wanted [3,4]");
    a   = good;
    a.c = T3(192, 1, 2, 5);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: c is [1,2,5], wanted [1,2,4]");
    a       = good;
    a.state = T3(768, 1, 4, 3);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: state is [1,4,3], wanted [1,3,4]");
    a   = good;
    a.z = T3(768, 1, 1, 3);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: z is [1,1,3], wanted [1,2,3]");
    a         = good;
    a.dt_bias = T1(768, KN_F32, 4);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: dt_bias is [4], wanted [3]");
    a      = good;
    a.skip = T1(768, KN_F32, 2);
    expect(kn_s6_scan(b->q, &a), MLM_E_SHAPE, "s6_scan: skip is [2], wanted [3]");
}

static void test_grids(void **state)
{
    bench           *b    = *state;
    kn_pool2d_args   pool = {.x = T3(0, 1, 9, 2), .y = T3(512, 1, 4, 2), .from = 3, .to = 2};
    kn_dwconv2d_args conv = {.x    = T3(0, 1, 9, 2),
                             .w    = T2(128, 2, 9),
                             .bias = T1(256, KN_F32, 2),
                             .y    = T3(512, 1, 9, 2),
                             .side = 3};
    assert_int_equal(kn_pool2d(b->q, &pool), MLM_OK);
    assert_int_equal(kn_dwconv2d(b->q, &conv), MLM_OK);
    pool.from = 4;
    expect(kn_pool2d(b->q, &pool), MLM_E_SHAPE, "pool2d: x has not from * from tokens");
    pool.from = 3;
    pool.to   = 3;
    expect(kn_pool2d(b->q, &pool), MLM_E_SHAPE, "pool2d: y is [1,4,2], wanted [1,9,2]");
    pool.to = 0;
    expect(kn_pool2d(b->q, &pool), MLM_E_RANGE, "pool2d: to is 0");
    conv.y = conv.x;
    expect(kn_dwconv2d(b->q, &conv), MLM_E_SHAPE, "dwconv2d: ");
    conv.y = T3(512, 1, 9, 2);
    conv.w = T2(128, 2, 8);
    expect(kn_dwconv2d(b->q, &conv), MLM_E_SHAPE, "dwconv2d: w is [2,8], wanted [2,9]");
    conv.w    = T2(128, 2, 9);
    conv.side = 2;
    expect(kn_dwconv2d(b->q, &conv), MLM_E_SHAPE, "dwconv2d: x has not side * side tokens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),  cmocka_unit_test(test_views),   cmocka_unit_test(test_groups),
        cmocka_unit_test(test_overlap), cmocka_unit_test(test_conv1d),  cmocka_unit_test(test_ssd),
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_s6_scan), cmocka_unit_test(test_grids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
