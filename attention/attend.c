/* attention/attend.c - see attend.h.
 *
 * Here both products are those of gemm.h, with keys and values packed as weights; a few queries at a time,
 * so that their scores stay in the first-level cache. x86/attend_avx512.c does without the packing of these.
 */
#include "attention/attend.h"
#include "attention/act.h"
#include "attention/bfloat.h"
#include <string.h>

#define QUERIES 12 /* at a time */
#define LANES                                                                                                \
    48 /* queries at a time of x86/attend_avx512*.c, whose scratch is n + 2 d rows of them, and in           \
        * bfloat16 keys and values */

static size_t whole_panels(int32_t n)
{
    return (size_t)((n + GLINT_PANEL - 1) / GLINT_PANEL * GLINT_PANEL);
}

size_t glint_attend_scratch(int32_t n, int32_t d)
{
    const size_t wide = whole_panels(n), wide_d = whole_panels(d);
    const size_t keys = wide * (size_t)d, values = (size_t)n * wide_d, scores = QUERIES * wide;
    const size_t here = keys + values + scores + wide + 2 * wide_d;
    const size_t lanes = LANES * ((size_t)n + 2 * ((size_t)d + 16)) + ((size_t)n + 1) * ((size_t)d + 16);
    return (here > lanes ? here : lanes) * sizeof(float);
}

/* A key becomes a column of panels, a value a row. */
static void pack(const struct glint_attend *a, float *keys, float *values)
{
    for (int32_t t = 0; t < a->n; t++) {
        const float *key = a->k + t * a->ldk, *value = a->v + t * a->ldv;
        float *column = keys + (int64_t)(t / GLINT_PANEL) * GLINT_PANEL * a->d + t % GLINT_PANEL;
        for (int32_t j = 0; j < a->d; j++)
            column[j * GLINT_PANEL] = key[j];
        for (int32_t j = 0; j < a->d; j += GLINT_PANEL) {
            const int32_t count = a->d - j < GLINT_PANEL ? a->d - j : GLINT_PANEL;
            float *row = values + ((int64_t)j * a->n + (int64_t)t * GLINT_PANEL);
            memcpy(row, value + j, (size_t)count * sizeof *row);
        }
    }
}

static void round_all(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = glint_bfloat_round(values[i]);
}

static void product(glint_gemm_fn *gemm, const struct glint_weights *w, const float *x, int64_t ldx,
                    int32_t m, float *c, int64_t ldc)
{
    const float *rows[QUERIES];
    for (int32_t i = 0; i < m; i++)
        rows[i] = x + i * ldx;
    const struct glint_gemm g = {.w = w, .m = m, .n_segments = 1, .rows = rows, .c = c, .ldc = ldc};
    gemm(&g);
}

static void by_products(const struct glint_attend *a, glint_gemm_fn *gemm, glint_softmax_fn *softmax)
{
    const size_t wide = whole_panels(a->n), wide_d = whole_panels(a->d);
    float *panels = a->scratch, *value_panels = panels + wide * (size_t)a->d;
    float *scores = value_panels + (size_t)a->n * wide_d, *zeros = scores + QUERIES * wide;
    const struct glint_weights keys = {.k = a->d, .n = a->n, .panels = panels, .bias = zeros};
    const struct glint_weights values = {.k = a->n, .n = a->d, .panels = value_panels, .bias = zeros};
    memset(a->scratch, 0, glint_attend_scratch(a->n, a->d));
    pack(a, panels, value_panels);
    for (int32_t first = 0; first < a->m; first += QUERIES) {
        const int32_t m = a->m - first < QUERIES ? a->m - first : QUERIES;
        float *out = a->out + first * a->ldo, inverse[QUERIES];
        product(gemm, &keys, a->q + first * a->ldq, a->ldq, m, scores, (int64_t)wide);
        softmax(scores, (int64_t)wide, m, a->n, a->scale, inverse);
        product(gemm, &values, scores, (int64_t)wide, m, out, a->ldo);
        for (int32_t i = 0; i < m; i++)
            for (int32_t j = 0; j < a->d; j++)
                out[i * a->ldo + j] *= inverse[i];
    }
}

void glint_attend_c(const struct glint_attend *a)
{
    by_products(a, glint_gemm_c, glint_softmax_c);
}

#if GLINT_HAVE_X86
void glint_attend_avx2(const struct glint_attend *a)
{
    by_products(a, glint_gemm_avx2, glint_softmax_avx2);
}
#endif

glint_attend_fn *glint_attend_get(unsigned isa)
{
    glint_attend_fn *fn = glint_attend_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_attend_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_attend_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

/* One query at a time. The scratch holds the keys, the values, then a row of scores and one query. */
void glint_attend_bf16_c(const struct glint_attend *a)
{
    const size_t wide = whole_panels(a->n), wide_d = whole_panels(a->d);
    float *panels = a->scratch, *value_panels = panels + wide * (size_t)a->d;
    float *scores = value_panels + (size_t)a->n * wide_d, *zeros = scores + wide,
          *query = zeros + wide + wide_d;
    const struct glint_weights keys = {.k = a->d, .n = a->n, .panels = panels, .bias = zeros};
    const struct glint_weights values = {.k = a->n, .n = a->d, .panels = value_panels, .bias = zeros};
    memset(a->scratch, 0, glint_attend_scratch(a->n, a->d));
    pack(a, panels, value_panels);
    round_all(panels, wide * (size_t)a->d + (size_t)a->n * wide_d);
    for (int32_t i = 0; i < a->m; i++) {
        float *out = a->out + i * a->ldo, inverse;
        memcpy(query, a->q + i * a->ldq, (size_t)a->d * sizeof *query);
        round_all(query, (size_t)a->d);
        product(glint_gemm_c, &keys, query, 0, 1, scores, 0);
        glint_softmax_c(scores, 0, 1, a->n, a->scale, &inverse);
        round_all(scores, (size_t)a->n);
        product(glint_gemm_c, &values, scores, 0, 1, out, 0);
        for (int32_t j = 0; j < a->d; j++)
            out[j] *= inverse;
    }
}

glint_attend_fn *glint_attend_bf16_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if ((isa & GLINT_ISA_AVX512) && (isa & GLINT_ISA_AVX512_BF16))
        return glint_attend_avx512bf16;
#endif
    (void)isa; /* unused in a build without */
    return glint_attend_bf16_c;
}
