/* tests/test_eval_picture.c - a report's pictures of frames, and which frames are shown. */
#include "tests/util.h"
#include "tools/eval_picture.h"

static void the_worst_frames_come_first(void **state)
{
    (void)state;
    static const int32_t n_wrong[] = {0, 3, 1, 7, 3, 0, 2};
    int32_t frames[6];
    static const int32_t four[] = {3, 1, 4, 6}, all[] = {3, 1, 4, 6, 2};
    assert_int_equal(glint_eval_worst(n_wrong, 7, 4, frames), 4);
    assert_memory_equal(frames, four, sizeof four);
    assert_int_equal(glint_eval_worst(n_wrong, 7, 6, frames), 5);
    assert_memory_equal(frames, all, sizeof all);
    assert_int_equal(glint_eval_worst(n_wrong, 0, 6, frames), 0);
}

static size_t picture_bytes(const struct glint_eval_view *view)
{
    struct glint_report r = {0};
    assert_int_equal(glint_eval_picture(&r, "000007: 1 missed, 1 false", view), 0);
    glint_buffer_add(&r.html, "", 1);
    assert_non_null(strstr((const char *)r.html.data, "<figcaption>000007: 1 missed, 1 false</figcaption>"));
    assert_non_null(strstr((const char *)r.html.data, "data:image/png;base64,iVBORw0KGgo"));
    const size_t size = r.html.size;
    glint_buffer_fini(&r.html);
    return size;
}

static void boxes_and_objects_are_drawn(void **state)
{
    (void)state;
    static const char *const names[] = {"Car"};
    const struct glint_box box = {.center = {10, 5, 0}, .size = {4, 2, 1.5f}, .score = 0.5f};
    const struct glint_found_object object = {{.center = {-20, 5, 0}, .size = {4, 2, 1.5f}}, 12, false};
    const uint8_t wrong = GLINT_FOUND_NOT, ignored = GLINT_FOUND_IGNORED;
    float x = 3, y = 4, z = 0, intensity = 1;
    const struct glint_points points = {.n = 1, .cap = 1, .x = &x, .y = &y, .z = &z, .intensity = &intensity};
    struct glint_eval_view view = {.name = "000007", .n_names = 1, .names = names, .range_m = 50};
    const size_t bare = picture_bytes(&view);
    view.boxes = &box;
    view.box_state = &ignored;
    view.n_boxes = 1;
    assert_int_equal(picture_bytes(&view), bare); /* not drawn */
    view.box_state = &wrong;
    view.objects = &object;
    view.object_state = &wrong;
    view.n_objects = 1;
    view.points = &points;
    assert_true(picture_bytes(&view) > bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_frames_come_first),
        cmocka_unit_test(boxes_and_objects_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
