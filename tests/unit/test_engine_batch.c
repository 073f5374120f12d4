/*
 * test_engine_batch.c: a query is answered in a full batch of 16 or 64 rows, in any order, bitwise as alone, also
 * when its tokens are drawn; and a query that goes wrong takes no other one with it.
 */
#include "tests/unit/engine_fixture.h"

#include "app/engine/engine_private.h"
#include "kernels/base/mlm_rng.h"
#include "lm/lm_private.h"

#include <math.h>

enum { SCENES = 6, QUESTIONS = 5, DISTINCT = SCENES * QUESTIONS, MAX_ROWS = 64 };

static const char *const question[QUESTIONS] = {TOP, COLOR, DESCRIBE,
                                                "Is it true that the arrow is right of the teal hexagon?",
                                                "How many objects are there?"};

static mlmamba_snapshot *take_picture(mlmamba_engine *eng, int scene)
{
    static const char *const path[SCENES] = {SCENE(0), SCENE(1), SCENE(2), SCENE(3), SCENE(4), SCENE(5)};
    mlmamba_session         *ses          = open_session(eng, path[scene]);
    mlmamba_snapshot        *snap         = NULL;
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    mlmamba_session_free(ses);
    return snap;
}

static void assert_same(const mlmamba_answer *a, const mlmamba_answer *b)
{
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->finish, b->finish);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(&a->logprob, &b->logprob, sizeof a->logprob);
}

/* Query i is distinct[order[i]]; all of them together against each alone. */
static void check_order(mlmamba_engine *eng, mlmamba_answer *const *alone, const mlmamba_query *distinct,
                        const int *order, int n, const mlmamba_generate_options *opt)
{
    mlmamba_query   query[MAX_ROWS];
    mlmamba_answer *ans[MAX_ROWS];
    for (int i = 0; i < n; i++)
        query[i] = distinct[order[i]];
    assert_ok(mlmamba_ask_batch(eng, query, n, ans, opt, NULL, NULL, NULL));
    for (int i = 0; i < n; i++) {
        assert_same(ans[i], alone[order[i]]);
        mlmamba_answer_free(ans[i]);
    }
}

static void check_rows(int n, const mlmamba_generate_options *opt)
{
    mlmamba_engine   *eng = open_engine(2, n);
    mlmamba_snapshot *snap[SCENES];
    mlmamba_query     distinct[DISTINCT];
    mlmamba_answer   *alone[DISTINCT];
    int               order[MAX_ROWS], different = 0;
    mlm_rng           rng = mlm_rng_seed(1234, 0);
    for (int i = 0; i < SCENES; i++)
        snap[i] = take_picture(eng, i);
    for (int i = 0; i < DISTINCT; i++) {
        distinct[i] = (mlmamba_query)SNAPSHOT_QUERY(snap[i % SCENES], question[i / SCENES]);
        assert_ok(mlmamba_ask_batch(eng, &distinct[i], 1, &alone[i], opt, NULL, NULL, NULL));
        assert_int_equal(alone[i]->status, MLM_OK);
        assert_true(alone[i]->logprob < 0.0);
        different += i > 0 && strcmp(alone[i]->text, alone[i - 1]->text) != 0;
    }
    assert_true(different >= 10);
    for (int i = 0; i < n; i++)
        order[i] = i % DISTINCT;
    for (int round = 0; round < 3; round++) {
        check_order(eng, alone, distinct, order, n, opt);
        for (int i = n - 1; i > 0; i--) {
            int j    = (int)(mlm_rng_uniform(&rng) * (float)(i + 1));
            int swap = order[i];
            j        = j < i ? j : i;
            order[i] = order[j];
            order[j] = swap;
        }
    }
    for (int i = 0; i < DISTINCT; i++)
        mlmamba_answer_free(alone[i]);
    for (int i = 0; i < SCENES; i++)
        mlmamba_snapshot_free(snap[i]);
    mlmamba_engine_close(eng);
}

static void sixteen_rows_are_as_one(void **state)
{
    mlmamba_generate_options opt = {.max_new_tokens = 24, .want_logprob = true};
    (void)state;
    check_rows(16, &opt);
}

static void sixty_four_rows_are_as_one(void **state)
{
    mlmamba_generate_options opt = {.max_new_tokens = 24, .want_logprob = true};
    (void)state;
    check_rows(64, &opt);
}

static void drawn_rows_are_as_one(void **state)
{
    mlmamba_generate_options cut = {
        .max_new_tokens = 12, .temperature = 1.2f, .top_k = 40, .seed = 9, .want_logprob = true};
    mlmamba_generate_options all = {.max_new_tokens     = 12,
                                    .temperature        = 1.0f,
                                    .repetition_penalty = 1.3f,
                                    .seed               = 10,
                                    .want_logprob       = true};
    (void)state;
    check_rows(16, &cut);
    check_rows(16, &all);
}

/* As if the device had failed under this picture. */
static void spoil(mlmamba_engine *eng, mlmamba_snapshot *snap)
{
    kn_tensor t   = snap->picture->state->ssm;
    size_t    n   = (size_t)kn_count(t);
    float    *nan = malloc(n * sizeof *nan);
    assert_non_null(nan);
    for (size_t i = 0; i < n; i++)
        nan[i] = NAN;
    assert_ok(kn_upload(eng->queue, t, nan, n * sizeof *nan));
    free(nan);
}

static void a_bad_row_is_one_bad_answer(void **state)
{
    enum { N = 7, BAD = 4 };
    mlmamba_engine          *eng  = open_engine(2, 3);
    mlmamba_snapshot        *good = take_picture(eng, 0), *bad = take_picture(eng, 1);
    mlmamba_generate_options opt = {.want_logprob = true}, plain = {0};
    mlmamba_query            query[N];
    mlmamba_answer          *ans[N], *alone = NULL;
    (void)state;
    spoil(eng, bad);
    for (int i = 0; i < N; i++)
        query[i] = (mlmamba_query)SNAPSHOT_QUERY(i == BAD ? bad : good, question[i % QUESTIONS]);
    for (int round = 0; round < 2; round++) {
        const mlmamba_generate_options *o = round == 0 ? &opt : &plain;
        assert_ok(mlmamba_ask_batch(eng, query, N, ans, o, NULL, NULL, NULL));
        for (int i = 0; i < N; i++) {
            assert_non_null(ans[i]);
            if (i == BAD) {
                assert_int_equal(ans[i]->status, MLM_E_DEVICE);
                assert_int_equal(ans[i]->finish, MLMAMBA_FINISH_ERROR);
                assert_non_null(strstr(ans[i]->message, "no finite logit"));
                assert_string_equal(ans[i]->text, "");
            } else {
                assert_ok(mlmamba_ask_batch(eng, &query[i], 1, &alone, o, NULL, NULL, NULL));
                assert_same(ans[i], alone);
                assert_true((ans[i]->logprob == 0.0) == (round == 1));
                mlmamba_answer_free(alone);
            }
            mlmamba_answer_free(ans[i]);
        }
    }
    /* The same in a conversation is a failed question. */
    mlmamba_session *ses = open_session(eng, NULL);
    assert_ok(mlmamba_session_restore(ses, bad));
    assert_int_equal(mlmamba_session_ask(&alone, ses, TOP, NULL, NULL, NULL), MLM_E_DEVICE);
    assert_non_null(strstr(mlm_error_message(), "no finite logit"));
    assert_int_equal(mlmamba_session_turns(ses), 0);
    mlmamba_session_free(ses);
    mlmamba_snapshot_free(good);
    mlmamba_snapshot_free(bad);
    mlmamba_engine_close(eng);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_rows_are_as_one),
        cmocka_unit_test(sixty_four_rows_are_as_one),
        cmocka_unit_test(drawn_rows_are_as_one),
        cmocka_unit_test(a_bad_row_is_one_bad_answer),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
