/*
 * cpu_matrix.c: prepares a weight matrix for the product: [out][in] row-major becomes panels of CPU_NR
 * output rows, [panel][in][CPU_NR], in the stored dtype (weights are never expanded in memory).
 * Reads and writes every byte once, in tiles that keep both sides in cache.
 */
#include "kernels/cpu/cpu_device.h"

#include <stdlib.h>
#include <string.h>

#define TILE 64 /* inputs moved at once */

/* Output row o of the stack lies in which part, and where. */
static const char *row_of(const kn_matrix_part *parts, int64_t o, size_t elem)
{
    while (o >= parts->out) {
        o -= parts->out;
        parts++;
    }
    return (const char *)parts->data + (size_t)(o * parts->in) * elem;
}

static void pack_tile(char *dst, const char *const *rows, int n_rows, int64_t i0, int64_t n, size_t elem)
{
    for (int64_t i = 0; i < n; i++)
        for (int r = 0; r < n_rows; r++) {
            char       *d = dst + (size_t)((i0 + i) * CPU_NR + r) * elem;
            const char *s = rows[r] + (size_t)(i0 + i) * elem;
            switch (elem) {
            case 1:
                *d = *s;
                break;
            case 2:
                memcpy(d, s, 2);
                break;
            default:
                memcpy(d, s, 4);
                break;
            }
        }
}

static void pack_panel(char *dst, const kn_matrix *m, const kn_matrix_part *parts, int64_t panel, size_t elem)
{
    const char *rows[CPU_NR];
    int64_t     left = m->out - panel * CPU_NR;
    int         n    = left < CPU_NR ? (int)left : CPU_NR;
    for (int r = 0; r < n; r++)
        rows[r] = row_of(parts, panel * CPU_NR + r, elem);
    for (int64_t i = 0; i < m->in; i += TILE)
        pack_tile(dst, rows, n, i, m->in - i < TILE ? m->in - i : TILE, elem);
}

typedef struct pack_task {
    const kn_matrix      *m;
    const kn_matrix_part *parts;
    const cpu_matrix     *w;
    size_t                elem;
} pack_task;

static void pack_panels(int64_t from, int64_t to, int thread, void *payload)
{
    const pack_task *t = payload;
    (void)thread;
    for (int64_t p = from; p < to; p++) {
        char *panel = (char *)t->w->data + (size_t)p * t->w->panel_bytes;
        if (p == t->w->n_panels - 1)
            memset(panel, 0, t->w->panel_bytes);
        pack_panel(panel, t->m, t->parts, p, t->elem);
    }
}

mlm_status cpu_matrix_create(kn_matrix *m, const kn_matrix_part *parts, int n_parts)
{
    size_t      elem = kn_dtype_size(m->dtype), row_bytes = 0, bytes = 0, scale_bytes = 0;
    cpu_matrix *w = calloc(1, sizeof *w);
    if (!w)
        return mlm_fail_nomem(sizeof *w, "prepared matrix");
    w->n_panels = (m->out + CPU_NR - 1) / CPU_NR;
    bool fits =
        mlm_mul_size(&row_bytes, (size_t)m->in, elem) && mlm_mul_size(&w->panel_bytes, row_bytes, CPU_NR);
    /* Panels start on cache lines. */
    w->panel_bytes = (w->panel_bytes + 63) & ~(size_t)63;
    fits           = fits && mlm_mul_size(&bytes, w->panel_bytes, (size_t)w->n_panels);
    if (m->dtype == KN_I8)
        scale_bytes = (size_t)w->n_panels * CPU_NR * sizeof(float);
    w->data  = fits ? aligned_alloc(64, bytes) : NULL;
    w->scale = scale_bytes ? aligned_alloc(64, scale_bytes) : NULL;
    if (!w->data || (scale_bytes && !w->scale)) {
        free(w->data);
        free(w->scale);
        free(w);
        return mlm_fail_nomem(bytes + scale_bytes, "prepared matrix");
    }
    pack_task         task = {.m = m, .parts = parts, .w = w, .elem = elem};
    const cpu_device *dev  = m->dev->impl;
    mlm_parallel_for(dev->threads, w->n_panels, 1, pack_panels, &task);
    if (w->scale) {
        int64_t o = 0;
        memset(w->scale, 0, scale_bytes);
        for (int i = 0; i < n_parts; o += parts[i].out, i++)
            memcpy(w->scale + o, parts[i].scale, (size_t)parts[i].out * sizeof(float));
    }
    m->impl  = w;
    m->bytes = bytes + scale_bytes;
    return MLM_OK;
}

void cpu_matrix_free(kn_matrix *m)
{
    cpu_matrix *w = m->impl;
    if (!w)
        return;
    free(w->data);
    free(w->scale);
    free(w);
    m->impl = NULL;
}
