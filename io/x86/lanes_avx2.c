/* io/x86/lanes_avx2.c - eight lanes at a time. Units are picked apart by byte shuffles. Appending moves the
 * lanes with a hit together by a table of permutations, one for each pattern of hits; whatever stands behind
 * them is overwritten by the next. See io/lanes.h. */
#include "io/lanes_place.h"
#include "core/bytes.h"
#include <immintrin.h>
#include <pthread.h>

/* ---- read ---- */

/* Of each of eight units, as u32: the distance's bytes, low first; those of a big endian one; the
 * reflectivity. In the upper half 3-byte units begin at byte 4 (see load_units). */
#define NONE                0x80 /* and more: gives 0 */
#define LANE(at, low, high) (at) + (low), (at) + (high), NONE, NONE
#define FOUR(bytes, first, low, high)                                                                        \
    LANE(first, low, high), LANE((first) + (bytes), low, high), LANE((first) + 2 * (bytes), low, high),      \
        LANE((first) + 3 * (bytes), low, high)
#define EIGHT(bytes, second, low, high)                                                                      \
    {                                                                                                        \
        FOUR(bytes, 0, low, high), FOUR(bytes, second, low, high)                                            \
    }
enum { LITTLE, BIG, BRIGHT };
static const uint8_t picks[2][3][32] = {{EIGHT(3, 4, 0, 1), EIGHT(3, 4, 1, 0), EIGHT(3, 4, 2, NONE)},
                                        {EIGHT(4, 0, 0, 1), EIGHT(4, 0, 1, 0), EIGHT(4, 0, 2, NONE)}};

static inline __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Eight units: bytes 0..15 and, of 3-byte units, 8..23 (from the fifth unit on at 4), of 4-byte ones 16..31:
 * no byte behind them is read. */
static inline __m256i load_units(const uint8_t *p, int32_t second)
{
    const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p),
                  b = _mm_loadu_si128((const __m128i *)(const void *)(p + second));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

void glint_lanes_read_avx2(const uint8_t *units, int32_t unit_bytes, bool big_endian, int32_t n, float unit_m,
                           struct glint_shot *shot)
{
    const int32_t wide = unit_bytes == 4, second = wide ? 16 : 8;
    const __m256i far = load(picks[wide][big_endian ? BIG : LITTLE]), bright = load(picks[wide][BRIGHT]);
    const __m256 unit = _mm256_set1_ps(unit_m), whole = _mm256_set1_ps(1.0f / 255);
    int32_t i = 0;
    for (; i + 8 <= n; i += 8, units += 8 * unit_bytes) {
        const __m256i bytes = load_units(units, second), raw = _mm256_shuffle_epi8(bytes, far);
        _mm256_storeu_si256((__m256i *)(void *)(shot->hit + i), raw);
        _mm256_storeu_ps(shot->distance + i, _mm256_mul_ps(_mm256_cvtepi32_ps(raw), unit));
        _mm256_storeu_ps(shot->intensity + i,
                         _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, bright)), whole));
    }
    for (; i < n; i++, units += unit_bytes) {
        shot->hit[i] = big_endian ? glint_be16(units) : glint_le16(units);
        shot->distance[i] = (float)shot->hit[i] * unit_m;
        shot->intensity[i] = (float)units[2] * (1.0f / 255);
    }
}

/* ---- place ---- */

void glint_lanes_place_avx2(const struct glint_lanes *lanes, float c, float s, struct glint_shot *shot)
{
    lanes_place(lanes, c, s, shot);
}

void glint_lanes_turning_avx2(const struct glint_lanes *lanes, float c, float s, float step_rad,
                              struct glint_shot *shot)
{
    lanes_turning(lanes, c, s, step_rad, shot);
}

/* ---- append ---- */

static uint64_t orders[256]; /* eight lane numbers, a byte each, those of the set bits first */

static void make_orders(void)
{
    for (unsigned hits = 0; hits < 256; hits++)
        for (unsigned lane = 8, k = (unsigned)__builtin_popcount(hits); lane-- > 0;)
            if (hits >> lane & 1)
                orders[hits] |= (uint64_t)lane << 8 * --k;
}

void glint_lanes_avx2_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_orders);
}

static inline void store_f32(float *out, const float *in, __m256i order)
{
    _mm256_storeu_ps(out, _mm256_permutevar8x32_ps(_mm256_loadu_ps(in), order));
}

static inline __m256i widen(const uint16_t *in)
{
    return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)in));
}

/* The low halves of eight u32. */
static inline void store_u16(uint16_t *out, __m256i wide)
{
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(wide, wide), 0xd8);
    _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(packed));
}

static inline void store_time(int64_t *out, const int32_t *in, __m256i order, __m256i base)
{
    const __m256i t = _mm256_permutevar8x32_epi32(load(in), order);
    _mm256_storeu_si256((__m256i *)(void *)out,
                        _mm256_add_epi64(base, _mm256_cvtepi32_epi64(_mm256_castsi256_si128(t))));
    _mm256_storeu_si256((__m256i *)(void *)(out + 4),
                        _mm256_add_epi64(base, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(t, 1))));
}

/* Bit i: lane i has a hit; lanes from `left` on have none. */
static inline unsigned hits_of(const uint32_t *hit, int32_t left)
{
    const __m256i none = _mm256_cmpeq_epi32(load(hit), _mm256_setzero_si256());
    const unsigned hits = ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(none)) & 0xff;
    return left >= 8 ? hits : hits & ((1u << left) - 1);
}

void glint_lanes_append_avx2(const struct glint_lanes *lanes, const struct glint_shot *shot,
                             const struct glint_block *block, struct glint_returns *returns)
{
    const __m256i base = _mm256_set1_epi64x(block->t_ns), low = _mm256_set1_epi32(0xffff);
    const __m256 azimuth = _mm256_set1_ps(block->azimuth_deg);
    const __m128i number = _mm_set1_epi16((int16_t)block->number), ret = _mm_set1_epi8((char)block->ret);
    int32_t k = returns->n;
    for (int32_t i = 0; i < lanes->n; i += 8) {
        const unsigned hits = hits_of(shot->hit + i, lanes->n - i);
        const __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)orders[hits]));
        const __m256i names = _mm256_permutevar8x32_epi32(
            _mm256_or_si256(widen(lanes->channel + i), _mm256_slli_epi32(widen(lanes->ring + i), 16)), order);
        store_f32(returns->x + k, shot->x + i, order);
        store_f32(returns->y + k, shot->y + i, order);
        store_f32(returns->z + k, shot->z + i, order);
        store_f32(returns->intensity + k, shot->intensity + i, order);
        _mm256_storeu_ps(returns->azimuth + k, azimuth);
        store_time(returns->t_ns + k, lanes->t_ns + i, order, base);
        _mm_storeu_si128((__m128i *)(void *)(returns->block + k), number);
        store_u16(returns->channel + k, _mm256_and_si256(names, low));
        store_u16(returns->ring + k, _mm256_srli_epi32(names, 16));
        _mm_storel_epi64((__m128i *)(void *)(returns->ret + k), ret);
        k += __builtin_popcount(hits);
    }
    returns->n = k;
}
