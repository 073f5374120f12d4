/* engine_scratch.c: activation memory, laid out by the parts themselves on an arena: measured, then taken. */
#include "app/engine/engine_private.h"

#include <string.h>

static bool is_host(const kn_device *dev)
{
    return (kn_device_caps(dev) & KN_CAP_HOST) != 0;
}

/* Where a row must have the bits that it has alone, pieces are cut at the same places for one row and for many.  Otherwise an
 * accelerator wants long pieces, and memory that does not grow with the rows. */
static mlm_status layout_text(engine_scratch *s, const model_config *c, int n_rows, const kn_device *dev)
{
    bool alone  = (kn_device_caps(dev) & KN_CAP_ALONE) != 0;
    int  room   = (ENGINE_DEVICE_ROOM + n_rows - 1) / n_rows;
    int  tokens = alone || room < 1             ? ENGINE_PREFILL_TOKENS
                  : s->is_guest                 ? ENGINE_GUEST_TOKENS / n_rows
                  : room < ENGINE_DEVICE_TOKENS ? room
                                                : ENGINE_DEVICE_TOKENS;
    MLM_TRY(lm_scratch_create(&s->lm, &s->arena, &c->text, n_rows, tokens));
    if (!alone)
        lm_scratch_share_tokens(s->lm, ENGINE_DEVICE_ROOM);
    else if (!is_host(dev))
        lm_scratch_pad_tokens(s->lm, ENGINE_LEAST_TOKENS);
    return MLM_OK;
}

bool engine_is_accelerated(const kn_device *dev)
{
    return (kn_device_caps(dev) & (KN_CAP_GRAPHS | KN_CAP_HOST)) == KN_CAP_GRAPHS;
}

bool engine_has_side(const kn_device *dev, const model_config *c)
{
    return c->has_vision && c->vision.n_towers > 1 && engine_is_accelerated(dev);
}

/* What the language model reads. */
static void layout_rows(engine_picture_scratch *s, kn_arena *arena, const model_config *c, int n_pictures)
{
    s->rows = kn_arena_take(arena, KN_F32, 3, KN_DIMS(n_pictures, c->n_image_tokens, c->text.d_model));
}

/* The stages run one after the other on one queue: their activations lie over each other behind what the connector reads.  It takes
 * n_joined pictures at a time. */
static mlm_status layout_stages(engine_picture_scratch *s, kn_arena *arena, const model_config *c,
                                int n_pictures, int n_joined, const vision_side *side)
{
    int64_t patches = vision_config_n_patches(&c->vision), width = vision_config_width(&c->vision);
    s->features  = kn_arena_take(arena, c->vision.tower[0].dtype, 3, KN_DIMS(n_pictures, patches, width));
    size_t start = arena->used;
    vision_scratch_take(&s->vision, arena, &c->vision, n_pictures, side);
    size_t end        = arena->used;
    arena->used       = start;
    s->n_joined       = n_joined;
    mlm_status status = connector_scratch_create(&s->connector, arena, c->connector, n_joined);
    arena->used       = arena->used > end ? arena->used : end;
    return status;
}

static int joined_pictures(int n_pictures)
{
    return n_pictures < ENGINE_JOINED_PICTURES ? n_pictures : ENGINE_JOINED_PICTURES;
}

/* Text and pictures of a working memory: logits and the pictures' rows stay, activations lie over each other. */
static mlm_status layout(engine_scratch *s, engine_picture_scratch *p, const model_config *c, kn_device *dev,
                         int n_rows, int n_pictures, const vision_side *side)
{
    kn_arena *arena = &s->arena;
    s->logits       = kn_arena_take(arena, KN_F32, 2, KN_DIMS(n_rows, c->text.vocab_rows));
    if (c->has_vision)
        layout_rows(p, arena, c, n_pictures);
    size_t start = arena->used;
    s->n_kept    = start;
    MLM_TRY(layout_text(s, c, n_rows, dev));
    size_t end  = arena->used;
    arena->used = start;
    if (c->has_vision)
        MLM_TRY(layout_stages(p, arena, c, n_pictures, joined_pictures(n_pictures), side));
    arena->used = arena->used > end ? arena->used : end;
    return MLM_OK;
}

/* Only that there is one matters where bytes are counted. */
static const vision_side *planned_side(const kn_device *dev, const model_config *c)
{
    static const vision_side planned = {0};
    return engine_has_side(dev, c) ? &planned : NULL;
}

static mlm_status measure(size_t *bytes, kn_device *dev, const model_config *c, int n_rows, int n_pictures,
                          bool is_guest)
{
    engine_scratch         s = {.is_guest = is_guest};
    engine_picture_scratch p = {0};
    kn_arena_measure(&s.arena, dev);
    mlm_status status = layout(&s, &p, c, dev, n_rows, n_pictures, planned_side(dev, c));
    *bytes            = s.arena.used;
    lm_scratch_free(s.lm);
    connector_scratch_free(p.connector);
    return status;
}

mlm_status engine_scratch_measure(size_t *bytes, kn_device *dev, const model_config *c)
{
    return measure(bytes, dev, c, 1, 1, false);
}

int engine_batch_pictures(const kn_device *dev, int n_rows)
{
    int most = is_host(dev) ? ENGINE_HOST_PICTURES : ENGINE_MAX_PICTURES;
    return n_rows < most ? n_rows : most;
}

mlm_status engine_batch_measure(size_t *bytes, kn_device *dev, const model_config *c, int n_rows)
{
    MLM_TRY(measure(bytes, dev, c, n_rows, engine_batch_pictures(dev, n_rows), false));
    *bytes += lm_config_rows_bytes(&c->text, dev, n_rows);
    return MLM_OK;
}

static const vision_side *side_of(const mlmamba_engine *eng)
{
    return eng->side.queue != NULL ? &eng->side : NULL;
}

/* Sessions and batches take turns: nothing that the one leaves in its activations is wanted when the other comes.  So memory for the
 * second lies over the activations of the first, as far as they reach. */
static mlm_status find_room(engine_scratch *s, const mlmamba_engine *eng, int n_rows, int n_pictures)
{
    const engine_scratch *first = s == &eng->one ? &eng->many : &eng->one;
    size_t                bytes = 0, room = 0;
    if (first->arena.buf != NULL && !first->is_guest && n_rows == 1) {
        room = first->arena.capacity - first->n_kept;
        MLM_TRY(measure(&bytes, eng->dev, &eng->config, n_rows, n_pictures, true));
    }
    s->is_guest = bytes > 0 && bytes <= room;
    if (s->is_guest) {
        s->arena          = (kn_arena){.dev = eng->dev, .buf = first->arena.buf, .used = first->n_kept};
        s->arena.capacity = first->n_kept + bytes;
        return MLM_OK;
    }
    MLM_TRY(measure(&bytes, eng->dev, &eng->config, n_rows, n_pictures, false));
    return kn_arena_create(&s->arena, eng->dev, bytes);
}

mlm_status engine_scratch_create(engine_scratch *s, engine_picture_scratch *p, const mlmamba_engine *eng,
                                 int n_rows, int n_pictures)
{
    const model_config *c = &eng->config;
    memset(s, 0, sizeof *s);
    memset(p, 0, sizeof *p);
    mlm_status status = find_room(s, eng, n_rows, n_pictures);
    if (status == MLM_OK)
        status = layout(s, p, c, eng->dev, n_rows, n_pictures, side_of(eng));
    if (status == MLM_OK)
        status = kn_arena_check(&s->arena, "working memory");
    if (status == MLM_OK)
        status = lm_state_create(&s->state, eng->lm, n_rows);
    s->n_rows = n_rows;
    if (status != MLM_OK) {
        engine_picture_scratch_free(p);
        engine_scratch_free(s);
    }
    return status;
}

void engine_scratch_free(engine_scratch *s)
{
    lm_state_free(s->state);
    lm_scratch_free(s->lm);
    if (!s->is_guest)
        kn_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

static mlm_status layout_alone(engine_picture_scratch *s, const mlmamba_engine *eng, int n_pictures)
{
    layout_rows(s, &s->arena, &eng->config, n_pictures);
    return layout_stages(s, &s->arena, &eng->config, n_pictures, n_pictures, side_of(eng));
}

mlm_status engine_picture_scratch_create(engine_picture_scratch *s, const mlmamba_engine *eng, int n_pictures)
{
    memset(s, 0, sizeof *s);
    kn_arena_measure(&s->arena, eng->dev);
    mlm_status status = layout_alone(s, eng, n_pictures);
    size_t     bytes  = s->arena.used;
    connector_scratch_free(s->connector);
    memset(s, 0, sizeof *s);
    if (status == MLM_OK)
        status = kn_arena_create(&s->arena, eng->dev, bytes);
    if (status == MLM_OK)
        status = layout_alone(s, eng, n_pictures);
    if (status == MLM_OK)
        status = kn_arena_check(&s->arena, "picture scratch");
    if (status != MLM_OK)
        engine_picture_scratch_free(s);
    return status;
}

void engine_picture_scratch_free(engine_picture_scratch *s)
{
    vision_scratch_free(&s->vision);
    connector_scratch_free(s->connector);
    kn_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}

mlm_status engine_prepare_batch(mlmamba_engine *eng)
{
    mlm_status status = MLM_OK;
    MLM_TRY(engine_lock(eng));
    eng->n_pictures = engine_batch_pictures(eng->dev, eng->max_batch);
    if (eng->many.state == NULL) {
        status = engine_scratch_create(&eng->many, &eng->pictures, eng, eng->max_batch, eng->n_pictures);
        engine_memory_note(eng, ENGINE_WORKING);
        if (status == MLM_OK)
            status = engine_warm_batch(eng);
        engine_memory_note(eng, ENGINE_CODE);
    }
    engine_unlock(eng);
    return status;
}
