/* tests/test_decode_hesai_at.c - an AT128's packets and correction file made by hand. No capture is at hand.
 */
#include "tests/files.h"
#include "tests/packets.h"
#include "calib/at_correction.h"

#define BYTES    1086
#define DAT      47176
#define STAMP_NS INT64_C(1700000000000000000)
#define RAD      (3.14159265358979323846 / 180)

static struct glint_returns returns;
static uint8_t data[2000], dat[DAT];

/* Degrees: faces from 20, 140, 260 on (the last over 0), channels' angles, corrections of +-0.1 degree. */
static double azimuth_of(int32_t c)
{
    return (c % 8) * 0.4 - 1.4;
}
static double elevation_of(int32_t c)
{
    return 12.8 - 0.2 * c;
}

static void make_dat(void)
{
    static const uint8_t head[16] = {0xee, 0xff, 1, 5, 128, 3, 3, 1, 2, 4, 0, 0, 0, 0, 0, 2};
    memset(dat, 0, sizeof dat);
    memcpy(dat, head, sizeof head);
    for (uint32_t i = 0; i < 3; i++) {
        put32(dat + 16 + 4 * i, (20 + 120 * i) * 12800);
        put32(dat + 28 + 4 * i, (20 + 120 * ((i + 1) % 3)) * 12800);
    }
    for (int32_t c = 0; c < 128; c++) {
        put32(dat + 40 + 4 * c, (uint32_t)(int32_t)lround(azimuth_of(c) * 12800));
        put32(dat + 552 + 4 * c, (uint32_t)(int32_t)lround(elevation_of(c) * 12800));
        for (int32_t i = 0; i < 180; i++) {
            dat[1064 + 180 * c + i] = (uint8_t)(int8_t)(i % 2 ? 5 : -5); /* x 0.02 degree */
            dat[1064 + 180 * (128 + c) + i] = (uint8_t)(int8_t)(i % 2 ? -3 : 3);
        }
    }
}

static void make_packet(uint32_t encoder_cdeg, uint8_t fine, uint8_t mode, uint32_t number)
{
    static const uint8_t head[] = {0xee, 0xff, 4, 3, 0, 0, 128, 2, 1, 4, 2, 1};
    memset(data, 0, sizeof data);
    memcpy(data, head, sizeof head);
    for (uint32_t b = 0; b < 2; b++) {
        uint8_t *at = data + 12 + 515 * b;
        put16(at, (encoder_cdeg + (mode > 0x38 ? 0 : 10 * b)) % 36000);
        at[2] = fine;
        for (uint32_t c = 0; c < 128; c++) {
            put16(at + 3 + 4 * c, c == 5 ? 0 : 2500 + 10 * c + b);
            at[5 + 4 * c] = (uint8_t)c;
        }
    }
    uint8_t *tail = data + 12 + 2 * 515 + 4;
    put32(tail + 20, 1000);
    tail[24] = mode;
    put_be32(tail + 28, (uint32_t)(STAMP_NS / 1000000000));
    put32(tail + 32, number);
}

static struct glint_decoder *open_at(void)
{
    struct glint_decoder *d;
    const struct glint_packet p = packet_of(data, BYTES, STAMP_NS);
    make_dat();
    const char *path = glint_test_write("at128.dat", dat, sizeof dat);
    if (glint_decoder_open(&(struct glint_decoder_settings){.calib = path}, &p, 1, &d) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return d;
}

static double adjust_at(double encoder_deg, double even)
{
    const double at = encoder_deg / 2, share = at - floor(at);
    return (((int)at % 2 ? -even : even) * (1 - share) + ((int)at % 2 ? even : -even) * share);
}

static void check_points(double start_deg, double encoder_deg, bool dual)
{
    int32_t k = 0;
    for (int32_t b = 0; b < 2; b++)
        for (int32_t c = 0; c < 128; c++) {
            if (c == 5)
                continue;
            const double here = encoder_deg + (dual ? 0 : 0.1 * b), swept = here - start_deg;
            const double az =
                             (2 * (swept < 0 ? swept + 360 : swept) - azimuth_of(c) + adjust_at(here, -0.1)) *
                             RAD,
                         el = (elevation_of(c) + adjust_at(here, 0.06)) * RAD,
                         d = (2500 + 10 * c + b) * 0.004;
            assert_near(returns.x[k], d * cos(el) * sin(az), 1e-4);
            assert_near(returns.y[k], d * cos(el) * cos(az), 1e-4);
            assert_near(returns.z[k], d * sin(el), 1e-4);
            assert_int_equal(returns.channel[k], c);
            assert_int_equal(returns.ring[k], 127 - c);
            assert_int_equal(returns.ret[k], dual ? b : 0);
            k++;
        }
    assert_int_equal(returns.n, k);
}

static void points_come_back_on_every_face(void **state)
{
    (void)state;
    static const uint32_t encoders[] = {3510, 20033, 30000, 35999, 1000};
    static const double starts[] = {20, 140, 260, 260, 260};
    static const int64_t frames[] = {0, 1, 2, 2, 2};
    struct glint_loss loss = {0};
    make_packet(3510, 128, 0x37, 0);
    struct glint_decoder *d = open_at();
    assert_string_equal(d->sensor, "Hesai AT128");
    int64_t first = 0;
    for (int i = 0; i < 5; i++) {
        make_packet(encoders[i], 128, 0x37, (uint32_t)i);
        assert_int_equal(take_packet(d, data, BYTES, STAMP_NS, &returns, &loss), GLINT_PACKET_LIDAR);
        first = i ? first : returns.frame_id;
        if (i != 3) /* its second block is over 0: not made for the check */
            check_points(starts[i], encoders[i] * 0.01 + 0.005, false);
        assert_int_equal(returns.frame_id - first, frames[i]);
    }
    make_packet(3510, 0, 0x39, 7);
    assert_int_equal(take_packet(d, data, BYTES, STAMP_NS, &returns, &loss), GLINT_PACKET_LIDAR);
    check_points(20, 35.1, true);
    assert_int_equal(returns.t_ns[0], STAMP_NS + 1000000 - 9249 - 41666);
    assert_int_equal(loss.packets_lost, 2);
    check_bad_packets(d, data, BYTES, STAMP_NS);
    glint_decoder_close(d);
}

static void it_needs_its_correction_file(void **state)
{
    (void)state;
    struct glint_decoder *d;
    struct glint_at_correction c;
    make_packet(3510, 0, 0x37, 0);
    const struct glint_packet p = packet_of(data, BYTES, STAMP_NS);
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "auto"}, &p, 1, &d),
                     GLINT_E_NOTFOUND);
    make_dat();
    assert_int_equal(glint_at_correction_parse("x", dat, DAT, &c), GLINT_OK);
    assert_int_equal(glint_at_field(&c, 19 * 25600), 2);
    assert_int_equal(glint_at_field(&c, 21 * 25600), 0);
    for (size_t n = 0; n < DAT; n += n < 64 ? 1 : 997)
        assert_int_equal(glint_at_correction_parse("x", dat, n, &c), GLINT_E_FORMAT);
    dat[1064 + 180 * 200 + 7] = 126; /* x 0.02 degree */
    dat[15] = 4;                     /* x 0.04: more than 5 degrees */
    memset(dat + 16, 0, 24 + 1024);
    for (uint32_t i = 0; i < 6; i++)
        put32(dat + 16 + 4 * i, i * 1000);
    assert_int_equal(glint_at_correction_parse("x", dat, DAT, &c), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "channel 73: a correction of 5.04"));
    dat[3] = 6;
    assert_int_equal(glint_at_correction_parse("x", dat, DAT, &c), GLINT_E_UNSUPPORTED);
    memset(dat, 0xff, sizeof dat);
    assert_int_equal(glint_at_correction_parse("x", dat, DAT, &c), GLINT_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_come_back_on_every_face),
        cmocka_unit_test(it_needs_its_correction_file),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
