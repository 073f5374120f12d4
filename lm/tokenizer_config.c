/*
 * tokenizer_config.c: the parts of tokenizer.json around the model: normalizer, pre_tokenizer, post_processor,
 * decoder.  What is not supported is refused by name.
 *
 * "truncation" and "padding" are settings of a call in Hugging Face's library, not of the vocabulary: ignored.
 */
#include "lm/tokenizer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 8 };

static bool is_null(const mlm_json_node *node)
{
    return !node || mlm_json_type_of(node) == MLM_JSON_NULL;
}

/* "type" of an object; `where` is the path to it. */
static mlm_status read_type(const mlm_json_node *node, const char *where, const char **type)
{
    if (mlm_json_type_of(node) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_CONFIG, "%s is %s, must be an object", where,
                        mlm_json_type_name(mlm_json_type_of(node)));
    return mlm_json_req_string(node, where, "type", type);
}

static mlm_status read_array(const mlm_json_node *node, const char *where, const char *key,
                             const mlm_json_node **out)
{
    *out = mlm_json_get(node, key);
    if (!*out || mlm_json_type_of(*out) != MLM_JSON_ARRAY)
        return mlm_fail(MLM_E_CONFIG, "%s.%s is %s, must be an array", where, key,
                        *out ? mlm_json_type_name(mlm_json_type_of(*out)) : "missing");
    return MLM_OK;
}

/* ---- normalizer --------------------------------------------------------------------------------- */
static mlm_status read_normalizer(tokenizer *t, const mlm_json_node *node, const char *where, int depth)
{
    const char          *type;
    const mlm_json_node *list;
    if (is_null(node))
        return MLM_OK;
    MLM_TRY(read_type(node, where, &type));
    if (strcmp(type, "NFC") == 0) {
        t->nfc = true;
        return MLM_OK;
    }
    if (strcmp(type, "Sequence") != 0 || depth == MAX_NESTING)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s '%s' is not supported (NFC is)", where, type);
    MLM_TRY(read_array(node, where, "normalizers", &list));
    for (const mlm_json_node *n = mlm_json_first(list); n; n = mlm_json_next(n))
        MLM_TRY(read_normalizer(t, n, where, depth + 1));
    return MLM_OK;
}

/* ---- pre_tokenizer ------------------------------------------------------------------------------ */
static mlm_status set_pattern(tokenizer_step *step, const mlm_json_node *split, const char *where)
{
    size_t               n       = 0;
    const mlm_json_node *pattern = mlm_json_get(split, "pattern");
    const mlm_json_node *regex   = mlm_json_get(pattern, "Regex");
    const mlm_json_node *literal = mlm_json_get(pattern, "String");
    const mlm_json_node *given   = regex ? regex : literal;
    if (!given || (regex && literal) || mlm_json_type_of(given) != MLM_JSON_STRING)
        return mlm_fail(MLM_E_CONFIG, "%s.pattern must be {\"Regex\": \"...\"} or {\"String\": \"...\"}",
                        where);
    const char *text = mlm_json_text(given, &n);
    if (regex && tokenizer_is_gpt2_pattern(text, n)) {
        step->matcher = TOKENIZER_MATCH_GPT2;
        return MLM_OK;
    }
    if (regex)
        return tokenizer_regex_compile(step, text, n, where);
    if (n == 0 || n > TOKENIZER_MAX_PATTERN)
        return mlm_fail(MLM_E_RANGE, "%s: pattern of %zu bytes, must be 1 to %d", where, n,
                        TOKENIZER_MAX_PATTERN);
    step->literal = malloc(n);
    if (!step->literal)
        return mlm_fail_nomem(n, "pattern of the pre_tokenizer");
    memcpy(step->literal, text, n);
    step->literal_len = n;
    step->matcher     = TOKENIZER_MATCH_LITERAL;
    return MLM_OK;
}

static mlm_status read_split(tokenizer_step *step, const mlm_json_node *node, const char *where)
{
    const char *behavior;
    MLM_TRY(mlm_json_req_string(node, where, "behavior", &behavior));
    MLM_TRY(mlm_json_opt_bool(node, where, "invert", false, &step->invert));
    if (strcmp(behavior, "Removed") == 0)
        step->drop = true;
    else if (strcmp(behavior, "Isolated") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s.behavior '%s' is not supported (Isolated, Removed are)", where,
                        behavior);
    return set_pattern(step, node, where);
}

static mlm_status read_byte_level(tokenizer_step *step, const mlm_json_node *node, const char *where)
{
    bool use_regex;
    MLM_TRY(mlm_json_opt_bool(node, where, "add_prefix_space", true, &step->prefix_space));
    MLM_TRY(mlm_json_opt_bool(node, where, "use_regex", true, &use_regex));
    step->matcher = use_regex ? TOKENIZER_MATCH_GPT2 : TOKENIZER_MATCH_NONE;
    return MLM_OK;
}

/* *done: a ByteLevel was read; nothing may follow it, because it leaves letters that stand for bytes. */
static mlm_status read_pre_tokenizer(tokenizer *t, const mlm_json_node *node, const char *where, int depth,
                                     bool *done)
{
    const char          *type;
    const mlm_json_node *list;
    MLM_TRY(read_type(node, where, &type));
    if (strcmp(type, "Sequence") == 0 && depth < MAX_NESTING) {
        MLM_TRY(read_array(node, where, "pretokenizers", &list));
        for (const mlm_json_node *n = mlm_json_first(list); n; n = mlm_json_next(n))
            MLM_TRY(read_pre_tokenizer(t, n, where, depth + 1, done));
        return MLM_OK;
    }
    bool is_split = strcmp(type, "Split") == 0;
    if (!is_split && strcmp(type, "ByteLevel") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s '%s' is not supported (ByteLevel, Split, Sequence are)", where,
                        type);
    if (*done)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s: '%s' after ByteLevel is not supported", where, type);
    if (t->n_steps == TOKENIZER_MAX_STEPS)
        return mlm_fail(MLM_E_RANGE, "%s has more than %d steps", where, TOKENIZER_MAX_STEPS);
    tokenizer_step *step = &t->step[t->n_steps++];
    *done                = !is_split;
    return is_split ? read_split(step, node, where) : read_byte_level(step, node, where);
}

/* ---- post_processor and decoder ----------------------------------------------------------------- */
/* A template that is the sequence itself, with nothing before or after. */
static mlm_status check_template(const mlm_json_node *node, const char *where)
{
    const mlm_json_node *single;
    MLM_TRY(read_array(node, where, "single", &single));
    for (const mlm_json_node *n = mlm_json_first(single); n; n = mlm_json_next(n))
        if (!mlm_json_get(n, "Sequence"))
            return mlm_fail(MLM_E_UNSUPPORTED, "%s 'TemplateProcessing' that adds tokens is not supported",
                            where);
    if (mlm_json_count(single) != 1)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s 'TemplateProcessing' repeats or drops the text", where);
    return MLM_OK;
}

static mlm_status check_post_processor(const mlm_json_node *node, const char *where, int depth)
{
    const char          *type;
    const mlm_json_node *list;
    if (is_null(node))
        return MLM_OK;
    MLM_TRY(read_type(node, where, &type));
    if (strcmp(type, "ByteLevel") == 0) /* moves offsets only */
        return MLM_OK;
    if (strcmp(type, "TemplateProcessing") == 0)
        return check_template(node, where);
    if (strcmp(type, "Sequence") != 0 || depth == MAX_NESTING)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s '%s' is not supported (ByteLevel is)", where, type);
    MLM_TRY(read_array(node, where, "processors", &list));
    for (const mlm_json_node *n = mlm_json_first(list); n; n = mlm_json_next(n))
        MLM_TRY(check_post_processor(n, where, depth + 1));
    return MLM_OK;
}

static mlm_status check_decoder(const mlm_json_node *node, const char *where)
{
    const char *type;
    if (is_null(node))
        return mlm_fail(MLM_E_UNSUPPORTED, "%s is missing, must be ByteLevel", where);
    MLM_TRY(read_type(node, where, &type));
    if (strcmp(type, "ByteLevel") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s '%s' is not supported (ByteLevel is)", where, type);
    return MLM_OK;
}

mlm_status tokenizer_read_config(tokenizer *t, const mlm_json_node *root)
{
    char                 where[1024];
    bool                 done = false;
    const mlm_json_node *pre  = mlm_json_get(root, "pre_tokenizer");
    (void)snprintf(where, sizeof where, "%.900s: normalizer", t->name);
    MLM_TRY(read_normalizer(t, mlm_json_get(root, "normalizer"), where, 0));
    (void)snprintf(where, sizeof where, "%.900s: pre_tokenizer", t->name);
    if (!is_null(pre))
        MLM_TRY(read_pre_tokenizer(t, pre, where, 0, &done));
    if (!done)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s has no ByteLevel: only byte-level vocabularies are supported",
                        where);
    (void)snprintf(where, sizeof where, "%.900s: post_processor", t->name);
    MLM_TRY(check_post_processor(mlm_json_get(root, "post_processor"), where, 0));
    (void)snprintf(where, sizeof where, "%.900s: decoder", t->name);
    return check_decoder(mlm_json_get(root, "decoder"), where);
}
