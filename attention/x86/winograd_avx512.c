/* attention/x86/winograd_avx512.c - see winograd.h: 16 channels at a time, the lines of a tile in registers.
 */
#include "attention/winograd.h"
#include "attention/x86/vec_math_avx512.h"

#define SIDE GLINT_WINOGRAD_SIDE
#define TILE GLINT_WINOGRAD_TILE

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 6")
#endif
#define INLINE static inline __attribute__((always_inline))

/* v = B' d */
INLINE void in_line(const __m512 d[SIDE], __m512 v[SIDE])
{
    const __m512 two = _mm512_set1_ps(2.0f), half = _mm512_set1_ps(0.5f), both = _mm512_set1_ps(2.5f);
    const __m512 p = _mm512_set1_ps(0.70710678f), q = _mm512_set1_ps(1.41421356f);
    const __m512 even_p = _mm512_fnmadd_ps(two, d[2], d[4]), odd_p = _mm512_fnmadd_ps(two, d[1], d[3]);
    const __m512 even_q = _mm512_fnmadd_ps(half, d[2], d[4]), odd_q = _mm512_fnmadd_ps(half, d[1], d[3]);
    v[0] = _mm512_fnmadd_ps(both, d[2], _mm512_add_ps(d[0], d[4]));
    v[1] = _mm512_fmadd_ps(p, odd_p, even_p);
    v[2] = _mm512_fnmadd_ps(p, odd_p, even_p);
    v[3] = _mm512_fmadd_ps(q, odd_q, even_q);
    v[4] = _mm512_fnmadd_ps(q, odd_q, even_q);
    v[5] = _mm512_fnmadd_ps(both, d[3], _mm512_add_ps(d[1], d[5]));
}

void glint_winograd_in_avx512(const float *corner, int64_t pitch, int64_t ld, int32_t c, float *out,
                              int64_t step)
{
    for (int32_t i = 0; i < c; i += 16, corner += 16, out += 16) {
        const __mmask16 mask = glint_mask_avx512(c - i);
        __m512 row[SIDE][SIDE];
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            __m512 d[SIDE];
            UNROLL for (int x = 0; x < SIDE; x++) d[x] =
                _mm512_maskz_loadu_ps(mask, corner + y * pitch + x * ld);
            in_line(d, row[y]);
        }
        UNROLL for (int x = 0; x < SIDE; x++)
        {
            const __m512 d[SIDE] = {row[0][x], row[1][x], row[2][x], row[3][x], row[4][x], row[5][x]};
            __m512 v[SIDE];
            in_line(d, v);
            UNROLL for (int y = 0; y < SIDE; y++)
                _mm512_mask_storeu_ps(out + (SIDE * y + x) * step, mask, v[y]);
        }
    }
}

/* v = A' m */
INLINE void out_line(const __m512 m[SIDE], __m512 v[TILE])
{
    const __m512 p = _mm512_set1_ps(0.70710678f), q = _mm512_set1_ps(1.41421356f);
    const __m512 p3 = _mm512_set1_ps(0.35355339f), q3 = _mm512_set1_ps(2.82842712f);
    const __m512 sum_p = _mm512_add_ps(m[1], m[2]), difference_p = _mm512_sub_ps(m[1], m[2]);
    const __m512 sum_q = _mm512_add_ps(m[3], m[4]), difference_q = _mm512_sub_ps(m[3], m[4]);
    v[0] = _mm512_add_ps(_mm512_add_ps(m[0], sum_p), sum_q);
    v[1] = _mm512_fmadd_ps(p, difference_p, _mm512_mul_ps(q, difference_q));
    v[2] = _mm512_fmadd_ps(_mm512_set1_ps(0.5f), sum_p, _mm512_add_ps(sum_q, sum_q));
    v[3] = _mm512_fmadd_ps(p3, difference_p, _mm512_fmadd_ps(q3, difference_q, m[5]));
}

/* Bias, activation, residual of one pixel's 16 channels. */
INLINE void finish(const struct glint_winograd_tile *t, int32_t channel, int y, int x, __m512 bias,
                   const __m512 least[2], __mmask16 mask, __m512 v)
{
    v = _mm512_max_ps(least[0], _mm512_add_ps(v, bias)); /* a NaN is the second operand and stays */
    if (t->residual)
        v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, t->residual + y * t->residual_pitch +
                                                             x * t->residual_ld + channel));
    _mm512_mask_storeu_ps(t->out + y * t->pitch + x * t->ld + channel, mask, _mm512_max_ps(least[1], v));
}

void glint_winograd_out_avx512(const struct glint_winograd_tile *t)
{
    const __m512 least[2] = {/* what a result is raised to before and after the residual */
                             _mm512_set1_ps(t->act == GLINT_ACT_RELU ? 0.0f : -__builtin_inff()),
                             _mm512_set1_ps(t->act == GLINT_ACT_RELU_LAST ? 0.0f : -__builtin_inff())};
    for (int32_t i = 0; i < t->n; i += 16) {
        const __mmask16 mask = glint_mask_avx512(t->n - i);
        const __m512 bias = _mm512_maskz_loadu_ps(mask, t->bias + i);
        const float *in = t->in + i;
        __m512 row[SIDE][TILE];
        UNROLL for (int y = 0; y < SIDE; y++)
        {
            __m512 m[SIDE];
            UNROLL for (int x = 0; x < SIDE; x++) m[x] =
                _mm512_maskz_loadu_ps(mask, in + (SIDE * y + x) * t->step);
            out_line(m, row[y]);
        }
        UNROLL for (int x = 0; x < TILE; x++)
        {
            const __m512 m[SIDE] = {row[0][x], row[1][x], row[2][x], row[3][x], row[4][x], row[5][x]};
            __m512 v[TILE];
            out_line(m, v);
            UNROLL for (int y = 0; y < TILE; y++) if (t->pixels >> (TILE * y + x) & 1)
                finish(t, i, y, x, bias, least, mask, v[y]);
        }
    }
}
