/* tests/test_raster.c - drawing and font. */
#include "tests/util.h"
#include "viz/font.h"
#include "viz/raster.h"
#include <math.h>

#define W     64
#define H     48
#define GUARD 4096

static const struct glint_color black = {0, 0, 0}, white = {255, 255, 255};

struct guarded { /* pixels between guard bytes */
    uint8_t memory[GUARD + W * H * 3 + GUARD];
    struct glint_image image;
};

static struct glint_image *blank(struct guarded *g)
{
    memset(g->memory, 0xa5, sizeof g->memory);
    g->image = (struct glint_image){W, H, g->memory + GUARD};
    glint_raster_clear(&g->image, black);
    return &g->image;
}

static void check_guards(const struct guarded *g)
{
    for (int i = 0; i < GUARD; i++) {
        assert_int_equal(g->memory[i], 0xa5);
        assert_int_equal(g->memory[GUARD + W * H * 3 + i], 0xa5);
    }
}

static int at(const struct glint_image *image, int x, int y)
{
    return image->rgb[3 * (y * W + x)];
}

static int64_t light(const struct glint_image *image)
{
    int64_t sum = 0;
    for (int i = 0; i < W * H * 3; i++)
        sum += image->rgb[i];
    return sum;
}

static void a_level_line_covers_whole_pixels(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    glint_raster_line(image, 10.5f, 20.5f, 30.5f, 20.5f, 1.0f, white, 1.0f);
    for (int x = 11; x < 30; x++) {
        assert_int_equal(at(image, x, 20), 255);
        assert_int_equal(at(image, x, 19), 0);
        assert_int_equal(at(image, x, 21), 0);
    }
    assert_int_equal(at(image, 8, 20), 0);
    assert_int_equal(at(image, 33, 20), 0);
}

static void a_line_between_pixels_is_shared(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    glint_raster_line(image, 20.0f, 5.5f, 20.0f, 40.5f, 1.0f, white, 1.0f);
    assert_in_range(at(image, 19, 20), 126, 129);
    assert_in_range(at(image, 20, 20), 126, 129);
}

static void lines_are_the_same_in_both_directions(void **state)
{
    (void)state;
    static struct guarded a, b;
    uint64_t seed = 7;
    for (int i = 0; i < 200; i++) {
        const float x0 = glint_test_uniform(&seed, -20, 90), y0 = glint_test_uniform(&seed, -20, 70);
        const float x1 = glint_test_uniform(&seed, -20, 90), y1 = glint_test_uniform(&seed, -20, 70);
        glint_raster_line(blank(&a), x0, y0, x1, y1, 2.0f, white, 1.0f);
        glint_raster_line(blank(&b), x1, y1, x0, y0, 2.0f, white, 1.0f);
        for (int k = 0; k < W * H * 3; k++)
            assert_true(abs(a.memory[GUARD + k] - b.memory[GUARD + k]) <= 1);
        check_guards(&a);
    }
}

static void what_is_outside_or_no_number_draws_nothing(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f};
    const float square[] = {1, 1, NAN, 1, 9, 9};
    for (int i = 0; i < 5; i++) {
        glint_raster_line(image, bad[i], 3, bad[i], 30, 2, white, 1);
        glint_raster_dashes(image, 3, bad[i], 30, bad[i], 2, 4, 4, white, 1);
        glint_raster_dot(image, bad[i], 3, white, 1);
        glint_raster_dot(image, 3, bad[i], white, 1);
        glint_raster_circle(image, bad[i], 3, 5, 2, white, 1);
        glint_raster_text(image, bad[i], 10, 10, white, 1, "text");
    }
    glint_raster_convex(image, square, 3, white, 1);
    glint_raster_circle(image, 10, 10, NAN, 1, white, 1);
    glint_raster_line(image, 1, 1, 9, 9, NAN, white, 1);
    glint_raster_line(image, -50, -5, 200, -5, 2, white, 1);
    glint_raster_fill(image, 60, 40, 50, 30, white, 1);
    glint_raster_blend(image, -1, 0, white, 1);
    glint_raster_blend(image, 0, H, white, 1);
    assert_int_equal(light(image), 0);
    check_guards(&g);
}

static void everything_is_clipped_at_the_edge(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    const float big[] = {-1e6f, -1e6f, 1e6f, -1e6f, 1e6f, 1e6f, -1e6f, 1e6f};
    glint_raster_circle(image, 0, 0, 30, 3, white, 1);
    glint_raster_text(image, -5, 4, 20, white, 1, "Wg");
    glint_raster_text(image, 55, 50, 20, white, 1, "Wg");
    glint_raster_line(image, -1e7f, 24.5f, 1e7f, 24.5f, 1, white, 1);
    assert_int_equal(at(image, 0, 24), 255);
    assert_int_equal(at(image, W - 1, 24), 255);
    glint_raster_convex(image, big, 4, white, 1);
    assert_int_equal(light(image), (int64_t)W * H * 3 * 255);
    check_guards(&g);
}

static void a_dot_keeps_its_light(void **state)
{
    (void)state;
    static struct guarded g;
    for (int i = 0; i < 10; i++) {
        struct glint_image *image = blank(&g);
        glint_raster_dot(image, 20.0f + 0.1f * (float)i, 20.3f, white, 1);
        assert_in_range(light(image), 3 * 253, 3 * 257);
    }
}

static void a_circle_is_round_and_of_one_strength(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    glint_raster_circle(image, 32.5f, 24.5f, 15, 1, white, 0.5f);
    assert_int_equal(at(image, 32 + 15, 24), at(image, 32, 24 + 15));
    assert_int_equal(at(image, 32 - 15, 24), at(image, 32 + 15, 24));
    assert_in_range(at(image, 32, 9), 126, 129); /* the column where both halves meet is drawn once */
    assert_int_equal(at(image, 32, 24), 0);
}

static void dashes_have_gaps(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    glint_raster_dashes(image, 5.5f, 10.5f, 55.5f, 10.5f, 1, 5, 5, white, 1);
    assert_int_equal(at(image, 8, 10), 255);
    assert_int_equal(at(image, 13, 10), 0);
    assert_int_equal(at(image, 18, 10), 255);
}

static void every_glyph_is_there_and_differs(void **state)
{
    (void)state;
    static struct guarded a, b;
    for (char c = '!'; c <= '~'; c++) {
        const char text[] = {c, 0};
        const struct glint_image *image = blank(&a);
        glint_raster_text(&a.image, 10, 30, 20, white, 1, text);
        assert_true(light(image) > 3 * 255);
        for (const char *s = glint_font_strokes(c); *s; s += *s == ' ' ? 1 : 2) {
            if (*s == ' ')
                continue;
            assert_in_range(glint_font_unit(s[0]), 0, 8);
            assert_in_range(glint_font_unit(s[1]), 0, 16);
        }
        for (char d = '!'; d < c; d++) {
            const char other[] = {d, 0};
            blank(&b);
            glint_raster_text(&b.image, 10, 30, 20, white, 1, other);
            if (memcmp(a.memory, b.memory, sizeof a.memory) == 0)
                fail_msg("'%c' and '%c' look the same", c, d);
        }
    }
    assert_string_equal(glint_font_strokes('\xe9'), glint_font_strokes('?'));
}

static void text_is_as_wide_as_it_says(void **state)
{
    (void)state;
    static struct guarded g;
    struct glint_image *image = blank(&g);
    const float end = glint_raster_text(image, 3, 20, 12, white, 1, "0.93 m");
    assert_float_equal(end, 3 + glint_raster_text_width(12, "0.93 m"), 1e-4);
    assert_float_equal(glint_raster_text_width(12, "1111"), glint_raster_text_width(12, "8888"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_line_covers_whole_pixels),
        cmocka_unit_test(a_line_between_pixels_is_shared),
        cmocka_unit_test(lines_are_the_same_in_both_directions),
        cmocka_unit_test(what_is_outside_or_no_number_draws_nothing),
        cmocka_unit_test(everything_is_clipped_at_the_edge),
        cmocka_unit_test(a_dot_keeps_its_light),
        cmocka_unit_test(a_circle_is_round_and_of_one_strength),
        cmocka_unit_test(dashes_have_gaps),
        cmocka_unit_test(every_glyph_is_there_and_differs),
        cmocka_unit_test(text_is_as_wide_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
