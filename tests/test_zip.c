/* tests/test_zip.c - entries that are found and unpacked, archives that are refused. */
#include "tests/util.h"
#include "tests/archive_made.h"
#include "convert/zip.h"
#include "core/status.h"

#define DIRECTORY_ENTRY 46

static struct made two_entries(void)
{
    static uint8_t zeros[5000];
    struct made_zip z = {0};
    made_zip_add(&z, "a/plain", "hello", 5, false);
    made_zip_add(&z, "a/packed", zeros, sizeof zeros, true);
    made_zip_end(&z);
    return z.file;
}

static size_t directory_of(const struct made *m)
{
    const uint8_t *end = m->data + m->n - 22;
    return (size_t)end[16] | (size_t)end[17] << 8;
}

static void refused(const struct made *m, const char *reason)
{
    struct glint_zip zip;
    uint8_t *block = malloc(m->n ? m->n : 1);
    memcpy(block, m->data, m->n);
    const int status = glint_zip_open(&zip, "z", block, m->n);
    if (status != GLINT_E_FORMAT || !strstr(glint_error_text(), reason))
        fail_msg("%s: \"%s\" expected in \"%s\"", glint_status_name(status), reason, glint_error_text());
    free(block);
}

static void entries_are_found_and_unpacked(void **state)
{
    (void)state;
    struct made m = two_entries();
    struct glint_zip zip;
    const uint8_t *bytes;
    void *owned;
    assert_int_equal(glint_zip_open(&zip, "z", m.data, m.n), GLINT_OK);
    assert_int_equal(zip.n, 2);
    const struct glint_zip_entry *e = glint_zip_find(&zip, "a", 1, "plain", 5);
    assert_non_null(e);
    assert_int_equal(glint_zip_unpack(&zip, e, &bytes, &owned), GLINT_OK);
    assert_null(owned);
    assert_true(e->size == 5 && bytes >= m.data && bytes < m.data + m.n);
    assert_memory_equal(bytes, "hello", 5);
    e = glint_zip_find(&zip, "", 0, "a/packed", 8);
    assert_non_null(e);
    assert_int_equal(glint_zip_unpack(&zip, e, &bytes, &owned), GLINT_OK);
    assert_true(owned && e->size == 5000 && bytes[0] == 0 && bytes[4999] == 0);
    free(owned);
    assert_null(glint_zip_find(&zip, "a", 1, "pl", 2));
    assert_null(glint_zip_find(&zip, "b", 1, "plain", 5));
    glint_zip_close(&zip);
    made_free(&m);
}

/* The same archive with its numbers in the records of 64 bits. */
static void sizes_of_64_bits(void **state)
{
    (void)state;
    struct made m = {0}, d = {0};
    made_zip_head(&m, "PK\3\4", false, 0, 0, 3, 3, 1);
    made_add(&m, "xabc", 4);
    made_zip_head(&d, "PK\1\2", true, 0, 0, 0xffffffff, 0xffffffff, 1);
    d.data[30] = 28; /* extra field */
    made_number(&d, 8, 0);
    made_number(&d, 2, 0);
    made_number(&d, 4, 0xffffffff);
    d.n = DIRECTORY_ENTRY;
    made_add(&d, "x", 1);
    made_number(&d, 2, 1);
    made_number(&d, 2, 24);
    made_number(&d, 8, 3);
    made_number(&d, 8, 3);
    made_number(&d, 8, 0);
    const size_t at = m.n;
    made_add(&m, d.data, d.n);
    const size_t end64 = m.n;
    made_add(&m, "PK\6\6", 4);
    made_number(&m, 8, 44);
    made_number(&m, 4, 45);
    made_number(&m, 8, 0);
    made_number(&m, 8, 1);
    made_number(&m, 8, 1);
    made_number(&m, 8, d.n);
    made_number(&m, 8, at);
    made_add(&m, "PK\6\7\0\0\0\0", 8);
    made_number(&m, 8, end64);
    made_number(&m, 4, 1);
    made_add(&m, "PK\5\6\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0", 22);
    struct glint_zip zip;
    if (glint_zip_open(&zip, "z", m.data, m.n) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_true(zip.n == 1 && zip.entries[0].size == 3);
    assert_memory_equal(zip.entries[0].data, "abc", 3);
    glint_zip_close(&zip);
    m.data[end64 + 32] = 2; /* entries */
    refused(&m, "more entries");
    m.data[end64] = 'X';
    refused(&m, "no end record of 64 bits");
    made_free(&m);
    made_free(&d);
}

/* One byte, or a number, of the directory's first entry is another. */
static void changed(size_t field, int width, uint64_t value, const char *reason)
{
    struct made m = two_entries(), number = {0};
    made_number(&number, width, value);
    memcpy(m.data + directory_of(&m) + field, number.data, number.n);
    refused(&m, reason);
    made_free(&number);
    made_free(&m);
}

static void directories_are_checked(void **state)
{
    (void)state;
    changed(8, 2, 1, "entry a/plain: encrypted");
    changed(10, 2, 12, "neither stored nor deflated");
    changed(24, 4, 6, "stored, but with another size");
    changed(20, 4, 0xfffffffe, "stored, but with another size");
    changed(28, 2, 0xffff, "cut short");
    changed(42, 4, 1, "no local header");
    changed(42, 4, 0xfffffff0, "no local header");
    changed(42, 4, 0xffffffff, "sizes of 64 bits are missing");
    changed(0, 1, 0, "an entry of the directory expected");
    changed(DIRECTORY_ENTRY, 1, 'b', "another name in its local header");
    struct made m = two_entries();
    for (size_t n = 0; n < m.n; n++) {
        const struct made cut = {.data = m.data, .n = n};
        refused(&cut, "no end record");
    }
    made_free(&m);
}

static void entries_may_not_overlap(void **state)
{
    (void)state;
    struct made_zip z = {0};
    made_zip_add(&z, "same", "0123456789", 10, false);
    made_add(&z.directory, z.directory.data, z.directory.n); /* a second entry of the same bytes */
    z.n = 2;
    made_zip_end(&z);
    refused(&z.file, "entry same: overlaps another entry");
    made_free(&z.file);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    const size_t size = (size_t)20 << 20;
    uint8_t *zeros = calloc(1, size);
    struct made_zip z = {0};
    made_zip_add(&z, "bomb", zeros, size, true);
    made_zip_end(&z);
    assert_true(z.file.n < size / 100);
    refused(&z.file, "entry bomb: unpacks to more than 20 times");
    made_free(&z.file);
    free(zeros);
}

static void damaged_bytes_are_noticed(void **state)
{
    (void)state;
    struct made m = two_entries();
    struct glint_zip zip;
    const uint8_t *bytes;
    void *owned;
    assert_int_equal(glint_zip_open(&zip, "z", m.data, m.n), GLINT_OK);
    m.data[30 + 7] ^= 1; /* "hello" */
    assert_int_equal(glint_zip_unpack(&zip, &zip.entries[0], &bytes, &owned), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "entry a/plain: its CRC"));
    zip.entries[0].crc = 0; /* not recorded */
    assert_int_equal(glint_zip_unpack(&zip, &zip.entries[0], &bytes, &owned), GLINT_OK);
    zip.entries[1].size--;
    assert_int_equal(glint_zip_unpack(&zip, &zip.entries[1], &bytes, &owned), GLINT_E_FORMAT);
    zip.entries[1].size += 2;
    assert_int_equal(glint_zip_unpack(&zip, &zip.entries[1], &bytes, &owned), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "does not unpack"));
    zip.entries[1].size = (uint64_t)1 << 40;
    assert_int_equal(glint_zip_unpack(&zip, &zip.entries[1], &bytes, &owned), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "larger than 48 MB"));
    glint_zip_close(&zip);
    made_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_and_unpacked),
        cmocka_unit_test(sizes_of_64_bits),
        cmocka_unit_test(directories_are_checked),
        cmocka_unit_test(entries_may_not_overlap),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(damaged_bytes_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
