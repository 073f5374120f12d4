/*
 * kn_bench.c: times the op cases marked OP_PERF.
 *
 *   kn_bench [--op NAME|all] [--case TEXT] [--device cpu|ref|cuda:N] [--isa NAME] [--threads N] [--cold] [--csv]
 *
 * One line a case: median microseconds, GB/s and GFLOP/s from the bytes and operations that op_case_cost
 * counts, for products of one row the share of a plain read of the same bytes by the same threads, for large
 * products the time of OpenBLAS with the same threads.  --cold rotates through enough copies of the weights
 * (256 MiB) that no cache holds them; without it the weights stay where the caches keep them.
 */
#include "kernels/bench/bench.h"
#include "tests/support/op_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLD_BYTES (256.0 * 1024.0 * 1024.0)
#define BLAS_ROWS  16 /* products with more rows than this are compared with OpenBLAS */

typedef struct options {
    const char       *op, *text;
    kn_device_options device;
    bool              cold, csv;
} options;

static bool parse(options *o, int argc, char **argv)
{
    *o = (options){.op = "all", .device = {.name = "cpu"}};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--cold") == 0)
            o->cold = true;
        else if (strcmp(argv[i], "--csv") == 0)
            o->csv = true;
        else if (value == NULL)
            return false;
        else if (strcmp(argv[i], "--op") == 0)
            o->op = argv[++i];
        else if (strcmp(argv[i], "--case") == 0)
            o->text = argv[++i];
        else if (strcmp(argv[i], "--device") == 0)
            o->device.name = argv[++i];
        else if (strcmp(argv[i], "--isa") == 0)
            o->device.cpu_isa = argv[++i];
        else if (strcmp(argv[i], "--threads") == 0) {
            char *end;
            long  n             = strtol(argv[++i], &end, 10);
            o->device.n_threads = (int)n;
            if (*end != '\0' || n < 0 || n > 256)
                return false;
        } else
            return false;
    }
    return true;
}

static mlm_status run_op(int copy, void *payload)
{
    op_run *r = payload;
    MLM_TRY(op_run_launch(r, copy));
    return kn_queue_sync(r->q);
}

static void print_line(const options *o, const op_case *c, double us, double read_us, double blas_us)
{
    char    name[256];
    op_cost cost = op_case_cost(c);
    double  gbs = cost.bytes / us * 1e-3, gflops = cost.flops / us * 1e-3;
    op_case_name(c, name, sizeof name);
    if (o->csv) {
        printf("\"%s\",%.2f,%.0f,%.0f,%.2f,%.2f,", name, us, cost.bytes, cost.flops, gbs, gflops);
        printf(read_us > 0.0 ? "%.1f," : ",", 100.0 * read_us / us);
        printf(blas_us > 0.0 ? "%.2f\n" : "\n", blas_us);
        return;
    }
    printf("%-52s %10.1f us %8.2f GB/s %9.2f GFLOP/s", name, us, gbs, gflops);
    if (read_us > 0.0)
        printf("  %5.1f %% of a plain read", 100.0 * read_us / us);
    if (blas_us > 0.0)
        printf("  %5.2f x OpenBLAS (%.1f us)", blas_us / us, blas_us);
    printf("\n");
}

static mlm_status bench_case(const options *o, const op_case *c, kn_device *dev)
{
    op_cost    cost     = op_case_cost(c);
    bool       host     = (kn_device_caps(dev) & KN_CAP_HOST) != 0;
    int        n_copies = 1;
    double     us = 0.0, read_us = 0.0, blas_us = 0.0;
    op_run    *r = NULL;
    mlm_status st;
    if (o->cold && cost.weight_bytes > 0.0) {
        double n = COLD_BYTES / cost.weight_bytes + 1.0;
        n_copies = n > (double)OP_MAX_COPIES ? OP_MAX_COPIES : (int)n;
    }
    kn_device_info info;
    kn_device_get_info(dev, &info);
    MLM_TRY_GOTO(st, op_run_create(&r, c, dev, n_copies), done);
    MLM_TRY_GOTO(st, op_run_once(r, OP_ALL_ROWS), done);
    MLM_TRY_GOTO(st, bench_median_us(&us, run_op, r), done);
    if (host && c->op == KN_OP_linear && c->T == 1)
        read_us = bench_read_us((size_t)cost.weight_bytes, n_copies, info.n_threads);
    if (host && c->op == KN_OP_linear && c->T > BLAS_ROWS)
        blas_us = bench_sgemm_us(c->T, c->D, c->O, info.n_threads);
    print_line(o, c, us, read_us, blas_us);
done:
    op_run_free(r);
    return st;
}

int main(int argc, char **argv)
{
    options o;
    if (!parse(&o, argc, argv)) {
        fprintf(stderr,
                "usage: kn_bench [--op NAME|all] [--case TEXT] [--device cpu|ref|cuda:N] [--isa NAME] "
                "[--threads N] [--cold] [--csv]\n");
        return 2;
    }
    kn_device *dev = NULL;
    if (kn_device_open(&dev, &o.device) != MLM_OK) {
        fprintf(stderr, "kn_bench: %s\n", mlm_error_message());
        return 1;
    }
    kn_device_info info;
    kn_device_get_info(dev, &info);
    if (o.csv)
        printf("case,us,bytes,flops,gb_per_s,gflop_per_s,percent_of_read,openblas_us\n");
    else
        printf("%s, %s%s%s\n", info.description,
               o.cold ? "weights out of cache" : "weights as the caches keep them",
               bench_blas_name()[0] != '\0' ? "; " : "", bench_blas_name());
    int status = 0;
    for (int i = 0; i < op_case_count; i++) {
        const op_case *c = &op_cases[i];
        char           name[256];
        op_case_name(c, name, sizeof name);
        if (!(c->flags & OP_PERF) || (strcmp(o.op, "all") != 0 && strcmp(o.op, kn_op_names[c->op]) != 0) ||
            (o.text != NULL && strstr(name, o.text) == NULL))
            continue;
        if (bench_case(&o, c, dev) != MLM_OK) {
            fprintf(stderr, "kn_bench: %s: %s\n", name, mlm_error_message());
            status = 1;
        }
        (void)fflush(stdout);
    }
    kn_device_close(dev);
    return status;
}
