/* tensor_compare.h: how far two arrays are apart, for parity and golden tests. */
#ifndef TESTS_SUPPORT_TENSOR_COMPARE_H
#define TESTS_SUPPORT_TENSOR_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tensor_diff {
    double  nmse;      /* sum (got - want)^2 / sum want^2                                       */
    double  max_abs;   /* max |got - want|                                                      */
    double  max_rel;   /* max |got - want| / max |want|                                         */
    int64_t worst;     /* where max_abs is, -1 when all are equal                               */
    int64_t first_bad; /* first element with |got - want| > bound * max |want|, -1 when none is */
} tensor_diff;

/*
 * Compares n elements.  A NaN or infinity that is not the same in both makes every figure infinite; where
 * `want` is zero everywhere the figures are absolute.  `bound` is the largest allowed max_rel.
 */
tensor_diff tensor_compare(const float *want, const float *got, int64_t n, double bound);

/* tensor_compare, and one line on stderr when max_rel exceeds the bound: name, index, both values, figures. */
bool tensor_close(const char *name, const float *want, const float *got, int64_t n, double bound);

#endif
