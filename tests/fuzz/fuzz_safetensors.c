/* fuzz_safetensors.c: any bytes as a whole file, and its header with the length put right and any data size. */
#include "kernels/base/mlm_safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlm_status status = mlm_safetensors_check_header(data, size, size, "fuzz");
    if (status != MLM_OK && status != MLM_E_FORMAT)
        abort();
    if (size < 8)
        return 0;
    /* The first 8 bytes as the size of the data instead: most mutations then reach the header's checks. */
    uint8_t *file   = malloc(size);
    uint64_t n_data = 0, n = size - 8;
    if (!file)
        return 0;
    memcpy(&n_data, data, 8);
    memcpy(file, data, size);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)(n >> (8 * i));
    status = mlm_safetensors_check_header(file, size, size + n_data % (1u << 20), "fuzz");
    free(file);
    if (status != MLM_OK && status != MLM_E_FORMAT)
        abort();
    return 0;
}
