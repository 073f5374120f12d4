/*
 * Every published arrangement of towers, connector and language model at small width (make_variants.py) against timm,
 * transformers and plain PyTorch: every stage, then 64 greedy tokens.
 *
 * test_golden_variants [DEVICE [BOUND]]: ref and cpu, or one device.
 */
#include "tests/support/formula_weights.h"
#include "tests/support/model_fixture.h"
#include "tests/support/tensor_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VARIANTS MLM_SOURCE_DIR "/tests/golden/data/variants/"
#define STRIDE   5 /* of stages that were recorded in part */
#define MAX_IDS  16

static const char *devices[] = {"ref", "cpu", NULL};
static double      bound     = 1e-4;

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

typedef struct run {
    model_fixture f;
    golden        g;
    const char   *prefix; /* of the stage names of this part */
    int           n_scan, n_swiglu;
    int64_t       first; /* language model: tokens in front of this piece */
} run;

/* Compares `count` values from element `first` of a whole stage with those that were recorded of it. */
static void check_part(run *r, const char *name, const float *got, int64_t first, int64_t count,
                       int64_t whole)
{
    int64_t n = 0, stride = 1;
    float  *want = golden_f32(&r->g, name, &n), *picked = malloc((size_t)count * sizeof *picked);
    assert_non_null(want);
    assert_non_null(picked);
    if (n != whole)
        stride = STRIDE;
    assert_int_equal(n, (whole + stride - 1) / stride);
    int64_t from = (first + stride - 1) / stride, k = 0;
    for (int64_t i = from * stride; i < first + count; i += stride)
        picked[k++] = got[i - first];
    r->g.n_checked++;
    r->g.n_bad += tensor_close(name, want + from, picked, k, bound) ? 0 : 1;
    free(want);
    free(picked);
}

static void check_stage(run *r, const char *name, kn_tensor t)
{
    float *got = fixture_download(r->f.q, t);
    assert_non_null(got);
    check_part(r, name, got, 0, kn_count(t), kn_count(t));
    free(got);
}

static void probe_stage(const char *stage, kn_tensor t, void *payload)
{
    run *r = payload;
    char name[64];
    if (strcmp(stage, "patch_embed") == 0 || strncmp(stage, "scan_y", 6) == 0)
        return; /* not recorded */
    if (strcmp(stage, "scan") == 0)
        (void)snprintf(name, sizeof name, "%sscan.%d", r->prefix, r->n_scan++);
    else if (strcmp(stage, "swiglu") == 0)
        (void)snprintf(name, sizeof name, "%sswiglu.%d", r->prefix, r->n_swiglu++);
    else
        (void)snprintf(name, sizeof name, "%s%s", r->prefix, stage);
    check_stage(r, name, t);
}

/* All layers but the last were recorded, for the rows of the picture. */
static void probe_layer(const char *stage, kn_tensor t, void *payload)
{
    run *r = payload;
    char name[64];
    if (strcmp(stage, "norm_f") == 0) {
        r->first += t.dim[1];
        return;
    }
    (void)snprintf(name, sizeof name, "lm.%s", stage);
    if (!golden_has(&r->g, name))
        return;
    float  *got = fixture_download(r->f.q, t);
    int64_t D   = t.dim[2];
    assert_non_null(got);
    check_part(r, name, got, r->first * D, t.dim[1] * D, connector_config_n_tokens(r->f.connector_cfg) * D);
    free(got);
}

static void run_towers(run *r, const char *seed)
{
    model_fixture *f      = &r->f;
    int64_t        column = 0;
    for (int i = 0; i < f->vision_cfg.n_towers; i++) {
        const vit_config *c  = &f->vision_cfg.tower[i];
        int64_t           n  = 3 * (int64_t)c->image_size * c->image_size;
        kn_tensor         in = f->vision_s.pixels[i], out = kn_slice(f->features, 2, column, c->width);
        float            *pixels = malloc((size_t)n * sizeof *pixels);
        char              name[32], prefix[32];
        assert_non_null(pixels);
        (void)snprintf(name, sizeof name, "pixels.%d", i);
        (void)snprintf(prefix, sizeof prefix, "vision.%d.", i);
        r->prefix = prefix;
        formula_uniform(seed, name, pixels, n);
        for (int64_t k = 0; k < n; k++)
            pixels[k] = (float)(1.8 * (double)pixels[k]);
        ok(kn_upload(f->q, in, pixels, (size_t)n * sizeof *pixels));
        ok(vit_forward(f->q, vision_encoder_tower(f->vision, i), &f->vision_s.tower[i], in, out, probe_stage,
                       r));
        (void)snprintf(name, sizeof name, "vision.%d.out", i);
        check_stage(r, name, out);
        column += c->width;
        free(pixels);
    }
}

static void run_language_model(run *r)
{
    model_fixture *f     = &r->f;
    lm_state      *st    = NULL;
    int64_t        n_ids = 0, n_want = 0;
    int32_t *ids = golden_i32(&r->g, "lm.ids", &n_ids), *want = golden_i32(&r->g, "lm.generated", &n_want),
            got;
    kn_arena one = {0};
    assert_non_null(ids);
    assert_non_null(want);
    assert_int_equal(n_want, 64);
    ok(lm_state_create(&st, f->lm, 1));
    lm_prefill_args image = {.x             = f->rows,
                             .n_rows        = 1,
                             .n_tokens      = connector_config_n_tokens(f->connector_cfg),
                             .probe         = probe_layer,
                             .probe_payload = r};
    lm_prefill_args text  = {.ids = ids, .n_rows = 1, .n_tokens = (int)n_ids, .logits = f->logits};
    ok(lm_prefill(f->q, f->lm, f->lm_s, st, &image));
    ok(lm_prefill(f->q, f->lm, f->lm_s, st, &text));
    kn_tensor valid = kn_slice(f->logits, 1, 0, f->lm_cfg.vocab_size);
    check_stage(r, "lm.logits", valid);
    ok(kn_arena_create(&one, f->dev, 64));
    kn_tensor id = kn_arena_take(&one, KN_I32, 1, KN_DIMS(1));
    for (int64_t t = 0; t < n_want; t++) {
        kn_argmax_args arg = {.x = f->logits, .ids = id, .n_valid = f->lm_cfg.vocab_size};
        ok(kn_argmax(f->q, &arg));
        ok(kn_download(f->q, &got, id, sizeof got));
        if (got != want[t])
            fail_msg("token %d is %d, wanted %d", (int)t, (int)got, (int)want[t]);
        ok(lm_step(f->q, f->lm, f->lm_s, st, id, f->logits));
    }
    check_stage(r, "lm.logits_end", valid);
    kn_arena_free(&one);
    lm_state_free(st);
    free(ids);
    free(want);
}

static void run_variant(const char *name, const char *device, int n_stages)
{
    char     dir[512], file[600];
    temp_dir model;
    run      r = {0};
    (void)snprintf(dir, sizeof dir, VARIANTS "%s", name);
    (void)snprintf(file, sizeof file, "%s/reference.safetensors", dir);
    temp_dir_open(&model);
    assert_true(formula_weights_write(&model, dir));
    assert_true(model_fixture_open(&r.f, model.path, device, 2, FIXTURE_ALL, 1, MAX_IDS, 0));
    assert_true(golden_open(&r.g, file, bound));
    const char *seed = NULL, *unused[4];
    ok(mlm_json_req_string(mlm_json_root(r.f.config), "config.json", "weights_seed", &seed));
    if (kn_weights_unused(r.f.weights, unused, 4) > 0)
        fail_msg("%s: tensor %s was not asked for", name, unused[0]);
    run_towers(&r, seed);
    r.prefix = "connector.";
    ok(connector_forward(r.f.q, r.f.connector, r.f.connector_s, r.f.features, r.f.rows, probe_stage, &r));
    run_language_model(&r);
    print_message("%s on %s: %d stages and 64 tokens\n", name, device, r.g.n_checked);
    assert_int_equal(r.g.n_bad, 0);
    assert_int_equal(r.g.n_checked, n_stages);
    golden_close(&r.g);
    model_fixture_close(&r.f);
    temp_dir_close(&model);
}

/* Stages: a tower of n blocks gives n + 2; the recorded layers of the language model come in pieces of MAX_IDS. */
static void test_variants(void **state)
{
    static const struct {
        const char *name;
        int         n_stages;
    } variants[] = {
        {"mlmamba", 5 + 4 + 7 + 9 + 2}, {"cobra", 5 + 4 + 1 + 9 + 2}, {"cobra-ldp", 5 + 4 + 1 + 3 + 2},
        {"cross-scan", 4 + 7 + 3 + 2},  {"basic", 4 + 5 + 9 + 2},     {"gelu-mlp", 5 + 1 + 9 + 2},
        {"linear", 4 + 1 + 9 + 2},
    };
    (void)state;
    for (int d = 0; devices[d]; d++)
        for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
            run_variant(variants[i].name, devices[d], variants[i].n_stages);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        kn_device *dev = NULL; /* a GPU may be missing */
        devices[0]     = argv[1];
        devices[1]     = NULL;
        if (strncmp(argv[1], "cuda", 4) == 0 &&
            kn_device_open(&dev, &(kn_device_options){.name = argv[1]}) != MLM_OK) {
            (void)fprintf(stderr, "skipped: %s\n", mlm_error_message());
            return 77;
        }
        kn_device_close(dev);
    }
    if (argc > 2)
        bound = strtod(argv[2], NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variants)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
