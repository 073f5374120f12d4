/*
 * bench_stage.c: parts of the engine, alone, on the engine's own queue and weights: each tower, the connector, a prefill,
 * a step with its choice, copies of states.  A call ends when the device has done it.
 */
#include "app/engine/bench_private.h"
#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures ----------------------------------------------------------------------------------- */

#define BENCH_MAX_PICTURES 256

typedef struct picture_stage {
    engine_picture_scratch scratch;
    uint8_t               *views; /* [n] of vision_view_bytes */
    int                    n, tower;
} picture_stage;

static mlm_status run_tower(bench *b, void *payload)
{
    picture_stage    *s      = payload;
    mlmamba_engine   *e      = b->eng;
    const vit_config *c      = &e->config.vision.tower[s->tower];
    int64_t           column = s->tower == 0 ? 0 : e->config.vision.tower[0].width;
    kn_tensor         in     = kn_slice(s->scratch.vision.pixels[s->tower], 0, 0, s->n); /* any */
    MLM_TRY(vit_forward(
        e->queue, vision_encoder_tower(e->vision, s->tower), &s->scratch.vision.tower[s->tower], in,
        kn_slice(kn_slice(s->scratch.features, 0, 0, s->n), 2, column, c->width), NULL, NULL));
    return kn_queue_sync(e->queue);
}

static mlm_status run_vision(bench *b, void *payload)
{
    picture_stage *s = payload;
    const uint8_t *views[BENCH_MAX_PICTURES];
    for (int i = 0; i < s->n; i++)
        views[i] = s->views + (size_t)i * vision_view_bytes(b->eng->config.vision.preprocess[0].size);
    MLM_TRY(vision_encode_views(b->eng->queue, b->eng->vision, &s->scratch.vision, views, s->n,
                                kn_slice(s->scratch.features, 0, 0, s->n)));
    return kn_queue_sync(b->eng->queue);
}

static mlm_status run_connector(bench *b, void *payload)
{
    picture_stage *s = payload;
    MLM_TRY(connector_forward(b->eng->queue, b->eng->connector, s->scratch.connector,
                              kn_slice(s->scratch.features, 0, 0, s->n),
                              kn_slice(s->scratch.rows, 0, 0, s->n), NULL, NULL));
    return kn_queue_sync(b->eng->queue);
}

static mlm_status add_pictures(bench *b, picture_stage *s)
{
    const vision_config *c = &b->eng->config.vision;
    for (s->tower = 0; s->tower < c->n_towers && c->n_towers > 1; s->tower++) {
        bench_line line = {.batch = s->n,
                           .bytes = b->work.tower[s->tower].bytes,
                           .flops = b->work.tower[s->tower].flops * s->n};
        (void)snprintf(line.name, sizeof line.name, "tower%d", s->tower);
        (void)snprintf(line.text, sizeof line.text, "vision tower %d", s->tower);
        MLM_TRY(bench_time(&line.ms, b, 1, run_tower, s));
        MLM_TRY(bench_add(b, &line));
    }
    engine_amount work = bench_vision_work(b, s->n), conn = bench_connector_work(b, s->n);
    bench_line    line = {.name = "towers", .batch = s->n, .bytes = work.bytes, .flops = work.flops};
    (void)snprintf(line.text, sizeof line.text, "%s, pixels from the host",
                   c->n_towers > 1 ? "both towers" : "vision tower");
    MLM_TRY(bench_time(&line.ms, b, 1, run_vision, s));
    MLM_TRY(bench_add(b, &line));
    bench_line next = {
        .name = "connector", .text = "connector", .batch = s->n, .bytes = conn.bytes, .flops = conn.flops};
    MLM_TRY(bench_time(&next.ms, b, 1, run_connector, s));
    return bench_add(b, &next);
}

static mlm_status time_pictures(bench *b, int n)
{
    mlmamba_engine *e     = b->eng;
    picture_stage   s     = {.n = n};
    int             side  = e->config.vision.preprocess[0].size;
    size_t          bytes = vision_view_bytes(side), count = (size_t)n * bytes;
    mlm_status      status = engine_picture_scratch_create(&s.scratch, e, n);
    if (status == MLM_OK && (kn_device_caps(e->dev) & KN_CAP_GRAPHS))
        status = vision_capture(e->queue, e->vision, &s.scratch.vision, s.scratch.features);
    s.views = malloc(count);
    if (status == MLM_OK && s.views == NULL)
        status = mlm_fail_nomem(count, "pixels");
    for (size_t i = 0; s.views != NULL && i < count; i++)
        s.views[i] = (uint8_t)(i * 2654435761u >> 13 & 255);
    for (size_t i = 0; s.views != NULL && i < count; i += bytes)
        vision_view_set_place(s.views + i, &(vision_placement){.width = side, .height = side});
    if (status == MLM_OK)
        status = add_pictures(b, &s);
    engine_picture_scratch_free(&s.scratch);
    free(s.views);
    return status;
}

/* ---- the language model ------------------------------------------------------------------------- */

typedef struct text_stage {
    engine_scratch *scratch;
    kn_tensor       ids;
    int32_t        *host; /* ids of a prefill, or those that come back */
    int             n, tokens;
} text_stage;

static mlm_status run_prefill(bench *b, void *payload)
{
    text_stage     *s = payload;
    lm_prefill_args a = {.ids      = s->host,
                         .n_rows   = s->n,
                         .n_tokens = s->tokens,
                         .logits   = kn_slice(s->scratch->logits, 0, 0, s->n)};
    MLM_TRY(lm_prefill(b->eng->queue, b->eng->lm, s->scratch->lm, s->scratch->state, &a));
    return kn_queue_sync(b->eng->queue);
}

static mlm_status time_prefill(bench *b, int rows, int tokens)
{
    mlmamba_engine *e     = b->eng;
    size_t          count = (size_t)rows * (size_t)tokens;
    engine_amount   work  = bench_prefill_work(b, rows, tokens);
    text_stage      s     = {.scratch = rows > 1 ? &e->many : &e->one, .n = rows, .tokens = tokens};
    bench_line      line  = {.name   = "prefill",
                             .text   = "prefill",
                             .batch  = rows,
                             .tokens = tokens,
                             .bytes  = work.bytes,
                             .flops  = work.flops,
                             .unit   = "tok/s"};
    s.host                = malloc(count * sizeof *s.host);
    if (s.host == NULL)
        return mlm_fail_nomem(count * sizeof *s.host, "ids");
    for (size_t i = 0; i < count; i++)
        s.host[i] = (int32_t)(i * 7919 % (size_t)e->config.text.vocab_size);
    mlm_status status = bench_time(&line.ms, b, 1, run_prefill, &s);
    free(s.host);
    MLM_TRY(status);
    line.rate = line.ms > 0 ? (double)count / line.ms * 1e3 : 0;
    return bench_add(b, &line);
}

/* As a program needs it: the step, the choice, the ids to the host. */
static mlm_status run_step(bench *b, void *payload)
{
    text_stage    *s      = payload;
    kn_tensor      logits = kn_slice(s->scratch->logits, 0, 0, s->n);
    kn_argmax_args best   = {.x = logits, .ids = s->ids, .n_valid = b->eng->config.text.vocab_size};
    MLM_TRY(lm_step(b->eng->queue, b->eng->lm, s->scratch->lm, s->scratch->state, s->ids, logits));
    MLM_TRY(kn_argmax(b->eng->queue, &best));
    return kn_download(b->eng->queue, s->host, s->ids, (size_t)s->n * sizeof *s->host);
}

static mlm_status time_step(bench *b, int rows)
{
    mlmamba_engine *e   = b->eng;
    kn_buffer      *buf = NULL;
    int32_t         host[ENGINE_MAX_BATCH];
    engine_amount   work = bench_step_work(b, rows);
    text_stage      s    = {.scratch = rows > 1 ? &e->many : &e->one, .n = rows, .host = host};
    bench_line      line = {.name  = "step",
                            .text  = "the model's step and the choice",
                            .batch = rows,
                            .bytes = work.bytes,
                            .flops = work.flops,
                            .unit  = "tok/s"};
    for (int i = 0; i < rows; i++)
        host[i] = i + 1;
    MLM_TRY(kn_buffer_create(&buf, e->dev, sizeof host));
    s.ids             = kn_tensor_make(buf, 0, KN_I32, 1, KN_DIMS(rows));
    mlm_status status = lm_state_reset_rows(e->queue, s.scratch->state, 0, rows);
    if (status == MLM_OK)
        status = kn_upload(e->queue, s.ids, host, (size_t)rows * sizeof *host);
    if (status == MLM_OK)
        status = bench_time(&line.ms, b, b->a->n_tokens < 16 ? b->a->n_tokens : 16, run_step, &s);
    kn_buffer_free(buf);
    MLM_TRY(status);
    line.rate = line.ms > 0 ? rows / line.ms * 1e3 : 0;
    return bench_add(b, &line);
}

/* ---- states ------------------------------------------------------------------------------------- */

static mlm_status run_fork(bench *b, void *payload)
{
    int *rows = payload;
    for (int i = 0; i < *rows; i++)
        MLM_TRY(lm_state_copy_row(b->eng->queue, b->eng->many.state, i, b->eng->one.state, 0));
    return kn_queue_sync(b->eng->queue);
}

/* Writing takes as long as reading. */
static mlm_status time_fork(bench *b, int rows)
{
    bench_line line = {.name  = "fork",
                       .text  = "one state copied to many rows",
                       .batch = rows,
                       .bytes = 2.0 * rows * b->work.state_bytes};
    MLM_TRY(bench_time(&line.ms, b, 1, run_fork, &rows));
    return bench_add(b, &line);
}

static mlm_status time_text(bench *b)
{
    const bench_args *a = b->a;
    for (int i = 0; i < a->n_prefills; i++) {
        int rows = a->prefill[2 * i], tokens = a->prefill[2 * i + 1];
        if (tokens == 0)
            tokens = b->eng->config.n_image_tokens + 40;
        if (bench_wants(b, "prefill") && (rows == 1 || rows <= b->eng->many.n_rows))
            MLM_TRY(time_prefill(b, rows, tokens));
    }
    for (int i = 0; i < a->n_batches && bench_wants(b, "step"); i++)
        MLM_TRY(time_step(b, a->batch[i]));
    int most = b->eng->many.n_rows < 64 ? b->eng->many.n_rows : 64;
    return most > 1 && bench_wants(b, "fork") ? time_fork(b, most) : MLM_OK;
}

mlm_status bench_stages(bench *b)
{
    mlm_status status = MLM_OK;
    MLM_TRY(engine_lock(b->eng));
    bool pictures = b->eng->config.has_vision && bench_wants(b, "towers");
    if (pictures)
        status = time_pictures(b, 1);
    if (status == MLM_OK && pictures && b->a->n_pictures > 1)
        status = time_pictures(b, b->a->n_pictures);
    if (status == MLM_OK)
        status = time_text(b);
    engine_unlock(b->eng);
    return status;
}
