/* score_task.c: what each task measures, and a row's columns. */
#include "app/vqa/score_private.h"
#include "app/vqa/vqa_normalize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *vqa_score_task_name(vqa_score_task task)
{
    static const char *const names[] = {"auto", "vqav2",   "gqa",    "vizwiz",  "textvqa",  "pope",
                                        "vsr",  "tallyqa", "choice", "refcoco", "ocid-ref", "generic"};
    return task >= 0 && task < VQA_SCORE_COUNT ? names[task] : NULL;
}

mlm_status vqa_score_task_of_name(vqa_score_task *out, const char *name)
{
    for (int i = 0; i < VQA_SCORE_COUNT; i++) {
        if (strcmp(name, vqa_score_task_name((vqa_score_task)i)) == 0) {
            *out = (vqa_score_task)i;
            return MLM_OK;
        }
    }
    return mlm_fail(
        MLM_E_RANGE,
        "there is no task '%.40s' to score, must be auto, vqav2, gqa, vizwiz, textvqa, pope, vsr, "
        "tallyqa, choice, refcoco, ocid-ref or generic",
        name);
}

const char *vqa_score_norm_name(vqa_score_norm norm)
{
    static const char *const names[] = {"vlm-eval", "official", "official-old", "repository", "llava", "all"};
    return norm >= 0 && norm < VQA_SCORE_NORM_COUNT ? names[norm] : NULL;
}

mlm_status vqa_score_norm_of_name(vqa_score_norm *out, const char *name)
{
    for (int i = 0; i < VQA_SCORE_NORM_COUNT; i++) {
        if (strcmp(name, vqa_score_norm_name((vqa_score_norm)i)) == 0) {
            *out = (vqa_score_norm)i;
            return MLM_OK;
        }
    }
    return mlm_fail(
        MLM_E_RANGE,
        "there is no normalisation '%.40s', must be vlm-eval, official, official-old, repository, "
        "llava or all",
        name);
}

vqa_score_task score_task_of_format(vqa_format format)
{
    static const struct {
        vqa_format     format;
        vqa_score_task task;
    } known[] = {
        {VQA_FORMAT_VQAV2, VQA_SCORE_VQAV2},     {VQA_FORMAT_GQA, VQA_SCORE_GQA},
        {VQA_FORMAT_VIZWIZ, VQA_SCORE_VIZWIZ},   {VQA_FORMAT_TEXTVQA, VQA_SCORE_TEXTVQA},
        {VQA_FORMAT_POPE, VQA_SCORE_POPE},       {VQA_FORMAT_VSR, VQA_SCORE_VSR},
        {VQA_FORMAT_TALLYQA, VQA_SCORE_TALLYQA}, {VQA_FORMAT_AI2D, VQA_SCORE_CHOICE},
        {VQA_FORMAT_REFCOCO, VQA_SCORE_REFCOCO}, {VQA_FORMAT_OCIDREF, VQA_SCORE_OCIDREF},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].format == format)
            return known[i].task;
    return VQA_SCORE_AUTO;
}

vqa_score_task score_task_of_row(const vqa_item *item, const vqa_item *seen)
{
    switch (item->task) {
    case VQA_TASK_YES_NO:
        return VQA_SCORE_POPE;
    case VQA_TASK_TRUE_FALSE:
        return VQA_SCORE_VSR;
    case VQA_TASK_CHOICE:
        return VQA_SCORE_CHOICE;
    case VQA_TASK_COUNT_MC:
        return VQA_SCORE_TALLYQA;
    case VQA_TASK_VIZWIZ:
        return VQA_SCORE_VIZWIZ;
    case VQA_TASK_BOX:
        return item->split != NULL && strstr(item->split, "Clutter") != NULL ? VQA_SCORE_OCIDREF
                                                                             : VQA_SCORE_REFCOCO;
    case VQA_TASK_AUTO:
    case VQA_TASK_CHAT:
    case VQA_TASK_CAPTION:
    case VQA_TASK_VQA:
    case VQA_TASK_COUNT:
        break;
    }
    if (vqa_item_tag(seen, "model_output_no_ocr") != NULL)
        return VQA_SCORE_TEXTVQA;
    if (vqa_item_tag(item, "structural") != NULL)
        return VQA_SCORE_GQA;
    if (vqa_item_tag(item, "question_type") != NULL)
        return VQA_SCORE_VQAV2;
    return item->n_answers >= 3 ? VQA_SCORE_TEXTVQA : VQA_SCORE_GENERIC;
}

/* ---- set-up -------------------------------------------------------------------------------------- */

static void add(score_table *t, const char *metric, const char *variant, score_kind kind, int a, int b,
                bool by_group)
{
    t->measures[t->n_measures++] = (score_measure){metric, variant, kind, a, b, by_group};
}

static void dims(score_table *t, const char *a, const char *b, const char *c)
{
    const char *names[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (names[i] != NULL)
            t->dim[t->n_dims++] = names[i];
}

static void add_confusion(score_table *t, const char *variant, int correct, int label, int predicted)
{
    add(t, "accuracy", variant, SCORE_MEAN, correct, 0, true);
    add(t, "precision", variant, SCORE_PRECISION, label, predicted, true);
    add(t, "recall", variant, SCORE_RECALL, label, predicted, true);
    add(t, "F1", variant, SCORE_F1, label, predicted, true);
    add(t, "yes ratio", variant, SCORE_YES_RATIO, label, predicted, true);
}

static void set_norms(score_table *t, vqa_norm harness, vqa_score_norm norm)
{
    static const vqa_norm others[] = {VQA_NORM_OFFICIAL, VQA_NORM_OFFICIAL_OLD, VQA_NORM_REPOSITORY};
    t->norms[0] = norm >= VQA_SCORE_OFFICIAL && norm <= VQA_SCORE_REPOSITORY ? others[norm - 1] : harness;
    t->n_norms  = 1;
    for (int i = 0; i < 3 && norm == VQA_SCORE_ALL; i++)
        t->norms[t->n_norms++] = others[i];
    for (int i = 0; i < t->n_norms; i++)
        add(t, "VQA accuracy", vqa_norm_name(t->norms[i]), SCORE_MEAN, i, 0, i == 0);
}

static void set_up_gqa(score_table *t, vqa_score_norm norm)
{
    static const char *const names[] = {"vlm-eval", "llava"};
    t->gqa_norms[0]                  = norm == VQA_SCORE_LLAVA ? VQA_GQA_LLAVA : VQA_GQA_VLM_EVAL;
    t->gqa_norms[1]                  = VQA_GQA_LLAVA;
    t->n_norms                       = norm == VQA_SCORE_ALL ? 2 : 1;
    dims(t, "kind", "structural", "semantic");
    for (int i = 0; i < t->n_norms; i++)
        add(t, "accuracy", names[t->gqa_norms[i]], SCORE_MEAN, i, 0, i == 0);
}

static void set_up_pope(score_table *t)
{
    dims(t, "split", NULL, NULL);
    add_confusion(t, "text", 0, 1, 2);
    add(t, "accuracy, mean of splits", "text", SCORE_MEAN_OF_GROUPS, 0, 0, false);
    add_confusion(t, "probabilities", 3, 1, 5);
    add(t, "accuracy, mean of splits", "probabilities", SCORE_MEAN_OF_GROUPS, 3, 0, false);
    add(t, "AUC-ROC", "probabilities", SCORE_AUC, 1, 4, true);
    add(t, "AUC-PR", "probabilities", SCORE_AVERAGE_PRECISION, 1, 4, true);
}

static void set_up_boxes(score_table *t, bool ocid)
{
    dims(t, "split", NULL, NULL);
    if (ocid)
        add(t, "IoU >= 0.25", "vlm-eval", SCORE_MEAN, 1, 0, true);
    add(t, "IoU >= 0.5", "vlm-eval", SCORE_MEAN, 0, 0, true);
    if (!ocid)
        add(t, "IoU >= 0.25", "vlm-eval", SCORE_MEAN, 1, 0, true);
    add(t, "mean IoU", "unreadable as 0", SCORE_MEAN, 2, 0, true);
    add(t, "readable boxes", "Python list", SCORE_MEAN, 3, 0, true);
}

mlm_status score_task_set_up(score_table *t, vqa_score_task task, vqa_score_norm norm, const char *by)
{
    bool vqa  = task == VQA_SCORE_VQAV2 || task == VQA_SCORE_VIZWIZ || task == VQA_SCORE_TEXTVQA;
    bool fits = norm == VQA_SCORE_VLM_EVAL || norm == VQA_SCORE_ALL ||
                (norm == VQA_SCORE_LLAVA ? task == VQA_SCORE_GQA : vqa);
    if (!fits)
        return mlm_fail(MLM_E_RANGE, "the task %s has no normalisation '%s'", vqa_score_task_name(task),
                        vqa_score_norm_name(norm));
    switch (task) {
    case VQA_SCORE_VQAV2:
        dims(t, "answer_type", "question_type", NULL);
        set_norms(t, VQA_NORM_VLM_EVAL, norm);
        break;
    case VQA_SCORE_GQA:
        set_up_gqa(t, norm);
        break;
    case VQA_SCORE_VIZWIZ:
        dims(t, "answerable", "answer_type", NULL);
        set_norms(t, VQA_NORM_VIZWIZ, norm);
        add(t, "unanswerable F1", "text", SCORE_F1, 5, 6, false);
        add(t, "unanswerable average precision", "text", SCORE_AVERAGE_PRECISION, 5, 6, false);
        break;
    case VQA_SCORE_TEXTVQA:
        set_norms(t, VQA_NORM_TEXTVQA, norm);
        add(t, "VQA accuracy without OCR tokens", vqa_norm_name(t->norms[0]), SCORE_MEAN, 5, 0, false);
        break;
    case VQA_SCORE_POPE:
        set_up_pope(t);
        break;
    case VQA_SCORE_VSR:
        dims(t, "relation", NULL, NULL);
        add(t, "accuracy", "probabilities", SCORE_MEAN, 0, 0, true);
        add(t, "AUC-ROC", "probabilities", SCORE_AUC, 2, 3, false);
        add(t, "AUC-PR", "probabilities", SCORE_AVERAGE_PRECISION, 2, 3, false);
        add(t, "accuracy", "text", SCORE_MEAN, 1, 0, true);
        break;
    case VQA_SCORE_TALLYQA:
    case VQA_SCORE_CHOICE:
        dims(t, "split", task == VQA_SCORE_CHOICE ? "category" : NULL, NULL);
        add(t, "accuracy", task == VQA_SCORE_CHOICE ? "letter in the text" : "number in the text", SCORE_MEAN,
            0, 0, true);
        add(t, "accuracy", "probabilities", SCORE_MEAN, 1, 0, true);
        break;
    case VQA_SCORE_REFCOCO:
    case VQA_SCORE_OCIDREF:
        set_up_boxes(t, task == VQA_SCORE_OCIDREF);
        break;
    case VQA_SCORE_AUTO:
    case VQA_SCORE_GENERIC:
    case VQA_SCORE_COUNT:
        dims(t, "category", "split", NULL);
        add(t, "exact match", "case, blanks, final period ignored", SCORE_MEAN, 0, 0, true);
        add(t, "contains", "case, blanks, final period ignored", SCORE_MEAN, 1, 0, true);
        add(t, "relaxed accuracy", "ChartQA, 5 %", SCORE_MEAN, 2, 0, true);
        add(t, "ANLS", "DocVQA, 0.5", SCORE_MEAN, 3, 0, true);
        add(t, "ANLS", "ST-VQA, 0.5", SCORE_MEAN, 4, 0, false);
        break;
    }
    for (int d = 0; d < t->n_dims && by != NULL; d++)
        if (strcmp(t->dim[d], by) == 0)
            return MLM_OK; /* comes anyway */
    if (by != NULL && t->n_dims < SCORE_MAX_DIMS)
        t->dim[t->n_dims++] = by;
    return MLM_OK;
}

/* ---- one row ------------------------------------------------------------------------------------- */

static const char *group_of(const char *dim, const vqa_item *truth, const vqa_item *seen)
{
    const char *v = NULL;
    if (strcmp(dim, "kind") == 0 && (v = vqa_item_tag(truth, "structural")) != NULL)
        return strcmp(v, "query") == 0 ? "open" : "binary"; /* GQA's */
    if (strcmp(dim, "split") == 0) {
        v = truth->split != NULL ? truth->split : seen->split;
        return v != NULL ? v : vqa_item_tag(truth, "split");
    }
    v = vqa_item_tag(truth, dim);
    if (v == NULL)
        v = vqa_item_tag(seen, dim);
    if (v != NULL && strcmp(dim, "answerable") == 0)
        return strcmp(v, "0") == 0 ? "unanswerable" : "answerable";
    return v;
}

mlm_status score_task_group(score_table *t, score_row *row, const vqa_item *truth, const vqa_item *seen)
{
    for (int d = 0; d < t->n_dims; d++) {
        const char *name  = group_of(t->dim[d], truth, seen);
        uint32_t    index = 0;
        char        cut[SCORE_NAME];
        row->group[d] = -1;
        if (name == NULL || t->groups[d].n > SCORE_MAX_GROUPS)
            continue;
        (void)snprintf(cut, sizeof cut, "%.120s", name);
        MLM_TRY(score_name_index(&index, &t->groups[d], t->arena, cut));
        row->group[d] = (int32_t)index;
    }
    return MLM_OK;
}

/* The place of the greatest probability (the first of equals, as argmax); -1: the row has none. */
static int likeliest(const vqa_result *r)
{
    int best = r->n_probs > 0 ? 0 : -1;
    for (int i = 1; i < r->n_probs; i++)
        if (r->probs[i] > r->probs[best])
            best = i;
    return best;
}

/* Of the first of two. */
static double share_of_first(const vqa_result *r)
{
    double a = (double)r->probs[0], b = (double)r->probs[1];
    return a + b > 0 ? a / (a + b) : 0.5;
}

static mlm_status measure_vqa(score_table *t, score_row *row, vqa_score_task task, const vqa_result *r,
                              const vqa_item *truth)
{
    for (int i = 0; i < t->n_norms; i++)
        MLM_TRY(vqa_accuracy(&row->column[i], r->answer, truth->answers, truth->n_answers, t->norms[i]));
    const char *other = vqa_item_tag(&r->item, "model_output_no_ocr");
    if (task == VQA_SCORE_TEXTVQA && other != NULL)
        MLM_TRY(vqa_accuracy(&row->column[5], other, truth->answers, truth->n_answers, t->norms[0]));
    const char *answerable = vqa_item_tag(truth, "answerable");
    if (task == VQA_SCORE_VIZWIZ && answerable != NULL) {
        char *plain = NULL;
        MLM_TRY(vqa_normalized(&plain, r->answer, VQA_NORM_VIZWIZ));
        row->column[5] = strcmp(answerable, "0") == 0 ? 1 : 0;
        row->column[6] = strcmp(plain, "unanswerable") == 0 ? 1 : 0;
        free(plain);
    }
    return MLM_OK;
}

static mlm_status measure_gqa(score_table *t, score_row *row, const vqa_result *r, const vqa_item *truth)
{
    const char *balanced = vqa_item_tag(truth, "is_balanced");
    if (balanced != NULL &&
        (strcmp(balanced, "False") == 0 || strcmp(balanced, "false") == 0 || strcmp(balanced, "0") == 0))
        return MLM_OK; /* the official script counts the balanced ones alone */
    for (int i = 0; i < t->n_norms; i++)
        MLM_TRY(vqa_gqa_correct(&row->column[i], r->answer, truth->answers[0], t->gqa_norms[i]));
    return MLM_OK;
}

static mlm_status measure_pope(score_row *row, const vqa_result *r, const vqa_item *truth)
{
    bool label = strcmp(truth->answers[0], "yes") == 0, yes = false;
    row->column[1] = label ? 1 : 0;
    if (r->answer[0] != '\0' || r->n_probs == 0) {
        MLM_TRY(vqa_pope_says_yes(&yes, r->answer));
        row->column[0] = yes == label ? 1 : 0;
        row->column[2] = yes ? 1 : 0;
    }
    if (r->n_probs == 2) {
        bool likely    = likeliest(r) == 0;
        row->column[3] = likely == label ? 1 : 0;
        row->column[4] = share_of_first(r);
        row->column[5] = likely ? 1 : 0;
    }
    return MLM_OK;
}

static void measure_vsr(score_row *row, const vqa_result *r, const vqa_item *truth)
{
    bool label     = vqa_reads_true(truth->answers[0]) == 1 || strcmp(truth->answers[0], "1") == 0;
    row->column[2] = label ? 1 : 0;
    if (r->answer[0] != '\0' || r->n_probs == 0)
        row->column[1] = vqa_reads_true(r->answer) == (label ? 1 : 0) ? 1 : 0;
    if (r->n_probs == 2) {
        row->column[0] = (likeliest(r) == 0) == label ? 1 : 0;
        row->column[3] = share_of_first(r);
    }
}

static mlm_status measure_letters(score_row *row, vqa_score_task task, const vqa_result *r,
                                  const vqa_item *truth)
{
    const char *right = truth->answers[0];
    int         want = -1, n = truth->n_choices;
    bool        text = r->answer[0] != '\0' || r->n_probs == 0;
    if (task == VQA_SCORE_TALLYQA) {
        int64_t count = -1;
        want          = strspn(right, "0123456789") == strlen(right) ? (int)strtol(right, NULL, 10) : -1;
        if (text) {
            MLM_TRY(vqa_read_count(&count, r->answer));
            int letter = -1; /* asked as a choice among 0 .. 15, the answer is a letter */
            if (count < 0 && truth->task == VQA_TASK_COUNT_MC)
                MLM_TRY(vqa_read_letter(&letter, r->answer, NULL, 16));
            row->column[0] = want >= 0 && (count == want || letter == want) ? 1 : 0;
        }
    } else {
        n    = n > 0 ? n : r->n_probs > 1 ? r->n_probs : 26;
        want = right[0] >= 'A' && right[0] <= 'Z' && right[1] == '\0' ? right[0] - 'A' : -1;
        if (want < 0) /* the right answer as its text */
            MLM_TRY(vqa_read_letter(&want, right, truth->choices, n));
        if (text) {
            int letter = -1;
            MLM_TRY(vqa_read_letter(&letter, r->answer, truth->n_choices > 0 ? truth->choices : NULL, n));
            row->column[0] = want >= 0 && letter == want ? 1 : 0;
        }
    }
    if (r->n_probs > 1)
        row->column[1] = likeliest(r) == want ? 1 : 0;
    return MLM_OK;
}

static void measure_box(score_row *row, const vqa_result *r, const vqa_item *truth)
{
    double box[4];
    bool   readable = vqa_parse_box(box, r->answer);
    double iou      = readable ? vqa_box_iou(box, truth->box) : 0;
    row->column[0]  = iou >= 0.5 ? 1 : 0;
    row->column[1]  = iou >= 0.25 ? 1 : 0;
    row->column[2]  = iou;
    row->column[3]  = readable ? 1 : 0;
}

static mlm_status measure_generic(score_row *row, const vqa_result *r, const vqa_item *truth)
{
    static mlm_status (*const each[])(double *, const char *, const char *) = {vqa_exact_match, vqa_contains,
                                                                               vqa_relaxed};
    for (int k = 0; k < 3; k++) {
        row->column[k] = 0;
        for (int i = 0; i < truth->n_answers && row->column[k] < 1; i++)
            MLM_TRY(each[k](&row->column[k], r->answer, truth->answers[i]));
    }
    MLM_TRY(vqa_anls(&row->column[3], r->answer, truth->answers, truth->n_answers));
    return vqa_anls_stvqa(&row->column[4], r->answer, truth->answers, truth->n_answers);
}

bool score_task_has_truth(vqa_score_task task, const vqa_item *truth)
{
    bool box = task == VQA_SCORE_REFCOCO || task == VQA_SCORE_OCIDREF;
    return box ? truth->has_box : truth->n_answers > 0;
}

mlm_status score_task_measure(score_table *t, score_row *row, vqa_score_task task, const vqa_result *r,
                              const vqa_item *truth)
{
    if (!score_task_has_truth(task, truth))
        return mlm_fail(MLM_E_STATE,
                        "row %s has no right answer (give the data set with --data, or only want a --report)",
                        r->item.id != NULL ? r->item.id : "?");
    bool people = task == VQA_SCORE_VQAV2 || task == VQA_SCORE_VIZWIZ || task == VQA_SCORE_TEXTVQA;
    if (people && truth->n_answers < 2)
        return mlm_fail(MLM_E_STATE,
                        "row %s has one right answer, VQA accuracy needs those of several people (give the "
                        "annotations with --data, or use --task generic)",
                        r->item.id != NULL ? r->item.id : "?");
    MLM_TRY(score_task_group(t, row, truth, &r->item));
    switch (task) {
    case VQA_SCORE_VQAV2:
    case VQA_SCORE_VIZWIZ:
    case VQA_SCORE_TEXTVQA:
        return measure_vqa(t, row, task, r, truth);
    case VQA_SCORE_GQA:
        return measure_gqa(t, row, r, truth);
    case VQA_SCORE_POPE:
        return measure_pope(row, r, truth);
    case VQA_SCORE_VSR:
        measure_vsr(row, r, truth);
        return MLM_OK;
    case VQA_SCORE_TALLYQA:
    case VQA_SCORE_CHOICE:
        return measure_letters(row, task, r, truth);
    case VQA_SCORE_REFCOCO:
    case VQA_SCORE_OCIDREF:
        measure_box(row, r, truth);
        return MLM_OK;
    case VQA_SCORE_AUTO:
    case VQA_SCORE_GENERIC:
    case VQA_SCORE_COUNT:
        break;
    }
    return measure_generic(row, r, truth);
}
