/*
 * check_tensors.c: every tensor by its header.  What a configuration wants is what the loaders ask for, so they are run
 * on weights without values (kn_weights_make), which writes down names and sizes.
 */
#include "app/engine/check_tensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FAULTS 1000
#define MAX_NAME   1024

typedef struct comparison {
    mlmamba_model_check *out;
    const model_source  *src;
    const kn_weights    *have, *want;
} comparison;

/* ---- what is wanted ----------------------------------------------------------------------------- */

static mlm_status list_tensors(kn_weights *w, void *payload)
{
    const kn_device_options opt    = {.name = "ref"};
    const model_config     *c      = payload;
    kn_device              *dev    = NULL;
    kn_queue               *q      = NULL;
    vision_encoder         *vision = NULL;
    connector              *conn   = NULL;
    lm_model               *text   = NULL;
    mlm_status              status;
    MLM_TRY_GOTO(status, kn_device_open(&dev, &opt), done);
    MLM_TRY_GOTO(status, kn_queue_create(&q, dev), done);
    if (c->has_vision) {
        MLM_TRY_GOTO(status, vision_encoder_load(&vision, q, &c->vision, w), done);
        MLM_TRY_GOTO(status, connector_load(&conn, q, c->connector, w, "connector."), done);
    }
    MLM_TRY_GOTO(status, lm_model_load(&text, q, &c->text, w, "language_model."), done);
done:
    lm_model_free(text);
    connector_free(conn);
    vision_encoder_free(vision);
    kn_queue_free(q);
    kn_device_close(dev);
    return status;
}

/* ---- faults ------------------------------------------------------------------------------------- */

static mlm_status copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text) + 1, "list of tensors");
}

/* Where the tensor lies, or would lie. */
static mlm_status place(mlmamba_tensor_fault *f, const comparison *c, const mlm_st_tensor *t)
{
    char        inside[MAX_NAME];
    const char *path = NULL;
    if (t != NULL) {
        MLM_TRY(copy_text(&f->source, kn_weights_path(c->have, t)));
        return copy_text(&f->inside, kn_weights_source_name(c->have, t));
    }
    bool known = model_source_published_name(inside, sizeof inside, &path, c->src, f->name);
    MLM_TRY(copy_text(&f->source, known ? path : c->src->dir));
    return copy_text(&f->inside, known ? inside : f->name);
}

/* t: the tensor of the file, NULL when it is missing. */
static mlm_status add_fault(comparison *c, const char *kind, const char *name, const mlm_st_tensor *t,
                            const char *detail)
{
    mlmamba_model_check *out = c->out;
    out->n_faults_all++;
    if (out->n_faults >= MAX_FAULTS)
        return MLM_OK;
    if (out->faults == NULL)
        out->faults = calloc(MAX_FAULTS, sizeof *out->faults);
    if (out->faults == NULL)
        return mlm_fail_nomem(MAX_FAULTS * sizeof *out->faults, "list of tensors");
    mlmamba_tensor_fault *f = &out->faults[out->n_faults++];
    f->kind                 = kind;
    MLM_TRY(copy_text(&f->name, name));
    MLM_TRY(copy_text(&f->detail, detail));
    return place(f, c, t);
}

/* ---- one tensor --------------------------------------------------------------------------------- */

static bool is_float(mlm_st_dtype dtype)
{
    return dtype == MLM_ST_F32 || dtype == MLM_ST_BF16 || dtype == MLM_ST_F16;
}

static int64_t count_of(const mlm_st_tensor *t)
{
    return (int64_t)(t->bytes / mlm_st_dtype_size(t->dtype));
}

/* Wanted: a matrix of rank 2 or more, or a vector, whose values may have any shape in the file. */
static bool fits(const mlm_st_tensor *t, const mlm_st_tensor *want)
{
    if (want->rank < 2)
        return count_of(t) == count_of(want);
    return t->rank >= 2 && t->dim[0] == want->dim[0] && count_of(t) == count_of(want);
}

/* Published files spell the table in two ways, and the language model takes either. */
static const mlm_st_tensor *find_have(const comparison *c, const char *name)
{
    static const char    one[] = "language_model.backbone.embedding.weight";
    static const char    two[] = "language_model.backbone.embeddings.weight";
    const mlm_st_tensor *t     = kn_weights_find(c->have, name);
    return t == NULL && strcmp(name, two) == 0 ? kn_weights_find(c->have, one) : t;
}

/* int8 rows have their scales beside them. */
static mlm_status compare_scale(comparison *c, const char *name, int64_t rows)
{
    char scale[MAX_NAME], detail[160];
    (void)snprintf(scale, sizeof scale, "%s_scale", name);
    const mlm_st_tensor *t = kn_weights_find(c->have, scale);
    if (t != NULL && t->dtype == MLM_ST_F32 && t->rank == 1 && t->dim[0] == rows)
        return MLM_OK;
    (void)snprintf(detail, sizeof detail, "wanted: F32 [%lld], the scales of int8 rows", (long long)rows);
    return add_fault(c, t == NULL ? "missing" : "shape", scale, t, detail);
}

static mlm_status compare_tensor(comparison *c, const mlm_st_tensor *want)
{
    const mlm_st_tensor *t      = find_have(c, want->name);
    bool                 matrix = want->rank >= 2;
    char                 has[256], must[64], detail[512];
    if (matrix)
        (void)snprintf(must, sizeof must, "[%lld, %lld]", (long long)want->dim[0], (long long)want->dim[1]);
    else
        (void)snprintf(must, sizeof must, "%lld elements", (long long)count_of(want));
    if (t == NULL) {
        (void)snprintf(detail, sizeof detail, "wanted: %s", must);
        return add_fault(c, "missing", want->name, NULL, detail);
    }
    if (!fits(t, want)) {
        mlm_st_shape_text(t, has, sizeof has);
        (void)snprintf(detail, sizeof detail, "has shape %s, must be %s", has, must);
        return add_fault(c, "shape", want->name, t, detail);
    }
    if (!is_float(t->dtype) && !(matrix && t->dtype == MLM_ST_I8)) {
        (void)snprintf(detail, sizeof detail, "has dtype %s, must be F32, BF16, F16%s",
                       mlm_st_dtype_name(t->dtype), matrix ? " or I8" : "");
        return add_fault(c, "dtype", want->name, t, detail);
    }
    return t->dtype == MLM_ST_I8 ? compare_scale(c, t->name, t->dim[0]) : MLM_OK;
}

static bool is_wanted(const comparison *c, const mlm_st_tensor *t)
{
    static const char scale[] = "_scale";
    char              base[MAX_NAME];
    size_t            n = strlen(t->name), m = sizeof scale - 1;
    if (kn_weights_find(c->want, t->name) != NULL)
        return true;
    if (find_have(c, "language_model.backbone.embeddings.weight") == t)
        return true;
    if (n <= m || n >= sizeof base || strcmp(t->name + n - m, scale) != 0)
        return false;
    (void)snprintf(base, sizeof base, "%.*s", (int)(n - m), t->name);
    const mlm_st_tensor *rows = kn_weights_find(c->have, base);
    return rows != NULL && rows->dtype == MLM_ST_I8 && kn_weights_find(c->want, base) != NULL;
}

static mlm_status compare(comparison *c)
{
    c->out->n_tensors = kn_weights_count(c->want);
    for (int64_t i = 0; i < kn_weights_count(c->want); i++)
        MLM_TRY(compare_tensor(c, kn_weights_at(c->want, i)));
    for (int64_t i = 0; i < kn_weights_count(c->have); i++) {
        const mlm_st_tensor *t = kn_weights_at(c->have, i);
        char                 has[256], detail[512];
        if (is_wanted(c, t))
            continue;
        mlm_st_shape_text(t, has, sizeof has);
        (void)snprintf(detail, sizeof detail, "%s %s: has no place in the model of the configuration",
                       mlm_st_dtype_name(t->dtype), has);
        MLM_TRY(add_fault(c, "unexpected", t->name, t, detail));
    }
    return MLM_OK;
}

mlm_status check_tensors(mlmamba_model_check *out, const model_source *src, const model_config *config,
                         const kn_weights *w)
{
    comparison  c    = {.out = out, .src = src, .have = w};
    kn_weights *want = NULL;
    MLM_TRY(kn_weights_make(&want, src->dir, MLM_ST_F32, 0, list_tensors, (void *)(uintptr_t)config));
    c.want            = want;
    mlm_status status = compare(&c);
    kn_weights_close(want);
    return status;
}
