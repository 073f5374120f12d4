/* encoder.c: the towers of a model, one after the other or side by side, into the columns of one feature buffer. */
#include "vision/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- config -------------------------------------------------------------------------------------- */

/* One resize serves every tower; a tower may bring its own statistics ("image_mean", "image_std"). */
static mlm_status parse_preprocess(vision_preprocess *p, const vit_config *tower, const mlm_json_node *obj,
                                   const mlm_json_node *preprocessor, const char *where)
{
    MLM_TRY(vision_preprocess_parse(p, preprocessor, "preprocessor_config.json"));
    if (p->size != tower->image_size)
        return mlm_fail(MLM_E_CONFIG, "preprocessor_config.json: the size is %d, but %s.image_size is %d",
                        p->size, where, tower->image_size);
    if (mlm_json_get(obj, "image_mean"))
        MLM_TRY(mlm_json_req_floats(obj, where, "image_mean", 3, p->mean));
    if (mlm_json_get(obj, "image_std"))
        MLM_TRY(mlm_json_req_floats(obj, where, "image_std", 3, p->std));
    for (int i = 0; i < 3; i++)
        if (!(p->std[i] > 0.0f))
            return mlm_fail(MLM_E_CONFIG, "%s.image_std[%d] must be positive", where, i);
    return MLM_OK;
}

static mlm_status parse_tower(vision_config *c, const mlm_json_node *obj, const mlm_json_node *preprocessor,
                              const char *where)
{
    int i = c->n_towers;
    MLM_TRY(vit_config_parse(&c->tower[i], obj, where));
    MLM_TRY(parse_preprocess(&c->preprocess[i], &c->tower[i], obj, preprocessor, where));
    if (i > 0 && vit_n_patches(&c->tower[i]) != vit_n_patches(&c->tower[0]))
        return mlm_fail(MLM_E_CONFIG, "%s has %d patches, the first tower %d: they must be equal", where,
                        vit_n_patches(&c->tower[i]), vit_n_patches(&c->tower[0]));
    c->n_towers++;
    return MLM_OK;
}

mlm_status vision_config_parse(vision_config *out, const mlm_json_node *vision,
                               const mlm_json_node *preprocessor)
{
    static const char *const types[] = {"vit", "concat", NULL};
    vision_config            c       = {0};
    int                      type;
    MLM_TRY(mlm_json_req_choice(vision, "config.json: vision", "type", types, &type));
    if (type == 0) {
        MLM_TRY(parse_tower(&c, vision, preprocessor, "config.json: vision"));
        *out = c;
        return MLM_OK;
    }
    const mlm_json_node *list = mlm_json_get(vision, "towers");
    if (!list || mlm_json_type_of(list) != MLM_JSON_ARRAY || mlm_json_count(list) < 1 ||
        mlm_json_count(list) > VISION_MAX_TOWERS)
        return mlm_fail(MLM_E_CONFIG, "config.json: vision.towers must be a list of 1 to %d towers",
                        VISION_MAX_TOWERS);
    for (const mlm_json_node *v = mlm_json_first(list); v; v = mlm_json_next(v)) {
        char where[64];
        (void)snprintf(where, sizeof where, "config.json: vision.towers[%d]", c.n_towers);
        if (mlm_json_type_of(v) != MLM_JSON_OBJECT)
            return mlm_fail(MLM_E_CONFIG, "%s must be an object", where);
        MLM_TRY(parse_tower(&c, v, preprocessor, where));
    }
    *out = c;
    return MLM_OK;
}

int vision_config_width(const vision_config *c)
{
    int width = 0;
    for (int i = 0; i < c->n_towers; i++)
        width += c->tower[i].width;
    return width;
}

int vision_config_n_patches(const vision_config *c)
{
    return vit_n_patches(&c->tower[0]);
}

void vision_config_set_dtype(vision_config *c, kn_dtype dtype)
{
    for (int i = 0; i < c->n_towers; i++)
        c->tower[i].dtype = dtype;
}

/* ---- model --------------------------------------------------------------------------------------- */

struct vision_encoder {
    vision_config config;
    vit_model    *tower[VISION_MAX_TOWERS];
    kn_arena      arena;
    kn_tensor     table[VISION_MAX_TOWERS]; /* [3,257]: what bytes stand for */
};

static void take_tables(vision_encoder *enc, kn_arena *arena)
{
    for (int i = 0; i < enc->config.n_towers; i++)
        enc->table[i] = kn_arena_take(arena, KN_F32, 2, KN_DIMS(3, 257));
}

static mlm_status make_tables(vision_encoder *enc, kn_queue *q)
{
    kn_arena_measure(&enc->arena, kn_queue_device(q));
    take_tables(enc, &enc->arena);
    MLM_TRY(kn_arena_create(&enc->arena, kn_queue_device(q), enc->arena.used));
    take_tables(enc, &enc->arena);
    MLM_TRY(kn_arena_check(&enc->arena, "tables of pixels"));
    for (int i = 0; i < enc->config.n_towers; i++) {
        vision_table table;
        vision_make_table(&table, &enc->config.preprocess[i]);
        MLM_TRY(kn_upload(q, enc->table[i], table.value, sizeof table.value));
    }
    return MLM_OK;
}

mlm_status vision_encoder_load(vision_encoder **out, kn_queue *q, const vision_config *c, kn_weights *w)
{
    *out                = NULL;
    vision_encoder *enc = calloc(1, sizeof *enc);
    if (!enc)
        return mlm_fail_nomem(sizeof *enc, "vision encoder");
    enc->config   = *c;
    mlm_status st = make_tables(enc, q);
    for (int i = 0; i < c->n_towers && st == MLM_OK; i++) {
        char prefix[32] = "vision_tower.";
        if (c->n_towers > 1)
            (void)snprintf(prefix, sizeof prefix, "vision_tower.%d.", i);
        st = vit_model_load(&enc->tower[i], q, &c->tower[i], w, prefix);
    }
    if (st != MLM_OK) {
        vision_encoder_free(enc);
        return st;
    }
    *out = enc;
    return MLM_OK;
}

void vision_encoder_free(vision_encoder *enc)
{
    if (!enc)
        return;
    for (int i = 0; i < VISION_MAX_TOWERS; i++)
        vit_model_free(enc->tower[i]);
    kn_arena_free(&enc->arena);
    free(enc);
}

const vision_config *vision_encoder_config(const vision_encoder *enc)
{
    return &enc->config;
}

const vit_model *vision_encoder_tower(const vision_encoder *enc, int tower)
{
    return tower >= 0 && tower < enc->config.n_towers ? enc->tower[tower] : NULL;
}

/* ---- memory -------------------------------------------------------------------------------------- */

mlm_status vision_side_create(vision_side *out, kn_device *dev)
{
    memset(out, 0, sizeof *out);
    mlm_status st = kn_queue_create(&out->queue, dev);
    if (st == MLM_OK)
        st = kn_event_create(&out->begin, dev);
    if (st == MLM_OK)
        st = kn_event_create(&out->end, dev);
    if (st != MLM_OK)
        vision_side_free(out);
    return st;
}

void vision_side_free(vision_side *side)
{
    kn_event_free(side->begin);
    kn_event_free(side->end);
    kn_queue_free(side->queue);
    memset(side, 0, sizeof *side);
}

/* Towers that run one after the other lie over each other. */
void vision_scratch_take(vision_scratch *s, kn_arena *arena, const vision_config *c, int64_t B,
                         const vision_side *side)
{
    memset(s, 0, sizeof *s);
    s->views = kn_arena_take(arena, KN_U8, 2, KN_DIMS(B, (int64_t)vision_view_bytes(c->preprocess[0].size)));
    size_t start = arena->used, end = start;
    s->max_batch = B;
    s->side      = c->n_towers > 1 ? side : NULL;
    for (int i = 0; i < c->n_towers; i++) {
        if (!s->side)
            arena->used = start;
        vit_scratch_take(&s->tower[i], arena, &c->tower[i], B);
        s->pixels[i] = s->tower[i].pixels;
        end          = arena->used > end ? arena->used : end;
    }
    arena->used = end;
}

void vision_scratch_free(vision_scratch *s)
{
    for (int i = 0; i < VISION_MAX_TOWERS; i++) {
        kn_graph_free(s->graph[i]);
        s->graph[i] = NULL;
    }
}

/* ---- running ------------------------------------------------------------------------------------- */

typedef struct encode_args {
    const vision_encoder *enc;
    vision_scratch       *s;
    const float          *pixels; /* NULL: the scratch's views */
    int64_t               B;
    kn_tensor             y;
    vit_probe             probe;
    void                 *probe_payload;
} encode_args;

static mlm_status check(const encode_args *a)
{
    const vision_config *c = &a->enc->config;
    if (a->B < 1 || a->B > a->s->max_batch)
        return mlm_fail(MLM_E_RANGE, "vision encoder: %lld pictures at once, must be 1 to %lld",
                        (long long)a->B, (long long)a->s->max_batch);
    if (a->y.rank != 3 || a->y.dim[0] != a->B || a->y.dim[2] != vision_config_width(c))
        return mlm_fail(MLM_E_SHAPE, "vision encoder: the output must be [%lld,%d,%d]", (long long)a->B,
                        vision_config_n_patches(c), vision_config_width(c));
    return MLM_OK;
}

/* From [n_towers][B][3][S][S]. */
static mlm_status upload_pixels(kn_queue *q, const encode_args *a, int tower)
{
    size_t at = 0, count = 0;
    for (int i = 0; i <= tower; i++) {
        size_t side = (size_t)a->enc->config.tower[i].image_size;
        at += count;
        count = (size_t)a->B * 3 * side * side;
    }
    return kn_upload(q, kn_slice(a->s->pixels[tower], 0, 0, a->B), a->pixels + at, count * sizeof(float));
}

/* The views on the device, as tower i reads them. */
static vit_view view_of(const encode_args *a, int i)
{
    kn_tensor all    = kn_slice(a->s->views, 0, 0, a->B);
    int64_t   record = all.stride[0], S = a->enc->config.tower[i].image_size;
    vit_view  view = {.table = a->enc->table[i]};
    view.bytes     = kn_tensor_make(all.buf, all.offset + VISION_VIEW_HEAD, KN_U8, 4, KN_DIMS(a->B, S, S, 3));
    view.place     = kn_tensor_make(all.buf, all.offset, KN_I32, 2, KN_DIMS(a->B, 4));
    view.bytes.stride[0] = record;
    view.place.stride[0] = record / (int64_t)sizeof(int32_t);
    return view;
}

/* Tower i into its columns of y. */
static mlm_status run_tower(kn_queue *q, const encode_args *a, int i)
{
    vit_scratch *s      = &a->s->tower[i];
    int64_t      column = 0;
    for (int k = 0; k < i; k++)
        column += a->enc->config.tower[k].width;
    kn_tensor y       = kn_slice(a->y, 2, column, a->enc->config.tower[i].width);
    s->is_cancelled   = a->s->is_cancelled;
    s->cancel_payload = a->s->cancel_payload;
    if (a->pixels)
        return vit_forward(q, a->enc->tower[i], s, kn_slice(a->s->pixels[i], 0, 0, a->B), y, a->probe,
                           a->probe_payload);
    vit_view view = view_of(a, i);
    return vit_forward_view(q, a->enc->tower[i], s, &view, y);
}

static bool same_place(kn_tensor a, kn_tensor b)
{
    return a.buf == b.buf && a.offset == b.offset && a.dim[0] == b.dim[0];
}

static mlm_status encode_tower(kn_queue *q, const encode_args *a, int i)
{
    if (a->pixels)
        MLM_TRY(upload_pixels(q, a, i));
    else if (a->s->graph[i] && a->B == a->s->max_batch && same_place(a->y, a->s->captured))
        return kn_graph_launch(q, a->s->graph[i]);
    return run_tower(q, a, i);
}

/* The second tower on its own queue, which begins behind everything before it on q; q goes on behind both. */
static mlm_status encode_beside(kn_queue *q, const encode_args *a)
{
    const vision_side *side = a->s->side;
    MLM_TRY(kn_event_record(q, side->begin));
    MLM_TRY(kn_event_wait(side->queue, side->begin));
    mlm_status st = encode_tower(q, a, 0);
    if (st == MLM_OK)
        st = encode_tower(side->queue, a, 1);
    mlm_status joined = kn_event_record(side->queue, side->end);
    if (joined == MLM_OK)
        joined = kn_event_wait(q, side->end);
    return st != MLM_OK ? st : joined;
}

static mlm_status encode(kn_queue *q, const encode_args *a)
{
    MLM_TRY(check(a));
    if (a->s->side && !a->probe)
        return encode_beside(q, a);
    for (int i = 0; i < a->enc->config.n_towers; i++)
        MLM_TRY(encode_tower(q, a, i));
    return MLM_OK;
}

mlm_status vision_encode(kn_queue *q, const vision_encoder *enc, vision_scratch *s, const float *pixels,
                         int64_t B, kn_tensor y, vit_probe probe, void *payload)
{
    encode_args a = {enc, s, pixels, B, y, probe, payload};
    return encode(q, &a);
}

mlm_status vision_encode_views(kn_queue *q, const vision_encoder *enc, vision_scratch *s,
                               const uint8_t *const *views, int64_t B, kn_tensor y)
{
    encode_args a = {.enc = enc, .s = s, .B = B, .y = y};
    MLM_TRY(check(&a));
    for (int64_t b = 0; b < B; b++)
        MLM_TRY(kn_upload(q, kn_slice(s->views, 0, b, 1), views[b], (size_t)s->views.dim[1]));
    return encode(q, &a);
}

mlm_status vision_capture(kn_queue *q, const vision_encoder *enc, vision_scratch *s, kn_tensor y)
{
    encode_args a = {.enc = enc, .s = s, .B = s->max_batch, .y = y};
    MLM_TRY(check(&a));
    vision_scratch_free(s);
    for (int i = 0; i < enc->config.n_towers; i++) {
        kn_queue *own = i > 0 && s->side ? s->side->queue : q;
        MLM_TRY(run_tower(own, &a, i)); /* what a device prepares at the first use is not to be captured */
        MLM_TRY(kn_queue_sync(own));
        MLM_TRY(kn_capture_begin(own));
        mlm_status st   = run_tower(own, &a, i);
        mlm_status ends = kn_capture_end(own, &s->graph[i]);
        MLM_TRY(st);
        MLM_TRY(ends);
    }
    s->captured = y;
    return MLM_OK;
}
