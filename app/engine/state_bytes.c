/* state_bytes.c: the byte order, the bounds and the atomic write of state files (state_file.h). */
#include "app/engine/state_file.h"
#include "kernels/base/mlm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void *state_put_space(state_writer *w, size_t n)
{
    size_t end = 0;
    if (w->failed || !mlm_add_size(&end, w->used, n) || (w->data != NULL && end > w->capacity)) {
        w->failed = true;
        return NULL;
    }
    void *space = w->data != NULL ? w->data + w->used : NULL;
    w->used     = end;
    return space;
}

void state_put(state_writer *w, const void *bytes, size_t n)
{
    void *space = state_put_space(w, n);
    if (space != NULL && n > 0)
        memcpy(space, bytes, n);
}

void state_put_u32(state_writer *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    state_put(w, b, sizeof b);
}

void state_put_u64(state_writer *w, uint64_t v)
{
    state_put_u32(w, (uint32_t)v);
    state_put_u32(w, (uint32_t)(v >> 32));
}

void state_put_f32(state_writer *w, float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    state_put_u32(w, u);
}

const void *state_get(state_reader *r, size_t n)
{
    if (r->failed || n > r->size - r->at) {
        r->failed = true;
        return NULL;
    }
    const void *p = r->data + r->at;
    r->at += n;
    return p;
}

uint32_t state_get_u32(state_reader *r)
{
    const uint8_t *b = state_get(r, 4);
    return b == NULL ? 0 : (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t state_get_u64(state_reader *r)
{
    uint64_t low = state_get_u32(r);
    return low | (uint64_t)state_get_u32(r) << 32;
}

float state_get_f32(state_reader *r)
{
    uint32_t u = state_get_u32(r);
    float    v;
    memcpy(&v, &u, sizeof v);
    return v;
}

static mlm_status write_all(int fd, const uint8_t *bytes, size_t n, const char *path)
{
    while (n > 0) {
        ssize_t wrote = write(fd, bytes, n < ((size_t)1 << 30) ? n : (size_t)1 << 30);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return mlm_fail(MLM_E_IO, "cannot write %s: %s", path,
                            wrote < 0 ? strerror(errno) : "nothing was written");
        bytes += wrote;
        n -= (size_t)wrote;
    }
    if (fsync(fd) != 0 && errno != EINVAL)
        return mlm_fail(MLM_E_IO, "cannot write %s: %s", path, strerror(errno));
    return MLM_OK;
}

/* The rename is durable only when its folder is on disk too; file systems that refuse this are left alone. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* A rename replaces whatever has the name: only what was one of ours, or an empty file, may go. */
static mlm_status check_replaceable(const char *path)
{
    mlm_file   file;
    char       magic[sizeof STATE_MAGIC - 1];
    mlm_status status = mlm_file_open(&file, path, "state file");
    if (status != MLM_OK)
        return status;
    if (file.size > 0) {
        if (file.size >= sizeof magic)
            status = mlm_file_pread(&file, magic, sizeof magic, 0, path);
        if (status == MLM_OK && (file.size < sizeof magic || memcmp(magic, STATE_MAGIC, sizeof magic) != 0))
            status = mlm_fail(MLM_E_IO, "%s exists and is no state file; not replaced", path);
    }
    mlm_file_close(&file);
    return status;
}

/* Where the file really goes: links stay links. */
static mlm_status find_target(char **out, const char *path)
{
    struct stat st;
    *out = NULL;
    if (path[0] == '\0')
        return mlm_fail(MLM_E_IO, "cannot write a state file: its name is empty");
    bool  exists = lstat(path, &st) == 0, is_link = exists && S_ISLNK(st.st_mode);
    char *target = is_link ? realpath(path, NULL) : strdup(path);
    if (target == NULL) {
        if (errno == ENOMEM)
            return mlm_fail_nomem(strlen(path) + 1, "file name");
        return mlm_fail(MLM_E_IO, "%s is a link that leads nowhere: %s", path, strerror(errno));
    }
    mlm_status status = exists ? check_replaceable(target) : MLM_OK;
    if (status != MLM_OK) {
        free(target);
        return status == MLM_E_NOMEM ? status : MLM_E_IO;
    }
    *out = target;
    return MLM_OK;
}

static mlm_status write_and_rename(const char *path, const void *bytes, size_t n)
{
    size_t cap  = strlen(path) + sizeof ".XXXXXX";
    char  *temp = malloc(cap);
    if (temp == NULL)
        return mlm_fail_nomem(cap, "file name");
    (void)snprintf(temp, cap, "%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        mlm_status status = mlm_fail(MLM_E_IO, "cannot write %s: %s", path, strerror(errno));
        free(temp);
        return status;
    }
    mlm_status status = write_all(fd, bytes, n, path);
    if (close(fd) != 0 && status == MLM_OK)
        status = mlm_fail(MLM_E_IO, "cannot write %s: %s", path, strerror(errno));
    if (status == MLM_OK && rename(temp, path) != 0)
        status = mlm_fail(MLM_E_IO, "cannot write %s: %s", path, strerror(errno));
    if (status != MLM_OK)
        (void)unlink(temp);
    else
        sync_folder(temp);
    free(temp);
    return status;
}

mlm_status state_write_file(const char *path, const void *bytes, size_t n)
{
    char *target = NULL;
    MLM_TRY(find_target(&target, path));
    mlm_status status = write_and_rename(target, bytes, n);
    free(target);
    return status;
}
