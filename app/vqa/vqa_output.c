/* vqa_output.c: a results file that only grows, one write a line; its lock, repair and order. */
#include "app/vqa/vqa_output.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYNC_MS = 5000, SCAN_BLOCK = 1 << 20, MAX_LINE = 64 << 20 };

/* ---- steps that change files, with the place where tests make them fail ----------------------------- */

static mlm_status cannot(const char *what, const char *path)
{
    return mlm_fail(MLM_E_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static size_t faulted(const vqa_faults *f, const char *step, size_t n)
{
    return f == NULL || f->fn == NULL ? n : f->fn(step, n, f->payload);
}

static mlm_status write_all(int fd, const char *data, size_t n, const char *path, const vqa_faults *faults)
{
    size_t allowed = faulted(faults, "write", n);
    MLM_TRY(mlm_fd_write(fd, data, allowed < n ? allowed : n, path));
    if (allowed < n) {
        (void)faulted(faults, "torn", 0);
        errno = ENOSPC;
        return cannot("write", path);
    }
    return MLM_OK;
}

static mlm_status sync_file(int fd, const char *path, const vqa_faults *faults)
{
    (void)faulted(faults, "sync", 0);
    if (fdatasync(fd) != 0 && errno != EINVAL && errno != EROFS) /* pipes and the like have nothing to sync */
        return cannot("sync", path);
    return MLM_OK;
}

static mlm_status temporary_name(char **out, const char *path)
{
    size_t n = strlen(path) + 8;
    *out     = malloc(n);
    if (*out == NULL)
        return mlm_fail_nomem(n, "a path");
    (void)snprintf(*out, n, "%s.tmp", path);
    return MLM_OK;
}

static mlm_status put_in_place(const char *temporary, const char *path, const vqa_faults *faults)
{
    (void)faulted(faults, "rename", 0);
    if (rename(temporary, path) != 0)
        return cannot("rename to it", path);
    mlm_sync_folder_of(path);
    (void)faulted(faults, "renamed", 0);
    return MLM_OK;
}

mlm_status vqa_write_whole(const char *path, const char *data, size_t n, const vqa_faults *faults)
{
    char *temporary = NULL;
    MLM_TRY(temporary_name(&temporary, path));
    int        fd     = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    mlm_status status = fd < 0 ? cannot("create", temporary) : write_all(fd, data, n, temporary, faults);
    if (status == MLM_OK)
        status = sync_file(fd, temporary, faults);
    if (fd >= 0 && close(fd) != 0 && status == MLM_OK)
        status = cannot("close", temporary);
    if (status == MLM_OK)
        status = put_in_place(temporary, path, faults);
    if (status != MLM_OK && fd >= 0)
        (void)unlink(temporary);
    free(temporary);
    return status;
}

/* ---- the lock ------------------------------------------------------------------------------------- */

static mlm_status held_by_another(const vqa_lock *lock)
{
    char    text[32]          = "";
    ssize_t n                 = pread(lock->fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0]       = '\0';
    text[strcspn(text, "\n")] = '\0';
    return mlm_fail(MLM_E_STATE, "%s: another run works on this directory (process %s)", lock->path,
                    text[0] != '\0' ? text : "unknown");
}

/* False: the name stands for another file by now (its holder ended meanwhile). */
static bool is_still_there(const vqa_lock *lock)
{
    struct stat a, b;
    return fstat(lock->fd, &a) == 0 && stat(lock->path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

mlm_status vqa_lock_take(vqa_lock *lock, const char *path)
{
    *lock = (vqa_lock){.fd = -1, .path = strdup(path)};
    if (lock->path == NULL)
        return mlm_fail_nomem(strlen(path), "a path");
    for (int attempt = 0; attempt < 100; attempt++) {
        lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (lock->fd < 0) {
            mlm_status status = cannot("create", path);
            vqa_lock_release(lock);
            return status;
        }
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
            mlm_status status = errno == EWOULDBLOCK ? held_by_another(lock) : cannot("lock", path);
            (void)close(lock->fd);
            lock->fd = -1;
            vqa_lock_release(lock);
            return status;
        }
        if (is_still_there(lock)) {
            char text[32];
            int  n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
            if (ftruncate(lock->fd, 0) != 0 || pwrite(lock->fd, text, (size_t)n, 0) < 0)
                errno = 0; /* the number is only for the message */
            return MLM_OK;
        }
        (void)close(lock->fd);
        lock->fd = -1;
    }
    vqa_lock_release(lock);
    return mlm_fail(MLM_E_STATE, "%s: the lock comes and goes", path);
}

void vqa_lock_release(vqa_lock *lock)
{
    if (lock->fd >= 0) {
        (void)unlink(lock->path);
        (void)close(lock->fd);
    }
    free(lock->path);
    *lock = (vqa_lock){.fd = -1};
}

/* ---- lines ---------------------------------------------------------------------------------------- */

static const char *take(const char *s, const char *end, const char *text)
{
    size_t n = strlen(text);
    return s != NULL && (size_t)(end - s) >= n && memcmp(s, text, n) == 0 ? s + n : NULL;
}

bool vqa_line_read_head(vqa_line_head *out, const char *line, size_t n)
{
    const char *end = line + n, *s = take(line, end, "{\"row\": ");
    *out = (vqa_line_head){0};
    for (; s != NULL && s < end && *s >= '0' && *s <= '9' && out->row < INT64_MAX / 16; s++)
        out->row = out->row * 10 + (*s - '0');
    s = take(s, end, ", \"digest\": \"");
    for (int i = 0; i < 16 && s != NULL; i++, s++) {
        char c = s < end ? *s : 'x';
        int  v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0)
            return false;
        out->digest = out->digest << 4 | (unsigned)v;
    }
    s       = take(s, end, "\", \"ok\": ");
    out->ok = take(s, end, "true,") != NULL;
    return out->row > 0 && s != NULL && (out->ok || take(s, end, "false,") != NULL) && line[n - 1] == '}';
}

/* Whole lines of the file, in order.  `torn` is where the last newline leaves off. */
static mlm_status scan(int fd, const char *path, vqa_line_fn fn, void *payload, uint64_t *torn)
{
    size_t   cap = SCAN_BLOCK, n = 0;
    char    *data     = malloc(cap);
    uint64_t base     = 0; /* offset of data[0] */
    int64_t  number   = 0;
    *torn             = 0;
    mlm_status status = data != NULL ? MLM_OK : mlm_fail_nomem(cap, "results");
    while (status == MLM_OK) {
        ssize_t k = pread(fd, data + n, cap - n, (off_t)(base + n));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            status = k < 0 ? cannot("read", path) : MLM_OK;
            break;
        }
        size_t at = 0, looked = n;
        n += (size_t)k;
        for (char *end = NULL; status == MLM_OK && (end = memchr(data + looked, '\n', n - looked)) != NULL;) {
            vqa_line_head head;
            size_t        length = (size_t)(end - (data + at));
            number++;
            if (fn != NULL && !vqa_line_read_head(&head, data + at, length))
                status =
                    mlm_fail(MLM_E_FORMAT, "%s: line %lld is no result of a run", path, (long long)number);
            else if (fn != NULL)
                status = fn(&head, base + at, length + 1, payload);
            at = looked = (size_t)(end - data) + 1;
            *torn       = base + at;
        }
        memmove(data, data + at, n - at);
        base += at;
        n -= at;
        if (status == MLM_OK && n == cap) {
            char *more = cap < MAX_LINE ? realloc(data, cap * 2) : NULL;
            if (more == NULL)
                status = mlm_fail(MLM_E_FORMAT, "%s: line %lld is too long", path, (long long)number + 1);
            else
                data = more;
            cap *= 2;
        }
    }
    free(data);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------------- */

mlm_status vqa_output_open(vqa_output *o, const char *path, const vqa_faults *faults, int sync_rows,
                           uint64_t *cut)
{
    struct stat st;
    *o = (vqa_output){.fd = -1, .in_order = true, .sync_rows = sync_rows, .synced_ms = mlm_now_ms()};
    if (faults != NULL)
        o->faults = *faults;
    *cut    = 0;
    o->path = strdup(path);
    if (o->path == NULL)
        return mlm_fail_nomem(strlen(path), "a path");
    o->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (o->fd < 0 || fstat(o->fd, &st) != 0)
        return cannot("open", path);
    if (!S_ISREG(st.st_mode))
        return mlm_fail(MLM_E_IO, "%s is not a regular file", path);
    MLM_TRY(scan(o->fd, path, NULL, NULL, &o->size));
    if ((uint64_t)st.st_size > o->size) {
        *cut = (uint64_t)st.st_size - o->size;
        (void)faulted(&o->faults, "cut", 0);
        if (ftruncate(o->fd, (off_t)o->size) != 0)
            return cannot("cut the torn last line off", path);
    }
    return MLM_OK;
}

typedef struct ordered {
    vqa_output *o;
    vqa_line_fn fn;
    void       *payload;
} ordered;

static mlm_status see_line(const vqa_line_head *head, uint64_t offset, size_t n, void *payload)
{
    ordered *s     = payload;
    s->o->in_order = s->o->in_order && head->row > s->o->last_row;
    s->o->last_row = head->row;
    return s->fn(head, offset, n, s->payload);
}

mlm_status vqa_output_scan(vqa_output *o, vqa_line_fn fn, void *payload)
{
    ordered  s    = {o, fn, payload};
    uint64_t torn = 0;
    return scan(o->fd, o->path, see_line, &s, &torn);
}

mlm_status vqa_output_append(vqa_output *o, const char *line, size_t n, int64_t row)
{
    mlm_status status = write_all(o->fd, line, n, o->path, &o->faults);
    if (status != MLM_OK) {
        if (ftruncate(o->fd, (off_t)o->size) != 0) /* a resume cuts it off too */
            return status;
        return status;
    }
    o->size += n;
    o->in_order = o->in_order && row > o->last_row;
    o->last_row = row;
    if (++o->unsynced >= o->sync_rows || mlm_now_ms() - o->synced_ms > SYNC_MS)
        return vqa_output_sync(o);
    return MLM_OK;
}

mlm_status vqa_output_sync(vqa_output *o)
{
    if (o->unsynced > 0)
        MLM_TRY(sync_file(o->fd, o->path, &o->faults));
    o->unsynced  = 0;
    o->synced_ms = mlm_now_ms();
    return MLM_OK;
}

void vqa_output_close(vqa_output *o)
{
    if (o->fd >= 0)
        (void)close(o->fd);
    free(o->path);
    *o = (vqa_output){.fd = -1};
}

/* ---- in row order --------------------------------------------------------------------------------- */

typedef struct place {
    int64_t  row;
    uint64_t offset;
    uint32_t n;
    int32_t  file;
    bool     ok;
} place;

typedef struct places {
    place  *list;
    int64_t n, cap;
    int32_t file;
} places;

static mlm_status add_place(const vqa_line_head *head, uint64_t offset, size_t n, void *payload)
{
    places *p = payload;
    if (p->n == p->cap) {
        int64_t cap  = p->cap == 0 ? 1024 : p->cap * 2;
        place  *list = realloc(p->list, (size_t)cap * sizeof *list);
        if (list == NULL)
            return mlm_fail_nomem((size_t)cap * sizeof *list, "the order of results");
        p->list = list;
        p->cap  = cap;
    }
    p->list[p->n++] = (place){head->row, offset, (uint32_t)n, p->file, head->ok};
    return MLM_OK;
}

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Keeps the newest line of each row; an answer counts as newer than an error. */
static void keep_newest(places *p)
{
    int64_t kept = 0;
    if (p->n > 0)
        qsort(p->list, (size_t)p->n, sizeof *p->list, by_place);
    for (int64_t i = 0; i < p->n; i++) {
        if (kept > 0 && p->list[kept - 1].row == p->list[i].row) {
            if (p->list[i].ok || !p->list[kept - 1].ok)
                p->list[kept - 1] = p->list[i];
        } else {
            p->list[kept++] = p->list[i];
        }
    }
    p->n = kept;
}

static mlm_status copy_lines(int to, const char *path, const int *fds, const places *p,
                             const vqa_faults *faults)
{
    enum { OUT = 1 << 20 };
    char      *block  = malloc(OUT);
    size_t     n      = 0;
    mlm_status status = block != NULL ? MLM_OK : mlm_fail_nomem(OUT, "results");
    for (int64_t i = 0; i < p->n && status == MLM_OK; i++) {
        for (uint32_t done = 0; done < p->list[i].n && status == MLM_OK;) {
            size_t  part = p->list[i].n - done < OUT - n ? p->list[i].n - done : OUT - n;
            ssize_t k    = pread(fds[p->list[i].file], block + n, part, (off_t)(p->list[i].offset + done));
            if (k == 0 || (k < 0 && errno != EINTR))
                status = k < 0 ? cannot("read the results beside it", path)
                               : mlm_fail(MLM_E_IO, "%s: the results became shorter meanwhile", path);
            done += k > 0 ? (uint32_t)k : 0;
            n += k > 0 ? (size_t)k : 0;
            if (n == OUT && status == MLM_OK) {
                status = write_all(to, block, n, path, faults);
                n      = 0;
            }
        }
    }
    if (status == MLM_OK && n > 0)
        status = write_all(to, block, n, path, faults);
    free(block);
    return status;
}

static mlm_status write_sorted(const char *path, const int *fds, places *p, const vqa_faults *faults,
                               int *new_fd)
{
    char *temporary = NULL;
    MLM_TRY(temporary_name(&temporary, path));
    int        fd     = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0666);
    mlm_status status = fd < 0 ? cannot("create", temporary) : copy_lines(fd, temporary, fds, p, faults);
    if (status == MLM_OK)
        status = sync_file(fd, temporary, faults);
    if (status == MLM_OK)
        status = put_in_place(temporary, path, faults);
    if (status != MLM_OK && fd >= 0)
        (void)unlink(temporary);
    if (status == MLM_OK && new_fd != NULL)
        *new_fd = fd;
    else if (fd >= 0)
        (void)close(fd);
    free(temporary);
    return status;
}

mlm_status vqa_output_sort(vqa_output *o)
{
    places   p    = {.cap = 0};
    uint64_t torn = 0;
    int      fd   = -1;
    MLM_TRY(vqa_output_sync(o));
    if (o->in_order)
        return MLM_OK;
    mlm_status status = scan(o->fd, o->path, add_place, &p, &torn);
    keep_newest(&p);
    if (status == MLM_OK)
        status = write_sorted(o->path, &o->fd, &p, &o->faults, &fd);
    if (status == MLM_OK) {
        struct stat st;
        (void)close(o->fd);
        o->fd       = fd;
        o->in_order = true;
        o->last_row = p.n > 0 ? p.list[p.n - 1].row : 0;
        o->size     = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : o->size;
    }
    free(p.list);
    return status;
}

/* Opens files and finds their lines; fds[n_files], -1: not open. */
static mlm_status find_lines(places *p, int *fds, char *const *files, int n_files)
{
    for (int i = 0; i < n_files; i++) {
        uint64_t torn = 0;
        p->file       = i;
        fds[i]        = open(files[i], O_RDONLY | O_CLOEXEC);
        if (fds[i] < 0)
            return cannot("open", files[i]);
        MLM_TRY(scan(fds[i], files[i], add_place, p, &torn));
    }
    keep_newest(p);
    return MLM_OK;
}

typedef mlm_status (*places_fn)(places *p, const int *fds, void *payload);

static mlm_status with_lines(char *const *files, int n_files, places_fn fn, void *payload)
{
    places p   = {.cap = 0};
    int   *fds = malloc(((size_t)n_files + 1) * sizeof *fds);
    if (fds == NULL)
        return mlm_fail_nomem((size_t)n_files * sizeof *fds, "results");
    for (int i = 0; i < n_files; i++)
        fds[i] = -1;
    mlm_status status = find_lines(&p, fds, files, n_files);
    if (status == MLM_OK)
        status = fn(&p, fds, payload);
    for (int i = 0; i < n_files; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(fds);
    free(p.list);
    return status;
}

static mlm_status count_lines(places *p, const int *fds, void *payload)
{
    int64_t *count = payload;
    (void)fds;
    count[0] = p->n;
    count[1] = 0;
    for (int64_t i = 0; i < p->n; i++)
        count[1] += !p->list[i].ok;
    return MLM_OK;
}

mlm_status vqa_output_count(char *const *files, int n_files, int64_t *n_rows, int64_t *n_errors)
{
    int64_t count[2] = {0, 0};
    MLM_TRY(with_lines(files, n_files, count_lines, count));
    *n_rows   = count[0];
    *n_errors = count[1];
    return MLM_OK;
}

typedef struct merge_target {
    const char       *path;
    const vqa_faults *faults;
} merge_target;

static mlm_status write_lines(places *p, const int *fds, void *payload)
{
    const merge_target *t = payload;
    return write_sorted(t->path, fds, p, t->faults, NULL);
}

mlm_status vqa_output_merge(const char *to, char *const *from, int n_from, const vqa_faults *faults)
{
    merge_target t = {to, faults};
    return with_lines(from, n_from, write_lines, &t);
}
