/*
 * The built-in model against the plain PyTorch reference (reference_model.py): every recorded stage within
 * 1e-4 of the largest value, greedy answers token by token.
 *
 *   test_golden_builtin DEVICE                  the model and the recordings of this repository
 *   test_golden_builtin DEVICE N                only the first N answers (ref takes seconds for each)
 *   test_golden_builtin DEVICE MODEL FILE DIR   other weights, other recordings, pictures in DIR (in $MLM_SHARED)
 */
#include "fusion/scan2d.h"
#include "tests/support/model_fixture.h"
#include "tests/support/tensor_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOUND      1e-4
#define N_REF      8
#define MAX_TOKENS 320
#define MAX_ANSWER 64

static const char *const pictures[N_REF] = {"scene0.png", "scene1.png", "scene2.png", "scene3.png",
                                            "scene4.png", "scene5.png", "photo0.png", "photo1.png"};

static const char *device      = "cpu";
static long        n_answers   = N_REF;
static char        model[512]  = MLM_SOURCE_DIR "/assets/models/mlmamba-tiny";
static char        record[512] = MLM_SOURCE_DIR "/tests/golden/data/builtin/reference.safetensors";
static char        images[512] = MLM_SOURCE_DIR "/assets/images";

static model_fixture F;
static golden        G;

static int setup(void **state)
{
    (void)state;
    if (!model_fixture_open(&F, model, device, 2, FIXTURE_ALL, 1, MAX_TOKENS, 0) ||
        !golden_open(&G, record, BOUND))
        return -1;
    G.q = F.q;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    golden_close(&G);
    model_fixture_close(&F);
    return 0;
}

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

/* The recordings of a scan are in scan order, the connector's are in token order. */
static void connector_stage(const char *stage, kn_tensor t, void *payload)
{
    golden *g = payload;
    int     d = 0;
    char    name[128];
    (void)snprintf(name, sizeof name, "%s%s", g->prefix, stage);
    if (sscanf(stage, "scan_y%d", &d) != 1) {
        golden_check(g, name, t);
        return;
    }
    if (!golden_has(g, name))
        return;
    int64_t  n = t.dim[1], width = t.dim[2], count = 0;
    int32_t *order = malloc((size_t)n * sizeof *order);
    float   *want = golden_f32(g, name, &count), *got = fixture_download(g->q, t),
          *scanned = malloc((size_t)(n * width) * 4);
    bool good      = order && want && got && scanned && count == n * width;
    if (good) {
        scan2d_fill(order, (scan2d_order)d, 16, 16);
        for (int64_t i = 0; i < n; i++)
            memcpy(scanned + i * width, got + order[i] * width, (size_t)width * sizeof *got);
        good = tensor_close(name, want, scanned, count, g->bound);
    }
    g->n_checked++;
    g->n_bad += good ? 0 : 1;
    free(order);
    free(want);
    free(got);
    free(scanned);
}

static float *read_picture(int ref)
{
    char         path[600];
    vision_image img    = {0};
    size_t       side   = (size_t)F.vision_cfg.tower[0].image_size;
    float       *pixels = malloc(3 * side * side * sizeof *pixels);
    assert_non_null(pixels);
    (void)snprintf(path, sizeof path, "%s/%s", images, pictures[ref]);
    ok(vision_image_load_file(&img, path, NULL));
    ok(vision_preprocess_run(&F.vision_cfg.preprocess[0], &img, pixels, NULL, NULL, NULL));
    vision_image_free(&img);
    return pixels;
}

/* F.rows from the picture, with every stage compared when `g` is given. */
static void run_picture(int ref, golden *g)
{
    float *pixels = read_picture(ref);
    if (g) {
        char    name[64];
        int64_t count = 0;
        (void)snprintf(name, sizeof name, "ref%d.pixel_values", ref);
        float *want = golden_f32(g, name, &count);
        assert_non_null(want);
        assert_true(tensor_close(name, want, pixels, count, 1e-6));
        free(want);
        (void)snprintf(g->prefix, sizeof g->prefix, "ref%d.vision.", ref);
    }
    ok(vision_encode(F.q, F.vision, &F.vision_s, pixels, 1, F.features, g ? golden_probe : NULL, g));
    if (g)
        (void)snprintf(g->prefix, sizeof g->prefix, "ref%d.connector.", ref);
    ok(connector_forward(F.q, F.connector, F.connector_s, F.features, F.rows, g ? connector_stage : NULL, g));
    free(pixels);
}

/* F.rows from the file, for pictures that are not shipped. */
static void load_rows(int ref)
{
    char    name[64];
    int64_t count = 0;
    (void)snprintf(name, sizeof name, "ref%d.connector.out", ref);
    float *rows = golden_f32(&G, name, &count);
    assert_non_null(rows);
    assert_int_equal(count, kn_count(F.rows));
    ok(kn_upload(F.q, F.rows, rows, (size_t)count * sizeof *rows));
    free(rows);
}

static int32_t *read_ids(int ref, const char *what, int *n)
{
    char    name[64];
    int64_t count = 0;
    (void)snprintf(name, sizeof name, "ref%d.%s", ref, what);
    int32_t *ids = golden_i32(&G, name, &count);
    assert_non_null(ids);
    *n = (int)count;
    return ids;
}

static void prefill(int ref, lm_state *st)
{
    int             n;
    int32_t        *ids  = read_ids(ref, "prompt_ids", &n);
    lm_prefill_args rows = {.x = F.rows, .n_rows = 1, .n_tokens = (int)F.rows.dim[1]};
    lm_prefill_args text = {.ids = ids, .n_rows = 1, .n_tokens = n, .logits = F.logits};
    ok(lm_prefill(F.q, F.lm, F.lm_s, st, &rows));
    ok(lm_prefill(F.q, F.lm, F.lm_s, st, &text));
    free(ids);
}

static void answer(int ref)
{
    int       n, k = 0;
    lm_state *st   = NULL;
    int32_t  *want = read_ids(ref, "answer_ids", &n), got[MAX_ANSWER];
    kn_arena  one  = {0};
    ok(kn_arena_create(&one, F.dev, 64));
    kn_tensor id = kn_arena_take(&one, KN_I32, 1, KN_DIMS(1));
    ok(lm_state_create(&st, F.lm, 1));
    prefill(ref, st);
    char name[64];
    (void)snprintf(name, sizeof name, "ref%d.lm.logits_first", ref);
    G.n_checked = G.n_bad = 0;
    golden_check(&G, name, F.logits);
    assert_int_equal(G.n_checked, 1);
    assert_int_equal(G.n_bad, 0);
    for (;;) {
        kn_argmax_args arg = {.x = F.logits, .ids = id, .n_valid = F.lm_cfg.vocab_size};
        ok(kn_argmax(F.q, &arg));
        ok(kn_download(F.q, &got[k], id, sizeof got[k]));
        if (got[k++] == F.eos_id || k == MAX_ANSWER)
            break;
        ok(lm_step(F.q, F.lm, F.lm_s, st, id, F.logits));
    }
    assert_int_equal(k, n);
    assert_memory_equal(got, want, (size_t)n * sizeof *want);
    free(want);
    lm_state_free(st);
    kn_arena_free(&one);
}

/* The recorded stages of the language model cover picture and prompt; ours come in two prefills. */
typedef struct lm_stages {
    golden *g;
    int64_t first; /* token at which this prefill starts */
} lm_stages;

static void lm_stage(const char *stage, kn_tensor t, void *payload)
{
    lm_stages *s = payload;
    char       name[64];
    (void)snprintf(name, sizeof name, "ref0.lm.%s", stage);
    if (!golden_has(s->g, name))
        return;
    int64_t count = 0, width = t.dim[2];
    float  *want = golden_f32(s->g, name, &count), *got = fixture_download(s->g->q, t);
    bool    good = want && got && (s->first + t.dim[1]) * width <= count &&
                tensor_close(name, want + s->first * width, got, kn_count(t), s->g->bound);
    s->g->n_checked++;
    s->g->n_bad += good ? 0 : 1;
    free(want);
    free(got);
}

static void test_every_stage(void **state)
{
    (void)state;
    G.n_checked = G.n_bad = 0;
    run_picture(0, &G);
    lm_state *st = NULL;
    ok(lm_state_create(&st, F.lm, 1));
    int             n;
    int32_t        *ids    = read_ids(0, "prompt_ids", &n);
    lm_stages       stages = {&G, 0};
    lm_prefill_args rows   = {.x             = F.rows,
                              .n_rows        = 1,
                              .n_tokens      = (int)F.rows.dim[1],
                              .probe         = lm_stage,
                              .probe_payload = &stages};
    ok(lm_prefill(F.q, F.lm, F.lm_s, st, &rows));
    stages.first         = rows.n_tokens;
    lm_prefill_args text = {.ids           = ids,
                            .n_rows        = 1,
                            .n_tokens      = n,
                            .logits        = F.logits,
                            .probe         = lm_stage,
                            .probe_payload = &stages};
    ok(lm_prefill(F.q, F.lm, F.lm_s, st, &text));
    assert_int_equal(n + rows.n_tokens, 269);
    free(ids);
    lm_state_free(st);
    print_message("%d stages compared\n", G.n_checked);
    assert_true(G.n_checked >= 15); /* 4 vision, 5 connector, 2 x 3 language model at least */
    assert_int_equal(G.n_bad, 0);
}

static void test_answers(void **state)
{
    (void)state;
    for (int ref = 0; ref < n_answers; ref++) {
        char name[64];
        (void)snprintf(name, sizeof name, "ref%d.connector.out", ref);
        if (ref > 0 && golden_has(&G, name))
            load_rows(ref);
        else
            run_picture(ref, NULL);
        answer(ref);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        device = argv[1];
    if (argc == 3)
        n_answers = strtol(argv[2], NULL, 10);
    if (n_answers < 1 || n_answers > N_REF)
        return 2;
    if (argc > 4) {
        const char *shared = getenv("MLM_SHARED");
        if (!shared || !mlm_path_is_dir(shared))
            return 77;
        (void)snprintf(model, sizeof model, "%s/%s", shared, argv[2]);
        (void)snprintf(record, sizeof record, "%s/%s", shared, argv[3]);
        (void)snprintf(images, sizeof images, "%s/%s", shared, argv[4]);
    }
    kn_device *dev = NULL; /* a GPU may be missing; anything else is a failure of setup */
    if (strncmp(device, "cuda", 4) == 0 &&
        kn_device_open(&dev, &(kn_device_options){.name = device}) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return 77;
    }
    kn_device_close(dev);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_stage), cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
