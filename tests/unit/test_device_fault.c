/*
 * test_device_fault.c: a device that fails at the Nth call and at every one after it, for N through an answer, a picture and a
 * batch: always a status and a line, a conversation as before, answers made stay, and when the device is there again all goes on
 * with the same bits.  The device is the CPU behind a table that fails.
 */
#include "tests/unit/engine_fixture.h"

#include "app/engine/engine_private.h"
#include "kernels/backend.h"

#define POINTS  9 /* of failure in each test */
#define QUERIES 6

static mlmamba_engine   *eng, *other;
static const kn_backend *real;
static kn_backend        failing;
static long              calls, fail_at; /* 0: never */

static mlm_status gate(const char *what)
{
    calls++;
    return fail_at == 0 || calls < fail_at ? MLM_OK : mlm_fail(MLM_E_DEVICE, "%s: the device is lost", what);
}

#define X(op)                                                                                                \
    static mlm_status try_##op(kn_queue *q, const kn_##op##_args *a)                                         \
    {                                                                                                        \
        MLM_TRY(gate(#op));                                                                                  \
        return real->op(q, a);                                                                               \
    }
KN_OP_LIST(X)
#undef X

static mlm_status try_buffer(kn_buffer *buf)
{
    MLM_TRY(gate("buffer"));
    return real->buffer_create(buf);
}

static mlm_status try_sync(kn_queue *q)
{
    MLM_TRY(gate("sync"));
    return real->queue_sync(q);
}

static mlm_status try_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes)
{
    MLM_TRY(gate("upload"));
    return real->upload(q, dst, src, bytes);
}

static mlm_status try_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes)
{
    MLM_TRY(gate("download"));
    return real->download(q, dst, src, bytes);
}

static mlm_status try_zero(kn_queue *q, kn_tensor t)
{
    MLM_TRY(gate("zero"));
    return real->zero(q, t);
}

static void arm(long at)
{
    calls   = 0;
    fail_at = at;
}

static int setup(void **state)
{
    (void)state;
    eng     = open_engine(2, 3);
    other   = open_engine(1, 1);
    real    = eng->dev->be;
    failing = *real;
#define X(op) failing.op = try_##op;
    KN_OP_LIST(X)
#undef X
    failing.buffer_create = try_buffer;
    failing.queue_sync    = try_sync;
    failing.upload        = try_upload;
    failing.download      = try_download;
    failing.zero          = try_zero;
    eng->dev->be          = &failing;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mlmamba_engine_close(eng);
    mlmamba_engine_close(other);
    return 0;
}

static void assert_lost(mlm_status status)
{
    assert_int_equal(status, MLM_E_DEVICE);
    assert_non_null(strstr(mlm_error_message(), "the device is lost"));
}

/* Another device in the same process has nothing to do with it. */
static void assert_other_works(mlmamba_session *on_other)
{
    assert_ok(mlmamba_session_rewind(on_other, 0));
    (void)ask(on_other, TOP, "An orange cross.");
}

/* Points of failure spread over `total` calls from the first one on. */
static long point(long total, int i)
{
    return 1 + (total - 1) * i / POINTS;
}

static void test_answer(void **state)
{
    mlmamba_answer          *ans = NULL;
    mlmamba_generate_options opt = {.want_logprob = true};
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0)), *on_other = open_session(other, SCENE(0));
    (void)ask(ses, TOP, "An orange cross.");
    arm(0);
    double want  = ask(ses, COLOR, "Orange.");
    long   total = calls;
    assert_true(total > 100);
    for (int i = 0; i < POINTS; i++) {
        assert_ok(mlmamba_session_rewind(ses, 1));
        arm(point(total, i));
        assert_lost(mlmamba_session_ask(&ans, ses, COLOR, &opt, NULL, NULL));
        assert_null(ans);
        assert_int_equal(mlmamba_session_turns(ses), 1);
        assert_lost(mlmamba_session_ask(&ans, ses, COLOR, &opt, NULL, NULL)); /* still */
        if (i == 0)
            assert_other_works(on_other);
        arm(0);
        assert_true(ask(ses, COLOR, "Orange.") == want);
    }
    mlmamba_session_free(on_other);
    mlmamba_session_free(ses);
}

static void test_picture_and_values(void **state)
{
    mlmamba_snapshot *snap = NULL, *none = NULL;
    mlmamba_answer   *ans = NULL;
    (void)state;
    mlmamba_session *ses  = open_session(eng, SCENE(0));
    double           want = ask(ses, TOP, "An orange cross.");
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    arm(0);
    mlmamba_session *probe = open_session(eng, SCENE(3));
    long             total = calls;
    mlmamba_session_free(probe);
    for (int i = 0; i < POINTS; i++) {
        arm(point(total, i));
        assert_lost(mlmamba_session_set_image_file(ses, SCENE(3), NULL));
        assert_lost(mlmamba_session_snapshot(&none, ses));
        assert_null(none);
        assert_lost(mlmamba_session_restore(ses, snap));
        assert_lost(mlmamba_session_complete(&ans, ses, "A", NULL, NULL, NULL));
        assert_lost(mlmamba_snapshot_save(snap, "/nonexistent/x"));
        assert_int_equal(mlmamba_session_turns(ses), 1);
        assert_string_equal(mlmamba_session_answer_text(ses, 0), "An orange cross.");
    }
    arm(0);
    assert_ok(mlmamba_session_rewind(ses, 0)); /* the first picture is still the one */
    assert_true(ask(ses, TOP, NULL) == want);
    assert_ok(mlmamba_session_restore(ses, snap));
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
}

/* A picture that waits for its question waits on when looking at it fails. */
static void test_question_that_follows(void **state)
{
    mlmamba_image_options    later = {.question_follows = true};
    mlmamba_generate_options opt   = {.want_logprob = true};
    mlmamba_answer          *ans   = NULL;
    mlmamba_snapshot        *none  = NULL;
    (void)state;
    arm(0);
    mlmamba_session *ses   = open_session(eng, SCENE(0));
    double           want  = ask(ses, TOP, "An orange cross.");
    long             total = calls;
    for (int i = 0; i < POINTS; i++) {
        assert_ok(mlmamba_session_set_image_file(ses, SCENE(0), &later));
        arm(point(total, i));
        assert_lost(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL));
        if (i < POINTS / 2) { /* later the picture was looked at, and a snapshot only shares it */
            assert_lost(mlmamba_session_snapshot(&none, ses));
            assert_null(none);
        }
        assert_int_equal(mlmamba_session_turns(ses), 0);
        arm(0);
        assert_true(ask(ses, TOP, NULL) == want);
    }
    mlmamba_session_free(ses);
}

/* Rows that ended before keep their answers; the others say why they have none; nothing is invented. */
static void test_batch(void **state)
{
    static const mlmamba_query query[QUERIES] = {FILE_QUERY(SCENE(0), TOP), FILE_QUERY(SCENE(0), DESCRIBE),
                                                 FILE_QUERY(SCENE(1), TOP), FILE_QUERY(SCENE(3), DESCRIBE),
                                                 FILE_QUERY(SCENE(5), TOP), FILE_QUERY(SCENE(4), COLOR)};
    mlmamba_generate_options   opt            = {.want_logprob = true, .max_new_tokens = 12};
    mlmamba_answer            *want[QUERIES], *got[QUERIES];
    int                        made = 0, n_made = 0;
    (void)state;
    assert_ok(mlmamba_ask_batch(eng, query, 1, want, &opt, NULL, NULL, NULL)); /* takes its memory */
    mlmamba_answer_free(want[0]);
    arm(0);
    assert_ok(mlmamba_ask_batch(eng, query, QUERIES, want, &opt, NULL, NULL, NULL));
    long total = calls;
    for (int i = 0; i < POINTS; i++) {
        arm(point(total, i));
        assert_lost(mlmamba_ask_batch(eng, query, QUERIES, got, &opt, NULL, NULL, NULL));
        n_made = 0;
        for (int k = 0; k < QUERIES; k++) {
            assert_non_null(got[k]);
            if (got[k]->status == MLM_OK) {
                n_made++;
                assert_string_equal(got[k]->text, want[k]->text);
                assert_true(got[k]->logprob == want[k]->logprob);
            } else {
                assert_int_equal(got[k]->status, MLM_E_DEVICE);
                assert_string_equal(got[k]->text, "");
                assert_non_null(strstr(got[k]->message, "the device is lost"));
            }
            mlmamba_answer_free(got[k]);
        }
        assert_true(n_made >= made && n_made < QUERIES); /* the later, the more */
        made = n_made;
    }
    assert_true(made > 0);
    arm(0);
    assert_ok(mlmamba_ask_batch(eng, query, QUERIES, got, &opt, NULL, NULL, NULL));
    for (int k = 0; k < QUERIES; k++) {
        assert_true(got[k]->logprob == want[k]->logprob);
        mlmamba_answer_free(got[k]);
        mlmamba_answer_free(want[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_picture_and_values),
        cmocka_unit_test(test_question_that_follows),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
