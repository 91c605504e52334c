/* tests/test_merge.c - several sensors to one frame: complete, by deadline, late, in any order. */
#include "calib/merge.h"
#include "tests/util.h"
#include <math.h>

#define MS    INT64_C(1000000)
#define START INT64_C(1700000000000000000)

static struct glint_frame_pool *pool;
static struct glint_merge *merge;

static int open_all(void **state)
{
    (void)state;
    struct glint_merge_settings s = {.n_sensors = 3,
                                     .sensor = {{"front", {{1, 0, 0, 0}, {1, 0, 0}}},
                                                {"left", {{0, 0, 0, 1}, {0, 2, 0}}},
                                                {"rear", {{1, 0, 0, 0}, {0, 0, 0}}}},
                                     .window_ns = 50 * MS,
                                     .deadline_ns = 120 * MS,
                                     .cap_points = 20};
    return glint_frame_pool_open(2, 20, 1, &pool) | glint_merge_open(&s, &merge);
}

static int close_all(void **state)
{
    (void)state;
    glint_merge_close(merge);
    glint_frame_pool_close(pool);
    return 0;
}

/* A sweep of n points at x = 10, 11 ..., 10 ms apart. */
static void push(int32_t which, int64_t stamp_ms, int n, int64_t now_ms)
{
    struct glint_frame *f = glint_frame_get(pool, true);
    f->stamp_ns = START + stamp_ms * MS;
    f->arrival_ns = now_ms * MS;
    f->loss.packets_received = 5 * (uint64_t)(which + 1);
    for (int i = 0; i < n; i++)
        glint_frame_add_point(f, (float)(10 + i), 1, 0, 0.5f, (uint16_t)which, 0, (uint32_t)(i * 10 * MS));
    glint_merge_push(merge, which, f, now_ms * MS);
    glint_frame_unref(f);
}

static struct glint_frame *pop(int64_t now_ms, bool flush)
{
    struct glint_frame *f = glint_frame_get(pool, true);
    if (glint_merge_pop(merge, now_ms * MS, flush, f) == GLINT_OK)
        return f;
    glint_frame_unref(f);
    return NULL;
}

static void complete(void **state)
{
    (void)state;
    push(0, 0, 2, 100);
    push(1, 30, 1, 110);
    assert_null(pop(110, false));
    assert_int_equal(glint_merge_due_ns(merge), 220 * MS);
    push(2, -20, 1, 120); /* began first, came last */
    struct glint_frame *f = pop(120, false);
    assert_non_null(f);
    assert_int_equal(f->points.n, 4);
    assert_int_equal(f->stamp_ns, START - 20 * MS);
    assert_int_equal(f->arrival_ns, 120 * MS);
    assert_string_equal(f->source, "front+left+rear");
    assert_string_equal(f->missing, "");
    assert_true(f->points.x[0] == 11 && f->points.x[1] == 12); /* front: 1 m ahead */
    assert_true(fabsf(f->points.x[2] + 10) < 1e-5f &&
                fabsf(f->points.y[2] - 1) < 1e-5f); /* left: looks back */
    const uint32_t offsets[] = {20, 30, 50, 0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(f->points.offset_ns[i], offsets[i] * MS);
    assert_int_equal(f->loss.packets_received, 30);
    assert_int_equal(f->loss.sensors_missed, 0);
    glint_frame_unref(f);
    assert_null(pop(1000, true));
    assert_int_equal(glint_merge_due_ns(merge), INT64_MAX);
}

static void by_deadline(void **state)
{
    (void)state;
    push(0, 0, 2, 100);
    push(2, 10, 1, 110);
    assert_null(pop(219, false));
    struct glint_frame *f = pop(220, false); /* 120 ms after the first */
    assert_non_null(f);
    assert_string_equal(f->source, "front+rear");
    assert_string_equal(f->missing, "left");
    assert_int_equal(f->loss.sensors_missed, 1);
    glint_frame_unref(f);
    push(1, 5, 3, 230); /* too late: its group is gone */
    assert_null(pop(1000, true));
    push(0, 100, 1, 1000);
    push(1, 105, 1, 1000);
    push(2, 110, 1, 1000);
    f = pop(1000, false);
    assert_non_null(f);
    assert_int_equal(f->points.n, 3);
    assert_int_equal(f->loss.frames_dropped, 1); /* the late sweep */
    assert_string_equal(f->missing, "");
    glint_frame_unref(f);
}

/* A sensor that is gone for good does not hold up the others, and its name is on each frame. */
static void one_is_gone(void **state)
{
    (void)state;
    int n = 0;
    for (int turn = 0; turn < 20; turn++) {
        push(0, turn * 100, 1, turn * 100 + 100);
        push(1, turn * 100 + 20, 1, turn * 100 + 120);
        for (struct glint_frame *f; (f = pop(turn * 100 + 120, false)) != NULL; n++) {
            assert_int_equal(f->stamp_ns, START + n * 100 * MS);
            assert_string_equal(f->missing, "rear");
            assert_int_equal(f->loss.sensors_missed, n + 1);
            glint_frame_unref(f);
        }
        assert_true(n >= turn); /* one behind at most: the deadline is 120 ms */
    }
    struct glint_frame *f = pop(0, true);
    assert_non_null(f);
    glint_frame_unref(f);
}

/* The next turn of one sensor comes before the last of this: two groups, out in order. */
static void next_turn_early(void **state)
{
    (void)state;
    push(0, 0, 1, 100);
    push(1, 10, 1, 110);
    push(0, 100, 1, 115);
    push(1, 110, 1, 116);
    push(2, 105, 1, 117); /* the second is complete: the first is passed */
    struct glint_frame *f = pop(117, false);
    assert_non_null(f);
    assert_string_equal(f->missing, "rear");
    glint_frame_unref(f);
    f = pop(117, false);
    assert_non_null(f);
    assert_string_equal(f->missing, "");
    assert_int_equal(f->stamp_ns, START + 100 * MS);
    glint_frame_unref(f);
}

static void full(void **state)
{
    (void)state;
    push(0, 0, 15, 100);
    push(1, 0, 15, 100);
    struct glint_frame *f = pop(0, true);
    assert_int_equal(f->points.n, 20);
    assert_int_equal(f->loss.points_clipped, 10);
    glint_frame_unref(f);
    for (int turn = 1; turn <= GLINT_MERGE_GROUPS + 1; turn++) /* nobody pops: the fifth is dropped */
        push(0, turn * 100, 1, 100);
    for (int i = 0; i < GLINT_MERGE_GROUPS; i++) {
        f = pop(0, true);
        assert_int_equal(f->stamp_ns, START + (i + 1) * 100 * MS);
        assert_int_equal(f->loss.frames_dropped, 1);
        glint_frame_unref(f);
    }
    assert_null(pop(0, true));
}

static void wrong_settings(void **state)
{
    (void)state;
    struct glint_merge *m;
    struct glint_merge_settings s = {.n_sensors = 1, .window_ns = 1, .deadline_ns = 0, .cap_points = 1};
    assert_int_equal(glint_merge_open(&s, &m), GLINT_E_ARG);
    s.deadline_ns = 1;
    s.n_sensors = GLINT_MERGE_SENSORS + 1;
    assert_int_equal(glint_merge_open(&s, &m), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(complete, open_all, close_all),
        cmocka_unit_test_setup_teardown(by_deadline, open_all, close_all),
        cmocka_unit_test_setup_teardown(one_is_gone, open_all, close_all),
        cmocka_unit_test_setup_teardown(next_turn_early, open_all, close_all),
        cmocka_unit_test_setup_teardown(full, open_all, close_all),
        cmocka_unit_test(wrong_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
