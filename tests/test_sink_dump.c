/* tests/test_sink_dump.c - tensors of a run, alone and as a batch. */
#include "tests/clouds.h"
#include "core/safetensors.h"
#include "io/sinks.h"

static const struct glint_sink_context ctx = {0};

static void tap_i32(struct glint_sink *sink, const char *name, int n_dims, int64_t a, int64_t b,
                    const int32_t *data)
{
    const struct glint_tensor t = {name, GLINT_DTYPE_I32, n_dims, {a, b}, data};
    glint_sink_dump_tap(sink, &t);
}

static void tap_f32(struct glint_sink *sink, const char *name, int n_dims, int64_t a, int64_t b, int64_t c,
                    const float *data)
{
    const struct glint_tensor t = {name, GLINT_DTYPE_F32, n_dims, {a, b, c}, data};
    glint_sink_dump_tap(sink, &t);
}

static const float values[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* A run of n pillars: coords, a permutation turned by one, features, a map, detections. */
static void run(struct glint_sink *sink, int32_t n)
{
    int32_t coords[16] = {0}, perm[4], win[4] = {0, 1, 2, 3}, none[4] = {0};
    for (int32_t i = 0; i < n; i++) {
        coords[4 * i + 2] = i;
        coords[4 * i + 3] = 10 + i;
        perm[i] = (i + 1) % n;
    }
    tap_i32(sink, "coords", 2, n, 4, coords);
    tap_i32(sink, "perm.x", 1, n, 0, perm);
    tap_i32(sink, "flat2win", 1, 4, 0, win);
    tap_i32(sink, "win2flat", 1, n, 0, win);
    tap_i32(sink, "rejected", 1, n - 1, 0, none);
    tap_f32(sink, "vfe.out", 2, n, 2, 0, values + n);
    tap_f32(sink, "enc.b0.l0.attn.first_group", 2, 2, 1, 0, values + n);
    tap_f32(sink, "enc.b0.l0.attn.last_group", 2, 2, 1, 0, values + n);
    tap_f32(sink, "neck", 3, 1, 2, 2, values + n);
    tap_f32(sink, "det.boxes", 2, 0, 9, 0, NULL);
    tap_f32(sink, "det.scores", 1, 1, 0, 0, values + n);
}

static const struct glint_tensor *get(const struct glint_safetensors *file, const char *name, int64_t rows)
{
    const struct glint_tensor *t = glint_safetensors_find(file, name);
    if (!t)
        fail_msg("no tensor %s", name);
    assert_int_equal(t->shape[0], rows);
    return t;
}

static void a_frame_is_a_file(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(glint_sink_dump_open(glint_test_path("dump/one"), &ctx, &sink));
    f->index = 5;
    strcpy(f->name, "scan");
    run(sink, 1);
    run(sink, 3); /* the same stages again: the last values count */
    expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
    struct glint_safetensors *file;
    expect_ok(glint_safetensors_open(glint_test_path("dump/one/frame_000005.safetensors"), &file));
    assert_int_equal(glint_safetensors_count(file), 11);
    assert_memory_equal(get(file, "vfe.out", 3)->data, values + 3, 6 * sizeof(float));
    assert_int_equal(get(file, "det.boxes", 0)->shape[1], 9);
    assert_int_equal(get(file, "neck", 1)->n_dims, 3);
    assert_string_equal(glint_safetensors_metadata(file, "name"), "scan");
    glint_safetensors_close(file);
    cloud_frame_done(f);
}

static void a_batch_is_one_file(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(glint_sink_dump_open(glint_test_path("batch"), &ctx, &sink));
    f->batch_size = 2;
    run(sink, 3);
    expect_ok(sink->ops->write(sink, f));
    f->index = 1;
    f->batch_index = 1;
    run(sink, 2);
    expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));

    struct glint_safetensors *file;
    expect_ok(glint_safetensors_open(glint_test_path("batch/frame_000000.safetensors"), &file));
    static const int32_t coords[20] = {0, 0, 0, 10, 0, 0, 1, 11, 0, 0, 2, 12, 1, 0, 0, 10, 1, 0, 1, 11};
    static const int32_t perm[5] = {1, 2, 0, 4, 3}, flat2win[8] = {0, 1, 2, 3, 3, 4, 5, 6},
                         win2flat[5] = {0, 1, 2, 4, 5};
    static const float rows[10] = {3, 4, 5, 6, 7, 8, 2, 3, 4, 5};
    assert_memory_equal(get(file, "coords", 5)->data, coords, sizeof coords);
    assert_memory_equal(get(file, "perm.x", 5)->data, perm, sizeof perm);
    assert_memory_equal(get(file, "flat2win", 8)->data, flat2win, sizeof flat2win);
    assert_memory_equal(get(file, "win2flat", 5)->data, win2flat, sizeof win2flat);
    assert_memory_equal(get(file, "vfe.out", 5)->data, rows, sizeof rows);
    assert_memory_equal(get(file, "enc.b0.l0.attn.first_group", 2)->data, values + 3, 8);
    assert_memory_equal(get(file, "enc.b0.l0.attn.last_group", 2)->data, values + 2, 8);
    assert_memory_equal(get(file, "item0.neck", 1)->data, values + 3, 16);
    assert_memory_equal(get(file, "item1.neck", 1)->data, values + 2, 16);
    get(file, "item1.det.boxes", 0);
    get(file, "item0.det.scores", 1);
    get(file, "rejected.0", 2);
    get(file, "rejected.1", 1);
    assert_null(glint_safetensors_find(file, "neck"));
    assert_null(glint_safetensors_find(file, "rejected"));
    glint_safetensors_close(file);
    cloud_frame_done(f);
}

static void an_incomplete_batch_is_no_file(void **state)
{
    (void)state;
    struct glint_sink *sink;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    expect_ok(glint_sink_dump_open(glint_test_path("cut"), &ctx, &sink));
    f->batch_size = 3;
    run(sink, 2);
    expect_ok(sink->ops->write(sink, f));
    f->batch_index = 2;
    run(sink, 2);
    expect_failure(sink->ops->write(sink, f), GLINT_E_FORMAT, "item 2 of a batch");
    f->batch_index = 0; /* the next batch is not spoilt */
    f->batch_size = 1;
    f->index = 9;
    run(sink, 2);
    expect_ok(sink->ops->write(sink, f));
    expect_ok(glint_sink_finish_close(sink));
    assert_int_equal(access(glint_test_path("cut/frame_000000.safetensors"), F_OK), -1);
    assert_int_equal(access(glint_test_path("cut/frame_000009.safetensors"), F_OK), 0);
    cloud_frame_done(f);
}

static void unwritable_folders(void **state)
{
    (void)state;
    struct glint_sink *sink;
    glint_test_write("file", "x", 1);
    expect_failure(glint_sink_dump_open(glint_test_path("file"), &ctx, &sink), GLINT_E_IO, "file");
    expect_failure(glint_sink_dump_open("/proc/nowhere", &ctx, &sink), GLINT_E_IO, "/proc/nowhere");
    assert_null(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_a_file),
        cmocka_unit_test(a_batch_is_one_file),
        cmocka_unit_test(an_incomplete_batch_is_no_file),
        cmocka_unit_test(unwritable_folders),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
