/* tests/street.h - objects that move along a street, and what a detector would say of them, for tests of
 * tracking. Everything follows from seeds. */
#ifndef GLINT_TESTS_STREET_H
#define GLINT_TESTS_STREET_H
#include "core/box.h"
#include "glint/track.h"
#include "tests/util.h"

#define STREET_BOXES 1024

enum { STREET_CAR, STREET_PEDESTRIAN, STREET_CYCLIST, STREET_TRUCK };
static const char *const street_classes[] = {"car", "pedestrian", "cyclist", "truck"};

struct street_object {
    int label;
    double x, y, yaw, speed, rate; /* at time 0, in the world */
};

struct street_ego { /* the vehicle: on a circle, or straight with rate 0 */
    double speed, rate;
    bool has_pose;
};

struct street_noise {
    double place_m, yaw_rad, flip, miss; /* flip, miss: shares */
    float score[2];                      /* from, to */
};

static inline double street_normal(uint64_t *seed, double sigma)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)glint_test_uniform(seed, 0, 1);
    return sigma * sum;
}

/* Where a thing is at t that began at (x, y, yaw). */
static inline void street_at(double x, double y, double yaw, double speed, double rate, double t,
                             double out[3])
{
    const double a = rate * t;
    const double along = rate != 0 ? speed * sin(a) / rate : speed * t,
                 across = rate != 0 ? speed * (1 - cos(a)) / rate : 0;
    out[0] = x + cos(yaw) * along - sin(yaw) * across;
    out[1] = y + sin(yaw) * along + cos(yaw) * across;
    out[2] = yaw + a;
}

struct street_frame {
    struct glint_frame frame;
    struct glint_box boxes[STREET_BOXES];
};

static inline void street_begin(struct street_frame *s, int index, double period_s,
                                const struct street_ego *ego)
{
    double at[3];
    memset(&s->frame, 0, sizeof s->frame);
    s->frame.index = (uint64_t)index;
    s->frame.boxes = s->boxes;
    s->frame.cap_boxes = STREET_BOXES;
    s->frame.stamp_ns = INT64_C(1700000000000000000) + (int64_t)(index * period_s * 1e9);
    street_at(0, 0, 0, ego->speed, ego->rate, index * period_s, at);
    s->frame.has_pose = ego->has_pose;
    s->frame.pose_position[0] = at[0];
    s->frame.pose_position[1] = at[1];
    s->frame.pose_rotation[0] = cos(0.5 * at[2]);
    s->frame.pose_rotation[3] = sin(0.5 * at[2]);
}

/* The object as it is, in the vehicle's frame, without noise. */
static inline struct glint_box street_truth(const struct street_object *o, int index, double period_s,
                                            const struct street_ego *ego)
{
    static const float sizes[][3] = {
        {4.5f, 1.9f, 1.6f}, {0.7f, 0.7f, 1.75f}, {1.8f, 0.7f, 1.7f}, {9, 2.6f, 3}};
    double at[3], from[3];
    street_at(0, 0, 0, ego->speed, ego->rate, index * period_s, from);
    street_at(o->x, o->y, o->yaw, o->speed, o->rate, index * period_s, at);
    const double dx = at[0] - from[0], dy = at[1] - from[1], c = cos(from[2]), s = sin(from[2]);
    struct glint_box b = {.center = {(float)(c * dx + s * dy), (float)(c * dy - s * dx), 0.5f},
                          .yaw = (float)glint_wrap_angle(at[2] - from[2]),
                          .score = 1,
                          .label = o->label,
                          .id = -1};
    memcpy(b.size, sizes[o->label], sizeof b.size);
    return b;
}

/* Adds what a detector says of it; false: it misses it. */
static inline bool street_see(struct street_frame *s, const struct glint_box *truth,
                              const struct street_noise *n, uint64_t *seed)
{
    struct glint_box b = *truth;
    const bool missed = (double)glint_test_uniform(seed, 0, 1) < n->miss;
    b.center[0] += (float)street_normal(seed, n->place_m);
    b.center[1] += (float)street_normal(seed, n->place_m);
    b.yaw += (float)street_normal(seed, n->yaw_rad);
    if ((double)glint_test_uniform(seed, 0, 1) < n->flip)
        b.yaw += 3.14159265f;
    b.yaw = (float)glint_wrap_angle((double)b.yaw);
    b.score = glint_test_uniform(seed, n->score[0], n->score[1]);
    if (!missed)
        s->boxes[s->frame.n_boxes++] = b;
    return !missed;
}
#endif
