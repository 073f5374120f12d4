/* bench_private.h: what the files of the benchmark share.  Internal. */
#ifndef APP_ENGINE_BENCH_PRIVATE_H
#define APP_ENGINE_BENCH_PRIVATE_H

#include "app/engine/bench.h"
#include "app/engine/engine_private.h"

typedef struct bench {
    mlmamba_engine   *eng;
    const bench_args *a;
    bench_result     *r;
    engine_work       work;
    double           *times; /* n_runs */
} bench;

/* What is measured; the first call, which is not counted, may make plans and capture graphs. */
typedef mlm_status (*bench_fn)(bench *b, void *payload);
/* Median of n_runs calls, each of which does it `inner` times. */
mlm_status bench_time(double *ms, bench *b, int inner, bench_fn run, void *payload) MLM_WARN_UNUSED;
/* The same, the fastest of at least 9: for ceilings. */
mlm_status bench_best(double *ms, bench *b, int inner, bench_fn run, void *payload) MLM_WARN_UNUSED;
double     bench_median(double *v, int n);
/* Fills the floor and adds a line.  line->floor_ms may be set by the caller. */
mlm_status bench_add(bench *b, const bench_line *line) MLM_WARN_UNUSED;
double     bench_floor(const bench *b, double bytes, double flops);
/* Is the line of this name to be measured? */
bool       bench_wants(const bench *b, const char *name);
mlm_status bench_check_cancel(const bench *b) MLM_WARN_UNUSED;

/* Work of stages: of n pictures; of n rows of T tokens; of a step of n rows. */
engine_amount bench_vision_work(const bench *b, int n);
engine_amount bench_connector_work(const bench *b, int n);
engine_amount bench_prefill_work(const bench *b, int n, int T);
engine_amount bench_step_work(const bench *b, int n);
/* The floors of a picture and n_prompt tokens of text in turn. */
double bench_front_floor(const bench *b, int n_pictures, int n_prompt);

mlm_status bench_ceilings(bench *b) MLM_WARN_UNUSED; /* bench_ceiling.c */
mlm_status bench_stages(bench *b) MLM_WARN_UNUSED; /* bench_stage.c: parts of the engine, alone            */
mlm_status bench_whole(bench *b) MLM_WARN_UNUSED;  /* bench_whole.c: through mlmamba.h, as a program does */

#endif
