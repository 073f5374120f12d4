/* test_desk.c: drop, ask, stop, regenerate, edit, branch, region, history, batch: everything behind the window, with the real model. */
#include "tests/desktop/desk_fixture.h"

#include <stdio.h>
#include <sys/stat.h>

static void test_drop_and_ask(void **state)
{
    desk_fixture f;
    (void)state;
    desk_fixture_open(&f, NULL);
    assert_true(f.m->welcome);
    desk_open(&f, SCENE(0));
    assert_false(f.m->welcome);
    /* Sent while the model may still be loading: it waits. */
    const chat_turn *t = desk_ask(&f, TOP);
    assert_true(t->answer_bytes > 0);
    assert_int_equal(t->stats.n_image_tokens, f.m->facts.n_image_tokens);
    assert_int_equal(t->stats.reuse, CHAT_REUSE_NOTHING);
    assert_true(t->kept);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "");
    assert_non_null(f.m->view);
    assert_int_equal(f.m->view_size, f.m->facts.image_size);
    assert_non_null(strstr(f.m->chip, "PNG"));
    /* The same through the plain interface. */
    mlmamba_engine_options opt = {.model_dir = MODEL_DIR, .device = "cpu"};
    mlmamba_engine        *eng = NULL;
    mlmamba_session       *ses = NULL;
    mlmamba_answer        *ans = NULL;
    assert_int_equal(mlmamba_engine_open(&eng, &opt), MLM_OK);
    assert_int_equal(mlmamba_session_create(&ses, eng), MLM_OK);
    assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(0), NULL), MLM_OK);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL), MLM_OK);
    assert_string_equal(t->answer, ans->text);
    mlmamba_answer_free(ans);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
    /* A second question goes on and never sees the picture. */
    t = desk_ask(&f, COLOR);
    assert_int_equal(f.m->n_path, 2);
    assert_int_equal(t->stats.n_image_tokens, 0);
    assert_int_equal(t->stats.reuse, CHAT_REUSE_TURN);
    assert_non_null(strstr(f.m->status.reuse, "0 picture tokens"));
    desk_fixture_close(&f);
}

static void test_tree_without_encoding(void **state)
{
    desk_fixture f;
    char         first[512], second[512];
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(3));
    (void)snprintf(first, sizeof first, "%s", desk_ask(&f, TOP)->answer);
    (void)snprintf(second, sizeof second, "%s", desk_ask(&f, COLOR)->answer);
    /* Again: greedy gives the same, from the kept state. */
    desk_do(&f, UI_ACT_REGENERATE, CHAT_NONE, 0, NULL);
    assert_true(desk_idle(&f));
    assert_string_equal(desk_last(&f)->answer, second);
    assert_int_equal(desk_last(&f)->stats.n_image_tokens, 0);
    int position, count = chat_alternatives(f.m->chat, f.m->path[1], &position);
    assert_int_equal(count, 2);
    assert_int_equal(position, 1);
    /* An earlier question edited. */
    desk_do(&f, UI_ACT_EDIT, f.m->path[0], 0, NULL);
    assert_string_equal(f.m->text[UI_FIELD_INPUT], TOP);
    const chat_turn *t = desk_ask(&f, "How many objects are there?");
    assert_int_equal(f.m->n_path, 1);
    assert_int_equal(t->stats.reuse, CHAT_REUSE_PICTURE);
    assert_int_equal(t->stats.n_image_tokens, 0);
    /* Back to the other branch, and on from its first answer. */
    desk_do(&f, UI_ACT_SWITCH_BRANCH, f.m->path[0], -1, NULL);
    assert_int_equal(f.m->n_path, 2);
    desk_do(&f, UI_ACT_BRANCH, f.m->path[0], 0, NULL);
    assert_int_equal(f.m->n_path, 1);
    t = desk_ask(&f, COLOR);
    assert_string_equal(t->answer, second);
    assert_int_equal(t->stats.reuse, CHAT_REUSE_TURN);
    /* The next question on the same picture alone. */
    desk_do(&f, UI_ACT_NEW_QUESTION, 0, 0, NULL);
    assert_int_equal(f.m->n_path, 0);
    t = desk_ask(&f, TOP);
    assert_string_equal(t->answer, first);
    assert_int_equal(t->stats.n_image_tokens, 0);
    desk_fixture_close(&f);
}

static void test_recompute_after_forgetting(void **state)
{
    desk_fixture f;
    char         second[512];
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(3));
    (void)desk_ask(&f, TOP);
    (void)snprintf(second, sizeof second, "%s", desk_ask(&f, COLOR)->answer);
    /* The states are gone with the model; the chat is not. */
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    assert_int_equal(f.m->engine, UI_ENGINE_LOADING);
    desk_wait_ready(&f);
    assert_false(desk_last(&f)->kept);
    const chat_turn *t = desk_ask(&f, "How many objects are there?");
    assert_int_equal(f.m->n_path, 3);
    assert_int_equal(t->stats.n_recomputed, 2);
    assert_false(t->changed);
    assert_string_equal(ui_path_turn(f.m, 1)->answer, second);
    desk_fixture_close(&f);
}

static void test_region_and_fit(void **state)
{
    desk_fixture f;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(0));
    desk_wait_ready(&f);
    (void)desk_ask(&f, TOP);
    ui_pane_resized(f.m, 800, 600);
    desk_do(&f, UI_ACT_REGION_MODE, 0, 0, NULL);
    double x, y;
    ui_canvas_to_pane(&f.m->canvas, 10, 20, &x, &y);
    ui_pointer_down(f.m, x, y, desk_now());
    ui_canvas_to_pane(&f.m->canvas, 110, 90, &x, &y);
    ui_pointer_move(f.m, x, y, desk_now());
    ui_pointer_up(f.m, x, y, desk_now());
    assert_int_equal(f.m->composer.region.width, 100);
    assert_int_equal(f.m->composer.region.height, 70);
    const chat_turn *t = desk_ask(&f, "Describe the image.");
    assert_int_equal(f.m->n_path, 1); /* another sight: it starts anew */
    assert_int_equal(t->region.x, 10);
    assert_true(t->stats.n_image_tokens > 0);
    /* The part is what the engine gets when the part is all there is. */
    assert_int_equal(f.m->view_info.width, 100);
    t = desk_ask(&f, COLOR);
    assert_int_equal(f.m->n_path, 2);
    assert_int_equal(t->stats.n_image_tokens, 0);
    desk_do(&f, UI_ACT_CLEAR_REGION, 0, 0, NULL);
    t = desk_ask(&f, COLOR);
    assert_int_equal(f.m->n_path, 2);             /* after the first question about the whole */
    assert_int_equal(t->stats.n_image_tokens, 0); /* the whole was seen before */
    ui_action fit = {.type = UI_ACT_SET, .index = UI_SET_FIT, .number = MLMAMBA_FIT_LETTERBOX};
    (void)ui_act(f.m, &fit, desk_now());
    t = desk_ask(&f, COLOR);
    assert_int_equal(t->fit, MLMAMBA_FIT_LETTERBOX);
    assert_true(t->stats.n_image_tokens > 0);
    desk_fixture_close(&f);
}

static void test_stop(void **state)
{
    desk_fixture f;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(1));
    desk_wait_ready(&f);
    double    begin;
    ui_action s = {.type = UI_ACT_SET, .index = UI_SET_TEMPERATURE, .number = 2};
    (void)ui_act(f.m, &s, desk_now());
    s.index  = UI_SET_MAX_TOKENS;
    s.number = 4096;
    (void)ui_act(f.m, &s, desk_now());
    desk_type(&f, "Describe the image.");
    desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
    assert_true(desk_until(&f, desk_last(&f)->answer_bytes > 0 || !ui_is_busy(f.m)));
    begin = desk_now();
    (void)ui_key(f.m, UI_KEY_ESCAPE, 0, false, desk_now());
    assert_true(desk_idle(&f));
    print_message("stopped after %.0f ms\n", desk_now() - begin);
    const chat_turn *t = desk_last(&f);
    assert_int_equal(t->state, CHAT_TURN_DONE);
    /* Stopped at once, before the first token, too: asked and stopped in one turn of the loop. */
    desk_type(&f, TOP);
    desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
    (void)ui_key(f.m, UI_KEY_ESCAPE, 0, false, desk_now());
    assert_true(desk_idle(&f));
    /* And the chat goes on. */
    (void)desk_ask(&f, COLOR);
    desk_fixture_close(&f);
}

static void test_history_and_draft(void **state)
{
    desk_fixture f;
    char         answer[512];
    int64_t      id;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_open(&f, SCENE(0));
    (void)snprintf(answer, sizeof answer, "%s", desk_ask(&f, TOP)->answer);
    id = f.m->chat->id;
    assert_true(desk_until(&f, f.m->n_rows == 1));
    assert_string_equal(f.m->row[0].title, TOP);
    desk_type(&f, "a question that was never sent");
    desk_fixture_stop(&f);
    /* The next run finds what was being typed. */
    desk_fixture_start(&f, NULL);
    assert_true(desk_until(&f, f.m->chat->id == id));
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "a question that was never sent");
    assert_int_equal(f.m->n_path, 1);
    assert_string_equal(desk_last(&f)->answer, answer);
    assert_true(desk_until(&f, ui_shown_picture(f.m)->image != NULL));
    desk_wait_ready(&f);
    desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
    assert_true(desk_idle(&f));
    assert_int_equal(f.m->n_path, 2);
    assert_int_equal(desk_last(&f)->stats.n_recomputed, 1);
    assert_false(desk_last(&f)->changed);
    /* Delete and take back. */
    desk_do(&f, UI_ACT_DELETE_CHAT, 0, 0, NULL);
    assert_int_equal(f.m->n_path, 0);
    desk_do(&f, UI_ACT_UNDO, 0, 0, NULL);
    assert_int_equal(f.m->chat->id, id);
    assert_int_equal(f.m->n_path, 2);
    desk_do(&f, UI_ACT_NEW_CHAT, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->n_rows == 1));
    ui_action open = {.type = UI_ACT_OPEN_CHAT, .id = id};
    (void)ui_act(f.m, &open, desk_now());
    assert_true(desk_until(&f, f.m->chat->id == id));
    assert_string_equal(ui_path_turn(f.m, 0)->answer, answer);
    desk_fixture_close(&f);
}

static void test_typed_path_and_copy(void **state)
{
    desk_fixture f;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_type(&f, "file://" SCENE(0) " " TOP);
    assert_true(f.m->composer.can_send);
    desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->n_path == 1));
    assert_true(desk_idle(&f));
    assert_string_equal(desk_last(&f)->question, TOP);
    desk_do(&f, UI_ACT_COPY_ANSWER, CHAT_NONE, 0, NULL);
    desk_step(&f);
    assert_string_equal(f.copied, desk_last(&f)->answer);
    desk_do(&f, UI_ACT_COPY_CHAT, 0, 0, NULL);
    desk_step(&f);
    assert_non_null(strstr(f.copied, TOP));
    desk_type(&f, "/nowhere/there.png");
    desk_do(&f, UI_ACT_SEND, 0, 0, NULL);
    assert_true(desk_until(&f, !f.m->gathering));
    assert_non_null(strstr(f.m->toast[f.m->n_toasts - 1].text, "does not exist"));
    assert_string_equal(f.m->text[UI_FIELD_INPUT], "/nowhere/there.png");
    desk_fixture_close(&f);
}

static void test_model_errors(void **state)
{
    desk_fixture f;
    (void)state;
    desk_options opt = {.model_dir = "/nowhere/model"};
    desk_fixture_open(&f, &opt);
    assert_true(desk_until(&f, f.m->engine == UI_ENGINE_FAILED));
    assert_non_null(strstr(f.m->engine_error, "/nowhere/model"));
    desk_open(&f, SCENE(0));
    desk_type(&f, TOP);
    assert_false(f.m->composer.can_send);
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, MODEL_DIR);
    desk_wait_ready(&f);
    (void)desk_ask(&f, TOP);
    /* A wrong one now leaves the old one. */
    desk_do(&f, UI_ACT_LOAD_MODEL, 0, 0, "/nowhere/model");
    desk_wait_ready(&f);
    (void)desk_ask(&f, COLOR);
    desk_do(&f, UI_ACT_MODELS, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->n_model_rows > 0 && !f.m->scanning));
    assert_true(desk_until(&f, f.m->model_row[f.m->model_selected].checked));
    desk_fixture_close(&f);
}

static void test_batch(void **state)
{
    desk_fixture f;
    char         path[600];
    struct stat  st;
    (void)state;
    desk_fixture_open(&f, NULL);
    desk_wait_ready(&f);
    assert_true(f.m->batch.available);
    (void)ui_set_text(f.m, UI_FIELD_BATCH_SOURCE, MLM_SOURCE_DIR "/assets/images", desk_now());
    (void)ui_set_text(f.m, UI_FIELD_BATCH_QUESTION, TOP, desk_now());
    desk_do(&f, UI_ACT_BATCH_START, 0, 0, NULL);
    assert_int_equal(f.m->batch.state, UI_BATCH_RUNNING);
    assert_true(desk_until(&f, f.m->batch.state == UI_BATCH_DONE || f.m->batch.state == UI_BATCH_FAILED));
    if (f.m->batch.error != NULL)
        fail_msg("%s", f.m->batch.error);
    assert_true(f.m->batch.n_total >= 6);
    assert_int_equal(f.m->batch.n_done, f.m->batch.n_total);
    assert_int_equal(f.m->batch.n_rows, f.m->batch.n_total);
    assert_int_equal(f.m->batch.n_errors, 0);
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&f.dir, "out.csv"));
    desk_do(&f, UI_ACT_BATCH_EXPORT, UI_BATCH_CSV, 0, path);
    assert_true(desk_until(&f, stat(path, &st) == 0));
    assert_true(st.st_size > 100);
    /* The same answer as in the chat. */
    desk_do(&f, UI_ACT_BATCH_OPEN, 0, 0, NULL);
    assert_true(desk_until(&f, ui_shown_picture(f.m) != NULL && ui_shown_picture(f.m)->image != NULL));
    assert_string_equal(desk_ask(&f, TOP)->answer, f.m->batch.row[0].answer);
    /* A question file somewhere else than its pictures. */
    static const char rows[] = "{\"image\": \"none.png\", \"question\": \"" TOP "\"}\n";
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&f.dir, "q.jsonl", rows, sizeof rows - 1));
    (void)ui_set_text(f.m, UI_FIELD_BATCH_SOURCE, path, desk_now());
    desk_do(&f, UI_ACT_BATCH_START, 0, 0, NULL);
    assert_true(desk_until(&f, f.m->batch.state == UI_BATCH_DONE || f.m->batch.state == UI_BATCH_FAILED));
    assert_non_null(f.m->batch.error);
    assert_non_null(strstr(f.m->batch.error, "put the question file beside its pictures"));
    desk_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop_and_ask),
        cmocka_unit_test(test_tree_without_encoding),
        cmocka_unit_test(test_recompute_after_forgetting),
        cmocka_unit_test(test_region_and_fit),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_history_and_draft),
        cmocka_unit_test(test_typed_path_and_copy),
        cmocka_unit_test(test_model_errors),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
