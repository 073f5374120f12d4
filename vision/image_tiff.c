/*
 * image_tiff.c: the first page of a TIFF through libtiff's RGBA reader (8-bit result for every kind that it
 * knows), from memory, its messages kept to ourselves and its allocations limited.  The orientation tag is
 * always applied, as Pillow does while loading; alpha is dropped without premultiplying.
 */
#include "vision/image_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#define TABLES_BYTES   ((size_t)2 << 20)
#define MAX_ALLOCATION ((tmsize_t)512 << 20) /* one strip, tile or raster */

typedef struct tiff_job {
    const vision_source *src;
    uint64_t             at;
    char                 text[200]; /* first error */
} tiff_job;

static tmsize_t on_read(thandle_t handle, void *dst, tmsize_t n)
{
    tiff_job *job  = handle;
    uint64_t  left = job->at < job->src->n ? job->src->n - job->at : 0, take = n > 0 ? (uint64_t)n : 0;
    if (take > left)
        take = left;
    if (take > 0)
        memcpy(dst, job->src->bytes + job->at, (size_t)take);
    job->at += take;
    return (tmsize_t)take;
}

static tmsize_t on_write(thandle_t handle, void *src, tmsize_t n)
{
    (void)handle;
    (void)src;
    (void)n;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_job *job = handle;
    job->at       = offset + (whence == SEEK_CUR ? job->at : whence == SEEK_END ? (uint64_t)job->src->n : 0);
    return job->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    const tiff_job *job = handle;
    return job->src->n;
}

static int on_error(TIFF *tif, void *payload, const char *module, const char *fmt, va_list args)
    MLM_PRINTF(4, 0);
static int on_error(TIFF *tif, void *payload, const char *module, const char *fmt, va_list args)
{
    tiff_job *job = payload;
    (void)tif;
    (void)module;
    if (!job->text[0])
        (void)vsnprintf(job->text, sizeof job->text, fmt, args);
    return 1;
}

static int on_warning(TIFF *tif, void *payload, const char *module, const char *fmt, va_list args)
{
    (void)tif;
    (void)payload;
    (void)module;
    (void)fmt;
    (void)args;
    return 1;
}

static TIFF *open_memory(tiff_job *job)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_ALLOCATION);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, job);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, job);
    TIFF *tif = TIFFClientOpenExt("picture", "rm", job, on_read, on_write, on_seek, on_close, on_size, NULL,
                                  NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

static mlm_status fail_tiff(const tiff_job *job)
{
    return mlm_fail(MLM_E_FORMAT, "%s: cannot read TIFF: %s", job->src->name,
                    job->text[0] ? job->text : "unknown error");
}

/*
 * libtiff multiplies colours by an unassociated alpha, but not by one that is said to be multiplied in.
 * Tables that it could not allocate are NULL here, and its RGBA reader would follow them.
 */
static mlm_status check_tables(const tiff_job *job, TIFF *tif)
{
    uint16_t  n = 0, associated = EXTRASAMPLE_ASSOCALPHA;
    uint16_t *kinds = NULL, *red = NULL, *green = NULL, *blue = NULL;
    bool      extra = TIFFGetField(tif, TIFFTAG_EXTRASAMPLES, &n, &kinds) && n > 0;
    bool      map   = TIFFGetField(tif, TIFFTAG_COLORMAP, &red, &green, &blue);
    if ((extra && !kinds) || (map && (!red || !green || !blue)))
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding TIFF", job->src->name);
    if (extra && n == 1 && kinds[0] == EXTRASAMPLE_UNASSALPHA)
        (void)TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, 1, &associated);
    return MLM_OK;
}

static mlm_status read_pixels(vision_image *out, tiff_job *job, TIFF *tif)
{
    uint32_t width = 0, height = 0;
    uint16_t orientation = 1;
    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &height))
        return mlm_fail(MLM_E_FORMAT, "%s: cannot read TIFF: no width or height", job->src->name);
    (void)TIFFGetFieldDefaulted(tif, TIFFTAG_ORIENTATION, &orientation);
    if (orientation < 1 || orientation > 8)
        orientation = 1;
    MLM_TRY(check_tables(job, tif));
    MLM_TRY(vision_image_alloc(out, job->src, width, height));
    size_t n = (size_t)width * (size_t)height;
    MLM_TRY(vision_image_probe_memory(n * 8 + TABLES_BYTES));
    uint32_t *raster = malloc(n * sizeof *raster);
    if (!raster)
        return mlm_fail_nomem(n * sizeof *raster, "TIFF picture");
    /* Asked for in its own orientation: rows then come as they are stored. */
    if (!TIFFReadRGBAImageOriented(tif, width, height, raster, orientation, 1)) {
        free(raster);
        return fail_tiff(job);
    }
    for (size_t i = 0; i < n; i++) {
        out->rgb[3 * i]     = (uint8_t)TIFFGetR(raster[i]);
        out->rgb[3 * i + 1] = (uint8_t)TIFFGetG(raster[i]);
        out->rgb[3 * i + 2] = (uint8_t)TIFFGetB(raster[i]);
    }
    free(raster);
    out->orientation = orientation;
    return vision_image_orient(out, orientation);
}

mlm_status vision_decode_tiff(vision_image *out, const vision_source *src)
{
    tiff_job job = {.src = src};
    TIFF    *tif = open_memory(&job);
    if (!tif)
        return fail_tiff(&job);
    mlm_status status = read_pixels(out, &job, tif);
    TIFFClose(tif);
    return status;
}
