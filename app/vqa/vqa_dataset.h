/*
 * vqa_dataset.h: data sets as they are published, as a list of questions.
 *
 * Opening scans the files once and keeps a few dozen bytes a row (offset, length, digest); a row is parsed when it is
 * asked for, from its bytes alone.  So memory does not grow with the length of rows, pictures inside rows are not
 * kept, and one broken row is that row's error.
 */
#ifndef APP_VQA_VQA_DATASET_H
#define APP_VQA_VQA_DATASET_H

#include "app/vqa/vqa_item.h"

typedef struct vqa_columns { /* of jsonl, csv, tsv; NULL: the usual names are tried */
    const char *id, *image, *question, *answer, *split;
} vqa_columns;

typedef struct vqa_dataset_options {
    const char *const
               *paths; /* files of the same format; or one directory of pictures; "-": standard input */
    int         n_paths;
    vqa_format  format;      /* AUTO: by looking at the beginning of the file                */
    const char *annotations; /* VQAv2: the annotations that belong to the questions           */
    const char *ocr;         /* TextVQA: LLaVA's question JSONL with OCR tokens, same order   */
    const char *images_dir;  /* where pictures are; NULL: beside the file                     */
    vqa_task    task;        /* AUTO: the format's                                            */
    vqa_columns columns;
    const char *question;  /* asked of every row that has none (folders)                    */
    bool        recursive; /* folders below a folder too                                    */

    /* Which rows: filters first, then a sample, then the first `limit`. */
    const char *const *filters; /* "key=value": a tag, or split, id, image                        */
    int                n_filters;
    int64_t            sample; /* that many, drawn with `seed`, in file order; 0: all            */
    uint64_t           seed;
    int64_t            limit;           /* 0: all */
    int                shard, n_shards; /* rows of shard `shard` of n_shards (0: all in one)      */
} vqa_dataset_options;

typedef struct vqa_dataset vqa_dataset;

/* Scans and selects.  Errors of whole files only: MLM_E_NOTFOUND, MLM_E_IO, MLM_E_FORMAT (no list of rows), ... */
mlm_status vqa_dataset_open(vqa_dataset **out, const vqa_dataset_options *opt) MLM_WARN_UNUSED;
void       vqa_dataset_close(vqa_dataset *ds);

vqa_format vqa_dataset_format(const vqa_dataset *ds);   /* never AUTO */
vqa_task   vqa_dataset_task(const vqa_dataset *ds);     /* of rows that do not say otherwise; never AUTO */
int64_t    vqa_dataset_total(const vqa_dataset *ds);    /* rows in the files                            */
int64_t    vqa_dataset_selected(const vqa_dataset *ds); /* rows selected, all shards */
int64_t    vqa_dataset_count(const vqa_dataset *ds);    /* rows of this shard */

/* Files read, with size and hash, for the manifest. */
typedef struct vqa_source {
    const char *path;
    uint64_t    bytes, hash;
} vqa_source;
int vqa_dataset_sources(const vqa_dataset *ds, const vqa_source **sources);

/* Where selected row `index` (0 ..) stands; cheap. */
typedef struct vqa_row_ref {
    int64_t     row, line;
    uint64_t    digest;
    const char *path;
} vqa_row_ref;
vqa_row_ref vqa_dataset_ref(const vqa_dataset *ds, int64_t index);

/* Parses selected row `index`; with_picture also fills image_bytes of a picture inside the data set.  From any thread.
 * A broken row: MLM_E_FORMAT and the like, the message names file and line. */
mlm_status vqa_dataset_load(vqa_item **out, const vqa_dataset *ds, int64_t index,
                            bool with_picture) MLM_WARN_UNUSED;

/* MLM_E_NOTFOUND when not one picture of the rows is there: one line with what was looked for, where it may be, and what to do.
 * Looks until the first that is. */
#define VQA_SAY_IMAGES "--images DIR says where they are"
mlm_status vqa_dataset_check_pictures(const vqa_dataset *ds, const char *remedy) MLM_WARN_UNUSED;

#endif
