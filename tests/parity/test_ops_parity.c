/*
 * test_ops_parity.c: every case of op_cases.c on every device against ref, and what must be bitwise equal:
 * a row alone and in its batch, one thread and two.
 *
 *   test_ops_parity                      cpu with each instruction set that this machine has
 *   test_ops_parity --device cuda        that device (exit 77 when there is none); twice, equal bits
 *   test_ops_parity --device cuda+det    the same, deterministic: a row alone and in its batch, equal bits
 *   test_ops_parity --case "conv1d B4"   only cases whose name contains the text
 */
#include "tests/support/op_run.h"
#include "tests/support/tensor_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SKIPPED 77

typedef struct subject {
    const char *device, *isa;
    int         n_threads;
    bool        deterministic;
} subject;

static const char *only_case; /* --case */

/* ---- helpers ------------------------------------------------------------------------------------- */

static kn_device *open_subject(const subject *s)
{
    kn_device        *dev = NULL;
    kn_device_options opt = {
        .name = s->device, .n_threads = s->n_threads, .cpu_isa = s->isa, .deterministic = s->deterministic};
    return kn_device_open(&dev, &opt) == MLM_OK ? dev : NULL;
}

static kn_device *open_or_skip(const subject *s)
{
    kn_device *dev = open_subject(s);
    if (dev == NULL) {
        print_message("%s %s: %s\n", s->device, s->isa != NULL ? s->isa : "", mlm_error_message());
        skip();
    }
    return dev;
}

static bool wanted(const op_case *c, const kn_device *dev)
{
    char     name[256];
    bool     bf16 = c->x_dtype == KN_BF16 || (c->flags & (OP_Y_BF16 | OP_SIDE_BF16));
    uint32_t caps = kn_device_caps(dev);
    if ((c->flags & OP_PERF) || (bf16 && c->op != KN_OP_copy && !(caps & (KN_CAP_BF16 | KN_CAP_ORACLE))))
        return false;
    return only_case == NULL || strstr(op_case_name(c, name, sizeof name), only_case) != NULL;
}

/* A run of case c with its result for `row`, or a failed test. */
static op_run *run_case(const op_case *c, kn_device *dev, int64_t row)
{
    op_run    *r  = NULL;
    mlm_status st = op_run_create(&r, c, dev, 1);
    if (st == MLM_OK)
        st = op_run_once(r, row);
    if (st != MLM_OK) {
        char name[256];
        op_run_free(r);
        fail_msg("%s: %s: %s", op_case_name(c, name, sizeof name), mlm_status_name(st), mlm_error_message());
    }
    return r;
}

/* Number of outputs of `got` that are too far from `want`; says which. */
static int compare_outputs(const op_run *want, const op_run *got)
{
    op_bound bound = op_case_bound(want->c);
    char     name[256];
    int      bad = 0;
    for (int k = 0; k < want->n_out; k++) {
        int64_t     n = 0, m = 0;
        float      *w = op_run_values(want, k, OP_ALL_ROWS, &n), *g = op_run_values(got, k, OP_ALL_ROWS, &m);
        tensor_diff d = {0};
        if (w != NULL && g != NULL && n == m)
            d = tensor_compare(w, g, n, bound.max_rel);
        if (w == NULL || g == NULL || n != m || d.first_bad >= 0 || d.nmse > bound.nmse) {
            int64_t at = d.first_bad >= 0 ? d.first_bad : d.worst;
            print_error(
                "%s: %s[%lld] is %.9g, ref %.9g; max relative %.3g (bound %.3g), NMSE %.3g (bound %.3g)\n",
                op_case_name(want->c, name, sizeof name), want->out[k].name, (long long)at,
                g != NULL && at >= 0 ? (double)g[at] : 0.0, w != NULL && at >= 0 ? (double)w[at] : 0.0,
                d.max_rel, bound.max_rel, d.nmse, bound.nmse);
            bad++;
        }
        free(w);
        free(g);
    }
    return bad;
}

/* Outputs `k` of one row in two runs, bit for bit. */
static bool same_bits(const op_run *a, const op_run *b, int64_t row)
{
    bool same = true;
    for (int k = 0; k < a->n_out; k++) {
        int64_t n = 0, m = 0;
        float  *x = op_run_values(a, k, row, &n), *y = op_run_values(b, k, row, &m);
        same = same && x != NULL && y != NULL && n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0;
        free(x);
        free(y);
    }
    return same;
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void test_against_ref(void **state)
{
    const subject *s   = *state;
    kn_device     *dev = open_or_skip(s), *ref = open_subject(&(subject){.device = "ref"});
    char           name[256];
    int            bad = 0, ran = 0;
    assert_non_null(ref);
    for (int i = 0; i < op_case_count; i++) {
        if (!wanted(&op_cases[i], dev))
            continue;
        op_run *want  = run_case(&op_cases[i], ref, OP_ALL_ROWS);
        op_run *got   = run_case(&op_cases[i], dev, OP_ALL_ROWS);
        int64_t stray = op_run_stray_byte(got);
        if (stray != -1)
            print_error("%s: byte %lld outside the outputs changed\n",
                        op_case_name(&op_cases[i], name, sizeof name), (long long)stray);
        bad += compare_outputs(want, got) + (stray != -1);
        ran++;
        op_run_free(want);
        op_run_free(got);
    }
    kn_device_close(ref);
    kn_device_close(dev);
    print_message("%s %s, %d threads: %d cases\n", s->device, s->isa != NULL ? s->isa : "", s->n_threads,
                  ran);
    assert_int_equal(bad, 0);
    assert_true(ran > 0 || only_case != NULL);
}

static void test_row_alone(void **state)
{
    const subject *s   = *state;
    kn_device     *dev = open_or_skip(s);
    char           name[256];
    int            bad = 0;
    for (int i = 0; i < op_case_count; i++) {
        if (!wanted(&op_cases[i], dev))
            continue;
        op_run *all  = run_case(&op_cases[i], dev, OP_ALL_ROWS);
        op_run *one  = run_case(&op_cases[i], dev, OP_ALL_ROWS);
        int64_t n    = op_run_rows(all);
        int64_t step = n > 9 ? n / 9 : 1;
        for (int64_t row = 0; row < n; row = row + step < n || row == n - 1 ? row + step : n - 1) {
            if (op_run_once(one, row) == MLM_OK && same_bits(all, one, row))
                continue;
            print_error("%s: row %lld alone differs from the same row in the batch\n",
                        op_case_name(&op_cases[i], name, sizeof name), (long long)row);
            bad++;
        }
        op_run_free(all);
        op_run_free(one);
    }
    kn_device_close(dev);
    assert_int_equal(bad, 0);
}

static void test_run_to_run(void **state)
{
    kn_device *dev = open_or_skip(*state);
    char       name[256];
    int        bad = 0;
    for (int i = 0; i < op_case_count; i++) {
        if (!wanted(&op_cases[i], dev))
            continue;
        op_run *x = run_case(&op_cases[i], dev, OP_ALL_ROWS), *y = run_case(&op_cases[i], dev, OP_ALL_ROWS);
        if (!same_bits(x, y, OP_ALL_ROWS)) {
            print_error("%s: two runs differ\n", op_case_name(&op_cases[i], name, sizeof name));
            bad++;
        }
        op_run_free(x);
        op_run_free(y);
    }
    kn_device_close(dev);
    assert_int_equal(bad, 0);
}

static void test_threads(void **state)
{
    subject    two = *(const subject *)*state, one = two;
    kn_device *a, *b;
    char       name[256];
    int        bad = 0;
    one.n_threads  = 1;
    two.n_threads  = 2;
    a              = open_or_skip(&one);
    b              = open_or_skip(&two);
    for (int i = 0; i < op_case_count; i++) {
        if (!wanted(&op_cases[i], a))
            continue;
        op_run *x = run_case(&op_cases[i], a, OP_ALL_ROWS), *y = run_case(&op_cases[i], b, OP_ALL_ROWS);
        if (!same_bits(x, y, OP_ALL_ROWS)) {
            print_error("%s: one thread and two differ\n", op_case_name(&op_cases[i], name, sizeof name));
            bad++;
        }
        op_run_free(x);
        op_run_free(y);
    }
    kn_device_close(a);
    kn_device_close(b);
    assert_int_equal(bad, 0);
}

/* ---- which devices ------------------------------------------------------------------------------- */

static int run_device(const char *device)
{
    static subject s;
    static char    name[32];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(device, "+"), device);
    s              = (subject){.device = name, .deterministic = strstr(device, "+det") != NULL};
    kn_device *dev = open_subject(&s);
    if (dev == NULL) {
        fprintf(stderr, "skipped: %s\n", mlm_error_message());
        return SKIPPED;
    }
    kn_device_close(dev);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_against_ref, &s),
        cmocka_unit_test_prestate(s.deterministic ? test_row_alone : test_run_to_run, &s)};
    return cmocka_run_group_tests_name(device, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    const char *device = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--device") == 0)
            device = argv[i + 1];
        else if (strcmp(argv[i], "--case") == 0)
            only_case = argv[i + 1];
    }
    if (device != NULL)
        return run_device(device);
    static subject ref       = {.device = "ref"};
    static subject generic[] = {{"cpu", "generic", 1, false}, {"cpu", "generic", 2, false}};
    static subject avx2[]    = {{"cpu", "avx2", 1, false}, {"cpu", "avx2", 2, false}};
    static subject avx512[]  = {{"cpu", "avx512", 1, false}, {"cpu", "avx512", 2, false}};
#define FOR_ISA(isa)                                                                                         \
    cmocka_unit_test_prestate(test_against_ref, &isa[0]),                                                    \
        cmocka_unit_test_prestate(test_against_ref, &isa[1]),                                                \
        cmocka_unit_test_prestate(test_row_alone, &isa[1]), cmocka_unit_test_prestate(test_threads, &isa[0])
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_row_alone, &ref),
        FOR_ISA(generic),
        FOR_ISA(avx2),
        FOR_ISA(avx512),
    };
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
