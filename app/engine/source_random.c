/*
 * source_random.c: a model of any shape without its weights: a configuration, and tensors that are made up where they are
 * loaded (kernels/weights_made.c).  For measurements: `mlmamba bench --random`.
 *
 * The configuration is one of the table below, a config.json (ours, transformers', state-spaces') or the
 * config.json of a directory.  What lies beside it (preprocessor_config.json, tokenizer.json) is used; what does not is made.
 */
#include "app/engine/model_config.h"
#include "app/engine/model_source.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"
#include "lm/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define MAX_TEXT     8192
#define SEED         20240731

/* ---- the published shapes ----------------------------------------------------------------------- */

#define VISION                                                                                               \
    "\"vision\": {\"type\": \"concat\", \"towers\": [{\"type\": \"vit\", \"image_size\": 384, "              \
    "\"patch_size\": 14, \"hidden_size\": 1024, \"num_layers\": 24, \"num_heads\": 16, \"mlp_dim\": 4096, "  \
    "\"layer_norm_eps\": 1e-6, \"class_token\": true, \"num_registers\": 4, \"layer_scale\": true, "         \
    "\"feature_layer\": -2, \"final_norm\": false, \"image_mean\": [0.485, 0.456, 0.406], \"image_std\": "   \
    "[0.229, 0.224, 0.225]}, {\"type\": \"vit\", \"image_size\": 384, \"patch_size\": 14, "                  \
    "\"hidden_size\": 1152, \"num_layers\": 27, \"num_heads\": 16, \"mlp_dim\": 4304, "                      \
    "\"layer_norm_eps\": 1e-6, \"feature_layer\": -2, \"final_norm\": false}]}, "
#define SCANS                                                                                                \
    "\"connector\": {\"type\": \"mamba2_bidirectional\", \"input_size\": 2176, \"hidden_size\": 2560, "      \
    "\"num_layers\": 2, \"expand\": 2, \"head_dim\": 64, \"state_size\": 128, \"conv_kernel\": 4, "          \
    "\"swiglu_dim\": 2560, \"projector_dims\": [10240, 2560, 2560]}, "
#define MLP                                                                                                  \
    "\"connector\": {\"type\": \"mlp\", \"input_size\": 2176, \"projector_dims\": [8704, 2560, 2560]}, "

typedef struct published {
    const char *name, *before; /* JSON in front of "text" */
    int         width, layers, vocab;
    bool        mamba1;
} published;

static const published models[] = {{"ml-mamba-2.7b", VISION SCANS, 2560, 64, 50280, false},
                                   {"cobra-3b", VISION MLP, 2560, 64, 50280, true},
                                   {"mamba2-130m", "", 768, 24, 50280, false},
                                   {"mamba2-370m", "", 1024, 48, 50280, false},
                                   {"mamba2-780m", "", 1536, 48, 50280, false},
                                   {"mamba2-1.3b", "", 2048, 48, 50280, false},
                                   {"mamba2-2.7b", "", 2560, 64, 50280, false},
                                   {"mamba-130m", "", 768, 24, 50280, true},
                                   {"mamba-370m", "", 1024, 48, 50280, true},
                                   {"mamba-790m", "", 1536, 48, 50280, true},
                                   {"mamba-1.4b", "", 2048, 48, 50280, true},
                                   {"mamba-2.8b", "", 2560, 64, 50280, true}};
enum { N_MODELS = sizeof models / sizeof models[0] };

static mlm_status copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text) + 1, "a text of the model's parts");
}

static mlm_status write_published(model_source *src, const published *m)
{
    char text[MAX_TEXT], mixer[256];
    if (m->mamba1)
        (void)snprintf(mixer, sizeof mixer, "\"model_type\": \"mamba\", \"state_size\": 16");
    else
        (void)snprintf(mixer, sizeof mixer,
                       "\"model_type\": \"mamba2\", \"state_size\": 128, \"head_dim\": 64, \"num_heads\": %d",
                       m->width / 32);
    (void)snprintf(text, sizeof text,
                   "{\"model_type\": \"ml_mamba\", \"eos_token_id\": 0, \"prompt_template\": "
                   "\"<|user|>\\n{question}<|endoftext|>\\n<|assistant|>\\n\", %s\"text\": {%s, "
                   "\"hidden_size\": %d, \"num_hidden_layers\": %d, \"vocab_size\": %d, "
                   "\"pad_vocab_size_multiple\": 16, \"tie_word_embeddings\": true}}\n",
                   m->before, mixer, m->width, m->layers, m->vocab);
    return copy_text(&src->config, text);
}

/* ---- a file ------------------------------------------------------------------------------------- */

/* A language model's own config.json becomes the "text" of ours. */
static mlm_status take_config(model_source *src, const char *path)
{
    char      *text = NULL;
    size_t     n    = 0;
    mlm_json  *doc  = NULL;
    mlm_status status;
    MLM_TRY(mlm_file_read(&text, &n, path, CONFIG_LIMIT, "config.json"));
    MLM_TRY_GOTO(status, mlm_json_parse(&doc, text, n, path, MLM_JSON_ALLOW_INFINITY), done);
    const mlm_json_node *root = mlm_json_root(doc), *type = mlm_json_get(root, "model_type");
    bool                 own = type != NULL && mlm_json_type_of(type) == MLM_JSON_STRING &&
               strcmp(mlm_json_text(type, NULL), "ml_mamba") == 0;
    size_t cap  = n + 64;
    src->config = malloc(cap);
    if (src->config == NULL)
        status = mlm_fail_nomem(cap, path);
    else if (own)
        (void)snprintf(src->config, cap, "%s", text);
    else
        (void)snprintf(src->config, cap, "{\"model_type\": \"ml_mamba\", \"eos_token_id\": 0, \"text\": %s}",
                       text);
done:
    mlm_json_free(doc);
    free(text);
    return status;
}

static mlm_status find_config(model_source *src, const char *config)
{
    for (int i = 0; i < N_MODELS; i++)
        if (strcmp(models[i].name, config) == 0)
            return write_published(src, &models[i]);
    char *path = NULL;
    if (mlm_path_is_dir(config))
        MLM_TRY(mlm_path_join(&path, config, "config.json"));
    else
        MLM_TRY(copy_text(&path, config));
    if (!mlm_path_is_file(path)) {
        mlm_status status = mlm_fail(MLM_E_NOTFOUND,
                                     "%s: is no config.json, no directory with one, and no published shape "
                                     "(ml-mamba-2.7b, cobra-3b, mamba2-130m ... mamba2-2.7b, mamba-130m ... "
                                     "mamba-2.8b)",
                                     config);
        free(path);
        return status;
    }
    mlm_status status = take_config(src, path);
    char      *slash  = strrchr(path, '/');
    if (status == MLM_OK && slash != NULL) { /* what lies beside it */
        *slash = '\0';
        free(src->base);
        src->base = path;
        return MLM_OK;
    }
    free(path);
    return status;
}

/* ---- what is not there -------------------------------------------------------------------------- */

static mlm_status read_beside(char **out, const model_source *src, const char *name)
{
    char  *path = NULL;
    size_t n    = 0;
    MLM_TRY(mlm_path_join(&path, src->base, name));
    mlm_status status = mlm_path_is_file(path) ? mlm_file_read(out, &n, path, CONFIG_LIMIT, name) : MLM_OK;
    free(path);
    return status;
}

static mlm_status make_preprocessor(model_source *src, const mlm_json_node *vision)
{
    char                 text[512];
    const mlm_json_node *towers = mlm_json_get(vision, "towers");
    const mlm_json_node *tower  = towers != NULL ? mlm_json_first(towers) : vision;
    int                  size   = 0;
    MLM_TRY(read_beside(&src->preprocessor, src, "preprocessor_config.json"));
    if (src->preprocessor != NULL || tower == NULL)
        return MLM_OK;
    MLM_TRY(mlm_json_req_int(tower, "config.json: vision", "image_size", 1, 8192, &size));
    (void)snprintf(
        text, sizeof text,
        "{\"do_convert_rgb\": true, \"do_resize\": true, \"resize_mode\": \"naive\", \"size\": "
        "{\"height\": %d, \"width\": %d}, \"resample\": 3, \"do_rescale\": true, "
        "\"rescale_factor\": 0.00392156862745098, \"do_normalize\": true, \"image_mean\": [0.5, 0.5, "
        "0.5], \"image_std\": [0.5, 0.5, 0.5]}\n",
        size, size);
    return copy_text(&src->preprocessor, text);
}

/* GPT-2's character for a byte, as JSON. */
static int byte_symbol(char out[16], int byte)
{
    bool plain = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    int  code  = byte;
    if (!plain) {
        code = 256;
        for (int b = 0; b < byte; b++)
            code += !((b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae);
    }
    return snprintf(out, 16, "\\u%04x", (unsigned)code);
}

/* As many tokens as the embedding has rows: the bytes, a special one that ends, and names of numbers for the rest. */
static mlm_status make_tokenizer(model_source *src, int n, int end_id)
{
    size_t cap = (size_t)n * 24 + 1024, used = 0;
    char  *s    = malloc(cap), symbol[16];
    int    byte = 0;
    if (s == NULL)
        return mlm_fail_nomem(cap, "tokenizer");
    if (n < 257 || end_id >= n) {
        free(s);
        return mlm_fail(MLM_E_CONFIG, "%s: a made tokenizer needs a vocabulary of 257 or more, not %d",
                        src->dir, n);
    }
    used += (size_t)snprintf(s, cap, "{\"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {");
    for (int id = 0; id < n; id++) {
        const char *comma = id > 0 ? "," : "";
        if (id == end_id) {
            used += (size_t)snprintf(s + used, cap - used, "%s\"<|endoftext|>\":%d", comma, id);
        } else if (byte < 256) {
            (void)byte_symbol(symbol, byte++);
            used += (size_t)snprintf(s + used, cap - used, "%s\"%s\":%d", comma, symbol, id);
        } else {
            used += (size_t)snprintf(s + used, cap - used, "%s\"w%d\":%d", comma, id, id);
        }
    }
    (void)snprintf(
        s + used, cap - used,
        "}}, \"added_tokens\": [{\"id\": %d, \"content\": \"<|endoftext|>\", \"special\": true, "
        "\"normalized\": false}], \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
        "false, \"use_regex\": true}, \"decoder\": {\"type\": \"ByteLevel\"}}\n",
        end_id);
    src->tokenizer_text = s;
    return MLM_OK;
}

/* The parts of the configuration, and what is not there made to fit them. */
typedef struct random_config {
    mlm_json         *doc, *pre;
    lm_config         text;
    vision_config     vision;
    connector_config *connector;
    bool              has_vision;
} random_config;

static void random_config_free(random_config *c)
{
    connector_config_free(c->connector);
    mlm_json_free(c->doc);
    mlm_json_free(c->pre);
}

static mlm_status read_config(random_config *c, const model_source *src)
{
    MLM_TRY(mlm_json_parse(&c->doc, src->config, strlen(src->config), src->dir, MLM_JSON_ALLOW_INFINITY));
    const mlm_json_node *root = mlm_json_root(c->doc), *text = NULL;
    MLM_TRY(mlm_json_req_object(root, "config.json", "text", &text));
    MLM_TRY(lm_config_parse(&c->text, text, "config.json: text"));
    c->has_vision = src->preprocessor != NULL;
    if (!c->has_vision)
        return MLM_OK;
    const mlm_json_node *vision = NULL, *conn = NULL;
    MLM_TRY(
        mlm_json_parse(&c->pre, src->preprocessor, strlen(src->preprocessor), "preprocessor_config.json", 0));
    MLM_TRY(mlm_json_req_object(root, "config.json", "vision", &vision));
    MLM_TRY(mlm_json_req_object(root, "config.json", "connector", &conn));
    MLM_TRY(vision_config_parse(&c->vision, vision, mlm_json_root(c->pre)));
    return connector_config_parse(&c->connector, conn, vision_config_n_patches(&c->vision));
}

static mlm_status complete(model_source *src)
{
    random_config c      = {0};
    mlm_json     *doc    = NULL;
    int           end_id = 0;
    mlm_status    status;
    MLM_TRY_GOTO(status,
                 mlm_json_parse(&doc, src->config, strlen(src->config), src->dir, MLM_JSON_ALLOW_INFINITY),
                 done);
    const mlm_json_node *root = mlm_json_root(doc), *vision = mlm_json_get(root, "vision");
    MLM_TRY_GOTO(status, mlm_json_opt_int(root, "config.json", "eos_token_id", 0, INT32_MAX, 0, &end_id),
                 done);
    if (vision != NULL)
        MLM_TRY_GOTO(status, make_preprocessor(src, vision), done);
    MLM_TRY_GOTO(status, read_config(&c, src), done);
    MLM_TRY_GOTO(status, read_beside(&src->tokenizer_text, src, "tokenizer.json"), done);
    if (src->tokenizer_text == NULL)
        MLM_TRY_GOTO(status, make_tokenizer(src, c.text.vocab_size, end_id), done);
done:
    random_config_free(&c);
    mlm_json_free(doc);
    return status;
}

/* ---- weights ------------------------------------------------------------------------------------ */

/* Loading the parts, on the host and without numbers, says which tensors there are. */
static mlm_status list_tensors(kn_weights *w, void *payload)
{
    const kn_device_options opt    = {.name = "ref"};
    random_config           c      = {0};
    kn_device              *dev    = NULL;
    kn_queue               *q      = NULL;
    vision_encoder         *vision = NULL;
    connector              *conn   = NULL;
    lm_model               *text   = NULL;
    mlm_status              status;
    MLM_TRY_GOTO(status, read_config(&c, payload), done);
    MLM_TRY_GOTO(status, kn_device_open(&dev, &opt), done);
    MLM_TRY_GOTO(status, kn_queue_create(&q, dev), done);
    if (c.has_vision) {
        MLM_TRY_GOTO(status, vision_encoder_load(&vision, q, &c.vision, w), done);
        MLM_TRY_GOTO(status, connector_load(&conn, q, c.connector, w, "connector."), done);
    }
    MLM_TRY_GOTO(status, lm_model_load(&text, q, &c.text, w, "language_model."), done);
done:
    lm_model_free(text);
    connector_free(conn);
    vision_encoder_free(vision);
    kn_queue_free(q);
    kn_device_close(dev);
    random_config_free(&c);
    return status;
}

mlm_status source_random_weights(kn_weights **out, const model_source *src)
{
    return kn_weights_make(out, src->dir, src->made, SEED, list_tensors, (void *)(uintptr_t)src);
}

mlm_status source_open_random(model_source **out, const char *config, const char *type)
{
    model_source *src = calloc(1, sizeof *src);
    mlm_status    status;
    *out = NULL;
    if (src == NULL)
        return mlm_fail_nomem(sizeof *src, "model");
    src->kind    = "random weights";
    src->is_made = true;
    src->made = strcmp(type, "int8") == 0 ? MLM_ST_I8 : strcmp(type, "f32") == 0 ? MLM_ST_F32 : MLM_ST_BF16;
    MLM_TRY_GOTO(status, copy_text(&src->dir, config), done);
    MLM_TRY_GOTO(status, copy_text(&src->base, config), done);
    if (strcmp(type, "int8") != 0 && strcmp(type, "f32") != 0 && strcmp(type, "bf16") != 0)
        status = mlm_fail(MLM_E_RANGE, "random weights of type '%s', must be bf16, int8 or f32", type);
    if (status == MLM_OK)
        status = find_config(src, config);
    if (status == MLM_OK)
        status = complete(src);
done:
    if (status != MLM_OK) {
        model_source_free(src);
        return status;
    }
    *out = src;
    return MLM_OK;
}
