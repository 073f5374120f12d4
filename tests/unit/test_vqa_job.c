/* test_vqa_job.c: a job that is killed, stopped, cut, refused, resumed, divided: no row is lost, doubled or torn. */
#include "app/vqa/vqa_job.h"
#include "app/vqa/vqa_manifest.h"
#include "kernels/base/mlm_file.h"
#include "tests/support/cm.h"
#include "tests/support/vqa_fake.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N_ROWS = 60 };

typedef struct place {
    temp_dir    dir;
    char        data[512], out[512], results[600];
    const char *paths[1];
    char       *whole; /* the results of an undisturbed run, without times */
} place;

static void make_out(place *p, const char *name)
{
    (void)snprintf(p->out, sizeof p->out, "%s", temp_dir_path(&p->dir, name));
    (void)snprintf(p->results, sizeof p->results, "%s/results.jsonl", p->out);
}

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    temp_dir_open(&p->dir);
    fake_data(&p->dir, N_ROWS, 17);
    (void)snprintf(p->data, sizeof p->data, "%s", p->dir.file);
    p->paths[0] = p->data;
    make_out(p, "whole");
    fake_run        run = {.shuffle = 1};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    vqa_progress    done;
    if (fake_job(&opt, &done) != MLM_OK || done.n_errors != 1 || done.n_done != N_ROWS)
        return -1;
    p->whole = fake_read_results(p->results);
    *state   = p;
    return p->whole == NULL;
}

static int tear_down(void **state)
{
    place *p = *state;
    free(p->whole);
    fake_remove_tree(p->dir.path); /* temp_dir_close knows files only */
    free(p);
    return 0;
}

static void want_whole(const place *p)
{
    char *now = fake_read_results(p->results);
    assert_non_null(now);
    assert_string_equal(now, p->whole);
    free(now);
}

static void want_ok(const vqa_job_options *opt)
{
    if (fake_job(opt, NULL) != MLM_OK)
        fail_msg("%s", mlm_error_message());
}

/* ---- order, rows, errors -------------------------------------------------------------------------- */

static void test_order(void **state)
{
    place *p = *state;
    for (int k = 0; k < 4; k++) {
        char name[16];
        (void)snprintf(name, sizeof name, "order%d", k);
        make_out(p, name);
        fake_run        run = {.shuffle = (uint64_t)k * 77 + 5};
        vqa_job_options opt = fake_options(p->paths, p->out, &run);
        opt.max_rows        = 1 + k * 2;
        opt.window          = 1 + k * 40;
        opt.n_workers       = 1 + k;
        want_ok(&opt);
        want_whole(p);
        assert_int_equal(run.n_asked, N_ROWS - 1);
        want_ok(&opt); /* nothing left to ask */
        assert_int_equal(run.n_asked, N_ROWS - 1);
        want_whole(p);
    }
}

static void test_rows(void **state)
{
    place          *p    = *state;
    vqa_result_list list = {0};
    make_out(p, "whole");
    if (vqa_result_list_load(&list, p->out) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    assert_int_equal(list.n, N_ROWS);
    for (int64_t i = 0; i < N_ROWS; i++) {
        const vqa_result *r = list.rows[i];
        char              text[64];
        assert_int_equal(r->item.row, i + 1);
        if (i + 1 == 17) {
            assert_string_equal(r->error_code, "MLM_E_FORMAT");
            assert_int_equal(r->item.line, 17);
            assert_non_null(strstr(r->error_message, "line 17"));
            assert_null(r->answer);
            continue;
        }
        (void)snprintf(text, sizeof text, "Question %lld?", (long long)i + 1);
        assert_string_equal(r->item.question, text);
        assert_string_equal(r->prompt, text);
        (void)snprintf(text, sizeof text, "%lld", ((long long)i + 1) % 50);
        assert_string_equal(r->item.id, text);
        assert_true(r->item.id_is_number);
        assert_string_equal(r->finish, "stop");
        assert_true(r->raw[0] == ' ' && r->answer[0] == 'a'); /* the blanks are off */
        assert_null(r->error_code);
        assert_int_equal(r->item.n_answers, 1);
    }
    vqa_result_list_free(&list);
    vqa_manifest *m = NULL;
    if (vqa_manifest_find(&m, p->results) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    assert_int_equal(m->n_rows, N_ROWS);
    assert_int_equal(m->format, VQA_FORMAT_JSONL);
    assert_int_equal(m->max_new_tokens, 128);
    assert_int_equal(m->n_sources, 1);
    vqa_manifest_free(m);
}

/* An error row that can be answered later. */
static void test_retry_errors(void **state)
{
    place *p = *state;
    char   missing[512], line[700];
    (void)snprintf(missing, sizeof missing, "%s", temp_dir_path(&p->dir, "late.png"));
    (void)snprintf(line, sizeof line,
                   "{\"image\": \"%s\", \"question\": \"a\"}\n{\"image\": \"%s\", \"question\": \"b\"}\n",
                   MLM_SOURCE_DIR "/assets/images/scene0.png", missing);
    char data[512];
    (void)snprintf(data, sizeof data, "%s", temp_dir_write(&p->dir, "late.jsonl", line, strlen(line)));
    const char *const paths[] = {data};
    make_out(p, "late");
    fake_run        run = {.shuffle = 3};
    vqa_job_options opt = fake_options(paths, p->out, &run);
    vqa_progress    done;
    assert_int_equal(fake_job(&opt, &done), MLM_OK);
    assert_int_equal(done.n_errors, 1);
    char  *png = NULL;
    size_t n   = 0;
    assert_int_equal(mlm_file_read(&png, &n, MLM_SOURCE_DIR "/assets/images/scene1.png", 1 << 24, "picture"),
                     MLM_OK);
    (void)temp_dir_write(&p->dir, "late.png", png, n);
    free(png);
    assert_int_equal(fake_job(&opt, &done), MLM_OK); /* not asked for */
    assert_int_equal(done.n_errors, 1);
    opt.retry_errors = true;
    assert_int_equal(fake_job(&opt, &done), MLM_OK);
    assert_int_equal(done.n_errors, 0);
    vqa_result_list list = {0};
    assert_int_equal(vqa_result_list_load(&list, p->results), MLM_OK);
    assert_int_equal(list.n, 2);
    assert_null(list.rows[1]->error_code);
    vqa_result_list_free(&list);
    char *text = fake_read_results(p->results); /* and its error line is gone */
    assert_null(strstr(text, "MLM_E_NOTFOUND"));
    free(text);
}

static void test_max_errors(void **state)
{
    place *p = *state;
    make_out(p, "max");
    fake_run        run = {.shuffle = 3};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    opt.max_errors      = 1;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_STATE);
    opt.max_errors = 0;
    want_ok(&opt);
    want_whole(p);
}

/* ---- kills ---------------------------------------------------------------------------------------- */

/* Runs in a process of its own that may die. */
static void run_child(const vqa_job_options *opt)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fake_job(opt, NULL) == MLM_OK ? 0 : 1);
    int ended = 0;
    assert_int_equal(waitpid(pid, &ended, 0), pid);
    assert_true(WIFSIGNALED(ended) ? WTERMSIG(ended) == SIGKILL : WEXITSTATUS(ended) == 0);
}

/* At every step that changes a file, before it and in the middle of what it writes. */
static void test_kill_at_every_step(void **state)
{
    place          *p   = *state;
    fake_run        dry = {.shuffle = 11};
    vqa_job_options opt = fake_options(p->paths, p->out, &dry);
    make_out(p, "steps");
    opt.out_dir   = p->out;
    opt.sync_rows = 8;
    want_ok(&opt);
    int64_t n = dry.n_steps;
    assert_true(n > N_ROWS);
    for (int64_t k = 1; k <= n; k += k < 8 || k > n - 8 ? 1 : 3) {
        for (int torn = 0; torn < 2; torn++) {
            char name[32];
            (void)snprintf(name, sizeof name, "kill%d", torn);
            make_out(p, name);
            (void)unlink(p->results);
            char manifest[600];
            (void)snprintf(manifest, sizeof manifest, "%s/run.json", p->out);
            (void)unlink(manifest);
            fake_run run = {.shuffle = (uint64_t)k, .fault_at = k, .kill = true, .torn = torn == 1};
            opt.payload  = &run;
            opt.out_dir  = p->out;
            run_child(&opt);
            fake_run again = {.shuffle = (uint64_t)k + 1000};
            opt.payload    = &again;
            want_ok(&opt);
            want_whole(p);
        }
    }
}

static void kill_at_random(place *p, int n_kills)
{
    srandom(42);
    for (int k = 0; k < n_kills;) {
        make_out(p, "random");
        (void)unlink(p->results);
        fake_run        run = {.shuffle = (uint64_t)k, .row_us = 100};
        vqa_job_options opt = fake_options(p->paths, p->out, &run);
        opt.sync_rows       = 8;
        opt.force           = true;       /* its manifest may lie there without rows */
        for (bool over = false; !over;) { /* killed until it comes through */
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0)
                _exit(fake_job(&opt, NULL) == MLM_OK ? 0 : 1);
            int             ended = 0;
            struct timespec wait  = {0, (long)(random() % 12000) * 1000};
            (void)nanosleep(&wait, NULL);
            if (k < n_kills)
                (void)kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, &ended, 0), pid);
            over = WIFEXITED(ended);
            k += WIFSIGNALED(ended);
            if (over)
                assert_int_equal(WEXITSTATUS(ended), 0);
        }
        want_whole(p);
    }
}

static void test_kill_at_random(void **state)
{
    kill_at_random(*state, 20);
}

static void test_kill_at_random_200(void **state)
{
    kill_at_random(*state, 200);
}

/* The file cut at each of its last bytes, with and without its manifest. */
static void test_torn_tail(void **state)
{
    place *p = *state;
    make_out(p, "torn");
    fake_run        run = {.shuffle = 9};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    want_ok(&opt);
    struct stat st;
    assert_int_equal(stat(p->results, &st), 0);
    for (int cut = 1; cut <= 200; cut += 3) {
        assert_int_equal(truncate(p->results, st.st_size - cut), 0);
        if (cut % 2 == 0) {
            char manifest[600];
            (void)snprintf(manifest, sizeof manifest, "%s/run.json", p->out);
            (void)unlink(manifest);
            opt.force = false;
            assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG); /* what made the rows is not known ... */
            opt.force = true;
        }
        want_ok(&opt);
        want_whole(p);
        assert_int_equal(stat(p->results, &st), 0);
    }
}

/* ---- failures ------------------------------------------------------------------------------------- */

/* ENOSPC at every step, whole and in the middle of a line: an error, then a resume. */
static void test_disk_full(void **state)
{
    place *p = *state;
    for (int64_t k = 1; k <= 80; k += 3) {
        make_out(p, "full");
        (void)unlink(p->results);
        fake_run        run = {.shuffle = (uint64_t)k, .fault_at = k, .torn = k % 2 == 0};
        vqa_job_options opt = fake_options(p->paths, p->out, &run);
        vqa_progress    done;
        mlm_status      status = fake_job(&opt, &done);
        if (status != MLM_OK) { /* syncs and renames of this seam do not fail */
            assert_int_equal(status, MLM_E_IO);
            assert_non_null(strstr(mlm_error_message(), "No space left"));
            assert_non_null(strstr(mlm_error_message(), p->out));
        }
        fake_run again = {.shuffle = 5};
        opt.payload    = &again;
        want_ok(&opt);
        want_whole(p);
    }
}

static void test_file_size_limit(void **state)
{
    place *p = *state;
    make_out(p, "rlimit");
    fake_run        run = {.shuffle = 2};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    pid_t           pid = fork();
    if (pid == 0) {
        struct rlimit limit = {10000, 10000};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        mlm_status status = fake_job(&opt, NULL);
        _exit(status == MLM_E_IO && strstr(mlm_error_message(), "row ") != NULL ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(pid, &ended, 0), pid);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    struct stat st;
    assert_int_equal(stat(p->results, &st), 0);
    assert_true(st.st_size > 5000 && st.st_size <= 10000);
    want_ok(&opt);
    want_whole(p);
}

static void test_device_lost(void **state)
{
    place *p = *state;
    make_out(p, "device");
    fake_run        run = {.shuffle = 2, .fail_at = 20};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    assert_int_equal(fake_job(&opt, NULL), MLM_E_DEVICE);
    run.fail_at = 0;
    want_ok(&opt);
    want_whole(p);
}

static void test_stop(void **state)
{
    place *p = *state;
    make_out(p, "stop");
    for (int64_t at = 1; at < 40; at += 6) {
        (void)unlink(p->results);
        fake_run        run = {.shuffle = (uint64_t)at, .stop_at = at};
        vqa_job_options opt = fake_options(p->paths, p->out, &run);
        vqa_progress    done;
        assert_int_equal(fake_job(&opt, &done), MLM_E_CANCELLED);
        assert_true(done.n_done >= at && done.n_done < at + 8);
        run.stop_at = 0;
        want_ok(&opt);
        want_whole(p);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    place *p = *state;
    make_out(p, "refuse");
    fake_run        run = {.shuffle = 2, .stop_at = 9};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CANCELLED);
    run.stop_at            = 0;
    opt.gen.max_new_tokens = 5; /* another option */
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    assert_message_has("--max-tokens");
    opt.gen.max_new_tokens = 0;
    opt.prompt_template    = "{question} now";
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    opt.prompt_template = NULL;
    opt.bf16_state      = true;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    assert_message_has("--bf16-state");
    opt.bf16_state    = false;
    opt.deterministic = true;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    assert_message_has("--deterministic");
    opt.deterministic = false;
    opt.data.task     = VQA_TASK_VQA;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    assert_message_has("the task");
    opt.data.task = VQA_TASK_AUTO;

    int64_t  asked = run.n_asked; /* another data set: an appended row */
    temp_dir other;
    temp_dir_open(&other);
    fake_data(&other, N_ROWS + 1, 17);
    const char *const paths[] = {other.file};
    opt.data.paths            = paths;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    fake_data(&other, N_ROWS, 3); /* an edited one */
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    temp_dir_close(&other);
    assert_int_equal(run.n_asked, asked);
    opt.data.paths = p->paths;
    want_ok(&opt);
    want_whole(p);

    opt.out_dir = p->data; /* a file, not a directory */
    assert_int_equal(fake_job(&opt, NULL), MLM_E_IO);
    opt.out_dir = "/proc/none/out";
    assert_int_equal(fake_job(&opt, NULL), MLM_E_IO);
    const char *const own[] = {p->results}; /* the output is the input */
    opt.data.paths          = own;
    opt.out_dir             = p->out;
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
    opt.data.paths      = p->paths;
    opt.prompt_template = "{nonsense}";
    assert_int_equal(fake_job(&opt, NULL), MLM_E_FORMAT);
}

/* A picture whose name is no UTF-8, in a directory two levels down. */
static void test_names(void **state)
{
    place *p = *state;
    char   name[700], out[600], text[700];
    (void)snprintf(name, sizeof name, "%s", temp_dir_path(&p->dir, "pictures"));
    assert_int_equal(mkdir(name, 0777), 0);
    (void)snprintf(name, sizeof name, "%s/a\xff\x1b[31m.png", p->dir.path);
    (void)snprintf(text, sizeof text, "%s/pictures/a\xff\x1b[31m.png", p->dir.path);
    assert_int_equal(symlink(MLM_SOURCE_DIR "/assets/images/scene0.png", text), 0);
    (void)snprintf(out, sizeof out, "%s/deep/er/out", p->dir.path);
    (void)snprintf(name, sizeof name, "%s/pictures", p->dir.path);
    const char *const paths[] = {name};
    fake_run          run     = {.shuffle = 1};
    vqa_job_options   opt     = fake_options(paths, out, &run);
    want_ok(&opt);
    (void)snprintf(name, sizeof name, "%s/results.jsonl", out);
    char *line = fake_read_results(name);
    assert_non_null(strstr(line, "\"image_hex\": \"61ff1b5b33316d2e706e67\""));
    assert_null(strchr(line, '\x1b'));
    free(line);
}

static void test_two_runs(void **state)
{
    place *p = *state;
    make_out(p, "two");
    fake_run        run = {.shuffle = 2};
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    vqa_job        *one = NULL, *two = NULL;
    assert_int_equal(vqa_job_open(&one, &opt), MLM_OK);
    assert_int_equal(vqa_job_open(&two, &opt), MLM_E_STATE);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_message_has(pid);
    vqa_job_close(one);
    want_ok(&opt);
    want_whole(p);
}

/* ---- shards --------------------------------------------------------------------------------------- */

static void test_shards(void **state)
{
    place *p = *state;
    make_out(p, "shards");
    for (int shard = 3; shard >= 0; shard--) { /* in any order */
        fake_run        run = {.shuffle = (uint64_t)shard};
        vqa_job_options opt = fake_options(p->paths, p->out, &run);
        opt.data.shard      = shard;
        opt.data.n_shards   = 4;
        vqa_merge_result m;
        if (shard == 0)
            assert_int_equal(vqa_merge(&m, p->out, false, NULL), MLM_E_STATE); /* one is missing */
        want_ok(&opt);
    }
    for (int twice = 0; twice < 2; twice++) {
        vqa_merge_result m;
        if (vqa_merge(&m, p->out, false, NULL) != MLM_OK)
            fail_msg("%s", mlm_error_message());
        assert_int_equal(m.n_rows, N_ROWS);
        assert_int_equal(m.n_errors, 1);
        assert_int_equal(m.n_shards, 4);
        want_whole(p);
    }
    vqa_result_list list = {0};
    assert_int_equal(vqa_result_list_load(&list, p->out), MLM_OK);
    assert_int_equal(list.n, N_ROWS);
    vqa_result_list_free(&list);
    fake_run        run = {.shuffle = 1}; /* a run of its own does not mix with them */
    vqa_job_options opt = fake_options(p->paths, p->out, &run);
    assert_int_equal(fake_job(&opt, NULL), MLM_E_CONFIG);
}

static void test_rank(void **state)
{
    (void)state;
    vqa_rank                 r;
    static const char *const all[] = {
        "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "SLURM_PROCID",
        "SLURM_NTASKS",         "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        (void)unsetenv(all[i]);
    assert_false(vqa_rank_from_environment(&r));
    (void)setenv("SLURM_PROCID", "3", 1);
    (void)setenv("SLURM_NTASKS", "8", 1);
    assert_true(vqa_rank_from_environment(&r));
    assert_true(r.rank == 3 && r.size == 8);
    (void)setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    (void)setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    assert_true(vqa_rank_from_environment(&r));
    assert_true(r.rank == 1 && r.size == 2);
    (void)setenv("OMPI_COMM_WORLD_RANK", "-1", 1);
    (void)setenv("SLURM_NTASKS", "3", 1); /* rank 3 of 3 cannot be */
    assert_false(vqa_rank_from_environment(&r));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        (void)unsetenv(all[i]);
}

/* ---- checks without a model ----------------------------------------------------------------------- */

static void count_line(const char *line, void *payload)
{
    (void)line;
    ++*(int *)payload;
}

static void test_check(void **state)
{
    place          *p       = *state;
    int             n_lines = 0;
    vqa_check       found;
    vqa_job_options opt = {.data = {.paths = p->paths, .n_paths = 1}, .payload = &n_lines};
    assert_int_equal(vqa_job_check(&found, &opt, count_line), MLM_OK);
    assert_int_equal(found.n_rows, N_ROWS);
    assert_int_equal(found.n_bad_rows, 1);
    assert_int_equal(found.n_bad_pictures, 0);
    assert_int_equal(found.n_doubled_ids, 10); /* ids go to 49 and begin again */
    assert_int_equal(n_lines, 11);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_retry_errors),
        cmocka_unit_test(test_max_errors),
        cmocka_unit_test(test_kill_at_every_step),
        cmocka_unit_test(test_kill_at_random),
        cmocka_unit_test(test_torn_tail),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_device_lost),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_two_runs),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_check),
    };
    const struct CMUnitTest slow[] = {cmocka_unit_test(test_kill_at_random_200)};
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, set_up, tear_down)
                    : cmocka_run_group_tests(all, set_up, tear_down);
}
