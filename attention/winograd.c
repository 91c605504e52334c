/* attention/winograd.c - packing, the reference transforms, the choice of version; see winograd.h.
 *
 * With the points 0, p, -p, q, -q and infinity, p = 1/sqrt(2), q = 1/p, the product (x^2 - p^2)(x^2 - q^2) is
 * x^4 - 5/2 x^2 + 1, so that
 *
 *      | 1   0    -5/2   0    1   0 |       | 1   1     1     1     1    0 |        | 1     0     0   |
 *      | 0  -2p   -2     p    1   0 |       | 0   p    -p     q    -q    0 |        | 1/N   p/N  p^2/N|
 * B' = | 0   2p   -2    -p    1   0 |  A' = | 0  p^2   p^2   q^2   q^2   0 |    G = | 1/N  -p/N  p^2/N|
 *      | 0  -q/2  -1/2   q    1   0 |       | 0  p^3  -p^3   q^3  -q^3   1 |        | 1/K   q/K  q^2/K|
 *      | 0   q/2  -1/2  -q    1   0 |                                               | 1/K  -q/K  q^2/K|
 *      | 0   1     0   -5/2   0   1 |                                               | 0     0     1   |
 *
 * with N = 2 p^2 (p^2 - q^2) = -3/2 and K = 2 q^2 (q^2 - p^2) = 6. Rows of +-p differ by the sign of their
 * odd terms: one even and one odd sum serve both. */
#include "attention/winograd.h"
#include "attention/act.h"
#include <assert.h>
#include <string.h>

#define SIDE GLINT_WINOGRAD_SIDE
#define P    0.70710678118654752440
#define Q    1.41421356237309504880

static const double g[SIDE][3] = {
    {1.0, 0.0, 0.0},
    {-2.0 / 3.0, -2.0 / 3.0 * P, -1.0 / 3.0},
    {-2.0 / 3.0, 2.0 / 3.0 * P, -1.0 / 3.0},
    {1.0 / 6.0, 1.0 / 6.0 * Q, 1.0 / 3.0},
    {1.0 / 6.0, -1.0 / 6.0 * Q, 1.0 / 3.0},
    {0.0, 0.0, 1.0},
};

static size_t padded(int32_t n)
{
    return ((size_t)n + GLINT_PANEL - 1) / GLINT_PANEL * GLINT_PANEL;
}

static size_t table_bytes(void)
{
    return glint_arena_round(GLINT_WINOGRAD_PLACES * sizeof(struct glint_weights));
}

size_t glint_winograd_bytes(int32_t c, int32_t n)
{
    return table_bytes() + padded(n) * sizeof(float) * (GLINT_WINOGRAD_PLACES * (size_t)c + 2);
}

/* U = G w G' of the kernels of one output and all inputs: u[place * step + i * GLINT_PANEL]. */
static void transform_kernel(const float *w /* 9 x c */, int32_t c, float *u, size_t step)
{
    for (int32_t i = 0; i < c; i++) {
        double half[SIDE][3];
        for (int32_t a = 0; a < SIDE; a++)
            for (int32_t x = 0; x < 3; x++)
                half[a][x] = g[a][0] * (double)w[x * c + i] + g[a][1] * (double)w[(3 + x) * c + i] +
                             g[a][2] * (double)w[(6 + x) * c + i];
        for (int32_t a = 0; a < SIDE; a++)
            for (int32_t b = 0; b < SIDE; b++)
                u[(size_t)(SIDE * a + b) * step + (size_t)i * GLINT_PANEL] =
                    (float)(g[b][0] * half[a][0] + g[b][1] * half[a][1] + g[b][2] * half[a][2]);
    }
}

void glint_winograd_pack(struct glint_winograd *w, void *memory, const float *rows, const float *bias,
                         int32_t c, int32_t n)
{
    assert(((uintptr_t)memory & (GLINT_ARENA_ALIGN - 1)) == 0 && c > 0 && n > 0);
    struct glint_weights *place = memory;
    float *panels = (float *)((uint8_t *)memory + table_bytes());
    const size_t width = padded(n), step = width * (size_t)c;
    float *none = panels + GLINT_WINOGRAD_PLACES * step, *own_bias = none + width;
    if (width != (size_t)n)
        memset(panels, 0, GLINT_WINOGRAD_PLACES * step * sizeof *panels);
    memset(none, 0, 2 * width * sizeof *none);
    for (int32_t o = 0; o < n; o++)
        transform_kernel(rows + (int64_t)o * 9 * c, c,
                         panels + (size_t)(o / GLINT_PANEL) * GLINT_PANEL * (size_t)c + o % GLINT_PANEL,
                         step);
    for (int32_t i = 0; i < GLINT_WINOGRAD_PLACES; i++)
        place[i] = (struct glint_weights){.k = c, .n = n, .panels = panels + (size_t)i * step, .bias = none};
    if (bias)
        memcpy(own_bias, bias, (size_t)n * sizeof *bias);
    *w = (struct glint_winograd){.c = c, .n = n, .place = place, .bias = own_bias};
}

size_t glint_winograd_fixed_bytes(int32_t c, int32_t n)
{
    return GLINT_WINOGRAD_PLACES * glint_arena_round(glint_weights_fixed_bytes(c, n));
}

void glint_winograd_fix(struct glint_winograd *w, void *memory)
{
    for (size_t i = 0; i < GLINT_WINOGRAD_PLACES; i++)
        glint_weights_fix(&w->place[i],
                          (uint8_t *)memory + i * glint_arena_round(glint_weights_fixed_bytes(w->c, w->n)));
}

/* out = B' d, entries of both `stride` apart. */
static void in_line(const float *d, int stride, float *out)
{
    const float p = (float)P, q = (float)Q;
    const float d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], d4 = d[4 * stride],
                d5 = d[5 * stride];
    const float even_p = d4 - 2.0f * d2, odd_p = d3 - 2.0f * d1;
    const float even_q = d4 - 0.5f * d2, odd_q = d3 - 0.5f * d1;
    out[0] = (d0 + d4) - 2.5f * d2;
    out[stride] = even_p + p * odd_p;
    out[2 * stride] = even_p - p * odd_p;
    out[3 * stride] = even_q + q * odd_q;
    out[4 * stride] = even_q - q * odd_q;
    out[5 * stride] = (d1 + d5) - 2.5f * d3;
}

void glint_winograd_in_c(const float *corner, int64_t pitch, int64_t ld, int32_t c, float *out, int64_t step)
{
    for (int32_t i = 0; i < c; i++) {
        float d[SIDE][SIDE], v[SIDE][SIDE], row[SIDE][SIDE];
        for (int32_t y = 0; y < SIDE; y++)
            for (int32_t x = 0; x < SIDE; x++)
                d[y][x] = corner[y * pitch + x * ld + i];
        for (int32_t y = 0; y < SIDE; y++)
            in_line(d[y], 1, row[y]);
        for (int32_t x = 0; x < SIDE; x++)
            in_line(&row[0][x], SIDE, &v[0][x]);
        for (int32_t at = 0; at < GLINT_WINOGRAD_PLACES; at++)
            out[at * step + i] = v[at / SIDE][at % SIDE];
    }
}

/* out = A' m, entries of both `stride` apart. */
static void out_line(const float *m, int stride, float *out)
{
    const float p = (float)P, q = (float)Q;
    const float sum_p = m[stride] + m[2 * stride], difference_p = m[stride] - m[2 * stride];
    const float sum_q = m[3 * stride] + m[4 * stride], difference_q = m[3 * stride] - m[4 * stride];
    out[0] = (m[0] + sum_p) + sum_q;
    out[stride] = p * difference_p + q * difference_q;
    out[2 * stride] = 0.5f * sum_p + 2.0f * sum_q;
    out[3 * stride] = 0.5f * p * difference_p + (2.0f * q * difference_q + m[5 * stride]);
}

static void finish(const struct glint_winograd_tile *t, int32_t channel, int32_t y, int32_t x, float v)
{
    v += t->bias[channel];
    if (t->act == GLINT_ACT_RELU)
        v = glint_relu(v);
    if (t->residual)
        v += t->residual[y * t->residual_pitch + x * t->residual_ld + channel];
    if (t->act == GLINT_ACT_RELU_LAST)
        v = glint_relu(v);
    t->out[y * t->pitch + x * t->ld + channel] = v;
}

void glint_winograd_out_c(const struct glint_winograd_tile *t)
{
    for (int32_t i = 0; i < t->n; i++) {
        float m[SIDE][SIDE], row[SIDE][SIDE], v[SIDE][SIDE];
        for (int32_t at = 0; at < GLINT_WINOGRAD_PLACES; at++)
            m[at / SIDE][at % SIDE] = t->in[at * t->step + i];
        for (int32_t y = 0; y < SIDE; y++)
            out_line(m[y], 1, row[y]);
        for (int32_t x = 0; x < GLINT_WINOGRAD_TILE; x++)
            out_line(&row[0][x], SIDE, &v[0][x]);
        for (int32_t at = 0; at < GLINT_WINOGRAD_TILE * GLINT_WINOGRAD_TILE; at++)
            if (t->pixels >> at & 1)
                finish(t, i, at / GLINT_WINOGRAD_TILE, at % GLINT_WINOGRAD_TILE,
                       v[at / GLINT_WINOGRAD_TILE][at % GLINT_WINOGRAD_TILE]);
    }
}

glint_winograd_in_fn *glint_winograd_in_get(unsigned isa)
{
    glint_winograd_in_fn *fn = glint_winograd_in_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_winograd_in_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_winograd_in_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

glint_winograd_out_fn *glint_winograd_out_get(unsigned isa)
{
    glint_winograd_out_fn *fn = glint_winograd_out_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_winograd_out_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_winograd_out_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
