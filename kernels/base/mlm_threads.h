/*
 * mlm_threads.h: a fixed pool of worker threads for data-parallel loops.  Owned by the cpu device.
 *
 * mlm_parallel_for splits [0, n) into pieces of `grain` items that threads take in turn; each item is done
 * whole by one thread, so results do not depend on the number of threads or on the order.  The calling
 * thread works too.  When the pool is already busy (another session, or a nested call) the loop runs on
 * the calling thread alone: still correct, never blocked.
 */
#ifndef MLM_THREADS_H
#define MLM_THREADS_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

typedef struct mlm_threads mlm_threads;

/* fn is called with [from, to) and the index of the thread, 0 .. n_threads-1 (0 = the caller).  It cannot fail. */
typedef void (*mlm_range_fn)(int64_t from, int64_t to, int thread, void *payload);

mlm_status mlm_threads_create(mlm_threads **out, int n_threads) MLM_WARN_UNUSED; /* owned; 1 .. 256 */
void       mlm_threads_free(mlm_threads *t);                                     /* joins; NULL is fine */
/* The same, with as many as can be started: at least the caller. */
mlm_status mlm_threads_create_most(mlm_threads **out, int n_threads) MLM_WARN_UNUSED;
int        mlm_threads_count(const mlm_threads *t);
void       mlm_parallel_for(mlm_threads *t, int64_t n, int64_t grain, mlm_range_fn fn, void *payload);

/* Cores that this process may use (sched_getaffinity, then cgroup v2 cpu.max), at least 1. */
int mlm_cores_available(void);

#endif
