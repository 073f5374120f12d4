/* test_engine.c: the public interface on the built-in model: answers, turns, going back, batch, cancelled loading. */
#include "tests/unit/engine_fixture.h"

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

static void info_is_honest(void **state)
{
    mlmamba_engine_info i;
    (void)state;
    mlmamba_engine_get_info(eng, &i);
    assert_string_equal(i.model_name, "mlmamba-tiny");
    assert_string_equal(i.weights_dtype, "int8");
    assert_non_null(strstr(i.device, fixture_device));
    assert_int_equal(i.n_threads, fixture_on_cpu() ? 2 : 0);
    assert_int_equal(i.image_size, 224);
    assert_int_equal(i.n_image_tokens, 256);
    assert_int_equal(i.n_layers, 10);
    assert_in_range(i.n_parameters, 20000000, 20100000);
    assert_non_null(strstr(i.description, "Weak on photographs"));
    assert_true(i.fingerprint != 0);
    assert_string_equal(mlmamba_version(), MLM_VERSION);

    mlmamba_memory         m;
    mlmamba_engine_options opt = fixture_options(0, 3);
    assert_ok(mlmamba_estimate_memory(&m, &opt));
    assert_memory_equal(&m, &i.memory, sizeof m);
    assert_in_range(m.weights_bytes, 20000000, 21000000);
    assert_int_equal(m.snapshot_bytes, 10 * 4 * (3 * 1024 + 12 * 64 * 128));
}

static void answers_are_the_references(void **state)
{
    static const char *const rows[][3] = {
        {SCENE(0), TOP, "An orange cross."},
        {SCENE(1), "How many donuts can you see?", "Zero."},
        {SCENE(2), "Which shape is beneath the white star?", "An arrow."},
        {SCENE(3), "Summarize the photo.",
         "A tennis ball, two ladders, a castle, a volleyball and a camera."},
        {SCENE(4), "What color is that star?", "There is no star in the picture."},
        {SCENE(5), "Is it true that the arrow is right of the teal hexagon?", "Yes."},
    };
    (void)state;
    mlmamba_session *ses = open_session(eng, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(mlmamba_session_set_image_file(ses, rows[i][0], NULL));
        (void)ask(ses, rows[i][1], rows[i][2]);
    }
    mlmamba_session_free(ses);
}

/* The texts of the reference program for four questions in one conversation. */
static void turns_are_the_references(void **state)
{
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    (void)ask(ses, TOP, "An orange cross.");
    double color = ask(ses, COLOR, "Orange.");
    (void)ask(ses, "How many objects are there?", "Six.");
    (void)ask(ses, DESCRIBE, CAPTION0);
    assert_int_equal(mlmamba_session_turns(ses), 4);
    assert_string_equal(mlmamba_session_question(ses, 1), COLOR);
    assert_string_equal(mlmamba_session_answer_text(ses, 2), "Six.");
    assert_null(mlmamba_session_question(ses, 4));
    assert_null(mlmamba_session_answer_text(ses, -1));

    assert_ok(mlmamba_session_rewind(ses, 1));
    assert_true(ask(ses, COLOR, "Orange.") == color);
    assert_int_equal(mlmamba_session_rewind(ses, 3), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_rewind(ses, -1), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_turns(ses), 2);
    mlmamba_session_free(ses);
}

static void answer_says_what_was_done(void **state)
{
    mlmamba_answer *ans = NULL;
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL));
    assert_int_equal(ans->finish, MLMAMBA_FINISH_STOP);
    assert_int_equal(ans->n_tokens, 4);
    assert_int_equal(ans->n_prompt_tokens, 13);
    assert_int_equal(ans->n_image_tokens, 256);
    assert_true(ans->vision_ms > 0 && ans->connector_ms > 0 && ans->image_prefill_ms > 0 &&
                ans->prompt_ms > 0);
    assert_true(ans->first_token_ms >=
                ans->vision_ms + ans->connector_ms + ans->image_prefill_ms + ans->prompt_ms);
    assert_true(ans->logprob == 0.0); /* not asked for */
    mlmamba_answer_free(ans);
    mlmamba_generate_options opt = {.want_logprob = true};
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL));
    assert_true(ans->logprob < 0 && ans->logprob > -5);
    assert_int_equal(ans->n_image_tokens, 0);
    assert_true(ans->vision_ms == 0 && ans->image_prefill_ms == 0);
    mlmamba_answer_free(ans);

    mlmamba_image_info i;
    assert_ok(mlmamba_session_get_image_info(ses, &i));
    assert_string_equal(i.format, "PNG");
    assert_string_equal(i.fit, "letterbox");
    assert_int_equal(i.view_size, 224);
    assert_int_equal(i.n_tokens, 256);
    assert_non_null(mlmamba_session_view(ses));
    mlmamba_session_free(ses);
}

typedef struct heard {
    char text[512];
    int  calls, stop_after;
} heard;

static bool listen(int row, const char *piece, void *payload)
{
    heard *h = payload;
    assert_int_equal(row, 0);
    strncat(h->text, piece, sizeof h->text - strlen(h->text) - 1);
    return ++h->calls != h->stop_after;
}

static void pieces_make_the_answer(void **state)
{
    heard                    h   = {0};
    mlmamba_answer          *ans = NULL;
    mlmamba_generate_options two = {.max_new_tokens = 2};
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    assert_ok(mlmamba_session_ask(&ans, ses, DESCRIBE, NULL, listen, &h));
    assert_string_equal(h.text, ans->text);
    assert_true(h.calls > 5);
    mlmamba_answer_free(ans);

    /* Stopped answers end, and the conversation goes on. */
    assert_ok(mlmamba_session_rewind(ses, 0));
    h = (heard){.stop_after = 3};
    assert_ok(mlmamba_session_ask(&ans, ses, DESCRIBE, NULL, listen, &h));
    assert_int_equal(ans->finish, MLMAMBA_FINISH_CALLBACK);
    assert_int_equal(ans->n_tokens, 3);
    assert_int_equal(h.calls, 3);
    mlmamba_answer_free(ans);
    assert_ok(mlmamba_session_ask(&ans, ses, DESCRIBE, &two, NULL, NULL));
    assert_int_equal(ans->finish, MLMAMBA_FINISH_LENGTH);
    assert_int_equal(ans->n_tokens, 2);
    mlmamba_answer_free(ans);
    (void)ask(ses, TOP, "An orange cross.");
    mlmamba_session_free(ses);
}

static void wrong_calls_change_nothing(void **state)
{
    mlmamba_answer          *ans = NULL;
    mlmamba_image_info       i;
    mlmamba_generate_options cold = {.temperature = -1.0f}, wide = {.top_p = 2.0f},
                             huge = {.max_new_tokens = 65537};
    (void)state;
    mlmamba_session *ses = open_session(eng, NULL);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, NULL, NULL, NULL), MLM_E_STATE);
    assert_string_equal(mlm_error_message(), "no picture is set");
    assert_null(ans);
    assert_int_equal(mlmamba_session_get_image_info(ses, &i), MLM_E_STATE);
    assert_null(mlmamba_session_view(ses));
    assert_ok(mlmamba_session_set_image_file(ses, SCENE(0), NULL));
    double first = ask(ses, TOP, "An orange cross.");

    assert_int_equal(mlmamba_session_set_image_file(ses, "/nonexistent.png", NULL), MLM_E_NOTFOUND);
    assert_int_equal(mlmamba_session_set_image_file(ses, MODEL_DIR "/config.json", NULL), MLM_E_FORMAT);
    assert_int_equal(mlmamba_session_set_image_memory(ses, "nonsense", 8, "x", NULL), MLM_E_FORMAT);
    assert_int_not_equal(mlmamba_session_set_image_rgb(ses, (const uint8_t *)"", 0, 5), MLM_OK);
    assert_int_equal(mlmamba_session_ask(&ans, ses, " \n\t", NULL, NULL, NULL), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &cold, NULL, NULL), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &wide, NULL, NULL), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_ask(&ans, ses, TOP, &huge, NULL, NULL), MLM_E_RANGE);
    assert_int_equal(mlmamba_session_turns(ses), 1);
    double color = ask(ses, COLOR, "Orange.");
    assert_ok(mlmamba_session_rewind(ses, 0));
    assert_true(ask(ses, TOP, NULL) == first);
    assert_true(ask(ses, COLOR, NULL) == color);
    mlmamba_session_free(ses);

    mlmamba_engine        *none  = NULL;
    mlmamba_engine_options small = {.model_dir = MODEL_DIR, .memory_limit = 1000000},
                           many  = {.model_dir = MODEL_DIR, .n_threads = 1000},
                           odd   = {.model_dir = MODEL_DIR, .device = "tpu"};
    assert_int_equal(mlmamba_engine_open(&none, &small), MLM_E_NOMEM);
    assert_non_null(strstr(mlm_error_message(), "the limit is 1.0 MB"));
    assert_int_equal(mlmamba_engine_open(&none, &many), MLM_E_RANGE);
    assert_int_equal(mlmamba_engine_open(&none, &odd), MLM_E_NOTFOUND);
    assert_null(none);
}

/* Beyond the quota old states are dropped; going back there feeds the recorded tokens again. */
static void rewind_reaches_every_turn(void **state)
{
    double                   logprob[80];
    mlmamba_generate_options short_answer = {.max_new_tokens = 2, .want_logprob = true};
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    for (int i = 0; i < 80; i++) {
        mlmamba_answer *ans = NULL;
        assert_ok(mlmamba_session_ask(&ans, ses, i % 2 != 0 ? COLOR : TOP, &short_answer, NULL, NULL));
        logprob[i] = ans->logprob;
        mlmamba_answer_free(ans);
    }
    static const int back[] = {79, 70, 9, 3, 1, 0};
    for (size_t k = 0; k < sizeof back / sizeof back[0]; k++) {
        int             n   = back[k];
        mlmamba_answer *ans = NULL;
        assert_ok(mlmamba_session_rewind(ses, n));
        assert_int_equal(mlmamba_session_turns(ses), n);
        assert_ok(mlmamba_session_ask(&ans, ses, n % 2 != 0 ? COLOR : TOP, &short_answer, NULL, NULL));
        if (ans->logprob != logprob[n])
            fail_msg("turn %d: %.17g, was %.17g", n, ans->logprob, logprob[n]);
        mlmamba_answer_free(ans);
    }
    mlmamba_session_free(ses);
}

static void batch_equals_alone(void **state)
{
    static const mlmamba_query queries[] = {
        FILE_QUERY(SCENE(0), TOP),
        FILE_QUERY(SCENE(0), DESCRIBE),
        FILE_QUERY("/nonexistent.png", TOP),
        FILE_QUERY("/nonexistent.png", COLOR),
        FILE_QUERY(SCENE(3), "Summarize the photo."),
        FILE_QUERY(SCENE(5), "Is it true that the arrow is right of the teal hexagon?"),
        FILE_QUERY(SCENE(5), " "),
    };
    enum { N = sizeof queries / sizeof queries[0] };
    mlmamba_answer          *all[N], *one = NULL;
    mlmamba_generate_options opt = {.want_logprob = true};
    (void)state;
    assert_ok(mlmamba_ask_batch(eng, queries, N, all, &opt, NULL, NULL, NULL));
    assert_string_equal(all[0]->text, "An orange cross.");
    assert_int_equal(all[0]->n_image_tokens, 256);
    assert_int_equal(all[1]->n_image_tokens, 0);
    assert_int_equal(all[2]->finish, MLMAMBA_FINISH_ERROR);
    assert_int_equal(all[2]->status, MLM_E_NOTFOUND);
    assert_int_equal(all[3]->status, MLM_E_NOTFOUND);
    assert_non_null(strstr(all[3]->message, "/nonexistent.png"));
    assert_string_equal(all[3]->text, "");
    assert_int_equal(all[6]->status, MLM_E_RANGE);
    assert_string_equal(all[5]->text, "Yes.");
    mlmamba_session *ses = open_session(eng, NULL);
    for (int i = 0; i < N; i++) {
        assert_ok(mlmamba_ask_batch(eng, &queries[i], 1, &one, &opt, NULL, NULL, NULL));
        assert_string_equal(one->text, all[i]->text);
        assert_true(one->logprob == all[i]->logprob);
        if (one->status == MLM_OK) {
            assert_ok(mlmamba_session_set_image_file(ses, queries[i].image_path, NULL));
            assert_true(ask(ses, queries[i].question, one->text) == one->logprob);
        }
        mlmamba_answer_free(one);
        mlmamba_answer_free(all[i]);
    }
    mlmamba_session_free(ses);
}

/* Drawn tokens depend on the seed and nothing else. */
static void sampling_is_repeatable(void **state)
{
    static const mlmamba_query queries[] = {FILE_QUERY(SCENE(0), DESCRIBE), FILE_QUERY(SCENE(0), DESCRIBE)};
    mlmamba_generate_options   opt       = {.temperature = 1.5f, .seed = 7};
    mlmamba_answer            *a[2], *b = NULL;
    (void)state;
    assert_ok(mlmamba_ask_batch(eng, queries, 2, a, &opt, NULL, NULL, NULL));
    assert_string_equal(a[0]->text, a[1]->text);
    opt.seed = 8;
    assert_ok(mlmamba_ask_batch(eng, queries, 1, &b, &opt, NULL, NULL, NULL));
    assert_string_not_equal(a[0]->text, b->text);
    mlmamba_answer_free(a[0]);
    mlmamba_answer_free(a[1]);
    mlmamba_answer_free(b);
}

static bool stop_loading(uint64_t done, uint64_t total, void *payload)
{
    (void)done;
    (void)total;
    ++*(int *)payload;
    return false;
}

/* Looked at with its question, a picture gives the same answer, and the same state to later questions. */
static void a_question_may_follow_its_picture(void **state)
{
    mlmamba_image_options    later = {.question_follows = true};
    mlmamba_generate_options opt   = {.want_logprob = true};
    mlmamba_answer          *ans   = NULL;
    mlmamba_snapshot        *snap  = NULL;
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(0));
    double           top = ask(ses, TOP, "An orange cross."), color = ask(ses, COLOR, "Orange.");
    assert_ok(mlmamba_session_set_image_file(ses, SCENE(3), &later)); /* never looked at */
    assert_ok(mlmamba_session_set_image_file(ses, SCENE(0), &later));
    assert_non_null(mlmamba_session_view(ses));
    assert_int_equal(mlmamba_session_turns(ses), 0);
    assert_ok(mlmamba_session_rewind(ses, 0));
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL));
    assert_true(ans->logprob == top);
    assert_int_equal(ans->n_image_tokens, 256);
    assert_int_equal(ans->n_prompt_tokens, 13);
    assert_true(ans->vision_ms > 0 && ans->connector_ms > 0 && ans->image_prefill_ms > ans->prompt_ms &&
                ans->prompt_ms > 0);
    mlmamba_answer_free(ans);
    assert_true(ask(ses, COLOR, "Orange.") == color);
    assert_ok(mlmamba_session_rewind(ses, 0));
    assert_ok(mlmamba_session_ask(&ans, ses, TOP, &opt, NULL, NULL)); /* of the state that was kept */
    assert_true(ans->logprob == top && ans->n_image_tokens == 0 && ans->vision_ms == 0);
    mlmamba_answer_free(ans);

    assert_ok(mlmamba_session_set_image_file(ses, SCENE(0), &later));
    assert_ok(mlmamba_session_snapshot(&snap, ses)); /* needs the state */
    assert_true(ask(ses, TOP, "An orange cross.") == top);
    assert_ok(mlmamba_session_restore(ses, snap));
    assert_true(ask(ses, TOP, "An orange cross.") == top);
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
}

static void loading_can_be_cancelled(void **state)
{
    int                    calls = 0;
    mlmamba_engine        *none  = NULL;
    mlmamba_engine_options opt   = fixture_options(0, 0);
    opt.on_load                  = stop_loading;
    opt.payload                  = &calls;
    (void)state;
    assert_int_equal(mlmamba_engine_open(&none, &opt), MLM_E_CANCELLED);
    assert_null(none);
    assert_int_equal(calls, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_is_honest),
        cmocka_unit_test(answers_are_the_references),
        cmocka_unit_test(turns_are_the_references),
        cmocka_unit_test(answer_says_what_was_done),
        cmocka_unit_test(pieces_make_the_answer),
        cmocka_unit_test(wrong_calls_change_nothing),
        cmocka_unit_test(rewind_reaches_every_turn),
        cmocka_unit_test(batch_equals_alone),
        cmocka_unit_test(sampling_is_repeatable),
        cmocka_unit_test(a_question_may_follow_its_picture),
        cmocka_unit_test(loading_can_be_cancelled),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, setup, teardown);
}
