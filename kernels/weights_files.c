/*
 * weights_files.c: the files that the tensors of a model come from, and the names that they get.
 *
 * Published models are spread over files of several kinds with names of their own.  Each file has a list of rules
 * from its names to the names of decision 20 (vision_tower., connector., language_model.); a tensor that no rule
 * speaks of is refused, so nothing is dropped unless a rule says so.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_shards.h"
#include "kernels/weights_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILES 64
#define MAX_NAME  1024

/* ---- rules -------------------------------------------------------------------------------------- */

/* Does `name` fit `pattern` (at most one '*', for any text)?  The text that the star stands for. */
static bool match(const char *pattern, const char *name, const char **star, size_t *n_star)
{
    const char *at = strchr(pattern, '*');
    size_t      n  = strlen(name);
    *star          = name;
    *n_star        = 0;
    if (at == NULL)
        return strcmp(pattern, name) == 0;
    size_t head = (size_t)(at - pattern), tail = strlen(at + 1);
    if (n < head + tail || memcmp(pattern, name, head) != 0 || strcmp(name + n - tail, at + 1) != 0)
        return false;
    *star   = name + head;
    *n_star = n - head - tail;
    return true;
}

static bool apply(char *out, size_t cap, const char *to, const char *star, size_t n_star)
{
    const char *at   = strchr(to, '*');
    int         head = at != NULL ? (int)(at - to) : (int)strlen(to);
    int         n    = at != NULL ? snprintf(out, cap, "%.*s%.*s%s", head, to, (int)n_star, star, at + 1)
                                  : snprintf(out, cap, "%s", to);
    return n > 0 && (size_t)n < cap;
}

typedef enum rule_result { RULE_KEEP, RULE_DROP, RULE_NONE, RULE_TOO_LONG } rule_result;

static rule_result apply_rules(char *out, size_t cap, const kn_weights_source *src, const char *name)
{
    for (int i = 0; i < src->n_rules; i++) {
        const char *star   = NULL;
        size_t      n_star = 0;
        if (!match(src->rules[i].from, name, &star, &n_star))
            continue;
        if (src->rules[i].to == NULL)
            return RULE_DROP;
        return apply(out, cap, src->rules[i].to, star, n_star) ? RULE_KEEP : RULE_TOO_LONG;
    }
    return RULE_NONE;
}

bool kn_weights_rule_invert(char *out, size_t cap, const kn_weights_source *source, const char *name)
{
    for (int i = 0; i < source->n_rules; i++) {
        const kn_weights_rule *r      = &source->rules[i];
        const char            *star   = NULL;
        size_t                 n_star = 0;
        if (r->to != NULL && match(r->to, name, &star, &n_star))
            return apply(out, cap, r->from, star, n_star);
    }
    return false;
}

/* ---- files -------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static mlm_status open_file(weights_file *f, const char *path, bool torch)
{
    f->path = strdup(path);
    if (f->path == NULL)
        return mlm_fail_nomem(strlen(path), path);
    return torch ? mlm_pt_open(&f->pt, path) : mlm_safetensors_open(&f->st, path);
}

static int64_t file_count(const weights_file *f)
{
    return f->pt != NULL ? mlm_pt_count(f->pt) : mlm_safetensors_count(f->st);
}

static const mlm_st_tensor *file_tensor(const weights_file *f, int64_t i)
{
    return f->pt != NULL ? mlm_pt_at(f->pt, i) : mlm_safetensors_at(f->st, i);
}

static const char *tensor_path(const weights_file *f, const mlm_st_tensor *t)
{
    return f->pt != NULL ? f->path : mlm_safetensors_path(f->st, t->shard);
}

const char *weights_path(const kn_weights *w, const mlm_st_tensor *t)
{
    size_t i = weights_index(w, t);
    if (w->made != NULL)
        return w->name;
    return tensor_path(&w->files[w->file_of[i]], w->origin[i]);
}

mlm_status weights_read(const kn_weights *w, const mlm_st_tensor *t, void *dst, uint64_t from, size_t n)
{
    size_t              i = weights_index(w, t);
    const weights_file *f = w->made == NULL ? &w->files[w->file_of[i]] : NULL;
    if (f == NULL) {
        weights_made_read(w->made, (int64_t)i, dst, from, n);
        return MLM_OK;
    }
    return f->pt != NULL ? mlm_pt_read(f->pt, w->origin[i], dst, from, n)
                         : mlm_safetensors_read(f->st, w->origin[i], dst, from, n);
}

/* ---- the list of tensors ------------------------------------------------------------------------ */

static mlm_status make_room(kn_weights *w, int64_t more)
{
    size_t n = (size_t)(w->n_tensors + more) + 1;
    if ((int64_t)n <= w->capacity)
        return MLM_OK;
    mlm_st_tensor *tensors = realloc(w->tensors, n * sizeof *tensors);
    if (tensors != NULL)
        w->tensors = tensors;
    const mlm_st_tensor **origin = realloc(w->origin, n * sizeof *origin);
    if (origin != NULL)
        w->origin = origin;
    int *file_of = realloc(w->file_of, n * sizeof *file_of);
    if (file_of != NULL)
        w->file_of = file_of;
    char **names = realloc(w->names, n * sizeof *names);
    if (names != NULL)
        w->names = names;
    if (tensors == NULL || origin == NULL || file_of == NULL || names == NULL)
        return mlm_fail_nomem(n * (sizeof *tensors + sizeof *origin + sizeof *names), w->name);
    w->capacity = (int64_t)n;
    return MLM_OK;
}

static mlm_status add_tensor(kn_weights *w, const kn_weights_source *src, int file, const mlm_st_tensor *t)
{
    char        name[MAX_NAME];
    const char *path   = tensor_path(&w->files[file], t);
    rule_result result = RULE_KEEP;
    size_t      i      = (size_t)w->n_tensors;
    w->tensors[i]      = *t;
    w->names[i]        = NULL;
    if (src->rules != NULL) {
        result = apply_rules(name, sizeof name, src, t->name);
        if (result == RULE_DROP)
            return MLM_OK;
        if (result == RULE_NONE && src->keep_unknown)
            (void)snprintf(name, sizeof name, "%s", t->name);
        else if (result == RULE_NONE)
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' has no place in a model of this kind", path,
                            t->name);
        if (result == RULE_TOO_LONG)
            return mlm_fail(MLM_E_FORMAT, "%s: the name of tensor '%.200s' is too long", path, t->name);
        w->names[i] = strdup(name);
        if (w->names[i] == NULL)
            return mlm_fail_nomem(strlen(name), path);
        w->tensors[i].name = w->names[i];
    }
    w->origin[i]  = t;
    w->file_of[i] = file;
    w->n_tensors++;
    w->total_bytes +=
        t->bytes; /* at most the sizes of the files, for every name of a shared storage once more */
    return MLM_OK;
}

static int compare_names(const void *pa, const void *pb)
{
    const mlm_st_tensor *const *a = pa, *const *b = pb;
    return strcmp((*a)->name, (*b)->name);
}

mlm_status weights_add(kn_weights *w, const mlm_st_tensor *t)
{
    MLM_TRY(make_room(w, 1));
    w->tensors[w->n_tensors] = *t;
    w->names[w->n_tensors]   = NULL;
    w->origin[w->n_tensors]  = t;
    w->file_of[w->n_tensors] = 0;
    w->n_tensors++;
    w->total_bytes += t->bytes;
    return MLM_OK;
}

mlm_status weights_finish_list(kn_weights *w)
{
    size_t n   = (size_t)w->n_tensors;
    w->by_name = malloc((n + 1) * sizeof *w->by_name);
    w->used    = calloc(n + 1, sizeof *w->used);
    w->hash    = calloc(n + 1, sizeof *w->hash);
    if (w->by_name == NULL || w->used == NULL || w->hash == NULL)
        return mlm_fail_nomem((n + 1) * (sizeof *w->by_name + sizeof *w->hash), w->name);
    for (size_t i = 0; i < n; i++)
        w->by_name[i] = &w->tensors[i];
    if (n > 1)
        qsort(w->by_name, n, sizeof *w->by_name, compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(w->by_name[i - 1]->name, w->by_name[i]->name) == 0)
            return mlm_fail(MLM_E_FORMAT, "%s and %s both hold tensor '%s'",
                            weights_path(w, w->by_name[i - 1]), weights_path(w, w->by_name[i]),
                            w->by_name[i]->name);
    return MLM_OK;
}

/* A file and its tensors; of a shard, the index must agree on each. */
static mlm_status add_file(kn_weights *w, const kn_weights_source *src, const char *path, bool torch,
                           const mlm_shards *index, int shard)
{
    weights_file *files = realloc(w->files, (size_t)(w->n_files + 1) * sizeof *files);
    if (files == NULL)
        return mlm_fail_nomem((size_t)(w->n_files + 1) * sizeof *files, w->name);
    w->files          = files;
    weights_file *f   = &files[w->n_files];
    *f                = (weights_file){0};
    int        number = w->n_files++;
    mlm_status status = open_file(f, path, torch);
    MLM_TRY(index != NULL ? mlm_shards_fail_open(index, status) : status);
    MLM_TRY(make_room(w, file_count(f)));
    for (int64_t k = 0; k < file_count(f); k++) {
        if (index != NULL)
            MLM_TRY(mlm_shards_check(index, file_tensor(f, k)->name, shard));
        MLM_TRY(add_tensor(w, src, number, file_tensor(f, k)));
    }
    return MLM_OK;
}

static bool has_tensor(const void *payload, int shard, const char *tensor)
{
    const weights_file *files = payload;
    return mlm_pt_find(files[shard].pt, tensor) != NULL;
}

/* Checkpoints that an index names: each is a file of its own, as several checkpoints are. */
static mlm_status add_checkpoints(kn_weights *w, const kn_weights_source *src)
{
    mlm_shards x;
    int        first  = w->n_files;
    int64_t    n      = 0;
    mlm_status status = mlm_shards_read(&x, src->path);
    for (int i = 0; i < x.n && status == MLM_OK; i++) {
        char *path = NULL;
        status     = mlm_shards_path(&path, &x, i);
        if (status == MLM_OK)
            status = add_file(w, src, path, true, &x, i);
        free(path);
        if (status == MLM_OK)
            n += file_count(&w->files[w->n_files - 1]);
    }
    if (status == MLM_OK)
        status = mlm_shards_check_all(&x, n, has_tensor, w->files + first);
    mlm_shards_free(&x);
    return status;
}

static mlm_status open_sources(kn_weights *w, const kn_weights_source *sources, int n)
{
    for (int i = 0; i < n; i++) {
        const char *path = sources[i].path;
        if (ends_with(path, ".bin.index.json"))
            MLM_TRY(add_checkpoints(w, &sources[i]));
        else
            MLM_TRY(add_file(w, &sources[i], path,
                             ends_with(path, ".pt") || ends_with(path, ".pth") || ends_with(path, ".bin"),
                             NULL, 0));
    }
    return weights_finish_list(w);
}

mlm_status kn_weights_open_sources(kn_weights **out, const char *name, const kn_weights_source *sources,
                                   int n)
{
    *out = NULL;
    if (n < 1 || n > MAX_FILES)
        return mlm_fail(MLM_E_RANGE, "%s: weights from %d files, must be from 1 to %d", name, n, MAX_FILES);
    kn_weights *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail_nomem(sizeof *w, name);
    w->name           = strdup(name);
    mlm_status status = w->name != NULL ? open_sources(w, sources, n) : mlm_fail_nomem(strlen(name), name);
    if (status != MLM_OK) {
        kn_weights_close(w);
        return status;
    }
    *out = w;
    return MLM_OK;
}

static bool may_exist(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

mlm_status kn_weights_open(kn_weights **out, const char *dir)
{
    char      *single = NULL, *index = NULL;
    mlm_status status;
    *out = NULL;
    MLM_TRY_GOTO(status, mlm_path_join(&single, dir, "model.safetensors"), done);
    MLM_TRY_GOTO(status, mlm_path_join(&index, dir, "model.safetensors.index.json"), done);
    kn_weights_source source = {.path = may_exist(single) ? single : may_exist(index) ? index : NULL};
    if (source.path != NULL)
        status = kn_weights_open_sources(out, dir, &source, 1);
    else if (access(dir, F_OK) != 0)
        status = mlm_fail(MLM_E_NOTFOUND, "%s: the model directory does not exist", dir);
    else if (!mlm_path_is_dir(dir))
        status = mlm_fail(MLM_E_NOTFOUND, "%s: is not a model directory", dir);
    else
        status = mlm_fail(MLM_E_NOTFOUND,
                          "%s: has neither model.safetensors nor model.safetensors.index.json", dir);
done:
    free(single);
    free(index);
    return status;
}

void kn_weights_close(kn_weights *w)
{
    if (w == NULL)
        return;
    for (int i = 0; i < w->n_files; i++) {
        mlm_safetensors_close(w->files[i].st);
        mlm_pt_close(w->files[i].pt);
        free(w->files[i].path);
    }
    for (int64_t i = 0; i < w->n_tensors; i++)
        free(w->names[i]);
    weights_made_free(w->made);
    free(w->spare.data);
    free(w->files);
    free(w->tensors);
    free((void *)w->origin);
    free(w->file_of);
    free((void *)w->by_name);
    free((void *)w->names);
    free(w->name);
    free(w->used);
    free(w->hash);
    free(w);
}

/* ---- what is there ------------------------------------------------------------------------------ */

int64_t kn_weights_count(const kn_weights *w)
{
    return w->n_tensors;
}

const mlm_st_tensor *kn_weights_at(const kn_weights *w, int64_t index)
{
    return index >= 0 && index < w->n_tensors ? w->by_name[index] : NULL;
}

const mlm_st_tensor *kn_weights_find(const kn_weights *w, const char *name)
{
    const mlm_st_tensor  key  = {.name = name};
    const mlm_st_tensor *pkey = &key;
    if (w->n_tensors == 0)
        return NULL;
    const mlm_st_tensor *const *found =
        bsearch(&pkey, w->by_name, (size_t)w->n_tensors, sizeof *w->by_name, compare_names);
    return found != NULL ? *found : NULL;
}

const char *kn_weights_path(const kn_weights *w, const mlm_st_tensor *t)
{
    return weights_path(w, t);
}

mlm_status kn_weights_read(const kn_weights *w, const mlm_st_tensor *t, void *dst, uint64_t from, size_t n)
{
    return weights_read(w, t, dst, from, n);
}

const char *kn_weights_source_name(const kn_weights *w, const mlm_st_tensor *t)
{
    return w->origin[weights_index(w, t)]->name;
}

bool kn_weights_same_bytes(const kn_weights *w, const mlm_st_tensor *a, const mlm_st_tensor *b)
{
    size_t i = weights_index(w, a), j = weights_index(w, b);
    if (w->made != NULL)
        return i == j;
    const mlm_st_tensor *x = w->origin[i], *y = w->origin[j];
    const weights_file  *f = &w->files[w->file_of[i]];
    return w->file_of[i] == w->file_of[j] && x->offset == y->offset && x->bytes == y->bytes &&
           x->dtype == y->dtype &&
           (f->pt != NULL ? mlm_pt_contiguous(f->pt, x) && mlm_pt_contiguous(f->pt, y)
                          : x->shard == y->shard);
}

/* ---- what files say about their bytes ----------------------------------------------------------- */

typedef struct verify_progress {
    kn_weights_progress fn;
    void               *payload;
    uint64_t            done, total;
} verify_progress;

static bool on_bytes(size_t bytes, void *payload)
{
    verify_progress *p = payload;
    p->done += bytes;
    return p->fn == NULL || p->fn(p->done, p->total, p->payload);
}

uint64_t kn_weights_verify_bytes(const kn_weights *w)
{
    uint64_t sum = 0;
    for (int i = 0; i < w->n_files; i++)
        sum += w->files[i].pt != NULL ? mlm_pt_storage_bytes(w->files[i].pt) : 0;
    return sum;
}

mlm_status kn_weights_verify(const kn_weights *w, kn_weights_progress fn, void *payload)
{
    verify_progress p = {.fn = fn, .payload = payload, .total = kn_weights_verify_bytes(w)};
    for (int i = 0; i < w->n_files; i++)
        if (w->files[i].pt != NULL)
            MLM_TRY(mlm_pt_verify(w->files[i].pt, on_bytes, &p));
    return MLM_OK;
}
