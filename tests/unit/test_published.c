/*
 * test_published.c: models in the files that their authors publish, beside the same weights in a directory of ours and
 * beside what `import` makes of them: answers must be the same, bit for bit.
 */
#include "tests/support/alloc_fail.h"
#include "tests/unit/published_fixture.h"

#include <fcntl.h>
#include <sys/file.h>

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
    three_ways("bins", false);
    three_ways("ss-bins", false);
    outcome one = answer_of(in("hf1"), false);
    assert_true(one.n_tokens > 0);
    same(one, answer_of(in("bins1"), false));
    same(one, answer_of(in("ss1-bins"), false));
    eng = open_model(in("hf"));
    ses = open_session(eng, NULL);
    assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(0), NULL), MLM_E_STATE);
    assert_non_null(strstr(mlm_error_message(), "language model alone"));
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

static mlmamba_engine *open_text(const char *model)
{
    mlmamba_engine_options opt = {.model_dir = model, .device = "cpu", .n_threads = 1, .text_only = true};
    mlmamba_engine        *eng = NULL;
    assert_ok(mlmamba_engine_open(&eng, &opt));
    return eng;
}

/* Of a run directory `complete` wants the language model and the tokenizer, and goes on as the whole model does. */
static void test_text_only(void **state)
{
    static const char *const models[] = {"mlmamba", "cobra"};
    char                     folder[512], file[600];
    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(folder, sizeof folder, "%s/text-%s", root, models[i]);
        assert_int_equal(mkdir(folder, 0777), 0);
        (void)snprintf(file, sizeof file, "%s/%s/checkpoints/latest-checkpoint.pt", root, models[i]);
        char link[600];
        (void)snprintf(link, sizeof link, "%s/latest-checkpoint.pt", folder);
        assert_int_equal(symlink(file, link), 0);
        (void)snprintf(link, sizeof link, "%s/tokenizer.json", folder);
        assert_int_equal(symlink(in("hf/tokenizer.json"), link), 0);
        mlmamba_engine *whole = open_model(in(models[i]));
        outcome         a     = completion_of(whole);
        assert_int_equal(setenv("HF_HUB_CACHE", "/nonexistent", 1), 0);
        mlmamba_engine *eng = open_text(folder);
        same(a, completion_of(eng));
        mlmamba_session *ses = open_session(eng, NULL);
        assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(0), NULL), MLM_E_STATE);
        mlmamba_session_free(ses);
        mlmamba_engine_close(eng);
        mlmamba_engine_close(whole);
        assert_int_equal(setenv("HF_HUB_CACHE", in("hub"), 1), 0);
    }
}

/* The same of a directory of ours: neither weights of towers nor what is said of them is read. */
static void test_own_text_only(void **state)
{
    static const char *const models[] = {"own-mlmamba", "own-cobra"};
    static const char *const files[]  = {"config.json", "tokenizer.json", "model.safetensors"};
    char                     folder[512], from[600], to[600];
    (void)state;
    for (int i = 0; i < 2; i++) {
        mlmamba_engine_info all, text;
        (void)snprintf(folder, sizeof folder, "%s/lone-%s", root, models[i]);
        assert_int_equal(mkdir(folder, 0777), 0);
        for (int k = 0; k < 3; k++) { /* no preprocessor_config.json */
            (void)snprintf(from, sizeof from, "%s/%s/%s", root, models[i], files[k]);
            (void)snprintf(to, sizeof to, "%s/%s", folder, files[k]);
            assert_int_equal(symlink(from, to), 0);
        }
        mlmamba_engine *whole = open_model(in(models[i])), *eng = open_text(folder);
        same(completion_of(whole), completion_of(eng));
        mlmamba_engine_get_info(whole, &all);
        mlmamba_engine_get_info(eng, &text);
        assert_true(text.n_parameters < all.n_parameters);
        assert_true(text.memory.weights_bytes < all.memory.weights_bytes);
        mlmamba_session *ses = open_session(eng, NULL);
        assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(0), NULL), MLM_E_STATE);
        mlmamba_session_free(ses);
        mlmamba_engine_close(eng);
        mlmamba_engine_close(whole);
    }
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

/* ---- import ------------------------------------------------------------------------------------- */

/* Stops when so many bytes are left: what is written, and read back, comes last. */
static bool stop_before(uint64_t done, uint64_t total, void *payload)
{
    return total - done > *(const uint64_t *)payload;
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
          .model = model, .output = output, .on_progress = stop_before, .payload = &limit};
    struct stat st;
    (void)state;
    (void)snprintf(model, sizeof model, "%s/mlmamba", root);
    (void)snprintf(output, sizeof output, "%s/resumed", root);
    import_to(model, "straight", MLMAMBA_IMPORT_KEEP);
    read_model(&a, &n_a, "straight");
    for (uint64_t written = 100000; written < 600000; written += 200000) {
        limit = 2 * (uint64_t)n_a - written;
        assert_int_equal(mlmamba_import(&opt), MLM_E_CANCELLED);
        assert_int_not_equal(stat(output, &st), 0); /* not there, not even in part */
    }
    /* a tail that another program spoilt */
    FILE *f = fopen(in("resumed.partial/model.safetensors"), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 300000, SEEK_SET), 0);
    assert_int_equal(fputs("spoilt", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    limit  = 0;
    int fd = open(in("resumed.partial/model.safetensors"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* another import is at work: it loses nothing */
    assert_int_equal(mlmamba_import(&opt), MLM_E_STATE);
    assert_int_equal(access(in("resumed.partial/model.safetensors"), F_OK), 0);
    assert_int_equal(close(fd), 0);
    opt.on_progress = NULL;
    assert_ok(mlmamba_import(&opt));
    read_model(&b, &n_b, "resumed");
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    free(a);
    free(b);
    assert_int_not_equal(mlmamba_import(&opt), MLM_OK); /* a finished one is not touched */
    assert_int_not_equal(stat(in("resumed.partial"), &st), 0);
}

static void check_without_memory(const char *model)
{
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

/* A checkpoint with towers, PyTorch shards, and a folder without a model. */
static void test_no_memory(void **state)
{
    static const char *const names[] = {"cobra", "bins", "own-lost"};
    char                     model[512], file[600];
    (void)state;
    if (!alloc_fail_works())
        skip();
    for (int i = 0; i < 3; i++) {
        (void)snprintf(model, sizeof model, "%s/%s", root, names[i]);
        if (i == 2) {
            assert_int_equal(mkdir(model, 0777), 0);
            (void)snprintf(file, sizeof file, "%s/model.safetensors", model);
            put_text(file, "weights");
        }
        check_without_memory(model);
    }
}

/* The language model of a directory of ours, without memory for its list. */
static void test_own_text_no_memory(void **state)
{
    char                   model[512];
    mlmamba_memory         m;
    mlmamba_engine_options opt = {.model_dir = model, .device = "cpu", .n_threads = 1, .text_only = true};
    (void)state;
    if (!alloc_fail_works())
        skip();
    (void)snprintf(model, sizeof model, "%s/own-cobra", root);
    for (long n = 1;; n += n < 200 ? 1 : 7) {
        long before = alloc_fail_live();
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status  = mlmamba_estimate_memory(&m, &opt);
        bool       reached = alloc_fail_stop();
        assert_true(status == MLM_E_NOMEM || status == MLM_OK);
        assert_true(reached || status == MLM_OK);
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
        cmocka_unit_test(test_mlmamba),
        cmocka_unit_test(test_cobra),
        cmocka_unit_test(test_facebook),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_only),
        cmocka_unit_test(test_own_text_only),
        cmocka_unit_test(test_other_names),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_text_int8),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_own_text_no_memory),
        cmocka_unit_test(test_import_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
