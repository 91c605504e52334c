/* voxel/x86/curve_avx512.c - sixteen cells at a time, their codes in two halves of eight. See voxel/curve.h.
 *
 * Bits are spread by shifts and masks that double the gaps; the turns of Hilbert's curve are masked
 * exchanges. */
#include "voxel/curve.h"
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define LANES 16

/* Bit i of each to bit 3 i, for 21 bits. */
static inline __m512i spread(__m256i narrow)
{
    __m512i v = _mm512_cvtepu32_epi64(narrow);
    v = _mm512_and_si512(_mm512_or_si512(v, _mm512_slli_epi64(v, 32)), _mm512_set1_epi64(0x1f00000000ffff));
    v = _mm512_and_si512(_mm512_or_si512(v, _mm512_slli_epi64(v, 16)), _mm512_set1_epi64(0x1f0000ff0000ff));
    v = _mm512_and_si512(_mm512_or_si512(v, _mm512_slli_epi64(v, 8)), _mm512_set1_epi64(0x100f00f00f00f00f));
    v = _mm512_and_si512(_mm512_or_si512(v, _mm512_slli_epi64(v, 4)), _mm512_set1_epi64(0x10c30c30c30c30c3));
    return _mm512_and_si512(_mm512_or_si512(v, _mm512_slli_epi64(v, 2)),
                            _mm512_set1_epi64(0x1249249249249249));
}

static inline __m512i from_gray(__m512i g)
{
    g = _mm512_xor_si512(g, _mm512_srli_epi64(g, 1));
    g = _mm512_xor_si512(g, _mm512_srli_epi64(g, 2));
    g = _mm512_xor_si512(g, _mm512_srli_epi64(g, 4));
    g = _mm512_xor_si512(g, _mm512_srli_epi64(g, 8));
    g = _mm512_xor_si512(g, _mm512_srli_epi64(g, 16));
    return _mm512_xor_si512(g, _mm512_srli_epi64(g, 32));
}

/* For each k: where bit b of v[k] is set v[0] ^= below, else the low bits of v[0] and v[k] change places. */
static inline void to_gray(__m512i v[3], int32_t depth)
{
    for (int32_t b = depth - 1; b >= 0; b--) {
        const __m512i bit = _mm512_set1_epi32(1 << b), below = _mm512_set1_epi32((1 << b) - 1);
        v[0] = _mm512_mask_xor_epi32(v[0], _mm512_test_epi32_mask(v[0], bit), v[0], below);
        for (int k = 1; k < 3; k++) {
            const __mmask16 set = _mm512_test_epi32_mask(v[k], bit);
            const __m512i t = _mm512_and_si512(_mm512_xor_si512(v[0], v[k]), below);
            v[k] = _mm512_mask_xor_epi32(v[k], (__mmask16)~set, v[k], t);
            v[0] = _mm512_xor_si512(v[0], _mm512_mask_mov_epi32(t, set, below));
        }
    }
}

static inline void codes(__m256i a, __m256i b, __m256i c, bool hilbert, __m512i prefix, int64_t *out)
{
    __m512i g = _mm512_or_si512(_mm512_slli_epi64(spread(a), 2), _mm512_slli_epi64(spread(b), 1));
    g = _mm512_or_si512(g, spread(c));
    if (hilbert)
        g = from_gray(g);
    _mm512_storeu_si512(out, _mm512_or_si512(g, prefix));
}

static void sixteen(enum glint_curve curve, int32_t depth, __m512i prefix, const int32_t *coord, int64_t *out)
{
    const bool trans = curve == GLINT_CURVE_Z_TRANS || curve == GLINT_CURVE_HILBERT_TRANS;
    const bool hilbert = curve == GLINT_CURVE_HILBERT || curve == GLINT_CURVE_HILBERT_TRANS;
    const __m512i at = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45);
    __m512i v[3] = {_mm512_i32gather_epi32(at, coord + trans, 4),
                    _mm512_i32gather_epi32(at, coord + !trans, 4), _mm512_i32gather_epi32(at, coord + 2, 4)};
    if (hilbert)
        to_gray(v, depth);
    codes(_mm512_castsi512_si256(v[0]), _mm512_castsi512_si256(v[1]), _mm512_castsi512_si256(v[2]), hilbert,
          prefix, out);
    codes(_mm512_extracti64x4_epi64(v[0], 1), _mm512_extracti64x4_epi64(v[1], 1),
          _mm512_extracti64x4_epi64(v[2], 1), hilbert, prefix, out + LANES / 2);
}

void glint_curve_avx512(enum glint_curve curve, int32_t depth, int64_t prefix, const int32_t *coord,
                        int32_t n, int64_t *code_out)
{
    const __m512i high = _mm512_set1_epi64(prefix << (3 * depth));
    int32_t last[3 * LANES] = {0};
    int64_t some[LANES];
    int32_t i = 0;
    for (; i + LANES <= n; i += LANES)
        sixteen(curve, depth, high, coord + 3 * (int64_t)i, code_out + i);
    if (i == n)
        return;
    memcpy(last, coord + 3 * (int64_t)i, 3 * (size_t)(n - i) * sizeof *last);
    sixteen(curve, depth, high, last, some);
    memcpy(code_out + i, some, (size_t)(n - i) * sizeof *some);
}
