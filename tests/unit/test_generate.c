/*
 * The generation loop on the built-in weights: a row generates in any batch what it generates alone (ids,
 * log-probability, final state: bitwise), stops for each of the four reasons, and its state has been fed
 * exactly what it produced.
 */
#include "lm/generate.h"
#include "lm/lm_private.h"
#include "tests/support/model_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL  MLM_SOURCE_DIR "/assets/models/mlmamba-tiny"
#define RECORD MLM_SOURCE_DIR "/tests/golden/data/builtin/reference.safetensors"
#define ROWS   6

static model_fixture F;
static golden        G;
static tokenizer    *tok;
static lm_state     *prompted; /* after picture and prompt, rows of different questions */
static float        *first;    /* [ROWS, V] logits after the prompt                     */
static size_t        V, state_bytes;

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

static int setup(void **state)
{
    (void)state;
    if (!model_fixture_open(&F, MODEL, "cpu", 2, FIXTURE_LM, ROWS, 256, 0) ||
        !golden_open(&G, RECORD, 1e-4) || tokenizer_load(&tok, MODEL "/tokenizer.json") != MLM_OK ||
        lm_state_create(&prompted, F.lm, ROWS) != MLM_OK)
        return -1;
    G.q              = F.q;
    V                = (size_t)F.lm_cfg.vocab_rows;
    state_bytes      = lm_config_state_bytes(&F.lm_cfg);
    first            = malloc(ROWS * V * sizeof *first);
    int64_t  n       = 0;
    float   *picture = golden_f32(&G, "ref6.connector.out", &n);
    kn_arena dev     = {0};
    if (!first || !picture || kn_arena_create(&dev, F.dev, (size_t)n * 4) != MLM_OK)
        return -1;
    kn_tensor x   = kn_arena_take(&dev, KN_F32, 3, KN_DIMS(1, n / F.lm_cfg.d_model, F.lm_cfg.d_model));
    lm_state *one = NULL;
    ok(kn_upload(F.q, x, picture, (size_t)n * sizeof *picture));
    ok(lm_state_create(&one, F.lm, 1));
    for (int r = 0; r < ROWS; r++) {
        char name[32];
        (void)snprintf(name, sizeof name, "ref%d.prompt_ids", r);
        int32_t  *ids    = golden_i32(&G, name, &n);
        kn_tensor logits = kn_slice(F.logits, 0, 0, 1);
        ok(lm_state_reset(F.q, one));
        lm_prefill_args rows = {.x = x, .n_rows = 1, .n_tokens = (int)x.dim[1]};
        lm_prefill_args text = {.ids = ids, .n_rows = 1, .n_tokens = (int)n, .logits = logits};
        ok(lm_prefill(F.q, F.lm, F.lm_s, one, &rows));
        ok(lm_prefill(F.q, F.lm, F.lm_s, one, &text));
        ok(lm_state_copy_row(F.q, prompted, r, one, 0));
        ok(kn_download(F.q, first + (size_t)r * V, logits, V * sizeof *first));
        free(ids);
    }
    lm_state_free(one);
    kn_arena_free(&dev);
    free(picture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(first);
    lm_state_free(prompted);
    tokenizer_free(tok);
    golden_close(&G);
    model_fixture_close(&F);
    return 0;
}

/* Rows `from` .. from+n-1 of the prompted ones, generated together. */
typedef struct run {
    lm_row_result result[ROWS];
    float        *state[ROWS];
    char          text[ROWS][512];
    int           n, calls, stop_row, stop_after, cancel_after, polls;
    bool          no_states;
} run;

static bool on_piece(int row, int32_t id, const char *piece, void *payload)
{
    run *r = payload;
    (void)id;
    r->calls++;
    (void)strncat(r->text[row], piece, sizeof r->text[row] - strlen(r->text[row]) - 1);
    return !(row == r->stop_row && --r->stop_after == 0);
}

static bool is_cancelled(void *payload)
{
    run *r = payload;
    return r->cancel_after > 0 && r->polls++ == r->cancel_after;
}

static void generate(run *r, int from, int n, int max_new, const sampler_options *sampling, bool want_logprob)
{
    lm_state *st = NULL, *kept = NULL;
    kn_tensor logits = kn_slice(F.logits, 0, 0, n);
    r->n             = n;
    ok(lm_state_create(&st, F.lm, n));
    ok(lm_state_create(&kept, F.lm, n));
    for (int i = 0; i < n; i++)
        ok(lm_state_copy_row(F.q, st, i, prompted, from + i));
    ok(kn_upload(F.q, logits, first + (size_t)from * V, (size_t)n * V * sizeof *first));
    lm_generate_args a = {.tok            = tok,
                          .state          = st,
                          .kept           = r->no_states ? NULL : kept,
                          .logits         = logits,
                          .n_rows         = n,
                          .max_new_tokens = max_new,
                          .end_id         = F.eos_id,
                          .want_logprob   = want_logprob,
                          .sampling       = sampling,
                          .is_cancelled   = is_cancelled,
                          .on_piece       = on_piece,
                          .payload        = r};
    ok(lm_generate(F.q, F.lm, F.lm_s, &a, r->result));
    for (int i = 0; i < n; i++) {
        r->state[i] = malloc(state_bytes);
        assert_non_null(r->state[i]);
        ok(lm_state_export_row(F.q, kept, i, r->state[i], state_bytes));
    }
    lm_state_free(st);
    lm_state_free(kept);
}

static void run_free(run *r)
{
    for (int i = 0; i < r->n; i++) {
        token_list_free(&r->result[i].ids);
        free(r->state[i]);
    }
    memset(r, 0, sizeof *r);
}

/* The state of a prompted row after exactly these tokens, one step each. */
static void assert_fed(int row, const token_list *ids, const float *got)
{
    lm_state *st = NULL;
    kn_arena  a  = {0};
    ok(lm_state_create(&st, F.lm, 1));
    ok(lm_state_copy_row(F.q, st, 0, prompted, row));
    ok(kn_arena_create(&a, F.dev, 64));
    kn_tensor id = kn_arena_take(&a, KN_I32, 1, KN_DIMS(1));
    for (size_t i = 0; i < ids->count; i++) {
        ok(kn_upload(F.q, id, &ids->ids[i], sizeof(int32_t)));
        ok(lm_step(F.q, F.lm, F.lm_s, st, id, kn_slice(F.logits, 0, 0, 1)));
    }
    float *want = malloc(state_bytes);
    assert_non_null(want);
    ok(lm_state_export_row(F.q, st, 0, want, state_bytes));
    assert_memory_equal(want, got, state_bytes);
    free(want);
    lm_state_free(st);
    kn_arena_free(&a);
}

static void assert_equal_rows(const run *a, int i, const run *b, int j, bool logprob)
{
    const lm_row_result *x = &a->result[i], *y = &b->result[j];
    assert_int_equal(x->ids.count, y->ids.count);
    if (x->ids.count > 0)
        assert_memory_equal(x->ids.ids, y->ids.ids, x->ids.count * sizeof(int32_t));
    assert_int_equal(x->finish, y->finish);
    assert_string_equal(a->text[i], b->text[j]);
    if (logprob)
        assert_memory_equal(&x->logprob, &y->logprob, sizeof x->logprob);
    if (!a->no_states && !b->no_states)
        assert_memory_equal(a->state[i], b->state[j], state_bytes);
}

static void check_batch_is_single(int max_new)
{
    run all     = {.stop_row = -1};
    run loose   = {.stop_row = -1, .no_states = true};
    int stopped = 0;
    generate(&all, 0, ROWS, max_new, NULL, true);
    generate(&loose, 0, ROWS, max_new, NULL, false);
    for (int i = 0; i < ROWS; i++) {
        run alone = {.stop_row = -1}, quick = {.stop_row = -1};
        generate(&alone, i, 1, max_new, NULL, true);
        generate(&quick, i, 1, max_new, NULL, false); /* argmax on the device */
        assert_equal_rows(&all, i, &alone, 0, true);
        assert_equal_rows(&all, i, &quick, 0, false);
        assert_equal_rows(&all, i, &loose, i, false);
        assert_true(quick.result[0].logprob == 0.0);
        assert_true(isfinite(alone.result[0].logprob) && alone.result[0].logprob < 0.0);
        assert_true(alone.result[0].first_ms <= alone.result[0].last_ms);
        assert_fed(i, &all.result[i].ids, all.state[i]);
        stopped += all.result[i].finish == LM_FINISH_STOP;
        if (all.result[i].finish == LM_FINISH_LENGTH)
            assert_int_equal(all.result[i].ids.count, max_new);
        run_free(&alone);
        run_free(&quick);
    }
    print_message("max_new %d: %d of %d rows stopped by themselves, first text '%s'\n", max_new, stopped,
                  ROWS, all.text[0]);
    run_free(&all);
    run_free(&loose);
}

static void test_batch_is_single(void **state)
{
    (void)state;
    check_batch_is_single(1);
    check_batch_is_single(4); /* some rows stop, others reach the limit */
    check_batch_is_single(64);
}

static void test_sampled_batch_is_single(void **state)
{
    (void)state;
    const sampler_options o   = {.temperature = 1.5f, .top_k = 50, .seed = 42};
    run                   all = {.stop_row = -1}, again = {.stop_row = -1};
    generate(&all, 0, ROWS, 12, &o, true);
    generate(&again, 0, ROWS, 12, &o, true);
    for (int i = 0; i < ROWS; i++) {
        run alone = {.stop_row = -1};
        generate(&alone, i, 1, 12, &o, true);
        assert_equal_rows(&all, i, &alone, 0, true);
        assert_equal_rows(&all, i, &again, i, true);
        assert_fed(i, &all.result[i].ids, all.state[i]);
        run_free(&alone);
    }
    run_free(&all);
    run_free(&again);
}

static void test_callback_stops_one_row(void **state)
{
    (void)state;
    run plain = {.stop_row = -1}, stopped = {.stop_row = 3, .stop_after = 2};
    generate(&plain, 0, ROWS, 64, NULL, true);
    generate(&stopped, 0, ROWS, 64, NULL, true);
    assert_int_equal(stopped.result[3].finish, LM_FINISH_CALLBACK);
    assert_int_equal(stopped.result[3].ids.count, 2);
    assert_fed(3, &stopped.result[3].ids, stopped.state[3]);
    for (int i = 0; i < ROWS; i++)
        if (i != 3)
            assert_equal_rows(&plain, i, &stopped, i, true);
    run_free(&plain);
    run_free(&stopped);
}

static void test_cancel(void **state)
{
    (void)state;
    run r = {.stop_row = -1, .cancel_after = 2};
    generate(&r, 0, ROWS, 64, NULL, true);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(r.result[i].finish, LM_FINISH_CANCELLED);
        assert_int_equal(r.result[i].ids.count, 2);
        assert_fed(i, &r.result[i].ids, r.state[i]);
    }
    assert_int_equal(r.polls, 3); /* once per token, and not again */
    run_free(&r);
}

static void test_limits(void **state)
{
    (void)state;
    run none = {.stop_row = -1};
    generate(&none, 0, 2, 0, NULL, true);
    assert_int_equal(none.calls, 0);
    assert_int_equal(none.result[1].finish, LM_FINISH_LENGTH);
    assert_int_equal(none.result[1].ids.count, 0);
    run_free(&none);
    lm_row_result    res[ROWS + 1] = {0};
    lm_generate_args a = {.state = prompted, .logits = F.logits, .n_rows = ROWS + 1, .max_new_tokens = 1};
    assert_int_equal(lm_generate(F.q, F.lm, F.lm_s, &a, res), MLM_E_RANGE);
    assert_int_equal(res[ROWS].finish, LM_FINISH_ERROR);
    assert_int_equal(res[ROWS].status, MLM_E_RANGE);
    a.n_rows = ROWS;
    a.kept   = prompted; /* rows move about in `state`, so it cannot also be where they are kept */
    assert_int_equal(lm_generate(F.q, F.lm, F.lm_s, &a, res), MLM_E_RANGE);
    a.kept           = NULL;
    a.n_rows         = 1;
    a.max_new_tokens = -1;
    assert_int_equal(lm_generate(F.q, F.lm, F.lm_s, &a, res), MLM_E_RANGE);
}

/* Puts NaN into what row `r` of `st` has remembered. */
static void spoil_state(lm_state *st, int r)
{
    float *nan = malloc(state_bytes);
    assert_non_null(nan);
    for (size_t i = 0; i < state_bytes / sizeof *nan; i++)
        nan[i] = NAN;
    int64_t n = st->ssm.stride[1];
    for (int layer = 0; layer < F.lm_cfg.n_layers; layer++)
        ok(kn_upload(
            F.q,
            kn_tensor_make(st->ssm.buf,
                           st->ssm.offset + (size_t)(layer * st->ssm.stride[0] + r * n) * sizeof(float),
                           KN_F32, 1, KN_DIMS(n)),
            nan, (size_t)n * sizeof *nan));
    free(nan);
}

/* A NaN from a broken device is an error of its row, never text; the other rows answer as without it.  In the first
 * logits (at once) or in the state (after one token). */
static void check_nan(bool in_logits, bool want_logprob)
{
    run           plain     = {.stop_row = -1};
    lm_state     *st        = NULL;
    kn_tensor     logits    = kn_slice(F.logits, 0, 0, ROWS);
    float        *bad       = malloc(V * sizeof *bad);
    lm_row_result res[ROWS] = {0};
    assert_non_null(bad);
    for (size_t i = 0; i < V; i++)
        bad[i] = NAN;
    generate(&plain, 0, ROWS, 64, NULL, want_logprob);
    ok(lm_state_create(&st, F.lm, ROWS));
    for (int i = 0; i < ROWS; i++)
        ok(lm_state_copy_row(F.q, st, i, prompted, i));
    ok(kn_upload(F.q, logits, first, ROWS * V * sizeof *first));
    if (in_logits)
        ok(kn_upload(F.q, kn_slice(logits, 0, 2, 1), bad, V * sizeof *bad));
    else
        spoil_state(st, 2);
    lm_generate_args a = {.state          = st,
                          .logits         = logits,
                          .n_rows         = ROWS,
                          .max_new_tokens = 64,
                          .end_id         = F.eos_id,
                          .want_logprob   = want_logprob};
    ok(lm_generate(F.q, F.lm, F.lm_s, &a, res));
    for (int i = 0; i < ROWS; i++) {
        if (i == 2) {
            assert_int_equal(res[i].finish, LM_FINISH_ERROR);
            assert_int_equal(res[i].status, MLM_E_DEVICE);
            assert_non_null(strstr(res[i].message, "no finite logit"));
            assert_int_equal(res[i].ids.count, in_logits ? 0 : 1);
        } else {
            assert_int_equal(res[i].finish, plain.result[i].finish);
            assert_int_equal(res[i].status, MLM_OK);
            assert_int_equal(res[i].ids.count, plain.result[i].ids.count);
            assert_memory_equal(res[i].ids.ids, plain.result[i].ids.ids, res[i].ids.count * sizeof(int32_t));
            assert_true(res[i].logprob == plain.result[i].logprob);
        }
        token_list_free(&res[i].ids);
    }
    free(bad);
    lm_state_free(st);
    run_free(&plain);
}

static void test_nan_ends_its_row(void **state)
{
    (void)state;
    check_nan(true, false);
    check_nan(true, true);
    check_nan(false, false);
    check_nan(false, true);
}

/* A prefill of several pieces asks before each of them. */
static bool cancel_third(void *payload)
{
    int *polls = payload;
    return ++*polls == 3;
}

static void test_prefill_is_cancelled(void **state)
{
    enum { N = 256 * 3 + 1 };
    int       polls = 0;
    int32_t  *ids   = calloc(N, sizeof *ids);
    lm_state *st    = NULL;
    (void)state;
    assert_non_null(ids);
    ok(lm_state_create(&st, F.lm, 1));
    lm_prefill_args a = {
        .ids = ids, .n_rows = 1, .n_tokens = N, .is_cancelled = cancel_third, .cancel_payload = &polls};
    assert_int_equal(lm_prefill(F.q, F.lm, F.lm_s, st, &a), MLM_E_CANCELLED);
    assert_int_equal(polls, 3);
    ok(lm_prefill(F.q, F.lm, F.lm_s, st, &a)); /* polls 4 to 7 */
    assert_int_equal(polls, 7);
    lm_state_free(st);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_is_single),
        cmocka_unit_test(test_sampled_batch_is_single),
        cmocka_unit_test(test_callback_stops_one_row),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nan_ends_its_row),
        cmocka_unit_test(test_prefill_is_cancelled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
