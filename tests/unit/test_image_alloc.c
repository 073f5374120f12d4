/* test_image_alloc.c: the Nth allocation fails while a picture is loaded, for every N: a status, nothing leaked. */
#include "tests/unit/images_support.h"

#include "tests/support/alloc_fail.h"
#include "vision/preprocess.h"

/*
 * One or two of each format.  Left out, because the libraries themselves crash where single small allocations
 * fail: WebP that is lossless or has alpha (libwebp 1.2.4), TIFF (libtiff 4.5.0), HEIC (libheif: C++ exceptions).
 */
static const char *const chosen[] = {
    "jpeg_sub2_prog.jpg", "jpeg_cmyk.jpg", "jpeg_exif6.jpg",  "png_c6_16_il.png", "png_c3_4.png",
    "png_exif6.png",      "webp_q75.webp", "webp_exif6.webp", "webp_anim.webp",   "gif_animated.gif",
    "bmp_rle8.bmp",       "tga_p_rle.tga", "tga_rgb.tga"};

static void fail_each(const char *name, const uint8_t *bytes, size_t n, alloc_fail_mode mode)
{
    vision_image good;
    assert_int_equal(vision_image_load_memory(&good, bytes, n, name, NULL), MLM_OK);
    for (long k = 1; k < 10000; k++) {
        vision_image img;
        long         before = alloc_fail_live();
        alloc_fail_at(k, mode);
        mlm_status status  = vision_image_load_memory(&img, bytes, n, name, NULL);
        bool       reached = alloc_fail_stop();
        if (status != MLM_OK) {
            assert_true(reached);
            assert_null(img.rgb);
            if (status != MLM_E_NOMEM && !images_is(name, ".gif")) /* giflib takes some for damage */
                fail_msg("allocation %ld: %s", k, mlm_error_message());
        } else if (reached) { /* the library did without: the picture must be the same */
            assert_memory_equal(img.rgb, good.rgb, 3 * (size_t)good.width * (size_t)good.height);
            assert_int_equal(img.orientation, good.orientation);
        }
        vision_image_free(&img);
        assert_int_equal(alloc_fail_live(), before);
        if (!reached) {
            assert_int_equal(status, MLM_OK);
            vision_image_free(&good);
            return;
        }
    }
    fail_msg("%s: no end of allocations", name);
}

static void visit(const char *name, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++)
        if (strcmp(name, chosen[i]) == 0) {
            fail_each(name, bytes, n, ALLOC_FAIL_ONCE);
            fail_each(name, bytes, n, ALLOC_FAIL_FOREVER);
        }
}

static void loading_survives(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    images_each(visit);
}

static void preprocessing_survives(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    uint8_t      rgb[3 * 20 * 30] = {0};
    float        pixels[3 * 14 * 14];
    vision_image img;
    assert_int_equal(vision_image_from_rgb(&img, rgb, 20, 30), MLM_OK);
    for (vision_fit fit = VISION_FIT_NAIVE; fit <= VISION_FIT_LETTERBOX; fit++) {
        vision_preprocess p       = {14, fit, VISION_BICUBIC, 0.5f, {0, 0, 0}, {1, 1, 1}};
        bool              reached = true;
        for (long k = 1; reached; k++) {
            long before = alloc_fail_live();
            alloc_fail_at(k, ALLOC_FAIL_ONCE);
            mlm_status status = vision_preprocess_run(&p, &img, pixels, NULL, NULL, NULL);
            reached           = alloc_fail_stop();
            assert_int_equal(status, reached ? MLM_E_NOMEM : MLM_OK);
            assert_int_equal(alloc_fail_live(), before);
        }
    }
    vision_image_free(&img);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loading_survives),
                                       cmocka_unit_test(preprocessing_survives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
