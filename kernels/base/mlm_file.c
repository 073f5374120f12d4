/*
 * mlm_file.c: reading files that may be hostile.
 *
 * A path from outside may name a FIFO (open would block), a device (endless), a directory, or a file that is
 * cut while it is read.  So: O_NONBLOCK, regular files only, sizes checked against a limit before memory is
 * taken, read(2) and pread(2) instead of a mapping.
 */
#include "kernels/base/mlm_file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static mlm_status fail_errno(const char *path, const char *verb, const char *what)
{
    char       text[128];
    int        code   = errno;
    mlm_status status = code == ENOENT || code == ENOTDIR ? MLM_E_NOTFOUND
                        : code == ENOMEM                  ? MLM_E_NOMEM
                                                          : MLM_E_IO;
    return mlm_fail(status, "%s: cannot %s %s: %s", path, verb, what, strerror_r(code, text, sizeof text));
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
           : S_ISSOCK(mode) ? "a socket"
                            : "of another kind";
}

mlm_status mlm_file_open(mlm_file *f, const char *path, const char *what)
{
    struct stat st;
    *f     = (mlm_file){.fd = -1};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        /* A socket refuses open(2) itself, with a message nobody understands. */
        if (errno == ENXIO && stat(path, &st) == 0 && !S_ISREG(st.st_mode))
            return mlm_fail(MLM_E_IO, "%s: is %s, not a regular file (%s)", path, kind_of(st.st_mode), what);
        return fail_errno(path, "open", what);
    }
    if (fstat(fd, &st) != 0) {
        mlm_status status = fail_errno(path, "examine", what);
        (void)close(fd);
        return status;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)close(fd);
        return mlm_fail(MLM_E_IO, "%s: is %s, not a regular file (%s)", path, kind_of(st.st_mode), what);
    }
    f->fd       = fd;
    f->size     = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    f->inode    = (uint64_t)st.st_ino;
    f->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + (int64_t)st.st_mtim.tv_nsec;
    return MLM_OK;
}

void mlm_file_close(mlm_file *f)
{
    /* Descriptor 0 is never ours with a size of 0 and no inode: that is a zeroed struct. */
    if (f->fd > 0 || (f->fd == 0 && f->inode != 0))
        (void)close(f->fd);
    *f = (mlm_file){.fd = -1};
}

mlm_status mlm_file_pread(const mlm_file *f, void *dst, size_t n, uint64_t offset, const char *path)
{
    char  *to   = dst;
    size_t done = 0;
    if (offset > (uint64_t)INT64_MAX || n > (uint64_t)INT64_MAX - offset)
        return mlm_fail(MLM_E_RANGE, "%s: a read of %zu bytes at offset %llu is outside any file", path, n,
                        (unsigned long long)offset);
    while (done < n) {
        size_t  piece = n - done < (size_t)1 << 30 ? n - done : (size_t)1 << 30;
        ssize_t got   = pread(f->fd, to + done, piece, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(path, "read", "file");
        if (got == 0)
            return mlm_fail(MLM_E_IO, "%s: the file ended early: %zu bytes wanted at offset %llu, %zu found",
                            path, n, (unsigned long long)offset, done);
        done += (size_t)got;
    }
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return fail_errno(path, "examine", "file");
    int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + (int64_t)st.st_mtim.tv_nsec;
    if (st.st_size < 0 || (uint64_t)st.st_size != f->size || mtime_ns != f->mtime_ns)
        return mlm_fail(MLM_E_IO, "%s: the file was changed while it was read (%llu bytes before, %lld now)",
                        path, (unsigned long long)f->size, (long long)st.st_size);
    return MLM_OK;
}

/* Waits until a descriptor in non-blocking mode has data. */
static bool wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* Reads to end of file.  `expect` sizes the first buffer; `name` begins messages. */
static mlm_status read_all(char **data, size_t *size, int fd, size_t limit, size_t expect, const char *name,
                           const char *what)
{
    size_t cap = expect < limit ? expect + 2 : limit < SIZE_MAX - 1 ? limit + 2 : SIZE_MAX;
    size_t n   = 0;
    char  *buf = malloc(cap);
    if (!buf)
        return mlm_fail_nomem(cap, what);
    for (;;) {
        if (n + 1 == cap) {
            size_t more = cap < SIZE_MAX / 2 ? cap * 2 : SIZE_MAX;
            if (limit < SIZE_MAX - 1 && more > limit + 2)
                more = limit + 2;
            char *bigger = realloc(buf, more);
            if (!bigger) {
                free(buf);
                return mlm_fail_nomem(more, what);
            }
            buf = bigger;
            cap = more;
        }
        size_t  room = cap - 1 - n;
        ssize_t got  = read(fd, buf + n, room < (size_t)1 << 30 ? room : (size_t)1 << 30);
        if (got == 0)
            break;
        if (got < 0 && (errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && wait_readable(fd))))
            continue;
        if (got < 0) {
            mlm_status status = fail_errno(name, "read", what);
            free(buf);
            return status;
        }
        n += (size_t)got;
        if (n > limit) {
            free(buf);
            return mlm_fail(MLM_E_RANGE, "%s: %s has more than %zu bytes, which is the limit", name, what,
                            limit);
        }
    }
    buf[n] = '\0';
    *data  = buf;
    *size  = n;
    return MLM_OK;
}

mlm_status mlm_fd_read(char **data, size_t *size, int fd, size_t limit, const char *what)
{
    char name[48];
    *data = NULL;
    *size = 0;
    if (fd == 0)
        (void)snprintf(name, sizeof name, "standard input");
    else
        (void)snprintf(name, sizeof name, "descriptor %d", fd);
    return read_all(data, size, fd, limit, 65536, name, what);
}

mlm_status mlm_file_read(char **data, size_t *size, const char *path, size_t limit, const char *what)
{
    mlm_file f;
    *data = NULL;
    *size = 0;
    MLM_TRY(mlm_file_open(&f, path, what));
    mlm_status status;
    if (f.size > limit) {
        status = mlm_fail(MLM_E_RANGE, "%s: %s has %llu bytes, the limit is %zu", path, what,
                          (unsigned long long)f.size, limit);
    } else {
        status = read_all(data, size, f.fd, limit, (size_t)f.size, path, what);
        /* Files of /proc say 0 and have content. */
        if (status == MLM_OK && f.size != 0 && *size != f.size) {
            status = mlm_fail(MLM_E_IO, "%s: %s changed from %llu to %zu bytes while it was read", path, what,
                              (unsigned long long)f.size, *size);
            free(*data);
            *data = NULL;
            *size = 0;
        }
    }
    mlm_file_close(&f);
    return status;
}

mlm_status mlm_file_check_pointer(const void *bytes, size_t n, const char *path)
{
    static const char pointer[] = "version https://git-lfs";
    if (n < sizeof pointer || memcmp(bytes, pointer, sizeof pointer - 1) != 0)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT,
                    "%s: is a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'", path);
}

mlm_status mlm_path_join(char **out, const char *dir, const char *name)
{
    size_t n_dir = strlen(dir), n_name = strlen(name), bytes = 0;
    *out = NULL;
    while (n_dir > 1 && dir[n_dir - 1] == '/')
        n_dir--;
    bool slash = n_dir > 0 && dir[n_dir - 1] != '/';
    if (!mlm_add_size(&bytes, n_dir, n_name) || !mlm_add_size(&bytes, bytes, 2))
        return mlm_fail(MLM_E_RANGE, "a path is too long");
    char *path = malloc(bytes);
    if (!path)
        return mlm_fail_nomem(bytes, "a path");
    memcpy(path, dir, n_dir);
    if (slash)
        path[n_dir++] = '/';
    memcpy(path + n_dir, name, n_name + 1);
    *out = path;
    return MLM_OK;
}

bool mlm_path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool mlm_path_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void cut_last_name(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
}

void mlm_path_of_program(char *dir, size_t cap)
{
    ssize_t n          = readlink("/proc/self/exe", dir, cap - 1);
    dir[n > 0 ? n : 0] = '\0';
    cut_last_name(dir);
}

void mlm_path_of_library(char *dir, size_t cap)
{
    static const char here = 0;
    Dl_info           info;
    dir[0] = '\0';
    if (dladdr(&here, &info) == 0 || info.dli_fname == NULL || info.dli_fname[0] != '/' ||
        strlen(info.dli_fname) >= cap)
        return; /* a program's name may be relative to where it was started; a library's is not */
    (void)snprintf(dir, cap, "%s", info.dli_fname);
    cut_last_name(dir);
}

double mlm_now_ms(void)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}
