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

    const mlm_json_node *vision = NULL, *conn = NULL, *text = NULL;
    MLM_TRY(mlm_json_req_object(root, where, "vision", &vision));
    MLM_TRY(mlm_json_req_object(root, where, "connector", &conn));
    MLM_TRY(mlm_json_req_object(root, where, "text", &text));
    MLM_TRY(vision_config_parse(&c->vision, vision, pre));
    MLM_TRY(connector_config_parse(&c->connector, conn, vision_config_n_patches(&c->vision)));
    MLM_TRY(lm_config_parse(&c->text, text, "config.json: text"));
    MLM_TRY(mlm_json_opt_int(root, where, "num_image_tokens", 1, 1 << 20,
                             connector_config_n_tokens(c->connector), &c->n_image_tokens));
    MLM_TRY(check_seams(c, where));

    MLM_TRY(mlm_json_req_int(root, where, "eos_token_id", 0, INT32_MAX, &eos));
    c->eos_id = eos;
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

/* The files as they lie there, names and sizes included: what the fingerprint of a model says beside its weights. */
static mlm_status hash_text(uint64_t *out, const char *dir)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json", "tokenizer.json"};
    mlm_hash                 hash;
    mlm_hash_init(&hash);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char  *path = NULL, *data = NULL;
        size_t n = 0;
        MLM_TRY(mlm_path_join(&path, dir, names[i]));
        mlm_status status = mlm_file_read(&data, &n, path, HASH_LIMIT, names[i]);
        free(path);
        if (status != MLM_OK)
            return status;
        mlm_hash_add(&hash, names[i], strlen(names[i]) + 1);
        mlm_hash_add_u64(&hash, n);
        mlm_hash_add(&hash, data, n);
        free(data);
    }
    *out = mlm_hash_end(&hash);
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

mlm_status model_config_load(model_config *out, const char *dir)
{
    mlm_json  *config = NULL, *pre = NULL;
    char      *tok_path = NULL;
    mlm_status status   = MLM_OK;
    memset(out, 0, sizeof *out);
    MLM_TRY_GOTO(status, parse_file(&config, dir, "config.json"), done);
    MLM_TRY_GOTO(status, parse_file(&pre, dir, "preprocessor_config.json"), done);
    MLM_TRY_GOTO(
        status, in_dir(parse_root(out, mlm_json_root(config), mlm_json_root(pre), "config.json"), dir), done);
    MLM_TRY_GOTO(status, mlm_path_join(&tok_path, dir, "tokenizer.json"), done);
    MLM_TRY_GOTO(status, tokenizer_load(&out->tok, tok_path), done);
    MLM_TRY_GOTO(status, in_dir(check_tokenizer(out, "config.json"), dir), done);
    MLM_TRY_GOTO(status, hash_text(&out->text_hash, dir), done);
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
