/* tests/test_tfrecord.c - framing, checksums and damage of TFRecord files. */
#include "tests/files.h"
#include "core/bytes.h"
#include "core/cpu.h"
#include "core/status.h"
#include "io/tfrecord.h"

static const uint8_t digits[] = "123456789";

static void checksums_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(glint_crc32c_c(0, digits, 9), 0xe3069283);
    assert_int_equal(glint_crc32c_masked(0xe3069283), 0xc78ab0e5);
    assert_int_equal(glint_crc32c_c(0, digits, 0), 0);
    assert_int_equal(glint_crc32c_masked(0), 0xa282ead8);
    assert_int_equal(glint_crc32c_c(0, (const uint8_t *)"a", 1), 0xc1d04330);
    assert_int_equal(glint_crc32c_masked(0xc1d04330), 0x28e46e78);
    assert_int_equal(glint_crc32c_c(glint_crc32c_c(0, digits, 4), digits + 4, 5), 0xe3069283);
}

static void every_version_gives_the_same(void **state)
{
    (void)state;
    uint8_t data[300];
    uint64_t seed = 7;
    glint_crc32c_fn *fast = glint_crc32c_get(glint_cpu_isa());
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)glint_test_random(&seed);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; from + n <= sizeof data; n++)
            assert_int_equal(fast((uint32_t)n * 77, data + from, n),
                             glint_crc32c_c((uint32_t)n * 77, data + from, n));
}

/* Three records: 9 digits, nothing, 300 zeros. Bytes 0, 25, 41; 357 in all. */
static const char *three(void)
{
    static const uint8_t zeros[300];
    const char *path = glint_test_path("three.tfrecord");
    FILE *f = fopen(path, "wb");
    assert_true(glint_tfrecord_write(f, digits, 9) && glint_tfrecord_write(f, digits, 0) &&
                glint_tfrecord_write(f, zeros, sizeof zeros));
    assert_int_equal(fclose(f), 0);
    return path;
}

static void records_come_as_they_were_written(void **state)
{
    (void)state;
    struct glint_tfrecord t;
    struct glint_record r;
    assert_int_equal(glint_tfrecord_open(&t, three(), false), GLINT_OK);
    assert_int_equal(t.file.size, 357);
    assert_true(glint_tfrecord_probe(t.file.data, t.file.size));
    assert_false(glint_tfrecord_probe(t.file.data + 1, t.file.size - 1));
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_true(r.size == 9 && r.offset == 0 && r.number == 0 && memcmp(r.data, digits, 9) == 0);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_true(r.size == 0 && r.offset == 25 && r.number == 1);
    assert_int_equal(glint_tfrecord_skip(&t, &r), GLINT_OK);
    assert_true(r.size == 300 && r.offset == 41 && r.number == 2);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
    glint_tfrecord_seek(&t, 25, 1);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_true(r.size == 0 && r.number == 1);
    glint_tfrecord_release(&t, 357);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_int_equal(r.size, 300);
    glint_tfrecord_close(&t);
}

/* Reads a damaged copy of the three; damage: a byte is turned, or the file cut before `at`. */
static struct glint_tfrecord open_damaged(size_t at, bool cut, bool skip_corrupt)
{
    size_t size;
    char *data = glint_test_read(three(), &size);
    data[at] ^= 4;
    struct glint_tfrecord t;
    assert_int_equal(
        glint_tfrecord_open(&t, glint_test_write("damaged.tfrecord", data, cut ? at : size), skip_corrupt),
        GLINT_OK);
    free(data);
    return t;
}

static void expect(struct glint_tfrecord *t, const char *reason)
{
    struct glint_record r;
    assert_int_equal(glint_tfrecord_next(t, &r), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
}

static void a_bad_payload_costs_one_record(void **state)
{
    (void)state;
    struct glint_record r;
    struct glint_tfrecord t = open_damaged(15, false, false);
    expect(&t, "damaged.tfrecord: record 0 at byte 0: its 9 bytes of payload have checksum");
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_int_equal(r.number, 1);
    glint_tfrecord_close(&t);
    t = open_damaged(15, false, true);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_true(r.number == 1 && t.damage.bad_data == 1);
    glint_tfrecord_close(&t);
    t = open_damaged(353, false, true); /* the last one's stored checksum */
    for (int i = 0; i < 2; i++)
        assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
    assert_true(t.damage.bad_data == 1 && t.damage.bad_length == 0 && t.damage.truncated == 0);
    glint_tfrecord_close(&t);
}

static void a_bad_length_ends_the_file(void **state)
{
    (void)state;
    struct glint_record r;
    struct glint_tfrecord t = open_damaged(26, false, false);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    expect(&t, "record 1 at byte 25: its length has checksum");
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
    glint_tfrecord_close(&t);
    t = open_damaged(34, false, true); /* the length's checksum */
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
    assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
    assert_true(t.damage.bad_length == 1 && t.damage.truncated == 0);
    glint_tfrecord_close(&t);
}

static void a_cut_file_at_every_byte(void **state)
{
    (void)state;
    for (size_t at = 0; at < 357; at++) {
        struct glint_record r;
        const int whole = (at >= 25) + (at >= 41);
        const bool between = at == 0 || at == 25 || at == 41;
        struct glint_tfrecord t = open_damaged(at, true, true);
        for (int i = 0; i < whole; i++)
            assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
        assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
        assert_true(t.damage.truncated == !between && t.damage.bad_length == 0 && t.damage.bad_data == 0);
        glint_tfrecord_close(&t);
        t = open_damaged(at, true, false);
        for (int i = 0; i < whole; i++)
            assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
        assert_int_equal(glint_tfrecord_next(&t, &r), between ? GLINT_E_EOF : GLINT_E_FORMAT);
        glint_tfrecord_close(&t);
    }
}

static void a_length_beyond_all_memory(void **state)
{
    (void)state;
    uint8_t data[40] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint32_t crc = glint_crc32c_masked(glint_crc32c_c(0, data, 8));
    memcpy(data + 8, &crc, 4);
    struct glint_tfrecord t;
    assert_int_equal(glint_tfrecord_open(&t, glint_test_write("long.tfrecord", data, sizeof data), false),
                     GLINT_OK);
    expect(&t, "record 0 at byte 0: its payload of 18446744073709551615 bytes and checksum are cut");
    glint_tfrecord_close(&t);
}

/* The damaged files of the reference data. */
static void reference_files(void **state)
{
    static const struct {
        const char *name, *reason;
        int n_good;
        struct glint_tfrecord_damage damage;
    } cases[] = {
        {"small", NULL, 3, {0}},
        {"full", NULL, 1, {0}},
        {"generic_labels", NULL, 200, {0}},
        {"empty", NULL, 0, {0}},
        {"bad_data_crc", "record 1 at byte 55447: its 53049 bytes of payload", 1, {.bad_data = 1}},
        {"bad_length_crc", "record 0 at byte 0: its length", 0, {.bad_length = 1}},
        {"truncated",
         "record 0 at byte 0: its payload of 53049 bytes and checksum are cut",
         0,
         {.truncated = 1}},
    };
    char path[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[128];
        struct glint_tfrecord t;
        struct glint_record r;
        snprintf(name, sizeof name, "eval/waymo_frames/%s.tfrecord", cases[i].name);
        if (!glint_test_shared(name, path, sizeof path))
            skip();
        assert_int_equal(glint_tfrecord_open(&t, path, true), GLINT_OK);
        for (int k = 0; k < cases[i].n_good; k++)
            assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
        assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_E_EOF);
        assert_memory_equal(&t.damage, &cases[i].damage, sizeof t.damage);
        glint_tfrecord_close(&t);
        assert_int_equal(glint_tfrecord_open(&t, path, false), GLINT_OK);
        for (int k = 0; k < cases[i].n_good; k++)
            assert_int_equal(glint_tfrecord_next(&t, &r), GLINT_OK);
        if (cases[i].reason)
            expect(&t, cases[i].reason);
        glint_tfrecord_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_of_the_specification),    cmocka_unit_test(every_version_gives_the_same),
        cmocka_unit_test(records_come_as_they_were_written), cmocka_unit_test(a_bad_payload_costs_one_record),
        cmocka_unit_test(a_bad_length_ends_the_file),        cmocka_unit_test(a_cut_file_at_every_byte),
        cmocka_unit_test(a_length_beyond_all_memory),        cmocka_unit_test(reference_files),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
