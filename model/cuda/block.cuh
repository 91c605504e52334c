/* model/cuda/block.cuh - sums over a block of THREADS threads, all of which take part. */
#ifndef GLINT_MODEL_CUDA_BLOCK_CUH
#define GLINT_MODEL_CUDA_BLOCK_CUH
#include "core/cuda/kernel.h"

/* The sum of the values of all threads before this one; *total_out: of all. */
template <int32_t THREADS>
static __device__ __forceinline__ int32_t scan_block(int32_t value, int32_t *total_out)
{
    __shared__ int32_t sums[THREADS / 32];
    const int32_t lane = (int32_t)threadIdx.x % 32, warp = (int32_t)threadIdx.x / 32;
    int32_t sum = value;
    for (int32_t d = 1; d < 32; d *= 2) {
        const int32_t below = __shfl_up_sync(0xffffffffu, sum, (unsigned)d);
        sum += lane >= d ? below : 0;
    }
    if (lane == 31)
        sums[warp] = sum;
    __syncthreads();
    int32_t before = 0, total = 0;
    for (int32_t w = 0; w < THREADS / 32; w++) {
        before += w < warp ? sums[w] : 0;
        total += sums[w];
    }
    __syncthreads();
    *total_out = total;
    return before + sum - value;
}
#endif
