/* vqa_result.c: a row's line, there and back. */
#include "app/vqa/vqa_result.h"
#include "kernels/base/mlm_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing -------------------------------------------------------------------------------------- */

static void put_key(vqa_text *t, const char *key)
{
    vqa_text_printf(t, ", \"%s\": ", key);
}

static void put_string(vqa_text *t, const char *key, const char *value)
{
    put_key(t, key);
    vqa_json_string(t, value);
}

static void put_optional(vqa_text *t, const char *key, const char *value)
{
    if (value != NULL)
        put_string(t, key, value);
}

static void put_list(vqa_text *t, const char *key, const char *const *list, int n)
{
    if (n == 0)
        return;
    put_key(t, key);
    for (int i = 0; i < n; i++) {
        vqa_text_put(t, i == 0 ? "[" : ", ");
        vqa_json_string(t, list[i]);
    }
    vqa_text_char(t, ']');
}

/* File names may be any bytes; those that JSON cannot hold stand beside it. */
static void put_hex_name(vqa_text *t, const char *name)
{
    if (name == NULL || vqa_is_utf8(name))
        return;
    vqa_text_put(t, ", \"image_hex\": \"");
    for (const unsigned char *s = (const unsigned char *)name; *s != '\0'; s++)
        vqa_text_printf(t, "%02x", *s);
    vqa_text_char(t, '"');
}

static void put_item(vqa_text *t, const vqa_item *item)
{
    put_key(t, "id");
    if (item->id_is_number)
        vqa_text_put(t, item->id);
    else
        vqa_json_string(t, item->id);
    put_optional(t, "split", item->split);
    put_string(t, "task", vqa_task_name(item->task));
    put_string(t, "image", item->image);
    put_hex_name(t, item->image);
    put_optional(t, "image_id", item->image_id);
    put_string(t, "question", item->question);
    put_optional(t, "hint", item->hint);
}

static void put_truth(vqa_text *t, const vqa_item *item)
{
    put_list(t, "answers", item->answers, item->n_answers);
    put_list(t, "choices", item->choices, item->n_choices);
    if (item->has_box) {
        put_key(t, "box");
        for (int i = 0; i < 4; i++) {
            vqa_text_put(t, i == 0 ? "[" : ", ");
            vqa_json_double(t, item->box[i]);
        }
        vqa_text_char(t, ']');
    }
    for (int i = 0; i < item->n_tags; i++) {
        vqa_text_put(t, i == 0 ? ", \"tags\": {" : ", ");
        vqa_json_string(t, item->tags[i].key);
        vqa_text_put(t, ": ");
        vqa_json_string(t, item->tags[i].value);
    }
    if (item->n_tags > 0)
        vqa_text_char(t, '}');
}

static void put_answer(vqa_text *t, const vqa_result *r)
{
    put_string(t, "prompt", r->prompt);
    put_string(t, "answer", r->answer);
    put_string(t, "raw", r->raw);
    if (r->n_prompt_used < r->n_prompt)
        vqa_text_printf(t, ", \"prompt_tokens\": %d, \"prompt_used\": %d", r->n_prompt, r->n_prompt_used);
    vqa_text_printf(t, ", \"tokens\": %d", r->n_tokens);
    put_string(t, "finish", r->finish);
    put_key(t, "logprob");
    if (r->has_logprob)
        vqa_json_double(t, r->logprob);
    else
        vqa_text_put(t, "null");
    for (int i = 0; i < r->n_probs; i++) {
        vqa_text_put(t, i == 0 ? ", \"probs\": {" : ", ");
        vqa_json_string(t, r->prob_names[i]);
        vqa_text_put(t, ": ");
        vqa_json_float(t, r->probs[i]);
    }
    if (r->n_probs > 0)
        vqa_text_char(t, '}');
}

void vqa_result_write(vqa_text *t, const vqa_result *r)
{
    bool ok = r->error_code == NULL;
    vqa_text_printf(t, "{\"row\": %" PRId64 ", \"digest\": \"%016" PRIx64 "\", \"ok\": %s", r->item.row,
                    r->item.digest, ok ? "true" : "false");
    put_item(t, &r->item);
    put_answer(t, r);
    put_truth(t, &r->item);
    vqa_text_printf(t,
                    ", \"ms\": {\"decode\": %.3f, \"vision\": %.3f, \"prefill\": %.3f, \"decode_tok\": %.3f}",
                    r->ms_decode, r->ms_vision, r->ms_prefill, r->ms_decode_tok);
    put_key(t, "error");
    if (ok) {
        vqa_text_put(t, "null}\n");
        return;
    }
    vqa_text_put(t, "{\"code\": ");
    vqa_json_string(t, r->error_code);
    put_string(t, "message", r->error_message);
    vqa_text_printf(t, ", \"line\": %" PRId64 "}}\n", r->item.line);
}

/* ---- reading -------------------------------------------------------------------------------------- */

typedef struct line_reader {
    vqa_result *r;
    vqa_arena  *arena;
    bool        nomem;
} line_reader;

static const char *copy_node(line_reader *l, const mlm_json_node *node)
{
    size_t n = 0;
    if (node == NULL || mlm_json_type_of(node) != MLM_JSON_STRING)
        return NULL;
    const char *text = mlm_json_text(node, &n);
    char       *copy = vqa_arena_copy(l->arena, text, n);
    l->nomem         = l->nomem || copy == NULL;
    return copy;
}

static const char *copy_member(line_reader *l, const mlm_json_node *obj, const char *key)
{
    return copy_node(l, mlm_json_get(obj, key));
}

static void read_list(line_reader *l, const mlm_json_node *array, const char *const **out, int *n_out)
{
    if (array == NULL || mlm_json_type_of(array) != MLM_JSON_ARRAY)
        return;
    int64_t      n    = mlm_json_count(array);
    const char **list = n > 0 && n <= 4096 ? vqa_arena_alloc(l->arena, (size_t)n * sizeof *list) : NULL;
    int          at   = 0;
    if (list == NULL) {
        l->nomem = l->nomem || (n > 0 && n <= 4096);
        return;
    }
    for (const mlm_json_node *e = mlm_json_first(array); e != NULL; e = mlm_json_next(e)) {
        list[at] = copy_node(l, e);
        at += list[at] != NULL;
    }
    *out   = list;
    *n_out = at;
}

static void read_tags(line_reader *l, const mlm_json_node *tags)
{
    int64_t n = tags != NULL ? mlm_json_count(tags) : 0;
    if (n <= 0 || mlm_json_type_of(tags) != MLM_JSON_OBJECT || n > 4096)
        return;
    vqa_tag *list = vqa_arena_alloc(l->arena, (size_t)n * sizeof *list);
    int      at   = 0;
    if (list == NULL) {
        l->nomem = true;
        return;
    }
    for (const mlm_json_node *e = mlm_json_first(tags); e != NULL; e = mlm_json_next(e)) {
        const char *key = mlm_json_key(e);
        list[at].key    = vqa_arena_copy(l->arena, key, strlen(key));
        list[at].value  = copy_node(l, e);
        l->nomem        = l->nomem || list[at].key == NULL;
        at += list[at].key != NULL && list[at].value != NULL;
    }
    l->r->item.tags   = list;
    l->r->item.n_tags = at;
}

static void read_probs(line_reader *l, const mlm_json_node *probs)
{
    int64_t n = probs != NULL ? mlm_json_count(probs) : 0;
    if (n <= 0 || mlm_json_type_of(probs) != MLM_JSON_OBJECT || n > 256)
        return;
    const char **names  = vqa_arena_alloc(l->arena, (size_t)n * sizeof *names);
    float       *values = vqa_arena_alloc(l->arena, (size_t)n * sizeof *values);
    int          at     = 0;
    if (names == NULL || values == NULL) {
        l->nomem = true;
        return;
    }
    for (const mlm_json_node *e = mlm_json_first(probs); e != NULL; e = mlm_json_next(e)) {
        const char *key = mlm_json_key(e);
        if (mlm_json_type_of(e) != MLM_JSON_NUMBER)
            continue;
        names[at]    = vqa_arena_copy(l->arena, key, strlen(key));
        values[at++] = (float)mlm_json_double(e);
        l->nomem     = l->nomem || names[at - 1] == NULL;
    }
    l->r->prob_names = names;
    l->r->probs      = values;
    l->r->n_probs    = at;
}

static double number_member(const mlm_json_node *obj, const char *key)
{
    const mlm_json_node *n = obj != NULL ? mlm_json_get(obj, key) : NULL;
    return n != NULL && mlm_json_type_of(n) == MLM_JSON_NUMBER ? mlm_json_double(n) : 0;
}

static mlm_status read_item(line_reader *l, const mlm_json_node *root)
{
    vqa_item            *item = &l->r->item;
    const mlm_json_node *row = mlm_json_get(root, "row"), *id = mlm_json_get(root, "id");
    const char          *digest = copy_member(l, root, "digest"), *task = copy_member(l, root, "task");
    int64_t              whole = 0;
    char                *end   = NULL;
    if (row == NULL || !mlm_json_as_int64(row, &item->row) || item->row < 1)
        return mlm_fail(MLM_E_FORMAT, "'row' is no row number");
    if (digest == NULL && !l->nomem)
        return mlm_fail(MLM_E_FORMAT, "'digest' is missing");
    if (digest != NULL)
        item->digest = strtoull(digest, &end, 16);
    if (id != NULL && mlm_json_as_int64(id, &whole)) {
        vqa_text t = {0};
        vqa_text_printf(&t, "%" PRId64, whole);
        item->id           = t.failed ? NULL : vqa_arena_copy(l->arena, vqa_text_str(&t), t.n);
        l->nomem           = l->nomem || item->id == NULL;
        item->id_is_number = true;
        vqa_text_free(&t);
    } else {
        item->id = copy_node(l, id);
    }
    item->task = VQA_TASK_CHAT;
    if (task != NULL && vqa_task_of_name(&item->task, task) != MLM_OK)
        return mlm_fail(MLM_E_FORMAT, "'task' is '%.40s'", task);
    item->split    = copy_member(l, root, "split");
    item->image    = copy_member(l, root, "image");
    item->image_id = copy_member(l, root, "image_id");
    item->question = copy_member(l, root, "question");
    item->hint     = copy_member(l, root, "hint");
    return MLM_OK;
}

static void read_answer(line_reader *l, const mlm_json_node *root)
{
    vqa_result          *r   = l->r;
    const mlm_json_node *log = mlm_json_get(root, "logprob"), *ms = mlm_json_get(root, "ms");
    const mlm_json_node *error = mlm_json_get(root, "error"), *box = mlm_json_get(root, "box");
    r->prompt        = copy_member(l, root, "prompt");
    r->answer        = copy_member(l, root, "answer");
    r->raw           = copy_member(l, root, "raw");
    r->n_prompt      = (int)number_member(root, "prompt_tokens"); /* 0: not said, all was used */
    r->n_prompt_used = (int)number_member(root, "prompt_used");
    r->n_tokens      = (int)number_member(root, "tokens");
    r->finish        = copy_member(l, root, "finish");
    r->has_logprob   = log != NULL && mlm_json_type_of(log) == MLM_JSON_NUMBER;
    r->logprob       = number_member(root, "logprob");
    read_probs(l, mlm_json_get(root, "probs"));
    read_list(l, mlm_json_get(root, "answers"), &r->item.answers, &r->item.n_answers);
    read_list(l, mlm_json_get(root, "choices"), &r->item.choices, &r->item.n_choices);
    read_tags(l, mlm_json_get(root, "tags"));
    if (box != NULL && mlm_json_type_of(box) == MLM_JSON_ARRAY && mlm_json_count(box) == 4) {
        int i = 0;
        for (const mlm_json_node *e = mlm_json_first(box); e != NULL; e = mlm_json_next(e), i++)
            r->item.box[i] = mlm_json_type_of(e) == MLM_JSON_NUMBER ? mlm_json_double(e) : 0;
        r->item.has_box = true;
    }
    r->ms_decode     = number_member(ms, "decode");
    r->ms_vision     = number_member(ms, "vision");
    r->ms_prefill    = number_member(ms, "prefill");
    r->ms_decode_tok = number_member(ms, "decode_tok");
    if (error != NULL && mlm_json_type_of(error) == MLM_JSON_OBJECT) {
        const mlm_json_node *line = mlm_json_get(error, "line");
        r->error_code             = copy_member(l, error, "code");
        r->error_message          = copy_member(l, error, "message");
        if (r->error_code == NULL)
            r->error_code = "MLM_E_FORMAT";
        if (line != NULL)
            (void)mlm_json_as_int64(line, &r->item.line);
    }
}

mlm_status vqa_result_parse(vqa_result **out, const char *line, size_t n, const char *name,
                            int64_t line_number)
{
    mlm_json   *doc    = NULL;
    line_reader l      = {0};
    mlm_status  status = mlm_json_parse_limited(&doc, line, n, "row", 0, 1 << 17);
    *out               = NULL;
    if (status == MLM_OK && mlm_json_type_of(mlm_json_root(doc)) != MLM_JSON_OBJECT)
        status = mlm_fail(MLM_E_FORMAT, "the row is no object");
    if (status == MLM_OK)
        status = vqa_arena_create(&l.arena);
    if (status == MLM_OK) {
        l.r = vqa_arena_alloc(l.arena, sizeof *l.r);
        if (l.r == NULL) {
            status = mlm_fail_nomem(sizeof *l.r, "a row");
        } else {
            l.r->item.arena = l.arena;
            status          = read_item(&l, mlm_json_root(doc));
        }
    }
    if (status == MLM_OK) {
        read_answer(&l, mlm_json_root(doc));
        if (l.nomem)
            status = mlm_fail_nomem(n, "a row");
    }
    mlm_json_free(doc);
    if (status != MLM_OK) {
        vqa_arena_free(l.arena);
        return mlm_fail_context(status, "%s: line %lld", name, (long long)line_number);
    }
    *out = l.r;
    return MLM_OK;
}

void vqa_result_free(vqa_result *result)
{
    if (result != NULL)
        vqa_arena_free(result->item.arena);
}
