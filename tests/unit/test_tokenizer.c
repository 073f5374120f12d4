/* test_tokenizer.c: encode in both modes, pre-tokenizer steps, patterns that run away, streaming decode. */
#include "lm/tokenizer_private.h"
#include "lm_text_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define BUILT_IN MLM_SOURCE_DIR "/assets/models/mlmamba-tiny/tokenizer.json"

static tokenizer *load_parts(tokenizer_parts p)
{
    tokenizer *t    = NULL;
    char      *json = tokenizer_parts_json(&p);
    assert_non_null(json);
    if (tokenizer_load_memory(&t, json, strlen(json), "test.json") != MLM_OK)
        fail_msg("%s", mlm_error_message());
    free(json);
    return t;
}

static void expect_ids(const tokenizer *t, const char *text, size_t n, tokenizer_mode mode,
                       const int32_t *ids, size_t count)
{
    token_list l = {0};
    assert_int_equal(tokenizer_encode(t, &l, text, n, mode), MLM_OK);
    if (l.count != count || memcmp(l.ids, ids, count * sizeof *ids) != 0) {
        for (size_t i = 0; i < l.count; i++)
            print_message("%d ", l.ids[i]);
        fail_msg("ids of '%s' differ", text);
    }
    token_list_free(&l);
}
#define EXPECT(t, text, mode, ...)                                                                           \
    expect_ids(t, text, sizeof(text) - 1, mode, (const int32_t[]){__VA_ARGS__},                              \
               sizeof((const int32_t[]){__VA_ARGS__}) / 4)

static void test_merges(void **state)
{
    (void)state;
    tokenizer *t = load_parts((tokenizer_parts){
        .vocab_extra = ",\"ab\":256,\"abc\":257,\"bc\":258,\"\\u0120a\":259,\"aa\":260,\"aaaa\":261",
        .merges      = "[\"b c\",[\"a\",\"b\"],\"a bc\",\"\\u0120 a\",\"a a\",\"aa aa\"]"});
    EXPECT(t, "abc", 0, 257);
    EXPECT(t, "abab", 0, 256, 256);
    EXPECT(t, " abc", 0, ' ', 257);
    EXPECT(t, " ad", 0, 259, 'd');
    EXPECT(t, "aaaaaaa", 0, 261, 260, 'a'); /* leftmost first */
    EXPECT(t, "a1", 0, 'a', '1');
    EXPECT(t, "<|end|>ab", TOKENIZER_TEMPLATE, 300, 256);
    EXPECT(t, "<|end|>", TOKENIZER_USER, '<', '|', 'e', 'n', 'd', '|', '>');
    EXPECT(t, "a\0b", 0, 'a', 0, 'b');
    assert_int_equal(tokenizer_vocab_size(t), 301);
    assert_int_equal(tokenizer_token_id(t, "abc"), 257);
    assert_int_equal(tokenizer_token_id(t, "<|end|>"), 300);
    assert_int_equal(tokenizer_token_id(t, "nothing"), -1);
    assert_true(tokenizer_is_special(t, 300));
    assert_false(tokenizer_is_special(t, 257) || tokenizer_is_special(t, 299) || tokenizer_is_special(t, -1));
    size_t n;
    assert_null(tokenizer_token_bytes(t, 299, &n));
    assert_memory_equal(tokenizer_token_bytes(t, 259, &n), " a", 2);
    assert_int_equal(n, 2);
    tokenizer_free(t);
}

static void test_ignore_merges(void **state)
{
    (void)state;
    tokenizer *t = load_parts((tokenizer_parts){.vocab_extra = ",\"xyz\":256,\"xy\":257",
                                                .merges      = "[\"x y\"]",
                                                .model_extra = ",\"ignore_merges\":true"});
    EXPECT(t, "xyz", 0, 256);
    EXPECT(t, "xyza", 0, 257, 'z', 'a');
    tokenizer_free(t);
}

/* Python: bytes.decode("utf-8", "replace"). */
static void test_invalid_utf8(void **state)
{
    (void)state;
    tokenizer *t = load_parts((tokenizer_parts){0});
    EXPECT(t,
           "a\xff"
           "b",
           0, 'a', 0xef, 0xbf, 0xbd, 'b');
    EXPECT(t, "\xe4\xb8", 0, 0xef, 0xbf, 0xbd); /* one maximal subpart */
    EXPECT(t, "\xed\xa0\x80", 0, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd); /* surrogate */
    EXPECT(t, "\xf0\x9f\x98x", 0, 0xef, 0xbf, 0xbd, 'x');
    EXPECT(t, "\xc0\xaf", 0, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd); /* overlong */
    EXPECT(t, "\xf4\x90\x80\x80", 0, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd);
    EXPECT(t, "\xf4\x8f\xbf\xbf", 0, 0xf4, 0x8f, 0xbf, 0xbf);
    tokenizer_free(t);
}

static void test_added_tokens(void **state)
{
    (void)state;
    tokenizer *t = load_parts(
        (tokenizer_parts){.normalizer = "{\"type\":\"NFC\"}",
                          .added      = "[{\"id\":300,\"content\":\"<x>\",\"special\":true},{\"id\":301,"
                                        "\"content\":\"<x>y\",\"special\":false},"
                                        "{\"id\":302,\"content\":\"  "
                                        "\",\"special\":false},{\"id\":303,\"content\":\"   \",\"special\":false},"
                                        "{\"id\":304,\"content\":\"e\\u0301!\",\"normalized\":true},"
                                        "{\"id\":305,\"content\":\"<n>\",\"special\":true,\"normalized\":true}]"});
    EXPECT(t, "<x>a", 0, 300, 'a');
    EXPECT(t, "<x>ya", 0, 300, 'y', 'a'); /* 301 is normalized: looked for after the raw ones took theirs */
    EXPECT(t, "<x>ya", TOKENIZER_USER, 301, 'a');
    EXPECT(t, "     ", 0, 303, 302);
    EXPECT(t, "\xc3\xa9!", 0, 304);
    EXPECT(t, "e\xcc\x81!", 0, 304);
    EXPECT(t, "<n>", 0, 305);
    EXPECT(t, "<n>", TOKENIZER_USER, '<', 'n', '>');
    EXPECT(t, "e\xcc\x81<n>", TOKENIZER_USER, 0xc3, 0xa9, '<', 'n', '>');
    token_list l = {
        0}; /* <n> of the template, <n> of the user after a letter that composes, <n> of the template */
    assert_int_equal(tokenizer_encode_marked(t, &l, "<n>e\xcc\x81<n><n>", 12, 3, 9), MLM_OK);
    const int32_t ids[] = {305, 0xc3, 0xa9, '<', 'n', '>', 305};
    assert_int_equal(l.count, 7);
    assert_memory_equal(l.ids, ids, sizeof ids);
    l.count =
        0; /* the user's mark changes the template's ">": then it is no token, for the reference either */
    assert_int_equal(tokenizer_encode_marked(t, &l, "<n>\xcc\xb8", 5, 3, 5), MLM_OK);
    const int32_t composed[] = {'<', 'n', 0xe2, 0x89, 0xaf};
    assert_int_equal(l.count, 5);
    assert_memory_equal(l.ids, composed, sizeof composed);
    token_list_free(&l);
    tokenizer_free(t);
}

static void test_nfc_of_many_marks(void **state)
{
    (void)state;
    tokenizer *t = load_parts((tokenizer_parts){.normalizer = "{\"type\":\"NFC\"}"});
    char       text[1 + 2 * 100];
    int32_t    ids[1 + 2 * 100];
    text[0] = 'x';
    ids[0]  = 'x';
    for (int i = 0; i < 100; i++) { /* U+0316 (class 220) and U+0301 (230) in turn: sorted, stable */
        memcpy(text + 1 + 2 * i, i % 2 ? "\xcc\x96" : "\xcc\x81", 2);
        ids[1 + 2 * i] = 0xcc;
        ids[2 + 2 * i] = i < 50 ? 0x96 : 0x81;
    }
    expect_ids(t, text, sizeof text, TOKENIZER_TEMPLATE, ids, 201);
    tokenizer_free(t);
}

#define SEQUENCE(split)                                                                                      \
    "{\"type\":\"Sequence\",\"pretokenizers\":[" split                                                       \
    ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}"
#define SPLIT(kind, pattern, how)                                                                            \
    "{\"type\":\"Split\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"behavior\":\"" how                     \
    "\",\"invert\":false}"
static const char *const merge_all_vocab = ",\"aa\":256,\"a1\":257,\"11\":258,\"\\u0120a\":259";
static const char *const merge_all_list  = "[\"a a\",\"a 1\",\"1 1\",\"\\u0120 a\"]";

static tokenizer *load_split(const char *pre)
{
    return load_parts(
        (tokenizer_parts){.vocab_extra = merge_all_vocab, .merges = merge_all_list, .pre_tokenizer = pre});
}

static void test_steps(void **state)
{
    (void)state;
    tokenizer *t = load_split("{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}");
    EXPECT(t, "aba1", 0, 'a', 'b', 257);
    tokenizer_free(t);
    t = load_split("{\"type\":\"ByteLevel\",\"add_prefix_space\":true}");
    EXPECT(t, "aa", 0, ' ', 256);
    EXPECT(t, " a<|end|>a", 0, 259, 300, 259);
    tokenizer_free(t);
    t = load_split(SEQUENCE(SPLIT("Regex", "\\\\p{L}+|\\\\p{N}", "Isolated")));
    EXPECT(t, "aa11", 0, 256, '1', '1');
    tokenizer_free(t);
    t = load_split(SEQUENCE(SPLIT("Regex", "1*", "Isolated"))); /* empty matches cut between letters */
    EXPECT(t, "aa11a", 0, 'a', 'a', 258, 'a');
    tokenizer_free(t);
    t = load_split(SEQUENCE(SPLIT("String", "b.", "Removed")));
    EXPECT(t, "ab.ab.1bx", 0, 'a', 'a', '1', 'b', 'x');
    tokenizer_free(t);
    t = load_split(SEQUENCE(SPLIT("Regex", "b", "Removed") "," SPLIT("String", "1", "Isolated")));
    EXPECT(t, "aaba1", 0, 256, 'a', '1');
    tokenizer_free(t);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A pattern that backtracks for ever ends in an error, not in a hang (ctest's time limit is the assertion). */
static void test_runaway_patterns(void **state)
{
    static const char *const pre[] = {SEQUENCE(SPLIT("Regex", "(a+)+(?=b|c)", "Isolated")),
                                      SEQUENCE(SPLIT("Regex", "(?:.+?a++)(?=b|c)", "Isolated"))};
    size_t                   n     = 20000;
    char                    *text  = malloc(n);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', n);
    for (size_t i = 0; i < sizeof pre / sizeof *pre; i++) {
        token_list l = {0};
        tokenizer *t = load_split(pre[i]);
        assert_int_equal(tokenizer_encode(t, &l, text, n, TOKENIZER_USER), MLM_E_RANGE);
        assert_non_null(strstr(mlm_error_message(), "takes too long"));
        assert_int_equal(l.count, 0);
        token_list_free(&l);
        tokenizer_free(t);
    }
    free(text);
}

/* Four times the text may take at most twelve times the time (n log n: 4.3; quadratic: 16), on one-character texts. */
static void test_time_grows_linearly(void **state)
{
    static const char *const units[] = {"a", " ", "_", "^", "7", "\n", " \n", "\xcc\x81\xcc\x96", "'", "ab"};
    tokenizer               *t;
    (void)state;
    assert_int_equal(tokenizer_load(&t, BUILT_IN), MLM_OK);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        double time[2];
        for (int k = 0; k < 2; k++) {
            size_t     n = k ? TOKENIZER_MAX_TEXT / 4 : TOKENIZER_MAX_TEXT / 16, len = strlen(units[u]);
            char      *text = malloc(n);
            token_list l    = {0};
            assert_non_null(text);
            for (size_t i = 0; i < n; i++)
                text[i] = units[u][i % len];
            double start = seconds();
            assert_int_equal(tokenizer_encode(t, &l, text, n, TOKENIZER_USER), MLM_OK);
            time[k] = seconds() - start;
            token_list_free(&l);
            free(text);
        }
        if (time[1] > 12 * time[0] && time[1] > 0.5)
            fail_msg("'%s': %.3f s for 64 KB, %.3f s for 256 KB", units[u], time[0], time[1]);
    }
    tokenizer_free(t);
}

static void test_text_limit(void **state)
{
    tokenizer *t    = load_parts((tokenizer_parts){0});
    char      *text = calloc(TOKENIZER_MAX_TEXT + 1, 1);
    token_list l    = {0};
    (void)state;
    assert_non_null(text);
    assert_int_equal(tokenizer_encode(t, &l, text, TOKENIZER_MAX_TEXT, 0), MLM_OK);
    assert_int_equal(l.count, TOKENIZER_MAX_TEXT);
    assert_int_equal(tokenizer_encode(t, &l, text, TOKENIZER_MAX_TEXT + 1, 0), MLM_E_RANGE);
    assert_non_null(strstr(mlm_error_message(), "1048576"));
    assert_int_equal(l.count, TOKENIZER_MAX_TEXT);
    token_list_free(&l);
    free(text);
    tokenizer_free(t);
}

/* ---- streaming decode ---- */
static size_t stream_bytes(const tokenizer *t, const char *bytes, size_t n, char *out)
{
    tokenizer_stream s = {0};
    char             piece[TOKENIZER_PIECE_BYTES];
    size_t           w = 0, k;
    for (size_t i = 0; i < n; i++) { /* with merges empty, id == byte */
        k = tokenizer_stream_put(t, &s, (uint8_t)bytes[i], piece, sizeof piece);
        assert_true(s.n_held <= 3 && tokenizer_utf8_valid(piece, k) && piece[k] == '\0');
        memcpy(out + w, piece, k);
        w += k;
    }
    k = tokenizer_stream_end(&s, piece, sizeof piece);
    memcpy(out + w, piece, k);
    return w + k;
}

static void test_stream(void **state)
{
    static const char text[] =
        "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbd!";
    tokenizer       *t = load_parts((tokenizer_parts){0});
    char             out[256], piece[TOKENIZER_PIECE_BYTES];
    tokenizer_stream s = {0};
    (void)state;
    size_t n = stream_bytes(t, text, sizeof text - 1, out);
    assert_int_equal(n, sizeof text - 1);
    assert_memory_equal(out, text, n);
    /* nothing before a character is complete, all of it then */
    assert_int_equal(tokenizer_stream_put(t, &s, 0xf0, piece, sizeof piece), 0);
    assert_int_equal(tokenizer_stream_put(t, &s, 0x9f, piece, sizeof piece), 0);
    assert_int_equal(tokenizer_stream_put(t, &s, 300, piece, sizeof piece),
                     0); /* special: nothing, and nothing lost */
    assert_int_equal(tokenizer_stream_put(t, &s, 0x91, piece, sizeof piece), 0);
    assert_int_equal(tokenizer_stream_put(t, &s, 0xa8, piece, sizeof piece), 4);
    assert_string_equal(piece, "\xf0\x9f\x91\xa8");
    assert_int_equal(tokenizer_stream_end(&s, piece, sizeof piece), 0);
    tokenizer_free(t);
}

static void test_stream_invalid(void **state)
{
    tokenizer *t = load_parts((tokenizer_parts){0});
    char       out[3 * 64];
    uint32_t   seed = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) { /* any bytes: the same as replacing in the whole */
        char   bytes[16], whole[3 * 16];
        size_t n = 1 + (size_t)round % 16;
        for (size_t i = 0; i < n; i++) {
            static const char pool[] = "\x80\xbf\xc2\xe0\xed\xf0\xf4\xff"
                                       "a\xa0\x9f\x90\xc0\xe4\xb8\x8f";
            seed                     = seed * 1664525u + 1013904223u;
            bytes[i]                 = pool[(seed >> 24) & 15];
        }
        size_t w = tokenizer_utf8_replace(whole, bytes, n);
        assert_int_equal(stream_bytes(t, bytes, n, out), w);
        assert_memory_equal(out, whole, w);
    }
    tokenizer_free(t);
}

/* Decoding what was encoded gives the text back (NFC text, no special tokens). */
static void test_round_trip(void **state)
{
    static const char text[] = "It's 3 o'clock;\n\n\tна часах \xf0\x9f\x95\x92  \xe6\x97\xb6";
    tokenizer        *t;
    token_list        l = {0};
    tokenizer_stream  s = {0};
    char              out[512], piece[TOKENIZER_PIECE_BYTES];
    size_t            w = 0;
    (void)state;
    assert_int_equal(tokenizer_load(&t, BUILT_IN), MLM_OK);
    assert_int_equal(tokenizer_encode(t, &l, text, sizeof text - 1, TOKENIZER_USER), MLM_OK);
    for (size_t i = 0; i < l.count; i++) {
        size_t n = tokenizer_stream_put(t, &s, l.ids[i], piece, sizeof piece);
        memcpy(out + w, piece, n);
        w += n;
    }
    assert_int_equal(w, sizeof text - 1);
    assert_memory_equal(out, text, w);
    token_list_free(&l);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_ignore_merges),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_added_tokens),
        cmocka_unit_test(test_nfc_of_many_marks),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_runaway_patterns),
        cmocka_unit_test(test_time_grows_linearly),
        cmocka_unit_test(test_text_limit),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_invalid),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
