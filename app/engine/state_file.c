/*
 * state_file.c: a snapshot to a file and back (layout in state_file.h).  The checksum is looked at before anything
 * else is believed; after it every number is still checked, because a checksum keeps damage out, not malice.
 */
#include "app/engine/state_file.h"
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATE_VERSION    1
#define STATE_TEXT_LIMIT ((size_t)256 << 20) /* all turns together */
#define STATE_NAME       16

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

static mlm_status put_states(state_writer *w, const mlmamba_snapshot *snap, size_t bytes)
{
    void *first = state_put_space(w, bytes), *last = snap->n_turns > 0 ? state_put_space(w, bytes) : NULL;
    if (w->failed || w->data == NULL)
        return MLM_OK;
    MLM_TRY(engine_lock(snap->eng));
    mlm_status status = lm_state_export_row(snap->eng->queue, snap->picture->state, 0, first, bytes);
    if (status == MLM_OK && last != NULL)
        status = lm_state_export_row(snap->eng->queue, snap->state, 0, last, bytes);
    engine_unlock(snap->eng);
    return status;
}

static mlm_status put_all(state_writer *w, const mlmamba_snapshot *snap)
{
    put_head(w, snap);
    MLM_TRY(put_states(w, snap, lm_config_state_bytes(&snap->eng->config.text)));
    state_put_u64(w, w->data != NULL && !w->failed ? mlm_hash_bytes(w->data, w->used) : 0);
    return w->failed ? mlm_fail(MLM_E_RANGE, "the conversation is too long for a state file") : MLM_OK;
}

mlm_status mlmamba_snapshot_save(const mlmamba_snapshot *snap, const char *path)
{
    state_writer size = {0};
    MLM_TRY(put_all(&size, snap));
    state_writer w = {.data = malloc(size.used), .capacity = size.used};
    if (w.data == NULL)
        return mlm_fail_nomem(size.used, "state file");
    mlm_status status = put_all(&w, snap);
    if (status == MLM_OK)
        status = state_write_file(path, w.data, w.used);
    free(w.data);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static mlm_status damaged(const char *path, const char *what)
{
    return mlm_fail(MLM_E_FORMAT, "%s: damaged state file: %s", path, what);
}

static mlm_status check_frame(const uint8_t *data, size_t size, const char *path)
{
    if (size < 8 || memcmp(data, STATE_MAGIC, 8) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s is not a state file of mlmamba", path);
    state_reader head    = {.data = data, .at = 8, .size = size};
    uint32_t     version = state_get_u32(&head);
    if (size < 24)
        return damaged(path, "it ends in its header");
    state_reader tail = {.data = data, .at = size - 8, .size = size};
    if (state_get_u64(&tail) != mlm_hash_bytes(data, size - 8))
        return damaged(path, "its checksum does not match");
    if (version != STATE_VERSION || state_get_u32(&head) != 0)
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

static mlm_status get_state(state_reader *r, lm_state **out, mlmamba_engine *eng, const char *path)
{
    size_t      bytes = lm_config_state_bytes(&eng->config.text);
    const void *data  = state_get(r, bytes);
    if (data == NULL)
        return damaged(path, "it ends in a state");
    MLM_TRY(lm_state_take(out, eng->states));
    MLM_TRY(engine_lock(eng));
    mlm_status status = lm_state_import_row(eng->queue, *out, 0, data, bytes);
    if (status == MLM_OK)
        status = kn_queue_sync(eng->queue);
    engine_unlock(eng);
    return status == MLM_OK ? MLM_OK : mlm_fail_context(status, "%s", path);
}

static mlm_status read_snapshot(mlmamba_snapshot *snap, state_reader *r, const char *path)
{
    mlmamba_engine *eng = snap->eng;
    MLM_TRY(check_model(r, eng, path));
    snap->picture = calloc(1, sizeof *snap->picture);
    if (snap->picture == NULL)
        return mlm_fail_nomem(sizeof *snap->picture, "picture");
    atomic_init(&snap->picture->refs, 1);
    MLM_TRY(get_picture(r, &snap->picture->info, eng, path));
    uint32_t n = state_get_u32(r);
    if (r->failed || n > ENGINE_MAX_TURNS)
        return damaged(path, "its number of turns is not possible");
    snap->turn = calloc((size_t)n + 1, sizeof(engine_turn *));
    if (snap->turn == NULL)
        return mlm_fail_nomem(((size_t)n + 1) * sizeof(engine_turn *), "turns");
    for (uint32_t i = 0; i < n; i++) {
        MLM_TRY(get_turn(r, &snap->turn[i], eng, path));
        snap->n_turns++;
    }
    MLM_TRY(get_state(r, &snap->picture->state, eng, path));
    if (n > 0)
        MLM_TRY(get_state(r, &snap->state, eng, path));
    return r->at == r->size ? MLM_OK : damaged(path, "bytes are left over");
}

mlm_status mlmamba_snapshot_load(mlmamba_snapshot **out, mlmamba_engine *eng, const char *path)
{
    char  *data = NULL;
    size_t size = 0;
    *out        = NULL;
    MLM_TRY(mlm_file_read(&data, &size, path, 2 * lm_config_state_bytes(&eng->config.text) + STATE_TEXT_LIMIT,
                          "state file"));
    mlmamba_snapshot *snap   = calloc(1, sizeof *snap);
    mlm_status        status = snap != NULL ? MLM_OK : mlm_fail_nomem(sizeof *snap, "snapshot");
    if (status == MLM_OK) {
        snap->eng = eng;
        status    = check_frame((const uint8_t *)data, size, path);
    }
    if (status == MLM_OK) {
        state_reader r = {.data = (const uint8_t *)data, .at = 16, .size = size - 8};
        status         = read_snapshot(snap, &r, path);
    }
    free(data);
    if (status != MLM_OK) {
        mlmamba_snapshot_free(snap);
        return status;
    }
    *out = snap;
    return MLM_OK;
}
