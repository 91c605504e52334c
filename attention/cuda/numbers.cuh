/* attention/cuda/numbers.cuh - values of any precision as floats, and back. */
#ifndef GLINT_ATTENTION_CUDA_NUMBERS_CUH
#define GLINT_ATTENTION_CUDA_NUMBERS_CUH
#include "core/cuda/kernel.h"

static __device__ inline float glint_value(float v)
{
    return v;
}
static __device__ inline float glint_value(__half v)
{
    return __half2float(v);
}
static __device__ inline float glint_value(__nv_bfloat16 v)
{
    return __bfloat162float(v);
}

/* To nearest, ties to even. */
template <class T> static __device__ inline T glint_rounded(float v);
template <> __device__ inline float glint_rounded<float>(float v)
{
    return v;
}
template <> __device__ inline __half glint_rounded<__half>(float v)
{
    return __float2half_rn(v);
}
template <> __device__ inline __nv_bfloat16 glint_rounded<__nv_bfloat16>(float v)
{
    return __float2bfloat16_rn(v);
}
#endif
