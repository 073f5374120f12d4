/* dataset_generic.c: rows of JSONL, CSV and TSV with columns of the user's own, and of a folder of pictures. */
#include "app/vqa/dataset_private.h"

#include <stdio.h>
#include <string.h>

static const char *const id_names[]       = {"id",    "question_id", "questionId", "qid",
                                             "index", "uid",         "custom_id",  NULL};
static const char *const image_names[]    = {"image",    "image_path", "img_path", "image_file", "file_name",
                                             "filename", "path",       "picture",  NULL};
static const char *const question_names[] = {"question", "text",     "prompt", "query",
                                             "caption",  "sentence", NULL};
static const char *const answer_names[]   = {"answer", "answers", "label", "gt_answer", "ground_truth", NULL};

static bool has_column(const row_builder *b, const char *name)
{
    if (b->obj != NULL)
        return mlm_json_get(b->obj, name) != NULL;
    for (int i = 0; i < b->file->n_columns; i++)
        if (strcmp(b->file->columns[i], name) == 0)
            return true;
    return false;
}

/* The column that was asked for, or the first usual one that is there; NULL: none. */
static const char *pick(const row_builder *b, const char *asked, const char *const *usual)
{
    if (asked != NULL)
        return asked;
    for (int i = 0; usual[i] != NULL; i++)
        if (has_column(b, usual[i]))
            return usual[i];
    return NULL;
}

typedef struct column_list {
    char text[200];
} column_list;

/* "id, img, q": what is there, for messages; cut when it is much.  Returns out->text. */
static const char *list_columns(column_list *out, const row_builder *b)
{
    const mlm_json_node *node = b->obj != NULL ? mlm_json_first(b->obj) : NULL;
    size_t               at   = 0;
    out->text[0]              = '\0';
    for (int i = 0; at + 1 < sizeof out->text && (b->obj != NULL ? node != NULL : i < b->file->n_columns);
         i++) {
        const char *name = b->obj != NULL ? mlm_json_key(node) : b->file->columns[i];
        int         n = snprintf(out->text + at, sizeof out->text - at, "%s%.60s", i > 0 ? ", " : "", name);
        at += n > 0 ? (size_t)n : 0;
        node = b->obj != NULL ? mlm_json_next(node) : NULL;
    }
    return out->text[0] != '\0' ? out->text : "none";
}

/* A table without pictures, or without a column that was asked for, is refused as a whole. */
mlm_status dataset_check_columns(const vqa_dataset *ds, const dataset_file *f)
{
    const row_builder b      = {.ds = ds, .file = f};
    const char       *column = pick(&b, ds->columns.image, image_names);
    column_list       list;
    if (column == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s has no column 'image' (it has %s); --col-image names another one",
                        f->path, list_columns(&list, &b));
    if (!has_column(&b, column))
        return mlm_fail(MLM_E_FORMAT, "%s has no column '%s', it has %s", f->path, column,
                        list_columns(&list, &b));
    const char *const asked[] = {ds->columns.id, ds->columns.question, ds->columns.answer, ds->columns.split};
    for (int i = 0; i < 4; i++) /* a misspelt name must not pass for an empty column */
        if (asked[i] != NULL && !has_column(&b, asked[i]))
            return mlm_fail(MLM_E_FORMAT, "%s has no column '%s', it has %s", f->path, asked[i],
                            list_columns(&list, &b));
    return MLM_OK;
}

static mlm_status read_answers(row_builder *b, const char *column)
{
    if (column == NULL)
        return MLM_OK;
    const mlm_json_node *node = b->obj != NULL ? mlm_json_get(b->obj, column) : NULL;
    if (node != NULL && mlm_json_type_of(node) == MLM_JSON_ARRAY)
        return row_answers(b, node);
    const char *text = row_text(b, column);
    if (b->obj == NULL && text != NULL && text[0] == '[') { /* a JSON list in a cell */
        mlm_json *doc = NULL;
        if (mlm_json_parse_limited(&doc, text, strlen(text), column, 0, 1 << 12) == MLM_OK) {
            mlm_status status = row_answers(b, mlm_json_root(doc));
            mlm_json_free(doc);
            return status;
        }
    }
    if (text != NULL && (b->obj != NULL || text[0] != '\0'))
        row_answer(b, text);
    return MLM_OK;
}

static mlm_status read_choices(row_builder *b)
{
    static const char *const names[] = {"choices", "options", NULL};
    const char              *column  = b->obj != NULL ? pick(b, NULL, names) : NULL;
    const mlm_json_node     *node    = column != NULL ? mlm_json_get(b->obj, column) : NULL;
    if (node != NULL && mlm_json_type_of(node) == MLM_JSON_ARRAY)
        return row_choices(b, node);
    const char **list = vqa_arena_alloc(b->item->arena, 26 * sizeof *list);
    int          n    = 0;
    for (char name[2] = "A"; list != NULL && n < 26; n++, name[0]++) {
        list[n] = row_text(b, name);
        if (list[n] == NULL || list[n][0] == '\0')
            break;
    }
    b->nomem           = b->nomem || list == NULL;
    b->item->choices   = list;
    b->item->n_choices = n;
    return MLM_OK;
}

mlm_status row_generic(row_builder *b)
{
    const vqa_columns *c        = &b->ds->columns;
    const char        *id       = pick(b, c->id, id_names);
    const char        *image    = pick(b, c->image, image_names);
    const char        *question = pick(b, c->question, question_names);
    const char        *answer   = pick(b, c->answer, answer_names);
    const char        *name     = NULL;
    column_list        list;
    if (image == NULL)
        return mlm_fail(MLM_E_FORMAT,
                        "there is no column 'image' (there are %s); --col-image names another one",
                        list_columns(&list, b));
    MLM_TRY(row_need_text(b, &name, image));
    if (question != NULL && (c->question != NULL || has_column(b, question)))
        b->item->question = row_text(b, question);
    if (b->item->question == NULL || b->item->question[0] == '\0')
        b->item->question = b->ds->question;
    if (b->item->question == NULL && b->ds->task != VQA_TASK_CAPTION && !b->nomem)
        return question == NULL ? mlm_fail(MLM_E_FORMAT,
                                           "there is no column 'question' (there are %s); --col-question "
                                           "names another one, --question asks one of every row",
                                           list_columns(&list, b))
                                : mlm_fail(MLM_E_FORMAT, "'%s' is missing", question);
    if (id != NULL)
        row_id(b, id);
    if (c->id != NULL && b->item->id == NULL && !b->nomem)
        return mlm_fail(MLM_E_FORMAT, "'%s' is missing", c->id);
    b->item->split = row_text(b, c->split != NULL ? c->split : "split");
    b->item->hint  = row_text(b, "hint");
    MLM_TRY(read_answers(b, answer));
    MLM_TRY(read_choices(b));
    const char *const used[] = {id != NULL ? id : "id",
                                image,
                                question != NULL ? question : "question",
                                answer != NULL ? answer : "answer",
                                c->split != NULL ? c->split : "split",
                                "hint",
                                NULL};
    row_tag_others(b, used);
    return name != NULL ? row_image(b, name) : MLM_OK;
}

mlm_status row_folder(row_builder *b)
{
    const char *name  = b->ds->names[b->item->row - 1];
    b->item->question = b->ds->question;
    b->item->id       = name;
    return row_image_in(b, name, NULL);
}
