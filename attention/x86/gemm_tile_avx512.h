/* attention/x86/gemm_tile_avx512.h - what the AVX-512 products share: a panel of the result, and what becomes
 * of a tile of 14 rows by 32 columns once its sums are in registers: bias, activation, residual. */
#ifndef GLINT_ATTENTION_GEMM_TILE_AVX512_H
#define GLINT_ATTENTION_GEMM_TILE_AVX512_H
#include "attention/act.h"
#include "attention/gemm.h"
#include "attention/x86/vec_math_avx512.h"

#define TILE 14 /* rows */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 14")
#endif
#define INLINE static inline __attribute__((always_inline))

struct panel {
    const struct glint_gemm *g;
    const float *b;    /* k x 32 */
    int32_t first;     /* its first column of c */
    __mmask16 mask[2]; /* the columns that c has */
    __m512 bias[2], least,
        least_sum; /* what a result is raised to (ReLU: 0), before and after the residual */
};

INLINE float *result(const struct panel *p, int32_t m, int half)
{
    const struct glint_gemm *g = p->g;
    return (g->c_rows ? g->c_rows[m] : g->c + m * g->ldc) + p->first + 16 * half;
}

INLINE __m512 add_residual(const struct panel *p, int32_t m, int half, __m512 v)
{
    const struct glint_gemm *g = p->g;
    const float *row = g->residual_rows ? g->residual_rows[m] : g->residual ? g->residual + m * g->ldr : NULL;
    return row ? _mm512_add_ps(v, _mm512_maskz_loadu_ps(p->mask[half], row + p->first + 16 * half)) : v;
}

/* Bias, ReLU, residual. */
INLINE void finish(const struct panel *p, int32_t m, int half, __m512 v)
{
    v = _mm512_max_ps(p->least, _mm512_add_ps(v, p->bias[half])); /* a NaN is the second operand and stays */
    v = _mm512_max_ps(p->least_sum, add_residual(p, m, half, v));
    _mm512_mask_storeu_ps(result(p, m, half), p->mask[half], v);
}

/* Bias, GELU, residual of a tile of sums: a loop, which keeps the long GELU out of the unrolled code. */
__attribute__((noinline, unused)) static void finish_gelu(const struct panel *p, int32_t m, int32_t count,
                                                          int halves, float (*sum)[GLINT_PANEL])
{
    for (int32_t i = 0; i < count; i++)
        for (int half = 0; half < halves; half++) {
            const __m512 v = _mm512_add_ps(_mm512_loadu_ps(sum[i] + 16 * half), p->bias[half]);
            const __m512 r = add_residual(p, m + i, half, glint_gelu_avx512(v));
            _mm512_mask_storeu_ps(result(p, m + i, half), p->mask[half], r);
        }
}

/* A tile's sums, rows m .. m + count - 1, into c. */
INLINE void finish_tile(const struct panel *p, int32_t m, int32_t count, const int rows, const int halves,
                        __m512 sum[TILE][2])
{
    const struct glint_gemm *g = p->g;
    if (g->act == GLINT_ACT_GELU) {
        float stored[TILE][GLINT_PANEL];
        UNROLL for (int i = 0; i < rows; i++)
        {
            _mm512_storeu_ps(stored[i], sum[i][0]);
            if (halves == 2)
                _mm512_storeu_ps(stored[i] + 16, sum[i][1]);
        }
        finish_gelu(p, m, count, halves, stored);
        return;
    }
    if (g->c_rows || g->residual || g->residual_rows || g->act == GLINT_ACT_RELU_LAST) {
        UNROLL for (int i = 0; i < rows; i++)
        {
            if (i < count) {
                finish(p, m + i, 0, sum[i][0]);
                if (halves == 2)
                    finish(p, m + i, 1, sum[i][1]);
            }
        }
        return;
    }
    float *c = result(p, m, 0); /* the common case without a test per row: it matters for small k */
    UNROLL for (int i = 0; i < rows; i++)
    {
        if (i < count) {
            _mm512_mask_storeu_ps(c, p->mask[0],
                                  _mm512_max_ps(p->least, _mm512_add_ps(sum[i][0], p->bias[0])));
            if (halves == 2)
                _mm512_mask_storeu_ps(c + 16, p->mask[1],
                                      _mm512_max_ps(p->least, _mm512_add_ps(sum[i][1], p->bias[1])));
        }
        c += g->ldc;
    }
}
#endif
