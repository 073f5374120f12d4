/* state_bytes.c: the byte order and the bounds of state files, and what may be replaced by one (state_file.h). */
#include "app/engine/state_file.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <string.h>
#include <sys/stat.h>

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

mlm_status state_write_file(const char *path, const void *bytes, size_t n)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        mlm_status status = check_replaceable(path);
        if (status != MLM_OK)
            return status == MLM_E_NOMEM ? status : MLM_E_IO;
    }
    return mlm_file_write(path, bytes, n, 0600, "state file");
}
