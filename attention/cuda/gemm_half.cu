/* attention/cuda/gemm_half.cu - see gemm_half.h. */
#include "attention/cuda/gemm_half.h"
#include "attention/cuda/epilogue.cuh"

int glint_gemm_half_cuda(struct glint_stream *s, const struct glint_gemm_cuda *g)
{
    (void)s;
    return glint_fail(GLINT_E_ARG, "product of %d to %d: not in 16 bits yet", g->w->k, g->w->n);
}

bool glint_gemm_half_norms(const struct glint_matrix_cuda *w)
{
    return w->precision != GLINT_PRECISION_FP32 && w->n <= 256;
}
