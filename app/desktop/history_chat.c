/* history_chat.c: whole chats into the history and out of it, and the list of them. */
#include "app/desktop/history_private.h"

#include "app/desktop/text_buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char store[] = "store the chat";

enum { THUMB_QUALITY = 85 };

/* ---- storing ------------------------------------------------------------------------------------ */

static mlm_status save_head(history *h, const chat *c)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(
        h, &s,
        "INSERT INTO chat(id, title, titled, created, updated, draft, shown) VALUES(?1,?2,?3,?4,?5,?6,?7)"
        " ON CONFLICT(id) DO UPDATE SET title = excluded.title, titled = excluded.titled, updated ="
        " excluded.updated, draft = excluded.draft, shown = excluded.shown"));
    (void)sqlite3_bind_int64(s, 1, c->id);
    bind_text(s, 2, c->title);
    (void)sqlite3_bind_int(s, 3, c->titled ? 1 : 0);
    (void)sqlite3_bind_double(s, 4, c->created_ms);
    (void)sqlite3_bind_double(s, 5, c->updated_ms);
    bind_text(s, 6, c->draft);
    (void)sqlite3_bind_int(s, 7, c->shown);
    MLM_TRY(history_finish(h, s, store));
    MLM_TRY(history_prepare(h, &s, "REPLACE INTO state(key, value) VALUES('open', ?1)"));
    (void)sqlite3_bind_int64(s, 1, c->id);
    return history_finish(h, s, store);
}

/* What is there beyond the chat's end (a picture was removed): goes. */
static mlm_status cut(history *h, const char *sql, int64_t id, int n)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(h, &s, sql));
    (void)sqlite3_bind_int64(s, 1, id);
    (void)sqlite3_bind_int(s, 2, n);
    return history_finish(h, s, store);
}

static mlm_status step_reset(history *h, sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    (void)sqlite3_reset(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? MLM_OK : history_fail(h, rc, store);
}

static bool has_thumb(sqlite3_stmt *s, int64_t chat_id, int n, int64_t id)
{
    (void)sqlite3_bind_int64(s, 1, chat_id);
    (void)sqlite3_bind_int(s, 2, n);
    (void)sqlite3_bind_int64(s, 3, id);
    bool has = sqlite3_step(s) == SQLITE_ROW;
    (void)sqlite3_reset(s);
    return has;
}

static mlm_status save_picture(history *h, sqlite3_stmt *s, int64_t chat_id, int n, const chat_picture *p,
                               bool thumb)
{
    uint8_t *jpeg = NULL;
    size_t   size = 0;
    (void)sqlite3_clear_bindings(s);
    (void)sqlite3_bind_int64(s, 1, chat_id);
    (void)sqlite3_bind_int(s, 2, n);
    (void)sqlite3_bind_int64(s, 3, p->id);
    bind_text(s, 4, p->name);
    if (p->path != NULL)
        (void)sqlite3_bind_blob(s, 5, p->path, (int)strlen(p->path), SQLITE_TRANSIENT);
    (void)sqlite3_bind_int(s, 6, (int)p->state);
    bind_text(s, 7, p->error);
    (void)sqlite3_bind_int(s, 8, p->width);
    (void)sqlite3_bind_int(s, 9, p->height);
    bind_text(s, 10, p->format);
    (void)sqlite3_bind_int(s, 11, p->orientation);
    (void)sqlite3_bind_int(s, 12, p->rotated ? 1 : 0);
    (void)sqlite3_bind_int(s, 13, p->active);
    if (thumb && mlmamba_image_encode_jpeg(&jpeg, &size, p->thumb, CHAT_THUMB_SIDE, THUMB_QUALITY) == MLM_OK)
        (void)sqlite3_bind_blob64(s, 14, jpeg, size, SQLITE_TRANSIENT);
    mlmamba_bytes_free(jpeg);
    return step_reset(h, s);
}

static mlm_status save_pictures(history *h, const chat *c)
{
    sqlite3_stmt *s = NULL, *look = NULL;
    MLM_TRY(cut(h, "DELETE FROM picture WHERE chat = ?1 AND n >= ?2", c->id, c->n_pictures));
    mlm_status status = history_prepare(
        h, &look, "SELECT 1 FROM picture WHERE chat = ?1 AND n = ?2 AND id = ?3 AND thumb IS NOT NULL");
    if (status == MLM_OK)
        status = history_prepare(
            h, &s,
            "INSERT INTO picture(chat, n, id, name, path, state, error, width, height, format, orientation,"
            " rotated, active, thumb) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
            " ON CONFLICT(chat, n) DO UPDATE SET thumb = CASE WHEN id = excluded.id AND excluded.thumb IS "
            "NULL"
            " THEN thumb ELSE excluded.thumb END, id = excluded.id, name = excluded.name, path = "
            "excluded.path,"
            " state = excluded.state, error = excluded.error, width = excluded.width, height = "
            "excluded.height,"
            " format = excluded.format, orientation = excluded.orientation, rotated = excluded.rotated,"
            " active = excluded.active");
    for (int i = 0; i < c->n_pictures && status == MLM_OK; i++) {
        const chat_picture *p     = c->picture[i];
        bool                thumb = p->thumb != NULL && !has_thumb(look, c->id, i, p->id);
        status                    = save_picture(h, s, c->id, i, p, thumb);
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_finalize(look);
    return status;
}

static void bind_turn(sqlite3_stmt *s, int64_t chat_id, int n, const chat_turn *t)
{
    const int ints[] = {t->parent,       t->picture,       t->region.x, t->region.y,
                        t->region.width, t->region.height, (int)t->fit, (int)t->task};
    char      box[160];
    int       at = 1;
    (void)sqlite3_clear_bindings(s);
    (void)sqlite3_bind_int64(s, at++, chat_id);
    (void)sqlite3_bind_int(s, at++, n);
    (void)sqlite3_bind_int64(s, at++, t->id);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        (void)sqlite3_bind_int(s, at++, ints[i]);
    bind_text(s, at++, t->question);
    bind_text(s, at++, t->prompt);
    bind_text(s, at++, t->answer);
    (void)sqlite3_bind_int(s, at++, (int)t->state);
    (void)sqlite3_bind_int(s, at++, (int)t->finish);
    bind_text(s, at++, t->error);
    (void)snprintf(box, sizeof box, "%.9g %.9g %.9g %.9g", (double)t->box[0], (double)t->box[1],
                   (double)t->box[2], (double)t->box[3]);
    bind_text(s, at++, t->has_box ? box : NULL);
    bind_text(s, at++, t->model);
    (void)sqlite3_bind_double(s, at++, t->asked_ms);
    (void)sqlite3_bind_double(s, at++, (double)t->sampling.temperature);
    (void)sqlite3_bind_double(s, at++, (double)t->sampling.top_p);
    (void)sqlite3_bind_double(s, at++, (double)t->sampling.min_p);
    (void)sqlite3_bind_double(s, at++, (double)t->sampling.repetition_penalty);
    (void)sqlite3_bind_int(s, at++, t->sampling.top_k);
    (void)sqlite3_bind_int(s, at++, t->sampling.max_tokens);
    (void)sqlite3_bind_int64(s, at++, (sqlite3_int64)t->sampling.seed);
    (void)sqlite3_bind_int(s, at++, t->stats.n_prompt_tokens);
    (void)sqlite3_bind_int(s, at++, t->stats.n_image_tokens);
    (void)sqlite3_bind_int(s, at++, t->stats.n_tokens);
    (void)sqlite3_bind_double(s, at++, t->stats.encode_ms);
    (void)sqlite3_bind_double(s, at++, t->stats.prompt_ms);
    (void)sqlite3_bind_double(s, at++, t->stats.first_token_ms);
    (void)sqlite3_bind_double(s, at++, t->stats.decode_ms);
    (void)sqlite3_bind_int(s, at++, (int)t->stats.reuse);
    (void)sqlite3_bind_int(s, at, t->stats.n_recomputed);
}

static mlm_status save_turns(history *h, const chat *c)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(cut(h, "DELETE FROM turn WHERE chat = ?1 AND n >= ?2", c->id, c->n_turns));
    MLM_TRY(history_prepare(
        h, &s,
        "REPLACE INTO turn(chat, n, id, parent, picture, x, y, width, height, fit, task, question, prompt,"
        " answer, state, finish, error, box, model, asked, temperature, top_p, min_p, repetition, top_k,"
        " max_tokens, seed, prompt_tokens, image_tokens, tokens, encode_ms, prompt_ms, first_ms, decode_ms,"
        " reuse, recomputed) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    mlm_status status = MLM_OK;
    for (int i = 0; i < c->n_turns && status == MLM_OK; i++) {
        bind_turn(s, c->id, i, c->turn[i]);
        status = step_reset(h, s);
    }
    (void)sqlite3_finalize(s);
    return status;
}

/* What a search looks through. */
static mlm_status save_search(history *h, const chat *c)
{
    sqlite3_stmt *s    = NULL;
    char         *body = NULL;
    text_buffer   b    = {0};
    for (int i = 0; i < c->n_turns; i++)
        text_addf(&b, "%s\n%s\n", c->turn[i]->question, c->turn[i]->answer);
    for (int i = 0; i < c->n_pictures && i < 1000; i++)
        text_addf(&b, "%s\n", c->picture[i]->name);
    MLM_TRY(text_take(&b, &body));
    mlm_status status = cut(h, "DELETE FROM found WHERE rowid = ?1 AND ?2 >= 0", c->id, 0);
    if (status == MLM_OK)
        status = history_prepare(h, &s, "INSERT INTO found(rowid, title, body) VALUES(?1, ?2, ?3)");
    if (status == MLM_OK) {
        (void)sqlite3_bind_int64(s, 1, c->id);
        bind_text(s, 2, c->title);
        bind_text(s, 3, body);
        status = history_finish(h, s, store);
    }
    free(body);
    return status;
}

mlm_status history_save(history *h, const chat *c)
{
    MLM_TRY(history_begin(h, store));
    mlm_status status = save_head(h, c);
    if (status == MLM_OK)
        status = save_pictures(h, c);
    if (status == MLM_OK)
        status = save_turns(h, c);
    if (status == MLM_OK)
        status = save_search(h, c);
    return history_end(h, status, store);
}

/* ---- loading ------------------------------------------------------------------------------------ */

static const char *text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text != NULL ? text : "";
}

static mlm_status optional_text(char **field, sqlite3_stmt *s, int column)
{
    return chat_set_text(field, (const char *)sqlite3_column_text(s, column));
}

static mlmamba_image *decode_thumb(sqlite3_stmt *s, int column)
{
    mlmamba_image *img   = NULL;
    const void    *bytes = sqlite3_column_blob(s, column);
    int            n     = sqlite3_column_bytes(s, column);
    if (bytes == NULL || n <= 0 ||
        mlmamba_image_open_memory(&img, bytes, (size_t)n, "thumbnail", NULL) != MLM_OK)
        return NULL;
    return img;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static mlm_status load_picture(chat *c, sqlite3_stmt *s)
{
    char *path  = NULL;
    int   index = 0, n = sqlite3_column_bytes(s, 2);
    if (sqlite3_column_type(s, 2) != SQLITE_NULL) {
        const void *bytes = sqlite3_column_blob(s, 2);
        path              = strndup(bytes != NULL ? bytes : "", (size_t)n);
        if (path == NULL)
            return mlm_fail_nomem((size_t)n, "path");
    }
    mlm_status status = chat_add_picture(c, sqlite3_column_int64(s, 0), path, text_of(s, 1), &index);
    free(path);
    MLM_TRY(status);
    chat_picture *p = c->picture[index];
    /* Files change: what was readable is read again, what was refused gets another chance. */
    p->state       = CHAT_PICTURE_LISTED;
    p->width       = clamp(sqlite3_column_int(s, 5), 0, 1 << 20);
    p->height      = clamp(sqlite3_column_int(s, 6), 0, 1 << 20);
    p->orientation = sqlite3_column_int(s, 8);
    p->rotated     = sqlite3_column_int(s, 9) != 0;
    p->active      = sqlite3_column_int(s, 10);
    p->thumb       = decode_thumb(s, 11);
    (void)snprintf(p->format, sizeof p->format, "%s", text_of(s, 7));
    return MLM_OK;
}

static mlm_status load_pictures(history *h, chat *c)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(
        h, &s,
        "SELECT id, name, path, state, error, width, height, format, orientation, rotated, active, thumb"
        " FROM picture WHERE chat = ?1 ORDER BY n"));
    (void)sqlite3_bind_int64(s, 1, c->id);
    int        rc     = sqlite3_step(s);
    mlm_status status = MLM_OK;
    for (; rc == SQLITE_ROW && status == MLM_OK; rc = sqlite3_step(s))
        status = load_picture(c, s);
    (void)sqlite3_finalize(s);
    return status != MLM_OK || rc == SQLITE_DONE ? status : history_fail(h, rc, "read the chat");
}

static void read_numbers(chat_turn *t, sqlite3_stmt *s)
{
    int at                  = 3;
    t->region.x             = sqlite3_column_int(s, at++);
    t->region.y             = sqlite3_column_int(s, at++);
    t->region.width         = sqlite3_column_int(s, at++);
    t->region.height        = sqlite3_column_int(s, at++);
    t->fit                  = (mlmamba_fit)clamp(sqlite3_column_int(s, at++), 0, MLMAMBA_FIT_LETTERBOX);
    t->task                 = (mlmamba_task)clamp(sqlite3_column_int(s, at), 0, MLMAMBA_TASK_COUNT - 1);
    t->state                = (chat_turn_state)clamp(sqlite3_column_int(s, 12), 0, CHAT_TURN_FAILED);
    t->finish               = (mlmamba_finish)clamp(sqlite3_column_int(s, 13), 0, MLMAMBA_FINISH_ERROR);
    at                      = 17;
    t->asked_ms             = sqlite3_column_double(s, at++);
    t->sampling.temperature = (float)sqlite3_column_double(s, at++);
    t->sampling.top_p       = (float)sqlite3_column_double(s, at++);
    t->sampling.min_p       = (float)sqlite3_column_double(s, at++);
    t->sampling.repetition_penalty = (float)sqlite3_column_double(s, at++);
    t->sampling.top_k              = sqlite3_column_int(s, at++);
    t->sampling.max_tokens         = sqlite3_column_int(s, at++);
    t->sampling.seed               = (uint64_t)sqlite3_column_int64(s, at++);
    t->stats.n_prompt_tokens       = sqlite3_column_int(s, at++);
    t->stats.n_image_tokens        = sqlite3_column_int(s, at++);
    t->stats.n_tokens              = clamp(sqlite3_column_int(s, at++), 0, 65536);
    t->stats.encode_ms             = sqlite3_column_double(s, at++);
    t->stats.prompt_ms             = sqlite3_column_double(s, at++);
    t->stats.first_token_ms        = sqlite3_column_double(s, at++);
    t->stats.decode_ms             = sqlite3_column_double(s, at++);
    t->stats.reuse                 = (chat_reuse)clamp(sqlite3_column_int(s, at++), 0, CHAT_REUSE_RECOMPUTED);
    t->stats.n_recomputed          = sqlite3_column_int(s, at);
}

static mlm_status load_turn(chat *c, sqlite3_stmt *s)
{
    int parent = sqlite3_column_int(s, 1), picture = sqlite3_column_int(s, 2), index = 0;
    /* A file can be damaged: a tree it stays. */
    if (picture < 0 || picture >= c->n_pictures || parent < CHAT_NONE || parent >= c->n_turns ||
        (parent != CHAT_NONE && c->turn[parent]->picture != picture))
        return mlm_fail(MLM_E_FORMAT, "the chat is damaged: question %d has no place in it", c->n_turns + 1);
    int active = c->picture[picture]->active;
    MLM_TRY(
        chat_add_turn(c, sqlite3_column_int64(s, 0), parent, picture, text_of(s, 9), text_of(s, 10), &index));
    c->picture[picture]->active = active;
    chat_turn *t                = c->turn[index];
    MLM_TRY(chat_append_answer(t, text_of(s, 11)));
    MLM_TRY(optional_text(&t->error, s, 14));
    MLM_TRY(optional_text(&t->model, s, 16));
    t->has_box = sqlite3_column_type(s, 15) != SQLITE_NULL &&
                 sscanf(text_of(s, 15), "%f %f %f %f", &t->box[0], &t->box[1], &t->box[2], &t->box[3]) == 4;
    read_numbers(t, s);
    return MLM_OK;
}

static mlm_status load_turns(history *h, chat *c)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(
        h, &s,
        "SELECT id, parent, picture, x, y, width, height, fit, task, question, prompt, answer, state, finish,"
        " error, box, model, asked, temperature, top_p, min_p, repetition, top_k, max_tokens, seed,"
        " prompt_tokens, image_tokens, tokens, encode_ms, prompt_ms, first_ms, decode_ms, reuse, recomputed"
        " FROM turn WHERE chat = ?1 ORDER BY n"));
    (void)sqlite3_bind_int64(s, 1, c->id);
    int        rc     = sqlite3_step(s);
    mlm_status status = MLM_OK;
    for (; rc == SQLITE_ROW && status == MLM_OK; rc = sqlite3_step(s))
        status = load_turn(c, s);
    (void)sqlite3_finalize(s);
    if (status == MLM_OK && rc != SQLITE_DONE)
        status = history_fail(h, rc, "read the chat");
    for (int i = 0; i < c->n_pictures; i++) {
        int *active = &c->picture[i]->active;
        if (*active < CHAT_NONE || *active >= c->n_turns ||
            (*active != CHAT_NONE && c->turn[*active]->picture != i))
            *active = CHAT_NONE;
    }
    c->shown = c->shown >= 0 && c->shown < c->n_pictures ? c->shown : c->n_pictures > 0 ? 0 : CHAT_NONE;
    return status;
}

static mlm_status load_head(history *h, int64_t id, chat *c, bool *found)
{
    sqlite3_stmt *s = NULL;
    MLM_TRY(history_prepare(
        h, &s,
        id != 0 ? "SELECT id, title, titled, created, updated, draft, shown FROM chat WHERE id = ?1"
                : "SELECT id, title, titled, created, updated, draft, shown FROM chat WHERE id ="
                  " (SELECT value FROM state WHERE key = 'open') AND draft <> '' AND deleted IS NULL"));
    if (id != 0)
        (void)sqlite3_bind_int64(s, 1, id);
    int        rc     = sqlite3_step(s);
    mlm_status status = rc == SQLITE_ROW || rc == SQLITE_DONE ? MLM_OK : history_fail(h, rc, "read the chat");
    *found            = rc == SQLITE_ROW;
    if (*found) {
        c->id         = sqlite3_column_int64(s, 0);
        c->titled     = sqlite3_column_int(s, 2) != 0;
        c->created_ms = sqlite3_column_double(s, 3);
        c->updated_ms = sqlite3_column_double(s, 4);
        c->shown      = sqlite3_column_int(s, 6);
        status        = chat_set_text(&c->title, text_of(s, 1));
        if (status == MLM_OK)
            status = chat_set_text(&c->draft, text_of(s, 5));
    }
    (void)sqlite3_finalize(s);
    return status;
}

mlm_status history_load(history *h, int64_t chat_id, chat **out)
{
    chat *c     = NULL;
    bool  found = false;
    *out        = NULL;
    MLM_TRY(chat_create(&c));
    mlm_status status = load_head(h, chat_id, c, &found);
    if (status == MLM_OK && found)
        status = load_pictures(h, c);
    if (status == MLM_OK && found)
        status = load_turns(h, c);
    if (status == MLM_OK && !found && chat_id != 0)
        status = mlm_fail(MLM_E_NOTFOUND, "this chat is no longer in the history");
    if (status != MLM_OK || !found) {
        chat_free(c);
        return status;
    }
    *out = c;
    return MLM_OK;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* Words of three letters and more go to the index as quoted strings, shorter ones are looked for with LIKE. */
static mlm_status split_search(const char *search, char **match, char **like)
{
    text_buffer m = {0}, l = {0};
    while (*search != '\0') {
        size_t n = strcspn(search, " \t\r\n"), letters = 0;
        for (size_t i = 0; i < n; i++)
            letters += ((unsigned char)search[i] & 0xC0) != 0x80 ? 1 : 0;
        if (letters >= 3) {
            text_add(&m, m.n > 0 ? " AND \"" : "\"");
            for (size_t i = 0; i < n; i++)
                text_addf(&m, search[i] == '"' ? "\"%c" : "%c", search[i]);
            text_add(&m, "\"");
        } else if (n > 0 && l.n == 0) {
            text_add(&l, "%");
            for (size_t i = 0; i < n; i++)
                text_addf(&l, strchr("%_\\", search[i]) != NULL ? "\\%c" : "%c", search[i]);
            text_add(&l, "%");
        }
        search += n + (search[n] != '\0' ? 1 : 0);
    }
    mlm_status status = text_take(&m, match);
    if (status == MLM_OK)
        status = text_take(&l, like);
    else
        text_drop(&l);
    if (status != MLM_OK) {
        free(*match);
        *match = NULL;
    }
    return status;
}

static mlm_status prepare_list(history *h, const char *search, sqlite3_stmt **s)
{
    static const char columns[] =
        "(SELECT count(*) FROM turn t WHERE t.chat = c.id), (SELECT p.thumb FROM picture p WHERE p.chat ="
        " c.id AND p.thumb IS NOT NULL ORDER BY p.n LIMIT 1)";
    char *match = NULL, *like = NULL, *sql = NULL;
    MLM_TRY(split_search(search != NULL ? search : "", &match, &like));
    text_buffer b     = {0};
    bool        index = match[0] != '\0', scans = like[0] != '\0';
    /* A chat that is only a draft goes by its draft; one that is nothing at all is left out. */
    text_addf(&b,
              "SELECT c.id, CASE WHEN c.title = '' THEN substr(c.draft, 1, 80) ELSE c.title END, c.updated, "
              "%s, %s FROM chat c%s WHERE c.deleted IS NULL AND (c.draft <> '' OR c.title <> '' OR EXISTS "
              "(SELECT 1 FROM turn t WHERE t.chat = c.id))",
              columns, index ? "replace(snippet(found, 1, '', '', '...', 16), char(10), ' ')" : "NULL",
              index || scans ? " JOIN found ON found.rowid = c.id" : "");
    if (index)
        text_add(&b, " AND found MATCH ?1");
    if (scans)
        text_add(&b, " AND (found.title LIKE ?2 ESCAPE '\\' OR found.body LIKE ?2 ESCAPE '\\')");
    text_addf(&b, " ORDER BY c.updated DESC LIMIT %d", HISTORY_MAX_ROWS);
    mlm_status status = text_take(&b, &sql);
    if (status == MLM_OK)
        status = history_prepare(h, s, sql);
    if (status == MLM_OK && index)
        bind_text(*s, 1, match);
    if (status == MLM_OK && scans)
        bind_text(*s, 2, like);
    free(sql);
    free(match);
    free(like);
    return status;
}

mlm_status history_list(history *h, const char *search, ui_chat_row **rows, int *n)
{
    sqlite3_stmt *s = NULL;
    *rows           = NULL;
    *n              = 0;
    MLM_TRY(prepare_list(h, search, &s));
    ui_chat_row *row    = calloc(HISTORY_MAX_ROWS, sizeof *row);
    mlm_status   status = row != NULL ? MLM_OK : mlm_fail_nomem(HISTORY_MAX_ROWS * sizeof *row, "history");
    int          count = 0, rc = status == MLM_OK ? sqlite3_step(s) : SQLITE_DONE;
    for (; rc == SQLITE_ROW && status == MLM_OK && count < HISTORY_MAX_ROWS; rc = sqlite3_step(s)) {
        ui_chat_row *r = &row[count++];
        r->id          = sqlite3_column_int64(s, 0);
        r->updated_ms  = sqlite3_column_double(s, 2);
        r->n_turns     = sqlite3_column_int(s, 3);
        r->thumb       = decode_thumb(s, 4);
        status         = chat_set_text(&r->title, text_of(s, 1));
        if (status == MLM_OK)
            status = optional_text(&r->found, s, 5);
    }
    (void)sqlite3_finalize(s);
    if (status == MLM_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = history_fail(h, rc, "list the chats");
    if (status != MLM_OK) {
        ui_chat_rows_free(row, count);
        return status;
    }
    *rows = row;
    *n    = count;
    return MLM_OK;
}
