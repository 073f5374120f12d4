/* lm_text_support.h: small tokenizer.json texts for tests, each part replaceable. */
#ifndef TESTS_LM_TEXT_SUPPORT_H
#define TESTS_LM_TEXT_SUPPORT_H

#include <stddef.h>

/* JSON text of each part; NULL: the default.  vocab_extra and model_extra begin with a comma. */
typedef struct tokenizer_parts {
    const char *vocab_extra; /* after the 256 byte symbols, ids 0 .. 255 = the byte                    */
    const char *merges;      /* [] */
    const char *model_extra;
    const char *added;          /* <|end|> = 300, special */
    const char *normalizer;     /* null */
    const char *pre_tokenizer;  /* ByteLevel without a prefix space */
    const char *post_processor; /* null */
    const char *decoder;        /* ByteLevel */
    int         skip_byte;      /* > 0: this byte has no symbol */
} tokenizer_parts;

char *tokenizer_parts_json(const tokenizer_parts *p); /* owned: free */

#endif
