/* tests/test_sink_cloud.c - clouds and masks written and read again. */
#include "tests/clouds.h"
#include "io/output.h"
#include "io/sinks.h"
#include <math.h>

static const char *const point_classes[] = {"ground", "wall"};
static const struct glint_sink_context ctx = {0, 2, NULL, point_classes};

static void fill_frame(struct glint_frame *f, int32_t n)
{
    uint64_t seed = 11;
    f->stamp_ns = INT64_C(1700000000123456789);
    for (int32_t i = 0; i < n; i++)
        glint_frame_add_point(f, glint_test_uniform(&seed, -80, 80), glint_test_uniform(&seed, -80, 80),
                              glint_test_uniform(&seed, -3, 3), glint_test_uniform(&seed, 0, 1),
                              (uint16_t)(i % 128), (uint8_t)(i % 3), (uint32_t)i * 1000000u);
}

static void write_one(const char *path, const struct glint_frame *f)
{
    struct glint_sink *sink;
    expect_ok(glint_sink_open_by_ending(path, &ctx, &sink));
    expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
}

/* Largest difference of coordinates and intensity. */
static float worst(const struct glint_frame *a, const struct glint_frame *b)
{
    float most = 0;
    for (int32_t i = 0; i < a->points.n; i++)
        most = fmaxf(
            most, fmaxf(fmaxf(fabsf(a->points.x[i] - b->points.x[i]), fabsf(a->points.y[i] - b->points.y[i])),
                        fmaxf(fabsf(a->points.z[i] - b->points.z[i]),
                              fabsf(a->points.intensity[i] - b->points.intensity[i]))));
    return most;
}

static void check_round_trip(const char *name, float tolerance, uint32_t offset_tolerance, bool exact)
{
    struct glint_frame_pool *pool;
    assert_int_equal(glint_frame_pool_open(2, CLOUD_CAP, 0, &pool), GLINT_OK);
    struct glint_frame *f = glint_frame_get(pool, false), *g = glint_frame_get(pool, false);
    fill_frame(f, 100);
    write_one(glint_test_path(name), f);
    expect_ok(cloud_read(glint_test_path(name), NULL, g));
    assert_int_equal(g->points.n, 100);
    assert_true(worst(f, g) <= tolerance);
    assert_memory_equal(f->points.ring, g->points.ring, 100 * sizeof *f->points.ring);
    for (int i = 0; i < 100; i++)
        assert_true((uint32_t)abs((int)(f->points.offset_ns[i] - g->points.offset_ns[i])) <=
                    offset_tolerance);
    if (exact) {
        assert_memory_equal(f->points.ret, g->points.ret, 100);
        assert_true(g->stamp_ns == f->stamp_ns);
    }
    glint_frame_unref(f);
    glint_frame_unref(g);
    glint_frame_pool_close(pool);
}

static void clouds_come_back(void **state)
{
    (void)state;
    check_round_trip("c.pcd", 0, 0, true);
    check_round_trip("c.bin", 0, 8, false); /* seconds as float */
    check_round_trip("c.csv", 0.5001e-4f, 0, false);
}

static void an_empty_frame_is_a_file_too(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    write_one(glint_test_path("none.pcd"), f);
    expect_ok(cloud_read(glint_test_path("none.pcd"), NULL, f));
    assert_int_equal(f->points.n, 0);
    cloud_frame_done(f);
}

static void several_frames_need_numbers(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f, 3);
    expect_ok(glint_sink_open_by_ending(glint_test_path("only.pcd"), &ctx, &sink));
    expect_ok(sink->ops->write(sink, f));
    expect_failure(sink->ops->write(sink, f), GLINT_E_ARG, "%06d");
    expect_ok(glint_sink_finish_close(sink));

    expect_ok(glint_sink_open_by_ending(glint_test_path("deep/%03d/cloud.bin"), &ctx, &sink));
    for (f->index = 0; f->index < 3; f->index++)
        expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
    size_t size;
    free(glint_test_read(glint_test_path("deep/002/cloud.bin"), &size));
    assert_int_equal(size, 3 * 24);
    assert_int_equal(access(glint_test_path("deep/002/cloud.bin.part"), F_OK), -1);
    cloud_frame_done(f);
}

static void labels(void **state)
{
    (void)state;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f, 4);
    static const uint8_t mask[4] = {0, 1, 255, 7};
    static const uint16_t instance[4] = {0, 300, 0, 0};
    memcpy(f->point_class, mask, sizeof mask);
    memcpy(f->point_instance, instance, sizeof instance);
    f->has_masks = true;
    write_one(glint_test_path("m.label"), f);
    size_t size;
    char *data = glint_test_read(glint_test_path("m.label"), &size);
    assert_int_equal(size, 16);
    static const uint8_t want[16] = {1, 0, 0, 0, 2, 0, 0x2c, 1};
    assert_memory_equal(data, want, sizeof want);
    free(data);
    cloud_frame_done(f);
}

static void unwritable_clouds(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    fill_frame(f, 3);
    glint_test_write("file", "x", 1);
    expect_failure(glint_sink_open_by_ending(glint_test_path("file/a_%06d.pcd"), &ctx, &sink), GLINT_E_IO,
                   "file/a_000000.pcd");
    expect_failure(glint_sink_open_by_ending(glint_test_path("%d/%d.pcd"), &ctx, &sink), GLINT_E_ARG,
                   "only one");
    struct glint_buffer content = {0};
    glint_buffer_text(&content, "some bytes");
    if (access("/dev/full", W_OK) == 0)
        expect_failure(glint_output_write("/dev/full", &content), GLINT_E_IO, "/dev/full: cannot write");
    glint_buffer_fini(&content);
    content.failed = true;
    expect_failure(glint_output_write(glint_test_path("x"), &content), GLINT_E_NOMEM, "no memory");
    cloud_frame_done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clouds_come_back),
        cmocka_unit_test(an_empty_frame_is_a_file_too),
        cmocka_unit_test(several_frames_need_numbers),
        cmocka_unit_test(labels),
        cmocka_unit_test(unwritable_clouds),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
