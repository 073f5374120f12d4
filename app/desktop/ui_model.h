/*
 * ui_model.h: what the desktop app shows, as data, and what can be done to it.  No SDL, no thread, no clock, no file.
 *
 * The view reads the struct (never writes it) and calls the functions below.  What the model wants done outside (load a model, decode
 * a picture, ask, store, open a dialog) it puts into a queue of ui_request; desk.h takes them to the worker, the history and
 * the helpers, and brings what they report back as ui_event.  So everything here is tested without a window.
 *
 *     ui_key(m, UI_KEY_ENTER, 0, false, now);        // a key that no text field swallowed first
 *     ui_act(m, &(ui_action){.type = UI_ACT_SEND}, now);
 *     while (ui_next_request(m, &req)) ...           // desk.h does it
 *     ui_event_apply(m, &ev, now);                   // desk.h does it
 *     ui_tick(m, now);                               // once per frame or when ui_deadline(m) has passed
 *
 * `now` is a monotonic clock in milliseconds.  `revision` changes whenever something shown may have changed.
 * Strings and pointers in the struct are owned by the model and valid until the next call that takes it non-const.
 */
#ifndef DESKTOP_UI_MODEL_H
#define DESKTOP_UI_MODEL_H

#include "app/desktop/chat.h"
#include "app/desktop/settings.h"
#include "app/desktop/ui_canvas.h"
#include "app/desktop/ui_link.h"

/* ---- what is shown ------------------------------------------------------------------------------ */

/* In front of the rest, takes the keyboard; Esc closes it. */
typedef enum ui_overlay {
    UI_OVERLAY_NONE = 0,
    UI_OVERLAY_HELP,   /* F1: ui_shortcut_at                            */
    UI_OVERLAY_MODELS, /* the model picker                             */
    UI_OVERLAY_FILES,  /* the in-app file list                         */
    UI_OVERLAY_EXPORT, /* format, then file                            */
    UI_OVERLAY_RENAME, /* of chat `rename_id`: text field UI_FIELD_RENAME */
    UI_OVERLAY_ABOUT
} ui_overlay;

/* At the right side. */
typedef enum ui_panel { UI_PANEL_NONE = 0, UI_PANEL_SETTINGS, UI_PANEL_BATCH } ui_panel;

typedef enum ui_focus {
    UI_FOCUS_INPUT = 0,
    UI_FOCUS_TASKS,   /* focus_item: mlmamba_task       */
    UI_FOCUS_CHAT,    /* focus_item: place in `path`    */
    UI_FOCUS_PICTURE, /* zoom and pan keys              */
    UI_FOCUS_STRIP,   /* focus_item: picture index      */
    UI_FOCUS_TOOLBAR, /* focus_item: the view's         */
    UI_FOCUS_SEARCH,
    UI_FOCUS_HISTORY, /* focus_item: row                */
    UI_FOCUS_PANEL,   /* focus_item: the view's, or UI_ITEM_BATCH_SOURCE */
    UI_FOCUS_OVERLAY, /* focus_item: row or the view's  */
    UI_FOCUS_COUNT
} ui_focus;
enum { UI_ITEM_BATCH_SOURCE = 1 << 20 }; /* where the batch panel begins: its folder or file */

/* Text that the user edits.  The view owns caret, selection and undo, and hands the whole text over with ui_set_text; when the model
 * changes a text itself, text_revision[field] changes and the view takes it anew, caret at the end. */
typedef enum ui_field {
    UI_FIELD_INPUT = 0, /* the question box: the draft */
    UI_FIELD_SEARCH,    /* of the history              */
    UI_FIELD_RENAME,
    UI_FIELD_FILES_PATH, /* of the in-app file list    */
    UI_FIELD_BATCH_SOURCE,
    UI_FIELD_BATCH_QUESTION,
    UI_FIELD_BATCH_OUTPUT,
    UI_FIELD_COUNT
} ui_field;
enum { UI_FIELD_BYTES = 8000 }; /* what a box of the view holds: more than 2,048 tokens */

typedef enum ui_toast_kind { UI_TOAST_INFO = 0, UI_TOAST_WARNING, UI_TOAST_ERROR } ui_toast_kind;
typedef struct ui_toast {
    int           id;
    ui_toast_kind kind;
    char         *text;
    bool          has_undo; /* UI_ACT_UNDO takes it back while the toast is there */
    double        until;    /* errors stay until UI_ACT_DISMISS: until is 0       */
} ui_toast;
enum { UI_MAX_TOASTS = 5 };

typedef enum ui_engine_state {
    UI_ENGINE_NONE = 0,
    UI_ENGINE_LOADING, /* load_done of load_total bytes */
    UI_ENGINE_READY,
    UI_ENGINE_FAILED /* engine_error                  */
} ui_engine_state;

/* The status line: each part ready to draw, "" when there is nothing to say. */
typedef struct ui_status {
    char model[160], device[160], memory[96], encode[64], first_token[64], speed[64], finish[64], reuse[128],
        context[96];
} ui_status;

/* The question being written. */
typedef struct ui_composer {
    mlmamba_task task;
    chat_region  region;      /* ask about this part; whole: none set                  */
    int          edit_turn;   /* turn index being edited, or CHAT_NONE                 */
    bool         can_send;    /* there is text (or the task needs none) and a picture  */
    const char  *why_not;     /* else: one line                                        */
    const char  *placeholder; /* for the empty box, by task                            */
} ui_composer;

typedef struct ui_sample {
    char          *path, *name;
    const char    *question[4]; /* NULL-terminated */
    mlmamba_image *thumb;       /* NULL until read */
    uint32_t       thumb_revision;
} ui_sample;
enum { UI_N_SAMPLES = 3 };

typedef struct ui_model {
    uint32_t revision;

    /* chat: read it through chat.h */
    chat       *chat; /* never NULL                                            */
    int        *path; /* turns from root to active leaf of the shown picture   */
    int         n_path;
    bool        welcome; /* nothing was shown or asked yet: draw samples          */
    ui_sample   sample[UI_N_SAMPLES];
    int         n_samples;
    ui_composer composer;
    int         busy_turn; /* index in chat being answered or waiting, or CHAT_NONE */
    bool        stopping;  /* Esc was pressed, the answer has not ended yet         */
    int n_earlier; /* questions about the shown picture that start from it: offer UI_ACT_EARLIER when path is empty */
    bool stick;     /* the conversation follows its end                      */
    bool new_below; /* text arrived below while it does not: offer a button  */

    /* picture pane */
    ui_canvas          canvas;
    bool               model_view; /* show `view` instead of the picture            */
    const uint8_t     *view;       /* RGB [view_size, view_size, 3] or NULL: not looked at yet */
    int                view_size;
    uint32_t           view_revision;
    mlmamba_image_info view_info;   /* of view; format is ""                         */
    bool               region_mode; /* a drag draws a rectangle, else it pans        */
    char               chip[160];   /* "1920 x 1080 JPEG, turned (EXIF 6), 256 tokens" or why refused */

    /* engine */
    ui_engine_state engine;
    uint64_t        load_done, load_total;
    char           *engine_error;  /* of the last load, else NULL */
    bool            reload_needed; /* a setting takes effect with the next load */
    ui_engine_facts facts;         /* while READY                 */
    ui_status       status;

    /* around it */
    ui_overlay    overlay;
    ui_panel      panel;
    bool          sidebar;
    ui_focus      focus;
    int           focus_item;
    char         *text[UI_FIELD_COUNT]; /* never NULL */
    uint32_t      text_revision[UI_FIELD_COUNT];
    ui_toast      toast[UI_MAX_TOASTS]; /* oldest first */
    int           n_toasts;
    ui_settings   settings;
    ui_chat_row  *row; /* history or what the search found, newest first */
    int           n_rows, row_capacity;
    bool          history_on;   /* false: history_note says why                */
    char         *history_note; /* "" or one line                              */
    int64_t       rename_id;
    ui_model_row *model_row; /* model picker                                */
    int           n_model_rows, model_selected;
    bool          scanning;
    ui_file_list  files;
    ui_batch      batch;
    bool          quit;      /* the view ends its loop                      */
    bool          gathering; /* dropped things are being looked through     */

    struct ui_private *priv;
} ui_model;

/* ---- what can be done --------------------------------------------------------------------------- */

typedef enum ui_action_type {
    UI_ACT_NONE = 0,
    /* asking */
    UI_ACT_SEND,          /* what is in the question box                                    */
    UI_ACT_STOP,          /* the answer being made                                          */
    UI_ACT_ASK,           /* text: this question (a sample's); the box stays                */
    UI_ACT_REGENERATE,    /* index: turn, or CHAT_NONE: the last shown                      */
    UI_ACT_EDIT,          /* index: turn, or CHAT_NONE: the last: its question into the box */
    UI_ACT_CANCEL_EDIT,   /* and the draft is back                                          */
    UI_ACT_BRANCH,        /* index: turn: the next question goes on from its answer         */
    UI_ACT_NEW_QUESTION,  /* the next question starts from the picture alone                */
    UI_ACT_EARLIER,       /* back to the newest question about this picture                 */
    UI_ACT_SWITCH_BRANCH, /* index: turn; value: -1 or +1                                   */
    UI_ACT_TASK,          /* index: mlmamba_task                                            */
    UI_ACT_COPY_ANSWER,   /* index: turn, or CHAT_NONE: the last                            */
    UI_ACT_COPY_CHAT,
    UI_ACT_COPY_BOX, /* index: turn: its coordinates                                   */
    /* pictures */
    UI_ACT_OPEN_PICTURES, /* a dialog                                        */
    UI_ACT_OPEN_FOLDER,
    UI_ACT_SHOW_PICTURE,   /* index                                           */
    UI_ACT_NEXT_PICTURE,   /* value: -1 or +1                                 */
    UI_ACT_REMOVE_PICTURE, /* index, or CHAT_NONE: the shown; undo by toast   */
    UI_ACT_SAMPLE,         /* index: of sample[]                              */
    UI_ACT_STRIP_VISIBLE,  /* index, value: first and number: thumbnails come */
    UI_ACT_MODEL_VIEW,     /* toggle                                          */
    UI_ACT_REGION_MODE,    /* toggle                                          */
    UI_ACT_CLEAR_REGION,
    UI_ACT_ZOOM, /* factor at x, y of the pane                      */
    UI_ACT_PAN,  /* by x, y                                         */
    UI_ACT_FIT,
    UI_ACT_FULL_SIZE, /* 100 %                                           */
    /* chats */
    UI_ACT_NEW_CHAT,
    UI_ACT_OPEN_CHAT,   /* id                                               */
    UI_ACT_DELETE_CHAT, /* id, or 0: this one; undo by toast                */
    UI_ACT_RENAME_CHAT, /* id, or 0: this one: opens the overlay            */
    UI_ACT_RENAME_DONE, /* takes UI_FIELD_RENAME                             */
    UI_ACT_UNDO,        /* the newest toast that can                        */
    UI_ACT_EXPORT,      /* opens the overlay                                */
    UI_ACT_EXPORT_AS,   /* index: ui_export_format; text: file, or NULL: asks with a dialog */
    /* models */
    UI_ACT_MODELS,       /* opens the picker and scans                      */
    UI_ACT_SELECT_MODEL, /* index: of model_row[]: checks and estimates     */
    UI_ACT_LOAD_MODEL,   /* text: directory, or NULL: the selected          */
    UI_ACT_CANCEL_LOAD,
    UI_ACT_UNLOAD,
    UI_ACT_ADD_MODEL_DIR, /* a dialog                                       */
    /* settings */
    UI_ACT_SET,        /* index: ui_setting; number or text               */
    UI_ACT_PRESET,     /* index                                           */
    UI_ACT_RESET,      /* sampling and fit to the defaults                */
    UI_ACT_TEXT_SCALE, /* value: -1, 0 (back to 100 %), +1                */
    /* surroundings */
    UI_ACT_OVERLAY,    /* index: ui_overlay; the same again closes it          */
    UI_ACT_PANEL,      /* index: ui_panel; the same again closes it            */
    UI_ACT_SIDEBAR,    /* toggle                                               */
    UI_ACT_SEARCH,     /* opens the side bar, focus on its search field        */
    UI_ACT_FOCUS,      /* index: ui_focus; value: item                         */
    UI_ACT_FOCUS_NEXT, /* value: -1 or +1, over the areas that are there    */
    UI_ACT_DISMISS,    /* index: toast id                                      */
    UI_ACT_SCROLLED,   /* value: 1 when the view is at the end of the chat    */
    UI_ACT_TO_END,     /* follow the end again                                */
    UI_ACT_ESCAPE,     /* what Esc means now                                  */
    UI_ACT_QUIT,
    /* the in-app file list */
    UI_ACT_FILES_ENTER, /* index: row: a folder is opened, a file is taken */
    UI_ACT_FILES_UP,
    UI_ACT_FILES_HIDDEN, /* toggle hidden files                             */
    UI_ACT_FILES_GO,     /* takes UI_FIELD_FILES_PATH                        */
    UI_ACT_FILES_TAKE,   /* this folder                                     */
    /* batch */
    UI_ACT_BATCH_SOURCE, /* a dialog; index: 0 folder, 1 question file      */
    UI_ACT_BATCH_START,
    UI_ACT_BATCH_STOP,
    UI_ACT_BATCH_EXPORT, /* index: ui_batch_format; text: file, or NULL: asks with a dialog */
    UI_ACT_BATCH_OPEN,   /* index: row: its picture is shown here           */
    UI_ACT_COUNT
} ui_action_type;

typedef struct ui_action {
    ui_action_type type;
    int            index, value;
    int64_t        id;
    double         x, y, factor, number;
    const char    *text;
} ui_action;

/* Where the app starts: paths are copied.  samples_dir may be NULL: no samples are offered. */
typedef struct ui_model_options {
    const char        *samples_dir;
    const ui_settings *settings; /* NULL: defaults */
    bool               batch;    /* the batch panel exists in this build */
    double             wall_ms;  /* milliseconds since 1970 at `now`     */
    uint64_t           id_seed;  /* random: ids of chats, pictures and turns come from it */
} ui_model_options;

mlm_status ui_model_create(ui_model **out, const ui_model_options *opt, double now) MLM_WARN_UNUSED;
void       ui_model_free(ui_model *m);

/* MLM_E_NOMEM: nothing was done, and a toast says so; MLM_E_STATE, MLM_E_RANGE: not possible now, a toast says why.  The view may
 * ignore the status. */
mlm_status ui_act(ui_model *m, const ui_action *a, double now);
mlm_status ui_set_text(ui_model *m, ui_field field, const char *text, double now);
/* Ctrl+V.  clip: the clipboard's text or NULL.  True: it was taken (files, or the picture of the clipboard is fetched);
 * false: the view puts the text into its field. */
bool ui_paste(ui_model *m, const char *clip, double now);
/* One drop, SDL_DROPBEGIN .. COMPLETE.  File names are bytes; text is what was dropped as text. */
void ui_drop_begin(ui_model *m);
void ui_drop_file(ui_model *m, const char *path);
void ui_drop_text(ui_model *m, const char *text);
void ui_drop_end(ui_model *m, double now);
/* The same for program arguments: one call for all. */
void ui_open_paths(ui_model *m, const char *const *path, int n, double now);
/* The pane of the picture in pixels, whenever it changes; pointer in the pane. */
void ui_pane_resized(ui_model *m, double width, double height);
void ui_pointer_down(ui_model *m, double x, double y, double now);
void ui_pointer_move(ui_model *m, double x, double y, double now);
void ui_pointer_up(ui_model *m, double x, double y, double now);

/* A line for the user from outside. */
void ui_notify(ui_model *m, const char *text, double now);

/* Passing time: toasts end, drafts are stored.  ui_deadline: when it is due next (HUGE_VAL: never). */
void   ui_tick(ui_model *m, double now);
double ui_deadline(const ui_model *m);

/* ---- keys --------------------------------------------------------------------------------------- */

enum { UI_MOD_CTRL = 1, UI_MOD_SHIFT = 2, UI_MOD_ALT = 4 };
/* Printable keys are their lower-case ASCII; the others: */
enum {
    UI_KEY_ENTER = 256,
    UI_KEY_ESCAPE,
    UI_KEY_TAB,
    UI_KEY_BACKSPACE,
    UI_KEY_DELETE,
    UI_KEY_UP,
    UI_KEY_DOWN,
    UI_KEY_LEFT,
    UI_KEY_RIGHT,
    UI_KEY_PAGE_UP,
    UI_KEY_PAGE_DOWN,
    UI_KEY_HOME,
    UI_KEY_END,
    UI_KEY_SPACE,
    UI_KEY_F1,
    UI_KEY_F11
};
/* True: it was a command (done).  False: it is for the focused widget.  While composing (an input method has text pending) every key belongs
 * to the input method: false.  Ctrl+V and F11 are the view's own (clipboard, full screen): false. */
bool ui_key(ui_model *m, int key, unsigned mods, bool composing, double now);

typedef struct ui_shortcut {
    const char *keys, *what; /* "Ctrl+R", "Answer again" */
} ui_shortcut;
int         ui_shortcut_count(void);
ui_shortcut ui_shortcut_at(int index);

/* ---- reading ------------------------------------------------------------------------------------ */

const chat_picture *ui_shown_picture(const ui_model *m); /* NULL: none */
const chat_turn    *ui_path_turn(const ui_model *m, int place);
/* The answer's box in pixels of the whole picture; false: there is none. */
bool ui_turn_box(const ui_model *m, int turn, double rect[4]);
/* The composer's or a turn's region as "part 120 x 80 at 40, 30"; "" for the whole. */
void ui_region_text(char *dst, size_t cap, chat_region r);
bool ui_is_busy(const ui_model *m);
/* Everything shown, as JSON, for tests (owned: free). */
mlm_status ui_dump(const ui_model *m, char **out) MLM_WARN_UNUSED;

/* ---- the other side: see desk.h ----------------------------------------------------------------- */

bool ui_next_request(ui_model *m, ui_request *req); /* owned by the caller: ui_request_free */
void ui_event_apply(ui_model *m, ui_event *ev,
                    double now); /* takes what it needs out of ev; ui_event_free it after */

#endif
