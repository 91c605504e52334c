/* attention/x86/attend_avx512bf16.c - glint_attend_fn with both products in AVX512_BF16.
 *
 * As attend_avx512.c, with two steps of d, or two values, per instruction: a key is a column of pairs, values
 * t and t + 1 are interleaved. Scores, softmax and sums are float; a row of weights is rounded in place over
 * its scores. 2^v needs no more digits than its rounding leaves. */
#include "attention/attend.h"
#include "attention/x86/vec_math_avx512.h"
#include <string.h>

#define QUERIES 12
#define LANES   16

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

struct head {
    const struct glint_attend *a;
    int32_t *keys;     /* d_pairs x wide: column t is key t, zeros behind the last */
    int32_t *values;   /* d / 16 rounded up, x n_pairs x 16 */
    float *scores;     /* QUERIES x wide; later the weights, each row from its begin */
    uint16_t *queries; /* QUERIES x 2 d_pairs */
    int64_t wide;
    int32_t d_pairs, n_pairs;
};

/* 16 keys' 16 values (r: keys 0 and 8, 1 and 9, ...) to 8 rows of pairs, each of 16 keys. */
INLINE void transpose(__m512i r[8])
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512i t[8];
    UNROLL for (int i = 0; i < 8; i += 2)
    {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4)
    {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        t[i] = _mm512_permutex2var_epi64(r[i], low, r[4 + i]);
        t[4 + i] = _mm512_permutex2var_epi64(r[i], high, r[4 + i]);
    }
    UNROLL for (int i = 0; i < 8; i++) r[i] = t[i];
}

INLINE __m512 some_of(const float *rows, int64_t ld, int32_t t, int32_t n, __mmask16 mask)
{
    return t < n ? _mm512_maskz_loadu_ps(mask, rows + t * ld) : _mm512_setzero_ps();
}

static void round_keys(const struct head *h)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < h->wide; t += LANES)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j);
            __m512i r[8];
            UNROLL for (int i = 0; i < 8; i++) r[i] =
                (__m512i)_mm512_cvtne2ps_pbh(some_of(a->k + j, a->ldk, t + 8 + i, a->n, mask),
                                             some_of(a->k + j, a->ldk, t + i, a->n, mask));
            transpose(r);
            UNROLL for (int i = 0; i < 8; i++) if (j / 2 + i < h->d_pairs)
                _mm512_store_si512(h->keys + (j / 2 + i) * h->wide + t, r[i]);
        }
}

static void round_values(const struct head *h)
{
    const struct glint_attend *a = h->a;
    int32_t *to = h->values;
    const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                                23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int32_t j = 0; j < a->d; j += LANES) {
        const __mmask16 mask = glint_mask_avx512(a->d - j);
        for (int32_t t = 0; t < a->n; t += 2, to += LANES) {
            const __m512i two = (__m512i)_mm512_cvtne2ps_pbh(some_of(a->v + j, a->ldv, t + 1, a->n, mask),
                                                             some_of(a->v + j, a->ldv, t, a->n, mask));
            _mm512_store_si512(to, _mm512_permutexvar_epi16(interleave, two));
        }
    }
}

/* QUERIES rows from `first` on; the last stands in for those that are not there. */
static void round_queries(const struct head *h, int32_t first, int32_t count)
{
    const struct glint_attend *a = h->a;
    for (int32_t i = 0; i < QUERIES; i++) {
        const float *q = a->q + (first + (i < count ? i : count - 1)) * a->ldq;
        uint16_t *to = h->queries + i * 2 * h->d_pairs;
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j), whole = glint_mask_avx512(2 * h->d_pairs - j);
            const __m256i v = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, q + j));
            _mm256_mask_storeu_epi16(to + j, whole, v);
        }
    }
}

INLINE __m512bh pair_of(const void *from)
{
    int32_t pair;
    memcpy(&pair, from, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

/* Scores of all rows with 16 * halves keys from t on. */
INLINE void score_tile(const struct head *h, int64_t t, const int halves)
{
    const int32_t *keys = h->keys + t;
    const uint16_t *q = h->queries;
    const int32_t ldq = 2 * h->d_pairs;
    __m512 sum[QUERIES][2];
    UNROLL for (int i = 0; i < QUERIES; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int32_t j = 0; j < h->d_pairs; j++, keys += h->wide, q += 2) {
        const __m512bh k0 = (__m512bh)_mm512_load_si512(keys);
        const __m512bh k1 = halves == 2 ? (__m512bh)_mm512_load_si512(keys + LANES) : k0;
        UNROLL for (int i = 0; i < QUERIES; i++)
        {
            const __m512bh v = pair_of(q + i * ldq);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], v, k0);
            if (halves == 2)
                sum[i][1] = _mm512_dpbf16_ps(sum[i][1], v, k1);
        }
    }
    UNROLL for (int i = 0; i < QUERIES; i++)
    {
        _mm512_store_ps(h->scores + i * h->wide + t, sum[i][0]);
        if (halves == 2)
            _mm512_store_ps(h->scores + i * h->wide + t + LANES, sum[i][1]);
    }
}

static float largest_of(const float *s, int32_t n)
{
    __m512 largest = _mm512_set1_ps(-__builtin_inff());
    int32_t j = 0;
    for (; j + LANES <= n; j += LANES)
        largest = _mm512_max_ps(largest, _mm512_load_ps(s + j));
    if (j < n)
        largest = _mm512_mask_max_ps(largest, glint_mask_avx512(n - j), largest, _mm512_load_ps(s + j));
    return _mm512_reduce_max_ps(largest);
}

/* 2^v, relative error <= 8e-5 (our own minimax fit); underflows to 0, NaN stays. */
INLINE __m512 exp2_short(__m512 v)
{
    const __m512 n = _mm512_roundscale_ps(v, 0), r = _mm512_sub_ps(v, n);
    __m512 q = _mm512_set1_ps(0.0551716685f);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.242611125f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.693260968f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.999928057f));
    return _mm512_scalef_ps(q, n);
}

/* One row s to weights 2^(factor (s - the largest)), bfloat16, in the same place; their sum's inverse. */
static float weigh(float *s, int32_t n, float factor)
{
    const __m512 f = _mm512_set1_ps(factor), shift = _mm512_set1_ps(factor * largest_of(s, n));
    uint16_t *weight = (uint16_t *)s;
    __m512 sum = _mm512_setzero_ps();
    int32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const __m512 e = exp2_short(_mm512_fmsub_ps(_mm512_load_ps(s + j), f, shift));
        _mm256_store_si256((__m256i *)(weight + j), (__m256i)_mm512_cvtneps_pbh(e));
        sum = _mm512_add_ps(sum, e);
    }
    if (j < n) { /* zeros behind the last: of a pair, only one may be there */
        const __m512 e = _mm512_maskz_mov_ps(glint_mask_avx512(n - j),
                                             exp2_short(_mm512_fmsub_ps(_mm512_load_ps(s + j), f, shift)));
        _mm256_store_si256((__m256i *)(weight + j), (__m256i)_mm512_cvtneps_pbh(e));
        sum = _mm512_add_ps(sum, e);
    }
    return 1.0f / _mm512_reduce_add_ps(sum);
}

/* Weighted sums of the values' columns j .. j + 15 for `count` rows. */
INLINE void value_tile(const struct head *h, int32_t j, int32_t count, const float inverse[QUERIES],
                       float *out)
{
    const struct glint_attend *a = h->a;
    const __mmask16 mask = glint_mask_avx512(a->d - j);
    const int32_t *v = h->values + (int64_t)j * h->n_pairs;
    const float *s = h->scores;
    __m512 sum[QUERIES];
    UNROLL for (int i = 0; i < QUERIES; i++) sum[i] = _mm512_setzero_ps();
    for (int32_t t = 0; t < h->n_pairs; t++, v += LANES, s++) {
        const __m512bh value = (__m512bh)_mm512_load_si512(v);
        UNROLL for (int i = 0; i < QUERIES; i++) sum[i] =
            _mm512_dpbf16_ps(sum[i], pair_of(s + i * h->wide), value);
    }
    UNROLL for (int i = 0; i < QUERIES; i++) if (i < count)
        _mm512_mask_storeu_ps(out + i * a->ldo + j, mask, _mm512_mul_ps(sum[i], _mm512_set1_ps(inverse[i])));
}

static void some_queries(const struct head *h, int32_t first)
{
    const struct glint_attend *a = h->a;
    const int32_t count = a->m - first < QUERIES ? a->m - first : QUERIES;
    float inverse[QUERIES];
    round_queries(h, first, count);
    int64_t t = 0;
    for (; t + LANES < a->n; t += 2 * LANES)
        score_tile(h, t, 2);
    if (t < a->n)
        score_tile(h, t, 1);
    for (int32_t i = 0; i < QUERIES; i++)
        inverse[i] = weigh(h->scores + i * h->wide, a->n, a->scale * 1.44269504f);
    for (int32_t j = 0; j < a->d; j += LANES)
        value_tile(h, j, count, inverse, a->out + first * a->ldo);
}

/* Half of what glint_attend_scratch has for keys and values is enough for both; the queries take the rest. */
void glint_attend_avx512bf16(const struct glint_attend *a)
{
    const int64_t wide = ((int64_t)a->n + GLINT_PANEL - 1) / GLINT_PANEL * GLINT_PANEL;
    struct head h = {.a = a, .wide = wide, .d_pairs = (a->d + 1) / 2, .n_pairs = (a->n + 1) / 2};
    h.keys = a->scratch;
    h.values = h.keys + wide * h.d_pairs;
    h.scores = (float *)(h.values + (int64_t)h.n_pairs * ((a->d + LANES - 1) / LANES * LANES));
    h.queries = (uint16_t *)(h.scores + QUERIES * wide);
    round_keys(&h);
    round_values(&h);
    for (int32_t first = 0; first < a->m; first += QUERIES)
        some_queries(&h, first);
}
