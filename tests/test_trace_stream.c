/* tests/test_trace_stream.c - a trace written while it is filled: whole at any moment, everything in it,
 * arrows from stage to stage; and what happens when it cannot be written. */
#define _GNU_SOURCE
#include "tests/files.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/trace_format.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static void nap(long us)
{
    const struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

static struct glint_trace *begin(const char *path, size_t cap)
{
    struct glint_trace *trace;
    assert_int_equal(glint_trace_open(cap, &trace), GLINT_OK);
    if (glint_trace_stream_begin(trace, path) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return trace;
}

static struct glint_json_doc *load(const char *path)
{
    struct glint_json_doc *doc;
    if (glint_json_load(path, &doc) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return doc;
}

static const char *text_of(struct glint_json event, const char *key)
{
    const char *text = "";
    if (glint_json_has(event, key))
        assert_int_equal(glint_json_string(event, key, &text), GLINT_OK);
    return text;
}

static bool flag(struct glint_json event, const char *key)
{
    bool value = false;
    if (glint_json_has(event, key))
        assert_int_equal(glint_json_bool(event, key, &value), GLINT_OK);
    return value;
}

static double number(struct glint_json object, const char *key)
{
    double value;
    if (glint_json_f64(object, key, -1e18, 1e18, &value) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return value;
}

static int count(struct glint_json_doc *doc, const char *phase, const char *name)
{
    const struct glint_json events = glint_json_get(glint_json_root(doc), "traceEvents");
    int n = 0;
    for (size_t i = 0; i < glint_json_size(events); i++)
        n += strcmp(text_of(glint_json_at(events, i), "ph"), phase) == 0 &&
             strcmp(text_of(glint_json_at(events, i), "name"), name) == 0;
    return n;
}

/* A frame through the stages, as the pipeline lists it; some pieces of the first ones. */
static void pass_frame(struct glint_trace *trace, uint64_t index)
{
    struct glint_frame f = {.index = index,
                            .arrival_ns = glint_clock_monotonic_ns(),
                            .stamp_ns = INT64_C(1700000000000000000),
                            .received_ns = INT64_C(1700000000100000000)};
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        f.latency_ns[i] = -1;
    for (int piece = 0; piece < 2; piece++)
        for (int i = 0; i <= GLINT_STAGE_FRAME; i++)
            glint_span_list(trace, (enum glint_stage)i, index, glint_span_begin(trace), 1500);
    for (int i = GLINT_STAGE_ALIGN; i < GLINT_STAGE_COUNT; i++) {
        const int64_t begun = glint_span_begin(trace);
        glint_span_part(trace, "layer", index, begun);
        glint_span_end(trace, (enum glint_stage)i, &f, begun);
    }
    glint_trace_frame_done(trace, &f);
}

static void everything_is_in_the_file(void **state)
{
    (void)state;
    const char *path = glint_test_path("all.json");
    struct glint_trace *trace = begin(path, 4096);
    glint_trace_thread(trace, "first");
    for (uint64_t i = 0; i < 500; i++) { /* more than the ring holds, in the time of some periods */
        pass_frame(trace, i);
        if (i % 100 == 99)
            nap(50000);
    }
    glint_trace_thread(trace, "renamed");
    assert_int_equal(glint_trace_stream_end(trace), GLINT_OK);
    assert_int_equal(glint_trace_stream_end(trace), GLINT_OK); /* nothing to end */
    struct glint_json_doc *doc = load(path);
    assert_int_equal(count(doc, "b", "frame"), 500);
    assert_int_equal(count(doc, "X", "capture"), 1000);
    assert_int_equal(count(doc, "X", "publish"), 500);
    assert_int_equal(count(doc, "X", "layer"), 500 * (GLINT_STAGE_COUNT - 3));
    assert_int_equal(count(doc, "C", "trace events lost"), 0);
    assert_true(count(doc, "M", "thread_name") >= 2);
    glint_json_close(doc);
    glint_trace_close(trace);
}

/* Each frame's arrows go from its capture through every stage to its publication, forward in time, and bear
 * one number that no other frame has. */
static void arrows_lead_from_capture_to_publication(void **state)
{
    (void)state;
    const char *path = glint_test_path("arrows.json");
    struct glint_trace *trace = begin(path, 4096);
    for (int round = 0; round < 2; round++) /* a second input counts from 0 again */
        for (uint64_t i = 0; i < 20; i++)
            pass_frame(trace, i);
    assert_int_equal(glint_trace_stream_end(trace), GLINT_OK);
    struct glint_json_doc *doc = load(path);
    const struct glint_json events = glint_json_get(glint_json_root(doc), "traceEvents");
    struct {
        int n, frame, next_stage;
        bool ended;
        double ts;
    } flow[64] = {{0}};
    for (size_t k = 0; k < glint_json_size(events); k++) {
        const struct glint_json e = glint_json_at(events, k);
        if (!glint_json_has(e, "bind_id")) {
            assert_true(strcmp(text_of(e, "cat"), "stage") != 0); /* every stage's span has one */
            continue;
        }
        assert_string_equal(text_of(e, "ph"), "X");
        const unsigned long id = strtoul(text_of(e, "bind_id"), NULL, 16);
        const int frame = (int)number(glint_json_get(e, "args"), "frame");
        assert_in_range(id, 1, 40);
        assert_false(flow[id].ended);
        assert_int_equal(flag(e, "flow_in"), flow[id].n > 0);
        assert_int_equal(flag(e, "flow_out"), strcmp(text_of(e, "name"), "publish") != 0);
        assert_true(flow[id].n == 0 || flow[id].frame == frame);
        assert_true(number(e, "ts") >= flow[id].ts);
        if (flow[id].n >= 3)
            assert_string_equal(text_of(e, "name"), glint_stage_name((enum glint_stage)(flow[id].n - 3)));
        flow[id].frame = frame;
        flow[id].ts = number(e, "ts");
        flow[id].ended = ++flow[id].n == GLINT_STAGE_COUNT + 3;
    }
    for (int id = 1; id <= 40; id++)
        assert_true(flow[id].ended);
    glint_json_close(doc);
    glint_trace_close(trace);
}

static void a_frame_tells_its_ages(void **state)
{
    (void)state;
    const char *path = glint_test_path("ages.json");
    struct glint_trace *trace = begin(path, 100);
    struct glint_trace_stats s;
    pass_frame(trace, 3);
    glint_trace_stats(trace, GLINT_TRACE_POINT_AGE, &s);
    assert_true(s.count == 1 && s.max_ns >= 100000000 && s.max_ns < 1000000000);
    assert_int_equal(glint_trace_stream_end(trace), GLINT_OK);
    struct glint_json_doc *doc = load(path);
    const struct glint_json events = glint_json_get(glint_json_root(doc), "traceEvents");
    for (size_t k = 0; k < glint_json_size(events); k++) {
        const struct glint_json e = glint_json_at(events, k), args = glint_json_get(e, "args");
        if (strcmp(text_of(e, "ph"), "b") == 0)
            assert_near(number(args, "point_age_us") - number(args, "sweep_latency_us"), 100000, 0.01);
    }
    assert_int_equal(count(doc, "C", "point age ms"), 1);
    glint_json_close(doc);
    glint_trace_close(trace);
}

/* As it is, or, where the kill came into the middle of a write, up to its last whole line. */
static struct glint_json_doc *load_mended(const char *path)
{
    static char text[1 << 24];
    struct glint_json_doc *doc;
    if (glint_json_load(path, &doc) == GLINT_OK)
        return doc;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 8, f)] = 0;
    fclose(f);
    char *last = strrchr(text, '\n'); /* lines end with "," but the last one */
    assert_non_null(last);
    last[last[-1] == ',' ? -1 : 0] = 0;
    strcat(text, GLINT_TRACE_TAIL);
    if (glint_json_parse(path, text, strlen(text), &doc) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return doc;
}

/* Killed at any moment, the file has all but the last moment. */
static void killed_it_leaves_a_whole_file(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        const char *path = glint_test_path("killed.json");
        const pid_t child = fork();
        if (child == 0) {
            struct glint_trace *trace = begin(path, 1 << 12);
            for (uint64_t i = 0;; i++) {
                pass_frame(trace, i);
                nap(100);
            }
        }
        nap(330000 + 37000 * round);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct glint_json_doc *doc = load_mended(path);
        assert_true(count(doc, "X", "publish") > 50);
        glint_json_close(doc);
    }
}

static void what_comes_too_fast_is_counted(void **state)
{
    (void)state;
    const char *path = glint_test_path("fast.json");
    struct glint_trace *trace = begin(path, 64);
    for (int i = 0; i < 50000; i++)
        glint_trace_counter(trace, "n", i);
    assert_int_equal(glint_trace_stream_end(trace), GLINT_OK);
    struct glint_json_doc *doc = load(path);
    const struct glint_json events = glint_json_get(glint_json_root(doc), "traceEvents");
    double lost = 0;
    for (size_t k = 0; k < glint_json_size(events); k++)
        if (strcmp(text_of(glint_json_at(events, k), "name"), "trace events lost") == 0)
            lost = number(glint_json_get(glint_json_at(events, k), "args"), "value");
    assert_true(lost > 0);
    assert_int_equal((int)lost + count(doc, "C", "n"), 50000);
    glint_json_close(doc);
    glint_trace_close(trace);
}

static void a_full_disk_is_told_and_harms_nobody(void **state)
{
    (void)state;
    struct glint_trace *trace;
    struct rlimit old, small = {20000, RLIM_INFINITY};
    assert_int_equal(glint_trace_open(4096, &trace), GLINT_OK);
    assert_int_equal(glint_trace_stream_begin(trace, "/dev/full"), GLINT_E_IO);
    assert_int_equal(glint_trace_stream_begin(trace, "/no/such/folder/t.json"), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/no/such/folder/t.json"));
    assert_int_equal(glint_trace_stream_begin(NULL, "x"), GLINT_E_ARG);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    const char *path = glint_test_path("small.json");
    assert_int_equal(glint_trace_stream_begin(trace, path), GLINT_OK);
    assert_int_equal(glint_trace_stream_begin(trace, path), GLINT_E_ARG); /* one at a time */
    for (uint64_t i = 0; i < 100; i++)
        pass_frame(trace, i);
    assert_int_equal(glint_trace_stream_end(trace), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "small.json: cannot write"));
    setrlimit(RLIMIT_FSIZE, &old);
    struct glint_trace_stats s;
    glint_trace_stats(trace, GLINT_TRACE_LATENCY, &s);
    assert_int_equal(s.count, 100);
    glint_trace_close(trace);
}

struct pipe_reader {
    int fd;
    size_t n;
    char data[1 << 20];
};

static void *read_pipe(void *arg)
{
    struct pipe_reader *r = arg;
    for (ssize_t n; (n = read(r->fd, r->data + r->n, sizeof r->data - r->n)) > 0;)
        r->n += (size_t)n;
    return NULL;
}

static void a_pipe_gets_its_end_once(void **state)
{
    (void)state;
    static struct pipe_reader r;
    int ends[2];
    char path[32];
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    r.fd = ends[0];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    pthread_create(&thread, NULL, read_pipe, &r);
    struct glint_trace *trace = begin(path, 4096);
    for (uint64_t i = 0; i < 50; i++)
        pass_frame(trace, i);
    glint_trace_close(trace); /* ends it too */
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    struct glint_json_doc *doc;
    assert_int_equal(glint_json_parse("pipe", r.data, r.n, &doc), GLINT_OK);
    assert_int_equal(count(doc, "X", "publish"), 50);
    glint_json_close(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_in_the_file),
        cmocka_unit_test(arrows_lead_from_capture_to_publication),
        cmocka_unit_test(a_frame_tells_its_ages),
        cmocka_unit_test(killed_it_leaves_a_whole_file),
        cmocka_unit_test(what_comes_too_fast_is_counted),
        cmocka_unit_test(a_full_disk_is_told_and_harms_nobody),
        cmocka_unit_test(a_pipe_gets_its_end_once),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
