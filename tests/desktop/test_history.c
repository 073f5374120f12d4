/* test_history.c: chats in SQLite: all of a chat comes back, search, versions, two programs, a program that is killed, no room. */
#include "tests/support/cm.h"

#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/desktop/history.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static char     path[512];

static int start(void **state)
{
    (void)state;
    temp_dir_open(&dir);
    (void)snprintf(path, sizeof path, "%s/sub/history.db", dir.path);
    return 0;
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static int finish(void **state)
{
    (void)state;
    (void)nftw(dir.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static history *open_history(void)
{
    history *h    = NULL;
    char    *note = NULL;
    if (history_open(&h, path, &note) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    if (note != NULL)
        fail_msg("%s", note);
    return h;
}

static chat *make_chat(int64_t id, const char *title, const char *question, const char *answer)
{
    static const uint8_t pixels[48] = {200};
    chat                *c          = NULL;
    int                  i;
    assert_int_equal(chat_create(&c), MLM_OK);
    c->id         = id;
    c->created_ms = 1000;
    c->updated_ms = 2000 + (double)id;
    c->shown      = 1;
    (void)chat_set_text(&c->title, title);
    assert_int_equal(chat_add_picture(c, id * 10 + 1, "/p/\xFF.png", NULL, &i), MLM_OK);
    assert_int_equal(chat_add_picture(c, id * 10 + 2, NULL, "pasted", &i), MLM_OK);
    chat_picture *p = c->picture[1];
    p->width        = 40;
    p->height       = 30;
    p->orientation  = 6;
    p->rotated      = true;
    (void)snprintf(p->format, sizeof p->format, "JPEG");
    assert_int_equal(mlmamba_image_from_rgb(&p->thumb, pixels, 4, 4), MLM_OK);
    assert_int_equal(chat_add_turn(c, id * 10 + 3, CHAT_NONE, 1, question, "prompt", &i), MLM_OK);
    assert_int_equal(chat_append_answer(c->turn[0], answer), MLM_OK);
    chat_turn *t = c->turn[0];
    t->state     = CHAT_TURN_DONE;
    t->finish    = MLMAMBA_FINISH_LENGTH;
    t->region    = (chat_region){1, 2, 3, 4};
    t->fit       = MLMAMBA_FIT_CROP;
    t->task      = MLMAMBA_TASK_BOX;
    t->has_box   = true;
    t->box[2]    = 0.7F;
    t->sampling  = (chat_sampling){0.7F, 0.9F, 0.05F, 1.1F, 40, 99, 0x8000000000000001u};
    t->stats     = (chat_stats){7, 256, 12, 0, 1.5, 2.5, 3.5, 4.5, CHAT_REUSE_RECOMPUTED, 2};
    t->asked_ms  = 1234;
    (void)chat_set_text(&t->model, "tiny");
    assert_int_equal(chat_add_turn(c, id * 10 + 4, 0, 1, "then?", "prompt", &i), MLM_OK);
    c->turn[1]->state = CHAT_TURN_FAILED;
    (void)chat_set_text(&c->turn[1]->error, "no");
    return c;
}

static void save(history *h, const chat *c)
{
    if (history_save(h, c) != MLM_OK)
        fail_msg("%s", mlm_error_message());
}

static void test_everything_comes_back(void **state)
{
    history *h = open_history();
    chat    *c = make_chat(5, "a title", "what?", "an answer"), *d = NULL;
    (void)state;
    save(h, c);
    save(h, c); /* again: the same */
    history_close(h);
    h = open_history();
    assert_int_equal(history_load(h, 5, &d), MLM_OK);
    assert_string_equal(d->title, "a title");
    assert_int_equal(d->n_pictures, 2);
    assert_string_equal(d->picture[0]->path, "/p/\xFF.png");
    assert_null(d->picture[1]->path);
    assert_int_equal(d->picture[1]->width, 40);
    assert_int_equal(d->picture[1]->orientation, 6);
    assert_true(d->picture[1]->rotated);
    assert_string_equal(d->picture[1]->format, "JPEG");
    assert_non_null(d->picture[1]->thumb);
    assert_null(d->picture[0]->thumb);
    assert_int_equal(d->picture[1]->active, 1);
    assert_int_equal(d->shown, 1);
    assert_int_equal(d->n_turns, 2);
    const chat_turn *a = c->turn[0], *b = d->turn[0];
    assert_string_equal(b->question, "what?");
    assert_string_equal(b->answer, "an answer");
    assert_string_equal(b->model, "tiny");
    assert_int_equal(b->finish, MLMAMBA_FINISH_LENGTH);
    assert_true(chat_region_equal(a->region, b->region));
    assert_int_equal(b->fit, a->fit);
    assert_int_equal(b->task, a->task);
    assert_true(b->has_box && b->box[2] == a->box[2]);
    assert_memory_equal(&a->sampling, &b->sampling, sizeof a->sampling);
    assert_int_equal(b->stats.n_tokens, 12);
    assert_int_equal(b->stats.reuse, CHAT_REUSE_RECOMPUTED);
    assert_true(b->stats.first_token_ms == 3.5 && b->asked_ms == 1234);
    assert_string_equal(d->turn[1]->error, "no");
    assert_int_equal(d->turn[1]->parent, 0);
    /* A removed picture is removed there too; thumbnails of the others stay. */
    mlmamba_image_free(d->picture[1]->thumb);
    d->picture[1]->thumb = NULL;
    save(h, d);
    chat_remove_picture(d, 0);
    save(h, d);
    chat_free(d);
    assert_int_equal(history_load(h, 5, &d), MLM_OK);
    assert_int_equal(d->n_pictures, 1);
    assert_int_equal(d->n_turns, 2);
    chat_free(d);
    assert_int_equal(history_load(h, 77, &d), MLM_E_NOTFOUND);
    chat_free(c);
    history_close(h);
    history_close(NULL);
}

static int count_found(history *h, const char *search)
{
    ui_chat_row *row = NULL;
    int          n   = 0;
    if (history_list(h, search, &row, &n) != MLM_OK)
        fail_msg("%s", mlm_error_message());
    ui_chat_rows_free(row, n);
    return n;
}

static void test_search_rename_delete(void **state)
{
    static const char *const text[][2] = {
        {"What animal is it?", "A striped CAT."},
        {"Welches Tier?", "Ein Bär."},
        {"\xE7\x8C\xAB\xE3\x81\xAF?", "\xE7\x99\xBD\xE3\x81\x84\xE7\x8C\xAB\xE3\x81\xA7\xE3\x81\x99"}};
    history     *h   = open_history();
    ui_chat_row *row = NULL;
    int          n   = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        chat *c = make_chat(i + 1, text[i][0], text[i][0], text[i][1]);
        save(h, c);
        chat_free(c);
    }
    assert_int_equal(history_list(h, NULL, &row, &n), MLM_OK);
    assert_int_equal(n, 3);
    assert_int_equal(row[0].id, 3); /* newest first */
    assert_non_null(row[0].thumb);
    assert_int_equal(row[0].n_turns, 2);
    ui_chat_rows_free(row, n);
    assert_int_equal(count_found(h, "cat"), 1);
    assert_int_equal(history_list(h, "cat", &row, &n), MLM_OK);
    assert_int_equal(n, 1);
    assert_non_null(strstr(row[0].found, "CAT")); /* a line of it, with what stands around */
    assert_null(strchr(row[0].found, '\n'));
    ui_chat_rows_free(row, n);
    assert_int_equal(count_found(h, "tripe"), 1);
    assert_int_equal(count_found(h, "cat animal"), 1);
    assert_int_equal(count_found(h, "cat bear"), 0);
    assert_int_equal(count_found(h, "b\xC3\xA4r"), 1);
    assert_int_equal(count_found(h, "\xE7\x8C\xAB"), 1); /* one character */
    assert_int_equal(count_found(h, "\xE7\x99\xBD\xE3\x81\x84\xE7\x8C\xAB"), 1);
    assert_int_equal(count_found(h, "%"), 0);
    /* Nothing of a search is taken as its language. */
    assert_int_equal(count_found(h, "\"cat\" OR NEAR( * ^ title:"), 0);
    assert_int_equal(count_found(h, "'; DROP TABLE chat; --"), 0);
    assert_int_equal(count_found(h, "   "), 3);
    assert_int_equal(history_rename(h, 2, "my bear's \"name\""), MLM_OK);
    assert_int_equal(count_found(h, "bear's"), 1);
    assert_int_equal(history_delete(h, 2, true), MLM_OK);
    assert_int_equal(count_found(h, NULL), 2);
    assert_int_equal(count_found(h, "bear's"), 0);
    assert_int_equal(history_delete(h, 2, false), MLM_OK);
    assert_int_equal(count_found(h, NULL), 3);
    assert_int_equal(history_purge(h, 2), MLM_OK);
    assert_int_equal(history_delete(h, 2, false), MLM_OK);
    assert_int_equal(count_found(h, NULL), 2);
    history_close(h);
}

static void test_draft(void **state)
{
    history *h = open_history();
    chat    *c = make_chat(1, "t", "q", "a"), *d = NULL;
    (void)state;
    assert_int_equal(history_load(h, 0, &d), MLM_OK);
    assert_null(d);
    save(h, c);
    assert_int_equal(history_load(h, 0, &d), MLM_OK);
    assert_null(d); /* nothing was begun */
    assert_int_equal(history_save_draft(h, 1, "begun"), MLM_OK);
    assert_int_equal(history_load(h, 0, &d), MLM_OK);
    assert_string_equal(d->draft, "begun");
    chat_free(d);
    assert_int_equal(history_delete(h, 1, true), MLM_OK);
    assert_int_equal(history_load(h, 0, &d), MLM_OK);
    assert_null(d);
    chat_free(c);
    history_close(h);
}

static void raw(const char *sql)
{
    sqlite3 *db  = NULL;
    char    *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    (void)sqlite3_close(db);
}

static void test_versions(void **state)
{
    history *h    = open_history();
    char    *note = NULL;
    chat    *c    = make_chat(1, "t", "find me", "a");
    (void)state;
    save(h, c);
    chat_free(c);
    history_close(h);
    /* Written by a newer one: refused, and not touched. */
    raw("PRAGMA user_version = 99");
    assert_int_equal(history_open(&h, path, &note), MLM_E_UNSUPPORTED);
    assert_message_has("newer mlmamba (version 99");
    /* By an older one: brought up to date with what is in it. */
    raw("DROP TABLE found; DROP TABLE state; PRAGMA user_version = 1");
    h = open_history();
    assert_int_equal(count_found(h, "find me"), 1);
    history_close(h);
    /* Damaged rows are an error, not a crash. */
    raw("UPDATE turn SET parent = 7 WHERE n = 1");
    h       = open_history();
    chat *d = NULL;
    assert_int_equal(history_load(h, 1, &d), MLM_E_FORMAT);
    history_close(h);
    raw("UPDATE turn SET parent = 0, state = 99, fit = -4, task = 77, finish = 12, tokens = -1, reuse = 55 "
        "WHERE n = 1;"
        "UPDATE picture SET active = 1000, width = -1, thumb = x'FFD8FF00'; UPDATE chat SET shown = 9");
    h = open_history();
    assert_int_equal(history_load(h, 1, &d), MLM_OK);
    assert_int_equal(d->picture[1]->active, CHAT_NONE);
    chat_free(d);
    history_close(h);
}

static void test_no_database(void **state)
{
    history *h    = NULL;
    char    *note = NULL;
    (void)state;
    (void)temp_dir_write(&dir, "text.db",
                         "this is no database, it is a text that is long enough to be looked at", 70);
    assert_int_equal(history_open(&h, temp_dir_path(&dir, "text.db"), &note), MLM_E_FORMAT);
    assert_message_has("text.db");
    assert_null(h);
    (void)temp_dir_write(&dir, "file", "x", 1);
    assert_int_equal(history_open(&h, temp_dir_path(&dir, "file/history.db"), &note), MLM_E_IO);
    assert_int_equal(history_open(&h, dir.path, &note), MLM_E_IO);
    free(note);
}

/* In a child of another user, since root may write anywhere.  Status: 0 as wanted. */
static int try_read_only(void)
{
    history *h    = NULL;
    char    *note = NULL;
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 77;
    mlm_status status = history_open(&h, path, &note);
    if (status != MLM_OK)
        return strstr(mlm_error_message(), "history.db") != NULL ? 0 : 2;
    chat      *c     = make_chat(9, "t", "q", "a");
    mlm_status saved = history_save(h, c);
    int rc = note != NULL && saved == MLM_E_IO && strstr(mlm_error_message(), "only be read") != NULL ? 0 : 3;
    history_close(h);
    chat_free(c);
    free(note);
    return rc;
}

static void test_read_only(void **state)
{
    char     sub[512];
    history *h = open_history();
    chat    *c = make_chat(1, "t", "q", "a");
    (void)state;
    save(h, c);
    chat_free(c);
    history_close(h);
    (void)snprintf(sub, sizeof sub, "%s/sub", dir.path);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(dir.path, 0755), 0);
    for (int writable = 0; writable < 2; writable++) {
        int status = 0;
        assert_int_equal(chmod(sub, writable ? 0777 : 0555), 0);
        pid_t pid = fork();
        if (pid == 0)
            _exit(try_read_only());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(chmod(sub, 0700), 0);
    assert_int_equal(chmod(path, 0600), 0);
    h = open_history();
    assert_int_equal(count_found(h, NULL), 1);
    history_close(h);
}

static void test_full_disk(void **state)
{
    history      *h = open_history();
    chat         *c = make_chat(1, "t", "q", "a"), *d = NULL;
    struct rlimit old, small;
    struct stat   st;
    char         *long_answer = malloc(4 << 20);
    (void)state;
    save(h, c);
    assert_non_null(long_answer);
    memset(long_answer, 'x', (4 << 20) - 1);
    long_answer[(4 << 20) - 1] = '\0';
    assert_int_equal(chat_append_answer(c->turn[0], long_answer), MLM_OK);
    free(long_answer);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small          = old;
    small.rlim_cur = 512 * 1024;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    mlm_status status = history_save(h, c);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, MLM_E_IO);
    assert_message_has("history.db: cannot store the chat");
    /* What was there is there, and with room again it works. */
    assert_int_equal(history_load(h, 1, &d), MLM_OK);
    assert_string_equal(d->turn[0]->answer, "a");
    chat_free(d);
    save(h, c);
    chat_free(c);
    history_close(h);
}

static void test_two_programs(void **state)
{
    enum { N = 40 };
    history *h = open_history();
    int      status;
    (void)state;
    history_close(h);
    pid_t pid[2];
    for (int p = 0; p < 2; p++) {
        pid[p] = fork();
        if (pid[p] != 0)
            continue;
        char *note = NULL;
        int   bad  = history_open(&h, path, &note) != MLM_OK;
        for (int i = 0; i < N && bad == 0; i++) {
            chat *c = make_chat(p * 1000 + i + 1, "t", "q", "a");
            bad     = history_save(h, c) != MLM_OK;
            chat_free(c);
        }
        history_close(h);
        _exit(bad);
    }
    for (int p = 0; p < 2; p++) {
        assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    h = open_history();
    assert_int_equal(count_found(h, NULL), 2 * N);
    history_close(h);
}

static void store_forever(history *h, int ready)
{
    chat      *c      = make_chat(1, "t", "q", "a");
    mlm_status status = history_save(h, c);
    if (write(ready, "x", 1) != 1)
        return;
    for (int i = 0; status == MLM_OK; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "draft %d", i);
        status = history_save_draft(h, 1, text);
        if (status == MLM_OK)
            status = history_save(h, c);
    }
}

static void test_killed_while_storing(void **state)
{
    (void)state;
    history *h = open_history();
    history_close(h);
    for (int round = 0; round < 8; round++) {
        int   ends[2];
        char  byte;
        pid_t pid;
        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
            char *note = NULL;
            if (history_open(&h, path, &note) != MLM_OK)
                _exit(1);
            store_forever(h, ends[1]);
            _exit(1);
        }
        assert_int_equal(read(ends[0], &byte, 1), 1);
        struct timespec t = {0, 3000000 * (round + 1)};
        (void)nanosleep(&t, NULL);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)close(ends[0]);
        (void)close(ends[1]);
        chat *c = NULL;
        h       = open_history();
        assert_int_equal(history_load(h, 1, &c), MLM_OK); /* whole, whenever it was */
        assert_int_equal(c->n_turns, 2);
        chat_free(c);
        assert_int_equal(count_found(h, NULL), 1);
        history_close(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_comes_back, start, finish),
        cmocka_unit_test_setup_teardown(test_search_rename_delete, start, finish),
        cmocka_unit_test_setup_teardown(test_draft, start, finish),
        cmocka_unit_test_setup_teardown(test_versions, start, finish),
        cmocka_unit_test_setup_teardown(test_no_database, start, finish),
        cmocka_unit_test_setup_teardown(test_read_only, start, finish),
        cmocka_unit_test_setup_teardown(test_full_disk, start, finish),
        cmocka_unit_test_setup_teardown(test_two_programs, start, finish),
        cmocka_unit_test_setup_teardown(test_killed_while_storing, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
