/* attention/x86/gemm_avx512vnni.c - glint_gemm_fn with AVX512_VNNI, for weights of integers.
 *
 * A tile is as in gemm_avx512.c, with two steps of k per instruction, a block at a time: its sums are
 * integers in registers; then they become floats, get their rows' scales and join the sums of the blocks
 * before, which wait in the first-level cache. Rows that come as floats are rounded once per tile of 14, so
 * tiles are the outer loop. */
#include "attention/x86/fixed_avx512.h"
#include "attention/x86/gemm_tile_avx512.h"
#include <string.h>

#define ROWS     7 /* of the tile: sums of a block and of all blocks before are in registers */
#define LOW      3 /* rows of the tile for the last few */
#define SEGMENTS 9 /* most of a row: a 3x3 neighbourhood */

struct rows { /* of a tile */
    const int16_t *value[SEGMENTS][ROWS];
    const float *scale[SEGMENTS][ROWS]; /* one per block */
    int32_t block, n_blocks;            /* of a segment */
};

struct rounded { /* rows that came as floats */
    int16_t value[ROWS * GLINT_PAIRS_K];
    float scale[ROWS * GLINT_PAIRS_K / GLINT_FIXED_STEP];
};

/* Rows m .. m + count - 1; the last stands in for others. */
static void take_rows(const struct glint_gemm *g, int32_t m, int32_t count, struct rows *r)
{
    for (int32_t s = 0; s < g->n_segments; s++)
        for (int32_t i = 0; i < ROWS; i++) {
            const int64_t at = (int64_t)s * g->m + m + (i < count ? i : count - 1);
            r->value[s][i] = (const int16_t *)g->half_rows[at];
            r->scale[s][i] = g->half_scales[at];
        }
}

/* The first n rows from `from` on, in blocks of `block`, one after another. */
INLINE void round_some(const float *const *from, int32_t n, int32_t length, const int block, int16_t *value,
                       float *scale)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < length; j += block, value += block)
            glint_fixed_round_block(from[i] + j, NULL, 0.0f, block, value, scale++, NULL);
}

/* Not inlined: beside it the compiler keeps fewer of a tile's sums in registers. */
__attribute__((noinline)) static void round_rows(const struct glint_gemm *g, int32_t m, int32_t count,
                                                 struct rows *r, struct rounded *memory)
{
    const int32_t length = r->block * r->n_blocks;
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *const *from = g->rows + (int64_t)s * g->m + m;
        int16_t *value = memory->value + (int64_t)s * ROWS * length;
        float *scale = memory->scale + s * ROWS * r->n_blocks;
        if (r->block == 64)
            round_some(from, count, length, 64, value, scale);
        else if (r->block == 128)
            round_some(from, count, length, 128, value, scale);
        else
            for (int32_t i = 0; i < count; i++)
                glint_fixed_row_avx512(from[i], NULL, NULL, length, r->block, value + i * length,
                                       scale + i * r->n_blocks, NULL);
        for (int32_t i = 0; i < ROWS; i++) {
            r->value[s][i] = value + (i < count ? i : count - 1) * length;
            r->scale[s][i] = scale + (i < count ? i : count - 1) * r->n_blocks;
        }
    }
}

/* A type of its own: with that of all integers GCC 12 moves every sum through memory at each step. */
typedef int32_t lanes __attribute__((vector_size(64)));

INLINE __m512 add_scaled(lanes part, __m512 scale, __m512 total)
{
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)part), scale, total);
}

/* One block's products, with their rows' scales, added to the sums of a tile. */
INLINE void add_block(const struct rows *r, int32_t s, int32_t block, const uint16_t *b, const int rows,
                      const int halves, __m512 total[TILE][2])
{
    const int16_t *a[ROWS];
    lanes sum[ROWS][2];
    UNROLL for (int i = 0; i < rows; i++) a[i] = r->value[s][i] + block * r->block;
    UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (lanes){0};
    for (int32_t k = 0; k < r->block / 2; k++, b += 2 * GLINT_PANEL) {
        const __m512i b0 = _mm512_loadu_si512(b);
        const __m512i b1 = halves == 2 ? _mm512_loadu_si512(b + GLINT_PANEL) : b0;
        UNROLL for (int i = 0; i < rows; i++)
        {
            int32_t pair;
            memcpy(&pair, a[i] + 2 * k, sizeof pair);
            const __m512i v = _mm512_set1_epi32(pair);
            sum[i][0] = (lanes)_mm512_dpwssd_epi32((__m512i)sum[i][0], v, b0);
            if (halves == 2)
                sum[i][1] = (lanes)_mm512_dpwssd_epi32((__m512i)sum[i][1], v, b1);
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
    {
        const __m512 scale = _mm512_set1_ps(r->scale[s][i][block]);
        total[i][0] = add_scaled(sum[i][0], scale, total[i][0]);
        if (halves == 2)
            total[i][1] = add_scaled(sum[i][1], scale, total[i][1]);
    }
}

INLINE void tile(const struct panel *p, const uint16_t *b, const struct rows *r, int32_t m, int32_t count,
                 const int rows, const int halves)
{
    const struct glint_gemm *g = p->g;
    __m512 sum[TILE][2];
    UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int32_t s = 0; s < g->n_segments; s++)
        for (int32_t block = 0; block < r->n_blocks; block++, b += r->block * GLINT_PANEL)
            add_block(r, s, block, b, rows, halves, sum);
    const __m512 scale0 = _mm512_loadu_ps(g->w->scale + p->first);
    const __m512 scale1 = _mm512_loadu_ps(g->w->scale + p->first + 16);
    UNROLL for (int i = 0; i < rows; i++)
    {
        sum[i][0] = _mm512_mul_ps(sum[i][0], scale0);
        if (halves == 2)
            sum[i][1] = _mm512_mul_ps(sum[i][1], scale1);
    }
    finish_tile(p, m, count, rows, halves, sum);
}

/* All panels for rows m .. m + count - 1. */
INLINE void panels(const struct glint_gemm *g, const struct rows *r, int32_t m, int32_t count, const int rows)
{
    const struct glint_weights *w = g->w;
    const uint16_t *b = w->pairs;
    for (int32_t first = 0; first < w->n; first += GLINT_PANEL, b += (int64_t)w->k * GLINT_PANEL) {
        const struct panel p = {
            .g = g,
            .first = first,
            .mask = {glint_mask_avx512(w->n - first), glint_mask_avx512(w->n - first - 16)},
            .bias = {_mm512_loadu_ps(w->bias + first), _mm512_loadu_ps(w->bias + first + 16)},
            .least = _mm512_set1_ps(g->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
            .least_sum = _mm512_set1_ps(g->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff()),
        };
        if (w->n - first > 16)
            tile(&p, b, r, m, count, rows, 2);
        else
            tile(&p, b, r, m, count, rows, 1);
    }
}

static void tall(const struct glint_gemm *g, const struct rows *r, int32_t m, int32_t count)
{
    panels(g, r, m, count, ROWS);
}

static void low(const struct glint_gemm *g, const struct rows *r, int32_t m, int32_t count)
{
    panels(g, r, m, count, LOW);
}

/* Not inlined: products of floats shall not pay for the buffer. */
__attribute__((noinline)) static void by_integers(const struct glint_gemm *g)
{
    const int32_t length = g->w->k / g->n_segments;
    struct rounded memory;
    struct rows r = {.block = g->half_rows ? g->block : glint_fixed_block(length)};
    r.n_blocks = length / r.block;
    for (int32_t m = 0; m < g->m; m += ROWS) {
        const int32_t count = g->m - m < ROWS ? g->m - m : ROWS;
        if (g->half_rows)
            take_rows(g, m, count, &r);
        else
            round_rows(g, m, count, &r, &memory);
        if (count > LOW)
            tall(g, &r, m, count);
        else
            low(g, &r, m, count);
    }
}

void glint_gemm_avx512vnni(const struct glint_gemm *g)
{
    if (g->w->scale && glint_gemm_takes_integers(g))
        by_integers(g);
    else
        glint_gemm_avx512(g);
}
