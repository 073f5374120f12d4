/* perf_random.c: see perf_random.h. */
#include "tests/perf/perf_random.h"

#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_rng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define REPLAYS 9

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

mlm_status perf_weights_create(perf_weights *w, size_t n)
{
    mlm_rng rng = mlm_rng_seed(1, 2);
    *w          = (perf_weights){malloc(n * 2), malloc(n), malloc(sizeof(float) * 65536), n};
    if (!w->bf16 || !w->i8 || !w->scale) {
        perf_weights_free(w);
        return mlm_fail_nomem(n * 3, "random weights");
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t u = mlm_rng_next(&rng);
        w->bf16[i] = mlm_f32_to_bf16(((float)(u >> 8) * (1.0f / 16777216.0f) - 0.5f) * 0.06f);
        w->i8[i]   = (int8_t)(u & 0xffu);
    }
    for (int i = 0; i < 65536; i++)
        w->scale[i] = 0.06f / 256.0f;
    return MLM_OK;
}

void perf_weights_free(perf_weights *w)
{
    free(w->bf16);
    free(w->i8);
    free(w->scale);
    *w = (perf_weights){0};
}

mlm_status perf_matrix(kn_matrix **out, kn_device *dev, const perf_weights *w, kn_dtype dtype, int64_t rows,
                       int64_t cols, unsigned seed)
{
    size_t need = (size_t)rows * (size_t)cols, from = need < w->n ? (size_t)seed * 4099u % (w->n - need) : 0;
    kn_matrix_part p = {.dtype = dtype, .out = rows, .in = cols};
    if (need > w->n)
        return mlm_fail(MLM_E_RANGE, "a matrix of %zu elements, there are %zu random ones", need, w->n);
    p.data  = dtype == KN_BF16 ? (const void *)(w->bf16 + from) : (const void *)(w->i8 + from);
    p.scale = dtype == KN_I8 ? w->scale : NULL;
    return kn_matrix_create(out, dev, &p, 1);
}

mlm_status perf_fill(kn_queue *q, kn_tensor t, float low, float high)
{
    int64_t n    = kn_count(t);
    size_t  size = kn_dtype_size(t.dtype);
    void   *host = malloc((size_t)n * size);
    mlm_rng rng  = mlm_rng_seed((uint64_t)n, 7);
    if (!host)
        return mlm_fail_nomem((size_t)n * size, "random values");
    for (int64_t i = 0; i < n; i++) {
        float v = low + (high - low) * mlm_rng_uniform(&rng);
        if (t.dtype == KN_BF16)
            ((uint16_t *)host)[i] = mlm_f32_to_bf16(v);
        else
            ((float *)host)[i] = v;
    }
    mlm_status st = kn_upload(q, t, host, (size_t)n * size);
    free(host);
    return st;
}

mlm_status perf_wait_turn(const char *path)
{
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (path == NULL)
        return MLM_OK;
    printf("ready\n");
    (void)fflush(stdout);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return mlm_fail(MLM_E_IO, "%s: cannot be locked: %s", path, strerror(errno));
    return MLM_OK; /* not closed: the next one's turn is when this program has ended */
}

mlm_status perf_time(double *us, kn_queue *q, perf_fn run, void *payload, int n)
{
    kn_device *dev      = kn_queue_device(q);
    kn_event  *event[2] = {NULL, NULL};
    kn_graph  *graph    = NULL;
    double     ms[REPLAYS];
    mlm_status st = run(q, 0, payload); /* first calls make plans and raise limits */
    if (st == MLM_OK)
        st = kn_queue_sync(q);
    for (int i = 0; st == MLM_OK && i < 2; i++)
        st = kn_event_create(&event[i], dev);
    if (st == MLM_OK)
        st = kn_capture_begin(q);
    for (int i = 0; st == MLM_OK && i < n; i++)
        st = run(q, i, payload);
    if (st == MLM_OK)
        st = kn_capture_end(q, &graph);
    for (int k = -2; st == MLM_OK && k < REPLAYS; k++) {
        st = kn_event_record(q, event[0]);
        if (st == MLM_OK)
            st = kn_graph_launch(q, graph);
        if (st == MLM_OK)
            st = kn_event_record(q, event[1]);
        if (st == MLM_OK)
            st = kn_event_elapsed(&ms[k < 0 ? 0 : k], event[0], event[1]);
    }
    if (st == MLM_OK) {
        qsort(ms, REPLAYS, sizeof ms[0], compare);
        *us = ms[REPLAYS / 2] * 1e3 / n;
    }
    kn_graph_free(graph);
    for (int i = 0; i < 2; i++)
        if (event[i])
            kn_event_free(event[i]);
    return st;
}

static void stamp(char *to, size_t n)
{
    struct timespec now;
    struct tm       local;
    char            text[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);
    (void)strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S", &local);
    (void)snprintf(to, n, "%s.%03d", text, (int)(now.tv_nsec / 1000000));
}

#define MOST_LAPS 65536

mlm_status perf_loop(kn_queue *q, const char *name, perf_fn run, void *payload, double seconds)
{
    kn_event  *event[2] = {NULL, NULL};
    double    *ms       = malloc(sizeof *ms * MOST_LAPS), start;
    char       from[48], to[48];
    int        n  = 0;
    mlm_status st = ms ? MLM_OK : mlm_fail_nomem(sizeof *ms * MOST_LAPS, "laps");
    for (int i = 0; st == MLM_OK && i < 2; i++)
        st = kn_event_create(&event[i], kn_queue_device(q));
    stamp(from, sizeof from);
    start = mlm_now_ms();
    while (st == MLM_OK && n < MOST_LAPS && (n < 2 || mlm_now_ms() - start < seconds * 1e3)) {
        st = kn_event_record(q, event[0]);
        if (st == MLM_OK)
            st = run(q, n, payload);
        if (st == MLM_OK)
            st = kn_event_record(q, event[1]);
        if (st == MLM_OK)
            st = kn_event_elapsed(&ms[n], event[0], event[1]);
        n++;
    }
    stamp(to, sizeof to);
    if (st == MLM_OK) {
        double *late = ms + n / 2;
        qsort(late, (size_t)(n - n / 2), sizeof *late, compare);
        printf("loop %s: from %s to %s: %d runs, %.3f ms\n", name, from, to, n, late[(n - n / 2) / 2]);
        (void)fflush(stdout);
    }
    for (int i = 0; i < 2; i++)
        if (event[i])
            kn_event_free(event[i]);
    free(ms);
    return st;
}
