/* bench.h: the measurements of `mlmamba bench`.  Internal: not installed. */
#ifndef APP_ENGINE_BENCH_H
#define APP_ENGINE_BENCH_H

#include "app/engine/mlmamba.h"

#define BENCH_MAX_LIST 8

/* One measured stage, or one thing that a program does. */
typedef struct bench_line {
    char        name[24];      /* "decode": for programs                             */
    char        text[48];      /* for people                                         */
    int         batch, tokens; /* rows or pictures at once, tokens of each; 0: does not apply */
    double      ms;            /* median                                             */
    double      bytes, flops;  /* 0: not counted                                     */
    double      floor_ms;      /* what the ceilings allow; 0: none                   */
    double      rate;          /* units a second; 0: none                            */
    const char *unit;          /* "tok/s", "pictures/s"                              */
} bench_line;

typedef struct bench_result {
    bench_line *line; /* owned: bench_result_free */
    int         n_lines, capacity;
    double      read_rate;         /* bytes a second of a long plain read of the device's memory */
    double      product_rate;      /* operations a second of a large product                     */
    const char *product_type;      /* "bf16", "f32"                                              */
    double      tokens_per_second; /* of one conversation */
    int         width, height, prompt_tokens;
    double      weights_mb, states_mb, rest_mb,
        device_mb; /* of the device's memory; device_mb: the whole card, 0: not known */
    /* What the rest is made of; 0 where it is not known. */
    double driver_mb, queues_mb, rounding_mb, working_mb, code_mb;
    double rss_mb; /* largest so far                                 */
} bench_result;

typedef struct bench_args {
    const char    *path; /* a picture file, or          */
    const uint8_t *rgb;  /* NULL, or [side, side, 3]    */
    int            side;
    int            n_runs, n_tokens;         /* at least 1                                    */
    int            batch[BENCH_MAX_LIST];    /* rows decoded together; at most the engine's max_batch */
    int         prefill[2 * BENCH_MAX_LIST]; /* pairs: rows, tokens of each; tokens 0: picture and question */
    int         n_batches, n_prefills;
    int         n_pictures;              /* encoded together, beside one alone; 0: none   */
    int         n_rounds;                /* of short answers: so many batches in a run */
    const char *only;                    /* names of lines, with commas between them; NULL: all */
    int         n_answer;                /* tokens of the long answer; 0: none            */
    const char *state_file;              /* written and removed; NULL: none               */
    bool (*is_cancelled)(void *payload); /* polled between measurements; may be NULL      */
    void *payload;
} bench_args;

/* What is not given yet, for the device and model of opt; opt->max_batch becomes that of the batches. */
mlm_status bench_defaults(bench_args *a, mlmamba_engine_options *opt);
mlm_status bench_check_only(const char *only); /* its names are known; NULL: all */
mlm_status bench_measure(bench_result *out, mlmamba_engine *eng, const bench_args *a);
void       bench_result_free(bench_result *r);
/* bytes, GB/s, TFLOP/s and the share of the floor in per cent; 0 where a line does not have it. */
typedef struct bench_rates {
    double gb_s, tflop_s, floor_percent;
} bench_rates;
bench_rates bench_line_rates(const bench_line *line);

#endif
