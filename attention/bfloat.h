/* attention/bfloat.h - bfloat16: a float's sign, exponent and first 7 bits of its fraction. */
#ifndef GLINT_ATTENTION_BFLOAT_H
#define GLINT_ATTENTION_BFLOAT_H
#include <stdint.h>
#include <string.h>

/* To nearest, ties to even; a NaN stays one. */
static inline uint16_t glint_bfloat(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (v != v)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float glint_bfloat_value(uint16_t v)
{
    const uint32_t bits = (uint32_t)v << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float glint_bfloat_round(float v)
{
    return glint_bfloat_value(glint_bfloat(v));
}

/* to = from + add, n values rounded, any alignment. add may be NULL, and be `to`; whole, unless NULL, gets
 * to's values. */
typedef void glint_bfloat_row_fn(const float *from, const uint16_t *add, int32_t n, uint16_t *to,
                                 float *whole);
glint_bfloat_row_fn glint_bfloat_row_c, glint_bfloat_row_avx512bf16;
glint_bfloat_row_fn *glint_bfloat_row_get(unsigned isa);
#endif
