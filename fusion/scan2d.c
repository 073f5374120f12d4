/* scan2d.c: the scan orders of scan2d.h. */
#include "fusion/scan2d.h"

#include <assert.h>
#include <string.h>

const char *const scan2d_order_names[SCAN2D_ORDER_COUNT + 1] = {"row", "row_reversed", "column",
                                                                "column_reversed", NULL};

int scan2d_order_find(const char *name)
{
    for (int i = 0; i < SCAN2D_ORDER_COUNT; i++)
        if (strcmp(name, scan2d_order_names[i]) == 0)
            return i;
    return -1;
}

static int32_t column_order(int64_t t, int height, int width)
{
    return (int32_t)((t % height) * width + t / height);
}

void scan2d_fill(int32_t *order, scan2d_order kind, int height, int width)
{
    assert(height > 0 && width > 0);
    int64_t n = (int64_t)height * width;
    for (int64_t t = 0; t < n; t++) {
        switch (kind) {
        case SCAN2D_ROW_REVERSED:
            order[t] = (int32_t)(n - 1 - t);
            break;
        case SCAN2D_COLUMN:
            order[t] = column_order(t, height, width);
            break;
        case SCAN2D_COLUMN_REVERSED:
            order[t] = column_order(n - 1 - t, height, width);
            break;
        case SCAN2D_ROW:
        case SCAN2D_ORDER_COUNT:
            order[t] = (int32_t)t;
            break;
        }
    }
}

void scan2d_invert(int32_t *inverse, const int32_t *order, int64_t n)
{
    for (int64_t t = 0; t < n; t++)
        inverse[order[t]] = (int32_t)t;
}
