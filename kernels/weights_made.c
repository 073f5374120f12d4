/*
 * weights_made.c: weights without files, for measuring models of any shape: the same seed gives the same bytes everywhere.
 *
 * What there is to make is what the loaders ask for: `list` loads once from a set of weights that holds everything,
 * in any shape, as zeros, and writes down names and sizes.  Matrices are pieces of one block of random numbers, at
 * a place and with a power of two as scale that belong to the tensor, so that gigabytes cost no more than copying them.
 */
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_hash.h"
#include "kernels/base/mlm_rng.h"
#include "kernels/weights_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK    1048573 /* a prime: rows of no width repeat  */
#define MAX_NAME 512

typedef enum made_kind { MADE_MATRIX, MADE_AROUND, MADE_A_LOG, MADE_DT_BIAS } made_kind;

typedef struct made_tensor {
    mlm_st_tensor head; /* name owned */
    made_kind     kind;
    float         centre, spread; /* MADE_AROUND: uniform in centre +- spread  */
    int           shift;          /* MADE_MATRIX: uniform in +- 2^-shift       */
    int64_t       silent;         /* first elements that are zero              */
    uint64_t      seed;
} made_tensor;

struct weights_made {
    made_tensor *tensor;
    int64_t      n, capacity;
    uint16_t    *bf16;
    int8_t      *i8;
};

/* ---- values ------------------------------------------------------------------------------------- */

static mlm_status make_blocks(weights_made *m, uint64_t seed)
{
    mlm_rng rng = mlm_rng_seed(seed, 11);
    m->bf16     = malloc(BLOCK * sizeof *m->bf16);
    m->i8       = malloc(BLOCK);
    if (m->bf16 == NULL || m->i8 == NULL)
        return mlm_fail_nomem(BLOCK * 3, "random weights");
    for (size_t i = 0; i < BLOCK; i++) {
        float v    = 2.0f * mlm_rng_uniform(&rng) - 1.0f;
        v          = fabsf(v) < 1e-6f ? 1e-6f : v; /* no zero: its exponent cannot be lowered */
        m->bf16[i] = mlm_f32_to_bf16(v);
        m->i8[i]   = (int8_t)(v * 127.0f);
    }
    return MLM_OK;
}

static void fill_matrix(void *dst, const weights_made *m, const made_tensor *t, size_t from, size_t n)
{
    uint16_t lower = (uint16_t)(t->shift << 7); /* of the exponent */
    size_t   at    = (size_t)((t->seed + from) % BLOCK);
    for (size_t done = 0; done < n; at = 0) {
        size_t          some = n - done < BLOCK - at ? n - done : BLOCK - at;
        const uint16_t *src  = m->bf16 + at;
        if (t->head.dtype == MLM_ST_I8) {
            memcpy((int8_t *)dst + done, m->i8 + at, some);
        } else if (t->head.dtype == MLM_ST_BF16) {
            uint16_t *out = (uint16_t *)dst + done;
            for (size_t i = 0; i < some; i++)
                out[i] = (uint16_t)(src[i] - lower);
        } else {
            float *out = (float *)dst + done;
            for (size_t i = 0; i < some; i++)
                out[i] = mlm_bf16_to_f32((uint16_t)(src[i] - lower));
        }
        done += some;
    }
    size_t silent = t->silent > (int64_t)from ? (size_t)t->silent - from : 0;
    memset(dst, 0, (silent < n ? silent : n) * mlm_st_dtype_size(t->head.dtype));
}

/* The ranges that Mamba-2 is initialised with. */
static float vector_value(const made_tensor *t, uint64_t i)
{
    mlm_rng rng = mlm_rng_seed(t->seed + i, 13);
    float   u   = mlm_rng_uniform(&rng), dt;
    switch (t->kind) {
    case MADE_A_LOG: /* A = -1 .. -16 */
        return logf(1.0f + 15.0f * u);
    case MADE_DT_BIAS: /* softplus(bias) = 0.001 .. 0.1 */
        dt = 0.001f * expf(u * logf(100.0f));
        return logf(expm1f(dt));
    case MADE_MATRIX:
    case MADE_AROUND:
        break;
    }
    return t->centre + t->spread * (2.0f * u - 1.0f);
}

void weights_made_read(const weights_made *m, int64_t index, void *dst, uint64_t from, size_t bytes)
{
    const made_tensor *t    = &m->tensor[index];
    size_t             size = mlm_st_dtype_size(t->head.dtype);
    if (t->kind == MADE_MATRIX) {
        fill_matrix(dst, m, t, (size_t)from / size, bytes / size);
        return;
    }
    for (size_t i = 0; i < bytes / size; i++)
        ((float *)dst)[i] = vector_value(t, from / size + i);
}

void weights_made_free(weights_made *m)
{
    if (m == NULL)
        return;
    for (int64_t i = 0; i < m->n; i++)
        free((void *)(uintptr_t)m->tensor[i].head.name);
    free(m->tensor);
    free(m->bf16);
    free(m->i8);
    free(m);
}

/* ---- the list ----------------------------------------------------------------------------------- */

static made_tensor *find_made(weights_made *m, const char *name)
{
    for (int64_t i = m->n - 1; i >= 0; i--) /* asked for again soon, or never */
        if (strcmp(m->tensor[i].head.name, name) == 0)
            return &m->tensor[i];
    return NULL;
}

mlm_status weights_made_note(weights_made *m, const char *name, int64_t rows, int64_t columns)
{
    if (find_made(m, name) != NULL)
        return MLM_OK;
    if (m->n == m->capacity) {
        int64_t      capacity = m->capacity * 2 + 64;
        made_tensor *bigger   = realloc(m->tensor, (size_t)capacity * sizeof *bigger);
        if (bigger == NULL)
            return mlm_fail_nomem((size_t)capacity * sizeof *bigger, name);
        m->tensor   = bigger;
        m->capacity = capacity;
    }
    made_tensor *t = &m->tensor[m->n];
    memset(t, 0, sizeof *t);
    t->head.name = strdup(name);
    if (t->head.name == NULL)
        return mlm_fail_nomem(strlen(name), name);
    t->head.rank   = rows > 0 ? 2 : 1;
    t->head.dim[0] = rows > 0 ? rows : columns;
    t->head.dim[1] = rows > 0 ? columns : 0;
    m->n++;
    return MLM_OK;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* What a vector holds follows from its name. */
static void choose_values(made_tensor *t)
{
    const char *name = t->head.name;
    if (strstr(name, "A_log") != NULL) {
        t->kind = MADE_A_LOG;
        return;
    }
    if (strstr(name, "dt_bias") != NULL || strstr(name, "dt_proj.bias") != NULL) {
        t->kind = MADE_DT_BIAS;
        return;
    }
    t->kind   = MADE_AROUND;
    t->spread = strstr(name, "conv1d") != NULL && ends_with(name, ".weight") ? 0.5f
                : ends_with(name, ".bias")                                   ? 0.02f
                                                                             : 0.1f;
    t->centre = ends_with(name, "norm.weight") || strstr(name, "norm1.weight") != NULL ||
                        strstr(name, "norm2.weight") != NULL || strstr(name, "norm_") != NULL ||
                        strstr(name, ".D") != NULL
                    ? 1.0f
                : ends_with(name, ".gamma") ? 0.5f
                                            : 0.0f;
    if (ends_with(name, ".bias"))
        t->centre = 0.0f;
}

/* Patches are no plain matrix in published files either: they are not quantized. */
static void choose_matrix(made_tensor *t, mlm_st_dtype matrices)
{
    double spread  = sqrt(3.0 / (double)t->head.dim[1]); /* outputs as large as inputs */
    bool   patches = strstr(t->head.name, "patch_embed") != NULL;
    t->kind        = MADE_MATRIX;
    t->head.dtype  = patches && matrices == MLM_ST_I8 ? MLM_ST_BF16 : matrices;
    t->shift       = (int)lround(-log2(spread));
    t->shift       = t->shift < 0 ? 0 : t->shift > 60 ? 60 : t->shift;
    if (patches) {
        t->head.rank   = 3;
        t->head.dim[2] = 1;
    }
    /* Token 0 ends a text in every published model: never the best one here, so that no answer ends early. */
    if (ends_with(t->head.name, "embeddings.weight") || ends_with(t->head.name, "lm_head.weight"))
        t->silent = t->head.dim[1];
}

static mlm_status add_scale(weights_made *m, int64_t index)
{
    char    name[MAX_NAME];
    int64_t rows  = m->tensor[index].head.dim[0];
    int     shift = m->tensor[index].shift;
    int     n     = snprintf(name, sizeof name, "%s_scale", m->tensor[index].head.name);
    if (n < 0 || (size_t)n >= sizeof name)
        return mlm_fail(MLM_E_RANGE, "tensor name '%.200s' is too long", m->tensor[index].head.name);
    MLM_TRY(weights_made_note(m, name, 0, rows));
    made_tensor *t = &m->tensor[m->n - 1];
    t->kind        = MADE_AROUND;
    t->head.dtype  = MLM_ST_F32;
    t->centre      = ldexpf(1.0f / 127.0f, -shift);
    return MLM_OK;
}

static mlm_status finish(kn_weights *w, mlm_st_dtype matrices, uint64_t seed)
{
    weights_made *m = w->made;
    int64_t       n = m->n;
    for (int64_t i = 0; i < n; i++) {
        made_tensor *t = &m->tensor[i];
        t->head.dtype  = MLM_ST_F32;
        if (t->head.rank > 1)
            choose_matrix(t, matrices);
        else
            choose_values(t);
        if (t->head.dtype == MLM_ST_I8)
            MLM_TRY(add_scale(m, i));
    }
    for (int64_t i = 0; i < m->n; i++) {
        made_tensor *t    = &m->tensor[i];
        size_t       size = mlm_st_dtype_size(t->head.dtype);
        t->seed           = (mlm_hash_bytes(t->head.name, strlen(t->head.name)) ^ seed) >> 8;
        for (int k = 0; k < t->head.rank; k++)
            if (!mlm_mul_size(&size, size, (size_t)t->head.dim[k]))
                return mlm_fail(MLM_E_RANGE, "%s: tensor '%s' is too large", w->name, t->head.name);
        t->head.bytes = size;
        MLM_TRY(weights_add(w, &t->head));
    }
    return weights_finish_list(w);
}

bool kn_weights_is_listing(const kn_weights *w)
{
    return w->is_listing;
}

mlm_status kn_weights_make(kn_weights **out, const char *name, mlm_st_dtype matrices, uint64_t seed,
                           kn_weights_list_fn list, void *payload)
{
    mlm_status status = MLM_OK;
    *out              = NULL;
    if (matrices != MLM_ST_F32 && matrices != MLM_ST_BF16 && matrices != MLM_ST_I8)
        return mlm_fail(MLM_E_DTYPE, "random weights of dtype %s, must be F32, BF16 or I8",
                        mlm_st_dtype_name(matrices));
    kn_weights *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mlm_fail_nomem(sizeof *w, name);
    w->name = strdup(name);
    w->made = calloc(1, sizeof *w->made);
    if (w->name == NULL || w->made == NULL)
        status = mlm_fail_nomem(sizeof *w->made, name);
    w->is_listing = true;
    if (status == MLM_OK)
        status = list(w, payload);
    w->is_listing = false;
    if (status == MLM_OK)
        status = make_blocks(w->made, seed);
    if (status == MLM_OK)
        status = finish(w, matrices, seed);
    if (status != MLM_OK) {
        kn_weights_close(w);
        return status;
    }
    *out = w;
    return MLM_OK;
}
