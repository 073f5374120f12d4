/*
 * mlm_json_config.c: typed members of an object, for config readers.
 *
 * Every refusal is one sentence: where, which key, what it is, what it must be.
 */
#include "kernels/base/mlm_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a value is, for messages: "0", "\"abc\"", "an object". */
static void describe(const mlm_json_node *node, char *text, size_t cap)
{
    int64_t integer = 0;
    switch (mlm_json_type_of(node)) {
    case MLM_JSON_NUMBER:
        if (mlm_json_as_int64(node, &integer))
            (void)snprintf(text, cap, "%lld", (long long)integer);
        else
            (void)snprintf(text, cap, "%.17g", mlm_json_double(node));
        return;
    case MLM_JSON_STRING:
        (void)snprintf(text, cap, "\"%.80s\"", mlm_json_text(node, NULL));
        return;
    case MLM_JSON_BOOL:
        (void)snprintf(text, cap, "%s", mlm_json_bool(node) ? "true" : "false");
        return;
    case MLM_JSON_NULL:
    case MLM_JSON_ARRAY:
    case MLM_JSON_OBJECT:
        break;
    }
    (void)snprintf(text, cap, "%s", mlm_json_type_name(mlm_json_type_of(node)));
}

/* "config.json: key", "config.json: text.key". */
static const char *between(const char *where)
{
    static const char file[] = ".json";
    size_t            n      = strlen(where);
    return n >= sizeof file - 1 && strcmp(where + n - (sizeof file - 1), file) == 0 ? ": " : ".";
}

static mlm_status fail_value(const mlm_json_node *node, const char *where, const char *key,
                             const char *wanted)
{
    char found[128];
    describe(node, found, sizeof found);
    return mlm_fail(MLM_E_CONFIG, "%s%s%s is %s, must be %s", where, between(where), key, found, wanted);
}

static mlm_status fail_missing(const char *where, const char *key, const char *wanted)
{
    return mlm_fail(MLM_E_CONFIG, "%s%s%s is missing, must be %s", where, between(where), key, wanted);
}

/* The member for the opt_ forms: NULL when absent or null. */
static const mlm_json_node *optional(const mlm_json_node *obj, const char *key)
{
    const mlm_json_node *node = mlm_json_get(obj, key);
    return node && mlm_json_type_of(node) == MLM_JSON_NULL ? NULL : node;
}

static mlm_status read_int(const mlm_json_node *node, const char *where, const char *key, int64_t min,
                           int64_t max, int *out)
{
    char    wanted[96];
    int64_t value = 0;
    if (min < INT32_MIN)
        min = INT32_MIN;
    if (max > INT32_MAX)
        max = INT32_MAX;
    (void)snprintf(wanted, sizeof wanted, "an integer from %lld to %lld", (long long)min, (long long)max);
    if (!node)
        return fail_missing(where, key, wanted);
    if (!mlm_json_as_int64(node, &value) || value < min || value > max)
        return fail_value(node, where, key, wanted);
    *out = (int)value;
    return MLM_OK;
}

mlm_status mlm_json_req_int(const mlm_json_node *obj, const char *where, const char *key, int64_t min,
                            int64_t max, int *out)
{
    return read_int(mlm_json_get(obj, key), where, key, min, max, out);
}

mlm_status mlm_json_opt_int(const mlm_json_node *obj, const char *where, const char *key, int64_t min,
                            int64_t max, int def, int *out)
{
    const mlm_json_node *node = optional(obj, key);
    *out                      = def;
    return node ? read_int(node, where, key, min, max, out) : MLM_OK;
}

static mlm_status read_float(const mlm_json_node *node, const char *where, const char *key, double min,
                             double max, float *out)
{
    char wanted[96];
    (void)snprintf(wanted, sizeof wanted, "a number from %g to %g", min, max);
    if (!node)
        return fail_missing(where, key, wanted);
    if (mlm_json_type_of(node) != MLM_JSON_NUMBER)
        return fail_value(node, where, key, wanted);
    double value = mlm_json_double(node);
    if (!(value >= min && value <= max))
        return fail_value(node, where, key, wanted);
    *out = (float)value;
    return MLM_OK;
}

mlm_status mlm_json_req_float(const mlm_json_node *obj, const char *where, const char *key, double min,
                              double max, float *out)
{
    return read_float(mlm_json_get(obj, key), where, key, min, max, out);
}

mlm_status mlm_json_opt_float(const mlm_json_node *obj, const char *where, const char *key, double min,
                              double max, float def, float *out)
{
    const mlm_json_node *node = optional(obj, key);
    *out                      = def;
    return node ? read_float(node, where, key, min, max, out) : MLM_OK;
}

mlm_status mlm_json_opt_bool(const mlm_json_node *obj, const char *where, const char *key, bool def,
                             bool *out)
{
    const mlm_json_node *node = optional(obj, key);
    *out                      = def;
    if (!node)
        return MLM_OK;
    if (mlm_json_type_of(node) != MLM_JSON_BOOL)
        return fail_value(node, where, key, "true or false");
    *out = mlm_json_bool(node);
    return MLM_OK;
}

static mlm_status read_string(const mlm_json_node *node, const char *where, const char *key, const char **out)
{
    size_t n = 0;
    if (!node)
        return fail_missing(where, key, "a string");
    if (mlm_json_type_of(node) != MLM_JSON_STRING)
        return fail_value(node, where, key, "a string");
    const char *text = mlm_json_text(node, &n);
    if (strlen(text) != n)
        return mlm_fail(MLM_E_CONFIG, "%s%s%s contains a NUL character", where, between(where), key);
    *out = text;
    return MLM_OK;
}

mlm_status mlm_json_req_string(const mlm_json_node *obj, const char *where, const char *key, const char **out)
{
    return read_string(mlm_json_get(obj, key), where, key, out);
}

mlm_status mlm_json_opt_string(const mlm_json_node *obj, const char *where, const char *key, const char *def,
                               const char **out)
{
    const mlm_json_node *node = optional(obj, key);
    *out                      = def;
    return node ? read_string(node, where, key, out) : MLM_OK;
}

static mlm_status read_choice(const mlm_json_node *node, const char *where, const char *key,
                              const char *const *names, int *out)
{
    char   wanted[512] = "one of";
    size_t used        = strlen(wanted);
    if (node && mlm_json_type_of(node) == MLM_JSON_STRING) {
        size_t      n    = 0;
        const char *text = mlm_json_text(node, &n);
        for (int i = 0; names[i]; i++) {
            if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0) {
                *out = i;
                return MLM_OK;
            }
        }
    }
    for (int i = 0; names[i]; i++) {
        int len = snprintf(wanted + used, sizeof wanted - used, "%s \"%s\"", i ? "," : "", names[i]);
        if (len < 0 || (size_t)len >= sizeof wanted - used)
            break;
        used += (size_t)len;
    }
    return node ? fail_value(node, where, key, wanted) : fail_missing(where, key, wanted);
}

mlm_status mlm_json_req_choice(const mlm_json_node *obj, const char *where, const char *key,
                               const char *const *names, int *out)
{
    return read_choice(mlm_json_get(obj, key), where, key, names, out);
}

mlm_status mlm_json_opt_choice(const mlm_json_node *obj, const char *where, const char *key,
                               const char *const *names, int def, int *out)
{
    const mlm_json_node *node = optional(obj, key);
    *out                      = def;
    return node ? read_choice(node, where, key, names, out) : MLM_OK;
}

mlm_status mlm_json_req_object(const mlm_json_node *obj, const char *where, const char *key,
                               const mlm_json_node **out)
{
    const mlm_json_node *node = mlm_json_get(obj, key);
    *out                      = NULL;
    if (!node)
        return fail_missing(where, key, "an object");
    if (mlm_json_type_of(node) != MLM_JSON_OBJECT)
        return fail_value(node, where, key, "an object");
    *out = node;
    return MLM_OK;
}

mlm_status mlm_json_req_floats(const mlm_json_node *obj, const char *where, const char *key, int n,
                               float *out)
{
    char                 wanted[64];
    const mlm_json_node *node = mlm_json_get(obj, key);
    (void)snprintf(wanted, sizeof wanted, "an array of %d numbers", n);
    if (!node)
        return fail_missing(where, key, wanted);
    if (mlm_json_type_of(node) != MLM_JSON_ARRAY)
        return fail_value(node, where, key, wanted);
    if (mlm_json_count(node) != n)
        return mlm_fail(MLM_E_CONFIG, "%s%s%s has %lld elements, must be %s", where, between(where), key,
                        (long long)mlm_json_count(node), wanted);
    int i = 0;
    for (const mlm_json_node *c = mlm_json_first(node); c; c = mlm_json_next(c), i++) {
        float value = mlm_json_type_of(c) == MLM_JSON_NUMBER ? (float)mlm_json_double(c) : NAN;
        if (!isfinite(value)) {
            char element[256];
            (void)snprintf(element, sizeof element, "%.200s[%d]", key, i);
            return fail_value(c, where, element, "a finite number");
        }
        out[i] = value;
    }
    return MLM_OK;
}
