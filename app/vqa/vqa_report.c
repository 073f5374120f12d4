/* vqa_report.c: which rows a report shows, their pictures, and the file. */
#include "app/vqa/vqa_report.h"

#include "app/vqa/report_private.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_ROWS = 2000, DEFAULT_SIDE = 160, JPEG_QUALITY = 70 };

typedef struct piece {
    size_t order, from, n; /* order: place of the row in the score's table */
} piece;

typedef struct reporting {
    const vqa_report_options *opt;
    vqa_report_stats         *stats;
    const score_table        *table;
    vqa_dataset              *data;
    vqa_answers_kind          kind;
    size_t                   *by_id; /* places ordered by id, then order */
    bool                     *done;
    piece                    *pieces;
    size_t                    n_pieces;
    vqa_text                  text, thumbnail, last; /* last: the picture that the thumbnail is of */
    bool                      has_thumbnail;
    int64_t                   max_rows;
} reporting;

/* ---- pictures ------------------------------------------------------------------------------------ */

static void put_base64(vqa_text *out, const uint8_t *b, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v =
            (uint32_t)b[i] << 16 | (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) | (i + 2 < n ? b[i + 2] : 0u);
        char four[4] = {letters[v >> 18], letters[(v >> 12) & 63], i + 1 < n ? letters[(v >> 6) & 63] : '=',
                        i + 2 < n ? letters[v & 63] : '='};
        vqa_text_add(out, four, 4);
    }
}

/* A name that stays inside its folder. */
static bool is_inside(const char *name)
{
    if (name[0] == '/' || name[0] == '\0')
        return false;
    for (const char *p = name; p != NULL; p = strchr(p, '/')) {
        p += *p == '/';
        if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || p[2] == '\0'))
            return false;
    }
    return true;
}

static mlm_status open_picture(mlmamba_image **out, const reporting *x, const vqa_item *truth)
{
    char *path = NULL;
    if (x->data != NULL)
        return vqa_item_open_image(out, truth, NULL);
    if (x->opt->images_dir == NULL || truth->image == NULL)
        return mlm_fail(MLM_E_NOTFOUND, "%s", truth->image != NULL ? truth->image : "no picture");
    if (!is_inside(truth->image))
        return mlm_fail(MLM_E_RANGE, "%s leads out of the folder of pictures", truth->image);
    MLM_TRY(mlm_path_join(&path, x->opt->images_dir, truth->image));
    mlm_status status = mlmamba_image_open_file(out, path, NULL);
    free(path);
    return status;
}

/* Fills x->thumbnail; rows of the same picture in a row share it.  MLM_E_NOMEM only; else has_thumbnail says it. */
static mlm_status make_thumbnail(reporting *x, const vqa_item *truth)
{
    const char    *name  = truth->image_path != NULL ? truth->image_path : truth->image;
    mlmamba_image *img   = NULL;
    uint8_t       *bytes = NULL;
    size_t         n     = 0;
    if (name != NULL && x->has_thumbnail && strcmp(vqa_text_str(&x->last), name) == 0)
        return MLM_OK;
    vqa_text_clear(&x->thumbnail);
    vqa_text_clear(&x->last);
    x->has_thumbnail  = false;
    mlm_status status = open_picture(&img, x, truth);
    if (status == MLM_OK)
        status = mlmamba_image_encode_jpeg(
            &bytes, &n, img, x->opt->max_side > 0 ? x->opt->max_side : DEFAULT_SIDE, JPEG_QUALITY);
    if (status == MLM_OK) {
        put_base64(&x->thumbnail, bytes, n);
        vqa_text_put(&x->last, name != NULL ? name : "");
        x->has_thumbnail = true;
        x->stats->n_pictures++;
    } else if (x->data != NULL || x->opt->images_dir != NULL) {
        x->stats->n_unreadable++;
    }
    mlmamba_bytes_free(bytes);
    mlmamba_image_free(img);
    return status == MLM_E_NOMEM ? status : MLM_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static int compare_id(const void *pa, const void *pb, void *table)
{
    const score_table *t = table;
    size_t             a = *(const size_t *)pa, b = *(const size_t *)pb;
    int                c = strcmp(t->rows[a].pub.id, t->rows[b].pub.id);
    return c != 0 ? c : a < b ? -1 : a > b;
}

/* The place of a result's row; false: it was not scored. */
static bool find_place(reporting *x, size_t *place, const vqa_result *r)
{
    const score_table *t  = x->table;
    size_t             lo = 0, hi = t->n;
    if (x->kind == VQA_ANSWERS_MLMAMBA || x->data == NULL) {
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (t->rows[mid].pub.order < r->item.row)
                lo = mid + 1;
            else
                hi = mid;
        }
        *place = lo;
        return lo < t->n && t->rows[lo].pub.order == r->item.row;
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(t->rows[x->by_id[mid]].pub.id, r->item.id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < t->n && strcmp(t->rows[x->by_id[lo]].pub.id, r->item.id) == 0; lo++) {
        *place = x->by_id[lo];
        if (!x->done[*place])
            return true;
    }
    return false;
}

static mlm_status on_answer(const vqa_result *r, void *payload)
{
    reporting *x     = payload;
    size_t     place = 0;
    vqa_item  *item  = NULL;
    if (!find_place(x, &place, r))
        return MLM_OK;
    const score_row *row = &x->table->rows[place];
    bool             old = x->kind == VQA_ANSWERS_MLMAMBA && row->pub.error != (r->answer == NULL);
    if (x->done[place] || old || ((int64_t)place >= x->max_rows && !row->pub.error))
        return MLM_OK; /* old: an error that a later line answers */
    x->done[place] = true;
    if (x->data != NULL)
        MLM_TRY(vqa_dataset_load(&item, x->data, row->pub.order - 1, true));
    const vqa_item *truth  = item != NULL ? item : &r->item;
    mlm_status      status = make_thumbnail(x, truth);
    if (status == MLM_OK) {
        piece *p = &x->pieces[x->n_pieces++];
        *p       = (piece){.order = place, .from = x->text.n};
        report_page_row(&x->text, x->opt, row, r, truth,
                        x->has_thumbnail ? vqa_text_str(&x->thumbnail) : NULL,
                        x->has_thumbnail ? NULL : mlm_error_message());
        p->n   = x->text.n - p->from;
        status = vqa_text_status(&x->text);
    }
    vqa_item_free(item);
    return status;
}

static int compare_pieces(const void *pa, const void *pb)
{
    const piece *a = pa, *b = pb;
    return a->order < b->order ? -1 : a->order > b->order;
}

static mlm_status write_page(reporting *x, const char *path)
{
    mlm_new_file f    = {.fd = -1};
    vqa_text     page = {0};
    qsort(x->pieces, x->n_pieces, sizeof *x->pieces, compare_pieces);
    report_page_head(&page, x->opt, (int64_t)x->n_pieces);
    mlm_status status = vqa_text_status(&page);
    if (status == MLM_OK)
        status = mlm_new_file_open(&f, path, 0666, "report");
    if (status == MLM_OK)
        status = mlm_new_file_put(&f, vqa_text_str(&page), page.n);
    for (size_t i = 0; i < x->n_pieces && status == MLM_OK; i++)
        status = mlm_new_file_put(&f, vqa_text_str(&x->text) + x->pieces[i].from, x->pieces[i].n);
    vqa_text_clear(&page);
    report_page_foot(&page);
    if (status == MLM_OK)
        status = vqa_text_status(&page);
    if (status == MLM_OK)
        status = mlm_new_file_put(&f, vqa_text_str(&page), page.n);
    vqa_text_free(&page);
    if (status == MLM_OK)
        return mlm_new_file_commit(&f);
    mlm_new_file_discard(&f);
    return status;
}

mlm_status vqa_report_html(vqa_report_stats *stats, const char *path, const vqa_report_options *opt)
{
    score_table *t    = opt->score->table;
    reporting    x    = {.opt = opt, .stats = stats, .table = t};
    *stats            = (vqa_report_stats){0};
    x.max_rows        = opt->max_rows > 0 ? opt->max_rows : DEFAULT_ROWS;
    x.kind            = opt->score->kind;
    x.by_id           = malloc((t->n + 1) * sizeof *x.by_id);
    x.done            = calloc(t->n + 1, sizeof *x.done);
    x.pieces          = malloc((t->n + 1) * sizeof *x.pieces);
    mlm_status status = MLM_OK;
    if (x.by_id == NULL || x.done == NULL || x.pieces == NULL) {
        status = mlm_fail_nomem(t->n * 40, "a report");
        goto done;
    }
    for (size_t i = 0; i < t->n; i++)
        x.by_id[i] = i;
    if (t->n > 1)
        qsort_r(x.by_id, t->n, sizeof *x.by_id, compare_id, t);
    if (opt->data != NULL)
        MLM_TRY_GOTO(status, vqa_dataset_open(&x.data, opt->data), done);
    MLM_TRY_GOTO(status, vqa_answers_each(&x.kind, opt->score->results, on_answer, &x), done);
    stats->n_rows = (int64_t)x.n_pieces;
    status        = write_page(&x, path);
done:
    vqa_dataset_close(x.data);
    free(x.by_id);
    free(x.done);
    free(x.pieces);
    vqa_text_free(&x.text);
    vqa_text_free(&x.thumbnail);
    vqa_text_free(&x.last);
    return status;
}
