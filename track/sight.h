/* track/sight.h - what the present points say of places where an object should be. */
#ifndef GLINT_TRACK_SIGHT_H
#define GLINT_TRACK_SIGHT_H
#include "glint/frame.h"
#include <stdbool.h>

#define GLINT_SIGHT_CAP 64 /* places at a time */

enum glint_sight {
    GLINT_SIGHT_NONE,   /* nothing: no ray goes there */
    GLINT_SIGHT_POINTS, /* points are there */
    GLINT_SIGHT_HIDDEN, /* something stands in front of it */
    GLINT_SIGHT_EMPTY   /* rays go through it */
};

struct glint_sight_place { /* in the frame of the points */
    float center[3], size[3], yaw;
    int32_t inside, through,
        before;             /* out: rays that end in it, go on behind it, or end before they reach it */
    enum glint_sight sight; /* out */
    float support;          /* out: share of the rays that reach it which end in it */
};

/* Looks along the ray of every point of the newest sweep. The lowest 25 cm of a place do not count: they are
 * the ground's. Where the frame's viewpoint is not known only the points inside are counted. One pass over
 * the points; no memory. At most GLINT_SIGHT_CAP places. */
void glint_sight(const struct glint_frame *frame, struct glint_sight_place *places, int32_t n);
#endif
