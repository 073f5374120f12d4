/*
 * tokenizer_private.h: what the files of the tokenizer share.
 *
 *   tokenizer_load.c    vocabulary, merges, added tokens of tokenizer.json, each checked
 *   tokenizer_config.c  normalizer, pre_tokenizer, post_processor, decoder of tokenizer.json
 *   tokenizer_map.c     text -> id, pair of ids -> merge; the token list
 *   tokenizer_utf8.c    UTF-8 with replacement, NFC
 *   tokenizer_added.c   added tokens in a text: leftmost, then longest
 *   pretokenize.c       text -> pieces (GPT-2 pattern by hand, others by PCRE2)
 *   tokenizer_bpe.c     piece -> ids
 *   tokenizer.c         encode, decode
 *
 * An encode: replace invalid UTF-8; split off added tokens that are not "normalized"; NFC of what lies between;
 * split off the "normalized" ones; pre-tokenize what lies between; merge each piece.
 */
#ifndef LM_TOKENIZER_PRIVATE_H
#define LM_TOKENIZER_PRIVATE_H

#include "kernels/base/mlm_json.h"
#include "lm/tokenizer.h"

enum {
    TOKENIZER_MAX_IDS         = 1 << 20,
    TOKENIZER_MAX_FILE        = 64 << 20,
    TOKENIZER_MAX_TOKEN_BYTES = (TOKENIZER_PIECE_BYTES - 16) / 3, /* so that a decoded piece always fits */
    TOKENIZER_MAX_TOKEN_TEXT  = 2 * TOKENIZER_MAX_TOKEN_BYTES,    /* as written in the file               */
    TOKENIZER_MAX_ADDED_BYTES = 256,
    TOKENIZER_MAX_PATTERN     = 4096,
    TOKENIZER_MAX_STEPS       = 8
};

/* ---- tables ------------------------------------------------------------------------------------- */
enum { TOKENIZER_KNOWN = 1u << 0, TOKENIZER_IN_VOCAB = 1u << 1, TOKENIZER_SPECIAL = 1u << 2 };

typedef struct tokenizer_entry {
    uint32_t text_at, text_len;   /* as in the file, in tokenizer.blob */
    uint32_t bytes_at, bytes_len; /* what it decodes to, in tokenizer.blob */
    uint32_t flags;
} tokenizer_entry;

typedef struct tokenizer_merge {
    uint64_t pair; /* left << 32 | right; UINT64_MAX: empty slot */
    uint32_t rank;
    int32_t  id; /* of the merged token */
} tokenizer_merge;

typedef struct tokenizer_added_token {
    uint32_t at, len; /* text to match, in tokenizer.blob (normalized for the second set) */
    int32_t  id;
    bool     special;
} tokenizer_added_token;

typedef struct tokenizer_added {
    tokenizer_added_token *item; /* sorted by bytes */
    size_t                 count;
    bool                   first[256]; /* can a match begin with this byte? */
    bool                   has_special;
} tokenizer_added;

typedef enum tokenizer_matcher {
    TOKENIZER_MATCH_NONE = 0, /* the text is one piece */
    TOKENIZER_MATCH_GPT2,
    TOKENIZER_MATCH_REGEX,
    TOKENIZER_MATCH_LITERAL
} tokenizer_matcher;

typedef struct tokenizer_step {
    tokenizer_matcher matcher;
    bool              prefix_space;
    bool              drop, invert; /* behavior Removed; invert */
    void             *code;         /* pcre2_code */
    char             *literal;
    size_t            literal_len;
} tokenizer_step;

struct tokenizer {
    char            *name; /* of the file, for messages */
    char            *blob;
    size_t           blob_len, blob_cap;
    tokenizer_entry *entry; /* [n_ids] */
    int              n_ids;
    int32_t         *name_slot; /* hash of texts: id + 1, 0 empty; size is a power of two */
    size_t           n_name_slots;
    tokenizer_merge *merge_slot;
    size_t           n_merge_slots;
    int32_t          byte_id[256]; /* -1: no symbol (bytes that UTF-8 never has) */
    size_t           longest_text; /* of a vocabulary token, as in the file */
    tokenizer_added  raw, normalized;
    bool             nfc, ignore_merges, has_regex;
    int              n_steps;
    tokenizer_step   step[TOKENIZER_MAX_STEPS];
};

/* ---- tokenizer_map.c ---------------------------------------------------------------------------- */
mlm_status tokenizer_blob_add(tokenizer *t, const char *bytes, size_t n, uint32_t *at) MLM_WARN_UNUSED;
mlm_status tokenizer_names_reserve(tokenizer *t, size_t count) MLM_WARN_UNUSED;
/* The text of entry[id] becomes findable.  MLM_E_FORMAT: another id has the same text. */
mlm_status             tokenizer_names_add(tokenizer *t, int32_t id) MLM_WARN_UNUSED;
int32_t                tokenizer_names_find(const tokenizer *t, const char *text, size_t n); /* -1: absent */
mlm_status             tokenizer_merges_reserve(tokenizer *t, size_t count) MLM_WARN_UNUSED;
mlm_status             tokenizer_merges_add(tokenizer *t, int32_t left, int32_t right, uint32_t rank,
                                            int32_t id) MLM_WARN_UNUSED;
const tokenizer_merge *tokenizer_merges_find(const tokenizer *t, int32_t left, int32_t right);
/* *data (capacity *cap items of `size` bytes) gets room for `need` items. */
mlm_status tokenizer_grow(void **data, size_t *cap, size_t need, size_t size,
                          const char *what) MLM_WARN_UNUSED;

/* ---- tokenizer_utf8.c --------------------------------------------------------------------------- */
/* Length of the well-formed sequence at s (n > 0 bytes), code point to *cp; 0: ill-formed, then *bad bytes make
 * one U+FFFD (maximal subpart), and *cut says that the sequence could still become well-formed with more bytes. */
size_t tokenizer_utf8_next(const char *s, size_t n, int32_t *cp, size_t *bad, bool *cut);
/* Code point at s of well-formed text; returns its length. */
size_t tokenizer_utf8_get(const char *s, int32_t *cp);
size_t tokenizer_utf8_put(char *dst, int32_t cp);
bool   tokenizer_utf8_valid(const char *s, size_t n);
/* Copies with replacement; dst has room for 3 n bytes.  Returns the length. */
size_t tokenizer_utf8_replace(char *dst, const char *s, size_t n);
/* NFC of well-formed text.  *out == NULL: it is already NFC (the cheap test decided), use the input. */
mlm_status tokenizer_nfc(char **out, size_t *out_n, const char *s, size_t n) MLM_WARN_UNUSED;

/* The 256 characters that stand for bytes in a byte-level vocabulary (GPT-2, bytes_to_unicode). */
int32_t tokenizer_byte_to_char(uint8_t byte);
int     tokenizer_char_to_byte(int32_t cp); /* -1: none */

/* ---- one encode call ---------------------------------------------------------------------------- */
typedef struct tokenizer_symbol {
    int32_t id; /* -1: merged into its left neighbour */
    int32_t prev, next;
} tokenizer_symbol;

typedef struct tokenizer_candidate {
    uint32_t rank, pos;
    int32_t  id;
} tokenizer_candidate;

typedef struct tokenizer_run {
    const tokenizer     *t;
    token_list          *out;
    tokenizer_symbol    *symbol;
    tokenizer_candidate *heap;
    size_t               symbol_cap, heap_cap, heap_len;
    void                *match_data, *match_context; /* PCRE2's, made when a step needs them */
    size_t               text_len;                   /* of the whole call */
    double               cpu_limit;                  /* of this thread's CPU clock, seconds */
    unsigned             n_callouts;
} tokenizer_run;

/* Encodes with bytes [user_from, user_to) marked as typed by a user: a special token is recognised only where it
 * touches none of them.  Otherwise the text is one text: merges and pieces cross the marks. */
mlm_status tokenizer_encode_marked(const tokenizer *t, token_list *out, const char *text, size_t n,
                                   size_t user_from, size_t user_to) MLM_WARN_UNUSED;

/* ---- tokenizer_added.c -------------------------------------------------------------------------- */
void tokenizer_added_finish(const tokenizer *t, tokenizer_added *set); /* after the last item: sorts */
/* The longest item that matches at text[pos]; special ones only outside [user_from, user_to).  NULL: none. */
const tokenizer_added_token *tokenizer_added_at(const tokenizer *t, const tokenizer_added *set,
                                                const char *text, size_t n, size_t pos, size_t user_from,
                                                size_t user_to);

/* ---- pretokenize.c, tokenizer_bpe.c ------------------------------------------------------------- */
bool tokenizer_is_gpt2_pattern(const char *pattern, size_t n);
/* Compiles step->code.  `where` for messages. */
mlm_status tokenizer_regex_compile(tokenizer_step *step, const char *pattern, size_t n,
                                   const char *where) MLM_WARN_UNUSED;
void       tokenizer_step_deinit(tokenizer_step *step);
mlm_status tokenizer_pretokenize(tokenizer_run *r, const char *text, size_t n) MLM_WARN_UNUSED;
void       tokenizer_run_deinit(tokenizer_run *r);
mlm_status tokenizer_bpe(tokenizer_run *r, const char *piece, size_t n) MLM_WARN_UNUSED;

/* ---- tokenizer_config.c ------------------------------------------------------------------------- */
mlm_status tokenizer_read_config(tokenizer *t, const mlm_json_node *root) MLM_WARN_UNUSED;

#endif
