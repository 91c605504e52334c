/* tests/test_frame.c */
#define _POSIX_C_SOURCE 200809L
#include "tests/util.h"
#include "core/frame.h"
#include "core/status.h"
#include <math.h>
#include <pthread.h>

static struct glint_frame_pool *open_pool(int32_t n, int32_t points)
{
    struct glint_frame_pool *pool;
    assert_int_equal(glint_frame_pool_open(n, points, 5, &pool), GLINT_OK);
    return pool;
}

static void frames_come_cleared(void **state)
{
    (void)state;
    struct glint_frame_pool *pool = open_pool(1, 10);
    for (int round = 0; round < 2; round++) {
        struct glint_frame *f = glint_frame_get(pool, false);
        assert_non_null(f);
        assert_int_equal(f->points.n, 0);
        assert_int_equal(f->points.cap, 10);
        assert_int_equal(f->cap_boxes, 5);
        assert_int_equal(f->batch_size, 1);
        assert_null(f->points.elongation);
        assert_false(f->has_masks);
        assert_int_equal(f->source[0], 0);
        assert_int_equal(f->loss.points_dropped, 0);
        for (int i = 0; i < GLINT_STAGE_COUNT; i++)
            assert_int_equal(f->latency_ns[i], -1);
        assert_null(glint_frame_get(pool, false)); /* the only one is out */
        glint_frame_use_elongation(f);
        assert_true(f->points.elongation[9] == 0);
        f->points.elongation[9] = 1;
        glint_frame_add_point(f, NAN, 0, 0, 0, 0, 0, 0);
        glint_frame_add_point(f, 1, 2, 3, 0.5f, 6, 1, 7);
        assert_int_equal(f->points.n, 1);
        f->has_masks = true;
        strcpy(f->source, "x");
        f->latency_ns[3] = 5;
        glint_frame_ref(f);
        glint_frame_unref(f);
        assert_null(glint_frame_get(pool, false)); /* one reference is left */
        glint_frame_unref(f);
    }
    glint_frame_unref(NULL);
    glint_frame_pool_close(pool);
}

static void arrays_do_not_overlap(void **state)
{
    (void)state;
    struct glint_frame_pool *pool = open_pool(2, 33);
    struct glint_frame *f = glint_frame_get(pool, false), *g = glint_frame_get(pool, false);
    glint_frame_use_elongation(f);
    for (uint16_t i = 0; i < 33; i++) {
        glint_frame_add_point(f, i, (float)(i + 100), (float)(i + 200), (float)(i + 300), i, (uint8_t)(i + 1),
                              i + 400u);
        glint_frame_add_point(g, -1, -1, -1, -1, 0xffff, 0xff, 0xffffffff);
        f->point_class[i] = (uint8_t)(i + 2);
        f->point_confidence[i] = (uint8_t)(i + 3);
        f->point_instance[i] = (uint16_t)(i + 4);
        f->points.elongation[i] = (float)(i + 500);
    }
    for (int i = 0; i < 5; i++)
        f->boxes[i] = (struct glint_box){.label = i};
    const struct glint_points *p = &f->points;
    for (int i = 0; i < 33; i++) {
        assert_true(p->x[i] == (float)i && p->y[i] == (float)(i + 100) && p->z[i] == (float)(i + 200));
        assert_true(p->intensity[i] == (float)(i + 300) && p->elongation[i] == (float)(i + 500));
        assert_true(p->ring[i] == i && p->ret[i] == i + 1 && p->offset_ns[i] == (uint32_t)i + 400);
        assert_true(f->point_class[i] == i + 2 && f->point_confidence[i] == i + 3 &&
                    f->point_instance[i] == i + 4);
    }
    glint_frame_unref(f);
    glint_frame_unref(g);
    glint_frame_pool_close(pool);
}

static void points_that_cannot_be_are_dropped_and_too_many_clipped(void **state)
{
    (void)state;
    struct glint_frame_pool *pool = open_pool(1, 2);
    struct glint_frame *f = glint_frame_get(pool, false);
    const float bad[][4] = {{NAN, 0, 0, 0},   {0, INFINITY, 0, 0},   {0, 0, -INFINITY, 0}, {0, 0, 0, NAN},
                            {10001, 0, 0, 0}, {0, -3e38f, 3e38f, 0}, {0, 0, 0, INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        glint_frame_add_point(f, bad[i][0], bad[i][1], bad[i][2], bad[i][3], 0, 0, 0);
    assert_int_equal(f->points.n, 0);
    assert_int_equal(f->loss.points_dropped, sizeof bad / sizeof *bad);
    for (int i = 0; i < 5; i++)
        glint_frame_add_point(f, 9999, 0, 0, 1, 0, 0, 0);
    assert_int_equal(f->points.n, 2);
    assert_int_equal(f->loss.points_clipped, 3);
    glint_frame_unref(f);
    glint_frame_pool_close(pool);
}

/* Blocks of records, with and without points that cannot be, up to and beyond the capacity. */
static void records_are_as_points_one_by_one(void **state)
{
    (void)state;
    static float v[1000][4];
    struct glint_frame_pool *pool = open_pool(2, 900);
    uint64_t seed = 3;
    for (int32_t n = 0; n <= 1000; n += n < 520 ? 65 : 160) {
        struct glint_frame *f = glint_frame_get(pool, false), *g = glint_frame_get(pool, false);
        for (int32_t i = 0; i < n; i++)
            for (int k = 0; k < 4; k++)
                v[i][k] = i % 97 == 90 && i < 300 && k == i % 4 ? NAN : glint_test_uniform(&seed, -90, 90);
        memset(f->points.ring, 0xff, 900 * sizeof *f->points.ring);
        glint_frame_add_xyzi(f, (const uint8_t *)v, n);
        for (int32_t i = 0; i < n; i++)
            glint_frame_add_point(g, v[i][0], v[i][1], v[i][2], v[i][3], 0, 0, 0);
        assert_int_equal(f->points.n, g->points.n);
        assert_int_equal(f->loss.points_dropped, g->loss.points_dropped);
        assert_int_equal(f->loss.points_clipped, g->loss.points_clipped);
        const size_t count = (size_t)f->points.n;
        assert_memory_equal(f->points.x, g->points.x, count * sizeof(float));
        assert_memory_equal(f->points.y, g->points.y, count * sizeof(float));
        assert_memory_equal(f->points.z, g->points.z, count * sizeof(float));
        assert_memory_equal(f->points.intensity, g->points.intensity, count * sizeof(float));
        assert_memory_equal(f->points.ring, g->points.ring, count * sizeof(uint16_t));
        assert_memory_equal(f->points.ret, g->points.ret, count);
        assert_memory_equal(f->points.offset_ns, g->points.offset_ns, count * sizeof(uint32_t));
        glint_frame_unref(f);
        glint_frame_unref(g);
    }
    glint_frame_pool_close(pool);
}

static void *get_one(void *arg)
{
    struct glint_frame *f = glint_frame_get(arg, true);
    glint_frame_unref(f);
    return f;
}

static void a_waiting_get_wakes_up(void **state)
{
    (void)state;
    struct glint_frame_pool *pool = open_pool(1, 2);
    for (int cancel = 0; cancel < 2; cancel++) {
        struct glint_frame *f = glint_frame_get(pool, true);
        pthread_t thread;
        void *got;
        assert_int_equal(pthread_create(&thread, NULL, get_one, pool), 0);
        if (cancel)
            glint_frame_pool_cancel(pool);
        else
            glint_frame_unref(f);
        pthread_join(thread, &got);
        assert_ptr_equal(got, cancel ? NULL : f);
        if (cancel)
            glint_frame_unref(f);
    }
    assert_null(glint_frame_get(pool, false));
    glint_frame_pool_close(pool);
}

/* The first three are each out once, one at a time; then the last one given back comes first. */
static void warm_frames_are_used_in_turns(void **state)
{
    (void)state;
    struct glint_frame_pool *pool = open_pool(5, 10);
    struct glint_frame *seen[6];
    glint_frame_pool_warm(pool, 3);
    for (int i = 0; i < 6; i++) {
        seen[i] = glint_frame_get(pool, false);
        glint_frame_unref(seen[i]);
    }
    assert_true(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    for (int i = 3; i < 6; i++)
        assert_ptr_equal(seen[i], seen[2]);
    struct glint_frame *all[5]; /* and none is lost */
    for (int i = 0; i < 5; i++)
        assert_non_null(all[i] = glint_frame_get(pool, false));
    assert_null(glint_frame_get(pool, false));
    for (int i = 0; i < 5; i++)
        glint_frame_unref(all[i]);
    glint_frame_pool_close(pool);
}

static void absurd_pools_are_refused(void **state)
{
    (void)state;
    struct glint_frame_pool *pool;
    assert_int_equal(glint_frame_pool_open(0, 1, 1, &pool), GLINT_E_ARG);
    assert_int_equal(glint_frame_pool_open(1, 0, 1, &pool), GLINT_E_ARG);
    assert_int_equal(glint_frame_pool_open(1, INT32_MAX, 1, &pool), GLINT_E_ARG);
    assert_int_equal(glint_frame_pool_open(1, 1, -1, &pool), GLINT_E_ARG);
    assert_null(pool);
    glint_frame_pool_close(NULL);
}

static void stages_have_names(void **state)
{
    (void)state;
    assert_string_equal(glint_stage_name(GLINT_STAGE_CAPTURE), "capture");
    assert_string_equal(glint_stage_name(GLINT_STAGE_PUBLISH), "publish");
    assert_string_equal(glint_stage_name(GLINT_STAGE_COUNT), "?");
}

static void health_follows_from_what_was_lost(void **state)
{
    (void)state;
    const struct glint_loss before = {.packets_lost = 3, .packets_malformed = 1, .points_dropped = 4};
    struct glint_loss now = before;
    assert_int_equal(glint_health_of_loss(&before, &now), 0);
    now.packets_lost = 2; /* one came late after all */
    now.packets_foreign = now.packets_duplicate = 7;
    assert_int_equal(glint_health_of_loss(&before, &now), 0);
    now.packets_dropped++;
    assert_int_equal(glint_health_of_loss(&before, &now), GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_DROPPED));
    now.records_corrupt++;
    now.points_clipped++;
    now.packets_lost = 4;
    assert_int_equal(glint_health_of_loss(&before, &now), GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_DROPPED) |
                                                              GLINT_HEALTH_BIT(GLINT_HEALTH_INPUT_DAMAGED) |
                                                              GLINT_HEALTH_BIT(GLINT_HEALTH_POINTS_CLIPPED) |
                                                              GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_LOST));
    assert_string_equal(glint_health_name(GLINT_HEALTH_SENSOR_MISSING), "sensor_missing");
    assert_string_equal(glint_health_name(GLINT_HEALTH_OUTPUT_FAILING), "output_failing");
    assert_string_equal(glint_health_name(GLINT_HEALTH_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_cleared),
        cmocka_unit_test(arrays_do_not_overlap),
        cmocka_unit_test(points_that_cannot_be_are_dropped_and_too_many_clipped),
        cmocka_unit_test(records_are_as_points_one_by_one),
        cmocka_unit_test(a_waiting_get_wakes_up),
        cmocka_unit_test(warm_frames_are_used_in_turns),
        cmocka_unit_test(absurd_pools_are_refused),
        cmocka_unit_test(stages_have_names),
        cmocka_unit_test(health_follows_from_what_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
