/* ui_private.h: what the parts of the state machine share. */
#ifndef DESKTOP_UI_PRIVATE_H
#define DESKTOP_UI_PRIVATE_H

#include "app/desktop/ui_model.h"

enum {
    UI_TOAST_MS       = 6000,
    UI_UNDO_MS        = 12000,
    UI_SAVE_MS        = 400, /* after the last change */
    UI_MAX_QUESTION   = 1 << 20,
    UI_MAX_THUMBS     = 512,
    UI_MAX_DROP_PATHS = 10000
};

typedef enum ui_undo_kind {
    UI_UNDO_NONE = 0,
    UI_UNDO_CHAT,   /* a chat was deleted; `chat` is set when it was the shown one */
    UI_UNDO_PICTURE /* `chat` is the shown one as it was before                    */
} ui_undo_kind;

typedef struct ui_undo {
    ui_undo_kind kind;
    int          toast; /* id */
    int64_t      id;    /* of the chat */
    chat        *chat;
} ui_undo;

typedef struct ui_private {
    ui_request *queue; /* ring */
    int         queue_head, queue_n, queue_capacity;
    uint64_t    serial;
    uint64_t    id_state;
    double      wall_offset;
    int         path_capacity;
    int         toast_ids;
    ui_undo     undo;
    /* asking */
    uint64_t ask_serial; /* of the question at the worker; 0: it waits here  */
    /* before an edit */
    char        *draft_before;
    mlmamba_task task_before;
    chat_region  region_before;
    bool         part_told;        /* that a question about a part begins anew */
    bool         send_when_ready;  /* the box is sent as soon as the shown picture can be asked about */
    bool greedy_told, fit_touched; /* fit_touched: the next question uses the setting, not the path's */
    /* picture */
    ui_sight view_sight; /* what m->view shows; image is NULL */
    uint8_t *view_pixels;
    ui_sight look_sight; /* last asked for */
    bool     look_asked;
    int      n_thumbs;
    /* drops */
    char **drop;
    int    n_drop, drop_capacity, drop_missed;
    char  *drop_text;
    bool   dropping;
    /* due times; HUGE_VAL: nothing */
    double   save_chat_at, save_draft_at, save_settings_at;
    uint64_t list_serial, load_serial, dir_serial, dialog_serial, batch_serial, export_serial;
    bool     may_fall_back; /* the load is of the stored choice, at the start: else the built-in model */
    int64_t  stored_id;     /* the chat that was handed to the history last */
    bool     restoring;     /* the chat of the last run is being fetched */
    uint64_t memory_process, memory_states;
    double   last_now;
    char    *files_dir; /* where the in-app list was last */
    char    *replaces;  /* a file that is there: saving under this name once more replaces it */
    /* batch */
    double batch_started;
} ui_private;

/* ---- ui_model.c */
mlm_status ui_enqueue(ui_model   *m,
                      ui_request *req) MLM_WARN_UNUSED; /* takes over what it owns; gives it a serial */
/* One with path and text copied (either may be NULL). */
mlm_status ui_enqueue_simple(ui_model *m, ui_request_type type, int64_t id, const char *path,
                             const char *text);
void       ui_toast_add(ui_model *m, ui_toast_kind kind, const char *fmt, ...) MLM_PRINTF(3, 4);
/* With undo: returns the toast's id. */
int  ui_toast_undo(ui_model *m, const char *text);
void ui_toast_remove(ui_model *m, int id);
/* A toast with this thread's error message; returns status. */
mlm_status  ui_refuse(ui_model *m, mlm_status status);
int64_t     ui_new_id(ui_model *m);
double      ui_wall(const ui_model *m);
mlm_status  ui_put_text(ui_model *m, ui_field field, const char *text); /* by the model: the view takes it */
void        ui_refresh(ui_model *m);
void        ui_set_focus(ui_model *m, ui_focus focus, int item);
const char *ui_now_text(const ui_model *m, ui_field field);

/* ---- ui_status.c */
void ui_status_update(ui_model *m);
void ui_chip_update(ui_model *m);
void ui_composer_update(ui_model *m);

/* ---- ui_ask.c */
mlm_status ui_reserve_path(ui_model *m, int n_turns) MLM_WARN_UNUSED; /* so that ui_refresh cannot fail */
mlm_status ui_send(ui_model *m);
mlm_status ui_ask_text(ui_model *m, const char *text);
mlm_status ui_stop(ui_model *m);
mlm_status ui_regenerate(ui_model *m, int turn);
mlm_status ui_edit(ui_model *m, int turn);
mlm_status ui_cancel_edit(ui_model *m);
mlm_status ui_clear_region(ui_model *m); /* shows again what was said about the whole picture */
mlm_status ui_go_to(ui_model *m, int picture, int leaf); /* makes it the active leaf */
mlm_status ui_switch_branch(ui_model *m, int turn, int step);
void       ui_dispatch(ui_model *m); /* the waiting question goes out when it can */
void       ui_finish_busy(ui_model   *m,
                          const char *why); /* the shown chat is left: nothing more comes of its question */
void       ui_fail_busy(ui_model *m, const char *why);
void       ui_ask_event(ui_model *m, ui_event *ev);
int        ui_valid_turn(const ui_model *m,
                         int             turn);          /* CHAT_NONE: the last shown; else CHAT_NONE when out of range */
ui_sight   ui_next_sight(const ui_model *m); /* of the shown picture, image borrowed */
bool       ui_continues(const ui_model *m);  /* the next question goes on from path */
bool       ui_sight_equal(const ui_sight *a, const ui_sight *b);

/* ---- ui_pictures.c */
mlm_status ui_show_picture(ui_model *m, int index);
mlm_status ui_remove_picture(ui_model *m, int index);
void       ui_need_image(ui_model *m, int index);
void       ui_look(ui_model *m); /* let the model see the shown picture ahead */
void       ui_drop_view(ui_model *m);
mlm_status ui_gather(ui_model *m, const char *const *path, int n, bool typed, const char *rest);
void       ui_picture_event(ui_model *m, ui_event *ev);
void       ui_strip_visible(ui_model *m, int first, int n);
void       ui_leave_images(ui_model *m); /* pixels that nobody needs */
void       ui_drop_clear(ui_model *m);
mlm_status ui_sample_open(ui_model *m, int index);

/* ---- ui_sources.c: text that names files */
bool ui_is_uri_list(const char *text);
/* Appends the local paths of a text/uri-list; *foreign counts the others. */
mlm_status ui_parse_uri_list(const char *text, char ***path, int *n, int *foreign) MLM_WARN_UNUSED;
/* A question that starts with a path: both owned; false: it does not. */
mlm_status ui_split_path(const char *text, bool *is_path, char **path, char **rest) MLM_WARN_UNUSED;
bool       ui_is_web_address(const char *text);

/* ---- ui_chats.c */
mlm_status ui_new_chat(ui_model *m);
mlm_status ui_open_chat(ui_model *m, int64_t id);
mlm_status ui_delete_chat(ui_model *m, int64_t id);
mlm_status ui_rename_open(ui_model *m, int64_t id);
mlm_status ui_rename_done(ui_model *m);
mlm_status ui_undo_last(ui_model *m);
void       ui_undo_forget(ui_model *m); /* it is for good now */
/* A toast offers to take it back; ends what could be undone before.  Takes over c (may be NULL). */
void ui_undo_begin(ui_model *m, ui_undo_kind kind, int64_t id, chat *c, const char *text);
/* By its first question; chats with the same one are told apart by the picture's name, or a number. */
void ui_name_chat(ui_model *m, const char *question);
/* path NULL: asks for one; replace: also what is there already. */
mlm_status ui_export_as(ui_model *m, int format, const char *path, bool replace);
mlm_status ui_copy_chat(ui_model *m);
void       ui_chat_changed(ui_model *m, bool soon); /* is to be stored */
void       ui_save_chat_now(ui_model *m);
void       ui_save_draft_now(ui_model *m);
void       ui_list_chats(ui_model *m);
void       ui_chats_event(ui_model *m, ui_event *ev);
mlm_status ui_replace_chat(ui_model *m, chat *c); /* takes it over */
bool       ui_chat_is_worth_keeping(const chat *c);

/* ---- ui_engine.c: models, settings */
mlm_status ui_load_model(ui_model *m, const char *dir);
mlm_status ui_load_stored_model(ui_model *m); /* as in the settings */
mlm_status ui_select_model(ui_model *m, int index);
void       ui_scan_models(ui_model *m);
void       ui_engine_event(ui_model *m, ui_event *ev);
mlm_status ui_set_setting(ui_model *m, ui_setting which, double number, const char *text);
void       ui_settings_changed(ui_model *m);
void       ui_save_settings_now(ui_model *m);

/* ---- ui_files.c: dialogs and the in-app file list */
mlm_status ui_dialog(ui_model *m, ui_dialog_kind kind, int format, const char *suggested);
mlm_status ui_files_enter(ui_model *m, int index);
mlm_status ui_files_list(ui_model *m, const char *dir);
mlm_status ui_files_go(ui_model *m);
mlm_status ui_files_take_folder(ui_model *m);
void       ui_files_event(ui_model *m, ui_event *ev);
bool       ui_dialog_saves(ui_dialog_kind kind);

/* ---- ui_batch.c */
mlm_status ui_batch_start(ui_model *m);
mlm_status ui_batch_stop(ui_model *m);
mlm_status ui_batch_export(ui_model *m, int format, const char *path, bool replace);
mlm_status ui_batch_open(ui_model *m, int row);
void       ui_batch_event(ui_model *m, ui_event *ev);

#endif
