/* tests/test_sort.c - the sort against its definition, any number of threads; and runs of equal keys. */
#include "tests/util.h"
#include "voxel/sort.h"
#include "voxel/unique.h"

#define N_MAX 100003

static uint32_t key[2][N_MAX], input[N_MAX];
static int32_t order[N_MAX], scratch[N_MAX];

static void check_sorted(struct glint_exec *x, int32_t n, int32_t bits, bool keep_keys)
{
    uint32_t *const keys[2] = {key[0], key[1]};
    memcpy(key[0], input, sizeof input);
    memset(order, 0xff, sizeof order);
    const int side = glint_sort(x, keys, n, bits, order, scratch, keep_keys);
    for (int32_t i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        if (keep_keys)
            assert_int_equal(keys[side][i], input[order[i]]);
        if (i > 0) { /* strictly ascending (key, position): sorted, stable, and a permutation */
            const uint32_t a = input[order[i - 1]], b = input[order[i]];
            assert_true(a < b || (a == b && order[i - 1] < order[i]));
        }
    }
}

static void sorts_stably_with_any_threads(void **state)
{
    (void)state;
    static const int32_t sizes[] = {0, 1, 2, 3, 1000, 16384, 32768, 49153, N_MAX};
    static const int32_t widths[] = {0, 1, 5, 11, 12, 18, 21, 22, 23, 32};
    uint64_t random = 7;
    for (int threads = 1; threads <= 5; threads += 2) {
        struct glint_exec x;
        assert_int_equal(glint_exec_init(&x, 0, threads, 64), GLINT_OK);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
                const uint64_t range = UINT64_C(1) << widths[w];
                for (int32_t i = 0; i < sizes[s]; i++)
                    input[i] = (uint32_t)(glint_test_random(&random) % range);
                check_sorted(&x, sizes[s], widths[w], (s + w) % 2);
            }
        glint_exec_fini(&x);
    }
}

static void all_equal_keys_keep_their_order(void **state)
{
    (void)state;
    for (int32_t i = 0; i < N_MAX; i++)
        input[i] = 5;
    check_sorted(NULL, N_MAX, 18, true);
}

static void bits_of_a_number(void **state)
{
    (void)state;
    assert_int_equal(glint_sort_bits(0), 0);
    assert_int_equal(glint_sort_bits(1), 1);
    assert_int_equal(glint_sort_bits(219024), 18);
    assert_int_equal(glint_sort_bits(UINT32_MAX), 32);
}

static void runs_are_found_up_to_the_capacity(void **state)
{
    (void)state;
    static const uint32_t keys[] = {3, 3, 4, 7, 7, 7, 9};
    static const int32_t starts[] = {0, 2, 3, 6, 7};
    for (int32_t cap = 0; cap <= 6; cap++) {
        int32_t start[8];
        memset(start, 0x55, sizeof start);
        const int32_t runs = glint_unique(keys, 7, cap, start);
        assert_int_equal(runs, cap < 4 ? cap : 4);
        for (int32_t i = 0; i <= runs; i++)
            assert_int_equal(start[i], starts[i]);
        for (int32_t i = cap + 1; i < 8; i++)
            assert_int_equal(start[i], 0x55555555); /* never written beyond cap + 1 */
    }
    int32_t start[2] = {7, 7};
    assert_int_equal(glint_unique(keys, 0, 1, start), 0);
    assert_int_equal(start[0], 0);
    assert_int_equal(glint_unique(keys, 1, 1, start), 1);
    assert_int_equal(start[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_stably_with_any_threads),
        cmocka_unit_test(all_equal_keys_keep_their_order),
        cmocka_unit_test(bits_of_a_number),
        cmocka_unit_test(runs_are_found_up_to_the_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
