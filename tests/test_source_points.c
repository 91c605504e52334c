/* tests/test_source_points.c - formats of fixed records, our own ones, names and stamps. */
#include "tests/clouds.h"
#include "io/number.h"
#include "io/source_points.h"
#include <math.h>

static void put_f32(uint8_t *p, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(bits >> 8 * i);
}

static void kitti(void **state)
{
    (void)state;
    uint8_t data[48];
    const float values[12] = {1.5f, -2, 3, 0.25f, NAN, 0, 0, 0.5f, 40, 50, -1, 0.99f};
    for (int i = 0; i < 12; i++)
        put_f32(data + 4 * i, values[i]);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("000123.bin", data, sizeof data), NULL, f));
    assert_int_equal(f->points.n, 2);
    assert_int_equal(f->loss.points_dropped, 1);
    assert_true(f->points.x[0] == 1.5f && f->points.y[0] == -2 && f->points.intensity[0] == 0.25f);
    assert_true(f->points.x[1] == 40 && f->points.intensity[1] == 0.99f);
    assert_string_equal(f->name, "000123");
    assert_non_null(strstr(f->source, "000123.bin"));
    assert_int_equal(f->stamp_ns, 0);
    assert_int_equal(f->batch_size, 1);
    cloud_frame_done(f);
}

static void sizes_that_are_no_multiple(void **state)
{
    (void)state;
    static const uint8_t data[50];
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_failure(cloud_read(glint_test_write("a.bin", data, 50), NULL, f), GLINT_E_FORMAT,
                   "a.bin: size of 50 bytes");
    expect_failure(cloud_read(glint_test_write("a.pcd.bin", data, 39), NULL, f), GLINT_E_FORMAT,
                   "multiple of a point's 20");
    expect_failure(cloud_read(glint_test_write("1.lidar.bin", data, 21), NULL, f), GLINT_E_FORMAT,
                   "i32 offset ns");
    expect_failure(cloud_read(glint_test_write("g.bin", data, 25), "glint", f), GLINT_E_FORMAT, "24");
    cloud_frame_done(f);
}

static void nuscenes_turns_to_the_vehicle_frame(void **state)
{
    (void)state;
    uint8_t data[20];
    const float values[5] = {1, 20, -1.5f, 51, 31}; /* 1 m right, 20 m ahead */
    for (int i = 0; i < 5; i++)
        put_f32(data + 4 * i, values[i]);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("n015__LIDAR_TOP__1532402927647951.pcd.bin", data, 20), NULL, f));
    assert_true(f->points.x[0] == 20 && f->points.y[0] == -1 && f->points.z[0] == -1.5f);
    assert_true(fabsf(f->points.intensity[0] - 0.2f) < 1e-6f);
    assert_int_equal(f->points.ring[0], 31);
    assert_true(f->stamp_ns == INT64_C(1532402927647951000));
    assert_string_equal(f->name, "n015__LIDAR_TOP__1532402927647951");
    cloud_frame_done(f);
}

static void nuscenes_adapter_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 100; i++) {
        float in[3], there[3], back[3];
        for (int k = 0; k < 3; k++)
            in[k] = glint_test_uniform(&seed, -100, 100);
        glint_nuscenes_to_vehicle(in, there);
        assert_true(there[0] == in[1] && there[1] == -in[0] && there[2] == in[2]);
        glint_nuscenes_from_vehicle(there, back);
        assert_memory_equal(in, back, sizeof in);
        glint_nuscenes_from_vehicle(back, back); /* in place */
        glint_nuscenes_to_vehicle(back, back);
        assert_memory_equal(in, back, sizeof in);
    }
}

static void argoverse2(void **state)
{
    (void)state;
    uint8_t data[40] = {0};
    put_f32(data, 3);
    put_f32(data + 4, 4);
    put_f32(data + 8, 5);
    data[12] = 255;
    data[13] = 63;
    data[16] = 0x10;
    data[17] = 0x27; /* 10000 ns */
    data[39] = 0x80; /* a negative offset counts as 0 */
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("315966265259836000.lidar.bin", data, sizeof data), NULL, f));
    assert_true(f->stamp_ns == INT64_C(315966265259836000));
    assert_true(f->points.x[0] == 3 && f->points.y[0] == 4 && f->points.z[0] == 5 &&
                f->points.intensity[0] == 1);
    assert_int_equal(f->points.ring[0], 63);
    assert_int_equal(f->points.offset_ns[0], 10000);
    assert_int_equal(f->points.offset_ns[1], 0);
    cloud_frame_done(f);
}

static void our_bin_is_told_from_kitti(void **state)
{
    (void)state;
    uint8_t data[96]; /* 4 records of 24 bytes, 6 of 16 */
    const float record[6] = {10, -20.5f, 1.25f, 0.5f, 17, 0.05f};
    for (int i = 0; i < 24; i++)
        put_f32(data + 4 * i, record[i % 6]);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("cloud.bin", data, sizeof data), NULL, f));
    assert_int_equal(f->points.n, 4);
    assert_int_equal(f->points.ring[3], 17);
    assert_int_equal((f->points.offset_ns[3] + 50) / 100, 500000);
    cloud_frame_done(f);

    const float scan[12] = {1, 2,    3, 0.5f, 4, 2,
                            6, 0.5f, 7, 8,    9, 0.25f}; /* as 24-byte records: ring 4, offset 2 */
    for (int i = 0; i < 12; i++)
        put_f32(data + 4 * i, scan[i]);
    f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("scan.bin", data, 48), NULL, f));
    assert_int_equal(f->points.n, 3);
    cloud_frame_done(f);
}

static void our_csv(void **state)
{
    (void)state;
    static const char text[] = "x,y,z,intensity,ring,offset_ns\n1.5,-2,3,0.25,7,1000\r\n-4,5e1,6,1,8,2000";
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("c.csv", text, sizeof text - 1), NULL, f));
    assert_int_equal(f->points.n, 2);
    assert_true(f->points.x[0] == 1.5f && f->points.y[1] == 50 && f->points.intensity[1] == 1);
    assert_int_equal(f->points.ring[0], 7);
    assert_int_equal(f->points.offset_ns[1], 2000);

    static const char short_line[] = "x,y,z,intensity,ring,offset_ns\n1,2,3,4,5,6\n1,2,3\n";
    expect_failure(cloud_read(glint_test_write("s.csv", short_line, sizeof short_line - 1), NULL, f),
                   GLINT_E_FORMAT, "s.csv: line 3");
    static const char other[] = "a,b\n1,2\n";
    expect_failure(cloud_read(glint_test_write("o.csv", other, sizeof other - 1), NULL, f), GLINT_E_FORMAT,
                   "first line");
    cloud_frame_done(f);
}

static void a_full_frame_clips_and_counts(void **state)
{
    (void)state;
    static uint8_t data[16 * 10];
    struct glint_frame *f = cloud_frame(4);
    expect_ok(cloud_read(glint_test_write("zeros.bin", data, sizeof data), NULL, f));
    assert_int_equal(f->points.n, 4);
    assert_int_equal(f->loss.points_clipped, 6);
    cloud_frame_done(f);
}

static double number(const char *text)
{
    double value = 12345;
    return glint_number_read(text, text + strlen(text), &value) == text + strlen(text) ? value : -99999;
}

static void numbers(void **state)
{
    (void)state;
    assert_true(number("0.1") == 0.1 && number("-12.375e2") == -1237.5 && number("+7") == 7 &&
                number(".5") == 0.5);
    assert_true(number("1e22") == 1e22 && number("123456789012345") == 123456789012345.0);
    assert_true(number("0.000000000000000000000000012345") - 1.2345e-26 < 1e-40);
    assert_true(number("1e999999999999") == INFINITY && number("1e-999999999999") == 0);
    assert_true(number("340282346638528859811704183484516925440") == (double)3.40282346638528859812e38f);
    assert_true(isnan(number("nan")) && isnan(number("-NaN")) && number("-inf") == -INFINITY);
    assert_true(number("") == -99999 && number("-") == -99999 && number(".") == -99999 &&
                number("1e") == -99999);
    int64_t whole;
    const char *most = "9223372036854775807", *more = "9223372036854775808";
    assert_ptr_equal(glint_number_read_i64(most, most + 19, &whole), most + 19);
    assert_true(whole == INT64_MAX);
    assert_null(glint_number_read_i64(more, more + 19, &whole));

    static const struct {
        double value;
        int decimals;
        const char *text;
    } cases[] = {
        {0.93, 4, "0.93"},        {1, 4, "1"},          {-0.00001, 4, "0"},         {-1.00004, 4, "-1"},
        {12.34567, 4, "12.3457"}, {0.05, 4, "0.05"},    {-100.5, 3, "-100.5"},      {NAN, 4, "null"},
        {1e300, 2, "null"},       {99.99999, 4, "100"}, {1e12, 6, "1000000000000"}, {7.5, 0, "8"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[GLINT_NUMBER_TEXT + 1];
        text[glint_number_write(text, cases[i].value, cases[i].decimals)] = 0;
        assert_string_equal(text, cases[i].text);
    }
    char text[GLINT_NUMBER_TEXT + 1];
    text[glint_number_write_i64(text, INT64_MIN)] = 0;
    assert_string_equal(text, "-9223372036854775808");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kitti),
        cmocka_unit_test(sizes_that_are_no_multiple),
        cmocka_unit_test(nuscenes_turns_to_the_vehicle_frame),
        cmocka_unit_test(nuscenes_adapter_round_trip),
        cmocka_unit_test(argoverse2),
        cmocka_unit_test(our_bin_is_told_from_kitti),
        cmocka_unit_test(our_csv),
        cmocka_unit_test(a_full_frame_clips_and_counts),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
