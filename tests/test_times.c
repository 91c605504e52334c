/* tests/test_times.c - percentiles of durations, and the calibration loop. */
#include "tools/times.h"
#include "tests/util.h"
#include "tools/ceiling.h"

static void percentiles_are_by_nearest_rank(void **state)
{
    (void)state;
    struct glint_times t;
    assert_int_equal(glint_times_open(&t, 10), 0);
    for (int i = 10; i > 0; i--)
        glint_times_add(&t, i);
    glint_times_add(&t, 99); /* beyond the capacity */
    assert_int_equal(t.n, 10);
    assert_true(glint_times_at(&t, 0.5) == 5.0);
    assert_true(glint_times_at(&t, 0.9) == 9.0);
    assert_true(glint_times_at(&t, 0.99) == 10.0);
    assert_true(glint_times_at(&t, 1.0) == 10.0);
    assert_true(glint_times_at(&t, 0.0) == 1.0);
    glint_times_close(&t);
}

static void none_and_one(void **state)
{
    (void)state;
    struct glint_times t = {0};
    assert_true(glint_times_at(&t, 0.5) == 0.0);
    glint_times_add(&t, 1);
    assert_int_equal(t.n, 0);
    assert_int_equal(glint_times_open(&t, 1), 0);
    glint_times_add(&t, 2.5);
    for (double share = 0.0; share <= 1.0; share += 0.25)
        assert_true(glint_times_at(&t, share) == 2.5);
    json_t *j = glint_times_json(&t);
    assert_int_equal(json_integer_value(json_object_get(j, "count")), 1);
    assert_true(json_real_value(json_object_get(j, "p99_ms")) == 2.5);
    json_decref(j);
    glint_times_close(&t);
}

static void the_loop_takes_time(void **state)
{
    (void)state;
    struct glint_pool *pool;
    assert_int_equal(glint_pool_open(2, &pool), 0);
    assert_true(glint_ceiling_loop_ms(pool) > 0.0);
    assert_true(glint_ceiling_loop_ms(NULL) > 0.0);
    glint_pool_close(pool);
    assert_true(glint_ceiling_clock_ghz() > 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_by_nearest_rank),
        cmocka_unit_test(none_and_one),
        cmocka_unit_test(the_loop_takes_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
