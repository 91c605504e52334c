/* attention/x86/attend_avx512.c - glint_attend_fn with AVX-512.
 *
 * Keys are transposed once (16 x 16 in registers). Then 12 queries at a time: their scores by tiles of 12 x
 * 32 keys, softmax in base 2 with the scale folded into its one subtraction, weighted values by tiles of 12 x
 * 16 columns. Scores (12 x n), keys and one head's values together fit the first-level cache; values are read
 * where they are. */
#include "attention/attend.h"
#include "attention/x86/vec_math_avx512.h"

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
    float *keys;   /* d x wide: column t is key t, zeros behind the last */
    float *scores; /* QUERIES x wide */
    int64_t wide;
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

static void transpose_keys(const struct head *h)
{
    const struct glint_attend *a = h->a;
    for (int32_t t = 0; t < h->wide; t += LANES)
        for (int32_t j = 0; j < a->d; j += LANES) {
            const __mmask16 mask = glint_mask_avx512(a->d - j);
            __m512 r[LANES];
            UNROLL for (int i = 0; i < LANES; i++) r[i] =
                t + i < a->n ? _mm512_maskz_loadu_ps(mask, a->k + (t + i) * a->ldk + j) : _mm512_setzero_ps();
            transpose(r);
            UNROLL for (int i = 0; i < LANES; i++) if (j + i < a->d)
                _mm512_store_ps(h->keys + (j + i) * h->wide + t, r[i]);
        }
}

/* Scores of all rows with 16 * halves keys from t on. */
INLINE void score_tile(const struct head *h, const float *const q[QUERIES], int64_t t, const int halves)
{
    const float *keys = h->keys + t;
    __m512 sum[QUERIES][2];
    UNROLL for (int i = 0; i < QUERIES; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int32_t j = 0; j < h->a->d; j++, keys += h->wide) {
        const __m512 k0 = _mm512_load_ps(keys), k1 = halves == 2 ? _mm512_load_ps(keys + LANES) : k0;
        UNROLL for (int i = 0; i < QUERIES; i++)
        {
            const __m512 v = _mm512_set1_ps(q[i][j]);
            sum[i][0] = _mm512_fmadd_ps(v, k0, sum[i][0]);
            if (halves == 2)
                sum[i][1] = _mm512_fmadd_ps(v, k1, sum[i][1]);
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

/* s = 2^(factor (s - the largest)), one row; the sum's inverse. */
static float weigh(float *s, int32_t n, float factor)
{
    const __m512 f = _mm512_set1_ps(factor), shift = _mm512_set1_ps(factor * largest_of(s, n));
    __m512 sum = _mm512_setzero_ps();
    int32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const __m512 e = glint_exp2_avx512(_mm512_fmsub_ps(_mm512_load_ps(s + j), f, shift));
        _mm512_store_ps(s + j, e);
        sum = _mm512_add_ps(sum, e);
    }
    if (j < n) {
        const __m512 e = glint_exp2_avx512(_mm512_fmsub_ps(_mm512_load_ps(s + j), f, shift));
        _mm512_store_ps(s + j, e);
        sum = _mm512_mask_add_ps(sum, glint_mask_avx512(n - j), sum, e);
    }
    return 1.0f / _mm512_reduce_add_ps(sum);
}

/* Weighted sums of the values' columns j .. j + 15 for `count` rows. */
INLINE void value_tile(const struct head *h, int32_t j, int32_t count, const float inverse[QUERIES],
                       float *out)
{
    const struct glint_attend *a = h->a;
    const __mmask16 mask = glint_mask_avx512(a->d - j);
    const float *v = a->v + j, *s = h->scores;
    __m512 sum[QUERIES];
    UNROLL for (int i = 0; i < QUERIES; i++) sum[i] = _mm512_setzero_ps();
    for (int32_t t = 0; t < a->n; t++, v += a->ldv, s++) {
        const __m512 value = _mm512_maskz_loadu_ps(mask, v);
        UNROLL for (int i = 0; i < QUERIES; i++) sum[i] =
            _mm512_fmadd_ps(_mm512_set1_ps(s[i * h->wide]), value, sum[i]);
    }
    UNROLL for (int i = 0; i < QUERIES; i++) if (i < count)
        _mm512_mask_storeu_ps(out + i * a->ldo + j, mask, _mm512_mul_ps(sum[i], _mm512_set1_ps(inverse[i])));
}

/* Up to QUERIES rows from `first` on; the last stands in for those that are not there. */
static void some_queries(const struct head *h, int32_t first)
{
    const struct glint_attend *a = h->a;
    const int32_t count = a->m - first < QUERIES ? a->m - first : QUERIES;
    const float *q[QUERIES];
    float inverse[QUERIES];
    for (int32_t i = 0; i < QUERIES; i++)
        q[i] = a->q + (first + (i < count ? i : count - 1)) * a->ldq;
    int64_t t = 0;
    for (; t + LANES < a->n; t += 2 * LANES)
        score_tile(h, q, t, 2);
    if (t < a->n)
        score_tile(h, q, t, 1);
    for (int32_t i = 0; i < count; i++)
        inverse[i] = weigh(h->scores + i * h->wide, a->n, a->scale * 1.44269504f);
    for (int32_t j = 0; j < a->d; j += LANES)
        value_tile(h, j, count, inverse, a->out + first * a->ldo);
}

void glint_attend_avx512(const struct glint_attend *a)
{
    const int64_t wide = ((int64_t)a->n + GLINT_PANEL - 1) / GLINT_PANEL * GLINT_PANEL;
    const struct head h = {a, a->scratch, (float *)a->scratch + wide * a->d, wide};
    transpose_keys(&h);
    for (int32_t first = 0; first < a->m; first += QUERIES)
        some_queries(&h, first);
}
