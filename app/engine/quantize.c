/*
 * quantize.c: a model directory with int8 weights (decision 17 of the design): weight-only, symmetric, one scale for
 * each output row.
 *
 *   scale[r] = max|w[r,:]| / 127     q[r,c] = round_half_even(w[r,c] / scale[r])     w ~ q * scale
 *
 * Every 2-D `X.weight` (linear layers, embedding) becomes I8 with X.weight_scale F32 beside it; everything else is
 * copied as it is.  A row at a time is in memory, whatever the size of the model.  What was written is read again and
 * compared before the directory gets its name.
 */
#include "app/engine/mlmamba.h"
#include "app/engine/model_config.h"
#include "app/engine/model_write.h"
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"
#include "kernels/base/mlm_json.h"
#include "kernels/base/mlm_st_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT    ((size_t)16 << 20)
#define TOKENIZER_LIMIT ((size_t)256 << 20)
#define COPY_BYTES      ((size_t)1 << 20)
#define WEIGHTS         "model.safetensors"

typedef struct quantize_job {
    const mlmamba_quantize_options *opt;
    mlm_safetensors                *in;
    mlm_st_writer                  *out;
    uint64_t                        done, total; /* bytes read */
    uint8_t                        *raw;         /* one row, or a piece of a copied tensor */
    float                          *row;
    int8_t                         *q;
    size_t                          width;    /* longest row */
    bool                            pictures; /* not a language model alone */
    uint64_t                        hash;     /* of the data written */
    mlm_hash                        hasher;
} quantize_job;

static bool is_matrix(const mlm_st_tensor *t)
{
    size_t n = strlen(t->name), tail = strlen(".weight");
    return t->rank == 2 && n > tail && strcmp(t->name + n - tail, ".weight") == 0 &&
           (t->dtype == MLM_ST_BF16 || t->dtype == MLM_ST_F16 || t->dtype == MLM_ST_F32);
}

/* ---- one tensor --------------------------------------------------------------------------------- */

static mlm_status put(quantize_job *job, const void *bytes, size_t n)
{
    mlm_hash_add(&job->hasher, bytes, n);
    return mlm_st_writer_put(job->out, bytes, n);
}

static mlm_status progress(quantize_job *job, uint64_t bytes)
{
    job->done += bytes;
    if (job->opt->on_progress == NULL || job->opt->on_progress(job->done, job->total, job->opt->payload))
        return MLM_OK;
    return mlm_fail(MLM_E_CANCELLED, "cancelled");
}

static void to_f32(float *dst, const uint8_t *src, mlm_st_dtype dtype, size_t n)
{
    if (dtype == MLM_ST_F32) {
        memcpy(dst, src, n * sizeof *dst);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, src + 2 * i, sizeof v);
        dst[i] = dtype == MLM_ST_BF16 ? mlm_bf16_to_f32(v) : mlm_f16_to_f32(v);
    }
}

static mlm_status read_row(quantize_job *job, const mlm_st_tensor *t, int64_t r)
{
    size_t n = (size_t)t->dim[1], bytes = n * mlm_st_dtype_size(t->dtype);
    MLM_TRY(mlm_safetensors_read(job->in, t, job->raw, (uint64_t)r * bytes, bytes));
    to_f32(job->row, job->raw, t->dtype, n);
    return MLM_OK;
}

static mlm_status row_scale(float *scale, const quantize_job *job, const mlm_st_tensor *t, int64_t r)
{
    float most = 0.0f;
    for (int64_t c = 0; c < t->dim[1]; c++) {
        if (!isfinite(job->row[c]))
            return mlm_fail(MLM_E_FORMAT, "%s: %s has a value that is not finite in row %lld",
                            mlm_safetensors_path(job->in, t->shard), t->name, (long long)r);
        most = fmaxf(most, fabsf(job->row[c]));
    }
    *scale = most / 127.0f;
    return MLM_OK;
}

static void quantize_row(int8_t *q, const float *w, float scale, size_t n)
{
    for (size_t c = 0; c < n; c++)
        q[c] = scale > 0.0f ? (int8_t)fmaxf(-127.0f, fminf(127.0f, rintf(w[c] / scale))) : 0;
}

static mlm_status write_matrix(quantize_job *job, const mlm_st_tensor *t)
{
    float *scale = malloc(((size_t)t->dim[0] + 1) * sizeof *scale);
    if (scale == NULL)
        return mlm_fail_nomem((size_t)t->dim[0] * sizeof *scale, "scales");
    mlm_status status = MLM_OK;
    for (int64_t r = 0; r < t->dim[0]; r++) {
        MLM_TRY_GOTO(status, read_row(job, t, r), done);
        MLM_TRY_GOTO(status, row_scale(&scale[r], job, t, r), done);
        quantize_row(job->q, job->row, scale[r], (size_t)t->dim[1]);
        MLM_TRY_GOTO(status, put(job, job->q, (size_t)t->dim[1]), done);
    }
    MLM_TRY_GOTO(status, put(job, scale, (size_t)t->dim[0] * sizeof *scale), done);
done:
    free(scale);
    return status;
}

static mlm_status copy_tensor(quantize_job *job, const mlm_st_tensor *t)
{
    for (uint64_t at = 0; at < t->bytes;) {
        size_t n = t->bytes - at < COPY_BYTES ? (size_t)(t->bytes - at) : COPY_BYTES;
        MLM_TRY(mlm_safetensors_read(job->in, t, job->raw, at, n));
        MLM_TRY(put(job, job->raw, n));
        at += n;
    }
    return MLM_OK;
}

/* ---- the file ----------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const mlm_st_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static mlm_status declare(quantize_job *job, const mlm_st_tensor *t)
{
    char scale_name[512];
    if (!is_matrix(t))
        return mlm_st_writer_declare(job->out, t->name, t->dtype, t->rank, t->dim);
    int n = snprintf(scale_name, sizeof scale_name, "%s_scale", t->name);
    if (n < 0 || (size_t)n >= sizeof scale_name)
        return mlm_fail(MLM_E_RANGE, "the tensor name %.60s... is too long", t->name);
    MLM_TRY(mlm_st_writer_declare(job->out, t->name, MLM_ST_I8, 2, t->dim));
    return mlm_st_writer_declare(job->out, scale_name, MLM_ST_F32, 1, t->dim);
}

static mlm_status write_all(quantize_job *job, const mlm_st_tensor **list, int64_t n)
{
    int n_matrices = 0;
    for (int64_t i = 0; i < n; i++) {
        n_matrices += is_matrix(list[i]);
        MLM_TRY(declare(job, list[i]));
    }
    if (n_matrices == 0)
        return mlm_fail(MLM_E_DTYPE, "%s: has no matrix in f32, bf16 or f16 to quantize",
                        mlm_safetensors_path(job->in, 0));
    MLM_TRY(mlm_st_writer_begin(job->out));
    for (int64_t i = 0; i < n; i++) {
        MLM_TRY(is_matrix(list[i]) ? write_matrix(job, list[i]) : copy_tensor(job, list[i]));
        MLM_TRY(progress(job, list[i]->bytes));
    }
    return mlm_st_writer_end(job->out);
}

static mlm_status make_buffers(quantize_job *job, const mlm_st_tensor *const *list, int64_t n)
{
    job->width = 1;
    for (int64_t i = 0; i < n; i++) {
        job->total += list[i]->bytes;
        if (is_matrix(list[i]) && (size_t)list[i]->dim[1] > job->width)
            job->width = (size_t)list[i]->dim[1];
    }
    size_t raw = job->width * sizeof(float) > COPY_BYTES ? job->width * sizeof(float) : COPY_BYTES;
    job->raw   = malloc(raw);
    job->row   = malloc(job->width * sizeof *job->row);
    job->q     = malloc(job->width);
    if (job->raw == NULL || job->row == NULL || job->q == NULL)
        return mlm_fail_nomem(raw + job->width * 5, "rows");
    return MLM_OK;
}

/* What lies on the disk has the bytes that were handed to it. */
static mlm_status verify(const quantize_job *job, const char *path)
{
    mlm_safetensors *st = NULL;
    mlm_hash         hash;
    mlm_status       status = MLM_OK;
    MLM_TRY(mlm_safetensors_open(&st, path));
    mlm_hash_init(&hash);
    for (int64_t i = 0; status == MLM_OK && i < mlm_safetensors_count(st); i++) {
        const mlm_st_tensor *t = mlm_safetensors_at(st, i);
        for (uint64_t at = 0; status == MLM_OK && at < t->bytes;) {
            size_t n = t->bytes - at < COPY_BYTES ? (size_t)(t->bytes - at) : COPY_BYTES;
            status   = mlm_safetensors_read(st, t, job->raw, at, n);
            if (status == MLM_OK)
                mlm_hash_add(&hash, job->raw, n);
            at += n;
        }
    }
    mlm_safetensors_close(st);
    MLM_TRY(status);
    return mlm_hash_end(&hash) == job->hash
               ? MLM_OK
               : mlm_fail(MLM_E_IO, "%s: what was written reads back differently", path);
}

static mlm_status write_weights(quantize_job *job, const char *path)
{
    int64_t               n    = mlm_safetensors_count(job->in);
    const mlm_st_tensor **list = calloc((size_t)n + 1, sizeof *list);
    if (list == NULL)
        return mlm_fail_nomem((size_t)n * sizeof *list, "tensors");
    for (int64_t i = 0; i < n; i++)
        list[i] = mlm_safetensors_at(job->in, i);
    qsort(list, (size_t)n, sizeof *list, by_name);
    mlm_hash_init(&job->hasher);
    mlm_status status = make_buffers(job, list, n);
    if (status == MLM_OK)
        status = mlm_st_writer_create(&job->out, path);
    if (status == MLM_OK)
        status = write_all(job, list, n);
    job->hash = mlm_hash_end(&job->hasher);
    mlm_st_writer_free(job->out);
    if (status == MLM_OK)
        status = verify(job, path);
    free(job->raw);
    free(job->row);
    free(job->q);
    free(list);
    return status;
}

/* ---- the directory ------------------------------------------------------------------------------ */

/* config.json with the quantization named first; everything else stays as it was written. */
static mlm_status write_config(model_write *w, const char *dir)
{
    static const char added[] =
        "\n \"quantization\": {\n  \"weights\": \"int8\",\n  \"scheme\": \"symmetric\",\n"
        "  \"granularity\": \"row\"\n },";
    char  *path = NULL, *text = NULL, *whole = NULL;
    size_t n = 0;
    MLM_TRY(mlm_path_join(&path, dir, "config.json"));
    mlm_status status = mlm_file_read(&text, &n, path, CONFIG_LIMIT, "config.json");
    free(path);
    MLM_TRY(status);
    const char *brace =
        strchr(text, '{'); /* it was parsed before: there is one, and the object is not empty */
    whole = brace != NULL ? malloc(n + sizeof added) : NULL;
    if (whole == NULL) {
        free(text);
        return brace != NULL ? mlm_fail_nomem(n + sizeof added, "config.json")
                             : mlm_fail(MLM_E_FORMAT, "%s: config.json is not an object", dir);
    }
    size_t head = (size_t)(brace - text) + 1;
    memcpy(whole, text, head);
    memcpy(whole + head, added, sizeof added - 1);
    memcpy(whole + head + sizeof added - 1, text + head, n - head);
    status = model_write_bytes(w, "config.json", whole, n + sizeof added - 1);
    free(whole);
    free(text);
    return status;
}

static mlm_status copy_others(model_write *w, const char *dir, bool pictures)
{
    const struct {
        const char *name;
        bool        needed;
    } files[] = {{"tokenizer.json", true},
                 {"preprocessor_config.json", pictures},
                 {"tokenizer_config.json", false},
                 {"special_tokens_map.json", false},
                 {"generation_config.json", false},
                 {"MODEL.md", false},
                 {"README.md", false},
                 {"LICENSE", false},
                 {"CREDITS", false},
                 {"CREDITS.md", false}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        mlm_status status = model_write_copy(w, files[i].name, dir, TOKENIZER_LIMIT);
        if (status == MLM_E_NOTFOUND && !files[i].needed)
            continue;
        MLM_TRY(status);
    }
    return MLM_OK;
}

/* A model of ours (model_type ml_mamba) whose weights are not quantized yet. */
static mlm_status check_config(const char *dir)
{
    mlm_json *doc  = NULL;
    char     *path = NULL;
    MLM_TRY(mlm_path_join(&path, dir, "config.json"));
    mlm_status status = mlm_json_parse_file(&doc, path, CONFIG_LIMIT, MLM_JSON_ALLOW_INFINITY);
    if (status == MLM_OK) {
        const mlm_json_node *root = mlm_json_root(doc);
        const char          *type = "";
        status                    = mlm_json_req_string(root, path, "model_type", &type);
        if (status == MLM_OK && strcmp(type, "ml_mamba") != 0)
            status = mlm_fail(
                MLM_E_CONFIG,
                "%s: model_type is \"%s\", must be \"ml_mamba\": 'mlmamba import' makes such a directory",
                path, type);
        if (status == MLM_OK && mlm_json_get(root, "quantization") != NULL)
            status = mlm_fail(MLM_E_CONFIG, "%s: the model is quantized already", path);
    }
    mlm_json_free(doc);
    free(path);
    return status;
}

static mlm_status open_input(quantize_job *job, const char *dir)
{
    static const char *const names[] = {WEIGHTS, WEIGHTS ".index.json"};
    MLM_TRY(check_config(dir));
    for (int i = 0; i < 2; i++) {
        char *path = NULL;
        MLM_TRY(mlm_path_join(&path, dir, names[i]));
        mlm_status status = mlm_path_is_file(path) || i == 1 ? mlm_safetensors_open(&job->in, path) : MLM_OK;
        free(path);
        if (status != MLM_OK || job->in != NULL)
            return status;
    }
    return MLM_OK;
}

static mlm_status quantize(quantize_job *job, const char *dir)
{
    model_write *w    = NULL;
    char        *path = NULL;
    MLM_TRY(open_input(job, dir));
    MLM_TRY(model_write_begin(&w, job->opt->output_dir, false));
    mlm_status status = model_write_path(&path, w, WEIGHTS);
    MLM_TRY_GOTO(status, status, done);
    MLM_TRY_GOTO(status, write_weights(job, path), done);
    MLM_TRY_GOTO(status, write_config(w, dir), done);
    MLM_TRY_GOTO(status, copy_others(w, dir, job->pictures), done);
    MLM_TRY_GOTO(status, model_write_commit(w), done);
done:
    free(path);
    model_write_free(w);
    return status;
}

mlm_status mlmamba_quantize(const mlmamba_quantize_options *opt)
{
    quantize_job  job = {.opt = opt};
    model_source *src = NULL;
    if (opt->type != NULL && strcmp(opt->type, "int8") != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "the type %s is not known, must be int8", opt->type);
    if (opt->output_dir == NULL)
        return mlm_fail(MLM_E_RANGE, "the output folder is missing");
    MLM_TRY(model_source_open(&src, opt->model_dir, 0));
    for (int i = 0; i < src->n_parts; i++)
        job.pictures = job.pictures || strcmp(src->part[i].part.role, "preprocessing") == 0;
    mlm_status status =
        src->problem != NULL ? model_source_require(src)
        : src->own           ? quantize(&job, src->dir)
                             : mlm_fail(MLM_E_CONFIG,
                                        "%s: is a %s; 'mlmamba import' makes a directory of it that can be quantized",
                                        src->dir, src->kind);
    mlm_safetensors_close(job.in);
    model_source_free(src);
    return status;
}
