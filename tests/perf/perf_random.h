/* perf_random.h: cheap random weights and activations of true shapes, and timing through captured graphs. */
#ifndef TESTS_PERF_RANDOM_H
#define TESTS_PERF_RANDOM_H

#include "kernels/kernels.h"

#define PERF_SKIPPED 77

typedef struct perf_weights {
    uint16_t *bf16; /* uniform in +-0.03 */
    int8_t   *i8;
    float    *scale;
    size_t    n;
} perf_weights;

mlm_status perf_weights_create(perf_weights *w, size_t n) MLM_WARN_UNUSED;
void       perf_weights_free(perf_weights *w);
mlm_status perf_matrix(kn_matrix **out, kn_device *dev, const perf_weights *w, kn_dtype dtype, int64_t rows,
                       int64_t cols, unsigned seed) MLM_WARN_UNUSED;
/* Fills a tensor (f32 or bf16) with uniform values from low to high. */
mlm_status perf_fill(kn_queue *q, kn_tensor t, float low, float high) MLM_WARN_UNUSED;

/* Several programs get ready together and measure one after the other: says "ready", then waits for the lock of this file, which it
 * keeps until it ends.  NULL: nothing. */
mlm_status perf_wait_turn(const char *path) MLM_WARN_UNUSED;

/* Enqueues `n` launches of `run` (told its number), captured once, replayed; median of 9 replays by n, in us. */
typedef mlm_status (*perf_fn)(kn_queue *q, int i, void *payload);
mlm_status perf_time(double *us, kn_queue *q, perf_fn run, void *payload, int n) MLM_WARN_UNUSED;

/* Runs it for so many seconds, with the heat and the clock that come of it; says from when to when (local time, as nvidia-smi
 * does) and the median of the second half. */
mlm_status perf_loop(kn_queue *q, const char *name, perf_fn run, void *payload,
                     double seconds) MLM_WARN_UNUSED;

#endif
