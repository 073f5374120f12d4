/* import_file.c: see import_file.h. */
#include "app/engine/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define COMPARE ((size_t)1 << 16)

static mlm_status fail_errno(const char *path, const char *what)
{
    int error = errno;
    return mlm_fail(MLM_E_IO, "%s: cannot %s: %s", path, what, strerror(error));
}

static mlm_status check_room(const import_file *f)
{
    struct statvfs v;
    if (fstatvfs(f->fd, &v) != 0 || f->size <= f->there)
        return MLM_OK;
    uint64_t room = (uint64_t)v.f_bavail * (uint64_t)v.f_frsize, need = f->size - f->there;
    if (need <= room)
        return MLM_OK;
    return mlm_fail(MLM_E_IO, "%s: %.1f MB are needed, the disk has %.1f MB left", f->path,
                    (double)need / 1048576.0, (double)room / 1048576.0);
}

mlm_status import_file_open(import_file *f, const char *path, uint64_t size, mlmamba_load_fn on_progress,
                            void *payload)
{
    struct stat st;
    f->size        = size;
    f->on_progress = on_progress;
    f->payload     = payload;
    f->path        = strdup(path);
    if (f->path == NULL)
        return mlm_fail_nomem(strlen(path), path);
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (f->fd < 0)
        return fail_errno(f->path, "open");
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return mlm_fail(MLM_E_IO, "%s: is not a regular file", f->path);
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
        return mlm_fail(MLM_E_STATE, "%s: another import is writing here", f->path);
    f->there = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (f->there > size) {
        f->there = 0; /* of something else */
        if (ftruncate(f->fd, 0) != 0)
            return fail_errno(f->path, "cut");
    }
    return check_room(f);
}

static mlm_status read_exactly(const import_file *f, char *bytes, size_t n, uint64_t from)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(f->fd, bytes + done, n - done, (off_t)(from + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(f->path, "read");
        if (got == 0)
            return mlm_fail(MLM_E_IO, "%s: the file was cut while it was written", f->path);
        done += (size_t)got;
    }
    return MLM_OK;
}

/* How many of the n bytes are there already; the rest of the old file is forgotten at the first difference. */
static mlm_status compare(import_file *f, const char *bytes, size_t n, size_t *equal)
{
    char   old[COMPARE];
    size_t done = 0;
    while (done < n && f->at + done < f->there) {
        uint64_t left  = f->there - f->at - done;
        size_t   piece = n - done < COMPARE ? n - done : COMPARE;
        piece          = left < piece ? (size_t)left : piece;
        MLM_TRY(read_exactly(f, old, piece, f->at + done));
        size_t same = 0;
        while (same < piece && old[same] == bytes[done + same])
            same++;
        done += same;
        if (same < piece) {
            f->there = f->at + done;
            break;
        }
    }
    *equal = done;
    return MLM_OK;
}

static mlm_status report(const import_file *f, uint64_t done)
{
    if (f->on_progress != NULL && !f->on_progress(f->before + done, f->before + 2 * f->size, f->payload))
        return mlm_fail(MLM_E_CANCELLED,
                        "the import was cancelled; it goes on where it was when it is started again");
    return MLM_OK;
}

mlm_status import_file_put(import_file *f, const void *bytes, size_t n)
{
    const char *from = bytes;
    size_t      done = 0;
    MLM_TRY(compare(f, from, n, &done));
    while (done < n) {
        ssize_t put = pwrite(f->fd, from + done, n - done, (off_t)(f->at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_errno(f->path, "write");
        done += (size_t)put;
    }
    f->at += n;
    return report(f, f->at);
}

mlm_status import_file_sync(import_file *f)
{
    if (f->at != f->size)
        return mlm_fail(MLM_E_IO, "%s: %llu bytes were written, %llu wanted", f->path,
                        (unsigned long long)f->at, (unsigned long long)f->size);
    if (ftruncate(f->fd, (off_t)f->size) != 0)
        return fail_errno(f->path, "cut");
    if (fsync(f->fd) != 0)
        return fail_errno(f->path, "sync");
    (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
    return MLM_OK;
}

mlm_status import_file_get(import_file *f, void *bytes, size_t n, uint64_t from)
{
    MLM_TRY(read_exactly(f, bytes, n, from));
    f->verified += n;
    return report(f, f->size + f->verified);
}

void import_file_close(import_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->path);
    *f = (import_file){.fd = -1};
}
