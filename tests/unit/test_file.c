/* test_file.c: reading files that are not what they seem. */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"
#include "tests/support/temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static temp_dir dir;

static void test_read(void **state)
{
    (void)state;
    char       *data = NULL;
    size_t      size = 0;
    const char *path = temp_dir_write(&dir, "a.txt", "ab\0cd", 5);
    assert_int_equal(mlm_file_read(&data, &size, path, 5, "text"), MLM_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "ab\0cd", 6);
    free(data);
    assert_int_equal(mlm_file_read(&data, &size, path, 4, "text"), MLM_E_RANGE);
    assert_null(data);
    assert_message_has("a.txt");
    assert_message_has("5 bytes");
    assert_message_has("limit is 4");

    path = temp_dir_write(&dir, "empty", "", 0);
    assert_int_equal(mlm_file_read(&data, &size, path, 100, "text"), MLM_OK);
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    free(data);

    assert_int_equal(mlm_file_read(&data, &size, temp_dir_path(&dir, "none"), 100, "picture"),
                     MLM_E_NOTFOUND);
    assert_message_has("none: cannot open picture: No such file");
    /* A file without a size that has content. */
    assert_int_equal(mlm_file_read(&data, &size, "/proc/self/status", 1 << 20, "text"), MLM_OK);
    assert_true(size > 100);
    free(data);
    assert_int_equal(mlm_file_read(&data, &size, "/proc/self/status", 10, "text"), MLM_E_RANGE);
}

/* None of these may block or read without end. */
static void test_not_regular(void **state)
{
    (void)state;
    char  *data = NULL;
    size_t size = 0;
    assert_int_equal(mlm_file_read(&data, &size, dir.path, 100, "picture"), MLM_E_IO);
    assert_message_has("is a directory");
    const char *fifo = temp_dir_path(&dir, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(mlm_file_read(&data, &size, fifo, 100, "picture"), MLM_E_IO);
    assert_message_has("is a FIFO");
    assert_false(mlm_path_is_file(fifo));
    assert_int_equal(mlm_file_read(&data, &size, "/dev/zero", 100, "picture"), MLM_E_IO);
    assert_message_has("is a character device");

    int                fd   = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char        *path = temp_dir_path(&dir, "socket");
    assert_true(strlen(path) < sizeof addr.sun_path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&addr, sizeof addr), 0);
    assert_int_equal(mlm_file_read(&data, &size, path, 100, "picture"), MLM_E_IO);
    assert_message_has("is a socket");
    (void)close(fd);
}

static void test_pread(void **state)
{
    (void)state;
    char        text[8] = "";
    mlm_file    f;
    const char *path = temp_dir_write(&dir, "b.bin", "0123456789", 10);
    assert_int_equal(mlm_file_open(&f, path, "weights"), MLM_OK);
    assert_int_equal(f.size, 10);
    assert_int_equal(mlm_file_pread(&f, text, 4, 3, path), MLM_OK);
    assert_string_equal(text, "3456");
    assert_int_equal(mlm_file_pread(&f, text, 0, 10, path), MLM_OK);
    assert_int_equal(mlm_file_pread(&f, text, 4, 8, path), MLM_E_IO);
    assert_message_has("b.bin: the file ended early");
    assert_int_equal(mlm_file_pread(&f, text, 4, UINT64_MAX - 1, path), MLM_E_RANGE);
    /* Cut while open: a status, not a signal; also where the bytes themselves are still there. */
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(mlm_file_pread(&f, text, 4, 4, path), MLM_E_IO);
    assert_int_equal(mlm_file_pread(&f, text, 4, 0, path), MLM_E_IO);
    assert_message_has("changed");
    mlm_file_close(&f);
    assert_int_equal(f.fd, -1);
    mlm_file_close(&f);
    mlm_file zero       = {0};
    int      zero_flags = fcntl(0, F_GETFD);
    mlm_file_close(&zero);
    assert_int_equal(fcntl(0, F_GETFD), zero_flags); /* a zeroed struct does not close descriptor 0 */
}

typedef struct feed {
    int    fd;
    size_t n;
} feed;

static void *feed_main(void *arg)
{
    const feed *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        char c = (char)('a' + (int)(i % 26));
        if (write(f->fd, &c, 1) != 1)
            break;
    }
    (void)close(f->fd);
    return NULL;
}

static void test_descriptor(void **state)
{
    (void)state;
    char     *data = NULL;
    size_t    size = 0;
    int       ends[2];
    pthread_t id;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pipe(ends), 0);
        feed f = {ends[1], 70000}; /* more than the first buffer */
        assert_int_equal(pthread_create(&id, NULL, feed_main, &f), 0);
        mlm_status status = mlm_fd_read(&data, &size, ends[0], round == 0 ? 70000 : 69999, "picture");
        char       rest[4096];
        while (read(ends[0], rest, sizeof rest) > 0) {
        }
        (void)pthread_join(id, NULL);
        (void)close(ends[0]);
        if (round == 0) {
            assert_int_equal(status, MLM_OK);
            assert_int_equal(size, 70000);
            assert_int_equal(data[69999], 'a' + 69999 % 26);
            assert_int_equal(data[70000], 0);
            free(data);
        } else {
            assert_int_equal(status, MLM_E_RANGE);
            assert_null(data);
            assert_message_has("69999");
        }
    }
    assert_int_equal(mlm_fd_read(&data, &size, -1, 10, "picture"), MLM_E_IO);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "b", "a/b"},
                                           {"/", "b", "/b"},  {"", "b", "b"},     {".", "b", "./b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = NULL;
        assert_int_equal(mlm_path_join(&path, cases[i][0], cases[i][1]), MLM_OK);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
    assert_true(mlm_path_is_dir(dir.path));
    assert_false(mlm_path_is_file(dir.path));
    assert_false(mlm_path_is_dir("/nonexistent"));
    double t = mlm_now_ms();
    assert_true(mlm_now_ms() >= t);
}

static void test_pointer(void **state)
{
    static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n";
    (void)state;
    assert_int_equal(mlm_file_check_pointer(text, sizeof text - 1, "a/x.bin"), MLM_E_FORMAT);
    assert_non_null(strstr(mlm_error_message(), "a/x.bin: is a Git LFS pointer"));
    assert_int_equal(mlm_file_check_pointer(text, 20, "x"), MLM_OK);
    assert_int_equal(mlm_file_check_pointer(text + 1, sizeof text - 2, "x"), MLM_OK);
}

static void test_no_memory(void **state)
{
    (void)state;
    char       *data = NULL;
    size_t      size = 0;
    const char *path = temp_dir_write(&dir, "c.txt", "abc", 3);
    if (!alloc_fail_works())
        skip();
    alloc_fail_at(1, ALLOC_FAIL_FOREVER);
    mlm_status status = mlm_file_read(&data, &size, path, 10, "text");
    mlm_status joined = mlm_path_join(&data, "a", "b");
    assert_true(alloc_fail_stop());
    assert_int_equal(status, MLM_E_NOMEM);
    assert_int_equal(joined, MLM_E_NOMEM);
    assert_null(data);
}

static void assert_holds(const char *path, const char *want)
{
    char  *data = NULL;
    size_t size = 0;
    assert_int_equal(mlm_file_read(&data, &size, path, 100, "text"), MLM_OK);
    assert_string_equal(data, want);
    free(data);
}

static int entries(void)
{
    DIR *d = opendir(dir.path);
    int  n = 0;
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n;
}

/* What was there stays until the commit, whatever happens; nothing is left behind. */
static void test_write(void **state)
{
    (void)state;
    mlm_new_file f;
    struct stat  st;
    const char  *path = temp_dir_write(&dir, "w.txt", "old", 3);
    assert_int_equal(chmod(path, 0640), 0);
    int before = entries();
    assert_int_equal(mlm_new_file_open(&f, path, 0600, "notes"), MLM_OK);
    assert_int_equal(mlm_new_file_put(&f, "ne", 2), MLM_OK);
    assert_holds(path, "old");
    assert_int_equal(entries(), before + 1);
    assert_int_equal(mlm_new_file_put(&f, "w", 1), MLM_OK);
    assert_int_equal(mlm_new_file_commit(&f), MLM_OK);
    assert_holds(path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(mlm_new_file_open(&f, path, 0600, "notes"), MLM_OK);
    assert_int_equal(mlm_new_file_put(&f, "other", 5), MLM_OK);
    mlm_new_file_discard(&f);
    mlm_new_file_discard(&f);
    assert_holds(path, "new");
    assert_int_equal(entries(), before);
    assert_int_equal(mlm_file_write("", "x", 1, 0600, "notes"), MLM_E_IO);
    assert_message_has("name is empty");
    assert_int_equal(mlm_file_write(dir.path, "x", 1, 0600, "notes"), MLM_E_IO);
    assert_message_has("not a regular file");
}

/* What cannot be written is an error that names the place. */
static void test_write_refused(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(close(fd[0]), 0);
    assert_ptr_not_equal(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    assert_int_equal(mlm_fd_write(fd[1], "abc", 3, "the pipe"), MLM_E_IO);
    assert_message_has("the pipe: cannot write");
    assert_int_equal(mlm_fd_sync(fd[1], "the pipe"), MLM_OK); /* nothing to sync is no error */
    assert_int_equal(close(fd[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),          cmocka_unit_test(test_not_regular),
        cmocka_unit_test(test_pread),         cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_pointer),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_refused),
    };
    temp_dir_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_close(&dir);
    return failed;
}
