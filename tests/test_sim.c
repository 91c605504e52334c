/* tests/test_sim.c - the simulated world: the same bytes everywhere, nobody touches anybody, plausible
 * motion, rays that meet what the labels say. */
#include "tests/util.h"
#include "convert/sha256.h"
#include "core/box.h"
#include "sim/math.h"
#include "sim/sim.h"
#include "sim/trace.h"

enum { COLUMNS = 360, LASERS = 20, RAYS = COLUMNS * LASERS, MOST = 2048 };

struct sensor {
    int32_t column_ns[COLUMNS];
    float angle[COLUMNS], dir[3][LASERS];
    struct glint_sim_rays rays;
};
struct returns {
    float range[RAYS], intensity[RAYS], range2[RAYS];
    uint8_t cls[RAYS];
    int32_t instance[RAYS];
};

static struct glint_sim_returns arrays(struct returns *r)
{
    return (struct glint_sim_returns){.range_m = r->range,
                                      .intensity = r->intensity,
                                      .range2_m = r->range2,
                                      .cls = r->cls,
                                      .instance = r->instance};
}

/* Twenty lasers in two columns of azimuth, as an HDL-64E has them. */
static void make(struct sensor *s)
{
    for (int c = 0; c < COLUMNS; c++) {
        s->column_ns[c] = (int32_t)(100000000LL * c / COLUMNS);
        s->angle[c] = (float)(3.0 - 2 * GLINT_SIM_PI * c / COLUMNS);
    }
    for (int l = 0; l < LASERS; l++) {
        double se, ce, sa, ca;
        glint_sim_sincos(-0.35 + 0.02 * l, &se, &ce);
        glint_sim_sincos(l % 2 ? 0.05 : -0.05, &sa, &ca);
        s->dir[0][l] = (float)(ce * ca);
        s->dir[1][l] = (float)(ce * sa);
        s->dir[2][l] = (float)se;
    }
    s->rays = (struct glint_sim_rays){.n_columns = COLUMNS,
                                      .n_lasers = LASERS,
                                      .column_ns = s->column_ns,
                                      .angle = s->angle,
                                      .dir = {s->dir[0], s->dir[1], s->dir[2]},
                                      .range_min_m = 1,
                                      .range_max_m = 100,
                                      .noise_m = 0.02f,
                                      .sensitivity = 1,
                                      .dropout = 0.01f,
                                      .divergence_rad = 0.002f};
    s->rays.vehicle_from_sensor = glint_pose_identity();
    s->rays.vehicle_from_sensor.t[2] = 1.8;
}

static struct glint_sim *open_world(uint64_t seed, enum glint_sim_scene scene, double seconds)
{
    struct glint_sim_settings settings = glint_sim_default_settings();
    settings.seed = seed;
    settings.scene = scene;
    settings.seconds = seconds;
    struct glint_sim *sim = NULL;
    assert_int_equal(glint_sim_open(&settings, &sim), GLINT_OK);
    return sim;
}

static void cast(struct glint_sim *sim, struct glint_exec *x, struct sensor *s, double t, struct returns *r)
{
    s->rays.start_ns = (int64_t)(t * 1e9);
    const struct glint_sim_returns out = arrays(r);
    assert_int_equal(glint_sim_cast(sim, x, &s->rays, &out), GLINT_OK);
}

/* Three scans of each of two worlds, one of them in rain. */
static void digest(unsigned isa, int threads, char text_out[65])
{
    static struct sensor s;
    static struct returns r;
    struct glint_exec x;
    struct glint_sha256 sum;
    assert_int_equal(glint_exec_init(&x, isa, threads, 1 << 16), GLINT_OK);
    glint_sha256_begin(&sum);
    make(&s);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct glint_sim_settings settings = glint_sim_default_settings();
        settings.seed = seed;
        settings.rain_mm_h = seed == 2 ? 8 : 0;
        struct glint_sim *sim;
        assert_int_equal(glint_sim_open(&settings, &sim), GLINT_OK);
        for (int k = 0; k < 3; k++) {
            cast(sim, &x, &s, 0.5 + k, &r);
            glint_sha256_add(&sum, (const uint8_t *)&r, sizeof r);
        }
        glint_sim_close(sim);
    }
    glint_exec_fini(&x);
    glint_sha256_end(&sum, text_out);
}

static void same_bytes_everywhere(void **state)
{
    /* Of this file's worlds; a change of the simulator changes it, a compiler or a machine must not. */
    static const char known[] = "0a81d69a3de97ef1f46a4450b28a268523a829e149eb78b5d03260ec6b502bda";
    static const unsigned sets[] = {0, GLINT_ISA_AVX2, GLINT_ISA_AVX2 | GLINT_ISA_AVX512};
    char text[65];
    (void)state;
    for (int k = 0; k < 3; k++)
        if ((sets[k] & glint_cpu_isa()) == sets[k]) {
            digest(sets[k], k + 1, text);
            assert_string_equal(text, known);
        }
}

static void order_of_asking_does_not_matter(void **state)
{
    static struct sensor s;
    static struct returns first, again;
    (void)state;
    make(&s);
    struct glint_sim *sim = open_world(5, GLINT_SIM_URBAN, 60);
    cast(sim, NULL, &s, 2, &first);
    cast(sim, NULL, &s, 31, &again); /* far away: other blocks, other ground */
    cast(sim, NULL, &s, 2, &again);
    assert_memory_equal(&first, &again, sizeof first);
    glint_sim_close(sim);
}

/* Those who drive, and what is parked, as seen from above. */
static int32_t on_wheels(struct glint_sim *sim, double t, struct glint_rect *rect_out)
{
    static struct glint_sim_object objects[MOST];
    int32_t n, kept = 0;
    assert_int_equal(glint_sim_objects(sim, (int64_t)(t * 1e9), 120, objects, MOST, &n), GLINT_OK);
    for (int32_t k = 0; k < n; k++)
        if (objects[k].label != GLINT_SIM_LABEL_PEDESTRIAN && objects[k].id < 1000000)
            rect_out[kept++] = glint_box_rect(&objects[k].box);
    rect_out[kept++] = (struct glint_rect){0, 0, 4.6, 1.86, 0}; /* ourselves */
    for (int32_t k = 0; k < n; k++)
        if (objects[k].label != GLINT_SIM_LABEL_PEDESTRIAN && objects[k].id >= 1000000)
            rect_out[kept++] = glint_box_rect(&objects[k].box);
    return kept;
}

static void nobody_touches_anybody(void **state)
{
    static struct glint_rect rect[MOST];
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct glint_sim_settings settings = glint_sim_default_settings();
        settings.seed = seed;
        settings.traffic = 2;
        settings.seconds = 60;
        struct glint_sim *sim;
        assert_int_equal(glint_sim_open(&settings, &sim), GLINT_OK);
        for (double t = 0; t < 60; t += 1.5) {
            const int32_t n = on_wheels(sim, t, rect);
            for (int32_t i = 0; i < n; i++)
                for (int32_t k = 0; k < i; k++)
                    if (hypot(rect[i].x - rect[k].x, rect[i].y - rect[k].y) < 20 &&
                        glint_rect_intersection(&rect[i], &rect[k]) > 0.1)
                        fail_msg("seed %d, %g s: %g m2 of overlap at (%g, %g) and (%g, %g)", (int)seed, t,
                                 glint_rect_intersection(&rect[i], &rect[k]), rect[i].x, rect[i].y, rect[k].x,
                                 rect[k].y);
        }
        glint_sim_close(sim);
    }
}

static void motion_is_plausible(void **state)
{
    double turned = 0, driven = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct glint_sim *sim = open_world(seed, GLINT_SIM_URBAN, 120);
        struct glint_pose before = glint_sim_pose(sim, 0);
        for (int64_t t = 0; t <= 120000; t += 250) {
            const struct glint_sim_imu m = glint_sim_imu(sim, t * 1000000);
            const struct glint_pose p = glint_sim_pose(sim, t * 1000000);
            assert_true(hypot(m.acceleration[0], m.acceleration[1]) < 9);
            assert_near(m.acceleration[2], 9.81, 2);
            assert_true(fabs(m.rate[2]) < 1.2 && fabs(m.rate[0]) < 0.5 && fabs(m.rate[1]) < 0.5);
            assert_true(fabs(m.velocity[1]) < 1);
            if (t > 0)
                assert_near(glint_pose_distance(before, p), fabs(m.velocity[0]) * 0.25, 0.35);
            turned += t > 0 ? glint_pose_angle(before, p) : 0;
            driven += t > 0 ? glint_pose_distance(before, p) : 0;
            before = p;
        }
        glint_sim_close(sim);
    }
    assert_true(driven > 800);
    assert_true(turned > 4);
}

/* Whether the point of a ray is on the car, mirrors included, as it was dt later; both in the vehicle frame
 * of time 0. */
static bool is_on(const struct glint_sim_object *o, const double p[3], double dt)
{
    const double x = p[0] - (double)o->box.center[0] - (double)o->box.velocity[0] * dt;
    const double y = p[1] - (double)o->box.center[1] - (double)o->box.velocity[1] * dt;
    const double c = cos((double)o->box.yaw), s = sin((double)o->box.yaw);
    return fabs(c * x + s * y) < (double)o->box.size[0] / 2 + 0.05 &&
           fabs(c * y - s * x) < (double)o->box.size[1] / 2 + 0.25;
}

struct tally {
    int all, on, fast, fast_on;
};

/* Counts the points on cars of one scan, each taken to the middle of the scan by poses and velocities. */
static void count_on(struct glint_sim *sim, struct sensor *s, struct tally *t)
{
    static struct returns r;
    static struct glint_sim_object objects[MOST];
    static float xyz[3 * RAYS];
    static int32_t ray[RAYS];
    int32_t n_objects;
    const int64_t middle = s->rays.start_ns + 50000000;
    const struct glint_sim_returns out = arrays(&r);
    assert_int_equal(glint_sim_cast(sim, NULL, &s->rays, &out), GLINT_OK);
    assert_int_equal(glint_sim_objects(sim, middle, 100, objects, MOST, &n_objects), GLINT_OK);
    const struct glint_pose from_world = glint_pose_inverse(glint_sim_pose(sim, middle));
    const int32_t n = glint_sim_points(&s->rays, r.range, xyz, ray);
    for (int32_t k = 0; k < n; k++)
        for (int32_t i = 0; r.instance[ray[k]] > 0 && i < n_objects; i++) {
            const struct glint_sim_object *o = &objects[i];
            if (o->id != r.instance[ray[k]] || o->label != GLINT_SIM_LABEL_CAR)
                continue;
            const int32_t at_ns = s->column_ns[ray[k] / LASERS];
            double p[3] = {(double)xyz[3 * k], (double)xyz[3 * k + 1], (double)xyz[3 * k + 2]};
            glint_pose_apply(s->rays.vehicle_from_sensor, p, p);
            glint_pose_apply(glint_sim_pose(sim, s->rays.start_ns + at_ns), p, p);
            glint_pose_apply(from_world, p, p);
            const bool on = is_on(o, p, (at_ns - 50000000) * 1e-9);
            const bool fast = hypot((double)o->box.velocity[0], (double)o->box.velocity[1]) > 4;
            t->all++, t->on += on;
            t->fast += fast, t->fast_on += fast && on;
        }
}

static void points_lie_on_their_objects(void **state)
{
    static struct sensor s;
    struct tally t = {0};
    (void)state;
    make(&s);
    s.rays.noise_m = s.rays.divergence_rad = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct glint_sim *sim = open_world(seed, GLINT_SIM_ANY, 30);
        s.rays.start_ns = 10000000000;
        count_on(sim, &s, &t);
        glint_sim_close(sim);
    }
    assert_true(t.all > 500 && t.fast > 50);
    assert_true(t.on >= 0.998 * t.all);
    assert_true(t.fast_on >= 0.998 * t.fast);
}

/* Edges and panes give a second echo; rain gives more of them, near ones of no object, and takes others away.
 */
static void rain_is_seen(void **state)
{
    static struct sensor s;
    static struct returns r;
    int returns[2] = {0}, seconds[2] = {0}, drops[2] = {0};
    (void)state;
    make(&s);
    for (int wet = 0; wet < 2; wet++) {
        struct glint_sim_settings settings = glint_sim_default_settings();
        settings.seed = 3;
        settings.rain_mm_h = wet ? 25 : 0;
        struct glint_sim *sim;
        assert_int_equal(glint_sim_open(&settings, &sim), GLINT_OK);
        cast(sim, NULL, &s, 4, &r);
        for (int k = 0; k < RAYS; k++) {
            returns[wet] += r.range[k] > 0;
            seconds[wet] += r.range2[k] > 0;
            drops[wet] += r.range[k] > 0 && r.range[k] < 3.5f && r.cls[k] == GLINT_SIM_CLASS_OTHER;
            assert_true(r.range2[k] == 0 || r.range[k] > 0);
            assert_true(r.intensity[k] >= 0 && r.intensity[k] <= 1);
        }
        glint_sim_close(sim);
    }
    assert_true(seconds[0] > 20 && seconds[1] > seconds[0]);
    assert_true(drops[1] > drops[0]);
    assert_true(returns[0] > RAYS / 3);
}

static void refuses_what_is_wrong(void **state)
{
    static struct sensor s;
    static struct returns r;
    struct glint_sim *sim = NULL;
    struct glint_sim_settings settings = glint_sim_default_settings();
    (void)state;
    settings.seconds = 0;
    assert_int_equal(glint_sim_open(&settings, &sim), GLINT_E_ARG);
    settings.seconds = 10;
    settings.rain_mm_h = 70;
    assert_int_equal(glint_sim_open(&settings, &sim), GLINT_E_ARG);
    sim = open_world(1, GLINT_SIM_ANY, 10);
    make(&s);
    const struct glint_sim_returns out = arrays(&r);
    s.rays.n_lasers = 129;
    assert_int_equal(glint_sim_cast(sim, NULL, &s.rays, &out), GLINT_E_ARG);
    make(&s);
    s.column_ns[1] = 2000000000;
    assert_int_equal(glint_sim_cast(sim, NULL, &s.rays, &out), GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "columns span"));
    glint_sim_close(sim);
    glint_sim_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_everywhere),       cmocka_unit_test(order_of_asking_does_not_matter),
        cmocka_unit_test(nobody_touches_anybody),      cmocka_unit_test(motion_is_plausible),
        cmocka_unit_test(points_lie_on_their_objects), cmocka_unit_test(rain_is_seen),
        cmocka_unit_test(refuses_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
