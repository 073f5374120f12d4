/*
 * mlm_json.h: strict reading of JSON through cJSON.
 *
 * cJSON alone lets through what a loader must refuse (invalid UTF-8, duplicate keys, "\u0000", leading
 * zeros, trailing bytes, raw control characters, depth 1000).  mlm_json_parse checks all that first, with
 * its own scanner, then lets cJSON build the tree.  Numbers are re-read from the text as integers where an
 * integer is asked for, so nothing above 2^53 is rounded.
 */
#ifndef MLM_JSON_H
#define MLM_JSON_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

typedef struct mlm_json      mlm_json;      /* a parsed document (owned)       */
typedef struct mlm_json_node mlm_json_node; /* a value in it (borrowed)        */

typedef enum mlm_json_type {
    MLM_JSON_NULL,
    MLM_JSON_BOOL,
    MLM_JSON_NUMBER,
    MLM_JSON_STRING,
    MLM_JSON_ARRAY,
    MLM_JSON_OBJECT
} mlm_json_type;

enum {
    MLM_JSON_ALLOW_INFINITY = 1u << 0, /* Infinity, -Infinity, NaN as transformers writes them       */
    MLM_JSON_ALLOW_NUL      = 1u << 1  /* "\u0000" inside strings (never in model files)             */
};

/*
 * Parses all of text[0..n-1].  `name` appears in every message about this document ("model/config.json").
 * Errors: MLM_E_FORMAT with line and column, MLM_E_RANGE (2 GiB of text), MLM_E_NOMEM.  Depth at most 64, at
 * most 16 Mi values.  Time n log n in the number of keys, otherwise linear; memory linear.
 */
mlm_status mlm_json_parse(mlm_json **out, const char *text, size_t n, const char *name,
                          unsigned flags) MLM_WARN_UNUSED;
/* The same with another limit than 16 Mi on the number of values, which bounds the memory of the tree. */
mlm_status mlm_json_parse_limited(mlm_json **out, const char *text, size_t n, const char *name,
                                  unsigned flags, size_t max_values) MLM_WARN_UNUSED;
/* Reads (at most `limit` bytes) and parses a file. */
mlm_status mlm_json_parse_file(mlm_json **out, const char *path, size_t limit,
                               unsigned flags) MLM_WARN_UNUSED;
void       mlm_json_free(mlm_json *doc); /* NULL is fine */

const mlm_json_node *mlm_json_root(const mlm_json *doc);
mlm_json_type        mlm_json_type_of(const mlm_json_node *node);
const char          *mlm_json_type_name(mlm_json_type type); /* "an object", "a number", ... */

/* Looks `key` up (case-sensitive); NULL when absent or when node is not an object.  At most log2(members) comparisons. */
const mlm_json_node *mlm_json_get(const mlm_json_node *node, const char *key);
/* Iteration over the children of an array or object, in file order. */
int64_t              mlm_json_count(const mlm_json_node *node);
const mlm_json_node *mlm_json_first(const mlm_json_node *node);
const mlm_json_node *mlm_json_next(const mlm_json_node *node);
const char          *mlm_json_key(const mlm_json_node *node); /* of an object's child, else NULL */

/* Value of a node; the caller checked the type with mlm_json_type_of. */
const char *mlm_json_text(const mlm_json_node *node, size_t *n); /* string: bytes, n may be NULL */
double      mlm_json_double(const mlm_json_node *node);
bool        mlm_json_bool(const mlm_json_node *node);
bool        mlm_json_as_int64(const mlm_json_node *node, int64_t *value); /* false: not an exact integer */

/*
 * Typed members of an object for config readers.  `where` names the object in messages
 * ("config.json: text").  The req_ forms fail with MLM_E_CONFIG when the key is missing; the opt_ forms
 * then store `def`.  A wrong type or a value outside [min, max] always fails:
 *   "config.json: text.hidden_size is 0, must be an integer from 1 to 65536"
 */
mlm_status mlm_json_req_int(const mlm_json_node *obj, const char *where, const char *key, int64_t min,
                            int64_t max, int *out) MLM_WARN_UNUSED;
mlm_status mlm_json_opt_int(const mlm_json_node *obj, const char *where, const char *key, int64_t min,
                            int64_t max, int def, int *out) MLM_WARN_UNUSED;
mlm_status mlm_json_req_float(const mlm_json_node *obj, const char *where, const char *key, double min,
                              double max, float *out) MLM_WARN_UNUSED;
mlm_status mlm_json_opt_float(const mlm_json_node *obj, const char *where, const char *key, double min,
                              double max, float def, float *out) MLM_WARN_UNUSED;
mlm_status mlm_json_opt_bool(const mlm_json_node *obj, const char *where, const char *key, bool def,
                             bool *out) MLM_WARN_UNUSED;
/* *out is borrowed from the document; the opt_ form may give `def`, NULL included.  JSON null = missing for opt_. */
mlm_status mlm_json_req_string(const mlm_json_node *obj, const char *where, const char *key,
                               const char **out) MLM_WARN_UNUSED;
mlm_status mlm_json_opt_string(const mlm_json_node *obj, const char *where, const char *key, const char *def,
                               const char **out) MLM_WARN_UNUSED;
/* One of `names` (NULL-terminated) -> its index; the message lists what is allowed. */
mlm_status mlm_json_req_choice(const mlm_json_node *obj, const char *where, const char *key,
                               const char *const *names, int *out) MLM_WARN_UNUSED;
mlm_status mlm_json_opt_choice(const mlm_json_node *obj, const char *where, const char *key,
                               const char *const *names, int def, int *out) MLM_WARN_UNUSED;
mlm_status mlm_json_req_object(const mlm_json_node *obj, const char *where, const char *key,
                               const mlm_json_node **out) MLM_WARN_UNUSED;
/* Exactly n finite numbers. */
mlm_status mlm_json_req_floats(const mlm_json_node *obj, const char *where, const char *key, int n,
                               float *out) MLM_WARN_UNUSED;

#endif
