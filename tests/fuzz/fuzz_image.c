/* fuzz_image.c: any bytes as a picture, then through the preprocessing of a small view. */
#include "vision/preprocess.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vision_image img;
    if (vision_image_load_memory(&img, data, size, "fuzz", NULL) != MLM_OK) {
        if (img.rgb || mlm_error_message()[0] == '\0')
            abort();
        return 0;
    }
    vision_preprocess p = {14, VISION_FIT_LETTERBOX, VISION_BICUBIC, 0.5f, {0, 0, 0}, {1, 1, 1}};
    float             pixels[3 * 14 * 14];
    if ((int64_t)img.width * img.height < (1 << 20) &&
        vision_preprocess_run(&p, &img, pixels, NULL, NULL, NULL) != MLM_OK)
        abort();
    vision_image_free(&img);
    return 0;
}
