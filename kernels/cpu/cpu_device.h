/*
 * cpu_device.h: what the files of the cpu backend share.
 *
 * The ops live in files that are compiled once per instruction set (cpu.cmake); each set exports one const
 * table of ops, and device_open picks one table.  Device memory is host memory, so buffers, queues' order
 * and events come from the reference backend (ref_ops.h).
 *
 * Scratch: an op never allocates.  Worker threads 1 .. n-1 have scratch of the device, because the pool
 * serves one loop at a time.  The calling thread (index 0) uses the scratch of its queue, because two
 * queues may run at once on two threads, one with the pool and one alone.
 */
#ifndef KERNELS_CPU_CPU_DEVICE_H
#define KERNELS_CPU_CPU_DEVICE_H

#include "kernels/backend.h"
#include "kernels/base/mlm_threads.h"

#define CPU_SCRATCH_BYTES ((size_t)2 << 20) /* of one thread */
#define CPU_NR            32                /* output rows in a panel of a prepared matrix */

typedef enum cpu_math {
    CPU_MATH_EXP,
    CPU_MATH_GELU_ERF,
    CPU_MATH_GELU_TANH,
    CPU_MATH_SILU,
    CPU_MATH_SOFTPLUS
} cpu_math;

/* The ops of one instruction set. */
typedef struct cpu_ops {
    const char *isa; /* "avx512" */
#define X(op) mlm_status (*op)(kn_queue *, const kn_##op##_args *);
    KN_OP_LIST(X)
#undef X
    void (*math)(cpu_math fn, float *y, const float *x, int64_t n); /* for tests */
} cpu_ops;

extern const cpu_ops cpu_ops_generic;
extern const cpu_ops cpu_ops_avx2;
extern const cpu_ops cpu_ops_avx512;

typedef struct cpu_device {
    const cpu_ops *ops;
    mlm_threads   *threads;
    char          *scratch; /* of threads 1 .. n-1 */
} cpu_device;

typedef struct cpu_queue {
    char *scratch; /* of the calling thread */
} cpu_queue;

/*
 * A prepared matrix: panels of CPU_NR output rows, data[panel][in][CPU_NR] in the stored dtype, so that one
 * vector load gives the weights of neighbouring outputs for one input.  The last panel is padded with zeros.
 */
typedef struct cpu_matrix {
    void   *data;  /* 64-byte aligned                        */
    float  *scale; /* I8: [n_panels * CPU_NR], else NULL     */
    int64_t n_panels;
    size_t  panel_bytes;
} cpu_matrix;

static inline cpu_device *cpu_device_of(const kn_queue *q)
{
    return q->dev->impl;
}

/* Scratch of CPU_SCRATCH_BYTES, 64-byte aligned, for thread `thread` of a loop started by queue `q`. */
static inline void *cpu_scratch(const kn_queue *q, int thread)
{
    if (thread == 0)
        return ((const cpu_queue *)q->impl)->scratch;
    return cpu_device_of(q)->scratch + (size_t)(thread - 1) * CPU_SCRATCH_BYTES;
}

/* Runs fn over [0, n) on the pool; `work` is the cost of an item in about nanoseconds of one core.  Loops
 * too small to pay for waking the pool run on the caller alone. */
void cpu_parallel(const kn_queue *q, int64_t n, int64_t work, mlm_range_fn fn, void *payload);

mlm_status cpu_matrix_create(kn_matrix *m, const kn_matrix_part *parts, int n_parts);
void       cpu_matrix_free(kn_matrix *m);

/* Which instruction sets this machine has, as a list for humans, and whether a table of ops may run. */
void cpu_isa_features(char *dst, size_t cap);
void cpu_isa_brand(char *dst, size_t cap);
/* The table for `name` (NULL: the best one).  MLM_E_RANGE: no such name; MLM_E_UNSUPPORTED: not on this machine. */
mlm_status cpu_isa_select(const cpu_ops **out, const char *name) MLM_WARN_UNUSED;

#endif
