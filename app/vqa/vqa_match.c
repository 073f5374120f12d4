/* vqa_match.c: metrics for rows of any origin: exact match, contains, relaxed accuracy, ANLS. */
#include "app/vqa/vqa_metric.h"
#include "app/vqa/vqa_text.h"

#include <math.h>
#include <string.h>

/* Lower case, white space squeezed, one trailing period away. */
static void put_plain(vqa_text *t, const char *s)
{
    vqa_text low = {0};
    vqa_py_lower(&low, s);
    vqa_py_squeeze(t, vqa_text_str(&low));
    if (t->n > 1 && t->data[t->n - 1] == '.')
        t->data[--t->n] = '\0';
    t->failed = t->failed || low.failed;
    vqa_text_free(&low);
}

/* 1 when the plain forms are equal, or with `within` when the prediction's contains the answer's. */
static mlm_status match_plain(double *score, const char *prediction, const char *answer, bool within)
{
    vqa_text p = {0}, a = {0};
    put_plain(&p, prediction);
    put_plain(&a, answer);
    bool match        = within ? a.n > 0 && strstr(vqa_text_str(&p), vqa_text_str(&a)) != NULL
                               : strcmp(vqa_text_str(&p), vqa_text_str(&a)) == 0;
    *score            = match ? 1.0 : 0.0;
    p.failed          = p.failed || a.failed;
    mlm_status status = vqa_text_status(&p);
    vqa_text_free(&p);
    vqa_text_free(&a);
    return status;
}

mlm_status vqa_exact_match(double *score, const char *prediction, const char *answer)
{
    return match_plain(score, prediction, answer, false);
}

mlm_status vqa_contains(double *score, const char *prediction, const char *answer)
{
    return match_plain(score, prediction, answer, true);
}

/* _to_float: a text that ends in % is divided by 100; all trailing % go. */
static mlm_status to_float(bool *ok, double *value, const char *s)
{
    vqa_text t       = {0};
    bool     percent = false;
    vqa_text_put(&t, s);
    while (t.n > 0 && t.data[t.n - 1] == '%') {
        t.data[--t.n] = '\0';
        percent       = true;
    }
    mlm_status status = vqa_text_status(&t);
    if (status == MLM_OK)
        status = vqa_py_float(ok, value, vqa_text_str(&t));
    if (status == MLM_OK && *ok && percent)
        *value /= 100.0;
    vqa_text_free(&t);
    return status;
}

mlm_status vqa_relaxed(double *score, const char *prediction, const char *answer)
{
    bool   p_ok = false, a_ok = false;
    double p = 0, a = 0;
    MLM_TRY(to_float(&p_ok, &p, prediction));
    MLM_TRY(to_float(&a_ok, &a, answer));
    if (p_ok && a_ok && (a < 0 || a > 0 || isnan(a))) {
        *score = fabs(p - a) / fabs(a) <= 0.05 ? 1.0 : 0.0;
        return MLM_OK;
    }
    vqa_text x = {0}, y = {0};
    vqa_py_lower(&x, prediction);
    vqa_py_lower(&y, answer);
    *score            = strcmp(vqa_text_str(&x), vqa_text_str(&y)) == 0 ? 1.0 : 0.0;
    x.failed          = x.failed || y.failed;
    mlm_status status = vqa_text_status(&x);
    vqa_text_free(&x);
    vqa_text_free(&y);
    return status;
}

/* " ".join(s.strip().lower().split()) */
static void put_squeezed_lower(vqa_text *t, const char *s)
{
    vqa_text low = {0};
    vqa_py_lower(&low, s);
    vqa_py_squeeze(t, vqa_text_str(&low));
    t->failed = t->failed || low.failed;
    vqa_text_free(&low);
}

static void put_stripped_lower(vqa_text *t, const char *s)
{
    vqa_text low = {0};
    vqa_py_lower(&low, s);
    vqa_py_strip(t, vqa_text_str(&low));
    t->failed = t->failed || low.failed;
    vqa_text_free(&low);
}

mlm_status vqa_anls(double *score, const char *prediction, const char *const *answers, int n)
{
    vqa_text   p = {0}, a = {0};
    double     least  = 1;
    mlm_status status = MLM_OK;
    size_t     np     = vqa_char_count_upper(prediction);
    put_squeezed_lower(&p, prediction);
    for (int i = 0; i < n && status == MLM_OK; i++) {
        size_t distance = 0, na = vqa_char_count_upper(answers[i]);
        size_t length = na > np ? na : np;
        vqa_text_clear(&a);
        put_squeezed_lower(&a, answers[i]);
        status       = vqa_edit_distance(&distance, vqa_text_str(&a), vqa_text_str(&p));
        double value = length == 0 ? 0.0 : (double)distance / (double)length;
        if (i == 0 || value < least)
            least = value;
    }
    *score   = 1 - least < 0.5 ? 0.0 : 1 - least;
    p.failed = p.failed || a.failed;
    if (status == MLM_OK)
        status = vqa_text_status(&p);
    vqa_text_free(&p);
    vqa_text_free(&a);
    return status;
}

mlm_status vqa_anls_stvqa(double *score, const char *prediction, const char *const *answers, int n)
{
    vqa_text   p = {0}, a = {0};
    mlm_status status = MLM_OK;
    *score            = 0;
    put_stripped_lower(&p, prediction);
    size_t np = vqa_char_count(vqa_text_str(&p));
    for (int i = 0; i < n && status == MLM_OK; i++) {
        size_t distance = 0;
        vqa_text_clear(&a);
        put_stripped_lower(&a, answers[i]);
        size_t na     = vqa_char_count(vqa_text_str(&a));
        size_t length = na > np ? na : np;
        status        = vqa_edit_distance(&distance, vqa_text_str(&p), vqa_text_str(&a));
        double value  = length == 0 ? 1.0 : 1 - (double)distance / (double)length;
        if (value >= 0.5 && value > *score)
            *score = value;
    }
    p.failed = p.failed || a.failed;
    if (status == MLM_OK)
        status = vqa_text_status(&p);
    vqa_text_free(&p);
    vqa_text_free(&a);
    return status;
}
