/* test_ui_ask.c: the state machine: asking, stopping, the tree of questions, regions, errors of the outside. */
#include "tests/desktop/ui_fixture.h"

#include <math.h>
#include <stdlib.h>

static ui_fixture f;

static void test_nothing_to_ask_about(void **state)
{
    (void)state;
    assert_true(f.m->welcome);
    assert_false(f.m->composer.can_send);
    assert_string_equal(f.m->composer.why_not, "Type a question");
    ui_type(&f, "What?");
    assert_string_equal(f.m->composer.why_not, "Drop a picture first, or press Ctrl+O");
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_STATE);
    assert_non_null(strstr(ui_last_toast(&f), "no model"));
    ui_ready(&f);
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_STATE);
    assert_non_null(strstr(ui_last_toast(&f), "no picture"));
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "What?");
    assert_int_equal(ui_do(&f, UI_ACT_REGENERATE, CHAT_NONE, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_EDIT, CHAT_NONE, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_BRANCH, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_COPY_ANSWER, CHAT_NONE, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_COPY_CHAT, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_COPY_BOX, CHAT_NONE, 0), MLM_E_STATE);
    assert_int_equal(ui_do(&f, UI_ACT_NEW_QUESTION, 0, 0), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_EARLIER, 0, 0), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_STOP, 0, 0), MLM_OK);
    assert_int_equal(ui_do(&f, UI_ACT_SWITCH_BRANCH, 0, 1), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_TASK, 99, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, (ui_action_type)999, 0, 0), MLM_E_RANGE);
    assert_int_equal(ui_do(&f, UI_ACT_NONE, 0, 0), MLM_OK);
    assert_null(ui_shown_picture(f.m));
    assert_null(ui_path_turn(f.m, 0));
}

static void test_stream(void **state)
{
    (void)state;
    ui_type(&f, "  What is it?\n");
    uint32_t revision = f.m->text_revision[UI_FIELD_INPUT];
    assert_true(f.m->composer.can_send);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_true(ui_is_busy(f.m));
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "");
    assert_int_not_equal(f.m->text_revision[UI_FIELD_INPUT], revision);
    const ui_request *req = ui_expect(&f, UI_REQ_ASK);
    assert_string_equal(req->text, "What is it?");
    assert_non_null(req->sight.image);
    assert_int_equal(req->n_past, 0);
    assert_string_equal(f.m->chat->title, "What is it?");
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_WAITING);
    ui_event stage = {.type = UI_EV_ASK_STAGE, .serial = req->serial, .number = CHAT_TURN_LOOKING};
    ui_send_event(&f, &stage);
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_LOOKING);
    /* While the view is not at its end, text below is announced, not jumped to. */
    (void)ui_do(&f, UI_ACT_SCROLLED, 0, 0);
    ui_piece(&f, "A \xE2\x82\xAC");
    ui_piece(&f, " cat");
    assert_string_equal(ui_last_turn(&f)->answer, "A \xE2\x82\xAC cat");
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_STREAMING);
    assert_true(f.m->new_below);
    (void)ui_do(&f, UI_ACT_TO_END, 0, 0);
    assert_true(f.m->stick);
    assert_false(f.m->new_below);
    (void)ui_do(&f, UI_ACT_SCROLLED, 0, 0);
    /* Only one at a time. */
    ui_type(&f, "And now?");
    assert_false(f.m->composer.can_send);
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_STATE);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "And now?");
    /* What belongs to another question is not taken. */
    ui_event stray = {.type = UI_EV_PIECE, .serial = 9999, .text = strdup("stray")};
    ui_send_event(&f, &stray);
    ui_answer(&f, "A \xE2\x82\xAC cat.");
    assert_false(ui_is_busy(f.m));
    assert_string_equal(ui_last_turn(&f)->answer, "A \xE2\x82\xAC cat.");
    assert_string_equal(ui_last_turn(&f)->model, "a");
    assert_true(ui_last_turn(&f)->kept);
    assert_true(f.m->new_below);
    (void)ui_do(&f, UI_ACT_SCROLLED, 0, 1);
    assert_false(f.m->new_below);
    assert_string_equal(f.m->status.finish, "stop");
    assert_string_equal(f.m->status.speed, "100 tokens/s");
    /* After the end nothing more comes of it. */
    ui_event late = {.type = UI_EV_PIECE, .serial = f.req.serial, .text = strdup("late")};
    ui_send_event(&f, &late);
    assert_string_equal(ui_last_turn(&f)->answer, "A \xE2\x82\xAC cat.");
    ui_event dropped = {.type = UI_EV_STATE_DROPPED, .id = ui_last_turn(&f)->id};
    ui_send_event(&f, &dropped);
    assert_false(ui_last_turn(&f)->kept);
    dropped = (ui_event){.type = UI_EV_STATE_DROPPED, .id = 12345};
    ui_send_event(&f, &dropped);
}

static void test_stop(void **state)
{
    (void)state;
    ui_type(&f, "What is it?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    (void)ui_expect(&f, UI_REQ_ASK);
    ui_piece(&f, "A ca");
    uint64_t serial = f.req.serial;
    assert_true(ui_press(&f, UI_KEY_ESCAPE, 0));
    assert_true(f.m->stopping);
    assert_true(ui_has_request(&f, UI_REQ_STOP));
    ui_event ev = {.type = UI_EV_ANSWER, .serial = serial, .finish = MLMAMBA_FINISH_CANCELLED};
    ui_send_event(&f, &ev);
    assert_false(f.m->stopping);
    assert_string_equal(ui_last_turn(&f)->answer, "A ca"); /* without a text what was streamed stays */
    assert_string_equal(f.m->status.finish, "cancelled");
    /* Before the first word. */
    ui_type(&f, "And?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    (void)ui_expect(&f, UI_REQ_ASK);
    (void)ui_do(&f, UI_ACT_STOP, 0, 0);
    ui_ask_fails(&f, MLM_E_CANCELLED, "stopped");
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_FAILED);
    assert_string_equal(ui_last_turn(&f)->error, "stopped before the first word");
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "And?"); /* nobody types it twice */
}

static void test_wait_for_model_and_picture(void **state)
{
    (void)state;
    const char *path = "/p/a.png";
    assert_int_equal(ui_do_text(&f, UI_ACT_LOAD_MODEL, 0, NULL), MLM_OK);
    uint64_t load = ui_expect(&f, UI_REQ_LOAD)->serial;
    ui_gathered(&f, &path, 1, NULL);
    int64_t id = ui_expect(&f, UI_REQ_DECODE)->id;
    ui_type(&f, "What is it?");
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_OK);
    assert_true(ui_is_busy(f.m));
    assert_false(ui_has_request(&f, UI_REQ_ASK));
    ui_decoded(&f, id, 10, 10);
    assert_false(ui_has_request(&f, UI_REQ_ASK));
    ui_event progress = {.type = UI_EV_LOAD_PROGRESS, .serial = load, .done = 10 << 20, .total = 20 << 20};
    ui_send_event(&f, &progress);
    assert_string_equal(f.m->status.model, "loading 10 of 20 MB");
    ui_event ev = {.type = UI_EV_LOADED, .serial = load, .facts = calloc(1, sizeof(ui_engine_facts))};
    ui_send_event(&f, &ev);
    assert_non_null(ui_expect(&f, UI_REQ_ASK)->sight.image);
    ui_answer(&f, "A dog.");
    assert_null(f.m->settings.model_dir); /* the built-in model stays the default */
    /* Waiting and stopped: it never went out. */
    path = "/p/b.png";
    ui_gathered(&f, &path, 1, NULL);
    ui_type(&f, "And this?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    (void)ui_do(&f, UI_ACT_STOP, 0, 0);
    assert_false(ui_is_busy(f.m));
    assert_string_equal(ui_last_turn(&f)->error, "stopped before it was asked");
    /* Waiting, and then the picture cannot be decoded: it is not answered. */
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    assert_true(ui_is_busy(f.m));
    ui_event bad = {.type   = UI_EV_DECODE_FAILED,
                    .id     = ui_shown_picture(f.m)->id,
                    .status = MLM_E_FORMAT,
                    .text   = strdup("b.png: cut off")};
    ui_send_event(&f, &bad);
    assert_false(ui_is_busy(f.m));
    assert_string_equal(ui_last_turn(&f)->error, "b.png: cut off");
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "And this?");
    assert_false(f.m->composer.can_send);
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_STATE);
    assert_non_null(strstr(f.m->chip, "cannot be used"));
    assert_false(ui_has_request(&f, UI_REQ_ASK));
}

static void test_model_fails_while_waiting(void **state)
{
    (void)state;
    assert_int_equal(ui_do_text(&f, UI_ACT_LOAD_MODEL, 0, "/nowhere"), MLM_OK);
    uint64_t load = ui_expect(&f, UI_REQ_LOAD)->serial;
    (void)ui_add_picture(&f, "/p/a.png", 10, 10);
    ui_type(&f, "What is it?");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    ui_event ev = {
        .type = UI_EV_LOAD_FAILED, .serial = load, .status = MLM_E_NOTFOUND, .text = strdup("/nowhere: no")};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->engine, UI_ENGINE_FAILED);
    assert_string_equal(f.m->engine_error, "/nowhere: no");
    assert_string_equal(f.m->status.model, "no model: loading failed");
    assert_false(ui_is_busy(f.m));
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "What is it?");
    assert_string_equal(f.m->composer.why_not, "No model is loaded; choose one with Ctrl+M");
}

static void test_tree(void **state)
{
    (void)state;
    (void)ui_ask(&f, "one", "1");
    (void)ui_ask(&f, "two", "2");
    assert_int_equal(f.req.n_past, 1);
    assert_string_equal(f.req.past[0].answer, "1");
    assert_int_equal(f.m->n_path, 2);
    /* Again. */
    ui_request_free(&f.req);
    assert_true(ui_press(&f, 'r', UI_MOD_CTRL));
    const ui_request *req = ui_expect(&f, UI_REQ_ASK);
    assert_int_equal(req->n_past, 1);
    assert_int_equal(req->sampling.seed, 1);
    ui_answer(&f, "2b");
    assert_non_null(strstr(ui_last_toast(&f), "Greedy"));
    int position = 0;
    assert_int_equal(chat_alternatives(f.m->chat, f.m->path[1], &position), 2);
    assert_int_equal(position, 1);
    (void)ui_do(&f, UI_ACT_SWITCH_BRANCH, f.m->path[1], -1);
    assert_string_equal(ui_last_turn(&f)->answer, "2");
    (void)ui_do(&f, UI_ACT_SWITCH_BRANCH, f.m->path[1], -1); /* the first one already */
    assert_string_equal(ui_last_turn(&f)->answer, "2");
    (void)ui_do(&f, UI_ACT_SWITCH_BRANCH, f.m->path[1], 1);
    assert_string_equal(ui_last_turn(&f)->answer, "2b");
    /* An earlier question edited: the draft survives the edit. */
    ui_type(&f, "a draft");
    assert_int_equal(ui_do(&f, UI_ACT_EDIT, f.m->path[0], 0), MLM_OK);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "one");
    (void)ui_do(&f, UI_ACT_CANCEL_EDIT, 0, 0);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "a draft");
    /* The edited question's task ends with the edit. */
    (void)ui_do(&f, UI_ACT_TASK, MLMAMBA_TASK_VQA, 0);
    (void)ui_do(&f, UI_ACT_EDIT, f.m->path[0], 0);
    assert_int_equal(f.m->composer.task, MLMAMBA_TASK_CHAT);
    (void)ui_do(&f, UI_ACT_CANCEL_EDIT, 0, 0);
    assert_int_equal(f.m->composer.task, MLMAMBA_TASK_VQA);
    (void)ui_do(&f, UI_ACT_TASK, MLMAMBA_TASK_CHAT, 0);
    (void)ui_do(&f, UI_ACT_EDIT, f.m->path[0], 0);
    (void)ui_do(&f, UI_ACT_EDIT, f.m->path[1], 0); /* another one: the draft is still the draft */
    (void)ui_do(&f, UI_ACT_EDIT, f.m->path[0], 0);
    (void)ui_ask(&f, "one, better", "1c");
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "a draft");
    assert_int_equal(f.m->n_path, 1);
    assert_int_equal(f.m->n_earlier, 2);
    /* Inside a conversation an edited question keeps what it was about. */
    ui_type(&f, "");
    (void)ui_ask(&f, "two of it", "2c");
    (void)ui_do(&f, UI_ACT_EDIT, CHAT_NONE, 0);
    assert_int_equal(ui_do_set(&f, UI_SET_FIT, MLMAMBA_FIT_CROP), MLM_OK);
    (void)ui_ask(&f, "two, better", "2d");
    assert_int_equal(f.m->n_path, 2);
    assert_int_equal(ui_last_turn(&f)->fit, MLMAMBA_FIT_MODEL);
    /* From an answer in the middle. */
    assert_int_equal(ui_do(&f, UI_ACT_BRANCH, f.m->path[0], 0), MLM_OK);
    assert_int_equal(f.m->n_path, 1);
    (void)ui_ask(&f, "three", "3");
    assert_int_equal(f.m->n_path, 2);
    /* The picture alone, and back. */
    assert_true(ui_press(&f, 'j', UI_MOD_CTRL));
    assert_int_equal(f.m->n_path, 0);
    assert_true(f.m->n_earlier > 0);
    (void)ui_do(&f, UI_ACT_EARLIER, 0, 0);
    assert_string_equal(ui_last_turn(&f)->answer, "3");
    assert_true(ui_press(&f, UI_KEY_UP, 0)); /* Up in the empty box */
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "three");
    assert_true(ui_press(&f, UI_KEY_ESCAPE, 0));
    assert_int_equal(f.m->composer.edit_turn, CHAT_NONE);
    assert_int_equal(ui_do(&f, UI_ACT_CANCEL_EDIT, 0, 0), MLM_OK);
}

static void test_failed_turn_is_no_parent(void **state)
{
    (void)state;
    (void)ui_ask(&f, "one", "1");
    ui_request_free(&f.req);
    ui_type(&f, "two");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    ui_ask_fails(&f, MLM_E_NOMEM, "no room");
    assert_non_null(strstr(ui_last_toast(&f), "Out of memory"));
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_FAILED);
    assert_int_equal(ui_do(&f, UI_ACT_BRANCH, CHAT_NONE, 0), MLM_E_STATE);
    (void)ui_ask(&f, "three", "3");
    assert_int_equal(f.req.n_past, 1);
    assert_string_equal(f.req.past[0].answer, "1");
    assert_int_equal(f.m->n_path, 2);
    ui_request_free(&f.req);
    ui_type(&f, "four");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    ui_ask_fails(&f, MLM_E_DEVICE, "the device is lost");
    assert_non_null(strstr(ui_last_toast(&f), "device failed"));
    assert_int_equal(ui_do(&f, UI_ACT_COPY_CHAT, 0, 0), MLM_OK);
    assert_non_null(strstr(ui_expect(&f, UI_REQ_COPY_TEXT)->text, "the device is lost"));
}

static void test_region(void **state)
{
    double x, y;
    char   text[64];
    (void)state;
    ui_pane_resized(f.m, 400, 300);
    ui_pane_resized(f.m, 400, 300);
    (void)ui_ask(&f, "whole", "w");
    assert_true(ui_press(&f, 'g', UI_MOD_CTRL));
    ui_canvas_to_pane(&f.m->canvas, 5, 6, &x, &y);
    ui_pointer_down(f.m, x, y, f.now);
    ui_canvas_to_pane(&f.m->canvas, 25, 16, &x, &y);
    ui_pointer_move(f.m, x, y, f.now);
    assert_true(f.m->canvas.drawing);
    ui_pointer_up(f.m, x, y, f.now);
    assert_true(chat_region_equal(f.m->composer.region, (chat_region){5, 6, 20, 10}));
    ui_region_text(text, sizeof text, f.m->composer.region);
    assert_string_equal(text, "part 20 x 10 at 5, 6");
    const ui_request *look = ui_expect(&f, UI_REQ_LOOK);
    assert_int_equal(look->sight.region.width, 20);
    const chat_turn *t = ui_ask(&f, "part", "[0.5, 0.5, 1.0, 1.0]");
    assert_non_null(strstr(ui_last_toast(&f), "begins anew"));
    assert_int_equal(f.m->n_path, 1);
    assert_int_equal(t->parent, CHAT_NONE);
    /* A box of the part, in the whole picture: 5 + 0.5 * 20 = 15, of 40. */
    double rect[4];
    assert_true(ui_turn_box(f.m, f.m->path[0], rect));
    assert_true(fabs(rect[0] - 15) < 1e-3 && fabs(rect[1] - 11) < 1e-3 && fabs(rect[2] - 25) < 1e-3);
    assert_int_equal(ui_do(&f, UI_ACT_COPY_BOX, CHAT_NONE, 0), MLM_OK);
    assert_string_equal(ui_expect(&f, UI_REQ_COPY_TEXT)->text, "15 11 25 16");
    (void)ui_ask(&f, "more of the part", "p2");
    assert_int_equal(f.m->n_path, 2);
    assert_true(ui_press(&f, UI_KEY_ESCAPE, 0)); /* takes the region away */
    assert_true(chat_region_is_whole(f.m->composer.region));
    assert_int_equal(f.m->n_path, 1); /* what was said about the whole is back, and goes on */
    assert_string_equal(ui_last_turn(&f)->answer, "w");
    (void)ui_ask(&f, "whole again", "w2");
    assert_int_equal(f.m->n_path, 2);
    (void)ui_do(&f, UI_ACT_SWITCH_BRANCH, f.m->path[0], 1); /* to the part: its region is back */
    assert_int_equal(f.m->composer.region.width, 20);
    (void)ui_do(&f, UI_ACT_CLEAR_REGION, 0, 0);
    assert_true(chat_region_is_whole(f.m->composer.region));
    assert_string_equal(ui_last_turn(&f)->answer, "w2");
    assert_true(f.m->region_mode);
    (void)ui_press(&f, UI_KEY_ESCAPE, 0); /* leaves the tool */
    assert_false(f.m->region_mode);
    (void)ui_do(&f, UI_ACT_REGION_MODE, 0, 0);
    /* Too small, and Esc while drawing. */
    ui_pointer_down(f.m, x, y, f.now);
    ui_pointer_up(f.m, x + 1, y + 1, f.now);
    assert_non_null(strstr(ui_last_toast(&f), "larger rectangle"));
    ui_pointer_down(f.m, x, y, f.now);
    ui_pointer_move(f.m, x + 50, y + 50, f.now);
    (void)ui_press(&f, UI_KEY_ESCAPE, 0);
    assert_false(f.m->canvas.drawing);
    /* With the mode off a drag pans. */
    (void)ui_do(&f, UI_ACT_REGION_MODE, 0, 0);
    double before = f.m->canvas.x;
    ui_pointer_down(f.m, 10, 10, f.now);
    ui_pointer_move(f.m, 30, 10, f.now);
    ui_pointer_up(f.m, 30, 10, f.now);
    assert_true(f.m->canvas.x != before);
}

static void test_boxes_follow_the_view(void **state)
{
    (void)state;
    ui_type(&f, "box");
    (void)ui_do(&f, UI_ACT_TASK, MLMAMBA_TASK_BOX, 0);
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    /* Letterbox: 40 x 30 lies in the middle of 40 x 40. */
    ui_event ev = {.type   = UI_EV_ANSWER,
                   .serial = ui_expect(&f, UI_REQ_ASK)->serial,
                   .text   = strdup("[0.0, 0.125, 1.0, 0.5]")};
    ev.info     = (mlmamba_image_info){
            .view_size = 40, .view_y = 5, .view_width = 40, .view_height = 30, .src_width = 40, .src_height = 30};
    ui_send_event(&f, &ev);
    double rect[4];
    assert_true(ui_turn_box(f.m, f.m->path[0], rect));
    assert_true(fabs(rect[1]) < 1e-3 && fabs(rect[2] - 40) < 1e-3 && fabs(rect[3] - 15) < 1e-3);
    assert_false(ui_turn_box(f.m, 99, rect));
}

static void test_tasks(void **state)
{
    (void)state;
    assert_true(ui_press(&f, '2', UI_MOD_CTRL));
    assert_true(f.m->composer.can_send); /* a caption needs no words */
    assert_non_null(strstr(f.m->composer.placeholder, "caption"));
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    assert_string_equal(f.m->chat->title, "Caption");
    ui_answer(&f, "A cat.");
    assert_true(ui_press(&f, '3', UI_MOD_CTRL));
    ui_request_free(&f.req);
    (void)ui_ask(&f, "What animal?", "cat");
    assert_non_null(strstr(f.req.text, "single word or phrase"));
    assert_string_equal(ui_last_turn(&f)->question, "What animal?");
    assert_true(ui_press(&f, '4', UI_MOD_CTRL));
    assert_int_equal(f.m->composer.task, MLMAMBA_TASK_TRUE_FALSE);
    assert_true(ui_press(&f, '5', UI_MOD_CTRL));
    assert_true(ui_press(&f, '1', UI_MOD_CTRL));
    assert_int_equal(f.m->composer.task, MLMAMBA_TASK_CHAT);
    /* A sample's question is always plain. */
    (void)ui_do(&f, UI_ACT_TASK, MLMAMBA_TASK_BOX, 0);
    ui_type(&f, "stays");
    assert_int_equal(ui_do_text(&f, UI_ACT_ASK, 0, "Describe the image."), MLM_OK);
    assert_string_equal(ui_expect(&f, UI_REQ_ASK)->text, "Describe the image.");
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "stays");
    ui_answer(&f, "x");
    assert_int_equal(ui_do_text(&f, UI_ACT_ASK, 0, " "), MLM_OK);
    assert_int_equal(ui_do_text(&f, UI_ACT_ASK, 0, NULL), MLM_OK);
    assert_false(ui_is_busy(f.m));
}

static void test_changed_answers_are_told(void **state)
{
    (void)state;
    ui_type(&f, "x");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    ui_event ev = {
        .type = UI_EV_ANSWER, .serial = ui_expect(&f, UI_REQ_ASK)->serial, .text = strdup("y"), .flag = true};
    ev.stats.reuse        = CHAT_REUSE_RECOMPUTED;
    ev.stats.n_recomputed = 1;
    ui_send_event(&f, &ev);
    assert_true(ui_last_turn(&f)->changed);
    assert_non_null(strstr(ui_last_toast(&f), "computed again"));
    assert_string_equal(f.m->status.reuse, "picture state reused, earlier answers computed again");
    assert_int_equal(ui_do(&f, UI_ACT_COPY_ANSWER, CHAT_NONE, 0), MLM_OK);
    assert_string_equal(ui_expect(&f, UI_REQ_COPY_TEXT)->text, "y");
}

static void test_paths_in_the_box(void **state)
{
    (void)state;
    ui_type(&f, "https://example.org/cat.png");
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_E_UNSUPPORTED);
    assert_non_null(strstr(ui_last_toast(&f), "no network code"));
    ui_type(&f, "/p/dog.png What breed?");
    assert_true(f.m->composer.can_send);
    assert_int_equal(ui_do(&f, UI_ACT_SEND, 0, 0), MLM_OK);
    assert_true(f.m->gathering);
    const ui_request *req = ui_expect(&f, UI_REQ_GATHER);
    assert_string_equal(req->paths[0], "/p/dog.png");
    assert_string_equal(req->text, "What breed?");
    assert_int_equal(req->number, 1);
    assert_false(ui_is_busy(f.m));
    ui_event ev = {.type = UI_EV_GATHERED, .number = 1, .path = strdup("What breed?"), .n_paths = 1};
    ev.paths    = calloc(1, sizeof *ev.paths);
    ev.paths[0] = strdup("/p/dog.png");
    ui_send_event(&f, &ev);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "What breed?");
    assert_int_equal(f.m->chat->n_pictures, 2);
    assert_false(ui_is_busy(f.m));
    ui_decoded(&f, ui_expect(&f, UI_REQ_DECODE)->id, 20, 20);
    assert_true(ui_is_busy(f.m)); /* sent by itself */
    ui_answer(&f, "A poodle.");
    /* Known and there already: at once. */
    ev          = (ui_event){.type = UI_EV_GATHERED, .number = 1, .path = strdup("And now?"), .n_paths = 1};
    ev.paths    = calloc(1, sizeof *ev.paths);
    ev.paths[0] = strdup("/p/dog.png");
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->chat->n_pictures, 2);
    assert_true(ui_is_busy(f.m));
    ui_request_free(&f.req);
    ui_answer(&f, "Yes.");
    /* Alone: shown, nothing asked.  Edited meanwhile: not sent. */
    ev          = (ui_event){.type = UI_EV_GATHERED, .number = 1, .n_paths = 1};
    ev.paths    = calloc(1, sizeof *ev.paths);
    ev.paths[0] = strdup("/p/cat.png");
    ui_send_event(&f, &ev);
    assert_false(ui_is_busy(f.m));
    assert_int_equal(f.m->chat->shown, 0);
    /* Nothing there: the text stays. */
    ui_type(&f, "/p/none.png");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    ui_gathered(&f, NULL, 0, "/p/none.png does not exist");
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "/p/none.png");
    assert_string_equal(ui_last_toast(&f), "/p/none.png does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UI_TEST(test_nothing_to_ask_about),
        UI_TEST_PICTURE(test_stream),
        UI_TEST_PICTURE(test_stop),
        UI_TEST(test_wait_for_model_and_picture),
        UI_TEST(test_model_fails_while_waiting),
        UI_TEST_PICTURE(test_tree),
        UI_TEST_PICTURE(test_failed_turn_is_no_parent),
        UI_TEST_PICTURE(test_region),
        UI_TEST_PICTURE(test_boxes_follow_the_view),
        UI_TEST_PICTURE(test_tasks),
        UI_TEST_PICTURE(test_changed_answers_are_told),
        UI_TEST_PICTURE(test_paths_in_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
