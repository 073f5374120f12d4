/* ui_fixture.c: see ui_fixture.h. */
#include "tests/desktop/ui_fixture.h"

#include <stdio.h>
#include <stdlib.h>

void ui_fixture_open(ui_fixture *f)
{
    ui_model_options opt = {.samples_dir = "/samples", .batch = true, .wall_ms = 1.7e12, .id_seed = 42};
    *f                   = (ui_fixture){.now = 1000};
    if (ui_model_create(&f->m, &opt, f->now) != MLM_OK)
        fail_msg("%s", mlm_error_message());
}

void ui_fixture_close(ui_fixture *f)
{
    ui_drop_requests(f);
    ui_request_free(&f->req);
    ui_model_free(f->m);
    f->m = NULL;
}

mlm_status ui_do(ui_fixture *f, ui_action_type type, int index, int value)
{
    ui_action a = {.type = type, .index = index, .value = value};
    return ui_act(f->m, &a, f->now);
}

mlm_status ui_do_text(ui_fixture *f, ui_action_type type, int index, const char *text)
{
    ui_action a = {.type = type, .index = index, .text = text};
    return ui_act(f->m, &a, f->now);
}

mlm_status ui_do_id(ui_fixture *f, ui_action_type type, int64_t id)
{
    ui_action a = {.type = type, .id = id};
    return ui_act(f->m, &a, f->now);
}

mlm_status ui_do_set(ui_fixture *f, ui_setting which, double number)
{
    ui_action a = {.type = UI_ACT_SET, .index = (int)which, .number = number};
    return ui_act(f->m, &a, f->now);
}

void ui_type(ui_fixture *f, const char *text)
{
    assert_int_equal(ui_set_text(f->m, UI_FIELD_INPUT, text, f->now), MLM_OK);
}

bool ui_press(ui_fixture *f, int key, unsigned mods)
{
    return ui_key(f->m, key, mods, false, f->now);
}

ui_request *ui_expect(ui_fixture *f, ui_request_type type)
{
    ui_request_free(&f->req);
    while (ui_next_request(f->m, &f->req)) {
        if (f->req.type == type)
            return &f->req;
        ui_request_free(&f->req);
    }
    fail_msg("no request of type %d", (int)type);
    return &f->req;
}

bool ui_has_request(ui_fixture *f, ui_request_type type)
{
    ui_request req;
    bool       found = false;
    while (ui_next_request(f->m, &req)) {
        found = found || req.type == type;
        ui_request_free(&req);
    }
    return found;
}

void ui_drop_requests(ui_fixture *f)
{
    (void)ui_has_request(f, UI_REQ_COUNT);
}

void ui_send_event(ui_fixture *f, ui_event *ev)
{
    ui_event_apply(f->m, ev, f->now);
    ui_event_free(ev);
}

void ui_ready(ui_fixture *f)
{
    assert_int_equal(ui_do_text(f, UI_ACT_LOAD_MODEL, 0, "/models/a"), MLM_OK);
    ui_request *req = ui_expect(f, UI_REQ_LOAD);
    ui_event    ev  = {.type = UI_EV_LOADED, .serial = req->serial, .path = strdup("/models/a")};
    ev.facts        = calloc(1, sizeof *ev.facts);
    assert_non_null(ev.facts);
    *ev.facts =
        (ui_engine_facts){.model_name = "a", .device = "cpu", .weights_dtype = "int8", .n_image_tokens = 256};
    ui_send_event(f, &ev);
    assert_int_equal(f->m->engine, UI_ENGINE_READY);
}

mlmamba_image *ui_image(int width, int height)
{
    mlmamba_image *img   = NULL;
    uint8_t       *bytes = calloc((size_t)width * (size_t)height, 3);
    assert_non_null(bytes);
    if (mlmamba_image_from_rgb(&img, bytes, width, height) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    free(bytes);
    return img;
}

void ui_decoded(ui_fixture *f, int64_t id, int width, int height)
{
    ui_event ev = {.type = UI_EV_DECODED, .id = id, .image = ui_image(width, height)};
    ev.thumb    = mlmamba_image_share(ev.image);
    ui_send_event(f, &ev);
}

void ui_gathered(ui_fixture *f, const char *const *path, int n, const char *note)
{
    ui_event ev = {.type = UI_EV_GATHERED, .text = note != NULL ? strdup(note) : NULL};
    ev.paths    = calloc((size_t)n + 1, sizeof *ev.paths);
    assert_non_null(ev.paths);
    for (int i = 0; i < n; i++)
        ev.paths[ev.n_paths++] = strdup(path[i]);
    ui_send_event(f, &ev);
}

int ui_add_picture(ui_fixture *f, const char *path, int width, int height)
{
    ui_drop_begin(f->m);
    ui_drop_file(f->m, path);
    ui_drop_end(f->m, f->now);
    ui_request *req = ui_expect(f, UI_REQ_GATHER);
    assert_int_equal(req->n_paths, 1);
    ui_gathered(f, &path, 1, NULL);
    req = ui_expect(f, UI_REQ_DECODE);
    assert_string_equal(req->path, path);
    ui_decoded(f, req->id, width, height);
    return f->m->chat->shown;
}

static uint64_t serial_of_question(ui_fixture *f)
{
    return f->req.type == UI_REQ_ASK ? f->req.serial : ui_expect(f, UI_REQ_ASK)->serial;
}

void ui_piece(ui_fixture *f, const char *text)
{
    ui_event ev = {.type = UI_EV_PIECE, .serial = serial_of_question(f), .text = strdup(text)};
    ui_send_event(f, &ev);
}

void ui_answer(ui_fixture *f, const char *text)
{
    ui_event ev = {.type   = UI_EV_ANSWER,
                   .serial = serial_of_question(f),
                   .text   = strdup(text),
                   .number = 1,
                   .stats  = {.n_tokens = 3, .n_prompt_tokens = 9, .decode_ms = 20, .first_token_ms = 30}};
    ui_send_event(f, &ev);
}

void ui_ask_fails(ui_fixture *f, mlm_status status, const char *text)
{
    ui_event ev = {
        .type = UI_EV_ASK_FAILED, .serial = serial_of_question(f), .status = status, .text = strdup(text)};
    ui_send_event(f, &ev);
}

const chat_turn *ui_ask(ui_fixture *f, const char *question, const char *answer)
{
    ui_request_free(&f->req);
    ui_type(f, question);
    assert_int_equal(ui_do(f, UI_ACT_SEND, 0, 0), MLM_OK);
    ui_answer(f, answer);
    assert_false(ui_is_busy(f->m));
    return ui_last_turn(f);
}

const char *ui_last_toast(const ui_fixture *f)
{
    return f->m->n_toasts > 0 ? f->m->toast[f->m->n_toasts - 1].text : "";
}

const chat_turn *ui_last_turn(const ui_fixture *f)
{
    assert_true(f->m->n_path > 0);
    return ui_path_turn(f->m, f->m->n_path - 1);
}

void ui_pass(ui_fixture *f, double ms)
{
    f->now += ms;
    ui_tick(f->m, f->now);
}

void ui_history_works(ui_fixture *f)
{
    ui_event ev = {.type = UI_EV_HISTORY, .number = 1};
    ui_send_event(f, &ev);
}

int ui_start(void **state)
{
    ui_fixture_open(*state);
    return 0;
}

int ui_start_picture(void **state)
{
    ui_fixture *f = *state;
    ui_fixture_open(f);
    ui_ready(f);
    (void)ui_add_picture(f, "/p/cat.png", 40, 30);
    ui_drop_requests(f);
    return 0;
}

int ui_start_asked(void **state)
{
    ui_fixture *f = *state;
    ui_fixture_open(f);
    ui_history_works(f);
    ui_event none = {.type = UI_EV_HISTORY_CHAT};
    ui_send_event(f, &none); /* nothing was begun in the last run */
    ui_ready(f);
    (void)ui_add_picture(f, "/p/cat.png", 40, 30);
    (void)ui_ask(f, "one", "1");
    ui_drop_requests(f);
    ui_request_free(&f->req);
    return 0;
}

int ui_finish(void **state)
{
    ui_fixture_close(*state);
    return 0;
}

ui_chat_row *ui_make_rows(int n)
{
    ui_chat_row *row = calloc((size_t)n, sizeof *row);
    assert_non_null(row);
    for (int i = 0; i < n; i++) {
        row[i].id    = 100 + i;
        row[i].title = strdup("a chat");
    }
    return row;
}

void ui_give_list(ui_fixture *f, int n)
{
    ui_event ev = {.type        = UI_EV_HISTORY_LIST,
                   .serial      = ui_expect(f, UI_REQ_HISTORY_LIST)->serial,
                   .chat_row    = ui_make_rows(n),
                   .n_chat_rows = n};
    ui_send_event(f, &ev);
}
