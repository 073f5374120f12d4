/*
 * scan2d.h: scan orders over an H x W grid of tokens, as index tables.
 *
 * order[t] = token p = r*W + c at scan position t (ML-Mamba section 3.2.3; VMamba's cross scan):
 *   row               t
 *   row_reversed      L-1-t
 *   column            (t mod H)*W + t/H
 *   column_reversed   column(L-1-t)
 * Bidirectional scan = row, row_reversed; cross scan = all four.
 */
#ifndef FUSION_SCAN2D_H
#define FUSION_SCAN2D_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

typedef enum scan2d_order {
    SCAN2D_ROW = 0,
    SCAN2D_ROW_REVERSED,
    SCAN2D_COLUMN,
    SCAN2D_COLUMN_REVERSED,
    SCAN2D_ORDER_COUNT
} scan2d_order;

extern const char *const scan2d_order_names[SCAN2D_ORDER_COUNT + 1]; /* NULL-terminated */

/* The order of that name, or -1. */
int scan2d_order_find(const char *name);
/* Fills order[0 .. height*width-1]. */
void scan2d_fill(int32_t *order, scan2d_order kind, int height, int width);
/* inverse[order[t]] = t. */
void scan2d_invert(int32_t *inverse, const int32_t *order, int64_t n);

#endif
