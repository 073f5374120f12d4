/*
 * test_vqa_large.c: memory and time with many rows.  VQAv2's validation set (its shape: 214,354 questions, 166 MB of
 * annotations) opens below 500 MB; a job of many rows keeps its size from row 10^4 on; a finished job of as many rows
 * is opened again quickly.  "all" for 10^6 rows.  Prints what it measured.
 */
#include "kernels/base/mlm_file.h"
#include "tests/support/cm.h"
#include "tests/support/vqa_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int n_rows = 20000;

static long resident_kb(void)
{
    long  pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (f != NULL)
        (void)fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long peak_kb(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* ---- VQAv2 ---------------------------------------------------------------------------------------- */

static void write_questions(const char *path, int n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f,
                  "{\"info\": {}, \"task_type\": \"Open-Ended\", \"data_type\": \"mscoco\", \"license\": {}, "
                  "\"data_subtype\": \"val2014\", \"questions\": [");
    for (int i = 0; i < n; i++)
        (void)fprintf(
            f,
            "%s{\"image_id\": %d, \"question\": \"What is the man number %d doing?\", \"question_id\": %d}",
            i > 0 ? ", " : "", i / 5, i, i / 5 * 1000 + i % 5);
    (void)fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
}

static void write_annotations(const char *path, int n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, "{\"info\": {}, \"license\": {}, \"data_subtype\": \"val2014\", \"annotations\": [");
    for (int k = 0; k < n; k++) {
        int i = (int)((long)k * 7919 % n); /* another order than the questions' */
        (void)fprintf(f,
                      "%s{\"question_type\": \"what is the man\", \"multiple_choice_answer\": \"answer %d\", "
                      "\"answers\": [",
                      k > 0 ? ", " : "", i);
        for (int a = 1; a <= 10; a++)
            (void)fprintf(
                f, "%s{\"answer\": \"answer %d\", \"answer_confidence\": \"maybe\", \"answer_id\": %d}",
                a > 1 ? ", " : "", i, a);
        (void)fprintf(f, "], \"image_id\": %d, \"answer_type\": \"other\", \"question_id\": %d}", i / 5,
                      i / 5 * 1000 + i % 5);
    }
    (void)fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
}

static void test_vqav2_val(void **state)
{
    (void)state;
    int      n = n_rows >= 1000000 ? 214354 : 20000;
    char     questions[512], annotations[512];
    temp_dir d;
    temp_dir_open(&d);
    (void)snprintf(questions, sizeof questions, "%s", temp_dir_path(&d, "questions.json"));
    (void)snprintf(annotations, sizeof annotations, "%s", temp_dir_path(&d, "annotations.json"));
    write_questions(questions, n);
    write_annotations(annotations, n);
    const char *const   paths[] = {questions};
    vqa_dataset_options opt     = {.paths = paths, .n_paths = 1, .annotations = annotations};
    vqa_dataset        *ds      = NULL;
    double              start   = mlm_now_ms();
    if (vqa_dataset_open(&ds, &opt) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    double opened = mlm_now_ms() - start;
    assert_int_equal(vqa_dataset_count(ds), n);
    start = mlm_now_ms();
    for (int64_t i = 0; i < n; i += 10) {
        vqa_item *item = NULL;
        char      want[32];
        if (vqa_dataset_load(&item, ds, i, false) != MLM_OK)
            fail_msg("%s", mlm_error_message());
        (void)snprintf(want, sizeof want, "answer %lld", (long long)i);
        assert_int_equal(item->n_answers, 10);
        assert_string_equal(item->answers[9], want);
        vqa_item_free(item);
    }
    double each = (mlm_now_ms() - start) * 1000.0 / (n / 10.0);
    print_message("VQAv2 of %d questions: opened in %.0f ms, a row in %.0f us, at most %ld MB resident\n", n,
                  opened, each, peak_kb() / 1024);
    assert_true(SANITIZED || peak_kb() < 500 * 1024);
    vqa_dataset_close(ds);
    fake_remove_tree(d.path);
}

/* ---- many rows ------------------------------------------------------------------------------------ */

typedef struct watched {
    fake_run run; /* first: the fakes look at it */
    int64_t  n;
    long     at_10k, now;
} watched;

static void watch(const vqa_result *row, void *payload)
{
    watched *w = payload;
    (void)row;
    if (++w->n == 10000)
        w->at_10k = resident_kb();
    if (w->n % 10000 == 0)
        w->now = resident_kb();
}

static void test_many_rows(void **state)
{
    (void)state;
    char     data[512], out[512];
    temp_dir d;
    temp_dir_open(&d);
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&d, "q.jsonl"));
    (void)snprintf(out, sizeof out, "%s", temp_dir_path(&d, "out"));
    FILE *f = fopen(data, "w");
    assert_non_null(f);
    for (int i = 0; i < n_rows; i++)
        (void)fprintf(
            f, "{\"image\": \"" MLM_SOURCE_DIR "/assets/images/scene0.png\", \"question\": \"Is it %d?\"}\n",
            i);
    assert_int_equal(fclose(f), 0);
    const char *const paths[] = {data};
    watched           w       = {.run = {.shuffle = 1}};
    vqa_job_options   opt     = fake_options(paths, out, &w.run);
    opt.on_row                = watch;
    opt.window                = 0;
    opt.sync_rows             = 4096;
    double start              = mlm_now_ms();
    if (fake_job(&opt, NULL) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    double took = mlm_now_ms() - start;
    assert_int_equal(w.run.n_asked, n_rows);
    opt.on_row   = NULL;
    start        = mlm_now_ms();
    vqa_job *job = NULL;
    if (vqa_job_open(&job, &opt) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    double       again = mlm_now_ms() - start;
    vqa_progress p;
    vqa_job_get_progress(job, &p);
    assert_int_equal(p.n_done, n_rows);
    vqa_job_close(job);
    print_message("%d rows: %.1f us each with a model that answers at once; resident %.1f MB at row 10^4, "
                  "%.1f MB at the end; opened again in %.0f ms\n",
                  n_rows, took * 1000.0 / n_rows, (double)w.at_10k / 1024.0, (double)w.now / 1024.0, again);
    /* Threads' heaps settle at a few megabytes more or less; anything kept for each of a million rows would show. */
    assert_true(SANITIZED || w.now - w.at_10k < 12 * 1024);
    fake_remove_tree(d.path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_rows), cmocka_unit_test(test_vqav2_val)};
    if (argc > 1)
        n_rows = strcmp(argv[1], "all") == 0 ? 1000000 : 100000;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
