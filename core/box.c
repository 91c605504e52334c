/* core/box.c - see box.h.
 *
 * The intersection is found in the frame of the second rectangle, where that one is an upright box around the
 * origin: the corners of the first are moved there (differences of centres first, so that large map
 * coordinates cost no digits) and cut by four axis-parallel half planes (Sutherland and Hodgman). No case
 * needs an angle sort or a tolerance for "inside", so identical, contained and touching rectangles are
 * ordinary. */
#include "core/box.h"
#include <float.h>
#include <math.h>

#define PI         3.14159265358979323846
#define CAP_POINTS 19 /* 4 corners, each cut at most half as many again: 6, 9, 13, 19 */

struct polygon {
    int n;
    double p[CAP_POINTS][2];
};

void glint_rect_corners(const struct glint_rect *r, double xy[4][2])
{
    static const double side[4][2] = {{0.5, 0.5}, {-0.5, 0.5}, {-0.5, -0.5}, {0.5, -0.5}};
    const double c = cos(r->yaw), s = sin(r->yaw);
    for (int i = 0; i < 4; i++) {
        const double u = side[i][0] * r->dx, v = side[i][1] * r->dy;
        xy[i][0] = r->x + u * c - v * s;
        xy[i][1] = r->y + u * s + v * c;
    }
}

/* Keeps the part of the polygon with sign * p[axis] <= limit. */
static void cut(struct polygon *poly, int axis, double sign, double limit)
{
    struct polygon out = {0};
    for (int i = 0; i < poly->n; i++) {
        const double *p = poly->p[i], *q = poly->p[(i + 1) % poly->n];
        const double a = sign * p[axis] - limit, b = sign * q[axis] - limit;
        if (a <= 0) {
            out.p[out.n][0] = p[0];
            out.p[out.n++][1] = p[1];
        }
        if ((a < 0 && b > 0) || (a > 0 && b < 0)) {
            const double t = a / (a - b);
            const int other = 1 - axis;
            out.p[out.n][axis] = sign * limit;
            out.p[out.n++][other] = p[other] + t * (q[other] - p[other]);
        }
    }
    *poly = out;
}

/* Twice the area as a fan around the first corner, so that the size of the coordinates does not matter. */
static double area_of(const struct polygon *poly)
{
    double twice = 0;
    for (int i = 1; i + 1 < poly->n; i++) {
        const double *o = poly->p[0], *p = poly->p[i], *q = poly->p[i + 1];
        twice += (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]);
    }
    return 0.5 * twice;
}

/* The longest side of the upright box around the polygon. */
static double extent_of(const struct polygon *poly)
{
    double extent = 0;
    for (int i = 1; i < poly->n; i++)
        for (int k = 0; k < 2; k++)
            extent = fmax(extent, fabs(poly->p[i][k] - poly->p[0][k]));
    return extent;
}

/* a in the frame of b. */
static struct polygon relative_to(const struct glint_rect *a, const struct glint_rect *b)
{
    const double c = cos(b->yaw), s = sin(b->yaw), x = a->x - b->x, y = a->y - b->y;
    const struct glint_rect r = {x * c + y * s, y * c - x * s, a->dx, a->dy, a->yaw - b->yaw};
    struct polygon poly = {.n = 4};
    glint_rect_corners(&r, poly.p);
    return poly;
}

static bool is_proper(const struct glint_rect *r)
{
    return r->dx > 0 && r->dy > 0 && isfinite(r->dx) && isfinite(r->dy) && isfinite(r->x) && isfinite(r->y) &&
           isfinite(r->yaw);
}

double glint_rect_intersection(const struct glint_rect *a, const struct glint_rect *b)
{
    if (!is_proper(a) || !is_proper(b))
        return 0;
    const double reach = a->dx + a->dy + b->dx + b->dy; /* twice the sum of radii at least */
    if (fabs(a->x - b->x) > reach || fabs(a->y - b->y) > reach)
        return 0;
    struct polygon poly = relative_to(a, b);
    cut(&poly, 0, 1, 0.5 * b->dx);
    cut(&poly, 0, -1, 0.5 * b->dx);
    cut(&poly, 1, 1, 0.5 * b->dy);
    cut(&poly, 1, -1, 0.5 * b->dy);
    const double area = area_of(&poly);
    /* Rectangles that touch leave a sliver as thick as the rounding of the coordinates: no overlap. */
    return area > 4 * DBL_EPSILON * reach * extent_of(&poly) ? area : 0;
}

double glint_rect_iou(const struct glint_rect *a, const struct glint_rect *b)
{
    const double both = glint_rect_intersection(a, b);
    return both / fmax(a->dx * a->dy + b->dx * b->dy - both, 1e-8);
}

double glint_cuboid_iou(const struct glint_cuboid *a, const struct glint_cuboid *b)
{
    const double low = fmax(a->z - 0.5 * a->dz, b->z - 0.5 * b->dz);
    const double high = fmin(a->z + 0.5 * a->dz, b->z + 0.5 * b->dz);
    if (!(high > low))
        return 0;
    const double both = glint_rect_intersection(&a->base, &b->base) * (high - low);
    const double either = a->base.dx * a->base.dy * a->dz + b->base.dx * b->base.dy * b->dz - both;
    return both > 0 && either > 0 ? both / either : 0;
}

struct glint_rect glint_box_rect(const struct glint_box *box)
{
    return (struct glint_rect){box->center[0], box->center[1], box->size[0], box->size[1], box->yaw};
}

double glint_wrap_angle(double rad)
{
    const double r = remainder(rad, 2 * PI); /* in [-pi, pi] */
    return r <= -PI ? PI : r;
}
