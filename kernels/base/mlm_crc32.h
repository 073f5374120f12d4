/* mlm_crc32.h: the CRC-32 of zip files (ISO 3309, reflected 0xEDB88320), eight bytes at a time. */
#ifndef MLM_CRC32_H
#define MLM_CRC32_H

#include <stddef.h>
#include <stdint.h>

typedef struct mlm_crc32_table {
    uint32_t word[8][256];
} mlm_crc32_table;

void mlm_crc32_prepare(mlm_crc32_table *t);
/* The sum of what came before and n more bytes; 0 before the first. */
uint32_t mlm_crc32_add(const mlm_crc32_table *t, uint32_t crc, const void *bytes, size_t n);

#endif
