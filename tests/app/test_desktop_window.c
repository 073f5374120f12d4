/* test_desktop_window.c: the window with real events: drop, type, send, stop, regenerate, branch, edit, resize, theme, keyboard. */
#include "tests/app/desktop_driver.h"

#include "tests/support/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCENE(n) MLM_SOURCE_DIR "/assets/images/scene" #n ".png"

static const window_options plain = {.theme = GUI_THEME_LIGHT};

static void wait_until(driver *d, bool (*done)(const ui_model *m, const void *arg), const void *arg,
                       const char *what)
{
    if (!driver_until(d, done, arg)) {
        char *state = NULL;
        if (ui_dump(driver_model(d), &state) != MLM_OK)
            state = NULL;
        fail_msg("not within a minute: %s\n%s", what, state != NULL ? state : "");
    }
}

/* A window with scene0 in it and a model behind it. */
static void open_scene(driver *d)
{
    static const char *const path[] = {SCENE(0)};
    driver_open(d, &plain, NULL);
    wait_until(d, driver_ready, NULL, "the model is loaded");
    driver_drop(d, path, 1);
    wait_until(d, driver_decoded, NULL, "the picture is read");
}

static void ask(driver *d, const char *question, int turns)
{
    driver_type(d, question);
    driver_key(d, SDLK_RETURN, 0);
    wait_until(d, driver_answered, &turns, question);
}

static const chat_turn *last_turn(driver *d)
{
    const ui_model *m = driver_model(d);
    return ui_path_turn(m, m->n_path - 1);
}

static void drop_ask_answer(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    assert_false(driver_model(&d)->welcome);
    ask(&d, "What is in the top middle?", 1);
    assert_int_equal(last_turn(&d)->state, CHAT_TURN_DONE);
    assert_string_equal(last_turn(&d)->answer, "An orange cross.");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "");
    ask(&d, "What is in the top right?", 2);
    assert_int_equal(last_turn(&d)->stats.n_image_tokens, 0); /* the picture was not looked at again */
    assert_int_equal(last_turn(&d)->stats.reuse, CHAT_REUSE_TURN);
    driver_close(&d);
}

static void regenerate_branch_edit(void **state)
{
    (void)state;
    driver d        = {0};
    int    position = 0;
    open_scene(&d);
    ask(&d, "What is in the top middle?", 1);
    int first = driver_model(&d)->path[0];
    driver_key(&d, SDLK_r, KMOD_LCTRL);
    wait_until(&d, driver_answered, &(int){1}, "answered again");
    assert_int_equal(chat_alternatives(driver_model(&d)->chat, driver_model(&d)->path[0], &position), 2);
    assert_int_equal(position, 1);
    assert_string_equal(last_turn(&d)->answer, "An orange cross."); /* greedy: the same */
    assert_int_equal(last_turn(&d)->stats.n_image_tokens, 0);
    int second = driver_model(&d)->path[0];
    driver_click(&d, "branch left", second);
    assert_int_equal(driver_model(&d)->path[0], first);
    /* Up in the empty box brings the last question back; the changed one is another branch. */
    driver_key(&d, SDLK_UP, 0);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "What is in the top middle?");
    driver_key(&d, SDLK_a, KMOD_LCTRL);
    ask(&d, "How many objects are there?", 1);
    assert_string_equal(last_turn(&d)->question, "How many objects are there?");
    assert_int_equal(driver_model(&d)->chat->n_turns, 3);
    /* The button below an answer: go on from there. */
    driver_click(&d, "Go on from here", driver_model(&d)->path[0]);
    ask(&d, "What color is it?", 2);
    assert_int_equal(driver_model(&d)->chat->n_turns, 4);
    driver_close(&d);
}

static void stop_with_escape(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    driver_type(&d, "Describe the image.");
    driver_key(&d, SDLK_RETURN, 0);
    driver_key(&d, SDLK_ESCAPE, 0);
    wait_until(&d, driver_idle, NULL, "the answer has ended");
    /* Ended early or just finished; nothing is lost, and the next question works. */
    assert_int_equal(driver_model(&d)->chat->n_turns, 1);
    const chat_turn *t = driver_model(&d)->chat->turn[0];
    assert_true(t->state == CHAT_TURN_DONE || t->state == CHAT_TURN_FAILED);
    driver_key(&d, SDLK_a, KMOD_LCTRL); /* a question that was stopped early is in the box again */
    driver_type(&d, "What is in the top middle?");
    driver_key(&d, SDLK_RETURN, 0);
    wait_until(&d, driver_idle, NULL, "the next answer");
    assert_string_equal(last_turn(&d)->answer, "An orange cross.");
    driver_close(&d);
}

/* From the question and from a field of a panel: the letters that follow go where the key says. */
static void search_key_takes_the_keyboard(void **state)
{
    (void)state;
    driver d = {0};
    driver_open(&d, &plain, NULL);
    wait_until(&d, driver_ready, NULL, "the model is loaded");
    driver_key(&d, SDLK_k, KMOD_LCTRL);
    driver_type(&d, "cat");
    driver_steps(&d, 2);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_SEARCH], "cat");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "");
    driver_key(&d, SDLK_n, KMOD_LCTRL);
    driver_type(&d, "dog");
    driver_steps(&d, 2);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "dog");
    driver_key(&d, SDLK_b, KMOD_LCTRL | KMOD_LSHIFT); /* the batch panel begins where its folder is written */
    driver_type(&d, "/pictures");
    driver_steps(&d, 2);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_BATCH_SOURCE], "/pictures");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "dog");
    driver_close(&d);
}

static void welcome_sample_is_one_click(void **state)
{
    (void)state;
    driver d = {0};
    driver_open(&d, &plain, NULL);
    wait_until(&d, driver_ready, NULL, "the model is loaded");
    assert_true(driver_model(&d)->welcome);
    assert_int_equal(driver_model(&d)->n_samples, 3);
    driver_click(&d, "sample question", 1);
    wait_until(&d, driver_answered, &(int){1}, "the sample's question");
    assert_string_equal(last_turn(&d)->question, driver_model(&d)->sample[0].question[1]);
    assert_true(last_turn(&d)->answer_bytes > 0);
    driver_close(&d);
}

static void return_belongs_to_the_input_method(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    driver_compose(&d, "にほん");
    driver_key(&d, SDLK_RETURN, 0);
    driver_key(&d, SDLK_ESCAPE, 0);
    driver_key(&d, SDLK_BACKSPACE, 0);
    assert_int_equal(driver_model(&d)->chat->n_turns, 0);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], ""); /* nothing is committed yet */
    driver_type(&d, "日本");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "日本");
    driver_key(&d, SDLK_RETURN, 0);
    wait_until(&d, driver_answered, &(int){1}, "sent after composing");
    assert_string_equal(last_turn(&d)->question, "日本");
    driver_close(&d);
}

static void editing_a_question(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    driver_key(&d, SDLK_COMMA,
               KMOD_LCTRL); /* the settings have the focus: a path goes to the question all the same */
    assert_int_equal(driver_model(&d)->panel, UI_PANEL_SETTINGS);
    driver_type(&d, "/a");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "/a");
    driver_key(&d, SDLK_a, KMOD_LCTRL);
    driver_type(&d, "one two");
    driver_key(&d, SDLK_BACKSPACE, KMOD_LCTRL);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "one ");
    driver_key(&d, SDLK_z, KMOD_LCTRL);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "one two");
    driver_key(&d, SDLK_RETURN, KMOD_LSHIFT);
    driver_type(&d, "三🎉");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "one two\n三🎉");
    driver_key(&d, SDLK_BACKSPACE, 0);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "one two\n三");
    driver_key(&d, SDLK_a, KMOD_LCTRL);
    driver_key(&d, SDLK_x, KMOD_LCTRL);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "");
    driver_key(&d, SDLK_v, KMOD_LCTRL);
    driver_steps(&d, 10);
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "one two\n三");
    assert_int_equal(driver_model(&d)->chat->n_turns, 0);
    driver_close(&d);
}

static void huge_clipboard(void **state)
{
    (void)state;
    enum { BYTES = 100000000 };
    driver d = {0};
    open_scene(&d);
    char *text = malloc(BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    assert_int_equal(SDL_SetClipboardText(text), 0);
    free(text);
    driver_key(&d, SDLK_v, KMOD_LCTRL);
    driver_steps(&d, 20);
    assert_true(strlen(driver_model(&d)->text[UI_FIELD_INPUT]) <= GUI_INPUT_MAX);
    assert_true(driver_model(&d)->n_toasts > 0); /* and it says so */
    (void)SDL_SetClipboardText("");
    driver_key(&d, SDLK_a, KMOD_LCTRL);
    ask(&d, "What is in the top middle?", 1);
    assert_string_equal(last_turn(&d)->answer, "An orange cross.");
    driver_close(&d);
}

static void refused_pictures(void **state)
{
    (void)state;
    driver      d = {0};
    char        path[320];
    const char *list[] = {path};
    driver_open(&d, &plain, NULL);
    wait_until(&d, driver_ready, NULL, "the model is loaded");
    (void)snprintf(path, sizeof path, "%s/broken.png", d.home);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    (void)fputs("\x89PNG\r\n\x1a\nnot a picture", f);
    (void)fclose(f);
    driver_drop(&d, list, 1);
    wait_until(&d, driver_refused, NULL, "the picture is refused");
    assert_true(strlen(ui_shown_picture(driver_model(&d))->error) > 10);
    driver_type(&d, "What is this?");
    driver_key(&d, SDLK_RETURN, 0);
    driver_steps(&d, 10);
    assert_int_equal(driver_model(&d)->chat->n_turns, 0); /* never an answer about it */
    driver_close(&d);
}

static void any_size(void **state)
{
    (void)state;
    driver           d         = {0};
    static const int size[][2] = {{1, 1},       {40, 30},   {200, 900}, {2000, 120},
                                  {7680, 4320}, {360, 300}, {1180, 780}};
    open_scene(&d);
    ask(&d, "What is in the top middle?", 1);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        SDL_Window *sdl = window_gui(d.w)->window;
        SDL_SetWindowMinimumSize(sdl, 1, 1);
        SDL_SetWindowSize(sdl, size[i][0], size[i][1]);
        uint32_t *px = NULL;
        int       w = 0, h = 0;
        driver_steps(&d, 2);
        assert_int_equal(window_pixels(d.w, &px, &w, &h), MLM_OK);
        assert_int_equal(w, size[i][0]);
        assert_int_equal(h, size[i][1]);
        free(px);
    }
    ask(&d, "What is in the top right?", 2);
    for (int i = 0; i < 12; i++)
        driver_key(&d, SDLK_EQUALS, KMOD_LCTRL);
    assert_true(driver_model(&d)->settings.text_percent > 200);
    driver_key(&d, SDLK_0, KMOD_LCTRL);
    assert_int_equal(driver_model(&d)->settings.text_percent, 100);
    driver_close(&d);
}

static uint32_t pixel(driver *d, int x, int y)
{
    uint32_t *px = NULL;
    int       w = 0, h = 0;
    assert_int_equal(window_pixels(d->w, &px, &w, &h), MLM_OK);
    uint32_t v = px[(size_t)y * (size_t)w + (size_t)x] & 0xFFFFFFu;
    free(px);
    return v;
}

static void themes(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    for (int i = GUI_N_THEMES - 1; i >= 0; i--) {
        (void)ui_act(driver_model(&d), &(ui_action){.type = UI_ACT_SET, .index = UI_SET_THEME, .number = i},
                     window_now());
        driver_steps(&d, 3);
        gui_color c = gui_theme_get(i)->panel;
        assert_int_equal(pixel(&d, 3, 3), (uint32_t)c.r << 16 | (uint32_t)c.g << 8 | c.b);
    }
    driver_close(&d);
}

/* Tab reaches everything, comes round, and what has the keyboard is on the screen and marked. */
static void keyboard_alone(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    ask(&d, "What is in the top middle?", 1);
    gui_id seen[256];
    int    n = 0, round = -1;
    for (int i = 0; i < 256 && round < 0; i++) {
        driver_key(&d, SDLK_TAB, 0);
        driver_steps(&d, 4);
        const gui *g     = window_gui(d.w);
        bool       found = false;
        for (int k = 0; k < g->n_stops; k++)
            if (g->stop[k].id == g->focus) {
                found        = true;
                SDL_Rect all = {0, 0, g->width, g->height};
                assert_true(SDL_HasIntersection(&all, &g->stop[k].rect));
            }
        assert_true(found);
        if (getenv("VERBOSE_FOCUS") != NULL)
            for (int k = 0; k < g->n_stops; k++)
                if (g->stop[k].id == g->focus)
                    (void)fprintf(stderr, "%d: area %d item %d at %d, %d\n", i, g->stop[k].area,
                                  g->stop[k].item, g->stop[k].rect.x, g->stop[k].rect.y);
        assert_true(g->focus_shown);
        for (int k = 0; k < n && round < 0; k++)
            round = seen[k] == g->focus ? k : -1;
        seen[n++] = g->focus;
    }
    assert_int_equal(round, 0);
    assert_true(n > 18);
    driver_key(&d, SDLK_F1, 0);
    assert_int_equal(driver_model(&d)->overlay, UI_OVERLAY_HELP);
    driver_key(&d, SDLK_ESCAPE, 0);
    assert_int_equal(driver_model(&d)->overlay, UI_OVERLAY_NONE);
    assert_true(driver_focused(&d, "field", UI_FIELD_INPUT));
    driver_key(&d, SDLK_COMMA, KMOD_LCTRL);
    assert_int_equal(driver_model(&d)->panel, UI_PANEL_SETTINGS);
    driver_click(&d, "preset", 2);
    assert_true(driver_model(&d)->settings.temperature > 0);
    /* Tab scrolls what it reaches into sight. */
    for (int i = 0; i < 80 && !driver_focused(&d, "choice", (int)UI_SET_THEME * 64 + GUI_THEME_DARK); i++)
        driver_key(&d, SDLK_TAB, 0);
    driver_steps(&d, 8);
    driver_key(&d, SDLK_SPACE, 0);
    assert_int_equal(driver_model(&d)->settings.theme, GUI_THEME_DARK);
    const gui *g = window_gui(d.w);
    for (int i = 0; i < g->n_stops; i++)
        if (g->stop[i].id == g->focus)
            assert_true(g->stop[i].rect.y > 0 && g->stop[i].rect.y + g->stop[i].rect.h < g->height);
    driver_close(&d);
}

static void zoom_pan_region(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    const ui_canvas *c      = &driver_model(&d)->canvas;
    double           fitted = c->zoom;
    driver_mouse(&d, SDL_MOUSEMOTION, 300, 400, 0);
    driver_mouse(&d, SDL_MOUSEWHEEL, 0, 0, 2);
    driver_steps(&d, 3);
    assert_true(c->zoom > fitted * 1.3);
    double x = c->x;
    driver_mouse(&d, SDL_MOUSEBUTTONDOWN, 300, 400, SDL_BUTTON_LEFT);
    driver_mouse(&d, SDL_MOUSEMOTION, 340, 400, SDL_BUTTON_LEFT);
    driver_mouse(&d, SDL_MOUSEBUTTONUP, 340, 400, SDL_BUTTON_LEFT);
    driver_steps(&d, 3);
    assert_true(c->x > x + 30);
    driver_key(&d, SDLK_0, 0); /* the picture has the keyboard: fit */
    assert_true(c->fitted);
    driver_key(&d, SDLK_g, KMOD_LCTRL);
    assert_true(driver_model(&d)->region_mode);
    driver_mouse(&d, SDL_MOUSEMOTION, 200, 300, 0);
    driver_mouse(&d, SDL_MOUSEBUTTONDOWN, 200, 300, SDL_BUTTON_LEFT);
    driver_mouse(&d, SDL_MOUSEMOTION, 420, 500, SDL_BUTTON_LEFT);
    driver_mouse(&d, SDL_MOUSEBUTTONUP, 420, 500, SDL_BUTTON_LEFT);
    driver_steps(&d, 3);
    chat_region r = driver_model(&d)->composer.region;
    assert_false(chat_region_is_whole(r));
    ask(&d, "What is this?", 1); /* the keyboard is in the question again */
    assert_true(chat_region_equal(last_turn(&d)->region, r));
    driver_close(&d);
}

static void many_files(void **state)
{
    (void)state;
    enum { N = 10000 };
    driver             d = {0};
    static const char *path[N];
    for (int i = 0; i < N; i++)
        path[i] = i % 2 ? SCENE(1) : "/nowhere/at all.png";
    driver_open(&d, &plain, NULL);
    driver_drop(&d, path, N);
    wait_until(&d, driver_idle, NULL, "the drop is looked through");
    driver_steps(&d, 20);
    assert_true(driver_model(&d)->chat->n_pictures > 0 || driver_model(&d)->n_toasts > 0);
    driver_close(&d);
}

static void close_while_loading_and_answering(void **state)
{
    (void)state;
    driver d = {0};
    driver_open(&d, &plain, NULL);
    driver_close(&d);
    open_scene(&d);
    driver_type(&d, "Describe the image.");
    driver_key(&d, SDLK_RETURN, 0);
    driver_close(&d);
}

static void follows_only_at_the_end(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    for (int i = 1; i <= 8; i++)
        ask(&d, "What is in the top middle?", i);
    assert_true(driver_model(&d)->stick);
    driver_mouse(&d, SDL_MOUSEMOTION, 900, 300, 0);
    driver_mouse(&d, SDL_MOUSEWHEEL, 0, 0, 4);
    driver_steps(&d, 6);
    assert_false(driver_model(&d)->stick);
    driver_mouse(&d, SDL_MOUSEMOTION, 900, 620, 0);
    driver_click(&d, "to end", 0);
    driver_steps(&d, 6);
    assert_true(driver_model(&d)->stick);
    driver_close(&d);
}

static void rename_delete_undo(void **state)
{
    (void)state;
    driver d = {0};
    open_scene(&d);
    ask(&d, "What is in the top middle?", 1);
    driver_key(&d, SDLK_b, KMOD_LCTRL);
    for (int i = 0; i < 200 && driver_model(&d)->n_rows == 0; i++)
        driver_steps(&d, 2);
    assert_int_equal(driver_model(&d)->n_rows, 1);
    int64_t id = driver_model(&d)->row[0].id;
    (void)ui_act(driver_model(&d), &(ui_action){.type = UI_ACT_RENAME_CHAT, .id = id}, window_now());
    assert_int_equal(driver_model(&d)->overlay, UI_OVERLAY_RENAME);
    assert_true(driver_focused(&d, "field", UI_FIELD_RENAME));
    driver_key(&d, SDLK_a, KMOD_LCTRL);
    driver_type(&d, "crosses and boats");
    driver_key(&d, SDLK_RETURN, 0);
    assert_int_equal(driver_model(&d)->overlay, UI_OVERLAY_NONE);
    assert_string_equal(driver_model(&d)->chat->title, "crosses and boats");
    /* No single key destroys anything. */
    driver_key(&d, SDLK_DELETE, 0);
    driver_key(&d, SDLK_BACKSPACE, 0);
    assert_int_equal(driver_model(&d)->chat->n_turns, 1);
    driver_key(&d, SDLK_d, KMOD_LCTRL | KMOD_LSHIFT);
    driver_steps(&d, 20);
    assert_int_equal(driver_model(&d)->n_rows, 0);
    int toast = driver_model(&d)->toast[driver_model(&d)->n_toasts - 1].id;
    driver_click(&d, "undo", toast);
    for (int i = 0; i < 200 && driver_model(&d)->n_rows == 0; i++)
        driver_steps(&d, 2);
    assert_int_equal(driver_model(&d)->n_rows, 1);
    driver_close(&d);
}

static void history_and_draft_survive(void **state)
{
    (void)state;
    driver d = {0};
    char   home[256];
    open_scene(&d);
    ask(&d, "What is in the top middle?", 1);
    driver_type(&d, "half a que");
    driver_steps(&d, 20);
    (void)snprintf(home, sizeof home, "%s", d.home);
    driver_release(&d);
    driver_open(&d, &plain, home);
    driver_key(&d, SDLK_b, KMOD_LCTRL);
    for (int i = 0; i < 100 && driver_model(&d)->n_rows == 0; i++)
        driver_steps(&d, 2);
    assert_int_equal(driver_model(&d)->n_rows, 1);
    driver_click(&d, "history", (int)driver_model(&d)->row[0].id);
    wait_until(&d, driver_answered, &(int){1}, "the chat of the last run");
    assert_string_equal(last_turn(&d)->answer, "An orange cross.");
    assert_string_equal(driver_model(&d)->text[UI_FIELD_INPUT], "half a que");
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drop_ask_answer),
        cmocka_unit_test(regenerate_branch_edit),
        cmocka_unit_test(stop_with_escape),
        cmocka_unit_test(search_key_takes_the_keyboard),
        cmocka_unit_test(welcome_sample_is_one_click),
        cmocka_unit_test(return_belongs_to_the_input_method),
        cmocka_unit_test(editing_a_question),
        cmocka_unit_test(huge_clipboard),
        cmocka_unit_test(refused_pictures),
        cmocka_unit_test(any_size),
        cmocka_unit_test(themes),
        cmocka_unit_test(keyboard_alone),
        cmocka_unit_test(zoom_pan_region),
        cmocka_unit_test(many_files),
        cmocka_unit_test(close_while_loading_and_answering),
        cmocka_unit_test(follows_only_at_the_end),
        cmocka_unit_test(rename_delete_undo),
        cmocka_unit_test(history_and_draft_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
