/*
 * test_golden_tokenizer.c: ids equal to Hugging Face tokenizers' on data/tokenizer.jsonl (make_tokenizer.py).
 *
 *   test_golden_tokenizer DIR    the same for what `make_tokenizer.py N SEED DIR` wrote, in the mode that keeps special tokens
 *   test_golden_tokenizer time   seconds for half a megabyte and for one of the same character, by hand
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"
#include "lm/prompt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* ---- by hand ------------------------------------------------------------------------------------ */

static const char *const files[] = {DATA "gpt-neox-20b/tokenizer.json",
                                    MLM_SOURCE_DIR "/assets/models/mlmamba-tiny/tokenizer.json"};

static char *read_frames(const char *dir, const char *name, size_t *size)
{
    char *path = NULL, *data = NULL;
    assert_int_equal(mlm_path_join(&path, dir, name), MLM_OK);
    assert_int_equal(mlm_file_read(&data, size, path, (size_t)1 << 30, "frames"), MLM_OK);
    free(path);
    return data;
}

static int compare_frames(const char *dir, int which)
{
    size_t     n_texts = 0, n_ids = 0, at = 0, id_at = 0;
    char      *texts = read_frames(dir, "texts.bin", &n_texts);
    char      *ids   = read_frames(dir, which == 0 ? "neox.bin" : "tiny.bin", &n_ids);
    tokenizer *t     = NULL;
    int        n = 0, different = 0;
    int64_t    tokens = 0;
    assert_int_equal(tokenizer_load(&t, files[which]), MLM_OK);
    while (at < n_texts) {
        uint32_t   bytes = 0, count = 0;
        token_list got = {0};
        memcpy(&bytes, texts + at, 4);
        memcpy(&count, ids + id_at, 4);
        assert_int_equal(tokenizer_encode(t, &got, texts + at + 4, bytes, TOKENIZER_TEMPLATE), MLM_OK);
        different += got.count != count || memcmp(got.ids, ids + id_at + 4, 4 * (size_t)count) != 0;
        at += 4 + bytes;
        id_at += 4 + 4 * (size_t)count;
        tokens += count;
        n++;
        token_list_free(&got);
    }
    printf("%s: %d texts, %lld tokens, %d texts differ\n", which == 0 ? "gpt-neox-20b" : "built-in", n,
           (long long)tokens, different);
    free(texts);
    free(ids);
    tokenizer_free(t);
    return different;
}

/* Milliseconds of this process, the least of five: the machine may be busy. */
static double time_of(const tokenizer *t, const char *unit, size_t n)
{
    size_t len  = strlen(unit);
    char  *text = malloc(n);
    double best = 1e30;
    assert_non_null(text);
    n -= n % len;
    for (size_t i = 0; i < n; i++)
        text[i] = unit[i % len];
    for (int k = 0; k < 5; k++) {
        token_list got   = {0};
        clock_t    start = clock();
        assert_int_equal(tokenizer_encode(t, &got, text, n, TOKENIZER_USER), MLM_OK);
        double ms = 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC;
        best      = ms < best ? ms : best;
        token_list_free(&got);
    }
    free(text);
    return best;
}

static void print_times(int which)
{
    static const char *const units[] = {"a", " ", "_", "^", "7", "\n", "'", "\xcc\x81", "\xe4\xb8\xad"};
    tokenizer               *t       = NULL;
    assert_int_equal(tokenizer_load(&t, files[which]), MLM_OK);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        double half = time_of(t, units[u], (size_t)1 << 19), one = time_of(t, units[u], (size_t)1 << 20);
        printf("%s, U+%02x..: 0.5 MB %.1f ms, 1 MB %.1f ms, ratio %.2f\n",
               which == 0 ? "gpt-neox-20b" : "built-in", (unsigned)(unsigned char)units[u][0], half, one,
               one / half);
    }
    tokenizer_free(t);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "time") == 0) {
        print_times(0);
        print_times(1);
        return 0;
    }
    if (argc > 1)
        return compare_frames(argv[1], 0) + compare_frames(argv[1], 1) > 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_neox), cmocka_unit_test(test_built_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
