/*
 * resize.c: resampling with a filter whose support grows with the reduction, as Pillow and torch define it.
 *
 * Output sample i, scale s = in/out, filter scale f = max(s, 1), centre c = (i + 1/2) s, support r f:
 *   taps from int(c - r f + 1/2) to int(c + r f + 1/2), weight w((tap - c + 1/2) / f), normalised to sum 1.
 * 8-bit pixels: weights rounded to 22-bit fixed point (32 - 8 bits of pixel - 2 of headroom), sums rounded
 * and clipped to 8 bits after each pass, columns (horizontal) first.  Behaviour: Pillow 9.4.0, Image.resize
 * with reducing_gap=None.  Memory: the taps and the rows that the second pass reads.
 */
#include "vision/resize.h"
#include "vision/resize_rows.h"

#include "vision/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 8 /* that a thread takes */

typedef struct resample_taps {
    int     n_out, stride; /* stride: taps reserved for one output */
    int    *first, *count; /* [n_out]         */
    double *weight;        /* [n_out, stride] */
} resample_taps;

static double bilinear_weight(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic_weight(double x)
{
    const double a = -0.5;
    x              = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static void free_taps(resample_taps *t)
{
    free(t->first);
    free(t->weight);
    *t = (resample_taps){0};
}

static mlm_status make_taps(resample_taps *t, int n_in, int n_out, vision_filter filter)
{
    double (*weight)(double) = filter == VISION_BICUBIC ? bicubic_weight : bilinear_weight;
    double scale = (double)n_in / n_out, f = scale < 1.0 ? 1.0 : scale;
    double support = (filter == VISION_BICUBIC ? 2.0 : 1.0) * f, inv = 1.0 / f;
    size_t bytes;
    t->n_out  = n_out;
    t->stride = (int)ceil(support) * 2 + 1;
    t->first  = calloc(2 * (size_t)n_out, sizeof *t->first);
    t->count  = t->first ? t->first + n_out : NULL;
    if (!mlm_mul_size(&bytes, (size_t)n_out * sizeof(double), (size_t)t->stride) || !t->first)
        return mlm_fail_nomem(2 * (size_t)n_out * sizeof *t->first, "resampling taps");
    t->weight = calloc(1, bytes);
    if (!t->weight)
        return mlm_fail_nomem(bytes, "resampling taps");
    for (int i = 0; i < n_out; i++) {
        double  centre = (i + 0.5) * scale, sum = 0.0;
        double *w     = t->weight + (size_t)i * (size_t)t->stride;
        int     first = (int)(centre - support + 0.5), last = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        last  = last > n_in ? n_in : last;
        for (int k = 0; k < last - first; k++) {
            w[k] = weight((k + first - centre + 0.5) * inv);
            sum += w[k];
        }
        for (int k = 0; k < last - first && sum != 0.0; k++)
            w[k] /= sum;
        t->first[i] = first;
        t->count[i] = last - first;
    }
    return MLM_OK;
}

/* Fixed-point weights over the memory of the doubles: each int lands at or before the double it replaces. */
static const int32_t *fix_taps(const resample_taps *t)
{
    unsigned char *bytes = (unsigned char *)t->weight;
    size_t         n     = (size_t)t->n_out * (size_t)t->stride;
    for (size_t i = 0; i < n; i++) {
        double w;
        memcpy(&w, bytes + i * sizeof w, sizeof w);
        int32_t fixed = (int32_t)(w < 0 ? -0.5 + w * (1 << RESIZE_BITS) : 0.5 + w * (1 << RESIZE_BITS));
        memcpy(bytes + i * sizeof fixed, &fixed, sizeof fixed);
    }
    return (const int32_t *)(const void *)bytes;
}

static void resample_row(uint8_t *restrict dst, const uint8_t *restrict src, const resample_taps *t,
                         const int32_t *fixed)
{
    for (int i = 0; i < t->n_out; i++, dst += 3) {
        const int32_t *w = fixed + (size_t)i * (size_t)t->stride;
        const uint8_t *p = src + 3 * (size_t)t->first[i];
        int32_t        r = RESIZE_ROUND_HALF, g = RESIZE_ROUND_HALF, b = RESIZE_ROUND_HALF;
        for (int k = 0; k < t->count[i]; k++, p += 3) {
            r += p[0] * w[k];
            g += p[1] * w[k];
            b += p[2] * w[k];
        }
        dst[0] = resize_clip(r);
        dst[1] = resize_clip(g);
        dst[2] = resize_clip(b);
    }
}

/* ---- the two passes, their rows shared by threads ------------------------------------------------ */

typedef struct resize_job {
    bool                 avx2;
    const resize_pack   *pack;        /* of the first pass with avx2 */
    int                  pack_stride; /* of one output               */
    int64_t              n_rows;
    uint8_t             *dst;
    const uint8_t       *src;
    size_t               dst_row, src_row; /* bytes */
    const resample_taps *taps;
    const int32_t       *fixed;
    int                  first; /* source row that src begins with, of the second pass */
    int32_t             *sums;  /* [threads][dst_row], of the second pass              */
} resize_job;

static void resize_rows(int64_t from, int64_t to, int thread, void *payload)
{
    const resize_job *j = payload;
    (void)thread;
    for (int64_t y = from; y < to; y++) {
#if defined(__x86_64__)
        if (j->avx2 && y + 1 < j->n_rows) { /* it reads behind what it needs, but not behind the next row */
            resize_row_avx2(j->dst + (size_t)y * j->dst_row, j->src + (size_t)y * j->src_row, j->taps->first,
                            j->taps->count, j->pack, j->pack_stride, j->taps->n_out);
            continue;
        }
#endif
        resample_row(j->dst + (size_t)y * j->dst_row, j->src + (size_t)y * j->src_row, j->taps, j->fixed);
    }
}

static void resample_column(uint8_t *dst, const uint8_t *rows, size_t n, int count, const int32_t *w,
                            int32_t *sums)
{
    resize_column(dst, rows, n, count, w, sums);
}

static void resize_columns(int64_t from, int64_t to, int thread, void *payload)
{
    const resize_job    *j                                                              = payload;
    const resample_taps *t                                                              = j->taps;
    void (*column)(uint8_t *, const uint8_t *, size_t, int, const int32_t *, int32_t *) = resample_column;
#if defined(__x86_64__)
    if (j->avx2)
        column = resize_column_avx2;
#endif
    for (int64_t y = from; y < to; y++)
        column(j->dst + (size_t)y * j->dst_row, j->src + j->src_row * (size_t)(t->first[y] - j->first),
               j->dst_row, t->count[y], j->fixed + (size_t)y * (size_t)t->stride,
               j->sums + (size_t)thread * j->dst_row);
}

/* The taps as the AVX2 rows take them; none: *pack stays NULL. */
static mlm_status pack_taps(resize_pack **pack, int *stride, const resample_taps *t, const int32_t *fixed)
{
    size_t bytes;
    *stride = (t->stride + 3) / 4;
    *pack   = NULL;
#if defined(__x86_64__)
    if (!mlm_mul_size(&bytes, (size_t)t->n_out * sizeof **pack, (size_t)*stride) ||
        (*pack = malloc(bytes)) == NULL)
        return mlm_fail_nomem((size_t)t->n_out * sizeof **pack, "resampling taps");
    for (int i = 0; i < t->n_out; i++)
        resize_pack_taps(*pack + (size_t)i * (size_t)*stride, fixed + (size_t)i * (size_t)t->stride,
                         t->count[i]);
#else
    (void)bytes;
    (void)fixed;
#endif
    return MLM_OK;
}

/* n_rows rows of src, made dw wide, one after the other in dst. */
static mlm_status resize_width(uint8_t *dst, int dw, const uint8_t *src, int sw, int n_rows,
                               vision_filter filter, mlm_threads *threads, bool avx2)
{
    resample_taps taps   = {0};
    resize_pack  *pack   = NULL;
    mlm_status    status = make_taps(&taps, sw, dw, filter);
    if (status == MLM_OK) {
        resize_job job = {.avx2    = avx2 && 3 * sw >= RESIZE_OVERREAD,
                          .n_rows  = n_rows,
                          .dst     = dst,
                          .src     = src,
                          .dst_row = 3 * (size_t)dw,
                          .src_row = 3 * (size_t)sw,
                          .taps    = &taps,
                          .fixed   = fix_taps(&taps)};
        if (job.avx2)
            status = pack_taps(&pack, &job.pack_stride, &taps, job.fixed);
        job.pack = pack;
        if (status == MLM_OK)
            mlm_parallel_for(threads, n_rows, ROWS_AT_ONCE, resize_rows, &job);
    }
    free(pack);
    free_taps(&taps);
    return status;
}

static mlm_status resize_height(uint8_t *dst, int dw, int dh, const uint8_t *src, int sw, int sh,
                                vision_filter filter, mlm_threads *threads, bool avx2)
{
    resample_taps taps = {0};
    uint8_t      *wide = NULL;
    int32_t      *sums = NULL;
    size_t        row = 3 * (size_t)dw, n_sums = threads ? (size_t)mlm_threads_count(threads) : 1;
    mlm_status    status = make_taps(&taps, sh, dh, filter);
    if (status != MLM_OK)
        goto done;
    int            first = taps.first[0], n_rows = taps.first[dh - 1] + taps.count[dh - 1] - first;
    const uint8_t *rows = src + 3 * (size_t)sw * (size_t)first;
    if (sw != dw) {
        wide = malloc(row * (size_t)n_rows);
        if (!wide) {
            status = mlm_fail_nomem(row * (size_t)n_rows, "resized rows");
            goto done;
        }
        MLM_TRY_GOTO(status, resize_width(wide, dw, rows, sw, n_rows, filter, threads, avx2), done);
        rows = wide;
    }
    sums = malloc(n_sums * row * sizeof *sums);
    if (!sums) {
        status = mlm_fail_nomem(n_sums * row * sizeof *sums, "resampling sums");
        goto done;
    }
    resize_job job = {.avx2    = avx2,
                      .dst     = dst,
                      .src     = rows,
                      .dst_row = row,
                      .src_row = row,
                      .taps    = &taps,
                      .fixed   = fix_taps(&taps),
                      .first   = first,
                      .sums    = sums};
    mlm_parallel_for(threads, dh, ROWS_AT_ONCE, resize_columns, &job);
done:
    free(sums);
    free(wide);
    free_taps(&taps);
    return status;
}

static mlm_status check_sides(int dw, int dh, int sw, int sh)
{
    if (dw < 1 || dh < 1 || sw < 1 || sh < 1 || dw > VISION_MAX_SIDE || dh > VISION_MAX_SIDE ||
        sw > VISION_MAX_SIDE || sh > VISION_MAX_SIDE)
        return mlm_fail(MLM_E_RANGE, "cannot resize %d x %d to %d x %d, sides must be 1 to %d", sw, sh, dw,
                        dh, VISION_MAX_SIDE);
    return MLM_OK;
}

mlm_status resize_rgb_with(bool avx2, uint8_t *dst, int dw, int dh, const uint8_t *src, int sw, int sh,
                           vision_filter filter, mlm_threads *threads)
{
    MLM_TRY(check_sides(dw, dh, sw, sh));
    if (filter != VISION_BILINEAR && filter != VISION_BICUBIC)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "resample filter %d is not known, must be 2 (bilinear) or 3 (bicubic)", (int)filter);
    if (sh != dh)
        return resize_height(dst, dw, dh, src, sw, sh, filter, threads, avx2);
    if (sw != dw)
        return resize_width(dst, dw, src, sw, sh, filter, threads, avx2);
    memcpy(dst, src, 3 * (size_t)sw * (size_t)sh);
    return MLM_OK;
}

mlm_status vision_resize_rgb(uint8_t *dst, int dw, int dh, const uint8_t *src, int sw, int sh,
                             vision_filter filter, mlm_threads *threads)
{
    return resize_rgb_with(resize_has_avx2(), dst, dw, dh, src, sw, sh, filter, threads);
}

/* dst [n_lines, t->n_out, step] from src [n_lines, n_in, step]: the middle index is resampled. */
static void resample_grid(float *dst, const float *src, const resample_taps *t, size_t n_lines, size_t n_in,
                          size_t step)
{
    for (size_t line = 0; line < n_lines; line++)
        for (size_t i = 0; i < (size_t)t->n_out; i++) {
            const double *w = t->weight + i * (size_t)t->stride;
            const float  *p = src + (line * n_in + (size_t)t->first[i]) * step;
            float        *y = dst + (line * (size_t)t->n_out + i) * step;
            for (size_t c = 0; c < step; c++) {
                double sum = 0.0;
                for (int k = 0; k < t->count[i]; k++)
                    sum += w[k] * (double)p[(size_t)k * step + c];
                y[c] = (float)sum;
            }
        }
}

mlm_status vision_resize_grid_f32(float *dst, int dw, int dh, const float *src, int sw, int sh, int channels)
{
    resample_taps across = {0}, down = {0};
    float        *wide   = NULL;
    size_t        bytes  = 0;
    mlm_status    status = check_sides(dw, dh, sw, sh);
    if (status != MLM_OK)
        return status;
    if (channels < 1 || !mlm_mul_size(&bytes, (size_t)sh * (size_t)dw * sizeof(float), (size_t)channels))
        return mlm_fail(MLM_E_RANGE, "cannot resize a grid of %d channels", channels);
    MLM_TRY_GOTO(status, make_taps(&across, sw, dw, VISION_BICUBIC), done);
    MLM_TRY_GOTO(status, make_taps(&down, sh, dh, VISION_BICUBIC), done);
    wide = malloc(bytes);
    if (!wide) {
        status = mlm_fail_nomem(bytes, "resized grid");
        goto done;
    }
    resample_grid(wide, src, &across, (size_t)sh, (size_t)sw, (size_t)channels);
    resample_grid(dst, wide, &down, 1, (size_t)sh, (size_t)dw * (size_t)channels);
done:
    free(wide);
    free_taps(&across);
    free_taps(&down);
    return status;
}
