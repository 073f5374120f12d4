/* stream_pictures.c: the pictures of a stream: found in the cache, or decoded, resized, encoded together. */
#include "app/engine/stream_private.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

/* ---- the cache ---------------------------------------------------------------------------------- */

static picture_key key_of(const mlmamba_query *q)
{
    if (q->image != NULL)
        return (picture_key){.number = q->image->number};
    return (picture_key){.path = (char *)(uintptr_t)q->image_path};
}

static bool same_key(const picture_key *a, const picture_key *b)
{
    if (a->path != NULL && b->path != NULL)
        return strcmp(a->path, b->path) == 0;
    return a->path == NULL && b->path == NULL && a->number == b->number;
}

static bool is_used(const picture_entry *e)
{
    return e->used != 0;
}

static void entry_clear(picture_entry *e)
{
    engine_picture_drop(e->picture);
    free(e->key.path);
    free(e->message);
    memset(e, 0, sizeof *e);
}

void picture_cache_free(picture_cache *c)
{
    for (int i = 0; i < STREAM_MAX_ENTRIES; i++)
        entry_clear(&c->entry[i]);
}

static void entry_fail(picture_entry *e, mlm_status why)
{
    engine_picture_drop(e->picture);
    e->picture = NULL;
    e->status  = why;
    if (e->message == NULL)
        e->message = strdup(mlm_error_message());
}

static picture_entry *cache_find(picture_cache *c, const picture_key *key)
{
    for (int i = 0; i < STREAM_MAX_ENTRIES; i++)
        if (is_used(&c->entry[i]) && same_key(&c->entry[i].key, key))
            return &c->entry[i];
    return NULL;
}

/* After trimming there are as many free entries as rows can join. */
static picture_entry *cache_take(picture_cache *c)
{
    for (int i = 0; i < STREAM_MAX_ENTRIES; i++)
        if (!is_used(&c->entry[i]))
            return &c->entry[i];
    return NULL;
}

/* An entry that somebody waits for belongs to the thread that makes it. */
void picture_cache_trim(picture_cache *c)
{
    int n = 0;
    for (int i = 0; i < STREAM_MAX_ENTRIES; i++) {
        picture_entry *e = &c->entry[i];
        if (!is_used(e) || e->n_waiting > 0)
            continue;
        if (e->picture != NULL && e->picture->state == NULL)
            entry_clear(e);
        n += is_used(e);
    }
    for (; n > c->capacity; n--) {
        picture_entry *oldest = NULL;
        for (int i = 0; i < STREAM_MAX_ENTRIES; i++) {
            picture_entry *e = &c->entry[i];
            if (is_used(e) && e->n_waiting == 0 && (oldest == NULL || e->used < oldest->used))
                oldest = e;
        }
        if (oldest != NULL)
            entry_clear(oldest);
    }
}

/* ---- decoding and resizing ---------------------------------------------------------------------- */

static mlm_status prepare_one(stream *st, picture_entry *e, const mlmamba_query *q)
{
    mlmamba_image_options options = {0};
    vision_image          img     = {0};
    double                start   = mlm_now_ms();
    if (st->args->image_options != NULL)
        options = *st->args->image_options;
    if (q->image != NULL)
        return engine_picture_prepare(&e->picture, st->eng, &q->image->img, options.fit, &e->times);
    vision_image_options o = {.ignore_orientation = options.ignore_orientation};
    MLM_TRY(vision_image_load_file(&img, q->image_path, &o));
    e->times.file_ms  = mlm_now_ms() - start;
    mlm_status status = engine_picture_prepare(&e->picture, st->eng, &img, options.fit, &e->times);
    vision_image_free(&img);
    return status;
}

static void prepare_range(int64_t from, int64_t to, int thread, void *payload)
{
    picture_job *job = payload;
    (void)thread;
    for (int64_t i = from; i < to; i++) {
        mlm_status status = prepare_one(job->st, job->entry[i], &job->row[i]->query);
        if (status != MLM_OK)
            entry_fail(job->entry[i], status);
    }
}

void stream_make_pictures(picture_job *job)
{
    mlm_parallel_for(job->st->threads, job->n, 1, prepare_range, job);
}

mlm_status stream_plan_picture(stream *st, stream_row *r)
{
    picture_key    key = key_of(&r->query);
    picture_entry *e   = cache_find(&st->cache, &key);
    if (r->query.snapshot != NULL)
        return MLM_OK;
    r->is_first = e == NULL;
    if (e == NULL) {
        e = cache_take(&st->cache);
        if (e == NULL || (key.path != NULL && (e->key.path = strdup(key.path)) == NULL))
            return mlm_fail_nomem(sizeof *e, "picture");
        e->key.number = key.number;
        e->is_new     = true;
    }
    e->used    = ++st->cache.clock;
    r->picture = e;
    e->n_waiting++;
    return MLM_OK;
}

/* Several wanted it, and there was no memory to keep its state when the first of them was placed. */
static bool is_lost(const picture_entry *e)
{
    return e->picture != NULL && e->picture->state == NULL && e->picture->is_seen;
}

void stream_leave_picture(stream *st, stream_row *r)
{
    picture_entry *e = r->picture;
    if (e == NULL)
        return;
    e->n_waiting--;
    if (is_lost(e)) {
        (void)mlm_fail(MLM_E_NOMEM, "no memory for the state of a picture that several questions share");
        entry_fail(e, MLM_E_NOMEM);
    }
    st->stats.n_reused += !r->is_first && e->status == MLM_OK;
}

/* ---- encoding ----------------------------------------------------------------------------------- */

static bool needs_model(const picture_entry *e)
{
    return e != NULL && e->picture != NULL && e->picture->state == NULL && !e->is_encoded;
}

/* Puts the first row of each picture that is new to the front, and gives it its place there. */
static int order_new(stream *st, stream_row **joining, int n)
{
    int n_new = 0, active = lm_decoder_active(st->decoder);
    for (int i = 0; i < n; i++) {
        picture_entry *e = joining[i]->picture;
        if (!needs_model(e))
            continue;
        stream_row *r  = joining[i];
        joining[i]     = joining[n_new];
        joining[n_new] = r;
        e->is_encoded  = true;
        e->row         = active + n_new++;
    }
    return n_new;
}

static void add_stats(mlmamba_stream_stats *s, const engine_times *t)
{
    s->n_pictures++;
    s->file_ms += t->file_ms;
    s->preprocess_ms += t->preprocess_ms;
    s->vision_ms += t->vision_ms;
    s->connector_ms += t->connector_ms;
    s->image_prefill_ms += t->prefill_ms;
}

/* The pictures of the first n_new rows, as many together as the scratch takes. */
static mlm_status encode(stream *st, stream_row *const *joining, int n_new)
{
    engine_picture *picture[ENGINE_MAX_PICTURES];
    for (int from = 0; from < n_new;) {
        int count = 0, most = st->eng->n_pictures;
        for (; count < most && from + count < n_new; count++)
            picture[count] = joining[from + count]->picture->picture;
        engine_times times = {0};
        mlm_status status = engine_pictures_run(st->eng, picture, count, joining[from]->picture->row, &times);
        for (int i = 0; i < count; i++) {
            picture_entry *e = joining[from + i]->picture;
            if (status != MLM_OK) {
                entry_fail(e, status);
                continue;
            }
            e->times.vision_ms    = times.vision_ms / count; /* a picture's share of what was done together */
            e->times.connector_ms = times.connector_ms / count;
            e->times.prefill_ms   = times.prefill_ms / count;
            add_stats(&st->stats, &e->times);
        }
        if (status == MLM_E_DEVICE)
            return status;
        from += count;
    }
    return MLM_OK;
}

/* Keeps states for later rounds, the newest pictures first, and those that somebody waits for.  Without memory for one it is only
 * not kept. */
static void keep_states(stream *st, stream_row *const *joining, int n_new)
{
    mlmamba_engine *eng = st->eng;
    for (int i = n_new - 1; i >= 0; i--) {
        picture_entry *e     = joining[i]->picture;
        lm_state      *state = NULL;
        if (i < n_new - st->cache.capacity && e->n_waiting == 0)
            continue;
        if (e->picture == NULL || lm_state_take(&state, eng->states) != MLM_OK)
            continue;
        if (lm_state_copy_row(eng->queue, state, 0, eng->many.state, e->row) == MLM_OK)
            e->picture->state = state;
        else
            lm_state_free(state);
    }
}

/* The state of row i of the list goes to its place.  What it is copied from lies at or behind it, or in the cache. */
static mlm_status place(stream *st, stream_row *r, int to, bool moves)
{
    mlmamba_engine         *eng  = st->eng;
    const mlmamba_snapshot *snap = r->query.snapshot;
    picture_entry          *e    = r->picture;
    if (snap != NULL) {
        const lm_state *from = snap->n_turns > 0 ? snap->state : snap->picture->state;
        return lm_state_copy_row(eng->queue, eng->many.state, to, from, 0);
    }
    if (e->is_new) {
        r->times  = e->times;
        r->is_new = true;
        e->is_new = false;
    }
    if (!e->is_encoded)
        return lm_state_copy_row(eng->queue, eng->many.state, to, e->picture->state, 0);
    int from = e->row;
    if (moves)
        e->row = to; /* rows before it were dropped: it goes down */
    return lm_state_copy_row(eng->queue, eng->many.state, to, eng->many.state, from);
}

mlm_status stream_place_pictures(stream *st, stream_row **joining, int *n, stream_row **dropped,
                                 int *n_dropped)
{
    int active = lm_decoder_active(st->decoder), count = *n, kept = 0;
    *n_dropped = 0;
    for (int i = 0; i < count; i++)
        if (joining[i]->picture != NULL)
            joining[i]->picture->is_encoded = false;
    int        n_new  = order_new(st, joining, count);
    mlm_status status = encode(st, joining, n_new);
    if (status != MLM_OK)
        return status;
    keep_states(st, joining, n_new);
    int kept_new = 0;
    for (int i = 0; i < count; i++) {
        stream_row *r = joining[i];
        if (r->picture != NULL && r->picture->picture == NULL) {
            dropped[(*n_dropped)++] = r;
            continue;
        }
        kept_new += i < n_new;
        joining[kept++] = r;
    }
    *n = kept;
    for (int i = 0; i < kept; i++)
        MLM_TRY(place(st, joining[i], active + i, i < kept_new));
    return MLM_OK;
}
