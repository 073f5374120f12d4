/* view_composer.c: where the question is written: tasks, text box, send or stop; the model's state above it. */
#include "app/desktop/view.h"

#include <stdio.h>
#include <string.h>

enum { LINES = 6 };

static bool has_banner(const ui_model *m)
{
    return m->engine != UI_ENGINE_READY;
}

static bool has_note(const ui_model *m)
{
    return m->composer.edit_turn != CHAT_NONE || !chat_region_is_whole(m->composer.region);
}

static int text_width(const gui *g, int width)
{
    int most = gui_px(g, 760), w = width - 2 * gui_px(g, 16);
    return (w > most ? most : w) - 2 * gui_px(g, 14);
}

int view_composer_height(view *v, int width)
{
    gui *g = &v->g;
    int  w = text_width(g, width);
    int  h = gui_textbox_height(g, &v->box[UI_FIELD_INPUT], w > 8 ? w : 8, LINES) +
            gui_px(g, 12 + 6 + 34 + 8 + 16 + 4);
    if (has_banner(v->m))
        h += gui_px(g, 52);
    if (has_note(v->m))
        h += gui_px(g, 30);
    return h;
}

/* Loading, failed or no model: what goes on and what can be done. */
static void draw_banner(view *v, gui_rect r)
{
    gui            *g = &v->g;
    const ui_model *m = v->m;
    char            text[200];
    gui_card(g, r, gui_px(g, 8), g->theme->surface,
             m->engine == UI_ENGINE_FAILED ? g->theme->error : g->theme->border);
    r            = gui_inset(r, gui_px(g, 12), gui_px(g, 7));
    gui_button b = {.small = true, .area = UI_FOCUS_TOOLBAR};
    if (m->engine == UI_ENGINE_LOADING) {
        double part = m->load_total > 0 ? (double)m->load_done / (double)m->load_total : 0;
        b.label     = "Cancel";
        gui_rect at = gui_cut_right(&r, gui_button_width(g, &b));
        if (gui_button_do(g, gui_make_id("cancel load", 0), at, &b))
            view_act(v, UI_ACT_CANCEL_LOAD, 0);
        char done[32], all[32];
        view_size_text(done, sizeof done, m->load_done);
        view_size_text(all, sizeof all, m->load_total);
        (void)snprintf(text, sizeof text, "Loading the model: %s of %s", done, all);
        (void)gui_cut_right(&r, gui_px(g, 12));
        gui_rect bar = gui_cut_bottom(&r, gui_px(g, 6));
        gui_line(g, m->load_total > 0 ? text : "Loading the model ...", r, GUI_FONT_SMALL, g->theme->text);
        gui_progress(g, bar, part, g->theme->accent);
        return;
    }
    b.label     = "Choose a model";
    b.primary   = m->engine == UI_ENGINE_NONE;
    gui_rect at = gui_cut_right(&r, gui_button_width(g, &b));
    if (gui_button_do(g, gui_make_id("choose model", 0), at, &b))
        view_act(v, UI_ACT_MODELS, 0);
    (void)gui_cut_right(&r, gui_px(g, 12));
    bool failed = m->engine == UI_ENGINE_FAILED;
    if (failed)
        gui_draw_icon(g, GUI_ICON_WARN, r.x, r.y + (r.h - gui_px(g, 18)) / 2, gui_px(g, 18), g->theme->error);
    if (failed)
        (void)gui_cut_left(&r, gui_px(g, 26));
    gui_style   style = {.font = GUI_FONT_SMALL, .width = r.w > 8 ? r.w : 8, .lines = 2};
    const char *why   = failed && m->engine_error != NULL ? m->engine_error : "No model is loaded.";
    gui_para   *p     = gui_text_para(g->text, why, (size_t)-1, &style);
    if (g->drawing)
        gui_para_draw(g->text, p, r.x, r.y + (r.h - gui_para_height(p)) / 2,
                      failed ? g->theme->error : g->theme->text);
    if (gui_over(g, r) && gui_para_is_cut(p) && g->drawing) {
        g->tip      = why;
        g->tip_rect = r;
    }
}

/* "Editing a question", "About a part of the picture": each with a way out. */
static void draw_note(view *v, gui_rect r)
{
    gui            *g = &v->g;
    const ui_model *m = v->m;
    char            text[128], region[64];
    gui_button      b    = {.icon = GUI_ICON_CLOSE, .plain = true, .small = true, .area = UI_FOCUS_TOOLBAR};
    int             size = r.h;
    if (m->composer.edit_turn != CHAT_NONE) {
        b.tip = "Leave the question as it was";
        gui_draw_icon(g, GUI_ICON_EDIT, r.x, r.y + (r.h - gui_px(g, 16)) / 2, gui_px(g, 16),
                      g->theme->accent);
        (void)gui_cut_left(&r, gui_px(g, 22));
        gui_style   style = {.font = GUI_FONT_SMALL};
        const char *s     = "Editing: the old question and its answer stay as a branch";
        int         w     = gui_para_width(gui_text_para(g->text, s, (size_t)-1, &style)) + 1;
        gui_rect    at    = gui_cut_left(&r, w > r.w - size ? r.w - size : w);
        gui_line(g, s, at, GUI_FONT_SMALL, g->theme->text);
        if (gui_button_do(g, gui_make_id("cancel edit", 0), gui_cut_left(&r, size), &b))
            view_act(v, UI_ACT_CANCEL_EDIT, 0);
        (void)gui_cut_left(&r, gui_px(g, 10));
    }
    if (!chat_region_is_whole(m->composer.region) && r.w > gui_px(g, 60)) {
        ui_region_text(region, sizeof region, m->composer.region);
        (void)snprintf(text, sizeof text, "About %s", region);
        b.tip = "About the whole picture";
        gui_draw_icon(g, GUI_ICON_REGION, r.x, r.y + (r.h - gui_px(g, 16)) / 2, gui_px(g, 16),
                      g->theme->accent);
        (void)gui_cut_left(&r, gui_px(g, 22));
        gui_style style = {.font = GUI_FONT_SMALL};
        int       w     = gui_para_width(gui_text_para(g->text, text, (size_t)-1, &style)) + 1;
        gui_rect  at    = gui_cut_left(&r, w > r.w - size ? r.w - size : w);
        gui_line(g, text, at, GUI_FONT_SMALL, g->theme->text);
        if (gui_button_do(g, gui_make_id("clear region", 0), gui_cut_left(&r, size), &b))
            view_act(v, UI_ACT_CLEAR_REGION, 0);
    }
}

static void draw_tasks(view *v, gui_rect r)
{
    static const char *const label[MLMAMBA_TASK_COUNT] = {"Chat", "Caption", "Short answer", "True or false",
                                                          "Find"};
    static const char *const brief[MLMAMBA_TASK_COUNT] = {"Chat", "Caption", "Short", "T/F", "Find"};
    static const char *const tip[MLMAMBA_TASK_COUNT]   = {
          "Ask anything", "Describe the picture", "An answer of a word or two", "Is this statement true?",
          "Where is it? The answer is a box on the picture"};
    gui *g   = &v->g;
    int  gap = gui_px(g, 3), need = 0, width[MLMAMBA_TASK_COUNT], task = (int)v->m->composer.task;
    bool full = true;
    for (int pass = 0; pass < 2; pass++) {
        need = 0;
        for (int i = 0; i < MLMAMBA_TASK_COUNT; i++) {
            gui_button b = {.label = full ? label[i] : brief[i], .small = true};
            width[i]     = gui_button_width(g, &b) - (full ? 0 : gui_px(g, 6));
            need += width[i] + (i > 0 ? gap : 0);
        }
        if (need <= r.w)
            break;
        full = false;
    }
    bool alone = need > r.w; /* only the chosen one has room: a click takes the next */
    for (int i = 0; i < MLMAMBA_TASK_COUNT; i++) {
        bool       on = task == i;
        int        w  = alone ? r.w : width[i];
        gui_button b  = {.label  = full || alone ? label[i] : brief[i],
                         .small  = true,
                         .plain  = true,
                         .on     = on,
                         .tip    = alone ? "Another kind of question" : tip[i],
                         .area   = UI_FOCUS_TASKS,
                         .item   = i,
                         .no_tab = !on};
        if (w < 4 || (alone && !on))
            continue;
        if (gui_button_do(g, gui_make_id("task", i), gui_cut_left(&r, w), &b))
            view_act(v, UI_ACT_TASK, alone ? (i + 1) % MLMAMBA_TASK_COUNT : i);
        (void)gui_cut_left(&r, gap);
    }
}

static void draw_send(view *v, gui_rect r)
{
    gui            *g    = &v->g;
    const ui_model *m    = v->m;
    bool            busy = m->busy_turn != CHAT_NONE;
    gui_button b = {.icon = busy ? GUI_ICON_STOP : GUI_ICON_SEND, .primary = true, .area = UI_FOCUS_TOOLBAR};
    b.tip        = busy ? "Stop (Esc)" : "Send (Enter)";
    if (busy && m->stopping)
        b.off = true;
    if (!busy && !m->composer.can_send) {
        b.off = true;
        b.tip = m->composer.why_not;
    }
    if (gui_button_do(g, gui_make_id("send", 0), r, &b))
        view_act(v, busy ? UI_ACT_STOP : UI_ACT_SEND, 0);
}

void view_composer(view *v, gui_rect r)
{
    gui *g = &v->g;
    int  w = text_width(g, r.w) + 2 * gui_px(g, 14);
    r      = gui_box(r.x + (r.w - w) / 2, r.y, w, r.h);
    (void)gui_cut_bottom(&r, gui_px(g, 16));
    if (w < gui_px(g, 60))
        return;
    if (has_banner(v->m)) {
        draw_banner(v, gui_cut_top(&r, gui_px(g, 46)));
        (void)gui_cut_top(&r, gui_px(g, 6));
    }
    if (has_note(v->m))
        draw_note(v, gui_inset(gui_cut_top(&r, gui_px(g, 30)), gui_px(g, 6), gui_px(g, 3)));
    (void)gui_cut_top(&r, gui_px(g, 4));
    bool focused = g->focus == gui_make_id("field", UI_FIELD_INPUT);
    if (g->theme->line == 1)
        gui_shadow(g, r, gui_px(g, 14), gui_px(g, 10));
    gui_card(g, r, gui_px(g, 14), g->theme->surface, focused ? g->theme->accent : g->theme->edge);
    gui_rect in = gui_inset(r, gui_px(g, 14), 0);
    (void)gui_cut_top(&in, gui_px(g, 12));
    gui_rect foot = gui_cut_bottom(&in, gui_px(g, 34 + 8));
    foot.h -= gui_px(g, 8);
    gui_rect send = gui_cut_right(&foot, gui_px(g, 34));
    send.x += gui_px(g, 6);
    (void)gui_cut_bottom(&in, gui_px(g, 6));
    gui_box_style style = {.placeholder   = v->m->composer.placeholder,
                           .several_lines = true,
                           .bare          = true,
                           .area          = UI_FOCUS_INPUT};
    (void)view_field(v, UI_FIELD_INPUT, in, &style);
    foot.x -= gui_px(g, 6);
    foot = gui_inset(foot, 0, gui_px(g, 3));
    draw_tasks(v, foot);
    draw_send(v, send);
}
