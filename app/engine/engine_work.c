/*
 * engine_work.c: what each part must read and compute, from the config and the names of the weights: the
 * denominators of `mlmamba bench`.  A multiply-add counts as two operations.
 *
 *   products   2 * (elements of the 2-D weights of the part) * tokens
 *   attention  4 * T^2 * width a block and tower (scores and weighted sum)
 *   scan       6 * d_inner * N a token, layer and direction (state update and read-out)
 */
#include "app/engine/engine_private.h"

#include <stdio.h>
#include <string.h>

typedef struct part_size {
    double bytes, products; /* bytes of all tensors, elements of the matrices */
} part_size;

static part_size measure_part(const kn_weights *w, const char *prefix)
{
    part_size p = {0};
    for (int64_t i = 0; i < kn_weights_count(w); i++) {
        const mlm_st_tensor *t = kn_weights_at(w, i);
        if (strncmp(t->name, prefix, strlen(prefix)) != 0)
            continue;
        p.bytes += (double)t->bytes;
        double count = 1;
        for (int d = 0; d < t->rank; d++)
            count *= (double)t->dim[d];
        bool is_table = strstr(t->name, "conv1d") != NULL || strstr(t->name, "pos_embed") != NULL;
        if (t->rank >= 2 && !is_table && strstr(t->name, "weight") != NULL)
            p.products += count;
    }
    return p;
}

/* Of blocks that are run: published files may hold one more, which is not loaded. */
static engine_amount tower_work(const kn_weights *w, const vit_config *c, const char *prefix)
{
    part_size all = measure_part(w, prefix);
    double    n = vit_n_patches(c), T = n + vit_n_prefix(c), D = c->width, F = c->mlp_dim;
    double    block = 4.0 * D * D + 2.0 * D * F, patch = 3.0 * c->patch_size * c->patch_size * D;
    return (engine_amount){all.bytes,
                           2.0 * n * patch + c->n_blocks_run * (2.0 * T * block + 4.0 * T * T * D)};
}

mlm_status engine_work_of(engine_work *out, const mlmamba_engine *eng)
{
    const model_config *c = &eng->config;
    kn_weights         *w = NULL;
    memset(out, 0, sizeof *out);
    MLM_TRY(model_source_weights(&w, eng->source));
    for (int i = 0; c->has_vision && i < c->vision.n_towers; i++) {
        char prefix[32] = "vision_tower.";
        if (c->vision.n_towers > 1)
            (void)snprintf(prefix, sizeof prefix, "vision_tower.%d.", i);
        out->tower[i] = tower_work(w, &c->vision.tower[i], prefix);
    }
    part_size conn = measure_part(w, "connector."), text = measure_part(w, "language_model."),
              all = measure_part(w, "");
    kn_weights_close(w);
    if (c->has_vision) {
        double n       = vision_config_n_patches(&c->vision);
        out->connector = (engine_amount){
            conn.bytes, n * (2.0 * conn.products + connector_config_scan_flops(c->connector))};
    }
    lm_state_dims d    = lm_config_state_dims(&c->text);
    double        scan = 6.0 * (double)(d.heads * d.head_dim * d.d_state) * c->text.n_layers;
    double        head = (double)c->text.vocab_rows * c->text.d_model;
    double body = text.products - head * (c->text.tied ? 1.0 : 2.0); /* a table of embeddings is no product */
    out->text   = (engine_amount){text.bytes, 2.0 * body + scan};
    out->head_flops    = 2.0 * head;
    out->state_bytes   = (double)lm_state_bytes(eng->one.state) / lm_state_rows(eng->one.state);
    out->weights_bytes = all.bytes;
    return MLM_OK;
}
