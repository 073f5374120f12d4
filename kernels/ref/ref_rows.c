/* ref_rows.c: ops that move or combine rows without a product: patchify, copy, take_rows, swiglu, argmax. */
#include "kernels/ref/ref_ops.h"
#include "kernels/ref/ref_values.h"

/* Channel c of pixel (y,x) of picture b. */
static float pixel_value(const kn_patchify_args *a, int64_t b, int64_t c, int64_t y, int64_t x)
{
    const int64_t *str = a->pixels.stride;
    if (a->pixels.dtype == KN_F32)
        return ((const float *)kn_data(a->pixels))[b * str[0] + c * str[1] + y * str[2] + x];
    const int32_t *place = (const int32_t *)kn_data(a->place) + b * a->place.stride[0];
    const float   *table = (const float *)kn_data(a->table) + c * 257;
    bool           in    = x >= place[0] && y >= place[1] && x < place[2] && y < place[3];
    return table[in ? ((const uint8_t *)kn_data(a->pixels))[b * str[0] + y * str[1] + x * str[2] + c] : 256];
}

/* x.reshape(B,3,n,p,n,p).permute(0,2,4,1,3,5).reshape(B,n*n,3*p*p) */
mlm_status ref_patchify(kn_queue *q, const kn_patchify_args *a)
{
    (void)q;
    kn_rows y = kn_as_rows(a->y);
    int64_t p = a->patch, n = a->pixels.dim[2] / p;
    for (int64_t b = 0; b < y.n_batch; b++)
        for (int64_t t = 0; t < n * n; t++) {
            void   *row = ref_row(y, a->y.dtype, b, t);
            int64_t top = t / n * p, left = t % n * p, i = 0;
            for (int64_t c = 0; c < 3; c++)
                for (int64_t dy = 0; dy < p; dy++)
                    for (int64_t dx = 0; dx < p; dx++)
                        ref_put(row, a->y.dtype, i++, (double)pixel_value(a, b, c, top + dy, left + dx));
        }
    return MLM_OK;
}

mlm_status ref_copy(kn_queue *q, const kn_copy_args *a)
{
    (void)q;
    kn_rows x = kn_as_rows(a->x), y = kn_as_rows(a->y);
    for (int64_t b = 0; b < y.n_batch; b++)
        for (int64_t t = 0; t < y.n_rows; t++) {
            /* A rank-2 x has batch stride 0: copied to every batch row. */
            const void *from = ref_row(x, a->x.dtype, b, t);
            void       *to   = ref_row(y, a->y.dtype, b, t);
            for (int64_t i = 0; i < y.width; i++)
                ref_put(to, a->y.dtype, i, ref_get(from, a->x.dtype, i));
        }
    return MLM_OK;
}

mlm_status ref_take_rows(kn_queue *q, const kn_take_rows_args *a)
{
    (void)q;
    kn_rows        x = kn_as_rows(a->x), y = kn_as_rows(a->y);
    const int32_t *index = kn_data(a->index);
    for (int64_t b = 0; b < x.n_batch; b++) {
        int64_t     t    = index[b] < 0 ? 0 : index[b] < x.n_rows ? index[b] : x.n_rows - 1;
        const void *from = ref_row(x, a->x.dtype, b, t);
        void       *to   = ref_row(y, a->y.dtype, 0, b);
        for (int64_t i = 0; i < x.width; i++)
            ref_put(to, a->y.dtype, i, ref_get(from, a->x.dtype, i));
    }
    return MLM_OK;
}

/* F.silu(w1(h)) * w3(h) */
mlm_status ref_swiglu(kn_queue *q, const kn_swiglu_args *a)
{
    (void)q;
    kn_rows gate = kn_as_rows(a->gate), up = kn_as_rows(a->up), y = kn_as_rows(a->y);
    for (int64_t b = 0; b < y.n_batch; b++)
        for (int64_t t = 0; t < y.n_rows; t++) {
            const void *g = ref_row(gate, a->gate.dtype, b, t), *u = ref_row(up, a->up.dtype, b, t);
            void       *yr = ref_row(y, a->y.dtype, b, t);
            for (int64_t i = 0; i < y.width; i++)
                ref_put(yr, a->y.dtype, i,
                        ref_silu(ref_get(g, a->gate.dtype, i)) * ref_get(u, a->up.dtype, i));
        }
    return MLM_OK;
}

mlm_status ref_argmax(kn_queue *q, const kn_argmax_args *a)
{
    (void)q;
    kn_rows  x   = kn_as_rows(a->x);
    int32_t *ids = kn_data(a->ids);
    int64_t  n   = a->n_valid > 0 ? a->n_valid : x.width;
    for (int64_t r = 0; r < x.n_rows; r++) {
        const float *row  = ref_row(x, KN_F32, 0, r);
        int64_t      best = -1;
        for (int64_t i = 0; i < n; i++)
            if (!isnan(row[i]) && (best < 0 || row[i] > row[best]))
                best = i;
        ids[r] = (int32_t)best;
    }
    return MLM_OK;
}
