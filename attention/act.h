/* attention/act.h - element functions of the networks: ReLU, GELU, softmax. */
#ifndef GLINT_ATTENTION_ACT_H
#define GLINT_ATTENTION_ACT_H
#include <math.h>
#include <stdint.h>

/* NaN stays NaN. */
static inline float glint_relu(float v)
{
    return v < 0.0f ? 0.0f : v;
}

/* The exact one, by erf. */
static inline float glint_gelu(float v)
{
    return 0.5f * v * (1.0f + erff(v * 0.70710678118654752440f));
}

/* Each of m rows of n scores, row stride ld: s = exp(scale * (s - largest of the row)), and 1 / (their sum)
 * to inverse_sum_out[m], which the caller applies where it is cheapest. scale > 0, n >= 1. Relative error of
 * each value <= 4e-7 where it is above 1e-37. A NaN in a row makes the row's sum NaN. One thread. */
typedef void glint_softmax_fn(float *s, int64_t ld, int32_t m, int32_t n, float scale,
                              float *inverse_sum_out);
glint_softmax_fn glint_softmax_c, glint_softmax_avx2, glint_softmax_avx512;
glint_softmax_fn *glint_softmax_get(unsigned isa);
#endif
