/* tests/cuda/device_kernels.h - small kernels for test_device: one for each thing that kernels do. */
#ifndef GLINT_TESTS_CUDA_DEVICE_KERNELS_H
#define GLINT_TESTS_CUDA_DEVICE_KERNELS_H
#include "core/device.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x[i] = x[i]^2, i < *n <= cap; all on the device. */
int glint_made_square(struct glint_stream *s, float *x, const int32_t *n, int32_t cap);
/* out[b] = the sum of the b-th 1000 of x: shared memory, barriers, shuffles. blocks of 1000 (a warp is cut
 * short). */
int glint_made_sums(struct glint_stream *s, const int32_t *x, int32_t n_blocks, int32_t *out);
/* bins[x[i] % n_bins]++ by atomics in dynamic shared memory, then in global memory. */
int glint_made_bins(struct glint_stream *s, const int32_t *x, int32_t n, int32_t n_bins, int32_t *bins);
/* c (16 x 8) = a (16 x 16) b (16 x 8), all by rows, in 16 bits: bf16 or fp16 bits. Its copies are
 * asynchronous. */
int glint_made_product(struct glint_stream *s, const uint16_t *a, const uint16_t *b, int bf16, float *c);

#ifdef __cplusplus
}
#endif
#endif
