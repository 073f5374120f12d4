/* cmd_bench.c: mlmamba bench: the measurements of app/engine/bench.c as a table, JSON or CSV. */
#include "app/cli/cli.h"
#include "app/engine/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIDE 1024

/* ---- what comes out ----------------------------------------------------------------------------- */

static void print_cell(int decimals, double value)
{
    if (value > 0)
        out_printf(" %9.*f", decimals, value);
    else
        out_printf(" %9s", "");
}

static void print_line(const bench_line *l)
{
    bench_rates r         = bench_line_rates(l);
    char        shape[24] = "";
    if (l->batch > 0 && l->tokens > 0)
        (void)snprintf(shape, sizeof shape, "%d x %d", l->batch, l->tokens);
    else if (l->batch > 0 || l->tokens > 0)
        (void)snprintf(shape, sizeof shape, "%d", l->batch > 0 ? l->batch : l->tokens);
    out_printf("%-35s %9s %9.3f", l->text, shape, l->ms);
    print_cell(1, l->bytes * 1e-6);
    print_cell(2, l->flops * 1e-9);
    print_cell(1, r.gb_s);
    print_cell(3, r.tflop_s);
    print_cell(3, l->floor_ms);
    print_cell(1, r.floor_percent);
    if (l->rate > 0)
        out_printf("  %.1f %s", l->rate, l->unit);
    out_text("\n");
}

static void print_table(const bench_result *r, const mlmamba_engine_info *info)
{
    out_printf("%s, %s weights, %s, picture %d x %d, ", info->model_name, info->weights_dtype,
               info->device_description, r->width, r->height);
    if (r->prompt_tokens > 0)
        out_printf("question of %d tokens, ", r->prompt_tokens);
    out_text("median\n");
    out_printf(
        "Ceilings measured here: read %.1f GB/s, %s product %.3f TFLOP/s.  Floor: the longer of bytes and "
        "operations at these.\n\n",
        r->read_rate * 1e-9, r->product_type, r->product_rate * 1e-12);
    out_printf("%-35s %9s %9s %9s %9s %9s %9s %9s %9s\n", "stage", "shape", "ms", "MB", "GFLOP", "GB/s",
               "TFLOP/s", "floor ms", "% floor");
    for (int i = 0; i < r->n_lines; i++)
        print_line(&r->line[i]);
    out_text("\n");
    if (r->tokens_per_second > 0)
        out_printf("%.1f tokens a second in a conversation.  ", r->tokens_per_second);
    out_printf("The model was loaded in %.0f ms.\n", info->load_ms);
    if (r->device_mb > 0)
        out_printf(
            "Device memory %.0f MB: weights %.0f, states of a batch and a conversation %.0f, rest %.0f.  ",
            r->device_mb, r->weights_mb, r->states_mb, r->rest_mb);
    if (r->device_mb > 0)
        out_printf("The rest: driver and context %.0f, queues %.0f, rounding of weights %.0f, activations "
                   "%.0f, code "
                   "and captured steps %.0f.  ",
                   r->driver_mb, r->queues_mb, r->rounding_mb, r->working_mb, r->code_mb);
    out_printf("Largest resident memory %.0f MB.\n", r->rss_mb);
}

static void print_json(const bench_result *r, const mlmamba_engine_info *info)
{
    out_text("{");
    json_text("model", info->model_name, true);
    json_text("weights", info->weights_dtype, false);
    json_text("device", info->device_description, false);
    out_printf(", \"threads\": %d, \"width\": %d, \"height\": %d, \"load_ms\": %.3f, \"stages\": [",
               info->n_threads, r->width, r->height, info->load_ms);
    for (int i = 0; i < r->n_lines; i++) {
        const bench_line *l = &r->line[i];
        out_printf("%s{\"stage\": \"%s\", \"batch\": %d, \"tokens\": %d, \"ms\": %.5f, \"bytes\": %.0f, "
                   "\"flops\": %.0f, \"floor_ms\": %.5f}",
                   i > 0 ? ", " : "", l->name, l->batch, l->tokens, l->ms, l->bytes, l->flops, l->floor_ms);
    }
    out_printf("], \"tokens_per_second\": %.3f, \"read_bytes_per_second\": %.0f, \"flops_per_second\": %.0f, "
               "\"device_mb\": %.1f, \"rss_mb\": %.1f}\n",
               r->tokens_per_second, r->read_rate, r->product_rate, r->device_mb, r->rss_mb);
}

static int write_csv(const bench_result *r, const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        err_line("%s: cannot be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    (void)fprintf(
        f, "stage,batch,tokens,ms,bytes,flops,gb_per_s,tflop_per_s,floor_ms,percent_of_floor,rate,unit\n");
    for (int i = 0; i < r->n_lines; i++) {
        const bench_line *l = &r->line[i];
        bench_rates       k = bench_line_rates(l);
        (void)fprintf(f, "%s,%d,%d,%.6g,%.0f,%.0f,%.6g,%.6g,%.6g,%.6g,%.6g,%s\n", l->name, l->batch,
                      l->tokens, l->ms, l->bytes, l->flops, k.gb_s, k.tflop_s, l->floor_ms, k.floor_percent,
                      l->rate, l->unit != NULL ? l->unit : "");
    }
    bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        err_line("%s: cannot be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* ---- arguments ---------------------------------------------------------------------------------- */

/* "1,8,64": integers up to `most`. */
static bool read_list(int *out, int *n, const char *text, int most)
{
    for (*n = 0; *n < BENCH_MAX_LIST;) {
        char *end = NULL;
        long  v   = strtol(text, &end, 10);
        if (end == text || v < 1 || v > most)
            return false;
        out[(*n)++] = (int)v;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
    return false;
}

/* "769,16x769": tokens of one row, or of so many. */
static bool read_prefills(bench_args *a, const char *text)
{
    for (a->n_prefills = 0; a->n_prefills < BENCH_MAX_LIST;) {
        char *end = NULL;
        long  v = strtol(text, &end, 10), rows = 1;
        if (end != text && *end == 'x') {
            rows = v;
            text = end + 1;
            v    = strtol(text, &end, 10);
        }
        if (end == text || v < 1 || v > 1 << 20 || rows < 1 || rows > 256)
            return false;
        a->prefill[2 * a->n_prefills]       = (int)rows;
        a->prefill[2 * a->n_prefills++ + 1] = (int)v;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
    return false;
}

static int read_arguments(bench_args *a, cli_options *o)
{
    const char *type = o->type != NULL ? o->type : "bf16";
    if (o->n_args > 0)
        return args_usage_error(o, "mlmamba bench --image picture.png",
                                "no argument is wanted, but there is '%s'", o->args[0]);
    if (o->bench.batch != NULL && !read_list(a->batch, &a->n_batches, o->bench.batch, 256))
        return args_usage_error(o, "mlmamba bench --batch 1,8,64",
                                "--batch is '%s', must be up to %d numbers from 1 to 256", o->bench.batch,
                                BENCH_MAX_LIST);
    if (o->bench.prefill != NULL && !read_prefills(a, o->bench.prefill))
        return args_usage_error(o, "mlmamba bench --prefill 769,16x769,8192",
                                "--prefill is '%s', must be up to %d of TOKENS or ROWSxTOKENS",
                                o->bench.prefill, BENCH_MAX_LIST);
    if (o->bench.state != NULL && strcmp(o->bench.state, "bf16") != 0 && strcmp(o->bench.state, "f32") != 0)
        return args_bad_value(o, "state", o->bench.state, "f32, bf16", NULL);
    if (o->type != NULL && o->bench.random == NULL)
        return args_usage_error(o, "mlmamba bench --random ml-mamba-2.7b --type int8",
                                "--type is for --random: a real model has its own");
    if (strcmp(type, "bf16") != 0 && strcmp(type, "int8") != 0 && strcmp(type, "f32") != 0)
        return args_bad_value(o, "type", type, "bf16, int8, f32", NULL);
    if (bench_check_only(o->bench.only) != MLM_OK)
        return args_bad_value_said(o, "only", o->bench.only, NULL);
    if (o->bench.random != NULL && o->engine.model_dir != NULL)
        return args_usage_error(o, NULL, "--random and --model exclude each other");
    if (o->bench.state != NULL)
        o->engine.bf16_state = strcmp(o->bench.state, "bf16") == 0;
    if (o->bench.random != NULL) {
        o->engine.model_dir      = o->bench.random;
        o->engine.random_weights = type;
    }
    return CLI_OK;
}

/* ---- the command -------------------------------------------------------------------------------- */

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

static int report(const bench_result *r, const cli_options *o, mlmamba_engine *eng)
{
    mlmamba_engine_info info;
    mlmamba_engine_get_info(eng, &info);
    if (o->json)
        print_json(r, &info);
    else
        print_table(r, &info);
    return o->bench.csv != NULL ? write_csv(r, o->bench.csv) : CLI_OK;
}

static int measure(const cli_options *o, bench_args *a, mlmamba_engine *eng)
{
    bench_result r;
    mlm_status   status = bench_measure(&r, eng, a);
    if (status != MLM_OK) {
        err_line("%s", mlm_error_message());
        return cli_exit_status(CLI_FAILED);
    }
    int rc = report(&r, o, eng);
    bench_result_free(&r);
    return rc;
}

/* A place of its own for the state file. */
static char *make_folder(char *path, size_t cap)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(path, cap, "%s/mlmamba-bench-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    return mkdtemp(path);
}

int cmd_bench(cli_options *o)
{
    mlmamba_engine *eng         = NULL;
    char            folder[512] = "", file[544] = "";
    bench_args      a  = {.path         = o->image_path,
                          .side         = SIDE,
                          .only         = o->bench.only,
                          .n_runs       = o->n_runs > 0 ? o->n_runs : 5,
                          .n_tokens     = o->n_tokens > 0 ? o->n_tokens : 64,
                          .is_cancelled = interrupted};
    int             rc = read_arguments(&a, o);
    if (rc != CLI_OK)
        return rc;
    if (bench_defaults(&a, &o->engine) != MLM_OK) {
        err_line("%s", mlm_error_message());
        return CLI_FAILED;
    }
    rc = cli_open_engine(&eng, o);
    if (rc != CLI_OK)
        return rc;
    uint8_t *rgb = o->image_path == NULL ? make_picture() : NULL;
    a.rgb        = rgb;
    if (make_folder(folder, sizeof folder) != NULL) {
        (void)snprintf(file, sizeof file, "%s/a.mlmstate", folder);
        a.state_file = file;
    }
    if (o->image_path == NULL && rgb == NULL) {
        err_line("out of memory");
        rc = CLI_FAILED;
    } else {
        rc = measure(o, &a, eng);
    }
    if (a.state_file != NULL) {
        (void)unlink(file);
        (void)rmdir(folder);
    }
    free(rgb);
    mlmamba_engine_close(eng);
    return rc;
}
