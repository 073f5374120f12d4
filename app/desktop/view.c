/* view.c: the frame: where each part lies, the queue of what the user did, focus shared with the model. */
#include "app/desktop/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool view_init(view *v, SDL_Window *window, SDL_Renderer *renderer, ui_model *m)
{
    memset(v, 0, sizeof *v);
    v->m             = m;
    v->selected.turn = CHAT_NONE;
    v->split         = 0.52f;
    v->dpi_scale = v->user_scale = 1.0f;
    v->pixel_x                   = -1;
    v->seen_focus                = -1;
    v->was_at_end                = true;
    v->last_strip                = -1;
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        v->box[i].seen = m->text_revision[i] - 1;
    return gui_init(&v->g, window, renderer);
}

static void free_thumb(view_thumb *t)
{
    if (t->texture != NULL)
        SDL_DestroyTexture(t->texture);
    mlmamba_image_free(t->image);
    *t = (view_thumb){0};
}

void view_drop_textures(view *v)
{
    gui_drop_textures(&v->g);
    for (int i = 0; i < VIEW_MAX_THUMBS; i++)
        free_thumb(&v->thumb[i]);
    if (v->pane.texture != NULL)
        SDL_DestroyTexture(v->pane.texture);
    v->pane.texture = NULL;
    v->pane.current = false;
}

void view_clear(view *v)
{
    view_drop_textures(v);
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        gui_textbox_free(&v->box[i]);
    for (int i = 0; i < UI_SET_COUNT; i++)
        gui_textbox_free(&v->number[i]);
    for (int i = 0; i < v->n_queue; i++)
        free((void *)(uintptr_t)v->queue[i].action.text);
    free(v->height);
    free(v->pane.pixels);
    gui_clear(&v->g);
}

/* ---- queue ---------------------------------------------------------------------------------------- */

void view_push(view *v, const view_op *op)
{
    if (v->n_queue == VIEW_MAX_QUEUE)
        return;
    view_op copy = *op;
    if (op->action.text != NULL) {
        copy.action.text = strdup(op->action.text);
        if (copy.action.text == NULL)
            return;
    }
    v->queue[v->n_queue++] = copy;
}

void view_act(view *v, ui_action_type type, int index)
{
    view_push(v, &(view_op){.action = {.type = type, .index = index}});
}

void view_act_value(view *v, ui_action_type type, int index, int value)
{
    view_push(v, &(view_op){.action = {.type = type, .index = index, .value = value}});
}

void view_act_id(view *v, ui_action_type type, int64_t id)
{
    view_push(v, &(view_op){.action = {.type = type, .id = id}});
}

void view_act_text(view *v, ui_action_type type, int index, const char *text)
{
    view_push(v, &(view_op){.action = {.type = type, .index = index, .text = text}});
}

static void paste(view *v)
{
    char *clip = SDL_HasClipboardText() ? SDL_GetClipboardText() : NULL;
    if (clip != NULL && clip[0] == '\0') {
        SDL_free(clip);
        clip = NULL;
    }
    int field = v->m->overlay == UI_OVERLAY_NONE ? (int)UI_FIELD_INPUT : -1;
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        if (v->g.focus == gui_make_id("field", i))
            field = i;
    if (!ui_paste(v->m, clip, v->now) && clip != NULL && field >= 0) {
        gui_textbox *b = &v->box[field];
        if (gui_edit_insert(&b->edit, clip, false))
            (void)ui_set_text(v->m, (ui_field)field, gui_edit_text(&b->edit), v->now);
        b->seen = v->m->text_revision[field];
    }
    SDL_free(clip);
}

static void view_flush(view *v)
{
    for (int i = 0; i < v->n_queue; i++) {
        view_op   *op = &v->queue[i];
        ui_action *a  = &op->action;
        switch (op->kind) {
        case VIEW_OP_ACT:
            (void)ui_act(v->m, a, v->now);
            break;
        case VIEW_OP_TEXT:
            (void)ui_set_text(v->m, (ui_field)a->index, a->text, v->now);
            v->box[a->index].seen = v->m->text_revision[a->index];
            break;
        case VIEW_OP_POINTER:
            if (a->index == 0)
                ui_pointer_down(v->m, a->x, a->y, v->now);
            else if (a->index == 1)
                ui_pointer_move(v->m, a->x, a->y, v->now);
            else
                ui_pointer_up(v->m, a->x, a->y, v->now);
            break;
        case VIEW_OP_PASTE:
            paste(v);
            break;
        }
        free((void *)(uintptr_t)a->text);
    }
    v->n_queue = 0;
}

bool view_field(view *v, ui_field field, gui_rect r, const gui_box_style *style)
{
    gui_textbox *b = &v->box[field];
    if (!gui_textbox_do(&v->g, gui_make_id("field", (int)field), r, b, style))
        return false;
    view_push(v, &(view_op){.kind   = VIEW_OP_TEXT,
                            .action = {.index = (int)field, .text = gui_edit_text(&b->edit)}});
    return true;
}

/* ---- layout --------------------------------------------------------------------------------------- */

static void picture_and_chat(view *v, gui_rect r)
{
    gui *g = &v->g;
    if (v->m->welcome) {
        int      h    = view_composer_height(v, r.w);
        gui_rect foot = gui_cut_bottom(&r, h);
        view_welcome(v, r);
        view_composer(v, foot);
        return;
    }
    gui_rect pic;
    if (r.w < gui_px(g, 620)) {
        /* Some lines of the chat first; a picture of which nothing could be seen is left out. */
        int h    = (int)((float)r.h * 0.42f);
        int room = r.h - view_composer_height(v, r.w) - gui_px(g, 130);
        h        = room < h ? room : h;
        pic      = gui_cut_top(&r, h >= gui_px(g, 80) ? h : 0);
    } else {
        int w = (int)((float)r.w * v->split), least = gui_px(g, 330);
        w   = r.w - w < least ? r.w - least : w;
        pic = gui_cut_left(&r, w);
        gui_fill(g, gui_box(r.x, r.y, gui_px(g, (float)g->theme->line), r.h), g->theme->border);
        (void)gui_cut_left(&r, gui_px(g, (float)g->theme->line));
    }
    /* Messages lie on the picture, not on what is read and typed. */
    v->toast_right = pic.x + pic.w;
    v->toast_top   = pic.h > 0 ? pic.y + gui_px(g, 52) : 0;
    if (pic.h > 0)
        view_picture(v, pic);
    gui_rect foot = gui_cut_bottom(&r, view_composer_height(v, r.w));
    view_chat(v, r);
    view_composer(v, foot);
}

static void all_parts(view *v)
{
    gui            *g = &v->g;
    const ui_model *m = v->m;
    gui_rect        r = gui_box(0, 0, g->width, g->height);
    if (!g->drawing)
        view_toasts(v); /* in front, so they look at an event first */
    g->enabled = m->overlay == UI_OVERLAY_NONE;
    gui_fill(g, r, g->theme->back);
    view_status(v, gui_cut_bottom(&r, gui_px(g, 28)));
    view_rail(v, gui_cut_left(&r, gui_px(g, 52)));
    /* In a narrow window the side bar or the panel takes all of it. */
    v->narrow = r.w < gui_px(g, 700);
    if (m->sidebar)
        view_history(v, gui_cut_left(&r, v->narrow ? r.w : gui_px(g, 264)));
    if (m->panel != UI_PANEL_NONE && r.w > 0) {
        int      w     = gui_px(g, m->panel == UI_PANEL_BATCH ? 430 : 340);
        gui_rect panel = gui_cut_right(&r, v->narrow ? r.w : w);
        gui_fill(g, panel, g->theme->panel);
        gui_fill(g, gui_box(panel.x, panel.y, gui_px(g, (float)g->theme->line), panel.h), g->theme->border);
        if (m->panel == UI_PANEL_SETTINGS)
            view_settings(v, panel);
        else
            view_batch(v, panel);
    }
    v->toast_left  = r.w > gui_px(g, 60) ? r.x : 0;
    v->toast_right = r.w > gui_px(g, 60) ? r.x + r.w : g->width;
    v->toast_top   = 0;
    if (r.w > gui_px(g, 60))
        picture_and_chat(v, r);
    if (m->overlay != UI_OVERLAY_NONE) {
        g->enabled = true;
        view_overlay(v);
    }
    g->enabled = true;
    if (g->drawing)
        view_toasts(v);
    gui_draw_tip(g);
}

/* ---- keys that belong to no widget ---------------------------------------------------------------- */

static void tell_focus(view *v)
{
    const gui *g = &v->g;
    for (int i = 0; i < g->n_stops; i++)
        if (g->stop[i].id == g->focus &&
            (g->stop[i].area != (int)v->m->focus || g->stop[i].item != v->m->focus_item)) {
            (void)ui_act(
                v->m, &(ui_action){.type = UI_ACT_FOCUS, .index = g->stop[i].area, .value = g->stop[i].item},
                v->now);
            v->seen_focus = (int)v->m->focus;
            v->seen_item  = v->m->focus_item;
        }
}

/* The model moved the focus itself: find what stands for it. */
static void follow_focus(view *v)
{
    gui *g    = &v->g;
    int  area = (int)v->m->focus, item = v->m->focus_item, best = -1;
    bool lost = true;
    for (int i = 0; i < g->n_stops; i++)
        lost = lost && g->stop[i].id != g->focus;
    if (!lost && area == v->seen_focus && item == v->seen_item)
        return;
    for (int i = 0; i < g->n_stops; i++) {
        if (g->stop[i].area != area)
            continue;
        bool is_list = area == UI_FOCUS_CHAT || area == UI_FOCUS_STRIP || area == UI_FOCUS_HISTORY ||
                       area == UI_FOCUS_OVERLAY;
        if (g->stop[i].item == item || (best < 0 && !is_list))
            best = i;
        if (g->stop[i].item == item)
            break;
    }
    /* An empty list: write a path meanwhile. */
    for (int i = 0; i < g->n_stops && best < 0 && lost && area == UI_FOCUS_OVERLAY; i++)
        if (g->stop[i].item == VIEW_ITEM_PATH)
            gui_set_focus(g, g->stop[i].id, false);
    if (best < 0)
        return; /* not drawn yet: the next pass tries again */
    v->seen_focus = area;
    v->seen_item  = item;
    gui_set_focus(g, g->stop[best].id, true);
}

static void global_key(view *v)
{
    gui *g = &v->g;
    if (g->event.kind != GUI_EV_KEY)
        return;
    int      key  = g->event.key;
    unsigned mods = g->event.mods;
    if (!g->composing && key == UI_KEY_TAB && (mods & ~(unsigned)UI_MOD_SHIFT) == 0) {
        gui_move_focus(g, mods & UI_MOD_SHIFT ? -1 : 1);
        tell_focus(v);
        return;
    }
    if (!g->composing && key == 'c' && mods == UI_MOD_CTRL && v->selected.turn != CHAT_NONE) {
        view_copy_selection(v);
        return;
    }
    if (!g->composing && key == 'v' && mods == UI_MOD_CTRL) {
        view_push(v, &(view_op){.kind = VIEW_OP_PASTE});
        return;
    }
    if (key == UI_KEY_F11) {
        bool full = (SDL_GetWindowFlags(g->window) & SDL_WINDOW_FULLSCREEN_DESKTOP) != 0;
        (void)SDL_SetWindowFullscreen(g->window, full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
        return;
    }
    if (ui_key(v->m, key, mods, g->composing, v->now))
        g->focus_shown = true;
}

static void run_pass(view *v, bool drawing)
{
    gui_begin(&v->g, drawing, v->now);
    all_parts(v);
    gui_end(&v->g);
}

/* Letters typed anywhere go to the question, and what a path begins with; other signs and digits may be keys of the picture. */
static bool starts_word(const char *text)
{
    unsigned char c = (unsigned char)text[0];
    return c >= 0x80 || c == '/' || c == '~' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void view_event(view *v, const gui_event *ev, double now)
{
    gui *g = &v->g;
    v->now = now;
    if ((ev->kind == GUI_EV_KEY || ev->kind == GUI_EV_TEXT) &&
        ((int)v->m->focus != v->seen_focus || v->m->focus_item != v->seen_item)) {
        g->event.kind = GUI_EV_NONE; /* keys can be faster than frames: first where the keyboard is */
        run_pass(v, false);
        follow_focus(v);
    }
    g->event            = *ev;
    bool   text_before  = g->composing;
    gui_id focus_before = g->focus;
    g->composing        = false;
    run_pass(v, false);
    if (ev->kind == GUI_EV_KEY && text_before && !g->text_focused)
        g->composing = false;
    if (g->event.kind == GUI_EV_TEXT && v->m->overlay == UI_OVERLAY_NONE && starts_word(g->event.text)) {
        gui_set_focus(g, gui_make_id("field", UI_FIELD_INPUT), true);
        run_pass(v, false);
    }
    /* Before anything that moves the model's focus: what the model decides wins. */
    if (g->focus != focus_before)
        tell_focus(v);
    /* What was queued first, then the key: a text box's last letter is in before Enter sends it. */
    view_flush(v);
    global_key(v);
    view_flush(v);
    if (g->event.kind == GUI_EV_DOWN)
        v->selected.turn = CHAT_NONE;
    g->event.kind = GUI_EV_NONE;
    view_sync(v, now);
}

void view_sync(view *v, double now)
{
    const ui_model *m = v->m;
    gui            *g = &v->g;
    v->now            = now;
    g->theme          = gui_theme_get(m->settings.theme);
    float scale       = v->dpi_scale * v->user_scale * (float)m->settings.text_percent / 100.0f;
    gui_set_scale(g, scale < 0.4f ? 0.4f : scale > 8.0f ? 8.0f : scale);
    (void)SDL_GetRendererOutputSize(g->renderer, &g->width, &g->height);
    for (int i = 0; i < UI_FIELD_COUNT; i++)
        if (v->box[i].seen != m->text_revision[i]) {
            (void)gui_edit_set(&v->box[i].edit, m->text[i]);
            v->box[i].preedit[0] = '\0';
            v->box[i].seen       = m->text_revision[i];
        }
    if (v->chat_id != m->chat->id || v->selected.turn >= m->chat->n_turns)
        v->selected.turn = CHAT_NONE;
    v->chat_id = m->chat->id;
    if ((int)m->overlay != v->seen_overlay) {
        v->seen_overlay   = (int)m->overlay;
        v->overlay_scroll = v->part_scroll = (gui_scroll){0};
        v->seen_focus                      = -1;
    }
}

void view_draw(view *v, double now)
{
    view_sync(v, now);
    v->frame++;
    v->n_frames++;
    gui_text_trim(v->g.text);
    run_pass(v, true);
    view_flush(v);
    follow_focus(v);
    bool want = v->g.text_focused || v->m->overlay == UI_OVERLAY_NONE;
    if (want != (SDL_IsTextInputActive() == SDL_TRUE)) {
        if (want)
            SDL_StartTextInput();
        else
            SDL_StopTextInput();
    }
}

bool view_wants_frame(const view *v)
{
    return v->g.again;
}

/* ---- shared pieces -------------------------------------------------------------------------------- */

SDL_Texture *view_thumb_texture(view *v, mlmamba_image *image)
{
    view_thumb *oldest = &v->thumb[0];
    if (image == NULL)
        return NULL;
    for (int i = 0; i < VIEW_MAX_THUMBS; i++) {
        view_thumb *t = &v->thumb[i];
        if (t->image == image) {
            t->used = v->frame;
            return t->texture;
        }
        if (t->used < oldest->used)
            oldest = t;
    }
    free_thumb(oldest);
    int w = mlmamba_image_width(image), h = mlmamba_image_height(image);
    oldest->texture = SDL_CreateTexture(v->g.renderer, SDL_PIXELFORMAT_RGB24, SDL_TEXTUREACCESS_STATIC, w, h);
    if (oldest->texture == NULL)
        return NULL;
    (void)SDL_UpdateTexture(oldest->texture, NULL, mlmamba_image_rgb(image), w * 3);
    (void)SDL_SetTextureScaleMode(oldest->texture, SDL_ScaleModeLinear);
    oldest->image = mlmamba_image_share(image);
    oldest->used  = v->frame;
    return oldest->texture;
}

void view_draw_thumb(view *v, mlmamba_image *image, gui_rect r)
{
    gui *g = &v->g;
    if (!g->drawing || r.w < 1 || r.h < 1)
        return;
    SDL_Texture *t = view_thumb_texture(v, image);
    if (t == NULL) {
        gui_round(g, r, gui_px(g, 5), g->theme->raised);
        int size = r.h < r.w ? r.h / 2 : r.w / 2;
        gui_draw_icon(g, GUI_ICON_PICTURE, r.x + (r.w - size) / 2, r.y + (r.h - size) / 2, size,
                      g->theme->dim);
        return;
    }
    int    w = mlmamba_image_width(image), h = mlmamba_image_height(image);
    double zoom = fmin((double)r.w / w, (double)r.h / h);
    int    dw = (int)(w * zoom), dh = (int)(h * zoom);
    dw           = dw < 1 ? 1 : dw;
    dh           = dh < 1 ? 1 : dh;
    SDL_Rect dst = {r.x + (r.w - dw) / 2, r.y + (r.h - dh) / 2, dw, dh};
    (void)SDL_RenderCopy(g->renderer, t, NULL, &dst);
}

void view_size_text(char *dst, size_t cap, uint64_t bytes)
{
    double v = (double)bytes;
    if (bytes < 1000)
        (void)snprintf(dst, cap, "%d bytes", (int)bytes);
    else if (v < 1e6)
        (void)snprintf(dst, cap, "%.0f kB", v / 1e3);
    else if (v < 1e9)
        (void)snprintf(dst, cap, "%.1f MB", v / 1e6);
    else
        (void)snprintf(dst, cap, "%.2f GB", v / 1e9);
}
