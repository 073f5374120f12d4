/*
 * test_gpu_engine.c: the engine on a GPU as it is used, not deterministic: the same bits at every run, the greedy answers of rows
 * alone, and no device memory in the steady state.  Exit 77 without a GPU.
 */
#include "tests/unit/engine_fixture.h"

#include "app/engine/engine_private.h"
#include "kernels/backend.h"

#define SCENES  6
#define QUERIES 24

static const char *const scenes[SCENES] = {SCENE(0), SCENE(1), SCENE(2), SCENE(3), SCENE(4), SCENE(5)};
static const char *const questions[]    = {TOP, COLOR, DESCRIBE, "How many objects are there?"};

static mlmamba_engine *eng;

/* ---- what takes device memory --------------------------------------------------------------------- */

static kn_backend        counting;
static const kn_backend *real;
static int               n_taken;

static mlm_status count_buffer(kn_buffer *buf)
{
    n_taken++;
    return real->buffer_create(buf);
}

static mlm_status count_matrix(kn_matrix *m, const kn_matrix_part *parts, int n)
{
    n_taken++;
    return real->matrix_create(m, parts, n);
}

static mlm_status count_queue(kn_queue *q)
{
    n_taken++;
    return real->queue_create(q);
}

static mlm_status count_capture(kn_queue *q)
{
    n_taken++;
    return real->capture_begin(q);
}

static void count_from_now_on(void)
{
    real                   = eng->dev->be;
    counting               = *real;
    counting.buffer_create = count_buffer;
    counting.matrix_create = count_matrix;
    counting.queue_create  = count_queue;
    counting.capture_begin = count_capture;
    eng->dev->be           = &counting;
    n_taken                = 0;
}

static size_t free_bytes(void)
{
    kn_device_info info;
    kn_device_get_info(eng->dev, &info);
    return info.free_bytes;
}

/* ---- what people do -------------------------------------------------------------------------------- */

typedef struct heard {
    double logprob[SCENES * 4 + QUERIES];
    char   text[QUERIES][256];
    int    n;
} heard;

static void talk(heard *h)
{
    mlmamba_snapshot *snap = NULL;
    mlmamba_session  *ses  = open_session(eng, NULL);
    for (int i = 0; i < SCENES; i++) {
        mlmamba_image_options opt = {.question_follows = i % 2 != 0};
        assert_ok(mlmamba_session_set_image_file(ses, scenes[i], &opt));
        for (int k = 0; k < 2; k++)
            h->logprob[h->n++] = ask(ses, questions[k], i == 0 && k == 0 ? "An orange cross." : NULL);
        assert_ok(mlmamba_session_snapshot(&snap, ses));
        h->logprob[h->n++] = ask(ses, questions[2], NULL);
        assert_ok(mlmamba_session_rewind(ses, 1));
        h->logprob[h->n++] = ask(ses, questions[3], NULL);
        assert_ok(mlmamba_session_restore(ses, snap));
        mlmamba_snapshot_free(snap);
    }
    mlmamba_session_free(ses);
}

/* Every question on every picture, in rows that join and leave. */
static void batch(heard *h)
{
    mlmamba_query            query[QUERIES];
    mlmamba_answer          *ans[QUERIES];
    mlmamba_generate_options opt = {.want_logprob = true, .max_new_tokens = 40};
    for (int i = 0; i < QUERIES; i++)
        query[i] = (mlmamba_query)FILE_QUERY(scenes[i % SCENES], questions[i / SCENES]);
    assert_ok(mlmamba_ask_batch(eng, query, QUERIES, ans, &opt, NULL, NULL, NULL));
    for (int i = 0; i < QUERIES; i++) {
        assert_int_equal(ans[i]->status, MLM_OK);
        h->logprob[h->n++] = ans[i]->logprob;
        (void)snprintf(h->text[i], sizeof h->text[i], "%s", ans[i]->text);
        mlmamba_answer_free(ans[i]);
    }
}

/* ---- tests ----------------------------------------------------------------------------------------- */

static void test_every_run_is_the_same(void **state)
{
    (void)state;
    static heard runs[3];
    for (int i = 0; i < 3; i++) {
        memset(&runs[i], 0, sizeof runs[i]);
        talk(&runs[i]);
        batch(&runs[i]);
        assert_memory_equal(&runs[0], &runs[i], sizeof runs[0]);
    }
}

static void test_greedy_answers_are_those_of_rows_alone(void **state)
{
    (void)state;
    static heard             all;
    int                      equal = 0;
    mlmamba_generate_options opt   = {.max_new_tokens = 40};
    batch(&all);
    for (int i = 0; i < QUERIES; i++) {
        mlmamba_session *ses = open_session(eng, scenes[i % SCENES]);
        mlmamba_answer  *ans = NULL;
        assert_ok(mlmamba_session_ask(&ans, ses, questions[i / SCENES], &opt, NULL, NULL));
        equal += strcmp(ans->text, all.text[i]) == 0;
        mlmamba_answer_free(ans);
        mlmamba_session_free(ses);
    }
    print_message("%d of %d answers equal alone and in a batch\n", equal, QUERIES);
    assert_true(equal >= QUERIES - 1); /* two nearly equal logits may fall the other way in bf16 */
}

static char *answer_of(mlmamba_session *ses, const char *question)
{
    mlmamba_generate_options opt = {.max_new_tokens = 40};
    mlmamba_answer          *ans = NULL;
    assert_ok(mlmamba_session_rewind(ses, 0));
    assert_ok(mlmamba_session_ask(&ans, ses, question, &opt, NULL, NULL));
    char *text = strdup(ans->text);
    mlmamba_answer_free(ans);
    assert_non_null(text);
    return text;
}

/* A picture that is read with its question: that answer, and those to questions that come later. */
static void test_question_read_with_its_picture(void **state)
{
    (void)state;
    int equal = 0, later = 0;
    for (int i = 0; i < QUERIES; i++) {
        mlmamba_image_options opt = {.question_follows = true};
        mlmamba_session      *a = open_session(eng, scenes[i % SCENES]), *b = open_session(eng, NULL);
        assert_ok(mlmamba_session_set_image_file(b, scenes[i % SCENES], &opt));
        for (int k = 0; k < 2; k++) {
            const char *question = questions[(i / SCENES + k) % 4];
            char       *want = answer_of(a, question), *got = answer_of(b, question);
            *(k == 0 ? &equal : &later) += strcmp(want, got) == 0;
            free(want);
            free(got);
        }
        mlmamba_session_free(a);
        mlmamba_session_free(b);
    }
    print_message("%d of %d answers equal read with the picture and later, %d of %d to a second question\n",
                  equal, QUERIES, later, QUERIES);
    assert_true(equal >= QUERIES - 1 && later >= QUERIES - 1);
}

/* Once every shape has been seen, asking, batches and streams take nothing: no buffer, no capture, no byte of the card. */
static void test_steady_state_takes_no_memory(void **state)
{
    (void)state;
    static heard h;
    size_t       loaded = free_bytes();
    count_from_now_on();
    talk(&h);
    h.n = 0;
    batch(&h);
    assert_int_equal(n_taken, 0); /* not even at the first use */
    size_t warm = free_bytes();
    for (int i = 0; i < 5; i++) {
        h.n = 0;
        talk(&h);
        h.n = 0;
        batch(&h);
    }
    print_message("%.1f MB of code at the first use, %.1f MB afterwards\n",
                  ((double)loaded - (double)warm) / 1e6, ((double)warm - (double)free_bytes()) / 1e6);
    assert_int_equal(n_taken, 0);
    assert_true(free_bytes() + ((size_t)1 << 20) >= warm);
    assert_true(warm + ((size_t)256 << 20) >= loaded);
    eng->dev->be = real;
}

/* A card that others have filled: refused at load, with what is needed and what is free. */
static void test_full_card_is_refused_at_load(void **state)
{
    (void)state;
    kn_buffer             *ballast[512] = {NULL};
    int                    n            = 0;
    mlmamba_engine        *second       = NULL;
    mlmamba_engine_options opt          = fixture_options(0, 9);
    for (size_t piece = (size_t)1 << 30; piece >= (size_t)1 << 24; piece /= 4)
        while (n < 512 && kn_buffer_create(&ballast[n], eng->dev, piece) == MLM_OK)
            n++;
    assert_int_equal(mlmamba_engine_open(&second, &opt), MLM_E_NOMEM);
    assert_null(second);
    assert_non_null(strstr(mlm_error_message(), "memory"));
    print_message("%s\n", mlm_error_message());
    mlmamba_session *ses = open_session(eng, SCENE(0)); /* who has his memory goes on */
    (void)ask(ses, TOP, "An orange cross.");
    mlmamba_session_free(ses);
    for (int i = 0; i < n; i++)
        kn_buffer_free(ballast[i]);
    assert_ok(mlmamba_engine_open(&second, &opt));
    mlmamba_engine_close(second);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_state_takes_no_memory),
        cmocka_unit_test(test_every_run_is_the_same),
        cmocka_unit_test(test_greedy_answers_are_those_of_rows_alone),
        cmocka_unit_test(test_question_read_with_its_picture),
        cmocka_unit_test(test_full_card_is_refused_at_load),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0 || fixture_on_cpu())
        return 77;
    mlmamba_engine_options opt = fixture_options(0, 9);
    opt.deterministic          = false;
    if (mlmamba_engine_open(&eng, &opt) != MLM_OK) {
        fprintf(stderr, "%s\n", mlm_error_message());
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mlmamba_engine_close(eng);
    return failed;
}
