/*
 * connector.h: the multimodal connector: patch features [B,N,D_in] -> language-model rows [B,N,D_out].
 *
 *   mamba2_cross_scan_2d   (built-in model; the paper's scan connector with cross-scan, arXiv 2407.19832 3.2.3)
 *       x = act(fc(v));  x += SS2D(RMSNorm(x));  x += w2(silu(w1 h) * w3 h), h = RMSNorm(x);  out_proj(RMSNorm(x))
 *       SS2D: one in_proj / out_proj, per-direction conv1d, dt_bias, A_log, D (leading axis), sum, then gated norm
 *       tensors: mlp.fc, scan_norm, scan.{in_proj,conv1d,dt_bias,A_log,D,norm,out_proj}, swiglu_norm,
 *                swiglu.{w1,w2,w3}, norm, out_proj
 *   mamba2_bidirectional   (released ML-Mamba)
 *       x = gelu(mlp.0(v));  n_layers x { x += BiMamba2(x);  x += w3(silu(w1 n) * w2 n), n = LayerNorm(x) };
 *       LayerNorm;  projector.0, GELU, projector.2, GELU, projector.4
 *       no norm before the mixer; mean of the two gated-normed outputs; tensors: mlp.0,
 *       layers.N.mixer.{in_proj,conv1d,conv1d_b,dt_bias,dt_bias_b,A_log,A_log_b,D,D_b,norm,out_proj},
 *       layers.N.norm, layers.N.mlp.{w1,w2,w3}, norm_f, projector.{0,2,4}
 *   mlp                    linear layers with GELU between them: projector.0, projector.2, ...
 *   ldp                    (Cobra's fused-ldpnet) the same, then the grid is averaged down to pool_grid x pool_grid and a
 *                          depthwise 3x3 convolution added to it: projector.4.peg.0
 *
 * The scan connectors are two configs of one forward pass.
 */
#ifndef FUSION_CONNECTOR_H
#define FUSION_CONNECTOR_H

#include "kernels/base/mlm_json.h"
#include "kernels/mamba2.h"
#include "kernels/weights.h"

typedef struct connector_config connector_config; /* private fields: connector_config.h */
typedef struct connector        connector;

/* `obj` is config.json's "connector"; n_patches gives the grid (a square).  Owned: connector_config_free. */
mlm_status connector_config_parse(connector_config **out, const mlm_json_node *obj,
                                  int n_patches) MLM_WARN_UNUSED;
/* Of activations: f32 (0), or bf16 on a device with KN_CAP_BF16: then v is bf16; y may be f32 either way. */
void connector_config_set_dtype(connector_config *c, kn_dtype dtype);
void connector_config_free(connector_config *c);
int  connector_config_in(const connector_config *c);       /* D_in  */
int  connector_config_out(const connector_config *c);      /* D_out */
int  connector_config_n_tokens(const connector_config *c); /* N out */
/* Of the scans, for one token; a multiply-add counts as two. */
double      connector_config_scan_flops(const connector_config *c);
const char *connector_config_type(const connector_config *c);

/* Takes a copy of the config.  `prefix` is put before tensor names ("connector."). */
mlm_status connector_load(connector **out, kn_queue *q, const connector_config *c, kn_weights *w,
                          const char *prefix) MLM_WARN_UNUSED;
void       connector_free(connector *m);

typedef struct connector_scratch connector_scratch;
mlm_status connector_scratch_create(connector_scratch **out, kn_arena *arena, const connector_config *c,
                                    int64_t B) MLM_WARN_UNUSED;
void connector_scratch_free(connector_scratch *s); /* the host struct only: tensors belong to the arena */

/* Stages: "mlp", "scan", "swiglu" (per layer: "scan", "swiglu" again), "norm", "out"; "scan_y0".. with token order. */
typedef void (*connector_probe)(const char *stage, kn_tensor t, void *payload);

/* v [B,N,D_in] -> y [B,N,D_out], rows may be strided (directly into a sequence buffer).  Enqueues only. */
mlm_status connector_forward(kn_queue *q, const connector *m, connector_scratch *s, kn_tensor v, kn_tensor y,
                             connector_probe probe, void *payload) MLM_WARN_UNUSED;

#endif
