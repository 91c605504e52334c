/* tests/test_source_tensors.c - frames from .safetensors. */
#include "tests/clouds.h"
#include "core/safetensors.h"
#include <math.h>

static struct glint_tensor tensor(const char *name, int64_t n, int64_t width, const float *data)
{
    return (struct glint_tensor){name, GLINT_DTYPE_F32, 2, {n, width}, data};
}

static const float points[12] = {1, 2, 3, 0.25f, NAN, 5, 6, 99, 7, -INFINITY, 9, 0.5f};

static void points_keep_their_index_whatever_their_value(void **state)
{
    (void)state;
    const struct glint_tensor t = tensor("points_raw", 3, 4, points);
    const char *const meta[] = {"range_filter", "1"};
    const char *path = glint_test_path("one.safetensors");
    expect_ok(glint_safetensors_write(path, &t, 1, meta, 1));
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(cloud_read(path, NULL, f));
    assert_int_equal(f->points.n, 3);
    assert_true(isnan(f->points.x[1]) && f->points.y[2] == -INFINITY && f->points.intensity[1] == 99);
    assert_int_equal(f->loss.points_dropped, 0);
    assert_null(f->points.elongation);
    assert_true(f->as_network_input && !f->no_range_filter);
    assert_string_equal(f->name, "one");
    assert_int_equal(f->batch_size, 1);
    cloud_frame_done(f);
}

static void widths_of_three_and_five(void **state)
{
    (void)state;
    const struct glint_tensor three = tensor("points", 4, 3, points), five = tensor("points", 2, 5, points);
    const char *const meta[] = {"range_filter", "0"};
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(glint_safetensors_write(glint_test_path("3.safetensors"), &three, 1, NULL, 0));
    expect_ok(cloud_read(glint_test_path("3.safetensors"), NULL, f));
    assert_int_equal(f->points.n, 4);
    assert_true(f->points.x[1] == 0.25f && f->points.intensity[1] == 0 && !f->no_range_filter);
    expect_ok(glint_safetensors_write(glint_test_path("5.safetensors"), &five, 1, meta, 1));
    expect_ok(cloud_read(glint_test_path("5.safetensors"), NULL, f));
    assert_int_equal(f->points.n, 2);
    assert_true(f->points.x[1] == 5 && f->points.intensity[1] == 7 && f->no_range_filter);
    assert_non_null(f->points.elongation);
    assert_true(f->points.elongation[1] == 9 || f->points.elongation[1] == -INFINITY);
    cloud_frame_done(f);
}

static void a_batch_is_several_frames(void **state)
{
    (void)state;
    const struct glint_tensor batch[] = {tensor("points_raw.0", 1, 4, points),
                                         tensor("points_raw.1", 0, 4, points),
                                         tensor("points_raw.2", 2, 4, points)};
    const char *path = glint_test_path("batch.safetensors");
    expect_ok(glint_safetensors_write(path, batch, 3, NULL, 0));
    struct glint_source *source;
    expect_ok(glint_source_open(path, NULL, &source));
    assert_int_equal(source->ops->cap_points(source), 2);
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    for (int i = 0; i < 3; i++) {
        expect_ok(source->ops->next_frame(source, f));
        assert_int_equal(f->points.n, batch[i].shape[0]);
        assert_true(f->index == (uint64_t)i && f->batch_index == i && f->batch_size == 3);
    }
    assert_int_equal(source->ops->next_frame(source, f), GLINT_E_EOF);
    glint_source_close(source);
    cloud_frame_done(f);
}

static void other_tensors_are_refused(void **state)
{
    (void)state;
    struct glint_tensor t = tensor("weights", 3, 4, points);
    const char *path = glint_test_path("other.safetensors");
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(glint_safetensors_write(path, &t, 1, NULL, 0));
    expect_failure(cloud_read(path, NULL, f), GLINT_E_FORMAT, "no tensor points_raw");
    t = tensor("points", 6, 2, points);
    expect_ok(glint_safetensors_write(path, &t, 1, NULL, 0));
    expect_failure(cloud_read(path, NULL, f), GLINT_E_FORMAT, "tensor points: expected F32");
    t = tensor("points", 3, 4, points);
    t.dtype = GLINT_DTYPE_I32;
    expect_ok(glint_safetensors_write(path, &t, 1, NULL, 0));
    expect_failure(cloud_read(path, NULL, f), GLINT_E_FORMAT, "tensor points: expected F32");
    expect_failure(cloud_read(glint_test_write("cut.safetensors", "\x40\0\0\0\0\0\0\0{", 9), NULL, f),
                   GLINT_E_FORMAT, "cut");
    cloud_frame_done(f);
}

static void golden_cases_read(void **state)
{
    (void)state;
    char path[1024];
    if (!glint_test_shared("golden/flatformer/tiny_edge_border.safetensors", path, sizeof path))
        skip();
    struct glint_frame *f = cloud_frame(1000);
    expect_ok(cloud_read(path, NULL, f));
    assert_int_equal(f->points.n, 600);
    assert_true(glint_test_shared("golden/flatformer/tiny_edge_empty.safetensors", path, sizeof path));
    expect_ok(cloud_read(path, NULL, f));
    assert_int_equal(f->points.n, 0);
    assert_true(glint_test_shared("golden/flatformer/tiny_batch2.safetensors", path, sizeof path));
    expect_ok(cloud_read(path, NULL, f));
    assert_int_equal(f->points.n, 549);
    assert_int_equal(f->batch_size, 2);
    cloud_frame_done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_keep_their_index_whatever_their_value),
        cmocka_unit_test(widths_of_three_and_five),
        cmocka_unit_test(a_batch_is_several_frames),
        cmocka_unit_test(other_tensors_are_refused),
        cmocka_unit_test(golden_cases_read),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
