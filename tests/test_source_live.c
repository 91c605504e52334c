/* tests/test_source_live.c - packets over loopback: all of them, in frames that equal those of the capture;
 * what cannot be opened says why. Nothing leaves this machine. */
#define _GNU_SOURCE
#include "tests/live_fixture.h"

static char path[] = "/tmp/glint_live_XXXXXX";
static struct frames_sink recorded, live;
static struct glint_pipeline_stats recorded_stats, live_stats;
static struct glint_live_stats net;

static void assert_same_frames(void)
{
    assert_int_equal(live.n, recorded.n);
    for (int i = 0; i < live.n; i++) {
        assert_int_equal(live.seen[i].n, recorded.seen[i].n);
        assert_true(live.seen[i].hash == recorded.seen[i].hash);
    }
}

static void assert_nothing_dropped(void)
{
    assert_int_equal(net.kernel_drops + net.ring_drops + net.truncated, 0);
    assert_int_equal(live_stats.loss.packets_dropped, 0);
    assert_int_equal(live_stats.frames_dropped, 0);
}

static void live_frames_equal_recorded_frames(void **state)
{
    (void)state;
    struct player p = {.path = path, .settings = {.rate = 8000}};
    make_capture(path, 3000);
    run_recorded(path, &recorded, &recorded_stats);
    run_live(&p, &live, &live_stats, &net);
    assert_int_equal(recorded.n, 3000 / SENSOR_TURN);
    assert_nothing_dropped();
    assert_int_equal(net.received, 3000);
    assert_int_equal(live_stats.loss.packets_received, 3000);
    assert_int_equal(live_stats.loss.packets_decoded, 3000);
    assert_int_equal(live_stats.loss.packets_lost, 0);
    assert_same_frames();
}

static void shared_captures_live(void **state)
{
    (void)state;
    static const char *const names[] = {"captures/velodyne_vlp16_gps/sample_velodyne_vlp16_gps.pcap",
                                        "captures/hesai_xt32/xt32_1673400677.pcap"};
    for (int i = 0; i < 2; i++) {
        char capture[500];
        if (!glint_test_shared(names[i], capture, sizeof capture))
            skip();
        struct player p = {.path = capture, .settings = {.rate = 4000}};
        run_recorded(capture, &recorded, &recorded_stats);
        run_live(&p, &live, &live_stats, &net);
        assert_nothing_dropped();
        assert_int_equal(net.received, p.stats.sent);
        assert_int_equal(live_stats.loss.packets_decoded, recorded_stats.loss.packets_decoded);
        assert_same_frames();
    }
}

static void captured_frames_equal_recorded_frames(void **state)
{
    (void)state;
    struct player p = {.path = path, .settings = {.rate = 4000}, .pcap = true};
    make_capture(path, 1500);
    run_recorded(path, &recorded, &recorded_stats);
    run_live(&p, &live, &live_stats, &net);
    assert_nothing_dropped();
    assert_int_equal(net.received, 1500);
    assert_same_frames();
}

/* A reader that does not come: the ring fills, and every packet is either there or counted. */
static void slow_reader_loses_nothing_in_silence(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_replay_stats sent;
    struct glint_packet packet;
    struct glint_source *source;
    struct glint_loss rest = {0};
    uint64_t n = 0, dropped = 0;
    int status;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = free_port();
    s.address = "127.0.0.1";
    s.ring_bytes = 1 << 20;
    const struct glint_replay_settings replay = {.port = s.ports[0], .rate = 20000};
    make_capture(path, 3000);
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_OK);
    assert_int_equal(glint_replay(path, &replay, NULL, &sent), GLINT_OK);
    usleep(150000); /* drops behind the last packet are asked for when it is quiet */
    glint_source_live_stop(source);
    while ((status = source->ops->next_packet(source, &packet)) == GLINT_OK || status == GLINT_E_AGAIN)
        if (status == GLINT_OK) {
            n++;
            dropped += packet.dropped_before;
        }
    assert_int_equal(status, GLINT_E_EOF);
    glint_source_live_stats(source, &net);
    assert_int_equal(n + net.ring_drops, net.received);
    assert_int_equal(net.received + net.kernel_drops, sent.sent);
    assert_true(net.ring_drops + net.kernel_drops > 1500);
    assert_true(n > 100);
    glint_source_account(source, &rest);
    assert_int_equal(dropped + rest.packets_dropped, net.ring_drops + net.kernel_drops);
    glint_source_close(source);
}

static void ends_after_its_duration_without_packets(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_source *source;
    struct glint_packet p;
    int status, n = 0;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = free_port();
    s.duration_ns = 120000000;
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_OK);
    while ((status = source->ops->next_packet(source, &p)) == GLINT_E_AGAIN)
        n++;
    assert_int_equal(status, GLINT_E_EOF);
    assert_true(n >= 1 && n < 20); /* it waits, it does not spin */
    glint_source_close(source);
}

static void says_what_cannot_be_opened(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_source *source, *second;
    glint_live_settings_default(&s);
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_ARG); /* no port */
    s.ports[s.n_ports++] = free_port();
    s.address = "127.0.0.1";
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_OK);
    assert_int_equal(glint_source_live_open(&s, &second), GLINT_E_DEVICE);
    assert_non_null(strstr(glint_error_text(), "in use"));
    glint_source_close(source);
    s.address = "no.address";
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_ARG);
    s.address = NULL;
    s.groups[s.n_groups++] = "10.0.0.1";
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_ARG);
    s.n_groups = 0;
    s.iface = "no_such_if";
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_DEVICE);
    assert_non_null(strstr(glint_error_text(), "no_such_if"));
    s.pcap = true;
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_DEVICE);
}

/* The same faults for the same seed, and all of them counted. */
static void replay_counts_its_faults(void **state)
{
    (void)state;
    const struct glint_replay_settings s = {
        .port = free_port(), .loss = 0.01, .duplicate = 0.05, .reorder = 64, .seed = 5, .loops = 2};
    struct glint_replay_stats one, two;
    make_capture(path, 2000);
    assert_int_equal(glint_replay(path, &s, NULL, &one), GLINT_OK);
    assert_int_equal(glint_replay(path, &s, NULL, &two), GLINT_OK);
    assert_int_equal(one.read, 4000);
    assert_int_equal(one.read - one.lost + one.duplicated, one.sent + one.failed);
    assert_true(one.lost > 10 && one.lost < 90 && one.duplicated > 100 && one.reordered > 3000);
    assert_int_equal(one.lost, two.lost);
    assert_int_equal(one.duplicated, two.duplicated);
    assert_int_equal(one.reordered, two.reordered);
    const struct glint_replay_settings bad = {.loss = 2};
    assert_int_equal(glint_replay(path, &bad, NULL, &one), GLINT_E_ARG);
    assert_int_equal(glint_replay("/no/such.pcap", &s, NULL, &one), GLINT_E_NOTFOUND);
}

static int make_path(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_frames_equal_recorded_frames),
        cmocka_unit_test(shared_captures_live),
        cmocka_unit_test(captured_frames_equal_recorded_frames),
        cmocka_unit_test(slow_reader_loses_nothing_in_silence),
        cmocka_unit_test(ends_after_its_duration_without_packets),
        cmocka_unit_test(says_what_cannot_be_opened),
        cmocka_unit_test(replay_counts_its_faults),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
