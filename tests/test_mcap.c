/* tests/test_mcap.c - MCAP files: what is written is read again, in every compression; a file cut at any byte
 * gives all messages of its whole chunks; full disks, damaged chunks. Other people's readers:
 * ros/check_mcap.py. */
#include "tests/clouds.h"
#include "core/log.h"
#include "ros/bag.h"
#include "ros/mcap.h"
#include "ros/mcap_write.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_MESSAGES 40
#define PER_CHUNK  4

static const struct glint_mcap_channel channels[] = {
    {"/a", "std_msgs/msg/String", "string data\n", "- depth: 1"},
    {"/b", "std_msgs/msg/UInt8", "uint8 data\n", NULL},
    {"/c", "std_msgs/msg/String", "string data\n", NULL}};

/* Message i: its topic, and some hundred bytes of it. */
static size_t make_message(int i, uint8_t *bytes)
{
    const size_t n = 40 + (size_t)i * 7 % 90;
    for (size_t k = 0; k < n; k++)
        bytes[k] = (uint8_t)((size_t)i + k % 5);
    return n;
}

static int write_messages(struct glint_mcap_writer *w, int from, int to)
{
    uint8_t bytes[200];
    for (int i = from; i < to; i++) {
        const size_t n = make_message(i, bytes);
        GLINT_TRY(glint_mcap_write(w, (uint16_t)(i % 3), 1000 + i * 10, bytes, n));
        if (i % PER_CHUNK == PER_CHUNK - 1)
            GLINT_TRY(glint_mcap_end_chunk_if_due(w));
    }
    return GLINT_OK;
}

static struct glint_mcap_writer *create(const char *path, enum glint_compression c)
{
    struct glint_mcap_writer *w;
    const struct glint_mcap_settings settings = {c, 1, INT64_C(1000000000)}; /* every chunk is due */
    uint16_t id;
    expect_ok(glint_mcap_create(path, &settings, &w));
    for (int i = 0; i < 3; i++) {
        expect_ok(glint_mcap_add_channel(w, &channels[i], &id));
        assert_int_equal(id, i);
    }
    return w;
}

static const char *write_file(const char *name, enum glint_compression c, bool finished)
{
    const char *path = glint_test_path(name);
    struct glint_mcap_writer *w = create(path, c);
    expect_ok(write_messages(w, 0, N_MESSAGES));
    if (finished)
        expect_ok(glint_mcap_finish(w));
    glint_mcap_close(w);
    return path;
}

/* Messages 0..n - 1 come, in order and whole; their number. *last_out: how it ended. */
static int read_messages(struct glint_bag *bag, int *last_out)
{
    uint8_t want[200];
    struct glint_bag_message m;
    int n = 0;
    for (int32_t i = 0; i < bag->n_topics; i++)
        bag->topics[i].wanted = true;
    while ((*last_out = glint_bag_next(bag, &m)) == GLINT_OK) {
        assert_int_equal(m.size, make_message(n, want));
        assert_memory_equal(m.data, want, m.size);
        assert_string_equal(bag->topics[m.topic].name, channels[n % 3].topic);
        assert_string_equal(bag->topics[m.topic].type, channels[n % 3].type);
        assert_int_equal(m.log_ns, 1000 + n * 10);
        n++;
    }
    return n;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct glint_bag *bag;
    enum glint_compression c;
    int last;
    for (int i = GLINT_COMPRESSION_NONE; i <= GLINT_COMPRESSION_ZSTD; i++) {
        const char *names[] = {"none", "lz4", "zstd"};
        if (glint_compression_named(names[i], &c) < 0)
            continue;
        expect_ok(glint_bag_open(write_file("whole.mcap", c, true), &bag));
        assert_int_equal(bag->n_topics, 3);
        assert_int_equal(bag->topics[0].n_messages, 14);
        assert_int_equal(bag->topics[2].n_messages, 13);
        assert_int_equal(bag->first_ns, 1000);
        assert_int_equal(bag->last_ns, 1390);
        assert_int_equal(read_messages(bag, &last), N_MESSAGES);
        assert_int_equal(last, GLINT_E_EOF);
        assert_string_equal(bag->note, "");
        assert_int_equal(glint_bag_find(bag, "/b"), 1);
        assert_int_equal(glint_bag_find(bag, "/d"), -1);
        glint_bag_close(bag);
    }
}

static void topics_that_are_not_wanted_are_passed_over(void **state)
{
    (void)state;
    struct glint_bag *bag;
    struct glint_bag_message m;
    int n = 0;
    expect_ok(glint_bag_open(write_file("some.mcap", GLINT_COMPRESSION_NONE, true), &bag));
    bag->topics[1].wanted = true;
    for (; glint_bag_next(bag, &m) == GLINT_OK; n++)
        assert_int_equal(m.topic, 1);
    assert_int_equal(n, 13);
    glint_bag_close(bag);
}

static size_t read_bytes(const char *path, uint8_t *bytes, size_t cap)
{
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(bytes, 1, cap, f) : 0;
    assert_true(n > 0 && n < cap);
    fclose(f);
    return n;
}

/* Chunks of the file that end at or before `size`. */
static int whole_chunks(const uint8_t *bytes, size_t size)
{
    int n = 0;
    for (size_t at = GLINT_MCAP_MAGIC_SIZE; at + GLINT_MCAP_RECORD_HEAD <= size;) {
        uint64_t length = 0;
        for (int k = 0; k < 8; k++)
            length |= (uint64_t)bytes[at + 1 + (size_t)k] << 8 * k;
        if (length > size - at - GLINT_MCAP_RECORD_HEAD)
            break;
        n += bytes[at] == GLINT_MCAP_CHUNK;
        at += GLINT_MCAP_RECORD_HEAD + (size_t)length;
    }
    return n;
}

static void a_file_cut_at_any_byte_gives_its_whole_chunks(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    struct glint_bag *bag;
    const size_t size =
        read_bytes(write_file("cut.mcap", glint_compression_best(), true), bytes, sizeof bytes);
    int last;
    assert_int_equal(whole_chunks(bytes, size), N_MESSAGES / PER_CHUNK);
    for (size_t n = 0; n < size; n++) {
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, bytes, n);
        const int status = glint_bag_mcap_open_memory(exact, n, "cut", &bag);
        if (status == GLINT_OK) {
            assert_int_equal(read_messages(bag, &last), PER_CHUNK * whole_chunks(bytes, n));
            assert_true(last == GLINT_E_EOF || last == GLINT_E_FORMAT);
            assert_int_equal(glint_bag_next(bag, &(struct glint_bag_message){0}), GLINT_E_EOF);
            glint_bag_close(bag);
        } else {
            assert_int_equal(status, GLINT_E_FORMAT);
            assert_true(n < 40); /* within magic and header */
        }
        free(exact);
    }
}

static void a_killed_writer_leaves_its_whole_chunks(void **state)
{
    (void)state;
    const char *path = glint_test_path("killed.mcap");
    struct glint_bag *bag;
    int last, how;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct glint_mcap_writer *w = create(path, glint_compression_best());
        write_messages(w, 0, 22); /* five chunks and a half */
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &how, 0);
    assert_true(WIFSIGNALED(how));
    expect_ok(glint_bag_open(path, &bag));
    assert_int_equal(read_messages(bag, &last), 20);
    assert_int_equal(last, GLINT_E_EOF);
    assert_true(strstr(bag->note, "not finished"));
    glint_bag_close(bag);
}

/* A limit of the file's size is an error of write, as a full disk is. */
static void a_full_disk_is_told_and_leaves_a_file_that_reads(void **state)
{
    (void)state;
    const char *path = glint_test_path("full.mcap");
    struct rlimit old, limit;
    struct glint_bag *bag;
    int last;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    for (rlim_t size = 0; size < 5000; size += 17) {
        struct glint_mcap_writer *w = create(path, GLINT_COMPRESSION_NONE);
        limit = (struct rlimit){200 + size, old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        int status = write_messages(w, 0, N_MESSAGES);
        if (status < 0)
            assert_non_null(strstr(glint_error_text(), "full.mcap: cannot write: File too large"));
        const int end = glint_mcap_finish(w);
        status = status < 0 ? status : end;
        setrlimit(RLIMIT_FSIZE, &old);
        glint_mcap_close(w);
        assert_int_equal(status, GLINT_E_IO);
        expect_ok(glint_bag_open(path, &bag));
        const int n = read_messages(bag, &last);
        assert_int_equal(last, GLINT_E_EOF); /* nothing of a chunk that was started is left */
        assert_int_equal(n % PER_CHUNK, 0);
        assert_true(size < 1500 || n > 0);
        glint_bag_close(bag);
    }
}

static void damaged_chunks_are_told_or_left_out(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    struct glint_bag *bag;
    struct glint_bag_message m;
    const size_t size = read_bytes(write_file("bad.mcap", GLINT_COMPRESSION_NONE, true), bytes, sizeof bytes);
    uint8_t *second = bytes + 8;
    for (int chunks = 0; chunks < 2; second += 9 + (second[1] | second[2] << 8))
        chunks += second[9 + (second[1] | second[2] << 8)] == GLINT_MCAP_CHUNK;
    assert_int_equal(second[0], GLINT_MCAP_CHUNK);
    second[9 + 60] ^= 1;
    for (int skip = 0; skip < 2; skip++) {
        int n = 0, failures = 0, status;
        expect_ok(glint_bag_mcap_open_memory(bytes, size, "bad", &bag));
        bag->skip_corrupt = skip;
        for (int32_t i = 0; i < bag->n_topics; i++)
            bag->topics[i].wanted = true;
        while ((status = glint_bag_next(bag, &m)) != GLINT_E_EOF) {
            n += status == GLINT_OK;
            failures += status < 0;
            if (status < 0)
                expect_failure(status, GLINT_E_FORMAT, "its crc is not the one stored");
        }
        assert_int_equal(n, N_MESSAGES - PER_CHUNK);
        assert_int_equal(failures, !skip);
        assert_int_equal(bag->n_corrupt, skip);
        glint_bag_close(bag);
    }
}

static void other_files_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct glint_bag *bag;
    expect_failure(glint_bag_open(glint_test_path("nothing.mcap"), &bag), GLINT_E_NOTFOUND, "not found");
    expect_failure(glint_bag_open(glint_test_write("text.mcap", "hello", 5), &bag), GLINT_E_FORMAT,
                   "expected MCAP, SQLite");
    expect_failure(glint_bag_open(glint_test_write("head.mcap", GLINT_MCAP_MAGIC, 8), &bag), GLINT_E_FORMAT,
                   "header record at offset 8");
    assert_false(glint_bag_probe(glint_test_path("text.mcap")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(topics_that_are_not_wanted_are_passed_over),
        cmocka_unit_test(a_file_cut_at_any_byte_gives_its_whole_chunks),
        cmocka_unit_test(a_killed_writer_leaves_its_whole_chunks),
        cmocka_unit_test(a_full_disk_is_told_and_leaves_a_file_that_reads),
        cmocka_unit_test(damaged_chunks_are_told_or_left_out),
        cmocka_unit_test(other_files_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
