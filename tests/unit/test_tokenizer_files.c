/* test_tokenizer_files.c: tokenizer.json files that must be refused, each with its status and the cause named. */
#include "lm/tokenizer.h"
#include "lm_text_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ADDED(...) "[{" __VA_ARGS__ "}]"
#define SPLIT(p, rest)                                                                                       \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":" p rest                      \
    "},{\"type\":\"ByteLevel\",\"use_regex\":false}]}"
#define ISOLATED ",\"behavior\":\"Isolated\",\"invert\":false"

typedef struct bad_file {
    tokenizer_parts parts;
    mlm_status      status;
    const char     *message; /* must be in it */
} bad_file;

static const bad_file bad_files[] = {
    {{.vocab_extra = ",\"ab\":1048576"}, MLM_E_FORMAT, "0 to 1048575"},
    {{.vocab_extra = ",\"ab\":-1"}, MLM_E_FORMAT, "'ab'"},
    {{.vocab_extra = ",\"ab\":1.5"}, MLM_E_FORMAT, "'ab'"},
    {{.vocab_extra = ",\"ab\":1e300"}, MLM_E_FORMAT, "'ab'"},
    {{.vocab_extra = ",\"ab\":\"256\""}, MLM_E_FORMAT, "'ab'"},
    {{.vocab_extra = ",\"ab\":97"}, MLM_E_FORMAT, "id 97 belongs to 'a' and to 'ab'"},
    {{.vocab_extra = ",\"a\":256"}, MLM_E_FORMAT, ""}, /* duplicate key */
    {{.skip_byte = 'q'}, MLM_E_FORMAT, "byte 0x71"},
    {{.merges = "[\"a b\"]"}, MLM_E_FORMAT, "merges[0] needs token 'ab'"},
    {{.vocab_extra = ",\"ab\":256", .merges = "[\"a b\",\"a zz\"]"},
     MLM_E_FORMAT,
     "merges[1] needs token 'zz'"},
    {{.vocab_extra = ",\"ab\":256", .merges = "[\"a b\",[\"a\",\"b\"]]"}, MLM_E_FORMAT, "merges[1] repeats"},
    {{.merges = "[\"ab\"]"}, MLM_E_FORMAT, "merges[0] is not a pair"},
    {{.merges = "[\"a b c\"]"}, MLM_E_FORMAT, "merges[0] is not a pair"},
    {{.merges = "[[\"a\"]]"}, MLM_E_FORMAT, "merges[0] is not a pair"},
    {{.merges = "[[\"a\",\"b\",\"c\"]]"}, MLM_E_FORMAT, "merges[0] is not a pair"},
    {{.merges = "[7]"}, MLM_E_FORMAT, "merges[0] is not a pair"},
    {{.merges = "{}"}, MLM_E_CONFIG, "model.merges is an object"},
    {{.model_extra = ",\"dropout\":0.1"}, MLM_E_UNSUPPORTED, "model.dropout"},
    {{.model_extra = ",\"unk_token\":\"a\""}, MLM_E_UNSUPPORTED, "model.unk_token"},
    {{.model_extra = ",\"continuing_subword_prefix\":\"##\""},
     MLM_E_UNSUPPORTED,
     "continuing_subword_prefix"},
    {{.model_extra = ",\"end_of_word_suffix\":\"</w>\""}, MLM_E_UNSUPPORTED, "end_of_word_suffix"},
    {{.model_extra = ",\"byte_fallback\":true"}, MLM_E_UNSUPPORTED, "byte_fallback"},
    {{.model_extra = ",\"ignore_merges\":1"}, MLM_E_CONFIG, "ignore_merges"},
    {{.added = "7"}, MLM_E_CONFIG, "added_tokens is a number"},
    {{.added = "[7]"}, MLM_E_CONFIG, "added_tokens is a number"},
    {{.added = ADDED("\"id\":300,\"content\":\"\"")}, MLM_E_FORMAT, "added_tokens[0].content has 0 bytes"},
    {{.added = ADDED("\"id\":300")}, MLM_E_CONFIG, "content"},
    {{.added = ADDED("\"content\":\"x\"")}, MLM_E_FORMAT, "id"},
    {{.added = ADDED("\"id\":2000000000,\"content\":\"<x>\"")}, MLM_E_FORMAT, "0 to 1048575"},
    {{.added = ADDED("\"id\":97,\"content\":\"<x>\"")}, MLM_E_FORMAT, "id 97 belongs to 'a'"},
    {{.added = ADDED("\"id\":300,\"content\":\"a\"")}, MLM_E_FORMAT, "'a' appears twice"},
    {{.added = ADDED("\"id\":300,\"content\":\"<x>\"},{\"id\":300,\"content\":\"<y>\"")},
     MLM_E_FORMAT,
     "id 300"},
    {{.added = ADDED("\"id\":300,\"content\":\"<x>\"},{\"id\":301,\"content\":\"<x>\"")},
     MLM_E_FORMAT,
     "twice"},
    {{.added = ADDED("\"id\":300,\"content\":\"<x>\",\"lstrip\":true")},
     MLM_E_UNSUPPORTED,
     "lstrip of '<x>'"},
    {{.added = ADDED("\"id\":300,\"content\":\"<x>\",\"single_word\":true")},
     MLM_E_UNSUPPORTED,
     "single_word"},
    {{.added      = ADDED("\"id\":300,\"content\":\"\\u01f5\"},{\"id\":301,\"content\":\"g\\u0301\""),
      .normalizer = "{\"type\":\"NFC\"}"},
     MLM_E_FORMAT,
     "same text"},
    {{.normalizer = "{\"type\":\"NFKC\"}"}, MLM_E_UNSUPPORTED, "normalizer 'NFKC'"},
    {{.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a+)+\"}}"},
     MLM_E_UNSUPPORTED,
     "normalizer 'Replace'"},
    {{.normalizer = "[]"}, MLM_E_CONFIG, "normalizer is an array"},
    {{.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Lowercase\"}]}"},
     MLM_E_UNSUPPORTED,
     "'Lowercase'"},
    {{.pre_tokenizer = "null"}, MLM_E_UNSUPPORTED, "no ByteLevel"},
    {{.pre_tokenizer = "{\"type\":\"Whitespace\"}"}, MLM_E_UNSUPPORTED, "pre_tokenizer 'Whitespace'"},
    {{.pre_tokenizer =
          "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{\"type\":\"ByteLevel\"}]}"},
     MLM_E_UNSUPPORTED,
     "after ByteLevel"},
    {{.pre_tokenizer = SPLIT("{\"Regex\":\"(a\"}", ISOLATED)},
     MLM_E_FORMAT,
     "not a valid regular expression"},
    {{.pre_tokenizer = SPLIT("{\"Regex\":\"\"}", ISOLATED)}, MLM_E_RANGE, "pattern of 0 bytes"},
    {{.pre_tokenizer = SPLIT("{\"Regex\":\"a\\\\C\"}", ISOLATED)}, MLM_E_FORMAT, "regular expression"},
    {{.pre_tokenizer = SPLIT("{\"Regex\":\"((a{900}){900}){900}\"}", ISOLATED)},
     MLM_E_FORMAT,
     "regular expression"},
    {{.pre_tokenizer = SPLIT("7", ISOLATED)}, MLM_E_CONFIG, "pattern must be"},
    {{.pre_tokenizer = SPLIT("{\"Regex\":\"a\"}", ",\"behavior\":\"MergedWithNext\"")},
     MLM_E_UNSUPPORTED,
     "MergedWithNext"},
    {{.post_processor = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"a\"}},{"
                        "\"Sequence\":{\"id\":\"A\"}}]}"},
     MLM_E_UNSUPPORTED,
     "TemplateProcessing"},
    {{.post_processor = "{\"type\":\"BertProcessing\"}"},
     MLM_E_UNSUPPORTED,
     "post_processor 'BertProcessing'"},
    {{.decoder = "null"}, MLM_E_UNSUPPORTED, "decoder is missing"},
    {{.decoder = "{\"type\":\"WordPiece\"}"}, MLM_E_UNSUPPORTED, "decoder 'WordPiece'"},
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        tokenizer *t    = NULL;
        char      *json = tokenizer_parts_json(&bad_files[i].parts);
        assert_non_null(json);
        mlm_status status = tokenizer_load_memory(&t, json, strlen(json), "dir/tokenizer.json");
        if (status != bad_files[i].status || !strstr(mlm_error_message(), bad_files[i].message) ||
            !strstr(mlm_error_message(), "dir/tokenizer.json"))
            fail_msg("case %zu: %s '%s', must be %s with '%s'", i, mlm_status_name(status),
                     mlm_error_message(), mlm_status_name(bad_files[i].status), bad_files[i].message);
        assert_null(t);
        free(json);
    }
}

static void refuse_text(const char *json, mlm_status wanted, const char *message)
{
    tokenizer *t = NULL;
    assert_int_equal(tokenizer_load_memory(&t, json, strlen(json), "x.json"), wanted);
    assert_non_null(strstr(mlm_error_message(), message));
    assert_non_null(strstr(mlm_error_message(), "x.json"));
    assert_null(t);
}

static void test_bad_texts(void **state)
{
    (void)state;
    refuse_text("", MLM_E_FORMAT, "");
    refuse_text("[]", MLM_E_CONFIG, "the file is an array");
    refuse_text("{}", MLM_E_CONFIG, "model is missing");
    refuse_text("{\"model\":{}}", MLM_E_CONFIG, "model.vocab is missing");
    refuse_text("{\"model\":{\"type\":\"Unigram\"}}", MLM_E_UNSUPPORTED, "model 'Unigram'");
    refuse_text("{\"model\":{\"vocab\":[]}}", MLM_E_CONFIG, "model.vocab is an array");
    refuse_text("{\"model\":{\"vocab\":{}},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"decoder\":{\"type\":"
                "\"ByteLevel\"}}",
                MLM_E_FORMAT, "vocab is empty");
}

static void test_long_tokens(void **state)
{
    char            extra[4200];
    tokenizer_parts parts = {.vocab_extra = extra};
    tokenizer      *t;
    (void)state;
    for (int n = 1360; n <= 1361;
         n++) { /* the longest that TOKENIZER_PIECE_BYTES has room for, and one more */
        (void)snprintf(extra, sizeof extra, ",\"%0*d\":256", n, 0);
        char *json = tokenizer_parts_json(&parts);
        assert_non_null(json);
        assert_int_equal(tokenizer_load_memory(&t, json, strlen(json), "x.json"),
                         n == 1360 ? MLM_OK : MLM_E_RANGE);
        tokenizer_free(t);
        free(json);
    }
    assert_non_null(strstr(mlm_error_message(), "at most 1360"));
}

static void test_missing_file(void **state)
{
    tokenizer *t = NULL;
    (void)state;
    assert_int_not_equal(tokenizer_load(&t, "/nonexistent/tokenizer.json"), MLM_OK);
    assert_non_null(strstr(mlm_error_message(), "/nonexistent/tokenizer.json"));
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_files), cmocka_unit_test(test_bad_texts),
                                       cmocka_unit_test(test_long_tokens),
                                       cmocka_unit_test(test_missing_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
