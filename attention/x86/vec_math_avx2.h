/* attention/x86/vec_math_avx2.h - exp and GELU of 8 floats; the same formulas as vec_math_avx512.h. */
#ifndef GLINT_ATTENTION_VEC_MATH_AVX2_H
#define GLINT_ATTENTION_VEC_MATH_AVX2_H
#include <immintrin.h>

/* exp(v) for v <= 80, relative error <= 1.5e-7 down to 2e-38, which all smaller ones give; NaN stays. */
static inline __m256 glint_exp_avx2(__m256 v)
{
    v = _mm256_max_ps(_mm256_set1_ps(-87.0f), v); /* a NaN is the second operand and stays */
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(v, _mm256_set1_ps(1.44269504f)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), v);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 q = _mm256_set1_ps(0.00138145406f);
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0.00836874545f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0.041668389f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0.166665211f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0.49999994f));
    q = _mm256_fmadd_ps(_mm256_mul_ps(q, r), r, r);
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    const __m256 power = _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(127 << 23)));
    return _mm256_mul_ps(_mm256_add_ps(q, _mm256_set1_ps(1.0f)), power);
}

/* v Phi(v), |error| <= 3e-7 |v| Phi(|v|). */
static inline __m256 glint_gelu_avx2(__m256 v)
{
    const __m256 one = _mm256_set1_ps(1.0f), size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
    const __m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(size, _mm256_set1_ps(0.3f), one));
    __m256 p = _mm256_set1_ps(-0.0206128284f);
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.112375773f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-0.228067502f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.191581666f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-0.0792473182f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.0960578173f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.0784255862f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.110227324f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.119572841f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.119686633f));
    const __m256 gauss = glint_exp_avx2(_mm256_mul_ps(_mm256_mul_ps(v, v), _mm256_set1_ps(-0.5f)));
    const __m256 tail = _mm256_mul_ps(_mm256_mul_ps(gauss, t), p);
    const __m256 positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
    return _mm256_mul_ps(v, _mm256_blendv_ps(tail, _mm256_sub_ps(one, tail), positive));
}

/* Lanes 0 .. n - 1, for any n. */
static inline __m256i glint_mask_avx2(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline float glint_sum_avx2(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

static inline float glint_largest_avx2(__m256 v)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}
#endif
