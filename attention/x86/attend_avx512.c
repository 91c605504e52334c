/* attention/x86/attend_avx512.c - glint_attend_fn with AVX-512.
 *
 * Queries lie in the lanes, up to 48 at a time: they are transposed (16 x 16 in registers), scores and
 * weights have a row per key, and so the softmax needs no sums across lanes. Scores by tiles of 8 keys x 48
 * queries, whose largest come with them; then weights, in base 2 with the scale folded into the one
 * subtraction; then weighted values by tiles of 8 columns x 48 queries. Each step of either product costs 24
 * multiply-adds (12 cycles of two units) and 11 loads (5.5 cycles). Keys and values are read where they are;
 * with them and one head's weights the first-level cache is just full at 144 keys. More keys come in blocks,
 * whose weights are relative to the largest score so far: what the blocks before have summed up is scaled
 * when that grows (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018). */
#include "attention/attend.h"
#include "attention/x86/vec_math_avx512.h"

#define LANES   16
#define GROUPS  3 /* most registers of queries at a time; functions take how many it is */
#define QUERIES (GROUPS * LANES)
#define TILE    8   /* keys of a tile of scores, columns of a tile of values */
#define KEYS    144 /* at a time; a multiple of TILE */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

struct head {
    const struct glint_attend *a;
    float *queries; /* d x QUERIES; later the results, LANES x QUERIES */
    float *scores;  /* KEYS x QUERIES, or n where that is less; later the weights */
    float *sums;    /* of more than KEYS keys: d in whole LANES x QUERIES */
};

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

/* Queries from `first` on into columns; zeros stand in for those that are not there. */
static void transpose_queries(const struct head *h, int32_t first, int groups)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < groups * LANES; t += LANES)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j);
            __m512 r[LANES];
            UNROLL for (int i = 0; i < LANES; i++)
            {
                const int32_t query = first + t + i;
                r[i] = query < a->m ? _mm512_maskz_loadu_ps(mask, a->q + query * a->ldq + j)
                                    : _mm512_setzero_ps();
            }
            transpose(r);
            UNROLL for (int i = 0; i < LANES; i++) if (j + i < a->d)
                _mm512_store_ps(h->queries + (j + i) * QUERIES + t, r[i]);
        }
}

/* Scores of `keys` keys from t on, to row `row`; a NaN among them makes its query's largest a NaN, or is one
 * itself. */
INLINE void score_tile(const struct head *h, int32_t t, int32_t row, const int keys, const int groups,
                       __m512 largest[GROUPS])
{
    const struct glint_attend *a = h->a;
    const float *key = a->k + t * a->ldk, *query = h->queries;
    const int64_t ld = a->ldk;
    __m512 sum[TILE][GROUPS];
    UNROLL for (int i = 0; i < keys; i++) UNROLL for (int g = 0; g < groups; g++) sum[i][g] =
        _mm512_setzero_ps();
    for (int32_t j = 0; j < a->d; j++, key++, query += QUERIES) {
        __m512 q[GROUPS];
        UNROLL for (int g = 0; g < groups; g++) q[g] = _mm512_load_ps(query + g * LANES);
        UNROLL for (int i = 0; i < keys; i++)
        {
            const __m512 k = _mm512_set1_ps(key[i * ld]);
            UNROLL for (int g = 0; g < groups; g++) sum[i][g] = _mm512_fmadd_ps(k, q[g], sum[i][g]);
        }
    }
    float *scores = h->scores + (int64_t)row * QUERIES;
    UNROLL for (int i = 0; i < keys; i++) UNROLL for (int g = 0; g < groups; g++)
    {
        _mm512_store_ps(scores + i * QUERIES + g * LANES, sum[i][g]);
        largest[g] = _mm512_max_ps(largest[g], sum[i][g]);
    }
}

/* n scores of each query to weights 2^(factor (score - the largest)), which are added to the sums. */
INLINE void weigh(const struct head *h, int32_t n, float factor, const int groups,
                  const __m512 largest[GROUPS], __m512 sum[GROUPS])
{
    const __m512 f = _mm512_set1_ps(factor);
    __m512 shift[GROUPS];
    float *s = h->scores;
    UNROLL for (int g = 0; g < groups; g++) shift[g] = _mm512_mul_ps(f, largest[g]);
    for (int32_t t = 0; t < n; t++, s += QUERIES)
        UNROLL for (int g = 0; g < groups; g++)
        {
            const __m512 e = glint_exp2_avx512(_mm512_fmsub_ps(_mm512_load_ps(s + g * LANES), f, shift[g]));
            _mm512_store_ps(s + g * LANES, e);
            sum[g] = _mm512_add_ps(sum[g], e);
        }
}

INLINE void invert(const int groups, __m512 sum[GROUPS])
{
    UNROLL for (int g = 0; g < groups; g++) sum[g] = _mm512_div_ps(_mm512_set1_ps(1.0f), sum[g]);
}

/* Weighted sums of columns j .. j + 7 of n values from t on; columns that are not there count as the last. */
INLINE void sum_values(const struct head *h, int32_t t, int32_t n, int32_t j, const int groups,
                       __m512 sum[TILE][GROUPS])
{
    const struct glint_attend *a = h->a;
    const float *v = a->v + t * a->ldv + j, *s = h->scores;
    int32_t at[TILE];
    UNROLL for (int i = 0; i < TILE; i++)
    {
        at[i] = j + i < a->d ? i : a->d - 1 - j;
        UNROLL for (int g = 0; g < groups; g++) sum[i][g] = _mm512_setzero_ps();
    }
    for (int32_t i = 0; i < n; i++, v += a->ldv, s += QUERIES) {
        __m512 e[GROUPS];
        UNROLL for (int g = 0; g < groups; g++) e[g] = _mm512_load_ps(s + g * LANES);
        UNROLL for (int c = 0; c < TILE; c++)
        {
            const __m512 value = _mm512_set1_ps(v[at[c]]);
            UNROLL for (int g = 0; g < groups; g++) sum[c][g] = _mm512_fmadd_ps(value, e[g], sum[c][g]);
        }
    }
}

/* The sums over all values, to rows `to` .. of the results. */
INLINE void value_tile(const struct head *h, int32_t j, const int groups, const __m512 inverse[GROUPS],
                       float *to)
{
    __m512 sum[TILE][GROUPS];
    sum_values(h, 0, h->a->n, j, groups, sum);
    UNROLL for (int i = 0; i < TILE; i++) UNROLL for (int g = 0; g < groups; g++)
        _mm512_store_ps(to + i * QUERIES + g * LANES, _mm512_mul_ps(sum[i][g], inverse[g]));
}

/* The sums over a block, added to those before it. */
INLINE void add_values(const struct head *h, int32_t t, int32_t n, int32_t j, const int groups,
                       const __m512 factor[GROUPS])
{
    __m512 sum[TILE][GROUPS];
    float *to = h->sums + (int64_t)j * QUERIES;
    sum_values(h, t, n, j, groups, sum);
    UNROLL for (int i = 0; i < TILE; i++) UNROLL for (int g = 0; g < groups; g++)
    {
        float *at = to + i * QUERIES + g * LANES;
        if (t > 0)
            sum[i][g] = _mm512_fmadd_ps(_mm512_load_ps(at), factor[g], sum[i][g]);
        _mm512_store_ps(at, sum[i][g]);
    }
}

/* Columns j .. j + 15 of the results, transposed back. */
static void write_results(const struct head *h, int32_t first, int32_t j, int groups)
{
    const struct glint_attend *a = h->a;
    const __mmask16 mask = glint_mask_avx512(a->d - j);
    for (int32_t t = 0; t < groups * LANES; t += LANES) {
        __m512 r[LANES];
        UNROLL for (int i = 0; i < LANES; i++) r[i] = _mm512_load_ps(h->queries + i * QUERIES + t);
        transpose(r);
        UNROLL for (int i = 0; i < LANES; i++) if (first + t + i < a->m)
            _mm512_mask_storeu_ps(a->out + (first + t + i) * a->ldo + j, mask, r[i]);
    }
}

/* Scores of n keys from `first` on. */
INLINE void score(const struct head *h, int32_t first, int32_t n, const int groups, __m512 largest[GROUPS])
{
    int32_t t = 0;
    for (; t + TILE <= n; t += TILE)
        score_tile(h, first + t, t, TILE, groups, largest);
    for (; t < n; t++)
        score_tile(h, first + t, t, 1, groups, largest);
}

/* By blocks of keys; what is summed up so far is relative to the largest score so far. */
INLINE void many_keys(const struct head *h, int32_t first, const int groups, __m512 largest[GROUPS],
                      __m512 sum[GROUPS])
{
    const struct glint_attend *a = h->a;
    const float f = a->scale * 1.44269504f;
    for (int32_t t = 0; t < a->n; t += KEYS) {
        const int32_t n = a->n - t < KEYS ? a->n - t : KEYS;
        __m512 factor[GROUPS];
        UNROLL for (int g = 0; g < groups; g++) factor[g] = largest[g];
        score(h, t, n, groups, largest);
        UNROLL for (int g = 0; g < groups; g++)
        {
            const __m512 change = _mm512_sub_ps(factor[g], largest[g]);
            factor[g] = glint_exp2_avx512(_mm512_mul_ps(change, _mm512_set1_ps(f)));
            sum[g] = t > 0 ? _mm512_mul_ps(sum[g], factor[g]) : sum[g];
        }
        weigh(h, n, f, groups, largest, sum);
        for (int32_t j = 0; j < a->d; j += TILE)
            add_values(h, t, n, j, groups, factor);
    }
    invert(groups, sum);
    for (int32_t j = 0; j < a->d; j += LANES) {
        UNROLL for (int i = 0; i < LANES; i++) UNROLL for (int g = 0; g < groups; g++)
        {
            const int64_t at = i * QUERIES + g * LANES;
            const __m512 all = _mm512_load_ps(h->sums + (int64_t)j * QUERIES + at);
            _mm512_store_ps(h->queries + at, _mm512_mul_ps(all, sum[g]));
        }
        write_results(h, first, j, groups);
    }
}

INLINE void some_queries(const struct head *h, int32_t first, const int groups)
{
    const struct glint_attend *a = h->a;
    const __m512 least = _mm512_set1_ps(-__builtin_inff()), zero = _mm512_setzero_ps();
    __m512 largest[GROUPS] = {least, least, least}, inverse[GROUPS] = {zero, zero, zero};
    transpose_queries(h, first, groups);
    if (a->n > KEYS) {
        many_keys(h, first, groups, largest, inverse);
        return;
    }
    score(h, 0, a->n, groups, largest);
    weigh(h, a->n, a->scale * 1.44269504f, groups, largest, inverse);
    invert(groups, inverse);
    for (int32_t j = 0; j < a->d; j += LANES) {
        value_tile(h, j, groups, inverse, h->queries);
        if (j + TILE < a->d)
            value_tile(h, j + TILE, groups, inverse, h->queries + TILE * QUERIES);
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

/* Four registers of queries are two and two: fewer in one pass would leave the units waiting. */
void glint_attend_avx512(const struct glint_attend *a)
{
    const int32_t rows = a->d > LANES ? a->d : LANES;
    float *scores = (float *)a->scratch + (int64_t)rows * QUERIES;
    const struct head h = {a, a->scratch, scores, scores + KEYS * QUERIES};
    for (int32_t first = 0; first < a->m;) {
        const int32_t left = (a->m - first + LANES - 1) / LANES;
        if (left >= 3 && left != 4) {
            three(&h, first);
            first += 3 * LANES;
        } else if (left > 1) {
            two(&h, first);
            first += 2 * LANES;
        } else {
            one(&h, first);
            first += LANES;
        }
    }
}
