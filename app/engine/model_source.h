/*
 * model_source.h: where the parts of a model lie and how they are to be read: our own directories, and the files that
 * the authors of ML-Mamba, Cobra, Mamba and Mamba-2 published, recognised by their own names.
 *
 *   kind                        recognised by                                       taken from
 *   mlmamba directory           config.json with model_type ml_mamba                the directory (decision 20)
 *   ML-Mamba, Cobra checkpoint  checkpoints/latest-checkpoint.pt (or without the    language model and connector; towers and
 *                               folder, or the .pt itself)                          tokenizer beside it or in the hub cache
 *   Mamba, Mamba-2 text         config.json with model_type mamba, mamba2, or       model.safetensors (or its index), or
 *                               state-spaces' d_model                               pytorch_model.bin (or its index); tokenizer as above
 *
 * For published models a config.json and a preprocessor_config.json of ours are made from the shapes of the tensors and
 * the ids in the trainer's config.json, so that the engine and `import` see one kind of model only.
 * A part that is missing or damaged is a fact of the source, not a failure to make it: see model_source_require.
 */
#ifndef APP_ENGINE_MODEL_SOURCE_H
#define APP_ENGINE_MODEL_SOURCE_H

#include "app/engine/mlmamba.h"
#include "kernels/weights.h"

#define SOURCE_MAX_FILES 4
#define SOURCE_MAX_PARTS 12

typedef struct source_file {
    char            *path;
    kn_weights_rule *rules; /* owned, with their texts */
    int              n_rules, capacity;
} source_file;

typedef struct source_part {
    mlmamba_part part;   /* owned texts */
    mlm_status   status; /* MLM_OK, or why the part cannot be used; part.detail is the message */
} source_part;

typedef struct model_source {
    char        *dir;  /* what messages call the model: the directory, or the checkpoint file */
    char        *base; /* the directory in which parts are looked for first                   */
    const char  *kind;
    bool         own; /* decision 20: config and preprocessor are files of dir, read by the engine itself */
    char        *config, *preprocessor; /* not own: their texts; preprocessor NULL without vision */
    char        *tokenizer;             /* path; NULL: missing */
    char        *tokenizer_text;        /* instead of a path: see source_random.c */
    bool         is_made;               /* the weights are made up ... */
    mlm_st_dtype made;                  /* ... with matrices of this dtype */
    source_file  file[SOURCE_MAX_FILES];
    int          n_files;
    source_part  part[SOURCE_MAX_PARTS];
    int          n_parts;
    char        *problem; /* not NULL: this is no model, and why ...  */
    mlm_status   problem_status;
    bool         text_only; /* the model has pictures, but only its language model is here */
} model_source;

enum {
    SOURCE_DEEP =
        1, /* weights may be read where headers do not settle something (two copies of a tied table) */
    SOURCE_TEXT_ONLY = 4, /* of a model with pictures the language model and the tokenizer only */
    SOURCE_RESAMPLED =
        2 /* the config describes position tables that have been resampled to the picture's grid    */
};

/* model: a directory, a .pt file, a repository id ("ORG/NAME") in the hub cache, or NULL (model_dir_find).  Owned. */
mlm_status model_source_open(model_source **out, const char *model, unsigned flags) MLM_WARN_UNUSED;
void       model_source_free(model_source *src);
/* Weights that are made up, of any shape: `config` is a config.json, a directory with one, or the name of a published
 * shape ("ml-mamba-2.7b"); type is "bf16", "int8" or "f32". */
mlm_status source_open_random(model_source **out, const char *config, const char *type) MLM_WARN_UNUSED;
mlm_status source_random_weights(kn_weights **out, const model_source *src) MLM_WARN_UNUSED;
/* The failure of the first part that is missing or damaged. */
mlm_status model_source_require(const model_source *src) MLM_WARN_UNUSED;
/* The tensors of all parts under the names of decision 20. */
mlm_status model_source_weights(kn_weights **out, const model_source *src) MLM_WARN_UNUSED;
/* The same, where tensors that no rule speaks of keep their names instead of being refused. */
mlm_status model_source_all_weights(kn_weights **out, const model_source *src) MLM_WARN_UNUSED;
/* What a published file would call the tensor `name`, and which file (borrowed).  False: none of its rules gives that name. */
bool model_source_published_name(char *out, size_t cap, const char **path, const model_source *src,
                                 const char *name);

/* ---- between the files that make sources -------------------------------------------------------- */

/* Takes a copy of the texts.  status MLM_OK: found.  Otherwise detail says what is wrong, and found whether there is a file. */
mlm_status source_add_part(model_source *src, const char *role, mlm_status status, bool found,
                           const char *source, const char *detail) MLM_WARN_UNUSED;
/* This is no model.  The first one stays. */
mlm_status source_set_problem(model_source *src, mlm_status status, const char *problem) MLM_WARN_UNUSED;
/* As the hub's cache leaves them when a download stops, or its blobs are removed. */
#define SOURCE_BROKEN_LINK "is a link to a file that is not there: the download is not complete"
bool source_is_broken_link(const char *path);
/* A file of weights and its rules (copied). */
mlm_status source_add_file(model_source *src, source_file **out, const char *path) MLM_WARN_UNUSED;
mlm_status source_add_rule(source_file *f, const char *from,
                           const char *to) MLM_WARN_UNUSED; /* to NULL: drop */
/* "1,234 tensors, F32" */
void source_describe(char *text, size_t cap, const kn_weights *w);
/* Dimension of a tensor; -1 when it is absent or has fewer. */
int64_t source_dim(const kn_weights *w, const char *prefix, const char *name, int axis);
bool    source_has(const kn_weights *w, const char *prefix, const char *name);
/* One more than the largest number N in names "PREFIX LIST N.*", at most `limit` + 1: a layer that has lost a tensor still counts. */
int source_count(const kn_weights *w, const char *prefix, const char *list, int limit);
/* tokenizer.json beside the model, or in one of the repositories (NULL-terminated). */
mlm_status source_find_tokenizer(model_source *src, const char *const *repos) MLM_WARN_UNUSED;

/* Text of an object "text" with transformers' keys, from the tensors under `prefix`; tied is decided by lm_head.  Owned. */
mlm_status source_text_config(char **out, int *width, bool *tied, const kn_weights *w, const char *prefix,
                              unsigned flags) MLM_WARN_UNUSED;
mlm_status source_open_checkpoint(model_source *src, const char *path, unsigned flags) MLM_WARN_UNUSED;
mlm_status source_open_text(model_source *src, bool state_spaces) MLM_WARN_UNUSED;
/* Nothing that is known: the parts are what was looked for and what looks like weights. */
mlm_status source_open_unknown(model_source *src) MLM_WARN_UNUSED;
/* Towers of a backbone id ("dinosiglip-vit-so-384px"): parts, files, and the text of "vision" (owned; NULL when a tower is
 * missing) and of preprocessor_config.json. */
mlm_status source_open_towers(char **vision, char **preprocessor, model_source *src, const char *backbone,
                              const char *resize, unsigned flags) MLM_WARN_UNUSED;

#endif
