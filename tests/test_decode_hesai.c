/* tests/test_decode_hesai.c - shared captures against their tables, and packets made by hand. */
#include "tests/packets.h"
#include "tests/truth.h"
#include "calib/beam.h"

#define STAMP_NS INT64_C(1709251198000000000) /* 2024-02-29 23:59:58 */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_equal_their_tables),
        cmocka_unit_test(nominal_angles_are_near_a_units_own),
        cmocka_unit_test(all_zero_and_all_ones),
        cmocka_unit_test(damaged_packets_are_malformed),
        cmocka_unit_test(points_and_times_are_the_manuals),
        cmocka_unit_test(a_sensor_without_a_clock_takes_the_captures),
        cmocka_unit_test(missing_packets_are_counted_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
