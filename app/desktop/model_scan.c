/* model_scan.c: models on this computer. */
#include "app/desktop/model_scan.h"

#include "app/desktop/app_dirs.h"
#include "app/desktop/model_memory.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MLM_INSTALL_DATADIR
#    define MLM_INSTALL_DATADIR "/usr/local/share"
#endif
#ifndef MLM_SOURCE_DIR
#    define MLM_SOURCE_DIR "."
#endif

enum { MAX_ROWS = 200, MAX_FOLDERS = 2000 };

typedef struct scan {
    ui_model_row *row;
    int           n;
} scan;

/* ---- candidates --------------------------------------------------------------------------------- */

static bool has_file(const char *dir, const char *name)
{
    char *path = NULL;
    if (mlm_path_join(&path, dir, name) != MLM_OK)
        return false;
    bool is = mlm_path_is_file(path);
    free(path);
    return is;
}

static bool looks_like_model(const char *dir)
{
    static const char *const name[] = {"config.json", "latest-checkpoint.pt", "model.safetensors"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (has_file(dir, name[i]))
            return true;
    return false;
}

static mlm_status add_row(scan *s, const char *dir, const char *name, ui_model_source source)
{
    char *real = realpath(dir, NULL);
    if (real == NULL || s->n >= MAX_ROWS) {
        free(real);
        return MLM_OK;
    }
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->row[i].dir, real) == 0) {
            free(real);
            return MLM_OK;
        }
    ui_model_row row    = {.source = source, .dir = real};
    mlm_status   status = name != NULL ? chat_set_text(&row.name, name) : chat_show_name(&row.name, real);
    if (status != MLM_OK) {
        free(real);
        return status;
    }
    s->row[s->n++] = row;
    return MLM_OK;
}

/* The folder itself, then the folders in it. */
static mlm_status add_tree(scan *s, const char *dir, ui_model_source source)
{
    int            looked = 0;
    struct dirent *e;
    if (looks_like_model(dir))
        return add_row(s, dir, NULL, source);
    DIR *d = opendir(dir);
    if (d == NULL)
        return MLM_OK;
    mlm_status status = MLM_OK;
    while (status == MLM_OK && (e = readdir(d)) != NULL && looked++ < MAX_FOLDERS) {
        char *path = NULL;
        if (e->d_name[0] == '.')
            continue;
        status = mlm_path_join(&path, dir, e->d_name);
        if (status == MLM_OK && looks_like_model(path))
            status = add_row(s, path, NULL, source);
        free(path);
    }
    (void)closedir(d);
    return status;
}

/* ---- the cache of huggingface_hub --------------------------------------------------------------- */

/* models--ORG--NAME -> "ORG/NAME"; only what could be of use. */
static mlm_status hub_name(char **out, const char *folder)
{
    text_buffer b = {0};
    *out          = NULL;
    if (strncmp(folder, "models--", 8) != 0 ||
        (strcasestr(folder, "mamba") == NULL && strcasestr(folder, "cobra") == NULL))
        return MLM_OK;
    const char *org = folder + 8, *cut = strstr(org, "--");
    if (cut != NULL)
        text_addf(&b, "%.*s/%s", (int)(cut - org), org, cut + 2);
    else
        text_add(&b, org);
    return text_take(&b, out);
}

static mlm_status add_hub_model(scan *s, const char *hub, const char *folder)
{
    char *name = NULL, *snapshots = NULL;
    MLM_TRY(hub_name(&name, folder));
    if (name == NULL)
        return MLM_OK;
    text_buffer b      = {0};
    mlm_status  status = MLM_OK;
    text_addf(&b, "%s/%s/snapshots", hub, folder);
    status           = text_take(&b, &snapshots);
    DIR           *d = status == MLM_OK ? opendir(snapshots) : NULL;
    struct dirent *e;
    while (status == MLM_OK && d != NULL && (e = readdir(d)) != NULL) {
        char *path = NULL;
        if (e->d_name[0] == '.')
            continue;
        status = mlm_path_join(&path, snapshots, e->d_name);
        if (status == MLM_OK && looks_like_model(path))
            status = add_row(s, path, name, UI_MODEL_FOUND);
        free(path);
    }
    if (d != NULL)
        (void)closedir(d);
    free(snapshots);
    free(name);
    return status;
}

static mlm_status add_hub(scan *s, const char *hub)
{
    DIR           *d      = opendir(hub);
    mlm_status     status = MLM_OK;
    struct dirent *e;
    int            looked = 0;
    while (d != NULL && status == MLM_OK && (e = readdir(d)) != NULL && looked++ < MAX_FOLDERS)
        status = add_hub_model(s, hub, e->d_name);
    if (d != NULL)
        (void)closedir(d);
    return status;
}

static mlm_status add_hubs(scan *s)
{
    char       *path = NULL;
    text_buffer b    = {0};
    const char *hub = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME");
    if (hub != NULL && hub[0] == '/')
        text_add(&b, hub);
    else if (home != NULL && home[0] == '/')
        text_addf(&b, "%s/hub", home);
    else
        text_add(&b, "~/.cache/huggingface/hub");
    MLM_TRY(text_take(&b, &path));
    char      *full   = NULL;
    mlm_status status = file_expand_home(&full, path);
    if (status == MLM_OK)
        status = add_hub(s, full);
    free(full);
    free(path);
    return status;
}

/* ---- the usual directories ---------------------------------------------------------------------- */

char *model_scan_data_dir(const char *what)
{
    char exe[4096];
    mlm_path_of_program(exe, sizeof exe);
    for (int i = 0; i < 3; i++) {
        text_buffer b    = {0};
        char       *path = NULL;
        if (i == 0)
            text_addf(&b, "%s/../share/mlmamba/%s", exe, what);
        else if (i == 1)
            text_addf(&b, "%s/mlmamba/%s", MLM_INSTALL_DATADIR, what);
        else
            text_addf(&b, "%s/assets/%s", MLM_SOURCE_DIR, what);
        if (text_take(&b, &path) != MLM_OK)
            return NULL;
        if (mlm_path_is_dir(path))
            return path;
        free(path);
    }
    return NULL;
}

static mlm_status add_xdg(scan *s)
{
    char *home = NULL, *path = NULL;
    if (file_xdg_dir(&home, "XDG_DATA_HOME", ".local/share") == MLM_OK) {
        mlm_status status = mlm_path_join(&path, home, "models");
        free(home);
        MLM_TRY(status);
        status = add_tree(s, path, UI_MODEL_FOUND);
        free(path);
        MLM_TRY(status);
    }
    const char *dirs = getenv("XDG_DATA_DIRS");
    dirs             = dirs != NULL && dirs[0] != '\0' ? dirs : "/usr/local/share:/usr/share";
    while (*dirs != '\0') {
        text_buffer b = {0};
        size_t      n = strcspn(dirs, ":");
        text_add_bytes(&b, dirs, n);
        text_add(&b, "/mlmamba/models");
        MLM_TRY(text_take(&b, &path));
        mlm_status status = path[0] == '/' ? add_tree(s, path, UI_MODEL_FOUND) : MLM_OK;
        free(path);
        MLM_TRY(status);
        dirs += n + (dirs[n] == ':' ? 1 : 0);
    }
    MLM_TRY(file_expand_home(&path, "~/models"));
    mlm_status status = add_tree(s, path, UI_MODEL_FOUND);
    free(path);
    return status;
}

static mlm_status scan_all(scan *s, char *const *dirs, int n_dirs, int n_recent)
{
    char       *built_in = model_scan_data_dir("models/mlmamba-tiny");
    const char *env      = getenv("MLMAMBA_MODEL");
    if (built_in != NULL) {
        mlm_status status = add_row(s, built_in, "mlmamba-tiny (built in)", UI_MODEL_BUILT_IN);
        free(built_in);
        MLM_TRY(status);
    }
    if (env != NULL && env[0] != '\0')
        MLM_TRY(add_row(s, env, NULL, UI_MODEL_ENVIRONMENT));
    for (int i = 0; i < n_dirs; i++)
        MLM_TRY(i < n_recent ? add_row(s, dirs[i], NULL, UI_MODEL_RECENT)
                             : add_tree(s, dirs[i], UI_MODEL_FOUND));
    MLM_TRY(add_xdg(s));
    return add_hubs(s);
}

mlm_status model_scan(ui_model_row **rows, int *n, char *const *dirs, int n_dirs, int n_recent)
{
    scan s = {.row = calloc(MAX_ROWS, sizeof *s.row)};
    *rows  = NULL;
    *n     = 0;
    if (s.row == NULL)
        return mlm_fail_nomem(MAX_ROWS * sizeof *s.row, "models");
    mlm_status status = scan_all(&s, dirs, n_dirs, n_recent);
    if (status != MLM_OK) {
        ui_model_rows_free(s.row, s.n);
        return status;
    }
    *rows = s.row;
    *n    = s.n;
    return MLM_OK;
}

/* ---- one model ---------------------------------------------------------------------------------- */

mlm_status model_scan_check(ui_model_row *row, const char *device, int kept_mb)
{
    row->checked      = true;
    mlm_status status = mlmamba_check_model(&row->check, row->dir);
    if (status == MLM_E_NOMEM)
        return status;
    if (status != MLM_OK)
        return chat_set_text(&row->note, mlm_error_message());
    if (!row->check->complete)
        return MLM_OK;
    /* The states are kept by us, not by the session. */
    mlmamba_engine_options opt = {.model_dir = row->dir, .device = device, .kept_bytes = 1};
    mlmamba_memory        *m   = &row->memory;
    status                     = mlmamba_estimate_memory(m, &opt);
    if (status != MLM_OK)
        return status == MLM_E_NOMEM ? status : chat_set_text(&row->note, mlm_error_message());
    row->estimated     = true;
    bool     elsewhere = device != NULL && strncmp(device, "cuda", 4) == 0;
    uint64_t need      = (uint64_t)m->weights_bytes + m->scratch_bytes + m->session_bytes;
    uint64_t there     = model_memory_free();
    row->free_bytes    = elsewhere ? 0 : there;
    row->fits          = row->free_bytes == 0 || need < row->free_bytes;
    m->session_bytes += model_memory_quota(m->snapshot_bytes, kept_mb, there > need ? there - need : 0);
    return MLM_OK;
}
