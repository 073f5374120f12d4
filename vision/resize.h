/*
 * resize.h: resampling of 8-bit RGB, bit-equal to Pillow 9.4.0's Image.resize.
 *
 * Two passes (horizontal first, then vertical), filter support scaled by the reduction (antialiased), taps
 * in fixed point with 22 - 8 ... bits as in Pillow's libImaging/Resample.c, 8-bit rounding after each pass.
 * bicubic is a = -0.5, bilinear is the triangle filter.
 */
#ifndef VISION_RESIZE_H
#define VISION_RESIZE_H

#include "kernels/base/mlm_threads.h"

#include <stdint.h>

/* Pillow's resample numbers, as preprocessor_config.json writes them. */
typedef enum vision_filter { VISION_BILINEAR = 2, VISION_BICUBIC = 3 } vision_filter;

/* src [sh, sw, 3] -> dst [dh, dw, 3] (caller's memory).  All sides 1 .. 16384.  Equal sizes copy.  threads (NULL: none) share the
 * rows; the result is the same. */
mlm_status vision_resize_rgb(uint8_t *dst, int dw, int dh, const uint8_t *src, int sw, int sh,
                             vision_filter filter, mlm_threads *threads) MLM_WARN_UNUSED;

/*
 * Antialiased bicubic of a float grid (position tables): src [sh, sw, channels] -> dst [dh, dw, channels],
 * as torch.nn.functional.interpolate(mode="bicubic", antialias=True, align_corners=False): taps a = -0.5,
 * f32, no rounding.
 */
mlm_status vision_resize_grid_f32(float *dst, int dw, int dh, const float *src, int sw, int sh,
                                  int channels) MLM_WARN_UNUSED;

#endif
