/*
 * sampler.c: see sampler.h for the order of the steps.
 *
 * Cuts take candidates from a max-heap (logit, then lower id), so their cost is O(V + m log V) for m kept
 * candidates; without cuts one pass over the logits draws.  Sums are double, in a fixed order: the same seed gives
 * the same token on every run.
 */
#include "lm/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sampler {
    sampler_options opt;
    int             vocab;
    mlm_rng         rng;
    float          *logit; /* [vocab] after the penalty; -inf: not finite */
    double         *mass;  /* [vocab] of candidate i, not normalized; NULL when greedy */
    int32_t        *id;    /* [vocab] heap; candidates taken from it follow at the end; NULL without cuts */
    bool           *seen;  /* [vocab]; NULL without repetition penalty */
};

static mlm_status check_option(const char *name, float v, float lo, float hi, bool zero_is_off)
{
    if (isfinite(v) && ((v >= lo && v <= hi) || (zero_is_off && v == 0.0f)))
        return MLM_OK;
    return mlm_fail(MLM_E_RANGE, "%s is %g, must be from %g to %g%s", name, (double)v, (double)lo, (double)hi,
                    zero_is_off ? ", or 0 for off" : "");
}

mlm_status sampler_options_check(const sampler_options *o)
{
    MLM_TRY(check_option("temperature", o->temperature, 0.0f, 100.0f, false));
    MLM_TRY(check_option("top_p", o->top_p, 0.0f, 1.0f, false));
    MLM_TRY(check_option("min_p", o->min_p, 0.0f, 1.0f, false));
    MLM_TRY(check_option("repetition_penalty", o->repetition_penalty, 0.1f, 10.0f, true));
    if (o->top_k < 0 || o->top_k > 1 << 20)
        return mlm_fail(MLM_E_RANGE, "top_k is %d, must be from 0 to %d", o->top_k, 1 << 20);
    return MLM_OK;
}

static bool has_cuts(const sampler_options *o)
{
    return o->top_k > 0 || o->min_p > 0.0f || (o->top_p > 0.0f && o->top_p < 1.0f);
}

/* The arrays that the options need. */
static mlm_status create_arrays(sampler *s)
{
    const sampler_options *o        = &s->opt;
    size_t                 n        = (size_t)s->vocab;
    bool                   draws    = o->temperature > 0.0f;
    bool                   remember = o->repetition_penalty != 0.0f && o->repetition_penalty != 1.0f;
    if (!(s->logit = calloc(n, sizeof *s->logit)) || (draws && !(s->mass = calloc(n, sizeof *s->mass))) ||
        (draws && has_cuts(o) && !(s->id = calloc(n, sizeof *s->id))) ||
        (remember && !(s->seen = calloc(n, sizeof *s->seen))))
        return mlm_fail_nomem(n * 17, "sampler");
    return MLM_OK;
}

mlm_status sampler_create(sampler **out, int vocab, const sampler_options *o)
{
    *out = NULL;
    MLM_TRY(sampler_options_check(o));
    if (vocab < 1)
        return mlm_fail(MLM_E_RANGE, "vocabulary of %d tokens, must be at least 1", vocab);
    sampler *s = calloc(1, sizeof *s);
    if (!s)
        return mlm_fail_nomem(sizeof *s, "sampler");
    s->opt        = *o;
    s->vocab      = vocab;
    mlm_status st = create_arrays(s);
    if (st != MLM_OK) {
        sampler_free(s);
        return st;
    }
    sampler_reset(s);
    *out = s;
    return MLM_OK;
}

void sampler_free(sampler *s)
{
    if (!s)
        return;
    free(s->logit);
    free(s->mass);
    free(s->id);
    free(s->seen);
    free(s);
}

void sampler_reset(sampler *s)
{
    s->rng = mlm_rng_seed(s->opt.seed, 0);
    if (s->seen)
        memset(s->seen, 0, (size_t)s->vocab * sizeof *s->seen);
}

void sampler_saw(sampler *s, int32_t id)
{
    if (s->seen && id >= 0 && id < s->vocab)
        s->seen[id] = true;
}

/* Candidate a goes before b: larger logit, then lower id. */
static bool before(const sampler *s, int32_t a, int32_t b)
{
    return s->logit[a] != s->logit[b] ? s->logit[a] > s->logit[b] : a < b;
}

static void sift_down(sampler *s, int at, int n)
{
    int32_t v = s->id[at];
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(s, s->id[child + 1], s->id[child]))
            child++;
        if (!before(s, s->id[child], v))
            break;
        s->id[at] = s->id[child];
    }
    s->id[at] = v;
}

/* Penalized logits and the best id; false when no logit is finite. */
static bool take_logits(sampler *s, const float *logits, int32_t *best)
{
    float penalty = s->opt.repetition_penalty == 0.0f ? 1.0f : s->opt.repetition_penalty;
    *best         = -1;
    for (int i = 0; i < s->vocab; i++) {
        float v = logits[i];
        if (!isfinite(v)) {
            s->logit[i] = -INFINITY;
            continue;
        }
        if (s->seen && s->seen[i]) {
            v = v > 0.0f ? v / penalty : v * penalty;
            v = isfinite(v) ? v : copysignf(3.4e38f, v);
        }
        s->logit[i] = v;
        if (*best < 0 || v > s->logit[*best])
            *best = i;
    }
    return *best >= 0;
}

float sampler_log_probability(const float *logits, int vocab, int32_t id)
{
    double max = -HUGE_VAL, sum = 0.0;
    for (int i = 0; i < vocab; i++)
        if (isfinite(logits[i]) && (double)logits[i] > max)
            max = (double)logits[i];
    for (int i = 0; i < vocab; i++)
        if (isfinite(logits[i]))
            sum += exp((double)logits[i] - max);
    return (float)((double)logits[id] - max - log(sum));
}

static double mass_of(const sampler *s, int32_t id, int32_t best)
{
    return exp(((double)s->logit[id] - (double)s->logit[best]) / (double)s->opt.temperature);
}

/* Without cuts: one pass in the order of ids. */
static int32_t draw_from_all(sampler *s, int32_t best)
{
    double  sum  = 0.0;
    int32_t last = best;
    for (int i = 0; i < s->vocab; i++)
        sum += s->mass[i] = mass_of(s, i, best);
    double left = (double)mlm_rng_uniform(&s->rng) * sum;
    for (int i = 0; i < s->vocab; i++) {
        if (s->mass[i] <= 0.0)
            continue;
        last = i;
        left -= s->mass[i];
        if (left < 0.0)
            break;
    }
    return last;
}

/* Takes the best of the m candidates in the heap to its end, where those popped stay in order. */
static void pop_best(sampler *s, int m, int32_t best)
{
    int32_t id     = s->id[0];
    s->id[0]       = s->id[m - 1];
    s->id[m - 1]   = id;
    s->mass[m - 1] = mass_of(s, id, best);
    if (m > 1)
        sift_down(s, 0, m - 1);
}

/* Candidate i, best first, is s->id[n-1-i] of mass s->mass[n-1-i].  Returns how many the cuts keep, at least 1. */
static int cut_candidates(sampler *s, int32_t best, int *n_candidates)
{
    int    n = 0, popped = 0, kept = 0;
    bool   nucleus = s->opt.top_p > 0.0f && s->opt.top_p < 1.0f;
    double total = 0.0, taken = 0.0;
    for (int i = 0; i < s->vocab; i++)
        if (s->logit[i] > -INFINITY)
            s->id[n++] = i;
    for (int i = n / 2; i-- > 0;)
        sift_down(s, i, n);
    int limit = s->opt.top_k > 0 && s->opt.top_k < n ? s->opt.top_k : n;
    if (limit < n) /* the nucleus is relative to what top-k leaves */
        for (; popped < limit; popped++) {
            pop_best(s, n - popped, best);
            total += s->mass[n - 1 - popped];
        }
    else if (nucleus)
        for (int i = 0; i < n; i++)
            total += mass_of(s, s->id[i], best);
    for (; kept < limit; kept++) {
        if (kept == popped)
            pop_best(s, n - popped++, best);
        double mass = s->mass[n - 1 - kept];
        if (kept > 0 && ((nucleus && taken >= (double)s->opt.top_p * total) || mass < (double)s->opt.min_p))
            break;
        taken += mass;
    }
    *n_candidates = n;
    return kept;
}

static int32_t draw_from_cut(sampler *s, int32_t best)
{
    int    n;
    double sum  = 0.0;
    int    kept = cut_candidates(s, best, &n);
    for (int i = 0; i < kept; i++)
        sum += s->mass[n - 1 - i];
    double left = (double)mlm_rng_uniform(&s->rng) * sum;
    for (int i = 0; i < kept; i++) {
        left -= s->mass[n - 1 - i];
        if (left < 0.0)
            return s->id[n - 1 - i];
    }
    return s->id[n - kept];
}

mlm_status sampler_pick(sampler *s, const float *logits, int32_t *id, float *logprob)
{
    int32_t best;
    if (!take_logits(s, logits, &best))
        return mlm_fail(MLM_E_DEVICE, "the model gave no finite logit among %d", s->vocab);
    *id = best;
    if (s->opt.temperature > 0.0f)
        *id = has_cuts(&s->opt) ? draw_from_cut(s, best) : draw_from_all(s, best);
    if (logprob)
        *logprob = sampler_log_probability(logits, s->vocab, *id);
    return MLM_OK;
}

void sampler_candidate_probs(const float *logits, const int32_t *ids, int n, float *probs)
{
    double max = -HUGE_VAL, sum = 0.0;
    for (int i = 0; i < n; i++)
        if (isfinite(logits[ids[i]]) && (double)logits[ids[i]] > max)
            max = (double)logits[ids[i]];
    for (int i = 0; i < n; i++)
        if (isfinite(logits[ids[i]]))
            sum += exp((double)logits[ids[i]] - max);
    for (int i = 0; i < n; i++)
        probs[i] = isfinite(logits[ids[i]]) ? (float)(exp((double)logits[ids[i]] - max) / sum) : 0.0f;
}
