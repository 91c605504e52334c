/* tests/test_decode_velodyne.c - shared captures against their tables, and packets made by hand. */
#include "tests/files.h"
#include "tests/packets.h"
#include "tests/truth.h"
#include "calib/beam_load.h"
#include "io/velodyne_tables.h"

#define STAMP_NS INT64_C(1700000000000000000) /* 2023-11-14 22:13:20: 800 s past the hour */
#define HOUR_US  3600000000u

static struct glint_returns returns;
static uint8_t data[2000];

/* By the packet in data. */
static struct glint_decoder *open_data(const char *sensor)
{
    struct glint_decoder *d;
    const struct glint_packet p = packet_of(data, VELODYNE_BYTES, STAMP_NS);
    const struct glint_decoder_settings settings = {.sensor = sensor};
    if (glint_decoder_open(&settings, &p, 1, &d) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return d;
}

static struct glint_decoder *open_for(uint8_t product, const char *sensor)
{
    make_velodyne(data, 0, 20, 0, 0x37, product, 500);
    return open_data(sensor);
}

static enum glint_packet_kind take(struct glint_decoder *d, uint32_t size, struct glint_loss *loss)
{
    /* exactly as many bytes as the packet has, so that a sanitizer sees reads behind it */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const struct glint_packet p = packet_of(copy, size, STAMP_NS);
    const enum glint_packet_kind kind = glint_decoder_take(d, &p, &returns, loss);
    free(copy);
    return kind;
}

static void captures_equal_their_tables(void **state)
{
    (void)state;
    static const char *const captures[][3] = {
        {"velodyne_vlp16_dual", "vlp16_1673400471", "VLP16.yaml"},
        {"velodyne_vlp16_gps", "sample_velodyne_vlp16_gps", "VLP16.yaml"},
        {"velodyne_hdl32e", "sample_velodyne_hdl32", "HDL32.yaml"},
        {"velodyne_vlp32c", "vlp32c_1713492677", "VLP32.yaml"},
    };
    for (size_t i = 0; i < 4; i++) {
        truth_check(captures[i][0], captures[i][1], captures[i][2], 1e-5, true);
        truth_check(captures[i][0], captures[i][1], NULL, 1e-5, true);
    }
}

/* The published values of one VLP-16 packet (its project's own tests). */
static void the_single_packet_has_its_published_values(void **state)
{
    (void)state;
    char path[600];
    struct glint_capture c;
    struct glint_packet p;
    struct glint_loss loss = {0};
    const struct glint_decoder_settings settings = {.sensor = "auto"};
    if (!glint_test_shared("captures/velodyne_vlp16_single/single.pcap", path, sizeof path))
        skip();
    assert_int_equal(glint_capture_open(path, NULL, &settings, &c), GLINT_OK);
    assert_int_equal(c.source->ops->next_packet(c.source, &p), GLINT_OK);
    assert_int_equal(glint_decoder_take(c.decoder, &p, &returns, &loss), GLINT_PACKET_LIDAR);
    assert_string_equal(c.decoder->sensor, "Velodyne VLP-16");
    assert_string_equal(c.decoder->return_mode, "strongest");
    assert_int_equal(c.decoder->clock_offset_ns, 0);
    const double range = sqrt(
        (double)(returns.x[0] * returns.x[0] + returns.y[0] * returns.y[0] + returns.z[0] * returns.z[0]));
    assert_near(range, 6.524, 1e-5);
    assert_near(returns.intensity[0], 4 / 255.0, 1e-6);
    assert_near(returns.azimuth[0], 229.7, 1e-3);
    assert_int_equal(returns.t_ns[0] / 1000 % HOUR_US, 2467108343u);
    for (int32_t i = 0; i < returns.n; i++)
        if (returns.block[i] == 3 && returns.channel[i] == 1 &&
            returns.t_ns[i] - returns.t_ns[0] > 3 * 110592 + 50000)
            assert_int_equal(returns.t_ns[i] - returns.t_ns[0], 389376);
    glint_capture_close(&c);
}

static void all_zero_is_no_return_and_all_ones_are_malformed(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x22, "auto");
    make_velodyne(data, 100, 20, 800000000, 0x37, 0x22, 0);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 0);
    memset(data, 0xff, sizeof data);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_MALFORMED);
    memset(data, 0, sizeof data);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_MALFORMED);
    make_velodyne(data, 100, 20, 800000000, 0x37, 0x22, 65535);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 384);
    assert_int_equal(loss.packets_received, 4);
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
    glint_decoder_close(d);
}

static void wrong_sizes_and_others_are_told_apart(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x22, "auto");
    make_velodyne(data, 100, 20, 800000000, 0x37, 0x22, 500);
    assert_int_equal(take(d, 1205, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, 1207, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, 0, &loss), GLINT_PACKET_FOREIGN);
    data[1205] = 0x21; /* an HDL-32E */
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_FOREIGN);
    data[1205] = 0x22;
    data[1204] = 0x55; /* no return mode */
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_MALFORMED);
    make_velodyne(data, 100, 20, 800000000, 0x37, 0x22, 500);
    put16(data + 300 + 2, 36000); /* no azimuth */
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_MALFORMED);
    memset(data, 0, sizeof data);
    const struct glint_packet position = {.data = data, .size = 512, .dst_port = 8308};
    assert_int_equal(glint_decoder_take(d, &position, &returns, &loss), GLINT_PACKET_OTHER);
    glint_decoder_close(d);
}

static void a_second_sensor_is_foreign(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x22, "auto");
    struct glint_packet p = packet_of(data, VELODYNE_BYTES, STAMP_NS);
    assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_LIDAR);
    p.src_ip++;
    assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_FOREIGN);
    assert_int_equal(returns.n, 0);
    glint_decoder_close(d);
}

static void azimuths_turn_on_inside_a_block(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x22, "auto");
    make_velodyne(data, 35990, 20, 800000000, 0x37, 0x22, 5000); /* 10 m, across 0 */
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    for (int32_t i = 0; i < returns.n; i++) {
        const double t = (i % 32 / 16 * 55.296 + i % 16 * 2.304) / 110.592;
        const double az = (359.9 + 0.2 * (i / 32 + t)) * GLINT_PI / 180;
        const double r = 10 * cos(asin((double)returns.z[i] / 10));
        assert_near(returns.x[i], r * cos(az), 2e-5);
        assert_near(returns.y[i], -r * sin(az), 2e-5);
        assert_int_equal(returns.channel[i], i % 16);
        assert_int_equal(returns.block[i], i / 32);
    }
    glint_decoder_close(d);
}

/* A field of view with a gap: the block before it keeps its neighbour's step. */
static void a_gap_in_the_azimuth_is_no_step(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x21, "auto");
    make_velodyne(data, 1000, 16, 800000000, 0x37, 0x21, 5000);
    for (uint32_t b = 6; b < 12; b++)
        put16(data + 100 * b + 2, 20000 + 16 * b);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    const int32_t i = 5 * 32 + 31; /* the last laser before the gap; clockwise azimuth */
    const double az = atan2(-(double)returns.y[i], (double)returns.x[i]) * 180 / GLINT_PI;
    assert_near(az, 10 + 0.16 * 5 + 0.16 * 31 * 1.152 / 46.08, 1e-4);
    glint_decoder_close(d);
}

static uint64_t lost_after(struct glint_decoder *d, uint32_t us)
{
    struct glint_loss loss = {0};
    make_velodyne(data, 100, 20, us, 0x37, 0x22, 500);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    return loss.packets_lost;
}

static void missing_packets_are_counted_by_time(void **state)
{
    (void)state;
    struct glint_decoder *d = open_for(0x22, "auto");
    assert_int_equal(lost_after(d, HOUR_US - 1000), 0);
    assert_int_equal(lost_after(d, 327), 0); /* the hour wraps: 1327 us later */
    assert_int_equal(lost_after(d, 327 + 1327), 0);
    assert_int_equal(lost_after(d, 327 + 5 * 1327), 3);
    assert_int_equal(lost_after(d, 327 + 4 * 1327), 0); /* late */
    assert_int_equal(lost_after(d, 327 + 5 * 1327), 0); /* again */
    assert_int_equal(lost_after(d, 327 + 6 * 1327), 0);
    assert_int_equal(lost_after(d, 2000000000), 0); /* half an hour off: a restart, not loss */
    glint_decoder_close(d);
}

/* A view from 270 to 90 degrees: packets of 12 blocks 1 degree apart, the gap inside a packet or between two.
 */
static uint64_t lost_in_view(struct glint_decoder *d, uint32_t us, uint32_t azimuth)
{
    struct glint_loss loss = {0};
    make_velodyne(data, azimuth % 360 * 100, 100, us, 0x37, 0x22, 500);
    for (uint32_t b = 0; b < 12; b++)
        if ((azimuth + b) % 360 > 90 && (azimuth + b) % 360 < 270)
            put16(data + 100 * b + 2, (azimuth + b + 179) % 360 * 100);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    return loss.packets_lost;
}

static void the_edge_of_the_view_is_no_loss(void **state)
{
    (void)state;
    struct glint_decoder *d = open_for(0x22, "auto");
    const uint32_t gap = 179 * 111; /* us for the degrees it does not look at */
    uint32_t us = 800000000;
    assert_int_equal(lost_in_view(d, us, 72), 0);
    assert_int_equal(lost_in_view(d, us += 1327, 84), 0); /* 84..90, 270..274 */
    assert_int_equal(lost_in_view(d, us += 1327 + gap, 275), 0);
    assert_near(d->window_deg[0], 270, 1e-4);
    assert_near(d->window_deg[1], 90, 1e-4);
    assert_int_equal(lost_in_view(d, us += 1327, 287), 0);
    us += 6 * 1327;
    assert_int_equal(lost_in_view(d, us += 1327, 371), 6);
    us += 4 * 1327;
    assert_int_equal(lost_in_view(d, us += 1327, 431), 4);
    assert_int_equal(lost_in_view(d, us += 1327, 443), 0); /* 83..90 and on */
    us += 2 * 1327 + gap;
    assert_int_equal(lost_in_view(d, us += 1327, 298), 2); /* two of 274.. */
    lost_in_view(d, us += 1327, 67);
    assert_int_equal(lost_in_view(d, us += 1327, 79), 0); /* to 90 exactly: the gap is between packets */
    assert_int_equal(lost_in_view(d, us += 1327 + gap, 270), 0);
    glint_decoder_close(d);
}

/* ---- larger sensors, no capture at hand: packets from known geometry and back ---- */

/* Blocks in firings of `banks`; with two returns a VLS-128 sends each bank twice, an HDL-64E all banks twice.
 */
static void make_banks(uint32_t banks, bool dual, uint32_t azimuth, uint32_t step, uint32_t us,
                       uint8_t product)
{
    memset(data, 0, sizeof data);
    for (uint32_t b = 0; b < 12; b++) {
        uint8_t *at = data + 100 * b;
        const uint32_t group = banks * (dual ? 2 : 1), i = b % group;
        const uint32_t bank = !dual || banks == 2 ? i % banks : i / 2;
        put16(at, 0xeeff - 0x1100 * bank);
        put16(at + 2, (azimuth + step * (b / group)) % 36000);
        for (uint32_t k = 0; k < 32; k++) {
            put16(at + 4 + 3 * k, (b + k) % 5 ? 1000 + 50 * k + b : 0);
            at[6 + 3 * k] = (uint8_t)(10 * b + k);
        }
    }
    put32(data + 1200, us);
    data[1204] = dual ? 0x39 : 0x37;
    data[1205] = product;
}

/* A point of laser c at distance d, head at az degrees (clockwise), as Velodyne's calibration has it. */
static void check_point(int32_t i, const struct glint_beams *b, int32_t c, double d, double az_deg)
{
    const double el = b->elevation[c], az = az_deg * GLINT_PI / 180 + b->azimuth[c];
    const double flat = (d + b->range[c]) * cos(el) - b->up[c] * sin(el);
    assert_near(returns.x[i], flat * cos(az) + b->left[c] * sin(az), 1e-4);
    assert_near(returns.y[i], -flat * sin(az) + b->left[c] * cos(az), 1e-4);
    assert_near(returns.z[i], (d + b->range[c]) * sin(el) + b->up[c] * cos(el), 1e-4);
    assert_int_equal(returns.channel[i], c);
    assert_int_equal(returns.ring[i], b->ring[c]);
}

/* Time of the first firing's laser in us, and the firings' period. */
static double large_us(uint32_t banks, int32_t c)
{
    if (banks == 4)
        return 2.665 * (c / 8 + c / 64 * 2);
    const double within[] = {0, 1.3, 2.5, 3.7}; /* HDL-64E S3 */
    return 7.2 * (c % 32 / 4) + within[c % 4];
}

static void check_banks(const struct glint_beams *beams, uint32_t banks, bool dual, double azimuth,
                        double step, double unit_m, double period_us, double shift_us)
{
    const int32_t group = (int32_t)banks * (dual ? 2 : 1), used = 12 / group * group;
    int32_t n = 0;
    for (int32_t b = 0; b < used; b++)
        for (int32_t k = 0; k < 32; k++) {
            if ((b + k) % 5 == 0)
                continue;
            const int32_t i = b % group, bank = !dual || banks == 2 ? i % (int32_t)banks : i / 2;
            const int32_t c = bank * 32 + k, ret = !dual ? 0 : banks == 2 ? i / (int32_t)banks : i % 2;
            const double us = large_us(banks, c);
            check_point(n, beams, c, (1000 + 50 * k + b) * unit_m,
                        azimuth + step * (b / group + us / period_us));
            assert_int_equal(returns.ret[n], ret);
            assert_int_equal(returns.block[n], b);
            assert_near(returns.t_ns[n] - STAMP_NS, (b / group * period_us + us + shift_us) * 1e3, 1);
            n++;
        }
    assert_int_equal(returns.n, n);
}

static void a_vls128_comes_back(void **state)
{
    (void)state;
    struct glint_beams beams;
    struct glint_loss loss = {0};
    glint_beams_init(&beams, 128, glint_vls128_elevation_deg, glint_vls128_azimuth_deg);
    make_banks(4, false, 35990, 20, 800000000, 0xa1);
    struct glint_decoder *d = open_data("auto");
    assert_string_equal(d->sensor, "Velodyne VLS-128");
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    check_banks(&beams, 4, false, 359.9, 0.2, 0.004, 53.3, -7);
    /* one firing in a packet: its step is that from the packet before */
    glint_decoder_close(d);
    make_banks(4, true, 10020, 0, 800000160, 0xa1);
    d = open_data("auto");
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    make_banks(4, true, 10040, 0, 800000000 + 213, 0xa1);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    for (int32_t i = 0; i < returns.n; i++)
        returns.t_ns[i] -= 213000;
    check_banks(&beams, 4, true, 100.4, 0.2, 0.004, 53.3, -7);
    assert_int_equal(loss.packets_lost, 0);
    make_banks(4, true, 10100, 0, 800000000 + 373, 0xa1);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(loss.packets_lost, 2);
    check_bad_packets(d, data, VELODYNE_BYTES, STAMP_NS);
    glint_decoder_close(d);
}

static void newer_vls128_firmware_takes_longer(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    make_banks(4, false, 100, 20, 800000000, 0xa1);
    struct glint_decoder *d = open_data("auto");
    for (uint32_t i = 0; i < 4; i++) {
        make_banks(4, false, 100 + 60 * i, 20, 800000000 + 173 * i, 0xa1);
        assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    }
    assert_int_equal(loss.packets_lost, 0);
    assert_int_equal(returns.t_ns[returns.n - 1] - returns.t_ns[0], 2 * 57800 + 17 * 2890);
    glint_decoder_close(d);
}

static size_t make_xml(char *out, size_t cap, int32_t n)
{
    size_t used =
        (size_t)snprintf(out, cap, "<?xml version=\"1.0\"?>\n<boost_serialization>\n<DB><points_>\n");
    for (int32_t i = n - 1; i >= 0; i--)
        used += (size_t)snprintf(out + used, cap - used,
                                 "<item><px class_id=\"%d\"><id_>%d</id_><rotCorrection_>%g</rotCorrection_>"
                                 "<vertCorrection_>%g</vertCorrection_><distCorrection_>%d</distCorrection_>"
                                 "<vertOffsetCorrection_>%g</vertOffsetCorrection_>"
                                 "<horizOffsetCorrection_>%g</horizOffsetCorrection_></px></item>\n",
                                 i, i, i % 2 ? -4.5 : 3.25, 2 - i * 0.42, 100 + i, 19.5 + i * 0.02,
                                 i % 2 ? 2.6 : -2.6);
    return used + (size_t)snprintf(out + used, cap - used, "</points_></DB></boost_serialization>\n");
}

static void an_hdl64e_comes_back(void **state)
{
    (void)state;
    static char xml[32768];
    struct glint_beams beams;
    struct glint_loss loss = {0};
    struct glint_decoder *d;
    const size_t size = make_xml(xml, sizeof xml, 64);
    assert_int_equal(glint_beams_parse_velodyne("db.xml", xml, size, 64, &beams), GLINT_OK);
    assert_near(beams.elevation[10], (2 - 4.2) * GLINT_PI / 180, 1e-9);
    assert_near(beams.range[10], 1.1, 1e-9);
    assert_near(beams.up[10], 0.197, 1e-9);
    const char *path = glint_test_write("db.xml", xml, size);
    for (int dual = 0; dual < 2; dual++) {
        make_banks(2, dual, 1000, 17, 800000000, 0x42); /* the last bytes say something else */
        data[1204] = 'H';
        const struct glint_packet p = packet_of(data, VELODYNE_BYTES, STAMP_NS);
        assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "auto"}, &p, 1, &d),
                         GLINT_E_NOTFOUND);
        assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.calib = path}, &p, 1, &d),
                         GLINT_OK);
        assert_string_equal(d->sensor, "Velodyne HDL-64E S3");
        assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
        check_banks(&beams, 2, dual, 10, 0.17, 0.002, 57.6, 0);
        check_bad_packets(d, data, VELODYNE_BYTES, STAMP_NS);
        glint_decoder_close(d);
    }
    for (size_t n = 0; n < size - 60; n += 97)
        assert_int_equal(glint_beams_parse_velodyne("db.xml", xml, n, 64, &beams), GLINT_E_FORMAT);
}

static void a_hires_is_a_vlp16_with_other_angles(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x24, "auto");
    make_velodyne(data, 100, 20, 800000000, 0x37, 0x24, 5000);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_near(asin((double)returns.z[15] / 10) * 180 / GLINT_PI, 10, 1e-3);
    assert_near(asin((double)returns.z[0] / 10) * 180 / GLINT_PI, -10, 1e-3);
    glint_decoder_close(d);
}

static int64_t first_time(struct glint_decoder *d, uint32_t us, int64_t stamp_ns)
{
    struct glint_loss loss = {0};
    make_velodyne(data, 100, 20, us, 0x37, 0x22, 500);
    const struct glint_packet p = packet_of(data, VELODYNE_BYTES, stamp_ns);
    assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_LIDAR);
    return returns.t_ns[0];
}

static void the_hour_comes_from_the_capture(void **state)
{
    (void)state;
    struct glint_decoder *d = open_for(0x22, "auto");
    const int64_t hour = STAMP_NS - INT64_C(800000000000);
    assert_int_equal(first_time(d, 799000000, STAMP_NS), STAMP_NS - 1000000000);
    /* just before the hour, captured just after it; and the other way round */
    assert_int_equal(first_time(d, HOUR_US - 1000, hour + 500000), hour - 1000000);
    assert_int_equal(first_time(d, 1000, hour - 500000), hour + 1000000);
    assert_int_equal(d->clock_offset_ns, 0);
    glint_decoder_close(d);
}

static void a_clock_never_set_is_moved_to_the_captures(void **state)
{
    (void)state;
    struct glint_decoder *d = open_for(0x22, "auto");
    assert_int_equal(first_time(d, 5000000, STAMP_NS), STAMP_NS);
    assert_int_not_equal(d->clock_offset_ns, 0);
    assert_int_equal(first_time(d, 5100000, STAMP_NS + 99000000),
                     STAMP_NS + 100000000); /* then the sensor's clock runs */
    glint_decoder_close(d);
}

static void two_returns_share_a_firing(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_for(0x22, "auto");
    make_velodyne(data, 100, 40, 800000000, 0x39, 0x22, 500);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_string_equal(d->return_mode, "dual (last, strongest)");
    for (int32_t i = 0; i < returns.n; i++)
        assert_int_equal(returns.ret[i], returns.block[i] % 2);
    for (int32_t i = 0; i < 32; i++) {
        assert_int_equal(returns.t_ns[i], returns.t_ns[i + 32]);
        assert_true(returns.x[i] == returns.x[i + 32]);
    }
    assert_int_equal(returns.t_ns[64] - returns.t_ns[0], 110592);
    glint_decoder_close(d);
}

/* A sensor that has not spun up sends positions only: the first data packet tells the model. */
static void position_packets_alone_are_a_velodynes(void **state)
{
    (void)state;
    static uint8_t position[512];
    const struct glint_packet p = {.data = position, .size = 512, .src_ip = 0xc0a801c9, .dst_port = 8308};
    const struct glint_decoder_settings calibrated = {.calib = "VLP16.yaml"}, plain = {.sensor = "velodyne"};
    struct glint_loss loss = {0};
    struct glint_decoder *d;
    assert_int_equal(glint_decoder_open(&calibrated, &p, 1, &d), GLINT_E_FORMAT);
    assert_int_equal(glint_decoder_open(&plain, &p, 1, &d), GLINT_OK);
    assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_OTHER);
    make_velodyne(data, 0, 20, 800000000, 0x37, 0x21, 500);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_string_equal(d->sensor, "Velodyne HDL-32E");
    assert_int_equal(returns.channel[31], 31);
    make_velodyne(data, 0, 20, 800000553, 0x37, 0x22, 500);
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_FOREIGN);
    glint_decoder_close(d);
}

static void sensors_are_chosen_by_name_too(void **state)
{
    (void)state;
    struct glint_decoder *d = open_for(0x00, "hdl32e"); /* a factory byte that says nothing */
    struct glint_loss loss = {0};
    assert_string_equal(d->sensor, "Velodyne HDL-32E");
    assert_int_equal(take(d, VELODYNE_BYTES, &loss), GLINT_PACKET_LIDAR);
    glint_decoder_close(d);
    const struct glint_packet p = packet_of(data, VELODYNE_BYTES, STAMP_NS);
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "auto"}, &p, 1, &d),
                     GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "1 x 1206 bytes to port 2368"));
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "velodyne"}, &p, 1, &d),
                     GLINT_E_FORMAT);
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "xt32"}, &p, 1, &d),
                     GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no packet is of a Hesai PandarXT32: saw 1 x 1206 bytes"));
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "sonar"}, &p, 1, &d),
                     GLINT_E_ARG);
    assert_int_equal(glint_decoder_open(
                         &(struct glint_decoder_settings){.sensor = "vlp16", .calib = "/nowhere"}, &p, 1, &d),
                     GLINT_E_NOTFOUND);
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_equal_their_tables),
        cmocka_unit_test(the_single_packet_has_its_published_values),
        cmocka_unit_test(all_zero_is_no_return_and_all_ones_are_malformed),
        cmocka_unit_test(wrong_sizes_and_others_are_told_apart),
        cmocka_unit_test(a_second_sensor_is_foreign),
        cmocka_unit_test(azimuths_turn_on_inside_a_block),
        cmocka_unit_test(a_gap_in_the_azimuth_is_no_step),
        cmocka_unit_test(missing_packets_are_counted_by_time),
        cmocka_unit_test(the_edge_of_the_view_is_no_loss),
        cmocka_unit_test(a_vls128_comes_back),
        cmocka_unit_test(newer_vls128_firmware_takes_longer),
        cmocka_unit_test(an_hdl64e_comes_back),
        cmocka_unit_test(a_hires_is_a_vlp16_with_other_angles),
        cmocka_unit_test(the_hour_comes_from_the_capture),
        cmocka_unit_test(a_clock_never_set_is_moved_to_the_captures),
        cmocka_unit_test(two_returns_share_a_firing),
        cmocka_unit_test(position_packets_alone_are_a_velodynes),
        cmocka_unit_test(sensors_are_chosen_by_name_too),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
