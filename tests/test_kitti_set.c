/* tests/test_kitti_set.c - a frame of KITTI with points counted, to bytes and back. */
#include "tests/util.h"
#include "core/frame.h"
#include "core/json.h"
#include "eval/kitti_set.h"
#include "glint/status.h"
#include "io/source.h"

static const struct glint_kitti_object car = {.type = "Car",
                                              .size = {1.5, 1.6, 4},
                                              .bottom = {2, 1.7, 20},
                                              .rotation_y = -1.5707963267948966,
                                              .score = 0.5};

static void fill(struct glint_kitti_objects *o, int32_t n)
{
    *o = (struct glint_kitti_objects){calloc((size_t)n, sizeof car), n, n};
    for (int32_t i = 0; i < n; i++)
        o->object[i] = car;
}

static void through_bytes_unchanged(void **state)
{
    (void)state;
    struct glint_kitti_scored a = {.total_ns = 7}, b = {0};
    struct glint_buffer bytes = {0};
    fill(&a.truth, 3);
    fill(&a.found, 2);
    a.latency_ns[3] = 11;
    assert_int_equal(glint_kitti_scored_place(&a, NULL), 0);
    a.points[1] = 42;
    glint_kitti_scored_put(&a, &bytes);
    struct glint_blob blob = {bytes.data, bytes.size, 0};
    fill(&b.truth, 1); /* is replaced */
    assert_int_equal(glint_kitti_scored_get(&b, &blob), 0);
    assert_int_equal(blob.at, blob.size);
    assert_int_equal(b.truth.n, 3);
    assert_int_equal(b.found.n, 2);
    assert_memory_equal(b.truth.object, a.truth.object, 3 * sizeof car);
    assert_memory_equal(b.found_box, a.found_box, 2 * sizeof *b.found_box);
    assert_int_equal(b.points[0], -1);
    assert_int_equal(b.points[1], 42);
    assert_int_equal(b.latency_ns[3], 11);
    assert_int_equal(b.total_ns, 7);
    for (size_t size = 0; size < bytes.size; size += 9) { /* a part that is cut off */
        blob = (struct glint_blob){bytes.data, size, 0};
        assert_int_equal(glint_kitti_scored_get(&b, &blob), GLINT_E_FORMAT);
        assert_null(b.truth.object);
    }
    glint_kitti_scored_fini(&a);
    glint_buffer_fini(&bytes);
}

static void without_calibration_ahead_is_forward(void **state)
{
    (void)state;
    struct glint_kitti_scored a = {0};
    fill(&a.truth, 1);
    assert_int_equal(glint_kitti_scored_place(&a, NULL), 0);
    assert_near(a.truth_box[0].center[0], 20, 1e-5);
    assert_near(a.truth_box[0].center[1], -2, 1e-5);
    assert_near(a.truth_box[0].center[2], -0.95, 1e-5);
    assert_near(a.truth_box[0].yaw, 0, 1e-6);
    glint_kitti_scored_fini(&a);
}

/* Counted by others on the official scans and labels. */
static void points_on_real_objects(void **state)
{
    (void)state;
    char path[600];
    struct glint_json_doc *doc;
    if (!glint_test_shared("frames/kitti/frames.json", path, sizeof path))
        skip();
    assert_int_equal(glint_json_load(path, &doc), 0);
    const struct glint_json frames = glint_json_get(glint_json_root(doc), "frames");
    struct glint_frame_pool *pool;
    struct glint_frame *frame;
    assert_int_equal(glint_frame_pool_open(1, 150000, 1, &pool), 0);
    int32_t n_checked = 0;
    for (int i = 0; i < 3; i++) {
        const struct glint_json boxes = glint_json_get(glint_json_at(frames, (size_t)i), "boxes");
        struct glint_kitti_scored s = {0};
        struct glint_kitti_calib calib;
        struct glint_source *source;
        snprintf(path, sizeof path, "%s/frames/kitti/label_2/%06d.txt", GLINT_SHARED, i);
        assert_int_equal(glint_kitti_objects_read(path, GLINT_KITTI_LABELS, &s.truth), 0);
        snprintf(path, sizeof path, "%s/frames/kitti/calib/%06d.txt", GLINT_SHARED, i);
        assert_int_equal(glint_kitti_calib_read(path, &calib), 0);
        snprintf(path, sizeof path, "%s/frames/kitti/velodyne/%06d.bin", GLINT_SHARED, i);
        assert_int_equal(glint_source_open(path, NULL, &source), 0);
        frame = glint_frame_get(pool, true);
        assert_int_equal(source->ops->next_frame(source, frame), 0);
        assert_int_equal(glint_kitti_scored_place(&s, &calib), 0);
        glint_kitti_scored_count(&s, &calib, &frame->points);
        for (size_t b = 0; b < glint_json_size(boxes); b++, n_checked++) {
            int32_t want;
            assert_int_equal(glint_json_i32(glint_json_at(boxes, b), "points_inside", 0, 1 << 20, &want), 0);
            assert_int_equal(s.points[b], want);
        }
        if (s.truth.n > (int32_t)glint_json_size(boxes)) /* DontCare comes last and has no size */
            assert_int_equal(s.points[s.truth.n - 1], -1);
        glint_frame_unref(frame);
        glint_source_close(source);
        glint_kitti_scored_fini(&s);
    }
    assert_true(n_checked >= 5);
    glint_frame_pool_close(pool);
    glint_json_close(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_bytes_unchanged),
        cmocka_unit_test(without_calibration_ahead_is_forward),
        cmocka_unit_test(points_on_real_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
