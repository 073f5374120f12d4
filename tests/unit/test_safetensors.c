/* test_safetensors.c: sound files read back exactly; each kind of broken file refused by name. */
#include "kernels/base/mlm_safetensors.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static temp_dir dir;

/* A file of: u64 length, header, n_data bytes 0, 1, 2 .. */
static const char *write_st(const char *name, const char *header, size_t n_header, size_t n_data)
{
    size_t         n     = 8 + n_header + n_data;
    unsigned char *bytes = malloc(n);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)n_header >> (8 * i));
    memcpy(bytes + 8, header, n_header);
    for (size_t i = 0; i < n_data; i++)
        bytes[8 + n_header + i] = (unsigned char)i;
    const char *path = temp_dir_write(&dir, name, bytes, n);
    free(bytes);
    return path;
}

static void test_sound(void **state)
{
    (void)state;
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
                                 "\"empty\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[8,8]},"
                                 "\"a\":{\"shape\":[2],\"data_offsets\":[0,8],\"dtype\":\"F32\"},"
                                 "\"scalar\":{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[20,21]}}  ";
    mlm_safetensors  *st       = NULL;
    const char       *path     = write_st("sound.safetensors", header, sizeof header - 1, 21);
    assert_int_equal(mlm_safetensors_open(&st, path), MLM_OK);
    assert_int_equal(mlm_safetensors_count(st), 4);
    assert_int_equal(mlm_safetensors_n_shards(st), 1);
    assert_string_equal(mlm_safetensors_path(st, 0), path);
    assert_int_equal(mlm_safetensors_file_bytes(st, 0), 8 + sizeof header - 1 + 21);
    assert_string_equal(mlm_safetensors_at(st, 0)->name, "a");
    assert_string_equal(mlm_safetensors_at(st, 1)->name, "empty");
    assert_string_equal(mlm_safetensors_at(st, 3)->name, "scalar");
    assert_null(mlm_safetensors_at(st, 4));
    assert_null(mlm_safetensors_at(st, -1));
    const mlm_st_tensor *b = mlm_safetensors_find(st, "b");
    assert_non_null(b);
    assert_int_equal(b->dtype, MLM_ST_BF16);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->dim[0] * 10 + b->dim[1], 23);
    assert_int_equal(b->bytes, 12);
    assert_int_equal(b->offset, 8 + sizeof header - 1 + 8);
    assert_null(mlm_safetensors_find(st, "B"));
    assert_null(mlm_safetensors_find(st, "__metadata__"));
    unsigned char bytes[12];
    assert_int_equal(mlm_safetensors_read(st, b, bytes, 0, 12), MLM_OK);
    assert_int_equal(bytes[0] * 100 + bytes[11], 8 * 100 + 19);
    assert_int_equal(mlm_safetensors_read(st, b, bytes, 5, 7), MLM_OK);
    assert_int_equal(bytes[0], 13);
    assert_int_equal(mlm_safetensors_read(st, b, bytes, 12, 0), MLM_OK);
    assert_int_equal(mlm_safetensors_read(st, b, bytes, 6, 7), MLM_E_RANGE);
    assert_int_equal(mlm_safetensors_read(st, b, bytes, UINT64_MAX, 2), MLM_E_RANGE);
    assert_int_equal(mlm_safetensors_read_raw(st, 0, bytes, 8, 2), MLM_OK);
    assert_memory_equal(bytes, "{\"", 2);
    assert_int_equal(mlm_safetensors_read_raw(st, 1, bytes, 8, 2), MLM_E_RANGE);
    /* The file is cut while open. */
    assert_int_equal(truncate(path, 40), 0);
    assert_int_equal(mlm_safetensors_read(st, b, bytes, 0, 12), MLM_E_IO);
    assert_message_has("sound.safetensors");
    mlm_safetensors_close(st);
    mlm_safetensors_close(NULL);

    assert_int_equal(mlm_safetensors_open(&st, write_st("none.safetensors", "{}", 2, 0)), MLM_OK);
    assert_int_equal(mlm_safetensors_count(st), 0);
    assert_null(mlm_safetensors_find(st, "a"));
    mlm_safetensors_close(st);
    for (int d = 0; d < MLM_ST_DTYPE_COUNT; d++) {
        char text[128];
        int  size = (int)mlm_st_dtype_size((mlm_st_dtype)d);
        int  len =
            snprintf(text, sizeof text, "{\"t\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}",
                     mlm_st_dtype_name((mlm_st_dtype)d), 3 * size);
        assert_int_equal(
            mlm_safetensors_open(&st, write_st("dtype.safetensors", text, (size_t)len, (size_t)(3 * size))),
            MLM_OK);
        assert_int_equal(mlm_safetensors_find(st, "t")->dtype, d);
        mlm_safetensors_close(st);
    }
}

/* Tensor t with these members; n_data bytes follow the header.  The message must contain `message`. */
typedef struct bad_case {
    const char *header;
    size_t      n_data;
    const char *message;
} bad_case;

#define TENSOR(dtype, shape, offsets)                                                                        \
    "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const bad_case bad_cases[] = {
    {"", 8, "the header does not begin with '{'"},
    {" {}", 0, "the header does not begin with '{'"},
    {"[]", 0, "the header does not begin with '{'"},
    {"{", 0, "line 1, column 2"},
    {"{}x", 0, "line 1, column 3"},
    {"{\"t\xff\":1}", 0, "not valid UTF-8"},
    {"{\"t\\u0000\":1}", 0, "\\u0000"},
    {"{\"t\":1}", 0, "tensor 't' is a number"},
    {"{\"t\":{}}", 0, "tensor 't': dtype is missing"},
    {"{\"t\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor 't': dtype is a number"},
    {TENSOR("F31", "[1]", "[0,4]"), 4, "tensor 't': dtype \"F31\""},
    {TENSOR("f32", "[1]", "[0,4]"), 4, "tensor 't': dtype \"f32\""},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "tensor 't': shape is missing"},
    {TENSOR("F32", "4", "[0,4]"), 4, "tensor 't': shape is a number"},
    {TENSOR("F32", "[-1]", "[0,4]"), 4, "tensor 't': dimension 0"},
    {TENSOR("F32", "[1,1.0]", "[0,4]"), 4, "tensor 't': dimension 1"},
    {TENSOR("F32", "[1e0]", "[0,4]"), 4, "tensor 't': dimension 0"},
    {TENSOR("F32", "[\"1\"]", "[0,4]"), 4, "tensor 't': dimension 0"},
    {TENSOR("F32", "[null]", "[0,4]"), 4, "tensor 't': dimension 0"},
    {TENSOR("F32", "[9223372036854775808]", "[0,4]"), 4, "tensor 't': dimension 0"},
    {TENSOR("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "tensor 't': shape has 9 dimensions"},
    {TENSOR("F32", "[4294967296,4294967296]", "[0,0]"), 0, "tensor 't': the product"},
    {TENSOR("F32", "[4294967296,4294967296,0]", "[0,0]"), 0, "tensor 't': the product"},
    {TENSOR("F32", "[4611686018427387904]", "[0,0]"), 0, "tensor 't': its size in bytes"},
    {TENSOR("I8", "[4294967296,4294967295]", "[0,0]"), 0, "tensor 't': its size in bytes"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor 't': data_offsets is missing"},
    {TENSOR("F32", "[1]", "[0]"), 4, "tensor 't': data_offsets"},
    {TENSOR("F32", "[1]", "[0,4,4]"), 4, "tensor 't': data_offsets"},
    {TENSOR("F32", "[1]", "[0,4.0]"), 4, "tensor 't': data_offsets[1]"},
    {TENSOR("F32", "[1]", "[-4,0]"), 4, "tensor 't': data_offsets[0]"},
    {TENSOR("F32", "[1]", "[0,18446744073709551620]"), 4, "tensor 't': data_offsets[1]"},
    {TENSOR("F32", "[1]", "[4,0]"), 4, "tensor 't': data_offsets end at 0, before they begin at 4"},
    {TENSOR("F32", "[1]", "[0,8]"), 8, "tensor 't': data_offsets span 8 bytes, its shape and dtype need 4"},
    {TENSOR("F32", "[2]", "[0,4]"), 4, "tensor 't': data_offsets span 4 bytes"},
    {TENSOR("F32", "[0]", "[0,4]"), 4, "tensor 't': data_offsets span 4 bytes"},
    {TENSOR("F32", "[2]", "[9223372036854775799,9223372036854775807]"), 8, "tensor 't' begins at"},
    {TENSOR("F32", "[1]", "[4,8]"), 8, "tensor 't' begins at 4 and leaves a hole after 0"},
    {TENSOR("F32", "[2]", "[0,8]"), 7, "tensor 't' ends at 8, the file has only 7"},
    {TENSOR("F32", "[2305843009213693951]", "[0,9223372036854775804]"), 7, "tensor 't' ends at"},
    {TENSOR("F32", "[1]", "[0,4]"), 5, "1 bytes after the last tensor"},
    {"{}", 1, "1 bytes after the last tensor"},
    {"{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"t\":{\"dtype\":\"I8\",\"shape\":[4],"
     "\"data_offsets\":[2,6]}}",
     6, "tensor 't' begins at 2 and overlaps what ends at 4"},
    {"{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"t\":{\"dtype\":\"I8\",\"shape\":[4],"
     "\"data_offsets\":[0,4]}}",
     4, "tensor 't' begins at 0 and overlaps"},
    {"{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"t\":{\"dtype\":\"I8\",\"shape\":[4],"
     "\"data_offsets\":[5,9]}}",
     9, "tensor 't' begins at 5 and leaves a hole after 4"},
    {"{\"t\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]},\"t\":{\"dtype\":\"I8\",\"shape\":[1],"
     "\"data_offsets\":[0,1]}}",
     1, "the key \"t\" appears twice"},
    {"{\"t\":{\"dtype\":\"I8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "the key \"dtype\" appears twice"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is an array"},
    {"{\"__metadata__\":null}", 0, "__metadata__ is null"},
    {"{\"__metadata__\":{\"t\":1}}", 0, "__metadata__.t is a number"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "appears twice"},
    {"{\"t\\u001b[2J\":1}", 0, "tensor 't\\x1B[2J' is a number"},
    {"{\"t\xe2\x80\xae\":1}", 0, "tensor 't\\xE2\\x80\\xAE' is a number"},
};

static void test_bad_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const bad_case  *c    = &bad_cases[i];
        mlm_safetensors *st   = NULL;
        const char      *path = write_st("bad.safetensors", c->header, strlen(c->header), c->n_data);
        mlm_status       got  = mlm_safetensors_open(&st, path);
        if (got != MLM_E_FORMAT)
            fail_msg("case %zu: %s instead of MLM_E_FORMAT: %s", i, mlm_status_name(got), c->header);
        assert_null(st);
        assert_message_has("/bad.safetensors: ");
        assert_message_has(c->message);
    }
}

static void assert_open_fails(const char *path, mlm_status status, const char *message)
{
    mlm_safetensors *st = NULL;
    assert_int_equal(mlm_safetensors_open(&st, path), status);
    assert_null(st);
    assert_message_has(message);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const unsigned char huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
    static const unsigned char large[]  = {0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'}; /* 100,000,001 */
    static const unsigned char past[]   = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    assert_open_fails(temp_dir_write(&dir, "f.safetensors", "", 0), MLM_E_FORMAT,
                      "f.safetensors: 0 bytes are too short");
    assert_open_fails(temp_dir_write(&dir, "f.safetensors", huge, 7), MLM_E_FORMAT,
                      "f.safetensors: 7 bytes are too short");
    assert_open_fails(temp_dir_write(&dir, "f.safetensors", huge, sizeof huge), MLM_E_FORMAT,
                      "18446744073709551615 bytes");
    assert_open_fails(temp_dir_write(&dir, "f.safetensors", large, sizeof large), MLM_E_FORMAT,
                      "at most 100000000");
    assert_open_fails(temp_dir_write(&dir, "f.safetensors", past, sizeof past), MLM_E_FORMAT,
                      "the file has 2 after its first 8");
    assert_open_fails(temp_dir_path(&dir, "missing.safetensors"), MLM_E_NOTFOUND,
                      "missing.safetensors: cannot open weights");
    assert_open_fails(dir.path, MLM_E_IO, "is a directory");
    const char *fifo = temp_dir_path(&dir, "fifo.safetensors");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_open_fails(fifo, MLM_E_IO, "fifo.safetensors: is a FIFO");
}

static void test_check_header(void **state)
{
    (void)state;
    static const char sound[] = "\x3a\0\0\0\0\0\0\0" TENSOR("F32", "[1]", "[0,4]") "    ";
    size_t            n       = sizeof sound - 1;
    assert_int_equal(n, 8 + 0x3a);
    assert_int_equal(mlm_safetensors_check_header(sound, n, n + 4, "mem"), MLM_OK);
    assert_int_equal(mlm_safetensors_check_header(sound, n, n + 5, "mem"), MLM_E_FORMAT);
    assert_int_equal(mlm_safetensors_check_header(sound, n - 1, n + 4, "mem"), MLM_E_RANGE);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_not_equal(mlm_safetensors_check_header(sound, cut, cut, "mem"), MLM_OK);
}

/* n tensors of one byte each. */
static char *many_tensors(int n, size_t *bytes)
{
    size_t cap = (size_t)n * 80 + 16, used = 0;
    char  *text = malloc(cap);
    assert_non_null(text);
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, cap - used,
                                 "%s\"tensor.%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                                 i ? "," : "{", i, n - 1 - i, n - i);
    text[used++] = '}';
    *bytes       = used;
    return text;
}

static void test_many_tensors(void **state)
{
    (void)state;
    mlm_safetensors *st   = NULL;
    size_t           n    = 0;
    char            *text = many_tensors(100000, &n);
    const char      *path = write_st("many.safetensors", text, n, 100000);
    free(text);
    assert_int_equal(mlm_safetensors_open(&st, path), MLM_OK);
    assert_int_equal(mlm_safetensors_count(st), 100000);
    assert_string_equal(mlm_safetensors_at(st, 0)->name, "tensor.99999");
    unsigned char byte = 0;
    assert_int_equal(mlm_safetensors_read(st, mlm_safetensors_find(st, "tensor.99899"), &byte, 0, 1), MLM_OK);
    assert_int_equal(byte, 100);
    mlm_safetensors_close(st);
    text = many_tensors(200000, &n);
    path = write_st("many.safetensors", text, n, 200000);
    free(text);
    assert_open_fails(path, MLM_E_FORMAT, "200000 tensors, at most 100000");
    /* Deep or dense garbage costs nothing either. */
    n    = 20000000;
    text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 ? '0' : ',';
    memcpy(text, "{\"__metadata__\":[0", 18);
    path = write_st("many.safetensors", text, n, 0);
    free(text);
    assert_open_fails(path, MLM_E_FORMAT, "more than 2500000 values");
}

#define ONE(name) "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"

static const char *write_index(const char *map)
{
    char text[1024];
    int  len = snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":2},\"weight_map\":%s}", map);
    return temp_dir_write(&dir, "m.safetensors.index.json", text, (size_t)len);
}

static void test_shards(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        mlm_status  status;
        const char *message;
    } cases[] = {
        {"{\"a\":\"absent.safetensors\"}", MLM_E_NOTFOUND, "absent.safetensors: cannot open"},
        {"{\"a\":\"../s1.safetensors\",\"b\":\"s2.safetensors\"}", MLM_E_FORMAT,
         "tensor 'a' is in \"../s1.safetensors\""},
        {"{\"a\":\"..\"}", MLM_E_FORMAT, "tensor 'a'"},
        {"{\"a\":\".\"}", MLM_E_FORMAT, "tensor 'a'"},
        {"{\"a\":\"\"}", MLM_E_FORMAT, "tensor 'a'"},
        {"{\"a\":\"/etc/passwd\"}", MLM_E_FORMAT, "tensor 'a' is in \"/etc/passwd\""},
        {"{\"a\":1}", MLM_E_FORMAT, "tensor 'a' is in a number"},
        {"{}", MLM_E_FORMAT, "weight_map is empty"},
        {"[]", MLM_E_FORMAT, "weight_map is an array"},
        {"{\"a\":\"s2.safetensors\",\"b\":\"s1.safetensors\"}", MLM_E_FORMAT,
         "tensor 'a' is in shard 's1.safetensors', weight_map says 's2.safetensors'"},
        {"{\"b\":\"s2.safetensors\",\"c\":\"s2.safetensors\",\"a\":\"s1.safetensors\"}", MLM_E_FORMAT,
         "places tensor 'c' in 's2.safetensors'"},
        {"{\"c\":\"s2.safetensors\",\"a\":\"s1.safetensors\"}", MLM_E_FORMAT,
         "shard 's2.safetensors' has tensor 'b'"},
        {"{\"a\":\"s1.safetensors\",\"b\":\"s3.safetensors\"}", MLM_E_FORMAT, "s3.safetensors: "},
    };
    mlm_safetensors *st = NULL;
    (void)write_st("s1.safetensors", ONE("a"), strlen(ONE("a")), 1);
    (void)write_st("real.bin", ONE("b"), strlen(ONE("b")), 1);
    (void)write_st("s3.safetensors", ONE("b"), strlen(ONE("b")), 2);
    assert_int_equal(symlink("real.bin", temp_dir_path(&dir, "s2.safetensors")), 0);
    const char *path = write_index("{\"b\":\"s2.safetensors\",\"a\":\"s1.safetensors\"}");
    assert_int_equal(mlm_safetensors_open(&st, path), MLM_OK);
    assert_int_equal(mlm_safetensors_n_shards(st), 2);
    assert_int_equal(mlm_safetensors_count(st), 2);
    assert_int_equal(mlm_safetensors_find(st, "b")->shard, 1);
    assert_non_null(strstr(mlm_safetensors_path(st, 1), "/s2.safetensors"));
    mlm_safetensors_close(st);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_open_fails(write_index(cases[i].map), cases[i].status, cases[i].message);
    assert_open_fails(temp_dir_write(&dir, "n.safetensors.index.json", "{}", 2), MLM_E_FORMAT,
                      "weight_map is missing");
    assert_open_fails(temp_dir_write(&dir, "n.safetensors.index.json", "7", 1), MLM_E_FORMAT,
                      "weight_map is missing");
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    (void)write_st("s1.safetensors", ONE("a"), strlen(ONE("a")), 1);
    (void)write_st("s4.safetensors", ONE("b"), strlen(ONE("b")), 1);
    char path[512];
    (void)snprintf(path, sizeof path, "%s",
                   write_index("{\"b\":\"s4.safetensors\",\"a\":\"s1.safetensors\"}"));
    for (int forever = 0; forever < 2; forever++) {
        long failed = 0;
        for (long at = 1;; at++) {
            mlm_safetensors *st     = NULL;
            long             before = alloc_fail_live();
            alloc_fail_at(at, forever ? ALLOC_FAIL_FOREVER : ALLOC_FAIL_ONCE);
            mlm_status status  = mlm_safetensors_open(&st, path);
            bool       reached = alloc_fail_stop();
            assert_int_equal(status == MLM_OK, st != NULL);
            if (status != MLM_OK) {
                assert_int_equal(status, MLM_E_NOMEM);
                assert_message_has("out of memory");
            }
            mlm_safetensors_close(st);
            assert_int_equal(alloc_fail_live(), before);
            failed += status != MLM_OK;
            if (!reached)
                break;
        }
        assert_true(failed > 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_bad_files),    cmocka_unit_test(test_check_header),
        cmocka_unit_test(test_many_tensors), cmocka_unit_test(test_shards),
        cmocka_unit_test(test_no_memory),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
