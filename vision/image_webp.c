/*
 * image_webp.c: WebP through libwebp.  A still picture is decoded straight to RGB (alpha dropped); of an
 * animation the first frame, on a black canvas, as Pillow shows it.
 */
#include "vision/image_private.h"

#include <string.h>
#include <webp/decode.h>

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

#define TABLES_BYTES      ((size_t)4 << 20)
#define ANMF_HEADER_BYTES 16u

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

/* The payload of the first chunk of a kind in the RIFF file; NULL when there is none. */
static const uint8_t *find_chunk(const vision_source *src, const char *kind, size_t *n)
{
    size_t at = 12;
    while (at <= src->n && src->n - at >= 8) {
        size_t len = vision_le32(src->bytes + at + 4);
        if (len > src->n - at - 8)
            break;
        if (memcmp(src->bytes + at, kind, 4) == 0) {
            *n = len;
            return src->bytes + at + 8;
        }
        at += 8 + len + len % 2;
    }
    return NULL;
}

static int get_24(const uint8_t *p)
{
    return (int)(vision_le16(p) | (uint32_t)p[2] << 16);
}

/* ANMF: x/2, y/2, width-1, height-1, duration (24 bits each), flags, then the frame's own chunks. */
static mlm_status decode_first_frame(vision_image *out, const vision_source *src)
{
    size_t         n = 0;
    const uint8_t *p = find_chunk(src, "ANMF", &n);
    if (!p || n < ANMF_HEADER_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged WebP: no first frame", src->name);
    int x = 2 * get_24(p), y = 2 * get_24(p + 3), width = 1 + get_24(p + 6), height = 1 + get_24(p + 9);
    if (width > out->width - x || height > out->height - y)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged WebP: the first frame lies outside the picture",
                        src->name);
    memset(out->rgb, 0, 3 * (size_t)out->width * (size_t)out->height);
    return decode_still(out, src, p + ANMF_HEADER_BYTES, n - ANMF_HEADER_BYTES, x, y, width, height);
}

mlm_status vision_decode_webp(vision_image *out, const vision_source *src)
{
    WebPBitstreamFeatures features;
    VP8StatusCode         code = WebPGetFeatures(src->bytes, src->n, &features);
    size_t                n    = 0;
    if (code != VP8_STATUS_OK)
        return fail_webp(src, code);
    MLM_TRY(vision_image_alloc(out, src, features.width, features.height));
    if (features.has_animation)
        MLM_TRY(decode_first_frame(out, src));
    else
        MLM_TRY(decode_still(out, src, src->bytes, src->n, 0, 0, out->width, out->height));
    const uint8_t *exif = find_chunk(src, "EXIF", &n);
    out->orientation    = exif ? vision_exif_orientation(exif, n) : 0;
    return MLM_OK;
}
