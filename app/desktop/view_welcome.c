/* view_welcome.c: the first page: what this is, three pictures with questions to click, what the model can do. */
#include "app/desktop/view.h"

#include <string.h>

static int draw_sample(view *v, int i, gui_rect r)
{
    gui             *g   = &v->g;
    const ui_sample *s   = &v->m->sample[i];
    int              pad = gui_px(g, 12), side = r.w - 2 * pad, y, h = gui_px(g, 34);
    int              most = gui_px(g, 160);
    int              pic  = side > most ? most : side;
    int              n    = 0;
    while (n < 4 && s->question[n] != NULL)
        n++;
    int all = pad + pic + pad + n * (h + gui_px(g, 6)) + pad - gui_px(g, 6);
    r.h     = all;
    gui_card(g, r, gui_px(g, 12), g->theme->surface, g->theme->border);
    gui_rect   at = gui_box(r.x + (r.w - pic) / 2, r.y + pad, pic, pic);
    gui_id     id = gui_make_id("sample", i);
    gui_button b  = {
         .label = "", .plain = true, .tip = "Open this picture", .area = UI_FOCUS_CHAT, .item = i * 10};
    if (gui_button_do(g, id, at, &b))
        view_act(v, UI_ACT_SAMPLE, i);
    view_draw_thumb(v, s->thumb, at);
    gui_focus_ring(g, id, at, gui_px(g, 4));
    y = at.y + pic + pad;
    for (int k = 0; k < n; k++) {
        gui_button q = {.label = s->question[k],
                        .small = true,
                        .left  = true,
                        .area  = UI_FOCUS_CHAT,
                        .item  = i * 10 + k + 1};
        if (gui_button_width(g, &q) > side) /* only what is cut */
            q.tip = s->question[k];
        if (gui_button_do(g, gui_make_id("sample question", i * 10 + k), gui_box(r.x + pad, y, side, h),
                          &q)) {
            view_act(v, UI_ACT_SAMPLE, i);
            view_act_text(v, UI_ACT_ASK, 0, s->question[k]);
        }
        y += h + gui_px(g, 6);
    }
    return all;
}

static int centered(view *v, const char *s, int x, int y, int width, gui_font font, gui_color c)
{
    gui_style style = {.font = font, .width = width, .centered = true};
    return gui_label(&v->g, s, x, y, &style, c);
}

static int draw_cards(view *v, int x, int y, int width)
{
    gui *g = &v->g;
    int  n = v->m->n_samples, gap = gui_px(g, 14), least = gui_px(g, 180);
    int  col = n > 0 ? (width - gap * (n - 1)) / n : 0, tallest = 0, top = y;
    if (n == 0)
        return 0;
    if (col < least) {
        for (int i = 0; i < n; i++)
            y += draw_sample(v, i, gui_box(x, y, width, 0)) + gap;
        return y - top;
    }
    for (int i = 0; i < n; i++) {
        int h   = draw_sample(v, i, gui_box(x + i * (col + gap), y, col, 0));
        tallest = h > tallest ? h : tallest;
    }
    return tallest + gap;
}

static int draw_open(view *v, int x, int y, int width)
{
    gui       *g    = &v->g;
    gui_button open = {.label   = "Open a picture",
                       .icon    = GUI_ICON_OPEN,
                       .primary = true,
                       .area    = UI_FOCUS_TOOLBAR,
                       .item    = 30};
    int        w = gui_button_width(g, &open), h = gui_px(g, 40);
    if (gui_button_do(g, gui_make_id("welcome open", 0),
                      gui_box(x + (width - w) / 2, y, w < width ? w : width, h), &open))
        view_act(v, UI_ACT_OPEN_PICTURES, 0);
    return h;
}

void view_welcome(view *v, gui_rect r)
{
    gui            *g    = &v->g;
    const ui_model *m    = v->m;
    gui_scroll     *s    = &v->welcome_scroll;
    gui_id          id   = gui_make_id("welcome scroll", 0);
    int             most = gui_px(g, 760), width = r.w - 2 * gui_px(g, 24);
    width = width > most ? most : width;
    if (width < gui_px(g, 60) || r.h < 1)
        return;
    int spare = s->content > 0 && s->content < r.h ? (r.h - s->content) / 2 : 0;
    gui_scroll_begin(g, s, id, r);
    int x = r.x + (r.w - width) / 2, top = r.y - s->offset + spare, y = top + gui_px(g, 22);
    y += centered(v, "Ask a picture a question", x, y, width, GUI_FONT_TITLE, g->theme->text) + gui_px(g, 8);
    y += centered(v, "Drop a picture anywhere on this window. Everything stays on this machine.", x, y, width,
                  GUI_FONT_BODY, g->theme->dim) +
         gui_px(g, 18);
    y += draw_open(v, x, y, width) + gui_px(g, 26);
    if (m->n_samples > 0)
        y += centered(v, "Or try one of these", x, y, width, GUI_FONT_SMALL, g->theme->dim) + gui_px(g, 10);
    y += draw_cards(v, x, y, width) + gui_px(g, 8);
    bool loading = m->engine == UI_ENGINE_LOADING; /* its place is kept: nothing moves under the mouse */
    if (loading || (m->engine == UI_ENGINE_READY && m->facts.description[0] != '\0')) {
        gui_rect  card = gui_box(x, y, width, 0);
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = width - gui_px(g, 32 + 26)};
        gui_para *p    = gui_text_para(
               g->text, loading ? "Getting ready. You can open a picture and ask now.\n " : m->facts.description,
               (size_t)-1, &wrap);
        gui_style bold = {.font = GUI_FONT_BOLD, .width = wrap.width, .lines = 1};
        gui_para *q =
            gui_text_para(g->text, loading ? "Loading the model" : m->facts.model_name, (size_t)-1, &bold);
        card.h = gui_para_height(p) + gui_para_height(q) + gui_px(g, 28);
        gui_card(g, card, gui_px(g, 10), g->theme->panel, g->theme->border);
        gui_draw_icon(g, GUI_ICON_MODEL, card.x + gui_px(g, 14), card.y + gui_px(g, 12), gui_px(g, 20),
                      g->theme->dim);
        if (g->drawing) {
            gui_para_draw(g->text, q, card.x + gui_px(g, 42), card.y + gui_px(g, 11), g->theme->text);
            gui_para_draw(g->text, p, card.x + gui_px(g, 42), card.y + gui_px(g, 14) + gui_para_height(q),
                          g->theme->dim);
        }
        y += card.h;
    }
    y += gui_px(g, 12);
    gui_scroll_end(g, s, id, r, y - top);
}
