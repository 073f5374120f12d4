/*
 * test_engine_cancel.c: cancelling what is not an answer yet: waiting for the engine, a picture, a question, a rewind.
 * The engine is held by the test, so that the moment is certain.
 */
#include "tests/unit/engine_fixture.h"

#include "app/engine/engine_private.h"

#include <sched.h>

static mlmamba_engine *eng;

static int setup(void **state)
{
    (void)state;
    eng = open_engine(1, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mlmamba_engine_close(eng);
    return 0;
}

static void a_cancel_hits_what_runs(void **state)
{
    engine_ticket t = {0};
    (void)state;
    engine_ticket_cancel(&t); /* nothing runs */
    assert_ok(engine_ticket_begin(&t));
    assert_ok(engine_ticket_check(&t));
    assert_int_equal(engine_ticket_begin(&t), MLM_E_STATE);
    assert_int_equal(engine_ticket_check_idle(&t), MLM_E_STATE);
    engine_ticket_cancel(&t);
    engine_ticket_cancel(&t);
    assert_int_equal(engine_ticket_check(&t), MLM_E_CANCELLED);
    engine_ticket_end(&t);
    assert_ok(engine_ticket_check_idle(&t));
    uint64_t before = t.word;
    assert_ok(
        engine_ticket_begin(&t)); /* the next one is not cancelled, and not mistaken for the one before */
    assert_ok(engine_ticket_check(&t));
    engine_ticket_end(&t);
    assert_true(t.word != before);
    assert_false(engine_ticket_cancelled(NULL));
}

typedef enum call { CALL_PICTURE, CALL_ASK, CALL_REWIND } call;

typedef struct worker {
    mlmamba_session *ses;
    call             what;
    mlm_status       status;
} worker;

static void *work(void *payload)
{
    worker         *w   = payload;
    mlmamba_answer *ans = NULL;
    if (w->what == CALL_PICTURE)
        w->status = mlmamba_session_set_image_file(w->ses, SCENE(1), NULL);
    else if (w->what == CALL_ASK)
        w->status = mlmamba_session_ask(&ans, w->ses, COLOR, NULL, NULL, NULL);
    else
        w->status = mlmamba_session_rewind(w->ses, 1);
    mlmamba_answer_free(ans);
    return NULL;
}

/* The call waits for the engine, which the test holds; it must come back without getting it. */
static void check_waiting(mlmamba_session *ses, call what)
{
    worker    w = {.ses = ses, .what = what};
    pthread_t thread;
    assert_ok(engine_lock(eng));
    assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
    while (engine_ticket_check_idle(&ses->ticket) == MLM_OK)
        (void)sched_yield();
    mlmamba_session_cancel(ses);
    assert_int_equal(pthread_join(thread, NULL), 0);
    engine_unlock(eng);
    assert_int_equal(w.status, MLM_E_CANCELLED);
}

static void waiting_ends(void **state)
{
    enum { TURNS = SESSION_MAX_KEPT + 4 };
    mlmamba_generate_options one = {.max_new_tokens = 1};
    mlmamba_image_info       before, after;
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    for (int i = 0; i < TURNS; i++) {
        mlmamba_answer *ans = NULL;
        assert_ok(mlmamba_session_ask(&ans, ses, TOP, &one, NULL, NULL));
        mlmamba_answer_free(ans);
    }
    assert_null(ses->slot[0].state); /* so that going there is work */
    assert_ok(mlmamba_session_get_image_info(ses, &before));
    check_waiting(ses, CALL_PICTURE);
    assert_int_equal(mlmamba_session_turns(ses), TURNS);
    check_waiting(ses, CALL_ASK);
    assert_int_equal(mlmamba_session_turns(ses), TURNS);
    check_waiting(ses, CALL_REWIND);
    assert_int_equal(mlmamba_session_turns(ses), TURNS);
    assert_ok(mlmamba_session_get_image_info(ses, &after));
    assert_memory_equal(&before, &after, sizeof before);
    assert_ok(mlmamba_session_rewind(ses, 1));
    assert_int_equal(mlmamba_session_turns(ses), 1);
    assert_ok(mlmamba_session_rewind(ses, 0));
    (void)ask(ses, TOP, "An orange cross.");
    mlmamba_session_free(ses);
}

static void a_picture_ends_at_its_next_stage(void **state)
{
    vision_image    img     = {0};
    engine_picture *picture = NULL;
    engine_times    times   = {0};
    engine_ticket   t       = {0};
    (void)state;
    assert_ok(vision_image_load_file(&img, SCENE(0), NULL));
    assert_ok(engine_picture_prepare(&picture, eng, &img, MLMAMBA_FIT_MODEL, &times));
    assert_ok(engine_ticket_begin(&t));
    engine_ticket_cancel(&t);
    assert_ok(engine_lock(eng));
    assert_int_equal(engine_picture_run(picture, eng, &times, &t), MLM_E_CANCELLED);
    engine_unlock(eng);
    assert_true(times.vision_ms == 0.0);
    engine_ticket_end(&t);
    engine_picture_drop(picture);
    vision_image_free(&img);
}

static bool at_the_third_time(void *payload)
{
    int *n = payload;
    return ++*n == 3;
}

static void a_tower_ends_between_blocks(void **state)
{
    vision_image    img     = {0};
    engine_picture *picture = NULL;
    engine_times    times   = {0};
    vision_scratch *scratch = &eng->picture.vision;
    int             polled  = 0;
    (void)state;
    assert_ok(vision_image_load_file(&img, SCENE(0), NULL));
    assert_ok(engine_picture_prepare(&picture, eng, &img, MLMAMBA_FIT_MODEL, &times));
    assert_ok(engine_lock(eng));
    vision_scratch_free(scratch); /* what is captured runs to its end */
    scratch->is_cancelled   = at_the_third_time;
    scratch->cancel_payload = &polled;
    const uint8_t *view     = picture->record;
    assert_int_equal(vision_encode_views(eng->queue, eng->vision, scratch, &view, 1, eng->picture.features),
                     MLM_E_CANCELLED);
    assert_int_equal(polled, 3);
    scratch->is_cancelled = NULL;
    assert_ok(engine_picture_run(picture, eng, &times, NULL)); /* and then it is encoded whole */
    engine_unlock(eng);
    assert_null(eng->picture.vision.is_cancelled);
    engine_picture_drop(picture);
    vision_image_free(&img);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancel_hits_what_runs),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(a_picture_ends_at_its_next_stage),
        cmocka_unit_test(a_tower_ends_between_blocks),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, setup, teardown);
}
