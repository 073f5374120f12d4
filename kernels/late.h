/*
 * late.h: states that are written late.  A step reads a row's state and writes it, and in batches that is most of what memory
 * does.  With step.late, [B,W] f32, it may leave `state` as it is and note in late what it would have done to it; the next steps do that
 * again first, and the one that finds late full writes the state.  All numbers have the bits of states that are
 * written every time.  W is kn_late_width() of how many tokens may be put off; zeros: nothing is.  Rows lie one behind the other, on 16 bytes.
 * kn_can_write_late: whether the device can, for these shapes; where it cannot, a step with late fails.
 * kn_settle: state [L,B,H,P,N], late [L,B,W], rows as far apart as they like: does what was put off; with drop forgets it, and state is
 * not touched.  Needed in front of everything else that reads or writes states.
 */
#ifndef KERNELS_LATE_H
#define KERNELS_LATE_H

#include "kernels/kernels.h"

typedef struct kn_settle_args {
    kn_tensor state, late;
    bool      drop;
} kn_settle_args;
#define KN_LATE_MOST 3  /* tokens */
#define KN_LATE_HEAD 16 /* in front of them: how many there are */
/* Of a token: dt x [H,P], b [N], exp(dt a) [H]. */
static inline int64_t kn_late_token(int64_t H, int64_t P, int64_t N)
{
    return H * P + N + (H + 3) / 4 * 4;
}
static inline int64_t kn_late_width(int most, int64_t H, int64_t P, int64_t N)
{
    return KN_LATE_HEAD + most * kn_late_token(H, P, N);
}
bool       kn_can_write_late(const kn_device *dev, int64_t H, int64_t P, int64_t N);
mlm_status kn_settle(kn_queue *q, const kn_settle_args *a) MLM_WARN_UNUSED;

#endif
