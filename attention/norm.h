/* attention/norm.h - layer norm of rows, and batch norm folded into the linear map before it. */
#ifndef GLINT_ATTENTION_NORM_H
#define GLINT_ATTENTION_NORM_H
#include <stdint.h>

/* m rows of n values, row stride lda: out[i] = (a[i] - mean) / sqrt(variance + eps) * weight + bias, variance
 * biased, in two passes. out: m pointers; out[i] may be row i of a. Relative error by norm <= 1e-6. One
 * thread. */
typedef void glint_norm_fn(const float *a, int64_t lda, int32_t m, int32_t n, const float *weight,
                           const float *bias, float eps, float *const *out);
glint_norm_fn glint_norm_c, glint_norm_avx2, glint_norm_avx512;
glint_norm_fn *glint_norm_get(unsigned isa);

/* (v - mean) / sqrt(variance + eps) * weight + bias = v * scale + shift, computed in double, for n channels.
 */
void glint_batch_norm_fold(const float *weight, const float *bias, const float *mean, const float *variance,
                           float eps, int32_t n, float *scale_out, float *shift_out);
#endif
