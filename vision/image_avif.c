/*
 * image_avif.c: AVIF through libavif.  It reports the container's rotation and mirroring without applying
 * them; they are applied here, whatever ignore_orientation says.  EXIF is ignored, as the format asks.
 */
#include "vision/image_private.h"

#include <avif/avif.h>

static mlm_status fail_avif(const vision_source *src, avifResult result)
{
    if (result == AVIF_RESULT_OUT_OF_MEMORY)
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding AVIF", src->name);
    mlm_status status = result == AVIF_RESULT_NO_CODEC_AVAILABLE || result == AVIF_RESULT_NOT_IMPLEMENTED
                            ? MLM_E_UNSUPPORTED
                            : MLM_E_FORMAT;
    return mlm_fail(status, "%s: cannot read AVIF: %s", src->name, avifResultToString(result));
}

/* irot (anticlockwise quarter turns), then imir (0: top and bottom change places, 1: left and right). */
static int orientation_of(const avifImage *image)
{
    static const int table[4][3] = {{1, 4, 2}, {8, 5, 7}, {3, 2, 4}, {6, 7, 5}};
    unsigned         angle       = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3u : 0;
    int              mirror = image->transformFlags & AVIF_TRANSFORM_IMIR ? 1 + (image->imir.mode & 1) : 0;
    return table[angle][mirror];
}

static mlm_status decode_frame(vision_image *out, const vision_source *src, avifDecoder *decoder)
{
    avifResult result = avifDecoderSetIOMemory(decoder, src->bytes, src->n);
    if (result == AVIF_RESULT_OK)
        result = avifDecoderParse(decoder);
    if (result != AVIF_RESULT_OK)
        return fail_avif(src, result);
    MLM_TRY(vision_image_alloc(out, src, decoder->image->width, decoder->image->height));
    result = avifDecoderNextImage(decoder);
    if (result != AVIF_RESULT_OK)
        return fail_avif(src, result);
    if (decoder->image->width != (uint32_t)out->width || decoder->image->height != (uint32_t)out->height)
        return mlm_fail(MLM_E_FORMAT, "%s: cannot read AVIF: the size changes inside the file", src->name);
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, decoder->image);
    rgb.format      = AVIF_RGB_FORMAT_RGB;
    rgb.depth       = 8;
    rgb.ignoreAlpha = AVIF_TRUE;
    rgb.pixels      = out->rgb;
    rgb.rowBytes    = 3u * (uint32_t)out->width;
    result          = avifImageYUVToRGB(decoder->image, &rgb);
    if (result != AVIF_RESULT_OK)
        return fail_avif(src, result);
    out->orientation = orientation_of(decoder->image);
    return vision_image_orient(out, out->orientation);
}

mlm_status vision_decode_avif(vision_image *out, const vision_source *src)
{
    avifDecoder *decoder = avifDecoderCreate();
    if (!decoder)
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding AVIF", src->name);
    decoder->maxThreads          = 1;
    decoder->imageSizeLimit      = (uint32_t)VISION_MAX_PIXELS;
    decoder->imageDimensionLimit = VISION_MAX_SIDE;
    decoder->imageCountLimit     = 1000;
    decoder->ignoreExif          = AVIF_TRUE;
    decoder->ignoreXMP           = AVIF_TRUE;
    mlm_status status            = decode_frame(out, src, decoder);
    avifDecoderDestroy(decoder);
    return status;
}
