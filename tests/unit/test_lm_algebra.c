/*
 * What must hold for the language model without any reference, on the built-in weights (with the argument "mamba" on a
 * small Mamba model; behind it, a device: "cuda+det"): a prefill equals its steps and its pieces, a row equals itself in any batch, padding changes
 * nothing, a state is a value.
 */
#include "kernels/base/mlm_rng.h"
#include "tests/support/formula_weights.h"
#include "tests/support/model_fixture.h"
#include "tests/support/tensor_compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ROWS 7
#define MAX_T    40

static const char *model     = MLM_SOURCE_DIR "/assets/models/mlmamba-tiny";
static uint32_t    n_ids     = 3000;
static bool        is_mamba1 = false;
static const char *device2   = "cpu"; /* beside ref */

static void ok(mlm_status st)
{
    if (st != MLM_OK)
        fail_msg("%s: %s", mlm_status_name(st), mlm_error_message());
}

static void open_lm(model_fixture *f, const char *device, int threads, int max_tokens)
{
    assert_true(model_fixture_open(f, model, device, threads, FIXTURE_LM, MAX_ROWS, max_tokens, 0));
    assert_int_equal(f->lm_cfg.kind, is_mamba1 ? LM_MAMBA1 : LM_MAMBA2);
    if (!(kn_device_caps(f->dev) & KN_CAP_HOST))
        lm_scratch_pad_tokens(f->lm_s, 16);
}

static void random_ids(int32_t *ids, int n, uint64_t seed)
{
    mlm_rng r = mlm_rng_seed(seed, 1);
    for (int i = 0; i < n; i++)
        ids[i] = (int32_t)(mlm_rng_next(&r) % n_ids);
}

/* What a run leaves behind for one row: its logits, then its state. */
typedef struct outcome {
    float *v;
    size_t n_logits, n;
} outcome;

static outcome take(model_fixture *f, lm_state *st, int row)
{
    size_t  state = lm_config_state_bytes(&f->lm_cfg);
    outcome o     = {.n_logits = (size_t)f->lm_cfg.vocab_rows};
    o.n           = o.n_logits + state / sizeof(float);
    o.v           = malloc(o.n * sizeof *o.v);
    assert_non_null(o.v);
    ok(kn_download(f->q, o.v, kn_row(f->logits, row), o.n_logits * sizeof *o.v));
    ok(lm_state_export_row(f->q, st, row, o.v + o.n_logits, state));
    return o;
}

static void assert_same(outcome a, outcome b)
{
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.v, b.v, a.n * sizeof *a.v);
}

static void assert_close(outcome a, outcome b, double bound)
{
    assert_int_equal(a.n, b.n);
    assert_true(tensor_close("logits", a.v, b.v, (int64_t)a.n_logits, bound));
    assert_true(
        tensor_close("state", a.v + a.n_logits, b.v + a.n_logits, (int64_t)(a.n - a.n_logits), bound));
}

/* One row alone, from a zero state, as prefills of the given lengths. */
static outcome run_alone(model_fixture *f, const int32_t *ids, const int *lengths, int n_lengths)
{
    lm_state *st = NULL;
    ok(lm_state_create(&st, f->lm, 1));
    for (int i = 0; i < n_lengths; ids += lengths[i], i++) {
        lm_prefill_args a = {
            .ids = ids, .n_rows = 1, .n_tokens = lengths[i], .logits = kn_slice(f->logits, 0, 0, 1)};
        ok(lm_prefill(f->q, f->lm, f->lm_s, st, &a));
    }
    outcome o = take(f, st, 0);
    lm_state_free(st);
    return o;
}

static outcome run_steps(model_fixture *f, const int32_t *ids, int n)
{
    lm_state *st  = NULL;
    kn_arena  one = {0};
    ok(lm_state_create(&st, f->lm, 1));
    ok(kn_arena_create(&one, f->dev, 64));
    kn_tensor id = kn_arena_take(&one, KN_I32, 1, KN_DIMS(1));
    for (int t = 0; t < n; t++) {
        ok(kn_upload(f->q, id, &ids[t], sizeof ids[t]));
        ok(lm_step(f->q, f->lm, f->lm_s, st, id, kn_slice(f->logits, 0, 0, 1)));
    }
    outcome o = take(f, st, 0);
    lm_state_free(st);
    kn_arena_free(&one);
    return o;
}

static void check_steps_and_pieces(const char *device, int T, bool bitwise)
{
    int32_t ids[MAX_T];
    random_ids(ids, T, 11);
    model_fixture f;
    open_lm(&f, device, 2, MAX_T);
    outcome whole = run_alone(&f, ids, &T, 1), steps = run_steps(&f, ids, T);
    for (size_t i = 0; i < whole.n; i++)
        assert_true(isfinite(whole.v[i]));
    const int cuts[] = {1, 3, T / 2, T - 1};
    for (int i = 0; i < 4; i++) {
        outcome parts = run_alone(&f, ids, (const int[]){cuts[i], T - cuts[i]}, 2);
        if (bitwise)
            assert_same(whole, parts);
        else
            assert_close(whole, parts, 1e-4);
        free(parts.v);
    }
    if (bitwise)
        assert_same(whole, steps);
    else
        assert_close(whole, steps, 1e-4);
    model_fixture_close(&f);
    /* a scratch of 4 tokens cuts the same prefill into pieces by itself */
    open_lm(&f, device, 2, 4);
    outcome pieces = run_alone(&f, ids, &T, 1);
    if (bitwise)
        assert_same(whole, pieces);
    else
        assert_close(whole, pieces, 1e-4);
    /* and the test can fail: another last token is another outcome */
    ids[T - 1]++;
    outcome other = run_alone(&f, ids, &T, 1);
    assert_memory_not_equal(whole.v, other.v, whole.n_logits * sizeof *whole.v);
    free(whole.v);
    free(steps.v);
    free(pieces.v);
    free(other.v);
    model_fixture_close(&f);
}

static void test_steps_and_pieces_ref(void **state)
{
    (void)state;
    check_steps_and_pieces("ref", 9, true);
}

static void test_steps_and_pieces_cpu(void **state)
{
    (void)state;
    check_steps_and_pieces(device2, MAX_T,
                           is_mamba1 && strcmp(device2, "cpu") == 0); /* the scan of Mamba has no chunks */
}

/* One row in the room of all: 300 tokens in two even pieces (192 and 108), with the outcome of one piece. */
static void test_shared_room(void **state)
{
    int32_t       ids[300];
    const int     T = 300;
    model_fixture f;
    (void)state;
    random_ids(ids, T, 29);
    open_lm(&f, device2, 2, T);
    outcome whole = run_alone(&f, ids, &T, 1);
    model_fixture_close(&f);
    open_lm(&f, device2, 2, 40); /* 280 tokens for one of 7 rows */
    lm_scratch_share_tokens(f.lm_s, 1000);
    outcome shared = run_alone(&f, ids, &T, 1);
    assert_close(whole, shared, 1e-4);
    free(whole.v);
    free(shared.v);
    model_fixture_close(&f);
}

/* Rows of different lengths in one padded batch against the rows alone. */
static void check_batch(const char *device, int threads, int n_rows, int T, int max_tokens)
{
    static const int lengths[MAX_ROWS] = {MAX_T, 1, 17, 5, MAX_T - 1, 2, 30};
    int32_t          ids[MAX_ROWS * MAX_T], len[MAX_ROWS];
    outcome          alone[MAX_ROWS];
    model_fixture    f;
    random_ids(ids, n_rows * T, 23);
    open_lm(&f, device, threads, max_tokens);
    for (int b = 0; b < n_rows; b++) {
        len[b]   = lengths[b] < T ? lengths[b] : T - b % 2;
        alone[b] = run_alone(&f, ids + b * T, &(int){len[b]}, 1);
        for (int t = len[b]; t < T; t++)
            ids[b * T + t] = -77; /* padding is never looked at */
    }
    lm_state *st = NULL;
    ok(lm_state_create(&st, f.lm, MAX_ROWS));
    lm_prefill_args a = {
        .ids = ids, .n_rows = n_rows, .n_tokens = T, .len = len, .logits = kn_slice(f.logits, 0, 0, n_rows)};
    ok(lm_prefill(f.q, f.lm, f.lm_s, st, &a));
    for (int b = 0; b < n_rows; b++) {
        outcome o = take(&f, st, b);
        assert_same(alone[b], o);
        free(o.v);
        free(alone[b].v);
    }
    lm_state_free(st);
    model_fixture_close(&f);
}

static void test_row_in_batch(void **state)
{
    (void)state;
    check_batch("ref", 1, 2, 6, MAX_T);
    for (int threads = 1; threads <= 2; threads++) {
        check_batch(device2, threads, 2, MAX_T, MAX_T);
        check_batch(device2, threads, 3, MAX_T, MAX_T);
        check_batch(device2, threads, 7, MAX_T, MAX_T);
    }
}

/* In pieces a row may end before the last piece: its logits are kept, its state rests. */
static void test_rows_that_end_early(void **state)
{
    (void)state;
    check_batch(device2, 2, 7, MAX_T, 8);
    check_batch("ref", 1, 2, 6, 4);
}

static void test_empty_row(void **state)
{
    (void)state;
    model_fixture f;
    open_lm(&f, device2, 2, 8);
    int32_t   ids[12] = {5, 6, 7, 8, 9, 10};
    lm_state *st      = NULL;
    ok(lm_state_create(&st, f.lm, 2));
    lm_prefill_args first = {
        .ids = (int32_t[]){1, 2, 3, 4}, .n_rows = 2, .n_tokens = 2, .logits = kn_slice(f.logits, 0, 0, 2)};
    ok(lm_prefill(f.q, f.lm, f.lm_s, st, &first));
    outcome         before = take(&f, st, 1);
    lm_prefill_args next   = {.ids      = ids,
                              .n_rows   = 2,
                              .n_tokens = 6,
                              .len      = (int32_t[]){6, 0},
                              .logits   = kn_slice(f.logits, 0, 0, 2)};
    ok(lm_prefill(f.q, f.lm, f.lm_s, st, &next));
    outcome after = take(&f, st, 1);
    assert_memory_equal(before.v + before.n_logits, after.v + after.n_logits,
                        (before.n - before.n_logits) * sizeof(float));
    for (size_t i = 0; i < after.n_logits; i++)
        assert_true(isfinite(after.v[i]));
    free(before.v);
    free(after.v);
    lm_state_free(st);
    model_fixture_close(&f);
}

static void test_state_is_a_value(void **state)
{
    (void)state;
    model_fixture f;
    open_lm(&f, device2, 2, MAX_T);
    int32_t ids[20];
    int     n = 20;
    random_ids(ids, n, 5);
    outcome   want = run_alone(&f, ids, (const int[]){12, 8}, 2);
    lm_state *a = NULL, *b = NULL;
    ok(lm_state_create(&a, f.lm, 3));
    ok(lm_state_create(&b, f.lm, 2));
    assert_int_equal(lm_state_bytes(a), 3 * lm_config_state_bytes(&f.lm_cfg));
    lm_prefill_args first = {.ids = ids, .n_rows = 1, .n_tokens = 12};
    ok(lm_prefill(f.q, f.lm, f.lm_s, a, &first));
    size_t bytes = lm_config_state_bytes(&f.lm_cfg);
    float *blob  = malloc(bytes + 1);
    assert_non_null(blob);
    ok(lm_state_copy_row(f.q, a, 2, a, 0)); /* fork inside a state, then to another one */
    ok(lm_state_copy_row(f.q, b, 1, a, 2));
    ok(lm_state_export_row(f.q, b, 1, blob, bytes));
    ok(lm_state_import_row(f.q, b, 0, blob, bytes));
    ok(lm_state_reset(f.q, a));
    lm_prefill_args next = {.ids = (int32_t[]){ids[12], ids[13], ids[14], ids[15], ids[16], ids[17], ids[18],
                                               ids[19], ids[12], ids[13], ids[14], ids[15], ids[16], ids[17],
                                               ids[18], ids[19]},
                            .n_rows   = 2,
                            .n_tokens = 8,
                            .logits   = kn_slice(f.logits, 0, 0, 2)};
    ok(lm_prefill(f.q, f.lm, f.lm_s, b, &next));
    for (int row = 0; row < 2; row++) {
        outcome got = take(&f, b, row);
        assert_same(want, got);
        free(got.v);
    }
    ok(lm_prefill(f.q, f.lm, f.lm_s, a, &first)); /* reset really is the zero state */
    ok(lm_state_copy_row(f.q, b, 0, a, 0));
    float *again = malloc(bytes);
    assert_non_null(again);
    ok(lm_state_export_row(f.q, b, 0, again, bytes));
    assert_memory_equal(blob, again, bytes);

    blob[7] = NAN;
    assert_int_equal(lm_state_import_row(f.q, b, 0, blob, bytes), MLM_E_FORMAT);
    blob[7] = INFINITY;
    assert_int_equal(lm_state_import_row(f.q, b, 0, blob, bytes), MLM_E_FORMAT);
    assert_int_equal(lm_state_import_row(f.q, b, 0, blob, bytes - 4), MLM_E_SHAPE);
    assert_int_equal(lm_state_export_row(f.q, b, 2, blob, bytes), MLM_E_RANGE);
    assert_int_equal(lm_state_copy_row(f.q, b, -1, a, 0), MLM_E_RANGE);
    free(want.v);
    free(blob);
    free(again);
    lm_state_free(a);
    lm_state_free(b);
    model_fixture_close(&f);
}

/* Lent states are lent again, are as good as others, and there are more when they are all gone. */
static void test_pool(void **state)
{
    (void)state;
    model_fixture  f;
    lm_state_pool *pool  = NULL;
    lm_state      *st[3] = {NULL}, *again = NULL;
    int32_t        ids[12];
    int            n = 12;
    open_lm(&f, device2, 2, MAX_T);
    random_ids(ids, n, 5);
    outcome want = run_alone(&f, ids, &n, 1);
    assert_int_equal(lm_state_pool_create(&pool, f.lm, -1), MLM_E_RANGE);
    ok(lm_state_pool_create(&pool, f.lm, 2));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            ok(lm_state_take(&st[i], pool));
            assert_int_equal(lm_state_rows(st[i]), 1);
            assert_int_equal(lm_state_bytes(st[i]), lm_config_state_bytes(&f.lm_cfg));
            ok(lm_state_reset(f.q, st[i]));
        }
        for (int i = 0; i < 3; i++) {
            lm_prefill_args a = {
                .ids = ids, .n_rows = 1, .n_tokens = n, .logits = kn_slice(f.logits, 0, 0, 1)};
            ok(lm_prefill(f.q, f.lm, f.lm_s, st[i], &a));
            outcome got = take(&f, st[i], 0);
            assert_same(want, got);
            free(got.v);
        }
        for (int i = 0; i < 3; i++)
            lm_state_free(st[i]);
        ok(lm_state_take(&again, pool));
        assert_true(again == st[0] || again == st[1]);
        lm_state_free(again);
    }
    lm_state_pool_free(pool);
    ok(lm_state_pool_create(&pool, f.lm, 0));
    ok(lm_state_take(&again, pool));
    lm_state_free(again);
    lm_state_pool_free(pool);
    assert_int_equal(lm_step_rows(f.lm_s, 5), 5);
    free(want.v);
    model_fixture_close(&f);
}

/* Embeddings [1,n,D], each of them some number below one. */
static kn_tensor make_rows(model_fixture *f, kn_arena *arena, int n)
{
    int64_t D = f->lm_cfg.d_model;
    float  *v = malloc((size_t)(n * D) * sizeof *v);
    mlm_rng r = mlm_rng_seed(17, (uint64_t)n);
    assert_non_null(v);
    ok(kn_arena_create(arena, f->dev, (size_t)(n * D) * sizeof *v));
    for (int64_t i = 0; i < n * D; i++)
        v[i] = mlm_rng_uniform(&r) - 0.5f;
    kn_tensor x = kn_arena_take(arena, KN_F32, 3, KN_DIMS(1, n, D));
    ok(kn_upload(f->q, x, v, (size_t)(n * D) * sizeof *v));
    free(v);
    return x;
}

/* Embeddings and then ids: two prefills with a copy of the state between them, or one with both. */
static void run_behind_rows(model_fixture *f, kn_tensor x, const int32_t *ids, int count, bool joined,
                            outcome *between, outcome *end)
{
    lm_state       *st = NULL, *kept = NULL;
    kn_tensor       logits = kn_slice(f->logits, 0, 0, 1);
    lm_prefill_args a = {.x = x, .n_rows = 1, .n_tokens = (int)x.dim[1]}, b = {.ids = ids, .n_rows = 1};
    ok(lm_state_create(&st, f->lm, 1));
    ok(lm_state_create(&kept, f->lm, 1));
    if (joined) {
        a.ids     = ids;
        a.n_ids   = count;
        a.between = kept;
        a.logits  = logits;
        ok(lm_prefill(f->q, f->lm, f->lm_s, st, &a));
    } else {
        b.n_tokens = count;
        b.logits   = logits;
        ok(lm_prefill(f->q, f->lm, f->lm_s, st, &a));
        ok(lm_state_copy_row(f->q, kept, 0, st, 0));
        ok(lm_prefill(f->q, f->lm, f->lm_s, st, &b));
    }
    *end     = take(f, st, 0);
    *between = take(f, kept, 0);
    lm_state_free(st);
    lm_state_free(kept);
}

static void test_rows_and_ids(void **state)
{
    (void)state;
    const char *devices[]  = {"ref", device2};
    const int   sizes[][2] = {{4, 2}, {9, 7}, {16, 3}, {18, 5}, {20, 12}, {20, 13}, {41, 7}, {7, 1}, {3, 30}};
    int32_t     ids[30];
    random_ids(ids, 30, 23);
    for (int d = 0; d < 2; d++) {
        model_fixture f;
        open_lm(&f, devices[d], 2, 16);
        bool alone = (kn_device_caps(f.dev) & KN_CAP_ALONE) || (kn_device_caps(f.dev) & KN_CAP_HOST);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            kn_arena  room = {0};
            kn_tensor x    = make_rows(&f, &room, sizes[i][0]);
            outcome   o[4];
            run_behind_rows(&f, x, ids, sizes[i][1], false, &o[0], &o[1]);
            run_behind_rows(&f, x, ids, sizes[i][1], true, &o[2], &o[3]);
            for (int k = 0; k < 2 && alone; k++)
                assert_same(o[k], o[k + 2]);
            for (int k = 0; k < 2 && !alone; k++)
                assert_close(o[k], o[k + 2], 1e-3);
            for (int k = 0; k < 4; k++)
                free(o[k].v);
            kn_arena_free(&room);
        }
        model_fixture_close(&f);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    model_fixture f;
    open_lm(&f, device2, 1, 8);
    lm_state *st = NULL;
    assert_int_equal(lm_state_create(&st, f.lm, 0), MLM_E_RANGE);
    ok(lm_state_create(&st, f.lm, 1));
    lm_prefill_args a = {.ids = (int32_t[]){1, f.lm_cfg.vocab_rows}, .n_rows = 1, .n_tokens = 2};
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    assert_non_null(strstr(mlm_error_message(), is_mamba1 ? "67" : "3072"));
    a.ids = (int32_t[]){1, -1};
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    a.ids = NULL;
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    a.ids = (int32_t[]){1, 2};
    a.len = (int32_t[]){3};
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    a.len    = NULL;
    a.n_rows = 2;
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    kn_arena room = {0};
    a             = (lm_prefill_args){
                    .x = make_rows(&f, &room, 4), .ids = (int32_t[]){1, 2}, .n_ids = 2, .n_rows = 1, .n_tokens = 4};
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE); /* nobody takes the state between */
    a.between = st;
    a.n_ids   = 0;
    assert_int_equal(lm_prefill(f.q, f.lm, f.lm_s, st, &a), MLM_E_RANGE);
    kn_arena_free(&room);
    lm_state_free(st);
    model_fixture_close(&f);
}

/* Steps of so many rows write states late where the device can: whatever happens to a row in between, it is the row alone. */
#define LATE_ROWS  18
#define LATE_STEPS 7
static void test_written_late(void **state)
{
    (void)state;
    model_fixture f;
    int32_t       fed[LATE_ROWS][LATE_STEPS], ids[LATE_ROWS];
    int           n[LATE_ROWS] = {0}; /* tokens fed to a row */
    lm_state     *many = NULL, *one = NULL;
    kn_arena      room = {0};
    assert_true(model_fixture_open(&f, model, device2, 2, FIXTURE_LM, LATE_ROWS, 4, 0));
    ok(lm_state_create(&many, f.lm, LATE_ROWS));
    ok(lm_state_create(&one, f.lm, 1));
    ok(kn_arena_create(&room, f.dev, sizeof ids + 64));
    if (!is_mamba1)
        assert_true((lm_state_passes(many, LATE_ROWS) < 2.0) != ((kn_device_caps(f.dev) & KN_CAP_HOST) != 0));
    kn_tensor all = kn_arena_take(&room, KN_I32, 1, KN_DIMS(LATE_ROWS));
    for (int t = 0; t < LATE_STEPS; t++) {
        int rows = t == 5 ? 3 : LATE_ROWS; /* a small batch between large ones */
        random_ids(ids, LATE_ROWS, (uint64_t)t);
        ok(kn_upload(f.q, all, ids, sizeof ids));
        ok(lm_step(f.q, f.lm, f.lm_s, many, kn_slice(all, 0, 0, rows), kn_slice(f.logits, 0, 0, rows)));
        for (int r = 0; r < rows; r++)
            fed[r][n[r]++] = ids[r];
        if (t == 0) { /* forks: inside, and through another state and the host */
            ok(lm_state_copy_row(f.q, many, 9, many, 2));
            memcpy(fed[9], fed[2], sizeof fed[9]);
            ok(lm_state_copy_row(f.q, one, 0, many, 3));
            ok(lm_state_copy_row(f.q, many, 10, one, 0));
            memcpy(fed[10], fed[3], sizeof fed[10]);
        }
        if (t == 2) {
            size_t bytes = lm_config_state_bytes(&f.lm_cfg);
            void  *blob  = malloc(bytes);
            assert_non_null(blob);
            ok(lm_state_export_row(f.q, many, 5, blob, bytes));
            ok(lm_state_import_row(f.q, many, 11, blob, bytes));
            memcpy(fed[11], fed[5], sizeof fed[11]);
            free(blob);
            ok(lm_state_reset_rows(f.q, many, 12, 2));
            n[12] = n[13] = 0;
        }
    }
    for (int r = 0; r < LATE_ROWS; r++) {
        outcome want = run_steps(&f, fed[r], n[r]), got = take(&f, many, r);
        assert_memory_equal(want.v + want.n_logits, got.v + got.n_logits,
                            (got.n - got.n_logits) * sizeof(float));
        free(want.v);
        free(got.v);
    }
    lm_state_free(many);
    lm_state_free(one);
    kn_arena_free(&room);
    model_fixture_close(&f);
}

int main(int argc, char **argv)
{
    temp_dir dir;
    is_mamba1 = argc > 1 && strcmp(argv[1], "mamba") == 0;
    if (argc > 2)
        device2 = argv[2];
    kn_device *dev = NULL; /* a GPU may be missing */
    if (strncmp(device2, "cuda", 4) == 0 &&
        kn_device_open(&dev, &(kn_device_options){.name = "cuda"}) != MLM_OK) {
        (void)fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return 77;
    }
    kn_device_close(dev);
    if (is_mamba1) {
        temp_dir_open(&dir);
        if (!formula_weights_write(&dir, MLM_SOURCE_DIR "/tests/golden/data/variants/cobra"))
            return 1;
        model = dir.path;
        n_ids = 66;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_and_pieces_ref), cmocka_unit_test(test_steps_and_pieces_cpu),
        cmocka_unit_test(test_shared_room),          cmocka_unit_test(test_row_in_batch),
        cmocka_unit_test(test_rows_that_end_early),  cmocka_unit_test(test_empty_row),
        cmocka_unit_test(test_state_is_a_value),     cmocka_unit_test(test_pool),
        cmocka_unit_test(test_rows_and_ids),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_written_late),
    };
    const struct CMUnitTest some[] = {cmocka_unit_test(test_rows_and_ids), cmocka_unit_test(test_pool)};
    bool                    whole =
        strcmp(device2, "cuda") != 0; /* rows of a GPU that is not deterministic have other last bits */
    int failed = whole ? cmocka_run_group_tests(tests, NULL, NULL) : cmocka_run_group_tests(some, NULL, NULL);
    if (is_mamba1)
        temp_dir_close(&dir);
    return failed;
}
