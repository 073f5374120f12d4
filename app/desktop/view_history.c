/* view_history.c: the side bar: chats of all runs, search, rename, delete. */
#include "app/desktop/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* "14:03", "3 Nov", "3 Nov 2025" */
static void when_text(char *dst, size_t cap, double ms)
{
    time_t    then = (time_t)(ms / 1000), today = time(NULL);
    struct tm a, b;
    dst[0] = '\0';
    if (localtime_r(&then, &a) == NULL || localtime_r(&today, &b) == NULL)
        return;
    char   buf[48];
    size_t n;
    if (a.tm_year == b.tm_year && a.tm_yday == b.tm_yday)
        n = strftime(buf, sizeof buf, "%H:%M", &a);
    else if (a.tm_year == b.tm_year)
        n = strftime(buf, sizeof buf, "%e %b", &a);
    else
        n = strftime(buf, sizeof buf, "%e %b %Y", &a);
    if (n > 0)
        (void)snprintf(dst, cap, "%s", buf[0] == ' ' ? buf + 1 : buf);
}

static void row_buttons(view *v, const ui_chat_row *row, int i, gui_rect r)
{
    gui       *g    = &v->g;
    int        size = gui_px(g, 26);
    gui_button b    = {.icon   = GUI_ICON_TRASH,
                       .tip    = "Delete (can be undone)",
                       .plain  = true,
                       .small  = true,
                       .area   = UI_FOCUS_HISTORY,
                       .item   = i,
                       .no_tab = true};
    gui_rect   at   = gui_box(r.x + r.w - size - gui_px(g, 6), r.y + (r.h - size) / 2, size, size);
    gui_round(
        g,
        gui_box(at.x - size - gui_px(g, 6), r.y + gui_px(g, 4), 2 * size + gui_px(g, 8), r.h - gui_px(g, 8)),
        gui_px(g, 6), g->theme->raised);
    if (gui_button_do(g, gui_make_id("delete chat", (int)row->id), at, &b))
        view_act_id(v, UI_ACT_DELETE_CHAT, row->id);
    b.icon = GUI_ICON_EDIT;
    b.tip  = "Rename";
    at.x -= size + gui_px(g, 2);
    if (gui_button_do(g, gui_make_id("rename chat", (int)row->id), at, &b))
        view_act_id(v, UI_ACT_RENAME_CHAT, row->id);
}

static void draw_row(view *v, int i, gui_rect r)
{
    gui               *g    = &v->g;
    const ui_chat_row *row  = &v->m->row[i];
    bool               over = gui_over(g, r), mine = v->m->focus == UI_FOCUS_HISTORY && v->m->focus_item == i;
    if (over && !g->drawing)
        row_buttons(v, row, i, r);
    if (gui_row_do(g, gui_make_id("history", (int)row->id), r, row->id == v->m->chat->id && row->id != 0,
                   UI_FOCUS_HISTORY, i, i == 0 || mine)) {
        view_act_id(v, UI_ACT_OPEN_CHAT, row->id);
        if (v->narrow)
            view_act(v, UI_ACT_SIDEBAR, 0);
    }
    if (!g->drawing)
        return;
    gui_rect in = gui_inset(r, gui_px(g, 8), gui_px(g, 7));
    view_draw_thumb(v, row->thumb, gui_cut_left(&in, gui_px(g, 46)));
    (void)gui_cut_left(&in, gui_px(g, 10));
    char when[48], text[96];
    when_text(when, sizeof when, row->updated_ms);
    (void)snprintf(text, sizeof text, "%s  %d question%s", when, row->n_turns, row->n_turns == 1 ? "" : "s");
    const char *title = row->title != NULL && row->title[0] != '\0' ? row->title : "Untitled";
    gui_style   style = {.font = GUI_FONT_BODY, .width = in.w > 8 ? in.w : 8, .lines = 2};
    gui_para   *head  = gui_text_para(g->text, title, (size_t)-1, &style);
    int         h = gui_para_height(head), small = gui_px(g, 18);
    (void)gui_cut_top(&in, (in.h - h - small) / 2);
    gui_para_draw(g->text, head, in.x, in.y, g->theme->text);
    in = gui_box(in.x, in.y + h, in.w, small);
    gui_line(g, row->found != NULL ? row->found : text, in, GUI_FONT_SMALL, g->theme->dim);
    if (over)
        row_buttons(v, row, i, r);
}

void view_history(view *v, gui_rect r)
{
    gui            *g = &v->g;
    const ui_model *m = v->m;
    gui_fill(g, r, g->theme->panel);
    gui_fill(g, gui_box(r.x + r.w - 1, r.y, gui_px(g, (float)g->theme->line), r.h), g->theme->border);
    gui_rect in  = gui_inset(r, gui_px(g, 10), 0);
    gui_rect top = gui_cut_top(&in, gui_px(g, 48));
    gui_line(g, "History", gui_inset(top, gui_px(g, 6), 0), GUI_FONT_HEAD, g->theme->text);
    gui_box_style style = {
        .placeholder = "Search all chats", .icon = GUI_ICON_SEARCH, .area = UI_FOCUS_SEARCH};
    (void)view_field(v, UI_FIELD_SEARCH, gui_cut_top(&in, gui_px(g, 34)), &style);
    (void)gui_cut_top(&in, gui_px(g, 10));
    if (m->history_note != NULL && m->history_note[0] != '\0') {
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = in.w};
        int       h    = gui_label(g, m->history_note, in.x, in.y, &wrap, g->theme->warn);
        (void)gui_cut_top(&in, h + gui_px(g, 8));
    }
    if (m->n_rows == 0) {
        const char *none = m->text[UI_FIELD_SEARCH][0] != '\0'
                               ? "Nothing found."
                               : "Chats appear here once you have asked something.";
        gui_style   wrap = {.font = GUI_FONT_SMALL, .width = in.w - gui_px(g, 12)};
        (void)gui_label(g, none, in.x + gui_px(g, 6), in.y, &wrap, g->theme->dim);
        return;
    }
    int         step = gui_px(g, 74);
    gui_scroll *s    = &v->history_scroll;
    gui_id      id   = gui_make_id("history scroll", 0);
    s->content       = m->n_rows * step;
    gui_scroll_begin(g, s, id, in);
    if (m->focus == UI_FOCUS_HISTORY && v->seen_focus != UI_FOCUS_HISTORY)
        gui_scroll_to(s, m->focus_item * step, step);
    int first = s->offset / step, last = (s->offset + in.h) / step + 1;
    for (int i = first; i < m->n_rows && i <= last; i++)
        draw_row(v, i, gui_box(in.x, in.y + i * step - s->offset, in.w - gui_px(g, 8), step - gui_px(g, 4)));
    gui_scroll_end(g, s, id, in, s->content);
}
