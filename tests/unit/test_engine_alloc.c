/*
 * test_engine_alloc.c: the Nth allocation fails, for growing N, through loading, a picture and an answer: always
 * MLM_E_NOMEM, nothing leaked.  Without argument a sample; with "all" every N.
 */
#include "tests/support/alloc_fail.h"
#include "tests/unit/engine_fixture.h"

static bool every;

static long next(long n)
{
    return every || n < 20 ? n + 1 : n + n / 6;
}

static mlm_status load_with(mlmamba_engine **eng, int n_threads)
{
    mlmamba_engine_options opt = {.model_dir = MODEL_DIR, .device = "cpu", .n_threads = n_threads};
    return mlmamba_engine_open(eng, &opt);
}

static mlm_status load(mlmamba_engine **eng)
{
    return load_with(eng, 1);
}

static void check(mlm_status status, bool reached, long n, long before, long after)
{
    if (reached && status != MLM_E_NOMEM && status != MLM_OK)
        fail_msg("allocation %ld: %s: %s", n, mlm_status_name(status), mlm_error_message());
    if (!reached && status != MLM_OK)
        fail_msg("without a failure: %s", mlm_error_message());
    if (status != MLM_OK && after != before)
        fail_msg("allocation %ld: %ld blocks leaked", n, after - before);
}

static mlm_status look_and_ask(mlmamba_session *ses)
{
    mlmamba_answer *ans    = NULL;
    mlm_status      status = mlmamba_session_set_image_file(ses, SCENE(0), NULL);
    if (status == MLM_OK)
        status = mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL);
    if (status == MLM_OK)
        assert_string_equal(ans->text, "An orange cross.");
    mlmamba_answer_free(ans);
    return status;
}

/* A load that got over its failed allocation must have given a whole engine. */
static void load_survives_with(int n_threads)
{
    bool            reached = true;
    mlmamba_engine *first   = NULL;
    if (!alloc_fail_works())
        skip();
    assert_ok(
        load_with(&first, n_threads)); /* the C library keeps a block with the stack of a joined thread */
    mlmamba_engine_close(first);
    for (long n = 1; reached; n = next(n)) {
        mlmamba_engine *eng    = NULL;
        long            before = alloc_fail_live();
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status = load_with(&eng, n_threads);
        reached           = alloc_fail_stop();
        check(status, reached, n, before, alloc_fail_live());
        assert_true((eng != NULL) == (status == MLM_OK));
        if (status == MLM_OK) {
            mlmamba_engine_info i;
            mlmamba_engine_get_info(eng, &i);
            assert_int_equal(i.n_threads, n_threads);
            mlmamba_session *ses = open_session(eng, NULL);
            assert_ok(look_and_ask(ses));
            mlmamba_session_free(ses);
        }
        mlmamba_engine_close(eng);
        assert_int_equal(alloc_fail_live(), before);
    }
}

static void load_survives(void **state)
{
    (void)state;
    load_survives_with(1);
}

static void load_survives_on_two_threads(void **state)
{
    (void)state;
    load_survives_with(2);
}

static void picture_and_answer_survive(void **state)
{
    bool reached = true;
    (void)state;
    if (!alloc_fail_works())
        skip();
    mlmamba_engine *eng = NULL;
    assert_ok(load(&eng));
    for (long n = 1; reached; n = next(n)) {
        mlmamba_session *ses    = NULL;
        long             before = alloc_fail_live();
        alloc_fail_at(n, ALLOC_FAIL_FOREVER);
        mlm_status status = mlmamba_session_create(&ses, eng);
        if (status == MLM_OK)
            status = look_and_ask(ses);
        reached = alloc_fail_stop();
        mlmamba_session_free(ses);
        check(status, reached, n, before, alloc_fail_live());
        assert_int_equal(alloc_fail_live(), before);
    }
    mlmamba_engine_close(eng);
}

/* A failed question leaves the conversation as it was. */
static void conversation_survives(void **state)
{
    bool reached = true;
    (void)state;
    if (!alloc_fail_works())
        skip();
    mlmamba_engine *eng = NULL;
    assert_ok(load(&eng));
    mlmamba_session *ses = open_session(eng, SCENE(0));
    (void)ask(ses, TOP, "An orange cross.");
    for (long n = 1; reached; n = next(n)) {
        mlmamba_answer *ans = NULL;
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status = mlmamba_session_ask(&ans, ses, COLOR, NULL, NULL, NULL);
        reached           = alloc_fail_stop();
        if (status == MLM_OK) {
            assert_string_equal(ans->text, "Orange.");
            assert_ok(mlmamba_session_rewind(ses, 1));
        } else {
            assert_int_equal(status, MLM_E_NOMEM);
            assert_int_equal(mlmamba_session_turns(ses), 1);
        }
        mlmamba_answer_free(ans);
    }
    (void)ask(ses, COLOR, "Orange.");
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

static void batch_survives(void **state)
{
    static const mlmamba_query queries[] = {FILE_QUERY(SCENE(0), TOP),
                                            FILE_QUERY(SCENE(0), "What color is the cross?")};
    bool                       reached   = true;
    (void)state;
    if (!alloc_fail_works())
        skip();
    mlmamba_engine *eng = NULL;
    assert_ok(load(&eng));
    for (long n = 1; reached; n = next(n)) {
        mlmamba_answer *ans[2] = {NULL, NULL};
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status = mlmamba_ask_batch(eng, queries, 2, ans, NULL, NULL, NULL, NULL);
        reached           = alloc_fail_stop();
        assert_true(status == MLM_OK || status == MLM_E_NOMEM);
        for (int i = 0; i < 2; i++) {
            assert_true(ans[i] != NULL || status != MLM_OK);
            if (ans[i] != NULL && ans[i]->status == MLM_OK)
                assert_string_equal(ans[i]->text, i == 0 ? "An orange cross." : "Orange.");
            else if (ans[i] != NULL)
                assert_int_equal(ans[i]->status, MLM_E_NOMEM);
            mlmamba_answer_free(ans[i]);
        }
    }
    mlmamba_engine_close(eng);
}

int main(int argc, char **argv)
{
    every                           = argc > 1 && strcmp(argv[1], "all") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_survives),
        cmocka_unit_test(load_survives_on_two_threads),
        cmocka_unit_test(picture_and_answer_survive),
        cmocka_unit_test(conversation_survives),
        cmocka_unit_test(batch_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
