/*
 * test_image_hostile.c: pictures that are cut, damaged, far too large or no pictures at all: each gives a
 * status and one line that names the file, within bounded memory.
 */
#include "tests/unit/images_support.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_rng.h"
#include "tests/support/temp_dir.h"

#include <sys/resource.h>
#include <sys/stat.h>

static mlm_status load(const char *name, const uint8_t *bytes, size_t n)
{
    vision_image img;
    uint8_t     *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    mlm_status status = vision_image_load_memory(&img, exact, n, name, NULL);
    free(exact);
    if (status == MLM_OK) {
        assert_true(img.width > 0 && img.height > 0 && img.rgb && img.orientation >= 1 &&
                    img.orientation <= 8);
    } else {
        assert_true(status == MLM_E_FORMAT || status == MLM_E_RANGE || status == MLM_E_UNSUPPORTED);
        assert_null(img.rgb);
        assert_message_has(name);
    }
    vision_image_free(&img);
    return status;
}

static long peak_kb(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void refuse_bomb(const char *name, const uint8_t *bytes, size_t n, const char *size)
{
    long   before = peak_kb();
    double start  = mlm_now_ms();
    assert_int_equal(load(name, bytes, n), MLM_E_RANGE);
    print_message("%s claiming %s: refused in %.3f ms\n", name, size, mlm_now_ms() - start);
    assert_message_has(size);
    assert_message_has("the limit is 16384 a side and 67108864 pixels");
    assert_true(peak_kb() - before < 64 * 1024);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    uint8_t png[4096] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR";
    png[24]           = 8;
    png[25]           = 2;
    put_be32(png + 16, 20000);
    put_be32(png + 20, 20000);
    refuse_bomb("photo.png", png, sizeof png, "photo.png: picture is 20000 x 20000,");
    put_be32(png + 16, 16384);
    put_be32(png + 20, 4097);
    refuse_bomb("photo.png", png, sizeof png, "16384 x 4097");
    put_be32(png + 20, 4096); /* within the limit, but 4 KB cannot hold it: refused without pixel memory */
    assert_int_equal(load("photo.png", png, sizeof png), MLM_E_FORMAT);
    assert_message_has("cannot hold");

    uint8_t gif[64] = "GIF89a\xFF\xFF\xFF\xFF";
    refuse_bomb("a.gif", gif, sizeof gif, "65535 x 65535");
    uint8_t tga[64] = {0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x00, 0x10, 24, 0};
    refuse_bomb("a.tga", tga, sizeof tga, "65535 x 4096");
    uint8_t bmp[64] = {'B', 'M', 0, 0, 0, 0, 0,    0, 0, 0, 54,   0, 0, 0,  40,
                       0,   0,   0, 0, 0, 0, 0x40, 0, 0, 0, 0xC0, 1, 0, 24, 0};
    refuse_bomb("a.bmp", bmp, sizeof bmp, "1073741824 x 1073741824");
    uint8_t webp[64] =
        "RIFF\x38\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\xFE\x3F\0\xFE\x3F\0VP8L\x1A\0\0\0\x2F\xFE\xBF\xFF\x0F";
    refuse_bomb("a.webp", webp, sizeof webp, "16383 x 16383");
}

static void find_jpegs(const char *name, const uint8_t *bytes, size_t n)
{
    if (strcmp(name, "jpeg_sub2_prog.jpg") != 0)
        return;
    uint8_t *copy = malloc(n + 200 * n);
    size_t   sof = 2, scan = n - 2;
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    while (bytes[sof + 1] != 0xC2)
        sof += 2 + (size_t)(bytes[sof + 2] << 8 | bytes[sof + 3]);
    memcpy(copy + sof + 5, "\xFF\xDC\xFF\xDC", 4); /* 65500 x 65500 */
    refuse_bomb("a.jpg", copy, n, "65500 x 65500");
    memcpy(copy + sof + 5, "\x10\0\x40\0", 4); /* allowed, but not in so few bytes */
    assert_int_equal(load("a.jpg", copy, n), MLM_E_FORMAT);
    assert_message_has("cannot hold 16384 x 4096");

    while (bytes[scan] != 0xFF || bytes[scan + 1] != 0xDA)
        scan--;
    memcpy(copy, bytes, n);
    size_t len = n - 2 - scan, end = n - 2;
    for (int i = 0; i < 95 + 10; i++, end += len)
        memcpy(copy + end, bytes + scan, len);
    memcpy(copy + end, "\xFF\xD9", 2);
    assert_int_equal(load("scans.jpg", copy, end + 2), MLM_E_RANGE);
    assert_message_has("scans.jpg: progressive JPEG of 61 x 45 has more than 100 scans");
    end -= 20 * len; /* 10 + 85 scans are still read */
    memcpy(copy + end, "\xFF\xD9", 2);
    assert_int_equal(load("scans.jpg", copy, end + 2), MLM_OK);
    free(copy);
}

static void jpeg_bombs_are_refused(void **state)
{
    (void)state;
    images_each(find_jpegs);
}

static void cut_at_sixteenths(const char *name, const uint8_t *bytes, size_t n)
{
    /* The last part of these is not needed: text behind the end, later frames, footers. */
    bool rest_is_free = images_is(name, ".tga") || images_is(name, ".gif") || strstr(name, "trailing") ||
                        strstr(name, "anim") || strstr(name, "apng") || images_is(name, ".tif");
    for (size_t k = 0; k < 16; k++) {
        mlm_status status = load(name, bytes, n * k / 16);
        if (status == MLM_OK && (!rest_is_free || k < 4))
            fail_msg("%s is accepted when cut to %zu/16", name, k);
    }
}

static void cut_pictures_are_refused(void **state)
{
    (void)state;
    images_each(cut_at_sixteenths);
}

static void flip_bits(const char *name, const uint8_t *bytes, size_t n)
{
    mlm_rng  rng  = mlm_rng_seed(n, 7);
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    for (int i = 0; i < 60; i++) {
        memcpy(copy, bytes, n);
        for (int k = 0; k <= i % 4; k++) { /* half of the flips near the headers */
            size_t at = mlm_rng_next(&rng) % (i % 2 && n > 64 ? 64 : n);
            copy[at]  = (uint8_t)(copy[at] ^ 1u << mlm_rng_next(&rng) % 8);
        }
        (void)load(name, copy, n);
    }
    free(copy);
}

static void damaged_pictures_are_survived(void **state)
{
    (void)state;
    images_each(flip_bits);
}

static void other_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t      n;
        const char *message;
    } files[] = {
        {"%PDF-1.7\n", 9,
         "x: not a picture that mlmamba can read (first bytes 25 50 44 46 2d 31 2e 37: looks like PDF)"},
        {"<?xml version='1.0'?>\n<svg/>", 28, "looks like SVG"},
        {"<html></html>", 13, "looks like an HTML page"},
        {"\0\0\1\0\1\0\x10\x10\0\0", 10, "looks like an icon (ICO)"},
        {"\0\0\2\0\1\0\x10\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "looks like a cursor (CUR)"},
        {"\xFF\x0A\0\0", 4, "looks like JPEG XL"},
        {"\0\0\0\x0CjP  \r\n\x87\n", 12, "looks like JPEG 2000"},
        {"8BPS\0\1", 6, "looks like a Photoshop file"},
        {"P6\n1 1\n255\n\1\2\3", 14, "looks like a PNM picture"},
        {"PK\3\4....", 8, "looks like a ZIP archive"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "looks like a Git LFS pointer"},
        {"\0\0\0\x18"
         "ftypmp42....",
         16, "looks like a film"},
        {"just a few words\n", 17, "looks like text"},
        {"\1\2\3\4\5\6\7", 7, "(first bytes 01 02 03 04 05 06 07)"},
        {"\xFF", 1, "x: not a picture"},
        {"", 0, "x: file is empty"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_int_equal(load("x", (const uint8_t *)files[i].bytes, files[i].n), MLM_E_FORMAT);
        assert_message_has(files[i].message);
    }
}

static void odd_paths_are_refused(void **state)
{
    (void)state;
    temp_dir     dir;
    vision_image img;
    temp_dir_open(&dir);
    assert_int_equal(vision_image_load_file(&img, temp_dir_path(&dir, "none.png"), NULL), MLM_E_NOTFOUND);
    assert_message_has("none.png");
    assert_null(img.rgb);
    assert_int_not_equal(vision_image_load_file(&img, dir.path, NULL), MLM_OK);
    assert_message_has(dir.path);
    const char *fifo = temp_dir_path(&dir, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_not_equal(vision_image_load_file(&img, fifo, NULL),
                         MLM_OK); /* and does not wait for a writer */
    assert_message_has("fifo");
    assert_int_equal(vision_image_load_file(&img, temp_dir_write(&dir, "empty.jpg", "", 0), NULL),
                     MLM_E_FORMAT);
    assert_message_has("empty.jpg: file is empty");
    assert_int_not_equal(vision_image_load_file(&img, "/dev/zero", NULL), MLM_OK);
    assert_null(img.rgb);
    temp_dir_close(&dir);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    vision_image img;
    uint8_t      one[3] = {1, 2, 3};
    assert_int_equal(vision_image_from_rgb(&img, one, 0, 1), MLM_E_FORMAT);
    assert_int_equal(vision_image_from_rgb(&img, one, 16385, 1), MLM_E_RANGE);
    assert_null(img.rgb);
    assert_int_equal(vision_image_from_rgb(&img, one, 1, 1), MLM_OK);
    assert_memory_equal(img.rgb, one, 3);
    assert_int_equal(img.format, VISION_FORMAT_RAW);
    vision_image_free(&img);
    assert_null(img.rgb);
    assert_string_equal(vision_format_name(VISION_FORMAT_WEBP), "WebP");
    assert_true(vision_format_supported(VISION_FORMAT_JPEG));
    assert_false(vision_format_supported(VISION_FORMAT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bombs_are_refused), /* first: they read the peak of this process */
        cmocka_unit_test(jpeg_bombs_are_refused),
        cmocka_unit_test(cut_pictures_are_refused),
        cmocka_unit_test(damaged_pictures_are_survived),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(odd_paths_are_refused),
        cmocka_unit_test(sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
