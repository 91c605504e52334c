/* model/cuda/select.cuh - the k least of n different 64-bit keys, in ascending order, by one block.
 *
 * Which keys are the least is found byte by byte from the top (a histogram of those that still count); it
 * ends as soon as a byte's boundary falls between keys. Up to RANKED are then put at their rank, the number
 * of lesser ones; more by a bitonic network in memory. A key is a score's bits, turned over, above its place,
 * so that the order is total and nothing depends on the order in which the keys were found. */
#ifndef GLINT_MODEL_CUDA_SELECT_CUH
#define GLINT_MODEL_CUDA_SELECT_CUH
#include "core/cuda/kernel.h"

#define SELECT_THREADS 1024
#define SELECT_RANKED  2048

struct select_shared {
    uint64_t keys[SELECT_RANKED];
    int32_t histogram[256];
    int32_t bin, left, n;
    bool ends; /* a byte's boundary is the bound */
};

/* Scores are not negative: their bits ascend with them. */
static __device__ __forceinline__ uint64_t key_of(float score, uint32_t place)
{
    return (uint64_t)~__float_as_uint(score) << 32 | place;
}
static __device__ __forceinline__ float score_of(uint64_t key)
{
    return __uint_as_float(~(unsigned)(key >> 32));
}

/* Room for the chosen keys: what a bitonic network needs. */
static inline size_t select_cap(int32_t k)
{
    size_t cap = 1;
    while (cap < (size_t)k)
        cap *= 2;
    return cap;
}

static __device__ inline void select_count(const uint64_t *keys, int32_t n, uint64_t prefix, uint64_t mask,
                                           int32_t shift, struct select_shared &s)
{
    for (int32_t i = (int32_t)threadIdx.x; i < 256; i += SELECT_THREADS)
        s.histogram[i] = 0;
    __syncthreads();
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += SELECT_THREADS)
        if ((keys[i] & mask) == prefix)
            atomicAdd(&s.histogram[keys[i] >> shift & 255], 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        int32_t bin = 0;
        for (; s.histogram[bin] < s.left; bin++)
            s.left -= s.histogram[bin];
        s.bin = bin;
        s.ends = s.histogram[bin] == s.left;
    }
    __syncthreads();
}

/* The keys whose upper bytes are at most prefix's are the k least. */
static __device__ inline void select_bound(const uint64_t *keys, int32_t n, int32_t k,
                                           struct select_shared &s, uint64_t *prefix_out, uint64_t *mask_out)
{
    uint64_t prefix = 0, mask = 0;
    if (threadIdx.x == 0)
        s.left = k;
    __syncthreads();
    for (int32_t shift = 56; shift >= 0; shift -= 8) {
        select_count(keys, n, prefix, mask, shift, s);
        prefix |= (uint64_t)s.bin << shift;
        mask |= UINT64_C(255) << shift;
        if (s.ends)
            break;
    }
    *prefix_out = prefix;
    *mask_out = mask;
}

static __device__ inline void select_rank(uint64_t *keys, int32_t n, struct select_shared &s)
{
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += SELECT_THREADS)
        s.keys[i] = keys[i];
    __syncthreads();
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += SELECT_THREADS) {
        int32_t rank = 0;
        for (int32_t j = 0; j < n; j++)
            rank += s.keys[j] < s.keys[i];
        keys[rank] = s.keys[i];
    }
    __syncthreads();
}

static __device__ inline void select_bitonic(uint64_t *keys, int32_t n)
{
    int32_t all = 1;
    while (all < n)
        all *= 2;
    for (int32_t i = n + (int32_t)threadIdx.x; i < all; i += SELECT_THREADS)
        keys[i] = ~UINT64_C(0);
    __syncthreads();
    for (int32_t size = 2; size <= all; size *= 2)
        for (int32_t step = size / 2; step > 0; step /= 2) {
            for (int32_t i = (int32_t)threadIdx.x; i < all; i += SELECT_THREADS) {
                const int32_t j = i ^ step;
                const uint64_t a = keys[i], b = j > i ? keys[j] : 0;
                if (j > i && (a > b) == ((i & size) == 0)) {
                    keys[i] = b;
                    keys[j] = a;
                }
            }
            __syncthreads();
        }
}

/* Writes min(n, k) keys to chosen (room for select_cap(k)) and returns their number to every thread. */
static __device__ inline int32_t select_least(const uint64_t *keys, int32_t n, int32_t k, uint64_t *chosen,
                                              struct select_shared &s)
{
    uint64_t prefix = ~UINT64_C(0), mask = ~UINT64_C(0);
    if (n > k)
        select_bound(keys, n, k, s, &prefix, &mask);
    if (threadIdx.x == 0)
        s.n = 0;
    __syncthreads();
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += SELECT_THREADS)
        if ((keys[i] & mask) <= prefix) {
            const int32_t at = atomicAdd(&s.n, 1);
            if (at < k)
                chosen[at] = keys[i];
        }
    __syncthreads();
    const int32_t m = min(s.n, k);
    if (m <= SELECT_RANKED)
        select_rank(chosen, m, s);
    else
        select_bitonic(chosen, m);
    return m;
}
#endif
