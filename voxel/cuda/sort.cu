/* voxel/cuda/sort.cu - see sort.h. */
#include "voxel/cuda/sort.h"
#include "core/cuda/kernel.h"
#if GLINT_CUDA_EMULATED
#include <algorithm>
#include <numeric>
#include <vector>
#else
#include <cub/device/device_radix_sort.cuh>
#endif

#if GLINT_CUDA_EMULATED
/* One block of one thread, so that the sort runs in the stream's order and is part of a graph. */
static __global__ void sort_pairs(const uint32_t *key, const int32_t *value, int32_t n, uint32_t mask,
                                  uint32_t *key_out, int32_t *value_out)
{
    std::vector<int32_t> order((size_t)n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return (key[a] & mask) < (key[b] & mask); });
    for (int32_t i = 0; i < n; i++) {
        key_out[i] = key[order[(size_t)i]];
        value_out[i] = value[order[(size_t)i]];
    }
}

size_t glint_sort_cuda_bytes(int32_t cap)
{
    return cap > 0 ? 256 : 0;
}

int glint_sort_cuda(struct glint_stream *s, uint32_t *const key[2], int32_t *const value[2], int32_t n,
                    int32_t bits, void *temp, size_t temp_bytes, int32_t *side_out)
{
    (void)temp;
    (void)temp_bytes;
    const uint32_t mask = bits < 32 ? (1u << bits) - 1 : 0xffffffffu;
    *side_out = 1;
    return GLINT_LAUNCH(sort_pairs, 1, 1, 0, s, key[0], value[0], n, mask, key[1], value[1]);
}
#else
static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

/* Over whole keys, which asks for no less than fewer bits do. */
size_t glint_sort_cuda_bytes(int32_t cap)
{
    size_t bytes = 0;
    cub::DoubleBuffer<uint32_t> keys(nullptr, nullptr);
    cub::DoubleBuffer<int32_t> values(nullptr, nullptr);
    const cudaError_t error = cub::DeviceRadixSort::SortPairs(nullptr, bytes, keys, values, cap, 0, 32);
    return error == cudaSuccess ? rounded(bytes + 1) : 0;
}

int glint_sort_cuda(struct glint_stream *s, uint32_t *const key[2], int32_t *const value[2], int32_t n,
                    int32_t bits, void *temp, size_t temp_bytes, int32_t *side_out)
{
    cub::DoubleBuffer<uint32_t> keys(key[0], key[1]);
    cub::DoubleBuffer<int32_t> values(value[0], value[1]);
    const cudaError_t error = cub::DeviceRadixSort::SortPairs(temp, temp_bytes, keys, values, n, 0, (int)bits,
                                                              glint_stream_cuda(s));
    *side_out = keys.selector;
    if (error == cudaSuccess && values.selector != keys.selector)
        return glint_fail(GLINT_E_DEVICE, "sort: keys and values came out on different sides");
    return glint_cuda_status(error, "sort");
}
#endif
