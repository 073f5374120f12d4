/* source_unknown.c: a directory that is no model: what was looked for, and what lies there instead. */
#include "app/engine/model_source.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define MAX_ENTRIES  4096
#define MAX_WEIGHTS  6

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

bool source_is_broken_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) != 0;
}

/* Why config.json names no model. */
static void judge_config(char *text, size_t cap, const mlm_json_node *root)
{
    const mlm_json_node *type = mlm_json_get(root, "model_type"), *timm = mlm_json_get(root, "architecture");
    const char          *run    = "vision_backbone_id";
    const mlm_json_node *inside = mlm_json_get(root, "model");
    if (mlm_json_get(root, run) != NULL || (inside != NULL && mlm_json_get(inside, run) != NULL))
        (void)snprintf(
            text, cap,
            "is that of a trainer's run, but the checkpoint is missing: latest-checkpoint.pt, here or "
            "in checkpoints/");
    else if (timm != NULL && mlm_json_type_of(timm) == MLM_JSON_STRING)
        (void)snprintf(text, cap,
                       "is that of timm's %.80s: a vision tower belongs beside a model and is none itself",
                       mlm_json_text(timm, NULL));
    else if (type == NULL)
        (void)snprintf(
            text, cap,
            "model_type is missing, must be ml_mamba, mamba or mamba2 (or d_model and n_layer there, as "
            "state-spaces writes them)");
    else if (mlm_json_type_of(type) == MLM_JSON_STRING)
        (void)snprintf(text, cap, "model_type is '%.80s', must be ml_mamba, mamba or mamba2",
                       mlm_json_text(type, NULL));
    else
        (void)snprintf(text, cap, "model_type is %s, must be ml_mamba, mamba or mamba2",
                       mlm_json_type_name(mlm_json_type_of(type)));
}

/* The part, and with a file also the problem. */
static mlm_status add_config(model_source *src)
{
    char     *path = NULL, text[512], problem[2048];
    mlm_json *doc  = NULL;
    MLM_TRY(mlm_path_join(&path, src->base, "config.json"));
    mlm_status status = MLM_OK;
    bool       there = mlm_path_is_file(path), broken = source_is_broken_link(path);
    if (there)
        status = mlm_json_parse_file(&doc, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
    if (there && status == MLM_OK)
        judge_config(text, sizeof text, mlm_json_root(doc));
    else
        (void)snprintf(
            text, sizeof text, "%s",
            there    ? mlm_error_message()
            : broken ? SOURCE_BROKEN_LINK
                     : "names the kind of model: it lies beside model.safetensors or pytorch_model.bin");
    mlm_json_free(doc);
    if (status != MLM_E_NOMEM)
        status = source_add_part(src, "configuration", MLM_E_CONFIG, there, path, text);
    if (status == MLM_OK && (there || broken)) {
        (void)snprintf(problem, sizeof problem, "%.1500s: %s", path, text);
        status = source_set_problem(src, there ? MLM_E_CONFIG : MLM_E_NOTFOUND, problem);
    }
    free(path);
    return status;
}

static mlm_status add_weights(model_source *src, const char *name)
{
    char *path = NULL;
    MLM_TRY(mlm_path_join(&path, src->base, name));
    const char *what   = ends_with(name, ".gguf")
                             ? "is of another program's format; the original files are wanted"
                         : source_is_broken_link(path) ? SOURCE_BROKEN_LINK
                                                       : "weights, but nothing beside them says of which model";
    mlm_status  status = source_add_part(src, "weights", MLM_E_CONFIG, true, path, what);
    free(path);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The first files by name that look like weights. */
static mlm_status list_weights(model_source *src, int *n_found)
{
    static const char *const ends[] = {".safetensors", ".bin", ".pth", ".gguf", ".index.json"};
    char                     name[MAX_WEIGHTS][256];
    int                      n = 0, n_seen = 0;
    DIR                     *list = opendir(src->base);
    if (list == NULL) {
        char text[2048];
        (void)snprintf(text, sizeof text, "%.1500s: the directory cannot be read: %s", src->base,
                       strerror(errno));
        return source_set_problem(src, MLM_E_IO, text);
    }
    for (struct dirent *e = readdir(list); e != NULL && ++n_seen <= MAX_ENTRIES; e = readdir(list)) {
        bool fits = false;
        for (int i = 0; i < 5; i++)
            fits = fits || ends_with(e->d_name, ends[i]);
        if (fits && n < MAX_WEIGHTS && strlen(e->d_name) < sizeof name[0])
            (void)snprintf(name[n++], sizeof name[0], "%.255s", e->d_name);
    }
    (void)closedir(list);
    qsort(name, (size_t)n, sizeof name[0], compare_names);
    for (int i = 0; i < n; i++)
        MLM_TRY(add_weights(src, name[i]));
    *n_found = n;
    return MLM_OK;
}

mlm_status source_open_unknown(model_source *src)
{
    char *path = NULL, text[2048];
    int   n    = 0;
    src->kind  = "no model";
    MLM_TRY(mlm_path_join(&path, src->base, "tokenizer.json"));
    if (mlm_path_is_file(path))
        src->tokenizer = path;
    else
        free(path);
    MLM_TRY(add_config(src));
    MLM_TRY(source_add_part(
        src, "checkpoint", MLM_E_NOTFOUND, false, "latest-checkpoint.pt",
        "or that, of ML-Mamba's or Cobra's trainer; also in checkpoints/ or in one folder below"));
    MLM_TRY(list_weights(src, &n));
    if (n == 0 && src->problem == NULL)
        MLM_TRY(source_add_part(src, "weights", MLM_E_NOTFOUND, false, "*.safetensors or pytorch_model.bin",
                                "there are none"));
    (void)snprintf(text, sizeof text, "%.1500s: holds no model: looked for config.json%s, and for *.pt%s",
                   src->base, n > 0 ? ", which belongs beside the weights that are there" : "",
                   n > 0 ? "" : " and *.safetensors");
    return source_set_problem(src, MLM_E_NOTFOUND, text);
}
