#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/ref/ref_ops.h"
mlm_status CPU_FN(attention)(kn_queue *q, const kn_attention_args *a)
{
    return ref_attention(q, a);
}
