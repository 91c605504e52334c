/* tests/test_outputs.c - what happens to outputs that fail, that are moved away, and that are opened anew. */
#define _GNU_SOURCE
#include "tests/clouds.h"
#include "tools/outputs.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct glint_sink_context context;
static const struct glint_png_settings png;

static void add(struct glint_outputs *o, const char *path)
{
    expect_ok(glint_outputs_add(o, path, &context, &png, NULL));
}

static void write_frames(struct glint_outputs *o, struct glint_frame *f, int n)
{
    for (int i = 0; i < n; i++, f->index++)
        expect_ok(glint_outputs_write(o, f));
}

/* Whether the file has exactly the lines of frames first..last. */
static void assert_lines(const char *path, int first, int last)
{
    char *text = glint_test_read(path, NULL), *at = text;
    for (int i = first; i <= last; i++) {
        char head[40];
        const int n = snprintf(head, sizeof head, "{\"frame\":%d,", i);
        if (strncmp(at, head, (size_t)n) != 0)
            fail_msg("%s: no frame %d where it is expected", path, i);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(*at, 0);
    free(text);
}

/* Files may be so large from here on; 0: any. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void paths_with_time_and_number(void **state)
{
    (void)state;
    char path[1024];
    const int64_t ns = INT64_C(1700000000999999999);
    expect_ok(glint_outputs_path("/x/a_{time}.mcap", ns, true, path, sizeof path));
    assert_string_equal(path, "/x/a_20231114T221320Z.mcap");
    expect_ok(glint_outputs_path("{time}/{time}", ns, true, path, sizeof path));
    assert_string_equal(path, "20231114T221320Z/20231114T221320Z");
    assert_int_equal(glint_outputs_path("a_{time}", ns, true, path, 10), GLINT_E_ARG);
    assert_int_equal(glint_outputs_path("0123456789", ns, true, path, 10), GLINT_E_ARG);
    assert_int_equal(mkdir(glint_test_path("d.x"), 0777), 0);
    glint_test_write("d.x/drive.mcap", "x", 1);
    glint_test_write("d.x/drive-1.mcap", "x", 1);
    glint_test_write("d.x/bare", "x", 1);
    expect_ok(glint_outputs_path(glint_test_path("d.x/drive.mcap"), ns, true, path, sizeof path));
    assert_string_equal(path, glint_test_path("d.x/drive-2.mcap"));
    expect_ok(glint_outputs_path(glint_test_path("d.x/bare"), ns, true, path, sizeof path));
    assert_string_equal(path, glint_test_path("d.x/bare-1"));
    expect_ok(glint_outputs_path(glint_test_path("d.x/drive.mcap"), ns, false, path, sizeof path));
    assert_string_equal(path, glint_test_path("d.x/drive.mcap")); /* not kept */
}

static void one_that_fails_ends_a_run_of_recorded_input(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    memset(&o, 0, sizeof o);
    add(&o, glint_test_path("a.jsonl"));
    add(&o, "/dev/full");
    expect_failure(glint_outputs_write(&o, f), GLINT_E_IO, "/dev/full: cannot write");
    expect_ok(glint_outputs_close(&o));
    cloud_frame_done(f);
}

static void one_that_fails_is_left_out_of_a_live_run(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_ANY;
    add(&o, "/dev/full");
    add(&o, glint_test_path("any.jsonl"));
    write_frames(&o, f, 3);
    assert_true(glint_outputs_failing(&o));
    assert_true(o.state[0].missed == 3 && o.state[0].frames == 0 && o.state[0].failures == 1);
    assert_true(o.state[1].missed == 0 && o.state[1].frames == 3);
    glint_outputs_want_reopen(&o); /* opens, and fails again */
    write_frames(&o, f, 2);
    assert_true(o.state[0].opened == 2 && o.state[0].failures == 2 && o.state[0].missed == 5);
    expect_failure(glint_outputs_close(&o), GLINT_E_IO, "/dev/full: cannot write");
    assert_int_equal(o.n_states, 2);
    assert_lines(glint_test_path("any.jsonl"), 0, 4);
    cloud_frame_done(f);
}

static void the_last_one_that_fails_ends_a_live_run_but_no_service(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_ANY;
    add(&o, "/dev/full");
    expect_failure(glint_outputs_write(&o, f), GLINT_E_IO, "/dev/full");
    glint_outputs_close(&o);
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    add(&o, "/dev/full");
    write_frames(&o, f, 4);
    assert_int_equal(o.state[0].missed, 4);
    expect_failure(glint_outputs_close(&o), GLINT_E_IO, "/dev/full");
    cloud_frame_done(f);
}

/* As logrotate does: the file is moved, then the service is told. */
static void a_moved_file_goes_on_in_a_new_one(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    char path[1024], old[1024];
    snprintf(path, sizeof path, "%s", glint_test_path("log.jsonl"));
    snprintf(old, sizeof old, "%s", glint_test_path("log.jsonl.1"));
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    add(&o, path);
    write_frames(&o, f, 3);
    glint_outputs_want_reopen(&o); /* still there: stays as it is */
    write_frames(&o, f, 1);
    assert_int_equal(o.state[0].opened, 1);
    assert_int_equal(rename(path, old), 0);
    write_frames(&o, f, 2); /* before it is told, into the old one */
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 3);
    assert_lines(old, 0, 5);
    assert_lines(path, 6, 8);
    assert_int_equal(rename(path, old), 0);
    glint_outputs_want_reopen(&o);
    glint_outputs_tick(&o); /* while no frames come */
    assert_int_equal(o.state[0].opened, 3);
    assert_lines(old, 6, 8);
    expect_ok(glint_outputs_close(&o));
    assert_true(o.state[0].missed == 0 && o.state[0].frames == 9);
    cloud_frame_done(f);
}

static void names_with_a_time_go_on_in_a_new_file(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    char first[1024];
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    add(&o, glint_test_path("t_{time}.jsonl"));
    snprintf(first, sizeof first, "%s", o.state[0].path);
    write_frames(&o, f, 1);
    sleep(1);
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 1);
    assert_string_not_equal(first, o.state[0].path);
    expect_ok(glint_outputs_close(&o));
    assert_lines(first, 0, 0);
    assert_lines(o.state[0].path, 1, 1);
    cloud_frame_done(f);
}

/* A disk that is full for a while: the file keeps whole lines, and goes on behind them. */
static void fill_disk_for_a_while(enum glint_outputs_policy policy)
{
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    const char *path = glint_test_path(policy == GLINT_OUTPUTS_ANY ? "full_any.jsonl" : "full.jsonl");
    struct stat st;
    memset(&o, 0, sizeof o);
    o.policy = policy;
    add(&o, path);
    add(&o, "/dev/null");
    write_frames(&o, f, 3);
    assert_int_equal(stat(path, &st), 0);
    limit_files((rlim_t)st.st_size + 20); /* a part of a line */
    write_frames(&o, f, 4);
    assert_true(glint_outputs_failing(&o));
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 1);
    assert_true(glint_outputs_failing(&o)); /* still */
    limit_files(0);
    assert_lines(path, 0, 2);
    f->index = 3;
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 2);
    assert_false(glint_outputs_failing(&o));
    expect_ok(glint_outputs_close(&o));
    assert_lines(path, 0, 4);
    assert_true(o.state[0].missed == 5 && o.state[0].frames == 5 && o.state[0].failures == 2);
    cloud_frame_done(f);
}

static void a_full_disk_that_has_room_again(void **state)
{
    (void)state;
    fill_disk_for_a_while(GLINT_OUTPUTS_SERVICE);
    fill_disk_for_a_while(GLINT_OUTPUTS_ANY);
}

/* Nothing waits for the reader of a named pipe: not at the start, not when it is gone, not while it is away.
 */
static void a_pipe_whose_reader_comes_and_goes(void **state)
{
    (void)state;
    static struct glint_outputs o;
    struct glint_frame *f = cloud_frame(10);
    char path[1024], piece[4096];
    snprintf(path, sizeof path, "%s", glint_test_path("pipe.jsonl"));
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_failure(glint_outputs_add(&o, path, &context, &png, NULL), GLINT_E_IO, "pipe.jsonl: cannot write");
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    add(&o, path);
    write_frames(&o, f, 2);
    assert_true(read(reader, piece, sizeof piece) > 100);
    write_frames(&o, f, 1000); /* nobody reads: does not wait, and is no failure */
    assert_true(!glint_outputs_failing(&o) && o.state[0].slow > 500 && o.state[0].slow == o.state[0].missed);
    const uint64_t slow = o.state[0].slow, written = o.state[0].frames;
    close(reader);
    write_frames(&o, f, 2);
    assert_true(glint_outputs_failing(&o) && o.state[0].missed == slow + 2);
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 1);
    assert_true(glint_outputs_failing(&o));
    reader = open(path, O_RDONLY | O_NONBLOCK);
    while (read(reader, piece, sizeof piece) > 0)
        ; /* what the first one left, if the pipe was still held */
    glint_outputs_want_reopen(&o);
    write_frames(&o, f, 1);
    assert_true(!glint_outputs_failing(&o) && o.state[0].frames == written + 1 &&
                o.state[0].missed == slow + 3);
    expect_ok(glint_outputs_close(&o));
    close(reader);
    cloud_frame_done(f);
}

/* What a killed program left: lines, and a part of one. */
static void a_service_goes_on_behind_what_is_there(void **state)
{
    (void)state;
    static struct glint_outputs o;
    static char text[10000];
    struct glint_frame *f = cloud_frame(10);
    const char *path = glint_test_path("killed.jsonl");
    int n = snprintf(text, sizeof text, "{\"frame\":0,}\n");
    memset(text + n, 'x', 9000);
    glint_test_write("killed.jsonl", text, (size_t)n + 9000);
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    f->index = 1;
    add(&o, path);
    write_frames(&o, f, 2);
    expect_ok(glint_outputs_close(&o));
    assert_lines(path, 0, 2);
    glint_test_write("killed.jsonl", "no line", 7);
    memset(&o, 0, sizeof o);
    o.policy = GLINT_OUTPUTS_SERVICE;
    add(&o, path);
    write_frames(&o, f, 1);
    expect_ok(glint_outputs_close(&o));
    assert_lines(path, 3, 3);
    cloud_frame_done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_with_time_and_number),
        cmocka_unit_test(one_that_fails_ends_a_run_of_recorded_input),
        cmocka_unit_test(one_that_fails_is_left_out_of_a_live_run),
        cmocka_unit_test(the_last_one_that_fails_ends_a_live_run_but_no_service),
        cmocka_unit_test(a_moved_file_goes_on_in_a_new_one),
        cmocka_unit_test(names_with_a_time_go_on_in_a_new_file),
        cmocka_unit_test(a_full_disk_that_has_room_again),
        cmocka_unit_test(a_pipe_whose_reader_comes_and_goes),
        cmocka_unit_test(a_service_goes_on_behind_what_is_there),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
