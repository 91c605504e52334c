/* attention/act.c - see act.h. */
#include "attention/act.h"
#include "core/cpu.h"

void glint_softmax_c(float *s, int64_t ld, int32_t m, int32_t n, float scale, float *inverse_sum_out)
{
    for (int32_t i = 0; i < m; i++, s += ld) {
        float largest = s[0], sum = 0.0f;
        for (int32_t j = 1; j < n; j++)
            largest = s[j] > largest ? s[j] : largest;
        for (int32_t j = 0; j < n; j++)
            sum += s[j] = expf(scale * (s[j] - largest));
        inverse_sum_out[i] = 1.0f / sum;
    }
}

glint_softmax_fn *glint_softmax_get(unsigned isa)
{
    glint_softmax_fn *fn = glint_softmax_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_softmax_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_softmax_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
