/* tests/test_curve.c - curves: neighbours along Hilbert's touch, cubes stay together, sorting by long codes.
 * What the reference has for real clouds is in test_level.c; versions are compared in tests/parity. */
#include "tests/util.h"
#include "voxel/curve.h"

#define SIDE  8
#define CELLS (SIDE * SIDE * SIDE)

static int32_t coord[3 * CELLS];
static int64_t code[CELLS];

static void all_cells(enum glint_curve curve)
{
    for (int32_t i = 0; i < CELLS; i++)
        for (int k = 0; k < 3; k++)
            coord[3 * i + k] = i >> (3 * k) & (SIDE - 1);
    glint_curve_get(glint_cpu_isa())(curve, 3, 0, coord, CELLS, code);
}

static void each_cell_has_its_place(void **state)
{
    int32_t order[CELLS], scratch[5 * CELLS];
    (void)state;
    for (int curve = 0; curve < GLINT_CURVE_COUNT; curve++) {
        all_cells((enum glint_curve)curve);
        glint_curve_sort(NULL, code, CELLS, 9, order, scratch);
        for (int32_t i = 0; i < CELLS; i++)
            assert_int_equal(code[order[i]], i);
        for (int32_t i = 0; i + 1 < CELLS && curve >= GLINT_CURVE_HILBERT; i++) {
            int32_t steps = 0;
            for (int k = 0; k < 3; k++)
                steps += abs(coord[3 * order[i] + k] - coord[3 * order[i + 1] + k]);
            assert_int_equal(steps, 1);
        }
    }
}

static void transposed_curves_exchange_x_and_y(void **state)
{
    int64_t plain[CELLS];
    (void)state;
    for (int curve = 0; curve < GLINT_CURVE_COUNT; curve += 2) {
        all_cells((enum glint_curve)curve);
        memcpy(plain, code, sizeof plain);
        all_cells((enum glint_curve)(curve + 1));
        for (int32_t i = 0; i < CELLS; i++) {
            const int32_t *c = coord + 3 * i;
            assert_int_equal(code[c[1] + SIDE * c[0] + SIDE * SIDE * c[2]], plain[i]);
        }
    }
}

static void names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < GLINT_CURVE_COUNT; i++)
        assert_int_equal(glint_curve_find(glint_curve_name((enum glint_curve)i)), i);
    assert_int_equal(glint_curve_find("hilbert-"), GLINT_CURVE_COUNT);
}

/* Codes of more bits than one sort takes; equal ones keep their order. */
static void long_codes_are_sorted(void **state)
{
    enum { N = 3000 };
    static int64_t random[N];
    static int32_t order[N], scratch[5 * N];
    uint64_t seed = 3;
    (void)state;
    for (int32_t bits = 0; bits <= 63; bits += 7) {
        const int64_t mask = (int64_t)((UINT64_C(1) << bits) - 1);
        for (int32_t i = 0; i < N; i++)
            random[i] = (i % 3 || !i ? (int64_t)(glint_test_random(&seed) >> 1) : random[i - 1]) & mask;
        glint_curve_sort(NULL, random, N, bits, order, scratch);
        for (int32_t i = 1; i < N; i++)
            assert_true(random[order[i - 1]] < random[order[i]] ||
                        (random[order[i - 1]] == random[order[i]] && order[i - 1] < order[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_has_its_place), cmocka_unit_test(transposed_curves_exchange_x_and_y),
        cmocka_unit_test(names_are_found), cmocka_unit_test(long_codes_are_sorted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
