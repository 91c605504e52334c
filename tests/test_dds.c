/* tests/test_dds.c - ROS 2 topics on the network, on the loopback interface: a subscriber in another process
 * gets what the sink is given; a sink without readers, and one whose reader is gone or never reads, never
 * waits. A subscriber of another make: ros/check_dds.py. */
#define _GNU_SOURCE
#include "tests/clouds.h"
#include "core/clock.h"
#include "ros/dds.h"
#include "ros/sinks.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FRAMES 40
#define STAMP    INT64_C(1700000000000000000)
#define PATIENCE INT64_C(20000000000) /* ns; a machine that is busy with other tests */

static const char loopback[] =
    "<CycloneDDS><Domain id=\"any\"><General><Interfaces><NetworkInterface name=\"lo\"/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    "<Peers><Peer address=\"127.0.0.1\"/></Peers></Discovery></Domain></CycloneDDS>";

static const char *const classes[] = {"car", "pedestrian"};
static const struct glint_sink_context context = {.n_classes = 2, .classes = classes};

static int domain; /* one of the process's own */

static void fill_frame(struct glint_frame *f, int i)
{
    f->index = (uint64_t)i;
    f->stamp_ns = STAMP + i * INT64_C(100000000);
    f->points.n = 0;
    for (int k = 0; k < 100; k++)
        glint_frame_add_point(f, (float)k, (float)i, 0, 0.5f, 1, 0, 0);
    f->n_boxes = i % 5;
    for (int k = 0; k < f->n_boxes; k++)
        f->boxes[k] = (struct glint_box){
            .center = {(float)i, (float)k, 1}, .size = {4, 2, 1}, .score = 0.5f, .label = k % 2, .id = -1};
}

/* ---- the subscriber: a process of its own ---- */

struct found { /* what it has to tell */
    int32_t detections, right, points;
    double latency_ms; /* mean, from writing to taking */
};

static bool is_right(struct glint_cdr_reader *r, int i)
{
    const int64_t stamp = glint_cdr_stamp(r);
    const bool base = strcmp(glint_cdr_text(r), "base_link") == 0;
    const uint32_t n = glint_cdr_u32(r);
    return base && stamp == STAMP + i * INT64_C(100000000) && (int)n == i % 5;
}

static void take_detection(const struct glint_buffer *m, int64_t written_ns, struct found *f)
{
    struct glint_cdr_reader r, whole;
    if (glint_cdr_open(&r, m->data, m->size, "detections") < 0)
        return;
    whole = r;
    if (f->detections == 1 && glint_cdr_stamp(&whole) == STAMP)
        return; /* the first frame again: it was sent until somebody read it */
    whole = r;
    glint_ros_skip(&glint_ros_detection3d_array, &whole);
    const bool exact = !whole.failed && whole.size - whole.at < 4; /* DDS fills up to whole words */
    f->latency_ms += (double)(glint_clock_utc_ns() - written_ns) * 1e-6 / N_FRAMES;
    f->right += exact && is_right(&r, f->detections);
    f->detections++;
}

static int subscribe(int out)
{
    struct glint_dds *dds;
    struct glint_buffer m = {0};
    struct found f = {0};
    int32_t detections, points;
    int64_t written;
    if (glint_dds_open(domain, &dds) < 0 ||
        glint_dds_reader(dds, "/glint/detections", &glint_ros_detection3d_array, true, 100, &detections) <
            0 ||
        glint_dds_reader(dds, "/glint/points", &glint_ros_point_cloud2, false, 5, &points) < 0)
        return 1;
    const int64_t end = glint_clock_monotonic_ns() + PATIENCE;
    while (f.detections < N_FRAMES && glint_clock_monotonic_ns() < end) {
        while (glint_dds_take(dds, detections, &m, &written) == GLINT_OK)
            take_detection(&m, written, &f);
        while (glint_dds_take(dds, points, &m, &written) == GLINT_OK)
            f.points++;
        usleep(200);
    }
    const bool told = write(out, &f, sizeof f) == (ssize_t)sizeof f;
    glint_dds_close(dds);
    glint_buffer_fini(&m);
    return !told;
}

static pid_t start_subscriber(int *in_out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no stopped process */
        _exit(subscribe(ends[1]));
    }
    close(ends[1]);
    *in_out = ends[0];
    return child;
}

/* ---- the publisher ---- */

static uint64_t counted[8];

static void put_count(void *ctx, const char *name, uint64_t value)
{
    static const char *const names[] = {"messages_published", "messages_without_reader",
                                        "frames_dropped_queue_full", "messages_dropped_reader_slow",
                                        "messages_failed"};
    (void)ctx;
    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0)
            counted[i] = value;
}

static struct glint_sink *open_sink(unsigned topics)
{
    static char where[16];
    struct glint_ros_settings settings;
    struct glint_sink *sink;
    glint_ros_settings_default(&settings);
    settings.topics = topics;
    snprintf(where, sizeof where, "dds:%d", domain);
    expect_ok(glint_sink_dds_open(where, &settings, &context, &sink));
    return sink;
}

/* Until the subscriber is known: messages before that go to nobody. */
static void wait_for_reader(struct glint_sink *sink, struct glint_frame *f)
{
    const int64_t end = glint_clock_monotonic_ns() + PATIENCE;
    fill_frame(f, 0);
    do {
        sink->ops->account(sink, put_count, NULL);
        const uint64_t before = counted[1];
        expect_ok(sink->ops->write(sink, f));
        sink->ops->account(sink, put_count, NULL);
        if (counted[1] == before) /* every topic has a reader */
            return;
        usleep(20000);
    } while (glint_clock_monotonic_ns() < end);
    fail_msg("no subscriber found");
}

/* Until the sink's thread has dealt with n messages since it was opened: on a busy machine a fixed pace would
 * fill its queue, and what is given up then is not what this test is about. */
static void wait_until_sent(struct glint_sink *sink, uint64_t n)
{
    const int64_t end = glint_clock_monotonic_ns() + PATIENCE;
    do {
        sink->ops->account(sink, put_count, NULL);
        if (counted[0] + counted[3] + counted[4] >= n)
            return;
        usleep(1000);
    } while (glint_clock_monotonic_ns() < end);
    fail_msg("%d messages were not sent", (int)n);
}

static void a_subscriber_in_another_process_gets_every_detection(void **state)
{
    (void)state;
    struct found found;
    int in, how;
    const pid_t child = start_subscriber(&in);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    struct glint_sink *sink = open_sink(1u << GLINT_ROS_TOPIC_DETECTIONS | 1u << GLINT_ROS_TOPIC_POINTS);
    wait_for_reader(sink, f);
    usleep(20000);
    sink->ops->account(sink, put_count, NULL);
    const uint64_t before = counted[0];
    for (int i = 1; i < N_FRAMES; i++) {
        fill_frame(f, i);
        expect_ok(sink->ops->write(sink, f));
        wait_until_sent(sink, before + 2 * (uint64_t)(i - 1)); /* one frame may be on its way */
    }
    expect_ok(sink->ops->finish(sink));
    sink->ops->account(sink, put_count, NULL);
    assert_int_equal(read(in, &found, sizeof found), sizeof found);
    assert_int_equal(waitpid(child, &how, 0), child);
    sink->ops->close(sink);
    cloud_frame_done(f);
    printf("%d of %d detections, %d clouds; %.2f ms from writing to taking, on average\n", found.detections,
           N_FRAMES, found.points, found.latency_ms);
    assert_int_equal(counted[2] + counted[3] + counted[4], 0);
    assert_int_equal(found.detections, N_FRAMES);
    assert_int_equal(found.right, N_FRAMES);
    assert_true(found.points > 0);
    close(in);
}

/* A reader that is stopped acknowledges nothing: its writer waits, the pipeline does not. */
static void a_reader_that_hangs_never_holds_the_pipeline(void **state)
{
    (void)state;
    int in, how;
    struct glint_frame *f = cloud_frame(1 << 17);
    const pid_t child = start_subscriber(&in);
    struct glint_sink *sink = open_sink(1u << GLINT_ROS_TOPIC_DETECTIONS | 1u << GLINT_ROS_TOPIC_POINTS);
    memset(counted, 0, sizeof counted);
    wait_for_reader(sink, f);
    kill(child, SIGSTOP);
    usleep(50000); /* the messages before are through */
    sink->ops->account(sink, put_count, NULL);
    const uint64_t before = counted[0] + counted[1];
    for (int k = 0; k < 100000; k++)
        glint_frame_add_point(f, 1, 2, 3, 0, 0, 0, 0);
    f->n_boxes = 16;
    for (int k = 0; k < 16; k++)
        f->boxes[k] = (struct glint_box){.size = {1, 1, 1}, .id = -1};
    int64_t most = 0;
    for (int i = 0; i < 300; i++) {
        const int64_t began = glint_clock_monotonic_ns();
        expect_ok(sink->ops->write(sink, f));
        const int64_t took = glint_clock_monotonic_ns() - began;
        most = took > most ? took : most;
    }
    expect_ok(sink->ops->finish(sink));
    sink->ops->account(sink, put_count, NULL);
    printf("%llu frames given up, %llu messages; a frame took at most %.1f ms\n",
           (unsigned long long)counted[2], (unsigned long long)counted[3], (double)most * 1e-6);
    /* None is lost; on a slow machine the reader is given up (10 s) before the last ones. */
    assert_int_equal(counted[0] + counted[1] - before + counted[3] + counted[4] + 2 * counted[2], 2 * 300);
    assert_true(most < INT64_C(2000000000)); /* far less, on a machine that is not full of other work */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    sink->ops->close(sink);
    cloud_frame_done(f);
    close(in);
}

static void without_readers_nothing_is_written(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    struct glint_sink *sink = open_sink(1u << GLINT_ROS_TOPIC_POINTS | 1u << GLINT_ROS_TOPIC_TRACKS);
    fill_frame(f, 1);
    memset(counted, 0, sizeof counted);
    for (int i = 0; i < 5; i++)
        expect_ok(sink->ops->write(sink, f));
    expect_ok(sink->ops->finish(sink));
    sink->ops->account(sink, put_count, NULL);
    assert_int_equal(counted[0], 0);
    assert_int_equal(counted[1], 5);
    sink->ops->close(sink);
    cloud_frame_done(f);
}

static void domains_are_checked(void **state)
{
    (void)state;
    struct glint_ros_settings settings;
    struct glint_sink *sink;
    glint_ros_settings_default(&settings);
    expect_failure(glint_sink_dds_open("dds:x", &settings, &context, &sink), GLINT_E_ARG, "domain \"x\"");
    expect_failure(glint_sink_dds_open("dds:233", &settings, &context, &sink), GLINT_E_ARG,
                   "expected 0 to 232");
    setenv("ROS_DOMAIN_ID", "-1", 1);
    expect_failure(glint_sink_dds_open("dds", &settings, &context, &sink), GLINT_E_ARG, "in ROS_DOMAIN_ID");
    unsetenv("ROS_DOMAIN_ID");
    assert_true(glint_sink_dds_is("dds") && glint_sink_dds_is("dds:1"));
    assert_false(glint_sink_dds_is("ddsx") || glint_sink_dds_is("dds.jsonl"));
}

int main(void)
{
    setenv("CYCLONEDDS_URI", loopback, 1);
    domain = 1 + (int)getpid() % 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_checked), /* the next ones fork: before DDS is used here */
        cmocka_unit_test(a_subscriber_in_another_process_gets_every_detection),
        cmocka_unit_test(a_reader_that_hangs_never_holds_the_pipeline),
        cmocka_unit_test(without_readers_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
