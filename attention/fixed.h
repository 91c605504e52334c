/* attention/fixed.h - rows of numbers as blocks of integers that share a scale, a power of two.
 *
 * Up to 128 neighbours have one scale; the largest of them keeps 14 bits, where bfloat16 has 8, and products
 * of such numbers add up in 32 bits without rounding (gemm.h). */
#ifndef GLINT_ATTENTION_FIXED_H
#define GLINT_ATTENTION_FIXED_H
#include <stdint.h>

#define GLINT_FIXED_MOST  16383 /* the largest integer of a row */
#define GLINT_FIXED_BLOCK 128   /* the longest block */
#define GLINT_FIXED_STEP  16    /* blocks are multiples of this */

/* The block of rows of n values: the largest that divides them; 0 where there is none. */
int32_t glint_fixed_block(int32_t n);

/* v = from + add, n values in blocks of `block`, any alignment. Per block, 2^e <= the largest |v|, rounded to
 * 14 bits, < 2^(e + 1); the scale is 2^(e - 13), and an integer is v / scale to nearest, ties to even:
 * GLINT_FIXED_MOST at most. A block of numbers below 2^-87 is small against its scale, or zero; one with a
 * number that is not finite has the scale NaN. add (with its scales) may be NULL, and be `to`; whole, unless
 * NULL, gets scale times integer. That comes out as it is when it goes in again. */
typedef void glint_fixed_row_fn(const float *from, const int16_t *add, const float *add_scale, int32_t n,
                                int32_t block, int16_t *to, float *scale, float *whole);
glint_fixed_row_fn glint_fixed_row_c, glint_fixed_row_avx512;
glint_fixed_row_fn *glint_fixed_row_get(unsigned isa);
#endif
