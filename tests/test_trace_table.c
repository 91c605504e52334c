/* tests/test_trace_table.c - a trace file's table: times per frame, the critical stage, and files that are
 * cut or no trace. */
#include "tests/files.h"
#include "tools/trace_table.h"

#define MS 1000000

static char text[1 << 20];
static size_t n_text;

static void put(const char *event)
{
    n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "%s%s", n_text ? ",\n" : "[", event);
}

static void put_span(const char *name, int frame, double ts, double dur)
{
    char event[1600];
    snprintf(event, sizeof event,
             "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"name\":\"%s\",\"ts\":%.3f,\"dur\":%.3f,\"cat\":\"stage\","
             "\"args\":"
             "{\"frame\":%d}}",
             name, ts, dur, frame);
    put(event);
}

static void put_frame(int frame, double ts, double latency_us)
{
    char event[1600];
    snprintf(event, sizeof event,
             "{\"ph\":\"b\",\"pid\":1,\"tid\":1,\"name\":\"frame\",\"ts\":%.3f,\"cat\":\"frame\",\"id\":%d,"
             "\"args\":{"
             "\"frame\":%d,\"sweep_latency_us\":%.3f,\"point_age_us\":%.3f}}",
             ts, frame, frame, latency_us, latency_us + 100000);
    put(event);
}

/* Frame i: decoding 2 ms before its arrival and 1 ms after it, attend 5 + i ms, 1 ms of waiting, publish 1.
 */
static void make(int n)
{
    n_text = 0;
    put("{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"infer\"}}");
    for (int i = 0; i < n; i++) {
        const double t = 100000.0 * i, attend = 1000.0 * (5 + i);
        put_span("decode", i, t - 2000, 3000);
        put_span("layer", i, t + 1000, 10);
        put_span("attend", i, t + 2000, attend);
        put_span("publish", i, t + 2000 + attend, 1000);
        put_frame(i, t, 3000 + attend);
    }
    put("{\"ph\":\"C\",\"pid\":1,\"tid\":1,\"name\":\"frames dropped\",\"ts\":5,\"args\":{\"value\":3}}");
}

static int read_text(struct glint_trace_table *t)
{
    return glint_trace_table_read(glint_test_write("t.json", text, n_text), t);
}

static void times_per_frame(void **state)
{
    (void)state;
    struct glint_trace_table t;
    double share, ns;
    make(100);
    n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "]\n");
    assert_int_equal(read_text(&t), GLINT_OK);
    assert_false(t.is_cut);
    assert_int_equal(t.frames, 100);
    assert_near(t.frames_dropped, 3, 0);
    assert_int_equal(t.series[GLINT_STAGE_DECODE].n, 100);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_STAGE_DECODE], 500), 3 * MS);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_STAGE_ATTEND], 500), 54 * MS);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_STAGE_ATTEND], 990), 103 * MS);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_STAGE_ATTEND], 999), 104 * MS);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_STAGE_ATTEND], 1000), 104 * MS);
    assert_int_equal(t.series[GLINT_STAGE_BEV].n, 0);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_TABLE_WAITING], 1000), 1 * MS);
    assert_int_equal(glint_trace_rank(&t.series[GLINT_TABLE_POINT_AGE], 500), 157 * MS);
    assert_int_equal(t.part[GLINT_STAGE_DECODE].ns[7],
                     1 * MS); /* what was before the arrival is not waited for */
    assert_int_equal(glint_trace_critical(&t, false, &share, &ns), GLINT_STAGE_ATTEND);
    assert_near(share, 54.5 / 57.5, 0.02);
    assert_int_equal(glint_trace_critical(&t, true, &share, &ns), GLINT_STAGE_ATTEND);
    assert_near(ns, 103.5e6, 0.6e6);
    assert_string_equal(t.thread[2].name, "infer");
    glint_trace_table_free(&t);
}

static void a_cut_file_tells_what_is_there(void **state)
{
    (void)state;
    struct glint_trace_table t;
    make(10);
    const size_t whole = n_text;
    for (size_t cut = whole; cut > 0; cut -= cut > 37 ? 37 : cut) {
        n_text = cut;
        const int status = read_text(&t);
        if (status < 0) {
            assert_int_equal(status, GLINT_E_FORMAT);
            continue;
        }
        assert_true(t.is_cut && t.cut_reason[0]);
        assert_true(t.frames <= 10);
        glint_trace_table_free(&t);
    }
}

static void what_is_no_trace_is_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "x",
        "{}",
        "[]",
        "{\"traceEvents\": 3}",
        "{\"traceEvents\": []}",
        "[3]",
        "[{\"ph\":\"X\",\"name\":\"decode\"}]",
        "{\"traceEvents\":[{\"ph\":[],\"cat\":{},\"name\":7,\"args\":9,\"ts\":\"x\"}]}"};
    struct glint_trace_table t;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        n_text = strlen(wrong[i]);
        memcpy(text, wrong[i], n_text);
        assert_int_equal(read_text(&t), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), "t.json"));
    }
    assert_int_equal(glint_trace_table_read(glint_test_path("none.json"), &t), GLINT_E_NOTFOUND);
}

static void absurd_numbers_do_no_harm(void **state)
{
    (void)state;
    struct glint_trace_table t;
    double share, ns;
    n_text = 0;
    put_span("decode", 2147483647, -1e300, 1e300);
    put_span("attend", -5, 1e300, -1e300);
    put_span("attend", 3, 0, 1e17);
    put_frame(3, -1e17, 1e300);
    put_frame(3, 1e17, -1e300);
    put("{\"ph\":\"X\",\"tid\":1e300,\"name\":\"bev\",\"cat\":\"stage\",\"ts\":0,\"dur\":1}]");
    assert_int_equal(read_text(&t), GLINT_OK);
    glint_trace_critical(&t, false, &share, &ns);
    glint_trace_critical(&t, true, &share, &ns);
    glint_trace_table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_per_frame),
        cmocka_unit_test(a_cut_file_tells_what_is_there),
        cmocka_unit_test(what_is_no_trace_is_told),
        cmocka_unit_test(absurd_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
