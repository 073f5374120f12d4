/*
 * settings.h: what the user chose, kept in $XDG_CONFIG_HOME/mlmamba/desktop.json.
 *
 * One table describes every setting (kind, limits, step, words), so that the settings panel, the file and the tests
 * need no code per setting.
 */
#ifndef DESKTOP_SETTINGS_H
#define DESKTOP_SETTINGS_H

#include <stdint.h>

#include "app/engine/mlmamba.h"
#include "kernels/base/mlm_fail.h"

enum { SETTINGS_MAX_RECENT = 12, SETTINGS_MAX_DIRS = 8 };

typedef struct ui_settings {
    /* answers */
    float       temperature, top_p, min_p, repetition_penalty; /* 0: greedy; off; off; off */
    int         top_k, max_tokens;
    uint64_t    seed;
    mlmamba_fit fit;
    /* model */
    char *model_dir;                   /* NULL: the built-in model                               */
    char *device;                      /* never NULL: "auto", "cpu", "cuda", ...                 */
    int   threads;                     /* 0: all                                                 */
    int   kept_mb;                     /* states kept for instant branches; 0: by the model      */
    char *recent[SETTINGS_MAX_RECENT]; /* model directories, newest first      */
    int   n_recent;
    char *dir[SETTINGS_MAX_DIRS]; /* more directories to look for models in    */
    int   n_dirs;
    /* window */
    int  theme;        /* 0 light, 1 dark, 2 high contrast */
    int  text_percent; /* 50 .. 300 */
    bool sidebar;
    bool keep_history;
    int  window_width, window_height; /* 0: not known */
} ui_settings;

typedef enum ui_setting {
    UI_SET_TEMPERATURE = 0,
    UI_SET_TOP_P,
    UI_SET_TOP_K,
    UI_SET_MIN_P,
    UI_SET_REPETITION,
    UI_SET_SEED,
    UI_SET_MAX_TOKENS,
    UI_SET_FIT,
    UI_SET_DEVICE,
    UI_SET_THREADS,
    UI_SET_KEPT_MB,
    UI_SET_THEME,
    UI_SET_TEXT_PERCENT,
    UI_SET_KEEP_HISTORY,
    UI_SET_COUNT
} ui_setting;

typedef enum ui_setting_kind {
    UI_KIND_FLOAT = 0,
    UI_KIND_INT,
    UI_KIND_CHOICE, /* number: index into choice[]          */
    UI_KIND_BOOL,
    UI_KIND_TEXT /* text, with choice[] as suggestions   */
} ui_setting_kind;

typedef struct ui_setting_info {
    const char        *key, *label, *help; /* key: in the file */
    ui_setting_kind    kind;
    double             min, max, step;
    const char *const *choice;       /* NULL-terminated, or NULL */
    bool               needs_reload; /* takes effect with the next load of a model */
} ui_setting_info;

const ui_setting_info *settings_info(ui_setting which);
double                 settings_number(const ui_settings *s, ui_setting which);
const char            *settings_text(const ui_settings *s, ui_setting which); /* UI_KIND_TEXT, else "" */
/* For people: "0 (greedy)", "off", "0.70", "letterbox". */
void settings_show(char *dst, size_t cap, const ui_settings *s, ui_setting which);
/* MLM_E_RANGE with the limits in the message.  text only for UI_KIND_TEXT. */
mlm_status settings_set(ui_settings *s, ui_setting which, double number, const char *text) MLM_WARN_UNUSED;

typedef struct ui_preset {
    const char *name, *help;
    float       temperature, top_p, min_p;
    int         top_k;
} ui_preset;
const ui_preset *settings_presets(int *n);
int              settings_current_preset(const ui_settings *s); /* -1: none of them */
void             settings_use_preset(ui_settings *s, int preset);
void             settings_reset_answers(ui_settings *s); /* sampling and fit */

mlm_status settings_init(ui_settings *s) MLM_WARN_UNUSED; /* defaults */
mlm_status settings_copy(ui_settings *dst, const ui_settings *src) MLM_WARN_UNUSED;
void       settings_free(ui_settings *s); /* zeroed struct is fine */
mlm_status settings_add_recent(ui_settings *s, const char *model_dir);
mlm_status settings_add_dir(ui_settings *s, const char *dir) MLM_WARN_UNUSED;

/* An absent file gives the defaults.  A wrong value keeps that default and is named in *note (owned, NULL: all was well); a file that
 * is no JSON at all is moved aside to NAME.bad, so that saving cannot destroy what somebody wrote by hand. */
mlm_status settings_load(ui_settings *s, const char *path, char **note) MLM_WARN_UNUSED;
/* The text of the file; owned. */
mlm_status settings_write(char **text, const ui_settings *s) MLM_WARN_UNUSED;

#endif
