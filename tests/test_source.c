/* tests/test_source.c - which source a path gets, folders, and every scan of the reference data. */
#include "tests/clouds.h"

static int open_source(const char *path, const char *format, struct glint_source **source_out)
{
    const struct glint_source_settings settings = {.format = format};
    return glint_source_open(path, format ? &settings : NULL, source_out);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct glint_source *source;
    expect_failure(open_source(glint_test_path("absent.bin"), NULL, &source), GLINT_E_NOTFOUND,
                   "absent.bin: cannot open");
    assert_null(source);
    expect_failure(open_source(glint_test_write("empty.bin", "", 0), NULL, &source), GLINT_E_FORMAT,
                   "empty.bin: empty file");
    expect_failure(open_source(glint_test_path("empty.bin"), "kitti", &source), GLINT_E_FORMAT,
                   "empty.bin: empty file");
    expect_failure(open_source(glint_test_write("empty.pcap", "", 0), NULL, &source), GLINT_E_FORMAT,
                   "empty");
    expect_failure(open_source(glint_test_write("notes.txt", "hello", 5), NULL, &source), GLINT_E_FORMAT,
                   "notes.txt: no known format");
    expect_failure(open_source(glint_test_write("a.bin", "0123456789abcdef", 16), "lyft", &source),
                   GLINT_E_ARG, "lyft");
    expect_failure(open_source(glint_test_path("notes.txt/x.bin"), NULL, &source), GLINT_E_NOTFOUND, "x.bin");
    glint_source_close(NULL);
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(glint_test_path(name), 0755), 0);
}

static void a_folder_gives_its_files_in_order(void **state)
{
    (void)state;
    static const uint8_t points[64];
    static const char pcd[] =
        "# .PCD v0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 2\nHEIGHT 1\nDATA ascii\n1 2 3\n4 5 6\n";
    make_folder("drive");
    make_folder("drive/nested.bin");
    glint_test_write("drive/2.bin", points, 64);
    glint_test_write("drive/10.bin", points, 16);
    glint_test_write("drive/3.bin", points, 17); /* cannot be read */
    glint_test_write("drive/4.pcd", pcd, sizeof pcd - 1);
    glint_test_write("drive/notes.txt", "no points", 9);
    glint_test_write("drive/.5.bin", points, 16);

    struct glint_source *source;
    expect_ok(open_source(glint_test_path("drive"), NULL, &source));
    assert_int_equal(source->ops->cap_points(source), 4);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(source->ops->next_frame(source, f));
    assert_string_equal(f->name, "10");
    assert_true(f->index == 0 && f->points.n == 1);
    f->points.n = 0;
    expect_ok(source->ops->next_frame(source, f));
    assert_string_equal(f->name, "2");
    assert_true(f->index == 1 && f->points.n == 4);
    expect_failure(source->ops->next_frame(source, f), GLINT_E_FORMAT, "3.bin: size of 17");
    f->points.n = 0;
    expect_ok(source->ops->next_frame(source, f));
    assert_string_equal(f->name, "4");
    assert_true(f->index == 3 && f->points.n == 2 && f->points.z[1] == 6);
    expect_failure(source->ops->next_frame(source, f), GLINT_E_IO, "nested.bin: not a regular file");
    assert_true(source->ops->progress(source) == 1);
    assert_int_equal(source->ops->next_frame(source, f), GLINT_E_EOF);
    assert_int_equal(source->ops->next_frame(source, f), GLINT_E_EOF);
    cloud_frame_done(f);
    glint_source_close(source);
}

static void a_folder_without_points_is_an_error(void **state)
{
    (void)state;
    struct glint_source *source;
    make_folder("bare");
    glint_test_write("bare/readme.txt", "x", 1);
    expect_failure(open_source(glint_test_path("bare"), NULL, &source), GLINT_E_FORMAT,
                   "bare: no point file");
    assert_null(source);
    make_folder("bare/velodyne");
    glint_test_write("bare/velodyne/0.bin", "0123456789abcdef", 16);
    expect_failure(open_source(glint_test_path("bare"), NULL, &source), GLINT_E_FORMAT,
                   "bare/velodyne has some");
}

static void plain_bins_beside_named_scans_are_left_out(void **state)
{
    (void)state;
    static const uint8_t points[80];
    make_folder("log");
    glint_test_write("log/100.lidar.bin", points, 20);
    glint_test_write("log/flow.bin", points, 80);
    struct glint_source *source;
    expect_ok(open_source(glint_test_path("log"), NULL, &source));
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(source->ops->next_frame(source, f));
    assert_string_equal(f->name, "100");
    assert_int_equal(source->ops->next_frame(source, f), GLINT_E_EOF);
    cloud_frame_done(f);
    glint_source_close(source);
}

static void content_decides_without_an_ending(void **state)
{
    (void)state;
    static const char pcd[] =
        "# .PCD v0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1 2 3\n";
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(glint_test_write("cloud", pcd, sizeof pcd - 1), NULL, f));
    assert_int_equal(f->points.n, 1);
    assert_string_equal(f->name, "cloud");
    cloud_frame_done(f);
}

/* All frames of a path; returns how many. */
static int read_all(const char *relative, const char *format)
{
    char path[1024];
    if (!glint_test_shared(relative, path, sizeof path))
        skip();
    struct glint_source *source;
    expect_ok(open_source(path, format, &source));
    const int32_t cap = source->ops->cap_points(source);
    struct glint_frame *f = cloud_frame(cap);
    int n = 0, status;
    while ((status = source->ops->next_frame(source, f)) == GLINT_OK) {
        assert_int_equal(f->index, n);
        assert_true(f->points.n > 0 && f->points.n <= cap);
        assert_int_equal(f->loss.points_clipped, 0);
        for (int32_t i = 0; i < f->points.n; i++)
            assert_true(f->points.intensity[i] >= 0 && f->points.intensity[i] <= 1);
        n++;
        f->points.n = 0;
    }
    if (status != GLINT_E_EOF)
        fail_msg("%s", glint_error_text());
    cloud_frame_done(f);
    glint_source_close(source);
    return n;
}

static void all_reference_scans_read(void **state)
{
    (void)state;
    assert_int_equal(read_all("frames/kitti/velodyne", NULL), 10);
    assert_int_equal(read_all("frames/kitti/velodyne_reduced", NULL), 9);
    assert_int_equal(read_all("frames/nuscenes", NULL), 1);
    assert_int_equal(read_all("frames/argoverse2/7fab2350", NULL), 2);
    assert_int_equal(read_all("frames/semantickitti", NULL), 1);
    assert_int_equal(read_all("frames/kitti/velodyne/000000.bin", "kitti"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened_says_why),
        cmocka_unit_test(a_folder_gives_its_files_in_order),
        cmocka_unit_test(a_folder_without_points_is_an_error),
        cmocka_unit_test(plain_bins_beside_named_scans_are_left_out),
        cmocka_unit_test(content_decides_without_an_ending),
        cmocka_unit_test(all_reference_scans_read),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
