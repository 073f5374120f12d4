/* cpu_variant.c: the table of ops of one instruction set. */
#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/cpu/cpu_math.h"

#define CPU_TEXT2(x) #x
#define CPU_TEXT(x)  CPU_TEXT2(x)

static void math(cpu_math fn, float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += VW) {
        int64_t m = n - i < VW ? n - i : VW;
        vf      v = v_load_n(x + i, m);
        switch (fn) {
        case CPU_MATH_EXP:
            v = v_exp(v);
            break;
        case CPU_MATH_GELU_ERF:
            v = v_gelu_erf(v);
            break;
        case CPU_MATH_GELU_TANH:
            v = v_gelu_tanh(v);
            break;
        case CPU_MATH_SILU:
            v = v_silu(v);
            break;
        case CPU_MATH_SOFTPLUS:
            v = v_softplus(v);
            break;
        }
        v_store_n(y + i, v, m);
    }
}

const cpu_ops CPU_JOIN(cpu_ops, CPU_ISA) = {
    .isa = CPU_TEXT(CPU_ISA),
#define X(op) .op = CPU_FN(op),
    KN_OP_LIST(X)
#undef X
        .math = math,
};
