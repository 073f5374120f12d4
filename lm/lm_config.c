/*
 * lm_config.c: from config.json to lm_config: the keys of transformers' Mamba2Config and MambaConfig, and those of
 * state-spaces' config.json (d_model, n_layer, ssm_cfg, tie_embeddings), which has no hidden_size.
 *
 * vocab_size counts the rows of the embedding in converted checkpoints; with pad_vocab_size_multiple
 * (state-spaces) the rows are rounded up to it and the padding is never produced.
 */
#include "lm/lm.h"

#include <math.h>
#include <string.h>

/* transformers writes "no limit" as Infinity; anything from here on never clamps a softplus either. */
#define NO_TIME_STEP_LIMIT 1e9

/* A number, Infinity, or {"__float__": "Infinity"} as transformers 5 writes it; NaN when it is none of these. */
static double limit_value(const mlm_json_node *node)
{
    if (mlm_json_type_of(node) == MLM_JSON_NUMBER)
        return mlm_json_double(node);
    const mlm_json_node *text = mlm_json_get(node, "__float__");
    if (text && mlm_json_type_of(text) == MLM_JSON_STRING &&
        strcmp(mlm_json_text(text, NULL), "Infinity") == 0)
        return (double)INFINITY;
    return (double)NAN;
}

static mlm_status parse_time_step_limit(mamba2_config *m, const mlm_json_node *text, const char *where)
{
    m->dt_min                 = 0.0f;
    m->dt_max                 = 0.0f;
    const mlm_json_node *node = mlm_json_get(text, "time_step_limit");
    if (!node || mlm_json_type_of(node) == MLM_JSON_NULL)
        return MLM_OK;
    double low = (double)NAN, high = (double)NAN;
    if (mlm_json_type_of(node) == MLM_JSON_ARRAY && mlm_json_count(node) == 2) {
        const mlm_json_node *first = mlm_json_first(node);
        low                        = limit_value(first);
        high                       = limit_value(mlm_json_next(first));
    }
    if (!(low >= 0.0 && low <= 1e6 && high > low)) /* written so that NaN fails */
        return mlm_fail(MLM_E_CONFIG,
                        "%s.time_step_limit must be two numbers, 0 <= low < high (high may be Infinity)",
                        where);
    m->dt_min = (float)low;
    if (high < NO_TIME_STEP_LIMIT)
        m->dt_max = (float)high;
    return MLM_OK;
}

static mlm_status refuse(const mlm_json_node *text, const char *where, const char *key, bool unsupported,
                         bool def)
{
    bool value;
    MLM_TRY(mlm_json_opt_bool(text, where, key, def, &value));
    if (value == unsupported)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s.%s is %s, which is not supported", where, key,
                        value ? "true" : "false");
    return MLM_OK;
}

/* What differs between the two kinds of files. */
typedef struct config_keys {
    bool                 state_spaces;
    const mlm_json_node *ssm; /* state-spaces: ssm_cfg; otherwise the object itself */
    const char          *width, *layers, *tied, *expand, *state, *head_dim, *groups, *conv, *rank;
} config_keys;

static mlm_status find_keys(config_keys *k, const mlm_json_node *text, const char *where)
{
    static const config_keys hf = {.width    = "hidden_size",
                                   .layers   = "num_hidden_layers",
                                   .tied     = "tie_word_embeddings",
                                   .expand   = "expand",
                                   .state    = "state_size",
                                   .head_dim = "head_dim",
                                   .groups   = "n_groups",
                                   .conv     = "conv_kernel",
                                   .rank     = "time_step_rank"};
    static const config_keys ss = {.state_spaces = true,
                                   .width        = "d_model",
                                   .layers       = "n_layer",
                                   .tied         = "tie_embeddings",
                                   .expand       = "expand",
                                   .state        = "d_state",
                                   .head_dim     = "headdim",
                                   .groups       = "ngroups",
                                   .conv         = "d_conv",
                                   .rank         = "dt_rank"};
    *k     = mlm_json_get(text, "hidden_size") || !mlm_json_get(text, "d_model") ? hf : ss;
    k->ssm = text;
    if (!k->state_spaces)
        return MLM_OK;
    const mlm_json_node *list = mlm_json_get(text, "attn_layer_idx");
    if (list && mlm_json_type_of(list) == MLM_JSON_ARRAY && mlm_json_count(list) > 0)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s.attn_layer_idx names %lld attention layers, which are not supported", where,
                        (long long)mlm_json_count(list));
    int feed_forward;
    MLM_TRY(mlm_json_opt_int(text, where, "d_intermediate", 0, INT32_MAX, 0, &feed_forward));
    if (feed_forward > 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s.d_intermediate is %d, which is not supported (only 0)", where,
                        feed_forward);
    k->ssm = mlm_json_get(text, "ssm_cfg"); /* NULL reads as an object without keys */
    return MLM_OK;
}

/* model_type of transformers ("mamba2" when absent); ssm_cfg.layer of state-spaces ("Mamba1" when absent). */
static mlm_status parse_kind(lm_config *c, const mlm_json_node *text, const config_keys *k, const char *where)
{
    const char *type = NULL;
    if (k->state_spaces)
        MLM_TRY(mlm_json_opt_string(k->ssm, where, "layer", "Mamba1", &type));
    else
        MLM_TRY(mlm_json_opt_string(text, where, "model_type", "mamba2", &type));
    c->kind = strcmp(type, k->state_spaces ? "Mamba1" : "mamba") == 0 ? LM_MAMBA1 : LM_MAMBA2;
    if (c->kind == LM_MAMBA2 && strcmp(type, k->state_spaces ? "Mamba2" : "mamba2") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s.%s is '%.60s', which is not supported (only Mamba and Mamba-2)", where,
                        k->state_spaces ? "ssm_cfg.layer" : "model_type", type);
    return MLM_OK;
}

static mlm_status parse_mamba2(lm_config *c, const mlm_json_node *text, const config_keys *k,
                               const char *where)
{
    mamba2_config *m = &c->mixer;
    int            expand;
    m->d_model      = c->d_model;
    m->n_directions = 1;
    m->merge        = MAMBA2_SUM_THEN_NORM;
    m->norm_eps     = c->norm_eps;
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->expand, 1, 16, 2, &expand));
    m->d_inner = expand * c->d_model;
    if (k->state_spaces) {
        MLM_TRY(mlm_json_opt_int(k->ssm, where, k->head_dim, 1, 1024, 64, &m->head_dim));
        MLM_TRY(mlm_json_opt_int(k->ssm, where, k->state, 1, 1024, 128, &m->d_state));
        m->n_heads = m->d_inner / m->head_dim;
    } else {
        MLM_TRY(mlm_json_req_int(text, where, k->head_dim, 1, 1024, &m->head_dim));
        MLM_TRY(mlm_json_req_int(text, where, "num_heads", 1, 65536, &m->n_heads));
        MLM_TRY(mlm_json_req_int(text, where, k->state, 1, 1024, &m->d_state));
    }
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->groups, 1, 1024, 1, &m->n_groups));
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->conv, 2, 8, 4, &m->conv_kernel));
    if ((int64_t)m->n_heads * m->head_dim != m->d_inner)
        return mlm_fail(MLM_E_CONFIG,
                        "%s: num_heads * head_dim is %d * %d, must equal expand * hidden_size = %d", where,
                        m->n_heads, m->head_dim, m->d_inner);
    if (m->n_heads % m->n_groups != 0)
        return mlm_fail(MLM_E_CONFIG, "%s.n_groups is %d, must divide num_heads = %d", where, m->n_groups,
                        m->n_heads);
    MLM_TRY(parse_time_step_limit(m, text, where));
    return mamba2_config_check(m, where);
}

static mlm_status parse_mamba1(lm_config *c, const mlm_json_node *text, const config_keys *k,
                               const char *where)
{
    mamba1_config *m = &c->mixer1;
    int            expand, rank = (c->d_model + 15) / 16;
    m->d_model  = c->d_model;
    m->norm_eps = c->norm_eps;
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->expand, 1, 16, 2, &expand));
    MLM_TRY(mlm_json_opt_int(text, where, "intermediate_size", 1, 1 << 20, expand * c->d_model, &m->d_inner));
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->state, 1, 1024, 16, &m->d_state));
    MLM_TRY(mlm_json_opt_int(k->ssm, where, k->conv, 2, 8, 4, &m->conv_kernel));
    const mlm_json_node *node = mlm_json_get(k->ssm, k->rank);
    m->dt_rank                = rank;
    if (!node || mlm_json_type_of(node) != MLM_JSON_STRING || strcmp(mlm_json_text(node, NULL), "auto") != 0)
        MLM_TRY(mlm_json_opt_int(k->ssm, where, k->rank, 1, 65536, rank, &m->dt_rank));
    return mamba1_config_check(m, where);
}

mlm_status lm_config_parse(lm_config *out, const mlm_json_node *text, const char *where)
{
    static const char *const acts[] = {"silu", "swish", NULL};
    lm_config                c      = {0};
    config_keys              k;
    int                      act, multiple;

    MLM_TRY(find_keys(&k, text, where));
    MLM_TRY(parse_kind(&c, text, &k, where));
    MLM_TRY(mlm_json_req_int(text, where, k.width, 1, 65536, &c.d_model));
    MLM_TRY(mlm_json_req_int(text, where, k.layers, 1, 1024, &c.n_layers));
    MLM_TRY(mlm_json_req_int(text, where, "vocab_size", 1, 4 << 20, &c.vocab_size));
    MLM_TRY(mlm_json_opt_int(text, where, "pad_vocab_size_multiple", 1, 65536, k.state_spaces ? 8 : 1,
                             &multiple));
    c.vocab_rows = (c.vocab_size + multiple - 1) / multiple * multiple;
    MLM_TRY(mlm_json_opt_float(text, where, "layer_norm_epsilon", 1e-12, 1.0, 1e-5f, &c.norm_eps));
    MLM_TRY(mlm_json_opt_bool(text, where, k.tied, true, &c.tied));
    MLM_TRY(mlm_json_opt_bool(text, where, "use_conv_bias", true, &c.conv_bias));
    MLM_TRY(mlm_json_opt_choice(text, where, "hidden_act", acts, 0, &act));
    MLM_TRY(refuse(text, where, "use_bias", true, false));
    MLM_TRY(refuse(text, where, "norm_before_gate", true, false));
    MLM_TRY(refuse(text, where, "rms_norm", false, true));
    MLM_TRY(c.kind == LM_MAMBA1 ? parse_mamba1(&c, text, &k, where) : parse_mamba2(&c, text, &k, where));
    c.late = LM_LATE;
    *out   = c;
    return MLM_OK;
}

/* The state of Mamba is that of one head of d_inner channels. */
lm_state_dims lm_config_state_dims(const lm_config *c)
{
    const mamba1_config *m1 = &c->mixer1;
    const mamba2_config *m2 = &c->mixer;
    if (c->kind == LM_MAMBA1)
        return (lm_state_dims){m1->conv_kernel - 1, m1->d_inner, 1, m1->d_inner, m1->d_state};
    return (lm_state_dims){m2->conv_kernel - 1, mamba2_conv_channels(m2), m2->n_heads, m2->head_dim,
                           m2->d_state};
}

size_t lm_config_state_bytes(const lm_config *c)
{
    lm_state_dims d = lm_config_state_dims(c);
    return (size_t)c->n_layers * (size_t)(d.conv_rows * d.conv_channels + d.heads * d.head_dim * d.d_state) *
           sizeof(float);
}
