/* tests/test_sink_png.c - pictures as files: read back, the same twice, what cannot be written. */
#include "tests/scene_fixture.h"
#include "glint/status.h"
#include "viz/sink_png.h"
#include <png.h>

static char path[512];

static uint8_t *read_back(const char *name, int32_t *side)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_int_equal(png_image_begin_read_from_file(&image, name), 1);
    image.format = PNG_FORMAT_RGB;
    uint8_t *rgb = malloc(PNG_IMAGE_SIZE(image));
    assert_int_equal(png_image_finish_read(&image, NULL, rgb, 0, NULL), 1);
    assert_int_equal(image.width, image.height);
    *side = (int32_t)image.width;
    return rgb;
}

static struct glint_sink *open_sink(const char *name, int32_t size_px)
{
    struct glint_sink *sink;
    const struct glint_png_settings settings = {.size_px = size_px};
    snprintf(path, sizeof path, "%s/%s", GLINT_BUILD_DIR, name);
    assert_int_equal(glint_sink_png_open(path, &settings, &fixture_context, &sink), 0);
    return sink;
}

static void the_picture_is_what_was_drawn_and_the_same_twice(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    uint8_t *rgb[2];
    int32_t side = 0;
    struct glint_sink *sink = open_sink("test_sink_png_%d.png", 300);
    for (int i = 0; i < 2; i++) {
        char name[600];
        f->frame.index = 7; /* its number is in the picture */
        assert_int_equal(sink->ops->write(sink, &f->frame), 0);
        snprintf(name, sizeof name, "%s/test_sink_png_7.png", GLINT_BUILD_DIR);
        rgb[i] = read_back(name, &side);
        assert_int_equal(side, 300);
        remove(name);
    }
    assert_int_equal(glint_sink_finish_close(sink), 0);
    assert_memory_equal(rgb[0], rgb[1], 300 * 300 * 3);
    int lit = 0;
    for (int i = 0; i < 300 * 300; i++)
        lit += rgb[0][3 * i] > 60;
    assert_true(lit > 1000);
    free(rgb[0]);
    free(rgb[1]);
    free(f);
}

static void a_second_frame_needs_a_number_in_the_name(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    struct glint_sink *sink = open_sink("test_sink_png_one.png", 100);
    assert_int_equal(sink->ops->write(sink, &f->frame), 0);
    assert_int_equal(sink->ops->write(sink, &f->frame), GLINT_E_ARG);
    glint_sink_finish_close(sink);
    remove(path);
    free(f);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_make();
    struct glint_sink *sink;
    const struct glint_png_settings bad[] = {
        {.size_px = 10}, {.size_px = 100000}, {.range_m = -5}, {.range_m = NAN}, {.cap_boxes = -1}};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(glint_sink_png_open("x.png", &bad[i], &fixture_context, &sink), GLINT_E_ARG);
        assert_null(sink);
    }
    assert_int_equal(glint_sink_png_open("%s.png", NULL, &fixture_context, &sink), GLINT_E_ARG);
    const struct glint_png_settings few = {.size_px = 100, .cap_boxes = 2};
    assert_int_equal(glint_sink_png_open("x.png", &few, &fixture_context, &sink), 0);
    assert_int_equal(sink->ops->write(sink, &f->frame), GLINT_E_CAPACITY);
    glint_sink_finish_close(sink);
    assert_int_equal(glint_sink_png_open("/no/such/folder/x.png", NULL, &fixture_context, &sink), 0);
    assert_int_equal(sink->ops->write(sink, &f->frame), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/no/such/folder/x.png"));
    glint_sink_finish_close(sink);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_is_what_was_drawn_and_the_same_twice),
        cmocka_unit_test(a_second_frame_needs_a_number_in_the_name),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
