/* attention/x86/bfloat_avx512bf16.c - glint_bfloat_row_fn with AVX512_BF16. */
#include "attention/bfloat.h"
#include "attention/x86/vec_math_avx512.h"
#include <stddef.h>

static inline __m512 value_of(__m256i half)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

void glint_bfloat_row_avx512bf16(const float *from, const uint16_t *add, int32_t n, uint16_t *to,
                                 float *whole)
{
    for (int32_t j = 0; j < n; j += 16) {
        const __mmask16 mask = glint_mask_avx512(n - j);
        __m512 v = _mm512_maskz_loadu_ps(mask, from + j);
        if (add)
            v = _mm512_add_ps(v, value_of(_mm256_maskz_loadu_epi16(mask, add + j)));
        const __m256i half = (__m256i)_mm512_cvtneps_pbh(v);
        _mm256_mask_storeu_epi16(to + j, mask, half);
        if (whole)
            _mm512_mask_storeu_ps(whole + j, mask, value_of(half));
    }
}
