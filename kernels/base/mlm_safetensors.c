/*
 * mlm_safetensors.c: one safetensors file, or the shards that an index.json lists, opened for reading.
 *
 * Shards are opened in the order of their names.  Descriptors stay open until close, so a model directory that is
 * replaced meanwhile does not mix two models.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_safetensors_header.h"
#include "kernels/base/mlm_shards.h"

#include <stdlib.h>
#include <string.h>

typedef struct shard {
    mlm_file file;
    char    *path, *names;
} shard;

struct mlm_safetensors {
    shard                *shards;
    int                   n_shards;
    mlm_st_tensor        *tensors; /* by shard, then offset */
    int64_t               n_tensors;
    const mlm_st_tensor **by_name;
};

/* Opens one file, checks it whole, and appends its tensors.  Takes `path` (owned). */
static mlm_status add_shard(mlm_safetensors *st, char *path)
{
    unsigned char first[32];
    mlm_st_header h      = {0};
    char         *text   = NULL;
    uint64_t      length = 0;
    mlm_status    status;
    shard        *s = &st->shards[st->n_shards++];
    s->path         = path;
    s->file.fd      = -1;
    MLM_TRY(mlm_file_open(&s->file, path, "weights"));
    if (s->file.size < 8)
        return mlm_fail(MLM_E_FORMAT, "%s: %llu bytes are too short for a safetensors file", path,
                        (unsigned long long)s->file.size);
    size_t n = s->file.size < sizeof first ? (size_t)s->file.size : sizeof first;
    MLM_TRY(mlm_file_pread(&s->file, first, n, 0, path));
    MLM_TRY(mlm_file_check_pointer(first, n, path));
    MLM_TRY(mlm_st_header_length(&length, first, s->file.size, path));
    text = malloc((size_t)length + 1);
    if (!text)
        return mlm_fail_nomem((size_t)length + 1, path);
    MLM_TRY_GOTO(status, mlm_file_pread(&s->file, text, (size_t)length, 8, path), done);
    MLM_TRY_GOTO(status, mlm_st_header_parse(&h, text, (size_t)length, s->file.size, path), done);

    int64_t total = st->n_tensors + h.n_tensors; /* both at most 100,000 */
    if (total > MLM_ST_MAX_TENSORS) {
        status = mlm_fail(MLM_E_FORMAT, "%s: more than %d tensors in all shards", path, MLM_ST_MAX_TENSORS);
        goto done;
    }
    mlm_st_tensor *tensors = realloc(st->tensors, ((size_t)total + 1) * sizeof *tensors);
    if (!tensors) {
        status = mlm_fail_nomem(((size_t)total + 1) * sizeof *tensors, path);
        goto done;
    }
    st->tensors = tensors;
    for (int64_t i = 0; i < h.n_tensors; i++) {
        tensors[st->n_tensors + i]       = h.tensors[i];
        tensors[st->n_tensors + i].shard = st->n_shards - 1;
    }
    st->n_tensors = total;
    s->names      = h.names;
    h.names       = NULL;
done:
    mlm_st_header_free(&h);
    free(text);
    return status;
}

static int compare_names(const void *pa, const void *pb)
{
    const mlm_st_tensor *const *a = pa, *const *b = pb;
    return strcmp((*a)->name, (*b)->name);
}

static mlm_status index_names(mlm_safetensors *st, const char *path)
{
    size_t n    = (size_t)st->n_tensors;
    st->by_name = malloc((n + 1) * sizeof *st->by_name);
    if (!st->by_name)
        return mlm_fail_nomem((n + 1) * sizeof *st->by_name, path);
    for (size_t i = 0; i < n; i++)
        st->by_name[i] = &st->tensors[i];
    if (n > 0)
        qsort(st->by_name, n, sizeof *st->by_name, compare_names);
    return MLM_OK;
}

/* ---- shards ------------------------------------------------------------------------------------- */

static bool has_tensor(const void *payload, int shard_index, const char *tensor)
{
    const mlm_st_tensor *t = mlm_safetensors_find(payload, tensor);
    return t && t->shard == shard_index;
}

static mlm_status open_shards(mlm_safetensors *st, const mlm_shards *x)
{
    st->shards = calloc((size_t)x->n, sizeof *st->shards);
    if (!st->shards)
        return mlm_fail_nomem((size_t)x->n * sizeof *st->shards, x->path);
    for (int i = 0; i < x->n; i++) {
        char *shard_path = NULL;
        MLM_TRY(mlm_shards_path(&shard_path, x, i));
        MLM_TRY(mlm_shards_fail_open(x, add_shard(st, shard_path)));
    }
    for (int64_t i = 0; i < st->n_tensors; i++)
        MLM_TRY(mlm_shards_check(x, st->tensors[i].name, st->tensors[i].shard));
    MLM_TRY(index_names(st, x->path));
    return mlm_shards_check_all(x, st->n_tensors, has_tensor, st);
}

static mlm_status open_index(mlm_safetensors *st, const char *path)
{
    mlm_shards x;
    mlm_status status = mlm_shards_read(&x, path);
    if (status == MLM_OK)
        status = open_shards(st, &x);
    mlm_shards_free(&x);
    return status;
}

static mlm_status open_single(mlm_safetensors *st, const char *path)
{
    char *copy = strdup(path);
    st->shards = calloc(1, sizeof *st->shards);
    if (!copy || !st->shards) {
        free(copy);
        return mlm_fail_nomem(strlen(path) + sizeof *st->shards, path);
    }
    MLM_TRY(add_shard(st, copy));
    return index_names(st, path);
}

mlm_status mlm_safetensors_open(mlm_safetensors **out, const char *path)
{
    size_t n            = strlen(path);
    bool   index        = n >= 5 && strcmp(path + n - 5, ".json") == 0;
    *out                = NULL;
    mlm_safetensors *st = calloc(1, sizeof *st);
    if (!st)
        return mlm_fail_nomem(sizeof *st, path);
    mlm_status status = index ? open_index(st, path) : open_single(st, path);
    if (status != MLM_OK) {
        mlm_safetensors_close(st);
        return status;
    }
    *out = st;
    return MLM_OK;
}

void mlm_safetensors_close(mlm_safetensors *st)
{
    if (!st)
        return;
    for (int i = 0; i < st->n_shards; i++) {
        mlm_file_close(&st->shards[i].file);
        free(st->shards[i].path);
        free(st->shards[i].names);
    }
    free(st->shards);
    free(st->tensors);
    free(st->by_name);
    free(st);
}

/* ---- reading ------------------------------------------------------------------------------------ */

int64_t mlm_safetensors_count(const mlm_safetensors *st)
{
    return st->n_tensors;
}

const mlm_st_tensor *mlm_safetensors_at(const mlm_safetensors *st, int64_t index)
{
    return index >= 0 && index < st->n_tensors ? &st->tensors[index] : NULL;
}

const mlm_st_tensor *mlm_safetensors_find(const mlm_safetensors *st, const char *name)
{
    int64_t low = 0, high = st->n_tensors;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int     order  = strcmp(st->by_name[middle]->name, name);
        if (order == 0)
            return st->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int mlm_safetensors_n_shards(const mlm_safetensors *st)
{
    return st->n_shards;
}

const char *mlm_safetensors_path(const mlm_safetensors *st, int shard_index)
{
    return shard_index >= 0 && shard_index < st->n_shards ? st->shards[shard_index].path : NULL;
}

uint64_t mlm_safetensors_file_bytes(const mlm_safetensors *st, int shard_index)
{
    return shard_index >= 0 && shard_index < st->n_shards ? st->shards[shard_index].file.size : 0;
}

mlm_status mlm_safetensors_read(const mlm_safetensors *st, const mlm_st_tensor *t, void *dst, uint64_t from,
                                size_t n)
{
    const shard *s = &st->shards[t->shard];
    if (from > t->bytes || n > t->bytes - from)
        return mlm_fail(MLM_E_RANGE, "%s: tensor '%.200s' has %llu bytes, %zu wanted from %llu", s->path,
                        t->name, (unsigned long long)t->bytes, n, (unsigned long long)from);
    return mlm_file_pread(&s->file, dst, n, t->offset + from, s->path);
}

mlm_status mlm_safetensors_read_raw(const mlm_safetensors *st, int shard_index, void *dst, uint64_t from,
                                    size_t n)
{
    if (shard_index < 0 || shard_index >= st->n_shards)
        return mlm_fail(MLM_E_RANGE, "shard %d of %d does not exist", shard_index, st->n_shards);
    const shard *s = &st->shards[shard_index];
    return mlm_file_pread(&s->file, dst, n, from, s->path);
}
