/* attention/gemm.c - packing, the reference product, the choice of version; see gemm.h. */
#include "attention/gemm.h"
#include "attention/act.h"
#include "attention/bfloat.h"
#include "attention/fixed.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#define FIXED_SEGMENTS 9
#define FIXED_SUM      131000.0 /* times GLINT_FIXED_MOST, with 128 halves of roundings, is below 2^31 */
#define LINEAR_ROWS    112 /* rows of one call: a multiple of the kernels' 14, small enough for the caches */

static int64_t panel_count(int32_t n)
{
    return ((int64_t)n + GLINT_PANEL - 1) / GLINT_PANEL;
}

static size_t panels_bytes(int32_t k, int32_t n)
{
    return (size_t)panel_count(n) * GLINT_PANEL * sizeof(float) * ((size_t)k + 1);
}

size_t glint_weights_bytes(int32_t k, int32_t n)
{
    return panels_bytes(k, n) + (n <= GLINT_FEW ? (size_t)n * (size_t)k * sizeof(float) : 0);
}

void glint_weights_pack(struct glint_weights *w, void *memory, const float *rows, int64_t ld,
                        const float *scale, const float *bias, int32_t k, int32_t n)
{
    assert(((uintptr_t)memory & (GLINT_ARENA_ALIGN - 1)) == 0 && k > 0 && n > 0);
    float *panels = memory;
    float *padded_bias = panels + panel_count(n) * GLINT_PANEL * k;
    float *plain = n <= GLINT_FEW ? padded_bias + panel_count(n) * GLINT_PANEL : NULL;
    memset(memory, 0, panels_bytes(k, n));
    for (int32_t o = 0; o < n; o++) {
        float *column = panels + (int64_t)(o / GLINT_PANEL) * GLINT_PANEL * k + o % GLINT_PANEL;
        const float factor = scale ? scale[o] : 1.0f;
        for (int32_t i = 0; i < k; i++) {
            const float v = rows[o * ld + i] * factor;
            column[(int64_t)i * GLINT_PANEL] = v;
            if (plain)
                plain[(int64_t)o * k + i] = v;
        }
        padded_bias[o] = bias ? bias[o] : 0.0f;
    }
    *w = (struct glint_weights){.k = k, .n = n, .panels = panels, .bias = padded_bias, .rows = plain};
}

bool glint_weights_pairable(int32_t k, int32_t n)
{
    return n > GLINT_FEW && k <= GLINT_PAIRS_K;
}

size_t glint_weights_pairs_bytes(int32_t k, int32_t n)
{
    return (size_t)panel_count(n) * GLINT_PANEL * (((size_t)k + 1) / 2 * 2) * sizeof(uint16_t);
}

void glint_weights_pair(struct glint_weights *w, void *memory)
{
    const int64_t even = ((int64_t)w->k + 1) / 2 * 2;
    uint16_t *pairs = memory;
    memset(memory, 0, glint_weights_pairs_bytes(w->k, w->n));
    for (int64_t p = 0; p < panel_count(w->n); p++)
        for (int64_t k = 0; k < w->k; k++)
            for (int64_t j = 0; j < GLINT_PANEL; j++)
                pairs[(p * even + k / 2 * 2) * GLINT_PANEL + 2 * j + k % 2] =
                    glint_bfloat(w->panels[(p * w->k + k) * GLINT_PANEL + j]);
    w->pairs = pairs;
}

/* Weights of integers */

size_t glint_weights_fixed_bytes(int32_t k, int32_t n)
{
    return glint_weights_pairs_bytes(k, n) + (size_t)panel_count(n) * GLINT_PANEL * sizeof(float);
}

static const float *column_of(const struct glint_weights *w, int64_t o)
{
    return w->panels + o / GLINT_PANEL * GLINT_PANEL * w->k + o % GLINT_PANEL;
}

/* The largest weight and the largest sum of sizes over GLINT_FIXED_BLOCK of one output, from any step on. */
static void sizes_of(const struct glint_weights *w, int64_t o, double *largest_out, double *sum_out)
{
    const float *column = column_of(w, o);
    double sum[GLINT_FIXED_BLOCK / GLINT_FIXED_STEP] = {0}; /* of the last steps */
    const int32_t steps = GLINT_FIXED_BLOCK / GLINT_FIXED_STEP;
    *largest_out = *sum_out = 0;
    for (int32_t i = 0; i < w->k; i++) {
        const double size = fabs((double)column[(int64_t)i * GLINT_PANEL]);
        double all = 0;
        if (i % GLINT_FIXED_STEP == 0)
            sum[i / GLINT_FIXED_STEP % steps] = 0;
        sum[i / GLINT_FIXED_STEP % steps] += size;
        for (int32_t j = 0; j < steps; j++)
            all += sum[j];
        *largest_out = size > *largest_out ? size : *largest_out;
        *sum_out = all > *sum_out ? all : *sum_out;
    }
}

static float fixed_scale(const struct glint_weights *w, int64_t o)
{
    double largest, sum;
    sizes_of(w, o, &largest, &sum);
    const double by_sum = sum / FIXED_SUM, by_size = largest / INT16_MAX;
    const double scale = by_sum > by_size ? by_sum : by_size;
    return scale > 0x1p-120 ? (float)scale : 1.0f;
}

void glint_weights_fix(struct glint_weights *w, void *memory)
{
    uint16_t *pairs = memory;
    float *scale = (float *)((uint8_t *)memory + glint_weights_pairs_bytes(w->k, w->n));
    assert(w->k % GLINT_FIXED_STEP == 0);
    memset(memory, 0, glint_weights_fixed_bytes(w->k, w->n));
    for (int64_t o = 0; o < w->n; o++) {
        const float *column = column_of(w, o);
        scale[o] = fixed_scale(w, o);
        for (int64_t k = 0; k < w->k; k++) {
            const int64_t at =
                (o / GLINT_PANEL * w->k + k / 2 * 2) * GLINT_PANEL + 2 * (o % GLINT_PANEL) + k % 2;
            const int16_t q = (int16_t)lrint((double)column[k * GLINT_PANEL] / (double)scale[o]);
            memcpy(&pairs[at], &q, sizeof q);
        }
    }
    w->pairs = pairs;
    w->scale = scale;
}

bool glint_gemm_takes_integers(const struct glint_gemm *g)
{
    return g->half_rows ||
           (g->n_segments <= FIXED_SEGMENTS && g->w->k / g->n_segments % GLINT_FIXED_STEP == 0);
}

/* The products of one block of a row with an output's weights from k on. */
static int32_t block_sum(const struct glint_weights *w, int32_t o, int32_t k, const int16_t *a, int32_t block)
{
    const uint16_t *pair =
        w->pairs + ((int64_t)(o / GLINT_PANEL) * w->k + k) * GLINT_PANEL + 2 * (o % GLINT_PANEL);
    int32_t sum = 0;
    for (int32_t i = 0; i < block; i++) {
        int16_t q;
        memcpy(&q, &pair[i / 2 * 2 * GLINT_PANEL + i % 2], sizeof q);
        sum += a[i] * q;
    }
    return sum;
}

/* One segment of a row, rounded here unless it is already, added to the sums of a panel. */
static void add_segment(const struct glint_gemm *g, int32_t m, int32_t s, int32_t first,
                        float sum[GLINT_PANEL])
{
    const struct glint_weights *w = g->w;
    const int32_t length = w->k / g->n_segments, block = g->half_rows ? g->block : glint_fixed_block(length);
    const int64_t at = (int64_t)s * g->m + m;
    int16_t values[GLINT_PAIRS_K];
    float scales[GLINT_PAIRS_K / GLINT_FIXED_STEP];
    const int16_t *value = g->half_rows ? (const int16_t *)g->half_rows[at] : values;
    const float *scale = g->half_rows ? g->half_scales[at] : scales;
    if (!g->half_rows)
        glint_fixed_row_c(g->rows[at], NULL, NULL, length, block, values, scales, NULL);
    for (int32_t j = 0; j < GLINT_PANEL && first + j < w->n; j++)
        for (int32_t i = 0; i < length; i += block)
            sum[j] = fmaf((float)block_sum(w, first + j, s * length + i, value + i, block), scale[i / block],
                          sum[j]);
}

static void integer_row_times_panel(const struct glint_gemm *g, int32_t m, int32_t first,
                                    float sum[GLINT_PANEL])
{
    memset(sum, 0, GLINT_PANEL * sizeof *sum);
    for (int32_t s = 0; s < g->n_segments; s++)
        add_segment(g, m, s, first, sum);
    for (int32_t j = 0; j < GLINT_PANEL; j++)
        sum[j] *= g->w->scale[first + j];
}

/* Products of floats */

/* One row of A times one panel, columns innermost, so that a compiler can use what vectors it has. */
static void row_times_panel(const struct glint_gemm *g, int32_t m, const float *panel, float sum[GLINT_PANEL])
{
    const int32_t length = g->w->k / g->n_segments;
    memset(sum, 0, GLINT_PANEL * sizeof *sum);
    for (int32_t s = 0; s < g->n_segments; s++) {
        const float *a = g->rows[(int64_t)s * g->m + m];
        for (int32_t i = 0; i < length; i++, panel += GLINT_PANEL)
            for (int32_t j = 0; j < GLINT_PANEL; j++)
                sum[j] += a[i] * panel[j];
    }
}

static const float *residual_row(const struct glint_gemm *g, int32_t m)
{
    if (g->residual_rows)
        return g->residual_rows[m];
    return g->residual ? g->residual + m * g->ldr : NULL;
}

static float activate(enum glint_act act, float v)
{
    switch (act) {
    case GLINT_ACT_RELU:
        return glint_relu(v);
    case GLINT_ACT_GELU:
        return glint_gelu(v);
    case GLINT_ACT_RELU_LAST:
    case GLINT_ACT_NONE:
        break;
    }
    return v;
}

void glint_gemm_c(const struct glint_gemm *g)
{
    const struct glint_weights *w = g->w;
    for (int32_t first = 0; first < w->n; first += GLINT_PANEL) {
        const int32_t n = w->n - first < GLINT_PANEL ? w->n - first : GLINT_PANEL;
        for (int32_t m = 0; m < g->m; m++) {
            float sum[GLINT_PANEL];
            if (w->scale && glint_gemm_takes_integers(g))
                integer_row_times_panel(g, m, first, sum);
            else
                row_times_panel(g, m, w->panels + (int64_t)first * w->k, sum);
            float *c = (g->c_rows ? g->c_rows[m] : g->c + m * g->ldc) + first;
            const float *residual = residual_row(g, m);
            for (int32_t j = 0; j < n; j++) {
                const float v = activate(g->act, sum[j] + w->bias[first + j]);
                const float sum_both = residual ? v + residual[first + j] : v;
                c[j] = g->act == GLINT_ACT_RELU_LAST ? glint_relu(sum_both) : sum_both;
            }
        }
    }
}

glint_gemm_fn *glint_gemm_get(unsigned isa)
{
    glint_gemm_fn *fn = glint_gemm_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_gemm_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_gemm_avx512;
    if ((isa & GLINT_ISA_AVX512) && (isa & GLINT_ISA_AVX512_VNNI))
        fn = glint_gemm_avx512vnni;
    if ((isa & GLINT_ISA_AVX512) && (isa & GLINT_ISA_AVX512_BF16))
        fn = glint_gemm_avx512bf16;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

struct linear {
    struct glint_gemm g; /* rows and m are of each piece */
    glint_gemm_fn *gemm;
    const float *a;
    int64_t lda;
};

static void linear_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct linear *l = ctx;
    const float *rows[LINEAR_ROWS];
    for (int64_t i = begin; i < end; i++)
        rows[i - begin] = l->a + i * l->lda;
    struct glint_gemm g = l->g;
    g.rows = rows;
    g.m = (int32_t)(end - begin);
    g.c += begin * g.ldc;
    if (g.residual)
        g.residual += begin * g.ldr;
    l->gemm(&g);
}

int glint_linear(struct glint_exec *x, const struct glint_weights *w, const float *a, int64_t lda, int32_t m,
                 float *c, int64_t ldc, enum glint_act act, const float *residual, int64_t ldr)
{
    struct linear l = {
        .g = {.w = w, .n_segments = 1, .c = c, .ldc = ldc, .residual = residual, .ldr = ldr, .act = act},
        .gemm = glint_gemm_get(x->isa),
        .a = a,
        .lda = lda,
    };
    glint_pool_for(x->pool, m, LINEAR_ROWS, linear_rows, &l);
    return GLINT_OK;
}
