/* fuzz_tokenizer_json.c: any bytes as a tokenizer.json; one that loads must encode and decode.  "BYTES" in a corpus file
 * stands for the 256 byte symbols, so that mutations reach what lies behind the check for them. */
#include "lm/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t put_symbols(char *dst)
{
    size_t w = 0;
    for (int b = 0; b < 256; b++) {
        dst[w++] = '"';
        if (b == '"' || b == '\\')
            dst[w++] = '\\';
        w += tokenizer_utf8_put(dst + w, tokenizer_byte_to_char((uint8_t)b));
        dst[w++] = '"';
        dst[w++] = ':';
        if (b >= 100)
            dst[w++] = (char)('0' + b / 100);
        if (b >= 10)
            dst[w++] = (char)('0' + b / 10 % 10);
        dst[w++] = (char)('0' + b % 10);
        dst[w++] = ',';
    }
    return w - 1;
}

static void use(const tokenizer *t)
{
    static const char text[] = "Hello  world\n\n e\xcc\x81 <|end|> 'll 123 \xff <n>\xcc\xb8 aaaaaaaabbbb";
    for (int mode = 0; mode < 2; mode++) {
        token_list       l = {0};
        tokenizer_stream s = {0};
        char             piece[TOKENIZER_PIECE_BYTES];
        if (tokenizer_encode(t, &l, text, sizeof text, (tokenizer_mode)mode) == MLM_OK)
            for (size_t i = 0; i < l.count; i++)
                if (!tokenizer_utf8_valid(piece, tokenizer_stream_put(t, &s, l.ids[i], piece, sizeof piece)))
                    abort();
        token_list_free(&l);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer  *t;
    const char *mark = size > 0 ? memmem(data, size, "BYTES", 5) : NULL;
    char       *json = malloc(size + 8192);
    size_t      n    = size;
    if (!json)
        return 0;
    if (mark) {
        size_t before = (size_t)(mark - (const char *)data);
        memcpy(json, data, before);
        n = before + put_symbols(json + before);
        memcpy(json + n, mark + 5, size - before - 5);
        n += size - before - 5;
    } else if (size > 0) {
        memcpy(json, data, size);
    }
    if (tokenizer_load_memory(&t, json, n, "fuzz.json") == MLM_OK) {
        use(t);
        tokenizer_free(t);
    }
    free(json);
    return 0;
}
