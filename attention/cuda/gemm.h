/* attention/cuda/gemm.h - linear layers on a device: C = act(A W' + bias) + residual, and a layer norm of the
 * sum where one is wanted.
 *
 * Weights are packed once on the host, from those of gemm.h, and copied to the device by the caller:
 *
 *     size = glint_matrix_cuda_bytes(precision, k, n);
 *     glint_matrix_cuda_pack(&m, precision, parts, n_parts, host, device);     then copy `size` bytes over */
#ifndef GLINT_ATTENTION_CUDA_GEMM_H
#define GLINT_ATTENTION_CUDA_GEMM_H
#include "attention/cuda/precision.h"
#include "core/device.h"
#ifdef __cplusplus
extern "C" {
#endif
#include "attention/gemm.h"

/* A linear map R^k -> R^n. fp32: values[k16][n32] with k and n rounded up to 16 and 32, zero padded. 16 bits:
 * in the order of the tensor cores' operands, values[n32 / 16][k16 / 16][lane][8], so that a warp reads the
 * 16 x 16 block it multiplies by as 512 bytes in a row: of lane l, output block + l / 4 (+ 8 in the second
 * four) and inputs 2 (l % 4) + 0, 1, 8, 9. bias: n rounded up to 32, float. */
struct glint_matrix_cuda {
    enum glint_precision precision;
    int32_t k, n;
    const void *values; /* device */
    const float *bias;  /* device */
};

size_t glint_matrix_cuda_bytes(enum glint_precision precision, int32_t k, int32_t n);

/* Packs the outputs of n_parts maps of one k, one after another, into host memory (aligned to 64) for device
 * memory (aligned to 256) that will hold a copy. */
void glint_matrix_cuda_pack(struct glint_matrix_cuda *m, enum glint_precision precision,
                            const struct glint_weights *const *part, int32_t n_parts, void *host,
                            const void *device);

/* One product. Pointers are of the device; rows have strides and begin at multiples of 16 bytes. */
struct glint_gemm_cuda {
    const struct glint_matrix_cuda *w;
    const int32_t *m; /* rows, on the device; at most `most` of them are done */
    int32_t most;
    const float *a;     /* m x k, rounded on load where the weights have 16 bits; or NULL and */
    const void *a_half; /* m x k in the weights' 16 bits */
    int64_t lda;
    const float *add; /* m x k, stride lda: A is a + add for the outputs below n_add; or NULL */
    int32_t n_add;    /* a multiple of 64 */
    enum glint_act act;
    const float *residual; /* m x n, or NULL */
    int64_t ldr;
    const float *norm_weight, *norm_bias; /* of the sum with the residual; NULL: none. n <= 256 */
    float norm_eps;
    float *c;     /* m x n, or NULL; may be the residual */
    void *c_half; /* the same rounded to the weights' 16 bits, or NULL */
    int64_t ldc;  /* of both */
};

/* Enqueues it. fp32 is exact products and float sums in one order, whatever m; relative error as gemm.h has
 * it. 16 bits: operands rounded to nearest even, sums in float. GLINT_E_ARG, GLINT_E_DEVICE. */
int glint_gemm_cuda(struct glint_stream *s, const struct glint_gemm_cuda *g);
#ifdef __cplusplus
}
#endif
#endif
