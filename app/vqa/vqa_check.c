/* vqa_check.c: a look at every row and picture before a long run. */
#include "app/vqa/vqa_ahead.h"
#include "app/vqa/vqa_job.h"
#include "kernels/base/mlm_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct seen_id {
    uint64_t hash;
    int64_t  row;
} seen_id;

typedef struct check_run {
    vqa_check  *out;
    seen_id    *ids; /* [rows] */
    int64_t     n_ids;
    vqa_group  *group; /* the newest; compared, never followed */
    const char *path;
    void (*report)(const char *line, void *payload);
    void *payload;
} check_run;

static void tell(const check_run *c, const char *text)
{
    if (c->report != NULL)
        c->report(text, c->payload);
}

static void check_row(check_run *c, const vqa_ahead_row *row)
{
    char text[2048];
    bool is_new = row->group != c->group;
    c->group    = row->group;
    if (row->item == NULL) {
        c->out->n_bad_rows++;
        tell(c, row->message != NULL ? row->message : "no memory");
        return;
    }
    c->out->n_pictures += is_new;
    mlm_hash h;
    mlm_hash_init(&h);
    if (row->item->split != NULL)
        mlm_hash_add(&h, row->item->split, strlen(row->item->split) + 1);
    mlm_hash_add(&h, row->item->id, strlen(row->item->id));
    c->ids[c->n_ids++] = (seen_id){mlm_hash_end(&h), row->item->row};
    if (row->status == MLM_OK)
        return;
    c->out->n_bad_pictures += is_new;
    c->out->n_bad_rows++;
    (void)snprintf(text, sizeof text, "row %lld (id %.100s, line %lld): %s", (long long)row->item->row,
                   row->item->id, (long long)row->item->line,
                   row->message != NULL ? row->message : "no memory");
    tell(c, text);
}

static int by_hash(const void *a, const void *b)
{
    const seen_id *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void check_ids(check_run *c)
{
    char text[128];
    if (c->n_ids > 0)
        qsort(c->ids, (size_t)c->n_ids, sizeof *c->ids, by_hash);
    for (int64_t i = 1; i < c->n_ids; i++) {
        if (c->ids[i].hash != c->ids[i - 1].hash)
            continue;
        c->out->n_doubled_ids++;
        (void)snprintf(text, sizeof text, "row %lld has the id of row %lld", (long long)c->ids[i].row,
                       (long long)c->ids[i - 1].row);
        tell(c, text);
    }
}

static mlm_status check_rows(check_run *c, const vqa_dataset *data, const vqa_job_options *opt)
{
    vqa_ahead     *ahead = NULL;
    vqa_ahead_args args  = {.data            = data,
                            .prompt_template = opt->prompt_template,
                            .gen             = &opt->gen,
                            .image           = opt->image,
                            .window          = opt->window > 0 ? opt->window : 1024,
                            .n_workers       = opt->n_workers > 0 ? opt->n_workers : 2,
                            .max_pictures    = 32,
                            .max_bytes = opt->decoded_bytes > 0 ? opt->decoded_bytes : (size_t)256 << 20};
    bool           ended = false;
    MLM_TRY(vqa_ahead_open(&ahead, &args));
    mlm_status status = MLM_OK;
    while (!ended && status == MLM_OK) {
        vqa_ahead_row *row = NULL;
        status             = vqa_ahead_next(&row, &ended, ahead, true);
        if (row != NULL) {
            check_row(c, row);
            vqa_ahead_free(ahead, row);
        }
        if (opt->should_stop != NULL && opt->should_stop(opt->payload))
            status = mlm_fail(MLM_E_CANCELLED, "stopped");
    }
    vqa_ahead_close(ahead);
    return status;
}

mlm_status vqa_job_check(vqa_check *out, const vqa_job_options *opt,
                         void (*report)(const char *line, void *payload))
{
    vqa_dataset *data = NULL;
    check_run    c    = {.out = out, .report = report, .payload = opt->payload};
    *out              = (vqa_check){0};
    MLM_TRY(vqa_dataset_open(&data, &opt->data));
    out->n_rows       = vqa_dataset_count(data);
    mlm_status status = vqa_dataset_check_pictures(data, VQA_SAY_IMAGES);
    c.ids             = malloc((size_t)(out->n_rows > 0 ? out->n_rows : 1) * sizeof *c.ids);
    if (status == MLM_OK && c.ids == NULL)
        status = mlm_fail_nomem((size_t)out->n_rows * sizeof *c.ids, "ids");
    if (status == MLM_OK)
        status = check_rows(&c, data, opt);
    if (status == MLM_OK)
        check_ids(&c);
    free(c.ids);
    vqa_dataset_close(data);
    return status;
}
