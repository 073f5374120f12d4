/* test_golden_tokenizer.c: ids equal to Hugging Face tokenizers' on data/tokenizer.jsonl (make_tokenizer.py). */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"
#include "lm/prompt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA MLM_SOURCE_DIR "/tests/golden/data/"

static void check_line(const tokenizer *t, const char *key, const mlm_json_node *line, int number)
{
    size_t               n;
    const char          *text   = mlm_json_text(mlm_json_get(line, "text"), &n);
    const mlm_json_node *wanted = mlm_json_get(line, key);
    token_list           got    = {0};
    assert_non_null(wanted);
    if (mlm_json_get(line, "prompt")) {
        prompt_template p;
        assert_int_equal(prompt_template_named(&p, "zephyr"), MLM_OK);
        if (strlen(text) == n) /* a question is a C string: it ends at U+0000 */
            assert_int_equal(prompt_encode_turn(&p, t, &got, text, true), MLM_OK);
    } else {
        tokenizer_mode mode = mlm_json_get(line, "user") ? TOKENIZER_USER : TOKENIZER_TEMPLATE;
        assert_int_equal(tokenizer_encode(t, &got, text, n, mode), MLM_OK);
    }
    if (strlen(text) == n || !mlm_json_get(line, "prompt")) {
        size_t i = 0;
        for (const mlm_json_node *w = mlm_json_first(wanted); w; w = mlm_json_next(w), i++) {
            int64_t id;
            assert_true(mlm_json_as_int64(w, &id));
            if (i >= got.count || got.ids[i] != id)
                fail_msg("line %d, %s: token %zu of '%s' differs", number, key, i, text);
        }
        if (i != got.count)
            fail_msg("line %d, %s: %zu tokens for '%s', must be %zu", number, key, got.count, text, i);
    }
    token_list_free(&got);
}

static void check_file(const char *tokenizer_path, const char *key)
{
    tokenizer *t;
    char      *data;
    size_t     size;
    int        number = 0;
    assert_int_equal(tokenizer_load(&t, tokenizer_path), MLM_OK);
    assert_int_equal(mlm_file_read(&data, &size, DATA "tokenizer.jsonl", 1 << 24, "golden"), MLM_OK);
    for (char *p = data, *end; (end = strchr(p, '\n')) != NULL; p = end + 1) {
        mlm_json *doc;
        assert_int_equal(mlm_json_parse(&doc, p, (size_t)(end - p), "tokenizer.jsonl", MLM_JSON_ALLOW_NUL),
                         MLM_OK);
        check_line(t, key, mlm_json_root(doc), ++number);
        mlm_json_free(doc);
    }
    assert_true(number >= 2000);
    free(data);
    tokenizer_free(t);
}

static void test_neox(void **state)
{
    (void)state;
    check_file(DATA "gpt-neox-20b/tokenizer.json", "neox");
}

static void test_built_in(void **state)
{
    (void)state;
    check_file(MLM_SOURCE_DIR "/assets/models/mlmamba-tiny/tokenizer.json", "tiny");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_neox), cmocka_unit_test(test_built_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
