/*
 * perf_lm.c: Mamba-2 2.7B with random weights: the decode step in one captured graph, and prefill.
 *
 *   perf_lm [--device cuda:N] [--weights bf16|i8] [--act f32|bf16] [--layers N] [--batch N] [--tokens N] [--state f32|bf16]
 *           [--late N]       tokens that steps of many rows may put off writing states
 *           [--deterministic 0|1] [--turn FILE]
 *           [--loop SECONDS] instead of times: prefills of --tokens, or steps (--tokens 1), as long as that
 *           [--agree STEPS]  instead of times: the same steps on the CPU in f32, and on the GPU again
 *
 * The floor of a step is its weight bytes at the card's read bandwidth (performance.md).
 */
#include "kernels/base/mlm_file.h"
#include "lm/lm_private.h"
#include "tests/perf/perf_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    kn_device   *dev;
    kn_queue    *q;
    perf_weights weights;
    lm_model     model;
    kn_arena     scratch_arena, io;
    lm_scratch  *scratch;
    lm_state    *state, *other;
    kn_tensor    ids, logits;
    size_t       weight_bytes;
    kn_dtype     act, state_dtype;
    int          late;
    const char  *turn; /* perf_wait_turn */
    double       loop; /* seconds; 0: times */

    const lm_prefill_args *prefill; /* what is looped */
} bench;

static lm_config config_27b(int n_layers, kn_dtype act)
{
    lm_config c = {
        .n_layers = n_layers, .d_model = 2560, .vocab_rows = 50288, .vocab_size = 50280, .tied = true};
    c.conv_bias = true;
    c.norm_eps  = 1e-5f;
    c.mixer     = (mamba2_config){.d_model      = 2560,
                                  .d_inner      = 5120,
                                  .n_heads      = 80,
                                  .head_dim     = 64,
                                  .d_state      = 128,
                                  .n_groups     = 1,
                                  .conv_kernel  = 4,
                                  .n_directions = 1,
                                  .norm_eps     = 1e-5f,
                                  .act          = act};
    return c;
}

static mlm_status vector(bench *b, kn_tensor *out, int rank, const int64_t *dim, float low, float high)
{
    *out = kn_arena_take(&b->model.arena, KN_F32, rank, dim);
    MLM_TRY(kn_arena_check(&b->model.arena, "vectors"));
    return perf_fill(b->q, *out, low, high);
}

static mlm_status make_layer(bench *b, lm_layer *l, kn_dtype dtype, unsigned seed)
{
    const mamba2_config *c = &b->model.config.mixer;
    int64_t              C = mamba2_conv_channels(c);
    MLM_TRY(perf_matrix(&l->in_proj, b->dev, &b->weights, dtype, mamba2_in_rows(c), c->d_model, seed));
    MLM_TRY(perf_matrix(&l->out_proj, b->dev, &b->weights, dtype, c->d_model, c->d_inner, seed + 1));
    l->mixer.in_proj  = l->in_proj;
    l->mixer.out_proj = l->out_proj;
    b->weight_bytes += kn_matrix_bytes(l->in_proj) + kn_matrix_bytes(l->out_proj);
    MLM_TRY(vector(b, &l->norm, 1, KN_DIMS(c->d_model), 0.5f, 1.5f));
    MLM_TRY(vector(b, &l->mixer.norm, 1, KN_DIMS(c->d_inner), 0.5f, 1.5f));
    MLM_TRY(vector(b, &l->mixer.dir[0].conv_w, 2, KN_DIMS(C, c->conv_kernel), -0.5f, 0.5f));
    MLM_TRY(vector(b, &l->mixer.dir[0].conv_b, 1, KN_DIMS(C), -0.1f, 0.1f));
    MLM_TRY(vector(b, &l->mixer.dir[0].a, 1, KN_DIMS(c->n_heads), -16.0f, -1.0f));
    MLM_TRY(vector(b, &l->mixer.dir[0].d, 1, KN_DIMS(c->n_heads), 0.5f, 1.5f));
    return vector(b, &l->mixer.dir[0].dt_bias, 1, KN_DIMS(c->n_heads), -6.0f, -2.0f);
}

static mlm_status make_model(bench *b, kn_dtype dtype, int n_layers, int rows, int tokens)
{
    lm_model *m = &b->model;
    kn_arena  measure;
    m->config             = config_27b(n_layers, b->act);
    m->config.mixer.state = b->state_dtype;
    m->config.late        = b->late;
    m->dev                = b->dev;
    m->layers             = calloc((size_t)n_layers, sizeof *m->layers);
    if (!m->layers)
        return mlm_fail_nomem(sizeof *m->layers, "layers");
    MLM_TRY(perf_weights_create(&b->weights, (size_t)50288 * 2560 + (4u << 20)));
    MLM_TRY(kn_arena_create(&m->arena, b->dev, (size_t)(n_layers + 1) * 256 * 1024));
    MLM_TRY(perf_matrix(&m->embedding, b->dev, &b->weights, dtype, 50288, 2560, 0));
    b->weight_bytes += kn_matrix_bytes(m->embedding);
    MLM_TRY(vector(b, &m->norm_f, 1, KN_DIMS(2560), 0.5f, 1.5f));
    for (int i = 0; i < n_layers; i++)
        MLM_TRY(make_layer(b, &m->layers[i], dtype, (unsigned)(2 * i + 1)));
    kn_arena_measure(&measure, b->dev);
    MLM_TRY(lm_scratch_create(&b->scratch, &measure, &m->config, rows, tokens));
    lm_scratch_free(b->scratch);
    b->scratch = NULL;
    MLM_TRY(kn_arena_create(&b->scratch_arena, b->dev, measure.high));
    MLM_TRY(lm_scratch_create(&b->scratch, &b->scratch_arena, &m->config, rows, tokens));
    MLM_TRY(lm_state_create(&b->state, m, rows));
    MLM_TRY(kn_arena_create(&b->io, b->dev, (size_t)rows * (50288 * 4 + 128)));
    b->ids    = kn_arena_take(&b->io, KN_I32, 1, KN_DIMS(rows));
    b->logits = kn_arena_take(&b->io, KN_F32, 2, KN_DIMS(rows, 50288));
    return kn_arena_check(&b->io, "logits");
}

static mlm_status run_step(kn_queue *q, int i, void *payload)
{
    bench *b = payload;
    (void)i;
    MLM_TRY(lm_step(q, &b->model, b->scratch, b->state, b->ids, b->logits));
    kn_argmax_args best = {.x = b->logits, .ids = b->ids, .n_valid = 50280};
    return kn_argmax(q, &best);
}

static mlm_status run_prefill(kn_queue *q, int i, void *payload)
{
    bench *b = payload;
    (void)i;
    return lm_prefill(q, &b->model, b->scratch, b->state, b->prefill);
}

static mlm_status time_prefill(bench *b, int rows, int tokens)
{
    int32_t        *ids  = malloc(sizeof(int32_t) * (size_t)(rows * tokens));
    kn_event       *e[2] = {NULL, NULL};
    double          ms = 0.0, best = 1e9;
    lm_prefill_args a  = {.ids = ids, .n_rows = rows, .n_tokens = tokens, .logits = b->logits};
    mlm_status      st = ids ? MLM_OK : mlm_fail_nomem(4, "ids");
    for (int i = 0; ids && i < rows * tokens; i++)
        ids[i] = i * 7919 % 50280;
    for (int i = 0; st == MLM_OK && i < 2; i++)
        st = kn_event_create(&e[i], b->dev);
    b->prefill = &a;
    if (st == MLM_OK && b->loop > 0.0)
        st = perf_loop(b->q, "prefill", run_prefill, b, b->loop);
    for (int k = 0; st == MLM_OK && b->loop <= 0.0 && k < 4; k++) {
        st = kn_event_record(b->q, e[0]);
        if (st == MLM_OK)
            st = lm_prefill(b->q, &b->model, b->scratch, b->state, &a);
        if (st == MLM_OK)
            st = kn_event_record(b->q, e[1]);
        if (st == MLM_OK)
            st = kn_event_elapsed(&ms, e[0], e[1]);
        best = k > 0 && ms < best ? ms : best;
    }
    if (st == MLM_OK && b->loop <= 0.0)
        printf("prefill %d x %d: %.2f ms\n", rows, tokens, best);
    b->prefill = NULL;
    for (int i = 0; i < 2; i++)
        if (e[i])
            kn_event_free(e[i]);
    free(ids);
    return st;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As a program does it: a step, the choice, the ids to the host. */
#define LAPS 64
static mlm_status time_loop(bench *b, int rows)
{
    double  lap[LAPS];
    int32_t ids[256];
    for (int i = -4; i < LAPS; i++) {
        double start = mlm_now_ms();
        MLM_TRY(run_step(b->q, i, b));
        MLM_TRY(kn_download(b->q, ids, b->ids, sizeof *ids * (size_t)rows));
        if (i >= 0)
            lap[i] = mlm_now_ms() - start;
    }
    qsort(lap, LAPS, sizeof lap[0], compare);
    printf("loop with ids to the host, batch %d: %.1f us a step\n", rows, lap[LAPS / 2] * 1e3);
    return MLM_OK;
}

static mlm_status copy_row(kn_queue *q, int i, void *payload)
{
    bench *b = payload;
    (void)i;
    return lm_state_copy_row(q, b->other, 0, b->state, 0);
}

/* A snapshot or its restoring (one copy on the device), and what a saved file costs (export to the host). */
static mlm_status time_state(bench *b)
{
    size_t     bytes = lm_config_state_bytes(&b->model.config);
    void      *host  = malloc(bytes);
    double     us    = 0.0, start;
    mlm_status st    = host ? lm_state_create(&b->other, &b->model, 1) : mlm_fail_nomem(bytes, "state");
    if (st == MLM_OK)
        st = perf_time(&us, b->q, copy_row, b, 4);
    if (st == MLM_OK)
        st = lm_state_export_row(b->q, b->state, 0, host, bytes);
    start = mlm_now_ms();
    if (st == MLM_OK)
        st = lm_state_export_row(b->q, b->state, 0, host, bytes);
    if (st == MLM_OK)
        printf("state %.1f MB: copied in %.1f us (%.0f GB/s), exported in %.2f ms\n",
               (double)lm_state_bytes(b->other) * 1e-6, us, 2e-3 * (double)lm_state_bytes(b->other) / us,
               mlm_now_ms() - start);
    lm_state_free(b->other);
    free(host);
    return st;
}

/* A number that changes when anything does: two runs of one binary, or two paths through it, can be compared. */
static mlm_status print_logits(bench *b, int rows)
{
    size_t n   = 50288;
    float *all = malloc(sizeof *all * n * (size_t)rows);
    double sum = 0.0, square = 0.0;
    int    same = 1;
    if (!all)
        return mlm_fail_nomem(sizeof *all * n, "logits");
    mlm_status st = kn_download(b->q, all, b->logits, sizeof *all * n * (size_t)rows);
    for (size_t i = 0; i < n * (size_t)rows; i++) {
        sum += (double)all[i] * (double)(i % 7919);
        square += (double)all[i] * (double)all[i];
    }
    for (size_t r = 1; r < (size_t)rows; r++)
        same += memcmp(all, all + r * n, n * sizeof *all) == 0;
    printf("%d of %d rows equal bits to the first; ", same, rows);
    printf("logits %.6f %.6f %.6f %.6f, square sum %.9g, check sum %.9g\n", (double)all[0], (double)all[1],
           (double)all[n * (size_t)rows - 2], (double)all[n * (size_t)rows - 1], square, sum);
    free(all);
    return st;
}

static mlm_status run(bench *b, kn_dtype dtype, int n_layers, int rows, int tokens)
{
    double  us       = 0.0;
    int32_t first[4] = {0};
    MLM_TRY(kn_queue_create(&b->q, b->dev));
    MLM_TRY(make_model(b, dtype, n_layers, rows, tokens));
    for (int i = 0; i < 3; i++)
        MLM_TRY(run_step(b->q, i, b));
    MLM_TRY(print_logits(b, rows));
    MLM_TRY(perf_wait_turn(b->turn));
    if (tokens > 1) {
        MLM_TRY(time_prefill(b, rows, tokens));
        MLM_TRY(print_logits(b, rows));
    }
    if (b->loop > 0.0)
        return tokens > 1 ? MLM_OK : perf_loop(b->q, "step", run_step, b, b->loop);
    MLM_TRY(perf_time(&us, b->q, run_step, b, 4));
    MLM_TRY(time_loop(b, rows));
    MLM_TRY(time_state(b));
    kn_tensor id = kn_slice(b->ids, 0, 0, 1);
    for (int i = 0; i < 4; i++) {
        MLM_TRY(run_step(b->q, i, b));
        MLM_TRY(kn_download(b->q, &first[i], id, sizeof first[i]));
    }
    printf("decode batch %d, %s weights: %.1f us a step = %.1f tok/s; weights %.3f GB = %.0f GB/s; tokens %d "
           "%d %d %d\n",
           rows, kn_dtype_name(dtype), us, 1e6 / us * rows, (double)b->weight_bytes * 1e-9,
           (double)b->weight_bytes / us * 1e-3, first[0], first[1], first[2], first[3]);
    return MLM_OK;
}

/* Random tokens for every row, the same for the same step. */
static mlm_status feed(bench *b, int rows, int step)
{
    int32_t ids[256];
    for (int r = 0; r < rows; r++)
        ids[r] = (int32_t)(((uint32_t)(step * 256 + r) * 2654435761u >> 8) % 50280u);
    MLM_TRY(kn_upload(b->q, b->ids, ids, sizeof *ids * (size_t)rows));
    return lm_step(b->q, &b->model, b->scratch, b->state, b->ids, b->logits);
}

static int largest(const float *v)
{
    int at = 0;
    for (int i = 1; i < 50280; i++)
        at = v[i] > v[at] ? i : at;
    return at;
}

typedef struct agreement {
    double worst, scale, square, square_ref; /* of differences; of the reference */
    int    same, n;
} agreement;

static void compare_logits(agreement *a, const float *x, const float *ref, int rows)
{
    for (int r = 0; r < rows; r++, x += 50288, ref += 50288) {
        a->n++;
        a->same += largest(x) == largest(ref);
        for (int i = 0; i < 50280; i++) {
            double d = fabs((double)x[i] - (double)ref[i]), v = fabs((double)ref[i]);
            a->worst = d > a->worst ? d : a->worst;
            a->scale = v > a->scale ? v : a->scale;
            a->square += d * d;
            a->square_ref += v * v;
        }
    }
}

/* Steps on both; then the GPU's again from a fresh state, whose last logits must have the same bits. */
static mlm_status run_agreement(bench *gpu, bench *cpu, int rows, int steps)
{
    size_t     bytes = sizeof(float) * 50288u * (size_t)rows;
    float     *a = malloc(bytes), *b = malloc(bytes);
    agreement  g  = {0};
    mlm_status st = a && b ? MLM_OK : mlm_fail_nomem(bytes, "logits");
    for (int i = 0; st == MLM_OK && i < steps; i++) {
        st = feed(gpu, rows, i);
        if (st == MLM_OK)
            st = feed(cpu, rows, i);
        if (st == MLM_OK)
            st = kn_download(gpu->q, a, gpu->logits, bytes);
        if (st == MLM_OK)
            st = kn_download(cpu->q, b, cpu->logits, bytes);
        if (st == MLM_OK)
            compare_logits(&g, a, b, rows);
    }
    if (st == MLM_OK)
        st = lm_state_reset(gpu->q, gpu->state);
    for (int i = 0; st == MLM_OK && i < steps; i++)
        st = feed(gpu, rows, i);
    if (st == MLM_OK)
        st = kn_download(gpu->q, b, gpu->logits, bytes);
    if (st == MLM_OK)
        printf("agreement, %d rows x %d steps: argmax %d of %d; difference %.3g of the largest logit, %.3g "
               "in the "
               "mean square; run to run %s\n",
               rows, steps, g.same, g.n, g.worst / g.scale, sqrt(g.square / g.square_ref),
               memcmp(a, b, bytes) == 0 ? "equal bits" : "NOT EQUAL");
    free(a);
    free(b);
    return st;
}

static void close_bench(bench *b)
{
    for (int i = 0; b->model.layers && i < b->model.config.n_layers; i++) {
        kn_matrix_free(b->model.layers[i].in_proj);
        kn_matrix_free(b->model.layers[i].out_proj);
    }
    kn_matrix_free(b->model.embedding);
    kn_arena_free(&b->model.arena);
    free(b->model.layers);
    lm_state_free(b->state);
    lm_scratch_free(b->scratch);
    kn_arena_free(&b->scratch_arena);
    kn_arena_free(&b->io);
    perf_weights_free(&b->weights);
    kn_queue_free(b->q);
    kn_device_close(b->dev);
}

int main(int argc, char **argv)
{
    bench             b        = {0};
    kn_device_options opt      = {.name = "cuda"};
    kn_dtype          dtype    = KN_BF16;
    int               n_layers = 64, rows = 1, tokens = 769, agree = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--device") == 0)
            opt.name = argv[i + 1];
        else if (strcmp(argv[i], "--weights") == 0)
            dtype = strcmp(argv[i + 1], "i8") == 0 ? KN_I8 : KN_BF16;
        else if (strcmp(argv[i], "--act") == 0)
            b.act = strcmp(argv[i + 1], "bf16") == 0 ? KN_BF16 : KN_F32;
        else if (strcmp(argv[i], "--layers") == 0)
            n_layers = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--turn") == 0)
            b.turn = argv[i + 1];
        else if (strcmp(argv[i], "--loop") == 0)
            b.loop = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--deterministic") == 0)
            opt.deterministic = strcmp(argv[i + 1], "1") == 0;
        else if (strcmp(argv[i], "--late") == 0)
            b.late = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--agree") == 0)
            agree = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--state") == 0)
            b.state_dtype = strcmp(argv[i + 1], "bf16") == 0 ? KN_BF16 : KN_F32;
        else if (strcmp(argv[i], "--tokens") == 0)
            tokens = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0)
            rows = (int)strtol(argv[i + 1], NULL, 10);
    }
    if (kn_device_open(&b.dev, &opt) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return PERF_SKIPPED;
    }
    bench      cpu = {0};
    mlm_status st;
    if (agree > 0) {
        kn_device_options host = {.name = "cpu"};
        st                     = kn_device_open(&cpu.dev, &host);
        if (st == MLM_OK)
            st = kn_queue_create(&cpu.q, cpu.dev);
        if (st == MLM_OK)
            st = kn_queue_create(&b.q, b.dev);
        if (st == MLM_OK)
            st = make_model(&cpu, dtype, n_layers, rows, 1);
        if (st == MLM_OK)
            st = make_model(&b, dtype, n_layers, rows, 1);
        if (st == MLM_OK)
            st = run_agreement(&b, &cpu, rows, agree);
        close_bench(&cpu);
    } else {
        st = run(&b, dtype, n_layers, rows, tokens);
    }
    if (st != MLM_OK)
        fprintf(stderr, "perf_lm: %s\n", mlm_error_message());
    close_bench(&b);
    return st == MLM_OK ? 0 : 1;
}
