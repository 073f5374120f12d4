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

static mlm_status mark(mlmamba_engine *eng, int stage)
{
    return kn_event_record(eng->queue, eng->mark[stage]);
}

/* Waits for the last stage. */
static mlm_status read_marks(mlmamba_engine *eng, engine_times *times)
{
    double *ms[] = {&times->vision_ms, &times->connector_ms, &times->prefill_ms};
    MLM_TRY(kn_queue_sync(eng->queue));
    for (int i = 0; i < ENGINE_MARKS - 1; i++)
        MLM_TRY(kn_event_elapsed(ms[i], eng->mark[i], eng->mark[i + 1]));
    return MLM_OK;
}

/* Enqueues towers and connector on n pictures: nothing waits between the stages.  Ends between two blocks when the ticket
 * (NULL: none) is cancelled. */
static mlm_status see(mlmamba_engine *eng, engine_picture_scratch *s, engine_picture *const *p, int n,
                      engine_ticket *ticket)
{
    kn_tensor      features = kn_slice(s->features, 0, 0, n), rows = kn_slice(s->rows, 0, 0, n);
    const uint8_t *views[ENGINE_MAX_PICTURES];
    for (int i = 0; i < n; i++)
        views[i] = p[i]->record;
    s->vision.is_cancelled   = engine_ticket_cancelled;
    s->vision.cancel_payload = ticket;
    mlm_status status        = mark(eng, 0);
    if (status == MLM_OK)
        status = vision_encode_views(eng->queue, eng->vision, &s->vision, views, n, features);
    s->vision.is_cancelled = NULL;
    MLM_TRY(status);
    MLM_TRY(mark(eng, 1));
    MLM_TRY(engine_ticket_check(ticket));
    for (int i = 0; i < n; i += s->n_joined) {
        int count = n - i < s->n_joined ? n - i : s->n_joined;
        MLM_TRY(connector_forward(eng->queue, eng->connector, s->connector, kn_slice(features, 0, i, count),
                                  kn_slice(rows, 0, i, count), NULL, NULL));
    }
    MLM_TRY(mark(eng, 2));
    return engine_ticket_check(ticket);
}

/* From the towers to the state, and with a question behind it to the working row's state and logits. */
static mlm_status look(engine_picture *p, mlmamba_engine *eng, const token_list *question, lm_state *state,
                       engine_ticket *ticket)
{
    lm_prefill_args a   = {.x              = eng->picture.rows,
                           .n_rows         = 1,
                           .n_tokens       = eng->config.n_image_tokens,
                           .is_cancelled   = engine_ticket_cancelled,
                           .cancel_payload = ticket};
    lm_state       *end = state;
    if (question != NULL) {
        a.ids     = question->ids;
        a.n_ids   = (int)question->count;
        a.between = state;
        a.logits  = eng->one.logits;
        end       = eng->one.state;
    }
    MLM_TRY(see(eng, &eng->picture, &p, 1, ticket));
    MLM_TRY(lm_state_reset(eng->queue, end));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->one.lm, end, &a));
    return mark(eng, 3);
}

mlm_status engine_picture_run_with(engine_picture *p, mlmamba_engine *eng, const token_list *question,
                                   double *question_ms, engine_times *times, engine_ticket *ticket)
{
    lm_state    *state = NULL;
    engine_times ms    = *times;
    MLM_TRY(engine_ticket_check(ticket));
    MLM_TRY(lm_state_take(&state, eng->states));
    mlm_status status = look(p, eng, question, state, ticket);
    if (status == MLM_OK)
        status = read_marks(eng, &ms);
    if (status != MLM_OK) {
        lm_state_free(state);
        return status;
    }
    if (question != NULL) {
        double n     = (double)question->count;
        *question_ms = ms.prefill_ms * n / (n + eng->config.n_image_tokens);
        ms.prefill_ms -= *question_ms;
    }
    p->state   = state;
    p->is_seen = true;
    *times     = ms;
    return MLM_OK;
}

mlm_status engine_picture_run(engine_picture *p, mlmamba_engine *eng, engine_times *times,
                              engine_ticket *ticket)
{
    return engine_picture_run_with(p, eng, NULL, NULL, times, ticket);
}

mlm_status engine_pictures_run(mlmamba_engine *eng, engine_picture *const *p, int n, int first_row,
                               engine_times *times)
{
    lm_prefill_args a = {.x         = kn_slice(eng->pictures.rows, 0, 0, n),
                         .n_rows    = n,
                         .n_tokens  = eng->config.n_image_tokens,
                         .first_row = first_row};
    MLM_TRY(see(eng, &eng->pictures, p, n, NULL));
    MLM_TRY(lm_state_reset_rows(eng->queue, eng->many.state, first_row, n));
    MLM_TRY(lm_prefill(eng->queue, eng->lm, eng->many.lm, eng->many.state, &a));
    MLM_TRY(mark(eng, 3));
    MLM_TRY(read_marks(eng, times));
    for (int i = 0; i < n; i++)
        p[i]->is_seen = true;
    return MLM_OK;
}
