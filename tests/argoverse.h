/* tests/argoverse.h - the annotations of an Argoverse 2 log as a drive with known tracks, degraded into what
 * a detector could have said: noise, misses (more where few points are), turned yaws, boxes that are not
 * there. */
#ifndef GLINT_TESTS_ARGOVERSE_H
#define GLINT_TESTS_ARGOVERSE_H
#include "tests/mota.h"
#include "tests/street.h"

#define ARGOVERSE_FRAMES 200

struct argoverse_frame {
    int64_t stamp_ns;
    double position[3], rotation[4]; /* of the vehicle in the city */
    int32_t n;
    struct mota_object object[MOTA_BOXES];
};

struct argoverse {
    int32_t n;
    struct argoverse_frame frame[ARGOVERSE_FRAMES];
};

struct argoverse_noise {
    const char *name;
    struct street_noise noise;
    double n_false; /* boxes that are not there, per frame */
    bool few_points_are_missed;
};

static const struct argoverse_noise argoverse_noises[] = {
    {"as annotated", {0, 0, 0, 0, {0.9f, 0.9f}}, 0, false},
    {"noise", {0.12, 0.08, 0.03, 0, {0.5f, 0.95f}}, 0, false},
    {"noise, misses, false boxes", {0.15, 0.1, 0.05, 0.08, {0.4f, 0.95f}}, 4, true},
};

static inline int32_t argoverse_label(const char *category)
{
    static const char *const people[] = {"PEDESTRIAN", "STROLLER", "CONSTRUCTION_CONE", "BOLLARD"},
                             *const riders[] = {"BICYCLE", "MOTORCYCLE", "WHEELED_DEVICE", "BICYCLIST"},
                             *const large[] = {"TRUCK",         "TRUCK_CAB", "BOX_TRUCK",
                                               "LARGE_VEHICLE", "BUS",       "VEHICULAR_TRAILER"};
    for (int i = 0; i < 6; i++) {
        if (i < 4 && strcmp(category, people[i]) == 0)
            return STREET_PEDESTRIAN;
        if (i < 4 && strcmp(category, riders[i]) == 0)
            return STREET_CYCLIST;
        if (strcmp(category, large[i]) == 0)
            return STREET_TRUCK;
    }
    return STREET_CAR;
}

static inline void argoverse_add(struct argoverse *a, const char *line)
{
    long long stamp;
    int track, points;
    char category[40];
    float l, w, h, yaw, x, y, z;
    if (sscanf(line, "%lld,%d,%39[^,],%f,%f,%f,%f,%f,%f,%f,%d", &stamp, &track, category, &l, &w, &h, &yaw,
               &x, &y, &z, &points) != 11 ||
        strcmp(category, "EGO_VEHICLE") == 0 || track >= MOTA_OBJECTS)
        return;
    if (a->n == 0 || a->frame[a->n - 1].stamp_ns != stamp) {
        if (a->n == ARGOVERSE_FRAMES)
            return;
        a->frame[a->n++].stamp_ns = stamp;
    }
    struct argoverse_frame *f = &a->frame[a->n - 1];
    for (int32_t i = 0; i < f->n; i++) /* some cars are there twice, under two numbers */
        if (hypotf(f->object[i].box.center[0] - x, f->object[i].box.center[1] - y) < 0.05f)
            return;
    if (f->n == MOTA_BOXES)
        return;
    f->object[f->n++] = (struct mota_object){.box = {.center = {x, y, z},
                                                     .size = {l, w, h},
                                                     .yaw = yaw,
                                                     .score = (float)points,
                                                     .label = argoverse_label(category),
                                                     .id = -1},
                                             .track = track,
                                             .counts = points >= 5 && hypotf(x, y) <= 50};
}

static inline void argoverse_pose(struct argoverse *a, const char *line)
{
    long long stamp;
    double q[4], t[3];
    if (sscanf(line, "%lld,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &stamp, &q[0], &q[1], &q[2], &q[3], &t[0], &t[1],
               &t[2]) != 8)
        return;
    for (int i = 0; i < a->n; i++)
        if (a->frame[i].stamp_ns == stamp) {
            memcpy(a->frame[i].position, t, sizeof t);
            memcpy(a->frame[i].rotation, q, sizeof q);
        }
}

static inline bool argoverse_lines(struct argoverse *a, const char *folder, const char *name,
                                   void (*take)(struct argoverse *, const char *))
{
    char path[1024], line[512];
    snprintf(path, sizeof path, "%.900s/%s", folder, name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        take(a, line);
    if (f)
        fclose(f);
    return f != NULL;
}

/* Frames are those with annotations (10 Hz), in the order of the file. */
static inline bool argoverse_read(struct argoverse *a, const char *folder)
{
    memset(a, 0, sizeof *a);
    return argoverse_lines(a, folder, "annotations.csv", argoverse_add) &&
           argoverse_lines(a, folder, "city_SE3_egovehicle.csv", argoverse_pose) && a->n > 1;
}

/* What the detector says of frame i; detected[k]: whether it saw object k. */
static inline void argoverse_see(const struct argoverse *a, int i, const struct argoverse_noise *n,
                                 bool poses, uint64_t seed, struct street_frame *s, bool *detected)
{
    static const float sizes[][3] = {
        {4.5f, 1.9f, 1.6f}, {0.7f, 0.7f, 1.75f}, {1.8f, 0.7f, 1.7f}, {9, 2.6f, 3}};
    const struct argoverse_frame *f = &a->frame[i];
    uint64_t random = seed * 7919 + (uint64_t)i * 104729 + 1;
    for (int k = 0; k < 4; k++)
        glint_test_random(&random);
    memset(&s->frame, 0, sizeof s->frame);
    s->frame = (struct glint_frame){.index = (uint64_t)i,
                                    .stamp_ns = f->stamp_ns,
                                    .boxes = s->boxes,
                                    .cap_boxes = STREET_BOXES,
                                    .has_pose = poses};
    memcpy(s->frame.pose_position, f->position, sizeof f->position);
    memcpy(s->frame.pose_rotation, f->rotation, sizeof f->rotation);
    for (int32_t k = 0; k < f->n; k++) {
        struct street_noise noise = n->noise;
        struct glint_box truth = f->object[k].box;
        const double points = (double)truth.score;
        if (n->few_points_are_missed)
            noise.miss += 0.6 * exp(-points / 8);
        if (points < 1)
            noise.miss = 2;
        detected[k] = street_see(s, &truth, &noise, &random);
    }
    for (double left = n->n_false; left > 0; left--) {
        const uint32_t label = (uint32_t)(glint_test_random(&random) >> 40) % 4;
        struct glint_box b = {
            .center = {glint_test_uniform(&random, -50, 50), glint_test_uniform(&random, -50, 50), 0},
            .yaw = glint_test_uniform(&random, -3, 3),
            .score = glint_test_uniform(&random, 0.3f, 0.6f),
            .label = (int32_t)label,
            .id = -1};
        memcpy(b.size, sizes[label], sizeof b.size);
        s->boxes[s->frame.n_boxes++] = b;
    }
}

struct argoverse_result {
    struct mota ours, nearest; /* nearest: of the reach that served it best */
    int throughout, changed,
        nearest_changed; /* objects detected in all frames between their first and last */
};

static inline void argoverse_ours(const struct argoverse *a, const struct argoverse_noise *n, bool poses,
                                  uint64_t seed, struct mota *m, int32_t *missed)
{
    static struct street_frame s;
    static bool detected[MOTA_BOXES];
    struct glint_track_settings settings;
    struct glint_tracker *t;
    glint_track_settings_default(&settings, street_classes, 4);
    assert_int_equal(glint_tracker_open(&settings, &t), 0);
    memset(m, 0, sizeof *m);
    for (int i = 0; i < a->n; i++) {
        argoverse_see(a, i, n, poses, seed, &s, detected);
        glint_tracker_run(t, &s.frame);
        mota_frame(m, a->frame[i].object, a->frame[i].n, s.boxes, s.frame.n_boxes);
        for (int32_t k = 0; k < a->frame[i].n; k++)
            missed[a->frame[i].object[k].track] += !detected[k];
    }
    glint_tracker_close(t);
}

static inline void argoverse_nearest(const struct argoverse *a, const struct argoverse_noise *n, bool poses,
                                     uint64_t seed, double scale, bool velocity, double birth_score,
                                     struct mota *m)
{
    static struct street_frame s;
    static bool detected[MOTA_BOXES];
    static struct nearest t;
    memset(m, 0, sizeof *m);
    t = (struct nearest){.reach_m = {2 * scale, 0.7 * scale, 1.5 * scale, 2 * scale},
                         .birth_score = birth_score,
                         .use_velocity = velocity};
    for (int i = 0; i < a->n; i++) {
        argoverse_see(a, i, n, poses, seed, &s, detected);
        nearest_run(&t, &s.frame, 0.1);
        mota_frame(m, a->frame[i].object, a->frame[i].n, s.boxes, s.frame.n_boxes);
    }
}

static inline void argoverse_track(const struct argoverse *a, const struct argoverse_noise *n, bool poses,
                                   uint64_t seed, struct argoverse_result *r)
{
    static int32_t missed[MOTA_OBJECTS];
    static struct mota m;
    memset(missed, 0, sizeof missed);
    memset(r, 0, sizeof *r);
    argoverse_ours(a, n, poses, seed, &r->ours, missed);
    for (int k = 0; k < 16;
         k += n->few_points_are_missed ? 1 : 5) { /* cars within 1 to 4 m, births from 0.3 or 0.6 on */
        argoverse_nearest(a, n, poses, seed, (k / 4 + 1) * 0.5, k & 1, k & 2 ? 0.6 : 0.3, &m);
        if (k == 0 || mota_value(&m) > mota_value(&r->nearest))
            r->nearest = m;
    }
    for (int i = 0; i < MOTA_OBJECTS; i++) {
        if (r->ours.of[i].id == 0 || missed[i] > 0)
            continue;
        r->throughout++;
        r->changed += r->ours.of[i].switches > 0;
        r->nearest_changed += r->nearest.of[i].switches > 0;
    }
}
#endif
