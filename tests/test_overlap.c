/* tests/test_overlap.c - generalised IoU of footprints. */
#include "track/overlap.h"
#include "tests/util.h"

static void known_pairs(void **state)
{
    (void)state;
    const struct glint_rect a = {0, 0, 2, 2, 0}, b = {4, 0, 2, 2, 0}, c = {1, 0, 2, 2, 0},
                            far = {1e4, 0, 2, 2, 0}, turned = {0, 0, 2, 2, 1.5707963267948966},
                            none = {0, 0, 0, 2, 0};
    assert_near(glint_rect_giou(&a, &a), 1, 1e-12);
    assert_near(glint_rect_giou(&a, &turned), 1, 1e-9);
    assert_near(glint_rect_giou(&a, &b), 0 - 4.0 / 12, 1e-12); /* 2 x 2 between them, hull 6 x 2 */
    assert_near(glint_rect_giou(&a, &c), 2.0 / 6, 1e-12);      /* no gap */
    assert_near(glint_rect_giou(&a, &far), -1, 1e-3);
    assert_near(glint_rect_giou(&a, &none), -1, 0);
}

/* A diamond inside of a square, hull the square; and the same anywhere, in either order. */
static void anywhere_and_either_way(void **state)
{
    (void)state;
    uint64_t seed = 3;
    const struct glint_rect square = {0, 0, 4, 4, 0}, diamond = {0, 0, 2, 2, 0.7853981633974483};
    assert_near(glint_rect_giou(&square, &diamond), 4.0 / 16, 1e-12);
    for (int i = 0; i < 500; i++) {
        double v[10];
        for (int k = 0; k < 10; k++)
            v[k] = (double)glint_test_uniform(&seed, k % 5 == 2 || k % 5 == 3 ? 0.5f : -3, 3);
        const struct glint_rect a = {v[0], v[1], v[2], v[3], v[4]}, b = {v[5], v[6], v[7], v[8], v[9]};
        const double turn = 0.9, c = cos(turn), s = sin(turn), g = glint_rect_giou(&a, &b);
        const struct glint_rect a2 = {c * v[0] - s * v[1] + 50, s * v[0] + c * v[1], v[2], v[3], v[4] + turn},
                                b2 = {c * v[5] - s * v[6] + 50, s * v[5] + c * v[6], v[7], v[8], v[9] + turn};
        assert_near(glint_rect_giou(&b, &a), g, 1e-9);
        assert_near(glint_rect_giou(&a2, &b2), g, 1e-9);
        assert_true(g <= glint_rect_iou(&a, &b) + 1e-9 && g >= -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_pairs),
        cmocka_unit_test(anywhere_and_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
