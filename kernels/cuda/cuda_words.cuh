/*
 * cuda_words.cuh: what blocks of one launch tell each other through global memory (cuda_project_step.cu, cuda_token.cu): words of a
 * number and a value, which a reader knows by the number; the number of a launch; single floats on their way to shared memory.
 */
#ifndef KERNELS_CUDA_WORDS_CUH
#define KERNELS_CUDA_WORDS_CUH

#include "kernels/cuda/cuda_math.cuh"

__device__ __forceinline__ void put_word(unsigned long long *at, unsigned launch, float v)
{
    unsigned long long word = (unsigned long long)launch << 32 | __float_as_uint(v);
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(at), "l"(word) : "memory");
}

/* The number of this launch, by one thread a block; the last block that has read it counts on. */
__device__ __forceinline__ unsigned count_launch(unsigned *count)
{
    unsigned before, *ticket = count + 1;
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(before) : "l"(count) : "memory");
    __threadfence();
    if (atomicInc(ticket, gridDim.x - 1) == gridDim.x - 1)
        asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(count), "r"(before + 1) : "memory");
    return before + 1;
}

/* Zero without a source. */
__device__ __forceinline__ void copy_float(float *to, const float *from)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
                 "l"(from), "r"(from ? 4 : 0)
                 : "memory");
}

#endif
