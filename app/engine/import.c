/*
 * import.c: any model that the engine can read, as one directory of ours.
 *
 * The header of model.safetensors follows from the names alone, so the file can be written front to back, piece by
 * piece, and an interrupted import begins by comparing what is there with what would be written.  First the sums that
 * the source holds of its own bytes are verified; a hash of every tensor is taken on the way and compared with what the disk
 * gives back before the directory gets its name.
 */
#include "app/engine/import_file.h"
#include "app/engine/model_config.h"
#include "app/engine/model_write.h"
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"
#include "vision/resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE      ((size_t)1 << 20) /* elements */
#define SMALL_FILE ((size_t)256 << 20)

typedef struct import_item {
    const mlm_st_tensor *t;
    mlm_st_dtype         dtype;
    int                  rank;
    int64_t              dim[MLM_ST_MAX_RANK];
    int                  grid_from, grid_to, n_prefix; /* a position table that is resampled; else 0 */
    uint64_t             offset, bytes;                /* in the new file's data */
    uint64_t             hash;
} import_item;

typedef struct import_run {
    const mlmamba_import_options *opt;
    model_source                 *src;
    model_config                  config;
    kn_weights                   *w;
    import_item                  *items;
    int64_t                       n_items;
    uint64_t                      data_bytes;
    char                         *header; /* with its length in front */
    size_t                        n_header;
    model_write                  *dir;
    import_file                   out;
    char                         *piece; /* PIECE elements of at most 4 bytes, before */
    char                         *made;  /* and after conversion                       */
} import_run;

/* ---- the plan ----------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What a tensor becomes: with bf16 only the large products are narrowed. */
static mlm_status choose_dtype(mlm_st_dtype *out, const import_run *r, const mlm_st_tensor *t)
{
    bool number = t->dtype == MLM_ST_F32 || t->dtype == MLM_ST_BF16 || t->dtype == MLM_ST_F16;
    bool matrix = t->rank >= 2 && ends_with(t->name, ".weight") && strstr(t->name, "conv1d") == NULL &&
                  strstr(t->name, ".peg.") == NULL;
    *out = t->dtype;
    if (r->opt->dtype == MLMAMBA_IMPORT_KEEP && (number || t->dtype == MLM_ST_I8))
        return MLM_OK;
    if (!number)
        return mlm_fail(MLM_E_DTYPE, "%s: tensor '%s' has dtype %s, which cannot be converted",
                        kn_weights_path(r->w, t), t->name, mlm_st_dtype_name(t->dtype));
    if (r->opt->dtype == MLMAMBA_IMPORT_FP32 || (!matrix && t->dtype == MLM_ST_F16))
        *out = MLM_ST_F32;
    else if (matrix)
        *out = MLM_ST_BF16;
    return MLM_OK;
}

static int tower_of(const char *name)
{
    static const char prefix[] = "vision_tower.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !ends_with(name, "pos_embed"))
        return -1;
    char digit = name[sizeof prefix - 1];
    return digit == '1' ? 1 : 0;
}

/* The config speaks of tables on the picture's grid already (SOURCE_RESAMPLED). */
static void plan_positions(const import_run *r, import_item *it)
{
    int tower = tower_of(it->t->name);
    if (r->src->own || tower < 0 || tower >= r->config.vision.n_towers || it->rank < 2)
        return;
    const vit_config *c      = &r->config.vision.tower[tower];
    int64_t           rows   = (int64_t)(it->t->bytes / mlm_st_dtype_size(it->t->dtype)) / c->width;
    int               prefix = c->pos_on_prefix ? 1 : 0, side = 0;
    while ((int64_t)(side + 1) * (side + 1) <= rows - prefix)
        side++;
    if (side == c->pos_grid)
        return;
    it->grid_from = side;
    it->grid_to   = c->pos_grid;
    it->n_prefix  = prefix;
    it->dtype     = MLM_ST_F32;
    it->rank      = 3;
    it->dim[0]    = 1;
    it->dim[1]    = prefix + (int64_t)c->pos_grid * c->pos_grid;
    it->dim[2]    = c->width;
}

static mlm_status plan(import_run *r)
{
    r->n_items = kn_weights_count(r->w);
    r->items   = calloc((size_t)r->n_items + 1, sizeof *r->items);
    if (r->items == NULL)
        return mlm_fail_nomem((size_t)r->n_items * sizeof *r->items, "plan of the import");
    for (int64_t i = 0; i < r->n_items; i++) {
        import_item *it = &r->items[i];
        it->t           = kn_weights_at(r->w, i);
        it->rank        = it->t->rank;
        memcpy(it->dim, it->t->dim, sizeof it->dim);
        MLM_TRY(choose_dtype(&it->dtype, r, it->t));
        plan_positions(r, it);
        uint64_t count = 1;
        for (int k = 0; k < it->rank; k++)
            count *= (uint64_t)it->dim[k]; /* of a tensor that a file holds, or a small table */
        it->offset = r->data_bytes;
        it->bytes  = count * mlm_st_dtype_size(it->dtype);
        r->data_bytes += it->bytes;
    }
    return MLM_OK;
}

/* u64 length | JSON, padded with blanks to a multiple of 8. */
static mlm_status write_header(import_run *r)
{
    char  *text = NULL;
    size_t n    = 0;
    FILE  *f    = open_memstream(&text, &n);
    if (f == NULL)
        return mlm_fail_nomem(4096, "header of model.safetensors");
    (void)fprintf(f, "%8s{\"__metadata__\":{\"format\":\"pt\"}", "");
    for (int64_t i = 0; i < r->n_items; i++) {
        const import_item *it = &r->items[i];
        (void)fprintf(f, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", it->t->name, mlm_st_dtype_name(it->dtype));
        for (int k = 0; k < it->rank; k++)
            (void)fprintf(f, "%s%lld", k > 0 ? "," : "", (long long)it->dim[k]);
        (void)fprintf(f, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)it->offset,
                      (unsigned long long)(it->offset + it->bytes));
    }
    (void)fputc('}', f);
    (void)fflush(f);
    while (n % 8 != 0 && ferror(f) == 0) {
        (void)fputc(' ', f);
        (void)fflush(f);
    }
    bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed || text == NULL) {
        free(text);
        return mlm_fail_nomem(n, "header of model.safetensors");
    }
    for (int k = 0; k < 8; k++)
        text[k] = (char)(uint8_t)((uint64_t)(n - 8) >> (8 * k));
    r->header   = text;
    r->n_header = n;
    return MLM_OK;
}

/* Names go into JSON as they are: what would need an escape is refused. */
static mlm_status check_names(const import_run *r)
{
    for (int64_t i = 0; i < kn_weights_count(r->w); i++) {
        const char *name = kn_weights_at(r->w, i)->name;
        for (const char *c = name; *c != '\0'; c++)
            if (*c <= 0x20 || *c >= 0x7f || *c == '"' || *c == '\\')
                return mlm_fail(MLM_E_FORMAT, "%s: the name of tensor '%s' is not plain ASCII", r->src->dir,
                                name);
    }
    return MLM_OK;
}

/* ---- values ------------------------------------------------------------------------------------- */

static mlm_status fail_value(const import_run *r, const import_item *it, uint64_t at)
{
    return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' is NaN or infinite at element %llu",
                    kn_weights_path(r->w, it->t), it->t->name, (unsigned long long)at);
}

static bool is_finite(mlm_st_dtype dtype, const void *data, size_t i)
{
    uint32_t wide = 0;
    uint16_t half = 0;
    if (dtype == MLM_ST_F32) {
        memcpy(&wide, (const char *)data + 4 * i, 4);
        return (wide & 0x7f800000u) != 0x7f800000u;
    }
    if (dtype != MLM_ST_BF16 && dtype != MLM_ST_F16)
        return true;
    memcpy(&half, (const char *)data + 2 * i, 2);
    unsigned exponent = dtype == MLM_ST_BF16 ? 0x7f80u : 0x7c00u;
    return (half & exponent) != exponent;
}

static float value_at(mlm_st_dtype dtype, const void *data, size_t i)
{
    float    wide = 0;
    uint16_t half = 0;
    if (dtype == MLM_ST_F32) {
        memcpy(&wide, (const char *)data + 4 * i, 4);
        return wide;
    }
    memcpy(&half, (const char *)data + 2 * i, 2);
    return dtype == MLM_ST_BF16 ? mlm_bf16_to_f32(half) : mlm_f16_to_f32(half);
}

/* n elements from r->piece to r->made. */
static mlm_status convert(import_run *r, const import_item *it, uint64_t first, size_t n)
{
    mlm_st_dtype from = it->t->dtype;
    for (size_t i = 0; i < n; i++)
        if (!is_finite(from, r->piece, i))
            return fail_value(r, it, first + i);
    if (from == it->dtype) {
        memcpy(r->made, r->piece, n * mlm_st_dtype_size(from));
        return MLM_OK;
    }
    for (size_t i = 0; i < n; i++) {
        float    v = value_at(from, r->piece, i);
        uint16_t b = mlm_f32_to_bf16(v);
        if (it->dtype == MLM_ST_F32)
            memcpy(r->made + 4 * i, &v, 4);
        else
            memcpy(r->made + 2 * i, &b, 2);
    }
    return MLM_OK;
}

static mlm_status import_table(import_run *r, import_item *it)
{
    int64_t  width = it->dim[2], before = ((int64_t)it->grid_from * it->grid_from + it->n_prefix) * width;
    int64_t  after = it->dim[1] * width, skip = it->n_prefix * width;
    float   *a = malloc((size_t)before * sizeof *a), *b = malloc((size_t)after * sizeof *b);
    mlm_hash hash;
    mlm_hash_init(&hash);
    mlm_status status =
        a != NULL && b != NULL ? MLM_OK : mlm_fail_nomem((size_t)(before + after) * sizeof *a, it->t->name);
    if (status == MLM_OK)
        status = kn_weights_host_f32(r->w, a, it->t->name, 0, before, before);
    if (status == MLM_OK) {
        memcpy(b, a, (size_t)skip * sizeof *a);
        status = vision_resize_grid_f32(b + skip, it->grid_to, it->grid_to, a + skip, it->grid_from,
                                        it->grid_from, (int)width);
    }
    if (status == MLM_OK) {
        mlm_hash_add(&hash, b, (size_t)it->bytes);
        status   = import_file_put(&r->out, b, (size_t)it->bytes);
        it->hash = mlm_hash_end(&hash);
    }
    free(a);
    free(b);
    return status;
}

static mlm_status import_values(import_run *r, import_item *it)
{
    size_t   from = mlm_st_dtype_size(it->t->dtype), to = mlm_st_dtype_size(it->dtype);
    uint64_t count = it->t->bytes / from;
    mlm_hash hash;
    mlm_hash_init(&hash);
    for (uint64_t at = 0; at < count; at += PIECE) {
        size_t n = count - at < PIECE ? (size_t)(count - at) : PIECE;
        MLM_TRY(kn_weights_read(r->w, it->t, r->piece, at * from, n * from));
        MLM_TRY(convert(r, it, at, n));
        mlm_hash_add(&hash, r->made, n * to);
        MLM_TRY(import_file_put(&r->out, r->made, n * to));
    }
    it->hash = mlm_hash_end(&hash);
    return MLM_OK;
}

/* What the disk gives back. */
static mlm_status verify(import_run *r)
{
    for (int64_t i = 0; i < r->n_items; i++) {
        const import_item *it = &r->items[i];
        mlm_hash           hash;
        mlm_hash_init(&hash);
        for (uint64_t at = 0; at < it->bytes; at += PIECE) {
            size_t n = it->bytes - at < PIECE ? (size_t)(it->bytes - at) : PIECE;
            MLM_TRY(import_file_get(&r->out, r->made, n, r->n_header + it->offset + at));
            mlm_hash_add(&hash, r->made, n);
        }
        if (mlm_hash_end(&hash) != it->hash)
            return mlm_fail(MLM_E_IO, "%s: tensor '%s' was read back otherwise than it was written",
                            r->out.path, it->t->name);
    }
    return MLM_OK;
}

/* ---- the directory ------------------------------------------------------------------------------ */

static mlm_status import_weights(import_run *r)
{
    char *path = NULL;
    r->piece   = malloc(PIECE * 4);
    r->made    = malloc(PIECE * 4);
    if (r->piece == NULL || r->made == NULL)
        return mlm_fail_nomem(PIECE * 8, "import");
    MLM_TRY(model_write_path(&path, r->dir, "model.safetensors"));
    mlm_status status =
        import_file_open(&r->out, path, r->n_header + r->data_bytes, r->opt->on_progress, r->opt->payload);
    free(path);
    MLM_TRY(status);
    MLM_TRY(import_file_put(&r->out, r->header, r->n_header));
    for (int64_t i = 0; i < r->n_items; i++)
        MLM_TRY(r->items[i].grid_to > 0 ? import_table(r, &r->items[i]) : import_values(r, &r->items[i]));
    MLM_TRY(import_file_sync(&r->out));
    return verify(r);
}

static mlm_status put_text(const import_run *r, const char *text, const char *name)
{
    return r->src->own ? model_write_copy(r->dir, name, r->src->dir, SMALL_FILE)
                       : model_write_bytes(r->dir, name, text, strlen(text));
}

static mlm_status import_texts(const import_run *r)
{
    char  *data = NULL;
    size_t n    = 0;
    if (r->src->own) {
        MLM_TRY(model_write_copy(r->dir, "tokenizer.json", r->src->dir, SMALL_FILE));
    } else {
        MLM_TRY(mlm_file_read(&data, &n, r->src->tokenizer, SMALL_FILE, "tokenizer.json"));
        mlm_status status = model_write_bytes(r->dir, "tokenizer.json", data, n);
        free(data);
        MLM_TRY(status);
    }
    if (r->config.has_vision)
        MLM_TRY(put_text(r, r->src->preprocessor, "preprocessor_config.json"));
    return put_text(r, r->src->config, "config.json");
}

typedef struct source_progress {
    const import_run *r;
    uint64_t          total;
} source_progress;

static bool on_source(uint64_t done, uint64_t total, void *payload)
{
    const source_progress *p = payload;
    (void)total;
    return p->r->opt->on_progress == NULL || p->r->opt->on_progress(done, p->total, p->r->opt->payload);
}

/* The sums inside the files that are imported, before anything is written: progress is the first part of the whole's. */
static mlm_status verify_source(import_run *r)
{
    uint64_t        bytes = kn_weights_verify_bytes(r->w);
    source_progress p     = {r, bytes + 2 * (r->n_header + r->data_bytes)};
    r->out.before         = bytes;
    return kn_weights_verify(r->w, on_source, &p);
}

static mlm_status run(import_run *r)
{
    MLM_TRY(model_source_open(&r->src, r->opt->model, SOURCE_DEEP | SOURCE_RESAMPLED));
    MLM_TRY(model_source_require(r->src));
    MLM_TRY(model_config_load(&r->config, r->src));
    MLM_TRY(model_source_weights(&r->w, r->src));
    MLM_TRY(check_names(r));
    MLM_TRY(plan(r));
    MLM_TRY(write_header(r));
    MLM_TRY(verify_source(r));
    MLM_TRY(model_write_begin(&r->dir, r->opt->output, true));
    model_write_keep_partial(r->dir); /* to go on with; it may also be another import's, which is at work */
    MLM_TRY(import_weights(r));
    MLM_TRY(import_texts(r));
    return model_write_commit(r->dir);
}

mlm_status mlmamba_import(const mlmamba_import_options *opt)
{
    import_run r = {.opt = opt, .out = {.fd = -1}};
    if (opt->output == NULL || opt->output[0] == '\0')
        return mlm_fail(MLM_E_RANGE, "the import needs a directory to write to");
    mlm_status status = run(&r);
    import_file_close(&r.out);
    model_write_free(r.dir);
    kn_weights_close(r.w);
    model_config_free(&r.config);
    model_source_free(r.src);
    free(r.items);
    free(r.header);
    free(r.piece);
    free(r.made);
    return status;
}
