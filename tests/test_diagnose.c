/* tests/test_diagnose.c - made clouds with one thing wrong each. */
#include "tests/util.h"
#include "tools/diagnose.h"
#include <math.h>

#define N 40000

static const struct glint_model_info model = {.range = {-51.2f, -51.2f, -4, 51.2f, 51.2f, 3.5f},
                                              .sensor_height_m = {1.5f, 2.2f},
                                              .uses_intensity = true};

static float xyz[3][N], intensity[N];
static struct glint_cloud_stats stats;

/* Flat ground 1.8 m below, walls up to 4 m above it. */
static struct glint_frame street(void)
{
    uint64_t seed = 9;
    for (int i = 0; i < N; i++) {
        const float r = 3.0f + 30.0f * powf(glint_test_uniform(&seed, 0, 1), 2),
                    a = glint_test_uniform(&seed, -3.14f, 3.14f);
        xyz[0][i] = r * cosf(a);
        xyz[1][i] = i % 4 ? r * sinf(a) : 9.0f;
        xyz[2][i] = i % 4 ? -1.8f : glint_test_uniform(&seed, -1.8f, 3.0f);
        intensity[i] = glint_test_uniform(&seed, 0, 1);
    }
    return (struct glint_frame){
        .points = {.n = N, .cap = N, .x = xyz[0], .y = xyz[1], .z = xyz[2], .intensity = intensity}};
}

static int32_t diagnose(const struct glint_frame *frame, struct glint_finding *f)
{
    glint_cloud_stats_clear(&stats);
    glint_cloud_stats_add(&stats, frame, &model);
    return glint_diagnose(&stats, &model, f);
}

static void expect_one(const struct glint_frame *frame, const char *start)
{
    struct glint_finding f[GLINT_FINDING_CAP];
    const int32_t n = diagnose(frame, f);
    if (n != 1 || strncmp(f[0].text, start, strlen(start)) != 0)
        fail_msg("%d findings, first: %s; expected %s", n, n ? f[0].text : "-", start);
}

static void a_usual_street_is_not_remarkable(void **state)
{
    (void)state;
    struct glint_finding f[GLINT_FINDING_CAP];
    struct glint_frame frame = street();
    float z;
    assert_int_equal(diagnose(&frame, f), 0);
    assert_true(glint_cloud_ground(&stats, &z));
    assert_float_equal(z, -1.8f, 0.05f);
}

static void a_wrong_height_is_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    struct glint_finding f[GLINT_FINDING_CAP];
    for (int i = 0; i < N; i++)
        xyz[2][i] += 1.8f; /* base of the vehicle as the origin: models adapt to that */
    assert_int_equal(diagnose(&frame, f), 0);
    for (int i = 0; i < N; i++)
        xyz[2][i] -= 9.8f; /* too far for that */
    assert_true(diagnose(&frame, f) >= 1);
    assert_non_null(strstr(f[0].text, "sensor height: the ground lies at z = -9.8 m"));
}

static void a_vertical_axis_in_the_wrong_place_is_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    frame.points.y = xyz[2];
    frame.points.z = xyz[1];
    struct glint_finding f[GLINT_FINDING_CAP];
    assert_true(diagnose(&frame, f) >= 1);
    assert_non_null(strstr(f[0].text, "along y, which looks like the vertical one"));
}

static void upside_down_is_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    uint64_t seed = 4;
    for (int i = 0; i < N; i++) { /* things everywhere, hanging down from a flat plane above */
        xyz[2][i] = i % 4 ? 1.8f : 1.8f - glint_test_uniform(&seed, 0, 3);
        if (i % 4 == 0)
            xyz[1][i] = glint_test_uniform(&seed, -20, 20);
    }
    expect_one(&frame, "axes: the flat ground lies 1.8 m above");
}

static void intensity_beyond_one_is_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    for (int i = 0; i < N; i++)
        intensity[i] *= 255;
    expect_one(&frame, "intensity: up to 25");
    memset(intensity, 0, sizeof intensity);
    expect_one(&frame, "intensity: all zero");
}

static void few_points_and_none_are_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    frame.points.n = 3000;
    expect_one(&frame, "density: 3000 points per frame");
    frame.points.n = 0;
    expect_one(&frame, "density: the frames hold no points");
}

static void points_beyond_the_range_are_named(void **state)
{
    (void)state;
    struct glint_frame frame = street();
    for (int i = 0; i < N; i++)
        xyz[0][i] += 80;
    expect_one(&frame, "range: ");
    for (int i = 0; i < N; i++) { /* kilometres */
        xyz[0][i] = (xyz[0][i] - 80) / 1000;
        xyz[1][i] /= 1000;
        xyz[2][i] /= 1000;
    }
    expect_one(&frame, "scale: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_street_is_not_remarkable),
        cmocka_unit_test(a_wrong_height_is_named),
        cmocka_unit_test(a_vertical_axis_in_the_wrong_place_is_named),
        cmocka_unit_test(upside_down_is_named),
        cmocka_unit_test(intensity_beyond_one_is_named),
        cmocka_unit_test(few_points_and_none_are_named),
        cmocka_unit_test(points_beyond_the_range_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
