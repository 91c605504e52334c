/* attention/x86/gemm_avx2.c - glint_gemm_fn with AVX2 and FMA.
 *
 * A tile is 6 rows by 16 columns, half a panel: 12 accumulators, two registers of B, two for broadcasts of A.
 * See gemm_avx512.c for the order of the loops; here each half of a panel passes over the rows. The last 8
 * columns or fewer have tiles half as wide. */
#include "attention/act.h"
#include "attention/gemm.h"
#include "attention/x86/vec_math_avx2.h"

#define TILE     6
#define WIDTH    16 /* columns of a tile */
#define FEW_ROWS 4  /* most rows of a tile for at most GLINT_FEW outputs */
#define FEW_K    48 /* the least k where that pays */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 6")
#endif
#define INLINE static inline __attribute__((always_inline))

struct panel { /* half of one */
    const struct glint_gemm *g;
    const float *b; /* k x 16, rows 32 apart */
    int32_t first;  /* its first column of c */
    int32_t n;      /* columns that c has, at least 1 */
    __m256 bias[2], least,
        least_sum; /* what a result is raised to (ReLU: 0), before and after the residual */
};

INLINE float *result(const struct panel *p, int32_t m, int half)
{
    const struct glint_gemm *g = p->g;
    return (g->c_rows ? g->c_rows[m] : g->c + m * g->ldc) + p->first + 8 * half;
}

INLINE void store(const struct panel *p, int32_t m, int half, __m256 v)
{
    const struct glint_gemm *g = p->g;
    const float *row = g->residual_rows ? g->residual_rows[m] : g->residual ? g->residual + m * g->ldr : NULL;
    const float *residual = row ? row + p->first + 8 * half : NULL;
    float *c = result(p, m, half);
    if (p->n >= 8 * half + 8) {
        v = residual ? _mm256_add_ps(v, _mm256_loadu_ps(residual)) : v;
        _mm256_storeu_ps(c, _mm256_max_ps(p->least_sum, v));
        return;
    }
    const __m256i mask = glint_mask_avx2(p->n - 8 * half);
    v = residual ? _mm256_add_ps(v, _mm256_maskload_ps(residual, mask)) : v;
    _mm256_maskstore_ps(c, mask, _mm256_max_ps(p->least_sum, v));
}

/* Bias, GELU, residual of a tile of sums: a loop, which keeps the long GELU out of the unrolled code. */
static void finish_gelu(const struct panel *p, int32_t m, int32_t count, int halves, float (*sum)[WIDTH])
{
    for (int32_t i = 0; i < count; i++)
        for (int half = 0; half < halves; half++) {
            const __m256 v = _mm256_add_ps(_mm256_loadu_ps(sum[i] + 8 * half), p->bias[half]);
            store(p, m + i, half, glint_gelu_avx2(v));
        }
}

/* Rows m .. m + count - 1 times `halves` halves of 8 columns, as a tile of `rows` rows: the last stands in
 * for those that are not there. */
INLINE void tile(const struct panel *p, int32_t m, int32_t count, const int rows, const int halves)
{
    const struct glint_gemm *g = p->g;
    const int32_t length = g->w->k / g->n_segments;
    const float *b = p->b;
    __m256 sum[TILE][2];
    UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *row = g->rows + (int64_t)s * g->m + m;
        const float *a[TILE];
        UNROLL for (int i = 0; i < rows; i++) a[i] = row[i < count ? i : count - 1];
        for (int32_t k = 0; k < length; k++, b += GLINT_PANEL) {
            const __m256 b0 = _mm256_loadu_ps(b);
            const __m256 b1 = halves == 2 ? _mm256_loadu_ps(b + 8) : b0;
            UNROLL for (int i = 0; i < rows; i++)
            {
                const __m256 v = _mm256_broadcast_ss(&a[i][k]);
                sum[i][0] = _mm256_fmadd_ps(v, b0, sum[i][0]);
                if (halves == 2)
                    sum[i][1] = _mm256_fmadd_ps(v, b1, sum[i][1]);
            }
        }
    }
    if (g->act == GLINT_ACT_GELU) {
        float stored[TILE][WIDTH];
        UNROLL for (int i = 0; i < rows; i++)
        {
            _mm256_storeu_ps(stored[i], sum[i][0]);
            if (halves == 2)
                _mm256_storeu_ps(stored[i] + 8, sum[i][1]);
        }
        finish_gelu(p, m, count, halves, stored);
        return;
    }
    UNROLL for (int i = 0; i < rows; i++)
    {
        if (i < count) { /* in max_ps a NaN is the second operand and stays */
            store(p, m + i, 0, _mm256_max_ps(p->least, _mm256_add_ps(sum[i][0], p->bias[0])));
            if (halves == 2)
                store(p, m + i, 1, _mm256_max_ps(p->least, _mm256_add_ps(sum[i][1], p->bias[1])));
        }
    }
}

INLINE void tiles(const struct panel *p, const int halves)
{
    const int32_t m = p->g->m;
    int32_t i = 0;
    for (; i + TILE <= m; i += TILE)
        tile(p, i, TILE, TILE, halves);
    const int32_t rest = m - i;
    if (rest > 3)
        tile(p, i, rest, TILE, halves);
    else if (rest > 1)
        tile(p, i, rest, 3, halves);
    else if (rest == 1)
        tile(p, i, rest, 1, halves);
}

static void wide_panel(const struct panel *p)
{
    tiles(p, 2);
}

static void narrow_panel(const struct panel *p)
{
    tiles(p, 1);
}

static float activate(enum glint_act act, float v)
{
    return act == GLINT_ACT_RELU ? glint_relu(v) : act == GLINT_ACT_GELU ? glint_gelu(v) : v;
}

static void finish_few(const struct glint_gemm *g, int32_t m, int32_t count, float (*total)[GLINT_FEW])
{
    for (int32_t i = m; i < m + count; i++) {
        float *c = g->c_rows ? g->c_rows[i] : g->c + i * g->ldc;
        const float *row = g->residual_rows ? g->residual_rows[i]
                           : g->residual    ? g->residual + i * g->ldr
                                            : NULL;
        for (int32_t j = 0; j < g->w->n; j++) {
            const float v = activate(g->act, total[i - m][j] + g->w->bias[j]);
            const float sum = row ? v + row[j] : v;
            c[j] = g->act == GLINT_ACT_RELU_LAST ? glint_relu(sum) : sum;
        }
    }
}

/* Few outputs: 8 steps of k at a time, for `rows` rows and all n outputs; then sums over the lanes. */
INLINE void few_tile(const struct glint_gemm *g, int32_t m, int32_t count, const int rows, const int n)
{
    const int32_t k = g->w->k, length = k / g->n_segments;
    __m256 sum[FEW_ROWS][GLINT_FEW];
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < n; j++) sum[i][j] = _mm256_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *row = g->rows + (int64_t)s * g->m + m;
        const float *b = g->w->rows + (int64_t)s * length;
        for (int32_t at = 0; at < length; at += 8) {
            const __m256i mask = glint_mask_avx2(length - at);
            __m256 weight[GLINT_FEW];
            UNROLL for (int j = 0; j < n; j++) weight[j] = _mm256_maskload_ps(b + (int64_t)j * k + at, mask);
            UNROLL for (int i = 0; i < rows; i++)
            {
                const __m256 a = _mm256_maskload_ps(row[i < count ? i : count - 1] + at, mask);
                UNROLL for (int j = 0; j < n; j++) sum[i][j] = _mm256_fmadd_ps(a, weight[j], sum[i][j]);
            }
        }
    }
    float total[FEW_ROWS][GLINT_FEW];
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < n; j++) total[i][j] =
        glint_sum_avx2(sum[i][j]);
    finish_few(g, m, count, total);
}

INLINE void few_tiles(const struct glint_gemm *g, const int rows, const int n)
{
    for (int32_t i = 0; i < g->m; i += rows)
        few_tile(g, i, g->m - i < rows ? g->m - i : rows, rows, n);
}

static void few_outputs(const struct glint_gemm *g)
{
    switch (g->w->n) { /* at most 12 sums, so that all stay in registers */
    case 1:
        few_tiles(g, 4, 1);
        break;
    case 2:
        few_tiles(g, 4, 2);
        break;
    case 3:
        few_tiles(g, 4, 3);
        break;
    default:
        few_tiles(g, 2, 4);
    }
}

void glint_gemm_avx2(const struct glint_gemm *g)
{
    const struct glint_weights *w = g->w;
    if (w->rows && w->k >= FEW_K) {
        few_outputs(g);
        return;
    }
    for (int32_t first = 0; first < w->n; first += WIDTH) {
        const struct panel p = {
            .g = g,
            .b = w->panels + (int64_t)(first / GLINT_PANEL) * GLINT_PANEL * w->k + first % GLINT_PANEL,
            .first = first,
            .n = w->n - first,
            .bias = {_mm256_loadu_ps(w->bias + first), _mm256_loadu_ps(w->bias + first + 8)},
            .least = _mm256_set1_ps(g->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
            .least_sum = _mm256_set1_ps(g->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff()),
        };
        if (p.n > 8)
            wide_panel(&p);
        else
            narrow_panel(&p);
    }
}
