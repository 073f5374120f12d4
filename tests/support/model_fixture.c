/* model_fixture.c: see model_fixture.h. */
#include "tests/support/model_fixture.h"
#include "tests/support/tensor_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ok(mlm_status st)
{
    if (st != MLM_OK)
        (void)fprintf(stderr, "%s: %s\n", mlm_status_name(st), mlm_error_message());
    return st == MLM_OK;
}

static bool parse_json(mlm_json **out, const char *dir, const char *name)
{
    char *path = NULL;
    bool  good = ok(mlm_path_join(&path, dir, name)) &&
                ok(mlm_json_parse_file(out, path, 1 << 20, MLM_JSON_ALLOW_INFINITY));
    free(path);
    return good;
}

static bool load_parts(model_fixture *f, int parts, int n_patches)
{
    const mlm_json_node *root = mlm_json_root(f->config);
    if (parts & FIXTURE_VISION) {
        if (!ok(vision_config_parse(&f->vision_cfg, mlm_json_get(root, "vision"),
                                    mlm_json_root(f->preprocessor))) ||
            !ok(vision_encoder_load(&f->vision, f->q, &f->vision_cfg, f->weights)))
            return false;
        n_patches = vision_config_n_patches(&f->vision_cfg);
    }
    if (parts & FIXTURE_CONNECTOR) {
        if (!ok(connector_config_parse(&f->connector_cfg, mlm_json_get(root, "connector"), n_patches)) ||
            !ok(connector_load(&f->connector, f->q, f->connector_cfg, f->weights, "connector.")))
            return false;
    }
    if (parts & FIXTURE_LM) {
        if (!ok(lm_config_parse(&f->lm_cfg, mlm_json_get(root, "text"), "config.json: text")) ||
            !ok(lm_model_load(&f->lm, f->q, &f->lm_cfg, f->weights, "language_model.")))
            return false;
        int eos;
        if (!ok(mlm_json_opt_int(root, "config.json", "eos_token_id", -1, 1 << 24, -1, &eos)))
            return false;
        f->eos_id = eos;
    }
    return true;
}

/* Called twice: measuring, then real. */
static bool lay_out(model_fixture *f, int parts, int max_tokens, int n_patches)
{
    int64_t B = f->max_rows;
    if (parts & FIXTURE_VISION) {
        vision_scratch_take(&f->vision_s, &f->arena, &f->vision_cfg, B, NULL);
        f->features = kn_arena_take(
            &f->arena, KN_F32, 3,
            KN_DIMS(B, vision_config_n_patches(&f->vision_cfg), vision_config_width(&f->vision_cfg)));
    }
    if (parts & FIXTURE_CONNECTOR) {
        connector_scratch_free(f->connector_s);
        f->connector_s = NULL;
        if (!ok(connector_scratch_create(&f->connector_s, &f->arena, f->connector_cfg, B)))
            return false;
        int64_t N = connector_config_n_tokens(f->connector_cfg);
        f->rows = kn_arena_take(&f->arena, KN_F32, 3, KN_DIMS(B, N, connector_config_out(f->connector_cfg)));
        if (!(parts & FIXTURE_VISION))
            f->features = kn_arena_take(&f->arena, KN_F32, 3,
                                        KN_DIMS(B, n_patches, connector_config_in(f->connector_cfg)));
    }
    if (parts & FIXTURE_LM) {
        lm_scratch_free(f->lm_s);
        f->lm_s = NULL;
        if (!ok(lm_scratch_create(&f->lm_s, &f->arena, &f->lm_cfg, f->max_rows, max_tokens)))
            return false;
        f->logits = kn_arena_take(&f->arena, KN_F32, 2, KN_DIMS(B, f->lm_cfg.vocab_rows));
    }
    return ok(kn_arena_check(&f->arena, "test scratch"));
}

bool model_fixture_open(model_fixture *f, const char *dir, const char *device, int n_threads, int parts,
                        int max_rows, int max_tokens, int n_patches)
{
    memset(f, 0, sizeof *f);
    f->max_rows = max_rows;
    char        name[32];
    const char *round = strstr(device, "+round");
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(device, "+"), device);
    kn_device_options opt = {.name          = name,
                             .n_threads     = n_threads,
                             .round_bf16    = round != NULL,
                             .deterministic = strstr(device, "+det") != NULL};
    if (!ok(kn_device_open(&f->dev, &opt)) || !ok(kn_queue_create(&f->q, f->dev)) ||
        !ok(kn_weights_open(&f->weights, dir)) || !parse_json(&f->config, dir, "config.json"))
        return false;
    if (round)
        kn_weights_round_bf16(f->weights);
    if ((parts & FIXTURE_VISION) && !parse_json(&f->preprocessor, dir, "preprocessor_config.json"))
        return false;
    if (!load_parts(f, parts, n_patches))
        return false;
    kn_arena_measure(&f->arena, f->dev);
    if (!lay_out(f, parts, max_tokens, n_patches) || !ok(kn_arena_create(&f->arena, f->dev, f->arena.used)))
        return false;
    return lay_out(f, parts, max_tokens, n_patches);
}

void model_fixture_close(model_fixture *f)
{
    connector_scratch_free(f->connector_s);
    lm_scratch_free(f->lm_s);
    kn_arena_free(&f->arena);
    vision_encoder_free(f->vision);
    connector_free(f->connector);
    connector_config_free(f->connector_cfg);
    lm_model_free(f->lm);
    kn_weights_close(f->weights);
    mlm_json_free(f->config);
    mlm_json_free(f->preprocessor);
    kn_queue_free(f->q);
    kn_device_close(f->dev);
    memset(f, 0, sizeof *f);
}

float *fixture_download(kn_queue *q, kn_tensor t)
{
    size_t     bytes = (size_t)kn_count(t) * sizeof(float);
    float     *host  = malloc(bytes);
    kn_buffer *buf   = NULL;
    if (!host)
        return NULL;
    bool      good  = ok(kn_buffer_create(&buf, kn_queue_device(q), bytes));
    kn_tensor dense = {0};
    if (good) {
        dense             = kn_tensor_make(buf, 0, KN_F32, t.rank, t.dim);
        kn_copy_args copy = {.x = t, .y = dense};
        good              = ok(kn_copy(q, &copy)) && ok(kn_download(q, host, dense, bytes));
    }
    kn_buffer_free(buf);
    if (!good) {
        free(host);
        return NULL;
    }
    return host;
}

/* ---- golden files -------------------------------------------------------------------------------- */

bool golden_open(golden *g, const char *path, double bound)
{
    memset(g, 0, sizeof *g);
    g->bound = bound;
    return ok(mlm_safetensors_open(&g->file, path));
}

void golden_close(golden *g)
{
    mlm_safetensors_close(g->file);
    memset(g, 0, sizeof *g);
}

bool golden_has(const golden *g, const char *name)
{
    return mlm_safetensors_find(g->file, name) != NULL;
}

static void *read_tensor(const golden *g, const char *name, mlm_st_dtype dtype, int64_t *count)
{
    const mlm_st_tensor *t = mlm_safetensors_find(g->file, name);
    if (!t || t->dtype != dtype) {
        (void)fprintf(stderr, "golden tensor '%s' is absent or not %s\n", name, mlm_st_dtype_name(dtype));
        return NULL;
    }
    void *data = malloc(t->bytes > 0 ? t->bytes : 1);
    if (!data || !ok(mlm_safetensors_read(g->file, t, data, 0, t->bytes))) {
        free(data);
        return NULL;
    }
    *count = (int64_t)(t->bytes / mlm_st_dtype_size(dtype));
    return data;
}

float *golden_f32(const golden *g, const char *name, int64_t *count)
{
    return read_tensor(g, name, MLM_ST_F32, count);
}

int32_t *golden_i32(const golden *g, const char *name, int64_t *count)
{
    return read_tensor(g, name, MLM_ST_I32, count);
}

void golden_check(golden *g, const char *name, kn_tensor t)
{
    if (!golden_has(g, name))
        return;
    int64_t count = 0;
    float  *want = golden_f32(g, name, &count), *got = fixture_download(g->q, t);
    bool    good = want && got && count == kn_count(t);
    if (want && count != kn_count(t))
        (void)fprintf(stderr, "%s: %lld elements, wanted %lld\n", name, (long long)kn_count(t),
                      (long long)count);
    if (good)
        good = tensor_close(name, want, got, count, g->bound);
    g->n_checked++;
    g->n_bad += good ? 0 : 1;
    free(want);
    free(got);
}

void golden_probe(const char *stage, kn_tensor t, void *payload)
{
    golden *g = payload;
    char    name[128];
    (void)snprintf(name, sizeof name, "%s%s", g->prefix, stage);
    golden_check(g, name, t);
}
