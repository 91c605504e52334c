/* tests/test_decode_hesai.c - shared captures against their tables, and packets made by hand. */
#include "tests/packets.h"
#include "tests/truth.h"
#include "calib/beam.h"
#include "io/hesai_tables.h"

#define STAMP_NS      INT64_C(1709251198000000000) /* 2024-02-29 23:59:58 */
#define STAMP_2023_NS INT64_C(1700000000000000000) /* 2023-11-14 22:13:20 */

static struct glint_returns returns;
static uint8_t data[2000];

static struct glint_decoder *open_xt32(void)
{
    struct glint_decoder *d;
    make_xt32(data, 0, 18, 0, 0x37, 1, 500);
    const struct glint_packet p = packet_of(data, XT32_BYTES, STAMP_NS);
    const struct glint_decoder_settings settings = {.sensor = "auto"};
    if (glint_decoder_open(&settings, &p, 1, &d) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_string_equal(d->sensor, "Hesai PandarXT32");
    return d;
}

static enum glint_packet_kind take(struct glint_decoder *d, uint32_t size, struct glint_loss *loss)
{
    uint8_t *copy = malloc(size ? size : 1); /* exact, so that a sanitizer sees reads behind it */
    memcpy(copy, data, size);
    const struct glint_packet p = packet_of(copy, size, STAMP_NS);
    const enum glint_packet_kind kind = glint_decoder_take(d, &p, &returns, loss);
    free(copy);
    return kind;
}

static void captures_equal_their_tables(void **state)
{
    (void)state;
    truth_check("hesai_xt32", "xt32_1673400677", "PandarXT32.csv", 1e-5, true);
    truth_check("hesai_xt16", "xt16_1732848127", "PandarXT16.csv", 1e-5, true);
    truth_check("hesai_xt16", "xt16_1732848127", NULL, 1e-5, true);
    truth_check("hesai_qt64", "qt64_1673401195", "PandarQT64.csv", 1e-5, true);
    truth_check("hesai_qt64", "qt64_1673401195", NULL, 1e-5, true);
    truth_check("hesai_pandar40p", "pandar40p_1673400149", "Pandar40P.csv", 1e-5, true);
    truth_check("hesai_pandar40p", "pandar40p_1673400149", NULL, 1e-5, true);
    /* its source counts 8 blocks for the time of the 6 that are there */
    truth_check("hesai_xt32m", "xt32m_1660893203", "PandarXT32M.csv", 1e-5, false);
}

/* Nominal angles are within what units differ by: a fifth of a degree. */
static void nominal_angles_are_near_a_units_own(void **state)
{
    (void)state;
    truth_check("hesai_xt32", "xt32_1673400677", NULL, 0.05, true);
}

static void all_zero_and_all_ones(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_xt32();
    make_xt32(data, 100, 18, 1000, 0x37, 1, 0);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 0);
    make_xt32(data, 100, 18, 1000, 0x37, 2, 65535);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 256);
    memset(data, 0, sizeof data);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_FOREIGN);
    memset(data, 0xff, sizeof data);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_FOREIGN);
    assert_int_equal(loss.packets_received, 4);
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
    glint_decoder_close(d);
}

static void damaged_packets_are_malformed(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_xt32();
    make_xt32(data, 100, 18, 1000, 0x37, 1, 500);
    assert_int_equal(take(d, XT32_BYTES - 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, XT32_BYTES + 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, 4, &loss), GLINT_PACKET_FOREIGN);
    data[6] = 16; /* another number of lasers */
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_MALFORMED);
    make_xt32(data, 100, 18, 1000, 0x77, 1, 500); /* no return mode */
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_MALFORMED);
    make_xt32(data, 100, 18, 1000, 0x37, 1, 500);
    put16(data + 12 + 130 * 7, 36000);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_MALFORMED);
    memset(data, 0, sizeof data);
    const struct glint_packet gps = {.data = data, .size = 512, .dst_port = 10110};
    assert_int_equal(glint_decoder_take(d, &gps, &returns, &loss), GLINT_PACKET_OTHER);
    glint_decoder_close(d);
}

static void points_and_times_are_the_manuals(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_xt32();
    make_xt32(data, 9000, 18, 250000, 0x39, 1, 2500); /* 10 m at 90 degrees, two returns */
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.n, 256);
    assert_string_equal(d->return_mode, "dual (last, strongest)");
    assert_near(returns.x[15], 10, 1e-5); /* laser 16 is level; x at 90 degrees */
    assert_near(returns.y[15], 0, 1e-5);
    assert_near(returns.z[15], 0, 1e-5);
    assert_near(returns.z[0], 10 * sin(15 * GLINT_PI / 180), 1e-5);
    assert_near(returns.intensity[0], 0.2, 1e-6);
    assert_near(returns.azimuth[0], 90, 1e-4);
    assert_int_equal(returns.ring[0], 31);
    for (int32_t i = 0; i < returns.n; i++) {
        const int64_t t = STAMP_NS + 250000000 + 5632 - 50000 * ((7 - returns.block[i]) / 2) + 368 +
                          1512 * returns.channel[i];
        assert_int_equal(returns.t_ns[i], t);
        assert_int_equal(returns.ret[i], returns.block[i] % 2);
    }
    glint_decoder_close(d);
}

static void a_sensor_without_a_clock_takes_the_captures(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_xt32();
    make_xt32(data, 0, 18, 5000, 0x37, 1, 500);
    memset(data + XT32_BYTES - 28 + 13, 0, 6);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(returns.t_ns[0], STAMP_NS + 5632 - 350000 + 368);
    assert_int_equal(d->clock_offset_ns, STAMP_NS - 5000000);
    glint_decoder_close(d);
}

static uint64_t lost_after(struct glint_decoder *d, uint32_t number)
{
    struct glint_loss loss = {0};
    make_xt32(data, 100, 18, 1000, 0x37, number, 500);
    assert_int_equal(take(d, XT32_BYTES, &loss), GLINT_PACKET_LIDAR);
    return loss.packets_lost;
}

static void missing_packets_are_counted_by_number(void **state)
{
    (void)state;
    struct glint_decoder *d = open_xt32();
    assert_int_equal(lost_after(d, UINT32_MAX - 1), 0);
    assert_int_equal(lost_after(d, UINT32_MAX), 0);
    assert_int_equal(lost_after(d, 0), 0);
    assert_int_equal(lost_after(d, 4), 3);
    assert_int_equal(lost_after(d, 4), 0); /* twice */
    assert_int_equal(lost_after(d, 2), 0); /* late */
    assert_int_equal(lost_after(d, 5), 0);
    assert_int_equal(lost_after(d, 3000000000u), 0); /* a restart */
    assert_int_equal(lost_after(d, 3000000002u), 1);
    glint_decoder_close(d);
}

/* ---- larger sensors, no capture at hand: packets from known geometry and back ---- */

struct large {
    const char *name;
    uint8_t head[12];
    uint32_t head_bytes, channels, blocks, unit_bytes, bytes, tail_at, mode_at, date_at, us_at, number_at;
    uint8_t year;
    const float *elevation, *azimuth;
};

static const struct large pandar64 = {"Hesai Pandar64",
                                      {0xee, 0xff, 64, 6, 0, 4, 0, 0},
                                      8,
                                      64,
                                      6,
                                      3,
                                      1198,
                                      1172,
                                      14,
                                      16,
                                      10,
                                      22,
                                      23,
                                      glint_pandar64_elevation_deg,
                                      glint_pandar64_azimuth_deg};
static const struct large qt128 = {"Hesai PandarQT128",
                                   {0xee, 0xff, 3, 2, 0, 0, 128, 2, 1, 4, 2, 1},
                                   12,
                                   128,
                                   2,
                                   4,
                                   1127,
                                   1061,
                                   12,
                                   15,
                                   21,
                                   26,
                                   123,
                                   glint_qt128_elevation_deg,
                                   glint_qt128_azimuth_deg};
static const struct large ot128 = {"Hesai OT128 (Pandar128E4X)",
                                   {0xee, 0xff, 1, 4, 0, 0, 128, 2, 1, 4, 2, 3},
                                   12,
                                   128,
                                   2,
                                   3,
                                   893,
                                   805,
                                   12,
                                   15,
                                   21,
                                   26,
                                   123,
                                   glint_ot128_elevation_deg,
                                   glint_ot128_azimuth_deg};

static uint32_t raw_of(uint32_t block, uint32_t channel)
{
    return (block + channel) % 5 ? 1000 + 40 * channel + block : 0;
}

static void make_large(const struct large *m, uint32_t azimuth, uint32_t step, uint8_t mode, uint32_t number)
{
    static const uint8_t date[] = {11, 14, 22, 13, 20}; /* 2023 */
    memset(data, 0, sizeof data);
    memcpy(data, m->head, m->head_bytes);
    for (uint32_t b = 0; b < m->blocks; b++) {
        uint8_t *at = data + m->head_bytes + b * (2 + m->channels * m->unit_bytes);
        put16(at, (azimuth + step * (mode >= 0x39 ? b / 2 : b)) % 36000);
        for (uint32_t c = 0; c < m->channels; c++) {
            put16(at + 2 + c * m->unit_bytes, raw_of(b, c));
            at[4 + c * m->unit_bytes] = (uint8_t)(b + c);
        }
    }
    uint8_t *tail = data + m->tail_at;
    tail[m->mode_at] = mode;
    tail[m->date_at] = m->year;
    memcpy(tail + m->date_at + 1, date, sizeof date);
    put32(tail + m->us_at, 500);
    put32(tail + m->number_at, number);
}

static struct glint_decoder *open_large(const struct large *m)
{
    struct glint_decoder *d;
    const struct glint_packet p = packet_of(data, m->bytes, STAMP_2023_NS);
    if (glint_decoder_open(&(struct glint_decoder_settings){.sensor = "auto"}, &p, 1, &d) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_string_equal(d->sensor, m->name);
    return d;
}

/* turn_deg_s: the head turns on until a laser fires. */
static void check_large(const struct large *m, double azimuth, double step, int32_t returns_per,
                        double turn_deg_s, const int32_t *const *tables, double block_ns, double t0_ns,
                        bool from_end)
{
    int32_t n = 0;
    for (int32_t b = 0; b < (int32_t)m->blocks; b++)
        for (int32_t c = 0; c < (int32_t)m->channels; c++) {
            const uint32_t raw = raw_of((uint32_t)b, (uint32_t)c);
            if (raw == 0)
                continue;
            const int32_t t = tables[b][c] < 0 ? 0 : tables[b][c];
            const double az = (azimuth + step * (b / returns_per) + (double)m->azimuth[c] +
                               turn_deg_s * t * 1e-9) *
                              GLINT_PI / 180,
                         el = (double)m->elevation[c] * GLINT_PI / 180, d = raw * 0.004;
            const double firing = from_end ? -(((int32_t)m->blocks - 1 - b) / returns_per) : b / returns_per;
            assert_near(returns.x[n], d * cos(el) * sin(az), 1e-4);
            assert_near(returns.y[n], d * cos(el) * cos(az), 1e-4);
            assert_near(returns.z[n], d * sin(el), 1e-4);
            assert_int_equal(returns.channel[n], c);
            assert_int_equal(returns.ret[n], b % returns_per);
            assert_near(returns.t_ns[n] - STAMP_2023_NS, 500000 + t0_ns + block_ns * firing + tables[b][c],
                        1.5);
            n++;
        }
    assert_int_equal(returns.n, n);
}

static void take_large(struct glint_decoder *d, const struct large *m, struct glint_loss *loss)
{
    assert_int_equal(take_packet(d, data, m->bytes, STAMP_2023_NS, &returns, loss), GLINT_PACKET_LIDAR);
}

static void a_pandar64_comes_back(void **state)
{
    (void)state;
    const int32_t *t = glint_pandar64_laser_ns;
    struct glint_loss loss = {0};
    make_large(&pandar64, 35990, 20, 0x37, 5);
    struct glint_decoder *d = open_large(&pandar64);
    take_large(d, &pandar64, &loss);
    for (int32_t i = 0, n = 0; i < 6 * 64; i++)
        if (raw_of((uint32_t)(i / 64), (uint32_t)(i % 64)))
            assert_near(returns.t_ns[n++] - STAMP_2023_NS,
                        500000 - 42580 - 55560.0 * (5 - i / 64) + t[i % 64], 1.5);
    data[pandar64.tail_at + pandar64.date_at] = 123; /* since 1900: the same year */
    put32(data + pandar64.tail_at + 22, 6);
    take_large(d, &pandar64, &loss);
    assert_int_equal(d->clock_offset_ns, 0);
    assert_near(returns.t_ns[0] - STAMP_2023_NS, 500000 - 42580 - 55560.0 * 5 + t[1], 1.5);
    make_large(&pandar64, 35990, 20, 0x39, 9);
    take_large(d, &pandar64, &loss);
    assert_int_equal(loss.packets_lost, 2);
    assert_string_equal(d->return_mode, "dual (last, strongest)");
    const double az = (359.9 + (double)pandar64.azimuth[1]) * GLINT_PI / 180,
                 el = (double)pandar64.elevation[1] * GLINT_PI / 180;
    assert_near(returns.x[0], 1040 * 0.004 * cos(el) * sin(az), 1e-5);
    assert_near(returns.y[0], 1040 * 0.004 * cos(el) * cos(az), 1e-5);
    check_bad_packets(d, data, pandar64.bytes, STAMP_2023_NS);
    glint_decoder_close(d);
}

static void a_qt128_comes_back(void **state)
{
    (void)state;
    const int32_t *const single[] = {glint_qt128_odd_ns, glint_qt128_even_ns};
    const int32_t *const dual[] = {glint_qt128_odd_ns, glint_qt128_odd_ns}, *const dual2[] = {
                                                                                glint_qt128_even_ns,
                                                                                glint_qt128_even_ns};
    struct glint_loss loss = {0};
    make_large(&qt128, 35990, 40, 0x33, 5);
    struct glint_decoder *d = open_large(&qt128);
    take_large(d, &qt128, &loss);
    check_large(&qt128, 359.9, 0.4, 1, 0, single, 111110, 9000, false);
    make_large(&qt128, 35990, 40, 0x3b, 6);
    take_large(d, &qt128, &loss);
    check_large(&qt128, 359.9, 0.4, 2, 0, dual2, 111110, 9000, false);
    data[qt128.tail_at + 5] = 1;
    put32(data + qt128.tail_at + 26, 7);
    take_large(d, &qt128, &loss);
    check_large(&qt128, 359.9, 0.4, 2, 0, dual, 111110, 9000, false);
    assert_int_equal(loss.packets_lost, 0);
    check_bad_packets(d, data, qt128.bytes, STAMP_2023_NS);
    glint_decoder_close(d);
}

static void an_ot128_comes_back(void **state)
{
    (void)state;
    const int32_t *const standard[] = {glint_ot128_standard_ns, glint_ot128_standard_ns};
    struct glint_loss loss = {0};
    make_large(&ot128, 35990, 20, 0x38, 5);
    put16(data + ot128.tail_at + 13, 600);
    data[ot128.tail_at + 11] = 1; /* standard resolution */
    struct glint_decoder *d = open_large(&ot128);
    take_large(d, &ot128, &loss);
    check_large(&ot128, 359.9, 0.2, 1, 3600, standard, 55556, 43346, true);
    /* high resolution: the table by the block's azimuth state, twice as fast */
    data[ot128.tail_at + 11] = 0;
    put16(data + ot128.tail_at + 9, 1u << 12); /* state 0 of the first block, 1 of the second */
    take_large(d, &ot128, &loss);
    for (int32_t i = 0; i < returns.n; i++) {
        const int32_t *t = returns.block[i] ? glint_ot128_state1_ns : glint_ot128_state0_ns;
        const int32_t laser = t[returns.channel[i]] < 0 ? 0 : t[returns.channel[i]];
        assert_near(returns.t_ns[i] - STAMP_2023_NS, 500000 + 43346 - (returns.block[i] ? 0 : 27778) + laser,
                    1.5);
    }
    check_bad_packets(d, data, ot128.bytes, STAMP_2023_NS);
    glint_decoder_close(d);
}

/* The same packets by the name given: other angles, times by mode and azimuth state. */
static void a_128e3x_comes_back_when_it_is_named(void **state)
{
    (void)state;
    struct large e3x = ot128;
    struct glint_decoder *d;
    struct glint_loss loss = {0};
    e3x.elevation = glint_128e3x_elevation_deg;
    e3x.azimuth = glint_128e3x_azimuth_deg;
    make_large(&e3x, 35990, 20, 0x38, 5);
    put16(data + e3x.tail_at + 13, 600);
    data[e3x.tail_at + 11] = 2;
    put16(data + e3x.tail_at + 9, 1u << 12); /* azimuth state 0 of the first block, 1 of the second */
    const struct glint_packet p = packet_of(data, e3x.bytes, STAMP_2023_NS);
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "128E3X"}, &p, 1, &d),
                     GLINT_OK);
    assert_string_equal(d->sensor, "Hesai Pandar128E3X");
    const int32_t *const standard[] = {glint_128e3x_state_ns[4], glint_128e3x_state_ns[5]};
    take_large(d, &e3x, &loss);
    check_large(&e3x, 359.9, 0.2, 1, 3600, standard, 55556, 3148, true);
    data[e3x.tail_at + 11] = 0;
    put16(data + e3x.tail_at + 9, 2u << 14 | 3u << 12);
    const int32_t *const fast[] = {glint_128e3x_state_ns[2], glint_128e3x_state_ns[3]};
    put32(data + e3x.tail_at + 26, 6);
    take_large(d, &e3x, &loss);
    check_large(&e3x, 359.9, 0.2, 1, 3600, fast, 27778, 3148, true);
    /* two values of the vendor's file: channel 1 far in states 0 and 2 of high resolution */
    assert_int_equal(glint_128e3x_state_ns[0][0], 4436);
    assert_int_equal(glint_128e3x_state_ns[4][1], 28554);
    check_bad_packets(d, data, e3x.bytes, STAMP_2023_NS);
    glint_decoder_close(d);
}

/* Behind the number: temperature, units (0.001 mg, 0.01 mdeg/s), time, three accelerations, three turns. */
static void put_imu(uint32_t time, int32_t z)
{
    uint8_t *imu = data + ot128.tail_at + 30;
    const int32_t values[] = {-100, 200, z, 1000, -2000, 3000};
    put16(imu, 2500);
    put16(imu + 2, 61);
    put16(imu + 4, 875);
    put32(imu + 6, time);
    for (int k = 0; k < 6; k++)
        put16(imu + 10 + 2 * k, (uint32_t)values[k]);
}

static void the_imu_in_the_tail_is_a_sample(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    make_large(&ot128, 35990, 20, 0x38, 5);
    struct glint_decoder *d = open_large(&ot128);
    take_large(d, &ot128, &loss);
    assert_int_equal(d->samples.n_imu, 0); /* no units: no IMU */
    put_imu(40, 16393);
    take_large(d, &ot128, &loss);
    assert_int_equal(d->samples.n_imu, 1);
    const struct glint_imu *m = &d->samples.imu[0];
    assert_near(m->accel[0], -100 * 61e-6 * 9.80665, 1e-6);
    assert_near(m->accel[2], 16393 * 61e-6 * 9.80665, 1e-5); /* 1 g */
    assert_near(m->gyro[1], -2000 * 875e-5 * GLINT_PI / 180, 1e-6);
    assert_int_equal(m->t_ns, STAMP_2023_NS + 500000);
    take_large(d, &ot128, &loss);
    assert_int_equal(d->samples.n_imu, 0); /* the same once more */
    put_imu(41, 16000);
    take_large(d, &ot128, &loss);
    assert_int_equal(d->samples.n_imu, 1);
    data[11] = 1; /* the header says that there is none */
    put_imu(42, 16000);
    take_large(d, &ot128, &loss);
    assert_int_equal(d->samples.n_imu, 0);
    glint_decoder_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_128e3x_comes_back_when_it_is_named),
        cmocka_unit_test(the_imu_in_the_tail_is_a_sample),
        cmocka_unit_test(captures_equal_their_tables),
        cmocka_unit_test(nominal_angles_are_near_a_units_own),
        cmocka_unit_test(all_zero_and_all_ones),
        cmocka_unit_test(damaged_packets_are_malformed),
        cmocka_unit_test(points_and_times_are_the_manuals),
        cmocka_unit_test(a_sensor_without_a_clock_takes_the_captures),
        cmocka_unit_test(missing_packets_are_counted_by_number),
        cmocka_unit_test(a_pandar64_comes_back),
        cmocka_unit_test(a_qt128_comes_back),
        cmocka_unit_test(an_ot128_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
