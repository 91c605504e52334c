/* io/x86/lanes_avx512.c - sixteen lanes at a time: those with a hit are moved together and stored, whatever
 * stands behind them is overwritten by the next. See io/lanes.h. */
#include "io/lanes_place.h"
#include <immintrin.h>

static inline void store_f32(float *out, __mmask16 hit, const float *in)
{
    _mm512_storeu_ps(out, _mm512_maskz_compress_ps(hit, _mm512_loadu_ps(in)));
}

static inline void store_u16(uint16_t *out, __mmask16 hit, const uint16_t *in)
{
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)in));
    _mm256_storeu_si256((__m256i *)(void *)out,
                        _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(hit, wide)));
}

static inline void store_time(int64_t *out, __mmask16 hit, const int32_t *in, int64_t base)
{
    const __m512i t = _mm512_maskz_compress_epi32(hit, _mm512_loadu_si512(in)), b = _mm512_set1_epi64(base);
    _mm512_storeu_si512(out, _mm512_add_epi64(b, _mm512_cvtepi32_epi64(_mm512_castsi512_si256(t))));
    _mm512_storeu_si512(out + 8, _mm512_add_epi64(b, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(t, 1))));
}

void glint_lanes_place_avx512(const struct glint_lanes *lanes, float c, float s, struct glint_shot *shot)
{
    lanes_place(lanes, c, s, shot);
}

void glint_lanes_turning_avx512(const struct glint_lanes *lanes, float c, float s, float step_rad,
                                struct glint_shot *shot)
{
    lanes_turning(lanes, c, s, step_rad, shot);
}

void glint_lanes_append_avx512(const struct glint_lanes *lanes, const struct glint_shot *shot,
                               const struct glint_block *block, struct glint_returns *returns)
{
    int32_t k = returns->n;
    for (int32_t i = 0; i < lanes->n; i += 16) {
        const int32_t left = lanes->n - i;
        const __mmask16 there = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
        const __m512i seen = _mm512_loadu_si512(shot->hit + i);
        const __mmask16 hit = _mm512_mask_test_epi32_mask(there, seen, seen);
        store_f32(returns->x + k, hit, shot->x + i);
        store_f32(returns->y + k, hit, shot->y + i);
        store_f32(returns->z + k, hit, shot->z + i);
        store_f32(returns->intensity + k, hit, shot->intensity + i);
        _mm512_storeu_ps(returns->azimuth + k, _mm512_set1_ps(block->azimuth_deg));
        store_time(returns->t_ns + k, hit, lanes->t_ns + i, block->t_ns);
        _mm256_storeu_si256((__m256i *)(void *)(returns->block + k),
                            _mm256_set1_epi16((int16_t)block->number));
        store_u16(returns->channel + k, hit, lanes->channel + i);
        store_u16(returns->ring + k, hit, lanes->ring + i);
        _mm_storeu_si128((__m128i *)(void *)(returns->ret + k), _mm_set1_epi8((char)block->ret));
        k += __builtin_popcount(hit);
    }
    returns->n = k;
}
