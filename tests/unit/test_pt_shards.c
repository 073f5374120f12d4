/*
 * test_pt_shards.c: PyTorch checkpoints that an index names: every tensor from its shard, and each way in which index and
 * files can disagree, refused with the file and the tensor.
 */
#include "kernels/weights.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"
#include "tests/support/pt_write.h"
#include "tests/support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX "pytorch_model.bin.index.json"

static temp_dir dir;

/* names: at most three, all with the values 0, 1, .. of one storage. */
static void put_shard(const char *file, const char *one, const char *two, const char *three)
{
    static const float data[4]  = {0, 1, 2, 3};
    const char        *names[3] = {one, two, three};
    pt_tensor          t[3]     = {{0}};
    pt_bytes           b        = {0};
    const pt_storage   s        = {data, sizeof data};
    int                n        = 0;
    for (int i = 0; i < 3 && names[i] != NULL; i++)
        t[n++] = (pt_tensor){.path = names[i], .dtype = MLM_ST_F32, .rank = 1, .dim = {4 - i}, .offset = i};
    pt_write(&b, t, n, &s, 1, false);
    (void)temp_dir_write(&dir, file, b.p, b.n);
    pt_free(&b);
}

static void put_index(const char *map)
{
    char text[2048];
    int  n = snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":2},\"weight_map\":%s}", map);
    (void)temp_dir_write(&dir, INDEX, text, (size_t)n);
}

static mlm_status open_index(kn_weights **w)
{
    char                    path[512];
    const kn_weights_source source = {.path = path};
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, INDEX));
    return kn_weights_open_sources(w, "model", &source, 1);
}

static void refused(const char *map, mlm_status status, const char *file, const char *tensor)
{
    kn_weights *w = NULL;
    put_index(map);
    assert_int_equal(open_index(&w), status);
    assert_null(w);
    if (strstr(mlm_error_message(), file) == NULL || strstr(mlm_error_message(), tensor) == NULL)
        fail_msg("'%s' and '%s' are not in: %s", file, tensor, mlm_error_message());
}

#define A     "\"a.x\":\"s1.bin\""
#define B     "\"b.x\":\"s2.bin\""
#define SOUND "{" B ",\"b.y\":\"s2.bin\"," A ",\"a.tied\":\"s1.bin\"}"

static void put_sound(void)
{
    put_shard("s1.bin", "a.x", "a.tied", NULL);
    put_shard("blob", "b.x", "b.y", NULL);
    (void)unlink(temp_dir_path(&dir, "s2.bin"));
    assert_int_equal(symlink("blob", temp_dir_path(&dir, "s2.bin")), 0); /* as the hub's cache keeps them */
    put_index(SOUND);
}

static void test_sound(void **state)
{
    kn_weights *w = NULL;
    float       got[3];
    (void)state;
    put_sound();
    assert_int_equal(open_index(&w), MLM_OK);
    assert_int_equal(kn_weights_count(w), 4);
    const mlm_st_tensor *t = kn_weights_find(w, "b.y");
    assert_non_null(strstr(kn_weights_path(w, t), "/s2.bin"));
    assert_int_equal(kn_weights_read(w, t, got, 0, sizeof got), MLM_OK);
    assert_true(got[0] == 1 && got[2] == 3);
    assert_true(kn_weights_verify_bytes(w) == 32);
    assert_int_equal(kn_weights_verify(w, NULL, NULL), MLM_OK);
    assert_false(kn_weights_same_bytes(w, kn_weights_find(w, "a.x"), kn_weights_find(w, "b.x")));
    kn_weights_close(w);
}

static void test_map(void **state)
{
    static const struct {
        const char *map;
        mlm_status  status;
        const char *file, *tensor;
    } cases[] = {
        {"{" A ",\"a.tied\":\"s1.bin\",\"c\":\"absent.bin\"}", MLM_E_NOTFOUND, "absent.bin: cannot open",
         INDEX},
        {"{\"a.x\":\"../s1.bin\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x' is in \"../s1.bin\""},
        {"{\"a.x\":\"/etc/passwd\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x' is in \"/etc/passwd\""},
        {"{\"a.x\":\"d\\\\s1.bin\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x'"},
        {"{\"a.x\":\"..\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x'"},
        {"{\"a.x\":\".\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x'"},
        {"{\"a.x\":\"\"}", MLM_E_FORMAT, INDEX, "tensor 'a.x'"},
        {"{\"a.x\":\"s1.bin\\u0000x\"}", MLM_E_FORMAT, INDEX, "\\u0000 in a string"},
        {"{\"a.x\":[\"s1.bin\"]}", MLM_E_FORMAT, INDEX, "tensor 'a.x' is in an array"},
        {"{" A "," A "}", MLM_E_FORMAT, INDEX, "the key \"a.x\" appears twice"},
        {"{}", MLM_E_FORMAT, INDEX, "weight_map is empty"},
        {"null", MLM_E_FORMAT, INDEX, "weight_map is null"},
        /* a tensor that the index places in the other shard, does not list, or lists and nobody has */
        {"{\"a.x\":\"s2.bin\",\"a.tied\":\"s1.bin\"," B ",\"b.y\":\"s2.bin\"}", MLM_E_FORMAT, "'s1.bin'",
         "tensor 'a.x' is in shard 's1.bin', weight_map says 's2.bin'"},
        {"{" A "," B ",\"b.y\":\"s2.bin\"}", MLM_E_FORMAT, "shard 's1.bin'",
         "tensor 'a.tied', which weight_map does not list"},
        {"{" A ",\"a.tied\":\"s1.bin\"," B ",\"b.y\":\"s2.bin\",\"c\":\"s2.bin\"}", MLM_E_FORMAT, INDEX,
         "places tensor 'c' in 's2.bin'"},
        {"{" A ",\"a.tied\":\"s1.bin\"," B ",\"b.y\":\"twice.bin\",\"b.z\":\"twice.bin\"}", MLM_E_FORMAT,
         "'s2.bin'", "tensor 'b.y'"},
        /* shards that are no checkpoints: safetensors, a folder, a queue, the index itself, half a file */
        {"{" A ",\"a.tied\":\"s1.bin\",\"c\":\"st.bin\"}", MLM_E_FORMAT, "st.bin", "zip"},
        {"{\"c\":\"folder.bin\"}", MLM_E_IO, "folder.bin", "directory"},
        {"{\"c\":\"fifo.bin\"}", MLM_E_IO, "fifo.bin", ""},
        {"{\"c\":\"" INDEX "\"}", MLM_E_FORMAT, INDEX, "zip"},
        {"{" A ",\"a.tied\":\"s1.bin\",\"b.x\":\"half.bin\"}", MLM_E_FORMAT, "half.bin", ""},
    };
    char junk[64] = "{\"x\":{}}";
    (void)state;
    put_sound();
    put_shard("twice.bin", "b.y", "b.z", NULL);
    (void)temp_dir_write(&dir, "st.bin", junk, sizeof junk);
    (void)mkdir(temp_dir_path(&dir, "folder.bin"), 0777);
    (void)mkfifo(temp_dir_path(&dir, "fifo.bin"), 0666);
    put_shard("half.bin", "b.x", NULL, NULL);
    struct stat st;
    assert_int_equal(stat(temp_dir_path(&dir, "half.bin"), &st), 0);
    assert_int_equal(truncate(temp_dir_path(&dir, "half.bin"), st.st_size / 2), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].map, cases[i].status, cases[i].file, cases[i].tensor);
    assert_int_equal(rmdir(temp_dir_path(&dir, "folder.bin")), 0);
}

/* More shards or tensors than are possible end at a count. */
static void test_many(void **state)
{
    static const struct {
        int         n;
        const char *want;
    } cases[]     = {{513, "names 513 shards"}, {100001, "lists 100001 tensors"}};
    kn_weights *w = NULL;
    (void)state;
    for (int k = 0; k < 2; k++) {
        FILE *f = fopen(temp_dir_path(&dir, INDEX), "w");
        assert_non_null(f);
        (void)fputs("{\"weight_map\":{", f);
        for (int i = 0; i < cases[k].n; i++) {
            char line[64];
            (void)snprintf(line, sizeof line, ",\"t%d\":\"s%d.bin\"", i, k == 0 ? i : 0);
            (void)fputs(line + (i == 0), f);
        }
        (void)fputs("}}", f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(open_index(&w), MLM_E_FORMAT);
        if (strstr(mlm_error_message(), cases[k].want) == NULL)
            fail_msg("'%s' is not in: %s", cases[k].want, mlm_error_message());
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    put_sound();
    for (int forever = 0; forever < 2; forever++) {
        for (long at = 1;; at++) {
            kn_weights *w      = NULL;
            long        before = alloc_fail_live();
            alloc_fail_at(at, forever ? ALLOC_FAIL_FOREVER : ALLOC_FAIL_ONCE);
            mlm_status status  = open_index(&w);
            bool       reached = alloc_fail_stop();
            assert_int_equal(status, reached ? MLM_E_NOMEM : MLM_OK);
            kn_weights_close(w);
            assert_int_equal(alloc_fail_live(), before);
            if (!reached)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_memory),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
