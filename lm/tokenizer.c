/*
 * tokenizer.c: encode and decode on loaded tables.  The order of things is that of Hugging Face
 * (added_vocabulary.rs, extract_and_normalize): see tokenizer_private.h.
 */
#include "lm/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- tables ------------------------------------------------------------------------------------- */
int tokenizer_vocab_size(const tokenizer *t)
{
    return t->n_ids;
}

int32_t tokenizer_token_id(const tokenizer *t, const char *token)
{
    return tokenizer_names_find(t, token, strlen(token));
}

static const tokenizer_entry *known_entry(const tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->n_ids && (t->entry[id].flags & TOKENIZER_KNOWN) ? &t->entry[id] : NULL;
}

const char *tokenizer_token_bytes(const tokenizer *t, int32_t id, size_t *n)
{
    const tokenizer_entry *e = known_entry(t, id);
    *n                       = e ? e->bytes_len : 0;
    return e ? t->blob + e->bytes_at : NULL;
}

bool tokenizer_is_special(const tokenizer *t, int32_t id)
{
    const tokenizer_entry *e = known_entry(t, id);
    return e && (e->flags & TOKENIZER_SPECIAL);
}

/* ---- encode ------------------------------------------------------------------------------------- */
typedef struct marked_text {
    const char *text;
    size_t      n, user_from, user_to; /* bytes typed by a user: [user_from, user_to) */
} marked_text;

typedef mlm_status (*rest_fn)(tokenizer_run *r, marked_text m);

/* Pushes the ids of the set's tokens in m, and gives what lies between them to `rest`. */
static mlm_status split_added(tokenizer_run *r, marked_text m, const tokenizer_added *set, rest_fn rest)
{
    size_t prev = 0;
    for (size_t pos = 0; pos <= m.n;) {
        const tokenizer_added_token *hit = NULL;
        if (pos < m.n && !(hit = tokenizer_added_at(r->t, set, m.text, m.n, pos, m.user_from, m.user_to))) {
            pos++;
            continue;
        }
        if (pos > prev) {
            marked_text part = {m.text + prev, pos - prev, m.user_from > prev ? m.user_from - prev : 0,
                                m.user_to > prev ? m.user_to - prev : 0};
            if (part.user_from > part.n)
                part.user_from = part.n;
            if (part.user_to > part.n)
                part.user_to = part.n;
            MLM_TRY(rest(r, part));
        }
        if (!hit)
            break;
        MLM_TRY(token_list_push(r->out, hit->id));
        pos += hit->len;
        prev = pos;
    }
    return MLM_OK;
}

static mlm_status pretokenize_part(tokenizer_run *r, marked_text m)
{
    return tokenizer_pretokenize(r, m.text, m.n);
}

static size_t common_prefix(const char *a, size_t na, const char *b, size_t nb)
{
    size_t i = 0;
    while (i < na && i < nb && a[i] == b[i])
        i++;
    return i;
}

static size_t common_suffix(const char *a, size_t na, const char *b, size_t nb)
{
    size_t i = 0;
    while (i < na && i < nb && a[na - 1 - i] == b[nb - 1 - i])
        i++;
    return i;
}

/*
 * Where the marks of `m` lie after NFC (`to`).  Characters may compose across a mark, so what is certainly not
 * the user's is what still equals the NFC of the text before the marks, and after them.
 */
static mlm_status move_marks(marked_text m, marked_text *to)
{
    char      *before = NULL, *after = NULL;
    size_t     n_before = m.user_from, n_after = m.n - m.user_to;
    mlm_status status = MLM_OK;
    if (m.user_from == m.user_to)
        return MLM_OK;
    status = tokenizer_nfc(&before, &n_before, m.text, n_before);
    if (status == MLM_OK)
        status = tokenizer_nfc(&after, &n_after, m.text + m.user_to, n_after);
    if (status == MLM_OK) {
        to->user_from = common_prefix(to->text, to->n, before ? before : m.text, n_before);
        to->user_to   = to->n - common_suffix(to->text + to->user_from, to->n - to->user_from,
                                            after ? after : m.text + m.user_to, n_after);
    }
    free(before);
    free(after);
    return status;
}

static mlm_status normalize_part(tokenizer_run *r, marked_text m)
{
    const tokenizer *t    = r->t;
    char            *text = NULL;
    marked_text      done = m;
    mlm_status       status;
    if (t->nfc)
        MLM_TRY(tokenizer_nfc(&text, &done.n, m.text, m.n));
    if (!text)
        return split_added(r, m, &t->normalized, pretokenize_part);
    done.text      = text;
    done.user_from = done.user_to = 0;
    status                        = t->normalized.has_special ? move_marks(m, &done) : MLM_OK;
    if (status == MLM_OK)
        status = split_added(r, done, &t->normalized, pretokenize_part);
    free(text);
    return status;
}

/* Invalid bytes become U+FFFD on each side of the marks by itself, and the marks move along. */
static mlm_status replace_invalid(char **out, marked_text *m)
{
    *out = NULL;
    if (tokenizer_utf8_valid(m->text, m->user_from) &&
        tokenizer_utf8_valid(m->text + m->user_from, m->user_to - m->user_from) &&
        tokenizer_utf8_valid(m->text + m->user_to, m->n - m->user_to))
        return MLM_OK;
    char *w = malloc(3 * m->n);
    if (!w)
        return mlm_fail_nomem(3 * m->n, "text");
    size_t from = tokenizer_utf8_replace(w, m->text, m->user_from);
    size_t to   = from + tokenizer_utf8_replace(w + from, m->text + m->user_from, m->user_to - m->user_from);
    size_t n    = to + tokenizer_utf8_replace(w + to, m->text + m->user_to, m->n - m->user_to);
    *m          = (marked_text){w, n, from, to};
    *out        = w;
    return MLM_OK;
}

mlm_status tokenizer_encode_marked(const tokenizer *t, token_list *out, const char *text, size_t n,
                                   size_t user_from, size_t user_to)
{
    if (n > TOKENIZER_MAX_TEXT)
        return mlm_fail(MLM_E_RANGE, "text of %zu bytes, at most %zu are tokenized at once", n,
                        TOKENIZER_MAX_TEXT);
    char         *copy   = NULL;
    size_t        count  = out->count;
    tokenizer_run run    = {.t = t, .out = out, .text_len = n};
    marked_text   m      = {text, n, user_from, user_to};
    mlm_status    status = replace_invalid(&copy, &m);
    if (status == MLM_OK)
        status = split_added(&run, m, &t->raw, normalize_part);
    if (status != MLM_OK)
        out->count = count;
    tokenizer_run_deinit(&run);
    free(copy);
    return status;
}

mlm_status tokenizer_encode(const tokenizer *t, token_list *out, const char *text, size_t n,
                            tokenizer_mode mode)
{
    return tokenizer_encode_marked(t, out, text, n, 0, mode == TOKENIZER_USER ? n : 0);
}

/* ---- streaming decode --------------------------------------------------------------------------- */
/* Writes what is complete of bytes[0..n-1], replacing what is ill-formed, and holds back what may become a
 * character with more bytes. */
static size_t write_complete(tokenizer_stream *s, const char *bytes, size_t n, char *buf, size_t cap)
{
    size_t w = 0, bad;
    bool   cut;
    s->n_held = 0;
    for (size_t i = 0; i < n;) {
        int32_t cp;
        size_t  len = tokenizer_utf8_next(bytes + i, n - i, &cp, &bad, &cut);
        if (len == 0 && cut) {
            memcpy(s->held, bytes + i, n - i);
            s->n_held = (uint8_t)(n - i);
            break;
        }
        size_t need = len > 0 ? len : 3;
        if (w + need + 1 > cap) /* never with a buffer of TOKENIZER_PIECE_BYTES */
            break;
        memcpy(buf + w, len > 0 ? bytes + i : "\xEF\xBF\xBD", need);
        w += need;
        i += len > 0 ? len : bad;
    }
    if (cap > 0)
        buf[w] = '\0';
    return w;
}

size_t tokenizer_stream_put(const tokenizer *t, tokenizer_stream *s, int32_t id, char *buf, size_t cap)
{
    char        joined[sizeof s->held + TOKENIZER_MAX_TOKEN_BYTES];
    size_t      n;
    const char *bytes = tokenizer_token_bytes(t, id, &n);
    if (!bytes || tokenizer_is_special(t, id))
        n = 0;
    memcpy(joined, s->held, s->n_held);
    if (n > 0)
        memcpy(joined + s->n_held, bytes, n);
    return write_complete(s, joined, s->n_held + n, buf, cap);
}

size_t tokenizer_stream_end(tokenizer_stream *s, char *buf, size_t cap)
{
    size_t w  = s->n_held > 0 && cap > 3 ? 3 : 0; /* what is held is one maximal subpart */
    s->n_held = 0;
    memcpy(buf, "\xEF\xBF\xBD", w);
    if (cap > 0)
        buf[w] = '\0';
    return w;
}
