/* cpu_isa.c: finds out at run time what the processor can do, and picks a table of ops. */
#include "kernels/cpu/cpu_device.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#    include <cpuid.h>

typedef struct feature {
    const char *name;
    bool        has;
} feature;

static bool has_f16c(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    /* __builtin_cpu_supports("avx") also asks whether the system saves the registers. */
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

static bool has_avx512_bf16(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __builtin_cpu_supports("avx512f") && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
           (a & (1u << 5)) != 0;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

void cpu_isa_features(char *dst, size_t cap)
{
    const feature list[] = {
        {"avx2", __builtin_cpu_supports("avx2") != 0},
        {"fma", __builtin_cpu_supports("fma") != 0},
        {"f16c", has_f16c()},
        {"avx512f", __builtin_cpu_supports("avx512f") != 0},
        {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
        {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
        {"avx512_vnni", __builtin_cpu_supports("avx512vnni") != 0},
        {"avx512_bf16", has_avx512_bf16()},
    };
    size_t n = 0;
    dst[0]   = '\0';
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (!list[i].has)
            continue;
        int w = snprintf(dst + n, cap - n, "%s%s", n ? " " : "", list[i].name);
        if (w < 0 || (size_t)w >= cap - n)
            return;
        n += (size_t)w;
    }
}

void cpu_isa_brand(char *dst, size_t cap)
{
    unsigned r[12] = {0};
    char     text[sizeof r + 1];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3])) {
            snprintf(dst, cap, "x86-64");
            return;
        }
    memcpy(text, r, sizeof r);
    text[sizeof r] = '\0';
    size_t n = strlen(text), from = strspn(text, " ");
    while (n > from && text[n - 1] == ' ')
        n--;
    snprintf(dst, cap, "%.*s", (int)(n - from), text + from);
}
#else
void cpu_isa_features(char *dst, size_t cap)
{
    if (cap > 0)
        dst[0] = '\0';
}

void cpu_isa_brand(char *dst, size_t cap)
{
    snprintf(dst, cap, "CPU");
}
#endif

mlm_status cpu_isa_select(const cpu_ops **out, const char *name)
{
    bool any = name == NULL;
#if defined(__x86_64__)
    if (any ? has_avx512() : strcmp(name, "avx512") == 0) {
        *out = &cpu_ops_avx512;
        return has_avx512() ? MLM_OK
                            : mlm_fail(MLM_E_UNSUPPORTED, "cpu: this machine has no AVX-512 (F, BW, VL, DQ)");
    }
    if (any ? has_avx2() : strcmp(name, "avx2") == 0) {
        *out = &cpu_ops_avx2;
        return has_avx2() ? MLM_OK
                          : mlm_fail(MLM_E_UNSUPPORTED, "cpu: this machine has no AVX2 with FMA and F16C");
    }
#else
    if (!any && (strcmp(name, "avx512") == 0 || strcmp(name, "avx2") == 0))
        return mlm_fail(MLM_E_UNSUPPORTED, "cpu: instruction set %s is not of this kind of machine", name);
#endif
    if (any || strcmp(name, "generic") == 0) {
        *out = &cpu_ops_generic;
        return MLM_OK;
    }
    return mlm_fail(MLM_E_RANGE, "cpu: instruction set is '%s', must be generic, avx2 or avx512", name);
}
