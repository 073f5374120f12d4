/* settings.c: the table of settings, their values, presets. */
#include "app/desktop/settings.h"

#include "app/desktop/chat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fit_names[]    = {"model", "naive", "crop", "letterbox", NULL};
static const char *const theme_names[]  = {"light", "dark", "contrast", NULL};
static const char *const device_names[] = {"auto", "cpu", "cuda", NULL};

/* Numbers above 2^53 are not exact in a double: a seed ends there. */
#define MAX_SEED 9007199254740991.0

static const ui_setting_info setting_table[UI_SET_COUNT] = {
    [UI_SET_TEMPERATURE] = {"temperature", "Temperature",
                            "0: always the likeliest token (greedy). Above: drawn, wilder the higher.",
                            UI_KIND_FLOAT, 0, 2, 0.05, NULL, false},
    [UI_SET_TOP_P]       = {"top_p", "Top-p",
                            "Draw among the likeliest tokens that together have this probability. 0: off.",
                            UI_KIND_FLOAT, 0, 1, 0.05, NULL, false},
    [UI_SET_TOP_K] = {"top_k", "Top-k", "Draw among this many of the likeliest tokens. 0: off.", UI_KIND_INT,
                      0, 1000, 1, NULL, false},
    [UI_SET_MIN_P] = {"min_p", "Min-p",
                      "Leave out tokens less likely than this part of the likeliest. 0: off.", UI_KIND_FLOAT,
                      0, 1, 0.01, NULL, false},
    [UI_SET_REPETITION] = {"repetition_penalty", "Repetition penalty",
                           "Above 1: what was said becomes less likely. 0: off.", UI_KIND_FLOAT, 0, 2, 0.05,
                           NULL, false},
    [UI_SET_SEED] = {"seed", "Seed", "The same seed draws the same answer.", UI_KIND_INT, 0, MAX_SEED, 1,
                     NULL, false},
    [UI_SET_MAX_TOKENS] = {"max_tokens", "Longest answer", "In tokens; the answer is cut there.", UI_KIND_INT,
                           1, 4096, 16, NULL, false},
    [UI_SET_FIT]        = {"fit", "Picture to square",
                           "How the picture is brought to the model's square: as it was trained, squeezed, centre "
                                  "cut out, with bars.",
                           UI_KIND_CHOICE, 0, 3, 1, fit_names, false},
    [UI_SET_DEVICE]     = {"device", "Device", "auto: the GPU where there is one.", UI_KIND_TEXT, 0, 0, 0,
                           device_names, true},
    [UI_SET_THREADS]    = {"threads", "Threads", "0: all that this program may use.", UI_KIND_INT, 0, 1024, 1,
                           NULL, true},
    [UI_SET_KEPT_MB]    = {"kept_mb", "Memory for states",
                           "Megabytes for the states behind answers; those beyond are computed again when "
                              "needed. 0: by the model.",
                           UI_KIND_INT, 0, 65536, 64, NULL, true},
    [UI_SET_THEME]      = {"theme", "Theme", "", UI_KIND_CHOICE, 0, 2, 1, theme_names, false},
    [UI_SET_TEXT_PERCENT] = {"text_percent", "Text size", "In percent.", UI_KIND_INT, 50, 300, 10, NULL,
                             false},
    [UI_SET_KEEP_HISTORY] = {"keep_history", "Keep history",
                             "Chats are stored on this computer, nowhere else.", UI_KIND_BOOL, 0, 1, 1, NULL,
                             false},
};

const ui_setting_info *settings_info(ui_setting which)
{
    return &setting_table[which];
}

double settings_number(const ui_settings *s, ui_setting which)
{
    switch (which) {
    case UI_SET_TEMPERATURE:
        return (double)s->temperature;
    case UI_SET_TOP_P:
        return (double)s->top_p;
    case UI_SET_TOP_K:
        return s->top_k;
    case UI_SET_MIN_P:
        return (double)s->min_p;
    case UI_SET_REPETITION:
        return (double)s->repetition_penalty;
    case UI_SET_SEED:
        return (double)s->seed;
    case UI_SET_MAX_TOKENS:
        return s->max_tokens;
    case UI_SET_FIT:
        return (double)s->fit;
    case UI_SET_THREADS:
        return s->threads;
    case UI_SET_KEPT_MB:
        return s->kept_mb;
    case UI_SET_THEME:
        return s->theme;
    case UI_SET_TEXT_PERCENT:
        return s->text_percent;
    case UI_SET_KEEP_HISTORY:
        return s->keep_history ? 1 : 0;
    case UI_SET_DEVICE:
    case UI_SET_COUNT:
    default:
        return 0;
    }
}

const char *settings_text(const ui_settings *s, ui_setting which)
{
    return which == UI_SET_DEVICE ? s->device : "";
}

void settings_show(char *dst, size_t cap, const ui_settings *s, ui_setting which)
{
    const ui_setting_info *info  = &setting_table[which];
    double                 value = settings_number(s, which);
    bool off = value == 0 && (which == UI_SET_TOP_P || which == UI_SET_TOP_K || which == UI_SET_MIN_P ||
                              which == UI_SET_REPETITION);
    if (which == UI_SET_TEMPERATURE && value == 0)
        (void)snprintf(dst, cap, "0 (greedy)");
    else if (which == UI_SET_THREADS && value == 0)
        (void)snprintf(dst, cap, "all");
    else if (which == UI_SET_KEPT_MB && value == 0)
        (void)snprintf(dst, cap, "automatic");
    else if (off)
        (void)snprintf(dst, cap, "off");
    else if (info->kind == UI_KIND_TEXT)
        (void)snprintf(dst, cap, "%s", settings_text(s, which));
    else if (info->kind == UI_KIND_CHOICE)
        (void)snprintf(dst, cap, "%s", info->choice[(int)value]);
    else if (info->kind == UI_KIND_BOOL)
        (void)snprintf(dst, cap, "%s", value != 0 ? "on" : "off");
    else
        (void)snprintf(dst, cap, "%.*f", info->kind == UI_KIND_FLOAT ? 2 : 0, value);
}

/* A device name: a short word of letters, digits and colons, or nothing. */
static mlm_status set_device(ui_settings *s, const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    if (n == 0 || n > 31 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789:") != n)
        return mlm_fail(MLM_E_RANGE, "device: \"%s\" is not a name like auto, cpu, cuda or cuda:1",
                        text != NULL ? text : "");
    return chat_set_text(&s->device, text);
}

static void store(ui_settings *s, ui_setting which, double v)
{
    switch (which) {
    case UI_SET_TEMPERATURE:
        s->temperature = (float)v;
        break;
    case UI_SET_TOP_P:
        s->top_p = (float)v;
        break;
    case UI_SET_TOP_K:
        s->top_k = (int)v;
        break;
    case UI_SET_MIN_P:
        s->min_p = (float)v;
        break;
    case UI_SET_REPETITION:
        s->repetition_penalty = (float)v;
        break;
    case UI_SET_SEED:
        s->seed = (uint64_t)v;
        break;
    case UI_SET_MAX_TOKENS:
        s->max_tokens = (int)v;
        break;
    case UI_SET_FIT:
        s->fit = (mlmamba_fit)v;
        break;
    case UI_SET_THREADS:
        s->threads = (int)v;
        break;
    case UI_SET_KEPT_MB:
        s->kept_mb = (int)v;
        break;
    case UI_SET_THEME:
        s->theme = (int)v;
        break;
    case UI_SET_TEXT_PERCENT:
        s->text_percent = (int)v;
        break;
    case UI_SET_KEEP_HISTORY:
        s->keep_history = v != 0;
        break;
    case UI_SET_DEVICE:
    case UI_SET_COUNT:
    default:
        break;
    }
}

mlm_status settings_set(ui_settings *s, ui_setting which, double number, const char *text)
{
    if ((int)which < 0 || which >= UI_SET_COUNT)
        return mlm_fail(MLM_E_RANGE, "there is no setting %d", (int)which);
    const ui_setting_info *info = &setting_table[which];
    if (info->kind == UI_KIND_TEXT)
        return set_device(s, text);
    bool whole = info->kind == UI_KIND_FLOAT || number == floor(number);
    if (!(number >= info->min && number <= info->max) || !whole)
        return mlm_fail(MLM_E_RANGE, "%s is %g, must be %s from %g to %.0f", info->key, number,
                        info->kind == UI_KIND_FLOAT ? "a number" : "a whole number", info->min, info->max);
    store(s, which, number);
    return MLM_OK;
}

/* ---- presets ------------------------------------------------------------------------------------ */

static const ui_preset preset_table[] = {
    {"Greedy", "The likeliest answer, always the same. As the model was measured.", 0, 0, 0, 0},
    {"Balanced", "Some variety: temperature 0.7, top-p 0.9.", 0.7F, 0.9F, 0, 0},
    {"Varied", "Another answer each time the seed changes: temperature 1, min-p 0.05.", 1, 0, 0.05F, 0},
};

const ui_preset *settings_presets(int *n)
{
    *n = (int)(sizeof preset_table / sizeof *preset_table);
    return preset_table;
}

int settings_current_preset(const ui_settings *s)
{
    for (int i = 0; i < (int)(sizeof preset_table / sizeof *preset_table); i++) {
        const ui_preset *p = &preset_table[i];
        if (p->temperature == s->temperature && p->top_p == s->top_p && p->min_p == s->min_p &&
            p->top_k == s->top_k)
            return i;
    }
    return -1;
}

void settings_use_preset(ui_settings *s, int preset)
{
    const ui_preset *p = &preset_table[preset];
    s->temperature     = p->temperature;
    s->top_p           = p->top_p;
    s->min_p           = p->min_p;
    s->top_k           = p->top_k;
}

void settings_reset_answers(ui_settings *s)
{
    settings_use_preset(s, 0);
    s->repetition_penalty = 0;
    s->seed               = 0;
    s->max_tokens         = 256;
    s->fit                = MLMAMBA_FIT_MODEL;
}

/* ---- life --------------------------------------------------------------------------------------- */

mlm_status settings_init(ui_settings *s)
{
    *s              = (ui_settings){0};
    s->text_percent = 100;
    s->sidebar      = false;
    s->keep_history = true;
    settings_reset_answers(s);
    return chat_set_text(&s->device, "auto");
}

void settings_free(ui_settings *s)
{
    free(s->model_dir);
    free(s->device);
    for (int i = 0; i < s->n_recent; i++)
        free(s->recent[i]);
    for (int i = 0; i < s->n_dirs; i++)
        free(s->dir[i]);
    *s = (ui_settings){0};
}

mlm_status settings_copy(ui_settings *dst, const ui_settings *src)
{
    ui_settings s     = *src;
    s.model_dir       = NULL;
    s.device          = NULL;
    s.n_recent        = 0;
    s.n_dirs          = 0;
    mlm_status status = chat_set_text(&s.model_dir, src->model_dir);
    if (status == MLM_OK)
        status = chat_set_text(&s.device, src->device);
    for (int i = 0; i < src->n_recent && status == MLM_OK; i++) {
        s.recent[i] = NULL;
        status      = chat_set_text(&s.recent[i], src->recent[i]);
        s.n_recent += status == MLM_OK ? 1 : 0;
    }
    for (int i = 0; i < src->n_dirs && status == MLM_OK; i++) {
        s.dir[i] = NULL;
        status   = chat_set_text(&s.dir[i], src->dir[i]);
        s.n_dirs += status == MLM_OK ? 1 : 0;
    }
    if (status != MLM_OK) {
        settings_free(&s);
        return status;
    }
    *dst = s;
    return MLM_OK;
}

/* Newest first, each once, the oldest falls out. */
static mlm_status push_front(char **list, int *n, int max, const char *text)
{
    int at = 0;
    while (at < *n && strcmp(list[at], text) != 0)
        at++;
    char *entry = at < *n ? list[at] : strdup(text);
    if (entry == NULL)
        return mlm_fail_nomem(strlen(text) + 1, "recent model");
    if (at == max) {
        at = max - 1;
        free(list[at]);
    } else if (at == *n) {
        (*n)++;
    }
    memmove(list + 1, list, (size_t)at * sizeof *list);
    list[0] = entry;
    return MLM_OK;
}

mlm_status settings_add_recent(ui_settings *s, const char *model_dir)
{
    return push_front(s->recent, &s->n_recent, SETTINGS_MAX_RECENT, model_dir);
}

mlm_status settings_add_dir(ui_settings *s, const char *dir)
{
    return push_front(s->dir, &s->n_dirs, SETTINGS_MAX_DIRS, dir);
}
