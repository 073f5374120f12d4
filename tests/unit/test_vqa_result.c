/* test_vqa_result.c: prompts byte for byte, templates, result lines there and back, a million lines scanned. */
#include "app/vqa/vqa_manifest.h"
#include "app/vqa/vqa_output.h"
#include "app/vqa/vqa_prompt.h"
#include "app/vqa/vqa_result.h"
#include "kernels/base/mlm_file.h"
#include "tests/support/cm.h"
#include "tests/support/vqa_fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void want_prompt(const vqa_item *item, const char *user_template, const char *want)
{
    char *text = NULL;
    if (vqa_prompt(&text, item, user_template) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    assert_string_equal(text, want);
    free(text);
}

static void test_prompts(void **state)
{
    (void)state;
    const char *const choices[] = {"fish", "bird"};
    vqa_item          item      = {.question = "What is it?", .id = "7", .choices = choices, .n_choices = 2};
    static const struct {
        vqa_task    task;
        const char *text;
    } cases[] = {
        {VQA_TASK_CHAT, "What is it?"},
        {VQA_TASK_VQA, "What is it?\nAnswer the question using a single word or phrase."},
        {VQA_TASK_YES_NO, "What is it?\nAnswer the question using a single word or phrase."},
        {VQA_TASK_VIZWIZ,
         "What is it?\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n"
         "Answer the question using a single word or phrase."},
        {VQA_TASK_TRUE_FALSE, "Based on the image, is this statement \"True\" or \"False\"? What is it?\n"
                              "Respond with \"True\" or \"False\" directly."},
        {VQA_TASK_CHOICE,
         "What is it?\nA. fish\nB. bird\nAnswer with the option's letter from the given choices directly."},
        {VQA_TASK_COUNT_MC, "What is it?\nA. 0\nB. 1\nC. 2\nD. 3\nE. 4\nF. 5\nG. 6\nH. 7\nI. 8\nJ. 9\nK. "
                            "10\nL. 11\nM. 12\nN. 13\nO. 14\nP. "
                            "15\nAnswer with the option's letter from the given choices directly."},
        {VQA_TASK_BOX,
         "Please provide the bounding box coordinate of the region this sentence describes: \"What is it?\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        item.task = cases[i].task;
        want_prompt(&item, NULL, cases[i].text);
    }
    item.task = VQA_TASK_CHOICE;
    item.hint = "Look.";
    want_prompt(&item, NULL,
                "Look.\nWhat is it?\nA. fish\nB. bird\nAnswer with the option's letter from the given "
                "choices directly.");
    item.task     = VQA_TASK_VQA;
    item.question = "what brand?\nReference OCR token: A, B";
    want_prompt(&item, NULL,
                "Reference OCR token: A, B\nwhat brand?\nAnswer the question using a single word or phrase.");
    item.task     = VQA_TASK_CAPTION;
    item.question = "";
    want_prompt(&item, NULL, "Provide a short image description.");
    item.question = "q{x}";
    want_prompt(&item, "{{{question}}} {id}:\n{choices}{hint}", "{q{x}} 7:\nA. fish\nB. birdLook.");
    static const char *const wrong[] = {"{", "}", "{question", "{other}", "a } b", "{question}}", "{}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(vqa_prompt_check(wrong[i]), MLM_E_FORMAT);
    assert_int_equal(vqa_prompt_check("{question} {{}}"), MLM_OK);
}

static void test_candidates(void **state)
{
    (void)state;
    const char *const *names = NULL;
    vqa_item           item  = {.task = VQA_TASK_YES_NO, .n_choices = 3};
    assert_int_equal(vqa_task_candidates(&item, &names), 2);
    assert_string_equal(names[0], "Yes");
    item.task = VQA_TASK_TRUE_FALSE;
    assert_int_equal(vqa_task_candidates(&item, &names), 2);
    assert_string_equal(names[1], "False");
    item.task = VQA_TASK_CHOICE;
    assert_int_equal(vqa_task_candidates(&item, &names), 3);
    assert_string_equal(names[2], "C");
    item.task = VQA_TASK_COUNT_MC;
    assert_int_equal(vqa_task_candidates(&item, &names), 16);
    item.task = VQA_TASK_VQA;
    assert_int_equal(vqa_task_candidates(&item, &names), 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    const char *const answers[] = {"a \"b\"", "\xc3\xa9\n"}, *const choices[] = {"x"},
                      *const names[] = {"Yes", "No"};
    const vqa_tag            tags[]  = {{"kind", "<b>\x1b[31m"}, {"\xe2\x80\xae", "turned"}};
    const float              probs[] = {0.1f, 1e-7f};
    const vqa_result         r       = {.item          = {.row          = 12,
                                                          .digest       = 0xfedcba9876543210u,
                                                          .task         = VQA_TASK_YES_NO,
                                                          .id           = "12345678901234567",
                                                          .split        = "random",
                                                          .question     = "\xff not UTF-8",
                                                          .image        = "a/b.png",
                                                          .answers      = answers,
                                                          .n_answers    = 2,
                                                          .choices      = choices,
                                                          .n_choices    = 1,
                                                          .box          = {0.1, 0.2, 0.3, 1.0 / 3},
                                                          .has_box      = true,
                                                          .tags         = tags,
                                                          .n_tags       = 2,
                                                          .id_is_number = true},
                                        .prompt        = "p",
                                        .answer        = "Yes",
                                        .raw           = " Yes\n",
                                        .n_prompt      = 13,
                                        .n_prompt_used = 11,
                                        .n_tokens      = 2,
                                        .finish        = "stop",
                                        .logprob       = -1.0 / 3,
                                        .has_logprob   = true,
                                        .prob_names    = names,
                                        .probs         = probs,
                                        .n_probs       = 2};
    vqa_text                 t       = {0};
    vqa_result              *back    = NULL;
    vqa_result_write(&t, &r);
    assert_int_equal(vqa_text_status(&t), MLM_OK);
    for (size_t i = 0; i + 1 < t.n; i++) /* nothing can drive a terminal */
        assert_true((unsigned char)t.data[i] >= 0x20 && t.data[i] != 0x7f);
    if (vqa_result_parse(&back, t.data, t.n - 1, "x", 1) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    assert_int_equal(back->item.row, 12);
    assert_true(back->item.digest == r.item.digest);
    assert_int_equal(back->item.task, VQA_TASK_YES_NO);
    assert_string_equal(back->item.id, "12345678901234567");
    assert_true(back->item.id_is_number);
    assert_string_equal(back->item.question, "\xef\xbf\xbd not UTF-8");
    assert_string_equal(back->item.answers[1], "\xc3\xa9\n");
    assert_memory_equal(back->item.box, r.item.box, sizeof r.item.box);
    assert_string_equal(vqa_item_tag(&back->item, "kind"), "<b>\x1b[31m");
    assert_string_equal(vqa_item_tag(&back->item, "\xe2\x80\xae"), "turned");
    assert_string_equal(back->raw, " Yes\n");
    assert_int_equal(back->n_prompt, 13);
    assert_int_equal(back->n_prompt_used, 11);
    assert_memory_equal(back->probs, probs, sizeof probs);
    assert_string_equal(back->prob_names[1], "No");
    assert_memory_equal(&back->logprob, &r.logprob, sizeof r.logprob);
    assert_null(back->error_code);
    vqa_line_head head;
    assert_true(vqa_line_read_head(&head, t.data, t.n - 1));
    assert_true(head.row == 12 && head.digest == r.item.digest && head.ok);
    for (size_t n = 0; n + 1 < t.n; n++) /* no beginning of it is a line */
        assert_false(n > 0 && vqa_line_read_head(&head, t.data, n) && t.data[n - 1] != '}');
    vqa_result_free(back);
    vqa_text_free(&t);
}

static void test_reader(void **state)
{
    (void)state;
    static const char text[] = "{\"row\": 2, \"digest\": \"00000000000000aa\", \"ok\": true, \"id\": \"b\", "
                               "\"task\": \"chat\", \"answer\": \"x\", \"error\": null}\n"
                               "no line\n\n"
                               "{\"row\": 1, \"digest\": \"00000000000000ab\", \"ok\": false, \"id\": 1, "
                               "\"task\": \"vqa\", \"answer\": null, \"error\": {\"code\": "
                               "\"MLM_E_IO\", \"message\": \"m\", \"line\": 9}}\n"
                               "{\"row\": 3, \"digest\"";
    temp_dir          d;
    temp_dir_open(&d);
    vqa_results *r   = NULL;
    vqa_result  *row = NULL;
    assert_int_equal(vqa_results_open(&r, temp_dir_write(&d, "r.jsonl", text, sizeof text - 1)), MLM_OK);
    assert_int_equal(vqa_results_next(r, &row), MLM_OK);
    assert_int_equal(row->item.row, 2);
    assert_string_equal(row->answer, "x");
    vqa_result_free(row);
    assert_int_equal(vqa_results_next(r, &row), MLM_E_FORMAT);
    assert_message_has("line 2");
    assert_int_equal(vqa_results_next(r, &row), MLM_OK);
    assert_string_equal(row->error_code, "MLM_E_IO");
    assert_int_equal(row->item.line, 9);
    assert_string_equal(row->item.id, "1");
    vqa_result_free(row);
    assert_int_equal(vqa_results_next(r, &row), MLM_OK); /* the torn end is none */
    assert_null(row);
    vqa_results_close(r);
    temp_dir_close(&d);
}

static mlm_status count_line(const vqa_line_head *head, uint64_t offset, size_t n, void *payload)
{
    int64_t *count = payload;
    (void)offset;
    (void)n;
    return ++*count == head->row ? MLM_OK : mlm_fail(MLM_E_FORMAT, "row %lld", (long long)head->row);
}

/* What a resume reads of 10^6 rows of ordinary length; reported, with a generous guard. */
static void test_scan_million(void **state)
{
    enum { ROWS = 1000000 };
    (void)state;
    temp_dir d;
    temp_dir_open(&d);
    char path[512];
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&d, "million.jsonl"));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 1; i <= ROWS; i++)
        (void)fprintf(
            f,
            "{\"row\": %d, \"digest\": \"%016x\", \"ok\": true, \"id\": %d, \"task\": \"vqa\", \"image\": "
            "\"COCO_val2014_%012d.jpg\", \"question\": \"Is there a dog?\", \"prompt\": \"Is there a dog?\", "
            "\"answer\": \"yes\", \"raw\": \"yes\", \"tokens\": 2, \"finish\": \"stop\", \"logprob\": null, "
            "\"ms\": {}, "
            "\"error\": null}\n",
            i, (unsigned)i * 2654435761u, i, i / 5);
    assert_int_equal(fclose(f), 0);
    vqa_output o;
    uint64_t   cut   = 0;
    int64_t    count = 0;
    double     start = mlm_now_ms();
    assert_int_equal(vqa_output_open(&o, path, NULL, 64, &cut), MLM_OK);
    assert_int_equal(vqa_output_scan(&o, count_line, &count), MLM_OK);
    double ms = mlm_now_ms() - start;
    assert_int_equal(count, ROWS);
    assert_true(o.in_order && cut == 0);
    vqa_output_close(&o);
    print_message("10^6 result rows opened and scanned in %.0f ms\n", ms);
    assert_true(ms < 100000); /* 20 times the goal */
    temp_dir_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prompts), cmocka_unit_test(test_candidates),
                                       cmocka_unit_test(test_round_trip), cmocka_unit_test(test_reader),
                                       cmocka_unit_test(test_scan_million)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
