/* test_engine_memory.c: a memory limit refuses what cannot fit, and otherwise costs kept states and rows, no answer. */
#include "tests/unit/engine_fixture.h"

static mlm_status load(mlmamba_engine **eng, size_t limit)
{
    mlmamba_engine_options opt = fixture_options(2, 0);
    opt.memory_limit           = limit;
    return mlmamba_engine_open(eng, &opt);
}

static size_t sum_of(const mlmamba_memory *m)
{
    return m->weights_bytes + m->scratch_bytes + m->session_bytes + m->batch_bytes;
}

static mlmamba_memory estimate(int max_batch)
{
    mlmamba_memory         m;
    mlmamba_engine_options opt = fixture_options(0, max_batch);
    assert_ok(mlmamba_estimate_memory(&m, &opt));
    return m;
}

static void estimate_counts_rows_and_states(void **state)
{
    (void)state;
    mlmamba_memory one = estimate(1), eight = estimate(0), same = estimate(8);
    assert_int_equal(eight.batch_bytes, same.batch_bytes);
    assert_true(eight.batch_bytes > one.batch_bytes + 7 * one.snapshot_bytes);
    assert_true(one.batch_bytes > one.snapshot_bytes);
    assert_int_equal(one.session_bytes, 2 * one.snapshot_bytes + 64 * one.snapshot_bytes);
}

/* One byte less than the least is refused; in between everything keeps to the limit. */
static void limit_is_kept(void **state)
{
    (void)state;
    mlmamba_memory      whole = estimate(0);
    mlmamba_engine     *eng   = NULL;
    mlmamba_engine_info i;
    size_t              least =
        whole.weights_bytes + whole.scratch_bytes + 4 * whole.snapshot_bytes + estimate(1).batch_bytes;
    assert_int_equal(load(&eng, least - 1), MLM_E_NOMEM);
    assert_null(eng);
    assert_non_null(strstr(mlm_error_message(), "the limit is"));
    for (size_t limit = least; limit < sum_of(&whole); limit += whole.snapshot_bytes * 23) {
        assert_ok(load(&eng, limit));
        mlmamba_engine_get_info(eng, &i);
        assert_true(sum_of(&i.memory) <= limit);
        mlmamba_engine_close(eng);
    }
    assert_ok(load(&eng, sum_of(&whole)));
    mlmamba_engine_get_info(eng, &i);
    assert_memory_equal(&i.memory, &whole, sizeof whole);
    mlmamba_engine_close(eng);
}

/* Two kept states only: going back further is computed again, and the answers are the same. */
static void answers_do_not_change(void **state)
{
    (void)state;
    mlmamba_memory  whole = estimate(0);
    mlmamba_engine *eng   = NULL;
    size_t          least =
        whole.weights_bytes + whole.scratch_bytes + 4 * whole.snapshot_bytes + estimate(1).batch_bytes;
    assert_ok(load(&eng, least));
    mlmamba_session *ses = open_session(eng, SCENE(0));
    (void)ask(ses, TOP, "An orange cross.");
    for (int turn = 1; turn < 5; turn++)
        (void)ask(ses, COLOR, turn == 1 ? "Orange." : NULL);
    assert_ok(mlmamba_session_rewind(ses, 1));
    (void)ask(ses, COLOR, "Orange.");
    mlmamba_query   q[3] = {FILE_QUERY(SCENE(0), TOP), FILE_QUERY(SCENE(0), DESCRIBE),
                            FILE_QUERY(SCENE(5), TOP)};
    mlmamba_answer *a[3] = {NULL, NULL, NULL};
    assert_ok(mlmamba_ask_batch(eng, q, 3, a, NULL, NULL, NULL, NULL));
    assert_string_equal(a[0]->text, "An orange cross.");
    assert_string_equal(a[1]->text, CAPTION0);
    for (int i = 0; i < 3; i++)
        mlmamba_answer_free(a[i]);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate_counts_rows_and_states),
        cmocka_unit_test(limit_is_kept),
        cmocka_unit_test(answers_do_not_change),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
