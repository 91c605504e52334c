/* sim/x86/lanes_avx512.h - sixteen rays at a time; see sim/lanes_c.h. */
#ifndef GLINT_SIM_LANES_AVX512_H
#define GLINT_SIM_LANES_AVX512_H
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES 16
typedef __m512 lf;
typedef uint32_t lu __attribute__((vector_size(64)));
typedef __mmask16 lm;

static inline lf lf_set(float x)
{
    return _mm512_set1_ps(x);
}
static inline lu lu_set(uint32_t x)
{
    return (lu)_mm512_set1_epi32((int32_t)x);
}
static inline lf lf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline lu lu_load(const uint32_t *p)
{
    return (lu)_mm512_loadu_si512(p);
}
static inline void lf_store(float *p, lf a)
{
    _mm512_storeu_ps(p, a);
}
static inline void lu_store(uint32_t *p, lu a)
{
    _mm512_storeu_si512(p, (__m512i)a);
}
static inline lm lf_lt(lf a, lf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline lm lu_eq(lu a, lu b)
{
    return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b);
}
static inline lm lm_and(lm a, lm b)
{
    return _kand_mask16(a, b);
}
static inline lm lm_or(lm a, lm b)
{
    return _kor_mask16(a, b);
}
static inline lm lm_but(lm a, lm b)
{
    return _kandn_mask16(b, a);
}
static inline bool lm_any(lm a)
{
    return a != 0;
}
static inline lf lf_if(lm m, lf a, lf b)
{
    return _mm512_mask_blend_ps(m, b, a);
}
static inline lu lu_if(lm m, lu a, lu b)
{
    return (lu)_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a);
}
static inline lf lf_min(lf a, lf b)
{
    return _mm512_min_ps(a, b);
}
static inline lf lf_max(lf a, lf b)
{
    return _mm512_max_ps(a, b);
}
static inline lf lf_sqrt(lf a)
{
    return _mm512_sqrt_ps(a);
}
static inline lf lf_abs(lf a)
{
    return _mm512_abs_ps(a);
}
static inline lu lu_trunc(lf a)
{
    return (lu)_mm512_cvttps_epi32(a);
}
static inline lf lf_int(lu a)
{
    return _mm512_cvtepi32_ps((__m512i)a);
}
static inline lu lu_bits(lf a)
{
    return (lu)_mm512_castps_si512(a);
}
static inline lf lf_bits(lu a)
{
    return _mm512_castsi512_ps((__m512i)a);
}
static inline lf lf_gather(const float *base, lu at)
{
    return _mm512_i32gather_ps((__m512i)at, base, 4);
}
static inline lu lu_gather8(const uint8_t *base, lu at) /* reads up to 3 bytes more */
{
    const __m512i v = _mm512_i32gather_epi32((__m512i)at, base, 1);
    return (lu)_mm512_and_si512(v, _mm512_set1_epi32(0xff));
}
static inline lf lf_at_most_index(lf a, float most)
{
    return _mm512_min_ps(_mm512_max_ps(a, _mm512_setzero_ps()), _mm512_set1_ps(most));
}
#endif
