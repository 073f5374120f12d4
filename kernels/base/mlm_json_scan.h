/* mlm_json_scan.h: private to mlm_json*.c: the strict scanner that runs before cJSON, and walking its text. */
#ifndef MLM_JSON_SCAN_H
#define MLM_JSON_SCAN_H

#include "kernels/base/mlm_json.h"

enum { MLM_JSON_MAX_DEPTH = 64 };

typedef struct mlm_json_facts {
    size_t n_values;   /* values of all kinds                             */
    size_t n_infinite; /* Infinity, -Infinity and NaN tokens among them   */
} mlm_json_facts;

/* MLM_OK: text[0..n-1] is exactly one JSON value by RFC 8259, and by the stricter rules of mlm_json.h. */
mlm_status mlm_json_scan(mlm_json_facts *facts, const char *text, size_t n, const char *name, unsigned flags,
                         size_t max_values) MLM_WARN_UNUSED;

/* MLM_E_FORMAT: "NAME: line L, column C: MESSAGE" for the byte at `offset`. */
mlm_status mlm_json_fail_at(const char *text, size_t offset, const char *name, const char *message);

/* Bytes that the string token at text[0] ('"') takes up, of text known to be valid; *decoded is the length
 * of its value, *has_nul whether that contains "\u0000". */
size_t mlm_json_string_span(const char *text, size_t *decoded, bool *has_nul);

#endif
