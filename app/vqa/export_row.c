/* export_row.c: one answer in each of the formats. */
#include "app/vqa/export_private.h"

#include "app/vqa/vqa_metric.h"
#include "app/vqa/vqa_normalize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_whole(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n < 19 && strspn(s, "0123456789") == n && (n == 1 || s[0] != '0');
}

/* An id as a number where it is one. */
static void put_id(vqa_text *out, const char *id, bool as_number)
{
    if (as_number && is_whole(id[0] == '-' ? id + 1 : id))
        vqa_text_put(out, id);
    else
        vqa_text_json(out, id);
}

static const char *text_of(const char *s)
{
    return s != NULL ? s : "";
}

/* ---- evaluation servers -------------------------------------------------------------------------- */

static mlm_status row_evalai(vqa_text *out, const vqa_result *r)
{
    if (!is_whole(r->item.id))
        return mlm_fail(MLM_E_FORMAT, "row %lld: question_id '%s' is no whole number, as the server wants it",
                        (long long)r->item.row, r->item.id);
    vqa_text_printf(out, "{\"question_id\": %s, \"answer\": ", r->item.id);
    vqa_text_json(out, text_of(r->answer));
    vqa_text_char(out, '}');
    return MLM_OK;
}

static mlm_status row_vizwiz(vqa_text *out, const vqa_result *r)
{
    const char *image = r->item.image != NULL ? r->item.image : r->item.id;
    char       *plain = NULL;
    const char *slash = strrchr(image, '/');
    MLM_TRY(vqa_normalized(&plain, text_of(r->answer), VQA_NORM_VIZWIZ));
    vqa_text_put(out, "{\"image\": ");
    vqa_text_json(out, slash != NULL ? slash + 1 : image);
    vqa_text_put(out, ", \"answer\": ");
    vqa_text_json(out, strcmp(plain, "unanswerable") == 0 ? plain : text_of(r->answer));
    vqa_text_char(out, '}');
    free(plain);
    return MLM_OK;
}

static mlm_status row_gqa(vqa_text *out, const vqa_result *r)
{
    vqa_text t = {0};
    vqa_normalize_gqa_llava(&t, text_of(r->answer));
    vqa_text_put(out, "{\"questionId\": ");
    vqa_text_json(out, r->item.id);
    vqa_text_put(out, ", \"prediction\": ");
    vqa_text_json(out, vqa_text_str(&t));
    vqa_text_char(out, '}');
    out->failed = out->failed || t.failed;
    vqa_text_free(&t);
    return MLM_OK;
}

/* image_id, else the digits that end the picture's name: COCO_val2014_000000391895.jpg -> 391895. */
static mlm_status row_coco(vqa_text *out, const vqa_result *r)
{
    const char *id = r->item.image_id, *name = r->item.image;
    char        digits[24];
    if ((id == NULL || !is_whole(id)) && name != NULL) {
        const char *dot = strrchr(name, '.');
        const char *end = dot != NULL ? dot : name + strlen(name), *from = end;
        while (from > name && from[-1] >= '0' && from[-1] <= '9')
            from--;
        while (from < end - 1 && *from == '0')
            from++;
        if (end - from > 0 && end - from < 19) {
            memcpy(digits, from, (size_t)(end - from));
            digits[end - from] = '\0';
            id                 = digits;
        }
    }
    if (id == NULL || !is_whole(id))
        return mlm_fail(MLM_E_FORMAT, "row %lld: the picture '%s' has no COCO number", (long long)r->item.row,
                        text_of(name));
    vqa_text_printf(out, "{\"image_id\": %s, \"caption\": ", id);
    vqa_text_json(out, text_of(r->answer));
    vqa_text_char(out, '}');
    return MLM_OK;
}

/* ---- other tools --------------------------------------------------------------------------------- */

static void row_llava(vqa_text *out, const export_frame *f, const vqa_result *r)
{
    vqa_text_put(out, "{\"question_id\": ");
    put_id(out, r->item.id, r->item.id_is_number);
    vqa_text_put(out, ", \"prompt\": ");
    vqa_text_json(out, r->prompt != NULL ? r->prompt : text_of(r->item.question));
    vqa_text_put(out, ", \"text\": ");
    vqa_text_json(out, text_of(r->answer));
    vqa_text_printf(out, ", \"answer_id\": \"%016llx\", \"model_id\": ", (unsigned long long)r->item.digest);
    vqa_text_json(out, f->model_id);
    vqa_text_put(out, ", \"metadata\": {}}");
}

static void row_openai(vqa_text *out, const export_frame *f, const vqa_result *r)
{
    unsigned long long d = (unsigned long long)r->item.digest;
    vqa_text_printf(out, "{\"id\": \"batch_req_%016llx\", \"custom_id\": ", d);
    vqa_text_json(out, r->item.id);
    if (r->answer == NULL) {
        vqa_text_put(out, ", \"response\": null, \"error\": {\"code\": ");
        vqa_text_json(out, r->error_code != NULL ? r->error_code : "missing");
        vqa_text_put(out, ", \"message\": ");
        vqa_text_json(out, r->error_message != NULL ? r->error_message : "there is no answer");
        vqa_text_put(out, "}}");
        return;
    }
    vqa_text_printf(out,
                    ", \"response\": {\"status_code\": 200, \"request_id\": \"%016llx\", \"body\": {\"id\": "
                    "\"chatcmpl-%016llx\", \"object\": \"chat.completion\", \"model\": ",
                    d, d);
    vqa_text_json(out, f->model_id);
    vqa_text_put(out, ", \"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", \"content\": ");
    vqa_text_json(out, r->answer);
    bool length = r->finish != NULL && strcmp(r->finish, "length") == 0;
    vqa_text_printf(
        out, "}, \"finish_reason\": \"%s\"}], \"usage\": {\"completion_tokens\": %d}}}, \"error\": null}",
        length ? "length" : "stop", r->n_tokens);
}

static void put_probs(vqa_text *out, const char *key, const vqa_result *r)
{
    double sum = 0;
    for (int i = 0; i < r->n_probs; i++)
        sum += (double)r->probs[i];
    vqa_text_printf(out, ",\n    \"%s\": [", key);
    for (int i = 0; i < r->n_probs; i++) {
        vqa_text_put(out, i > 0 ? ", " : "");
        vqa_json_double(out, sum > 0 ? (double)r->probs[i] / sum : 1.0 / r->n_probs);
    }
    vqa_text_char(out, ']');
}

static void put_pair(vqa_text *out, const char *key, const char *text)
{
    vqa_text_printf(out, ",\n    \"%s\": ", key);
    vqa_json_string(out, text);
}

/* The answer that most people gave, the first of equals. */
static const char *most_common(const vqa_item *item)
{
    int best = 0, best_n = 0;
    for (int i = 0; i < item->n_answers; i++) {
        int n = 0;
        for (int j = 0; j < item->n_answers; j++)
            n += strcmp(item->answers[i], item->answers[j]) == 0;
        if (n > best_n) {
            best   = i;
            best_n = n;
        }
    }
    return item->n_answers > 0 ? item->answers[best] : NULL;
}

static void put_vizwiz_truth(vqa_text *out, const vqa_item *item)
{
    const char *answerable = vqa_item_tag(item, "answerable");
    vqa_text_put(out, ",\n    \"ground_truth_answer\": [");
    for (int i = 0; i < item->n_answers; i++) {
        vqa_text_put(out, i > 0 ? ", {\"answer\": " : "{\"answer\": ");
        vqa_text_json(out, item->answers[i]);
        vqa_text_char(out, '}');
    }
    vqa_text_printf(out, "],\n    \"answerable\": %d",
                    answerable != NULL && strcmp(answerable, "0") == 0 ? 0 : 1);
}

static void put_letter_truth(vqa_text *out, const vqa_item *item)
{
    const char *a = item->n_answers > 0 ? item->answers[0] : NULL;
    vqa_text_put(out, ",\n    \"ground_truth_answer\": ");
    if (a != NULL && is_whole(a))
        vqa_text_put(out, a);
    else if (a != NULL && a[0] >= 'A' && a[0] <= 'Z' && a[1] == '\0')
        vqa_text_printf(out, "%d", a[0] - 'A');
    else
        vqa_json_string(out, a);
}

/* What the task's runner of vlm-evaluation writes. */
static void row_vlm_eval(vqa_text *out, const export_frame *f, const vqa_result *r)
{
    const vqa_item *item     = &r->item;
    bool            example  = item->task == VQA_TASK_TRUE_FALSE || item->task == VQA_TASK_BOX;
    const char     *question = item->task == VQA_TASK_TRUE_FALSE ? "caption"
                               : item->task == VQA_TASK_BOX      ? "ref_exp"
                                                                 : "question";
    vqa_text_put(out, "  ");
    vqa_text_json(out, item->id);
    vqa_text_printf(out, ": {\n    \"%s\": ", example ? "example_id" : "question_id");
    put_id(out, item->id, true);
    put_pair(out, question, text_of(item->question));
    if (item->task == VQA_TASK_YES_NO && r->n_probs > 0) {
        put_probs(out, "yes_no_probabilities", r);
        put_pair(out, "ground_truth_answer", item->n_answers > 0 ? item->answers[0] : NULL);
    } else if (item->task == VQA_TASK_TRUE_FALSE && r->n_probs > 0) {
        put_probs(out, "true_false_probabilities", r);
        vqa_text_printf(out, ",\n    \"ground_truth_answer\": %s",
                        item->n_answers == 0                    ? "null"
                        : vqa_reads_true(item->answers[0]) == 1 ? "true"
                                                                : "false");
    } else if ((item->task == VQA_TASK_CHOICE || item->task == VQA_TASK_COUNT_MC) && r->n_probs > 0) {
        put_probs(out, "mc_probabilities", r);
        put_letter_truth(out, item);
    } else if (item->task == VQA_TASK_BOX) {
        put_pair(out, "model_output", text_of(r->answer));
        vqa_text_put(out, ",\n    \"ground_truth_bbox\": [");
        for (int i = 0; i < 4; i++) {
            vqa_text_put(out, i > 0 ? ", " : "");
            vqa_json_double(out, item->box[i]);
        }
        vqa_text_char(out, ']');
    } else if (item->task == VQA_TASK_VIZWIZ) {
        put_pair(out, "model_output", text_of(r->answer));
        put_vizwiz_truth(out, item);
    } else {
        bool ocr = r->prompt != NULL && strstr(r->prompt, "Reference OCR token") != NULL;
        put_pair(out, "model_output", text_of(r->answer));
        /* the TextVQA scorer reads these two; what was not asked stays empty */
        put_pair(out, "model_output_ocr", text_of(ocr ? r->answer : f->other));
        put_pair(out, "model_output_no_ocr", text_of(ocr ? f->other : r->answer));
        put_pair(out, "ground_truth_answer", most_common(item));
    }
    vqa_text_put(out, "\n  }");
}

/* ---- VLMEvalKit ---------------------------------------------------------------------------------- */

/* A column that the table had and that has no place of its own above. */
static void look_at_tag(export_frame *f, const char *name)
{
    static const char *const placed[] = {"index",    "question", "hint",      "answer",
                                         "category", "split",    "prediction"};
    bool                     letter   = name[0] >= 'A' && name[0] <= 'Z' && name[1] == '\0';
    bool known = letter || name[0] == '\0' || strlen(name) >= EXPORT_NAME || f->n_others == EXPORT_MAX_OTHERS;
    for (size_t i = 0; i < sizeof placed / sizeof placed[0]; i++)
        known = known || strcmp(name, placed[i]) == 0;
    for (int i = 0; i < f->n_others; i++)
        known = known || strcmp(name, f->others[i]) == 0;
    if (!known)
        (void)snprintf(f->others[f->n_others++], EXPORT_NAME, "%s", name);
}

void export_look(export_frame *f, const vqa_result *r)
{
    for (int i = 0; i < r->item.n_tags; i++)
        look_at_tag(f, r->item.tags[i].key);
    if (r->item.n_choices > f->n_choices)
        f->n_choices = r->item.n_choices < 26 ? r->item.n_choices : 26;
    f->has_hint     = f->has_hint || r->item.hint != NULL;
    f->has_answer   = f->has_answer || r->item.n_answers > 0;
    f->has_category = f->has_category || vqa_item_tag(&r->item, "category") != NULL;
    f->has_split    = f->has_split || r->item.split != NULL;
}

/* pandas reads and writes fields with a tab, a quote or a line end in quotes. */
static void put_field(vqa_text *out, const char *s, bool first)
{
    s = text_of(s);
    if (!first)
        vqa_text_char(out, '\t');
    if (s[strcspn(s, "\t\"\r\n")] == '\0') {
        vqa_text_put(out, s);
        return;
    }
    vqa_text_char(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"')
            vqa_text_char(out, '"');
        vqa_text_char(out, *s);
    }
    vqa_text_char(out, '"');
}

static void row_vlmevalkit(vqa_text *out, const export_frame *f, const vqa_result *r)
{
    const vqa_item *item = &r->item;
    put_field(out, item->id, true);
    put_field(out, item->question, false);
    if (f->has_hint)
        put_field(out, item->hint, false);
    for (int i = 0; i < f->n_choices; i++)
        put_field(out, i < item->n_choices ? item->choices[i] : NULL, false);
    if (f->has_answer)
        put_field(out, item->n_answers > 0 ? item->answers[0] : NULL, false);
    if (f->has_category)
        put_field(out, vqa_item_tag(item, "category"), false);
    if (f->has_split)
        put_field(out, item->split, false);
    for (int i = 0; i < f->n_others; i++)
        put_field(out, vqa_item_tag(item, f->others[i]), false);
    put_field(out, r->answer, false);
}

static void head_vlmevalkit(vqa_text *out, const export_frame *f)
{
    vqa_text_put(out, "index\tquestion");
    if (f->has_hint)
        vqa_text_put(out, "\thint");
    for (int i = 0; i < f->n_choices; i++)
        vqa_text_printf(out, "\t%c", 'A' + i);
    vqa_text_put(out, f->has_answer ? "\tanswer" : "");
    vqa_text_put(out, f->has_category ? "\tcategory" : "");
    vqa_text_put(out, f->has_split ? "\tsplit" : "");
    for (int i = 0; i < f->n_others; i++)
        put_field(out, f->others[i], false);
    vqa_text_put(out, "\tprediction\n");
}

/* ---- a table for people -------------------------------------------------------------------------- */

static void row_csv(vqa_text *out, const vqa_result *r)
{
    const vqa_item *item  = &r->item;
    vqa_text        truth = {0};
    for (int i = 0; i < item->n_answers; i++)
        vqa_text_printf(&truth, "%s%s", i > 0 ? " | " : "", item->answers[i]);
    const char *const cell[] = {item->id,  item->image,          item->question,
                                r->answer, vqa_text_str(&truth), r->answer == NULL ? r->error_message : NULL};
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        if (i > 0)
            vqa_text_char(out, ',');
        vqa_text_csv(out, text_of(cell[i]));
    }
    out->failed = out->failed || truth.failed;
    vqa_text_free(&truth);
}

/* ---- frames -------------------------------------------------------------------------------------- */

static bool is_lines(vqa_export_kind kind)
{
    return kind == VQA_EXPORT_LLAVA || kind == VQA_EXPORT_OPENAI || kind == VQA_EXPORT_VLMEVALKIT ||
           kind == VQA_EXPORT_CSV;
}

void export_head(vqa_text *out, const export_frame *f)
{
    if (f->kind == VQA_EXPORT_VLMEVALKIT)
        head_vlmevalkit(out, f);
    else if (f->kind == VQA_EXPORT_CSV)
        vqa_text_put(out, "id,image,question,answer,truth,error\n");
    else if (!is_lines(f->kind))
        vqa_text_put(out, f->kind == VQA_EXPORT_VLM_EVAL ? "{\n" : "[\n");
}

void export_between(vqa_text *out, const export_frame *f, bool first)
{
    if (!first)
        vqa_text_put(out, is_lines(f->kind) ? "\n" : ",\n");
}

void export_foot(vqa_text *out, const export_frame *f)
{
    vqa_text_put(out, is_lines(f->kind) ? "\n" : f->kind == VQA_EXPORT_VLM_EVAL ? "\n}\n" : "\n]\n");
}

const char *export_identity(const export_frame *f, const vqa_result *r)
{
    bool picture = f->kind == VQA_EXPORT_VIZWIZ || f->kind == VQA_EXPORT_COCO;
    if (is_lines(f->kind))
        return NULL;
    return picture && r->item.image != NULL ? r->item.image : r->item.id;
}

mlm_status export_row(vqa_text *out, const export_frame *f, const vqa_result *r)
{
    switch (f->kind) {
    case VQA_EXPORT_EVALAI:
    case VQA_EXPORT_TEXTVQA:
        return row_evalai(out, r);
    case VQA_EXPORT_VIZWIZ:
        return row_vizwiz(out, r);
    case VQA_EXPORT_GQA:
        return row_gqa(out, r);
    case VQA_EXPORT_COCO:
        return row_coco(out, r);
    case VQA_EXPORT_LLAVA:
        row_llava(out, f, r);
        return MLM_OK;
    case VQA_EXPORT_VLM_EVAL:
        row_vlm_eval(out, f, r);
        return MLM_OK;
    case VQA_EXPORT_VLMEVALKIT:
        row_vlmevalkit(out, f, r);
        return MLM_OK;
    case VQA_EXPORT_OPENAI:
        row_openai(out, f, r);
        return MLM_OK;
    case VQA_EXPORT_CSV:
        row_csv(out, r);
        return MLM_OK;
    case VQA_EXPORT_COUNT:
        break;
    }
    return mlm_fail(MLM_E_RANGE, "there is no such export");
}
