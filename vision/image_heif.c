/*
 * image_heif.c: HEIC through libheif, which turns and mirrors as the container says.  That is part of the
 * picture, whatever ignore_orientation says; EXIF is not applied on top of it.
 */
#include "vision/image_private.h"

#include <libheif/heif.h>
#include <string.h>

static mlm_status fail_heif(const vision_source *src, struct heif_error error)
{
    if (error.code == heif_error_Memory_allocation_error)
        return mlm_fail(MLM_E_NOMEM, "%s: HEIC: %s", src->name,
                        error.message ? error.message : "out of memory");
    mlm_status status =
        error.code == heif_error_Unsupported_filetype || error.code == heif_error_Unsupported_feature
            ? MLM_E_UNSUPPORTED
            : MLM_E_FORMAT;
    return mlm_fail(status, "%s: cannot read HEIC: %s", src->name,
                    error.message ? error.message : "unknown error");
}

static mlm_status copy_pixels(vision_image *out, const vision_source *src, const struct heif_image *img)
{
    int stride = 0, width = heif_image_get_primary_width(img), height = heif_image_get_primary_height(img);
    const uint8_t *plane = heif_image_get_plane_readonly(img, heif_channel_interleaved, &stride);
    if (!plane || width <= 0 || height <= 0 || stride < 3 * width)
        return mlm_fail(MLM_E_FORMAT, "%s: cannot read HEIC: no RGB pixels", src->name);
    MLM_TRY(vision_image_alloc(out, src, width, height));
    for (int y = 0; y < height; y++)
        memcpy(vision_image_at(out, 0, y), plane + (size_t)y * (size_t)stride, 3 * (size_t)width);
    return MLM_OK;
}

static mlm_status decode_primary(vision_image *out, const vision_source *src,
                                 const struct heif_image_handle *handle)
{
    MLM_TRY(vision_image_check_size(src, heif_image_handle_get_width(handle),
                                    heif_image_handle_get_height(handle)));
    struct heif_image *img = NULL;
    struct heif_error  error =
        heif_decode_image(handle, &img, heif_colorspace_RGB, heif_chroma_interleaved_RGB, NULL);
    if (error.code != heif_error_Ok)
        return fail_heif(src, error);
    mlm_status status = copy_pixels(out, src, img);
    heif_image_release(img);
    return status;
}

mlm_status vision_decode_heif(vision_image *out, const vision_source *src)
{
    struct heif_context      *context = heif_context_alloc();
    struct heif_image_handle *handle  = NULL;
    if (!context)
        return mlm_fail(MLM_E_NOMEM, "%s: out of memory while decoding HEIC", src->name);
    heif_context_set_maximum_image_size_limit(context, VISION_MAX_SIDE);
    struct heif_error error = heif_context_read_from_memory_without_copy(context, src->bytes, src->n, NULL);
    if (error.code == heif_error_Ok)
        error = heif_context_get_primary_image_handle(context, &handle);
    mlm_status status =
        error.code == heif_error_Ok ? decode_primary(out, src, handle) : fail_heif(src, error);
    if (handle)
        heif_image_handle_release(handle);
    heif_context_free(context);
    return status;
}
