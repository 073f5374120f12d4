/* cmd_bench.c: mlmamba bench: the measurements of app/engine/bench.c as a table, JSON or CSV. */
#include "app/cli/cli.h"
#include "app/engine/bench.h"

#include <stdlib.h>

#define SIDE 1024

static const char *const names[BENCH_ROW_COUNT] = {
    "decode_file", "preprocess",  "vision",        "connector", "image_prefill",
    "question",    "first_token", "next_question", "token",     "step"};
static const char *const texts[BENCH_ROW_COUNT] = {"decode the picture file",
                                                   "resize and normalise",
                                                   "vision tower",
                                                   "connector",
                                                   "picture into the state",
                                                   "question into the state",
                                                   "picture to first token",
                                                   "next question to first token",
                                                   "one more token",
                                                   "  of it the model's step"};

static double rate(double amount, double ms)
{
    return ms > 0 ? amount / ms / 1e6 : 0.0; /* per ms -> giga per second */
}

static void print_table(const bench_result *r, const mlmamba_engine_info *info)
{
    out_printf("%s, %s weights, %s, picture %d x %d, median\n\n", info->model_name, info->weights_dtype,
               info->device_description, r->width, r->height);
    out_printf("%-30s %10s %9s %9s\n", "stage", "ms", "GB/s", "GFLOP/s");
    for (int k = 0; k < BENCH_ROW_COUNT; k++) {
        out_printf("%-30s %10.2f", texts[k], r->ms[k]);
        if (r->flops[k] > 0)
            out_printf(" %9.2f %9.1f", rate(r->bytes[k], r->ms[k]), rate(r->flops[k], r->ms[k]));
        out_text("\n");
    }
    out_printf(
        "\n%.1f tokens a second.  A token reads %.1f MB; a plain read of as much takes %.2f ms (%.2f GB/s): "
        "decoding reaches %.0f %% of it.\n",
        1000.0 / r->ms[BENCH_TOKEN], r->bytes[BENCH_TOKEN] / 1e6, r->read_ms,
        rate(r->bytes[BENCH_TOKEN], r->read_ms), 100.0 * r->read_ms / r->ms[BENCH_TOKEN]);
    out_printf("Largest resident memory %.0f MB; the model was loaded in %.0f ms.\n", r->rss_mb,
               info->load_ms);
}

static void print_json(const bench_result *r, const mlmamba_engine_info *info)
{
    out_text("{");
    json_text("model", info->model_name, true);
    json_text("device", info->device_description, false);
    out_printf(", \"threads\": %d, \"width\": %d, \"height\": %d, \"load_ms\": %.3f, \"stages\": {",
               info->n_threads, r->width, r->height, info->load_ms);
    for (int k = 0; k < BENCH_ROW_COUNT; k++)
        out_printf("%s\"%s\": {\"ms\": %.4f, \"bytes\": %.0f, \"flops\": %.0f}", k > 0 ? ", " : "", names[k],
                   r->ms[k], r->bytes[k], r->flops[k]);
    out_printf("}, \"tokens_per_second\": %.3f, \"read_ms\": %.4f, \"read_share\": %.4f, \"rss_mb\": %.1f}\n",
               1000.0 / r->ms[BENCH_TOKEN], r->read_ms, r->read_ms / r->ms[BENCH_TOKEN], r->rss_mb);
}

static void print_csv(const bench_result *r)
{
    out_text("stage,ms,bytes,flops\n");
    for (int k = 0; k < BENCH_ROW_COUNT; k++)
        out_printf("%s,%.4f,%.0f,%.0f\n", names[k], r->ms[k], r->bytes[k], r->flops[k]);
    out_printf("plain_read,%.4f,%.0f,0\n", r->read_ms, r->bytes[BENCH_TOKEN]);
}

/* Any pixels do: the work does not depend on them. */
static uint8_t *make_picture(void)
{
    size_t   n   = (size_t)SIDE * SIDE * 3;
    uint8_t *rgb = malloc(n);
    for (size_t i = 0; rgb != NULL && i < n; i++)
        rgb[i] = (uint8_t)(i * 2654435761u >> 13);
    return rgb;
}

static bool interrupted(void *payload)
{
    (void)payload;
    return signals_pending() != 0;
}

static int measure(cli_options *o, mlmamba_engine *eng)
{
    bench_result        r;
    mlmamba_engine_info info;
    uint8_t            *rgb = o->image_path == NULL ? make_picture() : NULL;
    if (o->image_path == NULL && rgb == NULL) {
        err_line("out of memory");
        return CLI_FAILED;
    }
    bench_args a      = {.path         = o->image_path,
                         .rgb          = rgb,
                         .side         = SIDE,
                         .n_runs       = o->n_runs > 0 ? o->n_runs : 5,
                         .n_tokens     = o->n_tokens > 0 ? o->n_tokens : 64,
                         .is_cancelled = interrupted};
    mlm_status status = bench_measure(&r, eng, &a);
    free(rgb);
    if (status != MLM_OK) {
        err_line("%s", mlm_error_message());
        return cli_exit_status(CLI_FAILED);
    }
    mlmamba_engine_get_info(eng, &info);
    if (o->json)
        print_json(&r, &info);
    else if (o->csv)
        print_csv(&r);
    else
        print_table(&r, &info);
    return CLI_OK;
}

int cmd_bench(cli_options *o)
{
    mlmamba_engine *eng = NULL;
    if (o->n_args > 0)
        return args_usage_error(o, "mlmamba bench --image picture.png",
                                "no argument is wanted, but there is '%s'", o->args[0]);
    if (o->json && o->csv)
        return args_usage_error(o, NULL, "--json and --csv exclude each other");
    int rc = cli_open_engine(&eng, o);
    if (rc != CLI_OK)
        return rc;
    rc = measure(o, eng);
    mlmamba_engine_close(eng);
    return rc;
}
