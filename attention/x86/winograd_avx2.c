/* attention/x86/winograd_avx2.c - see winograd.h: 8 channels at a time, the lines of a tile in registers. */
#include "attention/winograd.h"
#include "attention/x86/vec_math_avx2.h"

#define SIDE GLINT_WINOGRAD_SIDE
#define TILE GLINT_WINOGRAD_TILE

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 6")
#endif
#define INLINE static inline __attribute__((always_inline))

/* The first n of 8 floats; masks only for a tail, they are slow. */
INLINE __m256 load(const float *from, int32_t n)
{
    return n >= 8 ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, glint_mask_avx2(n));
}

INLINE void store(float *to, int32_t n, __m256 v)
{
    if (n >= 8)
        _mm256_storeu_ps(to, v);
    else
        _mm256_maskstore_ps(to, glint_mask_avx2(n), v);
}

/* v = B' d */
INLINE void in_line(const __m256 d[SIDE], __m256 v[SIDE])
{
    const __m256 two = _mm256_set1_ps(2.0f), half = _mm256_set1_ps(0.5f), both = _mm256_set1_ps(2.5f);
    const __m256 p = _mm256_set1_ps(0.70710678f), q = _mm256_set1_ps(1.41421356f);
    const __m256 even_p = _mm256_fnmadd_ps(two, d[2], d[4]), odd_p = _mm256_fnmadd_ps(two, d[1], d[3]);
    const __m256 even_q = _mm256_fnmadd_ps(half, d[2], d[4]), odd_q = _mm256_fnmadd_ps(half, d[1], d[3]);
    v[0] = _mm256_fnmadd_ps(both, d[2], _mm256_add_ps(d[0], d[4]));
    v[1] = _mm256_fmadd_ps(p, odd_p, even_p);
    v[2] = _mm256_fnmadd_ps(p, odd_p, even_p);
    v[3] = _mm256_fmadd_ps(q, odd_q, even_q);
    v[4] = _mm256_fnmadd_ps(q, odd_q, even_q);
    v[5] = _mm256_fnmadd_ps(both, d[3], _mm256_add_ps(d[1], d[5]));
}

void glint_winograd_in_avx2(const float *corner, int64_t pitch, int64_t ld, int32_t c, float *out,
                            int64_t step)
{
    for (int32_t i = 0; i < c; i += 8, corner += 8, out += 8) {
        __m256 row[SIDE][SIDE];
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            __m256 d[SIDE];
            UNROLL for (int x = 0; x < SIDE; x++) d[x] = load(corner + y * pitch + x * ld, c - i);
            in_line(d, row[y]);
        }
        UNROLL for (int x = 0; x < SIDE; x++)
        {
            const __m256 d[SIDE] = {row[0][x], row[1][x], row[2][x], row[3][x], row[4][x], row[5][x]};
            __m256 v[SIDE];
            in_line(d, v);
            UNROLL for (int y = 0; y < SIDE; y++) store(out + (SIDE * y + x) * step, c - i, v[y]);
        }
    }
}

/* v = A' m */
INLINE void out_line(const __m256 m[SIDE], __m256 v[TILE])
{
    const __m256 p = _mm256_set1_ps(0.70710678f), q = _mm256_set1_ps(1.41421356f);
    const __m256 p3 = _mm256_set1_ps(0.35355339f), q3 = _mm256_set1_ps(2.82842712f);
    const __m256 sum_p = _mm256_add_ps(m[1], m[2]), difference_p = _mm256_sub_ps(m[1], m[2]);
    const __m256 sum_q = _mm256_add_ps(m[3], m[4]), difference_q = _mm256_sub_ps(m[3], m[4]);
    v[0] = _mm256_add_ps(_mm256_add_ps(m[0], sum_p), sum_q);
    v[1] = _mm256_fmadd_ps(p, difference_p, _mm256_mul_ps(q, difference_q));
    v[2] = _mm256_fmadd_ps(_mm256_set1_ps(0.5f), sum_p, _mm256_add_ps(sum_q, sum_q));
    v[3] = _mm256_fmadd_ps(p3, difference_p, _mm256_fmadd_ps(q3, difference_q, m[5]));
}

/* Bias, activation, residual of one pixel's 8 channels. */
INLINE void finish(const struct glint_winograd_tile *t, int32_t channel, int y, int x, __m256 bias,
                   const __m256 least[2], __m256 v)
{
    v = _mm256_max_ps(least[0], _mm256_add_ps(v, bias)); /* a NaN is the second operand and stays */
    if (t->residual)
        v = _mm256_add_ps(
            v, load(t->residual + y * t->residual_pitch + x * t->residual_ld + channel, t->n - channel));
    store(t->out + y * t->pitch + x * t->ld + channel, t->n - channel, _mm256_max_ps(least[1], v));
}

void glint_winograd_out_avx2(const struct glint_winograd_tile *t)
{
    const __m256 least[2] = {/* what a result is raised to before and after the residual */
                             _mm256_set1_ps(t->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
                             _mm256_set1_ps(t->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff())};
    for (int32_t i = 0; i < t->n; i += 8) {
        const __m256 bias = load(t->bias + i, t->n - i);
        const float *in = t->in + i;
        __m256 row[SIDE][TILE];
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            __m256 m[SIDE];
            UNROLL for (int x = 0; x < SIDE; x++) m[x] = load(in + (SIDE * y + x) * t->step, t->n - i);
            out_line(m, row[y]);
        }
        UNROLL for (int x = 0; x < TILE; x++)
        {
            const __m256 m[SIDE] = {row[0][x], row[1][x], row[2][x], row[3][x], row[4][x], row[5][x]};
            __m256 v[TILE];
            out_line(m, v);
            UNROLL for (int y = 0; y < TILE; y++) if (t->pixels >> (TILE * y + x) & 1)
                finish(t, i, y, x, bias, least, v[y]);
        }
    }
}
