/* tests/test_pose.c - rigid motions: identities that hold for any, and known values. */
#include "calib/pose.h"
#include "tests/util.h"
#include <math.h>

static double uniform(uint64_t *s, double lo, double hi)
{
    return lo + (hi - lo) * (double)(glint_test_random(s) >> 11) * 0x1p-53;
}

static struct glint_motion random_motion(uint64_t *s, double most_turn)
{
    struct glint_motion m;
    for (int k = 0; k < 3; k++) {
        m.v_m[k] = uniform(s, -20, 20);
        m.w_rad[k] = uniform(s, -1, 1) * most_turn / sqrt(3);
    }
    return m;
}

static void near_motion(struct glint_motion a, struct glint_motion b, double tolerance)
{
    for (int k = 0; k < 3; k++) {
        assert_true(fabs(a.v_m[k] - b.v_m[k]) <= tolerance * 20);
        assert_true(fabs(a.w_rad[k] - b.w_rad[k]) <= tolerance);
    }
}

static void near_pose(struct glint_pose a, struct glint_pose b, double tolerance)
{
    assert_true(glint_pose_angle(a, b) <= tolerance);
    assert_true(glint_pose_distance(a, b) <= tolerance * 20);
}

static void log_and_exp_undo_each_other(void **state)
{
    (void)state;
    uint64_t s = 11;
    for (int i = 0; i < 2000; i++) {
        const double turn = pow(10, uniform(&s, -9, 0)) * 3.1;
        const struct glint_motion m = random_motion(&s, turn);
        near_motion(glint_pose_log(glint_pose_exp(m)), m, 1e-12);
    }
}

static void inverse_and_compose(void **state)
{
    (void)state;
    uint64_t s = 12;
    for (int i = 0; i < 200; i++) {
        const struct glint_pose a = glint_pose_exp(random_motion(&s, 3)),
                                b = glint_pose_exp(random_motion(&s, 3));
        double p[3] = {uniform(&s, -50, 50), uniform(&s, -50, 50), 3}, q[3], r[3];
        near_pose(glint_pose_compose(a, glint_pose_inverse(a)), glint_pose_identity(), 1e-13);
        glint_pose_apply(b, p, q);
        glint_pose_apply(a, q, q);
        glint_pose_apply(glint_pose_compose(a, b), p, r);
        for (int k = 0; k < 3; k++)
            assert_true(fabs(q[k] - r[k]) < 1e-11);
    }
}

static void matrices_and_angles(void **state)
{
    (void)state;
    uint64_t s = 13;
    for (int i = 0; i < 500; i++) {
        struct glint_pose a = glint_pose_exp(random_motion(&s, 3.1)), b;
        double m[12], rpy[3];
        glint_pose_to_matrix(a, m);
        assert_int_equal(glint_pose_from_matrix(m, &b), GLINT_OK);
        near_pose(a, b, 1e-12);
        glint_pose_to_rpy(a, rpy);
        near_pose(a, glint_pose_from_rpy(rpy[0], rpy[1], rpy[2], a.t), 1e-9);
    }
    const double t[3] = {1, 2, 3}, x[3] = {1, 0, 0};
    double y[3];
    glint_pose_apply(glint_pose_from_rpy(0, 0, acos(-1) / 2, t), x, y); /* yaw: x becomes y */
    assert_true(fabs(y[0] - 1) < 1e-15 && fabs(y[1] - 3) < 1e-15 && fabs(y[2] - 3) < 1e-15);
    glint_pose_apply(glint_pose_from_rpy(0, acos(-1) / 2, 0, t), x, y); /* pitch: x goes down */
    assert_true(fabs(y[0] - 1) < 1e-15 && fabs(y[2] - 2) < 1e-15);
}

static void no_rotations(void **state)
{
    (void)state;
    struct glint_pose pose = {{0.5, 0, 0, 0}, {0}};
    const double mirror[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0};
    const double sheared[12] = {1, 0.1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    const double nan[12] = {1, 0, 0, NAN, 0, 1, 0, 0, 0, 0, 1, 0};
    assert_int_equal(glint_pose_unit(&pose), GLINT_E_FORMAT);
    assert_int_equal(glint_pose_from_matrix(mirror, &pose), GLINT_E_FORMAT);
    assert_int_equal(glint_pose_from_matrix(sheared, &pose), GLINT_E_FORMAT);
    assert_int_equal(glint_pose_from_matrix(nan, &pose), GLINT_E_FORMAT);
}

/* An even twist is met exactly by SE(3) interpolation; the straight line cuts the bend. */
static void interpolation(void **state)
{
    (void)state;
    const struct glint_motion bend = {{20, 0, 0}, {0, 0, 0.5}};
    const struct glint_pose start = glint_pose_from_rpy(0.1, -0.2, 3, (double[3]){5, 6, 7});
    const struct glint_pose end = glint_pose_compose(start, glint_pose_exp(bend));
    for (int i = -2; i <= 12; i++) {
        const double s = i / 10.0;
        const struct glint_pose want = glint_pose_compose(start, glint_pose_exp(glint_motion_scale(bend, s)));
        near_pose(glint_pose_between(start, end, s, GLINT_INTERPOLATE_SE3), want, 1e-12);
        const struct glint_pose line = glint_pose_between(start, end, s, GLINT_INTERPOLATE_LINEAR);
        assert_true(glint_pose_angle(line, want) < 1e-12); /* the turn is even in both */
        if (i == 5) { /* sagitta of a 20 m arc of 0.5 rad: r (1 - cos 0.25), r = 40 m */
            const double sagitta = 40 * (1 - cos(0.25));
            assert_true(fabs(glint_pose_distance(line, want) - sagitta) < 1e-9);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_and_exp_undo_each_other),
        cmocka_unit_test(inverse_and_compose),
        cmocka_unit_test(matrices_and_angles),
        cmocka_unit_test(no_rotations),
        cmocka_unit_test(interpolation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
