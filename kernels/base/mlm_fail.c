/*
 * mlm_fail.c: the failure message of a thread, and the escaping of text on its way to a person.
 *
 * The message lives in a thread-local buffer of 4 KB; nothing here allocates, so a failure can always be
 * reported.  Escaping works on code points: what could move a cursor, change colours or reorder text (C0,
 * DEL, C1, bidi controls, line separators) and bytes that are not UTF-8 become \xNN.
 */
#include "kernels/base/mlm_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 4096

static _Thread_local char thread_message[MESSAGE_BYTES];

const char *mlm_status_name(mlm_status status)
{
    switch (status) {
    case MLM_OK:
        return "MLM_OK";
    case MLM_E_NOMEM:
        return "MLM_E_NOMEM";
    case MLM_E_IO:
        return "MLM_E_IO";
    case MLM_E_FORMAT:
        return "MLM_E_FORMAT";
    case MLM_E_CONFIG:
        return "MLM_E_CONFIG";
    case MLM_E_SHAPE:
        return "MLM_E_SHAPE";
    case MLM_E_DTYPE:
        return "MLM_E_DTYPE";
    case MLM_E_DEVICE:
        return "MLM_E_DEVICE";
    case MLM_E_UNSUPPORTED:
        return "MLM_E_UNSUPPORTED";
    case MLM_E_RANGE:
        return "MLM_E_RANGE";
    case MLM_E_CANCELLED:
        return "MLM_E_CANCELLED";
    case MLM_E_STATE:
        return "MLM_E_STATE";
    case MLM_E_NOTFOUND:
        return "MLM_E_NOTFOUND";
    }
    return "unknown status";
}

const char *mlm_error_message(void)
{
    return thread_message;
}

/* Length of the UTF-8 sequence at s (at most n bytes), 0 if it is not one; its code point in *cp. */
static size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t v = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0u) != 0x80u)
            return 0;
        v = (v << 6) | (s[i] & 0x3fu);
    }
    if (v < smallest[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *cp = v;
    return len;
}

static bool drives_a_terminal(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

size_t mlm_escape_text(char *dst, size_t cap, const char *src, size_t n, bool keep_newlines)
{
    static const char    hex[] = "0123456789ABCDEF";
    const unsigned char *s     = (const unsigned char *)src;
    size_t               out   = 0;
    if (cap == 0)
        return 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp   = 0;
        size_t   len  = utf8_decode(s + i, n - i, &cp);
        bool     pass = len > 0 && (!drives_a_terminal(cp) || (keep_newlines && (cp == '\n' || cp == '\t')));
        if (len == 0)
            len = 1;
        if (out + (pass ? len : 4 * len) >= cap)
            break;
        for (size_t k = 0; k < len; k++) {
            if (pass) {
                dst[out++] = src[i + k];
            } else {
                dst[out++] = '\\';
                dst[out++] = 'x';
                dst[out++] = hex[s[i + k] >> 4];
                dst[out++] = hex[s[i + k] & 15u];
            }
        }
        i += len;
    }
    dst[out] = '\0';
    return out;
}

/* Stores what vsnprintf made of a message (its return value is `wanted`): a character that the cut at the
 * end of `raw` split is dropped, not shown as broken. */
static void store_message(const char *raw, size_t cap, int wanted)
{
    size_t n = strnlen(raw, cap - 1);
    if (wanted >= 0 && (size_t)wanted >= cap) {
        size_t back = n;
        while (back > 0 && n - back < 3 && ((unsigned char)raw[back - 1] & 0xc0u) == 0x80u)
            back--;
        if (back > 0 && (unsigned char)raw[back - 1] >= 0xc0u)
            n = back - 1;
    }
    (void)mlm_escape_text(thread_message, sizeof thread_message, raw, n, false);
}

mlm_status mlm_fail(mlm_status status, const char *fmt, ...)
{
    /* Arguments may point into the old message: format beside it first. */
    char    raw[MESSAGE_BYTES];
    int     saved_errno = errno;
    va_list args;
    va_start(args, fmt);
    raw[0]     = '\0';
    int wanted = vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    store_message(raw, sizeof raw, wanted);
    errno = saved_errno;
    return status;
}

mlm_status mlm_fail_context(mlm_status status, const char *fmt, ...)
{
    char    raw[MESSAGE_BYTES];
    int     saved_errno = errno;
    va_list args;
    va_start(args, fmt);
    raw[0]     = '\0';
    int wanted = vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    if (wanted >= 0 && (size_t)wanted < sizeof raw) {
        size_t used = (size_t)wanted;
        int    tail = snprintf(raw + used, sizeof raw - used, ": %s", thread_message);
        wanted      = tail < 0 ? -1 : wanted + tail;
    }
    store_message(raw, sizeof raw, wanted);
    errno = saved_errno;
    return status;
}

mlm_status mlm_fail_nomem(size_t bytes, const char *what)
{
    if (bytes < 1u << 20)
        return mlm_fail(MLM_E_NOMEM, "out of memory: %zu bytes for %s", bytes, what);
    return mlm_fail(MLM_E_NOMEM, "out of memory: %.1f MiB for %s", (double)bytes / 1048576.0, what);
}
