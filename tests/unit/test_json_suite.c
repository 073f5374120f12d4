/*
 * test_json_suite.c: texts that a JSON reader must accept, and texts that it must refuse.
 *
 * Own cases for every rule of RFC 8259 (the kinds of JSONTestSuite's y_ and n_ files), plus what this reader
 * refuses beyond the RFC: duplicate keys, lone surrogates, numbers beyond a double, depth over 64, a byte
 * order mark.  With folders named on the command line, *.json files whose names begin with y_ or n_ are run too.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include "tests/support/cm.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* Packed tables. */
/* clang-format off */
#define T(s) {s, sizeof(s) - 1}

typedef struct text_case {
    const char *text;
    size_t      n;
} text_case;

static const text_case accepted[] = {
    T("null"), T("true"), T("false"), T("0"), T("-0"), T("42"), T("-1"), T("\"\""), T("\"a\""), T("[]"), T("{}"),
    T(" [] "), T("\t\r\n [\n1 ,\t2\r]\n"), T("[1,2]"), T("[[]   ]"), T("[null, 1, \"1\", {}]"), T("[\"\"]"),
    T("{\"\":0}"), T("{\"a\":[]}"), T("{\"a\":\"b\",\"c\":\"d\"}"), T("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
    T("{\"a\":1,\"A\":2,\"a \":3}"), T("{\"min\": -1.0e+28, \"max\": 1.0e+28}"), T("{\n\"a\": \"b\"\n}"),
    T("[123]"), T("[1E22]"), T("[1e+2]"), T("[1e-2]"), T("[1E-2]"), T("[0e1]"), T("[0e+1]"), T("[-0.0]"), T("[20e1]"),
    T("[123.456e78]"), T("[123.456789]"), T("[1e-400]"), T("[-123]"), T("[ 4]"),
    T("[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]"),
    T("[100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000]"),
    T("[9223372036854775807,18446744073709551616]"), T("[1.7976931348623157e308]"), T("[4.9e-324]"),
    T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), T("[\"\\\\u0000\"]"), T("[\"\\u0060\\u012a\\u12AB\"]"), T("[\"\\uD801\\udc37\"]"),
    T("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"), T("[\"\\uFFFF\"]"), T("[\"\\uDBFF\\uDFFE\"]"), T("[\"\\u0000\"]"),
    T("{\"foo\\u0000bar\": 42}"), T("[\"\\u002c\"]"), T("[\"\\u0012\"]"), T("[\"\\\\a\"]"), T("[\"\\\\n\"]"), T("[\"a/*b*/c\"]"),
    T("[\"\xe2\x80\xa8\xe2\x80\xa9\"]"), T("[\"\xf4\x8f\xbf\xbf\"]"), T("[\"\xef\xbf\xbf\"]"), T("[\"\x7f\"]"),
    T("[\"\xe2\x8d\x82\xe3\x88\xb4\xe2\x8d\x82\"]"), T("[\"\xf0\x9b\xbf\xbf\"]"), T("[\"\xed\x9f\xbf\xee\x80\x80\"]"), T("[\"\xc2\x80\"]"),
    T("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};

static const text_case refused[] = {
    T(""), T(" "), T("\xef\xbb\xbf"), T("\xef\xbb\xbf{}"), T("[1 true]"), T("[a\xe5]"), T("[\"\": 1]"), T("[\"\"],"), T("[,1]"),
    T("[1,,2]"), T("[\"x\",,]"), T("[\"x\"]]"), T("[\"\",]"), T("[\"x\""), T("[x"), T("[3[4]]"), T("[\xff]"), T("[1:2]"), T("[,]"),
    T("[-]"), T("[   , \"\"]"), T("[\"a\",\n4\n,1,"), T("[1,]"), T("[1,\n1\n,1"), T("[*]"), T("[\"a\""), T("[1"), T("[1,"), T("[{}"),
    T("[\"\x0b" "a\"\\f]"), T("[\"a\n\"]"), T("[fals]"), T("[nul]"), T("[tru]"), T("[True]"), T("[truee]"), T("[nan]"),
    T("123\0"), T("[123\0]"), T("{}\0"), T("[\"a\0b\"]"),
    T("[++1234]"), T("[+1]"), T("[+Inf]"), T("[-01]"), T("[-1.0.]"), T("[-2.]"), T("[-NaN]"), T("[.-1]"), T("[.2e-3]"), T("[0.1.2]"),
    T("[0.3e+]"), T("[0.3e]"), T("[0.e1]"), T("[0E+]"), T("[0E]"), T("[0e+]"), T("[0e]"), T("[1 000.0]"), T("[1.0e+]"), T("[1.0e-]"),
    T("[1.0e]"), T("[1eE2]"), T("[2.e+3]"), T("[2.e-3]"), T("[2.e3]"), T("[9.e+]"), T("[Inf]"), T("[NaN]"), T("[Infinity]"),
    T("[-Infinity]"), T("[1+2]"), T("[0x1]"), T("[0x42]"), T("[0e+-1]"), T("[-123.123foo]"), T("[123\xe5]"), T("[1e1\xe5]"), T("[0\xe5]\n"),
    T("[-Inf]"), T("[-foo]"), T("[- 1]"), T("[-012]"), T("[-.123]"), T("[-1x]"), T("[1ea]"), T("[1e\xe5]"), T("[1.]"), T("[.123]"),
    T("[\xef\xbc\x91]"), T("[1.2a-3]"), T("[1.8011670033376514H-308]"), T("[012]"), T("[00]"), T("[1e400]"), T("[-1e400]"), T("1e309"),
    T("[\"x\", truth]"), T("{[: \"x\"}\n"), T("{\"x\", null}"), T("{\"x\"::\"b\"}"), T("{\xf0\x9f\x87\xa8}"), T("{\"a\":\"a\" 123}"),
    T("{key: 'value'}"), T("{\"\xb9\":\"0\",}"), T("{\"a\" b}"), T("{:\"b\"}"), T("{\"a\" \"b\"}"), T("{\"a\":"), T("{\"a\""), T("{1:1}"),
    T("{9999E9999:1}"), T("{null:null,null:null}"), T("{\"id\":0,,,,,}"), T("{'a':0}"), T("{\"id\":0,}"), T("{\"a\":\"b\"}/**/"),
    T("{\"a\":\"b\"}/**//"), T("{\"a\":\"b\"}//"), T("{\"a\":\"b\"}/"), T("{\"a\":\"b\",,\"c\":\"d\"}"), T("{a: \"b\"}"), T("{\"a\":\"a"),
    T("{ \"foo\" : \"bar\", \"a\" }"), T("{\"a\":\"b\"}#"), T("{\"a\":1,\"a\":2}"), T("{\"a\":1,\"b\":2,\"\\u0061\":3}"),
    T("{\"\":1,\"\":1}"), T("[{\"k\":{\"x\":1,\"x\":1}}]"), T("{\"/\":1,\"\\/\":2}"), T("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}"),
    T("[\"\\uD800\\\"]"), T("[\"\\uD800\\u\"]"), T("[\"\\uD800\\u1\"]"), T("[\"\\uD800\\u1x\"]"), T("[\"\\uD800\"]"), T("[\"\\uDC00\"]"),
    T("[\"\\uD800\\uD800\"]"), T("[\"\\uD800\\u0041\"]"), T("[\"\\uDd1e\\uD834\"]"), T("[\"\\uD800abcdef\"]"), T("\"\\uD834\\uDd"),
    T("[\xc3\xa9]"), T("[\"\\x00\"]"), T("[\"\\\\\\\"]"), T("[\"\\\t\"]"), T("[\"\\\xf0\x9f\x8c\x80\"]"), T("[\"\\\"]"), T("[\"\\u00A\"]"),
    T("[\"\\uD834\\uDd\"]"), T("[\"\\a\"]"), T("[\"\\uqqqq\"]"), T("[\"\\\xe5\"]"), T("[\\u0020\"asd\"]"), T("[\\n]"), T("\""), T("['a']"),
    T("abc"), T("[\"\\"), T("[\"\t\"]"), T("[\"\x1f\"]"), T("\"\\UA66D\""), T("\"\"x"), T("[\"\\u"), T("\"\\u"), T("\"\\u12"),
    T("[\"\xff\"]"), T("[\"\x80\"]"), T("[\"\xc0\xaf\"]"), T("[\"\xe0\x80\xaf\"]"), T("[\"\xf0\x80\x80\xaf\"]"), T("[\"\xed\xa0\x80\"]"),
    T("[\"\xf4\x90\x80\x80\"]"), T("[\"\xe6\x97\"]"), T("[\"\xf8\x88\x80\x80\x80\"]"), T("\"\xe6\x97"), T("[\"\xc3\"]"), T("[\"\xf5\x80\x80\x80\"]"),
    T("<.>"), T("[<null>]"), T("[1]x"), T("[1]]"), T("[\"asd]"), T("a\xc3\xa5"), T("[True]"), T("1]"), T("{\"x\": true,"), T("[][]"), T("]"),
    T("\xef\xbb{}"), T("\xe5"), T("["), T("2@"), T("{}}"), T("{\"\":"), T("{\"a\":/*comment*/\"b\"}"), T("{\"a\": true} \"x\""), T("['"),
    T("[,"), T("[{"), T("[\"a"), T("{"), T("{]"), T("{,"), T("{["), T("{\"a"), T("{'a'"), T("[\"\\{[\"\\{[\"\\{[\"\\{"), T("*"), T("{\"a\":\"b\"}#{}"),
    T("[\\u000A\"\"]"), T("[1}"), T("{\"a\": 1]"), T("[\xe2\x81\xa0]"), T("[\x0c]"), T("[\v1]"), T("\xc2\xa0[]"), T("/**/1"), T("1 2"),
    T("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};
/* clang-format on */

static mlm_status parse(const char *text, size_t n)
{
    /* A copy without a byte to spare: a sanitizer sees any read past the end. */
    mlm_json *doc  = NULL;
    char     *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    mlm_status status = mlm_json_parse(&doc, copy, n, "case.json", MLM_JSON_ALLOW_NUL);
    free(copy);
    assert_int_equal(status == MLM_OK, doc != NULL);
    mlm_json_free(doc);
    return status;
}

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (parse(accepted[i].text, accepted[i].n) != MLM_OK)
            fail_msg("accepted[%zu] %s: %s", i, accepted[i].text, mlm_error_message());
    }
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (parse(refused[i].text, refused[i].n) != MLM_E_FORMAT)
            fail_msg("refused[%zu] %s", i, refused[i].text);
        assert_message_has("case.json: line ");
        assert_message_has(", column ");
    }
}

/* Every beginning of a valid text is refused, with a position inside the text or at its end. */
static void test_prefixes(void **state)
{
    static const char text[] =
        "{\"a\": [1.5e-3, true, {\"\\u00e4\xc3\xa4\": null}], \"b\": \"\\ud83d\\ude00\"}";
    (void)state;
    assert_int_equal(parse(text, sizeof text - 1), MLM_OK);
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(parse(text, n), MLM_E_FORMAT);
}

static void test_folders(void **state)
{
    char *const *folders = *state;
    int          seen = 0, wrong = 0;
    for (; folders && *folders; folders++) {
        DIR *d = opendir(*folders);
        for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
            char  *path = NULL, *text = NULL;
            size_t n = 0;
            if ((e->d_name[0] != 'y' && e->d_name[0] != 'n') || e->d_name[1] != '_')
                continue;
            assert_int_equal(mlm_path_join(&path, *folders, e->d_name), MLM_OK);
            assert_int_equal(mlm_file_read(&text, &n, path, 1 << 20, "case"), MLM_OK);
            mlm_status status = parse(text, n);
            if (status != (e->d_name[0] == 'y' ? MLM_OK : MLM_E_FORMAT)) {
                print_message("%s: %s %s\n", path, mlm_status_name(status),
                              status ? mlm_error_message() : "");
                wrong++;
            }
            seen++;
            free(text);
            free(path);
        }
        if (d)
            (void)closedir(d);
        print_message("%d files, %d not as their names say\n", seen, wrong);
    }
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test_prestate(test_folders, argc > 1 ? argv + 1 : NULL),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
