/* tests/test_nuscenes_net.c - a network's boxes as nuScenes results. */
#include "tests/files.h"
#include "core/status.h"
#include "eval/nuscenes_submission.h"
#include "tools/nuscenes_net.h"
#include <math.h>

static const char *const point_classes[] = {"ground", "stone", "trunk"};
static const char *const classes[] = {"car", "cyclist", "tree", "walker"};

static int read_config(const char *config, struct glint_nuscenes_net *net)
{
    glint_test_write("config.json", config, strlen(config));
    return glint_nuscenes_net_read(glint_test_folder, classes, 4, point_classes, 3, net);
}

static int32_t class_named(const char *name)
{
    return glint_nuscenes_class_named(GLINT_NUSCENES_DETECTION, name, (int32_t)strlen(name));
}

static void classes_are_mapped(void **state)
{
    (void)state;
    struct glint_nuscenes_net net;
    struct glint_nuscenes_stack stack;
    assert_int_equal(read_config("{}", &net), GLINT_OK);
    assert_int_equal(net.class_of[0], class_named("car"));
    assert_int_equal(net.class_of[1], class_named("bicycle"));
    assert_int_equal(net.class_of[2], -1);
    assert_int_equal(net.point_class_of[0], 11); /* driveable surface */
    assert_int_equal(net.point_class_of[1], 15); /* manmade: nothing is said */
    assert_int_equal(net.stack.n_past, 0);
    assert_int_equal(
        read_config(
            "{\"input\": {\"sweeps\": 9, \"min_distance_m\": 1}, \"datasets\": {\"nuscenes\": {\"classes\": "
            "{\"walker\": \"pedestrian\", \"car\": \"\"}, \"point_classes\": {\"trunk\": \"vegetation\"}, "
            "\"score\": {\"bicycle\": 0.5}, \"attributes\": "
            "{\"bicycle\": [\"cycle.without_rider\", \"\"]}}}}",
            &net),
        GLINT_OK);
    assert_int_equal(net.class_of[3], class_named("pedestrian"));
    assert_int_equal(net.class_of[0], -1);
    assert_int_equal(net.point_class_of[2], 16);
    assert_true(net.score[class_named("bicycle")] == 0.5);
    assert_int_equal(net.attribute[class_named("bicycle")][0], 1);
    assert_int_equal(net.attribute[class_named("bicycle")][1], -1);
    assert_int_equal(glint_nuscenes_net_stack(glint_test_folder, &stack), GLINT_OK);
    assert_true(stack.n_past == 9 && stack.min_distance_m == 1);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    struct glint_nuscenes_net net;
    assert_int_equal(
        read_config("{\"datasets\": {\"nuscenes\": {\"classes\": {\"tree\": \"plant\"}}}}", &net),
        GLINT_E_FORMAT);
    assert_non_null(
        strstr(glint_error_text(), "datasets.nuscenes.classes.tree: a class of nuScenes expected"));
    assert_int_equal(
        read_config("{\"datasets\": {\"nuscenes\": {\"attributes\": {\"car\": [\"vehicle.moving\"]}}}}",
                    &net),
        GLINT_E_FORMAT);
    assert_int_equal(read_config("{\"input\": {\"sweeps\": 99}}", &net), GLINT_E_FORMAT);
}

static void boxes_go_to_the_world(void **state)
{
    (void)state;
    struct glint_nuscenes_net net;
    struct glint_nuscenes_box out[GLINT_NUSCENES_MAX_BOXES];
    const double half = sqrt(0.5);
    struct glint_box boxes[] = {
        {.center = {10, 2, 0.5f},
         .size = {4, 2, 1.5f},
         .yaw = 0.25f,
         .velocity = {3, 0},
         .score = 0.5f,
         .label = 0},
        {.center = {5, 0, 0}, .size = {1.8f, 0.6f, 1.2f}, .score = 0.75f, .label = 1},
        {.center = {5, 0, 0}, .size = {1, 1, 1}, .score = 0.9f, .label = 2},
        {.center = {5, 0, 0}, .size = {0, 1, 1}, .score = 0.9f, .label = 0},
    };
    struct glint_frame frame = {.boxes = boxes,
                                .n_boxes = 4,
                                .has_pose = true,
                                .pose_position = {100, 200, 3},
                                .pose_rotation = {half, 0, 0, half}}; /* a quarter turn to the left */
    assert_int_equal(read_config("{}", &net), GLINT_OK);
    assert_int_equal(glint_nuscenes_net_boxes(&net, GLINT_NUSCENES_DETECTION, &frame, 3, out),
                     2);                                   /* neither tree nor flat */
    assert_int_equal(out[0].name, class_named("bicycle")); /* best first */
    assert_int_equal(out[0].attribute, 1);                 /* stands: without_rider */
    const struct glint_nuscenes_box *car = &out[1];
    assert_true(fabs(car->translation[0] - 98) < 1e-9 && fabs(car->translation[1] - 210) < 1e-9 &&
                fabs(car->translation[2] - 3.5) < 1e-9);
    assert_true(car->size[0] == 2 && car->size[1] == 4 && car->size[2] == 1.5);
    assert_true(fabs(glint_nuscenes_yaw(car->rotation) - (asin(1) + 0.25)) < 1e-7);
    assert_true(fabs(car->velocity[0]) < 1e-9 && fabs(car->velocity[1] - 3) < 1e-9);
    assert_int_equal(car->attribute, 5); /* vehicle.moving */
    assert_true(car->place > out[0].place && car->sample == 3);
}

static void at_most_500_of_the_best(void **state)
{
    (void)state;
    struct glint_nuscenes_net net;
    static struct glint_nuscenes_box out[GLINT_NUSCENES_MAX_BOXES];
    static struct glint_box boxes[600];
    struct glint_frame frame = {.boxes = boxes, .n_boxes = 600, .pose_rotation = {1, 0, 0, 0}};
    for (int i = 0; i < 600; i++)
        boxes[i] = (struct glint_box){.size = {4, 2, 1}, .score = (float)i / 600};
    assert_int_equal(read_config("{}", &net), GLINT_OK);
    assert_int_equal(glint_nuscenes_net_boxes(&net, GLINT_NUSCENES_DETECTION, &frame, 0, out), 500);
    assert_true(out[0].score > 0.99 && out[499].score > 0.16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_mapped),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(boxes_go_to_the_world),
        cmocka_unit_test(at_most_500_of_the_best),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
