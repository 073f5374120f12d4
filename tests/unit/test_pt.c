/* test_pt.c: PyTorch checkpoints: one that torch.save wrote, well-formed ones of ours, and hostile ones. */
#include "tests/unit/pt_fixture.h"

#include <stdio.h>

#include "kernels/base/mlm_dtype.h"
#include "tests/support/alloc_fail.h"

/* ---- what torch.save writes --------------------------------------------------------------------- */

/* make_published.py */
static float value(int64_t i, int salt)
{
    return (float)((i * 37 + salt) % 251 - 125) / 16.0f;
}

static float element(mlm_pt *pt, const mlm_st_tensor *t, int64_t i)
{
    float    wide = 0;
    uint16_t half = 0;
    size_t   size = mlm_st_dtype_size(t->dtype);
    assert_int_equal(mlm_pt_read(pt, t, size == 4 ? (void *)&wide : (void *)&half, (uint64_t)i * size, size),
                     MLM_OK);
    return t->dtype == MLM_ST_F32    ? wide
           : t->dtype == MLM_ST_BF16 ? mlm_bf16_to_f32(half)
                                     : mlm_f16_to_f32(half);
}

/* Element i of the tensor is element from + (i / columns) * row + (i % columns) * column of the values. */
static void expect(mlm_pt *pt, const char *name, mlm_st_dtype dtype, int salt, int64_t rows, int64_t columns,
                   int64_t from, int64_t row, int64_t column)
{
    const mlm_st_tensor *t = mlm_pt_find(pt, name);
    assert_non_null(t);
    assert_int_equal(t->dtype, dtype);
    assert_int_equal(t->bytes, (uint64_t)(rows * columns) * mlm_st_dtype_size(dtype));
    for (int64_t i = 0; i < rows * columns; i++)
        assert_true(element(pt, t, i) == value(from + i / columns * row + i % columns * column, salt));
}

static void test_torch(void **state)
{
    mlm_pt *pt = NULL;
    (void)state;
    assert_int_equal(mlm_pt_open(&pt, GOLDEN), MLM_OK);
    assert_int_equal(mlm_pt_count(pt), 14);
    expect(pt, "model.llm_backbone.embedding.weight", MLM_ST_F32, 1, 12, 5, 0, 5, 1);
    expect(pt, "model.state.weight", MLM_ST_F32, 2, 3, 4, 0, 4, 1);
    expect(pt, "model.state.bias", MLM_ST_F32, 3, 1, 3, 0, 3, 1);
    expect(pt, "model.parameter.weight", MLM_ST_F32, 2, 3, 4, 0, 4, 1);
    expect(pt, "model.bf16.x", MLM_ST_BF16, 5, 1, 6, 0, 6, 1);
    expect(pt, "model.fp16.x", MLM_ST_F16, 6, 2, 3, 0, 3, 1);
    expect(pt, "model.views.tail", MLM_ST_F32, 4, 1, 10, 30, 10, 1);
    expect(pt, "model.views.turned", MLM_ST_F32, 4, 6, 4, 0, 1, 6);
    expect(pt, "model.views.rows", MLM_ST_F32, 4, 2, 5, 10, 5, 1);
    expect(pt, "model.views.columns", MLM_ST_F32, 4, 8, 2, 1, 5, 1);
    const mlm_st_tensor *a = mlm_pt_find(pt, "model.llm_backbone.embedding.weight");
    const mlm_st_tensor *b = mlm_pt_find(pt, "model.llm_backbone.lm_head.weight");
    assert_int_equal(a->offset, b->offset); /* tied: one storage */
    assert_int_equal(mlm_pt_find(pt, "model.others.scalar")->rank, 0);
    assert_int_equal(mlm_pt_find(pt, "model.others.empty")->bytes, 0);
    assert_int_equal(mlm_pt_find(pt, "model.others.int")->dtype, MLM_ST_I64);
    assert_false(mlm_pt_contiguous(pt, mlm_pt_find(pt, "model.views.turned")));
    assert_null(mlm_pt_find(pt, "epoch"));
    float whole[24];
    assert_int_equal(mlm_pt_read(pt, mlm_pt_find(pt, "model.views.turned"), whole, 0, sizeof whole), MLM_OK);
    for (int i = 0; i < 24; i++)
        assert_true(whole[i] == value(i % 4 * 6 + i / 4, 4));
    assert_int_equal(mlm_pt_read(pt, a, whole, a->bytes - 4, 8), MLM_E_RANGE);
    mlm_pt_close(pt);
}

/* ---- files of ours ------------------------------------------------------------------------------ */

static void test_written(void **state)
{
    float            data[12];
    const pt_storage storage = {data, sizeof data};
    const pt_tensor  t[]     = {
             {.path = "model/a/w", .dtype = MLM_ST_F32, .rank = 2, .dim = {3, 4}},
             {.path = "model/a/v", .dtype = MLM_ST_F32, .rank = 1, .dim = {2}, .offset = 10},
             {.path = "model/b/w", .dtype = MLM_ST_F32, .rank = 2, .dim = {4, 3}, .stride = {1, 4}}};
    (void)state;
    for (int i = 0; i < 12; i++)
        data[i] = (float)i;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        pt_bytes b  = {0};
        mlm_pt  *pt = NULL;
        float    got[12];
        pt_write(&b, t, 3, &storage, 1, zip64 != 0);
        assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
        assert_int_equal(mlm_pt_count(pt), 3);
        assert_string_equal(mlm_pt_at(pt, 0)->name, "model.a.v");
        assert_int_equal(mlm_pt_read(pt, mlm_pt_find(pt, "model.a.v"), got, 0, 8), MLM_OK);
        assert_true(got[0] == 10 && got[1] == 11);
        assert_int_equal(mlm_pt_read(pt, mlm_pt_find(pt, "model.b.w"), got, 0, sizeof got), MLM_OK);
        for (int i = 0; i < 12; i++)
            assert_true(got[i] == (float)(i % 3 * 4 + i / 3));
        mlm_pt_close(pt);
        pt_free(&b);
    }
}

/* ---- hostile ------------------------------------------------------------------------------------ */

static void refuse_pickle(const void *bytes, size_t n, const char *want)
{
    pt_bytes pickle = {0}, b = {0};
    pt_put(&pickle, bytes, n);
    zip_pickle(&b, &pickle);
    refused(&b, want);
    pt_free(&b);
    pt_free(&pickle);
}

#define REFUSE(text, want) refuse_pickle(text, sizeof(text) - 1, want)

static void test_pickle_language(void **state)
{
    (void)state;
    /* clang-format off */
    REFUSE("\x80\x02" "cos\nsystem\nX\x02\0\0\0id\x85R.", "global 'os.system' is not allowed");
    REFUSE("\x80\x02" "cbuiltins\neval\n.", "global 'builtins.eval' is not allowed");
    REFUSE("\x80\x04\x8c\x05posix\x8c\x06system\x93.", "global 'posix.system' is not allowed");
    REFUSE("\x80\x02" "ctorch._utils\n_rebuild_tensor\n.", "is not allowed");
    REFUSE("\x80\x02}\x81.", "opcode");                     /* NEWOBJ */
    REFUSE("\x80\x02(ios\nsystem\n.", "opcode");            /* INST */
    REFUSE("\x80\x02(o.", "opcode");                        /* OBJ */
    REFUSE("\x80\x02\x82\x01.", "opcode");                  /* EXT1 */
    REFUSE("\x80\x02P0\n.", "opcode");                      /* PERSID as text */
    REFUSE("\x80\x02", "has no end");
    REFUSE("\x80\x02}", "has no end");
    REFUSE("\x80\x02.", "missing on the stack");
    REFUSE("\x80\x02}}.", "left over");
    REFUSE("\x80\x02}.x", "left over");
    REFUSE("\x80\x01}.", "protocol 1");
    REFUSE("\x80\x09}.", "protocol 9");
    REFUSE("PK", "does not begin as a pickle");
    REFUSE("\x80\x02X\xff\xff\xff\xff" "a.", "ends inside an opcode");
    REFUSE("\x80\x02X\x08\0\0\0a.", "ends inside an opcode");
    REFUSE("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "ends inside an opcode");
    REFUSE("\x80\x02h\x05.", "memo is read that was not written");
    REFUSE("\x80\x02}r\xff\xff\xff\x7f.", "number of a memo");
    REFUSE("\x80\x02(q\0.", "missing on the stack");
    REFUSE("\x80\x02" "u.", "no mark");
    REFUSE("\x80\x02}(K\x01u.", "no dictionary for these pairs");
    REFUSE("\x80\x02](K\x01K\x01u.", "no dictionary for these pairs");
    REFUSE("\x80\x02}K\x01" "a.", "no list");
    REFUSE("\x80\x02K\x01)R.", "may be called");
    REFUSE("\x80\x02" "ccollections\nOrderedDict\nK\x01\x85R.", "must be made empty");
    REFUSE("\x80\x02" "ctorch._utils\n_rebuild_parameter\n)R.", "_rebuild_parameter needs");
    REFUSE("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n)R.", "needs 6 or 7");
    REFUSE("\x80\x02K\x01Q.", "persistent id");
    REFUSE("\x80\x02]K\x01" "b.", "only a dictionary may get a state");
    REFUSE("\x80\x02\x8a\xff.", "more than 8 bytes");
    REFUSE("\x80\x02}.", "holds no tensor");
    REFUSE("\x80\x02K\x01.", "holds no tensor");
    /* clang-format on */
}

/* A checkpoint {"w": tensor} with one field changed. */
static void refuse_tensor(pt_tensor t, const char *key, int64_t count, const char *want)
{
    pt_bytes pickle = {0}, b = {0};
    pt_put(&pickle, "\x80\x02}", 3);
    pt_pickle_key(&pickle, "w");
    pt_pickle_tensor(&pickle, &t, key, count);
    pt_text(&pickle, "s.");
    zip_pickle(&b, &pickle);
    if (want == NULL) {
        mlm_pt *pt = NULL;
        assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
        mlm_pt_close(pt);
    } else {
        refused(&b, want);
    }
    pt_free(&b);
    pt_free(&pickle);
}

static void test_tensors(void **state)
{
    pt_tensor t = {.dtype = MLM_ST_F32, .rank = 2, .dim = {2, 2}};
    (void)state;
    refuse_tensor(t, "0", 4, NULL); /* sound */
    refuse_tensor(t, "1", 4, "has no member");
    refuse_tensor(t, "0", 5, "tensor 'w': its storage 0 of 5 F32 must have 20 bytes");
    refuse_tensor(t, "0", 3, "must have 12 bytes");
    refuse_tensor(t, "0", INT64_MAX, "must have");
    refuse_tensor(t, "../0", 4, "must be a number");
    refuse_tensor(t, "/etc/passwd", 4, "must be a number");
    refuse_tensor(t, "", 4, "must be a number");
    refuse_tensor(t, "0000000000000000000000000000", 4, "must be a number");
    t.offset = 1;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.offset = INT64_MAX;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.offset = -1;
    refuse_tensor(t, "0", 4, "offset");
    t.offset = 0;
    t.dim[0] = 3;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.dim[0] = INT64_MAX;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.dim[0] = -2;
    refuse_tensor(t, "0", 4, "shape");
    t.dim[0]    = 2;
    t.stride[0] = 4;
    t.stride[1] = 1;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.stride[0] = INT64_MAX;
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.stride[0] = 1; /* overlapping rows: 4 elements on 3 places are still inside */
    refuse_tensor(t, "0", 4, NULL);
    t.stride[0] = 1;
    t.stride[1] = 0; /* a bomb with a larger dimension */
    refuse_tensor(t, "0", 4, "tensor 'w'");
    t.dim[0] = 1;
    t.dim[1] = 1;
    refuse_tensor(t, "0", 4, NULL);
}

/* The stride of a dimension of one element is never taken, so it may be anything: it must not overflow either. */
static void test_unused_stride(void **state)
{
    float            data[9], got[6];
    const pt_storage storage = {data, sizeof data};
    const pt_tensor  t       = {
               .path = "model/w", .dtype = MLM_ST_F32, .rank = 3, .dim = {2, 1, 3}, .stride = {1, INT64_MAX, 2}};
    pt_bytes b  = {0};
    mlm_pt  *pt = NULL;
    (void)state;
    for (int i = 0; i < 9; i++)
        data[i] = (float)i;
    pt_write(&b, &t, 1, &storage, 1, false);
    assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
    assert_int_equal(mlm_pt_read(pt, mlm_pt_find(pt, "model.w"), got, 0, sizeof got), MLM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(got[i] == (float)(i / 3 + 2 * (i % 3)));
    mlm_pt_close(pt);
    pt_free(&b);
}

/* Dictionaries that are the same one again, 2^60 paths; deep ones; one that holds itself; a wide one. */
static void test_bombs(void **state)
{
    pt_bytes pickle = {0};
    (void)state;
    pt_put(&pickle, "\x80\x02]q\0", 5);
    for (int i = 1; i < 60; i++) { /* each list holds the one before twice */
        pt_text(&pickle, "](h");
        pt_put(&pickle, &(uint8_t){(uint8_t)(i - 1)}, 1);
        pt_text(&pickle, "h");
        pt_put(&pickle, &(uint8_t){(uint8_t)(i - 1)}, 1);
        pt_text(&pickle, "eq");
        pt_put(&pickle, &(uint8_t){(uint8_t)i}, 1);
    }
    for (int i = 1; i < 60; i++) /* 59 lists below the last: pack them */
        pt_put(&pickle, "\x86", 1);
    pt_text(&pickle, ".");
    refuse_pickle(pickle.p, pickle.n, "nested more than");
    pickle.n = 0;
    pt_put(&pickle, "\x80\x02", 2);
    for (int i = 0; i < 100000; i++)
        pt_text(&pickle, "]");
    for (int i = 0; i < 99999; i++)
        pt_text(&pickle, "a");
    pt_text(&pickle, ".");
    refuse_pickle(pickle.p, pickle.n, "nested more than");
    REFUSE("\x80\x02]q\0h\0"
           "a.",
           "nested more than"); /* a list in itself */
    /* 10 levels of 10 times the level below: 10^10 paths, not deep */
    pickle.n = 0;
    pt_put(&pickle, "\x80\x02]q\0", 5);
    for (int i = 1; i <= 10; i++) {
        pt_text(&pickle, "](");
        for (int k = 0; k < 10; k++) {
            pt_text(&pickle, "h");
            pt_put(&pickle, &(uint8_t){(uint8_t)(i - 1)}, 1);
        }
        pt_text(&pickle, "eq");
        pt_put(&pickle, &(uint8_t){(uint8_t)i}, 1);
        pt_put(&pickle, "\x86", 1); /* (below, this): keeps one value on the stack */
    }
    pt_text(&pickle, ".");
    refuse_pickle(pickle.p, pickle.n, "unfold to more than");
    pickle.n = 0;
    pt_put(&pickle, "\x80\x02(", 3);
    for (int i = 0; i < 1100000; i++)
        pt_text(&pickle, "N");
    pt_text(&pickle, "t.");
    refuse_pickle(pickle.p, pickle.n, "values");
    pt_free(&pickle);
}

static void test_keys(void **state)
{
    (void)state;
    pt_tensor t = {.dtype = MLM_ST_F32, .rank = 1, .dim = {4}};
    for (int kind = 0; kind < 4; kind++) {
        static const char *const first[]  = {"a", "a", "a\n", "a"};
        static const char *const second[] = {"a", "b", "b", "a.b"};
        static const char *const want[]   = {"key 'a' twice", NULL, "not printable", NULL};
        pt_bytes                 pickle = {0}, b = {0};
        pt_put(&pickle, "\x80\x02}", 3);
        pt_pickle_key(&pickle, first[kind]);
        pt_pickle_tensor(&pickle, &t, "0", 4);
        pt_text(&pickle, "s");
        pt_pickle_key(&pickle, second[kind]);
        pt_pickle_tensor(&pickle, &t, "0", 4);
        pt_text(&pickle, "s.");
        zip_pickle(&b, &pickle);
        if (want[kind] != NULL) {
            refused(&b, want[kind]);
        } else {
            mlm_pt *pt = NULL;
            assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
            mlm_pt_close(pt);
        }
        pt_free(&b);
        pt_free(&pickle);
    }
    pt_bytes pickle = {0}, b = {0};
    pt_put(&pickle, "\x80\x02}", 3);
    pt_pickle_key(&pickle, "a");
    pt_text(&pickle, "}");
    pt_pickle_key(&pickle, "b");
    pt_pickle_tensor(&pickle, &t, "0", 4);
    pt_text(&pickle, "ss");
    pt_pickle_key(&pickle, "a.b");
    pt_pickle_tensor(&pickle, &t, "0", 4);
    pt_text(&pickle, "s.");
    zip_pickle(&b, &pickle);
    refused(&b, "two tensors 'a.b'");
    pt_free(&b);
    pt_free(&pickle);
    /* {"w": t, "o": {(1, 2): None, (3, 4): None, 1.5: None, 2.5: None}}: other keys of one kind are not one key */
    static const char others[] = "}K\1K\2\x86NsK\3K\4\x86NsG\x3f\xf8\0\0\0\0\0\0NsG\x40\4\0\0\0\0\0\0Nss.";
    mlm_pt           *pt       = NULL;
    pt_put(&pickle, "\x80\x02}", 3);
    pt_pickle_key(&pickle, "w");
    pt_pickle_tensor(&pickle, &t, "0", 4);
    pt_text(&pickle, "s");
    pt_pickle_key(&pickle, "o");
    pt_put(&pickle, others, sizeof others - 1);
    zip_pickle(&b, &pickle);
    assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
    assert_int_equal(mlm_pt_count(pt), 1);
    mlm_pt_close(pt);
    pt_free(&b);
    pt_free(&pickle);
    /* a long key of a plain value: a million of them would be sorted for hours */
    char *longer = calloc(1, 100001);
    assert_non_null(longer);
    memset(longer, 'k', 100000);
    pt_put(&pickle, "\x80\x02}", 3);
    pt_pickle_key(&pickle, longer);
    pt_text(&pickle, "Ns.");
    free(longer);
    zip_pickle(&b, &pickle);
    refused(&b, "has 100000 bytes, at most 511");
    pt_free(&b);
    pt_free(&pickle);
    /* a name that is too long */
    char name[700];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pt_put(&pickle, "\x80\x02}", 3);
    pt_pickle_key(&pickle, name);
    pt_pickle_tensor(&pickle, &t, "0", 4);
    pt_text(&pickle, "s.");
    zip_pickle(&b, &pickle);
    refused(&b, "699 bytes, at most 511");
    pt_free(&b);
    pt_free(&pickle);
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    for (long n = 1;; n++) {
        mlm_pt *pt     = NULL;
        long    before = alloc_fail_live();
        float   got[24];
        alloc_fail_at(n, ALLOC_FAIL_ONCE);
        mlm_status status = mlm_pt_open(&pt, GOLDEN);
        if (status == MLM_OK)
            status = mlm_pt_read(pt, mlm_pt_find(pt, "model.views.turned"), got, 0, sizeof got);
        if (status == MLM_OK)
            status = mlm_pt_verify(pt, NULL, NULL);
        bool reached = alloc_fail_stop();
        assert_int_equal(status, reached ? MLM_E_NOMEM : MLM_OK);
        mlm_pt_close(pt);
        assert_int_equal(alloc_fail_live(), before);
        if (!reached)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_pickle_language),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_unused_stride),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_no_memory),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
