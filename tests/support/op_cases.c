/* op_cases.c: the table of cases, their bounds and their costs (see op_cases.h). */
#include "tests/support/op_cases.h"

#include <stdio.h>

/* The last named size is the head of "...", because C11 wants at least one argument there. */
#define LINEAR(b, t, in_, out_, ...)                                                                         \
    {                                                                                                        \
        .op = KN_OP_linear, .B = (b), .T = (t), .D = (in_), .O = (out_), .w_dtype = __VA_ARGS__              \
    }
#define ROWS(op_, b, t, ...)                                                                                 \
    {                                                                                                        \
        .op = KN_OP_##op_, .B = (b), .T = (t), .D = __VA_ARGS__                                              \
    }
#define SCAN(op_, b, t, h, p, g, ...)                                                                        \
    {                                                                                                        \
        .op = KN_OP_##op_, .B = (b), .T = (t), .D = (h) * (p), .H = (h), .G = (g), .N = __VA_ARGS__          \
    }
#define ALL_WEIGHTS(LINE) LINE(KN_F32), LINE(KN_BF16), LINE(KN_F16), LINE(KN_I8)

/* Products: one row, a few, around panel heights and widths, many; each weight dtype. */
#define LINEAR_ONE(w) LINEAR(0, 1, 384, 1804, w)
#define LINEAR_ODD(w) LINEAR(0, 1, 37, 53, w, .flags = OP_BIAS)
#define LINEAR_FEW(w) LINEAR(0, 5, 259, 131, w, .flags = OP_BIAS | OP_STRIDED, .act = KN_ACT_GELU_ERF)
#define LINEAR_ALL(w)                                                                                        \
    LINEAR(2, 19, 128, 97, w, .flags = OP_BIAS | OP_GAMMA | OP_RES_TABLE | OP_PARTS, .act = KN_ACT_GELU_TANH)
#define LINEAR_SEQ(w)  LINEAR(3, 33, 96, 200, w, .flags = OP_RESIDUAL | OP_STRIDED, .act = KN_ACT_SILU)
#define LINEAR_BIG(w)  LINEAR(0, 269, 384, 512, w, .flags = OP_BIAS)
#define LINEAR_OUT(w)  LINEAR(0, 65, 768, 384, w, .flags = OP_RES_INTO_Y)
#define LINEAR_TINY(w) LINEAR(0, 2, 1, 1, w, .flags = OP_BIAS)

#define BF16 .x_dtype = KN_BF16

const op_case op_cases[] = {
    ALL_WEIGHTS(LINEAR_ONE),
    ALL_WEIGHTS(LINEAR_ODD),
    ALL_WEIGHTS(LINEAR_FEW),
    ALL_WEIGHTS(LINEAR_ALL),
    ALL_WEIGHTS(LINEAR_SEQ),
    ALL_WEIGHTS(LINEAR_BIG),
    ALL_WEIGHTS(LINEAR_OUT),
    ALL_WEIGHTS(LINEAR_TINY),
    LINEAR(0, 4, 1024, 300, KN_I8, .flags = OP_PARTS),
    LINEAR(0, 3, 64, 64, KN_F32, .act = KN_ACT_GELU_TANH, .flags = OP_GAMMA),
    LINEAR(0, 6, 96, 70, KN_BF16, .act = KN_ACT_QUICK_GELU, .flags = OP_BIAS),
    LINEAR(4, 1, 384, 257, KN_I8, .flags = OP_STRIDED | OP_RESIDUAL),
    LINEAR(0, 0, 64, 64, KN_F32),
    LINEAR(0, 5, 259, 131, KN_BF16, BF16, .flags = OP_BIAS | OP_STRIDED, .act = KN_ACT_SILU),
    LINEAR(2, 19, 128, 97, KN_BF16, BF16, .flags = OP_BIAS | OP_Y_F32 | OP_RESIDUAL),
    LINEAR(0, 1, 384, 1804, KN_I8, BF16),
    LINEAR(0, 130, 384, 512, KN_BF16, BF16, .flags = OP_BIAS),
    LINEAR(0, 130, 384, 512, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16),
    LINEAR(0, 70, 384, 512, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16, .act = KN_ACT_GELU_ERF),
    LINEAR(0, 70, 384, 512, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16, .act = KN_ACT_GELU_TANH),
    LINEAR(0, 33, 384, 512, KN_BF16, BF16, .act = KN_ACT_SILU),
    LINEAR(3, 25, 384, 264, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16 | OP_RES_INTO_Y),
    LINEAR(3, 25, 128, 264, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16 | OP_RES_TABLE),
    LINEAR(3, 25, 128, 264, KN_BF16, BF16, .flags = OP_BIAS | OP_Y_F32 | OP_RES_INTO_Y),
    LINEAR(0, 65, 588, 128, KN_BF16, BF16, .flags = OP_BIAS | OP_SIDE_BF16),
    LINEAR(64, 3, 72, 40, KN_BF16, BF16, .flags = OP_Y_F32),
    /* One row of a wide product, and a batch of tokens: what a decoded token is made of. */
    LINEAR(0, 1, 2560, 2300, KN_BF16),
    LINEAR(0, 1, 2560, 2300, KN_I8),
    LINEAR(0, 1, 5120, 1100, KN_BF16, .flags = OP_RES_INTO_Y),
    LINEAR(0, 1, 6400, 1100, KN_I8, .flags = OP_RESIDUAL),
    LINEAR(37, 1, 384, 3304, KN_BF16, BF16, .flags = OP_Y_F32 | OP_RESIDUAL),
    LINEAR(0, 3, 136, 12800, KN_BF16, BF16, .flags = OP_Y_F32),
    LINEAR(37, 1, 2056, 2304, KN_BF16, BF16, .flags = OP_Y_F32 | OP_RESIDUAL),
    LINEAR(0, 64, 2176, 2564, KN_BF16, BF16, .flags = OP_Y_F32 | OP_RES_INTO_Y),

    ROWS(layernorm, 0, 1, 1),
    ROWS(layernorm, 0, 7, 384),
    ROWS(layernorm, 3, 5, 193, .flags = OP_STRIDED),
    ROWS(layernorm, 2, 3, 768, .flags = OP_IN_PLACE),
    ROWS(layernorm, 2, 3, 768, BF16),
    ROWS(layernorm, 0, 9, 1152, BF16, .flags = OP_IN_PLACE),
    ROWS(layernorm, 0, 5, 2560, BF16),
    ROWS(layernorm, 0, 3, 10248, BF16),
    ROWS(rmsnorm, 0, 1, 384),
    ROWS(rmsnorm, 3, 5, 193, .flags = OP_STRIDED),
    ROWS(rmsnorm, 0, 70, 256, .flags = OP_IN_PLACE),
    ROWS(rmsnorm, 0, 4, 256, .flags = OP_Y_BF16),
    ROWS(rmsnorm, 0, 4, 256, BF16),
    ROWS(rmsnorm, 64, 3, 2560, .flags = OP_Y_BF16),
    ROWS(rmsnorm, 0, 3, 10240),
    ROWS(rmsnorm_gated, 0, 1, 768, .G = 1),
    ROWS(rmsnorm_gated, 3, 5, 192, .G = 3, .flags = OP_STRIDED | OP_SCALE),
    ROWS(rmsnorm_gated, 2, 9, 130, .G = 2, .flags = OP_ACCUMULATE | OP_SCALE | OP_STRIDED),
    ROWS(rmsnorm_gated, 1, 9, 256, .G = 1, .flags = OP_IN_PLACE),
    ROWS(rmsnorm_gated, 1, 9, 256, .G = 1, BF16),
    ROWS(rmsnorm_gated, 2, 9, 5120, .G = 1, BF16, .flags = OP_ACCUMULATE | OP_SCALE),
    ROWS(rmsnorm_gated, 2, 9, 5120, .G = 1, .flags = OP_SIDE_BF16 | OP_Y_BF16),
    ROWS(rmsnorm_gated, 3, 5, 130, .G = 2, .flags = OP_SIDE_BF16),
    ROWS(rmsnorm_gated, 3, 5, 192, .G = 3, .flags = OP_TWO | OP_SCALE | OP_STRIDED),
    ROWS(rmsnorm_gated, 1, 9, 256, .G = 1, .flags = OP_TWO | OP_IN_PLACE),
    ROWS(rmsnorm_gated, 2, 9, 5120, .G = 1, BF16, .flags = OP_TWO | OP_SCALE | OP_IN_PLACE),
    ROWS(rmsnorm_gated, 3, 5, 1000, .G = 1, BF16, .flags = OP_TWO | OP_STRIDED),

    {.op = KN_OP_patchify, .B = 1, .O = 32, .K = 16},
    {.op = KN_OP_patchify, .B = 3, .O = 47, .K = 14, .flags = OP_STRIDED},
    {.op = KN_OP_patchify, .B = 1, .O = 20, .K = 7, .flags = OP_Y_BF16},
    {.op = KN_OP_patchify, .B = 1, .O = 32, .K = 16, .x_dtype = KN_U8, .flags = OP_Y_F32},
    {.op = KN_OP_patchify, .B = 3, .O = 47, .K = 14, .x_dtype = KN_U8, .flags = OP_Y_F32 | OP_STRIDED},
    {.op = KN_OP_patchify, .B = 5, .O = 20, .K = 7, .x_dtype = KN_U8, .flags = OP_Y_BF16},

    ROWS(attention, 1, 1, 64, .H = 1),
    ROWS(attention, 2, 49, 192, .H = 3),
    ROWS(attention, 3, 37, 144, .H = 2, .flags = OP_LEN | OP_STRIDED),
    ROWS(attention, 1, 130, 128, .H = 4, .flags = OP_SCALE),
    ROWS(attention, 1, 67, 40, .H = 5, .flags = OP_ODD_DATA),
    ROWS(attention, 2, 49, 192, .H = 3, BF16),
    ROWS(attention, 1, 1, 64, .H = 1, BF16),
    ROWS(attention, 3, 130, 144, .H = 2, BF16, .flags = OP_LEN),
    ROWS(attention, 4, 200, 128, .H = 2, BF16, .flags = OP_LEN | OP_SCALE),
    ROWS(attention, 20, 40, 1152, .H = 16, BF16),
    ROWS(attention, 9, 150, 1024, .H = 16, BF16, .flags = OP_LEN),
    ROWS(attention, 1, 100, 160, .H = 2, BF16, .flags = OP_ODD_DATA),
    ROWS(attention, 1, 70, 240, .H = 2, BF16),
    ROWS(attention, 1, 67, 40, .H = 5, BF16),
    ROWS(attention, 2, 37, 144, .H = 2, BF16, .flags = OP_STRIDED),
    ROWS(attention, 1, 300, 144, .H = 2, BF16),
    ROWS(attention, 5, 150, 896, .H = 14, BF16),
    ROWS(attention, 5, 150, 1008, .H = 14, BF16),

    ROWS(swiglu, 0, 1, 1),
    ROWS(swiglu, 3, 5, 173, .flags = OP_STRIDED),
    ROWS(swiglu, 0, 9, 1024, .flags = OP_IN_PLACE),
    ROWS(swiglu, 0, 9, 100, BF16),
    ROWS(swiglu, 3, 9, 1024, BF16, .flags = OP_IN_PLACE),

    ROWS(copy, 0, 3, 5),
    ROWS(copy, 3, 7, 129, .flags = OP_STRIDED),
    ROWS(copy, 3, 7, 64, .flags = OP_RES_TABLE),
    ROWS(copy, 0, 9, 65, BF16, .flags = OP_STRIDED),
    ROWS(copy, 0, 9, 65, BF16, .flags = OP_Y_F32),
    ROWS(copy, 0, 9, 65, .flags = OP_Y_BF16),
    ROWS(copy, 0, 9, 65, .x_dtype = KN_F16, .flags = OP_Y_F32),

    ROWS(take_rows, 1, 1, 8),
    ROWS(take_rows, 5, 11, 77, .flags = OP_STRIDED | OP_ODD_DATA),
    ROWS(take_rows, 3, 11, 64, BF16, .flags = OP_Y_F32),

#define EMBED_FLAT(w)                                                                                        \
    {                                                                                                        \
        .op = KN_OP_embed, .T = 9, .D = 65, .O = 50, .w_dtype = w, .flags = OP_ODD_DATA                      \
    }
#define EMBED_SEQ(w)                                                                                         \
    {                                                                                                        \
        .op = KN_OP_embed, .B = 2, .T = 3, .D = 384, .O = 130, .w_dtype = w, .flags = OP_STRIDED             \
    }
    ALL_WEIGHTS(EMBED_FLAT),
    ALL_WEIGHTS(EMBED_SEQ),
    {.op = KN_OP_embed, .T = 9, .D = 65, .O = 50, .w_dtype = KN_BF16, BF16},

    ROWS(conv1d, 1, 1, 5, .K = 4),
    ROWS(conv1d, 1, 1, 896, .K = 4, .flags = OP_BIAS | OP_STATE),
    ROWS(conv1d, 3, 1, 130, .K = 4, .flags = OP_BIAS | OP_STATE | OP_LEN | OP_STRIDED),
    ROWS(conv1d, 4, 13, 130, .K = 4, .flags = OP_BIAS | OP_STATE | OP_LEN | OP_STRIDED),
    ROWS(conv1d, 4, 2, 67, .K = 8, .flags = OP_STATE | OP_LEN),
    ROWS(conv1d, 2, 70, 33, .K = 2, .flags = OP_BIAS),
    ROWS(conv1d, 2, 37, 896, .K = 4, .flags = OP_BIAS | OP_ORDER | OP_STRIDED),
    ROWS(conv1d, 2, 9, 64, .K = 3, .flags = OP_BIAS | OP_LEN),
    ROWS(conv1d, 2, 9, 64, .K = 4, BF16, .flags = OP_BIAS | OP_STATE),
    ROWS(conv1d, 1, 16, 896, .K = 4, BF16, .flags = OP_BIAS | OP_STATE),
    ROWS(conv1d, 5, 37, 136, .K = 4, BF16, .flags = OP_BIAS | OP_STATE | OP_LEN),
    ROWS(conv1d, 2, 37, 896, .K = 4, BF16, .flags = OP_BIAS | OP_ORDER),
    ROWS(conv1d, 64, 18, 24, .K = 4, BF16, .flags = OP_LEN),
    ROWS(conv1d, 1, 3, 24, .K = 4, .flags = OP_BIAS | OP_STATE | OP_CUT),
    ROWS(conv1d, 3, 21, 130, .K = 3, .flags = OP_BIAS | OP_CUT | OP_STRIDED),
    ROWS(conv1d, 2, 37, 136, .K = 4, BF16, .flags = OP_BIAS | OP_STATE | OP_CUT),

    SCAN(ssd_scan, 1, 1, 1, 1, 1, 1),
    SCAN(ssd_scan, 1, 1, 12, 64, 1, 64, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 63, 3, 64, 1, 64, .flags = OP_BIAS | OP_SKIP),
    SCAN(ssd_scan, 1, 257, 2, 64, 1, 128, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 4, 71, 4, 32, 2, 16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN | OP_STRIDED),
    SCAN(ssd_scan, 2, 130, 4, 16, 4, 24, .flags = OP_STATE | OP_LEN),
    SCAN(ssd_scan, 2, 64, 4, 64, 1, 64, .flags = OP_BIAS | OP_SKIP | OP_ORDER | OP_STRIDED),
    SCAN(ssd_scan, 2, 100, 6, 8, 3, 20, .flags = OP_BIAS | OP_SKIP | OP_ORDER | OP_ACCUMULATE),
    SCAN(ssd_scan, 2, 66, 3, 7, 1, 5, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LIMITS),
    SCAN(ssd_scan, 1, 200, 2, 64, 1, 64, .flags = OP_BIAS | OP_SKIP | OP_ODD_DATA),
    SCAN(ssd_scan, 2, 64, 4, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 1, 2, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 17, 2, 64, 1, 128, BF16, .flags = OP_SKIP),
    SCAN(ssd_scan, 2, 65, 3, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_SIDE_BF16),
    SCAN(ssd_scan, 4, 200, 4, 64, 2, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN),
    SCAN(ssd_scan, 5, 193, 2, 64, 1, 64, BF16, .flags = OP_BIAS | OP_STATE | OP_LEN | OP_SIDE_BF16),
    SCAN(ssd_scan, 2, 100, 4, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_ORDER),
    SCAN(ssd_scan, 2, 100, 4, 64, 1, 128, BF16,
         .flags = OP_BIAS | OP_SKIP | OP_ORDER | OP_ACCUMULATE | OP_Y_F32),
    SCAN(ssd_scan, 2, 70, 3, 40, 1, 24, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LIMITS),
    SCAN(ssd_scan, 1, 200, 2, 96, 1, 80, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_ODD_DATA),
    SCAN(ssd_scan, 4, 70, 80, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN),
    SCAN(ssd_scan, 64, 33, 5, 64, 1, 64, BF16, .flags = OP_BIAS | OP_STATE),
    SCAN(ssd_scan, 2, 66, 3, 7, 1, 5, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 521, 2, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 2, 390, 2, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN),
    SCAN(ssd_scan, 1, 1600, 2, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 1570, 3, 64, 1, 64, BF16, .flags = OP_SKIP),
    SCAN(ssd_scan, 9, 130, 30, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 1, 4, 16, 1, 24, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_CUT),
    SCAN(ssd_scan, 3, 40, 4, 24, 2, 20, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_CUT),
    SCAN(ssd_scan, 2, 70, 3, 40, 1, 24, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_CUT),
    SCAN(ssd_scan, 2, 100, 3, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_CUT),
    SCAN(ssd_scan, 1, 40, 5, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_CUT),
    SCAN(ssd_scan, 3, 40, 4, 24, 2, 20, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_KEPT),
    SCAN(ssd_scan, 2, 70, 3, 40, 1, 24, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_KEPT),
    SCAN(ssd_scan, 2, 90, 3, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_KEPT | OP_STRIDED),
    SCAN(ssd_scan, 1, 128, 5, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_KEPT),
    SCAN(ssd_scan, 2, 777, 2, 64, 1, 128, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_KEPT),

    SCAN(ssd_step, 1, 1, 1, 1, 1, 1, .flags = OP_STATE),
    SCAN(ssd_step, 1, 1, 12, 64, 1, 64, .flags = OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_step, 3, 1, 4, 33, 2, 19, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_STRIDED | OP_LIMITS),
    SCAN(ssd_step, 5, 1, 3, 64, 1, 128, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN),
    SCAN(ssd_step, 2, 1, 4, 64, 1, 64, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE),

    ROWS(s6_scan, 1, 1, 1, .N = 1),
    ROWS(s6_scan, 1, 1, 130, .N = 16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_GATE),
    ROWS(s6_scan, 2, 67, 48, .N = 16, .flags = OP_BIAS | OP_SKIP | OP_GATE),
    ROWS(s6_scan, 4, 37, 50, .N = 16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_LEN | OP_STRIDED | OP_GATE),
    ROWS(s6_scan, 2, 19, 21, .N = 5, .flags = OP_STATE | OP_LEN),
    ROWS(s6_scan, 2, 9, 20, .N = 40, .flags = OP_SKIP | OP_STATE),
    ROWS(s6_scan, 1, 5, 18, .N = 200, .flags = OP_STATE | OP_GATE | OP_ODD_DATA),
    ROWS(s6_scan, 2, 40, 64, .N = 16, BF16, .flags = OP_BIAS | OP_SKIP | OP_STATE | OP_GATE),

    {.op = KN_OP_pool2d, .B = 2, .T = 27 * 27, .D = 37, .K = 27, .O = 14},
    {.op = KN_OP_pool2d, .B = 1, .T = 25, .D = 64, .K = 5, .O = 5, .flags = OP_STRIDED},
    {.op = KN_OP_pool2d, .B = 1, .T = 9, .D = 16, .K = 3, .O = 7},
    {.op = KN_OP_pool2d, .B = 2, .T = 36, .D = 33, .K = 6, .O = 1, BF16},
    {.op = KN_OP_dwconv2d, .B = 2, .T = 196, .D = 37, .K = 14, .flags = OP_STRIDED},
    {.op = KN_OP_dwconv2d, .B = 1, .T = 1, .D = 5, .K = 1},
    {.op = KN_OP_dwconv2d, .B = 2, .T = 25, .D = 64, .K = 5, BF16},
    {.op = KN_OP_dwconv2d, .B = 1, .T = 16, .D = 40, .K = 4, BF16, .flags = OP_Y_F32},

    {.op = KN_OP_argmax, .T = 1, .D = 1},
    {.op = KN_OP_argmax, .T = 3, .D = 3072, .K = 3001},
    {.op = KN_OP_argmax, .T = 9, .D = 517, .flags = OP_ODD_DATA | OP_STRIDED},

/* ---- timed: the built-in model, then Mamba-2 2.7B ------------------------------------------------ */
#define MODEL_IN(w)      LINEAR(0, 1, 384, 1804, w, .flags = OP_PERF)
#define MODEL_HEAD(w)    LINEAR(0, 1, 384, 3072, w, .flags = OP_PERF)
#define MODEL_PREFILL(w) LINEAR(0, 269, 384, 1804, w, .flags = OP_PERF)
#define MODEL_VIT(w)     LINEAR(0, 256, 256, 768, w, .flags = OP_PERF)
#define LARGE_IN(w)                                                                                          \
    LINEAR(0, 1, 2560, 10576, w, .flags = OP_PERF), LINEAR(0, 128, 2560, 10576, w, .flags = OP_PERF)
#define LARGE_OUT(w)                                                                                         \
    LINEAR(0, 1, 5120, 2560, w, .flags = OP_PERF), LINEAR(0, 128, 5120, 2560, w, .flags = OP_PERF)
#define LARGE_HEAD(w)                                                                                        \
    LINEAR(0, 1, 2560, 50288, w, .flags = OP_PERF), LINEAR(0, 128, 2560, 50288, w, .flags = OP_PERF)
    ALL_WEIGHTS(MODEL_IN),
    ALL_WEIGHTS(MODEL_HEAD),
    ALL_WEIGHTS(MODEL_PREFILL),
    ALL_WEIGHTS(MODEL_VIT),
    LARGE_IN(KN_BF16),
    LARGE_IN(KN_I8),
    LARGE_OUT(KN_BF16),
    LARGE_OUT(KN_I8),
    LARGE_HEAD(KN_BF16),
    LARGE_HEAD(KN_I8),
    ROWS(layernorm, 1, 256, 256, .flags = OP_PERF),
    ROWS(rmsnorm, 1, 269, 384, .flags = OP_PERF),
    ROWS(rmsnorm_gated, 1, 269, 768, .G = 1, .flags = OP_PERF),
    {.op = KN_OP_patchify, .B = 1, .O = 224, .K = 14, .flags = OP_PERF},
    ROWS(attention, 1, 256, 256, .H = 4, .flags = OP_PERF),
    ROWS(attention, 1, 729, 1152, .H = 16, .flags = OP_PERF),
    ROWS(swiglu, 1, 256, 1024, .flags = OP_PERF),
    ROWS(copy, 1, 256, 384, .flags = OP_PERF),
    ROWS(take_rows, 4, 269, 384, .flags = OP_PERF),
    {.op = KN_OP_embed, .T = 13, .D = 384, .O = 3072, .w_dtype = KN_I8, .flags = OP_PERF},
    ROWS(conv1d, 1, 1, 896, .K = 4, .flags = OP_PERF | OP_BIAS | OP_STATE),
    ROWS(conv1d, 1, 269, 896, .K = 4, .flags = OP_PERF | OP_BIAS | OP_STATE),
    SCAN(ssd_scan, 1, 269, 12, 64, 1, 64, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_scan, 1, 1024, 80, 64, 1, 128, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_step, 1, 1, 12, 64, 1, 64, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE),
    SCAN(ssd_step, 1, 1, 80, 64, 1, 128, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE),
    ROWS(s6_scan, 1, 1, 5120, .N = 16, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE | OP_GATE),
    ROWS(s6_scan, 1, 760, 5120, .N = 16, .flags = OP_PERF | OP_BIAS | OP_SKIP | OP_STATE | OP_GATE),
    {.op = KN_OP_pool2d, .B = 1, .T = 729, .D = 2560, .K = 27, .O = 14, .flags = OP_PERF},
    {.op = KN_OP_dwconv2d, .B = 1, .T = 196, .D = 2560, .K = 14, .flags = OP_PERF},
    {.op = KN_OP_argmax, .T = 1, .D = 50288, .flags = OP_PERF},
};
const int op_case_count = (int)(sizeof op_cases / sizeof op_cases[0]);

/* ---- names --------------------------------------------------------------------------------------- */

static const char *const act_names[KN_ACT_COUNT] = {"", "gelu-erf", "gelu-tanh", "silu", "quick-gelu"};
static const char *const flag_names[] = {"bias",   "gamma", "residual",   "residual=y", "table", "len",
                                         "order",  "state", "accumulate", "strided",    "y=x",   "y:f32",
                                         "y:bf16", "parts", "scale",      "limits",     "d",     "odd",
                                         "",       "gate",  "side:bf16",  "x2",         "cut",   "kept"};

const char *op_case_name(const op_case *c, char *text, size_t cap)
{
    static const char *const letters = "BTDOHGNK";
    const int64_t            size[]  = {c->B, c->T, c->D, c->O, c->H, c->G, c->N, c->K};
    int                      n       = snprintf(text, cap, "%s", kn_op_names[c->op]);
    for (int i = 0; i < 8 && n >= 0 && (size_t)n < cap; i++)
        if (size[i] != 0)
            n += snprintf(text + n, cap - (size_t)n, " %c%lld", letters[i], (long long)size[i]);
    if (n >= 0 && (size_t)n < cap && (c->op == KN_OP_linear || c->op == KN_OP_embed))
        n += snprintf(text + n, cap - (size_t)n, " w:%s", kn_dtype_name(c->w_dtype));
    if (n >= 0 && (size_t)n < cap && c->x_dtype != KN_F32)
        n += snprintf(text + n, cap - (size_t)n, " x:%s", kn_dtype_name(c->x_dtype));
    if (n >= 0 && (size_t)n < cap && c->act != KN_ACT_NONE)
        n += snprintf(text + n, cap - (size_t)n, " %s", act_names[c->act]);
    for (unsigned i = 0; i < sizeof flag_names / sizeof flag_names[0] && n >= 0 && (size_t)n < cap; i++)
        if (c->flags & (1u << i))
            n += snprintf(text + n, cap - (size_t)n, " %s", flag_names[i]);
    return text;
}

/* ---- bounds -------------------------------------------------------------------------------------- */

op_bound op_case_bound(const op_case *c)
{
    static const op_bound exact   = {0.0, 0.0, "moves values, computes nothing"};
    static const op_bound rounded = {1e-4, 1e-2, "bf16 results: half a unit in the last of 8 bits, twice"};
    static const op_bound plain   = {1e-12, 2e-6, "f32, a few roundings a value"};
    static const op_bound sums = {1e-11, 1e-5, "f32 sums of up to some thousand products in another order"};
    static const op_bound scan = {1e-10, 3e-5,
                                  "f32 chunk products and exponentials of differences of running sums"};
    switch (c->op) {
    case KN_OP_copy:
    case KN_OP_take_rows:
    case KN_OP_patchify:
    case KN_OP_argmax:
        return exact; /* conversions round to nearest even: one right result */
    case KN_OP_embed:
        return c->w_dtype == KN_I8 ? plain : exact;
    case KN_OP_ssd_scan:
    case KN_OP_s6_scan:
        return c->x_dtype == KN_BF16 ? rounded : scan;
    case KN_OP_linear:
    case KN_OP_attention:
    case KN_OP_ssd_step:
        return c->x_dtype == KN_BF16 ? rounded : sums;
    case KN_OP_layernorm:
    case KN_OP_rmsnorm:
    case KN_OP_rmsnorm_gated:
    case KN_OP_swiglu:
    case KN_OP_conv1d:
    case KN_OP_pool2d:
    case KN_OP_dwconv2d:
        return c->x_dtype == KN_BF16 || (c->flags & OP_Y_BF16) ? rounded : plain;
    case KN_OP_COUNT:
        break;
    }
    return exact;
}

/* ---- costs --------------------------------------------------------------------------------------- */

op_cost op_case_cost(const op_case *c)
{
    double xb = (double)kn_dtype_size(c->x_dtype), rows = (double)((c->B > 0 ? c->B : 1) * c->T);
    double D = (double)c->D, O = (double)c->O, H = (double)c->H, N = (double)c->N, K = (double)c->K;
    double G = (double)c->G, B = (double)(c->B > 0 ? c->B : 1), T = (double)c->T;
    double state = 2.0 * 4.0 * B * D * N; /* of a scan, in and out */
    switch (c->op) {
    case KN_OP_linear: {
        double w = D * O * (double)kn_dtype_size(c->w_dtype) + (c->w_dtype == KN_I8 ? 4.0 * O : 0.0);
        return (op_cost){w, w + xb * rows * (D + O), 2.0 * rows * D * O};
    }
    case KN_OP_embed: {
        double w = rows * D * (double)kn_dtype_size(c->w_dtype);
        return (op_cost){w, w + xb * rows * D, 0.0};
    }
    case KN_OP_layernorm:
    case KN_OP_rmsnorm:
        return (op_cost){0.0, 2.0 * xb * rows * D, 5.0 * rows * D};
    case KN_OP_rmsnorm_gated:
        return (op_cost){0.0, (c->flags & OP_TWO ? 4.0 : 3.0) * xb * rows * D, 9.0 * rows * D};
    case KN_OP_swiglu:
        return (op_cost){0.0, 3.0 * xb * rows * D, 6.0 * rows * D};
    case KN_OP_copy:
    case KN_OP_take_rows:
        return (op_cost){0.0, 2.0 * xb * (c->op == KN_OP_copy ? rows : B) * D, 0.0};
    case KN_OP_patchify:
        return (op_cost){0.0, (4.0 + xb) * B * 3.0 * O * O, 0.0};
    case KN_OP_attention:
        return (op_cost){0.0, 4.0 * xb * rows * D, 4.0 * rows * T * D};
    case KN_OP_conv1d:
        return (op_cost){0.0, 2.0 * xb * rows * D, (2.0 * K + 5.0) * rows * D};
    case KN_OP_ssd_scan:
    case KN_OP_ssd_step: /* the recurrence: decay, outer product, read-out */
        return (op_cost){0.0, state + xb * rows * (2.0 * D + 2.0 * G * N) + 4.0 * rows * H,
                         5.0 * rows * D * N};
    case KN_OP_s6_scan:
        return (op_cost){0.0, state + xb * rows * (4.0 * D + 2.0 * N), 6.0 * rows * D * N};
    case KN_OP_pool2d:
        return (op_cost){0.0, xb * B * D * (K * K + O * O), B * D * K * K};
    case KN_OP_dwconv2d:
        return (op_cost){0.0, 2.0 * xb * rows * D, 18.0 * rows * D};
    case KN_OP_argmax:
        return (op_cost){0.0, 4.0 * rows * D, rows * D};
    case KN_OP_COUNT:
        break;
    }
    return (op_cost){0.0, 0.0, 0.0};
}
