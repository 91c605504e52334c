/* attention/x86/act_avx512.c - see act.h. */
#include "attention/act.h"
#include "attention/x86/vec_math_avx512.h"

static float largest_of(const float *s, int32_t n)
{
    __m512 largest = _mm512_set1_ps(-INFINITY);
    for (int32_t j = 0; j < n; j += 16) {
        const __mmask16 mask = glint_mask_avx512(n - j);
        largest = _mm512_mask_max_ps(largest, mask, largest, _mm512_maskz_loadu_ps(mask, s + j));
    }
    return _mm512_reduce_max_ps(largest);
}

void glint_softmax_avx512(float *s, int64_t ld, int32_t m, int32_t n, float scale, float *inverse_sum_out)
{
    const __m512 factor = _mm512_set1_ps(scale);
    for (int32_t i = 0; i < m; i++, s += ld) {
        const __m512 largest = _mm512_set1_ps(largest_of(s, n));
        __m512 sum = _mm512_setzero_ps();
        for (int32_t j = 0; j < n; j += 16) {
            const __mmask16 mask = glint_mask_avx512(n - j);
            const __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, s + j), largest);
            const __m512 e = glint_exp_avx512(_mm512_mul_ps(v, factor));
            _mm512_mask_storeu_ps(s + j, mask, e);
            sum = _mm512_mask_add_ps(sum, mask, sum, e);
        }
        inverse_sum_out[i] = 1.0f / _mm512_reduce_add_ps(sum);
    }
}
