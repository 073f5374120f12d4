/* desktop_driver.c: see desktop_driver.h. */
#include "tests/app/desktop_driver.h"

#include "tests/support/cm.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void driver_open(driver *d, const window_options *opt, const char *home)
{
    window_options o    = *opt;
    const char    *base = getenv("TMPDIR");
    (void)setenv("SDL_VIDEODRIVER", "dummy", 0);
    (void)setenv("SDL_RENDER_DRIVER", "software", 1);
    (void)setenv("FONTCONFIG_FILE", MLM_SOURCE_DIR "/tests/app/fonts.conf", 1);
    (void)setenv("MLMAMBA_MODEL", "", 1);
    (void)unsetenv("MLMAMBA_MODEL");
    if (home != NULL)
        (void)snprintf(d->home, sizeof d->home, "%s", home);
    else
        (void)snprintf(d->home, sizeof d->home, "%s/mlm_desktop_XXXXXX",
                       base != NULL && *base ? base : "/tmp");
    if (home == NULL && mkdtemp(d->home) == NULL)
        fail_msg("no folder %s", d->home);
    o.desk.data_home   = d->home;
    o.desk.config_home = d->home;
    o.desk.no_portal   = true;
    o.desk.close_ms    = 60000; /* no thread is left behind: its memory would look like a leak */
    if (o.width == 0) {
        o.width  = 1180;
        o.height = 780;
    }
    if (window_open(&d->w, &o) != MLM_OK)
        fail_msg("the window does not open: %s", mlm_error_message());
    driver_steps(d, 3);
}

void driver_release(driver *d)
{
    assert_true(window_close(d->w));
    d->w = NULL;
}

void driver_close(driver *d)
{
    if (d->w != NULL)
        assert_true(window_close(d->w));
    d->w = NULL;
    (void)nftw(d->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

ui_model *driver_model(driver *d)
{
    return window_model(d->w);
}

void driver_steps(driver *d, int n)
{
    while (n-- > 0)
        (void)window_step(d->w, d->hurry ? 0 : 5);
}

bool driver_until(driver *d, bool (*done)(const ui_model *m, const void *arg), const void *arg)
{
    double end = window_now() + 60e3;
    while (!done(driver_model(d), arg)) {
        if (window_now() > end)
            return false;
        (void)window_step(d->w, 20);
    }
    driver_steps(d, 4);
    return true;
}

bool driver_ready(const ui_model *m, const void *arg)
{
    (void)arg;
    return m->engine == UI_ENGINE_READY;
}

bool driver_idle(const ui_model *m, const void *arg)
{
    (void)arg;
    return m->busy_turn == CHAT_NONE && !m->gathering;
}

bool driver_decoded(const ui_model *m, const void *arg)
{
    (void)arg;
    const chat_picture *p = ui_shown_picture(m);
    return p != NULL && p->state == CHAT_PICTURE_READY && p->image != NULL;
}

bool driver_refused(const ui_model *m, const void *arg)
{
    (void)arg;
    const chat_picture *p = ui_shown_picture(m);
    return p != NULL && p->state == CHAT_PICTURE_REFUSED;
}

bool driver_answered(const ui_model *m, const void *arg)
{
    int n = *(const int *)arg;
    if (m->n_path != n || m->busy_turn != CHAT_NONE)
        return false;
    const chat_turn *t = ui_path_turn(m, n - 1);
    return t->state == CHAT_TURN_DONE || t->state == CHAT_TURN_FAILED;
}

void driver_key(driver *d, SDL_Keycode key, Uint16 mods)
{
    SDL_Event e = {.key = {.type = SDL_KEYDOWN, .state = SDL_PRESSED, .keysym = {.sym = key, .mod = mods}}};
    (void)SDL_PushEvent(&e);
    e.type = e.key.type = SDL_KEYUP;
    e.key.state         = SDL_RELEASED;
    (void)SDL_PushEvent(&e);
    driver_steps(d, 2);
}

void driver_type(driver *d, const char *utf8)
{
    while (*utf8 != '\0') {
        SDL_Event e = {.text = {.type = SDL_TEXTINPUT}};
        size_t    n = 1;
        while (((unsigned char)utf8[n] & 0xC0) == 0x80)
            n++;
        memcpy(e.text.text, utf8, n);
        (void)SDL_PushEvent(&e);
        utf8 += n;
    }
    driver_steps(d, 2);
}

void driver_compose(driver *d, const char *utf8)
{
    SDL_Event e = {.edit = {.type = SDL_TEXTEDITING}};
    (void)snprintf(e.edit.text, sizeof e.edit.text, "%s", utf8);
    (void)SDL_PushEvent(&e);
    driver_steps(d, 2);
}

void driver_drop(driver *d, const char *const *path, int n)
{
    SDL_Event e = {.drop = {.type = SDL_DROPBEGIN}};
    (void)SDL_PushEvent(&e);
    for (int i = 0; i < n; i++) {
        e = (SDL_Event){.drop = {.type = SDL_DROPFILE, .file = SDL_strdup(path[i])}};
        if (SDL_PushEvent(&e) != 1)
            SDL_free(e.drop.file);
        if (i % 256 == 255)
            driver_steps(d, 2);
    }
    e = (SDL_Event){.drop = {.type = SDL_DROPCOMPLETE}};
    (void)SDL_PushEvent(&e);
    driver_steps(d, 2);
}

void driver_mouse(driver *d, Uint32 type, int x, int y, int button)
{
    SDL_Event e;
    if (type == SDL_MOUSEMOTION)
        e = (SDL_Event){.motion = {.type = type, .x = x, .y = y, .state = button ? SDL_BUTTON_LMASK : 0}};
    else if (type == SDL_MOUSEWHEEL)
        e = (SDL_Event){.wheel = {.type = type, .y = button, .preciseY = (float)button}};
    else
        e = (SDL_Event){.button = {.type = type, .button = (Uint8)button, .clicks = 1, .x = x, .y = y}};
    (void)SDL_PushEvent(&e);
    driver_steps(d, 1);
}

static const gui_stop *find_stop(driver *d, const char *name, int index)
{
    const gui *g  = window_gui(d->w);
    gui_id     id = gui_make_id(name, index);
    for (int i = 0; i < g->n_stops; i++)
        if (g->stop[i].id == id)
            return &g->stop[i];
    return NULL;
}

/* A frame may be due only in 16 ms. */
static const gui_stop *wait_for_stop(driver *d, const char *name, int index)
{
    double end = window_now() + 3000;
    while (find_stop(d, name, index) == NULL && window_now() < end)
        driver_steps(d, 1);
    return find_stop(d, name, index);
}

bool driver_has(driver *d, const char *name, int index)
{
    driver_steps(d, 4);
    return find_stop(d, name, index) != NULL;
}

bool driver_focused(driver *d, const char *name, int index)
{
    driver_steps(d, 4);
    return window_gui(d->w)->focus == gui_make_id(name, index);
}

void driver_click(driver *d, const char *name, int index)
{
    const gui_stop *s = wait_for_stop(d, name, index);
    if (s == NULL) {
        fail_msg("there is no %s %d to click", name, index);
        return;
    }
    int x = s->rect.x + s->rect.w / 2, y = s->rect.y + s->rect.h / 2;
    driver_mouse(d, SDL_MOUSEMOTION, x, y, 0);
    driver_mouse(d, SDL_MOUSEBUTTONDOWN, x, y, SDL_BUTTON_LEFT);
    driver_mouse(d, SDL_MOUSEBUTTONUP, x, y, SDL_BUTTON_LEFT);
    driver_steps(d, 2);
}
