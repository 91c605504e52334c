/* tests/test_fixed.c - blocks of integers with a scale: the rule, and each version against the reference. */
#include "tests/kernels.h"
#include "attention/fixed.h"

static void blocks_divide_rows(void **state)
{
    (void)state;
    assert_int_equal(glint_fixed_block(256), 128);
    assert_int_equal(glint_fixed_block(96), 96);
    assert_int_equal(glint_fixed_block(3 * 48), 48);
    assert_int_equal(glint_fixed_block(208), 16);
    assert_int_equal(glint_fixed_block(24), 0);
}

static void the_largest_gives_the_scale(void **state)
{
    (void)state;
    float v[16] = {1.5f, -0.25f, 0x1p-14f, 0x1p-13f, 3 * 0x1p-14f, 2.0f - 0x1p-13f}, whole[16], scale;
    int16_t q[16];
    glint_fixed_row_c(v, NULL, NULL, 16, 16, q, &scale, whole);
    assert_true(scale == 0x1p-13f);
    assert_int_equal(q[0], 12288);
    assert_int_equal(q[1], -2048);
    assert_int_equal(q[2], 0); /* a half, to even */
    assert_int_equal(q[4], 2); /* one and a half, to even */
    assert_int_equal(q[5], 16383);
    assert_true(whole[0] == 1.5f && whole[5] == 16383 * 0x1p-13f);
    v[5] = 2.0f - 0x1p-14f; /* 2 when rounded: the next scale */
    glint_fixed_row_c(v, NULL, NULL, 16, 16, q, &scale, whole);
    assert_true(scale == 0x1p-12f && q[5] == 8192 && q[0] == 6144);
    memset(v, 0, sizeof v);
    v[3] = 1e-40f;
    glint_fixed_row_c(v, NULL, NULL, 16, 16, q, &scale, whole);
    assert_true(isfinite(scale) && q[3] == 0 && whole[3] == 0.0f);
    v[9] = -INFINITY;
    glint_fixed_row_c(v, NULL, NULL, 16, 16, q, &scale, whole);
    assert_true(isnan(scale) && isnan(whole[0]));
}

struct row {
    float from[192], whole[193], scale[12], add_scale[12];
    int16_t add[192], to[193];
};

static void run(glint_fixed_row_fn *fn, struct row *r, int32_t n, bool add, bool in_place, bool whole)
{
    const int32_t block = glint_fixed_block(n);
    const int16_t *more = !add ? NULL : in_place ? r->to : r->add;
    if (in_place)
        memcpy(r->to, r->add, sizeof r->add);
    if (in_place)
        memcpy(r->scale, r->add_scale, sizeof r->scale);
    fn(r->from, more, in_place ? r->scale : r->add_scale, n, block, r->to, r->scale, whole ? r->whole : NULL);
}

static void check(glint_fixed_row_fn *fn, int32_t n, bool add, bool in_place, bool whole)
{
    uint64_t seed = (uint64_t)n;
    struct row want = {0}, got;
    for (int32_t i = 0; i < n; i++) {
        want.from[i] = ldexpf(glint_test_uniform(&seed, -1, 1), (int)(glint_test_random(&seed) % 12) - i);
        want.add[i] = (int16_t)(glint_test_random(&seed) % 32767) - 16383;
    }
    want.from[n / 2] = n % 64 ? 1.0f : NAN;
    for (int i = 0; i < 12; i++)
        want.add_scale[i] = ldexpf(1, -10 - i);
    got = want;
    run(glint_fixed_row_c, &want, n, add, in_place, whole);
    run(fn, &got, n, add, in_place, whole);
    assert_memory_equal(got.to, want.to, sizeof want.to);
    for (int32_t i = 0; i < 193; i++)
        assert_true(got.whole[i] == want.whole[i] || (isnan(got.whole[i]) && isnan(want.whole[i])));
    for (int i = 0; i < 12; i++)
        assert_true(got.scale[i] == want.scale[i] || (isnan(got.scale[i]) && isnan(want.scale[i])));
}

/* What was rounded comes out as it is. */
static void check_again(glint_fixed_row_fn *fn)
{
    uint64_t seed = 9;
    struct row once, twice;
    for (int round = 0; round < 200; round++) {
        for (int32_t i = 0; i < 192; i++)
            once.from[i] = ldexpf(glint_test_uniform(&seed, -1, 1), round % 7 * (i % 3));
        once.from[round % 192] = 4.0f - 0x1p-21f;
        fn(once.from, NULL, NULL, 192, 96, once.to, once.scale, once.whole);
        fn(once.whole, NULL, NULL, 192, 96, twice.to, twice.scale, twice.whole);
        assert_memory_equal(once.to, twice.to, 192 * sizeof(int16_t));
        assert_memory_equal(once.scale, twice.scale, 2 * sizeof(float));
    }
}

static void every_version(void **state)
{
    (void)state;
    for (int i = 0; i < KERNEL_ISA_COUNT; i++) {
        if ((kernel_isa[i] & glint_cpu_isa()) != kernel_isa[i])
            continue;
        glint_fixed_row_fn *fn = glint_fixed_row_get(kernel_isa[i]);
        for (int32_t n = 16; n <= 192; n += 16)
            for (int way = 0; way < 8; way++)
                check(fn, n, way & 1, (way & 3) == 3, way & 4);
        check_again(fn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_divide_rows),
        cmocka_unit_test(the_largest_gives_the_scale),
        cmocka_unit_test(every_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
