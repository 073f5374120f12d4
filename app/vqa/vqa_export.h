/*
 * vqa_export.h: answers in the files of other tools and of the evaluation servers, in the order of the data set.
 * Every question must have its answer, or nothing is written.
 */
#ifndef APP_VQA_VQA_EXPORT_H
#define APP_VQA_VQA_EXPORT_H

#include "app/vqa/vqa_answers.h"
#include "app/vqa/vqa_dataset.h"

typedef enum vqa_export_kind {
    VQA_EXPORT_EVALAI = 0, /* "evalai": VQAv2 [{"question_id": int, "answer": str}]                    */
    VQA_EXPORT_TEXTVQA,    /* "textvqa": the same                                                       */
    VQA_EXPORT_VIZWIZ,     /* "vizwiz": [{"image": name, "answer": str}], unanswerable in lower case    */
    VQA_EXPORT_GQA,        /* "gqa": [{"questionId": str, "prediction": str}], lower case, no final period */
    VQA_EXPORT_LLAVA,      /* "llava": JSONL {question_id, prompt, text, answer_id, model_id, metadata} */
    VQA_EXPORT_VLM_EVAL,   /* "vlm-eval": results+rank-0.json                                           */
    VQA_EXPORT_VLMEVALKIT, /* "vlmevalkit": TSV with a column prediction                                */
    VQA_EXPORT_OPENAI,     /* "openai": JSONL of batch replies                                          */
    VQA_EXPORT_COCO,       /* "coco": [{"image_id": int, "caption": str}]                               */
    VQA_EXPORT_CSV,        /* "csv": id, image, question, answer, truth (several: "a | b"), error       */
    VQA_EXPORT_COUNT
} vqa_export_kind;
const char *vqa_export_kind_name(vqa_export_kind kind);
mlm_status  vqa_export_kind_of_name(vqa_export_kind *out, const char *name) MLM_WARN_UNUSED;

typedef struct vqa_export_options {
    const char *results;
    const vqa_dataset_options
                   *data; /* NULL: completeness by the manifest; then questions, order and ids by it */
    vqa_export_kind kind;
    bool            partial;  /* an empty answer where there is none */
    const char     *model_id; /* NULL: of the manifest */
    const char     *second;   /* vlm-eval: a run of the same questions without (or with) OCR tokens; NULL */
} vqa_export_options;

typedef struct vqa_export_stats {
    int64_t n_rows, n_empty; /* written; of them without an answer */
} vqa_export_stats;

/* The whole file, appended to out.  MLM_E_STATE: not complete, doubled. */
mlm_status vqa_export(vqa_text *out, vqa_export_stats *stats, const vqa_export_options *opt) MLM_WARN_UNUSED;

#endif
