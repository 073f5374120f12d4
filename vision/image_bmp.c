/*
 * image_bmp.c: Windows and OS/2 bitmaps, pixels as Pillow's convert("RGB"): 1, 4, 8, 16, 24, 32 bits, RLE4,
 * RLE8, channel masks of up to 8 bits (v * 255 / max, cut).  Not through stb_image, whose 2.27 in Debian
 * 12 shows uninitialised memory for short palettes, reads OS/2 palettes four entries short, has asserts
 * that masks reach, no RLE, and rounds 16-bit colours otherwise than Pillow.
 */
#include "vision/image_private.h"

#include <inttypes.h>
#include <string.h>

enum { BMP_RGB = 0, BMP_RLE8 = 1, BMP_RLE4 = 2, BMP_BITFIELDS = 3, BMP_ALPHABITFIELDS = 6 };

typedef struct bmp_header {
    uint32_t       size; /* of the header after the 14 bytes of the file header */
    int64_t        width, height;
    bool           top_down;
    uint32_t       bits, compression;
    uint64_t       data; /* offset of the pixels */
    uint32_t       mask[3], shift[3], max[3];
    vision_palette lut;
} bmp_header;

static mlm_status fail_bmp(const vision_source *src, const char *what)
{
    return mlm_fail(MLM_E_FORMAT, "%s: damaged BMP: %s", src->name, what);
}

static mlm_status fail_short(const vision_source *src)
{
    return mlm_fail(MLM_E_FORMAT, "%s: BMP is cut off: its data ends before the picture does", src->name);
}

/* Channel masks must be one run of at most 8 bits each. */
static mlm_status set_masks(bmp_header *h, const vision_source *src, uint32_t red, uint32_t green,
                            uint32_t blue)
{
    const uint32_t masks[3] = {red, green, blue};
    for (int c = 0; c < 3; c++) {
        uint32_t m = masks[c];
        if (m == 0)
            return fail_bmp(src, "an empty channel mask");
        h->mask[c]  = m;
        h->shift[c] = (uint32_t)__builtin_ctz(m);
        h->max[c]   = m >> h->shift[c];
        if ((h->max[c] & (h->max[c] + 1)) != 0 || h->max[c] > 0xFFFF || (h->bits == 16 && m > 0xFFFF))
            return mlm_fail(MLM_E_UNSUPPORTED, "%s: BMP with channel mask %08" PRIx32 " cannot be read",
                            src->name, m);
    }
    return MLM_OK;
}

static mlm_status read_masks(bmp_header *h, const vision_source *src)
{
    bool fields = h->compression == BMP_BITFIELDS || h->compression == BMP_ALPHABITFIELDS;
    if (h->bits != 16 && h->bits != 32)
        return MLM_OK;
    if (!fields)
        return h->bits == 16 ? set_masks(h, src, 0x7C00, 0x3E0, 0x1F)
                             : set_masks(h, src, 0xFF0000, 0xFF00, 0xFF);
    if (src->n < 66)
        return fail_short(src);
    const uint8_t *p = src->bytes + 54; /* inside a V4 header, behind a header of 40 bytes */
    return set_masks(h, src, vision_le32(p), vision_le32(p + 4), vision_le32(p + 8));
}

static mlm_status read_palette(bmp_header *h, const vision_source *src, uint32_t n_colors)
{
    uint32_t entry = h->size == 12 ? 3 : 4, most = 1u << h->bits;
    uint64_t at = 14u + (uint64_t)h->size;
    if (n_colors == 0 || n_colors > most)
        n_colors = most;
    /* Some writers leave the pixel offset at the end of the header: the palette still comes first. */
    if (h->data <= at)
        h->data = at + (uint64_t)entry * n_colors;
    vision_palette_grey(h->lut);
    for (uint32_t i = 0; i < n_colors && at + entry <= h->data; i++, at += entry) {
        if (at + entry > src->n)
            return fail_short(src);
        const uint8_t *p = src->bytes + at;
        h->lut[i][0]     = p[2];
        h->lut[i][1]     = p[1];
        h->lut[i][2]     = p[0];
    }
    return MLM_OK;
}

static bool combination_known(const bmp_header *h)
{
    switch (h->compression) {
    case BMP_RGB:
        return h->bits == 1 || h->bits == 4 || h->bits == 8 || h->bits == 16 || h->bits == 24 ||
               h->bits == 32;
    case BMP_RLE8:
        return h->bits == 8 && !h->top_down;
    case BMP_RLE4:
        return h->bits == 4 && !h->top_down;
    case BMP_BITFIELDS:
    case BMP_ALPHABITFIELDS:
        return h->bits == 16 || h->bits == 32;
    default:
        return false;
    }
}

static mlm_status parse_header(bmp_header *h, const vision_source *src)
{
    const uint8_t *p        = src->bytes;
    uint32_t       n_colors = 0;
    if (src->n < 26)
        return fail_short(src);
    h->data = vision_le32(p + 10);
    h->size = vision_le32(p + 14);
    if (h->size != 12 && h->size != 16 && (h->size < 40 || h->size > 256))
        return mlm_fail(MLM_E_UNSUPPORTED, "%s: BMP header of %" PRIu32 " bytes cannot be read", src->name,
                        h->size);
    if (src->n < 14u + (size_t)h->size)
        return fail_short(src);
    if (h->size == 12) {
        h->width  = vision_le16(p + 18);
        h->height = vision_le16(p + 20);
        h->bits   = vision_le16(p + 24);
    } else {
        h->width    = (int32_t)vision_le32(p + 18);
        h->height   = (int32_t)vision_le32(p + 22);
        h->top_down = h->height < 0;
        h->height   = h->top_down ? -h->height : h->height;
        h->bits     = vision_le16(p + 28);
        if (h->size >= 40) {
            h->compression = vision_le32(p + 30);
            n_colors       = vision_le32(p + 46);
        }
    }
    MLM_TRY(vision_image_check_size(src, h->width, h->height));
    if (!combination_known(h))
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s: BMP of %" PRIu32 " bits with compression %" PRIu32 " cannot be read", src->name,
                        h->bits, h->compression);
    MLM_TRY(read_masks(h, src));
    return h->bits <= 8 ? read_palette(h, src, n_colors) : MLM_OK;
}

static void spread_row(const bmp_header *h, uint8_t *dst, const uint8_t *row)
{
    for (int64_t x = 0; x < h->width; x++, dst += 3) {
        if (h->bits <= 8) {
            uint32_t per = 8 / h->bits, sub = (uint32_t)x % per;
            uint32_t v =
                (uint32_t)row[(uint32_t)x / per] >> (8 - h->bits * (sub + 1)) & ((1u << h->bits) - 1);
            memcpy(dst, h->lut[v], 3);
        } else if (h->bits == 24) {
            dst[0] = row[3 * x + 2];
            dst[1] = row[3 * x + 1];
            dst[2] = row[3 * x];
        } else {
            uint32_t v = h->bits == 16 ? vision_le16(row + 2 * x) : vision_le32(row + 4 * x);
            for (int c = 0; c < 3; c++)
                dst[c] = (uint8_t)(((v & h->mask[c]) >> h->shift[c]) * 255u / h->max[c]);
        }
    }
}

static mlm_status read_plain(vision_image *out, const bmp_header *h, const vision_source *src)
{
    uint64_t stride = ((uint64_t)h->width * h->bits + 31) / 32 * 4,
             row    = ((uint64_t)h->width * h->bits + 7) / 8;
    if (h->data > src->n || stride * (uint64_t)(h->height - 1) + row > src->n - h->data)
        return fail_short(src);
    MLM_TRY(vision_image_alloc(out, src, h->width, h->height));
    for (int64_t y = 0; y < h->height; y++)
        spread_row(h, vision_image_at(out, 0, h->top_down ? y : h->height - 1 - y),
                   src->bytes + h->data + stride * (uint64_t)y);
    return MLM_OK;
}

/* Where a run-length picture is written: y counts from the bottom. */
typedef struct rle_cursor {
    const bmp_header   *h;
    const vision_image *out;
    int64_t             x, y;
} rle_cursor;

static void put_pixel(rle_cursor *at, uint32_t v)
{
    if (at->x < at->h->width && at->y < at->h->height)
        memcpy(vision_image_at(at->out, at->x, at->h->height - 1 - at->y), at->h->lut[v], 3);
    at->x++;
}

/* Pixels that no run reaches keep palette entry 0. */
static mlm_status read_runs(vision_image *out, const bmp_header *h, const vision_source *src)
{
    bool           four = h->compression == BMP_RLE4;
    rle_cursor     at   = {h, out, 0, 0};
    const uint8_t *p = src->bytes + (h->data < src->n ? h->data : src->n), *end = src->bytes + src->n;
    MLM_TRY(vision_image_alloc(out, src, h->width, h->height));
    for (int64_t i = 0; i < h->width * h->height; i++)
        memcpy(out->rgb + 3 * i, h->lut[0], 3);
    while (at.y < h->height) {
        if (end - p < 2)
            return fail_short(src);
        uint32_t n = p[0], code = p[1];
        p += 2;
        if (n > 0) {
            for (uint32_t i = 0; i < n; i++)
                put_pixel(&at, four ? (i % 2 ? code & 15 : code >> 4) : code);
        } else if (code == 0) {
            at.x = 0;
            at.y++;
        } else if (code == 1) {
            break;
        } else if (code == 2) {
            if (end - p < 2)
                return fail_short(src);
            at.x += p[0];
            at.y += p[1];
            p += 2;
        } else {
            uint32_t bytes = four ? (code + 1) / 2 : code;
            if (end - p < (int64_t)(bytes + bytes % 2) && end - p < (int64_t)bytes)
                return fail_short(src);
            for (uint32_t i = 0; i < code; i++)
                put_pixel(&at, four ? (i % 2 ? p[i / 2] & 15u : (uint32_t)p[i / 2] >> 4) : p[i]);
            p += end - p < (int64_t)(bytes + bytes % 2) ? bytes : bytes + bytes % 2;
        }
        if (at.x > h->width) /* runs past the end of a line are dropped */
            at.x = h->width;
    }
    return MLM_OK;
}

mlm_status vision_decode_bmp(vision_image *out, const vision_source *src)
{
    bmp_header h = {0};
    MLM_TRY(parse_header(&h, src));
    if (h.compression == BMP_RLE8 || h.compression == BMP_RLE4)
        return read_runs(out, &h, src);
    return read_plain(out, &h, src);
}
