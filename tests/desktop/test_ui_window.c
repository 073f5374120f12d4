/* test_ui_window.c: the state machine: models, settings, panels, keys, files, batch, time. */
#include "tests/desktop/ui_fixture.h"

#include <math.h>
#include <stdlib.h>

static ui_fixture f;

/* ---- models ------------------------------------------------------------------------------------- */

static void give_models(int n)
{
    (void)ui_expect(&f, UI_REQ_SCAN_MODELS);
    ui_event ev = {
        .type = UI_EV_MODELS, .model_row = calloc((size_t)n, sizeof(ui_model_row)), .n_model_rows = n};
    for (int i = 0; i < n; i++) {
        ev.model_row[i].dir  = strdup(i == 0 ? "/models/a" : "/models/b");
        ev.model_row[i].name = strdup("m");
    }
    ui_send_event(&f, &ev);
}

static void test_models(void **state)
{
    (void)state;
    assert_true(ui_press(&f, 'm', UI_MOD_CTRL));
    assert_true(f.m->scanning);
    give_models(2);
    assert_false(f.m->scanning);
    assert_int_equal(f.m->model_selected, 0); /* the loaded one */
    assert_string_equal(ui_expect(&f, UI_REQ_CHECK_MODEL)->path, "/models/a");
    (void)ui_press(&f, UI_KEY_DOWN, 0);
    assert_int_equal(f.m->model_selected, 1);
    ui_event ev = {
        .type = UI_EV_MODEL_CHECKED, .model_row = calloc(1, sizeof(ui_model_row)), .n_model_rows = 1};
    ev.model_row->dir       = strdup("/models/b");
    ev.model_row->note      = strdup("broken");
    ev.model_row->estimated = true;
    ui_send_event(&f, &ev);
    assert_true(f.m->model_row[1].checked);
    assert_string_equal(f.m->model_row[1].note, "broken");
    ev = (ui_event){.type = UI_EV_MODEL_CHECKED};
    ui_send_event(&f, &ev);
    ui_drop_requests(&f);
    assert_int_equal(ui_do(&f, UI_ACT_SELECT_MODEL, 1, 0), MLM_OK);
    assert_false(ui_has_request(&f, UI_REQ_CHECK_MODEL)); /* known */
    assert_int_equal(ui_do(&f, UI_ACT_SELECT_MODEL, 5, 0), MLM_E_RANGE);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    const ui_request *req = ui_expect(&f, UI_REQ_LOAD);
    assert_string_equal(req->path, "/models/b");
    assert_string_equal(req->device, "auto");
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    /* Cancelled, the one from before stays. */
    (void)ui_do(&f, UI_ACT_CANCEL_LOAD, 0, 0);
    uint64_t serial = f.req.serial;
    assert_true(ui_has_request(&f, UI_REQ_CANCEL_LOAD));
    ev = (ui_event){.type = UI_EV_LOAD_FAILED, .serial = serial, .status = MLM_E_CANCELLED, .number = 1};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_READY);
    assert_non_null(strstr(ui_last_toast(&f), "stays"));
    assert_int_equal(ui_do(&f, UI_ACT_CANCEL_LOAD, 0, 0), MLM_OK);
    /* Of an older load nothing is taken. */
    ev = (ui_event){.type = UI_EV_LOADED, .serial = 1};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type = UI_EV_LOAD_FAILED, .serial = 1};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type = UI_EV_LOAD_PROGRESS, .serial = 1};
    ui_send_event(&f, &ev);
    /* Another folder of models. */
    assert_int_equal(ui_do(&f, UI_ACT_ADD_MODEL_DIR, 0, 0), MLM_OK);
    req         = ui_expect(&f, UI_REQ_DIALOG);
    ev          = (ui_event){.type    = UI_EV_DIALOG,
                             .serial  = req->serial,
                             .number  = UI_DIALOG_MODEL_DIR,
                             .n_paths = 1,
                             .paths   = calloc(1, sizeof(char *))};
    ev.paths[0] = strdup("/more");
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->settings.n_dirs, 1);
    req = ui_expect(&f, UI_REQ_SCAN_MODELS);
    assert_int_equal(req->n_paths, 2);
    assert_int_equal(req->number, 1);
}

static void test_stored_model_is_gone(void **state)
{
    (void)state;
    (void)chat_set_text(&f.m->settings.model_dir, "/unplugged");
    (void)ui_do_text(&f, UI_ACT_LOAD_MODEL, 0, NULL);
    const ui_request *req = ui_expect(&f, UI_REQ_LOAD);
    assert_string_equal(req->path, "/unplugged");
    ui_event ev = {.type   = UI_EV_LOAD_FAILED,
                   .serial = req->serial,
                   .status = MLM_E_NOTFOUND,
                   .text   = strdup("/unplugged: no")};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_LOADING);
    assert_non_null(strstr(ui_last_toast(&f), "built-in model is loaded instead"));
    req = ui_expect(&f, UI_REQ_LOAD);
    assert_null(req->path);
    ev = (ui_event){
        .type = UI_EV_LOAD_FAILED, .serial = req->serial, .status = MLM_E_NOTFOUND, .text = strdup("none")};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_FAILED); /* once */
}

static void test_unload_and_reload(void **state)
{
    (void)state;
    assert_int_equal(ui_do(&f, UI_ACT_UNLOAD, 0, 0), MLM_OK);
    ui_event ev = {.type = UI_EV_UNLOADED};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_NONE);
    assert_string_equal(f.m->status.model, "no model");
    assert_false(ui_last_turn(&f)->kept);
    assert_int_equal(ui_do(&f, UI_ACT_UNLOAD, 0, 0), MLM_E_STATE);
    (void)ui_do_text(&f, UI_ACT_LOAD_MODEL, 0, NULL);
    assert_string_equal(ui_expect(&f, UI_REQ_LOAD)->path, "/models/a"); /* the last one */
    assert_string_equal(f.m->status.model, "loading the model");
    ev = (ui_event){.type = UI_EV_UNLOADED};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_LOADING);
    ev = (ui_event){.type = UI_EV_LOAD_FAILED, .serial = f.req.serial, .status = MLM_E_CANCELLED};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_NONE);
    ui_ready(&f);
    assert_false(f.m->reload_needed);
    assert_int_equal(ui_do_set(&f, UI_SET_THREADS, 2), MLM_OK);
    assert_true(f.m->reload_needed);
    ui_type(&f, "two");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    assert_true(ui_is_busy(f.m));
    assert_int_equal(ui_do(&f, UI_ACT_UNLOAD, 0, 0), MLM_E_STATE);
    ui_ready(&f); /* in the middle of a question */
    assert_false(ui_is_busy(f.m));
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_FAILED);
    ui_event memory = {.type = UI_EV_MEMORY, .done = 300 << 20, .total = 5 << 20};
    ui_send_event(&f, &memory);
    assert_string_equal(f.m->status.memory, "300 MB, states 5 MB");
}

/* ---- settings, panels, keys --------------------------------------------------------------------- */

static void test_settings(void **state)
{
    (void)state;
    assert_true(ui_press(&f, ',', UI_MOD_CTRL));
    assert_int_equal(f.m->panel, UI_PANEL_SETTINGS);
    assert_int_equal(ui_do(&f, UI_ACT_PRESET, 2, 0), MLM_OK);
    assert_true(f.m->settings.temperature == 1);
    assert_int_equal(ui_do(&f, UI_ACT_PRESET, 20, 0), MLM_E_RANGE);
    assert_int_equal(ui_do_set(&f, UI_SET_TEMPERATURE, 3), MLM_E_RANGE);
    assert_non_null(strstr(ui_last_toast(&f), "temperature is 3"));
    assert_int_equal(ui_do(&f, UI_ACT_RESET, 0, 0), MLM_OK);
    assert_true(f.m->settings.temperature == 0);
    assert_int_equal(ui_do_text(&f, UI_ACT_SET, UI_SET_DEVICE, "cuda:1"), MLM_OK);
    assert_true(f.m->reload_needed);
    assert_int_equal(ui_do_text(&f, UI_ACT_SET, UI_SET_DEVICE, "../x"), MLM_E_RANGE);
    ui_pass(&f, 1000);
    assert_non_null(strstr(ui_expect(&f, UI_REQ_SAVE_SETTINGS)->text, "\"device\": \"cuda:1\""));
    ui_event ev = {.type = UI_EV_SETTINGS_SAVED, .status = MLM_E_IO, .text = strdup("full")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "The settings were not stored: full");
    for (int i = 0; i < 30; i++)
        (void)ui_press(&f, '+', UI_MOD_CTRL);
    assert_int_equal(f.m->settings.text_percent, 300);
    for (int i = 0; i < 30; i++)
        (void)ui_press(&f, '-', UI_MOD_CTRL);
    assert_int_equal(f.m->settings.text_percent, 50);
    (void)ui_press(&f, '0', UI_MOD_CTRL);
    assert_int_equal(f.m->settings.text_percent, 100);
    /* Drawn answers take another seed each time. */
    (void)ui_do(&f, UI_ACT_PRESET, 1, 0);
    (void)ui_press(&f, 'r', UI_MOD_CTRL);
    assert_int_equal(ui_expect(&f, UI_REQ_ASK)->sampling.seed, 1);
    assert_true(f.req.sampling.temperature > 0);
}

static void test_panels_and_focus(void **state)
{
    (void)state;
    assert_true(ui_press(&f, UI_KEY_F1, 0));
    assert_int_equal(f.m->overlay, UI_OVERLAY_HELP);
    assert_int_equal(ui_do(&f, UI_ACT_FOCUS_NEXT, 0, 1), MLM_OK);
    assert_int_equal(f.m->focus, UI_FOCUS_OVERLAY); /* it keeps the keyboard */
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    assert_false(ui_press(&f, '?', UI_MOD_SHIFT)); /* in the box it is a letter */
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_CHAT, 0);
    assert_true(ui_press(&f, '?', UI_MOD_SHIFT));
    assert_false(ui_press(&f, '+', 0)); /* not through an overlay */
    (void)ui_press(&f, UI_KEY_ESCAPE, 0);
    assert_int_equal(ui_do(&f, UI_ACT_OVERLAY, 99, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_PANEL, 99, 0), MLM_E_RANGE);
    f.m->region_mode = true; /* what has the focus is closed first */
    (void)ui_do(&f, UI_ACT_PANEL, UI_PANEL_SETTINGS, 0);
    assert_true(ui_press(&f, UI_KEY_ESCAPE, 0));
    assert_int_equal(f.m->panel, UI_PANEL_NONE);
    assert_true(f.m->region_mode);
    f.m->region_mode = false;
    /* Round over what is there, forward and back. */
    (void)ui_do(&f, UI_ACT_SIDEBAR, 0, 0);
    ui_give_list(&f, 2);
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_INPUT, 0);
    int seen[UI_FOCUS_COUNT] = {0};
    for (int i = 0; i < 20; i++) {
        (void)ui_do(&f, UI_ACT_FOCUS_NEXT, 0, 1);
        seen[f.m->focus]++;
    }
    assert_true(seen[UI_FOCUS_CHAT] > 0 && seen[UI_FOCUS_PICTURE] > 0 && seen[UI_FOCUS_SEARCH] > 0 &&
                seen[UI_FOCUS_HISTORY] > 0);
    assert_int_equal(seen[UI_FOCUS_PANEL] + seen[UI_FOCUS_OVERLAY] + seen[UI_FOCUS_STRIP], 0);
    ui_focus before = f.m->focus;
    (void)ui_do(&f, UI_ACT_FOCUS_NEXT, 0, 1);
    (void)ui_do(&f, UI_ACT_FOCUS_NEXT, 0, -1);
    assert_int_equal(f.m->focus, before);
    (void)ui_do(&f, UI_ACT_FOCUS, 99, 0);
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_HISTORY, 0);
    (void)ui_do(&f, UI_ACT_SIDEBAR, 0, 0);
    assert_int_equal(f.m->focus, UI_FOCUS_INPUT); /* what had it is gone */
    /* Keys of the picture, only there. */
    assert_false(ui_press(&f, '1', 0));
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_PICTURE, 0);
    ui_pane_resized(f.m, 100, 100);
    assert_true(ui_press(&f, '1', 0));
    assert_true(f.m->canvas.zoom == 1);
    assert_true(ui_press(&f, '+', 0));
    assert_true(f.m->canvas.zoom > 1);
    assert_true(ui_press(&f, '0', 0));
    assert_true(ui_press(&f, UI_KEY_RIGHT, 0));
    assert_false(ui_press(&f, UI_KEY_F11, 0));
    assert_false(ui_press(&f, UI_KEY_ENTER, UI_MOD_SHIFT));
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_TASKS, MLMAMBA_TASK_VQA);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(f.m->composer.task, MLMAMBA_TASK_VQA);
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_STRIP, 0);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_CHAT, 0);
    assert_true(ui_press(&f, UI_KEY_DOWN, 0));
    assert_false(ui_press(&f, UI_KEY_ENTER, 0));
    assert_true(ui_press(&f, 'q', UI_MOD_CTRL));
    assert_true(f.m->quit);
}

static void test_composing_keeps_the_keys(void **state)
{
    (void)state;
    ui_type(&f, "\xE3\x81\xAD\xE3\x81\x93");
    assert_false(ui_key(f.m, UI_KEY_ENTER, 0, true, f.now));
    assert_false(ui_key(f.m, UI_KEY_ESCAPE, 0, true, f.now));
    assert_false(ui_is_busy(f.m));
    assert_true(ui_key(f.m, UI_KEY_ENTER, 0, false, f.now));
    assert_true(ui_is_busy(f.m));
}

static void test_toasts(void **state)
{
    (void)state;
    while (f.m->n_toasts > 0)
        (void)ui_do(&f, UI_ACT_DISMISS, f.m->toast[0].id, 0);
    ui_notify(f.m, "a line\nwith control", f.now);
    assert_string_equal(ui_last_toast(&f), "a line\xEF\xBF\xBDwith control");
    ui_notify(f.m, "a line\nwith control", f.now);
    assert_int_equal(f.m->n_toasts, 1); /* said once */
    assert_true(ui_deadline(f.m) < HUGE_VAL);
    ui_pass(&f, 10000);
    assert_int_equal(f.m->n_toasts, 0);
    for (int i = 0; i < 9; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        ui_notify(f.m, text, f.now);
    }
    assert_int_equal(f.m->n_toasts, UI_MAX_TOASTS);
    assert_string_equal(f.m->toast[0].text, "e");
    for (int i = 0; i < UI_MAX_TOASTS; i++)
        assert_true(ui_press(&f, UI_KEY_ESCAPE, 0));
    assert_int_equal(f.m->n_toasts, 0);
    (void)ui_press(&f, UI_KEY_ESCAPE, 0);
    assert_int_equal(f.m->focus, UI_FOCUS_INPUT);
    ui_drop_requests(&f);
    ui_pass(&f, 60000);
    ui_pass(&f, 60000);
    assert_true(ui_deadline(f.m) == HUGE_VAL);
}

static void test_shortcut_list(void **state)
{
    int n = ui_shortcut_count();
    (void)state;
    assert_true(n > 25);
    for (int i = 0; i < n; i++) {
        assert_true(ui_shortcut_at(i).keys[0] != '\0');
        assert_true(ui_shortcut_at(i).what[0] != '\0');
    }
    assert_string_equal(ui_shortcut_at(n).keys, "");
    assert_string_equal(ui_shortcut_at(-1).keys, "");
}

/* ---- the in-app file list ----------------------------------------------------------------------- */

static void give_dir(const char *dir, int n_dirs, int n_files)
{
    ui_event ev   = {.type   = UI_EV_DIR_LISTED,
                     .serial = ui_expect(&f, UI_REQ_LIST_DIR)->serial,
                     .files  = calloc(1, sizeof(ui_file_list))};
    ev.files->dir = strdup(dir);
    ev.files->row = calloc((size_t)(n_dirs + n_files) + 1, sizeof(ui_file_row));
    for (int i = 0; i < n_dirs + n_files; i++) {
        ev.files->row[i].name   = strdup(i < n_dirs ? "sub" : "x.png");
        ev.files->row[i].shown  = strdup(i < n_dirs ? "sub" : "x.png");
        ev.files->row[i].is_dir = i < n_dirs;
        ev.files->n_rows++;
    }
    ui_send_event(&f, &ev);
}

static void no_dialog(int64_t kind, int64_t format, const char *suggested)
{
    const ui_request *req = ui_expect(&f, UI_REQ_DIALOG);
    ui_event          ev  = {.type   = UI_EV_DIALOG,
                             .serial = req->serial,
                             .number = kind,
                             .id     = format,
                             .status = MLM_E_UNSUPPORTED,
                             .text   = suggested != NULL ? strdup(suggested) : NULL};
    ui_send_event(&f, &ev);
}

static void test_file_list(void **state)
{
    (void)state;
    (void)ui_press(&f, 'o', UI_MOD_CTRL);
    no_dialog(UI_DIALOG_PICTURES, 0, NULL);
    assert_int_equal(f.m->overlay, UI_OVERLAY_FILES);
    (void)ui_do(&f, UI_ACT_FILES_ENTER, 0, 0); /* nothing is listed yet */
    (void)ui_do(&f, UI_ACT_FILES_TAKE, 0, 0);
    give_dir("/home/a", 1, 2);
    assert_int_equal(f.m->files.n_rows, 3);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0)); /* the folder */
    assert_string_equal(ui_expect(&f, UI_REQ_LIST_DIR)->path, "/home/a/sub");
    (void)ui_do(&f, UI_ACT_FILES_HIDDEN, 0, 0);
    assert_int_equal(ui_expect(&f, UI_REQ_LIST_DIR)->number, 1);
    assert_true(ui_press(&f, UI_KEY_BACKSPACE, 0));
    assert_string_equal(ui_expect(&f, UI_REQ_LIST_DIR)->path, "/home/a/..");
    assert_int_equal(ui_do(&f, UI_ACT_FILES_ENTER, 9, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_FILES_TAKE, 0, 0), MLM_E_STATE);
    (void)ui_set_text(f.m, UI_FIELD_FILES_PATH, "/etc", f.now);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    const ui_request *req = ui_expect(&f, UI_REQ_LIST_DIR);
    assert_string_equal(req->path, "/etc");
    ui_event ev = {.type   = UI_EV_DIR_LISTED,
                   .serial = req->serial,
                   .status = MLM_E_NOTFOUND,
                   .text   = strdup("/etc: no")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "/etc: no");
    (void)ui_set_text(f.m, UI_FIELD_FILES_PATH, "y.png", f.now);
    (void)ui_do(&f, UI_ACT_FILES_GO, 0, 0);
    req = ui_expect(&f, UI_REQ_LIST_DIR);
    assert_string_equal(req->path, "/home/a/y.png");
    ev = (ui_event){.type = UI_EV_DIR_LISTED, .serial = req->serial, .path = strdup("/home/a/y.png")};
    ui_send_event(&f, &ev); /* it was a file */
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    assert_string_equal(ui_expect(&f, UI_REQ_GATHER)->paths[0], "/home/a/y.png");
    ev = (ui_event){.type = UI_EV_DIR_LISTED, .serial = req->serial, .path = strdup("/late")};
    ui_send_event(&f, &ev);
}

static void exported(uint64_t serial, mlm_status status, const char *path)
{
    ui_event ev = {.type = UI_EV_EXPORTED, .serial = serial, .status = status, .path = strdup(path)};
    ev.text     = status != MLM_OK ? strdup("why") : NULL;
    ui_send_event(&f, &ev);
}

static void test_file_list_choices(void **state)
{
    const ui_request *req;
    ui_event          ev;
    (void)state;
    (void)ui_do(&f, UI_ACT_OPEN_PICTURES, 0, 0);
    no_dialog(UI_DIALOG_PICTURES, 0, NULL);
    give_dir("/home/a", 0, 0);
    /* A file with Enter; it begins where it was last. */
    (void)ui_do(&f, UI_ACT_OPEN_PICTURES, 0, 0);
    no_dialog(UI_DIALOG_PICTURES, 0, NULL);
    assert_string_equal(ui_expect(&f, UI_REQ_LIST_DIR)->path, "/home/a");
    (void)ui_do(&f, UI_ACT_OPEN_PICTURES, 0, 0);
    no_dialog(UI_DIALOG_PICTURES, 0, NULL);
    give_dir("/home/a", 0, 1);
    (void)ui_do(&f, UI_ACT_FILES_ENTER, 0, 0);
    assert_string_equal(ui_expect(&f, UI_REQ_GATHER)->paths[0], "/home/a/x.png");
    /* A folder. */
    (void)ui_do(&f, UI_ACT_OPEN_FOLDER, 0, 0);
    no_dialog(UI_DIALOG_FOLDER, 0, NULL);
    give_dir("/home/a", 0, 1);
    (void)ui_do(&f, UI_ACT_FILES_ENTER, 0, 0);
    assert_int_equal(f.m->overlay, UI_OVERLAY_FILES);
    (void)ui_do(&f, UI_ACT_FILES_TAKE, 0, 0);
    assert_string_equal(ui_expect(&f, UI_REQ_GATHER)->paths[0], "/home/a");
    const char *found = "/home/a/x.png";
    ui_gathered(&f, &found, 1, NULL);
    /* A name to save under. */
    (void)ui_do_text(&f, UI_ACT_EXPORT_AS, UI_EXPORT_MARKDOWN, NULL);
    no_dialog(UI_DIALOG_SAVE_CHAT, UI_EXPORT_MARKDOWN, "one.md");
    assert_string_equal(f.m->text[UI_FIELD_FILES_PATH], "one.md");
    give_dir("/home/b", 1, 1);
    assert_string_equal(f.m->text[UI_FIELD_FILES_PATH], "one.md");
    (void)ui_do(&f, UI_ACT_FILES_ENTER, 1, 0); /* a name that is there goes into the field */
    assert_string_equal(f.m->text[UI_FIELD_FILES_PATH], "x.png");
    (void)ui_set_text(f.m, UI_FIELD_FILES_PATH, "two.md", f.now);
    (void)ui_do(&f, UI_ACT_FILES_GO, 0, 0);
    assert_int_equal(ui_do(&f, UI_ACT_FILES_GO, 0, 0), MLM_OK);
    req = ui_expect(&f, UI_REQ_EXPORT);
    assert_string_equal(req->path, "/home/b/two.md");
    assert_int_equal(req->id, 0);
    assert_false(ui_has_request(&f, UI_REQ_EXPORT)); /* not twice */
    /* It fails: the list stays with the name.  It is there: once more replaces it.  Then the list goes. */
    exported(req->serial, MLM_E_IO, "/home/b/two.md");
    assert_int_equal(f.m->overlay, UI_OVERLAY_FILES);
    assert_string_equal(f.m->text[UI_FIELD_FILES_PATH], "two.md");
    for (int i = 0; i < 2; i++) {
        (void)ui_do(&f, UI_ACT_FILES_GO, 0, 0);
        req = ui_expect(&f, UI_REQ_EXPORT);
        assert_int_equal(req->id, i);
        exported(req->serial, i == 0 ? MLM_E_STATE : MLM_OK, "/home/b/two.md");
        assert_int_equal(f.m->overlay, i == 0 ? UI_OVERLAY_FILES : UI_OVERLAY_NONE);
    }
    assert_int_equal(ui_do(&f, UI_ACT_FILES_GO, 0, 0), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_FILES_TAKE, 0, 0), MLM_OK);
    /* Cancelled, failed, of an older dialog. */
    (void)ui_do(&f, UI_ACT_OPEN_PICTURES, 0, 0);
    req = ui_expect(&f, UI_REQ_DIALOG);
    ev  = (ui_event){.type = UI_EV_DIALOG, .serial = req->serial, .number = UI_DIALOG_PICTURES};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type   = UI_EV_DIALOG,
                    .serial = req->serial,
                    .number = UI_DIALOG_PICTURES,
                    .status = MLM_E_IO,
                    .text   = strdup("broken")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "broken");
    ev = (ui_event){.type   = UI_EV_DIALOG,
                    .serial = 1,
                    .number = UI_DIALOG_PICTURES,
                    .status = MLM_E_IO,
                    .text   = strdup("older")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "broken");
}

/* ---- batch -------------------------------------------------------------------------------------- */

static void batch_event(uint64_t serial, ui_event_type type, mlm_status status, const char *text,
                        const char *path)
{
    ui_event ev = {.type   = type,
                   .serial = serial,
                   .status = status,
                   .text   = text != NULL ? strdup(text) : NULL,
                   .path   = path != NULL ? strdup(path) : NULL,
                   .done   = 3,
                   .total  = 6,
                   .id     = 1,
                   .rate   = 2,
                   .eta_s  = 1.5};
    if (type == UI_EV_BATCH_ROW)
        ev.batch_row = (ui_batch_row){strdup("1"), strdup("/p/b.png"), strdup("q"), strdup("a"), NULL};
    ui_send_event(&f, &ev);
}

static void test_batch(void **state)
{
    (void)state;
    assert_true(ui_press(&f, 'b', UI_MOD_CTRL | UI_MOD_SHIFT));
    assert_int_equal(f.m->panel, UI_PANEL_BATCH);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_START, 0, 0), MLM_E_STATE); /* no source */
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_SOURCE, 0, 0), MLM_OK);
    const ui_request *req = ui_expect(&f, UI_REQ_DIALOG);
    ui_event          ev  = {.type    = UI_EV_DIALOG,
                             .serial  = req->serial,
                             .number  = UI_DIALOG_BATCH_FOLDER,
                             .n_paths = 1,
                             .paths   = calloc(1, sizeof(char *))};
    ev.paths[0]           = strdup("/p");
    ui_send_event(&f, &ev);
    assert_string_equal(f.m->text[UI_FIELD_BATCH_SOURCE], "/p");
    (void)ui_do(&f, UI_ACT_BATCH_SOURCE, 1, 0);
    assert_int_equal(ui_expect(&f, UI_REQ_DIALOG)->number, UI_DIALOG_BATCH_FILE);
    (void)ui_set_text(f.m, UI_FIELD_BATCH_QUESTION, "What?", f.now);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_EXPORT, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_START, 0, 0), MLM_OK);
    req             = ui_expect(&f, UI_REQ_BATCH_START);
    uint64_t serial = req->serial;
    assert_string_equal(req->path, "/p");
    assert_string_equal(req->text, "What?");
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_START, 0, 0), MLM_E_STATE);
    ui_type(&f, "two");
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_STATE); /* the model is at work */
    assert_int_equal(ui_do_text(&f, UI_ACT_LOAD_MODEL, 0, "/m"), MLM_E_STATE);
    batch_event(serial, UI_EV_BATCH_PROGRESS, MLM_OK, NULL, "/r.jsonl");
    assert_int_equal(f.m->batch.n_done, 3);
    assert_int_equal(f.m->batch.n_errors, 1);
    batch_event(99999, UI_EV_BATCH_ROW, MLM_OK, NULL, NULL);
    assert_int_equal(f.m->batch.n_rows, 0);
    for (int i = 0; i < UI_BATCH_MAX_ROWS + 5; i++)
        batch_event(serial, UI_EV_BATCH_ROW, MLM_OK, NULL, NULL);
    assert_true(f.m->batch.n_rows <= UI_BATCH_MAX_ROWS && f.m->batch.first_row > 0);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_STOP, 0, 0), MLM_OK);
    assert_int_equal(f.m->batch.state, UI_BATCH_STOPPING);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_STOP, 0, 0), MLM_OK);
    batch_event(serial, UI_EV_BATCH_DONE, MLM_E_CANCELLED, "stopped", "/r.jsonl");
    assert_int_equal(f.m->batch.state, UI_BATCH_STOPPED);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_OPEN, 0, 0), MLM_OK);
    assert_string_equal(ui_expect(&f, UI_REQ_GATHER)->paths[0], "/p/b.png");
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_OPEN, 99999, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_EXPORT, 9, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_EXPORT, UI_BATCH_CSV, 0), MLM_OK);
    req         = ui_expect(&f, UI_REQ_DIALOG);
    ev          = (ui_event){.type    = UI_EV_DIALOG,
                             .serial  = req->serial,
                             .number  = UI_DIALOG_SAVE_BATCH,
                             .n_paths = 1,
                             .paths   = calloc(1, sizeof(char *))};
    ev.paths[0] = strdup("/out.csv");
    ui_send_event(&f, &ev);
    req = ui_expect(&f, UI_REQ_BATCH_EXPORT);
    assert_string_equal(req->path, "/out.csv");
    assert_string_equal(req->text, "/r.jsonl");
    /* Again: done with errors, then failed. */
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_START, 0, 0), MLM_OK);
    assert_int_equal(f.m->batch.n_rows, 0);
    serial = ui_expect(&f, UI_REQ_BATCH_START)->serial;
    batch_event(serial, UI_EV_BATCH_PROGRESS, MLM_OK, NULL, NULL);
    batch_event(serial, UI_EV_BATCH_DONE, MLM_OK, NULL, NULL);
    assert_string_equal(ui_last_toast(&f), "Batch: 2 answers, 1 errors.");
    batch_event(serial, UI_EV_BATCH_DONE, MLM_OK, NULL, NULL); /* over */
    (void)ui_do(&f, UI_ACT_BATCH_START, 0, 0);
    batch_event(ui_expect(&f, UI_REQ_BATCH_START)->serial, UI_EV_BATCH_DONE, MLM_E_IO, "no folder", NULL);
    assert_int_equal(f.m->batch.state, UI_BATCH_FAILED);
    assert_string_equal(f.m->batch.error, "no folder");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    assert_int_equal(ui_do(&f, UI_ACT_BATCH_START, 0, 0), MLM_E_STATE); /* a question is being answered */
}

static void test_without_batch(void **state)
{
    ui_model_options opt = {.id_seed = 7};
    ui_model        *m   = NULL;
    (void)state;
    assert_int_equal(ui_model_create(&m, &opt, 0), MLM_OK);
    assert_int_equal(m->n_samples, 0);
    assert_false(ui_key(m, 'b', UI_MOD_CTRL | UI_MOD_SHIFT, false, 0));
    ui_action a = {.type = UI_ACT_BATCH_START};
    assert_int_equal(ui_act(m, &a, 0), MLM_E_UNSUPPORTED);
    a = (ui_action){.type = UI_ACT_PANEL, .index = UI_PANEL_BATCH};
    assert_int_equal(ui_act(m, &a, 0), MLM_E_RANGE);
    assert_int_equal(ui_set_text(m, (ui_field)99, "", 0), MLM_E_RANGE);
    ui_model_free(m);
    ui_model_free(NULL);
}

static void test_dump(void **state)
{
    char *text = NULL;
    (void)state;
    assert_int_equal(ui_dump(f.m, &text), MLM_OK);
    assert_non_null(strstr(text, "\"engine\":\"ready\""));
    assert_non_null(strstr(text, "\"answer\":\"1\""));
    assert_non_null(strstr(text, "\"name\":\"cat.png\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UI_TEST_ASKED(test_models),
        UI_TEST(test_stored_model_is_gone),
        UI_TEST_ASKED(test_unload_and_reload),
        UI_TEST_ASKED(test_settings),
        UI_TEST_ASKED(test_panels_and_focus),
        UI_TEST_ASKED(test_composing_keeps_the_keys),
        UI_TEST_ASKED(test_toasts),
        UI_TEST(test_shortcut_list),
        UI_TEST_ASKED(test_file_list),
        UI_TEST_ASKED(test_file_list_choices),
        UI_TEST_ASKED(test_batch),
        cmocka_unit_test(test_without_batch),
        UI_TEST_ASKED(test_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
