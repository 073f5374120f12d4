/* ui_keys.c: what keys mean, in one table that is also the list behind F1. */
#include "app/desktop/ui_private.h"

#include <stdlib.h>
#include <string.h>

/* Where a key is a command; elsewhere it belongs to the focused widget. */
typedef enum key_place {
    ANYWHERE = 0,
    ON_PICTURE, /* picture or strip */
    NOT_IN_TEXT /* any place without a caret */
} key_place;

typedef struct key_row {
    int            key;
    unsigned       mods;
    key_place      place;
    ui_action_type type;
    int            index, value;
    double         factor;
    const char    *keys, *what; /* for people; NULL: listed with the row before */
} key_row;

#define CTRL       UI_MOD_CTRL
#define CTRL_SHIFT (UI_MOD_CTRL | UI_MOD_SHIFT)

static const key_row key_table[] = {
    {'o', CTRL, ANYWHERE, UI_ACT_OPEN_PICTURES, 0, 0, 0, "Ctrl+O", "Open pictures"},
    {'o', CTRL | UI_MOD_ALT, ANYWHERE, UI_ACT_OPEN_FOLDER, 0, 0, 0, "Ctrl+Alt+O",
     "Open a folder of pictures"},
    {'n', CTRL, ANYWHERE, UI_ACT_NEW_CHAT, 0, 0, 0, "Ctrl+N, Ctrl+Shift+O", "New chat"},
    {'o', CTRL_SHIFT, ANYWHERE, UI_ACT_NEW_CHAT, 0, 0, 0, NULL, NULL},
    {'j', CTRL, ANYWHERE, UI_ACT_NEW_QUESTION, 0, 0, 0, "Ctrl+J",
     "Next question on the same picture, without what was said"},
    {'r', CTRL, ANYWHERE, UI_ACT_REGENERATE, CHAT_NONE, 0, 0, "Ctrl+R", "Answer again"},
    {'e', CTRL_SHIFT, ANYWHERE, UI_ACT_EDIT, CHAT_NONE, 0, 0, "Ctrl+Shift+E, Up in the empty box",
     "Edit the last question"},
    {'c', CTRL_SHIFT, ANYWHERE, UI_ACT_COPY_ANSWER, CHAT_NONE, 0, 0, "Ctrl+Shift+C", "Copy the last answer"},
    {'s', CTRL, ANYWHERE, UI_ACT_EXPORT, 0, 0, 0, "Ctrl+S", "Export the chat"},
    {'k', CTRL, ANYWHERE, UI_ACT_SEARCH, 0, 0, 0, "Ctrl+K", "Search the history"},
    {'b', CTRL, ANYWHERE, UI_ACT_SIDEBAR, 0, 0, 0, "Ctrl+B", "History at the side"},
    {'d', CTRL_SHIFT, ANYWHERE, UI_ACT_DELETE_CHAT, 0, 0, 0, "Ctrl+Shift+D", "Delete the chat"},
    {'z', CTRL_SHIFT, ANYWHERE, UI_ACT_UNDO, 0, 0, 0, "Ctrl+Shift+Z", "Take back the deletion"},
    {'m', CTRL, ANYWHERE, UI_ACT_MODELS, 0, 0, 0, "Ctrl+M", "Models"},
    {',', CTRL, ANYWHERE, UI_ACT_PANEL, UI_PANEL_SETTINGS, 0, 0, "Ctrl+,", "Settings"},
    {'b', CTRL_SHIFT, ANYWHERE, UI_ACT_PANEL, UI_PANEL_BATCH, 0, 0, "Ctrl+Shift+B",
     "Batch: one question, many pictures"},
    {'g', CTRL, ANYWHERE, UI_ACT_REGION_MODE, 0, 0, 0, "Ctrl+G", "Draw a rectangle to ask about a part"},
    {'w', CTRL_SHIFT, ANYWHERE, UI_ACT_MODEL_VIEW, 0, 0, 0, "Ctrl+Shift+W", "What the model sees"},
    {'1', CTRL, ANYWHERE, UI_ACT_TASK, MLMAMBA_TASK_CHAT, 0, 0, "Ctrl+1 to Ctrl+5",
     "Chat, caption, short answer, true or false, find"},
    {'2', CTRL, ANYWHERE, UI_ACT_TASK, MLMAMBA_TASK_CAPTION, 0, 0, NULL, NULL},
    {'3', CTRL, ANYWHERE, UI_ACT_TASK, MLMAMBA_TASK_VQA, 0, 0, NULL, NULL},
    {'4', CTRL, ANYWHERE, UI_ACT_TASK, MLMAMBA_TASK_TRUE_FALSE, 0, 0, NULL, NULL},
    {'5', CTRL, ANYWHERE, UI_ACT_TASK, MLMAMBA_TASK_BOX, 0, 0, NULL, NULL},
    {UI_KEY_PAGE_DOWN, 0, ON_PICTURE, UI_ACT_NEXT_PICTURE, 0, 1, 0, "Page Down, Page Up, Right, Left",
     "Next, previous picture (on the picture; with Ctrl everywhere)"},
    {UI_KEY_PAGE_UP, 0, ON_PICTURE, UI_ACT_NEXT_PICTURE, 0, -1, 0, NULL, NULL},
    {UI_KEY_RIGHT, 0, ON_PICTURE, UI_ACT_NEXT_PICTURE, 0, 1, 0, NULL, NULL},
    {UI_KEY_LEFT, 0, ON_PICTURE, UI_ACT_NEXT_PICTURE, 0, -1, 0, NULL, NULL},
    {UI_KEY_PAGE_DOWN, CTRL, ANYWHERE, UI_ACT_NEXT_PICTURE, 0, 1, 0, NULL, NULL},
    {UI_KEY_PAGE_UP, CTRL, ANYWHERE, UI_ACT_NEXT_PICTURE, 0, -1, 0, NULL, NULL},
    {'+', 0, ON_PICTURE, UI_ACT_ZOOM, 0, 0, 1.25, "+, -, 0, 1, wheel",
     "Zoom in, out, fit, 100 % (on the picture)"},
    {'=', 0, ON_PICTURE, UI_ACT_ZOOM, 0, 0, 1.25, NULL, NULL},
    {'-', 0, ON_PICTURE, UI_ACT_ZOOM, 0, 0, 0.8, NULL, NULL},
    {'0', 0, ON_PICTURE, UI_ACT_FIT, 0, 0, 0, NULL, NULL},
    {'1', 0, ON_PICTURE, UI_ACT_FULL_SIZE, 0, 0, 0, NULL, NULL},
    {'+', CTRL, ANYWHERE, UI_ACT_TEXT_SCALE, 0, 1, 0, "Ctrl++, Ctrl+-, Ctrl+0",
     "Larger, smaller text, 100 %"},
    {'+', CTRL_SHIFT, ANYWHERE, UI_ACT_TEXT_SCALE, 0, 1, 0, NULL, NULL},
    {'=', CTRL, ANYWHERE, UI_ACT_TEXT_SCALE, 0, 1, 0, NULL, NULL},
    {'-', CTRL, ANYWHERE, UI_ACT_TEXT_SCALE, 0, -1, 0, NULL, NULL},
    {'0', CTRL, ANYWHERE, UI_ACT_TEXT_SCALE, 0, 0, 0, NULL, NULL},
    {'q', CTRL, ANYWHERE, UI_ACT_QUIT, 0, 0, 0, "Ctrl+Q", "Quit (everything is kept)"},
    {UI_KEY_F1, 0, ANYWHERE, UI_ACT_OVERLAY, UI_OVERLAY_HELP, 0, 0, "F1, ?", "This list"},
    {'?', 0, NOT_IN_TEXT, UI_ACT_OVERLAY, UI_OVERLAY_HELP, 0, 0, NULL, NULL},
    {'?', UI_MOD_SHIFT, NOT_IN_TEXT, UI_ACT_OVERLAY, UI_OVERLAY_HELP, 0, 0, NULL, NULL},
    {UI_KEY_ESCAPE, 0, ANYWHERE, UI_ACT_ESCAPE, 0, 0, 0, "Esc", "Stop the answer; close what is open"},
};

/* Rows that are done elsewhere, for the list only. */
static const ui_shortcut more_rows[] = {
    {"Enter", "Send the question"},
    {"Shift+Enter", "New line in the question"},
    {"Ctrl+V", "Paste a picture, files or text"},
    {"Tab, Shift+Tab", "Next, previous part of the window"},
    {"F11", "Full screen"},
};

enum { N_KEYS = sizeof key_table / sizeof *key_table, N_MORE = sizeof more_rows / sizeof *more_rows };

int ui_shortcut_count(void)
{
    int n = N_MORE;
    for (int i = 0; i < N_KEYS; i++)
        n += key_table[i].keys != NULL ? 1 : 0;
    return n;
}

ui_shortcut ui_shortcut_at(int index)
{
    if (index >= 0 && index < N_MORE)
        return more_rows[index];
    int at = index - N_MORE;
    for (int i = 0; i < N_KEYS && at >= 0; i++)
        if (key_table[i].keys != NULL && at-- == 0)
            return (ui_shortcut){key_table[i].keys, key_table[i].what};
    return (ui_shortcut){"", ""};
}

/* ---- keys whose meaning depends on the focus ---------------------------------------------------- */

static bool in_text(const ui_model *m)
{
    if (m->overlay == UI_OVERLAY_RENAME || m->overlay == UI_OVERLAY_FILES)
        return true;
    return m->focus == UI_FOCUS_INPUT || m->focus == UI_FOCUS_SEARCH || m->focus == UI_FOCUS_PANEL;
}

static int list_length(const ui_model *m)
{
    if (m->focus == UI_FOCUS_HISTORY)
        return m->n_rows;
    if (m->focus == UI_FOCUS_CHAT)
        return m->n_path;
    if (m->focus != UI_FOCUS_OVERLAY)
        return 0;
    if (m->overlay == UI_OVERLAY_FILES)
        return m->files.n_rows;
    return m->overlay == UI_OVERLAY_MODELS   ? m->n_model_rows
           : m->overlay == UI_OVERLAY_EXPORT ? UI_EXPORT_COUNT
                                             : 0;
}

static bool move_in_list(ui_model *m, int key)
{
    int n    = list_length(m);
    int page = 10, to = m->focus_item;
    if (n == 0)
        return false;
    switch (key) {
    case UI_KEY_UP:
        to--;
        break;
    case UI_KEY_DOWN:
        to++;
        break;
    case UI_KEY_PAGE_UP:
        to -= page;
        break;
    case UI_KEY_PAGE_DOWN:
        to += page;
        break;
    case UI_KEY_HOME:
        to = 0;
        break;
    case UI_KEY_END:
        to = n - 1;
        break;
    default:
        return false;
    }
    m->focus_item = to < 0 ? 0 : to >= n ? n - 1 : to;
    if (m->focus == UI_FOCUS_OVERLAY && m->overlay == UI_OVERLAY_MODELS)
        (void)ui_refuse(m, ui_select_model(m, m->focus_item));
    ui_refresh(m);
    return true;
}

/* What Enter does where the focus is; UI_ACT_NONE: nothing of ours. */
static ui_action enter_action(const ui_model *m)
{
    int item = m->focus_item;
    switch (m->overlay) {
    case UI_OVERLAY_RENAME:
        return (ui_action){.type = UI_ACT_RENAME_DONE};
    case UI_OVERLAY_FILES:
        if (m->text[UI_FIELD_FILES_PATH][0] != '\0')
            return (ui_action){.type = UI_ACT_FILES_GO};
        return (ui_action){.type = m->files.n_rows > 0 ? UI_ACT_FILES_ENTER : UI_ACT_NONE, .index = item};
    case UI_OVERLAY_MODELS:
        return (ui_action){.type = UI_ACT_LOAD_MODEL};
    case UI_OVERLAY_EXPORT:
        return (ui_action){.type = UI_ACT_EXPORT_AS, .index = item};
    case UI_OVERLAY_HELP:
    case UI_OVERLAY_ABOUT:
        return (ui_action){.type = UI_ACT_ESCAPE};
    case UI_OVERLAY_NONE:
    default:
        break;
    }
    if (m->focus == UI_FOCUS_INPUT)
        return (ui_action){.type = UI_ACT_SEND};
    if (m->focus == UI_FOCUS_TASKS)
        return (ui_action){.type = UI_ACT_TASK, .index = item};
    if (m->focus == UI_FOCUS_STRIP)
        return (ui_action){.type = UI_ACT_SHOW_PICTURE, .index = item};
    if (m->focus == UI_FOCUS_SEARCH)
        return (ui_action){.type = UI_ACT_FOCUS, .index = UI_FOCUS_HISTORY};
    if (m->focus == UI_FOCUS_HISTORY && item >= 0 && item < m->n_rows)
        return (ui_action){.type = UI_ACT_OPEN_CHAT, .id = m->row[item].id};
    return (ui_action){.type = UI_ACT_NONE};
}

static bool focus_key(ui_model *m, int key, unsigned mods, double now)
{
    ui_action a = {.type = UI_ACT_NONE};
    if (mods != 0)
        return false;
    if (key == UI_KEY_ENTER)
        a = enter_action(m);
    else if (key == UI_KEY_UP && m->focus == UI_FOCUS_INPUT && m->overlay == UI_OVERLAY_NONE &&
             m->text[UI_FIELD_INPUT][0] == '\0' && m->n_path > 0)
        a = (ui_action){.type = UI_ACT_EDIT, .index = CHAT_NONE};
    else if (key == UI_KEY_DOWN && m->focus == UI_FOCUS_SEARCH && m->overlay == UI_OVERLAY_NONE &&
             m->n_rows > 0)
        a = (ui_action){.type = UI_ACT_FOCUS, .index = UI_FOCUS_HISTORY};
    else if (key == UI_KEY_BACKSPACE && m->overlay == UI_OVERLAY_FILES &&
             m->text[UI_FIELD_FILES_PATH][0] == '\0')
        a = (ui_action){.type = UI_ACT_FILES_UP};
    else
        return move_in_list(m, key);
    if (a.type == UI_ACT_NONE)
        return false;
    (void)ui_act(m, &a, now);
    return true;
}

static bool is_place(const ui_model *m, key_place place)
{
    if (place == ANYWHERE)
        return true;
    if (m->overlay != UI_OVERLAY_NONE)
        return false;
    return place == ON_PICTURE ? m->focus == UI_FOCUS_PICTURE || m->focus == UI_FOCUS_STRIP : !in_text(m);
}

bool ui_key(ui_model *m, int key, unsigned mods, bool composing, double now)
{
    m->priv->last_now = now;
    if (composing)
        return false;
    for (int i = 0; i < N_KEYS; i++) {
        const key_row *r = &key_table[i];
        if (r->key != key || r->mods != mods || !is_place(m, r->place))
            continue;
        if (r->type == UI_ACT_PANEL && r->index == UI_PANEL_BATCH && !m->batch.available)
            return false;
        ui_action a = {.type = r->type, .index = r->index, .value = r->value, .factor = r->factor};
        a.x         = m->canvas.pane_width / 2;
        a.y         = m->canvas.pane_height / 2;
        (void)ui_act(m, &a, now);
        return true;
    }
    return focus_key(m, key, mods, now);
}
