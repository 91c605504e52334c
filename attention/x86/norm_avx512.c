/* attention/x86/norm_avx512.c - see norm.h. */
#include "attention/norm.h"
#include "attention/x86/vec_math_avx512.h"
#include <math.h>

static float mean_of(const float *a, int32_t n)
{
    __m512 sum = _mm512_setzero_ps();
    for (int32_t j = 0; j < n; j += 16)
        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(glint_mask_avx512(n - j), a + j));
    return _mm512_reduce_add_ps(sum) / (float)n;
}

static float variance_of(const float *a, int32_t n, __m512 mean)
{
    __m512 sum = _mm512_setzero_ps();
    for (int32_t j = 0; j < n; j += 16) {
        const __mmask16 mask = glint_mask_avx512(n - j);
        const __m512 v = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, a + j), mean);
        sum = _mm512_fmadd_ps(v, v, sum);
    }
    return _mm512_reduce_add_ps(sum) / (float)n;
}

void glint_norm_avx512(const float *a, int64_t lda, int32_t m, int32_t n, const float *weight,
                       const float *bias, float eps, float *const *out)
{
    for (int32_t i = 0; i < m; i++, a += lda) {
        const __m512 mean = _mm512_set1_ps(mean_of(a, n));
        const __m512 inverse = _mm512_set1_ps(1.0f / sqrtf(variance_of(a, n, mean) + eps));
        for (int32_t j = 0; j < n; j += 16) {
            const __mmask16 mask = glint_mask_avx512(n - j);
            __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, a + j), mean);
            v = _mm512_mul_ps(_mm512_mul_ps(v, inverse), _mm512_maskz_loadu_ps(mask, weight + j));
            _mm512_mask_storeu_ps(out[i] + j, mask, _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, bias + j)));
        }
    }
}
