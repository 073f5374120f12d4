/*
 * model_fixture.h: a whole model on a device without the engine, and golden files to compare its stages with.
 * Messages of failures go to stderr; functions return false or NULL then.
 */
#ifndef TESTS_SUPPORT_MODEL_FIXTURE_H
#define TESTS_SUPPORT_MODEL_FIXTURE_H

#include "fusion/connector.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_safetensors.h"
#include "lm/lm.h"
#include "vision/encoder.h"

enum { FIXTURE_VISION = 1, FIXTURE_CONNECTOR = 2, FIXTURE_LM = 4, FIXTURE_ALL = 7 };

typedef struct model_fixture {
    kn_device         *dev;
    kn_queue          *q;
    kn_weights        *weights;
    mlm_json          *config, *preprocessor;
    vision_config      vision_cfg;
    connector_config  *connector_cfg;
    lm_config          lm_cfg;
    vision_encoder    *vision;
    connector         *connector;
    lm_model          *lm;
    kn_arena           arena;
    vision_scratch     vision_s;
    connector_scratch *connector_s;
    lm_scratch        *lm_s;
    kn_tensor          features; /* [B,N,D_in]  */
    kn_tensor          rows;     /* [B,N,D]     */
    kn_tensor          logits;   /* [B,V]       */
    int                max_rows;
    int32_t            eos_id;
} model_fixture;

/* `device` as in kn_device_options, "+round" behind it: rounding to bf16; "+det": deterministic.  `parts`: FIXTURE_* to load.  The language model's scratch has max_rows x max_tokens.  For a connector alone,
 * n_patches gives its tokens (else 0). */
bool model_fixture_open(model_fixture *f, const char *dir, const char *device, int n_threads, int parts,
                        int max_rows, int max_tokens, int n_patches);
void model_fixture_close(model_fixture *f); /* zeroed struct is fine */

/* Any tensor as contiguous f32 on the host; owned (free). */
float *fixture_download(kn_queue *q, kn_tensor t);

typedef struct golden {
    mlm_safetensors *file;
    kn_queue        *q;
    char             prefix[64]; /* "ref0.connector." */
    double           bound;      /* largest relative error */
    int              n_checked, n_bad;
} golden;

bool     golden_open(golden *g, const char *path, double bound);
void     golden_close(golden *g);
bool     golden_has(const golden *g, const char *name); /* full names here and below */
float   *golden_f32(const golden *g, const char *name, int64_t *count);
int32_t *golden_i32(const golden *g, const char *name, int64_t *count);
/* Compares t with `name`; absent names are not counted. */
void golden_check(golden *g, const char *name, kn_tensor t);
/* A probe of vit, connector and lm (payload: the golden): checks prefix + stage when the file has it. */
void golden_probe(const char *stage, kn_tensor t, void *payload);

#endif
