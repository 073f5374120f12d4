/*
 * image.c: finds a picture's type from its content, calls the decoder, applies the EXIF orientation.
 *
 * Order: file size, type, (decoder: sides and pixels, then memory, then pixels), orientation.  Known types
 * that this build cannot read are named in the message.
 */
#include "vision/image.h"

#include "kernels/base/mlm_file.h"
#include "vision/image_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SNIFF_BYTES 1024 /* enough to find "<svg" behind an XML prologue */

static const struct {
    const char      *name;
    vision_decode_fn decode; /* NULL: not in this build */
} formats[VISION_FORMAT_COUNT] = {
    [VISION_FORMAT_RAW] = {"raw pixels", NULL},          [VISION_FORMAT_JPEG] = {"JPEG", vision_decode_jpeg},
    [VISION_FORMAT_PNG] = {"PNG", vision_decode_png},    [VISION_FORMAT_WEBP] = {"WebP", vision_decode_webp},
    [VISION_FORMAT_GIF] = {"GIF", vision_decode_gif},    [VISION_FORMAT_BMP] = {"BMP", vision_decode_bmp},
    [VISION_FORMAT_TGA] = {"TGA", vision_decode_tga},
#ifdef MLM_HAVE_HEIF
    [VISION_FORMAT_HEIC] = {"HEIC", vision_decode_heif},
#else
    [VISION_FORMAT_HEIC] = {"HEIC", NULL},
#endif
#ifdef MLM_HAVE_AVIF
    [VISION_FORMAT_AVIF] = {"AVIF", vision_decode_avif},
#else
    [VISION_FORMAT_AVIF] = {"AVIF", NULL},
#endif
#ifdef MLM_HAVE_TIFF
    [VISION_FORMAT_TIFF] = {"TIFF", vision_decode_tiff},
#else
    [VISION_FORMAT_TIFF] = {"TIFF", NULL},
#endif
};

const char *vision_format_name(vision_format format)
{
    return (unsigned)format < VISION_FORMAT_COUNT ? formats[format].name : "unknown";
}

bool vision_format_supported(vision_format format)
{
    return (unsigned)format < VISION_FORMAT_COUNT && (format == VISION_FORMAT_RAW || formats[format].decode);
}

/* ---- type by content ------------------------------------------------------------------------------- */

static bool has_bytes(const vision_source *src, size_t at, const char *magic, size_t n)
{
    return src->n >= at + n && memcmp(src->bytes + at, magic, n) == 0;
}
#define HAS(at, magic) has_bytes(src, at, magic, sizeof(magic) - 1)

/* ISO base media file: brands say whether it is HEIC, AVIF or a film. */
static vision_format sniff_ftyp(const vision_source *src)
{
    size_t size = vision_be32(src->bytes), end = size < src->n ? size : src->n;
    bool   heic = false;
    for (size_t at = 8; at + 4 <= end && at < 256; at += at == 8 ? 8 : 4) { /* 12: minor version */
        if (HAS(at, "avif") || HAS(at, "avis"))
            return VISION_FORMAT_AVIF;
        heic |= HAS(at, "heic") || HAS(at, "heix") || HAS(at, "heim") || HAS(at, "heis") || HAS(at, "hevc") ||
                HAS(at, "hevx") || HAS(at, "mif1") || HAS(at, "msf1");
    }
    return heic ? VISION_FORMAT_HEIC : VISION_FORMAT_COUNT;
}

static vision_format sniff_format(const vision_source *src)
{
    if (HAS(0, "\xFF\xD8\xFF"))
        return VISION_FORMAT_JPEG;
    if (HAS(0, "\x89PNG\r\n\x1A\n"))
        return VISION_FORMAT_PNG;
    if (HAS(0, "RIFF") && HAS(8, "WEBP"))
        return VISION_FORMAT_WEBP;
    if (HAS(0, "GIF87a") || HAS(0, "GIF89a"))
        return VISION_FORMAT_GIF;
    if (HAS(0, "II*\0") || HAS(0, "MM\0*") || HAS(0, "II+\0") || HAS(0, "MM\0+"))
        return VISION_FORMAT_TIFF;
    if (HAS(4, "ftyp"))
        return sniff_ftyp(src);
    if (HAS(0, "BM") && src->n >= 18 && vision_le32(src->bytes + 14) <= 256)
        return VISION_FORMAT_BMP;
    return VISION_FORMAT_COUNT;
}

static bool contains(const vision_source *src, const char *word)
{
    size_t len = strlen(word), n = src->n < SNIFF_BYTES ? src->n : SNIFF_BYTES;
    for (size_t i = 0; i + len <= n; i++)
        if (memcmp(src->bytes + i, word, len) == 0)
            return true;
    return false;
}

static bool looks_like_text(const vision_source *src)
{
    size_t n = src->n < SNIFF_BYTES ? src->n : SNIFF_BYTES;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = src->bytes[i];
        if (c == 0x7F || (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f'))
            return false;
    }
    return true;
}

/* A name for what the file is instead, or NULL. */
static const char *guess_other(const vision_source *src)
{
    static const struct {
        size_t      at, n;
        const char *magic, *name;
    } others[] = {
        {0, 5, "%PDF-", "PDF"},
        {0, 4, "8BPS", "a Photoshop file"},
        {0, 4, "\0\0\1\0", "an icon (ICO)"},
        {0, 4, "\0\0\2\0", "a cursor (CUR)"},
        {0, 2, "\xFF\x0A", "JPEG XL"},
        {4, 8, "JXL \r\n\x87\n", "JPEG XL"},
        {4, 8, "jP  \r\n\x87\n", "JPEG 2000"},
        {0, 4, "\xFF\x4F\xFF\x51", "JPEG 2000"},
        {0, 4, "\x76\x2F\x31\x01", "OpenEXR"},
        {0, 10, "#?RADIANCE", "Radiance HDR"},
        {0, 4, "qoif", "QOI"},
        {0, 4, "DDS ", "DDS"},
        {0, 4, "BPG\xFB", "BPG"},
        {0, 9, "gimp xcf ", "a GIMP file"},
        {0, 4, "\xD7\xCD\xC6\x9A", "WMF"},
        {0, 4, "\xC5\xD0\xD3\xC6", "EPS"},
        {0, 4, "%!PS", "PostScript"},
        {0, 9, "SIMPLE  =", "FITS"},
        {0, 4, "PK\3\4", "a ZIP archive"},
        {0, 2, "\x1F\x8B", "a gzip archive"},
        {0, 4,
         "\x7F"
         "ELF",
         "a program"},
        {4, 4, "ftyp", "a film (MP4)"},
        {0, 4, "\x1A\x45\xDF\xA3", "a film (Matroska, WebM)"},
        {0, 4, "RIFF", "a sound or film (RIFF)"},
        {0, 23, "version https://git-lfs", "a Git LFS pointer, not the file itself"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (has_bytes(src, others[i].at, others[i].magic, others[i].n))
            return others[i].name;
    if (src->n >= 3 && src->bytes[0] == 'P' && src->bytes[1] >= '1' && src->bytes[1] <= '7' &&
        src->bytes[2] <= ' ')
        return "a PNM picture (PBM, PGM, PPM, PAM)";
    if (contains(src, "<svg"))
        return "SVG";
    if (contains(src, "<html") || contains(src, "<HTML") || contains(src, "<!DOCTYPE html") ||
        contains(src, "<!doctype html"))
        return "an HTML page";
    return looks_like_text(src) ? "text" : NULL;
}

static mlm_status fail_not_picture(const vision_source *src)
{
    const char *other          = guess_other(src);
    char        hex[3 * 8 + 1] = "";
    size_t      n              = src->n < 8 ? src->n : 8;
    for (size_t i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdef";
        hex[3 * i]                 = ' ';
        hex[3 * i + 1]             = digits[src->bytes[i] >> 4];
        hex[3 * i + 2]             = digits[src->bytes[i] & 15];
    }
    return mlm_fail(MLM_E_FORMAT, "%s: not a picture that mlmamba can read (first bytes%s%s%s)", src->name,
                    hex, other ? ": looks like " : "", other ? other : "");
}

/* ---- size, memory ---------------------------------------------------------------------------------- */

mlm_status vision_image_check_size(const vision_source *src, int64_t width, int64_t height)
{
    if (width <= 0 || height <= 0)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: picture is %" PRId64 " x %" PRId64 ", both sides must be at least 1", src->name,
                        width, height);
    if (width > VISION_MAX_SIDE || height > VISION_MAX_SIDE || width * height > VISION_MAX_PIXELS)
        return mlm_fail(MLM_E_RANGE,
                        "%s: picture is %" PRId64 " x %" PRId64 ", the limit is %d a side and %" PRId64
                        " pixels",
                        src->name, width, height, VISION_MAX_SIDE, VISION_MAX_PIXELS);
    return MLM_OK;
}

mlm_status vision_image_alloc(vision_image *out, const vision_source *src, int64_t width, int64_t height)
{
    MLM_TRY(vision_image_check_size(src, width, height));
    size_t bytes = 3u * (size_t)width * (size_t)height;
    out->rgb     = malloc(bytes);
    if (!out->rgb)
        return mlm_fail_nomem(bytes, "picture");
    out->width  = (int)width;
    out->height = (int)height;
    return MLM_OK;
}

mlm_status vision_image_probe_memory(size_t bytes)
{
    void *volatile p = malloc(bytes); /* volatile: or the compiler drops the pair of calls */
    if (!p)
        return mlm_fail_nomem(bytes, "decoding a picture");
    free(p);
    return MLM_OK;
}

void vision_image_free(vision_image *img)
{
    free(img->rgb);
    *img = (vision_image){0};
}

/* ---- loading --------------------------------------------------------------------------------------- */

static mlm_status decode_source(vision_image *out, const vision_source *src)
{
    vision_format format = sniff_format(src);
    if (format == VISION_FORMAT_COUNT && vision_tga_plausible(src->bytes, src->n))
        format = VISION_FORMAT_TGA;
    if (format == VISION_FORMAT_COUNT)
        return fail_not_picture(src);
    if (!formats[format].decode)
        return mlm_fail(MLM_E_UNSUPPORTED, "%s: a %s picture; this build of mlmamba cannot read %s",
                        src->name, formats[format].name, formats[format].name);
    MLM_TRY(formats[format].decode(out, src));
    out->format = format;
    if (out->orientation < 1 || out->orientation > 8)
        out->orientation = 1;
    if (out->orientation > 1 && !out->rotated && !src->keep_orientation)
        MLM_TRY(vision_image_orient(out, out->orientation));
    return MLM_OK;
}

mlm_status vision_image_load_memory(vision_image *out, const void *bytes, size_t n, const char *name,
                                    const vision_image_options *opt)
{
    *out = (vision_image){0};
    if (n == 0)
        return mlm_fail(MLM_E_FORMAT, "%s: file is empty, not a picture", name);
    if (n > VISION_MAX_FILE_BYTES)
        return mlm_fail(MLM_E_RANGE, "%s: file has %zu bytes, the limit for pictures is %zu", name, n,
                        VISION_MAX_FILE_BYTES);
    vision_source src    = {bytes, n, name, opt && opt->ignore_orientation};
    mlm_status    status = decode_source(out, &src);
    if (status != MLM_OK)
        vision_image_free(out);
    return status;
}

mlm_status vision_image_load_file(vision_image *out, const char *path, const vision_image_options *opt)
{
    char  *data = NULL;
    size_t n    = 0;
    *out        = (vision_image){0};
    MLM_TRY(mlm_file_read(&data, &n, path, VISION_MAX_FILE_BYTES, "picture"));
    mlm_status status = vision_image_load_memory(out, data, n, path, opt);
    free(data);
    return status;
}

mlm_status vision_image_from_rgb(vision_image *out, const uint8_t *rgb, int width, int height)
{
    vision_source src = {NULL, 0, "pixels", true};
    *out              = (vision_image){0};
    MLM_TRY(vision_image_alloc(out, &src, width, height));
    memcpy(out->rgb, rgb, 3u * (size_t)width * (size_t)height);
    out->orientation = 1;
    return MLM_OK;
}
