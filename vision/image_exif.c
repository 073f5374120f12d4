/*
 * image_exif.c: the EXIF orientation: one tag of the first directory, and its effect on pixels (Pillow's
 * ImageOps.exif_transpose).
 *
 *   2 mirror left-right   3 turn by 180   4 mirror top-bottom   5 transpose
 *   6 turn clockwise      7 transverse    8 turn anticlockwise
 *
 * Not through libexif: it parses maker notes and thumbnails on the way, and an allocation that fails inside
 * it would silently give a picture that lies on its side.  This needs no memory.
 */
#include "vision/image_private.h"

#include <stdlib.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112u
#define ENTRY_BYTES     12u

int vision_exif_orientation(const uint8_t *exif, size_t n)
{
    if (n >= 6 && memcmp(exif, "Exif\0\0", 6) == 0) {
        exif += 6;
        n -= 6;
    }
    if (n < 8 || (memcmp(exif, "II", 2) != 0 && memcmp(exif, "MM", 2) != 0))
        return 0;
    bool little                         = exif[0] == 'I';
    uint32_t (*get_16)(const uint8_t *) = little ? vision_le16 : vision_be16;
    uint32_t (*get_32)(const uint8_t *) = little ? vision_le32 : vision_be32;
    size_t at                           = get_32(exif + 4);
    int    value                        = 0;
    if (get_16(exif + 2) != 42 || at > n - 2)
        return 0;
    uint32_t n_entries = get_16(exif + at);
    at += 2;
    for (uint32_t i = 0; i < n_entries && n - at >= ENTRY_BYTES; i++, at += ENTRY_BYTES) {
        const uint8_t *e    = exif + at;
        uint32_t       type = get_16(e + 2), v = 0;
        if (get_16(e) != TAG_ORIENTATION || get_32(e + 4) != 1)
            continue;
        v     = type == 3 ? get_16(e + 8) : type == 4 ? get_32(e + 8) : 0; /* SHORT, or LONG by mistake */
        value = v >= 1 && v <= 8 ? (int)v : 0;
    }
    return value;
}

mlm_status vision_image_orient(vision_image *img, int orientation)
{
    int  w = img->width, h = img->height;
    bool swap = orientation >= 5;
    bool right =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8; /* from the right */
    bool below =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7; /* from below     */
    size_t bytes = 3u * (size_t)w * (size_t)h;
    if (orientation < 2 || orientation > 8)
        return MLM_OK;
    uint8_t *turned = malloc(bytes);
    if (!turned)
        return mlm_fail_nomem(bytes, "turned picture");
    int ow = swap ? h : w, oh = swap ? w : h;
    /* blocks of 32 columns: a transposed read then stays within 32 lines of the cache */
    for (int x0 = 0; x0 < ow; x0 += 32) {
        int x1 = x0 + 32 < ow ? x0 + 32 : ow;
        for (int y = 0; y < oh; y++) {
            uint8_t *dst = turned + 3 * ((int64_t)y * ow + x0);
            for (int x = x0; x < x1; x++, dst += 3) {
                int a = swap ? y : x, b = swap ? x : y; /* source column and row before mirroring */
                const uint8_t *s = vision_image_at(img, right ? w - 1 - a : a, below ? h - 1 - b : b);
                dst[0]           = s[0];
                dst[1]           = s[1];
                dst[2]           = s[2];
            }
        }
    }
    free(img->rgb);
    img->rgb     = turned;
    img->width   = ow;
    img->height  = oh;
    img->rotated = true;
    return MLM_OK;
}
