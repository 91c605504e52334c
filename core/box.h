/* core/box.h - geometry of boxes seen from above, in double. */
#ifndef GLINT_CORE_BOX_H
#define GLINT_CORE_BOX_H
#include "glint/frame.h"

struct glint_rect { /* a rotated rectangle: sides dx (along yaw) and dy, yaw counter-clockwise */
    double x, y, dx, dy, yaw;
};

/* Corners counter-clockwise from (+dx/2, +dy/2). */
void glint_rect_corners(const struct glint_rect *r, double xy[4][2]);

/* Exact area of the intersection (convex clipping); 0 for degenerate or not finite input. */
double glint_rect_intersection(const struct glint_rect *a, const struct glint_rect *b);

/* I / max(A + B - I, 1e-8), the IoU of the networks' references. */
double glint_rect_iou(const struct glint_rect *a, const struct glint_rect *b);

struct glint_cuboid { /* a rectangle with a height */
    struct glint_rect base;
    double z, dz; /* centre and extent */
};

/* Exact: overlap of the bases times overlap in z, over the union; 0 when the union is 0 or an extent is. */
double glint_cuboid_iou(const struct glint_cuboid *a, const struct glint_cuboid *b);

/* The footprint of a box, and yaw brought into (-pi, pi]. */
struct glint_rect glint_box_rect(const struct glint_box *box);
double glint_wrap_angle(double rad);
#endif
