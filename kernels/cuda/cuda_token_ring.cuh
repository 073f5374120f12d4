/*
 * cuda_token_ring.cuh: how the weights of cuda_token.cu come into shared memory, 160 KB an SM ahead of what is multiplied.
 *
 * bf16: each warp that multiplies asks for its own slice of a tile (8 rows x 256 bytes), when a slot of its ring is free: 4 slots a warp.
 * int8: one more warp asks for whole rows of a tile (8 x 2560 bytes) by bulk copies into eight stages of all warps, at a pace
 * a little below what memory can give: words would wait behind all that was asked for before.  Each was slower for the other
 * (kernels/bench/NOTES.md, seventh round).
 */
#ifndef KERNELS_CUDA_TOKEN_RING_CUH
#define KERNELS_CUDA_TOKEN_RING_CUH

#include "kernels/cuda/cuda_gemv.cuh"
#include "kernels/cuda/cuda_token_slice.cuh"

template <int WT> struct token_ring;

/* ---- by those that multiply -------------------------------------------------------------------------- */

#define RING_BYTES 8192 /* of a warp */

/* A round: a tile of rows times the columns of a warp; how many are on their way. */
struct token_round {
    static constexpr int width = token_width<KN_BF16>::bytes, bytes = TILE_ROWS * width,
                         depth = RING_BYTES / bytes, chunks = width / 16, rows = WARP / chunks;
};

/*
 * What a warp asks for next; of all layers.  A layer has five parts: rows of b, c, dt; of z; of x; rows of out_proj, their columns up to
 * STREAMERS * SLICE; the columns behind those.
 */
struct token_cursor {
    const char *from;          /* of this lane, as are the rows left */
    int         part, n, left; /* part: of all layers; n: rows left of it */
    unsigned    step;          /* bytes from one copy of a lane to its next: `rows` rows */
};

__device__ __forceinline__ void begin_part(token_cursor &c, const token_params &p, const token_share &s,
                                           const token_layer *layer, int warp, int lane)
{
    typedef token_round round;
    int                 part = c.part % 5, r0 = lane / round::chunks, first = s.first_out;
    unsigned    column = (unsigned)(warp * round::width + lane % round::chunks * 16), pitch = p.out_bytes;
    const char *w = layer[c.part / 5].out_w;
    c.n           = s.n_outs;
    if (part < 3) {
        w     = layer[c.part / 5].in_w;
        pitch = p.in_bytes;
        first = part == 0 ? 2 * p.I + s.first_one : s.first_pair + (part == 2 ? p.I : 0);
        c.n   = part == 0 ? s.n_ones : s.n_pairs;
    } else if (part == 4) {
        column += STREAMERS * round::width;
    }
    c.from = w + (uint64_t)(unsigned)(first + r0) * pitch + column;
    c.left = column < pitch ? c.n - r0 : 0;
    c.step = round::rows * pitch;
    c.part++;
}

/* place: of this lane's copies in a slot. */
__device__ __forceinline__ void fetch(uint32_t slot, const uint32_t *place, token_cursor &c,
                                      const token_params &p, const token_share &s, const token_layer *layer,
                                      int warp, int lane, uint64_t policy)
{
    constexpr int n = TILE_ROWS / token_round::rows;
    if (c.n <= 0 && c.part < 5 * p.n_layers)
        begin_part(c, p, s, layer, warp, lane);
    if (c.n > 0) {
#pragma unroll
        for (int u = 0; u < n; u++) {
            asm volatile(
                "cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(slot + place[u]),
                "l"(c.from), "r"(u * token_round::rows < c.left ? 16 : 0), "l"(policy)
                : "memory");
            c.from += c.step;
        }
        c.n -= TILE_ROWS, c.left -= TILE_ROWS;
    }
    copy_async_commit();
}

template <> struct token_ring<KN_BF16> {
    static constexpr int bytes = STREAMERS * RING_BYTES;

    uint32_t     at; /* shared memory */
    int          k;
    uint64_t     policy;
    token_cursor c;
    uint32_t     place[TILE_ROWS / token_round::rows];

    static __device__ __forceinline__ void prepare(uint4 *, const token_params &)
    {
    }
    static __device__ __forceinline__ void produce(const uint4 *, const token_params &, const token_share &,
                                                   const token_layer *, int)
    {
    }

    __device__ __forceinline__ token_ring(const uint4 *shared, const token_params &p, const token_share &s,
                                          const token_layer *layer, int warp, int lane)
    {
        at     = (uint32_t)__cvta_generic_to_shared(shared) + (uint32_t)(warp * RING_BYTES);
        k      = 0;
        policy = stream_policy();
        c      = {NULL, 0, 0, 0, 0};
#pragma unroll
        for (int u = 0; u < TILE_ROWS / token_round::rows; u++) {
            int r = u * token_round::rows + lane / token_round::chunks, part = lane % token_round::chunks;
            place[u] = (uint32_t)(r * token_round::width + ((part ^ r) << 4));
        }
#pragma unroll 1
        for (int i = 0; i < token_round::depth; i++)
            fetch(at + (uint32_t)(i * token_round::bytes), place, c, p, s, layer, warp, lane, policy);
    }
    /* This warp's part of the next tile; its slot is filled again at once. */
    __device__ __forceinline__ void take(uint32_t (*b)[4], const token_params &p, const token_share &s,
                                         const token_layer *layer, int warp, int lane)
    {
        uint32_t mine = (uint32_t)(lane % 8 * token_round::width + ((lane / 8 ^ lane % 8) << 4));
        uint32_t slot = at + (uint32_t)(k * token_round::bytes);
        copy_async_wait<token_round::depth - 1>();
        __syncwarp();
#pragma unroll
        for (int q = 0; q < token_width<KN_BF16>::quads; q++)
            ldmatrix4_at(b[q], (slot + mine) ^ (uint32_t)(q * 64));
        __syncwarp();
        fetch(slot, place, c, p, s, layer, warp, lane, policy);
        k = k == token_round::depth - 1 ? 0 : k + 1;
    }
    __device__ __forceinline__ void leave(int)
    {
    }
};

/* ---- by a warp of its own ---------------------------------------------------------------------------- */

#define N_STAGES    8
#define STAGE_WIDTH (STREAMERS * SLICE) /* bytes of a row */
#define STAGE_PITCH (STAGE_WIDTH + 16)  /* rows meet all banks */
#define STAGE_BYTES (TILE_ROWS * STAGE_PITCH)
#define TOKEN_LATE  400 /* ns that a late row may be made up for */

__device__ __forceinline__ void stage_init(uint32_t barrier, int arrivals)
{
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void stage_arrive(uint32_t barrier)
{
    asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ __forceinline__ void stage_expect(uint32_t barrier, unsigned bytes)
{
#if __CUDA_ARCH__ >= 900
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
#endif
}
/* Nothing is counted here: words that do not come end the launch. */
__device__ __forceinline__ void stage_wait(uint32_t barrier, unsigned parity)
{
#if __CUDA_ARCH__ >= 900
    unsigned done;
    do {
        asm volatile("{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.shared.b64 p, [%1], %2;\n\tselp.u32 %0, "
                     "1, 0, p;\n\t}"
                     : "=r"(done)
                     : "r"(barrier), "r"(parity)
                     : "memory");
    } while (!done);
#endif
}
__device__ __forceinline__ void copy_bulk(uint32_t to, const char *from, unsigned bytes, uint32_t barrier,
                                          uint64_t policy)
{
#if __CUDA_ARCH__ >= 900
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], "
        "%2, [%3], %4;" ::"r"(to),
        "l"(from), "r"(bytes), "r"(barrier), "l"(policy)
        : "memory");
#endif
}
__device__ __forceinline__ unsigned time_now() /* 1/16 ns */
{
    unsigned t;
    asm volatile("mov.u32 %0, %%globaltimer_lo;" : "=r"(t)::"memory");
    return t << 4;
}

/* Until it is time for the next row; returns the time of the one behind it, which is at most one pace away, whatever clocks do. */
__device__ __forceinline__ unsigned keep_pace(unsigned when, unsigned pace)
{
    unsigned now = time_now();
    while (when - now - 1 < pace)
        now = time_now();
    return (now - when > 16 * TOKEN_LATE ? now - 16 * TOKEN_LATE : when) + pace;
}

template <> struct token_ring<KN_I8> {
    static constexpr int bytes = N_STAGES * STAGE_BYTES + 2 * N_STAGES * (int)sizeof(uint64_t);

    uint32_t at, full, empty; /* shared memory: stages, barriers */
    unsigned next;            /* stage, of all */

    __device__ __forceinline__ token_ring(const uint4 *shared)
    {
        at    = (uint32_t)__cvta_generic_to_shared(shared);
        full  = at + N_STAGES * STAGE_BYTES;
        empty = full + N_STAGES * (uint32_t)sizeof(uint64_t);
        next  = 0;
    }
    __device__ __forceinline__ token_ring(const uint4 *shared, const token_params &, const token_share &,
                                          const token_layer *, int, int)
        : token_ring(shared)
    {
    }
    /* By all threads, in front of a barrier.  What no weights will be copied to is multiplied by zeros: any bytes do, in integers. */
    static __device__ __forceinline__ void prepare(uint4 *shared, const token_params &)
    {
        token_ring ring(shared);
        if (threadIdx.x < N_STAGES) {
            stage_init(ring.full + threadIdx.x * 8, 1);
            stage_init(ring.empty + threadIdx.x * 8, STREAMERS);
        }
#if __CUDA_ARCH__ >= 900
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
        before_bulk();
    }
    /* By one warp: the rows of a tile, each at its time. */
    __device__ __forceinline__ void ask(const char *from, int rows, unsigned pitch, unsigned width,
                                        unsigned &when, unsigned pace, int lane, uint64_t policy)
    {
        unsigned slot = next % N_STAGES;
        uint32_t to = at + slot * STAGE_BYTES, barrier = full + slot * 8;
        if (next >= N_STAGES)
            stage_wait(empty + slot * 8, (next / N_STAGES - 1) & 1);
        if (lane == 0)
            stage_expect(barrier, (unsigned)rows * width);
#pragma unroll 1
        for (int r = 0; r < rows; r++) {
            when = keep_pace(when, pace);
            if (lane == 0)
                copy_bulk(to, from, width, barrier, policy);
            to += STAGE_PITCH, from += pitch;
        }
        __syncwarp();
        next++;
    }
    /* ... all of the block's share, of all layers. */
    static __device__ __forceinline__ void produce(const uint4 *shared, const token_params &p,
                                                   const token_share &s, const token_layer *layer, int lane)
    {
        token_ring ring(shared);
        uint64_t   policy = stream_policy();
        unsigned   when   = time_now();
#pragma unroll 1
        for (int i = 0; i < 5 * p.n_layers; i++) {
            int         part  = i % 5; /* as in token_cursor */
            const char *w     = part < 3 ? layer[i / 5].in_w : layer[i / 5].out_w;
            unsigned    pitch = part < 3 ? p.in_bytes : p.out_bytes, column = part == 4 ? STAGE_WIDTH : 0;
            unsigned    width = column < pitch ? min((unsigned)STAGE_WIDTH, pitch - column) : 0u;
            int         first = part == 0   ? 2 * p.I + s.first_one
                                : part == 1 ? s.first_pair
                                : part == 2 ? p.I + s.first_pair
                                            : s.first_out;
            int         n     = part == 0 ? s.n_ones : part < 3 ? s.n_pairs : s.n_outs;
            int         tiles = part == 0 ? 1 : count_tiles(n);
#pragma unroll 1
            for (int t = 0; t < tiles; t++) {
                int rows = width > 0 ? max(min(TILE_ROWS, n - t * TILE_ROWS), 0) : 0;
                ring.ask(w + (uint64_t)(unsigned)(first + t * TILE_ROWS) * pitch + column, rows, pitch, width,
                         when, p.pace, lane, policy);
            }
        }
    }
    /* This warp's part of the next tile. */
    __device__ __forceinline__ void take(uint32_t (*b)[4], const token_params &, const token_share &,
                                         const token_layer *, int warp, int lane)
    {
        unsigned slot = next % N_STAGES;
        uint32_t from =
            at + slot * STAGE_BYTES + (uint32_t)(lane % 8 * STAGE_PITCH + warp * SLICE + lane / 8 * 16);
        stage_wait(full + slot * 8, next / N_STAGES & 1);
#pragma unroll
        for (int q = 0; q < token_width<KN_I8>::quads; q++)
            ldmatrix4_at(b[q], from + (uint32_t)(q * 64));
    }
    /* It has been multiplied: the stage may be filled again when all warps say so. */
    __device__ __forceinline__ void leave(int lane)
    {
        __syncwarp();
        if (lane == 0)
            stage_arrive(empty + next % N_STAGES * 8);
        next++;
    }
};

#endif
