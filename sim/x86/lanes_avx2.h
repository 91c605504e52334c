/* sim/x86/lanes_avx2.h - eight rays at a time; see sim/lanes_c.h. */
#ifndef GLINT_SIM_LANES_AVX2_H
#define GLINT_SIM_LANES_AVX2_H
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES 8
typedef __m256 lf;
typedef uint32_t lu __attribute__((vector_size(32)));
typedef __m256 lm;

static inline lf lf_set(float x)
{
    return _mm256_set1_ps(x);
}
static inline lu lu_set(uint32_t x)
{
    return (lu)_mm256_set1_epi32((int32_t)x);
}
static inline lf lf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline lu lu_load(const uint32_t *p)
{
    return (lu)_mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void lf_store(float *p, lf a)
{
    _mm256_storeu_ps(p, a);
}
static inline void lu_store(uint32_t *p, lu a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)a);
}
static inline lm lf_lt(lf a, lf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline lm lu_eq(lu a, lu b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32((__m256i)a, (__m256i)b));
}
static inline lm lm_and(lm a, lm b)
{
    return _mm256_and_ps(a, b);
}
static inline lm lm_or(lm a, lm b)
{
    return _mm256_or_ps(a, b);
}
static inline lm lm_but(lm a, lm b)
{
    return _mm256_andnot_ps(b, a);
}
static inline bool lm_any(lm a)
{
    return _mm256_movemask_ps(a) != 0;
}
static inline lf lf_if(lm m, lf a, lf b)
{
    return _mm256_blendv_ps(b, a, m);
}
static inline lu lu_if(lm m, lu a, lu b)
{
    return (lu)_mm256_castps_si256(
        _mm256_blendv_ps(_mm256_castsi256_ps((__m256i)b), _mm256_castsi256_ps((__m256i)a), m));
}
static inline lf lf_min(lf a, lf b)
{
    return _mm256_min_ps(a, b);
}
static inline lf lf_max(lf a, lf b)
{
    return _mm256_max_ps(a, b);
}
static inline lf lf_sqrt(lf a)
{
    return _mm256_sqrt_ps(a);
}
static inline lf lf_abs(lf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline lu lu_trunc(lf a)
{
    return (lu)_mm256_cvttps_epi32(a);
}
static inline lf lf_int(lu a)
{
    return _mm256_cvtepi32_ps((__m256i)a);
}
static inline lu lu_bits(lf a)
{
    return (lu)_mm256_castps_si256(a);
}
static inline lf lf_bits(lu a)
{
    return _mm256_castsi256_ps((__m256i)a);
}
static inline lf lf_gather(const float *base, lu at)
{
    return _mm256_i32gather_ps(base, (__m256i)at, 4);
}
static inline lu lu_gather8(const uint8_t *base, lu at) /* reads up to 3 bytes more */
{
    const __m256i v = _mm256_i32gather_epi32((const int *)(const void *)base, (__m256i)at, 1);
    return (lu)_mm256_and_si256(v, _mm256_set1_epi32(0xff));
}
static inline lf lf_at_most_index(lf a, float most)
{
    return _mm256_min_ps(_mm256_max_ps(a, _mm256_setzero_ps()), _mm256_set1_ps(most));
}
#endif
