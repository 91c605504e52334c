/* attention/x86/fixed_avx512.c - glint_fixed_row_fn with AVX-512, the same bits. A block stays in registers.
 */
#include "attention/fixed.h"
#include "attention/x86/vec_math_avx512.h"
#include <math.h>
#include <stddef.h>

#define LANES          16
#define LEAST_EXPONENT 40
#define HALF_STEP      0x200
#define INLINE         static inline __attribute__((always_inline))

INLINE __m512 floats_of(const int16_t *from)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from)));
}

/* The largest lane, in every lane. */
INLINE __m512i largest_lane(__m512i v)
{
    v = _mm512_max_epu32(v, _mm512_shuffle_i64x2(v, v, 0x4e));
    v = _mm512_max_epu32(v, _mm512_shuffle_i64x2(v, v, 0xb1));
    v = _mm512_max_epu32(v, _mm512_shuffle_epi32(v, 0x4e));
    return _mm512_max_epu32(v, _mm512_shuffle_epi32(v, 0xb1));
}

/* 32 integers, of 16 bits; whole as in round_block. */
INLINE void store_two(__m512i q0, __m512i q1, __m512 scale, int16_t *to, float *whole)
{
    const __m512i low = _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30,
                                         28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(q0, low, q1));
    if (whole) {
        _mm512_storeu_ps(whole, _mm512_mul_ps(_mm512_cvtepi32_ps(q0), scale));
        _mm512_storeu_ps(whole + LANES, _mm512_mul_ps(_mm512_cvtepi32_ps(q1), scale));
    }
}

INLINE void store_one(__m512i q, __m512 scale, int16_t *to, float *whole)
{
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(q));
    if (whole)
        _mm512_storeu_ps(whole, _mm512_mul_ps(_mm512_cvtepi32_ps(q), scale));
}

INLINE void round_block(const float *from, const int16_t *add, float add_scale, const int n, int16_t *to,
                        float *scale, float *whole)
{
    const __m512i size = _mm512_set1_epi32(0x7fffffff), exponents = _mm512_set1_epi32(0x7f800000);
    __m512 v[GLINT_FIXED_BLOCK / LANES];
    __m512i q[GLINT_FIXED_BLOCK / LANES], largest = _mm512_set1_epi32(LEAST_EXPONENT << 23);
    for (int i = 0; i < n / LANES; i++) {
        v[i] = _mm512_loadu_ps(from + LANES * i);
        if (add)
            v[i] = _mm512_add_ps(v[i], _mm512_mul_ps(floats_of(add + LANES * i), _mm512_set1_ps(add_scale)));
        largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_castps_si512(v[i]), size));
    }
    largest = _mm512_add_epi32(largest_lane(largest), _mm512_set1_epi32(HALF_STEP));
    const __m512i exponent = _mm512_and_si512(largest, exponents);
    const __mmask16 bad = _mm512_cmpeq_epi32_mask(exponent, exponents); /* with NaN as their scale */
    const __m512 s =
        _mm512_mask_mov_ps(_mm512_castsi512_ps(_mm512_sub_epi32(exponent, _mm512_set1_epi32(13 << 23))), bad,
                           _mm512_set1_ps(NAN));
    const __m512 inverse =
        _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32((254 + 13) << 23), exponent));
    _mm_store_ss(scale, _mm512_castps512_ps128(s));
    for (int i = 0; i < n / LANES; i++)
        q[i] = _mm512_cvtps_epi32(_mm512_mul_ps(v[i], inverse));
    int i = 0;
    for (; i + 2 <= n / LANES; i += 2)
        store_two(q[i], q[i + 1], s, to + LANES * i, whole ? whole + LANES * i : NULL);
    if (i < n / LANES)
        store_one(q[i], s, to + LANES * i, whole ? whole + LANES * i : NULL);
}

/* Apart, so that what is called for each pixel of a map and each token needs few registers. */
__attribute__((noinline)) static void round_any(const float *from, const int16_t *add, const float *add_scale,
                                                int32_t n, int32_t block, int16_t *to, float *scale,
                                                float *whole)
{
    for (int32_t i = 0; i < n; i += block)
        round_block(from + i, add ? add + i : NULL, add ? add_scale[i / block] : 0.0f, block, to + i,
                    &scale[i / block], whole ? whole + i : NULL);
}

__attribute__((noinline)) static void add_64(const float *from, const int16_t *add, float add_scale,
                                             int16_t *to, float *scale)
{
    round_block(from, add, add_scale, 64, to, scale, NULL);
}

__attribute__((noinline)) static void add_128(const float *from, const int16_t *add, float add_scale,
                                              int16_t *to, float *scale)
{
    round_block(from, add, add_scale, 128, to, scale, NULL);
}

void glint_fixed_row_avx512(const float *from, const int16_t *add, const float *add_scale, int32_t n,
                            int32_t block, int16_t *to, float *scale, float *whole)
{
    if (whole || (n != 64 && block != 128))
        round_any(from, add, add_scale, n, block, to, scale, whole);
    else if (n == 64 && !add && block == 64)
        round_block(from, NULL, 0.0f, 64, to, scale, NULL);
    else if (n == 64 && block == 64)
        add_64(from, add, *add_scale, to, scale);
    else if (block != 128)
        round_any(from, add, add_scale, n, block, to, scale, whole);
    else
        for (int32_t i = 0; i < n; i += 128)
            if (add)
                add_128(from + i, add + i, add_scale[i / 128], to + i, &scale[i / 128]);
            else
                round_block(from + i, NULL, 0.0f, 128, to + i, &scale[i / 128], NULL);
}
