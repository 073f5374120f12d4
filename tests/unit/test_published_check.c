/*
 * test_published_check.c: what `check` says of published models and of directories of ours: parts found and missing, every
 * tensor against the configuration, damaged files; and that loading refuses what `check` refuses.
 */
#include "tests/support/published_config.h"
#include "tests/unit/published_fixture.h"

/* ---- check -------------------------------------------------------------------------------------- */

static const mlmamba_part *part_of(const mlmamba_model_check *c, const char *role)
{
    static const mlmamba_part none = {0};
    for (int i = 0; i < c->n_parts; i++)
        if (strcmp(c->parts[i].role, role) == 0)
            return &c->parts[i];
    fail_msg("no part %s", role);
    return &none;
}

static void refused_by_check(const char *model, const char *want, const char *what)
{
    mlmamba_model_check *c = NULL;
    assert_ok(mlmamba_check_model(&c, model));
    assert_false(c->complete);
    if (strstr(c->problem, want) == NULL || strstr(c->problem, what) == NULL)
        fail_msg("'%s' and '%s' are not in: %s", want, what, c->problem);
    mlmamba_model_check_free(c);
}

static void test_check(void **state)
{
    mlmamba_model_check *c = NULL;
    (void)state;
    assert_ok(mlmamba_check_model(&c, in("mlmamba")));
    assert_true(c->complete);
    assert_string_equal(c->kind, "ML-Mamba checkpoint");
    assert_string_equal(c->problem, "");
    assert_int_equal(c->n_parts, 5);
    assert_non_null(strstr(part_of(c, "vision tower 0")->source, "vit_large_patch14_reg4_dinov2.lvd142m"));
    assert_non_null(strstr(part_of(c, "vision tower 1")->source, "open_clip_pytorch_model.bin"));
    assert_non_null(strstr(part_of(c, "language model and connector")->detail, "Mamba-2"));
    assert_true(part_of(c, "tokenizer")->bytes > 0);
    assert_null(part_of(c, "tokenizer")->sha256);
    mlmamba_model_check_free(c);
    assert_ok(mlmamba_check_model_hashes(&c, in("ss"), NULL, NULL));
    assert_true(c->complete);
    assert_int_equal(strlen(part_of(c, "language model")->sha256), 64);
    mlmamba_model_check_free(c);
}

/* Without the cache the towers and the tokenizer are missing, with their exact names; loading says so too. */
static void test_missing(void **state)
{
    mlmamba_model_check   *c   = NULL;
    mlmamba_engine        *eng = NULL;
    char                   model[512];
    mlmamba_engine_options opt = {.model_dir = model, .device = "cpu"};
    (void)state;
    (void)snprintf(model, sizeof model, "%s/cobra", root);
    assert_int_equal(setenv("HF_HUB_CACHE", "/nonexistent", 1), 0);
    assert_ok(mlmamba_check_model(&c, model));
    assert_false(c->complete);
    assert_false(part_of(c, "vision tower 1")->found);
    assert_non_null(strstr(part_of(c, "vision tower 1")->source, "timm/vit_so400m_patch14_siglip_384.webli"));
    assert_false(part_of(c, "tokenizer")->found);
    assert_true(part_of(c, "language model and connector")->usable);
    mlmamba_model_check_free(c);
    assert_int_equal(mlmamba_engine_open(&eng, &opt), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "vit_large_patch14_reg4_dinov2"));
    assert_int_equal(setenv("HF_HUB_CACHE", in("hub"), 1), 0);
    assert_int_equal(mlmamba_check_model(&c, "no/such-model"), MLM_E_NOTFOUND);
    assert_int_equal(mlmamba_check_model(&c, "../../no-such-etc"), MLM_E_NOTFOUND);
}

/* A directory that is no model: what was looked for, what lies there instead, and who explains it. */
static void test_no_model(void **state)
{
    static const struct {
        const char *config, *file, *want;
        mlm_status  status;
    } cases[] = {
        {NULL, NULL, "/none: holds no model: looked for config.json, and for *.pt and *.safetensors",
         MLM_E_NOTFOUND},
        {NULL, "model.safetensors", "config.json, which belongs beside the weights", MLM_E_NOTFOUND},
        {NULL, "model.gguf", "config.json, which belongs beside the weights", MLM_E_NOTFOUND},
        {"{\"model_type\":\"llama\"}", NULL, "/config.json: model_type is 'llama', must be ml_mamba",
         MLM_E_CONFIG},
        {"{\"model_type\":[1]}", NULL, "/config.json: model_type is an array", MLM_E_CONFIG},
        {"{\"architecture\":\"vit_x\"}", "model.safetensors", "timm's vit_x: a vision tower", MLM_E_CONFIG},
        {RUN("clip-vit-l-336px"), NULL, "the checkpoint is missing: latest-checkpoint.pt", MLM_E_CONFIG},
        {"link", NULL, "config.json: is a link to a file that is not there", MLM_E_NOTFOUND},
    };
    char                   folder[512], path[600];
    mlmamba_engine        *eng = NULL;
    mlmamba_model_check   *c   = NULL;
    mlmamba_engine_options opt = {.model_dir = folder, .device = "cpu"};
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/none", root);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(mkdir(folder, 0777), 0);
        (void)snprintf(path, sizeof path, "%s/config.json", folder);
        if (cases[i].config != NULL && strcmp(cases[i].config, "link") == 0)
            assert_int_equal(symlink("../gone", path), 0);
        else if (cases[i].config != NULL)
            put_text(path, cases[i].config);
        (void)snprintf(path, sizeof path, "%s/%s", folder, cases[i].file != NULL ? cases[i].file : "");
        if (cases[i].file != NULL)
            put_text(path, "weights");
        refused_by_check(folder, cases[i].want, "");
        assert_ok(mlmamba_check_model(&c, folder));
        (void)part_of(c, "checkpoint");
        if (cases[i].file != NULL)
            assert_string_equal(part_of(c, "weights")->source, path);
        mlmamba_model_check_free(c);
        assert_int_equal(mlmamba_engine_open(&eng, &opt), cases[i].status);
        assert_non_null(strstr(mlm_error_message(), cases[i].want));
        assert_non_null(strstr(mlm_error_message(), "`mlmamba check "));
        remove_tree(folder);
    }
}

/* One byte of the checkpoint's directory, its pickle or its shapes wrong: the file is named. */
static void test_damaged(void **state)
{
    static const char *const marks[] = {"PK\1\2", "_rebuild_tensor_v2", "projector.0.weight", "model"};
    char                    *data    = NULL;
    size_t                   n       = 0;
    char                     folder[512], file[600];
    (void)state;
    assert_ok(mlm_file_read(&data, &n, in("mlmamba/checkpoints/latest-checkpoint.pt"), (size_t)1 << 26,
                            "checkpoint"));
    (void)snprintf(folder, sizeof folder, "%s/broken", root);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int i = 0; i < 4; i++) {
        mlmamba_engine        *eng = NULL;
        mlmamba_model_check   *c   = NULL;
        mlmamba_engine_options opt = {.model_dir = folder, .device = "cpu"};
        char                  *at  = memmem(data, n, marks[i], strlen(marks[i]));
        assert_non_null(at);
        *at ^= 1;
        FILE *f = fopen(file, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
        *at ^= 1;
        mlm_status status = mlmamba_engine_open(&eng, &opt);
        assert_int_not_equal(status, MLM_OK);
        if (strstr(mlm_error_message(), "broken") == NULL)
            fail_msg("no file in: %s", mlm_error_message());
        assert_ok(mlmamba_check_model(&c, folder));
        assert_false(c->complete);
        mlmamba_model_check_free(c);
    }
    free(data);
}

/* A blob of the hub that is not what its name says. */
static void test_blob(void **state)
{
    mlmamba_model_check *c = NULL;
    char                 from[512], to[600], folder[512];
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/blob", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    static const char *const files[] = {"config.json", "tokenizer.json"};
    for (int i = 0; i < 2; i++) {
        (void)snprintf(from, sizeof from, "%s/hf/%s", root, files[i]);
        (void)snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    char blob[600];
    (void)snprintf(from, sizeof from, "%s/hf/model.safetensors", root);
    (void)snprintf(blob, sizeof blob, "%s/%064d", folder, 7);
    (void)snprintf(to, sizeof to, "%s/model.safetensors", folder);
    assert_int_equal(link(from, blob), 0);
    assert_int_equal(symlink(blob, to), 0);
    assert_ok(mlmamba_check_model(&c, folder));
    assert_true(c->complete);
    mlmamba_model_check_free(c);
    assert_ok(mlmamba_check_model_hashes(&c, folder, NULL, NULL));
    assert_false(c->complete);
    assert_non_null(strstr(c->problem, "SHA-256"));
    mlmamba_model_check_free(c);
}

/*
 * The towers of the released models are 1024 + 1152 wide in either order, so one's file under the other's name would
 * give answers: it is refused by what only one of them has.
 */
static void test_swapped_towers(void **state)
{
    static const char dino[]   = "vit_large_patch14_reg4_dinov2.lvd142m";
    static const char siglip[] = "vit_so400m_patch14_siglip_384";
    char              folder[512], file[800], from[800], other[600];
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/swapped", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    put_copy(file, in("mlmamba/checkpoints/latest-checkpoint.pt"));
    (void)snprintf(from, sizeof from, "%s/hub/models--timm--%s/blobs/model.safetensors", root, dino);
    (void)snprintf(file, sizeof file, "%s/%s.safetensors", folder, siglip);
    put_copy(file, from);
    refused_by_check(folder, "token", siglip);
    assert_int_equal(unlink(file), 0);
    (void)snprintf(other, sizeof other, "%s/%s", folder, dino);
    assert_int_equal(mkdir(other, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/open_clip_pytorch_model.bin", other);
    (void)snprintf(from, sizeof from,
                   "%s/hub/models--timm--ViT-SO400M-14-SigLIP-384/blobs/open_clip_pytorch_model.bin", root);
    put_copy(file, from);
    refused_by_check(folder, "no register tokens", dino); /* beside goes before the cache's sound one */
}

/* A matrix of integers: `check` says so before anything is loaded. */
static void test_integers(void **state)
{
    char folder[512], file[600];
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/integers", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    put_copy(file, in("clip/latest-checkpoint.pt"));
    (void)snprintf(file, sizeof file, "%s/config.json", folder);
    put_copy(file, in("clip/config.json"));
    (void)snprintf(file, sizeof file, "%s/vit_large_patch14_clip_336.openai.safetensors", folder);
    put_copy(file, in("clip/vit_large_patch14_clip_336.openai.safetensors"));
    char  *data = NULL;
    size_t n    = 0;
    assert_ok(mlm_file_read(&data, &n, file, (size_t)1 << 26, "tower"));
    char *at = memmem(data, n, "\"blocks.0.mlp.fc1.weight\"", 25);
    assert_non_null(at);
    at = memmem(at, 64, "\"BF16\"", 6);
    assert_non_null(at);
    memcpy(at, "\"I16\" ", 6);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(data);
    refused_by_check(folder, "dtype I16", "fc1.weight");
}

/* A checkpoint under another name: the message says which file to name; $MLMAMBA_MODEL may be that file. */
static void test_renamed(void **state)
{
    char                 folder[512], file[600];
    mlmamba_model_check *c = NULL;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/renamed", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/config.json", folder);
    put_copy(file, in("mlmamba/config.json"));
    (void)snprintf(file, sizeof file, "%s/step-100.pt", folder);
    put_copy(file, in("mlmamba/checkpoints/latest-checkpoint.pt"));
    assert_int_equal(mlmamba_check_model(&c, folder), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "renamed/step-100.pt"));
    assert_int_equal(setenv("MLMAMBA_MODEL", file, 1), 0);
    same(answer_of(in("own-mlmamba"), true), answer_of(NULL, true));
    assert_int_equal(unsetenv("MLMAMBA_MODEL"), 0);
}

/* Ids that mean nothing here are refused, with those that do. */
static void test_unknown_ids(void **state)
{
    static const char *const ids[][3] = {
        {"\"vision_backbone_id\":\"eva-vit-g\"", "eva-vit-g",
         "dinosiglip-vit-so-384px, dinoclip-vit-l-336px"},
        {"\"llm_backbone_id\":\"llama2-7b-pure\"", "llama2-7b-pure", "mamba-2.8b-zephyr, mamba2-2.7b"},
        {"\"arch_specifier\":\"no-align+perceiver\"", "no-align+perceiver", "fused-gelu-mlp or fused-ldpnet"},
        {"\"image_resize_strategy\":\"letterbox\"", "'letterbox' pads", "--fit letterbox"},
        {"\"image_resize_strategy\":\"stretch\"", "'stretch' is not known", "resize-naive and resize-crop"}};
    char folder[512], file[600], text[256];
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/ids", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    put_copy(file, in("cobra/checkpoints/latest-checkpoint.pt"));
    (void)snprintf(file, sizeof file, "%s/config.json", folder);
    for (int i = 0; i < 5; i++) {
        FILE *f = fopen(file, "wb");
        assert_non_null(f);
        assert_true(snprintf(text, sizeof text, "{\"model\":{%s}}", ids[i][0]) > 0);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        refused_by_check(folder, ids[i][1], ids[i][2]);
    }
    FILE *f = fopen(file, "wb"); /* those of the released models */
    assert_non_null(f);
    assert_true(fputs("{\"model\":{\"vision_backbone_id\":\"dinosiglip-vit-so-384px\",\"llm_backbone_id\":"
                      "\"mamba-2.8b-zephyr\",\"arch_specifier\":\"no-align+fused-gelu-mlp\"}}",
                      f) >= 0);
    assert_int_equal(fclose(f), 0);
    mlmamba_model_check *c = NULL;
    assert_ok(mlmamba_check_model(&c, folder));
    assert_true(c->complete);
    mlmamba_model_check_free(c);
}

/* ---- damaged directories ------------------------------------------------------------------------ */

static void link_to(const char *folder, const char *from_folder, const char *name)
{
    char from[1100], to[1100];
    (void)snprintf(from, sizeof from, "%s/%s/%s", root, from_folder, name);
    (void)snprintf(to, sizeof to, "%s/%s", folder, name);
    assert_int_equal(symlink(from, to), 0);
}

/* A copy of a file with one text in place of another as long; the sum of a checkpoint's pickle is taken out for it. */
static void put_changed(const char *path, const char *from, const char *old, const char *new)
{
    char  *data = NULL;
    size_t n    = 0;
    assert_int_equal(strlen(old), strlen(new));
    assert_ok(mlm_file_read(&data, &n, from, (size_t)1 << 26, "file to change"));
    char *at = memmem(data, n, old, strlen(old));
    assert_non_null(at);
    memcpy(at, new, strlen(new));
    static const char pickle[] = "archive/data.pkl";
    char             *entry    = memmem(data, n, pickle, sizeof pickle - 1);
    if (entry != NULL) { /* first the local header, then the directory */
        entry = memmem(entry + 1, n - (size_t)(entry + 1 - data), pickle, sizeof pickle - 1);
        assert_non_null(entry);
        memset(entry - 46 + 16, 0, 4);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(data);
}

static const mlmamba_tensor_fault *fault_of(const mlmamba_model_check *c, const char *kind, const char *name)
{
    static const mlmamba_tensor_fault none = {0};
    for (int i = 0; i < c->n_faults; i++)
        if (strcmp(c->faults[i].kind, kind) == 0 && strcmp(c->faults[i].name, name) == 0)
            return &c->faults[i];
    fail_msg("no fault '%s' of %s", kind, name);
    return &none;
}

static mlmamba_model_check *check_damaged(const char *folder, int64_t n_faults)
{
    mlmamba_model_check   *c   = NULL;
    mlmamba_engine        *eng = NULL;
    mlmamba_engine_options opt = {.model_dir = folder, .device = "cpu"};
    assert_ok(mlmamba_check_model(&c, folder));
    assert_false(c->complete);
    assert_int_equal(c->n_faults_all, n_faults);
    assert_int_equal(c->n_faults, n_faults);
    assert_true(c->n_tensors > 10);
    if (strstr(c->problem, "tensor '") == NULL)
        fail_msg("no tensor in: %s", c->problem);
    assert_int_not_equal(mlmamba_engine_open(&eng, &opt), MLM_OK); /* loading says the same */
    return c;
}

/* A lost, a foreign and a turned tensor in the checkpoint, in a directory of ours and in a language model's file. */
static void test_check_tensors(void **state)
{
    static const char *const own[] = {"config.json", "tokenizer.json", "preprocessor_config.json"};
    static const char *const hf[]  = {"config.json", "tokenizer.json"};
    char                     folder[512], file[600], from[600];
    mlmamba_model_check     *c = NULL;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/lost", root);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    (void)snprintf(from, sizeof from, "%s/mlmamba/checkpoints/latest-checkpoint.pt", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    put_changed(file, from, "layers.1.mlp.w3.bias", "layers.1.mlp.x3.bias");
    c                             = check_damaged(folder, 2);
    const mlmamba_tensor_fault *f = fault_of(c, "missing", "connector.layers.1.mlp.w3.bias");
    assert_string_equal(f->inside, "model.bidirectional_mamba.layers.1.mlp.w3.bias");
    assert_non_null(strstr(f->source, "lost/latest-checkpoint.pt"));
    assert_string_equal(f->detail, "wanted: 32 elements");
    f = fault_of(c, "unexpected", "connector.layers.1.mlp.x3.bias");
    assert_string_equal(f->inside, "model.bidirectional_mamba.layers.1.mlp.x3.bias");
    mlmamba_model_check_free(c);
    put_changed(file, from, "layers.1.norm.weight", "layers.1.form.weight"); /* the layer still counts */
    c = check_damaged(folder, 2);
    mlmamba_model_check_free(c);

    (void)snprintf(folder, sizeof folder, "%s/turned", root);
    (void)snprintf(file, sizeof file, "%s/model.safetensors", folder);
    (void)snprintf(from, sizeof from, "%s/own-mlmamba/model.safetensors", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int i = 0; i < 3; i++)
        link_to(folder, "own-mlmamba", own[i]);
    put_changed(file, from, "[164,32]", "[32,164]");
    c = check_damaged(folder, 1);
    assert_string_equal(c->faults[0].kind, "shape");
    assert_string_equal(c->faults[0].detail, "has shape [32, 164], must be [164, 32]");
    assert_non_null(strstr(part_of(c, "weights")->detail, " tensors, "));
    mlmamba_model_check_free(c);
    put_changed(file, from, "vision_tower.1.blocks.0.attn.proj.bias",
                "vision_tower.1.blocks.0.attn.proj.bios");
    c = check_damaged(folder, 2);
    (void)fault_of(c, "missing", "vision_tower.1.blocks.0.attn.proj.bias");
    (void)fault_of(c, "unexpected", "vision_tower.1.blocks.0.attn.proj.bios");
    mlmamba_model_check_free(c);

    (void)snprintf(folder, sizeof folder, "%s/foreign", root);
    (void)snprintf(file, sizeof file, "%s/model.safetensors", folder);
    (void)snprintf(from, sizeof from, "%s/hf/model.safetensors", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int i = 0; i < 2; i++)
        link_to(folder, "hf", hf[i]);
    put_changed(file, from, "\"backbone.layers.1.mixer.D\"", "\"sackbone.layers.1.mixer.D\"");
    c = check_damaged(folder, 2);
    f = fault_of(c, "missing", "language_model.backbone.layers.1.mixer.D");
    assert_string_equal(f->inside, "backbone.layers.1.mixer.D");
    (void)fault_of(c, "unexpected", "sackbone.layers.1.mixer.D");
    mlmamba_model_check_free(c);
}

/* Shards are parts: found, with their tensors and their sums; one that is not there is named. */
static void check_shards(const char *name, const char *stem, const char *end)
{
    mlmamba_model_check *c = NULL;
    char                 folder[512], half[512], file[4][128];
    (void)snprintf(folder, sizeof folder, "%s/%s", root, name);
    (void)snprintf(half, sizeof half, "%s/half-%s", root, name);
    (void)snprintf(file[0], sizeof file[0], "config.json");
    (void)snprintf(file[1], sizeof file[1], "tokenizer.json");
    (void)snprintf(file[2], sizeof file[2], "%s.%s.index.json", stem, end);
    (void)snprintf(file[3], sizeof file[3], "%s-00001-of-00002.%s", stem, end);
    assert_ok(mlmamba_check_model_hashes(&c, folder, NULL, NULL));
    assert_true(c->complete);
    assert_int_equal(c->n_faults_all, 0);
    for (int i = 0; i < 2; i++) {
        const mlmamba_part *shard = &c->parts[c->n_parts - 1 - i];
        assert_string_equal(shard->role, "shard");
        assert_true(shard->usable);
        assert_non_null(strstr(shard->detail, "tensors, BF16"));
        assert_int_equal(strlen(shard->sha256), 64);
    }
    mlmamba_model_check_free(c);
    assert_int_equal(mkdir(half, 0777), 0);
    for (int i = 0; i < 4; i++)
        link_to(half, name, file[i]);
    assert_ok(mlmamba_check_model(&c, half));
    assert_false(c->complete);
    const mlmamba_part *lost = &c->parts[c->n_parts - 1];
    assert_false(lost->found);
    assert_string_equal(lost->role, "shard");
    (void)snprintf(file[0], sizeof file[0], "half-%s/%s-00002-of-00002.%s", name, stem, end);
    assert_non_null(strstr(lost->source, file[0]));
    assert_non_null(strstr(c->problem, file[0]));
    mlmamba_model_check_free(c);
}

static void test_check_shards(void **state)
{
    (void)state;
    check_shards("shards", "model", "safetensors");
    check_shards("bins", "pytorch_model", "bin");
    check_shards("ss-bins", "pytorch_model", "bin");
    char folder[512], file[600];
    (void)snprintf(folder, sizeof folder, "%s/lost-blob", root); /* the hub's cache with a blob removed */
    assert_int_equal(mkdir(folder, 0777), 0);
    link_to(folder, "bins", "config.json");
    (void)snprintf(file, sizeof file, "%s/pytorch_model.bin", folder);
    assert_int_equal(symlink("../../blobs/gone", file), 0);
    refused_by_check(folder, "lost-blob/pytorch_model.bin", "is a link to a file that is not there");
}

/* One bit of a storage: with hashes `check` says which, and an import of it is refused before anything is written. */
static void test_flipped_bit(void **state)
{
    char   folder[512], file[600], output[512];
    char  *data = NULL;
    size_t n    = 0;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/flipped", root);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    (void)snprintf(output, sizeof output, "%s/from-flipped", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_ok(
        mlm_file_read(&data, &n, in("cobra/checkpoints/latest-checkpoint.pt"), (size_t)1 << 26, "copy"));
    data[n / 3] ^= 4;
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(data);
    mlmamba_model_check *c = NULL;
    assert_ok(mlmamba_check_model(&c, folder));
    assert_true(c->complete);
    mlmamba_model_check_free(c);
    assert_ok(mlmamba_check_model_hashes(&c, folder, NULL, NULL));
    assert_false(c->complete);
    assert_non_null(strstr(c->problem, "flipped/latest-checkpoint.pt: zip member 'archive/data/"));
    mlmamba_model_check_free(c);
    mlmamba_import_options opt = {.model = folder, .output = output};
    assert_int_equal(mlmamba_import(&opt), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "flipped/latest-checkpoint.pt: zip member 'archive/data/"));
    assert_int_not_equal(access(output, F_OK), 0);
    assert_int_not_equal(access(in("from-flipped.partial"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_no_model),     cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_blob),         cmocka_unit_test(test_swapped_towers),
        cmocka_unit_test(test_integers),     cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_unknown_ids),  cmocka_unit_test(test_check_tensors),
        cmocka_unit_test(test_check_shards), cmocka_unit_test(test_flipped_bit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
