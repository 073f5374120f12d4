/* test_desktop_data.c: text, chats as data, settings and their file, the canvas, paths in text. */
#include "tests/desktop/ui_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/desktop/text_buffer.h"
#include "app/desktop/ui_private.h"
#include "tests/support/temp_dir.h"

/* ---- text --------------------------------------------------------------------------------------- */

static void test_text_buffer(void **state)
{
    text_buffer b    = {0};
    char       *text = NULL;
    (void)state;
    text_add_json(&b, "a\"\\\n\x01\xFF\xC3\xA9\x7F");
    text_add_json(&b, NULL);
    assert_int_equal(text_take(&b, &text), MLM_OK);
    assert_string_equal(text, "\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xC3\xA9\\u007f\"null");
    free(text);
    text_add_html(&b, "<a href='x' b=\"y\">&\x02\xFF\n\x7F</a>");
    assert_int_equal(text_take(&b, &text), MLM_OK);
    assert_string_equal(
        text,
        "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\xEF\xBF\xBD\xEF\xBF\xBD\n\xEF\xBF\xBD&lt;/a&gt;");
    free(text);
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (int i = 0; i < 7; i++) {
        text_add_base64(&b, (const uint8_t *)plain[i], strlen(plain[i]));
        assert_int_equal(text_take(&b, &text), MLM_OK);
        assert_string_equal(text, coded[i]);
        free(text);
    }
    text_add_float(&b, 0.1);
    text_add(&b, " ");
    text_add_float(&b, (double)0.7F);
    text_add(&b, " ");
    text_add_float(&b, 1.0 / 3);
    assert_int_equal(text_take(&b, &text), MLM_OK);
    assert_string_equal(text, "0.1 0.7 0.3333333333333333");
    free(text);
    b.failed = true;
    text_addf(&b, "%d", 1);
    assert_int_equal(text_take(&b, &text), MLM_E_NOMEM);
    assert_null(text);
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
        "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xE2\x82",     "\xE2\x28\xA1",     "\xE2\x82\x28"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(text_utf8_length(bad[i], strlen(bad[i])), 0);
    assert_int_equal(text_utf8_length("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(text_utf8_length("", 0), 0);
}

static void test_show_text(void **state)
{
    char  dst[64];
    char *name = NULL;
    (void)state;
    /* Newlines, controls, C1, bidi controls; joiners of emoji stay. */
    assert_int_equal(chat_show_text(dst, sizeof dst, "a\nb", 3, true), 3);
    (void)chat_show_text(dst, sizeof dst, "a\nb\x1B\xC2\x9B\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8D", 15, false);
    assert_string_equal(dst, "a\xEF\xBF\xBD"
                             "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xE2\x80\x8D");
    /* Cut between characters, never in one. */
    assert_int_equal(chat_show_text(dst, 4, "ab\xC3\xA9", 4, false), 2);
    assert_int_equal(chat_show_text(dst, 0, "ab", 2, false), 0);
    assert_int_equal(chat_show_name(&name, "/a/b\xFF.png///"), MLM_OK);
    assert_string_equal(name, "b\xEF\xBF\xBD.png");
    free(name);
    assert_int_equal(chat_show_name(&name, "/"), MLM_OK);
    assert_string_equal(name, "/");
    free(name);
}

/* ---- chats -------------------------------------------------------------------------------------- */

static void test_chat(void **state)
{
    chat *c = NULL, *d = NULL;
    int   i, position, path[2];
    (void)state;
    assert_int_equal(chat_create(&c), MLM_OK);
    assert_int_equal(chat_add_picture(c, 1, "/p/a.png", NULL, &i), MLM_OK);
    assert_int_equal(chat_add_picture(c, 2, NULL, "pasted", &i), MLM_OK);
    assert_int_equal(chat_add_picture(c, 3, NULL, NULL, &i), MLM_OK);
    assert_string_equal(c->picture[0]->name, "a.png");
    assert_int_equal(chat_add_turn(c, 10, CHAT_NONE, 0, "q", "p", &i), MLM_OK);
    assert_int_equal(chat_add_turn(c, 11, 0, 0, "q1", "p", &i), MLM_OK);
    assert_int_equal(chat_add_turn(c, 12, CHAT_NONE, 1, "other", "p", &i), MLM_OK);
    assert_int_equal(chat_add_turn(c, 13, 1, 0, "q2", "p", &i), MLM_OK);
    assert_int_equal(chat_append_answer(c->turn[3], "answer"), MLM_OK);
    assert_int_equal(chat_path(c, 3, path, 2), 3); /* longer than there is room for */
    assert_int_equal(path[1], 1);
    assert_int_equal(chat_depth(c, CHAT_NONE), 0);
    assert_int_equal(chat_newest_leaf(c, 0), 3);
    assert_int_equal(chat_alternatives(c, 0, &position), 1);
    assert_int_equal(chat_alternative(c, 0, 5), CHAT_NONE);
    assert_int_equal(chat_find_turn(c, 12), 2);
    assert_int_equal(chat_find_turn(c, 99), CHAT_NONE);
    assert_int_equal(chat_find_picture(c, 99), CHAT_NONE);
    c->shown = 2;
    assert_int_equal(chat_copy(&d, c), MLM_OK);
    assert_int_equal(d->n_turns, 4);
    assert_string_equal(d->turn[3]->answer, "answer");
    assert_ptr_not_equal(d->turn[3]->answer, c->turn[3]->answer);
    assert_int_equal(d->picture[0]->active, 3);
    /* The first picture goes with its tree; the rest moves down. */
    chat_remove_picture(d, 0);
    assert_int_equal(d->n_turns, 1);
    assert_int_equal(d->turn[0]->picture, 0);
    assert_int_equal(d->picture[0]->active, 0);
    assert_int_equal(d->shown, 1);
    chat_remove_picture(c, 1); /* in the middle of a tree's turns */
    assert_int_equal(c->n_turns, 3);
    assert_int_equal(c->turn[2]->parent, 1);
    assert_int_equal(c->picture[0]->active, 2);
    chat_free(c);
    chat_free(d);
    chat_free(NULL);
}

static void test_chat_limits(void **state)
{
    chat *c = NULL;
    int   i;
    (void)state;
    assert_int_equal(chat_create(&c), MLM_OK);
    for (int n = 0; n < CHAT_MAX_PICTURES; n++)
        assert_int_equal(chat_add_picture(c, n, "/p", "p", &i), MLM_OK);
    assert_int_equal(chat_add_picture(c, 1, "/p", "p", &i), MLM_E_RANGE);
    assert_int_equal(i, CHAT_NONE);
    for (int n = 0; n < CHAT_MAX_TURNS; n++)
        assert_int_equal(chat_add_turn(c, n, CHAT_NONE, 0, "q", "p", &i), MLM_OK);
    assert_int_equal(chat_add_turn(c, 1, CHAT_NONE, 0, "q", "p", &i), MLM_E_RANGE);
    chat_free(c);
}

static void test_regions_and_stats(void **state)
{
    char      line[256];
    chat_turn t = {.state = CHAT_TURN_DONE, .stats = {.n_tokens = 1, .first_token_ms = 5}};
    (void)state;
    assert_true(chat_region_equal((chat_region){0}, (chat_region){1, 1, 0, 5}));
    assert_false(chat_region_equal((chat_region){0}, (chat_region){1, 1, 2, 5}));
    assert_false(chat_region_equal((chat_region){1, 1, 2, 4}, (chat_region){1, 1, 2, 5}));
    chat_stats_line(line, sizeof line, &t);
    assert_string_equal(line, "1 token, first after 5 ms, stop; picture encoded in 0 ms, 0 picture tokens");
    t.stats.reuse     = CHAT_REUSE_TURN;
    t.stats.n_tokens  = 11;
    t.stats.decode_ms = 100;
    chat_stats_line(line, sizeof line, &t);
    assert_string_equal(line,
                        "11 tokens, 100 tokens/s, first after 5 ms, stop; state reused, 0 picture tokens");
    t.stats.reuse        = CHAT_REUSE_RECOMPUTED;
    t.stats.n_recomputed = 1;
    chat_stats_line(line, sizeof line, &t);
    assert_non_null(strstr(line, "1 earlier answer computed again"));
    t.stats.n_recomputed = 2;
    chat_stats_line(line, sizeof line, &t);
    assert_non_null(strstr(line, "2 earlier answers computed again"));
    t.state = CHAT_TURN_FAILED;
    chat_stats_line(line, sizeof line, &t);
    assert_string_equal(line, "");
    chat_stats_line(line, 0, &t);
    assert_string_equal(chat_reuse_text(CHAT_REUSE_NOTHING), "picture encoded");
    assert_string_equal(chat_reuse_text(CHAT_REUSE_PICTURE), "picture state reused, 0 picture tokens");
}

/* ---- settings ----------------------------------------------------------------------------------- */

static void test_setting_table(void **state)
{
    ui_settings s, t;
    char        shown[64];
    int         n = 0;
    (void)state;
    assert_int_equal(settings_init(&s), MLM_OK);
    assert_int_equal(settings_current_preset(&s), 0); /* greedy */
    for (int i = 0; i < UI_SET_COUNT; i++) {
        ui_setting             which = (ui_setting)i;
        const ui_setting_info *info  = settings_info(which);
        assert_true(info->key[0] != '\0' && info->label[0] != '\0');
        settings_show(shown, sizeof shown, &s, which);
        assert_true(shown[0] != '\0');
        if (info->kind == UI_KIND_TEXT) {
            assert_int_equal(settings_set(&s, which, 0, "cpu"), MLM_OK);
            assert_string_equal(settings_text(&s, which), "cpu");
            assert_int_equal(settings_set(&s, which, 0, NULL), MLM_E_RANGE);
            continue;
        }
        assert_string_equal(settings_text(&s, which), "");
        assert_int_equal(settings_set(&s, which, info->max, NULL), MLM_OK);
        assert_true(settings_number(&s, which) == info->max);
        settings_show(shown, sizeof shown, &s, which);
        assert_true(shown[0] != '\0');
        assert_int_equal(settings_set(&s, which, info->max + 1, NULL), MLM_E_RANGE);
        assert_int_equal(settings_set(&s, which, info->min - 1, NULL), MLM_E_RANGE);
        assert_int_equal(settings_set(&s, which, (double)NAN, NULL), MLM_E_RANGE);
        if (info->kind != UI_KIND_FLOAT)
            assert_int_equal(settings_set(&s, which, info->min + 0.5, NULL), MLM_E_RANGE);
    }
    assert_int_equal(settings_set(&s, UI_SET_COUNT, 0, NULL), MLM_E_RANGE);
    assert_true(settings_number(&s, UI_SET_DEVICE) == 0);
    assert_int_equal(settings_current_preset(&s), -1);
    (void)settings_presets(&n);
    for (int i = 0; i < n; i++) {
        settings_use_preset(&s, i);
        assert_int_equal(settings_current_preset(&s), i);
    }
    for (int i = 0; i < SETTINGS_MAX_RECENT + 3; i++) {
        char dir[16];
        (void)snprintf(dir, sizeof dir, "/m/%d", i);
        assert_int_equal(settings_add_recent(&s, dir), MLM_OK);
        assert_int_equal(settings_add_dir(&s, dir), MLM_OK);
    }
    assert_int_equal(s.n_recent, SETTINGS_MAX_RECENT);
    assert_int_equal(settings_add_recent(&s, "/m/10"), MLM_OK); /* known: to the front */
    assert_string_equal(s.recent[0], "/m/10");
    assert_int_equal(s.n_recent, SETTINGS_MAX_RECENT);
    assert_int_equal(settings_copy(&t, &s), MLM_OK);
    assert_string_equal(t.recent[1], s.recent[1]);
    assert_int_equal(t.n_dirs, SETTINGS_MAX_DIRS);
    settings_free(&s);
    settings_free(&t);
}

static void load(ui_settings *s, const char *path, const char *note)
{
    char *got = NULL;
    assert_int_equal(settings_load(s, path, &got), MLM_OK);
    if (note == NULL) {
        if (got != NULL)
            fail_msg("%s", got);
    } else if (got == NULL || strstr(got, note) == NULL) {
        fail_msg("the note \"%s\" lacks \"%s\"", got != NULL ? got : "", note);
    }
    free(got);
}

static void write_file(temp_dir *dir, const char *text)
{
    (void)temp_dir_write(dir, "desktop.json", text, strlen(text));
}

static void test_settings_file(void **state)
{
    temp_dir    dir;
    ui_settings s, t;
    char        path[512];
    char       *text = NULL;
    struct stat st;
    (void)state;
    temp_dir_open(&dir);
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "desktop.json"));
    load(&s, path, NULL); /* absent: defaults */
    assert_int_equal(settings_set(&s, UI_SET_TEMPERATURE, 0.7, NULL), MLM_OK);
    assert_int_equal(settings_set(&s, UI_SET_SEED, 9007199254740991.0, NULL), MLM_OK);
    assert_int_equal(settings_set(&s, UI_SET_THEME, 2, NULL), MLM_OK);
    assert_int_equal(settings_set(&s, UI_SET_KEEP_HISTORY, 0, NULL), MLM_OK);
    assert_int_equal(settings_add_recent(&s, "/m/\"x\""), MLM_OK);
    assert_int_equal(settings_add_dir(&s, "/d"), MLM_OK);
    (void)chat_set_text(&s.model_dir, "/m/a");
    s.window_width  = 900;
    s.window_height = 700;
    s.sidebar       = true;
    assert_int_equal(settings_write(&text, &s), MLM_OK);
    write_file(&dir, text);
    load(&t, path, NULL);
    assert_true(t.temperature == 0.7F && t.seed == 9007199254740991u && t.theme == 2 && !t.keep_history &&
                t.sidebar);
    assert_string_equal(t.recent[0], "/m/\"x\"");
    assert_string_equal(t.model_dir, "/m/a");
    assert_int_equal(t.window_width, 900);
    settings_free(&s);
    settings_free(&t);
    free(text);
    /* Wrong values: that default, the others as they are. */
    static const char *const bad[][2] = {
        {"{\"temperature\": 5, \"top_k\": 7}", "temperature is 5"},
        {"{\"temperature\": \"hot\", \"top_k\": 7}", "wrong kind"},
        {"{\"fit\": \"oval\", \"top_k\": 7}", "fit is -1"},
        {"{\"device\": \"a b\", \"top_k\": 7}", "device"},
        {"{\"seed\": 1.5, \"top_k\": 7}", "wrong kind"},
        {"{\"keep_history\": 1, \"top_k\": 7}", "wrong kind"},
        {"{\"sidebar\": 1, \"top_k\": 7}", "sidebar"},
        {"{\"window\": [1], \"top_k\": 7}", "window"},
        {"{\"window\": [1, -5], \"top_k\": 7}", "window"},
        {"{\"window\": 5, \"top_k\": 7}", "window"},
        {"{\"recent_models\": {}, \"top_k\": 7}", "recent_models"},
        {"{\"model_dirs\": [1], \"top_k\": 7}", "model_dirs"},
        {"{\"model_dir\": 4, \"top_k\": 7}", "model_dir"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(&dir, bad[i][0]);
        load(&s, path, bad[i][1]);
        assert_int_equal(s.top_k, 7);
        assert_true(s.temperature == 0);
        settings_free(&s);
    }
    /* No JSON at all: moved aside, so that nothing is overwritten. */
    write_file(&dir, "temperature = 0.5\n");
    load(&s, path, "renamed to");
    settings_free(&s);
    assert_int_not_equal(stat(path, &st), 0);
    assert_int_equal(stat(temp_dir_path(&dir, "desktop.json.bad"), &st), 0);
    write_file(&dir, "[]");
    load(&s, path, "not an object");
    settings_free(&s);
    temp_dir_close(&dir);
}

/* ---- canvas ------------------------------------------------------------------------------------- */

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

static void test_canvas(void **state)
{
    ui_canvas c = {0};
    double    x, y;
    int       px, py;
    (void)state;
    ui_canvas_picture(&c, 100, 50); /* no pane yet */
    ui_canvas_zoom(&c, 2, 0, 0);
    ui_canvas_full_size(&c);
    ui_canvas_pan(&c, 1, 1);
    assert_false(ui_canvas_pixel(&c, 0, 0, &px, &py));
    ui_canvas_pane(&c, 200, 200);
    assert_true(near(c.zoom, 2) && near(c.x, 0) && near(c.y, 50));
    ui_canvas_pan(&c, 0, 0); /* a click */
    assert_true(c.fitted);
    ui_canvas_to_picture(&c, 100, 100, &x, &y);
    assert_true(near(x, 50) && near(y, 25));
    ui_canvas_to_pane(&c, 50, 25, &x, &y);
    assert_true(near(x, 100) && near(y, 100));
    /* What is under the pointer stays there. */
    ui_canvas_zoom(&c, 2, 40, 60);
    ui_canvas_to_picture(&c, 40, 60, &x, &y);
    assert_true(near(x, 20) && near(y, 5));
    for (int i = 0; i < 50; i++)
        ui_canvas_zoom(&c, 2, 40, 60);
    assert_true(near(c.zoom, UI_CANVAS_MAX_ZOOM));
    for (int i = 0; i < 50; i++)
        ui_canvas_zoom(&c, 0.5, 40, 60);
    assert_true(c.zoom > 0.1 && c.zoom < 1);
    ui_canvas_zoom(&c, (double)NAN, 0, 0);
    ui_canvas_zoom(&c, -1, 0, 0);
    /* It cannot be lost. */
    ui_canvas_pan(&c, 1e9, -1e9);
    ui_canvas_pan(&c, (double)INFINITY, 0);
    assert_true(c.x < 200 && c.y + c.height * c.zoom > 0);
    ui_canvas_pane(&c, 300, 100);
    ui_canvas_pane(&c, 1, 1);
    ui_canvas_pane(&c, -5, 7680);
    ui_canvas_pane(&c, 7680, 4320);
    ui_canvas_fit(&c);
    assert_true(near(c.zoom, 8)); /* small pictures are not blown up without end */
    assert_true(ui_canvas_pixel(&c, c.x + 1, c.y + 1, &px, &py));
    assert_int_equal(px, 0);
    assert_false(ui_canvas_pixel(&c, c.x - 1, c.y, &px, &py));
    /* A rectangle beyond the edges ends there. */
    ui_canvas_down(&c, c.x - 50, c.y - 50, true);
    ui_canvas_move(&c, c.x + 5000, c.y + 5000);
    assert_true(ui_canvas_up(&c, c.x + 5000, c.y + 5000));
    assert_true(chat_region_equal(c.drawn, (chat_region){0, 0, 100, 50}));
    assert_false(ui_canvas_up(&c, 0, 0));
    ui_canvas_down(&c, (double)NAN, 0, true);
    assert_false(c.drawing);
    ui_canvas_down(&c, 10, 10, false);
    ui_canvas_move(&c, (double)NAN, 0);
    assert_false(ui_canvas_up(&c, 20, 20));
    ui_canvas empty = {0};
    ui_canvas_to_picture(&empty, 5, 5, &x, &y);
    assert_true(near(x, 0));
}

/* ---- paths in text ------------------------------------------------------------------------------ */

static void test_split_path(void **state)
{
    static const struct {
        const char *text, *path, *rest;
    } row[] = {
        {"What is it?", NULL, NULL},
        {"/", NULL, NULL},
        {"/what", NULL, NULL},
        {"/what is / this.", NULL, NULL},
        {"", NULL, NULL},
        {"'not a path'", NULL, NULL},
        {"\"/p/open quote", NULL, NULL},
        {"file://other.host/x.png", NULL, NULL},
        {"file:///a%00b", NULL, NULL},
        {"/p/a.png", "/p/a.png", ""},
        {"  /cat.png  ", "/cat.png", ""},
        {"/p/My Cat.png", "/p/My Cat.png", ""}, /* nobody escapes spaces */
        {"/p/a.png What is it?", "/p/a.png", "What is it?"},
        {"/p/a.png: What is it?", "/p/a.png:", "What is it?"},
        {"/p/My\\ Cat.png What?", "/p/My Cat.png", "What?"},
        {"'/p/My Cat.png' What?", "/p/My Cat.png", "What?"},
        {"\"~/My Cat.png\", what?", "~/My Cat.png", "what?"},
        {"~/a.png", "~/a.png", ""},
        {"./a.png", "./a.png", ""},
        {"../a.png x", "../a.png", "x"},
        {"file:///p/a%20b.png what", "/p/a b.png", "what"},
        {"FILE://localhost/p/%zz.png", "/p/%zz.png", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        bool  is_path = true;
        char *path = NULL, *rest = NULL;
        assert_int_equal(ui_split_path(row[i].text, &is_path, &path, &rest), MLM_OK);
        if (is_path != (row[i].path != NULL))
            fail_msg("\"%s\": %s", row[i].text, is_path ? path : "no path");
        if (is_path) {
            assert_string_equal(path, row[i].path);
            assert_string_equal(rest, row[i].rest);
        }
        free(path);
        free(rest);
    }
    assert_true(ui_is_uri_list("file:///a\r\n#x\r\nfile:///b"));
    assert_false(ui_is_uri_list("# only a comment"));
    assert_false(ui_is_uri_list("file:///a\nhttp://b"));
    assert_true(ui_is_web_address("  HTTPS://x"));
    assert_true(ui_is_web_address("ftp://x"));
    assert_false(ui_is_web_address("file:///x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_buffer),
        cmocka_unit_test(test_show_text),
        cmocka_unit_test(test_chat),
        cmocka_unit_test(test_chat_limits),
        cmocka_unit_test(test_regions_and_stats),
        cmocka_unit_test(test_setting_table),
        cmocka_unit_test(test_settings_file),
        cmocka_unit_test(test_canvas),
        cmocka_unit_test(test_split_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
