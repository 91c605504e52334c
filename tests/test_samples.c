/* tests/test_samples.c - what packets without points tell: sentences, positions and motion of the shared
 * captures against their truth, and NMEA by hand. */
#include "tests/files.h"
#include "tests/packets.h"
#include "core/json.h"
#include "io/capture.h"
#include "io/nmea.h"

static struct glint_returns returns;
static struct glint_json_doc *doc;

static void open_both(const char *folder, const char *stem, const char *calib, struct glint_capture *c)
{
    char path[600], name[300];
    snprintf(name, sizeof name, "captures/%s/%s.truth.json", folder, stem);
    if (!glint_test_shared(name, path, sizeof path))
        skip();
    assert_int_equal(glint_json_load(path, &doc), GLINT_OK);
    snprintf(path, sizeof path, "%s/captures/%s/%s.pcap", GLINT_SHARED, folder, stem);
    snprintf(name, sizeof name, "%s/captures/%s/%s", GLINT_SHARED, folder, calib ? calib : "");
    const struct glint_decoder_settings settings = {.sensor = "auto", .calib = calib ? name : NULL};
    if (glint_capture_open(path, NULL, &settings, c) != GLINT_OK)
        fail_msg("%s", glint_error_text());
}

static double number(struct glint_json object, const char *key)
{
    double v;
    assert_int_equal(glint_json_f64(object, key, -1e18, 1e19, &v), GLINT_OK);
    return v;
}

static int32_t member_of(struct glint_json object, const char *key)
{
    int32_t v;
    assert_int_equal(glint_json_i32(object, key, 0, INT32_MAX, &v), GLINT_OK);
    return v;
}

static void check_position(const struct glint_position *p, struct glint_json want)
{
    const char *sentence, *utc, *date;
    bool flag;
    assert_int_equal(glint_json_string(want, "nmea", &sentence), GLINT_OK);
    assert_string_equal(p->sentence, sentence);
    assert_int_equal(glint_json_bool(want, "checksum_ok", &flag), GLINT_OK);
    assert_int_equal(p->checksum_ok, flag);
    assert_int_equal(glint_json_bool(want, "valid", &flag), GLINT_OK);
    assert_int_equal(p->valid, flag);
    assert_true(p->has_pps);
    assert_int_equal(p->pps, member_of(want, "pps_status"));
    assert_near(p->latitude_deg, number(want, "latitude_deg"), 1e-8);
    assert_near(p->longitude_deg, number(want, "longitude_deg"), 1e-8);
    assert_near(p->speed_m_s * 3600 / 1852, number(want, "speed_knots"), 1e-9);
    assert_near(p->track_deg, number(want, "track_deg"), 1e-9);
    assert_int_equal(p->t_ns / 1000 % INT64_C(3600000000), member_of(want, "top_of_hour_us"));
    assert_int_equal(glint_json_string(want, "utc", &utc), GLINT_OK);
    assert_int_equal(glint_json_string(want, "date", &date), GLINT_OK);
    const int64_t s = p->utc_ns / 1000000000;
    char text[20];
    snprintf(text, sizeof text, "%02d%02d%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
    assert_memory_equal(text, utc, 6);
    assert_int_equal(s / 86400,
                     glint_days_of(2000 + atoi(date + 4), atoi(date + 2) / 100, atoi(date) / 10000));
}

static void sentences_are_read(void **state)
{
    (void)state;
    struct glint_capture c;
    struct glint_packet p;
    struct glint_loss loss = {0};
    size_t n = 0;
    open_both("velodyne_vlp16_gps", "sample_velodyne_vlp16_gps", NULL, &c);
    const struct glint_json want = glint_json_get(glint_json_root(doc), "position_packets");
    while (c.source->ops->next_packet(c.source, &p) == GLINT_OK) {
        const enum glint_packet_kind kind = glint_decoder_take(c.decoder, &p, &returns, &loss);
        assert_int_equal(c.decoder->samples.has_position, kind == GLINT_PACKET_OTHER);
        if (kind != GLINT_PACKET_OTHER)
            continue;
        assert_int_equal(p.record, member_of(glint_json_at(want, n), "record"));
        check_position(&c.decoder->samples.position, glint_json_at(want, n++));
    }
    assert_int_equal(n, 57);
    assert_int_equal(n, glint_json_size(want));
    assert_int_equal(loss.packets_decoded, 350);
    glint_capture_close(&c);
    glint_json_close(doc);
}

/* One position packet as published with its values; only such: the sensor is known, its model is not. */
static void a_single_position_packet_is_read(void **state)
{
    (void)state;
    char path[600];
    struct glint_capture c;
    struct glint_packet p;
    struct glint_loss loss = {0};
    const struct glint_decoder_settings settings = {.sensor = "auto"};
    if (!glint_test_shared("captures/velodyne_vlp16_single/position.pcap", path, sizeof path))
        skip();
    assert_int_equal(glint_capture_open(path, NULL, &settings, &c), GLINT_OK);
    assert_int_equal(c.source->ops->next_packet(c.source, &p), GLINT_OK);
    assert_int_equal(glint_decoder_take(c.decoder, &p, &returns, &loss), GLINT_PACKET_OTHER);
    const struct glint_position *s = &c.decoder->samples.position;
    assert_string_equal(s->sentence,
                        "$GPRMC,214106,A,3707.8178,N,12139.2690,W,010.3,188.2,230715,013.8,E,D*05");
    assert_true(s->checksum_ok && s->valid);
    assert_int_equal(s->utc_ns, INT64_C(1437687666000000000)); /* 2015-07-23T21:41:06Z */
    assert_near(s->latitude_deg, 37.1303, 1e-4);
    assert_near(s->longitude_deg, -121.6545, 1e-4);
    assert_near(s->speed_m_s, 10.3 * 1852 / 3600, 1e-9);
    assert_near(s->track_deg, 188.2, 1e-9);
    assert_int_equal(s->t_ns / 1000 % INT64_C(3600000000), 2467110195);
    glint_capture_close(&c);
}

static void check_vector(const float *got, struct glint_json object, const char *key, double unit)
{
    double want[3];
    assert_int_equal(glint_json_f64s(object, key, 3, 3, want, NULL), GLINT_OK);
    for (int k = 0; k < 3; k++)
        assert_near(got[k], want[k] * unit, 1e-6 * (1 + fabs(want[k] * unit)));
}

/* LEGACY IMU packets: every one, in order. */
static void check_legacy(const char *folder, const char *stem, const char *calib, size_t expected)
{
    struct glint_capture c;
    struct glint_packet p;
    struct glint_loss loss = {0};
    size_t n = 0;
    int64_t difference = 0;
    open_both(folder, stem, calib, &c);
    const struct glint_json want = glint_json_get(glint_json_get(glint_json_root(doc), "imu"), "packets");
    while (c.source->ops->next_packet(c.source, &p) == GLINT_OK) {
        glint_decoder_take(c.decoder, &p, &returns, &loss);
        const struct glint_sensor_samples *s = &c.decoder->samples;
        if (s->n_imu == 0)
            continue;
        const struct glint_json w = glint_json_at(want, n++);
        assert_int_equal(s->n_imu, 1);
        assert_int_equal(p.record, member_of(w, "packet"));
        check_vector(s->imu[0].accel, w, "accel_g", 9.80665);
        check_vector(s->imu[0].gyro, w, "gyro_deg_s", 3.14159265358979323846 / 180);
        if (n == 1)
            difference = s->imu[0].t_ns - (int64_t)number(w, "accel_ns");
        assert_int_equal(s->imu[0].t_ns - (int64_t)number(w, "accel_ns"), difference);
    }
    assert_int_equal(n, expected);
    assert_int_equal(n, glint_json_size(want));
    glint_capture_close(&c);
    glint_json_close(doc);
}

static void legacy_motion_is_read(void **state)
{
    (void)state;
    check_legacy("ouster_os0_32_dual", "OS-0-32-U1_v2.2.0_1024x10", NULL, 10);
    check_legacy("ouster_os0_128_rng15", "OS-0-128-U1_v2.3.0_1024x10", NULL, 10);
    check_legacy("ouster_os0_128_window", "windowed_frame1", NULL, 10);
    check_legacy("ouster_os1_128_rng15_3scans", "OS-1-128_v2.3.0_1024x10_lb_n3", NULL, 30);
    check_legacy("ouster_os1_64_legacy", "OS-1-64_1024x10_fw20", NULL, 11);
}

static void the_newer_motion_profile_is_read(void **state)
{
    (void)state;
    struct glint_capture c;
    struct glint_packet p;
    struct glint_loss loss = {0};
    size_t n_imu_packets = 0, n = 0;
    int64_t difference = 0;
    open_both("ouster_imu_accel32_gyro32_nmea", "imu_zm_no_lidar", NULL, &c);
    const struct glint_json want = glint_json_get(glint_json_root(doc), "packets");
    while (c.source->ops->next_packet(c.source, &p) == GLINT_OK) {
        assert_int_equal(glint_decoder_take(c.decoder, &p, &returns, &loss), GLINT_PACKET_OTHER);
        const struct glint_sensor_samples *s = &c.decoder->samples;
        const struct glint_json measured = glint_json_get(glint_json_at(want, n_imu_packets), "measurements");
        n_imu_packets += s->n_imu > 0;
        assert_true(s->n_imu == 0 || s->n_imu == (int32_t)glint_json_size(measured));
        assert_false(s->has_position); /* no receiver: the sentence is empty */
        for (int32_t i = 0; i < s->n_imu; i++, n++) {
            const struct glint_json w = glint_json_at(measured, (size_t)i);
            check_vector(s->imu[i].accel, w, "accel", 1);
            check_vector(s->imu[i].gyro, w, "gyro", 1);
            if (n == 0)
                difference = s->imu[i].t_ns - (int64_t)number(w, "t_ns");
            assert_int_equal(s->imu[i].t_ns - (int64_t)number(w, "t_ns"), difference);
        }
    }
    assert_int_equal(n_imu_packets, 8);
    assert_int_equal(n, 64);
    assert_int_equal(loss.packets_received, 9); /* and one of zone monitoring */
    assert_int_equal(loss.packets_decoded, 9);
    glint_capture_close(&c);
    glint_json_close(doc);
}

static struct glint_position read_text(const char *text)
{
    struct glint_position p;
    memset(&p, 0xff, sizeof p);
    glint_nmea_read(text, strlen(text), &p);
    return p;
}

static void damaged_sentences_tell_nothing(void **state)
{
    (void)state;
    static const char good[] = "$GPRMC,214106,A,3707.8178,N,12139.2690,W,010.3,188.2,230715,013.8,E,D*05";
    char text[200];
    assert_true(read_text(good).valid);
    for (size_t i = 1; i < strlen(good) - 3; i++) { /* any changed letter breaks the sum */
        memcpy(text, good, sizeof good);
        text[i] ^= 1;
        const struct glint_position p = read_text(text);
        assert_false(p.valid);
        assert_int_equal(p.utc_ns, 0);
    }
    for (size_t n = 0; n + 1 < sizeof good; n++) {
        struct glint_position p;
        glint_nmea_read(good, n, &p);
        assert_false(p.valid);
    }
    assert_false(read_text("").checksum_ok);
    assert_false(read_text("$GPRMC*4B").valid); /* a right sum of nothing */
    memset(text, '$', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(read_text(text).sentence), GLINT_NMEA_CAP - 1);
}

static void without_a_fix_only_the_time_counts(void **state)
{
    (void)state;
    const struct glint_position p = read_text("$GNRMC,235960.50,V,,,,,,,311216,,,N*6B");
    assert_true(p.checksum_ok);
    assert_false(p.valid);
    assert_int_equal(p.utc_ns, INT64_C(1483228800500000000)); /* a leap second is the next day's first */
    assert_true(p.latitude_deg == 0 && p.speed_m_s == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_read),
        cmocka_unit_test(a_single_position_packet_is_read),
        cmocka_unit_test(legacy_motion_is_read),
        cmocka_unit_test(the_newer_motion_profile_is_read),
        cmocka_unit_test(damaged_sentences_tell_nothing),
        cmocka_unit_test(without_a_fix_only_the_time_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
