/* tests/test_scene.c - the picture: where things are, what has which colour, what must not draw. */
#include "tests/scene_fixture.h"
#include "viz/match.h"
#include "viz/scene.h"

#define SIZE  800
#define RANGE 40.0f

static struct glint_image image = {SIZE, SIZE, NULL};

static void draw(const struct fixture *f, const struct glint_label *labels, int32_t n_labels)
{
    uint8_t box_state[FIXTURE_BOXES], label_state[16];
    struct glint_scene scene = {&f->frame, &fixture_context, RANGE, labels, n_labels, label_state, box_state};
    if (labels)
        glint_match(&GLINT_MATCH_RULE_DEFAULT, f->boxes, f->frame.n_boxes, labels, n_labels, box_state,
                    label_state);
    glint_scene_draw(&image, &scene);
}

static bool alike(const uint8_t *p, struct glint_color c)
{
    return abs(p[0] - c.r) < 32 && abs(p[1] - c.g) < 32 && abs(p[2] - c.b) < 32;
}

/* Pixels of about this colour around a place in metres. */
static int count_near(float x_m, float y_m, float reach_m, struct glint_color color)
{
    const float scale = SIZE / (2 * RANGE);
    int n = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            const float ym = (SIZE / 2.0f - (float)x - 0.5f) / scale,
                        xm = (SIZE / 2.0f - (float)y - 0.5f) / scale;
            if (fabsf(xm - x_m) < reach_m && fabsf(ym - y_m) < reach_m)
                n += alike(image.rgb + 3 * (y * SIZE + x), color);
        }
    return n;
}

static void forward_is_up_and_left_is_left(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    f->frame.points.n = f->frame.n_boxes = 0;
    fixture_box(f, 20, 10, 4, 2, 0, 0, 0.9f);
    draw(f, NULL, 0);
    const struct glint_color car = glint_scene_class_color("car", 0);
    assert_true(count_near(20, 10, 4, car) > 20);
    assert_int_equal(count_near(20, -10, 4, car), 0);
    assert_int_equal(count_near(-20, 10, 4, car), 0);
    free(f);
}

static void points_have_the_colour_of_their_class(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    f->frame.points.n = f->frame.n_boxes = 0;
    for (int i = 0; i < 400; i++) /* a filled square of building */
        fixture_point(f, -20 + 0.05 * (i % 20), 15 + 0.05 * (i / 20), 0, 2);
    draw(f, NULL, 0);
    assert_true(count_near(-19.5f, 15.5f, 2, glint_scene_class_color("building", 2)) > 20);
    f->frame.has_masks = false;
    draw(f, NULL, 0);
    assert_int_equal(count_near(-19.5f, 15.5f, 2, glint_scene_class_color("building", 2)), 0);
    free(f);
}

static void found_missed_and_false_are_told_apart(void **state)
{
    (void)state;
    const struct glint_color green = {0x3d, 0xdc, 0x84}, red = {0xff, 0x3b, 0x4e},
                             yellow = {0xff, 0xf0, 0x4d};
    struct fixture *f = fixture_make();
    struct glint_label labels[8];
    const int32_t n = fixture_labels(labels);
    f->frame.points.n = 0;
    draw(f, labels, n);
    assert_true(count_near(12.3f, 3.1f, 3, green) > 20);
    assert_int_equal(count_near(12.3f, 3.1f, 3, red), 0);
    assert_true(count_near(20, 10, 3, red) > 20);
    assert_int_equal(count_near(20, 10, 3, green), 0);
    assert_true(count_near(24, -3.4f, 3, yellow) > 20);
    assert_int_equal(count_near(12.3f, 3.1f, 3, yellow), 0);
    free(f);
}

static void boxes_without_a_place_draw_nothing(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    const float values[] = {NAN, INFINITY, -INFINITY, 1e30f, 9.9e3f};
    static uint8_t without[SIZE * SIZE * 3];
    f->frame.points.n = 0;
    f->frame.n_boxes = 5;
    for (int i = 0; i < 5; i++) {
        f->boxes[i] =
            (struct glint_box){.center = {9.9e3f, 0, 0}, .size = {4, 2, 1}, .label = 0, .score = NAN};
    }
    draw(f, NULL, 0); /* all far outside: only words and rings */
    memcpy(without, image.rgb, sizeof without);
    for (int member = 0; member < 5; member++) {
        for (int i = 0; i < 5; i++) {
            f->boxes[i].label = i * 1000 - 2000;
            float *place[] = {&f->boxes[i].center[0], &f->boxes[i].center[1], &f->boxes[i].size[0],
                              &f->boxes[i].size[1], &f->boxes[i].yaw};
            if (member < 2)
                *place[member] = values[i];
            else
                *place[member] = i == 4 ? 1 : values[i];
        }
        draw(f, NULL, 0);
        assert_memory_equal(image.rgb, without, sizeof without);
    }
    free(f);
}

static void the_same_frame_gives_the_same_picture(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    static uint8_t first[SIZE * SIZE * 3];
    draw(f, NULL, 0);
    memcpy(first, image.rgb, sizeof first);
    memset(image.rgb, 0x5a, sizeof first);
    draw(f, NULL, 0);
    assert_memory_equal(image.rgb, first, sizeof first);
    free(f);
}

static void unknown_classes_have_a_colour(void **state)
{
    (void)state;
    for (int i = -3; i < 300; i++)
        glint_scene_class_color("something", i);
    struct fixture *f = fixture_make();
    const struct glint_sink_context none = {0, 0, NULL, NULL};
    const struct glint_scene scene = {.frame = &f->frame, .context = &none, .range_m = RANGE};
    glint_scene_draw(&image, &scene);
    free(f);
}

int main(void)
{
    image.rgb = malloc((size_t)SIZE * SIZE * 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_up_and_left_is_left),
        cmocka_unit_test(points_have_the_colour_of_their_class),
        cmocka_unit_test(found_missed_and_false_are_told_apart),
        cmocka_unit_test(boxes_without_a_place_draw_nothing),
        cmocka_unit_test(the_same_frame_gives_the_same_picture),
        cmocka_unit_test(unknown_classes_have_a_colour),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(image.rgb);
    return failed;
}
