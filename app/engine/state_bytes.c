/* state_bytes.c: the byte order and the bounds of state files, and what may be replaced by one (state_file.h). */
#include "app/engine/state_file.h"

#include <string.h>
#include <sys/stat.h>

/* Room for n bytes; NULL while counting and after a failure. */
static void *put_space(state_writer *w, size_t n)
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
    void *space = put_space(w, n);
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

mlm_status state_sink_open(state_sink *s, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        mlm_status status = check_replaceable(path);
        if (status != MLM_OK)
            return status == MLM_E_NOMEM ? status : MLM_E_IO;
    }
    mlm_hash_init(&s->hash);
    return mlm_new_file_open(&s->file, path, 0600, "state file");
}

mlm_status state_sink_put(state_sink *s, const void *bytes, size_t n)
{
    mlm_hash_add(&s->hash, bytes, n);
    return mlm_new_file_put(&s->file, bytes, n);
}

mlm_status state_sink_close(state_sink *s, mlm_status status)
{
    uint8_t      sum[8];
    state_writer w = {.data = sum, .capacity = sizeof sum};
    state_put_u64(&w, mlm_hash_end(&s->hash));
    if (status == MLM_OK)
        status = mlm_new_file_put(&s->file, sum, sizeof sum);
    if (status == MLM_OK)
        return mlm_new_file_commit(&s->file);
    mlm_new_file_discard(&s->file);
    return status;
}

mlm_status state_source_open(state_source *s, const char *path, size_t limit)
{
    *s = (state_source){.path = path, .file = {.fd = -1}};
    mlm_hash_init(&s->hash);
    MLM_TRY(mlm_file_open(&s->file, path, "state file"));
    if (s->file.size <= limit)
        return MLM_OK;
    mlm_file_close(&s->file);
    return mlm_fail(MLM_E_RANGE, "%s: state file has %llu bytes, the limit is %zu", path,
                    (unsigned long long)s->file.size, limit);
}

mlm_status state_source_take(state_source *s, void *dst, size_t n)
{
    MLM_TRY(mlm_file_pread(&s->file, dst, n, s->at, s->path));
    s->at += n;
    mlm_hash_add(&s->hash, dst, n);
    return MLM_OK;
}

void state_source_close(state_source *s)
{
    mlm_file_close(&s->file);
}
