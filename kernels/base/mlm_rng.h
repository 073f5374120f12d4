/* mlm_rng.h: PCG32 (O'Neill 2014, pcg-random.org) with explicit state: reproducible samples and test data. */
#ifndef MLM_RNG_H
#define MLM_RNG_H

#include <stdint.h>

typedef struct mlm_rng {
    uint64_t state, inc;
} mlm_rng;

static inline uint32_t mlm_rng_next(mlm_rng *r)
{
    uint64_t old = r->state;
    r->state     = old * 6364136223846793005ULL + r->inc;
    uint32_t x   = (uint32_t)(((old >> 18) ^ old) >> 27);
    uint32_t rot = (uint32_t)(old >> 59);
    return (x >> rot) | (x << ((32u - rot) & 31u));
}

static inline mlm_rng mlm_rng_seed(uint64_t seed, uint64_t stream)
{
    mlm_rng r = {0, (stream << 1) | 1u};
    (void)mlm_rng_next(&r);
    r.state += seed;
    (void)mlm_rng_next(&r);
    return r;
}

/* Uniform in [0, 1), 24 bits. */
static inline float mlm_rng_uniform(mlm_rng *r)
{
    return (float)(mlm_rng_next(r) >> 8) * (1.0f / 16777216.0f);
}

/* Roughly normal (sum of 12 uniforms), mean 0, deviation 1: for test data and random weights. */
static inline float mlm_rng_normal(mlm_rng *r)
{
    float s = -6.0f;
    for (int i = 0; i < 12; i++)
        s += mlm_rng_uniform(r);
    return s;
}

#endif
