/* cpu_support.h: a device, a queue and random tensors for the tests of the cpu backend. */
#ifndef TESTS_UNIT_CPU_SUPPORT_H
#define TESTS_UNIT_CPU_SUPPORT_H

#include "kernels/backend.h"
#include "kernels/base/mlm_dtype.h"
#include "kernels/base/mlm_rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct cpu_rig {
    kn_device *dev;
    kn_queue  *q;
    kn_arena   arena;
    mlm_rng    rng;
} cpu_rig;

/* False: this machine lacks the instruction set.  Every rig of one seed makes the same tensors. */
static inline bool rig_open(cpu_rig *r, const char *device, const char *isa, int n_threads)
{
    kn_device_options opt = {.name = device, .n_threads = n_threads, .cpu_isa = isa};
    memset(r, 0, sizeof *r);
    mlm_status status = kn_device_open(&r->dev, &opt);
    if (status == MLM_E_UNSUPPORTED)
        return false;
    assert_int_equal(status, MLM_OK);
    assert_int_equal(kn_queue_create(&r->q, r->dev), MLM_OK);
    assert_int_equal(kn_arena_create(&r->arena, r->dev, (size_t)4 << 20), MLM_OK);
    r->rng = mlm_rng_seed(7, 1);
    return true;
}

static inline void rig_close(cpu_rig *r)
{
    kn_arena_free(&r->arena);
    kn_queue_free(r->q);
    kn_device_close(r->dev);
}

static inline kn_tensor rig_tensor(cpu_rig *r, int rank, const int64_t *dim)
{
    kn_tensor t = kn_arena_take(&r->arena, KN_F32, rank, dim);
    assert_int_equal(kn_arena_check(&r->arena, "test"), MLM_OK);
    return t;
}

static inline kn_tensor rig_random(cpu_rig *r, int rank, const int64_t *dim, float scale)
{
    kn_tensor t = rig_tensor(r, rank, dim);
    float    *p = kn_host_data(t);
    for (int64_t i = 0, n = kn_count(t); i < n; i++)
        p[i] = scale * mlm_rng_normal(&r->rng);
    return t;
}

static inline kn_tensor rig_ints(cpu_rig *r, int64_t n, const int32_t *values)
{
    kn_tensor t = kn_arena_take(&r->arena, KN_I32, 1, KN_DIMS(n));
    assert_int_equal(kn_arena_check(&r->arena, "test"), MLM_OK);
    memcpy(kn_host_data(t), values, (size_t)n * sizeof *values);
    return t;
}

/* [out, in] of random weights; f16 values are small halves made from bits. */
static inline kn_matrix *rig_matrix(cpu_rig *r, int64_t out, int64_t in, kn_dtype dtype)
{
    size_t n     = (size_t)(out * in);
    void  *data  = calloc(n, kn_dtype_size(dtype));
    float *scale = calloc((size_t)out, sizeof *scale);
    assert_true(data != NULL && scale != NULL);
    for (size_t i = 0; i < n; i++) {
        float v = mlm_rng_normal(&r->rng);
        if (dtype == KN_F32)
            ((float *)data)[i] = v;
        else if (dtype == KN_BF16)
            ((uint16_t *)data)[i] = mlm_f32_to_bf16(v);
        else if (dtype == KN_F16)
            ((uint16_t *)data)[i] = (uint16_t)(mlm_rng_next(&r->rng) & 0xbbffu);
        else
            ((int8_t *)data)[i] = (int8_t)(int)(v * 20.0f);
    }
    for (int64_t i = 0; i < out; i++)
        scale[i] = 0.01f + 0.001f * mlm_rng_uniform(&r->rng);
    kn_matrix_part part = {
        .data = data, .scale = dtype == KN_I8 ? scale : NULL, .dtype = dtype, .out = out, .in = in};
    kn_matrix *m = NULL;
    assert_int_equal(kn_matrix_create(&m, r->dev, &part, 1), MLM_OK);
    free(data);
    free(scale);
    return m;
}

#endif
