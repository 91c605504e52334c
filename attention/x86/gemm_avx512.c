/* attention/x86/gemm_avx512.c - glint_gemm_fn with AVX-512.
 *
 * A tile is 14 rows by one panel of 32 columns: 28 accumulators, two registers of B, the rest for broadcasts
 * of A. Each step of k costs 28 multiply-adds (14 cycles of two units) and 16 loads (8 cycles), so the
 * multiply-adds bound it. Panels are the outer loop: a panel stays in the second-level cache while the rows,
 * which are fewer, pass by. Panels of at most 16 columns have tiles half as wide. */
#include "attention/x86/gemm_tile_avx512.h"

#define FEW_ROWS 4  /* rows of a tile for at most GLINT_FEW outputs */
#define FEW_K    48 /* the least k where that pays */

/* Rows m .. m + count - 1 times `halves` halves of a panel, as a tile of `rows` rows: the last stands in for
 * those that are not there. */
INLINE void tile(const struct panel *p, int32_t m, int32_t count, const int rows, const int halves)
{
    const struct glint_gemm *g = p->g;
    const int32_t length = g->w->k / g->n_segments;
    const float *b = p->b;
    __m512 sum[TILE][2];
    UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *row = g->rows + (int64_t)s * g->m + m;
        const float *a[TILE];
        UNROLL for (int i = 0; i < rows; i++) a[i] = row[i < count ? i : count - 1];
        for (int32_t k = 0; k < length; k++, b += GLINT_PANEL) {
            const __m512 b0 = _mm512_loadu_ps(b);
            const __m512 b1 = halves == 2 ? _mm512_loadu_ps(b + 16) : b0;
            UNROLL for (int i = 0; i < rows; i++)
            {
                const __m512 v = _mm512_set1_ps(a[i][k]);
                sum[i][0] = _mm512_fmadd_ps(v, b0, sum[i][0]);
                if (halves == 2)
                    sum[i][1] = _mm512_fmadd_ps(v, b1, sum[i][1]);
            }
        }
    }
    finish_tile(p, m, count, rows, halves, sum);
}

INLINE void tiles(const struct panel *p, const int halves)
{
    const int32_t m = p->g->m;
    int32_t i = 0;
    for (; i + TILE <= m; i += TILE)
        tile(p, i, TILE, TILE, halves);
    const int32_t rest = m - i;
    if (rest > 9)
        tile(p, i, rest, TILE, halves);
    else if (rest > 4)
        tile(p, i, rest, 9, halves);
    else if (rest > 1)
        tile(p, i, rest, 4, halves);
    else if (rest == 1)
        tile(p, i, rest, 1, halves);
}

static float activate(enum glint_act act, float v)
{
    return act == GLINT_ACT_RELU ? glint_relu(v) : act == GLINT_ACT_GELU ? glint_gelu(v) : v;
}

static void finish_few(const struct glint_gemm *g, int32_t m, int32_t count, float (*total)[GLINT_FEW])
{
    for (int32_t i = 0; i < count; i++) {
        float *c = g->c_rows ? g->c_rows[m + i] : g->c + (m + i) * g->ldc;
        const float *row = g->residual_rows ? g->residual_rows[m + i]
                           : g->residual    ? g->residual + (m + i) * g->ldr
                                            : NULL;
        for (int32_t j = 0; j < g->w->n; j++) {
            const float v = activate(g->act, total[i][j] + g->w->bias[j]);
            const float sum = row ? v + row[j] : v;
            c[j] = g->act == GLINT_ACT_RELU_LAST ? glint_relu(sum) : sum;
        }
    }
}

static void wide_panel(const struct panel *p)
{
    tiles(p, 2);
}

static void narrow_panel(const struct panel *p)
{
    tiles(p, 1);
}

/* Few outputs: 16 steps of k at a time, for FEW_ROWS rows and all n outputs; then sums over the lanes. */
INLINE void few_tile(const struct glint_gemm *g, int32_t m, int32_t count, const int n)
{
    const int32_t k = g->w->k, length = k / g->n_segments;
    __m512 sum[FEW_ROWS][GLINT_FEW];
    UNROLL for (int i = 0; i < FEW_ROWS; i++) UNROLL for (int j = 0; j < n; j++) sum[i][j] =
        _mm512_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *row = g->rows + (int64_t)s * g->m + m;
        const float *b = g->w->rows + (int64_t)s * length;
        for (int32_t at = 0; at < length; at += 16) {
            const __mmask16 mask = glint_mask_avx512(length - at);
            __m512 weight[GLINT_FEW];
            UNROLL for (int j = 0; j < n; j++) weight[j] =
                _mm512_maskz_loadu_ps(mask, b + (int64_t)j * k + at);
            UNROLL for (int i = 0; i < FEW_ROWS; i++)
            {
                const __m512 a = _mm512_maskz_loadu_ps(mask, row[i < count ? i : count - 1] + at);
                UNROLL for (int j = 0; j < n; j++) sum[i][j] = _mm512_fmadd_ps(a, weight[j], sum[i][j]);
            }
        }
    }
    float total[FEW_ROWS][GLINT_FEW];
    UNROLL for (int i = 0; i < FEW_ROWS; i++) UNROLL for (int j = 0; j < n; j++) total[i][j] =
        _mm512_reduce_add_ps(sum[i][j]);
    finish_few(g, m, count, total);
}

INLINE void few_tiles(const struct glint_gemm *g, const int n)
{
    for (int32_t i = 0; i < g->m; i += FEW_ROWS)
        few_tile(g, i, g->m - i < FEW_ROWS ? g->m - i : FEW_ROWS, n);
}

static void few_outputs(const struct glint_gemm *g)
{
    switch (g->w->n) {
    case 1:
        few_tiles(g, 1);
        break;
    case 2:
        few_tiles(g, 2);
        break;
    case 3:
        few_tiles(g, 3);
        break;
    default:
        few_tiles(g, 4);
    }
}

void glint_gemm_avx512(const struct glint_gemm *g)
{
    const struct glint_weights *w = g->w;
    if (w->rows && w->k >= FEW_K) {
        few_outputs(g);
        return;
    }
    for (int32_t first = 0; first < w->n; first += GLINT_PANEL) {
        const struct panel p = {
            .g = g,
            .b = w->panels + (int64_t)first * w->k,
            .first = first,
            .mask = {glint_mask_avx512(w->n - first), glint_mask_avx512(w->n - first - 16)},
            .bias = {_mm512_loadu_ps(w->bias + first), _mm512_loadu_ps(w->bias + first + 16)},
            .least = _mm512_set1_ps(g->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
            .least_sum = _mm512_set1_ps(g->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff()),
        };
        if (w->n - first > 16)
            wide_panel(&p);
        else
            narrow_panel(&p);
    }
}
