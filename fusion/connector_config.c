/*
 * connector_config.c: config.json's "connector" -> connector_config.
 *
 * Defaults of mamba2_bidirectional are those of the released ML-Mamba 3B connector: two layers, SwiGLU as
 * wide as the model, LayerNorm eps 1e-5, erf GELU, projector hidden*4, hidden, hidden.  Those of ldp are Cobra's: 14 x 14
 * tokens behind the last linear layer.
 */
#include "fusion/connector_config.h"

#include <stdlib.h>

static const char        where[]      = "config.json: connector";
static const char *const type_names[] = {"mamba2_cross_scan_2d", "mamba2_bidirectional", "mlp", "ldp", NULL};

#define MAX_WIDTH 65536

static mlm_status parse_activation(connector_config *c, const mlm_json_node *obj)
{
    static const char *const names[] = {"gelu", "gelu_erf", "gelu_tanh", NULL};
    int                      act;
    MLM_TRY(mlm_json_opt_choice(obj, where, "activation", names, 0, &act));
    c->act = act == 2 ? KN_ACT_GELU_TANH : KN_ACT_GELU_ERF;
    return MLM_OK;
}

static mlm_status parse_mixer(connector_config *c, const mlm_json_node *obj)
{
    mamba2_config *m = &c->mixer;
    int            expand;
    bool           before_gate;
    MLM_TRY(mlm_json_opt_bool(obj, where, "norm_before_gate", false, &before_gate));
    if (before_gate)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s.norm_before_gate is true, which is not supported", where);
    MLM_TRY(mlm_json_opt_int(obj, where, "expand", 1, 16, 2, &expand));
    MLM_TRY(mlm_json_req_int(obj, where, "state_size", 1, 1024, &m->d_state));
    MLM_TRY(mlm_json_req_int(obj, where, "head_dim", 1, 1024, &m->head_dim));
    m->d_model = c->width;
    m->d_inner = expand * c->width;
    MLM_TRY(mlm_json_opt_int(obj, where, "num_heads", 1, 65536, m->d_inner / m->head_dim, &m->n_heads));
    MLM_TRY(mlm_json_opt_int(obj, where, "n_groups", 1, 1024, 1, &m->n_groups));
    MLM_TRY(mlm_json_opt_int(obj, where, "conv_kernel", 2, 8, 4, &m->conv_kernel));
    MLM_TRY(mlm_json_opt_float(obj, where, "rms_norm_eps", 1e-12, 1.0, 1e-5f, &m->norm_eps));
    if ((int64_t)m->n_heads * m->head_dim != m->d_inner)
        return mlm_fail(MLM_E_CONFIG,
                        "%s: num_heads * head_dim is %d * %d, must equal expand * hidden_size = %d", where,
                        m->n_heads, m->head_dim, m->d_inner);
    if (m->n_heads % m->n_groups != 0)
        return mlm_fail(MLM_E_CONFIG, "%s.n_groups is %d, must divide num_heads = %d", where, m->n_groups,
                        m->n_heads);
    return mamba2_config_check(m, where);
}

/* The first `def` of the four when the key is absent. */
static mlm_status parse_scan_orders(connector_config *c, const mlm_json_node *obj, int def)
{
    const mlm_json_node *list = mlm_json_get(obj, "scan_orders");
    if (!list) {
        c->mixer.n_directions = def;
        for (int i = 0; i < def; i++)
            c->order[i] = (scan2d_order)i;
        return MLM_OK;
    }
    if (mlm_json_type_of(list) != MLM_JSON_ARRAY || mlm_json_count(list) < 1 ||
        mlm_json_count(list) > MAMBA2_MAX_DIRECTIONS)
        return mlm_fail(MLM_E_CONFIG, "%s.scan_orders must be a list of 1 to %d names", where,
                        MAMBA2_MAX_DIRECTIONS);
    int n = 0;
    for (const mlm_json_node *v = mlm_json_first(list); v; v = mlm_json_next(v), n++) {
        const char *name = mlm_json_type_of(v) == MLM_JSON_STRING ? mlm_json_text(v, NULL) : "";
        int         k    = scan2d_order_find(name);
        if (k < 0)
            return mlm_fail(
                MLM_E_CONFIG,
                "%s.scan_orders[%d] is '%s', must be one of row, row_reversed, column, column_reversed",
                where, n, name);
        c->order[n] = (scan2d_order)k;
    }
    c->mixer.n_directions = n;
    return MLM_OK;
}

static mlm_status parse_cross_scan(connector_config *c, const mlm_json_node *obj)
{
    MLM_TRY(mlm_json_req_int(obj, where, "hidden_size", 1, MAX_WIDTH, &c->width));
    c->n_layers    = 1;
    c->mixer.merge = MAMBA2_SUM_THEN_NORM;
    MLM_TRY(parse_scan_orders(c, obj, SCAN2D_ORDER_COUNT));
    MLM_TRY(parse_mixer(c, obj));
    c->mixer_norm = true;
    c->norm_eps   = c->mixer.norm_eps;
    MLM_TRY(mlm_json_req_int(obj, where, "swiglu_dim", 1, MAX_WIDTH, &c->swiglu_dim));
    c->n_proj = 1;
    return mlm_json_opt_int(obj, where, "output_size", 1, MAX_WIDTH, c->width, &c->proj_dim[0]);
}

static mlm_status parse_projector(connector_config *c, const mlm_json_node *obj, bool required)
{
    const mlm_json_node *list = mlm_json_get(obj, "projector_dims");
    if (!list && !required) {
        c->n_proj      = 3;
        c->proj_dim[0] = 4 * c->width;
        c->proj_dim[1] = c->proj_dim[2] = c->width;
        return MLM_OK;
    }
    if (!list || mlm_json_type_of(list) != MLM_JSON_ARRAY || mlm_json_count(list) < 1 ||
        mlm_json_count(list) > CONNECTOR_MAX_PROJ)
        return mlm_fail(MLM_E_CONFIG, "%s.projector_dims must be a list of 1 to %d widths", where,
                        CONNECTOR_MAX_PROJ);
    c->n_proj = 0;
    for (const mlm_json_node *v = mlm_json_first(list); v; v = mlm_json_next(v)) {
        int64_t dim = 0;
        if (mlm_json_type_of(v) != MLM_JSON_NUMBER || !mlm_json_as_int64(v, &dim) || dim < 1 ||
            dim > 4 * MAX_WIDTH)
            return mlm_fail(MLM_E_CONFIG, "%s.projector_dims[%d] must be an integer from 1 to %d", where,
                            c->n_proj, 4 * MAX_WIDTH);
        c->proj_dim[c->n_proj++] = (int)dim;
    }
    return MLM_OK;
}

static mlm_status parse_bidirectional(connector_config *c, const mlm_json_node *obj)
{
    MLM_TRY(mlm_json_req_int(obj, where, "hidden_size", 1, MAX_WIDTH, &c->width));
    MLM_TRY(mlm_json_opt_int(obj, where, "num_layers", 1, CONNECTOR_MAX_LAYERS, 2, &c->n_layers));
    c->mixer.merge = MAMBA2_MEAN_OF_NORMED;
    MLM_TRY(parse_scan_orders(c, obj, 2));
    MLM_TRY(parse_mixer(c, obj));
    c->layer_norm  = true;
    c->swiglu_bias = true;
    MLM_TRY(mlm_json_opt_float(obj, where, "layer_norm_eps", 1e-12, 1.0, 1e-5f, &c->norm_eps));
    MLM_TRY(mlm_json_opt_int(obj, where, "swiglu_dim", 0, MAX_WIDTH, c->width, &c->swiglu_dim));
    MLM_TRY(mlm_json_opt_int(obj, where, "pool_grid", 0, 1024, 0, &c->pool_grid));
    return parse_projector(c, obj, false);
}

static mlm_status parse(connector_config *c, const mlm_json_node *obj, int n_patches)
{
    int type;
    MLM_TRY(mlm_json_req_choice(obj, where, "type", type_names, &type));
    c->type     = (connector_type)type;
    c->n_tokens = n_patches;
    while ((c->grid + 1) * (c->grid + 1) <= n_patches)
        c->grid++;
    if (n_patches < 1 || n_patches > 1 << 20 || c->grid * c->grid != n_patches)
        return mlm_fail(MLM_E_CONFIG, "%s: %d picture tokens do not make a square grid", where, n_patches);
    MLM_TRY(mlm_json_req_int(obj, where, "input_size", 1, MAX_WIDTH, &c->d_in));
    MLM_TRY(parse_activation(c, obj));
    switch (c->type) {
    case CONNECTOR_CROSS_SCAN_2D:
        MLM_TRY(parse_cross_scan(c, obj));
        break;
    case CONNECTOR_BIDIRECTIONAL:
        MLM_TRY(parse_bidirectional(c, obj));
        break;
    case CONNECTOR_LDP:
        MLM_TRY(mlm_json_opt_int(obj, where, "pool_grid", 1, 1024, 14, &c->pool_grid));
        MLM_TRY(parse_projector(c, obj, true));
        break;
    case CONNECTOR_MLP:
        MLM_TRY(parse_projector(c, obj, true));
        break;
    }
    c->d_out = c->proj_dim[c->n_proj - 1];
    return MLM_OK;
}

mlm_status connector_config_parse(connector_config **out, const mlm_json_node *obj, int n_patches)
{
    *out                = NULL;
    connector_config *c = calloc(1, sizeof *c);
    if (!c)
        return mlm_fail_nomem(sizeof *c, "connector config");
    mlm_status st = parse(c, obj, n_patches);
    if (st != MLM_OK) {
        free(c);
        return st;
    }
    *out = c;
    return MLM_OK;
}

void connector_config_set_dtype(connector_config *c, kn_dtype dtype)
{
    c->mixer.act = dtype;
}

void connector_config_free(connector_config *c)
{
    free(c);
}

int connector_config_in(const connector_config *c)
{
    return c->d_in;
}

int connector_config_out(const connector_config *c)
{
    return c->d_out;
}

int connector_config_n_tokens(const connector_config *c)
{
    return c->pool_grid > 0 ? c->pool_grid * c->pool_grid : c->n_tokens;
}

const char *connector_config_type(const connector_config *c)
{
    return type_names[c->type];
}

double connector_config_scan_flops(const connector_config *c)
{
    return 6.0 * c->mixer.d_inner * c->mixer.d_state * c->mixer.n_directions * c->n_layers;
}
