/* answers_row.c: a row of another tool's file as a result. */
#include "app/vqa/answers_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWERS = 1000, MAX_PROBS = 64 };

static const char *keep(answers_row *r, const char *text, size_t n, bool *nomem)
{
    char *copy = vqa_arena_copy(r->result->item.arena, text, n);
    *nomem     = *nomem || copy == NULL;
    return copy;
}

static const char *keep_text(answers_row *r, const char *text, bool *nomem)
{
    return text == NULL ? NULL : keep(r, text, strlen(text), nomem);
}

/* A string, an integer, a number or a truth value as text; NULL for anything else. */
static const char *value_text(answers_row *r, const mlm_json_node *v, bool *nomem)
{
    char    text[64];
    int64_t whole = 0;
    if (v == NULL)
        return NULL;
    switch (mlm_json_type_of(v)) {
    case MLM_JSON_STRING: {
        size_t      n = 0;
        const char *s = mlm_json_text(v, &n);
        return keep(r, s, n, nomem);
    }
    case MLM_JSON_NUMBER:
        if (mlm_json_as_int64(v, &whole))
            (void)snprintf(text, sizeof text, "%lld", (long long)whole);
        else
            (void)snprintf(text, sizeof text, "%.17g", mlm_json_double(v));
        return keep_text(r, text, nomem);
    case MLM_JSON_BOOL:
        return keep_text(r, mlm_json_bool(v) ? "True" : "False", nomem);
    case MLM_JSON_NULL:
    case MLM_JSON_ARRAY:
    case MLM_JSON_OBJECT:
        return NULL;
    }
    return NULL;
}

static const mlm_json_node *first_of(const mlm_json_node *obj, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        const mlm_json_node *v = mlm_json_get(obj, *keys);
        if (v != NULL && mlm_json_type_of(v) != MLM_JSON_NULL)
            return v;
    }
    return NULL;
}

static mlm_status take_id(answers_row *r, bool *nomem)
{
    static const char *const keys[] = {"question_id", "questionId", "custom_id", "example_id", "index",
                                       "id",          "image",      "image_id",  NULL};
    vqa_item                *item   = &r->result->item;
    const mlm_json_node     *v      = first_of(r->object, keys);
    item->id                        = r->key != NULL ? keep_text(r, r->key, nomem) : value_text(r, v, nomem);
    item->id_is_number              = v != NULL && r->key == NULL && mlm_json_type_of(v) == MLM_JSON_NUMBER;
    if (item->id == NULL && !*nomem)
        return mlm_fail(MLM_E_FORMAT, "%s has no question_id, questionId, custom_id, example_id, id or image",
                        r->name);
    return MLM_OK;
}

/* choices[0].message.content of a reply, or its error. */
static void take_reply(answers_row *r, bool *nomem)
{
    const mlm_json_node *error = mlm_json_get(r->object, "error");
    const mlm_json_node *body  = mlm_json_get(mlm_json_get(r->object, "response"), "body");
    const mlm_json_node *list  = body != NULL ? mlm_json_get(body, "choices") : NULL;
    const mlm_json_node *one =
        list != NULL && mlm_json_type_of(list) == MLM_JSON_ARRAY ? mlm_json_first(list) : NULL;
    const mlm_json_node *message = one != NULL ? mlm_json_get(one, "message") : NULL;
    r->result->answer = message != NULL ? value_text(r, mlm_json_get(message, "content"), nomem) : NULL;
    if (r->result->answer != NULL)
        return;
    r->result->error_code    = "MLM_E_FORMAT";
    r->result->error_message = error != NULL && mlm_json_get(error, "message") != NULL
                                   ? value_text(r, mlm_json_get(error, "message"), nomem)
                                   : "the reply has no content";
}

static mlm_status take_probs(answers_row *r, bool *nomem)
{
    static const char *const kinds[]     = {"yes_no_probabilities", "true_false_probabilities",
                                            "mc_probabilities", NULL};
    static const char *const names[3][2] = {{"Yes", "No"}, {"True", "False"}, {NULL, NULL}};
    static const vqa_task    tasks[]     = {VQA_TASK_YES_NO, VQA_TASK_TRUE_FALSE, VQA_TASK_CHOICE};
    vqa_result              *out         = r->result;
    for (int k = 0; kinds[k] != NULL; k++) {
        const mlm_json_node *list = mlm_json_get(r->object, kinds[k]);
        if (list == NULL)
            continue;
        int64_t n = mlm_json_type_of(list) == MLM_JSON_ARRAY ? mlm_json_count(list) : 0;
        if (n < 2 || n > (k < 2 ? 2 : 26))
            return mlm_fail(MLM_E_FORMAT, "%s: %s is no list of %s numbers", r->name, kinds[k],
                            k < 2 ? "two" : "2 to 26");
        float       *probs = vqa_arena_alloc(out->item.arena, (size_t)n * sizeof *probs);
        const char **name  = vqa_arena_alloc(out->item.arena, (size_t)n * sizeof *name);
        int          i     = 0;
        if (probs == NULL || name == NULL) {
            *nomem = true;
            return MLM_OK;
        }
        for (const mlm_json_node *v = mlm_json_first(list); v != NULL; v = mlm_json_next(v), i++) {
            int64_t whole  = 0;
            char    letter = (char)('A' + i);
            if (mlm_json_type_of(v) != MLM_JSON_NUMBER)
                return mlm_fail(MLM_E_FORMAT, "%s: %s is no list of numbers", r->name, kinds[k]);
            probs[i] = mlm_json_as_int64(v, &whole) ? (float)whole : (float)mlm_json_double(v);
            name[i]  = k < 2 ? names[k][i] : keep(r, &letter, 1, nomem);
        }
        out->probs      = probs;
        out->prob_names = name;
        out->n_probs    = (int)n;
        out->item.task  = k == 2 && n == 16 ? VQA_TASK_COUNT_MC : tasks[k];
    }
    return MLM_OK;
}

/* A letter for a number among choices: ground_truth_answer of AI2D. */
static void letter_for_label(answers_row *r, bool *nomem)
{
    vqa_item   *item = &r->result->item;
    const char *text = item->n_answers == 1 ? item->answers[0] : NULL;
    if (item->task != VQA_TASK_CHOICE || text == NULL || strlen(text) > 2 ||
        strspn(text, "0123456789") != strlen(text))
        return;
    char         letter = (char)('A' + strtol(text, NULL, 10) % 26);
    const char **list   = vqa_arena_alloc(item->arena, sizeof *list);
    if (list == NULL) {
        *nomem = true;
        return;
    }
    list[0]       = keep(r, &letter, 1, nomem);
    item->answers = list;
}

/* ground_truth_answer: a text, a number, a truth value, or a list of {answer}. */
static mlm_status take_truth(answers_row *r, bool *nomem)
{
    static const char *const keys[] = {"ground_truth_answer", "answers", "ground_truth", "label", NULL};
    vqa_item                *item   = &r->result->item;
    const mlm_json_node     *v      = first_of(r->object, keys);
    if (v == NULL)
        return MLM_OK;
    bool    list = mlm_json_type_of(v) == MLM_JSON_ARRAY;
    int64_t n    = list ? mlm_json_count(v) : 1;
    if (n < 1 || n > MAX_ANSWERS)
        return mlm_fail(MLM_E_FORMAT, "%s: %lld right answers, must be from 1 to %d", r->name, (long long)n,
                        MAX_ANSWERS);
    const char **answers = vqa_arena_alloc(item->arena, (size_t)n * sizeof *answers);
    if (answers == NULL) {
        *nomem = true;
        return MLM_OK;
    }
    int count = 0;
    for (const mlm_json_node *a = list ? mlm_json_first(v) : v; a != NULL;
         a                      = list ? mlm_json_next(a) : NULL) {
        const mlm_json_node *one  = mlm_json_type_of(a) == MLM_JSON_OBJECT ? mlm_json_get(a, "answer") : a;
        const char          *text = value_text(r, one, nomem);
        if (text == NULL && !*nomem)
            return mlm_fail(MLM_E_FORMAT, "%s: a right answer is no text", r->name);
        answers[count++] = text;
    }
    item->answers   = answers;
    item->n_answers = count;
    letter_for_label(r, nomem);
    return MLM_OK;
}

static mlm_status take_box(answers_row *r)
{
    const mlm_json_node *v    = mlm_json_get(r->object, "ground_truth_bbox");
    vqa_item            *item = &r->result->item;
    int                  i    = 0;
    if (v == NULL)
        return MLM_OK;
    if (mlm_json_type_of(v) != MLM_JSON_ARRAY || mlm_json_count(v) != 4)
        return mlm_fail(MLM_E_FORMAT, "%s: ground_truth_bbox is no list of four numbers", r->name);
    for (const mlm_json_node *n = mlm_json_first(v); n != NULL; n = mlm_json_next(n)) {
        int64_t whole = 0;
        if (mlm_json_type_of(n) != MLM_JSON_NUMBER)
            return mlm_fail(MLM_E_FORMAT, "%s: ground_truth_bbox is no list of four numbers", r->name);
        item->box[i++] = mlm_json_as_int64(n, &whole) ? (double)whole : mlm_json_double(n);
    }
    item->has_box = true;
    item->task    = VQA_TASK_BOX;
    return MLM_OK;
}

static mlm_status take_tags(answers_row *r, bool *nomem)
{
    static const char *const keys[] = {"answerable", "model_output_no_ocr", "category", "answer_type",
                                       "question_type"};
    enum { N_KEYS = sizeof keys / sizeof keys[0] };
    vqa_item *item = &r->result->item;
    vqa_tag  *tags = vqa_arena_alloc(item->arena, N_KEYS * sizeof *tags);
    if (tags == NULL) {
        *nomem = true;
        return MLM_OK;
    }
    for (int i = 0; i < N_KEYS; i++) {
        const char *value = value_text(r, mlm_json_get(r->object, keys[i]), nomem);
        if (value != NULL)
            tags[item->n_tags++] = (vqa_tag){keys[i], value};
    }
    item->tags = tags;
    if (item->task == VQA_TASK_AUTO && vqa_item_tag(item, "answerable") != NULL)
        item->task = VQA_TASK_VIZWIZ;
    return MLM_OK;
}

mlm_status answers_from_json(answers_row *r)
{
    static const char *const texts[]     = {"answer",  "text",         "prediction",       "model_output",
                                            "caption", "model_answer", "model_output_ocr", NULL};
    static const char *const questions[] = {"question", "prompt", "ref_exp", "caption", NULL};
    vqa_result              *out         = r->result;
    bool                     nomem       = false;
    if (mlm_json_type_of(r->object) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_FORMAT, "%s is %s, must be an object", r->name,
                        mlm_json_type_name(mlm_json_type_of(r->object)));
    out->item.row = out->item.line = r->number;
    MLM_TRY(take_id(r, &nomem));
    MLM_TRY(take_probs(r, &nomem));
    MLM_TRY(take_truth(r, &nomem));
    MLM_TRY(take_box(r));
    MLM_TRY(take_tags(r, &nomem));
    if (r->kind == VQA_ANSWERS_OPENAI) {
        take_reply(r, &nomem);
    } else {
        const mlm_json_node *text            = first_of(r->object, texts);
        bool                 harness_caption = out->n_probs > 0 && text == mlm_json_get(r->object, "caption");
        out->answer                          = harness_caption ? NULL : value_text(r, text, &nomem);
        if (out->answer == NULL && out->n_probs > 0)
            out->answer = ""; /* the harness keeps probabilities alone */
    }
    out->item.image    = value_text(r, mlm_json_get(r->object, "image"), &nomem);
    out->item.image_id = value_text(r, mlm_json_get(r->object, "image_id"), &nomem);
    out->item.question = value_text(r, first_of(r->object, questions), &nomem);
    out->item.split    = value_text(r, mlm_json_get(r->object, "split"), &nomem);
    out->raw           = out->answer;
    if (nomem)
        return mlm_fail_nomem(0, "a row of answers");
    if (out->answer == NULL && out->error_code == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s has no answer, text, prediction, model_output or caption", r->name);
    return MLM_OK;
}

static const char *field(const char *const *columns, const char *const *fields, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(columns[i], name) == 0)
            return fields[i];
    return NULL;
}

mlm_status answers_from_record(answers_row *r, const char *const *columns, const char *const *fields, int n)
{
    vqa_result *out    = r->result;
    vqa_item   *item   = &out->item;
    const char *answer = field(columns, fields, n, "answer");
    item->row = item->line = r->number;
    item->id               = field(columns, fields, n, "index");
    if (item->id == NULL)
        item->id = field(columns, fields, n, "id");
    out->answer = field(columns, fields, n, "prediction");
    out->raw    = out->answer;
    if (item->id == NULL || out->answer == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s has no column '%s': are there answers in it?", r->name,
                        item->id == NULL ? "index" : "prediction");
    item->question        = field(columns, fields, n, "question");
    item->split           = field(columns, fields, n, "split");
    vqa_tag     *tags     = vqa_arena_alloc(item->arena, 2 * sizeof *tags);
    const char **answers  = vqa_arena_alloc(item->arena, sizeof *answers);
    const char **choices  = vqa_arena_alloc(item->arena, 26 * sizeof *choices);
    const char  *category = field(columns, fields, n, "category");
    if (tags == NULL || answers == NULL || choices == NULL)
        return mlm_fail_nomem(sizeof *tags, "a row of answers");
    if (category != NULL)
        tags[item->n_tags++] = (vqa_tag){"category", category};
    item->tags = tags;
    for (char c = 'A'; c <= 'Z'; c++) {
        char        name[2] = {c, '\0'};
        const char *text    = field(columns, fields, n, name);
        if (text == NULL || text[0] == '\0' || item->n_choices != c - 'A')
            continue;
        choices[item->n_choices++] = text;
    }
    item->choices = choices;
    if (item->n_choices > 0)
        item->task = VQA_TASK_CHOICE;
    if (answer != NULL && answer[0] != '\0') {
        answers[0]      = answer;
        item->answers   = answers;
        item->n_answers = 1;
    }
    return MLM_OK;
}
