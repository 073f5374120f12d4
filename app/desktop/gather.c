/* gather.c: folders and files to pictures, with limits. */
#include "app/desktop/gather.h"

#include "app/desktop/app_dirs.h"
#include "app/desktop/chat.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct walk {
    gathered          *out;
    const atomic_bool *stop;
    int                n_entries;
    bool               cut_pictures, cut_entries, cut_depth;
    text_buffer        first; /* why the first one was refused */
} walk;

/* ---- is it a picture? --------------------------------------------------------------------------- */

static bool begins_like_picture(const unsigned char *b, size_t n)
{
    static const char *const brand[] = {"heic", "heix", "hevc", "heim", "heis",
                                        "mif1", "msf1", "avif", "avis"};
    if (n < 12)
        return false;
    if (memcmp(b, "\xFF\xD8\xFF", 3) == 0 || memcmp(b, "\x89PNG\r\n\x1A\n", 8) == 0 ||
        memcmp(b, "GIF8", 4) == 0 || memcmp(b, "II*\0", 4) == 0 || memcmp(b, "MM\0*", 4) == 0)
        return true;
    if (memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0)
        return true;
    if (memcmp(b, "BM", 2) == 0 && b[6] == 0 && b[7] == 0 && b[8] == 0 && b[9] == 0)
        return true;
    if (memcmp(b + 4, "ftyp", 4) != 0)
        return false;
    for (size_t i = 0; i < sizeof brand / sizeof *brand; i++)
        if (memcmp(b + 8, brand[i], 4) == 0)
            return true;
    return false;
}

bool gather_is_picture(const char *path)
{
    unsigned char head[16];
    size_t        len = strlen(path);
    int           fd  = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof head);
    (void)close(fd);
    if (n > 0 && begins_like_picture(head, (size_t)n))
        return true;
    return n > 0 && len > 4 && strcasecmp(path + len - 4, ".tga") == 0;
}

/* ---- collecting --------------------------------------------------------------------------------- */

static mlm_status add_path(walk *w, const char *path)
{
    gathered *g = w->out;
    if (g->n >= GATHER_MAX_PICTURES) {
        w->cut_pictures = true;
        return MLM_OK;
    }
    if (g->n == g->capacity) {
        int    capacity = g->capacity * 2 + 32;
        char **more     = realloc(g->path, (size_t)capacity * sizeof *more);
        if (more == NULL)
            return mlm_fail_nomem((size_t)capacity * sizeof *more, "paths");
        g->path     = more;
        g->capacity = capacity;
    }
    g->path[g->n] = strdup(path);
    if (g->path[g->n] == NULL)
        return mlm_fail_nomem(strlen(path) + 1, "path");
    g->n++;
    return MLM_OK;
}

static void refuse(walk *w, const char *path, const char *why)
{
    char shown[512];
    if (w->out->n_refused++ > 0)
        return;
    (void)chat_show_text(shown, sizeof shown, path, strlen(path), false);
    text_addf(&w->first, "%s %s", shown, why);
}

static const char *kind_text(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "is a pipe, not a picture file";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "is a device, not a picture file";
    if (S_ISSOCK(mode))
        return "is a socket, not a picture file";
    return "is not a picture file";
}

/* ---- walking ------------------------------------------------------------------------------------ */

static mlm_status walk_dir(walk *w, const char *dir, int depth);

static int visible_only(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static mlm_status walk_entry(walk *w, const char *dir, const char *name, int depth)
{
    struct stat st;
    char       *path = NULL;
    MLM_TRY(mlm_path_join(&path, dir, name));
    mlm_status status = MLM_OK;
    if (lstat(path, &st) == 0) {
        bool link = S_ISLNK(st.st_mode);
        if (S_ISDIR(st.st_mode))
            status = walk_dir(w, path, depth + 1);
        else if ((!link || stat(path, &st) == 0) && S_ISREG(st.st_mode) && st.st_size > 0 &&
                 gather_is_picture(path))
            status = add_path(w, path);
    }
    free(path);
    return status;
}

static mlm_status walk_dir(walk *w, const char *dir, int depth)
{
    struct dirent **entry = NULL;
    if (depth > GATHER_MAX_DEPTH) {
        w->cut_depth = true;
        return MLM_OK;
    }
    int n = scandir(dir, &entry, visible_only, by_name);
    if (n < 0) {
        if (errno == ENOMEM)
            return mlm_fail_nomem(0, "folder");
        refuse(w, dir, "cannot be read");
        return MLM_OK;
    }
    mlm_status status = MLM_OK;
    for (int i = 0; i < n; i++) {
        if (status == MLM_OK && w->stop != NULL && atomic_load(w->stop))
            status = mlm_fail(MLM_E_CANCELLED, "stopped");
        if (status == MLM_OK && ++w->n_entries > GATHER_MAX_ENTRIES)
            w->cut_entries = true;
        if (status == MLM_OK && !w->cut_entries && !w->cut_pictures)
            status = walk_entry(w, dir, entry[i]->d_name, depth);
        free(entry[i]);
    }
    free(entry);
    return status;
}

static mlm_status take_named(walk *w, const char *given)
{
    struct stat st;
    char       *path = NULL;
    MLM_TRY(file_expand_home(&path, given));
    mlm_status status = MLM_OK;
    if (stat(path, &st) != 0)
        refuse(w, path, errno == ENOENT ? "does not exist" : strerror(errno));
    else if (S_ISDIR(st.st_mode))
        status = walk_dir(w, path, 1);
    else if (!S_ISREG(st.st_mode))
        refuse(w, path, kind_text(st.st_mode));
    else if (st.st_size == 0)
        refuse(w, path, "is empty (0 bytes)");
    else
        status = add_path(w, path);
    free(path);
    return status;
}

/* path: the first of the n that were dropped or chosen. */
static mlm_status write_note(walk *w, const char *path, int n)
{
    gathered   *g = w->out;
    text_buffer b = {0};
    if (g->n_refused > 0)
        text_addf(&b, "%s", w->first.data != NULL ? w->first.data : "something cannot be used");
    if (g->n_refused > 1)
        text_addf(&b, "; and %d more left out", g->n_refused - 1);
    const char *join = b.n > 0 ? "; " : "";
    if (w->cut_pictures)
        text_addf(&b, "%sonly the first %d pictures are taken", join, GATHER_MAX_PICTURES);
    else if (w->cut_entries)
        text_addf(&b, "%sonly the first %d files were looked at", join, GATHER_MAX_ENTRIES);
    else if (w->cut_depth)
        text_addf(&b, "%sfolders deeper than %d are left out", join, GATHER_MAX_DEPTH);
    else if (b.n == 0 && g->n == 0)
        text_addf(&b,
                  n == 1 ? "%s: there is no picture in it" : "%s and the others: there is no picture in them",
                  path);
    if (b.n == 0 && !b.failed)
        return MLM_OK;
    return text_take(&b, &g->note);
}

mlm_status gather_pictures(gathered *out, char *const *path, int n, const atomic_bool *stop)
{
    walk       w      = {.out = out, .stop = stop};
    mlm_status status = MLM_OK;
    *out              = (gathered){0};
    for (int i = 0; i < n && status == MLM_OK; i++)
        status = stop != NULL && atomic_load(stop) ? mlm_fail(MLM_E_CANCELLED, "stopped")
                                                   : take_named(&w, path[i]);
    if (status == MLM_OK)
        status = write_note(&w, n > 0 ? path[0] : "nothing", n);
    text_drop(&w.first);
    if (status != MLM_OK)
        gathered_free(out);
    return status;
}

void gathered_free(gathered *g)
{
    for (int i = 0; i < g->n; i++)
        free(g->path[i]);
    free(g->path);
    free(g->note);
    *g = (gathered){0};
}
