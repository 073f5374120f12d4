/*
 * mlm_fail.h: how the inside of the project reports failures (see mlm_status.h for the convention).
 *
 *   return mlm_fail(MLM_E_CONFIG, "%s: text.hidden_size is %lld, must be a positive multiple of 64", path, v);
 *
 * The detecting function writes the message; callers pass the status up unchanged, and may put a
 * context in front of it once with mlm_fail_context().  No newline, no "Error:" in messages.
 */
#ifndef MLM_FAIL_H
#define MLM_FAIL_H

#include "kernels/base/mlm_status.h"

#include <stdbool.h>
#include <stddef.h>

#define MLM_WARN_UNUSED                   __attribute__((warn_unused_result))
#define MLM_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))

/* Stores the message of this thread and returns `status`.  Never allocates.  Bytes that could drive a
 * terminal (C0, DEL, C1, bidi controls, invalid UTF-8) are stored as \xNN; cut at 4 KB. */
mlm_status mlm_fail(mlm_status status, const char *fmt, ...) MLM_PRINTF(2, 3);

/* Puts "context: " in front of the stored message and returns `status`. */
mlm_status mlm_fail_context(mlm_status status, const char *fmt, ...) MLM_PRINTF(2, 3);

/* For messages about a failed allocation of `bytes` for `what` ("embedding table"). */
mlm_status mlm_fail_nomem(size_t bytes, const char *what);

/*
 * Copies `src` (any bytes, `n` of them) to `dst` (capacity `cap`, always terminated), replacing what
 * could drive a terminal as mlm_fail does.  With keep_newlines, \n and \t pass.  Returns the length
 * written.  For file names and model answers on their way to a person.
 */
size_t mlm_escape_text(char *dst, size_t cap, const char *src, size_t n, bool keep_newlines);

/* Returns early; only where nothing needs cleaning up. */
#define MLM_TRY(expr)                                                                                        \
    do {                                                                                                     \
        mlm_status mlm_try_status_ = (expr);                                                                 \
        if (mlm_try_status_ != MLM_OK)                                                                       \
            return mlm_try_status_;                                                                          \
    } while (0)

/* Jumps to the single exit `label` with the status in `var`. */
#define MLM_TRY_GOTO(var, expr, label)                                                                       \
    do {                                                                                                     \
        (var) = (expr);                                                                                      \
        if ((var) != MLM_OK)                                                                                 \
            goto label;                                                                                      \
    } while (0)

/* Checked size arithmetic for numbers that come from files: false on overflow. */
static inline bool mlm_mul_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool mlm_add_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
