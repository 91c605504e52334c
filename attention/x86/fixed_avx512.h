/* attention/x86/fixed_avx512.h - one block of a row to integers (fixed.h), in registers, for those that round
 * many. */
#ifndef GLINT_ATTENTION_FIXED_AVX512_H
#define GLINT_ATTENTION_FIXED_AVX512_H
#include "attention/fixed.h"
#include "attention/x86/vec_math_avx512.h"
#include <math.h>
#include <stddef.h>

#define FIXED_LANES     16
#define FIXED_LEAST     40
#define FIXED_HALF_STEP 0x200

static inline __attribute__((always_inline)) __m512 glint_fixed_floats(const int16_t *from)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from)));
}

/* The largest lane, in every lane. */
static inline __attribute__((always_inline)) __m512i glint_fixed_largest(__m512i v)
{
    v = _mm512_max_epu32(v, _mm512_shuffle_i64x2(v, v, 0x4e));
    v = _mm512_max_epu32(v, _mm512_shuffle_i64x2(v, v, 0xb1));
    v = _mm512_max_epu32(v, _mm512_shuffle_epi32(v, 0x4e));
    return _mm512_max_epu32(v, _mm512_shuffle_epi32(v, 0xb1));
}

/* 32 integers, of 16 bits; whole as in glint_fixed_round_block. */
static inline __attribute__((always_inline)) void glint_fixed_store_two(__m512i q0, __m512i q1, __m512 scale,
                                                                        int16_t *to, float *whole)
{
    const __m512i low = _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30,
                                         28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(q0, low, q1));
    if (whole) {
        _mm512_storeu_ps(whole, _mm512_mul_ps(_mm512_cvtepi32_ps(q0), scale));
        _mm512_storeu_ps(whole + FIXED_LANES, _mm512_mul_ps(_mm512_cvtepi32_ps(q1), scale));
    }
}

static inline __attribute__((always_inline)) void glint_fixed_store_one(__m512i q, __m512 scale, int16_t *to,
                                                                        float *whole)
{
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(q));
    if (whole)
        _mm512_storeu_ps(whole, _mm512_mul_ps(_mm512_cvtepi32_ps(q), scale));
}

static inline __attribute__((always_inline)) void glint_fixed_round_block(const float *from,
                                                                          const int16_t *add, float add_scale,
                                                                          const int n, int16_t *to,
                                                                          float *scale, float *whole)
{
    const __m512i size = _mm512_set1_epi32(0x7fffffff), exponents = _mm512_set1_epi32(0x7f800000);
    __m512 v[GLINT_FIXED_BLOCK / FIXED_LANES];
    __m512i q[GLINT_FIXED_BLOCK / FIXED_LANES], largest = _mm512_set1_epi32(FIXED_LEAST << 23);
    for (int i = 0; i < n / FIXED_LANES; i++) {
        v[i] = _mm512_loadu_ps(from + FIXED_LANES * i);
        if (add)
            v[i] = _mm512_add_ps(
                v[i], _mm512_mul_ps(glint_fixed_floats(add + FIXED_LANES * i), _mm512_set1_ps(add_scale)));
        largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(v[i]), size));
    }
    largest = _mm512_add_epi32(glint_fixed_largest(largest), _mm512_set1_epi32(FIXED_HALF_STEP));
    const __m512i exponent = _mm512_and_si512(largest, exponents);
    const __mmask16 bad = _mm512_cmpeq_epi32_mask(exponent, exponents); /* with NaN as their scale */
    const __m512 s =
        _mm512_mask_mov_ps(_mm512_castsi512_ps(_mm512_sub_epi32(exponent, _mm512_set1_epi32(13 << 23))), bad,
                           _mm512_set1_ps(NAN));
    const __m512 inverse =
        _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32((int32_t)((254u + 13u) << 23)), exponent));
    _mm_store_ss(scale, _mm512_castps512_ps128(s));
    for (int i = 0; i < n / FIXED_LANES; i++)
        q[i] = _mm512_cvtps_epi32(_mm512_mul_ps(v[i], inverse));
    int i = 0;
    for (; i + 2 <= n / FIXED_LANES; i += 2)
        glint_fixed_store_two(q[i], q[i + 1], s, to + FIXED_LANES * i,
                              whole ? whole + FIXED_LANES * i : NULL);
    if (i < n / FIXED_LANES)
        glint_fixed_store_one(q[i], s, to + FIXED_LANES * i, whole ? whole + FIXED_LANES * i : NULL);
}
#endif
