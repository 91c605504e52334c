/* tests/test_kitti_calib.c - KITTI's calibration, the camera frame and ours, boxes into the image. */
#include "tests/util.h"
#include "core/box.h"
#include "core/json.h"
#include "glint/status.h"
#include "io/kitti_calib.h"
#include <math.h>

/* The numbers of a real file (any rotation near to it would do). */
#define P2 "P2: 721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884\n"
#define RECT                                                                                                 \
    "R0_rect: 0.9999239 0.00983776 -0.007445048 -0.009869795 0.9999421 -0.004278459 0.007402527 "            \
    "0.004351614 0.9999631\n"
#define VELO                                                                                                 \
    "Tr_velo_to_cam: 0.007533745 -0.9999714 -0.000616602 -0.004069766 0.01480249 0.0007280733 -0.9998902 "   \
    "-0.07631618 0.9998621 0.00752379 0.01480755 -0.2717806\n"

static const int32_t image[2] = {1242, 375};

static int parse(const char *text, struct glint_kitti_calib *calib)
{
    return glint_kitti_calib_parse("c.txt", (const uint8_t *)text, strlen(text), calib);
}

static struct glint_kitti_calib usual(void)
{
    struct glint_kitti_calib calib;
    assert_int_equal(parse("P0: 1 2\n" P2 RECT "\n" VELO, &calib), 0);
    return calib;
}

static void bad_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {P2 RECT, "c.txt: expected a line of Tr_velo_to_cam"},
        {"P2: 1 2 3\n", "c.txt:1: P2: expected 12 numbers, number 4 is none"},
        {P2 "R0_rect: 1 0 0 0 1 0 0 0 x\n", "c.txt:2: R0_rect: expected 9 numbers, number 9"},
        {P2 "R0_rect: 1 0 0 0 1 0 0 0 1 0\n", "c.txt:2: R0_rect: more than 9"},
        {P2 "R0_rect: 2 0 0 0 1 0 0 0 1\n" VELO, "expected a rotation"},
        {P2 "R0_rect: nan 0 0 0 1 0 0 0 1\n" VELO, "number 1 is none"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct glint_kitti_calib calib;
        assert_int_equal(parse(bad[i].text, &calib), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), bad[i].reason));
    }
}

static void keys_of_the_tracking_files_are_known(void **state)
{
    (void)state;
    struct glint_kitti_calib a = usual(), b;
    char text[2000];
    snprintf(text, sizeof text, "%sR_rect %sTr_velo_cam %s", P2, &RECT[8], &VELO[15]);
    assert_int_equal(parse(text, &b), 0);
    assert_memory_equal(&a, &b, sizeof a);
}

static void there_and_back_is_the_same_box(void **state)
{
    (void)state;
    const struct glint_kitti_calib calib = usual();
    uint64_t seed = 5;
    for (int i = 0; i < 2000; i++) {
        struct glint_kitti_object a = {.score = 0.5}, b = {0};
        struct glint_box box;
        for (int k = 0; k < 3; k++) {
            a.size[k] = glint_test_uniform(&seed, 0.3f, 12);
            a.bottom[k] = glint_test_uniform(&seed, -40, 80);
        }
        a.rotation_y = glint_test_uniform(&seed, -3.1415f, 3.1415f);
        glint_kitti_box_to_vehicle(&calib, &a, &box);
        glint_kitti_box_to_camera(&calib, &box, &b);
        for (int k = 0; k < 3; k++) {
            assert_near(a.size[k], b.size[k], 1e-6);
            assert_near(a.bottom[k], b.bottom[k], 3e-5);
        }
        assert_true(fabs(glint_wrap_angle(a.rotation_y - b.rotation_y)) < 1e-6);
        assert_true(fabs(glint_wrap_angle(b.rotation_y - atan2(b.bottom[0], b.bottom[2]) - b.alpha)) < 1e-12);
        assert_near(b.score, 0.5, 0);
    }
}

/* A car 20 m ahead, seen from behind (ry = -pi/2: its length along the view), stands around y = 0 on the
 * ground. */
static void ahead_is_forward(void **state)
{
    (void)state;
    const struct glint_kitti_calib calib = usual();
    const struct glint_kitti_object a = {
        .size = {1.5, 1.6, 4}, .bottom = {0, 1.65, 20}, .rotation_y = -1.5708};
    struct glint_box box;
    glint_kitti_box_to_vehicle(&calib, &a, &box);
    assert_near(box.center[0], 20.27, 0.1);
    assert_near(box.center[1], 0, 0.3);
    assert_near(box.center[2], -0.95, 0.3);
    assert_near(box.size[0], 4, 0);
    assert_near(box.size[1], 1.6f, 0);
    assert_near(box.yaw, 0, 0.02);
}

/* Labels drawn by people on real scans: derived by others with the same matrices. */
static void real_labels_lie_where_they_should(void **state)
{
    (void)state;
    char path[512], name[640];
    struct glint_json_doc *doc;
    if (!glint_test_shared("frames/kitti/frames.json", path, sizeof path))
        skip();
    assert_int_equal(glint_json_load(path, &doc), 0);
    const struct glint_json frames = glint_json_get(glint_json_root(doc), "frames");
    int n_checked = 0, n_drawn = 0;
    for (size_t f = 0; f < glint_json_size(frames); f++) {
        const struct glint_json frame = glint_json_at(frames, f), boxes = glint_json_get(frame, "boxes");
        const char *number;
        struct glint_kitti_calib calib;
        struct glint_kitti_objects o = {0};
        assert_int_equal(glint_json_string(frame, "frame", &number), 0);
        snprintf(name, sizeof name, "%s/frames/kitti/calib/%s.txt", GLINT_SHARED, number);
        if (glint_kitti_calib_read(name, &calib) < 0)
            continue;
        snprintf(name, sizeof name, "%s/frames/kitti/label_2/%s.txt", GLINT_SHARED, number);
        assert_int_equal(glint_kitti_objects_read(name, GLINT_KITTI_LABELS, &o), 0);
        for (size_t b = 0; b < glint_json_size(boxes); b++) {
            const struct glint_json want = glint_json_at(boxes, b);
            double center[3], yaw;
            int32_t n;
            struct glint_box box;
            assert_int_equal(glint_json_f64s(want, "center_lidar_m", 3, 3, center, &n), 0);
            assert_int_equal(glint_json_f64(want, "yaw_lidar_rad", -4, 4, &yaw), 0);
            glint_kitti_box_to_vehicle(&calib, &o.object[b], &box);
            for (int k = 0; k < 3; k++)
                assert_near(box.center[k], center[k], 1e-4);
            assert_true(fabs(glint_wrap_angle(box.yaw - yaw)) < 1e-4);
            struct glint_kitti_object drawn = o.object[b];
            n_checked++;
            if (drawn.truncated > 0 || !glint_kitti_project(&calib, image, &drawn))
                continue;
            n_drawn++; /* people drew around what they saw: the projection is within some pixels of it */
            for (int k = 0; k < 4; k++)
                assert_true(fabs(drawn.bbox[k] - o.object[b].bbox[k]) < 12);
        }
        glint_kitti_objects_fini(&o);
    }
    assert_true(n_checked > 30 && n_drawn > 20);
    glint_json_close(doc);
}

static void boxes_are_cut_at_the_border(void **state)
{
    (void)state;
    const struct glint_kitti_calib calib = usual();
    struct glint_kitti_object o = {.size = {1.5, 1.6, 4}, .bottom = {0, 1.65, 20}, .rotation_y = 0};
    assert_true(glint_kitti_project(&calib, image, &o));
    assert_near(o.bbox[0], 609.6 + 2.36 - 721.5 * 2 / 19.2, 1.5);
    assert_near(o.bbox[2], 609.6 + 2.36 + 721.5 * 2 / 19.2, 1.5);
    assert_near(o.bbox[3], 172.85 + 721.5 * 1.65 / 19.2, 1.0);
    o.bottom[0] = -13.5; /* half out at the left */
    o.bottom[2] = 16;
    assert_true(glint_kitti_project(&calib, image, &o));
    assert_near(o.bbox[0], 0, 0);
    assert_true(o.bbox[2] > 0 && o.bbox[2] < 200);
    o.bottom[0] = -40; /* beside the image, behind the camera */
    assert_false(glint_kitti_project(&calib, image, &o));
    o.bottom[0] = 0;
    o.bottom[2] = -20;
    assert_false(glint_kitti_project(&calib, image, &o));
    o.bottom[0] = -1.2; /* around the camera: corners are 5 m ahead, edges reach beyond the image */
    o.bottom[2] = 0;
    o.size[2] = 10;
    o.rotation_y = -1.5708;
    assert_true(glint_kitti_project(&calib, image, &o));
    assert_near(o.bbox[0], 0, 0);
    assert_near(o.bbox[3], 374, 0);
    o.bottom[0] = NAN;
    assert_false(glint_kitti_project(&calib, image, &o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(keys_of_the_tracking_files_are_known),
        cmocka_unit_test(there_and_back_is_the_same_box),
        cmocka_unit_test(ahead_is_forward),
        cmocka_unit_test(real_labels_lie_where_they_should),
        cmocka_unit_test(boxes_are_cut_at_the_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
