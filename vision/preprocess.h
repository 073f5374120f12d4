/*
 * preprocess.h: from RGB pixels to what an encoder reads: resize, fit, scale, normalise.
 *
 *   naive      resize to S x S, aspect not kept (the released ML-Mamba: bicubic)
 *   crop       resize the short side to S, centre crop S x S
 *   letterbox  resize the long side to S (round half to even, at least 1), pad to S x S with pad_value
 *   x = (u8 / 255 - mean) / std per channel; padding is pad_value before normalisation
 */
#ifndef VISION_PREPROCESS_H
#define VISION_PREPROCESS_H

#include "kernels/base/mlm_json.h"
#include "vision/image.h"
#include "vision/resize.h"

typedef enum vision_fit { VISION_FIT_NAIVE = 0, VISION_FIT_CROP, VISION_FIT_LETTERBOX } vision_fit;
const char *vision_fit_name(vision_fit fit); /* "naive", "crop", "letterbox" */

typedef struct vision_preprocess {
    int           size; /* S */
    vision_fit    fit;
    vision_filter filter;
    float         pad_value; /* letterbox, in 0 .. 1 */
    float         mean[3], std[3];
} vision_preprocess;

/* From preprocessor_config.json's root; `where` names it in messages. */
mlm_status vision_preprocess_parse(vision_preprocess *out, const mlm_json_node *root,
                                   const char *where) MLM_WARN_UNUSED;

/* Where the picture lies inside the S x S view, and what part of the source is seen: maps boxes back. */
typedef struct vision_placement {
    int   x, y, width, height;        /* of the resized picture inside the view, in view pixels          */
    float src_x, src_y, src_w, src_h; /* part of the source picture that the view shows, source pixels  */
} vision_placement;

/*
 * view   [S,S,3] u8: what the model sees (padding rounded to 8 bits); may be NULL.
 * pixels [3,S,S] f32, normalised; may be NULL.   placement may be NULL.   threads may be NULL: they share the work.
 */
mlm_status vision_preprocess_run(const vision_preprocess *p, const vision_image *img, float *pixels,
                                 uint8_t *view, vision_placement *placement,
                                 mlm_threads *threads) MLM_WARN_UNUSED;
/* What a byte of channel c stands for, [c][v], and the padding, [c][256]. */
typedef struct vision_table {
    float value[3][257];
} vision_table;
void vision_make_table(vision_table *out, const vision_preprocess *p);

/* A view as it travels to a device: four i32, the corners x0, y0, x1, y1 of the picture in it, and from VISION_VIEW_HEAD
 * bytes on [S,S,3] u8. */
#define VISION_VIEW_HEAD 64
size_t vision_view_bytes(int size); /* whole groups of 64 */
void   vision_view_set_place(uint8_t *view, const vision_placement *place);

/* The same u8 view under other statistics (the second tower): view [S,S,3] + placement -> pixels [3,S,S]. */
void vision_normalize(const vision_preprocess *p, const uint8_t *view, const vision_placement *placement,
                      float *pixels, mlm_threads *threads);

#endif
