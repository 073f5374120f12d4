/*
 * test_model_dir.c: model directories that are wrong in one place.  Each is the built-in one with one edit; opening it
 * must give a status and one line that names the file and the cause.
 */
#include "kernels/base/mlm_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/engine_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"config.json", "preprocessor_config.json", "tokenizer.json",
                                    "model.safetensors"};
static char             *contents[4];
static size_t            sizes[4];
static temp_dir          dir;

static int setup(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    for (int i = 0; i < 4; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", MODEL_DIR, names[i]);
        assert_ok(mlm_file_read(&contents[i], &sizes[i], path, (size_t)1 << 30, "model file"));
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_close(&dir);
    for (int i = 0; i < 4; i++)
        free(contents[i]);
    return 0;
}

static int index_of(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("no file %s", name);
    return -1;
}

/* The directory as shipped, but for `name`, which has these bytes (NULL: is missing). */
static void make_dir(const char *name, const char *bytes, size_t n)
{
    for (int i = 0; i < 4; i++) {
        char source[512];
        (void)snprintf(source, sizeof source, "%s/%s", MODEL_DIR, names[i]);
        const char *path = temp_dir_path(&dir, names[i]);
        (void)unlink(path);
        if (strcmp(names[i], name) != 0)
            assert_int_equal(symlink(source, path), 0);
    }
    if (bytes != NULL)
        (void)temp_dir_write(&dir, name, bytes, n);
}

static void expect(const char *label, mlm_status want, const char *part)
{
    mlmamba_engine        *eng    = NULL;
    mlmamba_engine_options opt    = {.model_dir = dir.path, .device = "cpu", .n_threads = 1};
    mlm_status             status = mlmamba_engine_open(&eng, &opt);
    mlmamba_engine_close(eng);
    const char *text = mlm_error_message();
    if (getenv("MLM_SHOW") != NULL)
        print_message("%s: %s\n", mlm_status_name(status), text);
    if (status != want || (want != MLM_OK && strstr(text, part) == NULL) || strchr(text, '\n') != NULL)
        fail_msg("%s: %s: %s\n  wanted %s with '%s'", label, mlm_status_name(status), text,
                 mlm_status_name(want), part);
}

typedef struct edit {
    const char *file, *find, *replace; /* the first `find` becomes `replace`; find NULL: the whole file */
    mlm_status  want;
    const char *part; /* of the message */
} edit;

#define C "config.json"
#define P "preprocessor_config.json"
#define T "tokenizer.json"

static const edit edits[] = {
    {C, NULL, "", MLM_E_FORMAT, C},
    {C, NULL, "[]", MLM_E_CONFIG, C},
    {C, NULL, "{}", MLM_E_CONFIG, "/config.json: model_type is missing"},
    {C, NULL, "{\"a\": 1", MLM_E_FORMAT, C},
    {C, "\"ml_mamba\"", "\"llava\"", MLM_E_CONFIG, "model_type"},
    {C, "\"ml_mamba\"", "7", MLM_E_CONFIG, "model_type"},
    {C, "\"image_position\": \"first\"", "\"image_position\": \"last\"", MLM_E_CONFIG, "image_position"},
    {C, "\"num_image_tokens\": 256", "\"num_image_tokens\": 257", MLM_E_CONFIG, "num_image_tokens"},
    {C, "\"num_image_tokens\": 256", "\"num_image_tokens\": -1", MLM_E_CONFIG, "num_image_tokens"},
    {C, "\"eos_token_id\": 3068", "\"eos_token_id\": 5", MLM_E_CONFIG, "eos_token_id"},
    {C, "\"eos_token_id\": 3068", "\"eos_token_id\": 100000", MLM_E_CONFIG, "eos_token_id"},
    {C, "\"eos_token_id\": 3068", "\"eos_token_id\": 3068.5", MLM_E_CONFIG, "eos_token_id"},
    {C, "\"eos_token_id\"", "\"eos\"", MLM_E_CONFIG, "eos_token_id"},
    {C, "{question}", "question", MLM_E_CONFIG, "question"},
    {C, "{question}", "{question}{question}", MLM_E_CONFIG, "question"},
    {C, "\"quantization\": {\n  \"weights\": \"int8\"", "\"quantization\": {\n  \"weights\": \"int4\"",
     MLM_E_CONFIG, "weights"},
    {C, "\"symmetric\"", "\"asymmetric\"", MLM_E_CONFIG, "scheme"},
    {C, "\"granularity\": \"row\"", "\"granularity\": \"block\"", MLM_E_CONFIG, "granularity"},
    {C, "\"quantization\"", "\"quantisation\"", MLM_E_CONFIG, "quantization"},
    {C, "\"quantization\": {", "\"quantization\": 3, \"x\": {", MLM_E_CONFIG, "quantization"},
    {C, "\"vision\"", "\"visions\"", MLM_E_CONFIG, "vision"},
    {C, "\"type\": \"vit\"", "\"type\": \"resnet\"", MLM_E_CONFIG, "type"},
    {C, "\"patch_size\": 14", "\"patch_size\": 0", MLM_E_CONFIG, "patch_size"},
    {C, "\"patch_size\": 14", "\"patch_size\": 16", MLM_E_CONFIG, C},
    {C, "\"num_heads\": 4", "\"num_heads\": 5", MLM_E_CONFIG, "heads"},
    {C, "\"num_layers\": 8", "\"num_layers\": 9", MLM_E_NOTFOUND, "blocks.8"},
    {C, "\"num_layers\": 8", "\"num_layers\": 7", MLM_E_FORMAT, "blocks.7"}, /* weights that nobody uses */
    {C, "\"num_layers\": 8", "\"num_layers\": 99999999999999999999", MLM_E_CONFIG, "num_layers"},
    {C, "\"mlp_dim\": 1024", "\"mlp_dim\": 1000", MLM_E_SHAPE, "mlp.fc1"},
    {C, "\"gelu_tanh\"", "\"tanh\"", MLM_E_CONFIG, "activation"},
    {C, "\"mamba2_cross_scan_2d\"", "\"perceiver\"", MLM_E_CONFIG, "connector"},
    {C, "\"input_size\": 256", "\"input_size\": 512", MLM_E_CONFIG, "512"},
    {C, "\"column_reversed\"", "\"spiral\"", MLM_E_CONFIG, "spiral"},
    {C, "\"swiglu_dim\": 1024", "\"swiglu_dim\": 512", MLM_E_SHAPE, "swiglu"},
    {C, "\"vocab_size\": 3072", "\"vocab_size\": 100", MLM_E_CONFIG, "/config.json: text.vocab_size"},
    {C, "\"vocab_size\": 3072", "\"vocab_size\": 4096", MLM_E_SHAPE, "embeddings"},
    {C, "\"num_hidden_layers\": 10", "\"num_hidden_layers\": 11", MLM_E_NOTFOUND, "layers.10"},
    {C, "\"num_hidden_layers\": 10", "\"num_hidden_layers\": \"ten\"", MLM_E_CONFIG, "num_hidden_layers"},
    {C, "\"state_size\": 128", "\"state_size\": 64", MLM_E_SHAPE, "in_proj"},
    {C, "\"n_groups\": 1", "\"n_groups\": 0", MLM_E_CONFIG, "n_groups"},
    {C, "\"layer_norm_epsilon\": 1e-05", "\"layer_norm_epsilon\": -1", MLM_E_CONFIG, "layer_norm_epsilon"},
    {C, "\"description\": \"", "\"description\": 5, \"x\": \"", MLM_E_CONFIG, "description"},
    {C, "\"torch_dtype\"", "\"model_type\": \"ml_mamba\", \"torch_dtype\"", MLM_E_FORMAT, "model_type"},
    {P, NULL, "", MLM_E_FORMAT, P},
    {P, "\"letterbox\"", "\"stretch\"", MLM_E_CONFIG, "resize_mode"},
    {P, "\"resample\": 2", "\"resample\": 9", MLM_E_CONFIG, "resample"},
    {P, "\"height\": 224", "\"height\": 192", MLM_E_CONFIG, "/preprocessor_config.json: size is"},
    {P, "\"height\": 224", "\"height\": \"x\"", MLM_E_CONFIG, "/preprocessor_config.json: size.height is"},
    {P, "\"image_std\": [\n  0.5", "\"image_std\": [\n  0.0", MLM_E_CONFIG, "image_std"},
    {P, "\"image_mean\": [\n  0.5,", "\"image_mean\": [\n", MLM_E_CONFIG, "image_mean"},
    {T, NULL, "{}", MLM_E_CONFIG, T},
    {T, NULL, "not json", MLM_E_FORMAT, T},
    {T, "\"BPE\"", "\"Unigram\"", MLM_E_UNSUPPORTED, "Unigram"},
};

static void one_edit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        const edit *e = &edits[i];
        int         f = index_of(e->file);
        char        label[256];
        (void)snprintf(label, sizeof label, "%s: %s -> %s", e->file, e->find != NULL ? e->find : "all",
                       e->replace);
        if (e->find == NULL) {
            make_dir(e->file, e->replace, strlen(e->replace));
            expect(label, e->want, e->part);
            continue;
        }
        const char *at = strstr(contents[f], e->find);
        if (at == NULL)
            fail_msg("%s: not found", label);
        size_t head = (size_t)(at - contents[f]), tail = sizes[f] - head - strlen(e->find),
               r   = strlen(e->replace);
        char *text = malloc(head + r + tail);
        assert_non_null(text);
        memcpy(text, contents[f], head);
        memcpy(text + head, e->replace, r);
        memcpy(text + head + r, at + strlen(e->find), tail);
        make_dir(e->file, text, head + r + tail);
        free(text);
        expect(label, e->want, e->part);
    }
}

static void missing_files_are_named(void **state)
{
    (void)state;
    make_dir("none", NULL, 0);
    expect("as shipped", MLM_OK, "");
    for (int i = 0; i < 4; i++) {
        make_dir(names[i], NULL, 0);
        expect(names[i], MLM_E_NOTFOUND, names[i]);
        (void)unlink(temp_dir_path(&dir, names[i]));
        assert_int_equal(mkdir(temp_dir_path(&dir, names[i]), 0700), 0);
        mlmamba_engine        *eng = NULL;
        mlmamba_engine_options opt = {.model_dir = dir.path, .device = "cpu", .n_threads = 1};
        assert_int_not_equal(mlmamba_engine_open(&eng, &opt), MLM_OK);
        assert_non_null(strstr(mlm_error_message(), names[i]));
        assert_int_equal(rmdir(temp_dir_path(&dir, names[i])), 0);
    }
}

static void wrong_places_are_named(void **state)
{
    mlmamba_engine        *eng     = NULL;
    mlmamba_engine_options nowhere = {.model_dir = "/nonexistent/model"}, file = {.model_dir = SCENE(0)},
                           empty = {.model_dir = ""};
    (void)state;
    assert_int_equal(mlmamba_engine_open(&eng, &nowhere), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "/nonexistent/model"));
    assert_int_equal(mlmamba_engine_open(&eng, &file), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "must be a directory"));
    assert_int_equal(mlmamba_engine_open(&eng, &empty), MLM_E_NOTFOUND);
    assert_int_equal(setenv("MLMAMBA_MODEL", "/nonexistent/env", 1), 0);
    assert_int_equal(mlmamba_engine_open(&eng, NULL), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "$MLMAMBA_MODEL"));
    assert_int_equal(setenv("MLMAMBA_MODEL", MODEL_DIR, 1), 0);
    assert_ok(mlmamba_engine_open(&eng, NULL));
    mlmamba_engine_close(eng);
    assert_int_equal(unsetenv("MLMAMBA_MODEL"), 0);
}

/* `find` becomes `replace`, of the same length, in the header of the weights. */
static void edit_header(const char *find, const char *replace, mlm_status want, const char *part)
{
    char  *bytes = malloc(sizes[3]);
    size_t n     = strlen(find);
    assert_non_null(bytes);
    assert_int_equal(n, strlen(replace));
    memcpy(bytes, contents[3], sizes[3]);
    char *at = memmem(bytes, sizes[3], find, n);
    assert_non_null(at);
    memcpy(at, replace, n);
    make_dir(names[3], bytes, sizes[3]);
    free(bytes);
    expect(replace, want, part);
}

static void weights_are_checked(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 7, 8, 100, 5000};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        make_dir(names[3], contents[3], cuts[i]);
        expect("cut", MLM_E_FORMAT, names[3]);
    }
    make_dir(names[3], contents[3], sizes[3] - 1);
    expect("one byte less", MLM_E_FORMAT, names[3]);
    edit_header("language_model.backbone.norm_f.weight", "language_model.backbone.norm_g.weight",
                MLM_E_NOTFOUND, "norm_f");
    edit_header("vision_tower.pos_embed", "vision_tower.pos_embex", MLM_E_NOTFOUND, "pos_embed");
    edit_header("connector.out_proj.bias", "connector.out_proj.bios", MLM_E_NOTFOUND,
                "connector.out_proj.bias");
    edit_header("embeddings.weight_scale", "embeddings.weight_scalp", MLM_E_NOTFOUND, "weight_scale");
    edit_header("\"I8\"", "\"U8\"", MLM_E_DTYPE, "U8");
}

/* A NaN in a tensor: the 4 bytes at its offset become 0x7fc00000. */
static void not_a_number_is_refused(void **state)
{
    static const char name[] = "\"language_model.backbone.norm_f.weight\"";
    uint64_t          header = 0;
    (void)state;
    memcpy(&header, contents[3], sizeof header);
    const char *entry = memmem(contents[3], sizes[3], name, strlen(name));
    assert_non_null(entry);
    const char *offset = strstr(entry, "\"data_offsets\":[");
    assert_non_null(offset);
    size_t at    = 8 + (size_t)header + strtoull(offset + strlen("\"data_offsets\":["), NULL, 10);
    char  *bytes = malloc(sizes[3]);
    assert_non_null(bytes);
    memcpy(bytes, contents[3], sizes[3]);
    memcpy(bytes + at, "\xc0\x7f\xc0\x7f", 4);
    make_dir(names[3], bytes, sizes[3]);
    free(bytes);
    expect("NaN", MLM_E_FORMAT, "norm_f");
}

/* config.json with one more key at its front. */
static void make_dir_with(const char *key_value)
{
    size_t n = strlen(key_value), rest = sizes[0] - 1; /* without its first brace */
    char  *text = malloc(1 + n + 1 + rest);
    assert_non_null(text);
    text[0] = '{';
    memcpy(text + 1, key_value, n);
    text[1 + n] = ',';
    memcpy(text + 2 + n, contents[0] + 1, rest);
    make_dir(names[0], text, 2 + n + rest);
    free(text);
}

static void expect_count(const mlmamba_session *ses, const char *question, int n_tokens, int n_used)
{
    int n = -1, used = -1;
    assert_ok(mlmamba_session_count_tokens(&n, &used, ses, question));
    assert_int_equal(n, n_tokens);
    assert_int_equal(used, n_used);
}

/* As the released programs: the first tokens of the conversation's text are kept. */
static void text_is_cut(void **state)
{
    (void)state;
    mlmamba_engine_options   opt = {.model_dir = dir.path, .device = "cpu", .n_threads = 1};
    mlmamba_engine          *eng = NULL;
    mlmamba_answer          *ans = NULL;
    mlmamba_generate_options few = {.max_new_tokens = 3};
    int                      n;
    make_dir_with("\"max_text_tokens\": 18");
    assert_ok(mlmamba_engine_open(&eng, &opt));
    mlmamba_session *ses = open_session(eng, SCENE(0));
    expect_count(ses, TOP, 13, 13);
    expect_count(ses, TOP " " TOP, 20, 18);
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, &few, NULL, NULL)); /* 13 tokens and 3 */
    assert_int_equal(ans->n_prompt_tokens, 13);
    assert_int_equal(ans->n_cut_tokens, 0);
    mlmamba_answer_free(ans);
    expect_count(ses, TOP, 15, 2); /* with an end token and a separator */
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, &few, NULL, NULL));
    assert_int_equal(ans->n_prompt_tokens, 2);
    assert_int_equal(ans->n_cut_tokens, 13);
    mlmamba_answer_free(ans);
    expect_count(ses, TOP, 15, 0);
    assert_int_equal(mlmamba_session_count_tokens(&n, &n, ses, " "), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &few, NULL, NULL), MLM_E_RANGE);
    assert_non_null(strstr(mlm_error_message(), "the first 18"));
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
    make_dir_with("\"max_text_tokens\": -1");
    expect("max_text_tokens", MLM_E_CONFIG, "max_text_tokens");
}

/* Rounded as in bf16 the built-in model still answers, with other probabilities. */
static void rounding_changes_little(void **state)
{
    (void)state;
    double logprob[2];
    for (int round = 0; round < 2; round++) {
        mlmamba_engine_options opt = {
            .model_dir = MODEL_DIR, .device = "cpu", .n_threads = 1, .reference_rounding = round == 1};
        mlmamba_engine *eng = NULL;
        assert_ok(mlmamba_engine_open(&eng, &opt));
        mlmamba_session *ses = open_session(eng, SCENE(0));
        logprob[round]       = ask(ses, TOP, "An orange cross.");
        mlmamba_session_free(ses);
        mlmamba_engine_close(eng);
    }
    assert_true(logprob[0] != logprob[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_files_are_named), cmocka_unit_test(wrong_places_are_named),
        cmocka_unit_test(one_edit_is_refused),     cmocka_unit_test(weights_are_checked),
        cmocka_unit_test(not_a_number_is_refused), cmocka_unit_test(text_is_cut),
        cmocka_unit_test(rounding_changes_little),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
