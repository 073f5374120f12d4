/* mlm_st_write.c: safetensors out.  The header is padded with blanks to a multiple of 8, as the reference does. */
#include "kernels/base/mlm_st_write.h"
#include "kernels/base/mlm_file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)1 << 20)

struct mlm_st_writer {
    char    *path;
    int      fd;
    char    *header; /* JSON text so far, without its end */
    size_t   used, capacity;
    uint64_t declared, put; /* bytes of data */
    bool     has_begun;
    uint8_t *buffer;
    size_t   n_buffered;
};

static mlm_status add_text(mlm_st_writer *w, const char *text, size_t n)
{
    if (w->used + n + 1 > w->capacity) {
        size_t capacity = (w->used + n + 1) * 2;
        char  *grown    = realloc(w->header, capacity);
        if (grown == NULL)
            return mlm_fail_nomem(capacity, "safetensors header");
        w->header   = grown;
        w->capacity = capacity;
    }
    memcpy(w->header + w->used, text, n);
    w->used += n;
    w->header[w->used] = '\0';
    return MLM_OK;
}

mlm_status mlm_st_writer_create(mlm_st_writer **out, const char *path)
{
    static const char start[] = "{\"__metadata__\":{\"format\":\"pt\"}";
    *out                      = NULL;
    mlm_st_writer *w          = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail_nomem(sizeof *w, "safetensors writer");
    w->fd     = -1;
    w->path   = strdup(path);
    w->buffer = malloc(BUFFER_BYTES);
    if (w->path == NULL || w->buffer == NULL) {
        mlm_st_writer_free(w);
        return mlm_fail_nomem(BUFFER_BYTES, "safetensors writer");
    }
    mlm_status status = add_text(w, start, sizeof start - 1);
    if (status == MLM_OK) {
        w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd < 0)
            status = mlm_fail(MLM_E_IO, "%s: cannot create: %s", path, strerror(errno));
    }
    if (status != MLM_OK) {
        mlm_st_writer_free(w);
        return status;
    }
    *out = w;
    return MLM_OK;
}

void mlm_st_writer_free(mlm_st_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        (void)close(w->fd);
    free(w->path);
    free(w->header);
    free(w->buffer);
    free(w);
}

/* Names come from files that were read with every check; a quote or a control character in one is escaped. */
static mlm_status add_name(mlm_st_writer *w, const char *name)
{
    MLM_TRY(add_text(w, ",\"", 2));
    for (const char *s = name; *s != '\0'; s++) {
        char escaped[8];
        int  n = *s == '"' || *s == '\\'    ? snprintf(escaped, sizeof escaped, "\\%c", *s)
                 : (unsigned char)*s < 0x20 ? snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*s)
                                            : snprintf(escaped, sizeof escaped, "%c", *s);
        MLM_TRY(add_text(w, escaped, (size_t)n));
    }
    return add_text(w, "\":", 2);
}

mlm_status mlm_st_writer_declare(mlm_st_writer *w, const char *name, mlm_st_dtype dtype, int rank,
                                 const int64_t *dim)
{
    char     text[512];
    uint64_t bytes = mlm_st_dtype_size(dtype);
    int      used  = snprintf(text, sizeof text, "{\"dtype\":\"%s\",\"shape\":[", mlm_st_dtype_name(dtype));
    if (w->has_begun)
        return mlm_fail(MLM_E_STATE, "%s: %s is declared after the header was written", w->path, name);
    if (rank < 0 || rank > MLM_ST_MAX_RANK)
        return mlm_fail(MLM_E_SHAPE, "%s: %s has rank %d, at most %d", w->path, name, rank, MLM_ST_MAX_RANK);
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0 || __builtin_mul_overflow(bytes, (uint64_t)dim[i], &bytes))
            return mlm_fail(MLM_E_SHAPE, "%s: %s has an impossible size", w->path, name);
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%" PRId64, i > 0 ? "," : "", dim[i]);
    }
    uint64_t end = w->declared + bytes;
    used += snprintf(text + used, sizeof text - (size_t)used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                     w->declared, end);
    MLM_TRY(add_name(w, name));
    MLM_TRY(add_text(w, text, (size_t)used));
    w->declared = end;
    return MLM_OK;
}

mlm_status mlm_st_writer_begin(mlm_st_writer *w)
{
    uint8_t size[8];
    if (w->has_begun)
        return mlm_fail(MLM_E_STATE, "%s: the header is written already", w->path);
    MLM_TRY(add_text(w, "}", 1));
    while (w->used % 8 != 0)
        MLM_TRY(add_text(w, " ", 1));
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)((uint64_t)w->used >> (8 * i));
    w->has_begun = true;
    MLM_TRY(mlm_fd_write(w->fd, size, sizeof size, w->path));
    return mlm_fd_write(w->fd, w->header, w->used, w->path);
}

static mlm_status flush(mlm_st_writer *w)
{
    size_t n      = w->n_buffered;
    w->n_buffered = 0;
    return mlm_fd_write(w->fd, w->buffer, n, w->path);
}

mlm_status mlm_st_writer_put(mlm_st_writer *w, const void *bytes, size_t n)
{
    if (!w->has_begun || n > w->declared - w->put)
        return mlm_fail(MLM_E_STATE, "%s: %zu bytes of data are more than was declared", w->path, n);
    w->put += n;
    if (w->n_buffered + n > BUFFER_BYTES)
        MLM_TRY(flush(w));
    if (n > BUFFER_BYTES)
        return mlm_fd_write(w->fd, bytes, n, w->path);
    memcpy(w->buffer + w->n_buffered, bytes, n);
    w->n_buffered += n;
    return MLM_OK;
}

mlm_status mlm_st_writer_end(mlm_st_writer *w)
{
    if (!w->has_begun || w->put != w->declared)
        return mlm_fail(MLM_E_STATE, "%s: %" PRIu64 " bytes of data were written, %" PRIu64 " were declared",
                        w->path, w->put, w->declared);
    MLM_TRY(flush(w));
    MLM_TRY(mlm_fd_sync(w->fd, w->path));
    int error = close(w->fd);
    w->fd     = -1;
    return error == 0 ? MLM_OK : mlm_fail(MLM_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
}
