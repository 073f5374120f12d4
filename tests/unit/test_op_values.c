/*
 * test_op_values.c: the oracle itself, against numbers worked out by hand, and the comparison that every parity
 * and golden test rests on.
 */
#include "kernels/kernels.h"
#include "tests/support/tensor_compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct oracle {
    kn_device *dev;
    kn_queue  *q;
    kn_arena   arena;
} oracle;

static int set_up(void **state)
{
    static oracle o;
    *state = &o;
    return kn_device_open(&o.dev, &(kn_device_options){.name = "ref"}) == MLM_OK &&
                   kn_queue_create(&o.q, o.dev) == MLM_OK &&
                   kn_arena_create(&o.arena, o.dev, 1 << 16) == MLM_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    oracle *o = *state;
    kn_arena_free(&o->arena);
    kn_queue_free(o->q);
    kn_device_close(o->dev);
    return 0;
}

static kn_tensor put(oracle *o, kn_dtype dtype, int rank, const int64_t *dim, const void *values)
{
    kn_tensor t = kn_arena_take(&o->arena, dtype, rank, dim);
    assert_true(kn_present(t));
    if (values != NULL)
        assert_int_equal(kn_upload(o->q, t, values, (size_t)kn_count(t) * kn_dtype_size(dtype)), MLM_OK);
    return t;
}

#define F32(rank_dims, ...)                                                                                  \
    put(o, KN_F32, (int)(sizeof(rank_dims) / sizeof(int64_t)), rank_dims, (const float[]){__VA_ARGS__})
#define EMPTY(rank_dims) put(o, KN_F32, (int)(sizeof(rank_dims) / sizeof(int64_t)), rank_dims, NULL)
#define EXPECT(t, ...)                                                                                       \
    assert_true(tensor_close(#t, (const float[]){__VA_ARGS__}, kn_host_data(t), kn_count(t), 1e-6))

static void test_linear(void **state)
{
    oracle    *o        = *state;
    kn_matrix *w        = NULL;
    int8_t     q[6]     = {1, 2, 3, -1, 0, 4};
    float      scale[2] = {0.5f, 2.0f};
    assert_int_equal(kn_matrix_create(&w, o->dev, &(kn_matrix_part){q, scale, KN_I8, 2, 3}, 1), MLM_OK);
    kn_tensor      x = F32(KN_DIMS(1, 3), 1.0f, -1.0f, 2.0f), y = EMPTY(KN_DIMS(1, 2));
    kn_linear_args a = {.x = x, .w = w, .y = y};
    assert_int_equal(kn_linear(o->q, &a), MLM_OK);
    EXPECT(y, 2.5f, 14.0f); /* (1 - 2 + 6) / 2, (-1 + 8) * 2 */
    a.bias     = F32(KN_DIMS(2), -1.5f, -14.0f);
    a.gamma    = F32(KN_DIMS(2), 3.0f, 1.0f);
    a.residual = F32(KN_DIMS(1, 2), 10.0f, 20.0f);
    a.act      = KN_ACT_SILU;
    assert_int_equal(kn_linear(o->q, &a), MLM_OK);
    EXPECT(y, 12.193176f, 20.0f); /* 3 silu(1) + 10, silu(0) + 20 */
    a.act = KN_ACT_GELU_ERF;
    assert_int_equal(kn_linear(o->q, &a), MLM_OK);
    EXPECT(y, 12.5240342f, 20.0f); /* gelu(1) = 0.841344746 */
    a.act = KN_ACT_GELU_TANH;
    assert_int_equal(kn_linear(o->q, &a), MLM_OK);
    EXPECT(y, 12.523576f, 20.0f); /* tanh form: 0.841192 */
    kn_tensor ids = put(o, KN_I32, 1, KN_DIMS(3), (const int32_t[]){1, 2, 0}), e = EMPTY(KN_DIMS(3, 3));
    assert_int_equal(kn_embed(o->q, &(kn_embed_args){ids, w, e}), MLM_OK);
    EXPECT(e, -2.0f, 0.0f, 8.0f, 0.0f, 0.0f, 0.0f, 0.5f, 1.0f, 1.5f);
    kn_matrix_free(w);
}

static void test_norms(void **state)
{
    oracle   *o = *state;
    kn_tensor x = F32(KN_DIMS(1, 4), 1.0f, 2.0f, 3.0f, 6.0f), w = F32(KN_DIMS(4), 1.0f, 1.0f, 2.0f, 1.0f);
    kn_tensor b = F32(KN_DIMS(4), 0.0f, 0.0f, 0.0f, 1.0f), y = EMPTY(KN_DIMS(1, 4)),
              z = F32(KN_DIMS(1, 4), 0.0f, 1.0f, 1.0f, 1.0f);
    assert_int_equal(kn_layernorm(o->q, &(kn_layernorm_args){x, w, b, y, 0.0f}), MLM_OK);
    EXPECT(y, -1.06904497f, -0.534522484f, 0.0f, 2.60356745f); /* mean 3, variance 3.5 */
    assert_int_equal(kn_rmsnorm(o->q, &(kn_rmsnorm_args){x, w, y, 0.0f}), MLM_OK);
    EXPECT(y, 0.282842712f, 0.565685425f, 1.69705627f, 1.69705627f); /* mean square 12.5 */
    /* Gated with 2 groups: g = [0, 2s, 3s, 6s]; the factor s = silu(1) cancels. */
    kn_rmsnorm_gated_args g = {.x = x, .z = z, .w = w, .y = y, .n_groups = 2, .scale = 0.5f};
    assert_int_equal(kn_rmsnorm_gated(o->q, &g), MLM_OK);
    EXPECT(y, 0.0f, 0.707106781f, 0.632455532f, 0.632455532f);
    g.accumulate = true;
    assert_int_equal(kn_rmsnorm_gated(o->q, &g), MLM_OK);
    EXPECT(y, 0.0f, 1.41421356f, 1.26491106f, 1.26491106f);
}

static void test_attention(void **state)
{
    oracle *o = *state;
    /* Two tokens, one head of one channel, scale 1: q = [0, ln 3], k = [0, 1], v = [10, 20]. */
    kn_tensor qkv       = F32(KN_DIMS(1, 2, 3), 0.0f, 0.0f, 10.0f, 1.09861229f, 1.0f, 20.0f),
              y         = EMPTY(KN_DIMS(1, 2, 1));
    kn_attention_args a = {.qkv = qkv, .y = y, .n_heads = 1};
    assert_int_equal(kn_attention(o->q, &a), MLM_OK);
    EXPECT(y, 15.0f, 17.5f);
    a.len = put(o, KN_I32, 1, KN_DIMS(1), (const int32_t[]){1});
    assert_int_equal(kn_attention(o->q, &a), MLM_OK);
    assert_true(*(const float *)kn_host_data(y) == 10.0f);
}

static void test_patchify(void **state)
{
    oracle *o = *state;
    float   px[27];
    for (int i = 0; i < 27; i++)
        px[i] = (float)i;
    kn_tensor x = put(o, KN_F32, 4, KN_DIMS(1, 3, 3, 3), px), y = EMPTY(KN_DIMS(1, 1, 12));
    assert_int_equal(kn_patchify(o->q, &(kn_patchify_args){.pixels = x, .y = y, .patch = 2}),
                     MLM_OK); /* the third row and column are left out */
    EXPECT(y, 0.0f, 1.0f, 3.0f, 4.0f, 9.0f, 10.0f, 12.0f, 13.0f, 18.0f, 19.0f, 21.0f, 22.0f);
}

static void test_conv1d(void **state)
{
    oracle   *o = *state;
    kn_tensor x = F32(KN_DIMS(1, 3, 1), 1.0f, 2.0f, 4.0f), w = F32(KN_DIMS(1, 3), 100.0f, 10.0f, 1.0f);
    kn_tensor s = F32(KN_DIMS(1, 2, 1), 5.0f, 7.0f), y = EMPTY(KN_DIMS(1, 3, 1));
    /* silu(v) = v to six digits for v >= 20 */
    assert_int_equal(kn_conv1d(o->q, &(kn_conv1d_args){.x = x, .w = w, .state = s, .y = y}), MLM_OK);
    EXPECT(y, 571.0f, 712.0f, 124.0f);
    EXPECT(s, 2.0f, 4.0f);
    kn_tensor len = put(o, KN_I32, 1, KN_DIMS(1), (const int32_t[]){1});
    assert_int_equal(kn_conv1d(o->q, &(kn_conv1d_args){.x = x, .w = w, .state = s, .len = len, .y = y}),
                     MLM_OK);
    EXPECT(s, 4.0f, 1.0f);
    kn_tensor order = put(o, KN_I32, 1, KN_DIMS(3), (const int32_t[]){2, 1, 0});
    assert_int_equal(kn_conv1d(o->q, &(kn_conv1d_args){.x = x, .w = w, .order = order, .y = y}), MLM_OK);
    EXPECT(y, 4.0f / 1.0183156389f, 42.0f, 421.0f);
}

static void test_scan(void **state)
{
    oracle *o = *state;
    /* One head, P = N = 1.  dt_raw = 30 is dt = 30, held to 1 by dt_max; a = -ln 2 halves the state. */
    kn_tensor   x = F32(KN_DIMS(1, 3, 1), 8.0f, 2.0f, 1.0f), b = F32(KN_DIMS(1, 3, 1), 1.0f, 3.0f, 1.0f);
    kn_tensor   c = F32(KN_DIMS(1, 3, 1), 1.0f, 1.0f, 2.0f), dt = F32(KN_DIMS(1, 3, 1), 30.0f, 30.0f, 30.0f);
    kn_tensor   a = F32(KN_DIMS(1), -0.693147181f), d = F32(KN_DIMS(1), 10.0f), y = EMPTY(KN_DIMS(1, 3, 1));
    kn_tensor   s = put(o, KN_F32, 4, KN_DIMS(1, 1, 1, 1), (const float[]){4.0f});
    kn_ssd_args g = {.x        = x,
                     .b        = b,
                     .c        = c,
                     .dt       = dt,
                     .a        = a,
                     .d        = d,
                     .state    = s,
                     .y        = y,
                     .n_heads  = 1,
                     .n_groups = 1,
                     .dt_max   = 1.0f};
    assert_int_equal(kn_ssd_scan(o->q, &g), MLM_OK);
    EXPECT(y, 90.0f, 31.0f, 23.0f); /* S = 10, 11, 6.5 */
    EXPECT(s, 6.5f);
    g.state      = (kn_tensor){0};
    g.order      = put(o, KN_I32, 1, KN_DIMS(3), (const int32_t[]){2, 1, 0});
    g.accumulate = true;
    assert_int_equal(kn_ssd_scan(o->q, &g), MLM_OK);
    EXPECT(y, 90.0f + 22.0f, 31.0f + 30.0f, 23.0f + 88.0f); /* S = 8, 10, 6, written backwards */
}

static void test_moves(void **state)
{
    oracle   *o  = *state;
    kn_tensor x  = F32(KN_DIMS(2, 2, 2), 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f),
              y  = EMPTY(KN_DIMS(2, 2));
    kn_tensor at = put(o, KN_I32, 1, KN_DIMS(2), (const int32_t[]){1, -9});
    assert_int_equal(kn_take_rows(o->q, &(kn_take_rows_args){x, at, y}), MLM_OK);
    EXPECT(y, 3.0f, 4.0f, 5.0f, 6.0f);
    assert_int_equal(kn_copy(o->q, &(kn_copy_args){kn_slice(kn_row(x, 1), 1, 1, 1), kn_slice(y, 1, 0, 1)}),
                     MLM_OK);
    EXPECT(y, 6.0f, 4.0f, 8.0f, 6.0f);
    assert_int_equal(kn_swiglu(o->q, &(kn_swiglu_args){y, kn_row(x, 0), y}), MLM_OK);
    EXPECT(y, 5.98516426f, 7.85611032f, 23.9919536f, 23.9406571f);
    kn_tensor v   = F32(KN_DIMS(2, 3), NAN, 2.0f, 9.0f, NAN, NAN, NAN),
              ids = put(o, KN_I32, 1, KN_DIMS(2), NULL);
    assert_int_equal(kn_argmax(o->q, &(kn_argmax_args){v, ids, 2}), MLM_OK);
    assert_memory_equal(kn_host_data(ids), ((const int32_t[]){1, -1}), 8);
}

static void test_compare(void **state)
{
    (void)state;
    const float a[4] = {1.0f, -4.0f, 2.0f, NAN}, b[4] = {1.0f, -4.0f, 2.5f, NAN},
                c[4] = {1.0f, -4.0f, 2.0f, 0.0f};
    tensor_diff d    = tensor_compare(a, a, 4, 0.0);
    assert_true(d.nmse == 0.0 && d.max_abs == 0.0 && d.worst == -1 && d.first_bad == -1);
    d = tensor_compare(a, b, 4, 0.1);
    assert_true(fabs(d.max_abs - 0.5) < 1e-12 && fabs(d.max_rel - 0.125) < 1e-12);
    assert_true(fabs(d.nmse - 0.25 / 21.0) < 1e-12);
    assert_true(d.worst == 2 && d.first_bad == 2);
    assert_int_equal(tensor_compare(a, b, 4, 0.2).first_bad, -1);
    d = tensor_compare(a, c, 4, 1e9);
    assert_true(isinf(d.max_rel) && isinf(d.nmse) && d.first_bad == 3);
    assert_true(isinf(tensor_compare(c, a, 4, 1.0).max_abs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),   cmocka_unit_test(test_norms),   cmocka_unit_test(test_attention),
        cmocka_unit_test(test_patchify), cmocka_unit_test(test_conv1d),  cmocka_unit_test(test_scan),
        cmocka_unit_test(test_moves),    cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
