/*
 * mlm_json_scan.c: the strict JSON scanner (RFC 8259) that decides what cJSON gets to see.
 *
 * One pass, no recursion: a stack of open containers (at most 64) and a state.  Strings are checked as UTF-8
 * (RFC 3629) and for escapes.  The keys of every open object are kept as spans of the text; when the object
 * closes they are sorted by their decoded bytes and neighbours compared, so that even 200,000 keys, however
 * chosen, cost n log n.
 */
#include "kernels/base/mlm_json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_span {
    const char *at; /* after the opening quote                      */
    uint32_t    n;  /* raw bytes before the closing quote           */
    bool        escaped;
} key_span;

typedef struct scanner {
    const char    *text, *name;
    size_t         n, pos;
    unsigned       flags;
    int            depth;
    bool           in_object[MLM_JSON_MAX_DEPTH];
    size_t         first_key[MLM_JSON_MAX_DEPTH]; /* where the keys of an open object begin in `keys` */
    key_span      *keys;
    size_t         n_keys, cap_keys, max_values;
    mlm_json_facts facts;
} scanner;

mlm_status mlm_json_fail_at(const char *text, size_t offset, const char *name, const char *message)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return mlm_fail(MLM_E_FORMAT, "%s: line %zu, column %zu: %s", name, line, offset - start + 1, message);
}

static mlm_status fail_here(const scanner *s, const char *message)
{
    return mlm_json_fail_at(s->text, s->pos < s->n ? s->pos : s->n, s->name, message);
}

static mlm_status fail_unexpected(const scanner *s, const char *wanted)
{
    char message[128], seen[32];
    if (s->pos >= s->n) {
        (void)snprintf(message, sizeof message, "the text ends, wanted %s", wanted);
    } else {
        size_t n = 1;
        while (n < 4 && s->pos + n < s->n && ((unsigned char)s->text[s->pos + n] & 0xc0u) == 0x80u)
            n++;
        (void)mlm_escape_text(seen, sizeof seen, s->text + s->pos, n, false);
        (void)snprintf(message, sizeof message, "found '%s', wanted %s", seen, wanted);
    }
    return fail_here(s, message);
}

static int peek(const scanner *s)
{
    return s->pos < s->n ? (unsigned char)s->text[s->pos] : -1;
}

static void skip_space(scanner *s)
{
    for (int c = peek(s); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(s))
        s->pos++;
}

/* ---- strings ------------------------------------------------------------------------------------ */

static int hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits at `at`, -1 if they are not there. */
static int hex4(const scanner *s, size_t at)
{
    int v = 0;
    if (at > s->n || s->n - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int d = hex_digit((unsigned char)s->text[at + i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static mlm_status scan_escape(scanner *s)
{
    int c = s->pos + 1 < s->n ? (unsigned char)s->text[s->pos + 1] : 0;
    if (c != 0 && c != 'u' && strchr("\"\\/bfnrt", c)) {
        s->pos += 2;
        return MLM_OK;
    }
    int unit = c == 'u' ? hex4(s, s->pos + 2) : -1;
    if (unit < 0)
        return fail_here(s, "a backslash that begins no escape of JSON");
    if (unit == 0 && !(s->flags & MLM_JSON_ALLOW_NUL))
        return fail_here(s, "\\u0000 in a string is not allowed");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail_here(s, "a low surrogate without a high one before it");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        bool escape = s->n - s->pos >= 12 && s->text[s->pos + 6] == '\\' && s->text[s->pos + 7] == 'u';
        int  low    = escape ? hex4(s, s->pos + 8) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return fail_here(s, "a high surrogate without a low one after it");
        s->pos += 6;
    }
    s->pos += 6;
    return MLM_OK;
}

/* Length of a multi-byte UTF-8 sequence (first byte >= 0x80), 0 when it is not one. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t        len = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
                        : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                        : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                       : 0;
    if (len == 0 || len > n)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (p[0] == 0xf0)
        low = 0x90; /* overlong */
    else if (p[0] == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return len;
}

/* At the opening quote; leaves pos after the closing one. */
static mlm_status scan_string(scanner *s, key_span *span)
{
    size_t start   = ++s->pos;
    bool   escaped = false;
    for (;;) {
        int c = peek(s);
        if (c < 0)
            return fail_here(s, "the text ends inside a string");
        if (c == '"')
            break;
        if (c == '\\') {
            escaped = true;
            MLM_TRY(scan_escape(s));
        } else if (c < 0x20) {
            return fail_here(s, "a control character inside a string must be escaped");
        } else if (c < 0x80) {
            s->pos++;
        } else {
            size_t len = utf8_length((const unsigned char *)s->text + s->pos, s->n - s->pos);
            if (len == 0)
                return fail_here(s, "a string is not valid UTF-8");
            s->pos += len;
        }
    }
    *span = (key_span){.at = s->text + start, .n = (uint32_t)(s->pos - start), .escaped = escaped};
    s->pos++;
    return MLM_OK;
}

/* ---- keys --------------------------------------------------------------------------------------- */

/* Next decoded UTF-8 bytes of a valid raw string: writes 1..4 bytes to out, moves *at.  Returns their number. */
static size_t decode_next(const char **at, unsigned char out[4])
{
    const char *p = *at;
    if (p[0] != '\\') {
        out[0] = (unsigned char)p[0];
        *at    = p + 1;
        return 1;
    }
    if (p[1] != 'u') {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char       *k = strchr(from, p[1]);
        out[0]              = (unsigned char)(k ? to[k - from] : p[1]);
        *at                 = p + 2;
        return 1;
    }
    uint32_t cp = 0;
    for (int i = 2; i < 6; i++)
        cp = cp * 16 + (uint32_t)hex_digit((unsigned char)p[i]);
    *at = p + 6;
    if (cp >= 0xd800 && cp <= 0xdbff) {
        uint32_t low = 0;
        for (int i = 8; i < 12; i++)
            low = low * 16 + (uint32_t)hex_digit((unsigned char)p[i]);
        cp  = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
        *at = p + 12;
    }
    if (cp < 0x80) {
        out[0] = (unsigned char)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, cp >>= 6)
        out[i] = (unsigned char)(0x80u | (cp & 0x3fu));
    out[0] = (unsigned char)((0xf00u >> len) | cp);
    return len;
}

size_t mlm_json_string_span(const char *text, size_t *decoded, bool *has_nul)
{
    const char   *p = text + 1;
    unsigned char bytes[4];
    *decoded = 0;
    *has_nul = false;
    while (*p != '"') {
        *decoded += decode_next(&p, bytes);
        if (bytes[0] == 0)
            *has_nul = true;
    }
    return (size_t)(p - text) + 1;
}

static int compare_escaped(const key_span *a, const key_span *b)
{
    const char   *p = a->at, *q = b->at, *p_end = a->at + a->n, *q_end = b->at + b->n;
    unsigned char x[4], y[4];
    size_t        nx = 0, ny = 0, ix = 0, iy = 0;
    for (;;) {
        if (ix == nx && p < p_end) {
            nx = decode_next(&p, x);
            ix = 0;
        }
        if (iy == ny && q < q_end) {
            ny = decode_next(&q, y);
            iy = 0;
        }
        if (ix == nx || iy == ny)
            return (ix < nx) - (iy < ny);
        if (x[ix] != y[iy])
            return x[ix] < y[iy] ? -1 : 1;
        ix++;
        iy++;
    }
}

static int compare_keys(const void *pa, const void *pb)
{
    const key_span *a = pa, *b = pb;
    if (a->escaped || b->escaped)
        return compare_escaped(a, b);
    int order = memcmp(a->at, b->at, a->n < b->n ? a->n : b->n);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static mlm_status push_key(scanner *s, key_span key)
{
    if (s->n_keys == s->cap_keys) {
        size_t    cap  = s->cap_keys ? s->cap_keys * 2 : 64;
        key_span *keys = realloc(s->keys, cap * sizeof *keys);
        if (!keys)
            return mlm_fail_nomem(cap * sizeof *keys, s->name);
        s->keys     = keys;
        s->cap_keys = cap;
    }
    s->keys[s->n_keys++] = key;
    return MLM_OK;
}

/* Refuses two equal keys among the last keys; then forgets them. */
static mlm_status close_keys(scanner *s, size_t first)
{
    size_t n  = s->n_keys - first;
    s->n_keys = first;
    if (n < 2)
        return MLM_OK;
    key_span *keys = s->keys + first;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) != 0)
            continue;
        const key_span *later = keys[i].at > keys[i - 1].at ? &keys[i] : &keys[i - 1];
        char            message[320];
        (void)snprintf(message, sizeof message, "the key \"%.*s\" appears twice",
                       later->n < 256 ? (int)later->n : 256, later->at);
        return mlm_json_fail_at(s->text, (size_t)(later->at - s->text) - 1, s->name, message);
    }
    return MLM_OK;
}

/* ---- values ------------------------------------------------------------------------------------- */

static bool take_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    if (s->n - s->pos < n || memcmp(s->text + s->pos, word, n) != 0)
        return false;
    s->pos += n;
    return true;
}

static bool take_digits(scanner *s)
{
    size_t start = s->pos;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->pos++;
    return s->pos > start;
}

static mlm_status scan_number(scanner *s)
{
    if (peek(s) == '-')
        s->pos++;
    if (peek(s) == '0') {
        s->pos++;
        if (peek(s) >= '0' && peek(s) <= '9')
            return fail_here(s, "a number with a leading zero");
    } else if (!take_digits(s)) {
        return fail_unexpected(s, "a digit");
    }
    if (peek(s) == '.') {
        s->pos++;
        if (!take_digits(s))
            return fail_unexpected(s, "a digit after the decimal point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->pos++;
        if (peek(s) == '+' || peek(s) == '-')
            s->pos++;
        if (!take_digits(s))
            return fail_unexpected(s, "a digit of the exponent");
    }
    return MLM_OK;
}

static mlm_status scan_scalar(scanner *s)
{
    key_span unused;
    int      c = peek(s);
    if (c == '"')
        return scan_string(s, &unused);
    if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null"))
        return MLM_OK;
    if ((s->flags & MLM_JSON_ALLOW_INFINITY) &&
        (take_word(s, "Infinity") || take_word(s, "-Infinity") || take_word(s, "NaN"))) {
        s->facts.n_infinite++;
        return MLM_OK;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    return fail_unexpected(s, "a value");
}

static mlm_status scan_key(scanner *s)
{
    key_span key;
    if (peek(s) != '"')
        return fail_unexpected(s, "a key in double quotes");
    MLM_TRY(scan_string(s, &key));
    MLM_TRY(push_key(s, key));
    skip_space(s);
    if (peek(s) != ':')
        return fail_unexpected(s, "':'");
    s->pos++;
    skip_space(s);
    return MLM_OK;
}

/* After '[' or '{': opens the container.  *empty when it closes at once. */
static mlm_status open_container(scanner *s, bool *empty)
{
    bool object = peek(s) == '{';
    if (s->depth == MLM_JSON_MAX_DEPTH)
        return fail_here(s, "more than 64 levels of nesting");
    s->in_object[s->depth] = object;
    s->first_key[s->depth] = s->n_keys;
    s->depth++;
    s->pos++;
    skip_space(s);
    *empty = peek(s) == (object ? '}' : ']');
    return *empty || !object ? MLM_OK : scan_key(s);
}

/* After a value: closes containers while they end; *more when another value follows. */
static mlm_status after_value(scanner *s, bool *more)
{
    *more = false;
    while (s->depth > 0) {
        bool object = s->in_object[s->depth - 1];
        skip_space(s);
        if (peek(s) == ',') {
            s->pos++;
            skip_space(s);
            *more = true;
            return object ? scan_key(s) : MLM_OK;
        }
        if (peek(s) != (object ? '}' : ']'))
            return fail_unexpected(s, object ? "',' or '}'" : "',' or ']'");
        s->pos++;
        s->depth--;
        if (object)
            MLM_TRY(close_keys(s, s->first_key[s->depth]));
    }
    return MLM_OK;
}

static mlm_status scan_document(scanner *s)
{
    bool more = true;
    skip_space(s);
    while (more) {
        int  c     = peek(s);
        bool empty = true;
        if (++s->facts.n_values > s->max_values) {
            char message[96];
            (void)snprintf(message, sizeof message, "more than %zu values, which is the limit",
                           s->max_values);
            return fail_here(s, message);
        }
        if (c == '{' || c == '[') {
            MLM_TRY(open_container(s, &empty));
            if (!empty)
                continue;
        } else {
            MLM_TRY(scan_scalar(s));
        }
        MLM_TRY(after_value(s, &more));
    }
    skip_space(s);
    return s->pos == s->n ? MLM_OK : fail_unexpected(s, "the end of the text after one value");
}

mlm_status mlm_json_scan(mlm_json_facts *facts, const char *text, size_t n, const char *name, unsigned flags,
                         size_t max_values)
{
    scanner    s      = {.text = text, .name = name, .n = n, .flags = flags, .max_values = max_values};
    mlm_status status = scan_document(&s);
    *facts            = s.facts;
    free(s.keys);
    return status;
}
