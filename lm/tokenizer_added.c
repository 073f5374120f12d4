/*
 * tokenizer_added.c: added tokens in a text, leftmost first and longest first, as Hugging Face's Aho-Corasick
 * automaton finds them.  The sorted list is narrowed byte by byte from each place where a match can begin:
 * at most TOKENIZER_MAX_ADDED_BYTES steps a byte of text, one in practice.
 */
#include "lm/tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

static int compare_items(const char *blob, const tokenizer_added_token *a, const tokenizer_added_token *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int    c = memcmp(blob + a->at, blob + b->at, n);
    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static void sift_down(const char *blob, tokenizer_added_token *item, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && compare_items(blob, &item[child], &item[child + 1]) < 0)
            child++;
        if (compare_items(blob, &item[at], &item[child]) >= 0)
            return;
        tokenizer_added_token tmp = item[at];
        item[at]                  = item[child];
        item[child]               = tmp;
    }
}

/* Heap sort: qsort has no place for the blob, and may allocate. */
void tokenizer_added_finish(const tokenizer *t, tokenizer_added *set)
{
    for (size_t i = set->count / 2; i-- > 0;)
        sift_down(t->blob, set->item, i, set->count);
    for (size_t n = set->count; n > 1; n--) {
        tokenizer_added_token tmp = set->item[0];
        set->item[0]              = set->item[n - 1];
        set->item[n - 1]          = tmp;
        sift_down(t->blob, set->item, 0, n - 1);
    }
    for (size_t i = 0; i < set->count; i++) {
        set->first[(uint8_t)t->blob[set->item[i].at]] = true;
        set->has_special |= set->item[i].special;
    }
}

/* First of [lo, hi) whose byte at `depth` is >= byte; all of them are longer than depth. */
static size_t lower_bound(const tokenizer *t, const tokenizer_added *set, size_t lo, size_t hi, size_t depth,
                          int byte)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if ((uint8_t)t->blob[set->item[mid].at + depth] < byte)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const tokenizer_added_token *tokenizer_added_at(const tokenizer *t, const tokenizer_added *set,
                                                const char *text, size_t n, size_t pos, size_t user_from,
                                                size_t user_to)
{
    const tokenizer_added_token *best = NULL;
    if (!set->first[(uint8_t)text[pos]])
        return NULL;
    size_t lo = 0, hi = set->count;
    for (size_t depth = 0; lo < hi; depth++) {
        const tokenizer_added_token *item = &set->item[lo];
        if (item->len == depth) { /* texts are unique: only the first can end here */
            bool touches_user = user_from < user_to && pos < user_to && pos + depth > user_from;
            if (!item->special || !touches_user)
                best = item;
            lo++;
        }
        if (pos + depth == n)
            break;
        int byte = (uint8_t)text[pos + depth];
        lo       = lower_bound(t, set, lo, hi, depth, byte);
        hi       = lower_bound(t, set, lo, hi, depth, byte + 1);
    }
    return best;
}
