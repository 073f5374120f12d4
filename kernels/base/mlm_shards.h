/*
 * mlm_shards.h: the index of weights that lie in several files, as the hub's tools write it beside safetensors and
 * PyTorch shards: {"metadata": .., "weight_map": {tensor: file}}.
 *
 * The files lie in the folder of the index: a name with '/' or "..", a key that is there twice, more than 512 files,
 * 100,000 tensors or 100 MB of index are refused.  Index and files must agree on every tensor: whoever opened the files asks here.
 */
#ifndef MLM_SHARDS_H
#define MLM_SHARDS_H

#include "kernels/base/mlm_json.h"

typedef struct mlm_shards {
    mlm_json            *doc;
    char                *path, *dir;
    const mlm_json_node *map;
    const char         **names; /* of the files, sorted, each once; borrowed from the document */
    int                  n;
} mlm_shards;

/* MLM_E_NOTFOUND, MLM_E_IO, MLM_E_FORMAT, MLM_E_NOMEM.  Owned, also after a failure: mlm_shards_free. */
mlm_status mlm_shards_read(mlm_shards *out, const char *index) MLM_WARN_UNUSED;
void       mlm_shards_free(mlm_shards *x); /* zeroed is fine */
/* The path of a shard.  Owned. */
mlm_status mlm_shards_path(char **out, const mlm_shards *x, int shard) MLM_WARN_UNUSED;
/* The status of opening a shard: one that is not there is a fault of the index. */
mlm_status mlm_shards_fail_open(const mlm_shards *x, mlm_status status) MLM_WARN_UNUSED;

/* A tensor that a shard holds: does the index place it there? */
mlm_status mlm_shards_check(const mlm_shards *x, const char *tensor, int shard) MLM_WARN_UNUSED;
/* After all n_tensors were checked: does the index list others? */
typedef bool (*mlm_shards_has)(const void *payload, int shard, const char *tensor);
mlm_status mlm_shards_check_all(const mlm_shards *x, int64_t n_tensors, mlm_shards_has has,
                                const void *payload) MLM_WARN_UNUSED;

/* The files that an index names, there or not.  Owned: mlm_shards_free_list. */
mlm_status mlm_shards_list(char ***paths, int *n, const char *index) MLM_WARN_UNUSED;
void       mlm_shards_free_list(char **paths, int n);

#endif
