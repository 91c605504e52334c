/* tests/test_velodyne_near.c - an HDL-64E's corrections near the sensor, by the manual's own sample in
 * doubles. */
#include "tests/files.h"
#include "tests/packets.h"
#include "calib/beam_load.h"

#define STAMP_NS INT64_C(1700000000000000000)

static struct glint_returns returns;
static uint8_t data[2000];

/* Of every laser in the file below, m and degrees; laser i has its distances' corrections i mm longer. */
static const struct {
    double rot, vert, far, beside, ahead, up, left, focus, slope, least, most;
} near64 = {-7.2, -8.75, 1.519, 1.550, 1.523, 0.1955, 0.026, 12, 1.4, 30, 235};

static size_t make_near_xml(char *out, size_t cap)
{
    size_t used =
        (size_t)snprintf(out, cap, "<DB><minIntensity_><count>64</count><item_version>0</item_version>");
    for (int k = 0; k < 2; k++) {
        for (int32_t i = 0; i < 64; i++)
            used +=
                (size_t)snprintf(out + used, cap - used, "<item>%g</item>", k ? near64.most : near64.least);
        used += (size_t)snprintf(out + used, cap - used,
                                 k ? "</maxIntensity_>" : "</minIntensity_><maxIntensity_>");
    }
    for (int32_t i = 0; i < 64; i++)
        used += (size_t)snprintf(
            out + used, cap - used,
            "<px><id_>%d</id_><rotCorrection_>%g</rotCorrection_><vertCorrection_>%g</vertCorrection_>"
            "<distCorrection_>%.6g</distCorrection_><distCorrectionX_>%.6g</"
            "distCorrectionX_><distCorrectionY_>%.6g"
            "</distCorrectionY_><vertOffsetCorrection_>%g</vertOffsetCorrection_><horizOffsetCorrection_>%g"
            "</horizOffsetCorrection_><focalDistance_>%g</focalDistance_><focalSlope_>%g</focalSlope_></px>",
            i, near64.rot, near64.vert, near64.far * 100 + i * 0.1, near64.beside * 100 + i * 0.1,
            near64.ahead * 100 + i * 0.1, near64.up * 100, near64.left * 100, near64.focus * 100,
            near64.slope);
    return used + (size_t)snprintf(out + used, cap - used, "</DB>");
}

static size_t make_near_yaml(char *out, size_t cap)
{
    size_t used = (size_t)snprintf(out, cap, "lasers:\n");
    for (int32_t i = 0; i < 64; i++)
        used += (size_t)snprintf(
            out + used, cap - used,
            "- {laser_id: %d, rot_correction: %.9f, vert_correction: %.9f, dist_correction: %.6f, "
            "dist_correction_x: %.6f, "
            "dist_correction_y: %.6f, vert_offset_correction: %g, horiz_offset_correction: %g, "
            "focal_distance: %g, "
            "focal_slope: %g, min_intensity: %g, max_intensity: %g, two_pt_correction_available: true}\n",
            i, near64.rot * GLINT_PI / 180, near64.vert * GLINT_PI / 180, near64.far + i * 0.001,
            near64.beside + i * 0.001, near64.ahead + i * 0.001, near64.up, near64.left, near64.focus,
            near64.slope, near64.least, near64.most);
    return used;
}

/* The manual's sample (REV K, Appendix F; xy with the vertical offset as everywhere here), in its own axes: x
 * to the right, y ahead. at_deg: where the head stands when the laser fires. */
static void manual_point(double raw_m, double laser, double at_deg, double *xyz)
{
    const double rot = (at_deg - near64.rot) * GLINT_PI / 180, vert = near64.vert * GLINT_PI / 180;
    const double more = laser * 0.001, far = near64.far + more;
    double flat = (raw_m + far) * cos(vert) - near64.up * sin(vert);
    const double xx = fabs(flat * sin(rot) - near64.left * cos(rot)),
                 yy = fabs(flat * cos(rot) + near64.left * sin(rot));
    const double x_corr =
        xx < 25.04 ? (near64.far - near64.beside) * (xx - 2.4) / (25.04 - 2.4) + near64.beside + more : far;
    const double y_corr =
        yy < 25.04 ? (near64.far - near64.ahead) * (yy - 1.93) / (25.04 - 1.93) + near64.ahead + more : far;
    flat = (raw_m + x_corr) * cos(vert) - near64.up * sin(vert);
    xyz[0] = flat * sin(rot) - near64.left * cos(rot);
    flat = (raw_m + y_corr) * cos(vert) - near64.up * sin(vert);
    xyz[1] = flat * cos(rot) + near64.left * sin(rot);
    xyz[2] = (raw_m + y_corr) * sin(vert) + near64.up * cos(vert);
}

static double manual_intensity(double raw, double units)
{
    const double focus = 256 * (1 - near64.focus * 100 / 13100) * (1 - near64.focus * 100 / 13100);
    const double v = raw + near64.slope * fabs(focus - 256 * (1 - units / 65535) * (1 - units / 65535));
    return fmin(fmax(v, near64.least), near64.most);
}

/* Blocks of raw distances from 1.5 m to 48 m, 0.17 degrees a firing from 40 degrees on. */
static void make_near_packet(void)
{
    memset(data, 0, sizeof data);
    for (uint32_t b = 0; b < 12; b++) {
        uint8_t *at = data + 100 * b;
        put16(at, b % 2 ? 0xddff : 0xeeff);
        put16(at + 2, 4000 + 17 * (b / 2));
        for (uint32_t k = 0; k < 32; k++) {
            put16(at + 4 + 3 * k, 750 + 60 * (b * 32 + k));
            at[6 + 3 * k] = (uint8_t)(b * 20);
        }
    }
    data[1204] = 'H';
}

/* When a laser fires, us after the first: four at a time, both banks alike (HDL-64E S3). */
static double laser_us(int32_t c)
{
    static const double within[] = {0, 1.3, 2.5, 3.7};
    return 7.2 * (c % 32 / 4) + within[c % 4];
}

static void check_near(bool as_measured)
{
    for (int32_t i = 0; i < returns.n; i++) {
        const int32_t b = i / 32, c = returns.channel[i];
        const double units = 750 + 60 * i, at = 40 + 0.17 * (b / 2 + laser_us(c) / 57.6);
        double xyz[3];
        manual_point(units * 0.002, c, at, xyz);
        const double off = fabs((double)returns.x[i] - xyz[1]) + fabs((double)returns.y[i] + xyz[0]);
        if (as_measured && units * 0.002 < 10)
            assert_true(off > 2e-3);
        if (as_measured)
            continue;
        assert_true(off < 2e-5);
        assert_near(returns.z[i], xyz[2], 1e-5);
        assert_near(returns.intensity[i] * 255, manual_intensity(b * 20, units), 2e-3);
    }
    assert_int_equal(returns.n, 384);
}

static void an_hdl64e_is_corrected_near_the_sensor(void **state)
{
    (void)state;
    static char text[65536];
    struct glint_loss loss = {0};
    struct glint_decoder *d;
    for (int k = 0; k < 3; k++) { /* db.xml, YAML, and not wanted */
        const size_t size = k == 1 ? make_near_yaml(text, sizeof text) : make_near_xml(text, sizeof text);
        const struct glint_decoder_settings settings = {
            .calib = glint_test_write(k == 1 ? "near.yaml" : "near.xml", text, size), .as_measured = k == 2};
        make_near_packet();
        const struct glint_packet p = packet_of(data, VELODYNE_BYTES, STAMP_NS);
        if (glint_decoder_open(&settings, &p, 1, &d) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_int_equal(take_packet(d, data, VELODYNE_BYTES, STAMP_NS, &returns, &loss), GLINT_PACKET_LIDAR);
        check_near(settings.as_measured);
        if (settings.as_measured)
            assert_near(returns.intensity[40], 20 / 255.0, 1e-6);
        check_bad_packets(d, data, VELODYNE_BYTES, STAMP_NS);
        glint_decoder_close(d);
    }
}

static void near_corrections_are_checked(void **state)
{
    (void)state;
    static struct glint_beams beams;
    static const char laser[] = "lasers:\n- {laser_id: 0, rot_correction: 0, vert_correction: 0, ";
    static const struct {
        const char *rest;
        int status;
        bool near, focus;
    } cases[] = {
        {"dist_correction_x: 1, dist_correction_y: 1, two_pt_correction_available: true}\n", GLINT_OK, true,
         false},
        {"dist_correction_x: 1, dist_correction_y: 1, two_pt_correction_available: false}\n", GLINT_OK, false,
         false},
        {"dist_correction_x: 1, two_pt_correction_available: true}\n", GLINT_OK, false, false},
        {"focal_distance: 12, focal_slope: 1.5}\n", GLINT_OK, false, true},
        {"focal_distance: 1200, focal_slope: 1.5}\n", GLINT_E_FORMAT, false, false},
        {"max_intensity: 256}\n", GLINT_E_FORMAT, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        const int n = snprintf(text, sizeof text, "%s%s", laser, cases[i].rest);
        assert_int_equal(glint_beams_parse_velodyne("x", text, (size_t)n, 1, &beams), cases[i].status);
        if (cases[i].status == GLINT_OK)
            assert_true(beams.has_near == cases[i].near && beams.has_focus == cases[i].focus &&
                        beams.most[0] == 255);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hdl64e_is_corrected_near_the_sensor),
        cmocka_unit_test(near_corrections_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
