/* desk_fixture.c: see desk_fixture.h. */
#include "tests/desktop/desk_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kernels/base/mlm_file.h"

double desk_now(void)
{
    return mlm_now_ms();
}

static bool keep_copied(const char *text, void *payload)
{
    desk_fixture *f = payload;
    (void)snprintf(f->copied, sizeof f->copied, "%s", text);
    return true;
}

void desk_fixture_start(desk_fixture *f, const desk_options *opt)
{
    desk_options o = opt != NULL ? *opt : (desk_options){0};
    o.model_dir    = o.model_dir != NULL ? o.model_dir : MODEL_DIR;
    o.device       = o.device != NULL ? o.device : "cpu";
    o.data_home    = f->data;
    o.config_home  = f->config;
    o.no_portal    = true;
    o.close_ms =
        o.close_ms > 0 ? o.close_ms : 60000; /* no thread is left behind: its memory would look like a leak */
    o.copy_text = keep_copied;
    o.payload   = f;
    if (desk_create(&f->d, &o, desk_now()) != MLM_OK)
        fail_msg("desk_create: %s", mlm_error_message());
    f->m = desk_model(f->d);
}

void desk_fixture_open(desk_fixture *f, const desk_options *opt)
{
    *f = (desk_fixture){0};
    temp_dir_open(&f->dir);
    (void)snprintf(f->data, sizeof f->data, "%s/data", f->dir.path);
    (void)snprintf(f->config, sizeof f->config, "%s/config", f->dir.path);
    desk_fixture_start(f, opt);
}

void desk_fixture_stop(desk_fixture *f)
{
    assert_true(desk_free(f->d));
    f->d = NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void desk_remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void desk_fixture_close(desk_fixture *f)
{
    desk_fixture_stop(f);
    desk_remove_tree(f->dir.path);
}

void desk_step(desk_fixture *f)
{
    struct timespec nap  = {0, 1000000};
    double          wait = desk_wait_ms(f->d, desk_now(), 2);
    desk_pump(f->d, desk_now());
    if (wait > 0)
        (void)nanosleep(&nap, NULL);
}

void desk_do(desk_fixture *f, ui_action_type type, int index, int value, const char *text)
{
    ui_action a = {.type = type, .index = index, .value = value, .text = text};
    (void)ui_act(f->m, &a, desk_now());
}

void desk_type(desk_fixture *f, const char *text)
{
    (void)ui_set_text(f->m, UI_FIELD_INPUT, text, desk_now());
}

void desk_drop(desk_fixture *f, const char *path)
{
    ui_drop_begin(f->m);
    ui_drop_file(f->m, path);
    ui_drop_end(f->m, desk_now());
}

const chat_turn *desk_last(desk_fixture *f)
{
    assert_true(f->m->n_path > 0);
    return ui_path_turn(f->m, f->m->n_path - 1);
}

void desk_wait_ready(desk_fixture *f)
{
    assert_true(desk_until(f, f->m->engine == UI_ENGINE_READY));
}

void desk_open(desk_fixture *f, const char *path)
{
    int had = f->m->chat->n_pictures;
    desk_drop(f, path);
    assert_true(desk_until(f, f->m->chat->n_pictures > had && ui_shown_picture(f->m)->image != NULL));
}

const chat_turn *desk_ask(desk_fixture *f, const char *question)
{
    desk_type(f, question);
    desk_do(f, UI_ACT_SEND, 0, 0, NULL);
    assert_true(desk_idle(f));
    const chat_turn *t = desk_last(f);
    if (t->state != CHAT_TURN_DONE)
        fail_msg("\"%s\" was not answered: %s", question, t->error);
    return t;
}
