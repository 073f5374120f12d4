/* mlm_file_write.c: a temporary file in the same folder, fsync, rename, fsync of the folder. */
#include "kernels/base/mlm_file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AHEAD_BYTES ((uint64_t)16 << 20)

mlm_status mlm_fd_write(int fd, const void *bytes, size_t n, const char *name)
{
    const char *from = bytes;
    char        text[128];
    while (n > 0) {
        ssize_t wrote = write(fd, from, n < (size_t)1 << 30 ? n : (size_t)1 << 30);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return mlm_fail(MLM_E_IO, "%s: cannot write: %s", name,
                            wrote < 0 ? strerror_r(errno, text, sizeof text) : "nothing was written");
        from += wrote;
        n -= (size_t)wrote;
    }
    return MLM_OK;
}

mlm_status mlm_fd_sync(int fd, const char *name)
{
    char text[128];
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        return mlm_fail(MLM_E_IO, "%s: cannot sync: %s", name, strerror_r(errno, text, sizeof text));
    return MLM_OK;
}

void mlm_sync_folder_of(const char *path)
{
    char *dir = strdup(path), *slash = dir != NULL ? strrchr(dir, '/') : NULL;
    if (slash != NULL)
        slash[slash == dir] = '\0';
    int fd = dir != NULL ? open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(dir);
}

static mlm_status fail_write(const mlm_new_file *f, const char *path)
{
    char text[128];
    if (errno == ENOMEM)
        return mlm_fail_nomem(strlen(path) + 1, f->what);
    return mlm_fail(MLM_E_IO, "%s: cannot write the %s: %s", path, f->what,
                    strerror_r(errno, text, sizeof text));
}

static void forget(mlm_new_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->target);
    free(f->temp);
    *f = (mlm_new_file){.fd = -1};
}

static mlm_status find_target(mlm_new_file *f, const char *path, mode_t *mode)
{
    struct stat st;
    if (path[0] == '\0')
        return mlm_fail(MLM_E_IO, "cannot write the %s: its name is empty", f->what);
    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            return fail_write(f, path);
        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
            return mlm_fail(MLM_E_IO, "%s: cannot write the %s there: a link that leads nowhere", path,
                            f->what);
        f->target = strdup(path);
    } else if (!S_ISREG(st.st_mode)) {
        return mlm_fail(MLM_E_IO, "%s: cannot write the %s there: not a regular file", path, f->what);
    } else {
        *mode     = st.st_mode & 0777;
        f->target = realpath(path, NULL);
    }
    return f->target != NULL ? MLM_OK : fail_write(f, path);
}

/* Names that a killed process left behind are passed over. */
static mlm_status make_temporary(mlm_new_file *f, mode_t mode)
{
    enum { TRIES = 100 };
    size_t cap = strlen(f->target) + 48;
    f->temp    = malloc(cap);
    if (f->temp == NULL)
        return mlm_fail_nomem(cap, f->what);
    for (int i = 0; i < TRIES && f->fd < 0; i++) {
        (void)snprintf(f->temp, cap, "%s.%ld-%d.tmp", f->target, (long)getpid(), i);
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (f->fd < 0 && errno != EEXIST)
            break;
    }
    return f->fd >= 0 ? MLM_OK : fail_write(f, f->target);
}

mlm_status mlm_new_file_open(mlm_new_file *f, const char *path, unsigned mode, const char *what)
{
    mode_t kept       = 01000; /* none */
    *f                = (mlm_new_file){.fd = -1, .what = what};
    mlm_status status = find_target(f, path, &kept);
    if (status == MLM_OK)
        status = make_temporary(f, (mode_t)mode);
    if (status == MLM_OK && kept != 01000)
        (void)fchmod(f->fd, kept); /* not ours to change: then it keeps its own */
    if (status != MLM_OK)
        forget(f);
    return status;
}

/* A large file goes to the disk while the rest of it is made: the sync at the end then waits for little.  Only a hint. */
static void start_writing(mlm_new_file *f)
{
#ifdef SYNC_FILE_RANGE_WRITE
    if (f->put - f->started < AHEAD_BYTES)
        return;
    (void)sync_file_range(f->fd, (off_t)f->started, (off_t)(f->put - f->started), SYNC_FILE_RANGE_WRITE);
    f->started = f->put;
#else
    (void)f;
#endif
}

mlm_status mlm_new_file_put(mlm_new_file *f, const void *bytes, size_t n)
{
    MLM_TRY(mlm_fd_write(f->fd, bytes, n, f->target));
    f->put += n;
    start_writing(f);
    return MLM_OK;
}

mlm_status mlm_new_file_commit(mlm_new_file *f)
{
    mlm_status status = mlm_fd_sync(f->fd, f->target);
    int        error  = close(f->fd);
    f->fd             = -1;
    if (status == MLM_OK && (error != 0 || rename(f->temp, f->target) != 0))
        status = fail_write(f, f->target);
    if (status == MLM_OK)
        mlm_sync_folder_of(f->target);
    else
        (void)unlink(f->temp);
    forget(f);
    return status;
}

void mlm_new_file_discard(mlm_new_file *f)
{
    if (f->temp != NULL) {
        (void)unlink(f->temp);
        forget(f);
    }
}

mlm_status mlm_file_write(const char *path, const void *bytes, size_t n, unsigned mode, const char *what)
{
    mlm_new_file f;
    MLM_TRY(mlm_new_file_open(&f, path, mode, what));
    mlm_status status = mlm_new_file_put(&f, bytes, n);
    if (status == MLM_OK)
        return mlm_new_file_commit(&f);
    mlm_new_file_discard(&f);
    return status;
}

mlm_status mlm_make_dirs(const char *dir, unsigned mode)
{
    size_t      n    = strlen(dir);
    char       *part = strdup(dir), text[128];
    struct stat st;
    if (part == NULL)
        return mlm_fail_nomem(n + 1, "folder name");
    mlm_status status = MLM_OK;
    for (size_t i = 1; i <= n && status == MLM_OK; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        /* One that cannot be made may be there all the same: on a read-only file system errno says that instead. */
        if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST) {
            int why = errno;
            if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode))
                status = mlm_fail(MLM_E_IO, "%s: cannot make the folder: %s", part,
                                  strerror_r(why, text, sizeof text));
        }
        part[i] = i < n ? '/' : '\0';
    }
    free(part);
    if (status == MLM_OK && (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)))
        return mlm_fail(MLM_E_IO, "%s is not a folder", dir);
    return status;
}
