/*
 * tokenizer_bpe.c: byte-pair encoding of one piece (Sennrich et al. 2016, arXiv 1508.07909).
 *
 * The symbols are a linked list, the possible merges a heap ordered by rank, then position: O(n log n) for any
 * piece, where the textbook loop is quadratic.  Order and treatment of outdated candidates are those of Hugging
 * Face tokenizers (models/bpe/word.rs, merge_all): a candidate still counts when the pair now at its place gives
 * the same token, so the ids agree also for odd merge tables.
 */
#include "lm/tokenizer_private.h"

#include <stdlib.h>

static bool before(tokenizer_candidate a, tokenizer_candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.pos < b.pos;
}

static void heap_push(tokenizer_run *r, tokenizer_candidate c)
{
    size_t at = r->heap_len++;
    while (at > 0 && before(c, r->heap[(at - 1) / 2])) {
        r->heap[at] = r->heap[(at - 1) / 2];
        at          = (at - 1) / 2;
    }
    r->heap[at] = c;
}

static tokenizer_candidate heap_pop(tokenizer_run *r)
{
    tokenizer_candidate top = r->heap[0], last = r->heap[--r->heap_len];
    size_t              at = 0, child;
    while ((child = 2 * at + 1) < r->heap_len) {
        if (child + 1 < r->heap_len && before(r->heap[child + 1], r->heap[child]))
            child++;
        if (!before(r->heap[child], last))
            break;
        r->heap[at] = r->heap[child];
        at          = child;
    }
    r->heap[at] = last;
    return top;
}

static void push_pair(tokenizer_run *r, int32_t left, int32_t right)
{
    const tokenizer_merge *m = tokenizer_merges_find(r->t, r->symbol[left].id, r->symbol[right].id);
    if (m)
        heap_push(r, (tokenizer_candidate){m->rank, (uint32_t)left, m->id});
}

static void merge_all(tokenizer_run *r)
{
    tokenizer_symbol *s = r->symbol;
    while (r->heap_len > 0) {
        tokenizer_candidate c  = heap_pop(r);
        int32_t             at = (int32_t)c.pos, right = s[at].next;
        if (s[at].id < 0 || right < 0)
            continue;
        const tokenizer_merge *m = tokenizer_merges_find(r->t, s[at].id, s[right].id);
        if (!m || m->id != c.id)
            continue;
        s[at].id    = c.id;
        s[at].next  = s[right].next;
        s[right].id = -1;
        if (s[at].next >= 0)
            s[s[at].next].prev = at;
        if (s[at].prev >= 0)
            push_pair(r, s[at].prev, at);
        if (s[at].next >= 0)
            push_pair(r, at, s[at].next);
    }
}

/* With "ignore_merges" a piece that is a token is that token. */
static int32_t whole_piece(const tokenizer *t, const char *piece, size_t n)
{
    char   text[TOKENIZER_MAX_TOKEN_TEXT];
    size_t w = 0;
    if (n > t->longest_text) /* a byte is one or two bytes of text */
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (w + 2 > sizeof text)
            return -1;
        w += tokenizer_utf8_put(text + w, tokenizer_byte_to_char((uint8_t)piece[i]));
    }
    int32_t id = tokenizer_names_find(t, text, w);
    return id >= 0 && (t->entry[id].flags & TOKENIZER_IN_VOCAB) ? id : -1;
}

mlm_status tokenizer_bpe(tokenizer_run *r, const char *piece, size_t n)
{
    const tokenizer *t = r->t;
    if (t->ignore_merges) {
        int32_t id = whole_piece(t, piece, n);
        if (id >= 0)
            return token_list_push(r->out, id);
    }
    void *p = r->symbol;
    MLM_TRY(tokenizer_grow(&p, &r->symbol_cap, n, sizeof *r->symbol, "symbols of a piece"));
    r->symbol = p;
    p         = r->heap;
    /* Each merge takes one candidate out and puts at most two in. */
    MLM_TRY(tokenizer_grow(&p, &r->heap_cap, 2 * n, sizeof *r->heap, "merge candidates"));
    r->heap     = p;
    r->heap_len = 0;
    for (size_t i = 0; i < n; i++)
        r->symbol[i] = (tokenizer_symbol){t->byte_id[(uint8_t)piece[i]], (int32_t)i - 1,
                                          i + 1 < n ? (int32_t)i + 1 : -1};
    for (size_t i = 0; i + 1 < n; i++)
        push_pair(r, (int32_t)i, (int32_t)i + 1);
    merge_all(r);
    for (int32_t i = 0; i >= 0; i = r->symbol[i].next)
        MLM_TRY(token_list_push(r->out, r->symbol[i].id));
    return MLM_OK;
}
