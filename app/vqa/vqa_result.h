/*
 * vqa_result.h: one line of results.jsonl, written and read.
 *
 *   {"row": 1, "digest": "90b1...", "ok": true, "id": 262148000, "split": null, "task": "vqa", "image": "COCO_...jpg",
 *    "image_id": "262148", "question": "...", "prompt": "...", "answer": "...", "raw": "...", "tokens": 3,
 *    "finish": "stop", "logprob": -0.5, "probs": {"Yes": 0.9, "No": 0.05}, "answers": ["..."], "choices": ["..."],
 *    "box": [x0, y0, x1, y1], "tags": {"answer_type": "other"},
 *    "ms": {"decode": 1.5, "vision": 60.1, "prefill": 4.2, "decode_tok": 3.0}, "error": null}
 *
 * Keys stand in this order; what is unknown is null (or left out: split, image_id, hint, probs, answers, choices, box,
 * tags; "prompt_tokens": 13, "prompt_used": 11 behind raw when the model did not take all of the question).  row, digest and ok come first and in this spelling, so that a resume reads nothing else of a line.
 * "ms" and what follows it is all that differs between two runs of the same job.
 * A row with an error: "ok": false, "answer": null, "error": {"code": "MLM_E_IO", "message": "...", "line": 17}.
 * "image_hex" stands beside an "image" that is not UTF-8: its bytes.
 * `question`, truth and tags are repeated from the data set, so scores and reports need nothing but this file.
 */
#ifndef APP_VQA_VQA_RESULT_H
#define APP_VQA_VQA_RESULT_H

#include "app/vqa/vqa_item.h"

typedef struct vqa_result {
    vqa_item    item;   /* without image_path and image_bytes; its arena owns every string of the result  */
    const char *prompt; /* what was asked: question with what the task adds, before the chat template     */
    const char *answer; /* NULL: an error row; else the model's text without blanks around it             */
    const char *raw;    /* the model's text                                                               */
    int n_prompt, n_prompt_used; /* tokens of the question with its template; the model takes the first */
    int n_tokens;
    const char *finish; /* "stop", "length", ...; "error" for an error row                                */
    double      logprob;
    bool        has_logprob;

    const char *const *prob_names; /* first-token probabilities, not normalised: as mlmamba_answer's      */
    const float       *probs;
    int                n_probs;

    double ms_decode, ms_vision, ms_prefill, ms_decode_tok; /* picture file; encoding; question; tokens */

    const char *error_code; /* NULL: no error; "MLM_E_IO", ... */
    const char *error_message;
} vqa_result;

/* Appends the line with its newline. */
void vqa_result_write(vqa_text *line, const vqa_result *result);
/* Parses a line (without newline) into *out (owned).  `name` and `line_number` are for messages.  Unknown keys are
 * left alone.  MLM_E_FORMAT. */
mlm_status vqa_result_parse(vqa_result **out, const char *line, size_t n, const char *name,
                            int64_t line_number) MLM_WARN_UNUSED;
void       vqa_result_free(vqa_result *result); /* NULL is fine; of what vqa_result_parse and _next gave */

/* Reads a results file from its beginning, a line at a time.  A last line without newline (a run that was killed, or
 * is still going on) is not read.  "-" is standard input. */
typedef struct vqa_results vqa_results;
mlm_status                 vqa_results_open(vqa_results **out, const char *path) MLM_WARN_UNUSED;
/* *out NULL at the end.  A line that is no result: MLM_E_FORMAT; the next call goes on behind it. */
mlm_status vqa_results_next(vqa_results *r, vqa_result **out) MLM_WARN_UNUSED;
void       vqa_results_close(vqa_results *r);

/* All rows of a run, one for each row number (the newest: a retried error replaces its error row), ordered by it.
 * path: a run directory (results.jsonl, or all results-I-of-N.jsonl), or a file. */
typedef struct vqa_result_list {
    vqa_result **rows; /* [n], owned */
    int64_t      n;
} vqa_result_list;
mlm_status vqa_result_list_load(vqa_result_list *out, const char *path) MLM_WARN_UNUSED;
void       vqa_result_list_free(vqa_result_list *list);

#endif
