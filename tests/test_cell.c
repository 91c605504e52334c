/* tests/test_cell.c - borders by hand, and what a grid may be; versions are compared in parity. */
#include "tests/util.h"
#include "voxel/cell.h"
#include <math.h>

static const struct glint_grid grid = {.origin = {-2, -2, -1}, .cell = {0.5f, 0.5f, 1}, .dim = {8, 8, 2}};

static uint32_t number_of(const struct glint_grid *g, float x, float y, float z)
{
    uint32_t number = 0;
    glint_cell_c(g, &x, &y, &z, 1, &number);
    return number;
}

static void lower_faces_are_inside_upper_are_not(void **state)
{
    (void)state;
    assert_int_equal(number_of(&grid, -2, -2, -1), 0);
    assert_int_equal(number_of(&grid, 1.9f, 1.9f, 0.9f), 127);
    assert_int_equal(number_of(&grid, -1.5f, -2, -1), 1);
    assert_int_equal(number_of(&grid, -2, -1.5f, -1), 8);
    assert_int_equal(number_of(&grid, -2, -2, 0), 64);
    assert_int_equal(number_of(&grid, 2, 0, 0), 128); /* refused */
    assert_int_equal(number_of(&grid, nextafterf(-2, -3), 0, 0), 128);
}

static void not_finite_is_refused_always(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        struct glint_grid g = grid;
        g.clamp = variant & 1;
        g.filter = variant & 2;
        for (int k = 0; k < 3; k++) {
            g.keep_lo[k] = -INFINITY;
            g.keep_hi[k] = INFINITY;
        }
        assert_int_equal(number_of(&g, NAN, 0, 0), 128);
        assert_int_equal(number_of(&g, 0, INFINITY, 0), 128);
        assert_int_equal(number_of(&g, 0, 0, -INFINITY), 128);
        assert_int_not_equal(number_of(&g, 0, 0, 0), 128);
    }
}

static void clamping_moves_into_the_grid_even_from_far(void **state)
{
    (void)state;
    struct glint_grid g = grid;
    g.clamp = true;
    assert_int_equal(number_of(&g, 3e38f, -3e38f, -3e38f), 7);
    assert_int_equal(number_of(&g, -3e38f, 3e38f, 5), 64 + 56);
    assert_int_equal(number_of(&g, 2, -2.1f, -1), 7);
    g.cell[0] = 1e-3f; /* the quotient overflows to infinity */
    assert_int_equal(number_of(&g, 3e38f, -2, -1), 7);
}

static void the_filter_is_strict(void **state)
{
    (void)state;
    struct glint_grid g = grid;
    g.filter = g.clamp = true;
    for (int k = 0; k < 3; k++) {
        g.keep_lo[k] = -0.75f;
        g.keep_hi[k] = 0.75f;
    }
    assert_int_equal(number_of(&g, -0.75f, 0, 0), 128);
    assert_int_equal(number_of(&g, 0, 0.75f, 0), 128);
    assert_int_not_equal(number_of(&g, nextafterf(-0.75f, 0), 0, 0), 128);
    assert_int_not_equal(number_of(&g, 0, nextafterf(0.75f, 0), 0), 128);
}

static void numbers_and_coordinates_agree(void **state)
{
    (void)state;
    struct glint_grid g = {.cell = {1, 1, 1}, .dim = {3, 4, 5}};
    for (int x_major = 0; x_major < 2; x_major++) {
        g.x_major = x_major;
        assert_int_equal(number_of(&g, 1.5f, 0.5f, 0.5f), x_major ? 20 : 1);
        for (uint32_t number = 0; number < 60; number++) {
            int32_t c[3];
            glint_grid_coord(&g, number, c);
            assert_int_equal(number_of(&g, (float)c[0], (float)c[1], (float)c[2]), number);
        }
    }
}

static void absurd_grids_are_refused(void **state)
{
    (void)state;
    struct glint_grid g = grid;
    assert_int_equal(glint_grid_check(&g), GLINT_OK);
    g.dim[1] = 0;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "dim.y"));
    g.dim[0] = g.dim[1] = 1 << 16;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
    g = grid;
    g.cell[2] = 0;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
    g.cell[2] = NAN;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
    g = grid;
    g.origin[0] = INFINITY;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
    g = grid;
    g.filter = true;
    g.keep_hi[0] = NAN;
    assert_int_equal(glint_grid_check(&g), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_faces_are_inside_upper_are_not),
        cmocka_unit_test(not_finite_is_refused_always),
        cmocka_unit_test(clamping_moves_into_the_grid_even_from_far),
        cmocka_unit_test(the_filter_is_strict),
        cmocka_unit_test(numbers_and_coordinates_agree),
        cmocka_unit_test(absurd_grids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
