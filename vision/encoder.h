/*
 * encoder.h: one or two ViTs writing into one feature buffer [B, n_patches, D1 + D2], each into its own
 * columns (no concat op).  Order of the channels = order of the towers in config.json
 * ({"type": "concat", "towers": [...]}); a single tower object is the one-tower case.
 */
#ifndef VISION_ENCODER_H
#define VISION_ENCODER_H

#include "vision/preprocess.h"
#include "vision/vit.h"

#define VISION_MAX_TOWERS 2

typedef struct vision_config {
    int               n_towers;
    vit_config        tower[VISION_MAX_TOWERS];
    vision_preprocess preprocess[VISION_MAX_TOWERS]; /* same size, fit and filter; own mean and std */
} vision_config;

/* `vision` is config.json's object; `preprocessor` the root of preprocessor_config.json. */
mlm_status vision_config_parse(vision_config *out, const mlm_json_node *vision,
                               const mlm_json_node *preprocessor) MLM_WARN_UNUSED;
int        vision_config_width(const vision_config *c);     /* sum of the tower widths  */
int        vision_config_n_patches(const vision_config *c); /* rows per picture         */
/* Of activations and features: f32 (0), or bf16 on a device with KN_CAP_BF16. */
void vision_config_set_dtype(vision_config *c, kn_dtype dtype);

typedef struct vision_encoder vision_encoder;

mlm_status           vision_encoder_load(vision_encoder **out, kn_queue *q, const vision_config *c,
                                         kn_weights *w) MLM_WARN_UNUSED;
void                 vision_encoder_free(vision_encoder *enc);
const vision_config *vision_encoder_config(const vision_encoder *enc);
const vit_model     *vision_encoder_tower(const vision_encoder *enc, int tower);

/* A queue of its own for the second tower, for a device that has room beside the first one; bits are the same. */
typedef struct vision_side {
    kn_queue *queue;
    kn_event *begin, *end;
} vision_side;
mlm_status vision_side_create(vision_side *out, kn_device *dev) MLM_WARN_UNUSED;
void       vision_side_free(vision_side *side); /* zeroed struct is fine */

typedef struct vision_scratch {
    const vision_side *side; /* NULL: the towers run one after the other, over the same memory */
    vit_scratch        tower[VISION_MAX_TOWERS];
    kn_tensor          pixels[VISION_MAX_TOWERS]; /* [B,3,S,S] f32, of vision_encode: good for one call */
    kn_tensor          views;                     /* u8 [B,vision_view_bytes], of vision_encode_views     */
    int64_t            max_batch;
    kn_graph          *graph[VISION_MAX_TOWERS]; /* of max_batch pictures, see vision_capture */
    kn_tensor          captured;                 /* what they write to                        */
    bool (*is_cancelled)(
        void
            *payload); /* may be NULL; polled before each block that is not captured, true: MLM_E_CANCELLED */
    void *cancel_payload;
} vision_scratch;
/* side (may be NULL) is borrowed. */
void vision_scratch_take(vision_scratch *s, kn_arena *arena, const vision_config *c, int64_t B,
                         const vision_side *side);
void vision_scratch_free(vision_scratch *s); /* graphs; the memory is the arena's.  Zeroed struct is fine */

/* pixels: host f32, [n_towers][B][3][S][S] as vision_preprocess_run wrote them; y [B,n_patches,width]. */
mlm_status vision_encode(kn_queue *q, const vision_encoder *enc, vision_scratch *s, const float *pixels,
                         int64_t B, kn_tensor y, vit_probe probe, void *payload) MLM_WARN_UNUSED;
/* The same from bytes, which the device turns into those pixels: views[b] of vision_view_bytes, host. */
mlm_status vision_encode_views(kn_queue *q, const vision_encoder *enc, vision_scratch *s,
                               const uint8_t *const *views, int64_t B, kn_tensor y) MLM_WARN_UNUSED;
/* Captures the towers for max_batch pictures and this y (KN_CAP_GRAPHS): vision_encode_views replays that from then on. */
mlm_status vision_capture(kn_queue *q, const vision_encoder *enc, vision_scratch *s,
                          kn_tensor y) MLM_WARN_UNUSED;

#endif
