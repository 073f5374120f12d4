/*
 * image_gif.c: the first frame of a GIF through giflib, laid on its screen as Pillow does: what the frame
 * leaves free has the transparent colour's palette entry, else entry 0; a frame larger than the screen
 * enlarges it; entries that the palette lacks are a grey ramp.  Later frames are not read.
 */
#include "vision/image_private.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct gif_job {
    const vision_source *src;
    size_t               at;
    vision_palette       lut;
    int                  transparent; /* palette index, -1: none */
} gif_job;

static int on_read(GifFileType *gif, GifByteType *dst, int n)
{
    gif_job *job  = gif->UserData;
    size_t   left = job->src->n - job->at, take = n > 0 ? (size_t)n : 0;
    if (take > left)
        take = left;
    memcpy(dst, job->src->bytes + job->at, take);
    job->at += take;
    return (int)take;
}

static mlm_status fail_gif(const vision_source *src, int error)
{
    const char *text = GifErrorString(error);
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM)
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding GIF", src->name);
    return mlm_fail(MLM_E_FORMAT, "%s: damaged GIF: %s", src->name, text ? text : "its data ends early");
}

static mlm_status read_extension(gif_job *job, GifFileType *gif)
{
    int          code;
    GifByteType *block;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR)
        return fail_gif(job->src, gif->Error);
    while (block) {
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK &&
            control.TransparentColor != NO_TRANSPARENT_COLOR)
            job->transparent = control.TransparentColor;
        if (DGifGetExtensionNext(gif, &block) == GIF_ERROR)
            return fail_gif(job->src, gif->Error);
    }
    return MLM_OK;
}

/* Skips to the first image; its descriptor is then in gif->Image. */
static mlm_status find_first_image(gif_job *job, GifFileType *gif)
{
    for (;;) {
        GifRecordType record;
        if (DGifGetRecordType(gif, &record) == GIF_ERROR)
            return fail_gif(job->src, gif->Error);
        if (record == EXTENSION_RECORD_TYPE)
            MLM_TRY(read_extension(job, gif));
        else if (record == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_ERROR ? fail_gif(job->src, gif->Error) : MLM_OK;
        else
            return mlm_fail(MLM_E_FORMAT, "%s: GIF has no picture in it", job->src->name);
    }
}

static void fill_palette(gif_job *job, const ColorMapObject *map)
{
    vision_palette_grey(job->lut);
    for (int i = 0; map && i < map->ColorCount && i < 256; i++) {
        job->lut[i][0] = map->Colors[i].Red;
        job->lut[i][1] = map->Colors[i].Green;
        job->lut[i][2] = map->Colors[i].Blue;
    }
}

static void fill_canvas(const gif_job *job, const vision_image *out)
{
    const uint8_t *c = job->lut[job->transparent >= 0 ? job->transparent : 0];
    int64_t        n = (int64_t)out->width * out->height;
    for (int64_t i = 0; i < n; i++)
        memcpy(out->rgb + 3 * i, c, 3);
}

static mlm_status read_lines(gif_job *job, GifFileType *gif, const vision_image *out, GifPixelType *line)
{
    static const int    start[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    const GifImageDesc *f = &gif->Image;
    for (int pass = 0; pass < (f->Interlace ? 4 : 1); pass++)
        for (int y = f->Interlace ? start[pass] : 0; y < f->Height; y += f->Interlace ? step[pass] : 1) {
            if (DGifGetLine(gif, line, f->Width) == GIF_ERROR)
                return fail_gif(job->src, gif->Error);
            uint8_t *dst = vision_image_at(out, f->Left, f->Top + y);
            for (int x = 0; x < f->Width; x++)
                memcpy(dst + 3 * (int64_t)x, job->lut[line[x]], 3);
        }
    return MLM_OK;
}

static mlm_status decode_open(gif_job *job, GifFileType *gif, vision_image *out)
{
    MLM_TRY(find_first_image(job, gif));
    const GifImageDesc *f = &gif->Image;
    if (f->Width <= 0 || f->Height <= 0 || f->Left < 0 || f->Top < 0)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged GIF: frame of %d x %d at %d, %d", job->src->name, f->Width,
                        f->Height, f->Left, f->Top);
    int width  = f->Left + f->Width > gif->SWidth ? f->Left + f->Width : gif->SWidth;
    int height = f->Top + f->Height > gif->SHeight ? f->Top + f->Height : gif->SHeight;
    MLM_TRY(vision_image_alloc(out, job->src, width, height));
    fill_palette(job, f->ColorMap ? f->ColorMap : gif->SColorMap);
    fill_canvas(job, out);
    GifPixelType *line = malloc((size_t)f->Width);
    if (!line)
        return mlm_fail_nomem((size_t)f->Width, "GIF line");
    mlm_status status = read_lines(job, gif, out, line);
    free(line);
    return status;
}

mlm_status vision_decode_gif(vision_image *out, const vision_source *src)
{
    gif_job job   = {.src = src, .transparent = -1};
    int     error = 0;
    if (src->n >= 10) { /* before giflib allocates; an empty screen is made by the frame */
        int64_t width = vision_le16(src->bytes + 6), height = vision_le16(src->bytes + 8);
        MLM_TRY(vision_image_check_size(src, width > 0 ? width : 1, height > 0 ? height : 1));
    }
    GifFileType *gif = DGifOpen(&job, on_read, &error);
    if (!gif)
        return fail_gif(src, error);
    mlm_status status = decode_open(&job, gif, out);
    (void)DGifCloseFile(gif, &error);
    return status;
}
