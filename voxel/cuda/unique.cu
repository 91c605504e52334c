/* voxel/cuda/unique.cu - see unique.h.
 *
 * Two launches over blocks of 1024 keys: the first counts the runs that begin in each block, the second sums
 * the counts of the blocks before its own (some hundred numbers, so that no scan of its own is needed), ranks
 * its keys by a scan within the block and writes where runs begin.
 *
 * Bytes: 8 per key read, 4 per key and run written. Limited by launch latency below a million keys. sm_90: 18
 * and 30 registers, 64 bytes of shared memory. */
#include "voxel/cuda/unique.h"
#include "voxel/cuda/scan.cuh"

#define KEYS 1024 /* of a block, 4 per thread */
#define EACH (KEYS / GLINT_SCAN_THREADS)

static __device__ inline int32_t clamped(const int32_t *n, int32_t most)
{
    return *n < most ? *n : most;
}

/* Which of a thread's keys begin a run, as bits; how many as the result. */
static __device__ inline int32_t find_heads(const uint32_t *key, int32_t first, int32_t n, uint32_t *bits_out)
{
    uint32_t bits = 0;
    for (int32_t k = 0; k < EACH; k++) {
        const int32_t i = first + k;
        if (i < n && (i == 0 || key[i] != key[i - 1]))
            bits |= 1u << k;
    }
    *bits_out = bits;
    return (int32_t)__popc(bits);
}

static __global__ void __launch_bounds__(GLINT_SCAN_THREADS)
    count_runs(const uint32_t *key, const int32_t *count, int32_t most, int32_t *block)
{
    __shared__ int32_t shared[GLINT_SCAN_WARPS];
    const int32_t first = (int32_t)(blockIdx.x * KEYS + threadIdx.x * EACH);
    uint32_t bits;
    int32_t total;
    (void)glint_scan_block(find_heads(key, first, clamped(count, most), &bits), shared, &total);
    if (threadIdx.x == 0)
        block[blockIdx.x] = total;
}

static __global__ void __launch_bounds__(GLINT_SCAN_THREADS)
    place_runs(const uint32_t *key, const int32_t *count, int32_t most, const int32_t *block, int32_t cap,
               int32_t *start, int32_t *run_of, int32_t *n_runs)
{
    __shared__ int32_t shared[GLINT_SCAN_WARPS], before_shared[GLINT_SCAN_WARPS];
    const int32_t n = clamped(count, most);
    const int32_t first = (int32_t)(blockIdx.x * KEYS + threadIdx.x * EACH);
    uint32_t bits;
    int32_t total;
    int32_t run = glint_sum_block(block, (int32_t)blockIdx.x, before_shared);
    run += glint_scan_block(find_heads(key, first, n, &bits), shared, &total) - 1;
    for (int32_t k = 0; k < EACH && first + k < n; k++) {
        const int32_t i = first + k;
        run += (int32_t)(bits >> k & 1);
        if ((bits >> k & 1) && run <= cap)
            start[run] = i;
        if (run_of)
            run_of[i] = run;
        if (i == n - 1) {
            *n_runs = run < cap ? run + 1 : cap;
            if (run < cap)
                start[run + 1] = n;
        }
    }
    if (n <= 0 && blockIdx.x == 0 && threadIdx.x == 0)
        start[0] = *n_runs = 0;
}

static int32_t block_count(int32_t most)
{
    return most > 0 ? (most + KEYS - 1) / KEYS : 1;
}

size_t glint_unique_cuda_bytes(int32_t most)
{
    return ((size_t)block_count(most) * sizeof(int32_t) + 255) / 256 * 256;
}

int glint_unique_cuda(struct glint_stream *s, const uint32_t *key, const int32_t *n, int32_t most,
                      int32_t cap, int32_t *start_out, int32_t *run_out, int32_t *n_runs_out, void *scratch)
{
    const int32_t blocks = block_count(most);
    int32_t *block = (int32_t *)scratch;
    GLINT_TRY(GLINT_LAUNCH(count_runs, blocks, GLINT_SCAN_THREADS, 0, s, key, n, most, block));
    GLINT_TRY(GLINT_LAUNCH(place_runs, blocks, GLINT_SCAN_THREADS, 0, s, key, n, most, block, cap, start_out,
                           run_out, n_runs_out));
    return GLINT_OK;
}
