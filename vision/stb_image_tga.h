/* stb_image_tga.h: what image_tga.c takes from stb_image; the implementation stands alone in stb_image_impl.c. */
#ifndef VISION_STB_IMAGE_TGA_H
#define VISION_STB_IMAGE_TGA_H

#include <stdbool.h>
#include <stdint.h>

/* RGB pixels in malloc memory, or NULL. */
uint8_t *vision_stb_load_tga(const uint8_t *bytes, int n, int *width, int *height);
bool     vision_stb_out_of_memory(void); /* why the last call on this thread failed */

#endif
