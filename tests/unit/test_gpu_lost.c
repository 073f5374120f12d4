/*
 * test_gpu_lost.c: a GPU whose context is destroyed in the middle of a batch (a kernel reads where nothing is): answers made
 * stay, every later call is a status, closing works, and the CPU goes on in the same process.  Exit 77 without a GPU.
 */
#include "tests/unit/engine_fixture.h"

#include "app/engine/engine_private.h"
#include "kernels/backend.h"

#define N_QUERIES 12

static mlmamba_engine *gpu, *cpu;

/* A buffer that points nowhere, read by a kernel. */
static mlm_status poison(mlmamba_engine *eng)
{
    kn_buffer nowhere = {.dev = eng->dev, .data = (void *)(uintptr_t)0x10000, .bytes = 4096}, *room = NULL;
    kn_rmsnorm_args norm = {.eps = 1e-5f};
    assert_ok(kn_buffer_create(&room, eng->dev, 4096));
    norm.x            = kn_tensor_make(&nowhere, 0, KN_F32, 2, KN_DIMS(2, 64));
    norm.w            = kn_tensor_make(room, 0, KN_F32, 1, KN_DIMS(64));
    norm.y            = kn_tensor_make(room, 256, KN_F32, 2, KN_DIMS(2, 64));
    mlm_status status = kn_rmsnorm(eng->queue, &norm);
    if (status == MLM_OK)
        status = kn_queue_sync(eng->queue);
    kn_buffer_free(room);
    return status;
}

typedef struct job {
    mlmamba_answer *ans[N_QUERIES];
    int             n_asked, n_done;
} job;

static mlmamba_next next_query(mlmamba_query *q, bool may_wait, void *payload)
{
    job *j = payload;
    (void)may_wait;
    if (j->n_asked == N_QUERIES)
        return MLMAMBA_NEXT_END;
    *q      = (mlmamba_query)FILE_QUERY(j->n_asked % 2 != 0 ? SCENE(3) : SCENE(0), TOP);
    q->user = &j->ans[j->n_asked++];
    return MLMAMBA_NEXT_QUERY;
}

static bool done(mlmamba_answer *ans, void *user, void *payload)
{
    job *j                   = payload;
    *(mlmamba_answer **)user = ans;
    if (++j->n_done == 3)
        assert_int_equal(poison(gpu), MLM_E_DEVICE);
    return true;
}

static void check_batch(void)
{
    job                 j    = {.n_done = 0};
    mlmamba_stream_args args = {.next = next_query, .done = done, .max_rows = 2, .payload = &j};
    int                 good = 0;
    assert_int_equal(mlmamba_ask_stream(gpu, &args, NULL), MLM_E_DEVICE);
    assert_non_null(strstr(mlm_error_message(), "lost"));
    for (int i = 0; i < N_QUERIES; i++) {
        mlmamba_answer *a = j.ans[i];
        if (a != NULL && a->status == MLM_OK) {
            good++;
            assert_true(i % 2 != 0 || strcmp(a->text, "An orange cross.") == 0);
        } else if (a != NULL) {
            assert_int_equal(a->status, MLM_E_DEVICE);
            assert_non_null(strstr(a->message, "lost"));
            assert_string_equal(a->text, "");
        }
        mlmamba_answer_free(a);
    }
    assert_true(good >= 3 && good <= 4);
    assert_int_equal(mlmamba_ask_stream(gpu, &args, NULL), MLM_E_DEVICE);
}

static void test_lost_in_a_batch(void **state)
{
    mlmamba_session  *talk = open_session(gpu, SCENE(0)), *other = open_session(cpu, SCENE(0));
    mlmamba_snapshot *snap = NULL, *none = NULL;
    mlmamba_answer   *ans  = NULL;
    mlmamba_engine   *next = NULL;
    (void)state;
    (void)ask(talk, TOP, "An orange cross.");
    (void)ask(talk, COLOR, "Orange.");
    assert_ok(mlmamba_session_snapshot(&snap, talk));
    check_batch();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(mlmamba_session_ask(&ans, talk, COLOR, NULL, NULL, NULL), MLM_E_DEVICE);
        assert_null(ans);
        assert_non_null(strstr(mlm_error_message(), "lost"));
        assert_int_equal(mlmamba_session_set_image_file(talk, SCENE(3), NULL), MLM_E_DEVICE);
        assert_int_equal(mlmamba_session_complete(&ans, talk, "A", NULL, NULL, NULL), MLM_E_DEVICE);
        assert_int_equal(mlmamba_session_snapshot(&none, talk), MLM_E_DEVICE);
        assert_int_equal(mlmamba_session_restore(talk, snap), MLM_E_DEVICE);
        assert_int_equal(mlmamba_snapshot_save(snap, "/nonexistent/x"), MLM_E_DEVICE);
        assert_int_equal(mlmamba_session_turns(talk), 2); /* as before */
        (void)ask(other, TOP, "An orange cross.");
    }
    mlmamba_engine_options opt = fixture_options(1, 1);
    assert_int_not_equal(mlmamba_engine_open(&next, &opt), MLM_OK);
    assert_null(next);
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(talk);
    mlmamba_engine_close(gpu);
    (void)ask(other, COLOR, NULL);
    mlmamba_session_free(other);
    mlmamba_engine_close(cpu);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost_in_a_batch)};
    int                     skipped = fixture_start(argc, argv);
    if (skipped != 0 || fixture_on_cpu())
        return 77;
    gpu            = open_engine(1, 2);
    fixture_device = "cpu";
    cpu            = open_engine(1, 2);
    fixture_device = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
