/*
 * image_jpeg.c: JPEG through libjpeg-turbo with its default (accurate) DCT and smooth chroma upsampling,
 * which is what Pillow does: pixels are equal.
 *
 * CMYK and YCCK are inverted (Adobe's habit, which Pillow assumes) and go to RGB by Pillow's rule
 *   R = max(0, (255 - K) - C * (255 - K) / 255).
 * A file that ends early is refused, never filled with grey.  Scans are counted while the library reads a
 * progressive file: at most VISION_MAX_SCANS, and at most SCAN_PIXELS scans x pixels.
 */
#include "vision/image_private.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#define SCAN_PIXELS         ((int64_t)1 << 30)
#define MAX_PIXELS_PER_BYTE 1024 /* Huffman coding takes at least one bit for a block of 64 pixels: 512 */

typedef struct jpeg_job {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr         err;
    struct jpeg_progress_mgr      progress;
    jmp_buf                       jump;
    const vision_source          *src;
    vision_image                 *out;
    uint8_t                      *cmyk; /* one row [width, 4] */
    mlm_status                    status;
} jpeg_job;

static void on_error(j_common_ptr cinfo)
{
    jpeg_job *job = cinfo->client_data;
    char      text[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, text);
    if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
        job->status = mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding JPEG", job->src->name);
    else
        job->status = mlm_fail(MLM_E_FORMAT, "%s: damaged JPEG: %s", job->src->name, text);
    longjmp(job->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    jpeg_job        *job  = cinfo->client_data;
    j_decompress_ptr d    = &job->cinfo;
    int              code = cinfo->err->msg_code;
    if (level >= 0)
        return;
    if (code == JWRN_JPEG_EOF || (code == JWRN_HIT_MARKER && d->unread_marker == JPEG_EOI)) {
        job->status = mlm_fail(MLM_E_FORMAT, "%s: JPEG is cut off: its data ends before the picture does",
                               job->src->name);
        longjmp(job->jump, 1);
    }
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo; /* nothing is ever printed */
}

static void on_progress(j_common_ptr cinfo)
{
    jpeg_job *job    = cinfo->client_data;
    int       scans  = job->cinfo.input_scan_number;
    int64_t   pixels = (int64_t)job->cinfo.image_width * job->cinfo.image_height;
    if (scans <= VISION_MAX_SCANS && scans * pixels <= SCAN_PIXELS)
        return;
    job->status =
        mlm_fail(MLM_E_RANGE,
                 "%s: progressive JPEG of %u x %u has more than %d scans, the limit is %d (and %" PRId64
                 " scans x pixels)",
                 job->src->name, job->cinfo.image_width, job->cinfo.image_height, scans - 1, VISION_MAX_SCANS,
                 SCAN_PIXELS);
    longjmp(job->jump, 1);
}

static uint8_t over_black(uint32_t c, uint32_t light)
{
    uint32_t t = c * light + 128;
    t          = ((t >> 8) + t) >> 8; /* c * light / 255, rounded */
    return (uint8_t)(light > t ? light - t : 0);
}

static void read_rows(jpeg_job *job)
{
    j_decompress_ptr d = &job->cinfo;
    while (d->output_scanline < d->output_height) {
        uint8_t *row     = vision_image_at(job->out, 0, d->output_scanline);
        JSAMPROW rows[1] = {job->cmyk ? job->cmyk : row};
        (void)jpeg_read_scanlines(d, rows, 1);
        for (JDIMENSION x = 0; job->cmyk && x < d->output_width; x++) {
            const uint8_t *p     = job->cmyk + 4 * (size_t)x;
            uint32_t       light = p[3]; /* inverted: 255 - K */
            for (int c = 0; c < 3; c++)
                row[3 * (size_t)x + (size_t)c] = over_black(255u - p[c], light);
        }
    }
}

/* Header, checks, memory.  Runs inside the guard; a failure is stored in job->status. */
static void prepare(jpeg_job *job)
{
    j_decompress_ptr d = &job->cinfo;
    jpeg_mem_src(d, job->src->bytes, (unsigned long)job->src->n);
    (void)jpeg_read_header(d, TRUE);
    job->status = vision_image_check_size(job->src, d->image_width, d->image_height);
    if (job->status != MLM_OK)
        return;
    if (d->num_components != 1 && d->num_components != 3 && d->num_components != 4) {
        job->status = mlm_fail(MLM_E_UNSUPPORTED, "%s: JPEG has %d colour components, 1, 3 and 4 can be read",
                               job->src->name, d->num_components);
        return;
    }
    int64_t pixels = (int64_t)d->image_width * d->image_height;
    if (!d->arith_code && pixels / MAX_PIXELS_PER_BYTE > (int64_t)job->src->n) {
        job->status = mlm_fail(MLM_E_FORMAT, "%s: JPEG is cut off: %zu bytes cannot hold %u x %u pixels",
                               job->src->name, job->src->n, d->image_width, d->image_height);
        return;
    }
    d->out_color_space = d->num_components == 4 ? JCS_CMYK : JCS_RGB;
    job->status        = vision_image_alloc(job->out, job->src, d->image_width, d->image_height);
    if (job->status == MLM_OK && d->num_components == 4) {
        job->cmyk = malloc(4 * (size_t)d->image_width);
        if (!job->cmyk)
            job->status = mlm_fail_nomem(4 * (size_t)d->image_width, "CMYK row");
    }
}

static void decode_guarded(jpeg_job *job)
{
    if (setjmp(job->jump) == 0) {
        jpeg_create_decompress(&job->cinfo);
        job->cinfo.progress = &job->progress;
        prepare(job);
        if (job->status == MLM_OK) {
            (void)jpeg_start_decompress(&job->cinfo);
            read_rows(job);
            (void)jpeg_finish_decompress(&job->cinfo);
        }
    }
}

/* The first APP1 segment that holds EXIF, found without the library: its memory stays flat. */
static int find_orientation(const vision_source *src)
{
    size_t at = 2;
    while (at + 4 <= src->n && src->bytes[at] == 0xFF) {
        const uint8_t *p = src->bytes + at;
        if (p[1] == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        if (p[1] == 0xDA || p[1] == 0xD9)
            break;
        if (p[1] == 0x01 || (p[1] >= 0xD0 && p[1] <= 0xD8)) { /* no length */
            at += 2;
            continue;
        }
        size_t len = vision_be16(p + 2);
        if (len < 2 || len > src->n - at - 2)
            break;
        if (p[1] == 0xE1 && len >= 8 && memcmp(p + 4, "Exif\0", 5) == 0)
            return vision_exif_orientation(p + 4, len - 2);
        at += 2 + len;
    }
    return 0;
}

mlm_status vision_decode_jpeg(vision_image *out, const vision_source *src)
{
    jpeg_job *job = calloc(1, sizeof *job);
    if (!job)
        return mlm_fail_nomem(sizeof *job, "JPEG decoder");
    job->src                       = src;
    job->out                       = out;
    job->cinfo.err                 = jpeg_std_error(&job->err);
    job->cinfo.client_data         = job; /* this and err survive jpeg_create_decompress */
    job->err.error_exit            = on_error;
    job->err.emit_message          = on_message;
    job->err.output_message        = on_output;
    job->progress.progress_monitor = on_progress;
    decode_guarded(job);
    jpeg_destroy_decompress(&job->cinfo);
    mlm_status status = job->status;
    free(job->cmyk);
    free(job);
    if (status == MLM_OK)
        out->orientation = find_orientation(src);
    return status;
}
