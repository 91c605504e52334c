/* attention/cuda/norm.cu - see norm.h. A warp per row, two passes over values that the first brought into the
 * cache: 8 bytes per value, limited by memory. sm_90: 31 registers. */
#include "attention/cuda/norm.h"
#include "core/cuda/kernel.h"

#define THREADS 128
#define ROWS    (THREADS / 32)

static __device__ inline float warp_sum(float v)
{
    for (int step = 16; step > 0; step /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}

static __global__ void __launch_bounds__(THREADS)
    norm_rows(const float *a, int64_t lda, const int32_t *m, int32_t most, int32_t width, const float *weight,
              const float *bias, float eps, float *out, int64_t ldo)
{
    const int32_t row = (int32_t)(blockIdx.x * ROWS + threadIdx.x / 32), lane = (int32_t)(threadIdx.x % 32);
    if (row >= most || row >= *m)
        return;
    const float *from = a + row * lda;
    float *to = out + row * ldo;
    float sum = 0.0f, squares = 0.0f;
    for (int32_t j = lane; j < width; j += 32)
        sum += from[j];
    const float mean = warp_sum(sum) / (float)width;
    for (int32_t j = lane; j < width; j += 32)
        squares += (from[j] - mean) * (from[j] - mean);
    const float inverse = 1.0f / sqrtf(warp_sum(squares) / (float)width + eps);
    for (int32_t j = lane; j < width; j += 32)
        to[j] = (from[j] - mean) * inverse * weight[j] + bias[j];
}

int glint_norm_cuda(struct glint_stream *s, const float *a, int64_t lda, const int32_t *m, int32_t most,
                    int32_t width, const float *weight, const float *bias, float eps, float *out, int64_t ldo)
{
    return GLINT_LAUNCH(norm_rows, glint_blocks(most, ROWS), THREADS, 0, s, a, lda, m, most, width, weight,
                        bias, eps, out, ldo);
}
