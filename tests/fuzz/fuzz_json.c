/* fuzz_json.c: any bytes as JSON (first byte: flags); what is accepted is walked and looked up whole. */
#include "kernels/base/mlm_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth)
{
    if (!truth)
        abort();
}

static void walk(const mlm_json_node *node, int depth, bool allow_nul)
{
    int64_t n = 0;
    check(depth <= 64);
    for (const mlm_json_node *c = mlm_json_first(node); c; c = mlm_json_next(c), n++) {
        const char *key = mlm_json_key(c);
        check((key != NULL) == (mlm_json_type_of(node) == MLM_JSON_OBJECT));
        if (key && !allow_nul)
            check(mlm_json_get(node, key) == c);
        walk(c, depth + 1, allow_nul);
    }
    check(n == mlm_json_count(node));
    int64_t integer = 0;
    size_t  length  = 0;
    if (mlm_json_as_int64(node, &integer))
        check(mlm_json_double(node) == (double)integer);
    if (mlm_json_type_of(node) == MLM_JSON_STRING) {
        const char *text = mlm_json_text(node, &length);
        check(text[length] == '\0' && (allow_nul || strlen(text) == length));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlm_json *doc = NULL;
    if (size < 1)
        return 0;
    unsigned   flags  = data[0] & 3u;
    mlm_status status = mlm_json_parse(&doc, (const char *)data + 1, size - 1, "fuzz", flags);
    check(status == MLM_OK || status == MLM_E_FORMAT);
    if (status == MLM_OK)
        walk(mlm_json_root(doc), 0, (flags & MLM_JSON_ALLOW_NUL) != 0);
    mlm_json_free(doc);
    return 0;
}
