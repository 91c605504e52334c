/* tests/mota.h - how good tracks are: CLEAR MOT (K. Bernardin, R. Stiefelhagen 2008) by distances of centres
 * seen from above, and the plain tracker to compare with. */
#ifndef GLINT_TESTS_MOTA_H
#define GLINT_TESTS_MOTA_H
#include "core/assign.h"
#include "core/box.h"
#include "glint/track.h"
#include "tests/util.h"
#include <stdbool.h>

#define MOTA_OBJECTS 4096 /* different ones in a sequence */
#define MOTA_BOXES   512  /* in a frame */

struct mota_object { /* as it is */
    struct glint_box box;
    int32_t track; /* 0 <= track < MOTA_OBJECTS */
    bool counts;   /* else it may be found or not: too few points, too far away */
};

struct mota { /* start with all zero */
    int64_t objects, missed, false_boxes, switches, matches;
    double distance; /* sum over matches */
    int64_t visible_objects,
        changed; /* objects detected in all their frames; those of them whose id changed */
    struct {
        int32_t id, frames, undetected, switches;
    } of[MOTA_OBJECTS]; /* id: it had last, 0: none yet */
};

static inline double mota_value(const struct mota *m)
{
    return m->objects ? 1 - (double)(m->missed + m->false_boxes + m->switches) / (double)m->objects : 0;
}

static inline double mota_apart(const struct glint_box *a, const struct glint_box *b)
{
    return hypot((double)(a->center[0] - b->center[0]), (double)(a->center[1] - b->center[1]));
}

/* One frame: boxes with an id are tracks. A pair of the frame before stays where it still can, the rest is
 * paired by least distance, at most 2 m, whatever the class. */
static inline void mota_frame(struct mota *m, const struct mota_object *o, int32_t n,
                              const struct glint_box *boxes, int32_t n_boxes)
{
    static double cost[MOTA_BOXES * MOTA_BOXES];
    static int32_t column[MOTA_BOXES], index[MOTA_BOXES];
    int32_t k = 0;
    for (int32_t i = 0; i < n_boxes && k < MOTA_BOXES; i++)
        if (boxes[i].id >= 0)
            index[k++] = i;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < k; j++) {
            const double d = mota_apart(&o[i].box, &boxes[index[j]]);
            const bool same = m->of[o[i].track].id == boxes[index[j]].id && m->of[o[i].track].id > 0;
            cost[i * k + j] = d > 2 ? INFINITY : same ? d - 100 : d;
        }
    assert_int_equal(glint_assign(cost, n, k, column), 0);
    int32_t n_paired = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t id = column[i] >= 0 ? boxes[index[column[i]]].id : 0, before = m->of[o[i].track].id;
        n_paired += column[i] >= 0;
        if (id > 0 && before > 0 && id != before) {
            m->switches += o[i].counts;
            m->of[o[i].track].switches++;
        }
        if (id > 0) {
            m->of[o[i].track].id = id;
            m->distance += mota_apart(&o[i].box, &boxes[index[column[i]]]);
            m->matches++;
        }
        m->objects += o[i].counts;
        m->missed += o[i].counts && column[i] < 0;
    }
    m->false_boxes += k - n_paired;
}

/* ---- the plain tracker: nearest centre, best score first (X. Zhou et al., Objects as Points, 2020; T. Yin
 * et al., CenterPoint, CVPR 2021), in the world of the poses; without velocities of a network those of the
 * last two places are used. ---- */

struct nearest_track {
    double x, y, vx, vy;
    int32_t id, label, unseen;
};

struct nearest {
    int32_t n, next_id;
    struct nearest_track track[4096];
    double reach_m[4]; /* by label: car, pedestrian, cyclist, truck */
    double birth_score;
    bool use_velocity;
};

static inline void nearest_world(const struct glint_frame *f, const struct glint_box *b, double out[2])
{
    const double *q = f->pose_rotation;
    const double yaw =
        f->has_pose ? atan2(2 * (q[1] * q[2] + q[0] * q[3]), 1 - 2 * (q[2] * q[2] + q[3] * q[3])) : 0;
    const double x = (double)b->center[0], y = (double)b->center[1];
    out[0] = cos(yaw) * x - sin(yaw) * y + (f->has_pose ? f->pose_position[0] : 0);
    out[1] = sin(yaw) * x + cos(yaw) * y + (f->has_pose ? f->pose_position[1] : 0);
}

static inline int32_t nearest_find(const struct nearest *t, const bool *taken, int32_t label,
                                   const double at[2])
{
    int32_t best = -1;
    double least = t->reach_m[label & 3];
    for (int32_t i = 0; i < t->n; i++) {
        const double d = hypot(t->track[i].x - at[0], t->track[i].y - at[1]);
        if (!taken[i] && t->track[i].label == label && d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

/* Sets the ids of the frame's boxes. */
static inline void nearest_run(struct nearest *t, struct glint_frame *f, double dt_s)
{
    static bool taken[4096], done[MOTA_BOXES * 8];
    memset(taken, 0, sizeof taken);
    memset(done, 0, sizeof done);
    for (int32_t i = 0; i < t->n; i++) {
        t->track[i].x += t->track[i].vx * dt_s;
        t->track[i].y += t->track[i].vy * dt_s;
    }
    const int32_t n_old = t->n;
    for (int32_t round = 0; round < f->n_boxes; round++) {
        int32_t b = -1;
        for (int32_t i = 0; i < f->n_boxes; i++)
            if (!done[i] && (b < 0 || f->boxes[i].score > f->boxes[b].score))
                b = i;
        done[b] = true;
        double at[2];
        nearest_world(f, &f->boxes[b], at);
        int32_t k = nearest_find(t, taken, f->boxes[b].label, at);
        f->boxes[b].id = -1;
        if (k < 0 && ((double)f->boxes[b].score < t->birth_score || t->n == 4096))
            continue;
        if (k < 0) {
            k = t->n++;
            t->track[k] = (struct nearest_track){at[0], at[1], 0, 0, ++t->next_id, f->boxes[b].label, 0};
        } else if (t->use_velocity) {
            const double dt = dt_s * (t->track[k].unseen + 1), vx = t->track[k].vx, vy = t->track[k].vy;
            t->track[k].vx = (at[0] - (t->track[k].x - vx * dt)) / dt;
            t->track[k].vy = (at[1] - (t->track[k].y - vy * dt)) / dt;
        }
        t->track[k].x = at[0];
        t->track[k].y = at[1];
        t->track[k].unseen = 0;
        taken[k] = true;
        f->boxes[b].id = t->track[k].id;
    }
    int32_t n = 0;
    for (int32_t i = 0; i < t->n; i++) {
        if (i < n_old && !taken[i] && ++t->track[i].unseen > 3)
            continue;
        t->track[n++] = t->track[i];
    }
    t->n = n;
}
#endif
