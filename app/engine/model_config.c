/*
 * model_config.c: reads config.json, preprocessor_config.json and tokenizer.json, and checks that the parts
 * fit together.  Each folder parses its own object; this file knows only the seams between them.
 */
#include "app/engine/model_config.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define HASH_LIMIT   ((size_t)256 << 20) /* above what the readers of these files allow */
#define TEXT_LIMIT   4096

static const char *const model_types[]     = {"ml_mamba", NULL};
static const char *const image_positions[] = {"first", NULL};
static const char *const quant_weights[]   = {"int8", NULL};
static const char *const quant_schemes[]   = {"symmetric", NULL};
static const char *const quant_grains[]    = {"row", NULL};
static const char *const torch_dtypes[]    = {"bfloat16", "float32", "float16", NULL};

static mlm_status copy_text(char **out, const mlm_json_node *root, const char *where, const char *key,
                            const char *def)
{
    const char *text = NULL;
    MLM_TRY(mlm_json_opt_string(root, where, key, def, &text));
    if (strlen(text) > TEXT_LIMIT)
        return mlm_fail(MLM_E_CONFIG, "%s: %s has %zu bytes, must have at most %d", where, key, strlen(text),
                        TEXT_LIMIT);
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text) + 1, key);
}

/* Decision: int8, symmetric, one scale a row is the only scheme; anything else has another name. */
static mlm_status parse_quantization(model_config *c, const mlm_json_node *root, const char *where)
{
    int ignored = 0;
    MLM_TRY(mlm_json_opt_choice(root, where, "torch_dtype", torch_dtypes, 0, &ignored));
    const mlm_json_node *node = mlm_json_get(root, "quantization");
    if (node == NULL || mlm_json_type_of(node) == MLM_JSON_NULL)
        return MLM_OK;
    const mlm_json_node *q = NULL;
    MLM_TRY(mlm_json_req_object(root, where, "quantization", &q));
    MLM_TRY(mlm_json_req_choice(q, "config.json: quantization", "weights", quant_weights, &ignored));
    MLM_TRY(mlm_json_req_choice(q, "config.json: quantization", "scheme", quant_schemes, &ignored));
    MLM_TRY(mlm_json_req_choice(q, "config.json: quantization", "granularity", quant_grains, &ignored));
    c->quantized = true;
    return MLM_OK;
}

/* The output width of each part is the input width of the next. */
static mlm_status check_seams(const model_config *c, const char *where)
{
    int width = vision_config_width(&c->vision), in = connector_config_in(c->connector);
    int out = connector_config_out(c->connector), tokens = connector_config_n_tokens(c->connector);
    if (in != width)
        return mlm_fail(MLM_E_CONFIG, "%s: connector takes width %d, but vision gives %d", where, in, width);
    if (out != c->text.d_model)
        return mlm_fail(MLM_E_CONFIG, "%s: connector gives width %d, but text.hidden_size is %d", where, out,
                        c->text.d_model);
    if (tokens != c->n_image_tokens)
        return mlm_fail(MLM_E_CONFIG, "%s: num_image_tokens is %d, but the picture gives %d", where,
                        c->n_image_tokens, tokens);
    return MLM_OK;
}

static mlm_status parse_vision(model_config *c, const mlm_json_node *root, const mlm_json_node *pre,
                               const char *where)
{
    const mlm_json_node *vision = NULL, *conn = NULL;
    MLM_TRY(mlm_json_req_object(root, where, "vision", &vision));
    MLM_TRY(mlm_json_req_object(root, where, "connector", &conn));
    MLM_TRY(vision_config_parse(&c->vision, vision, pre));
    MLM_TRY(connector_config_parse(&c->connector, conn, vision_config_n_patches(&c->vision)));
    MLM_TRY(mlm_json_opt_int(root, where, "num_image_tokens", 1, 1 << 20,
                             connector_config_n_tokens(c->connector), &c->n_image_tokens));
    return check_seams(c, where);
}

static mlm_status parse_root(model_config *c, const mlm_json_node *root, const mlm_json_node *pre,
                             const char *where)
{
    int         ignored = 0, eos = 0;
    const char *tpl = NULL, *sep = NULL;
    if (mlm_json_type_of(root) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_CONFIG, "%s is %s, must be an object", where,
                        mlm_json_type_name(mlm_json_type_of(root)));
    MLM_TRY(mlm_json_req_choice(root, where, "model_type", model_types, &ignored));
    MLM_TRY(mlm_json_opt_choice(root, where, "image_position", image_positions, 0, &ignored));
    MLM_TRY(parse_quantization(c, root, where));

    const mlm_json_node *text = NULL;
    MLM_TRY(mlm_json_req_object(root, where, "text", &text));
    MLM_TRY(lm_config_parse(&c->text, text, "config.json: text"));
    c->has_vision = pre != NULL;
    if (c->has_vision)
        MLM_TRY(parse_vision(c, root, pre, where));

    MLM_TRY(mlm_json_req_int(root, where, "eos_token_id", 0, INT32_MAX, &eos));
    c->eos_id = eos;
    MLM_TRY(mlm_json_opt_int(root, where, "max_text_tokens", 0, 1 << 24, 0, &c->max_text_tokens));
    MLM_TRY(mlm_json_opt_string(root, where, "prompt_template", NULL, &tpl));
    MLM_TRY(mlm_json_opt_string(root, where, "turn_separator", "\n", &sep));
    mlm_status status = tpl != NULL ? prompt_template_from_text(&c->prompt, tpl, sep)
                                    : prompt_template_named(&c->prompt, "zephyr");
    if (status != MLM_OK)
        return mlm_fail_context(status, "%s", where);
    MLM_TRY(copy_text(&c->description, root, where, "description", ""));
    return copy_text(&c->describe_prompt, root, where, "describe_prompt", "Describe the image.");
}

/* Ids that the embedding has rows for, and an end token that ends something. */
static mlm_status check_tokenizer(model_config *c, const char *where)
{
    int n = tokenizer_vocab_size(c->tok);
    if (n > c->text.vocab_rows)
        return mlm_fail(MLM_E_CONFIG, "%s: text.vocab_size is %d, but tokenizer.json has ids up to %d", where,
                        c->text.vocab_rows, n - 1);
    if (c->text.vocab_size > n)
        c->text.vocab_size = n; /* rows without a token are padding: never produced */
    if (c->eos_id >= n || !tokenizer_is_special(c->tok, c->eos_id))
        return mlm_fail(MLM_E_CONFIG,
                        "%s: eos_token_id is %d, which is not a special token of tokenizer.json", where,
                        (int)c->eos_id);
    token_list list   = {0};
    mlm_status status = prompt_encode_turn(&c->prompt, c->tok, &list, "?", true);
    token_list_free(&list);
    return status == MLM_OK ? MLM_OK : mlm_fail_context(status, "%s: prompt_template", where);
}

static mlm_status parse_file(mlm_json **out, const char *dir, const char *name)
{
    char *path = NULL;
    MLM_TRY(mlm_path_join(&path, dir, name));
    mlm_status status = mlm_json_parse_file(out, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
    free(path);
    return status;
}

static void add_text(mlm_hash *hash, const char *name, const char *data, size_t n)
{
    mlm_hash_add(hash, name, strlen(name) + 1);
    mlm_hash_add_u64(hash, n);
    mlm_hash_add(hash, data, n);
}

/* The files as they lie there, names and sizes included: what the fingerprint of a model says beside its weights. */
static mlm_status hash_file(mlm_hash *hash, const char *path, const char *name)
{
    char  *data = NULL;
    size_t n    = 0;
    MLM_TRY(mlm_file_read(&data, &n, path, HASH_LIMIT, name));
    add_text(hash, name, data, n);
    free(data);
    return MLM_OK;
}

static mlm_status hash_text(model_config *c, const model_source *src, const char *tok_path)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json"};
    mlm_hash                 hash;
    mlm_hash_init(&hash);
    for (int i = 0; i < (c->has_vision ? 2 : 1); i++) {
        const char *text = i == 0 ? src->config : src->preprocessor;
        char       *path = NULL;
        if (!src->own) {
            add_text(&hash, names[i], text, strlen(text));
            continue;
        }
        MLM_TRY(mlm_path_join(&path, src->dir, names[i]));
        mlm_status status = hash_file(&hash, path, names[i]);
        free(path);
        if (status != MLM_OK)
            return status;
    }
    if (tok_path == NULL)
        add_text(&hash, "tokenizer.json", src->tokenizer_text, strlen(src->tokenizer_text));
    else
        MLM_TRY(hash_file(&hash, tok_path, "tokenizer.json"));
    c->text_hash = mlm_hash_end(&hash);
    return MLM_OK;
}

/* The readers of values know only the file's name. */
static mlm_status in_dir(mlm_status status, const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (status == MLM_OK || status == MLM_E_NOMEM)
        return status;
    return mlm_fail(status, "%.*s/%s", (int)n, dir, mlm_error_message());
}

static mlm_status parse_text(mlm_json **out, const char *text, const model_source *src, const char *name)
{
    char *where = NULL;
    MLM_TRY(mlm_path_join(&where, src->dir, name)); /* what import would write there */
    mlm_status status = mlm_json_parse(out, text, strlen(text), where, MLM_JSON_ALLOW_INFINITY);
    free(where);
    return status;
}

/* preprocessor_config.json is wanted unless config.json describes, or the caller wants, a language model alone. */
static mlm_status parse_files(mlm_json **config, mlm_json **pre, const model_source *src)
{
    if (!src->own) {
        MLM_TRY(parse_text(config, src->config, src, "config.json"));
        return src->preprocessor != NULL ? parse_text(pre, src->preprocessor, src, "preprocessor_config.json")
                                         : MLM_OK;
    }
    MLM_TRY(parse_file(config, src->dir, "config.json"));
    const mlm_json_node *root = mlm_json_root(*config);
    if (src->text_only)
        return MLM_OK;
    if (mlm_json_get(root, "text") != NULL && mlm_json_get(root, "vision") == NULL &&
        mlm_json_get(root, "connector") == NULL)
        return MLM_OK;
    return parse_file(pre, src->dir, "preprocessor_config.json");
}

mlm_status model_config_load(model_config *out, const model_source *src)
{
    mlm_json   *config = NULL, *pre = NULL;
    char       *tok_path = NULL;
    const char *dir      = src->dir;
    mlm_status  status   = MLM_OK;
    memset(out, 0, sizeof *out);
    MLM_TRY_GOTO(status, parse_files(&config, &pre, src), done);
    MLM_TRY_GOTO(
        status,
        in_dir(parse_root(out, mlm_json_root(config), pre != NULL ? mlm_json_root(pre) : NULL, "config.json"),
               dir),
        done);
    if (src->own) {
        MLM_TRY_GOTO(status, mlm_path_join(&tok_path, dir, "tokenizer.json"), done);
    } else if (src->tokenizer_text == NULL) {
        tok_path = strdup(src->tokenizer);
        if (tok_path == NULL) {
            status = mlm_fail_nomem(strlen(src->tokenizer), "path of the tokenizer");
            goto done;
        }
    }
    MLM_TRY_GOTO(status,
                 tok_path != NULL ? tokenizer_load(&out->tok, tok_path)
                                  : tokenizer_load_memory(&out->tok, src->tokenizer_text,
                                                          strlen(src->tokenizer_text), "tokenizer.json"),
                 done);
    if (src->is_made)
        out->quantized = src->made == MLM_ST_I8;
    MLM_TRY_GOTO(status, in_dir(check_tokenizer(out, "config.json"), dir), done);
    MLM_TRY_GOTO(status, hash_text(out, src, tok_path), done);
done:
    free(tok_path);
    mlm_json_free(config);
    mlm_json_free(pre);
    if (status != MLM_OK)
        model_config_free(out);
    return status;
}

void model_config_free(model_config *c)
{
    connector_config_free(c->connector);
    tokenizer_free(c->tok);
    free(c->description);
    free(c->describe_prompt);
    memset(c, 0, sizeof *c);
}
