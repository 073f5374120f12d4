/*
 * mlm_json.c: JSON documents.
 *
 * mlm_json_scan.c has accepted the text before cJSON builds the tree, so cJSON can only fail for want of
 * memory.  A walk over tree and text together then fills in what cJSON does not keep, in fields that cJSON
 * leaves unused for the kind of node:
 *   number   type has INTEGER: valuedouble holds the bits of the exact int64 (cJSON rounds above 2^53)
 *   string   valueint is the length in bytes (the value may contain NUL)
 *   object   valueint is the number of members; valuestring points to a sorted index when there are more
 *            than 16 (freed by cJSON_Delete with the node)
 *   array    valueint is the number of elements
 * A mlm_json_node is a cJSON item under another name, so that no caller depends on cJSON.
 */
#include "kernels/base/mlm_json.h"

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json_scan.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIND(item)         ((item)->type & 0xff)
#define INTEGER            (1 << 16) /* valuedouble holds an int64                    */
#define NUL_IN_KEY         (1 << 17) /* the key is longer than its C string: no match */
#define INDEX_MEMBERS      16
#define DEFAULT_MAX_VALUES ((size_t)16 << 20)

struct mlm_json {
    cJSON *root;
};

typedef struct key_index {
    size_t n;
    cJSON *item[]; /* sorted by key */
} key_index;

static const cJSON *item_of(const mlm_json_node *node)
{
    return (const cJSON *)(const void *)node;
}

static const mlm_json_node *node_of(const cJSON *item)
{
    return (const mlm_json_node *)(const void *)item;
}

/* ---- completing cJSON's tree -------------------------------------------------------------------- */

static int compare_items(const void *pa, const void *pb)
{
    const cJSON *const *a = pa, *const *b = pb;
    return strcmp((*a)->string, (*b)->string);
}

static mlm_status build_index(cJSON *object, const char *name)
{
    size_t     n     = (size_t)object->valueint;
    size_t     bytes = sizeof(key_index) + n * sizeof(cJSON *);
    key_index *index = malloc(bytes);
    if (!index)
        return mlm_fail_nomem(bytes, name);
    index->n = 0;
    for (cJSON *c = object->child; c; c = c->next) {
        if (!(c->type & NUL_IN_KEY))
            index->item[index->n++] = c;
    }
    qsort(index->item, index->n, sizeof(cJSON *), compare_items);
    object->valuestring = (char *)(void *)index;
    return MLM_OK;
}

/* The value of a plain run of digits; false when it has a point or an exponent, is "-0", or does not fit. */
static bool read_int64(const char *p, const char *end, int64_t *value)
{
    bool    negative = *p == '-';
    int64_t v        = 0;
    if (negative)
        p++;
    if (negative && *p == '0')
        return false;
    for (; p < end; p++) {
        int digit = *p - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v)) /* downwards: INT64_MIN fits */
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
        return false;
    *value = v;
    return true;
}

/* The token of a number at text[pos]; returns where it ends. */
static mlm_status complete_number(cJSON *item, const char *text, size_t n, size_t *pos, const char *name)
{
    size_t  start = *pos, end = start;
    int64_t value = 0;
    if (text[start] == 'N' || text[start] == 'I' || (text[start] == '-' && text[start + 1] == 'I')) {
        item->valuedouble = text[start] == 'N'   ? (double)NAN
                            : text[start] == '-' ? -(double)INFINITY
                                                 : (double)INFINITY;
        *pos              = start + (text[start] == 'N' ? 3 : text[start] == '-' ? 9 : 8);
        return MLM_OK;
    }
    while (end < n && (text[end] == '-' || text[end] == '+' || text[end] == '.' || text[end] == 'e' ||
                       text[end] == 'E' || (text[end] >= '0' && text[end] <= '9')))
        end++;
    *pos = end;
    if (!isfinite(item->valuedouble))
        return mlm_json_fail_at(text, start, name, "a number beyond the range of a double");
    if (read_int64(text + start, text + end, &value)) {
        memcpy(&item->valuedouble, &value, sizeof value);
        item->type |= INTEGER;
    }
    return MLM_OK;
}

/* Moves past everything between tokens. */
static size_t next_token(const char *text, size_t n, size_t pos)
{
    for (; pos < n; pos++) {
        char c = text[pos];
        if (c > ' ' && c != ',' && c != ':' && c != '[' && c != ']' && c != '{' && c != '}')
            break;
    }
    return pos;
}

static mlm_status complete_item(cJSON *item, bool is_member, const char *text, size_t n, size_t *pos,
                                const char *name)
{
    size_t length = 0;
    bool   nul    = false;
    if (is_member) {
        *pos = next_token(text, n, *pos);
        *pos += mlm_json_string_span(text + *pos, &length, &nul);
        if (nul)
            item->type |= NUL_IN_KEY;
    }
    switch (KIND(item)) {
    case cJSON_String:
        *pos = next_token(text, n, *pos);
        *pos += mlm_json_string_span(text + *pos, &length, &nul);
        item->valueint = (int)length;
        return MLM_OK;
    case cJSON_Number:
        *pos = next_token(text, n, *pos);
        return complete_number(item, text, n, pos, name);
    case cJSON_Array:
    case cJSON_Object:
        item->valueint = 0;
        for (const cJSON *c = item->child; c; c = c->next)
            item->valueint++;
        return MLM_OK;
    default: /* true, false, null: cJSON knows all there is */
        *pos = next_token(text, n, *pos) + (KIND(item) == cJSON_False ? 5 : 4);
        return MLM_OK;
    }
}

/* In the order of the text.  An object is indexed when the walk leaves it: its keys are completed by then. */
static mlm_status complete_tree(cJSON *root, const char *text, size_t n, const char *name)
{
    cJSON *open[MLM_JSON_MAX_DEPTH + 1];
    int    depth = 0;
    size_t pos   = 0;
    for (cJSON *item = root; item;) {
        MLM_TRY(complete_item(item, depth > 0 && KIND(open[depth - 1]) == cJSON_Object, text, n, &pos, name));
        if (item->child) {
            open[depth++] = item;
            item          = item->child;
            continue;
        }
        while (depth > 0 && !item->next) {
            item = open[--depth];
            if (KIND(item) == cJSON_Object && item->valueint > INDEX_MEMBERS)
                MLM_TRY(build_index(item, name));
        }
        item = depth > 0 ? item->next : NULL;
    }
    return MLM_OK;
}

/* A copy of the text in which Infinity, -Infinity and NaN are zeros of the same width. */
static char *without_infinity(const char *text, size_t n)
{
    char *copy      = malloc(n + 1);
    bool  in_string = false;
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (copy[i] == '\\')
                i++;
            else if (copy[i] == '"')
                in_string = false;
        } else if (copy[i] == '"') {
            in_string = true;
        } else if (copy[i] == 'I' || copy[i] == 'N') {
            size_t width = copy[i] == 'I' ? 8 : 3;
            memset(copy + i, ' ', width);
            copy[i] = '0';
            i += width - 1;
        }
    }
    return copy;
}

mlm_status mlm_json_parse_limited(mlm_json **out, const char *text, size_t n, const char *name,
                                  unsigned flags, size_t max_values)
{
    mlm_json_facts facts;
    mlm_status     status = MLM_OK;
    char          *copy   = NULL;
    *out                  = NULL;
    if (n >= (size_t)INT_MAX)
        return mlm_fail(MLM_E_RANGE, "%s: %zu bytes of JSON, the limit is 2 GiB", name, n);
    MLM_TRY(mlm_file_check_pointer(text, n, name));
    MLM_TRY(mlm_json_scan(&facts, text, n, name, flags, max_values));
    mlm_json *doc = calloc(1, sizeof *doc);
    if (!doc)
        return mlm_fail_nomem(sizeof *doc, name);
    if (facts.n_infinite > 0 && !(copy = without_infinity(text, n))) {
        status = mlm_fail_nomem(n, name);
        goto done;
    }
    const char *end = NULL;
    doc->root       = cJSON_ParseWithLengthOpts(copy ? copy : text, n, &end, 0);
    if (!doc->root) {
        status = mlm_fail(MLM_E_NOMEM, "%s: out of memory for a JSON document of %zu values", name,
                          facts.n_values);
        goto done;
    }
    MLM_TRY_GOTO(status, complete_tree(doc->root, text, n, name), done);
    *out = doc;
    doc  = NULL;
done:
    free(copy);
    mlm_json_free(doc);
    return status;
}

mlm_status mlm_json_parse(mlm_json **out, const char *text, size_t n, const char *name, unsigned flags)
{
    return mlm_json_parse_limited(out, text, n, name, flags, DEFAULT_MAX_VALUES);
}

mlm_status mlm_json_parse_file(mlm_json **out, const char *path, size_t limit, unsigned flags)
{
    char  *text = NULL;
    size_t n    = 0;
    *out        = NULL;
    MLM_TRY(mlm_file_read(&text, &n, path, limit, "JSON"));
    mlm_status status = mlm_json_parse(out, text, n, path, flags);
    free(text);
    return status;
}

void mlm_json_free(mlm_json *doc)
{
    if (!doc)
        return;
    cJSON_Delete(doc->root);
    free(doc);
}

/* ---- reading ------------------------------------------------------------------------------------ */

const mlm_json_node *mlm_json_root(const mlm_json *doc)
{
    return node_of(doc->root);
}

mlm_json_type mlm_json_type_of(const mlm_json_node *node)
{
    switch (KIND(item_of(node))) {
    case cJSON_True:
    case cJSON_False:
        return MLM_JSON_BOOL;
    case cJSON_Number:
        return MLM_JSON_NUMBER;
    case cJSON_String:
        return MLM_JSON_STRING;
    case cJSON_Array:
        return MLM_JSON_ARRAY;
    case cJSON_Object:
        return MLM_JSON_OBJECT;
    default:
        return MLM_JSON_NULL;
    }
}

const char *mlm_json_type_name(mlm_json_type type)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "of an unknown type";
}

const mlm_json_node *mlm_json_get(const mlm_json_node *node, const char *key)
{
    const cJSON *object = node ? item_of(node) : NULL;
    if (!object || KIND(object) != cJSON_Object)
        return NULL;
    if (!object->valuestring) {
        for (const cJSON *c = object->child; c; c = c->next) {
            if (strcmp(c->string, key) == 0 && !(c->type & NUL_IN_KEY))
                return node_of(c);
        }
        return NULL;
    }
    const key_index *index = (const key_index *)(const void *)object->valuestring;
    size_t           low = 0, high = index->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int    order  = strcmp(index->item[middle]->string, key);
        if (order == 0)
            return node_of(index->item[middle]);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int64_t mlm_json_count(const mlm_json_node *node)
{
    int kind = KIND(item_of(node));
    return kind == cJSON_Array || kind == cJSON_Object ? item_of(node)->valueint : 0;
}

const mlm_json_node *mlm_json_first(const mlm_json_node *node)
{
    int kind = KIND(item_of(node));
    return kind == cJSON_Array || kind == cJSON_Object ? node_of(item_of(node)->child) : NULL;
}

const mlm_json_node *mlm_json_next(const mlm_json_node *node)
{
    return node_of(item_of(node)->next);
}

const char *mlm_json_key(const mlm_json_node *node)
{
    return item_of(node)->string;
}

const char *mlm_json_text(const mlm_json_node *node, size_t *n)
{
    const cJSON *item = item_of(node);
    assert(KIND(item) == cJSON_String);
    if (n)
        *n = (size_t)item->valueint;
    return item->valuestring;
}

double mlm_json_double(const mlm_json_node *node)
{
    int64_t value = 0;
    return mlm_json_as_int64(node, &value) ? (double)value : item_of(node)->valuedouble;
}

bool mlm_json_bool(const mlm_json_node *node)
{
    return KIND(item_of(node)) == cJSON_True;
}

bool mlm_json_as_int64(const mlm_json_node *node, int64_t *value)
{
    const cJSON *item = item_of(node);
    if (KIND(item) != cJSON_Number || !(item->type & INTEGER))
        return false;
    memcpy(value, &item->valuedouble, sizeof *value);
    return true;
}
