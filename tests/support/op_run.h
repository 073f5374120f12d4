/*
 * op_run.h: one op_case made real on one device: the same data on every device, made from the case alone.
 *
 * All tensors of a run lie in one buffer with a host image of it.  Outputs and the padding of strided tensors
 * start as NaN, so a missing write or a read beside a view shows.
 */
#ifndef TESTS_SUPPORT_OP_RUN_H
#define TESTS_SUPPORT_OP_RUN_H

#include "tests/support/op_cases.h"

#define OP_MAX_COPIES 512
#define OP_ALL_ROWS   (-1)

typedef union op_args {
#define X(op) kn_##op##_args op;
    KN_OP_LIST(X)
#undef X
} op_args;

typedef struct op_output {
    kn_tensor   t;
    const char *name;
    bool        by_len; /* axis 1 is tokens, of which len[b] count */
} op_output;

typedef struct op_run {
    const op_case *c;
    kn_device     *dev;
    kn_queue      *q;
    kn_arena       arena;
    char          *image, *result; /* host bytes of the arena before and after */
    kn_matrix     *w[OP_MAX_COPIES];
    int            n_copies;
    unsigned       n_tensors; /* made so far: the stream of their random numbers */
    kn_tensor      len;
    op_args        args;
    op_output      out[3];
    int            n_out;
} op_run;

/* Owned: op_run_free.  n_copies equal matrices are made, for launches that rotate through them. */
mlm_status op_run_create(op_run **out, const op_case *c, kn_device *dev, int n_copies) MLM_WARN_UNUSED;
void       op_run_free(op_run *r);

/* Enqueues the op, with matrix copy % n_copies. */
mlm_status op_run_launch(op_run *r, int copy) MLM_WARN_UNUSED;
/* Fresh data, the op (on one row alone, or OP_ALL_ROWS), and everything back in r->result. */
mlm_status op_run_once(op_run *r, int64_t row) MLM_WARN_UNUSED;
int64_t    op_run_rows(const op_run *r); /* rows that do not depend on each other */

/* Valid values of an output as f32 (of one row, or OP_ALL_ROWS); owned: free().  NULL: no memory. */
float *op_run_values(const op_run *r, int output, int64_t row, int64_t *n);
/* First byte of the arena that changed without being part of an output, or -1.  -2: no memory. */
int64_t op_run_stray_byte(const op_run *r);

/* op_build.c: makes the tensors (and, when r->image is there, their data); stores one value in a float dtype. */
void op_build(op_run *r);
void op_put(void *data, kn_dtype dtype, int64_t i, float v);

#endif
