/* model/views.h - test-time augmentation: a frame seen turned, mirrored or scaled, and the points' classes by
 * the mean of what the network says of each view. */
#ifndef GLINT_MODEL_VIEWS_H
#define GLINT_MODEL_VIEWS_H
#include "core/arena.h"
#include "glint/model.h"

#define GLINT_VIEWS_MAX 10

struct glint_views {
    int32_t n, at; /* at: the one that is run */
    struct glint_view {
        float xx, xy, yx, yy, z; /* x' = xx x + xy y, y' = yx x + yy y, z' = z z */
    } view[GLINT_VIEWS_MAX];
    int32_t cap_points, n_classes;
    float *xyz; /* 3 x cap_points: the points of the view */
    float *sum; /* cap_points x n_classes: of the views' softmax so far */
};

/* The views of a set, one of the frame itself for NONE. */
void glint_views_choose(struct glint_views *v, enum glint_views_set set);

/* Room for frames of cap_points; nothing for a single view. `arena` is fresh, the caller's to free. */
int glint_views_init(struct glint_views *v, struct glint_arena *arena, int32_t cap_points, int32_t n_classes);

/* Points of `points` as view v->at has them, in v->xyz: *out is a copy of `points` but for where they are. */
void glint_views_turn(const struct glint_views *v, const struct glint_points *points,
                      struct glint_points *out);
#endif
