/* eval/waymo_iou.h - overlap of Waymo boxes: as the official metrics library computes it, quirks included, or
 * exactly.
 *
 * The official polygon intersection (edge chasing) sometimes finds no overlap of two rectangles that coincide
 * but for rounding, typically the same box turned by pi; official numbers contain that. Both are in double,
 * need finite input and give values in [0, 1]. Thread-safe. */
#ifndef GLINT_EVAL_WAYMO_IOU_H
#define GLINT_EVAL_WAYMO_IOU_H
#include <stdbool.h>

struct glint_waymo_box { /* vehicle frame, metres, radians */
    double x, y, z;      /* geometric centre */
    double length, width, height;
    double heading; /* of the length, counter-clockwise from +x */
};

/* A box with what its overlaps need: made once per box, used for every pair. */
struct glint_waymo_shape {
    struct glint_waymo_box box;
    double corner[4][2]; /* counter-clockwise, as the official library orders and rounds them */
    double low[2], high[2];
    bool usable_2d, usable_3d; /* no dimension tiny or huge */
};
void glint_waymo_shape_init(struct glint_waymo_shape *shape, const struct glint_waymo_box *box);

enum glint_waymo_iou_kind {
    GLINT_WAYMO_IOU_3D = 0,
    GLINT_WAYMO_IOU_BEV = 1,
    GLINT_WAYMO_IOU_EXACT = 2, /* added to one of the others: exact intersection area (core/box.h) */
};

/* The order matters in the official one: prediction first. */
double glint_waymo_iou(const struct glint_waymo_shape *prediction, const struct glint_waymo_shape *truth,
                       unsigned kind);

/* Never below glint_waymo_iou() by more than rounding (1e-9), and much cheaper: from the upright boxes around
 * the rectangles. For leaving out pairs that cannot reach a threshold. The official overlap of boxes whose
 * corners or edges lie on each other can be anything up to 1, though they only touch: all that is sure of it
 * is that boxes apart have none. */
double glint_waymo_iou_bound(const struct glint_waymo_shape *a, const struct glint_waymo_shape *b,
                             unsigned kind);
#endif
