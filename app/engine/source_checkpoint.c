/*
 * source_checkpoint.c: the checkpoints of the trainers of Cobra and ML-Mamba (both descend from prismatic-vlms):
 *
 *   {"model": {"llm_backbone": {..}, "projector": {..}}}                                    Cobra and variants
 *   {"model": {"llm_backbone": {..}, "mlp": .., "bidirectional_mamba": .., "projector": ..}}  ML-Mamba
 *
 * Widths, layers and the kind of language model and connector come from names and shapes; the vision backbone and how
 * pictures are resized come from the trainer's config.json (without one: those of the released models).
 */
#include "app/engine/model_source.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define MAX_PROJ     8

static const char *const tokenizers[] = {"xiuyul/mamba-2.8b-zephyr", "EleutherAI/gpt-neox-20b",
                                         "state-spaces/mamba-130m-hf", "state-spaces/mamba-2.8b-hf", NULL};

typedef struct checkpoint {
    model_source *src;
    const char   *path;
    kn_weights   *w; /* the file under its own names */
    bool          scans, linear;
    int           width, in; /* of the language model; of what the connector takes */
    bool          tied;
    const char   *llm; /* prefix of the language model */
    char          backbone[64], resize[32];
    char         *text, *connector, *vision;
} checkpoint;

/* ---- the trainer's config.json ------------------------------------------------------------------ */

/* Texts of "model" in the trainer's config.json, or of its root; NULL: not there, or no text. */
static const char *member(const mlm_json_node *root, const char *key)
{
    const mlm_json_node *model = mlm_json_get(root, "model");
    const mlm_json_node *node  = mlm_json_get(model != NULL ? model : root, key);
    return node != NULL && mlm_json_type_of(node) == MLM_JSON_STRING ? mlm_json_text(node, NULL) : NULL;
}

static void copy_member(char *out, size_t cap, const mlm_json_node *root, const char *key)
{
    const char *text = member(root, key);
    if (text != NULL)
        (void)snprintf(out, cap, "%s", text); /* one that is cut is none of those that are known */
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/*
 * What the ids stand for follows from the tensors, except where the trainers' code does something else that has no tensors: a
 * language model of another family gets another prompt.  So ids that mean nothing here are refused.
 */
static mlm_status check_ids(const mlm_json_node *root, const char *path)
{
    static const char *const ends[] = {"linear", "gelu-mlp", "fused-gelu-mlp", "fused-ldpnet"};
    const char              *llm = member(root, "llm_backbone_id"), *arch = member(root, "arch_specifier");
    bool                     known = arch == NULL;
    if (llm != NULL && strncmp(llm, "mamba", 5) != 0)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s: llm_backbone_id '%.80s' is not known; known are those of the Mamba family: "
                        "mamba-2.8b-zephyr, mamba2-2.7b and others that begin with 'mamba'",
                        path, llm);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && !known; i++)
        known = ends_with(arch, ends[i]);
    if (known)
        return MLM_OK;
    return mlm_fail(MLM_E_UNSUPPORTED,
                    "%s: arch_specifier '%.80s' is not known; known are those that end in linear, gelu-mlp, "
                    "fused-gelu-mlp or fused-ldpnet (as in no-align+fused-gelu-mlp)",
                    path, arch);
}

static mlm_status read_run_config(checkpoint *c)
{
    char     *path = NULL;
    mlm_json *doc  = NULL;
    (void)snprintf(c->backbone, sizeof c->backbone, "dinosiglip-vit-so-384px");
    (void)snprintf(c->resize, sizeof c->resize, "resize-naive");
    MLM_TRY(mlm_path_join(&path, c->src->base, "config.json"));
    mlm_status status = MLM_OK;
    if (!mlm_path_is_file(path)) {
        status = source_add_part(
            c->src, "run configuration", MLM_OK, false, path,
            "not there: taken as that of the released models (dinosiglip-vit-so-384px, resize-naive)");
    } else {
        status = mlm_json_parse_file(&doc, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
        if (status == MLM_OK)
            status = check_ids(mlm_json_root(doc), path);
        if (status == MLM_OK) {
            char detail[160];
            copy_member(c->backbone, sizeof c->backbone, mlm_json_root(doc), "vision_backbone_id");
            copy_member(c->resize, sizeof c->resize, mlm_json_root(doc), "image_resize_strategy");
            (void)snprintf(detail, sizeof detail, "vision backbone %s, %s", c->backbone, c->resize);
            status = source_add_part(c->src, "run configuration", MLM_OK, true, path, detail);
        } else if (status != MLM_E_NOMEM) {
            status = source_add_part(c->src, "run configuration", status, true, path, mlm_error_message());
        }
        mlm_json_free(doc);
    }
    free(path);
    return status;
}

/* ---- the connector ------------------------------------------------------------------------------ */

/* Widths of the projector's linear layers as a JSON list; their number. */
static int list_projector(char *out, size_t cap, int64_t *in, int64_t *last, const kn_weights *w)
{
    int    n    = 0;
    size_t used = 0;
    for (; n < MAX_PROJ; n++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%d.weight", 2 * n);
        int64_t dim = source_dim(w, "model.projector.projector.", name, 0);
        if (dim < 0 || source_dim(w, "model.projector.projector.", name, 2) >= 0)
            break;
        if (n == 0)
            *in = source_dim(w, "model.projector.projector.", name, 1);
        *last = dim;
        used += (size_t)snprintf(out + used, cap - used, "%s%lld", n > 0 ? ", " : "", (long long)dim);
    }
    return n;
}

static mlm_status describe_scan(checkpoint *c, const char *projector, bool pooled)
{
    static const char bm[] = "model.bidirectional_mamba.", m0[] = "model.bidirectional_mamba.layers.0.mixer.";
    const kn_weights *w     = c->w;
    int64_t           width = source_dim(w, "model.mlp.", "0.weight", 0),
            inner           = source_dim(w, m0, "out_proj.weight", 1);
    int64_t heads = source_dim(w, m0, "dt_bias", 0), channels = source_dim(w, m0, "conv1d.weight", 0);
    int64_t swiglu = source_dim(w, bm, "layers.0.mlp.w1.weight", 0);
    int     layers = source_count(w, bm, "layers.", 64);
    char    text[1024];
    if (width < 1 || inner < 1 || heads < 1 || inner % heads != 0 || channels < inner || layers < 1)
        return mlm_fail(
            MLM_E_FORMAT,
            "%s: the shapes of model.mlp and model.bidirectional_mamba are not those of ML-Mamba's connector",
            c->path);
    c->in = (int)source_dim(w, "model.mlp.", "0.weight", 1);
    (void)snprintf(
        text, sizeof text,
        "{\n  \"type\": \"mamba2_bidirectional\",\n  \"input_size\": %d,\n  \"hidden_size\": %lld,\n"
        "  \"num_layers\": %d,\n  \"expand\": %lld,\n  \"num_heads\": %lld,\n  \"head_dim\": %lld,\n"
        "  \"state_size\": %lld,\n  \"conv_kernel\": %lld,\n  \"swiglu_dim\": %lld,\n%s"
        "  \"activation\": \"gelu_erf\",\n%s  \"projector_dims\": [%s]\n }",
        c->in, (long long)width, layers, (long long)(inner / width), (long long)heads,
        (long long)(inner / heads), (long long)((channels - inner) / 2),
        (long long)source_dim(w, m0, "conv1d.weight", 2), (long long)(swiglu > 0 ? swiglu : 0),
        source_has(w, m0, "conv1d_d.weight")
            ? "  \"scan_orders\": [\"row\", \"row_reversed\", \"column\", \"column_reversed\"],\n"
            : "",
        pooled ? "  \"pool_grid\": 14,\n" : "", projector);
    c->connector = strdup(text);
    return c->connector != NULL ? MLM_OK : mlm_fail_nomem(strlen(text), c->path);
}

static mlm_status describe_connector(checkpoint *c)
{
    char    projector[256] = "", text[512], peg[64];
    int64_t in = 0, last = 0;
    int     n = list_projector(projector, sizeof projector, &in, &last, c->w);
    c->scans  = source_has(c->w, "model.bidirectional_mamba.", "norm_f.weight");
    if (n == 0) {
        last      = source_dim(c->w, "model.projector.projector.", "weight", 0);
        in        = source_dim(c->w, "model.projector.projector.", "weight", 1);
        c->linear = last > 0;
        (void)snprintf(projector, sizeof projector, "%lld", (long long)last);
    }
    if (last < 1 || in < 1 || in > 1 << 20)
        return mlm_fail(MLM_E_FORMAT, "%s: there is no projector under 'model.projector.projector.'",
                        c->path);
    if (last != c->width)
        return mlm_fail(MLM_E_FORMAT, "%s: the projector gives width %lld, the language model has %d",
                        c->path, (long long)last, c->width);
    (void)snprintf(peg, sizeof peg, "%d.peg.0.weight", 2 * n);
    bool ldp = source_has(c->w, "model.projector.projector.", peg);
    if (c->scans)
        return describe_scan(c, projector, ldp);
    c->in = (int)in;
    (void)snprintf(text, sizeof text,
                   "{\n  \"type\": \"%s\",\n  \"input_size\": %lld,\n  \"activation\": \"gelu_erf\",\n%s"
                   "  \"projector_dims\": [%s]\n }",
                   ldp ? "ldp" : "mlp", (long long)in, ldp ? "  \"pool_grid\": 14,\n" : "", projector);
    c->connector = strdup(text);
    return c->connector != NULL ? MLM_OK : mlm_fail_nomem(strlen(text), c->path);
}

/* ---- names -------------------------------------------------------------------------------------- */

static mlm_status add_rules(checkpoint *c, source_file *f)
{
    char from[96];
    MLM_TRY(source_add_rule(f, "optimizer.*", NULL));
    if (c->tied) {
        (void)snprintf(from, sizeof from, "%slm_head.weight", c->llm);
        MLM_TRY(source_add_rule(f, from, NULL));
    }
    (void)snprintf(from, sizeof from, "%sbackbone.embedding.weight", c->llm);
    MLM_TRY(source_add_rule(f, from, "language_model.backbone.embeddings.weight"));
    (void)snprintf(from, sizeof from, "%s*", c->llm);
    MLM_TRY(source_add_rule(f, from, "language_model.*"));
    static const char *const others[] = {"model.mlp.*", "model.bidirectional_mamba.*", "model.projector.*"};
    for (int i = 0; i < 3 && c->src->text_only; i++)
        MLM_TRY(source_add_rule(f, others[i], NULL));
    if (c->src->text_only)
        return MLM_OK;
    if (c->scans) {
        MLM_TRY(source_add_rule(f, "model.mlp.*", "connector.mlp.*"));
        MLM_TRY(source_add_rule(f, "model.bidirectional_mamba.*", "connector.*"));
    }
    if (c->linear) {
        MLM_TRY(source_add_rule(f, "model.projector.projector.weight", "connector.projector.0.weight"));
        MLM_TRY(source_add_rule(f, "model.projector.projector.bias", "connector.projector.0.bias"));
    }
    return source_add_rule(f, "model.projector.*", "connector.*");
}

/* Where pictures and text meet, as the released code does it: Zephyr's template, the picture first, no BOS. */
static mlm_status write_config(checkpoint *c)
{
    bool        eyes   = !c->src->text_only;
    const char *vision = eyes ? c->vision : "", *conn = eyes ? c->connector : "";
    size_t      n = strlen(vision) + strlen(conn) + strlen(c->text) + 1024;
    char       *s = malloc(n);
    if (s == NULL)
        return mlm_fail_nomem(n, c->path);
    (void)snprintf(
        s, n,
        "{\n \"model_type\": \"ml_mamba\",\n \"description\": \"%s: answers questions about a picture.\",\n"
        " \"describe_prompt\": \"Describe the image.\",\n \"eos_token_id\": 0,\n \"image_position\": "
        "\"first\",\n"
        " \"prompt_template\": \"<|user|>\\n{question}<|endoftext|>\\n<|assistant|>\\n\",\n"
        " \"turn_separator\": \"\\n\",\n \"max_text_tokens\": 2048,\n%s%s%s%s%s \"text\": %s\n}\n",
        c->scans ? "ML-Mamba" : "A model of Cobra's kind", eyes ? " \"vision\": " : "", vision,
        eyes ? ",\n \"connector\": " : "", conn, eyes ? ",\n" : "", c->text);
    c->src->config = s;
    return MLM_OK;
}

static mlm_status read_parts(checkpoint *c, unsigned flags)
{
    c->llm = source_has(c->w, "model.llm_backbone.llm.", "backbone.norm_f.weight") ? "model.llm_backbone.llm."
                                                                                   : "model.llm_backbone.";
    mlm_status status = source_text_config(&c->text, &c->width, &c->tied, c->w, c->llm, flags);
    if (status != MLM_OK && status != MLM_E_NOMEM)
        return mlm_fail_context(status, "%s", c->path);
    return status == MLM_OK && !c->src->text_only ? describe_connector(c) : status;
}

static mlm_status open_checkpoint(checkpoint *c, unsigned flags)
{
    const kn_weights_source source = {.path = c->path};
    source_file            *f      = NULL;
    char                    detail[192];
    MLM_TRY(read_run_config(c));
    mlm_status status = kn_weights_open_sources(&c->w, c->path, &source, 1);
    if (status == MLM_OK)
        status = read_parts(c, flags);
    if (status == MLM_E_NOMEM)
        return status;
    c->src->kind = c->w == NULL || c->text == NULL ? "checkpoint of a picture model"
                   : c->scans                      ? "ML-Mamba checkpoint"
                                                   : "Cobra checkpoint";
    if (status != MLM_OK)
        return source_add_part(c->src, "language model and connector", status, true, c->path,
                               mlm_error_message());
    size_t used = (size_t)snprintf(detail, sizeof detail, "%s, connector %s, ",
                                   strstr(c->text, "\"mamba2\"") != NULL ? "Mamba-2" : "Mamba",
                                   c->connector == NULL                      ? "not used"
                                   : c->scans                                ? "mamba2_bidirectional"
                                   : strstr(c->connector, "\"ldp\"") != NULL ? "ldp"
                                                                             : "mlp");
    source_describe(detail + used, sizeof detail - used, c->w);
    MLM_TRY(source_add_part(c->src, "language model and connector", MLM_OK, true, c->path, detail));
    MLM_TRY(source_add_file(c->src, &f, c->path));
    MLM_TRY(add_rules(c, f));
    if (!c->src->text_only)
        MLM_TRY(source_open_towers(&c->vision, &c->src->preprocessor, c->src, c->backbone, c->resize, flags));
    MLM_TRY(source_find_tokenizer(c->src, tokenizers));
    return c->vision != NULL || c->src->text_only ? write_config(c) : MLM_OK;
}

mlm_status source_open_checkpoint(model_source *src, const char *path, unsigned flags)
{
    checkpoint c      = {.src = src, .path = path};
    src->text_only    = (flags & SOURCE_TEXT_ONLY) != 0;
    mlm_status status = open_checkpoint(&c, flags);
    kn_weights_close(c.w);
    free(c.text);
    free(c.connector);
    free(c.vision);
    return status;
}
