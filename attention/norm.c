/* attention/norm.c - see norm.h. */
#include "attention/norm.h"
#include "core/cpu.h"
#include <math.h>

void glint_norm_c(const float *a, int64_t lda, int32_t m, int32_t n, const float *weight, const float *bias,
                  float eps, float *const *out)
{
    for (int32_t i = 0; i < m; i++, a += lda) {
        float sum = 0.0f, squares = 0.0f;
        for (int32_t j = 0; j < n; j++)
            sum += a[j];
        const float mean = sum / (float)n;
        for (int32_t j = 0; j < n; j++)
            squares += (a[j] - mean) * (a[j] - mean);
        const float inverse = 1.0f / sqrtf(squares / (float)n + eps);
        for (int32_t j = 0; j < n; j++)
            out[i][j] = (a[j] - mean) * inverse * weight[j] + bias[j];
    }
}

glint_norm_fn *glint_norm_get(unsigned isa)
{
    glint_norm_fn *fn = glint_norm_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_norm_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_norm_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

void glint_batch_norm_fold(const float *weight, const float *bias, const float *mean, const float *variance,
                           float eps, int32_t n, float *scale_out, float *shift_out)
{
    for (int32_t i = 0; i < n; i++) {
        const double scale = (double)weight[i] / sqrt((double)variance[i] + (double)eps);
        scale_out[i] = (float)scale;
        shift_out[i] = (float)((double)bias[i] - (double)mean[i] * scale);
    }
}
