/*
 * tokenizer_load.c: vocabulary, merges and added tokens of a tokenizer.json (Hugging Face tokenizers 0.x).
 *
 * Everything a file can get wrong is decided here, once: ids 0 .. 2^20-1 and unique, texts unique and of bounded
 * length, every byte of UTF-8 has a symbol, merges name tokens that exist, none twice, added tokens not empty and
 * in agreement with the vocabulary.  Encode and decode can then trust the tables.
 */
#include "kernels/base/mlm_file.h"
#include "lm/tokenizer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- vocabulary --------------------------------------------------------------------------------- */
static mlm_status need_type(const tokenizer *t, const mlm_json_node *node, mlm_json_type type,
                            const char *what)
{
    if (node && mlm_json_type_of(node) == type)
        return MLM_OK;
    return mlm_fail(MLM_E_CONFIG, "%s: %s is %s, must be %s", t->name, what,
                    node ? mlm_json_type_name(mlm_json_type_of(node)) : "missing", mlm_json_type_name(type));
}

static mlm_status read_id(const tokenizer *t, const mlm_json_node *node, const char *text, int32_t *id)
{
    int64_t v;
    *id = 0;
    if (!node || mlm_json_type_of(node) != MLM_JSON_NUMBER || !mlm_json_as_int64(node, &v) || v < 0 ||
        v >= TOKENIZER_MAX_IDS)
        return mlm_fail(MLM_E_FORMAT, "%s: the id of token '%.100s' must be an integer from 0 to %d", t->name,
                        text, TOKENIZER_MAX_IDS - 1);
    *id = (int32_t)v;
    return MLM_OK;
}

/* Text of a byte-level vocabulary -> bytes; false when a character stands for no byte. */
static bool text_to_bytes(const char *text, size_t n, char *bytes, size_t *n_bytes)
{
    size_t w = 0;
    for (size_t i = 0; i < n;) {
        int32_t cp;
        i += tokenizer_utf8_get(text + i, &cp);
        int b = tokenizer_char_to_byte(cp);
        if (b < 0)
            return false;
        bytes[w++] = (char)(uint8_t)b;
    }
    *n_bytes = w;
    return true;
}

static mlm_status add_vocab_token(tokenizer *t, int32_t id, const char *text, size_t n)
{
    char             bytes[TOKENIZER_MAX_TOKEN_TEXT];
    size_t           n_bytes = 0;
    tokenizer_entry *e       = &t->entry[id];
    if (e->flags & TOKENIZER_KNOWN)
        return mlm_fail(MLM_E_FORMAT, "%s: id %d belongs to '%.*s' and to '%.100s'", t->name, id,
                        e->text_len > 100 ? 100 : (int)e->text_len, t->blob + e->text_at, text);
    bool mapped = n <= sizeof bytes && text_to_bytes(text, n, bytes, &n_bytes);
    if (!mapped)
        n_bytes = n; /* unreachable by merging bytes; decodes to its text */
    if (n_bytes > TOKENIZER_MAX_TOKEN_BYTES)
        return mlm_fail(MLM_E_RANGE, "%s: the token of id %d has %zu bytes, at most %d are supported",
                        t->name, id, n_bytes, TOKENIZER_MAX_TOKEN_BYTES);
    MLM_TRY(tokenizer_blob_add(t, text, n, &e->text_at));
    MLM_TRY(tokenizer_blob_add(t, mapped ? bytes : text, n_bytes, &e->bytes_at));
    e->text_len  = (uint32_t)n;
    e->bytes_len = (uint32_t)n_bytes;
    e->flags     = TOKENIZER_KNOWN | TOKENIZER_IN_VOCAB;
    if (n > t->longest_text)
        t->longest_text = n;
    if (mapped && n_bytes == 1)
        t->byte_id[(uint8_t)bytes[0]] = id;
    return tokenizer_names_add(t, id);
}

/* Sizes the tables: the largest id decides. */
static mlm_status reserve_entries(tokenizer *t, const mlm_json_node *vocab, const mlm_json_node *added)
{
    int32_t id, largest = -1;
    for (const mlm_json_node *v = mlm_json_first(vocab); v; v = mlm_json_next(v)) {
        MLM_TRY(read_id(t, v, mlm_json_key(v), &id));
        if (id > largest)
            largest = id;
    }
    for (const mlm_json_node *a = added ? mlm_json_first(added) : NULL; a; a = mlm_json_next(a)) {
        MLM_TRY(need_type(t, a, MLM_JSON_OBJECT, "an item of added_tokens"));
        MLM_TRY(read_id(t, mlm_json_get(a, "id"), "in added_tokens", &id));
        if (id > largest)
            largest = id;
    }
    if (largest < 0)
        return mlm_fail(MLM_E_FORMAT, "%s: model.vocab is empty", t->name);
    t->n_ids = largest + 1;
    t->entry = calloc((size_t)t->n_ids, sizeof *t->entry);
    if (!t->entry)
        return mlm_fail_nomem((size_t)t->n_ids * sizeof *t->entry, "token table");
    return tokenizer_names_reserve(t, (size_t)(mlm_json_count(vocab) + (added ? mlm_json_count(added) : 0)));
}

static mlm_status read_vocab(tokenizer *t, const mlm_json_node *vocab)
{
    for (int b = 0; b < 256; b++)
        t->byte_id[b] = -1;
    for (const mlm_json_node *v = mlm_json_first(vocab); v; v = mlm_json_next(v)) {
        const char *text = mlm_json_key(v);
        int32_t     id;
        MLM_TRY(read_id(t, v, text, &id));
        MLM_TRY(add_vocab_token(t, id, text, strlen(text)));
    }
    for (int b = 0; b < 256; b++) {
        bool in_utf8 = b != 0xc0 && b != 0xc1 && b < 0xf5;
        if (in_utf8 && t->byte_id[b] < 0)
            return mlm_fail(MLM_E_FORMAT, "%s: model.vocab has no symbol for byte 0x%02x", t->name,
                            (unsigned)b);
    }
    return MLM_OK;
}

/* ---- merges ------------------------------------------------------------------------------------- */
typedef struct merge_text {
    const char *left, *right;
    size_t      n_left, n_right;
} merge_text;

/* "left right", or ["left", "right"]. */
static bool parse_merge(const mlm_json_node *node, merge_text *m)
{
    size_t n;
    if (mlm_json_type_of(node) == MLM_JSON_STRING) {
        m->left           = mlm_json_text(node, &n);
        const char *space = memchr(m->left, ' ', n);
        if (!space)
            return false;
        m->n_left  = (size_t)(space - m->left);
        m->right   = space + 1;
        m->n_right = n - m->n_left - 1;
        return !memchr(m->right, ' ', m->n_right);
    }
    const mlm_json_node *left = mlm_json_first(node), *right = left ? mlm_json_next(left) : NULL;
    if (mlm_json_type_of(node) != MLM_JSON_ARRAY || mlm_json_count(node) != 2 ||
        mlm_json_type_of(left) != MLM_JSON_STRING || mlm_json_type_of(right) != MLM_JSON_STRING)
        return false;
    m->left  = mlm_json_text(left, &m->n_left);
    m->right = mlm_json_text(right, &m->n_right);
    return true;
}

static mlm_status find_part(const tokenizer *t, int64_t index, const char *text, size_t n, int32_t *id)
{
    *id = tokenizer_names_find(t, text, n);
    if (*id >= 0)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT, "%s: model.merges[%lld] needs token '%.*s', which is not in model.vocab",
                    t->name, (long long)index, n > 100 ? 100 : (int)n, text);
}

static mlm_status read_merges(tokenizer *t, const mlm_json_node *merges)
{
    char    joined[TOKENIZER_MAX_TOKEN_TEXT];
    int64_t index = 0;
    MLM_TRY(need_type(t, merges, MLM_JSON_ARRAY, "model.merges"));
    if (mlm_json_count(merges) > 4 * (int64_t)TOKENIZER_MAX_IDS)
        return mlm_fail(MLM_E_RANGE, "%s: model.merges has %lld items, at most %d are supported", t->name,
                        (long long)mlm_json_count(merges), 4 * TOKENIZER_MAX_IDS);
    MLM_TRY(tokenizer_merges_reserve(t, (size_t)mlm_json_count(merges)));
    for (const mlm_json_node *n = mlm_json_first(merges); n; n = mlm_json_next(n), index++) {
        merge_text m;
        int32_t    left, right, id;
        if (!parse_merge(n, &m))
            return mlm_fail(MLM_E_FORMAT, "%s: model.merges[%lld] is not a pair of tokens", t->name,
                            (long long)index);
        MLM_TRY(find_part(t, index, m.left, m.n_left, &left));
        MLM_TRY(find_part(t, index, m.right, m.n_right, &right));
        size_t len = m.n_left + m.n_right; /* both are known tokens: no overflow */
        if (len > sizeof joined)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: model.merges[%lld] makes a token of %zu bytes, which is not in model.vocab",
                            t->name, (long long)index, len);
        memcpy(joined, m.left, m.n_left);
        memcpy(joined + m.n_left, m.right, m.n_right);
        MLM_TRY(find_part(t, index, joined, len, &id));
        MLM_TRY(tokenizer_merges_add(t, left, right, (uint32_t)index, id));
    }
    return MLM_OK;
}

static mlm_status read_model(tokenizer *t, const mlm_json_node *model)
{
    char        where[1024];
    const char *type;
    bool        byte_fallback;
    (void)snprintf(where, sizeof where, "%.900s: model", t->name);
    MLM_TRY(mlm_json_opt_string(model, where, "type", "BPE", &type));
    if (strcmp(type, "BPE") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s '%s' is not supported (BPE is)", where, type);
    MLM_TRY(mlm_json_opt_bool(model, where, "byte_fallback", false, &byte_fallback));
    MLM_TRY(mlm_json_opt_bool(model, where, "ignore_merges", false, &t->ignore_merges));
    if (byte_fallback)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s.byte_fallback is not supported", where);
    static const char *const refused[] = {"dropout", "unk_token", "continuing_subword_prefix",
                                          "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const mlm_json_node *n   = mlm_json_get(model, refused[i]);
        size_t               len = 1;
        bool empty = n && mlm_json_type_of(n) == MLM_JSON_STRING && (mlm_json_text(n, &len), len == 0);
        if (n && mlm_json_type_of(n) != MLM_JSON_NULL && !empty)
            return mlm_fail(MLM_E_UNSUPPORTED, "%s.%s is not supported, must be null", where, refused[i]);
    }
    return MLM_OK;
}

/* ---- added tokens ------------------------------------------------------------------------------- */
static mlm_status add_added_entry(tokenizer *t, int32_t id, const char *text, size_t n, bool special)
{
    tokenizer_entry *e     = &t->entry[id];
    uint32_t         extra = special ? TOKENIZER_SPECIAL : 0;
    if (e->flags & TOKENIZER_KNOWN) {
        if (e->text_len != n || memcmp(t->blob + e->text_at, text, n) != 0)
            return mlm_fail(MLM_E_FORMAT, "%s: id %d belongs to '%.*s' and to the added token '%.100s'",
                            t->name, id, e->text_len > 100 ? 100 : (int)e->text_len, t->blob + e->text_at,
                            text);
        e->flags |= extra;
        e->bytes_at  = e->text_at; /* an added token matches its text as written, and gives it back */
        e->bytes_len = e->text_len;
        return MLM_OK;
    }
    MLM_TRY(tokenizer_blob_add(t, text, n, &e->text_at));
    e->text_len  = (uint32_t)n;
    e->bytes_at  = e->text_at;
    e->bytes_len = (uint32_t)n;
    e->flags     = TOKENIZER_KNOWN | extra;
    return tokenizer_names_add(t, id);
}

static mlm_status add_to_set(tokenizer *t, int32_t id, const char *text, size_t n, bool special,
                             bool normalized)
{
    tokenizer_added *set    = normalized ? &t->normalized : &t->raw;
    char            *nfc    = NULL;
    uint32_t         at     = 0;
    mlm_status       status = MLM_OK;
    if (normalized && t->nfc)
        MLM_TRY(tokenizer_nfc(&nfc, &n, text, n));
    status = tokenizer_blob_add(t, nfc ? nfc : text, n, &at);
    free(nfc);
    if (status == MLM_OK)
        set->item[set->count++] = (tokenizer_added_token){at, (uint32_t)n, id, special};
    return status;
}

static mlm_status read_added_token(tokenizer *t, const mlm_json_node *node, int64_t index, bool *seen)
{
    char        where[1024];
    const char *text;
    int32_t     id;
    bool        special, normalized, flag;
    (void)snprintf(where, sizeof where, "%.900s: added_tokens[%lld]", t->name, (long long)index);
    MLM_TRY(mlm_json_req_string(node, where, "content", &text));
    size_t n = strlen(text);
    if (n == 0 || n > TOKENIZER_MAX_ADDED_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s.content has %zu bytes, must have 1 to %d", where, n,
                        TOKENIZER_MAX_ADDED_BYTES);
    MLM_TRY(read_id(t, mlm_json_get(node, "id"), text, &id));
    MLM_TRY(mlm_json_opt_bool(node, where, "special", false, &special));
    MLM_TRY(mlm_json_opt_bool(node, where, "normalized", !special, &normalized));
    static const char *const refused[] = {"single_word", "lstrip", "rstrip"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        MLM_TRY(mlm_json_opt_bool(node, where, refused[i], false, &flag));
        if (flag)
            return mlm_fail(MLM_E_UNSUPPORTED, "%s.%s of '%s' is not supported, must be false", where,
                            refused[i], text);
    }
    if (seen[id])
        return mlm_fail(MLM_E_FORMAT, "%s: id %d was given to an added token before", where, id);
    seen[id] = true;
    MLM_TRY(add_added_entry(t, id, text, n, special));
    return add_to_set(t, id, text, n, special, normalized);
}

/* Two texts that differ only before NFC would be one token with two ids. */
static mlm_status check_unique(const tokenizer *t, const tokenizer_added *set)
{
    for (size_t i = 1; i < set->count; i++) {
        const tokenizer_added_token *a = &set->item[i - 1], *b = &set->item[i];
        if (a->len == b->len && memcmp(t->blob + a->at, t->blob + b->at, a->len) == 0)
            return mlm_fail(MLM_E_FORMAT, "%s: added tokens %d and %d have the same text", t->name, a->id,
                            b->id);
    }
    return MLM_OK;
}

static mlm_status read_added_tokens(tokenizer *t, const mlm_json_node *added)
{
    size_t     count  = added ? (size_t)mlm_json_count(added) : 0;
    int64_t    index  = 0;
    mlm_status status = MLM_OK;
    if (count == 0)
        return MLM_OK;
    bool *seen         = calloc((size_t)t->n_ids, sizeof *seen);
    t->raw.item        = calloc(count, sizeof *t->raw.item);
    t->normalized.item = calloc(count, sizeof *t->normalized.item);
    if (!seen || !t->raw.item || !t->normalized.item)
        status = mlm_fail_nomem(count * sizeof *t->raw.item, "added tokens");
    for (const mlm_json_node *n = mlm_json_first(added); n && status == MLM_OK; n = mlm_json_next(n), index++)
        status = read_added_token(t, n, index, seen);
    free(seen);
    if (status != MLM_OK)
        return status;
    tokenizer_added_finish(t, &t->raw);
    tokenizer_added_finish(t, &t->normalized);
    MLM_TRY(check_unique(t, &t->raw));
    return check_unique(t, &t->normalized);
}

/* ---- all of it ---------------------------------------------------------------------------------- */
static mlm_status read_all(tokenizer *t, const mlm_json_node *root)
{
    MLM_TRY(need_type(t, root, MLM_JSON_OBJECT, "the file"));
    const mlm_json_node *model = mlm_json_get(root, "model"), *added = mlm_json_get(root, "added_tokens");
    const mlm_json_node *vocab = mlm_json_get(model, "vocab");
    MLM_TRY(need_type(t, model, MLM_JSON_OBJECT, "model"));
    if (added && mlm_json_type_of(added) != MLM_JSON_NULL)
        MLM_TRY(need_type(t, added, MLM_JSON_ARRAY, "added_tokens"));
    MLM_TRY(read_model(t, model));
    MLM_TRY(need_type(t, vocab, MLM_JSON_OBJECT, "model.vocab"));
    MLM_TRY(tokenizer_read_config(t, root));
    MLM_TRY(reserve_entries(t, vocab, added));
    MLM_TRY(read_vocab(t, vocab));
    MLM_TRY(read_merges(t, mlm_json_get(model, "merges")));
    return read_added_tokens(t, added);
}

mlm_status tokenizer_load_memory(tokenizer **out, const char *json, size_t n, const char *name)
{
    mlm_json *doc = NULL;
    *out          = NULL;
    tokenizer *t  = calloc(1, sizeof *t);
    if (!t || !(t->name = strdup(name))) {
        free(t);
        return mlm_fail_nomem(sizeof *t, "tokenizer");
    }
    mlm_status status = mlm_json_parse(&doc, json, n, name, 0);
    if (status == MLM_OK)
        status = read_all(t, mlm_json_root(doc));
    mlm_json_free(doc);
    if (status != MLM_OK) {
        tokenizer_free(t);
        return status;
    }
    *out = t;
    return MLM_OK;
}

mlm_status tokenizer_load(tokenizer **out, const char *path)
{
    char  *data;
    size_t n;
    *out = NULL;
    MLM_TRY(mlm_file_read(&data, &n, path, TOKENIZER_MAX_FILE, "tokenizer.json"));
    mlm_status status = tokenizer_load_memory(out, data, n, path);
    free(data);
    return status;
}

void tokenizer_free(tokenizer *t)
{
    if (!t)
        return;
    for (int k = 0; k < t->n_steps; k++)
        tokenizer_step_deinit(&t->step[k]);
    free(t->raw.item);
    free(t->normalized.item);
    free(t->merge_slot);
    free(t->name_slot);
    free(t->entry);
    free(t->blob);
    free(t->name);
    free(t);
}
