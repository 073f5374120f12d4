/*
 * sampler.h: from a row of logits to a token.  Greedy unless temperature > 0.
 *
 * Order: repetition penalty (CTRL, arXiv 1909.05858: positive logits divided, negative multiplied), mask of
 * padded ids, temperature, top-k, top-p (nucleus), min-p (relative to the most likely), draw.  Deterministic
 * for a seed; ties in greedy go to the lowest id, as kn_argmax.
 */
#ifndef LM_SAMPLER_H
#define LM_SAMPLER_H

#include "kernels/base/mlm_fail.h"
#include "kernels/base/mlm_rng.h"

typedef struct sampler_options {
    float    temperature;        /* 0: greedy                              */
    int      top_k;              /* 0: off                                 */
    float    top_p;              /* 0 or 1: off                            */
    float    min_p;              /* 0: off                                 */
    float    repetition_penalty; /* 0 or 1: off                            */
    uint64_t seed;
} sampler_options;

/* MLM_E_RANGE naming the option and its limits. */
mlm_status sampler_options_check(const sampler_options *o) MLM_WARN_UNUSED;

typedef struct sampler sampler;
/* Room for `vocab` logits; nothing is allocated afterwards.  Owned: sampler_free. */
mlm_status sampler_create(sampler **out, int vocab, const sampler_options *o) MLM_WARN_UNUSED;
void       sampler_free(sampler *s);
void       sampler_reset(sampler *s);           /* seed again, forget the seen tokens */
void       sampler_saw(sampler *s, int32_t id); /* counts for the repetition penalty */

/* Picks from logits[0..vocab-1]; *logprob (may be NULL) is the natural log of the token's probability before
 * temperature and cuts.  MLM_E_DEVICE when no logit is finite (a NaN is never turned into text). */
mlm_status sampler_pick(sampler *s, const float *logits, int32_t *id, float *logprob) MLM_WARN_UNUSED;

/* Natural log of the softmax of id among logits[0..vocab-1], in double; what is not finite counts as impossible. */
float sampler_log_probability(const float *logits, int vocab, int32_t id);

/* Softmax over the given candidate ids only (Yes/No, True/False, letters). */
void sampler_candidate_probs(const float *logits, const int32_t *ids, int n, float *probs);

#endif
