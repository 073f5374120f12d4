/* file_list.c: a folder for the in-app file list. */
#include "app/desktop/file_list.h"

#include "app/desktop/app_dirs.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_of_use(const char *name)
{
    static const char *const ending[] = {".jpg",   ".jpeg", ".png",  ".webp", ".gif",  ".bmp",
                                         ".tga",   ".tif",  ".tiff", ".heic", ".heif", ".avif",
                                         ".jsonl", ".json", ".csv",  ".tsv"};
    const char              *dot      = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof ending / sizeof *ending; i++)
        if (strcasecmp(dot, ending[i]) == 0)
            return true;
    return false;
}

static int by_kind_and_name(const void *a, const void *b)
{
    const ui_file_row *x = a, *y = b;
    if (x->is_dir != y->is_dir)
        return x->is_dir ? -1 : 1;
    int order = strcasecmp(x->name, y->name);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static mlm_status show(char **out, const char *name)
{
    size_t cap = strlen(name) * 3 + 1;
    *out       = malloc(cap);
    if (*out == NULL)
        return mlm_fail_nomem(cap, "name");
    (void)chat_show_text(*out, cap, name, strlen(name), false);
    return MLM_OK;
}

static mlm_status add_row(ui_file_list *list, int *capacity, const char *name, const struct stat *st)
{
    if (list->n_rows == *capacity) {
        int          more = *capacity * 2 + 64;
        ui_file_row *row  = realloc(list->row, (size_t)more * sizeof *row);
        if (row == NULL)
            return mlm_fail_nomem((size_t)more * sizeof *row, "folder");
        list->row = row;
        *capacity = more;
    }
    ui_file_row row    = {.is_dir = S_ISDIR(st->st_mode), .bytes = (uint64_t)st->st_size};
    mlm_status  status = chat_set_text(&row.name, name);
    if (status == MLM_OK)
        status = show(&row.shown, name);
    if (status != MLM_OK) {
        free(row.name);
        return status;
    }
    list->row[list->n_rows++] = row;
    return MLM_OK;
}

static mlm_status read_entries(ui_file_list *list, DIR *d, bool hidden)
{
    int                  capacity = 0;
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (e->d_name[0] == '.' && !hidden) ||
            fstatat(dirfd(d), e->d_name, &st, 0) != 0)
            continue;
        if (!S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && is_of_use(e->d_name)))
            continue;
        if (list->n_rows >= FILE_LIST_MAX_ROWS) {
            list->cut = true;
            break;
        }
        MLM_TRY(add_row(list, &capacity, e->d_name, &st));
    }
    if (list->n_rows > 0)
        qsort(list->row, (size_t)list->n_rows, sizeof *list->row, by_kind_and_name);
    return MLM_OK;
}

mlm_status file_list_read(ui_file_list *out, char **file, const char *dir, bool hidden)
{
    char *given = NULL;
    *out        = (ui_file_list){.show_hidden = hidden};
    *file       = NULL;
    MLM_TRY(file_expand_home(&given, dir != NULL ? dir : "~"));
    char *real = realpath(given, NULL);
    if (real == NULL) {
        mlm_status status = errno == ENOMEM ? mlm_fail_nomem(0, "path")
                                            : mlm_fail(MLM_E_NOTFOUND, "%s: %s", given, strerror(errno));
        free(given);
        return status;
    }
    free(given);
    if (mlm_path_is_file(real)) {
        *file = real;
        return MLM_OK;
    }
    out->dir          = real;
    mlm_status status = show(&out->dir_shown, real);
    DIR       *d      = status == MLM_OK ? opendir(real) : NULL;
    if (status == MLM_OK && d == NULL)
        status = chat_set_text(&out->note, strerror(errno));
    if (d != NULL) {
        status = read_entries(out, d, hidden);
        (void)closedir(d);
    }
    if (status != MLM_OK)
        ui_file_list_clear(out);
    return status;
}
