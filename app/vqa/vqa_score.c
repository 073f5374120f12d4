/* vqa_score.c: reads answers, finds the truth of each, and hands the rows on to be counted. */
#include "app/vqa/vqa_score.h"

#include "app/vqa/score_private.h"
#include "app/vqa/vqa_manifest.h"
#include "kernels/base/mlm_hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names --------------------------------------------------------------------------------------- */

static mlm_status grow_names(score_names *s)
{
    size_t       cap  = s->cap == 0 ? 64 : s->cap * 2;
    const char **name = realloc(s->name, cap * sizeof *name);
    s->name           = name != NULL ? name : s->name;
    uint64_t *hash    = realloc(s->hash, cap * sizeof *hash);
    s->hash           = hash != NULL ? hash : s->hash;
    uint32_t *slot    = calloc(cap * 2, sizeof *slot);
    if (name == NULL || hash == NULL || slot == NULL || cap > UINT32_MAX / 2) {
        free(slot);
        return mlm_fail_nomem(cap * 24, "names");
    }
    for (size_t i = 0; i < s->n; i++) {
        size_t at = (size_t)(s->hash[i] & (cap * 2 - 1));
        while (slot[at] != 0)
            at = (at + 1) & (cap * 2 - 1);
        slot[at] = (uint32_t)i + 1;
    }
    free(s->slot);
    s->slot    = slot;
    s->cap     = cap;
    s->n_slots = cap * 2;
    return MLM_OK;
}

mlm_status score_name_index(uint32_t *index, score_names *s, vqa_arena *a, const char *name)
{
    size_t   n = strlen(name);
    uint64_t h = mlm_hash_bytes(name, n);
    if (s->n == s->cap)
        MLM_TRY(grow_names(s));
    size_t at = (size_t)(h & (s->n_slots - 1));
    for (; s->slot[at] != 0; at = (at + 1) & (s->n_slots - 1)) {
        uint32_t i = s->slot[at] - 1;
        if (s->hash[i] == h && strcmp(s->name[i], name) == 0) {
            *index = i;
            return MLM_OK;
        }
    }
    char *copy = vqa_arena_copy(a, name, n);
    if (copy == NULL)
        return mlm_fail_nomem(n, "a name");
    s->name[s->n] = copy;
    s->hash[s->n] = h;
    s->slot[at]   = (uint32_t)++s->n;
    *index        = (uint32_t)s->n - 1;
    return MLM_OK;
}

void score_names_free(score_names *s)
{
    free(s->name);
    free(s->hash);
    free(s->slot);
    *s = (score_names){0};
}

static void table_free(score_table *t)
{
    if (t == NULL)
        return;
    free(t->rows);
    score_names_free(&t->keys);
    score_names_free(&t->images);
    for (int d = 0; d < SCORE_MAX_DIMS; d++)
        score_names_free(&t->groups[d]);
    free(t);
}

/* ---- reading ------------------------------------------------------------------------------------- */

typedef struct scoring {
    const vqa_score_options *opt;
    vqa_score               *score;
    score_table             *table;
    vqa_dataset             *data;  /* NULL: truth in the results */
    score_names              ids;   /* of the data set, by key    */
    int64_t                 *index; /* of each of them            */
    bool                     set_up, no_manifest;
    vqa_text                 key, tags;   /* tags: names of the first row's */
    int64_t                  n_truthless; /* answers whose row has no right answer */
    int64_t                  next;        /* row of the data set that the next answer is probably for */
} scoring;

/* Id and split, which together name a question. */
static mlm_status key_of(scoring *s, const char **key, const char *id, const char *split)
{
    vqa_text_clear(&s->key);
    vqa_text_put(&s->key, id);
    if (split != NULL) {
        vqa_text_char(&s->key, 0x1f);
        vqa_text_put(&s->key, split);
    }
    *key = vqa_text_str(&s->key);
    return vqa_text_status(&s->key);
}

/* Every id of the data set, with and without its split; without it the first has it. */
static mlm_status index_item(scoring *s, const vqa_item *item, int64_t i)
{
    const char *key   = NULL;
    uint32_t    place = 0;
    for (int k = 0; k < (item->split != NULL ? 2 : 1); k++) {
        size_t before = s->ids.n;
        MLM_TRY(key_of(s, &key, item->id, k == 1 ? item->split : NULL));
        MLM_TRY(score_name_index(&place, &s->ids, s->score->arena, key));
        if (s->ids.n > before)
            s->index[place] = i;
        else if (k == 0 && item->split != NULL)
            s->index[place] = -1; /* only the split tells them apart */
    }
    return MLM_OK;
}

static mlm_status index_data(scoring *s)
{
    int64_t n = vqa_dataset_count(s->data);
    s->index  = malloc(((size_t)n * 2 + 1) * sizeof *s->index);
    if (s->index == NULL)
        return mlm_fail_nomem((size_t)n * 16, "the ids of the data set");
    for (int64_t i = 0; i < n; i++) {
        vqa_item *item = NULL;
        MLM_TRY(vqa_dataset_load(&item, s->data, i, false));
        mlm_status status = index_item(s, item, i);
        vqa_item_free(item);
        MLM_TRY(status);
    }
    return MLM_OK;
}

static bool find_id(scoring *s, const char *key, int64_t *index)
{
    const score_names *t = &s->ids;
    uint64_t           h = mlm_hash_bytes(key, strlen(key));
    if (t->n_slots == 0)
        return false;
    for (size_t at = (size_t)(h & (t->n_slots - 1)); t->slot[at] != 0; at = (at + 1) & (t->n_slots - 1)) {
        uint32_t i = t->slot[at] - 1;
        if (t->hash[i] == h && strcmp(t->name[i], key) == 0) {
            *index = s->index[i];
            return true;
        }
    }
    return false;
}

/* Answers mostly come in the order of the data set: then nothing needs an index.  *truth NULL: not this time. */
static mlm_status try_next(scoring *s, vqa_item **truth, const vqa_result *r)
{
    if (s->index != NULL || s->next >= vqa_dataset_count(s->data))
        return MLM_OK;
    MLM_TRY(vqa_dataset_load(truth, s->data, s->next, false));
    bool same_split =
        r->item.split == NULL || (*truth)->split == NULL || strcmp(r->item.split, (*truth)->split) == 0;
    if (same_split && strcmp((*truth)->id, r->item.id) == 0) {
        s->next++;
        return MLM_OK;
    }
    vqa_item_free(*truth);
    *truth = NULL;
    return MLM_OK;
}

/* *truth (owned) from the data set; NULL with MLM_OK: this row is left out (partial). */
static mlm_status find_truth(scoring *s, vqa_item **truth, const vqa_result *r)
{
    int64_t     index = -1;
    const char *id    = r->item.id != NULL ? r->item.id : "";
    bool        ours  = s->score->kind == VQA_ANSWERS_MLMAMBA;
    *truth            = NULL;
    if (!ours) {
        MLM_TRY(try_next(s, truth, r));
        if (*truth != NULL)
            return MLM_OK;
    }
    if (!ours && s->index == NULL)
        MLM_TRY(index_data(s));
    if (ours && r->item.row >= 1 && r->item.row <= vqa_dataset_count(s->data))
        index = r->item.row - 1;
    if (!ours) {
        const char *key = NULL;
        MLM_TRY(key_of(s, &key, id, r->item.split));
        if (!find_id(s, key, &index) && r->item.split != NULL) {
            MLM_TRY(key_of(s, &key, id, NULL));
            (void)find_id(s, key, &index);
        }
    }
    if (index >= 0) {
        MLM_TRY(vqa_dataset_load(truth, s->data, index, false));
        if (!ours || strcmp((*truth)->id, id) == 0)
            return MLM_OK;
        mlm_status status =
            mlm_fail(MLM_E_FORMAT, "%s: row %lld has the id %s, the data set %s: it is another data set",
                     s->opt->results, (long long)r->item.row, id, (*truth)->id);
        vqa_item_free(*truth);
        *truth = NULL;
        return status;
    }
    s->score->n_left_out++;
    if (s->opt->partial)
        return MLM_OK;
    return mlm_fail(
        MLM_E_STATE,
        "%s: the id %s is not in the data set, or not without its split (--partial leaves such rows out)",
        s->opt->results, id);
}

static mlm_status choose_task(scoring *s, const vqa_item *truth, const vqa_item *seen)
{
    vqa_score_task task = s->score->task;
    if (task == VQA_SCORE_AUTO)
        task = score_task_of_row(truth, seen);
    s->score->task         = task;
    s->set_up              = true;
    const vqa_item *tagged = truth->n_tags > 0 ? truth : seen;
    for (int i = 0; i < tagged->n_tags && s->tags.n < 400; i++)
        vqa_text_printf(&s->tags, "%s%.60s", i > 0 ? ", " : "", tagged->tags[i].key);
    return score_task_set_up(s->table, task, s->opt->norm, s->opt->by);
}

/* The row's place in the table; *fresh: it was not there. */
static mlm_status row_place(scoring *s, size_t *place, bool *fresh, const vqa_result *r,
                            const vqa_item *truth)
{
    score_table *t     = s->table;
    uint32_t     index = 0;
    size_t       n     = t->keys.n;
    char         row[32];
    (void)snprintf(row, sizeof row, "%lld", (long long)r->item.row);
    const char *key = row;
    if (s->score->kind != VQA_ANSWERS_MLMAMBA)
        MLM_TRY(key_of(s, &key, r->item.id, r->item.split != NULL ? r->item.split : truth->split));
    MLM_TRY(score_name_index(&index, &t->keys, t->arena, key));
    *place = index;
    *fresh = t->keys.n > n;
    if (*fresh && t->n == t->cap) {
        size_t     cap  = t->cap == 0 ? 1024 : t->cap * 2;
        score_row *rows = realloc(t->rows, cap * sizeof *rows);
        if (rows == NULL)
            return mlm_fail_nomem(cap * sizeof *rows, "rows to score");
        t->rows = rows;
        t->cap  = cap;
    }
    t->n += *fresh ? 1 : 0;
    return MLM_OK;
}

static mlm_status fill_row(scoring *s, score_row *row, const vqa_result *r, const vqa_item *truth)
{
    score_table *t     = s->table;
    const char  *id    = r->item.id != NULL ? r->item.id : "";
    const char  *image = truth->image_id != NULL ? truth->image_id : truth->image != NULL ? truth->image : id;
    *row               = (score_row){0};
    row->pub.order     = s->data != NULL && s->score->kind != VQA_ANSWERS_MLMAMBA ? truth->row : r->item.row;
    row->pub.error     = r->answer == NULL;
    row->pub.id        = vqa_arena_copy(t->arena, id, strlen(id));
    if (row->pub.id == NULL)
        return mlm_fail_nomem(strlen(id), "an id");
    const char *key = NULL;
    MLM_TRY(key_of(s, &key, id, truth->split));
    row->pub.key = mlm_hash_bytes(key, strlen(key));
    if (s->opt->keep_answers && r->answer != NULL) {
        row->pub.answer = vqa_arena_copy(t->arena, r->answer, strlen(r->answer));
        if (row->pub.answer == NULL)
            return mlm_fail_nomem(strlen(r->answer), "an answer");
    }
    for (int c = 0; c < SCORE_MAX_COLUMNS; c++)
        row->column[c] = (double)NAN;
    for (int d = 0; d < SCORE_MAX_DIMS; d++)
        row->group[d] = -1;
    MLM_TRY(score_name_index(&row->image, &t->images, t->arena, image));
    if (row->pub.error)
        return MLM_OK;
    if (s->opt->unscored && !score_task_has_truth(s->score->task, truth)) {
        s->n_truthless++;
        return score_task_group(t, row, truth, &r->item);
    }
    return score_task_measure(t, row, s->score->task, r, truth);
}

static mlm_status take(scoring *s, const vqa_result *r, const vqa_item *truth)
{
    size_t place = 0;
    bool   fresh = false;
    if (!s->set_up)
        MLM_TRY(choose_task(s, truth, &r->item));
    MLM_TRY(row_place(s, &place, &fresh, r, truth));
    bool ours = s->score->kind == VQA_ANSWERS_MLMAMBA;
    if (!fresh && !(ours && s->table->rows[place].pub.error)) { /* an error row that was retried is none */
        s->score->n_left_out++;
        if (!s->opt->partial && ours)
            return mlm_fail(MLM_E_STATE, "%s: row %lld comes twice (--partial takes the first)",
                            s->opt->results, (long long)r->item.row);
        if (!s->opt->partial)
            return mlm_fail(MLM_E_STATE, "%s: the id %s comes twice (--partial takes the first)",
                            s->opt->results, r->item.id);
        return MLM_OK;
    }
    return fill_row(s, &s->table->rows[place], r, truth);
}

static mlm_status on_answer(const vqa_result *r, void *payload)
{
    scoring  *s     = payload;
    vqa_item *truth = NULL;
    if (s->data == NULL)
        return take(s, r, &r->item);
    MLM_TRY(find_truth(s, &truth, r));
    if (truth == NULL)
        return MLM_OK;
    mlm_status status = take(s, r, truth);
    vqa_item_free(truth);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int compare_rows(const void *pa, const void *pb)
{
    const score_row *a = pa, *b = pb;
    if (a->pub.order != b->pub.order)
        return a->pub.order < b->pub.order ? -1 : 1;
    return strcmp(a->pub.id, b->pub.id);
}

mlm_status score_find_manifest(vqa_manifest **m, bool *broken, const char *results)
{
    *m      = NULL;
    *broken = false;
    if (strcmp(results, "-") == 0)
        return MLM_OK;
    mlm_status status = vqa_manifest_find(m, results);
    *broken           = status != MLM_OK && status != MLM_E_NOTFOUND;
    return status == MLM_E_NOMEM ? status : MLM_OK;
}

/* Rows that there should be: of the data set, else of the manifest; 0: not known. */
static int64_t expected_rows(const scoring *s, const vqa_manifest *m)
{
    if (s->data != NULL)
        return vqa_dataset_count(s->data);
    return m != NULL && s->score->kind == VQA_ANSWERS_MLMAMBA ? m->n_rows : 0;
}

static mlm_status check_complete(scoring *s, int64_t expected)
{
    vqa_score *score = s->score;
    for (size_t i = 0; i < s->table->n; i++)
        score->n_errors += s->table->rows[i].pub.error ? 1 : 0;
    score->n_rows    = (int64_t)s->table->n;
    score->n_missing = expected > score->n_rows ? expected - score->n_rows : 0;
    if (s->no_manifest && s->data == NULL && !s->opt->partial && score->kind == VQA_ANSWERS_MLMAMBA)
        return mlm_fail(
            MLM_E_STATE,
            "run.json beside %s cannot be read, so nobody knows whether rows are missing (--partial "
            "scores what is there)",
            s->opt->results);
    if (score->n_rows == score->n_errors)
        return mlm_fail(MLM_E_STATE, "%s has no answers to score", s->opt->results);
    if (s->n_truthless > 0 && s->n_truthless < score->n_rows - score->n_errors)
        return mlm_fail(MLM_E_STATE,
                        "%s: %lld of %lld rows have no right answer (give the data set with --data)",
                        s->opt->results, (long long)s->n_truthless, (long long)score->n_rows);
    if (s->opt->partial || (score->n_errors == 0 && score->n_missing == 0))
        return MLM_OK;
    return mlm_fail(MLM_E_STATE,
                    "%s is not complete: %lld rows are missing and %lld have an error instead of an answer "
                    "(--partial scores the others)",
                    s->opt->results, (long long)score->n_missing, (long long)score->n_errors);
}

/* Pictures numbered in the order of the rows: draws do not depend on the order of the answers. */
static mlm_status number_images(score_table *t)
{
    uint32_t *number = calloc(t->images.n + 1, sizeof *number), n = 0;
    if (number == NULL)
        return mlm_fail_nomem(t->images.n * sizeof *number, "pictures");
    for (size_t i = 0; i < t->n; i++) {
        if (number[t->rows[i].image] == 0)
            number[t->rows[i].image] = ++n;
        t->rows[i].image = number[t->rows[i].image] - 1;
    }
    free(number);
    return MLM_OK;
}

static mlm_status publish(vqa_score *score, score_table *t)
{
    vqa_scored *rows = vqa_arena_alloc(score->arena, (t->n + 1) * sizeof *rows);
    if (rows == NULL)
        return mlm_fail_nomem(t->n * sizeof *rows, "scored rows");
    for (size_t i = 0; i < t->n; i++) {
        t->rows[i].pub.score = t->rows[i].column[t->main_column];
        rows[i]              = t->rows[i].pub;
        score->n_scored += isnan(rows[i].score) ? 0 : 1;
    }
    score->rows     = rows;
    score->n_images = (int64_t)t->images.n;
    return MLM_OK;
}

/* The first measure of which some row has its column. */
static void choose_main(vqa_score *score, score_table *t)
{
    for (int m = 0; m < t->n_measures; m++) {
        if (t->measures[m].kind != SCORE_MEAN)
            continue;
        for (size_t i = 0; i < t->n; i++) {
            if (isnan(t->rows[i].column[t->measures[m].a]))
                continue;
            t->main_column = t->measures[m].a;
            score->metric  = t->measures[m].metric;
            score->variant = t->measures[m].variant;
            return;
        }
    }
}

/* --by with a tag that no row has, or that every row has another value of, is not left out in silence. */
static mlm_status check_by(const scoring *s)
{
    const char        *by = s->opt->by;
    const score_table *t  = s->table;
    for (int d = 0; d < t->n_dims && by != NULL; d++) {
        if (strcmp(t->dim[d], by) != 0)
            continue;
        if (t->groups[d].n == 0)
            return mlm_fail(MLM_E_NOTFOUND, "no row with an answer has a tag '%s'; the first row has %s", by,
                            s->tags.n > 0 ? vqa_text_str(&s->tags) : "none");
        if (t->groups[d].n > SCORE_MAX_GROUPS)
            return mlm_fail(MLM_E_RANGE, "the tag '%s' has more than %d values", by, SCORE_MAX_GROUPS);
    }
    return MLM_OK;
}

static mlm_status run(scoring *s, const vqa_manifest *m)
{
    vqa_score *score = s->score;
    if (s->opt->data != NULL) {
        MLM_TRY(vqa_dataset_open(&s->data, s->opt->data));
        if (score->task == VQA_SCORE_AUTO)
            score->task = score_task_of_format(vqa_dataset_format(s->data));
    }
    if (score->task == VQA_SCORE_AUTO && m != NULL)
        score->task = score_task_of_format(m->format);
    MLM_TRY(vqa_answers_each(&score->kind, s->opt->results, on_answer, s));
    MLM_TRY(check_complete(s, expected_rows(s, m)));
    MLM_TRY(check_by(s));
    if (s->table->n > 1)
        qsort(s->table->rows, s->table->n, sizeof *s->table->rows, compare_rows);
    MLM_TRY(number_images(s->table));
    choose_main(score, s->table);
    MLM_TRY(publish(score, s->table));
    if (score->n_scored == 0 && !s->opt->unscored)
        return mlm_fail(MLM_E_STATE, "%s: the task %s counts none of the %lld rows", s->opt->results,
                        vqa_score_task_name(score->task), (long long)score->n_rows);
    return score_numbers(score, s->table, s->opt->n_bootstrap == 0 ? 1000 : s->opt->n_bootstrap,
                         s->opt->seed);
}

mlm_status vqa_score_run(vqa_score **out, const vqa_score_options *opt)
{
    vqa_arena    *arena = NULL;
    vqa_manifest *m     = NULL;
    *out                = NULL;
    MLM_TRY(vqa_arena_create(&arena));
    vqa_score *score = vqa_arena_alloc(arena, sizeof *score);
    scoring    s     = {.opt = opt, .score = score, .table = calloc(1, sizeof *s.table)};
    if (score == NULL || s.table == NULL) {
        free(s.table);
        vqa_arena_free(arena);
        return mlm_fail_nomem(sizeof *s.table, "a score");
    }
    *score            = (vqa_score){.task    = opt->task,
                                    .partial = opt->partial,
                                    .arena   = arena,
                                    .table   = s.table,
                                    .results = opt->results};
    s.table->arena    = arena;
    mlm_status status = score_find_manifest(&m, &s.no_manifest, opt->results);
    if (status == MLM_OK)
        status = run(&s, m);
    vqa_manifest_free(m);
    vqa_dataset_close(s.data);
    score_names_free(&s.ids);
    free(s.index);
    vqa_text_free(&s.key);
    vqa_text_free(&s.tags);
    if (status == MLM_OK)
        *out = score;
    else
        vqa_score_free(score);
    return status;
}

void vqa_score_free(vqa_score *s)
{
    if (s == NULL)
        return;
    table_free(s->table);
    vqa_arena_free(s->arena);
}
