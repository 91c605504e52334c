/* tests/scene_fixture.h - a made-up frame for the tests of pictures: ground rings, walls, cars with boxes. */
#ifndef GLINT_TESTS_SCENE_FIXTURE_H
#define GLINT_TESTS_SCENE_FIXTURE_H
#include "tests/util.h"
#include "io/sink.h"
#include "viz/labels.h"
#include <math.h>

#define FIXTURE_POINTS 60000
#define FIXTURE_BOXES  64

static const char *const fixture_classes[] = {"car", "pedestrian", "cyclist", "truck"};
static const char *const fixture_point_classes[] = {"ground",  "vegetation", "building", "pole",
                                                    "vehicle", "pedestrian", "cyclist",  "other"};
static const struct glint_sink_context fixture_context = {4, 8, fixture_classes, fixture_point_classes};

struct fixture {
    struct glint_frame frame;
    float x[FIXTURE_POINTS], y[FIXTURE_POINTS], z[FIXTURE_POINTS];
    uint8_t cls[FIXTURE_POINTS];
    struct glint_box boxes[FIXTURE_BOXES];
};

static inline void fixture_point(struct fixture *f, double x, double y, double z, uint8_t cls)
{
    const int32_t i = f->frame.points.n;
    if (i >= FIXTURE_POINTS)
        return;
    f->x[i] = (float)x;
    f->y[i] = (float)y;
    f->z[i] = (float)z;
    f->cls[i] = cls;
    f->frame.points.n++;
}

static inline void fixture_box(struct fixture *f, float x, float y, float l, float w, float yaw,
                               int32_t label, float score)
{
    f->boxes[f->frame.n_boxes++] = (struct glint_box){
        .center = {x, y, -1}, .size = {l, w, 1.6f}, .yaw = yaw, .score = score, .label = label, .id = -1};
    for (int i = 0; i < 120; i++) { /* returns on the near sides */
        const double u = i < 70 ? -0.5 + i / 70.0 : -0.5, v = i < 70 ? -0.5 : -0.5 + (i - 70) / 50.0;
        const double c = cos((double)yaw), s = sin((double)yaw), dx = u * (double)l, dy = v * (double)w;
        fixture_point(f, (double)x + c * dx - s * dy, (double)y + s * dx + c * dy, -1,
                      label == 0 || label == 3 ? 4 : (uint8_t)(label + 4));
    }
}

/* The caller frees it. */
static inline struct fixture *fixture_make(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 3;
    f->frame.points = (struct glint_points){.cap = FIXTURE_POINTS, .x = f->x, .y = f->y, .z = f->z};
    f->frame.point_class = f->cls;
    f->frame.boxes = f->boxes;
    f->frame.cap_boxes = FIXTURE_BOXES;
    f->frame.has_masks = true;
    f->frame.index = 7;
    snprintf(f->frame.source, sizeof f->frame.source, "made/up/street.pcap");
    for (int ring = 0; ring < 24; ring++)
        for (int i = 0; i < 1800; i++) {
            const double r = 3.4 * pow(1.12, ring), a = i * 3.14159265358979 / 900,
                         n = (double)glint_test_uniform(&seed, -0.02f, 0.02f);
            fixture_point(f, r * (1 + n) * cos(a), r * (1 + n) * sin(a), -1.8, 0);
        }
    for (int i = 0; i < 3000; i++)
        fixture_point(f, -45 + 0.03 * i, 14 + (double)glint_test_uniform(&seed, -0.05f, 0.05f), 1, 2);
    for (int i = 0; i < 4000; i++)
        fixture_point(f, -20 + 10 * (i % 5) + (double)glint_test_uniform(&seed, -1.5f, 1.5f),
                      -16 + (double)glint_test_uniform(&seed, -1.5f, 1.5f), 2, 1);
    fixture_box(f, 12, 3.2f, 4.4f, 1.8f, 0.02f, 0, 0.93f);
    fixture_box(f, -14, -3.1f, 4.2f, 1.8f, 3.1f, 0, 0.88f);
    fixture_box(f, 24, -3.4f, 4.6f, 1.9f, 3.12f, 0, 0.61f);
    fixture_box(f, 8, 9, 0.7f, 0.7f, 1.2f, 1, 0.72f);
    fixture_box(f, -9, 8, 1.8f, 0.6f, 0.4f, 2, 0.66f);
    fixture_box(f, -30, 4, 9.5f, 2.5f, 0.05f, 3, 0.52f);
    fixture_box(f, 30, 20, 4.2f, 1.8f, 1.5f, 0, 0.41f);
    return f;
}

/* Labels for it: two cars found, one missed, the rider found, a car with two returns. */
static inline int32_t fixture_labels(struct glint_label *labels)
{
    const struct glint_box at[] = {
        {.center = {12.3f, 3.1f, -1}, .size = {4.4f, 1.8f, 1.6f}, .yaw = 0.05f, .label = 0},
        {.center = {-14.2f, -3.0f, -1}, .size = {4.2f, 1.8f, 1.6f}, .yaw = 3.1f, .label = 0},
        {.center = {20, 10, -1}, .size = {4.4f, 1.8f, 1.6f}, .yaw = 0.7f, .label = 0},
        {.center = {-9, 8.2f, -1}, .size = {1.8f, 0.6f, 1.6f}, .yaw = 0.4f, .label = 2},
        {.center = {-38, -20, -1}, .size = {4.4f, 1.8f, 1.6f}, .yaw = 0.7f, .label = 0},
    };
    const int32_t points[] = {57, -1, 20, 5, 2};
    for (int i = 0; i < 5; i++) {
        labels[i] = (struct glint_label){.box = at[i], .points = points[i]};
        snprintf(labels[i].name, sizeof labels[i].name, "%s", fixture_classes[at[i].label]);
    }
    return 5;
}
#endif
