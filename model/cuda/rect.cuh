/* model/cuda/rect.cuh - the IoU of rotated rectangles as core/box.c takes it, operation by operation: in
 * double, nothing fused, so that the same pairs pass a threshold. */
#ifndef GLINT_MODEL_CUDA_RECT_CUH
#define GLINT_MODEL_CUDA_RECT_CUH
#include "core/cuda/kernel.h"
#include <float.h>

#define RECT_POINTS 19 /* 4 corners, each cut at most half as many again: 6, 9, 13, 19 */

struct rect_item { /* a rectangle, its turn, and its upright bounds' half sides, somewhat more */
    double x, y, dx, dy, yaw;
    double cos, sin, half_x, half_y;
};

static __device__ __forceinline__ double mul(double a, double b)
{
    return __dmul_rn(a, b);
}
static __device__ __forceinline__ double plus(double a, double b)
{
    return __dadd_rn(a, b);
}
static __device__ __forceinline__ double minus(double a, double b)
{
    return __dsub_rn(a, b);
}

#define RECT_SLACK 1e-6 /* relative, far more than the roundings of the bounds */

static __device__ __forceinline__ struct rect_item rect_item_of(double x, double y, double dx, double dy,
                                                                double yaw)
{
    struct rect_item r = {x, y, dx, dy, yaw, cos(yaw), sin(yaw), 0.0, 0.0};
    const double c = fabs(r.cos), s = fabs(r.sin), slack = RECT_SLACK * (1 + fabs(x) + fabs(y));
    r.half_x = 0.5 * (dx * c + dy * s) * (1 + RECT_SLACK) + slack;
    r.half_y = 0.5 * (dx * s + dy * c) * (1 + RECT_SLACK) + slack;
    return r;
}

struct rect_polygon {
    int32_t n;
    double p[RECT_POINTS][2];
};

/* Keeps the part of the polygon with sign * p[axis] <= limit. */
static __device__ inline void rect_cut(struct rect_polygon &poly, int32_t axis, double sign, double limit)
{
    struct rect_polygon out;
    out.n = 0;
    for (int32_t i = 0; i < poly.n; i++) {
        const double *p = poly.p[i], *q = poly.p[i + 1 < poly.n ? i + 1 : 0];
        const double a = minus(mul(sign, p[axis]), limit), b = minus(mul(sign, q[axis]), limit);
        if (a <= 0) {
            out.p[out.n][0] = p[0];
            out.p[out.n++][1] = p[1];
        }
        if ((a < 0 && b > 0) || (a > 0 && b < 0)) {
            const double t = __ddiv_rn(a, minus(a, b));
            const int32_t other = 1 - axis;
            out.p[out.n][axis] = mul(sign, limit);
            out.p[out.n++][other] = plus(p[other], mul(t, minus(q[other], p[other])));
        }
    }
    poly = out;
}

/* Twice the area as a fan around the first corner. */
static __device__ inline double rect_area(const struct rect_polygon &poly)
{
    double twice = 0;
    for (int32_t i = 1; i + 1 < poly.n; i++) {
        const double *o = poly.p[0], *p = poly.p[i], *q = poly.p[i + 1];
        twice = plus(twice, minus(mul(minus(p[0], o[0]), minus(q[1], o[1])),
                                  mul(minus(p[1], o[1]), minus(q[0], o[0]))));
    }
    return mul(0.5, twice);
}

static __device__ inline double rect_extent(const struct rect_polygon &poly)
{
    double extent = 0;
    for (int32_t i = 1; i < poly.n; i++)
        for (int32_t k = 0; k < 2; k++)
            extent = fmax(extent, fabs(minus(poly.p[i][k], poly.p[0][k])));
    return extent;
}

/* a in the frame of b. */
static __device__ inline void rect_relative(const struct rect_item &a, const struct rect_item &b,
                                            struct rect_polygon &out)
{
    const double x = minus(a.x, b.x), y = minus(a.y, b.y), yaw = minus(a.yaw, b.yaw);
    const double rx = plus(mul(x, b.cos), mul(y, b.sin)), ry = minus(mul(y, b.cos), mul(x, b.sin));
    const double c = cos(yaw), s = sin(yaw);
    out.n = 4;
    for (int32_t i = 0; i < 4; i++) {
        const double u = mul(i == 0 || i == 3 ? 0.5 : -0.5, a.dx), v = mul(i < 2 ? 0.5 : -0.5, a.dy);
        out.p[i][0] = minus(plus(rx, mul(u, c)), mul(v, s));
        out.p[i][1] = plus(plus(ry, mul(u, s)), mul(v, c));
    }
}

static __device__ inline bool is_finite(double v)
{
    return fabs(v) <= DBL_MAX;
}

static __device__ inline bool rect_proper(const struct rect_item &r)
{
    return r.dx > 0 && r.dy > 0 && is_finite(r.dx) && is_finite(r.dy) && is_finite(r.x) && is_finite(r.y) &&
           is_finite(r.yaw);
}

static __device__ inline double rect_intersection(const struct rect_item &a, const struct rect_item &b)
{
    if (!rect_proper(a) || !rect_proper(b))
        return 0;
    const double reach = plus(plus(plus(a.dx, a.dy), b.dx), b.dy);
    if (fabs(minus(a.x, b.x)) > reach || fabs(minus(a.y, b.y)) > reach)
        return 0;
    struct rect_polygon poly;
    rect_relative(a, b, poly);
    rect_cut(poly, 0, 1, mul(0.5, b.dx));
    rect_cut(poly, 0, -1, mul(0.5, b.dx));
    rect_cut(poly, 1, 1, mul(0.5, b.dy));
    rect_cut(poly, 1, -1, mul(0.5, b.dy));
    const double area = rect_area(poly);
    return area > mul(mul(4 * DBL_EPSILON, reach), rect_extent(poly)) ? area : 0;
}

static __device__ inline double rect_iou(const struct rect_item &a, const struct rect_item &b)
{
    const double both = rect_intersection(a, b);
    return __ddiv_rn(both, fmax(minus(plus(mul(a.dx, a.dy), mul(b.dx, b.dy)), both), 1e-8));
}

/* No less than the common area: b cut by the bounds of a in b's frame. */
static __device__ inline double rect_most_common(const struct rect_item &a, const struct rect_item &b,
                                                 double rel_cos, double rel_sin)
{
    const double x = a.x - b.x, y = a.y - b.y, c = fabs(rel_cos), s = fabs(rel_sin);
    const double u = fabs(x * b.cos + y * b.sin), v = fabs(y * b.cos - x * b.sin);
    const double half_u = 0.5 * (a.dx * c + a.dy * s), half_v = 0.5 * (a.dx * s + a.dy * c);
    const double slack = 1e-9 * (a.dx + a.dy + b.dx + b.dy);
    const double along = fmin(fmin(half_u + 0.5 * b.dx - u, b.dx), 2 * half_u) + slack;
    const double across = fmin(fmin(half_v + 0.5 * b.dy - v, b.dy), 2 * half_v) + slack;
    return along > 0 && across > 0 ? along * across : 0;
}

/* Whether IoU(a, b) > threshold: by bounds that are certain, as in model/nms.c, else by the IoU. */
static __device__ inline bool rect_suppresses(const struct rect_item &a, const struct rect_item &b,
                                              double threshold)
{
    if (!(fabs(a.x - b.x) <= a.half_x + b.half_x && fabs(a.y - b.y) <= a.half_y + b.half_y)) /* NaN: far */
        return false;
    const double area_a = a.dx * a.dy, area_b = b.dx * b.dy;
    const double wanted = threshold * (area_a + area_b) / (1 + threshold) * (1 - 1e-9);
    const double rel_cos = a.cos * b.cos + a.sin * b.sin, rel_sin = a.sin * b.cos - a.cos * b.sin;
    if (fmin(area_a, area_b) <= wanted || rect_most_common(a, b, rel_cos, rel_sin) <= wanted ||
        rect_most_common(b, a, rel_cos, -rel_sin) <= wanted)
        return false;
    return rect_iou(a, b) > threshold;
}
#endif
