/* mlm_shards.c: see mlm_shards.h. */
#include "kernels/base/mlm_shards.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHARDS 512

static int compare_strings(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

/* The names of the map, sorted, each once. */
static mlm_status collect(mlm_shards *x)
{
    size_t n = 0, unique = 0;
    x->names = malloc(((size_t)mlm_json_count(x->map) + 1) * sizeof *x->names);
    if (!x->names)
        return mlm_fail_nomem((size_t)mlm_json_count(x->map) * sizeof *x->names, x->path);
    for (const mlm_json_node *c = mlm_json_first(x->map); c; c = mlm_json_next(c)) {
        if (mlm_json_type_of(c) != MLM_JSON_STRING)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: weight_map: tensor '%.200s' is in %s, must be the name of a shard", x->path,
                            mlm_json_key(c), mlm_json_type_name(mlm_json_type_of(c)));
        const char *name = mlm_json_text(c, NULL);
        if (!*name || strchr(name, '/') || strchr(name, '\\') || strstr(name, "..") || strcmp(name, ".") == 0)
            return mlm_fail(
                MLM_E_FORMAT,
                "%s: weight_map: tensor '%.200s' is in \"%.200s\", must be a file name without '/' or '..'",
                x->path, mlm_json_key(c), name);
        x->names[n++] = name;
    }
    if (n > 0)
        qsort(x->names, n, sizeof *x->names, compare_strings);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(x->names[i], x->names[unique - 1]) != 0)
            x->names[unique++] = x->names[i];
    }
    if (unique > MAX_SHARDS)
        return mlm_fail(MLM_E_FORMAT, "%s: weight_map names %zu shards, at most %d are allowed", x->path,
                        unique, MAX_SHARDS);
    x->n = (int)unique;
    return MLM_OK;
}

mlm_status mlm_shards_read(mlm_shards *x, const char *path)
{
    char       *text  = NULL;
    size_t      n     = 0;
    const char *slash = strrchr(path, '/');
    *x                = (mlm_shards){0};
    x->path           = strdup(path);
    x->dir            = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (!x->path || !x->dir)
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
    if (mlm_json_count(x->map) > MLM_ST_MAX_TENSORS)
        return mlm_fail(MLM_E_FORMAT, "%s: weight_map lists %lld tensors, at most %d are allowed", path,
                        (long long)mlm_json_count(x->map), MLM_ST_MAX_TENSORS);
    return collect(x);
}

void mlm_shards_free(mlm_shards *x)
{
    mlm_json_free(x->doc);
    free(x->path);
    free(x->dir);
    free(x->names);
    *x = (mlm_shards){0};
}

mlm_status mlm_shards_path(char **out, const mlm_shards *x, int shard)
{
    return mlm_path_join(out, x->dir, x->names[shard]);
}

mlm_status mlm_shards_fail_open(const mlm_shards *x, mlm_status status)
{
    return status == MLM_E_NOTFOUND ? mlm_fail_context(status, "%s names a missing shard", x->path) : status;
}

/* ---- index and files agree ---------------------------------------------------------------------- */

mlm_status mlm_shards_check(const mlm_shards *x, const char *tensor, int shard)
{
    const mlm_json_node *node = mlm_json_get(x->map, tensor);
    if (!node)
        return mlm_fail(MLM_E_FORMAT, "%s: shard '%s' has tensor '%.200s', which weight_map does not list",
                        x->path, x->names[shard], tensor);
    if (strcmp(mlm_json_text(node, NULL), x->names[shard]) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s' is in shard '%s', weight_map says '%.200s'",
                        x->path, tensor, x->names[shard], mlm_json_text(node, NULL));
    return MLM_OK;
}

mlm_status mlm_shards_check_all(const mlm_shards *x, int64_t n_tensors, mlm_shards_has has,
                                const void *payload)
{
    if (mlm_json_count(x->map) == n_tensors)
        return MLM_OK;
    for (const mlm_json_node *c = mlm_json_first(x->map); c; c = mlm_json_next(c)) {
        const char        *name = mlm_json_text(c, NULL);
        const char *const *at   = bsearch(&name, x->names, (size_t)x->n, sizeof *x->names, compare_strings);
        if (!at || !has(payload, (int)(at - (const char *const *)x->names), mlm_json_key(c)))
            return mlm_fail(MLM_E_FORMAT,
                            "%s: weight_map places tensor '%.200s' in '%.200s', which does not have it",
                            x->path, mlm_json_key(c), mlm_json_text(c, NULL));
    }
    return mlm_fail(MLM_E_FORMAT, "%s: weight_map lists %lld tensors, the shards have %lld", x->path,
                    (long long)mlm_json_count(x->map), (long long)n_tensors);
}

/* ---- the files ---------------------------------------------------------------------------------- */

mlm_status mlm_shards_list(char ***out, int *n, const char *index)
{
    mlm_shards x;
    mlm_status status = mlm_shards_read(&x, index);
    *out              = NULL;
    *n                = 0;
    if (status == MLM_OK) {
        *out = calloc((size_t)x.n + 1, sizeof **out);
        if (*out == NULL)
            status = mlm_fail_nomem((size_t)x.n * sizeof **out, index);
    }
    for (int i = 0; i < x.n && status == MLM_OK; i++) {
        status = mlm_shards_path(&(*out)[i], &x, i);
        *n += status == MLM_OK;
    }
    mlm_shards_free(&x);
    if (status != MLM_OK && *out != NULL) {
        mlm_shards_free_list(*out, *n);
        *out = NULL;
        *n   = 0;
    }
    return status;
}

void mlm_shards_free_list(char **paths, int n)
{
    for (int i = 0; i < n; i++)
        free(paths[i]);
    free((void *)paths);
}
