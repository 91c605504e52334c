/* tests/test_trajectory.c - poses over time: files in every form, look-ups and their limits. */
#include "calib/trajectory.h"
#include "tests/util.h"
#include <math.h>

static struct glint_trajectory *parse(const char *text, const char *times)
{
    struct glint_trajectory *tr = NULL;
    assert_int_equal(glint_trajectory_parse("p.csv", text, strlen(text), times ? "times.txt" : NULL, times,
                                            times ? strlen(times) : 0, &tr),
                     GLINT_OK);
    return tr;
}

static void refuse(const char *text, const char *times, const char *reason)
{
    struct glint_trajectory *tr = NULL;
    assert_int_equal(glint_trajectory_parse("p.csv", text, strlen(text), times ? "times.txt" : NULL, times,
                                            times ? strlen(times) : 0, &tr),
                     GLINT_E_FORMAT);
    assert_null(tr);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" in \"%s\" expected", reason, glint_error_text());
}

static void csv_of_poses(void **state)
{
    (void)state;
    struct glint_trajectory *tr = parse("stamp_ns,x,y,z,roll,pitch,yaw\r\n1000000000,1,2,3,0,0,0\n"
                                        "1100000000,3,2,3,0,0,0.2\n\n",
                                        NULL);
    struct glint_pose p;
    tr->how = GLINT_INTERPOLATE_LINEAR;
    assert_int_equal(glint_trajectory_at(tr, 1050000000, &p), GLINT_OK);
    assert_true(fabs(p.t[0] - 2) < 1e-12 && fabs(2 * atan2(p.q[3], p.q[0]) - 0.1) < 1e-12);
    glint_trajectory_close(tr);
    tr = parse("qz qy qx qw tz_m ty_m tx_m other timestamp_ns\n0 0 0 1 6 5 4 9 7\n", NULL);
    assert_int_equal(glint_trajectory_at(tr, 7, &p), GLINT_OK);
    assert_true(p.t[0] == 4 && p.t[1] == 5 && p.t[2] == 6 && p.q[0] == 1);
    glint_trajectory_close(tr);
}

/* A circle by its twist: 10 m/s and 0.5 rad/s lead once round in 4 pi seconds. */
static void csv_of_twists(void **state)
{
    (void)state;
    char text[8192] = "stamp_ns,speed,wx,wy,wz\n";
    const int64_t round_ns = (int64_t)(4e9 * acos(-1));
    for (int i = 0; i <= 100; i++)
        snprintf(text + strlen(text), 64, "%lld,10,0,0,0.5\n", (long long)(round_ns * i / 100));
    struct glint_trajectory *tr = parse(text, NULL);
    struct glint_pose p;
    assert_int_equal(glint_trajectory_at(tr, round_ns, &p), GLINT_OK);
    assert_true(glint_pose_distance(p, glint_pose_identity()) < 1e-6);
    assert_int_equal(glint_trajectory_at(tr, round_ns / 2, &p), GLINT_OK);
    assert_true(fabs(p.t[1] - 40) < 1e-6 && fabs(p.t[0]) < 1e-6); /* the other side, 2 r to the left */
    glint_trajectory_close(tr);
}

static void kitti(void **state)
{
    (void)state;
    const char *text = "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 2 0 1 0 0 0 0 1 0\n";
    struct glint_trajectory *tr = parse(text, NULL);
    struct glint_pose p;
    assert_true(tr->by_frame);
    assert_int_equal(glint_trajectory_at(tr, 1000000000, &p), GLINT_OK); /* between both frames' middles */
    assert_true(fabs(p.t[0] - 1) < 1e-12);
    assert_int_equal(glint_trajectory_at(tr, 2000000000, &p), GLINT_OK); /* half a frame beyond */
    assert_true(fabs(p.t[0] - 3) < 1e-12);
    glint_trajectory_close(tr);
    tr = parse(text, "5.5\n5.6\n");
    assert_false(tr->by_frame);
    assert_int_equal(glint_trajectory_at(tr, 5575000000, &p), GLINT_OK);
    assert_true(fabs(p.t[0] - 1.5) < 1e-9);
    glint_trajectory_close(tr);
    refuse(text, "5.5\n", "no time for the pose");
    refuse(text, "5.5\nx\n", "times.txt:2");
    refuse("1 0 0 0 0 1 0 0 0 0 1\n", NULL, "12 numbers");
    refuse("1 0 0 0 0 1 0 0 0 0 -1 0\n", NULL, "p.csv:1: not a 3 x 4 matrix");
}

static void bad_files(void **state)
{
    (void)state;
    refuse("", NULL, "no poses");
    refuse("stamp_ns,x,y,z\n", NULL, "expected a header");
    refuse("stamp_ns,x,y,z,roll,pitch,yaw\n", NULL, "no poses");
    refuse("stamp_ns,x,y,z,roll,pitch,yaw\n1,0,0,0,0,0\n", NULL, "p.csv:2: 6 columns, 7 expected");
    refuse("stamp_ns,x,y,z,roll,pitch,yaw\n1,0,0,0,0,0,nan\n", NULL, "column 7");
    refuse("stamp_ns,x,y,z,roll,pitch,yaw\n1.5,0,0,0,0,0,0\n", NULL, "column 1");
    refuse("stamp_ns,x,y,z,roll,pitch,yaw\n2,0,0,0,0,0,0\n2,0,0,0,0,0,0\n", NULL, "p.csv:3: time 2");
    refuse("stamp_ns,x,y,z,qw,qx,qy,qz\n2,0,0,0,0.5,0,0,0\n", NULL, "unit quaternion");
    refuse("stamp_ns,x,x,y,z,roll,pitch,yaw\n", NULL, "x is there twice");
}

static void limits(void **state)
{
    (void)state;
    const int64_t s = 1000000000;
    const int64_t stamps[] = {0, s / 10, s, s + s / 10};
    struct glint_pose poses[4], p;
    struct glint_trajectory *tr;
    for (int i = 0; i < 4; i++) {
        poses[i] = glint_pose_identity();
        poses[i].t[0] = (double)stamps[i] * 1e-9;
    }
    assert_int_equal(glint_trajectory_make(4, stamps, poses, &tr), GLINT_OK);
    assert_int_equal(glint_trajectory_at(tr, -tr->beyond_ns, &p), GLINT_OK);
    assert_true(fabs(p.t[0] + 0.15) < 1e-12);
    assert_int_equal(glint_trajectory_at(tr, -tr->beyond_ns - 1, &p), GLINT_E_NOTFOUND);
    assert_int_equal(glint_trajectory_at(tr, stamps[3] + tr->beyond_ns, &p), GLINT_OK);
    assert_int_equal(glint_trajectory_at(tr, stamps[3] + tr->beyond_ns + 1, &p), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "after the last pose by 0.150 s"));
    assert_int_equal(glint_trajectory_at(tr, s / 2, &p), GLINT_E_NOTFOUND); /* 0.9 s of nothing */
    assert_non_null(strstr(glint_error_text(), "poses apart by 0.900 s, at most 0.500 s"));
    assert_int_equal(glint_trajectory_at(tr, s, &p), GLINT_OK); /* exactly on a pose: no gap to bridge */
    glint_trajectory_close(tr);
    const int64_t equal[] = {5, 5};
    assert_int_equal(glint_trajectory_make(2, equal, poses, &tr), GLINT_E_ARG);
    assert_int_equal(glint_trajectory_make(0, equal, poses, &tr), GLINT_E_ARG);
}

static void constant_twist(void **state)
{
    (void)state;
    struct glint_trajectory *tr;
    struct glint_pose p;
    assert_int_equal(glint_trajectory_from_twist((struct glint_motion){{10, 0, 0}, {0, 0, 0}}, &tr),
                     GLINT_OK);
    const int64_t now = INT64_C(1700000000000000000);
    assert_int_equal(glint_trajectory_motion(tr, now, now + 100000000, &p), GLINT_OK);
    assert_true(fabs(p.t[0] + 1) < 1e-12); /* what was ahead is a metre nearer */
    glint_trajectory_close(tr);
    assert_int_equal(glint_trajectory_from_twist((struct glint_motion){{NAN, 0, 0}, {0, 0, 0}}, &tr),
                     GLINT_E_ARG);
}

static void demo_and_real_files(void **state)
{
    (void)state;
    char path[1200];
    struct glint_trajectory *tr;
    struct glint_pose p;
    assert_int_equal(glint_trajectory_load(GLINT_SOURCE_DIR "/data/demo/demo.poses.csv", NULL, &tr),
                     GLINT_OK);
    assert_int_equal(
        glint_trajectory_motion(tr, INT64_C(1735690200000000000), INT64_C(1735690200100000000), &p),
        GLINT_OK);
    assert_true(fabs(p.t[0] + 0.5) < 1e-3); /* 5 m/s for 0.1 s */
    glint_trajectory_close(tr);
    assert_int_equal(glint_trajectory_load("no/such/file.csv", NULL, &tr), GLINT_E_NOTFOUND);
    if (!glint_test_shared(
            "captures/ouster_os1_128_rng15_3scans/OS-1-128_v2.3.0_1024x10_lb_n3_poses_kitti.txt", path,
            sizeof path))
        return;
    assert_int_equal(glint_trajectory_load(path, NULL, &tr), GLINT_OK);
    assert_true(tr->by_frame && tr->n == 3);
    glint_trajectory_close(tr);
    assert_true(glint_test_shared("frames/argoverse2/7fab2350/city_SE3_egovehicle.csv", path, sizeof path));
    assert_int_equal(glint_trajectory_load(path, NULL, &tr), GLINT_OK);
    assert_int_equal(tr->n, 2706);
    glint_trajectory_close(tr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_of_poses),
        cmocka_unit_test(csv_of_twists),
        cmocka_unit_test(kitti),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(limits),
        cmocka_unit_test(constant_twist),
        cmocka_unit_test(demo_and_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
