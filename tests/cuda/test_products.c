/* tests/cuda/test_products.c - linear layers and layer norm on the device against the CPU's reference. */
#include "attention/act.h"
#include "attention/cuda/norm.h"
#include "attention/norm.h"
#include "cuda/cuda_weights.h"

struct shape {
    int32_t m, k, n;
    enum glint_act act;
    bool add, residual, norm, half_in, half_out;
};

/* The CPU's result: (a + add) for the outputs below n_add. */
static float *reference(const struct shape *s, const struct glint_weights *w, const float *a,
                        const float *add, int32_t n_add, const float *residual, const float *norm)
{
    float *c = malloc((size_t)s->m * (size_t)s->n * sizeof *c + 4), *sum = malloc((size_t)s->k * sizeof *sum),
          *out = malloc((size_t)s->n * sizeof *out);
    for (int32_t m = 0; m < s->m; m++)
        for (int side = 0; side < 2; side++) {
            for (int32_t i = 0; i < s->k; i++)
                sum[i] = a[(int64_t)m * s->k + i] + (side == 0 && s->add ? add[(int64_t)m * s->k + i] : 0.0f);
            const float *rows[1] = {sum};
            const struct glint_gemm g = {.w = w,
                                         .m = 1,
                                         .n_segments = 1,
                                         .rows = rows,
                                         .c = out,
                                         .ldc = s->n,
                                         .residual = s->residual ? residual + (int64_t)m * s->n : NULL,
                                         .ldr = s->n,
                                         .act = s->act};
            glint_gemm_c(&g);
            const int32_t from = side == 0 ? 0 : n_add < s->n ? n_add : s->n;
            memcpy(c + (int64_t)m * s->n + from, out + from, (size_t)(s->n - from) * sizeof *c);
        }
    for (int32_t m = 0; s->norm && m < s->m; m++) {
        float *row = c + (int64_t)m * s->n;
        glint_norm_c(row, s->n, 1, s->n, norm, norm + s->n, 1e-5f, &row);
    }
    free(sum);
    free(out);
    return c;
}

/* IEEE binary16, to nearest even, of numbers below 65504. */
static uint16_t half_bits(float v)
{
    const int exponent = v == 0.0f || ilogbf(v) < -14 ? -14 : ilogbf(v);
    const long steps = lrintf(ldexpf(fabsf(v), 10 - exponent));
    return (uint16_t)((signbit(v) ? 0x8000 : 0) + ((exponent + 14) << 10) + steps);
}

/* 16-bit rows of floats, rounded by the test. */
static uint16_t *halves(const float *v, int64_t n, enum glint_precision p)
{
    uint16_t *half = malloc((size_t)n * sizeof *half + 4);
    for (int64_t i = 0; i < n; i++) {
        half[i] = p == GLINT_PRECISION_BF16 ? glint_bfloat(v[i]) : half_bits(v[i]);
    }
    return half;
}

static void check(struct glint_cuda_test *t, enum glint_precision p, const struct shape *s)
{
    const int first = t->n_blocks;
    uint64_t seed = (uint64_t)(s->m * 7 + s->k * 3 + s->n) + 1;
    void *memory;
    const struct glint_weights w = made_weights(s->k, s->n, &seed, &memory), *const part[] = {&w};
    const int64_t in = (int64_t)s->m * s->k, outs = (int64_t)s->m * s->n;
    const int32_t n_add = s->n > 64 ? 64 : s->n + 63 - (s->n + 63) % 64, most = s->m + 70;
    float *a = made_floats(in, -1, 1, &seed), *add = made_floats(in, -1, 1, &seed);
    float *residual = made_floats(outs, -1, 1, &seed), *norm = made_floats(2 * s->n, 0.5f, 1.5f, &seed);
    const struct glint_matrix_cuda m = put_matrix(t, p, part, 1);
    struct glint_gemm_cuda g = {.w = &m, .m = glint_cuda_put(t, &s->m, 4), .most = most, .lda = s->k};
    uint16_t *half = halves(a, in, p);
    if (s->half_in && p != GLINT_PRECISION_FP32)
        g.a_half = glint_cuda_put(t, half, (size_t)in * 2);
    else
        g.a = glint_cuda_put(t, a, (size_t)in * 4);
    g.add = s->add && g.a ? glint_cuda_put(t, add, (size_t)in * 4) : NULL;
    g.n_add = n_add;
    g.residual = s->residual ? glint_cuda_put(t, residual, (size_t)outs * 4) : NULL;
    g.act = s->act;
    const float *norms = glint_cuda_put(t, norm, (size_t)s->n * 8);
    g.norm_weight = s->norm ? norms : NULL;
    g.norm_bias = norms + s->n;
    g.norm_eps = 1e-5f;
    const bool half_out = s->half_out && p != GLINT_PRECISION_FP32;
    g.c = glint_cuda_put(t, NULL, (size_t)outs * 4);
    g.c_half = half_out ? glint_cuda_put(t, NULL, (size_t)outs * 2) : NULL;
    g.ldc = g.ldr = s->n;
    assert_ok(glint_gemm_cuda(t->stream, &g));
    struct shape done = *s;
    done.add = g.add != NULL;
    float *want = reference(&done, &w, a, add, n_add, residual, norm);
    float *got = got_floats(t, g.c, outs, GLINT_PRECISION_FP32);
    const double error = relative_error(got, want, outs);
    if (!(error <= most_error(p)))
        print_error("precision %d, %d x %d x %d, act %d: error %g\n", (int)p, s->m, s->k, s->n, (int)s->act,
                    error);
    assert_true(error <= most_error(p));
    if (half_out) {
        float *rounded = got_floats(t, g.c_half, outs, p);
        uint16_t *again = halves(got, outs, p), *direct = malloc((size_t)outs * 2 + 2);
        glint_cuda_get(t, direct, g.c_half, (size_t)outs * 2);
        assert_memory_equal(again, direct, (size_t)outs * 2);
        free(again);
        free(direct);
        free(rounded);
    }
    void *all[] = {memory, a, add, residual, norm, half, want, got};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free_blocks(t, first);
}

static const struct shape shapes[] = {
    {1, 1, 1, GLINT_ACT_NONE, false, false, false, false, false},
    {65, 11, 64, GLINT_ACT_RELU, false, false, false, false, true},
    {130, 128, 384, GLINT_ACT_NONE, true, false, false, false, true},
    {63, 128, 128, GLINT_ACT_NONE, false, true, true, true, true},
    {64, 256, 128, GLINT_ACT_NONE, false, true, true, true, false},
    {70, 128, 256, GLINT_ACT_GELU, false, false, false, true, true},
    {33, 64, 192, GLINT_ACT_NONE, true, false, false, false, true},
    {17, 200, 200, GLINT_ACT_NONE, false, true, true, false, true},
    {129, 50, 70, GLINT_ACT_RELU_LAST, false, true, false, false, false},
    {5, 40, 24, GLINT_ACT_NONE, true, true, true, false, true},
    {40, 320, 300, GLINT_ACT_NONE, false, true, true, true, false},
    {31, 24, 64, GLINT_ACT_NONE, false, false, false, true, true},
};

static void every_shape(struct glint_cuda_test *t, enum glint_precision p)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(t, p, &shapes[i]);
}
static void products_of_floats(void **state)
{
    every_shape(*state, GLINT_PRECISION_FP32);
}
static void products_in_bf16(void **state)
{
    every_shape(*state, GLINT_PRECISION_BF16);
}
static void products_in_fp16(void **state)
{
    every_shape(*state, GLINT_PRECISION_FP16);
}

/* No rows, and rows beyond the count stay as they are. */
static void rows_beyond_the_count_are_not_written(void **state)
{
    struct glint_cuda_test *t = *state;
    uint64_t seed = 5;
    void *memory;
    const struct glint_weights w = made_weights(32, 64, &seed, &memory), *const part[] = {&w};
    for (int k = 0; k < 2 * PRECISIONS; k++) {
        const enum glint_precision p = (enum glint_precision)(k / 2);
        const int32_t n = k % 2 ? 7 : 0;
        const struct glint_matrix_cuda m = put_matrix(t, p, part, 1);
        float *a = made_floats(40 * 32, -1, 1, &seed), got[40 * 64];
        struct glint_gemm_cuda g = {.w = &m, .m = glint_cuda_put(t, &n, 4), .most = 40, .lda = 32, .ldc = 64};
        g.a = glint_cuda_put(t, a, 40 * 32 * 4);
        g.c = glint_cuda_put(t, NULL, sizeof got);
        assert_ok(glint_gemm_cuda(t->stream, &g));
        glint_cuda_get(t, got, g.c, sizeof got);
        for (int32_t i = 0; i < 40 * 64; i++)
            assert_true(isnan(got[i]) == (i >= n * 64));
        free(a);
    }
    free(memory);
}

static void what_is_refused(void **state)
{
    struct glint_cuda_test *t = *state;
    uint64_t seed = 5;
    void *memory;
    const struct glint_weights w = made_weights(32, 300, &seed, &memory), *const part[] = {&w};
    const struct glint_matrix_cuda m = put_matrix(t, GLINT_PRECISION_FP32, part, 1);
    float one = 1;
    struct glint_gemm_cuda g = {.w = &m, .most = 1, .a = &one, .c_half = &one};
    assert_int_equal(glint_gemm_cuda(t->stream, &g), GLINT_E_ARG);
    g = (struct glint_gemm_cuda){.w = &m, .most = 0, .a = &one, .c = &one};
    assert_int_equal(glint_gemm_cuda(t->stream, &g), GLINT_E_ARG);
    g = (struct glint_gemm_cuda){.w = &m, .most = 1, .a = &one, .c = &one, .add = &one, .n_add = 32};
    assert_int_equal(glint_gemm_cuda(t->stream, &g), GLINT_E_ARG);
    free(memory);
}

static void norms(void **state)
{
    struct glint_cuda_test *t = *state;
    static const int32_t widths[] = {1, 31, 64, 128, 200, 515};
    uint64_t seed = 8;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const int32_t n = widths[i], m = 13;
        float *a = made_floats(m * n, -3, 5, &seed), *wb = made_floats(2 * n, -1, 1, &seed);
        float *want = malloc((size_t)m * (size_t)n * 4), *rows[13];
        for (int32_t r = 0; r < m; r++)
            rows[r] = want + r * n;
        glint_norm_c(a, n, m, n, wb, wb + n, 1e-5f, rows);
        float *out = glint_cuda_put(t, NULL, (size_t)(20 * n) * 4);
        const float *weight = glint_cuda_put(t, wb, (size_t)n * 8);
        assert_ok(glint_norm_cuda(t->stream, glint_cuda_put(t, a, (size_t)m * (size_t)n * 4), n,
                                  glint_cuda_put(t, &m, 4), 20, n, weight, weight + n, 1e-5f, out, n));
        float *got = got_floats(t, out, 20 * n, GLINT_PRECISION_FP32);
        assert_true(relative_error(got, want, m * n) <= 1e-6);
        assert_true(isnan(got[m * n]));
        free(a);
        free(wb);
        free(want);
        free(got);
    }
}

static const struct CMUnitTest tests[] = {
    cuda_test(products_of_floats), cuda_test(products_in_bf16),
    cuda_test(products_in_fp16),   cuda_test(rows_beyond_the_count_are_not_written),
    cuda_test(what_is_refused),    cuda_test(norms),
};
glint_cuda_main(tests)
