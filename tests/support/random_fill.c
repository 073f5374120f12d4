/* random_fill.c: see random_fill.h. */
#include "tests/support/random_fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The upper half: a bf16 number near v. */
static uint16_t upper_half(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (uint16_t)(bits >> 16);
}

mlm_status random_fill(kn_queue *q, kn_tensor t, mlm_rng *rng, float scale, float shift)
{
    size_t    n = (size_t)kn_count(t), size = kn_dtype_size(t.dtype);
    float    *f = malloc(n * sizeof *f);
    uint16_t *h = (uint16_t *)f;
    if (f == NULL)
        return mlm_fail_nomem(n * sizeof *f, "a random tensor");
    for (size_t i = 0; i < n; i++) {
        float v = scale * mlm_rng_normal(rng) + shift;
        if (t.dtype == KN_BF16)
            h[i] = upper_half(v);
        else
            f[i] = v;
    }
    mlm_status st = kn_upload(q, t, f, n * size);
    free(f);
    return st;
}

mlm_status random_matrix(kn_matrix **out, kn_device *dev, int64_t n_out, int64_t n_in, kn_dtype dtype,
                         uint32_t seed)
{
    size_t n = (size_t)(n_out * n_in), bytes = n * kn_dtype_size(dtype);
    void  *data  = malloc(bytes);
    float *scale = malloc((size_t)n_out * sizeof *scale), unit = 1.0f / sqrtf((float)n_in);
    if (data == NULL || scale == NULL) {
        free(data);
        free(scale);
        return mlm_fail_nomem(bytes, "a random matrix");
    }
    for (size_t i = 0; i < n; i++) {
        seed    = seed * 1664525u + 1013904223u;
        int   b = (int)(seed >> 24) - 128;
        float w = (float)b * (0.014f * unit);
        if (dtype == KN_I8)
            ((int8_t *)data)[i] = (int8_t)b;
        else if (dtype == KN_BF16)
            ((uint16_t *)data)[i] = upper_half(w);
        else
            ((float *)data)[i] = w;
    }
    for (int64_t i = 0; i < n_out; i++)
        scale[i] = (0.010f + 0.0001f * (float)(i % 50)) * unit;
    kn_matrix_part part = {
        .data = data, .dtype = dtype, .out = n_out, .in = n_in, .scale = dtype == KN_I8 ? scale : NULL};
    mlm_status st = kn_matrix_create(out, dev, &part, 1);
    free(data);
    free(scale);
    return st;
}
