/* attention/cuda/gemm_half.h - products in 16 bits on tensor cores, behind gemm.h. */
#ifndef GLINT_ATTENTION_CUDA_GEMM_HALF_H
#define GLINT_ATTENTION_CUDA_GEMM_HALF_H
#include "attention/cuda/gemm.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Enqueues a checked product whose weights have 16 bits; the layer norm too, where glint_gemm_half_norms. */
int glint_gemm_half_cuda(struct glint_stream *s, const struct glint_gemm_cuda *g);

/* Whether a product with these weights can finish with the layer norm in the same launch. */
bool glint_gemm_half_norms(const struct glint_matrix_cuda *w);
#ifdef __cplusplus
}
#endif
#endif
