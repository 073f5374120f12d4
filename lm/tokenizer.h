/*
 * tokenizer.h: tokenizer.json of Hugging Face, read as it is.
 *
 * Model BPE, byte-level; pre-tokenizers ByteLevel (implies the GPT-2 pattern), Split with a pattern (PCRE2),
 * Sequence of these; normalizer NFC (utf8proc) or none; added tokens, special or not, normalized or not;
 * merges as "a b" strings or pairs.  What is not supported is refused at load, by name.
 * Linear time: O(n log n) merges on a heap, guarded pre-tokenizer.
 */
#ifndef LM_TOKENIZER_H
#define LM_TOKENIZER_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

#define TOKENIZER_MAX_TEXT ((size_t)1 << 20) /* bytes of one encode call */

typedef struct tokenizer tokenizer;

/* Immutable after load: may be shared by threads.  Owned: tokenizer_free. */
mlm_status tokenizer_load(tokenizer **out, const char *path) MLM_WARN_UNUSED;
mlm_status tokenizer_load_memory(tokenizer **out, const char *json, size_t n,
                                 const char *name) MLM_WARN_UNUSED;
void       tokenizer_free(tokenizer *t);

int     tokenizer_vocab_size(const tokenizer *t);                  /* largest id + 1 */
int32_t tokenizer_token_id(const tokenizer *t, const char *token); /* added or vocabulary token; -1 absent */
/* The bytes a token decodes to (not terminated); special tokens give their text.  NULL for unknown ids. */
const char *tokenizer_token_bytes(const tokenizer *t, int32_t id, size_t *n);
bool        tokenizer_is_special(const tokenizer *t, int32_t id);

typedef struct token_list {
    int32_t *ids; /* owned by the list */
    size_t   count, capacity;
} token_list;
mlm_status token_list_push(token_list *l, int32_t id) MLM_WARN_UNUSED; /* MLM_E_NOMEM: unchanged */
void       token_list_free(token_list *l);                             /* zeroed struct is fine */

typedef enum tokenizer_mode {
    TOKENIZER_TEMPLATE = 0, /* special tokens in the text become their ids (our own templates)        */
    TOKENIZER_USER     = 1  /* what a user typed: special tokens stay ordinary text, byte by byte BPE  */
} tokenizer_mode;

/* Appends to `out`.  Invalid UTF-8 is replaced by U+FFFD as Python's "replace" does.  MLM_E_RANGE above
 * TOKENIZER_MAX_TEXT.  Thread-safe. */
mlm_status tokenizer_encode(const tokenizer *t, token_list *out, const char *text, size_t n,
                            tokenizer_mode mode) MLM_WARN_UNUSED;

/* Streaming decode: bytes that do not yet complete a character are held back (at most 3). */
typedef struct tokenizer_stream {
    char    held[8];
    uint8_t n_held;
} tokenizer_stream;
/* Adds a token's bytes; writes complete, valid UTF-8 (invalid sequences become U+FFFD) to buf, terminated.
 * Special tokens give nothing.  Returns the length.  cap >= 3 * longest token + 16 (TOKENIZER_PIECE_BYTES). */
#define TOKENIZER_PIECE_BYTES 4096
size_t tokenizer_stream_put(const tokenizer *t, tokenizer_stream *s, int32_t id, char *buf, size_t cap);
size_t tokenizer_stream_end(tokenizer_stream *s, char *buf, size_t cap); /* what is held, as U+FFFD */

#endif
