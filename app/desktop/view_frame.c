/* view_frame.c: what surrounds everything: the rail at the left, the status line, the toasts. */
#include "app/desktop/view.h"

#include <stdio.h>
#include <string.h>

typedef struct rail_item {
    gui_icon       icon;
    const char    *tip;
    ui_action_type act;
    int            index;
} rail_item;

static bool is_on(const ui_model *m, const rail_item *it)
{
    if (it->act == UI_ACT_SIDEBAR)
        return m->sidebar;
    if (it->act == UI_ACT_PANEL)
        return (int)m->panel == it->index;
    if (it->act == UI_ACT_MODELS)
        return m->overlay == UI_OVERLAY_MODELS;
    return it->act == UI_ACT_OVERLAY && (int)m->overlay == it->index;
}

static void rail_button(view *v, const rail_item *it, int item, gui_rect r)
{
    gui_button b = {.icon  = it->icon,
                    .tip   = it->tip,
                    .plain = true,
                    .on    = is_on(v->m, it),
                    .area  = UI_FOCUS_TOOLBAR,
                    .item  = item};
    if (gui_button_do(&v->g, gui_make_id("rail", item), r, &b))
        view_act(v, it->act, it->index);
}

void view_rail(view *v, gui_rect r)
{
    static const rail_item top[] = {
        {GUI_ICON_PLUS, "New chat (Ctrl+N)", UI_ACT_NEW_CHAT, 0},
        {GUI_ICON_OPEN, "Open pictures (Ctrl+O)", UI_ACT_OPEN_PICTURES, 0},
        {GUI_ICON_FOLDER, "Open a folder of pictures (Ctrl+Alt+O)", UI_ACT_OPEN_FOLDER, 0},
        {GUI_ICON_HISTORY, "History (Ctrl+B)", UI_ACT_SIDEBAR, 0},
        {GUI_ICON_EXPORT, "Export this chat (Ctrl+S)", UI_ACT_EXPORT, 0},
        {GUI_ICON_BATCH, "Many pictures, one question (Ctrl+Shift+B)", UI_ACT_PANEL, UI_PANEL_BATCH},
    };
    static const rail_item low[] = {
        {GUI_ICON_HELP, "Shortcuts (F1)", UI_ACT_OVERLAY, UI_OVERLAY_HELP},
        {GUI_ICON_SETTINGS, "Settings (Ctrl+,)", UI_ACT_PANEL, UI_PANEL_SETTINGS},
        {GUI_ICON_MODEL, "Models (Ctrl+M)", UI_ACT_MODELS, 0},
    };
    gui *g   = &v->g;
    int size = gui_px(g, 38), x = r.x + (r.w - size) / 2, y = r.y + gui_px(g, 10), step = size + gui_px(g, 5);
    gui_fill(g, r, g->theme->panel);
    gui_fill(g, gui_box(r.x + r.w - 1, r.y, gui_px(g, (float)g->theme->line), r.h), g->theme->border);
    int bottom = r.y + r.h - gui_px(g, 10), n_low = 3, item = 0;
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++, item++) {
        if (top[i].act == UI_ACT_PANEL && !v->m->batch.available)
            continue;
        if (y + size > bottom - n_low * step)
            break;
        rail_button(v, &top[i], item, gui_box(x, y, size, size));
        y += step;
    }
    for (int i = 0; i < n_low && bottom - size >= r.y; i++) {
        rail_button(v, &low[i], 10 + i, gui_box(x, bottom - size, size, size));
        bottom -= step;
    }
}

/* ---- status line ---------------------------------------------------------------------------------- */

static void status_part(view *v, gui_rect *r, const char *text, bool right)
{
    gui *g = &v->g;
    if (text[0] == '\0' || r->w < gui_px(g, 30))
        return;
    gui_style style = {.font = GUI_FONT_SMALL};
    int       w = gui_para_width(gui_text_para(g->text, text, (size_t)-1, &style)) + 1, gap = gui_px(g, 16);
    if (w > r->w)
        w = r->w;
    gui_rect at = right ? gui_cut_right(r, w) : gui_cut_left(r, w);
    gui_line(g, text, at, GUI_FONT_SMALL, g->theme->dim);
    (void)(right ? gui_cut_right(r, gap) : gui_cut_left(r, gap));
}

void view_status(view *v, gui_rect r)
{
    gui             *g = &v->g;
    const ui_status *s = &v->m->status;
    gui_fill(g, r, g->theme->panel);
    gui_fill(g, gui_box(r.x, r.y, r.w, gui_px(g, (float)g->theme->line)), g->theme->border);
    r = gui_inset(r, gui_px(g, 14), 0);
    status_part(v, &r, s->model, false);
    status_part(v, &r, s->device, false);
    status_part(v, &r, s->memory, false);
    status_part(v, &r, s->finish, true);
    status_part(v, &r, s->speed, true);
    status_part(v, &r, s->first_token, true);
    status_part(v, &r, s->encode, true);
    status_part(v, &r, s->reuse, true);
    status_part(v, &r, s->context, true);
}

/* ---- toasts --------------------------------------------------------------------------------------- */

static int draw_toast(view *v, const ui_toast *t, int right, int top, int w)
{
    gui             *g   = &v->g;
    const gui_theme *c   = g->theme;
    int              pad = gui_px(g, 12), icon = gui_px(g, 20), close = gui_px(g, 26);
    if (w < gui_px(g, 80))
        return 0;
    gui_button undo   = {.label = "Undo", .small = true, .area = UI_FOCUS_TOOLBAR};
    int        undo_w = t->has_undo ? gui_button_width(g, &undo) + gui_px(g, 8) : 0;
    int        text_w = w - 2 * pad - icon - gui_px(g, 10) - close - undo_w;
    int        lines  = g->height < gui_px(g, 300) ? 3 : 6;
    gui_style  style  = {.font = GUI_FONT_BODY, .width = text_w > 8 ? text_w : 8, .lines = lines};
    gui_para  *p      = gui_text_para(g->text, t->text, (size_t)-1, &style);
    int        h      = gui_para_height(p) + 2 * pad;
    gui_rect   r      = gui_box(right - w, top, w, h);
    gui_color  ink = t->kind == UI_TOAST_ERROR ? c->error : t->kind == UI_TOAST_WARNING ? c->warn : c->accent;
    gui_shadow(g, r, gui_px(g, 10), gui_px(g, 14));
    gui_card(g, r, gui_px(g, 10), c->surface, t->kind == UI_TOAST_INFO ? c->edge : ink);
    gui_draw_icon(g, t->kind == UI_TOAST_INFO ? GUI_ICON_CHECK : GUI_ICON_WARN, r.x + pad, r.y + pad, icon,
                  ink);
    if (g->drawing)
        gui_para_draw(g->text, p, r.x + pad + icon + gui_px(g, 10), r.y + pad, c->text);
    gui_button x = {
        .icon = GUI_ICON_CLOSE, .plain = true, .small = true, .tip = "Dismiss", .area = UI_FOCUS_TOOLBAR};
    gui_rect at = gui_box(r.x + r.w - pad / 2 - close, r.y + pad - gui_px(g, 3), close, close);
    if (gui_button_do(g, gui_make_id("dismiss", t->id), at, &x))
        view_act(v, UI_ACT_DISMISS, t->id);
    if (t->has_undo && gui_button_do(g, gui_make_id("undo", t->id),
                                     gui_box(at.x - undo_w, r.y + pad - gui_px(g, 4), undo_w - gui_px(g, 8),
                                             close + gui_px(g, 2)),
                                     &undo))
        view_act(v, UI_ACT_UNDO, 0);
    (void)gui_pressed_in(g, r); /* nothing falls through */
    return h + gui_px(g, 10);
}

void view_toasts(view *v)
{
    gui *g   = &v->g;
    int  top = v->toast_top + gui_px(g, 14), right = v->toast_right - gui_px(g, 16);
    int  gap = gui_px(g, 12), wide = gui_px(g, 400), room = right - v->toast_left - gap;
    if (v->m->overlay != UI_OVERLAY_NONE) { /* a sheet is in the middle */
        right = room = g->width - gap;
        top          = gui_px(g, 14);
    }
    if (room < gui_px(g, 280)) { /* then over what is beside it too */
        right = right < wide + gap ? wide + gap : right;
        right = right > g->width - gap ? g->width - gap : right;
        room  = right - gap;
    }
    /* The newest in any window; the others where they do not lie on the question. */
    int n = v->m->n_toasts;
    for (int i = n - 1; i >= 0 && (i == n - 1 || top < g->height - gui_px(g, 200)); i--)
        top += draw_toast(v, &v->m->toast[i], right, top, room < wide ? room : wide);
}
