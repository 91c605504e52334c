/* attention/x86/fixed_avx512.c - glint_fixed_row_fn with AVX-512, the same bits. A block stays in registers.
 */
#include "attention/x86/fixed_avx512.h"

/* Apart, so that what is called for each pixel of a map and each token needs few registers. */
__attribute__((noinline)) static void round_any(const float *from, const int16_t *add, const float *add_scale,
                                                int32_t n, int32_t block, int16_t *to, float *scale,
                                                float *whole)
{
    for (int32_t i = 0; i < n; i += block)
        glint_fixed_round_block(from + i, add ? add + i : NULL, add ? add_scale[i / block] : 0.0f, block,
                                to + i, &scale[i / block], whole ? whole + i : NULL);
}

__attribute__((noinline)) static void add_64(const float *from, const int16_t *add, float add_scale,
                                             int16_t *to, float *scale)
{
    glint_fixed_round_block(from, add, add_scale, 64, to, scale, NULL);
}

__attribute__((noinline)) static void add_128(const float *from, const int16_t *add, float add_scale,
                                              int16_t *to, float *scale)
{
    glint_fixed_round_block(from, add, add_scale, 128, to, scale, NULL);
}

void glint_fixed_row_avx512(const float *from, const int16_t *add, const float *add_scale, int32_t n,
                            int32_t block, int16_t *to, float *scale, float *whole)
{
    if (whole || (n != 64 && block != 128))
        round_any(from, add, add_scale, n, block, to, scale, whole);
    else if (n == 64 && !add && block == 64)
        glint_fixed_round_block(from, NULL, 0.0f, 64, to, scale, NULL);
    else if (n == 64 && block == 64)
        add_64(from, add, *add_scale, to, scale);
    else if (block != 128)
        round_any(from, add, add_scale, n, block, to, scale, whole);
    else
        for (int32_t i = 0; i < n; i += 128)
            if (add)
                add_128(from + i, add + i, add_scale[i / 128], to + i, &scale[i / 128]);
            else
                glint_fixed_round_block(from + i, NULL, 0.0f, 128, to + i, &scale[i / 128], NULL);
}
