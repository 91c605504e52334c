/* tests/test_stage_merge.c - sweeps of several sensors to one frame in the pipeline: recorded and live give
 * the same frames, and a sensor that dies delays nobody. */
#define _GNU_SOURCE
#include "tests/live_fixture.h"
#include "calib/pose.h"
#include "core/clock.h"
#include "io/source_several.h"

#define FRONT_IP  0xc0a801c9u
#define REAR_IP   0xc0a801cau
#define BOTH_IPS  0
#define MS        INT64_C(1000000)
#define LOOPBACK1 0x7f000001u
#define LOOPBACK2 0x7f000002u

static char path[] = "/tmp/glint_merge_XXXXXX", other[] = "/tmp/glint_merge_XXXXXX";
static struct frames_sink recorded, live;
static struct glint_pipeline_stats recorded_stats, live_stats;
static struct glint_live_stats net;
static const struct glint_pose up = {{1, 0, 0, 0}, {0, 0, 1}}, back = {{0, 0, 0, 1}, {-2, 0, 1}};

/* The present, so that replayed packets are of the time at which they come, away from the end of the hour. */
static int64_t epoch_ns;
static uint32_t clock_us;

static void set_clock(void)
{
    const int64_t hour_us = INT64_C(3600000000), now_ns = glint_clock_utc_ns();
    const int64_t us = now_ns / 1000 % hour_us;
    epoch_ns = us > hour_us - 50000000 ? now_ns - 50 * 1000 * MS : now_ns;
    clock_us = (uint32_t)(epoch_ns / 1000 % hour_us);
}

/* by address: front, rear */
static struct glint_pipeline_merge of_addresses(uint32_t front, uint32_t rear)
{
    return (struct glint_pipeline_merge){
        .n_sensors = 2,
        .sensor = {{.name = "front", .mount = &up, .input = -1, .src_ip = front},
                   {.name = "rear", .mount = &back, .input = -1, .src_ip = rear}}};
}

/* Packets of both in turns, a third of a turn apart; the rear one's end after n_rear, its clock is ahead. */
static void make_two(int n_front, int n_rear, uint32_t ahead_us)
{
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < n_front; i++) {
        capture_add_sensor(w, i, 1, clock_us, epoch_ns, FRONT_IP);
        if (i >= 25 && i < n_rear)
            capture_add_sensor(w, i, 1, clock_us + ahead_us, epoch_ns + 300000, REAR_IP);
    }
    capture_end(w);
}

static void run_recording(const struct glint_pipeline_merge *merge)
{
    struct glint_source *source;
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    run_merged(source, false, merge, &recorded, &recorded_stats);
    glint_source_close(source);
}

static void assert_account(const struct glint_loss *l)
{
    assert_int_equal(l->packets_received, l->packets_decoded + l->packets_malformed + l->packets_foreign);
}

static void one_capture_of_two(void **state)
{
    (void)state;
    const struct glint_pipeline_merge merge = of_addresses(FRONT_IP, REAR_IP);
    make_two(750, 750, 0);
    run_recording(&merge);
    assert_int_equal(recorded.n, 10);
    for (int i = 0; i < 10; i++) {
        assert_string_equal(recorded.seen[i].missing, "");
        assert_string_equal(recorded.seen[i].source, "front+rear");
        assert_int_equal(recorded.seen[i].n, (i > 0 ? 150 : 125) * 384);
        assert_account(&recorded.seen[i].loss);
    }
    assert_int_equal(recorded_stats.loss.packets_received, 1475);
    assert_int_equal(recorded_stats.loss.sensors_missed, 0);
    assert_account(&recorded_stats.loss);
}

/* Packet 250 of the rear one is missing: the frame that has its turn says so, and no other. */
static void what_one_lost_is_told_of_the_frame(void **state)
{
    (void)state;
    const struct glint_pipeline_merge merge = of_addresses(FRONT_IP, REAR_IP);
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 750; i++) {
        capture_add_sensor(w, i, 1, clock_us, epoch_ns, FRONT_IP);
        if (i >= 25 && i != 250)
            capture_add_sensor(w, i, 1, clock_us, epoch_ns + 300000, REAR_IP);
    }
    capture_end(w);
    run_recording(&merge);
    assert_int_equal(recorded.n, 10);
    assert_health(&recorded, GLINT_HEALTH_PACKETS_LOST, 3, 3);
    for (int i = 0; i < 10; i++)
        assert_int_equal(recorded.seen[i].health & GLINT_HEALTH_BIT(GLINT_HEALTH_SENSOR_MISSING), 0);
}

/* The same packets in two files: the same frames. */
static void two_captures(void **state)
{
    (void)state;
    const struct glint_pipeline_merge merge = {.n_sensors = 2,
                                               .sensor = {{.name = "front", .mount = &up, .input = 0},
                                                          {.name = "rear", .mount = &back, .input = 1}}};
    const struct glint_pipeline_merge one = of_addresses(FRONT_IP, REAR_IP);
    const char *const paths[] = {path, other};
    struct glint_source *source;
    static struct frames_sink frames;
    struct glint_pipeline_stats stats;
    make_two(750, 750, 0);
    run_recording(&one);
    make_two(750, 0, 0);
    struct glint_pcap_writer *w = capture_begin(other); /* from the same address: told apart by the input */
    capture_add_sensor(w, 25, 725, clock_us, epoch_ns + 300000, FRONT_IP);
    capture_end(w);
    assert_int_equal(glint_source_several_open(paths, 2, &source), GLINT_OK);
    run_merged(source, false, &merge, &frames, &stats);
    glint_source_close(source);
    assert_int_equal(frames.n, recorded.n);
    for (int i = 0; i < frames.n; i++)
        assert_true(frames.seen[i].hash == recorded.seen[i].hash);
    assert_int_equal(stats.loss.packets_decoded, 1475);
}

static void assert_same_live(const struct glint_pipeline_merge *merge, struct player *p)
{
    p->path = path;
    p->merge = merge;
    run_live(p, &live, &live_stats, &net);
    assert_int_equal(net.kernel_drops + net.ring_drops, 0);
    assert_int_equal(live.n, recorded.n);
    for (int i = 0; i < live.n; i++) {
        assert_string_equal(live.seen[i].missing, recorded.seen[i].missing);
        assert_int_equal(live.seen[i].n, recorded.seen[i].n);
        assert_true(live.seen[i].hash == recorded.seen[i].hash);
        assert_account(&live.seen[i].loss);
    }
    assert_int_equal(live_stats.loss.packets_decoded, recorded_stats.loss.packets_decoded);
    assert_int_equal(live_stats.loss.sensors_missed, recorded_stats.loss.sensors_missed);
}

static void live_equals_recorded(void **state)
{
    (void)state;
    const struct glint_pipeline_merge there = of_addresses(FRONT_IP, REAR_IP),
                                      here = of_addresses(LOOPBACK1, LOOPBACK2);
    struct player p = {.settings = {.speed = 1}};
    make_two(750, 750, 0);
    run_recording(&there);
    assert_same_live(&here, &p);
}

/* The rear one dies in its sixth turn: what there is of that turn never becomes a sweep before the end, the
 * front one goes on, each frame at its deadline, and names who is missing. */
static void a_sensor_dies(void **state)
{
    (void)state;
    const struct glint_pipeline_merge there = of_addresses(FRONT_IP, REAR_IP),
                                      here = of_addresses(LOOPBACK1, LOOPBACK2);
    struct player p = {.settings = {.speed = 1}};
    make_two(750, 400, 0);
    run_recording(&there);
    assert_int_equal(recorded.n, 10);
    for (int i = 0; i < 10; i++)
        assert_string_equal(recorded.seen[i].missing, i < 5 ? "" : "rear");
    assert_int_equal(recorded_stats.loss.sensors_missed, 5);
    assert_health(&recorded, GLINT_HEALTH_SENSOR_MISSING, 5, 9);
    assert_same_live(&here, &p);
    assert_true(live.seen[5].total_ns >= 90 * MS && live.seen[5].total_ns < 350 * MS); /* 400 ms to the end */
}

/* Both fall silent after the front one's turn: nothing comes that could wake anybody, and still the frame
 * goes out at its deadline, not at the end. */
static void all_fall_silent(void **state)
{
    (void)state;
    const struct glint_pipeline_merge here = of_addresses(LOOPBACK1, LOOPBACK2);
    struct player p = {.path = path, .settings = {.rate = 4000}, .merge = &here, .quiet_us = 700000};
    struct glint_pcap_writer *w = capture_begin(path);
    capture_add_sensor(w, 0, 75, clock_us, epoch_ns, FRONT_IP);
    capture_add_sensor(w, 25, 50, clock_us, epoch_ns, REAR_IP);
    capture_add_sensor(w, 75, 1, clock_us, epoch_ns, FRONT_IP); /* ends the turn of the front one */
    capture_end(w);
    run_live(&p, &live, &live_stats, &net);
    assert_true(live.n >= 1);
    assert_string_equal(live.seen[0].missing, "rear");
    assert_true(live.seen[0].total_ns >= 90 * MS && live.seen[0].total_ns < 500 * MS);
}

/* The clock of one is 37 s ahead (TAI): nothing is merged, nothing stalls, nothing is lost in silence. */
static void clocks_that_differ(void **state)
{
    (void)state;
    const struct glint_pipeline_merge merge = of_addresses(FRONT_IP, REAR_IP);
    make_two(1500, 1500, 37000000);
    run_recording(&merge);
    assert_int_equal(recorded.n + (int)recorded_stats.loss.frames_dropped, 40);
    assert_true(recorded.n >= 36);
    assert_true(recorded_stats.loss.sensors_missed >= 36);
    assert_account(&recorded_stats.loss);
}

/* Both clocks are set back by 37 s in the middle. */
static void clocks_set_back(void **state)
{
    (void)state;
    const struct glint_pipeline_merge merge = of_addresses(FRONT_IP, REAR_IP);
    struct glint_pcap_writer *w = capture_begin(path);
    for (int i = 0; i < 1500; i++) {
        const uint32_t us = clock_us + (i < 750 ? 37000000 : 0);
        capture_add_sensor(w, i, 1, us, epoch_ns, FRONT_IP);
        capture_add_sensor(w, i, 1, us, epoch_ns + 300000, REAR_IP);
    }
    capture_end(w);
    run_recording(&merge);
    assert_true(recorded.n >= 19);
    int whole = 0;
    for (int i = 0; i < recorded.n; i++)
        whole += recorded.seen[i].missing[0] == 0;
    assert_true(whole >= 18);
    assert_account(&recorded_stats.loss);
}

static void a_sensor_nobody_named(void **state)
{
    (void)state;
    struct glint_pipeline_merge merge = of_addresses(FRONT_IP, BOTH_IPS);
    merge.n_sensors = 1;
    make_two(750, 750, 0);
    run_recording(&merge);
    assert_int_equal(recorded.n, 10);
    for (int i = 0; i < recorded.n; i++)
        assert_string_equal(recorded.seen[i].source, "front");
    assert_int_equal(recorded_stats.loss.frames_dropped, 10); /* the rear one's */
    assert_int_equal(recorded_stats.loss.packets_decoded, 1475);
}

static void refused(void **state)
{
    (void)state;
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    struct glint_source *source;
    struct glint_pipeline_merge merge = {.n_sensors = 0};
    const char *const paths[] = {path, "/no/such.pcap"};
    make_two(75, 75, 0);
    assert_int_equal(glint_source_several_open(paths, 2, &source), GLINT_E_NOTFOUND);
    assert_null(source);
    assert_int_equal(glint_source_several_open(paths, 0, &source), GLINT_E_ARG);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.merge = &merge;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    merge.n_sensors = GLINT_PIPELINE_MERGE + 1;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    glint_source_close(source);
}

static int make_paths(void **state)
{
    (void)state;
    set_clock();
    const int a = mkstemp(path), b = mkstemp(other);
    return a < 0 || b < 0 ? -1 : close(a) | close(b);
}

static int remove_paths(void **state)
{
    (void)state;
    return unlink(path) | unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_capture_of_two),    cmocka_unit_test(what_one_lost_is_told_of_the_frame),
        cmocka_unit_test(two_captures),          cmocka_unit_test(live_equals_recorded),
        cmocka_unit_test(a_sensor_dies),         cmocka_unit_test(all_fall_silent),
        cmocka_unit_test(clocks_that_differ),    cmocka_unit_test(clocks_set_back),
        cmocka_unit_test(a_sensor_nobody_named), cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, make_paths, remove_paths);
}
