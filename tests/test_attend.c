/* tests/test_attend.c - each version of glint_attend_fn that this machine can run, against double. */
#include "attention/attend.h"
#include "attention/bfloat.h"
#include "tests/util.h"
#include <math.h>

struct problem {
    struct glint_attend a;
    float *memory;
};

/* Heads are slices of rows a little wider; size: how large scores get. */
static struct problem make(int32_t m, int32_t n, int32_t d, float size)
{
    const int64_t ld = d + 3;
    const size_t rows = 2 * (size_t)n + 2 * (size_t)m;
    struct problem p = {.memory = malloc(rows * (size_t)ld * sizeof(float))};
    uint64_t seed = 7 + (uint64_t)(m * 1000 + n * 10 + d);
    assert_non_null(p.memory);
    for (size_t i = 0; i < rows * (size_t)ld; i++)
        p.memory[i] = glint_test_uniform(&seed, -size, size);
    float *k = p.memory, *v = k + n * ld, *q = v + n * ld, *out = q + m * ld;
    const size_t bytes = (glint_attend_scratch(n, d) + 63) / 64 * 64;
    p.a = (struct glint_attend){.m = m,
                                .n = n,
                                .d = d,
                                .q = q,
                                .k = k,
                                .v = v,
                                .ldq = ld,
                                .ldk = ld,
                                .ldv = ld,
                                .scale = 0.25f,
                                .out = out,
                                .ldo = ld,
                                .scratch = aligned_alloc(64, bytes)};
    assert_non_null(p.a.scratch);
    memset(p.a.scratch, 0xff, bytes); /* NaNs: nothing of it may be read */
    return p;
}

static void done(struct problem *p)
{
    free(p->a.scratch);
    free(p->memory);
}

static double score(const struct glint_attend *a, int32_t i, int32_t t)
{
    double sum = 0;
    for (int32_t j = 0; j < a->d; j++)
        sum += (double)a->q[i * a->ldq + j] * (double)a->k[t * a->ldk + j];
    return sum * (double)a->scale;
}

/* Returns the largest |score| of a query, its results in out. */
static double truth(const struct glint_attend *a, int32_t i, double *out)
{
    double largest = -INFINITY, size = 0, sum = 0;
    for (int32_t t = 0; t < a->n; t++) {
        largest = fmax(largest, score(a, i, t));
        size = fmax(size, fabs(score(a, i, t)));
    }
    memset(out, 0, (size_t)a->d * sizeof *out);
    for (int32_t t = 0; t < a->n; t++) {
        const double weight = exp(score(a, i, t) - largest);
        sum += weight;
        for (int32_t j = 0; j < a->d; j++)
            out[j] += weight * (double)a->v[t * a->ldv + j];
    }
    for (int32_t j = 0; j < a->d; j++)
        out[j] /= sum;
    return size;
}

static void round_rows(const float *rows, int64_t ld, int32_t n, int32_t d)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < d; j++)
            ((float *)(uintptr_t)rows)[i * ld + j] = glint_bfloat_round(rows[i * ld + j]);
}

/* Adds up squares of errors, in units of the values. */
static void check_bf16(glint_attend_fn *fn, int32_t m, int32_t n, int32_t d, float size, double *squares)
{
    struct problem p = make(m, n, d, size);
    double want[64];
    fn(&p.a);
    round_rows(p.a.q, p.a.ldq, m, d);
    round_rows(p.a.k, p.a.ldk, n, d);
    round_rows(p.a.v, p.a.ldv, n, d);
    for (int32_t i = 0; i < m; i++) {
        const double exact = 4e-7 * sqrt((double)d) * (1.0 + truth(&p.a, i, want));
        for (int32_t j = 0; j < d; j++) {
            const double error = ((double)p.a.out[i * p.a.ldo + j] - want[j]) / (double)size;
            assert_true(fabs(error) <= 2.2e-3 + exact);
            *squares += error * error;
        }
    }
    done(&p);
}

static void check(glint_attend_fn *fn, int32_t m, int32_t n, int32_t d, float size)
{
    struct problem p = make(m, n, d, size);
    double want[64];
    fn(&p.a);
    for (int32_t i = 0; i < m; i++) {
        const double bound = 4e-7 * sqrt((double)d) * (1.0 + truth(&p.a, i, want)) * (double)size;
        for (int32_t j = 0; j < d; j++)
            assert_true(fabs((double)p.a.out[i * p.a.ldo + j] - want[j]) <= bound);
    }
    done(&p);
}

static void a_nan_stays(glint_attend_fn *fn)
{
    struct problem p = make(14, 20, 16, 1.0f);
    float *q = p.memory + (p.a.q - p.memory), *k = p.memory;
    q[3 * p.a.ldq + 5] = NAN;
    fn(&p.a);
    for (int32_t i = 0; i < 14; i++)
        assert_int_equal(isnan(p.a.out[i * p.a.ldo]) != 0, i == 3);
    k[19 * p.a.ldk] = NAN;
    fn(&p.a);
    assert_true(isnan(p.a.out[13 * p.a.ldo + 15]));
    done(&p);
}

static void every_version_is_right(void **state)
{
    static const unsigned isas[] = {0, GLINT_ISA_AVX2, GLINT_ISA_AVX2 | GLINT_ISA_AVX512};
    static const int32_t widths[] = {1, 8, 16, 17, 24, 32, 64};
    (void)state;
    for (size_t v = 0; v < 3; v++) {
        if ((isas[v] & glint_cpu_isa()) != isas[v])
            continue;
        glint_attend_fn *fn = glint_attend_get(isas[v]);
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            for (int32_t n = 1; n <= 50; n += 7)
                check(fn, 1 + n % 15, n, widths[w], 1.0f);
            check(fn, 144, 144, widths[w], 1.0f);
            check(fn, 13, 69, widths[w], 6.0f);
            check(fn, 33, 145, widths[w], 1.0f); /* keys by blocks */
            check(fn, 17, 433, widths[w], 6.0f);
        }
        check(fn, 64, 1024, 16, 3.0f);
        a_nan_stays(fn);
    }
}

static void reduced_precision_is_within_its_bound(void **state)
{
    static const unsigned isas[] = {0, GLINT_ISA_AVX2 | GLINT_ISA_AVX512 | GLINT_ISA_AVX512_BF16};
    static const int32_t widths[] = {1, 2, 8, 16, 17, 23, 32, 64};
    double squares[2] = {0};
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        if ((isas[v] & glint_cpu_isa()) != isas[v])
            continue;
        glint_attend_fn *fn = glint_attend_bf16_get(isas[v]);
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            for (int32_t n = 1; n <= 50; n += 7)
                check_bf16(fn, 1 + n % 15, n, widths[w], 1.0f, &squares[v]);
            check_bf16(fn, 144, 144, widths[w], 1.0f, &squares[v]);
            check_bf16(fn, 13, 69, widths[w], 6.0f, &squares[v]);
        }
        a_nan_stays(fn);
        assert_true(squares[v] <= 1.1 * squares[0]); /* a shorter exponential makes nothing worse */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_version_is_right),
                                       cmocka_unit_test(reduced_precision_is_within_its_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
