/* test_vqa_score_many.c: many rows in bounded memory; answers in any order give the same numbers. */
#include "app/vqa/vqa_score.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>

static temp_dir dir;

static int open_dir(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    return 0;
}

static int close_dir(void **state)
{
    (void)state;
    temp_dir_close(&dir);
    return 0;
}

static void put(char path[512], const char *name, vqa_text *t)
{
    assert_int_equal(vqa_text_status(t), MLM_OK);
    (void)snprintf(path, 512, "%s", temp_dir_write(&dir, name, vqa_text_str(t), t->n));
    vqa_text_free(t);
}

/* ---- many rows ----------------------------------------------------------------------------------- */

static void many_rows_are_streamed(void **state)
{
    (void)state;
    enum { ROWS = 100000 };
    char     path[512];
    vqa_text t = {0};
    for (int i = 0; i < ROWS; i++)
        vqa_text_printf(
            &t,
            "{\"row\": %d, \"digest\": \"%016x\", \"ok\": true, \"id\": %d, \"split\": null, \"task\": "
            "\"yes-no\", \"image\": \"%d.jpg\", \"question\": \"Is there a dog?\", "
            "\"prompt\": \"Is there a dog?\", \"answer\": \"%s\", \"raw\": \"x\", \"tokens\": 1, \"finish\": "
            "\"stop\", \"logprob\": null, \"answers\": [\"%s\"], "
            "\"ms\": {\"decode\": 0, \"vision\": 0, \"prefill\": 0, \"decode_tok\": 0}, \"error\": null}\n",
            i + 1, (unsigned)i, i, i / 5, i % 3 == 0 ? "yes" : "no", i % 2 == 0 ? "yes" : "no");
    put(path, "many.jsonl", &t);
    struct rusage     before, after;
    vqa_score_options opt = {.results = path, .n_bootstrap = 100};
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    vqa_score *s = NULL;
    assert_int_equal(vqa_score_run(&s, &opt), MLM_OK);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(s->n_rows, ROWS);
    assert_int_equal(s->n_images, ROWS / 5);
    assert_string_equal(s->numbers[0].metric, "accuracy");
    assert_true(fabs(s->numbers[0].value - 0.5) < 1e-5);
    if (!SANITIZED)                                                   /* its quarantine grows without bound */
        assert_true(after.ru_maxrss - before.ru_maxrss < 256 * 1024); /* KiB; a row keeps about 200 bytes */
    vqa_score_free(s);
    (void)remove(path);
}

/* A step that is prime to the number of rows shuffles them. */
static void write_answers(char path[512], const char *name, int n, int step)
{
    vqa_text t = {0};
    for (int i = 0; i < n; i++) {
        int k = (int)((int64_t)i * step % n);
        vqa_text_printf(&t, "{\"question_id\": %d, \"text\": \"%s\"}\n", k, k % 3 == 0 ? "cat" : "dog");
    }
    put(path, name, &t);
}

static void order_changes_nothing(void **state)
{
    (void)state;
    enum { ROWS = 3001 };
    char     data_path[512], path[512];
    vqa_text t = {0}, want = {0};
    for (int i = 0; i < ROWS; i++)
        vqa_text_printf(&t,
                        "{\"id\": %d, \"image\": \"%d.jpg\", \"question\": \"q\", \"answer\": \"%s\", "
                        "\"category\": \"c%d\"}\n",
                        i, i / 3, i % 2 == 0 ? "cat" : "dog", i % 7);
    put(data_path, "data.jsonl", &t);
    const char         *paths[] = {data_path};
    vqa_dataset_options data    = {.paths = paths, .n_paths = 1, .format = VQA_FORMAT_JSONL};
    static const int    steps[] = {1, 2, 1499, 3000};
    for (int k = 0; k < 4; k++) {
        vqa_text got = {0};
        write_answers(path, "answers.jsonl", ROWS, steps[k]);
        vqa_score_options opt = {.results = path, .data = &data, .n_bootstrap = 20};
        vqa_score        *s   = NULL;
        assert_int_equal(vqa_score_run(&s, &opt), MLM_OK);
        vqa_score_print(&got, s, NULL, VQA_SCORE_CSV, 0);
        vqa_score_free(s);
        if (k == 0)
            vqa_text_put(&want, vqa_text_str(&got));
        assert_string_equal(vqa_text_str(&got), vqa_text_str(&want));
        vqa_text_free(&got);
    }
    vqa_text_free(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_rows_are_streamed),
        cmocka_unit_test(order_changes_nothing),
    };
    return cmocka_run_group_tests(tests, open_dir, close_dir);
}
