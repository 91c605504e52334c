/* tests/cuda/cuda_weights.h - random weights on the CPU, and the comparison of rows. */
#ifndef GLINT_TESTS_CUDA_WEIGHTS_H
#define GLINT_TESTS_CUDA_WEIGHTS_H
#include "attention/bfloat.h"
#include "attention/cuda/gemm.h"
#include "cuda/cuda_util.h"

#define PRECISIONS 3 /* of enum glint_precision */

static inline float *made_floats(int64_t n, float lo, float hi, uint64_t *seed)
{
    float *v = malloc((size_t)n * sizeof *v + 4);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = glint_test_uniform(seed, lo, hi);
    return v;
}

/* Weights of such a size that outputs are about as large as inputs; their memory to *memory_out. */
static inline struct glint_weights made_weights(int32_t k, int32_t n, uint64_t *seed, void **memory_out)
{
    struct glint_weights w;
    const float size = 1.7f / sqrtf((float)k);
    float *rows = made_floats((int64_t)k * n, -size, size, seed), *bias = made_floats(n, -0.3f, 0.3f, seed);
    *memory_out = aligned_alloc(64, (glint_weights_bytes(k, n) + 63) / 64 * 64);
    glint_weights_pack(&w, *memory_out, rows, k, NULL, bias, k, n);
    free(rows);
    free(bias);
    return w;
}

/* ||got - want|| / ||want||; infinite for a NaN that only one has. */
static inline double relative_error(const float *got, const float *want, int64_t n)
{
    double error = 0, size = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(got[i]) || isnan(want[i])) {
            if (isnan(got[i]) != isnan(want[i]))
                return INFINITY;
            continue;
        }
        error += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        size += (double)want[i] * (double)want[i];
    }
    return sqrt(error / size);
}

static inline float half_value(uint16_t v)
{
    const int exponent = v >> 10 & 31, fraction = v & 1023;
    const float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                       : exponent == 0 ? ldexpf((float)fraction, -24)
                                       : ldexpf((float)(1024 + fraction), exponent - 25);
    return v & 0x8000 ? -size : size;
}

/* n values of a precision on the device, as floats. */
static inline float *got_floats(struct glint_cuda_test *t, const void *from, int64_t n,
                                enum glint_precision p)
{
    float *v = malloc((size_t)n * sizeof *v + 4);
    uint16_t *half = malloc((size_t)n * sizeof *half + 4);
    if (p == GLINT_PRECISION_FP32)
        glint_cuda_get(t, v, from, (size_t)n * sizeof *v);
    else
        glint_cuda_get(t, half, from, (size_t)n * sizeof *half);
    for (int64_t i = 0; i < n && p != GLINT_PRECISION_FP32; i++)
        v[i] = p == GLINT_PRECISION_BF16 ? glint_bfloat_value(half[i]) : half_value(half[i]);
    free(half);
    return v;
}

/* Error by norm that a layer may have in a precision. */
static inline double most_error(enum glint_precision p)
{
    return p == GLINT_PRECISION_FP32 ? 2e-6 : p == GLINT_PRECISION_BF16 ? 8e-3 : 1e-3;
}

static inline struct glint_matrix_cuda put_matrix(struct glint_cuda_test *t, enum glint_precision p,
                                                  const struct glint_weights *const *part, int32_t n_parts)
{
    struct glint_matrix_cuda m;
    int32_t n = 0;
    for (int32_t i = 0; i < n_parts; i++)
        n += part[i]->n;
    const size_t bytes = glint_matrix_cuda_bytes(p, part[0]->k, n);
    void *host = aligned_alloc(64, bytes), *device = glint_cuda_put(t, NULL, bytes);
    glint_matrix_cuda_pack(&m, p, part, n_parts, host, device);
    assert_ok(glint_stream_upload(t->stream, device, host, bytes));
    assert_ok(glint_stream_wait(t->stream));
    free(host);
    return m;
}

static inline void free_blocks(struct glint_cuda_test *t, int first)
{
    while (t->n_blocks > first)
        glint_device_free(t->device, t->blocks[--t->n_blocks]);
}
#endif
