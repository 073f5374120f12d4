/* image_private.h: what image.c and the decoders share; not for use outside vision/image*.c. */
#ifndef VISION_IMAGE_PRIVATE_H
#define VISION_IMAGE_PRIVATE_H

#include "vision/image.h"

/* The encoded picture; borrowed for one call. */
typedef struct vision_source {
    const uint8_t *bytes;
    size_t         n;
    const char    *name;             /* stands for the file in messages                          */
    bool           keep_orientation; /* ignore_orientation: EXIF is read, not applied            */
} vision_source;

/*
 * One decoder: out is zeroed, src is of its format.  Sets width, height, rgb (as stored) and orientation
 * (the value found, else 0); rotated only where the decoder has turned the picture already.  On failure the
 * caller frees out.
 */
typedef mlm_status (*vision_decode_fn)(vision_image *out, const vision_source *src);

mlm_status vision_decode_jpeg(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_png(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_webp(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_gif(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_bmp(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_tga(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_heif(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_avif(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;
mlm_status vision_decode_tiff(vision_image *out, const vision_source *src) MLM_WARN_UNUSED;

/* TGA has no magic number: true when the header is plausible in every field and the data can fit. */
bool vision_tga_plausible(const uint8_t *bytes, size_t n);

/* Limits first (MLM_E_RANGE), then out->rgb for width x height.  Sides <= 0 are MLM_E_FORMAT. */
mlm_status vision_image_check_size(const vision_source *src, int64_t width, int64_t height) MLM_WARN_UNUSED;
mlm_status vision_image_alloc(vision_image *out, const vision_source *src, int64_t width,
                              int64_t height) MLM_WARN_UNUSED;

/*
 * MLM_E_NOMEM when `bytes` cannot be had at this moment.  Asked before libraries that do not survive a failed
 * allocation everywhere (libwebp 1.2.4 on lossless pictures, libtiff 4.5.0): their own, smaller ones then succeed.
 */
mlm_status vision_image_probe_memory(size_t bytes) MLM_WARN_UNUSED;

/* Orientation 1 .. 8 of an EXIF block (with or without "Exif\0\0" in front); 0 when there is none. */
int vision_exif_orientation(const uint8_t *exif, size_t n);
/* Turns img->rgb upright as EXIF value 2 .. 8 demands (8 kinds of Pillow's exif_transpose). */
mlm_status vision_image_orient(vision_image *img, int orientation) MLM_WARN_UNUSED;

static inline uint32_t vision_le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t vision_le32(const uint8_t *p)
{
    return vision_le16(p) | vision_le16(p + 2) << 16;
}
static inline uint32_t vision_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | (uint32_t)p[1];
}
static inline uint32_t vision_be32(const uint8_t *p)
{
    return vision_be16(p) << 16 | vision_be16(p + 2);
}

/* Pixel (x, y) of the picture. */
static inline uint8_t *vision_image_at(const vision_image *img, int64_t x, int64_t y)
{
    return img->rgb + 3 * (y * img->width + x);
}

/* Colour table of one-byte pixels, filled with Pillow's default: a grey ramp. */
typedef uint8_t    vision_palette[256][3];
static inline void vision_palette_grey(vision_palette lut)
{
    for (int i = 0; i < 256; i++)
        lut[i][0] = lut[i][1] = lut[i][2] = (uint8_t)i;
}

#endif
