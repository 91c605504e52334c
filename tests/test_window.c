/* tests/test_window.c - window orders: golden permutations in each instruction set, keys unique over whole
 * grids. */
#include "tests/golden.h"
#include "voxel/window.h"

#define CAP 20000

static int32_t coord[3 * CAP], perm[CAP];
static uint32_t scratch[4 * CAP];

/* Coordinates (x, y, z) of the pillars of one frame, which are rows first .. first + n - 1 of the case. */
static int32_t load_coords(const struct glint_safetensors *file, int32_t batch, int32_t *first_out)
{
    const struct glint_tensor *t = glint_golden_tensor(file, "coords", GLINT_DTYPE_I32);
    const int32_t *rows = t->data;
    int32_t n = 0;
    *first_out = 0;
    for (int32_t i = 0; i < t->shape[0]; i++) {
        *first_out += rows[4 * i] < batch;
        if (rows[4 * i] != batch)
            continue;
        assert_true(n < CAP);
        for (int k = 0; k < 3; k++)
            coord[3 * n + k] = rows[4 * i + 3 - k];
        n++;
    }
    return n;
}

static void check_case(struct glint_exec *x, const char *name, const struct glint_safetensors *file)
{
    static const char *const orders[] = {"perm.x", "perm.x_shift", "perm.y", "perm.y_shift"};
    const bool waymo = strncmp(name, "waymo", 5) == 0;
    int32_t first = 0, n = 0;
    for (int32_t batch = 0; (n = load_coords(file, batch, &first)) > 0; batch++)
        for (int i = 0; i < 4; i++) {
            const int32_t window = waymo ? 13 : 9;
            const struct glint_window_order o = {
                .style = GLINT_WINDOW_SNAKE,
                .window = window,
                .grid = waymo ? 468 : 256,
                .shift = i % 2 ? window / 2 : 0,
                .axis = i / 2,
            };
            const int32_t *want = glint_golden_i32(file, orders[i]) + first;
            assert_int_equal(glint_window_sort(x, &o, coord, n, perm, scratch), GLINT_OK);
            for (int32_t j = 0; j < n; j++)
                assert_int_equal(perm[j] + first, want[j]);
        }
}

static void golden_permutations(void **state)
{
    (void)state;
    static const char *const sets[] = {"c", "avx2", "avx512"};
    for (size_t s = 0; s < 3; s++) {
        struct glint_exec x;
        assert_int_equal(glint_exec_init(&x, glint_cpu_isa() & glint_cpu_isa_mask(sets[s]), 1 + (int)s, 64),
                         0);
        for (size_t c = 0; c < GLINT_GOLDEN_CASES; c++) {
            struct glint_safetensors *file = glint_golden_open(glint_golden_cases[c]);
            if (!file) {
                glint_exec_fini(&x);
                skip();
            }
            check_case(&x, glint_golden_cases[c], file);
            glint_safetensors_close(file);
        }
        glint_exec_fini(&x);
    }
}

/* Marks the keys of every cell; a key seen twice would make an order depend on the input's. */
static void check_unique(const struct glint_window_order *o)
{
    const uint32_t last = glint_window_key_max(o);
    uint8_t *seen = calloc((size_t)last + 1, 1);
    assert_non_null(seen);
    for (int32_t y = 0; y < o->grid; y++) {
        uint32_t key[1024];
        int32_t row[3 * 1024];
        for (int32_t i = 0; i < o->grid; i++) {
            row[3 * i] = i;
            row[3 * i + 1] = y;
            row[3 * i + 2] = 0;
        }
        glint_window_key_c(NULL, o, row, o->grid, key);
        for (int32_t i = 0; i < o->grid; i++) {
            assert_in_range(key[i], 0, last);
            assert_int_equal(seen[key[i]]++, 0);
        }
    }
    free(seen);
}

static void keys_are_unique_over_the_grid(void **state)
{
    (void)state;
    static const int32_t window[] = {1, 2, 9, 13, 64}, grid[] = {1, 50, 256, 468};
    for (int variant = 0; variant < 8; variant++)
        for (size_t w = 0; w < 5; w++)
            for (size_t g = 0; g < 4; g++) {
                const struct glint_window_order o = {
                    .style = variant & 1 ? GLINT_WINDOW_PLAIN : GLINT_WINDOW_SNAKE,
                    .window = window[w],
                    .grid = grid[g],
                    .shift = variant & 2 ? window[w] / 2 : 0,
                    .axis = variant >> 2,
                };
                assert_int_equal(glint_window_check(&o), GLINT_OK);
                check_unique(&o);
            }
}

/* Two windows of 2 x 2 beside each other, by hand. */
static void orders_by_hand(void **state)
{
    (void)state;
    static const int32_t cells[] = {0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0, 1, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0};
    static const int32_t snake[] = {0, 4, 5, 1, 2, 6, 7, 3}, plain_y[] = {0, 1, 4, 5, 2, 3, 6, 7};
    struct glint_exec x = {0};
    struct glint_window_order o = {.style = GLINT_WINDOW_SNAKE, .window = 2, .grid = 4};
    assert_int_equal(glint_window_sort(&x, &o, cells, 8, perm, scratch), GLINT_OK);
    assert_memory_equal(perm, snake, sizeof snake);
    o.style = GLINT_WINDOW_PLAIN;
    o.axis = 1;
    assert_int_equal(glint_window_sort(&x, &o, cells, 8, perm, scratch), GLINT_OK);
    assert_memory_equal(perm, plain_y, sizeof plain_y);
}

static void absurd_orders_are_refused(void **state)
{
    (void)state;
    struct glint_exec x = {0};
    const struct glint_window_order good = {.window = 9, .grid = 256, .shift = 4, .axis = 1};
    static const int32_t outside[] = {0, 256, 0}, negative[] = {-1, 0, 0};
    assert_int_equal(glint_window_check(&good), GLINT_OK);
    assert_int_equal(glint_window_sort(&x, &good, outside, 1, perm, scratch), GLINT_E_ARG);
    assert_int_equal(glint_window_sort(&x, &good, negative, 1, perm, scratch), GLINT_E_ARG);
    assert_int_equal(glint_window_sort(&x, &good, NULL, 0, perm, scratch), GLINT_OK);
    struct glint_window_order o[6] = {good, good, good, good, good, good};
    o[0].window = 0;
    o[1].grid = 0;
    o[2].shift = 10;
    o[3].axis = 2;
    o[4].grid = 1 << 20;
    o[5].style = (enum glint_window_style)7;
    for (int i = 0; i < 6; i++)
        assert_int_equal(glint_window_check(&o[i]), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_permutations),
        cmocka_unit_test(keys_are_unique_over_the_grid),
        cmocka_unit_test(orders_by_hand),
        cmocka_unit_test(absurd_orders_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
