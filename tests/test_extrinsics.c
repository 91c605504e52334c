/* tests/test_extrinsics.c - the tree of frames: reading, transforms between any two, and every way to be
 * wrong. */
#include "calib/extrinsics.h"
#include "tests/util.h"
#include <math.h>

static const char good[] = "frames:\n"
                           "  camera:\n" /* before its parent: order does not matter */
                           "    parent: lidar_front\n"
                           "    translation: [0, 0, -0.5]\n"
                           "    quaternion: [0.5, -0.5, 0.5, -0.5]\n"
                           "  lidar_front:\n"
                           "    parent: base_link\n"
                           "    translation: [1.5, 0.0, 1.8]\n"
                           "    rotation_rpy_deg: [0, 0, 90]\n"
                           "  lidar_rear:\n"
                           "    parent: base_link\n"
                           "    translation: [-1, 0, 1]\n"
                           "    rotation_rpy_deg: [0, 0, 180]\n";

static void transforms(void **state)
{
    (void)state;
    struct glint_extrinsics e, again;
    struct glint_pose p;
    double at[3] = {2, 0, 0};
    assert_int_equal(glint_extrinsics_parse("e.yaml", good, strlen(good), &e), GLINT_OK);
    assert_int_equal(e.n, 4);
    assert_string_equal(e.frame[0].name, "base_link");
    assert_int_equal(glint_extrinsics_between(&e, "lidar_front", "base_link", &p), GLINT_OK);
    glint_pose_apply(p, at, at);
    assert_true(fabs(at[0] - 1.5) < 1e-12 && fabs(at[1] - 2) < 1e-12 && fabs(at[2] - 1.8) < 1e-12);
    assert_int_equal(glint_extrinsics_between(&e, "lidar_front", "lidar_rear", &p), GLINT_OK);
    const double origin[3] = {0, 0, 0};
    glint_pose_apply(p, origin, at); /* (2.5, 0, 0.8) from the rear, which looks back */
    assert_true(fabs(at[0] + 2.5) < 1e-12 && fabs(at[1]) < 1e-12 && fabs(at[2] - 0.8) < 1e-12);
    assert_int_equal(glint_extrinsics_between(&e, "camera", "camera", &p), GLINT_OK);
    assert_true(glint_pose_angle(p, glint_pose_identity()) < 1e-12);
    assert_int_equal(glint_extrinsics_between(&e, "lidar_frnt", "base_link", &p), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "there are base_link, lidar_front"));

    assert_int_equal(glint_extrinsics_write(&e, "two\nlines", "test_extrinsics.yaml"), GLINT_OK);
    assert_int_equal(glint_extrinsics_load("test_extrinsics.yaml", &again), GLINT_OK);
    for (int32_t i = 1; i < e.n; i++) {
        struct glint_pose was, is;
        assert_int_equal(glint_extrinsics_between(&e, e.frame[i].name, "base_link", &was), GLINT_OK);
        assert_int_equal(glint_extrinsics_between(&again, e.frame[i].name, "base_link", &is), GLINT_OK);
        assert_true(glint_pose_angle(was, is) < 1e-7 && glint_pose_distance(was, is) < 1e-6);
    }
    remove("test_extrinsics.yaml");
}

static void refuse(const char *text, const char *reason)
{
    struct glint_extrinsics e;
    assert_int_equal(glint_extrinsics_parse("e.yaml", text, strlen(text), &e), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" in \"%s\" expected", reason, glint_error_text());
}

#define POSE "translation: [0, 0, 0], rotation_rpy_deg: [0, 0, 0]"

static void refused(void **state)
{
    (void)state;
    struct glint_extrinsics e;
    refuse("frames: [", "not YAML");
    refuse("lidar: {}\n", "e.yaml:1: unknown key \"lidar\"");
    refuse("frames: {}\n", "no map \"frames\"");
    refuse("frames:\n  a: {" POSE "}\n", "e.yaml:2: frame a has no parent");
    refuse("frames:\n  a: {parent: b, rotation_rpy_deg: [0, 0, 0]}\n", "frame a has no translation");
    refuse("frames:\n  a: {parent: b, translation: [0, 0, 0]}\n", "neither found");
    refuse("frames:\n  a: {parent: b, " POSE ", quaternion: [1, 0, 0, 0]}\n", "both found");
    refuse("frames:\n  a: {parent: b, " POSE ", rotation: [0]}\n", "unknown key \"rotation\"");
    refuse("frames:\n  a: {parent: b, parent: c, " POSE "}\n", "parent is there twice");
    refuse("frames:\n  a: {parent: b, translation: [0, 0], rotation_rpy_deg: [0, 0, 0]}\n", "3 numbers");
    refuse("frames:\n  a: {parent: b, translation: [0, 0, x], rotation_rpy_deg: [0, 0, 0]}\n", "3 numbers");
    refuse("frames:\n  a: {parent: b, translation: [0, 0, nan], rotation_rpy_deg: [0, 0, 0]}\n", "3 numbers");
    refuse("frames:\n  a: {parent: b, translation: [0, 0, 0], quaternion: [1, 1, 0, 0]}\n", "of length 1");
    refuse("frames:\n  a: {parent: b, " POSE "}\n  a: {parent: b, " POSE "}\n",
           "e.yaml:3: frame a is there twice (first in line 2)");
    refuse("frames:\n  a: {parent: base, " POSE "}\n  b: {parent: bsae, " POSE "}\n",
           "e.yaml:3: parent bsae of b is no frame, and the root is base already");
    refuse("frames:\n  a: {parent: a, " POSE "}\n", "e.yaml:2: frame a is its own parent");
    refuse("frames:\n  x: {parent: base, " POSE "}\n  a: {parent: b, " POSE "}\n  b: {parent: a, " POSE "}\n",
           "e.yaml:3: frame a is its own parent over others");
    assert_int_equal(glint_extrinsics_load("no/such.yaml", &e), GLINT_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transforms), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
