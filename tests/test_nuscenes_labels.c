/* tests/test_nuscenes_labels.c - lidarseg and panoptic labels. */
#include "tests/nuscenes_fixture.h"
#include "core/status.h"
#include "io/nuscenes_labels.h"
#include <zlib.h>

static uint8_t archive[2048];

static void put(size_t at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        archive[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

/* An .npy of uint16 as numpy writes it. */
static size_t make_npy(uint8_t *out, const char *type, const uint16_t *values, size_t n)
{
    char header[119] = {0};
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,), }", type, n);
    for (size_t i = strlen(header); i < 117; i++)
        header[i] = ' ';
    header[117] = '\n';
    memcpy(out, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(out + 10, header, 118);
    memcpy(out + 128, values, 2 * n);
    return 128 + 2 * n;
}

/* An archive with one entry, as numpy.savez and savez_compressed write them: the local header does not know
 * sizes. */
static size_t make_npz(const char *type, bool packed, const uint16_t *values, size_t n)
{
    uint8_t npy[1024];
    const size_t size = make_npy(npy, type, values, n);
    memset(archive, 0, sizeof archive);
    z_stream z = {.next_in = npy, .avail_in = (uInt)size, .next_out = archive + 58, .avail_out = 1500};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t stored = packed ? z.total_out : size;
    deflateEnd(&z);
    if (!packed)
        memcpy(archive + 58, npy, size);
    put(0, 0x04034b50, 4);
    put(8, packed ? 8 : 0, 2);
    put(18, 0xffffffff, 4);
    put(22, 0xffffffff, 4);
    put(26, 8, 2);
    put(28, 20, 2); /* the zip64 extra field, which is not looked at */
    memcpy(archive + 30, "data.npy", 8);
    const size_t directory = 58 + stored;
    put(directory, 0x02014b50, 4);
    put(directory + 10, packed ? 8 : 0, 2);
    put(directory + 20, (uint32_t)stored, 4);
    put(directory + 24, (uint32_t)size, 4);
    put(directory + 28, 8, 2);
    memcpy(archive + directory + 46, "data.npy", 8);
    put(directory + 54, 0x06054b50, 4);
    put(directory + 64, 1, 2);
    put(directory + 70, (uint32_t)directory, 4);
    return directory + 76;
}

static void panoptic_is_category_and_instance(void **state)
{
    (void)state;
    static const uint16_t values[] = {17001, 17002, 24000, 0, 65535};
    struct glint_nuscenes_labels l;
    for (int packed = 0; packed < 2; packed++) {
        const size_t size = make_npz("<u2", packed, values, 5);
        assert_int_equal(glint_nuscenes_panoptic_parse("file", archive, size, &l), GLINT_OK);
        assert_int_equal(l.n, 5);
        assert_int_equal(l.category[1], 17);
        assert_int_equal(l.instance[1], 2);
        assert_int_equal(l.category[2], 24);
        assert_int_equal(l.instance[2], 0);
        glint_nuscenes_labels_fini(&l);
    }
}

static void damaged_archives_are_refused(void **state)
{
    (void)state;
    static const uint16_t values[] = {1, 2, 3};
    struct glint_nuscenes_labels l;
    size_t size = make_npz("<i4", true, values, 3);
    assert_int_equal(glint_nuscenes_panoptic_parse("file", archive, size, &l), GLINT_E_FORMAT);
    assert_string_equal(glint_error_text(), "file: an array of little-endian uint16 expected");
    size = make_npz("<u2", true, values, 3);
    for (size_t cut = 0; cut < size; cut++) { /* any cut takes the end record away */
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, archive, cut);
        assert_int_equal(glint_nuscenes_panoptic_parse("file", copy, cut, &l), GLINT_E_FORMAT);
        free(copy);
    }
    for (size_t at = 0; at < size; at++) { /* any byte damaged: refused or read, nothing worse */
        uint8_t *copy = malloc(size);
        memcpy(copy, archive, size);
        copy[at] ^= 0xff;
        glint_nuscenes_panoptic_parse("file", copy, size, &l);
        glint_nuscenes_labels_fini(&l);
        free(copy);
    }
}

static void lidarseg_is_a_byte_per_point(void **state)
{
    (void)state;
    char path[1024];
    struct glint_nuscenes_tables *t;
    struct glint_nuscenes_labels l;
    if (!glint_test_shared("eval/nuscenes/dataroot", path, sizeof path))
        skip();
    assert_int_equal(glint_nuscenes_tables_open(path, "v1.0-mini", &t), GLINT_OK);
    assert_int_equal(glint_nuscenes_lidarseg_read(t, t->sample[0].key, &l), GLINT_OK);
    assert_int_equal(l.n, 1005);
    assert_null(l.instance);
    glint_nuscenes_labels_fini(&l);
    assert_int_equal(glint_nuscenes_panoptic_read(t, t->sample[0].key, &l), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "panoptic.json: no labels of key frame"));
    glint_nuscenes_tables_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panoptic_is_category_and_instance),
        cmocka_unit_test(damaged_archives_are_refused),
        cmocka_unit_test(lidarseg_is_a_byte_per_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
