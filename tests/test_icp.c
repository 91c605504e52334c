/* tests/test_icp.c - known motions found again: in a made scene without and with noise, in a real one, and
 * scenes that do not tell, which must fail and say so. */
#include "calib/icp.h"
#include "core/bytes.h"
#include "core/file.h"
#include "tests/util.h"
#include <math.h>

#define DEG (acos(-1) / 180)
#define CAP 120000

struct scan {
    int32_t n;
    float xyz[3 * CAP];
};
static struct scan scan_a, scan_b;

/* A yard: ground, two walls, a slope and boxes; as planes n.x = d bounded by a box. */
static const struct plane {
    double n[3], d, lo[3], hi[3];
} yard[] = {
    {{0, 0, 1}, 0, {-40, -40, -1}, {40, 40, 1}},   {{1, 0, 0}, 14, {13, -20, 0}, {15, 25, 6}},
    {{0, 1, 0}, -11, {-30, -12, 0}, {14, -10, 5}}, {{-0.6, 0.8, 0}, 13, {-40, -10, 0}, {5, 40, 4}},
    {{1, 0, 0}, 5, {4, 2, 0}, {6, 4, 1.6}},        {{0, 1, 0}, 2, {5, 1, 0}, {9, 3, 1.6}},
    {{0, 0, 1}, 1.6, {5, 2, 1}, {9, 4, 2}},        {{0.8, 0.6, 0}, -6, {-12, -6, 0}, {2, 8, 2}},
};
#define PLANES (sizeof yard / sizeof yard[0])

/* Range of the first plane along the ray, 0 for none. */
static double cast(const double from[3], const double ray[3], size_t n_planes)
{
    double best = 0;
    for (size_t i = 0; i < n_planes; i++) {
        const struct plane *p = &yard[i];
        double along = 0, at = p->d;
        for (int k = 0; k < 3; k++) {
            along += p->n[k] * ray[k];
            at -= p->n[k] * from[k];
        }
        const double d = at / along;
        bool inside = d > 0.5 && d < 60 && (best == 0 || d < best);
        for (int k = 0; k < 3; k++) {
            const double x = from[k] + d * ray[k];
            inside = inside && x >= p->lo[k] - 1e-6 && x <= p->hi[k] + 1e-6;
        }
        best = inside ? d : best;
    }
    return best;
}

/* 64 lasers, 1200 columns, from the sensor's pose; points in the sensor's frame. */
static void scan_yard(struct glint_pose world, double noise, size_t n_planes, uint64_t *s, struct scan *out)
{
    out->n = 0;
    for (int laser = 0; laser < 64; laser++)
        for (int column = 0; column < 1200; column++) {
            const double el = (-25 + 40.0 * laser / 64) * DEG, az = 2 * acos(-1) * (column + 0.5) / 1200;
            const double ray[3] = {cos(el) * cos(az), cos(el) * sin(az), sin(el)};
            double tip[3], d = 0;
            glint_pose_apply(world, ray, tip);
            for (int k = 0; k < 3; k++)
                tip[k] -= world.t[k];
            d = cast(world.t, tip, n_planes);
            if (d == 0)
                continue;
            for (int i = 0; i < 4; i++) /* about normal */
                d += noise * (double)glint_test_uniform(s, -0.866f, 0.866f);
            for (int k = 0; k < 3; k++)
                out->xyz[3 * out->n + k] = (float)(d * ray[k]);
            out->n++;
        }
}

static struct glint_pose pose(double x, double y, double z, double roll, double pitch, double yaw)
{
    const double t[3] = {x, y, z};
    return glint_pose_from_rpy(roll * DEG, pitch * DEG, yaw * DEG, t);
}

static void yard_case(double noise, double most_m, double most_deg)
{
    const struct glint_pose a = pose(0, 0, 1.9, 0, 0, 0), b = pose(0.9, -0.7, 1.5, 2, -1, 35);
    const struct glint_pose truth = glint_pose_compose(glint_pose_inverse(a), b);
    const struct glint_pose guess = glint_pose_compose(truth, pose(0.3, -0.25, 0.15, 2, -2, 4));
    struct glint_icp_result r;
    uint64_t s = 77;
    scan_yard(a, noise, PLANES, &s, &scan_a);
    scan_yard(b, noise, PLANES, &s, &scan_b);
    const int status = glint_icp(scan_a.xyz, scan_a.n, scan_b.xyz, scan_b.n, guess, NULL, &r);
    const double off_m = glint_pose_distance(r.a_from_b, truth),
                 off_deg = glint_pose_angle(r.a_from_b, truth) / DEG;
    print_message(
        "yard, noise %.3f m: off by %.6f m, %.6f deg; rms %.4f m, inliers %.3f, overlap %.3f, condition %.4f "
        "(%s), sigma %.6f m, %d iterations\n",
        noise, off_m, off_deg, r.rms_m, r.inliers, r.overlap, r.condition, r.weak_text, r.sigma_m,
        r.iterations);
    assert_int_equal(status, GLINT_OK);
    assert_true(off_m < most_m && off_deg < most_deg);
    assert_true(r.inliers > 0.9 && r.moved_m > 0.3 && r.moved_rad > 3 * DEG);
}

static void found_again_without_noise(void **state)
{
    (void)state;
    yard_case(0, 0.001, 0.01);
}

static void found_again_with_noise(void **state)
{
    (void)state;
    yard_case(0.02, 0.01, 0.05);
}

static void expect_failure(struct glint_pose guess, const char *reason)
{
    struct glint_icp_result r;
    assert_int_equal(glint_icp(scan_a.xyz, scan_a.n, scan_b.xyz, scan_b.n, guess, NULL, &r), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" in \"%s\" expected", reason, glint_error_text());
}

/* On bare ground nothing tells x, y and yaw; between ground and one wall nothing tells the way along the
 * wall. */
static void a_scene_that_does_not_tell(void **state)
{
    (void)state;
    const struct glint_pose a = pose(0, 0, 1.9, 0, 0, 0), b = pose(0.5, 0.2, 1.7, 0, 0, 0);
    const struct glint_pose truth = glint_pose_compose(glint_pose_inverse(a), b);
    uint64_t s = 78;
    scan_yard(a, 0.01, 1, &s, &scan_a);
    scan_yard(b, 0.01, 1, &s, &scan_b);
    expect_failure(truth, "does not determine");
    scan_yard(a, 0.01, 2, &s, &scan_a);
    scan_yard(b, 0.01, 2, &s, &scan_b);
    expect_failure(truth, "does not determine the motion along y");
}

static void too_little_or_too_far(void **state)
{
    (void)state;
    const struct glint_pose a = pose(0, 0, 1.9, 0, 0, 0);
    uint64_t s = 79;
    scan_yard(a, 0.01, PLANES, &s, &scan_a);
    scan_b = scan_a;
    expect_failure(pose(0, 0, 60, 0, 0, 0), "do the scans overlap");
    scan_b.n = 50;
    expect_failure(glint_pose_identity(), "100 or more wanted");
    scan_b = scan_a;
    for (int32_t i = 0; i < 3 * scan_b.n; i++)
        scan_b.xyz[i] = i % 2 ? NAN : INFINITY;
    expect_failure(glint_pose_identity(), "100 or more wanted");
    for (int32_t i = 0; i < 3 * scan_b.n; i++) /* a cloud without any surface */
        scan_b.xyz[i] = glint_test_uniform(&s, -30, 30);
    expect_failure(glint_pose_identity(), "not registered");
}

/* ---- a real one ---- */

static bool load(const char *name, int first_laser, int last_laser, struct scan *out)
{
    char path[1200];
    struct glint_file f;
    out->n = 0;
    if (!glint_test_shared(name, path, sizeof path) || glint_file_open(&f, path) < 0)
        return false;
    for (size_t i = 0; i + 20 <= f.size && out->n < CAP; i += 20) {
        if (f.data[i + 13] < first_laser || f.data[i + 13] > last_laser)
            continue;
        for (int k = 0; k < 3; k++)
            out->xyz[3 * out->n + k] = glint_le_f32(f.data + i + 4 * (size_t)k);
        out->n++;
    }
    glint_file_close(&f);
    return out->n > 0;
}

#define SWEEP_1 "frames/argoverse2/7fab2350/315966265259836000.lidar.bin"
#define SWEEP_2 "frames/argoverse2/7fab2350/315966265360032000.lidar.bin"

/* The second sweep lies on the first by the inverse of the ego motion first to second (info.json). */
static void real_sweeps(void **state)
{
    (void)state;
    static const double ego[12] = {0.99997878074646,       0.006200352218002081,  0.0019893189892172813,
                                   -0.0654296875,          -0.006201899144798517, 0.9999804496765137,
                                   0.0007722008740529418,  0.00244140625,         -0.0019844924099743366,
                                   -0.0007845220388844609, 0.9999977350234985,    0.0022735595703125};
    struct glint_pose second_from_first;
    struct glint_icp_result r;
    if (!load(SWEEP_1, 0, 63, &scan_a) || !load(SWEEP_2, 0, 63, &scan_b))
        skip();
    assert_int_equal(glint_pose_from_matrix(ego, &second_from_first), GLINT_OK);
    const struct glint_pose truth = glint_pose_inverse(second_from_first);
    const struct glint_pose guess = glint_pose_compose(truth, pose(0.4, -0.3, 0.1, 1, -1, 2));
    const int status = glint_icp(scan_a.xyz, scan_a.n, scan_b.xyz, scan_b.n, guess, NULL, &r);
    const double off_m = glint_pose_distance(r.a_from_b, truth),
                 off_deg = glint_pose_angle(r.a_from_b, truth) / DEG;
    print_message(
        "Argoverse 2 sweeps: off by %.4f m, %.4f deg; rms %.4f m, median %.4f m, inliers %.3f, overlap %.3f, "
        "condition %.4f (%s), sigma %.5f m, %d iterations\n",
        off_m, off_deg, r.rms_m, r.median_m, r.inliers, r.overlap, r.condition, r.weak_text, r.sigma_m,
        r.iterations);
    assert_int_equal(status, GLINT_OK);
    assert_true(off_m < 0.03 && off_deg < 0.1);
}

/* The upper and the lower sensor of one sweep, both in the vehicle's frame already: nothing is left to move.
 */
static void real_sensors(void **state)
{
    (void)state;
    struct glint_icp_result r;
    if (!load(SWEEP_1, 0, 31, &scan_a) || !load(SWEEP_1, 32, 63, &scan_b))
        skip();
    const int status =
        glint_icp(scan_a.xyz, scan_a.n, scan_b.xyz, scan_b.n, pose(0.2, 0.2, -0.1, 1, 1, -2), NULL, &r);
    const double off_m = glint_pose_distance(r.a_from_b, glint_pose_identity());
    const double off_deg = glint_pose_angle(r.a_from_b, glint_pose_identity()) / DEG;
    print_message("Argoverse 2 sensors: off by %.4f m, %.4f deg; rms %.4f m, inliers %.3f, overlap %.3f, "
                  "condition %.4f "
                  "(%s), %d iterations\n",
                  off_m, off_deg, r.rms_m, r.inliers, r.overlap, r.condition, r.weak_text, r.iterations);
    assert_int_equal(status, GLINT_OK);
    assert_true(off_m < 0.05 && off_deg < 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_again_without_noise),
        cmocka_unit_test(found_again_with_noise),
        cmocka_unit_test(a_scene_that_does_not_tell),
        cmocka_unit_test(too_little_or_too_far),
        cmocka_unit_test(real_sweeps),
        cmocka_unit_test(real_sensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
