/* model_source.c: what kind of model this is, and the list of its parts. */
#include "app/engine/model_source.h"

#include "app/engine/hub.h"
#include "app/engine/model_config.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define MAX_ENTRIES  1000

/* ---- parts and files ---------------------------------------------------------------------------- */

static mlm_status copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text) + 1, "a text of the model's parts");
}

mlm_status source_add_part(model_source *src, const char *role, mlm_status status, bool found,
                           const char *source, const char *detail)
{
    struct stat st;
    if (src->n_parts >= SOURCE_MAX_PARTS)
        return mlm_fail(MLM_E_RANGE, "%s: more than %d parts", src->dir, SOURCE_MAX_PARTS);
    source_part *p = &src->part[src->n_parts++];
    p->status      = status;
    p->part.found  = found;
    p->part.bytes  = found && stat(source, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    MLM_TRY(copy_text(&p->part.role, role));
    MLM_TRY(copy_text(&p->part.source, source));
    return copy_text(&p->part.detail, detail);
}

mlm_status source_set_problem(model_source *src, mlm_status status, const char *problem)
{
    if (src->problem != NULL)
        return MLM_OK;
    src->problem_status = status;
    return copy_text(&src->problem, problem);
}

mlm_status source_add_file(model_source *src, source_file **out, const char *path)
{
    if (src->n_files >= SOURCE_MAX_FILES)
        return mlm_fail(MLM_E_RANGE, "%s: weights from more than %d files", src->dir, SOURCE_MAX_FILES);
    *out = &src->file[src->n_files++];
    return copy_text(&(*out)->path, path);
}

mlm_status source_add_rule(source_file *f, const char *from, const char *to)
{
    if (f->n_rules == f->capacity) {
        int              capacity = f->capacity * 2 + 16;
        kn_weights_rule *bigger   = realloc(f->rules, (size_t)capacity * sizeof *bigger);
        if (bigger == NULL)
            return mlm_fail_nomem((size_t)capacity * sizeof *bigger, f->path);
        f->rules    = bigger;
        f->capacity = capacity;
    }
    char *a = strdup(from), *b = to != NULL ? strdup(to) : NULL;
    if (a == NULL || (to != NULL && b == NULL)) {
        free(a);
        free(b);
        return mlm_fail_nomem(strlen(from), f->path);
    }
    f->rules[f->n_rules++] = (kn_weights_rule){a, b};
    return MLM_OK;
}

void source_describe(char *text, size_t cap, const kn_weights *w)
{
    int64_t              n     = kn_weights_count(w);
    const mlm_st_tensor *first = NULL;
    bool                 mixed = false;
    for (int64_t i = 0; i < n; i++) {
        const mlm_st_tensor *t = kn_weights_at(w, i);
        if (t->rank < 2)
            continue;
        if (first == NULL)
            first = t;
        mixed = mixed || t->dtype != first->dtype;
    }
    (void)snprintf(text, cap, "%lld tensors, %s%s", (long long)n,
                   first != NULL ? mlm_st_dtype_name(first->dtype) : "no matrix", mixed ? " and others" : "");
}

static const mlm_st_tensor *find_tensor(const kn_weights *w, const char *prefix, const char *name)
{
    char full[512];
    int  n = snprintf(full, sizeof full, "%s%s", prefix, name);
    return n > 0 && (size_t)n < sizeof full ? kn_weights_find(w, full) : NULL;
}

int64_t source_dim(const kn_weights *w, const char *prefix, const char *name, int axis)
{
    const mlm_st_tensor *t = find_tensor(w, prefix, name);
    return t != NULL && axis < t->rank ? t->dim[axis] : -1;
}

bool source_has(const kn_weights *w, const char *prefix, const char *name)
{
    return find_tensor(w, prefix, name) != NULL;
}

int source_count(const kn_weights *w, const char *prefix, const char *list, int limit)
{
    char   full[512];
    int    count = 0, n = snprintf(full, sizeof full, "%s%s", prefix, list);
    size_t len = n > 0 && (size_t)n < sizeof full ? (size_t)n : 0;
    for (int64_t i = 0; i < kn_weights_count(w) && len > 0; i++) {
        const char *name   = kn_weights_at(w, i)->name;
        size_t      digits = strncmp(name, full, len) == 0 ? strspn(name + len, "0123456789") : 0;
        long        number =
            digits > 0 && digits < 7 && name[len + digits] == '.' ? strtol(name + len, NULL, 10) : -1;
        if (number >= limit)
            return limit + 1;
        count = number >= count ? (int)number + 1 : count;
    }
    return count;
}

mlm_status source_find_tokenizer(model_source *src, const char *const *repos)
{
    char *path = NULL, need[512];
    MLM_TRY(mlm_path_join(&path, src->base, "tokenizer.json"));
    if (!mlm_path_is_file(path)) {
        free(path);
        path = NULL;
    }
    for (int i = 0; path == NULL && repos[i] != NULL; i++)
        MLM_TRY(hub_find_file(&path, src->base, repos[i], "tokenizer.json"));
    src->tokenizer = path;
    if (path != NULL)
        return source_add_part(src, "tokenizer", MLM_OK, true, path, "tokenizer.json");
    (void)snprintf(need, sizeof need, "%s: tokenizer.json", repos[0]);
    return source_add_part(
        src, "tokenizer", MLM_E_NOTFOUND, false, need,
        "the tokenizer of GPT-NeoX-20B, about 2 MB: put tokenizer.json into the model's directory");
}

/* ---- our own directory -------------------------------------------------------------------------- */

static mlm_status add_own(model_source *src, const char *role, const char *name, bool required)
{
    char *path = NULL;
    MLM_TRY(mlm_path_join(&path, src->base, name));
    bool       there  = mlm_path_is_file(path);
    mlm_status status = MLM_OK;
    if (there || required)
        status = source_add_part(src, role, there ? MLM_OK : MLM_E_NOTFOUND, there, path,
                                 there ? name : "the file is missing");
    free(path);
    return status;
}

/* The engine reads and judges these files itself; here they are only listed. */
static mlm_status open_own(model_source *src, bool vision, unsigned flags)
{
    char *weights  = NULL;
    src->own       = true;
    src->kind      = "mlmamba directory";
    src->text_only = vision && (flags & SOURCE_TEXT_ONLY) != 0;
    vision         = vision && !src->text_only;
    MLM_TRY(add_own(src, "configuration", "config.json", true));
    MLM_TRY(add_own(src, "preprocessing", "preprocessor_config.json", vision));
    MLM_TRY(add_own(src, "tokenizer", "tokenizer.json", true));
    MLM_TRY(mlm_path_join(&weights, src->base, "model.safetensors"));
    bool single = mlm_path_is_file(weights);
    free(weights);
    return add_own(src, "weights", single ? "model.safetensors" : "model.safetensors.index.json", true);
}

/* ---- recognition -------------------------------------------------------------------------------- */

typedef enum config_kind {
    CONFIG_NONE,
    CONFIG_OWN,
    CONFIG_TEXT_ONLY,
    CONFIG_HF,
    CONFIG_STATE_SPACES,
    CONFIG_OTHER
} config_kind;

static bool has(const mlm_json_node *root, const char *key, mlm_json_type type)
{
    const mlm_json_node *node = mlm_json_get(root, key);
    return node != NULL && mlm_json_type_of(node) == type;
}

static config_kind classify(const mlm_json_node *root)
{
    const mlm_json_node *type = mlm_json_get(root, "model_type");
    const char          *name =
        type != NULL && mlm_json_type_of(type) == MLM_JSON_STRING ? mlm_json_text(type, NULL) : "";
    if (strcmp(name, "ml_mamba") == 0)
        return has(root, "vision", MLM_JSON_OBJECT) || !has(root, "text", MLM_JSON_OBJECT) ? CONFIG_OWN
                                                                                           : CONFIG_TEXT_ONLY;
    if (strcmp(name, "mamba") == 0 || strcmp(name, "mamba2") == 0)
        return CONFIG_HF;
    if (has(root, "d_model", MLM_JSON_NUMBER) && has(root, "n_layer", MLM_JSON_NUMBER))
        return CONFIG_STATE_SPACES;
    return CONFIG_OTHER;
}

/* A file that cannot be read is ours to complain about, later and in the engine's words. */
static mlm_status look_at_config(config_kind *out, const char *dir)
{
    char     *path = NULL;
    mlm_json *doc  = NULL;
    *out           = CONFIG_NONE;
    MLM_TRY(mlm_path_join(&path, dir, "config.json"));
    mlm_status status = MLM_OK;
    if (mlm_path_is_file(path)) {
        status = mlm_json_parse_file(&doc, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
        *out   = status == MLM_OK ? classify(mlm_json_root(doc)) : CONFIG_OWN;
        mlm_json_free(doc);
    }
    free(path);
    return status == MLM_E_NOMEM ? status : MLM_OK;
}

static mlm_status find_checkpoint(char **out, const char *dir)
{
    static const char *const names[] = {"checkpoints/latest-checkpoint.pt", "latest-checkpoint.pt"};
    *out                             = NULL;
    for (int i = 0; i < 2; i++) {
        MLM_TRY(mlm_path_join(out, dir, names[i]));
        if (mlm_path_is_file(*out))
            return MLM_OK;
        free(*out);
        *out = NULL;
    }
    return MLM_OK;
}

/* Repositories such as Cobra's hold each run in a folder of its own: the only one that has a checkpoint. */
static mlm_status find_run(char **checkpoint, char **folder, const char *dir)
{
    DIR           *list   = opendir(dir);
    mlm_status     status = MLM_OK;
    struct dirent *entry  = NULL;
    int            n      = 0;
    while (status == MLM_OK && list != NULL && (entry = readdir(list)) != NULL && ++n <= MAX_ENTRIES) {
        char *path = NULL, *found = NULL;
        if (entry->d_name[0] == '.')
            continue;
        status = mlm_path_join(&path, dir, entry->d_name);
        if (status == MLM_OK)
            status = find_checkpoint(&found, path);
        if (found != NULL && *checkpoint != NULL)
            status = mlm_fail(MLM_E_NOTFOUND, "%s: holds more than one run (%s, %s); name one of them", dir,
                              *folder, path);
        if (found != NULL && *checkpoint == NULL) {
            *checkpoint = found;
            *folder     = path;
            continue;
        }
        free(found);
        free(path);
    }
    if (list != NULL)
        (void)closedir(list);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* A directory of trainers' files whose checkpoint was renamed says which file to name. */
static mlm_status fail_renamed(const char *base)
{
    static const char *const folders[] = {"", "checkpoints"};
    mlm_status               status    = MLM_OK;
    for (int i = 0; i < 2 && status == MLM_OK; i++) {
        char *dir = NULL, *path = NULL;
        MLM_TRY(mlm_path_join(&dir, base, folders[i]));
        DIR           *list  = opendir(dir);
        struct dirent *entry = NULL;
        int            n     = 0;
        while (status == MLM_OK && list != NULL && (entry = readdir(list)) != NULL && ++n <= MAX_ENTRIES) {
            if (!ends_with(entry->d_name, ".pt"))
                continue;
            status = mlm_path_join(&path, dir, entry->d_name);
            if (status == MLM_OK && mlm_path_is_file(path))
                status =
                    mlm_fail(MLM_E_NOTFOUND,
                             "%s: has no latest-checkpoint.pt, but %s: name that file instead", base, path);
            free(path);
            path = NULL;
        }
        if (list != NULL)
            (void)closedir(list);
        free(dir);
    }
    return status;
}

/* A checkpoint in the directory, or in the one run below it, which then is the model's directory. */
static mlm_status open_run(model_source *src, unsigned flags)
{
    char      *checkpoint = NULL, *folder = NULL;
    mlm_status status = find_checkpoint(&checkpoint, src->base);
    if (status == MLM_OK && checkpoint == NULL)
        status = find_run(&checkpoint, &folder, src->base);
    if (status == MLM_OK && folder != NULL) {
        free(src->base);
        src->base = folder;
        folder    = NULL;
    }
    if (status == MLM_OK && checkpoint == NULL)
        status = fail_renamed(src->base);
    if (status == MLM_OK)
        status =
            checkpoint != NULL ? source_open_checkpoint(src, checkpoint, flags) : source_open_unknown(src);
    free(folder);
    free(checkpoint);
    return status;
}

static mlm_status open_directory(model_source *src, unsigned flags)
{
    config_kind kind = CONFIG_NONE;
    MLM_TRY(look_at_config(&kind, src->base));
    if (kind == CONFIG_OWN || kind == CONFIG_TEXT_ONLY)
        return open_own(src, kind == CONFIG_OWN, flags);
    if (kind == CONFIG_HF || kind == CONFIG_STATE_SPACES)
        return source_open_text(src, kind == CONFIG_STATE_SPACES);
    return open_run(src, flags);
}

/* The folder of a checkpoint file; one above it when that is "checkpoints". */
static mlm_status base_of_file(char **out, const char *path)
{
    const char       *slash   = strrchr(path, '/');
    size_t            n       = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    static const char inner[] = "checkpoints";
    size_t            m       = sizeof inner - 1;
    if (n == m && strncmp(path, inner, m) == 0)
        n = 0;
    else if (n > m && strncmp(path + n - m, inner, m) == 0 && path[n - m - 1] == '/')
        n -= m + 1;
    *out = n > 0 ? strndup(path, n) : strdup(slash == path ? "/" : ".");
    return *out != NULL ? MLM_OK : mlm_fail_nomem(n + 1, path);
}

static mlm_status open_model(model_source *src, const char *model, unsigned flags)
{
    const char *named = model != NULL ? model : getenv("MLMAMBA_MODEL");
    if (named != NULL && ends_with(named, ".pt") && mlm_path_is_file(named)) {
        MLM_TRY(copy_text(&src->dir, named));
        MLM_TRY(base_of_file(&src->base, named));
        return source_open_checkpoint(src, named, flags);
    }
    if (named != NULL && named[0] != '\0' && !mlm_path_is_dir(named) && !mlm_path_is_file(named))
        MLM_TRY(hub_find_snapshot(&src->dir, named));
    if (src->dir == NULL)
        MLM_TRY(model_dir_find(&src->dir, model));
    MLM_TRY(copy_text(&src->base, src->dir));
    return open_directory(src, flags);
}

mlm_status model_source_open(model_source **out, const char *model, unsigned flags)
{
    model_source *src = calloc(1, sizeof *src);
    *out              = NULL;
    if (src == NULL)
        return mlm_fail_nomem(sizeof *src, "model");
    mlm_status status = open_model(src, model, flags);
    if (status != MLM_OK) {
        model_source_free(src);
        return status;
    }
    *out = src;
    return MLM_OK;
}

void model_source_free(model_source *src)
{
    if (src == NULL)
        return;
    for (int i = 0; i < src->n_files; i++) {
        for (int k = 0; k < src->file[i].n_rules; k++) {
            free((void *)(uintptr_t)src->file[i].rules[k].from);
            free((void *)(uintptr_t)src->file[i].rules[k].to);
        }
        free(src->file[i].rules);
        free(src->file[i].path);
    }
    for (int i = 0; i < src->n_parts; i++) {
        free(src->part[i].part.role);
        free(src->part[i].part.source);
        free(src->part[i].part.detail);
    }
    free(src->dir);
    free(src->base);
    free(src->config);
    free(src->preprocessor);
    free(src->problem);
    free(src->tokenizer);
    free(src->tokenizer_text);
    free(src);
}

mlm_status model_source_require(const model_source *src)
{
    if (src->problem != NULL)
        return mlm_fail(src->problem_status, "%s; `mlmamba check %.1500s` explains", src->problem, src->dir);
    for (int i = 0; i < src->n_parts && !src->own; i++) {
        const source_part *p = &src->part[i];
        if (p->status == MLM_OK)
            continue;
        if (p->part.found) /* the message names the file */
            return mlm_fail(p->status, "%s", p->part.detail);
        return mlm_fail(p->status, "%s: %s is missing: %s (%s); `mlmamba check` lists all parts", src->dir,
                        p->part.role, p->part.source, p->part.detail);
    }
    return MLM_OK;
}

static kn_weights_source weights_of(const source_file *f, bool keep_unknown)
{
    return (kn_weights_source){
        .path = f->path, .rules = f->rules, .n_rules = f->n_rules, .keep_unknown = keep_unknown};
}

/* The language model of a directory of ours. */
static mlm_status open_own_text(kn_weights **out, const model_source *src)
{
    static const kn_weights_rule rules[] = {
        {"language_model.*", "language_model.*"}, {"vision_tower.*", NULL}, {"connector.*", NULL}};
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    char                    *path    = NULL;
    mlm_status               status  = MLM_OK;
    bool                     found   = false;
    for (int i = 0; i < 2 && !found; i++) {
        free(path);
        MLM_TRY(mlm_path_join(&path, src->dir, names[i]));
        found = mlm_path_is_file(path);
    }
    if (found) {
        const kn_weights_source source = {.path = path, .rules = rules, .n_rules = 3};
        status                         = kn_weights_open_sources(out, src->dir, &source, 1);
    } else {
        status = kn_weights_open(out, src->dir); /* which says what is missing */
    }
    free(path);
    return status;
}

static mlm_status open_weights(kn_weights **out, const model_source *src, bool keep_unknown)
{
    kn_weights_source list[SOURCE_MAX_FILES];
    if (src->own)
        return src->text_only ? open_own_text(out, src) : kn_weights_open(out, src->dir);
    for (int i = 0; i < src->n_files; i++)
        list[i] = weights_of(&src->file[i], keep_unknown);
    return kn_weights_open_sources(out, src->dir, list, src->n_files);
}

mlm_status model_source_weights(kn_weights **out, const model_source *src)
{
    if (src->is_made)
        return source_random_weights(out, src);
    return open_weights(out, src, false);
}

mlm_status model_source_all_weights(kn_weights **out, const model_source *src)
{
    return open_weights(out, src, true);
}

bool model_source_published_name(char *out, size_t cap, const char **path, const model_source *src,
                                 const char *name)
{
    for (int i = 0; i < src->n_files; i++) {
        const kn_weights_source s = weights_of(&src->file[i], false);
        *path                     = s.path;
        if (kn_weights_rule_invert(out, cap, &s, name))
            return true;
    }
    return false;
}
