/*
 * ref_attention.c: softmax(scale * q k^T) v per head, keys beyond len[b] ignored.
 *
 * Two passes over the keys (largest score, then weighted sum), so that no row of scores is kept.
 */
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/ref_values.h"

typedef struct head {
    kn_rows  qkv;
    kn_dtype dtype;
    int64_t  b, q_at, k_at, v_at; /* batch row; first column of this head's q, k, v */
    int64_t  P, n_keys;
    double   scale;
} head;

static double score(const head *h, const void *query, int64_t key)
{
    const void *row = ref_row(h->qkv, h->dtype, h->b, key);
    double      sum = 0.0;
    for (int64_t i = 0; i < h->P; i++)
        sum += ref_get(query, h->dtype, h->q_at + i) * ref_get(row, h->dtype, h->k_at + i);
    return sum * h->scale;
}

/* out[0 .. P-1] = sum_k softmax_k(score) * v_k; zeros without keys */
static void attend(const head *h, int64_t t, double *out)
{
    const void *query = ref_row(h->qkv, h->dtype, h->b, t);
    double      most = -HUGE_VAL, total = 0.0;
    for (int64_t k = 0; k < h->n_keys; k++)
        most = fmax(most, score(h, query, k));
    for (int64_t i = 0; i < h->P; i++)
        out[i] = 0.0;
    for (int64_t k = 0; k < h->n_keys; k++) {
        const void *row    = ref_row(h->qkv, h->dtype, h->b, k);
        double      weight = exp(score(h, query, k) - most);
        total += weight;
        for (int64_t i = 0; i < h->P; i++)
            out[i] += weight * ref_get(row, h->dtype, h->v_at + i);
    }
    for (int64_t i = 0; i < h->P && total > 0.0; i++)
        out[i] /= total;
}

mlm_status ref_attention(kn_queue *q, const kn_attention_args *a)
{
    (void)q;
    kn_rows qkv = kn_as_rows(a->qkv), y = kn_as_rows(a->y);
    int64_t D = y.width, P = D / a->n_heads;
    double  out[KN_MAX_HEAD_DIM];
    for (int64_t b = 0; b < y.n_batch; b++)
        for (int64_t h = 0; h < a->n_heads; h++) {
            head hd   = {.qkv = qkv, .dtype = a->qkv.dtype, .b = b, .P = P};
            hd.q_at   = h * P;
            hd.k_at   = D + h * P;
            hd.v_at   = 2 * D + h * P;
            hd.n_keys = ref_valid(a->len, b, y.n_rows);
            hd.scale  = a->scale > 0.0f ? (double)a->scale : 1.0 / sqrt((double)P);
            for (int64_t t = 0; t < y.n_rows; t++) {
                void *yr = ref_row(y, a->y.dtype, b, t);
                attend(&hd, t, out);
                for (int64_t i = 0; i < P; i++)
                    ref_put(yr, a->y.dtype, hd.q_at + i, t < hd.n_keys ? out[i] : 0.0);
            }
        }
    return MLM_OK;
}
