/*
 * tokenizer_map.c: the tokenizer's tables.  Two hash tables with open addressing and linear probing, at most
 * half full: text of a token -> id, pair of ids -> merge.
 *
 * A file made to collide (a hash table's worst case is quadratic) is refused: no honest vocabulary ever comes
 * near MAX_PROBES at this load.
 */
#include "lm/tokenizer_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROBES = 1024 };

mlm_status tokenizer_grow(void **data, size_t *cap, size_t need, size_t size, const char *what)
{
    if (need <= *cap)
        return MLM_OK;
    size_t items = *cap + *cap / 2 + 64, bytes;
    if (items < need)
        items = need;
    if (!mlm_mul_size(&bytes, items, size))
        return mlm_fail_nomem(SIZE_MAX, what);
    void *p = realloc(*data, bytes);
    if (!p)
        return mlm_fail_nomem(bytes, what);
    *data = p;
    *cap  = items;
    return MLM_OK;
}

mlm_status tokenizer_blob_add(tokenizer *t, const char *bytes, size_t n, uint32_t *at)
{
    void *p = t->blob;
    if (n > UINT32_MAX - t->blob_len)
        return mlm_fail(MLM_E_RANGE, "%s: more than 4 GB of token text", t->name);
    MLM_TRY(tokenizer_grow(&p, &t->blob_cap, t->blob_len + n + 1, 1, "token texts"));
    t->blob = p;
    memcpy(t->blob + t->blob_len, bytes, n);
    *at = (uint32_t)t->blob_len;
    t->blob_len += n;
    return MLM_OK;
}

/* A power of two of at least 2 * count slots. */
static size_t slots_for(size_t count)
{
    size_t n = 16;
    while (n < 2 * count)
        n *= 2;
    return n;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

static uint64_t hash_bytes(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u ^ n;
    for (; n >= 8; s += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = mix(h ^ w) + 0x9e3779b97f4a7c15u;
    }
    for (; n > 0; s++, n--)
        h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return mix(h);
}

mlm_status tokenizer_names_reserve(tokenizer *t, size_t count)
{
    t->n_name_slots = slots_for(count);
    t->name_slot    = calloc(t->n_name_slots, sizeof *t->name_slot);
    if (!t->name_slot)
        return mlm_fail_nomem(t->n_name_slots * sizeof *t->name_slot, "token table");
    return MLM_OK;
}

mlm_status tokenizer_names_add(tokenizer *t, int32_t id)
{
    const tokenizer_entry *e    = &t->entry[id];
    const char            *text = t->blob + e->text_at;
    size_t                 mask = t->n_name_slots - 1, at = hash_bytes(text, e->text_len) & mask;
    for (int probes = 0; t->name_slot[at] != 0; at = (at + 1) & mask, probes++) {
        const tokenizer_entry *o = &t->entry[t->name_slot[at] - 1];
        if (o->text_len == e->text_len && memcmp(t->blob + o->text_at, text, e->text_len) == 0)
            return mlm_fail(MLM_E_FORMAT, "%s: token '%.*s' appears twice, as ids %d and %d", t->name,
                            e->text_len > 100 ? 100 : (int)e->text_len, text, t->name_slot[at] - 1, id);
        if (probes == MAX_PROBES)
            return mlm_fail(MLM_E_FORMAT, "%s: the vocabulary is built to collide in a hash table", t->name);
    }
    t->name_slot[at] = id + 1;
    return MLM_OK;
}

int32_t tokenizer_names_find(const tokenizer *t, const char *text, size_t n)
{
    size_t mask = t->n_name_slots - 1;
    for (size_t at = hash_bytes(text, n) & mask; t->name_slot[at] != 0; at = (at + 1) & mask) {
        const tokenizer_entry *e = &t->entry[t->name_slot[at] - 1];
        if (e->text_len == n && memcmp(t->blob + e->text_at, text, n) == 0)
            return t->name_slot[at] - 1;
    }
    return -1;
}

mlm_status tokenizer_merges_reserve(tokenizer *t, size_t count)
{
    t->n_merge_slots = slots_for(count);
    t->merge_slot    = malloc(t->n_merge_slots * sizeof *t->merge_slot);
    if (!t->merge_slot)
        return mlm_fail_nomem(t->n_merge_slots * sizeof *t->merge_slot, "merge table");
    for (size_t i = 0; i < t->n_merge_slots; i++)
        t->merge_slot[i] = (tokenizer_merge){UINT64_MAX, 0, 0};
    return MLM_OK;
}

mlm_status tokenizer_merges_add(tokenizer *t, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t   mask = t->n_merge_slots - 1, at = mix(pair) & mask;
    for (int probes = 0; t->merge_slot[at].pair != UINT64_MAX; at = (at + 1) & mask, probes++) {
        if (t->merge_slot[at].pair == pair)
            return mlm_fail(MLM_E_FORMAT, "%s: model.merges[%u] repeats model.merges[%u]", t->name, rank,
                            t->merge_slot[at].rank);
        if (probes == MAX_PROBES)
            return mlm_fail(MLM_E_FORMAT, "%s: the merges are built to collide in a hash table", t->name);
    }
    t->merge_slot[at] = (tokenizer_merge){pair, rank, id};
    return MLM_OK;
}

const tokenizer_merge *tokenizer_merges_find(const tokenizer *t, int32_t left, int32_t right)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t   mask = t->n_merge_slots - 1, at = mix(pair) & mask;
    for (;; at = (at + 1) & mask) {
        const tokenizer_merge *m = &t->merge_slot[at];
        if (m->pair == pair)
            return m;
        if (m->pair == UINT64_MAX)
            return NULL;
    }
}

mlm_status token_list_push(token_list *l, int32_t id)
{
    void *p = l->ids;
    MLM_TRY(tokenizer_grow(&p, &l->capacity, l->count + 1, sizeof *l->ids, "token list"));
    l->ids             = p;
    l->ids[l->count++] = id;
    return MLM_OK;
}

void token_list_free(token_list *l)
{
    if (!l)
        return;
    free(l->ids);
    *l = (token_list){0};
}
