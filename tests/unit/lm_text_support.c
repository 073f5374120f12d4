/* lm_text_support.c: see lm_text_support.h. */
#include "lm_text_support.h"

#include "lm/tokenizer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_default(const char *s, const char *def)
{
    return s ? s : def;
}

char *tokenizer_parts_json(const tokenizer_parts *p)
{
    char  *json = NULL;
    size_t n    = 0;
    FILE  *f    = open_memstream(&json, &n);
    if (!f)
        return NULL;
    fprintf(f, "{\"version\":\"1.0\",\"added_tokens\":%s,\"normalizer\":%s,\"pre_tokenizer\":%s,",
            or_default(p->added, "[{\"id\":300,\"content\":\"<|end|>\",\"special\":true}]"),
            or_default(p->normalizer, "null"),
            or_default(p->pre_tokenizer, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"));
    fprintf(f, "\"post_processor\":%s,\"decoder\":%s,\"model\":{\"type\":\"BPE\",\"vocab\":{",
            or_default(p->post_processor, "null"), or_default(p->decoder, "{\"type\":\"ByteLevel\"}"));
    const char *comma = "";
    for (int b = 0; b < 256; b++) {
        char text[8] = "";
        if (p->skip_byte > 0 && b == p->skip_byte)
            continue;
        (void)tokenizer_utf8_put(text, tokenizer_byte_to_char((uint8_t)b));
        fprintf(f, "%s\"%s%s\":%d", comma, b == '"' || b == '\\' ? "\\" : "", text, b);
        comma = ",";
    }
    fprintf(f, "%s},\"merges\":%s%s}}", or_default(p->vocab_extra, ""), or_default(p->merges, "[]"),
            or_default(p->model_extra, ""));
    fclose(f);
    return json;
}
