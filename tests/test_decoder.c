/* tests/test_decoder.c - the rule by which sensors' clocks become UTC. */
#include "tests/packets.h"
#include "io/decoder_family.h"

#define S   INT64_C(1000000000)
#define NOW (1700000000 * S) /* 2023 */

static void near_dates_are_believed(void **state)
{
    (void)state;
    struct glint_decoder d = {.sensor = "Test"};
    assert_int_equal(glint_decoder_utc(&d, NOW + 5 * S, true, NOW), NOW + 5 * S);
    assert_int_equal(d.time_scale, GLINT_TIME_UTC);
    assert_int_equal(glint_decoder_utc(&d, NOW + 42 * S, true, NOW),
                     NOW + 42 * S); /* it jumps, it is believed */
    assert_int_equal(glint_decoder_utc(&d, NOW - 80000 * S, true, NOW), NOW - 80000 * S);
    assert_int_equal(d.clock_offset_ns, 0);
}

static void leap_seconds_are_taken_off(void **state)
{
    (void)state;
    static const struct {
        int64_t now, ahead;
        enum glint_time_scale scale;
    } cases[] = {
        {NOW, 37, GLINT_TIME_TAI},
        {NOW, 18, GLINT_TIME_GPS},
        {NOW, 27, GLINT_TIME_UTC},
        {1450000000 * S, 36, GLINT_TIME_TAI}, /* 2015 */
        {1450000000 * S, 17, GLINT_TIME_GPS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct glint_decoder d = {.sensor = "Test"};
        const int64_t sensor = cases[i].now + cases[i].ahead * S - S / 10;
        const int64_t taken = cases[i].scale == GLINT_TIME_UTC ? 0 : cases[i].ahead * S;
        assert_int_equal(glint_decoder_utc(&d, sensor, true, cases[i].now), sensor - taken);
        assert_int_equal(d.time_scale, cases[i].scale);
        assert_int_equal(d.clock_offset_ns, -taken);
        assert_int_equal(glint_decoder_utc(&d, sensor + 3 * S, true, cases[i].now + S),
                         sensor + 3 * S - taken);
    }
    assert_int_equal(glint_leap_seconds(1483228799 * S), 36);
    assert_int_equal(glint_leap_seconds(1483228800 * S), 37);
}

static void absurd_dates_are_moved_to_the_capture(void **state)
{
    (void)state;
    static const int64_t dates[] = {0, 5 * S, 1550000000 * S, NOW + 90000 * S, NOW - 90000 * S};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        struct glint_decoder d = {.sensor = "Test"};
        assert_int_equal(glint_decoder_utc(&d, dates[i], true, NOW), NOW);
        assert_int_equal(d.time_scale, GLINT_TIME_CAPTURE);
        assert_int_equal(d.clock_offset_ns, NOW - dates[i]);
        /* then the sensor's clock runs, up to a minute from the capture's */
        assert_int_equal(glint_decoder_utc(&d, dates[i] + 7 * S, true, NOW + 6 * S), NOW + 7 * S);
        assert_int_equal(glint_decoder_utc(&d, dates[i] + 100 * S, true, NOW + 8 * S), NOW + 8 * S);
        /* and when it is set by and by, it is believed */
        assert_int_equal(glint_decoder_utc(&d, NOW + 12 * S, true, NOW + 9 * S), NOW + 12 * S);
        assert_int_equal(d.time_scale, GLINT_TIME_UTC);
        assert_int_equal(d.clock_offset_ns, 0);
    }
}

static void a_clock_that_is_lost_is_moved(void **state)
{
    (void)state;
    struct glint_decoder d = {.sensor = "Test"};
    assert_int_equal(glint_decoder_utc(&d, NOW + 37 * S, true, NOW), NOW);
    assert_int_equal(glint_decoder_utc(&d, 3 * S, true, NOW + S), NOW + S);
    assert_int_equal(d.clock_offset_ns, NOW - 2 * S);
    assert_int_equal(d.time_scale, GLINT_TIME_CAPTURE);
}

static void captures_without_a_clock_leave_the_sensors(void **state)
{
    (void)state;
    struct glint_decoder d = {.sensor = "Test"};
    assert_int_equal(glint_decoder_utc(&d, 1550000000 * S, true, 4 * S), 1550000000 * S);
    assert_int_equal(glint_decoder_utc(&d, 7 * S, false, 4 * S), 7 * S);
    assert_int_equal(glint_decoder_utc(&d, -1, true, NOW), NOW);
    assert_int_equal(glint_decoder_utc(&d, INT64_MAX, true, NOW), NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_dates_are_believed),
        cmocka_unit_test(leap_seconds_are_taken_off),
        cmocka_unit_test(absurd_dates_are_moved_to_the_capture),
        cmocka_unit_test(a_clock_that_is_lost_is_moved),
        cmocka_unit_test(captures_without_a_clock_leave_the_sensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
