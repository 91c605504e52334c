/* tests/kernels.h - what tests of kernels share: every version this machine can run, random input, errors by
 * norm. */
#ifndef GLINT_TESTS_KERNELS_H
#define GLINT_TESTS_KERNELS_H
#include "tests/util.h"
#include <math.h>
#include <stdbool.h>
#include "core/exec.h"

static const unsigned kernel_isa[] = {0, GLINT_ISA_AVX2, GLINT_ISA_AVX2 | GLINT_ISA_AVX512,
                                      GLINT_ISA_AVX2 | GLINT_ISA_AVX512 | GLINT_ISA_AVX512_VNNI,
                                      GLINT_ISA_AVX2 | GLINT_ISA_AVX512 | GLINT_ISA_AVX512_VNNI |
                                          GLINT_ISA_AVX512_BF16};
#define KERNEL_ISA_COUNT 5

/* Runs test(exec) for each instruction set of this machine, with one thread and with three. */
static inline void kernel_each_exec(void (*test)(struct glint_exec *x))
{
    for (int i = 0; i < KERNEL_ISA_COUNT; i++) {
        if ((kernel_isa[i] & glint_cpu_isa()) != kernel_isa[i])
            continue;
        for (int threads = 1; threads <= 3; threads += 2) {
            struct glint_exec x;
            assert_int_equal(glint_exec_init(&x, kernel_isa[i], threads, (size_t)8 << 20), 0);
            test(&x);
            glint_exec_fini(&x);
        }
    }
}

static inline void *kernel_alloc(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    assert_non_null(p);
    return p;
}

/* n values in (lo, hi); free() it. */
static inline float *kernel_random(uint64_t *seed, int64_t n, float lo, float hi)
{
    float *v = kernel_alloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = glint_test_uniform(seed, lo, hi);
    return v;
}

/* |got - want| / |want|; a NaN in got makes it NaN, which fails every comparison with a bound. */
static inline double kernel_error(const float *got, const double *want, int64_t n)
{
    double difference = 0.0, size = 1e-300;
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += want[i] * want[i];
    }
    return sqrt(difference / size);
}

#define kernel_assert_error(got, want, n, bound)                                                             \
    do {                                                                                                     \
        const double kernel_error_ = kernel_error(got, want, n);                                             \
        if (!(kernel_error_ <= (bound)))                                                                     \
            fail_msg("relative error %.3g, at most %.3g wanted", kernel_error_, (double)(bound));            \
    } while (0)

static inline double kernel_gelu(double v)
{
    return 0.5 * v * (1.0 + erf(v * 0.70710678118654752440));
}
#endif
