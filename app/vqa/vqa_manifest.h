/* vqa_manifest.h: run.json, what a run was made from: written at its start, compared when it is resumed. */
#ifndef APP_VQA_VQA_MANIFEST_H
#define APP_VQA_VQA_MANIFEST_H

#include "app/vqa/vqa_dataset.h"

typedef struct vqa_manifest {
    const char *version; /* of mlmamba */
    const char *model_dir, *model_name, *weights_dtype, *device;
    uint64_t    fingerprint; /* of weights, configurations and tokenizer */
    vqa_format  format;
    vqa_task    task;
    const char *prompt_template; /* NULL: the task's */
    const char *question;        /* NULL: those of the data set */
    const char *fit;             /* "model", ... */
    bool        ignore_orientation;
    bool        reference_rounding, bf16_state, deterministic;
    int         max_new_tokens;
    float       temperature, top_p, min_p, repetition_penalty;
    int         top_k;
    uint64_t    seed;

    const vqa_source  *sources;
    int                n_sources;
    const char        *images_dir, *annotations, *ocr;
    vqa_columns        columns; /* --col-... */
    const char *const *filters;
    int                n_filters;
    int64_t            sample, limit;
    uint64_t           sample_seed;
    int64_t            n_rows; /* of the whole job, all shards       */
    int                shard, n_shards;
    bool               merged; /* results of all shards, in one file */

    const char *started;      /* 2026-11-23T01:02:03Z */
    const char *command_line; /* NULL: not known */
    vqa_arena  *arena;        /* owns the strings of one that was read */
} vqa_manifest;

/* Reads run.json (or one given by its path). */
mlm_status vqa_manifest_read(vqa_manifest **out, const char *path) MLM_WARN_UNUSED;
void       vqa_manifest_free(vqa_manifest *m);
void       vqa_manifest_write(vqa_text *out, const vqa_manifest *m);
/* MLM_E_CONFIG with the first difference that could change an answer: version, weights, device, options, data; not when
 * and where it was started, nor threads and batch. */
mlm_status vqa_manifest_same(const vqa_manifest *old, const vqa_manifest *now) MLM_WARN_UNUSED;

/* The manifest that belongs to a run directory or results file: run.json, else the first run-I-of-N.json beside it. */
mlm_status vqa_manifest_find(vqa_manifest **out, const char *path) MLM_WARN_UNUSED;

#endif
