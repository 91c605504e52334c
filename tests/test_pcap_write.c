/* tests/test_pcap_write.c - captures as written: read back, rotated, killed, on a full disk. */
#define _GNU_SOURCE
#include "tests/live_fixture.h"
#include "io/source_pcap.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char folder[] = "/tmp/glint_pcap_XXXXXX";

static const char *file(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Packets of a capture, each checked against packet i of the fixture; *status_out what ended it. */
static int count_packets(const char *path, int first, int *status_out)
{
    struct glint_source *source;
    struct glint_packet p;
    uint8_t want[VELODYNE_BYTES];
    int n = first;
    *status_out = glint_source_pcap_open(path, NULL, &source);
    if (*status_out != GLINT_OK)
        return 0;
    while ((*status_out = source->ops->next_packet(source, &p)) == GLINT_OK) {
        sensor_packet(want, n, 1000000);
        assert_int_equal(p.size, sizeof want);
        assert_memory_equal(p.data, want, sizeof want);
        assert_int_equal(p.stamp_ns, SENSOR_EPOCH_NS + n * SENSOR_PERIOD_NS); /* to the nanosecond */
        assert_int_equal(p.src_ip, 0xc0a801c9);
        assert_int_equal(p.dst_port, 2368);
        n++;
    }
    glint_source_close(source);
    return n - first;
}

static void comes_back_as_written(void **state)
{
    (void)state;
    int status;
    make_capture(file("a.pcap"), 500);
    assert_int_equal(count_packets(file("a.pcap"), 0, &status), 500);
    assert_int_equal(status, GLINT_E_EOF);
}

static void largest_and_empty_datagrams(void **state)
{
    (void)state;
    static uint8_t data[65507];
    struct glint_source *source;
    struct glint_packet p;
    struct glint_pcap_writer *w = capture_begin(file("b.pcap"));
    data[65506] = 7;
    capture_add(w, data, sizeof data, 5, 1);
    capture_add(w, data, 0, 6, 1);
    const struct glint_packet huge = {.data = data, .size = 65508};
    assert_int_equal(glint_pcap_writer_write(w, &huge), GLINT_E_ARG);
    capture_end(w);
    assert_int_equal(glint_source_pcap_open(file("b.pcap"), NULL, &source), GLINT_OK);
    assert_int_equal(source->ops->next_packet(source, &p), GLINT_OK);
    assert_int_equal(p.size, 65507);
    assert_int_equal(p.data[65506], 7);
    assert_int_equal(source->ops->next_packet(source, &p), GLINT_OK);
    assert_int_equal(p.size, 0);
    glint_source_close(source);
}

/* What a full disk or lost power leave behind does not keep a recorder from starting. */
static void a_file_with_nothing_in_it_is_used(void **state)
{
    (void)state;
    int status;
    struct glint_pcap_writer *w;
    const struct glint_pcap_writer_settings s = {.path = file("nothing.pcap")};
    fclose(fopen(s.path, "w"));
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_OK);
    capture_add_sensor(w, 0, 20, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
    capture_end(w);
    assert_int_equal(count_packets(s.path, 0, &status), 20);
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_E_IO);
}

static void rotates_by_size_and_time(void **state)
{
    (void)state;
    char pattern[200];
    struct glint_pcap_writer *w;
    struct glint_pcap_writer_stats stats;
    snprintf(pattern, sizeof pattern, "%s/r_%%02d.pcap", folder);
    struct glint_pcap_writer_settings s = {.path = pattern, .rotate_bytes = 24 + 100 * (1206 + 58)};
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_OK);
    capture_add_sensor(w, 0, 250, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
    assert_int_equal(glint_pcap_writer_flush(w), GLINT_OK);
    glint_pcap_writer_stats(w, &stats);
    assert_int_equal(stats.files, 3);
    assert_int_equal(stats.packets, 250);
    capture_end(w);
    int status;
    assert_int_equal(count_packets(file("r_00.pcap"), 0, &status), 100);
    assert_int_equal(count_packets(file("r_01.pcap"), 100, &status), 100);
    assert_int_equal(count_packets(file("r_02.pcap"), 200, &status), 50);
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_E_IO); /* nothing is written over */
    assert_non_null(strstr(glint_error_text(), "--overwrite"));
    s = (struct glint_pcap_writer_settings){
        .path = pattern, .rotate_ns = 100 * SENSOR_PERIOD_NS, .overwrite = true};
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_OK);
    capture_add_sensor(w, 0, 150, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
    capture_end(w);
    assert_int_equal(count_packets(file("r_00.pcap"), 0, &status), 100);
    assert_int_equal(count_packets(file("r_01.pcap"), 100, &status), 50);
    s.path = file("plain.pcap");
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_E_ARG);
}

/* A writer that is killed at any moment leaves a capture whose records are whole, but for the last. */
static void survives_kill(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        remove(file("k.pcap"));
        const pid_t pid = fork();
        if (pid == 0) {
            const struct glint_pcap_writer_settings s = {
                .path = file("k.pcap"), .flush_ns = 1000000, .overwrite = true};
            struct glint_pcap_writer *w;
            if (glint_pcap_writer_open(&s, &w) != GLINT_OK)
                _exit(1);
            capture_add_sensor(w, 0, 1 << 22, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
            _exit(1);
        }
        struct stat st = {0};
        for (int ms = 0; ms < 20000 && st.st_size < 300000; ms++) { /* however slow the machine is */
            usleep(1000);
            if (stat(file("k.pcap"), &st) != 0)
                st.st_size = 0;
        }
        int how, status;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &how, 0), pid);
        assert_true(WIFSIGNALED(how));
        assert_true(count_packets(file("k.pcap"), 0, &status) > 100);
        assert_true(status == GLINT_E_EOF ||
                    (status == GLINT_E_FORMAT && strstr(glint_error_text(), "truncated")));
    }
}

/* Killed while it rotates: all files but the last are whole, and together they have every packet in order. */
static void survives_kill_while_it_rotates(void **state)
{
    (void)state;
    char pattern[200], name[32];
    snprintf(pattern, sizeof pattern, "%s/q_%%03d.pcap", folder);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct glint_pcap_writer_settings s = {
            .path = pattern, .flush_ns = 1000000, .rotate_bytes = 24 + 100 * (1206 + 58), .overwrite = true};
        struct glint_pcap_writer *w;
        if (glint_pcap_writer_open(&s, &w) != GLINT_OK)
            _exit(1);
        for (int i = 0; i < 60000; i += 10) { /* at most 600 files */
            capture_add_sensor(w, i, 10, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
            usleep(500);
        }
        _exit(1);
    }
    for (int ms = 0; ms < 20000 && access(file("q_007.pcap"), R_OK) != 0; ms++)
        usleep(1000);
    int how, status = GLINT_E_EOF, n = 0, n_files = 0;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how));
    for (;; n_files++) {
        snprintf(name, sizeof name, "q_%03d.pcap", n_files);
        if (access(file(name), R_OK) != 0)
            break;
        assert_int_equal(status, GLINT_E_EOF); /* of the file before: whole */
        const int here = count_packets(file(name), n, &status);
        n += here;
        snprintf(name, sizeof name, "q_%03d.pcap", n_files + 1);
        assert_true(here == 100 || access(file(name), R_OK) != 0);
    }
    assert_true(n_files >= 8 && n >= 700);
}

/* A full disk, as a limit on the file's size: what is there ends with a whole record. */
static void full_disk_keeps_whole_records(void **state)
{
    (void)state;
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY}, little = {100000, RLIM_INFINITY};
    const struct glint_pcap_writer_settings s = {.path = file("d.pcap"), .overwrite = true};
    struct glint_pcap_writer *w;
    struct glint_pcap_writer_stats stats;
    uint8_t data[VELODYNE_BYTES];
    int status = GLINT_OK;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(glint_pcap_writer_open(&s, &w), GLINT_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    for (int i = 0; i < 2000 && status == GLINT_OK; i++) {
        sensor_packet(data, i, 1000000);
        const struct glint_packet p = {.data = data,
                                       .size = sizeof data,
                                       .stamp_ns = SENSOR_EPOCH_NS + i * SENSOR_PERIOD_NS,
                                       .src_ip = 0xc0a801c9,
                                       .dst_port = 2368};
        status = glint_pcap_writer_write(w, &p);
    }
    setrlimit(RLIMIT_FSIZE, &none);
    assert_int_equal(status, GLINT_E_IO);
    glint_pcap_writer_stats(w, &stats);
    glint_pcap_writer_close(w);
    assert_int_equal(stats.packets, (100000 - 24) / (1206 + 58));
    assert_int_equal(count_packets(file("d.pcap"), 0, &status), stats.packets);
    assert_int_equal(status, GLINT_E_EOF);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* As SIGHUP wants it: the next number; or the same path, where the file was moved from. */
static void goes_on_in_another_file(void **state)
{
    (void)state;
    struct glint_pcap_writer *w;
    struct glint_pcap_writer_stats stats;
    struct stat st;
    char path[200], old[200];
    const uint8_t data[3] = {1, 2, 3};
    const struct glint_packet p = {.data = data, .size = 3, .stamp_ns = INT64_C(1700000000000000000)};
    const struct glint_pcap_writer_settings numbered = {.path = file("hup_%02d.pcap")};
    assert_int_equal(glint_pcap_writer_open(&numbered, &w), GLINT_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(glint_pcap_writer_write(w, &p), GLINT_OK);
        assert_int_equal(glint_pcap_writer_rotate(w), GLINT_OK);
    }
    glint_pcap_writer_stats(w, &stats);
    assert_true(stats.packets == 3 && stats.files == 4);
    assert_int_equal(glint_pcap_writer_close(w), GLINT_OK);
    assert_int_equal(stat(file("hup_02.pcap"), &st), 0);
    assert_int_equal(st.st_size, 24 + 16 + 42 + 3);

    snprintf(path, sizeof path, "%s", file("hup.pcap"));
    snprintf(old, sizeof old, "%s", file("old.pcap"));
    const struct glint_pcap_writer_settings plain = {.path = path};
    assert_int_equal(glint_pcap_writer_open(&plain, &w), GLINT_OK);
    assert_int_equal(glint_pcap_writer_write(w, &p), GLINT_OK);
    assert_int_equal(glint_pcap_writer_rotate(w), GLINT_OK); /* where it was: stays */
    assert_int_equal(glint_pcap_writer_write(w, &p), GLINT_OK);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(glint_pcap_writer_rotate(w), GLINT_OK);
    assert_int_equal(glint_pcap_writer_write(w, &p), GLINT_OK);
    assert_int_equal(glint_pcap_writer_close(w), GLINT_OK);
    assert_int_equal(stat(old, &st), 0);
    assert_int_equal(st.st_size, 24 + 2 * (16 + 42 + 3));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 24 + 16 + 42 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back_as_written),
                                       cmocka_unit_test(largest_and_empty_datagrams),
                                       cmocka_unit_test(a_file_with_nothing_in_it_is_used),
                                       cmocka_unit_test(rotates_by_size_and_time),
                                       cmocka_unit_test(survives_kill),
                                       cmocka_unit_test(survives_kill_while_it_rotates),
                                       cmocka_unit_test(full_disk_keeps_whole_records),
                                       cmocka_unit_test(goes_on_in_another_file)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
