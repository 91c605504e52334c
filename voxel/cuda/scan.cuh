/* voxel/cuda/scan.cuh - sums over a block of threads. */
#ifndef GLINT_VOXEL_CUDA_SCAN_CUH
#define GLINT_VOXEL_CUDA_SCAN_CUH
#include "core/cuda/kernel.h"
#include <stdint.h>

#define GLINT_SCAN_THREADS 256 /* of every block that uses this */
#define GLINT_SCAN_WARPS   (GLINT_SCAN_THREADS / 32)

/* The sum of the values of all threads before this one; *total_out: of all threads. Every thread of the block
 * takes part; shared: GLINT_SCAN_WARPS values, free again after the block's next barrier. */
static __device__ inline int32_t glint_scan_block(int32_t value, int32_t *shared, int32_t *total_out)
{
    const int lane = (int)(threadIdx.x % 32), warp = (int)(threadIdx.x / 32);
    int32_t sum = value;
    for (int step = 1; step < 32; step *= 2) {
        const int32_t below = __shfl_up_sync(0xffffffffu, sum, (unsigned)step);
        sum += lane >= step ? below : 0;
    }
    if (lane == 31)
        shared[warp] = sum;
    __syncthreads();
    int32_t before = 0, total = 0;
    for (int w = 0; w < GLINT_SCAN_WARPS; w++) {
        before += w < warp ? shared[w] : 0;
        total += shared[w];
    }
    *total_out = total;
    return before + sum - value;
}

/* The sum of n values in memory, to every thread of the block; shared as above. */
static __device__ inline int32_t glint_sum_block(const int32_t *values, int32_t n, int32_t *shared)
{
    int32_t sum = 0, total;
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += GLINT_SCAN_THREADS)
        sum += values[i];
    (void)glint_scan_block(sum, shared, &total);
    return total;
}
#endif
