/* tests/test_sensors.c - several sensors in one input, and a network with faults: every packet is accounted
 * for, exactly, and no sensor disturbs another. */
#define _GNU_SOURCE
#include "tests/live_fixture.h"
#include "core/log.h"
#include "io/clock_model.h"

#define FIRST_IP  0xc0a801c9u
#define SECOND_IP 0xc0a801cau

static char path[] = "/tmp/glint_sensors_XXXXXX", other[] = "/tmp/glint_sensors_XXXXXX";
static struct frames_sink frames, alone, live;
static struct glint_pipeline_stats stats, live_stats;
static struct glint_live_stats net;

static void assert_account(const struct glint_loss *l, uint64_t received)
{
    assert_int_equal(l->packets_received, received);
    assert_int_equal(l->packets_received, l->packets_decoded + l->packets_malformed + l->packets_foreign);
}

static void add_one(struct glint_pcap_writer *w, int i, uint32_t us, int64_t at_ns, uint32_t ip)
{
    capture_add_sensor(w, i, 1, us, at_ns, ip);
}

/* Two sensors, packets in turns; the second starts a third of a turn later. */
static void make_two(void)
{
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 600; i++) {
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        add_one(w, i + 25, 2000000, SENSOR_EPOCH_NS + 300000, SECOND_IP);
    }
    capture_end(w);
}

static void two_sensors_on_one_port_are_kept_apart(void **state)
{
    (void)state;
    make_two();
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, 1200);
    assert_int_equal(stats.loss.packets_decoded, 1200);
    assert_int_equal(stats.loss.packets_lost, 0);
    for (int k = 0; k < 2; k++) { /* as each of them alone */
        struct glint_pcap_writer *w = capture_begin(other);
        capture_add_sensor(w, k ? 25 : 0, 600, k ? 2000000 : 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        capture_end(w);
        struct glint_pipeline_stats one;
        run_recorded(other, &alone, &one);
        int n = 0;
        for (int i = 0; i < frames.n; i++) {
            const bool second = strstr(frames.seen[i].source, "192.168.1.202:2368") != NULL;
            assert_non_null(strstr(frames.seen[i].source, "VLP-16"));
            if (second != k)
                continue;
            assert_true(n < alone.n);
            assert_int_equal(frames.seen[i].n, alone.seen[n].n);
            assert_true(frames.seen[i].hash == alone.seen[n].hash);
            assert_int_equal(frames.seen[i].loss.packets_foreign, 0);
            n++;
        }
        assert_int_equal(n, alone.n);
        assert_int_equal(n, k ? 9 : 8);
    }
}

static void two_sensors_live(void **state)
{
    (void)state;
    struct player p = {.path = path, .settings = {.rate = 4000}};
    make_two();
    run_recorded(path, &frames, &stats);
    run_live(&p, &live, &live_stats, &net);
    assert_account(&live_stats.loss, 1200);
    assert_int_equal(live_stats.loss.packets_lost, 0);
    assert_int_equal(live.n, frames.n);
    for (int i = 0; i < live.n; i++)
        assert_true(live.seen[i].hash == frames.seen[i].hash);
}

/* Another model's packets before the first ones of the sensor that the input was opened for: each has its
 * own. */
/* Sensors that are expected: named, each at its place whatever comes first, and nobody else. */
static void only_expected_sensors_are_taken(void **state)
{
    (void)state;
    static const struct glint_sensor_place places[] = {
        {.name = "rear", .sensor = "vlp16", .src_ip = SECOND_IP},
        {.name = "front", .sensor = "vlp16", .src_ip = FIRST_IP, .port = 2368},
        {.name = "roof", .sensor = "hdl32e", .src_ip = 0xc0a801cc}};
    struct glint_source *source;
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 300; i++) {
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, 0xc0a801cb); /* of nobody that is expected */
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, 0xc0a801cc); /* another model than expected */
        if (i >= 75)
            add_one(w, i, 1000000, SENSOR_EPOCH_NS, SECOND_IP);
    }
    capture_end(w);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    run_placed(source, places, 3, &frames, &stats);
    glint_source_close(source);
    assert_account(&stats.loss, 1125);
    assert_int_equal(stats.loss.packets_foreign, 600);
    assert_int_equal(frames.n, 7);
    int n_front = 0;
    for (int i = 0; i < frames.n; i++) {
        n_front += strcmp(frames.seen[i].source, "front") == 0;
        assert_int_equal(frames.seen[i].n, 75 * 384);
    }
    assert_int_equal(n_front, 4);
}

static char told[4096];

static void keep_line(void *ctx, enum glint_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    strncat(told, line, sizeof told - strlen(told) - 2);
    strcat(told, "\n");
}

/* The wrong model in a configuration gives no frames, and does not do so in silence. */
static void a_wrong_model_is_told(void **state)
{
    (void)state;
    for (int32_t place = 0; place < 2; place++) { /* the first sensor, and a further one */
        const struct glint_sensor_place places[] = {
            {.name = "front", .sensor = place == 0 ? "xt32" : "vlp16", .src_ip = FIRST_IP},
            {.name = "rear", .sensor = "hdl32e", .src_ip = SECOND_IP}};
        struct glint_source *source;
        make_two();
        assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
        told[0] = 0;
        glint_log_set(keep_line, NULL, GLINT_LOG_WARN);
        run_placed(source, places, 2, &frames, &stats);
        glint_log_set(NULL, NULL, GLINT_LOG_WARN);
        glint_source_close(source);
        assert_account(&stats.loss, 1200);
        assert_int_equal(stats.loss.packets_foreign, place == 0 ? 1200 : 600);
        const char *line = strstr(told, place == 0 ? "front: packets of 1206 bytes from 192.168.1.201"
                                                   : "rear: packets of 1206 bytes from 192.168.1.202");
        assert_non_null(line);
        assert_null(strstr(line + 1, place == 0 ? "front:" : "rear:")); /* once */
    }
}

/* A Velodyne that was named is taken for what it is said to be, as with --sensor; the difference is told. */
static void a_wrong_velodyne_is_told(void **state)
{
    (void)state;
    const struct glint_sensor_place place = {.name = "roof", .sensor = "hdl32e", .src_ip = FIRST_IP};
    struct glint_source *source;
    make_capture(path, 300);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    told[0] = 0;
    glint_log_set(keep_line, NULL, GLINT_LOG_WARN);
    run_placed(source, &place, 1, &frames, &stats);
    glint_log_set(NULL, NULL, GLINT_LOG_WARN);
    glint_source_close(source);
    assert_true(frames.n >= 4);
    assert_non_null(
        strstr(told, "roof: packets of 1206 bytes from 192.168.1.201 to port 2368 are not of a hdl32e"));
}

static void two_models_on_one_port(void **state)
{
    (void)state;
    uint8_t xt32[XT32_BYTES];
    struct glint_source *source;
    struct glint_pipeline *p;
    struct glint_pipeline_settings s;
    struct glint_pipeline_sensor sensors[4];
    struct glint_pcap_writer *w = capture_begin(path);
    uint32_t n = 0;
    for (int i = 0; i < 300; i++) {
        if (i < 5 || i % 8 == 0) {
            make_xt32(xt32, n * 144, 18, n * 400, 0x37, n, 1000);
            capture_add(w, xt32, sizeof xt32, SENSOR_EPOCH_NS + i * SENSOR_PERIOD_NS, SECOND_IP);
            n++;
        }
        if (i >= 5)
            add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
    }
    capture_end(w);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.sensor = NULL;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    assert_int_equal(glint_pipeline_sensors(p, sensors, 4), 2);
    for (int k = 0; k < 2; k++) {
        const bool velodyne = strstr(sensors[k].name, "VLP-16") != NULL;
        assert_account(&sensors[k].loss, velodyne ? 295 : n);
        assert_int_equal(sensors[k].loss.packets_decoded, velodyne ? 295 : n);
    }
    glint_pipeline_close(p);
    glint_source_close(source);
}

static void packets_of_nobody_are_foreign(void **state)
{
    (void)state;
    uint8_t junk[700] = {0};
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 300; i++) {
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        junk[0] = (uint8_t)i;
        capture_add(w, junk, sizeof junk, SENSOR_EPOCH_NS + i * SENSOR_PERIOD_NS, SECOND_IP);
    }
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, 600);
    assert_int_equal(stats.loss.packets_foreign, 300);
    assert_int_equal(frames.n, 4);
}

static void duplicates_are_counted_and_not_decoded_again(void **state)
{
    (void)state;
    make_capture(other, 600);
    run_recorded(other, &alone, &stats);
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 600; i++) {
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        if (i % 10 == 9) /* and some come again 60 packets later */
            add_one(w, i >= 70 ? i - 60 : i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
    }
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, 660);
    assert_int_equal(stats.loss.packets_duplicate, 60);
    assert_int_equal(stats.loss.packets_lost, 0);
    assert_int_equal(frames.n, alone.n);
    for (int i = 0; i < frames.n; i++)
        assert_true(frames.seen[i].hash == alone.seen[i].hash);
}

/* Neighbours change places: nothing is lost, all points are there, in the right frames but for the cut. */
static void late_packets_are_not_lost(void **state)
{
    (void)state;
    struct glint_pcap_writer *w = capture_begin(path);
    int64_t n = 0;
    for (int i = 0; i < 600; i++)
        add_one(w, i % 3 == 1 ? i + 1 : i % 3 == 2 ? i - 1 : i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, 600);
    assert_int_equal(stats.loss.packets_lost, 0);
    assert_int_equal(frames.n, 8);
    for (int i = 0; i < frames.n; i++)
        n += frames.seen[i].n;
    assert_int_equal(n, 600 * 384);
}

/* Missing at packet 250, and one damaged after 500: the frames of those and no others say so. */
static void only_frames_with_loss_are_degraded(void **state)
{
    (void)state;
    static const uint8_t damaged[VELODYNE_BYTES];
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 750; i++) {
        if (i == 500)
            capture_add(w, damaged, sizeof damaged, SENSOR_EPOCH_NS + i * SENSOR_PERIOD_NS, FIRST_IP);
        if (i != 250)
            add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
    }
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_int_equal(frames.n, 10);
    assert_health(&frames, GLINT_HEALTH_PACKETS_LOST, 3, 3);
    assert_health(&frames, GLINT_HEALTH_CLOCK_NOT_SET, 0, 9); /* not at that time of the hour */
    for (int i = 0; i < frames.n; i++)
        assert_int_equal(frames.seen[i].health & ~(GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_LOST) |
                                                   GLINT_HEALTH_BIT(GLINT_HEALTH_INPUT_DAMAGED) |
                                                   GLINT_HEALTH_BIT(GLINT_HEALTH_CLOCK_NOT_SET)),
                         0);
}

static void loss_is_counted_to_the_packet(void **state)
{
    (void)state;
    int lost = 0, open = 0; /* what is missing at the end nobody can know */
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 1500; i++) {
        if (i > 0 && (i % 100 == 50 || (i >= 700 && i < 760))) {
            open++;
            continue;
        }
        add_one(w, i, 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        lost += open;
        open = 0;
    }
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_int_equal(stats.loss.packets_lost, lost);
    assert_account(&stats.loss, (uint64_t)(1500 - lost - open));
}

/* Any order within blocks of 64, one in a hundred missing: what lies between the first and the newest and
 * never came is lost, no more and no less. */
static void loss_is_exact_in_any_order(void **state)
{
    (void)state;
    int order[64], first = -1, last = 0, n = 0, n_after = 0;
    uint64_t random = 7;
    struct glint_pcap_writer *w = capture_begin(path);
    for (int block = 0; block < 40; block++) {
        for (int i = 0; i < 64; i++)
            order[i] = block * 64 + i;
        for (int i = 63; i > 0; i--) {
            const int k = (int)(glint_test_random(&random) % (uint64_t)(i + 1)), swap = order[i];
            order[i] = order[k];
            order[k] = swap;
        }
        for (int i = 0; i < 64; i++) {
            if (glint_test_random(&random) % 100 == 0)
                continue;
            add_one(w, order[i], 1000000, SENSOR_EPOCH_NS, FIRST_IP);
            first = first < 0 ? order[i] : first;
            last = order[i] > last ? order[i] : last;
            n++;
            n_after += order[i] >= first;
        }
    }
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, (uint64_t)n);
    assert_true(first > 0); /* what is older than the first that came was never missed */
    assert_int_equal(stats.loss.packets_lost, last - first + 1 - n_after);
}

/* The head goes on turning, the clock begins anew, or is set 37 s forward or back. */
static void reboots_and_jumps_of_the_clock_are_no_loss(void **state)
{
    (void)state;
    static const uint32_t after_us[] = {500, 1000000 + 37000000, 3000000000u};
    for (int k = 0; k < 3; k++) {
        struct glint_pcap_writer *w = capture_begin(path);
        capture_add_sensor(w, 0, 300, k == 2 ? 3037000000u : 1000000, SENSOR_EPOCH_NS, FIRST_IP);
        capture_add_sensor(w, 300, 300, after_us[k], SENSOR_EPOCH_NS, FIRST_IP);
        capture_end(w);
        run_recorded(path, &frames, &stats);
        assert_account(&stats.loss, 600);
        assert_int_equal(stats.loss.packets_decoded, 600);
        assert_int_equal(stats.loss.packets_lost, 0);
        assert_true(frames.n >= 8 && frames.n <= 9); /* a jump may cut a turn */
        assert_health(&frames, GLINT_HEALTH_CLOCK_JUMPED, 3, 4);
    }
}

/* A clock that is right, lost at a restart, and right again: only the frames between are said to have none.
 */
static void a_clock_that_is_found_again(void **state)
{
    (void)state;
    const uint32_t right_us = (uint32_t)(SENSOR_EPOCH_NS / 1000 % 3600000000);
    struct glint_pcap_writer *w = capture_begin(path);
    capture_add_sensor(w, 0, 300, right_us, SENSOR_EPOCH_NS, FIRST_IP);
    capture_add_sensor(w, 300, 300, 500, SENSOR_EPOCH_NS, FIRST_IP);
    capture_add_sensor(w, 600, 300, right_us, SENSOR_EPOCH_NS, FIRST_IP);
    capture_end(w);
    run_recorded(path, &frames, &stats);
    assert_account(&stats.loss, 900);
    assert_health(&frames, GLINT_HEALTH_CLOCK_NOT_SET, 3, 8);
    const struct seen_frame *last = &frames.seen[frames.n - 1];
    assert_true(llabs(last->stamp_ns - (SENSOR_EPOCH_NS + (frames.n - 1) * 75 * SENSOR_PERIOD_NS)) <
                50000000);
}

/* All of it at once, over loopback: nothing stops, and the sums are exact. */
static void faulty_network(void **state)
{
    (void)state;
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 1500; i++) {
        add_one(w, i, i < 700 ? 1000000 : i < 1200 ? 38000000 : 5000, SENSOR_EPOCH_NS, FIRST_IP);
        add_one(w, i, 7000000, SENSOR_EPOCH_NS + 400000, SECOND_IP);
    }
    capture_end(w);
    struct player p = {.path = path,
                       .settings = {.rate = 6000, .loss = 0.01, .duplicate = 0.02, .reorder = 64, .seed = 3}};
    run_live(&p, &live, &live_stats, &net);
    assert_int_equal(net.received + net.kernel_drops, p.stats.sent);
    assert_account(&live_stats.loss, net.received - net.ring_drops);
    assert_int_equal(live_stats.loss.packets_duplicate, p.stats.duplicated);
    assert_int_equal(live_stats.loss.packets_malformed + live_stats.loss.packets_foreign, 0);
    assert_int_equal(live_stats.frames_in, live_stats.frames_published + live_stats.frames_dropped);
    assert_true(live.n >= 20);
}

static void clock_model_finds_offset_and_drift(void **state)
{
    (void)state;
    static struct glint_clock_model m;
    struct glint_clock_fit fit;
    uint64_t random = 1;
    memset(&m, 0, sizeof m);
    assert_false(glint_clock_model_fit(&m, &fit));
    for (int64_t i = 0; i < 100000; i++) { /* 100 s, 20 ppm, jitter up to 3 ms above 0.25 ms */
        const int64_t t = SENSOR_EPOCH_NS + i * 1000000;
        const int64_t jitter = (int64_t)(glint_test_random(&random) % 3000000);
        glint_clock_model_add(&m, t, t + 250000 + i * 20 + jitter);
    }
    assert_true(glint_clock_model_fit(&m, &fit));
    assert_near(fit.drift_ppm, 20, 1);
    assert_near(fit.offset_ns, 250000 + 100000 * 20, 30000);
    assert_int_equal(fit.jumps, 0);
    glint_clock_model_add(&m, SENSOR_EPOCH_NS, SENSOR_EPOCH_NS + INT64_C(37000000000));
    assert_true(glint_clock_model_fit(&m, &fit));
    assert_int_equal(fit.jumps, 1);
    assert_near(fit.offset_ns, 37e9, 1);
}

/* What is told counts, whatever the distance from the capture. */
static void time_scale_as_told(void **state)
{
    (void)state;
    static const enum glint_time_scale scales[] = {GLINT_TIME_UTC, GLINT_TIME_GPS, GLINT_TIME_TAI};
    static uint8_t data[XT32_BYTES];
    static struct glint_returns returns;
    struct glint_loss loss = {0};
    int64_t stamp[3];
    for (int i = 0; i < 3; i++) { /* 2024-02-29 23:59:58 in the packet */
        struct glint_decoder *d;
        make_xt32(data, 0, 20, 500000, 0x37, 1, 1000);
        const struct glint_packet p = packet_of(data, sizeof data, INT64_C(1709251190000000000));
        const struct glint_decoder_settings s = {.scale = scales[i]};
        assert_int_equal(glint_decoder_open(&s, &p, 1, &d), GLINT_OK);
        assert_int_equal(glint_decoder_take(d, &p, &returns, &loss), GLINT_PACKET_LIDAR);
        stamp[i] = returns.t_ns[0];
        glint_decoder_close(d);
    }
    assert_int_equal(stamp[0] - stamp[1], INT64_C(18000000000));
    assert_int_equal(stamp[0] - stamp[2], INT64_C(37000000000));
}

static int make_paths(void **state)
{
    (void)state;
    const int a = mkstemp(path), b = mkstemp(other);
    return a < 0 || b < 0 ? -1 : close(a) + close(b);
}

static int remove_paths(void **state)
{
    (void)state;
    return unlink(path) + unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sensors_on_one_port_are_kept_apart),
        cmocka_unit_test(two_sensors_live),
        cmocka_unit_test(only_expected_sensors_are_taken),
        cmocka_unit_test(a_wrong_model_is_told),
        cmocka_unit_test(a_wrong_velodyne_is_told),
        cmocka_unit_test(two_models_on_one_port),
        cmocka_unit_test(packets_of_nobody_are_foreign),
        cmocka_unit_test(duplicates_are_counted_and_not_decoded_again),
        cmocka_unit_test(late_packets_are_not_lost),
        cmocka_unit_test(loss_is_counted_to_the_packet),
        cmocka_unit_test(only_frames_with_loss_are_degraded),
        cmocka_unit_test(loss_is_exact_in_any_order),
        cmocka_unit_test(reboots_and_jumps_of_the_clock_are_no_loss),
        cmocka_unit_test(a_clock_that_is_found_again),
        cmocka_unit_test(faulty_network),
        cmocka_unit_test(clock_model_finds_offset_and_drift),
        cmocka_unit_test(time_scale_as_told),
    };
    return cmocka_run_group_tests(tests, make_paths, remove_paths);
}
