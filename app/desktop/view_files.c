/* view_files.c: the file dialog that is always there. */
#include "app/desktop/view.h"

#include <stdio.h>

static bool is_folder_dialog(ui_dialog_kind kind)
{
    return kind == UI_DIALOG_FOLDER || kind == UI_DIALOG_MODEL_DIR || kind == UI_DIALOG_BATCH_FOLDER;
}

static bool is_save_dialog(ui_dialog_kind kind)
{
    return kind == UI_DIALOG_SAVE_CHAT || kind == UI_DIALOG_SAVE_BATCH;
}

static const char *dialog_title(ui_dialog_kind kind)
{
    static const char *const title[] = {"Open a picture",    "Open a folder of pictures",
                                        "Folder of a model", "Folder of pictures",
                                        "Question file",     "Export to",
                                        "Export to"};
    return (unsigned)kind < sizeof title / sizeof title[0] ? title[kind] : "Open";
}

static void draw_row(view *v, int i, gui_rect r)
{
    gui               *g    = &v->g;
    const ui_file_row *row  = &v->m->files.row[i];
    bool               mine = v->m->focus == UI_FOCUS_OVERLAY && v->m->focus_item == i;
    if (gui_row_do(g, gui_make_id("file", i), r, false, UI_FOCUS_OVERLAY, i, i == 0 || mine))
        view_act(v, UI_ACT_FILES_ENTER, i);
    if (!g->drawing)
        return;
    gui_rect in   = gui_inset(r, gui_px(g, 8), 0);
    int      size = gui_px(g, 18);
    gui_draw_icon(g, row->is_dir ? GUI_ICON_FOLDER : GUI_ICON_PICTURE, in.x, in.y + (in.h - size) / 2, size,
                  row->is_dir ? g->theme->accent : g->theme->dim);
    (void)gui_cut_left(&in, size + gui_px(g, 10));
    if (!row->is_dir) {
        char text[32];
        view_size_text(text, sizeof text, row->bytes);
        gui_style style = {.font = GUI_FONT_SMALL};
        int       w     = gui_para_width(gui_text_para(g->text, text, (size_t)-1, &style)) + 1;
        gui_line(g, text, gui_cut_right(&in, w), GUI_FONT_SMALL, g->theme->dim);
        (void)gui_cut_right(&in, gui_px(g, 10));
    }
    gui_line(g, row->shown, in, GUI_FONT_BODY, g->theme->text);
}

static void draw_rows(view *v, gui_rect r)
{
    gui                *g    = &v->g;
    const ui_file_list *f    = &v->m->files;
    gui_scroll         *s    = &v->overlay_scroll;
    gui_id              id   = gui_make_id("files scroll", 0);
    int                 step = gui_px(g, 32);
    gui_card(g, r, gui_px(g, 8), g->theme->surface, g->theme->border);
    r = gui_inset(r, gui_px(g, 4), gui_px(g, 4));
    if (f->n_rows == 0) {
        const char *why  = f->note != NULL ? f->note : "No folders and no pictures here.";
        gui_style   wrap = {.font = GUI_FONT_BODY, .width = r.w - gui_px(g, 20)};
        (void)gui_label(g, why, r.x + gui_px(g, 10), r.y + gui_px(g, 8), &wrap,
                        f->note != NULL ? g->theme->error : g->theme->dim);
        return;
    }
    s->content = f->n_rows * step;
    gui_scroll_begin(g, s, id, r);
    if (v->m->focus == UI_FOCUS_OVERLAY && v->seen_focus != UI_FOCUS_OVERLAY && v->m->focus_item >= 0)
        gui_scroll_to(s, v->m->focus_item * step, step);
    for (int i = s->offset / step; i < f->n_rows && i <= (s->offset + r.h) / step; i++)
        draw_row(v, i, gui_box(r.x, r.y + i * step - s->offset, r.w - gui_px(g, 8), step));
    gui_scroll_end(g, s, id, r, s->content);
}

void view_files(view *v)
{
    gui                *g   = &v->g;
    const ui_file_list *f   = &v->m->files;
    gui_rect            in  = view_sheet(v, dialog_title(f->kind), 640, 560);
    gui_rect            row = gui_cut_top(&in, gui_px(g, 34));
    gui_button up = {.icon = GUI_ICON_UP, .tip = "The folder above", .area = UI_FOCUS_OVERLAY, .item = -2};
    if (gui_button_do(g, gui_make_id("files up", 0), gui_cut_left(&row, gui_px(g, 36)), &up))
        view_act(v, UI_ACT_FILES_UP, 0);
    (void)gui_cut_left(&row, gui_px(g, 8));
    gui_button go = {.label   = is_save_dialog(f->kind) ? "Save" : "Go",
                     .area    = UI_FOCUS_OVERLAY,
                     .item    = -3,
                     .primary = is_save_dialog(f->kind)};
    gui_rect   at = gui_cut_right(&row, gui_button_width(g, &go));
    (void)gui_cut_right(&row, gui_px(g, 8));
    gui_box_style style = {.placeholder = "Path", .area = UI_FOCUS_OVERLAY, .item = VIEW_ITEM_PATH};
    bool          enter = !g->drawing && g->event.kind == GUI_EV_KEY && g->event.key == UI_KEY_ENTER &&
                 g->event.mods == 0 && g->focus == gui_make_id("field", UI_FIELD_FILES_PATH) &&
                 v->box[UI_FIELD_FILES_PATH].preedit[0] == '\0';
    (void)view_field(v, UI_FIELD_FILES_PATH, row, &style);
    if (enter)
        g->event.kind = GUI_EV_NONE;
    if (gui_button_do(g, gui_make_id("files go", 0), at, &go) || enter)
        view_act(v, UI_ACT_FILES_GO, 0);
    (void)gui_cut_top(&in, gui_px(g, 8));
    gui_style path = {.font = GUI_FONT_SMALL, .width = in.w > 8 ? in.w : 8, .lines = 1, .middle = true};
    if (f->dir_shown != NULL)
        (void)gui_cut_top(&in, gui_label(g, f->dir_shown, in.x, in.y, &path, g->theme->dim) + gui_px(g, 6));
    gui_rect   foot = gui_cut_bottom(&in, gui_px(g, 36));
    gui_button take = {.label = "Take this folder", .primary = true, .area = UI_FOCUS_OVERLAY, .item = -5};
    if (is_folder_dialog(f->kind) && gui_button_do(g, gui_make_id("files take", 0),
                                                   gui_cut_right(&foot, gui_button_width(g, &take)), &take))
        view_act(v, UI_ACT_FILES_TAKE, 0);
    gui_rect hidden = gui_cut_left(&foot, gui_px(g, 190));
    if (gui_switch_do(g, gui_make_id("files hidden", 0), hidden, "Hidden files", f->show_hidden,
                      UI_FOCUS_OVERLAY, -6))
        view_act(v, UI_ACT_FILES_HIDDEN, 0);
    if (f->cut)
        gui_line(g, "   Only the first 10,000 are listed.", foot, GUI_FONT_SMALL, g->theme->warn);
    (void)gui_cut_bottom(&in, gui_px(g, 10));
    draw_rows(v, in);
}
