/* published_model.c: see published_model.h. */
#include "tests/support/published_model.h"

#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_rng.h"
#include "kernels/base/mlm_st_write.h"
#include "tests/support/pt_write.h"
#include "tests/support/published_config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TENSORS 256
#define VOCAB       272 /* 258 tokens, padded to 16 */

typedef struct tensor {
    char    own[96], pub[128]; /* own "": not needed by us */
    int     rank;
    int64_t dim[4];
    size_t  count;
    float  *data;
} tensor;

typedef struct list {
    tensor t[MAX_TENSORS];
    int    n;
} list;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

static const char *join(char *out, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static const char *join(char *out, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, cap, fmt, ap);
    va_end(ap);
    need(n >= 0 && (size_t)n < cap, "path");
    return out;
}

/* Seeded by the name under which the model asks for it. */
static void add(list *l, const char *own, const char *pub, int rank, int64_t a, int64_t b, int64_t c,
                int64_t d)
{
    tensor *t = &l->t[l->n++];
    need(l->n <= MAX_TENSORS, "tensors");
    *t = (tensor){.rank = rank, .dim = {a, b, c, d}, .count = 1};
    join(t->own, sizeof t->own, "%s", own);
    join(t->pub, sizeof t->pub, "%s", pub);
    for (int i = 0; i < rank; i++)
        t->count *= (size_t)t->dim[i];
    t->data = malloc(t->count * sizeof *t->data);
    need(t->data != NULL, "memory");
    uint64_t seed = 7;
    for (const char *s = own[0] != '\0' ? own : pub; *s != '\0'; s++)
        seed = seed * 131 + (uint64_t)(unsigned char)*s;
    mlm_rng     rng    = mlm_rng_seed(seed, 3);
    const char *suffix = strrchr(own, '.') != NULL ? strrchr(own, '.') + 1 : "";
    bool        norm   = strstr(own, "norm") != NULL && strcmp(suffix, "weight") == 0;
    float       scale  = rank > 1 ? 2.0f / sqrtf((float)(t->count / (size_t)a)) : 0.4f;
    if (strstr(own, "pos_embed") != NULL || strstr(own, "token") != NULL)
        scale = 0.5f;
    for (size_t i = 0; i < t->count; i++) {
        float v    = 2.0f * mlm_rng_uniform(&rng) - 1.0f;
        t->data[i] = norm                           ? 1.0f + 0.2f * v
                     : strcmp(suffix, "gamma") == 0 ? 0.75f + 0.25f * v
                                                    : 1.7f * scale * v;
    }
}

static void add2(list *l, const char *own_prefix, const char *pub_prefix, const char *name, int rank,
                 int64_t a, int64_t b, int64_t c)
{
    char own[96] = "", pub[128];
    if (own_prefix != NULL)
        join(own, sizeof own, "%s%s", own_prefix, name);
    join(pub, sizeof pub, "%s%s", pub_prefix, name);
    add(l, own, pub, rank, a, b, c, 0);
}

static void linear(list *l, const char *own, const char *pub, const char *name, int64_t out, int64_t in)
{
    char full[64];
    join(full, sizeof full, "%s.weight", name);
    add2(l, own, pub, full, 2, out, in, 0);
    join(full, sizeof full, "%s.bias", name);
    add2(l, own, pub, full, 1, out, 0, 0);
}

static void norm(list *l, const char *own, const char *pub, const char *name, int64_t width)
{
    char full[64];
    join(full, sizeof full, "%s.weight", name);
    add2(l, own, pub, full, 1, width, 0, 0);
    join(full, sizeof full, "%s.bias", name);
    add2(l, own, pub, full, 1, width, 0, 0);
}

/* ---- parts -------------------------------------------------------------------------------------- */

typedef struct tower_shape {
    int  width, blocks, mlp, rows, registers;
    bool class_token, layer_scale, clip;
} tower_shape;

static void tower(list *l, const char *own, const char *pub, const tower_shape *s)
{
    char name[128], full[96];
    join(full, sizeof full, "%spatch_embed.proj.weight", own);
    join(name, sizeof name, "%spatch_embed.proj.weight", pub);
    add(l, full, name, 4, s->width, 3, 14, 14);
    if (!s->clip)
        add2(l, own, pub, "patch_embed.proj.bias", 1, s->width, 0, 0);
    add2(l, own, pub, "pos_embed", 3, 1, s->rows, s->width);
    if (s->class_token)
        add2(l, own, pub, "cls_token", 3, 1, 1, s->width);
    if (s->registers > 0)
        add2(l, own, pub, "reg_token", 3, 1, s->registers, s->width);
    if (s->clip)
        norm(l, own, pub, "norm_pre", s->width);
    for (int i = 0; i < s->blocks; i++) {
        const char              *mine    = i + 1 < s->blocks ? own : NULL; /* the last block is not used */
        static const char *const parts[] = {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"};
        const int64_t            out[]   = {3 * s->width, s->width, s->mlp, s->width},
                      in[]               = {s->width, s->width, s->width, s->mlp};
        for (int k = 0; k < 4; k++) {
            join(name, sizeof name, "blocks.%d.%s", i, parts[k]);
            linear(l, mine, pub, name, out[k], in[k]);
        }
        for (int k = 1; k <= 2; k++) {
            join(name, sizeof name, "blocks.%d.norm%d", i, k);
            norm(l, mine, pub, name, s->width);
            join(name, sizeof name, "blocks.%d.ls%d.gamma", i, k);
            if (s->layer_scale)
                add2(l, mine, pub, name, 1, s->width, 0, 0);
        }
    }
    norm(l, NULL, pub, "norm", s->width);
}

static void mamba2_mixer(list *l, const char *own, const char *pub, const char *suffix, int64_t heads,
                         int64_t channels)
{
    char name[64];
    join(name, sizeof name, "conv1d%s.weight", suffix);
    add2(l, own, pub, name, 3, channels, 1, 4);
    join(name, sizeof name, "conv1d%s.bias", suffix);
    add2(l, own, pub, name, 1, channels, 0, 0);
    static const char *const parts[] = {"dt_bias", "A_log", "D"};
    for (int i = 0; i < 3; i++) {
        join(name, sizeof name, "%s%s", parts[i], suffix);
        add2(l, own, pub, name, 1, heads, 0, 0);
    }
}

/* Width 32, 4 heads of 16, state 16; or Mamba-1 with state 8, rank 2. */
static void language_model(list *l, const char *own, const char *pub, bool mamba1)
{
    char a[96], b[128];
    join(a, sizeof a, "%sbackbone.embeddings.weight", own);
    join(b, sizeof b, "%sbackbone.embedding.weight", pub);
    add(l, a, b, 2, VOCAB, 32, 0, 0);
    for (int i = 0; i < 2; i++) {
        join(a, sizeof a, "%sbackbone.layers.%d.", own, i);
        join(b, sizeof b, "%sbackbone.layers.%d.", pub, i);
        add2(l, a, b, "norm.weight", 1, 32, 0, 0);
        join(a, sizeof a, "%sbackbone.layers.%d.mixer.", own, i);
        join(b, sizeof b, "%sbackbone.layers.%d.mixer.", pub, i);
        if (mamba1) {
            add2(l, a, b, "in_proj.weight", 2, 128, 32, 0);
            add2(l, a, b, "conv1d.weight", 3, 64, 1, 4);
            add2(l, a, b, "conv1d.bias", 1, 64, 0, 0);
            add2(l, a, b, "x_proj.weight", 2, 18, 64, 0);
            linear(l, a, b, "dt_proj", 64, 2);
            add2(l, a, b, "A_log", 2, 64, 8, 0);
            add2(l, a, b, "D", 1, 64, 0, 0);
        } else {
            add2(l, a, b, "in_proj.weight", 2, 2 * 64 + 2 * 16 + 4, 32, 0);
            mamba2_mixer(l, a, b, "", 4, 96);
            add2(l, a, b, "norm.weight", 1, 64, 0, 0);
        }
        add2(l, a, b, "out_proj.weight", 2, 32, 64, 0);
    }
    add2(l, own, pub, "backbone.norm_f.weight", 1, 32, 0, 0);
}

static void scan_connector(list *l)
{
    linear(l, "connector.", "model/mlp/", "0", 32, 68);
    /* the name of ours has mlp. in it */
    for (int k = 0; k < 2; k++)
        join(l->t[l->n - 2 + k].own, sizeof l->t[0].own, "connector.mlp.0.%s", k == 0 ? "weight" : "bias");
    for (int i = 0; i < 2; i++) {
        char own[96], pub[96], name[64];
        join(own, sizeof own, "connector.layers.%d.mixer.", i);
        join(pub, sizeof pub, "model/bidirectional_mamba/layers.%d.mixer.", i);
        add2(l, own, pub, "in_proj.weight", 2, 164, 32, 0);
        mamba2_mixer(l, own, pub, "", 4, 96);
        mamba2_mixer(l, own, pub, "_b", 4, 96);
        add2(l, own, pub, "norm.weight", 1, 64, 0, 0);
        add2(l, own, pub, "out_proj.weight", 2, 32, 64, 0);
        for (int k = 1; k <= 3; k++) {
            join(name, sizeof name, "layers.%d.mlp.w%d", i, k);
            linear(l, "connector.", "model/bidirectional_mamba/", name, 32, 32);
        }
        join(name, sizeof name, "layers.%d.norm", i);
        norm(l, "connector.", "model/bidirectional_mamba/", name, 32);
    }
    norm(l, "connector.", "model/bidirectional_mamba/", "norm_f", 32);
    linear(l, "connector.", "model/projector/", "projector.0", 128, 32);
    linear(l, "connector.", "model/projector/", "projector.2", 32, 128);
    linear(l, "connector.", "model/projector/", "projector.4", 32, 32);
}

/* ---- files -------------------------------------------------------------------------------------- */

static void put_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    need(f != NULL && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, path);
}

static void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}

static void *as_dtype(const tensor *t, mlm_st_dtype dtype)
{
    uint16_t *half = malloc(t->count * 4);
    need(half != NULL, "memory");
    if (dtype == MLM_ST_F32)
        memcpy(half, t->data, t->count * 4);
    else
        for (size_t i = 0; i < t->count; i++)
            half[i] = mlm_f32_to_bf16(t->data[i]);
    return half;
}

static void put_safetensors(const char *path, const list *const *lists, int n_lists, mlm_st_dtype dtype,
                            bool own)
{
    mlm_st_writer *w = NULL;
    need(mlm_st_writer_create(&w, path) == MLM_OK, path);
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < n_lists; k++)
            for (int i = 0; i < lists[k]->n; i++) {
                const tensor *t = &lists[k]->t[i];
                if (own && t->own[0] == '\0')
                    continue;
                if (pass == 0) {
                    need(mlm_st_writer_declare(w, own ? t->own : t->pub, dtype, t->rank, t->dim) == MLM_OK,
                         path);
                    continue;
                }
                void *data = as_dtype(t, dtype);
                need(mlm_st_writer_put(w, data, t->count * mlm_st_dtype_size(dtype)) == MLM_OK, path);
                free(data);
            }
        if (pass == 0)
            need(mlm_st_writer_begin(w) == MLM_OK, path);
    }
    need(mlm_st_writer_end(w) == MLM_OK, path);
    mlm_st_writer_free(w);
}

/* head: "" none; else the path of an lm_head that shares the storage of tensor 0 (copy: has one of its own). */
static void put_checkpoint(const char *path, const list *l, mlm_st_dtype dtype, const char *head, bool copy)
{
    pt_tensor  t[MAX_TENSORS + 1] = {0};
    pt_storage s[MAX_TENSORS + 1] = {0};
    pt_bytes   b                  = {0};
    int        n = 0, n_storages = l->n;
    for (int i = 0; i < l->n; i++) {
        s[i]   = (pt_storage){as_dtype(&l->t[i], dtype), l->t[i].count * mlm_st_dtype_size(dtype)};
        t[n++] = (pt_tensor){.path = l->t[i].pub, .dtype = dtype, .rank = l->t[i].rank, .storage = i};
        memcpy(t[n - 1].dim, l->t[i].dim, sizeof t[0].dim);
        if (i == 0 && head[0] != '\0') {
            t[n]      = t[0];
            t[n].path = head;
            if (copy) {
                s[l->n] = (pt_storage){as_dtype(&l->t[0], dtype), l->t[0].count * mlm_st_dtype_size(dtype)};
                t[n].storage = l->n;
                n_storages   = l->n + 1;
            }
            n++;
        }
    }
    pt_write(&b, t, n, s, n_storages, false);
    put_file(path, b.p, b.n);
    pt_free(&b);
    for (int i = 0; i < n_storages; i++)
        free((void *)(uintptr_t)s[i].data);
}

static void free_list(list *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->t[i].data);
    free(l);
}

static list *new_list(void)
{
    list *l = calloc(1, sizeof *l);
    need(l != NULL, "memory");
    return l;
}

/* Byte-level BPE without merges: <|endoftext|> 0, <|padding|> 1, byte b is b + 2. */
static void put_tokenizer(const char *path)
{
    FILE *f = fopen(path, "w");
    int   k = 0;
    need(f != NULL, path);
    (void)fputs("{\"version\":\"1.0\",\"added_tokens\":[", f);
    for (int i = 0; i < 2; i++)
        (void)fprintf(f,
                      "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,\"rstrip\":"
                      "false,\"normalized\":false,"
                      "\"special\":true}",
                      i > 0 ? "," : "", i, i == 0 ? "<|endoftext|>" : "<|padding|>");
    (void)fputs("],\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_"
                "space\":false,"
                "\"trim_offsets\":true},\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},"
                "\"model\":{\"type\":\"BPE\",\"dropout\":null,"
                "\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_"
                "unk\":false,\"vocab\":{"
                "\"<|endoftext|>\":0,\"<|padding|>\":1",
                f);
    for (int b = 0; b < 256; b++) {
        bool plain = (b >= 33 && b < 127) || (b >= 161 && b < 173) || b >= 174;
        (void)fprintf(f, ",\"\\u%04x\":%d", plain ? b : 256 + k, b + 2);
        k += !plain;
    }
    (void)fputs("},\"merges\":[]}}\n", f);
    need(fclose(f) == 0, path);
}

/* ---- directories --------------------------------------------------------------------------------- */

static void put_own(const char *root, const char *name, const list *const *lists, int n, mlm_st_dtype dtype,
                    const char *config, const char *pre)
{
    char path[1024];
    (void)mkdir(join(path, sizeof path, "%s/%s", root, name), 0777);
    put_text(join(path, sizeof path, "%s/%s/config.json", root, name), config);
    if (pre != NULL)
        put_text(join(path, sizeof path, "%s/%s/preprocessor_config.json", root, name), pre);
    put_tokenizer(join(path, sizeof path, "%s/%s/tokenizer.json", root, name));
    put_safetensors(join(path, sizeof path, "%s/%s/model.safetensors", root, name), lists, n, dtype, true);
}

/* The folder of a repository's snapshot; files in it are links to blobs, as the hub makes them. */
static void hub_folder(char *out, size_t cap, const char *root, const char *repo)
{
    static const char        hash[] = "0123456789abcdef0123456789abcdef01234567";
    char                     path[1024];
    static const char *const parts[] = {"", "/refs", "/blobs", "/snapshots"};
    for (int i = 0; i < 4; i++)
        (void)mkdir(join(path, sizeof path, "%s/hub/models--%s%s", root, repo, parts[i]), 0777);
    put_text(join(path, sizeof path, "%s/hub/models--%s/refs/main", root, repo), hash);
    (void)mkdir(join(out, cap, "%s/hub/models--%s/snapshots/%s", root, repo, hash), 0777);
}

static void hub_link(const char *root, const char *repo, const char *folder, const char *name, char *blob,
                     size_t cap)
{
    char link[1024], target[512];
    join(blob, cap, "%s/hub/models--%s/blobs/%s", root, repo, name);
    int rc = symlink(join(target, sizeof target, "../../blobs/%s", name),
                     join(link, sizeof link, "%s/%s", folder, name));
    need(rc == 0, link);
}

#define DINO_REPO   "timm--vit_large_patch14_reg4_dinov2.lvd142m"
#define SIGLIP_REPO "timm--ViT-SO400M-14-SigLIP-384"

static void put_hub(const char *root, const list *dino, const list *siglip)
{
    static const char heads[] = "{\"model_args\":{\"num_heads\":2}}";
    char              folder[1024], blob[1024];
    hub_folder(folder, sizeof folder, root, DINO_REPO);
    hub_link(root, DINO_REPO, folder, "model.safetensors", blob, sizeof blob);
    put_safetensors(blob, &dino, 1, MLM_ST_F32, false);
    hub_link(root, DINO_REPO, folder, "config.json", blob, sizeof blob);
    put_text(blob, heads);
    hub_folder(folder, sizeof folder, root, SIGLIP_REPO);
    hub_link(root, SIGLIP_REPO, folder, "open_clip_pytorch_model.bin", blob, sizeof blob);
    put_checkpoint(blob, siglip, MLM_ST_F32, "", false);
    hub_link(root, SIGLIP_REPO, folder, "config.json", blob, sizeof blob);
    put_text(blob, heads);
    hub_folder(folder, sizeof folder, root, "EleutherAI--gpt-neox-20b");
    hub_link(root, "EleutherAI--gpt-neox-20b", folder, "tokenizer.json", blob, sizeof blob);
    put_tokenizer(blob);
}

/* The same in two shards and an index: safetensors, or checkpoints, the first with its head in the table's storage. */
static void put_shards(const char *root, const char *name, const list *l, const char *config, bool torch)
{
    char        path[1024];
    const char *stem = torch ? "pytorch_model" : "model", *end = torch ? "bin" : "safetensors";
    list       *half[2] = {new_list(), new_list()};
    FILE       *f       = NULL;
    (void)mkdir(join(path, sizeof path, "%s/%s", root, name), 0777);
    f = fopen(join(path, sizeof path, "%s/%s/%s.%s.index.json", root, name, stem, end), "w");
    need(f != NULL, path);
    (void)fputs("{\"metadata\":{\"total_size\":1},\"weight_map\":{", f);
    if (torch)
        (void)fprintf(f, "\"lm_head.weight\":\"%s-00001-of-00002.%s\",", stem, end);
    for (int i = 0; i < l->n; i++) {
        list *h      = half[i % 2];
        h->t[h->n++] = l->t[i];
        (void)fprintf(f, "%s\"%s\":\"%s-0000%d-of-00002.%s\"", i > 0 ? "," : "", l->t[i].pub, stem, i % 2 + 1,
                      end);
    }
    (void)fputs("}}\n", f);
    need(fclose(f) == 0, path);
    for (int k = 0; k < 2; k++) {
        const list *p = half[k];
        join(path, sizeof path, "%s/%s/%s-0000%d-of-00002.%s", root, name, stem, k + 1, end);
        if (torch)
            put_checkpoint(path, p, MLM_ST_BF16, k == 0 ? "lm_head.weight" : "", false);
        else
            put_safetensors(path, &p, 1, MLM_ST_BF16, false);
        free(half[k]); /* the data are l's */
    }
    put_text(join(path, sizeof path, "%s/%s/config.json", root, name), config);
    put_tokenizer(join(path, sizeof path, "%s/%s/tokenizer.json", root, name));
}

/* The names of transformers: those of ours without the prefix. */
static void use_own_names(list *l)
{
    for (int i = 0; i < l->n; i++)
        join(l->t[i].pub, sizeof l->t[i].pub, "%s", l->t[i].own + strlen("language_model."));
}

static void put_texts(const char *root)
{
    static const char ss[] = STATE_SPACES("{\"layer\":\"Mamba2\",\"d_state\":16,\"headdim\":16}");
    char              path[1024];
    list             *l = new_list();
    const list       *p = l;
    language_model(l, "language_model.", "", false);
    put_own(
        root, "own-text", &p, 1, MLM_ST_BF16,
        "{\"model_type\":\"ml_mamba\",\"eos_token_id\":0,\"prompt_template\":\"{question}\",\"text\":" MAMBA2
        "}",
        NULL);
    (void)mkdir(join(path, sizeof path, "%s/ss", root), 0777);
    put_text(join(path, sizeof path, "%s/ss/config.json", root), ss);
    put_checkpoint(join(path, sizeof path, "%s/ss/pytorch_model.bin", root), l, MLM_ST_BF16, "lm_head.weight",
                   false);
    put_shards(root, "ss-bins", l, ss, true);
    (void)mkdir(join(path, sizeof path, "%s/hf", root), 0777);
    put_text(join(path, sizeof path, "%s/hf/config.json", root),
             "{\"architectures\":[\"Mamba2ForCausalLM\"],\"eos_token_id\":0,\"time_step_limit\":[0.0,"
             "Infinity]," MAMBA2_KEYS);
    put_tokenizer(join(path, sizeof path, "%s/hf/tokenizer.json", root));
    use_own_names(l);
    put_safetensors(join(path, sizeof path, "%s/hf/model.safetensors", root), &p, 1, MLM_ST_BF16, false);
    put_shards(root, "shards", l, MAMBA2, false);
    put_shards(root, "bins", l, MAMBA2, true);
    free_list(l);
}

static void put_mamba1(const char *root)
{
    char  path[1024];
    list *l = new_list();
    language_model(l, "language_model.", "", true);
    put_shards(root, "ss1-bins", l, STATE_SPACES("{\"d_state\":8}"), true);
    use_own_names(l);
    put_shards(root, "bins1", l, MAMBA1, true);
    (void)mkdir(join(path, sizeof path, "%s/hf1", root), 0777);
    put_text(join(path, sizeof path, "%s/hf1/config.json", root), MAMBA1);
    put_tokenizer(join(path, sizeof path, "%s/hf1/tokenizer.json", root));
    put_checkpoint(join(path, sizeof path, "%s/hf1/pytorch_model.bin", root), l, MLM_ST_BF16,
                   "lm_head.weight", true);
    free_list(l);
}

/* Facebook's own file: register_tokens, mask_token, the class token's position in the table; a repository with one run. */
static void put_facebook(const char *root)
{
    static const tower_shape shape = {32, 3, 64, 1370, 0, true, true, false};
    char                     path[1024];
    list                    *l = new_list(), *c = new_list();
    const list              *two[2] = {l, c};
    tower(l, "vision_tower.", "", &shape);
    add(l, "vision_tower.reg_token", "register_tokens", 3, 1, 4, 32, 0);
    add(l, "", "mask_token", 2, 1, 32, 0, 0);
    language_model(c, "language_model.", "model/llm_backbone/llm.", true);
    linear(c, "connector.", "model/projector/", "projector.0", 32, 32);
    linear(c, "connector.", "model/projector/", "projector.2", 32, 32);
    (void)mkdir(join(path, sizeof path, "%s/facebook", root), 0777);
    (void)mkdir(join(path, sizeof path, "%s/facebook/cobra+tiny", root), 0777);
    put_text(join(path, sizeof path, "%s/facebook/cobra+tiny/config.json", root), RUN("dinov2-vit-l"));
    put_checkpoint(join(path, sizeof path, "%s/facebook/cobra+tiny/latest-checkpoint.pt", root), c,
                   MLM_ST_F32, "", false);
    put_checkpoint(join(path, sizeof path, "%s/facebook/cobra+tiny/dinov2_vitl14_reg4_pretrain.pth", root), l,
                   MLM_ST_F32, "", false);
    put_own(root, "own-facebook", two, 2, MLM_ST_F32,
            HEAD
            "\"vision\":" FACEBOOK
            ",\"connector\":{\"type\":\"mlp\",\"input_size\":32,\"projector_dims\":[32,32]},\"text\":" MAMBA1
            "}",
            PRE("224"));
    free_list(l);
    free_list(c);
}

void published_write(const char *root)
{
    static const tower_shape dino   = {32, 3, 64, 1369, 4, true, true, false};
    static const tower_shape siglip = {36, 3, 72, 729, 0, false, false, false};
    static const tower_shape clip   = {32, 3, 64, 577, 0, true, false, true};
    char                     path[1024];
    list                    *a = new_list(), *b = new_list(), *c = new_list(), *l = new_list();
    const list              *three[3] = {a, b, c}, *two[2] = {l, c};
    (void)mkdir(join(path, sizeof path, "%s/hub", root), 0777);
    tower(a, "vision_tower.0.", "", &dino);
    tower(b, "vision_tower.1.", "visual.trunk.", &siglip);
    add(b, "", "text.token_embedding.weight", 2, 3, 4, 0, 0);
    add(b, "", "visual.trunk.attn_pool.latent", 3, 1, 1, 36, 0);
    put_hub(root, a, b);

    language_model(c, "language_model.", "model/llm_backbone/", false);
    scan_connector(c);
    (void)mkdir(join(path, sizeof path, "%s/mlmamba", root), 0777);
    (void)mkdir(join(path, sizeof path, "%s/mlmamba/checkpoints", root), 0777);
    put_text(join(path, sizeof path, "%s/mlmamba/config.json", root), RUN("dinosiglip-vit-so-384px"));
    put_checkpoint(join(path, sizeof path, "%s/mlmamba/checkpoints/latest-checkpoint.pt", root), c,
                   MLM_ST_F32, "model/llm_backbone/lm_head.weight", false);
    put_own(root, "own-mlmamba", three, 3, MLM_ST_F32,
            HEAD "\"vision\":" TOWERS ",\"connector\":" SCAN ",\"text\":" MAMBA2 "}", PRE("384"));
    free_list(c);

    three[2] = c = new_list();
    language_model(c, "language_model.", "model/llm_backbone/llm.", true);
    linear(c, "connector.", "model/projector/", "projector.0", 272, 68);
    linear(c, "connector.", "model/projector/", "projector.2", 32, 272);
    linear(c, "connector.", "model/projector/", "projector.4", 32, 32);
    (void)mkdir(join(path, sizeof path, "%s/cobra", root), 0777);
    (void)mkdir(join(path, sizeof path, "%s/cobra/checkpoints", root), 0777);
    put_text(join(path, sizeof path, "%s/cobra/config.json", root), RUN("dinosiglip-vit-so-384px"));
    put_checkpoint(join(path, sizeof path, "%s/cobra/checkpoints/latest-checkpoint.pt", root), c, MLM_ST_F32,
                   "model/llm_backbone/llm.lm_head.weight", true);
    put_own(
        root, "own-cobra", three, 3, MLM_ST_F32,
        HEAD
        "\"vision\":" TOWERS
        ",\"connector\":{\"type\":\"mlp\",\"input_size\":68,\"projector_dims\":[272,32,32]},\"text\":" MAMBA1
        "}",
        PRE("384"));
    free_list(c);

    two[1] = c = new_list();
    tower(l, "vision_tower.", "", &clip);
    add(l, "", "head.weight", 2, 5, 32, 0, 0);
    language_model(c, "language_model.", "model/llm_backbone/", false);
    linear(c, "connector.", "model/projector/", "projector", 32, 32);
    for (int k = 0; k < 2; k++)
        join(c->t[c->n - 2 + k].own, sizeof c->t[0].own, "connector.projector.0.%s",
             k == 0 ? "weight" : "bias");
    (void)mkdir(join(path, sizeof path, "%s/clip", root), 0777);
    put_text(join(path, sizeof path, "%s/clip/config.json", root), RUN("clip-vit-l-336px"));
    put_checkpoint(join(path, sizeof path, "%s/clip/latest-checkpoint.pt", root), c, MLM_ST_BF16, "", false);
    const list *one = l;
    put_safetensors(join(path, sizeof path, "%s/clip/vit_large_patch14_clip_336.openai.safetensors", root),
                    &one, 1, MLM_ST_BF16, false);
    put_tokenizer(join(path, sizeof path, "%s/clip/tokenizer.json", root));
    put_own(root, "own-clip", two, 2, MLM_ST_BF16,
            HEAD
            "\"vision\":" CLIP
            ",\"connector\":{\"type\":\"mlp\",\"input_size\":32,\"projector_dims\":[32]},\"text\":" MAMBA2
            "}",
            PRE("336"));
    free_list(a);
    free_list(b);
    free_list(c);
    free_list(l);
    put_texts(root);
    put_mamba1(root);
    put_facebook(root);
}
