/*
 * bench_ceiling.c: what the device can do at best: a long plain read of its memory, and one large product.  Everything
 * else is compared with these two, measured in the same run.
 */
#include "app/engine/bench_private.h"
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_rng.h"
#include "kernels/base/mlm_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES ((size_t)4 << 30) /* of an accelerator: far more than its caches hold */
#define LEAST_RUNS 9
#define READS      4 /* in a row, so that starting and waiting do not count */

/* ---- reading, host ------------------------------------------------------------------------------ */

typedef struct read_job {
    const uint64_t *words;
    uint64_t        sum[256];
} read_job;

/* Four sums, so that the loop waits for memory and not for one addition after the other. */
static void read_range(int64_t from, int64_t to, int thread, void *payload)
{
    read_job *job = payload;
    uint64_t  a = 0, b = 0, c = 0, d = 0;
    for (int64_t i = from * 512; i < to * 512; i += 4) {
        a += job->words[i];
        b += job->words[i + 1];
        c += job->words[i + 2];
        d += job->words[i + 3];
    }
    job->sum[thread] += a + b + c + d;
}

static mlm_status time_host_read(double *ms, double *bytes, int n_threads)
{
    int64_t      blocks = (int64_t)(*bytes / 4096.0) + 1;
    mlm_threads *pool   = NULL;
    double       least  = 0.0;
    read_job    *job    = calloc(1, sizeof *job);
    uint64_t    *words  = malloc((size_t)blocks * 4096);
    mlm_status   status =
        job != NULL && words != NULL ? MLM_OK : mlm_fail_nomem((size_t)blocks * 4096, "read test");
    if (status == MLM_OK)
        status = mlm_threads_create(&pool, n_threads > 0 ? n_threads : 1);
    if (status == MLM_OK) {
        memset(words, 1, (size_t)blocks * 4096);
        job->words = words;
        for (int i = 0; i < LEAST_RUNS; i++) {
            double start = mlm_now_ms();
            mlm_parallel_for(pool, blocks, 64, read_range, job);
            double ms_now = mlm_now_ms() - start;
            least         = i == 0 || ms_now < least ? ms_now : least;
        }
        *ms    = job->sum[0] != 1 ? least : 0.0;
        *bytes = (double)blocks * 4096.0;
    }
    mlm_threads_free(pool);
    free(words);
    free(job);
    return status;
}

/* ---- reading, accelerator ----------------------------------------------------------------------- */

typedef struct device_read {
    kn_tensor data, sum;
} device_read;

static mlm_status run_read(bench *b, void *payload)
{
    device_read *r = payload;
    for (int i = 0; i < READS; i++)
        MLM_TRY(kn_read(b->eng->queue, r->data, r->sum));
    return kn_queue_sync(b->eng->queue);
}

static mlm_status time_device_read(double *ms, double *bytes, bench *b)
{
    kn_device_info info;
    kn_buffer     *buf  = NULL;
    size_t         size = READ_BYTES;
    kn_device_get_info(b->eng->dev, &info);
    while (size > info.free_bytes / 2 && size > (size_t)64 << 20)
        size /= 2;
    MLM_TRY(kn_buffer_create(&buf, b->eng->dev, size + 64));
    int64_t     words  = (int64_t)(size / sizeof(int32_t));
    device_read r      = {.data = kn_tensor_make(buf, 0, KN_I32, 2, KN_DIMS(words / 1024, 1024)),
                          .sum  = kn_tensor_make(buf, size, KN_I32, 1, KN_DIMS(1))};
    mlm_status  status = bench_best(ms, b, 1, run_read, &r);
    *ms /= READS;
    kn_buffer_free(buf);
    *bytes = (double)size;
    return status;
}

static mlm_status add_read(bench *b)
{
    bench_line line   = {.name = "read", .text = "plain read of memory", .bytes = b->work.text.bytes};
    mlm_status status = MLM_OK;
    if ((kn_device_caps(b->eng->dev) & (KN_CAP_HOST | KN_CAP_ORACLE)) != 0)
        status = time_host_read(&line.ms, &line.bytes, b->eng->dev_info.n_threads);
    else
        status = time_device_read(&line.ms, &line.bytes, b);
    MLM_TRY(status);
    b->r->read_rate = line.ms > 0 ? line.bytes / line.ms * 1e3 : 0;
    return bench_add(b, &line);
}

/* ---- products ----------------------------------------------------------------------------------- */

typedef struct product {
    kn_matrix     *w;
    kn_linear_args args;
} product;

static mlm_status run_product(bench *b, void *payload)
{
    product *p = payload;
    MLM_TRY(kn_linear(b->eng->queue, &p->args));
    return kn_queue_sync(b->eng->queue);
}

/* Random numbers: a product of zeros draws less power and runs faster than real ones. */
static void fill(void *dst, size_t n, bool wide)
{
    mlm_rng rng = mlm_rng_seed(1, 3);
    for (size_t i = 0; i < n; i++) {
        float v = mlm_rng_uniform(&rng) - 0.5f;
        if (wide)
            ((float *)dst)[i] = v;
        else
            ((uint16_t *)dst)[i] = mlm_f32_to_bf16(v);
    }
}

static mlm_status make_product(product *p, kn_buffer **buf, bench *b, kn_dtype dtype, int64_t rows, int64_t n)
{
    size_t size = kn_dtype_size(dtype), bytes = (size_t)rows * (size_t)n * size;
    void  *host = malloc((size_t)n * (size_t)n * size); /* rows <= n */
    if (host == NULL)
        return mlm_fail_nomem((size_t)n * (size_t)n * size, "product test");
    fill(host, (size_t)n * (size_t)n, dtype == KN_F32);
    kn_matrix_part part   = {.data = host, .dtype = dtype, .out = n, .in = n};
    mlm_status     status = kn_matrix_create(&p->w, b->eng->dev, &part, 1);
    if (status == MLM_OK)
        status = kn_buffer_create(buf, b->eng->dev, 2 * bytes);
    if (status == MLM_OK) {
        p->args.w = p->w;
        p->args.x = kn_tensor_make(*buf, 0, dtype, 2, KN_DIMS(rows, n));
        p->args.y = kn_tensor_make(*buf, bytes, dtype, 2, KN_DIMS(rows, n));
        status    = kn_upload(b->eng->queue, p->args.x, host, bytes);
    }
    free(host);
    return status;
}

static mlm_status add_product(bench *b)
{
    uint32_t   caps = kn_device_caps(b->eng->dev);
    bool       bf16 = (caps & KN_CAP_BF16) != 0 && (caps & (KN_CAP_HOST | KN_CAP_ORACLE)) == 0;
    int64_t    n = bf16 ? 8192 : 1024, rows = bf16 ? 8192 : 256;
    bench_line line = {.name = "product", .flops = 2.0 * (double)rows * (double)n * (double)n};
    product    p    = {0};
    kn_buffer *buf  = NULL;
    (void)snprintf(line.text, sizeof line.text, "%s product %lld x %lld^2", bf16 ? "bf16" : "f32",
                   (long long)rows, (long long)n);
    mlm_status status = make_product(&p, &buf, b, bf16 ? KN_BF16 : KN_F32, rows, n);
    if (status == MLM_OK)
        status = bench_best(&line.ms, b, 4, run_product, &p);
    kn_matrix_free(p.w);
    kn_buffer_free(buf);
    MLM_TRY(status);
    b->r->product_rate = line.ms > 0 ? line.flops / line.ms * 1e3 : 0;
    b->r->product_type = bf16 ? "bf16" : "f32";
    return bench_add(b, &line);
}

mlm_status bench_ceilings(bench *b)
{
    MLM_TRY(engine_lock(b->eng));
    mlm_status status = add_read(b);
    if (status == MLM_OK)
        status = add_product(b);
    engine_unlock(b->eng);
    return status;
}
