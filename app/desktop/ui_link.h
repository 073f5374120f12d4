/*
 * ui_link.h: what goes between the state machine and the outside: requests out, events in.  Both own what they point to.
 *
 * A request with a serial is answered by events with the same serial.  Every UI_REQ_ASK ends with exactly one UI_EV_ANSWER or
 * UI_EV_ASK_FAILED, every UI_REQ_LOAD with one UI_EV_LOADED or UI_EV_LOAD_FAILED.
 */
#ifndef DESKTOP_UI_LINK_H
#define DESKTOP_UI_LINK_H

#include "app/desktop/chat.h"
#include "app/desktop/settings.h"

/* ---- rows that both sides know ------------------------------------------------------------------ */

typedef struct ui_engine_facts { /* copies: fixed strings, cut */
    char           model_dir[1024], model_name[128], device[32], device_description[128], device_note[256];
    char           description[512], describe_prompt[256], weights_dtype[16];
    char           parts[512]; /* vision, connector, language model: one line */
    int64_t        n_parameters;
    int            image_size, n_image_tokens, n_threads;
    uint64_t       fingerprint;
    mlmamba_memory memory;
    double         load_ms;
} ui_engine_facts;

typedef struct ui_chat_row { /* of the history */
    int64_t        id;
    char          *title;
    char          *found; /* where the search found it: text around, NULL without a search */
    double         updated_ms;
    int            n_turns;
    mlmamba_image *thumb; /* NULL: none */
} ui_chat_row;

typedef enum ui_model_source {
    UI_MODEL_BUILT_IN = 0,
    UI_MODEL_RECENT,
    UI_MODEL_ENVIRONMENT, /* $MLMAMBA_MODEL */
    UI_MODEL_FOUND
} ui_model_source;
typedef struct ui_model_row { /* of the picker */
    char                *dir, *name;
    ui_model_source      source;
    mlmamba_model_check *check;                    /* NULL: not checked yet or the check failed */
    char                *note;                     /* the failure of check or estimate, or NULL */
    bool                 checked, estimated, fits; /* fits: into what memory is free now */
    mlmamba_memory       memory;
    uint64_t             free_bytes; /* of the device's memory, as far as known; 0: not known */
} ui_model_row;

typedef struct ui_file_row {
    char    *name;  /* bytes, a part of the path */
    char    *shown; /* valid UTF-8               */
    bool     is_dir;
    uint64_t bytes;
} ui_file_row;
typedef enum ui_dialog_kind {
    UI_DIALOG_PICTURES = 0, /* files to open, several              */
    UI_DIALOG_FOLDER,       /* of pictures                         */
    UI_DIALOG_MODEL_DIR,
    UI_DIALOG_BATCH_FOLDER,
    UI_DIALOG_BATCH_FILE,
    UI_DIALOG_SAVE_CHAT, /* a file to write, with format        */
    UI_DIALOG_SAVE_BATCH
} ui_dialog_kind;
typedef struct ui_file_list { /* the dialog that is always there */
    ui_dialog_kind kind;
    char          *dir, *dir_shown;
    ui_file_row   *row; /* folders first, then pictures, by name */
    int            n_rows;
    bool           show_hidden, cut; /* cut: more than 10,000 entries */
    char          *note;             /* why the folder cannot be read, or NULL */
    int            format;           /* of SAVE: carried along */
} ui_file_list;

typedef enum ui_export_format {
    UI_EXPORT_MARKDOWN = 0,
    UI_EXPORT_JSON,
    UI_EXPORT_HTML,
    UI_EXPORT_COUNT
} ui_export_format;

typedef enum ui_batch_state {
    UI_BATCH_IDLE = 0,
    UI_BATCH_RUNNING,
    UI_BATCH_STOPPING,
    UI_BATCH_DONE, /* see n_errors */
    UI_BATCH_STOPPED,
    UI_BATCH_FAILED /* see error    */
} ui_batch_state;
typedef enum ui_batch_format { UI_BATCH_CSV = 0, UI_BATCH_JSONL, UI_BATCH_FORMAT_COUNT } ui_batch_format;
typedef struct ui_batch_row {
    char *id, *image, *question, *answer; /* never NULL */
    char *error;                          /* NULL: answered */
} ui_batch_row;
enum { UI_BATCH_MAX_ROWS = 5000 }; /* shown: the newest; the result file has all */
typedef struct ui_batch {
    bool           available; /* false: the panel is left out */
    ui_batch_state state;
    int64_t        n_total, n_done, n_errors;
    double         rate, eta_s; /* rows a second; < 0: not known yet */
    ui_batch_row  *row;
    int            n_rows;
    int64_t        first_row; /* number of row[0] among all */
    char          *error;     /* or NULL */
    char          *results;   /* file that is being written, or NULL */
    mlmamba_task   task;
} ui_batch;

/* ---- requests ----------------------------------------------------------------------------------- */

typedef struct ui_past_turn { /* to recompute a state that was dropped */
    int64_t       id;
    char         *prompt, *answer;
    int           n_tokens;
    chat_sampling sampling;
} ui_past_turn;

/* What a question is about.  Equal picture, region and fit: the same state. */
typedef struct ui_sight {
    int64_t        picture;
    chat_region    region;
    mlmamba_fit    fit;
    mlmamba_image *image; /* whole picture, shared */
} ui_sight;

typedef enum ui_request_type {
    /* inference thread */
    UI_REQ_LOAD = 0,    /* path (NULL: built-in), device, number: threads, kept_mb */
    UI_REQ_CANCEL_LOAD, /* at once                                          */
    UI_REQ_UNLOAD,
    UI_REQ_LOOK,   /* sight: encode now, so that the first answer is quick; dropped when a question waits */
    UI_REQ_ASK,    /* id: turn; sight; past; text: prompt; sampling    */
    UI_REQ_STOP,   /* at once: what is being asked now                 */
    UI_REQ_FORGET, /* id: turn or 0: all states                        */
    UI_REQ_BATCH_START, /* batch_*                                          */
    UI_REQ_BATCH_STOP,  /* at once                                          */
    /* second thread: files */
    UI_REQ_DECODE, /* id: picture; path or bytes                          */
    UI_REQ_THUMB,  /* id: picture; path                                   */
    UI_REQ_GATHER, /* paths: pictures in files and folders; number: 1 typed in the question box, with text behind it */
    UI_REQ_LIST_DIR,      /* path; number: hidden files too                      */
    UI_REQ_SCAN_MODELS,   /* paths: recent and added directories              */
    UI_REQ_CHECK_MODEL,   /* path; device; kept_mb                            */
    UI_REQ_EXPORT,        /* chat; number: format; path; id 1: replaces what is there */
    UI_REQ_SAVE_SETTINGS, /* text                                           */
    UI_REQ_BATCH_EXPORT,  /* number: format; path; text: result file; id 1: replaces what is there */
    /* second thread: history */
    UI_REQ_HISTORY_LIST,   /* text: search or NULL                          */
    UI_REQ_HISTORY_OPEN,   /* id                                            */
    UI_REQ_HISTORY_SAVE,   /* chat: everything of it that changed is stored */
    UI_REQ_HISTORY_DRAFT,  /* id: chat, text                                */
    UI_REQ_HISTORY_RENAME, /* id, text                                      */
    UI_REQ_HISTORY_DELETE, /* id; number 1: delete, 0: take back            */
    UI_REQ_HISTORY_PURGE,  /* id: for good                                  */
    /* main thread, helpers */
    UI_REQ_DIALOG,    /* number: ui_dialog_kind; text: suggested name       */
    UI_REQ_CLIPBOARD, /* fetch the picture of the clipboard                 */
    UI_REQ_COPY_TEXT, /* text to the clipboard                              */
    UI_REQ_COUNT
} ui_request_type;

typedef struct ui_request {
    ui_request_type type;
    uint64_t        serial;
    int64_t         id, number;
    char           *path, *text, *device;
    char          **paths;
    int             n_paths;
    uint8_t        *bytes; /* UI_REQ_DECODE of a clipboard picture: owned, malloc */
    size_t          n_bytes;
    int             kept_mb;
    ui_sight        sight;
    ui_past_turn   *past;
    int             n_past;
    chat_sampling   sampling;
    chat           *chat;
    mlmamba_task    task; /* batch */
} ui_request;
void ui_request_free(ui_request *req); /* what it owns, not itself; zeroes it */

/* ---- events ------------------------------------------------------------------------------------- */

typedef enum ui_event_type {
    UI_EV_NONE = 0,
    UI_EV_LOAD_PROGRESS, /* done, total: bytes                                */
    UI_EV_LOADED,        /* facts                                             */
    UI_EV_LOAD_FAILED,   /* status, text; facts: of the model that is still loaded, if number is 1 */
    UI_EV_UNLOADED,
    UI_EV_LOOKED,      /* sight without image; view, info: the picture's state is there */
    UI_EV_LOOK_FAILED, /* sight; status, text                               */
    UI_EV_ASK_STAGE,   /* number: chat_turn_state; text: what is to be said about a long question, or NULL */
    UI_EV_PIECE,       /* text                                              */
    UI_EV_ANSWER, /* text: whole; finish, stats; number 1: the state behind it is kept; flag: recomputing gave another text */
    UI_EV_ASK_FAILED,     /* status, text                                      */
    UI_EV_STATE_DROPPED,  /* id: turn: its state is not kept any more          */
    UI_EV_MEMORY,         /* done: bytes of this process, total: states kept   */
    UI_EV_DECODED,        /* id; image, thumb, format ... of it                */
    UI_EV_DECODE_FAILED,  /* id; status, text                                  */
    UI_EV_THUMB,          /* id; image: small, or NULL with text               */
    UI_EV_GATHERED,       /* paths; text: what was left out and why, or NULL; number as in the request */
    UI_EV_DIR_LISTED,     /* files                                             */
    UI_EV_MODELS,         /* model_row, n_model_rows                           */
    UI_EV_MODEL_CHECKED,  /* model_row[0]                                      */
    UI_EV_EXPORTED,       /* path; status, text when it failed; MLM_E_STATE: it is there already */
    UI_EV_SETTINGS_SAVED, /* status, text when it failed                      */
    UI_EV_HISTORY,        /* number 1: works, 0: text says why not             */
    UI_EV_HISTORY_LIST,   /* chat_row, n_chat_rows; serial                     */
    UI_EV_HISTORY_CHAT,   /* chat; or NULL with status, text                   */
    UI_EV_HISTORY_SAVED,  /* id: of the chat; status, text when it failed      */
    UI_EV_DIALOG, /* paths: chosen, none: cancelled; number: kind; status MLM_E_UNSUPPORTED: no dialog program, show ours */
    UI_EV_CLIPBOARD,      /* bytes + text: name; or paths (text/uri-list); or status, text */
    UI_EV_BATCH_PROGRESS, /* done, total, errors in id; rate, eta             */
    UI_EV_BATCH_ROW,      /* batch_row                                        */
    UI_EV_BATCH_DONE,     /* status, text; path: results                      */
    UI_EV_COUNT
} ui_event_type;

typedef struct ui_event {
    ui_event_type      type;
    uint64_t           serial;
    int64_t            id, number;
    bool               flag;
    mlm_status         status;
    char              *text, *path;
    char             **paths;
    int                n_paths;
    uint8_t           *bytes;
    size_t             n_bytes;
    uint64_t           done, total;
    double             rate, eta_s;
    ui_engine_facts   *facts;
    ui_sight           sight;
    uint8_t           *view;
    mlmamba_image_info info; /* format and fit are "" or static */
    mlmamba_image     *image, *thumb;
    mlmamba_finish     finish;
    chat_stats         stats;
    chat              *chat;
    ui_chat_row       *chat_row;
    int                n_chat_rows;
    ui_model_row      *model_row;
    int                n_model_rows;
    ui_file_list      *files;
    ui_batch_row       batch_row;
} ui_event;
void ui_event_free(ui_event *ev); /* what it owns, not itself; zeroes it */

void ui_chat_rows_free(ui_chat_row *row, int n);
void ui_model_rows_free(ui_model_row *row, int n);
void ui_file_list_clear(ui_file_list *list);
void ui_batch_row_clear(ui_batch_row *row);

#endif
