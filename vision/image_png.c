/*
 * image_png.c: PNG through libpng, pixels as Pillow's convert("RGB").
 *
 * Alpha, tRNS and gamma are ignored; 1, 2 and 4 bit greys are spread to 8; palette entries that the file
 * lacks are Pillow's grey ramp; 16-bit colour keeps the high byte; 16-bit grey is clipped at 255 (Pillow's
 * mode I).  Ancillary chunks are never unpacked; a wrong CRC or a missing end is refused.
 */
#include "vision/image_private.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define PNG_HEADER_BYTES  33u /* signature and the whole IHDR chunk */
#define MAX_CHUNK_BYTES   ((png_alloc_size_t)8 << 20)
#define MAX_INFLATE_RATIO 1040u /* deflate reaches 1032 at most */

typedef struct png_job {
    png_structp          png;
    png_infop            info;
    const vision_source *src;
    vision_image        *out;
    size_t               at; /* bytes given to libpng */
    bool                 out_of_memory;
    mlm_status           status;
    vision_palette       lut;
    jmp_buf              jump;
} png_job;

static PNG_CALLBACK(void, on_error, (png_structp png, png_const_charp text))
{
    png_job *job = png_get_error_ptr(png);
    if (job->out_of_memory)
        job->status = mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding PNG", job->src->name);
    else
        job->status = mlm_fail(MLM_E_FORMAT, "%s: damaged PNG: %s", job->src->name, text);
    longjmp(job->jump, 1);
}

static PNG_CALLBACK(void, on_warning, (png_structp png, png_const_charp text))
{
    (void)png;
    (void)text;
}

static PNG_CALLBACK(png_voidp, on_malloc, (png_structp png, png_alloc_size_t n))
{
    png_job *job = png_get_mem_ptr(png);
    void    *p   = malloc(n);
    if (!p)
        job->out_of_memory = true;
    return p;
}

static PNG_CALLBACK(void, on_free, (png_structp png, png_voidp p))
{
    (void)png;
    free(p);
}

static PNG_CALLBACK(void, on_read, (png_structp png, png_bytep dst, size_t n))
{
    png_job *job = png_get_io_ptr(png);
    if (n > job->src->n - job->at)
        png_error(png, "the file ends early");
    memcpy(dst, job->src->bytes + job->at, n);
    job->at += n;
}

static void fill_palette(png_job *job, int color_type, int bit_depth)
{
    png_colorp palette = NULL;
    int        n       = 0;
    vision_palette_grey(job->lut);
    if (color_type == PNG_COLOR_TYPE_PALETTE) {
        (void)png_get_PLTE(job->png, job->info, &palette, &n);
        for (int i = 0; palette && i < n && i < 256; i++) {
            job->lut[i][0] = palette[i].red;
            job->lut[i][1] = palette[i].green;
            job->lut[i][2] = palette[i].blue;
        }
    } else if (bit_depth < 8) {
        int top = (1 << bit_depth) - 1;
        for (int i = 0; i <= top; i++)
            memset(job->lut[i], i * 255 / top, 3);
    }
}

/* Spreads a row of 1 or 2 byte pixels to RGB in its own memory, from the right. */
static void spread_row(const png_job *job, uint8_t *row, size_t pixel_bytes)
{
    for (int64_t x = job->out->width - 1; x >= 0; x--) {
        const uint8_t *p = row + x * (int64_t)pixel_bytes;
        unsigned       v = pixel_bytes == 1 ? p[0] : (p[0] ? 255u : p[1]);
        memcpy(row + 3 * x, job->lut[v], 3);
    }
}

static void read_pixels(png_job *job)
{
    int width = job->out->width, height = job->out->height;
    int color_type = png_get_color_type(job->png, job->info),
        bit_depth  = png_get_bit_depth(job->png, job->info);
    fill_palette(job, color_type, bit_depth);
    png_set_packing(job->png);
    if (color_type != PNG_COLOR_TYPE_GRAY)
        png_set_strip_16(job->png);
    if (color_type & PNG_COLOR_MASK_ALPHA)
        png_set_strip_alpha(job->png);
    int passes = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    size_t pixel_bytes = png_get_rowbytes(job->png, job->info) / (size_t)width;
    if (pixel_bytes < 1 || pixel_bytes > 3)
        png_error(job->png, "unexpected pixel layout");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_read_row(job->png, vision_image_at(job->out, 0, y), NULL);
    png_read_end(job->png, NULL);
    for (int y = 0; pixel_bytes < 3 && y < height; y++)
        spread_row(job, vision_image_at(job->out, 0, y), pixel_bytes);
}

static void decode_guarded(png_job *job)
{
    if (setjmp(job->jump) == 0) {
        png_set_read_fn(job->png, job, on_read);
        png_set_user_limits(job->png, VISION_MAX_SIDE, VISION_MAX_SIDE);
        png_set_chunk_cache_max(job->png, 128);
        png_set_chunk_malloc_max(job->png, MAX_CHUNK_BYTES);
        png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
        png_set_crc_action(job->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
        png_read_info(job->png, job->info);
        read_pixels(job);
    }
}

/* Orientation in the eXIf chunk, before or after the pixels, as Pillow looks for it. */
static int find_orientation(const vision_source *src)
{
    size_t at = 8;
    while (src->n - at >= 12) {
        size_t len = vision_be32(src->bytes + at);
        if (len > src->n - at - 12 || memcmp(src->bytes + at + 4, "IEND", 4) == 0)
            break;
        if (memcmp(src->bytes + at + 4, "eXIf", 4) == 0)
            return vision_exif_orientation(src->bytes + at + 8, len);
        at += 12 + len;
    }
    return 0;
}

/* Everything that can be refused from IHDR alone, before the library allocates anything. */
static mlm_status check_header(const vision_source *src)
{
    const uint8_t *p = src->bytes;
    if (src->n < PNG_HEADER_BYTES || memcmp(p + 12, "IHDR", 4) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged PNG: no image header", src->name);
    int64_t width = vision_be32(p + 16), height = vision_be32(p + 20);
    MLM_TRY(vision_image_check_size(src, width, height));
    static const uint8_t channels[8] = {1, 0, 3, 1, 2, 0, 4, 0};
    size_t               row         = ((size_t)width * channels[p[25] & 7] * p[24] + 7) / 8;
    if (row * (size_t)height / MAX_INFLATE_RATIO > src->n)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged PNG: %zu bytes cannot hold %d x %d pixels", src->name,
                        src->n, (int)width, (int)height);
    return MLM_OK;
}

mlm_status vision_decode_png(vision_image *out, const vision_source *src)
{
    MLM_TRY(check_header(src));
    png_job *job = calloc(1, sizeof *job);
    if (!job)
        return mlm_fail_nomem(sizeof *job, "PNG decoder");
    job->src    = src;
    job->out    = out;
    job->status = vision_image_alloc(out, src, vision_be32(src->bytes + 16), vision_be32(src->bytes + 20));
    if (job->status == MLM_OK) {
        job->png  = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, on_error, on_warning, job, on_malloc,
                                             on_free);
        job->info = job->png ? png_create_info_struct(job->png) : NULL;
        if (job->info)
            decode_guarded(job);
        else
            job->status = mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding PNG", src->name);
        png_destroy_read_struct(&job->png, &job->info, NULL);
    }
    mlm_status status = job->status;
    free(job);
    if (status == MLM_OK)
        out->orientation = find_orientation(src);
    return status;
}
