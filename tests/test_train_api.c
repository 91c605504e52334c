/* tests/test_train_api.c - scans as training programs get them. */
#include "tests/util.h"
#include "core/status.h"
#include "sim/train_api.h"
#include <math.h>
#include <stdlib.h>

#define LASERS  16
#define COLUMNS 900
#define POINTS  (2 * LASERS * COLUMNS)
#define BOXES   512

struct arrays {
    float points[POINTS * 4], boxes[BOXES * GLINT_TRAIN_BOX];
    uint16_t ring[POINTS];
    uint8_t label[POINTS];
    int32_t owner[POINTS], n_of[BOXES];
    int64_t track[BOXES];
    struct glint_train_scan scan;
};

static float elevation[LASERS];

static struct arrays *arrays_new(void)
{
    struct arrays *a = calloc(1, sizeof *a);
    assert_non_null(a);
    a->scan = (struct glint_train_scan){.points = a->points,
                                        .ring = a->ring,
                                        .label = a->label,
                                        .owner = a->owner,
                                        .boxes = a->boxes,
                                        .n_of = a->n_of,
                                        .track = a->track,
                                        .cap_points = POINTS,
                                        .cap_boxes = BOXES};
    return a;
}

static struct glint_train_sensor sensor(double height)
{
    for (int i = 0; i < LASERS; i++)
        elevation[i] = (float)((2 * i - 15) * 0.0174532925);
    return (struct glint_train_sensor){.elevation = elevation,
                                       .place = {0, 0, height},
                                       .turn_ns = 100000000,
                                       .noise_seed = 5,
                                       .n_columns = COLUMNS,
                                       .n_lasers = LASERS,
                                       .range_min_m = 1,
                                       .range_max_m = 100,
                                       .sensitivity = 1};
}

static struct glint_train_request request(double height, int32_t deskew)
{
    return (struct glint_train_request){
        .place = {0, 0, height}, .start_ns = 5000000000, .radius_m = 120, .deskew = deskew};
}

static void *world_new(uint64_t seed)
{
    void *world = NULL;
    const struct glint_train_world settings = {.seed = seed, .seconds = 20, .traffic = 1, .people = 1};
    assert_int_equal(glint_train_world_open(&settings, &world), GLINT_OK);
    return world;
}

static struct arrays *scan_of(uint64_t seed, int32_t n_sensors, int32_t deskew)
{
    void *world = world_new(seed);
    struct arrays *a = arrays_new();
    const struct glint_train_sensor q[2] = {sensor(1.8), sensor(1.5)};
    const struct glint_train_request r = request(1.8, deskew);
    if (glint_train_scan(world, q, n_sensors, &r, &a->scan) != GLINT_OK)
        fail_msg("%s", glint_train_error());
    glint_train_world_close(world);
    return a;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct arrays *a = scan_of(3, 2, 1), *b = scan_of(3, 2, 1), *c = scan_of(4, 2, 1);
    a->scan = b->scan; /* pointers apart */
    assert_memory_equal(a, b, sizeof *a);
    assert_memory_not_equal(a->points, c->points, sizeof a->points);
    free(a), free(b), free(c);
}

static void points_lie_in_their_boxes(void **state)
{
    (void)state;
    for (int deskew = 0; deskew < 2; deskew++) {
        struct arrays *a = scan_of(6, 2, deskew);
        const struct glint_train_scan *s = &a->scan;
        assert_true(s->n_points > 5000 && s->n_boxes > 2);
        int32_t owned = 0, beside = 0, high_rings = 0;
        for (int32_t i = 0; i < s->n_points; i++) {
            high_rings += s->ring[i] >= LASERS;
            assert_true(s->ring[i] < 2 * LASERS && s->owner[i] < s->n_boxes);
            if (s->owner[i] < 0)
                continue;
            const float *b = s->boxes + (size_t)s->owner[i] * GLINT_TRAIN_BOX, *p = s->points + 4 * i;
            const double dx = (double)(p[0] - b[1]), dy = (double)(p[1] - b[2]), c = cos((double)b[7]),
                         n = sin((double)b[7]);
            owned++;
            beside += fabs(c * dx + n * dy) > (double)b[4] / 2 + 0.12 ||
                      fabs(c * dy - n * dx) > (double)b[5] / 2 + 0.12 ||
                      fabs((double)(p[2] - b[3])) > (double)b[6] / 2 + 0.3;
        }
        assert_true(high_rings > s->n_points / 4);
        assert_true(owned > 100 && beside < owned / 100);
        free(a);
    }
}

static void points_of_boxes_are_counted(void **state)
{
    (void)state;
    struct arrays *a = scan_of(6, 1, 0);
    int32_t count[BOXES] = {0};
    for (int32_t i = 0; i < a->scan.n_points; i++)
        if (a->owner[i] >= 0)
            count[a->owner[i]]++;
    for (int32_t i = 0; i < a->scan.n_boxes; i++)
        assert_true(count[i] > 0 && count[i] == a->n_of[i] && a->track[i] > 0);
    free(a);
}

static void refuses(const struct glint_train_sensor *q, int32_t cap_points, int32_t cap_boxes, int status,
                    const char *why)
{
    void *world = world_new(6);
    struct arrays *a = arrays_new();
    a->scan.cap_points = cap_points;
    a->scan.cap_boxes = cap_boxes;
    const struct glint_train_request r = request(1.8, 0);
    assert_int_equal(glint_train_scan(world, q, q ? 1 : 0, &r, &a->scan), status);
    if (!strstr(glint_train_error(), why))
        fail_msg("\"%s\" lacks \"%s\"", glint_train_error(), why);
    glint_train_world_close(world);
    free(a);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    struct glint_train_sensor q = sensor(1.8);
    refuses(NULL, POINTS, BOXES, GLINT_E_ARG, "no sensor");
    refuses(&q, 1000, BOXES, GLINT_E_CAPACITY, "more than 1000 points");
    refuses(&q, POINTS, 1, GLINT_E_CAPACITY, "more than 1 boxes");
    q.n_lasers = 129;
    refuses(&q, POINTS, BOXES, GLINT_E_ARG, "129 lasers");
    q = sensor(1.8), q.n_columns = 0;
    refuses(&q, POINTS, BOXES, GLINT_E_ARG, "0 columns");
    q = sensor(1.8), q.turn_ns = 0;
    refuses(&q, POINTS, BOXES, GLINT_E_ARG, "a turn of 0 ns");
    void *world = NULL;
    const struct glint_train_world settings = {.seconds = -1};
    assert_int_equal(glint_train_world_open(&settings, &world), GLINT_E_ARG);
    assert_null(world);
    glint_train_world_close(NULL);
    assert_int_equal(glint_train_api_version(), GLINT_TRAIN_API_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes), cmocka_unit_test(points_lie_in_their_boxes),
        cmocka_unit_test(points_of_boxes_are_counted), cmocka_unit_test(says_what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
