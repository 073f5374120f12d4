/* test_status.c: failure messages: what is stored, what is escaped, where it is cut. */
#include "kernels/base/mlm_fail.h"

#include "tests/support/cm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static void escape(char *out, size_t cap, const char *in)
{
    size_t n = mlm_escape_text(out, cap, in, strlen(in), false);
    assert_int_equal(n, strlen(out));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(mlm_status_name(MLM_OK), "MLM_OK");
    assert_string_equal(mlm_status_name(MLM_E_NOMEM), "MLM_E_NOMEM");
    assert_string_equal(mlm_status_name(MLM_E_CANCELLED), "MLM_E_CANCELLED");
    assert_string_equal(mlm_status_name(MLM_E_NOTFOUND), "MLM_E_NOTFOUND");
    for (int s = 0; s >= -12; s--)
        assert_memory_equal(mlm_status_name((mlm_status)s), "MLM_", 4);
    assert_non_null(mlm_status_name((mlm_status)-99));
}

static void test_message(void **state)
{
    (void)state;
    errno = EINTR;
    assert_int_equal(mlm_fail(MLM_E_CONFIG, "%s: %s is %d", "config.json", "d_model", 0), MLM_E_CONFIG);
    assert_int_equal(errno, EINTR);
    assert_string_equal(mlm_error_message(), "config.json: d_model is 0");
    assert_int_equal(mlm_fail_context(MLM_E_CONFIG, "model '%s'", "tiny"), MLM_E_CONFIG);
    assert_string_equal(mlm_error_message(), "model 'tiny': config.json: d_model is 0");
    /* The old message may be an argument of the new one. */
    assert_int_equal(mlm_fail(MLM_E_IO, "again: %s", mlm_error_message()), MLM_E_IO);
    assert_string_equal(mlm_error_message(), "again: model 'tiny': config.json: d_model is 0");
    assert_int_equal(mlm_fail_nomem(100, "a table"), MLM_E_NOMEM);
    assert_string_equal(mlm_error_message(), "out of memory: 100 bytes for a table");
    assert_int_equal(mlm_fail_nomem((size_t)3 << 20, "a table"), MLM_E_NOMEM);
    assert_string_equal(mlm_error_message(), "out of memory: 3.0 MiB for a table");
}

static void test_escapes(void **state)
{
    static const char *const cases[][2] = {
        {"plain \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80", "plain \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
        {"a\nb\tc\rd", "a\\x0Ab\\x09c\\x0Dd"},
        {"\x1b[31mred\x1b]0;t\x07", "\\x1B[31mred\\x1B]0;t\\x07"},
        {"\x7f", "\\x7F"},
        {"\xc2\x9b"
         "2J",
         "\\xC2\\x9B2J"},                                               /* C1 as UTF-8          */
        {"\x9b", "\\x9B"},                                              /* C1 as a byte         */
        {"\xc2\xa0", "\xc2\xa0"},                                       /* U+00A0 is not C1     */
        {"\xe2\x80\xae", "\\xE2\\x80\\xAE"},                            /* U+202E               */
        {"\xe2\x80\xaa", "\\xE2\\x80\\xAA"},                            /* U+202A               */
        {"\xe2\x81\xa6\xe2\x81\xa9", "\\xE2\\x81\\xA6\\xE2\\x81\\xA9"}, /* U+2066, U+2069       */
        {"\xe2\x80\x8e\xe2\x80\x8f", "\\xE2\\x80\\x8E\\xE2\\x80\\x8F"}, /* U+200E, U+200F       */
        {"\xe2\x80\x8d", "\xe2\x80\x8d"},                               /* ZWJ: emoji need it   */
        {"\xff\xfe", "\\xFF\\xFE"},                                     /* never UTF-8          */
        {"\xc0\xaf", "\\xC0\\xAF"},                                     /* overlong             */
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"},                            /* surrogate            */
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},                   /* above U+10FFFF       */
        {"x\xe2\x82", "x\\xE2\\x82"},                                   /* cut at the end       */
        {"\xe2\x82z", "\\xE2\\x82z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[256];
        escape(out, sizeof out, cases[i][0]);
        assert_string_equal(out, cases[i][1]);
        assert_int_equal(mlm_fail(MLM_E_IO, "%s", cases[i][0]), MLM_E_IO);
        assert_string_equal(mlm_error_message(), cases[i][1]);
    }
    char out[64];
    assert_int_equal(mlm_escape_text(out, sizeof out, "a\n\tb\r", 5, true), 8);
    assert_string_equal(out, "a\n\tb\\x0D");
    assert_int_equal(mlm_escape_text(out, sizeof out, "a\0b", 3, false), 6);
    assert_string_equal(out, "a\\x00b");
}

/* Whatever the capacity: terminated, never over it, never a broken escape or character. */
static void test_escape_cut(void **state)
{
    (void)state;
    static const char in[] = "ab\xc3\xa4\x1b\xf0\x9f\x98\x80z";
    for (size_t cap = 1; cap < 24; cap++) {
        char out[32], again[128];
        memset(out, 'X', sizeof out);
        size_t n = mlm_escape_text(out, cap, in, sizeof in - 1, false);
        assert_true(n < cap);
        assert_int_equal(out[n], '\0');
        assert_int_equal(out[cap], 'X');
        escape(again, sizeof again, out); /* valid already: nothing more to escape */
        assert_string_equal(again, out);
    }
    assert_int_equal(mlm_escape_text(NULL, 0, in, 3, false), 0);
}

static void test_long_message(void **state)
{
    (void)state;
    static char longer[9001];
    for (size_t i = 0; i + 1 < sizeof longer; i += 2)
        memcpy(longer + i, "\xc3\xa4", 2);
    for (int shift = 0; shift < 4; shift++) {
        assert_int_equal(mlm_fail(MLM_E_IO, "%.*s%s", shift, "xyz", longer), MLM_E_IO);
        size_t n = strlen(mlm_error_message());
        assert_true(n < 4096 && n > 4085);
        assert_null(strstr(mlm_error_message(), "\\x")); /* the cut is between characters */
    }
    assert_int_equal(mlm_fail_context(MLM_E_IO, "%s", longer), MLM_E_IO);
    assert_true(strlen(mlm_error_message()) < 4096);
}

static void *other_thread(void *arg)
{
    char *seen = arg;
    (void)snprintf(seen, 64, "%s|", mlm_error_message());
    (void)mlm_fail(MLM_E_IO, "of the other thread");
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    char      seen[64] = "";
    pthread_t id;
    (void)mlm_fail(MLM_E_IO, "of this thread");
    assert_int_equal(pthread_create(&id, NULL, other_thread, seen), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_string_equal(seen, "|");
    assert_string_equal(mlm_error_message(), "of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_message),
        cmocka_unit_test(test_escapes),      cmocka_unit_test(test_escape_cut),
        cmocka_unit_test(test_long_message), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
