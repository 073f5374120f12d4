/*
 * perf_vision.c: the picture's side of ML-Mamba with random weights of the true shapes: DINOv2-L/14-reg4 and SigLIP
 * SO400M/14 at 384 px, and the bidirectional connector with its SwiGLUs, each in a captured graph.
 *
 *   perf_vision [--device cuda:N] [--act bf16|f32] [--batch N] [--turn FILE]
 *               [--only TEXT]    stages whose names contain it
 *               [--loop SECONDS] instead of times: each stage as long as that
 *
 * The floor of a stage is its multiply-adds at the card's largest measured product (performance.md).
 */
#include "fusion/connector_private.h"
#include "tests/perf/perf_random.h"
#include "vision/vit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEAK_TFLOPS 788.4

typedef struct bench {
    kn_device         *dev;
    kn_queue          *q, *side;
    kn_event          *fork, *join;
    perf_weights       weights;
    kn_arena           arena, scratch;
    vit_model          tower[2];
    vit_scratch        room[2];
    connector          fusion;
    connector_scratch *fusion_room;
    kn_tensor          pixels, features, rows;
    kn_dtype           act;
    int                B;
    const char        *only, *turn; /* perf_wait_turn */
    double             loop;        /* seconds; 0: times */
} bench;

static const vit_config towers[2] = {{.image_size   = 384,
                                      .patch_size   = 14,
                                      .width        = 1024,
                                      .n_layers     = 24,
                                      .n_heads      = 16,
                                      .mlp_dim      = 4096,
                                      .n_registers  = 4,
                                      .class_token  = true,
                                      .patch_bias   = true,
                                      .pos_grid     = 27,
                                      .n_blocks_run = 23,
                                      .act          = KN_ACT_GELU_ERF,
                                      .norm_eps     = 1e-6f},
                                     {.image_size   = 384,
                                      .patch_size   = 14,
                                      .width        = 1152,
                                      .n_layers     = 27,
                                      .n_heads      = 16,
                                      .mlp_dim      = 4304,
                                      .patch_bias   = true,
                                      .pos_grid     = 27,
                                      .n_blocks_run = 26,
                                      .act          = KN_ACT_GELU_ERF,
                                      .norm_eps     = 1e-6f}};

/* ---- models -------------------------------------------------------------------------------------- */

static mlm_status take(bench *b, kn_tensor *out, kn_dtype dtype, int rank, const int64_t *dim, float low,
                       float high)
{
    *out = kn_arena_take(&b->arena, dtype, rank, dim);
    if (b->arena.buf == NULL)
        return MLM_OK;
    MLM_TRY(kn_arena_check(&b->arena, "vectors"));
    return perf_fill(b->q, *out, low, high);
}

static mlm_status norm(bench *b, kn_tensor *w, kn_tensor *bias, int64_t n)
{
    MLM_TRY(take(b, w, KN_F32, 1, &n, 0.5f, 1.5f));
    return bias ? take(b, bias, KN_F32, 1, &n, -0.1f, 0.1f) : MLM_OK;
}

static mlm_status linear(bench *b, kn_matrix **w, kn_tensor *bias, kn_dtype bias_dtype, int64_t out,
                         int64_t in)
{
    if (b->arena.buf != NULL)
        MLM_TRY(perf_matrix(w, b->dev, &b->weights, KN_BF16, out, in, (unsigned)(out * 31 + in)));
    return bias ? take(b, bias, bias_dtype, 1, &out, -0.1f, 0.1f) : MLM_OK;
}

static mlm_status make_tower(bench *b, vit_model *m, const vit_config *config)
{
    m->config       = *config;
    m->config.dtype = b->act;
    int64_t D = config->width, F = config->mlp_dim, n = vit_n_patches(config);
    if (m->blocks == NULL)
        m->blocks = calloc((size_t)config->n_blocks_run, sizeof *m->blocks);
    if (m->blocks == NULL)
        return mlm_fail_nomem(sizeof *m->blocks, "blocks");
    MLM_TRY(linear(b, &m->patch, &m->patch_b, b->act, D, 588));
    MLM_TRY(take(b, &m->pos, b->act, 2, KN_DIMS(n, D), -0.1f, 0.1f));
    if (vit_n_prefix(config) > 0)
        MLM_TRY(take(b, &m->prefix, KN_F32, 2, KN_DIMS(vit_n_prefix(config), D), -0.1f, 0.1f));
    for (int i = 0; i < config->n_blocks_run; i++) {
        vit_block *k = &m->blocks[i];
        MLM_TRY(norm(b, &k->norm1_w, &k->norm1_b, D));
        MLM_TRY(norm(b, &k->norm2_w, &k->norm2_b, D));
        MLM_TRY(linear(b, &k->qkv, &k->qkv_b, b->act, 3 * D, D));
        MLM_TRY(linear(b, &k->proj, &k->proj_b, b->act, D, D));
        MLM_TRY(linear(b, &k->fc1, &k->fc1_b, b->act, F, D));
        MLM_TRY(linear(b, &k->fc2, &k->fc2_b, b->act, D, F));
    }
    return MLM_OK;
}

static connector_config fusion_config(kn_dtype act)
{
    connector_config c = {.type       = CONNECTOR_BIDIRECTIONAL,
                          .n_tokens   = 729,
                          .grid       = 27,
                          .d_in       = 2176,
                          .d_out      = 2560,
                          .act        = KN_ACT_GELU_ERF,
                          .n_layers   = 2,
                          .width      = 2560,
                          .layer_norm = true,
                          .norm_eps   = 1e-5f,
                          .swiglu_dim = 2560,
                          .n_proj     = 3,
                          .proj_dim   = {10240, 2560, 2560}};
    c.mixer            = (mamba2_config){.d_model      = 2560,
                                         .d_inner      = 5120,
                                         .n_heads      = 80,
                                         .head_dim     = 64,
                                         .d_state      = 128,
                                         .n_groups     = 1,
                                         .conv_kernel  = 4,
                                         .n_directions = 2,
                                         .merge        = MAMBA2_MEAN_OF_NORMED,
                                         .norm_eps     = 1e-5f,
                                         .act          = act};
    return c;
}

static mlm_status make_layer(bench *b, connector_layer *y, const connector_config *c)
{
    const mamba2_config *m = &c->mixer;
    int64_t              C = mamba2_conv_channels(m);
    MLM_TRY(linear(b, &y->in_proj, NULL, b->act, mamba2_in_rows(m), m->d_model));
    MLM_TRY(linear(b, &y->out_proj, NULL, b->act, m->d_model, m->d_inner));
    y->mixer.in_proj  = y->in_proj;
    y->mixer.out_proj = y->out_proj;
    MLM_TRY(norm(b, &y->mixer.norm, NULL, m->d_inner));
    for (int d = 0; d < 2; d++) {
        MLM_TRY(take(b, &y->mixer.dir[d].conv_w, KN_F32, 2, KN_DIMS(C, 4), -0.5f, 0.5f));
        MLM_TRY(take(b, &y->mixer.dir[d].conv_b, KN_F32, 1, KN_DIMS(C), -0.1f, 0.1f));
        MLM_TRY(take(b, &y->mixer.dir[d].a, KN_F32, 1, KN_DIMS(m->n_heads), -16.0f, -1.0f));
        MLM_TRY(take(b, &y->mixer.dir[d].d, KN_F32, 1, KN_DIMS(m->n_heads), 0.5f, 1.5f));
        MLM_TRY(take(b, &y->mixer.dir[d].dt_bias, KN_F32, 1, KN_DIMS(m->n_heads), -6.0f, -2.0f));
    }
    MLM_TRY(norm(b, &y->norm.w, &y->norm.b, c->width));
    MLM_TRY(linear(b, &y->gate_up.w, &y->gate_up.bias, b->act, 2 * (int64_t)c->swiglu_dim, c->width));
    return linear(b, &y->down.w, &y->down.bias, b->act, c->width, c->swiglu_dim);
}

static mlm_status make_order(bench *b, kn_tensor *order)
{
    int32_t back[729];
    *order = kn_arena_take(&b->arena, KN_I32, 1, KN_DIMS(729));
    for (int i = 0; i < 729; i++)
        back[i] = 728 - i;
    return b->arena.buf == NULL ? MLM_OK : kn_upload(b->q, *order, back, sizeof back);
}

static mlm_status make_fusion(bench *b)
{
    connector *m = &b->fusion;
    m->config    = fusion_config(b->act);
    int64_t in   = 2560;
    MLM_TRY(linear(b, &m->first.w, &m->first.bias, b->act, 2560, 2176));
    MLM_TRY(make_order(b, &m->order[1]));
    for (int i = 0; i < m->config.n_layers; i++)
        MLM_TRY(make_layer(b, &m->layer[i], &m->config));
    MLM_TRY(norm(b, &m->norm.w, &m->norm.b, 2560));
    for (int i = 0; i < m->config.n_proj; i++) {
        int64_t out = m->config.proj_dim[i];
        MLM_TRY(linear(b, &m->proj[i].w, &m->proj[i].bias, i == 2 ? KN_F32 : b->act, out, in));
        in = out;
    }
    return MLM_OK;
}

static mlm_status make_models(bench *b)
{
    int64_t B = b->B;
    for (int i = 0; i < 2; i++)
        MLM_TRY(make_tower(b, &b->tower[i], &towers[i]));
    MLM_TRY(make_fusion(b));
    MLM_TRY(take(b, &b->pixels, KN_F32, 4, KN_DIMS(B, 3, 384, 384), -2.0f, 2.0f));
    b->features = kn_arena_take(&b->arena, b->act, 3, KN_DIMS(B, 729, 2176));
    b->rows     = kn_arena_take(&b->arena, KN_F32, 3, KN_DIMS(B, 729, 2560));
    return MLM_OK;
}

static mlm_status take_scratch(bench *b)
{
    for (int i = 0; i < 2; i++)
        vit_scratch_take(&b->room[i], &b->scratch, &b->tower[i].config, b->B);
    connector_scratch_free(b->fusion_room);
    return connector_scratch_create(&b->fusion_room, &b->scratch, &b->fusion.config, b->B);
}

static mlm_status make_all(bench *b)
{
    kn_arena measure;
    MLM_TRY(kn_queue_create(&b->q, b->dev));
    MLM_TRY(kn_queue_create(&b->side, b->dev));
    MLM_TRY(kn_event_create(&b->fork, b->dev));
    MLM_TRY(kn_event_create(&b->join, b->dev));
    MLM_TRY(perf_weights_create(&b->weights, (size_t)10576 * 2560 + (4u << 20)));
    kn_arena_measure(&b->arena, b->dev);
    MLM_TRY(make_models(b));
    measure = b->arena;
    MLM_TRY(kn_arena_create(&b->arena, b->dev, measure.used));
    MLM_TRY(make_models(b));
    kn_arena_measure(&b->scratch, b->dev);
    MLM_TRY(take_scratch(b));
    measure = b->scratch;
    MLM_TRY(kn_arena_create(&b->scratch, b->dev, measure.used));
    return take_scratch(b);
}

/* ---- stages -------------------------------------------------------------------------------------- */

static mlm_status run_tower(kn_queue *q, bench *b, int i)
{
    kn_tensor y = kn_slice(b->features, 2, i == 0 ? 0 : 1024, towers[i].width);
    return vit_forward(q, &b->tower[i], &b->room[i], b->pixels, y, NULL, NULL);
}

static mlm_status run_first(kn_queue *q, int i, void *payload)
{
    (void)i;
    return run_tower(q, payload, 0);
}

static mlm_status run_second(kn_queue *q, int i, void *payload)
{
    (void)i;
    return run_tower(q, payload, 1);
}

static mlm_status run_in_turn(kn_queue *q, int i, void *payload)
{
    (void)i;
    MLM_TRY(run_tower(q, payload, 0));
    return run_tower(q, payload, 1);
}

static mlm_status run_beside(kn_queue *q, int i, void *payload)
{
    bench *b = payload;
    (void)i;
    MLM_TRY(kn_event_record(q, b->fork));
    MLM_TRY(kn_event_wait(b->side, b->fork));
    MLM_TRY(run_tower(b->side, b, 0));
    MLM_TRY(kn_event_record(b->side, b->join));
    MLM_TRY(run_tower(q, b, 1));
    return kn_event_wait(q, b->join);
}

static mlm_status run_fusion(kn_queue *q, int i, void *payload)
{
    bench *b = payload;
    (void)i;
    return connector_forward(q, &b->fusion, b->fusion_room, b->features, b->rows, NULL, NULL);
}

static double tower_flops(const vit_config *c)
{
    double n = vit_n_patches(c), T = n + vit_n_prefix(c), D = c->width, F = c->mlp_dim;
    return 2.0 * n * 588.0 * D + c->n_blocks_run * (2.0 * T * (4.0 * D * D + 2.0 * D * F) + 4.0 * T * T * D);
}

static double fusion_flops(void)
{
    double products = 2176.0 * 2560.0 + 2560.0 * 10240.0 * 2.0 + 2560.0 * 2560.0 +
                      2.0 * (2560.0 * 10576.0 + 5120.0 * 2560.0 + 3.0 * 2560.0 * 2560.0);
    double scan = 2.0 * 2.0 * 80.0 * (64.0 * 128.0 + 64.0 * 64.0 + 2.0 * 64.0 * 128.0); /* chunks of 64 */
    return 729.0 * 2.0 * (products + scan);
}

static mlm_status time_stage(bench *b, const char *name, perf_fn run, double flops)
{
    double us = 0.0;
    if (b->only && !strstr(name, b->only))
        return MLM_OK;
    if (b->loop > 0.0)
        return perf_loop(b->q, name, run, b, b->loop);
    MLM_TRY(perf_time(&us, b->q, run, b, b->B > 8 ? 1 : 4));
    double done = flops * b->B, floor_us = done / PEAK_TFLOPS * 1e-6;
    printf("%-28s batch %2d  %8.3f ms  %6.1f TFLOP/s  floor %7.3f ms = %4.1f %%\n", name, b->B, us * 1e-3,
           done / us * 1e-6, floor_us * 1e-3, 100.0 * floor_us / us);
    fflush(stdout);
    return MLM_OK;
}

/* Finite, and the same in every run: printed so that two builds can be compared. */
static mlm_status print_sum(bench *b)
{
    size_t n    = (size_t)kn_count(b->rows);
    float *host = malloc(n * sizeof *host);
    double sum = 0.0, square = 0.0;
    if (!host)
        return mlm_fail_nomem(n * sizeof *host, "rows");
    mlm_status st = kn_download(b->q, host, b->rows, n * sizeof *host);
    for (size_t i = 0; i < n; i++)
        sum += (double)host[i], square += (double)host[i] * (double)host[i];
    printf("rows for the language model: sum %.6g, mean square %.6g\n", sum, square / (double)n);
    free(host);
    return st;
}

static mlm_status run(bench *b)
{
    double first = tower_flops(&towers[0]), second = tower_flops(&towers[1]);
    MLM_TRY(make_all(b));
    MLM_TRY(perf_wait_turn(b->turn));
    MLM_TRY(time_stage(b, "DINOv2-L/14-reg4, 23 blocks", run_first, first));
    MLM_TRY(time_stage(b, "SigLIP SO400M/14, 26 blocks", run_second, second));
    MLM_TRY(time_stage(b, "both in turn", run_in_turn, first + second));
    MLM_TRY(time_stage(b, "both on two queues", run_beside, first + second));
    MLM_TRY(time_stage(b, "connector", run_fusion, fusion_flops()));
    return b->only ? MLM_OK : print_sum(b);
}

static void close_bench(bench *b)
{
    for (int t = 0; t < 2; t++) {
        for (int i = 0; b->tower[t].blocks && i < towers[t].n_blocks_run; i++) {
            vit_block *k = &b->tower[t].blocks[i];
            kn_matrix_free(k->qkv);
            kn_matrix_free(k->proj);
            kn_matrix_free(k->fc1);
            kn_matrix_free(k->fc2);
        }
        kn_matrix_free(b->tower[t].patch);
        free(b->tower[t].blocks);
    }
    for (int i = 0; i < b->fusion.config.n_layers; i++) {
        kn_matrix_free(b->fusion.layer[i].in_proj);
        kn_matrix_free(b->fusion.layer[i].out_proj);
        kn_matrix_free(b->fusion.layer[i].gate_up.w);
        kn_matrix_free(b->fusion.layer[i].down.w);
    }
    for (int i = 0; i < CONNECTOR_MAX_PROJ; i++)
        kn_matrix_free(b->fusion.proj[i].w);
    kn_matrix_free(b->fusion.first.w);
    connector_scratch_free(b->fusion_room);
    kn_arena_free(&b->arena);
    kn_arena_free(&b->scratch);
    perf_weights_free(&b->weights);
    if (b->fork)
        kn_event_free(b->fork);
    if (b->join)
        kn_event_free(b->join);
    kn_queue_free(b->side);
    kn_queue_free(b->q);
    kn_device_close(b->dev);
}

int main(int argc, char **argv)
{
    bench             b   = {.act = KN_BF16, .B = 1};
    kn_device_options opt = {.name = "cuda"};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--device") == 0)
            opt.name = argv[i + 1];
        else if (strcmp(argv[i], "--act") == 0)
            b.act = strcmp(argv[i + 1], "bf16") == 0 ? KN_BF16 : KN_F32;
        else if (strcmp(argv[i], "--only") == 0)
            b.only = argv[i + 1];
        else if (strcmp(argv[i], "--turn") == 0)
            b.turn = argv[i + 1];
        else if (strcmp(argv[i], "--loop") == 0)
            b.loop = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--batch") == 0)
            b.B = (int)strtol(argv[i + 1], NULL, 10);
    }
    if (b.B < 1 || kn_device_open(&b.dev, &opt) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return PERF_SKIPPED;
    }
    mlm_status st = run(&b);
    if (st != MLM_OK)
        fprintf(stderr, "perf_vision: %s\n", mlm_error_message());
    close_bench(&b);
    return st == MLM_OK ? 0 : 1;
}
