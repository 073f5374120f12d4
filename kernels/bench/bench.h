/* bench.h: the yardsticks of kn_bench: a plain read of memory, and OpenBLAS. */
#ifndef KERNELS_BENCH_BENCH_H
#define KERNELS_BENCH_BENCH_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

/* Work that is timed: one call, `copy` counts up from 0 for those that rotate through memory. */
typedef mlm_status (*bench_fn)(int copy, void *payload);

/* Median microseconds of one call, after a warm-up; calls are timed in groups of at least 100 us. */
mlm_status bench_median_us(double *us, bench_fn fn, void *payload) MLM_WARN_UNUSED;

/* Microseconds to read `bytes` with n_threads, rotating through n_copies of them; 0 without memory for it. */
double bench_read_us(size_t bytes, int n_copies, int n_threads);

/* Microseconds of cblas_sgemm for [rows,in] x [out,in]^T with n_threads; 0 when built without OpenBLAS. */
double bench_sgemm_us(int64_t rows, int64_t in, int64_t out, int n_threads);
/* "OpenBLAS 0.3.21 ..." or "". */
const char *bench_blas_name(void);

#endif
