/* attention/cuda/epilogue.cuh - what happens to a sum of products before it is stored. */
#ifndef GLINT_ATTENTION_CUDA_EPILOGUE_CUH
#define GLINT_ATTENTION_CUDA_EPILOGUE_CUH
#include "attention/cuda/gemm.h"
#include "core/cuda/kernel.h"

/* As glint_relu and glint_gelu. */
static __device__ inline float glint_relu_cuda(float v)
{
    return v < 0.0f ? 0.0f : v;
}
static __device__ inline float glint_gelu_cuda(float v)
{
    return 0.5f * v * (1.0f + erff(v * 0.70710678118654752440f));
}

/* act(sum + bias) + residual of row `row` and output o. */
static __device__ inline float glint_epilogue(const struct glint_gemm_cuda &g, float bias, int32_t row,
                                              int32_t o, float sum)
{
    float v = sum + bias;
    if (g.act == GLINT_ACT_RELU)
        v = glint_relu_cuda(v);
    if (g.act == GLINT_ACT_GELU)
        v = glint_gelu_cuda(v);
    if (g.residual)
        v += g.residual[row * g.ldr + o];
    return g.act == GLINT_ACT_RELU_LAST ? glint_relu_cuda(v) : v;
}
#endif
