/* test_vqa_dataset.c: every format of data sets, from small files made after its schema; and files that are broken. */
#include "app/vqa/vqa_dataset.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <stdio.h>
#include <string.h>

#define FIXTURE(name) MLM_SOURCE_DIR "/tests/support/vqa/" name

static vqa_dataset *open_set(const vqa_dataset_options *opt)
{
    vqa_dataset *ds = NULL;
    if (vqa_dataset_open(&ds, opt) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    return ds;
}

static vqa_dataset *open_path(const char *path)
{
    const char *const   paths[] = {path};
    vqa_dataset_options opt     = {.paths = paths, .n_paths = 1};
    return open_set(&opt);
}

static vqa_item *load(const vqa_dataset *ds, int64_t index)
{
    vqa_item *item = NULL;
    if (vqa_dataset_load(&item, ds, index, false) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    return item;
}

static void want_format(const vqa_dataset *ds, vqa_format format, vqa_task task, int64_t n)
{
    assert_string_equal(vqa_format_name(vqa_dataset_format(ds)), vqa_format_name(format));
    assert_string_equal(vqa_task_name(vqa_dataset_task(ds)), vqa_task_name(task));
    assert_int_equal(vqa_dataset_count(ds), n);
}

static void want_tag(const vqa_item *item, const char *key, const char *value)
{
    const char *found = vqa_item_tag(item, key);
    assert_non_null(found);
    assert_string_equal(found, value);
}

static const char *file_of(const vqa_item *item)
{
    const char *slash = strrchr(item->image_path, '/');
    return slash != NULL ? slash + 1 : item->image_path;
}

static void test_vqav2(void **state)
{
    (void)state;
    const char *const   paths[] = {FIXTURE("vqav2_questions.json")};
    vqa_dataset_options opt     = {
            .paths = paths, .n_paths = 1, .annotations = FIXTURE("vqav2_annotations.json")};
    vqa_dataset *ds = open_set(&opt);
    want_format(ds, VQA_FORMAT_VQAV2, VQA_TASK_VQA, 3);
    vqa_item *a = load(ds, 0), *b = load(ds, 1), *c = load(ds, 2);
    assert_string_equal(a->id, "262148000");
    assert_true(a->id_is_number);
    assert_string_equal(file_of(a), "COCO_val2014_000000262148.jpg");
    assert_int_equal(a->n_answers, 3);
    assert_string_equal(a->answers[1], "At Table");
    want_tag(a, "answer_type", "other");
    want_tag(a, "question_type", "none of the above");
    assert_int_equal(b->n_answers, 0); /* no annotation */
    assert_true(a->image_key == b->image_key && a->image_key != c->image_key);
    assert_string_equal(c->question, "How many bowls are there?\nCount \"all\".");
    assert_string_equal(c->answers[0], "2");
    want_tag(c, "answer_type", "number");
    vqa_item_free(a);
    vqa_item_free(b);
    vqa_item_free(c);
    const vqa_source *sources = NULL;
    assert_int_equal(vqa_dataset_sources(ds, &sources), 2);
    assert_int_equal(sources[0].bytes, 500);
    vqa_dataset_close(ds);
    opt.annotations = FIXTURE("gqa.json");
    assert_int_not_equal(vqa_dataset_open(&ds, &opt), MLM_OK);
    const char *const wrong[] = {FIXTURE("vqav2_annotations.json")};
    opt                       = (vqa_dataset_options){.paths = wrong, .n_paths = 1};
    assert_int_equal(vqa_dataset_open(&ds, &opt), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "--annotations"));
}

static void test_gqa_vizwiz(void **state)
{
    (void)state;
    vqa_dataset *ds = open_path(FIXTURE("gqa.json"));
    want_format(ds, VQA_FORMAT_GQA, VQA_TASK_VQA, 2);
    vqa_item *item = load(ds, 0);
    assert_string_equal(item->id, "201307251");
    assert_false(item->id_is_number); /* ids of GQA are texts */
    assert_string_equal(file_of(item), "n161313.jpg");
    assert_string_equal(item->answers[0], "no");
    want_tag(item, "structural", "verify");
    want_tag(item, "detailed", "relVerify");
    want_tag(item, "is_balanced", "True");
    want_tag(item, "entailed", "201307252 201307253");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("vizwiz.json"));
    want_format(ds, VQA_FORMAT_VIZWIZ, VQA_TASK_VIZWIZ, 2);
    item = load(ds, 0);
    assert_string_equal(item->image, "VizWiz_val_00000000.jpg");
    assert_int_equal(item->n_answers, 3);
    assert_string_equal(item->answers[2], "red");
    want_tag(item, "answerable", "0");
    want_tag(item, "answer_type", "unanswerable");
    vqa_item_free(item);
    vqa_dataset_close(ds);
}

static void test_textvqa(void **state)
{
    (void)state;
    const char *const   paths[] = {FIXTURE("textvqa.json")};
    vqa_dataset_options opt     = {.paths = paths, .n_paths = 1};
    vqa_dataset        *ds      = open_set(&opt);
    want_format(ds, VQA_FORMAT_TEXTVQA, VQA_TASK_VQA, 2);
    vqa_item *item = load(ds, 0);
    assert_string_equal(item->id, "34602");
    assert_string_equal(file_of(item), "003a8ae2ef43b901.jpg");
    assert_int_equal(item->n_answers, 10);
    assert_string_equal(item->question, "what is the brand of this camera?");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    opt.ocr = FIXTURE("textvqa_ocr.jsonl");
    ds      = open_set(&opt);
    item    = load(ds, 1);
    assert_string_equal(item->question,
                        "what does the small white text spell?\nReference OCR token: COPENHAGEN");
    vqa_item_free(item);
    vqa_dataset_close(ds);
}

static void test_pope_vsr_tally(void **state)
{
    (void)state;
    const char *const   paths[] = {FIXTURE("coco_pope_random.json"), FIXTURE("coco_pope_adversarial.json")};
    vqa_dataset_options opt     = {.paths = paths, .n_paths = 2};
    vqa_dataset        *ds      = open_set(&opt);
    want_format(ds, VQA_FORMAT_POPE, VQA_TASK_YES_NO, 3);
    vqa_item *item = load(ds, 2);
    assert_string_equal(item->split, "adversarial");
    assert_string_equal(item->id, "1");
    assert_string_equal(item->answers[0], "no");
    assert_int_equal(item->row, 3);
    assert_int_equal(item->line, 1);
    vqa_item_free(item);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("vsr.jsonl"));
    want_format(ds, VQA_FORMAT_VSR, VQA_TASK_TRUE_FALSE, 2);
    item = load(ds, 0);
    assert_string_equal(item->question, "The person is ahead of the cow.");
    assert_string_equal(item->answers[0], "False");
    want_tag(item, "relation", "ahead of");
    want_tag(item, "subj", "person");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("tallyqa.json"));
    want_format(ds, VQA_FORMAT_TALLYQA, VQA_TASK_COUNT_MC, 2);
    item = load(ds, 1);
    assert_string_equal(item->answers[0], "12");
    assert_string_equal(item->split, "complex");
    assert_string_equal(item->image, "VG_100K_2/2.jpg");
    vqa_item_free(item);
    vqa_dataset_close(ds);
}

static void test_choices(void **state)
{
    (void)state;
    vqa_dataset *ds = open_path(FIXTURE("4.png.json"));
    want_format(ds, VQA_FORMAT_AI2D, VQA_TASK_CHOICE, 2);
    vqa_item *item = load(ds, 0);
    assert_string_equal(item->question, "What {is} this?");
    assert_string_equal(file_of(item), "4.png");
    assert_int_equal(item->n_choices, 4);
    assert_string_equal(item->choices[3], "stone");
    assert_string_equal(item->answers[0], "C");
    assert_string_equal(item->id, "4.png-0");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("vlmevalkit.tsv"));
    want_format(ds, VQA_FORMAT_VLMEVALKIT, VQA_TASK_CHOICE, 3);
    item = load(ds, 0);
    assert_string_equal(item->hint, "Look \"closely\".\nThen answer.");
    assert_int_equal(item->n_choices, 2);
    assert_string_equal(item->answers[0], "A");
    want_tag(item, "category", "colour");
    assert_null(vqa_item_tag(item, "A"));
    assert_true(item->image_inline && item->image_bytes == NULL);
    uint64_t key = item->image_key;
    vqa_item_free(item);
    assert_int_equal(vqa_dataset_load(&item, ds, 1, true), MLM_OK);
    assert_int_equal(item->line, 4);     /* the row before it has a line end inside */
    assert_true(item->image_key == key); /* row 1 names row 0 */
    assert_memory_equal(item->image_bytes, "\x89PNG", 4);
    vqa_item_free(item);
    item = load(ds, 2);
    assert_int_equal(item->task, VQA_TASK_VQA); /* no choices */
    assert_string_equal(item->answers[0], "square");
    vqa_item_free(item);
    vqa_dataset_close(ds);
}

static void want_box(const vqa_item *item, double x0, double y0, double x1, double y1)
{
    const double want[4] = {x0, y0, x1, y1};
    assert_true(item->has_box);
    assert_memory_equal(item->box, want, sizeof want);
}

static void test_boxes(void **state)
{
    (void)state;
    vqa_dataset *ds = open_path(FIXTURE("refcoco.json"));
    want_format(ds, VQA_FORMAT_REFCOCO, VQA_TASK_BOX, 2);
    vqa_item *item = load(ds, 0);
    assert_string_equal(item->question, "the lady with the blue shirt");
    assert_string_equal(file_of(item), "COCO_train2014_000000581857.jpg");
    assert_string_equal(item->split, "RefCOCO");
    want_box(item, 0.16, 0.62, 0.37, 0.99); /* rounded as Python rounds */
    vqa_item_free(item);
    item = load(ds, 1);
    want_box(item, 0.1, 0.2, 0.5, 0.9);
    vqa_item_free(item);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("ocid_ref.json"));
    want_format(ds, VQA_FORMAT_OCIDREF, VQA_TASK_BOX, 2);
    item = load(ds, 0);
    want_box(item, 0.1, 0.1, 0.5, 0.5);
    assert_string_equal(item->split, "Minimum Clutter");
    vqa_item_free(item);
    vqa_dataset_close(ds);
}

static void test_exchange(void **state)
{
    (void)state;
    static const vqa_task tasks[]   = {VQA_TASK_VQA,    VQA_TASK_YES_NO, VQA_TASK_TRUE_FALSE,
                                       VQA_TASK_CHOICE, VQA_TASK_BOX,    VQA_TASK_COUNT_MC};
    static const char    *answers[] = {"a cat", "yes", "True", "B", NULL, "4"};
    vqa_dataset          *ds        = open_path(FIXTURE("metadata-full.json"));
    want_format(ds, VQA_FORMAT_VLM_EVAL, VQA_TASK_VQA, 6);
    for (int i = 0; i < 6; i++) {
        vqa_item *item = load(ds, i);
        assert_string_equal(vqa_task_name(item->task), vqa_task_name(tasks[i]));
        assert_int_equal(item->n_answers, answers[i] != NULL);
        if (answers[i] != NULL)
            assert_string_equal(item->answers[0], answers[i]);
        vqa_item_free(item);
    }
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("llava.jsonl"));
    want_format(ds, VQA_FORMAT_LLAVA, VQA_TASK_CHAT, 2);
    vqa_dataset_close(ds);
    ds = open_path(FIXTURE("openai.jsonl"));
    want_format(ds, VQA_FORMAT_OPENAI, VQA_TASK_CHAT, 3);
    vqa_item *item = NULL;
    assert_int_equal(vqa_dataset_load(&item, ds, 0, true), MLM_OK);
    assert_string_equal(item->question, "Be brief.\nWhat colour is it?");
    assert_string_equal(item->id, "a-1");
    assert_memory_equal(item->image_bytes, "\x89PNG", 4);
    mlmamba_image *img = NULL;
    assert_int_equal(vqa_item_open_image(&img, item, NULL), MLM_OK);
    assert_int_equal(mlmamba_image_width(img), 4);
    mlmamba_image_free(img);
    vqa_item_free(item);
    item = load(ds, 1);
    assert_string_equal(item->image_path, "/tmp/a b.png");
    vqa_item_free(item);
    assert_int_equal(vqa_dataset_load(&item, ds, 2, false), MLM_E_UNSUPPORTED);
    assert_non_null(strstr(mlm_error_message(), "line 3"));
    vqa_dataset_close(ds);
}

static void test_generic(void **state)
{
    (void)state;
    const char *const   paths[] = {FIXTURE("generic.csv")};
    vqa_dataset_options opt     = {
            .paths = paths, .n_paths = 1, .columns = {"name", "file", "ask", "truth", NULL}};
    vqa_dataset *ds = open_set(&opt);
    want_format(ds, VQA_FORMAT_CSV, VQA_TASK_CHAT, 3);
    vqa_item *item = load(ds, 0);
    assert_string_equal(item->question, "What is it, exactly?");
    assert_string_equal(item->id, "1");
    assert_true(item->id_is_number);
    want_tag(item, "kind", "animal");
    vqa_item_free(item);
    item = load(ds, 1);
    assert_string_equal(item->question, "Say \"yes\"\nor no");
    vqa_item_free(item);
    item = load(ds, 2);
    assert_int_equal(item->n_answers, 2);
    assert_string_equal(item->answers[1], "two");
    assert_int_equal(item->line, 5);
    assert_false(item->id_is_number);
    vqa_item_free(item);
    vqa_dataset_close(ds);
    opt.columns.id = "nmae"; /* misspelt: not a table without ids */
    assert_int_equal(vqa_dataset_open(&ds, &opt), MLM_E_FORMAT);
    assert_message_has("no column 'nmae'");

    ds = open_path(FIXTURE("generic.jsonl"));
    want_format(ds, VQA_FORMAT_JSONL, VQA_TASK_CHAT, 4); /* a blank line is no row */
    item = load(ds, 0);
    assert_int_equal(item->n_answers, 2);
    want_tag(item, "score", "0.1");
    vqa_item_free(item);
    item = load(ds, 1);
    assert_int_equal(item->n_choices, 2);
    assert_int_equal(item->line, 3);
    vqa_item_free(item);
    assert_int_equal(vqa_dataset_load(&item, ds, 2, false), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "line 4"));
    item = load(ds, 3);
    vqa_item_free(item);
    vqa_dataset_close(ds);

    ds = open_path(FIXTURE("generic.tsv"));
    want_format(ds, VQA_FORMAT_TSV, VQA_TASK_CHAT, 3);
    assert_int_equal(vqa_dataset_load(&item, ds, 1, false), MLM_E_FORMAT);
    vqa_dataset_close(ds);
}

/* Beyond 64 bits a number has lost digits: another question may have the same id then. */
static void test_large_ids(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\": 9223372036854775807, \"image\": \"a.png\", \"question\": \"q\"}\n"
        "{\"id\": 18446744073709551615, \"image\": \"a.png\", \"question\": \"q\"}\n"
        "{\"id\": \"18446744073709551615\", \"image\": \"a.png\", \"question\": \"q\"}\n";
    temp_dir dir;
    temp_dir_open(&dir);
    vqa_dataset *ds   = open_path(temp_dir_write(&dir, "ids.jsonl", text, sizeof text - 1));
    vqa_item    *item = load(ds, 0);
    assert_string_equal(item->id, "9223372036854775807");
    vqa_item_free(item);
    assert_int_equal(vqa_dataset_load(&item, ds, 1, false), MLM_E_FORMAT);
    assert_message_has("must stand in quotes");
    item = load(ds, 2);
    assert_string_equal(item->id, "18446744073709551615");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    temp_dir_close(&dir);
}

static void test_folder(void **state)
{
    (void)state;
    const char *const   paths[] = {MLM_SOURCE_DIR "/assets/images"};
    vqa_dataset_options opt     = {.paths = paths, .n_paths = 1};
    vqa_dataset        *ds      = open_set(&opt);
    want_format(ds, VQA_FORMAT_FOLDER, VQA_TASK_CAPTION, 7);
    vqa_item *item = load(ds, 2);
    assert_string_equal(item->id, "scene2.png");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    opt.question = "What is it?";
    ds           = open_set(&opt);
    want_format(ds, VQA_FORMAT_FOLDER, VQA_TASK_CHAT, 7);
    item = load(ds, 5);
    assert_string_equal(item->question, "What is it?");
    vqa_item_free(item);
    vqa_dataset_close(ds);
    opt.paths = (const char *const[]){MLM_SOURCE_DIR "/tests/support"};
    assert_int_equal(vqa_dataset_open(&ds, &opt), MLM_E_NOTFOUND);
}

/* ---- selection ------------------------------------------------------------------------------------ */

static void test_selection(void **state)
{
    (void)state;
    temp_dir d;
    temp_dir_open(&d);
    char   text[16384];
    size_t at = 0;
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "{\"id\": %d, \"image\": \"a.png\", \"question\": \"q\", \"kind\": \"%s\"}\n",
                               i, i % 3 == 0 ? "number" : "other");
    char path[512];
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&d, "q.jsonl", text, at));
    const char *const paths[] = {path}, *const filters[] = {"kind=number"};
    vqa_dataset_options opt = {.paths = paths, .n_paths = 1, .filters = filters, .n_filters = 1, .limit = 20};
    vqa_dataset        *ds  = open_set(&opt);
    assert_int_equal(vqa_dataset_count(ds), 20);
    assert_int_equal(vqa_dataset_total(ds), 100);
    for (int64_t i = 0; i < 20; i++)
        assert_int_equal(vqa_dataset_ref(ds, i).row, 3 * i + 1);
    vqa_dataset_close(ds);

    int64_t drawn[2][10];
    opt = (vqa_dataset_options){.paths = paths, .n_paths = 1, .sample = 10, .seed = 7};
    for (int k = 0; k < 2; k++) {
        ds = open_set(&opt);
        assert_int_equal(vqa_dataset_count(ds), 10);
        for (int64_t i = 0; i < 10; i++) {
            drawn[k][i] = vqa_dataset_ref(ds, i).row;
            assert_true(i == 0 || drawn[k][i] > drawn[k][i - 1]);
        }
        vqa_dataset_close(ds);
    }
    assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
    opt.seed = 8;
    ds       = open_set(&opt);
    int same = 0;
    for (int64_t i = 0; i < 10; i++)
        same += vqa_dataset_ref(ds, i).row == drawn[0][i];
    assert_true(same < 10);
    vqa_dataset_close(ds);

    int64_t next = 1; /* shards are every row once, in order */
    for (int shard = 0; shard < 7; shard++) {
        opt = (vqa_dataset_options){.paths = paths, .n_paths = 1, .shard = shard, .n_shards = 7};
        ds  = open_set(&opt);
        for (int64_t i = 0; i < vqa_dataset_count(ds); i++)
            assert_int_equal(vqa_dataset_ref(ds, i).row, next++);
        vqa_dataset_close(ds);
    }
    assert_int_equal(next, 101);
    opt = (vqa_dataset_options){
        .paths = paths, .n_paths = 1, .filters = (const char *const[]){"kind=none"}, .n_filters = 1};
    assert_int_equal(vqa_dataset_open(&ds, &opt), MLM_E_NOTFOUND);
    temp_dir_close(&d);
}

/* ---- damage --------------------------------------------------------------------------------------- */

static void test_damaged_files(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " \n",
        "[",
        "[{}",
        "[{},",
        "[{} {}]",
        "{\"questions\": [{}",
        "{\"questions\": 1}",
        "[}",
        "{\"a\" 1}",
        "[1,]",
        "{\"annotations\": [{\"image_id\": 1, \"question_id\": 2, \"multiple_choice_answer\": \"x\"}]}",
        "one word",
        "a,b\n1,\"open\n2,3\n",
        "\"\\",
        "{\"a\": \"\\"};
    temp_dir d;
    temp_dir_open(&d);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *const   paths[] = {temp_dir_write(&d, "x", texts[i], strlen(texts[i]))};
        vqa_dataset_options opt     = {.paths = paths, .n_paths = 1};
        vqa_dataset        *ds      = NULL;
        mlm_status          status  = vqa_dataset_open(&ds, &opt);
        vqa_item           *item    = NULL;
        if (status == MLM_OK) /* then its first row is not one */
            status = vqa_dataset_load(&item, ds, 0, true);
        vqa_dataset_close(ds);
        if (status == MLM_OK)
            fail_msg("taken: %s", texts[i]);
        assert_true(strlen(mlm_error_message()) > 10);
    }
    temp_dir_close(&d);
}

/* Every file cut at every byte: a status or rows, never more. */
static void test_cut_files(void **state)
{
    (void)state;
    static const char *const names[] = {FIXTURE("vqav2_questions.json"), FIXTURE("gqa.json"),
                                        FIXTURE("vlmevalkit.tsv"),       FIXTURE("openai.jsonl"),
                                        FIXTURE("4.png.json"),           FIXTURE("generic.csv"),
                                        FIXTURE("refcoco.json"),         FIXTURE("metadata-full.json")};
    temp_dir                 d;
    temp_dir_open(&d);
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        char  text[2048];
        FILE *f = fopen(names[k], "rb");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text, f);
        (void)fclose(f);
        for (size_t cut = 0; cut < n; cut += 1 + n / 400) {
            const char *const   paths[] = {temp_dir_write(&d, "cut", text, cut)};
            vqa_dataset_options opt     = {.paths = paths, .n_paths = 1};
            vqa_dataset        *ds      = NULL;
            if (vqa_dataset_open(&ds, &opt) != MLM_OK)
                continue;
            for (int64_t i = 0; i < vqa_dataset_count(ds); i++) {
                vqa_item *item = NULL;
                if (vqa_dataset_load(&item, ds, i, true) == MLM_OK)
                    vqa_item_free(item);
            }
            vqa_dataset_close(ds);
        }
    }
    temp_dir_close(&d);
}

static void test_base64(void **state)
{
    (void)state;
    uint8_t b[16];
    size_t  n = 0;
    assert_int_equal(vqa_base64_decode(b, &n, "aGVsbG8=", 8), MLM_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(b, "hello", 5);
    assert_int_equal(vqa_base64_decode(b, &n, "aGVs\r\nbG8", 9), MLM_OK);
    assert_int_equal(n, 5);
    assert_int_equal(vqa_base64_decode(b, &n, "", 0), MLM_OK);
    assert_int_equal(n, 0);
    assert_int_equal(vqa_base64_decode(b, &n, "aGVsb", 5), MLM_E_FORMAT);
    assert_int_equal(vqa_base64_decode(b, &n, "aG*s", 4), MLM_E_FORMAT);
    assert_int_equal(vqa_base64_decode(b, &n, "aGV=sbG8", 8), MLM_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vqav2),     cmocka_unit_test(test_gqa_vizwiz),
        cmocka_unit_test(test_textvqa),   cmocka_unit_test(test_pope_vsr_tally),
        cmocka_unit_test(test_choices),   cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_exchange),  cmocka_unit_test(test_generic),
        cmocka_unit_test(test_large_ids), cmocka_unit_test(test_folder),
        cmocka_unit_test(test_selection), cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_cut_files), cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
