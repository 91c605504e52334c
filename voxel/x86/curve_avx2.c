/* voxel/x86/curve_avx2.c - eight cells at a time, their codes in two halves of four; as curve_avx512.c. See
 * voxel/curve.h. */
#include "voxel/curve.h"
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define LANES 8

/* Bit i of each to bit 3 i, for 21 bits. */
static inline __m256i spread(__m128i narrow)
{
    __m256i v = _mm256_cvtepu32_epi64(narrow);
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi64(v, 32)), _mm256_set1_epi64x(0x1f00000000ffff));
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi64(v, 16)), _mm256_set1_epi64x(0x1f0000ff0000ff));
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi64(v, 8)), _mm256_set1_epi64x(0x100f00f00f00f00f));
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi64(v, 4)), _mm256_set1_epi64x(0x10c30c30c30c30c3));
    return _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi64(v, 2)),
                            _mm256_set1_epi64x(0x1249249249249249));
}

static inline __m256i from_gray(__m256i g)
{
    g = _mm256_xor_si256(g, _mm256_srli_epi64(g, 1));
    g = _mm256_xor_si256(g, _mm256_srli_epi64(g, 2));
    g = _mm256_xor_si256(g, _mm256_srli_epi64(g, 4));
    g = _mm256_xor_si256(g, _mm256_srli_epi64(g, 8));
    g = _mm256_xor_si256(g, _mm256_srli_epi64(g, 16));
    return _mm256_xor_si256(g, _mm256_srli_epi64(g, 32));
}

static inline void to_gray(__m256i v[3], int32_t depth)
{
    for (int32_t b = depth - 1; b >= 0; b--) {
        const __m256i bit = _mm256_set1_epi32(1 << b), below = _mm256_set1_epi32((1 << b) - 1);
        __m256i set = _mm256_cmpeq_epi32(_mm256_and_si256(v[0], bit), bit);
        v[0] = _mm256_xor_si256(v[0], _mm256_and_si256(set, below));
        for (int k = 1; k < 3; k++) {
            set = _mm256_cmpeq_epi32(_mm256_and_si256(v[k], bit), bit);
            const __m256i t = _mm256_and_si256(_mm256_xor_si256(v[0], v[k]), below);
            v[k] = _mm256_xor_si256(v[k], _mm256_andnot_si256(set, t));
            v[0] = _mm256_xor_si256(v[0], _mm256_blendv_epi8(t, below, set));
        }
    }
}

static inline void codes(__m128i a, __m128i b, __m128i c, bool hilbert, __m256i prefix, int64_t *out)
{
    __m256i g = _mm256_or_si256(_mm256_slli_epi64(spread(a), 2), _mm256_slli_epi64(spread(b), 1));
    g = _mm256_or_si256(g, spread(c));
    if (hilbert)
        g = from_gray(g);
    _mm256_storeu_si256((__m256i *)out, _mm256_or_si256(g, prefix));
}

static void eight(enum glint_curve curve, int32_t depth, __m256i prefix, const int32_t *coord, int64_t *out)
{
    const bool trans = curve == GLINT_CURVE_Z_TRANS || curve == GLINT_CURVE_HILBERT_TRANS;
    const bool hilbert = curve == GLINT_CURVE_HILBERT || curve == GLINT_CURVE_HILBERT_TRANS;
    const __m256i at = _mm256_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21);
    __m256i v[3] = {_mm256_i32gather_epi32(coord + trans, at, 4),
                    _mm256_i32gather_epi32(coord + !trans, at, 4), _mm256_i32gather_epi32(coord + 2, at, 4)};
    if (hilbert)
        to_gray(v, depth);
    codes(_mm256_castsi256_si128(v[0]), _mm256_castsi256_si128(v[1]), _mm256_castsi256_si128(v[2]), hilbert,
          prefix, out);
    codes(_mm256_extracti128_si256(v[0], 1), _mm256_extracti128_si256(v[1], 1),
          _mm256_extracti128_si256(v[2], 1), hilbert, prefix, out + LANES / 2);
}

void glint_curve_avx2(enum glint_curve curve, int32_t depth, int64_t prefix, const int32_t *coord, int32_t n,
                      int64_t *code_out)
{
    const __m256i high = _mm256_set1_epi64x(prefix << (3 * depth));
    int32_t last[3 * LANES] = {0};
    int64_t some[LANES];
    int32_t i = 0;
    for (; i + LANES <= n; i += LANES)
        eight(curve, depth, high, coord + 3 * (int64_t)i, code_out + i);
    if (i == n)
        return;
    memcpy(last, coord + 3 * (int64_t)i, 3 * (size_t)(n - i) * sizeof *last);
    eight(curve, depth, high, last, some);
    memcpy(code_out + i, some, (size_t)(n - i) * sizeof *some);
}
