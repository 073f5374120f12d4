/*
 * pretokenize.c: text between added tokens -> pieces, each given to the BPE merge.
 *
 * Steps as in tokenizer.json: any number of Split, then ByteLevel.  The GPT-2 pattern
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * is matched by hand on utf8proc's categories: linear, and the same for one byte or one megabyte of anything.
 * Other patterns go through PCRE2 with limits: a match limit for one match, and callouts between the items of the
 * pattern that read this thread's CPU clock, so that no pattern can run away with a text.
 * Reference: tokenizers, pre_tokenizers/{byte_level,split,sequence}.rs.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lm/tokenizer_private.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

enum { MATCH_LIMIT = 20 * 1000 * 1000, HEAP_LIMIT_KB = 256 * 1024, CALLOUTS_A_LOOK = 256 };
#define CPU_SECONDS          0.5
#define CPU_SECONDS_PER_BYTE 5e-6

static mlm_status run_step(tokenizer_run *r, int k, const char *text, size_t n);

/* ---- the GPT-2 pattern -------------------------------------------------------------------------- */
typedef enum char_class { CLASS_OTHER, CLASS_LETTER, CLASS_NUMBER, CLASS_SPACE } char_class;

/* \s of a Unicode regular expression: the property White_Space. */
static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

static char_class class_at(const char *s, size_t *len)
{
    int32_t c;
    *len = tokenizer_utf8_get(s, &c);
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            return CLASS_LETTER;
        return c >= '0' && c <= '9' ? CLASS_NUMBER : is_space(c) ? CLASS_SPACE : CLASS_OTHER;
    }
    if (is_space(c))
        return CLASS_SPACE;
    utf8proc_category_t k = utf8proc_category(c);
    if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO)
        return CLASS_LETTER;
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO ? CLASS_NUMBER : CLASS_OTHER;
}

static size_t contraction_length(const char *s, size_t n)
{
    if (n >= 2 && strchr("stmd", s[1]) && s[1] != '\0')
        return 2;
    if (n >= 3 && (memcmp(s, "'re", 3) == 0 || memcmp(s, "'ve", 3) == 0 || memcmp(s, "'ll", 3) == 0))
        return 3;
    return 0;
}

/* Length of the pattern's match at s; it always matches at least one character. */
static size_t gpt2_match(const char *s, size_t n)
{
    size_t     len, last, end;
    char_class c = class_at(s, &len);
    if (s[0] == '\'' && (end = contraction_length(s, n)) > 0)
        return end;
    end = len;
    if (s[0] == ' ' && n > 1) { /* " ?" of the three classes */
        char_class next = class_at(s + 1, &len);
        if (next != CLASS_SPACE) {
            c   = next;
            end = 1 + len;
        }
    }
    last = end;
    while (end < n && class_at(s + end, &len) == c) {
        last = len;
        end += len;
    }
    /* \s+(?!\S): what follows is not white space, so the last one is given back, unless it is the only one. */
    if (c == CLASS_SPACE && end < n && end > last)
        end -= last;
    return end;
}

bool tokenizer_is_gpt2_pattern(const char *pattern, size_t n)
{
    static const char gpt2[] =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    return n == sizeof gpt2 - 1 && memcmp(pattern, gpt2, n) == 0;
}

/* ---- PCRE2 -------------------------------------------------------------------------------------- */
mlm_status tokenizer_regex_compile(tokenizer_step *step, const char *pattern, size_t n, const char *where)
{
    int        code = 0;
    PCRE2_SIZE at   = 0;
    if (n == 0 || n > TOKENIZER_MAX_PATTERN)
        return mlm_fail(MLM_E_RANGE, "%s: pattern of %zu bytes, must be 1 to %d", where, n,
                        TOKENIZER_MAX_PATTERN);
    /* MULTILINE: ^ and $ of the reference's engine (Oniguruma, Ruby syntax) always mean lines. */
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, n,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT,
                      &code, &at, NULL);
    if (!re) {
        char text[160] = "";
        if (code == PCRE2_ERROR_HEAP_FAILED)
            return mlm_fail_nomem(n, "pattern of the pre_tokenizer");
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return mlm_fail(MLM_E_FORMAT, "%s: pattern is not a valid regular expression: %s at byte %zu", where,
                        text, at);
    }
    /* Only speed depends on it. */
    (void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    step->matcher = TOKENIZER_MATCH_REGEX;
    step->code    = re;
    return MLM_OK;
}

void tokenizer_step_deinit(tokenizer_step *step)
{
    pcre2_code_free(step->code);
    free(step->literal);
    *step = (tokenizer_step){0};
}

static double thread_cpu_seconds(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* PCRE2 calls this between the items of a pattern; non-zero ends the match. */
static int look_at_clock(pcre2_callout_block *block, void *payload)
{
    tokenizer_run *r = payload;
    (void)block;
    if (++r->n_callouts % CALLOUTS_A_LOOK != 0 || thread_cpu_seconds() < r->cpu_limit)
        return 0;
    return PCRE2_ERROR_CALLOUT;
}

static mlm_status prepare_regex(tokenizer_run *r)
{
    if (r->match_data)
        return MLM_OK;
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    r->match_context             = context;
    r->match_data                = pcre2_match_data_create(1, NULL);
    if (!context || !r->match_data)
        return mlm_fail_nomem(1024, "pattern of the pre_tokenizer");
    (void)pcre2_set_match_limit(context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(context, HEAP_LIMIT_KB);
    (void)pcre2_set_callout(context, look_at_clock, r);
    r->cpu_limit = thread_cpu_seconds() + CPU_SECONDS + CPU_SECONDS_PER_BYTE * (double)r->text_len;
    return MLM_OK;
}

void tokenizer_run_deinit(tokenizer_run *r)
{
    pcre2_match_data_free(r->match_data);
    pcre2_match_context_free(r->match_context);
    free(r->symbol);
    free(r->heap);
}

/* Next match from `from`: *found, and its bytes [*start, *end). */
static mlm_status regex_find(tokenizer_run *r, const tokenizer_step *step, const char *text, size_t n,
                             size_t from, bool *found, size_t *start, size_t *end)
{
    int rc = pcre2_match(step->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK, r->match_data,
                         r->match_context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(step->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         r->match_data, r->match_context);
    *found = rc >= 0;
    if (rc == PCRE2_ERROR_NOMATCH)
        return MLM_OK;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return mlm_fail_nomem(n, "pattern of the pre_tokenizer");
    if (rc == PCRE2_ERROR_CALLOUT || rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
        return mlm_fail(MLM_E_RANGE, "%s: the pre_tokenizer's pattern takes too long on a text of %zu bytes",
                        r->t->name, n);
    if (rc < 0)
        return mlm_fail(MLM_E_FORMAT, "%s: the pre_tokenizer's pattern failed on a text (PCRE2 error %d)",
                        r->t->name, rc);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(r->match_data);
    *start                 = span[0];
    *end                   = span[1];
    if (*start < from || *end < *start || *end > n) /* \K can do that */
        return mlm_fail(MLM_E_FORMAT, "%s: the pre_tokenizer's pattern moves the start of its match",
                        r->t->name);
    return MLM_OK;
}

static mlm_status emit(tokenizer_run *r, int k, const char *text, size_t from, size_t to, bool is_match)
{
    const tokenizer_step *step = &r->t->step[k];
    if (from == to || (step->drop && is_match != step->invert))
        return MLM_OK;
    return run_step(r, k + 1, text + from, to - from);
}

static mlm_status split_regex(tokenizer_run *r, int k, const char *text, size_t n)
{
    const tokenizer_step *step = &r->t->step[k];
    size_t                prev = 0, start = 0, end = 0;
    bool                  found, matched = false;
    MLM_TRY(prepare_regex(r));
    for (size_t pos = 0; pos <= n;) {
        if (++r->n_callouts % CALLOUTS_A_LOOK == 0 && thread_cpu_seconds() > r->cpu_limit)
            return mlm_fail(MLM_E_RANGE,
                            "%s: the pre_tokenizer's pattern takes too long on a text of %zu bytes",
                            r->t->name, n);
        MLM_TRY(regex_find(r, step, text, n, pos, &found, &start, &end));
        if (!found)
            break;
        if (start == end && matched && end == prev) { /* no empty match right after a match */
            int32_t cp;
            pos = end + (end < n ? tokenizer_utf8_get(text + end, &cp) : 1);
            continue;
        }
        MLM_TRY(emit(r, k, text, prev, start, false));
        MLM_TRY(emit(r, k, text, start, end, true));
        matched = true;
        prev = pos = end;
    }
    return emit(r, k, text, prev, n, false);
}

/* ---- steps -------------------------------------------------------------------------------------- */
static mlm_status split_literal(tokenizer_run *r, int k, const char *text, size_t n)
{
    const tokenizer_step *step = &r->t->step[k];
    size_t                prev = 0;
    const char           *hit;
    while ((hit = memmem(text + prev, n - prev, step->literal, step->literal_len)) != NULL) {
        size_t start = (size_t)(hit - text);
        MLM_TRY(emit(r, k, text, prev, start, false));
        MLM_TRY(emit(r, k, text, start, start + step->literal_len, true));
        prev = start + step->literal_len;
    }
    return emit(r, k, text, prev, n, false);
}

static mlm_status split_gpt2(tokenizer_run *r, int k, const char *text, size_t n)
{
    for (size_t pos = 0, len; pos < n; pos += len) {
        len = gpt2_match(text + pos, n - pos);
        MLM_TRY(emit(r, k, text, pos, pos + len, true));
    }
    return MLM_OK;
}

static mlm_status split_step(tokenizer_run *r, int k, const char *text, size_t n)
{
    switch (r->t->step[k].matcher) {
    case TOKENIZER_MATCH_GPT2:
        return split_gpt2(r, k, text, n);
    case TOKENIZER_MATCH_REGEX:
        return split_regex(r, k, text, n);
    case TOKENIZER_MATCH_LITERAL:
        return split_literal(r, k, text, n);
    case TOKENIZER_MATCH_NONE:
    default:
        return run_step(r, k + 1, text, n);
    }
}

static mlm_status run_step(tokenizer_run *r, int k, const char *text, size_t n)
{
    if (n == 0)
        return MLM_OK;
    if (k == r->t->n_steps)
        return tokenizer_bpe(r, text, n);
    if (!r->t->step[k].prefix_space || text[0] == ' ')
        return split_step(r, k, text, n);
    char *copy = malloc(n + 1);
    if (!copy)
        return mlm_fail_nomem(n + 1, "text with a space before it");
    copy[0] = ' ';
    memcpy(copy + 1, text, n);
    mlm_status status = split_step(r, k, copy, n + 1);
    free(copy);
    return status;
}

mlm_status tokenizer_pretokenize(tokenizer_run *r, const char *text, size_t n)
{
    return run_step(r, 0, text, n);
}
