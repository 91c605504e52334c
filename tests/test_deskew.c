/* tests/test_deskew.c - a drive past a wall: bent as measured, straight after deskew; and single points
 * against double precision. */
#include "calib/deskew.h"
#include "core/cpu.h"
#include "tests/util.h"
#include <math.h>

#define COLUMNS 2048
#define EXTENT  100000000u /* ns, one turn */

static const struct glint_motion drive = {{20, 0, 0}, {0, 0, 0.5}}; /* 20 m/s, 0.5 rad/s */
static const int64_t start_ns = INT64_C(1700000000000000000);

struct sweep {
    int32_t n;
    float x[COLUMNS], y[COLUMNS], z[COLUMNS];
    uint32_t offset[COLUMNS];
};

static struct glint_pose vehicle_at(double seconds)
{
    static const double t[3] = {3, -2, 0.5};
    return glint_pose_compose(glint_pose_from_rpy(0.01, -0.02, 0.3, t),
                              glint_pose_exp(glint_motion_scale(drive, seconds)));
}

static struct glint_pose sensor_mount(void)
{
    static const double t[3] = {1.2, 0.3, 1.8};
    return glint_pose_from_rpy(0.02, 0.01, 1.3, t);
}

/* One turn of a single beam along the sensor's horizon that meets the wall y = 12 m of the world; each ray
 * from where the sensor is at its own time. */
static void cast(struct sweep *s)
{
    s->n = 0;
    for (int32_t c = 0; c < COLUMNS; c++) {
        const double part = (double)c / COLUMNS, azimuth = -2 * acos(-1) * part;
        const struct glint_pose world = glint_pose_compose(vehicle_at(part * EXTENT * 1e-9), sensor_mount());
        const double ray[3] = {cos(azimuth), sin(azimuth), 0};
        double tip[3];
        glint_pose_apply(world, ray, tip);
        const double d = (12 - world.t[1]) / (tip[1] - world.t[1]);
        if (!(d > 0 && d < 60))
            continue;
        s->x[s->n] = (float)(d * ray[0]);
        s->y[s->n] = (float)(d * ray[1]);
        s->z[s->n] = 0;
        s->offset[s->n++] = (uint32_t)(part * EXTENT);
    }
    assert_true(s->n > COLUMNS / 4);
}

/* Furthest point from the best line through all, seen from above. */
static double bend(const struct sweep *s)
{
    double mean[2] = {0}, xx = 0, xy = 0, yy = 0, most = 0;
    for (int32_t i = 0; i < s->n; i++) {
        mean[0] += (double)s->x[i] / s->n;
        mean[1] += (double)s->y[i] / s->n;
    }
    for (int32_t i = 0; i < s->n; i++) {
        const double x = s->x[i] - mean[0], y = s->y[i] - mean[1];
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    const double angle = atan2(2 * xy, xx - yy) / 2; /* of the long axis */
    for (int32_t i = 0; i < s->n; i++) {
        const double d = (s->y[i] - mean[1]) * cos(angle) - (s->x[i] - mean[0]) * sin(angle);
        most = fabs(d) > most ? fabs(d) : most;
    }
    return most;
}

static struct glint_trajectory *poses_every(int64_t step_ns)
{
    int64_t stamp[64];
    struct glint_pose pose[64];
    struct glint_trajectory *tr;
    int32_t n = 0;
    for (int64_t t = -step_ns; t <= (int64_t)EXTENT + step_ns; t += step_ns, n++) {
        stamp[n] = start_ns + t;
        pose[n] = vehicle_at((double)t * 1e-9);
    }
    assert_int_equal(glint_trajectory_make(n, stamp, pose, &tr), GLINT_OK);
    return tr;
}

/* How far points are from the wall when the sweep counts as seen from the pose at reference_ns. */
static double off_the_wall(const struct sweep *s, int64_t reference_ns)
{
    const struct glint_pose world = vehicle_at((double)reference_ns * 1e-9);
    double most = 0;
    for (int32_t i = 0; i < s->n; i++) {
        double p[3] = {s->x[i], s->y[i], s->z[i]};
        glint_pose_apply(world, p, p);
        most = fabs(p[1] - 12) > most ? fabs(p[1] - 12) : most;
    }
    return most;
}

static void wall(enum glint_interpolation how, int64_t step_ns, double allowed)
{
    static struct sweep raw, s;
    static struct glint_deskew_table table;
    const struct glint_pose mount = sensor_mount();
    struct glint_trajectory *tr = poses_every(step_ns);
    tr->how = how;
    cast(&raw);
    const double before = bend(&raw);
    assert_true(before > 0.2); /* a wall of 20 to 40 m */
    double worst = 0, worst_wall = 0;
    for (int64_t reference = 0; reference <= EXTENT; reference += EXTENT / 4) {
        s = raw;
        assert_int_equal(glint_deskew_make(tr, start_ns, EXTENT, start_ns + reference, &mount, &table),
                         GLINT_OK);
        glint_deskew_get(glint_cpu_isa())(&table, s.x, s.y, s.z, s.offset, s.n);
        worst = fmax(worst, bend(&s));
        worst_wall = fmax(worst_wall, off_the_wall(&s, reference));
    }
    print_message("wall: bent by %.3f m as measured, by %.6f m after deskew, %.6f m from its place (poses "
                  "every %lld ms, "
                  "%s)\n",
                  before, worst, worst_wall, (long long)step_ns / 1000000,
                  how == GLINT_INTERPOLATE_SE3 ? "SE(3)" : "linear");
    assert_true(worst < allowed && worst_wall < allowed);
    glint_trajectory_close(tr);
}

static void a_wall_is_straight(void **state)
{
    (void)state;
    wall(GLINT_INTERPOLATE_SE3, 100000000, 0.0005); /* exact for an even twist, however few the poses */
    wall(GLINT_INTERPOLATE_SE3, 10000000, 0.0005);
    wall(GLINT_INTERPOLATE_LINEAR, 10000000, 0.001);
    wall(GLINT_INTERPOLATE_LINEAR, 50000000, 0.01); /* chords of 1 m in a bend of 40 m: up to 3 mm */
}

/* Against the pose at each point's own time, in double precision. */
static void single_points(void **state)
{
    (void)state;
    static struct glint_deskew_table table;
    struct glint_trajectory *tr = poses_every(10000000);
    const struct glint_pose mount = sensor_mount();
    assert_int_equal(glint_deskew_make(tr, start_ns, EXTENT - 1234567, start_ns + 40000000, &mount, &table),
                     GLINT_OK);
    for (uint32_t o = 0; o <= EXTENT - 1234567; o += 617283) {
        float x = 80, y = -30, z = 2;
        const double p[3] = {80, -30, 2};
        double want[3];
        const struct glint_pose rel =
            glint_pose_compose(glint_pose_inverse(vehicle_at(0.04)), vehicle_at((double)o * 1e-9));
        glint_pose_apply(glint_pose_compose(rel, mount), p, want);
        glint_deskew_c(&table, &x, &y, &z, &o, 1);
        assert_true(fabs(x - want[0]) < 1e-4 && fabs(y - want[1]) < 1e-4 && fabs(z - want[2]) < 1e-4);
    }
    glint_trajectory_close(tr);
}

static void at_the_reference_nothing_moves(void **state)
{
    (void)state;
    static struct glint_deskew_table table;
    struct glint_trajectory *tr = poses_every(10000000);
    float x = 1, y = 2, z = 3;
    uint32_t o = 50000000;
    assert_int_equal(glint_deskew_make(tr, start_ns, EXTENT, start_ns + o, NULL, &table), GLINT_OK);
    glint_deskew_c(&table, &x, &y, &z, &o, 1);
    assert_true(fabsf(x - 1) < 1e-6f && fabsf(y - 2) < 1e-6f && fabsf(z - 3) < 1e-6f);
    glint_trajectory_close(tr);
}

static void without_a_pose_the_mount_stays(void **state)
{
    (void)state;
    static struct glint_deskew_table table;
    struct glint_trajectory *tr = poses_every(10000000);
    const struct glint_pose mount = {{1, 0, 0, 0}, {1, 2, 3}};
    float x = 1, y = 1, z = 1;
    uint32_t o = 50000000;
    assert_int_equal(glint_deskew_make(tr, start_ns + INT64_C(10000000000), EXTENT, start_ns, &mount, &table),
                     GLINT_E_NOTFOUND);
    glint_deskew_c(&table, &x, &y, &z, &o, 1);
    assert_true(x == 2 && y == 3 && z == 4);
    assert_int_equal(glint_deskew_make(NULL, 0, 0, 0, &mount, &table), GLINT_OK);
    glint_deskew_c(&table, &x, &y, &z, &o, 1);
    assert_true(x == 3 && y == 5 && z == 7);
    glint_trajectory_close(tr);
}

/* Poses by frame: frame 1's middle is pose 1; its begin half a frame before. */
static void by_frame(void **state)
{
    (void)state;
    static struct glint_deskew_table table;
    const char *text = "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 2 0 1 0 0 0 0 1 0\n1 0 0 4 0 1 0 0 0 0 1 0\n";
    struct glint_trajectory *tr;
    assert_int_equal(glint_trajectory_parse("k.txt", text, strlen(text), NULL, NULL, 0, &tr), GLINT_OK);
    assert_int_equal(glint_deskew_make_by_frame(tr, 1, EXTENT, 0.5, NULL, &table), GLINT_OK);
    float x[3] = {10, 10, 10}, y[3] = {0}, z[3] = {0};
    const uint32_t o[3] = {0, EXTENT / 2, EXTENT};
    glint_deskew_c(&table, x, y, z, o, 3);
    assert_true(fabsf(x[0] - 9) < 1e-5f && fabsf(x[1] - 10) < 1e-5f && fabsf(x[2] - 11) < 1e-5f);
    assert_int_equal(glint_deskew_make_by_frame(tr, 7, EXTENT, 0.5, NULL, &table), GLINT_E_NOTFOUND);
    glint_trajectory_close(tr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wall_is_straight),
        cmocka_unit_test(single_points),
        cmocka_unit_test(at_the_reference_nothing_moves),
        cmocka_unit_test(without_a_pose_the_mount_stays),
        cmocka_unit_test(by_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
