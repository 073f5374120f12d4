/* image.c: pictures as counted, immutable values. */
#include "app/engine/engine_private.h"
#include "vision/resize.h"

#include <stdlib.h>
#include <string.h>

const char *mlmamba_fit_name(mlmamba_fit fit)
{
    switch (fit) {
    case MLMAMBA_FIT_MODEL:
        return "model";
    case MLMAMBA_FIT_NAIVE:
        return vision_fit_name(VISION_FIT_NAIVE);
    case MLMAMBA_FIT_CROP:
        return vision_fit_name(VISION_FIT_CROP);
    case MLMAMBA_FIT_LETTERBOX:
        return vision_fit_name(VISION_FIT_LETTERBOX);
    }
    return NULL;
}

static mlm_status image_create(mlmamba_image **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return mlm_fail_nomem(sizeof **out, "picture");
    static atomic_uint_least64_t numbers =
        0; /* of pictures made in this process: a picture is told from all others */
    atomic_init(&(*out)->refs, 1);
    (*out)->number = atomic_fetch_add(&numbers, 1) + 1;
    return MLM_OK;
}

static mlm_status image_done(mlmamba_image **out, mlm_status status)
{
    if (status != MLM_OK) {
        mlmamba_image_free(*out);
        *out = NULL;
    }
    return status;
}

static vision_image_options vision_options(const mlmamba_image_options *opt)
{
    return (vision_image_options){.ignore_orientation = opt != NULL && opt->ignore_orientation};
}

mlm_status mlmamba_image_open_file(mlmamba_image **out, const char *path, const mlmamba_image_options *opt)
{
    vision_image_options o = vision_options(opt);
    MLM_TRY(image_create(out));
    return image_done(out, vision_image_load_file(&(*out)->img, path, &o));
}

mlm_status mlmamba_image_open_memory(mlmamba_image **out, const void *bytes, size_t n, const char *name,
                                     const mlmamba_image_options *opt)
{
    vision_image_options o     = vision_options(opt);
    const char          *shown = name != NULL ? name : "picture in memory";
    MLM_TRY(image_create(out));
    return image_done(out, vision_image_load_memory(&(*out)->img, bytes, n, shown, &o));
}

mlm_status mlmamba_image_from_rgb(mlmamba_image **out, const uint8_t *rgb, int width, int height)
{
    MLM_TRY(image_create(out));
    return image_done(out, vision_image_from_rgb(&(*out)->img, rgb, width, height));
}

/* Pixels of another size with everything else as in `like`. */
static mlm_status take_pixels(vision_image *img, const vision_image *like, int width, int height)
{
    size_t bytes = (size_t)width * (size_t)height * 3;
    *img         = *like;
    img->width   = width;
    img->height  = height;
    img->rgb     = malloc(bytes);
    return img->rgb != NULL ? MLM_OK : mlm_fail_nomem(bytes, "pixels");
}

mlm_status mlmamba_image_crop(mlmamba_image **out, const mlmamba_image *img, int x, int y, int width,
                              int height)
{
    const vision_image *src = &img->img;
    *out                    = NULL;
    if (x < 0 || y < 0 || width < 1 || height < 1 || x > src->width - width || y > src->height - height)
        return mlm_fail(MLM_E_RANGE, "the part %dx%d at %d,%d is not inside the picture of %dx%d", width,
                        height, x, y, src->width, src->height);
    MLM_TRY(image_create(out));
    mlm_status status = take_pixels(&(*out)->img, src, width, height);
    for (int r = 0; status == MLM_OK && r < height; r++)
        memcpy((*out)->img.rgb + (size_t)r * (size_t)width * 3,
               src->rgb + ((size_t)(y + r) * (size_t)src->width + (size_t)x) * 3, (size_t)width * 3);
    return image_done(out, status);
}

mlm_status mlmamba_image_scale(mlmamba_image **out, const mlmamba_image *img, int width, int height)
{
    const vision_image *src = &img->img;
    *out                    = NULL;
    if (width < 1 || height < 1 || width > VISION_MAX_SIDE || height > VISION_MAX_SIDE)
        return mlm_fail(MLM_E_RANGE, "a picture cannot be scaled to %dx%d, sides must be 1 to %d", width,
                        height, VISION_MAX_SIDE);
    MLM_TRY(image_create(out));
    mlm_status status = take_pixels(&(*out)->img, src, width, height);
    if (status == MLM_OK)
        status = vision_resize_rgb((*out)->img.rgb, width, height, src->rgb, src->width, src->height,
                                   VISION_BILINEAR, NULL);
    return image_done(out, status);
}

static int scaled_side(int side, int longest, int max_side)
{
    int n = (int)((int64_t)side * max_side / longest);
    return n > 0 ? n : 1;
}

mlm_status mlmamba_image_encode_jpeg(uint8_t **bytes, size_t *n, const mlmamba_image *img, int max_side,
                                     int quality)
{
    const vision_image *src     = &img->img;
    mlmamba_image      *small   = NULL;
    int                 longest = src->width > src->height ? src->width : src->height;
    *bytes                      = NULL;
    *n                          = 0;
    if (max_side < 0)
        return mlm_fail(MLM_E_RANGE, "max_side is %d, must not be negative", max_side);
    if (max_side > 0 && longest > max_side)
        MLM_TRY(mlmamba_image_scale(&small, img, scaled_side(src->width, longest, max_side),
                                    scaled_side(src->height, longest, max_side)));
    mlm_status status = vision_image_write_jpeg(bytes, n, small != NULL ? &small->img : src, quality);
    mlmamba_image_free(small);
    return status;
}

void mlmamba_bytes_free(uint8_t *bytes)
{
    free(bytes);
}

mlmamba_image *mlmamba_image_share(const mlmamba_image *img)
{
    mlmamba_image *shared =
        (mlmamba_image *)(uintptr_t)img; /* the pixels stay as they are; the count is not part of the value */
    if (shared != NULL)
        (void)atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void mlmamba_image_free(mlmamba_image *img)
{
    if (img == NULL || atomic_fetch_sub(&img->refs, 1) > 1)
        return;
    vision_image_free(&img->img);
    free(img);
}

int mlmamba_image_width(const mlmamba_image *img)
{
    return img->img.width;
}

int mlmamba_image_height(const mlmamba_image *img)
{
    return img->img.height;
}

const uint8_t *mlmamba_image_rgb(const mlmamba_image *img)
{
    return img->img.rgb;
}

const char *mlmamba_image_format(const mlmamba_image *img)
{
    return vision_format_name(img->img.format);
}

int mlmamba_image_orientation(const mlmamba_image *img)
{
    return img->img.orientation;
}

bool mlmamba_image_rotated(const mlmamba_image *img)
{
    return img->img.rotated;
}
