/*
 * source_text.c: language models: what the shapes of the tensors say about a trained one, and the directories of Mamba
 * and Mamba-2 as Hugging Face and state-spaces publish them.
 */
#include "app/engine/model_source.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define COMPARE      ((size_t)1 << 20)
#define MAX_LAYERS   1024

/* Tokenizers of the Pile models: all the same file, up to their padding token. */
static const char *const repos[] = {"EleutherAI/gpt-neox-20b",    "xiuyul/mamba-2.8b-zephyr",
                                    "state-spaces/mamba-130m-hf", "state-spaces/mamba-370m-hf",
                                    "state-spaces/mamba-790m-hf", "state-spaces/mamba-1.4b-hf",
                                    "state-spaces/mamba-2.8b-hf", "AntonV/mamba2-130m-hf",
                                    "AntonV/mamba2-2.7b-hf",      NULL};

/* ---- shapes ------------------------------------------------------------------------------------- */

typedef struct text_shape {
    const kn_weights *w;
    const char       *prefix;
    const char       *embedding;
    int64_t           rows, width, layers, inner, channels, kernel, heads, groups, state, rank;
    bool              mamba1, tied, conv_bias;
} text_shape;

static mlm_status missing(const text_shape *s, const char *name)
{
    return mlm_fail(MLM_E_NOTFOUND, "tensor '%s%s' is missing: this is no language model of the Mamba family",
                    s->prefix, name);
}

static mlm_status same_values(bool *same, const kn_weights *w, const mlm_st_tensor *a, const mlm_st_tensor *b)
{
    char *x = malloc(2 * COMPARE), *y = x != NULL ? x + COMPARE : NULL;
    *same = a->dtype == b->dtype && a->bytes == b->bytes && a->rank == b->rank && a->dim[0] == b->dim[0];
    if (x == NULL)
        return mlm_fail_nomem(2 * COMPARE, a->name);
    mlm_status status = MLM_OK;
    for (uint64_t at = 0; at < a->bytes && *same && status == MLM_OK; at += COMPARE) {
        size_t n = a->bytes - at < COMPARE ? (size_t)(a->bytes - at) : COMPARE;
        status   = kn_weights_read(w, a, x, at, n);
        if (status == MLM_OK)
            status = kn_weights_read(w, b, y, at, n);
        *same = status != MLM_OK || memcmp(x, y, n) == 0;
    }
    free(x);
    return status;
}

/* lm_head is the embedding when it is absent, lies in the same storage, or is a copy of it. */
static mlm_status find_head(text_shape *s, unsigned flags)
{
    char head[512], table[512];
    (void)snprintf(head, sizeof head, "%slm_head.weight", s->prefix);
    (void)snprintf(table, sizeof table, "%s%s", s->prefix, s->embedding);
    const mlm_st_tensor *a = kn_weights_find(s->w, table), *b = kn_weights_find(s->w, head);
    s->tied = b == NULL || kn_weights_same_bytes(s->w, a, b);
    if (s->tied)
        return MLM_OK;
    if ((flags & SOURCE_DEEP) != 0)
        return same_values(&s->tied, s->w, a, b);
    s->tied = a->dtype == b->dtype && a->bytes == b->bytes; /* settled when the model is loaded */
    return MLM_OK;
}

static mlm_status measure_mixer(text_shape *s)
{
    char mixer[512];
    (void)snprintf(mixer, sizeof mixer, "%sbackbone.layers.0.mixer.", s->prefix);
    s->inner     = source_dim(s->w, mixer, "out_proj.weight", 1);
    s->channels  = source_dim(s->w, mixer, "conv1d.weight", 0);
    s->kernel    = source_dim(s->w, mixer, "conv1d.weight", 2);
    s->conv_bias = source_has(s->w, mixer, "conv1d.bias");
    s->mamba1    = source_has(s->w, mixer, "x_proj.weight");
    if (s->inner < 1 || s->channels < s->inner || s->kernel < 1)
        return missing(s, "backbone.layers.0.mixer.{out_proj,conv1d}.weight");
    if (s->mamba1) {
        s->state = source_dim(s->w, mixer, "A_log", 1);
        s->rank  = source_dim(s->w, mixer, "dt_proj.weight", 1);
        return s->state > 0 && s->rank > 0 ? MLM_OK
                                           : missing(s, "backbone.layers.0.mixer.{A_log,dt_proj.weight}");
    }
    s->heads  = source_dim(s->w, mixer, "dt_bias", 0);
    s->state  = (s->channels - s->inner) / 2;
    s->groups = s->state > 256 && s->state % 128 == 0 ? s->state / 128 : 1;
    s->state /= s->groups;
    return s->heads > 0 && s->inner % s->heads == 0 ? MLM_OK : missing(s, "backbone.layers.0.mixer.dt_bias");
}

static mlm_status measure(text_shape *s, unsigned flags)
{
    s->embedding = source_has(s->w, s->prefix, "backbone.embedding.weight") ? "backbone.embedding.weight"
                                                                            : "backbone.embeddings.weight";
    s->rows      = source_dim(s->w, s->prefix, s->embedding, 0);
    s->width     = source_dim(s->w, s->prefix, s->embedding, 1);
    if (s->rows < 1 || s->width < 1)
        return missing(s, "backbone.embedding.weight");
    s->layers = source_count(s->w, s->prefix, "backbone.layers.", MAX_LAYERS);
    if (s->layers == 0)
        return missing(s, "backbone.layers.0.norm.weight");
    MLM_TRY(measure_mixer(s));
    return find_head(s, flags);
}

mlm_status source_text_config(char **out, int *width, bool *tied, const kn_weights *w, const char *prefix,
                              unsigned flags)
{
    text_shape s = {.w = w, .prefix = prefix};
    char       text[1024];
    *out = NULL;
    MLM_TRY(measure(&s, flags));
    int n = snprintf(text, sizeof text,
                     "{\n  \"model_type\": \"%s\",\n  \"vocab_size\": %lld,\n  \"hidden_size\": %lld,\n"
                     "  \"num_hidden_layers\": %lld,\n  \"expand\": %lld,\n  \"state_size\": %lld,\n"
                     "  \"conv_kernel\": %lld,\n  \"use_conv_bias\": %s,\n  \"use_bias\": false,\n"
                     "  \"layer_norm_epsilon\": 1e-05,\n  \"tie_word_embeddings\": %s,\n  ",
                     s.mamba1 ? "mamba" : "mamba2", (long long)s.rows, (long long)s.width,
                     (long long)s.layers, (long long)(s.inner / s.width), (long long)s.state,
                     (long long)s.kernel, s.conv_bias ? "true" : "false", s.tied ? "true" : "false");
    if (s.mamba1)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "\"intermediate_size\": %lld,\n  \"time_step_rank\": %lld\n }", (long long)s.inner,
                      (long long)s.rank);
    else
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "\"num_heads\": %lld,\n  \"head_dim\": %lld,\n  \"n_groups\": %lld\n }",
                      (long long)s.heads, (long long)(s.inner / s.heads), (long long)s.groups);
    *width = s.width <= 1 << 20 ? (int)s.width : 0;
    *tied  = s.tied;
    *out   = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem((size_t)n, "text config");
}

/* ---- directories of Hugging Face and state-spaces ----------------------------------------------- */

/* One file or the index of several: the first that is there, else the first that should be. */
static mlm_status find_weights(char **out, char **broken, const char *dir)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    *out                             = NULL;
    for (int i = 0; i < 4; i++) {
        MLM_TRY(mlm_path_join(out, dir, names[i]));
        if (mlm_path_is_file(*out))
            return MLM_OK;
        if (*broken == NULL && source_is_broken_link(*out))
            *broken = *out;
        else
            free(*out);
        *out = NULL;
    }
    return MLM_OK;
}

static mlm_status add_rules(source_file *f, const kn_weights *w, bool tied)
{
    static const char *const prefixes[] = {"model.", "llm.", ""};
    const char              *prefix     = "";
    char                     from[64];
    for (int i = 0; i < 3; i++) { /* a state_dict inside {"model": ..}, or of a wrapper */
        (void)snprintf(from, sizeof from, "%sbackbone.norm_f.weight", prefixes[i]);
        if (kn_weights_find(w, from) != NULL) {
            prefix = prefixes[i];
            break;
        }
    }
    if (tied) {
        (void)snprintf(from, sizeof from, "%slm_head.weight", prefix);
        MLM_TRY(source_add_rule(f, from, NULL));
    }
    (void)snprintf(from, sizeof from, "%sbackbone.embedding.weight", prefix);
    MLM_TRY(source_add_rule(f, from, "language_model.backbone.embeddings.weight"));
    (void)snprintf(from, sizeof from, "%sbackbone.*", prefix);
    MLM_TRY(source_add_rule(f, from, "language_model.backbone.*"));
    (void)snprintf(from, sizeof from, "%slm_head.weight", prefix);
    return source_add_rule(f, from, "language_model.lm_head.weight");
}

static bool is_tied(const mlm_json_node *root, bool state_spaces)
{
    const mlm_json_node *node = mlm_json_get(root, state_spaces ? "tie_embeddings" : "tie_word_embeddings");
    return node == NULL || mlm_json_type_of(node) != MLM_JSON_BOOL || mlm_json_bool(node);
}

static mlm_status open_weights(model_source *src, const char *path, bool tied)
{
    kn_weights             *w = NULL;
    source_file            *f = NULL;
    char                    detail[128];
    const kn_weights_source source = {.path = path};
    mlm_status              status = kn_weights_open_sources(&w, path, &source, 1);
    if (status == MLM_E_NOMEM)
        return status;
    if (status != MLM_OK)
        return source_add_part(src, "language model", status, true, path, mlm_error_message());
    status = source_add_file(src, &f, path);
    if (status == MLM_OK)
        status = add_rules(f, w, tied);
    source_describe(detail, sizeof detail, w);
    kn_weights_close(w);
    return status == MLM_OK ? source_add_part(src, "language model", MLM_OK, true, path, detail) : status;
}

/* Their own config.json is our "text". */
static mlm_status wrap_config(model_source *src, const char *text, const mlm_json_node *root)
{
    const mlm_json_node *node = mlm_json_get(root, "eos_token_id");
    int64_t              eos  = 0;
    size_t               n    = strlen(text) + 512;
    if (node != NULL && mlm_json_type_of(node) == MLM_JSON_NUMBER && !mlm_json_as_int64(node, &eos))
        eos = 0;
    src->config = malloc(n);
    if (src->config == NULL)
        return mlm_fail_nomem(n, src->dir);
    (void)snprintf(
        src->config, n,
        "{\n \"model_type\": \"ml_mamba\",\n \"description\": \"A language model: it continues text.\",\n"
        " \"eos_token_id\": %lld,\n \"prompt_template\": \"{question}\",\n \"turn_separator\": \"\",\n "
        "\"text\": %s\n}\n",
        (long long)eos, text);
    return MLM_OK;
}

static mlm_status open_text(model_source *src, const char *path, bool state_spaces)
{
    char      *text = NULL, *weights = NULL, *broken = NULL;
    mlm_json  *doc = NULL;
    size_t     n   = 0;
    mlm_status status;
    MLM_TRY_GOTO(status, mlm_file_read(&text, &n, path, CONFIG_LIMIT, "config.json"), done);
    MLM_TRY_GOTO(status, mlm_json_parse(&doc, text, n, path, MLM_JSON_ALLOW_INFINITY), done);
    MLM_TRY_GOTO(status, source_add_part(src, "configuration", MLM_OK, true, path, "config.json"), done);
    MLM_TRY_GOTO(status, wrap_config(src, text, mlm_json_root(doc)), done);
    MLM_TRY_GOTO(status, find_weights(&weights, &broken, src->base), done);
    if (weights != NULL)
        status = open_weights(src, weights, is_tied(mlm_json_root(doc), state_spaces));
    else if (broken != NULL)
        status = source_add_part(src, "language model", MLM_E_NOTFOUND, false, broken, SOURCE_BROKEN_LINK);
    else
        status = source_add_part(src, "language model", MLM_E_NOTFOUND, false,
                                 "model.safetensors or pytorch_model.bin, or one of them with .index.json",
                                 "the weights belong into the directory of this config.json");
    if (status == MLM_OK)
        status = source_find_tokenizer(src, repos);
done:
    mlm_json_free(doc);
    free(weights);
    free(broken);
    free(text);
    return status;
}

mlm_status source_open_text(model_source *src, bool state_spaces)
{
    char *path = NULL;
    src->kind  = state_spaces ? "Mamba text model (state-spaces)" : "Mamba text model (Hugging Face)";
    MLM_TRY(mlm_path_join(&path, src->base, "config.json"));
    mlm_status status = open_text(src, path, state_spaces);
    free(path);
    return status;
}
