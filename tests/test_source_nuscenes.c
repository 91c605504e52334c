/* tests/test_source_nuscenes.c - key frames and past sweeps of a nuScenes dataset as frames. */
#include "tests/nuscenes_fixture.h"
#include "core/frame.h"
#include "core/status.h"
#include "io/source_nuscenes.h"
#include <math.h>

static struct glint_frame_pool *pool;
static char root[512];

/* Sweeps of a point or two; the sensor looks along the vehicle's -y (the fixture's calibration turns by -90
 * degrees) and sits at (1, 0, 2). */
static void write_cloud(const char *name, const float *points, size_t n)
{
    char path[700];
    snprintf(path, sizeof path, "%s/samples/LIDAR_TOP/%s.pcd.bin", root, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(points, 20, n, f);
    fclose(f);
}

static int set_up(void **state)
{
    static const float key[] = {3, 4, -1, 51, 7, 0.5f, -0.5f, 0, 255, 1}, past[] = {3, 4, -1, 102, 8},
                       beside[] = {0.5f, 7, 0, 51, 1}; /* near in x alone: not the vehicle */
    char path[700];
    if (glint_test_folder_make(state) != 0 || glint_frame_pool_open(2, 16, 4, &pool) < 0)
        return -1;
    snprintf(root, sizeof root, "%s", nusc_write("data", NULL, NULL));
    snprintf(path, sizeof path, "%s/samples", root);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/samples/LIDAR_TOP", root);
    mkdir(path, 0777);
    write_cloud("da", key, 2);
    write_cloud("d1", past, 1);
    write_cloud("db", key, 2);
    write_cloud("dc", beside, 1);
    return 0;
}

static int tear_down(void **state)
{
    glint_frame_pool_close(pool);
    return glint_test_folder_remove(state);
}

static void key_frames_are_as_in_their_files(void **state)
{
    (void)state;
    const struct glint_nuscenes_stack stack = {.n_past = 0};
    struct glint_source *s;
    assert_string_equal(glint_nuscenes_version_in(root), "v1.0-mini");
    assert_null(glint_nuscenes_version_in(glint_test_folder));
    assert_int_equal(glint_source_open(root, NULL, &s), GLINT_OK); /* found as a dataset */
    glint_source_close(s);
    assert_int_equal(glint_source_nuscenes_open(root, &stack, &s), GLINT_OK);
    assert_int_equal(s->ops->cap_points(s), 2);
    struct glint_frame *f = glint_frame_get(pool, false);
    assert_int_equal(s->ops->next_frame(s, f), GLINT_OK);
    assert_int_equal(f->index, 0);
    assert_int_equal(f->points.n, 2);
    assert_true(f->points.x[0] == 4 && f->points.y[0] == -3 && f->points.z[0] == -1); /* x right, y forward */
    assert_true(f->points.intensity[0] == 51 / 255.0f && f->points.ring[0] == 7);
    assert_null(f->points.lag);
    assert_string_equal(f->name, "da");
    assert_int_equal(f->stamp_ns, 1000000000);
    glint_frame_unref(f);
    glint_source_close(s);
}

/* The vehicle drives 0.5 m from the sweep to the key frame along the world's x, which is forward in the
 * frame. */
static void past_sweeps_move_with_the_vehicle(void **state)
{
    (void)state;
    const struct glint_nuscenes_stack stack = {.n_past = 5};
    struct glint_nuscenes_tables *t;
    struct glint_source *s;
    const int32_t sample = 1;
    assert_int_equal(glint_nuscenes_tables_open(root, "v1.0-mini", &t), GLINT_OK);
    assert_int_equal(glint_source_nuscenes_over(t, &sample, 1, &stack, &s), GLINT_OK);
    assert_int_equal(s->ops->cap_points(s), 5);
    struct glint_frame *f = glint_frame_get(pool, false);
    assert_int_equal(s->ops->next_frame(s, f), GLINT_OK);
    assert_int_equal(f->points.n, 5); /* the scene has no more: key frame, sweep, key frame before */
    assert_true(f->points.lag[0] == 0 && fabsf(f->points.lag[2] - 0.05f) < 1e-6f &&
                fabsf(f->points.lag[3] - 0.5f) < 1e-6f);
    /* poses 102, 101.5, 100 along the world's x = forward of the frame, so points fall back */
    const struct glint_pose pose = glint_nuscenes_frame_pose(t, t->sample[1].key);
    double here[3] = {(double)f->points.x[2], (double)f->points.y[2], (double)f->points.z[2]}, world[3];
    glint_pose_apply(pose, here, world);
    double then[3] = {(double)f->points.x[0], (double)f->points.y[0], (double)f->points.z[0]};
    glint_pose_apply(pose, then, then);
    assert_true(fabs(world[0] - (then[0] - 0.5)) < 1e-5 && fabs(world[1] - then[1]) < 1e-5 &&
                fabs(world[2] - then[2]) < 1e-5);
    assert_true(f->has_pose && f->pose_position[0] == pose.t[0]);
    glint_frame_unref(f);
    glint_source_close(s);
    glint_nuscenes_tables_close(t);
}

/* A point at (x, y, z) of the sensor is where calibration and ego pose put it, worked out by hand. */
static void frames_know_their_world(void **state)
{
    (void)state;
    struct glint_nuscenes_tables *t;
    assert_int_equal(glint_nuscenes_tables_open(root, "v1.0-mini", &t), GLINT_OK);
    /* sensor (3, 4, -1) turned by -90 degrees is (4, -3, -1), + (1, 0, 2) in the vehicle, + (100, 0, 0) */
    const double in_frame[3] = {4, -3, -1};
    double world[3];
    glint_pose_apply(glint_nuscenes_frame_pose(t, t->sample[0].key), in_frame, world);
    assert_true(fabs(world[0] - 105) < 1e-12 && fabs(world[1] + 3) < 1e-12 && fabs(world[2] - 1) < 1e-12);
    glint_nuscenes_tables_close(t);
}

static void near_points_go_and_missing_sweeps_are_told(void **state)
{
    (void)state;
    struct glint_nuscenes_stack stack = {.n_past = 2, .min_distance_m = 1};
    struct glint_source *s;
    char path[700];
    snprintf(path, sizeof path, "%s/samples/LIDAR_TOP/d1.pcd.bin", root);
    unlink(path);
    assert_int_equal(glint_source_nuscenes_open(root, &stack, &s), GLINT_OK);
    struct glint_frame *f = glint_frame_get(pool, false);
    assert_int_equal(s->ops->next_frame(s, f), GLINT_OK);
    assert_int_equal(f->points.n, 1); /* the one at 0.5 m is the vehicle */
    glint_frame_unref(f);
    f = glint_frame_get(pool, false);
    assert_int_equal(s->ops->next_frame(s, f), GLINT_E_NOTFOUND);
    assert_non_null(strstr(glint_error_text(), "d1.pcd.bin"));
    glint_frame_unref(f);
    glint_source_close(s);
    stack.allow_missing = true;
    assert_int_equal(glint_source_nuscenes_open(root, &stack, &s), GLINT_OK);
    const int want[] = {1, 2, 1};
    for (int i = 0; i < 3; i++) {
        f = glint_frame_get(pool, false);
        assert_int_equal(s->ops->next_frame(s, f), GLINT_OK);
        assert_int_equal(f->points.n, want[i]);
        glint_frame_unref(f);
    }
    f = glint_frame_get(pool, false);
    assert_int_equal(s->ops->next_frame(s, f), GLINT_E_NOTFOUND); /* a key frame is always needed */
    assert_int_equal(s->ops->next_frame(s, f), GLINT_E_EOF);
    glint_frame_unref(f);
    glint_source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_frames_are_as_in_their_files),
        cmocka_unit_test(past_sweeps_move_with_the_vehicle),
        cmocka_unit_test(frames_know_their_world),
        cmocka_unit_test(near_points_go_and_missing_sweeps_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
