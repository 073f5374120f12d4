/*
 * test_published.c: models in the files that their authors publish, beside the same weights in a directory of ours and
 * beside what `import` makes of them: answers must be the same, bit for bit.  Then what is missing, damaged or cut short.
 */
#include "kernels/base/mlm_file.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/published_model.h"
#include "tests/unit/engine_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256], path_buffer[1024];

static const char *in(const char *name)
{
    (void)snprintf(path_buffer, sizeof path_buffer, "%s/%s", root, name);
    return path_buffer;
}

static void remove_tree(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        char        path[1024];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%.500s/%.255s", folder, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(path);
        else
            (void)unlink(path);
    }
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(folder);
}

static int setup(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(root, sizeof root, "%s/mlm_published_XXXXXX",
                   base != NULL && base[0] != '\0' ? base : "/tmp");
    assert_non_null(mkdtemp(root));
    published_write(root);
    assert_int_equal(setenv("HF_HUB_CACHE", in("hub"), 1), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static mlmamba_engine *open_model(const char *model)
{
    mlmamba_engine_options opt = {.model_dir = model, .device = "cpu", .n_threads = 1, .max_batch = 1};
    mlmamba_engine        *eng = NULL;
    assert_ok(mlmamba_engine_open(&eng, &opt));
    return eng;
}

typedef struct outcome {
    char   text[1024];
    double logprob;
    int    n_tokens;
} outcome;

static outcome answer_of(const char *model, bool picture)
{
    mlmamba_engine          *eng = open_model(model);
    mlmamba_session         *ses = open_session(eng, picture ? SCENE(0) : NULL);
    mlmamba_generate_options opt = {.want_logprob = true, .max_new_tokens = 64};
    mlmamba_answer          *ans = NULL;
    outcome                  out = {0};
    if (picture)
        assert_ok(mlmamba_session_ask(&ans, ses, "What is this?", &opt, NULL, NULL));
    else
        assert_ok(mlmamba_session_complete(&ans, ses, "One day", &opt, NULL, NULL));
    (void)snprintf(out.text, sizeof out.text, "%s", ans->text);
    out.logprob  = ans->logprob;
    out.n_tokens = ans->n_tokens;
    mlmamba_answer_free(ans);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
    return out;
}

static void same(outcome a, outcome b)
{
    assert_string_equal(a.text, b.text);
    assert_true(a.logprob == b.logprob);
    assert_int_equal(a.n_tokens, b.n_tokens);
}

static void import_to(const char *model, const char *name, mlmamba_import_dtype dtype)
{
    char                   output[1024];
    mlmamba_import_options opt = {.model = model, .output = output, .dtype = dtype};
    (void)snprintf(output, sizeof output, "%s/%s", root, name);
    assert_ok(mlmamba_import(&opt));
}

/* Published, ours, imported. */
static void three_ways(const char *name, bool picture)
{
    char    model[512], own[512], imported[512];
    outcome a;
    (void)snprintf(model, sizeof model, "%s/%s", root, name);
    (void)snprintf(own, sizeof own, "%s/own-%s", root, picture ? name : "text");
    (void)snprintf(imported, sizeof imported, "%s/import-%s", root, name);
    a = answer_of(model, picture);
    assert_true(a.n_tokens > 0);
    same(a, answer_of(own, picture));
    import_to(model, strrchr(imported, '/') + 1, MLMAMBA_IMPORT_KEEP);
    same(a, answer_of(imported, picture));
}

static void test_mlmamba(void **state)
{
    (void)state;
    three_ways("mlmamba", true);
}

static void test_cobra(void **state)
{
    (void)state;
    three_ways("cobra", true);
}

static void test_clip(void **state)
{
    (void)state;
    three_ways("clip", true);
}

static void test_facebook(void **state)
{
    (void)state;
    three_ways("facebook", true);
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

/* A language model alone has no preprocessor_config.json, and can be quantized all the same. */
static void test_text_int8(void **state)
{
    char model[512], output[512];
    (void)state;
    (void)snprintf(model, sizeof model, "%s/own-text", root);
    (void)snprintf(output, sizeof output, "%s/int8-text", root);
    mlmamba_quantize_options opt = {.model_dir = model, .output_dir = output};
    assert_ok(mlmamba_quantize(&opt));
    assert_true(answer_of(output, false).n_tokens > 0);
}

static void test_text(void **state)
{
    mlmamba_engine  *eng = NULL;
    mlmamba_session *ses = NULL;
    (void)state;
    three_ways("ss", false);
    three_ways("hf", false);
    three_ways("shards", false);
    eng = open_model(in("hf"));
    ses = open_session(eng, NULL);
    assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(0), NULL), MLM_E_STATE);
    assert_non_null(strstr(mlm_error_message(), "language model alone"));
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

/* The checkpoint file itself, and a repository of the cache, name the same model. */
static void test_other_names(void **state)
{
    char file[512];
    (void)state;
    (void)snprintf(file, sizeof file, "%s/mlmamba/checkpoints/latest-checkpoint.pt", root);
    outcome a = answer_of(in("own-mlmamba"), true);
    same(a, answer_of(file, true));
    char from[512], to[512];
    (void)snprintf(from, sizeof from, "%s/ss", root);
    (void)snprintf(to, sizeof to, "%s/hub/models--some--mamba2-tiny", root);
    assert_int_equal(mkdir(to, 0777), 0);
    (void)snprintf(to, sizeof to, "%s/hub/models--some--mamba2-tiny/snapshots", root);
    assert_int_equal(mkdir(to, 0777), 0);
    (void)snprintf(to, sizeof to, "%s/hub/models--some--mamba2-tiny/snapshots/abc", root);
    assert_int_equal(symlink(from, to), 0); /* no refs/main: the only snapshot */
    same(answer_of(in("own-text"), false), answer_of("some/mamba2-tiny", false));
}

static void test_dtypes(void **state)
{
    mlmamba_engine_info info;
    (void)state;
    import_to(in("mlmamba"), "m-bf16", MLMAMBA_IMPORT_BF16);
    mlmamba_engine *eng = open_model(in("m-bf16"));
    mlmamba_engine_get_info(eng, &info);
    assert_string_equal(info.weights_dtype, "bf16");
    mlmamba_engine_close(eng);
    assert_true(answer_of(in("m-bf16"), true).n_tokens > 0);
    import_to(in("clip"), "c-fp32", MLMAMBA_IMPORT_FP32); /* bf16 widened: exact */
    same(answer_of(in("clip"), true), answer_of(in("c-fp32"), true));
}

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

static void refused_by_check(const char *model, const char *want, const char *what)
{
    mlmamba_model_check *c = NULL;
    assert_ok(mlmamba_check_model(&c, model));
    assert_false(c->complete);
    if (strstr(c->problem, want) == NULL || strstr(c->problem, what) == NULL)
        fail_msg("'%s' and '%s' are not in: %s", want, what, c->problem);
    mlmamba_model_check_free(c);
}

static void put_copy(const char *path, const char *from)
{
    char  *data = NULL;
    size_t n    = 0;
    assert_ok(mlm_file_read(&data, &n, from, (size_t)1 << 26, "copy"));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(data);
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

/* Ids that mean nothing here are refused, with those that do. */
static void test_unknown_ids(void **state)
{
    static const char *const ids[][3] = {
        {"\"vision_backbone_id\":\"eva-vit-g\"", "eva-vit-g",
         "dinosiglip-vit-so-384px, dinoclip-vit-l-336px"},
        {"\"llm_backbone_id\":\"llama2-7b-pure\"", "llama2-7b-pure", "mamba-2.8b-zephyr, mamba2-2.7b"},
        {"\"arch_specifier\":\"no-align+perceiver\"", "no-align+perceiver", "fused-gelu-mlp or fused-ldpnet"},
        {"\"image_resize_strategy\":\"letterbox\"", "letterbox", "resize-naive and resize-crop"}};
    char folder[512], file[600], text[256];
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/ids", root);
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(file, sizeof file, "%s/latest-checkpoint.pt", folder);
    put_copy(file, in("cobra/checkpoints/latest-checkpoint.pt"));
    (void)snprintf(file, sizeof file, "%s/config.json", folder);
    for (int i = 0; i < 4; i++) {
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

/* ---- import ------------------------------------------------------------------------------------- */

static bool stop_after(uint64_t done, uint64_t total, void *payload)
{
    (void)total;
    return done < *(const uint64_t *)payload;
}

static void read_model(char **data, size_t *n, const char *name)
{
    char file[600];
    (void)snprintf(file, sizeof file, "%s/%s/model.safetensors", root, name);
    assert_ok(mlm_file_read(data, n, file, (size_t)1 << 26, "weights"));
}

/* Whoever may write beside the output could lay links there: they are not followed. */
static void test_links(void **state)
{
    static const char *const names[] = {"model.safetensors", "config.json", "tokenizer.json"};
    char                     model[512], output[512], partial[600], link[700], victim[512];
    (void)state;
    (void)snprintf(model, sizeof model, "%s/ss", root);
    (void)snprintf(output, sizeof output, "%s/linked", root);
    (void)snprintf(partial, sizeof partial, "%s.partial", output);
    (void)snprintf(victim, sizeof victim, "%s/victim", root);
    mlmamba_import_options opt = {.model = model, .output = output};
    assert_int_equal(mkdir(partial, 0777), 0);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(link, sizeof link, "%s/%s", partial, names[i]);
        (void)unlink(link);
        assert_int_equal(symlink(victim, link), 0);
        assert_int_equal(mlmamba_import(&opt), MLM_E_IO);
        assert_non_null(strstr(mlm_error_message(), names[i]));
        assert_int_not_equal(access(victim, F_OK), 0);
        assert_int_equal(unlink(link), 0);
    }
    assert_ok(mlmamba_import(&opt));
}

static void test_resume(void **state)
{
    char                   output[512], *a = NULL, *b = NULL, model[512];
    size_t                 n_a = 0, n_b = 0;
    uint64_t               limit = 0;
    mlmamba_import_options opt   = {
          .model = model, .output = output, .on_progress = stop_after, .payload = &limit};
    struct stat st;
    (void)state;
    (void)snprintf(model, sizeof model, "%s/mlmamba", root);
    (void)snprintf(output, sizeof output, "%s/resumed", root);
    import_to(model, "straight", MLMAMBA_IMPORT_KEEP);
    for (limit = 100000; limit < 600000; limit += 200000) {
        assert_int_equal(mlmamba_import(&opt), MLM_E_CANCELLED);
        assert_int_not_equal(stat(output, &st), 0); /* not there, not even in part */
    }
    /* a tail that another program spoilt */
    FILE *f = fopen(in("resumed.partial/model.safetensors"), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 300000, SEEK_SET), 0);
    assert_int_equal(fputs("spoilt", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    limit  = UINT64_MAX;
    int fd = open(in("resumed.partial/model.safetensors"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* another import is at work: it loses nothing */
    assert_int_equal(mlmamba_import(&opt), MLM_E_STATE);
    assert_int_equal(access(in("resumed.partial/model.safetensors"), F_OK), 0);
    assert_int_equal(close(fd), 0);
    assert_ok(mlmamba_import(&opt));
    read_model(&a, &n_a, "straight");
    read_model(&b, &n_b, "resumed");
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(a);
    free(b);
    assert_int_not_equal(mlmamba_import(&opt), MLM_OK); /* a finished one is not touched */
    assert_int_not_equal(stat(in("resumed.partial"), &st), 0);
}

static void test_no_memory(void **state)
{
    char model[512];
    (void)state;
    if (!alloc_fail_works())
        skip();
    (void)snprintf(model, sizeof model, "%s/cobra", root);
    for (long n = 1;; n += n < 200 ? 1 : 7) {
        mlmamba_model_check *c      = NULL;
        long                 before = alloc_fail_live();
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status  = mlmamba_check_model(&c, model);
        bool       reached = alloc_fail_stop();
        if (reached &&
            status == MLM_OK) /* an allocation that a library can do without, or one for a message */
            assert_non_null(c);
        else
            assert_int_equal(status, reached ? MLM_E_NOMEM : MLM_OK);
        mlmamba_model_check_free(c);
        assert_int_equal(alloc_fail_live(), before);
        if (!reached || n > 4000)
            break;
    }
}

static void test_import_no_memory(void **state)
{
    char                   model[512], output[512];
    mlmamba_import_options opt = {.model = model, .output = output, .dtype = MLMAMBA_IMPORT_BF16};
    (void)state;
    if (!alloc_fail_works())
        skip();
    (void)snprintf(model, sizeof model, "%s/cobra", root);
    (void)snprintf(output, sizeof output, "%s/starved", root);
    for (long n = 1; n < 3000; n += 13) {
        long before = alloc_fail_live();
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status  = mlmamba_import(&opt);
        bool       reached = alloc_fail_stop();
        assert_int_equal(alloc_fail_live(), before);
        if (status == MLM_OK)
            break;
        assert_true(reached);
        assert_int_equal(status, MLM_E_NOMEM);
    }
    assert_ok(mlmamba_import(&opt) == MLM_OK ? MLM_OK : access(output, F_OK) == 0 ? MLM_OK : MLM_E_IO);
    assert_true(answer_of(output, true).n_tokens > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlmamba),     cmocka_unit_test(test_cobra),
        cmocka_unit_test(test_facebook),    cmocka_unit_test(test_blob),
        cmocka_unit_test(test_clip),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_other_names), cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_text_int8),   cmocka_unit_test(test_swapped_towers),
        cmocka_unit_test(test_links),       cmocka_unit_test(test_integers),
        cmocka_unit_test(test_renamed),     cmocka_unit_test(test_unknown_ids),
        cmocka_unit_test(test_check),       cmocka_unit_test(test_missing),
        cmocka_unit_test(test_damaged),     cmocka_unit_test(test_resume),
        cmocka_unit_test(test_no_memory),   cmocka_unit_test(test_import_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
