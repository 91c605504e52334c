/* model/cuda/number.cuh - the numbers of a map, whatever their type, as floats. */
#ifndef GLINT_MODEL_CUDA_NUMBER_CUH
#define GLINT_MODEL_CUDA_NUMBER_CUH
#include "core/cuda/kernel.h"
#include "model/cuda/map.h"

static __device__ __forceinline__ float number(float v)
{
    return v;
}
static __device__ __forceinline__ float number(__half v)
{
    return __half2float(v);
}
static __device__ __forceinline__ float number(__nv_bfloat16 v)
{
    return __bfloat162float(v);
}

static __device__ __forceinline__ void set_number(float *to, float v)
{
    *to = v;
}
static __device__ __forceinline__ void set_number(__half *to, float v)
{
    *to = __float2half_rn(v);
}
static __device__ __forceinline__ void set_number(__nv_bfloat16 *to, float v)
{
    *to = __float2bfloat16_rn(v);
}

/* Number `at` of an array whose type is known when it runs: the same for all threads, so that it costs
 * little. */
static __device__ __forceinline__ float load_number(const void *data, enum glint_dtype type, int64_t at)
{
    if (type == GLINT_DTYPE_F32)
        return ((const float *)data)[at];
    return type == GLINT_DTYPE_F16 ? number(((const __half *)data)[at])
                                   : number(((const __nv_bfloat16 *)data)[at]);
}
static __device__ __forceinline__ void store_number(void *data, enum glint_dtype type, int64_t at, float v)
{
    if (type == GLINT_DTYPE_F32)
        ((float *)data)[at] = v;
    else if (type == GLINT_DTYPE_F16)
        set_number((__half *)data + at, v);
    else
        set_number((__nv_bfloat16 *)data + at, v);
}

static __device__ __forceinline__ int64_t pixel_at(const struct glint_cuda_map &map, int32_t y, int32_t x)
{
    return y * map.pitch + x * map.ld;
}

/* The row (column) of an empty frame's small map that stands for row y of n: as far from the nearer border,
 * or any in the middle at the same place of a period. */
static __device__ __forceinline__ int32_t stand_in(int32_t y, int32_t n, int32_t small, int32_t period)
{
    const int32_t half = small / 2;
    if (y < half)
        return y;
    return y - n + small >= half + period ? y - n + small : half + (y - half) % period;
}

/* Whether a pixel of the map is in the set; without bits: all are. */
static __device__ __forceinline__ bool is_active(const struct glint_active &a, int32_t y, int32_t x)
{
    return !a.bits || (a.bits[(int64_t)y * a.words + x / 64] >> (x % 64) & 1);
}
#endif
