/*
 * stb_image_impl.c: the one place where stb_image (Debian's libstb-dev, 2.27) is compiled: TGA alone, from
 * memory, no floats.  Its other decoders have known memory errors and are left out.
 */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_SIMD
#define STBI_MAX_DIMENSIONS 16384
#include <stb/stb_image.h>

#include "vision/stb_image_tga.h"

uint8_t *vision_stb_load_tga(const uint8_t *bytes, int n, int *width, int *height)
{
    int channels = 0;
    return stbi_load_from_memory(bytes, n, width, height, &channels, 3);
}

bool vision_stb_out_of_memory(void)
{
    const char *reason = stbi_failure_reason();
    return reason && reason[0] == 'o' && reason[1] == 'u'; /* "outofmem" */
}
