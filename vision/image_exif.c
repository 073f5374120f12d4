/*
 * image_exif.c: the EXIF orientation: read with libexif, applied to pixels as Pillow's ImageOps.exif_transpose.
 *
 *   2 mirror left-right   3 turn by 180   4 mirror top-bottom   5 transpose
 *   6 turn clockwise      7 transverse    8 turn anticlockwise
 */
#include "vision/image_private.h"

#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>

#define EXIF_PREFIX "Exif\0\0"
#define EXIF_PREFIX_BYTES 6u
#define EXIF_MAX_BYTES 65533u /* libexif looks no further: the payload of one APP1 segment */

static int read_orientation(const uint8_t *block, size_t n)
{
    ExifData *data = exif_data_new();
    if (!data)
        return 0;
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION); /* read, repair nothing */
    exif_data_load_data(data, block, (unsigned)n);
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    int        value = 0;
    if (entry && entry->data && entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 && entry->size >= 2)
        value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
    return value >= 1 && value <= 8 ? value : 0;
}

int vision_exif_orientation(const uint8_t *exif, size_t n)
{
    if (n < 8)
        return 0;
    if (memcmp(exif, EXIF_PREFIX, EXIF_PREFIX_BYTES) == 0)
        return read_orientation(exif, n < EXIF_MAX_BYTES ? n : EXIF_MAX_BYTES);
    size_t   take  = n < EXIF_MAX_BYTES - EXIF_PREFIX_BYTES ? n : EXIF_MAX_BYTES - EXIF_PREFIX_BYTES;
    uint8_t *block = malloc(take + EXIF_PREFIX_BYTES);
    if (!block)
        return 0;
    memcpy(block, EXIF_PREFIX, EXIF_PREFIX_BYTES);
    memcpy(block + EXIF_PREFIX_BYTES, exif, take);
    int value = read_orientation(block, take + EXIF_PREFIX_BYTES);
    free(block);
    return value;
}

mlm_status vision_image_orient(vision_image *img, int orientation)
{
    int    w = img->width, h = img->height;
    bool   swap = orientation >= 5;
    bool   right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8; /* from the right */
    bool   below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7; /* from below     */
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
                int            a = swap ? y : x, b = swap ? x : y; /* source column and row before mirroring */
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
