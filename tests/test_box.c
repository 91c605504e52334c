/* tests/test_box.c */
#include "tests/util.h"
#include "core/box.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/safetensors.h"
#include <math.h>

#define PI 3.14159265358979323846

static double overlap(struct glint_rect a, struct glint_rect b)
{
    const double area = glint_rect_intersection(&a, &b);
    assert_true(fabs(area - glint_rect_intersection(&b, &a)) <= 1e-9 * fmax(1, area));
    return area;
}

static void corners_turn_counter_clockwise(void **state)
{
    (void)state;
    const struct glint_rect r = {10, 20, 4, 2, PI / 2};
    const double want[4][2] = {{9, 22}, {9, 18}, {11, 18}, {11, 22}};
    double xy[4][2];
    glint_rect_corners(&r, xy);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(xy[i][0] - want[i][0]) < 1e-12 && fabs(xy[i][1] - want[i][1]) < 1e-12);
}

static void plain_cases_are_exact(void **state)
{
    (void)state;
    const struct glint_rect unit = {0, 0, 2, 2, 0};
    assert_true(overlap(unit, unit) == 4);
    assert_true(overlap(unit, (struct glint_rect){1, 1, 2, 2, 0}) == 1);
    assert_true(overlap(unit, (struct glint_rect){0, 0, 1, 1, 0}) == 1);      /* contained */
    assert_true(overlap(unit, (struct glint_rect){0.5, 0.5, 1, 1, 0}) == 1);  /* and sharing a corner */
    assert_true(overlap(unit, (struct glint_rect){0, 0, 2, 2, PI / 2}) == 4); /* turned onto itself */
    assert_true(fabs(overlap(unit, (struct glint_rect){0, 0, 2, 2, PI / 4}) - 8 * (sqrt(2) - 1)) < 1e-14);
    assert_true(fabs(overlap(unit, (struct glint_rect){1, 1, sqrt(8), sqrt(8), PI / 4}) - 2) <
                1e-14); /* half */
}

static void touching_is_no_overlap(void **state)
{
    (void)state;
    for (int k = 0; k < 16; k++) {
        const double yaw = k * PI / 2, c = round(cos(yaw)), s = round(sin(yaw));
        const struct glint_rect a = {3, -7, 4, 2, yaw};
        assert_true(overlap(a, (struct glint_rect){3 + 4 * c, -7 + 4 * s, 4, 2, yaw + PI}) == 0); /* edge */
        assert_true(overlap(a, (struct glint_rect){3 + 4 * c - 2 * s, -7 + 4 * s + 2 * c, 4, 2, yaw}) ==
                    0); /* corner */
    }
    for (int k = 0; k < 100; k++) { /* along any heading, as far as doubles can say it */
        const double yaw = 0.0631 * k, c = cos(yaw), s = sin(yaw);
        const struct glint_rect a = {40, 30, 4.7, 1.9, yaw};
        const double area = overlap(a, (struct glint_rect){40 - 1.9 * s, 30 + 1.9 * c, 4.7, 1.9, yaw});
        assert_true(area >= 0 && area < 1e-13);
    }
}

static void what_is_no_rectangle_has_no_overlap(void **state)
{
    (void)state;
    const struct glint_rect unit = {0, 0, 2, 2, 0};
    const struct glint_rect bad[] = {{0, 0, 0, 2, 0},       {0, 0, 2, -1, 0},  {NAN, 0, 2, 2, 0},
                                     {0, 0, 2, 2, NAN},     {0, 0, 2, NAN, 0}, {INFINITY, 0, 2, 2, 0},
                                     {0, 0, 2, INFINITY, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(overlap(unit, bad[i]) == 0);
        assert_true(overlap(bad[i], bad[i]) == 0);
        assert_true(glint_rect_iou(&unit, &bad[i]) == 0 || isnan(bad[i].dy) || isinf(bad[i].dy));
    }
    const struct glint_rect huge = {0, 0, 1e308, 1e308, 1};
    assert_true(overlap(huge, unit) >= 0);
}

static void angles_are_wrapped(void **state)
{
    (void)state;
    for (int k = -50; k <= 50; k++) {
        const double rad = 0.37 * k, w = glint_wrap_angle(rad);
        assert_true(w > -PI && w <= PI);
        assert_true(fabs(sin(w) - sin(rad)) < 1e-12 && fabs(cos(w) - cos(rad)) < 1e-12);
    }
    assert_true(glint_wrap_angle(-PI) == PI);
    assert_true(glint_wrap_angle(PI) == PI);
}

static void same_as_the_evaluation_truth(void **state)
{
    (void)state;
    char path[1024];
    struct glint_file file;
    if (!glint_test_shared("eval/iou/iou_pairs.f64", path, sizeof path))
        skip();
    assert_int_equal(glint_file_open(&file, path), 0);
    assert_int_equal(file.size, 2000 * 17 * 8);
    for (size_t i = 0; i < 2000; i++) {
        double v[17];
        for (size_t k = 0; k < 17; k++)
            v[k] = glint_le_f64(file.data + (i * 17 + k) * 8);
        const struct glint_rect a = {v[0], v[1], v[3], v[4], v[6]}, b = {v[7], v[8], v[10], v[11], v[13]};
        const double inter = glint_rect_intersection(&a, &b), sum = a.dx * a.dy + b.dx * b.dy;
        const double iou = sum - inter > 0 ? inter / (sum - inter) : 0;
        if (fabs(iou - v[15]) > 1e-9 || fabs(inter - v[14]) > 1e-9 * fmax(1, sum) ||
            (v[14] == 0 && inter != 0))
            fail_msg("pair %zu: overlap %.17g, iou %.17g; %.17g and %.17g expected", i, inter, iou, v[14],
                     v[15]);
        const struct glint_cuboid p = {a, v[2], v[5]}, q = {b, v[9], v[12]};
        const double volume_iou = glint_cuboid_iou(&p, &q);
        if (fabs(volume_iou - v[16]) > 1e-9 || fabs(volume_iou - glint_cuboid_iou(&q, &p)) > 1e-9)
            fail_msg("pair %zu: iou of volumes %.17g; %.17g expected", i, volume_iou, v[16]);
    }
    glint_file_close(&file);
}

/* Golden boxes turn clockwise: -yaw. */
static void same_as_the_golden_matrix(void **state)
{
    (void)state;
    char path[1024];
    struct glint_safetensors *file;
    if (!glint_test_shared("golden/flatformer/nms_unit.safetensors", path, sizeof path))
        skip();
    assert_int_equal(glint_safetensors_open(path, &file), 0);
    const float *boxes = glint_safetensors_find(file, "boxes")->data; /* 240 x 7 */
    const float *exact = glint_safetensors_find(file, "iou_exact")->data,
                *ref = glint_safetensors_find(file, "iou_ref")->data;
    for (int i = 0; i < 240; i++)
        for (int j = 0; j < 240; j++) {
            const float *p = boxes + 7 * i, *q = boxes + 7 * j;
            const struct glint_rect a = {p[0], p[1], p[3], p[4], -p[6]}, b = {q[0], q[1], q[3], q[4], -q[6]};
            const double iou = glint_rect_iou(&a, &b);
            if (fabs(iou - exact[240 * i + j]) > 1e-7 || fabs(iou - ref[240 * i + j]) > 1e-5)
                fail_msg("boxes %d %d: %.9g; %.9g expected", i, j, iou, exact[240 * i + j]);
        }
    glint_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_turn_counter_clockwise),
        cmocka_unit_test(plain_cases_are_exact),
        cmocka_unit_test(touching_is_no_overlap),
        cmocka_unit_test(what_is_no_rectangle_has_no_overlap),
        cmocka_unit_test(angles_are_wrapped),
        cmocka_unit_test(same_as_the_evaluation_truth),
        cmocka_unit_test(same_as_the_golden_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
