/* vqa_manifest.c: run.json written, read and compared. */
#include "app/vqa/vqa_manifest.h"
#include "app/vqa/vqa_output.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 16 << 20 };

/* ---- writing -------------------------------------------------------------------------------------- */

static void put_string(vqa_text *t, const char *key, const char *value)
{
    vqa_text_printf(t, ",\n  \"%s\": ", key);
    vqa_json_string(t, value);
}

static void put_int(vqa_text *t, const char *key, int64_t value)
{
    vqa_text_printf(t, ",\n  \"%s\": %" PRId64, key, value);
}

/* Hashes and seeds use all 64 bits, which not every JSON reader keeps. */
static void put_hex(vqa_text *t, const char *key, uint64_t value)
{
    vqa_text_printf(t, ",\n  \"%s\": \"%016" PRIx64 "\"", key, value);
}

static void put_float(vqa_text *t, const char *key, float value)
{
    vqa_text_printf(t, ",\n  \"%s\": ", key);
    vqa_json_float(t, value);
}

static void put_bool(vqa_text *t, const char *key, bool value)
{
    vqa_text_printf(t, ",\n  \"%s\": %s", key, value ? "true" : "false");
}

static void put_data(vqa_text *t, const vqa_manifest *m)
{
    vqa_text_put(t, ",\n  \"data\": [");
    for (int i = 0; i < m->n_sources; i++) {
        vqa_text_put(t, i > 0 ? ",\n    {\"path\": " : "\n    {\"path\": ");
        vqa_json_string(t, m->sources[i].path);
        vqa_text_printf(t, ", \"bytes\": %" PRIu64 ", \"hash\": \"%016" PRIx64 "\"}", m->sources[i].bytes,
                        m->sources[i].hash);
    }
    vqa_text_put(t, "\n  ]");
    put_string(t, "images", m->images_dir);
    put_string(t, "annotations", m->annotations);
    put_string(t, "ocr", m->ocr);
    put_string(t, "col_id", m->columns.id);
    put_string(t, "col_image", m->columns.image);
    put_string(t, "col_question", m->columns.question);
    put_string(t, "col_answer", m->columns.answer);
    put_string(t, "col_split", m->columns.split);
    vqa_text_put(t, ",\n  \"filters\": [");
    for (int i = 0; i < m->n_filters; i++) {
        vqa_text_put(t, i > 0 ? ", " : "");
        vqa_json_string(t, m->filters[i]);
    }
    vqa_text_char(t, ']');
    put_int(t, "sample", m->sample);
    put_hex(t, "sample_seed", m->sample_seed);
    put_int(t, "limit", m->limit);
    put_int(t, "rows", m->n_rows);
}

void vqa_manifest_write(vqa_text *t, const vqa_manifest *m)
{
    vqa_text_put(t, "{\n  \"mlmamba\": ");
    vqa_json_string(t, m->version);
    put_string(t, "model", m->model_name);
    put_string(t, "model_dir", m->model_dir);
    put_hex(t, "fingerprint", m->fingerprint);
    put_string(t, "weights", m->weights_dtype);
    put_string(t, "device", m->device);
    put_string(t, "format", vqa_format_name(m->format));
    put_string(t, "task", vqa_task_name(m->task));
    put_string(t, "prompt", m->prompt_template);
    put_string(t, "question", m->question);
    put_string(t, "fit", m->fit);
    put_bool(t, "ignore_orientation", m->ignore_orientation);
    put_bool(t, "reference_rounding", m->reference_rounding);
    put_bool(t, "bf16_state", m->bf16_state);
    put_bool(t, "deterministic", m->deterministic);
    put_int(t, "max_new_tokens", m->max_new_tokens);
    put_float(t, "temperature", m->temperature);
    put_int(t, "top_k", m->top_k);
    put_float(t, "top_p", m->top_p);
    put_float(t, "min_p", m->min_p);
    put_float(t, "repetition_penalty", m->repetition_penalty);
    put_hex(t, "seed", m->seed);
    put_data(t, m);
    put_int(t, "shard", m->shard);
    put_int(t, "shards", m->n_shards);
    put_bool(t, "merged", m->merged);
    put_string(t, "started", m->started);
    put_string(t, "command_line", m->command_line);
    vqa_text_put(t, "\n}\n");
}

/* ---- reading -------------------------------------------------------------------------------------- */

typedef struct manifest_reader {
    const mlm_json_node *root;
    vqa_manifest        *m;
    bool                 nomem;
} manifest_reader;

static const char *copy_node(manifest_reader *r, const mlm_json_node *node)
{
    size_t n = 0;
    if (node == NULL || mlm_json_type_of(node) != MLM_JSON_STRING)
        return NULL;
    const char *text = mlm_json_text(node, &n);
    const char *copy = vqa_arena_copy(r->m->arena, text, n);
    r->nomem         = r->nomem || copy == NULL;
    return copy;
}

static const char *get_string(manifest_reader *r, const char *key)
{
    return copy_node(r, mlm_json_get(r->root, key));
}

static int64_t get_int(const mlm_json_node *obj, const char *key)
{
    int64_t              v    = 0;
    const mlm_json_node *node = mlm_json_get(obj, key);
    return node != NULL && mlm_json_as_int64(node, &v) ? v : 0;
}

static float get_float(const manifest_reader *r, const char *key)
{
    const mlm_json_node *node = mlm_json_get(r->root, key);
    return node != NULL && mlm_json_type_of(node) == MLM_JSON_NUMBER ? (float)mlm_json_double(node) : 0.0f;
}

static uint64_t get_hex(const mlm_json_node *obj, const char *key)
{
    const mlm_json_node *node = mlm_json_get(obj, key);
    if (node == NULL || mlm_json_type_of(node) != MLM_JSON_STRING)
        return 0;
    return strtoull(mlm_json_text(node, NULL), NULL, 16);
}

static bool get_bool(const manifest_reader *r, const char *key)
{
    const mlm_json_node *node = mlm_json_get(r->root, key);
    return node != NULL && mlm_json_type_of(node) == MLM_JSON_BOOL && mlm_json_bool(node);
}

static void read_data(manifest_reader *r)
{
    vqa_manifest        *m    = r->m;
    const mlm_json_node *data = mlm_json_get(r->root, "data"), *filters = mlm_json_get(r->root, "filters");
    int64_t              n    = data != NULL ? mlm_json_count(data) : 0;
    vqa_source          *list = n > 0 ? vqa_arena_alloc(m->arena, (size_t)n * sizeof *list) : NULL;
    if (list != NULL) {
        for (const mlm_json_node *e = mlm_json_first(data); e != NULL; e = mlm_json_next(e)) {
            const char *path = copy_node(r, mlm_json_get(e, "path"));
            list[m->n_sources++] =
                (vqa_source){path != NULL ? path : "", (uint64_t)get_int(e, "bytes"), get_hex(e, "hash")};
        }
        m->sources = list;
    }
    r->nomem           = r->nomem || (n > 0 && list == NULL);
    n                  = filters != NULL ? mlm_json_count(filters) : 0;
    const char **texts = n > 0 ? vqa_arena_alloc(m->arena, (size_t)n * sizeof *texts) : NULL;
    if (texts != NULL)
        for (const mlm_json_node *e = mlm_json_first(filters); e != NULL; e = mlm_json_next(e)) {
            const char *text      = copy_node(r, e);
            texts[m->n_filters++] = text != NULL ? text : "";
        }
    m->filters     = texts;
    r->nomem       = r->nomem || (n > 0 && texts == NULL);
    m->images_dir  = get_string(r, "images");
    m->annotations = get_string(r, "annotations");
    m->ocr         = get_string(r, "ocr");
    m->columns =
        (vqa_columns){get_string(r, "col_id"), get_string(r, "col_image"), get_string(r, "col_question"),
                      get_string(r, "col_answer"), get_string(r, "col_split")};
    m->sample      = get_int(r->root, "sample");
    m->sample_seed = get_hex(r->root, "sample_seed");
    m->limit       = get_int(r->root, "limit");
    m->n_rows      = get_int(r->root, "rows");
}

static mlm_status read_names(manifest_reader *r)
{
    const char *format = get_string(r, "format"), *task = get_string(r, "task");
    r->m->version = get_string(r, "mlmamba");
    if (r->nomem)
        return MLM_OK;
    if (r->m->version == NULL || format == NULL || task == NULL)
        return mlm_fail(MLM_E_FORMAT, "'mlmamba', 'format' and 'task' must be there");
    MLM_TRY(vqa_format_of_name(&r->m->format, format));
    return vqa_task_of_name(&r->m->task, task);
}

static mlm_status read_all(manifest_reader *r)
{
    vqa_manifest *m = r->m;
    MLM_TRY(read_names(r));
    m->model_name         = get_string(r, "model");
    m->model_dir          = get_string(r, "model_dir");
    m->fingerprint        = get_hex(r->root, "fingerprint");
    m->weights_dtype      = get_string(r, "weights");
    m->device             = get_string(r, "device");
    m->prompt_template    = get_string(r, "prompt");
    m->question           = get_string(r, "question");
    m->fit                = get_string(r, "fit");
    m->ignore_orientation = get_bool(r, "ignore_orientation");
    m->reference_rounding = get_bool(r, "reference_rounding");
    m->bf16_state         = get_bool(r, "bf16_state");
    m->deterministic      = get_bool(r, "deterministic");
    m->max_new_tokens     = (int)get_int(r->root, "max_new_tokens");
    m->temperature        = get_float(r, "temperature");
    m->top_k              = (int)get_int(r->root, "top_k");
    m->top_p              = get_float(r, "top_p");
    m->min_p              = get_float(r, "min_p");
    m->repetition_penalty = get_float(r, "repetition_penalty");
    m->seed               = get_hex(r->root, "seed");
    m->shard              = (int)get_int(r->root, "shard");
    m->n_shards           = (int)get_int(r->root, "shards");
    m->merged             = get_bool(r, "merged");
    m->started            = get_string(r, "started");
    m->command_line       = get_string(r, "command_line");
    read_data(r);
    return r->nomem ? mlm_fail_nomem(4096, "run.json") : MLM_OK;
}

mlm_status vqa_manifest_read(vqa_manifest **out, const char *path)
{
    mlm_json       *doc   = NULL;
    vqa_arena      *arena = NULL;
    manifest_reader r     = {0};
    *out                  = NULL;
    MLM_TRY(mlm_json_parse_file(&doc, path, LIMIT, 0));
    mlm_status status = vqa_arena_create(&arena);
    if (status == MLM_OK) {
        r.m    = vqa_arena_alloc(arena, sizeof *r.m);
        r.root = mlm_json_root(doc);
        if (r.m == NULL) {
            status = mlm_fail_nomem(sizeof *r.m, "run.json");
        } else {
            r.m->arena = arena;
            status     = read_all(&r);
            if (status != MLM_OK)
                (void)mlm_fail_context(status, "%s", path);
        }
    }
    mlm_json_free(doc);
    if (status != MLM_OK)
        vqa_arena_free(arena);
    else
        *out = r.m;
    return status;
}

void vqa_manifest_free(vqa_manifest *m)
{
    if (m != NULL)
        vqa_arena_free(m->arena);
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

static const char *shown(const char *s)
{
    return s != NULL ? s : "none";
}

static mlm_status text_differs(const char *what, const char *old, const char *now)
{
    return mlm_fail(MLM_E_CONFIG, "%s was '%.200s' and is '%.200s' now", what, shown(old), shown(now));
}

static mlm_status same_data(const vqa_manifest *a, const vqa_manifest *b)
{
    if (a->n_sources != b->n_sources)
        return mlm_fail(MLM_E_CONFIG, "the data set was %d files and is %d now", a->n_sources, b->n_sources);
    for (int i = 0; i < a->n_sources; i++)
        if (a->sources[i].bytes != b->sources[i].bytes || a->sources[i].hash != b->sources[i].hash)
            return mlm_fail(MLM_E_CONFIG, "%s is not what it was (%" PRIu64 " bytes then, %" PRIu64 " now)",
                            b->sources[i].path, a->sources[i].bytes, b->sources[i].bytes);
    if (a->n_filters != b->n_filters)
        return mlm_fail(MLM_E_CONFIG, "there were %d filters and are %d now", a->n_filters, b->n_filters);
    for (int i = 0; i < a->n_filters; i++)
        if (!same_text(a->filters[i], b->filters[i]))
            return text_differs("a filter", a->filters[i], b->filters[i]);
    return MLM_OK;
}

typedef struct number_pair {
    const char *what;
    double      old, now;
} number_pair;

static mlm_status same_numbers(const number_pair *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].old < p[i].now || p[i].old > p[i].now)
            return mlm_fail(MLM_E_CONFIG, "%s was %.9g and is %.9g now", p[i].what, p[i].old, p[i].now);
    return MLM_OK;
}

mlm_status vqa_manifest_same(const vqa_manifest *a, const vqa_manifest *b)
{
    const struct {
        const char *what, *old, *now;
    } texts[] = {
        {"the version of mlmamba", a->version, b->version},
        {"the weights", a->weights_dtype, b->weights_dtype},
        {"the device", a->device, b->device},
        {"the format", vqa_format_name(a->format), vqa_format_name(b->format)},
        {"the task", vqa_task_name(a->task), vqa_task_name(b->task)},
        {"--prompt", a->prompt_template, b->prompt_template},
        {"--question", a->question, b->question},
        {"--fit", a->fit, b->fit},
        {"--images", a->images_dir, b->images_dir},
        {"--col-id", a->columns.id, b->columns.id},
        {"--col-image", a->columns.image, b->columns.image},
        {"--col-question", a->columns.question, b->columns.question},
        {"--col-answer", a->columns.answer, b->columns.answer},
        {"--col-split", a->columns.split, b->columns.split},
    };
    const number_pair numbers[] = {
        {"--max-tokens", a->max_new_tokens, b->max_new_tokens},
        {"--temperature", (double)a->temperature, (double)b->temperature},
        {"--top-k", a->top_k, b->top_k},
        {"--top-p", (double)a->top_p, (double)b->top_p},
        {"--min-p", (double)a->min_p, (double)b->min_p},
        {"--repetition-penalty", (double)a->repetition_penalty, (double)b->repetition_penalty},
        {"--no-exif", a->ignore_orientation, b->ignore_orientation},
        {"--reference-rounding", a->reference_rounding, b->reference_rounding},
        {"--bf16-state", a->bf16_state, b->bf16_state},
        {"--deterministic", a->deterministic, b->deterministic},
        {"--sample", (double)a->sample, (double)b->sample},
        {"--limit", (double)a->limit, (double)b->limit},
        {"the number of rows", (double)a->n_rows, (double)b->n_rows},
        {"the shard", a->shard, b->shard},
        {"the number of shards", a->n_shards, b->n_shards},
    };
    if (a->fingerprint != b->fingerprint)
        return mlm_fail(MLM_E_CONFIG, "the model was %s (%016" PRIx64 ") and is %s (%016" PRIx64 ") now",
                        shown(a->model_name), a->fingerprint, shown(b->model_name), b->fingerprint);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!same_text(texts[i].old, texts[i].now))
            return text_differs(texts[i].what, texts[i].old, texts[i].now);
    MLM_TRY(same_numbers(numbers, sizeof numbers / sizeof numbers[0]));
    if (a->seed != b->seed || a->sample_seed != b->sample_seed)
        return mlm_fail(MLM_E_CONFIG, "--seed was %" PRIu64 " and is %" PRIu64 " now", a->seed, b->seed);
    return same_data(a, b);
}

mlm_status vqa_manifest_find(vqa_manifest **out, const char *path)
{
    char *dir = NULL, *name = NULL;
    *out = NULL;
    if (mlm_path_is_dir(path)) {
        dir = strdup(path);
    } else {
        const char *slash = strrchr(path, '/');
        dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + (slash == path));
    }
    if (dir == NULL)
        return mlm_fail_nomem(strlen(path), "a path");
    mlm_status status = vqa_output_name(&name, dir, "run", "json", 0, 0);
    char     **files  = NULL;
    int        n      = 0;
    if (status == MLM_OK && !mlm_path_is_file(name)) {
        int         shard = 0, n_shards = 0;
        const char *base = NULL;
        status           = vqa_shard_files(&files, &n, dir);
        base             = n > 0 ? strrchr(files[0], '/') : NULL;
        if (base != NULL && vqa_shard_of_name(base + 1, &shard, &n_shards)) {
            free(name);
            name   = NULL;
            status = vqa_output_name(&name, dir, "run", "json", shard, n_shards);
        }
        vqa_free_names(files, n);
    }
    if (status == MLM_OK)
        status = vqa_manifest_read(out, name);
    free(name);
    free(dir);
    return status;
}
