/*
 * perf_ops.c: single ops at the shapes of Mamba-2 2.7B and the towers, timed inside a captured graph.
 *
 *   perf_ops [--device cuda:N] [TEXT]      only cases whose name contains TEXT
 *
 * Matrices rotate through at least 400 MB, so that no cache holds them.
 */
#include "tests/perf/perf_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COPIES 40

typedef struct bench {
    kn_device   *dev;
    kn_queue    *q;
    kn_arena     arena;
    perf_weights weights;
    const char  *only;
} bench;

/* ---- products ------------------------------------------------------------------------------------ */

typedef struct linear_case {
    kn_matrix     *w[MAX_COPIES];
    int            n;
    kn_linear_args args;
} linear_case;

static mlm_status run_linear(kn_queue *q, int i, void *payload)
{
    linear_case   *c = payload;
    kn_linear_args a = c->args;
    a.w              = c->w[i % c->n];
    return kn_linear(q, &a);
}

static mlm_status bench_linear(bench *b, int64_t R, int64_t out, int64_t in, kn_dtype wt, kn_dtype xt)
{
    char name[96];
    (void)snprintf(name, sizeof name, "linear %lld x [%lld,%lld] w %s x %s", (long long)R, (long long)out,
                   (long long)in, kn_dtype_name(wt), kn_dtype_name(xt));
    if (b->only && !strstr(name, b->only))
        return MLM_OK;
    double      bytes = (double)out * (double)in * (double)kn_dtype_size(wt), us = 0.0;
    linear_case c  = {.n = (int)(400e6 / bytes) + 1};
    mlm_status  st = MLM_OK;
    c.n            = c.n > MAX_COPIES ? MAX_COPIES : c.n < 2 ? 2 : c.n;
    b->arena.used  = 0;
    c.args.x       = kn_arena_take(&b->arena, xt, 2, KN_DIMS(R, in));
    c.args.y       = kn_arena_take(&b->arena, KN_F32, 2, KN_DIMS(R, out));
    for (int i = 0; st == MLM_OK && i < c.n; i++)
        st = perf_matrix(&c.w[i], b->dev, &b->weights, wt, out, in, (unsigned)i);
    if (st == MLM_OK)
        st = kn_arena_check(&b->arena, name);
    if (st == MLM_OK)
        st = perf_fill(b->q, c.args.x, -1.0f, 1.0f);
    if (st == MLM_OK)
        st = perf_time(&us, b->q, run_linear, &c, c.n * (bytes < 20e6 ? 2 : 1));
    if (st == MLM_OK)
        printf("%-52s %9.2f us %8.1f GB/s %8.1f TFLOP/s\n", name, us, bytes / us * 1e-3,
               2.0 * (double)R * (double)out * (double)in / us * 1e-6);
    for (int i = 0; i < c.n; i++)
        kn_matrix_free(c.w[i]);
    return st;
}

/* ---- scans --------------------------------------------------------------------------------------- */

typedef struct scan_case {
    kn_ssd_args args;
    kn_tensor   states; /* [copies,B,H,P,N] */
} scan_case;

static mlm_status run_scan(kn_queue *q, int i, void *payload)
{
    scan_case  *c = payload;
    kn_ssd_args a = c->args;
    kn_tensor   s = kn_row(c->states, i % c->states.dim[0]);
    a.state       = s;
    return a.x.dim[1] == 1 ? kn_ssd_step(q, &a) : kn_ssd_scan(q, &a);
}

static mlm_status bench_scan(bench *b, int64_t B, int64_t T, int64_t copies)
{
    const int64_t H = 80, P = 64, N = 128;
    char          name[96];
    double        us = 0.0;
    (void)snprintf(name, sizeof name, "%s B %lld T %lld", T == 1 ? "ssd_step" : "ssd_scan", (long long)B,
                   (long long)T);
    if (b->only && !strstr(name, b->only))
        return MLM_OK;
    b->arena.used = 0;
    kn_tensor xbc = kn_arena_take(&b->arena, KN_F32, 3, KN_DIMS(B, T, H * P + 2 * N));
    kn_tensor dt  = kn_arena_take(&b->arena, KN_F32, 3, KN_DIMS(B, T, H)),
              a   = kn_arena_take(&b->arena, KN_F32, 1, KN_DIMS(H));
    scan_case c   = {.states = kn_arena_take(&b->arena, KN_F32, 5, KN_DIMS(copies, B, H, P, N))};
    c.args        = (kn_ssd_args){.x        = kn_slice(xbc, 2, 0, H * P),
                                  .b        = kn_slice(xbc, 2, H * P, N),
                                  .c        = kn_slice(xbc, 2, H * P + N, N),
                                  .dt       = dt,
                                  .a        = a,
                                  .y        = kn_arena_take(&b->arena, KN_F32, 3, KN_DIMS(B, T, H * P)),
                                  .n_heads  = (int)H,
                                  .n_groups = 1};
    MLM_TRY(kn_arena_check(&b->arena, name));
    MLM_TRY(perf_fill(b->q, xbc, -1.0f, 1.0f));
    MLM_TRY(perf_fill(b->q, dt, -4.0f, 0.0f));
    MLM_TRY(perf_fill(b->q, a, -8.0f, -1.0f));
    MLM_TRY(perf_time(&us, b->q, run_scan, &c, (int)copies));
    double bytes = 2.0 * 4.0 * (double)(B * H * P * N) + 4.0 * (double)(B * T) * (double)(2 * H * P + 2 * N);
    printf("%-52s %9.2f us %8.1f GB/s %8.1f TFLOP/s\n", name, us, bytes / us * 1e-3,
           6.0 * (double)(B * T) * (double)(H * P * N) / us * 1e-6);
    return MLM_OK;
}

/* ---- attention ----------------------------------------------------------------------------------- */

static mlm_status run_attention(kn_queue *q, int i, void *payload)
{
    (void)i;
    return kn_attention(q, payload);
}

static mlm_status bench_attention(bench *b, int64_t B, int64_t T, int64_t H, int64_t P, kn_dtype dtype)
{
    char   name[96];
    double us = 0.0;
    (void)snprintf(name, sizeof name, "attention B %lld T %lld H %lld P %lld %s", (long long)B, (long long)T,
                   (long long)H, (long long)P, kn_dtype_name(dtype));
    if (b->only && !strstr(name, b->only))
        return MLM_OK;
    b->arena.used       = 0;
    kn_attention_args a = {.qkv     = kn_arena_take(&b->arena, dtype, 3, KN_DIMS(B, T, 3 * H * P)),
                           .n_heads = (int)H};
    a.y                 = kn_arena_take(&b->arena, dtype, 3, KN_DIMS(B, T, H * P));
    MLM_TRY(kn_arena_check(&b->arena, name));
    MLM_TRY(perf_fill(b->q, a.qkv, -1.0f, 1.0f));
    MLM_TRY(perf_time(&us, b->q, run_attention, &a, 8));
    printf("%-52s %9.2f us %8s %16.1f TFLOP/s\n", name, us, "",
           4.0 * (double)(B * H * T) * (double)(T * P) / us * 1e-6);
    return MLM_OK;
}

static mlm_status bench_all(bench *b)
{
    static const int64_t  shapes[3][2] = {{10576, 2560}, {2560, 5120}, {50288, 2560}};
    static const kn_dtype w_types[2]   = {KN_BF16, KN_I8};
    for (int t = 0; t < 2; t++)
        for (int s = 0; s < 3; s++)
            MLM_TRY(bench_linear(b, 1, shapes[s][0], shapes[s][1], w_types[t], KN_F32));
    MLM_TRY(bench_linear(b, 1, 10576, 2560, KN_BF16, KN_BF16));
    for (int64_t R = 4; R <= 64; R *= 2)
        for (int t = 0; t < 2; t++)
            for (int s = 0; s < 2; s++)
                MLM_TRY(bench_linear(b, R, shapes[s][0], shapes[s][1], w_types[t],
                                     t == 0 && R > 8 ? KN_BF16 : KN_F32));
    for (int s = 0; s < 2; s++) {
        MLM_TRY(bench_linear(b, 769, shapes[s][0], shapes[s][1], KN_BF16, KN_BF16));
        MLM_TRY(bench_linear(b, 769, shapes[s][0], shapes[s][1], KN_I8, KN_BF16));
        MLM_TRY(bench_linear(b, 769, shapes[s][0], shapes[s][1], KN_BF16, KN_F32));
        MLM_TRY(bench_linear(b, 769, shapes[s][0], shapes[s][1], KN_I8, KN_F32));
    }
    MLM_TRY(bench_scan(b, 1, 1, 64));
    MLM_TRY(bench_scan(b, 8, 1, 16));
    MLM_TRY(bench_scan(b, 64, 1, 4));
    MLM_TRY(bench_scan(b, 1, 769, 8));
    MLM_TRY(bench_scan(b, 16, 769, 2));
    MLM_TRY(bench_attention(b, 1, 734, 16, 64, KN_BF16));
    return bench_attention(b, 1, 729, 16, 72, KN_BF16);
}

int main(int argc, char **argv)
{
    bench             b   = {0};
    kn_device_options opt = {.name = "cuda"};
    kn_device_info    info;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
            opt.name = argv[++i];
        else
            b.only = argv[i];
    if (kn_device_open(&b.dev, &opt) != MLM_OK) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return PERF_SKIPPED;
    }
    kn_device_get_info(b.dev, &info);
    printf("%s (%s)\n", info.description, info.features);
    mlm_status st = kn_queue_create(&b.q, b.dev);
    if (st == MLM_OK)
        st = perf_weights_create(&b.weights, (size_t)50288 * 2560 + (4u << 20));
    if (st == MLM_OK)
        st = kn_arena_create(&b.arena, b.dev, (size_t)2 << 30);
    if (st == MLM_OK)
        st = bench_all(&b);
    if (st != MLM_OK)
        fprintf(stderr, "perf_ops: %s\n", mlm_error_message());
    kn_arena_free(&b.arena);
    perf_weights_free(&b.weights);
    kn_queue_free(b.q);
    kn_device_close(b.dev);
    return st == MLM_OK ? 0 : 1;
}
