/* test_pt_zip.c: the zip that a PyTorch checkpoint is: damaged and hostile directories, sums, files that are cut. */
#include "tests/unit/pt_fixture.h"

#include <unistd.h>

static void sound_pickle(pt_bytes *pickle)
{
    pt_tensor t = {.dtype = MLM_ST_F32, .rank = 1, .dim = {4}};
    pt_put(pickle, "\x80\x02}", 3);
    pt_pickle_key(pickle, "w");
    pt_pickle_tensor(pickle, &t, "0", 4);
    pt_text(pickle, "s.");
}

/* A sound file with bytes at the n-th occurrence of `mark` (plus `shift`) replaced. */
static void patched(const char *mark, int nth, size_t shift, const void *bytes, size_t n, const char *want)
{
    pt_bytes pickle = {0}, b = {0};
    sound_pickle(&pickle);
    zip_pickle(&b, &pickle);
    size_t at = 0;
    for (; at + 4 <= b.n; at++)
        if (memcmp(b.p + at, mark, 4) == 0 && nth-- == 0)
            break;
    assert_true(at + shift + n <= b.n);
    memcpy(b.p + at + shift, bytes, n);
    refused(&b, want);
    pt_free(&b);
    pt_free(&pickle);
}

static void refuse_members(const pt_member *m, int n, const char *want)
{
    pt_bytes b = {0};
    pt_zip(&b, m, n, false);
    refused(&b, want);
    pt_free(&b);
}

static void test_zip(void **state)
{
    static const float data[4] = {0};
    pt_bytes           pickle = {0}, b = {0};
    (void)state;
    patched("PK\1\2", 0, 10, "\x08", 1, "compressed");
    patched("PK\1\2", 1, 10, "\x08", 1, "compressed");
    patched("PK\1\2", 1, 8, "\x01", 1, "encrypted");
    patched("PK\1\2", 1, 20, "\x01", 1, "stored as");
    patched("PK\1\2", 0, 20, "\xff\xff\xff\x7f\xff\xff\xff\x7f", 8, "ends outside");
    patched("PK\1\2", 1, 42, "\xff\xff\xff\x7f", 4, "outside the data");
    patched("PK\1\2", 1, 42, "\0\0\0\0", 4, "another");
    patched("PK\1\2", 0, 0, "QK", 2, "damaged");
    patched("PK\3\4", 1, 0, "QK", 2, "another header");
    patched("PK\3\4", 1, 30, "b", 1, "another name");
    patched("PK\3\4", 1, 8, "\x08", 1, "another header");
    patched("PK\5\6", 0, 10, "\x03", 1, "zip directory");
    patched("PK\5\6", 0, 10, "\x01", 1, "after its last member");
    patched("PK\5\6", 0, 16, "\xff\xff\xff\x7f", 4, "does not fit");
    patched("PK\5\6", 0, 12, "\xff\xff\xff\x7f", 4, "bytes");
    patched("PK\5\6", 0, 0, "QK", 2, "is not a zip file");
    patched("PK\5\6", 0, 4, "\x01", 1, "several parts");
    sound_pickle(&pickle);
    const pt_member pkl = {"a/data.pkl", pickle.p, pickle.n}, zero = {"a/data/0", data, sizeof data};
    refuse_members((pt_member[]){pkl, zero, zero}, 3, "two zip members");
    refuse_members((pt_member[]){pkl, zero, {"a/../b", data, 1}}, 3, "'..'");
    refuse_members((pt_member[]){pkl, zero, {"..", data, 1}}, 3, "'..'");
    refuse_members((pt_member[]){pkl, zero, {"/etc/passwd", data, 1}}, 3, "leading '/'");
    refuse_members((pt_member[]){pkl, zero, {"a\\b", data, 1}}, 3, "printable");
    refuse_members((pt_member[]){pkl, zero, {"a\nb", data, 1}}, 3, "printable");
    refuse_members((pt_member[]){pkl, zero, {"b/data.pkl", data, 1}}, 3, "two members data.pkl");
    refuse_members((pt_member[]){zero}, 1, "without a member data.pkl");
    refuse_members((pt_member[]){pkl, zero, {"a/byteorder", "big", 3}}, 3, "must be little");
    refuse_members((pt_member[]){pkl, {"a/data/0", data, 12}}, 2, "must have 16 bytes");
    /* two members over the same bytes */
    zip_pickle(&b, &pickle);
    uint32_t at[2] = {0};
    int      n     = 0;
    for (size_t i = 0; i + 4 <= b.n && n < 2; i++)
        if (memcmp(b.p + i, "PK\1\2", 4) == 0)
            at[n++] = (uint32_t)i;
    memcpy(b.p + at[0] + 24, "\xff\xff\0\0", 2); /* reaches into the next */
    memcpy(b.p + at[0] + 20, "\xff\xff\0\0", 2);
    refused(&b, "data");
    pt_free(&b);
    pt_free(&pickle);
}

/* Every cut and every changed byte gives a status, and never a crash. */
static void test_every_byte(void **state)
{
    pt_bytes pickle = {0}, b = {0};
    (void)state;
    sound_pickle(&pickle);
    for (int zip64 = 0; zip64 < 2; zip64++) {
        static const float data[4] = {0};
        const pt_member    m[]     = {{"a/data.pkl", pickle.p, pickle.n}, {"a/data/0", data, sizeof data}};
        b.n                        = 0;
        pt_zip(&b, m, 2, zip64 != 0);
        size_t n = b.n;
        for (size_t i = 0; i < n; i++) {
            mlm_pt *pt = NULL;
            b.n        = i;
            assert_int_not_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
        }
        b.n = n;
        for (size_t i = 0; i < n; i++) {
            static const uint8_t changes[] = {0x01, 0xff};
            for (int k = 0; k < 2; k++) {
                mlm_pt *pt = NULL;
                float   got[64];
                b.p[i] ^= changes[k];
                if (mlm_pt_open(&pt, put_file(&b)) == MLM_OK)
                    for (int64_t j = 0; j < mlm_pt_count(pt); j++)
                        if (mlm_pt_at(pt, j)->bytes <= sizeof got)
                            assert_int_equal(
                                mlm_pt_read(pt, mlm_pt_at(pt, j), got, 0, (size_t)mlm_pt_at(pt, j)->bytes),
                                MLM_OK);
                mlm_pt_close(pt);
                b.p[i] ^= changes[k];
            }
        }
    }
    pt_free(&b);
    pt_free(&pickle);
}

static bool count_bytes(size_t bytes, void *payload)
{
    *(size_t *)payload += bytes;
    return *(size_t *)payload < 1 << 30;
}

static bool refuse_bytes(size_t bytes, void *payload)
{
    (void)bytes;
    (void)payload;
    return false;
}

/* A bit that the disk turned over: in the pickle it is found at once, in a storage by mlm_pt_verify.  Sums of 0 are none. */
static void test_sums(void **state)
{
    float            data[2][6] = {{0, 1, 2, 3, 4, 5}, {6, 7, 8, 9, 10, 11}};
    const pt_storage storage[]  = {{data[0], sizeof data[0]}, {data[1], sizeof data[1]}};
    const pt_tensor  t[]        = {{.path = "model/a", .dtype = MLM_ST_F32, .rank = 1, .dim = {6}},
                                   {.path = "model/b", .dtype = MLM_ST_F32, .rank = 1, .dim = {2}, .storage = 1}};
    pt_bytes         b          = {0};
    mlm_pt          *pt         = NULL;
    size_t           n_read     = 0;
    (void)state;
    assert_int_equal(mlm_pt_open(&pt, GOLDEN), MLM_OK);
    assert_int_equal(mlm_pt_verify(pt, NULL, NULL), MLM_OK);
    mlm_pt_close(pt);
    pt_write(&b, t, 2, storage, 2, false);
    assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
    assert_int_equal(mlm_pt_storage_bytes(pt), sizeof data);
    assert_int_equal(mlm_pt_verify(pt, count_bytes, &n_read), MLM_OK);
    assert_int_equal(n_read, sizeof data);
    assert_int_equal(mlm_pt_verify(pt, refuse_bytes, NULL), MLM_E_CANCELLED);
    mlm_pt_close(pt);
    uint8_t *at = memmem(b.p, b.n, data[1], sizeof data[1]);
    assert_non_null(at);
    at[23] ^= 0x10; /* behind what the tensor takes of its storage */
    assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
    assert_int_equal(mlm_pt_verify(pt, NULL, NULL), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "x.pt: zip member 'archive/data/1' is damaged"));
    mlm_pt_close(pt);
    uint8_t *entry = memmem(b.p, b.n, "archive/data/1", 14); /* its local header; then the directory's */
    entry          = memmem(entry + 1, b.n - (size_t)(entry + 1 - b.p), "archive/data/1", 14);
    assert_non_null(entry);
    memset(entry - 46 + 16, 0, 4);
    assert_int_equal(mlm_pt_open(&pt, put_file(&b)), MLM_OK);
    assert_int_equal(mlm_pt_verify(pt, NULL, NULL), MLM_OK);
    mlm_pt_close(pt);
    at = memmem(b.p, b.n, "Storage", 7); /* FloatStorage, as another name */
    assert_non_null(at);
    at[0] = 's';
    refused(&b, "member 'archive/data.pkl' is damaged");
    pt_free(&b);
}

/* A file that is cut while it is open gives a status: it is read, not mapped. */
static void test_shrunk(void **state)
{
    float            data[1024] = {1.0f}, got[1024];
    const pt_storage storage    = {data, sizeof data};
    const pt_tensor  t          = {.path = "model/w", .dtype = MLM_ST_F32, .rank = 1, .dim = {1024}};
    pt_bytes         b          = {0};
    mlm_pt          *pt         = NULL;
    (void)state;
    pt_write(&b, &t, 1, &storage, 1, false);
    const char *path = put_file(&b);
    assert_int_equal(mlm_pt_open(&pt, path), MLM_OK);
    assert_int_equal(truncate(path, (off_t)(b.n / 2)), 0);
    assert_int_equal(mlm_pt_read(pt, mlm_pt_find(pt, "model.w"), got, 0, sizeof got), MLM_E_IO);
    assert_non_null(strstr(mlm_error_message(), "x.pt"));
    assert_int_equal(mlm_pt_verify(pt, NULL, NULL), MLM_E_IO);
    mlm_pt_close(pt);
    pt_free(&b);
}

/* What git leaves when the large file itself was not fetched. */
static void test_pointer(void **state)
{
    static const char text[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 11500000000\n";
    pt_bytes b = {0};
    (void)state;
    pt_text(&b, text);
    refused(&b, "git lfs pull");
    pt_free(&b);
}

static void test_files(void **state)
{
    mlm_pt *pt = NULL;
    (void)state;
    assert_int_equal(mlm_pt_open(&pt, temp_dir_path(&dir, "absent.pt")), MLM_E_NOTFOUND);
    assert_int_not_equal(mlm_pt_open(&pt, dir.path), MLM_OK);
    const char *path = temp_dir_write(&dir, "x.pt", "\x80\x02\x8a\nl\xfc\x9c", 7);
    assert_int_equal(mlm_pt_open(&pt, path), MLM_E_FORMAT); /* the format before 1.6 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zip),    cmocka_unit_test(test_every_byte), cmocka_unit_test(test_sums),
        cmocka_unit_test(test_shrunk), cmocka_unit_test(test_pointer),    cmocka_unit_test(test_files),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
