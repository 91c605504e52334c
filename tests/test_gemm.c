/* tests/test_gemm.c - each version against a product in double, with tails in every direction. */
#include "tests/kernels.h"
#include "attention/fixed.h"
#include "attention/gemm.h"

#define GUARD 3.25f

struct shape {
    int32_t m, k, n, segments;
};

struct data {
    struct shape s;
    float *a, *rows, *bias, *residual, *c;
    double *want;
    void *memory;
    struct glint_weights w;
    const float **pointers;
};

static const enum glint_act acts[] = {GLINT_ACT_NONE, GLINT_ACT_RELU, GLINT_ACT_GELU};

static double activate(enum glint_act act, double v)
{
    return act == GLINT_ACT_RELU ? (v < 0 ? 0 : v) : act == GLINT_ACT_GELU ? kernel_gelu(v) : v;
}

static void data_open(struct data *d, struct shape s, uint64_t seed)
{
    const int64_t length = s.k / s.segments;
    d->s = s;
    d->a = kernel_random(&seed, (int64_t)s.m * s.k, -1, 1);
    d->rows = kernel_random(&seed, (int64_t)s.n * s.k, -1, 1);
    d->bias = kernel_random(&seed, s.n, -1, 1);
    d->residual = kernel_random(&seed, (int64_t)s.m * s.n, -1, 1);
    d->c = kernel_alloc((size_t)s.m * (size_t)(s.n + 1) * sizeof(float));
    d->want = kernel_alloc((size_t)s.m * (size_t)s.n * sizeof(double));
    d->memory = kernel_alloc(glint_weights_bytes(s.k, s.n));
    glint_weights_pack(&d->w, d->memory, d->rows, s.k, NULL, d->bias, s.k, s.n);
    d->pointers = kernel_alloc((size_t)s.m * (size_t)s.segments * sizeof *d->pointers);
    for (int32_t j = 0; j < s.segments; j++) /* segment-major, rows of one segment packed together */
        for (int32_t i = 0; i < s.m; i++)
            d->pointers[j * s.m + i] = d->a + ((int64_t)j * s.m + i) * length;
}

static void data_close(struct data *d)
{
    free(d->a);
    free(d->rows);
    free(d->bias);
    free(d->residual);
    free(d->c);
    free(d->want);
    free(d->memory);
    free(d->pointers);
}

static void want_product(struct data *d, enum glint_act act, bool residual)
{
    const struct shape s = d->s;
    const int32_t length = s.k / s.segments;
    for (int32_t i = 0; i < s.m; i++)
        for (int32_t o = 0; o < s.n; o++) {
            double sum = d->bias[o];
            for (int32_t j = 0; j < s.k; j++)
                sum += (double)d->pointers[j / length * s.m + i][j % length] * (double)d->rows[o * s.k + j];
            d->want[i * s.n + o] = activate(act, sum) + (residual ? (double)d->residual[i * s.n + o] : 0.0);
        }
}

/* Row stride n + 1: the extra column must stay as it was. */
static void check_guarded(const struct data *d)
{
    const struct shape s = d->s;
    float *packed = kernel_alloc((size_t)s.m * (size_t)s.n * sizeof(float));
    for (int32_t i = 0; i < s.m; i++) {
        memcpy(packed + i * s.n, d->c + i * (s.n + 1), (size_t)s.n * sizeof(float));
        assert_true(d->c[i * (s.n + 1) + s.n] == GUARD);
    }
    kernel_assert_error(packed, d->want, (int64_t)s.m * s.n, 2e-6);
    free(packed);
}

static void check_shape(struct glint_exec *x, struct shape s, enum glint_act act, bool residual)
{
    struct data d;
    data_open(&d, s, 0x9e3779b97f4a7c15u + (uint64_t)(s.m * 131 + s.n * 17 + s.k));
    want_product(&d, act, residual);
    for (int32_t i = 0; i < s.m * (s.n + 1); i++)
        d.c[i] = GUARD;
    const struct glint_gemm g = {
        .w = &d.w,
        .m = s.m,
        .n_segments = s.segments,
        .rows = d.pointers,
        .c = d.c,
        .ldc = s.n + 1,
        .residual = residual ? d.residual : NULL,
        .ldr = s.n,
        .act = act,
    };
    glint_gemm_get(x->isa)(&g);
    check_guarded(&d);
    data_close(&d);
}

static void tails_of(struct glint_exec *x)
{
    for (int32_t m = 0; m <= 33; m++)
        check_shape(x, (struct shape){m, 7, 5, 1}, GLINT_ACT_NONE, m & 1);
    for (int32_t n = 1; n <= 70; n++)
        check_shape(x, (struct shape){15, 12, n, 3}, acts[n % 3], n & 1);
    for (int32_t k = 1; k <= 40; k++)
        check_shape(x, (struct shape){14, k, 33, 1}, acts[k % 3], k & 1);
    for (int32_t k = 1; k <= 130; k++) /* few outputs may have a way of their own */
        check_shape(x, (struct shape){9 + k % 9, 3 * k, 1 + k % 5, k & 1 ? 1 : 3}, acts[k % 3], k & 1);
    for (int32_t i = 0; i < 12; i++)
        check_shape(x, (struct shape){112, 9 * 16, 1 + i * 8, 3 * (1 + i % 3)}, acts[i % 3], i & 1);
    check_shape(x, (struct shape){50, 2304, 64, 3}, GLINT_ACT_RELU, true);
}

static void tails(void **state)
{
    (void)state;
    kernel_each_exec(tails_of);
}

/* c by pointers, in any order; the residual may be the result itself. */
static void in_place_of(struct glint_exec *x)
{
    struct data d;
    data_open(&d, (struct shape){37, 24, 40, 1}, 7);
    want_product(&d, GLINT_ACT_GELU, true);
    float *c_rows[37];
    for (int32_t i = 0; i < 37; i++)
        c_rows[i] = d.residual + i * 40;
    const struct glint_gemm g = {
        .w = &d.w,
        .m = 37,
        .n_segments = 1,
        .rows = d.pointers,
        .c_rows = c_rows,
        .residual_rows = (const float *const *)c_rows,
        .act = GLINT_ACT_GELU,
    };
    glint_gemm_get(x->isa)(&g);
    kernel_assert_error(d.residual, d.want, 37 * 40, 2e-6);
    data_close(&d);
}

static void in_place_by_pointers(void **state)
{
    (void)state;
    kernel_each_exec(in_place_of);
}

/* A row's result is the same bits alone and among others. */
static void neighbours_of(struct glint_exec *x)
{
    struct data d;
    data_open(&d, (struct shape){45, 130, 50, 1}, 11);
    float *alone = kernel_alloc(50 * sizeof(float));
    glint_linear(x, &d.w, d.a, 130, 45, d.c, 50, GLINT_ACT_GELU, NULL, 0);
    for (int32_t i = 0; i < 45; i++) {
        glint_linear(x, &d.w, d.a + i * 130, 130, 1, alone, 50, GLINT_ACT_GELU, NULL, 0);
        assert_memory_equal(alone, d.c + i * 50, 50 * sizeof(float));
    }
    free(alone);
    data_close(&d);
}

static void rows_do_not_depend_on_neighbours(void **state)
{
    (void)state;
    kernel_each_exec(neighbours_of);
}

/* Weights with pairs */

static float rounded(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool has_bf16(void)
{
    return glint_cpu_isa() & GLINT_ISA_AVX512_BF16;
}

/* As with floats that were rounded before; rows of an image overlap, `step` apart in their segments. */
static void check_pairs(struct shape s, int32_t step, enum glint_act act, bool residual)
{
    struct data d;
    void *pairs = kernel_alloc(glint_weights_pairs_bytes(s.k, s.n));
    data_open(&d, s, 0x2545f4914f6cdd1du + (uint64_t)(s.m * 131 + s.n * 17 + s.k));
    assert_true(glint_weights_pairable(s.k, s.n));
    glint_weights_pair(&d.w, pairs);
    float *sharp = kernel_alloc((size_t)s.m * (size_t)s.k * sizeof(float));
    memcpy(sharp, d.a, (size_t)s.m * (size_t)s.k * sizeof(float));
    for (int64_t i = 0; i < (int64_t)s.m * s.k; i++)
        d.a[i] = rounded(d.a[i]);
    for (int64_t i = 0; i < (int64_t)s.n * s.k; i++)
        d.rows[i] = rounded(d.rows[i]);
    for (int32_t j = 0; step && j < s.segments; j++)
        for (int32_t i = 0; i < s.m; i++)
            d.pointers[j * s.m + i] = d.a + j * s.k / s.segments + (i == s.m / 2 ? 0 : i * step);
    want_product(&d, act, residual);
    memcpy(d.a, sharp, (size_t)s.m * (size_t)s.k * sizeof(float));
    for (int32_t i = 0; i < s.m * (s.n + 1); i++)
        d.c[i] = GUARD;
    const struct glint_gemm g = {.w = &d.w,
                                 .m = s.m,
                                 .n_segments = s.segments,
                                 .rows = d.pointers,
                                 .c = d.c,
                                 .ldc = s.n + 1,
                                 .residual = residual ? d.residual : NULL,
                                 .ldr = s.n,
                                 .act = act};
    glint_gemm_get(glint_cpu_isa())(&g);
    check_guarded(&d);
    data_close(&d);
    free(sharp);
    free(pairs);
}

static void pairs_are_rounded_first(void **state)
{
    (void)state;
    if (!has_bf16())
        skip();
    for (int32_t m = 1; m <= 33; m++)
        check_pairs((struct shape){m, 8, 6, 1}, 0, GLINT_ACT_NONE, m & 1);
    for (int32_t n = 5; n <= 70; n++)
        check_pairs((struct shape){15, 12, n, 3}, 0, acts[n % 3], n & 1);
    for (int32_t k = 1; k <= 70; k++)
        check_pairs((struct shape){17, k, 33, 1}, 0, acts[k % 3], k & 1);
    for (int32_t c = 2; c <= 40; c += 2)
        check_pairs((struct shape){31, 9 * c, 40, 3}, c, acts[c / 2 % 3], c & 2);
    check_pairs((struct shape){30, 9 * 24, 64, 9}, 24, GLINT_ACT_RELU, true);
    check_pairs((struct shape){28, 9 * 3 * 2, 64, 3}, 3, GLINT_ACT_RELU, true);
    check_pairs((struct shape){20, GLINT_PAIRS_K, 64, 9}, 0, GLINT_ACT_RELU, true);
}

static void few_outputs_and_long_rows_have_no_pairs(void **state)
{
    (void)state;
    assert_false(glint_weights_pairable(64, GLINT_FEW));
    assert_false(glint_weights_pairable(GLINT_PAIRS_K + 1, 64));
}

/* Weights of integers */

static void as_half_rows(const struct data *d, int32_t block, const uint16_t **rows, const float **scales)
{
    const int32_t length = d->s.k / d->s.segments, n = d->s.m * d->s.segments;
    int16_t *value = kernel_alloc((size_t)n * (size_t)length * sizeof *value);
    float *scale = kernel_alloc((size_t)n * (size_t)(length / block) * sizeof *scale);
    for (int32_t i = 0; i < n; i++) {
        rows[i] = (const uint16_t *)value + (int64_t)i * length;
        scales[i] = scale + (int64_t)i * (length / block);
        glint_fixed_row_c(d->pointers[i], NULL, NULL, length, block, value + (int64_t)i * length,
                          scale + (int64_t)i * (length / block), NULL);
    }
}

/* Against double within the rounding of 14 bits, and the reference's bits; rows as floats and rounded before.
 */
static void check_integers(struct shape s, enum glint_act act, bool residual)
{
    struct data d;
    data_open(&d, s, 0x1b03738712fad5c9u + (uint64_t)(s.m * 131 + s.n * 17 + s.k));
    void *fixed = kernel_alloc(glint_weights_fixed_bytes(s.k, s.n));
    glint_weights_fix(&d.w, fixed);
    want_product(&d, act, residual);
    const uint16_t *rows[9 * 64];
    const float *scales[9 * 64];
    as_half_rows(&d, glint_fixed_block(s.k / s.segments), rows, scales);
    float *reference = kernel_alloc((size_t)s.m * (size_t)s.n * sizeof *reference);
    struct glint_gemm g = {.w = &d.w,
                           .m = s.m,
                           .n_segments = s.segments,
                           .rows = d.pointers,
                           .c = reference,
                           .ldc = s.n,
                           .residual = residual ? d.residual : NULL,
                           .ldr = s.n,
                           .act = act};
    glint_gemm_c(&g);
    kernel_assert_error(reference, d.want, (int64_t)s.m * s.n, 4e-4);
    for (int half = 0; half < 2 && (glint_cpu_isa() & GLINT_ISA_AVX512_VNNI); half++) {
        g.c = d.c;
        g.half_rows = half ? rows : NULL;
        g.half_scales = half ? scales : NULL;
        g.block = glint_fixed_block(s.k / s.segments);
        glint_gemm_get(glint_cpu_isa())(&g);
        if (act != GLINT_ACT_GELU)
            assert_memory_equal(d.c, reference, (size_t)s.m * (size_t)s.n * sizeof *reference);
        kernel_assert_error(d.c, d.want, (int64_t)s.m * s.n, 4e-4);
    }
    free((void *)(uintptr_t)rows[0]);
    free((void *)(uintptr_t)scales[0]);
    free(reference);
    free(fixed);
    data_close(&d);
}

static void integers_round_to_14_bits(void **state)
{
    (void)state;
    for (int32_t m = 1; m <= 33; m++)
        check_integers((struct shape){m, 64, 6, 1}, GLINT_ACT_NONE, m & 1);
    for (int32_t n = 5; n <= 70; n++)
        check_integers((struct shape){15, 9 * 16, n, 3}, acts[n % 3], n & 1);
    for (int32_t k = 16; k <= 208; k += 16)
        check_integers((struct shape){17, k, 33, 1}, acts[k / 16 % 3], k & 16);
    check_integers((struct shape){30, 9 * 48, 64, 9}, GLINT_ACT_RELU, true);
    check_integers((struct shape){28, 9 * 128, 64, 3}, GLINT_ACT_NONE, false);
}

/* The largest sums there can be stay within 32 bits. */
static void integers_do_not_overflow(void **state)
{
    (void)state;
    struct data d;
    data_open(&d, (struct shape){14, 128, 32, 1}, 3);
    void *fixed = kernel_alloc(glint_weights_fixed_bytes(128, 32));
    for (int32_t i = 0; i < 14 * 128; i++)
        d.a[i] = i / 128 % 2 ? -1.99999f : 1.99999f;
    for (int32_t i = 0; i < 32 * 128; i++)
        d.rows[i] = i / 128 % 3 ? 0.7f : -0.7f;
    glint_weights_pack(&d.w, d.memory, d.rows, 128, NULL, d.bias, 128, 32);
    glint_weights_fix(&d.w, fixed);
    want_product(&d, GLINT_ACT_NONE, false);
    const struct glint_gemm g = {
        .w = &d.w, .m = 14, .n_segments = 1, .rows = d.pointers, .c = d.c, .ldc = 32};
    glint_gemm_c(&g);
    kernel_assert_error(d.c, d.want, 14 * 32, 1e-3);
    if (glint_cpu_isa() & GLINT_ISA_AVX512_VNNI) {
        glint_gemm_get(glint_cpu_isa())(&g);
        kernel_assert_error(d.c, d.want, 14 * 32, 1e-3);
    }
    free(fixed);
    data_close(&d);
}

/* NaN goes through every activation; infinities come out where they should. */
static void special_of(struct glint_exec *x)
{
    struct data d;
    data_open(&d, (struct shape){16, 8, 20, 1}, 5);
    d.a[3 * 8 + 2] = NAN;
    d.a[5 * 8 + 1] = INFINITY;
    for (int i = 0; i < 3; i++) {
        glint_linear(x, &d.w, d.a, 8, 16, d.c, 20, acts[i], NULL, 0);
        for (int32_t j = 0; j < 16 * 20; j++) {
            if (j / 20 == 3)
                assert_true(isnan(d.c[j]));
            else if (j / 20 == 5)
                assert_true(acts[i] == GLINT_ACT_NONE ? isinf(d.c[j])
                                                      : d.c[j] > 1e30f || d.c[j] == 0.0f || isnan(d.c[j]));
            else
                assert_true(isfinite(d.c[j]));
        }
    }
    data_close(&d);
}

static void nan_and_infinity(void **state)
{
    (void)state;
    kernel_each_exec(special_of);
}

static void packing_scales_and_pads(void **state)
{
    (void)state;
    const float rows[2][4] = {{1, 2, 3, 0}, {4, 5, 6, 0}}, scale[2] = {10, 100}, bias[2] = {7, 8};
    void *memory = kernel_alloc(glint_weights_bytes(3, 2));
    struct glint_weights w;
    glint_weights_pack(&w, memory, rows[0], 4, scale, bias, 3, 2);
    assert_true(w.panels[0] == 10 && w.panels[1] == 400 && w.panels[GLINT_PANEL + 1] == 500);
    for (int32_t j = 2; j < GLINT_PANEL; j++)
        assert_true(w.panels[2 * GLINT_PANEL + j] == 0 && w.bias[j] == 0);
    assert_true(w.bias[0] == 7 && w.bias[1] == 8);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_scales_and_pads),
        cmocka_unit_test(tails),
        cmocka_unit_test(in_place_by_pointers),
        cmocka_unit_test(rows_do_not_depend_on_neighbours),
        cmocka_unit_test(pairs_are_rounded_first),
        cmocka_unit_test(few_outputs_and_long_rows_have_no_pairs),
        cmocka_unit_test(integers_round_to_14_bits),
        cmocka_unit_test(integers_do_not_overflow),
        cmocka_unit_test(nan_and_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
