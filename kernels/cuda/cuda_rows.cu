/* cuda_rows.cu: ops that move or map rows: copy, take_rows, embed, swiglu, patchify. */
#include "kernels/cuda/cuda_math.cuh"

#define ROW_THREADS 256

/* Blocks for n rows of `width` elements, four elements a thread. */
static dim3 grid_of(int64_t n_rows, int64_t width)
{
    return dim3((unsigned)n_rows, cuda_blocks(width, ROW_THREADS * 4));
}

__device__ __forceinline__ int column()
{
    return (int)(blockIdx.y * ROW_THREADS + threadIdx.x) * 4;
}

/* ---- copy, take_rows ----------------------------------------------------------------------------- */

/* With x_repeats, x is one [T,D] for every batch row of y. */
__global__ void __launch_bounds__(ROW_THREADS) copy_kernel(cuda_rows x, cuda_rows y, bool x_repeats)
{
    cuda_begin();
    int64_t row = blockIdx.x, b = row / y.n_rows, t = row - b * y.n_rows;
    int     i = column();
    if (i < x.width)
        store4(row_at(y, b, t), y.dtype, y.vec, i, x.width,
               load4(row_at(x, x_repeats ? 0 : b, t), x.dtype, x.vec && x.dtype != KN_F16, i, x.width));
}

mlm_status cuda_copy(kn_queue *q, const kn_copy_args *a)
{
    return cuda_launch(q, "copy", copy_kernel, grid_of(cuda_count_rows(a->y), a->y.dim[a->y.rank - 1]),
                       dim3(ROW_THREADS), 0, cuda_rows_of(a->x), cuda_rows_of(a->y),
                       a->x.rank == 2 && a->y.rank == 3);
}

__global__ void __launch_bounds__(ROW_THREADS)
    take_rows_kernel(cuda_rows x, const int *__restrict__ index, cuda_rows y)
{
    cuda_begin();
    int64_t b = blockIdx.x;
    int     t = min(max(index[b], 0), x.n_rows - 1), i = column();
    if (i < x.width)
        store4(row_at(y, 0, b), y.dtype, y.vec, i, x.width,
               load4(row_at(x, b, t), x.dtype, x.vec, i, x.width));
}

mlm_status cuda_take_rows(kn_queue *q, const kn_take_rows_args *a)
{
    return cuda_launch(q, "take_rows", take_rows_kernel, grid_of(a->x.dim[0], a->x.dim[2]), dim3(ROW_THREADS),
                       0, cuda_rows_of(a->x), (const int *)kn_data(a->index), cuda_rows_of(a->y));
}

/* ---- embed --------------------------------------------------------------------------------------- */

struct embed_table {
    const char  *data;
    const float *scale;
    int64_t      pitch, n_rows;
    int          dtype;
};

__global__ void __launch_bounds__(ROW_THREADS)
    embed_kernel(const int *__restrict__ ids, embed_table w, cuda_rows y)
{
    cuda_begin();
    int64_t id = ids[blockIdx.x];
    int     i  = column();
    if (i >= y.width)
        return;
    float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (id >= 0 && id < w.n_rows && w.dtype == KN_I8) {
        char4 e = *(const char4 *)(w.data + id * w.pitch + i); /* rows end in zeros up to 16 bytes */
        float s = w.scale[id];
        v       = make_float4((float)e.x * s, (float)e.y * s, (float)e.z * s, (float)e.w * s);
    } else if (id >= 0 && id < w.n_rows) {
        v = load4(w.data + id * w.pitch * (w.dtype == KN_F32 ? 4 : 2), w.dtype, w.dtype != KN_F16, i,
                  y.width);
    }
    store4(row_at(y, (int64_t)blockIdx.x), y.dtype, y.vec, i, y.width, v);
}

mlm_status cuda_embed(kn_queue *q, const kn_embed_args *a)
{
    const cuda_matrix *m = cuda_of(a->table);
    embed_table        w = {(const char *)m->data, m->scale, m->pitch, a->table->out, (int)a->table->dtype};
    return cuda_launch(q, "embed", embed_kernel, grid_of(cuda_count_rows(a->y), a->table->in),
                       dim3(ROW_THREADS), 0, (const int *)kn_data(a->ids), w, cuda_rows_of(a->y));
}

/* ---- swiglu -------------------------------------------------------------------------------------- */

__global__ void __launch_bounds__(ROW_THREADS) swiglu_kernel(cuda_rows gate, cuda_rows up, cuda_rows y)
{
    cuda_begin();
    int64_t row = blockIdx.x;
    int     i = column(), F = y.width;
    if (i >= F)
        return;
    float4 g = load4(row_at(gate, row), gate.dtype, gate.vec, i, F),
           u = load4(row_at(up, row), up.dtype, up.vec, i, F);
    store4(row_at(y, row), y.dtype, y.vec, i, F,
           make_float4(silu(g.x) * u.x, silu(g.y) * u.y, silu(g.z) * u.z, silu(g.w) * u.w));
}

#define SWIGLU_VECTORS 4 /* of 8 elements in a thread */

/* The same for aligned rows of bf16; n_vec: vectors of 8 elements in all rows of y. */
__global__ void __launch_bounds__(ROW_THREADS)
    swiglu_wide_kernel(cuda_rows gate, cuda_rows up, cuda_rows y, int n_vec)
{
    cuda_begin();
    int   per_row = y.width / 8, first = (int)blockIdx.x * ROW_THREADS * SWIGLU_VECTORS + (int)threadIdx.x;
    char *to[SWIGLU_VECTORS];
    octet<false> g[SWIGLU_VECTORS], u[SWIGLU_VECTORS];
#pragma unroll
    for (int k = 0; k < SWIGLU_VECTORS; k++) {
        int i = min(first + k * ROW_THREADS, n_vec - 1), row = i / per_row, c = (i - row * per_row) * 8;
        to[k] = row_of(y, row) + 2 * c;
        g[k].load(row_of(gate, row), c);
        u[k].load(row_of(up, row), c);
    }
#pragma unroll
    for (int k = 0; k < SWIGLU_VECTORS; k++) {
        float a[8], b[8];
        g[k].unpack(a);
        u[k].unpack(b);
#pragma unroll
        for (int e = 0; e < 8; e++)
            a[e] = silu_fast(a[e]) * b[e];
        if (first + k * ROW_THREADS < n_vec)
            store8(to[k], KN_BF16, 0, a);
    }
}

static bool wide_rows(const cuda_rows &v)
{
    return v.dtype == KN_BF16 && (uintptr_t)v.data % 16 == 0 && v.row_stride % 8 == 0 &&
           v.batch_stride % 8 == 0;
}

mlm_status cuda_swiglu(kn_queue *q, const kn_swiglu_args *a)
{
    cuda_rows gate = cuda_rows_of(a->gate), up = cuda_rows_of(a->up), y = cuda_rows_of(a->y);
    int64_t   n_vec = cuda_count_rows(a->y) * (y.width / 8);
    if (y.width % 8 == 0 && n_vec < (int64_t)1 << 30 && wide_rows(gate) && wide_rows(up) && wide_rows(y))
        return cuda_launch(q, "swiglu", swiglu_wide_kernel,
                           dim3(cuda_blocks(n_vec, ROW_THREADS * SWIGLU_VECTORS)), dim3(ROW_THREADS), 0, gate,
                           up, y, (int)n_vec);
    return cuda_launch(q, "swiglu", swiglu_kernel, grid_of(cuda_count_rows(a->y), y.width), dim3(ROW_THREADS),
                       0, gate, up, y);
}

/* ---- patchify ------------------------------------------------------------------------------------ */

/* Block y covers one patch; stride[0..2] of the pixels are batch, channel, row. */
__global__ void __launch_bounds__(ROW_THREADS)
    patchify_kernel(const float *__restrict__ pixels, int64_t s_batch, int64_t s_channel, int64_t s_row,
                    int n, int p, cuda_rows y)
{
    cuda_begin();
    int64_t b = blockIdx.x / (unsigned)(n * n);
    int     t = (int)(blockIdx.x % (unsigned)(n * n)), top = t / n * p, left = t % n * p;
    char   *yr = row_at(y, b, t);
    for (int i = (int)(blockIdx.y * ROW_THREADS + threadIdx.x); i < y.width;
         i += (int)(gridDim.y * ROW_THREADS)) {
        int c = i / (p * p), r = i / p % p, k = i % p;
        store1(yr, y.dtype, i, pixels[b * s_batch + c * s_channel + (top + r) * s_row + left + k]);
    }
}

struct byte_pixels {
    const unsigned char *data; /* [B,S,S,3], a picture s_batch behind the other, a row s_row */
    int64_t              s_batch, s_row;
    const float         *table; /* [3,257] */
    const int           *place; /* [B,4] */
    int64_t              s_place;
};

/* The same from bytes: what is around the picture is entry 256 of the table. */
__global__ void __launch_bounds__(ROW_THREADS) patchify_bytes_kernel(byte_pixels x, int n, int p, cuda_rows y)
{
    cuda_begin();
    int64_t    b = blockIdx.x / (unsigned)(n * n);
    int        t = (int)(blockIdx.x % (unsigned)(n * n)), top = t / n * p, left = t % n * p;
    char      *yr    = row_at(y, b, t);
    const int *place = x.place + b * x.s_place;
    int        x0 = place[0], y0 = place[1], x1 = place[2], y1 = place[3];
    for (int i = (int)(blockIdx.y * ROW_THREADS + threadIdx.x); i < y.width;
         i += (int)(gridDim.y * ROW_THREADS)) {
        int  c = i / (p * p), row = top + i / p % p, col = left + i % p;
        bool in = col >= x0 && row >= y0 && col < x1 && row < y1;
        int  v  = in ? x.data[b * x.s_batch + row * x.s_row + col * 3 + c] : 256;
        store1(yr, y.dtype, i, x.table[c * 257 + v]);
    }
}

static mlm_status patchify_bytes(kn_queue *q, const kn_patchify_args *a)
{
    int64_t     n = a->pixels.dim[2] / a->patch;
    byte_pixels x = {(const unsigned char *)kn_data(a->pixels),
                     a->pixels.stride[0],
                     a->pixels.stride[1],
                     (const float *)kn_data(a->table),
                     (const int *)kn_data(a->place),
                     a->place.stride[0]};
    return cuda_launch(q, "patchify", patchify_bytes_kernel, grid_of(a->pixels.dim[0] * n * n, a->y.dim[2]),
                       dim3(ROW_THREADS), 0, x, (int)n, a->patch, cuda_rows_of(a->y));
}

mlm_status cuda_patchify(kn_queue *q, const kn_patchify_args *a)
{
    if (a->pixels.dtype == KN_U8)
        return patchify_bytes(q, a);
    int64_t n = a->pixels.dim[2] / a->patch;
    return cuda_launch(q, "patchify", patchify_kernel, grid_of(a->pixels.dim[0] * n * n, a->y.dim[2]),
                       dim3(ROW_THREADS), 0, (const float *)kn_data(a->pixels), a->pixels.stride[0],
                       a->pixels.stride[1], a->pixels.stride[2], (int)n, a->patch, cuda_rows_of(a->y));
}
