/*
 * test_engine_threads.c: the public interface from several threads: sessions of one engine, cancelling, and
 * engines with pools of different size.  Also what the thread sanitizer runs, so no more than that needs.
 */
#include "tests/unit/engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static mlmamba_engine *eng;

static int setup(void **state)
{
    (void)state;
    eng = open_engine(2, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mlmamba_engine_close(eng);
    return 0;
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    mlmamba_engine  *single = open_engine(1, 1);
    mlmamba_session *a = open_session(single, SCENE(2)), *b = open_session(eng, SCENE(2));
    double           one = ask(a, DESCRIBE, NULL), two = ask(b, DESCRIBE, NULL);
    assert_true(one == two);
    mlmamba_session_free(a);
    mlmamba_session_free(b);
    mlmamba_engine_close(single);
}

static void *ask_many(void *payload)
{
    mlmamba_session *ses = payload;
    for (int i = 0; i < 3; i++) {
        mlmamba_answer *ans = NULL;
        if (mlmamba_session_rewind(ses, 0) != MLM_OK ||
            mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL) != MLM_OK)
            return NULL;
        bool ok = strcmp(ans->text, "An orange cross.") == 0;
        mlmamba_answer_free(ans);
        if (!ok)
            return NULL;
    }
    return payload;
}

static void sessions_of_two_threads(void **state)
{
    pthread_t        t[2];
    mlmamba_session *ses[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        ses[i] = open_session(eng, SCENE(0));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, ask_many, ses[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *ok = NULL;
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, ses[i]);
        mlmamba_session_free(ses[i]);
    }
}

typedef struct canceller {
    mlmamba_session *ses;
    pthread_t        thread;
    int              calls;
} canceller;

static void *cancel(void *payload)
{
    mlmamba_session_cancel(payload);
    return NULL;
}

/* After the third piece another thread cancels; join makes the moment certain. */
static bool cancel_from_elsewhere(int row, const char *piece, void *payload)
{
    canceller *c = payload;
    (void)row;
    (void)piece;
    if (++c->calls == 3) {
        assert_int_equal(pthread_create(&c->thread, NULL, cancel, c->ses), 0);
        assert_int_equal(pthread_join(c->thread, NULL), 0);
    }
    return true;
}

static bool ask_inside(int row, const char *piece, void *payload)
{
    mlmamba_session *ses = payload;
    mlmamba_answer  *ans = NULL;
    (void)row;
    (void)piece;
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL), MLM_E_STATE);
    assert_int_equal(mlmamba_session_set_image_file(ses, SCENE(1), NULL), MLM_E_STATE);
    return false;
}

static void cancel_from_another_thread(void **state)
{
    mlmamba_answer *ans = NULL;
    (void)state;
    canceller c = {.ses = open_session(eng, SCENE(0))};
    mlmamba_session_cancel(c.ses); /* nothing runs: nothing happens */
    assert_ok(mlmamba_session_ask(&ans, c.ses, DESCRIBE, NULL, cancel_from_elsewhere, &c));
    assert_int_equal(ans->finish, MLMAMBA_FINISH_CANCELLED);
    assert_true(ans->n_tokens >= 3 && ans->n_tokens <= 4);
    mlmamba_answer_free(ans);
    (void)ask(c.ses, TOP, "An orange cross.");
    assert_ok(mlmamba_session_ask(&ans, c.ses, TOP, NULL, ask_inside, c.ses));
    mlmamba_answer_free(ans);
    mlmamba_session_free(c.ses);
}

/* Cancels as often as it can until told to end: every moment of an answer is met sooner or later. */
typedef struct pest {
    mlmamba_session *ses;
    atomic_bool      end;
} pest;

static void *cancel_always(void *payload)
{
    pest                 *p     = payload;
    const struct timespec pause = {.tv_nsec = 20000};
    while (!atomic_load(&p->end)) {
        mlmamba_session_cancel(p->ses);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void cancel_at_any_moment(void **state)
{
    pthread_t thread;
    (void)state;
    pest   p     = {.ses = open_session(eng, SCENE(0))};
    double first = ask(p.ses, TOP, "An orange cross.");
    assert_int_equal(pthread_create(&thread, NULL, cancel_always, &p), 0);
    for (int i = 0; i < 8; i++) {
        mlmamba_answer *ans    = NULL;
        mlm_status      status = mlmamba_session_ask(&ans, p.ses, DESCRIBE, NULL, NULL, NULL);
        if (status == MLM_E_CANCELLED) { /* before the first token */
            assert_null(ans);
            continue;
        }
        assert_ok(status);
        assert_true(ans->finish == MLMAMBA_FINISH_CANCELLED || ans->finish == MLMAMBA_FINISH_STOP);
        mlmamba_answer_free(ans);
    }
    atomic_store(&p.end, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(mlmamba_session_rewind(p.ses, 0));
    assert_true(ask(p.ses, TOP, "An orange cross.") == first);
    mlmamba_session_free(p.ses);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(sessions_of_two_threads),
        cmocka_unit_test(cancel_from_another_thread),
        cmocka_unit_test(cancel_at_any_moment),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, setup, teardown);
}
