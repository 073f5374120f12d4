/*
 * Models of small width and true structure (make_models.py) against timm, transformers and plain PyTorch: two
 * towers, the released connector, Mamba-2 with states and generated tokens.  Batches of two.
 */
#include "tests/support/model_fixture.h"
#include "tests/support/tensor_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOUND  1e-4
#define MODELS MLM_SOURCE_DIR "/tests/golden/data/models/"

static const char *devices[] = {"ref", "cpu"}; /* or twice the one of the command line */

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

static void open_both(model_fixture *f, golden *g, const char *name, const char *device, int parts,
                      int n_patches)
{
    char dir[512], file[600];
    (void)snprintf(dir, sizeof dir, MODELS "%s", name);
    (void)snprintf(file, sizeof file, "%s/reference.safetensors", dir);
    assert_true(model_fixture_open(f, dir, device, 2, parts, 2, 8, n_patches));
    assert_true(golden_open(g, file, BOUND));
    g->q = f->q;
}

static void close_both(model_fixture *f, golden *g)
{
    golden_close(g);
    model_fixture_close(f);
}

/* Two views with a border, and the pixels [2][2][3][S][S] that they stand for under each tower's statistics. */
static void make_views(uint8_t *view[2], float *pixels, const vision_config *c)
{
    int    S     = c->preprocess[0].size;
    size_t plane = 3 * (size_t)S * (size_t)S;
    for (int b = 0; b < 2; b++) {
        vision_placement at = {.x = b, .y = 2 * b, .width = S - 2 * b, .height = S - 5 * b};
        view[b]             = malloc(vision_view_bytes(S));
        assert_non_null(view[b]);
        for (size_t i = VISION_VIEW_HEAD; i < vision_view_bytes(S); i++)
            view[b][i] = (uint8_t)((i + 77 * (size_t)b) * 2654435761u >> 13);
        vision_view_set_place(view[b], &at);
        for (int t = 0; t < 2; t++) {
            vision_preprocess p = c->preprocess[t];
            vision_normalize(&p, view[b] + VISION_VIEW_HEAD, &at, pixels + plane * (size_t)(2 * t + b), NULL);
        }
    }
}

/* Bytes give the bits of the pixels that they stand for; captured too. */
static void check_views(model_fixture *f, vision_scratch *s, bool capture)
{
    int64_t  S = f->vision_cfg.preprocess[0].size, n = kn_count(f->features);
    uint8_t *view[2];
    float   *pixels = malloc(sizeof *pixels * 12 * (size_t)(S * S));
    assert_non_null(pixels);
    make_views(view, pixels, &f->vision_cfg);
    ok(vision_encode(f->q, f->vision, s, pixels, 2, f->features, NULL, NULL));
    float *want = fixture_download(f->q, f->features);
    if (capture)
        ok(vision_capture(f->q, f->vision, s, f->features));
    for (int again = 0; again < 2; again++) {
        ok(kn_zero(f->q, f->features));
        ok(vision_encode_views(f->q, f->vision, s, (const uint8_t *const *)view, 2, f->features));
        float *got = fixture_download(f->q, f->features);
        assert_memory_equal(want, got, (size_t)n * sizeof *got);
        free(got);
    }
    free(want);
    free(pixels);
    free(view[0]);
    free(view[1]);
}

/* The towers on two queues have the bits of f->features. */
static void check_beside(model_fixture *f, const float *pixels)
{
    vision_side    side;
    vision_scratch s = {0};
    kn_arena       arena;
    int64_t        n    = kn_count(f->features);
    float         *want = fixture_download(f->q, f->features);
    ok(vision_side_create(&side, f->dev));
    kn_arena_measure(&arena, f->dev);
    vision_scratch_take(&s, &arena, &f->vision_cfg, 2, &side);
    ok(kn_arena_create(&arena, f->dev, arena.used));
    vision_scratch_take(&s, &arena, &f->vision_cfg, 2, &side);
    ok(kn_arena_check(&arena, "towers side by side"));
    for (int again = 0; again < 3; again++) {
        ok(kn_zero(f->q, f->features));
        ok(vision_encode(f->q, f->vision, &s, pixels, 2, f->features, NULL, NULL));
        float *got = fixture_download(f->q, f->features);
        assert_memory_equal(want, got, (size_t)n * sizeof *got);
        free(got);
    }
    check_views(f, &s, false);
    if (kn_device_caps(f->dev) & KN_CAP_GRAPHS)
        check_views(f, &s, true);
    vision_scratch_free(&s);
    kn_arena_free(&arena);
    vision_side_free(&side);
    free(want);
}

static void test_towers(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        model_fixture f;
        golden        g;
        open_both(&f, &g, "small", devices[d], FIXTURE_VISION, 0);
        assert_int_equal(f.vision_cfg.n_towers, 2);
        assert_int_equal(vit_n_prefix(&f.vision_cfg.tower[0]), 5);
        assert_int_equal(f.vision_cfg.tower[0].n_blocks_run, 3);
        int64_t n[2] = {0, 0};
        float  *p0 = golden_f32(&g, "vision.0.pixels", &n[0]), *p1 = golden_f32(&g, "vision.1.pixels", &n[1]);
        float  *pixels = malloc((size_t)(n[0] + n[1]) * sizeof *pixels);
        assert_non_null(p0);
        assert_non_null(p1);
        assert_non_null(pixels);
        memcpy(pixels, p0, (size_t)n[0] * sizeof *p0);
        memcpy(pixels + n[0], p1, (size_t)n[1] * sizeof *p1);
        for (int i = 0; i < 2; i++) {
            kn_tensor in  = f.vision_s.pixels[i],
                      out = kn_slice(f.features, 2, i ? 32 : 0, f.vision_cfg.tower[i].width);
            char name[32];
            (void)snprintf(g.prefix, sizeof g.prefix, "vision.%d.", i);
            (void)snprintf(name, sizeof name, "vision.%d.out", i);
            ok(kn_upload(f.q, in, i ? p1 : p0, (size_t)n[i] * sizeof *p0));
            ok(vit_forward(f.q, vision_encoder_tower(f.vision, i), &f.vision_s.tower[i], in, out,
                           golden_probe, &g));
            golden_check(&g, name, out);
        }
        ok(kn_zero(f.q, f.features));
        ok(vision_encode(f.q, f.vision, &f.vision_s, pixels, 2, f.features, NULL, NULL));
        golden_check(&g, "vision.features", f.features);
        check_beside(&f, pixels);
        check_views(&f, &f.vision_s, false);
        assert_int_equal(g.n_checked, 6 + 4 + 1); /* patch_embed, embed, blocks run, out; both; features */
        assert_int_equal(g.n_bad, 0);
        free(p0);
        free(p1);
        free(pixels);
        close_both(&f, &g);
    }
}

/* Stages that come again in every layer are numbered in the file. */
typedef struct layers {
    golden *g;
    int     n_scan, n_swiglu, n_y;
} layers;

static void connector_stage(const char *stage, kn_tensor t, void *payload)
{
    layers *l = payload;
    char    name[64];
    if (strcmp(stage, "scan") == 0)
        (void)snprintf(name, sizeof name, "connector.scan.%d", l->n_scan++);
    else if (strcmp(stage, "swiglu") == 0)
        (void)snprintf(name, sizeof name, "connector.swiglu.%d", l->n_swiglu++);
    else if (strncmp(stage, "scan_y", 6) == 0 && l->n_y++ >= 2)
        return; /* recorded for the first layer only */
    else
        (void)snprintf(name, sizeof name, "connector.%s", stage);
    golden_check(l->g, name, t);
}

static void test_connector(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        model_fixture f;
        golden        g;
        open_both(&f, &g, "small", devices[d], FIXTURE_CONNECTOR, 36);
        assert_string_equal(connector_config_type(f.connector_cfg), "mamba2_bidirectional");
        int64_t n  = 0;
        float  *in = golden_f32(&g, "vision.features", &n);
        layers  l  = {.g = &g};
        assert_non_null(in);
        ok(kn_upload(f.q, f.features, in, (size_t)n * sizeof *in));
        ok(connector_forward(f.q, f.connector, f.connector_s, f.features, f.rows, connector_stage, &l));
        assert_int_equal(g.n_checked, 9);
        assert_int_equal(g.n_bad, 0);
        free(in);
        close_both(&f, &g);
    }
}

/* The file's stages have all 13 tokens; prefill runs in pieces of 8: compare the part of this piece. */
typedef struct pieces {
    golden *g;
    int64_t first, total;
    int     n_layers;
} pieces;

static void lm_stage(const char *stage, kn_tensor t, void *payload)
{
    pieces *p = payload;
    char    name[32];
    (void)snprintf(name, sizeof name, "lm.%s", stage);
    int64_t count = 0, T = t.dim[1], D = t.dim[2];
    float  *want = golden_f32(p->g, name, &count), *got = fixture_download(p->g->q, t);
    bool    good = want && got && count == 2 * p->total * D;
    for (int64_t b = 0; b < 2 && good; b++)
        good = tensor_close(name, want + (b * p->total + p->first) * D, got + b * T * D, T * D, p->g->bound);
    p->g->n_checked++;
    p->g->n_bad += good ? 0 : 1;
    if (strcmp(stage, "norm_f") == 0)
        p->first += T;
    free(want);
    free(got);
}

static void check_states(model_fixture *f, golden *g, const lm_state *st)
{
    size_t  bytes  = lm_config_state_bytes(&f->lm_cfg), conv_bytes;
    int64_t n_conv = 0, n_ssm = 0, L = f->lm_cfg.n_layers;
    float  *conv = golden_f32(g, "lm.conv_state", &n_conv), *ssm = golden_f32(g, "lm.ssm_state", &n_ssm),
          *row = malloc(bytes);
    assert_non_null(conv);
    assert_non_null(ssm);
    assert_non_null(row);
    int64_t nc = n_conv / (2 * L), ns = n_ssm / (2 * L);
    conv_bytes = (size_t)(L * nc) * sizeof(float);
    assert_int_equal(bytes, conv_bytes + (size_t)(L * ns) * sizeof(float));
    for (int b = 0; b < 2; b++) {
        ok(lm_state_export_row(f->q, st, b, row, bytes));
        for (int64_t l = 0; l < L; l++) {
            assert_true(tensor_close("conv_state", conv + (l * 2 + b) * nc, row + l * nc, nc, BOUND));
            assert_true(tensor_close("ssm_state", ssm + (l * 2 + b) * ns, row + L * nc + l * ns, ns, BOUND));
        }
    }
    free(conv);
    free(ssm);
    free(row);
}

static void check_generated(model_fixture *f, golden *g, lm_state *st)
{
    int64_t  n    = 0;
    int32_t *want = golden_i32(g, "lm.generated", &n), got[2];
    kn_arena one  = {0};
    assert_non_null(want);
    ok(kn_arena_create(&one, f->dev, 64));
    kn_tensor ids = kn_arena_take(&one, KN_I32, 1, KN_DIMS(2));
    for (int64_t t = 0; t < n / 2; t++) {
        kn_argmax_args arg = {.x = f->logits, .ids = ids};
        ok(kn_argmax(f->q, &arg));
        ok(kn_download(f->q, got, ids, sizeof got));
        assert_int_equal(got[0], want[t]);
        assert_int_equal(got[1], want[n / 2 + t]);
        ok(lm_step(f->q, f->lm, f->lm_s, st, ids, f->logits));
    }
    golden_check(g, "lm.logits_end", f->logits);
    free(want);
    kn_arena_free(&one);
}

static void check_lm(const char *name, const char *device, bool tied)
{
    model_fixture f;
    golden        g;
    lm_state     *st = NULL;
    open_both(&f, &g, name, device, FIXTURE_LM, 0);
    assert_int_equal(f.lm_cfg.tied, tied);
    int64_t  n   = 0;
    int32_t *ids = golden_i32(&g, "lm.ids", &n);
    assert_non_null(ids);
    ok(lm_state_create(&st, f.lm, 2));
    pieces          p = {.g = &g, .total = n / 2};
    lm_prefill_args a = {.ids           = ids,
                         .n_rows        = 2,
                         .n_tokens      = (int)(n / 2),
                         .logits        = f.logits,
                         .probe         = lm_stage,
                         .probe_payload = &p};
    ok(lm_prefill(f.q, f.lm, f.lm_s, st, &a));
    assert_int_equal(g.n_checked, 2 * 3); /* two pieces of layer0, layer1, norm_f */
    golden_check(&g, "lm.logits", f.logits);
    check_states(&f, &g, st);
    check_generated(&f, &g, st);
    assert_int_equal(g.n_checked, 2 * 3 + 2);
    assert_int_equal(g.n_bad, 0);
    free(ids);
    lm_state_free(st);
    close_both(&f, &g);
}

static void test_mamba2(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        check_lm("small", devices[d], true);
        check_lm("mamba2-hf", devices[d], false);
    }
}

int main(int argc, char **argv)
{
    kn_device *dev = NULL; /* a GPU may be missing */
    if (argc > 1)
        devices[0] = devices[1] = argv[1];
    if (argc > 1 && kn_device_open(&dev, &(kn_device_options){.name = argv[1]}) != MLM_OK) {
        (void)fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return 77;
    }
    kn_device_close(dev);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_towers), cmocka_unit_test(test_connector),
                                       cmocka_unit_test(test_mamba2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
