/* test_stream.c: queries that come one by one are answered as each would be alone, whatever runs beside them. */
#include "app/engine/engine_private.h"
#include "engine_fixture.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define MAX_QUERIES 36

static const char *const scenes[]    = {SCENE(0), SCENE(1), SCENE(2), SCENE(3), SCENE(4), SCENE(5)};
static const char *const questions[] = {TOP, COLOR, DESCRIBE, "Is there a cat?",
                                        "How many objects are there?"};

typedef struct source {
    mlmamba_query   query[MAX_QUERIES];
    mlmamba_answer *ans[MAX_QUERIES];
    int             n, at, n_done;
    int             later_every; /* 0: never "none yet" */
    int             calls;
    int             stop_after; /* answers; 0: never */
    bool            waited_wrongly;
} source;

static mlmamba_next next_query(mlmamba_query *q, bool may_wait, void *payload)
{
    source *s = payload;
    assert_null(q->question);
    s->calls++;
    if (s->at == s->n)
        return MLMAMBA_NEXT_END;
    if (!may_wait && s->later_every > 0 && s->calls % s->later_every == 0)
        return MLMAMBA_NEXT_LATER;
    *q      = s->query[s->at];
    q->user = &s->ans[s->at++];
    return MLMAMBA_NEXT_QUERY;
}

static bool done(mlmamba_answer *ans, void *user, void *payload)
{
    source          *s    = payload;
    mlmamba_answer **slot = user;
    assert_null(*slot);
    *slot = ans;
    s->n_done++;
    return s->stop_after == 0 || s->n_done < s->stop_after;
}

static void source_free(source *s)
{
    for (int i = 0; i < s->n; i++)
        mlmamba_answer_free(s->ans[i]);
}

static void check_same(const mlmamba_answer *a, const mlmamba_answer *b)
{
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->finish, b->finish);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(&a->logprob, &b->logprob, sizeof a->logprob);
    assert_int_equal(a->n_candidates, b->n_candidates);
    if (a->n_candidates > 0)
        assert_memory_equal(a->candidate_probs, b->candidate_probs, (size_t)a->n_candidates * sizeof(float));
    if (a->status != MLM_OK)
        assert_string_equal(a->message, b->message);
}

/* All queries in one stream against each in a stream of its own. */
static void check_against_alone(mlmamba_engine *eng, source *s, const mlmamba_generate_options *opt,
                                int max_rows, mlmamba_stream_stats *stats)
{
    mlmamba_stream_args args = {
        .next = next_query, .done = done, .options = opt, .max_rows = max_rows, .payload = s};
    assert_ok(mlmamba_ask_stream(eng, &args, stats));
    assert_int_equal(s->n_done, s->n);
    for (int i = 0; i < s->n; i++) {
        source one   = {.n = 1};
        one.query[0] = s->query[i];
        args.payload = &one;
        assert_ok(mlmamba_ask_stream(eng, &args, NULL));
        check_same(s->ans[i], one.ans[0]);
        source_free(&one);
    }
}

static void test_same_as_alone(void **state)
{
    (void)state;
    static const char *const       words[]    = {"Yes", "No"};
    const mlmamba_generate_options base       = {.want_logprob = true, .max_new_tokens = 40};
    mlmamba_generate_options       with_words = base, drawn = base;
    with_words.candidates   = words;
    with_words.n_candidates = 2;
    drawn.temperature       = 0.9f;
    drawn.seed              = 7;
    for (int max_rows = 1; max_rows <= 7; max_rows += 6) {
        mlmamba_engine *eng = open_engine(2, 8);
        mlmamba_image  *img = NULL;
        eng->looks_ahead |= max_rows == 1;
        source               s = {.later_every = 3};
        mlmamba_stream_stats stats;
        assert_ok(mlmamba_image_open_file(&img, SCENE(1), NULL));
        for (int i = 0; i < 30; i++) {
            s.query[i] = (mlmamba_query){.image_path = scenes[i / 5], .question = questions[i % 5]};
            if (i % 7 == 3)
                s.query[i].options = &with_words;
            if (i % 7 == 5)
                s.query[i].options = &drawn;
            if (i / 5 == 1)
                s.query[i] = (mlmamba_query){.image = img, .question = questions[i % 5]};
        }
        s.n = 30;
        check_against_alone(eng, &s, &base, max_rows, &stats);
        assert_int_equal(stats.n_answers, 30);
        assert_int_equal(stats.n_errors, 0);
        assert_int_equal(stats.n_pictures, 6); /* each once */
        assert_true(stats.n_tokens > 30 && stats.n_steps > 0);
        assert_true(max_rows == 1 || stats.n_steps < stats.n_tokens);
        source_free(&s);
        mlmamba_image_free(img);
        mlmamba_engine_close(eng);
    }
}

/* More new pictures than are encoded together, with failures among them: the others keep their own state. */
static void test_failures_between(void **state)
{
    (void)state;
    const mlmamba_generate_options base = {.want_logprob = true, .max_new_tokens = 24};
    mlmamba_engine                *eng  = open_engine(2, 6);
    mlmamba_session               *ses  = open_session(eng, SCENE(2));
    mlmamba_snapshot              *snap = NULL;
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    source s    = {.n = 14};
    s.query[0]  = (mlmamba_query){.image_path = "/nonexistent/a.png", .question = TOP};
    s.query[1]  = (mlmamba_query)FILE_QUERY(SCENE(0), TOP);
    s.query[2]  = (mlmamba_query)FILE_QUERY(SCENE(1), TOP);
    s.query[3]  = (mlmamba_query)SNAPSHOT_QUERY(snap, DESCRIBE);
    s.query[4]  = (mlmamba_query)FILE_QUERY(SCENE(0), DESCRIBE);
    s.query[5]  = (mlmamba_query)FILE_QUERY(MODEL_DIR "/config.json", TOP);
    s.query[6]  = (mlmamba_query)FILE_QUERY(SCENE(3), DESCRIBE);
    s.query[7]  = (mlmamba_query)FILE_QUERY(SCENE(4), DESCRIBE);
    s.query[8]  = (mlmamba_query)FILE_QUERY(SCENE(5), DESCRIBE);
    s.query[9]  = (mlmamba_query)FILE_QUERY(SCENE(2), DESCRIBE);
    s.query[10] = (mlmamba_query)FILE_QUERY(SCENE(0), "   ");
    s.query[11] = (mlmamba_query){.question = TOP};
    s.query[12] = (mlmamba_query){.image_path = SCENE(0), .snapshot = snap, .question = TOP};
    s.query[13] = (mlmamba_query)FILE_QUERY(SCENE(5), TOP);
    mlmamba_stream_stats stats;
    eng->looks_ahead = true;
    check_against_alone(eng, &s, &base, 0, &stats);
    static const int bad[] = {0, 5, 10, 11, 12};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(s.ans[bad[i]]->status, MLM_OK);
        assert_int_equal(s.ans[bad[i]]->finish, MLMAMBA_FINISH_ERROR);
        assert_string_equal(s.ans[bad[i]]->text, "");
        assert_true(strlen(s.ans[bad[i]]->message) > 10);
    }
    assert_int_equal(stats.n_errors, 5);
    assert_int_equal(stats.n_pictures, 6);
    check_same(s.ans[3], s.ans[9]); /* a state and its picture */
    source_free(&s);
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

static void test_stop(void **state)
{
    (void)state;
    mlmamba_engine *eng = open_engine(1, 4);
    source          s   = {.n = 20, .stop_after = 3};
    for (int i = 0; i < 20; i++)
        s.query[i] = (mlmamba_query)FILE_QUERY(SCENE(0), questions[i % 5]);
    mlmamba_stream_args args = {.next = next_query, .done = done, .payload = &s};
    assert_int_equal(mlmamba_ask_stream(eng, &args, NULL), MLM_E_CANCELLED);
    assert_int_equal(s.n_done, 3);
    args.max_rows = 5;
    assert_int_equal(mlmamba_ask_stream(eng, &args, NULL), MLM_E_RANGE);
    args.max_rows = 0;
    args.done     = NULL;
    assert_int_equal(mlmamba_ask_stream(eng, &args, NULL), MLM_E_RANGE);
    source_free(&s);
    mlmamba_engine_close(eng);
}

typedef struct chat_thread {
    mlmamba_engine *eng;
    atomic_int      n_asked;
    atomic_bool     stream_ended, has_changed;
} chat_thread;

static void *chat(void *payload)
{
    chat_thread     *c    = payload;
    mlmamba_session *ses  = open_session(c->eng, SCENE(3));
    double           want = ask(ses, TOP, NULL);
    assert_ok(mlmamba_session_rewind(ses, 0));
    while (!atomic_load(&c->stream_ended)) {
        if (ask(ses, TOP, NULL) != want)
            atomic_store(&c->has_changed,
                         true); /* an assertion of this thread would jump into the other one */
        assert_ok(mlmamba_session_rewind(ses, 0));
        (void)atomic_fetch_add(&c->n_asked, 1);
    }
    mlmamba_session_free(ses);
    return NULL;
}

/* As on a GPU: the activations of conversations lie over those of batches. */
static void lay_over(mlmamba_engine *eng)
{
    assert_ok(engine_prepare_batch(eng));
    engine_picture_scratch_free(&eng->picture);
    engine_scratch_free(&eng->one);
    assert_ok(engine_scratch_create(&eng->one, &eng->picture, eng, 1, 1));
    assert_true(eng->one.is_guest);
}

/* A chat goes on while a batch runs on the same engine. */
static void test_beside_a_session(void **state)
{
    (void)state;
    chat_thread c      = {.eng = open_engine(1, 4)};
    c.eng->looks_ahead = true;
    lay_over(c.eng);
    source    s = {.n = 15};
    pthread_t thread;
    for (int i = 0; i < s.n; i++)
        s.query[i] = (mlmamba_query)FILE_QUERY(scenes[i % 6], DESCRIBE);
    assert_int_equal(pthread_create(&thread, NULL, chat, &c), 0);
    mlmamba_stream_args args = {.next = next_query, .done = done, .payload = &s};
    assert_ok(mlmamba_ask_stream(c.eng, &args, NULL));
    atomic_store(&c.stream_ended, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&c.n_asked) >= 1);
    assert_false(atomic_load(&c.has_changed));
    for (int i = 6; i < s.n; i++)
        assert_string_equal(s.ans[i]->text, s.ans[i % 6]->text);
    source_free(&s);
    mlmamba_engine_close(c.eng);
}

static bool ask_inside(mlmamba_answer *ans, void *user, void *payload)
{
    mlmamba_query   q   = FILE_QUERY(SCENE(0), TOP);
    mlmamba_answer *one = NULL;
    mlmamba_engine *eng = ((void **)payload)[0];
    (void)user;
    assert_int_equal(mlmamba_ask_batch(eng, &q, 1, &one, NULL, NULL, NULL, NULL), MLM_E_STATE);
    mlmamba_answer_free(one);
    mlmamba_answer_free(ans);
    return true;
}

static mlmamba_next one_query(mlmamba_query *q, bool may_wait, void *payload)
{
    void **p = payload;
    (void)may_wait;
    if (p[1] != NULL)
        return MLMAMBA_NEXT_END;
    p[1] = p;
    *q   = (mlmamba_query)FILE_QUERY(SCENE(0), TOP);
    return MLMAMBA_NEXT_QUERY;
}

static void test_batch_inside_a_callback(void **state)
{
    (void)state;
    mlmamba_engine     *eng     = open_engine(1, 2);
    void               *both[2] = {eng, NULL};
    mlmamba_stream_args args    = {.next = one_query, .done = ask_inside, .payload = both};
    assert_ok(mlmamba_ask_stream(eng, &args, NULL));
    mlmamba_engine_close(eng);
}

static void test_candidates(void **state)
{
    (void)state;
    mlmamba_engine          *eng     = open_engine(1, 2);
    mlmamba_session         *ses     = open_session(eng, SCENE(0));
    mlmamba_answer          *ans     = NULL;
    static const char *const words[] = {"Yes", "No", "A", "B"};
    mlmamba_generate_options opt     = {
            .max_new_tokens = 1, .want_logprob = true, .candidates = words, .n_candidates = 4};
    assert_ok(mlmamba_session_ask(&ans, ses, "Is there a cat?", &opt, NULL, NULL));
    assert_int_equal(ans->n_candidates, 4);
    double sum = 0.0;
    bool   hit = false;
    for (int i = 0; i < 4; i++) {
        assert_true(ans->candidate_probs[i] >= 0.0f && ans->candidate_probs[i] <= 1.0f);
        sum += (double)ans->candidate_probs[i];
        if (strcmp(ans->text, words[i]) == 0) {
            hit = true;
            assert_true(fabs(exp(ans->logprob) - (double)ans->candidate_probs[i]) < 1e-5);
        }
    }
    assert_true(sum > 0.5 && sum <= 1.0 + 1e-5);
    assert_true(hit);
    mlmamba_answer_free(ans);
    static const char *const same[] = {"Yes", "Yes"};
    opt.candidates                  = same;
    opt.n_candidates                = 2;
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL), MLM_E_RANGE);
    opt.n_candidates = 65;
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL), MLM_E_RANGE);
    assert_null(ans);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_beside_a_session),
        cmocka_unit_test(test_batch_inside_a_callback),
#ifndef __SANITIZE_THREAD__ /* one thread asks in these: nothing to see there, and minutes */
        cmocka_unit_test(test_same_as_alone),
        cmocka_unit_test(test_failures_between),
        cmocka_unit_test(test_candidates),
#endif
    };
#ifdef __SANITIZE_THREAD__
    (void)test_same_as_alone;
    (void)test_failures_between;
    (void)test_candidates;
#endif
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
