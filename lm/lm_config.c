/*
 * lm_config.c: from the keys of transformers' Mamba2Config to lm_config.
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

static mlm_status parse_mixer(lm_config *c, const mlm_json_node *text, const char *where)
{
    mamba2_config *m = &c->mixer;
    int            expand;
    m->d_model      = c->d_model;
    m->n_directions = 1;
    m->merge        = MAMBA2_SUM_THEN_NORM;
    m->norm_eps     = c->norm_eps;
    MLM_TRY(mlm_json_opt_int(text, where, "expand", 1, 16, 2, &expand));
    MLM_TRY(mlm_json_req_int(text, where, "head_dim", 1, 1024, &m->head_dim));
    MLM_TRY(mlm_json_req_int(text, where, "num_heads", 1, 65536, &m->n_heads));
    MLM_TRY(mlm_json_req_int(text, where, "state_size", 1, 1024, &m->d_state));
    MLM_TRY(mlm_json_opt_int(text, where, "n_groups", 1, 1024, 1, &m->n_groups));
    MLM_TRY(mlm_json_opt_int(text, where, "conv_kernel", 2, 8, 4, &m->conv_kernel));
    m->d_inner = expand * c->d_model;
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

mlm_status lm_config_parse(lm_config *out, const mlm_json_node *text, const char *where)
{
    static const char *const acts[] = {"silu", "swish", NULL};
    lm_config                c      = {0};
    int                      act, multiple;

    MLM_TRY(mlm_json_req_int(text, where, "hidden_size", 1, 65536, &c.d_model));
    MLM_TRY(mlm_json_req_int(text, where, "num_hidden_layers", 1, 1024, &c.n_layers));
    MLM_TRY(mlm_json_req_int(text, where, "vocab_size", 1, 4 << 20, &c.vocab_size));
    MLM_TRY(mlm_json_opt_int(text, where, "pad_vocab_size_multiple", 1, 65536, 1, &multiple));
    c.vocab_rows = (c.vocab_size + multiple - 1) / multiple * multiple;
    MLM_TRY(mlm_json_opt_float(text, where, "layer_norm_epsilon", 1e-12, 1.0, 1e-5f, &c.norm_eps));
    MLM_TRY(mlm_json_opt_bool(text, where, "tie_word_embeddings", true, &c.tied));
    MLM_TRY(mlm_json_opt_bool(text, where, "use_conv_bias", true, &c.conv_bias));
    MLM_TRY(mlm_json_opt_choice(text, where, "hidden_act", acts, 0, &act));
    MLM_TRY(refuse(text, where, "use_bias", true, false));
    MLM_TRY(refuse(text, where, "norm_before_gate", true, false));
    MLM_TRY(refuse(text, where, "rms_norm", false, true));
    MLM_TRY(parse_mixer(&c, text, where));
    *out = c;
    return MLM_OK;
}

size_t lm_config_state_bytes(const lm_config *c)
{
    const mamba2_config *m    = &c->mixer;
    size_t               conv = (size_t)(m->conv_kernel - 1) * (size_t)mamba2_conv_channels(m);
    size_t               ssm  = (size_t)m->n_heads * (size_t)m->head_dim * (size_t)m->d_state;
    return (size_t)c->n_layers * (conv + ssm) * sizeof(float);
}
