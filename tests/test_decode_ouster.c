/* tests/test_decode_ouster.c - shared captures against their tables, and packets made by hand: two beams, 64
 * columns in frames of four packets. */
#include "tests/files.h"
#include "tests/packets.h"
#include "tests/truth.h"
#include "calib/ouster_meta.h"

#define STAMP_NS     INT64_C(1700000000000000000)
#define BOOT_NS      INT64_C(5000000000) /* the sensor's clock: since it was switched on */
#define LEGACY_BYTES (16 * (16 + 16 * 12 + 4))
#define RNG19_BYTES  (32 + 16 * (12 + 16 * 12) + 32)

static struct glint_returns returns;
static uint8_t data[32768];

/* Metadata of 16 beams at altitudes -7.5, -6.5, ... and azimuth 1. */
static size_t make_meta(char *out, size_t cap, const char *profile, const char *window, const char *more)
{
    char altitudes[300] = "", azimuths[300] = "";
    for (int i = 0; i < 16; i++) {
        snprintf(altitudes + strlen(altitudes), sizeof altitudes - strlen(altitudes), "%s%g", i ? "," : "",
                 7.5 - i);
        snprintf(azimuths + strlen(azimuths), sizeof azimuths - strlen(azimuths), "%s%d", i ? "," : "", 1);
    }
    return (size_t)snprintf(
        out, cap,
        "{\"prod_line\":\"OS-1-16\",\"beam_altitude_angles\":[%s],\"beam_azimuth_angles\":[%s],"
        "\"data_format\":{\"pixels_per_column\":16,\"columns_per_frame\":64,\"columns_per_packet\":16,"
        "\"column_window\":%s,\"udp_profile_lidar\":\"%s\"},\"lidar_origin_to_beam_origin_mm\":10%s}",
        altitudes, azimuths, window, profile, more);
}

static void make_columns(uint8_t *at, bool legacy, uint32_t frame, uint32_t id, uint32_t range)
{
    for (uint32_t c = 0; c < 16; c++) {
        put64(at, (uint64_t)BOOT_NS + (frame * 64 + id + c) * 1000);
        put16(at + 8, id + c);
        put16(at + 10, legacy ? frame : 1);
        uint8_t *pixel = at + (legacy ? 16 : 12);
        for (uint32_t i = 0; i < 16; i++, pixel += 12) {
            put32(pixel, range | 0xf0000000);
            pixel[4] = 102;
        }
        if (legacy)
            put32(pixel, 0xffffffff);
        at = pixel + (legacy ? 4 : 0);
    }
}

static uint32_t make_legacy(uint32_t frame, uint32_t id, uint32_t range)
{
    memset(data, 0, sizeof data);
    make_columns(data, true, frame, id, range);
    return LEGACY_BYTES;
}

static uint32_t make_rng19(uint32_t frame, uint32_t id, uint32_t range)
{
    memset(data, 0, sizeof data);
    put16(data, 1);
    put16(data + 2, frame);
    make_columns(data + 32, false, frame, id, range);
    return RNG19_BYTES;
}

static enum glint_packet_kind take(struct glint_decoder *d, uint32_t size, struct glint_loss *loss)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact, so that a sanitizer sees reads behind it */
    memcpy(copy, data, size);
    struct glint_packet p = packet_of(copy, size, STAMP_NS);
    p.dst_port = 7502;
    const enum glint_packet_kind kind = glint_decoder_take(d, &p, &returns, loss);
    free(copy);
    return kind;
}

static int try_open(uint32_t size, const char *meta, struct glint_decoder **d)
{
    const struct glint_packet p = packet_of(data, size, STAMP_NS);
    const struct glint_decoder_settings settings = {
        .sensor = "auto", .calib = glint_test_write("meta.json", meta, strlen(meta))};
    return glint_decoder_open(&settings, &p, 1, d);
}

static struct glint_decoder *open_with(uint32_t size, const char *profile, const char *window,
                                       const char *more)
{
    char meta[2000];
    struct glint_decoder *d;
    make_meta(meta, sizeof meta, profile, window, more);
    if (try_open(size, meta, &d) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return d;
}

static void captures_equal_their_tables(void **state)
{
    (void)state;
    truth_check("ouster_os1_64_legacy", "OS-1-64_1024x10_fw20", NULL, 1e-5, true);
    truth_check("ouster_os1_32_legacy", "OS-1-32-G_v2.1.1_1024x10", NULL, 1e-5, true);
    truth_check("ouster_os1_32_legacy", "OS-1-32-G_v2.1.1_1024x10", "OS-1-32-G_v2.1.1_1024x10.json", 1e-5,
                true);
    truth_check("ouster_os0_32_dual", "OS-0-32-U1_v2.2.0_1024x10", NULL, 1e-5, true);
    truth_check("ouster_os0_128_rng15", "OS-0-128-U1_v2.3.0_1024x10", NULL, 1e-5, true);
    truth_check("ouster_os0_128_window", "windowed_frame1", NULL, 1e-5, true);
    truth_check("ouster_os1_128_rng15_3scans", "OS-1-128_v2.3.0_1024x10_lb_n3", NULL, 1e-5, true);
}

/* The documented formula, by hand for one column. */
static void check_points(const struct glint_decoder *d, uint32_t column, double range_m)
{
    (void)d;
    const double te = 2 * GLINT_PI * (1 - column / 64.0), n = 0.010;
    for (int32_t i = 0; i < 16; i++) {
        const double phi = (7.5 - i) * GLINT_PI / 180, ta = -GLINT_PI / 180;
        const double x = (range_m - n) * cos(te + ta) * cos(phi) + n * cos(te);
        const double y = (range_m - n) * sin(te + ta) * cos(phi) + n * sin(te);
        assert_near(returns.x[i], -x, 1e-5); /* the default transform: half a turn, 36.18 mm up */
        assert_near(returns.y[i], -y, 1e-5);
        assert_near(returns.z[i], (range_m - n) * sin(phi) + 0.03618, 1e-5);
        assert_int_equal(returns.block[i], column);
        assert_int_equal(returns.channel[i], i);
        assert_int_equal(returns.ring[i], 15 - i);
        assert_near(returns.intensity[i], 0.4, 1e-6);
    }
}

static void both_formats_give_the_formula(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_with(make_legacy(3, 16, 10000), "LEGACY", "[0,63]", "");
    assert_string_equal(d->sensor, "Ouster OS-1-16");
    assert_true(d->cut_by_frame_id);
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 256);
    assert_int_equal(returns.frame_id, 3);
    assert_int_equal(returns.t_ns[16] - returns.t_ns[0], 1000);
    check_points(d, 16, 10);
    glint_decoder_close(d);

    d = open_with(make_rng19(4, 32, 20000), "RNG19_RFL8_SIG16_NIR16", "[0,63]", "");
    assert_int_equal(take(d, RNG19_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 256);
    assert_int_equal(returns.frame_id, 4);
    check_points(d, 32, 20);
    glint_decoder_close(d);
}

/* A transform that is no turn about z: x and z change places. */
static void any_transform_is_applied(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d =
        open_with(make_legacy(3, 0, 10000), "LEGACY", "[0,63]",
                  ",\"lidar_to_sensor_transform\":[0,0,1,100, 0,1,0,0, 1,0,0,0, 0,0,0,1]");
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_near(returns.x[0], 9.99 * sin(7.5 * GLINT_PI / 180) + 0.1, 1e-5);
    assert_near(returns.z[0], 9.99 * cos(7.5 * GLINT_PI / 180) * cos(GLINT_PI / 180) + 0.01, 1e-5);
    glint_decoder_close(d);
}

static void only_valid_columns_and_returns_count(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_with(make_legacy(3, 0, 10000), "LEGACY", "[0,63]", "");
    const uint32_t column = 16 + 16 * 12 + 4;
    put32(data + column - 4, 0); /* the first column is not valid */
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 240);
    assert_int_equal(returns.block[0], 1);
    make_legacy(3, 16, 0);
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 0);
    memset(data, 0, sizeof data);
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR); /* no valid column at all */
    assert_int_equal(returns.n, 0);
    memset(data, 0xff, sizeof data); /* measurement ids beyond the frame */
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, LEGACY_BYTES - 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, LEGACY_BYTES + 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, 48, &loss), GLINT_PACKET_OTHER);
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
    glint_decoder_close(d);
}

static uint64_t lost_after(struct glint_decoder *d, uint32_t frame, uint32_t id)
{
    struct glint_loss loss = {0};
    make_legacy(frame, id, 1000);
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    return loss.packets_lost;
}

static void missing_packets_are_counted_by_frame_and_column(void **state)
{
    (void)state;
    struct glint_decoder *d = open_with(make_legacy(0, 0, 1000), "LEGACY", "[0,63]", "");
    assert_int_equal(lost_after(d, 65535, 16), 0);
    assert_int_equal(lost_after(d, 65535, 32), 0);
    assert_int_equal(lost_after(d, 0, 0), 1); /* 65535:48 */
    assert_int_equal(lost_after(d, 2, 0), 7);
    assert_int_equal(lost_after(d, 2, 0), 0);  /* twice */
    assert_int_equal(lost_after(d, 1, 48), 0); /* late */
    assert_int_equal(lost_after(d, 2, 16), 0);
    assert_int_equal(lost_after(d, 40000, 0), 0); /* a restart */
    glint_decoder_close(d);

    d = open_with(make_legacy(0, 0, 1000), "LEGACY", "[40,20]", ""); /* across 0: packets 32, 48, 0, 16 */
    assert_int_equal(lost_after(d, 7, 32), 0);
    assert_int_equal(lost_after(d, 7, 48), 0);
    assert_int_equal(lost_after(d, 7, 0), 0);
    assert_int_equal(lost_after(d, 7, 16), 0);
    assert_int_equal(lost_after(d, 8, 32), 0);
    glint_decoder_close(d);

    d = open_with(make_legacy(0, 0, 1000), "LEGACY", "[20,30]", ""); /* one packet a frame */
    assert_int_equal(lost_after(d, 7, 16), 0);
    assert_int_equal(lost_after(d, 8, 16), 0);
    assert_int_equal(lost_after(d, 10, 16), 1);
    glint_decoder_close(d);
}

static void a_clock_since_boot_is_moved_to_the_captures(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_with(make_legacy(1, 0, 1000), "LEGACY", "[0,63]", "");
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.t_ns[0], STAMP_NS);
    assert_int_equal(returns.t_ns[255], STAMP_NS + 15000);
    put64(data, UINT64_MAX); /* no time at all */
    assert_int_equal(take(d, LEGACY_BYTES, &loss), GLINT_PACKET_LIDAR);
    glint_decoder_close(d);
}

static void metadata_is_found_beside_the_capture(void **state)
{
    (void)state;
    char meta[2000];
    const struct glint_packet p = packet_of(data, make_legacy(1, 0, 1000), STAMP_NS);
    char capture[512];
    snprintf(capture, sizeof capture, "%s", glint_test_path("drive_07.pcap"));
    const struct glint_decoder_settings settings = {.sensor = "auto", .capture = capture};
    struct glint_decoder *d;
    unlink(glint_test_path("meta.json"));
    assert_int_equal(glint_decoder_open(&settings, &p, 1, &d), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "drive_07.json"));
    assert_non_null(strstr(glint_error_text(), "--calib"));

    size_t n = make_meta(meta, sizeof meta, "RNG19_RFL8_SIG16_NIR16", "[0,63]", "");
    glint_test_write("drive_07_a.json", meta, n); /* of another sensor */
    glint_test_write("drive_07_b.json", "{\"note\": 1}", 11);
    assert_int_equal(glint_decoder_open(&settings, &p, 1, &d), GLINT_E_NOTFOUND);
    n = make_meta(meta, sizeof meta, "LEGACY", "[0,63]", "");
    glint_test_write("sensor.json", meta, n);
    assert_int_equal(glint_decoder_open(&settings, &p, 1, &d), GLINT_OK);
    assert_non_null(strstr(d->calibration, "/sensor.json"));
    glint_decoder_close(d);
    glint_test_write("drive_06.json", meta, n);
    assert_int_equal(glint_decoder_open(&settings, &p, 1, &d), GLINT_OK);
    assert_non_null(strstr(d->calibration, "/drive_06.json"));
    glint_decoder_close(d);
    glint_test_write("drive_07.json", meta, n);
    assert_int_equal(glint_decoder_open(&settings, &p, 1, &d), GLINT_OK);
    assert_non_null(strstr(d->calibration, "/drive_07.json"));
    glint_decoder_close(d);
}

static void check_refused(const char *meta, int status, const char *words)
{
    struct glint_decoder *d;
    make_legacy(1, 0, 1000);
    assert_int_equal(try_open(LEGACY_BYTES, meta, &d), status);
    if (!strstr(glint_error_text(), words))
        fail_msg("\"%s\" is not in: %s", words, glint_error_text());
    assert_null(d);
}

static void bad_metadata_is_refused_with_words(void **state)
{
    (void)state;
    char meta[2000];
    check_refused("{", GLINT_E_FORMAT, "meta.json");
    check_refused("{}", GLINT_E_FORMAT, "beam_altitude_angles");
    check_refused("{\"beam_altitude_angles\":[1,2],\"beam_azimuth_angles\":[1]}", GLINT_E_FORMAT,
                  "beam_azimuth_angles");
    check_refused("{\"beam_altitude_angles\":[1e300],\"beam_azimuth_angles\":[1]}", GLINT_E_FORMAT, "beam 0");
    check_refused("{\"beam_altitude_angles\":[1],\"beam_azimuth_angles\":[1]}", GLINT_E_FORMAT, "lidar_mode");
    check_refused("{\"beam_altitude_angles\":[1],\"beam_azimuth_angles\":[1],\"lidar_mode\":\"fast\"}",
                  GLINT_E_FORMAT, "fast");
    check_refused("{\"beam_altitude_angles\":[1],\"beam_azimuth_angles\":[1],\"lidar_mode\":\"64x10\"}",
                  GLINT_E_FORMAT, "no packet has the");
    make_meta(meta, sizeof meta, "RNG20_NEW", "[0,63]", "");
    check_refused(meta, GLINT_E_UNSUPPORTED, "RNG20_NEW");
    make_meta(meta, sizeof meta, "LEGACY", "[0,64]", "");
    check_refused(meta, GLINT_E_FORMAT, "column_window");
    make_meta(meta, sizeof meta, "LEGACY", "[0,63]", ",\"lidar_to_sensor_transform\":[1]");
    check_refused(meta, GLINT_E_FORMAT, "lidar_to_sensor_transform");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_equal_their_tables),
        cmocka_unit_test(both_formats_give_the_formula),
        cmocka_unit_test(any_transform_is_applied),
        cmocka_unit_test(only_valid_columns_and_returns_count),
        cmocka_unit_test(missing_packets_are_counted_by_frame_and_column),
        cmocka_unit_test(a_clock_since_boot_is_moved_to_the_captures),
        cmocka_unit_test(metadata_is_found_beside_the_capture),
        cmocka_unit_test(bad_metadata_is_refused_with_words),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
