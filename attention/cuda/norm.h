/* attention/cuda/norm.h - layer norm of rows on a device. */
#ifndef GLINT_ATTENTION_CUDA_NORM_H
#define GLINT_ATTENTION_CUDA_NORM_H
#include "core/device.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Enqueues glint_norm for the first *m (device, at most `most`) rows of `width` values: out = (a - mean) /
 * sqrt(variance + eps) * weight + bias. Rows have strides lda and ldo; out may be a. GLINT_E_DEVICE. */
int glint_norm_cuda(struct glint_stream *s, const float *a, int64_t lda, const int32_t *m, int32_t most,
                    int32_t width, const float *weight, const float *bias, float eps, float *out,
                    int64_t ldo);
#ifdef __cplusplus
}
#endif
#endif
