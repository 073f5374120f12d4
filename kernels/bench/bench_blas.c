/* bench_blas.c: the same product by OpenBLAS, to compare with.  Nothing else in the project uses a BLAS. */
#include "kernels/bench/bench.h"

#ifdef BENCH_OPENBLAS
#    include <cblas.h>
#    include <stdlib.h>

typedef struct product {
    float *x, *w, *y;
    int    rows, in, out;
} product;

static mlm_status multiply(int copy, void *payload)
{
    const product *p = payload;
    (void)copy;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->rows, p->out, p->in, 1.0f, p->x, p->in, p->w,
                p->in, 0.0f, p->y, p->out);
    return MLM_OK;
}

static float *filled(int64_t n)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; v != NULL && i < n; i++)
        v[i] = (float)(i % 17) * 0.1f - 0.8f;
    return v;
}

double bench_sgemm_us(int64_t rows, int64_t in, int64_t out, int n_threads)
{
    product p  = {filled(rows * in), filled(out * in), filled(rows * out), (int)rows, (int)in, (int)out};
    double  us = 0.0;
    openblas_set_num_threads(n_threads);
    if (p.x == NULL || p.w == NULL || p.y == NULL || bench_median_us(&us, multiply, &p) != MLM_OK)
        us = 0.0;
    free(p.x);
    free(p.w);
    free(p.y);
    return us;
}

const char *bench_blas_name(void)
{
    return openblas_get_config();
}
#else
double bench_sgemm_us(int64_t rows, int64_t in, int64_t out, int n_threads)
{
    (void)rows;
    (void)in;
    (void)out;
    (void)n_threads;
    return 0.0;
}

const char *bench_blas_name(void)
{
    return "";
}
#endif
