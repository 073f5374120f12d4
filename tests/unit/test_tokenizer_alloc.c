/* test_tokenizer_alloc.c: the Nth allocation fails, N = 1, 2, ...: load and encode report it and leak nothing. */
#include "../support/alloc_fail.h"
#include "lm/prompt.h"
#include "lm_text_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRE                                                                                                  \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{N}{1,3}"   \
    "\"},"                                                                                                   \
    "\"behavior\":\"Isolated\"},{\"type\":\"Split\",\"pattern\":{\"String\":\"z\"},\"behavior\":"            \
    "\"Isolated\"},"                                                                                         \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}]}"

static const tokenizer_parts parts = {
    .vocab_extra   = ",\"ab\":256",
    .merges        = "[\"a b\"]",
    .normalizer    = "{\"type\":\"NFC\"}",
    .pre_tokenizer = PRE,
    .added         = "[{\"id\":300,\"content\":\"<|endoftext|>\",\"special\":true},"
                     "{\"id\":301,\"content\":\"e\\u0301\"},"
                     "{\"id\":302,\"content\":\"<n>\",\"special\":true,\"normalized\":true}]"};

static void each_failure(alloc_fail_mode mode)
{
    prompt_template p;
    if (!alloc_fail_works())
        skip();
    char *json = tokenizer_parts_json(&parts);
    assert_non_null(json);
    assert_int_equal(prompt_template_named(&p, "zephyr"), MLM_OK);
    for (long n = 1;; n++) {
        tokenizer *t      = NULL;
        token_list l      = {0};
        long       before = alloc_fail_live();
        alloc_fail_at(n, mode);
        mlm_status status = tokenizer_load_memory(&t, json, strlen(json), "test.json");
        if (status == MLM_OK) /* composing, 30 marks, invalid bytes, a number, both kinds of added token */
            status = prompt_encode_turn(
                &p, t, &l,
                "ab123 \xff e\xcc\x81 x\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96"
                "\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81"
                "\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96\xcc\x81\xcc\x96 <|endoftext|>z",
                true);
        bool reached = alloc_fail_stop();
        token_list_free(&l);
        tokenizer_free(t);
        assert_int_equal(alloc_fail_live(), before);
        /* PCRE2's JIT may fail alone: then the interpreter matches. */
        if (status != MLM_OK)
            assert_int_equal(status, MLM_E_NOMEM);
        if (!reached) {
            assert_int_equal(status, MLM_OK);
            assert_true(n > 20);
            break;
        }
    }
    free(json);
}

static void test_fail_once(void **state)
{
    (void)state;
    each_failure(ALLOC_FAIL_ONCE);
}

static void test_fail_forever(void **state)
{
    (void)state;
    each_failure(ALLOC_FAIL_FOREVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fail_once), cmocka_unit_test(test_fail_forever)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
