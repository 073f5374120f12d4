/* view_settings.c: the settings panel, made from the table of settings.h. */
#include "app/desktop/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_number(view *v, ui_setting which, double number)
{
    view_push(v, &(view_op){.action = {.type = UI_ACT_SET, .index = (int)which, .number = number}});
}

/* Buttons beside each other, as many rows as they need; returns the height. */
static int choices(view *v, const char *name, int index, const char *const *label, int n, int chosen, int x,
                   int y, int width, int *picked)
{
    gui *g = &v->g;
    int  h = gui_px(g, 30), gap = gui_px(g, 5), at = x, top = y;
    for (int i = 0; i < n; i++) {
        gui_button b = {
            .label = label[i], .small = true, .on = i == chosen, .area = UI_FOCUS_PANEL, .item = index};
        int w = gui_button_width(g, &b);
        w     = w > width ? width : w;
        if (at + w > x + width && at > x) {
            at = x;
            y += h + gap;
        }
        if (gui_button_do(g, gui_make_id(name, index * 64 + i), gui_box(at, y, w, h), &b))
            *picked = i;
        at += w + gap;
    }
    return y + h - top;
}

static bool is_typed(const ui_setting_info *info, ui_setting which)
{
    return info->kind == UI_KIND_TEXT || which == UI_SET_SEED ||
           (info->kind == UI_KIND_INT && (info->max - info->min) / (info->step > 0 ? info->step : 1) > 400);
}

static int typed(view *v, ui_setting which, const ui_setting_info *info, int x, int y, int width)
{
    gui         *g  = &v->g;
    gui_textbox *b  = &v->number[which];
    gui_id       id = gui_make_id("setting", (int)which);
    char         now[64];
    const char  *value = settings_text(&v->m->settings, which);
    if (info->kind != UI_KIND_TEXT) {
        double d = settings_number(&v->m->settings, which);
        (void)snprintf(now, sizeof now, "%.0f", d);
        value = now;
    }
    if (g->focus != id && strcmp(gui_edit_text(&b->edit), value) != 0)
        (void)gui_edit_set(&b->edit, value);
    gui_box_style style = {.area = UI_FOCUS_PANEL, .item = (int)which};
    int           h     = gui_px(g, 32);
    if (gui_textbox_do(g, id, gui_box(x, y, width, h), b, &style)) {
        const char *text = gui_edit_text(&b->edit);
        char       *end  = NULL;
        double      d    = strtod(text, &end);
        if (info->kind == UI_KIND_TEXT)
            view_push(v, &(view_op){.action = {.type = UI_ACT_SET, .index = (int)which, .text = text}});
        else if (end != text && *end == '\0' && d >= info->min && d <= info->max)
            set_number(v, which, d);
    }
    if (info->kind == UI_KIND_TEXT && info->choice != NULL) {
        int n = 0, picked = -1, chosen = -1;
        for (; info->choice[n] != NULL; n++)
            if (strcmp(info->choice[n], value) == 0)
                chosen = n;
        h += gui_px(g, 5);
        h += choices(v, "suggest", (int)which, info->choice, n, chosen, x, y + h, width, &picked);
        if (picked >= 0)
            view_push(v,
                      &(view_op){
                          .action = {.type = UI_ACT_SET, .index = (int)which, .text = info->choice[picked]}});
    }
    return h;
}

/* One setting: name and value, how to change it, a line of help. */
static int draw_setting(view *v, ui_setting which, int x, int y, int width)
{
    gui                   *g    = &v->g;
    const ui_setting_info *info = settings_info(which);
    int                    top = y, line = gui_px(g, 26);
    double                 value = settings_number(&v->m->settings, which);
    char                   shown[96];
    if (info->kind == UI_KIND_BOOL) {
        if (gui_switch_do(g, gui_make_id("setting", (int)which), gui_box(x, y, width, line), info->label,
                          value > 0.5, UI_FOCUS_PANEL, (int)which))
            set_number(v, which, value > 0.5 ? 0 : 1);
        y += line;
    } else {
        settings_show(shown, sizeof shown, &v->m->settings, which);
        bool      is_text = is_typed(info, which) || info->kind == UI_KIND_CHOICE;
        gui_style small   = {.font = GUI_FONT_SMALL};
        int       w = is_text ? 0 : gui_para_width(gui_text_para(g->text, shown, (size_t)-1, &small)) + 1;
        gui_line(g, info->label, gui_box(x, y, width - w - gui_px(g, 8), line), GUI_FONT_BODY,
                 g->theme->text);
        if (w > 0)
            gui_line(g, shown, gui_box(x + width - w, y, w, line), GUI_FONT_SMALL, g->theme->dim);
        y += line;
        if (info->kind == UI_KIND_CHOICE) {
            int n = 0, picked = -1;
            while (info->choice[n] != NULL)
                n++;
            y += choices(v, "choice", (int)which, info->choice, n, (int)value, x, y, width, &picked);
            if (picked >= 0)
                set_number(v, which, picked);
        } else if (is_typed(info, which)) {
            y += typed(v, which, info, x, y, width);
        } else {
            double d = value;
            if (gui_slider_do(g, gui_make_id("setting", (int)which), gui_box(x, y, width, gui_px(g, 22)), &d,
                              info->min, info->max, info->step, UI_FOCUS_PANEL))
                set_number(v, which, d);
            y += gui_px(g, 22);
        }
    }
    if (info->help != NULL && info->help[0] != '\0') {
        char      help[256];
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = width};
        (void)snprintf(help, sizeof help, "%s%s", info->help,
                       info->needs_reload ? " Takes effect when a model is loaded." : "");
        y += gui_px(g, 3) + gui_label(g, help, x, y + gui_px(g, 3), &wrap, g->theme->dim);
    }
    return y + gui_px(g, 18) - top;
}

static int heading(view *v, const char *s, int x, int y)
{
    return gui_label(&v->g, s, x, y, &(gui_style){.font = GUI_FONT_SMALL}, v->g.theme->accent) +
           gui_px(&v->g, 8);
}

static int draw_presets(view *v, int x, int y, int width)
{
    enum { MOST = 12 };
    int              n = 0, picked = -1, top = y, now = settings_current_preset(&v->m->settings);
    const ui_preset *preset = settings_presets(&n);
    const char      *label[MOST];
    n = n > MOST ? MOST : n;
    for (int i = 0; i < n; i++)
        label[i] = preset[i].name;
    y += choices(v, "preset", 0, label, n, now, x, y, width, &picked);
    if (picked >= 0)
        view_act(v, UI_ACT_PRESET, picked);
    if (now >= 0 && now < n) {
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = width};
        y += gui_px(&v->g, 5);
        y += gui_label(&v->g, preset[now].help, x, y, &wrap, v->g.theme->dim);
    }
    return y + gui_px(&v->g, 18) - top;
}

/* A panel's head: title and a way to close it. */
static gui_rect panel_head(view *v, gui_rect *r, const char *title, ui_panel panel)
{
    gui       *g    = &v->g;
    gui_rect   head = gui_inset(gui_cut_top(r, gui_px(g, 48)), gui_px(g, 16), 0);
    gui_button b    = {.icon = GUI_ICON_CLOSE, .plain = true, .tip = "Close", .area = UI_FOCUS_PANEL};
    int        size = gui_px(g, 30);
    gui_rect   at   = gui_cut_right(&head, size);
    if (gui_button_do(g, gui_make_id("close panel", (int)panel),
                      gui_box(at.x + gui_px(g, 6), at.y + (at.h - size) / 2, size, size), &b))
        view_act(v, UI_ACT_PANEL, (int)panel);
    gui_line(g, title, head, GUI_FONT_HEAD, g->theme->text);
    return head;
}

void view_settings(view *v, gui_rect r)
{
    static const struct {
        const char *title;
        ui_setting  first, last;
    } part[]       = {{"Answers", UI_SET_TEMPERATURE, UI_SET_MAX_TOKENS},
                      {"Picture and model", UI_SET_FIT, UI_SET_KEPT_MB},
                      {"Window", UI_SET_THEME, UI_SET_KEEP_HISTORY}};
    gui        *g  = &v->g;
    gui_scroll *s  = &v->panel_scroll;
    gui_id      id = gui_make_id("settings scroll", 0);
    (void)panel_head(v, &r, "Settings", UI_PANEL_SETTINGS);
    int width = r.w - 2 * gui_px(g, 18), x = r.x + gui_px(g, 18);
    if (width < gui_px(g, 60))
        return;
    gui_scroll_begin(g, s, id, r);
    int top = r.y - s->offset, y = top + gui_px(g, 4);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        y += heading(v, part[i].title, x, y);
        if (i == 0)
            y += draw_presets(v, x, y, width);
        for (int k = (int)part[i].first; k <= (int)part[i].last; k++)
            y += draw_setting(v, (ui_setting)k, x, y, width);
        y += gui_px(g, 6);
    }
    gui_button b = {
        .label = "Back to the defaults", .icon = GUI_ICON_RETRY, .small = true, .area = UI_FOCUS_PANEL};
    if (gui_button_do(g, gui_make_id("reset", 0), gui_box(x, y, gui_button_width(g, &b), gui_px(g, 32)), &b))
        view_act(v, UI_ACT_RESET, 0);
    y += gui_px(g, 32 + 20);
    gui_scroll_end(g, s, id, r, y - top);
}

/* ---- many pictures -------------------------------------------------------------------------------- */

static void batch_rows(view *v, gui_rect r)
{
    gui            *g    = &v->g;
    const ui_batch *b    = &v->m->batch;
    gui_scroll     *s    = &v->rows_scroll;
    gui_id          id   = gui_make_id("batch scroll", 0);
    int             step = gui_px(g, 52);
    s->content           = b->n_rows * step;
    gui_scroll_begin(g, s, id, r);
    for (int i = s->offset / step; i < b->n_rows && i <= (s->offset + r.h) / step; i++) {
        const ui_batch_row *row = &b->row[b->n_rows - 1 - i]; /* newest first */
        gui_rect at = gui_box(r.x, r.y + i * step - s->offset, r.w - gui_px(g, 8), step - gui_px(g, 4));
        if (gui_row_do(g, gui_make_id("batch row", i), at, false, UI_FOCUS_PANEL, i, i == 0))
            view_act(v, UI_ACT_BATCH_OPEN, b->n_rows - 1 - i);
        gui_rect    in   = gui_inset(at, gui_px(g, 8), gui_px(g, 4));
        const char *name = strrchr(row->image, '/') != NULL ? strrchr(row->image, '/') + 1 : row->image;
        gui_line(g, name, gui_cut_top(&in, in.h / 2), GUI_FONT_SMALL, g->theme->dim);
        gui_line(g, row->error != NULL ? row->error : row->answer, in, GUI_FONT_BODY,
                 row->error != NULL ? g->theme->error : g->theme->text);
    }
    gui_scroll_end(g, s, id, r, s->content);
}

static void batch_progress(view *v, gui_rect *r)
{
    gui            *g = &v->g;
    const ui_batch *b = &v->m->batch;
    char            text[200], eta[64] = "";
    if (b->state == UI_BATCH_IDLE)
        return;
    if (b->eta_s >= 0 && b->state == UI_BATCH_RUNNING)
        (void)snprintf(eta, sizeof eta, b->eta_s < 90 ? ", %.0f s left" : ", %.0f min left",
                       b->eta_s < 90 ? b->eta_s : b->eta_s / 60);
    const char *state    = b->state == UI_BATCH_RUNNING    ? ""
                           : b->state == UI_BATCH_STOPPING ? "Stopping: "
                           : b->state == UI_BATCH_DONE     ? "Done: "
                           : b->state == UI_BATCH_STOPPED  ? "Stopped, can be resumed: "
                                                           : "Failed: ";
    char        rate[48] = "";
    if (b->rate > 0)
        (void)snprintf(rate, sizeof rate, ", %.1f a second", b->rate);
    (void)snprintf(text, sizeof text, "%s%lld of %lld, %lld error%s%s%s", state, (long long)b->n_done,
                   (long long)b->n_total, (long long)b->n_errors, b->n_errors == 1 ? "" : "s", rate, eta);
    gui_progress(g, gui_cut_top(r, gui_px(g, 8)), b->n_total > 0 ? (double)b->n_done / (double)b->n_total : 0,
                 b->n_errors > 0 ? g->theme->warn : g->theme->accent);
    (void)gui_cut_top(r, gui_px(g, 4));
    gui_line(g, text, gui_cut_top(r, gui_px(g, 22)), GUI_FONT_SMALL, g->theme->text);
    if (b->error != NULL) {
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = r->w, .lines = 4};
        (void)gui_cut_top(r, gui_label(g, b->error, r->x, r->y, &wrap, g->theme->error) + gui_px(g, 4));
    }
    (void)gui_cut_top(r, gui_px(g, 6));
}

static bool button_row(view *v, gui_rect *row, const char *name, gui_button b)
{
    b.area      = UI_FOCUS_PANEL;
    gui_rect at = gui_cut_left(row, gui_button_width(&v->g, &b));
    (void)gui_cut_left(row, gui_px(&v->g, 6));
    return gui_button_do(&v->g, gui_make_id(name, 0), at, &b);
}

void view_batch(view *v, gui_rect r)
{
    gui            *g    = &v->g;
    const ui_batch *b    = &v->m->batch;
    bool            runs = b->state == UI_BATCH_RUNNING || b->state == UI_BATCH_STOPPING;
    (void)panel_head(v, &r, "Many pictures", UI_PANEL_BATCH);
    r = gui_inset(r, gui_px(g, 18), 0);
    if (r.w < gui_px(g, 80))
        return;
    int           line = gui_px(g, 34), gap = gui_px(g, 8);
    gui_box_style source   = {.placeholder = "Folder of pictures, or a question file",
                              .icon        = GUI_ICON_FOLDER,
                              .area        = UI_FOCUS_PANEL,
                              .item        = UI_ITEM_BATCH_SOURCE};
    gui_box_style question = {.placeholder = "Question for each picture", .area = UI_FOCUS_PANEL};
    gui_box_style output   = {.placeholder = "Results: a folder to make (chosen when empty)",
                              .icon        = GUI_ICON_FILE,
                              .area        = UI_FOCUS_PANEL};
    (void)view_field(v, UI_FIELD_BATCH_SOURCE, gui_cut_top(&r, line), &source);
    (void)gui_cut_top(&r, gap);
    gui_rect row = gui_cut_top(&r, gui_px(g, 30));
    if (button_row(v, &row, "batch folder", (gui_button){.label = "Folder ...", .small = true, .off = runs}))
        view_act(v, UI_ACT_BATCH_SOURCE, 0);
    if (button_row(v, &row, "batch file",
                   (gui_button){.label = "Question file ...", .small = true, .off = runs}))
        view_act(v, UI_ACT_BATCH_SOURCE, 1);
    (void)gui_cut_top(&r, gap);
    (void)view_field(v, UI_FIELD_BATCH_QUESTION, gui_cut_top(&r, line), &question);
    (void)gui_cut_top(&r, gap);
    (void)view_field(v, UI_FIELD_BATCH_OUTPUT, gui_cut_top(&r, line), &output);
    (void)gui_cut_top(&r, gap);
    row = gui_cut_top(&r, gui_px(g, 32));
    if (runs) {
        if (button_row(
                v, &row, "batch stop",
                (gui_button){.label = "Stop", .icon = GUI_ICON_STOP, .off = b->state == UI_BATCH_STOPPING}))
            view_act(v, UI_ACT_BATCH_STOP, 0);
    } else if (button_row(
                   v, &row, "batch start",
                   (gui_button){.label = "Start", .primary = true, .off = v->m->engine != UI_ENGINE_READY})) {
        view_act(v, UI_ACT_BATCH_START, 0);
    }
    if (b->n_done > 0 && !runs) {
        if (button_row(v, &row, "batch csv", (gui_button){.label = "Export CSV", .small = true}))
            view_act(v, UI_ACT_BATCH_EXPORT, UI_BATCH_CSV);
        if (button_row(v, &row, "batch jsonl", (gui_button){.label = "JSON lines", .small = true}))
            view_act(v, UI_ACT_BATCH_EXPORT, UI_BATCH_JSONL);
    }
    (void)gui_cut_top(&r, gui_px(g, 12));
    if (b->state == UI_BATCH_IDLE) {
        gui_style wrap = {.font = GUI_FONT_SMALL, .width = r.w};
        (void)gui_label(
            g,
            "The question is asked about every picture of the folder; a question file brings its own. Each "
            "answer is written to the results folder at once, and a run that was stopped goes on where it "
            "was.",
            r.x, r.y, &wrap, g->theme->dim);
        return;
    }
    batch_progress(v, &r);
    (void)gui_cut_bottom(&r, gui_px(g, 8));
    if (r.h > gui_px(g, 20))
        batch_rows(v, r);
}
