/* attention/x86/attend_avx512bf16.c - glint_attend_fn with both products in AVX512_BF16.
 *
 * As attend_avx512.c, with queries in the lanes, and two steps of d, or two keys, per instruction: rows of
 * queries and weights are pairs, keys are rounded row by row, values t and t + 1 interleaved. Scores, softmax
 * and sums are float; weights take the place of their scores. 2^v needs no more digits than its rounding
 * leaves. */
#include "attention/attend.h"
#include "attention/x86/vec_math_avx512.h"
#include <string.h>

#define LANES   16
#define GROUPS  3 /* most registers of queries at a time */
#define QUERIES (GROUPS * LANES)
#define TILE    8 /* keys of a tile of scores, columns of a tile of values */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

struct head {
    const struct glint_attend *a;
    int32_t *queries; /* d_pairs x QUERIES */
    float *results;   /* LANES x QUERIES, where the queries were */
    float *scores;    /* n x QUERIES; later the weights, n_pairs x QUERIES pairs */
    int32_t *keys;    /* n x key_ld pairs */
    int32_t *values;  /* n_pairs x value_ld pairs */
    int32_t d_pairs, n_pairs, key_ld, value_ld;
};

/* 16 queries' 16 values (r: queries 0 and 8, 1 and 9, ...) to 8 rows of pairs, each of 16 queries. */
INLINE void transpose_pairs(__m512i r[8])
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

/* Rows to columns. Pairs, then fours of rows within each quarter of a register, then quarters. */
INLINE void transpose(__m512 r[LANES])
{
    __m512 t[LANES];
    UNROLL for (int i = 0; i < LANES; i += 2)
    {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < LANES; i += 4)
    {
        const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
        const __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
        r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        t[i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0x88);
        t[8 + i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0xdd);
        t[12 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0xdd);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        r[i] = _mm512_shuffle_f32x4(t[i], t[4 + i], 0x88);
        r[4 + i] = _mm512_shuffle_f32x4(t[8 + i], t[12 + i], 0x88);
        r[8 + i] = _mm512_shuffle_f32x4(t[i], t[4 + i], 0xdd);
        r[12 + i] = _mm512_shuffle_f32x4(t[8 + i], t[12 + i], 0xdd);
    }
}

INLINE __m512 some_of(const float *rows, int64_t ld, int32_t t, int32_t n, __mmask16 mask)
{
    return t < n ? _mm512_maskz_loadu_ps(mask, rows + t * ld) : _mm512_setzero_ps();
}

/* What was two rows one behind the other becomes pairs of both. */
INLINE __m512i interleave(__m512i rows)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                           7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, rows);
}

static void round_keys(const struct head *h)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < a->n; t++)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __m512 v = _mm512_maskz_loadu_ps(glint_mask_avx512(a->d - j), a->k + t * a->ldk + j);
            _mm256_store_si256((__m256i *)(h->keys + t * h->key_ld + j / 2), (__m256i)_mm512_cvtneps_pbh(v));
        }
}

static void round_values(const struct head *h)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < h->n_pairs; t++)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j);
            const __m512 v0 = some_of(a->v + j, a->ldv, 2 * t, a->n, mask);
            const __m512 v1 = some_of(a->v + j, a->ldv, 2 * t + 1, a->n, mask);
            _mm512_store_si512(h->values + t * h->value_ld + j,
                               interleave((__m512i)_mm512_cvtne2ps_pbh(v1, v0)));
        }
}

/* Queries from `first` on into columns; zeros stand in for those that are not there. */
static void round_queries(const struct head *h, int32_t first, int groups)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < groups * LANES; t += LANES)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j);
            __m512i r[8];
            UNROLL for (int i = 0; i < 8; i++) r[i] =
                (__m512i)_mm512_cvtne2ps_pbh(some_of(a->q + j, a->ldq, first + t + 8 + i, a->m, mask),
                                             some_of(a->q + j, a->ldq, first + t + i, a->m, mask));
            transpose_pairs(r);
            UNROLL for (int i = 0; i < 8; i++) if (j / 2 + i < h->d_pairs)
                _mm512_store_si512(h->queries + (j / 2 + i) * QUERIES + t, r[i]);
        }
}

INLINE __m512bh load_pairs(const void *from)
{
    return (__m512bh)_mm512_load_si512(from);
}

/* Scores of `keys` keys from t on, as in attend_avx512.c. */
INLINE void score_tile(const struct head *h, int32_t t, const int keys, const int groups,
                       __m512 largest[GROUPS])
{
    const int32_t *key = h->keys + t * h->key_ld, *query = h->queries;
    __m512 sum[TILE][GROUPS];
    UNROLL for (int i = 0; i < keys; i++) UNROLL for (int g = 0; g < groups; g++) sum[i][g] =
        _mm512_setzero_ps();
    for (int32_t j = 0; j < h->d_pairs; j++, key++, query += QUERIES) {
        __m512bh q[GROUPS];
        UNROLL for (int g = 0; g < groups; g++) q[g] = load_pairs(query + g * LANES);
        UNROLL for (int i = 0; i < keys; i++)
        {
            const __m512bh k = (__m512bh)_mm512_set1_epi32(key[i * h->key_ld]);
            UNROLL for (int g = 0; g < groups; g++) sum[i][g] = _mm512_dpbf16_ps(sum[i][g], k, q[g]);
        }
    }
    float *scores = h->scores + (int64_t)t * QUERIES;
    UNROLL for (int i = 0; i < keys; i++) UNROLL for (int g = 0; g < groups; g++)
    {
        _mm512_store_ps(scores + i * QUERIES + g * LANES, sum[i][g]);
        largest[g] = _mm512_max_ps(largest[g], sum[i][g]);
    }
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

/* All scores of the queries to weights 2^(factor (score - the largest)) in pairs; the inverse of their sums.
 * The last weight of an odd number has a zero beside it. */
INLINE void weigh(const struct head *h, float factor, const int groups, const __m512 largest[GROUPS],
                  __m512 inverse[GROUPS])
{
    const __m512 f = _mm512_set1_ps(factor);
    __m512 shift[GROUPS], sum[GROUPS];
    const float *s = h->scores;
    int32_t *weight = (int32_t *)h->scores;
    UNROLL for (int g = 0; g < groups; g++)
    {
        shift[g] = _mm512_mul_ps(f, largest[g]);
        sum[g] = _mm512_setzero_ps();
    }
    for (int32_t t = 0; t < h->n_pairs; t++, s += 2 * QUERIES, weight += QUERIES)
        UNROLL for (int g = 0; g < groups; g++)
        {
            const __m512 e0 = exp2_short(_mm512_fmsub_ps(_mm512_load_ps(s + g * LANES), f, shift[g]));
            const __m512 e1 =
                2 * t + 1 < h->a->n
                    ? exp2_short(_mm512_fmsub_ps(_mm512_load_ps(s + QUERIES + g * LANES), f, shift[g]))
                    : _mm512_setzero_ps();
            _mm512_store_si512(weight + g * LANES, interleave((__m512i)_mm512_cvtne2ps_pbh(e1, e0)));
            sum[g] = _mm512_add_ps(sum[g], _mm512_add_ps(e0, e1));
        }
    UNROLL for (int g = 0; g < groups; g++) inverse[g] = _mm512_div_ps(_mm512_set1_ps(1.0f), sum[g]);
}

/* Weighted sums of the values' columns j .. j + 7, zeros behind the last, to rows `to` .. of the results. */
INLINE void value_tile(const struct head *h, int32_t j, const int groups, const __m512 inverse[GROUPS],
                       float *to)
{
    const int32_t *v = h->values + j, *weight = (const int32_t *)h->scores;
    __m512 sum[TILE][GROUPS];
    UNROLL for (int i = 0; i < TILE; i++) UNROLL for (int g = 0; g < groups; g++) sum[i][g] =
        _mm512_setzero_ps();
    for (int32_t t = 0; t < h->n_pairs; t++, v += h->value_ld, weight += QUERIES) {
        __m512bh e[GROUPS];
        UNROLL for (int g = 0; g < groups; g++) e[g] = load_pairs(weight + g * LANES);
        UNROLL for (int i = 0; i < TILE; i++)
        {
            const __m512bh value = (__m512bh)_mm512_set1_epi32(v[i]);
            UNROLL for (int g = 0; g < groups; g++) sum[i][g] = _mm512_dpbf16_ps(sum[i][g], value, e[g]);
        }
    }
    UNROLL for (int i = 0; i < TILE; i++) UNROLL for (int g = 0; g < groups; g++)
        _mm512_store_ps(to + i * QUERIES + g * LANES, _mm512_mul_ps(sum[i][g], inverse[g]));
}

/* Columns j .. j + 15 of the results, transposed back. */
static void write_results(const struct head *h, int32_t first, int32_t j, int groups)
{
    const struct glint_attend *a = h->a;
    const __mmask16 mask = glint_mask_avx512(a->d - j);
    for (int32_t t = 0; t < groups * LANES; t += LANES) {
        __m512 r[LANES];
        UNROLL for (int i = 0; i < LANES; i++) r[i] = _mm512_load_ps(h->results + i * QUERIES + t);
        transpose(r);
        UNROLL for (int i = 0; i < LANES; i++) if (first + t + i < a->m)
            _mm512_mask_storeu_ps(a->out + (first + t + i) * a->ldo + j, mask, r[i]);
    }
}

INLINE void some_queries(const struct head *h, int32_t first, const int groups)
{
    const struct glint_attend *a = h->a;
    const __m512 least = _mm512_set1_ps(-__builtin_inff());
    __m512 largest[GROUPS] = {least, least, least}, inverse[GROUPS];
    int32_t t = 0;
    round_queries(h, first, groups);
    for (; t + TILE <= a->n; t += TILE)
        score_tile(h, t, TILE, groups, largest);
    for (; t < a->n; t++)
        score_tile(h, t, 1, groups, largest);
    weigh(h, a->scale * 1.44269504f, groups, largest, inverse);
    for (int32_t j = 0; j < a->d; j += LANES) {
        value_tile(h, j, groups, inverse, h->results);
        if (j + TILE < a->d)
            value_tile(h, j + TILE, groups, inverse, h->results + TILE * QUERIES);
        write_results(h, first, j, groups);
    }
}

static void three(const struct head *h, int32_t first)
{
    some_queries(h, first, 3);
}

static void two(const struct head *h, int32_t first)
{
    some_queries(h, first, 2);
}

static void one(const struct head *h, int32_t first)
{
    some_queries(h, first, 1);
}

static int32_t rounded_up(int32_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

void glint_attend_avx512bf16(const struct glint_attend *a)
{
    struct head h = {.a = a, .d_pairs = (a->d + 1) / 2, .n_pairs = (a->n + 1) / 2};
    h.value_ld = rounded_up(a->d);
    h.key_ld = h.value_ld / 2;
    h.queries = a->scratch;
    h.results = a->scratch;
    h.scores = (float *)h.queries + (int64_t)(h.d_pairs > LANES ? h.d_pairs : LANES) * QUERIES;
    h.values = (int32_t *)(h.scores + (int64_t)a->n * QUERIES);
    h.keys = h.values + (int64_t)h.n_pairs * h.value_ld;
    round_keys(&h);
    round_values(&h);
    for (int32_t first = 0; first < a->m;) { /* four registers of queries are two and two, as in float */
        const int32_t left = (a->m - first + LANES - 1) / LANES;
        const int groups = left >= 3 && left != 4 ? 3 : left > 1 ? 2 : 1;
        (groups == 3 ? three : groups == 2 ? two : one)(&h, first);
        first += groups * LANES;
    }
}
