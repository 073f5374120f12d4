/*
 * bench_read.c: the ceiling of a product with one row: how fast the same bytes can be read at all.
 * Every thread sums 64-bit words of its part; the sum is kept, so the reads cannot be dropped.
 */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_threads.h"
#include "kernels/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES 400
#define GROUP_US    100.0
#define SAMPLING_MS 400.0
#define BLOCK       4096 /* words of a piece of work */
#define LANES       32

/* ---- medians ------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

mlm_status bench_median_us(double *us, bench_fn fn, void *payload)
{
    double sample[MAX_SAMPLES], start = mlm_now_ms(), spent = 0.0;
    int    copy = 0, n = 0, warm = 0;
    do { /* at least two calls and 20 ms */
        MLM_TRY(fn(copy++, payload));
        spent = mlm_now_ms() - start;
    } while (++warm < 2 || spent < 20.0);
    double one   = 1e3 * spent / warm;
    int    group = one < GROUP_US ? (int)(GROUP_US / one) + 1 : 1;
    start        = mlm_now_ms();
    do {
        double from = mlm_now_ms();
        for (int i = 0; i < group; i++)
            MLM_TRY(fn(copy++, payload));
        sample[n++] = 1e3 * (mlm_now_ms() - from) / group;
    } while (n < MAX_SAMPLES && (n < 5 || mlm_now_ms() - start < SAMPLING_MS));
    qsort(sample, (size_t)n, sizeof *sample, by_size);
    *us = sample[n / 2];
    return MLM_OK;
}

/* ---- reading ------------------------------------------------------------------------------------- */

typedef struct reader {
    mlm_threads    *threads;
    const uint64_t *data;
    int64_t         n_words; /* of one copy */
    int             n_copies;
    const uint64_t *now;
    uint64_t        sum[256]; /* per thread */
} reader;

#define SUM_WORDS                                                                                            \
    uint64_t lane[LANES] = {0}, sum = 0;                                                                     \
    for (int64_t i = 0; i + LANES <= n; i += LANES)                                                          \
        for (int k = 0; k < LANES; k++)                                                                      \
            lane[k] += p[i + k];                                                                             \
    for (int k = 0; k < LANES; k++)                                                                          \
        sum += lane[k];                                                                                      \
    return sum;

static uint64_t sum_plain(const uint64_t *p, int64_t n)
{
    SUM_WORDS
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint64_t *p, int64_t n)
{
    SUM_WORDS
}

static uint64_t sum_words(const uint64_t *p, int64_t n)
{
    return __builtin_cpu_supports("avx2") ? sum_avx2(p, n) : sum_plain(p, n);
}
#else
static uint64_t sum_words(const uint64_t *p, int64_t n)
{
    return sum_plain(p, n);
}
#endif

static void read_range(int64_t from, int64_t to, int thread, void *payload)
{
    reader *r   = payload;
    int64_t end = to * BLOCK < r->n_words ? to * BLOCK : r->n_words;
    r->sum[thread] += sum_words(r->now + from * BLOCK, end - from * BLOCK);
}

static mlm_status read_copy(int copy, void *payload)
{
    reader *r        = payload;
    int64_t n_blocks = (r->n_words + BLOCK - 1) / BLOCK, n = mlm_threads_count(r->threads);
    r->now = r->data + (int64_t)(copy % r->n_copies) * r->n_words;
    mlm_parallel_for(r->threads, n_blocks, n_blocks / (n * 4) + 1, read_range, r);
    return MLM_OK;
}

double bench_read_us(size_t bytes, int n_copies, int n_threads)
{
    reader    r    = {.n_words = (int64_t)(bytes / sizeof(uint64_t)), .n_copies = n_copies};
    size_t    size = (size_t)r.n_words * sizeof(uint64_t) * (size_t)n_copies;
    uint64_t *data = malloc(size);
    double    us   = 0.0;
    if (data == NULL || r.n_words == 0 || mlm_threads_create(&r.threads, n_threads) != MLM_OK) {
        free(data);
        return 0.0;
    }
    memset(data, 1, size);
    r.data = data;
    if (bench_median_us(&us, read_copy, &r) != MLM_OK)
        us = 0.0;
    mlm_threads_free(r.threads);
    free(data);
    return us;
}
