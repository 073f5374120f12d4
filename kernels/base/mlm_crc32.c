/* mlm_crc32.c: see mlm_crc32.h. */
#include "kernels/base/mlm_crc32.h"

#define POLYNOMIAL 0xedb88320u

void mlm_crc32_prepare(mlm_crc32_table *t)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (POLYNOMIAL & (0u - (v & 1u)));
        t->word[0][i] = v;
    }
    for (int k = 1; k < 8; k++) /* the same byte, followed by k zeros */
        for (uint32_t i = 0; i < 256; i++)
            t->word[k][i] = t->word[k - 1][i] >> 8 ^ t->word[0][t->word[k - 1][i] & 0xffu];
}

static uint32_t load(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t mlm_crc32_add(const mlm_crc32_table *t, uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t       v = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a = v ^ load(p), b = load(p + 4);
        v = t->word[7][a & 0xffu] ^ t->word[6][a >> 8 & 0xffu] ^ t->word[5][a >> 16 & 0xffu] ^
            t->word[4][a >> 24] ^ t->word[3][b & 0xffu] ^ t->word[2][b >> 8 & 0xffu] ^
            t->word[1][b >> 16 & 0xffu] ^ t->word[0][b >> 24];
    }
    for (; n > 0; n--, p++)
        v = v >> 8 ^ t->word[0][(v ^ *p) & 0xffu];
    return ~v;
}
