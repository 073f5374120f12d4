/*
 * source_tower.c: the vision towers that the trainers take from timm, wherever a copy of their files lies: timm's own
 * model.safetensors, open_clip's (names under visual.trunk.), Facebook's .pth (register_tokens, the class token's
 * position still in the table).  Sizes come from the tensors, heads and statistics from timm's config.json beside them
 * or from the table below.
 *
 * The released code takes the output of the last block but one, without the final norm, so blocks behind it and
 * everything after them are passed over by name.
 */
#include "app/engine/hub.h"
#include "app/engine/model_source.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT ((size_t)16 << 20)
#define MAX_BLOCKS   256
#define FACEBOOK     "dinov2_vitl14_reg4_pretrain.pth"

typedef struct family {
    const char *activation;
    float       eps;
    double      mean[3], std[3];
} family;

static const family dino   = {"gelu_erf", 1e-6f, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
static const family siglip = {"gelu_erf", 1e-6f, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
static const family clip   = {
      "quick_gelu", 1e-5f, {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}};

/* repos: where people have it from, the newest first. */
typedef struct tower_row {
    const char   *name; /* timm's */
    const family *kind;
    int           heads;
    const char   *repos[3];
} tower_row;

static const tower_row towers[] = {
    {"vit_large_patch14_reg4_dinov2.lvd142m",
     &dino,
     16,
     {"timm/vit_large_patch14_reg4_dinov2.lvd142m", NULL, NULL}},
    {"vit_so400m_patch14_siglip_384",
     &siglip,
     16,
     {"timm/vit_so400m_patch14_siglip_384.webli", "timm/ViT-SO400M-14-SigLIP-384", NULL}},
    {"vit_so400m_patch14_siglip_224",
     &siglip,
     16,
     {"timm/vit_so400m_patch14_siglip_224.webli", "timm/ViT-SO400M-14-SigLIP", NULL}},
    {"vit_base_patch16_siglip_224",
     &siglip,
     12,
     {"timm/vit_base_patch16_siglip_224.webli", "timm/ViT-B-16-SigLIP", NULL}},
    {"vit_base_patch16_siglip_256",
     &siglip,
     12,
     {"timm/vit_base_patch16_siglip_256.webli", "timm/ViT-B-16-SigLIP-256", NULL}},
    {"vit_base_patch16_siglip_384",
     &siglip,
     12,
     {"timm/vit_base_patch16_siglip_384.webli", "timm/ViT-B-16-SigLIP-384", NULL}},
    {"vit_large_patch14_clip_336.openai", &clip, 16, {"timm/vit_large_patch14_clip_336.openai", NULL, NULL}},
    {"vit_large_patch14_clip_224.openai", &clip, 16, {"timm/vit_large_patch14_clip_224.openai", NULL, NULL}},
    {"vit_base_patch16_clip_224.openai", &clip, 12, {"timm/vit_base_patch16_clip_224.openai", NULL, NULL}},
    {"vit_large_patch16_224.augreg_in21k_ft_in1k",
     &siglip,
     16,
     {"timm/vit_large_patch16_224.augreg_in21k_ft_in1k", NULL, NULL}},
};

/* The trainers' names for pictures' sides and towers, in channel order. */
static const struct {
    const char *id;
    int         size, tower[2]; /* -1: none */
} backbones[] = {
    {"dinosiglip-vit-so-384px", 384, {0, 1}},
    {"dinoclip-vit-l-336px", 336, {0, 6}},
    {"siglip-vit-so400m-384px", 384, {1, -1}},
    {"siglip-vit-so400m", 224, {2, -1}},
    {"siglip-vit-b16-224px", 224, {3, -1}},
    {"siglip-vit-b16-256px", 256, {4, -1}},
    {"siglip-vit-b16-384px", 384, {5, -1}},
    {"clip-vit-l-336px", 336, {6, -1}},
    {"clip-vit-l", 224, {7, -1}},
    {"clip-vit-b", 224, {8, -1}},
    {"dinov2-vit-l", 224, {0, -1}},
    {"in1k-vit-l", 224, {9, -1}},
};
enum { N_BACKBONES = sizeof backbones / sizeof backbones[0] };

static const char *const file_names[] = {"model.safetensors", "open_clip_model.safetensors",
                                         "open_clip_pytorch_model.bin", "pytorch_model.bin", NULL};

/* ---- finding the file --------------------------------------------------------------------------- */

/* Facebook's own file where torch.hub leaves it. */
static mlm_status find_in_torch_hub(char **out)
{
    const char *home = getenv("TORCH_HOME"), *user = getenv("HOME"), *rest = "";
    char        path[1024];
    if (home == NULL || home[0] == '\0') {
        home = user != NULL ? user : "";
        rest = "/.cache/torch";
    }
    int n = snprintf(path, sizeof path, "%s%s/hub/checkpoints/" FACEBOOK, home, rest);
    if (n < 0 || (size_t)n >= sizeof path || !mlm_path_is_file(path))
        return MLM_OK;
    *out = strdup(path);
    return *out != NULL ? MLM_OK : mlm_fail_nomem((size_t)n, path);
}

static mlm_status find_beside(char **out, const model_source *src, const char *name)
{
    MLM_TRY(mlm_path_join(out, src->base, name));
    if (!mlm_path_is_file(*out)) {
        free(*out);
        *out = NULL;
    }
    return MLM_OK;
}

/* BESIDE/NAME.safetensors, BESIDE/NAME/FILE, then every repository. */
static mlm_status find_file(char **out, const model_source *src, const tower_row *row)
{
    char name[160];
    *out = NULL;
    (void)snprintf(name, sizeof name, "%s.safetensors", row->name);
    MLM_TRY(find_beside(out, src, name));
    if (*out == NULL && row->kind == &dino)
        MLM_TRY(find_beside(out, src, FACEBOOK));
    for (int k = 0; file_names[k] != NULL && *out == NULL; k++) { /* any file beside goes before the cache */
        (void)snprintf(name, sizeof name, "%s/%s", row->name, file_names[k]);
        MLM_TRY(find_beside(out, src, name));
    }
    (void)snprintf(name, sizeof name, "timm/%s", row->name);
    for (int k = 0; file_names[k] != NULL && *out == NULL; k++)
        MLM_TRY(hub_find_file(out, src->base, name, file_names[k]));
    for (int i = 0; row->repos[i] != NULL && *out == NULL; i++)
        for (int k = 0; file_names[k] != NULL && *out == NULL; k++)
            MLM_TRY(hub_find_file(out, src->base, row->repos[i], file_names[k]));
    return *out == NULL && row->kind == &dino ? find_in_torch_hub(out) : MLM_OK;
}

/* ---- sizes -------------------------------------------------------------------------------------- */

typedef struct tower_shape {
    const kn_weights *w;
    const char       *prefix;
    int64_t           width, patch, mlp, rows, blocks, registers, grid;
    int               heads;
    double            mean[3], std[3];
    bool              class_token, layer_scale, pre_norm, patch_bias, on_prefix;
} tower_shape;

static bool read_three(double out[3], const mlm_json_node *node)
{
    int n = 0;
    if (node == NULL || mlm_json_type_of(node) != MLM_JSON_ARRAY || mlm_json_count(node) != 3)
        return false;
    for (const mlm_json_node *v = mlm_json_first(node); v != NULL; v = mlm_json_next(v)) {
        if (mlm_json_type_of(v) != MLM_JSON_NUMBER)
            return false;
        out[n++] = mlm_json_double(v);
    }
    return true;
}

/* timm's config.json beside the weights: {"pretrained_cfg": {"mean", "std"}, "model_args": {"num_heads"}}. */
static mlm_status read_timm_config(tower_shape *s, const char *weights)
{
    const char *slash = strrchr(weights, '/');
    char       *dir   = slash != NULL ? strndup(weights, (size_t)(slash - weights) + 1) : strdup(".");
    char       *path  = NULL;
    mlm_json   *doc   = NULL;
    if (dir == NULL)
        return mlm_fail_nomem(strlen(weights), weights);
    mlm_status status = mlm_path_join(&path, dir, "config.json");
    free(dir);
    if (status == MLM_OK && mlm_path_is_file(path))
        status = mlm_json_parse_file(&doc, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
    free(path);
    if (status != MLM_OK || doc == NULL)
        return status;
    const mlm_json_node *root = mlm_json_root(doc), *cfg = mlm_json_get(root, "pretrained_cfg");
    const mlm_json_node *args = mlm_json_get(root, "model_args"), *heads = NULL;
    double               mean[3], std[3];
    int64_t              n = 0;
    /* A directory that holds the whole model has a config.json of the trainer: without these keys. */
    if (cfg != NULL && read_three(mean, mlm_json_get(cfg, "mean")) &&
        read_three(std, mlm_json_get(cfg, "std"))) {
        memcpy(s->mean, mean, sizeof s->mean);
        memcpy(s->std, std, sizeof s->std);
    }
    heads = args != NULL ? mlm_json_get(args, "num_heads") : NULL;
    if (heads != NULL && mlm_json_as_int64(heads, &n) && n > 0 && n <= 256)
        s->heads = (int)n;
    mlm_json_free(doc);
    return MLM_OK;
}

static int64_t square_root(int64_t n)
{
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= n && r < 4096)
        r++;
    return r * r == n ? r : 0;
}

static mlm_status measure(tower_shape *s, const char *path)
{
    const char *reg = source_has(s->w, s->prefix, "reg_token") ? "reg_token" : "register_tokens";
    s->width        = source_dim(s->w, s->prefix, "patch_embed.proj.weight", 0);
    s->patch        = source_dim(s->w, s->prefix, "patch_embed.proj.weight", 2);
    s->mlp          = source_dim(s->w, s->prefix, "blocks.0.mlp.fc1.weight", 0);
    s->blocks       = source_count(s->w, s->prefix, "blocks.", MAX_BLOCKS);
    int64_t table   = source_dim(s->w, s->prefix, "pos_embed", 2) >= 0
                          ? source_dim(s->w, s->prefix, "pos_embed", 1)
                          : source_dim(s->w, s->prefix, "pos_embed", 0);
    s->class_token  = source_has(s->w, s->prefix, "cls_token");
    s->registers    = source_dim(s->w, s->prefix, reg, 1) > 0 ? source_dim(s->w, s->prefix, reg, 1) : 0;
    s->layer_scale  = source_has(s->w, s->prefix, "blocks.0.ls1.gamma");
    s->pre_norm     = source_has(s->w, s->prefix, "norm_pre.weight");
    s->patch_bias   = source_has(s->w, s->prefix, "patch_embed.proj.bias");
    s->grid         = table > 0 ? square_root(table) : 0;
    s->on_prefix    = s->grid == 0;
    if (s->on_prefix)
        s->grid = table > 1 ? square_root(table - 1) : 0;
    if (s->width < 1 || s->patch < 1 || s->mlp < 1 || s->blocks < 2 || s->grid < 1 ||
        (s->on_prefix && !s->class_token))
        return mlm_fail(MLM_E_FORMAT,
                        "%s: these are not the tensors of a vision transformer with timm's names "
                        "(patch_embed.proj, pos_embed, "
                        "blocks.N)",
                        path);
    return MLM_OK;
}

/* Towers of one width in sum can stand in each other's place: what tells the families apart must be there. */
static mlm_status check_family(const tower_shape *s, const tower_row *row, const char *path)
{
    const char *wrong = NULL;
    if (row->kind == &dino)
        wrong = s->registers == 0 ? "has no register tokens (reg_token)"
                : !s->layer_scale ? "has no LayerScale (blocks.N.ls1.gamma)"
                                  : NULL;
    else if (row->kind == &clip)
        wrong = !s->pre_norm      ? "has no norm before its blocks (norm_pre)"
                : !s->class_token ? "has no class token (cls_token)"
                                  : NULL;
    else if (strstr(row->name, "siglip") != NULL)
        wrong = s->class_token      ? "has a class token (cls_token)"
                : s->registers != 0 ? "has register tokens (reg_token)"
                : s->layer_scale    ? "has LayerScale (blocks.N.ls1.gamma)"
                                    : NULL;
    if (wrong == NULL)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT, "%s: %s, so it is not the tower %s but another one's file", path, wrong,
                    row->name);
}

/* ---- the tower in our words --------------------------------------------------------------------- */

static mlm_status write_tower(char **out, const tower_shape *s, const tower_row *row, int size,
                              unsigned flags)
{
    char    text[2048];
    int64_t grid = (flags & SOURCE_RESAMPLED) != 0 ? size / s->patch : s->grid;
    (void)snprintf(
        text, sizeof text,
        "{\n   \"type\": \"vit\",\n   \"name\": \"%s\",\n   \"image_size\": %d,\n   \"patch_size\": %lld,\n"
        "   \"hidden_size\": %lld,\n   \"num_layers\": %lld,\n   \"num_heads\": %d,\n   \"mlp_dim\": %lld,\n"
        "   \"activation\": \"%s\",\n   \"layer_norm_eps\": %g,\n   \"class_token\": %s,\n   "
        "\"num_registers\": %lld,\n"
        "   \"layer_scale\": %s,\n   \"pre_norm\": %s,\n   \"patch_bias\": %s,\n   \"pos_on_prefix\": %s,\n"
        "   \"pos_grid\": %lld,\n   \"feature_layer\": -2,\n   \"final_norm\": false,\n"
        "   \"image_mean\": [%.9g, %.9g, %.9g],\n   \"image_std\": [%.9g, %.9g, %.9g]\n  }",
        row->name, size, (long long)s->patch, (long long)s->width, (long long)s->blocks, s->heads,
        (long long)s->mlp, row->kind->activation, (double)row->kind->eps, s->class_token ? "true" : "false",
        (long long)s->registers, s->layer_scale ? "true" : "false", s->pre_norm ? "true" : "false",
        s->patch_bias ? "true" : "false", s->on_prefix ? "true" : "false", (long long)grid, s->mean[0],
        s->mean[1], s->mean[2], s->std[0], s->std[1], s->std[2]);
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text), row->name);
}

static mlm_status rule(source_file *f, const char *prefix, const char *from, int tower, const char *to)
{
    char a[192], b[192];
    (void)snprintf(a, sizeof a, "%s%s", prefix, from);
    if (tower < 0) /* the only one */
        (void)snprintf(b, sizeof b, "vision_tower.%s", to != NULL ? to : "");
    else
        (void)snprintf(b, sizeof b, "vision_tower.%d.%s", tower, to != NULL ? to : "");
    return source_add_rule(f, a, to != NULL ? b : NULL);
}

static mlm_status add_rules(source_file *f, const tower_shape *s, int tower)
{
    static const char *const kept[] = {"cls_token", "pos_embed", "reg_token", "patch_embed.*", "norm_pre.*"};
    static const char *const dropped[] = {"norm.*", "fc_norm.*", "head.*", "attn_pool.*", "mask_token"};
    static const char *const around[]  = {"visual.head.*", "text.*", "logit_scale", "logit_bias"};
    char                     name[64];
    (void)snprintf(name, sizeof name, "blocks.%d.*",
                   (int)s->blocks - 1); /* behind the one whose output is used */
    MLM_TRY(rule(f, s->prefix, name, tower, NULL));
    MLM_TRY(rule(f, s->prefix, "blocks.*", tower, "blocks.*"));
    MLM_TRY(rule(f, s->prefix, "register_tokens", tower, "reg_token"));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        MLM_TRY(rule(f, s->prefix, kept[i], tower, kept[i]));
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        MLM_TRY(rule(f, s->prefix, dropped[i], tower, NULL));
    for (size_t i = 0; s->prefix[0] != '\0' && i < sizeof around / sizeof around[0]; i++)
        MLM_TRY(source_add_rule(f, around[i], NULL));
    return MLM_OK;
}

static mlm_status open_found(char **out, model_source *src, const tower_row *row, const char *path, int tower,
                             int size, unsigned flags)
{
    const kn_weights_source source = {.path = path};
    kn_weights             *w      = NULL;
    source_file            *f      = NULL;
    char                    role[32], detail[160];
    tower_shape             s = {.heads = row->heads};
    memcpy(s.mean, row->kind->mean, sizeof s.mean);
    memcpy(s.std, row->kind->std, sizeof s.std);
    (void)snprintf(role, sizeof role, "vision tower %d", tower < 0 ? 0 : tower);
    mlm_status status = kn_weights_open_sources(&w, path, &source, 1);
    if (status == MLM_OK) {
        s.w      = w;
        s.prefix = kn_weights_find(w, "visual.trunk.patch_embed.proj.weight") != NULL ? "visual.trunk." : "";
        status   = measure(&s, path);
    }
    if (status == MLM_OK)
        status = check_family(&s, row, path);
    if (status == MLM_OK)
        status = read_timm_config(&s, path);
    if (status != MLM_OK) {
        kn_weights_close(w);
        return status == MLM_E_NOMEM ? status
                                     : source_add_part(src, role, status, true, path, mlm_error_message());
    }
    size_t used = (size_t)snprintf(detail, sizeof detail, "%.60s, ", row->name);
    source_describe(detail + used, sizeof detail - used, w);
    status = source_add_part(src, role, MLM_OK, true, path, detail);
    if (status == MLM_OK)
        status = source_add_file(src, &f, path);
    if (status == MLM_OK)
        status = add_rules(f, &s, tower);
    if (status == MLM_OK)
        status = write_tower(out, &s, row, size, flags);
    kn_weights_close(w);
    return status;
}

static mlm_status open_tower(char **out, model_source *src, const tower_row *row, int tower, int size,
                             unsigned flags)
{
    char *path = NULL, role[32], need[192], where[512];
    MLM_TRY(find_file(&path, src, row));
    if (path != NULL) {
        mlm_status status = open_found(out, src, row, path, tower, size, flags);
        free(path);
        return status;
    }
    (void)snprintf(role, sizeof role, "vision tower %d", tower < 0 ? 0 : tower);
    (void)snprintf(need, sizeof need, "%s: model.safetensors", row->repos[0]);
    (void)snprintf(where, sizeof where,
                   "looked for in %.120s/%s.safetensors, %.120s/%s/ and the Hugging Face cache; "
                   "it is at https://huggingface.co/%s",
                   src->base, row->name, src->base, row->name, row->repos[0]);
    return source_add_part(src, role, MLM_E_NOTFOUND, false, need, where);
}

/* Letterbox of the trainers pads before it resizes, for each tower with the mean of its own normalisation, so that the
 * towers see two pictures; no released model was trained so. */
static mlm_status refuse_resize(model_source *src, const char *resize)
{
    char        text[1024];
    const char *hint =
        strcmp(resize, "letterbox") == 0
            ? "pads with a colour for each tower, which no released model does; to go on, write "
              "resize-naive there and ask with --fit letterbox, which pads with one grey"
            : "is not known; known are resize-naive and resize-crop";
    (void)snprintf(text, sizeof text, "%.500s/config.json: image_resize_strategy '%.40s' %s", src->base,
                   resize, hint);
    return source_add_part(src, "preprocessing", MLM_E_UNSUPPORTED, true, resize, text);
}

static mlm_status write_preprocessor(char **out, model_source *src, int size, const char *resize)
{
    char text[512];
    if (strcmp(resize, "resize-naive") != 0 && strcmp(resize, "resize-crop") != 0)
        return refuse_resize(src, resize);
    (void)snprintf(
        text, sizeof text,
        "{\n \"image_processor_type\": \"MLMambaImageProcessor\",\n \"do_convert_rgb\": true,\n "
        "\"do_resize\": true,\n"
        " \"resize_mode\": \"%s\",\n \"size\": {\"height\": %d, \"width\": %d},\n \"resample\": 3,\n"
        " \"do_rescale\": true,\n \"rescale_factor\": 0.00392156862745098,\n \"do_normalize\": true,\n"
        " \"image_mean\": [0.5, 0.5, 0.5],\n \"image_std\": [0.5, 0.5, 0.5]\n}\n",
        resize + strlen("resize-"), size, size);
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text), src->dir);
}

static mlm_status add_unknown(model_source *src, const char *backbone)
{
    char   text[1024];
    size_t used =
        (size_t)snprintf(text, sizeof text, "vision_backbone_id '%.80s' is not known; known are", backbone);
    for (size_t i = 0; i < N_BACKBONES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %s", i > 0 ? "," : "", backbones[i].id);
    return source_add_part(src, "vision towers", MLM_E_UNSUPPORTED, false, backbone, text);
}

mlm_status source_open_towers(char **vision, char **preprocessor, model_source *src, const char *backbone,
                              const char *resize, unsigned flags)
{
    char      *text[2] = {NULL, NULL};
    int        row = -1, n = 0, found = 0;
    mlm_status status = MLM_OK;
    *vision           = NULL;
    for (size_t i = 0; i < N_BACKBONES; i++)
        if (strcmp(backbones[i].id, backbone) == 0)
            row = (int)i;
    if (row < 0)
        return add_unknown(src, backbone);
    for (; n < 2 && backbones[row].tower[n] >= 0 && status == MLM_OK; n++) {
        int number = backbones[row].tower[1] < 0 ? -1 : n;
        status =
            open_tower(&text[n], src, &towers[backbones[row].tower[n]], number, backbones[row].size, flags);
        found += text[n] != NULL;
    }
    if (status == MLM_OK)
        status = write_preprocessor(preprocessor, src, backbones[row].size, resize);
    if (status == MLM_OK && found == n) {
        size_t size = strlen(text[0]) + (n > 1 ? strlen(text[1]) : 0) + 128;
        *vision     = malloc(size);
        if (*vision == NULL)
            status = mlm_fail_nomem(size, src->dir);
        else if (n == 1)
            (void)snprintf(*vision, size, "%s", text[0]);
        else
            (void)snprintf(*vision, size, "{\n  \"type\": \"concat\",\n  \"towers\": [%s, %s]\n }", text[0],
                           text[1]);
    }
    free(text[0]);
    free(text[1]);
    return status;
}
