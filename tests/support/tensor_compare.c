/* tensor_compare.c: see tensor_compare.h. */
#include "tests/support/tensor_compare.h"

#include <math.h>
#include <stdio.h>

/* |got - want| that is infinite where only one is finite, and 0 for equal infinities and NaN with NaN. */
static double distance(double want, double got)
{
    if (isnan(want) && isnan(got))
        return 0.0;
    if (want == got)
        return 0.0;
    double d = fabs(got - want);
    return isfinite(d) ? d : HUGE_VAL;
}

tensor_diff tensor_compare(const float *want, const float *got, int64_t n, double bound)
{
    tensor_diff r   = {.worst = -1, .first_bad = -1};
    double      top = 0.0, sum_d = 0.0, sum_w = 0.0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(want[i])) {
            top = fmax(top, fabs((double)want[i]));
            sum_w += (double)want[i] * (double)want[i];
        }
    double unit = top > 0.0 ? top : 1.0;
    for (int64_t i = 0; i < n; i++) {
        double d = distance((double)want[i], (double)got[i]);
        sum_d += d * d;
        if (d > r.max_abs) {
            r.max_abs = d;
            r.worst   = i;
        }
        if (r.first_bad < 0 && d > bound * unit)
            r.first_bad = i;
    }
    r.max_rel = r.max_abs / unit;
    r.nmse    = sum_w > 0.0 ? sum_d / sum_w : sum_d;
    return r;
}

bool tensor_close(const char *name, const float *want, const float *got, int64_t n, double bound)
{
    tensor_diff d = tensor_compare(want, got, n, bound);
    if (d.first_bad < 0)
        return true;
    fprintf(
        stderr,
        "%s: element %lld is %.9g, wanted %.9g (max relative %.3g, bound %.3g; NMSE %.3g; worst at %lld)\n",
        name, (long long)d.first_bad, (double)got[d.first_bad], (double)want[d.first_bad], d.max_rel, bound,
        d.nmse, (long long)d.worst);
    return false;
}
