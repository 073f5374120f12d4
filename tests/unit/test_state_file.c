/* test_state_file.c: snapshots as values, and state files: equal tokens after a round trip, damage refused. */
#include "app/engine/state_file.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/engine_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static mlmamba_engine *eng;
static temp_dir        dir;

static int setup(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    eng = open_engine(2, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mlmamba_engine_close(eng);
    temp_dir_close(&dir);
    return 0;
}

static void branches_are_independent(void **state)
{
    mlmamba_snapshot *snap = NULL, *empty = NULL;
    (void)state;
    mlmamba_session *ses = open_session(eng, NULL);
    assert_int_equal(mlmamba_session_snapshot(&snap, ses), MLM_E_STATE);
    assert_null(snap);
    assert_ok(mlmamba_session_set_image_file(ses, SCENE(0), NULL));
    assert_ok(mlmamba_session_snapshot(&empty, ses));
    (void)ask(ses, TOP, "An orange cross.");
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    double color = ask(ses, COLOR, "Orange."), more = ask(ses, DESCRIBE, NULL);
    assert_ok(mlmamba_session_set_image_file(ses, SCENE(3), NULL));
    mlmamba_session *other = open_session(eng, SCENE(5));
    assert_ok(mlmamba_session_restore(other, snap));
    mlmamba_session_free(ses);
    assert_int_equal(mlmamba_session_turns(other), 1);
    assert_string_equal(mlmamba_session_answer_text(other, 0), "An orange cross.");
    assert_non_null(mlmamba_session_view(other));
    assert_true(ask(other, COLOR, NULL) == color);
    assert_true(ask(other, DESCRIBE, NULL) == more);
    assert_ok(mlmamba_session_restore(other, snap));
    assert_true(ask(other, COLOR, NULL) == color);
    assert_ok(mlmamba_session_rewind(other, 0));
    (void)ask(other, TOP, "An orange cross.");
    assert_true(mlmamba_snapshot_bytes(snap) > mlmamba_snapshot_bytes(empty));

    mlmamba_query   q[2] = {SNAPSHOT_QUERY(snap, COLOR), SNAPSHOT_QUERY(empty, TOP)};
    mlmamba_answer *a[2];

    mlmamba_generate_options opt = {.want_logprob = true};
    assert_ok(mlmamba_ask_batch(eng, q, 2, a, &opt, NULL, NULL, NULL));
    assert_string_equal(a[0]->text, "Orange.");
    assert_true(a[0]->logprob == color);
    assert_string_equal(a[1]->text, "An orange cross.");
    mlmamba_answer_free(a[0]);
    mlmamba_answer_free(a[1]);
    mlmamba_snapshot_free(snap);
    mlmamba_snapshot_free(empty);
    mlmamba_session_free(other);
}

static void saved_equals_kept(void **state)
{
    mlmamba_snapshot *snap = NULL, *loaded = NULL;
    char              path[512];
    (void)state;
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, "talk.mlmstate"));
    mlmamba_session *ses = open_session(eng, SCENE(0));
    (void)ask(ses, TOP, "An orange cross.");
    (void)ask(ses, COLOR, "Orange.");
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    assert_ok(mlmamba_snapshot_save(snap, path));
    assert_ok(mlmamba_snapshot_save(snap, path)); /* over the old one */
    double more = ask(ses, DESCRIBE, NULL);
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);

    mlmamba_engine  *second = open_engine(1, 1);
    mlmamba_session *fresh  = open_session(second, NULL);
    assert_ok(mlmamba_snapshot_load(&loaded, second, path));
    assert_ok(mlmamba_session_restore(fresh, loaded));
    assert_int_equal(mlmamba_session_turns(fresh), 2);
    assert_string_equal(mlmamba_session_question(fresh, 1), COLOR);
    assert_null(mlmamba_session_view(fresh));
    assert_true(ask(fresh, DESCRIBE, NULL) == more);
    assert_ok(mlmamba_session_rewind(fresh, 1)); /* its state was not in the file */
    (void)ask(fresh, COLOR, "Orange.");
    mlmamba_image_info i;
    assert_ok(mlmamba_session_get_image_info(fresh, &i));
    assert_string_equal(i.format, "PNG");
    mlmamba_snapshot_free(loaded);
    mlmamba_session_free(fresh);
    assert_int_equal(mlmamba_snapshot_load(&loaded, second, "/nonexistent"), MLM_E_NOTFOUND);
    mlmamba_engine_close(second);
}

static void save_needs_a_place(void **state)
{
    mlmamba_snapshot *snap = NULL;
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(1));
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    assert_int_equal(mlmamba_snapshot_save(snap, "/nonexistent/x"), MLM_E_IO);
    assert_int_equal(mlmamba_snapshot_save(snap, dir.path), MLM_E_IO);
    assert_int_equal(mlmamba_snapshot_save(snap, ""), MLM_E_IO);
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
}

static void refuse_save(const mlmamba_snapshot *snap, const char *name, const char *part)
{
    assert_int_equal(mlmamba_snapshot_save(snap, temp_dir_path(&dir, name)), MLM_E_IO);
    if (strstr(mlm_error_message(), part) == NULL || strstr(mlm_error_message(), name) == NULL)
        fail_msg("%s: %s", name, mlm_error_message());
}

/* Only state files and empty files are replaced; links stay. */
static void save_replaces_its_own_only(void **state)
{
    mlmamba_snapshot *snap = NULL;
    struct stat       st;
    char              link[512];
    (void)state;
    mlmamba_session *ses = open_session(eng, SCENE(1));
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    (void)temp_dir_write(&dir, "photo.png", "\x89PNG\r\n\x1a\n and more", 17);
    refuse_save(snap, "photo.png", "exists and is no state file; not replaced");
    assert_int_equal(stat(temp_dir_path(&dir, "photo.png"), &st), 0);
    assert_int_equal(st.st_size, 17);
    (void)temp_dir_write(&dir, "short", "MLM", 3);
    refuse_save(snap, "short", "no state file");
    assert_int_equal(mkfifo(temp_dir_path(&dir, "pipe.mlmstate"), 0600), 0);
    refuse_save(snap, "pipe.mlmstate", "a FIFO, not a regular file");
    assert_int_equal(lstat(temp_dir_path(&dir, "pipe.mlmstate"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(symlink("nowhere", temp_dir_path(&dir, "dangling")), 0);
    refuse_save(snap, "dangling", "a link that leads nowhere");

    (void)temp_dir_write(&dir, "real.mlmstate", "", 0);
    (void)snprintf(link, sizeof link, "%s", temp_dir_path(&dir, "link.mlmstate"));
    assert_int_equal(symlink("real.mlmstate", link), 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(mlmamba_snapshot_save(snap, link));
        assert_int_equal(lstat(link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(stat(temp_dir_path(&dir, "real.mlmstate"), &st), 0);
        assert_true(st.st_size > 1000);
    }
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
}

/* A saved conversation in memory. */
static char *saved(size_t *n)
{
    mlmamba_snapshot *snap = NULL;
    char             *data = NULL;
    mlmamba_session  *ses  = open_session(eng, SCENE(0));
    (void)ask(ses, TOP, NULL);
    assert_ok(mlmamba_session_snapshot(&snap, ses));
    const char *path = temp_dir_path(&dir, "whole.mlmstate");
    assert_ok(mlmamba_snapshot_save(snap, path));
    assert_ok(mlm_file_read(&data, n, path, (size_t)1 << 30, "state file"));
    mlmamba_snapshot_free(snap);
    mlmamba_session_free(ses);
    return data;
}

static mlm_status try_bytes(const char *data, size_t n)
{
    mlmamba_snapshot *snap = NULL;
    mlm_status status      = mlmamba_snapshot_load(&snap, eng, temp_dir_write(&dir, "try.mlmstate", data, n));
    mlmamba_snapshot_free(snap);
    if (status != MLM_OK &&
        (strstr(mlm_error_message(), "try.mlmstate") == NULL || strchr(mlm_error_message(), '\n') != NULL))
        fail_msg("message does not name the file: %s", mlm_error_message());
    return status;
}

static void refuses_every_cut_and_flip(void **state)
{
    size_t n = 0;
    (void)state;
    char *data = saved(&n);
    assert_ok(try_bytes(data, n));
    for (size_t cut = 0; cut < 600; cut += cut < 64 ? 1 : 37)
        assert_int_equal(try_bytes(data, cut), MLM_E_FORMAT);
    for (size_t cut = n - 1; cut > n / 2; cut -= n / 11)
        assert_int_equal(try_bytes(data, cut), MLM_E_FORMAT);
    for (size_t at = 0; at < n; at += at < 96 ? 1 : n / 17) {
        data[at] = (char)(data[at] ^ (1 << at % 8));
        assert_int_equal(try_bytes(data, n), MLM_E_FORMAT);
        data[at] = (char)(data[at] ^ (1 << at % 8));
    }
    free(data);
}

/* With the checksum made right again, the reader has only its own checks. */
static mlm_status try_resealed(char *data, size_t n)
{
    uint64_t sum = mlm_hash_bytes(data, n - 8);
    for (int i = 0; i < 8; i++)
        data[n - 8 + (size_t)i] = (char)(sum >> (8 * i));
    return try_bytes(data, n);
}

static void refuses_malice(void **state)
{
    static const struct {
        size_t      at;
        const char *bytes;
        size_t      n;
        mlm_status  want;
    } cases[] = {
        {8, "\2", 1, MLM_E_UNSUPPORTED},             /* version */
        {12, "\1", 1, MLM_E_UNSUPPORTED},            /* reserved */
        {16, "\x55\x55", 2, MLM_E_CONFIG},           /* weights */
        {24, "\x0b", 1, MLM_E_CONFIG},               /* layers */
        {52, "\xff", 1, MLM_E_CONFIG},               /* picture tokens */
        {56, "\0\0\0\0", 4, MLM_E_FORMAT},           /* width 0 */
        {60, "\xff\xff\xff\xff", 4, MLM_E_FORMAT},   /* height -1 */
        {64, "\x09", 1, MLM_E_FORMAT},               /* orientation 9 */
        {72, "\xe1", 1, MLM_E_FORMAT},               /* view size */
        {92, "\0\0\xc0\x7f", 4, MLM_E_FORMAT},       /* NaN */
        {108, "WEIRD", 6, MLM_E_FORMAT},             /* format */
        {108, "AAAAAAAAAAAAAAAA", 16, MLM_E_FORMAT}, /* format without end */
        {124, "fit", 4, MLM_E_FORMAT},
        {140, "\xff\xff\xff\xff", 4, MLM_E_FORMAT}, /* turns */
        {140, "\0", 1, MLM_E_FORMAT},               /* no turns: bytes left over */
        {144, "\xff\xff\xff\xff", 4, MLM_E_FORMAT}, /* question length */
        {148, "\xff\xff\xff\x7f", 4, MLM_E_FORMAT}, /* answer length */
        {152, "\xff\xff\xff\xff", 4, MLM_E_FORMAT}, /* prompt tokens */
        {152, "\0\0\0\0\0\0\0\0", 8, MLM_E_FORMAT}, /* none */
        {156, "\xff\xff\xff\xff", 4, MLM_E_FORMAT}, /* produced tokens */
        {160, "\0", 1, MLM_E_FORMAT},               /* NUL in the question */
    };
    size_t n = 0;
    (void)state;
    char *data = saved(&n), keep[16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(keep, data + cases[i].at, cases[i].n);
        memcpy(data + cases[i].at, cases[i].bytes, cases[i].n);
        mlm_status got = try_resealed(data, n);
        if (got != cases[i].want)
            fail_msg("case %zu (offset %zu): %s, wanted %s", i, cases[i].at, mlm_status_name(got),
                     mlm_status_name(cases[i].want));
        memcpy(data + cases[i].at, keep, cases[i].n);
    }
    memcpy(keep, data + n - 16, 4);
    memcpy(data + n - 16, "\0\0\x80\x7f", 4); /* infinity in the state */
    assert_int_equal(try_resealed(data, n), MLM_E_FORMAT);
    memcpy(data + n - 16, keep, 4);
    assert_ok(try_resealed(data, n));
    free(data);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_are_independent),   cmocka_unit_test(saved_equals_kept),
        cmocka_unit_test(save_needs_a_place),         cmocka_unit_test(save_replaces_its_own_only),
        cmocka_unit_test(refuses_every_cut_and_flip), cmocka_unit_test(refuses_malice),
    };
    int skipped = fixture_start(argc, argv);
    if (skipped != 0)
        return skipped;
    return cmocka_run_group_tests(tests, setup, teardown);
}
