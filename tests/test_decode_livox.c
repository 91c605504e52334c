/* tests/test_decode_livox.c - packets of the encoder in livox_packets.h: no capture has been compared. */
#include "tests/livox_packets.h"
#include "io/capture.h"
#include "io/decoder_family.h"
#include "io/framer.h"
#include "io/source_pcap.h"

#define T0   UINT64_C(1700000000000000000)
#define DOTS 96

static uint8_t data[2048];
static struct glint_returns returns;

/* Points all around, the fifth of every seven without an echo. */
static void place_of(uint32_t i, double *xyz)
{
    const double a = i * 0.131, r = 0.5 + 0.9 * i, up = 0.3 * sin(i * 0.7);
    xyz[0] = i % 7 == 5 ? 0 : r * cos(a) * cos(up);
    xyz[1] = i % 7 == 5 ? 0 : r * sin(a) * cos(up);
    xyz[2] = i % 7 == 5 ? 0 : r * sin(up);
}

static struct livox_head head_of(uint8_t type, uint16_t udp, uint8_t frame, uint64_t t_ns)
{
    return (struct livox_head){.type = type,
                               .interval = 4800,
                               .dots = DOTS,
                               .udp = udp,
                               .frame = frame,
                               .time_type = 1,
                               .t_ns = t_ns};
}

static uint32_t make(uint8_t type, uint16_t udp, uint8_t frame, uint64_t t_ns)
{
    const struct livox_head h = head_of(type, udp, frame, t_ns);
    memset(data, 0, sizeof data);
    for (uint32_t i = 0; i < DOTS && type != 0; i++) {
        double xyz[3];
        place_of(i, xyz);
        if (i % 7 != 5)
            livox_point(data, type, i, xyz, (uint8_t)(2 * i));
    }
    return livox_close(data, &h);
}

static struct glint_packet packet(uint32_t size, uint16_t port)
{
    struct glint_packet p = packet_of(data, size, (int64_t)T0);
    p.dst_port = port;
    return p;
}

static struct glint_decoder *open_port(uint16_t port)
{
    struct glint_decoder *d;
    const struct glint_packet p = packet(make(1, 1, 0, T0), port);
    assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){0}, &p, 1, &d), GLINT_OK);
    return d;
}

static enum glint_packet_kind take(struct glint_decoder *d, uint32_t size, struct glint_loss *loss)
{
    const struct glint_packet p = packet(size, 56301);
    return glint_decoder_take(d, &p, &returns, loss);
}

static void check_points(uint8_t type, double tolerance_m)
{
    int32_t k = 0;
    for (uint32_t i = 0; i < DOTS; i++) {
        double xyz[3];
        place_of(i, xyz);
        if (i % 7 == 5)
            continue;
        /* half a unit; of angles the range times half a hundredth of a degree */
        const double most = type == 3 ? 0.0006 + 1.3e-4 * (0.5 + 0.9 * i) : tolerance_m;
        assert_near(returns.x[k], xyz[0], most);
        assert_near(returns.y[k], xyz[1], most);
        assert_near(returns.z[k], xyz[2], most);
        assert_near(returns.intensity[k], (uint8_t)(2 * i) / 255.0, 1e-6);
        assert_int_equal(returns.t_ns[k], (int64_t)T0 + 5000 * i);
        assert_int_equal(returns.channel[k], i % 4);
        assert_int_equal(returns.ring[k], i % 4);
        assert_int_equal(returns.block[k], i / 4);
        k++;
    }
    assert_int_equal(returns.n, k);
}

static void points_come_back_to_the_unit(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_port(56301);
    assert_string_equal(d->sensor, "Livox Mid-360");
    assert_non_null(strstr(d->why, "5.0 us"));
    assert_int_equal(take(d, make(1, 1, 0, T0), &loss), GLINT_PACKET_LIDAR);
    check_points(1, 0.00051);
    assert_int_equal(take(d, make(2, 2, 0, T0), &loss), GLINT_PACKET_LIDAR);
    check_points(2, 0.0051);
    assert_int_equal(take(d, make(3, 3, 0, T0), &loss), GLINT_PACKET_LIDAR);
    check_points(3, 0);
    assert_int_equal(loss.packets_decoded, 3);
    assert_int_equal(d->time_scale, GLINT_TIME_UTC);
    glint_decoder_close(d);
}

/* Tags 00, 10, 20, and 05 (noise, no number) in turn. */
static void the_haps_tags_number_the_returns(void **state)
{
    (void)state;
    static const uint8_t tags[] = {0x00, 0x10, 0x20, 0x05}, numbers[] = {0, 0, 1, 0};
    for (int hap = 0; hap < 2; hap++) {
        struct glint_loss loss = {0};
        struct livox_head h = head_of(1, 1, 0, T0);
        struct glint_decoder *d = open_port(hap ? 57000 : 56301);
        make(1, 1, 0, T0);
        for (uint32_t i = 0; i < DOTS; i++)
            data[LIVOX_HEAD + 14 * i + 13] = tags[i % 4];
        const uint32_t size = livox_close(data, &h);
        assert_int_equal(take(d, size, &loss), GLINT_PACKET_LIDAR);
        for (uint32_t i = 0, k = 0; i < DOTS; i++)
            if (i % 7 != 5)
                assert_int_equal(returns.ret[k++], hap ? numbers[i % 4] : 0);
        assert_string_equal(d->return_mode, hap ? "dual" : "single");
        glint_decoder_close(d);
    }
}

static void models_are_told_by_port_or_pace(void **state)
{
    (void)state;
    const struct {
        uint16_t port, interval;
        const char *name;
    } cases[] = {{56301, 4800, "Livox Mid-360"},
                 {57000, 4800, "Livox HAP"},
                 {4000, 4800, "Livox Mid-360"},
                 {4000, 2124, "Livox HAP"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct livox_head h = head_of(1, 1, 0, T0);
        struct glint_decoder *d;
        h.interval = cases[i].interval;
        const struct glint_packet p = packet(livox_close(data, &h), cases[i].port);
        assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){0}, &p, 1, &d), GLINT_OK);
        assert_string_equal(d->sensor, cases[i].name);
        glint_decoder_close(d);
        assert_int_equal(glint_decoder_open(&(struct glint_decoder_settings){.sensor = "hap"}, &p, 1, &d),
                         GLINT_OK);
        assert_string_equal(d->sensor, "Livox HAP"); /* the name goes first */
        glint_decoder_close(d);
    }
}

static void damaged_packets_are_malformed(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_port(56301);
    const uint32_t size = make(1, 1, 0, T0);
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(take(d, size - 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, size + 1, &loss), GLINT_PACKET_MALFORMED);
    assert_int_equal(take(d, 20, &loss), GLINT_PACKET_MALFORMED);
    data[700] ^= 1; /* the CRC does not fit */
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_MALFORMED);
    put32(data + 24, 0); /* there is none */
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_LIDAR);
    data[10] = 9; /* no such type */
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_MALFORMED);
    data[10] = 1;
    put16(data + 5, 95); /* other number of points */
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_MALFORMED);
    memset(data, 0, sizeof data);
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_MALFORMED);
    memset(data, 0xff, sizeof data);
    assert_int_equal(take(d, size, &loss), GLINT_PACKET_MALFORMED);
    const struct glint_packet other = packet(size, 80);
    assert_int_equal(glint_decoder_take(d, &other, &returns, &loss), GLINT_PACKET_FOREIGN);
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
    glint_decoder_close(d);
}

static uint32_t lost_after(struct glint_decoder *d, uint16_t udp, uint64_t packets)
{
    struct glint_loss loss = {0};
    assert_int_equal(take(d, make(1, udp, 0, T0 + packets * 480000), &loss), GLINT_PACKET_LIDAR);
    return (uint32_t)loss.packets_lost;
}

static void missing_packets_are_counted(void **state)
{
    (void)state;
    struct glint_decoder *d = open_port(56301);
    assert_int_equal(lost_after(d, 65534, 100), 0);
    assert_int_equal(lost_after(d, 65535, 101), 0);
    assert_int_equal(lost_after(d, 0, 102), 0); /* through 16 bits */
    assert_int_equal(lost_after(d, 4, 106), 3);
    assert_int_equal(lost_after(d, 4, 106), 0); /* twice */
    assert_int_equal(lost_after(d, 2, 104), 0); /* late */
    assert_int_equal(lost_after(d, 65535, 101), 0);
    assert_int_equal(lost_after(d, 5, 107), 0);
    assert_int_equal(lost_after(d, 207, 309), 201);
    assert_int_equal(lost_after(d, 0, 310), 0); /* anew with each frame */
    assert_int_equal(lost_after(d, 3, 313), 2);
    assert_int_equal(lost_after(d, 206, 308), 0); /* late, of the frame before */
    assert_int_equal(lost_after(d, 205, 515), 201);
    assert_int_equal(lost_after(d, 2, 520), 4); /* two of each: by time */
    glint_decoder_close(d);
}

static void late_packets_are_lost_no_longer(void **state)
{
    (void)state;
    static const uint16_t order[] = {7, 4, 8, 11, 10, 12, 9, 12, 20};
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_port(56301);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        assert_int_equal(take(d, make(1, order[i], 0, T0 + order[i] * 480000u), &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(loss.packets_lost, 7); /* 13..19; 4 is before the first */
    glint_decoder_close(d);
}

static void imu_packets_are_samples(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_port(56301);
    struct livox_head h = {.type = 0, .dots = 1, .udp = 9, .time_type = 1, .t_ns = T0};
    const float values[] = {0.01f, -0.02f, 0.03f, 0.5f, -0.25f, 1};
    memcpy(data + LIVOX_HEAD, values, sizeof values);
    assert_int_equal(take(d, livox_close(data, &h), &loss), GLINT_PACKET_OTHER);
    assert_int_equal(d->samples.n_imu, 1);
    assert_int_equal(d->samples.imu[0].t_ns, (int64_t)T0);
    assert_near(d->samples.imu[0].gyro[1], -0.02, 1e-7);
    assert_near(d->samples.imu[0].accel[2], 9.80665, 1e-5);
    glint_decoder_close(d);
}

static void clocks_that_were_never_set_are_moved(void **state)
{
    (void)state;
    struct glint_loss loss = {0};
    struct glint_decoder *d = open_port(56301);
    assert_int_equal(take(d, make(1, 1, 0, 77000000000), &loss), GLINT_PACKET_LIDAR);
    assert_int_equal(d->time_scale, GLINT_TIME_CAPTURE);
    assert_int_equal(returns.t_ns[0], (int64_t)T0);
    glint_decoder_close(d);
}

/* ---- frames ---- */

static struct bytes capture;

/* 25 packets, 10 ms apart. */
static void make_capture(bool counts)
{
    begin_pcap(&capture, true, 1);
    for (uint32_t i = 0; i < 25; i++) {
        const uint32_t size =
            make(1, (uint16_t)(i % 10), counts ? (uint8_t)(250 + i / 10) : 0, T0 + i * UINT64_C(10000000));
        add_packet(&capture, 1700000000, i * 10000000, data, size);
    }
}

static void check_frames(bool counts)
{
    struct glint_source *source;
    struct glint_decoder *d;
    struct glint_framer *f;
    struct glint_frame_pool *pool;
    struct glint_packet p;
    struct glint_loss loss = {0};
    int32_t n = 0;
    make_capture(counts);
    assert_int_equal(glint_source_pcap_open_memory(capture.data, capture.n, "test", &source), GLINT_OK);
    assert_int_equal(glint_capture_sniff(source, &(struct glint_decoder_settings){0}, &d), GLINT_OK);
    source->ops->close(source);
    assert_int_equal(glint_source_pcap_open_memory(capture.data, capture.n, "test", &source), GLINT_OK);
    assert_int_equal(glint_framer_open(&(struct glint_framer_settings){0}, d, &f), GLINT_OK);
    assert_int_equal(glint_frame_pool_open(1, 2000, 1, &pool), GLINT_OK);
    struct glint_frame *frame = glint_frame_get(pool, false);
    while (source->ops->next_packet(source, &p) == GLINT_OK) {
        int32_t pos = 0;
        assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_LIDAR);
        while (glint_framer_push(f, &returns, &pos, frame) == GLINT_OK) {
            assert_int_equal(frame->points.n, 10 * 83);
            assert_int_equal(frame->stamp_ns, (int64_t)T0 + n++ * INT64_C(100000000));
            glint_frame_unref(frame);
            frame = glint_frame_get(pool, false);
        }
    }
    assert_int_equal(n, 2);
    assert_int_equal(frame->points.n, 5 * 83);
    assert_true(frame->coverage < 0);
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    glint_framer_close(f);
    glint_decoder_close(d);
    source->ops->close(source);
}

static void frames_are_the_sensors_or_a_tenth_of_a_second(void **state)
{
    (void)state;
    check_frames(true);
    check_frames(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_come_back_to_the_unit),
        cmocka_unit_test(the_haps_tags_number_the_returns),
        cmocka_unit_test(models_are_told_by_port_or_pace),
        cmocka_unit_test(damaged_packets_are_malformed),
        cmocka_unit_test(missing_packets_are_counted),
        cmocka_unit_test(late_packets_are_lost_no_longer),
        cmocka_unit_test(imu_packets_are_samples),
        cmocka_unit_test(clocks_that_were_never_set_are_moved),
        cmocka_unit_test(frames_are_the_sensors_or_a_tenth_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
