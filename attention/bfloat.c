/* attention/bfloat.c - see bfloat.h. */
#include "attention/bfloat.h"
#include "core/cpu.h"

void glint_bfloat_row_c(const float *from, const uint16_t *add, int32_t n, uint16_t *to, float *whole)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = glint_bfloat(add ? from[i] + glint_bfloat_value(add[i]) : from[i]);
        if (whole)
            whole[i] = glint_bfloat_value(to[i]);
    }
}

glint_bfloat_row_fn *glint_bfloat_row_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if ((isa & GLINT_ISA_AVX512) && (isa & GLINT_ISA_AVX512_BF16))
        return glint_bfloat_row_avx512bf16;
#endif
    (void)isa; /* unused in a build without */
    return glint_bfloat_row_c;
}
