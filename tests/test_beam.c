/* tests/test_beam.c - directions from angles, and the vendors' calibration files. */
#include "tests/packets.h"
#include "calib/beam_load.h"

static struct glint_beams beams;

static void directions_are_the_angles(void **state)
{
    (void)state;
    static const float elevation[] = {30, -10, 0}, azimuth[] = {0, 90, -45};
    glint_beams_init(&beams, 3, elevation, azimuth);
    assert_string_equal(beams.source, "built in");
    assert_near(beams.dir[0][0], cos(GLINT_PI / 6), 1e-7);
    assert_near(beams.dir[1][0], 0, 1e-7);
    assert_near(beams.dir[2][0], 0.5, 1e-7);
    assert_near(beams.dir[0][1], 0, 1e-7); /* a clockwise quarter: to the right */
    assert_near(beams.dir[1][1], -cos(GLINT_PI / 18), 1e-7);
    assert_near(beams.dir[0][2], sqrt(0.5), 1e-7);
    assert_near(beams.dir[1][2], sqrt(0.5), 1e-7);
    assert_int_equal(beams.ring[0], 2);
    assert_int_equal(beams.ring[1], 0);
    assert_int_equal(beams.ring[2], 1);
    for (int k = 0; k < 3; k++)
        assert_true(beams.off[k][0] == 0);
}

static void offsets_move_the_origin(void **state)
{
    (void)state;
    static const float elevation[] = {30};
    glint_beams_init(&beams, 1, elevation, NULL);
    beams.range[0] = 0.1;
    beams.up[0] = 0.02;
    beams.left[0] = 0.03;
    glint_beams_finish(&beams);
    assert_near(beams.off[0][0], 0.1 * cos(GLINT_PI / 6) - 0.02 * 0.5, 1e-7);
    assert_near(beams.off[1][0], 0.03, 1e-7);
    assert_near(beams.off[2][0], 0.1 * 0.5 + 0.02 * cos(GLINT_PI / 6), 1e-7);
}

static void equal_elevations_keep_their_order(void **state)
{
    (void)state;
    static const double value[] = {3, 1, 3, 1, 2};
    static const uint16_t want[] = {3, 0, 4, 1, 2};
    uint16_t rank[5];
    glint_beams_rank(5, value, rank);
    assert_memory_equal(rank, want, sizeof want);
}

static int parse_yaml(const char *text)
{
    return glint_beams_parse_velodyne("cal.yaml", text, strlen(text), 2, &beams);
}

static int parse_csv(const char *text)
{
    return glint_beams_parse_hesai("cal.csv", text, strlen(text), 2, &beams);
}

static void velodyne_yaml_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        parse_yaml("lasers:\n"
                   "- {laser_id: 1, rot_correction: -0.1, vert_correction: 0.2, dist_correction: 0.5}\n"
                   "- {laser_id: 0, rot_correction: 0.0, vert_correction: -0.2,\n"
                   "   vert_offset_correction: 0.01, horiz_offset_correction: 0.02, focal_slope: 0.0}\n"
                   "num_lasers: 2\n"),
        GLINT_OK);
    assert_near(beams.azimuth[1], 0.1, 1e-12);
    assert_near(beams.elevation[1], 0.2, 1e-12);
    assert_near(beams.range[1], 0.5, 1e-12);
    assert_near(beams.up[0], 0.01, 1e-12);
    assert_near(beams.left[0], 0.02, 1e-12);
    assert_string_equal(beams.source, "cal.yaml");
}

#define LASER(id, vert) "- {laser_id: " id ", rot_correction: 0, vert_correction: " vert "}\n"

static void bad_yaml_is_refused_with_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"lasers: [", "not YAML"},
        {"", "lasers"},
        {"lasers: 3", "lasers"},
        {"lasers: [1, 2]", "no map"},
        {"lasers:\n" LASER("0", "0"), "laser 1 of 2 is missing"},
        {"lasers:\n" LASER("0", "0") LASER("0", "0"), "twice"},
        {"lasers:\n" LASER("0", "0") LASER("2", "0"), "laser 2"},
        {"lasers:\n" LASER("0", "0") LASER("-1", "0"), "laser -1"},
        {"lasers:\n" LASER("0", "x"), "vert_correction is \"x\""},
        {"lasers:\n" LASER("0", "nan"), "vert_correction"},
        {"lasers:\n" LASER("0", "3.2"), "vert_correction"},
        {"lasers:\n- {laser_id: 0}\n", "without vert_correction"},
        {"lasers:\n- {laser_id: [0]}\n", "without laser_id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse_yaml(cases[i][0]), GLINT_E_FORMAT);
        if (!strstr(glint_error_text(), cases[i][1]) || !strstr(glint_error_text(), "cal.yaml"))
            fail_msg("\"%s\" is not in: %s", cases[i][1], glint_error_text());
    }
}

static void hesai_csv_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse_csv("Laser id,Elevation,Azimuth\r\n2, -1.5, 0.25\r\n1,3,-90\r\n\r\n"), GLINT_OK);
    assert_near(beams.elevation[0], 3 * GLINT_PI / 180, 1e-12);
    assert_near(beams.azimuth[0], -GLINT_PI / 2, 1e-12);
    assert_near(beams.elevation[1], -1.5 * GLINT_PI / 180, 1e-12);
    assert_int_equal(beams.ring[0], 1);
}

#define HEADER "Channel,Elevation,Azimuth\n"

static void bad_csv_is_refused_with_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "header"},
        {"1,2,3\n2,3,4\n", "header"},
        {HEADER "1,2,3\n", "laser 1 of 2 is missing"},
        {HEADER "1,2,3\n1,2,3\n", "twice"},
        {HEADER "0,2,3\n", "laser -1"},
        {HEADER "3,2,3\n", "laser 2"},
        {HEADER "1,2\n", ":2:"},
        {HEADER "1,nan,3\n", ":2:"},
        {HEADER "1,91,3\n", ":2:"},
        {HEADER "1,0,3\nx", ":3:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse_csv(cases[i][0]), GLINT_E_FORMAT);
        if (!strstr(glint_error_text(), cases[i][1]) || !strstr(glint_error_text(), "cal.csv"))
            fail_msg("\"%s\" is not in: %s", cases[i][1], glint_error_text());
    }
    assert_int_equal(glint_beams_load_hesai("/nowhere/cal.csv", 2, &beams), GLINT_E_NOTFOUND);
    assert_int_equal(glint_beams_load_velodyne("/tmp", 2, &beams), GLINT_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_are_the_angles),         cmocka_unit_test(offsets_move_the_origin),
        cmocka_unit_test(equal_elevations_keep_their_order), cmocka_unit_test(velodyne_yaml_is_read),
        cmocka_unit_test(bad_yaml_is_refused_with_words),    cmocka_unit_test(hesai_csv_is_read),
        cmocka_unit_test(bad_csv_is_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
