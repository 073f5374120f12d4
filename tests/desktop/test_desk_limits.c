/* test_desk_limits.c: what must not harm: bad and too many files, no memory, no disk, no model any more, closing at any time; and the quotas. */
#include "tests/desktop/desk_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_refused_pictures(void **state)
{
    static const char *const bad[] = {"text.png", "empty.jpg", "pipe", "cut.png"};
    desk_fixture             f;
    char                     path[512];
    (void)state;
    desk_fixture_open(&f, NULL);
    (void)temp_dir_write(&f.dir, bad[0], "this is no picture", 18);
    (void)temp_dir_write(&f.dir, bad[1], "", 0);
    assert_int_equal(mkfifo(temp_dir_path(&f.dir, bad[2]), 0600), 0);
    (void)temp_dir_write(&f.dir, bad[3], "\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s", temp_dir_path(&f.dir, bad[i]));
        desk_drop(&f, path);
        assert_true(desk_until(&f, !f.m->gathering));
        const chat_picture *p = ui_shown_picture(f.m);
        if (i == 1 || i == 2) { /* never even a picture */
            assert_true(f.m->n_toasts > 0);
            assert_non_null(strstr(f.m->toast[f.m->n_toasts - 1].text, i == 1 ? "empty" : "pipe"));
            continue;
        }
        assert_true(desk_until(&f, p->state == CHAT_PICTURE_REFUSED));
        assert_non_null(p->error);
        desk_wait_ready(&f);
        int turns = f.m->chat->n_turns;
        desk_type(&f, TOP);
        assert_false(f.m->composer.can_send);
        desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
        assert_int_equal(f.m->chat->n_turns, turns);
        assert_string_equal(f.m->text[UI_FIELD_INPUT], TOP);
        desk_type(&f, "");
    }
    desk_fixture_close(&f);
}

/* CRC of PNG chunks. */
static uint32_t crc32_of(const unsigned char *bytes, size_t n)
{
    uint32_t c = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        c ^= bytes[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

static void test_huge_picture_and_many_files(void **state)
{
    /* Whole as far as its header goes: 20,000 x 20,000, 1.2 GB of pixels. */
    unsigned char png[33] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x4E\x20\0\0\x4E\x20\x08\x02";
    uint32_t      crc     = crc32_of(png + 12, 17);
    desk_fixture  f;
    char          path[512];
    (void)state;
    for (int i = 0; i < 4; i++)
        png[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    desk_fixture_open(&f, NULL);
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&f.dir, "huge.png", png, sizeof png));
    desk_drop(&f, path);
    assert_true(desk_until(&f, ui_shown_picture(f.m) != NULL &&
                                   ui_shown_picture(f.m)->state == CHAT_PICTURE_REFUSED));
    assert_non_null(strstr(ui_shown_picture(f.m)->error, "20000"));
    /* 10,000 at once: the window's own part stays short, and the first one can be asked about. */
    ui_drop_begin(f.m);
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(path, sizeof path, "%s/n%05d.png", f.dir.path, i);
        assert_int_equal(symlink(SCENE(0), path), 0);
        ui_drop_file(f.m, path);
    }
    double begin = desk_now(), longest = 0;
    ui_drop_end(f.m, desk_now());
    print_message("drop of 10,000 files: %.1f ms\n", desk_now() - begin);
    while (f.m->gathering && desk_now() - begin < 60000) {
        double step = desk_now();
        desk_pump(f.d, desk_now());
        longest = desk_now() - step > longest ? desk_now() - step : longest;
        usleep(500);
    }
    print_message("longest turn of the loop: %.1f ms\n", longest);
    assert_true(f.m->chat->n_pictures > 9990);
    desk_do(&f, UI_ACT_STRIP_VISIBLE, 5000, 20, NULL);
    assert_true(desk_until(&f, f.m->chat->picture[5010]->thumb != NULL));
    assert_true(desk_until(&f, ui_shown_picture(f.m)->image != NULL));
    (void)desk_ask(&f, TOP);
    desk_fixture_close(&f);
}

static void copy_file(const char *from, const char *to)
{
    char   block[65536];
    size_t n;
    FILE  *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        assert_int_equal(fwrite(block, 1, n, out), n);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* The built-in model in a folder of the test. */
static void copy_model(const desk_fixture *f, char model[400])
{
    static const char *const file[] = {"config.json", "model.safetensors", "tokenizer.json",
                                       "preprocessor_config.json"};
    char                     from[512], to[512];
    (void)snprintf(model, 400, "%s/model", f->dir.path);
    assert_int_equal(mkdir(model, 0700), 0);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        (void)snprintf(from, sizeof from, "%s/%s", MODEL_DIR, file[i]);
        (void)snprintf(to, sizeof to, "%.390s/%s", model, file[i]);
        copy_file(from, to);
    }
}

/* What of a question the model does not take is said before the answer and stays in the status line. */
static void test_long_question(void **state)
{
    desk_fixture f;
    char         model[400], to[512], config[8192] = "{\"max_text_tokens\": 11,";
    (void)state;
    desk_fixture_open(&f, NULL);
    copy_model(&f, model);
    (void)snprintf(to, sizeof to, "%.390s/config.json", model);
    FILE  *in = fopen(to, "rb");
    size_t at = strlen(config);
    assert_non_null(in);
    assert_int_equal(fgetc(in), '{');
    size_t n = fread(config + at, 1, sizeof config - at, in);
    assert_true(n > 0 && at + n < sizeof config);
    (void)fclose(in);
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(config, 1, at + n, out), at + n);
    assert_int_equal(fclose(out), 0);
    desk_wait_ready(&f);
    desk_open(&f, SCENE(0));
    (void)desk_ask(&f, TOP);
    assert_int_equal(f.m->n_toasts, 0);
    assert_null(strstr(f.m->status.context, "not taken"));
    desk_do(&f, UI_ACT_NEW_CHAT, 0, 0, NULL);
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, model);
    assert_true(desk_until(&f, f.m->engine != UI_ENGINE_LOADING));
    desk_wait_ready(&f);
    desk_open(&f, SCENE(0));
    (void)desk_ask(&f, TOP);
    assert_true(f.m->n_toasts > 0);
    assert_non_null(
        strstr(f.m->toast[f.m->n_toasts - 1].text, "The question has 13 tokens, the first 11 are used"));
    assert_non_null(strstr(f.m->status.context, ", 2 not taken"));
    desk_fixture_close(&f);
}

static void test_model_directory_removed(void **state)
{
    desk_fixture f;
    char         model[400];
    (void)state;
    desk_fixture_open(&f, NULL);
    copy_model(&f, model);
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, model);
    desk_wait_ready(&f);
    desk_remove_tree(model);
    desk_open(&f, SCENE(0));
    (void)desk_ask(&f, TOP); /* it is in memory */
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->engine != UI_ENGINE_LOADING));
    assert_int_equal(f.m->engine, UI_ENGINE_READY); /* the old one stays */
    assert_non_null(strstr(f.m->engine_error, "/model"));
    (void)desk_ask(&f, COLOR);
    /* A device that there is not, and back. */
    desk_do(&f, UI_ACT_SET, UI_SET_DEVICE, 0, "cuda:77");
    assert_true(f.m->reload_needed);
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    assert_true(desk_until(&f, f.m->engine != UI_ENGINE_LOADING));
    desk_do(&f, UI_ACT_SET, UI_SET_DEVICE, 0, "ref");
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    desk_wait_ready(&f);
    assert_string_equal(f.m->facts.device, "ref");
    assert_false(f.m->reload_needed);
    desk_fixture_close(&f);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* The address space is made too small for what comes, then large again. */
static void test_out_of_memory(void **state)
{
    desk_fixture  f;
    struct rlimit old, small;
    size_t        pages = 0;
    char          path[512];
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(0));
    desk_wait_ready(&f);
    (void)desk_ask(&f, TOP);
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%zu", &pages), 1);
    (void)fclose(statm);
    /* 7,000 x 7,000 grey pixels: 147 MB decoded, a BMP of run lengths would be refused, so a plain one of 8 bits. */
    mlmamba_image *big  = NULL;
    uint8_t       *jpeg = NULL, *pixels = calloc(7000u * 7000u, 3);
    size_t         n = 0;
    assert_non_null(pixels);
    assert_int_equal(mlmamba_image_from_rgb(&big, pixels, 7000, 7000), MLM_OK);
    free(pixels);
    assert_int_equal(mlmamba_image_encode_jpeg(&jpeg, &n, big, 0, 50), MLM_OK);
    mlmamba_image_free(big);
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&f.dir, "big.jpg", jpeg, n));
    mlmamba_bytes_free(jpeg);
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    small          = old;
    small.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + (40u << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    desk_drop(&f, path);
    assert_true(
        desk_until(&f, f.m->chat->n_pictures == 2 && ui_shown_picture(f.m)->state == CHAT_PICTURE_REFUSED));
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    assert_true(desk_until(&f, f.m->engine != UI_ENGINE_LOADING));
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    /* The chat is there, and goes on. */
    assert_int_equal(f.m->chat->n_turns, 1);
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    desk_wait_ready(&f);
    desk_do(&f, UI_ACT_SHOW_PICTURE, 0, 0, NULL);
    assert_true(desk_until(&f, ui_shown_picture(f.m)->image != NULL));
    (void)desk_ask(&f, COLOR);
    assert_int_equal(f.m->n_path, 2);
    desk_fixture_close(&f);
}
#else
static void test_out_of_memory(void **state)
{
    (void)state;
    skip();
}
#endif

static void test_close_while_busy(void **state)
{
    desk_fixture f;
    (void)state;
    for (int i = 0; i < 2; i++) {
        desk_fixture_open(&f, NULL);
        if (i == 1) {
            desk_open(&f, SCENE(1));
            desk_wait_ready(&f);
            ui_action s = {.type = UI_ACT_SET, .index = UI_SET_TEMPERATURE, .number = 2};
            (void)ui_act(f.m, &s, desk_now());
            desk_type(&f, "Describe the image.");
            desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
            assert_true(desk_until(&f, desk_last(&f)->answer_bytes > 0 || !ui_is_busy(f.m)));
        } else {
            desk_step(&f);
        }
        double begin = desk_now();
        desk_fixture_close(&f);
        double took = desk_now() - begin;
        print_message("closed in %.0f ms\n", took);
        assert_true(took < 20000); /* a hang; the figure is for reading */
    }
}

/* What of the memory are states, as the status line has it. */
static double kept_mb(const desk_fixture *f)
{
    const char *at = strstr(f->m->status.memory, "states ");
    return at != NULL ? strtod(at + 7, NULL) : -1;
}

static void test_states_have_a_quota(void **state)
{
    desk_fixture f;
    int          kept = 0;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_wait_ready(&f);
    double one = (double)f.m->facts.memory.snapshot_bytes / 1e6;
    (void)ui_act(f.m, &(ui_action){.type = UI_ACT_SET, .index = UI_SET_KEPT_MB, .number = 16}, desk_now());
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, NULL);
    desk_wait_ready(&f);
    /* Two pictures, of which each has its state once however many answers there are about it. */
    for (int p = 0; p < 2; p++) {
        desk_open(&f, p == 0 ? SCENE(0) : SCENE(1));
        for (int i = 0; i < 6; i++) {
            (void)desk_ask(&f, i % 2 == 0 ? TOP : COLOR);
            desk_step(&f);
            assert_true(kept_mb(&f) <= 16.8); /* 16 MiB, rounded */
        }
    }
    for (int i = 0; i < f.m->chat->n_turns; i++)
        kept += f.m->chat->turn[i]->kept ? 1 : 0;
    print_message("%d states of %.1f MB kept: %.0f MB\n", kept, one, kept_mb(&f));
    assert_true(kept >= 2);
    assert_true(kept < f.m->chat->n_turns);
    assert_true((kept + 1) * one < 16.8); /* the last picture and its answers */
    /* What was dropped is computed again. */
    desk_do(&f, UI_ACT_SHOW_PICTURE, 0, 0, NULL);
    assert_true(desk_until(&f, ui_shown_picture(f.m)->image != NULL));
    assert_true(desk_ask(&f, COLOR)->stats.n_recomputed > 0);
    desk_fixture_close(&f);
}

static void press_save(desk_fixture *f, const char *name)
{
    int had = f->m->n_toasts > 0 ? f->m->toast[f->m->n_toasts - 1].id : 0;
    (void)ui_set_text(f->m, UI_FIELD_FILES_PATH, name, desk_now());
    desk_do(f, UI_ACT_FILES_GO, 0, 0, NULL);
    assert_true(desk_until(f, f->m->n_toasts > 0 && f->m->toast[f->m->n_toasts - 1].id != had));
}

static void test_saving(void **state)
{
    desk_fixture f;
    char         path[600];
    struct stat  st;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(0));
    (void)desk_ask(&f, TOP);
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&f.dir, "there.md", "mine", 4));
    desk_do(&f, UI_ACT_EXPORT_AS, UI_EXPORT_MARKDOWN, 0, NULL);
    assert_true(desk_until(&f, f.m->overlay == UI_OVERLAY_FILES && f.m->files.dir != NULL));
    press_save(&f, "/nowhere/chat.md");
    assert_non_null(strstr(f.m->toast[f.m->n_toasts - 1].text, "Not saved"));
    assert_int_equal(f.m->overlay, UI_OVERLAY_FILES); /* to be corrected */
    press_save(&f, path);
    assert_non_null(strstr(f.m->toast[f.m->n_toasts - 1].text, "there already"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(f.m->overlay, UI_OVERLAY_FILES);
    press_save(&f, path);
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 4);
    desk_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_pictures),
        cmocka_unit_test(test_close_while_busy),
        cmocka_unit_test(test_huge_picture_and_many_files),
        cmocka_unit_test(test_long_question),
        cmocka_unit_test(test_model_directory_removed),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_states_have_a_quota),
        cmocka_unit_test(test_saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
