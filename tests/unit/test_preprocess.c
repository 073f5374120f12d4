/* test_preprocess.c: preprocessor_config.json is read strictly; placement, padding and limits of the three fits. */
#include "kernels/base/mlm_rng.h"
#include "vision/preprocess.h"
#include "vision/resize_rows.h"

#include "tests/support/cm.h"

#include <stdio.h>
#include <stdlib.h>

#define GOOD_REST                                                                                            \
    "\"size\":{\"height\":28,\"width\":28},\"resample\":2,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,"  \
    "0.25,0.5]"

static mlm_status parse(vision_preprocess *out, const char *text)
{
    mlm_json *doc = NULL;
    assert_int_equal(mlm_json_parse(&doc, text, strlen(text), "p.json", 0), MLM_OK);
    mlm_status status = vision_preprocess_parse(out, mlm_json_root(doc), "p.json");
    mlm_json_free(doc);
    return status;
}

static void good_files_are_read(void **state)
{
    (void)state;
    vision_preprocess p;
    assert_int_equal(parse(&p, "{\"resize_mode\":\"letterbox\",\"pad_value\":0.25," GOOD_REST "}"), MLM_OK);
    assert_int_equal(p.size, 28);
    assert_int_equal(p.fit, VISION_FIT_LETTERBOX);
    assert_int_equal(p.filter, VISION_BILINEAR);
    assert_true(p.pad_value == 0.25f && p.mean[2] == 0.5f && p.std[1] == 0.25f);
    assert_int_equal(parse(&p, "{\"resize_mode\":\"resize-crop\"," GOOD_REST "}"), MLM_OK);
    assert_int_equal(p.fit, VISION_FIT_CROP);
    assert_true(p.pad_value == 0.5f);
    assert_int_equal(
        parse(&p, "{\"resize_mode\":\"resize-naive\",\"do_normalize\":false,\"size\":384,\"resample\":3}"),
        MLM_OK);
    assert_int_equal(p.fit, VISION_FIT_NAIVE);
    assert_true(p.size == 384 && p.mean[0] == 0.0f && p.std[0] == 1.0f);
    assert_string_equal(vision_fit_name(VISION_FIT_CROP), "crop");
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"resize_mode\":\"stretch\"," GOOD_REST "}", "letterbox"},
        {"{" GOOD_REST "}", "resize_mode"},
        {"{\"resize_mode\":\"naive\",\"size\":{\"height\":28,\"width\":42},\"resample\":2}", "must be equal"},
        {"{\"resize_mode\":\"naive\",\"size\":{\"height\":13,\"width\":13},\"resample\":2}", "13"},
        {"{\"resize_mode\":\"naive\",\"size\":5000,\"resample\":2}", "5000"},
        {"{\"resize_mode\":\"naive\",\"size\":28,\"resample\":1}", "resample is 1"},
        {"{\"resize_mode\":\"naive\",\"size\":28,\"resample\":2,\"image_mean\":[0,0,0],\"image_std\":[1,0,1]"
         "}",
         "image_std[1]"},
        {"{\"resize_mode\":\"naive\",\"size\":28,\"resample\":2,\"image_mean\":[0,0],\"image_std\":[1,1,1]}",
         "image_mean"},
        {"{\"resize_mode\":\"naive\",\"do_resize\":false," GOOD_REST "}", "do_resize"},
        {"{\"resize_mode\":\"naive\",\"rescale_factor\":0.5," GOOD_REST "}", "rescale_factor"},
        {"{\"resize_mode\":\"naive\",\"pad_value\":2," GOOD_REST "}", "pad_value"},
        {"[]", "must be an object"},
    };
    vision_preprocess p;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(&p, cases[i][0]), MLM_E_CONFIG);
        assert_message_has("p.json");
        assert_message_has(cases[i][1]);
    }
}

static vision_placement place(vision_fit fit, int S, int w, int h)
{
    vision_preprocess p     = {S, fit, VISION_BILINEAR, 0.5f, {0, 0, 0}, {1, 1, 1}};
    vision_image      img   = {.width = w, .height = h};
    vision_placement  place = {0};
    assert_int_equal(vision_preprocess_run(&p, &img, NULL, NULL, &place, NULL), MLM_OK);
    return place;
}

static void pictures_are_placed(void **state)
{
    (void)state;
    vision_placement a = place(VISION_FIT_LETTERBOX, 224, 448, 449); /* 223.501 rounds to 224 */
    assert_true(a.x == 0 && a.y == 0 && a.width == 224 && a.height == 224);
    a = place(VISION_FIT_LETTERBOX, 224, 448, 5); /* 2.5 rounds to the even 2 */
    assert_true(a.x == 0 && a.y == 111 && a.width == 224 && a.height == 2);
    a = place(VISION_FIT_LETTERBOX, 224, 448, 7); /* 3.5 to 4 */
    assert_true(a.height == 4 && a.y == 110);
    a = place(VISION_FIT_LETTERBOX, 224, 1, 16384);
    assert_true(a.width == 1 && a.x == 111 && a.height == 224);
    a = place(VISION_FIT_CROP, 100, 301, 200); /* 150 wide, cut at 25 */
    assert_true(a.x == 0 && a.width == 100 && a.src_x > 50.1f && a.src_x < 50.2f && a.src_y == 0.0f &&
                a.src_h == 200.0f);
    a = place(VISION_FIT_NAIVE, 100, 301, 200);
    assert_true(a.width == 100 && a.height == 100 && a.src_w == 301.0f && a.src_h == 200.0f);
}

static void padding_is_exact(void **state)
{
    (void)state;
    enum { S = 16 };
    vision_preprocess p = {S,    VISION_FIT_LETTERBOX,  VISION_BILINEAR,
                           0.3f, {0.5f, 0.25f, 0.125f}, {0.5f, 0.25f, 0.75f}};
    vision_image      img;
    uint8_t           rgb[3 * S * 4], view[3 * S * S];
    float             pixels[3 * S * S];
    memset(rgb, 200, sizeof rgb);
    assert_int_equal(vision_image_from_rgb(&img, rgb, S, 4),
                     MLM_OK); /* not resized, padded above and below */
    assert_int_equal(vision_preprocess_run(&p, &img, pixels, view, NULL, NULL), MLM_OK);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < S; y++)
            for (int x = 0; x < S; x++) {
                bool  in   = y >= 6 && y < 10;
                float want = ((in ? 200.0f / 255.0f : 0.3f) - p.mean[c]) / p.std[c];
                assert_true(pixels[(c * S + y) * S + x] == want);
                assert_int_equal(view[3 * (y * S + x) + c], in ? 200 : 77); /* 76.5 */
            }
    vision_image_free(&img);
}

/* Whoever takes which rows. */
static void threads_change_nothing(void **state)
{
    (void)state;
    enum { W = 301, H = 217, S = 64 };
    static uint8_t rgb[3 * W * H], view[2][3 * S * S];
    static float   pixels[2][3 * S * S];
    vision_image   img     = {0};
    mlm_threads   *threads = NULL;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 2654435761u >> 13);
    assert_int_equal(mlm_threads_create(&threads, 3), MLM_OK);
    assert_int_equal(vision_image_from_rgb(&img, rgb, W, H), MLM_OK);
    for (int fit = VISION_FIT_NAIVE; fit <= VISION_FIT_LETTERBOX; fit++) {
        vision_preprocess p = {S,    (vision_fit)fit,       VISION_BICUBIC,
                               0.3f, {0.5f, 0.25f, 0.125f}, {0.5f, 0.25f, 0.75f}};
        for (int k = 0; k < 2; k++)
            assert_int_equal(
                vision_preprocess_run(&p, &img, pixels[k], view[k], NULL, k == 0 ? NULL : threads), MLM_OK);
        assert_memory_equal(view[0], view[1], sizeof view[0]);
        assert_memory_equal(pixels[0], pixels[1], sizeof pixels[0]);
    }
    vision_image_free(&img);
    mlm_threads_free(threads);
}

static void limits_are_kept(void **state)
{
    (void)state;
    vision_preprocess p   = {224, VISION_FIT_CROP, VISION_BILINEAR, 0.5f, {0, 0, 0}, {1, 1, 1}};
    vision_image      img = {.width = 16384, .height = 1};
    assert_int_equal(vision_preprocess_run(&p, &img, NULL, NULL, NULL, NULL), MLM_E_RANGE);
    assert_message_has("16384 x 1 is too long");
    uint8_t one[3] = {0}, out[3];
    float   cell   = 0.0f;
    assert_int_equal(vision_resize_rgb(out, 0, 1, one, 1, 1, VISION_BICUBIC, NULL), MLM_E_RANGE);
    assert_int_equal(vision_resize_rgb(out, 1, 1, one, 16385, 1, VISION_BICUBIC, NULL), MLM_E_RANGE);
    assert_int_equal(vision_resize_rgb(out, 1, 1, one, 1, 1, (vision_filter)1, NULL), MLM_E_UNSUPPORTED);
    assert_int_equal(vision_resize_grid_f32(&cell, 1, 1, &cell, 1, 1, 0), MLM_E_RANGE);
}

/* With AVX2 and without: the same bytes, for all remainders of taps and rows, and nothing behind the picture is used. */
static void test_resize_avx2(void **state)
{
    static const int sides[][4] = {{384, 384, 1024, 768}, {224, 224, 225, 223}, {37, 41, 5, 6},
                                   {19, 14, 6, 900},      {33, 33, 7, 33},      {14, 14, 4096, 3},
                                   {100, 60, 61, 1},      {1, 1, 999, 40},      {61, 17, 640, 17},
                                   {384, 384, 385, 384}};
    mlm_rng          rng        = mlm_rng_seed(11, 4);
    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        for (int filter = VISION_BILINEAR; filter <= VISION_BICUBIC; filter++) {
            int            dw = sides[i][0], dh = sides[i][1], sw = sides[i][2], sh = sides[i][3];
            size_t         n = 3 * (size_t)sw * (size_t)sh, m = 3 * (size_t)dw * (size_t)dh;
            unsigned char *src = malloc(n), *a = malloc(m), *b = malloc(m);
            assert_true(src != NULL && a != NULL && b != NULL);
            for (size_t k = 0; k < n; k++)
                src[k] = (unsigned char)(mlm_rng_next(&rng) % 3 ? 255 * (mlm_rng_next(&rng) & 1)
                                                                : mlm_rng_next(&rng) & 255);
            assert_int_equal(resize_rgb_with(false, a, dw, dh, src, sw, sh, (vision_filter)filter, NULL),
                             MLM_OK);
            assert_int_equal(
                resize_rgb_with(resize_has_avx2(), b, dw, dh, src, sw, sh, (vision_filter)filter, NULL),
                MLM_OK);
            assert_memory_equal(a, b, m);
            free(src);
            free(a);
            free(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),    cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(pictures_are_placed),    cmocka_unit_test(padding_is_exact),
        cmocka_unit_test(threads_change_nothing), cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(test_resize_avx2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
