/* tests/test_sight.c - what rays say of a place; and what tracking makes of it. */
#include "core/frame.h"
#include "tests/street.h"
#include "track/sight.h"

#define POINTS 20000

static struct glint_frame_pool *pool;

/* Rays over all directions from the viewpoint, which end at a wall 40 m away, at a car (4.5 x 1.9 x 1.6 m,
 * its sides along the axes, on the ground 1.8 m below the viewpoint) or at a screen of half a metre before
 * it. */
struct world {
    float car[2], screen; /* screen: its distance along the ray to the car's middle; 0: none */
    bool has_car;
    float from[3];
};

static bool meets_car(const struct world *w, const float d[3], float *t)
{
    const float lo[3] = {w->car[0] - 2.25f, w->car[1] - 0.95f, -1.8f},
                hi[3] = {w->car[0] + 2.25f, w->car[1] + 0.95f, -0.2f};
    float in = 0, out = 100;
    for (int k = 0; k < 3; k++) {
        const float a = (lo[k] - w->from[k]) / d[k], b = (hi[k] - w->from[k]) / d[k];
        in = fmaxf(in, fminf(a, b));
        out = fminf(out, fmaxf(a, b));
    }
    *t = in;
    return in < out;
}

static struct glint_frame *scan(const struct world *w)
{
    struct glint_frame *f = glint_frame_get(pool, false);
    memcpy(f->viewpoint, w->from, sizeof w->from);
    for (int ring = 0; ring < 24; ring++)
        for (int i = 0; i < 720; i++) {
            const float az = 0.0087266f * (float)i + 0.001f, el = -0.30f + 0.015f * (float)ring;
            const float d[3] = {cosf(el) * cosf(az), cosf(el) * sinf(az), sinf(el) + 1e-4f};
            float t = fminf(40, d[2] < 0 ? (-1.8f - w->from[2]) / d[2] : 1000), hit;
            if (w->has_car && meets_car(w, d, &hit))
                t = fminf(t, hit + 0.05f);
            const float to_car = atan2f(w->car[1] - w->from[1], w->car[0] - w->from[0]);
            if (w->screen > 0 && fabs(glint_wrap_angle((double)(az - to_car))) < 0.5)
                t = fminf(t, w->screen);
            glint_frame_add_point(f, w->from[0] + t * d[0], w->from[1] + t * d[1], w->from[2] + t * d[2], 0,
                                  0, 0, 0);
        }
    return f;
}

static enum glint_sight sight_of(const struct world *w, float x, float y)
{
    struct glint_frame *f = scan(w);
    struct glint_sight_place p = {.center = {x, y, -1}, .size = {4.5f, 1.9f, 1.6f}};
    glint_sight(f, &p, 1);
    glint_frame_unref(f);
    return p.sight;
}

static void rays_tell(void **state)
{
    (void)state;
    static const float places[][2] = {{10, 4}, {-12, 3}, {0, 9}, {-8, -8}, {15, -0.3f}, {-9, 0.1f}};
    for (int i = 0; i < 6; i++)
        for (int moved = 0; moved < 2; moved++) {
            const float x = places[i][0], y = places[i][1], far = hypotf(x, y);
            const float from[3] = {moved ? 1.5f : 0, moved ? -0.7f : 0, moved ? 0.3f : 0};
            struct world w = {.car = {x, y}, .has_car = true, .from = {from[0], from[1], from[2]}};
            assert_int_equal(sight_of(&w, x, y), GLINT_SIGHT_POINTS);
            w.has_car = false;
            assert_int_equal(sight_of(&w, x, y), GLINT_SIGHT_EMPTY);
            w.screen = far - 5;
            assert_int_equal(sight_of(&w, x, y), GLINT_SIGHT_HIDDEN);
            w.has_car = true;
            assert_int_equal(sight_of(&w, x, y), GLINT_SIGHT_HIDDEN);
        }
}

static void what_no_ray_meets_is_not_judged(void **state)
{
    (void)state;
    struct world w = {.has_car = false};
    struct glint_frame *f = scan(&w);
    struct glint_sight_place above = {.center = {10, 0, 12}, .size = {4, 2, 2}};
    glint_sight(f, &above, 1);
    assert_int_equal(above.sight, GLINT_SIGHT_NONE);
    glint_frame_no_viewpoint(f); /* then only points inside can be told */
    struct glint_sight_place empty = {.center = {10, 4, -1}, .size = {4.5f, 1.9f, 1.6f}};
    glint_sight(f, &empty, 1);
    assert_int_equal(empty.sight, GLINT_SIGHT_NONE);
    glint_frame_unref(f);
    w = (struct world){.car = {10, 4}, .has_car = true};
    f = scan(&w);
    glint_frame_no_viewpoint(f);
    glint_sight(f, &empty, 1);
    assert_int_equal(empty.sight, GLINT_SIGHT_POINTS);
    glint_frame_unref(f);
}

/* Frames may come from elsewhere than a reader. */
static void points_that_are_no_numbers_are_left_out(void **state)
{
    (void)state;
    const struct world w = {.car = {10, 4}, .has_car = true};
    struct glint_frame *f = scan(&w);
    struct glint_sight_place p = {.center = {10, 4, -1}, .size = {4.5f, 1.9f, 1.6f}}, before;
    glint_sight(f, &p, 1);
    before = p;
    for (int k = 0; k < 6; k++) {
        const float odd = k % 2 ? INFINITY : NAN;
        const int32_t i = f->points.n++;
        assert_true(i < f->points.cap);
        f->points.x[i] = k / 2 == 0 ? odd : 10;
        f->points.y[i] = k / 2 == 1 ? odd : 4;
        f->points.z[i] = k / 2 == 2 ? odd : -1;
    }
    f->points.x[f->points.n - 1] = f->points.y[f->points.n - 1] = INFINITY;
    glint_sight(f, &p, 1);
    assert_memory_equal(&p, &before, sizeof p);
    glint_frame_unref(f);
}

/* All counts as by going through all rays and places one by one; absurd places do no harm. */
static void many_at_once_are_as_one_by_one(void **state)
{
    (void)state;
    uint64_t seed = 5;
    static const float odd[] = {NAN, INFINITY, 0, -3, 1e30f};
    struct world w = {.car = {10, 4}, .has_car = true};
    struct glint_frame *f = scan(&w);
    struct glint_sight_place all[GLINT_SIGHT_CAP + 3], one;
    for (int i = 0; i < GLINT_SIGHT_CAP + 3; i++) {
        all[i] = (struct glint_sight_place){
            .center = {glint_test_uniform(&seed, -20, 20), glint_test_uniform(&seed, -20, 20),
                       glint_test_uniform(&seed, -2, 1)},
            .size = {glint_test_uniform(&seed, 0.3f, 9), glint_test_uniform(&seed, 0.3f, 3),
                     glint_test_uniform(&seed, 0.2f, 3)},
            .yaw = glint_test_uniform(&seed, -4, 4)};
        if (i % 9 == 0)
            (&all[i].center[0])[i % 7] = odd[i % 5];
    }
    glint_sight(f, all, GLINT_SIGHT_CAP + 3);
    for (int i = 0; i < GLINT_SIGHT_CAP; i++) {
        one = all[i];
        glint_sight(f, &one, 1);
        assert_true(one.inside == all[i].inside && one.through == all[i].through &&
                    one.before == all[i].before);
    }
    glint_frame_unref(f);
}

static int setup(void **state)
{
    (void)state;
    return glint_frame_pool_open(2, POINTS, 64, &pool);
}

static int teardown(void **state)
{
    (void)state;
    glint_frame_pool_close(pool);
    return 0;
}

/* A car is detected for a second, then not any more. Returns in how many of the next 20 frames it is shown.
 */
static int shown_after(const struct world *then, bool *still_there)
{
    struct glint_track_settings s;
    struct glint_tracker *t;
    int n = 0;
    glint_track_settings_default(&s, street_classes, 4);
    assert_int_equal(glint_tracker_open(&s, &t), GLINT_OK);
    struct world w = {.car = {10, 4}, .has_car = true};
    int32_t id = 0;
    for (int i = 0; i < 31; i++) {
        struct glint_frame *f = scan(i < 10 || i == 30 ? &w : then);
        f->stamp_ns = INT64_C(1700000000000000000) + i * INT64_C(100000000);
        if (i < 10 || i == 30)
            f->boxes[f->n_boxes++] = (struct glint_box){
                .center = {10, 4, -1}, .size = {4.5f, 1.9f, 1.6f}, .score = 0.9f, .id = -1};
        glint_tracker_run(t, f);
        if (i >= 10 && i < 30)
            n += f->n_boxes;
        if (i == 9)
            id = f->boxes[0].id;
        if (i == 30)
            *still_there = f->boxes[0].id == id;
        glint_frame_unref(f);
    }
    glint_tracker_close(t);
    return n;
}

static void the_unseen_is_kept_as_long_as_the_points_say(void **state)
{
    (void)state;
    bool same;
    const struct world there = {.car = {10, 4}, .has_car = true}, gone = {.car = {10, 4}},
                       hidden = {.car = {10, 4}, .has_car = true, .screen = 5};
    const int points = shown_after(&there, &same);
    assert_true(points >= 12);
    assert_true(same);
    assert_int_equal(shown_after(&gone, &same), 0); /* at once */
    assert_false(same);
    const int behind = shown_after(&hidden, &same);
    assert_true(behind >= 1 && behind < points); /* not shown for long, but the same when it comes back */
    assert_true(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rays_tell),
        cmocka_unit_test(what_no_ray_meets_is_not_judged),
        cmocka_unit_test(points_that_are_no_numbers_are_left_out),
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(the_unseen_is_kept_as_long_as_the_points_say),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
