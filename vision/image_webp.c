/*
 * image_webp.c: WebP through libwebp.  A still picture is decoded straight to RGB (alpha dropped); of an
 * animation the first frame, on a black canvas, as Pillow shows it.
 */
#include "vision/image_private.h"

#include <webp/decode.h>
#include <webp/demux.h>

static mlm_status fail_webp(const vision_source *src, VP8StatusCode code)
{
    if (code == VP8_STATUS_OUT_OF_MEMORY ||
        code == VP8_STATUS_USER_ABORT) /* the latter: no memory for its output stage */
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding WebP", src->name);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED)
        return mlm_fail(MLM_E_FORMAT, "%s: WebP is cut off: its data ends before the picture does",
                        src->name);
    return mlm_fail(MLM_E_FORMAT, "%s: damaged WebP (libwebp status %d)", src->name, (int)code);
}

#define TABLES_BYTES ((size_t)4 << 20)

/* Decodes one bitstream of width x height into out at (x, y); the caller checked that it fits. */
static mlm_status decode_still(const vision_image *out, const vision_source *src, const uint8_t *bytes,
                               size_t n, int x, int y, int width, int height)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s: the libwebp found at run time is another version than this build's", src->name);
    VP8StatusCode code = WebPGetFeatures(bytes, n, &config.input);
    if (code != VP8_STATUS_OK)
        return fail_webp(src, code);
    if (config.input.width != width || config.input.height != height)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged WebP: picture of %d x %d in a frame of %d x %d", src->name,
                        config.input.width, config.input.height, width, height);
    MLM_TRY(vision_image_probe_memory(4 * (size_t)width * (size_t)height + TABLES_BYTES));
    config.output.colorspace         = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba        = vision_image_at(out, x, y);
    config.output.u.RGBA.stride      = 3 * out->width;
    config.output.u.RGBA.size        = 3 * ((size_t)out->width * (size_t)(height - 1) + (size_t)width);
    code                             = WebPDecode(bytes, n, &config);
    WebPFreeDecBuffer(&config.output);
    return code == VP8_STATUS_OK ? MLM_OK : fail_webp(src, code);
}

static mlm_status decode_first_frame(vision_image *out, const vision_source *src, const WebPDemuxer *demux)
{
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demux, 1, &frame))
        return mlm_fail(MLM_E_FORMAT, "%s: damaged WebP: no first frame", src->name);
    mlm_status status = MLM_OK;
    if (!frame.complete)
        status = fail_webp(src, VP8_STATUS_NOT_ENOUGH_DATA);
    else if (frame.x_offset < 0 || frame.y_offset < 0 || frame.width <= 0 || frame.height <= 0 ||
             frame.width > out->width - frame.x_offset || frame.height > out->height - frame.y_offset)
        status =
            mlm_fail(MLM_E_FORMAT, "%s: damaged WebP: the first frame lies outside the picture", src->name);
    else {
        for (size_t i = 0; i < 3 * (size_t)out->width * (size_t)out->height; i++)
            out->rgb[i] = 0;
        status = decode_still(out, src, frame.fragment.bytes, frame.fragment.size, frame.x_offset,
                              frame.y_offset, frame.width, frame.height);
    }
    WebPDemuxReleaseIterator(&frame);
    return status;
}

static int find_orientation(const WebPDemuxer *demux)
{
    WebPChunkIterator chunk;
    int               orientation = 0;
    if (WebPDemuxGetChunk(demux, "EXIF", 1, &chunk)) {
        orientation = vision_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    return orientation;
}

mlm_status vision_decode_webp(vision_image *out, const vision_source *src)
{
    WebPBitstreamFeatures features;
    VP8StatusCode         code = WebPGetFeatures(src->bytes, src->n, &features);
    if (code != VP8_STATUS_OK)
        return fail_webp(src, code);
    MLM_TRY(vision_image_alloc(out, src, features.width, features.height));
    if (!features.has_animation)
        MLM_TRY(decode_still(out, src, src->bytes, src->n, 0, 0, out->width, out->height));
    WebPData     data  = {src->bytes, src->n};
    WebPDemuxer *demux = WebPDemux(&data);
    if (!demux) /* a still picture needs it for EXIF alone */
        return features.has_animation ? fail_webp(src, VP8_STATUS_BITSTREAM_ERROR) : MLM_OK;
    mlm_status status = features.has_animation ? decode_first_frame(out, src, demux) : MLM_OK;
    out->orientation  = find_orientation(demux);
    WebPDemuxDelete(demux);
    return status;
}
