/*
 * image_tga.c: TGA through stb_image, behind checks of our own: stb invents zeros past the end of a file,
 * so the data is measured first (run-length packets are walked), and a format without a magic number is
 * believed only when every header field is plausible.
 */
#include "vision/image_private.h"
#include "vision/stb_image_tga.h"

#include <stdlib.h>
#include <string.h>

#define TGA_HEADER_BYTES 18u

typedef struct tga_header {
    uint32_t id_bytes, type, map_start, map_length, map_bits, width, height, bits, flags;
    bool     has_map;
} tga_header;

static tga_header parse_header(const uint8_t *p)
{
    return (tga_header){.id_bytes   = p[0],
                        .has_map    = p[1] == 1,
                        .type       = p[2],
                        .map_start  = vision_le16(p + 3),
                        .map_length = vision_le16(p + 5),
                        .map_bits   = p[7],
                        .width      = vision_le16(p + 12),
                        .height     = vision_le16(p + 14),
                        .bits       = p[16],
                        .flags      = p[17]};
}

static uint64_t data_offset(const tga_header *h)
{
    return TGA_HEADER_BYTES + h->id_bytes +
           (h->has_map ? (uint64_t)h->map_length * ((h->map_bits + 7) / 8) : 0);
}

static bool depth_known(const tga_header *h)
{
    switch (h->type & 7) {
    case 1:
        return h->has_map && h->bits == 8;
    case 2:
        return h->bits == 16 || h->bits == 24 || h->bits == 32;
    case 3:
        return h->bits == 8 || h->bits == 16;
    default:
        return false;
    }
}

/* True when the pixel data is all there. */
static bool data_complete(const tga_header *h, const uint8_t *bytes, size_t n)
{
    uint64_t at = data_offset(h), pixels = (uint64_t)h->width * h->height, pixel_bytes = h->bits / 8;
    if (h->type < 8)
        return at + pixels * pixel_bytes <= n;
    while (pixels > 0) {
        if (at >= n)
            return false;
        uint64_t count = (bytes[at] & 127u) + 1;
        at += 1 + (bytes[at] & 128 ? 1 : count) * pixel_bytes;
        pixels = count < pixels ? pixels - count : 0;
    }
    return at <= n;
}

bool vision_tga_plausible(const uint8_t *bytes, size_t n)
{
    if (n < TGA_HEADER_BYTES || bytes[1] > 1)
        return false;
    tga_header h = parse_header(bytes);
    if ((h.type < 1 || h.type > 3) && (h.type < 9 || h.type > 11))
        return false;
    bool map_ok = h.has_map
                      ? h.map_length > 0 && h.map_start + h.map_length <= 256 &&
                            (h.map_bits == 15 || h.map_bits == 16 || h.map_bits == 24 || h.map_bits == 32)
                      : (h.type & 7) != 1 && h.map_start == 0 && h.map_length == 0 &&
                            (h.map_bits == 0 || h.map_bits == 24 || h.map_bits == 32);
    /* 15 attribute bits are never meant; the two top bits of the flags (interleaving) must be 0. */
    return map_ok && h.width > 0 && h.height > 0 && depth_known(&h) && (h.flags & 15) <= 8 &&
           (h.flags & 0xC0) == 0 && data_offset(&h) < n;
}

static void mirror_rows(const vision_image *img)
{
    for (int y = 0; y < img->height; y++)
        for (int x = 0; x < img->width / 2; x++) {
            uint8_t *a = vision_image_at(img, x, y), *b = vision_image_at(img, img->width - 1 - x, y), t[3];
            memcpy(t, a, 3);
            memcpy(a, b, 3);
            memcpy(b, t, 3);
        }
}

mlm_status vision_decode_tga(vision_image *out, const vision_source *src)
{
    tga_header h = parse_header(src->bytes);
    MLM_TRY(vision_image_check_size(src, h.width, h.height));
    if (h.has_map && (h.map_start != 0 || h.map_bits == 15 || (h.type & 7) != 1))
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s: TGA with an unusual colour map (start %u, %u bits) cannot be read", src->name,
                        h.map_start, h.map_bits);
    if (!data_complete(&h, src->bytes, src->n))
        return mlm_fail(MLM_E_FORMAT, "%s: TGA is cut off: its data ends before the picture does", src->name);
    int width = 0, height = 0;
    out->rgb = vision_stb_load_tga(src->bytes, (int)src->n, &width, &height);
    if (!out->rgb && vision_stb_out_of_memory())
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding TGA", src->name);
    if (!out->rgb || width != (int)h.width || height != (int)h.height)
        return mlm_fail(MLM_E_FORMAT, "%s: damaged TGA", src->name);
    out->width  = width;
    out->height = height;
    if (h.flags & 0x10)
        mirror_rows(out);
    return MLM_OK;
}
