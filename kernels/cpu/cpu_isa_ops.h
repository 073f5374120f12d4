/* cpu_isa_ops.h: names of the ops inside files that are compiled once per instruction set. */
#ifndef KERNELS_CPU_CPU_ISA_OPS_H
#define KERNELS_CPU_CPU_ISA_OPS_H

#include "kernels/cpu/cpu_device.h"

#ifndef CPU_ISA
#    define CPU_ISA generic /* tools that look at one file alone */
#endif

#define CPU_JOIN2(a, b) a##_##b
#define CPU_JOIN(a, b)  CPU_JOIN2(a, b)
#define CPU_FN(name)    CPU_JOIN(cpu_##name, CPU_ISA) /* cpu_linear_avx2 */

#define X(op) mlm_status CPU_FN(op)(kn_queue * q, const kn_##op##_args *a);
KN_OP_LIST(X)
#undef X

#endif
