/* test_ui_pictures.c: the state machine: drops, pastes, the strip, what the model sees, removing. */
#include "tests/desktop/ui_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static ui_fixture f;

static void test_drop(void **state)
{
    char path[32];
    (void)state;
    ui_drop_end(f.m, f.now); /* without a beginning: nothing */
    ui_drop_begin(f.m);
    for (int i = 0; i < 10005; i++) {
        (void)snprintf(path, sizeof path, "/p/%d.png", i);
        ui_drop_file(f.m, path);
    }
    ui_drop_end(f.m, f.now);
    assert_non_null(strstr(ui_last_toast(&f), "5 of the dropped files"));
    assert_int_equal(ui_expect(&f, UI_REQ_GATHER)->n_paths, 10000);
    assert_true(f.m->gathering);
    /* Words, a web address, a list of files. */
    ui_type(&f, "What is");
    ui_drop_begin(f.m);
    ui_drop_text(f.m, "this?");
    ui_drop_end(f.m, f.now);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "What is this?");
    ui_type(&f, "");
    ui_drop_begin(f.m);
    ui_drop_text(f.m, "words");
    ui_drop_end(f.m, f.now);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "words");
    ui_drop_begin(f.m);
    ui_drop_text(f.m, "http://example.org/a.png");
    ui_drop_end(f.m, f.now);
    assert_non_null(strstr(ui_last_toast(&f), "no network code"));
    assert_false(ui_has_request(&f, UI_REQ_GATHER));
    ui_drop_begin(f.m);
    ui_drop_text(
        f.m,
        "# from a file manager\r\nfile:///p/a%20b.png\r\nfile://localhost/p/c.png\r\nfile://elsewhere/d\r\n");
    ui_drop_end(f.m, f.now);
    const ui_request *req = ui_expect(&f, UI_REQ_GATHER);
    assert_int_equal(req->n_paths, 2);
    assert_string_equal(req->paths[0], "/p/a b.png");
    assert_string_equal(req->paths[1], "/p/c.png");
    char *big = malloc(2 << 20);
    assert_non_null(big);
    memset(big, 'x', (2 << 20) - 1);
    big[(2 << 20) - 1] = '\0';
    ui_drop_begin(f.m);
    ui_drop_text(f.m, big);
    ui_drop_end(f.m, f.now);
    assert_non_null(strstr(ui_last_toast(&f), "the limit"));
    assert_int_equal(ui_set_text(f.m, UI_FIELD_INPUT, big, f.now), MLM_E_RANGE);
    free(big);
    const char *args[] = {"/a.png", "/b.png"};
    ui_open_paths(f.m, args, 2, f.now);
    assert_int_equal(ui_expect(&f, UI_REQ_GATHER)->n_paths, 2);
}

static void test_paste(void **state)
{
    (void)state;
    assert_false(ui_paste(f.m, "plain words", f.now));
    assert_true(ui_paste(f.m, "file:///p/a.png\n", f.now));
    assert_true(ui_has_request(&f, UI_REQ_GATHER));
    assert_true(ui_paste(f.m, NULL, f.now));
    assert_true(ui_has_request(&f, UI_REQ_CLIPBOARD));
    (void)ui_do(&f, UI_ACT_SEARCH, 0, 0);
    assert_false(ui_paste(f.m, "", f.now)); /* another text field has the focus */
    /* A picture. */
    ui_event ev = {.type = UI_EV_CLIPBOARD, .bytes = calloc(1, 3), .n_bytes = 3, .text = strdup("clipboard")};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->chat->n_pictures, 1);
    const ui_request *req = ui_expect(&f, UI_REQ_DECODE);
    assert_int_equal(req->n_bytes, 3);
    assert_null(req->path);
    ui_decoded(&f, req->id, 8, 8);
    assert_string_equal(ui_shown_picture(f.m)->name, "clipboard");
    /* Not kept in a file: its pixels stay when another one is shown. */
    (void)ui_add_picture(&f, "/p/b.png", 9, 9);
    assert_non_null(f.m->chat->picture[0]->image);
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 0, 0);
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 1, 0);
    /* Kept: they go. */
    ev = (ui_event){.type = UI_EV_CLIPBOARD, .bytes = calloc(1, 3), .n_bytes = 3};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type  = UI_EV_DECODED,
                    .id    = ui_shown_picture(f.m)->id,
                    .image = ui_image(4, 4),
                    .path  = strdup("/data/pasted.png")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_shown_picture(f.m)->path, "/data/pasted.png");
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 1, 0);
    assert_null(f.m->chat->picture[2]->image);
    /* Files, nothing, a failure. */
    ev          = (ui_event){.type = UI_EV_CLIPBOARD, .paths = calloc(1, sizeof(char *)), .n_paths = 1};
    ev.paths[0] = strdup("/p/z.png");
    ui_send_event(&f, &ev);
    assert_true(ui_has_request(&f, UI_REQ_GATHER));
    ev = (ui_event){.type = UI_EV_CLIPBOARD, .status = MLM_E_NOTFOUND, .text = strdup("needs xclip")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "needs xclip");
    ev = (ui_event){.type = UI_EV_CLIPBOARD, .status = MLM_E_NOTFOUND};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "There is no picture in the clipboard.");
}

static void test_gathered(void **state)
{
    const char *path[] = {"/p/b.png", "/p/a.png", "/p/\xFF.png"};
    (void)state;
    ui_gathered(&f, path, 3, "/p/pipe is a pipe, not a picture file");
    assert_int_equal(f.m->chat->n_pictures, 3);
    assert_int_equal(f.m->chat->shown, 0);
    assert_string_equal(f.m->chat->picture[2]->name, "\xEF\xBF\xBD.png");
    assert_non_null(strstr(ui_last_toast(&f), "3 pictures"));
    assert_string_equal(f.m->chip, "reading b.png");
    /* The same again: nothing new, the first of them is shown. */
    ui_gathered(&f, path + 1, 1, NULL);
    assert_int_equal(f.m->chat->n_pictures, 3);
    assert_int_equal(f.m->chat->shown, 1);
    ui_gathered(&f, NULL, 0, NULL);
    assert_string_equal(ui_last_toast(&f), "No picture was found there.");
    ui_event ev = {.type = UI_EV_GATHERED, .status = MLM_E_NOMEM, .text = strdup("no memory")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "no memory");
    /* Next, previous, round and round. */
    (void)ui_do(&f, UI_ACT_NEXT_PICTURE, 0, 1);
    assert_int_equal(f.m->chat->shown, 2);
    (void)ui_do(&f, UI_ACT_NEXT_PICTURE, 0, 1);
    assert_int_equal(f.m->chat->shown, 0);
    (void)ui_do(&f, UI_ACT_NEXT_PICTURE, 0, -1);
    assert_int_equal(f.m->chat->shown, 2);
    assert_int_equal(ui_do(&f, UI_ACT_SHOW_PICTURE, 7, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_SHOW_PICTURE, -7, 0), MLM_E_RANGE);
}

static void test_no_pictures(void **state)
{
    (void)state;
    assert_int_equal(ui_do(&f, UI_ACT_NEXT_PICTURE, 0, 1), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, CHAT_NONE, 0), MLM_E_RANGE);
    assert_string_equal(f.m->chip, "");
    ui_event ev = {.type = UI_EV_DECODED, .id = 77};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type = UI_EV_THUMB, .id = 77};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type = UI_EV_LOOK_FAILED, .sight = {.picture = 77}};
    ui_send_event(&f, &ev);
    ev = (ui_event){.type = UI_EV_NONE};
    ui_send_event(&f, &ev);
    assert_true(f.m->welcome);
}

static void test_samples(void **state)
{
    (void)state;
    assert_int_equal(f.m->n_samples, UI_N_SAMPLES);
    assert_int_equal(ui_expect(&f, UI_REQ_THUMB)->id, -1);
    ui_event ev = {.type = UI_EV_THUMB, .id = -2, .image = ui_image(4, 4)};
    ui_send_event(&f, &ev);
    assert_non_null(f.m->sample[1].thumb);
    ev = (ui_event){.type = UI_EV_THUMB, .id = -20, .image = ui_image(4, 4)};
    ui_send_event(&f, &ev);
    assert_int_equal(ui_do(&f, UI_ACT_SAMPLE, 1, 0), MLM_OK);
    assert_false(f.m->welcome);
    assert_string_equal(ui_expect(&f, UI_REQ_DECODE)->path, f.m->sample[1].path);
    assert_int_equal(ui_do(&f, UI_ACT_SAMPLE, 9, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_SAMPLE, 1, 0), MLM_OK);
    assert_int_equal(f.m->chat->n_pictures, 1);
}

static void test_look_ahead_and_view(void **state)
{
    (void)state;
    int index = ui_add_picture(&f, "/p/cat.png", 40, 30);
    assert_int_equal(index, 0);
    char chip[96];
    (void)snprintf(chip, sizeof chip, "40 x 30 %s", ui_shown_picture(f.m)->format);
    assert_string_equal(f.m->chip, chip);
    assert_false(ui_has_request(&f, UI_REQ_LOOK)); /* no model yet */
    ui_ready(&f);
    ui_request *req = ui_expect(&f, UI_REQ_LOOK);
    assert_non_null(req->sight.image);
    (void)strncat(chip, ", 256 tokens", sizeof chip - strlen(chip) - 1);
    assert_string_equal(f.m->chip, chip);
    ui_event ev    = {.type = UI_EV_LOOKED, .sight = req->sight, .view = calloc(1, 12)};
    ev.sight.image = NULL;
    ev.info        = (mlmamba_image_info){.view_size = 2, .n_tokens = 256, .fit = "crop", .format = ""};
    ui_send_event(&f, &ev);
    assert_non_null(f.m->view);
    assert_non_null(strstr(f.m->chip, ", crop, 256 tokens"));
    assert_true(ui_press(&f, 'w', UI_MOD_CTRL | UI_MOD_SHIFT));
    assert_true(f.m->model_view);
    /* Asked for once. */
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 0, 0);
    assert_false(ui_has_request(&f, UI_REQ_LOOK));
    /* Another fit is another view. */
    assert_int_equal(ui_do_set(&f, UI_SET_FIT, MLMAMBA_FIT_NAIVE), MLM_OK);
    assert_null(f.m->view);
    req = ui_expect(&f, UI_REQ_LOOK);
    assert_int_equal(req->sight.fit, MLMAMBA_FIT_NAIVE);
    /* An old view that comes late is not shown. */
    ev = (ui_event){.type = UI_EV_LOOKED, .sight = {.picture = req->sight.picture}, .view = calloc(1, 12)};
    ui_send_event(&f, &ev);
    assert_null(f.m->view);
    /* Cancelled: asked for again when it is needed.  Failed: the picture is refused, unless it is not its fault. */
    ev             = (ui_event){.type = UI_EV_LOOK_FAILED, .sight = req->sight, .status = MLM_E_CANCELLED};
    ev.sight.image = NULL;
    ui_send_event(&f, &ev);
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 0, 0);
    req = ui_expect(&f, UI_REQ_LOOK);
    ev  = (ui_event){
         .type = UI_EV_LOOK_FAILED, .sight = req->sight, .status = MLM_E_NOMEM, .text = strdup("no room")};
    ev.sight.image = NULL;
    ui_send_event(&f, &ev);
    assert_int_equal(ui_shown_picture(f.m)->state, CHAT_PICTURE_READY);
    assert_string_equal(ui_last_toast(&f), "no room");
    ev             = (ui_event){.type = UI_EV_LOOK_FAILED, .sight = req->sight, .status = MLM_E_UNSUPPORTED};
    ev.sight.image = NULL;
    ui_send_event(&f, &ev);
    assert_int_equal(ui_shown_picture(f.m)->state, CHAT_PICTURE_REFUSED);
}

static void test_strip(void **state)
{
    char        path[16][32];
    const char *list[16];
    (void)state;
    for (int i = 0; i < 16; i++) {
        (void)snprintf(path[i], sizeof path[i], "/p/%02d.png", i);
        list[i] = path[i];
    }
    ui_gathered(&f, list, 16, NULL);
    ui_drop_requests(&f);
    (void)ui_do(&f, UI_ACT_STRIP_VISIBLE, 2, 3);
    ui_request req;
    int        n = 0;
    while (ui_next_request(f.m, &req)) {
        assert_int_equal(req.type, UI_REQ_THUMB);
        n++;
        ui_event ev = {.type = UI_EV_THUMB, .id = req.id};
        if (n == 1)
            ev.image = ui_image(3, 3);
        else if (n == 2) {
            ev.status = MLM_E_FORMAT;
            ev.text   = strdup("damaged");
        }
        ui_send_event(&f, &ev);
        ui_request_free(&req);
    }
    assert_int_equal(n, 3);
    assert_non_null(f.m->chat->picture[2]->thumb);
    assert_int_equal(f.m->chat->picture[3]->state, CHAT_PICTURE_REFUSED); /* known before it is shown */
    assert_int_equal(f.m->chat->picture[4]->state, CHAT_PICTURE_LISTED);
    (void)ui_do(&f, UI_ACT_STRIP_VISIBLE, 2, 3);
    assert_false(ui_has_request(&f, UI_REQ_THUMB)); /* each once */
    (void)ui_do(&f, UI_ACT_STRIP_VISIBLE, -5, 100);
    (void)ui_do(&f, UI_ACT_STRIP_VISIBLE, 15, -1);
    assert_true(ui_has_request(&f, UI_REQ_THUMB));
}

static void test_thumbs_have_a_quota(void **state)
{
    enum { N = 1000 };
    const char **list = calloc(N, sizeof *list);
    char(*path)[32]   = calloc(N, sizeof *path);
    (void)state;
    assert_non_null(list);
    assert_non_null(path);
    for (int i = 0; i < N; i++) {
        (void)snprintf(path[i], sizeof path[i], "/p/%03d.png", i);
        list[i] = path[i];
    }
    ui_gathered(&f, list, N, NULL);
    for (int i = 0; i < N; i++) {
        ui_event ev = {.type = UI_EV_THUMB, .id = f.m->chat->picture[i]->id, .image = ui_image(2, 2)};
        ui_send_event(&f, &ev);
    }
    (void)ui_do(&f, UI_ACT_STRIP_VISIBLE, N - 10, 10);
    int n = 0;
    for (int i = 0; i < N; i++)
        n += f.m->chat->picture[i]->thumb != NULL ? 1 : 0;
    assert_true(n <= 512);
    assert_non_null(f.m->chat->picture[N - 1]->thumb);
    free(list);
    free(path);
}

static void test_remove_and_undo(void **state)
{
    (void)state;
    ui_ready(&f);
    (void)ui_add_picture(&f, "/p/a.png", 10, 10);
    (void)ui_ask(&f, "a?", "A");
    ui_request_free(&f.req);
    (void)ui_add_picture(&f, "/p/b.png", 10, 10);
    (void)ui_ask(&f, "b?", "B");
    (void)ui_ask(&f, "b2?", "B2");
    ui_request_free(&f.req);
    (void)ui_add_picture(&f, "/p/c.png", 10, 10);
    (void)ui_ask(&f, "c?", "C");
    ui_drop_requests(&f);
    /* The one before: indices move. */
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, 1, 0), MLM_OK);
    assert_int_equal(f.m->chat->n_pictures, 2);
    assert_int_equal(f.m->chat->n_turns, 2);
    assert_string_equal(ui_last_turn(&f)->answer, "C");
    assert_true(f.m->toast[f.m->n_toasts - 1].has_undo);
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_OK);
    assert_int_equal(f.m->chat->n_turns, 4);
    assert_string_equal(ui_last_turn(&f)->answer, "C");
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_E_STATE);
    /* The shown one: the next is shown. */
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 0, 0);
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, CHAT_NONE, 0), MLM_OK);
    assert_string_equal(ui_shown_picture(f.m)->path, "/p/b.png");
    assert_string_equal(ui_last_turn(&f)->answer, "B2");
    /* Its undo is over with the next question. */
    ui_decoded(&f, ui_shown_picture(f.m)->id, 10, 10);
    ui_request_free(&f.req);
    (void)ui_ask(&f, "b3?", "B3");
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, 0, 0), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, 0, 0), MLM_OK); /* the undo before is given up */
    assert_int_equal(f.m->chat->n_pictures, 0);
    assert_true(f.m->welcome);
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_OK);
    assert_int_equal(f.m->chat->n_pictures, 1);
    /* Not while it is being asked about. */
    ui_decoded(&f, ui_shown_picture(f.m)->id, 10, 10);
    ui_type(&f, "c2?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    assert_true(ui_is_busy(f.m));
    assert_int_equal(ui_do(&f, UI_ACT_REMOVE_PICTURE, 0, 0), MLM_E_STATE);
}

static void test_pixels_leave(void **state)
{
    (void)state;
    ui_ready(&f);
    (void)ui_add_picture(&f, "/p/a.png", 10, 10);
    ui_type(&f, "a?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    (void)ui_add_picture(&f, "/p/b.png", 10, 10);
    assert_non_null(f.m->chat->picture[0]->image); /* the question still needs it */
    assert_int_equal(f.m->chat->shown, 1);
    assert_true(ui_is_busy(f.m));
    ui_request_free(&f.req);
    f.req.type   = UI_REQ_ASK;
    f.req.serial = 0;
    ui_event ev  = {.type = UI_EV_ANSWER, .text = strdup("x")};
    for (uint64_t s = 1; s < 50 && ui_is_busy(f.m); s++) {
        ui_event one = {.type = UI_EV_ANSWER, .serial = s, .text = strdup("x")};
        ui_send_event(&f, &one);
    }
    ui_event_free(&ev);
    assert_false(ui_is_busy(f.m));
    assert_null(f.m->chat->picture[0]->image);
    /* Shown again: decoded again; a file that is gone says so. */
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 0, 0);
    ui_event bad = {.type   = UI_EV_DECODE_FAILED,
                    .id     = ui_expect(&f, UI_REQ_DECODE)->id,
                    .status = MLM_E_NOTFOUND,
                    .text   = strdup("/p/a.png does not exist")};
    ui_send_event(&f, &bad);
    assert_string_equal(ui_last_toast(&f), "/p/a.png does not exist");
    assert_string_equal(ui_last_turn(&f)->answer, "x"); /* what was said stays */
    (void)ui_do(&f, UI_ACT_SHOW_PICTURE, 1, 0);
    bad = (ui_event){.type = UI_EV_DECODE_FAILED, .id = f.m->chat->picture[1]->id};
    ui_send_event(&f, &bad);
    assert_string_equal(ui_last_toast(&f), "it cannot be read");
}

static void test_canvas_actions(void **state)
{
    (void)state;
    (void)ui_add_picture(&f, "/p/a.png", 100, 50);
    ui_pane_resized(f.m, 200, 200);
    assert_true(f.m->canvas.zoom == 2);
    (void)ui_do(&f, UI_ACT_FULL_SIZE, 0, 0);
    assert_true(f.m->canvas.zoom == 1);
    ui_action a = {.type = UI_ACT_ZOOM, .factor = 2, .x = 100, .y = 100};
    (void)ui_act(f.m, &a, f.now);
    assert_true(f.m->canvas.zoom == 2);
    a = (ui_action){.type = UI_ACT_PAN, .x = 5, .y = 5};
    (void)ui_act(f.m, &a, f.now);
    assert_false(f.m->canvas.fitted);
    (void)ui_do(&f, UI_ACT_FIT, 0, 0);
    assert_true(f.m->canvas.fitted);
    ui_pointer_move(f.m, 1, 1, f.now); /* without a button: nothing */
    assert_int_equal(ui_do(&f, UI_ACT_OPEN_PICTURES, 0, 0), MLM_OK);
    assert_int_equal(ui_expect(&f, UI_REQ_DIALOG)->number, UI_DIALOG_PICTURES);
    assert_int_equal(ui_do(&f, UI_ACT_OPEN_FOLDER, 0, 0), MLM_OK);
    assert_int_equal(ui_expect(&f, UI_REQ_DIALOG)->number, UI_DIALOG_FOLDER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UI_TEST(test_drop),
        UI_TEST(test_paste),
        UI_TEST(test_gathered),
        UI_TEST(test_no_pictures),
        UI_TEST(test_samples),
        UI_TEST(test_look_ahead_and_view),
        UI_TEST(test_strip),
        UI_TEST(test_thumbs_have_a_quota),
        UI_TEST(test_remove_and_undo),
        UI_TEST(test_pixels_leave),
        UI_TEST(test_canvas_actions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
