/*
 * engine_picture.c: decoded pixels -> view (prepare) -> patch features -> connector rows -> recurrent state (run).
 * The state (constant size, whatever the picture) is all that later questions need.
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

engine_picture *engine_picture_share(engine_picture *p)
{
    if (p != NULL)
        (void)atomic_fetch_add(&p->refs, 1);
    return p;
}

void engine_picture_drop(engine_picture *p)
{
    if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    lm_state_free(p->state);
    free(p->record);
    free(p);
}

const char *engine_format_name(const char *name)
{
    for (int i = 0; i < VISION_FORMAT_COUNT; i++)
        if (strcmp(vision_format_name((vision_format)i), name) == 0)
            return vision_format_name((vision_format)i);
    return NULL;
}

const char *engine_fit_name(const char *name)
{
    for (int i = VISION_FIT_NAIVE; i <= VISION_FIT_LETTERBOX; i++)
        if (strcmp(vision_fit_name((vision_fit)i), name) == 0)
            return vision_fit_name((vision_fit)i);
    return NULL;
}

const uint8_t *engine_picture_view(const engine_picture *p)
{
    return p->record != NULL ? p->record + VISION_VIEW_HEAD : NULL;
}

static mlm_status preprocess(engine_picture *p, const mlmamba_engine *eng, const vision_image *img,
                             mlmamba_fit fit)
{
    vision_preprocess first = eng->config.vision.preprocess[0];
    int               side  = first.size;
    size_t            bytes = vision_view_bytes(side);
    vision_placement  place = {0};
    p->record               = calloc(1, bytes);
    if (p->record == NULL)
        return mlm_fail_nomem(bytes, "view of the picture");
    if (mlmamba_fit_name(fit) == NULL)
        return mlm_fail(MLM_E_RANGE, "there is no fit %d", (int)fit);
    if (fit != MLMAMBA_FIT_MODEL)
        first.fit = fit == MLMAMBA_FIT_NAIVE  ? VISION_FIT_NAIVE
                    : fit == MLMAMBA_FIT_CROP ? VISION_FIT_CROP
                                              : VISION_FIT_LETTERBOX;
    MLM_TRY(vision_preprocess_run(&first, img, NULL, p->record + VISION_VIEW_HEAD, &place, eng->threads));
    vision_view_set_place(p->record, &place);
    p->info = (mlmamba_image_info){
        .width       = img->width,
        .height      = img->height,
        .format      = vision_format_name(img->format),
        .orientation = img->orientation,
        .rotated     = img->rotated,
        .n_tokens    = eng->config.n_image_tokens,
        .view_size   = side,
        .view_x      = place.x,
        .view_y      = place.y,
        .view_width  = place.width,
        .view_height = place.height,
        .src_x       = place.src_x,
        .src_y       = place.src_y,
        .src_width   = place.src_w,
        .src_height  = place.src_h,
        .fit         = vision_fit_name(first.fit),
    };
    return MLM_OK;
}

mlm_status engine_picture_prepare(engine_picture **out, const mlmamba_engine *eng, const vision_image *img,
                                  mlmamba_fit fit, engine_times *times)
{
    double start = mlm_now_ms();
    *out         = NULL;
    if (!eng->config.has_vision)
        return mlm_fail(MLM_E_STATE,
                        "%s is a language model alone: it takes text (mlmamba complete), no pictures",
                        eng->model_dir);
    engine_picture *p = calloc(1, sizeof *p);
    if (p == NULL)
        return mlm_fail_nomem(sizeof *p, "picture");
    atomic_init(&p->refs, 1);
    mlm_status status = preprocess(p, eng, img, fit);
    if (status != MLM_OK) {
        engine_picture_drop(p);
        return status;
    }
    times->preprocess_ms = mlm_now_ms() - start;
    *out                 = p;
    return MLM_OK;
}

static double lap(double *since)
{
    double now = mlm_now_ms(), ms = now - *since;
    *since = now;
    return ms;
}

/* The towers on n pictures.  Ends between two blocks when the ticket (NULL: none) is cancelled. */
static mlm_status see(mlmamba_engine *eng, engine_picture_scratch *s, engine_picture *const *p, int n,
                      engine_ticket *ticket)
{
    const uint8_t *views[ENGINE_MAX_PICTURES];
    for (int i = 0; i < n; i++)
        views[i] = p[i]->record;
    s->vision.is_cancelled   = engine_ticket_cancelled;
    s->vision.cancel_payload = ticket;
    mlm_status status =
        vision_encode_views(eng->queue, eng->vision, &s->vision, views, n, kn_slice(s->features, 0, 0, n));
    mlm_status synced      = kn_queue_sync(eng->queue);
    s->vision.is_cancelled = NULL;
    MLM_TRY(status);
    MLM_TRY(synced);
    for (int i = 0; i < n; i++)
        p[i]->is_seen = true;
    return MLM_OK;
}

mlm_status engine_picture_run(engine_picture *p, mlmamba_engine *eng, engine_times *times,
                              engine_ticket *ticket)
{
    engine_picture_scratch *s     = &eng->picture;
    double                  clock = mlm_now_ms();
    MLM_TRY(engine_ticket_check(ticket));
    MLM_TRY(see(eng, s, &p, 1, ticket));
    times->vision_ms = lap(&clock);
    MLM_TRY(engine_ticket_check(ticket));
    MLM_TRY(connector_forward(eng->queue, eng->connector, s->connector, s->features, s->rows, NULL, NULL));
    MLM_TRY(kn_queue_sync(eng->queue));
    times->connector_ms = lap(&clock);

    lm_prefill_args a = {.x              = s->rows,
                         .n_rows         = 1,
                         .n_tokens       = eng->config.n_image_tokens,
                         .is_cancelled   = engine_ticket_cancelled,
                         .cancel_payload = ticket};
    MLM_TRY(engine_ticket_check(ticket));
    MLM_TRY(lm_state_take(&p->state, eng->states));
    MLM_TRY(lm_state_reset(eng->queue, p->state));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->one.lm, p->state, &a));
    MLM_TRY(kn_queue_sync(eng->queue));
    times->prefill_ms = lap(&clock);
    return MLM_OK;
}

mlm_status engine_pictures_run(mlmamba_engine *eng, engine_picture *const *p, int n, int first_row,
                               engine_times *times)
{
    engine_picture_scratch *s        = &eng->pictures;
    kn_tensor               features = kn_slice(s->features, 0, 0, n), rows = kn_slice(s->rows, 0, 0, n);
    double                  clock = mlm_now_ms();
    MLM_TRY(see(eng, s, p, n, NULL));
    times->vision_ms = lap(&clock);
    MLM_TRY(connector_forward(eng->queue, eng->connector, s->connector, features, rows, NULL, NULL));
    MLM_TRY(kn_queue_sync(eng->queue));
    times->connector_ms = lap(&clock);
    lm_prefill_args a   = {
          .x = rows, .n_rows = n, .n_tokens = eng->config.n_image_tokens, .first_row = first_row};
    MLM_TRY(lm_state_reset_rows(eng->queue, eng->many.state, first_row, n));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->many.lm, eng->many.state, &a));
    MLM_TRY(kn_queue_sync(eng->queue));
    times->prefill_ms = lap(&clock);
    return MLM_OK;
}
