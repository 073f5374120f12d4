/* dataset_look.c: what a file is, by its beginning. */
#include "app/vqa/dataset_private.h"

#include <stdlib.h>
#include <string.h>

static bool has(const mlm_json_node *row, const char *key)
{
    return mlm_json_get(row, key) != NULL;
}

static vqa_format format_of_object(const mlm_json_node *row, const vqa_look *look)
{
    const mlm_json_node *image = mlm_json_get(row, "image");
    if (has(row, "custom_id") && has(row, "body"))
        return VQA_FORMAT_OPENAI;
    if (has(row, "img_path") && look->container == VQA_IN_MEMBERS)
        return VQA_FORMAT_VLM_EVAL;
    if (has(row, "imageId"))
        return VQA_FORMAT_GQA;
    if (has(row, "scene_path"))
        return VQA_FORMAT_OCIDREF;
    if (has(row, "answerTexts"))
        return VQA_FORMAT_AI2D;
    if (has(row, "bbox") &&
        (has(row, "sentence") || has(row, "ref_expression") || has(row, "sent") || has(row, "expression")))
        return VQA_FORMAT_REFCOCO;
    if (has(row, "question") && has(row, "issimple"))
        return VQA_FORMAT_TALLYQA;
    if (has(row, "image_id") && has(row, "question_id") && has(row, "question"))
        return look->list != NULL && strcmp(look->list, "data") == 0 ? VQA_FORMAT_TEXTVQA : VQA_FORMAT_VQAV2;
    if (image == NULL || mlm_json_type_of(image) != MLM_JSON_STRING)
        return VQA_FORMAT_JSONL;
    if (has(row, "caption") && has(row, "label"))
        return VQA_FORMAT_VSR;
    if (has(row, "text") && has(row, "label"))
        return VQA_FORMAT_POPE;
    if (has(row, "text") && has(row, "question_id"))
        return VQA_FORMAT_LLAVA;
    if (has(row, "question") &&
        (has(row, "answerable") || strncmp(mlm_json_text(image, NULL), "VizWiz_", 7) == 0))
        return VQA_FORMAT_VIZWIZ;
    return VQA_FORMAT_JSONL;
}

static mlm_status look_at_row(dataset_file *f, vqa_format *format)
{
    mlm_json            *doc = NULL;
    const mlm_json_node *row = NULL;
    *format                  = VQA_FORMAT_JSONL;
    if (f->look.first.length == 0 || f->look.first.length > DATASET_MAX_ROW)
        return MLM_OK;
    if (dataset_parse_row(&doc, &row, f, f->look.first.offset, (size_t)f->look.first.length, NULL) == MLM_OK)
        *format = format_of_object(row, &f->look);
    bool annotations = row != NULL && f->look.list != NULL && strcmp(f->look.list, "annotations") == 0 &&
                       has(row, "multiple_choice_answer") && !has(row, "question");
    mlm_json_free(doc);
    return annotations
               ? mlm_fail(MLM_E_FORMAT, "%s holds annotations; give the questions, and this as --annotations",
                          f->path)
               : MLM_OK;
}

static bool has_name(const dataset_file *f, const char *name)
{
    for (int i = 0; i < f->n_columns; i++)
        if (strcmp(f->columns[i], name) == 0)
            return true;
    return false;
}

static mlm_status look_at_header(vqa_dataset *ds, dataset_file *f, vqa_format *format)
{
    char  *text = NULL;
    size_t n    = (size_t)f->look.first.length;
    if (f->look.first.length > DATASET_MAX_ROW)
        return mlm_fail(MLM_E_FORMAT, "%s: the first line is longer than 16 MB", f->path);
    if (*format == VQA_FORMAT_CSV || *format == VQA_FORMAT_TSV) /* what was said, not what it looks like */
        f->look.separator = *format == VQA_FORMAT_CSV ? ',' : '\t';
    MLM_TRY(dataset_read_span(&text, f, f->look.first.offset, n));
    mlm_status status =
        dataset_split_record(&f->columns, &f->n_columns, ds->arena, text, n, f->look.separator);
    free(text);
    if (status != MLM_OK)
        return mlm_fail_context(status, "%s: line 1", f->path);
    if (*format == VQA_FORMAT_AUTO) {
        bool kit = f->look.separator == '\t' && has_name(f, "index") && has_name(f, "question") &&
                   (has_name(f, "image") || has_name(f, "image_path"));
        *format = kit ? VQA_FORMAT_VLMEVALKIT : f->look.separator == '\t' ? VQA_FORMAT_TSV : VQA_FORMAT_CSV;
        if (f->n_columns < 2)
            return mlm_fail(MLM_E_FORMAT,
                            "%s is neither JSON nor a table with columns, which commas or tabs separate%s",
                            f->path, strchr(f->columns[0], ';') != NULL ? " (not ';')" : "");
    }
    return *format == VQA_FORMAT_VLMEVALKIT ? MLM_OK : dataset_check_columns(ds, f);
}

/* Formats whose rows can only be lines: a file of one such row is no dictionary. */
static bool is_lines_format(vqa_format format)
{
    return format == VQA_FORMAT_POPE || format == VQA_FORMAT_VSR || format == VQA_FORMAT_LLAVA ||
           format == VQA_FORMAT_OPENAI || format == VQA_FORMAT_JSONL;
}

static bool is_table(vqa_format format)
{
    return format == VQA_FORMAT_CSV || format == VQA_FORMAT_TSV || format == VQA_FORMAT_VLMEVALKIT;
}

mlm_status dataset_look(vqa_dataset *ds, dataset_file *f, vqa_format *format)
{
    static const char *const lists[] = {"questions", "annotations", "data", NULL}, *const none[] = {NULL};
    vqa_format found = VQA_FORMAT_AUTO;
    MLM_TRY(vqa_cut_look(&f->look, &f->file, f->path, is_lines_format(*format) ? none : lists));
    if (is_lines_format(*format) && f->look.container == VQA_IN_MEMBERS)
        f->look.container = VQA_IN_LINES;
    if (is_table(*format) && f->look.container != VQA_IN_RECORDS)
        return mlm_fail(MLM_E_FORMAT, "%s is JSON, not a table with columns", f->path);
    if (f->look.container == VQA_IN_RECORDS) {
        if (*format != VQA_FORMAT_AUTO && !is_table(*format))
            return mlm_fail(MLM_E_FORMAT, "%s is not JSON, as a '%s' file is", f->path,
                            vqa_format_name(*format));
        return look_at_header(ds, f, format);
    }
    MLM_TRY(look_at_row(f, &found));
    if (*format == VQA_FORMAT_AUTO)
        *format = found;
    return MLM_OK;
}
