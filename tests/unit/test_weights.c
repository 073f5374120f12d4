/* test_weights.c: named weights arrive exactly, in every dtype; what does not fit is refused by name. */
#include "kernels/weights.h"

#include "kernels/base/mlm_dtype.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static temp_dir   dir;
static kn_device *dev;
static kn_queue  *queue;

static const float values[6] = {1.0f, -2.0f, 0.5f, 3.0f, 0.0f, -0.25f}; /* exact in every dtype */

typedef struct builder {
    char          header[4096];
    unsigned char data[4096];
    size_t        n_header, n_data;
} builder;

static void add(builder *b, const char *name, const char *dtype, const char *shape, const void *bytes,
                size_t n)
{
    int len = snprintf(b->header + b->n_header, sizeof b->header - b->n_header,
                       "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                       b->n_header ? "," : "{", name, dtype, shape, b->n_data, b->n_data + n);
    b->n_header += (size_t)len;
    memcpy(b->data + b->n_data, bytes, n);
    b->n_data += n;
}

static void write_model(builder *b)
{
    unsigned char file[8400];
    size_t        n          = 8;
    b->header[b->n_header++] = '}';
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)b->n_header >> (8 * i));
    memcpy(file + n, b->header, b->n_header);
    n += b->n_header;
    memcpy(file + n, b->data, b->n_data);
    (void)temp_dir_write(&dir, "model.safetensors", file, n + b->n_data);
}

static kn_weights *open_model(void)
{
    kn_weights *w = NULL;
    if (kn_weights_open(&w, dir.path) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    return w;
}

static void write_sound(void)
{
    builder                  b = {.n_header = 0};
    uint16_t                 bf16[6], f16[6] = {0x3c00, 0xc000, 0x3800, 0x4200, 0, 0xb400};
    static const signed char i8[6]    = {1, -2, 127, -127, 0, 5};
    static const float       scale[2] = {0.5f, 0.0f};
    for (int i = 0; i < 6; i++)
        bf16[i] = mlm_f32_to_bf16(values[i]);
    add(&b, "f32", "F32", "[2,3]", values, sizeof values);
    add(&b, "bf16", "BF16", "[2,3]", bf16, sizeof bf16);
    add(&b, "f16", "F16", "[2,3,1]", f16, sizeof f16);
    add(&b, "q", "I8", "[2,3]", i8, sizeof i8);
    add(&b, "q_scale", "F32", "[2]", scale, sizeof scale);
    add(&b, "ids", "I64", "[1]", "\0\0\0\0\0\0\0", 8);
    write_model(&b);
}

/* y = I W^T, so y[i][o] = w[o][i]. */
static void read_back(float *y, const kn_matrix *m)
{
    kn_arena  a;
    float     identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    int64_t   out         = kn_matrix_out(m);
    kn_tensor x, t;
    assert_int_equal(kn_arena_create(&a, dev, 4096), MLM_OK);
    x = kn_arena_take(&a, KN_F32, 2, KN_DIMS(3, 3));
    t = kn_arena_take(&a, KN_F32, 2, KN_DIMS(3, out));
    assert_int_equal(kn_upload(queue, x, identity, sizeof identity), MLM_OK);
    assert_int_equal(kn_linear(queue, &(kn_linear_args){.x = x, .w = m, .y = t}), MLM_OK);
    assert_int_equal(kn_download(queue, y, t, (size_t)(3 * out) * sizeof(float)), MLM_OK);
    kn_arena_free(&a);
}

typedef struct progress {
    uint64_t last, total;
    int      calls;
    int      cancel_at; /* 0: never */
} progress;

static bool on_progress(uint64_t done, uint64_t total, void *payload)
{
    progress *p = payload;
    assert_true(done >= p->last && done <= total);
    p->last  = done;
    p->total = total;
    return ++p->calls != p->cancel_at;
}

static void test_matrices(void **state)
{
    (void)state;
    static const char *const names[3] = {"f32", "bf16", "f16"};
    write_sound();
    kn_weights *w = open_model();
    kn_matrix  *m = NULL;
    float       y[12];
    progress    p = {0, 0, 0, 0};
    kn_weights_on_progress(w, on_progress, &p);
    assert_int_equal(kn_weights_total_bytes(w), 24 + 12 + 12 + 6 + 8 + 8);
    assert_int_equal(kn_weights_parameters(w), 6 * 4 + 1);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(kn_weights_matrix(&m, w, dev, &(kn_weights_part){names[k], 2}, 1, 3), MLM_OK);
        assert_int_equal(kn_matrix_out(m), 2);
        assert_int_equal(kn_matrix_in(m), 3);
        read_back(y, m);
        for (int o = 0; o < 2; o++) {
            for (int i = 0; i < 3; i++)
                assert_true(y[i * 2 + o] == values[o * 3 + i]);
        }
        kn_matrix_free(m);
    }
    const kn_weights_part twice[2] = {{"q", 2}, {"q", 2}};
    assert_int_equal(kn_weights_matrix(&m, w, dev, twice, 2, 3), MLM_OK);
    assert_int_equal(kn_matrix_out(m), 4);
    assert_int_equal(kn_matrix_dtype(m), KN_I8);
    read_back(y, m);
    assert_true(y[0] == 0.5f && y[4] == -1.0f && y[8] == 63.5f); /* row 0: 0.5 * {1, -2, 127} */
    assert_true(y[1] == 0.0f && y[5] == 0.0f && y[2] == 0.5f && y[10] == 63.5f);
    kn_matrix_free(m);
    assert_true(p.calls >= 5 && p.total == 70 && p.last == 70); /* "q" counted twice, never above the total */

    const char *unused[4];
    assert_int_equal(kn_weights_unused(w, unused, 4), 1);
    assert_string_equal(unused[0], "ids");
    assert_int_equal(kn_weights_unused(w, NULL, 0), 1);
    kn_weights_close(w);
    kn_weights_close(NULL);
}

static void test_vectors(void **state)
{
    (void)state;
    write_sound();
    kn_weights *w = open_model();
    float       v[6];
    int64_t     dim[8];
    assert_int_equal(kn_weights_shape(w, "f16", dim), 3);
    assert_int_equal(dim[0] * 100 + dim[1] * 10 + dim[2], 231);
    assert_int_equal(kn_weights_shape(w, "no", dim), -1);
    assert_true(kn_weights_has(w, "f32") && !kn_weights_has(w, "no"));
    static const char *const names[3] = {"f32", "bf16", "f16"};
    for (int k = 0; k < 3; k++) {
        assert_int_equal(kn_weights_host_f32(w, v, names[k], 0, 6, 0), MLM_OK);
        assert_memory_equal(v, values, sizeof values);
        assert_int_equal(kn_weights_host_f32(w, v, names[k], 3, 2, 6), MLM_OK);
        assert_memory_equal(v, values + 3, 2 * sizeof *v);
    }
    kn_arena a;
    assert_int_equal(kn_arena_create(&a, dev, 4096), MLM_OK);
    kn_tensor t = kn_arena_take(&a, KN_F32, 1, KN_DIMS(3));
    assert_int_equal(kn_weights_vector(w, queue, t, "bf16", 3, 6), MLM_OK);
    assert_int_equal(kn_download(queue, v, t, 12), MLM_OK);
    assert_memory_equal(v, values + 3, 12);
    assert_int_equal(kn_weights_vector(w, queue, t, "bf16", 0, 0), MLM_E_SHAPE);
    assert_message_has("model.safetensors: tensor 'bf16' has shape [2, 3], must have 3 elements");
    kn_arena_free(&a);
    assert_int_equal(kn_weights_host_f32(w, v, "ids", 0, 1, 0), MLM_E_DTYPE);
    assert_message_has("tensor 'ids' has dtype I64");
    assert_int_equal(kn_weights_host_f32(w, v, "no", 0, 1, 0), MLM_E_NOTFOUND);
    assert_message_has("tensor 'no' is missing");
    assert_int_equal(kn_weights_host_f32(w, v, "f32", 5, 2, 6), MLM_E_RANGE);
    assert_int_equal(kn_weights_host_f32(w, v, "f32", INT64_MAX, 2, 0), MLM_E_RANGE);
    assert_int_equal(kn_weights_host_f32(w, v, "f32", -1, 2, 0), MLM_E_RANGE);
    kn_weights_close(w);
}

static void refuse_matrix(const char *name, int64_t out, int64_t in, mlm_status status, const char *message)
{
    kn_weights *w = open_model();
    kn_matrix  *m = NULL;
    assert_int_equal(kn_weights_matrix(&m, w, dev, &(kn_weights_part){name, out}, 1, in), status);
    assert_null(m);
    assert_message_has(message);
    kn_weights_close(w);
}

static void test_refused(void **state)
{
    (void)state;
    write_sound();
    refuse_matrix("no", 2, 3, MLM_E_NOTFOUND, "tensor 'no' is missing from the weights, wanted [2, 3]");
    refuse_matrix("f32", 3, 2, MLM_E_SHAPE,
                  "model.safetensors: tensor 'f32' has shape [2, 3], must be [3, 2]");
    refuse_matrix("q_scale", 2, 1, MLM_E_SHAPE, "tensor 'q_scale' has shape [2]");
    refuse_matrix("ids", 1, 1, MLM_E_SHAPE, "tensor 'ids'");
    kn_weights *w = open_model();
    kn_matrix  *m = NULL;
    assert_int_equal(kn_weights_matrix(&m, w, dev, (const kn_weights_part[]){{"f32", 2}, {"q", 2}}, 2, 3),
                     MLM_E_DTYPE);
    assert_message_has("'q' is i8, but 'f32'");
    assert_int_equal(kn_weights_matrix(&m, w, dev, NULL, 0, 3), MLM_E_RANGE);
    kn_weights_close(w);

    static const struct {
        const char *dtype, *shape, *scale_dtype, *scale_shape;
        float       scale;
        mlm_status  status;
        const char *message;
    } cases[] = {
        {"I8", "[1,2]", NULL, NULL, 0, MLM_E_NOTFOUND, "tensor 'w_scale' is missing"},
        {"I8", "[1,2]", "I32", "[1]", 1, MLM_E_DTYPE, "tensor 'w_scale' has dtype I32"},
        {"I8", "[1,2]", "F32", "[1,1]", 1, MLM_E_SHAPE, "tensor 'w_scale' has shape [1, 1], must be [1]"},
        {"I8", "[1,2]", "F32", "[1]", NAN, MLM_E_FORMAT, "tensor 'w_scale' is NaN or infinite at element 0"},
        {"I8", "[1,2]", "F32", "[1]", INFINITY, MLM_E_FORMAT, "tensor 'w_scale'"},
        {"I8", "[1,2]", "F32", "[1]", -1, MLM_E_FORMAT, "tensor 'w_scale' is negative at element 0"},
        {"U8", "[1,2]", NULL, NULL, 0, MLM_E_DTYPE, "tensor 'w' has dtype U8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        builder b = {.n_header = 0};
        add(&b, "w", cases[i].dtype, cases[i].shape, "ab", 2);
        if (cases[i].scale_dtype)
            add(&b, "w_scale", cases[i].scale_dtype, cases[i].scale_shape, &cases[i].scale, 4);
        write_model(&b);
        refuse_matrix("w", 1, 2, cases[i].status, cases[i].message);
    }
}

/* One bad value anywhere is found and named with its index, in blocks and in the rest after them. */
static void test_not_finite(void **state)
{
    (void)state;
    static const size_t at[] = {0, 1, 4095, 4096, 4999};
    const size_t        n    = 5000;
    for (int dtype = 0; dtype < 6; dtype++) { /* F32, BF16, F16; NaN, infinity */
        size_t size = dtype / 2 == 0 ? 4 : 2;
        for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
            char           header[128], message[64];
            int            len  = snprintf(header, sizeof header,
                                           "{\"w\":{\"dtype\":\"%s\",\"shape\":[1,%zu],\"data_offsets\":[0,%zu]}}",
                               dtype / 2 == 0   ? "F32"
                                           : dtype / 2 == 1 ? "BF16"
                                                            : "F16",
                                           n, n * size);
            unsigned char *file = calloc(1, 8 + (size_t)len + n * size);
            assert_non_null(file);
            file[0] = (unsigned char)len;
            memcpy(file + 8, header, (size_t)len);
            static const uint32_t bad[6] = {0x7fc00000, 0xff800000, 0xffc0, 0x7f80, 0x7e01, 0xfc00};
            for (size_t i = 0; i < size; i++)
                file[8 + (size_t)len + at[k] * size + i] = (unsigned char)(bad[dtype] >> (8 * i));
            (void)temp_dir_write(&dir, "model.safetensors", file, 8 + (size_t)len + n * size);
            free(file);
            (void)snprintf(message, sizeof message, "tensor 'w' is NaN or infinite at element %zu", at[k]);
            refuse_matrix("w", 1, 5000, MLM_E_FORMAT, message);
            float       v[8];
            kn_weights *w     = open_model();
            int64_t     first = at[k] > 4 ? (int64_t)at[k] - 4 : 0;
            assert_int_equal(kn_weights_host_f32(w, v, "w", first, 5, 5000), MLM_E_FORMAT);
            assert_message_has(message);
            assert_int_equal(kn_weights_host_f32(w, v, "w", at[k] > 100 ? 10 : 10 + first, 5, 5000), MLM_OK);
            kn_weights_close(w);
        }
    }
}

/* One read of a large tensor is cut short by a cancel: nothing is read after the callback said so. */
static void test_cancel(void **state)
{
    (void)state;
    const size_t   n = (size_t)10 << 20; /* three pieces of at most 4 MiB */
    char           header[96];
    unsigned char *file = calloc(1, n + 200);
    assert_non_null(file);
    int len = snprintf(header, sizeof header,
                       "{\"w\":{\"dtype\":\"I8\",\"shape\":[1,%zu],\"data_offsets\":[0,%zu]}}", n, n);
    file[0] = (unsigned char)len;
    memcpy(file + 8, header, (size_t)len);
    (void)temp_dir_write(&dir, "model.safetensors", file, 8 + (size_t)len + n);
    free(file);
    for (int at = 1; at <= 3; at++) {
        kn_weights *w = open_model();
        kn_matrix  *m = NULL;
        progress    p = {.cancel_at = at};
        kn_weights_on_progress(w, on_progress, &p);
        assert_int_equal(kn_weights_matrix(&m, w, dev, &(kn_weights_part){"w", 1}, 1, (int64_t)n),
                         MLM_E_CANCELLED);
        assert_null(m);
        assert_message_has("loading was cancelled");
        assert_int_equal(p.calls, at);
        assert_true(at == 3 ? p.last == n : p.last == (uint64_t)at << 22);
        kn_weights_close(w);
    }
}

static uint64_t fingerprint_of(void)
{
    uint64_t    f = 0;
    kn_weights *w = open_model();
    assert_int_equal(kn_weights_fingerprint(&f, w), MLM_OK);
    kn_weights_close(w);
    return f;
}

/* Every byte counts, and whether a tensor was loaded before, in parts or whole, does not. */
static void test_fingerprint(void **state)
{
    (void)state;
    float    v[6];
    uint64_t f = 0, whole;
    write_sound();
    whole = fingerprint_of();
    assert_true(fingerprint_of() == whole);
    kn_weights *w = open_model();
    kn_matrix  *m = NULL;
    assert_int_equal(kn_weights_matrix(&m, w, dev, &(kn_weights_part){"q", 2}, 1, 3), MLM_OK);
    kn_matrix_free(m);
    assert_int_equal(kn_weights_host_f32(w, v, "f32", 0, 6, 0), MLM_OK);
    assert_int_equal(kn_weights_host_f32(w, v, "bf16", 3, 3, 6), MLM_OK);
    assert_int_equal(kn_weights_fingerprint(&f, w), MLM_OK);
    assert_true(f == whole);
    kn_weights_close(w);

    unsigned char bytes[300] = {0};
    builder       b          = {.n_header = 0};
    add(&b, "t", "U8", "[300]", bytes, sizeof bytes);
    write_model(&b);
    whole = fingerprint_of();
    for (size_t i = 0; i < sizeof bytes; i++) {
        builder c = {.n_header = 0};
        bytes[i]  = 1;
        add(&c, "t", "U8", "[300]", bytes, sizeof bytes);
        write_model(&c);
        assert_true(fingerprint_of() != whole);
        bytes[i] = 0;
    }
    static const char *const others[][3] = {
        {"u", "U8", "[300]"}, {"t", "I8", "[300]"}, {"t", "U8", "[3,100]"}};
    for (size_t i = 0; i < 3; i++) {
        builder c = {.n_header = 0};
        add(&c, others[i][0], others[i][1], others[i][2], bytes, sizeof bytes);
        write_model(&c);
        assert_true(fingerprint_of() != whole);
    }
}

static void test_matrix_dtype(void **state)
{
    (void)state;
    static const struct {
        const char  *dtype[2], *name;
        mlm_status   status;
        mlm_st_dtype want;
    } cases[] = {
        {{"I8", "I8"}, "b.weight", MLM_OK, MLM_ST_I8},       {{"U8", "U8"}, "b.weight", MLM_OK, MLM_ST_U8},
        {{"I8", "U8"}, "b.weight", MLM_E_DTYPE, 0},          {{"U8", "I8"}, "b.weight", MLM_E_DTYPE, 0},
        {{"I8", "U8"}, "b.weight_scale", MLM_OK, MLM_ST_I8}, /* not a matrix by its name */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        builder      b     = {.n_header = 0};
        mlm_st_dtype dtype = MLM_ST_BOOL;
        add(&b, "a.bias", "F32", "[1]", values, 4);
        add(&b, "a.weight", cases[i].dtype[0], "[1,2]", "ab", 2);
        add(&b, cases[i].name, cases[i].dtype[1], "[1,2]", "ab", 2);
        write_model(&b);
        kn_weights *w = open_model();
        assert_int_equal(kn_weights_matrix_dtype(&dtype, w), cases[i].status);
        if (cases[i].status == MLM_OK)
            assert_int_equal(dtype, cases[i].want);
        else
            assert_message_has("tensor 'b.weight' is");
        kn_weights_close(w);
    }
    builder b = {.n_header = 0};
    add(&b, "a.bias", "F32", "[1]", values, 4);
    write_model(&b);
    mlm_st_dtype dtype;
    kn_weights  *w = open_model();
    assert_int_equal(kn_weights_matrix_dtype(&dtype, w), MLM_E_FORMAT);
    kn_weights_close(w);
}

static void test_directories(void **state)
{
    (void)state;
    kn_weights *w = NULL;
    char        path[512];
    write_sound();
    (void)remove(temp_dir_path(&dir, "model.safetensors"));
    assert_int_equal(kn_weights_open(&w, dir.path), MLM_E_NOTFOUND);
    assert_null(w);
    assert_message_has(dir.path);
    assert_message_has("has neither model.safetensors nor model.safetensors.index.json");
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "nowhere"));
    assert_int_equal(kn_weights_open(&w, path), MLM_E_NOTFOUND);
    assert_message_has("does not exist");
    (void)snprintf(path, sizeof path, "%s", temp_dir_write(&dir, "plain", "x", 1));
    assert_int_equal(kn_weights_open(&w, path), MLM_E_NOTFOUND);
    assert_message_has("is not a model directory");
    static const char index[] = "{\"weight_map\":{\"a\":\"gone.safetensors\"}}";
    (void)temp_dir_write(&dir, "model.safetensors.index.json", index, sizeof index - 1);
    assert_int_equal(kn_weights_open(&w, dir.path), MLM_E_NOTFOUND);
    assert_message_has("gone.safetensors");
    (void)remove(temp_dir_path(&dir, "model.safetensors.index.json"));
}

static void test_no_memory(void **state)
{
    (void)state;
    if (!alloc_fail_works())
        skip();
    write_sound();
    for (int forever = 0; forever < 2; forever++) {
        for (long at = 1;; at++) {
            kn_weights *w = NULL;
            kn_matrix  *m = NULL;
            float       v[6];
            long        before = alloc_fail_live();
            alloc_fail_at(at, forever ? ALLOC_FAIL_FOREVER : ALLOC_FAIL_ONCE);
            mlm_status status = kn_weights_open(&w, dir.path);
            if (status == MLM_OK)
                status = kn_weights_matrix(&m, w, dev, &(kn_weights_part){"q", 2}, 1, 3);
            if (status == MLM_OK)
                status = kn_weights_host_f32(w, v, "bf16", 0, 6, 0);
            bool reached = alloc_fail_stop();
            if (status != MLM_OK) {
                assert_int_equal(status, MLM_E_NOMEM);
                assert_message_has("out of memory");
            }
            kn_matrix_free(m);
            kn_weights_close(w);
            assert_int_equal(alloc_fail_live(), before);
            if (!reached)
                break;
        }
    }
}

static int setup(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    if (kn_device_open(&dev, &(kn_device_options){.name = "ref"}) != MLM_OK ||
        kn_queue_create(&queue, dev) != MLM_OK) {
        print_error("%s\n", mlm_error_message());
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kn_queue_free(queue);
    kn_device_close(dev);
    temp_dir_close(&dir);
    return 0;
}

/* ---- several files, renamed --------------------------------------------------------------------- */

static mlm_status open_with(kn_weights **w, const kn_weights_rule *rules, int n_rules, int n_files)
{
    char              path[512];
    kn_weights_source s[2];
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "model.safetensors"));
    s[0] = s[1] = (kn_weights_source){.path = path, .rules = rules, .n_rules = n_rules};
    return kn_weights_open_sources(w, "the model", s, n_files);
}

static void test_rules(void **state)
{
    static const kn_weights_rule rules[] = {
        {"q*", NULL}, {"ids", NULL}, {"bf16", "a.weight"}, {"*16", "half.*.x"}, {"f*", "wide.*"}};
    static const kn_weights_rule clash[] = {{"q*", NULL}, {"ids", NULL}, {"*", "one"}};
    kn_weights                  *w       = NULL;
    float                        got[6];
    (void)state;
    write_sound();
    assert_int_equal(open_with(&w, rules, 5, 1), MLM_OK);
    assert_int_equal(kn_weights_count(w), 3);
    assert_true(kn_weights_has(w, "a.weight") && kn_weights_has(w, "half.f.x") &&
                kn_weights_has(w, "wide.32"));
    assert_false(kn_weights_has(w, "bf16") || kn_weights_has(w, "q"));
    assert_int_equal(kn_weights_host_f32(w, got, "half.f.x", 0, 6, 6), MLM_OK);
    assert_memory_equal(got, values, sizeof got);
    assert_string_equal(kn_weights_at(w, 0)->name, "a.weight");
    assert_non_null(strstr(kn_weights_path(w, kn_weights_at(w, 0)), "model.safetensors"));
    kn_weights_close(w);
    assert_int_equal(open_with(&w, rules, 4, 1), MLM_E_FORMAT); /* f32 fits none */
    assert_non_null(strstr(mlm_error_message(), "'f32' has no place"));
    char                    path[512], name[64];
    const kn_weights_source some = {.path = path, .rules = rules, .n_rules = 4, .keep_unknown = true};
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "model.safetensors"));
    assert_int_equal(kn_weights_open_sources(&w, "the model", &some, 1), MLM_OK);
    assert_true(kn_weights_has(w, "f32"));
    assert_string_equal(kn_weights_source_name(w, kn_weights_find(w, "half.f.x")), "f16");
    kn_weights_close(w);
    assert_true(kn_weights_rule_invert(name, sizeof name, &some, "half.f.x"));
    assert_string_equal(name, "f16");
    assert_false(kn_weights_rule_invert(name, sizeof name, &some, "none"));
    assert_false(kn_weights_rule_invert(name, 3, &some, "half.f.x"));
    assert_int_equal(open_with(&w, clash, 3, 1), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "both hold tensor 'one'"));
    assert_int_equal(open_with(&w, rules, 5, 2), MLM_E_FORMAT); /* the same file twice */
    assert_int_equal(open_with(&w, rules, 5, 0), MLM_E_RANGE);
    assert_null(w);
}

static void test_round_bf16(void **state)
{
    static const float fine[6] = {1.00390625f, -2.0f, 0.3f, 3.14159f, 1e-3f, 65504.0f};
    builder            b       = {.n_header = 0};
    float              got[6];
    (void)state;
    add(&b, "x", "F32", "[2,3]", fine, sizeof fine);
    write_model(&b);
    kn_weights *w = open_model();
    kn_weights_round_bf16(w);
    assert_int_equal(kn_weights_host_f32(w, got, "x", 0, 6, 6), MLM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(got[i] == mlm_bf16_to_f32(mlm_f32_to_bf16(fine[i])));
    kn_weights_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),     cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_directories),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_rules),        cmocka_unit_test(test_round_bf16),
        cmocka_unit_test(test_cancel),       cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_matrix_dtype),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
