/*
 * op_cases.h: one table of cases for every op.  The parity tests run each case on every device and compare with
 * ref; kn_bench times the cases marked OP_PERF.
 */
#ifndef TESTS_SUPPORT_OP_CASES_H
#define TESTS_SUPPORT_OP_CASES_H

#include "kernels/backend.h"

/* What an op_case has beside its sizes. */
enum {
    OP_BIAS       = 1u << 0,  /* bias (linear, conv1d), dt_bias (scan)                              */
    OP_GAMMA      = 1u << 1,  /* LayerScale                                                        */
    OP_RESIDUAL   = 1u << 2,  /* a separate residual                                               */
    OP_RES_INTO_Y = 1u << 3,  /* the residual is y                                                 */
    OP_RES_TABLE  = 1u << 4,  /* rank-2 residual or x for every batch row                          */
    OP_LEN        = 1u << 5,  /* per-row lengths: T, 0, about T/2, then random                     */
    OP_ORDER      = 1u << 6,  /* a random permutation of the tokens                                */
    OP_STATE      = 1u << 7,  /* recurrent state in and out                                        */
    OP_ACCUMULATE = 1u << 8,  /* y += ...                                                          */
    OP_STRIDED    = 1u << 9,  /* every activation is a column slice of a wider tensor              */
    OP_IN_PLACE   = 1u << 10, /* y is x                                                            */
    OP_Y_F32      = 1u << 11, /* y f32 with bf16 x                                                 */
    OP_Y_BF16     = 1u << 12, /* y bf16 with f32 x                                                 */
    OP_PARTS      = 1u << 13, /* the matrix is stacked from two parts                              */
    OP_SCALE      = 1u << 14, /* scale other than its default                                      */
    OP_LIMITS     = 1u << 15, /* dt limits that bite                                               */
    OP_SKIP       = 1u << 16, /* d of the scan                                                     */
    OP_ODD_DATA   = 1u << 17, /* ids and indices out of range, ties and NaN for argmax, large scores */
    OP_PERF       = 1u << 18, /* timed by kn_bench; too large for ref                              */
    OP_GATE       = 1u << 19, /* z of s6_scan                                                      */
    OP_SIDE_BF16  = 1u << 20, /* bf16 bias of a product, dt of a scan, z of a gated norm           */
    OP_TWO        = 1u << 21, /* x2 of a gated norm; in place: y is x2                             */
    OP_CUT        = 1u << 22, /* start of a scan; kept of a convolution                            */
    OP_KEPT       = 1u << 23  /* kept of a scan                                                    */
};

/* Sizes that an op does not use stay 0.  B = 0: rank-2 tensors of T rows. */
typedef struct op_case {
    kn_op    op;
    int64_t  B, T, D, O; /* batch, tokens (or rows), width (or in, or channels), out (or V, or image side) */
    int64_t  H, G, N, K; /* heads, groups, state, conv width (or patch side, or n_valid)                   */
    kn_dtype x_dtype, w_dtype;
    kn_act   act;
    unsigned flags;
} op_case;

extern const op_case op_cases[];
extern const int     op_case_count;

/* "linear T=7 in=384 out=1804 w=i8 act=silu +bias": enough to find the case again. */
const char *op_case_name(const op_case *c, char *text, size_t cap);

/* Largest difference from ref that a correct backend shows, and why. */
typedef struct op_bound {
    double      nmse, max_rel; /* of tensor_compare */
    const char *reason;
} op_bound;
op_bound op_case_bound(const op_case *c);

/* What one run must move and compute: each input read once, each output written once. */
typedef struct op_cost {
    double weight_bytes; /* of it, prepared weights: rotated by kn_bench --cold */
    double bytes, flops;
} op_cost;
op_cost op_case_cost(const op_case *c);

#endif
