/* tests/test_kitti.c - KITTI's label and result lines. */
#include "tests/util.h"
#include "glint/status.h"
#include "io/kitti.h"

static int parse(const char *text, enum glint_kitti_kind kind, struct glint_kitti_objects *objects)
{
    return glint_kitti_objects_parse("f.txt", (const uint8_t *)text, strlen(text), kind, objects);
}

#define CAR "Car 0.25 2 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"

static void columns_are_where_the_kit_says(void **state)
{
    (void)state;
    struct glint_kitti_objects o = {0};
    assert_int_equal(parse("\n" CAR
                           " 0.75\r\n\n  DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10 0",
                           GLINT_KITTI_RESULTS, &o),
                     0);
    assert_int_equal(o.n, 2);
    const struct glint_kitti_object *car = &o.object[0];
    assert_string_equal(car->type, "Car");
    assert_near(car->truncated, 0.25, 0);
    assert_int_equal(car->occluded, 2);
    assert_near(car->alpha, -1.58, 0);
    assert_near(car->bbox[0], 587.01, 0);
    assert_near(car->bbox[3], 200.12, 0);
    assert_near(car->size[0], 1.65, 0);
    assert_near(car->size[2], 3.64, 0);
    assert_near(car->bottom[0], -0.65, 0);
    assert_near(car->bottom[2], 46.70, 0);
    assert_near(car->rotation_y, -1.59, 0);
    assert_near(car->score, 0.75, 0);
    assert_string_equal(o.object[1].type, "DontCare");
    glint_kitti_objects_fini(&o);
}

static void empty_files_have_no_objects(void **state)
{
    (void)state;
    struct glint_kitti_objects o = {0};
    assert_int_equal(parse(CAR, GLINT_KITTI_LABELS, &o), 0);
    assert_int_equal(parse("", GLINT_KITTI_LABELS, &o), 0);
    assert_int_equal(o.n, 0);
    glint_kitti_objects_fini(&o);
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
        enum glint_kitti_kind kind;
    } bad[] = {
        {CAR "\n" CAR " 0.5\nCar\n", "f.txt:3: the line ends before truncated", GLINT_KITTI_LABELS},
        {CAR "\n", "f.txt:1: the line ends before score", GLINT_KITTI_RESULTS},
        {CAR " 0.5 7\n", "more than 16 columns", GLINT_KITTI_RESULTS},
        {CAR " 0.5 7\n", "more than 16 columns", GLINT_KITTI_LABELS},
        {CAR " high\n", "score: expected a number", GLINT_KITTI_RESULTS},
        {CAR "x\n", "rotation_y: expected a number", GLINT_KITTI_LABELS},
        {CAR " nan\n", "score: expected a number within 1e6", GLINT_KITTI_RESULTS},
        {"Car 1e9 0", "truncated: expected a number within 1e6", GLINT_KITTI_LABELS},
        {"ACarThatIsMuchTooLongForAType 0 0", "expected a type of at most 23", GLINT_KITTI_LABELS},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct glint_kitti_objects o = {0};
        assert_int_equal(parse(bad[i].text, bad[i].kind, &o), GLINT_E_FORMAT);
        assert_int_equal(o.n, 0);
        assert_non_null(strstr(glint_error_text(), bad[i].reason));
        glint_kitti_objects_fini(&o);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct glint_kitti_object o = {.type = "Cyclist",
                                   .truncated = -1,
                                   .occluded = -1,
                                   .alpha = -1.23456,
                                   .bbox = {0, 17.128, 1241, 374},
                                   .size = {1.7, 0.6, 1.8},
                                   .bottom = {-3.14159, 1.7, 20.5},
                                   .rotation_y = 3.0,
                                   .score = 0.4375};
    struct glint_buffer b = {0};
    struct glint_kitti_objects back = {0};
    glint_kitti_object_write(&o, &b);
    assert_int_equal(glint_kitti_objects_parse("b", b.data, b.size, GLINT_KITTI_RESULTS, &back), 0);
    assert_int_equal(back.n, 1);
    assert_string_equal(back.object[0].type, o.type);
    assert_near(back.object[0].alpha, -1.2346, 1e-12);
    assert_near(back.object[0].bbox[1], 17.13, 1e-12);
    assert_near(back.object[0].bottom[0], -3.1416, 1e-12);
    assert_near(back.object[0].score, 0.4375, 0);
    assert_int_equal(back.object[0].occluded, -1);
    glint_kitti_objects_fini(&back);
    glint_buffer_fini(&b);
}

static void absurdly_many_objects_are_refused(void **state)
{
    (void)state;
    struct glint_buffer b = {0};
    struct glint_kitti_objects o = {0};
    for (int i = 0; i < 2001; i++)
        glint_buffer_text(&b, CAR "\n");
    assert_int_equal(glint_kitti_objects_parse("b", b.data, b.size, GLINT_KITTI_LABELS, &o), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "b:2001: more than 2000 objects"));
    glint_kitti_objects_fini(&o);
    glint_buffer_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_where_the_kit_says),
        cmocka_unit_test(empty_files_have_no_objects),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(absurdly_many_objects_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
