/* test_json.c: what a parsed document says, typed members, large objects, allocation failures. */
#include "kernels/base/mlm_json.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static temp_dir dir;

static mlm_json *parse_flags(const char *text, unsigned flags)
{
    mlm_json *doc = NULL;
    if (mlm_json_parse(&doc, text, strlen(text), "c.json", flags) != MLM_OK)
        fail_msg("%s: %s", text, mlm_error_message());
    return doc;
}

static void assert_refused(const char *text, unsigned flags, const char *message)
{
    mlm_json *doc = NULL;
    assert_int_equal(mlm_json_parse(&doc, text, strlen(text), "c.json", flags), MLM_E_FORMAT);
    assert_null(doc);
    assert_string_equal(mlm_error_message(), message);
}

static void test_tree(void **state)
{
    (void)state;
    mlm_json *doc = parse_flags(
        "{\"s\": \"a\\u00e4\\ud83d\\ude00\\n\", \"list\": [1, [], {}, null, true, false, -2.5], \"S\": 3}",
        0);
    const mlm_json_node *root = mlm_json_root(doc), *list = mlm_json_get(root, "list"),
                        *c = mlm_json_first(list);
    size_t n               = 0;
    assert_int_equal(mlm_json_type_of(root), MLM_JSON_OBJECT);
    assert_int_equal(mlm_json_count(root), 3);
    assert_string_equal(mlm_json_text(mlm_json_get(root, "s"), &n), "a\xc3\xa4\xf0\x9f\x98\x80\n");
    assert_int_equal(n, 8);
    assert_int_equal(mlm_json_double(mlm_json_get(root, "S")), 3); /* not "s" */
    assert_null(mlm_json_get(root, "LIST"));
    assert_null(mlm_json_get(list, "s"));
    assert_null(mlm_json_get(NULL, "s"));
    assert_string_equal(mlm_json_key(mlm_json_first(root)), "s");
    assert_null(mlm_json_key(c));
    assert_int_equal(mlm_json_count(list), 7);
    static const mlm_json_type types[7] = {MLM_JSON_NUMBER, MLM_JSON_ARRAY, MLM_JSON_OBJECT, MLM_JSON_NULL,
                                           MLM_JSON_BOOL,   MLM_JSON_BOOL,  MLM_JSON_NUMBER};
    for (int i = 0; i < 7; i++, c = mlm_json_next(c)) {
        assert_int_equal(mlm_json_type_of(c), types[i]);
        if (i == 1 || i == 2) {
            assert_int_equal(mlm_json_count(c), 0);
            assert_null(mlm_json_first(c));
        }
        if (types[i] == MLM_JSON_BOOL)
            assert_int_equal(mlm_json_bool(c), i == 4);
    }
    assert_null(c);
    assert_string_equal(mlm_json_type_name(MLM_JSON_OBJECT), "an object");
    assert_null(mlm_json_first(mlm_json_get(root, "s")));
    mlm_json_free(doc);
    mlm_json_free(NULL);
}

static void test_integers(void **state)
{
    (void)state;
    mlm_json *doc =
        parse_flags("[9007199254740993, -9007199254740993, 9223372036854775807, -9223372036854775808, 0, "
                    "9223372036854775808, 1.0, 1e3, -0, 0.5, 99999999999999999999, -9223372036854775809]",
                    0);
    static const int64_t exact[5] = {9007199254740993, -9007199254740993, INT64_MAX, INT64_MIN, 0};
    int                  i        = 0;
    for (const mlm_json_node *c = mlm_json_first(mlm_json_root(doc)); c; c = mlm_json_next(c), i++) {
        int64_t v = -77;
        assert_int_equal(mlm_json_as_int64(c, &v), i < 5);
        assert_true(v == (i < 5 ? exact[i] : -77));
        if (i < 5)
            assert_true(mlm_json_double(c) == (double)exact[i]);
    }
    assert_int_equal(i, 12);
    mlm_json_free(doc);

    doc                           = parse_flags("[1.0, 1e3, 0.1, -0, 123456789012345678901234567890.5, "
                                                                          "-0.000000000000000000000000000000000000000000000000000000000000000000000000000001, "
                                                                          "0.1234567890123456789012345678901234567890123456789012345678901234567890]",
                                                0);
    static const double values[7] = {
        1.0, 1e3, 0.1, -0.0, 123456789012345678901234567890.5, -1e-78, 0.12345678901234568};
    i = 0;
    for (const mlm_json_node *c = mlm_json_first(mlm_json_root(doc)); c; c = mlm_json_next(c), i++)
        assert_true(mlm_json_double(c) == values[i]);
    mlm_json_free(doc);
}

static void test_infinity(void **state)
{
    (void)state;
    mlm_json *doc = parse_flags(
        "{\"a\": [0.0, Infinity], \"Infinity\": -Infinity, \"n\": NaN, \"t\": \"x\\\"NaN\", \"last\": 7}",
        MLM_JSON_ALLOW_INFINITY);
    const mlm_json_node *root = mlm_json_root(doc);
    assert_true(mlm_json_double(mlm_json_next(mlm_json_first(mlm_json_get(root, "a")))) == (double)INFINITY);
    assert_true(mlm_json_double(mlm_json_get(root, "Infinity")) == -(double)INFINITY);
    assert_true(isnan(mlm_json_double(mlm_json_get(root, "n"))));
    assert_string_equal(mlm_json_text(mlm_json_get(root, "t"), NULL), "x\"NaN");
    assert_true(mlm_json_double(mlm_json_get(root, "last")) == 7.0);
    mlm_json_free(doc);
    assert_refused("[1e400]", MLM_JSON_ALLOW_INFINITY,
                   "c.json: line 1, column 2: a number beyond the range of a double");
    assert_refused("[Infinit]", MLM_JSON_ALLOW_INFINITY,
                   "c.json: line 1, column 2: found 'I', wanted a value");
    assert_refused("[-Infinity1]", MLM_JSON_ALLOW_INFINITY,
                   "c.json: line 1, column 11: found '1', wanted ',' or ']'");
}

static void test_nul(void **state)
{
    (void)state;
    assert_refused("{\"name\\u0000evil\": 1}", 0,
                   "c.json: line 1, column 7: \\u0000 in a string is not allowed");
    mlm_json *doc = parse_flags("{\"name\\u0000evil\": \"a\\u0000b\", \"x\": 1}", MLM_JSON_ALLOW_NUL);
    size_t    n   = 0;
    assert_memory_equal(mlm_json_text(mlm_json_first(mlm_json_root(doc)), &n), "a\0b", 4);
    assert_int_equal(n, 3);
    assert_null(mlm_json_get(mlm_json_root(doc), "name")); /* the C string is not the key */
    assert_non_null(mlm_json_get(mlm_json_root(doc), "x"));
    mlm_json_free(doc);
}

static void test_positions(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": 1,\n  \"b\": 2,\n  \"a\": 3\n}", 0,
                   "c.json: line 4, column 3: the key \"a\" appears twice");
    assert_refused("[1,\n2,\n\x1b]", 0, "c.json: line 3, column 1: found '\\x1B', wanted a value");
    assert_refused("[1", 0, "c.json: line 1, column 3: the text ends, wanted ',' or ']'");
    assert_refused("[\"\xff\"]", 0, "c.json: line 1, column 3: a string is not valid UTF-8");
    assert_refused("[01]", 0, "c.json: line 1, column 3: a number with a leading zero");
    assert_refused("{} x", 0,
                   "c.json: line 1, column 4: found 'x', wanted the end of the text after one value");
    assert_refused("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0,
                   "c.json: line 1, column 65: more than 64 levels of nesting");
}

/* The keys "key 0" .. with their numbers as values; then, when asked, the middle one again, written otherwise. */
static char *many_keys(size_t n_keys, bool again, size_t *n)
{
    size_t cap = n_keys * 24 + 64, used = 1;
    char  *text = malloc(cap);
    assert_non_null(text);
    text[0] = '{';
    for (size_t i = 0; i < n_keys; i++)
        used += (size_t)snprintf(text + used, cap - used, "%s\"key %zu\":%zu", i ? "," : "", i, i);
    if (again)
        used += (size_t)snprintf(text + used, cap - used, ",\"k\\u0065y %zu\":0", n_keys / 2);
    text[used++] = '}';
    *n           = used;
    return text;
}

static void test_many_keys(void **state)
{
    (void)state;
    mlm_json *doc  = NULL;
    size_t    n    = 0;
    char     *text = many_keys(200000, false, &n);
    assert_int_equal(mlm_json_parse(&doc, text, n, "big", 0), MLM_OK);
    assert_int_equal(mlm_json_count(mlm_json_root(doc)), 200000);
    for (int i = 0; i < 200000; i++) {
        char    key[32];
        int64_t v = -1;
        (void)snprintf(key, sizeof key, "key %d", i);
        const mlm_json_node *c = mlm_json_get(mlm_json_root(doc), key);
        assert_true(c && mlm_json_as_int64(c, &v) && v == i);
    }
    assert_null(mlm_json_get(mlm_json_root(doc), "key 200000"));
    assert_null(mlm_json_get(mlm_json_root(doc), ""));
    mlm_json_free(doc);
    free(text);
    text = many_keys(200000, true, &n);
    assert_int_equal(mlm_json_parse(&doc, text, n, "big", 0), MLM_E_FORMAT);
    assert_message_has("appears twice");
    assert_message_has("100000");
    assert_int_equal(mlm_json_parse_limited(&doc, text, n, "big", 0, 1000), MLM_E_FORMAT);
    assert_message_has("more than 1000 values");
    free(text);
}

static const char config[] =
    "{\"i\": 7, \"big\": 3000000000, \"f\": 1.5, \"s\": \"two\", \"b\": true, \"z\": null, \"o\": {\"k\": 1},"
    "\"v\": [1, 2.5], \"w\": [1, \"x\"], \"inf\": Infinity}";

static void test_config(void **state)
{
    (void)state;
    static const char *const names[] = {"one", "two", NULL};
    mlm_json                *doc     = parse_flags(config, MLM_JSON_ALLOW_INFINITY);
    const mlm_json_node     *r = mlm_json_root(doc), *o = NULL;
    int                      i = -1;
    float                    f = -1, v[2];
    bool                     b = false;
    const char              *s = NULL;
    assert_int_equal(mlm_json_req_int(r, "c", "i", 1, 7, &i), MLM_OK);
    assert_int_equal(i, 7);
    assert_int_equal(mlm_json_opt_int(r, "c", "none", 1, 7, 5, &i), MLM_OK);
    assert_int_equal(i, 5);
    assert_int_equal(mlm_json_opt_int(r, "c", "z", 1, 7, 6, &i), MLM_OK);
    assert_int_equal(i, 6);
    assert_int_equal(mlm_json_req_float(r, "c", "f", 0, 2, &f), MLM_OK);
    assert_true(f == 1.5f);
    assert_int_equal(mlm_json_opt_float(r, "c", "none", 0, 2, 0.25f, &f), MLM_OK);
    assert_true(f == 0.25f);
    assert_int_equal(mlm_json_req_float(r, "c", "inf", 0, (double)INFINITY, &f), MLM_OK);
    assert_true(f == INFINITY);
    assert_int_equal(mlm_json_opt_bool(r, "c", "b", false, &b), MLM_OK);
    assert_true(b);
    assert_int_equal(mlm_json_opt_bool(r, "c", "none", false, &b), MLM_OK);
    assert_false(b);
    assert_int_equal(mlm_json_req_string(r, "c", "s", &s), MLM_OK);
    assert_string_equal(s, "two");
    assert_int_equal(mlm_json_opt_string(r, "c", "z", NULL, &s), MLM_OK);
    assert_null(s);
    assert_int_equal(mlm_json_req_choice(r, "c", "s", names, &i), MLM_OK);
    assert_int_equal(i, 1);
    assert_int_equal(mlm_json_opt_choice(r, "c", "none", names, 0, &i), MLM_OK);
    assert_int_equal(i, 0);
    assert_int_equal(mlm_json_req_object(r, "c", "o", &o), MLM_OK);
    assert_int_equal(mlm_json_req_int(o, "c.o", "k", 0, 1, &i), MLM_OK);
    assert_int_equal(mlm_json_req_floats(r, "c", "v", 2, v), MLM_OK);
    assert_true(v[0] == 1.0f && v[1] == 2.5f);
    mlm_json_free(doc);
}

#define REFUSED(call, message)                                                                               \
    do {                                                                                                     \
        assert_int_equal(call, MLM_E_CONFIG);                                                                \
        assert_string_equal(mlm_error_message(), message);                                                   \
    } while (0)

static void test_config_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"one", "three", NULL};
    mlm_json                *doc     = parse_flags(config, MLM_JSON_ALLOW_INFINITY);
    const mlm_json_node     *r = mlm_json_root(doc), *o = NULL;
    int                      i = -1;
    float                    f = -1, v[3];
    bool                     b = false;
    const char              *s = NULL;
    REFUSED(mlm_json_req_int(r, "c: t", "none", 1, 7, &i),
            "c: t.none is missing, must be an integer from 1 to 7");
    REFUSED(mlm_json_req_int(r, "c", "z", 1, 7, &i), "c.z is null, must be an integer from 1 to 7");
    REFUSED(mlm_json_req_int(r, "c", "i", 1, 6, &i), "c.i is 7, must be an integer from 1 to 6");
    REFUSED(mlm_json_req_int(r, "c", "f", 1, 6, &i), "c.f is 1.5, must be an integer from 1 to 6");
    REFUSED(mlm_json_opt_int(r, "c", "s", 1, 6, 2, &i), "c.s is \"two\", must be an integer from 1 to 6");
    REFUSED(mlm_json_req_int(r, "c", "big", 0, INT64_MAX, &i),
            "c.big is 3000000000, must be an integer from 0 to 2147483647");
    REFUSED(mlm_json_req_float(r, "c", "inf", 0, 10, &f), "c.inf is inf, must be a number from 0 to 10");
    REFUSED(mlm_json_opt_float(r, "c", "b", 0, 10, 1, &f), "c.b is true, must be a number from 0 to 10");
    REFUSED(mlm_json_opt_bool(r, "c", "i", false, &b), "c.i is 7, must be true or false");
    REFUSED(mlm_json_req_string(r, "c", "o", &s), "c.o is an object, must be a string");
    REFUSED(mlm_json_req_string(r, "c", "none", &s), "c.none is missing, must be a string");
    REFUSED(mlm_json_req_choice(r, "c", "s", names, &i), "c.s is \"two\", must be one of \"one\", \"three\"");
    REFUSED(mlm_json_req_object(r, "c", "v", &o), "c.v is an array, must be an object");
    REFUSED(mlm_json_req_floats(r, "c", "v", 3, v), "c.v has 2 elements, must be an array of 3 numbers");
    REFUSED(mlm_json_req_floats(r, "c", "w", 2, v), "c.w[1] is \"x\", must be a finite number");
    REFUSED(mlm_json_req_floats(r, "c", "i", 1, v), "c.i is 7, must be an array of 1 numbers");
    mlm_json_free(doc);
}

static void test_files(void **state)
{
    (void)state;
    mlm_json *doc = NULL;
    assert_int_equal(mlm_json_parse_file(&doc, temp_dir_write(&dir, "bad.json", "{\"a\" 1}", 7), 100, 0),
                     MLM_E_FORMAT);
    assert_message_has("bad.json: line 1, column 6: found '1', wanted ':'");
    assert_int_equal(mlm_json_parse_file(&doc, temp_dir_path(&dir, "none.json"), 100, 0), MLM_E_NOTFOUND);
    assert_int_equal(mlm_json_parse_file(&doc, temp_dir_path(&dir, "bad.json"), 6, 0), MLM_E_RANGE);
    assert_int_equal(mlm_json_parse_file(&doc, temp_dir_write(&dir, "ok.json", "[1]", 3), 3, 0), MLM_OK);
    mlm_json_free(doc);
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    size_t n    = 0;
    char  *text = many_keys(100, false, &n);
    char   both[8192];
    int    len = snprintf(both, sizeof both, "[%.*s, [Infinity, {\"a\": \"b\"}]]", (int)n, text);
    free(text);
    const char *path = temp_dir_write(&dir, "mem.json", both, (size_t)len);
    for (int forever = 0; forever < 2; forever++) {
        long failed = 0;
        for (long at = 1;; at++) {
            mlm_json *doc    = NULL;
            long      before = alloc_fail_live();
            alloc_fail_at(at, forever ? ALLOC_FAIL_FOREVER : ALLOC_FAIL_ONCE);
            mlm_status status  = mlm_json_parse_file(&doc, path, 1 << 20, MLM_JSON_ALLOW_INFINITY);
            bool       reached = alloc_fail_stop();
            assert_true(status == MLM_OK || status == MLM_E_NOMEM);
            assert_int_equal(status == MLM_OK, doc != NULL);
            if (status != MLM_OK)
                assert_message_has("out of memory");
            mlm_json_free(doc);
            assert_int_equal(alloc_fail_live(), before);
            failed += status != MLM_OK;
            if (!reached)
                break;
        }
        assert_true(failed > 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),      cmocka_unit_test(test_integers),
        cmocka_unit_test(test_infinity),  cmocka_unit_test(test_nul),
        cmocka_unit_test(test_positions), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_config),    cmocka_unit_test(test_config_refused),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_no_memory),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
