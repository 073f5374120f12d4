/*
 * desk_fixture.h: a desk with the built-in model and its own folders, driven as the window would.
 *
 *   desk_fixture f;
 *   desk_fixture_open(&f, NULL);                         // opt may be NULL
 *   assert_true(desk_until(&f, f.m->engine == UI_ENGINE_READY));
 *   desk_fixture_close(&f);
 */
#ifndef TESTS_DESK_FIXTURE_H
#define TESTS_DESK_FIXTURE_H

#include "app/desktop/desk.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#define MODEL_DIR MLM_SOURCE_DIR "/assets/models/mlmamba-tiny"
#define SCENE(n)  MLM_SOURCE_DIR "/assets/images/scene" #n ".png"
#define TOP       "What is in the top middle?"
#define COLOR     "What color is it?"

typedef struct desk_fixture {
    temp_dir  dir;
    char      data[320], config[320];
    desk     *d;
    ui_model *m;
    char      copied[4096]; /* what went to the clipboard */
} desk_fixture;

void desk_fixture_open(desk_fixture *f, const desk_options *opt);  /* a new folder */
void desk_fixture_start(desk_fixture *f, const desk_options *opt); /* again in the same folder */
void desk_fixture_stop(desk_fixture *f);
void desk_fixture_close(desk_fixture *f);
void desk_remove_tree(const char *dir); /* with what is in it */
/* One turn of the loop, then a short sleep. */
void desk_step(desk_fixture *f);
void desk_do(desk_fixture *f, ui_action_type type, int index, int value, const char *text);
void desk_type(desk_fixture *f, const char *text);
/* Opens pictures as a drop does. */
void desk_drop(desk_fixture *f, const char *path);
/* The same and waits until it is decoded. */
void desk_open(desk_fixture *f, const char *path);
void desk_wait_ready(desk_fixture *f); /* the model is loaded */
/* Types, sends, waits; fails the test when there is no answer. */
const chat_turn *desk_ask(desk_fixture *f, const char *question);
/* The newest turn shown; never NULL. */
const chat_turn *desk_last(desk_fixture *f);
double           desk_now(void);

/* Runs the loop until the condition holds; false after a minute. */
#define desk_until(f, condition)                                                                             \
    __extension__({                                                                                          \
        double desk_end_ = desk_now() + 60000;                                                               \
        while (!(condition) && desk_now() < desk_end_)                                                       \
            desk_step(f);                                                                                    \
        (condition);                                                                                         \
    })
#define desk_idle(f) desk_until(f, !ui_is_busy((f)->m))

#endif
