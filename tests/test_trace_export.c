/* tests/test_trace_export.c - the written file is read again as JSON. */
#define _POSIX_C_SOURCE 200809L
#include "tests/util.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/status.h"
#include "core/trace.h"
#include <math.h>
#include <pthread.h>
#include <unistd.h>

static struct glint_json_doc *export(struct glint_trace *trace)
{
    char path[] = "/tmp/glint_trace_XXXXXX";
    struct glint_json_doc *doc;
    close(mkstemp(path));
    assert_int_equal(glint_trace_export(trace, path), GLINT_OK);
    if (glint_json_load(path, &doc) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    unlink(path);
    return doc;
}

/* The k-th event of that phase and name; node NULL when there is none. */
static struct glint_json find(struct glint_json_doc *doc, const char *phase, const char *name, int k)
{
    const struct glint_json events = glint_json_get(glint_json_root(doc), "traceEvents");
    struct glint_json event = {0};
    for (size_t i = 0; i < glint_json_size(events); i++) {
        const char *ph, *n;
        event = glint_json_at(events, i);
        assert_int_equal(glint_json_string(event, "ph", &ph), GLINT_OK);
        assert_int_equal(glint_json_string(event, "name", &n), GLINT_OK);
        if (strcmp(ph, phase) == 0 && strcmp(n, name) == 0 && k-- == 0)
            return event;
    }
    event.node = NULL;
    return event;
}

static double number(struct glint_json object, const char *key)
{
    double value;
    if (glint_json_f64(object, key, -1e18, 1e18, &value) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return value;
}

static void *name_me(void *arg)
{
    glint_trace_thread(arg, "in\"put\\");
    return NULL;
}

static void spans_counters_frames_and_names(void **state)
{
    (void)state;
    struct glint_trace *trace;
    struct glint_frame f = {.index = 7, .arrival_ns = glint_clock_monotonic_ns()};
    const char *name;
    pthread_t thread;
    assert_int_equal(glint_trace_open(100, &trace), GLINT_OK);
    glint_trace_thread(trace, "main");
    pthread_create(&thread, NULL, name_me, trace);
    pthread_join(thread, NULL);
    const int64_t begun = glint_span_begin(trace);
    glint_span_part(trace, "qkv", 7, begun - 2500);
    const int64_t ns = glint_span_end(trace, GLINT_STAGE_ATTEND, &f, begun - 1234567);
    glint_span_end(trace, GLINT_STAGE_DECODE, NULL, begun);
    glint_trace_counter(trace, "queue", 2.5);
    glint_trace_counter(trace, "bad", NAN);
    glint_trace_frame_done(trace, &f);

    struct glint_json_doc *doc = export(trace);
    const struct glint_json attend = find(doc, "X", "attend", 0), queue = find(doc, "C", "queue", 0);
    assert_true(fabs(number(attend, "dur") - 1e-3 * (double)ns) < 1e-6);
    assert_true(number(glint_json_get(attend, "args"), "frame") == 7);
    assert_true(number(attend, "ts") < number(queue, "ts"));
    assert_true(number(glint_json_get(queue, "args"), "value") == 2.5);
    assert_true(number(glint_json_get(find(doc, "C", "bad", 0), "args"), "value") == 0);
    assert_true(number(find(doc, "X", "qkv", 0), "dur") >= 2.5);
    assert_false(glint_json_has(find(doc, "X", "decode", 0), "args")); /* no frame yet */
    assert_true(number(find(doc, "b", "frame", 0), "id") == number(find(doc, "e", "frame", 0), "id"));
    assert_int_equal(
        glint_json_string(glint_json_get(find(doc, "M", "process_name", 0), "args"), "name", &name), 0);
    assert_string_equal(name, "glint");
    assert_int_equal(
        glint_json_string(glint_json_get(find(doc, "M", "thread_name", 1), "args"), "name", &name), 0);
    assert_string_equal(name, "in\"put\\");
    assert_true(number(attend, "tid") == number(find(doc, "M", "thread_name", 0), "tid"));
    glint_json_close(doc);
    glint_trace_close(trace);
}

static void the_newest_events_are_kept(void **state)
{
    (void)state;
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(300, &trace), GLINT_OK);
    for (uint64_t i = 0; i < 1000; i++)
        glint_span_part(trace, "part", i, glint_span_begin(trace));
    struct glint_json_doc *doc = export(trace);
    assert_true(number(glint_json_get(find(doc, "X", "part", 0), "args"), "frame") == 700);
    assert_true(number(glint_json_get(find(doc, "X", "part", 299), "args"), "frame") == 999);
    assert_null(find(doc, "X", "part", 300).node);
    glint_json_close(doc);
    glint_trace_close(trace);
}

static void unwritable_output_is_reported(void **state)
{
    (void)state;
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(1, &trace), GLINT_OK);
    assert_int_equal(glint_trace_export(trace, "/no/such/folder/trace.json"), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/no/such/folder/trace.json"));
    assert_int_equal(glint_trace_export(NULL, "x"), GLINT_E_ARG);
    glint_trace_close(trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_counters_frames_and_names),
        cmocka_unit_test(the_newest_events_are_kept),
        cmocka_unit_test(unwritable_output_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
