/*
 * cuda_settle.cu: does to states what steps have put off (kn_settle), with the bits of those steps.
 */
#include "kernels/cuda/cuda_step.cuh"

#define SETTLE_WARPS  4
#define SETTLE_BLOCKS 20 /* of a row and layer */

struct settle_params {
    void   *state; /* f32 or bf16 */
    float  *late;
    int64_t state_layer, state_row, late_layer, late_row;
    int     H, P, N, token; /* floats of one that was put off */
};

template <bool BF16> __global__ void __launch_bounds__(SETTLE_WARPS *WARP) settle_kernel(settle_params p)
{
    typedef typename state4<BF16>::stored stored;
    int     lane = threadIdx.x % WARP, warp = (int)(blockIdx.x * SETTLE_WARPS + threadIdx.x / WARP);
    int64_t row = blockIdx.y, layer = blockIdx.z;
    cuda_begin();
    const float *late = p.late + layer * p.late_layer + row * p.late_row;
    int          n    = min((int)late[0], KN_LATE_MOST);
    stored      *S    = (stored *)p.state + (layer * p.state_layer + row * p.state_row) / 4;
    if (n < 1 || lane * 4 >= p.N)
        return;
    for (int i = warp; i < p.H * p.P; i += SETTLE_BLOCKS * SETTLE_WARPS) {
        stored s = S[(int64_t)i * (p.N / 4) + lane];
        for (int t = 0; t < n; t++) {
            const float *token = late + KN_LATE_HEAD + t * p.token;
            float4       b     = *(const float4 *)(token + p.H * p.P + lane * 4);
            s                  = state4<BF16>::pack(
                                 step_state(state4<BF16>::unpack(s), token[p.H * p.P + p.N + i / p.P], token[i], b));
        }
        S[(int64_t)i * (p.N / 4) + lane] = s;
    }
}

/* Behind it: blocks of one row must all have read how many tokens there are. */
__global__ void forget_kernel(float *late, int64_t layer, int64_t row, int n_rows)
{
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    cuda_begin();
    if (i < n_rows)
        late[blockIdx.y * layer + i * row] = 0.0f;
}

mlm_status cuda_settle(kn_queue *q, const kn_settle_args *a)
{
    int64_t       L = a->late.dim[0], B = a->late.dim[1];
    settle_params p = {};
    p.state         = kn_data(a->state);
    p.late          = (float *)kn_data(a->late);
    p.state_layer   = a->state.stride[0];
    p.state_row     = a->state.stride[1];
    p.late_layer    = a->late.stride[0];
    p.late_row      = a->late.stride[1];
    p.H             = (int)a->state.dim[2];
    p.P             = (int)a->state.dim[3];
    p.N             = (int)a->state.dim[4];
    p.token         = (int)kn_late_token(p.H, p.P, p.N);
    if (!a->drop)
        MLM_TRY(cuda_launch(q, "settle",
                            a->state.dtype == KN_BF16 ? settle_kernel<true> : settle_kernel<false>,
                            dim3(SETTLE_BLOCKS, (unsigned)B, (unsigned)L), dim3(SETTLE_WARPS * WARP), 0, p));
    return cuda_launch(q, "settle", forget_kernel, dim3(cuda_blocks(B, 64), (unsigned)L), dim3(64), 0, p.late,
                       p.late_layer, p.late_row, (int)B);
}
