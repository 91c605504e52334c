/* attention/fixed.c - see fixed.h. */
#include "attention/fixed.h"
#include "core/cpu.h"
#include <math.h>
#include <string.h>

#define LEAST_EXPONENT 40    /* in the bits of a float, 127 more than e: of smaller numbers' scale */
#define HALF_STEP      0x200 /* half of 2^-13, in the bits of a float's fraction */

int32_t glint_fixed_block(int32_t n)
{
    for (int32_t block = GLINT_FIXED_BLOCK; block > 0; block -= GLINT_FIXED_STEP)
        if (n % block == 0)
            return block;
    return 0;
}

static float float_of(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void round_block(const float *v, int32_t n, int16_t *to, float *scale, float *whole)
{
    uint32_t largest = 0; /* sizes as bits are in order, NaN above infinity */
    for (int32_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        bits &= 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    uint32_t exponent = (largest + HALF_STEP) >> 23; /* as it is rounded */
    exponent = exponent < LEAST_EXPONENT ? LEAST_EXPONENT : exponent;
    *scale = exponent == 255 ? NAN : float_of((exponent - 13) << 23);
    const float inverse = float_of((254u + 13u - exponent) << 23);
    for (int32_t i = 0; i < n; i++) {
        to[i] = exponent == 255 ? 0 : (int16_t)nearbyintf(v[i] * inverse);
        if (whole)
            whole[i] = (float)to[i] * *scale;
    }
}

void glint_fixed_row_c(const float *from, const int16_t *add, const float *add_scale, int32_t n,
                       int32_t block, int16_t *to, float *scale, float *whole)
{
    for (int32_t first = 0; first < n; first += block, scale++) {
        float v[GLINT_FIXED_BLOCK];
        for (int32_t i = 0; i < block; i++)
            v[i] = add ? from[first + i] + (float)add[first + i] * add_scale[first / block] : from[first + i];
        round_block(v, block, to + first, scale, whole ? whole + first : NULL);
    }
}

glint_fixed_row_fn *glint_fixed_row_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX512)
        return glint_fixed_row_avx512;
#endif
    (void)isa; /* unused in a build without */
    return glint_fixed_row_c;
}
