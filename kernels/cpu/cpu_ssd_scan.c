#include "kernels/cpu/cpu_isa_ops.h"
#include "kernels/ref/ref_ops.h"
mlm_status CPU_FN(ssd_scan)(kn_queue *q, const kn_ssd_scan_args *a)
{
    return ref_ssd_scan(q, a);
}
