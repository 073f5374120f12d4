/* json_out.c: JSON strings that are valid UTF-8 whatever came in, and cannot drive a terminal that shows them. */
#include "app/cli/cli.h"

#include <string.h>

/* Length of the valid UTF-8 character at s (0: none) and its code point. */
static int decode(const unsigned char *s, unsigned *code)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int                   n       = s[0] < 0x80                   ? 1
                                    : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                    : (s[0] & 0xf0u) == 0xe0      ? 3
                                    : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                                  : 0;
    if (n <= 1) {
        *code = s[0];
        return n;
    }
    unsigned c = s[0] & (0x7fu >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0u) != 0x80u)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return n;
}

/* C0, DEL, C1 and the marks that turn the direction of text. */
static bool is_dangerous(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void json_string(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    out_text("\"");
    while (*s != '\0') {
        unsigned code = 0;
        int      n    = decode(s, &code);
        if (n == 0) {
            out_text("\\ufffd");
            s++;
            continue;
        }
        if (code == '"' || code == '\\')
            out_printf("\\%c", (int)code);
        else if (code == '\n')
            out_text("\\n");
        else if (is_dangerous(code))
            out_printf("\\u%04x", code);
        else
            out_printf("%.*s", n, (const char *)s);
        s += n;
    }
    out_text("\"");
}

bool json_is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        unsigned code = 0;
        int      n    = decode(s, &code);
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

void json_text(const char *key, const char *text, bool first)
{
    out_printf("%s\"%s\": ", first ? "" : ", ", key);
    json_string(text);
}

void json_file_name(const char *key, const char *name, bool first)
{
    json_text(key, name, first);
    if (json_is_utf8(name))
        return;
    out_printf(", \"%s_bytes\": \"", key);
    for (const unsigned char *s = (const unsigned char *)name; *s != '\0'; s++)
        out_printf("%02x", *s);
    out_text("\"");
}
