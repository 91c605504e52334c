/* tests/test_bfloat.c - rounding to bfloat16: each version against the rule in words. */
#include "tests/kernels.h"
#include "attention/bfloat.h"

static void nearest_and_ties_to_even(void **state)
{
    (void)state;
    assert_int_equal(glint_bfloat(1.0f), 0x3f80);
    assert_int_equal(glint_bfloat(1.0f + 0x1p-8f), 0x3f80);            /* a tie, down to even */
    assert_int_equal(glint_bfloat(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81); /* just above it */
    assert_int_equal(glint_bfloat(-1.0f - 3 * 0x1p-8f), 0xbf82);       /* a tie, up to even */
    assert_int_equal(glint_bfloat(3.4028234e38f), 0x7f80);             /* beyond the largest: infinity */
    assert_int_equal(glint_bfloat(-INFINITY), 0xff80);
    assert_true(isnan(glint_bfloat_value(glint_bfloat(NAN))));
    uint32_t bits = 0x7fffffffu; /* a NaN that rounding as a number would make a zero */
    float v;
    memcpy(&v, &bits, sizeof v);
    assert_true(isnan(glint_bfloat_round(v)));
}

/* Values of all sizes, but none so small that versions may call it zero. */
static float any_size(uint64_t *seed)
{
    return ldexpf(glint_test_uniform(seed, 1, 2), (int)(glint_test_random(seed) % 200) - 100) *
           (glint_test_random(seed) % 2 ? 1.0f : -1.0f);
}

static void check_row(glint_bfloat_row_fn *fn, int32_t n, bool add, bool in_place, bool whole)
{
    uint64_t seed = 3 + (uint64_t)n;
    float from[100], values[101], want_values[101];
    uint16_t more[100], to[101], want[101];
    for (int32_t i = 0; i < 101; i++) {
        to[i] = want[i] = 0x1234;
        values[i] = want_values[i] = 5.0f;
    }
    for (int32_t i = 0; i < n; i++) {
        from[i] = i == 7 ? INFINITY : any_size(&seed);
        more[i] = glint_bfloat(any_size(&seed));
    }
    if (in_place)
        memcpy(to, more, (size_t)n * sizeof *to);
    glint_bfloat_row_c(from, add ? more : NULL, n, want, whole ? want_values : NULL);
    fn(from, !add ? NULL : in_place ? to : more, n, to, whole ? values : NULL);
    assert_memory_equal(to, want, sizeof to);
    assert_memory_equal(values, want_values, sizeof values);
    for (int32_t i = 0; i < n && whole; i++)
        assert_true(values[i] == glint_bfloat_round(add ? from[i] + glint_bfloat_value(more[i]) : from[i]));
}

static void rows(void **state)
{
    (void)state;
    for (int i = 0; i < KERNEL_ISA_COUNT; i++) {
        if ((kernel_isa[i] & glint_cpu_isa()) != kernel_isa[i])
            continue;
        for (int32_t n = 0; n <= 100; n++)
            check_row(glint_bfloat_row_get(kernel_isa[i]), n, n % 2, n % 4 == 1, n % 3 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_and_ties_to_even),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
