/*
 * mlm_safetensors.c: one safetensors file, or the shards that an index.json lists, opened for reading.
 *
 * The index is {"metadata": .., "weight_map": {tensor: shard file}}.  Shards are opened in the order of their
 * names; index and shards must agree on every tensor.  Descriptors stay open until close, so a model directory
 * that is replaced meanwhile does not mix two models.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"
#include "kernels/base/mlm_safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHARDS 512

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
    unsigned char first[8];
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
    MLM_TRY(mlm_file_pread(&s->file, first, sizeof first, 0, path));
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

static int compare_strings(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

/* The shard names of the map, sorted, each once (borrowed from the document). */
static mlm_status collect_shards(const char ***out, int64_t *count, const mlm_json_node *map,
                                 const char *path)
{
    size_t       n = 0, unique = 0;
    const char **names = malloc(((size_t)mlm_json_count(map) + 1) * sizeof *names);
    *out               = names;
    if (!names)
        return mlm_fail_nomem((size_t)mlm_json_count(map) * sizeof *names, path);
    for (const mlm_json_node *c = mlm_json_first(map); c; c = mlm_json_next(c)) {
        if (mlm_json_type_of(c) != MLM_JSON_STRING)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: weight_map: tensor '%.200s' is in %s, must be the name of a shard", path,
                            mlm_json_key(c), mlm_json_type_name(mlm_json_type_of(c)));
        const char *name = mlm_json_text(c, NULL);
        if (!*name || strchr(name, '/') || strchr(name, '\\') || strstr(name, "..") || strcmp(name, ".") == 0)
            return mlm_fail(
                MLM_E_FORMAT,
                "%s: weight_map: tensor '%.200s' is in \"%.200s\", must be a file name without '/' or '..'",
                path, mlm_json_key(c), name);
        names[n++] = name;
    }
    if (n > 0)
        qsort(names, n, sizeof *names, compare_strings);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i], names[unique - 1]) != 0)
            names[unique++] = names[i];
    }
    if (unique > MAX_SHARDS)
        return mlm_fail(MLM_E_FORMAT, "%s: weight_map names %zu shards, at most %d are allowed", path, unique,
                        MAX_SHARDS);
    *count = (int64_t)unique;
    return MLM_OK;
}

/* Every tensor of every shard is where the map says, and the map has no others. */
static mlm_status check_map(const mlm_safetensors *st, const mlm_json_node *map, const char *const *names,
                            const char *path)
{
    for (int64_t i = 0; i < st->n_tensors; i++) {
        const mlm_st_tensor *t    = &st->tensors[i];
        const mlm_json_node *node = mlm_json_get(map, t->name);
        if (!node)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: shard '%s' has tensor '%.200s', which weight_map does not list", path,
                            names[t->shard], t->name);
        if (strcmp(mlm_json_text(node, NULL), names[t->shard]) != 0)
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s' is in shard '%s', weight_map says '%.200s'",
                            path, t->name, names[t->shard], mlm_json_text(node, NULL));
    }
    if (mlm_json_count(map) == st->n_tensors)
        return MLM_OK;
    for (const mlm_json_node *c = mlm_json_first(map); c; c = mlm_json_next(c)) {
        if (!mlm_safetensors_find(st, mlm_json_key(c)))
            return mlm_fail(MLM_E_FORMAT,
                            "%s: weight_map places tensor '%.200s' in '%.200s', which does not have it", path,
                            mlm_json_key(c), mlm_json_text(c, NULL));
    }
    return mlm_fail(MLM_E_FORMAT, "%s: weight_map lists %lld tensors, the shards have %lld", path,
                    (long long)mlm_json_count(map), (long long)st->n_tensors);
}

/* An index.json as it lies there. */
typedef struct shard_list {
    mlm_json            *doc;
    char                *dir;
    const mlm_json_node *map;
    const char         **names; /* sorted; borrowed from the document */
    int64_t              n_names;
} shard_list;

static void free_index(shard_list *x)
{
    mlm_json_free(x->doc);
    free(x->dir);
    free(x->names);
}

static mlm_status read_index(shard_list *x, const char *path)
{
    char       *text  = NULL;
    size_t      n     = 0;
    const char *slash = strrchr(path, '/');
    x->dir            = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (!x->dir)
        return mlm_fail_nomem(strlen(path) + 1, path);
    MLM_TRY(mlm_file_read(&text, &n, path, MLM_ST_MAX_HEADER, "index of shards"));
    mlm_status status = mlm_json_parse_limited(&x->doc, text, n, path, 0, MLM_ST_MAX_VALUES);
    free(text);
    MLM_TRY(status);
    x->map = mlm_json_get(mlm_json_root(x->doc), "weight_map");
    if (!x->map || mlm_json_type_of(x->map) != MLM_JSON_OBJECT || mlm_json_count(x->map) == 0)
        return mlm_fail(
            MLM_E_FORMAT, "%s: weight_map is %s, must be an object with a shard for each tensor", path,
            !x->map                                       ? "missing"
            : mlm_json_type_of(x->map) == MLM_JSON_OBJECT ? "empty"
                                                          : mlm_json_type_name(mlm_json_type_of(x->map)));
    return collect_shards(&x->names, &x->n_names, x->map, path);
}

static mlm_status open_shards(mlm_safetensors *st, const shard_list *x, const char *path)
{
    st->shards = calloc((size_t)x->n_names, sizeof *st->shards);
    if (!st->shards)
        return mlm_fail_nomem((size_t)x->n_names * sizeof *st->shards, path);
    for (int64_t i = 0; i < x->n_names; i++) {
        char *shard_path = NULL;
        MLM_TRY(mlm_path_join(&shard_path, x->dir, x->names[i]));
        mlm_status status = add_shard(st, shard_path);
        if (status == MLM_E_NOTFOUND)
            return mlm_fail_context(status, "%s names a missing shard", path);
        MLM_TRY(status);
    }
    MLM_TRY(index_names(st, path));
    return check_map(st, x->map, x->names, path);
}

static mlm_status open_index(mlm_safetensors *st, const char *path)
{
    shard_list x      = {0};
    mlm_status status = read_index(&x, path);
    if (status == MLM_OK)
        status = open_shards(st, &x, path);
    free_index(&x);
    return status;
}

mlm_status mlm_safetensors_list_shards(char ***out, int *n, const char *path)
{
    shard_list x      = {0};
    mlm_status status = read_index(&x, path);
    *out              = NULL;
    *n                = 0;
    if (status == MLM_OK) {
        *out = calloc((size_t)x.n_names + 1, sizeof **out);
        if (*out == NULL)
            status = mlm_fail_nomem((size_t)x.n_names * sizeof **out, path);
    }
    for (int64_t i = 0; i < x.n_names && status == MLM_OK; i++) {
        status = mlm_path_join(&(*out)[i], x.dir, x.names[i]);
        *n += status == MLM_OK;
    }
    free_index(&x);
    if (status != MLM_OK)
        mlm_safetensors_free_shards(*out, *n);
    if (status != MLM_OK)
        *out = NULL;
    return status;
}

void mlm_safetensors_free_shards(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        free(paths[i]);
    free((void *)paths);
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
