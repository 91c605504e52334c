/* tests/test_sink_jsonl.c - lines of JSON, and what happens when they cannot be written. */
#include "tests/clouds.h"
#include "io/sinks.h"
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

static const char *const classes[] = {"car", "walker \"x\""}, *const point_classes[] = {"ground", "wall"};
static const struct glint_sink_context ctx = {2, 2, classes, point_classes};

static void fill_frame(struct glint_frame *f)
{
    f->index = 3;
    f->stamp_ns = INT64_C(1700000000000000001);
    snprintf(f->source, sizeof f->source, "a\\b \"c\"\n\xff\xc3\xa9.pcap");
    for (int i = 0; i < 5; i++)
        glint_frame_add_point(f, 1, 2, 3, 0, 0, 0, 0);
    f->n_boxes = 2;
    f->boxes[0] = (struct glint_box){
        {1.5f, -2.25f, 0.1f}, {4, 1.8f, 1.5f}, 0.1f, {0, -0.00001f}, 0.93f, 0, 7, 0, 2.5f, 0.1f};
    f->boxes[1] = (struct glint_box){{1, NAN, 3}, {4, 2, 1}, -3.14159f, {INFINITY, 1}, 1, 1, -1, 0, 0, 0};
    f->loss.packets_lost = 4;
    f->loss.packets_duplicate = 3;
    f->loss.packets_dropped = 6;
    f->loss.points_dropped = 2;
    f->latency_ns[GLINT_STAGE_DECODE] = 812999;
    f->latency_ns[GLINT_STAGE_VOXELIZE] = 0;
    f->total_ns = 5000000;
}

static void write_frames(const char *path, const struct glint_frame *f, int n)
{
    struct glint_sink *sink;
    expect_ok(glint_sink_open_by_ending(path, &ctx, &sink));
    for (int i = 0; i < n; i++)
        expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
}

static void a_line_has_what_the_frame_has(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    const char *path = glint_test_path("new/folder/boxes.jsonl");
    write_frames(path, f, 1);
    char *text = glint_test_read(path, NULL);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    const char *start = "{\"frame\":3,\"stamp_ns\":1700000000000000001,\"source\":";
    assert_memory_equal(text, start, strlen(start));
    assert_string_equal(json_string_value(json_object_get(line, "source")),
                        "a\\b \"c\"\n\xef\xbf\xbd\xc3\xa9.pcap");
    assert_int_equal(json_integer_value(json_object_get(line, "points")), 5);
    assert_non_null(
        strstr(text, "{\"label\":\"car\",\"score\":0.93,\"center\":[1.5,-2.25,0.1],\"size\":[4,1.8,1.5],"
                     "\"yaw\":0.1,\"velocity\":[0,0],\"id\":7,\"age\":2.5,\"unseen\":0.1}"));
    json_t *second = json_array_get(json_object_get(line, "boxes"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "label")), "walker \"x\"");
    assert_null(json_object_get(second, "id"));
    assert_true(json_is_null(json_array_get(json_object_get(second, "center"), 1)));
    assert_null(json_object_get(line, "classes"));
    json_t *loss = json_object_get(line, "loss"), *latency = json_object_get(line, "latency_us");
    assert_int_equal(json_integer_value(json_object_get(loss, "packets_lost")), 4);
    assert_int_equal(json_integer_value(json_object_get(loss, "points_dropped")), 2);
    assert_int_equal(json_integer_value(json_object_get(loss, "duplicate")), 3);
    assert_int_equal(json_integer_value(json_object_get(loss, "dropped")), 6);
    assert_int_equal(json_object_size(loss), 10);
    assert_int_equal(json_integer_value(json_object_get(latency, "decode")), 812);
    assert_int_equal(json_integer_value(json_object_get(latency, "total")), 5000);
    assert_int_equal(json_object_size(latency), 3); /* only stages that ran */
    json_decref(line);
    free(text);
    cloud_frame_done(f);
}

static void masks_are_counted_by_class(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    static const uint8_t mask[5] = {1, 0, 1, 255, 1};
    memcpy(f->point_class, mask, 5);
    f->has_masks = true;
    write_frames(glint_test_path("masks.jsonl"), f, 1);
    char *text = glint_test_read(glint_test_path("masks.jsonl"), NULL);
    assert_non_null(strstr(text, ",\"classes\":{\"ground\":1,\"wall\":3,\"unclassified\":1},"));
    free(text);
    cloud_frame_done(f);
}

static void what_is_degraded_is_named(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    f->health = GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_LOST) | GLINT_HEALTH_BIT(GLINT_HEALTH_LATE);
    write_frames(glint_test_path("health.jsonl"), f, 1);
    char *text = glint_test_read(glint_test_path("health.jsonl"), NULL);
    assert_non_null(strstr(text, ",\"health\":[\"packets_lost\",\"late\"],\"loss\":"));
    free(text);
    f->health = 0;
    write_frames(glint_test_path("healthy.jsonl"), f, 1);
    text = glint_test_read(glint_test_path("healthy.jsonl"), NULL);
    assert_null(strstr(text, "health"));
    free(text);
    cloud_frame_done(f);
}

static void the_same_frame_gives_the_same_bytes(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    f->total_ns = 0;
    f->arrival_ns = 1; /* total is taken at writing */
    write_frames(glint_test_path("twice.jsonl"), f, 2);
    char *text = glint_test_read(glint_test_path("twice.jsonl"), NULL), *second = strchr(text, '\n') + 1;
    const size_t n = (size_t)(strstr(text, "\"latency_us\"") - text);
    assert_memory_equal(text, second, n);
    free(text);
    cloud_frame_done(f);
}

static void what_cannot_be_written_says_so(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    glint_test_write("plain", "x", 1);
    expect_failure(glint_sink_jsonl_open(glint_test_path("plain/b.jsonl"), &ctx, &sink), GLINT_E_IO,
                   "plain/b.jsonl: cannot");
    assert_null(sink);
    expect_failure(glint_sink_jsonl_open(glint_test_folder, &ctx, &sink), GLINT_E_IO, "it is a folder");
    expect_failure(glint_sink_jsonl_open("/proc/nowhere/b.jsonl", &ctx, &sink), GLINT_E_IO, "/proc/nowhere");
    if (access("/dev/full", W_OK) == 0) {
        expect_ok(glint_sink_open_by_ending("/dev/full", &ctx, &sink)); /* devices take lines of JSON */
        expect_failure(sink->ops->write(sink, f), GLINT_E_IO, "/dev/full: cannot write: No space left");
        expect_ok(glint_sink_finish_close(sink));
    }
    cloud_frame_done(f);
}

static void a_full_disk_leaves_whole_lines(void **state)
{
    (void)state;
    struct rlimit old, small;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    const char *path = glint_test_path("short.jsonl");
    expect_ok(glint_sink_jsonl_open(path, &ctx, &sink));
    expect_ok(sink->ops->write(sink, f));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1500; /* the second or third line reaches it */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = GLINT_OK, n = 1; /* lines that fit */
    while (n < 10 && (status = sink->ops->write(sink, f)) == GLINT_OK)
        n++;
    setrlimit(RLIMIT_FSIZE, &old);
    expect_failure(status, GLINT_E_IO, "short.jsonl: cannot write");
    expect_ok(sink->ops->write(sink, f)); /* there is room again */
    expect_ok(glint_sink_finish_close(sink));
    char *text = glint_test_read(path, NULL), *line = strtok(text, "\n");
    int lines = 0;
    for (; line; line = strtok(NULL, "\n"), lines++) {
        json_t *value = json_loads(line, 0, NULL);
        assert_non_null(value);
        json_decref(value);
    }
    assert_int_equal(lines, n + 1);
    free(text);
    cloud_frame_done(f);
}

static void a_closed_pipe_is_an_error_and_no_signal(void **state)
{
    (void)state;
    char path[64];
    int ends[2];
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    expect_ok(glint_sink_jsonl_open(path, &ctx, &sink));
    close(ends[0]);
    expect_failure(sink->ops->write(sink, f), GLINT_E_IO, "Broken pipe");
    expect_ok(glint_sink_finish_close(sink));
    close(ends[1]);
    cloud_frame_done(f);
}

static void paths_with_numbers(void **state)
{
    (void)state;
    char path[32];
    expect_ok(glint_sink_path("a_%06d.png", 12, path, sizeof path));
    assert_string_equal(path, "a_000012.png");
    expect_ok(glint_sink_path("%d%%", 1234567, path, sizeof path));
    assert_string_equal(path, "1234567%");
    expect_ok(glint_sink_path("plain", 5, path, sizeof path));
    assert_string_equal(path, "plain");
    expect_failure(glint_sink_path("%s", 5, path, sizeof path), GLINT_E_ARG, "%s");
    expect_failure(glint_sink_path("%d_%d", 5, path, sizeof path), GLINT_E_ARG, "only one");
    expect_failure(glint_sink_path("%", 5, path, sizeof path), GLINT_E_ARG, "only one");
    expect_failure(glint_sink_path("%06", 5, path, sizeof path), GLINT_E_ARG, "only one");
    expect_failure(glint_sink_path("%999999999999d", 5, path, sizeof path), GLINT_E_ARG, "only one");
    expect_failure(glint_sink_path("0123456789012345678901234567890123", 5, path, sizeof path), GLINT_E_ARG,
                   "too long");
    expect_failure(glint_sink_path("%20d%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%", 5, path, sizeof path), GLINT_E_ARG,
                   "too long");
}

static void endings_choose_the_sink(void **state)
{
    (void)state;
    struct glint_sink *sink;
    const struct glint_sink_context no_masks = {1, 0, classes, NULL};
    expect_failure(glint_sink_open_by_ending(glint_test_path("a.mcap"), &ctx, &sink), GLINT_E_UNSUPPORTED,
                   "a.mcap: MCAP is not");
    expect_failure(glint_sink_open_by_ending(glint_test_path("a.xyz"), &ctx, &sink), GLINT_E_ARG,
                   "a.xyz: unknown ending");
    expect_failure(glint_sink_open_by_ending(glint_test_path("a.label"), &no_masks, &sink),
                   GLINT_E_UNSUPPORTED, "no point classes");
    assert_null(sink);
    expect_ok(glint_sink_open_by_ending("-", &ctx, &sink));
    assert_string_equal(sink->ops->name, "jsonl");
    expect_ok(glint_sink_finish_close(sink));
    expect_ok(glint_sink_finish_close(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_what_the_frame_has),
        cmocka_unit_test(masks_are_counted_by_class),
        cmocka_unit_test(the_same_frame_gives_the_same_bytes),
        cmocka_unit_test(what_is_degraded_is_named),
        cmocka_unit_test(what_cannot_be_written_says_so),
        cmocka_unit_test(a_full_disk_leaves_whole_lines),
        cmocka_unit_test(a_closed_pipe_is_an_error_and_no_signal),
        cmocka_unit_test(paths_with_numbers),
        cmocka_unit_test(endings_choose_the_sink),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
