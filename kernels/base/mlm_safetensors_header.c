/*
 * mlm_safetensors_header.c: every check of a safetensors header, in one place.
 *
 * Layout of a file: u64 little-endian N | N bytes of JSON | data.  The JSON maps a tensor's name to
 * {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, offsets counted from the end of the header.
 * All sizes are multiplied and added with overflow checks; a tensor's byte range must equal what its shape and
 * dtype say, and the ranges together must cover the data exactly, so no byte is outside a tensor or in two.
 * Format and limits: huggingface/safetensors, tensor.rs.
 */
#include "kernels/base/mlm_safetensors_header.h"

#include "kernels/base/mlm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;

static const struct {
    const char *name;
    size_t      size;
} dtypes[MLM_ST_DTYPE_COUNT] = {
    [MLM_ST_BOOL] = {"BOOL", 1}, [MLM_ST_U8] = {"U8", 1},           [MLM_ST_I8] = {"I8", 1},
    [MLM_ST_I16] = {"I16", 2},   [MLM_ST_U16] = {"U16", 2},         [MLM_ST_F16] = {"F16", 2},
    [MLM_ST_BF16] = {"BF16", 2}, [MLM_ST_I32] = {"I32", 4},         [MLM_ST_U32] = {"U32", 4},
    [MLM_ST_F32] = {"F32", 4},   [MLM_ST_F64] = {"F64", 8},         [MLM_ST_I64] = {"I64", 8},
    [MLM_ST_U64] = {"U64", 8},   [MLM_ST_F8_E4M3] = {"F8_E4M3", 1}, [MLM_ST_F8_E5M2] = {"F8_E5M2", 1},
};

const char *mlm_st_dtype_name(mlm_st_dtype dtype)
{
    return (unsigned)dtype < MLM_ST_DTYPE_COUNT ? dtypes[dtype].name : "unknown";
}

void mlm_st_shape_text(const mlm_st_tensor *t, char *text, size_t cap)
{
    size_t used = 0;
    for (int i = 0; i <= t->rank && used < cap; i++) {
        int len = i == t->rank
                      ? snprintf(text + used, cap - used, t->rank ? "]" : "[]")
                      : snprintf(text + used, cap - used, "%s%lld", i ? ", " : "[", (long long)t->dim[i]);
        used += len > 0 ? (size_t)len : 0;
    }
}

size_t mlm_st_dtype_size(mlm_st_dtype dtype)
{
    return (unsigned)dtype < MLM_ST_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

mlm_status mlm_st_header_length(uint64_t *length, const unsigned char first[8], uint64_t file_size,
                                const char *name)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = (n << 8) | first[i];
    *length = n;
    if (n > MLM_ST_MAX_HEADER)
        return mlm_fail(MLM_E_FORMAT, "%s: the header says it has %llu bytes, at most %u are allowed", name,
                        (ull)n, MLM_ST_MAX_HEADER);
    if (file_size < 8 || n > file_size - 8)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: the header says it has %llu bytes, the file has %llu after its first 8", name,
                        (ull)n, (ull)(file_size < 8 ? 0 : file_size - 8));
    return MLM_OK;
}

static mlm_status check_metadata(const mlm_json_node *node, const char *file)
{
    if (mlm_json_type_of(node) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_FORMAT, "%s: __metadata__ is %s, must be an object of strings", file,
                        mlm_json_type_name(mlm_json_type_of(node)));
    for (const mlm_json_node *c = mlm_json_first(node); c; c = mlm_json_next(c)) {
        if (mlm_json_type_of(c) != MLM_JSON_STRING)
            return mlm_fail(MLM_E_FORMAT, "%s: __metadata__.%.200s is %s, must be a string", file,
                            mlm_json_key(c), mlm_json_type_name(mlm_json_type_of(c)));
    }
    return MLM_OK;
}

static mlm_status read_dtype(mlm_st_tensor *t, const mlm_json_node *node, const char *file)
{
    if (!node || mlm_json_type_of(node) != MLM_JSON_STRING)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s': dtype is %s, must be a string", file, t->name,
                        node ? mlm_json_type_name(mlm_json_type_of(node)) : "missing");
    for (int i = 0; i < MLM_ST_DTYPE_COUNT; i++) {
        if (strcmp(dtypes[i].name, mlm_json_text(node, NULL)) == 0) {
            t->dtype = (mlm_st_dtype)i;
            return MLM_OK;
        }
    }
    return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s': dtype \"%.40s\" is not known", file, t->name,
                    mlm_json_text(node, NULL));
}

/* Shape, and from it t->bytes. */
static mlm_status read_shape(mlm_st_tensor *t, const mlm_json_node *node, const char *file)
{
    uint64_t count = 1;
    if (!node || mlm_json_type_of(node) != MLM_JSON_ARRAY)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s': shape is %s, must be an array", file, t->name,
                        node ? mlm_json_type_name(mlm_json_type_of(node)) : "missing");
    if (mlm_json_count(node) > MLM_ST_MAX_RANK)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: tensor '%.200s': shape has %lld dimensions, at most %d are allowed", file,
                        t->name, (long long)mlm_json_count(node), MLM_ST_MAX_RANK);
    for (const mlm_json_node *c = mlm_json_first(node); c; c = mlm_json_next(c)) {
        int64_t d = -1;
        if (!mlm_json_as_int64(c, &d) || d < 0)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: tensor '%.200s': dimension %d of shape is not an integer from 0 to 2^63-1",
                            file, t->name, t->rank);
        t->dim[t->rank++] = d;
        if (__builtin_mul_overflow(count, (uint64_t)d, &count))
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s': the product of its dimensions overflows",
                            file, t->name);
    }
    if (__builtin_mul_overflow(count, (uint64_t)dtypes[t->dtype].size, &t->bytes) ||
        t->bytes > (uint64_t)INT64_MAX)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s': its size in bytes overflows", file, t->name);
    return MLM_OK;
}

/* data_offsets; t->offset is the begin, still counted from the end of the header. */
static mlm_status read_offsets(mlm_st_tensor *t, const mlm_json_node *node, const char *file)
{
    int64_t at[2] = {-1, -1};
    if (!node || mlm_json_type_of(node) != MLM_JSON_ARRAY || mlm_json_count(node) != 2)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: tensor '%.200s': data_offsets is %s, must be an array of two integers", file,
                        t->name, !node ? "missing" : mlm_json_type_name(mlm_json_type_of(node)));
    const mlm_json_node *c = mlm_json_first(node);
    for (int i = 0; i < 2; i++, c = mlm_json_next(c)) {
        if (!mlm_json_as_int64(c, &at[i]) || at[i] < 0)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: tensor '%.200s': data_offsets[%d] is not an integer from 0 to 2^63-1", file,
                            t->name, i);
    }
    if (at[1] < at[0])
        return mlm_fail(MLM_E_FORMAT,
                        "%s: tensor '%.200s': data_offsets end at %lld, before they begin at %lld", file,
                        t->name, (long long)at[1], (long long)at[0]);
    if ((uint64_t)(at[1] - at[0]) != t->bytes)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: tensor '%.200s': data_offsets span %lld bytes, its shape and dtype need %llu",
                        file, t->name, (long long)(at[1] - at[0]), (ull)t->bytes);
    t->offset = (uint64_t)at[0];
    return MLM_OK;
}

static mlm_status read_tensor(mlm_st_tensor *t, const mlm_json_node *node, const char *file)
{
    if (mlm_json_type_of(node) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s' is %s, must be an object", file, t->name,
                        mlm_json_type_name(mlm_json_type_of(node)));
    MLM_TRY(read_dtype(t, mlm_json_get(node, "dtype"), file));
    MLM_TRY(read_shape(t, mlm_json_get(node, "shape"), file));
    return read_offsets(t, mlm_json_get(node, "data_offsets"), file);
}

static int compare_offsets(const void *pa, const void *pb)
{
    const mlm_st_tensor *a = pa, *b = pb;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name); /* empty tensors: an order that does not depend on the sort */
}

/* Sorted by offset, the tensors must cover the data exactly. */
static mlm_status check_cover(mlm_st_header *h, uint64_t data_bytes, const char *file)
{
    uint64_t end = 0;
    if (h->n_tensors > 0)
        qsort(h->tensors, (size_t)h->n_tensors, sizeof *h->tensors, compare_offsets);
    for (int64_t i = 0; i < h->n_tensors; i++) {
        const mlm_st_tensor *t = &h->tensors[i];
        if (t->offset > end)
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s' begins at %llu and leaves a hole after %llu",
                            file, t->name, (ull)t->offset, (ull)end);
        if (t->offset < end)
            return mlm_fail(MLM_E_FORMAT, "%s: tensor '%.200s' begins at %llu and overlaps what ends at %llu",
                            file, t->name, (ull)t->offset, (ull)end);
        end = t->offset + t->bytes; /* both below 2^63 */
        if (end > data_bytes)
            return mlm_fail(MLM_E_FORMAT,
                            "%s: tensor '%.200s' ends at %llu, the file has only %llu bytes of data", file,
                            t->name, (ull)end, (ull)data_bytes);
    }
    if (end != data_bytes)
        return mlm_fail(MLM_E_FORMAT, "%s: %llu bytes after the last tensor", file, (ull)(data_bytes - end));
    return MLM_OK;
}

/* Memory for all tensors and their names. */
static mlm_status allocate(mlm_st_header *h, const mlm_json_node *root, const char *file)
{
    size_t  bytes = 1;
    int64_t n     = 0;
    for (const mlm_json_node *c = mlm_json_first(root); c; c = mlm_json_next(c)) {
        bytes += strlen(mlm_json_key(c)) + 1; /* bounded by the header */
        n++;
    }
    if (n > MLM_ST_MAX_TENSORS + 1)
        return mlm_fail(MLM_E_FORMAT, "%s: %lld tensors, at most %d are allowed", file, (long long)n,
                        MLM_ST_MAX_TENSORS);
    h->names   = malloc(bytes);
    h->tensors = calloc((size_t)n + 1, sizeof *h->tensors);
    if (!h->names || !h->tensors)
        return mlm_fail_nomem(bytes + ((size_t)n + 1) * sizeof *h->tensors, file);
    return MLM_OK;
}

static mlm_status read_header(mlm_st_header *h, const mlm_json_node *root, size_t n, uint64_t file_size,
                              const char *file)
{
    MLM_TRY(allocate(h, root, file));
    char *name = h->names;
    for (const mlm_json_node *c = mlm_json_first(root); c; c = mlm_json_next(c)) {
        const char *key = mlm_json_key(c);
        if (strcmp(key, "__metadata__") == 0) {
            MLM_TRY(check_metadata(c, file));
            continue;
        }
        size_t         len = strlen(key) + 1;
        mlm_st_tensor *t   = &h->tensors[h->n_tensors++];
        memcpy(name, key, len);
        t->name = name;
        name += len;
        MLM_TRY(read_tensor(t, c, file));
    }
    if (h->n_tensors > MLM_ST_MAX_TENSORS)
        return mlm_fail(MLM_E_FORMAT, "%s: %lld tensors, at most %d are allowed", file,
                        (long long)h->n_tensors, MLM_ST_MAX_TENSORS);
    MLM_TRY(check_cover(h, file_size - 8 - n, file));
    for (int64_t i = 0; i < h->n_tensors; i++)
        h->tensors[i].offset += 8 + (uint64_t)n;
    return MLM_OK;
}

mlm_status mlm_st_header_parse(mlm_st_header *h, const char *text, size_t n, uint64_t file_size,
                               const char *name)
{
    mlm_json *doc = NULL;
    *h            = (mlm_st_header){0};
    if (n == 0 || text[0] != '{')
        return mlm_fail(MLM_E_FORMAT, "%s: the header does not begin with '{'", name);
    mlm_status status = mlm_json_parse_limited(&doc, text, n, name, 0, MLM_ST_MAX_VALUES);
    if (status != MLM_OK)
        return status;
    status = read_header(h, mlm_json_root(doc), n, file_size, name);
    mlm_json_free(doc);
    if (status != MLM_OK)
        mlm_st_header_free(h);
    return status;
}

void mlm_st_header_free(mlm_st_header *h)
{
    free(h->tensors);
    free(h->names);
    *h = (mlm_st_header){0};
}

mlm_status mlm_safetensors_check_header(const void *bytes, size_t n, uint64_t file_size, const char *name)
{
    const unsigned char *first = bytes;
    mlm_st_header        h;
    uint64_t             length = 0;
    if (n < 8 || file_size < 8)
        return mlm_fail(MLM_E_FORMAT, "%s: %llu bytes are too short for a safetensors file", name,
                        (ull)(file_size < n ? file_size : n));
    MLM_TRY(mlm_st_header_length(&length, first, file_size, name));
    if (length > n - 8)
        return mlm_fail(MLM_E_RANGE, "%s: %zu bytes given, the header needs %llu", name, n, (ull)length + 8);
    MLM_TRY(mlm_st_header_parse(&h, (const char *)first + 8, (size_t)length, file_size, name));
    mlm_st_header_free(&h);
    return MLM_OK;
}
