/*
 * lm_step.c: one token for some rows; on a device with graphs the work of a step is captured once and replayed.
 *
 * A step reads no host value, so what it enqueues for the same rows of the same memory never changes.  The first use
 * runs as it is, the second is captured: a batch whose size changes all the time captures nothing in vain.
 */
#include "lm/lm_private.h"

#include <stdlib.h>
#include <string.h>

void lm_graphs_free(lm_graph *graph)
{
    for (int i = 0; graph && i < LM_GRAPHS; i++)
        kn_graph_free(graph[i].graph);
    free(graph);
}

/* The entry of this step; when there is none, a free one, or the least used one. */
static lm_graph *find_graph(lm_graph *graph, const lm_graph *wanted)
{
    lm_graph *least = graph;
    for (int i = 0; i < LM_GRAPHS; i++) {
        lm_graph *g = &graph[i];
        if (g->n_rows == wanted->n_rows && g->state_rows == wanted->state_rows &&
            memcmp(g->key, wanted->key, sizeof g->key) == 0)
            return g;
        if (g->n_uses < least->n_uses)
            least = g;
    }
    kn_graph_free(least->graph);
    *least = *wanted;
    return least;
}

/* Leaves g->graph NULL, and g->off set, when this step cannot be captured. */
static void capture(lm_graph *g, kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor ids,
                    kn_tensor logits)
{
    if (kn_capture_begin(q) == MLM_OK) {
        mlm_status status = lm_step_run(q, m, s, st, ids, logits);
        if (kn_capture_end(q, &g->graph) != MLM_OK)
            g->graph = NULL;
        if (status != MLM_OK) {
            kn_graph_free(g->graph);
            g->graph = NULL;
        }
    }
    g->off = g->graph == NULL;
}

/* 1 .. 16, then every fourth, from 64 on every sixteenth; the last one is most. */
static int next_size(int n, int most)
{
    n += n < 16 ? 1 : n < 64 ? 4 : 16;
    return n < most ? n : most;
}

int lm_step_rows(const lm_scratch *s, int n)
{
    int size = n;
    for (int k = 0; n <= s->prepared_rows && (size = next_size(k, s->prepared_rows)) < n;)
        k = size;
    return size;
}

mlm_status lm_step_prepare(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor logits,
                           int max_rows)
{
    if (!(kn_device_caps(kn_queue_device(q)) & KN_CAP_GRAPHS))
        return MLM_OK;
    for (int n = 0; n < max_rows;) {
        n                  = next_size(n, max_rows);
        kn_tensor      ids = kn_slice(s->step_ids, 0, 0, n), out = kn_slice(logits, 0, 0, n);
        kn_argmax_args arg = {.x = out, .ids = ids, .n_valid = m->config.vocab_size};
        MLM_TRY(kn_zero(q, ids));
        for (int use = 0; use < 2; use++) /* the second is captured */
            MLM_TRY(lm_step(q, m, s, st, ids, out));
        MLM_TRY(kn_argmax(q, &arg));
    }
    s->prepared_rows = max_rows;
    return kn_queue_sync(q);
}

mlm_status lm_step(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor ids,
                   kn_tensor logits)
{
    if (ids.rank != 1 || ids.dim[0] < 1 || ids.dim[0] > s->max_rows || ids.dim[0] > st->n_rows)
        return mlm_fail(MLM_E_RANGE, "a step of %lld rows, must be 1 to %d", (long long)ids.dim[0],
                        s->max_rows < st->n_rows ? s->max_rows : st->n_rows);
    if (!(kn_device_caps(kn_queue_device(q)) & KN_CAP_GRAPHS) || kn_queue_is_capturing(q))
        return lm_step_run(q, m, s, st, ids, logits);
    lm_graph wanted = {
        .key = {(uintptr_t)q, kn_address(st->conv), kn_address(st->ssm), kn_address(ids), kn_address(logits)},
        .n_rows     = ids.dim[0],
        .state_rows = st->n_rows};
    lm_graph *g = find_graph(s->graph, &wanted);
    if (g->n_uses < 1 << 30)
        g->n_uses++;
    if (g->n_uses > 1 && !g->graph && !g->off)
        capture(g, q, m, s, st, ids, logits);
    return g->graph ? kn_graph_launch(q, g->graph) : lm_step_run(q, m, s, st, ids, logits);
}
