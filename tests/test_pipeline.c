/* tests/test_pipeline.c - the pipeline over made-up sources, sinks and a made-up model. */
#define _POSIX_C_SOURCE 200809L
#include "tests/fakes.h"
#include "core/trace.h"
#include "glint/model.h"
#include "glint/pipeline.h"
#include "io/decoder.h"
#include <time.h>
#include <unistd.h>

/* The model of these tests: as many boxes as points; it fails at one frame, and can be slow. */
struct glint_model {
    int fail_at, slow_at, n_runs; /* slow_at > 0: sleeps at this frame only */
    long sleep_ns;
    struct glint_trace *trace;
};

int glint_model_run(struct glint_model *model, struct glint_frame *frame)
{
    const int64_t begun = glint_span_begin(model->trace);
    const struct timespec t = {0, model->sleep_ns};
    model->n_runs++;
    if (model->sleep_ns && (model->slow_at == 0 || (int)frame->index == model->slow_at))
        nanosleep(&t, NULL);
    if ((int)frame->index == model->fail_at)
        return glint_fail(GLINT_E_CAPACITY, "frame %d does not fit", model->fail_at);
    frame->n_boxes = frame->points.n;
    glint_span_end(model->trace, GLINT_STAGE_BEV, frame, begun);
    return GLINT_OK;
}

static struct fake_sink sink, second;
static struct glint_pipeline_stats stats;

static struct glint_pipeline_settings make_settings(struct glint_source *source, int32_t n_threads)
{
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.n_threads = n_threads;
    s.cap_boxes = 10;
    fake_sink_init(&sink, "sink");
    s.sinks[s.n_sinks++] = &sink.sink;
    return s;
}

static int run(const struct glint_pipeline_settings *settings)
{
    struct glint_pipeline *p;
    if (glint_pipeline_open(settings, &p) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    const int status = glint_pipeline_run(p);
    glint_pipeline_stats(p, &stats);
    assert_int_equal(stats.frames_in, stats.frames_published + stats.frames_dropped);
    assert_int_equal(stats.loss.frames_dropped, stats.frames_dropped);
    uint64_t by_reason = 0;
    for (int i = 0; i < GLINT_DROP_COUNT; i++)
        by_reason += stats.dropped_by[i];
    assert_int_equal(stats.frames_dropped, by_reason);
    assert_true(stats.wall_ns > 0);
    glint_pipeline_close(p);
    assert_int_equal(sink.n_closed, 1);
    return status;
}

static void assert_frames(int first, int end)
{
    assert_int_equal(sink.n, end - first);
    for (int i = 0; i < sink.n; i++) {
        assert_int_equal(sink.seen[i].index, first + i);
        assert_int_equal(sink.seen[i].n_points, 1 + (first + i) % 7);
        assert_int_equal(sink.seen[i].n_boxes, 1 + (first + i) % 7);
    }
}

static void frames_come_in_order_and_all(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++)
        for (int32_t depth = 1; depth <= 3; depth += 2) {
            struct fake_frames source;
            struct glint_model model = {.fail_at = -1};
            fake_frames_init(&source, 300);
            struct glint_pipeline_settings s = make_settings(&source.source, threads);
            s.model = &model;
            s.queue_depth = depth;
            assert_int_equal(run(&s), GLINT_OK);
            assert_frames(0, 300);
            assert_int_equal(stats.frames_in, 300);
            assert_int_equal(stats.frames_dropped, 0);
            assert_true(stats.progress == 1);
            assert_int_equal(sink.n_finished, 1);
            assert_string_equal(sink.seen[42].name, "000042");
            assert_string_equal(sink.seen[42].source, "file 42");
        }
}

static void an_empty_input_is_finished_too(void **state)
{
    (void)state;
    struct fake_frames source;
    fake_frames_init(&source, 0);
    const struct glint_pipeline_settings s = make_settings(&source.source, 2);
    assert_int_equal(run(&s), GLINT_OK);
    assert_int_equal(sink.n, 0);
    assert_int_equal(sink.n_finished, 1);
}

static void only_the_wanted_range_is_published(void **state)
{
    (void)state;
    static const uint64_t ranges[][2] = {{0, 1},  {3, 7},      {7, 8}, {9, 9},
                                         {12, 5}, {195, 1000}, {0, 0}, {500, 600}};
    for (int32_t threads = 1; threads <= 2; threads++)
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            struct fake_frames source;
            struct glint_model model = {.fail_at = -1};
            fake_frames_init(&source, 200);
            struct glint_pipeline_settings s = make_settings(&source.source, threads);
            s.model = &model;
            s.first_frame = ranges[i][0];
            s.end_frame = ranges[i][1];
            assert_int_equal(run(&s), GLINT_OK);
            const int end = s.end_frame < 200 ? (int)s.end_frame : 200;
            const int first = (int)s.first_frame < end ? (int)s.first_frame : end;
            assert_frames(first, end);
            assert_int_equal(source.at,
                             first < end || s.first_frame < s.end_frame ? end : 0); /* stops early */
            assert_int_equal(stats.frames_in, end - first);
        }
}

static void a_bad_file_is_passed_over_and_reported(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++)
        for (int stop = 0; stop < 2; stop++) {
            struct fake_frames source;
            fake_frames_init(&source, 10);
            source.bad = 4;
            struct glint_pipeline_settings s = make_settings(&source.source, threads);
            s.stop_at_bad_file = stop;
            assert_int_equal(run(&s), GLINT_E_FORMAT);
            assert_string_equal(glint_error_text(), "file 4 is bad");
            assert_int_equal(sink.n, stop ? 4 : 9);
            assert_int_equal(stats.frames_dropped, stop ? 0 : 1);
            if (!stop) { /* its number stays unused */
                assert_int_equal(sink.seen[4].index, 5);
                assert_string_equal(sink.seen[4].source, "file 5");
                assert_int_equal(stats.dropped_by[GLINT_DROP_INPUT], 1);
                for (int i = 0; i < 9; i++) /* and the next frame says so */
                    assert_int_equal(sink.seen[i].health,
                                     i == 4 ? GLINT_HEALTH_BIT(GLINT_HEALTH_FRAMES_SKIPPED) : 0);
            }
            assert_int_equal(sink.n_finished, 1);
        }
}

static int only_fails(struct glint_source *source, struct glint_frame *frame)
{
    (void)frame;
    ((struct fake_frames *)source)->at++;
    return glint_fail(GLINT_E_IO, "cable pulled");
}

static void a_source_that_only_fails_ends(void **state)
{
    (void)state;
    static const struct glint_source_ops ops = {.name = "fails", .next_frame = only_fails};
    struct fake_frames source = {.source = {.ops = &ops}};
    const struct glint_pipeline_settings s = make_settings(&source.source, 1);
    assert_int_equal(run(&s), GLINT_E_IO);
    assert_true(source.at < 10000);
    assert_int_equal(sink.n_finished, 1);
}

static void a_failing_model_ends_the_run_after_the_frames_before(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_model model = {.fail_at = 13};
        fake_frames_init(&source, 1000);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        assert_int_equal(run(&s), GLINT_E_CAPACITY);
        assert_string_equal(glint_error_text(), "frame 13 does not fit");
        assert_frames(0, 13);
        assert_true(source.at < 50); /* the input does not run on */
        assert_true(stats.frames_dropped >= 1);
        assert_int_equal(stats.frames_dropped, stats.dropped_by[GLINT_DROP_FAILED]);
        assert_int_equal(sink.n_finished, 1);
    }
}

static void a_service_goes_on_after_a_frame_that_failed(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_model model = {.fail_at = 13};
        fake_frames_init(&source, 100);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        s.skip_failed_frames = true;
        assert_int_equal(run(&s), GLINT_OK);
        assert_int_equal(sink.n, 99);
        assert_int_equal(stats.frames_in, 100);
        assert_int_equal(stats.frames_dropped, 1);
        assert_int_equal(stats.dropped_by[GLINT_DROP_FAILED], 1);
        assert_int_equal(sink.seen[13].index, 14);
        assert_int_equal(sink.seen[13].health, GLINT_HEALTH_BIT(GLINT_HEALTH_FRAMES_SKIPPED));
    }
}

static void a_failing_sink_ends_the_run_and_others_are_finished(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_model model = {.fail_at = -1};
        fake_frames_init(&source, 1000);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        fake_sink_init(&second, "second");
        second.fail_at = 5;
        s.sinks[s.n_sinks++] = &second.sink;
        assert_int_equal(run(&s), GLINT_E_IO);
        assert_string_equal(glint_error_text(), "second: disk full");
        assert_frames(0, 6);
        assert_int_equal(second.n, 5);
        assert_int_equal(sink.n_finished, 1);
        assert_int_equal(second.n_finished, 0);
        assert_int_equal(second.n_closed, 1);
        assert_int_equal(stats.frames_published, 5);
        assert_true(source.at < 50);
    }
}

static void a_sink_that_cannot_finish_is_reported(void **state)
{
    (void)state;
    struct fake_frames source;
    fake_frames_init(&source, 3);
    const struct glint_pipeline_settings s = make_settings(&source.source, 1);
    sink.fail_finish = true;
    assert_int_equal(run(&s), GLINT_E_IO);
    assert_string_equal(glint_error_text(), "sink: disk full at the end");
    assert_int_equal(sink.n, 3);
}

static void newest_wins_drops_and_counts(void **state)
{
    (void)state;
    struct fake_frames source;
    struct glint_model model = {.fail_at = -1, .sleep_ns = 1000000};
    fake_frames_init(&source, 2000);
    struct glint_pipeline_settings s = make_settings(&source.source, 3);
    s.model = &model;
    s.policy = GLINT_QUEUE_NEWEST;
    s.queue_depth = 1;
    assert_int_equal(run(&s), GLINT_OK);
    assert_int_equal(stats.frames_in, 2000);
    assert_true(stats.frames_dropped > 0 && sink.n > 0);
    assert_int_equal(stats.frames_published, sink.n);
    assert_int_equal(sink.seen[sink.n - 1].index, 1999); /* the newest is never dropped */
    for (int i = 1; i < sink.n; i++) {
        assert_true(sink.seen[i].index > sink.seen[i - 1].index);
        assert_true(sink.seen[i].loss.frames_dropped >= sink.seen[i - 1].loss.frames_dropped);
    }
    assert_true(sink.seen[sink.n - 1].loss.frames_dropped > 0);
    assert_int_equal(stats.frames_dropped, stats.dropped_by[GLINT_DROP_QUEUE]);
}

/* Frames that were dropped leave a gap in the numbers, and the next one says so. */
static void assert_gaps_are_told(void)
{
    for (int i = 0; i < sink.n; i++) {
        const bool gap = sink.seen[i].index != (i ? sink.seen[i - 1].index + 1 : 0);
        assert_int_equal(sink.seen[i].health >> GLINT_HEALTH_FRAMES_SKIPPED & 1, gap);
    }
}

static void late_frames_are_marked(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++) {
        struct fake_frames source;
        struct glint_model model = {.fail_at = -1, .sleep_ns = 2000000, .slow_at = 7};
        fake_frames_init(&source, 20);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        s.deadline_ns = 1000000;
        assert_int_equal(run(&s), GLINT_OK);
        assert_frames(0, 20);
        uint64_t n_late = 0;
        for (int i = 0; i < sink.n; i++) {
            const bool late = sink.seen[i].health >> GLINT_HEALTH_LATE & 1;
            assert_int_equal(late, sink.seen[i].total_ns > s.deadline_ns);
            n_late += late;
        }
        assert_true(sink.seen[7].health >> GLINT_HEALTH_LATE & 1);
        assert_int_equal(stats.frames_late, n_late);
    }
}

static void late_frames_are_skipped(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++) {
        struct fake_frames source;
        struct glint_model model = {.fail_at = -1, .sleep_ns = 60000000, .slow_at = 7};
        fake_frames_init(&source, 20);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        s.deadline_ns = 50000000;
        s.late = GLINT_LATE_SKIP;
        assert_int_equal(run(&s), GLINT_OK);
        assert_true(stats.dropped_by[GLINT_DROP_LATE] >= 1);
        assert_int_equal(stats.frames_dropped, stats.dropped_by[GLINT_DROP_LATE]);
        assert_int_equal(stats.frames_published, sink.n);
        for (int i = 0; i < sink.n; i++)
            assert_int_not_equal(sink.seen[i].index, 7);
        assert_gaps_are_told();
    }
}

/* A frame that waited past its deadline is not inferred any more: the newest one is. */
static void what_is_late_already_is_not_inferred(void **state)
{
    (void)state;
    struct fake_frames source;
    struct glint_model model = {.fail_at = -1, .sleep_ns = 5000000};
    fake_frames_init(&source, 50);
    struct glint_pipeline_settings s = make_settings(&source.source, 3);
    s.model = &model;
    s.policy = GLINT_QUEUE_NEWEST;
    s.queue_depth = 64;
    s.deadline_ns = 1000000;
    s.late = GLINT_LATE_SKIP;
    assert_int_equal(run(&s), GLINT_OK);
    assert_int_equal(stats.dropped_by[GLINT_DROP_LATE], 50); /* the inferred ones when they were published */
    assert_true(model.n_runs < 50);
}

static void stop_at_20(struct fake_sink *s, const struct glint_frame *frame)
{
    if (frame->index == 20)
        glint_pipeline_stop(*(struct glint_pipeline **)s->ctx);
}

static void stop_drains(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_pipeline *p;
        fake_frames_init(&source, INT32_MAX);
        const struct glint_pipeline_settings s = make_settings(&source.source, threads);
        sink.on_write = stop_at_20;
        sink.ctx = &p;
        assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
        assert_int_equal(glint_pipeline_run(p), GLINT_E_CANCELLED);
        glint_pipeline_stats(p, &stats);
        assert_int_equal(stats.frames_in, stats.frames_published);
        assert_int_equal(sink.n, stats.frames_published);
        assert_int_equal(sink.n, source.at);
        assert_true(sink.n > 20 && sink.n < 40);
        assert_int_equal(sink.n_finished, 1);
        assert_int_equal(glint_pipeline_run(p), GLINT_E_ARG); /* once only */
        glint_pipeline_close(p);
    }
}

static double sums[2][16];

static void packets_become_frames(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_packets source;
        struct glint_model model = {.fail_at = -1};
        fake_packets_init(&source, 1050);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        assert_int_equal(run(&s), GLINT_OK);
        assert_int_equal(sink.n, 11);
        for (int i = 0; i < sink.n; i++) {
            const int packets = i < 10 ? FAKE_PACKETS_PER_TURN : 50;
            assert_int_equal(sink.seen[i].n_points, packets * FAKE_RETURNS_PER_PACKET);
            sums[threads - 1][i] = sink.seen[i].sum;
        }
        const struct glint_loss *loss = &sink.seen[3].loss;
        assert_int_equal(loss->packets_received, 401); /* the one that ended the frame included */
        assert_int_equal(loss->packets_decoded, 401);
        assert_int_equal(stats.loss.packets_received, 1050);
        assert_int_equal(stats.loss.packets_decoded, 1050);
        assert_int_equal(stats.loss.packets_lost, 0);
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
}

static void a_given_decoder_gives_the_same(void **state)
{
    (void)state;
    struct fake_packets source;
    struct glint_packet packet;
    const struct glint_decoder_settings wanted = {.sensor = "vlp16"};
    struct glint_decoder *decoder;
    fake_packets_init(&source, 1050);
    fake_next_packet(&source.source, &packet);
    assert_int_equal(glint_decoder_open(&wanted, &packet, 1, &decoder), GLINT_OK);
    source.at = 0;
    struct glint_pipeline_settings s = make_settings(&source.source, 1);
    s.decoder = decoder;
    assert_int_equal(glint_pipeline_cap_points(&source.source, decoder), decoder->cap_points);
    assert_int_equal(run(&s), GLINT_OK);
    assert_int_equal(sink.n, 11);
    for (int i = 0; i < sink.n; i++)
        assert_true(sink.seen[i].sum == sums[0][i]);
    glint_decoder_close(decoder);
}

/* Cut in the first packets, on a batch's border, and later. */
static void a_capture_cut_short_gives_what_came_before(void **state)
{
    (void)state;
    static const int cuts[] = {1, 31, 32, 33, 64, 100, 101, 320, 555};
    for (int32_t threads = 1; threads <= 2; threads++)
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            struct fake_packets source;
            char reason[100];
            fake_packets_init(&source, 1000);
            source.cut = cuts[i];
            const struct glint_pipeline_settings s = make_settings(&source.source, threads);
            assert_int_equal(run(&s), GLINT_E_FORMAT);
            snprintf(reason, sizeof reason, "fake.pcap: truncated after %d packets", cuts[i]);
            assert_string_equal(glint_error_text(), reason);
            int64_t points = 0;
            for (int k = 0; k < sink.n; k++)
                points += sink.seen[k].n_points;
            assert_int_equal(points, cuts[i] * FAKE_RETURNS_PER_PACKET);
            assert_int_equal(sink.n, (cuts[i] + FAKE_PACKETS_PER_TURN - 1) / FAKE_PACKETS_PER_TURN);
            assert_int_equal(stats.loss.packets_received, cuts[i]);
            assert_int_equal(sink.n_finished, 1);
        }
}

static void packets_of_no_sensor_do_not_open(void **state)
{
    (void)state;
    struct fake_packets source;
    struct glint_pipeline *p;
    fake_packets_init(&source, 1000);
    source.foreign = true;
    const struct glint_pipeline_settings s = make_settings(&source.source, 1);
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_FORMAT);
    assert_null(p);
    assert_non_null(strstr(glint_error_text(), "fake.pcap: no known sensor"));
    assert_int_equal(sink.n_closed, 0); /* still ours */
    fake_packets_init(&source, 0);
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_FORMAT);
    fake_packets_init(&source, 10);
    source.cut = 0;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_FORMAT);
    assert_string_equal(glint_error_text(), "fake.pcap: truncated after 0 packets");
}

static void a_range_of_packet_frames_stops_early(void **state)
{
    (void)state;
    struct fake_packets source;
    fake_packets_init(&source, 100000);
    struct glint_pipeline_settings s = make_settings(&source.source, 2);
    s.first_frame = 2;
    s.end_frame = 4;
    assert_int_equal(run(&s), GLINT_OK);
    assert_int_equal(sink.n, 2);
    assert_int_equal(sink.seen[0].index, 2);
    assert_int_equal(sink.seen[0].n_points, FAKE_PACKETS_PER_TURN * FAKE_RETURNS_PER_PACKET);
    assert_true(source.at < 500);
}

/* How often the exported trace has a span of this name. */
static int count_spans(struct glint_trace *trace, const char *name)
{
    static char text[1 << 20];
    char path[] = "/tmp/glint_pipeline_XXXXXX", wanted[64];
    int n = 0;
    close(mkstemp(path));
    assert_int_equal(glint_trace_export(trace, path), GLINT_OK);
    FILE *f = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    unlink(path);
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\",\"ts\"", name);
    for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++)
        n++;
    return n;
}

#define SLEEP_NS 10000000

static void every_stage_is_on_record(void **state)
{
    (void)state;
    static const enum glint_stage packet_stages[] = {GLINT_STAGE_CAPTURE, GLINT_STAGE_DECODE,
                                                     GLINT_STAGE_FRAME, GLINT_STAGE_BEV};
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_packets source;
        struct glint_trace *trace;
        struct glint_model model = {.fail_at = -1, .sleep_ns = SLEEP_NS};
        struct glint_trace_stats t, total;
        fake_packets_init(&source, 1000);
        assert_int_equal(glint_trace_open(10000, &trace), GLINT_OK);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        s.trace = model.trace = trace;
        assert_int_equal(run(&s), GLINT_OK);
        int64_t sum = 0;
        for (size_t i = 0; i < sizeof packet_stages / sizeof *packet_stages; i++) {
            glint_trace_stats(trace, (int)packet_stages[i], &t);
            assert_int_equal(t.count, 10);
            assert_true(t.p50_ns > 0 && t.p50_ns <= t.p90_ns && t.p90_ns <= t.max_ns);
            sum += t.sum_ns;
            assert_true(sink.seen[4].latency_ns[packet_stages[i]] > 0);
        }
        glint_trace_stats(trace, GLINT_STAGE_PUBLISH, &t);
        assert_int_equal(t.count, 10);
        glint_trace_stats(trace, GLINT_STAGE_ALIGN, &t);
        assert_int_equal(t.count, 0);
        glint_trace_stats(trace, GLINT_STAGE_BEV, &t);
        assert_true(t.p50_ns >= SLEEP_NS);
        assert_true(threads > 1 || sum <= stats.wall_ns); /* no time is counted twice */
        glint_trace_stats(trace, GLINT_STAGE_COUNT, &total);
        assert_int_equal(total.count, 10);
        assert_true(total.p50_ns >= SLEEP_NS);
        assert_true(sink.seen[4].total_ns >= SLEEP_NS); /* known when sinks write */
        assert_int_equal(count_spans(trace, "publish"), 10);
        assert_int_equal(count_spans(trace, "bev"), 10);
        const int n_decode = count_spans(trace, "decode"); /* some batches together, and where frames end */
        assert_true(n_decode >= 10 && n_decode <= 50);
        glint_trace_close(trace);
    }
}

static void a_stage_has_neither_the_models_time_nor_waits_for_it(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_trace *trace;
        struct glint_model model = {.fail_at = -1, .sleep_ns = SLEEP_NS};
        struct glint_trace_stats t;
        fake_frames_init(&source, 12);
        assert_int_equal(glint_trace_open(1000, &trace), GLINT_OK);
        struct glint_pipeline_settings s = make_settings(&source.source, threads);
        s.model = &model;
        s.trace = trace;
        assert_int_equal(run(&s), GLINT_OK);
        glint_trace_stats(trace, GLINT_STAGE_CAPTURE, &t);
        assert_int_equal(t.count, 12);
        assert_true(t.p50_ns < SLEEP_NS / 2);
        glint_trace_stats(trace, GLINT_STAGE_PUBLISH, &t);
        assert_true(t.p50_ns < SLEEP_NS / 2);
        glint_trace_close(trace);
    }
}

/* A reader that keeps the last frames leaves too few for the queues. */
#define KEPT 3

static void keep(struct fake_sink *s, const struct glint_frame *frame)
{
    struct glint_frame **kept = s->ctx, *mine = (struct glint_frame *)(uintptr_t)frame;
    const uint64_t at = frame->index % KEPT;
    if (kept[at])
        glint_frame_unref(kept[at]);
    glint_frame_ref(mine);
    kept[at] = mine;
}

static void waiting_for_a_free_frame_is_no_stages_time(void **state)
{
    (void)state;
    struct fake_frames source;
    struct glint_trace *trace;
    struct glint_trace_stats t;
    struct glint_model model = {.fail_at = -1, .sleep_ns = SLEEP_NS};
    struct glint_frame *kept[KEPT] = {NULL};
    struct glint_pipeline *p;
    fake_frames_init(&source, 15);
    assert_int_equal(glint_trace_open(10000, &trace), GLINT_OK);
    struct glint_pipeline_settings s = make_settings(&source.source, 3);
    s.model = &model;
    s.trace = trace;
    s.queue_depth = 1;
    sink.on_write = keep;
    sink.ctx = kept;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    glint_trace_stats(trace, GLINT_STAGE_CAPTURE, &t);
    assert_int_equal(t.count, 15);
    assert_true(t.sum_ns < 5 * SLEEP_NS);
    for (int i = 0; i < KEPT; i++)
        glint_frame_unref(kept[i]);
    glint_pipeline_close(p);
    glint_trace_close(trace);
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    struct fake_frames source;
    struct glint_pipeline *p;
    fake_frames_init(&source, 1);
    struct glint_pipeline_settings s = make_settings(NULL, 1);
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    s = make_settings(&source.source, 0);
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    s = make_settings(&source.source, 1);
    s.n_sinks = GLINT_PIPELINE_SINKS + 1;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    s = make_settings(&source.source, 2);
    s.queue_depth = 0;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_E_ARG);
    glint_pipeline_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_in_order_and_all),
        cmocka_unit_test(an_empty_input_is_finished_too),
        cmocka_unit_test(only_the_wanted_range_is_published),
        cmocka_unit_test(a_bad_file_is_passed_over_and_reported),
        cmocka_unit_test(a_source_that_only_fails_ends),
        cmocka_unit_test(a_failing_model_ends_the_run_after_the_frames_before),
        cmocka_unit_test(a_service_goes_on_after_a_frame_that_failed),
        cmocka_unit_test(a_failing_sink_ends_the_run_and_others_are_finished),
        cmocka_unit_test(a_sink_that_cannot_finish_is_reported),
        cmocka_unit_test(newest_wins_drops_and_counts),
        cmocka_unit_test(late_frames_are_marked),
        cmocka_unit_test(late_frames_are_skipped),
        cmocka_unit_test(what_is_late_already_is_not_inferred),
        cmocka_unit_test(stop_drains),
        cmocka_unit_test(packets_become_frames),
        cmocka_unit_test(a_given_decoder_gives_the_same),
        cmocka_unit_test(a_capture_cut_short_gives_what_came_before),
        cmocka_unit_test(packets_of_no_sensor_do_not_open),
        cmocka_unit_test(a_range_of_packet_frames_stops_early),
        cmocka_unit_test(every_stage_is_on_record),
        cmocka_unit_test(a_stage_has_neither_the_models_time_nor_waits_for_it),
        cmocka_unit_test(waiting_for_a_free_frame_is_no_stages_time),
        cmocka_unit_test(wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
