/* test_desk_soak.c: memory after many questions and many pictures; the times of first answers.  Run by hand (label slow). */
#include "tests/desktop/desk_fixture.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static double resident_mb(void)
{
    unsigned long size = 0, pages = 0;
    FILE         *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &pages), 2);
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

/* A picture of its own for each number. */
static void write_picture(const char *path, int number)
{
    enum { SIDE = 640 };
    uint8_t *rgb = malloc((size_t)SIDE * SIDE * 3), *jpeg = NULL;
    size_t   n = 0;
    assert_non_null(rgb);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        rgb[i] = (uint8_t)(i * 7 / 640 + number * 13);
    mlmamba_image *img = NULL;
    assert_int_equal(mlmamba_image_from_rgb(&img, rgb, SIDE, SIDE), MLM_OK);
    assert_int_equal(mlmamba_image_encode_jpeg(&jpeg, &n, img, 0, 90), MLM_OK);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(jpeg, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    mlmamba_bytes_free(jpeg);
    mlmamba_image_free(img);
    free(rgb);
}

static void test_many_questions(void **state)
{
    desk_fixture f;
    double       early = 0;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_drop(&f, SCENE(0));
    assert_true(desk_until(&f, f.m->engine == UI_ENGINE_READY && f.m->chat->n_pictures == 1));
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 0)
            desk_do(&f, UI_ACT_NEW_QUESTION, 0, 0, NULL);
        (void)desk_ask(&f, i % 2 == 0 ? TOP : COLOR);
        assert_int_equal(desk_last(&f)->stats.n_image_tokens, i == 0 ? f.m->facts.n_image_tokens : 0);
        if (i == 19)
            early = resident_mb();
    }
    double late = resident_mb();
    print_message("after 20 questions %.0f MB, after 100 %.0f MB, states %s\n", early, late,
                  f.m->status.memory);
    /* The quota of states, 256 MB, and some. */
    assert_true(SANITIZED || late - early < 300);
    desk_fixture_close(&f);
}

static void test_many_pictures(void **state)
{
    desk_fixture f;
    char         path[512];
    double       early = 0, first[200];
    (void)state;
    desk_fixture_open(&f, NULL);
    ui_action kept = {.type = UI_ACT_SET, .index = UI_SET_KEPT_MB, .number = 64};
    (void)ui_act(f.m, &kept, desk_now());
    assert_true(desk_until(&f, f.m->engine != UI_ENGINE_LOADING));
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->engine == UI_ENGINE_READY));
    for (int i = 0; i < 200; i++) {
        (void)snprintf(path, sizeof path, "%s", temp_dir_path(&f.dir, "p"));
        (void)snprintf(path + strlen(path), sizeof path - strlen(path), "%03d.jpg", i);
        write_picture(path, i);
        double begin = desk_now();
        desk_drop(&f, path);
        assert_true(desk_until(&f, f.m->chat->n_pictures == i + 1));
        desk_type(&f, COLOR);
        desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
        assert_true(desk_until(&f, desk_last(&f)->answer_bytes > 0 || !ui_is_busy(f.m)));
        first[i] = desk_now() - begin;
        assert_true(desk_idle(&f));
        if (i % 50 == 49)
            print_message("after %d pictures %.0f MB\n", i + 1, resident_mb());
        if (i == 49)
            early = resident_mb();
    }
    double late = resident_mb();
    for (int i = 1; i < 200; i++) /* insertion sort: for the median */
        for (int j = i; j > 0 && first[j] < first[j - 1]; j--) {
            double swap  = first[j];
            first[j]     = first[j - 1];
            first[j - 1] = swap;
        }
    print_message("drop to first token: median %.0f ms, p95 %.0f ms\n", first[100], first[190]);
    print_message("after 50 pictures %.0f MB, after 200 %.0f MB, quota 64 MB, %s\n", early, late,
                  f.m->status.memory);
    assert_true(SANITIZED || late - early < 64);
    desk_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_questions),
                                       cmocka_unit_test(test_many_pictures)};
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20); /* as the program does: window_prepare_heap */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
