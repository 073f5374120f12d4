/* history.c: the file: opening, versions, transactions, small changes. */
#include "app/desktop/history_private.h"

#include "app/desktop/app_dirs.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 5000, UNDO_SECONDS = 60 };

mlm_status history_fail(const history *h, int rc, const char *what)
{
    const char *why     = h->db != NULL ? sqlite3_errmsg(h->db) : sqlite3_errstr(rc);
    int         primary = rc & 0xFF;
    if (primary == SQLITE_NOMEM)
        return mlm_fail_nomem(0, "history");
    if (primary == SQLITE_FULL)
        why = "the disk is full";
    else if (primary == SQLITE_READONLY)
        why = "it can only be read";
    else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        why = "another program holds it";
    return mlm_fail(primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT ? MLM_E_FORMAT : MLM_E_IO,
                    "%s: cannot %s: %s", h->path, what, why);
}

mlm_status history_exec(history *h, const char *sql, const char *what)
{
    int rc = sqlite3_exec(h->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? MLM_OK : history_fail(h, rc, what);
}

mlm_status history_prepare(history *h, sqlite3_stmt **out, const char *sql)
{
    int rc = sqlite3_prepare_v2(h->db, sql, -1, out, NULL);
    return rc == SQLITE_OK ? MLM_OK : history_fail(h, rc, "use the history");
}

mlm_status history_finish(history *h, sqlite3_stmt *stmt, const char *what)
{
    int rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(stmt);
    mlm_status status = rc == SQLITE_DONE ? MLM_OK : history_fail(h, rc, what);
    (void)sqlite3_finalize(stmt);
    return status;
}

mlm_status history_begin(history *h, const char *what)
{
    if (h->read_only)
        return mlm_fail(MLM_E_IO, "%s: cannot %s: it can only be read", h->path, what);
    return history_exec(h, "BEGIN IMMEDIATE", what);
}

mlm_status history_end(history *h, mlm_status status, const char *what)
{
    if (status == MLM_OK)
        status = history_exec(h, "COMMIT", what);
    if (status != MLM_OK)
        (void)sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL); /* the message of the cause stays */
    return status;
}

void bind_text(sqlite3_stmt *s, int at, const char *text)
{
    if (text == NULL)
        (void)sqlite3_bind_null(s, at);
    else
        (void)sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

/* ---- versions ----------------------------------------------------------------------------------- */

/* step[v] brings version v to v + 1. */
static const char *const step[HISTORY_VERSION] = {
    "CREATE TABLE chat(id INTEGER PRIMARY KEY, title TEXT NOT NULL, titled INTEGER NOT NULL, created REAL "
    "NOT NULL,"
    " updated REAL NOT NULL, deleted REAL, draft TEXT NOT NULL DEFAULT '', shown INTEGER NOT NULL DEFAULT "
    "-1);"
    "CREATE TABLE picture(chat INTEGER NOT NULL, n INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT "
    "NULL, path BLOB,"
    " state INTEGER NOT NULL, error TEXT, width INTEGER, height INTEGER, format TEXT, orientation INTEGER, "
    "rotated INTEGER,"
    " active INTEGER, thumb BLOB, PRIMARY KEY(chat, n)) WITHOUT ROWID;"
    "CREATE TABLE turn(chat INTEGER NOT NULL, n INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT "
    "NULL,"
    " picture INTEGER NOT NULL, x INTEGER, y INTEGER, width INTEGER, height INTEGER, fit INTEGER, task "
    "INTEGER,"
    " question TEXT NOT NULL, prompt TEXT NOT NULL, answer TEXT NOT NULL, state INTEGER NOT NULL, finish "
    "INTEGER,"
    " error TEXT, box TEXT, model TEXT, asked REAL, temperature REAL, top_p REAL, min_p REAL, repetition "
    "REAL,"
    " top_k INTEGER, max_tokens INTEGER, seed INTEGER, prompt_tokens INTEGER, image_tokens INTEGER, tokens "
    "INTEGER,"
    " encode_ms REAL, prompt_ms REAL, first_ms REAL, decode_ms REAL, reuse INTEGER, recomputed INTEGER,"
    " PRIMARY KEY(chat, n)) WITHOUT ROWID;"
    "CREATE INDEX chat_updated ON chat(updated);",
    /* 2: search, and which chat was open last */
    "CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE found USING fts5(title, body, tokenize='trigram');"
    "INSERT INTO found(rowid, title, body) SELECT c.id, c.title, coalesce((SELECT group_concat(t.question || "
    "char(10) ||"
    " t.answer, char(10)) FROM turn t WHERE t.chat = c.id), '') FROM chat c;",
};

static mlm_status read_version(history *h, int *version)
{
    sqlite3_stmt *s = NULL;
    *version        = 0;
    MLM_TRY(history_prepare(h, &s, "PRAGMA user_version"));
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *version = sqlite3_column_int(s, 0);
    mlm_status status = rc == SQLITE_ROW ? MLM_OK : history_fail(h, rc, "read it");
    (void)sqlite3_finalize(s);
    return status;
}

static mlm_status upgrade(history *h, int version)
{
    mlm_status status = MLM_OK;
    char       set[64];
    for (int v = version; v < HISTORY_VERSION && status == MLM_OK; v++)
        status = history_exec(h, step[v], "bring it up to date");
    (void)snprintf(set, sizeof set, "PRAGMA user_version = %d", HISTORY_VERSION);
    return status == MLM_OK ? history_exec(h, set, "bring it up to date") : status;
}

static mlm_status check_version(history *h)
{
    int version = 0;
    MLM_TRY(read_version(h, &version));
    if (version > HISTORY_VERSION)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s was written by a newer mlmamba (version %d, this one knows up to %d)", h->path,
                        version, HISTORY_VERSION);
    if (version == HISTORY_VERSION)
        return MLM_OK;
    if (h->read_only)
        return mlm_fail(MLM_E_IO, "%s: cannot be brought up to date: it can only be read", h->path);
    MLM_TRY(history_begin(h, "bring it up to date"));
    mlm_status status = read_version(h, &version); /* another program may have been faster */
    if (status == MLM_OK && version < HISTORY_VERSION)
        status = upgrade(h, version);
    return history_end(h, status, "bring it up to date");
}

/* ---- opening ------------------------------------------------------------------------------------ */

static mlm_status make_folder(const char *path)
{
    char *dir = strdup(path);
    if (dir == NULL)
        return mlm_fail_nomem(strlen(path) + 1, "path");
    char      *slash  = strrchr(dir, '/');
    mlm_status status = MLM_OK;
    if (slash != NULL && slash != dir) {
        *slash = '\0';
        status = mlm_make_dirs(dir, 0700);
    }
    free(dir);
    return status;
}

static int open_db(history *h, int flags)
{
    int rc = sqlite3_open_v2(h->path, &h->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_busy_timeout(h->db, BUSY_MS);
        (void)sqlite3_db_config(h->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_exec(h->db, "PRAGMA trusted_schema = OFF", NULL, NULL, NULL);
    }
    return rc;
}

/* What was deleted longer ago than any undo lasts. */
static void purge_old(history *h)
{
    char sql[512];
    (void)snprintf(
        sql, sizeof sql,
        "CREATE TEMP TABLE gone AS SELECT id FROM chat WHERE deleted IS NOT NULL AND deleted <"
        " (julianday('now') - 2440587.5) * 86400000.0 - %d000;"
        "DELETE FROM turn WHERE chat IN gone; DELETE FROM picture WHERE chat IN gone;"
        "DELETE FROM found WHERE rowid IN gone; DELETE FROM chat WHERE id IN gone; DROP TABLE gone",
        UNDO_SECONDS);
    mlm_status status = history_begin(h, "clean up");
    if (status == MLM_OK)
        status = history_end(h, history_exec(h, sql, "clean up"), "clean up");
    (void)status; /* another time */
}

static mlm_status try_open(history *h, char **note)
{
    mlm_status folder = make_folder(h->path);
    int        rc     = open_db(h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (rc == SQLITE_OK && sqlite3_db_readonly(h->db, "main") == 1)
        h->read_only = true;
    if (rc != SQLITE_OK) {
        mlm_status status = folder != MLM_OK ? folder : history_fail(h, rc, "open the history");
        (void)sqlite3_close(h->db);
        h->db = NULL;
        if (open_db(h, SQLITE_OPEN_READONLY) != SQLITE_OK)
            return folder != MLM_OK ? make_folder(h->path) : status;
        h->read_only = true;
    }
    /* Where WAL is not possible (some network file systems), the journal that is there does. */
    if (!h->read_only)
        (void)sqlite3_exec(h->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    MLM_TRY(check_version(h));
    if (!h->read_only)
        purge_old(h);
    if (h->read_only) {
        text_buffer b = {0};
        text_addf(&b, "The history %s can only be read; new chats are not stored.", h->path);
        return text_take(&b, note);
    }
    return MLM_OK;
}

mlm_status history_open(history **out, const char *path, char **note)
{
    *out       = NULL;
    *note      = NULL;
    history *h = calloc(1, sizeof *h);
    if (h == NULL)
        return mlm_fail_nomem(sizeof *h, "history");
    mlm_status status = chat_set_text(&h->path, path);
    if (status == MLM_OK)
        status = try_open(h, note);
    if (status != MLM_OK) {
        history_close(h);
        return status;
    }
    *out = h;
    return MLM_OK;
}

void history_close(history *h)
{
    if (h == NULL)
        return;
    (void)sqlite3_close(h->db);
    free(h->path);
    free(h);
}

/* ---- small changes ------------------------------------------------------------------------------ */

static mlm_status run_id(history *h, const char *sql, int64_t id, const char *text, const char *what)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(h, &s, sql));
    (void)sqlite3_bind_int64(s, 1, id);
    if (sqlite3_bind_parameter_count(s) > 1)
        bind_text(s, 2, text);
    return history_finish(h, s, what);
}

mlm_status history_save_draft(history *h, int64_t chat_id, const char *text)
{
    static const char what[] = "store the draft";
    MLM_TRY(history_begin(h, what));
    mlm_status status = run_id(h, "UPDATE chat SET draft = ?2 WHERE id = ?1", chat_id, text, what);
    if (status == MLM_OK)
        status = run_id(h, "REPLACE INTO state(key, value) VALUES('open', ?1)", chat_id, NULL, what);
    return history_end(h, status, what);
}

mlm_status history_rename(history *h, int64_t chat_id, const char *title)
{
    static const char what[] = "rename the chat";
    MLM_TRY(history_begin(h, what));
    mlm_status status =
        run_id(h, "UPDATE chat SET title = ?2, titled = 1 WHERE id = ?1", chat_id, title, what);
    if (status == MLM_OK)
        status = run_id(h, "UPDATE found SET title = ?2 WHERE rowid = ?1", chat_id, title, what);
    return history_end(h, status, what);
}

mlm_status history_delete(history *h, int64_t chat_id, bool deleted)
{
    static const char what[] = "delete the chat";
    MLM_TRY(history_begin(h, what));
    const char *sql =
        deleted ? "UPDATE chat SET deleted = (julianday('now') - 2440587.5) * 86400000.0 WHERE id = ?1"
                : "UPDATE chat SET deleted = NULL WHERE id = ?1";
    return history_end(h, run_id(h, sql, chat_id, NULL, what), what);
}

mlm_status history_purge(history *h, int64_t chat_id)
{
    static const char        what[] = "delete the chat";
    static const char *const sql[]  = {"DELETE FROM turn WHERE chat = ?1",
                                       "DELETE FROM picture WHERE chat = ?1",
                                       "DELETE FROM found WHERE rowid = ?1", "DELETE FROM chat WHERE id = ?1"};
    MLM_TRY(history_begin(h, what));
    mlm_status status = MLM_OK;
    for (size_t i = 0; i < sizeof sql / sizeof *sql && status == MLM_OK; i++)
        status = run_id(h, sql[i], chat_id, NULL, what);
    return history_end(h, status, what);
}
