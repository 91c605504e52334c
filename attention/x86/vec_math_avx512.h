/* attention/x86/vec_math_avx512.h - exp and GELU of 16 floats. Constants are our own minimax fits; see
 * vec_math_avx2.h for the same of 8. */
#ifndef GLINT_ATTENTION_VEC_MATH_AVX512_H
#define GLINT_ATTENTION_VEC_MATH_AVX512_H
#include <immintrin.h>

/* exp(v) for v <= 80, relative error <= 1.5e-7; underflows to 0, NaN stays. v = n ln 2 + r, |r| <= ln 2 / 2.
 */
static inline __m512 glint_exp_avx512(__m512 v)
{
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(v, _mm512_set1_ps(1.44269504f)), 0);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), v); /* ln 2 in two parts: 9 bits, the rest */
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 q = _mm512_set1_ps(0.00138145406f);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.00836874545f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.041668389f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.166665211f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.49999994f));
    q = _mm512_fmadd_ps(_mm512_mul_ps(q, r), r, r);
    return _mm512_scalef_ps(_mm512_add_ps(q, _mm512_set1_ps(1.0f)), n);
}

/* 2^v, relative error <= 2e-7; underflows to 0, NaN stays. */
static inline __m512 glint_exp2_avx512(__m512 v)
{
    const __m512 n = _mm512_roundscale_ps(v, 0), r = _mm512_sub_ps(v, n);
    __m512 q = _mm512_set1_ps(0.00132647261f);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.00967151299f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.0555073358f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.240222424f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.693147004f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(q, n);
}

/* v Phi(v), |error| <= 3e-7 |v| Phi(|v|). The tail of the normal distribution, Phi(-|v|) = exp(-v^2 / 2) t
 * P(t) with t = 1 / (1 + 0.3 |v|), P fitted to 3.5e-9, serves both signs without cancellation. */
static inline __m512 glint_gelu_avx512(__m512 v)
{
    const __m512 one = _mm512_set1_ps(1.0f), size = _mm512_abs_ps(v);
    const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(size, _mm512_set1_ps(0.3f), one));
    __m512 p = _mm512_set1_ps(-0.0206128284f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.112375773f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.228067502f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.191581666f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0792473182f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0960578173f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0784255862f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.110227324f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.119572841f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.119686633f));
    const __m512 gauss = glint_exp_avx512(_mm512_mul_ps(_mm512_mul_ps(v, v), _mm512_set1_ps(-0.5f)));
    const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(gauss, t), p);
    const __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mul_ps(v, _mm512_mask_sub_ps(tail, positive, one, tail));
}

/* Lanes 0 .. n - 1, for any n. */
static inline __mmask16 glint_mask_avx512(int n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}
#endif
