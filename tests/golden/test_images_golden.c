/*
 * test_images_golden.c: pictures, resizing and preprocessing against Pillow 9.4.0 and torch: 0 differing bytes.
 * Data and the meaning of the hash: make_images.py.
 */
#include "vision/preprocess.h"

#include "kernels/base/mlm_file.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA MLM_SOURCE_DIR "/tests/golden/data/images/"

static uint64_t digest(const uint8_t *p, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = h * 6364136223846793005ULL + p[i] + 1;
    return h;
}

static uint8_t noise(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 0x9E3779B1u + seed;
    x ^= x >> 15;
    return (uint8_t)((x * 0x85EBCA77u) >> 24);
}

static uint8_t *noise_image(int w, int h, uint32_t seed)
{
    size_t   n = 3 * (size_t)w * (size_t)h;
    uint8_t *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = noise((uint32_t)i, seed);
    return p;
}

static FILE *open_list(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, DATA "%s", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

/* One line of decode.txt: the picture as stored and upright. */
static int check_picture(const char *name, int width, int height, int orientation, uint64_t stored,
                         uint64_t upright)
{
    int  wrong = 0;
    char path[512];
    (void)snprintf(path, sizeof path, DATA "%s", name);
    for (int pass = 0; pass < 2; pass++) {
        vision_image_options opt = {.ignore_orientation = pass == 1};
        vision_image         img;
        if (vision_image_load_file(&img, path, &opt) != MLM_OK) {
            print_error("%s\n", mlm_error_message());
            return 1;
        }
        bool     turned  = orientation > 1 && (pass == 0 || img.format == VISION_FORMAT_TIFF);
        bool     swapped = !turned && orientation >= 5;
        uint64_t got     = digest(img.rgb, 3 * (size_t)img.width * (size_t)img.height);
        if (img.width != (swapped ? height : width) || img.height != (swapped ? width : height) ||
            img.orientation != orientation || img.rotated != turned ||
            got != (pass == 0 ? upright : stored)) {
            print_error("%s: %d x %d orientation %d %s hash %016" PRIx64
                        ", Pillow has %d x %d orientation %d hash %016" PRIx64 "\n",
                        name, img.width, img.height, img.orientation, pass ? "as stored" : "upright", got,
                        width, height, orientation, pass == 0 ? upright : stored);
            wrong++;
        }
        vision_image_free(&img);
    }
    return wrong;
}

static void pictures_equal_pillow(void **state)
{
    (void)state;
    FILE    *f = open_list("decode.txt");
    char     name[128];
    int      width, height, orientation, wrong = 0, n = 0;
    uint64_t stored, upright;
    while (fscanf(f, "%127s %d %d %d %" SCNx64 " %" SCNx64, name, &width, &height, &orientation, &stored,
                  &upright) == 6) {
        size_t len = strlen(name);
        if (!vision_format_supported(VISION_FORMAT_TIFF) && len > 4 && strcmp(name + len - 4, ".tif") == 0)
            continue;
        wrong += check_picture(name, width, height, orientation, stored, upright);
        n++;
    }
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n >= 120);
}

static void resizing_equals_pillow(void **state)
{
    (void)state;
    FILE    *f = open_list("resize.txt");
    int      sw, sh, dw, dh, filter, wrong = 0, n = 0;
    uint64_t want;
    while (fscanf(f, "%d %d %d %d %d %" SCNx64, &sw, &sh, &dw, &dh, &filter, &want) == 6) {
        uint8_t *src = noise_image(sw, sh, (uint32_t)(n / 2)), *dst = malloc(3 * (size_t)dw * (size_t)dh);
        assert_non_null(dst);
        assert_int_equal(vision_resize_rgb(dst, dw, dh, src, sw, sh, (vision_filter)filter, NULL), MLM_OK);
        if (digest(dst, 3 * (size_t)dw * (size_t)dh) != want) {
            print_error("%d x %d to %d x %d, filter %d differs\n", sw, sh, dw, dh, filter);
            wrong++;
        }
        free(src);
        free(dst);
        n++;
    }
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n >= 400);
}

static void grids_equal_torch(void **state)
{
    (void)state;
    static const int grids[3][2] = {{37, 27}, {27, 16}, {16, 24}};
    char            *data        = NULL;
    size_t           n = 0, at = 0;
    assert_int_equal(mlm_file_read(&data, &n, DATA "grid.f32", 1 << 20, "grid"), MLM_OK);
    for (int g = 0; g < 3; g++) {
        int    from = grids[g][0], to = grids[g][1], n_in = from * from * 5, n_out = to * to * 5;
        float *src = malloc((size_t)n_in * sizeof *src), *dst = malloc((size_t)n_out * sizeof *dst),
              worst = 0.0f;
        assert_true(src && dst && at + (size_t)n_out * sizeof(float) <= n);
        for (int i = 0; i < n_in; i++)
            src[i] = (float)noise((uint32_t)i, (uint32_t)from) / 256.0f - 0.5f;
        assert_int_equal(vision_resize_grid_f32(dst, to, to, src, from, from, 5), MLM_OK);
        for (int i = 0; i < n_out; i++, at += sizeof(float)) {
            float want;
            memcpy(&want, data + at, sizeof want);
            worst = fmaxf(worst, fabsf(want - dst[i]));
        }
        assert_true(worst < 2e-6f);
        free(src);
        free(dst);
    }
    assert_int_equal(at, n);
    free(data);
}

static void pixels_equal_reference(void **state)
{
    (void)state;
    static const struct {
        vision_fit    fit;
        vision_filter filter;
    } kinds[3] = {{VISION_FIT_NAIVE, VISION_BICUBIC},
                  {VISION_FIT_CROP, VISION_BICUBIC},
                  {VISION_FIT_LETTERBOX, VISION_BILINEAR}};
    enum { S = 28, N = 3 * S * S };
    char  *data = NULL;
    size_t n = 0, at = 0;
    assert_int_equal(mlm_file_read(&data, &n, DATA "preprocess.f32", 1 << 20, "reference"), MLM_OK);
    assert_int_equal(n, 6 * N * sizeof(float));
    for (int p = 0; p < 2; p++) {
        int          w = p ? 61 : 97, h = p ? 97 : 61;
        uint8_t     *rgb = noise_image(w, h, (uint32_t)w);
        vision_image img;
        assert_int_equal(vision_image_from_rgb(&img, rgb, w, h), MLM_OK);
        free(rgb);
        for (int k = 0; k < 3; k++, at += N * sizeof(float)) {
            vision_preprocess pre = {
                S, kinds[k].fit, kinds[k].filter, 0.5f, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
            float want[N], got[N], worst = 0.0f;
            memcpy(want, data + at, sizeof want);
            assert_int_equal(vision_preprocess_run(&pre, &img, got, NULL, NULL, NULL), MLM_OK);
            for (int i = 0; i < N; i++)
                worst = fmaxf(worst, fabsf(want[i] - got[i]));
            if (worst > 1e-6f)
                print_error("%d x %d %s: off by %g\n", w, h, vision_fit_name(pre.fit), (double)worst);
            assert_true(worst <= 1e-6f);
        }
        vision_image_free(&img);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_equal_pillow),
        cmocka_unit_test(resizing_equals_pillow),
        cmocka_unit_test(grids_equal_torch),
        cmocka_unit_test(pixels_equal_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
