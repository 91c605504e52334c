/* tests/test_source_pcd.c - PCD in its three kinds of data, its types, and headers that lie. */
#include "tests/clouds.h"
#include "io/lzf.h"
#include "io/output.h"
#include <math.h>

#define N 50

/* Fields in an order of no reader's liking, with ones that are not ours between. */
static const char fields[] = "FIELDS normal ring z intensity x _ y timestamp return\n"
                             "SIZE 4 1 8 4 4 1 4 8 2\nTYPE F U F F F U F F I\nCOUNT 3 1 1 1 1 2 1 1 1\n";
static const uint32_t field_size[] = {12, 1, 8, 4, 4, 2, 4, 8, 2};
#define N_FIELDS (sizeof field_size / sizeof field_size[0])
#define RECORD   45

static void put(uint8_t *p, const void *value, size_t size)
{
    memcpy(p, value, size); /* tests run on little-endian machines */
}

static void make_point(int i, uint8_t *record)
{
    const float x = (float)i * 0.5f, y = (float)-i, intensity = (float)i * 2;
    const double z = i * 0.25, time = 1700000000.0 + i * 0.001;
    const int16_t ret = (int16_t)(i % 2);
    memset(record, 0, RECORD);
    record[12] = (uint8_t)(i % 32);
    put(record + 13, &z, 8);
    put(record + 21, &intensity, 4);
    put(record + 25, &x, 4);
    put(record + 31, &y, 4);
    put(record + 35, &time, 8);
    put(record + 43, &ret, 2);
}

static void check_points(const struct glint_frame *f)
{
    assert_int_equal(f->points.n, N);
    assert_true(f->stamp_ns == INT64_C(1700000000000000000));
    for (int i = 0; i < N; i++) {
        assert_true(f->points.x[i] == (float)i * 0.5f && f->points.y[i] == (float)-i &&
                    f->points.z[i] == (float)i * 0.25f);
        assert_true(fabsf(f->points.intensity[i] - (float)i * 2 / 255) < 1e-6f);
        assert_int_equal(f->points.ring[i], i % 32);
        assert_int_equal(f->points.ret[i], i % 2);
        assert_true(abs((int)f->points.offset_ns[i] - i * 1000000) < 500); /* dates are doubles */
    }
}

/* Reads a PCD made of a header and data. */
static int read_pcd(const char *header, const void *data, size_t size, struct glint_frame *f)
{
    struct glint_buffer b = {0};
    glint_buffer_text(&b, header);
    glint_buffer_add(&b, data, size);
    const char *path = glint_test_write("a.pcd", b.data, b.size);
    glint_buffer_fini(&b);
    f->points.n = 0;
    f->stamp_ns = 0;
    return cloud_read(path, NULL, f);
}

static const char *header_with(const char *more)
{
    static char text[1024];
    snprintf(text, sizeof text, "# .PCD v.7 - Point Cloud Data file format\nVERSION .7\n%s%s", fields, more);
    return text;
}

static void binary(void **state)
{
    (void)state;
    uint8_t data[N * RECORD + 3] = {0};
    for (int i = 0; i < N; i++)
        make_point(i, data + i * RECORD);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    const char *header =
        header_with("WIDTH 25\r\nHEIGHT 2\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 50\nDATA binary\n");
    expect_ok(read_pcd(header, data, N * RECORD, f));
    check_points(f);
    expect_ok(read_pcd(header, data, sizeof data, f)); /* zeros behind the points */
    check_points(f);
    expect_failure(read_pcd(header, data, N * RECORD - 1, f), GLINT_E_FORMAT,
                   "50 points of 45 bytes, the file holds 2249");
    data[N * RECORD] = 7;
    expect_failure(read_pcd(header, data, sizeof data, f), GLINT_E_FORMAT,
                   "50 points of 45 bytes, the file holds 2253");
    cloud_frame_done(f);
}

static void ascii(void **state)
{
    (void)state;
    struct glint_buffer b = {0};
    for (int i = 0; i < N; i++) {
        char line[200];
        snprintf(line, sizeof line, "nan 0 -1e5 %d %.4f %d %.2f 7 8 %d %.4f %d%s", i % 32, i * 0.25, i * 2,
                 i * 0.5, -i, 1700000000.0 + i * 0.001, i % 2, i % 3 ? "\n" : " \r\n\n");
        glint_buffer_text(&b, line);
    }
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    const char *header = header_with("WIDTH 50\nHEIGHT 1\nPOINTS 50\nDATA ascii\n");
    expect_ok(read_pcd(header, b.data, b.size, f));
    check_points(f);
    glint_buffer_text(&b, "1 2 3\n");
    expect_failure(read_pcd(header, b.data, b.size, f), GLINT_E_FORMAT,
                   "says 50 points, the file holds more");
    expect_failure(read_pcd(header, b.data, b.size - 30, f), GLINT_E_FORMAT, "line of point 49");
    b.size -= 6; /* the line that was too many */
    expect_failure(read_pcd(header_with("WIDTH 51\nHEIGHT 1\nDATA ascii\n"), b.data, b.size, f),
                   GLINT_E_FORMAT, "says 51 points, the file holds 50 lines");
    expect_failure(read_pcd(header_with("WIDTH 1000000\nHEIGHT 1\nDATA ascii\n"), b.data, b.size, f),
                   GLINT_E_FORMAT, "1000000 points of 12 numbers");
    glint_buffer_fini(&b);
    cloud_frame_done(f);
}

/* The longest match of a naive search, else a literal; enough to try both kinds of pieces. */
static size_t lzf_compress(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t o = 0;
    for (size_t i = 0; i < n;) {
        size_t best = 0, distance = 0;
        for (size_t d = 1; d <= i && d <= 8192; d++) {
            size_t length = 0;
            while (length < 264 && i + length < n && in[i + length] == in[i + length - d])
                length++;
            if (length > best) {
                best = length;
                distance = d - 1;
            }
        }
        if (best < 3) {
            out[o++] = 0;
            out[o++] = in[i++];
            continue;
        }
        const size_t code = best - 2;
        out[o++] = (uint8_t)((code < 7 ? code : 7) << 5 | distance >> 8);
        if (code >= 7)
            out[o++] = (uint8_t)(code - 7);
        out[o++] = (uint8_t)distance;
        i += best;
    }
    return o;
}

/* Sizes and LZF data of the points, field by field. */
static size_t compress_points(uint8_t *out)
{
    uint8_t records[N * RECORD], columns[N * RECORD];
    for (int i = 0; i < N; i++)
        make_point(i, records + i * RECORD);
    size_t at = 0, offset = 0;
    for (size_t k = 0; k < N_FIELDS; offset += field_size[k++])
        for (int i = 0; i < N; i++, at += field_size[k])
            memcpy(columns + at, records + i * RECORD + offset, field_size[k]);
    const uint32_t packed = (uint32_t)lzf_compress(columns, sizeof columns, out + 8),
                   unpacked = sizeof columns;
    put(out, &packed, 4);
    put(out + 4, &unpacked, 4);
    return packed + 8;
}

static void binary_compressed(void **state)
{
    (void)state;
    static uint8_t data[2 * N * RECORD + 8];
    const size_t size = compress_points(data);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    char header[1024];
    strcpy(header, header_with("WIDTH 50\nHEIGHT 1\nPOINTS 50\nDATA binary_compressed\n"));
    expect_ok(read_pcd(header, data, size, f));
    check_points(f);
    expect_failure(read_pcd(header, data, size - 1, f), GLINT_E_FORMAT, "compressed bytes announced");
    expect_failure(read_pcd(header, data, 7, f), GLINT_E_FORMAT, "7 bytes of data, expected two sizes");
    data[4] ^= 1;
    expect_failure(read_pcd(header, data, size, f), GLINT_E_FORMAT, "make 2250");
    data[4] ^= 1;
    data[8] = 0xff; /* a copy from before the start */
    expect_failure(read_pcd(header, data, size, f), GLINT_E_FORMAT, "is broken");
    const uint32_t bomb[4] = {8, 45 * 1000000};
    expect_failure(
        read_pcd(header_with("WIDTH 1000000\nHEIGHT 1\nDATA binary_compressed\n"), bomb, sizeof bomb, f),
        GLINT_E_FORMAT, "8 compressed bytes cannot hold 45000000");
    expect_ok(read_pcd(header_with("WIDTH 0\nHEIGHT 1\nPOINTS 0\nDATA binary_compressed\n"), NULL, 0, f));
    assert_int_equal(f->points.n, 0);
    cloud_frame_done(f);
}

static void lzf_pieces(void **state)
{
    (void)state;
    uint8_t out[300];
    static const uint8_t run[] = {0, 'a', 0xe0, 255, 0}, cut[] = {0xe0}, cut2[] = {0x20},
                         before[] = {0, 'a', 0x20, 1}, literal[] = {2, 'a', 'b'};
    assert_true(glint_lzf_decompress(run, sizeof run, out,
                                     265)); /* 1 + 264: an overlapping copy of the longest kind */
    assert_true(out[0] == 'a' && out[264] == 'a');
    assert_false(glint_lzf_decompress(run, sizeof run, out, 266));
    assert_false(glint_lzf_decompress(run, sizeof run, out, 264));
    assert_false(glint_lzf_decompress(cut, 1, out, 10));
    assert_false(glint_lzf_decompress(cut2, 1, out, 10));
    assert_false(glint_lzf_decompress(before, sizeof before, out, 4));
    assert_false(glint_lzf_decompress(literal, sizeof literal, out, 3));
    assert_true(glint_lzf_decompress(NULL, 0, out, 0));
    uint8_t in[2000], packed[4000], back[2000];
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(glint_test_random(&seed) % 4);
    assert_true(glint_lzf_decompress(packed, lzf_compress(in, sizeof in, packed), back, sizeof back));
    assert_memory_equal(in, back, sizeof in);
}

#define XYZ "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\n"

static void headers_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {XYZ "WIDTH 2\nHEIGHT 2\nPOINTS 5\nDATA ascii\n1 2 3\n", "WIDTH 2 x HEIGHT 2 is not POINTS 5"},
        {XYZ "WIDTH 1\nHEIGHT 1\nPOINTS 1\n", "DATA: expected ascii"},
        {XYZ "WIDTH 1\nHEIGHT 1\nPOINTS 1\nDATA zip\n", "DATA: expected ascii"},
        {XYZ "POINTS 1\nDATA ascii\n1 2 3\n", "WIDTH, HEIGHT: expected both"},
        {XYZ "WIDTH -1\nHEIGHT 1\nDATA ascii\n", "WIDTH: expected a whole number"},
        {XYZ "WIDTH 2000000000\nHEIGHT 2000000000\nDATA binary\n", "4000000000000000000 points; a scan has"},
        {"FIELDS x y z\nSIZE 4 4\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n",
         "SIZE: expected as many"},
        {"FIELDS x y z\nSIZE 4 4 4\nTYPE F F Q\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n",
         "TYPE: expected F, I or U"},
        {"FIELDS x y z\nSIZE 4 4 3\nTYPE F F U\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n",
         "field z: no type U of 3 bytes"},
        {"FIELDS x y z\nSIZE 4 4 2\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n",
         "field z: no type F of 2 bytes"},
        {"FIELDS x y\nSIZE 4 4\nTYPE F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2\n", "expected x, y and z"},
        {"SIZE 4 4 4\nFIELDS x y z\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n",
         "SIZE: expected one small"},
        {"FIELDS x y z\nSIZE 4 4 4\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n", "expected all three"},
        {"FIELDS x y z w\nSIZE 4 4 4 8\nTYPE F F F F\nCOUNT 1 1 1 65000\nWIDTH 1\nHEIGHT 1\nDATA binary\n",
         "65536 bytes a point"},
        {"FIELDS x y z\nCOLOURS 4\n", "unknown entry \"COLOURS\""},
        {XYZ "WIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 three\n", "line of point 0"},
        {XYZ "WIDTH 1\nHEIGHT 1\nDATA ascii\n1 2   \n", "line of point 0"},
        {XYZ "WIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3 4\n", "line of point 0"},
        {XYZ XYZ, "FIELDS: expected it once"},
    };
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_failure(read_pcd(cases[i].text, NULL, 0, f), GLINT_E_FORMAT, cases[i].reason);
    cloud_frame_done(f);
}

/* More points than the file can hold: refused when it is opened, before memory is reserved for them. */
static void points_the_file_cannot_hold(void **state)
{
    (void)state;
    static const char *const data[] = {"WIDTH 16000000\nHEIGHT 1\nDATA ascii\n1 2 3\n",
                                       "WIDTH 16000000\nHEIGHT 1\nDATA binary\n12345678",
                                       "WIDTH 16000000\nHEIGHT 1\nDATA binary_compressed\n12345678"};
    char text[300];
    struct glint_source *source;
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%s%s", XYZ, data[i]);
        const char *path = glint_test_write("lie.pcd", text, strlen(text));
        expect_failure(glint_source_open(path, NULL, &source), GLINT_E_FORMAT, "lie.pcd: PCD");
        assert_null(source);
    }
}

static void values_and_their_scale(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(read_pcd("FIELDS x y z i t\nSIZE 4 4 4 4 4\nTYPE F F F F U\nWIDTH 4\nHEIGHT 1\nDATA ascii\n"
                       "1 2 3 0.5 100\nnan nan nan 300 7\n4 5 6 nan 200\n7 8 9 1.0 4294967295\n",
                       NULL, 0, f));
    assert_int_equal(f->points.n, 3); /* the intensity of a point left out counts for the scale: 300 */
    assert_int_equal(f->loss.points_dropped, 1);
    assert_true(fabsf(f->points.intensity[0] - 0.5f / 255) < 1e-7f && f->points.intensity[1] == 0);
    assert_true(f->points.offset_ns[0] == 100 && f->points.offset_ns[2] == UINT32_MAX && f->stamp_ns == 0);
    expect_ok(read_pcd(
        "FIELDS x y z reflectivity time\nSIZE 4 4 4 1 4\nTYPE F F F U F\nWIDTH 2\nHEIGHT 1\nDATA ascii\n"
        "1 2 3 255 -0.1\n4 5 6 1 -0.05\n",
        NULL, 0, f));
    assert_true(f->points.intensity[0] == 1 && f->points.offset_ns[0] == 0);
    assert_true(abs((int)f->points.offset_ns[1] - 50000000) < 10); /* counted back from the end */
    expect_ok(
        read_pcd("# stamp_ns 17\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3",
                 NULL, 0, f));
    assert_true(f->points.intensity[0] == 0 && f->stamp_ns == 17);
    cloud_frame_done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary),
        cmocka_unit_test(ascii),
        cmocka_unit_test(binary_compressed),
        cmocka_unit_test(lzf_pieces),
        cmocka_unit_test(headers_that_lie),
        cmocka_unit_test(points_the_file_cannot_hold),
        cmocka_unit_test(values_and_their_scale),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
