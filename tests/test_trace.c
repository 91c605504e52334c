/* tests/test_trace.c - spans, statistics; the export is test_trace_export.c. */
#include "tests/util.h"
#include "core/clock.h"
#include "core/status.h"
#include "core/trace.h"
#include <pthread.h>

static struct glint_trace *open_trace(size_t cap)
{
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(cap, &trace), GLINT_OK);
    return trace;
}

static struct glint_frame make_frame(uint64_t index)
{
    struct glint_frame f = {.index = index};
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        f.latency_ns[i] = -1;
    return f;
}

static void spans_add_up_in_the_frame(void **state)
{
    (void)state;
    struct glint_trace *traces[] = {NULL, open_trace(10)};
    for (int i = 0; i < 2; i++) {
        struct glint_frame f = make_frame(0);
        const int64_t begun = glint_span_begin(traces[i]) - 1000000;
        const int64_t a = glint_span_end(traces[i], GLINT_STAGE_DECODE, &f, begun);
        const int64_t b = glint_span_end(traces[i], GLINT_STAGE_DECODE, &f, begun);
        assert_true(a >= 1000000 && b >= a);
        assert_true(f.latency_ns[GLINT_STAGE_DECODE] == a + b);
        assert_int_equal(f.latency_ns[GLINT_STAGE_BEV], -1);
    }
    glint_trace_close(traces[1]);
}

static void percentiles_are_exact(void **state)
{
    (void)state;
    struct glint_trace *trace = open_trace(1000);
    struct glint_trace_stats s;
    glint_trace_stats(trace, GLINT_STAGE_HEAD, &s);
    assert_int_equal(s.count, 0);
    assert_int_equal(s.p50_ns, 0);
    for (uint64_t i = 0; i < 200; i++) { /* 1..200 in some order */
        struct glint_frame f = make_frame(i);
        f.latency_ns[GLINT_STAGE_HEAD] = (int64_t)(i * 73 % 200 + 1);
        glint_trace_frame_done(trace, &f);
        assert_int_equal(f.total_ns, 0); /* no arrival */
    }
    glint_trace_stats(trace, GLINT_STAGE_HEAD, &s);
    assert_int_equal(s.count, 200);
    assert_int_equal(s.p50_ns, 100);
    assert_int_equal(s.p90_ns, 180);
    assert_int_equal(s.p99_ns, 198);
    assert_int_equal(s.max_ns, 200);
    assert_int_equal(s.sum_ns, 200 * 201 / 2);
    glint_trace_stats(trace, GLINT_STAGE_NMS, &s);
    assert_int_equal(s.count, 0);
    glint_trace_stats(trace, GLINT_STAGE_COUNT, &s);
    assert_int_equal(s.count, 200);
    glint_trace_close(trace);
}

static void old_samples_leave_the_percentiles(void **state)
{
    (void)state;
    struct glint_trace *trace = open_trace(10);
    struct glint_trace_stats s;
    for (uint64_t i = 0; i < 25; i++) {
        struct glint_frame f = make_frame(i);
        f.latency_ns[GLINT_STAGE_BEV] = i < 15 ? 1000 : (int64_t)i; /* 15..24 stay */
        glint_trace_frame_done(trace, &f);
    }
    glint_trace_stats(trace, GLINT_STAGE_BEV, &s);
    assert_int_equal(s.count, 25);
    assert_int_equal(s.max_ns, 1000); /* of all */
    assert_int_equal(s.p50_ns, 19);
    assert_int_equal(s.p99_ns, 24);
    glint_trace_close(trace);
}

static void total_is_from_arrival(void **state)
{
    (void)state;
    struct glint_trace *trace = open_trace(10);
    struct glint_frame f = make_frame(0);
    struct glint_trace_stats s;
    f.arrival_ns = glint_clock_monotonic_ns() - 5000000;
    glint_trace_frame_done(trace, &f);
    assert_true(f.total_ns >= 5000000);
    glint_trace_stats(trace, GLINT_STAGE_COUNT, &s);
    assert_true(s.p50_ns == f.total_ns);
    glint_trace_close(trace);
}

static void *work(void *arg)
{
    struct glint_trace *trace = arg;
    for (uint64_t i = 0; i < 1000; i++) {
        struct glint_frame f = make_frame(i);
        struct glint_trace_stats s;
        glint_span_end(trace, GLINT_STAGE_ATTEND, &f, glint_span_begin(trace));
        glint_span_part(trace, "part", i, glint_span_begin(trace));
        glint_trace_counter(trace, "count", (double)i);
        glint_trace_frame_done(trace, &f);
        if (i % 100 == 0)
            glint_trace_stats(trace, GLINT_STAGE_ATTEND, &s);
    }
    return NULL;
}

static void threads_share_a_trace(void **state)
{
    (void)state;
    struct glint_trace *trace = open_trace(500);
    struct glint_trace_stats s;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, trace);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    glint_trace_stats(trace, GLINT_STAGE_ATTEND, &s);
    assert_int_equal(s.count, 4000);
    glint_trace_close(trace);
}

static void a_null_trace_is_silent(void **state)
{
    (void)state;
    struct glint_frame f = make_frame(0);
    struct glint_trace_stats s = {.count = 7};
    glint_trace_frame_done(NULL, &f);
    glint_trace_counter(NULL, "x", 1);
    glint_trace_thread(NULL, "x");
    glint_span_part(NULL, "x", 0, 0);
    glint_trace_stats(NULL, 0, &s);
    assert_int_equal(s.count, 0);
    glint_trace_close(NULL);
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(0, &trace), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_add_up_in_the_frame),
        cmocka_unit_test(percentiles_are_exact),
        cmocka_unit_test(old_samples_leave_the_percentiles),
        cmocka_unit_test(total_is_from_arrival),
        cmocka_unit_test(threads_share_a_trace),
        cmocka_unit_test(a_null_trace_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
