/*
 * vqa_export.c: the order, the completeness and the frame of exported files; export_row.c writes the rows.
 * Each row's text is made when its answer is read and put in order at the end, so the answers themselves are not kept.
 */
#include "app/vqa/vqa_export.h"

#include "app/vqa/export_private.h"
#include "app/vqa/score_private.h"
#include "app/vqa/vqa_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *vqa_export_kind_name(vqa_export_kind kind)
{
    static const char *const names[] = {"evalai",   "textvqa",    "vizwiz", "gqa",  "llava",
                                        "vlm-eval", "vlmevalkit", "openai", "coco", "csv"};
    return kind >= 0 && kind < VQA_EXPORT_COUNT ? names[kind] : NULL;
}

mlm_status vqa_export_kind_of_name(vqa_export_kind *out, const char *name)
{
    for (int i = 0; i < VQA_EXPORT_COUNT; i++) {
        if (strcmp(name, vqa_export_kind_name((vqa_export_kind)i)) == 0) {
            *out = (vqa_export_kind)i;
            return MLM_OK;
        }
    }
    return mlm_fail(
        MLM_E_RANGE,
        "there is no export '%.40s', must be evalai, textvqa, vizwiz, gqa, llava, vlm-eval, vlmevalkit, "
        "openai, coco or csv",
        name);
}

typedef struct chunk {
    int64_t order;
    size_t  from, n;
    bool    answered;
} chunk;

typedef struct exporting {
    const vqa_export_options *opt;
    export_frame              frame;
    vqa_answers_kind          kind;
    vqa_arena                *arena;
    score_names               second_ids;
    const char              **second;
    size_t                    cap_second;
    score_names               keys;       /* rows seen, in the order of chunks */
    score_names               identities; /* what must not come twice, and whose it is */
    size_t                   *owner, cap_owner;
    chunk                    *chunks;
    size_t                    n, cap;
    bool                      no_manifest;
    vqa_text                  text; /* of all chunks */
    vqa_dataset              *data;
    score_names               ids; /* of the data set's rows, in order */
} exporting;

/* ---- the second run ------------------------------------------------------------------------------ */

static mlm_status on_second(const vqa_result *r, void *payload)
{
    exporting *x     = payload;
    uint32_t   index = 0;
    if (r->answer == NULL)
        return MLM_OK;
    MLM_TRY(score_name_index(&index, &x->second_ids, x->arena, r->item.id));
    if (index >= x->cap_second) {
        size_t       cap  = x->cap_second == 0 ? 1024 : x->cap_second * 2;
        const char **list = realloc(x->second, cap * sizeof *list);
        if (list == NULL)
            return mlm_fail_nomem(cap * sizeof *list, "answers of the second run");
        x->second     = list;
        x->cap_second = cap;
    }
    x->second[index] = vqa_arena_copy(x->arena, r->answer, strlen(r->answer));
    return x->second[index] != NULL ? MLM_OK
                                    : mlm_fail_nomem(strlen(r->answer), "an answer of the second run");
}

/* Every row must have its second answer. */
static mlm_status find_second(exporting *x, const vqa_result *r)
{
    uint32_t index  = 0;
    size_t   before = x->second_ids.n;
    x->frame.other  = NULL;
    if (x->opt->second == NULL || r->item.id == NULL)
        return MLM_OK;
    MLM_TRY(score_name_index(&index, &x->second_ids, x->arena, r->item.id));
    if (x->second_ids.n == before)
        x->frame.other = x->second[index];
    else if (!x->opt->partial)
        return mlm_fail(MLM_E_STATE, "%s has no answer to %s", x->opt->second, r->item.id);
    return MLM_OK;
}

/* Two rows that would stand under the same id in the file. */
static mlm_status claim(exporting *x, size_t place, const vqa_result *r)
{
    const char *identity = export_identity(&x->frame, r);
    uint32_t    index    = 0;
    size_t      before   = x->identities.n;
    if (identity == NULL)
        return MLM_OK;
    MLM_TRY(score_name_index(&index, &x->identities, x->arena, identity));
    if (x->identities.n == before)
        return x->owner[index] == place
                   ? MLM_OK
                   : mlm_fail(MLM_E_STATE, "%s: %s comes twice, the file can hold one answer for it",
                              x->opt->results, identity);
    if (index >= x->cap_owner) {
        size_t  cap   = x->cap_owner == 0 ? 1024 : x->cap_owner * 2;
        size_t *owner = realloc(x->owner, cap * sizeof *owner);
        if (owner == NULL)
            return mlm_fail_nomem(cap * sizeof *owner, "rows to export");
        x->owner     = owner;
        x->cap_owner = cap;
    }
    x->owner[index] = place;
    return MLM_OK;
}

static mlm_status add_chunk(exporting *x, const char *key, int64_t order, const vqa_result *r,
                            bool doubled_ok)
{
    uint32_t place = 0;
    MLM_TRY(score_name_index(&place, &x->keys, x->arena, key));
    bool doubled = place < x->n; /* of ours an error row that was retried is none */
    if (doubled && doubled_ok && x->chunks[place].answered)
        return mlm_fail(MLM_E_STATE, "%s: row %lld comes twice", x->opt->results, (long long)r->item.row);
    if (doubled && !doubled_ok)
        return mlm_fail(MLM_E_STATE, "%s: the id %s comes twice", x->opt->results, r->item.id);
    if (place >= x->cap) {
        size_t cap    = x->cap == 0 ? 1024 : x->cap * 2;
        chunk *chunks = realloc(x->chunks, cap * sizeof *chunks);
        if (chunks == NULL)
            return mlm_fail_nomem(cap * sizeof *chunks, "rows to export");
        x->chunks = chunks;
        x->cap    = cap;
    }
    MLM_TRY(claim(x, place, r));
    chunk *c = &x->chunks[place];
    x->n     = x->keys.n;
    *c       = (chunk){.order = order, .from = x->text.n, .answered = r->answer != NULL};
    MLM_TRY(find_second(x, r));
    MLM_TRY(export_row(&x->text, &x->frame, r));
    c->n = x->text.n - c->from;
    return vqa_text_status(&x->text);
}

/* The data set's item takes the place of what the answers repeat of it. */
static mlm_status add_with_data(exporting *x, const vqa_result *r, int64_t index)
{
    vqa_item  *item   = NULL;
    vqa_result joined = *r;
    char       key[32];
    MLM_TRY(vqa_dataset_load(&item, x->data, index, false));
    joined.item = *item;
    (void)snprintf(key, sizeof key, "%lld", (long long)index);
    mlm_status status =
        x->kind == VQA_ANSWERS_MLMAMBA && r->item.id != NULL && strcmp(item->id, r->item.id) != 0
            ? mlm_fail(MLM_E_FORMAT, "%s: row %lld has the id %s, the data set %s", x->opt->results,
                       (long long)r->item.row, r->item.id, item->id)
            : add_chunk(x, key, index, &joined, x->kind == VQA_ANSWERS_MLMAMBA);
    vqa_item_free(item);
    return status;
}

static mlm_status on_answer(const vqa_result *r, void *payload)
{
    exporting *x = payload;
    char       row[32];
    if (x->data != NULL) {
        uint32_t index  = 0;
        size_t   before = x->ids.n;
        if (x->kind == VQA_ANSWERS_MLMAMBA && r->item.row >= 1 && r->item.row <= vqa_dataset_count(x->data))
            return add_with_data(x, r, r->item.row - 1);
        MLM_TRY(score_name_index(&index, &x->ids, x->arena, r->item.id));
        if (x->ids.n > before)
            return mlm_fail(MLM_E_STATE, "%s: the id %s is not in the data set", x->opt->results, r->item.id);
        return add_with_data(x, r, (int64_t)index);
    }
    (void)snprintf(row, sizeof row, "%lld", (long long)r->item.row);
    bool ours = x->kind == VQA_ANSWERS_MLMAMBA;
    return add_chunk(x, ours ? row : r->item.id, r->item.row, r, ours);
}

static mlm_status on_look(const vqa_result *r, void *payload)
{
    exporting *x = payload;
    export_look(&x->frame, r);
    return MLM_OK;
}

/* Ids of the data set, so that place = index; one that comes twice cannot be told apart. */
static mlm_status index_ids(exporting *x)
{
    for (int64_t i = 0; i < vqa_dataset_count(x->data); i++) {
        vqa_item *item  = NULL;
        uint32_t  place = 0;
        MLM_TRY(vqa_dataset_load(&item, x->data, i, false));
        mlm_status status = score_name_index(&place, &x->ids, x->arena, item->id);
        if (status == MLM_OK && (int64_t)place != i)
            status = mlm_fail(MLM_E_STATE, "the id %s comes twice in the data set", item->id);
        vqa_item_free(item);
        MLM_TRY(status);
    }
    return MLM_OK;
}

static int compare_chunks(const void *pa, const void *pb)
{
    const chunk *a = pa, *b = pb;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Questions of the data set that have no answer get an empty one. */
static mlm_status add_missing(exporting *x)
{
    for (int64_t i = 0; i < vqa_dataset_count(x->data); i++) {
        char     key[32];
        uint32_t place  = 0;
        size_t   before = x->keys.n;
        (void)snprintf(key, sizeof key, "%lld", (long long)i);
        MLM_TRY(score_name_index(&place, &x->keys, x->arena, key));
        if (x->keys.n == before)
            continue;
        vqa_item *item = NULL;
        MLM_TRY(vqa_dataset_load(&item, x->data, i, false));
        vqa_result empty  = {.item = *item};
        mlm_status status = add_chunk(x, key, i, &empty, true);
        vqa_item_free(item);
        MLM_TRY(status);
    }
    return MLM_OK;
}

static mlm_status finish(exporting *x, vqa_text *out, vqa_export_stats *stats, const vqa_manifest *m)
{
    int64_t expected = x->data != NULL                               ? vqa_dataset_count(x->data)
                       : m != NULL && x->kind == VQA_ANSWERS_MLMAMBA ? m->n_rows
                                                                     : 0;
    int64_t missing = expected - (int64_t)x->n, errors = 0;
    for (size_t i = 0; i < x->n; i++)
        errors += x->chunks[i].answered ? 0 : 1;
    if (x->no_manifest && x->data == NULL && !x->opt->partial && x->kind == VQA_ANSWERS_MLMAMBA)
        return mlm_fail(MLM_E_STATE,
                        "run.json beside %s cannot be read, so nobody knows whether rows are missing",
                        x->opt->results);
    bool carries_errors =
        x->opt->kind == VQA_EXPORT_OPENAI || x->opt->kind == VQA_EXPORT_CSV; /* have a place for them */
    if (!x->opt->partial && (missing > 0 || (errors > 0 && !carries_errors)))
        return mlm_fail(
            MLM_E_STATE,
            "%s is not complete: %lld rows are missing and %lld have an error instead of an answer; "
            "nothing was written (--partial writes empty answers)",
            x->opt->results, (long long)(missing > 0 ? missing : 0), (long long)errors);
    if (missing > 0 && x->data == NULL)
        return mlm_fail(MLM_E_STATE,
                        "%s lacks %lld rows: their ids are known from the data set alone (--data)",
                        x->opt->results, (long long)missing);
    if (missing > 0)
        MLM_TRY(add_missing(x));
    if (x->n == 0)
        return mlm_fail(MLM_E_STATE, "%s has no answers", x->opt->results);
    qsort(x->chunks, x->n, sizeof *x->chunks, compare_chunks);
    export_head(out, &x->frame);
    for (size_t i = 0; i < x->n; i++) {
        export_between(out, &x->frame, i == 0);
        vqa_text_add(out, vqa_text_str(&x->text) + x->chunks[i].from, x->chunks[i].n);
    }
    export_foot(out, &x->frame);
    stats->n_rows  = (int64_t)x->n;
    stats->n_empty = errors + (missing > 0 ? missing : 0);
    return vqa_text_status(out);
}

static mlm_status run(exporting *x, vqa_text *out, vqa_export_stats *stats, const vqa_manifest *m)
{
    if (x->opt->data != NULL) {
        MLM_TRY(vqa_dataset_open(&x->data, x->opt->data));
        MLM_TRY(index_ids(x));
    }
    if (x->opt->second != NULL)
        MLM_TRY(vqa_answers_each(&x->kind, x->opt->second, on_second, x));
    if (x->opt->kind == VQA_EXPORT_VLMEVALKIT) /* its columns must be known first */
        MLM_TRY(vqa_answers_each(&x->kind, x->opt->results, on_look, x));
    MLM_TRY(vqa_answers_each(&x->kind, x->opt->results, on_answer, x));
    return finish(x, out, stats, m);
}

mlm_status vqa_export(vqa_text *out, vqa_export_stats *stats, const vqa_export_options *opt)
{
    exporting     x   = {.opt = opt};
    vqa_manifest *m   = NULL;
    *stats            = (vqa_export_stats){0};
    mlm_status status = score_find_manifest(&m, &x.no_manifest, opt->results);
    x.frame.kind      = opt->kind;
    x.frame.model_id  = opt->model_id != NULL                ? opt->model_id
                        : m != NULL && m->model_name != NULL ? m->model_name
                                                             : "mlmamba";
    if (status == MLM_OK)
        status = vqa_arena_create(&x.arena);
    if (status == MLM_OK)
        status = run(&x, out, stats, m);
    vqa_manifest_free(m);
    vqa_dataset_close(x.data);
    score_names_free(&x.keys);
    score_names_free(&x.identities);
    score_names_free(&x.ids);
    score_names_free(&x.second_ids);
    free(x.second);
    free(x.owner);
    free(x.chunks);
    vqa_text_free(&x.text);
    vqa_arena_free(x.arena);
    return status;
}
