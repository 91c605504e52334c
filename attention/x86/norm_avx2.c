/* attention/x86/norm_avx2.c - see norm.h. */
#include "attention/norm.h"
#include "attention/x86/vec_math_avx2.h"
#include <math.h>

static float mean_of(const float *a, int32_t n)
{
    __m256 sum = _mm256_setzero_ps();
    for (int32_t j = 0; j < n; j += 8)
        sum = _mm256_add_ps(sum, _mm256_maskload_ps(a + j, glint_mask_avx2(n - j)));
    return glint_sum_avx2(sum) / (float)n;
}

static float variance_of(const float *a, int32_t n, __m256 mean)
{
    __m256 sum = _mm256_setzero_ps();
    for (int32_t j = 0; j < n; j += 8) {
        const __m256i mask = glint_mask_avx2(n - j);
        const __m256 v = _mm256_sub_ps(_mm256_maskload_ps(a + j, mask), mean);
        sum = _mm256_add_ps(sum, _mm256_and_ps(_mm256_mul_ps(v, v), _mm256_castsi256_ps(mask)));
    }
    return glint_sum_avx2(sum) / (float)n;
}

void glint_norm_avx2(const float *a, int64_t lda, int32_t m, int32_t n, const float *weight,
                     const float *bias, float eps, float *const *out)
{
    for (int32_t i = 0; i < m; i++, a += lda) {
        const __m256 mean = _mm256_set1_ps(mean_of(a, n));
        const __m256 inverse = _mm256_set1_ps(1.0f / sqrtf(variance_of(a, n, mean) + eps));
        for (int32_t j = 0; j < n; j += 8) {
            const __m256i mask = glint_mask_avx2(n - j);
            __m256 v = _mm256_sub_ps(_mm256_maskload_ps(a + j, mask), mean);
            v = _mm256_mul_ps(_mm256_mul_ps(v, inverse), _mm256_maskload_ps(weight + j, mask));
            _mm256_maskstore_ps(out[i] + j, mask, _mm256_add_ps(v, _mm256_maskload_ps(bias + j, mask)));
        }
    }
}
