/* tests/test_kdtree.c - nearest points against looking at each one. */
#include "calib/kdtree.h"
#include "tests/util.h"
#include <stdbool.h>

static void check(const float *xyz, int32_t n, uint64_t *s)
{
    struct glint_kdtree *tree;
    assert_int_equal(glint_kdtree_open(xyz, n, &tree), GLINT_OK);
    for (int query = 0; query < 60; query++) {
        const float p[3] = {glint_test_uniform(s, -6, 6), glint_test_uniform(s, -6, 6),
                            glint_test_uniform(s, -6, 6)};
        const int32_t k = 1 + query % GLINT_KDTREE_NEAREST;
        const float radius = query % 3 ? 2.0f : 100.0f;
        float d2[GLINT_KDTREE_NEAREST];
        int32_t index[GLINT_KDTREE_NEAREST], within = 0;
        const int32_t got = glint_kdtree_nearest(tree, p, k, radius, index, d2);
        for (int32_t i = 0; i < n; i++) {
            const float *q = xyz + 3 * i;
            const float dx = q[0] - p[0], dy = q[1] - p[1], dz = q[2] - p[2], d = dx * dx + dy * dy + dz * dz;
            within += d < radius * radius;
            bool found = false;
            for (int32_t j = 0; j < got; j++)
                found |= index[j] == i;
            assert_true(found || !(d < radius * radius) || (got == k && d >= d2[k - 1]));
        }
        assert_int_equal(got, within < k ? within : k);
        for (int32_t j = 1; j < got; j++)
            assert_true(d2[j] >= d2[j - 1]);
    }
    glint_kdtree_close(tree);
}

static void same_as_looking_at_each(void **state)
{
    (void)state;
    static float xyz[3 * 2000];
    uint64_t s = 5;
    static const int32_t sizes[] = {1, 2, 8, 9, 10, 17, 100, 2000};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int32_t i = 0; i < 3 * sizes[k]; i++)
            xyz[i] = glint_test_uniform(&s, -5, 5);
        check(xyz, sizes[k], &s);
        for (int32_t i = 0; i < 3 * sizes[k]; i++) /* many equal coordinates and points */
            xyz[i] = (float)(int32_t)xyz[i];
        check(xyz, sizes[k], &s);
    }
    memset(xyz, 0, sizeof xyz);
    check(xyz, 2000, &s);
}

static void nothing_to_find(void **state)
{
    (void)state;
    struct glint_kdtree *tree;
    const float one[3] = {1, 2, 3}, far[3] = {9, 9, 9};
    int32_t index;
    float d2;
    assert_int_equal(glint_kdtree_open(one, 0, &tree), GLINT_E_ARG);
    assert_int_equal(glint_kdtree_open(one, 1, &tree), GLINT_OK);
    assert_int_equal(glint_kdtree_nearest(tree, far, 1, 1, &index, &d2), 0);
    assert_int_equal(glint_kdtree_nearest(tree, one, 0, 1, &index, &d2), 0);
    glint_kdtree_close(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_looking_at_each),
                                       cmocka_unit_test(nothing_to_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
