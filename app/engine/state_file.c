/*
 * state_file.c: a snapshot to a file and back (layout in state_file.h).  The checksum is looked at before anything
 * else is believed; after it every number is still checked, because a checksum keeps damage out, not malice.
 */
#include "app/engine/state_file.h"
#include "app/engine/engine_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_VERSION    1
#define STATE_TEXT_LIMIT ((size_t)256 << 20) /* all turns together */
#define STATE_NAME       16
#define STATE_LEAST      24  /* bytes of a file: magic, version, sum */
#define STATE_TURNS_AT   140 /* where their number stands ...         */
#define STATE_FIXED      144 /* ... behind which turns begin          */

enum { SHAPE_COUNT = 8 };

static void fill_shapes(uint32_t shape[SHAPE_COUNT], const mlmamba_engine *eng)
{
    const lm_config *c = &eng->config.text;
    lm_state_dims    d = lm_config_state_dims(c);
    shape[0]           = (uint32_t)c->n_layers;
    shape[1]           = (uint32_t)c->d_model;
    shape[2]           = (uint32_t)d.conv_rows + 1;
    shape[3]           = (uint32_t)d.conv_channels;
    shape[4]           = (uint32_t)d.heads;
    shape[5]           = (uint32_t)d.head_dim;
    shape[6]           = (uint32_t)d.d_state;
    shape[7]           = (uint32_t)eng->config.n_image_tokens;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_name(state_writer *w, const char *name)
{
    char field[STATE_NAME] = {0};
    memcpy(field, name, strnlen(name, STATE_NAME - 1));
    state_put(w, field, sizeof field);
}

static void put_picture(state_writer *w, const mlmamba_image_info *i)
{
    const int   n[] = {i->width,  i->height, i->orientation, i->rotated,    i->view_size,
                       i->view_x, i->view_y, i->view_width,  i->view_height};
    const float f[] = {i->src_x, i->src_y, i->src_width, i->src_height};
    for (size_t k = 0; k < sizeof n / sizeof n[0]; k++)
        state_put_u32(w, (uint32_t)n[k]);
    for (size_t k = 0; k < sizeof f / sizeof f[0]; k++)
        state_put_f32(w, f[k]);
    put_name(w, i->format);
    put_name(w, i->fit);
}

static void put_turn(state_writer *w, const engine_turn *t)
{
    size_t question = strlen(t->question), answer = strlen(t->answer);
    state_put_u32(w, (uint32_t)question);
    state_put_u32(w, (uint32_t)answer);
    state_put_u32(w, (uint32_t)t->n_prompt);
    state_put_u32(w, (uint32_t)t->n_tokens);
    state_put(w, t->question, question);
    state_put(w, t->answer, answer);
    for (int i = 0; i < t->n_prompt + t->n_tokens; i++)
        state_put_u32(w, (uint32_t)t->ids[i]);
}

/* Everything before the states. */
static void put_head(state_writer *w, const mlmamba_snapshot *snap)
{
    uint32_t shape[SHAPE_COUNT];
    fill_shapes(shape, snap->eng);
    state_put(w, STATE_MAGIC, 8);
    state_put_u32(w, STATE_VERSION);
    state_put_u32(w, 0);
    state_put_u64(w, snap->eng->fingerprint);
    for (int i = 0; i < SHAPE_COUNT; i++)
        state_put_u32(w, shape[i]);
    put_picture(w, &snap->picture->info);
    state_put_u32(w, (uint32_t)snap->n_turns);
    for (int i = 0; i < snap->n_turns; i++)
        put_turn(w, snap->turn[i]);
}

/* Everything before the states: owned by the caller. */
static mlm_status make_head(uint8_t **out, size_t *n, const mlmamba_snapshot *snap)
{
    state_writer size = {0};
    *out              = NULL;
    put_head(&size, snap);
    if (size.failed)
        return mlm_fail(MLM_E_RANGE, "the conversation is too long for a state file");
    state_writer w = {.data = malloc(size.used), .capacity = size.used};
    if (w.data == NULL)
        return mlm_fail_nomem(size.used, "state file");
    put_head(&w, snap);
    *out = w.data;
    *n   = w.used;
    return MLM_OK;
}

static size_t largest_piece(const lm_state *st)
{
    size_t most = 0;
    for (int i = 0; i < lm_state_pieces(st); i++)
        most = lm_state_piece_bytes(st, i) > most ? lm_state_piece_bytes(st, i) : most;
    return most;
}

/* With the engine for each piece alone: others go on while the file is written. */
static mlm_status fetch(mlmamba_engine *eng, const lm_state *st, int piece, uint8_t *room)
{
    MLM_TRY(engine_lock(eng));
    mlm_status status = lm_state_export_piece(eng->queue, st, 0, piece, room);
    engine_unlock(eng);
    return status;
}

static mlm_status put_state(state_sink *s, mlmamba_engine *eng, const lm_state *st, uint8_t *room, int from)
{
    for (int i = from; i < lm_state_pieces(st); i++) {
        MLM_TRY(fetch(eng, st, i, room));
        MLM_TRY(state_sink_put(s, room, lm_state_piece_bytes(st, i)));
    }
    return MLM_OK;
}

/* The first piece is there before the file is touched. */
static mlm_status put_all(state_sink *s, const mlmamba_snapshot *snap, uint8_t *room, const uint8_t *head,
                          size_t n_head)
{
    const lm_state *first = snap->picture->state;
    MLM_TRY(state_sink_put(s, head, n_head));
    MLM_TRY(state_sink_put(s, room, lm_state_piece_bytes(first, 0)));
    MLM_TRY(put_state(s, snap->eng, first, room, 1));
    return snap->n_turns > 0 ? put_state(s, snap->eng, snap->state, room, 0) : MLM_OK;
}

mlm_status mlmamba_snapshot_save(const mlmamba_snapshot *snap, const char *path)
{
    state_sink s;
    uint8_t   *head   = NULL;
    size_t     n_head = 0, n_room = largest_piece(snap->picture->state);
    uint8_t   *room   = malloc(n_room);
    mlm_status status = room != NULL ? MLM_OK : mlm_fail_nomem(n_room, "state file");
    if (status == MLM_OK)
        status = make_head(&head, &n_head, snap);
    if (status == MLM_OK)
        status = fetch(snap->eng, snap->picture->state, 0, room);
    if (status == MLM_OK)
        status = state_sink_open(&s, path);
    if (status == MLM_OK)
        status = state_sink_close(&s, put_all(&s, snap, room, head, n_head));
    free(head);
    free(room);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static mlm_status damaged(const char *path, const char *what)
{
    return mlm_fail(MLM_E_FORMAT, "%s: damaged state file: %s", path, what);
}

static mlm_status check_magic(const uint8_t *head, uint64_t size, const char *path)
{
    if (size < 8 || memcmp(head, STATE_MAGIC, 8) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s is not a state file of mlmamba", path);
    return size < STATE_LEAST ? damaged(path, "it ends in its header") : MLM_OK;
}

static mlm_status check_version(const uint8_t *head, const char *path)
{
    state_reader r       = {.data = head, .at = 8, .size = STATE_LEAST};
    uint32_t     version = state_get_u32(&r);
    if (version != STATE_VERSION || state_get_u32(&r) != 0)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s has version %u, this program reads version %d", path,
                        (unsigned)version, STATE_VERSION);
    return MLM_OK;
}

static mlm_status check_model(state_reader *r, const mlmamba_engine *eng, const char *path)
{
    uint32_t shape[SHAPE_COUNT];
    uint64_t fingerprint = state_get_u64(r);
    bool     same        = true;
    fill_shapes(shape, eng);
    for (int i = 0; i < SHAPE_COUNT; i++)
        same = state_get_u32(r) == shape[i] && same;
    if (r->failed)
        return damaged(path, "it ends in its header");
    if (fingerprint != eng->fingerprint || !same)
        return mlm_fail(MLM_E_CONFIG, "%s was saved with other weights (%016llx) than %s (%016llx)", path,
                        (unsigned long long)fingerprint, eng->model_dir,
                        (unsigned long long)eng->fingerprint);
    return MLM_OK;
}

static const char *get_name(state_reader *r, const char *(*known)(const char *))
{
    const char *field = state_get(r, STATE_NAME);
    if (field == NULL || memchr(field, '\0', STATE_NAME) == NULL)
        return NULL;
    return known(field);
}

static bool inside(int v, int min, int max)
{
    return v >= min && v <= max;
}

static mlm_status get_picture(state_reader *r, mlmamba_image_info *i, const mlmamba_engine *eng,
                              const char *path)
{
    int   n[9];
    float f[4];
    for (size_t k = 0; k < 9; k++)
        n[k] = (int32_t)state_get_u32(r);
    for (size_t k = 0; k < 4; k++)
        f[k] = state_get_f32(r);
    *i        = (mlmamba_image_info){.width       = n[0],
                                     .height      = n[1],
                                     .orientation = n[2],
                                     .rotated     = n[3] != 0,
                                     .n_tokens    = eng->config.n_image_tokens,
                                     .view_size   = n[4],
                                     .view_x      = n[5],
                                     .view_y      = n[6],
                                     .view_width  = n[7],
                                     .view_height = n[8],
                                     .src_x       = f[0],
                                     .src_y       = f[1],
                                     .src_width   = f[2],
                                     .src_height  = f[3]};
    i->format = get_name(r, engine_format_name);
    i->fit    = get_name(r, engine_fit_name);
    int  side = eng->config.vision.preprocess[0].size;
    bool ok   = !r->failed && i->format != NULL && i->fit != NULL && inside(n[0], 1, VISION_MAX_SIDE) &&
              inside(n[1], 1, VISION_MAX_SIDE) && inside(n[2], 1, 8) && inside(n[3], 0, 1) && n[4] == side &&
              inside(n[5], 0, side) && inside(n[6], 0, side) && inside(n[7], 1, side - n[5]) &&
              inside(n[8], 1, side - n[6]);
    for (size_t k = 0; k < 4; k++)
        ok = ok && isfinite(f[k]);
    return ok ? MLM_OK : damaged(path, "its picture record is not possible");
}

static mlm_status get_turn(state_reader *r, engine_turn **out, const mlmamba_engine *eng, const char *path)
{
    size_t       question_n = state_get_u32(r), answer_n = state_get_u32(r);
    size_t       n_prompt = state_get_u32(r), n_tokens = state_get_u32(r);
    const char  *question = state_get(r, question_n), *answer = state_get(r, answer_n);
    state_reader ids = *r;
    if (state_get(r, (n_prompt + n_tokens) * 4) == NULL || question == NULL || answer == NULL ||
        n_prompt == 0)
        return damaged(path, "a turn is cut or empty");
    if (memchr(question, '\0', question_n) != NULL || memchr(answer, '\0', answer_n) != NULL)
        return damaged(path, "a turn's text has a NUL byte");
    int32_t *list = malloc((n_prompt + n_tokens) * sizeof *list);
    if (list == NULL)
        return mlm_fail_nomem((n_prompt + n_tokens) * sizeof *list, "turn");
    bool ok = true;
    for (size_t i = 0; i < n_prompt + n_tokens; i++) {
        uint32_t id = state_get_u32(&ids);
        ok          = ok && id < (uint32_t)eng->config.text.vocab_size;
        list[i]     = (int32_t)id;
    }
    mlm_status status = ok ? engine_turn_create(out, question, question_n, answer, answer_n, list, n_prompt,
                                                list + n_prompt, n_tokens)
                           : damaged(path, "a token is not in the vocabulary");
    free(list);
    return status;
}

/* A state from the file.  *fault: a number that is none, which matters only if the sum is right. */
static mlm_status take_state(state_source *s, lm_state **out, mlmamba_engine *eng, mlm_status *fault)
{
    MLM_TRY(lm_state_take(out, eng->states));
    size_t   n    = largest_piece(*out);
    uint8_t *room = malloc(n);
    if (room == NULL)
        return mlm_fail_nomem(n, "state");
    mlm_status status = MLM_OK;
    for (int i = 0; i < lm_state_pieces(*out) && status == MLM_OK; i++) {
        status = state_source_take(s, room, lm_state_piece_bytes(*out, i));
        if (status != MLM_OK || *fault != MLM_OK)
            continue;
        status = engine_lock(eng);
        if (status != MLM_OK)
            break;
        mlm_status sent = lm_state_import_piece(eng->queue, *out, 0, i, room);
        engine_unlock(eng);
        if (sent == MLM_E_FORMAT)
            *fault = sent;
        else
            status = sent;
    }
    free(room);
    return status;
}

/* Only for the sum. */
static mlm_status skip_state(state_source *s, const lm_state *like)
{
    uint8_t *room = malloc(largest_piece(like));
    if (room == NULL)
        return mlm_fail_nomem(largest_piece(like), "state");
    mlm_status status = MLM_OK;
    for (int i = 0; i < lm_state_pieces(like) && status == MLM_OK; i++)
        status = state_source_take(s, room, lm_state_piece_bytes(like, i));
    free(room);
    return status;
}

/* How many states follow on the first STATE_FIXED bytes: what the turns say, or 0 where the file has no room for them. */
static int count_states(const uint8_t *head, uint64_t size, size_t bytes)
{
    state_reader r = {.data = head, .at = STATE_TURNS_AT, .size = STATE_FIXED};
    int          n = state_get_u32(&r) > 0 ? 2 : 1;
    return size >= STATE_FIXED + 8 && (size - STATE_FIXED - 8) / (size_t)n >= bytes ? n : 0;
}

/* What stands before the states is believed: the sum was right. */
static mlm_status read_head(mlmamba_snapshot *snap, const uint8_t *data, size_t size, int n_states,
                            const char *path)
{
    state_reader    r   = {.data = data, .at = 16, .size = size};
    mlmamba_engine *eng = snap->eng;
    MLM_TRY(check_model(&r, eng, path));
    MLM_TRY(get_picture(&r, &snap->picture->info, eng, path));
    uint32_t n = state_get_u32(&r);
    if (r.failed || n > ENGINE_MAX_TURNS)
        return damaged(path, "its number of turns is not possible");
    snap->turn = calloc((size_t)n + 1, sizeof(engine_turn *));
    if (snap->turn == NULL)
        return mlm_fail_nomem(((size_t)n + 1) * sizeof(engine_turn *), "turns");
    for (uint32_t i = 0; i < n; i++) {
        MLM_TRY(get_turn(&r, &snap->turn[i], eng, path));
        snap->n_turns++;
    }
    if (n_states == 0)
        return damaged(path, "it ends in a state");
    return r.at == r.size ? MLM_OK : damaged(path, "bytes are left over");
}

static mlm_status wait_for(mlmamba_engine *eng)
{
    MLM_TRY(engine_lock(eng));
    mlm_status status = kn_queue_sync(eng->queue);
    engine_unlock(eng);
    return status;
}

/* The states go where they belong while the sum is made; nobody has them before it is found right. */
static mlm_status read_rest(mlmamba_snapshot *snap, state_source *s, uint8_t *head, size_t n_head,
                            int n_states)
{
    mlm_status fault = MLM_OK;
    uint8_t    sum[8];
    char       why[256] = "";
    if (n_states > 0)
        MLM_TRY(take_state(s, &snap->picture->state, snap->eng, &fault));
    if (n_states > 1 && fault == MLM_OK)
        MLM_TRY(take_state(s, &snap->state, snap->eng, &fault));
    else if (n_states > 1)
        MLM_TRY(skip_state(s, snap->picture->state));
    if (fault != MLM_OK)
        (void)snprintf(why, sizeof why, "%s", mlm_error_message());
    uint64_t     found = mlm_hash_end(&s->hash);
    state_reader tail  = {.data = sum, .size = sizeof sum};
    MLM_TRY(state_source_take(s, sum, sizeof sum));
    if (state_get_u64(&tail) != found)
        return damaged(s->path, "its checksum does not match");
    MLM_TRY(check_version(head, s->path));
    MLM_TRY(read_head(snap, head, n_head, n_states, s->path));
    return fault == MLM_OK ? wait_for(snap->eng) : mlm_fail(fault, "%s: %s", s->path, why);
}

static mlm_status read_snapshot(mlmamba_snapshot *snap, state_source *s)
{
    size_t   bytes              = lm_config_state_bytes(&snap->eng->config.text);
    uint64_t size               = s->file.size;
    uint8_t  fixed[STATE_FIXED] = {0};
    size_t   n_fixed            = size < STATE_FIXED ? (size_t)size : STATE_FIXED;
    MLM_TRY(mlm_file_pread(&s->file, fixed, n_fixed, 0, s->path));
    MLM_TRY(check_magic(fixed, size, s->path));
    snap->picture = calloc(1, sizeof *snap->picture);
    if (snap->picture == NULL)
        return mlm_fail_nomem(sizeof *snap->picture, "picture");
    atomic_init(&snap->picture->refs, 1);
    int      n_states = count_states(fixed, size, bytes);
    size_t   n_head   = (size_t)size - 8 - (size_t)n_states * bytes;
    uint8_t *head     = malloc(n_head);
    if (head == NULL)
        return mlm_fail_nomem(n_head, "state file");
    mlm_status status = state_source_take(s, head, n_head);
    if (status == MLM_OK)
        status = read_rest(snap, s, head, n_head, n_states);
    free(head);
    return status;
}

mlm_status mlmamba_snapshot_load(mlmamba_snapshot **out, mlmamba_engine *eng, const char *path)
{
    state_source s;
    *out = NULL;
    MLM_TRY(state_source_open(&s, path, 2 * lm_config_state_bytes(&eng->config.text) + STATE_TEXT_LIMIT));
    mlmamba_snapshot *snap   = calloc(1, sizeof *snap);
    mlm_status        status = snap != NULL ? MLM_OK : mlm_fail_nomem(sizeof *snap, "snapshot");
    if (status == MLM_OK) {
        snap->eng = eng;
        status    = read_snapshot(snap, &s);
    }
    state_source_close(&s);
    if (status != MLM_OK) {
        mlmamba_snapshot_free(snap);
        return status;
    }
    *out = snap;
    return MLM_OK;
}
