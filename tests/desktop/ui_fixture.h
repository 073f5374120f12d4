/*
 * ui_fixture.h: a state machine alone: the test plays the outside.  Requests are taken from the queue and answered with made-up events.
 */
#ifndef TESTS_UI_FIXTURE_H
#define TESTS_UI_FIXTURE_H

#include "app/desktop/ui_model.h"
#include "tests/support/cm.h"

typedef struct ui_fixture {
    ui_model  *m;
    double     now;
    ui_request req; /* the last one that ui_expect found; freed with the next */
} ui_fixture;

/* For the table of a test program that has `static ui_fixture f`: f is opened before the test and closed behind it. */
#define UI_TEST(test)         cmocka_unit_test_prestate_setup_teardown(test, ui_start, ui_finish, &f)
#define UI_TEST_PICTURE(test) cmocka_unit_test_prestate_setup_teardown(test, ui_start_picture, ui_finish, &f)
#define UI_TEST_ASKED(test)   cmocka_unit_test_prestate_setup_teardown(test, ui_start_asked, ui_finish, &f)
int ui_start(void **state);         /* nothing is there              */
int ui_start_picture(void **state); /* a model and a picture         */
int ui_start_asked(
    void **state); /* with a history, a model, a picture, and one question answered: "one", "1" */
int ui_finish(void **state);

void ui_fixture_open(ui_fixture *f);
void ui_fixture_close(ui_fixture *f);

mlm_status ui_do(ui_fixture *f, ui_action_type type, int index, int value);
mlm_status ui_do_text(ui_fixture *f, ui_action_type type, int index, const char *text);
mlm_status ui_do_id(ui_fixture *f, ui_action_type type, int64_t id);
mlm_status ui_do_set(ui_fixture *f, ui_setting which, double number);
void       ui_type(ui_fixture *f, const char *text);
bool       ui_press(ui_fixture *f, int key, unsigned mods);

/* Takes requests until one of this type; the others are dropped.  Fails the test when there is none. */
ui_request *ui_expect(ui_fixture *f, ui_request_type type);
bool        ui_has_request(ui_fixture *f, ui_request_type type); /* takes all; false: none of this type */
void        ui_drop_requests(ui_fixture *f);

/* Events; texts are copied. */
void ui_send_event(ui_fixture *f, ui_event *ev); /* applies and frees */
void ui_ready(ui_fixture *f);                    /* a model is loaded */
/* A picture of this size is dropped and decoded; returns its index. */
int  ui_add_picture(ui_fixture *f, const char *path, int width, int height);
void ui_decoded(ui_fixture *f, int64_t id, int width, int height);
void ui_gathered(ui_fixture *f, const char *const *path, int n, const char *note);
/* Types the question, sends it, answers it. */
const chat_turn *ui_ask(ui_fixture *f, const char *question, const char *answer);
void             ui_piece(ui_fixture *f, const char *text);
void             ui_answer(ui_fixture *f, const char *text);
void             ui_ask_fails(ui_fixture *f, mlm_status status, const char *text);
const char      *ui_last_toast(const ui_fixture *f); /* "" without one */
const chat_turn *ui_last_turn(const ui_fixture *f);

mlmamba_image *ui_image(int width, int height);

/* Time goes by. */
void ui_pass(ui_fixture *f, double ms);
void ui_history_works(ui_fixture *f);
/* Chats 100, 101, ... of the history; as the answer to the list that was asked for. */
ui_chat_row *ui_make_rows(int n);
void         ui_give_list(ui_fixture *f, int n);

#endif
