/*
 * cpu_attention.c: y = softmax(scale * q k^T) v per head (kn_attention), without a T x T matrix.
 *
 * A task is one head and Q_BLOCK query rows.  Keys come in tiles; scores are kept transposed, S^T[key][query],
 * so that vectors run over queries: maximum, exp and sum need no reduction inside a vector, and S^T is already
 * the k-major left side of the second product.  Running maximum and sum as in Milakov & Gimelshein 2018
 * (arXiv 1805.02867); the tiles depend on the key's position alone.
 */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"
#include "kernels/cpu/cpu_mk.h"
#include "kernels/cpu/cpu_rows.h"

#include <float.h>
#include <math.h>

#define Q_BLOCK         96    /* a multiple of MK_ROWS and of MK_PAD */
#define KEY_TILE_FLOATS 32768 /* of K^T and of V in scratch       */
#define KEY_TILE_MAX    256

typedef struct attention_job {
    const kn_queue *q;
    kn_rows         qkv, y;
    kn_tensor       len;
    int64_t         H, P, PP; /* PP: P padded with zero columns */
    int64_t         q_blocks, key_tile;
    float           scale;
} attention_job;

typedef struct attention_scratch {
    float *qt;  /* [P][Q_BLOCK], scaled       */
    float *kt;  /* [P][key_tile]              */
    float *v;   /* [key_tile][PP]             */
    float *s;   /* [key_tile][Q_BLOCK]        */
    float *o;   /* [Q_BLOCK][PP]              */
    float *max; /* [Q_BLOCK]                  */
    float *sum; /* [Q_BLOCK]                  */
    float *fix; /* [Q_BLOCK] exp(old max - new max) */
} attention_scratch;

static attention_scratch lay_out(const attention_job *j, float *p)
{
    attention_scratch s;
    s.qt  = p;
    s.kt  = s.qt + j->P * Q_BLOCK;
    s.v   = s.kt + j->P * j->key_tile;
    s.s   = s.v + j->key_tile * j->PP;
    s.o   = s.s + j->key_tile * Q_BLOCK;
    s.max = s.o + Q_BLOCK * j->PP;
    s.sum = s.max + Q_BLOCK;
    s.fix = s.sum + Q_BLOCK;
    return s;
}

static void pack_values(float *dst, int64_t PP, const float *x, int64_t stride, int64_t n, int64_t P)
{
    for (int64_t i = 0; i < n; i++) {
        memcpy(dst + i * PP, x + i * stride, (size_t)P * sizeof *dst);
        for (int64_t p = P; p < PP; p++)
            dst[i * PP + p] = 0.0f;
    }
}

/* S^T of one tile to exp(S^T - max), with the running maximum and sum of each query. */
static void soften(const attention_scratch *s, int64_t n_keys)
{
    for (int64_t i = 0; i < Q_BLOCK; i += VW) {
        vf old = v_load(s->max + i), m = old, sum = v_zero();
        for (int64_t t = 0; t < n_keys; t++)
            m = v_max(v_load(s->s + t * Q_BLOCK + i), m);
        for (int64_t t = 0; t < n_keys; t++) {
            vf e = v_exp(v_load(s->s + t * Q_BLOCK + i) - m);
            sum  = sum + e;
            v_store(s->s + t * Q_BLOCK + i, e);
        }
        vf fix = v_exp(old - m);
        v_store(s->sum + i, v_fma(v_load(s->sum + i), fix, sum));
        v_store(s->max + i, m);
        v_store(s->fix + i, fix);
    }
}

static void rescale(float *o, int64_t PP, const float *fix, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < PP; p += VW)
            v_store(o + i * PP + p, v_load(o + i * PP + p) * v_set1(fix[i]));
}

static void attention_task(const attention_job *j, int64_t b, int64_t h, int64_t q0, float *scratch)
{
    attention_scratch s = lay_out(j, scratch);
    int64_t T = j->qkv.n_rows, keys = cpu_valid(j->len, b, T), D = j->H * j->P, stride = j->qkv.row_stride;
    int64_t n         = T - q0 < Q_BLOCK ? T - q0 : Q_BLOCK;
    const float *base = (const float *)j->qkv.data + b * j->qkv.batch_stride + h * j->P;
    mk_transpose(s.qt, Q_BLOCK, base + q0 * stride, stride, n, Q_BLOCK, j->P);
    for (int64_t i = 0; i < j->P * Q_BLOCK; i += VW)
        v_store(s.qt + i, v_load(s.qt + i) * v_set1(j->scale));
    for (int64_t i = 0; i < Q_BLOCK; i++) {
        s.max[i] = -FLT_MAX;
        s.sum[i] = 0.0f;
    }
    memset(s.o, 0, (size_t)(n * j->PP) * sizeof *s.o);
    for (int64_t t = 0; t < keys; t += j->key_tile) {
        int64_t n_keys = keys - t < j->key_tile ? keys - t : j->key_tile;
        mk_transpose(s.kt, j->key_tile, base + D + t * stride, stride, n_keys, n_keys, j->P);
        pack_values(s.v, j->PP, base + 2 * D + t * stride, stride, n_keys, j->P);
        mk_product(n_keys, Q_BLOCK, j->P, s.kt, j->key_tile, s.qt, Q_BLOCK, s.s, Q_BLOCK, false);
        soften(&s, n_keys);
        if (t > 0)
            rescale(s.o, j->PP, s.fix, n);
        mk_product(n, j->PP, n_keys, s.s, Q_BLOCK, s.v, j->PP, s.o, j->PP, true);
    }
    for (int64_t i = 0; i < n; i++) {
        float *y = (float *)j->y.data + b * j->y.batch_stride + (q0 + i) * j->y.row_stride + h * j->P;
        vf     r = v_set1(s.sum[i] > 0.0f ? 1.0f / s.sum[i] : 0.0f);
        for (int64_t p = 0; p < j->P; p += VW)
            v_store_n(y + p, v_load(s.o + i * j->PP + p) * r, j->P - p);
    }
}

static void attention_range(int64_t from, int64_t to, int thread, void *payload)
{
    const attention_job *j       = payload;
    float               *scratch = cpu_scratch(j->q, thread);
    for (int64_t i = from; i < to; i++) {
        int64_t bh = i / j->q_blocks;
        attention_task(j, bh / j->H, bh % j->H, i % j->q_blocks * Q_BLOCK, scratch);
    }
}

mlm_status CPU_FN(attention)(kn_queue *q, const kn_attention_args *a)
{
    attention_job j = {
        .q = q, .qkv = kn_as_rows(a->qkv), .y = kn_as_rows(a->y), .len = a->len, .H = a->n_heads};
    j.P        = j.y.width / j.H;
    j.PP       = mk_pad(j.P);
    j.scale    = a->scale == 0.0f ? 1.0f / sqrtf((float)j.P) : a->scale;
    j.q_blocks = (j.qkv.n_rows + Q_BLOCK - 1) / Q_BLOCK;
    j.key_tile = KEY_TILE_FLOATS / j.PP;
    j.key_tile = j.key_tile > KEY_TILE_MAX ? KEY_TILE_MAX : j.key_tile;
    size_t floats =
        (size_t)(j.P * Q_BLOCK + j.P * j.key_tile + j.key_tile * (j.PP + Q_BLOCK) + Q_BLOCK * (j.PP + 3));
    if (j.key_tile < 1 || floats > CPU_SCRATCH_BYTES / sizeof(float))
        return mlm_fail(MLM_E_UNSUPPORTED, "attention: head dim is %lld, too wide for the cpu",
                        (long long)j.P);
    int64_t work = Q_BLOCK * j.qkv.n_rows * j.P / 16 + 1;
    cpu_parallel(q, j.qkv.n_batch * j.H * j.q_blocks, work, attention_range, &j);
    return MLM_OK;
}
