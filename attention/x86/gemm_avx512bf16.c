/* attention/x86/gemm_avx512bf16.c - glint_gemm_fn with AVX512_BF16, for weights with pairs.
 *
 * A tile is as in gemm_avx512.c, with two steps of k per instruction. Rows are rounded once per tile of 14,
 * into a buffer that mostly stays in the first-level cache, so tiles are the outer loop here and panels, half
 * as large as those of floats, come from the second level. Neighbours in an image overlap: what a row has in
 * common with the one before is rounded once. Sums are float. */
#include "attention/x86/gemm_tile_avx512.h"
#include <string.h>

#define LOW  5  /* rows of the tile for the last few */
#define STEP 32 /* values rounded at once */

#define SEGMENTS 9 /* most of a row: a 3x3 neighbourhood */

typedef const uint16_t *half_rows[SEGMENTS][TILE]; /* a tile's rows */

struct rounded {
    half_rows row;
    uint16_t value[TILE * (GLINT_PAIRS_K + SEGMENTS * STEP)];
};

static void round_values(const float *from, int32_t n, uint16_t *to)
{
    int32_t j = 0;
    for (; j + STEP <= n; j += STEP) {
        const __m512 low = _mm512_loadu_ps(from + j), high = _mm512_loadu_ps(from + j + 16);
        _mm512_storeu_si512(to + j, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    for (; j < n; j += 16) {
        const __mmask16 mask = glint_mask_avx512(n - j);
        const __m256i v = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, from + j));
        _mm256_mask_storeu_epi16(to + j, mask, v);
    }
}

/* Rows m .. m + count - 1; the last stands in for others up to `rows`. */
static void round_rows(const struct glint_gemm *g, int32_t m, int32_t count, int32_t rows, struct rounded *r)
{
    const int64_t length = g->w->k / g->n_segments;
    uint16_t *end = r->value;
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *from = g->rows + (int64_t)s * g->m + m;
        uint16_t *to = end;
        for (int32_t i = 0; i < count; i++) {
            const int64_t step = i > 0 ? ((intptr_t)from[i] - (intptr_t)from[i - 1]) / 4 : length;
            const bool overlaps = step > 0 && step < length && step % 2 == 0;
            to = overlaps ? to + step : end;
            const int64_t known = overlaps ? length - step : 0;
            round_values(from[i] + known, (int32_t)(length - known), to + known);
            to[length] = 0; /* the second of a last pair */
            end = to + (length + 1) / 2 * 2;
            r->row[s][i] = to;
        }
        for (int32_t i = count; i < rows; i++)
            r->row[s][i] = to;
        end = r->value + (end - r->value + STEP - 1) / STEP * STEP;
    }
}

INLINE void tile(const struct panel *p, const uint16_t *b, half_rows row, int32_t m, int32_t count,
                 const int rows, const int halves)
{
    const struct glint_gemm *g = p->g;
    const int32_t n_pairs = (g->w->k / g->n_segments + 1) / 2;
    __m512 sum[TILE][2];
    UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++) {
        const uint16_t *a[TILE];
        UNROLL for (int i = 0; i < rows; i++) a[i] = row[s][i];
        for (int32_t k = 0; k < n_pairs; k++, b += 2 * GLINT_PANEL) {
            const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b);
            const __m512bh b1 = halves == 2 ? (__m512bh)_mm512_loadu_si512(b + GLINT_PANEL) : b0;
            UNROLL for (int i = 0; i < rows; i++)
            {
                int32_t pair;
                memcpy(&pair, a[i] + 2 * k, sizeof pair);
                const __m512bh v = (__m512bh)_mm512_set1_epi32(pair);
                sum[i][0] = _mm512_dpbf16_ps(sum[i][0], v, b0);
                if (halves == 2)
                    sum[i][1] = _mm512_dpbf16_ps(sum[i][1], v, b1);
            }
        }
    }
    finish_tile(p, m, count, rows, halves, sum);
}

/* All panels for rows m .. m + count - 1; rows of the buffer that are not there hold what was there before.
 */
INLINE void panels(const struct glint_gemm *g, half_rows a, int32_t m, int32_t count, const int rows)
{
    const struct glint_weights *w = g->w;
    const int64_t size = ((int64_t)w->k + 1) / 2 * 2 * GLINT_PANEL;
    const uint16_t *b = w->pairs;
    for (int32_t first = 0; first < w->n; first += GLINT_PANEL, b += size) {
        const struct panel p = {
            .g = g,
            .first = first,
            .mask = {glint_mask_avx512(w->n - first), glint_mask_avx512(w->n - first - 16)},
            .bias = {_mm512_loadu_ps(w->bias + first), _mm512_loadu_ps(w->bias + first + 16)},
            .least = _mm512_set1_ps(g->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
            .least_sum = _mm512_set1_ps(g->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff()),
        };
        if (w->n - first > 16)
            tile(&p, b, a, m, count, rows, 2);
        else
            tile(&p, b, a, m, count, rows, 1);
    }
}

static void tall(const struct glint_gemm *g, half_rows a, int32_t m, int32_t count)
{
    panels(g, a, m, count, TILE);
}

static void low(const struct glint_gemm *g, half_rows a, int32_t m, int32_t count)
{
    panels(g, a, m, count, LOW);
}

/* Pairs do not reach across segments. */
static bool has_pairs(const struct glint_gemm *g)
{
    return g->w->pairs &&
           (g->n_segments == 1 || (g->n_segments <= SEGMENTS && g->w->k / g->n_segments % 2 == 0));
}

/* Rows that come rounded are read where they are. */
static void by_half_rows(const struct glint_gemm *g)
{
    for (int32_t m = 0; m < g->m; m += TILE) {
        const int32_t count = g->m - m < TILE ? g->m - m : TILE, rows = count > LOW ? TILE : LOW;
        const uint16_t *row[SEGMENTS][TILE];
        for (int32_t s = 0; s < g->n_segments; s++)
            for (int32_t i = 0; i < rows; i++)
                row[s][i] = g->half_rows[(int64_t)s * g->m + m + (i < count ? i : count - 1)];
        if (rows == TILE)
            tall(g, row, m, count);
        else
            low(g, row, m, count);
    }
}

/* Not inlined: products of floats shall not pay for the buffer. */
__attribute__((noinline)) static void by_pairs(const struct glint_gemm *g)
{
    struct rounded r;
    for (int32_t m = 0; m < g->m; m += TILE) {
        const int32_t count = g->m - m < TILE ? g->m - m : TILE, rows = count > LOW ? TILE : LOW;
        round_rows(g, m, count, rows, &r);
        if (rows == TILE)
            tall(g, r.row, m, count);
        else
            low(g, r.row, m, count);
    }
}

void glint_gemm_avx512bf16(const struct glint_gemm *g)
{
    if (g->w->scale)
        glint_gemm_avx512vnni(g);
    else if (g->half_rows)
        by_half_rows(g);
    else if (has_pairs(g))
        by_pairs(g);
    else
        glint_gemm_avx512(g);
}
