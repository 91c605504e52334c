/* tests/test_instances.c - which box a point belongs to. */
#include "core/frame.h"
#include "model/instances.h"
#include "tests/util.h"

static const char *const classes[] = {"vehicle", "pedestrian", "tree"};
static const char *const point_classes[] = {"car", "person", "road", "pedestrian", "truck"};

static void names_of_one_kind_meet(void **state)
{
    struct glint_instances m;
    (void)state;
    glint_instances_match(classes, 3, point_classes, 5, &m);
    assert_int_equal(m.points_of[0], 0x11);
    assert_int_equal(m.points_of[1], 0x0a);
    assert_int_equal(m.points_of[2], 0);
}

static void the_best_box_around_a_point_has_it(void **state)
{
    struct glint_frame_pool *pool;
    struct glint_instances m;
    struct glint_exec x;
    static const struct {
        float x, y, z;
        uint8_t class;
        uint16_t wanted;
    } points[] = {
        {10, 0, 0, 0, 1},                       /* in boxes 1 and 2: the better one */
        {12, 2.2f, 0, 4, 1},                    /* near its turned corner */
        {12, -2.2f, 0, 4, 0}, {10, 0, 0, 2, 0}, /* road */
        {10, 0, 0, 1, 3},                       /* a person in the car is the pedestrian's */
        {10, 0, 1.1f, 0, 0},                    /* above */
        {10, 0, 0, 255, 0},   {NAN, 0, 0, 0, 0},
    };
    const int32_t n = sizeof points / sizeof *points;
    (void)state;
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), 0);
    assert_int_equal(glint_frame_pool_open(1, n, 8, &pool), 0);
    struct glint_frame *f = glint_frame_get(pool, false);
    for (int32_t i = 0; i < n; i++) {
        glint_frame_add_point(f, 0, 0, 0, 0, 0, 0, 0);
        f->points.x[i] = points[i].x;
        f->points.y[i] = points[i].y;
        f->points.z[i] = points[i].z;
        f->point_class[i] = points[i].class;
    }
    f->n_boxes = 4;
    f->boxes[0] = (struct glint_box){.center = {10, 0, 0}, .size = {6, 3, 2}, .yaw = 0.5f, .score = 0.9f};
    f->boxes[1] = (struct glint_box){.center = {10, 0, 0}, .size = {6, 3, 2}, .yaw = 0.5f, .score = 0.4f};
    f->boxes[2] = (struct glint_box){.center = {10, 0, 0}, .size = {1, 1, 2}, .score = 0.3f, .label = 1};
    f->boxes[3] = (struct glint_box){.center = {10, 0, 0}, .size = {9, 9, 9}, .score = 1, .label = -1};
    glint_instances_match(classes, 3, point_classes, 5, &m);
    glint_instances_set(&x, &m, f);
    for (int32_t i = 0; i < n; i++)
        assert_int_equal(f->point_instance[i], points[i].wanted);
    glint_frame_unref(f);
    glint_frame_pool_close(pool);
    glint_exec_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_one_kind_meet),
                                       cmocka_unit_test(the_best_box_around_a_point_has_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
