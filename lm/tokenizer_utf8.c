/*
 * tokenizer_utf8.c: UTF-8 and NFC.
 *
 * Ill-formed bytes become U+FFFD, one for each maximal subpart (Unicode 3.9, table 3-8; Python's and Rust's
 * "replace" do the same).  NFC: canonical decomposition and composition of single characters through utf8proc;
 * the reordering of combining marks between them is ours, because utf8proc's is quadratic in their number.
 */
#include "lm/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Number of bytes that the lead byte announces, and the limits of the second byte (0: not a lead byte). */
static size_t lead_length(uint8_t lead, uint8_t *lo, uint8_t *hi)
{
    *lo = 0x80;
    *hi = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0)
            *lo = 0xa0; /* no overlong forms */
        if (lead == 0xed)
            *hi = 0x9f; /* no surrogates */
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0)
            *lo = 0x90;
        if (lead == 0xf4)
            *hi = 0x8f; /* up to U+10FFFF */
        return 4;
    }
    return 0;
}

size_t tokenizer_utf8_next(const char *s, size_t n, int32_t *cp, size_t *bad, bool *cut)
{
    const uint8_t *u = (const uint8_t *)s;
    uint8_t        lo, hi;
    *cut = false;
    *bad = 1;
    if (u[0] < 0x80) {
        *cp = u[0];
        return 1;
    }
    size_t len = lead_length(u[0], &lo, &hi);
    if (len == 0)
        return 0;
    int32_t c = u[0] & (0x7f >> len);
    for (size_t i = 1; i < len; i++, lo = 0x80, hi = 0xbf) {
        *bad = i;
        if (i == n) {
            *cut = true;
            return 0;
        }
        if (u[i] < lo || u[i] > hi)
            return 0;
        c = (c << 6) | (u[i] & 0x3f);
    }
    *cp = c;
    return len;
}

size_t tokenizer_utf8_get(const char *s, int32_t *cp)
{
    const uint8_t *u = (const uint8_t *)s;
    if (u[0] < 0x80) {
        *cp = u[0];
        return 1;
    }
    if (u[0] < 0xe0) {
        *cp = (u[0] & 0x1f) << 6 | (u[1] & 0x3f);
        return 2;
    }
    if (u[0] < 0xf0) {
        *cp = (u[0] & 0x0f) << 12 | (u[1] & 0x3f) << 6 | (u[2] & 0x3f);
        return 3;
    }
    *cp = (u[0] & 0x07) << 18 | (u[1] & 0x3f) << 12 | (u[2] & 0x3f) << 6 | (u[3] & 0x3f);
    return 4;
}

size_t tokenizer_utf8_put(char *dst, int32_t cp)
{
    return (size_t)utf8proc_encode_char(cp, (utf8proc_uint8_t *)dst);
}

bool tokenizer_utf8_valid(const char *s, size_t n)
{
    size_t  bad, len;
    int32_t cp;
    bool    cut;
    for (size_t i = 0; i < n; i += len) {
        len = tokenizer_utf8_next(s + i, n - i, &cp, &bad, &cut);
        if (len == 0)
            return false;
    }
    return true;
}

size_t tokenizer_utf8_replace(char *dst, const char *s, size_t n)
{
    size_t  w = 0, bad;
    int32_t cp;
    bool    cut;
    for (size_t i = 0; i < n;) {
        size_t len = tokenizer_utf8_next(s + i, n - i, &cp, &bad, &cut);
        if (len == 0) {
            memcpy(dst + w, "\xEF\xBF\xBD", 3);
            w += 3;
            i += bad;
        } else {
            memcpy(dst + w, s + i, len);
            w += len;
            i += len;
        }
    }
    return w;
}

/* ---- NFC ---------------------------------------------------------------------------------------- */
enum { MAX_DECOMPOSED = 8 }; /* of one character; Unicode's canonical maximum is 4 */

/*
 * The reference normalizes by Unicode 9 (Rust's unicode-normalization 0.1.12); models were trained on its output.
 * Characters that took part in NFC only later (combining classes and one pair), up to Unicode 15: they are left
 * where they stand, and nothing composes across them.
 */
static const int32_t newer_than_reference[][2] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
    {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},
    {0xa82c, 0xa82c},   {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50},
    {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0},
    {0x11a34, 0x11a34}, {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45},
    {0x11d97, 0x11d97}, {0x11f41, 0x11f42}, {0x16ff0, 0x16ff1}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136},
    {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
};

static bool is_newer(int32_t cp)
{
    size_t lo = 0, hi = sizeof newer_than_reference / sizeof *newer_than_reference;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (newer_than_reference[mid][1] < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof newer_than_reference / sizeof *newer_than_reference &&
           newer_than_reference[lo][0] <= cp;
}

static int combining_class(int32_t cp)
{
    int k = utf8proc_get_property(cp)->combining_class;
    return k != 0 && is_newer(cp) ? 0 : k;
}

/* Stable sort of a run of combining marks by class: insertion for the usual one to four, counting for more. */
static mlm_status sort_marks(int32_t *run, size_t n)
{
    if (n <= 24) {
        for (size_t i = 1; i < n; i++) {
            int32_t c = run[i];
            int     k = combining_class(c);
            size_t  j = i;
            for (; j > 0 && combining_class(run[j - 1]) > k; j--)
                run[j] = run[j - 1];
            run[j] = c;
        }
        return MLM_OK;
    }
    size_t   start[257] = {0};
    int32_t *sorted     = malloc(n * sizeof *sorted);
    if (!sorted)
        return mlm_fail_nomem(n * sizeof *sorted, "normalized text");
    for (size_t i = 0; i < n; i++)
        start[(combining_class(run[i]) & 255) + 1]++;
    for (size_t k = 1; k < 257; k++)
        start[k] += start[k - 1];
    for (size_t i = 0; i < n; i++)
        sorted[start[combining_class(run[i]) & 255]++] = run[i];
    memcpy(run, sorted, n * sizeof *run);
    free(sorted);
    return MLM_OK;
}

static mlm_status sort_all_marks(int32_t *cps, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && combining_class(cps[end]) != 0)
            end++;
        if (end - i > 1)
            MLM_TRY(sort_marks(cps + i, end - i));
        i = end + 1;
    }
    return MLM_OK;
}

/* Full canonical decomposition; with cps == NULL only the count. */
static size_t decompose(int32_t *cps, const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t part[MAX_DECOMPOSED];
        int32_t          cp;
        int              boundclass = 0;
        i += tokenizer_utf8_get(s + i, &cp);
        utf8proc_ssize_t k =
            utf8proc_decompose_char(cp, part, MAX_DECOMPOSED, UTF8PROC_DECOMPOSE, &boundclass);
        if (k < 1 || k > MAX_DECOMPOSED ||
            (k > 1 && is_newer(cp))) { /* the first two: never for a scalar value */
            part[0] = cp;
            k       = 1;
        }
        if (cps)
            memcpy(cps + count, part, (size_t)k * sizeof *cps);
        count += (size_t)k;
    }
    return count;
}

/* Canonical composition of decomposed, ordered characters, written as UTF-8. */
static size_t compose(char *dst, int32_t *cps, size_t n)
{
    size_t           w = 0;
    utf8proc_ssize_t k =
        utf8proc_normalize_utf32(cps, (utf8proc_ssize_t)n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t i = 0; i < k; i++)
        w += tokenizer_utf8_put(dst + w, cps[i]);
    return w;
}

mlm_status tokenizer_nfc(char **out, size_t *out_n, const char *s, size_t n)
{
    size_t i = 0;
    *out     = NULL;
    while (i < n && (uint8_t)s[i] < 0xcc) /* below U+0300 nothing composes or reorders */
        i++;
    if (i == n)
        return MLM_OK;
    size_t   count = decompose(NULL, s, n), w = 0;
    int32_t *cps  = malloc(count * sizeof *cps);
    char    *text = malloc(count * 4);
    if (!cps || !text) {
        free(cps);
        free(text);
        return mlm_fail_nomem(count * 8, "normalized text");
    }
    decompose(cps, s, n);
    mlm_status status = sort_all_marks(cps, count);
    if (status == MLM_OK) {
        for (size_t from = 0, to; from < count; from = to) {
            for (to = from + 1; to < count && !is_newer(cps[to]) && !is_newer(cps[to - 1]);)
                to++;
            w += compose(text + w, cps + from, to - from);
        }
        *out   = text;
        *out_n = w;
    } else {
        free(text);
    }
    free(cps);
    return status;
}

/* ---- byte-level alphabet ------------------------------------------------------------------------ */
int32_t tokenizer_byte_to_char(uint8_t byte)
{
    if (byte < 33)
        return 256 + byte;
    if (byte >= 127 && byte <= 160)
        return 289 + (byte - 127);
    return byte == 173 ? 323 : byte;
}

int tokenizer_char_to_byte(int32_t cp)
{
    if (cp >= 256 && cp < 289)
        return cp - 256;
    if (cp >= 289 && cp < 323)
        return cp - 289 + 127;
    if (cp == 323)
        return 173;
    if (cp < 33 || cp > 255 || (cp >= 127 && cp <= 160) || cp == 173)
        return -1;
    return cp;
}
