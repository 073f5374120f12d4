/* model_write.c: DIR.partial, then DIR. */
#include "app/engine/model_write.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct model_write {
    char *dir, *partial;
    bool  made, keep, committed;
};

/* Files only: whatever else is in there is not ours and stops the removal. */
static mlm_status remove_files(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? MLM_OK : mlm_fail(MLM_E_IO, "%s: cannot read: %s", dir, strerror(errno));
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
    return rmdir(dir) == 0 ? MLM_OK : mlm_fail(MLM_E_IO, "%s: cannot remove: %s", dir, strerror(errno));
}

static mlm_status check_target(const char *dir)
{
    struct stat st;
    DIR        *d = NULL;
    int         n = 0;
    if (lstat(dir, &st) != 0)
        return errno == ENOENT ? MLM_OK : mlm_fail(MLM_E_IO, "%s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return mlm_fail(MLM_E_IO, "%s: is there already and is not a folder", dir);
    d = opendir(dir);
    if (d == NULL)
        return mlm_fail(MLM_E_IO, "%s: cannot read: %s", dir, strerror(errno));
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    if (n > 0)
        return mlm_fail(MLM_E_IO,
                        "%s: is there already with %d files in it; choose another name or remove it", dir, n);
    return MLM_OK;
}

static mlm_status name_dirs(model_write *w, const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    w->dir     = strndup(dir, n);
    w->partial = malloc(n + sizeof ".partial");
    if (w->dir == NULL || w->partial == NULL)
        return mlm_fail_nomem(2 * n, "name of a folder");
    (void)snprintf(w->partial, n + sizeof ".partial", "%s.partial", w->dir);
    return MLM_OK;
}

static mlm_status begin(model_write *w, const char *dir, bool resume)
{
    if (dir[0] == '\0')
        return mlm_fail(MLM_E_IO, "the name of the output folder is empty");
    MLM_TRY(name_dirs(w, dir));
    MLM_TRY(check_target(w->dir));
    if (!resume)
        MLM_TRY(remove_files(w->partial));
    if (mkdir(w->partial, 0777) != 0) {
        int error = errno;
        if (!resume || error != EEXIST || !mlm_path_is_dir(w->partial))
            return mlm_fail(MLM_E_IO, "%s: cannot make this folder: %s", w->partial, strerror(error));
    }
    w->made = true;
    return MLM_OK;
}

mlm_status model_write_begin(model_write **out, const char *dir, bool resume)
{
    *out           = NULL;
    model_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail_nomem(sizeof *w, "model writer");
    mlm_status status = begin(w, dir, resume);
    if (status != MLM_OK) {
        model_write_free(w);
        return status;
    }
    *out = w;
    return MLM_OK;
}

void model_write_keep_partial(model_write *w)
{
    w->keep = true;
}

void model_write_free(model_write *w)
{
    if (w == NULL)
        return;
    if (w->made && !w->committed && !w->keep && remove_files(w->partial) != MLM_OK)
        w->made = false; /* what is left there is removed by the next run */
    free(w->dir);
    free(w->partial);
    free(w);
}

mlm_status model_write_path(char **out, const model_write *w, const char *name)
{
    return mlm_path_join(out, w->partial, name);
}

mlm_status model_write_bytes(model_write *w, const char *name, const void *bytes, size_t n)
{
    char *path = NULL;
    MLM_TRY(model_write_path(&path, w, name));
    int        fd     = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    mlm_status status = fd >= 0 ? mlm_fd_write(fd, bytes, n, path)
                                : mlm_fail(MLM_E_IO, "%s: cannot create: %s", path, strerror(errno));
    if (status == MLM_OK)
        status = mlm_fd_sync(fd, path);
    if (fd >= 0 && close(fd) != 0 && status == MLM_OK)
        status = mlm_fail(MLM_E_IO, "%s: cannot write: %s", path, strerror(errno));
    free(path);
    return status;
}

mlm_status model_write_copy(model_write *w, const char *name, const char *from_dir, size_t limit)
{
    char  *path = NULL, *data = NULL;
    size_t n = 0;
    MLM_TRY(mlm_path_join(&path, from_dir, name));
    mlm_status status = mlm_file_read(&data, &n, path, limit, name);
    if (status == MLM_OK)
        status = model_write_bytes(w, name, data, n);
    free(data);
    free(path);
    return status;
}

static mlm_status sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mlm_fail(MLM_E_IO, "%s: %s", dir, strerror(errno));
    int error = fsync(fd);
    (void)close(fd);
    return error == 0 ? MLM_OK : mlm_fail(MLM_E_IO, "%s: cannot sync: %s", dir, strerror(errno));
}

mlm_status model_write_commit(model_write *w)
{
    MLM_TRY(sync_dir(w->partial));
    if (rename(w->partial, w->dir) != 0) /* an empty folder of that name gives way */
        return mlm_fail(MLM_E_IO, "%s: cannot be renamed to %s: %s", w->partial, w->dir, strerror(errno));
    w->committed = true;
    return MLM_OK;
}
