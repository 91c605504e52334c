/* tests/test_mean_vfe.c - means of voxels' points, in their order and in float. */
#include "tests/kernels.h"
#include "attention/mean_vfe.h"
#include "core/status.h"

static float x[] = {1, 2, 3, 1e8f, 1, -1e8f}, intensity[] = {0.5f, 0, 1, 0, 0, 0};

static void means_of(struct glint_exec *e)
{
    static const int32_t point[] = {2, 0, 3, 4, 5, 1}, start[] = {0, 2, 5, 6};
    const struct glint_points points = {.n = 6, .x = x, .y = x, .z = x, .intensity = intensity};
    struct glint_mean_vfe vfe = {.n_columns = 3,
                                 .column = {{GLINT_VFE_FIELD, GLINT_FIELD_X, 1},
                                            {GLINT_VFE_FIELD, GLINT_FIELD_INTENSITY, 255},
                                            {GLINT_VFE_FIELD, GLINT_FIELD_LAG, 1}}}; /* which nobody gave */
    const float want[] = {2, 191.25f, 0, ((1e8f + 1) - 1e8f) / 3, 0, 0, 2, 0, 0};
    float got[9];
    assert_int_equal(glint_mean_vfe(e, &vfe, &points, point, start, 3, got), GLINT_OK);
    assert_memory_equal(got, want, sizeof want);
    vfe.column[1].source = GLINT_VFE_MEAN;
    assert_int_equal(glint_mean_vfe(e, &vfe, &points, point, start, 3, got), GLINT_E_ARG);
}

static void means(void **state)
{
    (void)state;
    kernel_each_exec(means_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
