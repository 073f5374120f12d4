/*
 * perf_gap.c: what every part computes from made-up weights, written to files: the half of tests/golden/gap.py that is ours.
 *
 *   perf_gap CONFIG OUT [--device cuda] [--type bf16|int8] [--rows 16] [--steps 64] [--single 1000] [--tokens 769]
 *
 * OUT/model.safetensors   the weights, as the engine loads them
 * OUT/pixels.f32          [towers,3,S,S];  OUT/features.f32 [N,D_in] of the towers;  OUT/rows.f32 [N,D] of the connector on them
 * OUT/prefill_ids.i32     [4,tokens];  OUT/prefill.f32 [4,V] logits behind the last
 * OUT/steps_ids.i32       [steps,rows];  OUT/steps.f32 [steps,rows,V];  OUT/single_ids.i32, OUT/single.f32 the same for one row
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"
#include "kernels/base/mlm_st_write.h"
#include "tests/perf/perf_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFILL_ROWS 4

typedef struct gap {
    mlmamba_engine *eng;
    const char     *out;
    int             rows, steps, single, tokens;
} gap;

static mlm_status open_out(FILE **f, const gap *g, const char *name)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", g->out, name);
    *f = fopen(path, "wb");
    return *f != NULL ? MLM_OK : mlm_fail(MLM_E_IO, "%s: cannot be written", path);
}

static mlm_status put(FILE *f, const void *data, size_t bytes)
{
    return fwrite(data, 1, bytes, f) == bytes ? MLM_OK : mlm_fail(MLM_E_IO, "a file cannot be written");
}

static mlm_status write_all(const gap *g, const char *name, const void *data, size_t bytes)
{
    FILE *f = NULL;
    MLM_TRY(open_out(&f, g, name));
    mlm_status st = put(f, data, bytes);
    (void)fclose(f);
    return st;
}

/* ---- weights ------------------------------------------------------------------------------------ */

static mlm_status copy_tensors(mlm_st_writer *out, const kn_weights *w)
{
    for (int64_t i = 0; i < kn_weights_count(w); i++) {
        const mlm_st_tensor *t = kn_weights_at(w, i);
        MLM_TRY(mlm_st_writer_declare(out, t->name, t->dtype, t->rank, t->dim));
    }
    MLM_TRY(mlm_st_writer_begin(out));
    for (int64_t i = 0; i < kn_weights_count(w); i++) {
        const mlm_st_tensor *t    = kn_weights_at(w, i);
        void                *data = malloc(t->bytes);
        mlm_status st = data ? kn_weights_read(w, t, data, 0, t->bytes) : mlm_fail_nomem(t->bytes, t->name);
        if (st == MLM_OK)
            st = mlm_st_writer_put(out, data, t->bytes);
        free(data);
        MLM_TRY(st);
    }
    return mlm_st_writer_end(out);
}

static mlm_status write_weights(const gap *g)
{
    char           path[600];
    kn_weights    *w   = NULL;
    mlm_st_writer *out = NULL;
    (void)snprintf(path, sizeof path, "%s/model.safetensors", g->out);
    (void)remove(path);
    mlm_status st = model_source_weights(&w, g->eng->source);
    if (st == MLM_OK)
        st = mlm_st_writer_create(&out, path);
    if (st == MLM_OK)
        st = copy_tensors(out, w);
    mlm_st_writer_free(out);
    kn_weights_close(w);
    return st;
}

/* ---- towers and connector ----------------------------------------------------------------------- */

/* A device tensor as f32 into a file. */
static mlm_status write_tensor(const gap *g, const char *name, kn_tensor t)
{
    kn_buffer *buf   = NULL;
    size_t     bytes = (size_t)kn_count(t) * sizeof(float);
    float     *host  = malloc(bytes);
    mlm_status st    = host ? kn_buffer_create(&buf, g->eng->dev, bytes) : mlm_fail_nomem(bytes, name);
    if (st == MLM_OK) {
        kn_copy_args copy = {.x = t, .y = kn_tensor_make(buf, 0, KN_F32, t.rank, t.dim)};
        st                = kn_copy(g->eng->queue, &copy);
        if (st == MLM_OK)
            st = kn_download(g->eng->queue, host, copy.y, bytes);
    }
    if (st == MLM_OK)
        st = write_all(g, name, host, bytes);
    kn_buffer_free(buf);
    free(host);
    return st;
}

static mlm_status run_picture(const gap *g)
{
    mlmamba_engine         *e    = g->eng;
    engine_picture_scratch *s    = &e->picture;
    size_t                  side = (size_t)e->config.vision.preprocess[0].size,
           n                     = (size_t)e->config.vision.n_towers * 3 * side * side;
    float *pixels                = malloc(n * sizeof *pixels);
    if (pixels == NULL)
        return mlm_fail_nomem(n * sizeof *pixels, "pixels");
    for (size_t i = 0; i < n; i++) /* neighbours alike, as in pictures */
        pixels[i] = (float)((i / 7 * 2654435761u >> 11) % 511) / 255.0f - 1.0f;
    mlm_status st = vision_encode(e->queue, e->vision, &s->vision, pixels, 1, s->features, NULL, NULL);
    if (st == MLM_OK)
        st = write_all(g, "pixels.f32", pixels, n * sizeof *pixels);
    free(pixels);
    MLM_TRY(st);
    MLM_TRY(write_tensor(g, "features.f32", s->features));
    MLM_TRY(connector_forward(e->queue, e->connector, s->connector, s->features, s->rows, NULL, NULL));
    return write_tensor(g, "rows.f32", s->rows);
}

/* ---- language model ----------------------------------------------------------------------------- */

static int32_t token(const gap *g, int step, int row)
{
    uint32_t u = (uint32_t)(step * 257 + row) * 2654435761u;
    return (int32_t)((u >> 8) % (uint32_t)(g->eng->config.text.vocab_size - 1)) + 1;
}

static mlm_status run_prefill(const gap *g)
{
    mlmamba_engine *e   = g->eng;
    size_t          n   = (size_t)PREFILL_ROWS * (size_t)g->tokens;
    int32_t        *ids = malloc(n * sizeof *ids);
    lm_prefill_args a   = {.ids      = ids,
                           .n_rows   = PREFILL_ROWS,
                           .n_tokens = g->tokens,
                           .logits   = kn_slice(e->many.logits, 0, 0, PREFILL_ROWS)};
    mlm_status      st  = ids ? MLM_OK : mlm_fail_nomem(n * sizeof *ids, "ids");
    for (size_t i = 0; ids && i < n; i++)
        ids[i] = token(g, (int)(i % (size_t)g->tokens), 1000 + (int)(i / (size_t)g->tokens));
    if (st == MLM_OK)
        st = lm_state_reset_rows(e->queue, e->many.state, 0, PREFILL_ROWS);
    if (st == MLM_OK)
        st = lm_prefill(e->queue, e->lm, e->many.lm, e->many.state, &a);
    if (st == MLM_OK)
        st = write_all(g, "prefill_ids.i32", ids, n * sizeof *ids);
    free(ids);
    MLM_TRY(st);
    return write_tensor(g, "prefill.f32", a.logits);
}

typedef struct step_run {
    engine_scratch *scratch;
    int             rows, steps;
    FILE           *ids_file, *logits_file; /* NULL: only the hash */
    mlm_hash        hash;
} step_run;

static mlm_status feed(const gap *g, step_run *r, kn_tensor ids, int i, float *logits)
{
    mlmamba_engine *e = g->eng;
    int32_t         host[ENGINE_MAX_BATCH];
    kn_tensor       out = kn_slice(r->scratch->logits, 0, 0, r->rows);
    size_t          n   = (size_t)kn_count(out) * sizeof *logits;
    for (int k = 0; k < r->rows; k++)
        host[k] = token(g, i, k);
    MLM_TRY(kn_upload(e->queue, ids, host, (size_t)r->rows * sizeof *host));
    MLM_TRY(lm_step(e->queue, e->lm, r->scratch->lm, r->scratch->state, ids, out));
    MLM_TRY(kn_download(e->queue, logits, out, n));
    mlm_hash_add(&r->hash, logits, n);
    if (r->ids_file == NULL)
        return MLM_OK;
    MLM_TRY(put(r->ids_file, host, (size_t)r->rows * sizeof *host));
    return put(r->logits_file, logits, n);
}

static mlm_status run_steps(const gap *g, step_run *r)
{
    kn_buffer *buf    = NULL;
    size_t     bytes  = sizeof(float) * (size_t)r->rows * (size_t)g->eng->config.text.vocab_rows;
    float     *logits = malloc(bytes);
    mlm_status st     = logits ? MLM_OK : mlm_fail_nomem(bytes, "logits");
    mlm_hash_init(&r->hash);
    if (st == MLM_OK)
        st = kn_buffer_create(&buf, g->eng->dev, ENGINE_MAX_BATCH * sizeof(int32_t));
    if (st == MLM_OK)
        st = lm_state_reset_rows(g->eng->queue, r->scratch->state, 0, r->rows);
    for (int i = 0; i < r->steps && st == MLM_OK; i++)
        st = feed(g, r, kn_tensor_make(buf, 0, KN_I32, 1, KN_DIMS(r->rows)), i, logits);
    kn_buffer_free(buf);
    free(logits);
    return st;
}

/* Into files, and once more: the same bits? */
static mlm_status run_twice(const gap *g, engine_scratch *s, int rows, int steps, const char *name)
{
    char     path[64];
    step_run r = {.scratch = s, .rows = rows, .steps = steps}, again = r;
    (void)snprintf(path, sizeof path, "%s_ids.i32", name);
    mlm_status st = open_out(&r.ids_file, g, path);
    (void)snprintf(path, sizeof path, "%s.f32", name);
    if (st == MLM_OK)
        st = open_out(&r.logits_file, g, path);
    if (st == MLM_OK)
        st = run_steps(g, &r);
    if (r.ids_file)
        (void)fclose(r.ids_file);
    if (r.logits_file)
        (void)fclose(r.logits_file);
    if (st == MLM_OK)
        st = run_steps(g, &again);
    if (st == MLM_OK)
        printf("%d steps of %d rows, run to run: %s\n", steps, rows,
               mlm_hash_end(&r.hash) == mlm_hash_end(&again.hash) ? "equal bits" : "NOT EQUAL");
    return st;
}

static mlm_status run(gap *g)
{
    double start = mlm_now_ms();
    MLM_TRY(engine_prepare_batch(g->eng));
    MLM_TRY(write_weights(g));
    double written = mlm_now_ms();
    if (g->eng->config.has_vision)
        MLM_TRY(run_picture(g));
    MLM_TRY(run_prefill(g));
    MLM_TRY(run_twice(g, &g->eng->many, g->rows, g->steps, "steps"));
    MLM_TRY(run_twice(g, &g->eng->one, 1, g->single, "single"));
    printf("perf_gap: weights written in %.0f ms, run in %.0f ms\n", written - start, mlm_now_ms() - written);
    return MLM_OK;
}

int main(int argc, char **argv)
{
    gap                    g   = {.rows = 16, .steps = 64, .single = 1000, .tokens = 769};
    mlmamba_engine_options opt = {.device = "cuda", .random_weights = "bf16"};
    if (argc < 3) {
        fprintf(stderr, "usage: perf_gap CONFIG OUT [--device D] [--type T] [--rows N] [--steps N] [--single "
                        "N] [--tokens N]\n");
        return PERF_SKIPPED;
    }
    opt.model_dir = argv[1];
    g.out         = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        int n = (int)strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--device") == 0)
            opt.device = argv[i + 1];
        else if (strcmp(argv[i], "--type") == 0)
            opt.random_weights = argv[i + 1];
        else if (strcmp(argv[i], "--rows") == 0)
            g.rows = n;
        else if (strcmp(argv[i], "--steps") == 0)
            g.steps = n;
        else if (strcmp(argv[i], "--single") == 0)
            g.single = n;
        else if (strcmp(argv[i], "--tokens") == 0)
            g.tokens = n;
    }
    opt.max_batch = g.rows > PREFILL_ROWS ? g.rows : PREFILL_ROWS;
    if (g.rows < 1 || g.rows > ENGINE_MAX_BATCH || mlmamba_engine_open(&g.eng, &opt) != MLM_OK) {
        fprintf(stderr, "perf_gap: %s\n", mlm_error_message());
        return 1;
    }
    mlm_status st = run(&g);
    if (st != MLM_OK)
        fprintf(stderr, "perf_gap: %s\n", mlm_error_message());
    mlmamba_engine_close(g.eng);
    return st == MLM_OK ? 0 : 1;
}
