/* test_ui_chats.c: the state machine: chats, history, drafts, deleting and undo, names, export. */
#include "tests/desktop/ui_fixture.h"

#include <stdlib.h>

static ui_fixture f;

/* ---- storing ------------------------------------------------------------------------------------ */

static void test_storing(void **state)
{
    (void)state;
    ui_type(&f, "two");
    assert_true(ui_deadline(f.m) < f.now + 1000);
    ui_pass(&f, 1000);
    const ui_request *req = ui_expect(&f, UI_REQ_HISTORY_SAVE);
    assert_int_equal(req->chat->n_turns, 1);
    assert_string_equal(req->chat->turn[0]->answer, "1");
    ui_pass(&f, 1000);
    ui_drop_requests(&f);
    ui_type(&f, "two and a half");
    ui_pass(&f, 1000);
    assert_string_equal(ui_expect(&f, UI_REQ_HISTORY_DRAFT)->text, "two and a half");
    ui_type(&f, "x");
    ui_type(&f, "two and a half");
    ui_pass(&f, 1000);
    assert_false(ui_has_request(&f, UI_REQ_HISTORY_DRAFT)); /* the same as is stored */
    /* While an earlier question is edited, the draft is what was there before. */
    (void)ui_do(&f, UI_ACT_EDIT, 0, 0);
    ui_type(&f, "one, edited");
    ui_pass(&f, 1000);
    assert_string_equal(f.m->chat->draft, "two and a half");
    (void)ui_do(&f, UI_ACT_CANCEL_EDIT, 0, 0);
    /* A failure is told, nothing is lost, and it is tried again. */
    ui_event ev = {.type   = UI_EV_HISTORY_SAVED,
                   .id     = f.m->chat->id,
                   .status = MLM_E_IO,
                   .text   = strdup("the disk is full")};
    ui_send_event(&f, &ev);
    assert_non_null(strstr(ui_last_toast(&f), "the disk is full"));
    assert_string_equal(f.m->history_note, "the disk is full");
    ui_drop_requests(&f);
    ui_pass(&f, 20000);
    assert_true(ui_has_request(&f, UI_REQ_HISTORY_SAVE));
    ev = (ui_event){.type = UI_EV_HISTORY_SAVED, .id = f.m->chat->id};
    ui_send_event(&f, &ev);
    assert_string_equal(f.m->history_note, "");
    /* Switched off, nothing is stored. */
    (void)ui_do_set(&f, UI_SET_KEEP_HISTORY, 0);
    ui_type(&f, "secret");
    ui_pass(&f, 20000);
    assert_false(ui_has_request(&f, UI_REQ_HISTORY_SAVE));
    (void)ui_do_set(&f, UI_SET_KEEP_HISTORY, 1);
    ui_pass(&f, 20000);
    assert_true(ui_has_request(&f, UI_REQ_HISTORY_SAVE));
}

static void test_no_history(void **state)
{
    (void)state;
    ui_event ev = {
        .type = UI_EV_HISTORY, .number = 0, .text = strdup("history.db was written by a newer mlmamba")};
    ui_send_event(&f, &ev);
    assert_false(f.m->history_on);
    assert_non_null(strstr(ui_last_toast(&f), "newer mlmamba"));
    assert_int_equal(ui_do_id(&f, UI_ACT_OPEN_CHAT, 5), MLM_E_STATE);
    ui_type(&f, "x");
    ui_pass(&f, 20000);
    assert_false(ui_has_request(&f, UI_REQ_HISTORY_SAVE));
    /* A read-only one can still be looked through. */
    ev = (ui_event){.type = UI_EV_HISTORY, .number = 1, .text = strdup("it can only be read")};
    ui_send_event(&f, &ev);
    assert_true(f.m->history_on);
    assert_string_equal(ui_last_toast(&f), "it can only be read");
}

static void test_restored_draft(void **state)
{
    chat *c = NULL;
    int   index;
    (void)state;
    ui_history_works(&f);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_OPEN)->id, 0);
    assert_int_equal(chat_create(&c), MLM_OK);
    c->id    = 321;
    c->shown = 0;
    assert_int_equal(chat_add_picture(c, 5, "/p/x.png", NULL, &index), MLM_OK);
    assert_int_equal(chat_add_turn(c, 6, CHAT_NONE, 0, "q", "q", &index), MLM_OK);
    c->turn[0]->state = CHAT_TURN_STREAMING; /* it was killed then */
    (void)chat_set_text(&c->draft, "begun");
    ui_event ev = {.type = UI_EV_HISTORY_CHAT, .chat = c};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->chat->id, 321);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "begun");
    assert_int_equal(ui_last_turn(&f)->state, CHAT_TURN_FAILED);
    assert_non_null(strstr(ui_last_toast(&f), "still here"));
    assert_string_equal(ui_expect(&f, UI_REQ_DECODE)->path, "/p/x.png");
    /* One that comes when something was begun is not put over it. */
    ui_fixture_close(&f);
    ui_fixture_open(&f);
    ui_history_works(&f);
    ui_type(&f, "already typing");
    assert_int_equal(chat_create(&c), MLM_OK);
    ev = (ui_event){.type = UI_EV_HISTORY_CHAT, .chat = c};
    ui_send_event(&f, &ev);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "already typing");
    ui_event gone = {
        .type = UI_EV_HISTORY_CHAT, .status = MLM_E_NOTFOUND, .text = strdup("this chat is gone")};
    ui_send_event(&f, &gone);
    assert_string_equal(ui_last_toast(&f), "this chat is gone");
}

static void test_chats(void **state)
{
    (void)state;
    int64_t id = f.m->chat->id;
    ui_type(&f, "a draft");
    assert_true(ui_press(&f, 'n', UI_MOD_CTRL));
    assert_int_not_equal(f.m->chat->id, id);
    assert_true(f.m->welcome);
    const ui_request *req = ui_expect(&f, UI_REQ_HISTORY_SAVE);
    assert_int_equal(req->chat->id, id);
    assert_string_equal(req->chat->draft, "a draft");
    ui_give_list(&f, 3);
    assert_int_equal(f.m->n_rows, 3);
    ui_event old = {.type = UI_EV_HISTORY_LIST, .serial = 1, .chat_row = ui_make_rows(1), .n_chat_rows = 1};
    ui_send_event(&f, &old);
    assert_int_equal(f.m->n_rows, 3); /* an older list that comes late */
    assert_int_equal(ui_do_id(&f, UI_ACT_OPEN_CHAT, f.m->chat->id), MLM_OK);
    assert_false(ui_has_request(&f, UI_REQ_HISTORY_OPEN));
    assert_int_equal(ui_do_id(&f, UI_ACT_OPEN_CHAT, 101), MLM_OK);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_OPEN)->id, 101);
    chat *c = NULL;
    assert_int_equal(chat_create(&c), MLM_OK);
    c->id       = 101;
    ui_event ev = {.type = UI_EV_HISTORY_CHAT, .chat = c};
    ui_send_event(&f, &ev);
    assert_int_equal(f.m->chat->id, 101);
    /* Names. */
    assert_int_equal(ui_do_id(&f, UI_ACT_RENAME_CHAT, 102), MLM_OK);
    assert_string_equal(f.m->text[UI_FIELD_RENAME], "a chat");
    (void)ui_set_text(f.m, UI_FIELD_RENAME, "  ", f.now);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(f.m->overlay, UI_OVERLAY_RENAME);
    (void)ui_set_text(f.m, UI_FIELD_RENAME, "  my cat\n", f.now);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_RENAME)->id, 102);
    assert_string_equal(f.m->row[2].title, "my cat\xEF\xBF\xBD");
    assert_int_equal(ui_do_id(&f, UI_ACT_RENAME_CHAT, 0), MLM_OK);
    (void)ui_set_text(f.m, UI_FIELD_RENAME, "this one", f.now);
    (void)ui_do(&f, UI_ACT_RENAME_DONE, 0, 0);
    assert_string_equal(f.m->chat->title, "this one");
    assert_true(f.m->chat->titled);
    assert_int_equal(ui_do(&f, UI_ACT_RENAME_DONE, 0, 0), MLM_OK);
    /* Search. */
    assert_true(ui_press(&f, 'k', UI_MOD_CTRL));
    assert_true(f.m->sidebar);
    assert_int_equal(f.m->focus, UI_FOCUS_SEARCH);
    ui_drop_requests(&f);
    (void)ui_set_text(f.m, UI_FIELD_SEARCH, "cat", f.now);
    assert_string_equal(ui_expect(&f, UI_REQ_HISTORY_LIST)->text, "cat");
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(f.m->focus, UI_FOCUS_HISTORY);
    (void)ui_press(&f, UI_KEY_DOWN, 0);
    assert_int_equal(f.m->focus_item, 1);
    (void)ui_press(&f, UI_KEY_END, 0);
    assert_int_equal(f.m->focus_item, 2);
    (void)ui_press(&f, UI_KEY_PAGE_UP, 0);
    (void)ui_press(&f, UI_KEY_PAGE_DOWN, 0);
    (void)ui_press(&f, UI_KEY_HOME, 0);
    (void)ui_press(&f, UI_KEY_UP, 0);
    assert_int_equal(f.m->focus_item, 0);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_OPEN)->id, 100);
    /* No single key destroys anything. */
    assert_false(ui_press(&f, UI_KEY_DELETE, 0));
    assert_false(ui_press(&f, UI_KEY_BACKSPACE, 0));
    assert_int_equal(f.m->n_rows, 3);
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_SEARCH, 0);
    assert_true(ui_press(&f, UI_KEY_DOWN, 0)); /* as Enter: to the first that was found */
    assert_int_equal(f.m->focus, UI_FOCUS_HISTORY);
    assert_int_equal(f.m->focus_item, 0);
    (void)ui_do(&f, UI_ACT_FOCUS, UI_FOCUS_SEARCH, 0);
    assert_true(ui_press(&f, UI_KEY_ESCAPE, 0));
    assert_string_equal(f.m->text[UI_FIELD_SEARCH], "");
}

static void test_names_are_told_apart(void **state)
{
    static const char *const want[] = {"a chat (cat.png)", "a chat (2)", "another"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)ui_do(&f, UI_ACT_NEW_CHAT, 0, 0);
        ui_give_list(&f, 3); /* all of them "a chat" */
        if (i == 1)
            assert_int_equal(chat_set_text(&f.m->row[1].title, want[0]), MLM_OK);
        (void)ui_add_picture(&f, "/p/cat.png", 40, 30);
        (void)ui_ask(&f, i < 2 ? "a chat" : want[2], "yes");
        assert_string_equal(f.m->chat->title, want[i]);
    }
}

static void test_delete(void **state)
{
    (void)state;
    int64_t id = f.m->chat->id;
    assert_true(ui_press(&f, 'd', UI_MOD_CTRL | UI_MOD_SHIFT));
    assert_int_not_equal(f.m->chat->id, id);
    const ui_request *req = ui_expect(&f, UI_REQ_HISTORY_DELETE);
    assert_int_equal(req->id, id);
    assert_int_equal(req->number, 1);
    assert_true(ui_press(&f, 'z', UI_MOD_CTRL | UI_MOD_SHIFT));
    assert_int_equal(f.m->chat->id, id);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_DELETE)->number, 0);
    assert_string_equal(ui_last_turn(&f)->answer, "1");
    /* Time makes it final. */
    (void)ui_do_id(&f, UI_ACT_DELETE_CHAT, 0);
    ui_drop_requests(&f);
    ui_pass(&f, 60000);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_PURGE)->id, id);
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do_id(&f, UI_ACT_DELETE_CHAT, 0), MLM_E_STATE); /* empty */
    /* Another one of the list; then one more: the first is final. */
    ui_drop_requests(&f);
    (void)ui_do(&f, UI_ACT_SIDEBAR, 0, 0);
    ui_give_list(&f, 3);
    assert_int_equal(ui_do_id(&f, UI_ACT_DELETE_CHAT, 101), MLM_OK);
    assert_int_equal(f.m->n_rows, 2);
    assert_int_equal(ui_do_id(&f, UI_ACT_DELETE_CHAT, 102), MLM_OK);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_PURGE)->id, 101);
    assert_int_equal(ui_do(&f, UI_ACT_UNDO, 0, 0), MLM_OK);
    assert_int_equal(ui_expect(&f, UI_REQ_HISTORY_DELETE)->number, 0);
    /* A dismissed toast ends the undo too. */
    assert_int_equal(ui_do_id(&f, UI_ACT_DELETE_CHAT, 100), MLM_OK);
    (void)ui_do(&f, UI_ACT_DISMISS, f.m->toast[f.m->n_toasts - 1].id, 0);
    assert_true(ui_has_request(&f, UI_REQ_HISTORY_PURGE));
    (void)ui_do(&f, UI_ACT_DISMISS, 9999, 0);
}

static void test_leaving_a_busy_chat(void **state)
{
    (void)state;
    int64_t id = f.m->chat->id;
    ui_type(&f, "two");
    (void)ui_do(&f, UI_ACT_SEND, 0, 0);
    (void)ui_expect(&f, UI_REQ_ASK);
    ui_piece(&f, "half an ans");
    uint64_t serial = f.req.serial;
    (void)ui_do(&f, UI_ACT_NEW_CHAT, 0, 0);
    assert_false(ui_is_busy(f.m));
    ui_request req;
    bool       stopped = false, saved = false;
    while (ui_next_request(f.m, &req)) {
        stopped = stopped || req.type == UI_REQ_STOP;
        if (req.type == UI_REQ_HISTORY_SAVE && req.chat->id == id) {
            saved = true;
            assert_string_equal(req.chat->turn[1]->answer, "half an ans");
            assert_int_equal(req.chat->turn[1]->finish, MLMAMBA_FINISH_CANCELLED);
        }
        ui_request_free(&req);
    }
    assert_true(stopped && saved);
    ui_event late = {.type = UI_EV_ANSWER, .serial = serial, .text = strdup("late")};
    ui_send_event(&f, &late);
    assert_int_equal(f.m->n_path, 0);
    (void)ui_do(&f, UI_ACT_QUIT, 0, 0);
    assert_true(f.m->quit);
}

static void test_export(void **state)
{
    (void)state;
    assert_true(ui_press(&f, 's', UI_MOD_CTRL));
    assert_int_equal(f.m->overlay, UI_OVERLAY_EXPORT);
    (void)chat_set_text(&f.m->chat->title, "..a/b\xFF.");
    (void)ui_press(&f, UI_KEY_DOWN, 0);
    (void)ui_press(&f, UI_KEY_DOWN, 0);
    assert_true(ui_press(&f, UI_KEY_ENTER, 0));
    const ui_request *req = ui_expect(&f, UI_REQ_DIALOG);
    assert_int_equal(req->number, UI_DIALOG_SAVE_CHAT);
    assert_int_equal(req->id, UI_EXPORT_HTML);
    assert_string_equal(req->text, "a-b\xEF\xBF\xBD.html");
    ui_event ev = {.type    = UI_EV_DIALOG,
                   .serial  = req->serial,
                   .number  = UI_DIALOG_SAVE_CHAT,
                   .id      = UI_EXPORT_HTML,
                   .n_paths = 1};
    ev.paths    = calloc(1, sizeof *ev.paths);
    ev.paths[0] = strdup("/tmp/a.html");
    ui_send_event(&f, &ev);
    req = ui_expect(&f, UI_REQ_EXPORT);
    assert_string_equal(req->path, "/tmp/a.html");
    assert_int_equal(req->chat->n_turns, 1);
    assert_int_equal(f.m->overlay, UI_OVERLAY_NONE);
    ev = (ui_event){.type = UI_EV_EXPORTED, .path = strdup("/tmp/a.html")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "Saved to /tmp/a.html");
    ev = (ui_event){.type = UI_EV_EXPORTED, .status = MLM_E_IO, .text = strdup("no room")};
    ui_send_event(&f, &ev);
    assert_string_equal(ui_last_toast(&f), "Not saved: no room");
    assert_int_equal(ui_do_text(&f, UI_ACT_EXPORT_AS, 9, "/x"), MLM_E_RANGE);
    (void)ui_do(&f, UI_ACT_NEW_CHAT, 0, 0);
    assert_int_equal(ui_do(&f, UI_ACT_EXPORT, 0, 0), MLM_E_STATE);
    assert_int_equal(ui_do_text(&f, UI_ACT_EXPORT_AS, 0, "/x"), MLM_E_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UI_TEST_ASKED(test_storing),
        UI_TEST(test_no_history),
        UI_TEST(test_restored_draft),
        UI_TEST_ASKED(test_chats),
        UI_TEST_ASKED(test_names_are_told_apart),
        UI_TEST_ASKED(test_delete),
        UI_TEST_ASKED(test_leaving_a_busy_chat),
        UI_TEST_ASKED(test_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
