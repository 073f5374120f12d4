/* test_sampler.c: greedy ties, distributions, cuts, penalty, NaN, determinism. */
#include "lm/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { V = 6, DRAWS = 40000 };
/* probabilities 0.4 0.3 0.15 0.1 0.04 0.01, ids not in order */
static const float probability[V] = {0.1f, 0.4f, 0.01f, 0.3f, 0.04f, 0.15f};

static void logits_of(float *logits)
{
    for (int i = 0; i < V; i++)
        logits[i] = logf(probability[i]) + 3.0f;
}

static sampler *make(sampler_options o, int vocab)
{
    sampler *s;
    assert_int_equal(sampler_create(&s, vocab, &o), MLM_OK);
    return s;
}

/* Frequencies of DRAWS draws against `wanted`, chi-square with at most 5 degrees of freedom (p about 1e-6). */
static void expect_distribution(sampler_options o, const double *wanted)
{
    float    logits[V];
    int      count[V] = {0};
    double   chi      = 0.0;
    sampler *s        = make(o, V);
    logits_of(logits);
    for (int i = 0; i < DRAWS; i++) {
        int32_t id;
        assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
        assert_in_range(id, 0, V - 1);
        count[id]++;
    }
    for (int i = 0; i < V; i++) {
        double e = wanted[i] * DRAWS;
        if (wanted[i] <= 0.0)
            assert_int_equal(count[i], 0);
        else
            chi += (count[i] - e) * (count[i] - e) / e;
    }
    if (chi > 36.0)
        fail_msg("chi-square %g", chi);
    sampler_free(s);
}

static void test_distributions(void **state)
{
    (void)state;
    const double all[V] = {0.1, 0.4, 0.01, 0.3, 0.04, 0.15};
    expect_distribution((sampler_options){.temperature = 1.0f, .seed = 1}, all);
    expect_distribution((sampler_options){.temperature = 1.0f, .top_k = 100, .seed = 2}, all);
    expect_distribution((sampler_options){.temperature = 1.0f, .top_p = 1.0f, .seed = 2}, all);
    double hot[V], sum = 0.0;
    for (int i = 0; i < V; i++)
        sum += hot[i] = sqrt(all[i]);
    for (int i = 0; i < V; i++)
        hot[i] /= sum;
    expect_distribution((sampler_options){.temperature = 2.0f, .seed = 3}, hot);
    const double three[V] = {0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85};
    expect_distribution((sampler_options){.temperature = 1.0f, .top_k = 3, .seed = 4}, three);
    expect_distribution((sampler_options){.temperature = 1.0f, .top_p = 0.8f, .seed = 5},
                        three); /* the one that crosses stays */
    expect_distribution((sampler_options){.temperature = 1.0f, .min_p = 0.3f, .seed = 6}, three);
    const double two[V] = {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0};
    expect_distribution((sampler_options){.temperature = 1.0f, .top_p = 0.69f, .seed = 7}, two);
    /* of three: 0.47, 0.82, 1: a nucleus of 0.8 is two of them */
    expect_distribution((sampler_options){.temperature = 1.0f, .top_k = 3, .top_p = 0.8f, .seed = 8}, two);
    /* min-p does not shrink what the nucleus is measured against */
    expect_distribution(
        (sampler_options){.temperature = 1.0f, .top_k = 5, .top_p = 0.8f, .min_p = 0.5f, .seed = 9}, two);
    const double one[V] = {0, 1, 0, 0, 0, 0};
    expect_distribution((sampler_options){.temperature = 1.0f, .top_k = 1, .seed = 10}, one);
    expect_distribution((sampler_options){.temperature = 1.0f, .top_p = 1e-6f, .seed = 11}, one);
    expect_distribution((sampler_options){.temperature = 1e-4f, .seed = 12}, one);
    expect_distribution((sampler_options){.seed = 13}, one);
}

static void test_greedy_and_logprob(void **state)
{
    float    logits[V] = {1.0f, 2.0f, 2.0f, -5.0f, 2.0f, 0.0f}, logprob;
    int32_t  id;
    sampler *s = make((sampler_options){0}, V);
    (void)state;
    assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
    assert_int_equal(id, 1); /* ties: lowest id */
    logits_of(logits);
    assert_int_equal(sampler_pick(s, logits, &id, &logprob), MLM_OK);
    assert_int_equal(id, 1);
    assert_true(fabsf(logprob - logf(0.4f)) < 1e-5f);
    sampler_free(s);
    s = make((sampler_options){.temperature = 5.0f, .top_k = 2}, V); /* before temperature and cuts */
    assert_int_equal(sampler_pick(s, logits, &id, &logprob), MLM_OK);
    assert_true(fabsf(logprob - logf(probability[id])) < 1e-5f);
    sampler_free(s);
    s = make((sampler_options){0}, 3); /* padded ids are not looked at */
    assert_int_equal(sampler_pick(s, (const float[]){0, 1, 0, 9}, &id, NULL), MLM_OK);
    assert_int_equal(id, 1);
    sampler_free(s);
}

static void test_top_k_ties(void **state)
{
    const float logits[5] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    bool        seen[5]   = {false};
    int32_t     id;
    sampler    *s = make((sampler_options){.temperature = 1.0f, .top_k = 2, .seed = 1}, 5);
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
        seen[id] = true;
    }
    assert_true(seen[0] && seen[1] && !seen[2] && !seen[3] && !seen[4]);
    sampler_free(s);
}

static void test_penalty(void **state)
{
    float    logits[4] = {2.0f, 1.5f, -1.0f, -1.1f};
    int32_t  id;
    sampler *s = make((sampler_options){.repetition_penalty = 2.0f}, 4);
    (void)state;
    sampler_saw(s, 0);
    sampler_saw(s, -1); /* ignored */
    sampler_saw(s, 4);
    assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
    assert_int_equal(id, 1); /* 2.0 / 2 < 1.5 */
    logits[0] = logits[1] = -9.0f;
    sampler_saw(s, 2);
    assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
    assert_int_equal(id, 3); /* -1.0 * 2 < -1.1 */
    sampler_reset(s);
    assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
    assert_int_equal(id, 2);
    sampler_free(s);
}

static void test_not_finite(void **state)
{
    const float bad[3] = {NAN, INFINITY, -INFINITY}, some[4] = {NAN, 1.0f, INFINITY, 0.0f};
    float       logprob;
    int32_t     id;
    (void)state;
    for (int k = 0; k < 3; k++) {
        sampler_options o = {.temperature = k > 0 ? 1.0f : 0.0f, .top_k = k > 1 ? 3 : 0, .seed = 3};
        sampler        *s = make(o, 3);
        assert_int_equal(sampler_pick(s, bad, &id, &logprob), MLM_E_DEVICE);
        sampler_free(s);
        s = make(o, 4);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(sampler_pick(s, some, &id, &logprob), MLM_OK);
            assert_true(id == 1 || id == 3);
            assert_true(isfinite(logprob));
        }
        sampler_free(s);
    }
}

static void test_deterministic(void **state)
{
    float   logits[V];
    int32_t first[50], id;
    (void)state;
    logits_of(logits);
    sampler *s = make((sampler_options){.temperature = 1.0f, .seed = 42}, V);
    for (int i = 0; i < 50; i++)
        assert_int_equal(sampler_pick(s, logits, &first[i], NULL), MLM_OK);
    sampler_reset(s);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
        assert_int_equal(id, first[i]);
    }
    sampler_free(s);
    int differ = 0;
    s          = make((sampler_options){.temperature = 1.0f, .seed = 43}, V);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sampler_pick(s, logits, &id, NULL), MLM_OK);
        differ += id != first[i];
    }
    assert_true(differ > 5);
    sampler_free(s);
}

static void test_options(void **state)
{
    static const struct {
        sampler_options o;
        const char     *name;
    } bad[] = {{{.temperature = -0.1f}, "temperature"},
               {{.temperature = NAN}, "temperature"},
               {{.temperature = 1e9f}, "temperature"},
               {{.top_k = -1}, "top_k"},
               {{.top_p = 1.1f}, "top_p"},
               {{.min_p = -0.1f}, "min_p"},
               {{.min_p = NAN}, "min_p"},
               {{.repetition_penalty = -1.0f}, "repetition_penalty"},
               {{.repetition_penalty = INFINITY}, "repetition_penalty"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sampler *s;
        assert_int_equal(sampler_create(&s, V, &bad[i].o), MLM_E_RANGE);
        assert_non_null(strstr(mlm_error_message(), bad[i].name));
        assert_null(s);
    }
    assert_int_equal(
        sampler_options_check(&(sampler_options){
            .temperature = 1, .top_k = 50, .top_p = 0.9f, .min_p = 0.05f, .repetition_penalty = 1.1f}),
        MLM_OK);
}

static void test_candidates(void **state)
{
    const float   logits[5] = {0.0f, 700.0f, logf(3.0f) + 700.0f, NAN, -800.0f};
    const int32_t ids[4]    = {2, 1, 3, 4};
    float         p[4];
    (void)state;
    sampler_candidate_probs(logits, ids, 4, p);
    assert_true(fabsf(p[0] - 0.75f) < 1e-4f && fabsf(p[1] - 0.25f) < 1e-4f);
    assert_true(p[2] == 0.0f && p[3] >= 0.0f && p[3] < 1e-6f);
    sampler_candidate_probs(logits, &ids[2], 1, p);
    assert_true(p[0] == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_greedy_and_logprob),
        cmocka_unit_test(test_top_k_ties),    cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_not_finite),    cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_candidates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
