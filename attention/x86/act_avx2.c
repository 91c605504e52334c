/* attention/x86/act_avx2.c - see act.h. */
#include "attention/act.h"
#include "attention/x86/vec_math_avx2.h"

static float largest_of(const float *s, int32_t n)
{
    const __m256 lowest = _mm256_set1_ps(-INFINITY);
    __m256 largest = lowest;
    for (int32_t j = 0; j < n; j += 8) {
        const __m256i mask = glint_mask_avx2(n - j);
        const __m256 v = _mm256_maskload_ps(s + j, mask);
        largest = _mm256_max_ps(largest, _mm256_blendv_ps(lowest, v, _mm256_castsi256_ps(mask)));
    }
    return glint_largest_avx2(largest);
}

void glint_softmax_avx2(float *s, int64_t ld, int32_t m, int32_t n, float scale, float *inverse_sum_out)
{
    const __m256 factor = _mm256_set1_ps(scale);
    for (int32_t i = 0; i < m; i++, s += ld) {
        const __m256 largest = _mm256_set1_ps(largest_of(s, n));
        __m256 sum = _mm256_setzero_ps();
        for (int32_t j = 0; j < n; j += 8) {
            const __m256i mask = glint_mask_avx2(n - j);
            const __m256 v = _mm256_sub_ps(_mm256_maskload_ps(s + j, mask), largest);
            const __m256 e = glint_exp_avx2(_mm256_mul_ps(v, factor));
            _mm256_maskstore_ps(s + j, mask, e);
            sum = _mm256_add_ps(sum, _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
        }
        inverse_sum_out[i] = 1.0f / glint_sum_avx2(sum);
    }
}
