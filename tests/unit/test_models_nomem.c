/*
 * Every allocation of loading a whole model fails once: the answer is MLM_E_NOMEM, nothing is left behind.
 * And tensors of a wrong shape or name are refused by name.
 */
#include "kernels/backend.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/formula_weights.h"
#include "tests/support/model_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL     MLM_SOURCE_DIR "/tests/golden/data/models/small"
#define COBRA_LDP MLM_SOURCE_DIR "/tests/golden/data/variants/cobra-ldp" /* CLIP, a pooled grid, Mamba */

/* Loads all parts and makes a state; frees everything. */
static mlm_status load_all(kn_queue *q, kn_weights *w, const vision_config *v, const connector_config *cc,
                           const lm_config *lc)
{
    vision_encoder    *enc = NULL;
    connector         *con = NULL;
    lm_model          *lm  = NULL;
    lm_state          *st  = NULL;
    lm_scratch        *ls  = NULL;
    connector_scratch *cs  = NULL;
    kn_arena           a   = {0};
    mlm_status         s;
    MLM_TRY_GOTO(s, vision_encoder_load(&enc, q, v, w), out);
    MLM_TRY_GOTO(s, connector_load(&con, q, cc, w, "connector."), out);
    MLM_TRY_GOTO(s, lm_model_load(&lm, q, lc, w, "language_model."), out);
    MLM_TRY_GOTO(s, lm_state_create(&st, lm, 3), out);
    kn_arena_measure(&a, kn_queue_device(q));
    MLM_TRY_GOTO(s, lm_scratch_create(&ls, &a, lc, 2, 8), out);
    MLM_TRY_GOTO(s, connector_scratch_create(&cs, &a, cc, 2), out);
out:
    lm_scratch_free(ls);
    connector_scratch_free(cs);
    lm_state_free(st);
    lm_model_free(lm);
    connector_free(con);
    vision_encoder_free(enc);
    return s;
}

static void sweep(const char *dir, const char *device)
{
    model_fixture f;
    assert_true(model_fixture_open(&f, dir, device, 1, FIXTURE_ALL, 1, 4, 0));
    assert_int_equal(load_all(f.q, f.weights, &f.vision_cfg, f.connector_cfg, &f.lm_cfg), MLM_OK);
    long before = alloc_fail_live(), n = 1;
    for (;; n++) {
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status s       = load_all(f.q, f.weights, &f.vision_cfg, f.connector_cfg, &f.lm_cfg);
        bool       reached = alloc_fail_stop();
        assert_int_equal(s, reached ? MLM_E_NOMEM : MLM_OK);
        assert_int_equal(alloc_fail_live(), before);
        if (!reached)
            break;
    }
    assert_true(n > 50);
    model_fixture_close(&f);
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    temp_dir dir;
    temp_dir_open(&dir);
    assert_true(formula_weights_write(&dir, COBRA_LDP));
    sweep(MODEL, "ref");
    sweep(MODEL, "cpu");
    sweep(dir.path, "cpu");
    temp_dir_close(&dir);
}

static void test_wrong_tensors(void **state)
{
    (void)state;
    model_fixture f;
    lm_model     *lm = NULL;
    assert_true(model_fixture_open(&f, MODEL, "ref", 1, FIXTURE_ALL, 1, 4, 0));
    lm_config c = f.lm_cfg;
    c.vocab_rows++;
    assert_int_equal(lm_model_load(&lm, f.q, &c, f.weights, "language_model."), MLM_E_SHAPE);
    assert_non_null(strstr(mlm_error_message(), "backbone.embeddings.weight"));
    assert_null(lm);
    c = f.lm_cfg;
    c.n_layers++;
    assert_int_equal(lm_model_load(&lm, f.q, &c, f.weights, "language_model."), MLM_E_NOTFOUND);
    assert_non_null(strstr(mlm_error_message(), "language_model.backbone.layers.2"));
    vision_config   v   = f.vision_cfg;
    vision_encoder *enc = NULL;
    v.tower[0].pos_grid--;
    assert_int_equal(vision_encoder_load(&enc, f.q, &v, f.weights), MLM_E_SHAPE);
    assert_non_null(strstr(mlm_error_message(), "vision_tower.0.pos_embed"));
    /* a right file leaves no tensor unused */
    const char *unused[4];
    int64_t     n = kn_weights_unused(f.weights, unused, 4);
    if (n > 0)
        fail_msg("%lld tensors unused, the first is %s", (long long)n, unused[0]);
    model_fixture_close(&f);
}

/* A device that counts what is reserved for matrices, and what they take then. */
static const kn_backend *real;
static size_t            reserved, taken;
static int               n_open;

static mlm_status count_reserve(kn_device *dev, size_t bytes)
{
    (void)dev;
    n_open = bytes > 0 ? n_open + 1 : 0;
    assert_true(n_open <= 1);
    reserved += bytes;
    return MLM_OK;
}

static mlm_status count_matrix(kn_matrix *m, const kn_matrix_part *parts, int n_parts)
{
    for (int i = 0; i < n_parts; i++)
        taken += kn_matrix_room(parts[i].out, parts[i].in, parts[i].dtype);
    assert_int_equal(n_open, 1);
    return real->matrix_create(m, parts, n_parts);
}

static void test_matrices_are_reserved(void **state)
{
    static const char *const models[] = {MODEL, MLM_SOURCE_DIR "/assets/models/mlmamba-tiny"};
    (void)state;
    for (int i = 0; i < 2; i++)
        for (int act = 0; act < 2; act++) { /* bf16: LayerScale is folded into weights */
            model_fixture f;
            kn_backend    counting;
            assert_true(model_fixture_open(&f, models[i], "cpu", 1, FIXTURE_ALL, 1, 4, 0));
            real                   = f.dev->be;
            counting               = *real;
            counting.reserve       = count_reserve;
            counting.matrix_create = count_matrix;
            f.dev->be              = &counting;
            reserved = taken = 0;
            if (act)
                vision_config_set_dtype(&f.vision_cfg, KN_BF16);
            assert_int_equal(load_all(f.q, f.weights, &f.vision_cfg, f.connector_cfg, &f.lm_cfg), MLM_OK);
            assert_true(taken > 0 && reserved == taken);
            assert_int_equal(n_open, 0);
            f.dev->be = real;
            model_fixture_close(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_matrices_are_reserved),
                                       cmocka_unit_test(test_wrong_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
