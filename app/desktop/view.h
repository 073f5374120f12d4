/*
 * view.h: the window's contents: reads the ui_model, draws it with gui.h, and queues what the user does.
 *
 * Nothing changes the model while a pass reads it: actions wait in a queue until the pass is over (view_flush).  What only the eye needs
 * (scroll positions, carets, selected answer text, textures) lives here.
 */
#ifndef MLM_VIEW_H
#define MLM_VIEW_H

#include "app/desktop/gui.h"
#include "app/desktop/gui_textbox.h"
#include "app/desktop/ui_model.h"

enum { VIEW_MAX_QUEUE = 24, VIEW_MAX_THUMBS = 160, VIEW_ITEM_PATH = -4 };

typedef enum view_op_kind {
    VIEW_OP_ACT = 0,
    VIEW_OP_TEXT,    /* field `index`                */
    VIEW_OP_POINTER, /* index: 0 down, 1 move, 2 up  */
    VIEW_OP_PASTE
} view_op_kind;

typedef struct view_op {
    view_op_kind kind;
    ui_action    action; /* its text is owned by the op */
} view_op;

typedef struct view_thumb {
    mlmamba_image *image; /* held, so that the address stays its own */
    SDL_Texture   *texture;
    unsigned       used;
} view_thumb;

/* Text selected in the conversation: of one question or one answer. */
typedef struct view_selection {
    int  turn; /* CHAT_NONE: nothing */
    bool answer;
    int  from, to; /* bytes; from is where it began */
} view_selection;

typedef struct view_pane { /* the picture as it is shown now */
    SDL_Texture *texture;
    int          width, height;
    uint32_t    *pixels; /* what the texture holds */
    const void  *source;
    uint32_t     revision;
    double       zoom, x, y;
    int          theme;
    int          done_rows, samples; /* refined so far, with so many samples a pixel and direction */
    bool         current;
} view_pane;

typedef struct view_height { /* of a turn in the conversation */
    uint32_t revision;
    int64_t  id;
    int      width, height;
} view_height;

typedef struct view {
    gui         g;
    ui_model   *m;
    double      now;
    gui_textbox box[UI_FIELD_COUNT];
    gui_textbox number[UI_SET_COUNT]; /* settings that are typed */
    gui_scroll  chat_scroll, history_scroll, panel_scroll, overlay_scroll, part_scroll, rows_scroll,
        strip_scroll, welcome_scroll;
    view_op        queue[VIEW_MAX_QUEUE];
    int            n_queue;
    view_thumb     thumb[VIEW_MAX_THUMBS];
    unsigned       frame;
    view_selection selected;
    view_pane      pane;
    gui_rect       pane_rect;
    gui_rect       root;   /* what is left of the window for the part drawn now */
    bool           narrow; /* one part of the window at a time */
    bool           panning;
    int            pixel_x, pixel_y; /* picture pixel under the mouse; -1: none */
    view_height   *height;           /* by place in the path */
    int            n_heights;
    int            toast_left, toast_right, toast_top;  /* where messages hang: beside what is read */
    int            seen_focus, seen_item, seen_overlay; /* of the model, last taken over */
    float          split;                               /* part of the width that the picture has */
    bool           was_at_end;
    int64_t        chat_id;
    int            last_strip;            /* first thumbnail announced */
    float          dpi_scale, user_scale; /* of the display, and --scale */
    int64_t        n_frames;
} view;

bool view_init(view *v, SDL_Window *window, SDL_Renderer *renderer, ui_model *m);
void view_clear(view *v);
/* One input event, then what it led to. */
void view_event(view *v, const gui_event *ev, double now);
/* Takes over what the model changed (texts, focus, scale, theme). */
void view_sync(view *v, double now);
void view_draw(view *v, double now);
/* True: something is still being refined or moves; draw again at once. */
bool view_wants_frame(const view *v);
void view_drop_textures(view *v);

/* ---- between the view_*.c files ------------------------------------------------------------------- */

void view_act(view *v, ui_action_type type, int index);
void view_act_value(view *v, ui_action_type type, int index, int value);
void view_act_id(view *v, ui_action_type type, int64_t id);
void view_act_text(view *v, ui_action_type type, int index, const char *text);
void view_push(view *v, const view_op *op); /* action.text is copied */
/* A text box bound to a field of the model. */
bool view_field(view *v, ui_field field, gui_rect r, const gui_box_style *style);
/* Cached texture of a small picture; NULL: none. */
SDL_Texture *view_thumb_texture(view *v, mlmamba_image *image);
/* Draws it centred and whole inside r. */
void view_draw_thumb(view *v, mlmamba_image *image, gui_rect r);
/* Selectable text of any length; returns its height. */
int  view_text_block(view *v, int turn, bool answer, const char *text, int x, int y, int width,
                     gui_color color);
int  view_text_width(view *v, const char *text, gui_font font, int width);
void view_copy_selection(view *v);
void view_size_text(char *dst, size_t cap, uint64_t bytes); /* "12.3 MB" */
/* A titled sheet in front of everything; returns the inside.  The close button is included. */
gui_rect view_sheet(view *v, const char *title, int width, int height);

void view_rail(view *v, gui_rect r);
void view_status(view *v, gui_rect r);
void view_toasts(view *v);
void view_history(view *v, gui_rect r);
void view_picture(view *v, gui_rect r);
void view_strip(view *v, gui_rect r);
bool view_pane_paint(view *v, gui_rect r, const void *source, uint32_t revision, const uint8_t *rgb, int w,
                     int h, double zoom, double x, double y); /* true: it is finished */
void view_chat(view *v, gui_rect r);
void view_composer(view *v, gui_rect r);
int  view_composer_height(view *v, int width);
void view_welcome(view *v, gui_rect r);
void view_settings(view *v, gui_rect r);
void view_batch(view *v, gui_rect r);
void view_overlay(view *v);
void view_models(view *v);
void view_files(view *v);
void view_help(view *v);

#endif
