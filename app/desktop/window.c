/* window.c: see window.h.  Sleeps until something happens; draws at most 60 times a second. */
#include "app/desktop/window.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/desktop/view.h"
#include "app/desktop/window_events.h"

enum { FRAME_MS = 16, N_TIMES = 4096, LEAST_WIDTH = 360, LEAST_HEIGHT = 300 };

struct window {
    window_options opt;
    SDL_Window    *sdl;
    SDL_Renderer  *renderer;
    desk          *desk;
    view           view;
    SDL_Cursor    *cursor[SDL_NUM_SYSTEM_CURSORS];
    int            cursor_now;
    Uint32         wake_event;
    SDL_atomic_t   woken; /* a wake event is in the queue already */
    window_drop    drop;
    bool           dirty, hidden, asked, view_ready, gone;
    uint32_t       revision;
    double         last_frame, first_frame_ms;
    float          times[N_TIMES]; /* of frames while an answer was made */
    int            n_times;
    char          *title;
    bool           sdl_ready;
};

double window_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

ui_model *window_model(window *w)
{
    return desk_model(w->desk);
}

static void wake(void *payload)
{
    window *w = payload;
    if (SDL_AtomicCAS(&w->woken, 0, 1) == SDL_TRUE) {
        SDL_Event e = {.type = w->wake_event};
        if (SDL_PushEvent(&e) != 1)
            SDL_AtomicSet(&w->woken, 0);
    }
}

static bool copy_text(const char *text, void *payload)
{
    (void)payload;
    return SDL_SetClipboardText(text) == 0;
}

void window_prepare_heap(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/* ---- start ---------------------------------------------------------------------------------------- */

static mlm_status sdl_fail(const char *what)
{
    return mlm_fail(MLM_E_DEVICE, "%s: %s", what, SDL_GetError());
}

static float display_scale(window *w)
{
    int   ww = 1, wh = 1, rw = 1, rh = 1;
    float dpi = 0;
    if (w->opt.scale > 0)
        return w->opt.scale;
    SDL_GetWindowSize(w->sdl, &ww, &wh);
    (void)SDL_GetRendererOutputSize(w->renderer, &rw, &rh);
    if (ww > 0 && rw > ww)
        return (float)rw / (float)ww;
    const char *driver = SDL_GetCurrentVideoDriver();
    int         index  = SDL_GetWindowDisplayIndex(w->sdl);
    /* Only X11 counts in real pixels; Xft.dpi stands there.  Quarter steps: a monitor of 109 dpi is an ordinary one. */
    if (driver == NULL || strcmp(driver, "x11") != 0 ||
        SDL_GetDisplayDPI(index < 0 ? 0 : index, &dpi, NULL, NULL) != 0)
        return 1.0f;
    float s = floorf(dpi / 96.0f * 4.0f + 0.1f) / 4.0f;
    return s < 1.0f ? 1.0f : s > 4.0f ? 4.0f : s;
}

/* Where SDL finds no display it may draw where nobody looks; that is right only for who asked for it. */
static bool is_unseen(const char *driver)
{
    return SDL_getenv("SDL_VIDEODRIVER") == NULL && driver != NULL &&
           (strcmp(driver, "offscreen") == 0 || strcmp(driver, "dummy") == 0 || strcmp(driver, "evdev") == 0);
}

static mlm_status open_sdl(window *w, const ui_settings *s)
{
    (void)SDL_SetHint(SDL_HINT_IME_SHOW_UI, "1");
    (void)SDL_SetHint(SDL_HINT_IME_SUPPORT_EXTENDED_TEXT, "1");
    (void)SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    (void)SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    (void)SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
    (void)SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    (void)SDL_SetHint(SDL_HINT_APP_NAME, "mlmamba");
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return sdl_fail("no window can be opened");
    w->sdl_ready = true;
    if (is_unseen(SDL_GetCurrentVideoDriver()))
        return mlm_fail(MLM_E_STATE, "no window can be opened: no display is found");
    int width  = w->opt.width > 0 ? w->opt.width : s->window_width > 0 ? s->window_width : 1180;
    int height = w->opt.height > 0 ? w->opt.height : s->window_height > 0 ? s->window_height : 780;
    w->sdl     = SDL_CreateWindow("mlmamba", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, width, height,
                                  SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (w->sdl == NULL)
        return sdl_fail("no window can be opened");
    w->renderer = SDL_CreateRenderer(w->sdl, -1, 0);
    if (w->renderer == NULL)
        w->renderer = SDL_CreateRenderer(w->sdl, -1, SDL_RENDERER_SOFTWARE);
    if (w->renderer == NULL)
        return sdl_fail("nothing can be drawn");
    SDL_SetWindowMinimumSize(w->sdl, LEAST_WIDTH, LEAST_HEIGHT);
    window_set_icon(w->sdl);
    (void)SDL_EventState(SDL_DROPFILE, SDL_ENABLE);
    (void)SDL_EventState(SDL_DROPTEXT, SDL_ENABLE);
    return MLM_OK;
}

mlm_status window_open(window **out, const window_options *opt)
{
    *out      = NULL;
    window *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail(MLM_E_NOMEM, "no memory for a window");
    w->opt                = *opt;
    w->opt.desk.wake      = wake;
    w->opt.desk.copy_text = copy_text;
    w->opt.desk.payload   = w;
    w->cursor_now         = -1;
    if (w->opt.started_ms <= 0)
        w->opt.started_ms = window_now();
    /* The model starts to load while the window opens.  The only event of our own; desk_pump runs at least four times a second anyway. */
    w->wake_event     = SDL_USEREVENT;
    mlm_status status = desk_create(&w->desk, &w->opt.desk, window_now());
    if (status == MLM_OK)
        status = open_sdl(w, &desk_model(w->desk)->settings);
    if (status == MLM_OK && !view_init(&w->view, w->sdl, w->renderer, desk_model(w->desk)))
        status = mlm_fail(MLM_E_NOMEM, "no memory for the fonts");
    else if (status == MLM_OK)
        w->view_ready = true;
    if (status != MLM_OK) {
        (void)window_close(w);
        return status;
    }
    if (opt->theme >= 0)
        (void)ui_act(desk_model(w->desk),
                     &(ui_action){.type = UI_ACT_SET, .index = UI_SET_THEME, .number = opt->theme},
                     window_now());
    w->view.dpi_scale = display_scale(w);
    w->dirty          = true;
    *out              = w;
    return MLM_OK;
}

bool window_close(window *w)
{
    if (w == NULL)
        return true;
    /* The window goes first: that is what the user waits for. */
    if (w->sdl != NULL)
        SDL_HideWindow(w->sdl);
    bool alone = desk_free(w->desk);
    if (w->view_ready)
        view_clear(&w->view);
    for (int i = 0; i < SDL_NUM_SYSTEM_CURSORS; i++)
        if (w->cursor[i] != NULL)
            SDL_FreeCursor(w->cursor[i]);
    if (w->renderer != NULL)
        SDL_DestroyRenderer(w->renderer);
    if (w->sdl != NULL)
        SDL_DestroyWindow(w->sdl);
    if (w->sdl_ready)
        SDL_Quit();
    free(w->title);
    free(w);
    return alone;
}

/* ---- events --------------------------------------------------------------------------------------- */

static void window_event(window *w, const SDL_Event *e)
{
    switch (e->window.event) {
    case SDL_WINDOWEVENT_HIDDEN:
    case SDL_WINDOWEVENT_MINIMIZED:
        w->hidden = true;
        break;
    case SDL_WINDOWEVENT_SHOWN:
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_EXPOSED:
        w->hidden = false;
        break;
    case SDL_WINDOWEVENT_DISPLAY_CHANGED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        w->view.dpi_scale = display_scale(w);
        break;
    case SDL_WINDOWEVENT_LEAVE:
        w->view.g.mouse_x = w->view.g.mouse_y = -1;
        break;
    case SDL_WINDOWEVENT_CLOSE:
        w->gone = true;
        break;
    default:
        break;
    }
}

static void handle_event(window *w, const SDL_Event *e)
{
    ui_model *m   = desk_model(w->desk);
    double    now = window_now();
    gui_event ev  = {0};
    if (e->type == w->wake_event) {
        SDL_AtomicSet(&w->woken, 0);
        return;
    }
    w->dirty = true;
    if (e->type == SDL_QUIT)
        w->gone = true;
    else if (e->type == SDL_WINDOWEVENT)
        window_event(w, e);
    else if (e->type == SDL_RENDER_TARGETS_RESET || e->type == SDL_RENDER_DEVICE_RESET)
        view_drop_textures(&w->view);
    else if (window_drop_event(&w->drop, e, m, now))
        return;
    else if (window_translate(&w->view.g, e, &ev))
        view_event(&w->view, &ev, now);
}

static void use_cursor(window *w)
{
    int want = (int)w->view.g.cursor;
    if (want == w->cursor_now || want < 0 || want >= SDL_NUM_SYSTEM_CURSORS)
        return;
    if (w->cursor[want] == NULL)
        w->cursor[want] = SDL_CreateSystemCursor((SDL_SystemCursor)want);
    if (w->cursor[want] != NULL)
        SDL_SetCursor(w->cursor[want]);
    w->cursor_now = want;
}

static void use_title(window *w, const ui_model *m)
{
    const char *chat_title = m->chat->title != NULL ? m->chat->title : "";
    char        text[300];
    (void)snprintf(text, sizeof text, "%.250s%smlmamba", chat_title, chat_title[0] != '\0' ? " - " : "");
    if (w->title != NULL && strcmp(w->title, text) == 0)
        return;
    free(w->title);
    w->title = strdup(text);
    SDL_SetWindowTitle(w->sdl, text);
}

static void draw(window *w)
{
    ui_model *m     = desk_model(w->desk);
    double    start = window_now();
    view_draw(&w->view, start);
    SDL_RenderPresent(w->renderer);
    double end    = window_now();
    w->last_frame = start;
    w->revision   = m->revision;
    w->dirty      = false;
    if (w->first_frame_ms <= 0)
        w->first_frame_ms = end - w->opt.started_ms;
    if (m->busy_turn != CHAT_NONE)
        w->times[w->n_times++ % N_TIMES] = (float)(end - start);
    use_cursor(w);
    use_title(w, m);
}

/* --ask: when a picture is there, once. */
static void ask_from_options(window *w, double now)
{
    ui_model           *m = desk_model(w->desk);
    const chat_picture *p = ui_shown_picture(m);
    if (w->opt.question == NULL || w->asked || m->engine != UI_ENGINE_READY || p == NULL ||
        p->state != CHAT_PICTURE_READY)
        return;
    w->asked = true;
    (void)ui_act(m, &(ui_action){.type = UI_ACT_ASK, .text = w->opt.question}, now);
}

static bool wants_end(window *w)
{
    const ui_model *m = desk_model(w->desk);
    if (w->gone || m->quit)
        return true;
    if (w->opt.quit_after_frame && w->first_frame_ms > 0)
        return true;
    if (!w->opt.quit_after_answer || m->n_path == 0 || m->busy_turn != CHAT_NONE)
        return false;
    const chat_turn *t = ui_path_turn(m, m->n_path - 1);
    return t->state == CHAT_TURN_DONE || t->state == CHAT_TURN_FAILED;
}

bool window_step(window *w, int max_wait)
{
    ui_model *m    = desk_model(w->desk);
    double    now  = window_now();
    bool draw_next = !w->hidden && (w->dirty || m->revision != w->revision || view_wants_frame(&w->view));
    int  wait      = desk_wait_ms(w->desk, now, max_wait);
    if (draw_next) {
        double left = w->last_frame + FRAME_MS - now;
        wait        = left <= 0 ? 0 : left < wait ? (int)ceil(left) : wait;
    }
    SDL_Event e;
    if (wait <= 0 ? SDL_PollEvent(&e) : SDL_WaitEventTimeout(&e, wait)) {
        int n = 0;
        do
            handle_event(w, &e);
        while (!w->gone && ++n < 256 && SDL_PollEvent(&e));
    }
    desk_pump(w->desk, window_now());
    ui_tick(m, window_now());
    ask_from_options(w, window_now());
    if (w->gone)
        (void)ui_act(m, &(ui_action){.type = UI_ACT_QUIT}, window_now());
    now       = window_now();
    draw_next = !w->hidden && (w->dirty || m->revision != w->revision || view_wants_frame(&w->view));
    if (draw_next && now - w->last_frame >= FRAME_MS)
        draw(w);
    return !wants_end(w);
}

/* ---- for tests ------------------------------------------------------------------------------------ */

const gui *window_gui(const window *w)
{
    return &w->view.g;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

double window_frame_ms(const window *w, double q)
{
    int    n    = window_frame_count(w);
    float *copy = n > 0 ? malloc((size_t)n * sizeof *copy) : NULL;
    if (copy == NULL)
        return 0;
    memcpy(copy, w->times, (size_t)n * sizeof *copy);
    qsort(copy, (size_t)n, sizeof *copy, by_value);
    double v = (double)copy[(int)(q * (n - 1) + 0.5)];
    free(copy);
    return v;
}

int window_frame_count(const window *w)
{
    return w->n_times < N_TIMES ? w->n_times : N_TIMES;
}

void window_forget_frames(window *w)
{
    w->n_times = 0;
}

mlm_status window_pixels(window *w, uint32_t **pixels, int *width, int *height)
{
    /* Until the picture is as fine as it gets. */
    for (int i = 0; i < 400; i++) {
        draw(w);
        if (w->view.pane.done_rows >= w->view.pane.height)
            break;
    }
    int n_w = 0, n_h = 0;
    view_draw(&w->view, window_now());
    (void)SDL_GetRendererOutputSize(w->renderer, &n_w, &n_h);
    *pixels = n_w > 0 && n_h > 0 ? malloc((size_t)n_w * (size_t)n_h * 4) : NULL;
    if (*pixels == NULL)
        return mlm_fail(MLM_E_NOMEM, "no memory for a screenshot of %d x %d", n_w, n_h);
    int rc = SDL_RenderReadPixels(w->renderer, NULL, SDL_PIXELFORMAT_ARGB8888, *pixels, n_w * 4);
    SDL_RenderPresent(w->renderer);
    if (rc != 0) {
        free(*pixels);
        *pixels = NULL;
        return sdl_fail("no screenshot");
    }
    *width  = n_w;
    *height = n_h;
    return MLM_OK;
}

mlm_status window_save_png(window *w, const char *path)
{
    uint32_t *px = NULL;
    int       width, height;
    MLM_TRY(window_pixels(w, &px, &width, &height));
    cairo_surface_t *s  = cairo_image_surface_create_for_data((unsigned char *)px, CAIRO_FORMAT_RGB24, width,
                                                              height, width * 4);
    cairo_status_t   rc = cairo_surface_write_to_png(s, path);
    cairo_surface_destroy(s);
    free(px);
    return rc == CAIRO_STATUS_SUCCESS ? MLM_OK
                                      : mlm_fail(MLM_E_IO, "%s: %s", path, cairo_status_to_string(rc));
}

static mlm_status write_state(window *w)
{
    char *state = NULL;
    MLM_TRY(ui_dump(desk_model(w->desk), &state));
    FILE *f = fopen(w->opt.state_dump, "we");
    if (f == NULL) {
        free(state);
        return mlm_fail(MLM_E_IO, "%s: cannot be written: %s", w->opt.state_dump, strerror(errno));
    }
    int rc = fprintf(f,
                     "{\"window\": {\"first_frame_ms\": %.1f, \"frames\": %lld, \"busy_frames\": %d, "
                     "\"busy_frame_ms_median\": %.2f, "
                     "\"busy_frame_ms_p99\": %.2f, \"missing_glyphs\": %d},\n\"state\": %s}\n",
                     w->first_frame_ms, (long long)w->view.n_frames, w->n_times, window_frame_ms(w, 0.5),
                     window_frame_ms(w, 0.99), gui_text_unknown_glyphs(w->view.g.text), state);
    free(state);
    if (fclose(f) != 0 || rc < 0)
        return mlm_fail(MLM_E_IO, "%s: cannot be written: %s", w->opt.state_dump, strerror(errno));
    return MLM_OK;
}

mlm_status window_report(window *w)
{
    if (w->opt.screenshot != NULL)
        MLM_TRY(window_save_png(w, w->opt.screenshot));
    return w->opt.state_dump != NULL ? write_state(w) : MLM_OK;
}
