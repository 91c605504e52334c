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
#endif
