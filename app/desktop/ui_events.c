/* ui_events.c: which part takes which event, and small readings of the state. */
#include "app/desktop/ui_private.h"

#include <stdlib.h>
#include <string.h>

void ui_event_apply(ui_model *m, ui_event *ev, double now)
{
    m->priv->last_now = now;
    switch (ev->type) {
    case UI_EV_LOAD_PROGRESS:
    case UI_EV_LOADED:
    case UI_EV_LOAD_FAILED:
    case UI_EV_UNLOADED:
    case UI_EV_MODELS:
    case UI_EV_MODEL_CHECKED:
    case UI_EV_MEMORY:
    case UI_EV_SETTINGS_SAVED:
        ui_engine_event(m, ev);
        break;
    case UI_EV_ASK_STAGE:
    case UI_EV_PIECE:
    case UI_EV_ANSWER:
    case UI_EV_ASK_FAILED:
    case UI_EV_STATE_DROPPED:
        ui_ask_event(m, ev);
        break;
    case UI_EV_LOOKED:
    case UI_EV_LOOK_FAILED:
    case UI_EV_DECODED:
    case UI_EV_DECODE_FAILED:
    case UI_EV_THUMB:
    case UI_EV_GATHERED:
    case UI_EV_CLIPBOARD:
        ui_picture_event(m, ev);
        break;
    case UI_EV_DIR_LISTED:
    case UI_EV_DIALOG:
    case UI_EV_EXPORTED:
        ui_files_event(m, ev);
        break;
    case UI_EV_HISTORY:
    case UI_EV_HISTORY_LIST:
    case UI_EV_HISTORY_CHAT:
    case UI_EV_HISTORY_SAVED:
        ui_chats_event(m, ev);
        break;
    case UI_EV_BATCH_PROGRESS:
    case UI_EV_BATCH_ROW:
    case UI_EV_BATCH_DONE:
        ui_batch_event(m, ev);
        break;
    case UI_EV_NONE:
    case UI_EV_COUNT:
    default:
        return;
    }
    ui_refresh(m);
}

const chat_turn *ui_path_turn(const ui_model *m, int place)
{
    return place >= 0 && place < m->n_path ? m->chat->turn[m->path[place]] : NULL;
}

bool ui_turn_box(const ui_model *m, int turn, double rect[4])
{
    if (turn < 0 || turn >= m->chat->n_turns || !m->chat->turn[turn]->has_box)
        return false;
    const chat_turn    *t = m->chat->turn[turn];
    const chat_picture *p = m->chat->picture[t->picture];
    for (int i = 0; i < 4; i++)
        rect[i] = (double)t->box[i] * (i % 2 == 0 ? p->width : p->height);
    return p->width > 0 && p->height > 0;
}
