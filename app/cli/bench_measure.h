/* bench_measure.h: the measurements of `mlmamba bench`. */
#ifndef APP_CLI_BENCH_MEASURE_H
#define APP_CLI_BENCH_MEASURE_H

#include "app/cli/cli.h"
#include "app/engine/engine_private.h"

typedef enum bench_row {
    BENCH_FILE = 0, /* decode the picture file        */
    BENCH_PREPROCESS,
    BENCH_VISION,
    BENCH_CONNECTOR,
    BENCH_PREFILL,  /* picture tokens into the state  */
    BENCH_QUESTION, /* the question's tokens          */
    BENCH_FIRST,    /* picture to first token         */
    BENCH_NEXT,     /* next question, same picture, to its first token */
    BENCH_TOKEN,    /* one more token                 */
    BENCH_ROW_COUNT
} bench_row;

typedef struct bench_result {
    double ms[BENCH_ROW_COUNT];    /* medians                                          */
    double bytes[BENCH_ROW_COUNT]; /* 0: not counted                                   */
    double flops[BENCH_ROW_COUNT]; /* 0: not counted                                   */
    double read_ms;                /* a plain read of BENCH_TOKEN's bytes, all threads */
    double rss_mb;                 /* largest so far                                   */
    int    prompt_tokens, width, height;
} bench_result;

/* rgb may be NULL: then path is a file. */
mlm_status bench_measure(bench_result *out, mlmamba_engine *eng, const char *path, const uint8_t *rgb,
                         int side, int n_runs, int n_tokens);

#endif
