/* check.c: the parts of a model as a list for people and programs, before anything is loaded. */
#include "app/engine/check_tensors.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_pt.h"
#include "kernels/base/mlm_sha256.h"
#include "kernels/base/mlm_shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE ((size_t)1 << 20)

typedef struct hash_progress {
    mlmamba_load_fn fn;
    void           *payload;
    uint64_t        done, total;
} hash_progress;

static mlm_status copy_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(text) + 1, "list of parts");
}

static mlm_status hash_file(char **out, const char *path, hash_progress *p)
{
    mlm_file   f;
    mlm_sha256 sum;
    char       hex[65];
    MLM_TRY(mlm_file_open(&f, path, "file"));
    char      *data   = malloc(PIECE);
    mlm_status status = data != NULL ? MLM_OK : mlm_fail_nomem(PIECE, path);
    mlm_sha256_init(&sum);
    for (uint64_t at = 0; at < f.size && status == MLM_OK; at += PIECE) {
        size_t n = f.size - at < PIECE ? (size_t)(f.size - at) : PIECE;
        status   = mlm_file_pread(&f, data, n, at, path);
        if (status != MLM_OK)
            break;
        mlm_sha256_add(&sum, data, n);
        p->done += n;
        if (p->fn != NULL && !p->fn(p->done, p->total, p->payload))
            status = mlm_fail(MLM_E_CANCELLED, "cancelled");
    }
    free(data);
    mlm_file_close(&f);
    MLM_TRY(status);
    mlm_sha256_end(&sum, hex);
    return copy_text(out, hex);
}

static mlm_status spoil(mlmamba_part *p, const char *detail)
{
    free(p->detail);
    p->detail = NULL;
    p->usable = false;
    return copy_text(&p->detail, detail);
}

/* The hub keeps large files under the name of their SHA-256, and links to them. */
static mlm_status compare_with_blob(mlmamba_part *p)
{
    char *real = realpath(p->source, NULL);
    if (real == NULL)
        return MLM_OK;
    const char *slash = strrchr(real, '/'), *name = slash != NULL ? slash + 1 : real;
    bool        blob = strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
    bool        same = strcmp(name, p->sha256) == 0;
    free(real);
    if (!blob || same)
        return MLM_OK;
    return spoil(p, "the file is damaged: its SHA-256 is not the name that the hub gave it");
}

static mlm_status copy_parts(mlmamba_model_check *c, const model_source *src)
{
    c->parts = calloc((size_t)src->n_parts + 1, sizeof *c->parts);
    if (c->parts == NULL)
        return mlm_fail_nomem((size_t)src->n_parts * sizeof *c->parts, "list of parts");
    for (int i = 0; i < src->n_parts; i++) {
        const source_part *s = &src->part[i];
        mlmamba_part      *p = &c->parts[c->n_parts++];
        p->found             = s->part.found;
        p->usable            = s->status == MLM_OK;
        p->bytes             = s->part.bytes;
        MLM_TRY(copy_text(&p->role, s->part.role));
        MLM_TRY(copy_text(&p->source, s->part.source));
        MLM_TRY(copy_text(&p->detail, s->part.detail));
    }
    return MLM_OK;
}

static mlm_status add_shard(mlmamba_model_check *c, const char *path)
{
    mlmamba_part *p = &c->parts[c->n_parts++];
    struct stat   st;
    p->found = p->usable = mlm_path_is_file(path);
    p->bytes             = p->found && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    MLM_TRY(copy_text(&p->role, "shard"));
    MLM_TRY(copy_text(&p->source, path));
    return copy_text(&p->detail, p->found ? "named by the index" : "the index names it, and it is missing");
}

/* The files that an index names are parts too.  What is wrong with the index itself is said elsewhere. */
static mlm_status add_shards(mlmamba_model_check *c)
{
    static const char end[] = ".index.json";
    char            **path  = NULL;
    int               n = 0, n_parts = c->n_parts;
    mlm_status        status = MLM_OK;
    for (int i = 0; i < n_parts && n == 0; i++) {
        const char *name = c->parts[i].source;
        size_t      len = strlen(name), m = sizeof end - 1;
        if (len > m && strcmp(name + len - m, end) == 0 && c->parts[i].found)
            status = mlm_shards_list(&path, &n, name);
    }
    if (n == 0)
        return status == MLM_E_NOMEM ? status : MLM_OK;
    mlmamba_part *bigger = realloc(c->parts, (size_t)(n_parts + n) * sizeof *bigger);
    if (bigger != NULL) {
        memset(bigger + n_parts, 0, (size_t)n * sizeof *bigger);
        c->parts = bigger;
    }
    status = bigger != NULL ? MLM_OK : mlm_fail_nomem((size_t)n * sizeof *bigger, "list of parts");
    for (int i = 0; i < n && status == MLM_OK; i++)
        status = add_shard(c, path[i]);
    mlm_shards_free_list(path, n);
    return status;
}

/* How many tensors of which type a file of ours or a shard has; other parts say so from the start. */
static mlm_status describe_files(mlmamba_model_check *c, const kn_weights *w)
{
    for (int i = 0; i < c->n_parts; i++) {
        mlmamba_part *p        = &c->parts[i];
        const char   *first    = NULL;
        bool          mixed    = false;
        long long     n        = 0;
        char          text[96] = "";
        if (strcmp(p->role, "weights") != 0 && strcmp(p->role, "shard") != 0)
            continue;
        for (int64_t k = 0; k < kn_weights_count(w); k++) {
            const mlm_st_tensor *t = kn_weights_at(w, k);
            if (strcmp(kn_weights_path(w, t), p->source) != 0)
                continue;
            const char *dtype = mlm_st_dtype_name(t->dtype);
            n++;
            mixed = mixed || (t->rank >= 2 && first != NULL && dtype != first);
            first = t->rank >= 2 && first == NULL ? dtype : first;
        }
        (void)snprintf(text, sizeof text, "%lld tensors, %s%s", n, first != NULL ? first : "no matrix",
                       mixed ? " and others" : "");
        if (n == 0)
            continue;
        free(p->detail);
        p->detail = NULL;
        MLM_TRY(copy_text(&p->detail, text));
    }
    return MLM_OK;
}

static mlm_status fail_fault(const mlmamba_model_check *c)
{
    const mlmamba_tensor_fault *f = &c->faults[0];
    return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' %s%s%s (%lld of the tensors are wrong)", f->source,
                    f->inside, strcmp(f->kind, "missing") == 0 ? "is missing, " : "",
                    strcmp(f->kind, "unexpected") == 0 ? "is " : "", f->detail, (long long)c->n_faults_all);
}

/* int8 are all matrices or none, and the configuration says which. */
static mlm_status check_quantized(const model_config *config, const kn_weights *w, const char *dir)
{
    mlm_st_dtype dtype = MLM_ST_F32;
    MLM_TRY(kn_weights_matrix_dtype(&dtype, w));
    if (config->quantized == (dtype == MLM_ST_I8))
        return MLM_OK;
    return mlm_fail(MLM_E_CONFIG, "%s: the matrices are %s, but config.json has %s quantization", dir,
                    mlm_st_dtype_name(dtype), config->quantized ? "an int8" : "no");
}

/* The configuration and every tensor, as far as they can be judged without values. */
static mlm_status judge(mlmamba_model_check *c, const model_source *src)
{
    model_config config = {0};
    kn_weights  *w      = NULL;
    if (src->problem != NULL)
        return mlm_fail(src->problem_status, "%s", src->problem);
    MLM_TRY(model_source_require(src));
    mlm_status status = model_config_load(&config, src);
    if (status == MLM_OK)
        status = model_source_all_weights(&w, src);
    if (status == MLM_OK)
        status = describe_files(c, w);
    if (status == MLM_OK)
        status = check_tensors(c, src, &config, w);
    if (status == MLM_OK && c->n_faults > 0)
        status = fail_fault(c);
    if (status == MLM_OK)
        status = check_quantized(&config, w, src->dir);
    kn_weights_close(w);
    model_config_free(&config);
    return status;
}

/* ---- bytes -------------------------------------------------------------------------------------- */

static bool is_checkpoint(const char *path)
{
    static const char *const ends[] = {".pt", ".pth", ".bin"};
    size_t                   n      = strlen(path);
    for (int i = 0; i < 3; i++)
        if (n > strlen(ends[i]) && strcmp(path + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* The sums inside a PyTorch checkpoint; one that cannot be opened has been judged already. */
static mlm_status verify_checkpoint(mlmamba_part *part)
{
    mlm_pt    *pt     = NULL;
    mlm_status status = mlm_pt_open(&pt, part->source);
    if (status == MLM_OK) {
        status = mlm_pt_verify(pt, NULL, NULL);
        mlm_pt_close(pt);
        if (status == MLM_E_FORMAT || status == MLM_E_IO)
            return spoil(part, mlm_error_message());
    }
    return status == MLM_E_NOMEM ? status : MLM_OK;
}

static mlm_status hash_parts(mlmamba_model_check *c, hash_progress *p)
{
    for (int i = 0; i < c->n_parts; i++)
        p->total += c->parts[i].found ? c->parts[i].bytes : 0;
    for (int i = 0; i < c->n_parts; i++) {
        mlmamba_part *part = &c->parts[i];
        if (!part->found || !mlm_path_is_file(part->source))
            continue;
        MLM_TRY(hash_file(&part->sha256, part->source, p));
        MLM_TRY(compare_with_blob(part));
        if (part->usable && is_checkpoint(part->source))
            MLM_TRY(verify_checkpoint(part));
        if (part->usable || !c->complete)
            continue;
        c->complete = false;
        free(c->problem);
        c->problem = NULL;
        MLM_TRY(copy_text(&c->problem, part->detail));
    }
    return MLM_OK;
}

static mlm_status check(mlmamba_model_check *c, const char *model, bool hashes, hash_progress *p)
{
    model_source *src = NULL;
    MLM_TRY(model_source_open(&src, model, 0));
    mlm_status status = copy_text(&c->kind, src->kind);
    if (status == MLM_OK)
        status = copy_parts(c, src);
    if (status == MLM_OK)
        status = add_shards(c);
    if (status == MLM_OK) {
        mlm_status verdict = judge(c, src);
        c->complete        = verdict == MLM_OK;
        status =
            verdict == MLM_E_NOMEM ? verdict : copy_text(&c->problem, c->complete ? "" : mlm_error_message());
    }
    if (status == MLM_OK && hashes)
        status = hash_parts(c, p);
    model_source_free(src);
    return status;
}

static mlm_status make_check(mlmamba_model_check **out, const char *model, bool hashes, hash_progress *p)
{
    *out                   = NULL;
    mlmamba_model_check *c = calloc(1, sizeof *c);
    if (c == NULL)
        return mlm_fail_nomem(sizeof *c, "list of parts");
    mlm_status status = check(c, model, hashes, p);
    if (status != MLM_OK) {
        mlmamba_model_check_free(c);
        return status;
    }
    *out = c;
    return MLM_OK;
}

mlm_status mlmamba_check_model(mlmamba_model_check **out, const char *model)
{
    hash_progress none = {0};
    return make_check(out, model, false, &none);
}

mlm_status mlmamba_check_model_hashes(mlmamba_model_check **out, const char *model,
                                      mlmamba_load_fn on_progress, void *payload)
{
    hash_progress p = {.fn = on_progress, .payload = payload};
    return make_check(out, model, true, &p);
}

void mlmamba_model_check_free(mlmamba_model_check *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < c->n_parts; i++) {
        free(c->parts[i].role);
        free(c->parts[i].source);
        free(c->parts[i].detail);
        free(c->parts[i].sha256);
    }
    for (int i = 0; i < c->n_faults; i++) {
        free(c->faults[i].name);
        free(c->faults[i].source);
        free(c->faults[i].inside);
        free(c->faults[i].detail);
    }
    free(c->faults);
    free(c->parts);
    free(c->kind);
    free(c->problem);
    free(c);
}
